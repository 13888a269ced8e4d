//! Changes whose waits end while the service stands still: each comes into force in a turn of its own, as if it had run.

use super::{propose, stands};
use crate::exchange::{DAY, Exchange, HOUR, MINUTE};
use crate::staff::{Staff, credential, rules, staffed};
use keepwhole_core::authority::credential::NewCredential;
use keepwhole_core::event::Event;
use keepwhole_core::guard::{Change, Standing};
use keepwhole_core::reason::Reason;
use keepwhole_core::registry::{Tier, Wallet};

const QUORUM: [(&str, &str); 4] = [
    ("ada", "administrator"),
    ("sue", "security"),
    ("eva", "executive"),
    ("bea", "administrator"),
];

/// Proposes and has it approved by so many; half an hour later the next may be.
fn waits(exchange: &mut Exchange, staff: &mut Staff, id: &str, persons: usize, change: Change) {
    propose(exchange, id, "ada", change);
    for (who, role) in QUORUM.iter().take(persons) {
        staff.approve(exchange, id, who, role);
    }
    let held = stands(exchange, id);
    assert!(
        matches!(held, Standing::Held(Reason::CoolOff { .. })),
        "{id}: {held:?}"
    );
    exchange.pass(30 * MINUTE);
}

/// The service stands still for three days, and then sees what is due.
fn outage(exchange: &mut Exchange) {
    exchange.at += 3 * DAY;
    exchange.pass(0);
    assert_eq!(exchange.state, exchange.folded_again());
}

#[test]
fn new_rules_overtake_nothing_that_came_into_force_before_them() {
    let (mut exchange, mut staff) = staffed();
    let grant = Change::Grant {
        actor: "ole".into(),
        role: "risk".into(),
        expires: Some(exchange.at + 60 * DAY),
    };
    let mut next = rules();
    next.version = 2;
    next.touch_ms -= 1;
    waits(&mut exchange, &mut staff, "g1", 3, grant);
    let change = Change::AdoptAuthority(Box::new(next));
    waits(&mut exchange, &mut staff, "a1", 3, change);
    outage(&mut exchange);
    let granted = |e: &Event| matches!(e, Event::RoleGranted { role, .. } if role == "risk");
    assert_eq!(exchange.count(granted), 1);
    assert_eq!(stands(&exchange, "g1"), Standing::Cleared);
    assert_eq!(stands(&exchange, "a1"), Standing::Cleared);
    let overtaken = |e: &Event| matches!(e, Event::ChangeOvertaken { .. });
    assert_eq!(exchange.count(overtaken), 0);
}

#[test]
fn a_key_that_ends_takes_its_words_out_of_what_is_due_after_it() {
    let (mut exchange, mut staff) = staffed();
    let end = Change::EndCredential {
        credential: credential("rob").id,
    };
    waits(&mut exchange, &mut staff, "e1", 3, end);
    let listing = Change::ListDestination {
        address: "0xnext".into(),
    };
    propose(&mut exchange, "l1", "ole", listing);
    staff.approve(&mut exchange, "l1", "rob", "risk");
    staff.approve(&mut exchange, "l1", "oda", "operations");
    outage(&mut exchange);
    assert_eq!(stands(&exchange, "e1"), Standing::Cleared);
    let held = stands(&exchange, "l1");
    assert!(
        matches!(&held, Standing::Held(Reason::QuorumShort { missing, .. }) if missing == "risk"),
        "{held:?}"
    );
    assert!(!exchange.state.guard.listed.contains_key("0xnext"));
}

#[test]
fn of_two_for_one_thing_the_first_comes_into_force() {
    let wallet = |id: &str, address: &str| {
        Change::RegisterWallet(Wallet {
            id: id.into(),
            tier: Tier::Cold,
            address: address.into(),
        })
    };
    let name = |caip19: &str| Change::NameAsset {
        asset: "BTC".into(),
        caip19: caip19.into(),
    };
    let key = |id: &str| Change::EnrolCredential {
        person: "ria".into(),
        credential: Box::new(NewCredential {
            id: id.as_bytes().to_vec(),
            public_key: credential("ria-2").public_key,
            ..credential("ria")
        }),
    };
    let vault = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
    for (persons, first, second) in [
        (
            4,
            wallet("vault", vault),
            wallet("vault-2", &vault.to_lowercase()),
        ),
        (4, name("eip155:1/slip44:0"), name("eip155:1/slip44:1")),
        (3, key("one"), key("two")),
    ] {
        let (mut exchange, mut staff) = staffed();
        exchange.pass(HOUR);
        let word = format!("{first:?}");
        waits(&mut exchange, &mut staff, "c1", persons, first);
        waits(&mut exchange, &mut staff, "c2", persons, second);
        outage(&mut exchange);
        assert_eq!(stands(&exchange, "c1"), Standing::Cleared, "{word}");
        assert_eq!(stands(&exchange, "c2"), Standing::Lapsed, "{word}");
    }
}
