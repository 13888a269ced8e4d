//! Real EVM nodes on this machine: anvil from npm, kept below the target folder. Skipped by name where npm is
//! absent; in CI that is a failure.

use crate::account::call;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Its one version.
const PACKAGE: &str = "@foundry-rs/anvil@1.7.1";

/// First account of the node's public test mnemonic, and its key: known to everybody.
pub(crate) const ACCOUNT: &str = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
pub(crate) const SECRET: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

/// The program, installed once; `None` where it can't be had.
fn program() -> Option<&'static Path> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    PROGRAM
        .get_or_init(|| {
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("anvil-1.7.1");
            let program = folder.join("node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil");
            if !program.exists() {
                std::fs::create_dir_all(&folder).unwrap();
                let npm = Command::new("npm")
                    .current_dir(&folder)
                    .args(["install", "--prefix", ".", "--no-audit", "--no-fund"])
                    .args(["--loglevel", "error", PACKAGE])
                    .stdout(Stdio::null())
                    .status();
                if !npm.is_ok_and(|status| status.success()) {
                    return None;
                }
            }
            program.exists().then_some(program)
        })
        .as_deref()
}

/// Says that there is no node; where all must be tested that is a failure.
fn absent(test: &str, ci: bool) {
    let why = format!("{test}: no EVM node, `npm install {PACKAGE}` did not work here");
    assert!(!ci, "{why}");
    println!("SKIPPED: {why}");
}

#[test]
#[should_panic(expected = "no EVM node")]
fn a_node_that_is_missing_in_ci_is_a_failure() {
    absent("this one", true);
}

/// A running node; it ends with this.
pub(crate) struct Node {
    child: Child,
    pub(crate) url: String,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Node {
    /// Starts a node of a chain; says so and gives none where the program can't be had.
    pub(crate) fn start(chain_id: u64, test: &str) -> Option<Self> {
        let Some(program) = program() else {
            absent(
                test,
                std::env::var("CI").is_ok_and(|ci| ci == "true" || ci == "1"),
            );
            return None;
        };
        let port = {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().port()
        };
        let child = Command::new(program)
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .args(["--chain-id", &chain_id.to_string()])
            .args([
                "--block-base-fee-per-gas",
                "0",
                "--disable-min-priority-fee",
            ])
            .arg("--silent")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let node = Self {
            child,
            url: format!("http://127.0.0.1:{port}"),
        };
        let started = Instant::now();
        while call(&node.url, "eth_chainId", &json!([])).is_err() {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "the node does not answer"
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        Some(node)
    }

    pub(crate) fn ask(&self, method: &str, params: &Value) -> Value {
        call(&self.url, method, params).unwrap()
    }

    /// Waits until a transaction is in a block; its receipt.
    pub(crate) fn receipt(&self, hash: &str) -> Value {
        let asked = Instant::now();
        loop {
            let receipt = self.ask("eth_getTransactionReceipt", &json!([hash]));
            if !receipt.is_null() {
                return receipt;
            }
            assert!(
                asked.elapsed() < Duration::from_secs(60),
                "no receipt of {hash}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Minor units of an account.
    pub(crate) fn balance(&self, account: &str) -> u128 {
        let text = self.ask("eth_getBalance", &json!([account, "latest"]));
        let digits = text.as_str().unwrap().trim_start_matches("0x");
        u128::from_str_radix(digits, 16).unwrap()
    }
}
