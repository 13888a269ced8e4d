//! The stages of `cargo xtask test`: what each runs, in which order, and the count at the end.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::command::{capture, command, found, in_ci, pass_through};
use crate::{browser, prerequisites, readme, tidy};

/// How a stage ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    Passed,
    Failed(String),
    /// Could not be run; the text says what is missing and how to get it.
    Skipped(String),
}

struct Stage {
    name: &'static str,
    about: &'static str,
    run: fn(&Path) -> Outcome,
}

const STAGES: &[Stage] = &[
    Stage {
        name: "prerequisites",
        about: "what is there, what is missing, how to get it",
        run: prerequisites::stage,
    },
    Stage {
        name: "format",
        about: "rustfmt",
        run: format,
    },
    Stage {
        name: "tidy",
        about: "the project's own rules",
        run: tidy::stage,
    },
    Stage {
        name: "lints",
        about: "clippy, every warning an error; once more with the feature `peers`",
        run: lints,
    },
    Stage {
        name: "licences",
        about: "cargo deny: licences, bans, sources",
        run: licences,
    },
    Stage {
        name: "advisories",
        about: "cargo deny: known weaknesses, where the database can be reached",
        run: advisories,
    },
    Stage {
        name: "fence",
        about: "the pure crates, linked without the standard library",
        run: fence,
    },
    Stage {
        name: "tests",
        about: "every test of the workspace",
        run: tests,
    },
    Stage {
        name: "scenarios",
        about: "scenarios/check.py",
        run: scenarios,
    },
    Stage {
        name: "law",
        about: "law/check.py",
        run: law,
    },
    Stage {
        name: "release",
        about: "the release build that the next stages use",
        run: release,
    },
    Stage {
        name: "simulator",
        about: "the real journal under faults, from fixed seeds: five million steps in CI, half a million elsewhere",
        run: simulator,
    },
    Stage {
        name: "readme",
        about: "the commands of README.md and docs/, run",
        run: readme::stage,
    },
    Stage {
        name: "browser",
        about: "the console in a real browser",
        run: browser::stage,
    },
];

/// One line for each stage, for the help text.
pub(crate) fn described() -> String {
    STAGES
        .iter()
        .map(|stage| format!("  {:<14} {}\n", stage.name, stage.about))
        .collect()
}

/// Runs the stages named, or all, and prints the count as the last line.
pub(crate) fn run(root: &Path, chosen: &[&str]) -> ExitCode {
    if let Some(unknown) = chosen
        .iter()
        .find(|name| STAGES.iter().all(|stage| stage.name != **name))
    {
        eprint!(
            "no stage is called `{unknown}`; the stages are:\n{}",
            described()
        );
        return ExitCode::from(2);
    }
    let mut ended: Vec<(&str, Outcome, Duration)> = Vec::new();
    for stage in STAGES
        .iter()
        .filter(|stage| chosen.is_empty() || chosen.contains(&stage.name))
    {
        println!("\n== {}: {}", stage.name, stage.about);
        let started = Instant::now();
        let outcome = (stage.run)(root);
        ended.push((stage.name, outcome, started.elapsed()));
    }
    print!("\n{}", summary(&ended));
    if ended
        .iter()
        .any(|(_, outcome, _)| matches!(outcome, Outcome::Failed(_)))
    {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn summary(ended: &[(&str, Outcome, Duration)]) -> String {
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    let mut text = String::new();
    for (name, outcome, took) in ended {
        let (word, why) = match outcome {
            Outcome::Passed => ("ok", ""),
            Outcome::Failed(why) => ("FAILED", why.as_str()),
            Outcome::Skipped(why) => ("skipped", why.as_str()),
        };
        match outcome {
            Outcome::Passed => passed += 1,
            Outcome::Failed(_) => failed += 1,
            Outcome::Skipped(_) => skipped += 1,
        }
        let line = format!(
            "{word:<8}{name:<14}{:>7}.{} s  {why}",
            took.as_secs(),
            took.subsec_millis() / 100
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str(&format!(
        "{passed} passed, {failed} failed, {skipped} skipped\n"
    ));
    text
}

/// Passed or failed, with `why` for the summary.
pub(crate) fn judge(success: bool, why: &str) -> Outcome {
    if success {
        Outcome::Passed
    } else {
        Outcome::Failed(why.to_owned())
    }
}

fn format(root: &Path) -> Outcome {
    let workspace = pass_through(root, "cargo", &["fmt", "--all", "--", "--check"]);
    let fence = pass_through(
        root,
        "rustfmt",
        &["--edition", "2024", "--check", "fence/src/lib.rs"],
    );
    judge(workspace && fence, "run `cargo fmt --all`")
}

/// Every warning is an error.
const STRICT: &[&str] = &["--", "-D", "warnings"];

/// Everything as it ships, then the program with the other stores that `bench` measures: nothing else builds those.
fn lints(root: &Path) -> Outcome {
    let clippy = |which: &[&str]| {
        let arguments = [&["clippy", "--workspace", "--quiet"], which, STRICT].concat();
        pass_through(root, "cargo", &arguments)
    };
    let shipped = clippy(&["--all-targets", "--keep-going"]);
    let peers = clippy(&["--features", "keepwhole/peers"]);
    judge(shipped && peers, "see what clippy says above")
}

fn licences(root: &Path) -> Outcome {
    let deny = match prerequisites::cargo_deny(root) {
        Ok(program) => program,
        Err(missing) => return Outcome::Skipped(missing),
    };
    let arguments = [
        "--workspace",
        "--log-level",
        "error",
        "check",
        "licenses",
        "bans",
        "sources",
    ];
    let success = pass_through(root, &deny, &arguments);
    judge(
        success,
        "see what cargo deny says above and the policy in deny.toml",
    )
}

fn advisories(root: &Path) -> Outcome {
    let deny = match prerequisites::cargo_deny(root) {
        Ok(program) => program,
        Err(missing) => return Outcome::Skipped(missing),
    };
    let arguments = ["--workspace", "--log-level", "error", "check", "advisories"];
    let ended = capture(command(root, &deny, &arguments), Duration::from_secs(90));
    print!("{}", ended.text);
    let unreached = [
        "failed to fetch",
        "failed to open advisory database",
        "ended after its limit",
    ];
    if !ended.success && unreached.iter().any(|sign| ended.text.contains(sign)) {
        let why = "the advisory database can't be reached from here; run `cargo xtask test advisories` where it can";
        return Outcome::Skipped(why.to_owned());
    }
    judge(ended.success, "an advisory names a dependency, see above")
}

/// Builds `fence/` with the versions of the workspace's lock file; any use of the standard library fails it.
fn fence(root: &Path) -> Outcome {
    if let Err(error) = std::fs::copy(root.join("Cargo.lock"), root.join("fence/Cargo.lock")) {
        return Outcome::Failed(format!(
            "cannot copy `Cargo.lock` to `fence/Cargo.lock`: {error}"
        ));
    }
    let version = capture(command(root, "rustc", &["-vV"]), Duration::from_secs(60));
    let Some(host) = version
        .text
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
    else {
        return Outcome::Failed("`rustc -vV` names no host".to_owned());
    };
    let arguments = [
        "build",
        "--quiet",
        "--manifest-path",
        "fence/Cargo.toml",
        "--target-dir",
        "target/fence",
    ];
    let success = pass_through(
        root,
        "cargo",
        &[&arguments[..], &["--target", host]].concat(),
    );
    println!("built for {host}; other targets are not verified here");
    judge(
        success,
        "a pure crate reaches for the standard library, see above",
    )
}

fn tests(root: &Path) -> Outcome {
    judge(
        pass_through(root, "cargo", &["test", "--workspace", "--no-fail-fast"]),
        "see the failed tests above",
    )
}

fn scenarios(root: &Path) -> Outcome {
    python(root, "scenarios/check.py")
}

fn law(root: &Path) -> Outcome {
    python(root, "law/check.py")
}

fn python(root: &Path, script: &str) -> Outcome {
    if !root.join(script).is_file() {
        return Outcome::Failed(format!("`{script}` is not there"));
    }
    if !found("python3") {
        return Outcome::Skipped(prerequisites::advice("python3"));
    }
    // -B: no compiled copy beside the data.
    judge(
        pass_through(root, "python3", &["-B", script]),
        "see what the script says above",
    )
}

fn release(root: &Path) -> Outcome {
    judge(
        pass_through(root, "cargo", &["build", "--release"]),
        "the release build failed",
    )
}

/// Fixed seeds, so that a failure is the commit's and not the day's; the program prints them and how far it is. A machine
/// that somebody works at takes a tenth of CI's steps.
fn simulator(root: &Path) -> Outcome {
    let steps = if in_ci() { "5M" } else { "500k" };
    let arguments = [
        "run",
        "--quiet",
        "--release",
        "-p",
        "keepwhole-sim",
        "--",
        "--seed",
        "1",
        "--steps",
        steps,
    ];
    judge(
        pass_through(root, "cargo", &arguments),
        "run the line that it prints, and see docs/simulator.md",
    )
}

/// A missing browser or node: a failure in CI, skipped by name elsewhere.
pub(crate) fn missing(why: String) -> Outcome {
    if in_ci() {
        Outcome::Failed(why)
    } else {
        Outcome::Skipped(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_counts_the_stages() {
        let ended = [
            ("tidy", Outcome::Passed, Duration::from_millis(1234)),
            (
                "browser",
                Outcome::Skipped("no browser".to_owned()),
                Duration::ZERO,
            ),
            (
                "tests",
                Outcome::Failed("see above".to_owned()),
                Duration::from_secs(75),
            ),
        ];
        let text = summary(&ended);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "ok      tidy                1.2 s");
        assert_eq!(lines[1], "skipped browser             0.0 s  no browser");
        assert_eq!(lines[2], "FAILED  tests              75.0 s  see above");
        assert_eq!(lines[3], "1 passed, 1 failed, 1 skipped");
    }

    #[test]
    fn an_unknown_stage_is_wrong_usage() {
        assert_eq!(run(Path::new("."), &["tidi"]), ExitCode::from(2));
    }
}
