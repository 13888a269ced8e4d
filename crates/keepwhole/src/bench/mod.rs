//! Measurements that a user can repeat: `keepwhole bench`. Everything that is held against each other takes turns within
//! one run, round by round, and does the same work with the same durability. Figures are of this machine at this moment;
//! the ratios say more. BENCHMARKS.md keeps them with method and machine.

mod attribution;
mod clients;
mod contest;
mod feed;
mod guard;
mod import;
mod journal;
mod ledger;
mod nats;
mod proof;
mod ready;
mod replay;
mod store;
mod tigerbeetle;
mod transfers;

#[cfg(feature = "peers")]
mod peers;
#[cfg(feature = "peers")]
mod postgres;

pub use contest::{Figure, Report};

use crate::books::import::ImportError;
use crate::demo::{self, DemoError, DemoOptions};
use crate::edges::EdgeError;
use crate::installation::InstallationError;
use crate::journal::JournalError;
use crate::sequencer::{FoldError, SequencerError, ServiceError};
use crate::text::Lang;
use keepwhole_core::transfer::RowFault;
use std::path::{Path, PathBuf};

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Subject {
    /// Durable, hashed and folded movements a second, by rows a batch, beside other stores.
    Journal,
    /// Transfers a second at 10,000 and 1,000,000 accounts; bytes on disk and memory of each; beside TigerBeetle.
    Transfers,
    /// Commands a second of 1, 16 and 64 waiting clients, each answered after it is durable.
    Clients,
    /// Events folded a second, and opening after a stop beside reading the same bytes.
    Replay,
    /// From opening to the first durable answer, with a snapshot and a long journal.
    Ready,
    /// The state at an earlier point.
    Asof,
    /// Attribution of a shortfall over 10,000,000 customers and 24 assets.
    Attribution,
    /// Requests decided a second by thirty rules with a history of 1,000,000 customers; growth with what left a wallet
    /// before; verdicts over HTTP.
    Guard,
    /// Making and checking a proof that an entry is in the journal.
    Proof,
    /// Files of an exchange into the journal, beside the same parser alone.
    Import,
    /// One transfer a request over HTTP, batches over HTTP, and the unix-socket feed.
    Feed,
    /// Wall time of the whole demo with 100,000 customers.
    Demo,
}

impl Subject {
    /// All, in the order of a full run.
    pub const ALL: [Self; 12] = [
        Self::Journal,
        Self::Transfers,
        Self::Clients,
        Self::Replay,
        Self::Ready,
        Self::Asof,
        Self::Attribution,
        Self::Guard,
        Self::Proof,
        Self::Import,
        Self::Feed,
        Self::Demo,
    ];
}

/// How to measure.
#[derive(Clone, Debug)]
pub struct Setup {
    /// A folder of our own on the disk to be measured.
    pub dir: PathBuf,
    /// A PostgreSQL server to measure; one of our own is started if absent and the system has its programs.
    pub postgres: Option<String>,
    /// The server program of NATS, where it is to be measured.
    pub nats: Option<PathBuf>,
    /// The program of TigerBeetle, where it is to be measured.
    pub tigerbeetle: Option<PathBuf>,
    /// Rounds of each measurement, at least one.
    pub rounds: usize,
    /// Events of the journal that is replayed and proven from, rows of a file that is imported.
    pub events: u64,
    /// Movements of the journal that is made ready.
    pub movements: u64,
    /// Customers of the attribution.
    pub customers: u32,
    /// Hears what is being done.
    pub say: fn(&str),
}

impl Setup {
    /// The same for a folder inside the folder.
    fn inside(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// Why a measurement ended early.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The sequencer stopped.
    #[error(transparent)]
    Sequencer(#[from] SequencerError),
    /// The service stopped or was too busy.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The journal could not be folded.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// The installation failed.
    #[error(transparent)]
    Installation(#[from] InstallationError),
    /// The demo ended early.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// An import ended early.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The edges did not open.
    #[error(transparent)]
    Edges(#[from] EdgeError),
    /// A row of the measurement was refused.
    #[error("a row of the measurement was refused: {0}; this is our fault, please report it")]
    Row(#[from] RowFault),
    /// The folder for measurements failed.
    #[error("`{path}`: {source}; give a folder on the disk to be measured with `--dir`")]
    Folder {
        /// The folder.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// Another store failed.
    #[error("{who}: {what}")]
    Peer {
        /// Which.
        who: &'static str,
        /// What it says.
        what: String,
    },
    /// A command of the measurement was not recorded.
    #[error("a command of the measurement was answered `{0}`; this is our fault, please report it")]
    Answered(String),
    /// A result of the measurement is wrong.
    #[error("{0}; this is our fault, please report it")]
    Wrong(&'static str),
}

fn of_folder(path: &Path) -> impl Fn(std::io::Error) -> BenchError + '_ {
    move |source| BenchError::Folder {
        path: path.display().to_string(),
        source,
    }
}

/// Measures one subject.
///
/// # Errors
/// See [`BenchError`].
pub fn measure(subject: Subject, setup: &Setup) -> Result<Report, BenchError> {
    std::fs::create_dir_all(&setup.dir).map_err(of_folder(&setup.dir))?;
    match subject {
        Subject::Journal => journal::measure(setup),
        Subject::Transfers => transfers::measure(setup),
        Subject::Clients => clients::measure(setup),
        Subject::Replay => replay::measure(setup),
        Subject::Ready => ready::measure(setup),
        Subject::Asof => replay::measure_as_of(setup),
        Subject::Attribution => attribution::measure(setup),
        Subject::Guard => guard::measure(setup),
        Subject::Proof => proof::measure(setup),
        Subject::Import => import::measure(setup),
        Subject::Feed => feed::measure(setup),
        Subject::Demo => whole_demo(setup),
    }
}

fn whole_demo(setup: &Setup) -> Result<Report, BenchError> {
    let options = DemoOptions {
        out: setup.inside("demo"),
        customers: 100_000,
        seed: 20_251_127,
        lang: Lang::En,
    };
    (setup.say)("the whole demo, once");
    let outcome = demo::run(&options, &mut |_| {})?;
    let took = outcome.took_ms;
    Ok(Report {
        title: "demo".to_owned(),
        figures: vec![Figure {
            case: format!("100,000 customers, {} entries", outcome.entries),
            who: "keepwhole".to_owned(),
            unit: "ms",
            spread: (took, took, took),
            ours_to_it: None,
        }],
        notes: vec!["once; the goal is 60,000 ms".to_owned()],
    })
}
