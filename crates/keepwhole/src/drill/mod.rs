//! Scenario files played on simulated time through the real core, sequencer and journal.
