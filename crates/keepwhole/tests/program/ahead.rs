//! Turns that are decided while earlier ones are written: the same journal as turn by turn, nothing told durable that is
//! not, and nothing behind a refusal.

use crate::turns::{open, options, received, unit};
use keepwhole::journal::sim_disk::{Faults, SimDisk};
use keepwhole::sequencer::{Ended, SequencerError, Turn, Turns};
use keepwhole_core::answer::Reply;
use keepwhole_core::command::Command;
use keepwhole_core::state::State;

const TURNS: u64 = 40;
/// Commands of a turn.
const EACH: u64 = 25;

/// Turns of [`EACH`] movements of one unit.
#[derive(Default)]
struct Units {
    given: u64,
    /// The turn after whose decision to end.
    refuse: Option<u64>,
}

fn turn(number: u64) -> Turn {
    Turn {
        now: 10 + number,
        commands: (number * EACH..(number + 1) * EACH).map(unit).collect(),
        mark: number,
    }
}

fn turns() -> impl Iterator<Item = Turn> + Send {
    (0..TURNS).map(turn)
}

impl Turns for Units {
    type Error = u64;

    type Ready = Turn;

    fn commands(ready: &mut Turn) -> &mut [Command] {
        &mut ready.commands
    }

    fn turn(&mut self, state: &State, ready: Turn) -> Result<Option<Turn>, u64> {
        assert_eq!(received(state), u128::from(self.given * EACH));
        self.given += 1;
        Ok(Some(ready))
    }

    fn decided(&mut self, _: &State, replies: &[Reply]) -> Result<(), u64> {
        assert_eq!(replies.len() as u64, EACH);
        assert!(
            replies
                .iter()
                .all(|reply| reply.answer.word() == "recorded")
        );
        match self.given - 1 {
            now if Some(now) == self.refuse => Err(now),
            _ => Ok(()),
        }
    }
}

#[test]
fn the_journal_is_the_same_as_turn_by_turn() {
    let mut one = open(SimDisk::new(), options());
    for number in 0..TURNS {
        let Turn { now, commands, .. } = turn(number);
        one.turn(now, &commands).unwrap();
    }
    let mut ahead = open(SimDisk::new(), options());
    let mut told = Vec::new();
    let ran = ahead.overlap(turns(), &mut Units::default(), &mut |journal, mark| {
        told.push((mark, journal.head().size));
        Ok(())
    });
    assert!(ran.is_ok(), "{ran:?}");
    assert_eq!(ahead.head(), one.head());
    let marks: Vec<u64> = told.iter().map(|(mark, _)| *mark).collect();
    assert_eq!(marks, (0..TURNS).collect::<Vec<_>>());
    assert!(
        told.windows(2).all(|two| two[0].1 < two[1].1),
        "each turn was durable before it was told: {told:?}"
    );
    // It goes on as ever.
    ahead.turn(1_000, &[unit(u64::MAX - 1)]).unwrap();
    assert_eq!(received(ahead.state()), u128::from(TURNS * EACH + 1));
}

#[test]
fn a_refusal_ends_it_with_everything_before_it_durable_and_nothing_behind_it() {
    let disk = SimDisk::new();
    let mut ahead = open(disk.another(), options());
    let mut told = 0;
    let mut ending = Units {
        refuse: Some(6),
        ..Units::default()
    };
    let ran = ahead.overlap(turns(), &mut ending, &mut |_, mark| {
        told = mark;
        Ok(())
    });
    assert!(matches!(ran, Err(Ended::Turns(6))), "{ran:?}");
    assert_eq!((ending.given, told), (7, 6));
    drop(ahead);
    disk.crash_hard();
    let again = open(disk.another(), options());
    assert_eq!(received(again.state()), u128::from(7 * EACH));
}

#[test]
fn whichever_sync_fails_what_was_told_durable_is_there_and_nothing_more_is_taken() {
    for nth in 1..=TURNS + 4 {
        let disk = SimDisk::new();
        let mut ahead = open(disk.another(), options());
        disk.set_faults(Faults {
            fail_sync: Some(nth),
            ..Faults::default()
        });
        let mut told = 0;
        let ran = ahead.overlap(turns(), &mut Units::default(), &mut |_, mark| {
            told = mark + 1;
            Ok(())
        });
        if ran.is_ok() {
            assert_eq!(told, TURNS);
            continue;
        }
        assert!(
            matches!(ran, Err(Ended::Sequencer(SequencerError::Journal(_)))),
            "{ran:?}"
        );
        assert!(told < TURNS);
        let refused = ahead.turn(1_000, &[unit(u64::MAX - 1)]);
        assert!(
            matches!(refused, Err(SequencerError::Stopped)),
            "{refused:?}"
        );
        let refused = ahead.overlap(turns(), &mut Units::default(), &mut |_, _| Ok(()));
        assert!(
            matches!(refused, Err(Ended::Sequencer(SequencerError::Stopped))),
            "{refused:?}"
        );
        drop(ahead);
        disk.crash_hard();
        let kept = received(open(disk.another(), options()).state());
        let least = u128::from(told * EACH);
        assert!(kept >= least, "sync {nth}: {kept} of {least}");
        assert_eq!(kept % u128::from(EACH), 0, "a turn is there whole or not");
    }
}

#[test]
fn whoever_hears_of_durable_turns_may_end_it() {
    let disk = SimDisk::new();
    let mut ahead = open(disk.another(), options());
    let ran = ahead.overlap(turns(), &mut Units::default(), &mut |_, mark| {
        if mark == 3 {
            return Err(SequencerError::Stopped);
        }
        Ok(())
    });
    assert!(
        matches!(ran, Err(Ended::Sequencer(SequencerError::Stopped))),
        "{ran:?}"
    );
    drop(ahead);
    disk.crash_hard();
    let again = open(disk.another(), options());
    assert_eq!(received(again.state()), u128::from(4 * EACH));
}
