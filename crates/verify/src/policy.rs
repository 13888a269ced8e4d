//! Trust policies (c2sp.org/tlog-policy): which logs are known, which witnesses, and how many of them are enough.

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::decimal;
use crate::note::{KeyKind, NoteError, Verified, VerifierKey};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A log the policy knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Its key; the key's name is the log's origin.
    pub key: VerifierKey,
    /// Where it is published, if the policy says.
    pub url: Option<String>,
}

/// A witness or a group of them.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Member {
    Witness {
        key: VerifierKey,
        url: Option<String>,
    },
    Group {
        needed: usize,
        members: Vec<usize>,
    },
}

/// What must have signed before a checkpoint is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<Log>,
    names: Vec<String>,
    members: Vec<Member>,
    quorum: Option<usize>,
    retired: Vec<Retired>,
}

/// A key that a log no longer signs with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retired {
    /// The key.
    pub key: VerifierKey,
    /// Largest size of a head that it may have signed: the position of the entry that ended it.
    pub until: u64,
}

/// Why a policy line, or a checkpoint under a policy, was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyError {
    /// A line of the policy file is wrong.
    Line {
        /// Line number, from 1.
        line: usize,
        /// What is wrong with it.
        fault: Fault,
    },
    /// There is no `quorum` line.
    NoQuorum,
    /// The checkpoint itself was refused.
    Checkpoint(CheckpointError),
    /// Of the log's keys only one signed that had given way to another before the log was so large.
    Retired {
        /// Entries of the checkpoint.
        size: u64,
        /// Largest size that the key may have signed.
        until: u64,
    },
    /// Too few witnesses cosigned.
    QuorumNotReached {
        /// Names of the witnesses that did cosign.
        cosigned: Vec<String>,
        /// Name of the group or witness the policy asks for.
        quorum: String,
    },
}

/// What can be wrong with one line of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A control character other than tab.
    ControlCharacter,
    /// The first word is none of `log`, `witness`, `group`, `quorum`.
    Keyword(String),
    /// Too few or too many words.
    Words,
    /// The key is malformed.
    Key(NoteError),
    /// A key of a kind that a log or witness can't have.
    KeyKind,
    /// The same public key twice among logs or among witnesses.
    DuplicateKey,
    /// A name defined twice, or `none`, which is predefined.
    DuplicateName(String),
    /// A name not defined on an earlier line.
    UnknownName(String),
    /// A name that is a member of two groups, or twice of one.
    MemberTwice(String),
    /// A threshold that is not `all`, `any` or a number from 1 to the number of members.
    Threshold(String),
    /// A second `quorum` line.
    SecondQuorum,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ControlCharacter => f.write_str("holds a control character other than tab"),
            Self::Keyword(word) => write!(f, "begins with the unknown word `{word}`"),
            Self::Words => f.write_str("has too few or too many words"),
            Self::Key(error) => error.fmt(f),
            Self::KeyKind => {
                f.write_str("has a key of the wrong type (logs `0x01`, witnesses `0x04` or `0x06`)")
            }
            Self::DuplicateKey => f.write_str("repeats a public key"),
            Self::DuplicateName(name) => write!(f, "defines the name `{name}` again"),
            Self::UnknownName(name) => {
                write!(f, "uses the name `{name}`, which no earlier line defines")
            }
            Self::MemberTwice(name) => write!(f, "makes `{name}` a group member a second time"),
            Self::Threshold(text) => write!(
                f,
                "has the threshold `{text}`, not `all`, `any` or 1 to the members"
            ),
            Self::SecondQuorum => f.write_str("is a second `quorum` line"),
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { line, fault } => write!(f, "line `{line}` of the policy {fault}"),
            Self::NoQuorum => f.write_str(
                "policy has no `quorum` line; write `quorum none` to require no witness",
            ),
            Self::Checkpoint(error) => error.fmt(f),
            Self::Retired { size, until } => write!(
                f,
                "checkpoint of `{size}` entries is signed by a log key that ended at `{until}`: it was rotated, and nothing larger counts"
            ),
            Self::QuorumNotReached { cosigned, quorum } => {
                write!(
                    f,
                    "quorum `{quorum}` not reached: cosigned by `{}`",
                    cosigned.join("`, `")
                )
            }
        }
    }
}

impl core::error::Error for PolicyError {}

impl From<CheckpointError> for PolicyError {
    fn from(error: CheckpointError) -> Self {
        Self::Checkpoint(error)
    }
}

/// Reads a policy line by line, so that a file with further lines of its own can share it with this format.
#[derive(Clone, Debug, Default)]
pub struct PolicyReader {
    logs: Vec<Log>,
    names: Vec<String>,
    members: Vec<Member>,
    grouped: Vec<usize>,
    quorum: Option<Option<usize>>,
}

impl PolicyReader {
    /// Takes one line without its newline. Empty lines and comments change nothing.
    ///
    /// # Errors
    /// A [`Fault`]; [`Fault::Keyword`] lets the caller try the line as one of its own.
    pub fn line(&mut self, line: &str) -> Result<(), Fault> {
        if line
            .bytes()
            .any(|byte| (byte < 0x20 && byte != b'\t') || byte == 0x7f)
        {
            return Err(Fault::ControlCharacter);
        }
        let words: Vec<&str> = line
            .split([' ', '\t'])
            .filter(|word| !word.is_empty())
            .collect();
        match words.as_slice() {
            [] => Ok(()),
            [first, ..] if first.starts_with('#') => Ok(()),
            ["log", vkey] => self.log(vkey, None),
            ["log", vkey, url] => self.log(vkey, Some(url)),
            ["witness", name, vkey] => self.witness(name, vkey, None),
            ["witness", name, vkey, url] => self.witness(name, vkey, Some(url)),
            ["group", name, threshold, members @ ..] if !members.is_empty() => {
                self.group(name, threshold, members)
            }
            ["quorum", name] => self.quorum(name),
            ["log" | "witness" | "group" | "quorum", ..] => Err(Fault::Words),
            [first, ..] => Err(Fault::Keyword(String::from(*first))),
        }
    }

    fn log(&mut self, vkey: &str, url: Option<&str>) -> Result<(), Fault> {
        let key = VerifierKey::parse(vkey).map_err(Fault::Key)?;
        if key.kind() != KeyKind::Ed25519 {
            return Err(Fault::KeyKind);
        }
        if self.logs.iter().any(|log| log.key.public() == key.public()) {
            return Err(Fault::DuplicateKey);
        }
        self.logs.push(Log {
            key,
            url: url.map(String::from),
        });
        Ok(())
    }

    fn define(&mut self, name: &str, member: Member) -> Result<(), Fault> {
        if name == "none" || self.names.iter().any(|known| known == name) {
            return Err(Fault::DuplicateName(String::from(name)));
        }
        self.names.push(String::from(name));
        self.members.push(member);
        Ok(())
    }

    fn find(&self, name: &str) -> Result<usize, Fault> {
        let unknown = || Fault::UnknownName(String::from(name));
        self.names
            .iter()
            .position(|known| known == name)
            .ok_or_else(unknown)
    }

    fn witness(&mut self, name: &str, vkey: &str, url: Option<&str>) -> Result<(), Fault> {
        let key = VerifierKey::parse(vkey).map_err(Fault::Key)?;
        if key.kind() == KeyKind::Ed25519 {
            return Err(Fault::KeyKind);
        }
        let same = |member: &Member| matches!(member, Member::Witness { key: known, .. } if known.public() == key.public());
        if self.members.iter().any(same) {
            return Err(Fault::DuplicateKey);
        }
        self.define(
            name,
            Member::Witness {
                key,
                url: url.map(String::from),
            },
        )
    }

    fn group(&mut self, name: &str, threshold: &str, names: &[&str]) -> Result<(), Fault> {
        let bad = || Fault::Threshold(String::from(threshold));
        let needed = match threshold {
            "all" => names.len(),
            "any" => 1,
            number => {
                usize::try_from(decimal::parse_u64(number).ok_or_else(bad)?).map_err(|_| bad())?
            }
        };
        if needed == 0 || needed > names.len() {
            return Err(bad());
        }
        let mut members = Vec::with_capacity(names.len());
        for member in names {
            let ix = self.find(member)?;
            if self.grouped.contains(&ix) || members.contains(&ix) {
                return Err(Fault::MemberTwice(String::from(*member)));
            }
            members.push(ix);
        }
        self.define(
            name,
            Member::Group {
                needed,
                members: members.clone(),
            },
        )?;
        self.grouped.extend(members);
        Ok(())
    }

    fn quorum(&mut self, name: &str) -> Result<(), Fault> {
        if self.quorum.is_some() {
            return Err(Fault::SecondQuorum);
        }
        self.quorum = Some(if name == "none" {
            None
        } else {
            Some(self.find(name)?)
        });
        Ok(())
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`PolicyError::NoQuorum`].
    pub fn finish(self) -> Result<Policy, PolicyError> {
        let quorum = self.quorum.ok_or(PolicyError::NoQuorum)?;
        Ok(Policy {
            logs: self.logs,
            names: self.names,
            members: self.members,
            quorum,
            retired: Vec::new(),
        })
    }
}

impl Policy {
    /// Reads a policy that holds nothing but the lines of c2sp.org/tlog-policy.
    ///
    /// # Errors
    /// A [`PolicyError`] with the line's number.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let mut reader = PolicyReader::default();
        for (ix, line) in text.split('\n').enumerate() {
            reader.line(line).map_err(|fault| PolicyError::Line {
                line: ix + 1,
                fault,
            })?;
        }
        reader.finish()
    }

    /// A policy that knows one log and requires no witness.
    #[must_use]
    pub fn of_log(key: VerifierKey) -> Self {
        let logs = alloc::vec![Log { key, url: None }];
        Self {
            logs,
            names: Vec::new(),
            members: Vec::new(),
            quorum: None,
            retired: Vec::new(),
        }
    }

    /// The known logs.
    #[must_use]
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// Keys that the known logs no longer sign with.
    #[must_use]
    pub fn retired(&self) -> &[Retired] {
        &self.retired
    }

    /// Learns the next key of a log.
    ///
    /// # Errors
    /// [`Fault::KeyKind`], [`Fault::DuplicateKey`].
    pub fn learn(&mut self, key: VerifierKey) -> Result<(), Fault> {
        if key.kind() != KeyKind::Ed25519 {
            return Err(Fault::KeyKind);
        }
        if self.is_known(&key) {
            return Err(Fault::DuplicateKey);
        }
        self.logs.push(Log { key, url: None });
        Ok(())
    }

    /// From now on `key` counts only under heads of at most `until` entries.
    ///
    /// # Errors
    /// [`Fault::KeyKind`]; [`Fault::DuplicateKey`] for a key that is retired already.
    pub fn retire(&mut self, key: VerifierKey, until: u64) -> Result<(), Fault> {
        if key.kind() != KeyKind::Ed25519 {
            return Err(Fault::KeyKind);
        }
        self.logs.retain(|log| log.key.public() != key.public());
        if self.is_known(&key) {
            return Err(Fault::DuplicateKey);
        }
        self.retired.push(Retired { key, until });
        Ok(())
    }

    fn is_known(&self, key: &VerifierKey) -> bool {
        let retired = self.retired.iter().map(|retired| &retired.key);
        let mut all = self.logs.iter().map(|log| &log.key).chain(retired);
        all.any(|known| known.public() == key.public())
    }

    /// Names, keys and addresses of the known witnesses.
    pub fn witnesses(&self) -> impl Iterator<Item = (&str, &VerifierKey, Option<&str>)> {
        self.names
            .iter()
            .zip(&self.members)
            .filter_map(|(name, member)| match member {
                Member::Witness { key, url } => Some((name.as_str(), key, url.as_deref())),
                Member::Group { .. } => None,
            })
    }

    /// Whether the policy says `quorum none`.
    #[must_use]
    pub const fn requires_no_witness(&self) -> bool {
        self.quorum.is_none()
    }

    /// Every key the policy knows: logs, retired keys of logs, witnesses.
    #[must_use]
    pub fn keys(&self) -> Vec<VerifierKey> {
        let logs = self.logs.iter().map(|log| log.key.clone());
        let retired = self.retired.iter().map(|retired| retired.key.clone());
        logs.chain(retired)
            .chain(self.witnesses().map(|(_, key, _)| key.clone()))
            .collect()
    }

    /// Reads a checkpoint and verifies it: signed under its own origin by a key that the log had at that size. Whether
    /// enough witnesses signed is not asked.
    ///
    /// # Errors
    /// [`PolicyError::Checkpoint`], [`PolicyError::Retired`].
    pub fn verify_signature(&self, note: &[u8]) -> Result<(Checkpoint, Verified), PolicyError> {
        let (checkpoint, verified) = Checkpoint::verify(note, &self.keys())?;
        let (origin, size) = (checkpoint.origin(), checkpoint.size());
        let current = |log: &Log| log.key.name() == origin && verified.has(&log.key);
        if self.logs.iter().any(current) {
            return Ok((checkpoint, verified));
        }
        let signed = |old: &&Retired| old.key.name() == origin && verified.has(&old.key);
        match self
            .retired
            .iter()
            .filter(signed)
            .map(|old| old.until)
            .max()
        {
            Some(until) if size > until => Err(PolicyError::Retired { size, until }),
            _ => Ok((checkpoint, verified)),
        }
    }

    /// Whether the keys that signed a note reach the quorum.
    ///
    /// # Errors
    /// [`PolicyError::QuorumNotReached`] with the names of the witnesses that did cosign.
    pub fn check_quorum(&self, verified: &Verified) -> Result<(), PolicyError> {
        let Some(quorum) = self.quorum else {
            return Ok(());
        };
        // Groups only refer to earlier lines, so one pass in order settles everything.
        let mut reached = Vec::with_capacity(self.members.len());
        for member in &self.members {
            let done = match member {
                Member::Witness { key, .. } => verified.has(key),
                Member::Group { needed, members } => {
                    members
                        .iter()
                        .filter(|ix| reached.get(**ix) == Some(&true))
                        .count()
                        >= *needed
                }
            };
            reached.push(done);
        }
        if reached.get(quorum) == Some(&true) {
            return Ok(());
        }
        let cosigned = self.witnesses().filter(|(_, key, _)| verified.has(key));
        Err(PolicyError::QuorumNotReached {
            cosigned: cosigned.map(|(name, ..)| String::from(name)).collect(),
            quorum: self.names.get(quorum).cloned().unwrap_or_default(),
        })
    }

    /// Reads a cosigned checkpoint and verifies it: signed by a known log under its own origin, quorum reached.
    ///
    /// # Errors
    /// [`PolicyError::Checkpoint`], [`PolicyError::QuorumNotReached`].
    pub fn verify(&self, note: &[u8]) -> Result<(Checkpoint, Verified), PolicyError> {
        let (checkpoint, verified) = self.verify_signature(note)?;
        self.check_quorum(&verified)?;
        Ok((checkpoint, verified))
    }
}
