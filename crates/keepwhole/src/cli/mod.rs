//! The command line: one verb each.

pub mod demo;
pub mod drill;
pub mod law;
