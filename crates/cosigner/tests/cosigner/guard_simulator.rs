//! A guard over real HTTP that issues and redeems as documented, and can be told to lie, fail and hang.

use crate::harness::{DEST, HOT, NOW};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keepwhole_payload::callback::callback;
use keepwhole_payload::evm::{self, Address, Context};
use keepwhole_verify::clearance::{self, Clearance, PayloadKind, Redemption};
use keepwhole_verify::digest::Digest;
use keepwhole_verify::intent::Intent;
use keepwhole_verify::note::{Ed25519Signer, NoteSigner as _, VerifierKey};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// What the guard would say, before a test changes it.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) clearance: Clearance,
    pub(crate) intent: Intent,
    pub(crate) approvals: Option<String>,
    pub(crate) stranger: bool,
}

pub(crate) type Tamper = Box<dyn Fn(&mut Answer) + Send>;
pub(crate) type TamperRedemption = Box<dyn Fn(&mut Redemption) + Send>;

/// Its memory, and how it lies.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) asked: Vec<(String, Value)>,
    pub(crate) redeemed: Vec<(String, Value)>,
    /// Status and body in place of an answer, for clearances and for redemptions.
    pub(crate) instead: [Option<(u16, String)>; 2],
    pub(crate) hang: bool,
    /// The next attempt: those below it, but zero, are out of turn.
    pub(crate) next: u64,
    /// Its clock, seconds; that of the tests where absent.
    pub(crate) now: Option<u64>,
    pub(crate) tamper: Option<Tamper>,
    pub(crate) tamper_redemption: Option<TamperRedemption>,
}

pub(crate) struct GuardSimulator {
    pub(crate) address: String,
    pub(crate) memory: Arc<Mutex<Memory>>,
}

fn signer(seed: u8) -> Ed25519Signer {
    Ed25519Signer::new("exchange.example/log/guard", &[seed; 32]).unwrap()
}

pub(crate) fn key() -> VerifierKey {
    signer(7).key().clone()
}

pub(crate) fn intent() -> Intent {
    Intent {
        amount: 10_000_000_000_000_000,
        asset: "eip155:1/slip44:60".to_owned(),
        dest: DEST.to_lowercase(),
        expires: NOW / 1_000 + 86_400,
        id: "w-1".to_owned(),
        max_fee: 900_000_000_000_000,
        memo: String::new(),
        network: "eip155:1".to_owned(),
        wallet: "hot-1".to_owned(),
    }
}

impl GuardSimulator {
    pub(crate) async fn start() -> Self {
        let memory = Arc::new(Mutex::new(Memory::default()));
        let routes = Router::new()
            .route("/v1/guard/clearances", post(clearances))
            .route("/v1/guard/redemptions", post(redemptions))
            .with_state(Arc::clone(&memory));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self {
            address: format!("http://{address}"),
            memory,
        }
    }
}

type Said = (StatusCode, String);

fn taken(headers: &HeaderMap, body: &Bytes) -> (String, Value) {
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    assert!(key.len() <= 128 && key.bytes().all(|b| b.is_ascii_graphic()));
    (key, serde_json::from_slice(body).unwrap())
}

fn instead(told: &Option<(u16, String)>) -> Option<Said> {
    let (status, body) = told.clone()?;
    Some((StatusCode::from_u16(status).unwrap(), body))
}

async fn clearances(
    State(memory): State<Arc<Mutex<Memory>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Said {
    let hang = {
        let mut memory = memory.lock().unwrap();
        memory.asked.push(taken(&headers, &body));
        if let Some(said) = instead(&memory.instead[0]) {
            return said;
        }
        memory.hang
    };
    if hang {
        std::future::pending::<()>().await;
    }
    let memory = memory.lock().unwrap();
    let (_, asked) = memory.asked.last().unwrap();
    let attempt = asked["attempt"].as_u64().unwrap();
    if (1..memory.next).contains(&attempt) {
        let told = json!({
            "outcome": "denied", "reasons": [{ "code": "attempt_out_of_turn", "numbers": "" }],
            "next_attempt": memory.next,
        });
        return (StatusCode::OK, told.to_string());
    }
    let bytes = STANDARD
        .decode(asked["payload"]["bytes"].as_str().unwrap())
        .unwrap();
    let kind = asked["payload"]["kind"].as_str().unwrap();
    let context = Context {
        chain_id: 1,
        coin: 60,
        sender: Address::parse(HOT).unwrap(),
        safes: &[],
        multi_send: &[],
    };
    let outcome = match kind {
        "evm-tx" => evm::transaction(&bytes, &context),
        _ => callback(&bytes),
    };
    let outcome = outcome.unwrap();
    let mut intent = intent();
    let now = memory.now.unwrap_or(NOW / 1_000);
    intent.expires = now + 86_400;
    let mut answer = Answer {
        clearance: Clearance {
            attempt: u32::try_from(attempt.max(1)).unwrap(),
            build: Digest::of(b"build"),
            conflict_key: outcome.conflict_key,
            expires: now + 60,
            intent: intent.digest(),
            key: asked["key"].as_str().unwrap().to_owned(),
            payload_kind: PayloadKind::from_name(kind).unwrap(),
            policy: Digest::of(b"policy"),
            signing_digest: outcome.signing_digest,
            total_fee: outcome.fee,
        },
        intent,
        approvals: None,
        stranger: false,
    };
    if let Some(tamper) = &memory.tamper {
        tamper(&mut answer);
    }
    let by = signer(if answer.stranger { 8 } else { 7 });
    let signature = clearance::sign(&answer.clearance.sign_text(), &by).unwrap();
    let told = json!({
        "outcome": "cleared", "decision_id": "w-1", "reasons": [], "needs": [], "expires_at": null,
        "clearance": answer.clearance.to_text(), "signature": signature, "intent": answer.intent.to_text(),
        "approvals": answer.approvals, "roster": null,
    });
    (StatusCode::OK, told.to_string())
}

async fn redemptions(
    State(memory): State<Arc<Mutex<Memory>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Said {
    let mut memory = memory.lock().unwrap();
    memory.redeemed.push(taken(&headers, &body));
    if let Some(said) = instead(&memory.instead[1]) {
        return said;
    }
    let (_, asked) = memory.redeemed.last().unwrap();
    let cleared = Clearance::read(asked["clearance"].as_str().unwrap()).unwrap();
    let mut redemption = Redemption {
        at: memory.now.unwrap_or(NOW / 1_000),
        clearance: cleared.digest(),
        signer: asked["signer"].as_str().unwrap().to_owned(),
    };
    if let Some(tamper) = &memory.tamper_redemption {
        tamper(&mut redemption);
    }
    let signature = clearance::sign(&redemption.sign_text(), &signer(7)).unwrap();
    let told = json!({
        "outcome": "redeemed", "reasons": [], "redemption": redemption.to_text(), "signature": signature,
    });
    (StatusCode::OK, told.to_string())
}
