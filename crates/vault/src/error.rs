//! Why the vault refused. No message repeats what a record, a search or an account says.

use std::io;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// A file operation failed.
    #[error("can't {doing} `{path}` of the vault: {cause}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file, relative to the vault; random numbers and keyed hashes only.
        path: String,
        /// What the system said.
        cause: io::Error,
    },
    /// There is no vault in the folder.
    #[error("there is no vault here yet; keep a first record, or restore `key/` and `wrapped/`")]
    NoVault,
    /// The vault key is missing, others can read it, or it is no key.
    #[error("vault key `{path}` {fault}")]
    Key {
        /// The file.
        path: String,
        /// What is wrong, and how to repair it.
        fault: String,
    },
    /// A file of the vault is not what it must be: changed, cut, or under another key.
    #[error(
        "`{path}` of the vault does not open: it was changed, cut, or sealed under a key that is gone"
    )]
    NotOpened {
        /// The file.
        path: String,
    },
    /// No record of that account is kept.
    #[error("no personal record of this account is kept")]
    UnknownAccount,
    /// No such record of that subject is kept.
    #[error("no such personal record is kept")]
    UnknownRecord,
    /// The account's person was erased.
    #[error("the person of this account was erased")]
    Erased,
    /// The record given is not one.
    #[error("the personal record is refused: {0}")]
    Record(&'static str),
    /// The system gave no randomness.
    #[error("the system gave no randomness: {0}")]
    Random(String),
}

impl VaultError {
    /// Stable code for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "io_error",
            Self::NoVault => "no_vault",
            Self::Key { .. } => "vault_key",
            Self::NotOpened { .. } => "not_opened",
            Self::UnknownAccount => "unknown_account",
            Self::UnknownRecord => "unknown_record",
            Self::Erased => "erased",
            Self::Record(_) => "malformed_record",
            Self::Random(_) => "no_randomness",
        }
    }
}
