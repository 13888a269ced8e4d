//! What V10 and V12 say is held against the log: questions, answers, effects, clearances and redemptions that the shown
//! entries have must be in the files, and the files must say what the entries do.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;

use crate::approval::{Approval, ApprovalsFile, Decision};
use crate::roster::{Person, Roster};
use crate::told::{Answer, Answered, Asked, Log, Target, name};

/// A file of `approvals/` with its path.
pub(crate) type Named = (String, ApprovalsFile);

/// How far the files of `approvals/` were found in the log.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Found {
    /// Files whose question is shown.
    pub(crate) files: usize,
    /// Files whose question is not.
    pub(crate) unseen: usize,
}

/// Each target that took effect on people's answers has its file, and each file says what the entries say.
pub(crate) fn check_approvals(
    log: &Log<'_>,
    files: &[Named],
    rosters: &BTreeMap<u64, Roster>,
) -> Result<Found, String> {
    check_missing(log, files)?;
    let mut found = Found::default();
    for (path, file) in files {
        let asked = log
            .asked
            .iter()
            .find(|(_, asked)| asked.index == file.index);
        let Some((target, asked)) = asked else {
            found.unseen = found.unseen.saturating_add(1);
            continue;
        };
        found.files = found.files.saturating_add(1);
        check_file(log, (*target, asked), file, rosters)
            .map_err(|why| format!("`{path}`: {why}"))?;
    }
    Ok(found)
}

/// Nothing took effect on answers that no file shows. It needs no trust file: the entries alone tell it.
pub(crate) fn check_missing(log: &Log<'_>, files: &[Named]) -> Result<(), String> {
    for (&target, &effect) in &log.effects {
        let mut answers = log.answers_before(target, effect);
        let Some(first) = answers.next() else {
            continue;
        };
        let Some(asked) = log.asked.get(&target) else {
            return Err(format!(
                "entry {} answers {}, and the entry that asked for it is not shown",
                first.index,
                name(target)
            ));
        };
        if !files.iter().any(|(_, file)| file.index == asked.index) {
            return Err(format!(
                "{}, asked by entry {}, took effect by entry {effect} on {} answers, and `approvals/` has no file of it",
                name(target),
                asked.index,
                answers.count().saturating_add(1)
            ));
        }
    }
    Ok(())
}

fn check_file(
    log: &Log<'_>,
    (target, asked): (Target, &Asked),
    file: &ApprovalsFile,
    rosters: &BTreeMap<u64, Roster>,
) -> Result<(), String> {
    if *file.command.digest().as_bytes() != asked.command {
        return Err(format!("entry {} asks about another command", asked.index));
    }
    if file.proposed_at != asked.at {
        return Err(format!(
            "`proposed_at` is {}, entry {} stands at {}",
            file.proposed_at, asked.index, asked.at
        ));
    }
    if let Some((_, roster)) = rosters.range(..=asked.index).next_back() {
        check_enrolled(log, roster)?;
    }
    let mut shown = BTreeMap::new();
    for (position, approval) in file.approvals.iter().enumerate() {
        let place = |why: String| format!("`approvals[{position}]`: {why}");
        let mut answered = log.answered.get(&target).into_iter().flatten();
        let same = answered.find(|row| same(&row.answer, approval));
        let same =
            same.ok_or_else(|| place(format!("no entry has this answer to {}", name(target))))?;
        if same.at != approval.received {
            let (index, at) = (same.index, same.at);
            return Err(place(format!("entry {index} has it received at {at}")));
        }
        shown.insert(same.index, approval);
        check_then(same, approval, rosters).map_err(place)?;
    }
    let effect = log.effects.get(&target).copied().unwrap_or(0);
    let roster = rosters.range(..=asked.index).next_back();
    let mut left_out = log.answers_before(target, effect).filter(|row| {
        !shown.contains_key(&row.index)
            && !roster.is_some_and(|(_, roster)| superseded(row, &shown, roster))
    });
    match left_out.next() {
        Some(row) => Err(format!("the answer of entry {} is left out", row.index)),
        None => Ok(()),
    }
}

/// An approval that the same person gave anew: a file has each person's newest one alone.
fn superseded(row: &Answered<'_>, shown: &BTreeMap<u64, &Approval>, roster: &Roster) -> bool {
    let Some((person, _)) = roster.credential(row.answer.credential) else {
        return false;
    };
    let mut later = shown.range(row.index..);
    row.answer.approves && later.any(|(_, approval)| approval.approver == person.id)
}

fn same(answer: &Answer<'_>, approval: &Approval) -> bool {
    let assertion = &approval.assertion;
    answer.nonce == approval.nonce
        && answer.credential == approval.credential_id
        && answer.authenticator_data == assertion.authenticator_data
        && answer.client_data_json == assertion.client_data_json
        && answer.signature == assertion.signature
        && (answer.issued, answer.expires) == (approval.issued, approval.expires)
        && answer.role == approval.role
        && answer.approves == (approval.decision == Decision::Approve)
}

/// Credential and role still counted when the answer came, by the roster of that entry.
fn check_then(
    answered: &Answered<'_>,
    approval: &Approval,
    rosters: &BTreeMap<u64, Roster>,
) -> Result<(), String> {
    let index = answered.index;
    let Some((_, roster)) = rosters.range(..=index).next_back() else {
        return Err(format!("no roster was in force at entry {index}"));
    };
    let found = roster.credential(&approval.credential_id);
    let counts = |(person, credential): &(&Person, &crate::roster::Credential)| {
        person.id == approval.approver && credential.is_active(index)
    };
    let Some((person, _)) = found.filter(counts) else {
        return Err(format!(
            "the credential no longer counted when the answer came, by the roster of entry {index}"
        ));
    };
    if person.roles.contains(&approval.role) {
        return Ok(());
    }
    Err(format!(
        "`{}` no longer had the role `{}` when the answer came, by the roster of entry {index}",
        person.id, approval.role
    ))
}

/// Every credential of a roster was enrolled by the entry that it names, for that person.
fn check_enrolled(log: &Log<'_>, roster: &Roster) -> Result<(), String> {
    for person in &roster.people {
        for credential in &person.credentials {
            let key = credential.public_key.to_cose();
            let enrolled = log.enrolled.get(&credential.from);
            let same = enrolled.is_some_and(|enrolled| {
                enrolled.person == person.id
                    && enrolled.id == credential.id
                    && enrolled.public_key == key
            });
            if !same {
                return Err(format!(
                    "the roster gives `{}` a credential that entry {} does not enrol, or that entry is not shown",
                    person.id, credential.from
                ));
            }
        }
    }
    Ok(())
}

/// A clearance of `clearances/` as far as the log has it.
pub(crate) struct Cleared {
    /// Canonical text.
    pub(crate) text: String,
    /// Digest.
    pub(crate) digest: [u8; 32],
    /// When and by whom it was redeemed, where it was.
    pub(crate) redeemed: Option<(u64, String)>,
    /// `path line N`.
    pub(crate) place: String,
}

/// Each clearance and redemption of the shown entries has its line, and the lines say what the entries do. Gives the number
/// of lines whose clearance no shown entry has.
pub(crate) fn check_clearances(log: &Log<'_>, lines: &[Cleared]) -> Result<usize, String> {
    let by_text: BTreeMap<&str, &Cleared> = lines.iter().map(|line| (&*line.text, line)).collect();
    for (index, text) in &log.issued {
        if !by_text.contains_key(text) {
            return Err(format!(
                "the clearance that entry {index} issued is in no file of `clearances/`"
            ));
        }
    }
    let by_digest: BTreeMap<[u8; 32], &Cleared> =
        lines.iter().map(|line| (line.digest, line)).collect();
    for (digest, redeemed) in &log.redeemed {
        let line = by_digest.get(digest).ok_or_else(|| {
            format!(
                "the clearance that entry {} redeemed is in no file of `clearances/`",
                redeemed.index
            )
        })?;
        match &line.redeemed {
            Some((at, signer)) if (*at, &**signer) == (redeemed.at, redeemed.signer) => {}
            Some(_) => {
                return Err(format!(
                    "`{}`: entry {} has another redemption",
                    line.place, redeemed.index
                ));
            }
            None => {
                return Err(format!(
                    "`{}`: the redemption of entry {} is left out",
                    line.place, redeemed.index
                ));
            }
        }
    }
    let known: BTreeSet<&str> = log.issued.values().copied().collect();
    Ok(lines
        .iter()
        .filter(|line| !known.contains(&*line.text))
        .count())
}
