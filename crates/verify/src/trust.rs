//! The reader's own trust file: whose signatures count. It comes from a second source, never out of the bundle.
//!
//! Its lines are those of a C2SP tlog-policy (`log`, `witness`, `group`, `quorum`) and ours: `bundle <vkey>`,
//! `rp-id <id>`, `web-origin <origin>`, `authenticator-root <sha256 of the DER certificate>`, each repeatable.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::checkpoint::Checkpoint;
use crate::json::{FormatError, parse_hex};
use crate::note::{KeyKind, Verified, VerifierKey};
use crate::policy::{Policy, PolicyReader};

/// A parsed trust file.
#[derive(Debug, Clone)]
pub struct Trust {
    /// Log keys, witnesses and their quorum.
    pub policy: Policy,
    /// Keys that may sign a bundle's manifest; their name is `<origin>/bundle`.
    pub bundle_keys: Vec<VerifierKey>,
    /// Relying-party ids of approvals.
    pub rp_ids: Vec<String>,
    /// Web origins of approvals.
    pub web_origins: Vec<String>,
    /// SHA-256 of accepted authenticator roots.
    pub authenticator_roots: Vec<[u8; 32]>,
}

impl Trust {
    /// Reads a trust file; `name` is used in error places.
    ///
    /// # Errors
    /// The line and the cause.
    pub fn parse(name: &str, text: &str) -> Result<Self, FormatError> {
        let mut reader = PolicyReader::default();
        let mut ours = Vec::new();
        for (position, line) in text.split('\n').enumerate() {
            let place = format!("{name} line {}", position.saturating_add(1));
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some(word @ ("bundle" | "rp-id" | "web-origin" | "authenticator-root")) => {
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
            bundle_keys: Vec::new(),
            rp_ids: Vec::new(),
            web_origins: Vec::new(),
            authenticator_roots: Vec::new(),
        };
        for (place, word, value) in ours {
            trust
                .add(word, value)
                .map_err(|cause| FormatError::new(place, cause))?;
        }
        Ok(trust)
    }

    fn add(&mut self, word: &str, value: &str) -> Result<(), String> {
        match word {
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
        Checkpoint::verify(note, &self.policy.keys()).map_err(|error| error.to_string())
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
