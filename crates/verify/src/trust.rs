//! The reader's own trust file: whose signatures count. It comes from a second source, never out of the bundle.
//!
//! Its lines are those of a C2SP tlog-policy (`log`, `witness`, `group`, `quorum`) and ours: `bundle <vkey>`,
//! `root <vkey>` (the offline key that rotates the log's), `retired <vkey> <size>` (a former log key and the largest head it may
//! have signed), `guard <vkey>` (the key that signs clearances), `roster <sha256>` (of a roster's text), `rp-id <id>`, `web-origin <origin>`, `authenticator-root <sha256 of the DER certificate>`, each repeatable.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::checkpoint::Checkpoint;
use crate::decimal;
use crate::digest::Digest;
use crate::json::{FormatError, parse_hex};
use crate::note::{KeyKind, Note, Verified, VerifierKey};
use crate::policy::{Policy, PolicyReader};
use crate::rotation::{self, Rotation};
use crate::tlog_proof::{self, TlogProof};

/// A parsed trust file.
#[derive(Debug, Clone)]
pub struct Trust {
    /// Log keys, witnesses and their quorum.
    pub policy: Policy,
    /// Offline keys that may rotate a log's key; their name is `<origin>/root`.
    pub roots: Vec<VerifierKey>,
    /// Keys that may sign a bundle's manifest; their name is `<origin>/bundle`.
    pub bundle_keys: Vec<VerifierKey>,
    /// Keys that may sign clearances and redemptions; their name is `<origin>/guard`.
    pub guards: Vec<VerifierKey>,
    /// SHA-256 of the rosters that count.
    pub rosters: Vec<Digest>,
    /// Relying-party ids of approvals.
    pub rp_ids: Vec<String>,
    /// Web origins of approvals.
    pub web_origins: Vec<String>,
    /// SHA-256 of accepted authenticator roots.
    pub authenticator_roots: Vec<[u8; 32]>,
}

/// A rotation that was followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// What the root key said.
    pub rotation: Rotation,
    /// Position of the entry that records it; the old key counts under heads of at most so many entries.
    pub entry: u64,
}

impl core::fmt::Display for Followed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { rotation, entry } = self;
        write!(
            f,
            "proven: entry {entry} of `{}` is rotation {}, signed by the root key; instead of the old key, trust files and lists of witnesses \
             have these lines\nlog {}\nretired {} {entry}",
            rotation.origin(),
            rotation.number(),
            rotation.new_key(),
            rotation.old()
        )
    }
}

impl Trust {
    /// Reads a trust file; `name` is used in error places.
    ///
    /// # Errors
    /// The line and the cause.
    pub fn parse(name: &str, text: &str) -> Result<Self, FormatError> {
        let mut reader = PolicyReader::default();
        let (mut ours, mut retired) = (Vec::new(), Vec::new());
        for (position, line) in text.split('\n').enumerate() {
            let place = format!("{name} line {}", position.saturating_add(1));
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("retired") => {
                    let (Some(key), Some(size), None) = (words.next(), words.next(), words.next())
                    else {
                        return Err(FormatError::new(place, "`retired` takes a key and a size"));
                    };
                    retired.push((place, key, size));
                }
                Some(
                    word @ ("root" | "bundle" | "guard" | "roster" | "rp-id" | "web-origin"
                    | "authenticator-root"),
                ) => {
                    let (Some(value), None) = (words.next(), words.next()) else {
                        return Err(FormatError::new(
                            place,
                            format!("`{word}` takes exactly one value"),
                        ));
                    };
                    ours.push((place, word, value));
                }
                _ => reader
                    .line(line)
                    .map_err(|fault| FormatError::new(place, fault.to_string()))?,
            }
        }
        let policy = reader
            .finish()
            .map_err(|error| FormatError::new(name, error.to_string()))?;
        let mut trust = Self {
            policy,
            roots: Vec::new(),
            bundle_keys: Vec::new(),
            guards: Vec::new(),
            rosters: Vec::new(),
            rp_ids: Vec::new(),
            web_origins: Vec::new(),
            authenticator_roots: Vec::new(),
        };
        for (place, key, size) in retired {
            trust
                .retire(key, size)
                .map_err(|cause| FormatError::new(place, cause))?;
        }
        for (place, word, value) in ours {
            trust
                .add(word, value)
                .map_err(|cause| FormatError::new(place, cause))?;
        }
        Ok(trust)
    }

    fn retire(&mut self, key: &str, size: &str) -> Result<(), String> {
        let key = VerifierKey::parse(key).map_err(|error| error.to_string())?;
        let until = decimal::parse_u63(size).ok_or("a size is a plain decimal number")?;
        if self.policy.logs().iter().any(|log| log.key == key) {
            return Err(String::from(
                "a `log` line names this key too; a retired key stands in its own line only",
            ));
        }
        self.policy
            .retire(key, until)
            .map_err(|fault| fault.to_string())
    }

    /// Follows rotations, oldest first, each a proof (c2sp.org/tlog-proof) and its entry: the entry holds the statement of a
    /// trusted root key, the key that it ends is trusted by then, and the proof shows that the entry is in the log under a
    /// head that a later key and the quorum signed. From then on the new keys count, and each old one only under heads that
    /// don't contain its entry.
    ///
    /// # Errors
    /// What does not hold, in words; nothing has changed then.
    pub fn follow<P: AsRef<[u8]>, E: AsRef<[u8]>>(
        &mut self,
        rotations: &[(P, E)],
    ) -> Result<Vec<Followed>, String> {
        let (mut policy, mut read) = (self.policy.clone(), Vec::new());
        for (proof, entry) in rotations {
            let (proof, entry) = (proof.as_ref(), entry.as_ref());
            let proof = TlogProof::parse(proof).map_err(|error| error.to_string())?;
            let rotation = self.step(&mut policy, entry, proof.index)?;
            read.push((proof, entry, rotation));
        }
        let mut followed = Vec::new();
        for (proof, entry, rotation) in read {
            let included = proof
                .verify(entry, &policy)
                .map_err(|error| error.to_string())?;
            if included.checkpoint.origin() != rotation.origin() {
                return Err(format!(
                    "the rotation is of `{}`, the log is `{}`",
                    rotation.origin(),
                    included.checkpoint.origin()
                ));
            }
            let entry = included.index;
            followed.push(Followed { rotation, entry });
        }
        self.policy = policy;
        Ok(followed)
    }

    /// What the rotations before an entry and its own proof show, in words for people. Of an entry that is itself a rotation
    /// these are the lines that the trust file has from then on.
    ///
    /// # Errors
    /// What does not hold, as a sentence.
    pub fn check_entry(
        mut self,
        proof: &[u8],
        entry: &[u8],
        rotations: &[(Vec<u8>, Vec<u8>)],
    ) -> Result<String, String> {
        let unproven = |why| format!("not proven: {why}");
        let mut pairs: Vec<(&[u8], &[u8])> = rotations
            .iter()
            .map(|(proof, entry)| (proof.as_slice(), entry.as_slice()))
            .collect();
        if rotation::recorded(entry).is_none() {
            self.follow(&pairs).map_err(unproven)?;
            return tlog_proof::check(proof, entry, &self.policy);
        }
        pairs.retain(|(_, known)| *known != entry);
        pairs.push((proof, entry));
        let followed = self.follow(&pairs).map_err(unproven)?;
        let lines: Vec<String> = followed.iter().map(ToString::to_string).collect();
        Ok(lines.join("\n"))
    }

    /// Takes one statement into `policy`, as if its entry stood at `index`.
    fn step(&self, policy: &mut Policy, entry: &[u8], index: u64) -> Result<Rotation, String> {
        let note =
            rotation::recorded(entry).ok_or("the entry records no rotation of a log's key")?;
        let rotation = self.rotation(note)?;
        if !policy.logs().iter().any(|log| log.key == *rotation.old()) {
            return Err(format!(
                "rotation `{}` ends a key that is not a log key of the trust file; give rotations in order, from the first \
                 that the file does not know",
                rotation.number()
            ));
        }
        let fault = |fault: crate::policy::Fault| format!("the new key {fault}");
        policy.learn(rotation.new_key().clone()).map_err(fault)?;
        policy
            .retire(rotation.old().clone(), index)
            .map_err(fault)?;
        Ok(rotation)
    }

    /// A statement that a trusted root key of its log signed.
    fn rotation(&self, note: &[u8]) -> Result<Rotation, String> {
        let read = Note::parse(note)
            .map_err(rotation::RotationError::from)
            .and_then(|note| Rotation::parse_text(note.text()))
            .map_err(|error| error.to_string())?;
        let name = rotation::root_name(read.origin());
        let mut roots = self
            .roots
            .iter()
            .filter(|root| root.name() == name)
            .peekable();
        if roots.peek().is_none() {
            return Err(format!(
                "the trust file has no line `root {name}+…`; without the root key nobody can tell a rotation from a theft"
            ));
        }
        let mut refused = String::new();
        for root in roots {
            match Rotation::verify(note, root) {
                Ok(rotation) => return Ok(rotation),
                Err(error) => refused = error.to_string(),
            }
        }
        Err(refused)
    }

    fn add(&mut self, word: &str, value: &str) -> Result<(), String> {
        match word {
            "root" => {
                let key = VerifierKey::parse(value).map_err(|error| error.to_string())?;
                let origin = key.name().strip_suffix("/root").unwrap_or_default();
                rotation::is_root(&key, origin).map_err(|error| error.to_string())?;
                self.roots.push(key);
            }
            "bundle" => {
                let key = VerifierKey::parse(value).map_err(|error| error.to_string())?;
                if key.kind() != KeyKind::Ed25519 || !key.name().ends_with("/bundle") {
                    return Err(format!(
                        "`{}` is no bundle key: Ed25519 named `<origin>/bundle`",
                        key.name()
                    ));
                }
                self.bundle_keys.push(key);
            }
            "guard" => {
                let key = VerifierKey::parse(value).map_err(|error| error.to_string())?;
                if key.kind() != KeyKind::Ed25519 || !key.name().ends_with("/guard") {
                    return Err(format!(
                        "`{}` is no guard key: Ed25519 named `<origin>/guard`",
                        key.name()
                    ));
                }
                self.guards.push(key);
            }
            "roster" => {
                let digest = Digest::from_hex(value).map_err(|error| error.to_string())?;
                self.rosters.push(digest);
            }
            "rp-id" => self.rp_ids.push(value.to_owned()),
            "web-origin" => self.web_origins.push(value.to_owned()),
            _ => {
                let root = parse_hex(value)
                    .ok_or("an authenticator root is 32 bytes in lower-case hex")?;
                self.authenticator_roots.push(root);
            }
        }
        Ok(())
    }

    /// A checkpoint signed by the log's key and by the quorum of witnesses.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn check_log_note(&self, note: &[u8]) -> Result<Checkpoint, String> {
        self.policy
            .verify(note)
            .map(|(checkpoint, _)| checkpoint)
            .map_err(|error| error.to_string())
    }

    /// A checkpoint signed by the log's key; cosignatures of trusted witnesses must verify where present.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn check_log_signature(&self, note: &[u8]) -> Result<(Checkpoint, Verified), String> {
        self.policy
            .verify_signature(note)
            .map_err(|error| error.to_string())
    }

    /// The quorum as a phrase for reports.
    pub fn quorum_in_words(&self) -> String {
        if !self.policy.requires_no_witness() {
            "with the quorum of witnesses it asks for".to_owned()
        } else {
            "no witnesses required by your trust file".to_owned()
        }
    }
}
