//! Seeded worlds, and defects planted to show that the simulator finds and shrinks them.

#![allow(
    clippy::panic,
    reason = "a test that panics has failed, and says which world did"
)]

use keepwhole_sim::arguments;
use keepwhole_sim::run::{Failure, WORLD_STEPS, command_line, run, told};
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
    assert!(sum.from_snapshots > 50 && sum.repeated_rows > 50, "{sum:?}");
    assert!(
        sum.losses_found > 0,
        "no disk that lied lost anything: {sum:?}"
    );
    for word in [
        "cleared",
        "denied row",
        "refused row",
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

/// The scenario that the printed line asks for.
fn read_back(line: &str) -> Scenario {
    let words = line.split(' ').skip(1).map(str::to_owned);
    let asked = arguments::read(words).unwrap_or_else(|wrong| panic!("`{line}`: {wrong}"));
    asked.scenario
}

#[test]
fn a_planted_defect_is_found_told_and_shrunk_to_a_run_that_fails_the_same_way() {
    let defects = [
        Planted::AckBeforeSync,
        Planted::DroppedAnswer,
        Planted::Unrecorded,
        Planted::ForgetsIds,
    ];
    let (mut steps, mut steps_left) = (0, 0);
    for planted in defects {
        let failure = found(planted);
        let text = told(&failure);
        let place = format!("seed {} step {}", failure.scenario.seed, failure.step);
        assert!(
            text.contains(&place) && text.contains(&failure.what),
            "{text}"
        );
        let small = shrink(&failure);
        let text = told(&small);
        assert_eq!(small.promise, failure.promise, "{planted:?}: {text}");
        assert!(
            small.steps_left() <= failure.steps_left(),
            "{planted:?}: {text}"
        );
        steps += failure.steps_left();
        steps_left += small.steps_left();
        // The line says everything but what was planted, and the run that it asks for fails as the shrunk one did.
        let line = command_line(&small.scenario);
        assert!(text.contains(&line), "{text}");
        let again = Scenario {
            planted: Some(planted),
            ..read_back(&line)
        };
        let again = run(&again).expect_err("the shrunk run fails again");
        assert_eq!(*again, small);
    }
    assert!(
        steps_left * 2 <= steps,
        "{steps_left} of {steps} steps are left"
    );
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
