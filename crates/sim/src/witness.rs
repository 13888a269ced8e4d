//! Somebody outside who keeps the newest checkpoint that was seen, and holds every later one against it.

use keepwhole::journal::disk::Disk;
use keepwhole::journal::tiles::LogFiles;
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::digest::Digest;
use keepwhole_verify::note::VerifierKey;
use std::cell::RefCell;

/// What the witness says to a published log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It continues what was seen.
    Grows,
    /// It is smaller than what was seen: so many records are missing.
    RolledBack {
        /// Records missing.
        missing: u64,
    },
    /// It is another log: the two heads can't both be of one.
    Forked {
        /// Size and root seen before.
        seen: (u64, Digest),
        /// Size and root shown now.
        shown: (u64, Digest),
    },
    /// Nothing that can be read is published.
    Unreadable(String),
}

/// The witness.
#[derive(Clone, Debug)]
pub struct Witness {
    key: VerifierKey,
    seen: Option<Checkpoint>,
    /// The last note that verified, and what it says: the same bytes need no second look.
    verified: RefCell<Option<(String, Checkpoint)>>,
}

impl Witness {
    /// A witness that has seen nothing.
    #[must_use]
    pub const fn new(key: VerifierKey) -> Self {
        Self {
            key,
            seen: None,
            verified: RefCell::new(None),
        }
    }

    fn verify(&self, note: String) -> Result<Checkpoint, String> {
        let mut verified = self.verified.borrow_mut();
        if let Some((known, shown)) = &*verified
            && *known == note
        {
            return Ok(shown.clone());
        }
        let known = std::slice::from_ref(&self.key);
        let (shown, _) =
            Checkpoint::verify(note.as_bytes(), known).map_err(|error| error.to_string())?;
        *verified = Some((note, shown.clone()));
        Ok(shown)
    }

    /// Size of the newest checkpoint it has seen.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.seen.as_ref().map_or(0, Checkpoint::size)
    }

    /// Root of the newest checkpoint it has seen.
    #[must_use]
    pub fn root(&self) -> Option<Digest> {
        self.seen.as_ref().map(Checkpoint::root)
    }

    /// Holds what is published against what was seen, and remembers nothing.
    pub fn judge<D: Disk>(&self, disk: &D) -> Finding {
        self.look(disk).0
    }

    /// Holds what is published against what was seen, and remembers it if it grows.
    pub fn visit<D: Disk>(&mut self, disk: &D) -> Finding {
        let (finding, shown) = self.look(disk);
        if finding == Finding::Grows {
            self.seen = shown;
        }
        finding
    }

    fn look<D: Disk>(&self, disk: &D) -> (Finding, Option<Checkpoint>) {
        let log = LogFiles(disk);
        let note = match log.checkpoint() {
            Ok((_, note)) => note,
            Err(error) => return (Finding::Unreadable(error.to_string()), None),
        };
        let shown = match self.verify(note) {
            Ok(shown) => shown,
            Err(error) => return (Finding::Unreadable(error), None),
        };
        let Some(seen) = &self.seen else {
            return (Finding::Grows, Some(shown));
        };
        if shown.size() < seen.size() {
            let missing = seen.size() - shown.size();
            return (Finding::RolledBack { missing }, None);
        }
        let proof = log.prove_consistency(seen.size(), shown.size());
        let grows = proof.is_ok_and(|proof| seen.check_grows_to(&shown, &proof).is_ok());
        if grows {
            return (Finding::Grows, Some(shown));
        }
        let finding = Finding::Forked {
            seen: (seen.size(), seen.root()),
            shown: (shown.size(), shown.root()),
        };
        (finding, None)
    }
}
