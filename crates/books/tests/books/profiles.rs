//! Each profile that comes with the program, on a small file in the form of its back end.

use crate::paper::{Came, Paper, look};
use keepwhole_books::fault::Fault;
use keepwhole_books::profile::Profile;
use keepwhole_books::quarantine;
use keepwhole_books::read::{Input, Progress, Reader};
use std::collections::BTreeMap;
use std::fs;

fn came(profile: &Profile, file: &str, text: &str) -> Came {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(file);
    fs::write(&path, text).unwrap();
    let paper = Paper::with(&[("BTC", 8), ("USDT", 6), ("KRW", 0)]);
    look(&paper, profile, &path, false).unwrap_or_else(|fault| panic!("{}", fault.in_file(file)))
}

fn told(came: &Came) -> Vec<String> {
    assert_eq!(came.refused.first(), None);
    came.movements
        .iter()
        .map(|(id, from, to, asset, units)| format!("{id} {from}>{to} {units} {asset}"))
        .collect()
}

#[test]
fn peatio_pairs_a_trade_and_gives_the_rest_to_the_house() {
    let head = "id,code,currency_id,member_id,reference_type,reference_id,debit,credit,created_at,updated_at\n";
    let time = "2021-06-01 10:00:00,2021-06-01 10:00:00\n";
    let rows = [
        // Deposits of two members.
        (
            "1,202,btc,1,Deposit,1,0.0,2.0000000000000000",
            "peatio-liability-1 outside>member-1 200000000 BTC",
        ),
        (
            "2,201,krw,2,Deposit,2,0.0,1000.0",
            "peatio-liability-2 outside>member-2 1000 KRW",
        ),
        // Locking moves nothing between owners.
        ("3,202,btc,1,Order,7,1.0,0.0", ""),
        ("4,212,btc,1,Order,7,0.0,1.0", ""),
        // A trade: the seller's coin for the buyer's won, each less a fee.
        (
            "5,212,btc,1,Trade,9,1.0,0.0",
            "peatio-liability-5 member-1>member-2 99900000 BTC",
        ),
        (
            "6,211,krw,2,Trade,9,500.0,0.0",
            "peatio-liability-5/2 member-1>house 100000 BTC",
        ),
        (
            "7,202,btc,2,Trade,9,0.0,0.999",
            "peatio-liability-5/3 member-2>member-1 499 KRW",
        ),
        (
            "8,201,krw,1,Trade,9,0.0,499.0",
            "peatio-liability-5/4 member-2>house 1 KRW",
        ),
        // Not an account of a member.
        ("9,302,btc,,Trade,9,0.0,0.001", ""),
        (
            "10,212,btc,2,Withdraw,3,0.5,0.0",
            "peatio-liability-10 member-2>outside 50000000 BTC",
        ),
    ];
    let text: String = rows
        .iter()
        .map(|(row, _)| format!("{row},{time}"))
        .collect();
    let came = came(
        &Profile::built_in("peatio").unwrap(),
        "liabilities.csv",
        &(head.to_owned() + &text),
    );
    let expected: Vec<&str> = rows
        .iter()
        .map(|(_, said)| *said)
        .filter(|said| !said.is_empty())
        .collect();
    assert_eq!(told(&came), expected);
    assert_eq!(came.summary.left_out["not an account of a member"], 1);
    assert_eq!(came.summary.nothing, 1);
}

#[test]
fn hollaex_counts_completed_rows_and_takes_the_fee_of_a_withdrawal() {
    let text = "id,user_id,type,currency,amount,fee,fee_coin,status,dismissed,transaction_id,created_at\n\
        1,5,deposit,btc,1,0,btc,true,false,tx1,2021-01-01T00:00:00.000Z\n\
        2,5,deposit,btc,7,0,btc,false,true,tx2,2021-01-01T00:00:01.000Z\n\
        3,5,withdrawal,btc,1e-8,0.0005,btc,true,false,tx3,2021-01-02T00:00:00.000Z\n";
    let came = came(&Profile::built_in("hollaex").unwrap(), "deposits.csv", text);
    assert_eq!(
        told(&came),
        [
            "hollaex-deposit-1 outside>user-5 100000000 BTC",
            "hollaex-withdrawal-3 user-5>outside 1 BTC",
            "hollaex-withdrawal-3/fee user-5>house 50000 BTC",
        ]
    );
    assert_eq!(came.summary.left_out["not completed"], 1);
}

#[test]
fn formance_transactions_are_lines_with_postings() {
    let mapping = fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../profiles/formance.toml"
    ))
    .unwrap();
    let mapping = mapping.replace(
        "outside = [\"world\"]",
        "outside = [\"world\"]\nassets = { \"USDT/6\" = \"USDT\" }",
    );
    let text = "{\"id\":1,\"timestamp\":\"2023-01-01T00:00:00Z\",\"postings\":[{\"source\":\"world\",\"destination\":\"users:1\",\
        \"amount\":500,\"asset\":\"USDT/6\"},{\"source\":\"users:1\",\"destination\":\"users:2\",\"amount\":18446744073709551616,\
        \"asset\":\"USDT/6\"}],\"reference\":\"r\",\"metadata\":{}}\n\
        {\"id\":2,\"timestamp\":\"2023-01-01T00:00:01Z\",\"postings\":[{\"source\":\"world\",\"destination\":\"users:2\",\
        \"amount\":5,\"asset\":\"USDT/6\"}]}\n";
    let came = came(
        &Profile::parse(&mapping).unwrap(),
        "transactions.ndjson",
        text,
    );
    // The second posting of the first transaction overdraws, so the whole transaction is refused.
    assert_eq!(came.refused.len(), 1);
    assert_eq!(
        (came.refused[0].code, came.refused[0].line),
        ("overdraft", 1)
    );
    assert_eq!(came.movements.last().unwrap().0, "formance-2/1");
    assert_eq!(came.movements[1].4, 18_446_744_073_709_551_616);
    assert_eq!(came.summary.movements, 1);
}

#[test]
fn tigerbeetle_transfers_go_from_debit_to_credit_and_pending_ones_are_left_out() {
    let mapping = fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../profiles/tigerbeetle.toml"
    ))
    .unwrap();
    let names =
        "[names]\nhouse = [\"2\"]\noutside = [\"1\"]\nassets = { \"710\" = \"KRW\" }\n\n[[table]]";
    let mapping = mapping.replacen("[[table]]", names, 1);
    let text = "id,debit_account_id,credit_account_id,amount,pending_id,user_data_128,user_data_64,user_data_32,timeout,ledger,code,flags,timestamp\n\
        340282366920938463463374607431768211454,1,77,1000,0,0,0,0,0,710,1,0,1764186120000000001\n\
        2,77,2,100,0,0,0,0,60,710,1,2,1764186120000000002\n\
        3,77,2,100,2,0,0,0,0,710,1,4,1764186120000000003\n";
    let came = came(&Profile::parse(&mapping).unwrap(), "transfers.csv", text);
    assert_eq!(
        told(&came),
        [
            "tb-340282366920938463463374607431768211454 outside>77 1000 KRW",
            "tb-3 77>house 100 KRW",
        ]
    );
    assert_eq!(
        came.summary.left_out["pending or voiding, which moves nothing"],
        1
    );
}

#[test]
fn a_quarantine_file_has_the_rows_as_they_stood_and_goes_in_again_once_mended() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.csv");
    let good = "a,outside,alice,BTC,5,2025-11-27T04:42:00Z,deposit";
    let bad = "b,outside,\"bob, \"\"the\"\"\",BTC,1.5,2025-11-27T04:42:00Z,deposit";
    fs::write(
        &path,
        format!("id,from,to,asset,amount,time,kind\n{good}\n{bad}\n"),
    )
    .unwrap();
    let paper = Paper::with(&[("BTC", 8)]);
    let profile = Profile::built_in("generic").unwrap();
    let came = look(&paper, &profile, &path, false).unwrap();
    let rows: BTreeMap<u64, (u64, Fault)> = [(2, (2, came.refused[0].clone()))].into();
    let mut reader = Reader::open(Input::open(&path, Progress::default()).unwrap()).unwrap();
    let mut out = Vec::new();
    assert_eq!(quarantine::write(&mut reader, &rows, &mut out).unwrap(), 1);
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.starts_with(
            "id,from,to,asset,amount,time,kind,keepwhole_line,keepwhole_code,keepwhole_reason\n"
        ),
        "{text}"
    );
    assert!(text.contains(",3,amount,"), "{text}");
    let mended = dir.path().join("mended.csv");
    fs::write(&mended, text.replace(",1.5,", ",15,")).unwrap();
    let came = look(&paper, &profile, &mended, false).unwrap();
    assert_eq!(told(&came), ["b outside>bob, \"the\" 15 BTC"]);
}

#[test]
fn files_beyond_one_chunk_keep_bounds_that_the_file_alone_gives() {
    let mut text = String::from("id,from,to,asset,amount,time,kind\n");
    for row in 0..20_000 {
        let amount = if row == 5_000 { "x" } else { "1" };
        text.push_str(&format!(
            "t{row},outside,c{},BTC,{amount},2025-11-27T04:42:00Z,\n",
            row % 100
        ));
    }
    let came = came(&Profile::built_in("generic").unwrap(), "many.csv", &text);
    assert_eq!(
        (
            came.summary.rows,
            came.summary.movements,
            came.summary.refused
        ),
        (20_000, 19_999, 1)
    );
    assert_eq!(came.summary.new_owners, 100);
    assert_eq!(came.refused[0].line, 5_002);
}
