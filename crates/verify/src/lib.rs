//! Checks that a keepwhole journal says what it is claimed to say: offline, from bytes alone.
//!
//! The crate is `no_std` with `alloc`: no files, no clock, no randomness, no network. Whoever checks (an auditor, a
//! customer, a signer) hands in bytes and trusted keys and gets an answer that names what failed.
//!
//! Read in this order: [`digest`] (SHA-256), [`tree`] (RFC 6962 hashing, inclusion, consistency), [`tile`] (the files a
//! tree is published in), [`note`] (signed text), [`checkpoint`] (what a log signs), [`cosignature`] (what a witness
//! signs), [`policy`] (which signatures are enough), [`tlog_proof`] (one entry travelling alone).

#![no_std]

extern crate alloc;

pub mod checkpoint;
pub mod cosignature;
pub mod decimal;
pub mod digest;
pub mod note;
pub mod policy;
pub mod tile;
pub mod tlog_proof;
pub mod tree;

pub use checkpoint::Checkpoint;
pub use digest::Digest;
