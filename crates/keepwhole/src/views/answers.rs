//! From the state to the ten answers. A question that the journal cannot answer says so and is never green.

use std::collections::BTreeMap;

use keepwhole_core::custody::{ColdShare, Coverage, Direction, Explained, cold_share, coverage};
use keepwhole_core::guard::{Change, Standing};
use keepwhole_core::incident::AlarmCode;
use keepwhole_core::law::{Area, Kind};
use keepwhole_core::registry::AssetIx;
use keepwhole_core::state::State;

use super::trail::{Trail, ends};
use super::{Answer, AnswerState, Banner, Figure, Head, IncidentLine, Mark, Overview, Value};
use crate::text::{Amount, Words};

/// The part of the cold share that Korea's law asks for is data; the answer quotes the record of this id.
const COLD_RULE: &str = "kr-vaupa-cold-ratio";
const COLD_PARAMETER: &str = "min_cold_permille";

impl Overview {
    /// The overview of a state. `banner` is the mode line: [`super::banner`], or an exercise. `published` says whether a
    /// signed checkpoint of the journal is published.
    #[must_use]
    pub fn of(state: &State, trail: &Trail, head: &Head, banner: Banner, published: bool) -> Self {
        Self {
            as_of: state.at,
            head: head.clone(),
            banner,
            ten: [
                owed(state, trail),
                held(state),
                unauthorised(state, trail),
                made_whole(state, trail),
                told(state, trail),
                traced(state, trail),
                cost(state, trail),
                verifiable(state, head, published),
                approved(state, trail),
                answer(10, AnswerState::NotBuilt, Words::key("answer-10-not-built")),
            ],
        }
    }
}

fn answer(number: u8, state: AnswerState, sentence: Words) -> Answer {
    Answer {
        number,
        state,
        sentence,
        figures: Vec::new(),
        link: None,
        evidence: Vec::new(),
    }
}

fn number(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn figure(label: &'static str, value: Value) -> Figure {
    Figure::new(Words::key(label), value, Mark::Derived)
}

fn owed(state: &State, trail: &Trail) -> Answer {
    let customers = number(state.registry.customers().count());
    let assets = (0..state.registry.assets.len()).filter_map(AssetIx::next);
    let overdrawn = assets.flat_map(|asset| {
        let all = state.registry.customers();
        all.filter(move |owner| state.book.totals(*owner, asset).overdrawn() > 0)
    });
    let overdrawn = number(overdrawn.count());
    let (standing, sentence) = match (customers, overdrawn) {
        (0, _) => (AnswerState::Unknown, Words::key("answer-1-none")),
        (_, 0) => (AnswerState::Whole, Words::key("answer-1-whole")),
        _ => (
            AnswerState::Attention,
            Words::key("answer-1-overdrawn").with("count", overdrawn),
        ),
    };
    let assets = number(state.registry.assets.len());
    Answer {
        figures: vec![
            figure("figure-customers", Value::Count(customers)),
            figure("figure-assets", Value::Count(assets)),
        ],
        link: Some("/customers".to_owned()),
        evidence: ends(trail.movements),
        ..answer(1, standing, sentence)
    }
}

/// The asset with the lowest coverage among those of which something is owed.
fn lowest(rows: &[Coverage]) -> Option<&Coverage> {
    rows.iter()
        .filter_map(|row| Some((row.bps()?, row)))
        .min_by_key(|(bps, row)| (*bps, row.asset))
        .map(|(_, row)| row)
}

fn held(state: &State) -> Answer {
    let rows = coverage(state);
    let short = rows.iter().filter(|row| row.shortfall() > 0);
    let short = number(short.count());
    let Some(low) = lowest(&rows) else {
        return answer(2, AnswerState::Unknown, Words::key("answer-2-none"));
    };
    let legal = state
        .law
        .rules
        .get(COLD_RULE)
        .and_then(|rule| rule.int(COLD_PARAMETER));
    let low_share = Value::Share {
        part: low.held,
        whole: low.owed,
    };
    let label =
        Words::key("figure-lowest-coverage").with("asset", state.registry.asset_id(low.asset));
    let figures = vec![
        Figure::new(label, low_share, Mark::Derived),
        figure(
            "figure-covered",
            Value::Count(number(rows.len()).saturating_sub(short)),
        ),
        figure("figure-short-assets", Value::Count(short)),
        figure(
            "figure-cold-legal",
            Value::Unknown(Words::key("cold-no-mean-price")),
        ),
        figure("figure-cold-last", cold_at_last_prices(state)),
    ];
    let (standing, sentence) = if short > 0 {
        (
            AnswerState::Attention,
            Words::key("answer-2-short").with("count", short),
        )
    } else {
        let least = legal.map_or_else(
            || Words::key("cold-no-rule"),
            |permille| Words::Plain(format!("{}%", permille / 10)),
        );
        (
            AnswerState::Unknown,
            Words::key("answer-2-covered").with("least", least),
        )
    };
    Answer {
        figures,
        ..answer(2, standing, sentence)
    }
}

/// The cold share at the last prices recorded: not the valuation that the law asks for, which needs a year of prices.
fn cold_at_last_prices(state: &State) -> Value {
    let Some(won) = state.registry.asset("KRW") else {
        return Value::Unknown(Words::key("cold-no-price"));
    };
    let quoted = state.prices.iter().filter(|((_, quote), _)| *quote == won);
    let prices: BTreeMap<AssetIx, u128> = quoted
        .filter_map(|((base, _), known)| Some((*base, known.last.as_ref()?.price)))
        .collect();
    match cold_share(state, &prices) {
        Some(ColdShare {
            cold,
            all,
            unpriced,
            ..
        }) if all > 0 && unpriced.is_empty() => Value::Share {
            part: cold,
            whole: all,
        },
        _ => Value::Unknown(Words::key("cold-no-price")),
    }
}

fn unauthorised(state: &State, trail: &Trail) -> Answer {
    let flows = &state.custody.flows;
    let unexplained = flows
        .iter()
        .filter(|flow| flow.direction == Direction::Out && flow.explained == Explained::Not)
        .count();
    let mis_credits = state
        .incidents
        .alarms
        .iter()
        .filter(|alarm| alarm.code == AlarmCode::MisCredit)
        .count();
    let (standing, sentence) = if unexplained + mis_credits > 0 {
        (AnswerState::Attention, Words::key("answer-3-found"))
    } else if flows.is_empty() {
        (AnswerState::Unknown, Words::key("answer-3-unseen"))
    } else {
        (AnswerState::Whole, Words::key("answer-3-whole"))
    };
    Answer {
        figures: vec![
            figure("figure-flows", Value::Count(number(flows.len()))),
            figure("figure-unexplained", Value::Count(number(unexplained))),
            figure("figure-mis-credits", Value::Count(number(mis_credits))),
        ],
        link: Some("/incidents".to_owned()),
        evidence: trail.unexplained.first().copied().into_iter().collect(),
        ..answer(3, standing, sentence)
    }
}

fn made_whole(state: &State, trail: &Trail) -> Answer {
    let losses: Vec<_> = state
        .incidents
        .cases
        .iter()
        .flat_map(|case| case.losses.iter())
        .collect();
    let mut owners: Vec<_> = losses
        .iter()
        .flat_map(|(_, loss)| {
            loss.parts
                .iter()
                .filter(|part| part.lost > 0)
                .map(|part| part.owner)
        })
        .collect();
    owners.sort_unstable();
    owners.dedup();
    let open = number(
        losses
            .iter()
            .filter(|(_, loss)| loss.outstanding() > 0)
            .count(),
    );
    let (standing, sentence) = match (losses.is_empty(), open) {
        (true, _) if state.custody.flows.is_empty() => {
            (AnswerState::Unknown, Words::key("answer-4-unseen"))
        }
        (true, _) => (AnswerState::Whole, Words::key("answer-4-none")),
        (false, 0) => (AnswerState::Whole, Words::key("answer-4-whole")),
        (false, _) => (
            AnswerState::Attention,
            Words::key("answer-4-outstanding").with("count", open),
        ),
    };
    let mut evidence: Vec<u64> = Vec::new();
    for case in &trail.cases {
        evidence.extend(ends(case.losses));
        evidence.extend(ends(case.put_back));
    }
    Answer {
        figures: vec![
            figure("figure-lost-assets", Value::Count(number(losses.len()))),
            figure("figure-lost-customers", Value::Count(number(owners.len()))),
            figure("figure-outstanding-assets", Value::Count(open)),
            figure(
                "figure-claims",
                Value::Count(number(state.claims.list.len())),
            ),
        ],
        link: Some("/incidents".to_owned()),
        evidence,
        ..answer(4, standing, sentence)
    }
}

fn told(state: &State, trail: &Trail) -> Answer {
    let clocks = || {
        state
            .incidents
            .cases
            .iter()
            .flat_map(|case| case.clocks.iter())
    };
    let open = number(clocks().filter(|clock| clock.told.is_none()).count());
    let done = number(clocks().filter(|clock| clock.told.is_some()).count());
    let lines = IncidentLine::all(state);
    let overdue = lines
        .iter()
        .fold(0, |sum: u64, line| sum.saturating_add(line.overdue));
    let (standing, sentence) = if state.incidents.duties.is_empty() {
        (AnswerState::Unknown, Words::key("answer-5-no-duties"))
    } else if lines.is_empty() {
        (AnswerState::Whole, Words::key("answer-5-no-case"))
    } else if overdue > 0 {
        (
            AnswerState::Attention,
            Words::key("answer-5-overdue").with("count", overdue),
        )
    } else if open > 0 {
        (
            AnswerState::Attention,
            Words::key("answer-5-open").with("count", open),
        )
    } else {
        (AnswerState::Whole, Words::key("answer-5-done"))
    };
    let next = lines.iter().filter_map(|line| line.next_due).min();
    Answer {
        figures: vec![
            figure("figure-clocks-done", Value::Count(done)),
            figure("figure-clocks-open", Value::Count(open)),
            figure(
                "figure-next-due",
                next.map_or_else(|| Value::Words(Words::key("incidents-no-due")), Value::Time),
            ),
        ],
        link: Some("/incidents".to_owned()),
        evidence: trail.cases.iter().map(|case| case.opened).collect(),
        ..answer(5, standing, sentence)
    }
}

fn traced(state: &State, trail: &Trail) -> Answer {
    let freezes: Vec<_> = state
        .incidents
        .cases
        .iter()
        .flat_map(|case| case.freezes.iter())
        .collect();
    let evidence = trail
        .cases
        .iter()
        .flat_map(|case| case.freezes.iter().copied())
        .collect();
    if freezes.is_empty() {
        return answer(6, AnswerState::NotBuilt, Words::key("answer-6-not-built"));
    }
    let mut figures = vec![figure(
        "figure-freezes",
        Value::Count(number(freezes.len())),
    )];
    let won = freezes
        .iter()
        .try_fold(0_u128, |sum, freeze| sum.checked_add(freeze.value?));
    if let Some(won) = won {
        let published = freezes.iter().all(|freeze| !freeze.source.is_empty());
        let mark = if published {
            Mark::Published
        } else {
            Mark::Recorded
        };
        figures.push(Figure::new(
            Words::key("figure-frozen-won"),
            Value::Amount(Amount::krw(won)),
            mark,
        ));
    }
    figures.push(figure(
        "figure-traced",
        Value::Unknown(Words::key("trace-not-built")),
    ));
    Answer {
        figures,
        link: Some("/incidents".to_owned()),
        evidence,
        ..answer(6, AnswerState::Unknown, Words::key("answer-6-frozen"))
    }
}

fn cost(state: &State, trail: &Trail) -> Answer {
    let rules = || state.law.rules.values();
    let fines = number(rules().filter(|rule| rule.kind == Kind::Penalty).count());
    let reserves = number(rules().filter(|rule| rule.area == Area::Reserve).count());
    let sentence = if fines == 0 {
        "answer-7-no-law"
    } else {
        "answer-7-inputs"
    };
    Answer {
        figures: vec![
            figure("figure-fine-rules", Value::Count(fines)),
            figure("figure-reserve-rules", Value::Count(reserves)),
            figure(
                "figure-revenue",
                Value::Unknown(Words::key("cost-not-recorded")),
            ),
            figure(
                "figure-insurance",
                Value::Unknown(Words::key("cost-not-recorded")),
            ),
        ],
        evidence: trail.law.into_iter().collect(),
        ..answer(7, AnswerState::Unknown, Words::key(sentence))
    }
}

fn verifiable(state: &State, head: &Head, published: bool) -> Answer {
    let (standing, sentence) = if published {
        (AnswerState::Whole, Words::key("answer-8-whole"))
    } else {
        (AnswerState::Unknown, Words::key("answer-8-unpublished"))
    };
    Answer {
        figures: vec![
            figure("footer-size", Value::Count(head.size)),
            figure("figure-sets", Value::Count(number(state.sets.len()))),
            figure(
                "figure-witnesses",
                Value::Unknown(Words::key("witness-not-built")),
            ),
        ],
        link: Some("/journal".to_owned()),
        evidence: state.sets.iter().map(|set| set.position).collect(),
        ..answer(8, standing, sentence)
    }
}

/// Privileged actions in force, and those whose record shows fewer distinct persons than were needed. A halt is pressed
/// by one person, because waiting would be the greater harm.
fn approved(state: &State, trail: &Trail) -> Answer {
    let in_force = || {
        state
            .guard
            .proposals
            .iter()
            .filter(|proposal| proposal.standing == Standing::Cleared)
    };
    let changes = number(in_force().count());
    let single = number(
        in_force()
            .filter(|proposal| matches!(proposal.change, Change::Halt { .. }))
            .count(),
    );
    let cleared = || {
        state
            .guard
            .requests
            .iter()
            .filter(|request| request.needs > 0 && request.standing == Standing::Cleared)
    };
    let lacking = cleared()
        .filter(|request| request.approvers(&state.guard.policy, state.at, true) < request.needs);
    let (requests, lacking) = (number(cleared().count()), number(lacking.count()));
    let (standing, sentence) = if lacking > 0 {
        (
            AnswerState::Attention,
            Words::key("answer-9-lacking").with("count", lacking),
        )
    } else if changes == 0 && requests == 0 {
        (AnswerState::Unknown, Words::key("answer-9-none"))
    } else {
        (AnswerState::Whole, Words::key("answer-9-whole"))
    };
    Answer {
        figures: vec![
            figure("figure-changes", Value::Count(changes)),
            figure("figure-halts", Value::Count(single)),
            figure("figure-approved-requests", Value::Count(requests)),
        ],
        evidence: trail.approvals.iter().copied().take(4).collect(),
        ..answer(9, standing, sentence)
    }
}
