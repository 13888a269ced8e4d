//! The policy in words: what is in force, how it came about, what two versions differ in, and what is about to change.

use keepwhole_core::authority::matter::{Decision, Target};
use keepwhole_core::authority::people;
use keepwhole_core::event::{Event, Record};
use keepwhole_core::guard::{Change, Proposal, Standing};
use keepwhole_core::policy::rule::Rule;
use keepwhole_core::policy::{ActionClass, ApprovalTier, LossOrder, Policy};
use keepwhole_core::registry::AssetIx;
use keepwhole_core::state::State;

use super::change::change_words;
use super::difference::PolicyDifference;
use super::reason::{ReasonView, reason_view};
use super::{Head, PriceRow, Trail, condition, wording};
use crate::policy::wording::condition_text;
use crate::policy::{Names, rules};
use crate::text::{Arg, Words, ratio_percent};

/// Changes that are shown beside those which wait: the last so many that were decided.
const DECIDED: usize = 20;

/// One line of a policy: what it is about, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRow {
    /// The catalogue's key of what it is about.
    pub label: &'static str,
    /// What it says, a sentence each.
    pub says: Vec<Words>,
}

/// One rule of the typed language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleRow {
    /// Its name.
    pub id: String,
    /// What follows.
    pub then: Words,
    /// All of these must hold.
    pub when: Vec<ConditionRow>,
    /// What a person is told.
    pub says: Words,
}

/// One condition of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionRow {
    /// In words.
    pub says: Words,
    /// As the policy's file has it (docs/policy.md).
    pub text: String,
}

/// A version that was in force, or is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its number.
    pub version: u64,
    /// Since when, milliseconds since the epoch.
    pub at: u64,
    /// Until when, milliseconds since the epoch; `None` for the one in force.
    pub until: Option<u64>,
    /// The entry that adopted it.
    pub entry: u64,
    /// Who proposed it; `None` where it was adopted without a proposal, as the first one is.
    pub proposed: Option<Voice>,
    /// Who approved it, in order.
    pub approved: Vec<Voice>,
}

/// One person's word for a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voice {
    /// Who.
    pub person: String,
    /// In which role; empty where no role was named.
    pub role: String,
    /// When, milliseconds since the epoch.
    pub at: u64,
}

/// Which two policies are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared {
    /// Two versions that were in force, or are.
    Versions(u64, u64),
    /// The version in force with the policy that a proposal of that id would bring.
    Proposal(String),
}

/// A proposed change of settings or rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRow {
    /// Outside id.
    pub id: String,
    /// What it does.
    pub what: Words,
    /// Who stands behind it, the proposer first.
    pub persons: Vec<String>,
    /// When the last of them approved, milliseconds since the epoch.
    pub last: u64,
    /// Why it waits or was refused; `None` once in force.
    pub reason: Option<ReasonView>,
    /// Whether it waits.
    pub waits: bool,
    /// The entries about it.
    pub entries: Vec<u64>,
    /// Whether it would bring another policy into force, which can be compared with the one that is.
    pub policy: bool,
}

/// The page of the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyView {
    /// The journal's time of what is shown (milliseconds since the epoch).
    pub as_of: u64,
    /// The head of the journal at that moment.
    pub head: Head,
    /// Number of the version in force; 0 where none was adopted.
    pub version: u64,
    /// What it says.
    pub rows: Vec<PolicyRow>,
    /// Its rules, in order.
    pub rules: Vec<RuleRow>,
    /// All versions, the newest first.
    pub versions: Vec<Version>,
    /// What two versions differ in, where two were asked for.
    pub difference: Option<PolicyDifference>,
    /// Changes that wait, the newest first.
    pub waiting: Vec<ChangeRow>,
    /// The last changes that were decided, the newest first.
    pub decided: Vec<ChangeRow>,
    /// Prices that values rest on.
    pub prices: Vec<PriceRow>,
}

impl PolicyView {
    /// The page at this state. `between` asks for the difference of two policies; `record` finds entries.
    #[must_use]
    pub fn of(
        state: &State,
        trail: &Trail,
        head: &Head,
        between: Option<&Compared>,
        record: &dyn Fn(u64) -> Option<Record>,
    ) -> Self {
        let policy = &state.guard.policy;
        let difference = between.and_then(|between| match between {
            Compared::Versions(one, two) => {
                let (old, new) = (one.min(two), one.max(two));
                let version = |wanted: u64| policy_of_version(trail, record, wanted);
                let (before, after) = (version(*old)?, version(*new)?);
                Some(PolicyDifference::of(state, &before, &after, None))
            }
            Compared::Proposal(id) => match &state.guard.proposal(id)?.1.change {
                Change::AdoptPolicy(after) => {
                    Some(PolicyDifference::of(state, policy, after, Some(id)))
                }
                _ => None,
            },
        });
        let known = Names::of_registry(&state.registry, state.at);
        let (waiting, decided): (Vec<_>, Vec<_>) = state
            .guard
            .proposals
            .iter()
            .enumerate()
            .rev()
            .map(|(place, proposal)| ChangeRow::of(state, trail, place, proposal))
            .partition(|row| row.waits);
        Self {
            as_of: state.at,
            head: head.clone(),
            version: u64::from(policy.version),
            rows: rows(state, policy),
            rules: policy
                .rules
                .iter()
                .map(|rule| rule_row(state, &known, policy, rule))
                .collect(),
            versions: versions(state, trail, record),
            difference,
            waiting,
            decided: decided.into_iter().take(DECIDED).collect(),
            prices: PriceRow::all(state, state.at),
        }
    }
}

/// The policy of a version that was in force.
pub(super) fn policy_of_version(
    trail: &Trail,
    record: &dyn Fn(u64) -> Option<Record>,
    wanted: u64,
) -> Option<Policy> {
    let mut seen = trail.policies.iter();
    let found = seen.find(|seen| u64::from(seen.version) == wanted)?;
    match record(found.position)?.event {
        Event::PolicyAdopted(policy) => Some(*policy),
        _ => None,
    }
}

fn versions(state: &State, trail: &Trail, record: &dyn Fn(u64) -> Option<Record>) -> Vec<Version> {
    let mut until = None;
    let mut rows = Vec::with_capacity(trail.policies.len());
    for seen in trail.policies.iter().rev() {
        let (proposed, approved) = match seen.proposal {
            Some(number) => stood_behind(state, trail, number, record),
            None => (None, Vec::new()),
        };
        rows.push(Version {
            version: u64::from(seen.version),
            at: seen.at,
            until,
            entry: seen.position,
            proposed,
            approved,
        });
        until = Some(seen.at);
    }
    rows
}

/// Who proposed a change, and who approved it.
fn stood_behind(
    state: &State,
    trail: &Trail,
    number: u32,
    record: &dyn Fn(u64) -> Option<Record>,
) -> (Option<Voice>, Vec<Voice>) {
    let place = usize::try_from(number).unwrap_or(usize::MAX);
    let voice = |person, role: &str, at| Voice {
        person: people::name(state, person).to_owned(),
        role: role.to_owned(),
        at,
    };
    let (mut proposed, mut approved) = (None, Vec::new());
    for entry in trail.proposal(place) {
        let Some(record) = record(*entry) else {
            continue;
        };
        match &record.event {
            Event::ChangeProposed(made) => {
                let by = made.persons.first();
                proposed = by.map(|by| voice(*by, "", record.at));
            }
            Event::ChangeApproved { person, .. } => approved.push(voice(*person, "", record.at)),
            _ => {}
        }
    }
    // Under rules of authority each approval has its role, and its proof in the journal.
    if let Some(matter) = state.authority.matters.get(&Target::Change(number)) {
        let yes = matter
            .voices
            .iter()
            .filter(|voice| voice.decision == Decision::Approve);
        approved = yes
            .map(|one| voice(one.person, &one.role, one.at))
            .collect();
    }
    (proposed, approved)
}

fn names(state: &State, proposal: &Proposal) -> Vec<String> {
    let known = &state.registry.persons;
    let persons = proposal.persons.iter();
    persons
        .map(|person| known.get(person.place()).cloned().unwrap_or_default())
        .collect()
}

impl ChangeRow {
    fn of(state: &State, trail: &Trail, place: usize, proposal: &Proposal) -> Self {
        let reason = match &proposal.standing {
            Standing::Held(reason) | Standing::Denied(reason) => {
                Some(reason_view(state, None, reason))
            }
            Standing::Cleared | Standing::Lapsed => None,
        };
        Self {
            id: proposal.id.clone(),
            what: change_words(&proposal.change),
            persons: names(state, proposal),
            last: proposal.last_approval,
            reason,
            waits: matches!(proposal.standing, Standing::Held(_)),
            entries: trail.proposal(place).to_vec(),
            policy: matches!(proposal.change, Change::AdoptPolicy(_)),
        }
    }
}

/// The catalogue's key of a class of action.
pub(crate) const fn class_key(class: ActionClass) -> &'static str {
    match class {
        ActionClass::Approve => "class-approve",
        ActionClass::LowerRisk => "class-lower-risk",
        ActionClass::RaiseRisk => "class-raise-risk",
        ActionClass::KeepPersonal => "class-keep-personal",
        ActionClass::ReadPersonal => "class-read-personal",
    }
}

fn amount(state: &State, asset: AssetIx, units: u128) -> Arg {
    Arg::Amount(wording::amount(state, asset, units))
}

fn percent(bps: u16) -> String {
    ratio_percent(u128::from(bps), 10_000).unwrap_or_default()
}

/// What a policy says, line by line. A line that says nothing says so: a reader must see what is not bounded.
fn rows(state: &State, policy: &Policy) -> Vec<PolicyRow> {
    let mut rows = vec![
        row("policy-authority", authority(policy)),
        row("policy-clears", clears(state, policy)),
        row("policy-tiers", tiers(state, policy)),
        row("policy-caps", caps(policy)),
        row("policy-destinations", destinations(policy)),
        row("policy-budgets", budgets(state, policy)),
        row("policy-times", times(policy)),
        row("policy-changes", changes(policy)),
        row("policy-signing", signing(policy)),
        row("policy-prices", prices(policy)),
        row("policy-nodes", nodes(policy)),
        row("policy-breaker", breaker(state, policy)),
        row("policy-claims", claims(state, policy)),
        row("policy-reads", reads(policy)),
    ];
    for row in &mut rows {
        if row.says.is_empty() {
            row.says.push(Words::key("policy-nothing"));
        }
    }
    rows
}

const fn row(label: &'static str, says: Vec<Words>) -> PolicyRow {
    PolicyRow { label, says }
}

fn authority(policy: &Policy) -> Vec<Words> {
    let classes = policy.authority.iter();
    classes
        .map(|(class, roles)| {
            Words::key("policy-class-roles")
                .with("class", Words::key(class_key(*class)))
                .with("roles", roles.join(", "))
        })
        .collect()
}

fn clears(state: &State, policy: &Policy) -> Vec<Words> {
    let clears = policy.clears.iter();
    clears
        .map(|clear| match clear.up_to {
            // The greatest number of the format bounds nothing.
            u128::MAX => {
                Words::key("policy-clears-any").with("asset", state.registry.asset_id(clear.asset))
            }
            up_to => {
                Words::key("policy-clears-up-to").with("amount", amount(state, clear.asset, up_to))
            }
        })
        .collect()
}

fn tiers(state: &State, policy: &Policy) -> Vec<Words> {
    let tiers = policy.tiers.iter();
    tiers.map(|tier| tier_words(state, tier)).collect()
}

/// One step of the approvals by amount.
pub(super) fn tier_words(state: &State, tier: &ApprovalTier) -> Words {
    Words::key("policy-tier")
        .with("amount", amount(state, tier.asset, tier.from))
        .with("count", u64::from(tier.approvals))
}

fn caps(policy: &Policy) -> Vec<Words> {
    let caps = policy.caps.iter();
    caps.map(|cap| {
        Words::key("policy-cap")
            .with("share", percent(cap.bps))
            .with("window", Arg::Span(cap.window_ms))
    })
    .collect()
}

fn destinations(policy: &Policy) -> Vec<Words> {
    let listed = if policy.allowlist {
        "policy-only-listed"
    } else {
        "policy-any-destination"
    };
    let waits = policy.destination_cool_off_ms;
    let waits = waits.map(|ms| Words::key("policy-destination-waits").with("span", Arg::Span(ms)));
    [Some(Words::key(listed)), waits]
        .into_iter()
        .flatten()
        .collect()
}

fn budgets(state: &State, policy: &Policy) -> Vec<Words> {
    let budgets = policy.budgets.iter().map(|budget| {
        Words::key("policy-budget")
            .with("name", budget.id.as_str())
            .with("total", amount(state, budget.asset, budget.total))
            .with("each", amount(state, budget.asset, budget.per_customer))
            .with("count", u64::from(budget.approvals))
    });
    let reference = policy.reference;
    let bands = policy.bands.iter().flat_map(|band| {
        let budgeted = policy.budgets.iter().find(|b| b.id == band.budget);
        let value = |key, limit: Option<u128>, asset: Option<AssetIx>| {
            Some(
                Words::key(key)
                    .with("name", band.budget.as_str())
                    .with("amount", amount(state, asset?, limit?)),
            )
        };
        [
            value("policy-band-line", band.line_value, reference),
            value("policy-band-batch", band.batch_value, reference),
            value(
                "policy-band-requester",
                band.per_requester,
                budgeted.map(|b| b.asset),
            ),
        ]
    });
    let holdings = policy
        .holdings_guard
        .then(|| Words::key("policy-holdings-guard"));
    budgets.chain(bands.flatten()).chain(holdings).collect()
}

fn times(policy: &Policy) -> Vec<Words> {
    let spans = [
        ("policy-approval-ttl", policy.approval_ttl_ms),
        ("policy-clearance-ttl", policy.clearance_ttl_ms),
        ("policy-collection", policy.collection_ms),
        ("policy-execution", policy.execution_ms),
    ];
    spans
        .into_iter()
        .filter_map(|(key, ms)| Some(Words::key(key).with("span", Arg::Span(ms?))))
        .collect()
}

fn changes(policy: &Policy) -> Vec<Words> {
    let needs = Words::key("policy-change-approvals")
        .with("count", u64::from(policy.change_approvals.max(1)));
    let waits = policy.change_cool_off_ms;
    let waits = waits.map(|ms| Words::key("policy-change-waits").with("span", Arg::Span(ms)));
    [Some(needs), waits].into_iter().flatten().collect()
}

fn signing(policy: &Policy) -> Vec<Words> {
    let ops = (!policy.ops_allowed.is_empty())
        .then(|| Words::key("policy-ops").with("ops", policy.ops_allowed.join(", ")));
    let attested = policy
        .attested
        .is_some()
        .then(|| Words::key("policy-attested"));
    [ops, attested].into_iter().flatten().collect()
}

fn prices(policy: &Policy) -> Vec<Words> {
    let age = policy.price_max_age_ms;
    let age = age.map(|ms| Words::key("policy-price-age").with("span", Arg::Span(ms)));
    let band = policy.price_band_bps;
    let band = band.map(|bps| Words::key("policy-price-band").with("share", percent(bps)));
    [age, band].into_iter().flatten().collect()
}

fn nodes(policy: &Policy) -> Vec<Words> {
    let which = (!policy.nodes.is_empty())
        .then(|| Words::key("policy-node-names").with("names", policy.nodes.join(", ")));
    let quorum =
        Words::key("policy-node-quorum").with("count", u64::from(policy.node_quorum.max(1)));
    let lag = policy.node_max_lag_ms;
    let lag = lag.map(|ms| Words::key("policy-node-lag").with("span", Arg::Span(ms)));
    [which, Some(quorum), lag].into_iter().flatten().collect()
}

fn breaker(state: &State, policy: &Policy) -> Vec<Words> {
    let armed = if policy.breaker_armed {
        "policy-armed"
    } else {
        "policy-shadow"
    };
    let sweep = policy
        .sweep_to
        .map(|wallet| Words::key("policy-sweep").with("wallet", state.registry.wallet_id(wallet)));
    [Some(Words::key(armed)), sweep]
        .into_iter()
        .flatten()
        .collect()
}

fn claims(state: &State, policy: &Policy) -> Vec<Words> {
    let order = match policy.loss_order {
        LossOrder::ProRata => "policy-loss-pro-rata",
        LossOrder::HouseFirst => "policy-loss-house-first",
    };
    let pays = policy.auto_pay.iter().map(|pay| {
        Words::key("policy-auto-pay").with("amount", amount(state, pay.asset, pay.up_to))
    });
    std::iter::once(Words::key(order)).chain(pays).collect()
}

fn reads(policy: &Policy) -> Vec<Words> {
    let limits = [
        ("policy-reads-each", policy.reads_per_hour),
        ("policy-reads-all", policy.reads_per_hour_all),
    ];
    limits
        .into_iter()
        .filter_map(|(key, limit)| Some(Words::key(key).with("count", u64::from(limit?))))
        .collect()
}

fn rule_row(state: &State, names: &Names, policy: &Policy, rule: &Rule) -> RuleRow {
    let (english, korean) = rules::words(rule);
    let when = rule.when.iter().map(|one| ConditionRow {
        says: condition::condition(state, policy, one),
        text: condition_text(one, names, policy.reference),
    });
    RuleRow {
        id: rule.id.clone(),
        then: condition::outcome(&rule.then),
        when: when.collect(),
        says: Words::both(korean, english),
    }
}
