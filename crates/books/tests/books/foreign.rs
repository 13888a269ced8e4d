//! A file that nobody of this project wrote: a test fixture of Ethereum transactions of blocks 17,173,049 and later
//! (blockchain-etl/ethereum-etl, MIT), read through a mapping, its totals compared with a sum by plain text splitting.
//! It is not part of the project: KEEPWHOLE_FOREIGN_CSV names a copy; without one the test says that it is skipped.

use crate::paper::{Paper, look};
use keepwhole_books::profile::Profile;

/// Each transaction's value, as it arrives at the receiver.
const MAPPING: &str = r#"
schema = "keepwhole-profile/1"
name = "ethereum-etl"
title = "transactions as ethereum-etl exports them"
[names]
asset_case = "upper"
[[table]]
name = "transactions"
holds = "transfers"
[table.columns]
id = { column = "hash", digest = true, prefix = "eth-" }
from = { constant = "$outside" }
to = "to_address"
asset = { constant = "ETH" }
amount = { column = "value", unit = "base" }
time = { column = "block_timestamp", form = "seconds" }
[[table.left_out]]
column = "value"
values = ["0"]
why = "no value"
"#;

#[test]
fn a_foreign_file_has_the_same_totals_as_an_independent_sum() {
    let Ok(path) = std::env::var("KEEPWHOLE_FOREIGN_CSV") else {
        println!("SKIPPED: KEEPWHOLE_FOREIGN_CSV names no file (docs/import.md says which)");
        return;
    };
    let text = std::fs::read_to_string(&path).unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let place = |name: &str| header.iter().position(|known| *known == name).unwrap();
    let (value, to) = (place("value"), place("to_address"));
    let mut sums = std::collections::BTreeMap::<&str, u128>::new();
    let mut rows = 0u64;
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        let units: u128 = fields[value].parse().unwrap();
        rows += 1;
        if units > 0 {
            *sums.entry(fields[to]).or_default() += units;
        }
    }
    let paper = Paper::with(&[("ETH", 18)]);
    let came = look(
        &paper,
        &Profile::parse(MAPPING).unwrap(),
        path.as_ref(),
        false,
    )
    .unwrap();
    assert_eq!(came.refused.first(), None);
    assert_eq!(came.summary.rows, rows);
    assert_eq!(
        came.summary.assets["ETH"].incoming,
        sums.values().sum::<u128>()
    );
    let mut found = std::collections::BTreeMap::<&str, u128>::new();
    for (_, _, to, _, units) in &came.movements {
        *found.entry(to).or_default() += units;
    }
    assert_eq!(found, sums);
    println!("{rows} rows, {} receivers", sums.len());
}
