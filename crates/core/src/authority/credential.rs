//! A person's credentials: keys of WebAuthn, each of one person, each active over a stretch of the journal.

use crate::registry::PersonIx;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Longest id of a credential, bytes (W3C Web Authentication, 4 "Credential ID").
pub const ID_MAX: usize = 1_023;
/// Longest public key in COSE form, bytes.
pub const KEY_MAX: usize = 512;
/// The role of whoever holds sealed keys; it outlives [`ROLE_MAX_MS`](super::rules::ROLE_MAX_MS).
pub const SEALED_ROLE: &str = "sealed";

/// On what a credential's key lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum DeviceKind {
    /// A key that is plugged in or held to.
    SecurityKey = 1,
    /// The computer itself.
    Platform = 2,
    /// A phone.
    Phone = 3,
    /// A key in a sealed envelope; it counts for the sealed keys' own class of action and no other.
    Sealed = 4,
}

impl DeviceKind {
    /// All kinds with their codes.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::SecurityKey, "security_key"),
        (Self::Platform, "platform"),
        (Self::Phone, "phone"),
        (Self::Sealed, "sealed"),
    ];

    /// Stable public code, lower snake case.
    #[must_use]
    pub fn code(self) -> &'static str {
        let row = Self::ALL.iter().find(|(kind, _)| *kind == self);
        row.map_or("", |(_, code)| code)
    }

    /// The kind of that code.
    #[must_use]
    pub fn of_code(code: &str) -> Option<Self> {
        let row = Self::ALL.iter().find(|(_, known)| *known == code);
        row.map(|(kind, _)| *kind)
    }
}

/// A credential as it is offered.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct NewCredential {
    /// Its id, as the authenticator gave it.
    pub id: Vec<u8>,
    /// Its public key, COSE.
    pub public_key: Vec<u8>,
    /// On what it lives.
    pub kind: DeviceKind,
    /// True if it can't be copied to another device.
    pub device_bound: bool,
}

/// A person's account with roles and credentials, as it is enrolled.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Enrolment {
    /// Account, new.
    pub actor: String,
    /// Person, known or new.
    pub person: String,
    /// Roles.
    pub roles: Vec<String>,
    /// First moment without them, ms.
    pub expires: u64,
    /// Credentials.
    pub credentials: Vec<NewCredential>,
}

/// A credential as it is enrolled.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Credential {
    /// What was offered.
    pub key: NewCredential,
    /// Whose.
    pub person: PersonIx,
    /// Journal index of its enrolment: active from there on.
    pub from: u64,
    /// Journal index of its end; `None` while it is active.
    pub until: Option<u64>,
    /// The last counter seen.
    pub counter: u32,
}

impl Credential {
    /// Whether it was active at a journal index: `from` <= index < `until`.
    #[must_use]
    pub fn active_at(&self, index: u64) -> bool {
        self.from <= index && self.until.is_none_or(|until| index < until)
    }
}
