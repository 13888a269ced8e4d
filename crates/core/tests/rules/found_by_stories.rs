//! Slips of the rules that scenario files found: each test is one, so that it stays found.

use keepwhole_core::answer::{Answer, Reply};
use keepwhole_core::apply::apply;
use keepwhole_core::book::MovementKind;
use keepwhole_core::command::{Body, Command, NewMovement, Observation, Operation};
use keepwhole_core::custody::Direction;
use keepwhole_core::decide::decide;
use keepwhole_core::event::Record;
use keepwhole_core::guard::Change;
use keepwhole_core::incident::AlarmCode;
use keepwhole_core::policy::{ActionClass, ApprovalTier, Clear, Policy};
use keepwhole_core::registry::{Asset, AssetIx, OUTSIDE_NAME, Tier, Wallet};
use keepwhole_core::state::State;

const OWN: &str = "0xA1b2C3d4000000000000000000000000000Ff9e8";
const LIKE: &str = "0xA1b2C3d4111111111111111111111111111Ff9e8";

/// An exchange with one wallet, one customer who owns 100 BTC, two approvers and two administrators.
struct Exchange {
    state: State,
    at: u64,
}

impl Exchange {
    fn new(change: impl FnOnce(&mut Policy)) -> Self {
        let mut exchange = Self {
            state: State::default(),
            at: 1_000,
        };
        let btc = AssetIx(0);
        let mut policy = Policy {
            version: 1,
            authority: [
                (ActionClass::Approve, "approver"),
                (ActionClass::LowerRisk, "admin"),
                (ActionClass::RaiseRisk, "admin"),
            ]
            .map(|(class, role)| (class, vec![role.to_owned()]))
            .to_vec(),
            clears: vec![Clear {
                asset: btc,
                up_to: u128::MAX,
            }],
            ops_allowed: vec!["transfer".to_owned()],
            node_quorum: 1,
            change_approvals: 2,
            ..Policy::default()
        };
        change(&mut policy);
        let asset = Asset {
            id: "BTC".to_owned(),
            decimals: 8,
            network: Some("bitcoin".to_owned()),
            confirmations: 3,
        };
        exchange.tell(Body::RegisterAsset(asset));
        exchange.tell(Body::RegisterOwners(vec![
            "house".to_owned(),
            "c1".to_owned(),
        ]));
        let wallet = Wallet {
            id: "hot".to_owned(),
            tier: Tier::Hot,
            address: OWN.to_owned(),
        };
        exchange.tell(Body::RegisterWallet(wallet));
        for (id, role) in [
            ("bo", "approver"),
            ("chae", "approver"),
            ("eun", "admin"),
            ("fay", "admin"),
        ] {
            let (id, roles) = (id.to_owned(), vec![role.to_owned()]);
            exchange.tell(Body::EnrolActor {
                person: id.clone(),
                id,
                roles,
                expires: None,
            });
        }
        exchange.tell(Body::DeclareHoldings(vec![(
            "hot".to_owned(),
            "BTC".to_owned(),
            1_000,
        )]));
        exchange.tell(Body::RecordMovements(vec![NewMovement {
            from: OUTSIDE_NAME.to_owned(),
            to: "c1".to_owned(),
            asset: "BTC".to_owned(),
            units: 100,
            kind: MovementKind::Opening,
            reference: String::new(),
        }]));
        exchange.tell(Body::AdoptPolicy(Box::new(policy)));
        exchange
    }

    fn send(&mut self, id: &str, actor: Option<&str>, body: Body) -> Reply {
        self.at += 1_000;
        let id = (!id.is_empty()).then(|| id.to_owned());
        let command = Command {
            id,
            actor: actor.map(str::to_owned),
            body,
        };
        let decision = decide(&self.state, &command, self.at);
        let turn = self.state.turn + 1;
        let reply = decision.reply.clone();
        for event in decision.into_events() {
            apply(&mut self.state, &Record::new(self.at, turn, event));
        }
        reply
    }

    fn tell(&mut self, body: Body) {
        let reply = self.send("", None, body);
        assert_eq!(reply.answer, Answer::Recorded);
    }

    fn withdraw(&mut self, id: &str, units: u128, to: &str) -> Reply {
        self.send(
            id,
            None,
            Body::RequestWithdrawal {
                customer: "c1".to_owned(),
                wallet: "hot".to_owned(),
                asset: "BTC".to_owned(),
                units,
                to: to.to_owned(),
            },
        )
    }

    fn sign(&mut self, op: &str, units: u128) -> Reply {
        let operation = Operation {
            op: op.to_owned(),
            to: "ext".to_owned(),
            asset: "BTC".to_owned(),
            units,
            inner: Vec::new(),
        };
        let body = Body::RedeemClearance {
            target: "w1".to_owned(),
            operations: vec![operation],
            attested: None,
        };
        self.send("", None, body)
    }

    fn see(&mut self, node: &str, txid: &str, units: u128, height: u64) {
        self.tell(Body::RecordObservation(Observation {
            node: node.to_owned(),
            wallet: "hot".to_owned(),
            txid: txid.to_owned(),
            direction: Direction::In,
            asset: "BTC".to_owned(),
            units,
            peer: if units > 0 { "payer" } else { "none" }.to_owned(),
            height,
            authority: false,
        }));
    }

    fn deposit(&mut self, id: &str, txid: &str) -> Reply {
        self.send(
            id,
            None,
            Body::RecordDeposit {
                customer: "c1".to_owned(),
                asset: "BTC".to_owned(),
                units: 5,
                txid: txid.to_owned(),
                wallet: "hot".to_owned(),
            },
        )
    }

    fn balance(&self) -> u128 {
        self.state
            .registry
            .owner("c1")
            .map_or(0, |c1| self.state.book.balance(c1, AssetIx(0)))
    }

    fn raised(&self, code: AlarmCode) -> usize {
        self.state
            .incidents
            .alarms
            .iter()
            .filter(|alarm| alarm.code == code)
            .count()
    }
}

fn code(reply: &Reply) -> &'static str {
    reply.answer.reason().map_or("", |reason| reason.code())
}

#[test]
fn a_screen_must_show_what_is_asked_and_not_only_its_name() {
    let tier = ApprovalTier {
        asset: AssetIx(0),
        from: 0,
        approvals: 1,
    };
    let mut exchange = Exchange::new(|policy| policy.tiers = vec![tier]);
    exchange.withdraw("w1", 10, "ext");
    let honest = exchange
        .state
        .guard
        .request("w1")
        .map(|(_, request)| request.digest())
        .unwrap_or_default();
    let mut other = Exchange::new(|policy| policy.tiers = vec![tier]);
    other.withdraw("w1", 10, "thief");
    let changed = other
        .state
        .guard
        .request("w1")
        .map(|(_, request)| request.digest())
        .unwrap_or_default();
    for (seen, said, alarms) in [(changed, "seen_mismatch", 1), (honest, "", 1)] {
        let (target, nonce) = ("w1".to_owned(), "n1".to_owned());
        let reply = exchange.send(
            "",
            Some("bo"),
            Body::Approve {
                target,
                nonce,
                binds: None,
                seen: Some(seen),
            },
        );
        assert_eq!(code(&reply), said);
        assert_eq!(exchange.raised(AlarmCode::PayloadMismatch), alarms);
    }
    assert_eq!(exchange.balance(), 90, "approved and cleared");
}

#[test]
fn an_operation_that_may_not_be_signed_is_an_alarm() {
    let mut exchange = Exchange::new(|_| {});
    exchange.withdraw("w1", 10, "ext");
    assert_eq!(code(&exchange.sign("upgrade", 0)), "op_not_allowed");
    assert_eq!(exchange.raised(AlarmCode::PayloadMismatch), 1);
    assert_eq!(exchange.state.incidents.cases.len(), 1);
}

#[test]
fn what_is_unstaked_counts_as_paid() {
    let mut exchange = Exchange::new(|policy| policy.ops_allowed.push("unstake".to_owned()));
    exchange.withdraw("w1", 10, "ext");
    assert_eq!(code(&exchange.sign("unstake", 11)), "payload_mismatch");
    assert_eq!(exchange.sign("unstake", 10).answer, Answer::Cleared);
}

#[test]
fn a_proposer_does_not_approve_the_own_change() {
    let mut exchange = Exchange::new(|policy| policy.change_approvals = 3);
    exchange.send("m1", Some("eun"), Body::ProposeChange(Change::DisableWatch));
    for (actor, said) in [
        ("eun", "self_approval"),
        ("fay", ""),
        ("fay", "same_person"),
    ] {
        let reply = exchange.send(
            "",
            Some(actor),
            Body::ApproveChange {
                target: "m1".to_owned(),
            },
        );
        assert_eq!(code(&reply), said, "{actor}");
    }
}

/// docs/denials.md: an unknown actor comes before an unknown target, and that before a missing role.
#[test]
fn a_change_that_nobody_proposed_is_said_before_a_missing_role() {
    let mut exchange = Exchange::new(|policy| policy.change_approvals = 3);
    exchange.send("m1", Some("eun"), Body::ProposeChange(Change::DisableWatch));
    for (actor, target, said) in [
        ("nobody", "m0", "unknown_actor"),
        ("bo", "m0", "unknown_target"),
        ("eun", "m0", "unknown_target"),
        ("bo", "m1", "role_missing"),
    ] {
        let target = target.to_owned();
        for body in [
            Body::ApproveChange {
                target: target.clone(),
            },
            Body::CancelChange { target },
        ] {
            let reply = exchange.send("", Some(actor), body.clone());
            assert_eq!(code(&reply), said, "{actor} {body:?}");
        }
    }
}

#[test]
fn listing_a_look_alike_does_not_hide_it_while_it_waits() {
    let wait = 60_000;
    let mut exchange = Exchange::new(|policy| {
        policy.allowlist = true;
        policy.destination_cool_off_ms = Some(wait);
        policy.change_approvals = 1;
    });
    for address in [LIKE, "0xother"] {
        let body = Body::ProposeChange(Change::ListDestination {
            address: address.to_owned(),
        });
        assert_eq!(
            exchange.send(address, Some("eun"), body).answer,
            Answer::Cleared
        );
    }
    assert_eq!(code(&exchange.withdraw("w1", 1, LIKE)), "address_lookalike");
    assert_eq!(exchange.raised(AlarmCode::Lookalike), 1);
    assert_eq!(
        code(&exchange.withdraw("w2", 1, "0xother")),
        "destination_cooling"
    );
    assert_eq!(
        code(&exchange.withdraw("w3", 1, "0xnobody")),
        "not_allowlisted"
    );
    exchange.at += wait;
    assert_eq!(
        exchange.withdraw("w4", 1, LIKE).answer,
        Answer::Cleared,
        "an exact match wins once it is known"
    );
}

#[test]
fn one_transaction_is_credited_once() {
    let mut exchange = Exchange::new(|_| {});
    // Two claims wait for the same transaction, and both could be credited by the same report.
    assert_eq!(code(&exchange.deposit("d1", "t1")), "unconfirmed");
    assert_eq!(code(&exchange.deposit("d2", "t1")), "unconfirmed");
    exchange.see("a", "t1", 5, 100);
    exchange.see("a", "none", 0, 102);
    assert_eq!(exchange.balance(), 105);
    exchange.see("a", "none", 0, 103);
    assert_eq!(exchange.balance(), 105);
    assert_eq!(code(&exchange.deposit("d3", "t1")), "duplicate_id");
}

#[test]
fn nodes_past_the_block_without_the_transaction_disagree() {
    let nodes = ["a", "b", "c"];
    let rows: [(&[(&str, u64)], &str); 3] = [
        (&[("b", 110), ("c", 110)], "nodes_disagree"),
        (&[("b", 110)], "unconfirmed"),
        (&[("b", 100), ("c", 99)], "unconfirmed"),
    ];
    for (tips, said) in rows {
        let mut exchange = Exchange::new(|policy| {
            policy.nodes = nodes.map(str::to_owned).to_vec();
            policy.node_quorum = 2;
        });
        exchange.see("a", "fake", 5, 100);
        for (node, tip) in tips {
            exchange.see(node, "none", 0, *tip);
        }
        assert_eq!(code(&exchange.deposit("d1", "fake")), said, "{tips:?}");
        assert_eq!(
            exchange.raised(AlarmCode::NodeDisagreement),
            usize::from(said == "nodes_disagree"),
            "{tips:?}"
        );
        assert_eq!(exchange.balance(), 100);
    }
}
