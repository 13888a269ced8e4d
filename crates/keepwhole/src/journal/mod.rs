//! The embedded journal: what is durable, in which order, and how anybody can check it.
//!
//! Read in this order: [`disk`] (what is asked of a disk), [`frame`] and [`batch`] (what one sync makes durable), [`writer`]
//! (open, read, check) and [`append`], [`recovery`] (what a crash leaves), [`snapshot`] and [`state_bytes`] (where a start may
//! begin), [`scrub`] (what is found while running), [`tiles`] and [`publish`] (what the outside sees), [`keys`] and
//! [`token`], [`attachments`], [`alarm`] (what a person must look into), [`installation`] (all of it together). Every byte is described in docs/journal-format.md.
//!
//! The promise: what [`Journal::append`] returned is never lost and never changed unnoticed. One writer at a time,
//! kept by a lock and by an epoch that rises with every start.

pub mod alarm;
pub mod append;
pub mod attachments;
pub mod batch;
pub mod contract;
pub mod disk;
pub mod error;
pub mod frame;
pub mod installation;
pub mod keys;
pub mod layout;
pub mod publish;
pub mod real_disk;
pub mod recovery;
pub mod reserve;
pub mod scrub;
pub mod segment;
pub mod sim_disk;
pub mod snapshot;
pub mod state_bytes;
pub mod tiles;
pub mod token;
pub mod writer;

pub use alarm::{Alarm, AlarmCode};
pub use append::{Extent, Times};
pub use batch::FrameBatch;
pub use disk::Disk;
pub use error::{Fault, JournalError, Unknown};
pub use installation::Installation;
pub use publish::Publisher;
pub use real_disk::RealDisk;
pub use recovery::{Known, Start};
pub use sim_disk::SimDisk;
pub use writer::{Head, Journal, Options, Plan, Recovery};
