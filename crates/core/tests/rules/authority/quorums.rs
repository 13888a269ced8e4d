//! Rules of authority, their quorums and sessions.

use super::{propose, stands};
use crate::exchange::{DAY, HOUR, MINUTE, SECOND};
use crate::staff::{rules, staffed};
use keepwhole_core::authority::class::Class;
use keepwhole_core::authority::quorum::Quorum;
use keepwhole_core::authority::rules::{ROLE_MAX_MS, Rules};
use keepwhole_core::authority::session::{SessionEnd, SessionRules};
use keepwhole_core::guard::{Change, Standing};
use keepwhole_core::reason::Reason;
use proptest::prelude::*;
use std::collections::BTreeSet;

#[test]
fn new_rules_need_what_they_loosen_and_void_what_waits() {
    let (mut exchange, mut staff) = staffed();
    propose(
        &mut exchange,
        "l1",
        "ole",
        Change::ListDestination {
            address: "0xwaits".into(),
        },
    );
    let mut next = rules();
    next.version = 2;
    for quorum in &mut next.quorums {
        if quorum.class == Class::CustodyChange {
            quorum.cool_off_ms = 0;
        }
    }
    propose(
        &mut exchange,
        "a1",
        "ada",
        Change::AdoptAuthority(Box::new(next.clone())),
    );
    for (who, role) in [
        ("ada", "administrator"),
        ("sue", "security"),
        ("eva", "executive"),
    ] {
        staff.approve(&mut exchange, "a1", who, role);
    }
    assert!(matches!(
        stands(&exchange, "a1"),
        Standing::Held(Reason::QuorumShort { needs: 4, .. })
    ));
    staff.approve(&mut exchange, "a1", "bea", "administrator");
    let Standing::Held(Reason::CoolOff { until }) = stands(&exchange, "a1") else {
        panic!("{:?}", stands(&exchange, "a1"));
    };
    assert_eq!(until, exchange.at + 2 * DAY);
    exchange.pass(2 * DAY);
    assert_eq!(exchange.state.authority.rules.as_deref(), Some(&next));
    assert_eq!(stands(&exchange, "l1"), Standing::Lapsed);
}

#[test]
fn rules_that_weaken_themselves_are_refused_with_the_slip() {
    let usual = rules();
    assert_eq!(usual.check(), Ok(()));
    type Slip = fn(&mut Rules);
    let cases: [(Slip, &str); 9] = [
        (
            |r| r.quorums[0].persons = 1,
            "`withdrawal` asks for 2 to 64 persons, not 1",
        ),
        (
            |r| r.quorums[0].assertions = false,
            "`withdrawal` raises risk and needs assertions",
        ),
        (
            |r| r.quorums[0].required.push("risk".into()),
            "`withdrawal` needs 3 roles filled by different persons and asks for 2 persons",
        ),
        (
            |r| r.quorums[0].among.clear(),
            "`withdrawal` names too few roles whose holders count",
        ),
        (
            |r| r.quorums.push(r.quorums[0].clone()),
            "`withdrawal` has two quorums",
        ),
        (
            |r| r.relying_parties.clear(),
            "name at least one site for assertions",
        ),
        (
            |r| r.role_max_ms = ROLE_MAX_MS + 1,
            "the life of a role is 1 to 7776000000 ms, not 7776000001",
        ),
        (
            |r| r.touch_ms = 15 * MINUTE + 1,
            "the time for a touch is 1 to 900000 ms, not 900001",
        ),
        (
            |r| r.sessions.idle_ms = 16 * MINUTE,
            "a session is idle for at most 900000 ms and lasts at most 28800000 ms, not 960000 and 28800000",
        ),
    ];
    for (slip, says) in cases {
        let mut rules = usual.clone();
        slip(&mut rules);
        assert_eq!(rules.check(), Err(says.into()));
    }
    let mut hasty = usual.clone();
    for quorum in &mut hasty.quorums {
        if quorum.class == Class::CredentialReset {
            quorum.cool_off_ms = DAY;
        }
    }
    assert!(
        hasty
            .check()
            .unwrap_err()
            .contains("no class may wait longer")
    );
    for class in Class::ALL {
        assert_eq!(Class::of_code(class.1), Some(class.0));
        assert!(usual.quorum(class.0).is_some(), "{}", class.1);
    }
}

#[test]
fn a_session_ends_after_fifteen_idle_minutes_and_after_eight_hours() {
    let rules = SessionRules::usual();
    for (used, now, says) in [
        (0, 0, Ok(15 * MINUTE)),
        (0, 15 * MINUTE - 1, Ok(15 * MINUTE)),
        (0, 15 * MINUTE, Err(SessionEnd::Idle(15 * MINUTE))),
        (8 * HOUR - SECOND, 8 * HOUR - 1, Ok(8 * HOUR)),
        (
            8 * HOUR - SECOND,
            8 * HOUR,
            Err(SessionEnd::Whole(8 * HOUR)),
        ),
        (5, 4, Err(SessionEnd::Clock)),
    ] {
        assert_eq!(rules.holds(0, used, now), says, "{used} {now}");
    }
}

/// Whether some way to give each person one of the roles that he spoke in fills the quorum: tried one by one.
fn filled_by_trying(quorum: &Quorum, voices: &[(u8, &str)]) -> bool {
    let counted: Vec<(u8, &str)> = voices
        .iter()
        .copied()
        .filter(|(_, role)| quorum.among.iter().any(|known| known == role))
        .collect();
    let persons: Vec<u8> = counted
        .iter()
        .map(|(p, _)| *p)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    if persons.len() < quorum.persons as usize {
        return false;
    }
    fn place(
        left: &[u8],
        counted: &[(u8, &str)],
        filled: &mut Vec<String>,
        quorum: &Quorum,
    ) -> bool {
        let Some((person, rest)) = left.split_first() else {
            let distinct: BTreeSet<&String> = filled.iter().collect();
            return quorum.required.iter().all(|role| filled.contains(role))
                && distinct.len() >= quorum.distinct_roles as usize;
        };
        counted
            .iter()
            .filter(|(p, _)| p == person)
            .any(|(_, role)| {
                filled.push(String::from(*role));
                let fits = place(rest, counted, filled, quorum);
                filled.pop();
                fits
            })
    }
    place(&persons, &counted, &mut Vec::new(), quorum)
}

const ROLES: [&str; 5] = ["risk", "treasury", "security", "executive", "other"];

prop_compose! {
    fn any_quorum()(persons in 1u32..5, required in proptest::sample::subsequence(ROLES[..4].to_vec(), 0..3), distinct_roles in 0u32..4) -> Quorum {
        Quorum {
            class: Class::Resume,
            persons,
            of: 0,
            among: ROLES[..4].iter().map(|role| String::from(*role)).collect(),
            required: required.into_iter().map(String::from).collect(),
            distinct_roles,
            cool_off_ms: 0,
            administrative: true,
            assertions: true,
            separate: false,
        }
    }
}

proptest! {
    /// No set of approvals by fewer than M persons ever fills a quorum, in no order, and the matching finds a way
    /// exactly where there is one.
    #[test]
    fn a_quorum_is_filled_exactly_where_different_persons_can_fill_it(
        quorum in any_quorum(),
        voices in proptest::collection::vec((0u8..5, 0usize..5), 0..9),
        turn in 0usize..9,
    ) {
        let mut voices: Vec<(u8, &str)> = voices.into_iter().map(|(who, role)| (who, ROLES[role])).collect();
        let filled = quorum.filled(&voices, 0).is_ok();
        prop_assert_eq!(filled, filled_by_trying(&quorum, &voices));
        let distinct: BTreeSet<u8> = voices.iter().map(|(who, _)| *who).collect();
        prop_assert!(!filled || distinct.len() >= quorum.persons as usize);
        // Order and repetition make no difference.
        let length = voices.len().max(1);
        voices.rotate_left(turn % length);
        voices.extend(voices.clone());
        prop_assert_eq!(filled, quorum.filled(&voices, 0).is_ok());
        // One more is one more.
        let more = quorum.filled(&voices, 1).is_ok();
        prop_assert!(!more || distinct.len() > quorum.persons as usize);
    }
}
