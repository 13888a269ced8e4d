//! One signing request, from bytes to a permit: the order of the checks.

use crate::admission::{self, Before};
use crate::caps::{Count, Window};
use crate::clock::{Clock, MachineClock};
use crate::decoding::{self, Decoded};
use crate::heads::{self, Head, LogSource, Refused, Seen};
use crate::people;
use crate::redemption::{self, Redeem};
use crate::refusal::Refusal;
use crate::request::{Parts, Request};
use crate::settings::{Redemption, Settings};
use crate::store::{Record, State, Store, StoreError};
use crate::transport::Http;
use core::fmt;
use core::time::Duration;
use keepwhole_payload::{Outcome, ToSign};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

/// Longest that one tile or head may take, seconds.
const LOG_PATIENCE: u64 = 5;

/// What may be signed now, with which key. Only [`Signer::sign`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    key: String,
    outcome: Outcome,
    approved: bool,
    again: bool,
}

impl Permit {
    /// Id of the key that signs.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What it signs, in order of inputs.
    #[must_use]
    pub fn to_sign(&self) -> &[ToSign] {
        &self.outcome.to_sign
    }

    /// What the bytes would do.
    #[must_use]
    pub const fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Whether people approved it.
    #[must_use]
    pub const fn is_approved(&self) -> bool {
        self.approved
    }

    /// Whether the same clearance was permitted before.
    #[must_use]
    pub const fn is_again(&self) -> bool {
        self.again
    }
}

/// Why a signer can't start.
#[derive(Debug)]
pub enum OpenError {
    /// Its memory.
    Store(StoreError),
    /// The file with the token.
    Token {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Files of TLS: which, and why.
    Tls(String),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Token { path, why } => write!(f, "token file `{}`: {why}", path.display()),
            Self::Tls(why) => write!(f, "tls: {why}"),
        }
    }
}

impl core::error::Error for OpenError {}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What is known of the head since the start.
#[derive(Clone, Copy, Debug, Default)]
struct Looked {
    at: u64,
    witnessed: u64,
}

/// A signer's checks with their memory.
pub struct Signer {
    settings: Settings,
    store: Mutex<Store>,
    looked: Mutex<Option<Looked>>,
    clock: Box<dyn Clock>,
    log: Box<dyn LogSource>,
    redeem: Box<dyn Redeem>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.settings.name)
    }
}

/// A counted attempt that waits for its redemption.
struct Begun {
    redeemed: bool,
}

impl Signer {
    /// Opens the memory below `folder`, where the settings lie, and speaks HTTP with the guard.
    ///
    /// # Errors
    /// [`OpenError`]; with any of them nothing may be signed.
    pub fn open(settings: Settings, folder: &Path) -> Result<Self, OpenError> {
        let store = Store::open(&folder.join(&settings.state), &settings.name)?;
        let tls = settings.tls.as_ref().map(|files| files.below(folder));
        let log = Http::new(&settings.log.url, None, Duration::from_secs(LOG_PATIENCE));
        let log = log.with_tls(tls.as_ref()).map_err(OpenError::Tls)?;
        let redeem = match &settings.redemption {
            Redemption::Online {
                url,
                token_file,
                patience,
            } => {
                let token = token_file.as_ref().map(|file| token(&folder.join(file)));
                Http::new(url, token.transpose()?, Duration::from_secs(*patience))
                    .with_tls(tls.as_ref())
                    .map_err(OpenError::Tls)?
            }
            Redemption::Offline { .. } => Http::new("", None, Duration::ZERO),
        };
        let (clock, log, redeem) = (Box::new(MachineClock), Box::new(log), Box::new(redeem));
        Ok(Self::of_parts(settings, store, clock, log, redeem))
    }

    /// A signer of its parts, for transports and clocks of one's own.
    #[must_use]
    pub fn of_parts(
        settings: Settings,
        store: Store,
        clock: Box<dyn Clock>,
        log: Box<dyn LogSource>,
        redeem: Box<dyn Redeem>,
    ) -> Self {
        Self {
            settings,
            store: Mutex::new(store),
            looked: Mutex::new(None),
            clock,
            log,
            redeem,
        }
    }

    /// What is pinned.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Says what may be signed, or why nothing is.
    ///
    /// Order: strict reading; guard's signature, intent, pinned digests, times, key; bytes; people; attempt and caps;
    /// head of the log; counting, durably; redemption. What was counted is never given back.
    ///
    /// # Errors
    /// The first refusal.
    pub fn sign(&self, request: &Request<'_>) -> Result<Permit, Refusal> {
        let parts = request.read()?;
        let now = self.now(&*self.store()?)?;
        let key = admission::admit(request, &parts, &self.settings, now)?;
        let decoded = decoding::check(&parts, request.payload, key)?;
        let approved = self.check_limits(&parts, &decoded, now)?;
        let counts = |state: &State, now| {
            let before = admission::check_attempt(&parts, &decoded.spends, state)?;
            self.counts(&parts, &decoded, approved, before, state, now)
        };
        counts(self.store()?.state(), now)?;
        self.check_offline(&parts, now)?;
        self.check_head(now)?;
        let begun = {
            // Whatever came in between is seen here: this is where it is decided.
            let mut store = self.store()?;
            let now = self.now(&store)?;
            admission::check_times(&parts, &self.settings, now)?;
            let before = admission::check_attempt(&parts, &decoded.spends, store.state())?;
            let counts = counts(store.state(), now)?;
            self.begin(&parts, &decoded, before, counts, now, &mut store)?
        };
        if !begun.redeemed {
            self.redeem(request, &parts)?;
        }
        Ok(Permit {
            key: parts.clearance.key,
            outcome: decoded.outcome,
            approved,
            again: begun.redeemed,
        })
    }

    pub(crate) fn store(&self) -> Result<MutexGuard<'_, Store>, Refusal> {
        let store = self.store.lock().map_err(|_| Refusal::StoreFailed {
            why: "an earlier request ended in the middle".to_owned(),
        })?;
        if store.has_failed() {
            let why = StoreError::Failed.to_string();
            return Err(Refusal::StoreFailed { why });
        }
        Ok(store)
    }

    /// The own time, never before anything that was seen.
    pub(crate) fn now(&self, store: &Store) -> Result<u64, Refusal> {
        let (now, seen) = (self.clock.now(), store.state().latest());
        if now.saturating_add(self.settings.guard.clock_tolerance) < seen {
            return Err(Refusal::ClockBehind { now, seen });
        }
        Ok(now.max(seen))
    }

    /// Limits per signing; gives whether people approved.
    fn check_limits(&self, parts: &Parts, decoded: &Decoded, now: u64) -> Result<bool, Refusal> {
        let asset = |name: &String| {
            let unknown = || Refusal::AssetUnknown {
                asset: name.clone(),
            };
            self.settings.assets.get(name).ok_or_else(unknown)
        };
        let coin = asset(&decoded.outcome.fee_asset)?;
        if decoded.fee > coin.fee_limit {
            return Err(Refusal::FeeAboveLimit {
                fee: decoded.fee,
                limit: coin.fee_limit,
                asset: decoded.outcome.fee_asset.clone(),
            });
        }
        people::check(parts, asset(&parts.intent.asset)?, &self.settings, now)
    }

    /// What has to be counted now; refused where a cap would be passed.
    fn counts(
        &self,
        parts: &Parts,
        decoded: &Decoded,
        approved: bool,
        before: Before,
        state: &State,
        now: u64,
    ) -> Result<Vec<Count>, Refusal> {
        let Before::Fresh { counted, fee } = before else {
            return Ok(Vec::new());
        };
        let value = if counted { 0 } else { parts.intent.amount };
        let fee = decoded.fee.saturating_sub(fee);
        let mut asked = vec![(&parts.intent.asset, value)];
        match asked.first_mut() {
            Some((asset, amount)) if **asset == decoded.outcome.fee_asset => {
                *amount = amount.saturating_add(fee);
            }
            _ => asked.push((&decoded.outcome.fee_asset, fee)),
        }
        for (asset, amount) in &asked {
            let caps = self.settings.assets.get(*asset);
            let caps = caps.ok_or_else(|| Refusal::AssetUnknown {
                asset: (*asset).clone(),
            })?;
            for window in Window::ALL {
                if approved && !window.counts_approved() {
                    continue;
                }
                let (cap, used) = (caps.caps.of(window), state.used(asset, window, now));
                if used.checked_add(*amount).is_none_or(|sum| sum > cap) {
                    return Err(Refusal::CapReached {
                        asset: (*asset).clone(),
                        window: window.name(),
                        cap,
                        used,
                        asked: *amount,
                    });
                }
            }
        }
        let count = |(asset, amount): (&String, u128)| Count {
            asset: asset.clone(),
            amount,
            approved,
        };
        Ok(asked.into_iter().map(count).collect())
    }

    fn check_offline(&self, parts: &Parts, now: u64) -> Result<(), Refusal> {
        let left = parts.clearance.expires.saturating_sub(now);
        match self.settings.redemption {
            Redemption::Offline { most } if left > most => {
                Err(Refusal::OfflineTooLong { left, most })
            }
            _ => Ok(()),
        }
    }

    fn begin(
        &self,
        parts: &Parts,
        decoded: &Decoded,
        before: Before,
        counts: Vec<Count>,
        now: u64,
        store: &mut Store,
    ) -> Result<Begun, Refusal> {
        if let Before::Same { redeemed } = before {
            return Ok(Begun { redeemed });
        }
        let clearance = &parts.clearance;
        remember(
            store,
            &Record::Begun {
                at: now,
                intent: *clearance.intent.as_bytes(),
                intent_expires: parts.intent.expires,
                attempt: u64::from(clearance.attempt),
                clearance: *clearance.digest().as_bytes(),
                spends: decoded.spends.clone(),
                fee: decoded.fee,
                counts,
            },
        )?;
        Ok(Begun { redeemed: false })
    }

    /// Online, the guard says yes; offline, that it was begun is all there is. Then it is remembered as redeemed.
    fn redeem(&self, request: &Request<'_>, parts: &Parts) -> Result<(), Refusal> {
        let clearance = &parts.clearance;
        if let Redemption::Online { .. } = self.settings.redemption {
            let name = &self.settings.name;
            let redeemed = self
                .redeem
                .redeem(request.clearance, request.signature, name)
                .map_err(|why| Refusal::RedemptionUnavailable { why })?;
            let latest = self.now(&*self.store()?)?;
            if clearance.is_expired(latest) {
                let expires = clearance.expires;
                return Err(Refusal::ClearanceExpired {
                    expires,
                    now: latest,
                });
            }
            let latest = latest.saturating_add(self.settings.guard.clock_tolerance);
            redemption::check(redeemed, &self.settings.guard.key, clearance, name, latest)?;
        }
        let mut store = self.store()?;
        let (at, intent) = (self.now(&store)?, *clearance.intent.as_bytes());
        let digest = *clearance.digest().as_bytes();
        // A newer attempt may have begun meanwhile: then this one is over.
        let seen = store.state().intent(&intent);
        match seen {
            Some(seen) if seen.clearance == digest && seen.redeemed => return Ok(()),
            Some(seen) if seen.clearance == digest => {}
            _ => {
                return Err(Refusal::AttemptLower {
                    attempt: u64::from(clearance.attempt),
                    seen: seen.map_or(0, |seen| seen.attempt),
                });
            }
        }
        remember(
            &mut store,
            &Record::Redeemed {
                at,
                intent,
                clearance: digest,
            },
        )
    }

    /// Whether the log is one and the same, and was witnessed of late.
    fn check_head(&self, now: u64) -> Result<(), Refusal> {
        let mut looked = self.looked.lock().map_err(|_| Refusal::HeadUnavailable {
            why: "an earlier look ended in the middle; start anew".to_owned(),
        })?;
        if let Some(fork) = self.store()?.state().fork() {
            return Err(Refusal::LogForked {
                size: size_of(fork),
            });
        }
        let log = &self.settings.log;
        let is_fresh =
            |looked: &Looked| now.saturating_sub(looked.witnessed) < log.witnessed_within;
        if let Some(last) = looked.as_ref()
            && is_fresh(last)
            && now.saturating_sub(last.at) < log.refresh
        {
            return Ok(());
        }
        let known = self.store()?.state().head().map(str::to_owned);
        let tolerance = self.settings.guard.clock_tolerance;
        match heads::look(&*self.log, known.as_deref(), log, now, tolerance) {
            Ok(Head { witnessed, seen }) => {
                if let Seen::Grew(note) = seen {
                    remember(&mut *self.store()?, &Record::Head { at: now, note })?;
                }
                let before = looked.map_or(0, |last| last.witnessed);
                *looked = Some(Looked {
                    at: now,
                    witnessed: witnessed.max(before),
                });
                Ok(())
            }
            Err(Refused { refusal, fork }) => {
                if let Some(note) = fork {
                    remember(&mut *self.store()?, &Record::Forked { at: now, note })?;
                }
                let waits = matches!(
                    *refusal,
                    Refusal::HeadUnavailable { .. } | Refusal::HeadUnwitnessed { .. }
                );
                match looked.as_mut() {
                    Some(last) if waits && is_fresh(last) => {
                        last.at = now;
                        Ok(())
                    }
                    _ => Err(*refusal),
                }
            }
        }
    }

    /// After people looked at a fork: `note` is the head that they found to be the log's, and is remembered from now on.
    ///
    /// # Errors
    /// [`Refusal::HeadUnsigned`] unless the pinned log key and enough witnesses signed it; [`Refusal::StoreFailed`], also where
    /// there is no fork.
    pub fn settle_fork(&self, note: &str) -> Result<(), Refusal> {
        let verified = self.settings.log.policy.verify(note.as_bytes());
        verified.map_err(|error| Refusal::HeadUnsigned {
            why: error.to_string(),
        })?;
        let mut store = self.store()?;
        let at = self.now(&store)?;
        let note = note.to_owned();
        remember(&mut store, &Record::ForkSettled { at, note })
    }
}

/// Entries of a head whose note was verified when it was remembered; 0 where it can't be read.
fn size_of(note: &str) -> u64 {
    let parsed = keepwhole_verify::note::Note::parse(note.as_bytes());
    parsed
        .ok()
        .and_then(|note| keepwhole_verify::Checkpoint::parse_text(note.text()).ok())
        .map_or(0, |head| head.size())
}

fn remember(store: &mut Store, record: &Record) -> Result<(), Refusal> {
    store
        .remember(record)
        .map_err(|error| Refusal::StoreFailed {
            why: error.to_string(),
        })
}

/// The token of a file that nobody else may read.
fn token(path: &Path) -> Result<String, OpenError> {
    let wrong = |why: String| OpenError::Token {
        path: path.to_path_buf(),
        why,
    };
    let mode = fs::metadata(path)
        .map_err(|error| wrong(error.to_string()))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        let why = format!(
            "mode `{:03o}` lets others read it; set it to `600`",
            mode & 0o777
        );
        return Err(wrong(why));
    }
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let token = text.trim_end_matches('\n');
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong("is not one line of visible characters".to_owned()));
    }
    Ok(token.to_owned())
}
