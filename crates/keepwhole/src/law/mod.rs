//! Law as dated data: loads and checks the rules under `law/`, and answers questions about them.
//!
//! The files are data with a status and a source; `law/README.md` describes them and the eleven reject rules. The pure
//! part (days, standings, clocks, amounts) is [`keepwhole_core::law`]. Read [`load`] first, then [`check`].

pub mod check;
pub mod criteria;
pub mod draft;
pub mod duties;
pub mod load;
pub mod table;
pub mod words;

pub use load::{FileSummary, Load, LoadError, Refusal, SourceFile, Warning, load};
pub use table::{LawFilter, LawTable, at, list, show};
