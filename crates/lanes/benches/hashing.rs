//! How much two lanes save: minimum, median and maximum of rounds in which both ways take turns.
//!
//! `cargo bench -p keepwhole-lanes`. The ceiling of a tree is one leaf and one node an event, from a message that is
//! already in the cache, with nothing kept.

use keepwhole_lanes::{leaf_hashes, node_hashes, portable, way};
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: usize = 15;
const EVENTS: usize = 8_000;
const TIMES: usize = 12;

#[derive(Clone, Copy)]
struct Hash([u8; 32]);

impl From<[u8; 32]> for Hash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8; 32]> for Hash {
    fn as_ref(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Thousands a second of `count` things done `TIMES` times.
fn rate(count: usize, mut work: impl FnMut()) -> u128 {
    let began = Instant::now();
    for _ in 0..TIMES {
        work();
    }
    (count * TIMES) as u128 * 1_000_000 / began.elapsed().as_nanos().max(1)
}

/// All levels of the tree over the leaves, kept, as an append does it.
fn tree(
    records: &[Vec<u8>],
    leaves: fn(&[Vec<u8>], &mut Vec<Hash>),
    nodes: fn(&[Hash], &mut Vec<Hash>),
) -> Vec<Vec<Hash>> {
    let mut levels = vec![Vec::with_capacity(records.len())];
    leaves(records, &mut levels[0]);
    while let Some(below) = levels.last().filter(|level| level.len() > 1) {
        let mut above = Vec::with_capacity(below.len() / 2);
        nodes(below, &mut above);
        levels.push(above);
    }
    levels
}

fn lanes_of(records: &[Vec<u8>], out: &mut Vec<Hash>) {
    leaf_hashes(records.iter().map(Vec::as_slice), out);
}

fn one_by_one(records: &[Vec<u8>], out: &mut Vec<Hash>) {
    portable::leaf_hashes(records.iter().map(Vec::as_slice), out);
}

fn fresh<T>(mut work: impl FnMut(&mut Vec<T>)) -> impl FnMut() {
    let mut out = Vec::with_capacity(EVENTS);
    move || {
        out.clear();
        work(&mut out);
        black_box(&out);
    }
}

fn print(what: &str, mut rates: Vec<u128>) -> u128 {
    rates.sort_unstable();
    let middle = rates[rates.len() / 2];
    println!(
        "{what:<52} {:>6} / {middle:>6} / {:>6} thousand/s",
        rates[0],
        rates[rates.len() - 1]
    );
    middle
}

fn compare(
    what: &str,
    count: usize,
    mut lanes: impl FnMut(),
    mut single: impl FnMut(),
) -> (u128, u128) {
    let (mut many, mut one) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        many.push(rate(count, &mut lanes));
        one.push(rate(count, &mut single));
    }
    let lanes = print(&format!("{what}, lanes"), many);
    let single = print(&format!("{what}, one at a time (sha2)"), one);
    let ratio = lanes * 100 / single.max(1);
    println!("{:<52} {}.{:02}", "  ratio", ratio / 100, ratio % 100);
    (lanes, single)
}

fn main() {
    println!("way: {:?}; min / median / max of {ROUNDS} rounds", way());
    let records: Vec<Vec<u8>> = (0..EVENTS)
        .map(|n| (0..200).map(|ix| (n * 31 + ix * 7) as u8).collect())
        .collect();
    let mixed: Vec<Vec<u8>> = (0..EVENTS)
        .map(|n| vec![n as u8; 40 + n * 2_654_435_761 % 260])
        .collect();
    let mut children = Vec::new();
    lanes_of(&records, &mut children);

    // In cache: the same 64 records again and again.
    let few = &records[..64];
    let (leaf, _) = compare(
        "leaf of 200 bytes, in cache",
        EVENTS,
        fresh(|out| (0..EVENTS / 64).for_each(|_| lanes_of(few, out))),
        fresh(|out| (0..EVENTS / 64).for_each(|_| one_by_one(few, out))),
    );
    let (node, _) = compare(
        "node, in cache",
        EVENTS,
        fresh(|out| (0..EVENTS / 64).for_each(|_| node_hashes(&children[..128], out))),
        fresh(|out| (0..EVENTS / 64).for_each(|_| portable::node_hashes(&children[..128], out))),
    );
    compare(
        "leaf of 40 to 299 bytes, lengths mixed",
        EVENTS,
        fresh(|out| lanes_of(&mixed, out)),
        fresh(|out| one_by_one(&mixed, out)),
    );
    let (tree_rate, _) = compare(
        "tree over 200-byte records, all levels kept",
        EVENTS,
        || {
            black_box(tree(&records, lanes_of, node_hashes));
        },
        || {
            black_box(tree(&records, one_by_one, portable::node_hashes));
        },
    );
    let ceiling = leaf * node / (leaf + node).max(1);
    println!(
        "ceiling of one leaf and one node an event: {ceiling} thousand/s; the tree reaches {}% of it",
        tree_rate * 100 / ceiling.max(1)
    );
}
