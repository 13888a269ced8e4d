//! The guard behind its HTTP interface: asks for a clearance, checks it against what this process knows, redeems it.
//!
//! `POST /v1/guard/clearances`, then, for the signing stage, `POST /v1/guard/redemptions` (`docs/clearances.md`). The
//! idempotency key holds the hash of the body as it came, its arrival and the caller, so that the guard's journal has them
//! before anything else of the question. Whatever is not exactly a verdict is *held*.

use super::checks::{Cleared, Distrust, Pins};
use super::client::{Answer, Client};
use super::{Ask, Guard, Later, Verdict};
use crate::claims::Stage;
use crate::json::Json;
use crate::mapping::Mapping;
use crate::raw::{self, Payload};
use crate::store::{Spent, Store};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keepwhole_payload::Kind;
use keepwhole_verify::json::to_hex;
use sha2::{Digest as _, Sha256};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// The time of day, so that tests can step it.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Milliseconds since the epoch by the system; 0 where its clock stands before it.
#[must_use]
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0))
    })
}

/// The guard on the main host.
pub struct HttpGuard {
    client: Client,
    signer: Client,
    pins: Pins,
    mapping: Arc<Mapping>,
    store: Arc<Mutex<Store>>,
    clock: Clock,
}

/// What the guard said, before anything is believed.
enum Said {
    Cleared(Json),
    Other(Verdict),
}

impl HttpGuard {
    /// The guard at the clients' place: the first asks for clearances, the second, with a token of another scope,
    /// redeems them.
    #[must_use]
    pub fn new(
        (client, signer): (Client, Client),
        pins: Pins,
        mapping: Arc<Mapping>,
        store: Arc<Mutex<Store>>,
        clock: Clock,
    ) -> Self {
        Self {
            client,
            signer,
            pins,
            mapping,
            store,
            clock,
        }
    }

    async fn asked(&self, ask: &Ask) -> Verdict {
        let payload = self.payload(ask);
        let body = match (ask.incident, &ask.claims.raw) {
            (Some(kind), Some(raw)) => clearance_request(ask, kind, &raw.bytes),
            _ => clearance_request(ask, payload.outcome.kind, &payload.bytes),
        };
        let key = idempotency_key("c", ask);
        let said = self.client.post("/v1/guard/clearances", &key, body).await;
        let text = match said.map(|answer| verdict(&answer, &["cleared", "held", "denied"])) {
            Ok(Said::Cleared(text)) => text,
            Ok(Said::Other(verdict)) => return verdict,
            Err(error) => return unheard(&error),
        };
        if ask.incident.is_some() {
            // The guard cleared bytes that are not what the vendor says. Nothing is redeemed.
            return Verdict::held("guard_cleared_mismatch");
        }
        let now = (self.clock)();
        let cleared = Cleared::read(&text).and_then(|cleared| {
            self.pins.check(&cleared, ask, &payload, now)?;
            Ok(cleared)
        });
        match cleared {
            Ok(_) if ask.stage != Stage::Signing => Verdict::Cleared,
            Ok(cleared) => self.redeem(ask, &cleared, now).await,
            Err(distrust) => distrusted(&distrust),
        }
    }

    /// The bytes, where the vendor shows them and they were found to be what it says; else its claims.
    fn payload(&self, ask: &Ask) -> Payload {
        let raw = ask.claims.raw.as_ref();
        let judged = raw.and_then(|raw| raw::judge(raw, &ask.claims, &self.mapping).ok());
        judged.unwrap_or_else(|| raw::told(ask, &self.mapping))
    }

    async fn redeem(&self, ask: &Ask, cleared: &Cleared, now: u64) -> Verdict {
        if let Err(verdict) = self.count(ask, now) {
            return verdict;
        }
        let body = Json::Object(
            [
                ("clearance", cleared.clearance.to_text()),
                ("signature", cleared.signature.clone()),
                ("signer", self.pins.signer.clone()),
            ]
            .map(|(key, value)| (key.to_owned(), Json::Text(value)))
            .into(),
        );
        let key = idempotency_key("r", ask);
        let path = "/v1/guard/redemptions";
        let said = self.signer.post(path, &key, body.spelled()).await;
        let text = match said.map(|answer| verdict(&answer, &["redeemed", "held", "denied"])) {
            Ok(Said::Cleared(text)) => text,
            Ok(Said::Other(verdict)) => return verdict,
            Err(error) => return unheard(&error),
        };
        match self.pins.check_redemption(&text, cleared, (self.clock)()) {
            Ok(()) => Verdict::Cleared,
            Err(distrust) => distrusted(&distrust),
        }
    }

    /// One transaction for each withdrawal, and no more in an hour than this process allows, whatever the guard says.
    fn count(&self, ask: &Ask, now: u64) -> Result<(), Verdict> {
        let claims = &ask.claims;
        let by = claims.paid_by(ask.vendor, &ask.account, &ask.request);
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let elsewhere = store.approved(&claims.withdrawal);
        if elsewhere.is_some_and(|other| other != by) {
            return Err(Verdict::held("withdrawal_elsewhere"));
        }
        let amount = claims.amount.to_string();
        let counted = store.spent(&claims.withdrawal);
        if counted.is_some_and(|spent| {
            spent.by == by && spent.asset == claims.asset && spent.amount == amount
        }) {
            return Ok(());
        }
        let limits = self.mapping.limits(&claims.asset);
        let Some(limits) = limits else {
            return Err(Verdict::held("asset_unknown"));
        };
        let before = store.spent_in_hour(&claims.asset, now);
        if before.saturating_add(claims.amount) > limits.per_hour {
            return Err(Verdict::held("own_cap"));
        }
        let spent = Spent {
            withdrawal: claims.withdrawal.clone(),
            by,
            asset: claims.asset.clone(),
            amount,
            at: now,
        };
        store.spend(spent).map_err(|error| {
            eprintln!("error: {error}");
            Verdict::held("store")
        })
    }
}

impl Guard for HttpGuard {
    fn ask<'a>(&'a self, ask: &'a Ask) -> Later<'a> {
        Box::pin(self.asked(ask))
    }
}

fn unheard(error: &dyn std::fmt::Display) -> Verdict {
    eprintln!("guard: no answer: {error}");
    Verdict::held("guard_unreachable")
}

fn distrusted(distrust: &Distrust) -> Verdict {
    eprintln!("guard: ALARM: its answer is not believed: {distrust}");
    Verdict::Held {
        code: format!("distrust_{}", distrust.code()),
        // What has ended never becomes good again: the next question is a new one.
        answered: matches!(distrust, Distrust::Time(_)),
    }
}

/// `<letter>.<hash of the request's identity and body>.<arrival>.<caller>`: the same for the same question only.
fn idempotency_key(letter: &str, ask: &Ask) -> String {
    let mut hasher = Sha256::new();
    for part in [
        ask.vendor.name(),
        &ask.account,
        ask.stage.name(),
        &ask.request,
    ] {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        hasher.update(length.to_be_bytes());
        hasher.update(part);
    }
    hasher.update(&ask.peer);
    let identity = to_hex(hasher.finalize().get(..10).unwrap_or_default());
    let (body, received) = (to_hex(&ask.body), ask.received);
    format!("{letter}.{body}.{received}.{identity}")
}

/// The body of `POST /v1/guard/clearances`.
fn clearance_request(ask: &Ask, kind: Kind, bytes: &[u8]) -> String {
    let text = |value: &str| Json::Text(value.to_owned());
    let bytes = STANDARD.encode(bytes);
    let about = vec![("kind", text(kind.name())), ("bytes", Json::Text(bytes))];
    let object = |members: Vec<(&str, Json)>| {
        let members = members.into_iter();
        Json::Object(
            members
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        )
    };
    object(vec![
        ("withdrawal", text(&ask.claims.withdrawal)),
        ("key", text(&ask.claims.key)),
        ("attempt", Json::Number("1".to_owned())),
        ("payload", object(about)),
    ])
    .spelled()
}

/// Reads a verdict strictly: the first of `words` is the good one. Everything else that is not a plain *denied* with
/// status 200 is *held*: an error page must never become a `REJECT`.
fn verdict(answer: &Answer, words: &[&str; 3]) -> Said {
    let [good, held, denied] = *words;
    let garbage = || Said::Other(Verdict::held("guard_answer"));
    if answer.status != 200 {
        eprintln!("guard: status {}", answer.status);
        let busy = answer.status == 503 || answer.status == 429;
        let code = if busy { "guard_busy" } else { "guard_answer" };
        return Said::Other(Verdict::held(code));
    }
    let Ok(read) = Json::parse(&answer.body) else {
        return garbage();
    };
    let Some(word) = read.member("outcome").and_then(Json::as_text) else {
        return garbage();
    };
    let reason = read.member("reasons").and_then(Json::as_list);
    let reason = reason.and_then(|reasons| reasons.first()?.member("code")?.as_text());
    let fits = |code: &&str| {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        (1..=64).contains(&code.len()) && code.bytes().all(plain)
    };
    let code = reason.filter(fits).map(str::to_owned);
    if word == good {
        Said::Cleared(read)
    } else if word == held {
        let code = code.unwrap_or_else(|| "held".to_owned());
        let answered = true;
        Said::Other(Verdict::Held { code, answered })
    } else if word == denied {
        // A denial names its rule; without one it is not a verdict of a rule. That time ran out is none either.
        Said::Other(match code {
            None => Verdict::held("guard_answer"),
            Some(code) if code.ends_with("_expired") => {
                let answered = true;
                Verdict::Held { code, answered }
            }
            Some(code) => Verdict::Denied { code },
        })
    } else {
        garbage()
    }
}
