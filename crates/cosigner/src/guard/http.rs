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
        let about = match (ask.incident, &ask.claims.raw) {
            (Some(kind), Some(raw)) => (kind, &raw.bytes),
            _ => (payload.outcome.kind, &payload.bytes),
        };
        let text = match self.decided(ask, about).await {
            Ok(text) => text,
            Err(verdict) => return verdict,
        };
        if ask.incident.is_some() {
            // The guard cleared bytes that are not what the vendor says. Nothing is redeemed.
            return Verdict::held("guard_cleared_mismatch");
        }
        let now = (self.clock)();
        if ask.stage != Stage::Signing {
            let believed = self.pins.check_approval(&text, ask, now);
            return believed.map_or_else(|distrust| distrusted(&distrust), |()| Verdict::Cleared);
        }
        let cleared = Cleared::read(&text).and_then(|cleared| {
            self.pins.check(&cleared, ask, &payload, now)?;
            Ok(cleared)
        });
        match cleared {
            Ok(cleared) => self.redeem(ask, &cleared, &payload, now).await,
            Err(distrust) => distrusted(&distrust),
        }
    }

    /// The guard's answer where it cleared. Attempts follow each other, and the guard knows which is the next: one that ended
    /// unredeemed and one that is replaced keep their numbers. What signs nothing is no attempt.
    async fn decided(&self, ask: &Ask, (kind, bytes): (Kind, &Vec<u8>)) -> Result<Json, Verdict> {
        let signs = ask.stage == Stage::Signing && ask.incident.is_none();
        let mut attempt = u32::from(signs);
        for _ in 0..ATTEMPTS {
            let body = clearance_request(ask, attempt, kind, bytes);
            let key = idempotency_key("c", attempt, ask);
            let said = self.client.post("/v1/guard/clearances", &key, body).await;
            let answer = said.map_err(|error| unheard(&error))?;
            match verdict(&answer, &["cleared", "held", "denied"]) {
                Said::Cleared(text) => return Ok(text),
                Said::Other(Verdict::Denied { code }) if signs && code == OUT_OF_TURN => {
                    let next = next_attempt(&answer).filter(|next| *next > attempt);
                    attempt = next.ok_or_else(|| Verdict::held("guard_answer"))?;
                }
                Said::Other(verdict) => return Err(verdict),
            }
        }
        Err(Verdict::held(OUT_OF_TURN))
    }

    /// The bytes, where the vendor shows them and they were found to be what it says; else its claims.
    fn payload(&self, ask: &Ask) -> Payload {
        let raw = ask.claims.raw.as_ref();
        let judged = raw.and_then(|raw| raw::judge(raw, &ask.claims, &self.mapping).ok());
        judged.unwrap_or_else(|| raw::told(ask, &self.mapping))
    }

    async fn redeem(&self, ask: &Ask, cleared: &Cleared, payload: &Payload, now: u64) -> Verdict {
        if let Err(verdict) = self.count(ask, cleared, payload, now) {
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
        let key = idempotency_key("r", cleared.clearance.attempt, ask);
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

    /// One transaction for each withdrawal, or one that replaces it for a higher fee, and no more in an hour than this
    /// process allows, fees included, whatever the guard says.
    fn count(
        &self,
        ask: &Ask,
        cleared: &Cleared,
        payload: &Payload,
        now: u64,
    ) -> Result<(), Verdict> {
        let claims = &ask.claims;
        let network = self.mapping.network(&claims.network);
        let coin = network.map_or(0, |network| network.coin);
        let shown = payload.outcome.kind != Kind::VendorCallback;
        let conflict_key = Some(&payload.outcome.conflict_key).filter(|_| shown);
        let spent = Spent {
            withdrawal: claims.withdrawal.clone(),
            by: claims.paid_by(ask.vendor, &ask.account, &ask.request),
            asset: claims.asset.clone(),
            amount: claims.amount.to_string(),
            at: now,
            coin: format!("{}/slip44:{coin}", claims.network),
            fee: cleared.clearance.total_fee.to_string(),
            conflict_key: conflict_key.cloned().unwrap_or_default(),
        };
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = store.spent(&claims.withdrawal);
        let elsewhere = store.approved(&claims.withdrawal);
        if elsewhere.is_some_and(|other| other != spent.by) {
            let bump = |before: &Spent| spent.replaces(before) && spent.paid() > before.paid();
            if !counted.is_some_and(bump) {
                return Err(Verdict::held("withdrawal_elsewhere"));
            }
        }
        let same = |before: &Spent| {
            (&before.by, &before.asset, &before.amount) == (&spent.by, &spent.asset, &spent.amount)
                && before.paid() >= spent.paid()
        };
        if counted.is_some_and(same) {
            return Ok(());
        }
        for (asset, units) in store.counts(&spent) {
            let limits = self.mapping.limits(&asset);
            let limits = limits.ok_or_else(|| Verdict::held("asset_unknown"))?;
            let before = store.spent_in_hour(&asset, now);
            if before.saturating_add(units) > limits.per_hour {
                return Err(Verdict::held("own_cap"));
            }
        }
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

/// Most attempts that are gone through in one question.
const ATTEMPTS: u32 = 16;
/// The guard's code for an attempt that is not the next.
const OUT_OF_TURN: &str = "attempt_out_of_turn";

/// The number that such an answer names.
fn next_attempt(answer: &Answer) -> Option<u32> {
    let read = Json::parse(&answer.body).ok()?;
    match read.member("next_attempt")? {
        Json::Number(next) => next.parse().ok(),
        _ => None,
    }
}

/// `<letter>.<hash of the body>.<arrival>.<hash of identity and caller>`, and of a later attempt its number: the same for
/// the same question only.
fn idempotency_key(letter: &str, attempt: u32, ask: &Ask) -> String {
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
    let later = if attempt > 1 {
        format!(".{attempt}")
    } else {
        String::new()
    };
    format!("{letter}.{body}.{received}.{identity}{later}")
}

/// The body of `POST /v1/guard/clearances`.
fn clearance_request(ask: &Ask, attempt: u32, kind: Kind, bytes: &[u8]) -> String {
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
        ("attempt", Json::Number(attempt.to_string())),
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
