//! The overlapped service: nothing leaves before it is durable, nothing acknowledged is lost, and what makes things safer
//! gets through when nothing else does. Numbers of rows are those of the fault matrix.

use crate::turns::{
    Gate, HeldDisk, OPENING, clock, halt, open, options, received, unit, withdrawal,
};
use keepwhole::journal::sim_disk::{Faults, SimDisk};
use keepwhole::journal::{Disk, JournalError};
use keepwhole::sequencer::{
    Condition, Handle, Limits, Sequencer, Service, ServiceError, TestClock, Until, fold,
};
use keepwhole_core::answer::Reply;
use keepwhole_core::event::{Event, Record};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

type Told = (u64, Result<Reply, ServiceError>);

/// Long enough that whoever does not wait for the disk would have come back.
const MOMENT: Duration = Duration::from_millis(150);
const LONG: Duration = Duration::from_secs(20);

fn service<D: Disk + 'static>(sequencer: Sequencer<D>, limits: &Limits) -> Service<D> {
    Service::start_with(sequencer, clock(), Box::new(|_| {}), limits)
}

fn held(gate: &Gate) -> Sequencer<HeldDisk> {
    let disk = HeldDisk {
        disk: SimDisk::new(),
        gate: gate.clone(),
    };
    open(disk, options())
}

/// Sends one unit for each number without waiting, and where the answers arrive.
fn send(handle: &Handle, numbers: std::ops::Range<u64>) -> Receiver<Told> {
    let (told, answers) = channel();
    for number in numbers {
        let told = told.clone();
        let answer = Box::new(move |reply| drop(told.send((number, reply))));
        handle.submit_async(unit(number), answer);
    }
    answers
}

#[test]
fn nothing_is_shown_or_answered_before_its_sync() {
    let gate = Gate::default();
    let service = service(held(&gate), &Limits::default());
    let (handle, reader) = (service.handle(), service.reader());
    let before = reader.durable();
    assert_eq!(reader.read(received).unwrap(), 0);
    gate.shut();
    let answers = send(&handle, 0..1);
    gate.wait_for_sync();
    // The next turn is decided and folded while the first waits for the disk.
    let more = send(&handle, 1..40);
    let (seen, sees) = channel();
    for moment in [false, true] {
        let (reader, seen) = (reader.clone(), seen.clone());
        std::thread::spawn(move || {
            let got = if moment {
                reader.moment(|state, journal| {
                    assert_eq!(state.position, journal.head().size);
                    received(state)
                })
            } else {
                reader.read(received)
            };
            seen.send(got).unwrap();
        });
    }
    assert_eq!(
        sees.recv_timeout(MOMENT).unwrap_err(),
        RecvTimeoutError::Timeout,
        "a reader waits for the disk"
    );
    assert!(answers.try_recv().is_err() && more.try_recv().is_err());
    assert_eq!(
        (reader.durable(), reader.journal().head()),
        (before, before)
    );
    gate.open();
    for _ in 0..2 {
        assert!(sees.recv_timeout(LONG).unwrap().unwrap() > 0);
    }
    for (number, told) in answers.into_iter().chain(more) {
        assert_eq!(told.unwrap().answer.word(), "recorded", "{number}");
    }
    let state = reader.moment(|state, journal| (received(state), journal.check().unwrap()));
    assert_eq!(state.unwrap(), (40, reader.durable()));
    assert!(service.stop().is_none());
}

#[test]
fn what_was_folded_ahead_of_a_failed_sync_is_never_shown() {
    let gate = Gate::default();
    let machine = SimDisk::new();
    let disk = HeldDisk {
        disk: machine.another(),
        gate: gate.clone(),
    };
    let service = service(open(disk, options()), &Limits::default());
    let (handle, reader) = (service.handle(), service.reader());
    gate.shut();
    let answers = send(&handle, 0..1);
    gate.wait_for_sync();
    let more = send(&handle, 1..9);
    std::thread::sleep(MOMENT);
    machine.set_faults(Faults {
        fail_sync: Some(1),
        ..Faults::default()
    });
    gate.open();
    for (number, told) in answers.into_iter().chain(more) {
        assert_eq!(told, Err(ServiceError::Stopped), "{number}");
    }
    assert_eq!(reader.read(received), Err(ServiceError::Stopped));
    assert_eq!(reader.condition(), Condition::Stopped);
    assert_eq!(handle.submit(unit(9)), Err(ServiceError::Stopped));
    assert_eq!(handle.submit(halt("h")), Err(ServiceError::Stopped));
    assert!(service.has_stopped());
    assert!(service.stop().is_some());
}

/// How a run ends early.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Write(u64),
    Sync(u64),
    PowerBefore(u64),
}

impl Ending {
    fn faults(self) -> Faults {
        let mut faults = Faults::default();
        match self {
            Self::Write(n) => faults.fail_write = Some(n),
            Self::Sync(n) => faults.fail_sync = Some(n),
            Self::PowerBefore(n) => faults.stop_before = Some(n),
        }
        faults
    }
}

/// Runs 200 commands over a disk that fails as said, starts again, sends every command again, and judges by the list of
/// answers that the clients keep. True if the failure came.
fn run(ending: Ending, power_lost: bool) -> bool {
    const COMMANDS: u64 = 200;
    const WAVE: u64 = 10;
    let machine = SimDisk::new();
    let running = service(open(machine.another(), options()), &Limits::default());
    machine.set_faults(ending.faults());
    let handle = running.handle();
    let mut list: Vec<Told> = Vec::new();
    for wave in 0..COMMANDS / WAVE {
        // Every answer is waited for only one wave later, so that turns overlap.
        let answers = send(&handle, wave * WAVE..(wave + 1) * WAVE);
        if wave % 2 == 0 {
            list.extend(answers.recv_timeout(LONG));
        }
        list.extend(answers);
    }
    assert_eq!(list.len() as u64, COMMANDS, "everybody is told something");
    let failed = running.stop().is_some();
    let first_untold = list
        .iter()
        .filter(|(_, told)| told.is_err())
        .map(|(n, _)| *n);
    if let Some(first) = first_untold.min() {
        let later = list.iter().filter(|(n, told)| *n > first && told.is_ok());
        assert_eq!(
            later.count(),
            0,
            "{ending:?}: nothing is answered after the failure"
        );
    }
    if power_lost {
        machine.crash_hard();
    } else {
        machine.kill();
    }
    let mut again = open(machine.another(), options());
    for (number, told) in list {
        let now = again.state().at;
        let reply = again.turn(now, &[unit(number)]).unwrap().pop().unwrap();
        assert_eq!(reply.answer.word(), "recorded");
        match told {
            Ok(first) => {
                assert!(
                    reply.repeated,
                    "{ending:?}: `{number}` was acknowledged and is lost"
                );
                assert_eq!(reply.answer, first.answer);
            }
            Err(error) => assert_eq!(error, ServiceError::Stopped),
        }
    }
    assert_eq!(
        received(again.state()),
        u128::from(COMMANDS),
        "{ending:?}: each exactly once"
    );
    let folded = fold(again.journal(), Until::End, &mut |_| {}).unwrap();
    assert_eq!(folded.digest(), again.state().digest());
    failed
}

/// Rows 1, 2, 3 and 9 through the overlapped service: a run of 200 commands with the n-th write, the n-th sync or the
/// power failing, for every n.
#[test]
fn a_failure_at_any_step_of_an_overlapped_run_loses_nothing_acknowledged() {
    for ending in [Ending::Write, Ending::Sync, Ending::PowerBefore] {
        let mut n = 1;
        while run(ending(n), n % 2 == 0) {
            n += 1;
        }
        assert!(n > 15, "the run has enough steps to fail at, not {n}");
    }
}

/// Row 11 on the simulated disk.
#[test]
fn on_a_full_disk_halts_and_reading_go_on_and_the_rest_resumes_by_itself() {
    let machine = SimDisk::new();
    let limits = Limits {
        reserve_bytes: 400_000,
        headroom_bytes: 20_000,
        ..Limits::default()
    };
    let service = service(open(machine.another(), options()), &limits);
    let (handle, reader) = (service.handle(), service.reader());
    let began = Instant::now();
    while machine.another().len("reserve").unwrap() != Some(400_000) {
        assert!(began.elapsed() < LONG, "the reserve is made at the start");
        std::thread::sleep(Duration::from_millis(5));
    }
    let set_capacity = |capacity| {
        machine.set_faults(Faults {
            capacity: Some(capacity),
            ..Faults::default()
        });
    };
    set_capacity(450_000);
    let mut acknowledged = 0;
    let refused = loop {
        match handle.submit(unit(acknowledged)) {
            Ok(reply) => {
                assert_eq!(reply.answer.word(), "recorded");
                acknowledged += 1;
            }
            Err(error) => break error,
        }
    };
    let ServiceError::DiskFull { frame, reserve } = refused else {
        panic!("`{refused:?}` instead of a full disk");
    };
    assert!(
        frame > 0 && (1..400_000).contains(&reserve),
        "{frame} {reserve}"
    );
    assert!(acknowledged > 10);
    for again in 0..3 {
        let told = handle.submit(unit(1_000_000 + again));
        assert!(
            matches!(told, Err(ServiceError::DiskFull { .. })),
            "{told:?}"
        );
    }
    assert!(matches!(reader.condition(), Condition::DiskFull(_)));
    let reply = handle.submit(halt("halt")).unwrap();
    assert_eq!(reply.answer.word(), "cleared");
    let shown = reader.moment(|state, journal| {
        assert!(!state.breaker.tripped.is_empty());
        (received(state), journal.check().unwrap())
    });
    assert_eq!(shown.unwrap(), (u128::from(acknowledged), reader.durable()));
    set_capacity(1_000_000);
    let began = Instant::now();
    while handle.submit(unit(acknowledged)).is_err() {
        assert!(began.elapsed() < LONG, "it resumes by itself");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(
        machine.another().len("reserve").unwrap(),
        Some(400_000),
        "the reserve is whole again"
    );
    assert!(service.stop().is_none());
    drop((handle, reader));
    machine.crash_hard();
    let again = open(machine.another(), options());
    assert_eq!(received(again.state()), u128::from(acknowledged) + 1);
    assert!(!again.state().breaker.tripped.is_empty());
}

/// Row 11 where no space is kept at all: what is decided waits for space and is then durable; its callers are told that
/// the disk is full and may send the same id again.
#[test]
fn without_any_space_what_was_decided_waits_and_is_decided_once() {
    let machine = SimDisk::new();
    let limits = Limits {
        headroom_bytes: 10_000,
        ..Limits::default()
    };
    let service = service(open(machine.another(), options()), &limits);
    let (handle, reader) = (service.handle(), service.reader());
    machine.set_faults(Faults {
        capacity: Some(0),
        ..Faults::default()
    });
    let mut sent = 0;
    let refused = loop {
        match handle.submit(unit(sent)) {
            Ok(_) => sent += 1,
            Err(error) => break error,
        }
    };
    assert!(
        matches!(refused, ServiceError::DiskFull { reserve: 0, .. }),
        "{refused:?}"
    );
    assert!(matches!(
        reader.read(received),
        Err(ServiceError::DiskFull { .. })
    ));
    machine.set_faults(Faults::default());
    let began = Instant::now();
    let reply = loop {
        match handle.submit(unit(sent)) {
            Ok(reply) => break reply,
            Err(_) => assert!(began.elapsed() < LONG, "it resumes by itself"),
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(reply.repeated, "the command was decided before");
    assert_eq!(reader.read(received).unwrap(), u128::from(sent) + 1);
    assert!(service.stop().is_none());
}

#[test]
fn a_service_that_waits_for_space_can_be_stopped() {
    let machine = SimDisk::new();
    let running = service(open(machine.another(), options()), &Limits::default());
    let handle = running.handle();
    machine.set_faults(Faults {
        capacity: Some(0),
        ..Faults::default()
    });
    let mut sent = 0;
    while handle.submit(unit(sent)).is_ok() {
        sent += 1;
    }
    let error = running.stop().expect("what was decided is not durable");
    assert!(error.to_string().contains("disk is full"), "{error}");
    drop(handle);
    machine.kill();
    assert_eq!(
        received(open(machine.another(), options()).state()),
        u128::from(sent)
    );
}

/// Row 12: a disk that takes long. Memory stays bounded, callers learn when to come back, and it is said.
#[test]
fn a_slow_disk_gives_busy_with_a_time_and_is_said() {
    let gate = Gate::default();
    let limits = Limits {
        commands: 20,
        bytes: 4_000,
        ..Limits::default()
    };
    let service = service(held(&gate), &limits);
    let (handle, reader) = (service.handle(), service.reader());
    gate.slow(Duration::from_millis(1_100));
    let mut answers = Vec::new();
    let mut number = 0;
    let began = Instant::now();
    let mut slow = false;
    // 8,000 commands are one turn at most; then those wait that the queue holds.
    let busy = loop {
        let (told, answer) = channel();
        handle.submit_async(unit(number), Box::new(move |reply| drop(told.send(reply))));
        match answer.try_recv() {
            Ok(Err(busy @ ServiceError::Busy { .. })) => {
                slow |= matches!(reader.condition(), Condition::Slow(_));
                if slow {
                    break busy;
                }
            }
            Ok(Err(error)) => panic!("{error}"),
            Ok(Ok(_)) => {}
            Err(_) => answers.push(answer),
        }
        number += 1;
        assert!(began.elapsed() < LONG);
    };
    let ServiceError::Busy {
        waiting,
        bytes,
        retry_ms,
    } = busy
    else {
        unreachable!()
    };
    assert!(waiting <= 20 && bytes <= 4_000, "{waiting} {bytes}");
    assert!((1..=60_000).contains(&retry_ms), "{retry_ms}");
    gate.slow(Duration::ZERO);
    for answer in &answers {
        answer.recv_timeout(LONG).unwrap().unwrap();
    }
    assert!(reader.spent().journal.slow_syncs >= 1);
    assert!(reader.spent().journal.slowest_sync >= Duration::from_secs(1));
    assert_eq!(reader.read(received).unwrap(), answers.len() as u128);
    assert!(service.stop().is_none());
}

/// How late the machine itself is: the longest of some short sleeps. Where many programs share few cores, what takes a
/// second of work takes longer than a second.
fn lateness() -> Duration {
    let nap = Duration::from_millis(1);
    let late = |_| {
        let began = Instant::now();
        std::thread::sleep(nap);
        began.elapsed().saturating_sub(nap)
    };
    (0..20).map(late).max().unwrap()
}

/// Row 37: a halt while ten times more comes in than goes out.
#[test]
fn a_halt_takes_effect_within_a_second_under_overload() {
    let gate = Gate::default();
    let limits = Limits {
        commands: 200,
        ..Limits::default()
    };
    let service = service(held(&gate), &limits);
    gate.slow(Duration::from_millis(20));
    let over = std::sync::atomic::AtomicBool::new(false);
    let busy = std::sync::atomic::AtomicU64::new(0);
    let handle = service.handle();
    let (took, late) = std::thread::scope(|scope| {
        for client in 0..4 {
            let (handle, over, busy) = (service.handle(), &over, &busy);
            scope.spawn(move || {
                let mut n = 0_u64;
                while !over.load(std::sync::atomic::Ordering::SeqCst) {
                    n += 1;
                    let command = withdrawal(format!("w-{client}-{n}"));
                    let (told, answer) = channel();
                    handle.submit_async(command, Box::new(move |reply| drop(told.send(reply))));
                    match answer.try_recv() {
                        Ok(Err(ServiceError::Busy { .. })) => {
                            busy.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                            std::thread::sleep(Duration::from_micros(50));
                        }
                        Ok(Err(error)) => panic!("{error}"),
                        Ok(Ok(_)) | Err(_) => {}
                    }
                }
            });
        }
        while busy.load(std::sync::atomic::Ordering::SeqCst) < 100 {
            std::thread::sleep(Duration::from_millis(5));
        }
        let began = Instant::now();
        let reply = handle.submit(halt("halt")).unwrap();
        let took = began.elapsed();
        assert_eq!(reply.answer.word(), "cleared", "{reply:?}");
        std::thread::sleep(MOMENT);
        let late = lateness();
        over.store(true, std::sync::atomic::Ordering::SeqCst);
        (took, late)
    });
    assert!(
        took < Duration::from_secs(1) + late * 20,
        "{took:?} on a machine that is {late:?} late"
    );
    gate.slow(Duration::ZERO);
    let reader = service.reader();
    drop(handle);
    assert!(service.stop().is_none());
    let (mut halted, mut cleared, mut denied) = (false, 0, 0);
    let read = reader.journal().read::<JournalError>(0, &mut |_, bytes| {
        match Record::decode(bytes).unwrap().event {
            Event::BreakerTripped { .. } => halted = true,
            Event::RequestCleared { .. } => {
                assert!(!halted, "nothing is cleared after the halt");
                cleared += 1;
            }
            Event::RequestDenied { .. } if halted => denied += 1,
            _ => {}
        }
        Ok(())
    });
    read.unwrap();
    assert!(halted && cleared > 0, "{cleared} cleared, {denied} denied");
    assert!(u128::from(cleared as u64) < OPENING);
}

#[test]
fn time_passes_and_a_stop_serves_those_who_wait() {
    let machine = SimDisk::new();
    let sequencer = open(machine.another(), options());
    let service = Service::start(sequencer, Box::new(TestClock::default()), Box::new(|_| {}));
    let answers = send(&service.handle(), 0..500);
    let handle = service.handle();
    assert!(service.stop().is_none());
    let told: Vec<Told> = answers.into_iter().collect();
    assert_eq!(told.len(), 500);
    assert!(told.iter().all(|(_, told)| told.is_ok()));
    assert_eq!(handle.submit(unit(500)), Err(ServiceError::Stopped));
}
