//! What differs between two policies, field by field, and which way: looser, tighter, or unknown, which counts as looser.

use std::collections::BTreeSet;
use std::fmt;

use keepwhole_core::policy::rule::{Outcome, Rule};
use keepwhole_core::policy::{ActionClass, LossOrder, Policy};
use keepwhole_core::registry::AssetIx;

use super::extent::Cover;
use super::file::CLASSES;
use super::names::Names;
use super::render::outcome_text;
use super::unit::{show_duration, show_share};
use super::wording::condition_text;

/// Which way a change goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Nothing that was refused, held or approved by more people is now easier.
    Tighter,
    /// Something is easier.
    Looser,
    /// It can't be told; counts as looser.
    Unknown,
    /// Words only: nothing is decided otherwise.
    Words,
}

impl Direction {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tighter => "tighter",
            Self::Looser => "looser",
            Self::Unknown => "unknown",
            Self::Words => "words",
        }
    }

    const fn reversed(self) -> Self {
        match self {
            Self::Tighter => Self::Looser,
            Self::Looser => Self::Tighter,
            other => other,
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Key as the file has it, such as `rule.large.then`.
    pub field: String,
    /// What the old policy says; `None` where it says nothing.
    pub old: Option<String>,
    /// What the new policy says; `None` where it says nothing.
    pub new: Option<String>,
    /// Which way.
    pub direction: Direction,
}

/// What differs, and what adopting the new policy needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Fields that differ, in the order of the file.
    pub changes: Vec<Change>,
    /// Whether one person may bring it into force at once, as the core judges it.
    pub at_once: bool,
    /// Persons that adopting needs otherwise, by the old policy.
    pub approvals: u32,
    /// How long it then waits, ms, by the old policy.
    pub notice_ms: u64,
}

/// Compares two policies whose numbers mean the same names.
#[must_use]
pub fn diff(old: &Policy, new: &Policy, names: &Names) -> Difference {
    let mut found = Found {
        names,
        changes: Vec::new(),
    };
    found.authority(old, new);
    found.times(old, new);
    found.watching(old, new);
    found.amounts(old, new);
    found.budgets(old, new);
    found.rules(old, new);
    Difference {
        changes: found.changes,
        at_once: old.only_tightened_by(new),
        approvals: old.change_approvals.max(1),
        notice_ms: old.change_cool_off_ms.unwrap_or(0),
    }
}

struct Found<'n> {
    names: &'n Names,
    changes: Vec<Change>,
}

/// Which of two numbers is the tighter.
#[derive(Debug, Clone, Copy)]
enum Tighter {
    More,
    Less,
}

fn number<T: PartialOrd>(old: &T, new: &T, tighter: Tighter) -> Direction {
    match (new > old, tighter) {
        (true, Tighter::More) | (false, Tighter::Less) => Direction::Tighter,
        _ => Direction::Looser,
    }
}

impl Found<'_> {
    fn put(&mut self, field: &str, old: Option<String>, new: Option<String>, direction: Direction) {
        self.changes.push(Change {
            field: field.to_owned(),
            old,
            new,
            direction,
        });
    }

    fn count(&mut self, field: &str, old: u32, new: u32) {
        if old != new {
            let direction = number(&old, &new, Tighter::More);
            self.put(
                field,
                Some(old.to_string()),
                Some(new.to_string()),
                direction,
            );
        }
    }

    /// A number that is absent where nothing bounds it; smaller is tighter.
    fn bound(
        &mut self,
        field: &str,
        (old, new): (Option<u128>, Option<u128>),
        show: &dyn Fn(u128) -> String,
    ) {
        if old != new {
            let endless = u128::MAX;
            let direction = number(
                &old.unwrap_or(endless),
                &new.unwrap_or(endless),
                Tighter::Less,
            );
            self.put(field, old.map(show), new.map(show), direction);
        }
    }

    fn length(&mut self, field: &str, old: Option<u64>, new: Option<u64>) {
        let show = |ms: u128| show_duration(u64::try_from(ms).unwrap_or(u64::MAX));
        self.bound(field, (old.map(u128::from), new.map(u128::from)), &show);
    }

    /// A wait: longer is tighter, absent is none.
    fn wait(&mut self, field: &str, old: Option<u64>, new: Option<u64>) {
        if old != new {
            let direction = number(&old.unwrap_or(0), &new.unwrap_or(0), Tighter::More);
            self.put(
                field,
                old.map(show_duration),
                new.map(show_duration),
                direction,
            );
        }
    }

    /// A control that is on or off; on is tighter.
    fn flag(&mut self, field: &str, old: bool, new: bool) {
        if old != new {
            let direction = number(&old, &new, Tighter::More);
            self.put(
                field,
                Some(old.to_string()),
                Some(new.to_string()),
                direction,
            );
        }
    }

    /// A set; fewer members are tighter.
    fn set(&mut self, field: &str, old: &[String], new: &[String]) -> Option<Direction> {
        let (left, right): (BTreeSet<_>, BTreeSet<_>) =
            (old.iter().collect(), new.iter().collect());
        if left == right {
            return None;
        }
        let direction = match (right.is_subset(&left), right.is_superset(&left)) {
            (true, _) => Direction::Tighter,
            (_, true) => Direction::Looser,
            _ => Direction::Unknown,
        };
        self.put(field, Some(old.join(", ")), Some(new.join(", ")), direction);
        Some(direction)
    }

    fn authority(&mut self, old: &Policy, new: &Policy) {
        for (key, class) in CLASSES {
            let field = format!("authority.{key}");
            let direction = self.set(&field, old.roles(class), new.roles(class));
            // Fewer people who may stop is looser.
            if let (Some(direction), ActionClass::LowerRisk, Some(last)) =
                (direction, class, self.changes.last_mut())
            {
                last.direction = direction.reversed();
            }
        }
        self.count(
            "changes.approvals",
            old.change_approvals.max(1),
            new.change_approvals.max(1),
        );
        self.wait(
            "changes.cool_off",
            old.change_cool_off_ms,
            new.change_cool_off_ms,
        );
    }

    fn times(&mut self, old: &Policy, new: &Policy) {
        self.length(
            "approvals.valid_for",
            old.approval_ttl_ms,
            new.approval_ttl_ms,
        );
        self.length(
            "approvals.collect_within",
            old.collection_ms,
            new.collection_ms,
        );
        self.length("approvals.act_within", old.execution_ms, new.execution_ms);
        self.length(
            "clearances.valid_for",
            old.clearance_ttl_ms,
            new.clearance_ttl_ms,
        );
        self.set("clearances.operations", &old.ops_allowed, &new.ops_allowed);
        if old.attested != new.attested {
            let hex = |digest: [u8; 32]| digest.iter().map(|byte| format!("{byte:02x}")).collect();
            let direction = match (old.attested, new.attested) {
                (None, Some(_)) => Direction::Tighter,
                (Some(_), None) => Direction::Looser,
                _ => Direction::Unknown,
            };
            self.put(
                "clearances.attested",
                old.attested.map(hex),
                new.attested.map(hex),
                direction,
            );
        }
        self.flag("destinations.only_listed", old.allowlist, new.allowlist);
        self.wait(
            "destinations.cool_off",
            old.destination_cool_off_ms,
            new.destination_cool_off_ms,
        );
    }

    fn watching(&mut self, old: &Policy, new: &Policy) {
        if old.reference != new.reference {
            let name = |asset| self.names.asset_id(asset);
            let (was, is) = (old.reference.map(name), new.reference.map(name));
            self.put("reference", was, is, Direction::Unknown);
        }
        self.length("prices.max_age", old.price_max_age_ms, new.price_max_age_ms);
        let share = |bps: u128| show_share(u32::try_from(bps).unwrap_or(u32::MAX));
        let bands = (
            old.price_band_bps.map(u128::from),
            new.price_band_bps.map(u128::from),
        );
        self.bound("prices.band", bands, &share);
        if old.nodes != new.nodes {
            let (was, is) = (old.nodes.join(", "), new.nodes.join(", "));
            self.put("nodes.trusted", Some(was), Some(is), Direction::Unknown);
        }
        self.count(
            "nodes.agree",
            old.node_quorum.max(1),
            new.node_quorum.max(1),
        );
        self.length("nodes.max_lag", old.node_max_lag_ms, new.node_max_lag_ms);
        self.flag("holdings.guard", old.holdings_guard, new.holdings_guard);
        let reads = |reads: Option<u32>| reads.map(u128::from);
        let plain = |number: u128| number.to_string();
        let one = (reads(old.reads_per_hour), reads(new.reads_per_hour));
        self.bound("personal_records.reads_per_hour", one, &plain);
        let all = (reads(old.reads_per_hour_all), reads(new.reads_per_hour_all));
        self.bound("personal_records.reads_per_hour_all", all, &plain);
        self.flag("breaker.armed", old.breaker_armed, new.breaker_armed);
        if old.sweep_to != new.sweep_to {
            let name = |wallet| self.names.wallet_id(wallet);
            let (was, is) = (old.sweep_to.map(name), new.sweep_to.map(name));
            self.put("breaker.sweep_to", was, is, Direction::Unknown);
        }
        if old.loss_order != new.loss_order {
            let word = |order| match order {
                LossOrder::ProRata => String::from("pro_rata"),
                LossOrder::HouseFirst => String::from("house"),
            };
            let (was, is) = (word(old.loss_order), word(new.loss_order));
            self.put("losses.first", Some(was), Some(is), Direction::Unknown);
        }
    }

    fn amounts(&mut self, old: &Policy, new: &Policy) {
        let windows: BTreeSet<u64> = old
            .caps
            .iter()
            .chain(&new.caps)
            .map(|cap| cap.window_ms)
            .collect();
        for window in windows {
            let of = |policy: &Policy| {
                let cap = policy.caps.iter().find(|cap| cap.window_ms == window);
                cap.map(|cap| u128::from(cap.bps))
            };
            let share = |bps: u128| show_share(u32::try_from(bps).unwrap_or(u32::MAX));
            self.bound(
                &format!("cap.{}", show_duration(window)),
                (of(old), of(new)),
                &share,
            );
        }
        for asset in self.assets_of(old, new) {
            let id = self.names.asset_id(asset);
            self.limit(
                &format!("clear.{id}"),
                asset,
                (old.clears_up_to(asset), new.clears_up_to(asset)),
            );
            self.tiers(&format!("tier.{id}"), asset, old, new);
            let pays =
                |policy: &Policy| Some(policy.auto_pay_up_to(asset)).filter(|units| *units > 0);
            self.limit(&format!("auto_pay.{id}"), asset, (pays(old), pays(new)));
        }
    }

    fn assets_of(&self, old: &Policy, new: &Policy) -> BTreeSet<AssetIx> {
        let mut assets = BTreeSet::new();
        for policy in [old, new] {
            assets.extend(policy.clears.iter().map(|row| row.asset));
            assets.extend(policy.tiers.iter().map(|row| row.asset));
            assets.extend(policy.auto_pay.iter().map(|row| row.asset));
        }
        assets
    }

    /// Up to which amount something goes by itself; absent is nothing, less is tighter.
    fn limit(&mut self, field: &str, asset: AssetIx, (old, new): (Option<u128>, Option<u128>)) {
        if old != new {
            // `None` is below every amount, zero included.
            let direction = number(&old, &new, Tighter::Less);
            let names = self.names;
            let show = |units| names.amount(asset, units);
            self.put(field, old.map(show), new.map(show), direction);
        }
    }

    fn tiers(&mut self, field: &str, asset: AssetIx, old: &Policy, new: &Policy) {
        let steps: BTreeSet<u128> = old
            .tiers
            .iter()
            .chain(&new.tiers)
            .filter(|tier| tier.asset == asset)
            .map(|tier| tier.from)
            .collect();
        let pairs: Vec<(u32, u32)> = steps
            .iter()
            .map(|units| (old.approvals(asset, *units), new.approvals(asset, *units)))
            .collect();
        if pairs.iter().all(|(old, new)| old == new) {
            return;
        }
        let direction = if pairs.iter().all(|(old, new)| new >= old) {
            Direction::Tighter
        } else if pairs.iter().all(|(old, new)| new <= old) {
            Direction::Looser
        } else {
            Direction::Unknown
        };
        let show = |policy: &Policy| {
            let mut rows: Vec<(u128, u32)> = policy
                .tiers
                .iter()
                .filter(|tier| tier.asset == asset)
                .map(|tier| (tier.from, tier.approvals))
                .collect();
            rows.sort_unstable();
            let rows: Vec<String> = rows
                .iter()
                .map(|(from, n)| format!("{n} from {}", self.names.amount(asset, *from)))
                .collect();
            (!rows.is_empty()).then(|| rows.join(", "))
        };
        let (was, is) = (show(old), show(new));
        self.put(field, was, is, direction);
    }

    fn budgets(&mut self, old: &Policy, new: &Policy) {
        let ids: BTreeSet<&str> = old
            .budgets
            .iter()
            .chain(&new.budgets)
            .map(|budget| budget.id.as_str())
            .collect();
        for id in ids {
            let field = format!("budget.{id}");
            let names = self.names;
            match (old.budget(id), new.budget(id)) {
                (Some(was), None) => {
                    let total = names.amount(was.asset, was.total);
                    self.put(&field, Some(total), None, Direction::Tighter);
                }
                (None, Some(is)) => {
                    let total = names.amount(is.asset, is.total);
                    self.put(&field, None, Some(total), Direction::Looser);
                }
                (Some(was), Some(is)) if was.asset != is.asset => {
                    let (was, is) = (names.asset_id(was.asset), names.asset_id(is.asset));
                    self.put(
                        &format!("{field}.unit"),
                        Some(was),
                        Some(is),
                        Direction::Unknown,
                    );
                }
                (Some(was), Some(is)) => {
                    let show = |units: u128| names.amount(was.asset, units);
                    self.bound(
                        &format!("{field}.total"),
                        (Some(was.total), Some(is.total)),
                        &show,
                    );
                    let each = (Some(was.per_customer), Some(is.per_customer));
                    self.bound(&format!("{field}.per_customer"), each, &show);
                    self.count(&format!("{field}.approvals"), was.approvals, is.approvals);
                    self.band(&field, (id, was.asset), old, new);
                }
                (None, None) => {}
            }
        }
    }

    fn band(&mut self, field: &str, (id, asset): (&str, AssetIx), old: &Policy, new: &Policy) {
        let (was, is) = (old.band(id).cloned(), new.band(id).cloned());
        let (was, is) = (was.unwrap_or_default(), is.unwrap_or_default());
        let names = self.names;
        let reference = new.reference.or(old.reference).unwrap_or(asset);
        let value = |units: u128| names.amount(reference, units);
        self.bound(
            &format!("{field}.line_value"),
            (was.line_value, is.line_value),
            &value,
        );
        self.bound(
            &format!("{field}.batch_value"),
            (was.batch_value, is.batch_value),
            &value,
        );
        let own = |units: u128| names.amount(asset, units);
        let each = (was.per_requester, is.per_requester);
        self.bound(&format!("{field}.per_requester"), each, &own);
    }

    fn rules(&mut self, old: &Policy, new: &Policy) {
        for was in old.rules.iter() {
            match new.rules.iter().find(|is| is.id == was.id) {
                Some(is) => self.rule(was, is, old, new),
                None => {
                    let direction = standing(&was.then).reversed();
                    let said = self.rule_text(was, old);
                    self.put(&format!("rule.{}", was.id), Some(said), None, direction);
                }
            }
        }
        for is in new.rules.iter() {
            if old.rules.iter().all(|was| was.id != is.id) {
                let said = self.rule_text(is, new);
                let direction = standing(&is.then);
                self.put(&format!("rule.{}", is.id), None, Some(said), direction);
            }
        }
    }

    fn rule_text(&self, rule: &Rule, policy: &Policy) -> String {
        format!(
            "{} then {}",
            self.when_text(rule, policy),
            outcome_text(&rule.then)
        )
    }

    fn when_text(&self, rule: &Rule, policy: &Policy) -> String {
        let parts = rule.when.iter();
        let parts: Vec<String> = parts
            .map(|condition| condition_text(condition, self.names, policy.reference))
            .collect();
        match parts.is_empty() {
            true => String::from("always"),
            false => parts.join(" and "),
        }
    }

    fn rule(&mut self, was: &Rule, is: &Rule, old: &Policy, new: &Policy) {
        let field = format!("rule.{}", was.id);
        let (before, after) = (Cover::of(was), Cover::of(is));
        if before != after {
            let wider = match (before.within(&after), after.within(&before)) {
                (true, _) => standing(&is.then),
                (_, true) => standing(&was.then).reversed(),
                _ => Direction::Unknown,
            };
            // A rule that says something else for another set of requests can't be compared.
            let direction = if was.then == is.then {
                wider
            } else {
                Direction::Unknown
            };
            let (left, right) = (self.when_text(was, old), self.when_text(is, new));
            self.put(&format!("{field}.when"), Some(left), Some(right), direction);
        }
        if was.then != is.then {
            let direction = outcome(&was.then, &is.then);
            let (left, right) = (outcome_text(&was.then), outcome_text(&is.then));
            self.put(&format!("{field}.then"), Some(left), Some(right), direction);
        }
        if was.says != is.says {
            let line = |text: &str| Some(text.replace('\n', " / "));
            self.put(
                &format!("{field}.says"),
                line(&was.says),
                line(&is.says),
                Direction::Words,
            );
        }
    }
}

/// What one more rule of that outcome does. A rule of approvals restricts and allows, so nobody can tell.
const fn standing(then: &Outcome) -> Direction {
    match then {
        Outcome::Clear => Direction::Looser,
        Outcome::Approve(_) => Direction::Unknown,
        Outcome::Hold | Outcome::Deny => Direction::Tighter,
    }
}

fn outcome(old: &Outcome, new: &Outcome) -> Direction {
    match (new.as_strict_as(old), old.as_strict_as(new)) {
        (true, _) => Direction::Tighter,
        (false, true) => Direction::Looser,
        (false, false) => Direction::Unknown,
    }
}
