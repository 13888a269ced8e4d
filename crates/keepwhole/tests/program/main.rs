//! What the program's users rely on, one module per part.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test that panics has failed, and a table of cases is one function"
)]

#[path = "../../../signer/examples/evm_signer/account.rs"]
mod account;
mod agreement;
mod ahead;
mod attackers_day;
mod attempts;
mod backups;
mod bench;
mod books;
mod cli;
mod cli_faults;
mod cli_life;
mod console;
mod decisions;
mod declared;
mod drill;
mod edges;
mod evidence;
mod forgeries;
mod forgeries_container;
mod forgeries_redress;
mod full_disk;
mod golden;
mod guard_api;
mod guard_views;
mod journal_disk;
mod journal_faults;
mod journal_publish;
mod journal_records;
mod journal_recovery;
mod law;
mod log_keys;
mod machine;
#[path = "../../../signer/tests/signer/nodes.rs"]
mod nodes;
mod overlap;
mod past;
mod person;
mod policy;
mod prices;
mod real_faults;
mod reason_views;
mod redress;
mod rejudging;
mod revoked_tokens;
mod rotations;
mod safes;
mod sample;
mod scrubs;
mod second_words;
mod sign_in;
mod signing;
mod small_exchange;
mod snapshots;
mod staff;
mod staffed;
mod starts;
mod stories;
mod text;
mod tls;
mod turns;
mod views;
mod waits;
mod walk;
mod witnesses;
