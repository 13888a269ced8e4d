//! How long approvals hold, and that each answer serves one proposal, with counters that run through all of them.

use keepwhole_verify::approval::{ApprovalsFile, Decision, Rules, Seen, Timing, check};

use crate::approvals::{answer, good, name, rules, sites};
use crate::authenticator::{Device, Draft, PROPOSED_AT, devices, draft, roster};

#[test]
fn approvals_hold_for_a_while_after_the_delay() {
    let [ana, bo, ..] = devices();
    // Received at 80 and 140 seconds.
    let file = good(&[draft(&ana, "risk", 60), draft(&bo, "treasury", 120)]);
    let sites = sites();
    let at = |after: u64, approval_ttl, delay| {
        let timing = Timing {
            now: PROPOSED_AT + after,
            approval_ttl,
            delay,
        };
        let rules = Rules {
            timing: Some(timing),
            ..rules(&sites)
        };
        name(check(&file, &roster(), &rules, &mut Seen::default())).1
    };
    assert_eq!(at(140, 3600, 0), "granted");
    assert_eq!(at(139, 3600, 0), "received_in_future");
    assert_eq!(at(3679, 3600, 0), "granted");
    assert_eq!(at(3680, 3600, 0), "too_few_people", "the first has lapsed");
    assert_eq!(at(739, 9000, 600), "delay");
    assert_eq!(at(740, 9000, 600), "granted");
    assert_eq!(at(9999, 90_000, 0), "granted");
    // The intent expires 10,000 seconds after the proposal, exclusively.
    assert_eq!(at(10_000, 90_000, 0), "intent_expired");
    assert_eq!(at(140 + 86_400 + 1, 900_000, 0), "execution_too_late");
}

#[test]
fn an_answer_serves_one_proposal() {
    let [ana, bo, ..] = devices();
    let file = good(&[draft(&ana, "risk", 60), draft(&bo, "treasury", 120)]);
    let (sites, mut seen) = (sites(), Seen::default());
    let mut answer = |file: &ApprovalsFile| name(check(file, &roster(), &rules(&sites), &mut seen));
    assert_eq!(answer(&file), (None, "granted"));
    assert_eq!(
        answer(&file),
        (None, "granted"),
        "shown again, as for a second attempt"
    );
    let mut again = file.clone();
    again.proposal = "p-2".to_owned();
    assert_eq!(
        answer(&again),
        (Some(0), "nonce_used"),
        "the same command proposed again"
    );

    // Counters run through all proposals in order of receipt, whichever file is read first.
    let later = |counter, after| {
        let device = Device {
            counter,
            ..ana.clone()
        };
        let mut file = good(&[
            draft(&device, "risk", after),
            Draft {
                device: Device {
                    counter,
                    ..bo.clone()
                },
                ..draft(&bo, "treasury", after)
            },
        ]);
        file.proposal = format!("p-{counter}-{after}");
        file
    };
    assert_eq!(answer(&later(14, 400)), (None, "granted"));
    assert_eq!(
        answer(&later(12, 300)),
        (None, "granted"),
        "read later, received earlier"
    );
    assert_eq!(
        answer(&later(14, 500)),
        (Some(0), "counter"),
        "a value used already"
    );
    assert_eq!(
        answer(&later(13, 500)),
        (Some(0), "counter"),
        "a lower value, received later"
    );
    assert_eq!(
        answer(&later(15, 350)),
        (Some(0), "counter"),
        "a higher value, received earlier"
    );
    assert_eq!(
        answer(&later(13, 350)),
        (None, "granted"),
        "what was refused left no trace"
    );
}

#[test]
fn authenticators_without_a_counter_are_taken() {
    let [ana, bo, ..] = devices();
    let zero = |device: &Device| Device {
        counter: 0,
        ..device.clone()
    };
    let file = good(&[
        draft(&zero(&ana), "risk", 60),
        draft(&zero(&bo), "treasury", 120),
        Draft {
            decision: Decision::Reject,
            ..draft(&zero(&ana), "risk", 180)
        },
    ]);
    assert_eq!(answer(&file), (Some(2), "rejected"));
    let mut file = file;
    file.approvals.pop();
    assert_eq!(answer(&file), (None, "granted"));
}
