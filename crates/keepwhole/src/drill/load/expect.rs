//! Reads `[[expect]]`.

use std::collections::BTreeSet;

use super::among;
use super::event::scope;
use super::given::Names;
use super::sent::Sent;
use super::table::{Slip, Table};
use crate::drill::scenario::expect::{EXPECT_KINDS, Expect, ExpectKind};
use crate::drill::scenario::scalar::{self, amount, duration, instant};

type Read<T> = Result<T, Slip>;

struct Context<'n> {
    names: &'n Names,
    sent: &'n Sent,
    claims: BTreeSet<String>,
    imports: BTreeSet<String>,
}

pub(super) fn expects(
    tables: Vec<Table<'_>>,
    names: &Names,
    sent: &Sent,
    line: &dyn Fn(usize) -> usize,
) -> Read<Vec<Expect>> {
    let claims = sent.of_kind("redress_claim");
    let context = Context {
        names,
        sent,
        claims,
        imports: sent.of_kind("import"),
    };
    let mut expects = Vec::with_capacity(tables.len());
    for (index, mut table) in tables.into_iter().enumerate() {
        let word = table.need("kind", |kind| {
            let known = EXPECT_KINDS.iter().find(|known| **known == kind).copied();
            let kinds = || {
                EXPECT_KINDS
                    .iter()
                    .map(|kind| format!("`{kind}`"))
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            known.ok_or_else(|| format!("is no kind of expectation: use {}", kinds()))
        })?;
        table.rename(format!("expect {} ({word})", index + 1));
        let line = line(table.offset());
        let kind = context.kind(word, &mut table)?;
        table.done()?;
        expects.push(Expect { line, kind });
    }
    Ok(expects)
}

impl Context<'_> {
    fn kind(&self, word: &str, table: &mut Table<'_>) -> Read<ExpectKind> {
        match word {
            "outcome" => self.outcome(table),
            "alert" | "no_alert" | "breaker" => self.raised(word, table),
            "loss" | "balance" | "wallet" | "made_whole" | "trace" => self.money(word, table),
            "incident" | "clock" | "redress" | "exposed" => self.case(word, table),
            _ => self.system(word, table),
        }
    }

    fn event(&self, table: &mut Table<'_>, key: &'static str) -> Read<String> {
        table.need(key, among("event", self.sent.ids()))
    }

    fn asset(&self, table: &mut Table<'_>) -> Read<String> {
        table.need("asset", among("asset", &self.names.assets))
    }

    fn outcome(&self, table: &mut Table<'_>) -> Read<ExpectKind> {
        let event = self.event(table, "event")?;
        let nth = table.opt_number("nth", u64::from(u32::MAX))?.unwrap_or(1);
        let sent = self.sent.times(&event);
        if nth < 1 || nth > sent {
            let why =
                format!("`nth` is {nth}, but `{event}` is sent {sent} times: use 1 to {sent}");
            return Err(table.slip(table.offset(), &why));
        }
        Ok(ExpectKind::Outcome {
            event,
            result: table.code("result")?,
            reason: table.opt_code("reason")?,
            nth,
            at_end: table.opt_flag("final")?.unwrap_or(false),
        })
    }

    fn raised(&self, word: &str, table: &mut Table<'_>) -> Read<ExpectKind> {
        Ok(match word {
            "alert" => ExpectKind::Alert {
                code: table.code("code")?,
                after: self.event(table, "after")?,
                within: table.need("within", duration)?,
                severity: table.code("severity")?,
                count: table.opt_number("count", u64::MAX)?,
            },
            "no_alert" => ExpectKind::NoAlert {
                code: table.code("code")?,
            },
            _ => ExpectKind::Breaker {
                scope: table.need("scope", scope(self.names))?,
                state: table.code("state")?,
                after: self.event(table, "after")?,
                within: table.need("within", duration)?,
            },
        })
    }

    fn money(&self, word: &str, table: &mut Table<'_>) -> Read<ExpectKind> {
        Ok(match word {
            "loss" => return self.loss(table),
            "balance" => ExpectKind::Balance {
                holder: table.need("holder", among("holder", &self.names.holders))?,
                asset: self.asset(table)?,
                amount: table.need("amount", amount)?,
            },
            "wallet" => ExpectKind::Wallet {
                id: table.need("id", among("wallet", &self.names.wallets))?,
                asset: self.asset(table)?,
                amount: table.need("amount", amount)?,
            },
            "made_whole" => {
                let (lost, restored, outstanding) = (
                    table.need("lost", amount)?,
                    table.need("restored", amount)?,
                    table.need("outstanding", amount)?,
                );
                if restored.checked_add(outstanding) != Some(lost) {
                    return Err(table.slip(
                        table.offset(),
                        "`lost` is not `restored` + `outstanding`: make it so",
                    ));
                }
                ExpectKind::MadeWhole {
                    incident: table.need("incident", scalar::id)?,
                    holder: table.need("holder", among("holder", &self.names.holders))?,
                    asset: self.asset(table)?,
                    lost,
                    restored,
                    outstanding,
                }
            }
            _ => ExpectKind::Trace {
                address: table.text("address")?,
                asset: self.asset(table)?,
                tainted: table.need("tainted", amount)?,
            },
        })
    }

    fn loss(&self, table: &mut Table<'_>) -> Read<ExpectKind> {
        let (total, company) = (table.need("total", amount)?, table.need("company", amount)?);
        let customers = table
            .table("customers", "customers")?
            .map(among("customer", &self.names.customers), amount)?;
        let sum = customers
            .values()
            .try_fold(company, |sum, share| sum.checked_add(*share));
        if sum != Some(total) {
            return Err(table.slip(
                table.offset(),
                "`total` is not the sum of `company` and `customers`: make it so",
            ));
        }
        Ok(ExpectKind::Loss {
            incident: table.need("incident", scalar::id)?,
            asset: self.asset(table)?,
            total,
            company,
            customers,
        })
    }

    fn case(&self, word: &str, table: &mut Table<'_>) -> Read<ExpectKind> {
        Ok(match word {
            "incident" => ExpectKind::Incident {
                id: table.need("id", scalar::id)?,
                opened_by: self.event(table, "opened_by")?,
                count: table.opt_number("count", u64::MAX)?,
            },
            "clock" => ExpectKind::Clock {
                clock: table.need("clock", among("clock", &self.names.clocks))?,
                incident: table.need("incident", scalar::id)?,
                due: table.need("due", instant)?,
                state: table.code("state")?,
                met_at: table.opt("met_at", instant)?,
            },
            "redress" => ExpectKind::Redress {
                claim: table.need("claim", among("claim", &self.claims))?,
                result: table.code("result")?,
                asset: self.asset(table)?,
                amount: table.need("amount", amount)?,
                proof: table.opt_code("proof")?,
                reason: table.opt_code("reason")?,
            },
            _ => ExpectKind::Exposed {
                customers: table.list("customers", among("customer", &self.names.customers))?,
            },
        })
    }

    fn system(&self, word: &str, table: &mut Table<'_>) -> Read<ExpectKind> {
        Ok(match word {
            "journal" => ExpectKind::Journal {
                verify: table.code("verify")?,
                first_bad: table.opt_number("first_bad", u64::MAX)?,
                events_lost: table.opt_number("events_lost", u64::MAX)?,
                unacked_max: table.opt_number("unacked_max", u64::MAX)?,
                duplicates: table.opt_number("duplicates", u64::MAX)?,
            },
            "service" => ExpectKind::Service {
                event: self.event(table, "event")?,
                state: table.code("state")?,
                rss_max_bytes: table.opt_number("rss_max_bytes", u64::MAX)?,
                within: table.opt("within", duration)?,
            },
            _ => ExpectKind::Import {
                event: table.need("event", among("import", &self.imports))?,
                applied: table.number("applied", u64::MAX)?,
                rejected: table.number("rejected", u64::MAX)?,
                bad_lines: table.opt_numbers("bad_lines")?,
            },
        })
    }
}
