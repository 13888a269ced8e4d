//! Which way a change of policy goes, field by field. What can't be told, and what could lock people out for good, counts
//! as looser: it needs the quorum and the wait of a change that raises risk.

use super::rule::Rule;
use super::space::{allows, lies_in, restricts};
use super::{Budget, BudgetBand, Policy};
use crate::registry::AssetIx;
use alloc::string::String;
use alloc::vec::Vec;

/// Which way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Way {
    /// Nothing goes that did not go before.
    Tighter,
    /// Something may go that did not, or nobody can tell.
    Looser,
}

/// One field that differs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The field of the policy.
    pub field: &'static str,
    /// Which of several: a rule's or budget's name; empty where there is one.
    pub of: String,
    /// Which way.
    pub way: Way,
}

/// All differences, in order of the policy's fields; the version is none.
#[must_use]
pub fn differences(old: &Policy, new: &Policy) -> Vec<Difference> {
    let mut found = Found(Vec::new());
    limits(old, new, &mut found);
    amounts(old, new, &mut found);
    for budget in &new.budgets {
        let before = old.budget(&budget.id);
        if before != Some(budget) {
            let tighter = before.is_some_and(|before| smaller(before, budget));
            found.say("budgets", &budget.id, tighter);
        }
    }
    let gone = |budget: &&Budget| new.budget(&budget.id).is_none();
    for budget in old.budgets.iter().filter(gone) {
        found.say("budgets", &budget.id, true);
    }
    bands(old, new, &mut found);
    rules(old, new, &mut found);
    found.0
}

struct Found(Vec<Difference>);

impl Found {
    fn say(&mut self, field: &'static str, of: &str, tighter: bool) {
        let way = if tighter { Way::Tighter } else { Way::Looser };
        self.0.push(Difference {
            field,
            of: String::from(of),
            way,
        });
    }

    fn one<T: PartialEq>(&mut self, field: &'static str, old: &T, new: &T, tighter: bool) {
        if old != new {
            self.say(field, "", tighter);
        }
    }
}

/// A limit that is new or smaller; none is the largest.
fn less<T: PartialOrd>(old: Option<&T>, new: Option<&T>) -> bool {
    match (old, new) {
        (_, None) => old.is_none(),
        (None, Some(_)) => true,
        (Some(old), Some(new)) => new <= old,
    }
}

/// A wait that is new or longer; none is the shortest.
fn more<T: PartialOrd>(old: Option<&T>, new: Option<&T>) -> bool {
    match (old, new) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(old), Some(new)) => new >= old,
    }
}

macro_rules! each {
    ($found:ident, $old:ident, $new:ident, $( $field:ident : $tighter:expr ),* $(,)?) => {
        $( $found.one(stringify!($field), &$old.$field, &$new.$field, $tighter); )*
    };
}

fn limits(old: &Policy, new: &Policy, found: &mut Found) {
    let within = |a: &[String], b: &[String]| a.iter().all(|one| b.contains(one));
    each!(found, old, new,
        authority: false,
        allowlist: new.allowlist,
        destination_cool_off_ms:
            more(old.destination_cool_off_ms.as_ref(), new.destination_cool_off_ms.as_ref()),
        approval_ttl_ms: less(old.approval_ttl_ms.as_ref(), new.approval_ttl_ms.as_ref()),
        clearance_ttl_ms: less(old.clearance_ttl_ms.as_ref(), new.clearance_ttl_ms.as_ref()),
        change_cool_off_ms: false,
        change_approvals: false,
        ops_allowed: within(&new.ops_allowed, &old.ops_allowed),
        attested: old.attested.is_none(),
        price_max_age_ms: less(old.price_max_age_ms.as_ref(), new.price_max_age_ms.as_ref()),
        // A band refuses new prices. While nothing says how old a price may be, the last one then keeps counting.
        price_band_bps: new.price_max_age_ms.is_some()
            && less(old.price_band_bps.as_ref(), new.price_band_bps.as_ref()),
        nodes: false,
        node_quorum: new.node_quorum >= old.node_quorum,
        node_max_lag_ms: less(old.node_max_lag_ms.as_ref(), new.node_max_lag_ms.as_ref()),
        holdings_guard: new.holdings_guard,
        reads_per_hour: less(old.reads_per_hour.as_ref(), new.reads_per_hour.as_ref()),
        reads_per_hour_all: less(old.reads_per_hour_all.as_ref(), new.reads_per_hour_all.as_ref()),
        sweep_to: false,
        loss_order: false,
        breaker_armed: new.breaker_armed,
        reference: false,
        collection_ms: less(old.collection_ms.as_ref(), new.collection_ms.as_ref()),
        execution_ms: less(old.execution_ms.as_ref(), new.execution_ms.as_ref()),
    );
}

/// Limits by asset and amount.
fn amounts(old: &Policy, new: &Policy, found: &mut Found) {
    let kept = old.caps.iter().all(|old| {
        let mut caps = new.caps.iter();
        caps.any(|new| new.window_ms == old.window_ms && new.bps <= old.bps)
    });
    found.one("caps", &old.caps, &new.caps, kept);
    let clears = new.clears.iter().all(|clear| {
        let before = old.clears_up_to(clear.asset);
        before.is_some_and(|before| clear.up_to <= before)
    });
    found.one("clears", &old.clears, &new.clears, clears);
    let tiers = || old.tiers.iter().chain(&new.tiers);
    let asked = tiers().all(|tier| {
        let (asset, from): (AssetIx, u128) = (tier.asset, tier.from);
        new.approvals(asset, from) >= old.approvals(asset, from)
    });
    found.one("tiers", &old.tiers, &new.tiers, asked);
    let paid = new.auto_pay.iter().all(|rule| {
        let before = old.auto_pay_up_to(rule.asset);
        rule.up_to <= before
    });
    found.one("auto_pay", &old.auto_pay, &new.auto_pay, paid);
}

fn smaller(old: &Budget, new: &Budget) -> bool {
    new.asset == old.asset
        && new.total <= old.total
        && new.per_customer <= old.per_customer
        && new.approvals >= old.approvals
}

fn bands(old: &Policy, new: &Policy, found: &mut Found) {
    let none = BudgetBand::default();
    for band in &new.bands {
        let before = old.band(&band.budget);
        if before != Some(band) {
            let before = before.unwrap_or(&none);
            let tighter = less(before.line_value.as_ref(), band.line_value.as_ref())
                && less(before.batch_value.as_ref(), band.batch_value.as_ref())
                && less(before.per_requester.as_ref(), band.per_requester.as_ref());
            found.say("bands", &band.budget, tighter);
        }
    }
    let gone = |band: &&BudgetBand| new.band(&band.budget).is_none();
    for band in old.bands.iter().filter(gone) {
        let budget_gone = new.budget(&band.budget).is_none();
        found.say("bands", &band.budget, budget_gone);
    }
}

/// Whatever restricted is still restricted as strictly, and nothing clears that did not: rules are compared by what they
/// match, not by name.
fn rules(old: &Policy, new: &Policy, found: &mut Found) {
    let same = |a: &Rule, b: &Rule| a.when == b.when && a.then == b.then;
    for rule in new.rules.iter() {
        if old.rules.iter().any(|before| same(before, rule)) {
            continue;
        }
        let covered = |before: &Rule| {
            allows(before)
                && lies_in(&rule.when, &before.when)
                && rule.then.as_strict_as(&before.then)
        };
        let tighter = !allows(rule) || old.rules.iter().any(covered);
        found.say("rules", &rule.id, tighter);
    }
    for rule in old.rules.iter() {
        if new.rules.iter().any(|after| same(after, rule)) {
            continue;
        }
        let kept = |after: &Rule| {
            restricts(after)
                && lies_in(&rule.when, &after.when)
                && after.then.as_strict_as(&rule.then)
        };
        let tighter = !restricts(rule) || new.rules.iter().any(kept);
        found.say("rules", &rule.id, tighter);
    }
}
