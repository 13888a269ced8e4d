//! What is written is read back: every form, every text, the same sums; and the strict CSV reader agrees with another.

use crate::paper::{Paper, look};
use keepwhole_books::profile::Profile;
use keepwhole_books::read::{Format, Input, Progress, Reader, Record};
use keepwhole_books::write::{ENTRIES, RowWriter};
use proptest::prelude::*;
use std::fs;

fn name() -> impl Strategy<Value = String> {
    "[-=+@'a-zA-Z0-9,\"가-힣 _.]{1,20}".prop_filter("not the outside", |name| name != "outside")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn entries_come_back_as_the_same_movements(
        rows in prop::collection::vec((name(), 1u128..=u128::from(u64::MAX)), 1..30),
        form in 0usize..3,
    ) {
        let (format, ending) = [(Format::Csv, "csv"), (Format::Ndjson, "ndjson"), (Format::Parquet, "parquet")][form];
        let mut writer = RowWriter::new(Vec::new(), format, ENTRIES).unwrap();
        for (place, (owner, units)) in rows.iter().enumerate() {
            let tx = format!("tx-{place}");
            for (side, account) in [("debit", "outside"), ("credit", owner.as_str())] {
                writer.row(&[
                    &format!("{tx}:{side}"), &tx, account, "BTC", side, &units.to_string(), "8",
                    "2025-11-26T19:42:00.000Z", "2025-11-26T19:42:00.000Z", "deposit", "=cmd|'/c calc'!A1", "",
                ]).unwrap();
            }
        }
        let (count, bytes) = writer.finish().unwrap();
        prop_assert_eq!(count, 2 * rows.len() as u64);
        if format == Format::Csv {
            // No field begins like a formula: a spreadsheet shows text.
            let mut csv = csv::Reader::from_reader(bytes.as_slice());
            for record in csv.records() {
                for field in &record.unwrap() {
                    prop_assert!(!field.starts_with(['=', '+', '-', '@']), "{}", field);
                }
            }
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(format!("entries.{ending}"));
        fs::write(&path, bytes).unwrap();
        let paper = Paper::with(&[("BTC", 8)]);
        let came = look(&paper, &Profile::built_in("generic").unwrap(), &path, false).unwrap();
        prop_assert_eq!(came.refused.first(), None);
        let expected: Vec<_> = rows.iter().enumerate().map(|(place, (owner, units))| {
            (format!("tx-{place}"), String::from("outside"), owner.clone(), String::from("BTC"), *units)
        }).collect();
        prop_assert_eq!(came.movements, expected);
        // Sum in = sum of the rows.
        let sum: u128 = rows.iter().map(|(_, units)| *units).sum();
        prop_assert_eq!(came.summary.assets["BTC"].incoming, sum);
    }

    #[test]
    fn the_strict_reader_agrees_with_the_csv_crate_on_what_it_accepts(
        rows in prop::collection::vec(prop::collection::vec("[a-z\",\n\r 가]{0,6}", 3), 1..20),
        crlf in any::<bool>(),
    ) {
        let end = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new().terminator(end).from_writer(Vec::new());
        writer.write_record(["a", "b", "c"]).unwrap();
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.csv");
        fs::write(&path, writer.into_inner().unwrap()).unwrap();
        let mut reader = Reader::open(Input::open(&path, Progress::default()).unwrap()).unwrap();
        let mut record = Record::default();
        for row in &rows {
            prop_assert!(reader.next(&mut record).unwrap());
            let found: Vec<&str> = (0..record.len()).map(|place| record.field(place).unwrap()).collect();
            prop_assert_eq!(found, row.iter().map(String::as_str).collect::<Vec<_>>());
        }
        prop_assert!(!reader.next(&mut record).unwrap());
    }
}
