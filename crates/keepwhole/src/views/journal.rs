//! The journal page: the head that everything else rests on, and the records themselves.

/// The head of the journal: what a page's evidence line names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Number of entries.
    pub size: u64,
    /// Merkle tree root over them (RFC 6962), lowercase hex.
    pub root: String,
}

/// One entry as the journal page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its index, from 0.
    pub index: u64,
    /// When it was recorded, milliseconds since the epoch.
    pub at: u64,
    /// The kind of event, as in docs/journal-format.md.
    pub kind: String,
    /// The event as canonical JSON.
    pub json: String,
}

/// The journal page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalView {
    /// The journal's time of its last entry (milliseconds since the epoch); `None` for an empty journal.
    pub as_of: Option<u64>,
    /// The head of the journal.
    pub head: Head,
    /// The signed checkpoint (C2SP tlog-checkpoint) as published; `None` where none is published yet.
    pub checkpoint: Option<String>,
    /// The key that verifies the checkpoint's signature (C2SP signed-note verifier key).
    pub vkey: String,
    /// The entries of this page, oldest first.
    pub records: Vec<Record>,
    /// Index of the first entry of this page.
    pub from: u64,
    /// How many entries a full page has.
    pub page: u64,
}
