//! Files of authority: what people bring (credentials, rules) and what anybody may check (roster, approvals).
//!
//! The rules themselves are the core's; formats stand in `docs/authority.md` and `docs/approvals.md`.

mod export;
mod files;

pub use export::{ExportError, approvals, quorum_of, roster};
pub use files::{FileFault, credential, proof, rules};
