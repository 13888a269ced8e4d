//! A small exchange to test on: what is given, one door for commands, and what must be true after each of them.

use keepwhole_core::answer::Reply;
use keepwhole_core::apply::{apply, apply_all, apply_transfers};
use keepwhole_core::command::{Body, Command, NewMovement, Observation};
use keepwhole_core::custody::Direction;
use keepwhole_core::decide::decide;
use keepwhole_core::due::next_due;
use keepwhole_core::event::{Event, Record, RecordRef};
use keepwhole_core::guard::Standing;
use keepwhole_core::incident::clock::{Duty, Limit, Start};
use keepwhole_core::policy::{
    ActionClass, ApprovalTier, AutoPay, Budget, Cap, Clear, LossOrder, Policy,
};
use keepwhole_core::reason::Reason;
use keepwhole_core::registry::{Asset, AssetIx, Tier, Wallet, WalletIx};
use keepwhole_core::state::State;
use keepwhole_core::transfer_ids::TransferIds;

pub(crate) const SECOND: u64 = 1_000;
pub(crate) const MINUTE: u64 = 60 * SECOND;
pub(crate) const HOUR: u64 = 60 * MINUTE;
pub(crate) const DAY: u64 = 24 * HOUR;
/// 2026-05-01T00:00:00Z, a Friday.
pub(crate) const START: u64 = 1_777_593_600_000;

pub(crate) const KRW: AssetIx = AssetIx(0);
pub(crate) const BTC: AssetIx = AssetIx(1);
pub(crate) const ETH: AssetIx = AssetIx(2);
pub(crate) const HOT: WalletIx = WalletIx(0);

/// The exchange, its journal so far, and the time.
pub(crate) struct Exchange {
    pub(crate) state: State,
    pub(crate) records: Vec<Record>,
    pub(crate) at: u64,
}

fn asset(id: &str, decimals: u8, network: Option<&str>, confirmations: u32) -> Asset {
    Asset {
        id: id.into(),
        decimals,
        network: network.map(Into::into),
        confirmations,
    }
}

fn duty(id: &str, start: Start) -> Duty {
    Duty {
        id: id.into(),
        authority: "supervisor".into(),
        start,
        source: String::new(),
        status: "exercise".into(),
        confidence: "high".into(),
        holds_from: None,
        holds_until: None,
    }
}

/// The policy of the exchange: every control is on.
pub(crate) fn policy() -> Policy {
    let budget = |id: &str, asset, total, per_customer, approvals| Budget {
        id: id.into(),
        asset,
        total,
        per_customer,
        approvals,
    };
    Policy {
        version: 1,
        authority: vec![
            (ActionClass::Approve, vec!["approver".into()]),
            (
                ActionClass::LowerRisk,
                vec!["admin".into(), "security".into()],
            ),
            (ActionClass::RaiseRisk, vec!["admin".into()]),
            (
                ActionClass::KeepPersonal,
                vec!["admin".into(), "security".into()],
            ),
            (ActionClass::ReadPersonal, vec!["security".into()]),
        ],
        clears: vec![
            Clear {
                asset: BTC,
                up_to: 2_000,
            },
            Clear {
                asset: ETH,
                up_to: u128::MAX,
            },
        ],
        caps: vec![
            Cap {
                window_ms: DAY,
                bps: 5_000,
            },
            Cap {
                window_ms: 10 * MINUTE,
                bps: 3_000,
            },
        ],
        tiers: vec![
            ApprovalTier {
                asset: BTC,
                from: 1_000,
                approvals: 1,
            },
            ApprovalTier {
                asset: BTC,
                from: 1_500,
                approvals: 2,
            },
        ],
        budgets: vec![
            budget("promo", BTC, 100, 60, 0),
            budget("large", BTC, 1_000_000, 1_000_000, 0),
            budget("checked", BTC, 1_000, 1_000, 1),
        ],
        allowlist: true,
        destination_cool_off_ms: Some(HOUR),
        approval_ttl_ms: Some(HOUR),
        clearance_ttl_ms: Some(30 * MINUTE),
        change_cool_off_ms: Some(DAY),
        change_approvals: 2,
        ops_allowed: vec!["transfer".into()],
        attested: Some([7; 32]),
        price_max_age_ms: Some(HOUR),
        price_band_bps: Some(1_000),
        nodes: vec!["n1".into(), "n2".into(), "n3".into()],
        node_quorum: 2,
        node_max_lag_ms: Some(MINUTE),
        holdings_guard: true,
        reads_per_hour: Some(2),
        reads_per_hour_all: Some(3),
        sweep_to: Some(WalletIx(1)),
        loss_order: LossOrder::ProRata,
        breaker_armed: true,
        auto_pay: vec![
            AutoPay {
                asset: KRW,
                up_to: 10_000,
            },
            AutoPay {
                asset: BTC,
                up_to: 1_000_000,
            },
        ],
        ..Policy::default()
    }
}

/// What the exchange is before its policy: assets, owners, wallets, people, holdings.
pub(crate) fn registrations() -> Vec<Body> {
    let wallet = |id: &str, tier, address: &str| {
        Body::RegisterWallet(Wallet {
            id: id.into(),
            tier,
            address: address.into(),
        })
    };
    let actor = |id: &str, person: &str, role: &str, expires| Body::EnrolActor {
        id: id.into(),
        person: person.into(),
        roles: vec![role.into()],
        expires,
    };
    let holding = |wallet: &str, asset: &str, units| (wallet.to_owned(), asset.to_owned(), units);
    vec![
        Body::RegisterAsset(asset("KRW", 0, None, 0)),
        Body::RegisterAsset(asset("BTC", 8, Some("bitcoin"), 3)),
        Body::RegisterAsset(asset("ETH", 18, Some("ethereum"), 3)),
        Body::RegisterOwners(["house", "alice", "bob", "carol"].map(Into::into).to_vec()),
        wallet("hot", Tier::Hot, "0xhothothot01"),
        wallet("cold", Tier::Cold, "0xcoldcold002"),
        wallet("old-hot", Tier::Hot, "0xoldoldold03"),
        wallet("deposits", Tier::Deposit, "0xdepositdep04"),
        actor("requester", "rita", "requester", None),
        actor("rita-approves", "rita", "approver", None),
        actor("approver-1", "ann", "approver", None),
        actor("approver-1b", "ann", "approver", None),
        actor("approver-2", "ben", "approver", None),
        actor("stale", "olga", "reader", Some(START)),
        actor("admin-1", "adam", "admin", None),
        actor("admin-2", "eve", "admin", None),
        actor("security", "sam", "security", None),
        Body::DeclareHoldings(vec![
            holding("hot", "BTC", 10_000),
            holding("cold", "BTC", 90_000),
            holding("old-hot", "BTC", 0),
            holding("hot", "ETH", 1_000_000),
        ]),
    ]
}

/// Opening balances: 100,000 satoshi of everybody together are held, 99,000 are owed.
pub(crate) fn opening() -> Body {
    let line = |to: &str, asset: &str, units| NewMovement {
        from: "outside".into(),
        to: to.into(),
        asset: asset.into(),
        units,
        kind: keepwhole_core::book::MovementKind::Opening,
        reference: String::new(),
    };
    Body::RecordMovements(vec![
        line("house", "BTC", 9_000),
        line("alice", "BTC", 60_000),
        line("bob", "BTC", 30_000),
        line("house", "KRW", 1_000_000),
        line("alice", "ETH", 1_000_000),
    ])
}

pub(crate) fn duties() -> Vec<Duty> {
    vec![
        duty("first-report", Start::Awareness(Limit::Ms(DAY))),
        duty(
            "capped",
            Start::ClassificationCapped {
                limit_ms: 4 * HOUR,
                cap_ms: DAY,
            },
        ),
        duty("supplement", Start::MaterialFact(Limit::Ms(DAY))),
        duty(
            "follow-up",
            Start::Notification {
                of: "first-report".into(),
                limit: Limit::Ms(3 * DAY),
            },
        ),
        duty("block-notice", Start::Block(Limit::Ms(2 * HOUR))),
        duty(
            "words",
            Start::Awareness(Limit::Words("without delay".into())),
        ),
    ]
}

impl Exchange {
    /// A state without records, whose window of transfer ids is small enough to run out of.
    pub(crate) fn blank() -> State {
        State {
            transfer_ids: TransferIds::remembering(2),
            ..State::default()
        }
    }

    /// Nothing yet.
    pub(crate) fn empty() -> Self {
        Self {
            state: Self::blank(),
            records: Vec::new(),
            at: START,
        }
    }

    /// The exchange as given, under `policy`.
    pub(crate) fn under(policy: Policy) -> Self {
        let mut new = Self::empty();
        for body in registrations() {
            new.told(body);
        }
        new.told(Body::AdoptPolicy(Box::new(policy)));
        new.told(Body::AdoptDuties(duties()));
        new.told(opening());
        for address in ["0xlistedlist01", "0xlistedlist02"] {
            new.list(address);
        }
        new.pass(2 * DAY);
        new
    }

    pub(crate) fn new() -> Self {
        Self::under(policy())
    }

    /// Lists a destination by two administrators and waits until it is in force.
    pub(crate) fn list(&mut self, address: &str) {
        let change = keepwhole_core::guard::Change::ListDestination {
            address: address.into(),
        };
        let id = format!("list-{address}");
        self.ask(Some(&id), Some("admin-1"), Body::ProposeChange(change));
        self.ask(None, Some("admin-2"), Body::ApproveChange { target: id });
        self.pass(self.state.guard.policy.change_cool_off_ms.unwrap_or(0));
    }

    /// Tells a fact that must be recorded.
    pub(crate) fn told(&mut self, body: Body) {
        let reply = self.ask(None, None, body.clone());
        assert_eq!(reply.answer.reason(), None, "{body:?}");
    }

    /// Decides, checks what must be true of every decision, and folds it as the journal stores it.
    pub(crate) fn ask(&mut self, id: Option<&str>, actor: Option<&str>, body: Body) -> Reply {
        let command = Command {
            id: id.map(Into::into),
            actor: actor.map(Into::into),
            body,
        };
        self.send(&command)
    }

    pub(crate) fn send(&mut self, command: &Command) -> Reply {
        let decision = decide(&self.state, command, self.at);
        let reply = decision.reply.clone();
        let turn = self.state.turn + 1;
        // What the sequencer folds at once must be what is folded record by record when the journal is read. A copy of the
        // state costs much, so not every batch is looked at.
        let looked_at = !decision.transfers.is_empty() && self.records.len().is_multiple_of(8);
        let at_once = looked_at.then(|| {
            let mut state = self.state.clone();
            apply_transfers(&mut state, self.at, turn, &decision.transfers);
            let events = decision.events.iter();
            apply_all(
                &mut state,
                events.map(|event| RecordRef {
                    at: self.at,
                    turn,
                    event,
                }),
            );
            state
        });
        let events: Vec<Event> = decision.into_events().collect();
        let answered = events
            .iter()
            .filter(|e| matches!(e, Event::Answered { .. }))
            .count();
        let repeated = events
            .iter()
            .filter(|e| matches!(e, Event::AnswerRepeated { .. }))
            .count();
        if command.body == Body::ObserveTime {
            assert!(answered <= 1);
        } else {
            assert_eq!(
                answered + repeated,
                1,
                "one record of the answer to {command:?}"
            );
        }
        for event in events {
            let bytes = Record::new(self.at, turn, event)
                .encode()
                .expect("fits a leaf");
            let record = Record::decode(&bytes).expect("reads back");
            apply(&mut self.state, &record);
            self.records.push(record);
        }
        if let Some(state) = at_once {
            assert!(state == self.state, "{command:?}");
        }
        self.hold_true();
        reply
    }

    /// What is true after every command.
    fn hold_true(&self) {
        for place in 0..self.state.registry.assets.len() {
            let asset = AssetIx::next(place).expect("few assets");
            assert!(
                self.state.book.sums_to_zero(asset),
                "double entry of {asset:?}"
            );
        }
        for case in &self.state.incidents.cases {
            for loss in case.losses.values() {
                let parts: u128 = loss.parts.iter().map(|p| p.lost).sum();
                assert_eq!(loss.house + parts, loss.total, "a loss is attributed whole");
                let restored: u128 = loss.parts.iter().map(|p| p.restored).sum();
                assert_eq!(
                    parts,
                    restored + loss.outstanding(),
                    "short = replenished + outstanding"
                );
                assert!(loss.parts.iter().all(|p| p.restored <= p.lost));
                assert!(loss.house_restored <= loss.house);
            }
        }
    }

    /// Lets time pass, and what is due happen.
    pub(crate) fn pass(&mut self, ms: u64) {
        let end = self.at + ms;
        while let Some(due) = next_due(&self.state).filter(|due| *due <= end) {
            self.at = self.at.max(due);
            self.ask(None, None, Body::ObserveTime);
        }
        self.at = end;
    }

    /// One node's report.
    pub(crate) fn seen(
        &mut self,
        node: &str,
        direction: Direction,
        txid: &str,
        units: u128,
        peer: &str,
        height: u64,
    ) -> Reply {
        self.ask(
            None,
            None,
            observed(node, "hot", direction, txid, units, peer, height),
        )
    }

    /// Where the request of that id stands.
    /// Digest of what was issued for an attempt; zeros if nothing was.
    pub(crate) fn issued(&self, target: &str, attempt: u128) -> [u8; 32] {
        let clearances = &self.state.guard.clearances;
        let number = self.state.guard.request(target).map(|(number, _)| number);
        let issued = number.map_or(&[][..], |number| clearances.of(number));
        let of = issued
            .iter()
            .rfind(|issued| u128::from(issued.attempt) == attempt);
        of.map_or([0; 32], |issued| issued.digest)
    }

    pub(crate) fn standing(&self, id: &str) -> &Standing {
        &self.state.guard.request(id).expect("a request").1.standing
    }

    /// The code of the reason why a request is held or denied.
    pub(crate) fn why(&self, id: &str) -> &'static str {
        match self.standing(id) {
            Standing::Held(reason) | Standing::Denied(reason) => reason.code(),
            Standing::Cleared => "cleared",
            Standing::Lapsed => "lapsed",
        }
    }

    pub(crate) fn balance(&self, owner: &str, asset: AssetIx) -> u128 {
        let owner = self.state.registry.owner(owner).expect("an owner");
        self.state.book.balance(owner, asset)
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = &Event> {
        self.records.iter().map(|record| &record.event)
    }

    pub(crate) fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.events().filter(|event| wanted(event)).count()
    }

    /// Folds the journal again from the start.
    pub(crate) fn folded_again(&self) -> State {
        let mut state = Self::blank();
        for record in &self.records {
            apply(&mut state, record);
        }
        state
    }
}

/// One node's report of a flow of satoshi.
pub(crate) fn observed(
    node: &str,
    wallet: &str,
    direction: Direction,
    txid: &str,
    units: u128,
    peer: &str,
    height: u64,
) -> Body {
    Body::RecordObservation(Observation {
        node: node.into(),
        wallet: wallet.into(),
        txid: txid.into(),
        direction,
        asset: "BTC".into(),
        units,
        peer: peer.into(),
        height,
        authority: false,
    })
}

/// The reason of a reply, as its public code.
pub(crate) fn code(reply: &Reply) -> &'static str {
    reply
        .answer
        .reason()
        .map_or(reply.answer.word(), Reason::code)
}
