//! The verbs of the program: `init`, `serve`, `show`, `vkey`.

use crate::error::WitnessError;
use crate::evidence::{self, Kind};
use crate::key;
use crate::logs::{LOGS, TrustedLogs};
use crate::server;
use crate::store::{Known, Store, origin_hash};
use crate::witness::{self, Witness};
use clap::{Args, Subcommand};
use keepwhole_verify::checkpoint::Checkpoint;
use std::fmt::Write as _;
use std::future::Future;
use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

/// A verb of the witness.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make a witness in a new or empty folder: a key, and the logs that it will watch.
    #[command(
        after_help = "Example:\n  keepwhole-witness init --dir witness --name witness.auditor.example --logs logs.txt"
    )]
    Init(InitArgs),
    /// Answer logs over HTTP until SIGINT or SIGTERM.
    #[command(
        after_help = "Example:\n  keepwhole-witness serve --dir witness --listen 127.0.0.1:8660"
    )]
    Serve(ServeArgs),
    /// Print the newest head of each log, and both heads wherever a log contradicted itself (then exit 1).
    #[command(after_help = "Example:\n  keepwhole-witness show --dir witness")]
    Show(DirArgs),
    /// Print the key that verifies this witness's cosignatures.
    #[command(after_help = "Example:\n  keepwhole-witness vkey --dir witness")]
    Vkey(DirArgs),
}

/// The folder of a witness.
#[derive(Debug, Args)]
pub struct DirArgs {
    /// Folder of the witness.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    #[command(flatten)]
    at: DirArgs,
    /// Name of the witness for good, in the form of an address without `https://`.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// File with the verifier key of each trusted log, one a line; the log's owner gives it (`keepwhole journal vkey`).
    #[arg(long, value_name = "FILE")]
    logs: PathBuf,
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    at: DirArgs,
    /// Address and port; port 0 takes any free one. TLS is left to a proxy in front.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8660")]
    listen: SocketAddr,
    /// Path before `/add-checkpoint`, such as `/w1`.
    #[arg(long, value_name = "PATH", default_value = "")]
    prefix: String,
}

/// Runs a verb. `Ok(false)` says that something was found that calls for action.
///
/// # Errors
/// [`WitnessError`].
pub fn run(verb: &Verb) -> Result<bool, WitnessError> {
    match verb {
        Verb::Init(args) => {
            let key = witness::create(&args.at.dir, &args.name, &args.logs)?;
            let dir = args.at.dir.display();
            say(&format!(
                "made the witness `{dir}`\n\
                 key   {key}\n\
                 Give this key to the owners of the logs and to whoever checks their proofs.\n\
                 Copy `{dir}/{}` to a safe place; never run two witnesses with it, and never run it on an older copy of \
                 `{dir}`: that is the one way to sign two histories.\n\
                 Next: serve --dir {dir}\n",
                key::KEY
            ));
            Ok(true)
        }
        Verb::Vkey(args) => {
            say(&format!("{}\n", key::load(&args.dir)?.key()));
            Ok(true)
        }
        Verb::Show(args) => {
            let (text, contradictions) = shown(&args.dir)?;
            say(&text);
            Ok(!contradictions)
        }
        Verb::Serve(args) => serve(args).map(|()| true),
    }
}

/// Where nobody reads, nothing can be said.
fn say(text: &str) {
    let mut out = io::stdout();
    let _unheard = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn serve(args: &ServeArgs) -> Result<(), WitnessError> {
    let witness = Witness::open(&args.at.dir)?;
    let failed = |cause| WitnessError::Serve {
        address: args.listen,
        cause,
    };
    let listener = TcpListener::bind(args.listen).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let key = witness.key().to_string();
    let prefix = args.prefix.clone();
    server::serve(listener, witness, &args.prefix, move || {
        let stop = stop_signal()?;
        let prefix = prefix.trim_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        say(&format!(
            "listening on http://{address}{slash}{prefix}\nkey {key}\n"
        ));
        Ok(stop)
    })
}

fn stop_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// What `show` prints, and whether any log contradicted itself. Reads beside a running witness.
///
/// # Errors
/// [`WitnessError`].
pub fn shown(dir: &Path) -> Result<(String, bool), WitnessError> {
    let cosigner = key::load(dir)?;
    let logs = TrustedLogs::load(&dir.join(LOGS))?;
    let store = Store::open(dir, cosigner.key())?;
    let mut text = format!("witness  {}\n", cosigner.key());
    for origin in logs.origins() {
        match store.known(origin) {
            Some(known) => text.push_str(&head_of(known)),
            None => {
                let _never_fails = write!(text, "\nlog      {origin}\nnewest   none seen yet\n");
            }
        }
    }
    for known in store.all() {
        if logs.keys(known.checkpoint.origin()).is_none() {
            text.push_str(&head_of(known));
            text.push_str("         no longer among the trusted logs\n");
        }
    }
    let found = evidence::list(dir)?;
    for evidence in &found {
        let (known, sent) = (&evidence.known, &evidence.sent);
        let mut told = format!(
            "\n{}\nlog      {}\nknown    {}\nsent     {}\n",
            evidence.kind.meaning(),
            known.0.origin(),
            in_words(&known.0),
            in_words(&sent.0)
        );
        if evidence.kind == Kind::Rollback {
            let missing = known.0.size().saturating_sub(sent.0.size());
            let _never_fails = writeln!(told, "missing  {missing} entries");
        }
        let _never_fails = write!(
            told,
            "kept in  {}\n--- known head\n{}--- sent head\n{}",
            evidence.folder.display(),
            known.1,
            sent.1
        );
        text.push_str(&told);
    }
    if found.is_empty() {
        text.push_str("\nno log contradicted itself\n");
    }
    Ok((text, !found.is_empty()))
}

fn in_words(checkpoint: &Checkpoint) -> String {
    format!("{} entries, root {}", checkpoint.size(), checkpoint.root())
}

fn head_of(known: &Known) -> String {
    format!(
        "\nlog      {}\nnewest   {}\ncosigned {} (seconds since 1970)\npage     /{}/checkpoint\n",
        known.checkpoint.origin(),
        in_words(&known.checkpoint),
        known.time,
        origin_hash(known.checkpoint.origin())
    )
}
