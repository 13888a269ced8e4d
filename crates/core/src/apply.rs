//! The fold: the only thing that changes a state. Total: it accepts everything that [`crate::decide`] can produce and
//! everything that was ever stored, and it can't fail.

mod authority;
mod cases;
mod clearances;
mod requests;

pub(crate) use authority::MISMATCHES_MS;

use crate::book::MovementKind;
use crate::custody::{Custody, Direction, Explained, Flow, New, Report};
use crate::event::{Event, Record, RecordRef};
use crate::history::{History, Sum, Within};
use crate::index::{HashKey, STAGE};
use crate::log_keys::{LogKeys, RetiredKey};
use crate::price::{self, Price, PriceEvent, Suspect, ToldPrice};
use crate::registry::{AssetIx, OUTSIDE, OwnerIx, WalletIx};
use crate::state::{Answered, PublishedSet, State};
use crate::transfer::{Booked, Transfer};
use crate::transfer_ids::Keyed;
use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::hint::black_box;
use keepwhole_verify::digest::Digest;
use keepwhole_verify::note::Note;
use keepwhole_verify::rotation::Rotation;

/// Outflows are kept this long for the caps at least, ms.
const WINDOW_KEPT_MS: u64 = 86_400_000;

/// Folds one record into the state.
pub fn apply(state: &mut State, record: &Record) {
    apply_ref(state, record.as_ref());
}

/// Folds many records in order, with the same outcome as one after the other. What transfers will read is asked for before
/// any of a stage is folded, so that the processor waits for memory once a stage and not once a record.
pub fn apply_all<'e>(state: &mut State, records: impl IntoIterator<Item = RecordRef<'e>>) {
    let mut records = records.into_iter();
    // The first record of all gives the key under which ids are looked up.
    if state.position == 0
        && let Some(first) = records.next()
    {
        apply_ref(state, first);
    }
    let mut stage: Vec<(RecordRef<'e>, Option<(&Transfer, Keyed)>)> = Vec::new();
    loop {
        let next = records.by_ref().take(STAGE);
        stage.extend(next.map(|record| (record, keyed(state, record.event))));
        if stage.is_empty() {
            return;
        }
        let rows = stage.iter().filter_map(|(_, row)| row.as_ref());
        read_ahead(state, rows.map(|(row, keyed)| (*row, keyed)));
        for (record, row) in stage.drain(..) {
            match row {
                Some((row, keyed)) => transfer(state, (record.at, record.turn), row, &keyed),
                None => apply_ref(state, record),
            }
        }
    }
}

/// Folds the transfers of a decision, as [`apply_all`] folds their records.
pub fn apply_transfers(state: &mut State, at: u64, turn: u64, rows: &[Booked]) {
    for stage in rows.chunks(STAGE) {
        read_ahead(state, stage.iter().map(|row| (&row.transfer, &row.keyed)));
        for row in stage {
            transfer(state, (at, turn), &row.transfer, &row.keyed);
        }
    }
}

fn keyed<'e>(state: &State, event: &'e Event) -> Option<(&'e Transfer, Keyed)> {
    match event {
        Event::TransferRecorded(row) => Some((row, state.transfer_ids.keyed(row))),
        _ => None,
    }
}

/// Each pass reads one step further for all rows, so that none waits for the one before it.
fn read_ahead<'r>(state: &State, rows: impl Iterator<Item = (&'r Transfer, &'r Keyed)> + Clone) {
    let book = &state.book;
    let mut asked = 0;
    for (row, keyed) in rows.clone() {
        asked ^= state.transfer_ids.touch_younger(keyed.hash);
        asked ^= book.touch(row.from) ^ book.touch(row.to);
    }
    let mut places = [(OUTSIDE, 0); 2 * STAGE];
    for (row, _) in rows.clone() {
        asked ^= book.touch_assets(row.from) ^ book.touch_assets(row.to);
    }
    let sides = rows.flat_map(|(row, _)| [(row.from, row.asset), (row.to, row.asset)]);
    let mut held = 0usize;
    for (slot, (owner, asset)) in places.iter_mut().zip(sides) {
        *slot = (owner, book.place(owner, asset).unwrap_or(0));
        held = held.saturating_add(1);
    }
    for (owner, place) in places.iter().take(held) {
        asked ^= u32::from(book.at(*owner, *place).incoming == 0);
    }
    black_box(asked);
}

/// Folds one record, its event borrowed, into the state.
pub fn apply_ref(state: &mut State, record: RecordRef<'_>) {
    key_lookups(state, record);
    state.at = state.at.max(record.at);
    state.turn = record.turn;
    match record.event {
        Event::AssetRegistered(asset) => state.registry.add_asset(asset.clone()),
        Event::OwnerRegistered(id) => {
            state.registry.add_owner(id);
            state.history.owner_registered(record.at);
        }
        Event::WalletRegistered(wallet) => {
            let number = WalletIx::next(state.registry.wallets.len());
            state.registry.add_wallet(wallet.clone());
            if let Some(number) = number {
                state.guard.alike.add_own(number, &wallet.address);
            }
        }
        Event::ActorEnrolled {
            id,
            person,
            roles,
            expires,
        } => {
            let index = state.position;
            state
                .registry
                .add_actor(id.clone(), person, roles.clone(), *expires, index);
            authority::changed(state);
        }
        Event::PolicyAdopted(policy) => requests::policy_adopted(state, policy),
        Event::RuleAdopted(rule) => {
            state.law.rules.insert(rule.id.clone(), (**rule).clone());
        }
        Event::LawAdopted { digest, count } => state.law.adopted.push((record.at, *digest, *count)),
        Event::MovementRecorded(movement) => {
            state.book.apply(movement);
            if brings_in(movement.kind, movement.from, movement.to) {
                let amount = movement.amount;
                deposited(
                    state,
                    movement.to,
                    amount.asset(),
                    amount.units(),
                    record.at,
                );
            }
        }
        Event::TransferRecorded(row) => {
            let keyed = state.transfer_ids.keyed(row);
            return transfer(state, (record.at, record.turn), row, &keyed);
        }
        other => {
            let at = record.at;
            let folded = told(state, at, other)
                || custody(state, at, other)
                || requests::apply(state, at, other);
            if !folded {
                cases::apply(state, at, other);
            }
        }
    }
    state.position = state.position.saturating_add(1);
}

/// Folds prices, answers and published sets; false if the event is another's.
fn told(state: &mut State, at: u64, event: &Event) -> bool {
    match event {
        Event::PriceRecorded(old) => {
            let told = ToldPrice {
                base: old.base,
                quote: old.quote,
                price: old.price.saturating_mul(price::ONE),
                as_of: at,
                source: old.source.clone(),
            };
            price_counts(state, at, &told);
        }
        Event::OfPrice(PriceEvent::Told(told)) => price_counts(state, at, told),
        Event::OfPrice(PriceEvent::Suspected {
            told,
            last,
            band_bps,
        }) => {
            let known = state.prices.entry((told.base, told.quote)).or_default();
            known.suspect = Some(Suspect {
                price: priced(at, told),
                last: *last,
                band_bps: *band_bps,
            });
        }
        Event::Answered {
            id: Some(id),
            content,
            answer,
            ..
        } => {
            state.answers.insert(
                id.clone(),
                Answered {
                    content: *content,
                    answer: answer.clone(),
                },
            );
        }
        Event::RedressSetPublished { entry } => {
            let set = PublishedSet {
                at,
                position: state.position,
                entry: entry.clone(),
            };
            state.sets.push(set);
        }
        Event::ClockJumped { .. }
        | Event::DowntimeSeen { .. }
        | Event::Answered { .. }
        | Event::AnswerRepeated { .. } => {}
        _ => return false,
    }
    true
}

fn priced(at: u64, told: &ToldPrice) -> Price {
    Price {
        as_of: told.as_of,
        at,
        price: told.price,
        source: told.source.clone(),
    }
}

fn price_counts(state: &mut State, at: u64, told: &ToldPrice) {
    let pair = (told.base, told.quote);
    let max_age = state.guard.policy.price_max_age_ms;
    let earlier = state.history.earlier_price(told.base, told.quote);
    let known = state.prices.entry(pair).or_default();
    // Nothing waits for a price while there is one to reckon with, and one before it; so a feed that goes on costs nothing.
    let missed = earlier.is_none() || known.usable(at, max_age).is_err();
    if let Some(before) = known.counts(priced(at, told)) {
        state.history.price_replaced(pair, before.price);
    }
    if missed {
        requests::priced(state, told.base);
    }
}

/// The first record of a journal gives the key of the lookups.
fn key_lookups(state: &mut State, first: RecordRef<'_>) {
    if state.position > 0 {
        return;
    }
    let mut bytes = Vec::new();
    // A first record that is too large to be stored gives the key of no bytes.
    let _too_large = first.encode_into(&mut bytes);
    let key = HashKey::of(Digest::of(&bytes).as_bytes());
    state.registry.owners.set_key(key);
    state.transfer_ids.set_key(key);
    state.history.set_key(key);
}

/// Folds what concerns the keys of the log; false if the event is another's.
fn log_keys(state: &mut State, event: &Event) -> bool {
    match event {
        Event::LogKeysDeclared(keys) => {
            state.log_keys = Some(LogKeys {
                root: keys.root.clone(),
                log: keys.log.clone(),
                retired: Vec::new(),
            });
        }
        Event::LogKeyRotated(statement) => log_key_rotated(state, statement),
        _ => return false,
    }
    true
}

/// The statement was verified when it was decided; here only its keys are read.
fn log_key_rotated(state: &mut State, statement: &[u8]) {
    let until = state.position;
    let read = Note::parse(statement)
        .ok()
        .and_then(|note| Rotation::parse_text(note.text()).ok());
    if let (Some(keys), Some(rotation)) = (&mut state.log_keys, read) {
        let key = core::mem::replace(&mut keys.log, rotation.new_key().to_string());
        keys.retired.push(RetiredKey { key, until });
    }
}

fn transfer(state: &mut State, (at, turn): (u64, u64), row: &Transfer, keyed: &Keyed) {
    state.at = state.at.max(at);
    state.turn = turn;
    state.book.book(row.from, row.to, row.asset, row.units);
    state.transfer_ids.insert(row.effective, keyed);
    if brings_in(row.kind, row.from, row.to) {
        deposited(state, row.to, row.asset, row.units, row.effective);
    }
    state.position = state.position.saturating_add(1);
}

/// What gives an owner value that was not in the books counts as a deposit, whatever the exchange's ledger calls it. What
/// keepwhole itself gives back does not.
fn brings_in(kind: MovementKind, from: OwnerIx, to: OwnerIx) -> bool {
    use MovementKind::{ClaimPaid, Deposit, Recovered, Replenished, WithdrawalReturned};
    let back = matches!(
        kind,
        ClaimPaid | Recovered | Replenished | WithdrawalReturned
    );
    to != OUTSIDE && (kind == Deposit || (from == OUTSIDE && !back))
}

/// A customer's deposit, dated `on`, for the figures that look back at it.
fn deposited(state: &mut State, to: OwnerIx, asset: AssetIx, units: u128, on: u64) {
    let (history, within) = looking_back(state);
    let one = Sum::one(units, within.value(asset, units));
    let row = within.registry.assets.get(asset.place());
    let money = row.is_some_and(|asset| asset.network.is_none());
    history.deposited_now(to, money, on, one, (within.at, within.policy));
}

/// The history, and what its fold may look at.
fn looking_back(state: &mut State) -> (&mut History, Within<'_>) {
    let within = Within {
        at: state.at,
        registry: &state.registry,
        prices: &state.prices,
        policy: &state.guard.policy,
    };
    (&mut state.history, within)
}

/// Folds what concerns holdings, flows, nodes, deposits, doors and the log's keys; false if the event is another's.
fn custody(state: &mut State, at: u64, event: &Event) -> bool {
    if log_keys(state, event) {
        return true;
    }
    let custody = &mut state.custody;
    match event {
        Event::AtDoor(told) => state.doors.apply(at, told),
        Event::HoldingDeclared {
            wallet,
            asset,
            units,
        } => {
            custody.hold(*wallet, *asset, |_| *units);
        }
        Event::FlowSeen(flow) => flow_seen(custody, flow),
        Event::FlowReported { flow, report } => {
            flow_reported(custody, *flow, report);
        }
        Event::InflowConfirmed { flow } => inflow_confirmed(custody, *flow),
        Event::OutflowExplained { flow, explained } => {
            outflow_explained(state, at, *flow, *explained)
        }
        Event::TipMoved { node, height } => {
            let tip = custody.tips.entry(node.clone()).or_insert(0);
            *tip = (*tip).max(*height);
        }
        Event::NodeSeen { node, health } => {
            custody.nodes.insert(node.clone(), *health);
        }
        Event::FlowWithdrawn { flow, node } => flow_withdrawn(custody, *flow, node),
        Event::DepositRecorded(deposit) => state.deposits.push(deposit.clone()),
        Event::DepositDecided { deposit, standing } => {
            let place = usize::try_from(*deposit).unwrap_or(usize::MAX);
            if let Some(row) = state.deposits.get_mut(place) {
                row.standing = standing.clone();
            }
        }
        Event::SweepOrdered { from, to } => {
            custody.sweeps.push(crate::custody::Sweep {
                from: *from,
                to: *to,
                at,
            });
        }
        Event::KeyRetired { wallet } => {
            custody.retired.entry(*wallet).or_insert(at);
        }
        _ => return false,
    }
    true
}

fn flow_mut(custody: &mut Custody, flow: u32) -> Option<&mut Flow> {
    custody.flows.get_mut(usize::try_from(flow).ok()?)
}

fn flow_seen(custody: &mut Custody, flow: &Flow) {
    let number = u32::try_from(custody.flows.len()).unwrap_or(u32::MAX);
    let asset = flow.amount.asset();
    custody.by_key.insert(
        (flow.wallet, asset, flow.direction, flow.txid.clone()),
        number,
    );
    if flow.counted {
        let units = flow.amount.units();
        custody.hold(flow.wallet, asset, |held| match flow.direction {
            Direction::In => held.saturating_add(units),
            Direction::Out => held.saturating_sub(units),
        });
    }
    custody.flows.push(flow.clone());
}

/// A node's latest report stands for it. An outflow that a reorganisation took back and that shows again leaves again.
fn flow_reported(custody: &mut Custody, flow: u32, report: &Report) {
    let Some(row) = flow_mut(custody, flow) else {
        return;
    };
    row.reports.retain(|known| known.node != report.node);
    row.reports.push(report.clone());
    if row.direction == Direction::In || row.counted {
        return;
    }
    row.counted = true;
    let (wallet, amount) = (row.wallet, row.amount);
    custody.hold(wallet, amount.asset(), |held| {
        held.saturating_sub(amount.units())
    });
}

fn inflow_confirmed(custody: &mut Custody, flow: u32) {
    let Some(row) = flow_mut(custody, flow) else {
        return;
    };
    if row.counted {
        return;
    }
    row.counted = true;
    let (wallet, amount) = (row.wallet, row.amount);
    custody.hold(wallet, amount.asset(), |held| {
        held.saturating_add(amount.units())
    });
}

/// Notes what explains an outflow, and puts what nobody cleared into the window of the caps.
fn outflow_explained(state: &mut State, at: u64, flow: u32, explained: Explained) {
    let Some(row) = flow_mut(&mut state.custody, flow) else {
        return;
    };
    row.explained = explained;
    let (wallet, amount) = (row.wallet, row.amount);
    if let Explained::Clearance(request) = explained {
        if let Some(clearance) = state
            .guard
            .request_mut(request)
            .and_then(|r| r.clearance.as_mut())
        {
            clearance.flow = Some(flow);
        }
        requests::no_longer_open(state, request);
        state.history.left(request);
        let of = (wallet, amount.asset());
        state.custody.outflow_seen(of, request);
        return;
    }
    let (history, within) = looking_back(state);
    let own = explained == Explained::Sweep;
    history.left_uncleared((wallet, amount.asset()), amount.units(), own, &within);
    // The holding is already smaller; what was free just before includes this outflow.
    let before = state
        .custody
        .cap_base(wallet, amount.asset())
        .saturating_add(amount.units());
    let new = New {
        at,
        units: amount.units(),
        before,
        request: None,
    };
    push_outflow(state, (wallet, amount.asset()), new);
}

/// Adds to the window of a wallet and asset.
fn push_outflow(state: &mut State, of: (WalletIx, AssetIx), new: New) {
    let kept = state.guard.policy.longest_window_ms().max(WINDOW_KEPT_MS);
    state.custody.add_outflow(of, new, kept);
}

/// The flow stays known under its key: seen again it is the same flow, not a second one.
fn flow_withdrawn(custody: &mut Custody, flow: u32, node: &str) {
    let Some(row) = flow_mut(custody, flow) else {
        return;
    };
    row.reports.retain(|r| r.node != node);
    let gone = row.reports.is_empty() && row.counted;
    let (wallet, amount, direction) = (row.wallet, row.amount, row.direction);
    if !gone {
        return;
    }
    row.counted = false;
    custody.hold(wallet, amount.asset(), |held| match direction {
        Direction::In => held.saturating_sub(amount.units()),
        Direction::Out => held.saturating_add(amount.units()),
    });
}
