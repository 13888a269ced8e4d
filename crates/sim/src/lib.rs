//! The real sequencer, journal and recovery on one thread under one seed: commands, crashes, torn and failed writes.
//!
//! The same seed gives the same run. The judge is the client: it keeps a list of what was acknowledged, and after every
//! recovery each of these commands must get the same answer again. Not covered: real kernels, real disks, the network,
//! the cryptography itself, a sync that lies.

pub mod draw;
pub mod workload;
pub mod world;
