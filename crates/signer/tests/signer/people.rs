//! Who must approve, in which program, and that nothing the host says of people counts.

use crate::assertions::{self, CLIENT, PAGE, person};
use crate::refusals::name;
use crate::world::{CLIENT_LIMIT, Case, ETH, FEE, HOUR_CAP, NOW, World, transaction};
use keepwhole_verify::approval::Decision;

/// An amount that needs people.
const MUCH: u128 = 40_000_000;

fn much(world: &World, amount: u128) -> Case {
    Case::of("w-1", ETH, amount, &transaction(7, amount), world.now())
}

#[test]
fn above_the_limit_only_the_pinned_people_count() {
    let world = World::new();
    let case = much(&world, MUCH);
    let intent = case.intent.clone();
    let with = |voices: &[(&str, &str)]| {
        let file = assertions::file(&intent, voices, NOW, PAGE);
        let mut case = case.clone();
        case.approvals = Some(file.to_text());
        name(world.sign(&case))
    };
    assert_eq!(with(&[]), "approvals_refused");
    assert_eq!(with(&[("ana", "risk")]), "approvals_refused");
    assert_eq!(
        with(&[("ana", "risk"), ("ana", "risk")]),
        "approvals_refused"
    );
    assert_eq!(
        with(&[("ana", "risk"), ("cy", "risk")]),
        "approvals_refused"
    );
    // `pat` proposed it; `ana` is not in treasury; one person does not fill two roles.
    assert_eq!(
        with(&[("pat", "risk"), ("bo", "treasury")]),
        "approvals_refused"
    );
    assert_eq!(
        with(&[("ana", "treasury"), ("bo", "treasury")]),
        "approvals_refused"
    );
    assert_eq!(
        with(&[("cy", "risk"), ("cy", "treasury")]),
        "approvals_refused"
    );
    assert_eq!(with(&[("ana", "risk"), ("bo", "treasury")]), "permitted");
}

#[test]
fn approvals_of_something_else_do_not_count() {
    let world = World::new();
    let case = much(&world, MUCH);
    let voices = [("ana", "risk"), ("bo", "treasury")];
    let file = assertions::file(&case.intent, &voices, NOW, PAGE);
    let try_file = |file: &keepwhole_verify::approval::ApprovalsFile| {
        let mut case = case.clone();
        case.approvals = Some(file.to_text());
        name(world.sign(&case))
    };
    // Another intent.
    let mut other = case.intent.clone();
    other.dest = "0x2222222222222222222222222222222222222222".to_owned();
    let foreign = assertions::file(&other, &voices, NOW, PAGE);
    assert_eq!(try_file(&foreign), "command_mismatch");
    // Those assertions under this intent.
    let mut moved = file.clone();
    moved.approvals = foreign.approvals;
    assert_eq!(try_file(&moved), "approvals_refused");
    // A lower quorum by the host's word.
    let mut lower = file.clone();
    lower.quorum.n = 1;
    lower.quorum.roles.clear();
    lower.approvals.pop();
    assert_eq!(try_file(&lower), "approvals_refused");
    // Somebody rejected.
    let mut rejected = file.clone();
    let digest = rejected.command.digest();
    let no = person("cy").answers(&digest, "risk", Decision::Reject, NOW, PAGE);
    rejected.approvals.push(no);
    assert_eq!(try_file(&rejected), "approvals_refused");
    // Dated ahead, and a day old.
    assert_eq!(
        try_file(&assertions::file(&case.intent, &voices, NOW + 1, PAGE)),
        "approvals_refused"
    );
    assert_eq!(
        try_file(&assertions::file(&case.intent, &voices, NOW - 86_400, PAGE)),
        "approvals_refused"
    );
    // A page of somebody else.
    let site = ("evil.example", "https://evil.example");
    assert_eq!(
        try_file(&assertions::file(&case.intent, &voices, NOW, site)),
        "approvals_refused"
    );
    assert_eq!(try_file(&file), "permitted");
}

#[test]
fn above_the_second_limit_only_the_own_program_counts() {
    let world = World::new();
    for (amount, program, expected) in [
        (CLIENT_LIMIT, PAGE, "permitted"),
        (CLIENT_LIMIT + 1, PAGE, "client_required"),
        (CLIENT_LIMIT + 1, CLIENT, "permitted"),
    ] {
        let id = format!("w-{amount}-{}", program.0);
        let case = Case::of(&id, ETH, amount, &transaction(7, amount), world.now());
        let case = case.approved(NOW, program);
        assert_eq!(name(world.sign(&case)), expected, "{amount} {program:?}");
    }
    // Where no quorum is pinned nothing is signed, whoever approved.
    let world = World::with(|text| text.replace("client_quorum = \"withdrawal\"\n", ""));
    let case = much(&world, CLIENT_LIMIT + 1).approved(NOW, CLIENT);
    assert_eq!(name(world.sign(&case)), "quorum_unset");
}

#[test]
fn approved_value_has_a_cap_too() {
    let world = World::new();
    for number in 0..12_u64 {
        let id = format!("w-{number}");
        let bytes = transaction(number, MUCH);
        let case = Case::of(&id, ETH, MUCH, &bytes, world.now()).approved(NOW, PAGE);
        assert_eq!(name(world.sign(&case)), "permitted");
    }
    let left = HOUR_CAP - 12 * (MUCH + FEE) - FEE;
    for (amount, expected) in [(left + 1, "cap_reached"), (left, "permitted")] {
        let bytes = transaction(90, amount);
        let case = Case::of(&format!("w-{amount}"), ETH, amount, &bytes, world.now());
        assert_eq!(name(world.sign(&case.approved(NOW, PAGE))), expected);
    }
}
