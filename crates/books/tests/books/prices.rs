//! Files of prices: what is read of each form, and what is refused with its place.

use crate::paper::NOW;
use keepwhole_books::fault::Fault;
use keepwhole_books::prices::{Market, read_prices};
use keepwhole_books::read::Format;
use keepwhole_books::write::RowWriter;
use keepwhole_core::price::{NewPrice, ONE};
use std::fs;
use std::path::{Path, PathBuf};

/// Won without decimals, two coins; a price of BTC of a minute ago is known.
struct Paper(Option<&'static str>);

impl Market for Paper {
    fn decimals(&self, asset: &str) -> Option<u8> {
        let known = [("KRW", 0), ("BTC", 8), ("BTT", 6)];
        known
            .iter()
            .find(|(name, _)| *name == asset)
            .map(|(_, decimals)| *decimals)
    }
    fn reference(&self) -> Option<&str> {
        self.0
    }
    fn newest(&self, base: &str, _: &str) -> Option<u64> {
        (base == "BTC").then_some(NOW - 60_000)
    }
    fn now(&self) -> u64 {
        NOW
    }
}

const WON: Paper = Paper(Some("KRW"));
const HEADER: &str = "as_of,asset_id,quote,price,source\n";
const GOOD: &str = "2026-11-22T08:59:30+09:00,BTC,KRW,152000000.5,own market\n";

fn written(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    path
}

fn wanted() -> Vec<NewPrice> {
    let row = |base: &str, price, as_of| NewPrice {
        base: base.to_owned(),
        quote: "KRW".to_owned(),
        price,
        as_of,
        source: "own market".to_owned(),
    };
    vec![
        row("BTC", 152_000_000 * ONE + ONE / 2, NOW - 30_000),
        row("BTT", 8 * ONE / 10_000, NOW - 31_000),
    ]
}

#[test]
fn all_forms_of_a_file_give_the_same_prices() {
    let dir = tempfile::tempdir().unwrap();
    let second = "2026-11-21T23:59:29Z,BTT,KRW,0.0008,own market\n";
    // Another order, and a column that nobody asked for.
    let mixed = "note,price,source,quote,asset_id,as_of\nx,152000000.5,own market,KRW,BTC,2026-11-21T23:59:30Z\n\
                 y,0.00080,own market,KRW,BTT,2026-11-21T23:59:29Z\n";
    let lines = concat!(
        r#"{"as_of":"2026-11-21T23:59:30Z","asset_id":"BTC","quote":"KRW","price":"152000000.5","source":"own market"}"#,
        "\n",
        r#"{"source":"own market","price":0.0008,"quote":"KRW","asset_id":"BTT","as_of":"2026-11-21T23:59:29Z"}"#,
        "\n"
    );
    let parquet = dir.path().join("prices.parquet");
    let columns: &[&str] = &["as_of", "asset_id", "quote", "price", "source"];
    let file = fs::File::create(&parquet).unwrap();
    let mut rows = RowWriter::new(file, Format::Parquet, columns).unwrap();
    for line in [GOOD, second] {
        let fields: Vec<&str> = line.trim().split(',').collect();
        rows.row(&fields).unwrap();
    }
    rows.finish().unwrap();
    for path in [
        written(dir.path(), "one.csv", &format!("{HEADER}{GOOD}{second}")),
        written(dir.path(), "two.csv", mixed),
        written(dir.path(), "three.ndjson", lines),
        parquet,
    ] {
        let read = read_prices(&path, &WON);
        assert_eq!(read, Ok(wanted()), "{}", path.display());
    }
}

/// Field, value there, code, reason and fix; each is put into the second row of an otherwise good file.
const WRONG: [(&str, &str, &str, &str, &str); 22] = [
    (
        "price",
        "0",
        "zero_price",
        "zero",
        "one that is not known is left out",
    ),
    ("price", "0.000", "zero_price", "zero", "above zero"),
    ("price", "-5", "negative_price", "negative", "above zero"),
    (
        "price",
        "1.00000000001",
        "too_many_decimals",
        "at most 10 digits",
        "round it yourself",
    ),
    (
        "price",
        "99999999999999999999999999",
        "price_too_large",
        "larger than any price",
        "right currency",
    ),
    ("price", "1e9", "price", "not a price", "write digits"),
    ("price", "1 000", "price", "not a price", "write digits"),
    ("price", "", "price", "not a price", "write digits"),
    ("price", "NaN", "price", "not a price", "write digits"),
    (
        "asset_id",
        "DOGE",
        "unknown_asset",
        "no such asset",
        "register the asset first",
    ),
    (
        "asset_id",
        "",
        "unknown_asset",
        "no such asset",
        "register the asset first",
    ),
    (
        "quote",
        "USD",
        "unknown_asset",
        "no such asset",
        "a registered currency",
    ),
    (
        "quote",
        "BTC",
        "price_quote",
        "the policy tells values in `KRW`",
        "in that currency",
    ),
    (
        "asset_id",
        "KRW",
        "price_quote",
        "no price in itself",
        "leave the row out",
    ),
    (
        "as_of",
        "2026-11-22T00:00:05.001Z",
        "price_ahead",
        "it is 2026-11-22T00:00:00.000Z here",
        "set the clock",
    ),
    (
        "as_of",
        "2026-11-22T08:59:30",
        "time",
        "not a time",
        "with its zone",
    ),
    ("as_of", "1764186120", "time", "not a time", "with its zone"),
    ("as_of", "", "time", "not a time", "with its zone"),
    ("source", "", "source", "1 to 64 bytes", "who says so"),
    (
        "source",
        "sssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss",
        "source",
        "1 to 64 bytes",
        "who says so",
    ),
    (
        "asset_id",
        "BTC",
        "duplicate_row",
        "line 2 has a price of this asset",
        "leave the older one out",
    ),
    (
        "asset_id",
        "btc",
        "unknown_asset",
        "no such asset",
        "mend its name",
    ),
];

#[test]
fn a_wrong_row_refuses_the_file_with_line_field_and_fix() {
    let dir = tempfile::tempdir().unwrap();
    for (field, value, code, reason, fix) in WRONG {
        let place = HEADER
            .trim()
            .split(',')
            .position(|name| name == field)
            .unwrap();
        let mut fields = [
            "2026-11-22T08:59:29+09:00",
            "BTT",
            "KRW",
            "0.0008",
            "own market",
        ];
        fields[place] = value;
        let text = format!("{HEADER}{GOOD}{}\n", fields.join(","));
        let path = written(dir.path(), "wrong.csv", &text);
        let faults = read_prices(&path, &WON).unwrap_err();
        let [fault] = faults.as_slice() else {
            panic!("{value}: {faults:?}")
        };
        let at = if code == "price_quote" && field == "asset_id" {
            "quote"
        } else {
            field
        };
        assert_eq!(
            (fault.code, fault.line, &*fault.field),
            (code, 3, at),
            "{fault}"
        );
        let said = fault.in_file("wrong.csv");
        assert!(said.starts_with("`wrong.csv` line 3, column "), "{said}");
        assert!(said.contains(reason) && fault.fix.contains(fix), "{said}");
    }
    // All faults of a file are told at once, and one of time alone as well.
    let text = format!(
        "{HEADER}{}{GOOD}x,BTT,KRW,0,s\n",
        GOOD.replace("08:59:30", "08:58:59")
    );
    let faults = read_prices(&written(dir.path(), "many.csv", &text), &WON).unwrap_err();
    let told: Vec<(&str, u64)> = faults
        .iter()
        .map(|fault| (fault.code, fault.line))
        .collect();
    assert_eq!(told, [("price_older", 2), ("zero_price", 4)]);
    // Without a policy any registered currency serves.
    let text = format!("{HEADER}{}", GOOD.replace("BTC,KRW", "KRW,BTC"));
    let read = read_prices(&written(dir.path(), "free.csv", &text), &Paper(None));
    assert!(read.is_ok(), "{read:?}");
}

#[test]
fn a_file_that_is_none_is_refused_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    let many: String = (0..1_025).map(|_| "x,DOGE,KRW,1,s\n").collect();
    for (text, code, says) in [
        (
            "as_of,asset,quote,price\n",
            "header",
            "lacks `asset_id`, `source`",
        ),
        (HEADER, "empty", "no row"),
        (
            &format!("{HEADER}{many}"),
            "too_many_rows",
            "more than 1024 prices",
        ),
    ] {
        let path = written(dir.path(), "file.csv", text);
        let faults = read_prices(&path, &WON).unwrap_err();
        let fault: &Fault = faults.first().unwrap();
        assert_eq!((faults.len(), fault.code), (1, code), "{fault}");
        assert!(fault.reason.contains(says), "{fault}");
    }
    let missing = read_prices(&dir.path().join("none.csv"), &WON).unwrap_err();
    assert_eq!(missing[0].code, "unreadable");
}
