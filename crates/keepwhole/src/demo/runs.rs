//! The 54 minutes under other conditions, each played through the real core and sequencer over a journal in memory.
//!
//! Customers are pooled in one account here, since only what leaves is asked. Delays of the world outside are assumed
//! and named: how long until a node shows a transaction, until a signer obeys a halt, until an evacuation lands.

use super::DemoError;
use super::curve::Curve;
use super::facts::Facts;
use super::story::{HOT, HOUSE, Teller, open_books, outflow, stage};
use super::world::Token;
use crate::journal::{Journal, Options, SimDisk};
use crate::sequencer::Sequencer;
use keepwhole_core::answer::Answer;
use keepwhole_core::command::{Body, Operation};
use keepwhole_core::split::mul_div;

/// From a transaction to its report by a node (assumed), seconds.
pub const SEEN_AFTER_S: u64 = 2;
/// From the breaker's trip to the signer's obedience (assumed), seconds.
pub const SIGNER_OBEYS_AFTER_S: u64 = 10;
/// From the breaker's trip until an evacuation pressed by one person has landed (assumed), seconds.
pub const EVACUATED_AFTER_S: u64 = 120;

const POOLED: &str = "all-customers";
const SECOND_MS: u64 = 1_000;

/// How the thief can sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hypothesis {
    /// The exchange's own signer is made to sign.
    SignerAbused,
    /// The key itself is known outside.
    KeyKnownOutside,
}

/// What was played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Played {
    /// As it happened.
    AsItHappened,
    /// Watch mode.
    Watch(Hypothesis, Curve),
    /// Co-sign mode, the thief without any clearance.
    CoSign(Hypothesis),
    /// Co-sign mode, the thief also asks for withdrawals in a customer's name, within the rules.
    CoSignWithRequests(Curve),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What was played.
    pub played: Played,
    /// Value that left, won.
    pub krw: u128,
    /// When the breaker tripped, ms; none where it did not.
    pub tripped: Option<u64>,
    /// When the outflow ended, ms.
    pub ended: u64,
    /// Questions of the signer that were refused.
    pub refused: u64,
    /// (ms, won that had left by then), rising.
    pub course: Vec<(u64, u128)>,
}

/// All runs, in the order of the report.
///
/// # Errors
/// A slip of the demo itself.
pub fn all(
    facts: &Facts,
    tokens: &[Token],
    tick: &mut dyn FnMut(),
) -> Result<Vec<Outcome>, DemoError> {
    let mut outcomes = vec![as_it_happened(facts, tokens)];
    for hypothesis in [Hypothesis::SignerAbused, Hypothesis::KeyKnownOutside] {
        for curve in Curve::ALL {
            outcomes.push(watch(facts, tokens, hypothesis, curve)?);
            tick();
        }
    }
    outcomes.push(co_sign(facts, tokens)?);
    outcomes.push(co_sign_with_requests(facts, tokens, Curve::Even)?);
    tick();
    outcomes.push(Outcome {
        played: Played::CoSign(Hypothesis::KeyKnownOutside),
        ..as_it_happened(facts, tokens)
    });
    Ok(outcomes)
}

fn seconds(facts: &Facts) -> u64 {
    facts
        .timeline
        .last_outflow
        .saturating_sub(facts.timeline.detected)
        / SECOND_MS
}

/// Value of what left of a token, won, rounded down.
fn value(token: &Token, units: u128) -> u128 {
    mul_div(token.krw, units, token.taken).map_or(0, |(krw, _)| krw)
}

fn gone_at(tokens: &[Token], curve: Curve, second: u64, all: u64) -> u128 {
    tokens
        .iter()
        .map(|t| value(t, curve.gone(t.taken, second, all)))
        .sum()
}

/// The published sum over the published time; the pace between is assumed even.
fn as_it_happened(facts: &Facts, tokens: &[Token]) -> Outcome {
    let (start, end) = (facts.timeline.detected, facts.timeline.last_outflow);
    let krw = tokens.iter().map(|t| t.krw).sum();
    Outcome {
        played: Played::AsItHappened,
        krw,
        tripped: None,
        ended: end,
        refused: 0,
        course: vec![(start, 0), (end, krw)],
    }
}

fn sequencer() -> Result<Sequencer<SimDisk>, DemoError> {
    let (journal, _) = Journal::open(SimDisk::new(), Options::default())?;
    Ok(Sequencer::open(journal)?)
}

/// A stage with pooled customers and the breaker armed.
fn set_up(
    sequencer: &mut Sequencer<SimDisk>,
    facts: &Facts,
    tokens: &[Token],
) -> Result<(), DemoError> {
    let at = facts.timeline.detected.saturating_sub(SECOND_MS);
    let mut teller = Teller::new(sequencer, "stage");
    stage(
        &mut teller,
        at,
        tokens,
        vec![HOUSE.to_owned(), POOLED.to_owned()],
        true,
    )?;
    let pooled: Vec<Vec<(String, u128)>> = tokens
        .iter()
        .map(|t| vec![(POOLED.to_owned(), t.owed())])
        .collect();
    open_books(&mut teller, at, tokens, &pooled)
}

/// Watch mode: the thief goes on until what the trip sets in motion takes effect.
fn watch(
    facts: &Facts,
    tokens: &[Token],
    hypothesis: Hypothesis,
    curve: Curve,
) -> Result<Outcome, DemoError> {
    let mut sequencer = sequencer()?;
    set_up(&mut sequencer, facts, tokens)?;
    let hot = sequencer.state().registry.wallet(HOT);
    let mut teller = Teller::new(&mut sequencer, "run");
    let (start, all) = (facts.timeline.detected, seconds(facts));
    let mut tripped = None;
    let mut course = vec![(start, 0)];
    let mut second = 0;
    loop {
        // What the thief sent this second is on the chain; the node shows it a little later.
        let delay = match hypothesis {
            Hypothesis::SignerAbused => SIGNER_OBEYS_AFTER_S,
            Hypothesis::KeyKnownOutside => EVACUATED_AFTER_S,
        };
        let now = start + second * SECOND_MS;
        if second >= all || tripped.is_some_and(|at: u64| now >= at + delay * SECOND_MS) {
            break;
        }
        let mut reports = Vec::new();
        for token in tokens {
            let before = second
                .checked_sub(1)
                .map_or(0, |s| curve.gone(token.taken, s, all));
            let units = curve.gone(token.taken, second, all).saturating_sub(before);
            if units > 0 {
                reports.push(outflow(
                    token,
                    units,
                    format!("made-up-{}-{second}", token.symbol),
                    1_000 + second,
                ));
            }
        }
        teller.tell_all(now + SEEN_AFTER_S * SECOND_MS, None, reports)?;
        course.push((now + SECOND_MS, gone_at(tokens, curve, second, all)));
        if tripped.is_none() {
            let breaker = &teller.sequencer.state().breaker.tripped;
            tripped = breaker
                .iter()
                .find(|(scope, _)| Some(**scope) == hot.map(keepwhole_core::breaker::Scope::Wallet))
                .map(|(_, trip)| trip.since);
        }
        second += 1;
    }
    Ok(Outcome {
        played: Played::Watch(hypothesis, curve),
        krw: course.last().map_or(0, |(_, krw)| *krw),
        tripped,
        ended: start + second * SECOND_MS,
        refused: 0,
        course,
    })
}

/// Co-sign mode, signer abused: the thief asks the signer for bytes that nobody cleared.
fn co_sign(facts: &Facts, tokens: &[Token]) -> Result<Outcome, DemoError> {
    let mut sequencer = sequencer()?;
    set_up(&mut sequencer, facts, tokens)?;
    let mut teller = Teller::new(&mut sequencer, "run");
    let (start, all) = (facts.timeline.detected, seconds(facts));
    let mut refused = 0;
    for minute in 0..all / 60 {
        let mut asked = Vec::new();
        for token in tokens {
            let operation = Operation {
                op: "transfer".to_owned(),
                to: super::story::THIEF.to_owned(),
                asset: token.symbol.clone(),
                units: Curve::Even.gone(token.taken, minute, all / 60),
                inner: Vec::new(),
            };
            let target = format!("never-asked-{}-{minute}", token.symbol);
            asked.push(Body::RedeemClearance {
                target,
                operations: vec![operation],
                attested: None,
            });
        }
        let replies = teller.tell_all(start + minute * 60 * SECOND_MS, None, asked)?;
        if let Some(reply) = replies
            .iter()
            .find(|reply| !matches!(reply.answer, Answer::Denied(_)))
        {
            return Err(DemoError::Refused {
                step: format!("co-sign {}", reply.answer.word()),
                reason: "not denied",
            });
        }
        refused += u64::try_from(replies.len()).unwrap_or(u64::MAX);
    }
    let end = facts.timeline.last_outflow;
    Ok(Outcome {
        played: Played::CoSign(Hypothesis::SignerAbused),
        krw: 0,
        tripped: None,
        ended: start,
        refused,
        course: vec![(start, 0), (end, 0)],
    })
}

/// Co-sign mode, and the thief also holds a customer's account with all balances: what the caps let through.
fn co_sign_with_requests(
    facts: &Facts,
    tokens: &[Token],
    curve: Curve,
) -> Result<Outcome, DemoError> {
    let mut sequencer = sequencer()?;
    set_up(&mut sequencer, facts, tokens)?;
    let mut teller = Teller::new(&mut sequencer, "run");
    let (start, minutes) = (facts.timeline.detected, seconds(facts) / 60);
    let mut course = vec![(start, 0)];
    let (mut krw, mut refused) = (0u128, 0u64);
    for minute in 0..minutes {
        let at = start + minute * 60 * SECOND_MS;
        for token in tokens {
            let before = minute
                .checked_sub(1)
                .map_or(0, |m| curve.gone(token.taken, m, minutes));
            let units = curve
                .gone(token.taken, minute, minutes)
                .saturating_sub(before);
            if units == 0 {
                continue;
            }
            let body = Body::RequestWithdrawal {
                customer: POOLED.to_owned(),
                wallet: HOT.to_owned(),
                asset: token.symbol.clone(),
                units,
                to: super::story::THIEF.to_owned(),
            };
            if teller.tell(at, None, body)?.answer == Answer::Cleared {
                krw = krw.saturating_add(value(token, units));
            } else {
                refused += 1;
            }
        }
        course.push((at + 60 * SECOND_MS, krw));
    }
    let played = Played::CoSignWithRequests(curve);
    Ok(Outcome {
        played,
        krw,
        tripped: None,
        ended: facts.timeline.last_outflow,
        refused,
        course,
    })
}

/// A run's name in one line of English, for the terminal and for scripts.
#[must_use]
pub fn name(played: Played) -> String {
    let by = |hypothesis| match hypothesis {
        Hypothesis::SignerAbused => "signer abused",
        Hypothesis::KeyKnownOutside => "key known outside",
    };
    let course = |curve| match curve {
        Curve::Even => "even",
        Curve::FrontLoaded => "front-loaded",
        Curve::OneTransaction => "one transaction",
    };
    match played {
        Played::AsItHappened => "as it happened".to_owned(),
        Played::Watch(hypothesis, curve) => format!("watch, {}, {}", by(hypothesis), course(curve)),
        Played::CoSign(hypothesis) => format!("co-sign, {}", by(hypothesis)),
        Played::CoSignWithRequests(curve) => {
            format!("co-sign, abused requests too, {}", course(curve))
        }
    }
}
