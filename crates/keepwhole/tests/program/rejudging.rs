//! Very many requests that wait, judged again after a new policy: in pieces, and a halt comes in between.

use crate::turns::{clock, halt, open, options, tighter, unit, withdrawal_of};
use keepwhole::journal::sim_disk::SimDisk;
use keepwhole::sequencer::{Sequencer, Service, Until, fold, lowers_risk, state_digest};
use keepwhole_core::authority::command::AuthorityCommand;
use keepwhole_core::authority::matter::Decision;
use keepwhole_core::authority::proof::Proof;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::guard::{BreakGlass, Change, Standing};
use keepwhole_core::state::State;
use std::time::{Duration, Instant};

/// So many are judged again between two looks at who asks.
const PIECE: usize = 256;

/// A sequencer in which so many withdrawals wait, as no rule clears them.
fn waiting(many: usize) -> Sequencer<SimDisk> {
    let mut sequencer = open(SimDisk::new(), options());
    let asks: Vec<Command> = (0..many)
        .map(|n| withdrawal_of(format!("w-{n}"), 600))
        .collect();
    sequencer.turn(2, &asks).unwrap();
    assert_eq!(sequencer.state().guard.waiting.len(), many);
    sequencer
}

fn halted(state: &State) -> bool {
    !state.breaker.tripped.is_empty()
}

/// Requests whose standing the new policy gave, or the halt.
fn judged(state: &State) -> usize {
    let requests = state.guard.requests.iter();
    let codes = requests.filter_map(|request| match &request.standing {
        Standing::Held(reason) => Some(reason.code()),
        _ => None,
    });
    codes
        .filter(|code| ["rule_holds", "halted"].contains(code))
        .count()
}

#[test]
fn a_halt_comes_before_all_but_a_piece_of_ten_thousand() {
    let many = 10_000;
    let mut sequencer = waiting(many);
    sequencer.turn(3, &[tighter(sequencer.state())]).unwrap();
    assert_eq!(judged(sequencer.state()), 0, "none in the adoption's turn");
    let before = sequencer.head().size;
    let replies = sequencer.turn(4, &[halt("stop")]).unwrap();
    assert_eq!(replies[0].answer.word(), "cleared");
    assert!(halted(sequencer.state()));
    assert_eq!(judged(sequencer.state()), PIECE);
    // Two entries a judgement, and those of the halt.
    let made = sequencer.head().size - before;
    assert!(made <= 2 * PIECE as u64 + 8, "{made} entries");
    // Other commands come in between as well; what is left takes as many turns as it needs and no command.
    sequencer.turn(4, &[unit(1)]).unwrap();
    let mut turns = 2;
    while sequencer.next_due().is_some_and(|due| due <= 4) {
        sequencer.turn(4, &[]).unwrap();
        turns += 1;
    }
    assert_eq!(turns, many.div_ceil(PIECE));
    assert_eq!(judged(sequencer.state()), many);
    let again = fold(sequencer.journal(), Until::End, &mut |_| {}).unwrap();
    assert_eq!(state_digest(&again), state_digest(sequencer.state()));
}

#[test]
fn a_service_goes_on_judging_while_nobody_asks() {
    let many = 2_000;
    let sequencer = waiting(many);
    let policy = tighter(sequencer.state());
    let service = Service::start(sequencer, clock(), Box::new(|_| {}));
    let (handle, reader) = (service.handle(), service.reader());
    handle.submit(policy).unwrap();
    handle.submit(halt("stop")).unwrap();
    assert!(reader.read(halted).unwrap());
    let began = Instant::now();
    while reader.read(judged).unwrap() < many {
        assert!(began.elapsed() < Duration::from_secs(60), "it stands still");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(service.stop().is_none());
}

/// Somebody's word, with a proof that nobody looked at yet.
pub(crate) fn said(role: &str, decision: Decision) -> Body {
    Body::OfAuthority(AuthorityCommand::Decide {
        target: "g1".to_owned(),
        proof: Box::new(Proof {
            credential: vec![1],
            authenticator_data: Vec::new(),
            client_data_json: Vec::new(),
            signature: Vec::new(),
            nonce: [1; 16],
            issued: 1,
            expires: 2,
            role: role.to_owned(),
            decision,
        }),
    })
}

#[test]
fn what_only_makes_things_safer_is_taken_first() {
    let freeze = Change::BreakGlass(BreakGlass::Freeze {
        scope: "all".to_owned(),
    });
    let resume = Change::Resume {
        scope: "all".to_owned(),
    };
    let cases = [
        ("freeze", Body::ProposeChange(freeze), true),
        ("sealed", said("sealed", Decision::Approve), true),
        ("no", said("risk", Decision::Reject), true),
        ("yes", said("risk", Decision::Approve), false),
        ("resume", Body::ProposeChange(resume), false),
    ];
    for (what, body, first) in cases {
        assert_eq!(lowers_risk(&body), first, "{what}");
    }
}
