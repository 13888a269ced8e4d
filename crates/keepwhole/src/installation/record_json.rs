//! One record as canonical JSON, with the names of what it numbers. For people and programs that read; the proof is
//! always over the stored bytes, never over this form.

use super::{record_authority, record_case, record_door, record_price, record_subject};
use crate::text::rfc3339;
use keepwhole_core::answer::Answer;
use keepwhole_core::breaker::{Scope, scope_name};
use keepwhole_core::command::sha256_of;
use keepwhole_core::custody::{Direction, Explained, Flow, NodeHealth};
use keepwhole_core::event::{Event, Record};
use keepwhole_core::reason::{Reason, Told};
use keepwhole_core::registry::{ActorIx, AssetIx, OwnerIx, PersonIx, WalletIx};
use keepwhole_core::state::State;
use keepwhole_verify::json::{Value, to_hex};

/// Members of an object before they are sorted.
pub(super) type Members = Vec<(&'static str, Value)>;

/// The record at `index`: `index`, `at` (RFC 3339), `turn`, `kind` and `body`. `state` is any later state of the same
/// journal: numbers are given once, so that its names hold for every earlier record.
#[must_use]
pub fn record_json(state: &State, index: u64, record: &Record) -> Value {
    let names = Names(state);
    let body = registering(&names, &record.event)
        .or_else(|| adopting(&names, &record.event))
        .or_else(|| chain(&names, &record.event))
        .or_else(|| record_case::guard(&names, &record.event))
        .or_else(|| record_case::incident(&names, &record.event))
        .or_else(|| record_subject::subject(&names, &record.event))
        .or_else(|| record_authority::authority(&names, &record.event))
        .or_else(|| record_door::door(&record.event))
        .or_else(|| record_price::price(&names, &record.event))
        .or_else(|| service(&record.event))
        .unwrap_or_default();
    Value::object(vec![
        ("at", time(record.at)),
        ("body", Value::object(body)),
        ("index", Value::Integer(index)),
        ("kind", Value::text(kind(&record.event))),
        ("turn", Value::Integer(record.turn)),
    ])
}

/// The kind of an event in lower snake case, as docs/events.md lists them.
#[must_use]
pub const fn kind(event: &Event) -> &'static str {
    if let Some(kind) = record_door::kind(event) {
        return kind;
    }
    if let Some(kind) = record_price::kind(event) {
        return kind;
    }
    match event {
        Event::AssetRegistered(_) => "asset_registered",
        Event::OwnerRegistered(_) => "owner_registered",
        Event::WalletRegistered(_) => "wallet_registered",
        Event::ActorEnrolled { .. } => "actor_enrolled",
        Event::HoldingDeclared { .. } => "holding_declared",
        Event::PolicyAdopted(_) => "policy_adopted",
        Event::DutyAdopted(_) => "duty_adopted",
        Event::RuleAdopted(_) => "rule_adopted",
        Event::LawAdopted { .. } => "law_adopted",
        Event::MovementRecorded(_) => "movement_recorded",
        Event::TransferRecorded(_) => "transfer_recorded",
        Event::FlowSeen(_) => "flow_seen",
        Event::FlowReported { .. } => "flow_reported",
        Event::InflowConfirmed { .. } => "inflow_confirmed",
        Event::OutflowExplained { .. } => "outflow_explained",
        Event::TipMoved { .. } => "tip_moved",
        Event::NodeSeen { .. } => "node_seen",
        Event::FlowWithdrawn { .. } => "flow_withdrawn",
        Event::DepositRecorded(_) => "deposit_recorded",
        Event::DepositDecided { .. } => "deposit_decided",
        Event::SweepOrdered { .. } => "sweep_ordered",
        Event::KeyRetired { .. } => "key_retired",
        Event::ClockJumped { .. } => "clock_jumped",
        Event::DowntimeSeen { .. } => "downtime_seen",
        Event::Answered { .. } => "answered",
        Event::AnswerRepeated { .. } => "answer_repeated",
        Event::LogKeysDeclared(_) => "log_keys_declared",
        Event::LogKeyRotated(_) => "log_key_rotated",
        Event::RedressSetPublished { .. } => "redress_set_published",
        other => record_case::kind(other),
    }
}

/// Names of what events number.
pub(super) struct Names<'a>(pub(super) &'a State);

impl Names<'_> {
    pub(super) fn asset(&self, asset: AssetIx) -> Value {
        Value::text(self.0.registry.asset_id(asset))
    }
    pub(super) fn owner(&self, owner: OwnerIx) -> Value {
        Value::text(self.0.registry.owner_id(owner))
    }
    pub(super) fn wallet(&self, wallet: WalletIx) -> Value {
        Value::text(self.0.registry.wallet_id(wallet))
    }
    pub(super) fn actor(&self, actor: Option<ActorIx>) -> Value {
        Value::text(self.0.registry.actor_id(actor))
    }
    pub(super) fn person(&self, person: PersonIx) -> Value {
        let known = self.0.registry.persons.get(person.place());
        Value::text(known.map_or("", String::as_str))
    }
    pub(super) fn scope(&self, scope: Scope) -> Value {
        Value::Text(scope_name(self.0, scope))
    }
    pub(super) fn request(&self, request: u32) -> Value {
        Value::text(
            self.0
                .guard
                .request_at(request)
                .map_or("", |row| row.id.as_str()),
        )
    }
    fn transaction(&self, flow: u32) -> Value {
        let row = usize::try_from(flow)
            .ok()
            .and_then(|at| self.0.custody.flows.get(at));
        Value::text(row.map_or("", |row| row.txid.as_str()))
    }
    fn deposit(&self, deposit: u32) -> Value {
        let row = usize::try_from(deposit)
            .ok()
            .and_then(|at| self.0.deposits.get(at));
        Value::text(row.map_or("", |row| row.id.as_str()))
    }
}

pub(super) fn time(at: u64) -> Value {
    Value::Text(rfc3339(at))
}

pub(super) fn time_or_null(at: Option<u64>) -> Value {
    at.map_or(Value::Null, time)
}

pub(super) fn texts(list: &[String]) -> Value {
    Value::List(list.iter().map(|text| Value::text(text.as_str())).collect())
}

/// A number that may be larger than JSON's integers: as text, like an amount.
pub(super) fn number(number: u64) -> Value {
    Value::amount(u128::from(number))
}

/// A reason by its code, with the numbers that caused it in words.
pub(super) fn reason(reason: &Reason) -> Value {
    Value::object(vec![
        ("code", Value::text(reason.code())),
        ("numbers", Value::Text(numbers(reason))),
    ])
}

/// Numbers and names of a reason on one line, `name: value`; names in quotes, what there is none of left out.
fn numbers(reason: &Reason) -> String {
    let told = reason.numbers().into_iter().filter_map(|(name, told)| {
        let value = match told {
            Told::Text(text) => format!("\"{}\"", text.escape_debug()),
            Told::Number(number) => number.to_string(),
            Told::Reason(of) => format!("{} ({})", of.code(), numbers(of)),
            Told::Absent => return None,
        };
        Some(format!("{name}: {value}"))
    });
    told.collect::<Vec<_>>().join(", ")
}

/// A reason as JSON for a caller of ours: its code, its numbers in words, and of a row also its place.
#[must_use]
pub fn reason_json(told: &Reason) -> serde_json::Value {
    let (row, inner) = match told {
        Reason::Row { row, reason } => (Some(*row), reason.as_ref()),
        other => (None, other),
    };
    // Our own JSON is JSON.
    let mut value: serde_json::Value =
        serde_json::from_str(&reason(inner).to_canonical()).unwrap_or_default();
    if let (Some(row), Some(value)) = (row, value.as_object_mut()) {
        value.insert("row".to_owned(), row.into());
    }
    value
}

fn answer(answer: &Answer) -> Value {
    let why = answer.reason().map_or(Value::Null, reason);
    Value::object(vec![("reason", why), ("word", Value::text(answer.word()))])
}

fn registering(names: &Names<'_>, event: &Event) -> Option<Members> {
    Some(match event {
        Event::AssetRegistered(asset) => vec![
            ("asset", Value::text(asset.id.as_str())),
            (
                "confirmations",
                Value::Integer(u64::from(asset.confirmations)),
            ),
            ("decimals", Value::Integer(u64::from(asset.decimals))),
            (
                "network",
                asset.network.as_deref().map_or(Value::Null, Value::text),
            ),
        ],
        Event::OwnerRegistered(id) => vec![("owner", Value::text(id.as_str()))],
        Event::WalletRegistered(wallet) => vec![
            ("address", Value::text(wallet.address.as_str())),
            ("tier", Value::text(wallet.tier.code())),
            ("wallet", Value::text(wallet.id.as_str())),
        ],
        Event::ActorEnrolled {
            id,
            person,
            roles,
            expires,
        } => vec![
            ("actor", Value::text(id.as_str())),
            ("expires", time_or_null(*expires)),
            ("person", Value::text(person.as_str())),
            ("roles", texts(roles)),
        ],
        Event::HoldingDeclared {
            wallet,
            asset,
            units,
        } => vec![
            ("asset", names.asset(*asset)),
            ("units", Value::amount(*units)),
            ("wallet", names.wallet(*wallet)),
        ],
        _ => return None,
    })
}

fn adopting(names: &Names<'_>, event: &Event) -> Option<Members> {
    Some(match event {
        Event::PolicyAdopted(policy) => vec![
            ("digest", Value::Text(to_hex(&sha256_of(&**policy)))),
            ("version", Value::Integer(u64::from(policy.version))),
        ],
        Event::DutyAdopted(duty) => vec![
            ("authority", Value::text(duty.authority.as_str())),
            ("confidence", Value::text(duty.confidence.as_str())),
            ("duty", Value::text(duty.id.as_str())),
            ("source", Value::text(duty.source.as_str())),
            ("status", Value::text(duty.status.as_str())),
        ],
        Event::RuleAdopted(rule) => vec![
            ("as_of", Value::Text(rule.as_of.to_string())),
            ("digest", Value::Text(to_hex(&rule.digest()))),
            ("jurisdiction", Value::text(rule.jurisdiction.as_str())),
            ("rule", Value::text(rule.id.as_str())),
            ("status", Value::text(rule.status.name())),
            ("title", Value::text(rule.title_en.as_str())),
        ],
        Event::LawAdopted { digest, count } => vec![
            ("count", Value::Integer(u64::from(*count))),
            ("digest", Value::Text(to_hex(digest))),
        ],
        Event::MovementRecorded(movement) => vec![
            ("asset", names.asset(movement.amount.asset())),
            ("from", names.owner(movement.from)),
            ("reference", Value::text(movement.reference.as_str())),
            ("to", names.owner(movement.to)),
            ("units", Value::amount(movement.amount.units())),
            ("why", Value::text(movement.kind.code())),
        ],
        Event::TransferRecorded(row) => vec![
            ("asset", names.asset(row.asset)),
            ("effective", time(row.effective)),
            ("from", names.owner(row.from)),
            ("id", Value::text(row.id.as_str())),
            ("to", names.owner(row.to)),
            ("units", Value::amount(row.units)),
            ("why", Value::text(row.kind.code())),
        ],
        _ => return None,
    })
}

fn flow(names: &Names<'_>, flow: &Flow) -> Members {
    let direction = match flow.direction {
        Direction::In => "in",
        Direction::Out => "out",
    };
    let nodes = flow
        .reports
        .iter()
        .map(|report| Value::text(report.node.as_str()))
        .collect();
    vec![
        ("asset", names.asset(flow.amount.asset())),
        ("direction", Value::text(direction)),
        ("nodes", Value::List(nodes)),
        ("peer", Value::text(flow.peer.as_str())),
        ("transaction", Value::text(flow.txid.as_str())),
        ("units", Value::amount(flow.amount.units())),
        ("wallet", names.wallet(flow.wallet)),
    ]
}

fn chain(names: &Names<'_>, event: &Event) -> Option<Members> {
    Some(match event {
        Event::FlowSeen(seen) => flow(names, seen),
        Event::FlowReported { flow, report } => vec![
            ("height", number(report.height)),
            ("node", Value::text(report.node.as_str())),
            ("transaction", names.transaction(*flow)),
            ("units", Value::amount(report.units)),
        ],
        Event::InflowConfirmed { flow } => vec![("transaction", names.transaction(*flow))],
        Event::OutflowExplained { flow, explained } => vec![
            (
                "by",
                match explained {
                    Explained::Not => Value::text("nothing"),
                    Explained::Clearance(request) => names.request(*request),
                    Explained::Sweep => Value::text("sweep"),
                    Explained::Inflow => Value::text("inflow"),
                },
            ),
            ("transaction", names.transaction(*flow)),
        ],
        Event::TipMoved { node, height } => {
            vec![
                ("height", number(*height)),
                ("node", Value::text(node.as_str())),
            ]
        }
        Event::NodeSeen { node, health } => {
            let (health, lag) = match health {
                NodeHealth::Up => ("up", Value::Null),
                NodeHealth::Down => ("down", Value::Null),
                NodeHealth::Lagging { lag_ms } => ("lagging", number(*lag_ms)),
                NodeHealth::Lying => ("lying", Value::Null),
            };
            vec![
                ("health", Value::text(health)),
                ("lag_ms", lag),
                ("node", Value::text(node.as_str())),
            ]
        }
        Event::FlowWithdrawn { flow, node } => {
            vec![
                ("node", Value::text(node.as_str())),
                ("transaction", names.transaction(*flow)),
            ]
        }
        Event::DepositRecorded(deposit) => vec![
            ("asset", names.asset(deposit.asset)),
            ("customer", names.owner(deposit.owner)),
            ("deposit", Value::text(deposit.id.as_str())),
            ("transaction", Value::text(deposit.txid.as_str())),
            ("units", Value::amount(deposit.units)),
            ("wallet", names.wallet(deposit.wallet)),
        ],
        Event::DepositDecided { deposit, standing } => {
            vec![
                ("answer", answer(standing)),
                ("deposit", names.deposit(*deposit)),
            ]
        }
        Event::SweepOrdered { from, to } => {
            vec![("from", names.wallet(*from)), ("to", names.wallet(*to))]
        }
        Event::KeyRetired { wallet } => vec![("wallet", names.wallet(*wallet))],
        _ => return None,
    })
}

fn service(event: &Event) -> Option<Members> {
    Some(match event {
        Event::ClockJumped { by_ms } => vec![("by_ms", Value::Text(by_ms.to_string()))],
        Event::DowntimeSeen { since } => vec![("since", time(*since))],
        Event::Answered {
            id,
            content,
            actor,
            kind,
            answer: said,
        } => vec![
            ("actor", actor.as_deref().map_or(Value::Null, Value::text)),
            ("answer", answer(said)),
            ("command", Value::Integer(u64::from(*kind))),
            ("content", Value::Text(to_hex(content))),
            ("id", id.as_deref().map_or(Value::Null, Value::text)),
        ],
        Event::AnswerRepeated { id } => vec![("id", Value::text(id.as_str()))],
        Event::LogKeysDeclared(keys) => vec![
            ("log", Value::text(keys.log.as_str())),
            ("root", Value::text(keys.root.as_str())),
        ],
        Event::LogKeyRotated(statement) => {
            let text = std::str::from_utf8(statement);
            vec![(
                "statement",
                text.map_or_else(|_| Value::Text(to_hex(statement)), Value::text),
            )]
        }
        Event::RedressSetPublished { entry } => {
            let text = std::str::from_utf8(entry);
            vec![(
                "entry",
                text.map_or_else(|_| Value::Text(to_hex(entry)), Value::text),
            )]
        }
        _ => return None,
    })
}
