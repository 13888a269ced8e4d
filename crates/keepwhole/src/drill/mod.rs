//! Scenario files played on simulated time through the real core, sequencer and journal.

pub mod load;
pub mod scenario;
