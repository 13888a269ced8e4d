//! Makes an exchange with three people and withdrawals that wait for them, for the browser tests of the console.
//!
//! usage: staffed FOLDER ORIGIN IDLE-SECONDS ADA.json BEA.json CEM.json

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "it prepares a test: where it can't, it says why and ends"
)]

#[path = "../tests/program/waits.rs"]
mod waits;

use keepwhole::authority::credential;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, origin, idle, ada, bea, cem] = arguments.as_slice() else {
        panic!("usage: staffed FOLDER ORIGIN IDLE-SECONDS ADA.json BEA.json CEM.json");
    };
    let key = |file: &String| credential(&std::fs::read_to_string(file).unwrap()).unwrap();
    let people: Vec<(&str, &[&str], _)> = vec![
        ("ada", &["administrator", "risk"], key(ada)),
        ("bea", &["administrator", "treasury"], key(bea)),
        ("cem", &["administrator", "risk", "treasury"], key(cem)),
    ];
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = u64::try_from(since.as_millis()).unwrap();
    let idle: u64 = idle.parse().unwrap();
    let whole = idle.max(28_800);
    for (id, answer) in waits::make(
        Path::new(folder),
        now,
        ("localhost", origin),
        (idle, whole),
        people,
    ) {
        println!("{id} {}", answer.word());
    }
}
