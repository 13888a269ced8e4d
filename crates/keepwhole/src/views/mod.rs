//! Pure projections of the state: the ten questions, a case, a customer, the journal, and the report of a demo.
//!
//! A view holds exactly what one page shows, as plain owned data: the pages of [`crate::console`] and
//! [`crate::report`] read nothing else. What the journal does not record is [`Value::Unknown`] with the reason, never
//! zero and never green.

mod account;
mod answers;
mod backtest;
mod case;
mod change;
mod condition;
mod customer;
mod difference;
mod door;
mod figure;
mod guard;
mod incident;
mod journal;
mod overview;
mod people;
mod policy;
mod price;
mod quorum;
mod reason;
mod report;
mod rules;
mod tally;
mod trail;
mod unseen;
mod wording;

pub use account::STATEMENT_LINES;
pub use backtest::{
    BacktestAsked, BacktestOutcome, BacktestShown, BacktestView, Chosen, Column, DAYS_MAX, PairRow,
};
pub use customer::{Balance, CustomerView, PackageLink, Redress, StatementLine};
pub use difference::{FieldChange, PolicyDifference};
pub use door::{DoorsView, IdentityRow, TurnedAwayRow};
pub use figure::{Figure, Mark, Marked, Value};
pub use guard::{
    ApprovalRow, GuardView, PAGE, RequestLine, RequestState, RequestView, Step, asset_of,
};
pub use incident::{
    Awareness, ClockRow, ClockState, Done, EventKind, Freeze, IncidentLine, IncidentView,
    LawStatus, LossRow, TimelineEvent, Trip,
};
pub use journal::{Head, JournalView, Record};
pub use overview::{Answer, AnswerState, Banner, Overview};
pub use people::{ActorRow, ClassRow, PeopleView};
pub use policy::{
    ChangeRow, Compared, ConditionRow, PolicyRow, PolicyView, RuleRow, Version, Voice,
};
pub use price::{PriceRow, PriceStanding, ToldRow, price_shown};
pub(crate) use quorum::finding_key;
pub use quorum::{
    AuthorityView, Bootstrap, CredentialRow, FindingRow, QuorumRow, Recorded, StopRow,
    finding_words,
};
pub(crate) use reason::reason_view;
pub use reason::{ReasonView, reason_codes, reason_line};
pub use report::{
    CoverageRow, FineColumn, FineRow, Hypothesis, ProofView, ReportView, Run, RunMode, TokenLoss,
    Verified,
};
pub use rules::{QuorumChange, RulesDifference, TermChange, Turn};
pub use trail::{CaseTrail, PolicySeen, Trail, TripSeen};
pub use unseen::{UNSEEN, UnseenLine, unseen_lines};
pub use wording::banner;
pub(crate) use wording::{amount, asset, authority};
