//! One incident: its timeline, its clocks, what was taken, who bore it, and what was stopped or frozen.

use super::{Figure, Head, Mark, Value};
use crate::text::{Amount, Words};

/// How a rule of law stands on the day of the incident (law/README.md, `status`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LawStatus {
    /// Binding.
    InForce,
    /// Was binding until a day that has passed; another record may have taken over.
    Superseded,
    /// Promulgated, binding from a fixed day.
    EnactedNotYetInForce,
    /// A bill or draft; never counted as owed.
    Proposed,
    /// Announced by a regulator, no text yet.
    Announced,
    /// Binds members of an industry body.
    SelfRegulation,
    /// A supervisor has said it will not act.
    SupervisoryForbearance,
}

impl LawStatus {
    /// The catalogue's key of the status' name.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            LawStatus::InForce => "law-in-force",
            LawStatus::Superseded => "law-superseded",
            LawStatus::EnactedNotYetInForce => "law-enacted",
            LawStatus::Proposed => "law-proposed",
            LawStatus::Announced => "law-announced",
            LawStatus::SelfRegulation => "law-self-regulation",
            LawStatus::SupervisoryForbearance => "law-forbearance",
        }
    }

    /// Whether a duty under a rule of this status binds.
    #[must_use]
    pub fn binds(self) -> bool {
        self == LawStatus::InForce
    }
}

/// A candidate for the moment of awareness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awareness {
    /// When, milliseconds since the epoch; `None` where it is known to have happened but not when.
    pub at: Option<u64>,
    /// Who names it and why.
    pub reason: Words,
    /// Whether an officer named it as the legal awareness.
    pub legal: bool,
    /// How it is known.
    pub mark: Mark,
    /// Entries that record it.
    pub evidence: Vec<u64>,
    /// Duties whose clock would run from this moment, and when each would be due (milliseconds since the epoch).
    pub dues: Vec<(Words, u64)>,
}

/// What sort of thing an event of the timeline is; each has its own shape in the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// Assets left without authorisation.
    Outflow,
    /// Somebody or something noticed.
    Seen,
    /// Something was stopped.
    Stopped,
    /// Somebody was told.
    Told,
    /// Assets were frozen or came back.
    Recovered,
    /// Anything else, decisions among them.
    Decided,
}

impl EventKind {
    /// All kinds, for the legend.
    pub const ALL: [EventKind; 6] = [
        EventKind::Outflow,
        EventKind::Seen,
        EventKind::Stopped,
        EventKind::Told,
        EventKind::Recovered,
        EventKind::Decided,
    ];

    /// The catalogue's key of the kind's name.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            EventKind::Outflow => "event-outflow",
            EventKind::Seen => "event-seen",
            EventKind::Stopped => "event-stopped",
            EventKind::Told => "event-told",
            EventKind::Recovered => "event-recovered",
            EventKind::Decided => "event-decided",
        }
    }
}

/// One event of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineEvent {
    /// When, milliseconds since the epoch.
    pub at: u64,
    /// Its sort.
    pub kind: EventKind,
    /// What happened.
    pub what: Words,
    /// How it is known.
    pub mark: Mark,
    /// Entries that record it.
    pub evidence: Vec<u64>,
}

/// What fulfilled a duty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// When, milliseconds since the epoch.
    pub at: u64,
    /// The receipt or the public source that says so.
    pub receipt: Option<Words>,
}

/// How a clock stands at the time of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockState {
    /// What starts it has not been recorded.
    NotStarted,
    /// Running; milliseconds left.
    Running {
        /// Milliseconds until it is due.
        left: u64,
    },
    /// Past its due time and not done; milliseconds late.
    Overdue {
        /// Milliseconds since it was due.
        late: u64,
    },
    /// Done in time; milliseconds that were left.
    DoneInTime {
        /// Milliseconds between the act and the due time.
        left: u64,
    },
    /// Done after the due time; milliseconds late.
    DoneLate {
        /// Milliseconds between the due time and the act.
        late: u64,
    },
    /// The law sets no number: only the elapsed time is shown, no deadline is invented.
    NoNumber {
        /// Milliseconds from the start until it was done, or until the time of the page.
        elapsed: u64,
        /// Whether it was done.
        done: bool,
    },
    /// It was closed as not applicable, with a reason in the journal.
    Closed,
    /// Whether it was done was not found in public sources.
    NotFound,
}

/// One duty with its clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockRow {
    /// Id of the law's record, such as `kr-na-incident-24h`.
    pub duty: String,
    /// The duty in words.
    pub title: Words,
    /// Who must be told.
    pub authority: Words,
    /// Instrument and article.
    pub source: String,
    /// How the rule stands.
    pub status: LawStatus,
    /// How sure the record's reading is (`checked`, `mirror`, `press`, `not_rechecked`).
    pub confidence: String,
    /// What starts it, in words: which of the candidates for awareness, or which other fact.
    pub trigger: Words,
    /// When it started, milliseconds since the epoch.
    pub started: Option<u64>,
    /// When it is due; `None` where the law sets no number.
    pub due: Option<u64>,
    /// What fulfilled it.
    pub done: Option<Done>,
    /// How it stands at the time of the page.
    pub state: ClockState,
    /// Entries that record it.
    pub evidence: Vec<u64>,
}

/// What was taken of one asset, and who bears it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LossRow {
    /// What left without authorisation.
    pub taken: Amount,
    /// Part borne by the exchange's own holdings.
    pub house: Amount,
    /// Part behind customers' claims, which the exchange must put back.
    pub customers: Amount,
    /// Of the customers' part, what it has put back.
    pub replenished: Amount,
    /// Of the customers' part, what it has still to put back.
    pub outstanding: Amount,
    /// How the amount taken is known.
    pub mark: Mark,
}

/// A trip of the breaker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trip {
    /// What was stopped.
    pub scope: Words,
    /// Why.
    pub cause: Words,
    /// When, milliseconds since the epoch.
    pub at: u64,
    /// False where the policy did not arm the breaker: it is recorded, and nothing was halted.
    pub armed: bool,
    /// When a quorum reset it; `None` while it stands.
    pub reset: Option<u64>,
    /// The entry that records it.
    pub entry: u64,
}

/// A freeze at another party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// Who froze, or what was asked of whom.
    pub holder: Words,
    /// How much, or why that is not known.
    pub amount: Value,
    /// When, milliseconds since the epoch; `None` where not public.
    pub at: Option<u64>,
    /// The state of it.
    pub state: Words,
    /// How it is known.
    pub mark: Mark,
    /// Entries that record it.
    pub evidence: Vec<u64>,
}

/// One line of the list of incidents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentLine {
    /// The incident's id.
    pub id: String,
    /// When it was opened, milliseconds since the epoch.
    pub opened: u64,
    /// What it is.
    pub title: Words,
    /// Whether it is still open.
    pub open: bool,
    /// The nearest due time of a clock that runs.
    pub next_due: Option<u64>,
    /// How many of its clocks run past their due time.
    pub overdue: u64,
}

/// The page of one incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentView {
    /// The incident's id.
    pub id: String,
    /// The journal's time of what is shown (milliseconds since the epoch).
    pub as_of: u64,
    /// The head of the journal at that moment.
    pub head: Head,
    /// What it is.
    pub title: Words,
    /// When it was opened, milliseconds since the epoch.
    pub opened: u64,
    /// Who or what opened it.
    pub opened_by: Words,
    /// When it was closed.
    pub closed: Option<u64>,
    /// The earliest sign; it never moves and drives the internal clocks.
    pub working_start: u64,
    /// Every candidate for awareness.
    pub awareness: Vec<Awareness>,
    /// What happened, oldest first.
    pub events: Vec<TimelineEvent>,
    /// The duties and their clocks.
    pub clocks: Vec<ClockRow>,
    /// What was taken, per asset.
    pub losses: Vec<LossRow>,
    /// Trips of the breaker.
    pub trips: Vec<Trip>,
    /// Freezes at other parties.
    pub freezes: Vec<Freeze>,
    /// Further figures of the case.
    pub figures: Vec<Figure>,
}
