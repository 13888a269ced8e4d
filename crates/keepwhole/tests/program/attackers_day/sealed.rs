//! The sealed keys out of their envelopes: what they can do alone, what it tells everybody, and when it ends.

use super::{Day, Shows, THIEF};
use crate::staffed::{DAY, Office};
use crate::walk::ETH;
use keepwhole_core::authority::credential::Enrolment;
use keepwhole_core::breaker::Scope;
use keepwhole_core::command::Body;
use keepwhole_core::guard::{BreakGlass, Change, Standing};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const THREE: [&str; 3] = ["seal-1", "seal-2", "seal-3"];

fn freeze(scope: &str) -> Change {
    Change::BreakGlass(BreakGlass::Freeze {
        scope: scope.into(),
    })
}

fn stands(office: &Office, id: &str) -> &'static str {
    let row = office.state().guard.proposal(id);
    match row.map(|(_, row)| &row.standing) {
        Some(Standing::Cleared) => "in force",
        Some(_) => "not in force",
        None => "no proposal",
    }
}

/// What a key says yes to, in the role of the sealed.
fn says(office: &mut Office, id: &str, seal: &str) -> String {
    let answer = office.approve(id, (seal, seal), "sealed");
    let why = answer.reason().map(|reason| reason.code().to_owned());
    why.unwrap_or_else(|| answer.word().to_owned())
}

fn withdraw(office: &mut Office, id: &str) -> String {
    withdraw_of(office, id, 1)
}

fn withdraw_of(office: &mut Office, id: &str, units: u128) -> String {
    let body = Body::RequestWithdrawal {
        customer: "ann".into(),
        wallet: "hot-1".into(),
        asset: "ETH".into(),
        units,
        to: crate::walk::ANN.into(),
    };
    let answer = office.ask(Some(id), None, body);
    let why = answer.reason().map(|reason| reason.code().to_owned());
    why.unwrap_or_else(|| answer.word().to_owned())
}

pub(super) fn stolen(day: &mut Day, office: &mut Office) {
    // What the thief's bytes halted before is lifted; the day goes on.
    lift(office, "lift-1", "hot-1");
    assert_eq!(withdraw(office, "still-1"), "cleared");
    assert_eq!(withdraw_of(office, "large-s", 2 * ETH), "approvals_short");
    nothing_but_breaking(day, office);
    breaking(day, office);
    ending(day, office);
}

/// Three of the staff lift a stop, after its wait.
fn lift(office: &mut Office, id: &str, scope: &str) {
    let resume = Change::Resume {
        scope: scope.into(),
    };
    office.propose(id, "sue", resume);
    for (name, role) in [("sue", "security"), ("ria", "risk"), ("tom", "treasury")] {
        office.approve(id, (name, name), role);
    }
    office.pass(2 * HOUR);
    assert_eq!(stands(office, id), "in force", "{scope}");
}

/// No other class of action asks for them, and nobody counts them.
fn nothing_but_breaking(day: &mut Day, office: &mut Office) {
    let listing = || Change::ListDestination {
        address: THIEF.into(),
    };
    let enrolment = Enrolment {
        actor: "mallory".into(),
        person: "mallory".into(),
        roles: vec!["risk".into()],
        expires: office.at + 30 * DAY,
        credentials: vec![crate::staffed::credential("mallory")],
    };
    let answer = office.propose("s-0", "seal-1", listing());
    let why = answer.reason().map_or(answer.word(), |why| why.code());
    day.tried(
        "propose with a sealed key to list the thief's address",
        "role_missing",
        why,
        Shows::Journal,
    );
    office.propose("s-1", "ada-2", listing());
    office.propose("s-2", "ada", Change::EnrolPerson(Box::new(enrolment)));
    for id in ["s-1", "s-2"] {
        for seal in THREE {
            day.tried(
                "stand behind the administrator's proposals with sealed keys",
                "role_missing",
                &says(office, id, seal),
                Shows::Journal,
            );
        }
        assert_eq!(stands(office, id), "not in force", "{id}");
    }
    day.tried(
        "approve a withdrawal with a sealed key",
        "role_missing",
        &says(office, "large-s", "seal-1"),
        Shows::Journal,
    );
}

/// Two break nothing; three stop everything, wake everybody, and move nothing.
fn breaking(day: &mut Day, office: &mut Office) {
    office.propose("glass-1", "seal-1", freeze("all"));
    for seal in &THREE[..2] {
        assert_eq!(says(office, "glass-1", seal), "recorded");
    }
    day.tried(
        "break the glass with two sealed keys",
        "not in force",
        stands(office, "glass-1"),
        Shows::Nowhere,
    );
    assert!(!office.state().authority.glass_is_broken(office.at));
    assert_eq!(says(office, "glass-1", "seal-1"), "same_person");
    assert_eq!(says(office, "glass-1", "seal-3"), "recorded");
    day.tried(
        "break the glass with three sealed keys",
        "in force",
        stands(office, "glass-1"),
        Shows::Nowhere,
    );
    let state = office.state();
    assert!(state.authority.glass_is_broken(office.at));
    assert!(
        state.breaker.tripped.contains_key(&Scope::All),
        "everything stands still"
    );
    day.tried(
        "withdraw while the glass is broken",
        "break_glass_open",
        &withdraw(office, "still-2"),
        Shows::Journal,
    );
    let sweep = Change::BreakGlass(BreakGlass::Sweep {
        wallet: "hot-2".into(),
    });
    let answer = office.propose("glass-2", "seal-2", sweep);
    let why = answer.reason().map_or(answer.word(), |why| why.code());
    day.tried(
        "sweep a wallet with sealed keys where the policy names no address",
        "malformed",
        why,
        Shows::Journal,
    );
}

/// Anybody of the staff takes the keys away, at once; the glass heals after four hours, and two lift the stop.
fn ending(day: &mut Day, office: &mut Office) {
    for (number, seal) in THREE.into_iter().enumerate() {
        let revoke = Change::Revoke {
            actor: seal.to_owned(),
        };
        let id = format!("take-{number}");
        let answer = office.propose(&id, "sue", revoke);
        assert_eq!(answer.word(), "cleared", "{answer:?}");
    }
    let answer = office.propose("glass-3", "seal-1", freeze("all"));
    let why = answer.reason().map_or(answer.word(), |why| why.code());
    day.tried(
        "break the glass again with keys that one person suspended",
        "suspended",
        why,
        Shows::Journal,
    );
    office.pass(4 * HOUR);
    assert!(!office.state().authority.glass_is_broken(office.at));
    assert_eq!(withdraw(office, "still-3"), "halted");
    lift(office, "lift-2", "all");
    day.tried(
        "wait until the glass heals, and withdraw as before",
        "cleared",
        &withdraw(office, "still-4"),
        Shows::Nowhere,
    );
}
