//! Why an event is not stored, and why stored bytes are not one.

/// An event that is larger than a leaf may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EventTooLarge {
    /// Its size.
    pub bytes: usize,
}

/// Why stored bytes are not a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecordError {
    /// Written by a newer program.
    UnknownVersion {
        /// The version that it names.
        version: u8,
    },
    /// Not in canonical form, cut short, or with bytes left over.
    NotARecord,
}
