//! The programs that the checks need: finds them, installs what it can, and says how to get the rest.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use crate::command::{capture, command, found, in_ci, pass_through, place};
use crate::stages::Outcome;

/// A program that some stage runs.
struct Tool {
    /// Any of these on the path will do.
    programs: &'static [&'static str],
    /// Debian's packages for it; none if only the advice helps.
    packages: &'static [&'static str],
    advice: &'static str,
    used_by: &'static str,
    required: bool,
}

const TOOLS: &[Tool] = &[
    Tool {
        programs: &["cargo"],
        packages: &[],
        advice: "install rustup from https://rustup.rs; it takes the pinned toolchain by itself",
        used_by: "everything",
        required: true,
    },
    Tool {
        programs: &["cc"],
        packages: &["gcc", "libc6-dev"],
        advice: "install a C compiler (Debian: apt-get install gcc libc6-dev; macOS: xcode-select --install)",
        used_by: "linking",
        required: true,
    },
    Tool {
        programs: &["python3"],
        packages: &["python3"],
        advice: "install Python 3.11 or later (Debian: apt-get install python3)",
        used_by: "the stages scenarios and law",
        required: false,
    },
    Tool {
        programs: &["strace"],
        packages: &["strace"],
        advice: "install strace (Debian: apt-get install strace); Linux only",
        used_by: "tests that watch the order of writes and syncs",
        required: false,
    },
    Tool {
        programs: &["node"],
        packages: &["nodejs"],
        advice: "install Node.js 20 or later (https://nodejs.org; Debian: apt-get install nodejs npm)",
        used_by: "the stage browser",
        required: false,
    },
    Tool {
        programs: &["npm"],
        packages: &["npm"],
        advice: "install npm, which comes with Node.js (Debian: apt-get install npm)",
        used_by: "the stage browser; it fetches the EVM node (anvil) of the signer's tests",
        required: false,
    },
    Tool {
        programs: BROWSERS,
        packages: &["chromium", "fonts-nanum"],
        advice: "install Chromium (Debian: apt-get install chromium fonts-nanum) or set CHROMIUM to its path",
        used_by: "the stage browser",
        required: false,
    },
    Tool {
        programs: &["rabbitmq-server"],
        packages: &["rabbitmq-server"],
        advice: "install RabbitMQ (Debian: apt-get install --no-install-recommends rabbitmq-server)",
        used_by: "tests of the message broker's events",
        required: false,
    },
    Tool {
        programs: &["softhsm2-util"],
        packages: &["softhsm2"],
        advice: "install SoftHSM (Debian: apt-get install softhsm2)",
        used_by: "tests of a log key in a PKCS#11 token",
        required: false,
    },
];

/// Names under which Chromium is found on the path.
const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];

/// The version of cargo-deny that the checks install, so that every machine judges alike.
const CARGO_DENY: &str = "0.20.2";

/// Says what is there; tries to install what is missing; fails only for what nothing can be built without.
pub(crate) fn stage(root: &Path) -> Outcome {
    let mut lacking = Vec::new();
    for tool in TOOLS {
        let name = tool.programs[0];
        if !present(tool) {
            install(root, tool.packages);
        }
        if present(tool) {
            println!("{name:<10} found");
            continue;
        }
        println!(
            "{name:<10} MISSING, used by {}: {}",
            tool.used_by, tool.advice
        );
        if tool.required {
            lacking.push(name);
        }
    }
    if lacking.is_empty() {
        Outcome::Passed
    } else {
        Outcome::Failed(format!("missing: {}", lacking.join(", ")))
    }
}

/// How to get a program, by its name on the path.
pub(crate) fn advice(program: &str) -> String {
    match TOOLS.iter().find(|tool| tool.programs.contains(&program)) {
        Some(tool) => format!("`{program}` is missing: {}", tool.advice),
        None => format!("`{program}` is missing"),
    }
}

/// The path of Chromium: `CHROMIUM` if set, else the first known name on the path. Tries to install it once.
pub(crate) fn browser(root: &Path) -> Option<String> {
    if let Ok(path) = std::env::var("CHROMIUM") {
        return Some(path);
    }
    // The whole path: the browser's driver does not search for a bare name.
    let found_one = || {
        let mut places = BROWSERS.iter().filter_map(|name| place(name));
        places.next().map(|file| file.display().to_string())
    };
    found_one().or_else(|| {
        install(root, &["chromium", "fonts-nanum"]);
        found_one()
    })
}

/// The program cargo-deny: from the path, or built into `target/tools`, tried once per run.
///
/// # Errors
/// What is missing and how to get it.
pub(crate) fn cargo_deny(root: &Path) -> Result<String, String> {
    static ANSWER: OnceLock<Result<String, String>> = OnceLock::new();
    ANSWER.get_or_init(|| find_cargo_deny(root)).clone()
}

fn find_cargo_deny(root: &Path) -> Result<String, String> {
    let tools = root.join("target/tools");
    let built = tools.join("bin/cargo-deny");
    if found("cargo-deny") {
        return Ok("cargo-deny".to_owned());
    }
    if built.is_file() {
        return Ok(built.to_string_lossy().into_owned());
    }
    println!(
        "cargo-deny is missing; building {CARGO_DENY} into target/tools, which takes some minutes"
    );
    let mut build = command(
        root,
        "cargo",
        &[
            "install",
            "cargo-deny",
            "--version",
            CARGO_DENY,
            "--locked",
            "--quiet",
        ],
    );
    build
        .arg("--root")
        .arg(&tools)
        .arg("--target-dir")
        .arg(tools.join("build"));
    // A tool that runs for a second: quick to build matters more than quick to run.
    build
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_RELEASE_LTO", "off");
    build
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0");
    let ended = capture(build, Duration::from_secs(20 * 60));
    // The program stays, what it was built from goes.
    let _ = std::fs::remove_dir_all(tools.join("build"));
    if ended.success {
        return Ok(built.to_string_lossy().into_owned());
    }
    print!("{}", ended.text);
    Err(format!(
        "`cargo-deny` is missing: cargo install cargo-deny --version {CARGO_DENY} --locked"
    ))
}

fn present(tool: &Tool) -> bool {
    let named = tool.programs == BROWSERS && std::env::var_os("CHROMIUM").is_some();
    named || tool.programs.iter().any(|program| found(program))
}

/// Installs Debian's packages where that needs no question: in CI or for root, with apt-get.
fn install(root: &Path, packages: &[&str]) {
    if packages.is_empty() || !found("apt-get") || !is_root(root) {
        return;
    }
    println!(
        "installing {} with apt-get{}",
        packages.join(" "),
        if in_ci() {
            ""
        } else {
            ", since this runs as root"
        }
    );
    static UPDATED: OnceLock<bool> = OnceLock::new();
    UPDATED.get_or_init(|| pass_through(root, "apt-get", &["update", "-qq"]));
    let mut all = vec!["install", "-y", "-qq", "--no-install-recommends"];
    all.extend_from_slice(packages);
    let mut apt = command(root, "apt-get", &all);
    apt.env("DEBIAN_FRONTEND", "noninteractive");
    let ended = capture(apt, Duration::from_secs(15 * 60));
    if !ended.success {
        print!("{}", ended.text);
    }
}

fn is_root(root: &Path) -> bool {
    capture(command(root, "id", &["-u"]), Duration::from_secs(10))
        .text
        .trim()
        == "0"
}
