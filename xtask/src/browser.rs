//! The stage `browser`: makes a small demo installation and has Chromium walk its pages.

use std::path::Path;
use std::time::Duration;

use crate::command::{capture, command, found, pass_through};
use crate::prerequisites;
use crate::stages::{Outcome, judge, missing};

/// The second program that the walk of staff needs: a bootstrapped installation with held requests. Built as the tests
/// build it, so that after them nothing is left to build.
const STAFFED: &[&str] = &["build", "--quiet", "--workspace", "--example", "staffed"];
/// The data that the walk of the pages shows.
const DEMO: &[&str] = &[
    "demo",
    "--out",
    "demo",
    "--no-serve",
    "--customers",
    "2000",
    "--json",
];

/// Builds the program, installs the test's packages, makes the data, runs `tests/browser/run.mjs` and `staff.mjs`.
pub(crate) fn stage(root: &Path) -> Outcome {
    let walked = prepared(root).and_then(|chromium| walk(root, &chromium));
    match walked {
        Ok(passed) => judge(
            passed,
            "see the failed checks above; pictures are in target/browser/screenshots",
        ),
        Err(outcome) => outcome,
    }
}

/// Everything that the walks need; gives the browser.
fn prepared(root: &Path) -> Result<String, Outcome> {
    for program in ["node", "npm"] {
        if !found(program) {
            return Err(missing(prerequisites::advice(program)));
        }
    }
    let chromium = prerequisites::browser(root);
    let chromium = chromium.ok_or_else(|| missing(prerequisites::advice("chromium")))?;
    for build in [&["build", "--release", "--quiet"][..], STAFFED] {
        if !pass_through(root, "cargo", build) {
            return Err(Outcome::Failed("a build failed, see above".to_owned()));
        }
    }
    let install = ["ci", "--no-audit", "--no-fund", "--loglevel", "error"];
    if !pass_through(&root.join("tests/browser"), "npm", &install) {
        let why = "`npm ci` failed in tests/browser, see above";
        return Err(missing(why.to_owned()));
    }
    Ok(chromium)
}

/// Proves first that the checks themselves fail where they should, then walks the pages and the work of staff.
fn walk(root: &Path, chromium: &str) -> Result<bool, Outcome> {
    let tests = root.join("tests/browser");
    let shown = |folder: &Path, arguments: &[&str], minutes: u64| {
        let mut node = command(folder, "node", arguments);
        node.env("CHROMIUM", chromium);
        capture(node, Duration::from_secs(minutes * 60))
    };
    let failed = |what: &str, text: &str| {
        print!("{text}");
        Outcome::Failed(format!("{what}, see above"))
    };
    let proof = shown(&tests, &["--test", "selftest.test.mjs"], 10);
    if !proof.success {
        let what = "the checks of tests/browser don't fail where they should";
        return Err(failed(what, &proof.text));
    }
    let folder = root.join("target/browser");
    fresh(&folder)
        .map_err(|error| Outcome::Failed(format!("cannot make {}: {error}", folder.display())))?;
    let at = |path: &str| root.join(path).to_string_lossy().into_owned();
    let keepwhole = at("target/release/keepwhole");
    let demo = capture(
        command(&folder, &keepwhole, DEMO),
        Duration::from_secs(10 * 60),
    );
    if !demo.success {
        return Err(failed("`keepwhole demo` failed", &demo.text));
    }
    let (run, program) = (at("tests/browser/run.mjs"), keepwhole.as_str());
    let pages = ["--demo", "demo", "--screenshots", "screenshots"];
    let pages = [&[run.as_str(), "--keepwhole", program][..], &pages].concat();
    let ended = shown(&folder, &pages, 30);
    print!("{}", ended.text);
    let (run, staffed) = (
        at("tests/browser/staff.mjs"),
        at("target/debug/examples/staffed"),
    );
    let staff = [run.as_str(), "--keepwhole", program, "--staffed", &staffed];
    let work = ["--work", "staff", "--screenshots", "screenshots"];
    let staff = shown(&folder, &[&staff[..], &work].concat(), 15);
    print!("{}", staff.text);
    Ok(ended.success && staff.success)
}

/// An empty folder, whatever an earlier run left there.
fn fresh(folder: &Path) -> std::io::Result<()> {
    if folder.is_dir() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)
}
