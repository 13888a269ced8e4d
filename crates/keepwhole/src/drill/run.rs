//! Plays one story: sets up, feeds the events, checks invariants after each, then every demand.

use super::expect::{self, Ending as Checked};
use super::report::{Ending, Failure};
use super::scenario::Scenario;
use super::world::{Broken, World};
use super::{adapter, proof};

/// Plays `scenario` from start to end.
pub(super) fn play(scenario: &Scenario) -> Ending {
    let demand = || {
        scenario
            .expect
            .iter()
            .find_map(|demand| expect::unsupported(&demand.kind))
    };
    if let Some(what) = adapter::unsupported(scenario).or_else(demand) {
        return Ending::Unsupported(what);
    }
    let mut world = match World::new(scenario) {
        Ok(world) => world,
        Err(why) => return Ending::OurFault(why),
    };
    let mut failures = Vec::new();
    if let Err(broken) = world.set_up().and_then(|()| world.invariants()) {
        failures.push(failure("given".to_owned(), "invariant", 1, broken));
        return Ending::Failed(failures, world.service().head());
    }
    for (index, event) in scenario.events.iter().enumerate() {
        let place = format!("event {}", index + 1);
        if let Err(broken) = world.event(event) {
            failures.push(failure(place, event.kind.word(), event.line, broken));
            return Ending::Failed(failures, world.service().head());
        }
        if let Err(broken) = world.invariants() {
            let kind = format!("{} invariant", event.kind.word());
            failures.push(failure(place, &kind, event.line, broken));
        }
    }
    demands(scenario, &mut world, &mut failures);
    if failures.is_empty() {
        Ending::Passed(world.service().head())
    } else {
        Ending::Failed(failures, world.service().head())
    }
}

fn demands(scenario: &Scenario, world: &mut World<'_>, failures: &mut Vec<Failure>) {
    let (journal, state) = world.check_journal();
    // Publishing adds to the journal, so it comes after the journal was checked.
    let proofs = proof::prove(scenario, world.service(), &state);
    let proof = |claim: &str| {
        proofs
            .get(claim)
            .cloned()
            .unwrap_or_else(|| Err("none was asked for".to_owned()))
    };
    let checked = Checked {
        company: &scenario.given.company,
        state: &state,
        history: &world.history,
        journal: &journal,
        proof: &proof,
    };
    for (index, demand) in scenario.expect.iter().enumerate() {
        if let Err(mismatch) = checked.check(&demand.kind) {
            let broken = Broken {
                expected: mismatch.expected,
                actual: mismatch.actual,
            };
            failures.push(failure(
                format!("expect {}", index + 1),
                demand.kind.word(),
                demand.line,
                broken,
            ));
        }
    }
}

fn failure(place: String, kind: &str, line: usize, broken: Broken) -> Failure {
    Failure {
        place,
        kind: kind.to_owned(),
        line,
        expected: broken.expected,
        actual: broken.actual,
    }
}
