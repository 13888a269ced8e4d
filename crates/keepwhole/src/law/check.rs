//! The reject rules and warnings of `law/README.md`, on records as read.
//!
//! Rules 1 and 2 (file and keys), 7 and 8 (numbers) are applied while a file is read; the others stand here.

use std::collections::BTreeMap;

use keepwhole_core::law::{
    Area, Base, ClockStart, Combine, Confidence, Day, DueForm, Form, Kind, RuleRecord, Status,
    Value, clock_of, never_starts,
};

use super::draft::{Draft, Top};
use super::load::{Refusal, Warning};

/// Ids that were retired and must not come back, with the id to use instead (`law/README.md`, "Retired ids").
pub const RETIRED: [(&str, &str); 1] = [("kr-aml-risk-counterparty", "kr-aml-unregistered-vasp")];
/// A file older than this many days is warned about.
const OLD_DAYS: i32 = 180;
const JURISDICTION_PREFIXES: [&str; 6] = ["kr", "jp", "eu", "us", "hk", "sg"];

/// Every record of every file by id; the first one, if an id came twice.
pub(super) type Index<'a> = BTreeMap<&'a str, &'a Draft>;

/// Rule 3 for the id itself: used twice, or retired.
pub(super) fn identity(file: &str, draft: &Draft, seen: &Index<'_>, refusals: &mut Vec<Refusal>) {
    let mut refuse = |reason: String, fix: String| {
        let (file, record) = (file.to_owned(), draft.id.clone());
        refusals.push(Refusal {
            rule: 3,
            file,
            line: Some(draft.line_of("id")),
            record,
            reason,
            fix,
        });
    };
    if seen.contains_key(draft.id.as_str()) && !draft.id.is_empty() {
        refuse(
            format!("id `{}` used twice", draft.id),
            "give the later record an id of its own".into(),
        );
    }
    if let Some((_, instead)) = RETIRED.iter().find(|(retired, _)| *retired == draft.id) {
        refuse(
            format!("retired id `{}` used again", draft.id),
            format!("use `{instead}` or a new id"),
        );
    }
}

/// The warning about a file whose state of knowledge is old.
pub(super) fn age(file: &str, top: &Top, today: Day, warnings: &mut Vec<Warning>) {
    let days = today.epoch_days() - top.as_of.epoch_days();
    if days > OLD_DAYS {
        let reason = format!(
            "`as_of` {} is {days} days old (more than {OLD_DAYS}): read the law again",
            top.as_of
        );
        warnings.push(Warning {
            file: file.into(),
            record: String::new(),
            reason,
        });
    }
}

/// One record under examination.
pub(super) struct Case<'a> {
    pub(super) file: &'a str,
    pub(super) draft: &'a Draft,
    pub(super) as_of: Option<Day>,
    pub(super) index: &'a Index<'a>,
    pub(super) refusals: &'a mut Vec<Refusal>,
    pub(super) warnings: &'a mut Vec<Warning>,
}

impl Case<'_> {
    /// Rules 2 (form of the id), 3 to 6, 9 to 11, and the warnings.
    pub(super) fn check(&mut self) {
        let draft = self.draft;
        if draft.texts.contains_key("id") && !is_slug(&draft.id) {
            let fix = "write the jurisdiction and lower-case words joined by `-`, such as `kr-na-incident-24h`";
            self.refuse(2, "id", format!("id `{}` is not a slug", draft.id), fix);
        }
        self.closed_lists();
        self.dates();
        self.chain();
        self.pointers();
        self.completeness();
        self.source();
        self.warn();
    }

    fn refuse(&mut self, rule: u8, key: &str, reason: String, fix: &str) {
        let (file, record) = (self.file.to_owned(), self.draft.id.clone());
        let line = Some(self.draft.line_of(key));
        self.refusals.push(Refusal {
            rule,
            file,
            line,
            record,
            reason,
            fix: fix.into(),
        });
    }

    /// Rule 4.
    fn closed_lists(&mut self) {
        let names = |found: bool, all: Vec<&str>| (!found).then(|| all.join("`, `"));
        macro_rules! outside {
            ($list:ty, $word:expr) => {
                names(
                    <$list>::parse($word).is_some(),
                    <$list>::ALL.iter().map(|one| one.name()).collect(),
                )
            };
        }
        for key in ["area", "kind", "status", "confidence"] {
            let Some(word) = self.draft.texts.get(key) else {
                continue;
            };
            let allowed = match key {
                "area" => outside!(Area, word),
                "kind" => outside!(Kind, word),
                "status" => outside!(Status, word),
                _ => outside!(Confidence, word),
            };
            self.outside(key, word, allowed);
        }
        for key in [
            "clock_start",
            "due_form",
            "notice_due_form",
            "base",
            "form",
            "combine",
        ] {
            let Some(value) = self.draft.parameters.get(key) else {
                continue;
            };
            let word = if let Value::Text(word) = value {
                word.as_str()
            } else {
                ""
            };
            let allowed = match key {
                "clock_start" => outside!(ClockStart, word),
                "due_form" | "notice_due_form" => outside!(DueForm, word),
                "base" => outside!(Base, word),
                "form" => outside!(Form, word),
                _ => outside!(Combine, word),
            };
            self.outside(key, word, allowed);
        }
    }

    fn outside(&mut self, key: &str, word: &str, allowed: Option<String>) {
        if let Some(allowed) = allowed {
            let fix = format!("write one of `{allowed}`");
            self.refuse(
                4,
                key,
                format!("`{key}` = `{word}` is outside its closed list"),
                &fix,
            );
        }
    }

    /// Rules 5 and 6.
    fn dates(&mut self) {
        let (from, to) = (self.from(), self.to());
        match (self.status(), from) {
            (Some(Status::InForce | Status::EnactedNotYetInForce | Status::Superseded), None) => {
                let fix = "write the first day in force, or another status";
                self.refuse(5, "status", "`effective_from` missing".into(), fix);
            }
            (Some(Status::Proposed), Some(_)) => {
                let fix = "remove the day, or record what was enacted under its own id";
                self.refuse(
                    5,
                    "effective_from",
                    "`effective_from` on a proposal".into(),
                    fix,
                );
            }
            _ => {}
        }
        if let (Some(from), Some(to)) = (from, to)
            && to < from
        {
            let reason = format!("`effective_to` {to} before `effective_from` {from}");
            self.refuse(6, "effective_to", reason, "correct one of the two days");
        }
        if let (Some(as_of), Some(from), Some(status)) = (self.as_of, from, self.status()) {
            self.status_on(as_of, from, to, status);
        }
    }

    fn status_on(&mut self, as_of: Day, from: Day, to: Option<Day>, status: Status) {
        let fix = "correct the status or the day; never edit a rule that has been in force";
        match status {
            Status::InForce if from > as_of => {
                let reason =
                    format!("`in_force` but `effective_from` {from} is after `as_of` {as_of}");
                self.refuse(6, "status", reason, fix);
            }
            Status::EnactedNotYetInForce if from <= as_of => {
                let reason = format!("`enacted_not_yet_in_force` but in force since {from}");
                self.refuse(6, "status", reason, fix);
            }
            Status::Superseded if to.is_none_or(|to| to > as_of) => {
                let reason =
                    format!("`superseded` without an `effective_to` on or before `as_of` {as_of}");
                self.refuse(6, "status", reason, fix);
            }
            _ => {}
        }
        if let (Status::InForce, Some(to)) = (status, to.filter(|to| *to < as_of)) {
            self.refuse(
                6,
                "status",
                format!("`in_force` but ended on {to}, before `as_of` {as_of}"),
                fix,
            );
        }
    }

    /// Rules 3 and 10 for `superseded_by`.
    fn chain(&mut self) {
        let Some(next) = self.draft.texts.get("superseded_by") else {
            return;
        };
        let Some(successor) = self.index.get(next.as_str()) else {
            self.refuse(
                3,
                "superseded_by",
                format!("`superseded_by` names no record: `{next}`"),
                "add the record that takes over, or correct the id",
            );
            return;
        };
        let begins = successor.days.get("effective_from").copied();
        let law = matches!(
            self.status(),
            Some(Status::InForce | Status::EnactedNotYetInForce | Status::Superseded)
        );
        let fix = "let `effective_from` of the successor be the day after `effective_to`";
        match (self.to(), begins) {
            (Some(to), Some(begins)) if to.plus_days(1) == Some(begins) => {}
            (Some(to), Some(begins)) => {
                let what = if begins <= to {
                    "both hold on some day"
                } else {
                    "neither holds on some day"
                };
                let reason = format!("ends on {to} and `{next}` starts on {begins}: {what}");
                self.refuse(10, "superseded_by", reason, fix);
            }
            (Some(to), None) if law => {
                let reason =
                    format!("ends on {to} and `{next}` has no first day: neither holds after it");
                self.refuse(10, "superseded_by", reason, fix);
            }
            (None, _) if law => {
                let reason = format!("superseded by `{next}` without an `effective_to`: both hold");
                self.refuse(10, "superseded_by", reason, fix);
            }
            _ => {}
        }
    }

    /// Rule 3 for record ids in parameters.
    fn pointers(&mut self) {
        let mut named = Vec::new();
        for (key, value) in &self.draft.parameters {
            texts(key, value, &mut named);
        }
        for (key, id) in named {
            if looks_like_rule_id(id) && !self.index.contains_key(id) {
                let reason = format!("`{key}` names no record: `{id}`");
                self.refuse(3, key, reason, "add that record, or correct the id");
            }
        }
    }

    /// Rule 9.
    fn completeness(&mut self) {
        let kind = Kind::parse(self.draft.text("kind"));
        if kind == Some(Kind::Clock)
            && !["due_", "interval_", "notice_"]
                .iter()
                .any(|start| self.draft.mentions(start))
        {
            let fix = "write the limit (`due_hours = 24`), or `due_form` where the law gives words";
            self.refuse(
                9,
                "kind",
                "clock without `due_*`, `interval_*` or `notice_*`".into(),
                fix,
            );
        }
        if kind == Some(Kind::Penalty) && !self.draft.parameters.contains_key("base") {
            let fix = "write what the rate applies to: `base = \"annual_revenue\"`, or `\"fixed\"` for a cap alone";
            self.refuse(9, "kind", "penalty without `base`".into(), fix);
        }
        if self.draft.parameter_text("due_form") == Some(DueForm::ByDate.name())
            && !self
                .draft
                .parameter_text("due_date")
                .is_some_and(is_month_and_day)
        {
            let fix = "write a day of the year as `due_date = \"MM-DD\"`";
            self.refuse(9, "due_form", "`by_date` without a `due_date`".into(), fix);
        }
    }

    /// Rule 9, on the finished record: a clock that names a start has a limit that can be read.
    pub(super) fn check_clock(&mut self, record: &RuleRecord) {
        let started = record.kind == Kind::Clock
            && record.text("clock_start").is_some()
            && !never_starts(record);
        let keys = || record.parameters.iter().map(|(key, _)| key);
        let counts = |key: &String| key.starts_with("due_") || key.starts_with("interval_");
        if started && clock_of(record).is_none() && keys().any(counts) {
            let fix = "write it as a whole number under `due_` or `interval_` and one unit, such as `due_hours = 24`";
            self.refuse(
                9,
                "clock_start",
                "the limit of the clock can't be read".into(),
                fix,
            );
        }
    }

    /// Rule 11.
    fn source(&mut self) {
        let Some(source) = self.draft.texts.get("source") else {
            return;
        };
        if source.trim().is_empty() {
            let fix = "name the document and its date";
            self.refuse(11, "source", "empty `source`".into(), fix);
        } else if names_private_place(source) {
            let fix = "name the published document: others can't open a private host or a path";
            self.refuse(
                11,
                "source",
                "`source` names a private host or a file path".into(),
                fix,
            );
        }
        if self.draft.text("confidence") == Confidence::Mirror.name() && !source.contains("commit")
        {
            let fix = "name the mirror's repository and commit in `source`, or lower `confidence`";
            self.refuse(
                11,
                "source",
                "`mirror` without a commit in `source`".into(),
                fix,
            );
        }
    }

    fn warn(&mut self) {
        let live = matches!(
            self.status(),
            Some(Status::InForce | Status::EnactedNotYetInForce)
        ) && self.draft.text("kind") == Kind::Clock.name();
        let unchecked = self.draft.text("confidence") == Confidence::NotRechecked.name();
        let mut reasons = Vec::new();
        if self.to().is_some() && !self.draft.texts.contains_key("superseded_by") {
            reasons.push("`effective_to` without `superseded_by`: nothing takes over");
        }
        if live && unchecked {
            reasons.push("live clock not checked against a text: have counsel confirm it");
        } else if live && self.draft.is("effective_day_checked", false) {
            reasons.push("live clock whose first day was not seen in the law: within a month of it, ask counsel");
        }
        for reason in reasons {
            let (file, record) = (self.file.to_owned(), self.draft.id.clone());
            self.warnings.push(Warning {
                file,
                record,
                reason: reason.into(),
            });
        }
    }

    fn status(&self) -> Option<Status> {
        Status::parse(self.draft.text("status"))
    }

    fn from(&self) -> Option<Day> {
        self.draft.days.get("effective_from").copied()
    }

    fn to(&self) -> Option<Day> {
        self.draft.days.get("effective_to").copied()
    }
}

/// Every text below a value, with its key.
fn texts<'a>(key: &'a str, value: &'a Value, out: &mut Vec<(&'a str, &'a str)>) {
    match value {
        Value::Text(text) => out.push((key, text)),
        Value::List(items) => items.iter().for_each(|item| texts(key, item, out)),
        Value::Table(rows) => rows.iter().for_each(|(key, item)| texts(key, item, out)),
        Value::Bool(_) | Value::Int(_) | Value::Day(_) => {}
    }
}

/// Words of lower-case letters and digits, joined by `-`: two letters first, then at least `more` words.
fn words_of_slug(text: &str, more: usize) -> Option<&str> {
    let mut words = text.split('-');
    let first = words.next()?;
    let plain = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let rest: Vec<&str> = words.collect();
    let shaped = first.len() == 2 && first.bytes().all(|byte| byte.is_ascii_lowercase());
    (shaped && rest.len() >= more && rest.into_iter().all(plain)).then_some(first)
}

fn is_slug(text: &str) -> bool {
    words_of_slug(text, 1).is_some()
}

fn looks_like_rule_id(text: &str) -> bool {
    words_of_slug(text, 2).is_some_and(|first| JURISDICTION_PREFIXES.contains(&first))
}

fn is_month_and_day(text: &str) -> bool {
    // A leap year, so that 02-29 is a day of some year.
    text.len() == 5 && Day::parse(&format!("2000-{text}")).is_some()
}

/// Whether a source points at a private host or at a file path.
fn names_private_place(source: &str) -> bool {
    source.contains("localhost")
        || source.contains("file:")
        || [".local", ".internal", ".lan"]
            .iter()
            .any(|ending| ends_word(source, ending))
        || source.split("//").skip(1).any(is_private_address)
        || source.split_whitespace().any(is_path)
}

/// Whether the ending occurs and no letter, digit or `_` follows it.
fn ends_word(text: &str, ending: &str) -> bool {
    text.match_indices(ending).any(|(at, _)| {
        let after = text
            .get(at + ending.len()..)
            .and_then(|rest| rest.chars().next());
        after.is_none_or(|after| !after.is_alphanumeric() && after != '_')
    })
}

/// Whether a host starts with a private IPv4 network (RFC 1918) or the loopback network.
fn is_private_address(host: &str) -> bool {
    let mut parts = host.split('.');
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    let Some(second) = second else { return false };
    match first {
        "10" | "127" => true,
        "192" => second == "168" && parts.next().is_some(),
        "172" => {
            second
                .parse::<u8>()
                .is_ok_and(|part| (16..=31).contains(&part))
                && parts.next().is_some()
        }
        _ => false,
    }
}

/// Whether a word is a path: `/x`, `~/x`, `./x`, `C:\x`.
fn is_path(word: &str) -> bool {
    let drive = word.split_once(":\\").filter(|(drive, _)| {
        drive.len() == 1 && drive.bytes().all(|byte| byte.is_ascii_alphabetic())
    });
    let rest = ["/", "~/", "./"]
        .iter()
        .find_map(|start| word.strip_prefix(start))
        .or(drive.map(|(_, rest)| rest))
        .unwrap_or_default();
    rest.chars()
        .next()
        .is_some_and(|first| first.is_alphanumeric() || first == '_')
}
