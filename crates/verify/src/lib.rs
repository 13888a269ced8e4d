//! Checks that a keepwhole journal says what it is claimed to say: offline, from bytes alone.
//!
//! The crate is `no_std` with `alloc`: no files, no clock, no randomness, no network. Whoever checks (an auditor, a
//! customer, a signer) hands in bytes and trusted keys and gets an answer that names what failed.
//!
//! Read in this order: [`digest`] (SHA-256), [`tree`] (RFC 6962 hashing, inclusion, consistency), [`tile`] (the files a
//! tree is published in), [`note`] (signed text), [`checkpoint`] (what a log signs), [`cosignature`] (what a witness
//! signs), [`policy`] (which signatures are enough), [`rotation`] (a log's next key), [`tlog_proof`] (one entry travelling alone). Then what rests on the log: [`json`] (the
//! only form our documents have), [`record`] (the envelope of an entry), [`trust`] (whose keys count), [`sum_tree`],
//! [`manifest`], [`statement`] and [`table`] (a redress set), [`package`] and [`customer_check`] (one customer's proof), [`archive`],
//! [`bundle_manifest`], [`bundle`] and [`report`] (everything of a case, checked offline). And what moves money: [`intent`] (what is
//! decided), [`roster`], [`webauthn`] and [`approval`] (who agreed to it), [`words`] (the same digest in six words), [`clearance`]
//! (what may be signed).

#![no_std]

extern crate alloc;

pub mod approval;
pub mod archive;
pub mod bundle;
pub mod bundle_manifest;
pub mod caip;
pub mod checkpoint;
pub mod clearance;
mod client_data;
pub mod cose;
pub mod cosignature;
pub mod customer_check;
pub mod decimal;
pub mod digest;
pub mod intent;
pub mod json;
pub mod manifest;
pub mod note;
pub mod package;
pub mod policy;
pub mod record;
pub mod report;
pub mod roster;
pub mod rotation;
mod stages;
pub mod statement;
pub mod sum_tree;
pub mod table;
pub mod tile;
pub mod tlog_proof;
mod told;
pub mod tree;
pub mod trust;
pub mod units;
pub mod visible;
pub mod webauthn;
pub mod words;

pub use checkpoint::Checkpoint;
pub use digest::Digest;
