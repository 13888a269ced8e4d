//! The console's answers from an installation, running or only read: each page at one head of the journal.

use super::backtests::{Backtests, Unworked};
use super::{REPORT, kind, record_json};
use crate::console::{ConsoleSource, SourceError};
use crate::demo::EXERCISE;
use crate::journal::tiles::LogFiles;
use crate::journal::{Journal, JournalError, RealDisk};
use crate::outside::PublicLog;
use crate::sequencer::Reader;
use crate::text::{Words, seoul_date, seoul_day, seoul_day_start};
use crate::views::{
    BacktestAsked, BacktestOutcome, BacktestShown, BacktestView, Banner, Chosen, Compared,
    CustomerView, DAYS_MAX, GuardView, Head, IncidentLine, IncidentView, JournalView, Overview,
    PackageLink, PeopleView, PolicyView, Record as Shown, RequestState, RequestView, Trail, asset,
    banner,
};
use keepwhole_core::command::sha256_of;
use keepwhole_core::event::Record;
use keepwhole_core::state::State;
use keepwhole_verify::note::VerifierKey;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Entries on one page of the journal.
const PAGE: u64 = 50;
/// Days of a back-test where none are named.
const WEEK: u64 = 7;
/// Longest journal that a back-test of the console works through, entries.
const ENTRIES_MAX: u64 = 2_000_000;
/// Folder of customers' packages.
const PACKAGES: &str = "packages";
/// Keys of the log and the bundles, to check packages with.
const TRUST: &str = "trust.txt";

/// What the console reads.
pub enum Feed {
    /// A running sequencer; every page is as of its last durable entry.
    Live(Reader<RealDisk>),
    /// A journal as it was when it was opened for reading.
    Fixed(Box<(State, Journal<RealDisk>)>),
}

/// Answers the console.
pub struct ConsoleFeed {
    dir: PathBuf,
    log_key: VerifierKey,
    feed: Feed,
    exercise: bool,
    entries: bool,
    beside: Option<PathBuf>,
    trail: Mutex<Trail>,
    backtests: Backtests,
}

/// One moment of the journal with its state.
struct Moment<'a> {
    state: &'a State,
    journal: &'a Journal<RealDisk>,
    head: Head,
}

fn unavailable(error: impl std::fmt::Display) -> SourceError {
    SourceError::Unavailable(error.to_string())
}

/// Why reading ended early.
enum Pause {
    Enough,
    NotARecord(u64),
    Journal(JournalError),
}

impl From<JournalError> for Pause {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

/// Calls `visit` for the entries from `from` on, before `end`.
fn read_records(
    journal: &Journal<RealDisk>,
    from: u64,
    end: u64,
    visit: &mut dyn FnMut(u64, &Record),
) -> Result<(), SourceError> {
    let told = journal.read::<Pause>(from, &mut |position, bytes| {
        if position >= end {
            return Err(Pause::Enough);
        }
        let record = Record::decode(bytes).map_err(|_| Pause::NotARecord(position))?;
        visit(position, &record);
        Ok(())
    });
    match told {
        Ok(()) | Err(Pause::Enough) => Ok(()),
        Err(Pause::NotARecord(position)) => {
            Err(unavailable(format!("entry `{position}` is not a record")))
        }
        Err(Pause::Journal(error)) => Err(unavailable(error)),
    }
}

impl Moment<'_> {
    /// Calls `visit` for the entries from `from` on, before `end`.
    fn read(
        &self,
        from: u64,
        end: u64,
        visit: &mut dyn FnMut(u64, &Record),
    ) -> Result<(), SourceError> {
        read_records(self.journal, from, end, visit)
    }

    /// The entry at `position`: looked up where it is published, which finds it at once, else in the journal.
    fn record(&self, position: u64) -> Option<Record> {
        let log = LogFiles(self.journal.disk());
        let published = log
            .checkpoint()
            .ok()
            .map(|(checkpoint, _)| checkpoint.size());
        let bundled = published
            .filter(|size| position < *size)
            .and_then(|size| log.entry(position, size).ok());
        if let Some(bytes) = bundled {
            return Record::decode(&bytes).ok();
        }
        let mut found = None;
        self.read(position, position.saturating_add(1), &mut |_, record| {
            found = Some(record.clone())
        })
        .ok()?;
        found
    }
}

impl ConsoleFeed {
    /// Answers from `feed`, the installation in `dir` whose checkpoints `log_key` verifies. Where the folder says that it
    /// is an exercise, every page does.
    #[must_use]
    pub fn new(dir: PathBuf, log_key: VerifierKey, feed: Feed) -> Self {
        let exercise = dir.join(EXERCISE).is_file();
        Self {
            dir,
            log_key,
            feed,
            exercise,
            entries: false,
            beside: None,
            trail: Mutex::default(),
            backtests: Backtests::default(),
        }
    }

    /// Shows the report and the customers' packages that lie in `folder`, besides those of the installation itself.
    #[must_use]
    pub fn beside(mut self, folder: &Path) -> Self {
        self.beside = Some(folder.to_path_buf());
        self
    }

    /// Gives out entry bundles, which hold every entry in full, to whoever reaches the console.
    #[must_use]
    pub const fn with_entries(mut self, entries: bool) -> Self {
        self.entries = entries;
        self
    }

    fn banner(&self, state: &State) -> Banner {
        if self.exercise {
            Banner::Exercise(Words::key("banner-made-up"))
        } else {
            banner(state)
        }
    }

    /// Folders in which report and packages are looked for, in order.
    fn folders(&self) -> impl Iterator<Item = &Path> {
        [Some(self.dir.as_path()), self.beside.as_deref()]
            .into_iter()
            .flatten()
    }

    /// The customer's package, where one lies there. The name is one of the journal's own, and is looked up as one file.
    fn package(&self, customer: &str) -> Option<PackageLink> {
        let name = format!("{customer}.json");
        let is_plain = !name.contains(['/', '\\']) && !name.starts_with('.');
        let folder = self
            .folders()
            .filter(|_| is_plain)
            .find(|folder| folder.join(PACKAGES).join(&name).is_file())?;
        let file = folder.join(PACKAGES).join(&name).display().to_string();
        let trust = folder.join(TRUST).display().to_string();
        let command = format!("keepwhole verify {file} --trust {trust}");
        Some(PackageLink { file, command })
    }

    /// One moment, with the trail followed up to it.
    fn at<T>(
        &self,
        answer: impl FnOnce(&Moment<'_>, &Trail) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        match &self.feed {
            Feed::Live(reader) => {
                // Most of the trail is followed while the sequencer goes on; only the rest keeps it waiting.
                self.catch_up(&reader.journal())?;
                reader
                    .moment(|state, journal| self.follow(state, journal, answer))
                    .map_err(unavailable)?
            }
            Feed::Fixed(fixed) => self.follow(&fixed.0, &fixed.1, answer),
        }
    }

    /// Follows the trail up to the journal's head.
    fn catch_up(&self, journal: &Journal<RealDisk>) -> Result<(), SourceError> {
        // A page that panicked has not followed a record halfway: the trail counts the records it has taken.
        let mut trail = self.trail.lock().unwrap_or_else(PoisonError::into_inner);
        let (from, end) = (trail.size, journal.head().size);
        if from >= end {
            return Ok(());
        }
        read_records(journal, from, end, &mut |position, record| {
            trail.follow(position, record)
        })
    }

    fn follow<T>(
        &self,
        state: &State,
        journal: &Journal<RealDisk>,
        answer: impl FnOnce(&Moment<'_>, &Trail) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        let head = journal.head();
        let head = Head {
            size: head.size,
            root: head.root.to_string(),
        };
        let moment = Moment {
            state,
            journal,
            head,
        };
        self.catch_up(journal)?;
        let mut trail = self.trail.lock().unwrap_or_else(PoisonError::into_inner);
        trail.settle(state);
        answer(&moment, &trail)
    }
}

impl ConsoleSource for ConsoleFeed {
    fn overview(&self) -> Result<Overview, SourceError> {
        self.at(|moment, trail| {
            let published = LogFiles(moment.journal.disk()).checkpoint().is_ok();
            Ok(Overview::of(
                moment.state,
                trail,
                &moment.head,
                self.banner(moment.state),
                published,
            ))
        })
    }

    fn frame(&self) -> Result<(Banner, Head), SourceError> {
        self.at(|moment, _| Ok((self.banner(moment.state), moment.head.clone())))
    }

    fn incidents(&self) -> Result<Vec<IncidentLine>, SourceError> {
        self.at(|moment, _| Ok(IncidentLine::all(moment.state)))
    }

    fn incident(&self, id: &str) -> Result<Option<IncidentView>, SourceError> {
        self.at(|moment, trail| Ok(IncidentView::of(moment.state, trail, &moment.head, id)))
    }

    fn customer(&self, id: &str) -> Result<Option<CustomerView>, SourceError> {
        self.at(|moment, trail| {
            let view = CustomerView::of(moment.state, trail, &moment.head, id, &|position| {
                moment.record(position)
            });
            let view = view.map(|view| view.with_package(self.package(id)));
            Ok(if self.exercise {
                view.map(CustomerView::made_up)
            } else {
                view
            })
        })
    }

    fn journal(&self, from: Option<u64>) -> Result<JournalView, SourceError> {
        self.at(|moment, _| {
            let size = moment.head.size;
            let last = size.saturating_sub(1) / PAGE * PAGE;
            let from = from.unwrap_or(last).min(size);
            let mut records = Vec::new();
            moment.read(from, from.saturating_add(PAGE), &mut |index, record| {
                let json = record_json(moment.state, index, record).to_canonical();
                records.push(Shown {
                    index,
                    at: record.at,
                    kind: kind(&record.event).to_owned(),
                    json,
                });
            })?;
            let checkpoint = LogFiles(moment.journal.disk())
                .checkpoint()
                .ok()
                .map(|(_, note)| note);
            Ok(JournalView {
                as_of: (size > 0).then_some(moment.state.at),
                head: moment.head.clone(),
                checkpoint,
                vkey: self.log_key.to_string(),
                records,
                from,
                page: PAGE,
            })
        })
    }

    fn guard(&self, only: Option<RequestState>, from: u64) -> Result<GuardView, SourceError> {
        self.at(|moment, trail| {
            let (state, head) = (moment.state, &moment.head);
            Ok(GuardView::of(state, trail, head, only, from))
        })
    }

    fn request(&self, id: &str) -> Result<Option<RequestView>, SourceError> {
        self.at(|moment, trail| {
            let record = |position| moment.record(position);
            Ok(RequestView::of(
                moment.state,
                trail,
                &moment.head,
                id,
                &record,
            ))
        })
    }

    fn policy(&self, between: Option<&Compared>) -> Result<PolicyView, SourceError> {
        self.at(|moment, trail| {
            let record = |position| moment.record(position);
            Ok(PolicyView::of(
                moment.state,
                trail,
                &moment.head,
                between,
                &record,
            ))
        })
    }

    fn backtest(&self, asked: &BacktestAsked) -> Result<BacktestView, SourceError> {
        let chosen = asked.policy.as_ref();
        let (mut view, policy) = self.at(|moment, trail| {
            let record = |position| moment.record(position);
            let policy = chosen.and_then(|one| one.policy(moment.state, trail, &record));
            let to = asked.days.1.unwrap_or_else(|| seoul_day(moment.state.at));
            let from = asked.days.0.unwrap_or_else(|| to.saturating_sub(WEEK - 1));
            let view = BacktestView {
                as_of: moment.state.at,
                head: moment.head.clone(),
                choices: Chosen::all(moment.state, trail),
                chosen: chosen.cloned(),
                from: seoul_date(from),
                to: seoul_date(to),
                outcome: match (chosen, &policy, to.checked_sub(from)) {
                    (None, ..) => BacktestOutcome::NotAsked,
                    (_, None, _) => BacktestOutcome::NoPolicy,
                    (.., None) => BacktestOutcome::Backwards,
                    (.., Some(days)) if days >= DAYS_MAX => {
                        BacktestOutcome::TooManyDays(days.saturating_add(1))
                    }
                    _ if moment.head.size > ENTRIES_MAX => BacktestOutcome::TooLong,
                    _ => BacktestOutcome::Empty,
                },
            };
            let reference = policy.as_ref().and_then(|policy| policy.reference);
            let reference = moment.state.guard.policy.reference.or(reference);
            let asset = reference.map(|ix| asset(moment.state, ix));
            let range = (seoul_day_start(from), seoul_day_start(to.saturating_add(1)));
            Ok((view, policy.map(|policy| (policy, asset, range))))
        })?;
        if let (BacktestOutcome::Empty, Some(chosen), Some((policy, asset, range))) =
            (&view.outcome, chosen, policy)
        {
            // The sequencer goes on meanwhile: the journal is read through a handle of its own.
            let job = (view.head.size, sha256_of(&policy), range);
            let worked = match &self.feed {
                Feed::Live(reader) => self.backtests.work(job, &reader.journal(), &policy),
                Feed::Fixed(fixed) => self.backtests.work(job, &fixed.1, &policy),
            };
            view.outcome = match worked {
                Ok(found) if found.requests == 0 => BacktestOutcome::Empty,
                Ok(found) => {
                    let shown = BacktestShown::of(&found, chosen.words(), asset);
                    BacktestOutcome::Found(Box::new(shown))
                }
                Err(Unworked::Busy) => BacktestOutcome::Busy,
                Err(Unworked::TooLong) => BacktestOutcome::TooLong,
                Err(Unworked::Journal(error)) => return Err(unavailable(error)),
            };
        }
        Ok(view)
    }

    fn people(&self) -> Result<PeopleView, SourceError> {
        self.at(|moment, _| {
            let record = |position| moment.record(position);
            Ok(PeopleView::of(moment.state, &moment.head, &record))
        })
    }

    fn log_file(&self, path: &str) -> Option<Vec<u8>> {
        let log = PublicLog::new(&self.dir, self.entries);
        log.file(path).map(|file| file.bytes)
    }

    fn report(&self) -> Option<Vec<u8>> {
        self.folders()
            .find_map(|folder| std::fs::read(folder.join(REPORT)).ok())
    }
}
