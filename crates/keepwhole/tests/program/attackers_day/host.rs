//! What the thief does on the host: the command line, and a program of the thief's own over the library.

use super::{Day, Shows, THIEF, sealed};
use crate::cli::run;
use crate::staffed::{DAY, Office, credential_file, now};
use crate::walk::{SECOND, Walk, policy};
use keepwhole_core::answer::Answer as Verdict;
use keepwhole_core::command::Body;
use keepwhole_core::guard::{BreakGlass, Change, Standing};
use keepwhole_core::registry::{Tier, Wallet};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// What the command line answers: the code of the refusal, or what it says was done.
fn told(dir: &Path, arguments: &str) -> String {
    let mut words: Vec<&str> = arguments.split_whitespace().collect();
    words.extend(["--data", "ex", "--json"]);
    let ran = run(dir, &words);
    let text = format!("{}{}", ran.out, ran.err);
    let value: Value = serde_json::from_str(&ran.out).unwrap_or(Value::Null);
    let word = value["reason"]
        .as_str()
        .or(value["reason"]["code"].as_str());
    let word = word
        .or(value["answer"].as_str())
        .or(value["outcome"].as_str());
    if let (0, Some(word)) = (ran.code, word) {
        return word.to_owned();
    }
    let known = [
        "quorum_short",
        "proposal_needed",
        "per_customer_exceeded",
        "malformed",
        "already_registered",
        "role_missing",
        "self_approval",
        "rules of authority are in force",
        "credential_unknown",
        "subject_approves",
        "quorum_impossible",
        "not_locked",
        "in use",
        "locked",
        "asks for 2 to 64 persons",
        "administrator",
    ];
    let found = known.iter().find(|code| text.contains(**code));
    found.map_or(text.clone(), |code| (*code).to_owned())
}

/// On the host, as the user that runs keepwhole: the command line asks nobody who sits there.
pub(super) fn host(day: &mut Day, walk: &mut Walk<'_>) {
    let dir = walk.dir;
    credential_file(dir, "mallory");
    day.tried(
        "use the command line beside the running service",
        "in use",
        &told(dir, "staff revoke bea --actor ada --id x-0"),
        Shows::Nowhere,
    );
    walk.stop();
    let mut ask = |what: &str, wanted: &str, arguments: &str| {
        day.tried(what, wanted, &told(dir, arguments), Shows::Journal);
    };
    ask(
        "enrol an accomplice",
        "quorum_short",
        "staff enrol mallory --actor ada --id x-1 --roles risk,treasury --credential mallory.json",
    );
    ask(
        "replace a colleague's keys by the thief's",
        "quorum_short",
        "staff reset tom --actor ada --id x-2 --credential mallory.json",
    );
    ask(
        "begin again with administrators of the thief's",
        "malformed",
        "staff bootstrap --administrator m1=mallory.json --administrator m2=mallory.json --administrator m3=mallory.json --site a.example=https://a.example",
    );
    ask(
        "register the thief's address as an own wallet",
        "proposal_needed",
        &format!("guard wallet own --tier hot --address {THIEF} --actor ada"),
    );
    ask(
        "name a key of the thief's",
        "proposal_needed",
        "guard name-key hot-1 hot-1/9 eip155:1 --actor ada",
    );
    ask(
        "say that a wallet holds more than it does",
        "proposal_needed",
        "guard holding hot-2 ETH 1000000 --actor ada",
    );
    ask(
        "propose a Safe of the thief's",
        "quorum_short",
        &format!(
            "staff register safe --network eip155:31337 --address {SECOND} --safe-version 1.4.1 --wallet hot-2 --actor ada --id x-5"
        ),
    );
    ask(
        "propose a contract of the thief's for batches",
        "quorum_short",
        &format!(
            "staff register batch-code --network eip155:31337 --address {THIEF} --actor ada --id x-6"
        ),
    );
    ask(
        "propose a Safe at an address that no wallet of ours has",
        "malformed",
        &format!(
            "staff register safe --network eip155:31337 --address {THIEF} --safe-version 1.4.1 --wallet hot-2 --actor ada --id x-7"
        ),
    );
    fs::write(dir.join("blunder.json"), r#"{"id":"c-9","reason":"event","budget":"event","lines":[{"customer":"ann","asset":"ETH","amount":"620000000000000000000000"}]}"#).unwrap();
    ask(
        "credit in the wrong unit from a file",
        "per_customer_exceeded",
        "guard credit blunder.json --actor ada",
    );
    fs::write(
        dir.join("weak.toml"),
        "version = 2\n[[quorum]]\nclass = \"withdrawal\"\npersons = 1\namong = [\"risk\"]\n",
    )
    .unwrap();
    day.tried(
        "propose rules by which one person is enough",
        "asks for 2 to 64 persons",
        &told(dir, "staff rules weak.toml --actor ada --id x-3"),
        Shows::Nowhere,
    );
    day.tried(
        "suspend a colleague",
        "cleared",
        &told(dir, "staff revoke bea --actor ada --id x-4"),
        Shows::Nowhere,
    );
    // With the library in the thief's own hands, any command can be told, in anybody's name.
    let mut office = Office::open(dir, now() * 1_000);
    commands(day, &mut office);
    approves_alone(day, &mut office);
    stops_are_lifted(&mut office);
    sealed::stolen(day, &mut office);
    office.close();
}

/// Whatever the journal takes, told by a program of the thief's on the host.
fn commands(day: &mut Day, office: &mut Office) {
    let mut loose = policy(false);
    loose.version = 2;
    loose.tiers.clear();
    let wallet = Wallet {
        id: "mine".into(),
        tier: Tier::Hot,
        address: THIEF.into(),
    };
    let approve = Body::Approve {
        target: "large".into(),
        nonce: "n".into(),
        binds: None,
        seen: None,
    };
    let glass = |scope: &str| {
        Change::BreakGlass(BreakGlass::Freeze {
            scope: scope.into(),
        })
    };
    let list: Vec<(&str, &str, &str, Body)> = vec![
        (
            "adopt a looser policy at once",
            "malformed",
            "ada",
            Body::AdoptPolicy(Box::new(loose.clone())),
        ),
        (
            "propose a looser policy",
            "quorum_short",
            "ada",
            Body::ProposeChange(Change::AdoptPolicy(Box::new(loose))),
        ),
        (
            "list the thief's address",
            "quorum_short",
            "ada-2",
            Body::ProposeChange(Change::ListDestination {
                address: THIEF.into(),
            }),
        ),
        (
            "propose the thief's address as an own wallet",
            "quorum_short",
            "ada",
            Body::ProposeChange(Change::RegisterWallet(wallet)),
        ),
        (
            "grant herself another role",
            "quorum_short",
            "ada",
            Body::ProposeChange(Change::Grant {
                actor: "ada".into(),
                role: "risk".into(),
                expires: Some((now() + 86_400) * 1_000),
            }),
        ),
        (
            "approve by a colleague's bare name",
            "assertion_missing",
            "tom",
            approve,
        ),
        (
            "break the glass",
            "role_missing",
            "ada",
            Body::ProposeChange(glass("all")),
        ),
        (
            "break the glass in a sealed key's name",
            "quorum_short",
            "seal-1",
            Body::ProposeChange(glass("all")),
        ),
        (
            "stand behind her proposal without a key",
            "assertion_missing",
            "sue",
            Body::ApproveChange {
                target: "raw-1".into(),
            },
        ),
    ];
    for (number, (what, wanted, actor, body)) in list.into_iter().enumerate() {
        let id = format!("raw-{number}");
        let answer = office.ask(Some(&id), Some(actor), body);
        let got = answer
            .reason()
            .map_or(answer.word(), |reason| reason.code());
        day.tried(what, wanted, got, Shows::Journal);
    }
    let address = "0x4444444444444444444444444444444444444444";
    let wallet = Wallet {
        id: "theirs".into(),
        tier: Tier::Deposit,
        address: address.into(),
    };
    let answer = office.ask(Some("raw-d"), Some("ada"), Body::RegisterWallet(wallet));
    day.tried(
        "register an address of the thief's with `--tier deposit`",
        "recorded",
        answer.word(),
        Shows::Nowhere,
    );
    assert!(
        office.state().registry.own_destination(address).is_none(),
        "what customers pay into is no destination"
    );
}

/// She approves what she proposed, in every role and from both accounts.
fn approves_alone(day: &mut Day, office: &mut Office) {
    let roles = ["risk", "security", "executive", "operations", "treasury"];
    let proposed = |office: &Office, id: &str| office.state().guard.proposal(id).is_some();
    let all = [
        "x-1", "x-2", "x-5", "x-6", "raw-1", "raw-2", "raw-3", "raw-4", "raw-7",
    ];
    let open: Vec<&str> = all.into_iter().filter(|id| proposed(office, id)).collect();
    for id in &open {
        for role in roles {
            office.approve(id, ("ada-2", "ada"), role);
        }
        office.approve(id, ("ada", "ada"), "administrator");
    }
    office.pass(10 * DAY);
    let state = office.state();
    let in_force = |id: &&str| {
        let row = state.guard.proposal(id);
        row.is_some_and(|(_, row)| matches!(row.standing, Standing::Cleared))
    };
    let done: Vec<&str> = open.iter().copied().filter(|id| in_force(id)).collect();
    let got = if done.is_empty() {
        "not in force".to_owned()
    } else {
        done.join(", ")
    };
    assert!(open.len() >= 4, "{open:?}");
    day.tried(
        "approve her own proposals in all her roles, and wait ten days",
        "not in force",
        &got,
        Shows::Nowhere,
    );
    assert_eq!(state.guard.policy.version, 1);
    assert!(!state.guard.listed.contains_key(THIEF));
    assert!(state.registry.actor("mallory").is_none());
    assert!(state.registry.wallet("mine").is_none());
    let clearances = &state.guard.clearances;
    assert!(clearances.safes.is_empty() && clearances.batch_code.is_empty());
}

/// What she stopped, two others lift: a thief annoys, and does not brick.
fn stops_are_lifted(office: &mut Office) {
    office.propose(
        "back-bea",
        "sue",
        Change::Reinstate {
            person: "bea".into(),
        },
    );
    for (name, role) in [("sue", "security"), ("ria", "risk")] {
        let answer = office.approve("back-bea", (name, name), role);
        assert_eq!(answer, Verdict::Recorded, "{name}");
    }
    let state = office.state();
    let bea = state.registry.person("bea").unwrap();
    assert!(!state.authority.suspended.contains_key(&bea));
}
