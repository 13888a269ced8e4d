//! Seeded runs that CI takes; long ones run by the program.

use keepwhole_sim::world::run;

#[test]
fn nothing_acknowledged_is_lost_over_forty_seeds() {
    for seed in 1..=40 {
        let tally = run(seed, 120)
            .unwrap_or_else(|b| panic!("seed {} step {}: {}", b.seed, b.step, b.what));
        assert!(
            tally.acknowledged > 100,
            "seed {seed} hardly did anything: {tally:?}"
        );
        assert!(tally.recoveries > 0, "seed {seed} never recovered");
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    assert_eq!(run(7, 200).unwrap(), run(7, 200).unwrap());
}
