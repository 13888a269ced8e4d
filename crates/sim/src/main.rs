//! `keepwhole-sim [--seed S] [--steps N]`: many small worlds, one seed each, until N steps are taken.

use keepwhole_sim::run::{Failure, WORLD_STEPS, command_line, last_steps, run};
use keepwhole_sim::shrink::shrink;
use keepwhole_sim::swarm::Fault;
use keepwhole_sim::world::{Scenario, Tally};
use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

const HELP: &str = "keepwhole-sim: commands and faults over the real sequencer and journal\n\n\
Usage: keepwhole-sim [--seed S] [--steps N] [--without FAULT,..] [--skip STEPS] [--threads N]\n\n\
  --seed S           first seed (1); each world has the next one, and at most 400 steps\n\
  --steps N          steps to take in all, such as 400, 5M or 500M (100k)\n\
  --without F,..     kinds of fault to leave out\n\
  --skip 3,10-20     steps of each world to leave out; as a shrunk run says it\n\
  --threads N        worlds side by side (2)\n\
  --verbose          print the last steps of the run, also where nothing failed\n\n\
Example: keepwhole-sim --seed 7 --steps 400\n\n\
exit codes: 0 every promise was kept, 1 one was broken, 2 wrong usage";

struct Asked {
    scenario: Scenario,
    threads: u64,
    verbose: bool,
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

fn read(mut args: impl Iterator<Item = String>) -> Result<Asked, String> {
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

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    match read(args.into_iter()) {
        Ok(asked) => run_all(&asked),
        Err(wrong) => {
            eprintln!("{wrong}\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

/// What the threads share.
struct Shared {
    next: AtomicU64,
    taken: AtomicU64,
    stop: AtomicBool,
    sum: Mutex<(Tally, u64)>,
    failure: Mutex<Option<Box<Failure>>>,
}

fn run_all(asked: &Asked) -> ExitCode {
    let started = Instant::now();
    let shared = Shared {
        next: AtomicU64::new(asked.scenario.seed),
        taken: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        sum: Mutex::default(),
        failure: Mutex::default(),
    };
    println!(
        "seeds from {}, {} steps, worlds of at most {WORLD_STEPS}",
        asked.scenario.seed, asked.scenario.steps
    );
    let single = asked.scenario.steps <= WORLD_STEPS;
    let threads = if single { 1 } else { asked.threads.max(1) };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work(asked, &shared, started));
        }
    });
    let failure = shared.failure.into_inner();
    if let Some(failure) = failure.unwrap_or_else(PoisonError::into_inner) {
        tell(&failure);
        return ExitCode::FAILURE;
    }
    if asked.verbose && single {
        for line in last_steps(&asked.scenario) {
            println!("  {line}");
        }
    }
    let (tally, worlds) = shared
        .sum
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    summary(&tally, worlds, started);
    ExitCode::SUCCESS
}

/// Takes the next seed until enough steps are taken or something broke.
fn work(asked: &Asked, shared: &Shared, started: Instant) {
    let total = asked.scenario.steps;
    let every = (total / 20).max(1);
    while !shared.stop.load(Ordering::Relaxed) {
        let seed = shared.next.fetch_add(1, Ordering::Relaxed);
        let before = shared.taken.load(Ordering::Relaxed);
        if before >= total {
            return;
        }
        let scenario = Scenario {
            seed,
            steps: WORLD_STEPS.min(total),
            ..asked.scenario.clone()
        };
        match run(&scenario) {
            Ok(tally) => {
                let steps = tally.steps.max(1);
                let before = shared.taken.fetch_add(steps, Ordering::Relaxed);
                let now = before + steps;
                if total > WORLD_STEPS && before / every != now / every {
                    let seconds = started.elapsed().as_secs();
                    println!("{:>4} s  {now} of {total} steps", seconds);
                }
                let mut sum = shared.sum.lock().unwrap_or_else(PoisonError::into_inner);
                sum.0.add(&tally);
                sum.1 += 1;
                if total <= WORLD_STEPS {
                    return;
                }
            }
            Err(failure) => {
                shared.stop.store(true, Ordering::Relaxed);
                let mut first = shared
                    .failure
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert(failure);
                return;
            }
        }
    }
}

fn tell(failure: &Failure) {
    let commit = option_env!("KEEPWHOLE_COMMIT").unwrap_or("of this build");
    eprintln!(
        "\nbroken at seed {} step {} (commit {commit}): {:?}\n{}\n\nlast steps:",
        failure.scenario.seed, failure.step, failure.promise, failure.what
    );
    for line in last_steps(&failure.scenario) {
        eprintln!("  {line}");
    }
    eprintln!("\nagain:   {}", command_line(&failure.scenario));
    let small = shrink(failure);
    let left = small.scenario.steps - small.scenario.skip.len() as u64;
    eprintln!("shrunk:  {}", command_line(&small.scenario));
    eprintln!("         {left} steps left: {}\n", small.what);
    for line in last_steps(&small.scenario) {
        eprintln!("  {line}");
    }
}

fn summary(tally: &Tally, worlds: u64, started: Instant) {
    let took = started.elapsed();
    let micros = took.as_micros() / u128::from(tally.steps.max(1));
    println!("\nfaults and what they struck:");
    for (fault, count) in &tally.faults {
        println!("  {count:>9}  {}", fault.word());
    }
    println!("answers that the second model predicted:");
    for (word, count) in &tally.answers {
        println!("  {count:>9}  {word}");
    }
    println!(
        "\n{} steps in {worlds} worlds, {} s, {micros} us a step of wall time\n\
         {} commands decided, {} predicted by the second model, {} acknowledged, {} turns\n\
         {} recoveries, {} messages disturbed, {} checkpoints witnessed, {} losses of a lying disk found\n\
         every promise was kept",
        tally.steps,
        took.as_secs(),
        tally.decided,
        tally.predicted,
        tally.acknowledged,
        tally.turns,
        tally.recoveries,
        tally.disturbed,
        tally.witnessed,
        tally.losses_found,
    );
}
