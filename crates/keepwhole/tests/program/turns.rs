//! A small exchange and a disk that can be held up, for the tests of the overlapped service.

use keepwhole::journal::sim_disk::SimDisk;
use keepwhole::journal::{Disk, Journal, Options, layout};
use keepwhole::sequencer::{Sequencer, SystemClock};
use keepwhole_core::book::MovementKind;
use keepwhole_core::command::{Body, Command, NewMovement};
use keepwhole_core::guard::Change;
use keepwhole_core::policy::rule::{Outcome, Rule, Rules};
use keepwhole_core::policy::{ActionClass, Clear, Policy};
use keepwhole_core::registry::{Asset, AssetIx, Tier, Wallet};
use keepwhole_core::state::State;
use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Units that `from` and the hot wallet begin with.
pub(crate) const OPENING: u128 = 1_000_000;

pub(crate) fn options() -> Options {
    Options {
        segment_bytes: 40_000,
        zero_ahead: 4_096,
        log_key: None,
    }
}

fn command(id: String, actor: Option<&str>, body: Body) -> Command {
    Command {
        id: Some(id),
        actor: actor.map(str::to_owned),
        body,
    }
}

/// One unit from `from` to `to`.
pub(crate) fn unit(number: u64) -> Command {
    moved(number, MovementKind::Trade, "from", "to", 1)
}

fn moved(number: u64, kind: MovementKind, from: &str, to: &str, units: u128) -> Command {
    let movement = NewMovement {
        from: from.to_owned(),
        to: to.to_owned(),
        asset: "AAA".to_owned(),
        units,
        kind,
        reference: String::new(),
    };
    let body = Body::RecordMovements(vec![movement]);
    command(format!("m-{number}"), None, body)
}

/// A withdrawal of one unit, which the policy clears.
pub(crate) fn withdrawal(id: String) -> Command {
    withdrawal_of(id, 1)
}

/// A withdrawal of so many units; the policy clears 500 at most.
pub(crate) fn withdrawal_of(id: String, units: u128) -> Command {
    let body = Body::RequestWithdrawal {
        customer: "from".to_owned(),
        wallet: "hot".to_owned(),
        asset: "AAA".to_owned(),
        units,
        to: "elsewhere".to_owned(),
    };
    command(id, None, body)
}

/// The next policy, which holds whatever is asked: one person adopts it at once.
pub(crate) fn tighter(state: &State) -> Command {
    let mut next = state.guard.policy.clone();
    next.version += 1;
    next.rules = Rules::new(vec![Rule {
        id: "hold-all".to_owned(),
        when: Vec::new(),
        then: Outcome::Hold,
        says: "everything waits".to_owned(),
    }]);
    let change = Change::AdoptPolicy(Box::new(next));
    command(
        "tighter".to_owned(),
        Some("bo"),
        Body::ProposeChange(change),
    )
}

/// A halt of everything by one person.
pub(crate) fn halt(id: &str) -> Command {
    let change = Change::Halt {
        scope: "all".to_owned(),
    };
    command(id.to_owned(), Some("bo"), Body::ProposeChange(change))
}

/// A sequencer over `disk`; an empty journal gets the small exchange first.
pub(crate) fn open<D: Disk>(disk: D, options: Options) -> Sequencer<D> {
    let (journal, _) = Journal::open(disk, options).unwrap();
    let mut sequencer = Sequencer::open(journal).unwrap();
    if sequencer.head().size > 0 {
        return sequencer;
    }
    let policy = Policy {
        version: 1,
        authority: vec![(ActionClass::LowerRisk, vec!["admin".to_owned()])],
        clears: vec![Clear {
            asset: AssetIx(0),
            up_to: 500,
        }],
        breaker_armed: true,
        ..Policy::default()
    };
    let bodies = [
        Body::RegisterAsset(Asset {
            id: "AAA".to_owned(),
            decimals: 0,
            network: None,
            confirmations: 0,
        }),
        Body::RegisterOwners(["house", "from", "to"].map(str::to_owned).to_vec()),
        Body::RegisterWallet(Wallet {
            id: "hot".to_owned(),
            tier: Tier::Hot,
            address: "at-hot".to_owned(),
        }),
        Body::EnrolActor {
            id: "bo".to_owned(),
            person: "bo".to_owned(),
            roles: vec!["admin".to_owned()],
            expires: None,
        },
        Body::DeclareHoldings(vec![("hot".to_owned(), "AAA".to_owned(), OPENING)]),
        Body::AdoptPolicy(Box::new(policy)),
    ];
    let setup = bodies
        .into_iter()
        .enumerate()
        .map(|(n, body)| command(format!("setup-{n}"), None, body));
    let opening = moved(u64::MAX, MovementKind::Opening, "outside", "from", OPENING);
    let commands: Vec<Command> = setup.chain([opening]).collect();
    for reply in sequencer.turn(1, &commands).unwrap() {
        assert_eq!(reply.answer.word(), "recorded", "{reply:?}");
    }
    sequencer
}

pub(crate) fn clock() -> Box<SystemClock> {
    Box::new(SystemClock::start(1))
}

/// What `to` has.
pub(crate) fn received(state: &State) -> u128 {
    let owner = state.registry.owner("to").unwrap();
    state
        .book
        .balance(owner, state.registry.asset("AAA").unwrap())
}

/// How syncs of segments are held up.
#[derive(Default)]
struct Hold {
    shut: bool,
    takes: Duration,
    /// Syncs that wait now.
    waiting: u32,
}

/// Holds up every sync of a segment.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<Hold>, Condvar)>);

impl Gate {
    pub(crate) fn shut(&self) {
        self.0.0.lock().unwrap().shut = true;
    }

    pub(crate) fn open(&self) {
        self.0.0.lock().unwrap().shut = false;
        self.0.1.notify_all();
    }

    pub(crate) fn slow(&self, takes: Duration) {
        self.0.0.lock().unwrap().takes = takes;
    }

    /// Waits until a sync waits.
    pub(crate) fn wait_for_sync(&self) {
        let mut hold = self.0.0.lock().unwrap();
        while hold.waiting == 0 {
            hold = self.0.1.wait(hold).unwrap();
        }
    }

    fn pass(&self) {
        let mut hold = self.0.0.lock().unwrap();
        let takes = hold.takes;
        hold.waiting += 1;
        self.0.1.notify_all();
        while hold.shut {
            hold = self.0.1.wait(hold).unwrap();
        }
        hold.waiting -= 1;
        drop(hold);
        std::thread::sleep(takes);
    }
}

/// The simulated disk behind a gate.
pub(crate) struct HeldDisk {
    pub(crate) disk: SimDisk,
    pub(crate) gate: Gate,
}

impl Disk for HeldDisk {
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.disk.list(folder)
    }
    fn len(&self, path: &str) -> io::Result<Option<u64>> {
        self.disk.len(path)
    }
    fn read_at(&self, path: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.disk.read_at(path, offset, buffer)
    }
    fn create(&mut self, path: &str) -> io::Result<()> {
        self.disk.create(path)
    }
    fn write_at(&mut self, path: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.disk.write_at(path, offset, bytes)
    }
    fn sync(&mut self, path: &str) -> io::Result<()> {
        if path.starts_with(layout::SEGMENTS) {
            self.gate.pass();
        }
        self.disk.sync(path)
    }
    fn truncate(&mut self, path: &str, bytes: u64) -> io::Result<()> {
        self.disk.truncate(path, bytes)
    }
    fn sync_dir(&mut self, folder: &str) -> io::Result<()> {
        self.disk.sync_dir(folder)
    }
    fn remove(&mut self, path: &str) -> io::Result<()> {
        self.disk.remove(path)
    }
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn lock(&mut self, path: &str) -> io::Result<bool> {
        self.disk.lock(path)
    }
    fn beside(&self) -> Self {
        Self {
            disk: self.disk.another(),
            gate: self.gate.clone(),
        }
    }
}
