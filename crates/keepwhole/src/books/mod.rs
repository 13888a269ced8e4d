//! Books in and out over the one writer: [`import`] checks whole files, [`record`] records them chunk by chunk, [`export`]
//! writes them from a fold of the journal. What the files mean is in the crate `keepwhole-books`.

pub mod export;
pub mod import;
mod ledger;
pub mod record;

pub use ledger::StateLedger;
