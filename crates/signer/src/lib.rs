//! What a signer asks before it signs, believing as little as it can (`docs/signer.md`).
//!
//! An exchange links this library into the program that holds its keys, or runs that program beside it. The host that
//! runs keepwhole may be in a thief's hands: he then has the guard's key and the log's key and signs any clearance, any
//! roster and any head. So this side holds by itself whom it asks (pinned approvers and quorums), how much leaves without
//! people (durable caps per asset), what the log said last, and decodes the bytes anew. It holds no key to funds: the key
//! is behind [`SigningKey`].
//!
//! Read in this order: [`settings`] (what is pinned), [`request`] (what arrives), [`signer`] (the order of the checks),
//! then the checks: [`admission`], [`decoding`], [`people`], [`caps`], [`heads`], [`redemption`]; [`store`] is the memory
//! under them, [`refusal`] every answer but yes.

pub mod admission;
pub mod caps;
pub mod clock;
pub mod decoding;
pub mod heads;
pub mod key;
pub mod people;
pub mod redemption;
pub mod refusal;
pub mod request;
pub mod settings;
pub mod signer;
pub mod status;
pub mod store;
pub mod transport;

pub use key::{SigningKey, signed_with};
pub use redemption::{Redeem, Redeemed};
pub use refusal::Refusal;
pub use request::Request;
pub use settings::Settings;
pub use signer::{Permit, Signer};
