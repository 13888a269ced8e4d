//! What this process must not forget: questions under way, answers given, amounts approved, key ids used.
//!
//! One file of lines, each `<first 16 hex digits of SHA-256> <JSON>`, appended and synced before anything that relies on
//! it. A last line that was cut off is dropped at the start; any other line that does not fit stops the start. A write of
//! unknown outcome poisons the store: nothing is approved any more until a restart has read what is really there.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// Name of the file in the folder of state.
pub const FILE: &str = "responder.log";
/// Largest file that is read, bytes.
const FILE_MAX: u64 = 1024 * 1024 * 1024;
/// One hour, milliseconds: the window of the caps.
const HOUR_MS: u64 = 3_600_000;

/// Why the store can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refused.
    #[error("{file}: {cause}")]
    Io {
        /// Which.
        file: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// Another process has it.
    #[error("{0}: another responder runs on this folder; two could approve twice what one may")]
    InUse(PathBuf),
    /// A line that was written whole and does not fit.
    #[error(
        "{file}, line {line}: {what}; this file decides what was approved already: restore it, or ask the vendors and the guard what \
         was, before you start with an empty folder"
    )]
    Damaged {
        /// Which.
        file: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// Longer than is read: cut off, it would have forgotten what came last.
    #[error(
        "{0}: `{1}` bytes, and at most `{FILE_MAX}` are read; nothing is approved on a part of it"
    )]
    TooLarge(PathBuf, u64),
    /// An earlier write failed.
    #[error("an earlier write failed and what is stored is not known; restart the responder")]
    Poisoned,
}

/// A question under way, or one whose answer was `RETRY`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Vendor, account, stage and request id.
    pub key: String,
    /// Hash of what is asked, without transport times.
    pub content: String,
    /// SHA-256 of the body as it came.
    pub body: String,
    /// Milliseconds since the epoch.
    pub received: u64,
    /// Who called.
    pub peer: String,
}

/// An answer that the same request gets again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    /// Vendor, account, stage and request id.
    pub key: String,
    /// Hash of what was asked.
    pub content: String,
    /// When, milliseconds since the epoch.
    pub at: u64,
    /// HTTP status.
    pub status: u16,
    /// The body, byte for byte.
    pub body: String,
    /// What it says: `approve`, `reject`, `ignore`, `held`.
    pub word: String,
    /// Of an approval to sign: the withdrawal, and the transaction (vendor, account and id).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub approves: Option<(String, String)>,
}

/// An amount that counts against a cap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spent {
    /// Withdrawal id.
    pub withdrawal: String,
    /// Vendor, account and transaction that it was approved for.
    pub by: String,
    /// CAIP-19.
    pub asset: String,
    /// Minor units, decimal.
    pub amount: String,
    /// When, milliseconds since the epoch.
    pub at: u64,
    /// CAIP-19 of the coin of its fee; empty in lines of versions that did not count fees.
    #[serde(default)]
    pub coin: String,
    /// Fee, minor units of the coin, decimal.
    #[serde(default)]
    pub fee: String,
    /// What its bytes spend, where the vendor showed them; empty where it did not.
    #[serde(default)]
    pub conflict_key: String,
}

impl Spent {
    /// Whether at most one of both can land: they do the same by other bytes that spend the same.
    #[must_use]
    pub fn replaces(&self, before: &Self) -> bool {
        !self.conflict_key.is_empty()
            && (
                &self.conflict_key,
                &self.withdrawal,
                &self.asset,
                &self.amount,
            ) == (
                &before.conflict_key,
                &before.withdrawal,
                &before.asset,
                &before.amount,
            )
    }

    /// The fee, minor units of the coin.
    #[must_use]
    pub fn paid(&self) -> u128 {
        self.fee.parse().unwrap_or(0)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Asked(Asked),
    /// The guard answered *held*: the next question is a new one.
    Closed(String),
    Answered(Answered),
    Spent(Spent),
    KeyId {
        id: String,
        fingerprint: String,
    },
    Incident {
        key: String,
        at: u64,
        says: String,
    },
    Called {
        signer: String,
        at: u64,
    },
}

/// The memory.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    file: File,
    poisoned: bool,
    open: BTreeMap<String, Asked>,
    contents: BTreeMap<String, String>,
    answered: BTreeMap<String, Answered>,
    spent: BTreeMap<String, Spent>,
    approved: BTreeMap<String, String>,
    recent: BTreeMap<String, Vec<(u64, u128)>>,
    key_ids: BTreeMap<String, String>,
    called: BTreeMap<String, u64>,
    incidents: BTreeSet<(u64, String, String)>,
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> StoreError {
    let file = path.to_path_buf();
    move |cause| StoreError::Io { file, cause }
}

fn sum_of(json: &str) -> String {
    let digest = Sha256::digest(json.as_bytes());
    keepwhole_verify::json::to_hex(digest.get(..8).unwrap_or_default())
}

/// The lines of a store, and how many of its bytes they take: what is behind them was cut off.
fn read(path: &Path, bytes: &[u8]) -> Result<(Vec<Line>, usize), StoreError> {
    let whole = bytes.iter().rposition(|byte| *byte == b'\n');
    let whole = whole.map_or(0, |last| last.saturating_add(1));
    let mut lines = Vec::new();
    let written = bytes.get(..whole).unwrap_or_default();
    for (at, line) in written.split(|byte| *byte == b'\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        let damaged = |what| StoreError::Damaged {
            file: path.to_path_buf(),
            line: at.saturating_add(1),
            what,
        };
        let line = std::str::from_utf8(line).map_err(|_| damaged("not text"))?;
        let (sum, json) = line.split_once(' ').ok_or_else(|| damaged("no checksum"))?;
        if sum != sum_of(json) {
            return Err(damaged("the checksum does not fit"));
        }
        lines.push(serde_json::from_str(json).map_err(|_| damaged("not a line of ours"))?);
    }
    Ok((lines, whole))
}

/// Counts the lines of a store's bytes, and the bytes that they take, without a file.
///
/// # Errors
/// [`StoreError::Damaged`].
pub fn lines(bytes: &[u8]) -> Result<(usize, usize), StoreError> {
    read(Path::new(FILE), bytes).map(|(lines, whole)| (lines.len(), whole))
}

impl Store {
    /// Opens the store in a folder, which is made if needed, for this process alone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        let made = std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder);
        made.map_err(failed(folder))?;
        let path = folder.join(FILE);
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600);
        let mut file = options.open(&path).map_err(failed(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(folder.to_path_buf())),
            Err(TryLockError::Error(cause)) => return Err(failed(&path)(cause)),
        }
        let length = file.metadata().map_err(failed(&path))?.len();
        if length > FILE_MAX {
            return Err(StoreError::TooLarge(path, length));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed(&path))?;
        let mut store = Self {
            path,
            file,
            poisoned: false,
            open: BTreeMap::new(),
            contents: BTreeMap::new(),
            answered: BTreeMap::new(),
            spent: BTreeMap::new(),
            approved: BTreeMap::new(),
            recent: BTreeMap::new(),
            key_ids: BTreeMap::new(),
            called: BTreeMap::new(),
            incidents: BTreeSet::new(),
        };
        store.load(&bytes)?;
        // The name of a new file must survive a crash like its content.
        let opened = File::open(folder).and_then(|folder| folder.sync_all());
        opened.map_err(failed(folder))?;
        Ok(store)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let (lines, whole) = read(&self.path, bytes)?;
        for line in lines {
            self.take(line);
        }
        if whole < bytes.len() {
            // A line without its end was never relied on: its sync had not returned.
            let length = u64::try_from(whole).unwrap_or(0);
            let cut = self.file.set_len(length);
            cut.and_then(|()| self.file.seek(SeekFrom::End(0)))
                .and_then(|_| self.file.sync_all())
                .map_err(failed(&self.path))?;
        }
        Ok(())
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Asked(asked) => {
                self.contents
                    .insert(asked.key.clone(), asked.content.clone());
                self.open.insert(asked.key.clone(), asked);
            }
            Line::Closed(key) => {
                self.open.remove(&key);
            }
            Line::Answered(answered) => {
                self.open.remove(&answered.key);
                if let Some((withdrawal, by)) = answered.approves.clone() {
                    self.approved.insert(withdrawal, by);
                }
                self.answered.insert(answered.key.clone(), answered);
            }
            Line::Spent(spent) => {
                for (asset, units) in self.counts(&spent) {
                    self.recent
                        .entry(asset)
                        .or_default()
                        .push((spent.at, units));
                }
                self.spent.insert(spent.withdrawal.clone(), spent);
            }
            Line::KeyId { id, fingerprint } => {
                self.key_ids.insert(id, fingerprint);
            }
            Line::Incident { key, at, says } => {
                self.incidents.insert((at, key, says));
            }
            Line::Called { signer, at } => {
                self.called.insert(signer, at);
            }
        }
    }

    fn append(&mut self, line: Line) -> Result<(), StoreError> {
        if self.poisoned {
            return Err(StoreError::Poisoned);
        }
        // Our own types hold nothing that JSON can't.
        let json = serde_json::to_string(&line).map_err(|_| StoreError::Poisoned)?;
        let text = format!("{} {json}\n", sum_of(&json));
        let written = self.file.write_all(text.as_bytes());
        if let Err(cause) = written.and_then(|()| self.file.sync_data()) {
            self.poisoned = true;
            return Err(failed(&self.path)(cause));
        }
        self.take(line);
        Ok(())
    }

    /// Whether a write failed, so that nothing may be approved.
    #[must_use]
    pub const fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    /// The answer that was given to this request.
    #[must_use]
    pub fn answered(&self, key: &str) -> Option<&Answered> {
        self.answered.get(key)
    }

    /// Hash of what this request asked when it came first.
    #[must_use]
    pub fn content(&self, key: &str) -> Option<&str> {
        self.contents.get(key).map(String::as_str)
    }

    /// The question that is under way for this request.
    #[must_use]
    pub fn open_question(&self, key: &str) -> Option<&Asked> {
        self.open.get(key)
    }

    /// Remembers a question before anybody is asked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn ask(&mut self, asked: Asked) -> Result<(), StoreError> {
        self.append(Line::Asked(asked))
    }

    /// Remembers that the guard answered *held*, so that the next question is a new one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn close(&mut self, key: &str) -> Result<(), StoreError> {
        if self.open.contains_key(key) {
            return self.append(Line::Closed(key.to_owned()));
        }
        Ok(())
    }

    /// Remembers an answer before it is sent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn answer(&mut self, answered: Answered) -> Result<(), StoreError> {
        self.append(Line::Answered(answered))
    }

    /// What this withdrawal was counted for last.
    #[must_use]
    pub fn spent(&self, withdrawal: &str) -> Option<&Spent> {
        self.spent.get(withdrawal)
    }

    /// The transaction (vendor, account and id) that was approved for this withdrawal.
    #[must_use]
    pub fn approved(&self, withdrawal: &str) -> Option<&str> {
        self.approved.get(withdrawal).map(String::as_str)
    }

    /// Whether a withdrawal was counted for another transaction than `by` last, or approved for one that was not counted here.
    #[must_use]
    pub fn goes_elsewhere(&self, withdrawal: &str, by: &str) -> bool {
        let counted = self.spent(withdrawal).map(|spent| spent.by.as_str());
        let last = counted.or(self.approved(withdrawal));
        last.is_some_and(|other| other != by)
    }

    /// Everything that was approved of an asset in the hour before `now`, minor units. Times after `now` count too: a
    /// clock that was set back frees nothing.
    #[must_use]
    pub fn spent_in_hour(&self, asset: &str, now: u64) -> u128 {
        let recent = self.recent.get(asset).map_or(&[][..], Vec::as_slice);
        let counted = recent
            .iter()
            .filter(|(at, _)| at.saturating_add(HOUR_MS) > now);
        counted.fold(0_u128, |sum, (_, amount)| sum.saturating_add(*amount))
    }

    /// What it takes out of which caps: amount and fee; of a replacement what its fee is above the last one's.
    #[must_use]
    pub fn counts(&self, spent: &Spent) -> Vec<(String, u128)> {
        let before = self.spent.get(&spent.withdrawal);
        let before = before.filter(|before| spent.replaces(before));
        let fee = spent.paid().saturating_sub(before.map_or(0, Spent::paid));
        let amount = match before {
            Some(_) => 0,
            None => spent.amount.parse().unwrap_or(u128::MAX),
        };
        if spent.coin.is_empty() || spent.coin == spent.asset {
            return vec![(spent.asset.clone(), amount.saturating_add(fee))];
        }
        vec![(spent.asset.clone(), amount), (spent.coin.clone(), fee)]
    }

    /// Takes an amount out of the cap, before the clearance is redeemed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn spend(&mut self, spent: Spent) -> Result<(), StoreError> {
        self.append(Line::Spent(spent))
    }

    /// Remembers that a key id belongs to a key for good. `Ok(false)`: it belongs to another.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn claim_key_id(&mut self, id: &str, fingerprint: &str) -> Result<bool, StoreError> {
        if let Some(known) = self.key_ids.get(id) {
            return Ok(known == fingerprint);
        }
        self.append(Line::KeyId {
            id: id.to_owned(),
            fingerprint: fingerprint.to_owned(),
        })?;
        Ok(true)
    }

    /// Remembers that a vendor's bytes and words differ.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn incident(&mut self, key: &str, at: u64, says: &str) -> Result<(), StoreError> {
        self.append(Line::Incident {
            key: key.to_owned(),
            at,
            says: says.to_owned(),
        })
    }

    /// Incidents since the store was made.
    #[must_use]
    pub fn incidents(&self) -> usize {
        self.incidents.len()
    }

    /// Remembers a call of a signer; written at most once a minute each, as it only feeds the age of the last call.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn called(&mut self, signer: &str, at: u64) -> Result<(), StoreError> {
        let known = self.called.get(signer).copied();
        if known.is_some_and(|known| at < known.saturating_add(60_000)) {
            return Ok(());
        }
        self.append(Line::Called {
            signer: signer.to_owned(),
            at,
        })
    }

    /// The last call of a signer, to the minute.
    #[must_use]
    pub fn last_call(&self, signer: &str) -> Option<u64> {
        self.called.get(signer).copied()
    }
}
