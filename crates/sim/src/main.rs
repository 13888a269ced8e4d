//! `keepwhole-sim [--seed S] [--steps N]`: many small worlds, one seed each, until N steps are taken.

use keepwhole_sim::arguments::{self, Asked};
use keepwhole_sim::run::{Failure, WORLD_STEPS, last_steps, run, told};
use keepwhole_sim::shrink::shrink;
use keepwhole_sim::world::{Scenario, Tally};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        println!("{}", arguments::HELP);
        return ExitCode::SUCCESS;
    }
    match arguments::read(args.into_iter()) {
        Ok(asked) => run_all(&asked),
        Err(wrong) => {
            eprintln!("{wrong}\n\n{}", arguments::HELP);
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
    eprintln!("\n{}", told(failure));
    let small = shrink(failure);
    eprintln!(
        "shrunk: {} steps are left\n{}",
        small.steps_left(),
        told(&small)
    );
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
         {} recoveries ({} from a snapshot), {} rows of transfers not booked twice, {} messages disturbed, {} checkpoints witnessed, {} losses of a lying disk found\n\
         every promise was kept",
        tally.steps,
        took.as_secs(),
        tally.decided,
        tally.predicted,
        tally.acknowledged,
        tally.turns,
        tally.recoveries,
        tally.from_snapshots,
        tally.repeated_rows,
        tally.disturbed,
        tally.witnessed,
        tally.losses_found,
    );
}
