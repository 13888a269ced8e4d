//! A back-test: the requests of a journal before another policy, and what would have come out.
//!
//! Figures come from the input vectors that the journal holds; what a vector lacks is worked out again from the journal
//! where it still knows all of it, and is unknown otherwise, never guessed. Balances, caps on wallets, halts and the other
//! checks beside the rules stay as they were.

use std::collections::BTreeMap;

use keepwhole_core::event::{Event, Judged, Record};
use keepwhole_core::guard::{Ask, Request};
use keepwhole_core::policy::Policy;
use keepwhole_core::policy::figures::Input;
use keepwhole_core::policy::value::value_now;
use keepwhole_core::reason::Reason;
use keepwhole_core::state::State;

use super::journal::{WalkError, walk, walk_while};
use super::replay::{Said, Sources, view};
use crate::installation::Reading;
use crate::journal::{Journal, RealDisk};
use crate::text::seoul_day;

/// Examples kept of each pair of verdicts.
const EXAMPLES: usize = 5;

/// Requests that came out one way then and another way now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pair {
    /// How many.
    pub number: u64,
    /// Their value, minor units of the reference currency, where it could be told.
    pub value: u128,
    /// How many of them have no value that could be told.
    pub unvalued: u64,
    /// Ids of the first ones.
    pub examples: Vec<String>,
}

/// Verdicts, the looser first: the order of [`Day`]'s sums.
pub const VERDICTS: [&str; 4] = ["cleared", "approvals", "held", "denied"];

/// Requests of one verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub number: u64,
    /// Their value, minor units of the reference currency, where it could be told.
    pub value: u128,
    /// How many of them have no value that could be told.
    pub unvalued: u64,
}

impl Sum {
    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            number: self.number.saturating_add(other.number),
            value: self.value.saturating_add(other.value),
            unvalued: self.unvalued.saturating_add(other.unvalued),
        }
    }

    const fn take(&mut self, value: Option<u128>) {
        *self = self.and(match value {
            Some(value) => Self {
                number: 1,
                value,
                unvalued: 0,
            },
            None => Self {
                number: 1,
                value: 0,
                unvalued: 1,
            },
        });
    }
}

/// What came out of the requests of one day, by verdict in the order of [`VERDICTS`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Day {
    /// As it was decided then.
    pub then: [Sum; 4],
    /// Under the new policy.
    pub now: [Sum; 4],
}

/// What a rule of the new policy came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleCount {
    /// Its id.
    pub id: String,
    /// Requests that it matched.
    pub matched: u64,
    /// Requests on which it decided.
    pub decided: u64,
}

/// What came out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backtest {
    /// Requests that were looked at.
    pub requests: u64,
    /// By verdict then and verdict now.
    pub pairs: BTreeMap<(&'static str, &'static str), Pair>,
    /// By civil day in Seoul, as [`seoul_day`] counts them.
    pub days: BTreeMap<u64, Day>,
    /// Fields of the new policy that could not be told, and of how many requests.
    pub unknown: BTreeMap<String, u64>,
    /// By rule of the new policy, in its order.
    pub rules: Vec<RuleCount>,
}

/// A request that was made and not answered yet.
struct Open {
    number: u32,
    id: String,
    ask: Ask,
    judged: Option<Judged>,
}

/// Replays the requests made from `from` to before `until` (ms since the epoch), and returns the state at the end too.
///
/// # Errors
/// [`WalkError`].
pub fn backtest(
    reading: &Reading,
    new: &Policy,
    (from, until): (u64, u64),
) -> Result<(Backtest, State), WalkError> {
    let mut found = empty(new);
    let mut open: Option<Open> = None;
    let state = walk(reading, &mut |state, _, record| {
        let within = (from..until).contains(&record.at);
        follow(&mut found, &mut open, new, state, record, within);
    })?;
    Ok((found, state))
}

/// As [`backtest`], over a journal that goes on: it ends with the last request of that time, and earlier where `go_on`
/// says so.
///
/// # Errors
/// [`WalkError`]; [`WalkError::Stopped`] where `go_on` says to stop.
pub fn backtest_while(
    journal: &Journal<RealDisk>,
    new: &Policy,
    (from, until): (u64, u64),
    go_on: &mut dyn FnMut() -> bool,
) -> Result<Backtest, WalkError> {
    let mut found = empty(new);
    let mut open: Option<Open> = None;
    let mut over = false;
    let walked = walk_while(journal, &mut |state, _, record| {
        over = record.at >= until && open.is_none();
        if over || !go_on() {
            return false;
        }
        let within = (from..until).contains(&record.at);
        follow(&mut found, &mut open, new, state, record, within);
        true
    });
    match walked {
        Err(WalkError::Stopped) if over => Ok(found),
        other => other.map(|_| found),
    }
}

fn empty(new: &Policy) -> Backtest {
    let rules = new.rules.iter().map(|rule| RuleCount {
        id: rule.id.clone(),
        matched: 0,
        decided: 0,
    });
    Backtest {
        rules: rules.collect(),
        ..Backtest::default()
    }
}

/// A request's events follow each other in one turn: made, judged where the policy has rules, and how it stands.
fn follow(
    found: &mut Backtest,
    open: &mut Option<Open>,
    new: &Policy,
    state: &State,
    record: &Record,
    within: bool,
) {
    match &record.event {
        Event::RequestMade { id, ask, .. } => {
            let number = u32::try_from(state.guard.requests.len()).unwrap_or(u32::MAX);
            *open = within.then(|| Open {
                number,
                id: id.clone(),
                ask: ask.clone(),
                judged: None,
            });
        }
        Event::RequestJudged(judged) => {
            if let Some(open) = open.as_mut().filter(|open| open.number == judged.request) {
                open.judged = Some((**judged).clone());
            }
        }
        Event::RequestHeld { request, reason } => settle(
            found,
            open,
            (new, state),
            (record.at, *request),
            Some((reason, false)),
        ),
        Event::RequestDenied { request, reason } => settle(
            found,
            open,
            (new, state),
            (record.at, *request),
            Some((reason, true)),
        ),
        Event::RequestCleared { request, .. } => {
            settle(found, open, (new, state), (record.at, *request), None)
        }
        _ => {}
    }
}

fn settle(
    found: &mut Backtest,
    open: &mut Option<Open>,
    (new, state): (&Policy, &State),
    (at, request): (u64, u32),
    reason: Option<(&Reason, bool)>,
) {
    let Some(made) = open.take_if(|open| open.number == request) else {
        return;
    };
    let then = match reason {
        None => Said::Cleared,
        Some((Reason::ApprovalsShort { needs, .. }, _)) => Said::Approvals(*needs),
        Some((reason, false)) => Said::Held(reason.code().to_owned()),
        Some((reason, true)) => Said::Denied(reason.code().to_owned()),
    };
    let input = Input {
        ask: &made.ask,
        actor: state
            .guard
            .request_at(request)
            .and_then(|row: &Request| row.actor),
        at,
        counted: false,
    };
    let sources = Sources {
        state,
        recorded: made.judged.as_ref(),
        own: false,
    };
    let seen = view(sources, new, input);
    let now = match beside(&then, state) {
        Some(other) => seen.said.clone().max(other),
        None => seen.said.clone(),
    };
    found.requests += 1;
    for (place, (count, of)) in found.rules.iter_mut().zip(&seen.rules).enumerate() {
        count.matched += u64::from(of.matched);
        count.decided += u64::from(seen.decided == Some(place));
    }
    for field in seen.unknown {
        *found.unknown.entry(field).or_default() += 1;
    }
    let worth = value(state, &made.ask, at);
    let day = found.days.entry(seoul_day(at)).or_default();
    for (sums, said) in [(&mut day.then, &then), (&mut day.now, &now)] {
        let place = VERDICTS.iter().position(|word| *word == said.word());
        if let Some(sum) = place.and_then(|place| sums.get_mut(place)) {
            sum.take(worth);
        }
    }
    let pair = found.pairs.entry((then.word(), now.word())).or_default();
    pair.number += 1;
    match worth {
        Some(value) => pair.value = pair.value.saturating_add(value),
        None => pair.unvalued += 1,
    }
    if pair.examples.len() < EXAMPLES {
        pair.examples.push(made.id);
    }
}

/// What something beside the rules said, which another policy does not change.
fn beside(then: &Said, state: &State) -> Option<Said> {
    let (Said::Held(code) | Said::Denied(code)) = then else {
        return None;
    };
    let by_rules = !state.guard.policy.rules.is_empty();
    let of_rules = match code.as_str() {
        "no_rule_clears" | "rule_holds" | "rule_denies" | "rule_delay" | "figure_unknown"
        | "approvals_short" | "unknown_budget" => true,
        "price_missing" | "price_stale" | "price_band" => by_rules,
        _ => false,
    };
    (!of_rules).then(|| then.clone())
}

/// What was asked for, in the reference currency of then.
fn value(state: &State, ask: &Ask, at: u64) -> Option<u128> {
    match ask {
        Ask::Withdrawal { asset, units, .. } | Ask::Transfer { asset, units, .. } => {
            value_now(state, *asset, *units, at).ok()
        }
        Ask::Credit { lines, .. } => lines.iter().try_fold(0_u128, |sum, line| {
            let value = value_now(state, line.asset, line.units, at).ok()?;
            sum.checked_add(value)
        }),
    }
}
