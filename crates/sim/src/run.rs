//! A run of one world from its first step to its end, and what is said when a promise breaks.

use crate::promise::{Broken, Promise};
use crate::world::{Scenario, Tally, World};

/// Most steps of one world: worlds are small, so that restarts and refolds are cheap and many swarms are drawn.
pub const WORLD_STEPS: u64 = 400;
/// Lines shown before the step that failed.
const SHOWN: usize = 12;

/// A run that broke a promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What was run; its steps end where the promise broke.
    pub scenario: Scenario,
    /// The step at which it showed; one more than the last where it showed at the end.
    pub step: u64,
    /// The promise.
    pub promise: Promise,
    /// What happened.
    pub what: String,
}

impl Failure {
    /// Steps that the run takes, those left out not counted.
    #[must_use]
    pub fn steps_left(&self) -> u64 {
        let skipped = self.scenario.skip.range(..=self.scenario.steps).count() as u64;
        self.scenario.steps.saturating_sub(skipped)
    }
}

/// What is said of a failure: seed, step, promise, the last steps, and the line that runs it again.
#[must_use]
pub fn told(failure: &Failure) -> String {
    let commit = option_env!("KEEPWHOLE_COMMIT").unwrap_or("of this build");
    let mut text = format!(
        "broken at seed {} step {} (commit {commit}): {:?}\n{}\nlast steps:\n",
        failure.scenario.seed, failure.step, failure.promise, failure.what
    );
    for line in last_steps(&failure.scenario) {
        text.push_str(&format!("  {line}\n"));
    }
    text.push_str(&format!("again: {}\n", command_line(&failure.scenario)));
    text
}

/// Runs a world.
///
/// # Errors
/// The first promise that broke.
pub fn run(scenario: &Scenario) -> Result<Tally, Box<Failure>> {
    let mut world = None;
    drive(scenario, &mut world)
}

/// The last lines of a run, one a step.
#[must_use]
pub fn last_steps(scenario: &Scenario) -> Vec<String> {
    let scenario = Scenario {
        trace: true,
        ..scenario.clone()
    };
    let mut world = None;
    // What breaks is known already; only the lines are wanted.
    let _known = drive(&scenario, &mut world);
    let lines = world.map(|world| world.trace).unwrap_or_default();
    let from = lines.len().saturating_sub(SHOWN);
    lines.get(from..).unwrap_or_default().to_vec()
}

fn drive(scenario: &Scenario, place: &mut Option<World>) -> Result<Tally, Box<Failure>> {
    let failure = |step: u64, broken: Broken| {
        let scenario = Scenario {
            steps: step.min(scenario.steps),
            ..scenario.clone()
        };
        Box::new(Failure {
            scenario,
            step,
            promise: broken.promise,
            what: broken.what,
        })
    };
    let world = World::new(scenario).map_err(|broken| failure(0, broken))?;
    let world = place.insert(world);
    for step in 1..=scenario.steps {
        if scenario.skip.contains(&step) {
            continue;
        }
        world.step(step).map_err(|broken| failure(step, broken))?;
        if world.is_over() {
            return Ok(world.tally());
        }
    }
    let after = scenario.steps.saturating_add(1);
    world.end().map_err(|broken| failure(after, broken))?;
    Ok(world.tally())
}

/// The command line that runs it again.
#[must_use]
pub fn command_line(scenario: &Scenario) -> String {
    let mut line = format!(
        "keepwhole-sim --seed {} --steps {}",
        scenario.seed, scenario.steps
    );
    if !scenario.without.is_empty() {
        let words: Vec<&str> = scenario.without.iter().map(|fault| fault.word()).collect();
        line.push_str(&format!(" --without {}", words.join(",")));
    }
    if !scenario.skip.is_empty() {
        line.push_str(&format!(" --skip {}", ranges(scenario)));
    }
    line
}

/// The steps left out, as `1-4,9`.
fn ranges(scenario: &Scenario) -> String {
    let mut parts: Vec<(u64, u64)> = Vec::new();
    for step in &scenario.skip {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == *step => *last = *step,
            _ => parts.push((*step, *step)),
        }
    }
    let words = parts.iter().map(|(first, last)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    });
    words.collect::<Vec<_>>().join(",")
}
