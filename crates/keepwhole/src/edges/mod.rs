//! The edges of a running installation: what `keepwhole.toml` opens, all over the one sequencer.
//!
//! docs/edges.md is the contract. The edges run on a thread of their own; [`Edges::stop`] ends them before the sequencer.

mod certificates;
mod desk;
mod identities;
mod intake;
pub mod payloads;
mod tokens;

pub use desk::Desk;
pub use intake::Sequenced;
pub use tokens::{
    NewIdentity, TOKENS, TokenFileError, add_token, bind_certificate, read_tokens, remove_token,
};

use certificates::Certificates;
use keepwhole_core::door::Door;
use keepwhole_edge::api::{Api, now_ms, router};
use keepwhole_edge::feed::{Feed, FeedError};
use keepwhole_edge::guard::GuardDesk;
use keepwhole_edge::refusals::Refusals;
use keepwhole_edge::server::{ServerError, serve, serve_tls};
use keepwhole_edge::settings::{self, ApiSettings, FeedSettings, PeatioSettings, Settings};
use keepwhole_edge::tls::TlsFault;
use keepwhole_edge::{Intake, settings::SettingsFault};
use keepwhole_peatio::consumer::{ConsumerError, Source, consume};
use keepwhole_peatio::events::Names;
use keepwhole_peatio::jws::PublicKey;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// How often the files of tokens and certificates are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long the start waits for the journal to take the identities.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two tries to reach the message broker.
const AGAIN: Duration = Duration::from_secs(5);

/// Why the edges could not start.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// `keepwhole.toml` is wrong; one line for each fault.
    #[error("{}", told(path, faults))]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        faults: Vec<SettingsFault>,
    },
    /// A file that the settings name, or the settings themselves, can't be read.
    #[error("can't read `{}`: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file of tokens.
    #[error(transparent)]
    Tokens(#[from] TokenFileError),
    /// A public key of the message broker's events.
    #[error("key `{id}` of `[peatio.keys]`, file `{}`: {why}", path.display())]
    Key {
        /// Its id.
        id: String,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The journal does not take the identities of the file of tokens.
    #[error("the journal does not take the identities of `{TOKENS}`: {why}")]
    Identities {
        /// Why.
        why: String,
    },
    /// Files of `[api.tls]`; one line for each fault.
    #[error("{}", certificates::told(faults))]
    Tls {
        /// What is wrong.
        faults: Vec<TlsFault>,
    },
    /// The HTTP interface.
    #[error("`api.listen`: {0}")]
    Api(#[from] ServerError),
    /// The address of the HTTP interface is taken.
    #[error("`api.listen`: `{address}`: {source}; choose another port, or 0 for any free one")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The feed.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// No thread could be made.
    #[error("the edges could not run: {0}")]
    System(#[from] io::Error),
}

fn told(path: &Path, faults: &[SettingsFault]) -> String {
    let lines: Vec<String> = faults
        .iter()
        .map(|fault| format!("`{}`, {fault}", path.display()))
        .collect();
    lines.join("\n")
}

/// The settings of the installation in `dir`; all defaults where it has no `keepwhole.toml`.
///
/// # Errors
/// [`EdgeError::File`], [`EdgeError::Settings`].
pub fn read_settings(dir: &Path) -> Result<Settings, EdgeError> {
    let path = dir.join(settings::FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Settings::default()),
        Err(source) => return Err(EdgeError::File { path, source }),
    };
    Settings::parse(&text).map_err(|faults| EdgeError::Settings { path, faults })
}

/// Hears what the edges have to say to the operator, a line at a time.
pub type Note = Arc<dyn Fn(&str) + Send + Sync>;

/// The running edges.
#[derive(Debug)]
pub struct Edges {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
    /// Counts who is turned away at a door; the console's door tells it too.
    pub refusals: Arc<Refusals>,
    /// Where the HTTP interface listens, if it does.
    pub api: Option<SocketAddr>,
    /// Whether it speaks TLS.
    pub tls: bool,
    /// The socket of the feed, if it is there.
    pub feed: Option<PathBuf>,
}

/// What is bound and read before the edges run, so that a mistake stops the start and not an hour later.
struct Opened {
    api: Option<(TcpListener, Arc<Api>, usize)>,
    tls: Option<Certificates>,
    tokens: Option<(PathBuf, SystemTime)>,
    feed: Option<(PathBuf, FeedSettings)>,
    peatio: Option<(String, Source)>,
    refusals: Arc<Refusals>,
}

impl Edges {
    /// Opens what the settings say, over `intake`.
    ///
    /// # Errors
    /// [`EdgeError`].
    pub fn start(
        dir: &Path,
        settings: &Settings,
        intake: Arc<dyn Intake>,
        desk: Option<Arc<dyn GuardDesk>>,
        note: Note,
    ) -> Result<Self, EdgeError> {
        let refusals = Refusals::new(Arc::clone(&intake));
        let mut opened = Opened {
            refusals: Arc::clone(&refusals),
            api: None,
            tls: None,
            tokens: None,
            feed: None,
            peatio: None,
        };
        let mut address = None;
        if let Some(api) = &settings.api {
            let files = api.tls.as_ref();
            opened.tls = files
                .map(|files| Certificates::open(dir, files))
                .transpose()?;
            let (listener, served, seen) = open_api(dir, api, (&intake, &refusals), desk)?;
            address = Some(listener.local_addr()?);
            opened.api = Some((listener, served, api.connections));
            opened.tokens = Some((dir.join(TOKENS), seen));
        }
        if let Some(feed) = &settings.feed {
            opened.feed = Some((dir.join(&feed.socket), feed.clone()));
        }
        if let Some(peatio) = &settings.peatio {
            opened.peatio = Some(open_peatio(dir, peatio)?);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let tls = opened.tls.is_some();
        let socket = opened.feed.as_ref().map(|(path, _)| path.clone());
        let feed = match &socket {
            Some(path) => {
                let _inside = runtime.enter();
                Some(Feed::bind(path)?)
            }
            None => None,
        };
        let (stop, stopped) = watch::channel(false);
        let thread = std::thread::Builder::new()
            .name("edges".to_owned())
            .spawn(move || runtime.block_on(run(opened, feed, &intake, &note, &stopped)))?;
        Ok(Self {
            stop,
            thread: Some(thread),
            refusals,
            api: address,
            tls,
            feed: socket,
        })
    }

    /// The URL of the HTTP interface, if it listens.
    #[must_use]
    pub fn api_url(&self) -> Option<String> {
        let scheme = if self.tls { "https" } else { "http" };
        self.api.map(|address| format!("{scheme}://{address}"))
    }

    /// Lets running answers finish and ends the edges.
    pub fn stop(mut self) {
        // Nobody is left to hear only when all of them have ended already.
        let _ended = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            // A panic of theirs was printed where it happened; the sequencer goes on without them.
            let _panicked = thread.join();
        }
    }
}

fn open_api(
    dir: &Path,
    settings: &ApiSettings,
    (intake, refusals): (&Arc<dyn Intake>, &Arc<Refusals>),
    desk: Option<Arc<dyn GuardDesk>>,
) -> Result<(TcpListener, Arc<Api>, SystemTime), EdgeError> {
    let (tokens, seen) = read_tokens(dir)?;
    identities::told_at_start(intake.as_ref(), &tokens, PATIENCE)
        .map_err(|why| EdgeError::Identities { why })?;
    let listener = TcpListener::bind(settings.listen).map_err(|source| EdgeError::Bind {
        address: settings.listen,
        source,
    })?;
    let refusals = Arc::clone(refusals);
    let api = Api::new(
        Arc::clone(intake),
        desk,
        tokens,
        settings.bounds,
        Some(refusals),
    );
    Ok((listener, api, seen))
}

fn open_peatio(dir: &Path, settings: &PeatioSettings) -> Result<(String, Source), EdgeError> {
    let read = |path: &Path| {
        let path = dir.join(path);
        fs::read_to_string(&path).map_err(|source| EdgeError::File { path, source })
    };
    let uri = read(&settings.uri_file)?.trim().to_owned();
    let mut keys = Vec::new();
    for (id, path) in &settings.keys {
        let key = PublicKey::from_pem(id, &read(path)?).map_err(|why| EdgeError::Key {
            id: id.clone(),
            path: dir.join(path),
            why: why.to_string(),
        })?;
        keys.push(key);
    }
    let model = [
        "deposit.created",
        "deposit.updated",
        "withdraw.created",
        "withdraw.updated",
    ]
    .map(|key| ("peatio.events.model".to_owned(), key.to_owned()));
    let trades = settings.markets.iter().map(|market| {
        let key = format!("{market}.trade_completed");
        ("peatio.events.market".to_owned(), key)
    });
    let source = Source {
        queue: settings.queue.clone(),
        bindings: model.into_iter().chain(trades).collect(),
        keys,
        signatures: settings.signatures,
        names: Names {
            house: settings.house.clone(),
            assets: settings.assets.clone(),
        },
    };
    Ok((uri, source))
}

async fn run(
    opened: Opened,
    feed: Option<Feed>,
    intake: &Arc<dyn Intake>,
    note: &Note,
    stopped: &watch::Receiver<bool>,
) {
    let Opened {
        api,
        tls,
        tokens,
        feed: bounds,
        peatio,
        refusals,
    } = opened;
    let watched = async {
        if let (Some((_, api, _)), Some((path, seen))) = (&api, tokens) {
            let stop = until(stopped.clone());
            identities::watch((api, intake.as_ref()), &path, seen, note, stop).await;
        }
    };
    let shown = tls
        .as_ref()
        .map(|certificates| Arc::clone(&certificates.tls));
    let renewed = async {
        if let Some(certificates) = tls {
            certificates.watch(note, stopped.clone()).await;
        }
    };
    let http = async {
        if let Some((listener, api, connections)) = &api {
            let router = router(Arc::clone(api));
            let stop = until(stopped.clone());
            let served = match (listener.try_clone(), shown) {
                (Ok(listener), None) => serve(listener, router, *connections, stop).await,
                (Ok(listener), Some(tls)) => {
                    let counts = Arc::clone(&refusals);
                    let refused =
                        Arc::new(move || counts.turned_away(Door::Api, "handshake", "", now_ms()));
                    serve_tls(listener, tls, router, *connections, refused, stop).await
                }
                (Err(error), _) => Err(error.into()),
            };
            if let Err(error) = served {
                note(&format!("the HTTP interface ended: {error}"));
            }
        }
    };
    let feeding = async {
        if let (Some(feed), Some((_, settings))) = (feed, bounds) {
            let intake = Arc::clone(intake);
            feed.serve(intake, settings.bounds, until(stopped.clone()))
                .await;
        }
    };
    let consuming = async {
        if let Some((uri, source)) = peatio {
            consume_again(&uri, &source, intake, note, stopped).await;
        }
    };
    let telling = async {
        while !*stopped.borrow() {
            tokio::select! {
                () = until(stopped.clone()) => {}
                () = tokio::time::sleep(LOOK) => refusals.tick(now_ms()),
            }
        }
    };
    tokio::join!(watched, renewed, http, feeding, consuming, telling);
    refusals.tell_all(now_ms());
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // An error means that nobody is left who could say it: that is a stop too.
    let _said = stopped.wait_for(|stop| *stop).await.map(|said| *said);
}

/// Consumes until the stop; a broker that is away is tried again.
async fn consume_again(
    uri: &str,
    source: &Source,
    intake: &Arc<dyn Intake>,
    note: &Note,
    stopped: &watch::Receiver<bool>,
) {
    while !*stopped.borrow() {
        let told = |_| {};
        let stop = until(stopped.clone());
        match consume(uri, source, Arc::clone(intake), &told, stop).await {
            Ok(_) => return,
            Err(ConsumerError::Stopped) => {
                note("the events of the message broker wait: the journal stopped");
                return;
            }
            Err(error) => note(&format!("{error}; trying again in {} s", AGAIN.as_secs())),
        }
        tokio::select! {
            () = until(stopped.clone()) => return,
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}
