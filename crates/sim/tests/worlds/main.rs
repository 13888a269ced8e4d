//! Seeded worlds, and defects planted to show that the simulator finds and shrinks them.

#![allow(
    clippy::panic,
    reason = "a test that panics has failed, and says which world did"
)]

use keepwhole_sim::run::{Failure, WORLD_STEPS, command_line, last_steps, run};
use keepwhole_sim::shrink::shrink;
use keepwhole_sim::swarm::{Fault, Planted};
use keepwhole_sim::world::{Scenario, Tally};
use std::collections::BTreeSet;

fn scenario(seed: u64) -> Scenario {
    Scenario {
        seed,
        steps: 200,
        ..Scenario::default()
    }
}

fn told(failure: &Failure) -> String {
    let line = command_line(&failure.scenario);
    let steps = last_steps(&failure.scenario).join("\n");
    format!("{line}\n{:?}: {}\n{steps}", failure.promise, failure.what)
}

#[test]
fn every_promise_is_kept_over_sixty_worlds_and_every_fault_strikes() {
    let mut sum = Tally::default();
    for seed in 1..=60 {
        let tally = run(&scenario(seed)).unwrap_or_else(|failure| panic!("{}", told(&failure)));
        sum.add(&tally);
    }
    let never: Vec<&str> = Fault::ALL
        .iter()
        .filter(|fault| !sum.faults.contains_key(fault))
        .map(|fault| fault.word())
        .collect();
    assert!(never.is_empty(), "never drawn: {never:?}");
    assert!(sum.predicted * 10 > sum.decided * 8, "{sum:?}");
    assert!(sum.recoveries > 200 && sum.witnessed > 200, "{sum:?}");
    assert!(
        sum.losses_found > 0,
        "no disk that lied lost anything: {sum:?}"
    );
    for word in [
        "cleared",
        "denied halted",
        "held cool_off",
    ] {
        assert!(sum.answers.contains_key(word), "no answer was `{word}`");
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    assert_eq!(run(&scenario(7)), run(&scenario(7)));
    assert_ne!(run(&scenario(7)), run(&scenario(8)));
}

/// The first world in which a planted defect breaks a promise.
fn found(planted: Planted) -> Failure {
    let broken = (1..=60).find_map(|seed| {
        let planted = Scenario {
            planted: Some(planted),
            ..scenario(seed)
        };
        run(&planted).err()
    });
    *broken.unwrap_or_else(|| panic!("{planted:?} was never found"))
}

#[test]
fn a_planted_defect_is_found_shrunk_and_told_as_a_line_that_runs_again() {
    let defects = [
        Planted::AckBeforeSync,
        Planted::DroppedAnswer,
        Planted::Unrecorded,
        Planted::ForgetsIds,
    ];
    // A world may have no fault that can be left out; of four, some have.
    let mut without = 0;
    for planted in defects {
        let failure = found(planted);
        let small = shrink(&failure);
        assert_eq!(small.promise, failure.promise, "{planted:?}");
        let left = |failure: &Failure| failure.scenario.steps - failure.scenario.skip.len() as u64;
        assert!(
            left(&small) * 4 <= left(&failure).max(8),
            "{planted:?}: {} steps left of {}: {}",
            left(&small),
            left(&failure),
            told(&small)
        );
        without += small.scenario.without.len();
        let again = run(&small.scenario).expect_err("the shrunk run fails again");
        assert_eq!(
            (again.promise, again.what),
            (small.promise, small.what.clone())
        );
        assert!(!last_steps(&small.scenario).is_empty());
    }
    assert!(without >= 3, "only {without} kinds of fault were left out");
}

#[test]
fn the_line_names_what_was_left_out() {
    let scenario = Scenario {
        seed: 9,
        steps: WORLD_STEPS,
        without: BTreeSet::from([Fault::Torn, Fault::Crash]),
        skip: BTreeSet::from([1, 2, 3, 7, 9, 10]),
        ..Scenario::default()
    };
    assert_eq!(
        command_line(&scenario),
        "keepwhole-sim --seed 9 --steps 400 --without crash,torn --skip 1-3,7,9-10"
    );
}
