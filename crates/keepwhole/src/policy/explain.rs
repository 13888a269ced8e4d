//! Why a request stands as it does: each rule with what it saw, the first that decided, what could not be told, and what
//! would release it.

use keepwhole_core::event::{Event, Judged};
use keepwhole_core::guard::{Ask, Standing};
use keepwhole_core::policy::Policy;
use keepwhole_core::policy::field::Field;
use keepwhole_core::policy::figures::{Input, Seen, Unknown};
use keepwhole_core::policy::judge::Held;
use keepwhole_core::policy::rule::Outcome;
use keepwhole_core::reason::Reason;
use keepwhole_core::registry::ActorIx;
use keepwhole_core::state::State;

use super::journal::{WalkError, walk};
use super::names::Names;
use super::render::outcome_text;
use super::replay::{Said, Sources, View, view};
use super::rules::words;
use super::wording::{condition_text, number_text};
use crate::installation::Reading;
use crate::text::{Lang, seoul};
use crate::views::{asset_of, reason_view};

/// One condition in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionSaid {
    /// As the file has it.
    pub condition: String,
    /// The value that was seen; `None` for a member of a closed set.
    pub seen: Option<String>,
    /// `yes`, `no` or `unknown`.
    pub held: &'static str,
}

/// One rule in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSaid {
    /// Its id.
    pub id: String,
    /// Whether it matched.
    pub matched: bool,
    /// Its outcome, in words.
    pub then: String,
    /// What it says, in English.
    pub says: String,
    /// What it says, in Korean.
    pub says_ko: String,
    /// Its conditions, in order.
    pub conditions: Vec<ConditionSaid>,
}

/// Why a request stands as it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// Version of the policy.
    pub version: u32,
    /// When it was judged, ms since the epoch.
    pub at: u64,
    /// What is asked, in words.
    pub asks: String,
    /// What the rules say: `cleared`, `approvals`, `held`, `denied`.
    pub rules_say: &'static str,
    /// How the request stood at last; `None` for one that is only described.
    pub standing: Option<(&'static str, Option<&'static str>)>,
    /// Why it stands so, in words.
    pub says: Option<String>,
    /// Every rule, in the order of the policy.
    pub rules: Vec<RuleSaid>,
    /// The first rule that decided.
    pub decided: Option<String>,
    /// Fields that could not be told.
    pub unknown: Vec<String>,
    /// What would release it, each in words.
    pub releases: Vec<String>,
}

/// The request of that id as it was judged last; `None` where the journal has none.
///
/// # Errors
/// [`WalkError`].
pub fn explain(reading: &Reading, id: &str, now: u64) -> Result<Option<Explained>, WalkError> {
    let mut number = None;
    let mut found: Option<Explained> = None;
    let state = walk(reading, &mut |state, _, record| match &record.event {
        Event::RequestMade {
            id: made,
            ask,
            actor,
            ..
        } if made == id => {
            number = u32::try_from(state.guard.requests.len()).ok();
            found = Some(of(
                state,
                &state.guard.policy,
                (ask, *actor),
                (record.at, None, now),
            ));
        }
        Event::RequestJudged(judged) if Some(judged.request) == number => {
            if let Some(row) = state.guard.request_at(judged.request) {
                let asked = (&row.ask, row.actor);
                found = Some(of(
                    state,
                    &state.guard.policy,
                    asked,
                    (record.at, Some(judged), now),
                ));
            }
        }
        _ => {}
    })?;
    let standing = number.and_then(|number| state.guard.request_at(number));
    Ok(found.map(|mut explained| {
        if let Some(row) = standing {
            explained.standing = Some(stands(&row.standing));
            let reason = waits_for(&row.standing);
            let view = reason.map(|reason| reason_view(&state, asset_of(&row.ask), reason));
            explained.says = view.as_ref().map(|view| view.words.say(Lang::En));
            let beside = view.filter(|_| reason.is_some_and(is_beside));
            let beside = beside.map(|view| view.release.say(Lang::En));
            explained.releases.extend(beside);
        }
        explained
    }))
}

/// A request that is only described, before the state as it stands.
#[must_use]
pub fn describe(state: &State, ask: &Ask, now: u64) -> Explained {
    let at = now.max(state.at);
    of(state, &state.guard.policy, (ask, None), (at, None, now))
}

fn of(
    state: &State,
    policy: &Policy,
    (ask, actor): (&Ask, Option<ActorIx>),
    (at, recorded, now): (u64, Option<&Judged>, u64),
) -> Explained {
    let names = Names::of_registry(&state.registry, now);
    let input = Input {
        ask,
        actor,
        at,
        counted: false,
    };
    let sources = Sources {
        state,
        recorded,
        own: true,
    };
    let seen = view(sources, policy, input);
    Explained {
        version: policy.version,
        at,
        asks: asks(ask, state, &names),
        rules_say: seen.said.word(),
        standing: None,
        says: None,
        rules: rules(policy, &seen, &names),
        decided: seen
            .decided
            .and_then(|place| policy.rules.get(place))
            .map(|rule| rule.id.clone()),
        releases: releases(policy, &seen, recorded, &names),
        unknown: seen.unknown,
    }
}

fn asks(ask: &Ask, state: &State, names: &Names) -> String {
    let owner = |owner| state.registry.owner_id(owner).to_owned();
    match ask {
        Ask::Withdrawal {
            owner: of,
            wallet,
            asset,
            units,
            to,
        } => format!(
            "withdrawal of {} for `{}` out of `{}` to `{to}`",
            names.amount(*asset, *units),
            owner(*of),
            names.wallet_id(*wallet)
        ),
        Ask::Transfer {
            wallet,
            to_wallet,
            asset,
            units,
        } => format!(
            "transfer of {} from `{}` to `{}`",
            names.amount(*asset, *units),
            names.wallet_id(*wallet),
            names.wallet_id(*to_wallet)
        ),
        Ask::Credit { budget, lines, .. } => {
            format!("credit of {} lines out of budget `{budget}`", lines.len())
        }
    }
}

fn rules(policy: &Policy, seen: &View, names: &Names) -> Vec<RuleSaid> {
    let rows = policy.rules.iter().zip(&seen.rules);
    rows.map(|(rule, of)| {
        let conditions = rule.when.iter().zip(&of.conditions);
        let conditions = conditions.map(|(condition, of)| ConditionSaid {
            condition: condition_text(condition, names, policy.reference),
            seen: of
                .seen
                .map(|seen| seen_text(condition.field, seen, names, policy)),
            held: match of.held {
                Held::Yes => "yes",
                Held::No => "no",
                Held::Unknown(_) => "unknown",
            },
        });
        let (english, korean) = words(rule);
        RuleSaid {
            id: rule.id.clone(),
            matched: of.matched,
            then: outcome_text(&rule.then),
            says: english.to_owned(),
            says_ko: korean.to_owned(),
            conditions: conditions.collect(),
        }
    })
    .collect()
}

fn seen_text(field: Field, seen: Seen, names: &Names, policy: &Policy) -> String {
    match seen {
        Seen::Number(number) => number_text(field, number, names, policy.reference),
        Seen::Flag(flag) => flag.to_string(),
        Seen::Absent => String::from("does not apply"),
        Seen::Unknown(why) => format!("unknown: {}", unknown_text(why, names)),
    }
}

fn unknown_text(why: Unknown, names: &Names) -> String {
    match why {
        Unknown::NoReference => String::from("the policy names no reference currency"),
        Unknown::PriceMissing { asset } => format!("no price of {}", names.asset_id(asset)),
        Unknown::PriceStale { asset, .. } => {
            format!("the price of {} is too old", names.asset_id(asset))
        }
        Unknown::PriceSuspect { asset, .. } => {
            format!(
                "the newest price of {} is outside its band",
                names.asset_id(asset)
            )
        }
        Unknown::NoEarlierPrice { asset } => {
            format!("no earlier price of {}", names.asset_id(asset))
        }
        Unknown::Unpriced { count } => format!("{count} in the window had no price"),
        Unknown::TooLarge => String::from("too large to be told"),
        Unknown::NotRecorded => String::from("not recorded"),
    }
}

/// What would let it go, as far as the rules decide it.
fn releases(policy: &Policy, seen: &View, recorded: Option<&Judged>, names: &Names) -> Vec<String> {
    let mut out = Vec::new();
    match &seen.said {
        Said::Cleared => {}
        Said::Approvals(needs) => {
            let roles: Vec<&str> = matched_roles(policy, seen);
            let of = match roles.is_empty() {
                true => String::new(),
                false => format!(", the roles {} among them", roles.join(", ")),
            };
            out.push(format!("the approval of {needs} persons{of}"));
        }
        Said::Denied(_) => out.push(String::from(
            "nothing: a rule refuses it; another request is judged again",
        )),
        Said::Held(_) => {
            for (rule, of) in policy.rules.iter().zip(&seen.rules) {
                let holds = of.matched && matches!(rule.then, Outcome::Hold | Outcome::Deny);
                if holds || of.unknown {
                    out.push(ends(rule, of, policy, names));
                }
            }
            if out.is_empty() {
                out.push(String::from(
                    "a policy with a rule that clears such a request",
                ));
            }
        }
    }
    if let Some(until) = recorded.and_then(|judged| judged.until) {
        out.push(format!(
            "time: it is judged again by itself at {}",
            seoul(until)
        ));
    }
    out
}

/// When a rule that holds does so no more.
fn ends(
    rule: &keepwhole_core::policy::rule::Rule,
    of: &super::replay::RuleView,
    policy: &Policy,
    names: &Names,
) -> String {
    let conditions = rule.when.iter().zip(&of.conditions);
    let told: Vec<String> = conditions
        .filter(|(_, of)| of.seen.is_some())
        .map(|(condition, of)| {
            let text = condition_text(condition, names, policy.reference);
            match of.held {
                Held::Unknown(why) => {
                    format!("`{text}` can be told ({})", unknown_text(why, names))
                }
                _ => format!("`{text}` does not hold any more"),
            }
        })
        .collect();
    match told.is_empty() {
        true => format!(
            "another policy: rule `{}` always holds such a request",
            rule.id
        ),
        false => format!("rule `{}`: {}", rule.id, told.join(", or ")),
    }
}

fn matched_roles<'p>(policy: &'p Policy, seen: &View) -> Vec<&'p str> {
    let mut roles: Vec<&str> = Vec::new();
    for (rule, of) in policy.rules.iter().zip(&seen.rules) {
        if let (true, Outcome::Approve(approvals)) = (of.matched, &rule.then) {
            roles.extend(approvals.roles.iter().map(String::as_str));
        }
    }
    roles.sort_unstable();
    roles.dedup();
    roles
}

fn stands(standing: &Standing) -> (&'static str, Option<&'static str>) {
    match standing {
        Standing::Held(reason) => ("held", Some(reason.code())),
        Standing::Denied(reason) => ("denied", Some(reason.code())),
        Standing::Cleared => ("cleared", None),
        Standing::Lapsed => ("lapsed", None),
    }
}

const fn waits_for(standing: &Standing) -> Option<&Reason> {
    match standing {
        Standing::Held(reason) | Standing::Denied(reason) => Some(reason),
        Standing::Cleared | Standing::Lapsed => None,
    }
}

/// Whether something beside the rules stands in the way; what the rules wait for is told rule by rule.
fn is_beside(reason: &Reason) -> bool {
    let of_rules = reason.code().starts_with("rule_") || reason.code() == "figure_unknown";
    !of_rules && !matches!(reason, Reason::ApprovalsShort { .. })
}
