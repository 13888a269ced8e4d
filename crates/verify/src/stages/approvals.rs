//! V10: approvals: every proposal that took effect was approved under the roster in force, and the log has the same.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::approval::{ApprovalsFile, Granted, Rules, Seen, WITHDRAW, check};
use crate::bundle::Context;
use crate::decimal::parse_u63;
use crate::digest::Digest;
use crate::report::Finding;
use crate::roster::Roster;
use crate::stages::decided::{self, Found, Named};
use crate::told::Log;

/// Folder of the approvals files.
const FOLDER: &str = "approvals/";
/// Folder of the rosters.
const ROSTERS: &str = "roster/";

/// V10.
pub(crate) fn approvals(context: &mut Context<'_>) -> Finding {
    let (log, files) = match read(context) {
        Err(reason) => return Finding::fail(reason),
        Ok(read) => read,
    };
    if let Err(reason) = decided::check_missing(&log, &files) {
        return Finding::fail(reason);
    }
    if files.is_empty() {
        return Finding::not_present("the bundle shows no approvals.");
    }
    let trust = context.trust;
    if trust.rp_ids.is_empty() || trust.web_origins.is_empty() {
        return Finding::not_run(
            "without the lines `rp-id` and `web-origin` of a trust file nobody can tell whose site an approval was given on.",
        )
        .open("Anything about approvals.");
    }
    let checked = read_rosters(context).and_then(|rosters| {
        let granted = check_all(context, &files, &rosters)?;
        Ok((granted, decided::check_approvals(&log, &files, &rosters)?))
    });
    match checked {
        Err(reason) => Finding::fail(reason),
        Ok((granted, found)) => report(context, &granted, found),
    }
}

/// What the shown entries tell, and every file of the folder, in order of their proposals.
fn read<'a>(context: &Context<'a>) -> Result<(Log<'a>, Vec<Named>), String> {
    let log = Log::of(&context.entries)?;
    let mut files = Vec::new();
    for (name, _) in context.below(FOLDER) {
        let path = format!("{FOLDER}{name}");
        let file = ApprovalsFile::read(context.text(&path)?)
            .map_err(|error| format!("`{path}`: {error}"))?;
        if name.strip_suffix(".json").and_then(parse_u63) != Some(file.index) {
            return Err(format!(
                "`{path}` is not called after the entry that asked, {}",
                file.index
            ));
        }
        if file.index >= context.manifest.tree_size {
            return Err(format!(
                "`{path}`: the proposal stands at entry {}, beyond the log",
                file.index
            ));
        }
        files.push((path, file));
    }
    files.sort_by_key(|(_, file): &Named| file.index);
    Ok((log, files))
}

/// The answers of every file suffice.
fn check_all(
    context: &Context<'_>,
    files: &[Named],
    rosters: &BTreeMap<u64, Roster>,
) -> Result<Vec<Granted>, String> {
    let (mut seen, mut granted) = (Seen::default(), Vec::new());
    for (path, file) in files {
        let (_, roster) = rosters
            .range(..=file.index)
            .next_back()
            .ok_or_else(|| format!("`{path}`: no roster was in force at entry {}", file.index))?;
        let rules = Rules {
            rp_ids: &context.trust.rp_ids,
            origins: &context.trust.web_origins,
            least: None,
            administrative: file.command.action() != WITHDRAW,
            timing: None,
        };
        let answer = check(file, roster, &rules, &mut seen);
        granted.push(answer.map_err(|refusal| format!("`{path}`: {refusal}"))?);
    }
    Ok(granted)
}

/// Rosters by the journal index from which they hold. Where the trust file names rosters, no other counts.
fn read_rosters(context: &Context<'_>) -> Result<BTreeMap<u64, Roster>, String> {
    let mut rosters = BTreeMap::new();
    for (name, bytes) in context.below(ROSTERS) {
        let path = format!("{ROSTERS}{name}");
        let index = name
            .strip_suffix(".json")
            .and_then(parse_u63)
            .ok_or_else(|| format!("`{path}` is not named by a journal index"))?;
        let known = &context.trust.rosters;
        if !known.is_empty() && !known.contains(&Digest::of(bytes)) {
            return Err(format!(
                "`{path}` is none of the rosters that the trust file names"
            ));
        }
        let roster =
            Roster::read(context.text(&path)?).map_err(|error| format!("`{path}`: {error}"))?;
        rosters.insert(index, roster);
    }
    Ok(rosters)
}

fn report(context: &Context<'_>, granted: &[Granted], found: Found) -> Finding {
    let people: usize = granted.iter().map(|granted| granted.voices.len()).sum();
    let mut finding = Finding::pass(format!(
        "{} proposals were approved by {people} assertions of the people in the rosters; each quorum is the one its file names.",
        granted.len()
    ))
    .open(
        "That each quorum is what the policy asked for, and that its delay was kept: V09 is not built yet; every action but \
         `withdraw` is taken as administrative.",
    );
    if context.trust.rosters.is_empty() {
        finding = finding.open(
            "That the rosters are the real ones: V08 is not built yet, and the trust file names none (`roster <sha256>`).",
        );
    }
    if found.files > 0 {
        finding.says.push(format!(
            "The log has the question and every answer of {} of them, and nothing in the shown entries took effect on \
             answers that are not in these files.",
            found.files
        ));
    }
    if found.unseen > 0 {
        finding = finding.open(format!(
            "That {} proposals stand in the log: the entries that ask for them are not shown.",
            found.unseen
        ));
    }
    finding.open("Which proposals took effect by entries that are not shown.")
}

/// The digest of every withdrawal's intent that an approvals file of the bundle is about, by the withdrawal's id.
pub(crate) fn approved_intents(context: &Context<'_>) -> Result<BTreeMap<String, Digest>, String> {
    let mut intents = BTreeMap::new();
    for (name, _) in context.below(FOLDER) {
        let path = format!("{FOLDER}{name}");
        let file = ApprovalsFile::read(context.text(&path)?)
            .map_err(|error| format!("`{path}`: {error}"))?;
        if let Some(intent) = file.command.intent() {
            let digest = intent.digest();
            if intents
                .insert(intent.id.clone(), digest)
                .is_some_and(|other| other != digest)
            {
                return Err(format!(
                    "`{path}`: withdrawal `{}` was proposed with two intents",
                    intent.id
                ));
            }
        }
    }
    Ok(intents)
}
