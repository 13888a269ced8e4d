//! What every reader of foreign bytes promises, as fuzz targets: whatever the bytes are, it answers and does not panic,
//! and what it accepts has one form only.
//!
//! [`TARGETS`] lists them. `cargo test -p keepwhole-targets` runs each over its committed corpus and mutations of it, on
//! the stable toolchain; `fuzz/` runs the same functions under libFuzzer on a nightly one.

#![allow(
    clippy::panic,
    reason = "a target says by panicking that a promise is broken"
)]

mod approvals;
mod books;
mod cosigners;
mod journal;
mod memories;
mod payloads;
mod proofs;
mod wires;

/// A target: its name, which is also the folder of its corpus, and what it does with any bytes.
pub struct Target {
    /// Lower snake case.
    pub name: &'static str,
    /// Whether its reader takes the bytes. Panics where a promise is broken.
    pub run: fn(&[u8]) -> bool,
}

macro_rules! targets {
    ($($module:ident::$name:ident),* $(,)?) => {
        /// All targets.
        pub const TARGETS: &[Target] = &[
            $(Target { name: stringify!($name), run: $module::$name }),*
        ];
    };
}

targets![
    journal::frame,
    journal::journal,
    journal::record,
    proofs::note,
    proofs::checkpoint,
    proofs::vkey,
    proofs::tlog_policy,
    proofs::tlog_proof,
    proofs::trust,
    proofs::tile_path,
    proofs::entry_bundle,
    proofs::bundle,
    proofs::package,
    proofs::manifest,
    proofs::statement,
    proofs::json,
    wires::settings,
    wires::tokens,
    wires::http_transfers,
    wires::http_prices,
    wires::feed_request,
    wires::scenario,
    wires::law,
    wires::policy,
    books::import,
    books::profile,
    payloads::evm_transaction,
    payloads::typed_data,
    payloads::solana_message,
    payloads::psbt,
    approvals::intent,
    approvals::clearance,
    approvals::redemption,
    approvals::approvals_file,
    approvals::roster,
    approvals::assertion,
    approvals::cose_key,
    payloads::callback,
    cosigners::jwt,
    cosigners::fireblocks_request,
    cosigners::bitgo_request,
    cosigners::responder_settings,
    memories::signer_settings,
    memories::signer_memory,
    memories::responder_memory,
    memories::approver_request,
    memories::credential_file,
    memories::authority_rules,
    memories::console_form,
];

/// The target of that name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// Runs the target of that name over bytes: what the binaries in `fuzz/` do.
///
/// # Panics
/// Where the target breaks a promise, and where there is none of that name.
pub fn run(name: &str, bytes: &[u8]) {
    let Some(target) = target(name) else {
        panic!("no target is called `{name}`");
    };
    let _taken = (target.run)(bytes);
}
