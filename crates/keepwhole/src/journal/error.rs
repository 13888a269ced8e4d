//! Everything that can keep the journal from opening, appending or reading, with its code for machines.

use super::disk::DiskError;
use super::frame::{EncodeFault, FrameFault};
use keepwhole_verify::checkpoint::CheckpointError;
use keepwhole_verify::note::NoteError;
use keepwhole_verify::tile::TileError;
use std::fmt;

/// What is wrong at one place of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The bytes are no frame, or not the one that belongs here.
    Frame(FrameFault),
    /// The segment begins at another position than the one before it ended at.
    Gap {
        /// Position at which it should begin.
        wanted: u64,
    },
    /// A whole frame turned wrong by one flipped bit, counted from the frame's first byte, low bit first.
    FlippedBit(usize),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(fault) => fault.fmt(f),
            Self::Gap { wanted } => write!(f, "records from position `{wanted}` on are missing"),
            Self::FlippedBit(bit) => write!(f, "bit `{bit}` of the frame has flipped"),
        }
    }
}

/// What a record has that this program does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// The version of its form.
    Version(u8),
    /// The number of its kind of event.
    Kind(u8),
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(
                f,
                "form `{version}`; a keepwhole that reads form `{version}` is needed"
            ),
            Self::Kind(kind) => write!(
                f,
                "event kind `{kind}`; a keepwhole that knows event kind `{kind}` is needed"
            ),
        }
    }
}

/// Why the journal refused.
#[derive(Debug)]
pub enum JournalError {
    /// Another process works on this installation.
    LockHeld,
    /// A later start of the program has taken over; this one must write no more.
    Fenced {
        /// Epoch of this start.
        ours: u64,
        /// Epoch on disk.
        found: u64,
    },
    /// The disk failed.
    Disk(DiskError),
    /// A stored frame is damaged, or one is missing, before the end of the journal.
    Damaged {
        /// The segment file.
        segment: String,
        /// Number of the frame within it, from 0.
        frame: u64,
        /// Byte offset of the frame within it.
        offset: u64,
        /// What is wrong.
        fault: Fault,
    },
    /// A whole frame holds a record that only a newer program knows.
    UnknownRecord {
        /// Position of the record.
        position: u64,
        /// What is not known of it.
        what: Unknown,
    },
    /// A file of the journal or its log was removed, replaced or changed while the program ran.
    Changed {
        /// The file.
        path: String,
        /// What was found.
        what: &'static str,
    },
    /// A file that does not belong into the folder of segments.
    StrangeFile(String),
    /// A published checkpoint is ahead of the journal: records were lost.
    Truncated {
        /// Records in the journal.
        recovered: u64,
        /// Records in the checkpoint.
        published: u64,
    },
    /// A published checkpoint has another root at its size than the journal.
    Forked {
        /// The size at which they differ.
        size: u64,
    },
    /// Records that can't be appended; the journal goes on.
    Refused(EncodeFault),
    /// The disk is full. Nothing of the frame is stored, and that is certain: the journal goes on once there is space.
    DiskFull {
        /// Bytes of the frame that did not fit.
        frame: u64,
        /// The file that could not grow.
        path: String,
    },
    /// An earlier failure stopped this journal; it has to be opened again.
    Stopped(String),
    /// The journal was opened for reading only.
    ReadOnly,
    /// A position at or beyond the end was asked for.
    OutsideJournal {
        /// Position asked for.
        position: u64,
        /// Records in the journal.
        size: u64,
    },
    /// A tile is missing, damaged or of another tree.
    Tile(TileError),
    /// Published hashes are others than the journal makes.
    TileDiffers(String),
    /// A checkpoint could not be signed or read.
    Checkpoint(CheckpointError),
    /// A key file is wrong.
    Key {
        /// The file.
        path: String,
        /// What is wrong with it.
        fault: String,
    },
    /// The file naming the log's origin is missing or wrong.
    Origin(String),
    /// An attachment's bytes have another digest than its name.
    Attachment(String),
}

impl JournalError {
    /// Whether the log's key signed nothing, or nothing that verifies.
    #[must_use]
    pub const fn is_unsigned(&self) -> bool {
        matches!(
            self,
            Self::Checkpoint(CheckpointError::Note(NoteError::Signer { .. }))
        )
    }

    /// The stable code for machines; the command line and the server answer with it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::LockHeld => "lock_held",
            Self::Fenced { .. } => "fenced",
            Self::DiskFull { .. } => "disk_full",
            Self::Disk(error) if error.source.kind() == std::io::ErrorKind::StorageFull => {
                "disk_full"
            }
            Self::Disk(_) => "io_error",
            Self::Damaged {
                fault: Fault::Frame(FrameFault::Version(_)),
                ..
            }
            | Self::UnknownRecord { .. } => "unknown_version",
            Self::Damaged { .. } => "damaged",
            Self::Changed { .. } => "changed",
            Self::StrangeFile(_) => "strange_file",
            Self::Truncated { .. } => "truncated",
            Self::Forked { .. } => "forked",
            Self::Refused(_) => "refused",
            Self::Stopped(_) => "stopped",
            Self::ReadOnly => "read_only",
            Self::OutsideJournal { .. } => "outside_journal",
            Self::Tile(_) | Self::TileDiffers(_) => "tile",
            error if error.is_unsigned() => "log_key_fault",
            Self::Checkpoint(_) => "checkpoint",
            Self::Key { .. } => "key",
            Self::Origin(_) => "origin",
            Self::Attachment(_) => "attachment",
        }
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LockHeld => f.write_str("another process holds `LOCK`; stop it first"),
            Self::Fenced { ours, found } => {
                write!(
                    f,
                    "a later start has taken over (its epoch `{found}`, ours `{ours}`)"
                )
            }
            Self::Disk(error) => error.fmt(f),
            Self::Damaged {
                segment,
                frame,
                offset,
                fault,
            } => write!(
                f,
                "segment `{segment}`, frame `{frame}`, byte offset `{offset}`: {fault}; restore the segment from a copy"
            ),
            Self::UnknownRecord { position, what } => write_unknown(f, *position, *what),
            Self::Changed { path, what } => write_changed(f, path, what),
            Self::StrangeFile(path) => write!(
                f,
                "`{path}` is no segment of the journal; move it elsewhere"
            ),
            Self::Truncated {
                recovered,
                published,
            } => write!(
                f,
                "journal holds `{recovered}` records but a checkpoint over `{published}` was published; `{}` are missing",
                published.saturating_sub(*recovered)
            ),
            Self::Forked { size } => {
                write!(
                    f,
                    "journal and published checkpoint have different roots at size `{size}`"
                )
            }
            Self::Refused(fault) => fault.fmt(f),
            Self::DiskFull { frame, path } => write!(
                f,
                "disk is full: a frame of `{frame}` bytes does not fit into `{path}`; nothing of it is stored, make space"
            ),
            Self::Stopped(reason) => {
                write!(f, "journal has stopped and must be opened again: {reason}")
            }
            Self::ReadOnly => f.write_str("journal is open for reading only"),
            Self::OutsideJournal { position, size } => {
                write!(
                    f,
                    "position `{position}` is outside a journal of `{size}` records"
                )
            }
            Self::Tile(error) => error.fmt(f),
            Self::TileDiffers(path) => {
                write!(
                    f,
                    "`{path}` differs from the journal; remove the folder `log/level` and start again"
                )
            }
            Self::Checkpoint(error) => error.fmt(f),
            Self::Key { path, fault } => write!(f, "key file `{path}` {fault}"),
            Self::Origin(fault) => write!(f, "file `origin` {fault}"),
            Self::Attachment(path) => write!(
                f,
                "attachment `{path}` holds other bytes than its name says"
            ),
        }
    }
}

fn write_unknown(f: &mut fmt::Formatter<'_>, position: u64, what: Unknown) -> fmt::Result {
    write!(
        f,
        "entry `{position}` has {what}; this program is too old for it and skips nothing"
    )
}

fn write_changed(f: &mut fmt::Formatter<'_>, path: &str, what: &str) -> fmt::Result {
    write!(
        f,
        "file `{path}` {what}; restore it from a copy, `keepwhole journal repair` does so from a backup"
    )
}

impl std::error::Error for JournalError {}

impl From<DiskError> for JournalError {
    fn from(error: DiskError) -> Self {
        Self::Disk(error)
    }
}

impl From<TileError> for JournalError {
    fn from(error: TileError) -> Self {
        Self::Tile(error)
    }
}

impl From<CheckpointError> for JournalError {
    fn from(error: CheckpointError) -> Self {
        Self::Checkpoint(error)
    }
}

impl From<NoteError> for JournalError {
    fn from(error: NoteError) -> Self {
        Self::Checkpoint(CheckpointError::Note(error))
    }
}
