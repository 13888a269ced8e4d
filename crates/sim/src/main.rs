//! `keepwhole-sim [--seed N] [--seeds N] [--steps N]`: seeded runs; prints the seed and step of the first broken promise.

use keepwhole_sim::world::{Tally, run};
use std::process::ExitCode;

const HELP: &str = "keepwhole-sim: commands, crashes and failing disks over the real sequencer and journal\n\n\
Usage: keepwhole-sim [--seed N] [--seeds N] [--steps N]\n\n\
  --seed N   first seed (1)\n  --seeds N  how many seeds, one after the other (20)\n  --steps N  steps a seed (500)\n\n\
Example: keepwhole-sim --seed 7 --seeds 1 --steps 2000";

fn main() -> ExitCode {
    let (mut seed, mut seeds, mut steps) = (1u64, 20u64, 500u64);
    let mut args = std::env::args().skip(1);
    while let Some(flag) = args.next() {
        let slot = match flag.as_str() {
            "--seed" => &mut seed,
            "--seeds" => &mut seeds,
            "--steps" => &mut steps,
            "--help" | "-h" => {
                println!("{HELP}");
                return ExitCode::SUCCESS;
            }
            other => {
                eprintln!("`{other}` is not an option\n\n{HELP}");
                return ExitCode::from(2);
            }
        };
        let Some(number) = args.next().and_then(|n| n.parse().ok()) else {
            eprintln!("`{flag}` needs a whole number\n\n{HELP}");
            return ExitCode::from(2);
        };
        *slot = number;
    }
    let mut sum = Tally::default();
    for seed in seed..seed.saturating_add(seeds) {
        match run(seed, steps) {
            Ok(tally) => {
                sum.steps += tally.steps;
                sum.acknowledged += tally.acknowledged;
                sum.unanswered += tally.unanswered;
                sum.recoveries += tally.recoveries;
            }
            Err(broken) => {
                eprintln!("seed {} step {}: {}", broken.seed, broken.step, broken.what);
                eprintln!(
                    "again: keepwhole-sim --seed {} --seeds 1 --steps {}",
                    broken.seed, broken.step
                );
                return ExitCode::FAILURE;
            }
        }
    }
    println!(
        "{seeds} seeds, {} steps, {} acknowledged, {} unanswered, {} recoveries: every acknowledged command is there",
        sum.steps, sum.acknowledged, sum.unanswered, sum.recoveries
    );
    ExitCode::SUCCESS
}
