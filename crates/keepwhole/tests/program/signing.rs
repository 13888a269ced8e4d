//! From a withdrawal to the chain with every real part: the program behind TLS, a witness, the signer's library, an EVM node.

use crate::cli::{installed, run};
use crate::staffed::{Answer, Office, bootstrap, now};
use crate::walk::{ANN, CHAIN, ETH, Walk, given, policy, transfer};
use keepwhole_core::command::Body;
use keepwhole_signer::request::ClearanceAnswer;
use keepwhole_signer::{Refusal, Signer};
use keepwhole_verify::approval::Command;
use serde_json::json;

const PEOPLE: [(&str, &str); 2] = [("ada", "risk"), ("bea", "treasury")];

/// Two people approve over HTTP with assertions of their own keys, made for the command that the journal shows.
fn approve(walk: &Walk<'_>, id: &str) {
    let shown = run(walk.dir, &["staff", "show", id, "--data", "ex", "--json"]).json();
    let command = Command::read(shown["command"].as_str().unwrap()).unwrap();
    for (person, role) in PEOPLE {
        let counter = u32::try_from(now() % 1_000_000_000).unwrap();
        let approval = Answer::yes(&command, (person, role), counter).text();
        let body = json!({ "target": id, "approval": approval });
        let answer = walk.ask("/v1/guard/approvals", &body);
        assert_eq!(answer["outcome"], "recorded", "{answer}");
    }
}

fn refused(
    walk: &Walk<'_>,
    signer: &Signer,
    answer: &ClearanceAnswer,
    bytes: &[u8],
) -> &'static str {
    walk.sends(signer, answer, bytes).unwrap_err().name()
}

#[test]
fn a_withdrawal_reaches_the_chain_through_guard_and_signer() {
    let name = "a_withdrawal_reaches_the_chain_through_guard_and_signer";
    let dir = installed();
    let dir = dir.path();
    let mut office = Office::open(dir, now() * 1_000);
    given(&mut office);
    office.tell(Body::AdoptPolicy(Box::new(policy(false))));
    office.close();
    bootstrap(dir);
    let Some(mut walk) = Walk::start(dir, name) else {
        return;
    };
    let signer = walk.signer("signer", &PEOPLE);

    let bytes = transfer(CHAIN, 0, ANN, ETH).encode();
    assert_eq!(walk.withdraw("w-1", ETH, ANN)["outcome"], "cleared");
    let answer = walk.cleared("w-1", &bytes);
    walk.sends(&signer, &answer, &bytes).unwrap();
    assert_eq!(walk.node.balance(ANN), ETH);
    // The guard's answers have no field that the signer does not know.
    let mut told = json!({ "outcome": answer.outcome, "clearance": answer.clearance });
    assert!(ClearanceAnswer::read(&told.to_string()).is_ok());
    told["advice"] = json!("sign it");
    assert_eq!(
        ClearanceAnswer::read(&told.to_string()).unwrap_err().name(),
        "malformed"
    );
    // Other bytes under that clearance.
    let more = transfer(CHAIN, 1, ANN, 2 * ETH).encode();
    assert_eq!(refused(&walk, &signer, &answer, &more), "digest_mismatch");

    // Above the limit of guard and signer: held, approved by two people, signed because their assertions came along.
    let asked = walk.withdraw("w-2", 2 * ETH, ANN);
    assert_eq!(asked["reasons"][0]["code"], "approvals_short", "{asked}");
    approve(&walk, "w-2");
    let answer = walk.cleared("w-2", &more);
    let with = |approvals: Option<String>| ClearanceAnswer {
        approvals,
        ..answer.clone()
    };
    assert_eq!(
        refused(&walk, &signer, &with(None), &more),
        "approvals_missing"
    );
    let file = answer.approvals.clone().unwrap();
    let first = file.find("\"signature\":\"").unwrap() + 13;
    let mut tampered = file.clone();
    let other = if tampered.as_bytes()[first] == b'A' {
        "B"
    } else {
        "A"
    };
    tampered.replace_range(first..=first, other);
    assert_eq!(
        refused(&walk, &signer, &with(Some(tampered)), &more),
        "approvals_refused"
    );
    let renamed = file.replace("\"ada\"", "\"eve\"");
    assert_eq!(
        refused(&walk, &signer, &with(Some(renamed)), &more),
        "approvals_refused"
    );
    let other = file.replace(
        &format!("\\\"amount\\\":\\\"{}\\\"", 2 * ETH),
        "\\\"amount\\\":\\\"1\\\"",
    );
    assert_ne!(other, file);
    assert_eq!(
        refused(&walk, &signer, &with(Some(other)), &more),
        "command_mismatch"
    );
    // Whom the host says its people are makes no difference: the pinned ones count.
    let foreign = walk.signer("stranger", &[("cem", "risk"), ("bea", "treasury")]);
    assert_eq!(
        refused(&walk, &foreign, &answer, &more),
        "approvals_refused"
    );
    let roster = ClearanceAnswer {
        roster: Some("{\"people\":[]}".to_owned()),
        ..answer.clone()
    };
    walk.sends(&signer, &roster, &more).unwrap();
    assert_eq!(walk.node.balance(ANN), 3 * ETH);

    // The guard is gone: no redemption, no signature; it comes back, and nothing was lost.
    assert_eq!(walk.withdraw("w-3", ETH / 2, ANN)["outcome"], "cleared");
    let bytes = transfer(CHAIN, 2, ANN, ETH / 2).encode();
    let answer = walk.cleared("w-3", &bytes);
    walk.stop();
    let refusal = walk.sends(&signer, &answer, &bytes).unwrap_err();
    let unreached = matches!(
        refusal,
        Refusal::RedemptionUnavailable { .. } | Refusal::HeadUnavailable { .. }
    );
    assert!(unreached && refusal.may_be_asked_again(), "{refusal}");
    assert_eq!(walk.sent(), "0x2");
    let shown = run(dir, &["journal", "show", "--data", "ex", "--json"]).out;
    assert_eq!(
        shown.matches("\"issued_redeemed\"").count(),
        2,
        "w-1 and w-2 were redeemed, each once"
    );
}
