//! The report of a demo or a drill: everything on one page that prints.

use super::{
    Answer, ClockRow, Figure, Freeze, Head, LawStatus, Mark, Marked, TimelineEvent, Value,
};
use crate::text::{Amount, Words};

/// How keepwhole stood in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunMode {
    /// The incident as the public sources tell it.
    AsItHappened,
    /// keepwhole only sees the chain: losses are limited to what leaves before the halt acts.
    Watch,
    /// The signer signs nothing without a clearance.
    CoSign,
}

impl RunMode {
    /// The catalogue's key of the mode's name.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            RunMode::AsItHappened => "mode-as-it-happened",
            RunMode::Watch => "mode-watch",
            RunMode::CoSign => "mode-co-sign",
        }
    }
}

/// How the thief could sign; the public sources do not settle it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hypothesis {
    /// The exchange's own signer was made to sign.
    SignerAbused,
    /// The key itself is known outside: no approval step stops the thief.
    KeyKnownOutside,
}

impl Hypothesis {
    /// Both, in the order of the report.
    pub const ALL: [Hypothesis; 2] = [Hypothesis::SignerAbused, Hypothesis::KeyKnownOutside];

    /// The catalogue's key of the hypothesis' name.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Hypothesis::SignerAbused => "hypothesis-signer-abused",
            Hypothesis::KeyKnownOutside => "hypothesis-key-outside",
        }
    }
}

/// One way in which the incident was played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// How keepwhole stood.
    pub mode: RunMode,
    /// How the thief could sign; `None` where it makes no difference (as it happened).
    pub hypothesis: Option<Hypothesis>,
    /// The assumed course of the outflow (even, front-loaded, one transaction); `None` where it makes no difference.
    pub curve: Option<Words>,
    /// What left, valued in won at the prices of the incident.
    pub taken: Marked<Amount>,
    /// What stayed, against the run as it happened.
    pub kept: Marked<Amount>,
    /// When the first thing was stopped, milliseconds since the epoch.
    pub stopped: Option<u64>,
    /// What happened, in one sentence.
    pub sentence: Words,
    /// What had left by when: (milliseconds since the epoch, won), rising. Between two points the line is straight.
    pub course: Vec<(u64, u128)>,
}

/// What was taken of one token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenLoss {
    /// The quantity taken.
    pub taken: Marked<Amount>,
    /// Its value in won at the prices of the incident.
    pub krw: Marked<Amount>,
    /// Quantity borne by the exchange's own holdings.
    pub house: Amount,
    /// Quantity behind customers' claims.
    pub customers: Amount,
    /// Of the customers' part, what the exchange has put back.
    pub replenished: Amount,
    /// Of the customers' part, what it has still to put back.
    pub outstanding: Amount,
}

/// Held against owed of one asset, at three moments. All amounts are of one asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageRow {
    /// What is owed to customers.
    pub owed: Amount,
    /// What was held before the theft.
    pub before: Amount,
    /// What was held after it.
    pub after: Amount,
    /// What was held once the exchange had put back what was missing.
    pub restored: Amount,
    /// How the figures are known.
    pub mark: Mark,
}

/// In which of the three columns an exposure stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FineColumn {
    /// Law on the day of the incident or today.
    Today,
    /// Law from a fixed date.
    FixedDate,
    /// Proposed: a what-if, never counted as owed.
    Proposed,
}

impl FineColumn {
    /// All columns, in the order of the report.
    pub const ALL: [FineColumn; 3] = [
        FineColumn::Today,
        FineColumn::FixedDate,
        FineColumn::Proposed,
    ];

    /// The catalogue's key of the column's heading.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            FineColumn::Today => "fine-today",
            FineColumn::FixedDate => "fine-fixed-date",
            FineColumn::Proposed => "fine-proposed",
        }
    }
}

/// What one rule could cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FineRow {
    /// Id of the law's record.
    pub rule: String,
    /// The rule in words.
    pub title: Words,
    /// Where it stands.
    pub column: FineColumn,
    /// Its status.
    pub status: LawStatus,
    /// Instrument and article.
    pub source: String,
    /// How sure the record's reading is.
    pub confidence: String,
    /// The formula with its inputs, such as `R × 30 / 1000`.
    pub formula: Words,
    /// The amount, `at most`; unknown where an input is missing.
    pub amount: Marked<Value>,
    /// When and to whom it applies at all.
    pub note: Words,
}

/// The proof of one customer, as the report shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofView {
    /// The exchange's pseudonymous id of her.
    pub customer: String,
    /// Per asset: short, replenished, outstanding.
    pub rows: Vec<(Amount, Amount, Amount)>,
    /// The asset whose tree the leaf, the path and the root belong to.
    pub asset: String,
    /// Hash of her leaf in the redress tree, lowercase hex.
    pub leaf: String,
    /// Root of the redress tree, lowercase hex.
    pub root: String,
    /// Number of hashes between leaf and root.
    pub path: u64,
    /// Number of customers in the tree.
    pub customers: u64,
    /// The package's file name.
    pub file: String,
    /// The command that checks it offline.
    pub command: String,
}

/// One sentence of the verifier about the bundle that belongs to the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What is proved, or not.
    pub what: Words,
    /// Whether it is proved.
    pub proved: bool,
}

/// The report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportView {
    /// When the journal behind the report ends, milliseconds since the epoch.
    pub as_of: u64,
    /// The heading.
    pub title: Words,
    /// What the reader must know first: what kind of calculation it is, and which parts are made up.
    pub notes: Vec<Words>,
    /// The figures of the case in short.
    pub summary: Vec<Figure>,
    /// The runs side by side.
    pub runs: Vec<Run>,
    /// What happened, oldest first, with the real notification times.
    pub events: Vec<TimelineEvent>,
    /// Duties and their clocks against those times.
    pub clocks: Vec<ClockRow>,
    /// Rules of other places, shown to compare.
    pub elsewhere: Vec<ClockRow>,
    /// What was taken, per token.
    pub tokens: Vec<TokenLoss>,
    /// Who bore it.
    pub borne: Vec<Figure>,
    /// Held against owed, before and after.
    pub coverage: Vec<CoverageRow>,
    /// What each rule could cost.
    pub fines: Vec<FineRow>,
    /// The published freezes.
    pub freezes: Vec<Freeze>,
    /// What is not public about the freezes and the trace.
    pub not_public: Vec<Words>,
    /// The proof of one customer.
    pub proof: Option<ProofView>,
    /// The ten questions, answered from the journal of the run.
    pub ten: Vec<Answer>,
    /// What the verifier says of the bundle.
    pub verified: Vec<Verified>,
    /// The head of the journal.
    pub head: Head,
    /// The signed checkpoint, as published.
    pub checkpoint: Option<String>,
    /// What was assumed, one sentence each.
    pub assumptions: Vec<Words>,
    /// The sources of published figures.
    pub sources: Vec<Words>,
}
