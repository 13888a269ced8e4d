//! The signer's own memory: counts, intents, the head of the log. Durable before anything is signed.
//!
//! ```text
//! LOCK     held by the one process that runs on the folder
//! memory   the records (`frame` has the bytes)
//! ```
//!
//! The memory is never made by itself: a folder without it is refused, as a thief who can delete a file would otherwise get
//! fresh caps. An old copy put back would give them too; what guards the folder guards the caps.

mod frame;
mod record;
mod state;

pub use frame::Damage;
pub use record::{Digest32, Record};
pub use state::{IntentSeen, State};

use core::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

const LOCK: &str = "LOCK";
/// Name of the file with the records.
pub const MEMORY: &str = "memory";
const BESIDE: &str = "memory.kwtmp";
/// From this length on a file that holds mostly forgotten facts is written anew, bytes.
const COMPACT_FROM: u64 = 4_194_304;
/// Longest file that is read, bytes.
const MAX_FILE: u64 = 1_073_741_824;

/// Why the memory can't be used.
#[derive(Debug)]
pub enum StoreError {
    /// There is none.
    Absent {
        /// Where it should be.
        path: PathBuf,
    },
    /// There is one already.
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// Another process runs on it.
    InUse {
        /// The folder.
        dir: PathBuf,
    },
    /// It is of another signer.
    Foreign {
        /// Named in it.
        found: String,
        /// Of the settings.
        expected: String,
    },
    /// A record that does not fit its checksums.
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where, what.
        damage: Damage,
    },
    /// A record that says nothing that this program knows, or nothing that can follow.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Number of the record, from 1.
        record: usize,
        /// Why.
        why: String,
    },
    /// The system did not do it.
    Io {
        /// What was being done.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
    /// Longer than is read: cut off, it would have forgotten what came last.
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Bytes.
        bytes: u64,
    },
    /// A write failed before; what is on disk is known after a start anew only.
    Failed,
    /// A record longer than one may be.
    TooLong {
        /// Bytes.
        bytes: usize,
    },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent { path } => write!(
                f,
                "`{}` is not there; a new signer makes it once, a lost one is not replaced: its caps would begin anew",
                path.display()
            ),
            Self::Exists { path } => {
                write!(
                    f,
                    "`{}` is there already; it is never replaced",
                    path.display()
                )
            }
            Self::InUse { dir } => write!(f, "another process runs on `{}`", dir.display()),
            Self::Foreign { found, expected } => write!(
                f,
                "the memory is that of the signer `{found}`, the settings are for `{expected}`"
            ),
            Self::Damaged { path, damage } => {
                write!(
                    f,
                    "`{}` is damaged: {damage}; nothing is signed on it",
                    path.display()
                )
            }
            Self::Unreadable { path, record, why } => write!(
                f,
                "record `{record}` of `{}` cannot be used: {why}; nothing is signed on it",
                path.display()
            ),
            Self::Io { doing, path, cause } => {
                write!(f, "can't {doing} `{}`: {cause}", path.display())
            }
            Self::TooLarge { path, bytes } => write!(
                f,
                "`{}` has `{bytes}` bytes, and at most `{MAX_FILE}` are read; nothing is signed on a part of it",
                path.display()
            ),
            Self::Failed => f.write_str("an earlier write failed; start anew"),
            Self::TooLong { bytes } => write!(f, "a record of `{bytes}` bytes is too long"),
        }
    }
}

impl core::error::Error for StoreError {}

fn failed<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> StoreError + 'a {
    move |cause| StoreError::Io {
        doing,
        path: path.to_path_buf(),
        cause,
    }
}

/// Where records are appended.
pub trait Medium: Send {
    /// Appends and syncs; after an error nothing is known of what is on disk.
    ///
    /// # Errors
    /// The system's.
    fn append(&mut self, record: &[u8]) -> io::Result<()>;
}

impl Medium for File {
    fn append(&mut self, record: &[u8]) -> io::Result<()> {
        self.write_all(record)?;
        self.sync_data()
    }
}

/// The memory of a signer, held by its lock.
pub struct Store {
    dir: PathBuf,
    medium: Box<dyn Medium>,
    state: State,
    bytes: u64,
    compact_at: u64,
    failed: bool,
    _lock: File,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.dir.display())
    }
}

fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join(LOCK);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(failed("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
            dir: dir.to_path_buf(),
        }),
        Err(TryLockError::Error(cause)) => Err(failed("lock", &path)(cause)),
    }
}

fn sync_folder(dir: &Path) -> Result<(), StoreError> {
    File::open(dir)
        .and_then(|folder| folder.sync_all())
        .map_err(failed("sync", dir))
}

/// Writes a whole file beside and puts it in place in one step.
fn put(dir: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let (beside, path) = (dir.join(BESIDE), dir.join(MEMORY));
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, &path)
    };
    write().map_err(failed("write", &path))?;
    sync_folder(dir)
}

fn appender(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .append(true)
        .open(path)
        .map_err(failed("open", path))
}

fn whole_file(records: &[Record]) -> Result<Vec<u8>, StoreError> {
    let mut bytes = frame::MAGIC.to_vec();
    for record in records {
        bytes.extend(framed(record)?);
    }
    Ok(bytes)
}

fn framed(record: &Record) -> Result<Vec<u8>, StoreError> {
    let text = record.to_text();
    let bytes = text.len();
    frame::encode(text.as_bytes()).ok_or(StoreError::TooLong { bytes })
}

/// What the bytes of a memory say, and how many of them hold whole records: nothing is read from or written to `path`,
/// which only names them in errors.
///
/// # Errors
/// [`StoreError::Damaged`], [`StoreError::Unreadable`].
pub fn read(path: &Path, bytes: &[u8]) -> Result<(State, usize), StoreError> {
    let (bodies, whole) = frame::decode(bytes).map_err(|damage| StoreError::Damaged {
        path: path.to_path_buf(),
        damage,
    })?;
    let mut state = State::default();
    for (number, body) in bodies.iter().enumerate() {
        let unreadable = |why: String| StoreError::Unreadable {
            path: path.to_path_buf(),
            record: number.saturating_add(1),
            why,
        };
        let text = core::str::from_utf8(body).map_err(|error| unreadable(error.to_string()))?;
        let record = Record::parse(text).map_err(|error| unreadable(error.to_string()))?;
        state.check(&record).map_err(unreadable)?;
        state.apply(&record);
    }
    Ok((state, whole))
}

impl Store {
    /// Makes the memory of a new signer at `at` and opens it.
    ///
    /// # Errors
    /// [`StoreError::Exists`], [`StoreError::InUse`], [`StoreError::Io`].
    pub fn create(dir: &Path, signer: &str, at: u64) -> Result<Self, StoreError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(failed("make the folder", dir))?;
        let held = lock(dir)?;
        let path = dir.join(MEMORY);
        if path.try_exists().map_err(failed("look for", &path))? {
            return Err(StoreError::Exists { path });
        }
        let created = Record::Created {
            at,
            signer: signer.to_owned(),
        };
        put(dir, &whole_file(&[created])?)?;
        Self::open_held(dir, signer, held)
    }

    /// Opens the memory of `signer`. A record that a crash left unfinished is cut off: nothing was signed on it.
    ///
    /// # Errors
    /// A [`StoreError`]; with any of them nothing may be signed.
    pub fn open(dir: &Path, signer: &str) -> Result<Self, StoreError> {
        let path = dir.join(MEMORY);
        if !path.try_exists().map_err(failed("look for", &path))? {
            return Err(StoreError::Absent { path });
        }
        let held = lock(dir)?;
        Self::open_held(dir, signer, held)
    }

    fn open_held(dir: &Path, signer: &str, held: File) -> Result<Self, StoreError> {
        let path = dir.join(MEMORY);
        let mut file = File::open(&path).map_err(failed("open", &path))?;
        let length = file.metadata().map_err(failed("read", &path))?.len();
        if length > MAX_FILE {
            let bytes = length;
            return Err(StoreError::TooLarge { path, bytes });
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .map_err(failed("read", &path))?;
        let (state, whole) = read(&path, &bytes)?;
        if state.signer() != signer {
            return Err(StoreError::Foreign {
                found: state.signer().to_owned(),
                expected: signer.to_owned(),
            });
        }
        if whole < bytes.len() {
            let file = OpenOptions::new().write(true).open(&path);
            let whole = u64::try_from(whole).unwrap_or(u64::MAX);
            file.and_then(|file| file.set_len(whole).and_then(|()| file.sync_all()))
                .map_err(failed("cut", &path))?;
        }
        let mut store = Self {
            dir: dir.to_path_buf(),
            medium: Box::new(appender(&path)?),
            state,
            bytes: u64::try_from(whole).unwrap_or(u64::MAX),
            compact_at: COMPACT_FROM,
            failed: false,
            _lock: held,
        };
        store.compact_if_long()?;
        Ok(store)
    }

    /// Puts another medium in place, for tests of what happens when writing fails.
    pub fn set_medium(&mut self, medium: Box<dyn Medium>) {
        self.medium = medium;
    }

    /// Everything remembered.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Whether a write failed, so that nothing more is remembered.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        self.failed
    }

    /// Remembers a fact: durable when this returns.
    ///
    /// # Errors
    /// [`StoreError::Failed`] from the first failed write on; [`StoreError::Unreadable`] for a fact that cannot follow;
    /// [`StoreError::TooLong`].
    pub fn remember(&mut self, record: &Record) -> Result<(), StoreError> {
        if self.failed {
            return Err(StoreError::Failed);
        }
        let path = self.dir.join(MEMORY);
        let bytes = framed(record)?;
        self.state
            .check(record)
            .map_err(|why| StoreError::Unreadable {
                path: path.clone(),
                record: 0,
                why,
            })?;
        if let Err(cause) = self.medium.append(&bytes) {
            self.failed = true;
            return Err(failed("write", &path)(cause));
        }
        self.state.apply(record);
        self.bytes = self
            .bytes
            .saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if let Err(error) = self.compact_if_long() {
            self.failed = true;
            return Err(error);
        }
        Ok(())
    }

    /// Writes the file anew without what is forgotten, where it got long.
    fn compact_if_long(&mut self) -> Result<(), StoreError> {
        if self.bytes < self.compact_at {
            return Ok(());
        }
        self.state.forget();
        let bytes = whole_file(&self.state.records())?;
        put(&self.dir, &bytes)?;
        self.medium = Box::new(appender(&self.dir.join(MEMORY))?);
        self.bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.compact_at = COMPACT_FROM.max(self.bytes.saturating_mul(2));
        Ok(())
    }
}
