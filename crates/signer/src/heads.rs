//! The log's head as this signer saw it last: a new one must grow from it, and enough witnesses must have seen it of late.
//!
//! A host that signs anything can make a second log that hides what it cleared. Then either the pinned witnesses do not
//! cosign it, and after ten minutes nothing is signed any more, or its head does not grow from the remembered one.
//! Witnesses state the time too, so an own clock that was moved does not make an hour pass sooner.

use crate::refusal::Refusal;
use crate::settings::Log;
use crate::transport::Http;
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::note::{MAX_NOTE_BYTES, Signed, Verified};
use keepwhole_verify::tile::{TileError, TileHashes, TileId, TileReader};
use keepwhole_verify::tree::prove_consistency;

/// Most bytes of a tile of hashes.
const MAX_TILE: u64 = 8_192;

/// Serves the log. What it says is checked, so this may be any transport.
pub trait LogSource: Send + Sync {
    /// The newest signed head with the witnesses' cosignatures.
    ///
    /// # Errors
    /// Why it can't be had, in words.
    fn checkpoint(&self) -> Result<Vec<u8>, String>;

    /// A tile of hashes (c2sp.org/tlog-tiles); for a partial one that is gone, the first hashes of the full one.
    ///
    /// # Errors
    /// Why it can't be had, in words.
    fn tile(&self, id: TileId) -> Result<Vec<u8>, String>;
}

impl LogSource for Http {
    fn checkpoint(&self) -> Result<Vec<u8>, String> {
        let most = u64::try_from(MAX_NOTE_BYTES).unwrap_or(0);
        match self.get("checkpoint", most)? {
            (200, body) => Ok(body),
            (status, _) => Err(format!("the log answered with status {status}")),
        }
    }

    fn tile(&self, id: TileId) -> Result<Vec<u8>, String> {
        let (status, body) = self.get(&id.path(), MAX_TILE)?;
        if status == 200 {
            return Ok(body);
        }
        let full = id.full();
        if full == id {
            return Err(format!(
                "the log answered with status {status} for {}",
                id.path()
            ));
        }
        match self.get(&full.path(), MAX_TILE)? {
            (200, mut body) => {
                body.truncate(usize::from(id.width).saturating_mul(32));
                Ok(body)
            }
            (status, _) => Err(format!(
                "the log answered with status {status} for {}",
                id.path()
            )),
        }
    }
}

/// Why a tile was not had.
struct TileGone(String);

impl From<TileError> for TileGone {
    fn from(error: TileError) -> Self {
        Self(error.to_string())
    }
}

struct Tiles<'s>(&'s dyn LogSource);

impl TileReader for Tiles<'_> {
    type Error = TileGone;

    fn tile(&self, id: TileId) -> Result<Vec<u8>, TileGone> {
        self.0.tile(id).map_err(TileGone)
    }
}

/// What a served head does to the memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The log grew: the new head is remembered.
    Grew(String),
    /// The same tree as before.
    Same,
}

/// A head that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Latest time at which enough witnesses had seen it, seconds since the epoch.
    pub(crate) witnessed: u64,
    pub(crate) seen: Seen,
}

/// A head that was refused; a fork carries the note that proves it.
pub(crate) struct Refused {
    pub(crate) refusal: Box<Refusal>,
    pub(crate) fork: Option<String>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal: Box::new(refusal),
            fork: None,
        }
    }
}

/// Fetches the head and holds it against `known`, the note that is remembered.
pub(crate) fn look(
    source: &dyn LogSource,
    known: Option<&str>,
    log: &Log,
    now: u64,
    tolerance: u64,
) -> Result<Head, Refused> {
    let unsigned = |why: String| Refusal::HeadUnsigned { why };
    let note = source
        .checkpoint()
        .map_err(|why| Refusal::HeadUnavailable { why })?;
    let (served, verified) = log
        .policy
        .verify_signature(&note)
        .map_err(|error| unsigned(error.to_string()))?;
    let text = String::from_utf8(note).map_err(|error| unsigned(error.to_string()))?;
    let seen = match known {
        None => Seen::Grew(text),
        Some(known) => {
            let (known, _) = log
                .policy
                .verify_signature(known.as_bytes())
                .map_err(|error| unsigned(format!("the remembered head: {error}")))?;
            grows(source, &known, &served, text)?
        }
    };
    let witnessed = witnessed(log, &verified, now.saturating_add(tolerance));
    let within = log.witnessed_within;
    if now.saturating_sub(witnessed) >= within {
        return Err(Refusal::HeadUnwitnessed {
            witnessed,
            now,
            within,
        }
        .into());
    }
    Ok(Head { witnessed, seen })
}

fn grows(
    source: &dyn LogSource,
    known: &Checkpoint,
    served: &Checkpoint,
    text: String,
) -> Result<Seen, Refused> {
    let (old, new) = (known.size(), served.size());
    if new < old {
        return Err(Refusal::HeadOlder {
            size: new,
            known: old,
        }
        .into());
    }
    let proof = prove_consistency(&TileHashes::new(Tiles(source), new), old, new);
    let proof = proof.map_err(|error| {
        let why = match error {
            keepwhole_verify::tree::ProveError::Store(TileGone(why)) => why,
            keepwhole_verify::tree::ProveError::Tree(error) => error.to_string(),
        };
        Refusal::HeadUnavailable { why }
    })?;
    match known.check_grows_to(served, &proof) {
        Ok(()) if new == old => Ok(Seen::Same),
        Ok(()) => Ok(Seen::Grew(text)),
        // Two signed roots of one size are proof, whatever is served beside them.
        Err(_) if new == old => Err(Refused {
            refusal: Box::new(Refusal::LogForked { size: new }),
            fork: Some(text),
        }),
        Err(error) => Err(Refusal::HeadInconsistent {
            size: new,
            known: old,
            why: error.to_string(),
        }
        .into()),
    }
}

/// Latest time at which enough witnesses had seen the head; 0 if never. Times after `latest` do not count: a witness that is
/// ahead of everybody would make its word last longer.
fn witnessed(log: &Log, verified: &Verified, latest: u64) -> u64 {
    let mut times: Vec<u64> = verified
        .signed
        .iter()
        .filter_map(|signed| signed.time)
        .filter(|time| *time <= latest)
        .collect();
    times.sort_unstable();
    let enough = |since: u64| {
        let counts = |signed: &&Signed| {
            signed
                .time
                .is_none_or(|time| (since..=latest).contains(&time))
        };
        let signed = verified.signed.iter().filter(counts).cloned().collect();
        let some = Verified {
            signed,
            unchecked: Vec::new(),
        };
        log.policy.check_quorum(&some).is_ok()
    };
    times
        .into_iter()
        .rev()
        .find(|since| enough(*since))
        .unwrap_or(0)
}
