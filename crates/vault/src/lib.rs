//! The vault: personal data outside the journal, encrypted per person and erasable by destroying the key.
//!
//! Every person has a random number and a random key. Records are sealed with that key; the key is wrapped by the vault
//! key. The journal gets the random number and a salted commitment, and never a name. Erasing destroys the wrapped key,
//! the way from the account to the number, and the records: what lies in old copies of the records no longer opens.
//! `docs/personal-data.md` says what that does and does not do.
//!
//! Read in this order: [`seal`], [`fields`], [`files`], [`keys`], [`vault`].
//!
//! Absent on purpose: who may do what and for how long the law keeps a record (the core decides, the journal says so),
//! and any way to list what is inside the records.

pub mod error;
pub mod fields;
pub mod files;
pub mod keys;
pub mod memory_files;
pub mod seal;
pub mod vault;

pub use error::VaultError;
pub use fields::{Field, PersonalRecord};
pub use files::{Files, RealFiles};
pub use keys::{FileKeys, VaultKeys};
pub use memory_files::MemoryFiles;
pub use seal::{commit_of, open, seal};
pub use vault::{Account, Kept, Vault, create, open_vault};

/// A random number that stands for one person.
pub type SubjectId = [u8; 16];
/// A random number that stands for one sealed record.
pub type RecordId = [u8; 16];
