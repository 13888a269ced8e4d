//! What enters over a wire: HTTP batches and the unix-socket feed.
//!
//! An edge knows who asks ([`tokens`]), bounds what is asked before it is read, turns it into a command of the core and
//! hands that to an [`Intake`]. It answers only what the intake answers, so that nothing is acknowledged that is not
//! durable. It holds no rule about money.

pub mod api;
pub mod console;
pub mod feed;
pub mod guard;
mod guard_wire;
mod intake;
mod price_wire;
mod rates;
pub mod refusals;
pub mod server;
pub mod settings;
pub mod tls;
pub mod tokens;
mod wire;

pub use intake::{Done, Intake, NoReply};
pub use rates::Limits;
