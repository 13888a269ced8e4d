//! What the pages say of the guard: requests, approvals and changes of a small exchange, played through the sequencer.

use keepwhole::journal::{Journal, JournalError, Options, SimDisk};
use keepwhole::sequencer::Sequencer;
use keepwhole::text::Lang;
use keepwhole::views::{
    AuthorityView, Bootstrap, Compared, GuardView, Head, PAGE, PeopleView, PolicyDifference,
    PolicyView, RequestState, RequestView, Trail,
};
use keepwhole_core::answer::Answer;
use keepwhole_core::authority::credential::{Credential, DeviceKind, NewCredential};
use keepwhole_core::authority::finding::{Finding, FindingEffect, FindingKind};
use keepwhole_core::authority::rules::{RelyingParty, Rules};
use keepwhole_core::authority::{Stop, Tightened};
use keepwhole_core::book::MovementKind;
use keepwhole_core::breaker::Scope;
use keepwhole_core::command::{Body, Command, NewMovement};
use keepwhole_core::event::Record;
use keepwhole_core::guard::Change;
use keepwhole_core::policy::{ActionClass, ApprovalTier, Clear, Policy};
use keepwhole_core::reason::Reason;
use keepwhole_core::registry::{Asset, AssetIx, PersonIx, Tier, Wallet};
use keepwhole_core::state::State;

const START: u64 = 1_764_186_120_000;
const HOUR: u64 = 3_600_000;

pub(crate) struct World {
    pub(crate) sequencer: Sequencer<SimDisk>,
    step: u64,
}

impl World {
    fn tell(&mut self, at: u64, actor: Option<&str>, body: Body) -> Answer {
        self.step += 1;
        self.named(at, &format!("step-{}", self.step), actor, body)
    }

    fn named(&mut self, at: u64, id: &str, actor: Option<&str>, body: Body) -> Answer {
        let command = Command {
            id: Some(id.to_owned()),
            actor: actor.map(str::to_owned),
            body,
        };
        let reply = self.sequencer.turn(at, &[command]).unwrap().pop().unwrap();
        reply.answer
    }

    fn records(&self) -> Vec<Record> {
        let mut records = Vec::new();
        let journal = self.sequencer.journal();
        journal
            .read::<JournalError>(0, &mut |_, bytes| {
                records.push(Record::decode(bytes).unwrap());
                Ok(())
            })
            .unwrap();
        records
    }

    /// The trail, the head, and a way to look entries up.
    fn seen(&self) -> (Trail, Head, impl Fn(u64) -> Option<Record>) {
        let mut trail = Trail::default();
        let records = self.records();
        for (position, record) in records.iter().enumerate() {
            trail.follow(u64::try_from(position).unwrap(), record);
        }
        let head = self.sequencer.head();
        let head = Head {
            size: head.size,
            root: head.root.to_string(),
        };
        let find = move |at: u64| records.get(usize::try_from(at).unwrap()).cloned();
        (trail, head, find)
    }

    fn request(&self, id: &str) -> RequestView {
        let (trail, head, find) = self.seen();
        RequestView::of(self.sequencer.state(), &trail, &head, id, &find).unwrap()
    }

    fn policy(&self, between: Option<&Compared>) -> PolicyView {
        let (trail, head, find) = self.seen();
        PolicyView::of(self.sequencer.state(), &trail, &head, between, &find)
    }

    fn guard(&self, only: Option<RequestState>, from: u64) -> GuardView {
        let (mut trail, head, _) = self.seen();
        trail.settle(self.sequencer.state());
        GuardView::of(self.sequencer.state(), &trail, &head, only, from)
    }
}

fn rules(version: u32, approvals: u32) -> Policy {
    let sol = AssetIx(0);
    let roles = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    Policy {
        version,
        authority: vec![
            (ActionClass::Approve, roles(&["treasury"])),
            (ActionClass::LowerRisk, roles(&["treasury", "admin"])),
            (ActionClass::RaiseRisk, roles(&["admin"])),
        ],
        clears: vec![Clear {
            asset: sol,
            up_to: 500_000_000_000,
        }],
        tiers: vec![ApprovalTier {
            asset: sol,
            from: 100_000_000_000,
            approvals,
        }],
        approval_ttl_ms: Some(HOUR),
        clearance_ttl_ms: Some(2 * HOUR),
        change_approvals: 2,
        change_cool_off_ms: Some(24 * HOUR),
        node_quorum: 1,
        nodes: vec!["node".to_owned()],
        ..Policy::default()
    }
}

pub(crate) fn opened() -> World {
    let (journal, _) = Journal::open(SimDisk::new(), Options::default()).unwrap();
    let mut world = World {
        sequencer: Sequencer::open(journal).unwrap(),
        step: 0,
    };
    let sol = Asset {
        id: "SOL".to_owned(),
        decimals: 9,
        network: Some("solana".to_owned()),
        confirmations: 32,
    };
    let wallet = Wallet {
        id: "hot".to_owned(),
        tier: Tier::Hot,
        address: "hot-address".to_owned(),
    };
    let opening = NewMovement {
        from: "outside".to_owned(),
        to: "c-1".to_owned(),
        asset: "SOL".to_owned(),
        units: 900_000_000_000,
        kind: MovementKind::Opening,
        reference: String::new(),
    };
    let mut setup = vec![
        Body::RegisterAsset(sol),
        Body::RegisterOwners(["house", "c-1"].map(str::to_owned).to_vec()),
        Body::RegisterWallet(wallet),
        Body::DeclareHoldings(vec![("hot".to_owned(), "SOL".to_owned(), 900_000_000_000)]),
        Body::RecordMovements(vec![opening]),
    ];
    for (id, person, role, expires) in [
        ("kim", "Kim", "treasury", None),
        ("lee", "Lee", "treasury", Some(START + 10 * HOUR)),
        ("park", "Park", "admin", None),
        ("choi", "Choi", "admin", None),
        ("kim-admin", "Kim", "admin", None),
    ] {
        setup.push(Body::EnrolActor {
            id: id.to_owned(),
            person: person.to_owned(),
            roles: vec![role.to_owned()],
            expires,
        });
    }
    setup.push(Body::AdoptPolicy(Box::new(rules(1, 1))));
    for body in setup {
        let told = world.tell(START, None, body.clone());
        assert!(!matches!(told, Answer::Refused(_)), "{body:?}: {told:?}");
    }
    world
}

fn withdraw(units: u128) -> Body {
    Body::RequestWithdrawal {
        customer: "c-1".to_owned(),
        wallet: "hot".to_owned(),
        asset: "SOL".to_owned(),
        units,
        to: "there".to_owned(),
    }
}

fn english(words: &keepwhole::text::Words) -> String {
    words.say(Lang::En)
}

#[test]
fn a_held_request_says_why_what_releases_it_and_who_approved() {
    let mut world = opened();
    let told = world.named(START, "w-large", None, withdraw(200_000_000_000));
    assert!(
        matches!(told, Answer::Held(Reason::ApprovalsShort { .. })),
        "{told:?}"
    );
    assert_eq!(
        world.named(START, "w-small", None, withdraw(1_500_000_000)),
        Answer::Cleared
    );
    let told = world.named(START, "w-most", None, withdraw(950_000_000_000));
    assert!(matches!(told, Answer::Denied(_)), "{told:?}");
    let view = world.guard(None, 0);
    assert_eq!(view.counts, [1, 1, 1, 0, 0, 0, 0]);
    assert_eq!(
        view.lines
            .iter()
            .map(|line| line.id.as_str())
            .collect::<Vec<_>>(),
        ["w-most", "w-small", "w-large"]
    );
    let held = world.guard(Some(RequestState::Held), 0);
    assert_eq!((held.lines.len(), held.total), (1, 1));
    let line = &held.lines[0];
    assert_eq!(english(&line.what), "Withdrawal of 200 SOL to there");
    let reason = line.reason.as_ref().unwrap();
    assert_eq!(reason.code, "approvals_short");
    assert_eq!(english(&reason.words), "0 valid approvals of 1 needed.");
    assert_eq!(english(&reason.release), "More people must approve.");
    assert_eq!(
        reason.words.say(Lang::Ko),
        "유효한 승인이 0건이고 1건이 필요합니다."
    );
    let denied = &world.guard(Some(RequestState::Denied), 0).lines[0];
    let says = english(&denied.reason.as_ref().unwrap().words);
    assert!(says.contains("asked") && says.contains("950 SOL"), "{says}");
    assert!(world.guard(Some(RequestState::Held), 1).lines.is_empty());
    // The history of a request is whole, oldest first, each step with its entry.
    let digest = world
        .sequencer
        .state()
        .guard
        .request("w-large")
        .unwrap()
        .1
        .digest();
    let approve = Body::Approve {
        target: "w-large".to_owned(),
        nonce: "n-1".to_owned(),
        binds: None,
        seen: Some(digest),
    };
    let told = world.tell(START + 60_000, Some("kim"), approve);
    assert!(
        !matches!(told, Answer::Refused(_) | Answer::Denied(_)),
        "{told:?}"
    );
    let view = world.request("w-large");
    let steps: Vec<String> = view.steps.iter().map(|step| english(&step.what)).collect();
    assert_eq!(steps[0], "Asked by the system; approvals needed: 1");
    assert!(steps.contains(&"Held".to_owned()), "{steps:?}");
    assert!(steps.contains(&"Approved by Kim".to_owned()), "{steps:?}");
    assert!(
        steps.last().unwrap().starts_with("Cleared, until"),
        "{steps:?}"
    );
    assert!(view.steps.windows(2).all(|two| two[0].entry < two[1].entry));
    assert_eq!(view.line.state, RequestState::Cleared);
    assert_eq!(
        (view.approvals[0].person.as_str(), view.approvals[0].counts),
        ("Kim", true)
    );
    assert_eq!(view.approvals[0].until, Some(START + 60_000 + HOUR));
    assert_eq!(
        view.line.deadline.as_ref().unwrap().1,
        START + 60_000 + 2 * HOUR
    );
}

/// Numbers of all requests are kept up entry by entry; they must be those of a look at everything.
#[test]
fn numbers_of_all_requests_are_kept_up_page_by_page() {
    let mut world = opened();
    let mut trail = Trail::default();
    let mut follow = |world: &World| {
        let records = world.records();
        let from = usize::try_from(trail.size).unwrap();
        for (position, record) in records.iter().enumerate().skip(from) {
            trail.follow(u64::try_from(position).unwrap(), record);
        }
        trail.settle(world.sequencer.state());
        trail.clone()
    };
    let mut at = START;
    for step in 0..120_u64 {
        at += HOUR / 20;
        let units =
            [1_500_000_000, 200_000_000_000, 950_000_000_000][usize::try_from(step % 3).unwrap()];
        world.named(at, &format!("w-{step}"), None, withdraw(units));
        if step % 7 == 0 {
            let (kept, head) = (follow(&world), world.seen().1);
            let state = world.sequencer.state();
            let view = GuardView::of(state, &kept, &head, None, 0);
            assert_eq!(view, world.guard(None, 0), "step {step}");
            assert_eq!(view.counts.iter().sum::<u64>(), step + 1);
            assert_eq!(view.total, step + 1);
            for (only, number) in RequestState::ALL.into_iter().zip(view.counts) {
                let view = GuardView::of(state, &kept, &head, Some(only), 0);
                assert_eq!((view.total, view.counts), (number, view.counts));
                assert!(view.lines.iter().all(|line| line.state == only));
                assert_eq!(u64::try_from(view.lines.len()).unwrap(), number.min(PAGE));
            }
        }
    }
    let view = world.guard(None, 0);
    assert_eq!(view.counts[..2], [40, 40]);
    assert!(view.counts[5] > 20, "lapsed: {:?}", view.counts);
    let last = world.guard(None, 100);
    assert_eq!((last.lines.len(), last.lines[0].id.as_str()), (20, "w-19"));
}

#[test]
fn the_policy_page_tells_versions_differences_and_what_waits() {
    let mut world = opened();
    let view = world.policy(None);
    assert_eq!((view.version, view.versions.len()), (1, 1));
    assert!(view.versions[0].proposed.is_none() && view.difference.is_none());
    let tiers = |view: &PolicyView| {
        let row = view
            .rows
            .iter()
            .find(|row| row.label == "policy-tiers")
            .unwrap();
        row.says.iter().map(english).collect::<Vec<_>>()
    };
    assert_eq!(tiers(&view), ["from 100 SOL on: distinct persons 1"]);
    assert!(view.rows.iter().all(|row| !row.says.is_empty()));
    let propose = Body::ProposeChange(Change::AdoptPolicy(Box::new(rules(2, 0))));
    let told = world.named(START, "change-1", Some("park"), propose);
    assert!(matches!(told, Answer::Held(_)), "{told:?}");
    let waiting = &world.policy(None).waiting;
    assert_eq!(waiting.len(), 1);
    assert_eq!(
        (waiting[0].id.as_str(), &waiting[0].persons),
        ("change-1", &vec!["Park".to_owned()])
    );
    assert_eq!(english(&waiting[0].what), "policy version 2");
    // What waits can be compared with what is in force before anybody approves it.
    let proposal = Compared::Proposal("change-1".to_owned());
    let difference = world.policy(Some(&proposal)).difference.unwrap();
    assert_eq!((difference.old, difference.new), (1, 2));
    assert_eq!((difference.at_once, difference.persons), (false, 2));
    assert_eq!(difference.notice, 24 * HOUR);
    assert!(waiting[0].policy);
    let none = Compared::Proposal("change-9".to_owned());
    assert!(world.policy(Some(&none)).difference.is_none());
    assert_eq!(
        waiting[0].reason.as_ref().unwrap().code,
        "needs_second_admin"
    );
    let approve = Body::ApproveChange {
        target: "change-1".to_owned(),
    };
    world.tell(START + HOUR, Some("choi"), approve);
    let view = world.policy(None);
    let reason = view.waiting[0].reason.as_ref().unwrap();
    assert_eq!(
        (reason.code.as_str(), reason.until),
        ("cool_off", Some(START + 25 * HOUR))
    );
    assert_eq!(view.waiting[0].entries.len(), 3);
    world.tell(START + 25 * HOUR, None, Body::ObserveTime);
    let view = world.policy(Some(&Compared::Versions(2, 1)));
    assert_eq!(
        (view.version, view.waiting.len(), view.decided.len()),
        (2, 0, 1)
    );
    let proposed = view.versions[0].proposed.as_ref().unwrap();
    assert_eq!((proposed.person.as_str(), proposed.at), ("Park", START));
    let approved: Vec<_> = view.versions[0]
        .approved
        .iter()
        .map(|one| (one.person.as_str(), one.at))
        .collect();
    assert_eq!(approved, [("Choi", START + HOUR)]);
    assert_eq!(view.versions[1].until, Some(START + 25 * HOUR));
    assert_eq!(view.versions[0].until, None);
    let difference = view.difference.unwrap();
    assert_eq!(
        (difference.old, difference.new, difference.changes.len()),
        (1, 2, 1)
    );
    let change = &difference.changes[0];
    assert_eq!(
        (change.field.as_str(), change.direction.word()),
        ("tier.SOL", "looser")
    );
    assert_eq!(english(&change.about), "SOL: approvals by amount");
    let side = |side: &Option<keepwhole::text::Words>| english(side.as_ref().unwrap());
    assert_eq!(side(&change.old), "from 100 SOL on: distinct persons 1");
    assert_eq!(side(&change.new), "from 100 SOL on: distinct persons 0");
    // A version that never was has no difference.
    assert!(
        world
            .policy(Some(&Compared::Versions(1, 9)))
            .difference
            .is_none()
    );
}

#[test]
fn the_people_page_counts_persons_and_not_accounts() {
    let mut world = opened();
    let view = |world: &World| {
        let (_, head, find) = world.seen();
        PeopleView::of(world.sequencer.state(), &head, &find)
    };
    let first = view(&world);
    let class = |view: &PeopleView, class: &str| {
        let row = view.classes.iter().find(|row| row.class == class).unwrap();
        (row.persons.join(","), row.needs, row.filled)
    };
    assert_eq!(
        class(&first, "class-approve"),
        ("Kim,Lee".to_owned(), 1, true)
    );
    // Park, Choi and Kim, of whom one account alone is the administrator's.
    assert_eq!(class(&first, "class-raise-risk").1, 2);
    assert!(class(&first, "class-raise-risk").2);
    assert_eq!(
        class(&first, "class-read-personal"),
        (String::new(), 1, false)
    );
    assert_eq!(first.actors.len(), 5);
    // Lee's role ends: whoever asks never counts, so one treasurer alone is too few.
    world.tell(START + 11 * HOUR, None, Body::ObserveTime);
    world.named(START + 11 * HOUR, "w", None, withdraw(1));
    let later = view(&world);
    assert_eq!(class(&later, "class-approve"), ("Kim".to_owned(), 1, false));
    let lee = later.actors.iter().find(|actor| actor.id == "lee").unwrap();
    assert!(!lee.counts);
}

/// A state with usual rules of authority and three people, as a bootstrap leaves it.
fn bootstrapped() -> State {
    let mut state = opened().sequencer.state().clone();
    let site = RelyingParty {
        id: "console.example".to_owned(),
        origins: vec!["https://console.example".to_owned()],
        separate: false,
    };
    state.authority.rules = Some(Box::new(Rules::usual(vec![site])));
    let credential = |person, until| Credential {
        key: NewCredential {
            id: vec![7; 16],
            public_key: Vec::new(),
            kind: DeviceKind::Phone,
            device_bound: true,
        },
        person,
        from: 2,
        until,
        counter: 0,
    };
    let (kim, lee) = (PersonIx(0), PersonIx(1));
    state.authority.administrators = vec![kim];
    state.authority.credentials = vec![credential(kim, None), credential(lee, Some(4))];
    state.authority.findings = vec![Finding {
        person: lee,
        at: START,
        kind: FindingKind::UnusualHours {
            minute: 192,
            from: 420,
            until: 1_320,
        },
        effect: FindingEffect::OneMore,
        cleared: None,
    }];
    let stop = Stop {
        proposal: 9,
        by: kim,
        since: START,
        kept: false,
    };
    state.guard.policy.version = 4;
    state.authority.tightened = Some(Tightened {
        before: Box::new(Policy {
            version: 3,
            reads_per_hour: Some(9),
            ..state.guard.policy.clone()
        }),
        by: vec![kim],
        stop,
    });
    state.authority.suspended.insert(lee, stop);
    state.authority.stops.insert(Scope::All, stop);
    state
}

#[test]
fn the_people_page_says_what_each_quorum_lacks_and_what_stands_in_its_way() {
    let none = AuthorityView::of(opened().sequencer.state(), &|_| None);
    assert_eq!(none.bootstrap, Bootstrap::NotBegun);
    assert!(none.quorums.is_empty());
    let state = bootstrapped();
    let view = AuthorityView::of(&state, &|_| None);
    let Bootstrap::Goes {
        administrators,
        filled,
        all,
    } = &view.bootstrap
    else {
        panic!("{:?}", view.bootstrap);
    };
    assert_eq!(
        (administrators.join(","), *filled, *all),
        ("Kim".to_owned(), 1, 13)
    );
    let row = |class| view.quorums.iter().find(|row| row.class == class).unwrap();
    // Kim has a key and the role, Lee is suspended: the other role has nobody.
    let withdrawal = row("quorum-withdrawal");
    assert_eq!(
        (withdrawal.persons, withdrawal.able.join(",")),
        (2, "Kim".to_owned())
    );
    let (valid, needs, missing) = withdrawal.lack.clone().unwrap();
    let missing = missing.as_ref().map(|missing| missing.say(Lang::En));
    assert_eq!((valid, needs, missing.as_deref()), (1, 2, Some("risk")));
    assert!(!withdrawal.proposer_counts && withdrawal.assertions);
    // A stop is one person's and needs no key.
    assert_eq!(row("quorum-lower-risk").lack, None);
    assert_eq!(row("quorum-custody-change").of, 6);
    assert_eq!(row("quorum-custody-change").cool_off, 48 * HOUR);
    let finding = &view.findings[0];
    assert_eq!(
        (finding.id.as_str(), finding.person.as_str()),
        ("finding-0", "Lee")
    );
    assert_eq!(
        english(&finding.numbers),
        "at 03:12; usual are 07:00 to 22:00"
    );
    assert_eq!(
        (finding.effect, &finding.cleared),
        ("finding-one-more", &None)
    );
    let stops: Vec<String> = view.stops.iter().map(|stop| english(&stop.what)).collect();
    assert!(stops.contains(&"Suspended: Lee".to_owned()), "{stops:?}");
    assert!(
        stops.contains(&"Tighter policy: version 4".to_owned()),
        "{stops:?}"
    );
    assert!(
        view.stops
            .iter()
            .all(|stop| stop.by == "Kim" && stop.stands == "stop-alone")
    );
    let ended = view
        .credentials
        .iter()
        .find(|row| row.person == "Lee")
        .unwrap();
    assert_eq!(ended.until.map(|told| told.entry), Some(4));
}

#[test]
fn a_policy_that_takes_back_what_one_person_tightened_needs_two_at_once() {
    let state = bootstrapped();
    let now = &state.guard.policy;
    let next = |reads| Policy {
        version: 5,
        reads_per_hour: Some(reads),
        ..now.clone()
    };
    let mut tight = now.clone();
    tight.reads_per_hour = Some(1);
    for (reads, persons, notice) in [(9, 2, 0), (10, 3, 24 * HOUR)] {
        let found = PolicyDifference::of(&state, &tight, &next(reads), None);
        assert!(!found.at_once);
        assert_eq!((found.persons, found.notice), (persons, notice), "{reads}");
    }
}
