//! What is signed and not seen is listed with its way out, and a quorum declares it dead on the command line.

use crate::cli::{installed, run};
use crate::decisions::{clear, withdraw};
use crate::staffed::{Office, bootstrap_for_custody, now};
use crate::walk::{given, policy};
use keepwhole_core::command::Body;
use keepwhole_core::guard::Change;

const KEY: &str = "eip155:1/0x1111111111111111111111111111111111111111/7";

#[test]
fn what_is_signed_and_not_seen_is_listed_and_declared_dead() {
    let dir = installed();
    let dir = dir.path();
    let mut office = Office::open(dir, now() * 1_000);
    given(&mut office);
    office.tell(Body::AdoptPolicy(Box::new(policy(false))));
    office.close();
    bootstrap_for_custody(dir);
    let mut office = Office::open(dir, now() * 1_000);
    withdraw(&mut office, "w-1", 1);
    clear(&mut office, "w-1", (1, 7), Some("signer-1"));
    office.close();
    let list = |state: &str| {
        run(
            dir,
            &["guard", "list", "--data", "ex", "--state", state, "--json"],
        )
        .json()
    };
    let signed = list("signed");
    let row = &signed["signed"][0];
    assert_eq!(row["request"], "w-1");
    let key = row["conflict_key"].as_str().unwrap().to_owned();
    assert_eq!(key.rsplit('/').next(), KEY.rsplit('/').next());
    let cancel = row["cancel"].as_str().unwrap();
    assert!(cancel.contains("nonce 7 at a higher fee"), "{cancel}");
    let declare = |id: &str, more: &[&str]| {
        let verb = ["staff", "declare-dead", "w-1"];
        let who = ["--data", "ex", "--actor", "ada", "--id", id];
        run(dir, &[&verb[..], &who, more].concat())
    };
    for (more, says, code) in [
        (vec!["--conflict-key", &*key], "name the evidence", 2),
        (
            vec!["--conflict-key", "nonce-7", "--spent-by", "0xaa"],
            "is no conflict key",
            2,
        ),
        (
            vec!["--conflict-key", KEY, "--spent-by", "0x-a"],
            "letters and digits",
            1,
        ),
        (
            vec!["--conflict-key", "eip155:1/0x22/8", "--spent-by", "0xaa"],
            "0x22/8",
            1,
        ),
    ] {
        let more: Vec<&str> = more
            .into_iter()
            .map(|word| if word == KEY { &*key } else { word })
            .collect();
        let ran = declare("x-1", &more);
        assert_eq!(ran.code, code, "{more:?}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(says), "{more:?}: {}", ran.err);
    }
    let made = declare("dead-1", &["--conflict-key", &key, "--spent-by", "0xaa"]);
    assert_eq!(made.code, 0, "{}", made.err);
    let mut office = Office::open(dir, now() * 1_000);
    let (_, row) = office.state().guard.proposal("dead-1").unwrap();
    assert!(matches!(row.change, Change::OfCustody(_)));
    for (who, role) in [
        ("ada", "risk"),
        ("bea", "treasury"),
        ("cem", "administrator"),
    ] {
        office.approve("dead-1", (who, who), role);
    }
    assert_eq!(office.state().guard.signed_unseen().count(), 0);
    office.close();
    assert_eq!(list("signed")["signed"].as_array().unwrap().len(), 0);
    let dead = list("dead");
    assert_eq!(dead["requests"][0]["request"], "w-1");
    assert_eq!(dead["requests"][0]["state"], "dead");
    assert_eq!(list("lapsed")["requests"].as_array().unwrap().len(), 0);
    let again = declare("dead-2", &["--conflict-key", &key, "--spent-by", "0xaa"]);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("dead since"), "{}", again.err);
}
