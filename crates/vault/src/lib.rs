//! The vault: personal data outside the journal, encrypted per person and erasable by destroying the key.
