//! Where everything lies inside the folder of an installation (docs/journal-format.md, "Files").

/// Held exclusively by the one writer; contains its epoch.
pub const LOCK: &str = "LOCK";
/// Space kept so that halts can be written on a full disk; its content means nothing.
pub const RESERVE: &str = "reserve";
/// One line: the origin, the name of the log.
pub const ORIGIN: &str = "origin";
/// Secret key that signs checkpoints.
pub const LOG_KEY: &str = "keys/log.key";
/// The next secret key of the log, from `keepwhole key prepare` until the rotation is recorded.
pub const NEXT_LOG_KEY: &str = "keys/log.key.next";
/// Lines `root` and `retired` of a trust file, as the journal has them; derived.
pub const KEY_HISTORY: &str = "log/keys";
/// Secret key that signs evidence bundles.
pub const BUNDLE_KEY: &str = "keys/bundle.key";
/// Secret key that signs clearances and redemptions.
pub const GUARD_KEY: &str = "keys/guard.key";
/// Folder of the segments.
pub const SEGMENTS: &str = "segments";
/// Folder of what the outside is shown.
pub const LOG: &str = "log";
/// Folder of the tree's hashes, one growing file for each level of tiles; derived, built anew when missing.
pub const LEVELS: &str = "log/level";
/// Where every 256th entry's frame begins in its segment; derived, built anew when missing.
pub const FRAMES: &str = "log/frames";
/// The newest published checkpoint.
pub const CHECKPOINT: &str = "log/checkpoint";
/// The newest signed head while it waits for cosignatures; only with witnesses.
pub const PENDING: &str = "log/pending";
/// What a witness proved against this journal; while it lies there, the journal is not written.
pub const ALARM: &str = "log/alarm";
/// Folder of snapshots of the folded state; derived, may be deleted.
pub const SNAPSHOTS: &str = "snapshots";
/// Folder of checkpoints that witnesses hold of this log; the journal must hold all that they name.
pub const WITNESS: &str = "witness";
/// Folder of documents, each named by its SHA-256.
pub const ATTACHMENTS: &str = "attachments";

/// Path of the hashes of one level of tiles.
#[must_use]
pub fn level_path(level: u8) -> String {
    format!("{LEVELS}/{level}")
}

/// Path of the segment that begins at position `first`.
#[must_use]
pub fn segment_path(first: u64) -> String {
    format!("{SEGMENTS}/{first:020}.kwj")
}

/// First position of the segment at `path`, if it is one.
#[must_use]
pub fn segment_first(path: &str) -> Option<u64> {
    let digits = path
        .strip_prefix(SEGMENTS)?
        .strip_prefix('/')?
        .strip_suffix(".kwj")?;
    let first = digits.parse().ok()?;
    (segment_path(first) == path).then_some(first)
}
