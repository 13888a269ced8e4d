//! The stages of a bundle's check, V02 to V17 (docs/proof-formats.md, "Stages").

pub(crate) mod approvals;
pub(crate) mod clearances;
pub(crate) mod contents;
pub(crate) mod decided;
pub(crate) mod entries;
pub(crate) mod log;
pub(crate) mod redress;
