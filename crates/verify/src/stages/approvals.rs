//! V10: approvals: every proposal that took effect was approved under the roster in force.

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

/// Folder of the approvals files.
const FOLDER: &str = "approvals/";
/// Folder of the rosters.
const ROSTERS: &str = "roster/";

/// V10.
pub(crate) fn approvals(context: &mut Context<'_>) -> Finding {
    if context.below(FOLDER).next().is_none() {
        return Finding::not_present("the bundle shows no approvals.");
    }
    let trust = context.trust;
    if trust.rp_ids.is_empty() || trust.web_origins.is_empty() {
        return Finding::not_run(
            "without the lines `rp-id` and `web-origin` of a trust file nobody can tell whose site an approval was given on.",
        )
        .open("Anything about approvals.");
    }
    match check_all(context) {
        Err(reason) => Finding::fail(reason),
        Ok(granted) => report(context, &granted),
    }
}

/// Every file of the folder that is an approvals file whose answers suffice; the files in order of their proposals.
fn check_all(context: &Context<'_>) -> Result<Vec<Granted>, String> {
    let rosters = read_rosters(context)?;
    let mut files = Vec::new();
    for (name, _) in context.below(FOLDER) {
        let path = format!("{FOLDER}{name}");
        let file = ApprovalsFile::read(context.text(&path)?)
            .map_err(|error| format!("`{path}`: {error}"))?;
        if name.strip_suffix(".json") != Some(&*file.proposal) {
            return Err(format!(
                "`{path}` is not called after its proposal `{}`",
                file.proposal
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
    files.sort_by(|(_, a), (_, b)| (a.index, &a.proposal).cmp(&(b.index, &b.proposal)));
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
        let answer = check(&file, roster, &rules, &mut seen);
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

fn report(context: &Context<'_>, granted: &[Granted]) -> Finding {
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
    finding.open("Which proposals there were besides: approvals are shown, not found in the log.")
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
