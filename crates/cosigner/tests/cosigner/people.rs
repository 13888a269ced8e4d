//! Above the automatic limit the responder's own people count, and above the client limit their separate client alone.

use crate::assertions::{CLIENT, PAGE, file, people, quorum};
use crate::guard::{Bench, ask, bench_with, code};
use crate::harness::{NOW, mapping};
use keepwhole_cosigner::guard::checks::People;
use keepwhole_cosigner::guard::{Guard as _, Verdict};
use keepwhole_cosigner::store::Store;
use keepwhole_verify::approval::ApprovalsFile;
use keepwhole_verify::intent::Intent;
use keepwhole_verify::roster::{Credential, Person, Roster};
use std::sync::PoisonError;

const AUTOMATIC: u128 = 20_000_000_000_000_000;
const CLIENT_LIMIT: u128 = 30_000_000_000_000_000;
const VOICES: [(&str, &str); 2] = [("ana", "risk"), ("bo", "treasury")];

fn pinned() -> People {
    let person = |person: crate::assertions::Person| Person {
        credentials: vec![Credential {
            from: 0,
            id: person.credential(),
            public_key: person.key.public(),
            until: None,
        }],
        id: person.id.to_owned(),
        roles: person.roles.iter().map(|role| (*role).to_owned()).collect(),
    };
    People {
        roster: Roster {
            device_bound_roles: [].into(),
            people: people().into_iter().map(person).collect(),
            version: 1,
        },
        quorum: quorum(),
        rp_ids: vec![PAGE.0.to_owned(), CLIENT.0.to_owned()],
        client_rp_id: Some(CLIENT.0.to_owned()),
        origins: vec![PAGE.1.to_owned(), CLIENT.1.to_owned()],
        ttl: 86_400,
    }
}

async fn exchange(people: Option<People>) -> Bench {
    let mut mapping = mapping();
    for asset in mapping.assets.values_mut() {
        asset.client = CLIENT_LIMIT;
    }
    bench_with(mapping, people).await
}

/// What the responder says of `amount`, for which the guard shows these approvals.
async fn says(
    people: Option<People>,
    amount: u128,
    approvals: impl Fn(&Intent) -> Option<ApprovalsFile> + Send + 'static,
) -> String {
    let bench = exchange(people).await;
    bench.simulator.memory.lock().unwrap().tamper = Some(Box::new(move |answer| {
        answer.intent.amount = amount;
        answer.clearance.intent = answer.intent.digest();
        answer.approvals = approvals(&answer.intent).map(|file| file.to_text());
    }));
    let mut ask = ask();
    ask.claims.raw = None;
    ask.claims.amount = amount;
    match bench.guard.ask(&ask).await {
        Verdict::Cleared => "cleared".to_owned(),
        verdict => {
            // Nothing is redeemed, and nothing counted.
            assert!(bench.simulator.memory.lock().unwrap().redeemed.is_empty());
            let store: &Store = &bench.store.lock().unwrap_or_else(PoisonError::into_inner);
            assert_eq!(store.spent_in_hour("eip155:1/slip44:60", NOW), 0);
            code(&verdict).to_owned()
        }
    }
}

fn by(program: (&'static str, &'static str)) -> impl Fn(&Intent) -> Option<ApprovalsFile> + Send {
    move |intent| Some(file(intent, &VOICES, NOW / 1_000, program))
}

#[tokio::test]
async fn the_client_limit_asks_for_the_separate_client() {
    for (amount, program, wanted) in [
        (AUTOMATIC + 1, PAGE, "cleared"),
        (CLIENT_LIMIT, PAGE, "cleared"),
        (CLIENT_LIMIT, CLIENT, "cleared"),
        (CLIENT_LIMIT + 1, PAGE, "distrust_approvals"),
        (CLIENT_LIMIT + 1, CLIENT, "cleared"),
    ] {
        let said = says(Some(pinned()), amount, by(program)).await;
        assert_eq!(said, wanted, "{amount} {program:?}");
    }
    // One of both on the page is one too many.
    let mixed = |intent: &Intent| {
        let mut mixed = file(intent, &VOICES, NOW / 1_000, CLIENT);
        mixed.approvals[1] = file(intent, &VOICES, NOW / 1_000, PAGE).approvals[1].clone();
        Some(mixed)
    };
    let said = says(Some(pinned()), CLIENT_LIMIT + 1, mixed).await;
    assert_eq!(said, "distrust_approvals");
    // Where no client is pinned nothing goes above the limit, and below it the page counts as before.
    let without = || People {
        client_rp_id: None,
        ..pinned()
    };
    for (amount, wanted) in [
        (CLIENT_LIMIT, "cleared"),
        (CLIENT_LIMIT + 1, "distrust_approvals"),
    ] {
        for program in [PAGE, CLIENT] {
            let said = says(Some(without()), amount, by(program)).await;
            assert_eq!(said, wanted, "{amount} {program:?}");
        }
    }
}

#[tokio::test]
async fn above_the_automatic_limit_only_pinned_people_count() {
    let above = AUTOMATIC + 1;
    let held = "distrust_approvals";
    assert_eq!(says(Some(pinned()), AUTOMATIC, |_| None).await, "cleared");
    assert_eq!(says(Some(pinned()), above, |_| None).await, held);
    assert_eq!(says(None, above, by(PAGE)).await, held, "nobody is pinned");
    let one = |intent: &Intent| Some(file(intent, &VOICES[..1], NOW / 1_000, PAGE));
    assert_eq!(says(Some(pinned()), above, one).await, held);
    let other = |intent: &Intent| {
        let dest = "0x2222222222222222222222222222222222222222".to_owned();
        let other = Intent {
            dest,
            ..intent.clone()
        };
        Some(file(&other, &VOICES, NOW / 1_000, PAGE))
    };
    assert_eq!(says(Some(pinned()), above, other).await, held);
    let old = |intent: &Intent| Some(file(intent, &VOICES, NOW / 1_000 - 86_400, PAGE));
    assert_eq!(says(Some(pinned()), above, old).await, held);
}

#[test]
fn a_quorum_that_nobody_can_reach_stops_the_start() {
    let with = |change: fn(&mut People)| {
        let mut people = pinned();
        change(&mut people);
        people.check()
    };
    assert_eq!(with(|_| ()), Ok(()));
    let told = with(|people| people.quorum.n = 5).unwrap_err();
    assert!(
        told.starts_with("`5` approvers are asked, and `4` people"),
        "{told}"
    );
    // Four are there, and the keys of three have ended.
    let told = with(|people| {
        for person in &mut people.roster.people[1..] {
            person.credentials[0].until = Some(7);
        }
    });
    let told = told.unwrap_err();
    assert!(
        told.starts_with("`2` approvers are asked, and `1` people"),
        "{told}"
    );
    let told = with(|people| {
        people.quorum = keepwhole_verify::approval::quorum(2, &["risk", "security"]).unwrap()
    });
    assert!(told.unwrap_err().contains("the role `security`"));
}

/// The guard says at which index of its journal a withdrawal was proposed. Ana's key was taken away since; a stolen host names
/// an index at which it counted.
#[tokio::test]
async fn a_key_that_was_taken_away_counts_at_no_index() {
    let mut people = pinned();
    people.roster.people[0].credentials[0].until = Some(1_000);
    let said = says(Some(people), AUTOMATIC + 1, by(PAGE)).await;
    assert_eq!(said, "distrust_approvals");
}
