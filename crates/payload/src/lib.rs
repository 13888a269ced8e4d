//! What the bytes that a signer is asked to sign would do: decoded in full, or refused by name.
//!
//! `docs/payloads.md` is the format of the answer. Nothing here does I/O, reads a clock or keeps state; no bytes make it
//! panic. What a caller knows (chain, sender, own addresses, pinned contracts) enters as a context; what the bytes claim
//! about themselves is checked against it. The signing digest is always computed here, never taken from the caller.

pub mod bitcoin;
pub mod callback;
pub mod evm;
pub mod expected;
pub mod outcome;
pub mod refusal;
pub mod solana;
pub mod word;

pub use expected::{Expected, Mismatch};
pub use outcome::{Effect, Kind, Outcome, Power, ToSign};
pub use refusal::Refusal;
pub use word::Word;

/// Most effects that one payload may have: a person could not judge more, and a bomb could not cost more.
pub const MAX_EFFECTS: usize = 256;

/// Most calls inside calls (a Safe in a Safe, a batch in a Safe).
pub const MAX_DEPTH: usize = 4;
