//! Approvals of a proposal: who may, when, how many; one that does not hold fails the file.

use keepwhole_verify::approval::{
    self, ApprovalsFile, Command, Decision, Granted, Quorum, Rules, Seen, check,
};
use keepwhole_verify::digest::Digest;
use keepwhole_verify::webauthn::{BE, UP, UV};

use crate::authenticator::{
    Device, Draft, Key, ORIGIN, PROPOSED_AT, RP_ID, command, devices, draft, file, intent, roster,
};

pub(crate) fn sites() -> [Vec<String>; 2] {
    [vec![RP_ID.to_owned()], vec![ORIGIN.to_owned()]]
}

pub(crate) fn rules([rp_ids, origins]: &[Vec<String>; 2]) -> Rules<'_> {
    Rules {
        rp_ids,
        origins,
        least: None,
        administrative: false,
        timing: None,
    }
}

pub(crate) fn good(drafts: &[Draft]) -> ApprovalsFile {
    let command = command();
    let approvals = drafts.iter().map(|draft| draft.signed(&command)).collect();
    file(command, approvals)
}

/// Position and name of the refusal, or `granted`.
pub(crate) type Answer = (Option<usize>, &'static str);

pub(crate) fn name(outcome: Result<Granted, approval::Refusal>) -> Answer {
    match outcome {
        Ok(_) => (None, "granted"),
        Err(refusal) => (refusal.position, refusal.cause.name()),
    }
}

pub(crate) fn answer(file: &ApprovalsFile) -> Answer {
    name(check(
        file,
        &roster(),
        &rules(&sites()),
        &mut Seen::default(),
    ))
}

#[test]
fn two_people_of_two_roles_suffice() {
    let [ana, bo, ..] = devices();
    let file = good(&[draft(&ana, "risk", 60), draft(&bo, "treasury", 120)]);
    let sites = sites();
    let granted = check(&file, &roster(), &rules(&sites), &mut Seen::default()).unwrap();
    assert_eq!(granted.digest, command().digest());
    assert_eq!(granted.last, PROPOSED_AT + 140);
    let voices: Vec<_> = granted
        .voices
        .iter()
        .map(|voice| (&*voice.approver, &*voice.role, &*voice.rp_id))
        .collect();
    assert_eq!(voices, [("ana", "risk", RP_ID), ("bo", "treasury", RP_ID)]);
}

/// A good file, one thing changed: position and name of the refusal.
#[test]
fn one_answer_that_does_not_hold_fails_the_file() {
    let [ana, bo, cy, dee, eve] = devices();
    let first = || draft(&ana, "risk", 60);
    let second = || draft(&bo, "treasury", 120);
    // What is changed before signing.
    let drafted: Vec<(&str, Vec<Draft>, Answer)> = vec![
        ("nothing", vec![first(), second()], (None, "granted")),
        (
            "one person in two roles",
            vec![
                draft(&cy, "risk", 60),
                Draft {
                    device: Device {
                        counter: 11,
                        ..cy.clone()
                    },
                    ..draft(&cy, "treasury", 120)
                },
            ],
            (Some(1), "approver_twice"),
        ),
        (
            "a role that is not held",
            vec![draft(&ana, "treasury", 60), second()],
            (Some(0), "role_not_held"),
        ),
        (
            "nobody of one role",
            vec![first(), draft(&cy, "risk", 120)],
            (None, "role_missing"),
        ),
        ("one person", vec![first()], (None, "too_few_people")),
        ("nobody", vec![], (None, "too_few_people")),
        (
            "a third beside",
            vec![first(), second(), draft(&dee, "security", 180)],
            (None, "granted"),
        ),
        (
            "the proposer",
            vec![draft(&eve, "risk", 60), second()],
            (Some(0), "proposer"),
        ),
        (
            "a rejection after enough approvals",
            vec![
                first(),
                second(),
                Draft {
                    decision: Decision::Reject,
                    ..draft(&cy, "risk", 180)
                },
            ],
            (Some(2), "rejected"),
        ),
        (
            "a rejection before approvals",
            vec![
                Draft {
                    decision: Decision::Reject,
                    ..draft(&cy, "risk", 30)
                },
                first(),
                second(),
            ],
            (Some(0), "rejected"),
        ),
        (
            "an approval withdrawn",
            vec![
                first(),
                second(),
                Draft {
                    decision: Decision::Reject,
                    device: Device {
                        counter: 11,
                        ..ana.clone()
                    },
                    ..draft(&ana, "risk", 180)
                },
            ],
            (Some(2), "rejected"),
        ),
        (
            "the proposer withdraws",
            vec![
                Draft {
                    decision: Decision::Reject,
                    ..draft(&eve, "risk", 30)
                },
                first(),
                second(),
            ],
            (Some(0), "rejected"),
        ),
        (
            "received at the last second",
            vec![
                Draft {
                    received: 360,
                    ..first()
                },
                Draft {
                    received: 420,
                    ..second()
                },
            ],
            (None, "granted"),
        ),
        (
            "received too late",
            vec![
                Draft {
                    received: 361,
                    ..first()
                },
                second(),
            ],
            (Some(0), "received_outside_touch"),
        ),
        (
            "received before the challenge",
            vec![
                Draft {
                    received: 59,
                    ..first()
                },
                second(),
            ],
            (Some(0), "received_outside_touch"),
        ),
        (
            "a quarter of an hour",
            vec![
                Draft {
                    expires: 960,
                    ..first()
                },
                second(),
            ],
            (None, "granted"),
        ),
        (
            "a second more",
            vec![
                Draft {
                    expires: 961,
                    ..first()
                },
                second(),
            ],
            (Some(0), "touch_too_long"),
        ),
        (
            "out of order",
            vec![second(), first()],
            (Some(1), "out_of_order"),
        ),
        (
            "the last second of the day",
            vec![
                first(),
                Draft {
                    received: 86_400,
                    ..draft(&bo, "treasury", 86_300)
                },
            ],
            (None, "granted"),
        ),
        (
            "a second after the day",
            vec![
                first(),
                Draft {
                    received: 86_401,
                    ..draft(&bo, "treasury", 86_300)
                },
            ],
            (Some(1), "received_too_late"),
        ),
        (
            "a nonce twice",
            vec![
                first(),
                Draft {
                    nonce: first().nonce,
                    ..second()
                },
            ],
            (Some(1), "nonce_used"),
        ),
        (
            "a counter that stands still",
            vec![
                first(),
                second(),
                Draft {
                    decision: Decision::Reject,
                    ..draft(&ana, "risk", 180)
                },
            ],
            (Some(2), "counter"),
        ),
        (
            "no user verification",
            vec![
                Draft {
                    flags: UP,
                    ..first()
                },
                second(),
            ],
            (Some(0), "user_not_verified"),
        ),
        (
            "a synchronised key",
            vec![
                Draft {
                    flags: UP | UV | BE,
                    ..first()
                },
                second(),
            ],
            (None, "granted"),
        ),
        (
            "a synchronised key in a role that must be device-bound",
            vec![
                first(),
                second(),
                Draft {
                    flags: UP | UV | BE,
                    ..draft(&dee, "security", 180)
                },
            ],
            (Some(2), "not_device_bound"),
        ),
        (
            "another site",
            vec![
                Draft {
                    rp_id: "phish.example",
                    ..first()
                },
                second(),
            ],
            (Some(0), "rp_id"),
        ),
        (
            "another origin",
            vec![
                Draft {
                    origin: "https://phish.example",
                    ..first()
                },
                second(),
            ],
            (Some(0), "origin"),
        ),
        (
            "another key",
            vec![
                Draft {
                    device: Device {
                        key: Key::es256(77),
                        ..ana.clone()
                    },
                    ..first()
                },
                second(),
            ],
            (Some(0), "signature"),
        ),
        (
            "the other algorithm",
            vec![
                Draft {
                    device: Device {
                        key: Key::ed25519(1),
                        ..ana.clone()
                    },
                    ..first()
                },
                second(),
            ],
            (Some(0), "signature_form"),
        ),
    ];
    for (what, drafts, expected) in drafted {
        assert_eq!(answer(&good(&drafts)), expected, "{what}");
    }
}

/// A good file, one thing changed after signing.
#[test]
fn nothing_that_was_signed_may_change() {
    type Edit = fn(&mut ApprovalsFile);
    let [ana, bo, ..] = devices();
    let cases: Vec<(&str, Edit, Answer)> = vec![
        (
            "the role",
            |file| file.approvals[0].role = "treasury".to_owned(),
            (Some(0), "role_not_held"),
        ),
        (
            "the person",
            |file| file.approvals[0].approver = "bo".to_owned(),
            (Some(0), "credential_of_other"),
        ),
        (
            "the credential",
            |file| file.approvals[0].credential_id = b"credential of bo".to_vec(),
            (Some(0), "credential_of_other"),
        ),
        (
            "a credential nobody has",
            |file| file.approvals[0].credential_id = b"x".to_vec(),
            (Some(0), "credential_unknown"),
        ),
        (
            "the expiry",
            |file| file.approvals[0].expires += 1,
            (Some(0), "challenge"),
        ),
        (
            "the nonce",
            |file| file.approvals[0].nonce[15] ^= 1,
            (Some(0), "challenge"),
        ),
        (
            "the decision",
            |file| file.approvals[0].decision = Decision::Reject,
            (Some(0), "challenge"),
        ),
        (
            "the command",
            |file| {
                let mut intent = intent();
                intent.amount += 1;
                file.command =
                    Command::withdraw(&intent, "eve", Digest::from_bytes([0x33; 32])).unwrap();
            },
            (Some(0), "challenge"),
        ),
        (
            "the policy",
            |file| {
                file.command =
                    Command::withdraw(&intent(), "eve", Digest::from_bytes([0x34; 32])).unwrap();
            },
            (Some(0), "challenge"),
        ),
        (
            "the proposer",
            |file| {
                file.command =
                    Command::withdraw(&intent(), "fay", Digest::from_bytes([0x33; 32])).unwrap();
            },
            (Some(0), "challenge"),
        ),
        (
            "before the credentials counted",
            |file| file.index = 99,
            (Some(0), "credential_inactive"),
        ),
        (
            "a proposal after its challenges",
            |file| file.proposed_at += 61,
            (Some(0), "issued_before_proposal"),
        ),
        (
            "a quorum of three",
            |file| file.quorum.n = 3,
            (None, "too_few_people"),
        ),
        (
            "a role more",
            |file| {
                file.quorum.roles.insert("security".to_owned());
            },
            (None, "role_missing"),
        ),
    ];
    for (what, edit, expected) in cases {
        let mut file = good(&[draft(&ana, "risk", 60), draft(&bo, "treasury", 120)]);
        edit(&mut file);
        assert_eq!(answer(&file), expected, "{what}");
    }
}

#[test]
fn credentials_count_from_one_index_until_before_another() {
    let [_, bo, cy, ..] = devices();
    let mut file = good(&[draft(&cy, "risk", 60), draft(&bo, "treasury", 120)]);
    for (index, expected) in [
        (99, (Some(0), "credential_inactive")),
        (100, (None, "granted")),
        (899, (None, "granted")),
        (900, (Some(0), "credential_inactive")),
    ] {
        file.index = index;
        assert_eq!(answer(&file), expected, "{index}");
    }
}

#[test]
fn the_readers_own_quorum_is_the_least() {
    let [ana, bo, ..] = devices();
    let file = good(&[draft(&ana, "risk", 60), draft(&bo, "treasury", 120)]);
    let sites = sites();
    let with = |least: &Quorum| {
        let rules = Rules {
            least: Some(least),
            ..rules(&sites)
        };
        name(check(&file, &roster(), &rules, &mut Seen::default()))
    };
    let quorum = |n, roles: &[&str]| approval::quorum(n, roles).unwrap();
    assert_eq!(with(&quorum(1, &[])), (None, "granted"));
    assert_eq!(with(&quorum(2, &["risk", "treasury"])), (None, "granted"));
    assert_eq!(with(&quorum(3, &[])), (None, "quorum_below_least"));
    assert_eq!(
        with(&quorum(2, &["security"])),
        (None, "quorum_below_least")
    );
}

#[test]
fn the_proposer_counts_in_administrative_commands_with_an_assertion_of_his_own() {
    let [ana, bo, _, _, eve] = devices();
    let command = Command::new(
        "freeze",
        "eve",
        Digest::from_bytes([0x33; 32]),
        &[("scope", "all"), ("id", "c-1")],
    )
    .unwrap();
    let with = |drafts: &[Draft], administrative| {
        let approvals = drafts.iter().map(|draft| draft.signed(&command)).collect();
        let file = file(command.clone(), approvals);
        let sites = sites();
        let rules = Rules {
            administrative,
            ..rules(&sites)
        };
        name(check(&file, &roster(), &rules, &mut Seen::default()))
    };
    let both = [draft(&eve, "risk", 60), draft(&bo, "treasury", 120)];
    assert_eq!(with(&both, true), (None, "granted"));
    assert_eq!(with(&both, false), (Some(0), "proposer"));
    assert_eq!(
        with(&both[1..], true),
        (None, "too_few_people"),
        "proposing is no approval"
    );
    assert_eq!(
        with(&[draft(&ana, "risk", 60), both[1].clone()], false),
        (None, "granted")
    );
}
