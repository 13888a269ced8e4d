//! What `staff` shows: people and quorums, what waits, the exact command of a proposal, and the exports.

use super::super::exit::{Exit, Failure};
use super::super::output::{Output, note, table};
use super::super::{DataArgs, wall_clock};
use super::moment;
use crate::authority::{
    ExportError, approvals as approvals_of, request_text, roster as roster_of, rules_text,
};
use crate::installation::Reading;
use crate::sequencer::Until;
use crate::text::{Lang, rfc3339, span};
use crate::views::{asset_of, finding_words, reason_line};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keepwhole_core::authority::asked::{FINDING, asked_of};
use keepwhole_core::authority::binding::ActionCommand;
use keepwhole_core::authority::matter::{Decision, Matter, Target};
use keepwhole_core::authority::people;
use keepwhole_core::authority::quorum::Lack;
use keepwhole_core::authority::rules::Rules;
use keepwhole_core::guard::{Change, Standing};
use keepwhole_core::reason::Reason;
use keepwhole_core::registry::{AssetIx, PersonIx};
use keepwhole_core::state::State;
use keepwhole_verify::json::to_hex;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// An installation as it was read, and now, ms.
struct Seen {
    reading: Reading,
    state: State,
    now: u64,
}

fn open(data: &DataArgs) -> Result<Seen, Failure> {
    let failed = |error| Failure::of_installation(&data.dir, &error);
    let reading = Reading::open_whole(&data.dir).map_err(failed)?;
    let state = reading.state(Until::End).map_err(failed)?;
    let now = wall_clock()?.max(state.at);
    Ok(Seen {
        reading,
        state,
        now,
    })
}

/// A reason with its numbers, in words. Amounts in it are of `asset`, where there is one.
pub(super) fn says(state: &State, asset: Option<AssetIx>, reason: &Reason) -> String {
    match reason {
        Reason::Malformed { what } => what.clone(),
        other => reason_line(state, asset, other, Lang::En),
    }
}

fn lacking(lack: &Lack) -> String {
    let people = format!("{} of {} people", lack.valid, lack.needs);
    if lack.missing.is_empty() {
        people
    } else {
        format!("{people}, nobody for {}", lack.missing.replace('|', ", "))
    }
}

/// Every person with an account that has a role or a key.
fn people_rows(seen: &Seen) -> (Vec<Vec<String>>, Vec<Value>) {
    let state = &seen.state;
    let (mut rows, mut values) = (Vec::new(), Vec::new());
    for account in &state.registry.actors {
        let person = people::name(state, account.person);
        let own = |key: &&keepwhole_core::authority::credential::Credential| {
            key.person == account.person && key.until.is_none()
        };
        let keys: Vec<_> = state.authority.credentials.iter().filter(own).collect();
        let suspended = state.authority.suspended.get(&account.person);
        let ended = account.expires.is_some_and(|ends| ends <= seen.now);
        let until = account.expires.map_or("-".to_owned(), moment);
        let note = match (suspended, ended) {
            (Some(stop), _) if stop.kept => "suspended for good",
            (Some(_), _) => "suspended",
            (None, true) => "ended",
            (None, false) => "",
        };
        rows.push(vec![
            account.id.clone(),
            person.to_owned(),
            account.roles.join(", "),
            until,
            keys.len().to_string(),
            note.to_owned(),
        ]);
        let keys = keys.iter().map(|key| {
            json!({
                "id": URL_SAFE_NO_PAD.encode(&key.key.id), "kind": key.key.kind.code(),
                "device_bound": key.key.device_bound, "from": key.from,
            })
        });
        values.push(json!({
            "account": account.id, "person": person, "roles": account.roles,
            "until": account.expires.map(rfc3339), "credentials": keys.collect::<Vec<_>>(),
            "suspended": suspended.map(|stop| rfc3339(stop.since)), "ended": ended,
        }));
    }
    (rows, values)
}

/// Every enabled class of action: what it needs, and whether people can fill it.
fn quorum_rows(seen: &Seen) -> (Vec<Vec<String>>, Vec<Value>) {
    let (mut rows, mut values) = (Vec::new(), Vec::new());
    let rules = seen.state.authority.rules.as_deref();
    for quorum in rules.map_or(&[][..], |rules| rules.quorums.as_slice()) {
        let able = people::able(&seen.state, quorum, seen.now);
        let lack = quorum.fillable(&able).err();
        let hours = quorum.cool_off_ms / 3_600_000;
        rows.push(vec![
            quorum.class.code().to_owned(),
            quorum.persons.to_string(),
            quorum.required.join(", "),
            match quorum.cool_off_ms {
                0 => "at once".to_owned(),
                wait => span(wait, Lang::En),
            },
            lack.as_ref().map_or("yes".to_owned(), lacking),
        ]);
        values.push(json!({
            "class": quorum.class.code(), "persons": quorum.persons, "of": quorum.of,
            "among": quorum.among, "required": quorum.required, "distinct_roles": quorum.distinct_roles,
            "cool_off_hours": hours, "administrative": quorum.administrative,
            "fillable": lack.is_none(), "lacks": lack.as_ref().map(lacking),
        }));
    }
    (rows, values)
}

/// What waits for approvals or for its time, and findings that stand.
fn waiting_rows(seen: &Seen) -> (Vec<Vec<String>>, Vec<Value>) {
    let state = &seen.state;
    let proposals = state.guard.proposals.iter();
    let proposals = proposals.map(|row| (&row.id, row.change.action(), None, &row.standing));
    let requests = state.guard.waiting.iter();
    let requests = requests.filter_map(|number| state.guard.request_at(*number));
    let requests = requests.filter(|row| row.needs > 0);
    let requests = requests.map(|row| (&row.id, "request", asset_of(&row.ask), &row.standing));
    let (mut rows, mut values) = (Vec::new(), Vec::new());
    for (id, what, asset, standing) in proposals.chain(requests) {
        if let Standing::Held(reason) = standing {
            let says = says(state, asset, reason);
            values.push(json!({ "id": id, "what": what, "reason": reason.code(), "says": says }));
            rows.push(vec![id.clone(), what.to_owned(), says]);
        }
    }
    for (number, finding) in state.authority.findings.iter().enumerate() {
        if finding.stands() {
            let id = format!("{FINDING}{number}");
            let who = people::name(state, finding.person);
            rows.push(vec![
                id.clone(),
                finding.kind.code().to_owned(),
                format!(
                    "about {who}: {}; another person clears it",
                    finding_words(&finding.kind).say(Lang::En)
                ),
            ]);
            values.push(json!({ "id": id, "what": finding.kind.code(), "person": who }));
        }
    }
    (rows, values)
}

/// `staff list`.
pub(super) fn list(data: &DataArgs) -> Result<Exit, Failure> {
    let seen = open(data)?;
    let (people, people_json) = people_rows(&seen);
    let (quorums, quorums_json) = quorum_rows(&seen);
    let (waiting, waiting_json) = waiting_rows(&seen);
    let authority = &seen.state.authority;
    let phase = match (&authority.rules, authority.completed) {
        (None, _) => "no rules of authority: bootstrap them; until then nothing is cleared",
        (Some(_), None) => {
            "bootstrap: administrators enrol until every quorum can be filled; until then nothing is cleared"
        }
        (Some(_), Some(_)) => "in force",
    };
    let header = ["account", "person", "roles", "until", "keys", "note"];
    let mut text = format!("authority: {phase}\n{}", table(&header, &[4], &people));
    let header = [
        "class of action",
        "persons",
        "roles",
        "wait",
        "can be filled",
    ];
    text.push_str(&format!("\n{}", table(&header, &[1], &quorums)));
    if !waiting.is_empty() {
        text.push_str(&format!(
            "\n{}",
            table(&["waits", "what", "for"], &[], &waiting)
        ));
    }
    let version = authority.rules.as_deref().map(|rules| rules.version);
    let value = json!({
        "authority": phase, "rules": version, "people": people_json, "quorums": quorums_json, "waits": waiting_json,
    });
    Output::new(data.json).answer(&text, &value)?;
    Ok(Exit::Done)
}

fn find<'s>(state: &'s State, id: &str, now: u64) -> Option<(&'s Matter, ActionCommand)> {
    let target = Target::of(state, id)?;
    let matter = state.authority.matters.get(&target)?;
    Some((matter, asked_of(state, target, now)?.command))
}

fn unknown(id: &str) -> Failure {
    Failure::refused(
        "unknown_target",
        format!("nothing called `{id}` asks for approvals; `keepwhole staff list` names what does"),
    )
}

/// The rules that a proposal of them would adopt: the command names their digest alone.
fn proposed_rules<'s>(state: &'s State, id: &str) -> Option<&'s Rules> {
    match &state.guard.proposal(id)?.1.change {
        Change::AdoptAuthority(rules) => Some(rules),
        _ => None,
    }
}

/// `staff show`.
pub(super) fn show(data: &DataArgs, id: &str) -> Result<Exit, Failure> {
    let seen = open(data)?;
    let found = find(&seen.state, id, seen.now);
    let (matter, command) = found.ok_or_else(|| unknown(id))?;
    let digest = to_hex(&command.digest());
    let said = |person: PersonIx| people::name(&seen.state, person);
    let voices: Vec<Value> = matter
        .voices
        .iter()
        .map(|voice| json!({ "person": said(voice.person), "role": voice.role, "at": rfc3339(voice.at) }))
        .collect();
    let mut text = format!(
        "{}\ndigest {digest}\nclass {}, asked {}",
        command.to_text(),
        matter.class.code(),
        moment(matter.at)
    );
    for voice in &matter.voices {
        text.push_str(&format!(
            "\n{} as {}, {}",
            said(voice.person),
            voice.role,
            moment(voice.at)
        ));
    }
    let rules = proposed_rules(&seen.state, id).map(rules_text);
    if let Some(rules) = &rules {
        text.push_str(&format!("\n\nthe rules of authority proposed:\n{rules}"));
    }
    if matter.policy != seen.state.guard.policy_digest {
        note("another policy is in force since this was asked");
    }
    let value = json!({
        "id": id, "command": command.to_text(), "digest": digest, "class": matter.class.code(),
        "index": matter.index, "asked": rfc3339(matter.at), "approvals": voices, "rules": rules,
    });
    Output::new(data.json).answer(&text, &value)?;
    Ok(Exit::Done)
}

/// `staff ask`: what `keepwhole-approver` reads (docs/approver.md, "Request").
pub(super) fn request(
    data: &DataArgs,
    id: &str,
    (approver, role): (&str, &str),
    out: Option<&Path>,
) -> Result<Exit, Failure> {
    let seen = open(data)?;
    let found = find(&seen.state, id, seen.now);
    let (_, command) = found.ok_or_else(|| unknown(id))?;
    let touch = seen.state.authority.rules.as_ref();
    let touch = touch.map_or(0, |rules| rules.touch_ms) / 1_000;
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce)
        .map_err(|error| Failure::fault("random", format!("no random numbers: {error}")))?;
    let issued = seen.now / 1_000;
    let text = request_text(
        (id, &command.to_text()),
        (approver, role),
        &nonce,
        (issued, issued.saturating_add(touch)),
    );
    write(data, out, &text)
}

/// What became of a request, proposal or finding after an answer. A yes that finds it denied or lapsed came too late, and
/// ends with exit 1; what waits for others ends with exit 0.
pub(super) fn standing(
    data: &DataArgs,
    id: &str,
    (approver, decision): (&str, Decision),
) -> Result<Exit, Failure> {
    let seen = open(data)?;
    let guard = &seen.state.guard;
    let request = guard.request(id).map(|(_, row)| row);
    let asset = request.and_then(|row| asset_of(&row.ask));
    let request = request.map(|row| &row.standing);
    let standing = request.or(guard.proposal(id).map(|(_, row)| &row.standing));
    let (stands, reason) = match standing {
        Some(Standing::Held(reason)) => ("held", Some(reason)),
        Some(Standing::Denied(reason)) => ("denied", Some(reason)),
        Some(Standing::Lapsed) => ("lapsed", None),
        None if finding_stands(&seen.state, id) => ("held", None),
        Some(Standing::Cleared) | None => ("cleared", None),
    };
    let reason_says = reason.map(|reason| says(&seen.state, asset, reason));
    let why = reason_says
        .as_deref()
        .map_or_else(String::new, |says| format!(": {says}"));
    let text = format!("recorded the answer of `{approver}`; `{id}` is {stands}{why}");
    let value = json!({
        "id": id, "approver": approver, "answer": "recorded", "stands": stands,
        "reason": reason.map(Reason::code), "says": reason_says,
    });
    Output::new(data.json).answer(&text, &value)?;
    let late = decision == Decision::Approve && ["denied", "lapsed"].contains(&stands);
    Ok(if late { Exit::Refused } else { Exit::Done })
}

fn finding_stands(state: &State, id: &str) -> bool {
    let Some(Target::Finding(number)) = Target::of(state, id) else {
        return false;
    };
    let findings = (0..).zip(&state.authority.findings);
    findings
        .into_iter()
        .any(|(place, row): (u32, _)| place == number && row.stands())
}

fn of_export(error: &ExportError) -> Failure {
    let message = error.to_string();
    match error {
        ExportError::Unknown(_) => Failure::refused("unknown_target", message),
        ExportError::Journal(journal) => Failure::fault(journal.code(), message),
        ExportError::Entry(_) | ExportError::Form(_) => Failure::fault("export", message),
    }
}

/// Writes a text to a new file, or prints it.
fn write(data: &DataArgs, out: Option<&Path>, text: &str) -> Result<Exit, Failure> {
    let Some(path) = out else {
        let mut output = Output::new(data.json);
        output.line(text)?;
        output.flush()?;
        return Ok(Exit::Done);
    };
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path);
    let written =
        written.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
    written.map_err(|error| {
        Failure::refused(
            "not_written",
            format!(
                "`{}` can't be written as a new file: {error}",
                path.display()
            ),
        )
    })?;
    let value = json!({ "file": path.display().to_string(), "bytes": text.len() });
    Output::new(data.json).answer(&format!("wrote `{}`", path.display()), &value)?;
    Ok(Exit::Done)
}

/// `staff export-roster`.
pub(super) fn roster(data: &DataArgs, out: Option<&Path>) -> Result<Exit, Failure> {
    let seen = open(data)?;
    let roster = roster_of(&seen.state, seen.now).map_err(|error| of_export(&error))?;
    write(data, out, &roster.to_text())
}

/// `staff export-approvals`.
pub(super) fn approvals(data: &DataArgs, id: &str, out: Option<&Path>) -> Result<Exit, Failure> {
    let seen = open(data)?;
    let file = approvals_of(&seen.state, &seen.reading.journal, id);
    let file = file.map_err(|error| of_export(&error))?;
    write(data, out, &file.to_text())
}
