//! `[[rule]]` tables to typed rules.

use keepwhole_core::policy::rule::{Approvals, Condition, ID_MAX, Outcome, Rule, SAYS_MAX};
use toml::de::DeValue;

use super::condition;
use super::file::Draft;
use super::source::{Section, Text};
use super::unit;

/// Reads all rules, in the order of the file.
pub(super) fn read<'t>(draft: &mut Draft<'t>, top: &Section<'t>) -> Vec<Rule> {
    let known = ["id", "when", "then", "ground", "says", "says_ko"];
    let mut rules: Vec<Rule> = Vec::new();
    for mut row in top.rows(&mut draft.reading, "rule", &known) {
        draft.lines.entry(String::from("rule")).or_insert(row.line);
        let id = row.need(&mut draft.reading, "id", "\"large-new-destination\"");
        if let Some(id) = &id {
            named(draft, id, &rules);
            row.rename(format!("rule.{}", id.text));
            draft.lines.insert(format!("rule.{}", id.text), id.line);
            if let Some(ground) = row.text(&mut draft.reading, "ground", "processing") {
                let ground = (ground.text.to_owned(), ground.line);
                draft.grounds.insert(id.text.to_owned(), ground);
            }
        }
        let when = conditions(draft, &row);
        let then = outcome(draft, &row);
        let says = says(draft, &row);
        if let (Some(id), Some(when), Some(then), Some(says)) = (id, when, then, says) {
            rules.push(Rule {
                id: id.text.to_owned(),
                when,
                then,
                says,
            });
        }
    }
    rules
}

fn named(draft: &mut Draft<'_>, id: &Text<'_>, rules: &[Rule]) {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if id.text.len() > ID_MAX || !id.text.bytes().all(plain) {
        let fix = format!("use up to {ID_MAX} small letters, digits and `-`");
        draft.reading.refuse(id, "can't be the id of a rule", fix);
    } else if rules.iter().any(|rule| rule.id == id.text) {
        draft.reading.refuse(
            id,
            "is the id of an earlier rule",
            "give each rule its own id",
        );
    }
}

fn conditions<'t>(draft: &mut Draft<'t>, row: &Section<'t>) -> Option<Vec<Condition>> {
    let example = "[\"value >= 50,000,000 KRW\"]";
    if row.value("when").is_none() {
        row.missing(&mut draft.reading, "when", example);
        return None;
    }
    let texts = row.texts(&mut draft.reading, "when", example)?;
    let mut found: Vec<Condition> = Vec::new();
    let mut whole = true;
    for text in texts {
        match condition::read(text.text, &mut draft.names, draft.reference) {
            Ok(condition) => found.push(condition),
            Err(cause) => {
                whole = false;
                draft.wrong(&text, cause);
            }
        }
    }
    whole.then_some(found)
}

fn outcome<'t>(draft: &mut Draft<'t>, row: &Section<'t>) -> Option<Outcome> {
    let fix = "write `\"clear\"`, `\"hold\"`, `\"deny\"` or `{ approve = 2, roles = [\"risk\"], delay = \"1h\" }`";
    let Some(value) = row.value("then") else {
        row.missing(&mut draft.reading, "then", "\"hold\"");
        return None;
    };
    if matches!(value.as_ref(), DeValue::Table(_)) {
        return approvals(draft, row);
    }
    let text = row.text(&mut draft.reading, "then", "hold")?;
    match text.text {
        "clear" => Some(Outcome::Clear),
        "hold" => Some(Outcome::Hold),
        "deny" => Some(Outcome::Deny),
        _ => {
            draft.reading.refuse(&text, "is no outcome", fix);
            None
        }
    }
}

fn approvals<'t>(draft: &mut Draft<'t>, row: &Section<'t>) -> Option<Outcome> {
    let then = row.section(&mut draft.reading, "then", &["approve", "roles", "delay"]);
    if then.value("approve").is_none() {
        then.missing(&mut draft.reading, "approve", "2");
    }
    let n = then.count(&mut draft.reading, "approve", (1, 100), "persons");
    let roles = then
        .texts(&mut draft.reading, "roles", "[\"risk\"]")
        .unwrap_or_default();
    let delay_ms = match then.text(&mut draft.reading, "delay", "1h") {
        None => 0,
        Some(text) => match unit::duration(text.text) {
            Ok(millis) => millis,
            Err(cause) => {
                draft.wrong(&text, cause);
                return None;
            }
        },
    };
    let n = n?;
    if usize::try_from(n.number).is_ok_and(|n| n < roles.len()) {
        let what = format!("`{}` persons can't fill `{}` roles", n.number, roles.len());
        let fix = "each role is filled by another person: ask for at least as many";
        draft.reading.fault(n.line, &n.key, what, fix);
    }
    let mut roles: Vec<String> = roles.iter().map(|role| role.text.to_owned()).collect();
    roles.sort_unstable();
    Some(Outcome::Approve(Approvals {
        n: n.number,
        roles,
        delay_ms,
    }))
}

/// What a person is told: English, then a line in Korean.
fn says<'t>(draft: &mut Draft<'t>, row: &Section<'t>) -> Option<String> {
    let english = row.need(
        &mut draft.reading,
        "says",
        "\"Large amount to a new address\"",
    );
    let korean = row.need(
        &mut draft.reading,
        "says_ko",
        "\"새 주소로 나가는 큰 금액\"",
    );
    let (english, korean) = (english?, korean?);
    for text in [&english, &korean] {
        if text.text.chars().any(char::is_control) {
            draft
                .reading
                .refuse(text, "holds a control character", "write one line of words");
        }
    }
    let both = format!("{}\n{}", english.text, korean.text);
    if both.len() > SAYS_MAX {
        let most = SAYS_MAX - 1;
        let what = format!(
            "English and Korean together have `{}` bytes",
            both.len() - 1
        );
        let fix = format!("use at most {most}; a Korean letter has 3");
        draft.reading.fault(english.line, &english.key, what, fix);
    }
    Some(both)
}

/// What a rule says in English and in Korean; both are the same where the policy was not read from a file.
#[must_use]
pub fn words(rule: &Rule) -> (&str, &str) {
    rule.says
        .split_once('\n')
        .unwrap_or((rule.says.as_str(), rule.says.as_str()))
}
