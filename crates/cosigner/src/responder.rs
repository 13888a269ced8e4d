//! The flow of one request: authenticate, read, look whether it was answered, remember it, ask, remember the answer, answer.
//!
//! ```text
//! body -> [signature] -> claims -> [known?] -> stored answer
//!                                     |
//!                                     v
//!            remembered, synced -> bytes held against claims -> guard (5 s in all) -> remembered, synced -> signed answer
//! ```

use crate::bitgo;
use crate::claims::{Claims, FormError, Stage, Unknown, Vendor};
use crate::fireblocks;
use crate::fireblocks::answer::{Action, Approvals};
use crate::fireblocks::request::WithdrawalId;
use crate::guard::http::Clock;
use crate::guard::{Ask, Guard, Verdict};
use crate::json::{Json, JsonError, shown};
use crate::jwt::{self, JwtError};
use crate::keys::{AnswerKey, Purpose, RequestKey};
use crate::mapping::Mapping;
use crate::metrics::Metrics;
use crate::raw::{self, RawFault};
use crate::store::{Answered, Asked, Store};
use keepwhole_verify::json::to_hex;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// The longest that a decision may take, from the head of the request to its answer. The vendor gives 30 s.
pub const BUDGET: Duration = Duration::from_secs(5);
/// Questions under way at once; more are told to come again.
const UNDER_WAY: usize = 64;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The body.
    pub body: Vec<u8>,
    /// Fingerprint of the caller's certificate, or its address.
    pub peer: String,
    /// When its head was there.
    pub started: Instant,
}

/// An answer to the vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Body; empty where nothing is said.
    pub body: String,
    /// What it says, for metrics and logs.
    pub word: &'static str,
}

impl Reply {
    const fn bare(status: u16, word: &'static str) -> Self {
        Self {
            status,
            body: String::new(),
            word,
        }
    }
}

/// An API user of Fireblocks.
#[derive(Debug)]
pub struct User {
    /// Co-signers (names of their keys) that may ask for it.
    pub cosigners: BTreeSet<String>,
    /// Signs the answers for it.
    pub key: AnswerKey,
}

/// The Fireblocks side.
#[derive(Debug)]
pub struct FireblocksSide {
    /// How we trust each other.
    pub mode: fireblocks::Mode,
    /// Keys of the co-signers.
    pub keys: Vec<RequestKey>,
    /// API users by id.
    pub users: BTreeMap<String, User>,
    /// The one user of co-signers that are too old to say which.
    pub silent: BTreeMap<String, String>,
    /// Where the withdrawal id stands.
    pub withdrawal: WithdrawalId,
    /// What cleared requests of the approval stage are told.
    pub approvals: Approvals,
    /// Whether signing requests without the raw transaction wait.
    pub raw_required: bool,
}

/// The BitGo side.
#[derive(Debug)]
pub struct BitGoSide {
    /// How we trust each other.
    pub mode: bitgo::Mode,
    /// Name of the enterprise in the guard's journal.
    pub account: String,
    /// BitGo's keys; replaced when the set is fetched anew.
    pub keys: RwLock<Vec<RequestKey>>,
    /// Signs our answers; `None` in plain mode.
    pub key: Option<AnswerKey>,
    /// Names of the fields.
    pub names: bitgo::Names,
    /// Whether whole numbers are amounts.
    pub amounts: bitgo::request::Amounts,
}

/// The whole process, without its sockets.
pub struct Responder {
    /// Fireblocks, where it is set up.
    pub fireblocks: Option<FireblocksSide>,
    /// BitGo, where it is set up.
    pub bitgo: Option<BitGoSide>,
    /// Names and limits.
    pub mapping: Arc<Mapping>,
    /// Who decides.
    pub guard: Arc<dyn Guard>,
    /// The memory.
    pub store: Arc<Mutex<Store>>,
    /// The time of day.
    pub clock: Clock,
    /// The longest that a decision may take.
    pub budget: Duration,
    /// Figures.
    pub metrics: Metrics,
    under_way: Mutex<BTreeSet<String>>,
}

/// Why a request gets no verdict.
#[derive(Debug)]
enum Refused {
    Token(JwtError),
    Json(JsonError),
    Form(FormError),
    Signer(String),
    OtherContent(String),
}

/// A request that was authenticated and read.
struct Read {
    vendor: Vendor,
    account: String,
    request: String,
    stage: Stage,
    content: String,
    claims: Result<Claims, Unknown>,
}

impl Read {
    /// The dedup key. The two stages of a transaction carry the same request id at this vendor and differ in content, so
    /// the stage is part of it: an answer to one is never an answer to the other.
    fn key(&self) -> String {
        let (vendor, stage) = (self.vendor.name(), self.stage.name());
        format!("{vendor}/{}/{stage}/{}", self.account, self.request)
    }
}

impl Read {
    /// What an answer of that word approves for good: a signature over one transaction.
    fn approves(&self, word: &str) -> Option<(String, String)> {
        let claims = self.claims.as_ref().ok()?;
        let signs = word == "approve" && self.stage == Stage::Signing;
        let by = claims.paid_by(self.vendor, &self.account, &self.request);
        signs.then(|| (claims.withdrawal.clone(), by))
    }
}

/// Takes a key out of those under way when the request ends, however it ends.
struct Place<'r> {
    responder: &'r Responder,
    key: String,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.responder.places().remove(&self.key);
    }
}

/// SHA-256 over the claims without those that change with each sending.
fn content_of(claims: &Json) -> String {
    let mut claims = claims.clone();
    if let Json::Object(members) = &mut claims {
        for transport in ["iat", "nbf", "exp", "jti"] {
            members.remove(transport);
        }
    }
    to_hex(&Sha256::digest(claims.spelled()))
}

impl Responder {
    /// A responder over its parts.
    #[must_use]
    pub fn new(
        sides: (Option<FireblocksSide>, Option<BitGoSide>),
        mapping: Arc<Mapping>,
        guard: Arc<dyn Guard>,
        store: Arc<Mutex<Store>>,
        (clock, budget): (Clock, Duration),
    ) -> Self {
        let now = clock();
        Self {
            fireblocks: sides.0,
            bitgo: sides.1,
            mapping,
            guard,
            store,
            clock,
            budget: budget.min(BUDGET),
            metrics: Metrics::new(now),
            under_way: Mutex::new(BTreeSet::new()),
        }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn places(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a co-signer's callback.
    pub async fn fireblocks(&self, incoming: Incoming, configuration: bool) -> Reply {
        let Some(side) = &self.fireblocks else {
            return Reply::bare(404, "unknown");
        };
        let (read, user) = match self.read_fireblocks(side, &incoming, configuration) {
            Ok(read) => read,
            Err(refused) => return self.refuse(Vendor::Fireblocks, &refused),
        };
        self.called(&format!("fireblocks/{}", read.account));
        let say = |verdict: &Verdict| {
            let action = Action::of(verdict, read.stage, side.approvals);
            let claims = action.claims(&read.request);
            let body = if side.mode.is_signed() {
                jwt::sign(&claims, &user.key).ok()?
            } else {
                claims
            };
            let word = match action {
                Action::Approve => "approve",
                Action::Reject { .. } => "reject",
                Action::Retry => "retry",
                Action::Ignore => "ignore",
            };
            let is_final = action.is_final();
            let status = 200;
            Some((Reply { status, body, word }, is_final))
        };
        self.answer(&incoming, &read, side.raw_required, say).await
    }

    fn read_fireblocks<'s>(
        &self,
        side: &'s FireblocksSide,
        incoming: &Incoming,
        configuration: bool,
    ) -> Result<(Read, &'s User), Refused> {
        let (claims, cosigner) = if side.mode.is_signed() {
            let now = (self.clock)() / 1_000;
            let purpose = Purpose::FireblocksRequest;
            let verified = jwt::verify(&incoming.body, &side.keys, purpose, now);
            let verified = verified.map_err(Refused::Token)?;
            (verified.claims, Some(verified.key))
        } else {
            let claims = Json::parse(&incoming.body).map_err(Refused::Json)?;
            (claims, None)
        };
        let content = content_of(&claims);
        let request = fireblocks::request::read(claims, configuration).map_err(Refused::Form)?;
        let silent = match (&cosigner, side.silent.len()) {
            (Some(cosigner), _) => side.silent.get(cosigner),
            (None, 1) => side.silent.values().next(),
            (None, _) => None,
        };
        let account = request.signer_id.as_ref().or(silent);
        let account = account.ok_or_else(|| Refused::Signer(String::new()))?;
        let user = side.users.get(account).filter(|user| {
            let known = |cosigner: &String| user.cosigners.contains(cosigner);
            cosigner.as_ref().is_none_or(known)
        });
        let user = user.ok_or_else(|| Refused::Signer(account.clone()))?;
        let read = Read {
            vendor: Vendor::Fireblocks,
            account: account.clone(),
            request: request.request_id.clone(),
            stage: request.stage,
            content,
            claims: request.claims(&self.mapping, side.withdrawal),
        };
        Ok((read, user))
    }

    /// Answers BitGo's policy webhook. `token` is what the carrier of the settings holds.
    pub async fn bitgo(&self, incoming: Incoming, token: Option<Vec<u8>>) -> Reply {
        let Some(side) = &self.bitgo else {
            return Reply::bare(404, "unknown");
        };
        let read = match self.read_bitgo(side, &incoming, token) {
            Ok(read) => read,
            Err(refused) => return self.refuse(Vendor::BitGo, &refused),
        };
        self.called(&format!("bitgo/{}", read.account));
        let now = (self.clock)() / 1_000;
        let say = |verdict: &Verdict| {
            let status = bitgo::answer::status(verdict, side.mode);
            let claims = bitgo::answer::claims(&read.request, status, now);
            let body = match &side.key {
                Some(key) => jwt::sign(&claims, key).ok()?,
                None => claims,
            };
            let word = match status {
                bitgo::answer::APPROVED => "approve",
                bitgo::answer::DENIED => "reject",
                _ => "held",
            };
            // The rule's own step begins with the first answer, so every answer stays.
            Some((Reply { status, body, word }, true))
        };
        self.answer(&incoming, &read, false, say).await
    }

    fn read_bitgo(
        &self,
        side: &BitGoSide,
        incoming: &Incoming,
        token: Option<Vec<u8>>,
    ) -> Result<Read, Refused> {
        let claims = match side.mode {
            bitgo::Mode::Plain => Json::parse(&incoming.body).map_err(Refused::Json)?,
            bitgo::Mode::Signed => {
                let now = (self.clock)() / 1_000;
                let keys = side.keys.read().unwrap_or_else(PoisonError::into_inner);
                let token = token.unwrap_or_default();
                let verified = jwt::verify(&token, &keys, Purpose::BitGoRequest, now);
                verified.map_err(Refused::Token)?.claims
            }
        };
        let content = content_of(&claims);
        let request = bitgo::request::read(claims, &side.names, side.amounts);
        let request = request.map_err(Refused::Form)?;
        Ok(Read {
            vendor: Vendor::BitGo,
            account: side.account.clone(),
            request: request.evaluation_id.clone(),
            stage: Stage::Signing,
            content,
            claims: request.claims(&self.mapping),
        })
    }

    fn called(&self, signer: &str) {
        let now = (self.clock)();
        self.metrics.called(signer, now);
        if let Err(error) = self.store().called(signer, now) {
            eprintln!("error: {error}");
        }
    }

    fn refuse(&self, vendor: Vendor, refused: &Refused) -> Reply {
        // What is foreign is shown in the log only, escaped; the caller learns nothing from a bare status.
        let (status, word, why) = match refused {
            Refused::Token(error) => (401, "unauthenticated", error.to_string()),
            Refused::Json(error) => (400, "malformed", error.to_string()),
            Refused::Form(error) => (400, "malformed", error.to_string()),
            Refused::Signer(signer) => {
                let signer = shown(signer);
                let why = format!("signer `{signer}` is not one of those of the key");
                (401, "unauthenticated", why)
            }
            Refused::OtherContent(key) => {
                let key = shown(key);
                let why = format!("request `{key}` came before with other content");
                (409, "other_content", why)
            }
        };
        eprintln!("{vendor}: refused with {status}: {why}");
        self.metrics.answered(vendor, word);
        Reply::bare(status, word)
    }

    /// Everything from the dedup to the stored answer.
    async fn answer(
        &self,
        incoming: &Incoming,
        read: &Read,
        raw_required: bool,
        say: impl Fn(&Verdict) -> Option<(Reply, bool)>,
    ) -> Reply {
        let key = read.key();
        if let Some(stored) = self.store().answered(&key) {
            if stored.content != read.content {
                return self.refuse(read.vendor, &Refused::OtherContent(key));
            }
            self.metrics.answered(read.vendor, "repeated");
            return Reply {
                status: stored.status,
                body: stored.body.clone(),
                word: "repeated",
            };
        }
        let known = self.store().content(&key).map(str::to_owned);
        if known.is_some_and(|known| known != read.content) {
            return self.refuse(read.vendor, &Refused::OtherContent(key));
        }
        let left = self.budget.saturating_sub(incoming.started.elapsed());
        let verdict = if left.is_zero() {
            Verdict::held("budget")
        } else {
            let judged = self.judge(incoming, read, raw_required);
            let judged = tokio::time::timeout(left, judged).await;
            judged.unwrap_or_else(|_| Verdict::held("budget"))
        };
        self.finish(read, &verdict, say)
    }

    fn finish(
        &self,
        read: &Read,
        verdict: &Verdict,
        say: impl Fn(&Verdict) -> Option<(Reply, bool)>,
    ) -> Reply {
        let key = read.key();
        eprintln!("{key}: {} {}", verdict.word(), verdict.code());
        let mut said = say(verdict);
        // From here to the stored answer nobody else approves anything.
        let mut store = self.store();
        let approves = said
            .as_ref()
            .and_then(|(reply, _)| read.approves(reply.word));
        if approves.is_some_and(|(withdrawal, by)| store.goes_elsewhere(&withdrawal, &by)) {
            eprintln!("{key}: another transaction was counted for its withdrawal meanwhile");
            said = say(&Verdict::held("withdrawal_elsewhere"));
        }
        let Some((reply, is_final)) = said else {
            eprintln!("error: an answer could not be signed");
            return Reply::bare(503, "fault");
        };
        let stored = if is_final {
            store.answer(Answered {
                key,
                content: read.content.clone(),
                at: (self.clock)(),
                status: reply.status,
                body: reply.body.clone(),
                word: reply.word.to_owned(),
                approves: read.approves(reply.word),
            })
        } else {
            match verdict {
                Verdict::Held { answered: true, .. } => store.close(&key),
                _ => Ok(()),
            }
        };
        drop(store);
        self.metrics.answered(read.vendor, reply.word);
        match stored {
            Ok(()) => reply,
            Err(error) => {
                // An answer that might be forgotten is not given; one that says "later" may be.
                eprintln!("error: {error}");
                self.metrics.fault();
                let later = Verdict::held("store");
                say(&later).map_or(Reply::bare(503, "fault"), |(reply, _)| reply)
            }
        }
    }

    async fn judge(&self, incoming: &Incoming, read: &Read, raw_required: bool) -> Verdict {
        let key = read.key();
        let Some(_place) = self.take_place(&key) else {
            return Verdict::held("under_way");
        };
        let asked = match self.remember(incoming, read) {
            Ok(asked) => asked,
            Err(verdict) => return verdict,
        };
        let ask = match (&read.claims, keepwhole_verify::json::parse_hex(&asked.body)) {
            (Err(unknown), _) => return unknown_verdict(&key, unknown),
            (Ok(_), None) => return Verdict::held("store"),
            (Ok(claims), Some(body)) => Ask {
                vendor: read.vendor,
                account: read.account.clone(),
                request: read.request.clone(),
                stage: read.stage,
                body,
                received: asked.received,
                peer: asked.peer,
                claims: claims.clone(),
                incident: None,
            },
        };
        match &ask.claims.raw {
            None if raw_required && ask.stage == Stage::Signing => Verdict::held("raw_missing"),
            None => self.guard.ask(&ask).await,
            Some(raw) => match raw::judge(raw, &ask.claims, &self.mapping) {
                Ok(_) => self.guard.ask(&ask).await,
                Err(RawFault::Unknown(unknown)) => unknown_verdict(&key, &unknown),
                Err(RawFault::Mismatch { says, kind }) => {
                    let incident = Some(kind);
                    self.mismatch(&key, Ask { incident, ..ask }, &says).await
                }
            },
        }
    }

    fn take_place(&self, key: &str) -> Option<Place<'_>> {
        let mut places = self.places();
        if places.len() >= UNDER_WAY || !places.insert(key.to_owned()) {
            return None;
        }
        Some(Place {
            responder: self,
            key: key.to_owned(),
        })
    }

    /// Remembers the question before anybody is asked. One whose answer never came keeps its first arrival, so that the
    /// guard sees the same question.
    fn remember(&self, incoming: &Incoming, read: &Read) -> Result<Asked, Verdict> {
        let key = read.key();
        let mut store = self.store();
        if let Some(known) = store.open_question(&key) {
            return Ok(known.clone());
        }
        let asked = Asked {
            key,
            content: read.content.clone(),
            body: to_hex(&Sha256::digest(&incoming.body)),
            received: (self.clock)(),
            peer: incoming.peer.clone(),
        };
        store.ask(asked.clone()).map_err(|error| {
            eprintln!("error: {error}");
            self.metrics.fault();
            Verdict::held("store")
        })?;
        Ok(asked)
    }

    /// Bytes that are not what the vendor says: denied here whatever the guard would say, remembered, and reported.
    async fn mismatch(&self, key: &str, ask: Ask, says: &str) -> Verdict {
        eprintln!("{key}: ALARM: payload_mismatch: {says}");
        self.metrics.incident();
        let at = (self.clock)();
        if let Err(error) = self.store().incident(key, at, says) {
            eprintln!("error: {error}");
            return Verdict::held("store");
        }
        // The report must not cost the answer: a guard that hangs would turn a denial into "later".
        let report = tokio::time::timeout(self.budget / 4, self.guard.ask(&ask)).await;
        let word = report.map_or("no answer", |verdict| verdict.word());
        eprintln!("{key}: reported to the guard: {word}");
        Verdict::Denied {
            code: "payload_mismatch".to_owned(),
        }
    }
}

fn unknown_verdict(key: &str, unknown: &Unknown) -> Verdict {
    eprintln!("{key}: {unknown}");
    Verdict::held(unknown.code)
}
