//! Fixed views of the guard: a held withdrawal, a denied credit in the wrong unit, and people.

use super::{FIRST, HOSTILE, HOUR, MINUTE, head, sol};
use keepwhole::text::{Amount, Asset, Words};
use keepwhole::views::{
    ActorRow, ApprovalRow, ClassRow, DoorsView, GuardView, IdentityRow, PeopleView, ReasonView,
    RequestLine, RequestState, RequestView, Step, TurnedAwayRow, UnseenLine,
};

fn short() -> ReasonView {
    ReasonView {
        code: "approvals_short".to_owned(),
        words: Words::key("reason-approvals-short")
            .with("valid", "1")
            .with("needs", "2"),
        release: Words::key("release-approve"),
        until: None,
    }
}

fn over() -> ReasonView {
    let units = |btc| Amount::new(btc, &Asset::new("BTC", 8)).exact();
    ReasonView {
        code: "budget_exceeded".to_owned(),
        words: Words::key("reason-budget-exceeded")
            .with("total", units(62_000_000_000_000))
            .with("limit", units(62_000_000)),
        release: Words::key("release-new"),
        until: None,
    }
}

pub(super) fn waits() -> ReasonView {
    ReasonView {
        code: "cool_off".to_owned(),
        words: Words::key("reason-cool-off")
            .with("until", keepwhole::text::Arg::Time(FIRST + 24 * HOUR)),
        release: Words::key("release-time"),
        until: Some(FIRST + 24 * HOUR),
    }
}

fn line(id: &str, state: RequestState) -> RequestLine {
    let sols = Amount::new(1_500_000_000_000, &sol());
    RequestLine {
        id: id.to_owned(),
        what: Words::key("request-withdrawal")
            .with("amount", sols)
            .with("to", "So1111111111111111111111111111111111111111"),
        at: FIRST,
        state,
        reason: (state == RequestState::Held).then(short),
        valid: 1,
        needs: 2,
        deadline: Some((Words::key("deadline-approval"), FIRST + HOUR)),
    }
}

pub(crate) fn guard(only: Option<RequestState>, from: u64) -> GuardView {
    let credit = RequestLine {
        what: Words::key("request-credit")
            .with(
                "amount",
                Amount::new(62_000_000_000_000, &Asset::new("BTC", 8)),
            )
            .with("budget", "random-box")
            .with("count", 695_u64),
        reason: Some(over()),
        valid: 0,
        needs: 0,
        deadline: None,
        ..line("credit-0206", RequestState::Denied)
    };
    let cleared = RequestLine {
        deadline: Some((Words::key("deadline-clearance"), FIRST + HOUR)),
        ..line("w-0002", RequestState::Cleared)
    };
    let all = [line(super::HOSTILE, RequestState::Held), credit, cleared];
    let total = 3;
    let lines: Vec<_> = all
        .into_iter()
        .filter(|line| only.is_none_or(|only| only == line.state))
        .skip(usize::try_from(from).unwrap())
        .collect();
    GuardView {
        as_of: FIRST + HOUR / 2,
        head: head(),
        counts: [1, 1, 1, 0, 0, 0, 0],
        unseen: vec![UnseenLine {
            id: "w-0003".into(),
            amount: Amount::new(150_000_000, &Asset::new("BTC", 8)),
            to: super::HOSTILE.into(),
            conflict_key: Some("eip155:1/0x1111111111111111111111111111111111111111/7".into()),
            since: Some(FIRST),
            plan: Words::key("plan-evm")
                .with("account", "0x1111111111111111111111111111111111111111")
                .with("nonce", "7"),
        }],
        only,
        total: if only.is_some() {
            lines.len() as u64
        } else {
            total
        },
        lines,
        from,
    }
}

pub(crate) fn request(id: &str) -> RequestView {
    let state = if id == "credit-0206" {
        RequestState::Denied
    } else {
        RequestState::Held
    };
    RequestView {
        as_of: FIRST + HOUR / 2,
        head: head(),
        line: line(id, state),
        particulars: vec![
            ("request-customer", Words::plain("c-000042")),
            ("request-wallet", Words::plain("hot-sol")),
            ("request-to", Words::plain(super::HOSTILE)),
            ("request-by", Words::key("actor-system")),
        ],
        credits: vec![(
            "c-000042".to_owned(),
            Amount::new(200_000_000_000, &Asset::new("BTC", 8)),
        )],
        credits_total: 695,
        approvals: vec![
            ApprovalRow {
                person: "Kim".to_owned(),
                at: FIRST + MINUTE,
                until: Some(FIRST + MINUTE + HOUR),
                counts: true,
            },
            ApprovalRow {
                person: "Lee".to_owned(),
                at: FIRST - 2 * HOUR,
                until: Some(FIRST - HOUR),
                counts: false,
            },
        ],
        digest: "5f".repeat(32),
        steps: vec![
            Step {
                at: FIRST,
                entry: 100,
                what: Words::key("step-made")
                    .with("who", Words::key("actor-system"))
                    .with("count", 2_u64),
                reason: None,
            },
            Step {
                at: FIRST,
                entry: 101,
                what: Words::key("step-held"),
                reason: Some(short()),
            },
            Step {
                at: FIRST + MINUTE,
                entry: 140,
                what: Words::key("step-approved").with("who", "Kim"),
                reason: None,
            },
        ],
    }
}

pub(crate) fn people() -> PeopleView {
    let roles = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    let actor = |id: &str, person: &str, expires, counts| ActorRow {
        id: id.to_owned(),
        person: person.to_owned(),
        roles: roles(&["treasury"]),
        expires,
        counts,
    };
    PeopleView {
        as_of: FIRST + HOUR / 2,
        head: head(),
        actors: vec![
            actor("kim@desk", "Kim", Some(FIRST + 48 * HOUR), true),
            actor("kim@admin", "Kim", None, true),
            actor("lee", "Lee", Some(FIRST - HOUR), false),
        ],
        classes: vec![
            ClassRow {
                class: "class-approve",
                roles: roles(&["treasury"]),
                persons: roles(&["Kim"]),
                needs: 2,
                beside_requester: true,
                filled: false,
            },
            ClassRow {
                class: "class-lower-risk",
                roles: roles(&["treasury", "security"]),
                persons: roles(&["Kim"]),
                needs: 1,
                beside_requester: false,
                filled: true,
            },
            ClassRow {
                class: "class-read-personal",
                roles: Vec::new(),
                persons: Vec::new(),
                needs: 1,
                beside_requester: false,
                filled: false,
            },
        ],
        authority: super::authority::authority(),
        doors: doors(),
    }
}

fn doors() -> DoorsView {
    let turned_away = |door, code: &str, who: &str, count, last| TurnedAwayRow {
        door,
        code: code.to_owned(),
        who: who.to_owned(),
        count,
        first: FIRST - HOUR,
        last,
    };
    DoorsView {
        identities: vec![IdentityRow {
            name: "wallet-service".to_owned(),
            scope: "guard".to_owned(),
            until: "2026-01-31".to_owned(),
        }],
        turned_away: vec![
            turned_away("door-api", "unauthorised", "", 1_204, FIRST),
            turned_away(
                "door-console",
                "signature_invalid",
                HOSTILE,
                3,
                FIRST - HOUR,
            ),
        ],
    }
}
