//! A policy file (TOML, schema `keepwhole/policy/v1`, `docs/policy.md`) to the typed policy of the core.

use std::collections::{BTreeMap, BTreeSet};

use keepwhole_core::policy::{ActionClass, Policy};
use keepwhole_core::registry::AssetIx;
use toml::de::DeTable;

use super::condition::unknown_asset;
use super::names::Names;
use super::rules;
use super::source::{Fault, Reading, Refused, Section, Text};
use super::unit::Wrong;

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

    pub(super) fn open(&mut self, top: &Section<'t>, key: &str, known: &[&str]) -> Section<'t> {
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
}
