//! A smaller run that breaks the same promise: fewer kinds of fault, then fewer steps.

use crate::run::{Failure, run};
use crate::swarm::Swarm;
use crate::world::Scenario;

/// Runs that are tried at most.
const TRIES: u32 = 600;

struct Search {
    best: Failure,
    tries: u32,
}

impl Search {
    /// Keeps the scenario if it breaks the same promise.
    fn try_out(&mut self, scenario: &Scenario) -> bool {
        if self.tries == 0 {
            return false;
        }
        self.tries -= 1;
        match run(scenario) {
            Err(failure) if failure.promise == self.best.promise => {
                self.best = *failure;
                true
            }
            _ => false,
        }
    }

    /// Leaves out kinds of fault, one after the other.
    fn fewer_faults(&mut self) {
        let swarm = Swarm::draw(self.best.scenario.seed, &self.best.scenario.without);
        for fault in swarm.faults() {
            let mut smaller = self.best.scenario.clone();
            smaller.without.insert(fault);
            self.try_out(&smaller);
        }
    }

    /// Leaves out steps: halves, quarters, and so on down to single ones.
    fn fewer_steps(&mut self) {
        let mut size = self.best.scenario.steps.max(2) / 2;
        while size > 0 {
            let mut from = 1;
            // The run may become shorter on the way.
            while from <= self.best.scenario.steps {
                let mut smaller = self.best.scenario.clone();
                smaller.skip.extend(from..from + size);
                if smaller.skip != self.best.scenario.skip {
                    self.try_out(&smaller);
                }
                from += size;
            }
            size /= 2;
        }
        let steps = self.best.scenario.steps;
        self.best.scenario.skip.retain(|step| *step <= steps);
    }
}

/// Looks for a smaller run that breaks the same promise.
#[must_use]
pub fn shrink(failure: &Failure) -> Failure {
    let mut search = Search {
        best: failure.clone(),
        tries: TRIES,
    };
    search.fewer_faults();
    search.fewer_steps();
    search.best
}
