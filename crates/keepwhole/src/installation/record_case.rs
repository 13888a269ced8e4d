//! The records of guard, breaker and incident as canonical JSON; the rest stands in [`super::record_json`].

use super::record_json::{Members, Names, reason, time, time_or_null};
use keepwhole_core::event::Event;
use keepwhole_core::guard::{Ask, Change};
use keepwhole_core::incident::{Cause, Freeze, incident_id};
use keepwhole_core::redress::{Claim, ClaimStanding};
use keepwhole_verify::json::{Value, to_hex};

/// The kind of an event of guard, breaker or incident in lower snake case; any other is of personal data.
pub(super) const fn kind(event: &Event) -> &'static str {
    match event {
        Event::AlarmRaised { .. } => "alarm_raised",
        Event::BreakerTripped { .. } => "breaker_tripped",
        Event::BreakerReset { .. } => "breaker_reset",
        Event::TripShadowed { .. } => "trip_shadowed",
        Event::RequestMade { .. } => "request_made",
        Event::RequestHeld { .. } => "request_held",
        Event::RequestDenied { .. } => "request_denied",
        Event::RequestCleared { .. } => "request_cleared",
        Event::ApprovalGiven { .. } => "approval_given",
        Event::ClearanceRedeemed { .. } => "clearance_redeemed",
        Event::ClearanceLapsed { .. } => "clearance_lapsed",
        Event::RequestJudged(_) => "request_judged",
        Event::IntentBound { .. } => "intent_bound",
        Event::ClearanceIssued { .. } => "clearance_issued",
        Event::IssuedRedeemed { .. } => "issued_redeemed",
        Event::AssetNamed { .. } => "asset_named",
        Event::KeyNamed { .. } => "key_named",
        Event::SafeRegistered(_) => "safe_registered",
        Event::BatchCodeRegistered(_) => "batch_code_registered",
        Event::ClearancesDead(_) => "clearances_dead",
        Event::ChangeProposed(_) => "change_proposed",
        Event::ChangeApproved { .. } => "change_approved",
        Event::ChangeWaits { .. } => "change_waits",
        Event::ChangeInForce { .. } => "change_in_force",
        Event::ChangeOvertaken { .. } => "change_overtaken",
        Event::ChangeCancelled { .. } => "change_cancelled",
        Event::DestinationListed { .. } => "destination_listed",
        Event::RolesRevoked { .. } => "roles_revoked",
        Event::RoleGranted { .. } => "role_granted",
        Event::RecordRead { .. } => "record_read",
        Event::IncidentOpened { .. } => "incident_opened",
        Event::AwarenessNamed { .. } => "awareness_named",
        Event::IncidentClassified { .. } => "incident_classified",
        Event::FactRecorded { .. } => "fact_recorded",
        Event::ClockStarted { .. } => "clock_started",
        Event::ClockShortened { .. } => "clock_shortened",
        Event::ClockWarned { .. } => "clock_warned",
        Event::ClockMissed { .. } => "clock_missed",
        Event::NotificationRecorded { .. } => "notification_recorded",
        Event::FreezeRecorded { .. } => "freeze_recorded",
        Event::LossRecognised { .. } => "loss_recognised",
        Event::RecoveryRecorded { .. } => "recovery_recorded",
        Event::PoolReplenished { .. } => "pool_replenished",
        Event::ClaimLodged(_) => "claim_lodged",
        Event::ClaimPaid { .. } => "claim_paid",
        _ => super::record_subject::kind(event),
    }
}

fn case(incident: u32) -> Value {
    Value::Text(incident_id(usize::try_from(incident).unwrap_or(usize::MAX)))
}

/// The duty of a clock of a case.
fn duty_of(names: &Names<'_>, incident: u32, clock: u32) -> Value {
    let incidents = &names.0.incidents;
    let row = usize::try_from(incident)
        .ok()
        .and_then(|at| incidents.cases.get(at));
    let clock = row.and_then(|row| row.clocks.get(usize::try_from(clock).ok()?));
    clock.map_or(Value::Null, |clock| duty(names, clock.duty))
}

fn duty(names: &Names<'_>, duty: u32) -> Value {
    let row = usize::try_from(duty)
        .ok()
        .and_then(|at| names.0.incidents.duties.get(at));
    Value::text(row.map_or("", |row| row.id.as_str()))
}

fn proposal(names: &Names<'_>, proposal: u32) -> Value {
    let row = usize::try_from(proposal)
        .ok()
        .and_then(|at| names.0.guard.proposals.get(at));
    Value::text(row.map_or("", |row| row.id.as_str()))
}

fn ask(names: &Names<'_>, ask: &Ask) -> Value {
    Value::object(match ask {
        Ask::Withdrawal {
            owner,
            wallet,
            asset,
            units,
            to,
        } => vec![
            ("asset", names.asset(*asset)),
            ("customer", names.owner(*owner)),
            ("kind", Value::text("withdrawal")),
            ("to", Value::text(to.as_str())),
            ("units", Value::amount(*units)),
            ("wallet", names.wallet(*wallet)),
        ],
        Ask::Transfer {
            wallet,
            to_wallet,
            asset,
            units,
        } => vec![
            ("asset", names.asset(*asset)),
            ("kind", Value::text("transfer")),
            ("to_wallet", names.wallet(*to_wallet)),
            ("units", Value::amount(*units)),
            ("wallet", names.wallet(*wallet)),
        ],
        Ask::Credit {
            reason,
            budget,
            lines,
        } => {
            let lines = lines.iter().map(|line| {
                Value::object(vec![
                    ("asset", names.asset(line.asset)),
                    ("customer", names.owner(line.owner)),
                    ("units", Value::amount(line.units)),
                ])
            });
            vec![
                ("budget", Value::text(budget.as_str())),
                ("kind", Value::text("credit")),
                ("lines", Value::List(lines.collect())),
                ("reason", Value::text(reason.as_str())),
            ]
        }
    })
}

fn change(change: &Change) -> Value {
    let (what, on) = match change {
        Change::AdoptPolicy(policy) => ("adopt_policy", format!("version {}", policy.version)),
        Change::Grant { actor, role, .. } => ("grant", format!("{role} to {actor}")),
        Change::Revoke { actor } => ("revoke", actor.clone()),
        Change::DisableWatch => ("disable_watch", String::new()),
        Change::ListDestination { address } => ("list_destination", address.clone()),
        Change::MoveAwareness { incident, .. } => ("move_awareness", incident.clone()),
        Change::RetireKey { wallet } => ("retire_key", wallet.clone()),
        Change::Halt { scope } => ("halt", scope.clone()),
        Change::Resume { scope } => ("resume", scope.clone()),
        other => return super::record_authority::change(other),
    };
    Value::object(vec![("on", Value::Text(on)), ("what", Value::text(what))])
}

pub(super) fn guard(names: &Names<'_>, event: &Event) -> Option<Members> {
    requests(names, event)
        .or_else(|| super::record_clearance::clearances(names, event))
        .or_else(|| alarms(names, event))
        .or_else(|| changes(names, event))
}

fn requests(names: &Names<'_>, event: &Event) -> Option<Members> {
    Some(match event {
        Event::RequestMade {
            id,
            ask: asked,
            actor,
            needs,
        } => vec![
            ("actor", names.actor(*actor)),
            ("ask", ask(names, asked)),
            ("needs", Value::Integer(u64::from(*needs))),
            ("request", Value::text(id.as_str())),
        ],
        Event::RequestHeld {
            request,
            reason: why,
        }
        | Event::RequestDenied {
            request,
            reason: why,
        } => {
            vec![
                ("reason", reason(why)),
                ("request", names.request(*request)),
            ]
        }
        Event::RequestCleared {
            request,
            until,
            before,
        } => vec![
            ("before", Value::amount(*before)),
            ("request", names.request(*request)),
            ("until", time_or_null(*until)),
        ],
        Event::ApprovalGiven { request, approval } => vec![
            ("nonce", Value::text(approval.nonce.as_str())),
            ("person", names.person(approval.person)),
            ("request", names.request(*request)),
        ],
        Event::ClearanceRedeemed { request, payload } => {
            vec![
                ("payload", Value::Text(to_hex(payload))),
                ("request", names.request(*request)),
            ]
        }
        Event::ClearanceLapsed { request } => vec![("request", names.request(*request))],
        _ => return None,
    })
}

fn alarms(names: &Names<'_>, event: &Event) -> Option<Members> {
    Some(match event {
        Event::AlarmRaised { code, subject } => vec![
            ("code", Value::text(code.code())),
            ("subject", Value::text(subject.as_str())),
        ],
        Event::BreakerTripped { scope, cause } | Event::TripShadowed { scope, cause } => {
            vec![
                ("cause", Value::text(cause.as_str())),
                ("scope", names.scope(*scope)),
            ]
        }
        Event::BreakerReset { scope } => vec![("scope", names.scope(*scope))],
        _ => return None,
    })
}

fn changes(names: &Names<'_>, event: &Event) -> Option<Members> {
    Some(match event {
        Event::ChangeProposed(proposal) => {
            let persons = proposal
                .persons
                .iter()
                .map(|person| names.person(*person))
                .collect();
            vec![
                ("change", change(&proposal.change)),
                ("persons", Value::List(persons)),
                ("proposal", Value::text(proposal.id.as_str())),
            ]
        }
        Event::ChangeApproved {
            proposal: number,
            person,
        }
        | Event::ChangeCancelled {
            proposal: number,
            person,
        } => {
            vec![
                ("person", names.person(*person)),
                ("proposal", proposal(names, *number)),
            ]
        }
        Event::ChangeWaits {
            proposal: number,
            until,
        } => {
            vec![
                ("proposal", proposal(names, *number)),
                ("until", time(*until)),
            ]
        }
        Event::ChangeInForce { proposal: number } | Event::ChangeOvertaken { proposal: number } => {
            vec![("proposal", proposal(names, *number))]
        }
        Event::DestinationListed { address } => vec![("address", Value::text(address.as_str()))],
        Event::RolesRevoked { actor } => vec![("actor", names.actor(Some(*actor)))],
        Event::RoleGranted {
            actor,
            role,
            expires,
        } => vec![
            ("actor", Value::text(actor.as_str())),
            ("expires", time_or_null(*expires)),
            ("role", Value::text(role.as_str())),
        ],
        Event::RecordRead {
            person,
            owner,
            purpose,
        } => vec![
            ("customer", names.owner(*owner)),
            ("person", names.person(*person)),
            ("purpose", Value::text(purpose.as_str())),
        ],
        _ => return None,
    })
}

pub(super) fn incident(names: &Names<'_>, event: &Event) -> Option<Members> {
    facts(names, event)
        .or_else(|| clocks(names, event))
        .or_else(|| losses(names, event))
}

fn facts(names: &Names<'_>, event: &Event) -> Option<Members> {
    Some(match event {
        Event::IncidentOpened { cause, opened_by } => {
            let cause = match cause {
                Cause::Wallet(wallet) => vec![
                    ("kind", Value::text("wallet")),
                    ("on", names.wallet(*wallet)),
                ],
                Cause::Signing(wallet) => vec![
                    ("kind", Value::text("signing")),
                    ("on", names.wallet(*wallet)),
                ],
                Cause::Ledger => vec![("kind", Value::text("ledger"))],
                Cause::Person => vec![("kind", Value::text("person"))],
                Cause::Signer => vec![("kind", Value::text("signer"))],
            };
            vec![
                ("cause", Value::object(cause)),
                ("opened_by", Value::text(opened_by.as_str())),
            ]
        }
        Event::AwarenessNamed { incident, by } => {
            vec![("by", names.actor(*by)), ("case", case(*incident))]
        }
        Event::IncidentClassified {
            incident,
            by,
            level,
        } => vec![
            ("by", names.actor(Some(*by))),
            ("case", case(*incident)),
            ("level", Value::text(level.as_str())),
        ],
        Event::FactRecorded { incident, fact } => vec![
            ("case", case(*incident)),
            ("material", Value::Bool(fact.material)),
            ("occurred", time(fact.occurred)),
            ("source", Value::text(fact.source.as_str())),
            ("text", Value::text(fact.text.as_str())),
        ],
        _ => return None,
    })
}

fn clocks(names: &Names<'_>, event: &Event) -> Option<Members> {
    Some(match event {
        Event::ClockStarted {
            incident,
            duty: number,
            started,
            due,
        } => vec![
            ("case", case(*incident)),
            ("due", time_or_null(*due)),
            ("duty", duty(names, *number)),
            ("started", time(*started)),
        ],
        Event::ClockShortened {
            incident,
            clock,
            due,
        } => vec![
            ("case", case(*incident)),
            ("due", time(*due)),
            ("duty", duty_of(names, *incident, *clock)),
        ],
        Event::ClockWarned { incident, clock } | Event::ClockMissed { incident, clock } => {
            vec![
                ("case", case(*incident)),
                ("duty", duty_of(names, *incident, *clock)),
            ]
        }
        Event::NotificationRecorded {
            incident,
            clock,
            receipt,
            by,
        } => vec![
            ("by", names.actor(*by)),
            ("case", case(*incident)),
            ("duty", duty_of(names, *incident, *clock)),
            ("receipt", Value::text(receipt.as_str())),
        ],
        _ => return None,
    })
}

fn freeze(names: &Names<'_>, incident: u32, freeze: &Freeze) -> Members {
    let amount = |units: Option<u128>| units.map_or(Value::Null, Value::amount);
    vec![
        (
            "asset",
            freeze.asset.map_or(Value::Null, |asset| names.asset(asset)),
        ),
        ("by", Value::text(freeze.by.as_str())),
        ("case", case(incident)),
        ("source", Value::text(freeze.source.as_str())),
        ("units", amount(freeze.units)),
        ("value", amount(freeze.value)),
    ]
}

fn claim(names: &Names<'_>, claim: &Claim) -> Members {
    let standing = match &claim.standing {
        ClaimStanding::Payable => "payable",
        ClaimStanding::InPart(_) => "in_part",
        ClaimStanding::Held(_) => "held",
        ClaimStanding::Paid(..) => "paid",
    };
    vec![
        ("asset", names.asset(claim.asset)),
        ("case", case(claim.incident)),
        ("claim", Value::text(claim.id.as_str())),
        ("claimed", Value::amount(claim.claimed)),
        ("customer", names.owner(claim.owner)),
        ("payable", Value::amount(claim.payable)),
        ("standing", Value::text(standing)),
    ]
}

fn losses(names: &Names<'_>, event: &Event) -> Option<Members> {
    Some(match event {
        Event::FreezeRecorded {
            incident,
            freeze: row,
        } => freeze(names, *incident, row),
        Event::LossRecognised {
            incident,
            asset,
            units,
            house,
        } => vec![
            ("asset", names.asset(*asset)),
            ("case", case(*incident)),
            ("house", Value::amount(*house)),
            ("units", Value::amount(*units)),
        ],
        Event::RecoveryRecorded {
            incident,
            asset,
            units,
        }
        | Event::PoolReplenished {
            incident,
            asset,
            units,
        } => vec![
            ("asset", names.asset(*asset)),
            ("case", case(*incident)),
            ("units", Value::amount(*units)),
        ],
        Event::ClaimLodged(row) => claim(names, row),
        Event::ClaimPaid {
            claim,
            units,
            custody,
        } => {
            let row = usize::try_from(*claim)
                .ok()
                .and_then(|at| names.0.claims.list.get(at));
            vec![
                ("claim", Value::text(row.map_or("", |row| row.id.as_str()))),
                ("custody", Value::Bool(*custody)),
                ("units", Value::amount(*units)),
            ]
        }
        _ => return None,
    })
}
