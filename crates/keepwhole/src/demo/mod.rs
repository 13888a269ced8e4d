//! The demo: the public facts of 27 November 2025 and made-up customers, played through the real journal, and what an
//! outsider can check of it.
//!
//! Read in this order: [`facts`] (published), [`world`] (assumed and made up), [`story`] (the journal as it happened),
//! [`runs`] (the 54 minutes under other conditions), [`proof`] (redress sets, packages, bundle), [`page`] (the report).

pub mod curve;
pub mod draw;
pub mod exposure;
pub mod facts;
pub mod page;
pub mod proof;
pub mod runs;
pub mod story;
pub mod timeline;
pub mod world;

use crate::journal::{JournalError, Options as JournalOptions, Publisher, RealDisk, installation};
use crate::law;
use crate::redress::{RedressError, RedressSet};
use crate::report;
use crate::sequencer::{Sequencer, SequencerError};
use crate::text::Lang;
use draw::Draw;
use facts::Facts;
use keepwhole_core::command::Body;
use keepwhole_core::law::LawSet;
use keepwhole_verify::archive::Limits;
use keepwhole_verify::bundle::{Source, verify_bundle};
use keepwhole_verify::note::Ed25519Signer;
use keepwhole_verify::report::Report;
use keepwhole_verify::trust::Trust;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Origin of the demo's log.
pub const ORIGIN: &str = "demo.keepwhole.example/exercise";
/// File in an installation that says it is an exercise, in one line for people.
pub const EXERCISE: &str = "exercise";
/// Names of the customers whose packages are written: the first, one in the middle, the last.
const PACKAGES: usize = 3;

/// What the demo is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoOptions {
    /// Folder to write into; must not exist or be empty.
    pub out: PathBuf,
    /// Made-up customers.
    pub customers: u32,
    /// Seed of everything made up.
    pub seed: u64,
    /// The language that the report shows first.
    pub lang: Lang,
}

/// Why the demo ended early.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The facts are not what the demo knows.
    #[error("`cases/upbit-2025/facts.toml`: {0}")]
    Facts(String),
    /// Too many or too few customers.
    #[error(
        "`--customers {customers}`: the demo's balances of `{token}` can't be split over them; 10 to 1000000 are possible, and 100 or more are enough for every token"
    )]
    Customers {
        /// How many.
        customers: u32,
        /// The token that could not be split.
        token: String,
    },
    /// The folder is there and not empty.
    #[error("`{0}` is not empty; name another folder with `--out`, or remove it")]
    NotEmpty(PathBuf),
    /// A file could not be written.
    #[error("`{path}`: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A step of the story was refused: a slip of the demo.
    #[error(
        "the demo's step `{step}` was refused: `{reason}`; this is our fault, please report it"
    )]
    Refused {
        /// The step.
        step: String,
        /// The reason's code.
        reason: &'static str,
    },
    /// A reply is missing: a slip of the demo.
    #[error("a step of the demo got no reply; this is our fault, please report it")]
    NoReply,
    /// No case was opened: a slip of the demo.
    #[error("the demo's journal holds no case; this is our fault, please report it")]
    NoCase,
    /// The law could not be used.
    #[error(transparent)]
    Duties(#[from] law::duties::DutyError),
    /// The shipped law is incomplete.
    #[error("the shipped law files are refused: {0}")]
    Law(String),
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The sequencer stopped.
    #[error(transparent)]
    Sequencer(#[from] SequencerError),
    /// The redress set could not be built.
    #[error(transparent)]
    Redress(#[from] RedressError),
    /// The bundle could not be written.
    #[error(transparent)]
    Bundle(#[from] crate::bundle::BundleError),
    /// The demo's own bundle did not verify.
    #[error("the demo's bundle does not verify: {0}; this is our fault, please report it")]
    NotVerified(String),
}

/// What the demo made.
#[derive(Debug)]
pub struct DemoOutcome {
    /// The folder.
    pub out: PathBuf,
    /// Customers.
    pub customers: u32,
    /// Entries of the journal.
    pub entries: u64,
    /// Root of the journal, lower-case hex.
    pub root: String,
    /// Customers with a package.
    pub packages: Vec<String>,
    /// What came of each run.
    pub runs: Vec<runs::Outcome>,
    /// What the verifier says of the bundle.
    pub verified: Report,
    /// Wall time, ms.
    pub took_ms: u64,
}

/// Plays the demo and writes everything below `options.out`; `step` hears what is being done.
///
/// # Errors
/// See [`DemoError`].
pub fn run(options: &DemoOptions, step: &mut dyn FnMut(&str)) -> Result<DemoOutcome, DemoError> {
    let began = Instant::now();
    if !(10..=1_000_000).contains(&options.customers) {
        return Err(DemoError::Customers {
            customers: options.customers,
            token: "any token".to_owned(),
        });
    }
    let facts = Facts::shipped()?;
    let tokens = world::tokens(&facts)?;
    let law = shipped_law()?;
    step("opening the journal");
    let dir = options.out.join("journal");
    let (mut sequencer, mut publisher, bundle_key) = installation(&options.out, &dir)?;
    let sets = tell_story(options, &facts, &tokens, &law, &mut sequencer, step)?;
    step("playing the 54 minutes under other conditions");
    let outcomes = runs::all(&facts, &tokens, &mut || {})?;
    step("publishing the checkpoint, the bundle and three customers' proofs");
    let marks = proof::landmarks(sequencer.journal())?;
    let customers = package_customers(options.customers);
    let published = proof::publish(
        &dir,
        (&mut publisher, &bundle_key),
        &mut sequencer,
        &sets,
        &marks,
        &customers,
    )?;
    step("verifying the bundle as an outsider would");
    let verified = verify(&published)?;
    step("writing the report");
    write_files(options, &published)?;
    let told = page::Told {
        facts: &facts,
        tokens: &tokens,
        law: &law,
        runs: &outcomes,
        sequencer: &sequencer,
        marks: &marks,
        set: sets.last(),
        published: &published,
        verified: &verified,
        customers: options.customers,
    };
    let html = report::render(&page::view(&told), options.lang);
    write(&options.out.join("report.html"), html.as_bytes())?;
    let head = sequencer.head();
    Ok(DemoOutcome {
        out: options.out.clone(),
        customers: options.customers,
        entries: head.size,
        root: head.root.to_string(),
        packages: customers,
        runs: outcomes,
        verified,
        took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

/// Tells the case from the opening to whole customers; returns the redress sets, one per epoch.
fn tell_story(
    options: &DemoOptions,
    facts: &Facts,
    tokens: &[world::Token],
    law: &LawSet,
    sequencer: &mut Sequencer<RealDisk>,
    step: &mut dyn FnMut(&str),
) -> Result<Vec<RedressSet>, DemoError> {
    let mut draw = Draw::new(options.seed, "balances");
    let mut salts = Draw::new(options.seed, "redress");
    let mut teller = story::Teller::new(sequencer, "demo");
    step("making up customers and their balances");
    story::opening(
        &mut teller,
        facts,
        tokens,
        options.customers,
        &mut draw,
        law,
    )?;
    step("playing 27 November 2025 as it was published");
    story::theft(&mut teller, facts, tokens)?;
    story::freeze(&mut teller, facts)?;
    step("committing to what each customer is short");
    let first = commit_set(&mut teller, None, &mut salts)?;
    step("putting it back");
    let at = story::replenish(&mut teller, facts, tokens)?;
    story::put_back(&mut teller, at, tokens)?;
    story::resume(&mut teller, at)?;
    step("committing to what was put back");
    let second = commit_set(&mut teller, Some(&first), &mut salts)?;
    Ok(vec![first, second])
}

fn shipped_law() -> Result<LawSet, DemoError> {
    let loaded = law::load(&law::SourceFile::shipped(), None);
    if !loaded.is_complete() {
        return Err(DemoError::Law("run `keepwhole law list`".to_owned()));
    }
    Ok(loaded.set)
}

fn file_error(path: &Path) -> impl FnOnce(std::io::Error) -> DemoError + '_ {
    move |source| DemoError::File {
        path: path.to_owned(),
        source,
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), DemoError> {
    std::fs::write(path, bytes).map_err(file_error(path))
}

/// A fresh installation below `out`, marked as an exercise.
fn installation(
    out: &Path,
    dir: &Path,
) -> Result<(Sequencer<RealDisk>, Publisher, Ed25519Signer), DemoError> {
    let filled = std::fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some());
    if filled {
        return Err(DemoError::NotEmpty(out.to_owned()));
    }
    std::fs::create_dir_all(dir).map_err(file_error(dir))?;
    let made = installation::init(dir, ORIGIN, JournalOptions::default())?;
    write(&dir.join(EXERCISE), b"demo: the customers are made up\n")?;
    Ok((
        Sequencer::open(made.journal)?,
        made.publisher,
        made.bundle_key,
    ))
}

/// Builds the redress set of the moment, keeps its manifest and journals the entry that commits to it.
fn commit_set(
    teller: &mut story::Teller<'_, RealDisk>,
    previous: Option<&RedressSet>,
    salts: &mut Draw,
) -> Result<RedressSet, DemoError> {
    let marks = proof::landmarks(teller.sequencer.journal())?;
    let set = proof::build_set(teller.sequencer.state(), &marks, previous, salts)?;
    teller
        .sequencer
        .journal_mut()
        .put_attachment(set.manifest_text().as_bytes())?;
    let at = teller.sequencer.state().at;
    teller.tell(
        at,
        Some("compliance-officer"),
        Body::PublishRedressSet {
            entry: set.entry_payload(),
        },
    )?;
    Ok(set)
}

fn package_customers(customers: u32) -> Vec<String> {
    let mut numbers = vec![0, customers / 2, customers - 1];
    numbers.dedup();
    numbers
        .into_iter()
        .take(PACKAGES)
        .map(world::customer)
        .collect()
}

fn verify(published: &proof::Published) -> Result<Report, DemoError> {
    let trust = Trust::parse("trust.txt", &published.trust)
        .map_err(|e| DemoError::NotVerified(e.to_string()))?;
    let report = verify_bundle(
        &Source::Archive(&published.bundle),
        Some(&trust),
        true,
        Limits::default(),
    );
    match report.failed() {
        Some(stage) => Err(DemoError::NotVerified(format!(
            "{} {}",
            stage.code, stage.name
        ))),
        None => Ok(report),
    }
}

fn write_files(options: &DemoOptions, published: &proof::Published) -> Result<(), DemoError> {
    write(&options.out.join("bundle.kwb"), &published.bundle)?;
    write(&options.out.join("trust.txt"), published.trust.as_bytes())?;
    let packages = options.out.join("packages");
    std::fs::create_dir_all(&packages).map_err(file_error(&packages))?;
    for (customer, text) in &published.packages {
        write(&packages.join(format!("{customer}.json")), text.as_bytes())?;
    }
    Ok(())
}
