//! Reads `[[events]]`.

use super::among;
use super::given::Names;
use super::sent::Sent;
use super::table::{Slip, Table};
use crate::drill::scenario::Given;
use crate::drill::scenario::code::{CrashPoint, FaultKind, Op};
use crate::drill::scenario::event::{
    Binds, Change, Claim, CreditLine, EVENT_KINDS, Event, EventKind, Observation, PayloadOp, Rows,
    Scope, Vote,
};
use crate::drill::scenario::scalar::{self, Written, duration, instant};

/// How deep `multicall` may nest: far beyond any real payload, and safe to walk.
const MULTICALL_DEPTH: usize = 16;

/// What the keys of an event may refer to.
struct Context<'n> {
    names: &'n Names,
    sent: Sent,
    /// Whether amounts, assets and customers may be bad on purpose.
    raw: bool,
}

pub(super) fn events(
    tables: Vec<Table<'_>>,
    given: &Given,
    names: &Names,
    raw: bool,
    line: &dyn Fn(usize) -> usize,
) -> Result<(Vec<Event>, Sent), Slip> {
    let mut context = Context {
        names,
        sent: Sent::default(),
        raw,
    };
    let mut last = given.start;
    let mut events = Vec::with_capacity(tables.len());
    for (index, mut table) in tables.into_iter().enumerate() {
        let offset = table.offset();
        let word = table.need("kind", |kind| {
            let known = EVENT_KINDS.iter().find(|known| **known == kind).copied();
            known.ok_or_else(|| format!("is no kind of event: use {}", quoted(EVENT_KINDS)))
        })?;
        table.rename(format!("event {} ({word})", index + 1));
        let at = table.need("at", |at| {
            let at = instant(at)?;
            if at >= last {
                Ok(at)
            } else {
                Err(format!(
                    "lies before {}: keep time order",
                    scalar::show_instant(last)
                ))
            }
        })?;
        last = at;
        let id = if NEED_ID.contains(&word) {
            Some(table.need("id", scalar::id)?)
        } else {
            table.opt("id", scalar::id)?
        };
        if let Some(id) = &id {
            context.sent.add(id, word);
        }
        let kind = context.kind(word, &mut table)?;
        table.done()?;
        events.push(Event {
            line: line(offset),
            at,
            id,
            kind,
        });
    }
    Ok((events, context.sent))
}

/// Kinds whose events must have an id, because a reply, a retry or another line names them.
const NEED_ID: &[&str] = &[
    "customer_deposit",
    "internal_transfer",
    "credit",
    "ledger_observed",
    "withdrawal_request",
    "sign_request",
    "chain_observed",
    "admin_change",
    "read",
    "notify",
    "freeze_request",
    "redress_claim",
    "import",
    "http",
    "erase",
    "verify",
    "export",
];

fn quoted(words: &[&str]) -> String {
    words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Reads `wallet id | asset:<id> | trading | all`.
pub(super) fn scope(names: &Names) -> impl Fn(&str) -> Result<Scope, String> + '_ {
    |word| match word {
        "all" => Ok(Scope::All),
        "trading" => Ok(Scope::Trading),
        _ => match word.strip_prefix("asset:") {
            Some(asset) => among("asset", &names.assets)(asset).map(Scope::Asset),
            None => among("wallet", &names.wallets)(word).map(Scope::Wallet),
        },
    }
}

type Read<T> = Result<T, Slip>;

impl Context<'_> {
    fn kind(&self, word: &'static str, table: &mut Table<'_>) -> Read<EventKind> {
        match word {
            "customer_deposit" | "internal_transfer" | "trade" | "credit" | "ledger_observed"
            | "withdrawal_request" => self.movement(word, table),
            "approve" => self.vote(table).map(EventKind::Approve),
            "reject" => self.vote(table).map(EventKind::Reject),
            "sign_request" => self.sign_request(table),
            "chain_observed" | "chain_reorg" | "node_state" | "price" | "transfer_seen" => {
                self.sight(word, table)
            }
            "admin_change" | "admin_approve" | "admin_cancel" | "read" | "erase" => {
                self.people(word, table)
            }
            "aware" | "classify" | "new_fact" | "notify" => self.incident(word, table),
            "freeze_request" | "freeze_reply" | "recovered" | "redress_claim" | "redress_pay" => {
                self.redress(word, table)
            }
            "import" | "http" => edge(word, table),
            _ => machine(word, table),
        }
    }

    fn asset(&self, table: &mut Table<'_>, key: &'static str) -> Read<String> {
        if self.raw {
            table.text(key)
        } else {
            table.need(key, among("asset", &self.names.assets))
        }
    }

    fn customer(&self, table: &mut Table<'_>, key: &'static str) -> Read<String> {
        if self.raw {
            table.text(key)
        } else {
            table.need(key, among("customer", &self.names.customers))
        }
    }

    fn wallet(&self, table: &mut Table<'_>, key: &'static str) -> Read<String> {
        table.need(key, among("wallet", &self.names.wallets))
    }

    fn actor(&self, table: &mut Table<'_>) -> Read<String> {
        table.need("actor", among("actor", &self.names.actors))
    }

    fn node(&self, table: &mut Table<'_>) -> Read<String> {
        table.need("node", among("node", &self.names.nodes))
    }

    fn target(&self, table: &mut Table<'_>, key: &'static str) -> Read<String> {
        table.need(key, among("earlier event", self.sent.ids()))
    }

    fn written(&self) -> impl Fn(&str) -> Result<Written, String> {
        let raw = self.raw;
        move |text| {
            if !raw {
                scalar::amount(text)?;
            }
            Ok(Written::new(text.to_owned()))
        }
    }

    fn amount(&self, table: &mut Table<'_>, key: &'static str) -> Read<Written> {
        table.need(key, self.written())
    }

    fn movement(&self, word: &str, table: &mut Table<'_>) -> Read<EventKind> {
        Ok(match word {
            "customer_deposit" => EventKind::CustomerDeposit {
                customer: self.customer(table, "customer")?,
                asset: self.asset(table, "asset")?,
                amount: self.amount(table, "amount")?,
                txid: table.text("txid")?,
                wallet: self.wallet(table, "wallet")?,
            },
            "internal_transfer" => EventKind::InternalTransfer {
                from: self.wallet(table, "from")?,
                to: self.wallet(table, "to")?,
                asset: self.asset(table, "asset")?,
                amount: self.amount(table, "amount")?,
            },
            "trade" => EventKind::Trade {
                buyer: self.customer(table, "buyer")?,
                seller: self.customer(table, "seller")?,
                base: self.asset(table, "base")?,
                quote: self.asset(table, "quote")?,
                amount: self.amount(table, "amount")?,
                price: self.amount(table, "price")?,
            },
            "credit" => EventKind::Credit {
                actor: self.actor(table)?,
                reason: table.text("reason")?,
                budget: table.need("budget", among("budget", &self.names.budgets))?,
                lines: table
                    .tables("lines", "credit line")?
                    .into_iter()
                    .map(|line| self.line(line))
                    .collect::<Read<_>>()?,
            },
            "ledger_observed" => EventKind::LedgerObserved {
                customer: self.customer(table, "customer")?,
                asset: self.asset(table, "asset")?,
                amount: self.amount(table, "amount")?,
                cause: table.code("cause")?,
            },
            _ => EventKind::WithdrawalRequest {
                customer: self.customer(table, "customer")?,
                wallet: self.wallet(table, "wallet")?,
                asset: self.asset(table, "asset")?,
                amount: self.amount(table, "amount")?,
                to: table.text("to")?,
                actor: table.opt("actor", among("actor", &self.names.actors))?,
            },
        })
    }

    fn line(&self, mut table: Table<'_>) -> Read<CreditLine> {
        let line = CreditLine {
            customer: self.customer(&mut table, "customer")?,
            asset: self.asset(&mut table, "asset")?,
            amount: self.amount(&mut table, "amount")?,
        };
        table.done()?;
        Ok(line)
    }

    fn vote(&self, table: &mut Table<'_>) -> Read<Vote> {
        let binds = match table.opt_table("binds", "binds")? {
            None => None,
            Some(mut binds) => {
                let read = Binds {
                    to: binds.text("to")?,
                    asset: self.asset(&mut binds, "asset")?,
                    amount: self.amount(&mut binds, "amount")?,
                };
                binds.done()?;
                Some(read)
            }
        };
        Ok(Vote {
            target: self.target(table, "target")?,
            actor: self.actor(table)?,
            nonce: table.need("nonce", scalar::id)?,
            binds,
            seen: table.opt("seen", scalar::hash)?,
        })
    }

    fn sign_request(&self, table: &mut Table<'_>) -> Read<EventKind> {
        let ops = table.tables("ops", "payload op")?;
        Ok(EventKind::SignRequest {
            clearance_of: table.need("clearance_of", scalar::id)?,
            ops: ops
                .into_iter()
                .map(|op| self.op(op, MULTICALL_DEPTH))
                .collect::<Read<_>>()?,
            key: table.opt("key", among("wallet", &self.names.wallets))?,
            attested: table.opt("attested", scalar::hash)?,
        })
    }

    fn op(&self, mut table: Table<'_>, depth: usize) -> Read<PayloadOp> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(table.slip(
                table.offset(),
                &format!("nests deeper than {MULTICALL_DEPTH}: flatten it"),
            ));
        };
        let op = table.code("op")?;
        let inner = if op == Op::Multicall {
            table.tables("inner", "inner op")?
        } else {
            Vec::new()
        };
        let op = PayloadOp {
            op,
            to: table.text("to")?,
            asset: self.asset(&mut table, "asset")?,
            amount: self.amount(&mut table, "amount")?,
            inner: inner
                .into_iter()
                .map(|op| self.op(op, depth))
                .collect::<Read<_>>()?,
        };
        table.done()?;
        Ok(op)
    }

    fn sight(&self, word: &str, table: &mut Table<'_>) -> Read<EventKind> {
        Ok(match word {
            "chain_observed" => EventKind::ChainObserved(Observation {
                node: self.node(table)?,
                wallet: self.wallet(table, "wallet")?,
                txid: table.text("txid")?,
                dir: table.code("dir")?,
                asset: self.asset(table, "asset")?,
                amount: self.amount(table, "amount")?,
                peer: table.text("peer")?,
                height: table.number("height", u64::MAX)?,
                authority: table.opt_flag("authority")?.unwrap_or(false),
            }),
            "chain_reorg" => EventKind::ChainReorg {
                node: self.node(table)?,
                height: table.number("height", u64::MAX)?,
                dropped: table.list("dropped", |txid| Ok(txid.to_owned()))?,
            },
            "node_state" => EventKind::NodeState {
                node: self.node(table)?,
                state: table.code("state")?,
                lag: table.opt("lag", duration)?,
            },
            "price" => EventKind::Price {
                base: self.asset(table, "base")?,
                quote: self.asset(table, "quote")?,
                price: self.amount(table, "price")?,
                source: table.text("source")?,
            },
            _ => EventKind::TransferSeen {
                txid: table.text("txid")?,
                from: table.text("from")?,
                to: table.text("to")?,
                asset: self.asset(table, "asset")?,
                amount: self.amount(table, "amount")?,
            },
        })
    }

    fn people(&self, word: &str, table: &mut Table<'_>) -> Read<EventKind> {
        Ok(match word {
            "admin_change" => EventKind::AdminChange {
                actor: self.actor(table)?,
                change: self.change(table)?,
            },
            "admin_approve" => EventKind::AdminApprove {
                target: self.target(table, "target")?,
                actor: self.actor(table)?,
            },
            "admin_cancel" => EventKind::AdminCancel {
                target: self.target(table, "target")?,
                actor: self.actor(table)?,
            },
            "read" => EventKind::Read {
                actor: self.actor(table)?,
                customer: self.customer(table, "customer")?,
                purpose: table.text("purpose")?,
            },
            _ => EventKind::Erase {
                customer: self.customer(table, "customer")?,
                actor: self.actor(table)?,
                approver: table.need("approver", among("actor", &self.names.actors))?,
            },
        })
    }

    fn change(&self, table: &mut Table<'_>) -> Read<Change> {
        const CHANGES: &[&str] = &[
            "set_policy",
            "grant",
            "revoke",
            "disable_watch",
            "allowlist_add",
            "set_awareness",
            "key_compromised",
            "halt",
            "resume",
        ];
        let word = table.need("change", |change| {
            let known = CHANGES.iter().find(|known| **known == change).copied();
            known.ok_or_else(|| format!("is no admin change: use {}", quoted(CHANGES)))
        })?;
        Ok(match word {
            "set_policy" => Change::SetPolicy {
                key: table.code("key")?,
                value: table.text("value")?,
            },
            "grant" => Change::Grant {
                role: table.code("role")?,
                to: table.need("to", scalar::id)?,
                expires: table.need("expires", instant)?,
            },
            "revoke" => Change::Revoke {
                to: table.need("to", scalar::id)?,
            },
            "disable_watch" => Change::DisableWatch,
            "allowlist_add" => Change::AllowlistAdd {
                address: table.text("address")?,
            },
            "set_awareness" => Change::SetAwareness {
                incident: table.need("incident", scalar::id)?,
                to: table.need("to", instant)?,
            },
            "key_compromised" => Change::KeyCompromised {
                wallet: self.wallet(table, "wallet")?,
            },
            "halt" => Change::Halt {
                scope: table.need("scope", scope(self.names))?,
            },
            _ => Change::Resume {
                scope: table.need("scope", scope(self.names))?,
            },
        })
    }

    fn incident(&self, word: &str, table: &mut Table<'_>) -> Read<EventKind> {
        let incident = table.need("incident", scalar::id)?;
        Ok(match word {
            "aware" => EventKind::Aware {
                incident,
                actor: self.actor(table)?,
            },
            "classify" => EventKind::Classify {
                incident,
                actor: self.actor(table)?,
                level: table.text("level")?,
            },
            "new_fact" => EventKind::NewFact {
                incident,
                fact: table.text("fact")?,
            },
            _ => EventKind::Notify {
                incident,
                clock: table.need("clock", among("clock", &self.names.clocks))?,
                actor: self.actor(table)?,
                receipt: table.text("receipt")?,
            },
        })
    }

    fn redress(&self, word: &str, table: &mut Table<'_>) -> Read<EventKind> {
        Ok(match word {
            "freeze_request" => EventKind::FreezeRequest {
                address: table.text("address")?,
                asset: self.asset(table, "asset")?,
                amount: self.amount(table, "amount")?,
                to: table.text("to")?,
            },
            "freeze_reply" => EventKind::FreezeReply {
                of: self.target(table, "of")?,
                result: table.code("result")?,
                amount: self.amount(table, "amount")?,
            },
            "recovered" => EventKind::Recovered {
                incident: table.need("incident", scalar::id)?,
                asset: self.asset(table, "asset")?,
                amount: self.amount(table, "amount")?,
            },
            "redress_claim" => EventKind::RedressClaim(self.claim(table)?),
            _ => EventKind::RedressPay {
                claim: self.target(table, "claim")?,
                actor: self.actor(table)?,
                nonce: table.need("nonce", scalar::id)?,
            },
        })
    }

    fn claim(&self, table: &mut Table<'_>) -> Read<Claim> {
        let assets = &self.names.assets;
        let base = if self.raw {
            table.opt_text("base")?
        } else {
            table.opt("base", among("asset", assets))?
        };
        let qty = table.opt("qty", self.written())?;
        let wanted_price = table.opt("wanted_price", self.written())?;
        if base.is_some() != qty.is_some() || base.is_some() != wanted_price.is_some() {
            return Err(table.slip(
                table.offset(),
                "`base`, `qty` and `wanted_price` go together: give all or none",
            ));
        }
        Ok(Claim {
            customer: self.customer(table, "customer")?,
            incident: table.need("incident", scalar::id)?,
            asset: self.asset(table, "asset")?,
            amount: self.amount(table, "amount")?,
            base,
            qty,
            wanted_price,
            basis: table.opt_text("basis")?,
        })
    }
}

fn edge(word: &str, table: &mut Table<'_>) -> Read<EventKind> {
    if word == "http" {
        return Ok(EventKind::Http {
            method: table.text("method")?,
            path: table.text("path")?,
            body_bytes: table.number("body_bytes", u64::MAX)?,
            body: table.opt_text("body")?,
            depth: table.opt_number("depth", u64::MAX)?,
            slow_bps: table.opt_number("slow_bps", u64::MAX)?,
        });
    }
    let format = table.code("format")?;
    let text = table.opt_text("text")?;
    let rows = match (text, table.opt_table("generate", "generate")?) {
        (Some(text), None) => Rows::Text(text),
        (None, Some(mut generate)) => {
            let rows = Rows::Generate {
                rows: generate.number("rows", u64::MAX)?,
                bad_at: generate.number("bad_at", u64::MAX)?,
                kill_at: generate.number("kill_at", u64::MAX)?,
            };
            generate.done()?;
            rows
        }
        _ => return Err(table.slip(table.offset(), "give either `text` or `generate`")),
    };
    Ok(EventKind::Import { format, rows })
}

fn machine(word: &str, table: &mut Table<'_>) -> Read<EventKind> {
    Ok(match word {
        "tamper" => EventKind::Tamper {
            target: table.code("target")?,
            op: table.code("op")?,
            seq: table.opt_number("seq", u64::MAX)?,
            seq2: table.opt_number("seq2", u64::MAX)?,
        },
        "fault" => {
            let what: FaultKind = table.code("what")?;
            let by = table.opt("by", scalar::signed_duration)?;
            if (what == FaultKind::ClockJump) != by.is_some() {
                return Err(table.slip(
                    table.offset(),
                    "`by` belongs to `clock_jump`, and to nothing else",
                ));
            }
            EventKind::Fault {
                what,
                by,
                point: table.opt_code::<CrashPoint>("point")?,
            }
        }
        "crash" => EventKind::Crash {
            point: table.opt_code("point")?,
        },
        "restart" => EventKind::Restart {
            version: table.opt_text("version")?,
        },
        "verify" => EventKind::Verify,
        "export" => EventKind::Export,
        _ => EventKind::Advance,
    })
}
