//! The stage `browser`: makes a small demo installation and has Chromium walk its pages.

use std::path::Path;
use std::time::Duration;

use crate::command::{capture, command, found, pass_through};
use crate::prerequisites;
use crate::stages::{Outcome, judge, missing};

/// Builds the program, installs the test's packages, makes the data, runs `tests/browser/run.mjs` and `staff.mjs`.
pub(crate) fn stage(root: &Path) -> Outcome {
    for program in ["node", "npm"] {
        if !found(program) {
            return missing(prerequisites::advice(program));
        }
    }
    let Some(chromium) = prerequisites::browser(root) else {
        return missing(prerequisites::advice("chromium"));
    };
    let staffed = [
        "build",
        "--release",
        "--quiet",
        "-p",
        "keepwhole",
        "--example",
        "staffed",
    ];
    for build in [&["build", "--release", "--quiet"][..], &staffed] {
        if !pass_through(root, "cargo", build) {
            return Outcome::Failed("the release build failed".to_owned());
        }
    }
    let tests = root.join("tests/browser");
    if !pass_through(
        &tests,
        "npm",
        &["ci", "--no-audit", "--no-fund", "--loglevel", "error"],
    ) {
        return missing("`npm ci` failed in tests/browser, see above".to_owned());
    }
    // First that the checks themselves fail where they should.
    let mut proof = command(&tests, "node", &["--test", "selftest.test.mjs"]);
    proof.env("CHROMIUM", &chromium);
    let shown = capture(proof, Duration::from_secs(10 * 60));
    if !shown.success {
        print!("{}", shown.text);
        return Outcome::Failed(
            "the checks of tests/browser don't fail where they should, see above".to_owned(),
        );
    }
    let folder = root.join("target/browser");
    if let Err(error) = fresh(&folder) {
        return Outcome::Failed(format!("cannot make {}: {error}", folder.display()));
    }
    let keepwhole = root.join("target/release/keepwhole");
    let data = [
        "demo",
        "--out",
        "demo",
        "--no-serve",
        "--customers",
        "2000",
        "--json",
    ];
    let demo = capture(
        command(&folder, &keepwhole.to_string_lossy(), &data),
        Duration::from_secs(10 * 60),
    );
    if !demo.success {
        print!("{}", demo.text);
        return Outcome::Failed("`keepwhole demo` failed, see above".to_owned());
    }
    let mut walk = command(&folder, "node", &[&tests.join("run.mjs").to_string_lossy()]);
    walk.arg("--keepwhole").arg(&keepwhole).args([
        "--demo",
        "demo",
        "--screenshots",
        "screenshots",
    ]);
    walk.env("CHROMIUM", &chromium);
    let ended = capture(walk, Duration::from_secs(30 * 60));
    print!("{}", ended.text);
    let mut staff = command(
        &folder,
        "node",
        &[&tests.join("staff.mjs").to_string_lossy()],
    );
    staff.arg("--keepwhole").arg(&keepwhole);
    staff
        .arg("--staffed")
        .arg(root.join("target/release/examples/staffed"));
    staff.args(["--work", "staff", "--screenshots", "screenshots"]);
    staff.env("CHROMIUM", chromium);
    let staffed = capture(staff, Duration::from_secs(15 * 60));
    print!("{}", staffed.text);
    judge(
        ended.success && staffed.success,
        "see the failed checks above; pictures are in target/browser/screenshots",
    )
}

/// An empty folder, whatever an earlier run left there.
fn fresh(folder: &Path) -> std::io::Result<()> {
    if folder.is_dir() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)
}
