//! Crashes at every step, failing syncs and full disks: what was acknowledged is there afterwards, whatever happens.

use crate::journal_records::{all, batch, head_of, open, small};
use keepwhole::journal::sim_disk::{Faults, Kept, SimDisk};
use keepwhole::journal::{JournalError, Options};
use proptest::prelude::*;

/// Rows 1 and 2 of the fault matrix: power goes before any single step; row 3 is the step after the last sync.
#[test]
fn power_lost_before_any_step_loses_nothing_acknowledged() {
    let run = |machine: &SimDisk| -> (u64, Option<u64>) {
        let mut acknowledged = 0;
        let Ok((mut journal, _)) = open(machine, &small()) else {
            return (0, None);
        };
        for count in [1, 2, 9, 1, 4, 12, 1] {
            match journal.append(&batch(acknowledged, count)) {
                Ok(head) => acknowledged = head.size,
                Err(_) => return (acknowledged, Some(count)),
            }
        }
        (acknowledged, None)
    };
    let whole = SimDisk::new();
    assert_eq!(run(&whole), (30, None));
    let steps = whole.operations();
    assert!(steps > 20);
    for step in 1..=steps {
        for keep in [
            Kept::Nothing,
            Kept::All,
            Kept::First(1),
            Kept::First(99),
            Kept::First(101),
            Kept::Sectors(0b10),
        ] {
            for names in [true, false] {
                let machine = SimDisk::new();
                machine.set_faults(Faults {
                    stop_before: Some(step),
                    ..Faults::default()
                });
                let (acknowledged, in_flight) = run(&machine);
                machine.crash(names, &mut |_| keep.clone());
                let (mut journal, recovery) = open(&machine, &small()).unwrap_or_else(|error| {
                    panic!("step {step}, {keep:?}, names {names}: {error}")
                });
                let size = recovery.head.size;
                let possible = [acknowledged, acknowledged + in_flight.unwrap_or(0)];
                assert!(
                    possible.contains(&size),
                    "step {step}, {keep:?}: {size} of {possible:?}"
                );
                assert_eq!(recovery.head, head_of(&batch(0, size)));
                assert_eq!(all(&journal), batch(0, size));
                journal.append(&batch(size, 3)).unwrap();
                machine.crash_hard();
                assert_eq!(open(&machine, &small()).unwrap().0.head().size, size + 3);
            }
        }
    }
}

/// Row 9: the n-th sync fails, for every n. The journal stops for good, and reopening finds all that was acknowledged.
#[test]
fn a_failed_sync_or_write_stops_the_journal_for_every_n() {
    let whole = SimDisk::new();
    let steps = [1, 2, 9, 1, 4, 12, 1];
    let run = |machine: &SimDisk| {
        let mut acknowledged = 0;
        let (mut journal, _) = open(machine, &small())?;
        for count in steps {
            match journal.append(&batch(acknowledged, count)) {
                Ok(head) => acknowledged = head.size,
                Err(error) => {
                    assert_eq!(error.code(), "io_error", "{error}");
                    assert_eq!(
                        journal.head(),
                        head_of(&batch(0, acknowledged)),
                        "the head is what is durable"
                    );
                    for _ in 0..3 {
                        let again = journal.append(&batch(acknowledged, 1)).unwrap_err();
                        assert_eq!(again.code(), "stopped", "no retry after a failed sync");
                    }
                    return Ok((acknowledged, count, journal));
                }
            }
        }
        Ok::<_, JournalError>((acknowledged, 0, journal))
    };
    let total = run(&whole).unwrap().0;
    let syncs = whole.syncs();
    assert!(syncs >= 7);
    let sync = |n| Faults {
        fail_sync: Some(n),
        ..Faults::default()
    };
    let write = |n| Faults {
        fail_write: Some(n),
        ..Faults::default()
    };
    for (n, faults) in (1..=syncs).flat_map(|n| [(n, sync(n)), (n, write(n))]) {
        for power_lost in [false, true] {
            let machine = SimDisk::new();
            machine.set_faults(faults.clone());
            let (acknowledged, in_flight) = match run(&machine) {
                Ok((acknowledged, in_flight, _)) => (acknowledged, in_flight),
                Err(_) => (0, 0),
            };
            assert!(
                in_flight > 0 || acknowledged == 0 || acknowledged == total,
                "fault {n} must stop the run"
            );
            if power_lost {
                machine.crash_hard();
            } else {
                machine.kill();
            }
            let (mut journal, recovery) = open(&machine, &small()).unwrap();
            let size = recovery.head.size;
            assert!(
                size == acknowledged || size == acknowledged + in_flight,
                "{faults:?}: {size}"
            );
            assert_eq!(all(&journal), batch(0, size));
            // What reopening took for good must also outlive the power, although its first sync failed.
            machine.crash_hard();
            drop(journal);
            (journal, _) = open(&machine, &small()).unwrap();
            assert_eq!(
                journal.head().size,
                size,
                "{faults:?}, power lost {power_lost}"
            );
        }
    }
}

#[test]
fn a_full_disk_stops_the_journal_and_loses_nothing() {
    for capacity in (100..2_000).step_by(37) {
        let machine = SimDisk::new();
        let mut acknowledged = 0;
        let opened = open(&machine, &small());
        let (mut journal, _) = opened.unwrap();
        machine.set_faults(Faults {
            capacity: Some(capacity),
            ..Faults::default()
        });
        let error = loop {
            match journal.append(&batch(acknowledged, 3)) {
                Ok(head) => acknowledged = head.size,
                Err(error) => break error,
            }
        };
        assert_eq!(error.code(), "disk_full");
        machine.kill();
        let (mut journal, recovery) = open(&machine, &small()).unwrap();
        let size = recovery.head.size;
        assert!(
            size == acknowledged || size == acknowledged + 3,
            "capacity {capacity}: {size}"
        );
        assert_eq!(all(&journal), batch(0, size));
        journal.append(&batch(size, 3)).unwrap();
    }
}

/// One step of a random life: append so many records, or crash keeping so much.
#[derive(Clone, Debug)]
enum Step {
    Append(u64),
    Crash { names: bool, kept: Vec<Kept> },
    Kill,
    FailSync(u64),
    StopBefore(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kept = prop_oneof![
        Just(Kept::All),
        Just(Kept::Nothing),
        (0_usize..1_500).prop_map(Kept::First),
        any::<u64>().prop_map(Kept::Sectors),
    ];
    let step = prop_oneof![
        6 => (1_u64..20).prop_map(Step::Append),
        2 => (any::<bool>(), prop::collection::vec(kept, 1..4)).prop_map(|(names, kept)| Step::Crash { names, kept }),
        1 => Just(Step::Kill),
        1 => (1_u64..4).prop_map(Step::FailSync),
        1 => (1_u64..12).prop_map(Step::StopBefore),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Whatever happens: every acknowledged record is there, in order, once; the recovered head is that of a prefix of
    /// what was asked for and extends every acknowledged head.
    #[test]
    fn any_crash_keeps_every_acknowledged_record(steps in steps(), segment_bytes in 200_u64..3_000, zero_ahead in prop_oneof![Just(0_u64), Just(512), Just(1_000)]) {
        let options = Options { segment_bytes, zero_ahead, log_key: None };
        let machine = SimDisk::new();
        let mut acknowledged = 0;
        let mut possible = 0;
        let mut journal = Some(open(&machine, &options).unwrap().0);
        let last = Step::Crash { names: false, kept: vec![Kept::Nothing] };
        for step in steps.iter().chain([&last]) {
            match step {
                Step::Append(count) => {
                    let Some(open) = journal.as_mut() else { continue };
                    match open.append(&batch(acknowledged, *count)) {
                        Ok(head) => {
                            acknowledged = head.size;
                            possible = head.size;
                        }
                        Err(JournalError::Stopped(_)) => {}
                        Err(_) => possible = acknowledged + count,
                    }
                    continue;
                }
                Step::FailSync(n) => {
                    machine.set_faults(Faults { fail_sync: Some(*n), ..Faults::default() });
                    continue;
                }
                Step::StopBefore(n) => {
                    machine.set_faults(Faults { stop_before: Some(*n), ..Faults::default() });
                    continue;
                }
                Step::Kill => machine.kill(),
                Step::Crash { names, kept } => {
                    let mut choices = kept.iter().cycle();
                    machine.crash(*names, &mut |_| choices.next().cloned().unwrap_or(Kept::Nothing));
                }
            }
            drop(journal.take());
            let (opened, recovery) = open(&machine, &options).unwrap();
            let size = recovery.head.size;
            prop_assert!(size == acknowledged || size == possible, "{} of {} or {}", size, acknowledged, possible);
            prop_assert_eq!(recovery.head, head_of(&batch(0, size)));
            prop_assert_eq!(all(&opened), batch(0, size));
            acknowledged = size;
            possible = size;
            journal = Some(opened);
        }
    }
}

#[test]
fn a_signer_that_errs_publishes_nothing_and_is_named() {
    use keepwhole::journal::{Alarm, AlarmCode, Disk, Journal, Options, Publisher, SimDisk};
    use keepwhole_verify::note::{
        Ed25519Signer, NoteError, NoteSigner, SignatureLine, VerifierKey,
    };
    use std::sync::Mutex;
    const ORIGIN: &str = "exchange.example/keepwhole";

    /// A token that turns a bit in every signature from its second on.
    struct Erring(Ed25519Signer, Mutex<u32>);
    impl NoteSigner for Erring {
        fn key(&self) -> &VerifierKey {
            self.0.key()
        }
        fn sign(&self, text: &str) -> Result<SignatureLine, NoteError> {
            let mut line = self.0.sign(text)?;
            let mut signed = self.1.lock().unwrap();
            *signed += 1;
            if *signed > 1 {
                line.blob[9] ^= 0x10;
            }
            Ok(line)
        }
    }
    let key = Ed25519Signer::new(ORIGIN, &[5; 32]).unwrap();
    let (mut journal, _) = Journal::open(SimDisk::default(), Options::default()).unwrap();
    let signer = Box::new(Erring(key, Mutex::new(0)));
    let (mut publisher, _) = Publisher::open(&mut journal, ORIGIN, signer).unwrap();
    let before = Disk::read(journal.disk(), "log/checkpoint").unwrap();
    journal.append(&[b"one"]).unwrap();
    let fault = publisher.publish(&mut journal).unwrap_err();
    assert_eq!(fault.code(), "log_key_fault");
    let alarm = Alarm::of(&fault).unwrap();
    assert_eq!(alarm.code, AlarmCode::LogKeyFault);
    assert_eq!(alarm.to_string(), "alarm `log_key_fault`, critical");
    let after = Disk::read(journal.disk(), "log/checkpoint").unwrap();
    assert_eq!(before, after);
}
