//! The small language in which the tables ask: one command a step, `verb key=value ...`, steps apart by `;`.
//!
//! `again key=value` asks the last command once more with these keys changed: that is how a row mends one thing.
//! `!` before a step sets it aside: `again` does not mean it. `wait=MS` lets time pass before a step. A value is text without blanks; `''` is the empty text.

use crate::exchange::{DAY, Exchange, START, policy};
use crate::staff::{Staff, bootstrap, credential, enrolment, rules, spoil};
use keepwhole_core::answer::Reply;
use keepwhole_core::authority::command::AuthorityCommand;
use keepwhole_core::command::{
    Binds, Body, Command, DecodedPayload, NewCreditLine, NewIntent, NewMovement, NewPayload,
    NewPriceDifference, Observation, Operation, PayloadContent,
};
use keepwhole_core::custody::{Direction, NodeHealth};
use keepwhole_core::guard::dead::{Declared, Evidence};
use keepwhole_core::guard::{BreakGlass, Change, custody_change};
use keepwhole_core::policy::Policy;
use keepwhole_core::price::{NewPrice, ONE};
use keepwhole_core::subject::{SubjectAction, SubjectCommand};
use keepwhole_core::transfer::{TransferBatch, TransferRow};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// A command in words.
#[derive(Clone, Default, Debug)]
pub(crate) struct Step {
    verb: String,
    keys: BTreeMap<String, String>,
}

impl Step {
    fn text(&self, key: &str) -> String {
        self.keys.get(key).cloned().unwrap_or_default()
    }
    fn units(&self, key: &str) -> u128 {
        self.keys.get(key).map_or(0, |text| {
            text.parse()
                .unwrap_or_else(|_| panic!("`{key}` of {self:?}"))
        })
    }
    fn millis(&self, key: &str) -> u64 {
        u64::try_from(self.units(key)).expect("a time")
    }
    fn said(&self, key: &str) -> Option<String> {
        self.keys.get(key).filter(|text| !text.is_empty()).cloned()
    }
}

/// What a signer would sign: one operation, or the same one inside a `multicall`.
fn operation(step: &Step) -> Operation {
    let plain = Operation {
        op: step.text("op"),
        to: step.text("to"),
        asset: "BTC".into(),
        units: step.units("units"),
        inner: Vec::new(),
    };
    if step.said("wrapped").is_none() {
        return plain;
    }
    Operation {
        op: "multicall".into(),
        to: String::new(),
        asset: String::new(),
        units: 0,
        inner: vec![plain],
    }
}

/// How it is known that nothing lands: `txid`, `moved`, or `valid` and `height`.
fn evidence(step: &Step) -> Evidence {
    let number = |key: &str| u64::try_from(step.units(key)).expect("a height");
    match (step.said("txid"), step.said("moved")) {
        (Some(txid), _) => Evidence::Spent { txid },
        (None, Some(value)) => Evidence::NonceMoved { value },
        (None, None) => Evidence::Lapsed {
            last_valid: number("valid"),
            height: number("height"),
        },
    }
}

/// Bytes that pay `units` of the asset `caip19` to `to`, or, with `refusal`, what no decoder reads.
fn payload(step: &Step) -> PayloadContent {
    if let Some(refusal) = step.said("refusal") {
        return PayloadContent::Undecodable {
            refusal,
            bytes: [1; 32],
        };
    }
    let op = step.said("op").unwrap_or_else(|| "transfer".into());
    let digest = u8::try_from(step.units("digest")).expect("a byte");
    PayloadContent::Decoded(DecodedPayload {
        kind: step.said("kind").unwrap_or_else(|| "evm-tx".into()),
        network: step.said("network").unwrap_or_else(|| "eip155:1".into()),
        signing_digest: [digest; 32],
        conflict_key: step
            .said("conflict")
            .unwrap_or_else(|| format!("eip155:1/0xhot/{}", step.text("nonce"))),
        total_fee: step.units("fee"),
        memo: step.text("memo"),
        safe: step.said("safe"),
        operations: vec![Operation {
            op,
            to: step.text("to"),
            asset: step
                .said("asset")
                .unwrap_or_else(|| "eip155:1/slip44:0".into()),
            units: step.units("units"),
            inner: Vec::new(),
        }],
    })
}

/// Reads a step; `again` is the last one with changes.
fn read(text: &str, last: Step) -> Step {
    let mut words = text.split_whitespace();
    let verb = words.next().expect("a verb");
    let mut step = if verb == "again" {
        last
    } else {
        Step {
            verb: verb.into(),
            keys: BTreeMap::new(),
        }
    };
    for word in words {
        let (key, value) = word
            .split_once('=')
            .unwrap_or_else(|| panic!("`{word}` in `{text}`"));
        let value = if value == "''" { "" } else { value };
        step.keys.insert(key.into(), value.into());
    }
    step
}

/// A movement of satoshi.
pub(crate) fn movement(from: &str, to: &str, units: u128) -> NewMovement {
    NewMovement {
        from: from.into(),
        to: to.into(),
        asset: "BTC".into(),
        units,
        kind: keepwhole_core::book::MovementKind::Trade,
        reference: String::new(),
    }
}

/// The rows of `rows`: `id:from:to:units@ms`, parted by commas, dated from the exchange's start.
fn rows(step: &Step) -> TransferBatch {
    let mut batch = TransferBatch::new();
    for row in step.text("of").split(',') {
        let (what, ms) = row.split_once('@').unwrap_or((row, "0"));
        let [id, from, to, units] = what.split(':').collect::<Vec<_>>()[..] else {
            panic!("`{row}` is not `id:from:to:units@ms`");
        };
        let row = TransferRow {
            id,
            from,
            to,
            asset: &step.text("asset"),
            units: units.parse().expect("units"),
            kind: keepwhole_core::book::MovementKind::Trade,
            effective: START + ms.parse::<u64>().expect("ms"),
        };
        batch.push(&row).expect("a row");
    }
    batch
}

/// An exchange that reads steps.
pub(crate) struct Reader {
    pub(crate) exchange: Exchange,
    staff: RefCell<Staff>,
    last: Step,
}

impl Reader {
    pub(crate) fn new() -> Self {
        Self::under(policy())
    }

    pub(crate) fn under(policy: Policy) -> Self {
        Self::over(Exchange::under(policy))
    }

    pub(crate) fn over(exchange: Exchange) -> Self {
        Self {
            exchange,
            staff: RefCell::default(),
            last: Step::default(),
        }
    }

    /// Runs all steps; the reply to the last one, and its id.
    pub(crate) fn run(&mut self, script: &str) -> (Reply, Option<String>) {
        let mut reply = None;
        for step in script
            .split(';')
            .map(str::trim)
            .filter(|step| !step.is_empty())
        {
            reply = Some(self.step(step));
        }
        reply.unwrap_or_else(|| panic!("no step in `{script}`"))
    }

    fn step(&mut self, text: &str) -> (Reply, Option<String>) {
        let (aside, text) = text
            .strip_prefix('!')
            .map_or((false, text), |rest| (true, rest));
        let mut step = read(text, self.last.clone());
        if let Some(wait) = step.keys.remove("wait") {
            self.exchange.pass(wait.parse().expect("`wait` is ms"));
        }
        if !aside {
            self.last = step.clone();
        }
        if step.verb == "staffed" {
            self.staff.borrow_mut().settle(&mut self.exchange);
            step.verb = "time".into();
        }
        let command = self.meant(&step);
        (self.exchange.send(&command), command.id)
    }

    /// The command that a step means.
    pub(crate) fn command(&self, text: &str) -> Command {
        self.meant(&read(text, Step::default()))
    }

    fn meant(&self, step: &Step) -> Command {
        Command {
            id: step.said("id"),
            actor: step.said("by"),
            body: self.body(step),
        }
    }

    fn body(&self, step: &Step) -> Body {
        let text = |key: &str| step.text(key);
        let units = step.units("units");
        match step.verb.as_str() {
            "withdraw" => Body::RequestWithdrawal {
                customer: text("customer"),
                wallet: text("wallet"),
                asset: text("asset"),
                units,
                to: text("to"),
            },
            "transfer" => Body::RequestTransfer {
                from: text("from"),
                to: text("to"),
                asset: text("asset"),
                units,
            },
            "credit" => Body::RequestCredit {
                reason: "event".into(),
                budget: text("budget"),
                lines: vec![NewCreditLine {
                    customer: text("customer"),
                    asset: text("asset"),
                    units,
                }],
            },
            "intent" => Body::RequestIntent(Box::new(NewIntent {
                customer: text("customer"),
                wallet: text("wallet"),
                asset: text("asset"),
                units,
                to: text("to"),
                memo: text("memo"),
                max_fee: step.units("max_fee"),
                expires: step
                    .said("lasts")
                    .map(|ms| self.exchange.at + ms.parse::<u64>().expect("`lasts` is ms")),
            })),
            "issue" => Body::IssueClearance(Box::new(NewPayload {
                target: text("target"),
                attempt: u32::try_from(step.units("attempt")).expect("an attempt"),
                key: text("key"),
                content: payload(step),
                build: [7; 32],
            })),
            "redeem" => Body::RedeemIssued {
                clearance: self.exchange.issued(&text("target"), step.units("attempt")),
                signer: text("signer"),
            },
            "name-asset" => Body::NameAsset {
                asset: text("asset"),
                caip19: text("caip19"),
            },
            "name-key" => Body::NameKey {
                wallet: text("wallet"),
                key: text("key"),
                network: text("network"),
            },
            "approve" => Body::Approve {
                target: text("target"),
                nonce: text("nonce"),
                binds: step.said("binds").map(|units| Binds {
                    to: "0xlistedlist01".into(),
                    asset: "BTC".into(),
                    units: units.parse().expect("`binds` is an amount"),
                }),
                seen: step
                    .said("seen")
                    .map(|what| self.screen(&what, &text("target"))),
            },
            "reject" => Body::Reject {
                target: text("target"),
                nonce: text("nonce"),
            },
            "sign" => Body::RedeemClearance {
                target: text("target"),
                operations: vec![operation(step)],
                attested: step
                    .said("attested")
                    .map(|byte| [byte.parse().expect("a byte"); 32]),
            },
            "deposit" => Body::RecordDeposit {
                customer: text("customer"),
                asset: "BTC".into(),
                units,
                txid: text("txid"),
                wallet: text("wallet"),
            },
            "see" => Body::RecordObservation(Observation {
                node: text("node"),
                wallet: text("wallet"),
                txid: text("txid"),
                direction: if text("dir") == "out" {
                    Direction::Out
                } else {
                    Direction::In
                },
                asset: "BTC".into(),
                units,
                peer: text("peer"),
                height: step.millis("height"),
                authority: false,
            }),
            "node" => Body::RecordNode {
                node: text("node"),
                health: match text("is").as_str() {
                    "up" => NodeHealth::Up,
                    "down" => NodeHealth::Down,
                    "lying" => NodeHealth::Lying,
                    lag => NodeHealth::Lagging {
                        lag_ms: lag.parse().expect("`is` is a state or a lag"),
                    },
                },
            },
            _ => self.other(step),
        }
    }

    fn other(&self, step: &Step) -> Body {
        let text = |key: &str| step.text(key);
        let units = step.units("units");
        match step.verb.as_str() {
            "halt" => Body::ProposeChange(Change::Halt {
                scope: text("scope"),
            }),
            "resume" => Body::ProposeChange(Change::Resume {
                scope: text("scope"),
            }),
            "retire" => Body::ProposeChange(Change::RetireKey {
                wallet: text("wallet"),
            }),
            "list" => Body::ProposeChange(Change::ListDestination {
                address: text("address"),
            }),
            "grant" => Body::ProposeChange(Change::Grant {
                actor: text("actor"),
                role: text("role"),
                expires: step.said("expires").map(|_| step.millis("expires")),
            }),
            "move-awareness" => Body::ProposeChange(Change::MoveAwareness {
                incident: text("incident"),
                to: 0,
            }),
            "stand-behind" => Body::ApproveChange {
                target: text("target"),
            },
            "cancel" => Body::CancelChange {
                target: text("target"),
            },
            "register-asset" => {
                let mut asset = self.exchange.state.registry.assets[1].clone();
                asset.id = text("asset");
                Body::RegisterAsset(asset)
            }
            "read" => Body::ReadRecord {
                customer: text("customer"),
                purpose: text("purpose"),
            },
            "keep" | "show" | "end" | "erase" | "hold" | "release" => {
                Body::OfSubject(self.of_subject(step))
            }
            "price" => Body::RecordPrices(vec![NewPrice {
                base: text("base"),
                quote: text("quote"),
                price: units * ONE,
                as_of: self.exchange.at + step.millis("ahead") - step.millis("ago"),
                source: "exchange".into(),
            }]),
            "aware" => Body::BecomeAware {
                incident: text("incident"),
            },
            "notify" => Body::Notify {
                incident: text("incident"),
                duty: text("duty"),
                receipt: "r".into(),
            },
            "replenish" => Body::Replenish {
                incident: text("incident"),
                asset: text("asset"),
                units,
            },
            "recover" => Body::RecordRecovery {
                incident: text("incident"),
                asset: text("asset"),
                units,
            },
            "claim" => Body::LodgeClaim {
                customer: text("customer"),
                incident: text("incident"),
                asset: text("asset"),
                units,
                price: step.said("base").map(|base| NewPriceDifference {
                    base,
                    qty: step.units("qty"),
                    wanted: step.units("wanted"),
                }),
            },
            "pay" => Body::PayClaim {
                claim: text("claim"),
            },
            "move" => {
                let mut line = movement(&text("from"), &text("to"), units);
                line.asset = text("asset");
                Body::RecordMovements(vec![line])
            }
            "rows" => Body::RecordTransfers(rows(step)),
            "trade" => Body::RecordTrade {
                buyer: text("buyer"),
                seller: text("seller"),
                base: "BTC".into(),
                quote: "KRW".into(),
                units,
                price: 1_000,
            },
            "row" => Body::RecordLedgerRow {
                customer: text("customer"),
                asset: text("asset"),
                units,
                credit: text("credit") == "yes",
            },
            "reorg" => Body::RecordReorganisation {
                node: text("node"),
                height: step.millis("height"),
                dropped: vec![text("dropped")],
            },
            "fact" => Body::RecordFact {
                incident: text("incident"),
                text: "a fact".into(),
                occurred: None,
                source: String::new(),
                material: text("material") == "yes",
            },
            "classify" => Body::Classify {
                incident: text("incident"),
                level: "serious".into(),
            },
            "tighten" => {
                let mut next = policy();
                next.version = 2;
                next.caps[0].bps = 1;
                Body::ProposeChange(Change::AdoptPolicy(Box::new(next)))
            }
            "time" => Body::ObserveTime,
            _ => self.of_authority(step),
        }
    }

    /// People, proofs and sign-ins; `staffed` before them is the whole set-up.
    fn of_authority(&self, step: &Step) -> Body {
        let text = |key: &str| step.text(key);
        let (by, target) = (text("by"), text("target"));
        match step.verb.as_str() {
            "bootstrap" => bootstrap(self.exchange.at),
            "prove" => {
                let role = text("role");
                let proof =
                    self.staff
                        .borrow_mut()
                        .proof(&self.exchange, &target, (&by, &role), |draft| {
                            spoil(draft, &text("wrong"));
                            if let Some(byte) = step.said("nonce") {
                                draft.nonce = [byte.parse().expect("a byte"); 16];
                            }
                        });
                let proof = Box::new(proof);
                Body::OfAuthority(AuthorityCommand::Decide { target, proof })
            }
            "freeze" => Body::ProposeChange(Change::BreakGlass(BreakGlass::Freeze {
                scope: text("scope"),
            })),
            "suspend" => Body::ProposeChange(Change::Revoke {
                actor: text("actor"),
            }),
            "enrol" => {
                let new = enrolment(&text("person"), &["risk"], self.exchange.at + 90 * DAY);
                Body::ProposeChange(Change::EnrolPerson(Box::new(new)))
            }
            "adopt-rules" => {
                let mut next = rules();
                next.version = 2;
                for quorum in &mut next.quorums {
                    if quorum.class.code() == text("class") {
                        quorum.persons = u32::try_from(step.units("units")).expect("persons");
                    }
                }
                Body::ProposeChange(Change::AdoptAuthority(Box::new(next)))
            }
            "register-code" => Body::ProposeChange(Change::OfCustody(Box::new(
                custody_change::Body::BatchCode {
                    network: "eip155:1".into(),
                    address: text("address"),
                },
            ))),
            "declare-dead" => Body::ProposeChange(Change::OfCustody(Box::new(
                custody_change::Body::Dead(Declared {
                    request: target,
                    conflict_key: text("conflict"),
                    network: step.said("network").unwrap_or_else(|| "eip155:1".into()),
                    evidence: evidence(step),
                }),
            ))),
            "sign-in" => Body::OfAuthority(AuthorityCommand::RecordSignIn {
                credential: credential(&by).id,
                device: text("device"),
                place: text("place"),
            }),
            other => panic!("no verb `{other}`"),
        }
    }

    /// Personal records: `subject` is a byte that fills the number.
    fn of_subject(&self, step: &Step) -> SubjectCommand {
        let byte = |key: &str| u8::try_from(step.units(key)).expect("a byte");
        let (subject, record) = ([byte("subject"); 16], [byte("record"); 16]);
        let code = step.text("code");
        let act = |action| SubjectCommand::Act { subject, action };
        match step.verb.as_str() {
            "keep" => SubjectCommand::Keep {
                subject,
                record,
                commit: [byte("commit"); 32],
            },
            "show" => SubjectCommand::Read {
                subject,
                record,
                purpose: code,
                fields: step.said("fields").into_iter().collect(),
            },
            "end" => SubjectCommand::EndRelation {
                subject,
                ended: step.millis("ended"),
            },
            "erase" => act(SubjectAction::Erase { ground: code }),
            "hold" => act(SubjectAction::SetHold { reason: code }),
            _ => act(SubjectAction::ReleaseHold { reason: code }),
        }
    }

    /// What an approver's screen shows: the request itself, or something else.
    fn screen(&self, what: &str, target: &str) -> [u8; 32] {
        match self.exchange.state.guard.request(target) {
            Some((_, request)) if what == "it" => request.digest(),
            _ => [0; 32],
        }
    }
}
