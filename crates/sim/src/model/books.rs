//! The books: movements, trades, rows without a decision, reads.

use super::{Model, OUTSIDE, Ruling};
use keepwhole_core::answer::Answer;
use keepwhole_core::command::NewMovement;
use keepwhole_core::reason::Reason;

const HOUR_MS: u64 = 3_600_000;

impl Model {
    fn total(&self, owner: &str, asset: &str) -> (u128, u128) {
        let of_owner = self.totals.get(owner);
        let both = of_owner.and_then(|of_owner| of_owner.get(asset));
        both.copied().unwrap_or((0, 0))
    }

    fn total_mut(&mut self, owner: &str, asset: &str) -> &mut (u128, u128) {
        let of_owner = self.totals.entry(owner.to_owned()).or_default();
        of_owner.entry(asset.to_owned()).or_default()
    }

    /// What an owner has: all in less all out, nothing where more went out.
    pub(super) fn balance(&self, owner: &str, asset: &str) -> u128 {
        let (incoming, outgoing) = self.total(owner, asset);
        incoming.saturating_sub(outgoing)
    }

    /// What all but the outside have together, overdrawn ones counted against it.
    pub(super) fn owed(&self, asset: &str) -> u128 {
        let (back, given) = self.total(OUTSIDE, asset);
        given.saturating_sub(back)
    }

    pub(super) fn book(&mut self, from: &str, to: &str, asset: &str, units: u128) {
        self.total_mut(from, asset).1 += units;
        self.total_mut(to, asset).0 += units;
    }

    /// Undoes what [`book`](Self::book) did.
    pub(super) fn unbook(&mut self, from: &str, to: &str, asset: &str, units: u128) {
        self.total_mut(from, asset).1 -= units;
        self.total_mut(to, asset).0 -= units;
    }

    /// All or none; none may overdraw, the earlier lines counted.
    pub(super) fn movements(&mut self, lines: &[NewMovement]) -> Ruling {
        for (number, line) in lines.iter().enumerate() {
            if let Err(reason) = self.book_line(line) {
                for line in lines.iter().take(number) {
                    self.unbook(&line.from, &line.to, &line.asset, line.units);
                }
                return Err(reason);
            }
        }
        Ok(Answer::Recorded)
    }

    fn book_line(&mut self, line: &NewMovement) -> Result<(), Reason> {
        if line.units == 0 || line.from == line.to {
            return Err(Reason::InvalidAmount { asked: line.units });
        }
        self.needs_asset(&line.asset)?;
        self.needs_owner(&line.from)?;
        self.needs_owner(&line.to)?;
        let has = self.balance(&line.from, &line.asset);
        if line.from != OUTSIDE && has < line.units {
            let asked = line.units;
            return Err(Reason::InsufficientBalance { has, asked });
        }
        self.book(&line.from, &line.to, &line.asset, line.units);
        Ok(())
    }

    /// A trade is a fact: always recorded, also where it overdraws. The product is rounded down.
    pub(super) fn trade(
        &mut self,
        (buyer, seller): (&str, &str),
        (base, quote): (&str, &str),
        units: u128,
        price: u128,
    ) -> Ruling {
        self.needs_asset(base)?;
        self.needs_asset(quote)?;
        self.needs_customer(buyer)?;
        self.needs_customer(seller)?;
        let decimals = self
            .assets
            .iter()
            .find(|(name, _, _)| name == base)
            .map_or(0, |(_, decimals, _)| *decimals);
        let paid = units * price / 10u128.pow(u32::from(decimals));
        self.book(seller, buyer, base, units);
        self.book(buyer, seller, quote, paid);
        Ok(Answer::Recorded)
    }

    /// A row that nobody decided: recorded as it is, and trading and the asset are halted.
    pub(super) fn ledger_row(
        &mut self,
        customer: &str,
        asset: &str,
        units: u128,
        credit: bool,
    ) -> Ruling {
        if units == 0 {
            return Err(Reason::InvalidAmount { asked: units });
        }
        self.needs_asset(asset)?;
        self.needs_customer(customer)?;
        if credit {
            self.book(OUTSIDE, customer, asset, units);
        } else {
            self.book(customer, OUTSIDE, asset, units);
        }
        if self.policy.breaker_armed {
            self.halts.insert("trading".to_owned());
            self.halts.insert(format!("asset:{asset}"));
        }
        Ok(Answer::Recorded)
    }

    /// A read of a personal record: with a purpose, within the quota of the last hour.
    pub(super) fn read(&mut self, by: Option<&str>, customer: &str, purpose: &str) -> Ruling {
        self.needs_customer(customer)?;
        let person = self.person_of(by)?;
        if purpose.trim().is_empty() {
            return Err(Reason::PurposeMissing);
        }
        let recent: Vec<&(u64, String)> = self
            .reads
            .iter()
            .filter(|(at, _)| at + HOUR_MS > self.at)
            .collect();
        let own = recent.iter().filter(|(_, who)| *who == person).count();
        let (own, all) = (
            u32::try_from(own).unwrap_or(u32::MAX),
            u32::try_from(recent.len()).unwrap_or(u32::MAX),
        );
        if let Some(limit) = self.policy.reads_per_hour.filter(|limit| own >= *limit) {
            return Err(Reason::ReadQuota { used: own, limit });
        }
        if let Some(limit) = self.policy.reads_per_hour_all.filter(|limit| all >= *limit) {
            return Err(Reason::ReadQuotaAll { used: all, limit });
        }
        self.reads.push((self.at, person));
        Ok(Answer::Cleared)
    }
}
