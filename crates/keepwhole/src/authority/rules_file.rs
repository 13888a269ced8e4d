//! Rules of authority as a file (TOML, `docs/authority.md`, "File of rules"): read with every fault told at once, each with
//! line, field and fix; and written as they are read.

use std::fmt;

use keepwhole_core::authority::class::Class;
use keepwhole_core::authority::quorum::Quorum;
use keepwhole_core::authority::rules::{HOUR_MS, RelyingParty, Rules, SeparateFrom};
use keepwhole_verify::visible::visible;
use serde::Deserialize;
use toml::Spanned;

use crate::policy::Fault;

/// Where every field of the file is described.
const FIELDS: &str = "docs/authority.md, \"File of rules\", has every field";

/// A file of rules that is refused, with its faults in the order of the lines; at least one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct RulesRefused(pub Vec<Fault>);

impl fmt::Display for RulesRefused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, fault) in self.0.iter().enumerate() {
            let end = if place > 0 { "\n" } else { "" };
            write!(out, "{end}{fault}")?;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesFile {
    version: u32,
    #[serde(default)]
    quorum: Vec<QuorumRow>,
    #[serde(default)]
    site: Vec<SiteRow>,
    #[serde(default)]
    separate_from: Vec<SeparateRow>,
    device_bound_roles: Option<Vec<String>>,
    proposers: Option<Vec<String>>,
    clearers: Option<Vec<String>>,
    role_days: Option<u64>,
    session_idle_seconds: Option<u64>,
    session_seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuorumRow {
    class: Spanned<String>,
    persons: u32,
    #[serde(default)]
    of: u32,
    among: Vec<String>,
    #[serde(default)]
    required: Vec<String>,
    #[serde(default)]
    distinct_roles: u32,
    cool_off_hours: Option<Spanned<u64>>,
    #[serde(default)]
    administrative: bool,
    #[serde(default)]
    separate: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SiteRow {
    id: Spanned<String>,
    origins: Vec<String>,
    #[serde(default)]
    separate: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeparateRow {
    asset: String,
    from: Spanned<String>,
}

/// Collects faults while the file is read.
struct Reading<'t> {
    text: &'t str,
    faults: Vec<Fault>,
}

impl Reading<'_> {
    fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        let ends = before.iter().filter(|byte| **byte == b'\n').count();
        ends.saturating_add(1)
    }

    fn fault(&mut self, at: usize, key: &str, what: impl Into<String>, fix: impl Into<String>) {
        self.faults.push(Fault {
            line: self.line(at),
            key: key.to_owned(),
            what: what.into(),
            fix: fix.into(),
        });
    }

    /// The quorum of a row; nothing where a fault was told.
    fn quorum(&mut self, row: QuorumRow) -> Option<Quorum> {
        let at = row.class.span().start;
        let Some(class) = Class::of_code(row.class.get_ref()) else {
            let known: Vec<&str> = Class::ALL.iter().map(|(_, code)| *code).collect();
            let what = format!(
                "`{}` is no class of action",
                row.class.get_ref().escape_debug()
            );
            let fix = format!("write one of `{}`", known.join("`, `"));
            self.fault(at, "quorum.class", what, fix);
            return None;
        };
        let hours = row
            .cool_off_hours
            .as_ref()
            .map_or(0, |hours| *hours.get_ref());
        let Some(cool_off_ms) = hours.checked_mul(HOUR_MS) else {
            let at = row.cool_off_hours.map_or(at, |hours| hours.span().start);
            let what = format!("`{hours}` hours are too many");
            self.fault(at, "quorum.cool_off_hours", what, "write fewer hours");
            return None;
        };
        let quorum = Quorum {
            class,
            persons: row.persons,
            of: row.of,
            among: row.among,
            required: row.required,
            distinct_roles: row.distinct_roles,
            cool_off_ms,
            administrative: row.administrative,
            // Not a field of the file: no approval of what raises risk counts without an assertion.
            assertions: class != Class::LowerRisk,
            separate: row.separate,
        };
        if let Err(what) = quorum.check() {
            self.fault(at, "quorum", what, FIELDS);
            return None;
        }
        Some(quorum)
    }

    fn separate(&mut self, row: SeparateRow) -> Option<SeparateFrom> {
        let Ok(from) = row.from.get_ref().parse() else {
            let given = row.from.get_ref().escape_debug();
            let what = format!("`{given}` is no amount in minor units");
            let fix = "write digits alone, in quotes, such as `\"1500000\"`";
            self.fault(row.from.span().start, "separate_from.from", what, fix);
            return None;
        };
        let asset = row.asset;
        Some(SeparateFrom { asset, from })
    }
}

/// Where the file speaks of a class of action or a site, by the word that a refusal of the whole names.
type Places = Vec<(String, usize)>;

/// Reads rules of authority. What the file leaves out is as usual; a class of action that the file's own quorums leave out
/// is switched off. Sites of the command line stand before the file's.
///
/// # Errors
/// Every fault, with line, field and fix, or what [`Rules::check`] finds.
pub fn rules(text: &str, sites: Vec<RelyingParty>) -> Result<Rules, RulesRefused> {
    let mut reading = Reading {
        text,
        faults: Vec::new(),
    };
    let file: RulesFile = match toml::from_str(text) {
        Ok(file) => file,
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            let what = error.message().trim().replace('\n', "; ");
            reading.fault(at, "", what, FIELDS);
            return Err(RulesRefused(reading.faults));
        }
    };
    let classes = file.quorum.iter().map(|row| &row.class);
    let places: Places = classes
        .chain(file.site.iter().map(|site| &site.id))
        .map(|word| (format!("`{}`", word.get_ref()), word.span().start))
        .collect();
    let rules = whole(&mut reading, file, sites);
    if reading.faults.is_empty()
        && let Err(what) = rules.check()
    {
        // The last of two that say the same is the one too many.
        let named = places.iter().rev().find(|(word, _)| what.contains(word));
        let at = named.map_or(0, |(_, at)| *at);
        reading.fault(at, "", what, FIELDS);
    }
    if reading.faults.is_empty() {
        return Ok(rules);
    }
    reading.faults.sort();
    Err(RulesRefused(reading.faults))
}

/// The rules of a file, on top of the usual ones.
fn whole(reading: &mut Reading<'_>, file: RulesFile, sites: Vec<RelyingParty>) -> Rules {
    let mut rules = Rules::usual(sites);
    rules.version = file.version;
    let sites = file.site.into_iter().map(|site| RelyingParty {
        id: site.id.into_inner(),
        origins: site.origins,
        separate: site.separate,
    });
    rules.relying_parties.extend(sites);
    if !file.quorum.is_empty() {
        let rows = file.quorum.into_iter();
        rules.quorums = rows.filter_map(|row| reading.quorum(row)).collect();
    }
    let separate = file.separate_from.into_iter();
    let separate = separate.filter_map(|row| reading.separate(row));
    rules.separate_from.extend(separate);
    rules.device_bound_roles = file.device_bound_roles.unwrap_or(rules.device_bound_roles);
    rules.proposers = file.proposers.unwrap_or(rules.proposers);
    rules.clearers = file.clearers.unwrap_or(rules.clearers);
    if let Some(days) = file.role_days {
        rules.role_max_ms = days.saturating_mul(24 * HOUR_MS);
    }
    if let Some(seconds) = file.session_idle_seconds {
        rules.sessions.idle_ms = seconds.saturating_mul(1_000);
    }
    if let Some(seconds) = file.session_seconds {
        rules.sessions.whole_ms = seconds.saturating_mul(1_000);
    }
    rules
}

/// A text of TOML. What nobody sees, or what turns the direction of writing, is escaped, so that a terminal shows it.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        let mut bytes = [0; 4];
        let plain: &str = letter.encode_utf8(&mut bytes);
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            _ if visible(plain) == plain => out.push(letter),
            _ => out.push_str(&format!("\\U{:08X}", u32::from(letter))),
        }
    }
    out.push('"');
    out
}

fn list(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", quoted.join(", "))
}

/// Writes rules of authority as [`rules`] reads them. Terms that no file sets stand in remarks.
#[must_use]
pub fn rules_text(rules: &Rules) -> String {
    let mut out = format!(
        "version = {}\nrole_days = {}\nsession_idle_seconds = {}\nsession_seconds = {}\n",
        rules.version,
        rules.role_max_ms / (24 * HOUR_MS),
        rules.sessions.idle_ms / 1_000,
        rules.sessions.whole_ms / 1_000,
    );
    for (key, roles) in [
        ("device_bound_roles", &rules.device_bound_roles),
        ("proposers", &rules.proposers),
        ("clearers", &rules.clearers),
    ] {
        out.push_str(&format!("{key} = {}\n", list(roles)));
    }
    for (what, ms) in [
        ("a touch", rules.touch_ms),
        ("collecting approvals", rules.collection_ms),
        ("the use of sealed keys", rules.break_glass_ms),
    ] {
        out.push_str(&format!("# {what}: {} s\n", ms / 1_000));
    }
    for quorum in &rules.quorums {
        out.push_str(&quorum_text(quorum));
    }
    for site in &rules.relying_parties {
        out.push_str(&format!(
            "\n[[site]]\nid = {}\norigins = {}\nseparate = {}\n",
            quoted(&site.id),
            list(&site.origins),
            site.separate
        ));
    }
    for row in &rules.separate_from {
        let asset = quoted(&row.asset);
        out.push_str(&format!(
            "\n[[separate_from]]\nasset = {asset}\nfrom = \"{}\"\n",
            row.from
        ));
    }
    out
}

fn quorum_text(quorum: &Quorum) -> String {
    format!(
        "\n[[quorum]]\nclass = \"{}\"\npersons = {}\nof = {}\namong = {}\nrequired = {}\ndistinct_roles = {}\n\
         cool_off_hours = {}\nadministrative = {}\nseparate = {}\n",
        quorum.class.code(),
        quorum.persons,
        quorum.of,
        list(&quorum.among),
        list(&quorum.required),
        quorum.distinct_roles,
        quorum.cool_off_ms / HOUR_MS,
        quorum.administrative,
        quorum.separate,
    )
}

#[cfg(test)]
mod tests {
    use super::{rules, rules_text};
    use keepwhole_core::authority::rules::{RelyingParty, Rules, SeparateFrom};

    #[test]
    fn rules_are_written_as_they_are_read() {
        let site = |id: &str, separate| RelyingParty {
            id: id.to_owned(),
            origins: vec![format!("https://{id}"), "http://localhost:8650".to_owned()],
            separate,
        };
        let mut all = Rules::usual(vec![site("a.example", false), site("b.example", true)]);
        all.version = 7;
        all.role_max_ms /= 2;
        all.sessions.idle_ms = 600_000;
        all.proposers = vec![
            "a \"quoted\" \\ one".to_owned(),
            "turned \u{202e}\u{7f}".to_owned(),
        ];
        all.quorums.remove(0);
        all.quorums[0].persons = 5;
        all.quorums[0].separate = true;
        all.separate_from.push(SeparateFrom {
            asset: "BTC".to_owned(),
            from: u128::MAX,
        });
        let text = rules_text(&all);
        assert!(!text.contains('\u{202e}'), "{text}");
        assert_eq!(rules(&text, Vec::new()).unwrap(), all);
    }

    #[test]
    fn each_fault_has_its_line_field_and_fix() {
        let site = "[[site]]\nid = \"a.example\"\norigins = [\"https://a.example\"]\n";
        let row = "[[quorum]]\nclass = \"roster_change\"\npersons = 1\namong = [\"risk\"]\n";
        let far = "[[separate_from]]\nasset = \"BTC\"\nfrom = \"1.5\"\n";
        let twice = format!("version = 2\n{site}{site}");
        let many = format!(
            "version = 2\n{site}{row}{}{far}",
            row.replace("roster_change", "gold")
        );
        for (text, told) in [
            ("version = ", vec![(1, "", "")]),
            (
                "version = 2\ncolour = 1\n",
                vec![(2, "", "unknown field `colour`")],
            ),
            ("version = 2\n", vec![(1, "", "at least one site")]),
            (&twice, vec![(6, "", "`a.example` stands twice")]),
            (
                &many,
                vec![
                    (6, "quorum", "asks for 2 to"),
                    (10, "quorum.class", "`gold` is no class of action"),
                    (15, "separate_from.from", "`1.5` is no amount"),
                ],
            ),
        ] {
            let faults = rules(text, Vec::new()).unwrap_err().0;
            assert_eq!(faults.len(), told.len(), "{faults:?}");
            for (fault, (line, key, what)) in faults.iter().zip(told) {
                assert_eq!((fault.line, fault.key.as_str()), (line, key), "{fault}");
                assert!(
                    fault.what.contains(what) && !fault.fix.is_empty(),
                    "{fault}"
                );
            }
        }
    }
}
