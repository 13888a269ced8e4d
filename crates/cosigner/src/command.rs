//! The verbs of the program: `check`, `serve`, `jwk`.

use crate::bitgo::key_ids;
use crate::guard::http::system_clock;
use crate::keys::AnswerKey;
use crate::server::{self, Shared};
use crate::start::{self, StartError};
use crate::tls;
use clap::{Args, Subcommand};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How often silent signers are named and BitGo's keys fetched.
const ROUND: Duration = Duration::from_secs(300);

/// A verb of the responder.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Read the settings and say everything that is wrong with them; load nothing.
    #[command(after_help = "Example:\n  keepwhole-responder check --settings responder.toml")]
    Check(FileArgs),
    /// Answer vendors until SIGINT or SIGTERM.
    #[command(after_help = "Example:\n  keepwhole-responder serve --settings responder.toml")]
    Serve(ServeArgs),
    /// Print the public half of an answering key as a JSON Web Key Set, to be registered with BitGo.
    #[command(
        after_help = "Example:\n  keepwhole-responder jwk --key keys/bitgo.pem --key-id keepwhole-2026-11-23"
    )]
    Jwk(JwkArgs),
}

/// The settings.
#[derive(Debug, Args)]
pub struct FileArgs {
    /// File of settings; relative paths in it start at its folder.
    #[arg(long, value_name = "FILE")]
    settings: PathBuf,
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    at: FileArgs,
    /// Start although `fireblocks.mode` is 2 or 3, whose requests and answers nobody signs.
    #[arg(long)]
    allow_unsigned_callbacks: bool,
}

/// Arguments of `jwk`.
#[derive(Debug, Args)]
pub struct JwkArgs {
    /// File of the private key; only its owner may read it.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// New name of the key at the vendor, with today's date.
    #[arg(long, value_name = "ID")]
    key_id: String,
}

/// Why a verb failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A socket.
    #[error("{0}: {1}")]
    Socket(String, io::Error),
    /// A key id.
    #[error(transparent)]
    KeyId(#[from] key_ids::KeyIdError),
    /// A key.
    #[error(transparent)]
    Key(#[from] crate::keys::KeyError),
}

/// Runs a verb.
///
/// # Errors
/// [`CommandError`].
pub fn run(verb: &Verb) -> Result<(), CommandError> {
    match verb {
        Verb::Check(args) => {
            let settings = start::read(&args.settings)?;
            let mapping = &settings.mapping;
            let (assets, wallets) = (mapping.assets.len(), mapping.wallets.len());
            say(&format!(
                "`{}` holds: {assets} assets, {wallets} wallets\n",
                args.settings.display()
            ));
            Ok(())
        }
        Verb::Jwk(args) => {
            key_ids::check(&args.key_id)?;
            let key = AnswerKey::load(&args.key, Some(&args.key_id))?;
            say(&format!("{{\"keys\":[{}]}}\n", key.jwk()));
            Ok(())
        }
        Verb::Serve(args) => serve(args),
    }
}

/// Where nobody reads, nothing can be said.
fn say(text: &str) {
    let mut out = io::stdout();
    let _unheard = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn serve(args: &ServeArgs) -> Result<(), CommandError> {
    let failed = |error| CommandError::Socket("the system".to_owned(), error);
    // One thread may wait for the disk while another keeps the time of the others.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .map_err(failed)?;
    let done = runtime.block_on(served(args));
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

async fn served(args: &ServeArgs) -> Result<(), CommandError> {
    let file = &args.at.settings;
    let parts = start::prepare(file, args.allow_unsigned_callbacks, system_clock()).await?;
    let (settings, folder) = (&parts.settings, &parts.folder);
    let callers = settings.tls.callers.as_ref().map(|path| folder.join(path));
    let certificate = folder.join(&settings.tls.certificate);
    let key = folder.join(&settings.tls.key);
    let tls = tls::server(&certificate, &key, callers.as_deref()).map_err(StartError::from)?;
    let bind = async |address: std::net::SocketAddr| {
        let bound = TcpListener::bind(address).await;
        bound.map_err(|error| CommandError::Socket(address.to_string(), error))
    };
    let (vendors, health) = (bind(settings.listen).await?, bind(settings.health).await?);
    let local = |socket: &TcpListener| {
        let address = socket.local_addr();
        address.map_or_else(|_| "?".to_owned(), |address| address.to_string())
    };
    say(&format!(
        "vendors https://{}\nhealth  http://{}\n",
        local(&vendors),
        local(&health)
    ));
    let mode = settings.fireblocks.as_ref().map(|side| side.mode);
    let bitgo = settings.bitgo.as_ref().map(|side| side.path.as_str());
    let routes = server::vendor_routes(parts.shared.clone(), mode, bitgo);
    let (tell, told) = watch::channel(false);
    let health_routes = server::health_routes(parts.shared.clone());
    let mut health_told = told.clone();
    let health = axum::serve(health, health_routes).with_graceful_shutdown(async move {
        let _ = health_told.wait_for(|stop| *stop).await;
    });
    let health = tokio::spawn(health.into_future());
    let rounds = tokio::spawn(rounds(parts.shared.clone(), parts.jwks.clone(), {
        folder.join(&settings.state)
    }));
    let stop = async move {
        stop_signal().await;
        // Nobody is left to hear only when everything has ended already.
        let _ = tell.send(true);
    };
    let served = server::serve_tls(vendors, tls, routes, stop).await;
    rounds.abort();
    let _ended = tokio::time::timeout(Duration::from_secs(1), health).await;
    served.map_err(|error| CommandError::Socket("vendors".to_owned(), error))
}

/// Names silent signers, and fetches BitGo's keys where they come from an address.
async fn rounds(
    shared: Shared,
    jwks: Option<std::sync::Arc<crate::guard::client::Client>>,
    state: PathBuf,
) {
    loop {
        tokio::time::sleep(ROUND).await;
        for (signer, age) in shared.silent() {
            eprintln!(
                "ALARM: {signer} has not called for {age} s; without a handler some co-signers sign everything: look now"
            );
        }
        if let Some(client) = &jwks {
            match start::fetch_jwks(client, &state).await {
                Ok(keys) => start::replace_bitgo_keys(&shared.responder, keys),
                Err(error) => eprintln!("bitgo: {error}; the keys in use stay"),
            }
        }
    }
}

async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupt = signal(SignalKind::interrupt());
    let terminate = signal(SignalKind::terminate());
    match (interrupt, terminate) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        // Without signals the process runs until it is killed.
        _ => std::future::pending().await,
    }
}
