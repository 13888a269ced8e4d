//! What the pure ledger costs on one core: decide and fold batches of transfers, fold a stored journal again, and memory.
//! Figures are CPU time of this thread where the system tells it (`/proc/thread-self/schedstat`), so that a busy machine
//! does not count. `cargo bench -p keepwhole-core`; arguments are numbers of accounts (10000 and 1000000 without any).

#![expect(clippy::disallowed_types, reason = "a measurement reads the clock")]

use keepwhole_core::answer::Answer;
use keepwhole_core::apply::{apply, apply_all, apply_transfers};
use keepwhole_core::book::MovementKind;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::decide::decide;
use keepwhole_core::event::{Event, Record, RecordRef, encode_transfer};
use keepwhole_core::registry::Asset;
use keepwhole_core::split::{mul_div, spread};
use keepwhole_core::state::State;
use keepwhole_core::transfer::{BATCH_ROWS, TransferBatch, TransferRow};
use std::error::Error;
use std::time::Instant;

const ASSETS: [&str; 4] = ["KRW", "BTC", "ETH", "USDT"];
const BATCHES: usize = 20;
const ROUNDS: usize = 7;
/// 2026-05-01T00:00:00Z.
const AT: u64 = 1_777_593_600_000;

type Fallible<T> = Result<T, Box<dyn Error>>;

/// CPU time of this thread in ns, or time since `start`.
fn now(start: Instant) -> u128 {
    let cpu = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let spent = cpu.and_then(|text| text.split(' ').next()?.parse().ok());
    spent.unwrap_or_else(|| start.elapsed().as_nanos())
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

fn name(customer: u64) -> String {
    format!("customer-{customer:08}")
}

fn tell(state: &mut State, body: Body) -> Fallible<()> {
    let command = Command {
        id: None,
        actor: None,
        body,
    };
    let decision = decide(state, &command, AT);
    if decision.reply.answer != Answer::Recorded {
        return Err(format!("{:?}", decision.reply).into());
    }
    let turn = state.turn.saturating_add(1);
    for event in decision.into_events() {
        apply(state, &Record::new(AT, turn, event));
    }
    Ok(())
}

/// An exchange whose customers hold each of four assets.
fn opened(accounts: u64) -> Fallible<State> {
    let mut state = State::default();
    for id in ASSETS {
        let asset = Asset {
            id: id.into(),
            decimals: 8,
            network: None,
            confirmations: 0,
        };
        tell(&mut state, Body::RegisterAsset(asset))?;
    }
    tell(&mut state, Body::RegisterOwners(vec!["house".into()]))?;
    let mut next = 0;
    while next < accounts {
        let until = accounts.min(next.saturating_add(10_000));
        let names = (next..until).map(name).collect();
        tell(&mut state, Body::RegisterOwners(names))?;
        next = until;
    }
    for customer in 2..accounts.saturating_add(2) {
        for asset in 0..ASSETS.len() {
            let movement = keepwhole_core::book::Movement {
                from: keepwhole_core::registry::OUTSIDE,
                to: keepwhole_core::registry::OwnerIx(u32::try_from(customer)?),
                amount: keepwhole_core::amount::Amount::new(
                    keepwhole_core::registry::AssetIx(u16::try_from(asset)?),
                    1 << 80,
                ),
                kind: MovementKind::Opening,
                reference: String::new(),
            };
            let turn = state.turn;
            apply(
                &mut state,
                &Record::new(AT, turn, Event::MovementRecorded(movement)),
            );
        }
    }
    Ok(state)
}

fn uuid(draw: &mut Draw) -> String {
    let (a, b) = (draw.next(), draw.next());
    let hex = format!("{a:016x}{b:016x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or("");
    let parts = [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ];
    parts.join("-")
}

fn batch(draw: &mut Draw, accounts: u64) -> Fallible<Command> {
    let mut rows = TransferBatch::new();
    for _ in 0..BATCH_ROWS {
        let from = draw.below(accounts);
        let to = (from + 1 + draw.below(accounts - 1)) % accounts;
        let asset = usize::try_from(draw.below(4))?;
        rows.push(&TransferRow {
            id: &uuid(draw),
            from: &name(from),
            to: &name(to),
            asset: ASSETS.get(asset).ok_or("an asset")?,
            units: u128::from(draw.below(1_000_000)) + 1,
            kind: MovementKind::Trade,
            effective: AT,
        })?;
    }
    Ok(Command {
        id: Some(uuid(draw)),
        actor: None,
        body: Body::RecordTransfers(rows),
    })
}

/// Prints min, median and max of ns an item, and items a second at the median.
fn line(what: &str, mut rounds: Vec<u128>, items: usize) {
    let items = u128::try_from(items).unwrap_or(1).max(1);
    rounds.sort_unstable();
    let at = |place: usize| rounds.get(place).copied().unwrap_or(0) / items;
    let median = at(rounds.len() / 2);
    let rate = 1_000_000_000 / median.max(1);
    println!(
        "{what:<34} {:>6} / {median:>6} / {:>6} ns, {rate:>10} a second",
        at(0),
        at(rounds.len().saturating_sub(1)),
    );
}

/// Bytes of a batch's records, and the size of each.
type Stored = (Vec<u8>, Vec<usize>);
/// Time of deciding, folding, encoding, both of the first, looking up, and deciding what was looked up.
type Times = [u128; 6];

/// Decides a command, unaided and with its rows looked up, encodes it and folds it.
fn batched(state: &mut State, command: &mut Command, start: Instant) -> Fallible<(Stored, Times)> {
    let plain = now(start);
    let same = decide(state, command, AT);
    let unaided = now(start);
    if let Body::RecordTransfers(batch) = &mut command.body {
        while batch.look_up(state) {}
    }
    let began = now(start);
    let decision = decide(state, command, AT);
    let decided = now(start);
    if decision != same {
        return Err("deciding depends on what was found ahead".into());
    }
    if decision.reply.answer != Answer::Recorded {
        return Err(format!("{:?}", decision.reply).into());
    }
    let mut bytes = Vec::with_capacity(BATCH_ROWS * 128);
    let mut sizes = Vec::with_capacity(BATCH_ROWS + 1);
    let turn = state.turn.saturating_add(1);
    let of = |event| RecordRef {
        at: AT,
        turn,
        event,
    };
    for row in &decision.transfers {
        let before = bytes.len();
        encode_transfer(AT, turn, &row.transfer, &mut bytes);
        sizes.push(bytes.len() - before);
    }
    for event in &decision.events {
        let bytes_of = of(event).encode_into(&mut bytes);
        sizes.push(bytes_of.map_err(|_| "too large")?);
    }
    let encoded = now(start);
    apply_transfers(state, AT, turn, &decision.transfers);
    apply_all(state, decision.events.iter().map(of));
    let applied = now(start);
    let (unaided, applying) = (unaided - plain, applied - encoded);
    let times = [
        unaided,
        applying,
        encoded - decided,
        unaided + applying,
        began - plain - unaided,
        decided - began,
    ];
    Ok(((bytes, sizes), times))
}

fn transfers(accounts: u64) -> Fallible<()> {
    let start = Instant::now();
    println!("{accounts} accounts with 4 holdings each, batches of {BATCH_ROWS} transfers");
    let opening = opened(accounts)?;
    let mut state = opening.clone();
    let mut draw = Draw(accounts);
    let mut spent = [const { Vec::new() }; 6];
    let mut stored = Vec::new();
    for _ in 0..ROUNDS {
        let commands = (0..BATCHES).map(|_| batch(&mut draw, accounts));
        let mut sums: Times = [0; 6];
        for mut command in commands.collect::<Fallible<Vec<_>>>()? {
            let (bytes, times) = batched(&mut state, &mut command, start)?;
            for (sum, time) in sums.iter_mut().zip(times) {
                *sum += time;
            }
            stored.push(bytes);
        }
        for (list, sum) in spent.iter_mut().zip(sums) {
            list.push(sum);
        }
    }
    let [decided, applied, encoded, both, found, aided] = spent;
    let rows = BATCHES * BATCH_ROWS;
    line("decide", decided, rows);
    line("look up ahead", found, rows);
    line("decide what was looked up", aided, rows);
    line("apply", applied, rows);
    line("encode into one buffer", encoded, rows);
    line("decide + apply", both, rows);
    replay(&opening, &state, &stored, start)?;
    let owners = usize::try_from(accounts)?;
    let ids = usize::try_from(state.transfer_ids.remembered())?;
    println!(
        "memory: {} bytes a customer in the book, {} in the names, {} bytes an id; {} bytes an event in memory",
        state.book.bytes() / owners,
        state.registry.owners.bytes() / owners,
        state.transfer_ids.bytes() / ids.max(1),
        size_of::<Event>(),
    );
    Ok(())
}

/// Decodes and folds what was stored.
fn replay(
    opening: &State,
    end: &State,
    stored: &[(Vec<u8>, Vec<usize>)],
    start: Instant,
) -> Fallible<()> {
    let mut spent = Vec::new();
    for _ in 0..3 {
        let mut again = opening.clone();
        let began = now(start);
        for (bytes, sizes) in stored {
            let mut rest = bytes.as_slice();
            for size in sizes {
                let (record, after) = rest.split_at_checked(*size).ok_or("a record")?;
                rest = after;
                let record = Record::decode(record).map_err(|_| "not a record")?;
                apply(&mut again, &record);
            }
        }
        spent.push(now(start) - began);
        if again.book != end.book || again.transfer_ids != end.transfer_ids {
            return Err("the fold gave another state".into());
        }
    }
    line("replay: decode + apply", spent, stored.len() * BATCH_ROWS);
    Ok(())
}

/// Customers of the attribution, assets, and how many of them a customer holds on average.
const CUSTOMERS: u64 = 10_000_000;
const OF_ASSETS: u64 = 24;
const HELD: u64 = 4;

/// One asset's holders and what they hold.
struct Column {
    customers: Vec<u32>,
    weights: Vec<u128>,
}

/// A point-in-time loss in every asset, attributed over all who hold it; a sample of it is compared with division.
fn attribution(customers: u64) -> Fallible<()> {
    let start = Instant::now();
    let mut draw = Draw(24);
    let mut columns = Vec::new();
    for _ in 0..OF_ASSETS {
        let mut column = Column {
            customers: Vec::new(),
            weights: Vec::new(),
        };
        for customer in 0..u32::try_from(customers)? {
            if draw.below(OF_ASSETS) < HELD {
                column.customers.push(customer);
                let weight = (u128::from(draw.next()) << 20) | u128::from(draw.below(1 << 20));
                column.weights.push(weight >> draw.below(84));
            }
        }
        column.customers.shrink_to_fit();
        column.weights.shrink_to_fit();
        columns.push(column);
    }
    let bytes: usize = columns.iter().map(|column| column.weights.len() * 20).sum();
    let largest = columns.iter().map(|column| column.weights.len()).max();
    let (mut fast, mut slow) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let (mut spent, mut divided) = (0, 0);
        for column in &columns {
            let whole: u128 = column.weights.iter().sum();
            let total = whole / 7;
            let began = now(start);
            let parts = spread(total, &column.weights, |a, b| {
                column.customers.get(a).cmp(&column.customers.get(b))
            });
            let parts = parts.map_err(|error| format!("{error:?}"))?;
            let attributed = now(start);
            let sum = column.weights.iter().fold(0u128, |sum, weight| {
                sum + mul_div(total, *weight, whole).map_or(0, |(part, _)| part)
            });
            divided += now(start) - attributed;
            spent += attributed - began;
            if parts.iter().sum::<u128>() != total || sum > total {
                return Err("the parts are not the whole".into());
            }
        }
        fast.push(spent);
        slow.push(divided);
    }
    fast.sort_unstable();
    slow.sort_unstable();
    let ms = |list: &[u128], at: usize| list.get(at).copied().unwrap_or(0) / 1_000_000;
    println!(
        "attribution, {customers} customers x {OF_ASSETS} assets: {} / {} / {} ms; a division a holding: {} / {} / {} ms",
        ms(&fast, 0),
        ms(&fast, 2),
        ms(&fast, 4),
        ms(&slow, 0),
        ms(&slow, 2),
        ms(&slow, 4),
    );
    let most = bytes + largest.unwrap_or(0) * 16;
    println!(
        "attribution: {} bytes a customer at most",
        most / usize::try_from(customers)?
    );
    Ok(())
}

fn main() -> Fallible<()> {
    let given: Vec<u64> = std::env::args()
        .skip(1)
        .filter_map(|word| word.parse().ok())
        .collect();
    if given.is_empty() {
        attribution(CUSTOMERS)?;
    }
    let sizes = if given.is_empty() {
        vec![10_000, 1_000_000]
    } else {
        given
    };
    for accounts in sizes {
        transfers(accounts)?;
    }
    Ok(())
}
