//! Plausible and hostile commands over a small exchange: three assets, two wallets, a handful of customers.

mod transfers;

use crate::draw::Draw;
use crate::swarm::{Fault, Swarm};
use keepwhole_core::book::MovementKind;
use keepwhole_core::command::{
    Binds, Body, Command, NewCreditLine, NewMovement, Observation, Operation,
};
use keepwhole_core::custody::Direction;
use keepwhole_core::guard::Change;
use keepwhole_core::policy::Policy;
use keepwhole_core::price::{NewPrice, ONE};

/// Customers of the small exchange.
pub const CUSTOMERS: u64 = 5;
pub(crate) const ASSETS: [&str; 3] = ["AAA", "BBB", "WON"];

pub(crate) fn text(name: &str) -> String {
    name.to_owned()
}

fn pick<'t>(draw: &mut Draw, of: &[&'t str]) -> &'t str {
    let at = usize::try_from(draw.below(of.len() as u64)).unwrap_or(0);
    of.get(at).copied().unwrap_or("")
}

/// What the next commands are drawn from: what was sent before.
#[derive(Debug)]
pub struct Workload<'w> {
    /// The step's own numbers.
    pub draw: Draw,
    /// Number of the step: names in its commands are made of it.
    pub step: u64,
    /// Commands sent before.
    pub sent: &'w [Command],
    /// Time of the journal, as the client last saw it, ms.
    pub at: u64,
    /// Policy in force, as the client last saw it.
    pub policy: &'w Policy,
}

impl Workload<'_> {
    fn customer(&mut self) -> String {
        if self.draw.once_in(40) {
            return text(pick(&mut self.draw, &["nobody", "outside", "house"]));
        }
        format!("c{}", self.draw.below(CUSTOMERS))
    }

    fn asset(&mut self) -> String {
        if self.draw.once_in(60) {
            return text("ZZZ");
        }
        let asset = if self.draw.once_in(2) {
            "AAA"
        } else {
            pick(&mut self.draw, &ASSETS)
        };
        text(asset)
    }

    fn wallet(&mut self) -> String {
        let wallet = if self.draw.once_in(60) {
            "none"
        } else if self.draw.once_in(6) {
            "cold"
        } else {
            "hot"
        };
        text(wallet)
    }

    fn units(&mut self) -> u128 {
        let below = match self.draw.below(20) {
            0 => 0,
            1 => 20_000,
            2 | 3 => 3_000,
            _ => 400,
        };
        u128::from(self.draw.below(below + 1))
    }

    fn destination(&mut self) -> String {
        text(pick(
            &mut self.draw,
            &["out-1", "out-2", "at-cold", "out-3"],
        ))
    }

    fn nonce(&mut self) -> String {
        match self.draw.below(12) {
            0 => String::new(),
            1 => text("n-again"),
            _ => format!("n-{}", self.step),
        }
    }

    /// A command sent before that `wanted` picks; the later ones more often.
    fn earlier(&mut self, wanted: impl Fn(&Body) -> bool) -> Option<Command> {
        let all = self.sent.iter().rev();
        let fits: Vec<&Command> = all.filter(|c| wanted(&c.body)).take(24).collect();
        let most = fits.len() as u64;
        let at = self.draw.below(most).min(self.draw.below(most));
        let found = fits.get(usize::try_from(at).unwrap_or(0));
        found.map(|command| (*command).clone())
    }

    fn request(&mut self) -> Option<Command> {
        self.earlier(|body| {
            matches!(
                body,
                Body::RequestWithdrawal { .. }
                    | Body::RequestTransfer { .. }
                    | Body::RequestCredit { .. }
            )
        })
    }

    fn target(found: Option<Command>) -> String {
        found.and_then(|c| c.id).unwrap_or_else(|| text("nothing"))
    }

    /// The commands of this step: mostly one, in order.
    pub fn next(&mut self, swarm: &Swarm) -> Vec<Command> {
        let hostile = [Fault::Loosen, Fault::TwoSessions, Fault::Theft];
        let hostile = if self.draw.once_in(12) {
            swarm.one_of(&mut self.draw, &hostile)
        } else {
            None
        };
        let bodies = match hostile {
            Some(Fault::Loosen) => self.loosen(),
            Some(Fault::TwoSessions) => self.two_sessions(),
            Some(_) => vec![(self.anybody(), self.incident())],
            None => vec![(self.anybody(), self.usual())],
        };
        let commands = bodies.into_iter().enumerate();
        commands
            .map(|(place, (actor, body))| Command {
                id: Some(format!("s-{}-{place}", self.step)),
                actor,
                body,
            })
            .collect()
    }

    fn anybody(&mut self) -> Option<String> {
        if self.draw.once_in(120) {
            return Some(text("stranger"));
        }
        let accounts = ["ann", "ann2", "eve", "bo", "bo2", "cy"];
        Some(text(pick(&mut self.draw, &accounts)))
    }

    fn usual(&mut self) -> Body {
        match self.draw.below(100) {
            0..=9 => self.movements(),
            10..=15 => self.transfers(),
            16..=23 => self.trade(),
            24..=43 => Body::RequestWithdrawal {
                customer: self.customer(),
                wallet: self.wallet(),
                asset: self.asset(),
                units: self.units(),
                to: self.destination(),
            },
            44..=47 => Body::RequestTransfer {
                from: self.wallet(),
                to: self.wallet(),
                asset: self.asset(),
                units: self.units(),
            },
            48..=55 => self.credit(),
            56..=67 => self.approve(),
            68 | 69 => Body::Reject {
                target: Self::target(self.request()),
                nonce: self.nonce(),
            },
            70..=78 => self.redeem(),
            79..=83 => Body::ProposeChange(self.change()),
            84..=88 => Body::ApproveChange {
                target: Self::target(self.earlier(|b| matches!(b, Body::ProposeChange(_)))),
            },
            89 => Body::CancelChange {
                target: Self::target(self.earlier(|b| matches!(b, Body::ProposeChange(_)))),
            },
            90 | 91 => Body::ReadRecord {
                customer: self.customer(),
                purpose: text(pick(&mut self.draw, &["ticket", "ticket", " "])),
            },
            92 => self.prices(),
            93 if self.draw.once_in(6) => Body::RecordLedgerRow {
                customer: self.customer(),
                asset: self.asset(),
                units: self.units(),
                credit: self.draw.once_in(2),
            },
            _ => self.seen(),
        }
    }

    fn movements(&mut self) -> Body {
        let lines = (0..=self.draw.below(3)).map(|_| {
            let (from, to) = match self.draw.below(8) {
                0 => (text("outside"), self.customer()),
                1 => (self.customer(), text("outside")),
                _ => (self.customer(), self.customer()),
            };
            NewMovement {
                from,
                to,
                asset: self.asset(),
                units: self.units(),
                kind: MovementKind::Trade,
                reference: String::new(),
            }
        });
        Body::RecordMovements(lines.collect())
    }

    /// Mostly one price within what came before; some zero, far off, of the wrong time, twice in a batch, of nothing.
    fn prices(&mut self) -> Body {
        let rows = (0..=self.draw.below(2)).map(|_| NewPrice {
            base: self.asset(),
            quote: text(pick(&mut self.draw, &["WON", "WON", "WON", "BBB"])),
            price: u128::from(self.draw.below(30)) * 5 * ONE,
            as_of: (self.at + self.draw.below(8_000)).saturating_sub(self.draw.below(12_000)),
            source: text(if self.draw.once_in(30) { "" } else { "feed" }),
        });
        Body::RecordPrices(rows.collect())
    }

    fn trade(&mut self) -> Body {
        Body::RecordTrade {
            buyer: self.customer(),
            seller: self.customer(),
            base: self.asset(),
            quote: text("WON"),
            units: self.units() + 1,
            price: u128::from(self.draw.below(200)),
        }
    }

    fn credit(&mut self) -> Body {
        let lines = (0..=self.draw.below(2)).map(|_| NewCreditLine {
            customer: self.customer(),
            asset: if self.draw.once_in(8) {
                self.asset()
            } else {
                text("AAA")
            },
            units: self.units() / 4 + 1,
        });
        let lines = lines.collect();
        Body::RequestCredit {
            reason: text("event"),
            budget: text(if self.draw.once_in(20) {
                "none"
            } else {
                "promo"
            }),
            lines,
        }
    }

    fn approve(&mut self) -> Body {
        let found = self.request();
        let binds = match found.as_ref().map(|c| &c.body) {
            Some(Body::RequestWithdrawal {
                asset, units, to, ..
            }) if self.draw.once_in(3) => Some(Binds {
                to: if self.draw.once_in(5) {
                    text("elsewhere")
                } else {
                    to.clone()
                },
                asset: asset.clone(),
                units: *units + u128::from(self.draw.once_in(5)),
            }),
            _ => None,
        };
        Body::Approve {
            target: Self::target(found),
            nonce: self.nonce(),
            binds,
            seen: None,
        }
    }

    fn redeem(&mut self) -> Body {
        let found = self.request();
        let mut op = Operation {
            op: text("transfer"),
            to: text("out-1"),
            asset: text("AAA"),
            units: 10,
            inner: Vec::new(),
        };
        if let Some(Body::RequestWithdrawal {
            asset, units, to, ..
        }) = found.as_ref().map(|c| &c.body)
        {
            (op.to, op.asset, op.units) = (to.clone(), asset.clone(), *units);
        }
        let mut operations = vec![op.clone()];
        match self.draw.below(14) {
            0 => op.units += 1,
            1 => op.to = text("elsewhere"),
            2 => op.op = text("delegatecall"),
            3 => operations.push(op.clone()),
            4 => op.op = text("unstake"),
            _ => {}
        }
        if let Some(first) = operations.first_mut() {
            *first = op;
        }
        if self.draw.once_in(8) {
            operations = vec![Operation {
                op: text("multicall"),
                to: String::new(),
                asset: String::new(),
                units: 0,
                inner: operations,
            }];
        }
        Body::RedeemClearance {
            target: Self::target(found),
            operations,
            attested: None,
        }
    }

    fn scope(&mut self) -> String {
        text(pick(
            &mut self.draw,
            &["hot", "cold", "all", "trading", "asset:AAA", "nothing"],
        ))
    }

    fn change(&mut self) -> Change {
        match self.draw.below(16) {
            0 | 1 => Change::Halt {
                scope: self.scope(),
            },
            2..=6 => Change::Resume {
                scope: self.scope(),
            },
            7 => Change::ListDestination {
                address: self.destination(),
            },
            8 => Change::Grant {
                actor: text(pick(&mut self.draw, &["ann", "eve", "bo2", "new"])),
                role: text(pick(&mut self.draw, &["approver", "admin"])),
                expires: self.draw.once_in(2).then_some(1_764_186_700_000),
            },
            9 if self.draw.once_in(3) => Change::Revoke {
                actor: text(pick(&mut self.draw, &["eve", "bo2", "nobody"])),
            },
            10 if self.draw.once_in(8) => Change::RetireKey {
                wallet: self.wallet(),
            },
            11 => Change::DisableWatch,
            12 => self.tighter(),
            _ => self.looser(),
        }
    }

    fn tighter(&mut self) -> Change {
        let mut next = self.policy.clone();
        next.version += 1;
        for cap in &mut next.caps {
            cap.bps = cap.bps.saturating_sub(100).max(4_000);
        }
        Change::AdoptPolicy(Box::new(next))
    }

    fn looser(&mut self) -> Change {
        let mut next = self.policy.clone();
        next.version += if self.draw.once_in(10) { 2 } else { 1 };
        for rule in &mut next.clears {
            rule.up_to = 500 + u128::from(self.draw.below(200));
        }
        for cap in &mut next.caps {
            cap.bps = 6_000;
        }
        Change::AdoptPolicy(Box::new(next))
    }

    /// An administrator loosens the policy and withdraws in the same breath.
    fn loosen(&mut self) -> Vec<(Option<String>, Body)> {
        let mut next = self.policy.clone();
        next.version += 1;
        next.caps.clear();
        next.tiers.clear();
        next.clears
            .iter_mut()
            .for_each(|rule| rule.up_to = 1_000_000);
        let withdrawal = Body::RequestWithdrawal {
            customer: self.customer(),
            wallet: text("hot"),
            asset: self.asset(),
            units: u128::from(400 + self.draw.below(4_000)),
            to: text("out-1"),
        };
        let by = Some(text("bo"));
        vec![
            (
                by.clone(),
                Body::ProposeChange(Change::AdoptPolicy(Box::new(next))),
            ),
            (by, withdrawal),
        ]
    }

    /// One person proposes, and stands behind it with another session.
    fn two_sessions(&mut self) -> Vec<(Option<String>, Body)> {
        let change = Body::ProposeChange(self.change());
        let target = format!("s-{}-0", self.step);
        let again = Body::ApproveChange { target };
        vec![(Some(text("bo")), change), (Some(text("bo2")), again)]
    }

    /// What a node sees that has its explanation: a cleared outflow, or something coming in.
    fn seen(&mut self) -> Body {
        let found = self.earlier(|b| matches!(b, Body::RequestWithdrawal { .. }));
        let mut seen = Observation {
            node: text("node"),
            wallet: text("hot"),
            txid: format!("t-{}", self.step),
            direction: Direction::In,
            asset: text(pick(&mut self.draw, &["AAA", "BBB"])),
            units: self.units(),
            peer: text("somebody"),
            height: self.step,
            authority: false,
        };
        if let Some(Body::RequestWithdrawal {
            wallet,
            asset,
            units,
            to,
            ..
        }) = found.map(|c| c.body)
            && !self.draw.once_in(3)
        {
            seen.direction = Direction::Out;
            (seen.wallet, seen.asset, seen.units, seen.peer) = (wallet, asset, units, to);
        }
        Body::RecordObservation(seen)
    }

    /// A theft and what follows it.
    fn incident(&mut self) -> Body {
        let incident = text("inc-1");
        let (customer, asset, units) = (self.customer(), self.asset(), self.units());
        match self.draw.below(12) {
            0 | 1 => {
                let Body::RecordObservation(mut seen) = self.seen() else {
                    return Body::ObserveTime;
                };
                seen.direction = Direction::Out;
                seen.units = units / 8;
                seen.peer = text("thief");
                Body::RecordObservation(seen)
            }
            2 => Body::BecomeAware { incident },
            3 => Body::Classify {
                incident,
                level: text("high"),
            },
            4 => Body::Notify {
                incident,
                duty: text("tell"),
                receipt: text("r"),
            },
            5 => Body::Replenish {
                incident,
                asset,
                units: units / 8,
            },
            6 => Body::RecordRecovery {
                incident,
                asset,
                units: units / 8,
            },
            7 | 8 => Body::LodgeClaim {
                customer,
                incident,
                asset,
                units,
                price: None,
            },
            9 | 10 => Body::PayClaim {
                claim: Self::target(self.earlier(|b| matches!(b, Body::LodgeClaim { .. }))),
            },
            _ => Body::RecordDeposit {
                customer,
                asset,
                units,
                txid: format!("t-{}", self.draw.below(self.step + 1)),
                wallet: text("hot"),
            },
        }
    }
}
