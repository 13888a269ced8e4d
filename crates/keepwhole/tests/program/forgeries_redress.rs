//! Forgeries of the redress sets in a bundle, each refused by its stage.

use keepwhole_verify::json::to_hex;

use crate::evidence::{Case, case, check_files};
use crate::forgeries::{Files, refused, sign_again};

fn set_file(case: &Case, epoch: usize, name: &str) -> String {
    format!(
        "redress/{}/{name}",
        to_hex(&case.sets[epoch].manifest().set_id)
    )
}

fn replace(files: &mut Files, path: &str, from: &str, to: &str) {
    let text = String::from_utf8(files[path].clone()).unwrap();
    assert!(text.contains(from), "{path} has no {from}");
    files.insert(path.to_owned(), text.replacen(from, to, 1).into_bytes());
}

#[test]
fn redress_figures_and_tables() {
    let case = case();
    let trust = Some(case.trust());
    let forge = |name: &str, from: &str, to: &str| {
        let mut forged = case.files();
        replace(&mut forged, &set_file(&case, 1, name), from, to);
        sign_again(&mut forged, &case.keys.bundle, |_| {});
        check_files(&forged, trust.as_ref())
    };
    let due = case.sets[1].manifest().assets[1].due;
    let off_by_one = format!("\"due\":\"{}\"", due + 1);
    let total = format!("\"due\":\"{due}\"");
    refused(
        "total off by one",
        &forge("manifest.json", &total, &off_by_one),
        "V13",
        "does not commit to",
    );
    refused(
        "rules replaced",
        &forge("manifest.json", &"07".repeat(32), &"08".repeat(32)),
        "V13",
        "commits another manifest",
    );
    let mut forged = case.files();
    let table = forged.get_mut(&set_file(&case, 1, "table.jsonl")).unwrap();
    *table = String::from_utf8(table.clone())
        .unwrap()
        .replace("c31@example.org", "c30@example.org")
        .into_bytes();
    sign_again(&mut forged, &case.keys.bundle, |_| {});
    refused(
        "duplicate contact",
        &check_files(&forged, trust.as_ref()),
        "V13",
        "contact `c30@example.org` belongs to",
    );
    refused(
        "second contact",
        &forge("table.jsonl", "\"c31@example.org\"", "\"c30@example.org\""),
        "V13",
        "has two contacts",
    );
    refused(
        "line moved",
        &forge("table.jsonl", "\"index\":1,", "\"index\":2,"),
        "V13",
        "out of order",
    );
    refused(
        "paid more",
        &forge(
            "payments.jsonl",
            "\"amount\":\"1000000\"",
            "\"amount\":\"2000000\"",
        ),
        "V13",
        "is not the next payment",
    );
    refused(
        "other statement",
        &forge("statements.jsonl", "entry:50", "entry:51"),
        "V13",
        "is not the statement in the leaves",
    );
    refused(
        "balances changed",
        &forge("snapshot.jsonl", "\"amount\":\"7\"", "\"amount\":\"8\""),
        "V13",
        "SHA-256 is not the one",
    );
    let mut forged = case.files();
    forged.retain(|path, _| !path.starts_with(&set_file(&case, 0, "")));
    sign_again(&mut forged, &case.keys.bundle, |_| {});
    refused(
        "epoch hidden",
        &check_files(&forged, trust.as_ref()),
        "V13",
        "neither here nor named as omitted",
    );
    let mut forged = case.files();
    sign_again(&mut forged, &case.keys.bundle, |manifest| {
        manifest.confidential = false
    });
    refused(
        "table in the open",
        &check_files(&forged, trust.as_ref()),
        "V13",
        "says it is not confidential",
    );
}
