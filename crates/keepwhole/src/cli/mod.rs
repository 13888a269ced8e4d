//! The command line: one verb each, all with `--json`, an example in `--help`, and four exit codes.
//!
//! A verb reads its arguments, asks the library, and hands text and JSON to [`output`]. It ends with an [`exit::Exit`] or
//! an [`exit::Failure`] that names place, cause and fix.

pub mod backup;
pub mod balance;
pub mod bench;
pub mod book;
pub mod demo;
pub mod drill;
pub mod evidence;
pub mod exit;
pub mod export;
pub mod guard;
pub mod import;
pub mod init;
pub mod journal;
pub mod key;
pub mod law;
pub mod output;
pub mod person;
pub mod policy;
pub mod price;
mod progress;
pub mod proof;
pub mod serve;
pub mod staff;
pub mod statement;
pub mod status;
pub mod token;
pub mod verify;

use crate::demo::DemoError;
use crate::sequencer::SequencerError;
use clap::{CommandFactory as _, Parser, Subcommand};
use exit::{Exit, Failure};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Keeps an exchange's customers whole: one journal of what it owes, holds, allows and does.
#[derive(Debug, Parser)]
#[command(name = "keepwhole", version, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 refused, failed or a finding, 2 usage or malformed input, 3 our fault or a damaged store"
)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Play the theft of 27 November 2025 twice, on public figures and made-up customers, and show what came of it.
    #[command(
        after_help = "Examples:\n  keepwhole demo\n  keepwhole demo --out demo-out --no-serve --json"
    )]
    Demo(demo::DemoArgs),
    /// Make a new installation: keys, an empty journal, the law shipped with the program.
    #[command(
        after_help = "Example:\n  keepwhole init --data exchange --origin exchange.example/keepwhole"
    )]
    Init(init::InitArgs),
    /// Run the installation and show its console on a loopback address.
    #[command(
        after_help = "Examples:\n  keepwhole serve --data exchange\n  keepwhole serve --data exchange --listen 127.0.0.1:0 --read-only"
    )]
    Serve(serve::ServeArgs),
    /// Say how it stands: head, coverage, open cases and their clocks, halts, law.
    #[command(
        after_help = "Examples:\n  keepwhole status --data exchange\n  keepwhole status --data exchange --check --json"
    )]
    Status(status::StatusArgs),
    /// Say what one customer is owed, now or at any past moment.
    #[command(
        after_help = "Examples:\n  keepwhole balance --data exchange customer-7\n  keepwhole balance --data exchange customer-7 --at 2025-11-27T04:42:00+09:00 --asset SOL"
    )]
    Balance(balance::BalanceArgs),
    /// Say what everybody is owed, now or at any past moment.
    #[command(
        after_help = "Examples:\n  keepwhole book --data exchange\n  keepwhole book --data exchange --at 2025-11-27T04:42:00+09:00 --asset SOL --csv"
    )]
    Book(book::BookArgs),
    /// List every change of one customer's balances, with the balance after each.
    #[command(
        after_help = "Example:\n  keepwhole statement --data exchange customer-7 --from 2025-11-01T00:00:00+09:00 --to 2025-11-30T23:59:59+09:00 --csv"
    )]
    Statement(statement::StatementArgs),
    /// Copy an installation, verified, to another disk; beside a running one, and only what is new.
    #[command(
        after_help = "Example:\n  keepwhole backup --data exchange --to /mnt/other-disk/exchange"
    )]
    Backup(backup::BackupArgs),
    /// Make an installation of a backup, or try whether it could be done.
    #[command(
        after_help = "Examples:\n  keepwhole restore --from /mnt/other-disk/exchange --drill\n  keepwhole restore --from /mnt/other-disk/exchange --data exchange --witness-checkpoint witness.checkpoint"
    )]
    Restore(backup::RestoreArgs),
    /// Take an exchange's books in: CSV, NDJSON or Parquet by a profile; all of it or nothing.
    #[command(
        after_help = "Examples:\n  keepwhole import --data exchange --profile generic --dry-run books/*.csv\n  keepwhole import --data exchange --profile peatio liabilities.csv.gz --quarantine refused.csv\n  keepwhole import --data exchange --mapping ours.toml ledger.ndjson\n\nExit codes: 0 all rows are in, 1 some are in quarantine or the ledger refused, 2 malformed input and nothing is in, 3 our fault"
    )]
    Import(import::ImportArgs),
    /// Write books out in the form that `import` reads, with a manifest.
    #[command(
        after_help = "Examples:\n  keepwhole export --data exchange --what balances --format csv --out books/balances.csv\n  keepwhole export --data exchange --what statement --customer c1 --at 2025-12-31T23:59:59+09:00 --format csv --out c1.csv"
    )]
    Export(export::ExportArgs),
    /// Write evidence for an auditor: entries with their proofs, approvals, rosters and clearances, in one signed file.
    #[command(
        after_help = "Examples:\n  keepwhole evidence --data exchange --out evidence.kwb\n  keepwhole evidence --data exchange --from 1000 --to 2000 --subject may-2026 --out may.kwb"
    )]
    Evidence(evidence::EvidenceArgs),
    /// Make, show and remove tokens of programs that tell the books over HTTP.
    #[command(
        after_help = "Examples:\n  keepwhole token add ledger --data exchange --days 30\n  keepwhole token add signer --scope signer --certificate signer.pem --data exchange\n  keepwhole token list --data exchange"
    )]
    Token(token::TokenArgs),
    /// Show what was asked of the guard, ask for credits, and name wallets, assets and keys.
    #[command(
        after_help = "Examples:\n  keepwhole guard list --data exchange --state held\n  keepwhole guard credit event.json --data exchange --actor requester-1"
    )]
    Guard(guard::GuardArgs),
    /// Check, show and publish the journal.
    #[command(
        after_help = "Examples:\n  keepwhole journal check --data exchange\n  keepwhole journal show --data exchange --from 0 --count 3"
    )]
    Journal(journal::JournalArgs),
    /// Give the log another key, as a root key that is kept offline signed it.
    #[command(
        after_help = "Example:\n  keepwhole key root --origin exchange.example/keepwhole --out root.key\n  keepwhole key prepare --data exchange --out rotation.txt"
    )]
    Key(key::KeyArgs),
    /// Keep, read, erase and hold personal data, outside the journal.
    #[command(
        after_help = "Examples:\n  keepwhole person put --data exchange --account c-1042 --actor kim record.json\n  keepwhole person list --data exchange"
    )]
    Person(person::PersonArgs),
    /// Check, show, compare, replay and adopt the policy: what may leave, what may be credited, and who says yes.
    #[command(
        after_help = "Examples:\n  keepwhole policy check policies/small.toml\n  keepwhole policy show --data exchange"
    )]
    Policy(policy::PolicyArgs),
    /// Tell prices from a file, and list what is known of them; a running service takes them over HTTP.
    #[command(
        after_help = "Examples:\n  keepwhole price tell prices.csv --data exchange\n  keepwhole price list --data exchange"
    )]
    Price(price::PriceArgs),
    /// People, their roles and keys: bootstrap, enrol, suspend, reset, approve; show quorums; export for auditors.
    #[command(
        after_help = "Examples:\n  keepwhole staff list --data exchange\n  keepwhole staff approve enrol-kim ada.approval.json --data exchange --actor ada"
    )]
    Staff(staff::StaffArgs),
    /// Show the rules that bind an exchange, with source, status and confidence.
    #[command(
        after_help = "Examples:\n  keepwhole law list --jurisdiction KR\n  keepwhole law at 2025-11-27"
    )]
    Law(law::LawArgs),
    /// Play scenario files on simulated time through the real guard and journal.
    #[command(after_help = "Example:\n  keepwhole drill scenarios/theft")]
    Drill(drill::DrillArgs),
    /// Check a bundle or a customer's package offline and say what is proven.
    #[command(
        after_help = "Example:\n  keepwhole verify bundle.kwb --trust trust.txt --expect trusted"
    )]
    Verify(verify::VerifyArgs),
    /// Run a witness: watch the log of an exchange from outside and co-sign what only grew.
    #[command(
        subcommand,
        after_help = "Example:\n  keepwhole witness serve --dir witness --listen 127.0.0.1:8660"
    )]
    Witness(keepwhole_witness::command::Verb),
    /// Measure on this machine: demo, durable movements, commands, replay, attribution.
    #[command(
        after_help = "Examples:\n  keepwhole bench replay attribution\n  keepwhole bench proof --events 5000000\n  keepwhole bench --dir /var/tmp --json"
    )]
    Bench(bench::BenchArgs),
}

/// The folder of the installation; every verb on an installation takes it.
#[derive(Debug, clap::Args)]
pub struct DataArgs {
    /// Folder of the installation.
    #[arg(long = "data", value_name = "DIR")]
    pub dir: PathBuf,
    /// Print JSON for programs.
    #[arg(long)]
    pub json: bool,
}

/// The whole command line, for documents and tests.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the program on its arguments, the program's own name first.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(message) => {
            // Help goes to standard output and mistakes to standard error; where nobody hears, the code still says it.
            let _unheard = message.print();
            return if message.use_stderr() {
                Exit::Usage.into()
            } else {
                Exit::Done.into()
            };
        }
    };
    let (ended, json) = match &cli.verb {
        Verb::Init(args) => (init::run(args), args.data.json),
        Verb::Serve(args) => (serve::run(args), args.data.json),
        Verb::Status(args) => (status::run(args), args.data.json),
        Verb::Balance(args) => (balance::run(args), args.data.json),
        Verb::Book(args) => (book::run(args), args.data.json),
        Verb::Statement(args) => (statement::run(args), args.data.json),
        Verb::Backup(args) => (backup::backup(args), args.data.json),
        Verb::Restore(args) => (backup::restore(args), args.json),
        Verb::Import(args) => (import::run(args), args.data.json),
        Verb::Export(args) => (export::run(args), args.data.json),
        Verb::Evidence(args) => (evidence::run(args), args.data.json),
        Verb::Token(args) => (token::run(args), args.is_json()),
        Verb::Guard(args) => (guard::run(args), args.is_json()),
        Verb::Journal(args) => (journal::run(args), args.is_json()),
        Verb::Key(args) => (key::run(args), args.is_json()),
        Verb::Person(args) => (person::run(args), args.is_json()),
        Verb::Policy(args) => (policy::run(args), args.is_json()),
        Verb::Price(args) => (price::run(args), args.is_json()),
        Verb::Staff(args) => (staff::run(args), args.is_json()),
        Verb::Verify(args) => (verify::run(args), args.json),
        Verb::Demo(args) => (run_demo(args), args.json),
        Verb::Bench(args) => (bench::run(args), args.json),
        Verb::Witness(verb) => (run_witness(verb), false),
        Verb::Drill(args) => return ExitCode::from(drill::run(args)),
        Verb::Law(args) => return ExitCode::from(law::run(args)),
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output::failure(&failure, json);
            failure.exit.into()
        }
    }
}

/// Runs a verb of the witness.
fn run_witness(verb: &keepwhole_witness::command::Verb) -> Result<Exit, Failure> {
    match keepwhole_witness::command::run(verb) {
        Ok(true) => Ok(Exit::Done),
        Ok(false) => Ok(Exit::Refused),
        Err(error) => Err(Failure::fault("witness", error.to_string())),
    }
}

/// Plays the demo, says what came of it and shows its console.
fn run_demo(args: &demo::DemoArgs) -> Result<Exit, Failure> {
    let outcome = demo::play(args).map_err(|error| of_demo(&error))?;
    output::Output::new(args.json).answer(&demo::to_text(&outcome), &demo::to_json(&outcome))?;
    if args.no_serve {
        return Ok(Exit::Done);
    }
    serve::show_demo(&outcome.out, &args.listen)
}

fn of_demo(error: &DemoError) -> Failure {
    match error {
        DemoError::NotEmpty(_) => Failure::refused("not_empty", error.to_string()),
        DemoError::Customers { .. } => Failure::usage("customers", error.to_string()),
        DemoError::File { .. } => Failure::refused("not_written", error.to_string()),
        DemoError::Journal(journal) | DemoError::Sequencer(SequencerError::Journal(journal)) => {
            Failure::fault(journal.code(), error.to_string())
        }
        _ => Failure::fault("demo", error.to_string()),
    }
}

/// The wall clock, ms since the epoch.
fn wall_clock() -> Result<u64, Failure> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since
        .ok()
        .and_then(|since| u64::try_from(since.as_millis()).ok())
        .ok_or_else(|| Failure::fault("clock", "the system clock stands before 1970; set it"))
}
