//! What the pages say of a journal: a small theft played through the sequencer, and the views of each stage.

use keepwhole::journal::{Journal, Options, SimDisk};
use keepwhole::sequencer::Sequencer;
use keepwhole::text::Lang;
use keepwhole::views::{
    AnswerState, Banner, ClockState, CustomerView, Head, IncidentLine, IncidentView, Overview,
    Trail, banner,
};
use keepwhole_core::answer::Answer;
use keepwhole_core::book::MovementKind;
use keepwhole_core::command::{Body, Command, NewMovement, Observation};
use keepwhole_core::custody::Direction;
use keepwhole_core::event::Record;
use keepwhole_core::incident::clock::{Duty, Limit, Start};
use keepwhole_core::policy::{LossOrder, Policy};
use keepwhole_core::registry::{Asset, Tier, Wallet};

const START: u64 = 1_764_186_120_000;
const HOUR: u64 = 3_600_000;

struct World {
    sequencer: Sequencer<SimDisk>,
    step: u64,
}

impl World {
    fn new() -> Self {
        let (journal, _) = Journal::open(SimDisk::new(), Options::default()).unwrap();
        Self {
            sequencer: Sequencer::open(journal).unwrap(),
            step: 0,
        }
    }

    fn tell(&mut self, at: u64, body: Body) {
        self.step += 1;
        let command = Command {
            id: Some(format!("step-{}", self.step)),
            actor: None,
            body,
        };
        let reply = self.sequencer.turn(at, &[command]).unwrap().pop().unwrap();
        assert!(
            !matches!(reply.answer, Answer::Refused(_)),
            "step {}: {:?}",
            self.step,
            reply.answer
        );
    }

    fn records(&self) -> Vec<Record> {
        let mut records = Vec::new();
        self.sequencer
            .journal()
            .read::<keepwhole::journal::JournalError>(0, &mut |_, bytes| {
                records.push(Record::decode(bytes).unwrap());
                Ok(())
            })
            .unwrap();
        records
    }

    fn seen(&self) -> (Trail, Head) {
        let mut trail = Trail::default();
        for (position, record) in self.records().iter().enumerate() {
            trail.follow(u64::try_from(position).unwrap(), record);
        }
        let head = self.sequencer.head();
        (
            trail,
            Head {
                size: head.size,
                root: head.root.to_string(),
            },
        )
    }

    fn overview(&self) -> Overview {
        let (trail, head) = self.seen();
        Overview::of(
            self.sequencer.state(),
            &trail,
            &head,
            banner(self.sequencer.state()),
            true,
        )
    }
}

fn opened() -> World {
    let mut world = World::new();
    let sol = Asset {
        id: "SOL".to_owned(),
        decimals: 9,
        network: Some("solana".to_owned()),
        confirmations: 32,
    };
    world.tell(START, Body::RegisterAsset(sol));
    world.tell(
        START,
        Body::RegisterOwners(["house", "c-1", "c-2"].map(str::to_owned).to_vec()),
    );
    let wallet = Wallet {
        id: "hot".to_owned(),
        tier: Tier::Hot,
        address: "hot-address".to_owned(),
    };
    world.tell(START, Body::RegisterWallet(wallet));
    world.tell(
        START,
        Body::DeclareHoldings(vec![("hot".to_owned(), "SOL".to_owned(), 1_000)]),
    );
    let policy = Policy {
        version: 1,
        breaker_armed: true,
        loss_order: LossOrder::HouseFirst,
        node_quorum: 1,
        nodes: vec!["node".to_owned()],
        ..Policy::default()
    };
    world.tell(START, Body::AdoptPolicy(Box::new(policy)));
    let duty = Duty {
        id: "exercise-24h".to_owned(),
        authority: "kisa".to_owned(),
        start: Start::Awareness(Limit::Ms(24 * HOUR)),
        source: "exercise".to_owned(),
        status: "in_force".to_owned(),
        confidence: "checked".to_owned(),
        holds_from: None,
        holds_until: None,
    };
    world.tell(START, Body::AdoptDuties(vec![duty]));
    let opening = [("house", 100), ("c-1", 600), ("c-2", 300)].map(|(owner, units)| NewMovement {
        from: "outside".to_owned(),
        to: owner.to_owned(),
        asset: "SOL".to_owned(),
        units,
        kind: MovementKind::Opening,
        reference: String::new(),
    });
    world.tell(START, Body::RecordMovements(opening.to_vec()));
    world
}

fn stolen() -> World {
    let mut world = opened();
    world.tell(
        START + HOUR,
        Body::RecordObservation(Observation {
            node: "node".to_owned(),
            wallet: "hot".to_owned(),
            txid: "tx-1".to_owned(),
            direction: Direction::Out,
            asset: "SOL".to_owned(),
            units: 400,
            peer: "thief".to_owned(),
            height: 7,
            authority: false,
        }),
    );
    world
}

fn states(view: &Overview) -> Vec<AnswerState> {
    view.ten.iter().map(|answer| answer.state).collect()
}

#[test]
fn an_empty_journal_answers_nothing_in_green_but_its_own_tree() {
    let view = World::new().overview();
    for answer in view.ten.iter().filter(|answer| answer.number != 8) {
        assert!(
            matches!(answer.state, AnswerState::Unknown | AnswerState::NotBuilt),
            "question {}",
            answer.number
        );
    }
}

#[test]
fn no_answer_is_green_without_observations() {
    let states = states(&opened().overview());
    assert_eq!(states[0], AnswerState::Whole);
    // Covered, but without a year of prices nobody can tell the cold share.
    assert_eq!(
        states[1..4],
        [
            AnswerState::Unknown,
            AnswerState::Unknown,
            AnswerState::Unknown
        ]
    );
    assert_eq!(states[4], AnswerState::Whole);
    assert_eq!(states[9], AnswerState::NotBuilt);
}

#[test]
fn a_theft_shows_on_every_page_that_it_touches() {
    let world = stolen();
    let (trail, head) = world.seen();
    let state = world.sequencer.state();
    let view = world.overview();
    assert!(matches!(view.banner, Banner::Tripped { since, .. } if since == START + HOUR));
    for number in [2, 3, 4, 5] {
        assert_eq!(
            view.ten[number - 1].state,
            AnswerState::Attention,
            "question {number}"
        );
    }
    assert_eq!(IncidentLine::all(state).len(), 1);
    let case = IncidentView::of(state, &trail, &head, "inc-1").unwrap();
    assert_eq!(case.working_start, START + HOUR);
    assert_eq!(case.awareness[0].dues[0].1, START + 25 * HOUR);
    assert_eq!(
        case.clocks[0].state,
        ClockState::Running { left: 24 * HOUR }
    );
    assert_eq!(case.clocks[0].due, Some(START + 25 * HOUR));
    let loss = &case.losses[0];
    let units = [
        &loss.taken,
        &loss.house,
        &loss.customers,
        &loss.replenished,
        &loss.outstanding,
    ]
    .map(|a| a.units);
    assert_eq!(units, [400, 100, 300, 0, 300]);
    assert!(case.trips.iter().all(|trip| trip.armed) && !case.trips.is_empty());
    assert!(IncidentView::of(state, &trail, &head, "inc-2").is_none());
}

#[test]
fn a_claim_stays_whole_while_its_custody_is_short() {
    let world = stolen();
    let (trail, head) = world.seen();
    let records = world.records();
    let read = |at: u64| records.get(usize::try_from(at).unwrap()).cloned();
    let of = |id: &str| CustomerView::of(world.sequencer.state(), &trail, &head, id, &read);
    let first = of("c-1").unwrap();
    assert_eq!(first.balances[0].owed.units, 600);
    let row = &first.redress[0];
    assert_eq!(
        [
            row.short.units,
            row.replenished.units,
            row.outstanding.units
        ],
        [200, 0, 200]
    );
    assert_eq!(first.statement_total, 1);
    assert!(
        first.statement[0].incoming && first.statement[0].what.say(Lang::En) == "opening balance"
    );
    assert_eq!(of("c-2").unwrap().redress[0].short.units, 100);
    for nobody in ["house", "outside", "c-3", ""] {
        assert!(of(nobody).is_none(), "{nobody}");
    }
}

#[test]
fn evidence_names_entries_that_say_it() {
    let world = stolen();
    let (trail, head) = world.seen();
    let records = world.records();
    let case = IncidentView::of(world.sequencer.state(), &trail, &head, "inc-1").unwrap();
    let mut named = 0;
    for entry in case
        .events
        .iter()
        .flat_map(|event| &event.evidence)
        .chain(case.clocks.iter().flat_map(|c| &c.evidence))
    {
        let record = &records[usize::try_from(*entry).unwrap()];
        assert!(
            record.at >= START + HOUR,
            "entry {entry} is older than the incident"
        );
        named += 1;
    }
    assert!(named >= 3, "only {named} entries are named");
}
