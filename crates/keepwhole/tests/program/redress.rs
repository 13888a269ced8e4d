//! Redress sets and customers' packages: what is built is counted, what is changed is refused at its own step.

use keepwhole::bundle::{MemoryLog, tlog_proof};
use keepwhole::redress::{AssetRows, RedressError, build};
use keepwhole_verify::customer_check::{PackageAnswer, Verdict, verify_package};
use keepwhole_verify::trust::Trust;

use crate::evidence::{
    Counter, assets, case, checkpoint, header, keys, record, row, set_record, snapshot, trust_text,
};

fn failed_step(answer: &PackageAnswer) -> (u8, String) {
    match &answer.verdict {
        Verdict::DoesNotMatch { step, reason } => (*step, reason.clone()),
        other => panic!("expected a failed step, got {other:?}"),
    }
}

#[test]
fn a_package_is_counted_and_says_what_is_due() {
    let case = case();
    let trust = case.trust();
    let old = verify_package(&case.package(0, "A-0030"), &trust, None);
    assert_eq!(
        old.answer(),
        "counted, 0.0000000000024 ETH still to be replenished",
        "{old:?}"
    );
    assert_eq!(old.exit_code(), 0);
    let package = case.package(1, "A-0030");
    let new = verify_package(&package, &trust, Some(&case.package(0, "A-0030")));
    assert_eq!(
        new.answer(),
        "counted, 0.0000000000009 ETH still to be replenished",
        "{new:?}"
    );
    assert!(
        new.to_text().contains("contact `c30@example.org`"),
        "{}",
        new.to_text()
    );
    assert_eq!(
        new.to_text().lines().last(),
        Some(new.answer().as_str()),
        "the answer stands alone at the end"
    );
    let closed = verify_package(&case.package(1, "A-0000"), &trust, None);
    assert_eq!(closed.answer(), "counted, shortfall closed");
    assert_eq!(verify_package("{}", &trust, None).exit_code(), 2);
}

/// A change to a package's text, and the step and words that refuse it.
type Change = (&'static str, fn(&str) -> String, u8, &'static str);

#[test]
fn every_change_to_a_package_is_refused_at_its_step() {
    let case = case();
    let trust = case.trust();
    let package = case.package(1, "A-0030");
    let changes: [Change; 9] = [
        (
            "statement of another contact",
            |p| p.replace("c30@example.org", "c31@example.org"),
            5,
            "another root",
        ),
        ("more paid", |p| p.replace("29100000", "29100001"), 3, ""),
        (
            "other manifest",
            |p| p.replace("inc-1", "inc-2"),
            2,
            "commits another manifest",
        ),
        (
            "manifest's total moved",
            |p| p.replacen("\\\"paid\\\":\\\"", "\\\"paid\\\":\\\"1", 1),
            2,
            "commit",
        ),
        (
            "an index with a bit above the height",
            |p| with_index(p, 1 << 20),
            4,
            "is not below 2^8",
        ),
        ("swapped sides", |p| flip_index(p), 5, "another root"),
        ("a path one short", shorten_path, 4, "the path has 7 nodes"),
        (
            "a share missing",
            drop_leaf,
            6,
            "are not exactly the shares",
        ),
        ("a share twice", double_leaf, 6, "same index"),
    ];
    for (name, change, step, words) in changes {
        let changed = change(&package);
        assert_ne!(changed, package, "{name}: nothing changed");
        let (found, reason) = failed_step(&verify_package(&changed, &trust, None));
        assert_eq!(found, step, "{name}: {reason}");
        assert!(reason.contains(words), "{name}: {reason}");
    }
}

/// The text of the first leaf, and where it ends.
fn first_leaf(package: &str) -> (usize, usize) {
    let start = package.find("{\"asset\":").expect("a leaf");
    let end = start + package[start..].find('}').expect("its end") + 1;
    (start, end)
}

fn index_of(package: &str) -> (usize, usize, u64) {
    let start = package.find("\"index\":").expect("an index") + 8;
    let end = start + package[start..].find(',').expect("its end");
    (start, end, package[start..end].parse().expect("a number"))
}

fn with_index(package: &str, index: u64) -> String {
    let (start, end, _) = index_of(package);
    format!("{}{index}{}", &package[..start], &package[end..])
}

fn flip_index(package: &str) -> String {
    with_index(package, index_of(package).2 ^ 1)
}

fn shorten_path(package: &str) -> String {
    let start = package.find("\"path\":[").expect("a path") + 8;
    format!("{}{}", &package[..start], &package[start + 147..])
}

fn drop_leaf(package: &str) -> String {
    let (start, end) = first_leaf(package);
    format!("{}{}", &package[..start], &package[end + 1..])
}

fn double_leaf(package: &str) -> String {
    let (start, end) = first_leaf(package);
    format!(
        "{}{},{}",
        &package[..start],
        &package[start..end],
        &package[start..]
    )
}

#[test]
fn keys_and_earlier_packages_are_compared() {
    let case = case();
    let package = case.package(1, "A-0030");
    let stranger = Trust::parse("trust", &trust_text(&keys(40))).expect("trust");
    let (step, reason) = failed_step(&verify_package(&package, &stranger, None));
    assert_eq!((step, reason.as_str()), (1, "no known key signed the note"));
    let no_quorum = trust_text(&case.keys).replace(
        &case.keys.witness.key().to_string(),
        &keys(40).witness.key().to_string(),
    );
    let no_quorum = Trust::parse("trust", &no_quorum).expect("trust");
    assert_eq!(
        failed_step(&verify_package(&package, &no_quorum, None)).0,
        1,
        "without quorum"
    );
    let trust = case.trust();
    let (step, reason) = failed_step(&verify_package(
        &package,
        &trust,
        Some(&case.package(0, "A-0031")),
    ));
    assert_eq!(
        (step, reason.as_str()),
        (8, "the account was `A-0031` and is now `A-0030`")
    );
    let (step, _) = failed_step(&verify_package(
        &case.package(0, "A-0030"),
        &trust,
        Some(&package),
    ));
    assert_eq!(step, 8, "an older package is no answer to a newer one");
    let other = case.package(1, "A-0012");
    let leaf = |package: &str| {
        let (start, end) = first_leaf(package);
        package[start..end].to_owned()
    };
    let swapped = package.replace(&leaf(&package), &leaf(&other));
    let (step, reason) = failed_step(&verify_package(&swapped, &trust, None));
    assert_eq!(step, 5, "another customer's leaf: {reason}");
}

/// A mistake in the rows.
type RowChange = dyn Fn(&mut Vec<AssetRows>);

#[test]
fn rows_that_contradict_each_other_are_refused() {
    let mut entropy = Counter(9);
    let mut try_rows = |change: &RowChange| {
        let mut rows = assets(2, "entry:50");
        change(&mut rows);
        build(&header(None), &rows, &snapshot(), &mut entropy)
            .err()
            .map(|error| error.to_string())
    };
    assert_eq!(try_rows(&|_| {}), None);
    let cases: [(&RowChange, &str); 6] = [
        (
            &|rows| rows[0].rows[1].contact = "x@y.z".to_owned(),
            "has the contacts",
        ),
        (
            &|rows| {
                rows.iter_mut()
                    .for_each(|a| a.rows[1].contact = "C2@EXAMPLE.org".to_owned())
            },
            "belongs to the accounts",
        ),
        (
            &|rows| rows[0].rows.push(row(3, 0, 0, "")),
            "has two rows for SOL",
        ),
        (&|rows| rows[0].rows[5].paid += 1, "payments do not add up"),
        (
            &|rows| drop(rows[1].rows.remove(7)),
            "held ETH before the incident but has no row",
        ),
        (&|rows| rows[1].taken_on_chain += 1, "is not taken on chain"),
    ];
    for (change, words) in cases {
        let error = try_rows(change).expect("refused");
        assert!(error.contains(words), "{error}");
    }
    let mut wide = header(None);
    wide.shares = 17;
    assert!(matches!(
        build(&wide, &[], &[], &mut entropy),
        Err(RedressError::Shares(17))
    ));
}

#[test]
fn two_thousand_customers_in_four_assets_add_up() {
    const CUSTOMERS: u32 = 2_000;
    let one = assets(10, "entry:50").remove(0);
    let many: Vec<_> = (0..4u16)
        .map(|ix| {
            let mut asset = one.clone();
            (asset.ix, asset.asset) = (ix, format!("COIN{ix}"));
            asset.rows = (0..CUSTOMERS)
                .map(|number| row(number, 10 + u128::from(ix), 3, "entry:50"))
                .collect();
            let borne = u128::from(CUSTOMERS) * (13 + u128::from(ix));
            asset.taken_on_chain = borne + asset.borne_by_house;
            asset
        })
        .collect();
    let set = build(&header(None), &many, &[], &mut Counter(3)).expect("set");
    assert_eq!(set.accounts().count(), 2_000);
    let sums = set.manifest().assets.iter();
    let sums: Vec<_> = sums.map(|sum| (sum.count, sum.paid, sum.due)).collect();
    assert_eq!(
        sums,
        [
            (2_000, 20_000, 6_000),
            (2_000, 22_000, 6_000),
            (2_000, 24_000, 6_000),
            (2_000, 26_000, 6_000)
        ]
    );
    let keys = keys(1);
    let mut log = MemoryLog::default();
    for turn in 0..11u64 {
        log.push(record(1_000 + turn, turn, 3, b"before"))
            .expect("push");
    }
    log.push(set_record(2_000, 11, &set.entry_payload()))
        .expect("push");
    let (proof, entry) = tlog_proof(&log, 11, &checkpoint(&keys, &log, 5)).expect("proof");
    let trust = Trust::parse("trust", &trust_text(&keys)).expect("trust");
    for account in ["A-0000", "A-1234", "A-1999"] {
        let package = set.package(account, &entry, &proof).expect("package");
        let answer = verify_package(&package, &trust, None);
        assert_eq!(
            answer.answer(),
            "counted, 0.000000003 COIN0, 0.000000003 COIN1, 0.000000003 COIN2, 0.000000003 COIN3 still to be replenished",
            "{account}: {answer:?}"
        );
    }
    assert!(
        set.package("A-2000", &entry, &proof).is_err(),
        "no such account"
    );
}
