//! The decision: one match from command to rule, and nothing else. Pure: same state, command and time, same outcome.
//!
//! Deciding is recording: every answered command leaves its events and one [`Event::Answered`]; there is no way to ask
//! first and act later.

mod ahead;
mod approvals;
mod authority;
mod cases;
mod chain;
mod changes;
mod claims;
pub mod clearances;
mod credits;
mod custody;
mod dead;
mod doors;
mod ledger;
mod log_keys;
mod prices;
mod registering;
mod requests;
mod rules;
mod signing;
mod subjects;
mod time;
mod transfers;
mod turn;

pub use ahead::{read_ahead, read_ahead_asked};

use crate::answer::{Answer, Reply};
use crate::authority::asked::FINDING;
use crate::command::{Body, Command};
use crate::event::Event;
use crate::reason::Reason;
use crate::state::State;
use crate::transfer::{Booked, RECORD_MAX};
use alloc::vec::Vec;
use turn::Turn;

/// What a command leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// What the caller is told, once the events are durable.
    pub reply: Reply,
    /// Transfers that were booked, in order; they stand in the journal before the events.
    pub transfers: Vec<Booked>,
    /// What else happened, in order; empty only when time passed and nothing was due.
    pub events: Vec<Event>,
}

impl Decision {
    /// All that happened as events, in the order of the journal.
    pub fn into_events(self) -> impl Iterator<Item = Event> {
        let transfers = self.transfers.into_iter();
        transfers
            .map(|booked| Event::TransferRecorded(booked.transfer))
            .chain(self.events)
    }
}

/// Decides a command at `at` (ms since the epoch, never earlier than the state's time).
#[must_use]
pub fn decide(state: &State, command: &Command, at: u64) -> Decision {
    let (content, size) = command.content_and_size();
    let known = command
        .id
        .as_ref()
        .and_then(|id| Some((id, state.answers.get(id)?)));
    if let Some((id, known)) = known
        && known.content == content
    {
        let reply = Reply {
            answer: known.answer.clone(),
            repeated: true,
            created: None,
            repeated_rows: 0,
        };
        return Decision {
            reply,
            transfers: Vec::new(),
            events: alloc::vec![Event::AnswerRepeated { id: id.clone() }],
        };
    }
    let mut turn = Turn::new(state, command, at);
    let named = turn.find_actor();
    let ruling = envelope(&turn, command).and_then(|()| route(&mut turn, &command.body));
    let used = known.map(|(id, _)| Reason::DuplicateId { id: id.clone() });
    if let Some(stop) = named.err().or(used) {
        // What is wrong with the command itself wins over whom it names, and that over an id that is used.
        let reason = match ruling {
            Err(reason) if reason.precedence() < stop.precedence() => reason,
            _ => stop,
        };
        return refused(command, content, reason);
    }
    let answer = ruling.unwrap_or_else(|reason| {
        turn.keep_alarms_only();
        Answer::because(reason)
    });
    let decision = finish(turn, command, content, answer);
    if size > SURELY_SMALL && !storable(&decision) {
        let what = "an event of this command would be larger than 65,535 bytes, or all of them than a frame; split it";
        let reason = Reason::Malformed {
            what: alloc::string::String::from(what),
        };
        return refused(command, content, reason);
    }
    decision
}

/// Longest id of a command and longest name of an actor, bytes.
const NAME_MAX: usize = 256;
/// A command up to this size, bytes, leads to no event that is too large for a leaf: an event holds the command's
/// content once and little beside it.
const SURELY_SMALL: usize = 16_384;
/// Bytes of a record that are not its event, and of a frame that are not its records, at most.
const AROUND: usize = 64;
/// All events of one command lie in one frame, bytes (docs/journal-format.md).
const FRAME_MAX: usize = 16 * 1024 * 1024 - 65_536;

/// Id and actor are names, and no id is one of a finding.
fn envelope(turn: &Turn<'_>, command: &Command) -> Result<(), Reason> {
    if command
        .id
        .as_ref()
        .is_some_and(|id| id.starts_with(FINDING))
    {
        return Err(turn.malformed("an id does not begin with `finding-`, which names findings"));
    }
    let name = |text: &alloc::string::String| !text.is_empty() && text.len() <= NAME_MAX;
    if command.id.as_ref().is_none_or(name) && command.actor.as_ref().is_none_or(name) {
        Ok(())
    } else {
        Err(turn.malformed("an id or an actor has 1 to 256 bytes"))
    }
}

/// Each event fits a leaf, and all of them one frame.
fn storable(decision: &Decision) -> bool {
    let sizes = decision.events.iter().map(|event| {
        borsh::object_length(event).map_or(usize::MAX, |size| size.saturating_add(AROUND))
    });
    let transfers = decision.transfers.len().saturating_mul(RECORD_MAX);
    let mut all = transfers.saturating_add(AROUND);
    for size in sizes {
        all = all.saturating_add(size);
        if size > usize::from(u16::MAX) || all > FRAME_MAX {
            return false;
        }
    }
    true
}

fn refused(command: &Command, content: [u8; 32], reason: Reason) -> Decision {
    let answer = Answer::because(reason);
    let event = Event::Answered {
        id: None,
        content,
        actor: command.actor.clone().filter(|name| name.len() <= NAME_MAX),
        kind: command.body.kind(),
        answer: answer.clone(),
    };
    Decision {
        reply: Reply {
            answer,
            repeated: false,
            created: None,
            repeated_rows: 0,
        },
        transfers: Vec::new(),
        events: alloc::vec![event],
    }
}

fn finish(turn: Turn<'_>, command: &Command, content: [u8; 32], answer: Answer) -> Decision {
    let Turn {
        transfers,
        mut events,
        mut late,
        repeated,
        created,
        repeated_rows,
        ..
    } = turn;
    events.append(&mut late);
    let silent = command.body == Body::ObserveTime && answer == Answer::Recorded;
    if !silent {
        let uses_id = !matches!(answer, Answer::Refused(_));
        events.push(Event::Answered {
            id: command.id.clone().filter(|_| uses_id),
            content,
            actor: command.actor.clone(),
            kind: command.body.kind(),
            answer: answer.clone(),
        });
    }
    Decision {
        reply: Reply {
            answer,
            repeated,
            created,
            repeated_rows,
        },
        transfers,
        events,
    }
}

/// What a rule says: an answer with its events in the turn, or the reason against it, which leaves no events but
/// alarms. A rule that records a request and then holds or denies it answers `Ok` with the reason inside.
type Ruling = Result<Answer, Reason>;

fn route(turn: &mut Turn<'_>, body: &Body) -> Ruling {
    match body {
        Body::RegisterAsset(asset) => registering::asset(turn, asset),
        Body::RegisterOwners(ids) => registering::owners(turn, ids),
        Body::RegisterWallet(wallet) => registering::wallet(turn, wallet),
        Body::EnrolActor {
            id,
            person,
            roles,
            expires,
        } => registering::actor(turn, id, person, roles, *expires),
        Body::DeclareHoldings(lines) => registering::holdings(turn, lines),
        Body::AdoptPolicy(policy) => registering::policy(turn, policy),
        Body::AdoptDuties(duties) => registering::duties(turn, duties),
        Body::AdoptLaw { rules, digest } => registering::law(turn, rules, *digest),
        Body::RecordMovements(lines) => ledger::movements(turn, lines),
        Body::RecordTransfers(batch) => transfers::record(turn, batch),
        Body::RecordTrade {
            buyer,
            seller,
            base,
            quote,
            units,
            price,
        } => ledger::trade(turn, buyer, seller, base, quote, *units, *price),
        Body::RecordLedgerRow {
            customer,
            asset,
            units,
            credit,
        } => ledger::row(turn, customer, asset, *units, *credit),
        Body::RecordPrices(rows) => prices::record(turn, rows),
        Body::RequestWithdrawal {
            customer,
            wallet,
            asset,
            units,
            to,
        } => requests::withdrawal(turn, customer, wallet, asset, *units, to),
        Body::RequestTransfer {
            from,
            to,
            asset,
            units,
        } => requests::transfer(turn, from, to, asset, *units),
        Body::RequestCredit {
            reason,
            budget,
            lines,
        } => credits::request(turn, reason, budget, lines),
        Body::RedeemClearance {
            target,
            operations,
            attested,
        } => signing::redeem(turn, target, operations, attested.as_ref()),
        other => route_people(turn, other),
    }
}

fn route_people(turn: &mut Turn<'_>, body: &Body) -> Ruling {
    match body {
        Body::Approve {
            target,
            nonce,
            binds,
            seen,
        } => approvals::approve(turn, target, nonce, binds.as_ref(), seen.as_ref()),
        Body::Reject { target, nonce } => approvals::reject(turn, target, nonce),
        other => route_facts(turn, other),
    }
}

fn route_facts(turn: &mut Turn<'_>, body: &Body) -> Ruling {
    match body {
        Body::RecordObservation(seen) => chain::observation(turn, seen),
        Body::RecordReorganisation {
            node,
            height,
            dropped,
        } => chain::reorganisation(turn, node, *height, dropped),
        Body::RecordNode { node, health } => chain::node(turn, node, *health),
        Body::RecordDeposit {
            customer,
            asset,
            units,
            txid,
            wallet,
        } => chain::deposit(turn, customer, asset, *units, txid, wallet),
        Body::ProposeChange(change) => changes::propose(turn, change),
        Body::ApproveChange { target } => changes::approve(turn, target),
        Body::CancelChange { target } => changes::cancel(turn, target),
        Body::ReadRecord { customer, purpose } => ledger::read(turn, customer, purpose),
        Body::OfSubject(command) => subjects::route(turn, command),
        Body::DeclareLogKeys { log, root } => log_keys::declare(turn, log, root),
        Body::RotateLogKey { statement } => log_keys::rotate(turn, statement),
        Body::OfAuthority(command) => authority::route(turn, command),
        Body::OfDoor(command) => doors::route(turn, command),
        Body::RecordClockJump { by_ms } => Ok(time::clock_jump(turn, *by_ms)),
        Body::RecordDowntime { since } => Ok(time::downtime(turn, *since)),
        Body::ObserveTime => Ok(time::observe(turn)),
        other => route_cases(turn, other),
    }
}

fn route_cases(turn: &mut Turn<'_>, body: &Body) -> Ruling {
    match body {
        Body::BecomeAware { incident } => cases::aware(turn, incident),
        Body::Classify { incident, level } => cases::classify(turn, incident, level),
        Body::RecordFact {
            incident,
            text,
            occurred,
            source,
            material,
        } => cases::fact(turn, incident, text, *occurred, source, *material),
        Body::Notify {
            incident,
            duty,
            receipt,
        } => cases::notify(turn, incident, duty, receipt),
        Body::RecordFreeze {
            incident,
            by,
            asset,
            units,
            value,
            source,
        } => cases::freeze(
            turn,
            incident,
            by,
            asset.as_deref(),
            (*units, *value),
            source,
        ),
        Body::RecordRecovery {
            incident,
            asset,
            units,
        } => claims::recovery(turn, incident, asset, *units),
        Body::Replenish {
            incident,
            asset,
            units,
        } => claims::replenish(turn, incident, asset, *units),
        Body::LodgeClaim {
            customer,
            incident,
            asset,
            units,
            price,
        } => claims::lodge(turn, customer, incident, asset, *units, price.as_ref()),
        Body::PayClaim { claim } => claims::pay(turn, claim),
        Body::PublishRedressSet { entry } => claims::publish(turn, entry),
        Body::RequestIntent(intent) => clearances::request(turn, intent),
        Body::IssueClearance(payload) => clearances::issue(turn, payload),
        Body::RedeemIssued { clearance, signer } => clearances::redeem(turn, clearance, signer),
        Body::NameAsset { asset, caip19 } => clearances::name_asset(turn, asset, caip19),
        Body::NameKey {
            wallet,
            key,
            network,
        } => clearances::name_key(turn, wallet, key, network),
        _ => Err(turn.malformed("this command has no rule")),
    }
}
