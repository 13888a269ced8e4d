//! The real sequencer, journal, recovery and publisher on one thread under one seed: commands, crashes, a disk that
//! fails and lies, a clock that jumps, a network that loses, an administrator who cheats.
//!
//! The same seed gives the same run. Three judges: the client's own list of what was acknowledged, a second and simpler
//! set of rules ([`model`]), and a witness who keeps checkpoints. What is not covered stands in docs/simulator.md.

pub mod adversary;
pub mod arguments;
pub mod audit;
pub mod checks;
pub mod client;
pub mod clock;
pub mod disk;
pub mod draw;
pub mod exchange;
pub mod model;
pub mod network;
pub mod process;
pub mod promise;
pub mod run;
pub mod shrink;
pub mod swarm;
mod upheaval;
pub mod witness;
pub mod workload;
pub mod world;
