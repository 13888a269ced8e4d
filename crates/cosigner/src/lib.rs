//! Answers the approval callbacks of custody vendors, in a process of its own: another user, on another host if wanted.
//!
//! The keys that say *yes* to a vendor live here and never on keepwhole's main host, which only gives verdicts. Whatever
//! that host says is checked against what is pinned here ([`guard::checks`]): its key, the names of assets and wallets,
//! caps by the hour, the approvers' keys. `docs/cosigners.md` is the page for operators.
//!
//! Read in this order: [`responder`] (the flow of a request), [`jwt`] and [`keys`], [`fireblocks`] and [`bitgo`] (pure),
//! [`raw`] (bytes held against words), [`guard`] (the port and the HTTP behind it), [`store`] (the memory), [`settings`],
//! [`server`].

pub mod amount;
pub mod bitgo;
pub mod claims;
pub mod command;
pub mod fireblocks;
pub mod guard;
pub mod json;
pub mod jwt;
pub mod keys;
pub mod mapping;
pub mod metrics;
pub mod raw;
pub mod responder;
pub mod server;
pub mod settings;
pub mod start;
pub mod store;
pub mod tls;
