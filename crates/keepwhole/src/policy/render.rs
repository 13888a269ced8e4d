//! A policy as the file that says it: what `keepwhole policy show` prints. Reading it again gives the same policy.

use std::fmt::Write as _;

use keepwhole_core::policy::rule::{Outcome, Rule};
use keepwhole_core::policy::{Budget, LossOrder, Policy};
use keepwhole_core::registry::AssetIx;

use super::file::{CLASSES, SCHEMA};
use super::names::Names;
use super::rules::words;
use super::unit::{show_duration, show_share};
use super::wording::condition_text;

/// Writes the policy. A control that it does not set is left out, with a comment that says so.
#[must_use]
pub fn render(policy: &Policy, names: &Names) -> String {
    let mut out = Writer {
        out: String::new(),
        names,
        reference: policy.reference,
    };
    out.head(policy);
    out.authority(policy);
    out.times(policy);
    out.watching(policy);
    out.amounts(policy);
    for budget in &policy.budgets {
        out.budget(policy, budget);
    }
    for rule in policy.rules.iter() {
        out.rule(rule);
    }
    out.out
}

/// A text in quotes, as TOML has it.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn list(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
    format!("[{}]", items.join(", "))
}

struct Writer<'n> {
    out: String,
    names: &'n Names,
    reference: Option<AssetIx>,
}

impl Writer<'_> {
    fn line(&mut self, text: &str) {
        // Writing into a text can't fail.
        let _written = writeln!(self.out, "{text}");
    }

    fn section(&mut self, name: &str) {
        self.line(&format!("\n{name}"));
    }

    fn set(&mut self, key: &str, value: Option<String>) {
        match value {
            Some(value) => self.line(&format!("{key} = {value}")),
            None => self.line(&format!("# {key} is not set: that control is off")),
        }
    }

    fn length(&mut self, key: &str, millis: Option<u64>) {
        self.set(key, millis.map(|millis| quoted(&show_duration(millis))));
    }

    fn head(&mut self, policy: &Policy) {
        self.line(&format!("schema = \"{SCHEMA}\""));
        self.line(&format!("version = {}", policy.version));
        let reference = self
            .reference
            .map(|asset| quoted(&self.names.asset_id(asset)));
        self.set("reference", reference);
        self.section("[assets]");
        let assets: Vec<String> = self.names.assets().map(str::to_owned).collect();
        for id in assets {
            let decimals = self.names.asset(&id).map_or(0, |(_, decimals)| decimals);
            let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            let key = if id.chars().all(bare) {
                id
            } else {
                quoted(&id)
            };
            self.line(&format!("{key} = {{ decimals = {decimals} }}"));
        }
        self.section("[law]");
        self.line("places = []");
    }

    fn authority(&mut self, policy: &Policy) {
        self.section("[authority]");
        for (key, class) in CLASSES {
            let roles = policy.roles(class);
            self.set(key, (!roles.is_empty()).then(|| list(roles)));
        }
        self.section("[changes]");
        self.line(&format!("approvals = {}", policy.change_approvals.max(1)));
        self.length("cool_off", policy.change_cool_off_ms);
    }

    fn times(&mut self, policy: &Policy) {
        self.section("[approvals]");
        self.length("valid_for", policy.approval_ttl_ms);
        self.length("collect_within", policy.collection_ms);
        self.length("act_within", policy.execution_ms);
        self.section("[clearances]");
        self.length("valid_for", policy.clearance_ttl_ms);
        self.line(&format!("operations = {}", list(&policy.ops_allowed)));
        if let Some(digest) = policy.attested {
            let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            self.line(&format!("attested = \"{hex}\""));
        }
        self.section("[destinations]");
        self.line(&format!("only_listed = {}", policy.allowlist));
        self.length("cool_off", policy.destination_cool_off_ms);
    }

    fn watching(&mut self, policy: &Policy) {
        self.section("[prices]");
        self.length("max_age", policy.price_max_age_ms);
        let band = policy
            .price_band_bps
            .map(|bps| quoted(&show_share(bps.into())));
        self.set("band", band);
        self.section("[nodes]");
        self.line(&format!("trusted = {}", list(&policy.nodes)));
        self.line(&format!("agree = {}", policy.node_quorum.max(1)));
        self.length("max_lag", policy.node_max_lag_ms);
        self.section("[holdings]");
        self.line(&format!("guard = {}", policy.holdings_guard));
        self.section("[personal_records]");
        self.set(
            "reads_per_hour",
            policy.reads_per_hour.map(|n| n.to_string()),
        );
        self.set(
            "reads_per_hour_all",
            policy.reads_per_hour_all.map(|n| n.to_string()),
        );
        self.section("[breaker]");
        self.line(&format!("armed = {}", policy.breaker_armed));
        if let Some(wallet) = policy.sweep_to {
            self.line(&format!(
                "sweep_to = {}",
                quoted(&self.names.wallet_id(wallet))
            ));
        }
        self.section("[losses]");
        let first = match policy.loss_order {
            LossOrder::ProRata => "pro_rata",
            LossOrder::HouseFirst => "house",
        };
        self.line(&format!("first = \"{first}\""));
    }

    fn amount(&self, asset: AssetIx, units: u128) -> String {
        quoted(&self.names.amount(asset, units))
    }

    fn amounts(&mut self, policy: &Policy) {
        for cap in &policy.caps {
            self.section("[[cap]]");
            self.line(&format!(
                "window = {}",
                quoted(&show_duration(cap.window_ms))
            ));
            self.line(&format!("share = {}", quoted(&show_share(cap.bps.into()))));
        }
        for clear in &policy.clears {
            self.section("[[clear]]");
            self.line(&format!(
                "up_to = {}",
                self.amount(clear.asset, clear.up_to)
            ));
        }
        for tier in &policy.tiers {
            self.section("[[tier]]");
            self.line(&format!("from = {}", self.amount(tier.asset, tier.from)));
            self.line(&format!("approvals = {}", tier.approvals));
        }
        for rule in &policy.auto_pay {
            self.section("[[auto_pay]]");
            self.line(&format!("up_to = {}", self.amount(rule.asset, rule.up_to)));
        }
    }

    fn budget(&mut self, policy: &Policy, budget: &Budget) {
        self.section("[[budget]]");
        self.line(&format!("id = {}", quoted(&budget.id)));
        self.line(&format!(
            "unit = {}",
            quoted(&self.names.asset_id(budget.asset))
        ));
        self.line(&format!(
            "total = {}",
            self.amount(budget.asset, budget.total)
        ));
        self.line(&format!(
            "per_customer = {}",
            self.amount(budget.asset, budget.per_customer)
        ));
        self.line(&format!("approvals = {}", budget.approvals));
        let Some(band) = policy.band(&budget.id) else {
            return;
        };
        let value = |units: Option<u128>| Some(self.amount(self.reference?, units?));
        let (line, batch) = (value(band.line_value), value(band.batch_value));
        self.set("line_value", line);
        self.set("batch_value", batch);
        if let Some(units) = band.per_requester {
            self.line(&format!(
                "per_requester = {}",
                self.amount(budget.asset, units)
            ));
        }
    }

    fn rule(&mut self, rule: &Rule) {
        self.section("[[rule]]");
        self.line(&format!("id = {}", quoted(&rule.id)));
        let when: Vec<String> = rule
            .when
            .iter()
            .map(|condition| condition_text(condition, self.names, self.reference))
            .collect();
        self.line(&format!("when = {}", list(&when)));
        self.line(&format!("then = {}", outcome_toml(&rule.then)));
        let (english, korean) = words(rule);
        self.line(&format!("says = {}", quoted(english)));
        self.line(&format!("says_ko = {}", quoted(korean)));
    }
}

/// An outcome as the file has it.
fn outcome_toml(outcome: &Outcome) -> String {
    let Outcome::Approve(approvals) = outcome else {
        return quoted(outcome.word());
    };
    let mut out = format!("{{ approve = {}", approvals.n);
    if !approvals.roles.is_empty() {
        let _written = write!(out, ", roles = {}", list(&approvals.roles));
    }
    if approvals.delay_ms > 0 {
        let _written = write!(out, ", delay = \"{}\"", show_duration(approvals.delay_ms));
    }
    out.push_str(" }");
    out
}

/// An outcome in words: `approve by 2 (risk, treasury), then wait 1h`.
#[must_use]
pub fn outcome_text(outcome: &Outcome) -> String {
    let Outcome::Approve(approvals) = outcome else {
        return outcome.word().to_owned();
    };
    let mut out = format!("approve by {}", approvals.n);
    if !approvals.roles.is_empty() {
        let _written = write!(out, " ({})", approvals.roles.join(", "));
    }
    if approvals.delay_ms > 0 {
        let _written = write!(out, ", then wait {}", show_duration(approvals.delay_ms));
    }
    out
}
