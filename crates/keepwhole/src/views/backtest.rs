//! A back-test as it is shown: the requests of some days before another policy, day by day and verdict by verdict.

use keepwhole_core::event::Record;
use keepwhole_core::guard::{Change, Standing};
use keepwhole_core::policy::Policy;
use keepwhole_core::state::State;

use super::policy::policy_of_version;
use super::{Head, Trail};
use crate::policy::backtest::{Backtest, Day, RuleCount, Sum};
use crate::text::{Asset, Words, count, seoul_date};

/// Most days that the console works through at once; `keepwhole policy backtest` has no such limit.
pub const DAYS_MAX: u64 = 31;
/// Columns of the picture, and rows of its table: more days than these are added up, several to one.
const COLUMNS: u64 = 31;

/// Which policy a back-test puts the requests before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// A version that was in force, or is.
    Version(u64),
    /// What a proposal of that id would bring into force.
    Proposal(String),
}

impl Chosen {
    /// The choice as an address has it: `version-2` or `proposal-ID`.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::Version(version) => format!("version-{version}"),
            Self::Proposal(id) => format!("proposal-{id}"),
        }
    }

    /// The choice of that word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        if let Some(version) = word.strip_prefix("version-") {
            return version.parse().ok().map(Self::Version);
        }
        let id = word.strip_prefix("proposal-")?;
        Some(Self::Proposal(id.to_owned()))
    }

    /// What it is, in words.
    #[must_use]
    pub fn words(&self) -> Words {
        match self {
            Self::Version(version) => {
                Words::key("backtest-version").with("version", count(u128::from(*version)))
            }
            Self::Proposal(id) => Words::key("backtest-proposal").with("id", id.as_str()),
        }
    }

    /// The policy itself; `None` where the journal has none of that name.
    #[must_use]
    pub fn policy(
        &self,
        state: &State,
        trail: &Trail,
        record: &dyn Fn(u64) -> Option<Record>,
    ) -> Option<Policy> {
        match self {
            Self::Version(version) => policy_of_version(trail, record, *version),
            Self::Proposal(id) => match &state.guard.proposal(id)?.1.change {
                Change::AdoptPolicy(policy) => Some((**policy).clone()),
                _ => None,
            },
        }
    }

    /// All that can be chosen: proposals that wait, then versions, the newest first.
    #[must_use]
    pub fn all(state: &State, trail: &Trail) -> Vec<Self> {
        let proposals = state.guard.proposals.iter().rev().filter(|proposal| {
            let waits = matches!(proposal.standing, Standing::Held(_));
            waits && matches!(proposal.change, Change::AdoptPolicy(_))
        });
        let versions = trail.policies.iter().rev();
        proposals
            .map(|proposal| Self::Proposal(proposal.id.clone()))
            .chain(versions.map(|seen| Self::Version(u64::from(seen.version))))
            .collect()
    }
}

/// What a reader asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BacktestAsked {
    /// Which policy; `None` shows the choice alone.
    pub policy: Option<Chosen>,
    /// First and last civil day in Seoul, as [`crate::text::seoul_day`] counts them; the last week of the journal where
    /// they are not named.
    pub days: (Option<u64>, Option<u64>),
}

/// One column of the picture: a day, or several added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its first day, such as `2025-11-27`.
    pub from: String,
    /// Its last day; the same for a single one.
    pub to: String,
    /// What came out.
    pub day: Day,
}

/// Requests that came out one way then and another way now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairRow {
    /// Verdict then.
    pub then: &'static str,
    /// Verdict under the other policy.
    pub now: &'static str,
    /// How many, and what they are worth.
    pub sum: Sum,
    /// Ids of the first ones.
    pub examples: Vec<String>,
}

/// What a back-test found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BacktestShown {
    /// Which policy.
    pub policy: Words,
    /// The currency of all values; `None` where the policy names none.
    pub asset: Option<Asset>,
    /// Requests that were looked at.
    pub requests: u64,
    /// By day, oldest first, without gaps.
    pub columns: Vec<Column>,
    /// By verdict then and now.
    pub pairs: Vec<PairRow>,
    /// By rule of the other policy, in its order.
    pub rules: Vec<RuleCount>,
    /// Fields that could not be told, and of how many requests.
    pub unknown: Vec<(String, u64)>,
}

impl BacktestShown {
    /// What `found` says, for people.
    #[must_use]
    pub fn of(found: &Backtest, policy: Words, asset: Option<Asset>) -> Self {
        let pairs = found.pairs.iter();
        Self {
            policy,
            asset,
            requests: found.requests,
            columns: columns(found),
            pairs: pairs
                .map(|((then, now), pair)| PairRow {
                    then,
                    now,
                    sum: Sum {
                        number: pair.number,
                        value: pair.value,
                        unvalued: pair.unvalued,
                    },
                    examples: pair.examples.clone(),
                })
                .collect(),
            rules: found.rules.clone(),
            unknown: found
                .unknown
                .iter()
                .map(|(field, number)| (field.clone(), *number))
                .collect(),
        }
    }
}

/// Days without a request are columns too, so that a picture has no gap that nobody sees.
fn columns(found: &Backtest) -> Vec<Column> {
    let days = &found.days;
    let (Some(first), Some(last)) = (days.keys().next(), days.keys().next_back()) else {
        return Vec::new();
    };
    let all = last.saturating_sub(*first).saturating_add(1);
    let each = all.div_ceil(COLUMNS).max(1);
    let mut columns = Vec::new();
    let mut from = *first;
    while from <= *last {
        let next = from.saturating_add(each);
        let to = next.saturating_sub(1).min(*last);
        let mut sum = Day::default();
        for day in days.range(from..=to).map(|(_, day)| day) {
            add(&mut sum, day);
        }
        columns.push(Column {
            from: seoul_date(from),
            to: seoul_date(to),
            day: sum,
        });
        from = next;
    }
    columns
}

fn add(sum: &mut Day, day: &Day) {
    let then = sum.then.iter_mut().zip(&day.then);
    let now = sum.now.iter_mut().zip(&day.now);
    for (sum, more) in then.chain(now) {
        *sum = sum.and(*more);
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BacktestOutcome {
    /// Nothing was chosen yet.
    NotAsked,
    /// No policy of that name is in the journal.
    NoPolicy,
    /// The last day lies before the first.
    Backwards,
    /// More days than the console takes.
    TooManyDays(u64),
    /// Another one is being worked out.
    Busy,
    /// The journal is longer than the console works through.
    TooLong,
    /// No request was made in that time.
    Empty,
    /// What was found.
    Found(Box<BacktestShown>),
}

/// The page of a back-test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BacktestView {
    /// The journal's time of what is shown (milliseconds since the epoch).
    pub as_of: u64,
    /// The head of the journal at that moment.
    pub head: Head,
    /// What can be chosen.
    pub choices: Vec<Chosen>,
    /// What is chosen.
    pub chosen: Option<Chosen>,
    /// First day.
    pub from: String,
    /// Last day.
    pub to: String,
    /// What came of it.
    pub outcome: BacktestOutcome,
}
