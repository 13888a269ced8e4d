//! The command line: read here, written by [`command_line`](crate::run::command_line).

use crate::run::WORLD_STEPS;
use crate::swarm::Fault;
use crate::world::Scenario;
use std::collections::BTreeSet;

/// What `--help` prints.
pub const HELP: &str = "keepwhole-sim: commands and faults over the real sequencer and journal\n\n\
Usage: keepwhole-sim [--seed S] [--steps N] [--without FAULT,..] [--skip STEPS] [--threads N]\n\n\
  --seed S           first seed (1); each world has the next one, and at most 400 steps\n\
  --steps N          steps to take in all, such as 400, 5M or 500M (100k)\n\
  --without F,..     kinds of fault to leave out\n\
  --skip 3,10-20     steps of each world to leave out; as a shrunk run says it\n\
  --threads N        worlds side by side (2)\n\
  --verbose          print the last steps of the run, also where nothing failed\n\n\
Example: keepwhole-sim --seed 7 --steps 400\n\n\
exit codes: 0 every promise was kept, 1 one was broken, 2 wrong usage";

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The first world; its steps are those of all worlds together.
    pub scenario: Scenario,
    /// Worlds side by side.
    pub threads: u64,
    /// Whether the last steps are printed also where nothing failed.
    pub verbose: bool,
}

fn number(text: &str) -> Option<u64> {
    let (digits, times) = match text.as_bytes().last()? {
        b'k' => (text.strip_suffix('k')?, 1_000),
        b'M' => (text.strip_suffix('M')?, 1_000_000),
        b'G' => (text.strip_suffix('G')?, 1_000_000_000),
        _ => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(times)
}

fn steps(text: &str) -> Option<BTreeSet<u64>> {
    let mut all = BTreeSet::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
        // A world has few steps; a longer range is a slip.
        if last > WORLD_STEPS {
            return None;
        }
        all.extend(first..=last);
    }
    Some(all)
}

/// Reads the arguments behind the program's name.
///
/// # Errors
/// What is wrong with them, in words.
pub fn read(mut args: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut asked = Asked {
        scenario: Scenario {
            seed: 1,
            steps: 100_000,
            ..Scenario::default()
        },
        threads: 2,
        verbose: false,
    };
    while let Some(flag) = args.next() {
        if flag == "--verbose" {
            asked.verbose = true;
            continue;
        }
        let value = args
            .next()
            .ok_or_else(|| format!("`{flag}` needs a value"))?;
        let wrong = || format!("`{value}` is not a value of `{flag}`");
        match flag.as_str() {
            "--seed" => asked.scenario.seed = value.parse().map_err(|_| wrong())?,
            "--steps" => asked.scenario.steps = number(&value).ok_or_else(wrong)?,
            "--threads" => asked.threads = value.parse().map_err(|_| wrong())?,
            "--skip" => asked.scenario.skip = steps(&value).ok_or_else(wrong)?,
            "--without" => {
                let faults: Option<BTreeSet<Fault>> = value.split(',').map(Fault::of).collect();
                asked.scenario.without = faults.ok_or_else(wrong)?;
            }
            _ => return Err(format!("`{flag}` is not an option")),
        }
    }
    Ok(asked)
}
