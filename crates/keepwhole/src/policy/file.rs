//! A policy file (TOML, schema `keepwhole/policy/v1`, `docs/policy.md`) to the typed policy of the core.

use std::collections::{BTreeMap, BTreeSet};

use keepwhole_core::policy::{
    ActionClass, ApprovalTier, AutoPay, Budget, BudgetBand, Cap, Clear, LossOrder, Policy,
};
use keepwhole_core::registry::AssetIx;
use toml::de::DeTable;

use super::condition::{amount, unknown_asset, unknown_wallet};
use super::names::Names;
use super::rules;
use super::source::{Fault, Reading, Refused, Section, Text};
use super::unit::{self, Wrong};

/// The one schema that this program reads.
pub const SCHEMA: &str = "keepwhole/policy/v1";
/// Faults told at most: a file of another kind has one on every line.
const FAULTS_MAX: usize = 100;

const TOP: [&str; 21] = [
    "schema",
    "version",
    "reference",
    "assets",
    "people",
    "law",
    "authority",
    "changes",
    "approvals",
    "clearances",
    "cap",
    "clear",
    "tier",
    "budget",
    "destinations",
    "prices",
    "nodes",
    "holdings",
    "personal_records",
    "breaker",
    "losses",
];
const MORE: [&str; 2] = ["auto_pay", "rule"];

/// Operations that a policy may allow to be signed (`docs/payloads.md`).
pub const OPERATIONS: [&str; 7] = [
    "transfer",
    "unstake",
    "set_authority",
    "delegatecall",
    "upgrade",
    "approve",
    "multicall",
];

/// Classes of action by their key in `[authority]`.
pub const CLASSES: [(&str, ActionClass); 5] = [
    ("approve", ActionClass::Approve),
    ("lower_risk", ActionClass::LowerRisk),
    ("raise_risk", ActionClass::RaiseRisk),
    ("keep_personal", ActionClass::KeepPersonal),
    ("read_personal", ActionClass::ReadPersonal),
];

/// Which law the policy answers to; checked, not stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LawScope {
    /// Jurisdictions, such as `KR`.
    pub places: BTreeSet<String>,
    /// Whether the exchange bound itself to self-regulation, so that missing it is an error.
    pub self_regulation: bool,
}

/// A policy file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// Name of the file as it was given.
    pub file: String,
    /// What it says.
    pub policy: Policy,
    /// The names it speaks of.
    pub names: Names,
    /// Which law it answers to.
    pub law: LawScope,
    /// Lines of its parts by key, such as `rule.large`.
    pub lines: BTreeMap<String, usize>,
    /// By rule: on what a hold or refusal rests (a law record's id or `processing`), and its line. Checked, not stored.
    pub grounds: BTreeMap<String, (String, usize)>,
}

impl PolicyFile {
    /// Line of a key, or of the section it stands in; 1 where neither is there.
    #[must_use]
    pub fn line(&self, key: &str) -> usize {
        let mut key = key;
        loop {
            if let Some(line) = self.lines.get(key) {
                return *line;
            }
            match key.rsplit_once('.') {
                Some((section, _)) => key = section,
                None => return 1,
            }
        }
    }
}

/// Reads a file. `known` are the names of a journal or of the file that it is compared with; without them the file's own
/// `[assets]` and `[people]` count.
///
/// # Errors
/// [`Refused`] with every fault of the file.
pub fn read(file: &str, text: &str, known: Option<&Names>) -> Result<PolicyFile, Refused> {
    let mut reading = Reading::of(text);
    let (document, broken) = DeTable::parse_recoverable(text);
    for cause in broken {
        let line = cause.span().map_or(1, |span| reading.line(span.start));
        let what = format!("not TOML: {}", cause.message().trim().replace('\n', "; "));
        reading.fault(line, "", what, "correct the syntax of that line");
    }
    let mut out = None;
    if reading.faults.is_empty() {
        let keys: Vec<&str> = TOP.iter().chain(&MORE).copied().collect();
        let top = Section::open(&mut reading, "", 1, document.get_ref(), &keys);
        let mut draft = Draft {
            reading,
            names: known.cloned().unwrap_or_default(),
            reference: None,
            lines: BTreeMap::new(),
            grounds: BTreeMap::new(),
        };
        out = Some(draft.file(file, &top));
        reading = draft.reading;
    }
    let mut faults = reading.faults;
    faults.sort();
    faults.dedup();
    faults.truncate(FAULTS_MAX);
    match out.filter(|_| faults.is_empty()) {
        Some(read) => Ok(read),
        None => Err(Refused {
            file: file.to_owned(),
            faults,
        }),
    }
}

/// Reads the bytes of a file.
///
/// # Errors
/// As [`read`]; bytes that are no UTF-8.
pub fn read_bytes(file: &str, bytes: &[u8], known: Option<&Names>) -> Result<PolicyFile, Refused> {
    match std::str::from_utf8(bytes) {
        Ok(text) => read(file, text, known),
        Err(cause) => {
            let good = bytes.get(..cause.valid_up_to()).unwrap_or_default();
            Err(Refused {
                file: file.to_owned(),
                faults: vec![Fault {
                    line: good.iter().filter(|byte| **byte == b'\n').count() + 1,
                    key: String::new(),
                    what: format!("not UTF-8 at byte {}", cause.valid_up_to()),
                    fix: String::from("save the file as UTF-8"),
                }],
            })
        }
    }
}

/// A file while it is read.
pub(super) struct Draft<'t> {
    pub(super) reading: Reading<'t>,
    pub(super) names: Names,
    pub(super) reference: Option<(AssetIx, u8)>,
    pub(super) lines: BTreeMap<String, usize>,
    pub(super) grounds: BTreeMap<String, (String, usize)>,
}

impl<'t> Draft<'t> {
    fn file(&mut self, file: &str, top: &Section<'t>) -> PolicyFile {
        let version = self.head(top);
        self.assets(top);
        self.people(top);
        let law = self.law(top);
        self.set_reference(top);
        let mut policy = Policy {
            version,
            reference: self.reference.map(|(asset, _)| asset),
            ..Policy::default()
        };
        self.authority(top, &mut policy);
        self.times(top, &mut policy);
        self.destinations(top, &mut policy);
        self.watching(top, &mut policy);
        self.amounts(top, &mut policy);
        self.budgets(top, &mut policy);
        policy.rules = rules::read(self, top).into();
        // What the core would say too is told only where nothing was told of a rule before.
        if let Some(fault) = policy.rules.fault()
            && self.reading.faults.is_empty()
        {
            let line = self.lines.get("rule").copied().unwrap_or(1);
            self.reading.fault(
                line,
                "rule",
                fault.to_string(),
                "see docs/policy.md for the bounds",
            );
        }
        PolicyFile {
            file: file.to_owned(),
            policy,
            names: self.names.clone(),
            law,
            lines: std::mem::take(&mut self.lines),
            grounds: std::mem::take(&mut self.grounds),
        }
    }

    pub(super) fn wrong(&mut self, at: &Text<'_>, wrong: Wrong) {
        self.reading.refuse(at, &wrong.why, wrong.fix);
    }

    fn open(&mut self, top: &Section<'t>, key: &str, known: &[&str]) -> Section<'t> {
        let section = top.section(&mut self.reading, key, known);
        if section.is_present() {
            self.lines.insert(key.to_owned(), section.line);
        }
        section
    }

    fn head(&mut self, top: &Section<'t>) -> u32 {
        if let Some(schema) = top.need(&mut self.reading, "schema", &format!("\"{SCHEMA}\""))
            && schema.text != SCHEMA
        {
            let fix = format!("this program reads `{SCHEMA}`");
            self.reading
                .refuse(&schema, "is no schema of a policy", fix);
        }
        if top.value("version").is_none() {
            top.missing(&mut self.reading, "version", "1");
        }
        let version = top.count(&mut self.reading, "version", (1, u32::MAX >> 1), "versions");
        if let Some(version) = &version {
            self.lines.insert(version.key.clone(), version.line);
        }
        version.map_or(0, |version| version.number)
    }

    fn assets(&mut self, top: &Section<'t>) {
        // Any name may stand here, so the keys are looked at one by one.
        let Some(value) = top.value("assets") else {
            if !self.names.is_registered() {
                top.missing(&mut self.reading, "assets.KRW", "{ decimals = 0 }");
            }
            return;
        };
        let Some(table) = value.as_ref().as_table() else {
            top.section(&mut self.reading, "assets", &[]);
            return;
        };
        let line = self.reading.line(value.span().start);
        let keys: Vec<&str> = table.keys().map(|key| key.as_ref().as_ref()).collect();
        let assets = Section::open(&mut self.reading, "assets", line, table, &keys);
        for (id, line) in assets.keys(&self.reading) {
            self.lines.insert(assets.key(id), line);
            let row = assets.section(&mut self.reading, id, &["decimals"]);
            if row.is_present() && row.value("decimals").is_none() {
                row.missing(&mut self.reading, "decimals", "8");
            }
            let Some(decimals) = row.count(&mut self.reading, "decimals", (0, 38), "decimals")
            else {
                continue;
            };
            self.asset(
                id,
                &decimals.key,
                decimals.line,
                u8::try_from(decimals.number).unwrap_or(0),
            );
        }
    }

    fn asset(&mut self, id: &str, key: &str, line: usize, decimals: u8) {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
        if !id.starts_with(|c: char| c.is_ascii_alphabetic()) || !id.chars().all(plain) {
            let what = format!("`{}` can't be the name of an asset", id.escape_debug());
            let fix = "use letters, digits and `-_./:`, a letter first";
            self.reading.fault(line, key, what, fix);
            return;
        }
        match self.names.asset(id) {
            Some((_, known)) if known == decimals => {}
            Some((_, known)) => {
                let place = self.names.source();
                let what = format!("`{decimals}` decimals, where {place} says `{known}`");
                self.reading
                    .fault(line, key, what, format!("write `{known}`"));
            }
            None if !self.names.is_registered() => self.names.add_asset(id, decimals),
            None => {
                if let Err(cause) = unknown_asset::<()>(id, &self.names) {
                    self.reading
                        .fault(line, key, format!("the file {}", cause.why), cause.fix);
                }
            }
        }
    }

    /// Persons per role: counted for the quorums of a file that is looked at without a journal.
    fn people(&mut self, top: &Section<'t>) {
        let Some(table) = top
            .value("people")
            .and_then(|value| value.as_ref().as_table())
        else {
            top.section(&mut self.reading, "people", &[]);
            return;
        };
        let keys: Vec<&str> = table.keys().map(|key| key.as_ref().as_ref()).collect();
        self.names.forget_people();
        let people = top.section(&mut self.reading, "people", &keys);
        self.lines.insert(String::from("people"), people.line);
        for (role, _) in people.keys(&self.reading) {
            let count = people.count(&mut self.reading, role, (0, 1_000), "persons");
            if let Some(count) = count.filter(|_| !self.names.is_registered()) {
                self.names.add_people(role, count.number);
            }
        }
    }

    fn law(&mut self, top: &Section<'t>) -> LawScope {
        let law = self.open(top, "law", &["places", "self_regulation"]);
        if !law.is_present() {
            top.missing(&mut self.reading, "law.places", "[\"KR\"]");
        }
        let known = ["EU", "HK", "JP", "KR", "SG", "US"];
        let mut places = BTreeSet::new();
        for place in law
            .texts(&mut self.reading, "places", "[\"KR\"]")
            .unwrap_or_default()
        {
            if known.contains(&place.text) {
                places.insert(place.text.to_owned());
            } else {
                let fix = format!("there is law data for `{}`", known.join("`, `"));
                self.reading
                    .refuse(&place, "is no place with law data", fix);
            }
        }
        LawScope {
            places,
            self_regulation: law
                .flag(&mut self.reading, "self_regulation")
                .unwrap_or(false),
        }
    }

    fn set_reference(&mut self, top: &Section<'t>) {
        let Some(text) = top.need(&mut self.reading, "reference", "\"KRW\"") else {
            return;
        };
        match self.names.asset(text.text) {
            Some(found) => self.reference = Some(found),
            None => {
                if let Err(cause) = unknown_asset::<()>(text.text, &self.names) {
                    self.wrong(
                        &text,
                        Wrong {
                            why: String::from("is no known asset"),
                            fix: cause.fix,
                        },
                    );
                }
            }
        }
    }

    fn authority(&mut self, top: &Section<'t>, policy: &mut Policy) {
        let keys = CLASSES.map(|(key, _)| key);
        let section = self.open(top, "authority", &keys);
        for (key, class) in CLASSES {
            if section.value(key).is_none() {
                section.missing(&mut self.reading, key, "[\"admin\"]");
                continue;
            }
            let Some(roles) = section.texts(&mut self.reading, key, "[\"admin\"]") else {
                continue;
            };
            if roles.is_empty() {
                let full = section.key(key);
                let what = String::from("names no role, so nobody could do it");
                self.reading
                    .fault(section.line, &full, what, "name at least one role");
            }
            self.lines.insert(
                section.key(key),
                roles.first().map_or(section.line, |role| role.line),
            );
            let roles = roles.iter().map(|role| role.text.to_owned()).collect();
            policy.authority.push((class, roles));
        }
        let changes = self.open(top, "changes", &["approvals", "cool_off"]);
        if changes.value("approvals").is_none() {
            changes.missing(&mut self.reading, "approvals", "3");
        }
        let approvals = changes.count(&mut self.reading, "approvals", (1, 100), "persons");
        policy.change_approvals = approvals.map_or(1, |count| count.number);
        policy.change_cool_off_ms = self.length(&changes, "cool_off", "24h", true);
    }

    /// A length of time above zero.
    pub(super) fn length(
        &mut self,
        section: &Section<'t>,
        key: &str,
        example: &str,
        needed: bool,
    ) -> Option<u64> {
        let text = if needed {
            section.need(&mut self.reading, key, &format!("\"{example}\""))
        } else {
            section.text(&mut self.reading, key, example)
        }?;
        self.lines.insert(text.key.clone(), text.line);
        match unit::duration(text.text) {
            Ok(0) => {
                let fix = format!("write a length of time such as `{example}`");
                self.reading.refuse(&text, "is no time at all", fix);
                None
            }
            Ok(millis) => Some(millis),
            Err(cause) => {
                self.wrong(&text, cause);
                None
            }
        }
    }

    /// A share of at most the whole, in basis points.
    fn share(&mut self, section: &Section<'t>, key: &str, example: &str) -> Option<u16> {
        let text = section.need(&mut self.reading, key, &format!("\"{example}\""))?;
        self.lines.insert(text.key.clone(), text.line);
        match unit::share(text.text) {
            Ok(points @ 1..=10_000) => u16::try_from(points).ok(),
            Ok(_) => {
                self.reading.refuse(
                    &text,
                    "is nothing or more than the whole",
                    "write `0.01%` to `100%`",
                );
                None
            }
            Err(cause) => {
                self.wrong(&text, cause);
                None
            }
        }
    }

    fn times(&mut self, top: &Section<'t>, policy: &mut Policy) {
        let approvals = self.open(
            top,
            "approvals",
            &["valid_for", "collect_within", "act_within"],
        );
        policy.approval_ttl_ms = self.length(&approvals, "valid_for", "4h", true);
        policy.collection_ms = self.length(&approvals, "collect_within", "24h", true);
        policy.execution_ms = self.length(&approvals, "act_within", "24h", true);
        let clearances = self.open(top, "clearances", &["valid_for", "operations", "attested"]);
        policy.clearance_ttl_ms = self.length(&clearances, "valid_for", "10m", true);
        if clearances.value("operations").is_none() {
            clearances.missing(&mut self.reading, "operations", "[\"transfer\"]");
        }
        let ops = clearances.texts(&mut self.reading, "operations", "[\"transfer\"]");
        for op in ops.unwrap_or_default() {
            self.lines.entry(op.key.clone()).or_insert(op.line);
            if OPERATIONS.contains(&op.text) {
                policy.ops_allowed.push(op.text.to_owned());
            } else {
                let fix = format!("operations are `{}`", OPERATIONS.join("`, `"));
                self.reading
                    .refuse(&op, "is no operation that is decoded", fix);
            }
        }
        if let Some(text) = clearances.text(&mut self.reading, "attested", "64 hexadecimal digits")
        {
            policy.attested = digest(text.text);
            if policy.attested.is_none() {
                let fix = "write the SHA-256 of the guard's build as 64 digits 0-9 and a-f";
                self.reading.refuse(&text, "is no digest", fix);
            }
        }
    }

    fn destinations(&mut self, top: &Section<'t>, policy: &mut Policy) {
        let section = self.open(top, "destinations", &["only_listed", "cool_off"]);
        policy.allowlist = self.flag(&section, "only_listed");
        policy.destination_cool_off_ms = self.length(&section, "cool_off", "24h", true);
    }

    /// A yes or no that must be said.
    fn flag(&mut self, section: &Section<'t>, key: &str) -> bool {
        if section.value(key).is_none() {
            section.missing(&mut self.reading, key, "true");
        } else {
            self.lines.insert(section.key(key), section.line);
        }
        section.flag(&mut self.reading, key).unwrap_or(false)
    }

    fn watching(&mut self, top: &Section<'t>, policy: &mut Policy) {
        let prices = self.open(top, "prices", &["max_age", "band"]);
        policy.price_max_age_ms = self.length(&prices, "max_age", "60s", true);
        policy.price_band_bps = self.share(&prices, "band", "10%");
        let nodes = self.open(top, "nodes", &["trusted", "agree", "max_lag"]);
        if nodes.value("trusted").is_none() {
            nodes.missing(&mut self.reading, "trusted", "[\"node-a\", \"node-b\"]");
        }
        let trusted = nodes.texts(&mut self.reading, "trusted", "[\"node-a\", \"node-b\"]");
        policy.nodes = trusted
            .unwrap_or_default()
            .iter()
            .map(|node| node.text.to_owned())
            .collect();
        if nodes.value("agree").is_none() {
            nodes.missing(&mut self.reading, "agree", "2");
        }
        let agree = nodes.count(&mut self.reading, "agree", (1, 100), "nodes");
        policy.node_quorum = agree.as_ref().map_or(1, |agree| agree.number);
        if let Some(agree) = agree
            && !policy.nodes.is_empty()
            && usize::try_from(agree.number).is_ok_and(|agree| agree > policy.nodes.len())
        {
            let what = format!(
                "`{}` nodes must agree and `{}` are trusted",
                agree.number,
                policy.nodes.len()
            );
            self.reading.fault(
                agree.line,
                &agree.key,
                what,
                "name more nodes or ask fewer to agree",
            );
        }
        policy.node_max_lag_ms = self.length(&nodes, "max_lag", "60s", true);
        let holdings = self.open(top, "holdings", &["guard"]);
        policy.holdings_guard = self.flag(&holdings, "guard");
        self.personal(top, policy);
        let breaker = self.open(top, "breaker", &["armed", "sweep_to"]);
        policy.breaker_armed = self.flag(&breaker, "armed");
        if let Some(wallet) = breaker.text(&mut self.reading, "sweep_to", "cold-1") {
            policy.sweep_to = self.names.wallet(wallet.text);
            if policy.sweep_to.is_none()
                && let Err(cause) = unknown_wallet::<()>(wallet.text, &self.names)
            {
                self.wrong(
                    &wallet,
                    Wrong {
                        why: String::from("is no registered wallet"),
                        fix: cause.fix,
                    },
                );
            }
        }
        let losses = self.open(top, "losses", &["first"]);
        if let Some(first) = losses.need(&mut self.reading, "first", "\"pro_rata\"") {
            match first.text {
                "pro_rata" => policy.loss_order = LossOrder::ProRata,
                "house" => policy.loss_order = LossOrder::HouseFirst,
                _ => self
                    .reading
                    .refuse(&first, "bears no loss", "write `pro_rata` or `house`"),
            }
        }
    }

    fn personal(&mut self, top: &Section<'t>, policy: &mut Policy) {
        let section = self.open(
            top,
            "personal_records",
            &["reads_per_hour", "reads_per_hour_all"],
        );
        let bounds = (1, 1_000_000);
        for key in ["reads_per_hour", "reads_per_hour_all"] {
            if section.value(key).is_none() {
                section.missing(&mut self.reading, key, "50");
            }
        }
        let one = section.count(&mut self.reading, "reads_per_hour", bounds, "reads an hour");
        let all = section.count(
            &mut self.reading,
            "reads_per_hour_all",
            bounds,
            "reads an hour",
        );
        if let (Some(one), Some(all)) = (&one, &all)
            && one.number > all.number
        {
            let what = format!(
                "`{}` for one is more than `{}` for all together",
                one.number, all.number
            );
            self.reading.fault(
                one.line,
                &one.key,
                what,
                "raise the number for all or lower this one",
            );
        }
        policy.reads_per_hour = one.map(|count| count.number);
        policy.reads_per_hour_all = all.map(|count| count.number);
    }

    /// An amount of a known asset.
    pub(super) fn amount(
        &mut self,
        section: &Section<'t>,
        key: &str,
        example: &str,
    ) -> Option<(AssetIx, u128, Text<'t>)> {
        let text = section.need(&mut self.reading, key, &format!("\"{example}\""))?;
        match amount(text.text, &self.names) {
            Ok((asset, units)) => Some((asset, units, text)),
            Err(cause) => {
                self.wrong(&text, cause);
                None
            }
        }
    }

    fn amounts(&mut self, top: &Section<'t>, policy: &mut Policy) {
        for row in top.rows(&mut self.reading, "cap", &["window", "share"]) {
            let window = self.length(&row, "window", "24h", true);
            let share = self.share(&row, "share", "20%");
            if let (Some(window_ms), Some(bps)) = (window, share) {
                if policy.caps.iter().any(|cap| cap.window_ms == window_ms) {
                    let what = format!("a second cap of `{}`", unit::show_duration(window_ms));
                    self.reading
                        .fault(row.line, "cap", what, "keep the smaller share");
                }
                policy.caps.push(Cap { window_ms, bps });
            }
        }
        policy.caps.sort_by_key(|cap| cap.window_ms);
        for row in top.rows(&mut self.reading, "clear", &["up_to"]) {
            let Some((asset, up_to, at)) = self.amount(&row, "up_to", "5 BTC") else {
                continue;
            };
            if policy.clears.iter().any(|clear| clear.asset == asset) {
                self.reading
                    .refuse(&at, "is a second limit of that asset", "keep one");
            }
            self.lines
                .insert(format!("clear.{}", self.names.asset_id(asset)), at.line);
            policy.clears.push(Clear { asset, up_to });
        }
        for row in top.rows(&mut self.reading, "tier", &["from", "approvals"]) {
            self.tier(&row, policy);
        }
        for row in top.rows(&mut self.reading, "auto_pay", &["up_to"]) {
            let Some((asset, up_to, at)) = self.amount(&row, "up_to", "0.01 BTC") else {
                continue;
            };
            if policy.auto_pay.iter().any(|rule| rule.asset == asset) {
                self.reading
                    .refuse(&at, "is a second limit of that asset", "keep one");
            }
            policy.auto_pay.push(AutoPay { asset, up_to });
        }
    }

    fn tier(&mut self, row: &Section<'t>, policy: &mut Policy) {
        let from = self.amount(row, "from", "1 BTC");
        if row.value("approvals").is_none() {
            row.missing(&mut self.reading, "approvals", "2");
        }
        let approvals = row.count(&mut self.reading, "approvals", (1, 100), "persons");
        let (Some((asset, from, at)), Some(approvals)) = (from, approvals) else {
            return;
        };
        let same = |tier: &&ApprovalTier| tier.asset == asset;
        if policy
            .tiers
            .iter()
            .filter(same)
            .any(|tier| tier.from == from)
        {
            self.reading.refuse(
                &at,
                "begins a second tier",
                "keep the one with more persons",
            );
        }
        let key = format!("tier.{}", self.names.amount(asset, from));
        self.lines.insert(key, approvals.line);
        policy.tiers.push(ApprovalTier {
            asset,
            from,
            approvals: approvals.number,
        });
    }

    fn budgets(&mut self, top: &Section<'t>, policy: &mut Policy) {
        let known = [
            "id",
            "unit",
            "total",
            "per_customer",
            "approvals",
            "line_value",
            "batch_value",
            "per_requester",
        ];
        for mut row in top.rows(&mut self.reading, "budget", &known) {
            let id = row.need(&mut self.reading, "id", "\"event-2026-02\"");
            if let Some(id) = &id {
                row.rename(format!("budget.{}", id.text));
                if policy.budgets.iter().any(|budget| budget.id == id.text) {
                    self.reading.refuse(
                        id,
                        "is a second budget of that name",
                        "give it another name",
                    );
                }
                self.lines.insert(format!("budget.{}", id.text), id.line);
            }
            let unit = row.need(&mut self.reading, "unit", "\"KRW\"");
            let asset = unit.and_then(|unit| {
                let found = self.names.asset(unit.text);
                if found.is_none()
                    && let Err(cause) = unknown_asset::<()>(unit.text, &self.names)
                {
                    self.wrong(
                        &unit,
                        Wrong {
                            why: String::from("is no known asset"),
                            fix: cause.fix,
                        },
                    );
                }
                Some(found?.0)
            });
            self.budget(&row, id.map_or("", |id| id.text), asset, policy);
        }
    }

    fn budget(&mut self, row: &Section<'t>, id: &str, asset: Option<AssetIx>, policy: &mut Policy) {
        let total = self.in_unit(row, "total", asset, true);
        let per_customer = self.in_unit(row, "per_customer", asset, true);
        let reference = self.reference.map(|(asset, _)| asset);
        let band = BudgetBand {
            budget: id.to_owned(),
            line_value: self.in_unit(row, "line_value", reference, true),
            batch_value: self.in_unit(row, "batch_value", reference, true),
            per_requester: self.in_unit(row, "per_requester", asset, false),
        };
        if row.value("approvals").is_none() {
            row.missing(&mut self.reading, "approvals", "2");
        }
        let approvals = row.count(&mut self.reading, "approvals", (0, 100), "persons");
        if let (Some(total), Some(one)) = (total, per_customer)
            && one > total
        {
            let full = row.key("per_customer");
            let what = String::from("one customer could get more than the whole budget has");
            self.reading
                .fault(row.line, &full, what, "lower it to `total` or less");
        }
        if let (Some(asset), Some(total), Some(per_customer), Some(approvals)) =
            (asset, total, per_customer, approvals)
        {
            policy.budgets.push(Budget {
                id: id.to_owned(),
                asset,
                total,
                per_customer,
                approvals: approvals.number,
            });
            policy.bands.push(band);
        }
    }

    /// An amount that must be of that asset.
    fn in_unit(
        &mut self,
        row: &Section<'t>,
        key: &str,
        asset: Option<AssetIx>,
        needed: bool,
    ) -> Option<u128> {
        if !needed && row.value(key).is_none() {
            return None;
        }
        let (found, units, at) = self.amount(row, key, "1,000,000 KRW")?;
        let asset = asset?;
        if found != asset {
            let want = self.names.asset_id(asset);
            self.reading.refuse(
                &at,
                "is of another asset",
                format!("write the amount in `{want}`"),
            );
            return None;
        }
        Some(units)
    }
}

/// A SHA-256 in lower-case hexadecimal.
fn digest(text: &str) -> Option<[u8; 32]> {
    let bytes = text.as_bytes();
    let lower = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if bytes.len() != 64 || !bytes.iter().all(lower) {
        return None;
    }
    let mut out = [0; 32];
    for (byte, pair) in out.iter_mut().zip(bytes.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(out)
}
