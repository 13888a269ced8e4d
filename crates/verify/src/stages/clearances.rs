//! V12: effects: what was signed was cleared by the guard, for one intent, and taken up once.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::bundle::Context;
use crate::clearance::{Clearance, PayloadKind, Redemption, check_signature};
use crate::digest::Digest;
use crate::intent::Intent;
use crate::json::{self, Fields, FormatError};
use crate::note::VerifierKey;
use crate::report::Finding;
use crate::stages::approvals::approved_intents;
use crate::stages::decided::{self, Cleared};
use crate::told::Log;

/// Folder of the days.
const FOLDER: &str = "clearances/";
/// Seconds of a day.
const DAY: u64 = 86_400;

/// One line of a day's file; format: docs/proof-formats.md, "Clearances of a day".
struct Line {
    clearance: Clearance,
    clearance_signature: String,
    intent: Intent,
    redeemed: Option<(Redemption, String)>,
}

/// What the lines before have shown.
#[derive(Default)]
struct Shown {
    /// Digest of the intent by the withdrawal's id.
    intents: BTreeMap<String, Digest>,
    /// Attempts by intent: a number is given once.
    attempts: BTreeSet<(Digest, u32)>,
    /// Conflict key by intent, of redeemed clearances.
    conflict_keys: BTreeMap<Digest, String>,
    /// Which intent a redeemed conflict key belongs to.
    owners: BTreeMap<String, Digest>,
    redeemed: usize,
    lines: usize,
    unapproved: usize,
    /// What is held against the log.
    cleared: Vec<Cleared>,
}

/// V12.
pub(crate) fn effects(context: &mut Context<'_>) -> Finding {
    let log = match Log::of(&context.entries) {
        Err(reason) => return Finding::fail(reason),
        Ok(log) => log,
    };
    if context.below(FOLDER).next().is_none() {
        // The entries alone tell of clearances that are left out.
        return match decided::check_clearances(&log, &[]) {
            Err(reason) => Finding::fail(reason),
            Ok(_) => Finding::not_present("the bundle shows no clearances."),
        };
    }
    let origin = &context.manifest.origin;
    let guards: Vec<&VerifierKey> = context
        .trust
        .guards
        .iter()
        .filter(|key| key.name().strip_suffix("/guard") == Some(origin))
        .collect();
    if guards.is_empty() {
        return Finding::not_run(format!(
            "the trust file has no line `guard {origin}/guard+…`; without the guard's key nobody can tell a clearance from a forgery."
        ))
        .open("Anything about what was cleared and signed.");
    }
    let checked = check_days(context, &guards).and_then(|shown| {
        let unseen = decided::check_clearances(&log, &shown.cleared)?;
        Ok((shown, unseen))
    });
    match checked {
        Err(reason) => Finding::fail(reason),
        Ok((shown, unseen)) => report(&shown, unseen),
    }
}

fn report(shown: &Shown, unseen: usize) -> Finding {
    let finding = Finding::pass(format!(
        "{} clearances for {} withdrawals carry the guard's signature; {} were redeemed, each once, before they expired, and no \
         withdrawal has two intents or an unfounded second conflict key.",
        shown.lines,
        shown.intents.len(),
        shown.redeemed
    ))
    .open(format!(
        "Whether the {} withdrawals without an approvals file needed none: that is the policy's to say (V09, V11 are not built yet).",
        shown.unapproved
    ))
    .open("That the chain holds no other transaction of these keys.");
    if unseen == 0 {
        return finding.open("Clearances of entries that are not shown.");
    }
    finding.open(format!(
        "That {unseen} of these clearances stand in the log: the entries that issued them are not shown."
    ))
}

fn check_days(context: &Context<'_>, guards: &[&VerifierKey]) -> Result<Shown, String> {
    let approved = approved_intents(context)?;
    let mut shown = Shown::default();
    for (name, _) in context.below(FOLDER) {
        let path = format!("{FOLDER}{name}");
        let day = name
            .strip_suffix(".jsonl")
            .and_then(day_number)
            .ok_or_else(|| format!("`{path}` is not named by a day, YYYY-MM-DD.jsonl"))?;
        let text = context.text(&path)?;
        let lines = text.strip_suffix('\n');
        if lines.is_none() && !text.is_empty() {
            return Err(format!("`{path}`: the last line has no end"));
        }
        for (position, line) in lines
            .into_iter()
            .flat_map(|text| text.split('\n'))
            .enumerate()
        {
            let place = format!("{path} line {}", position.saturating_add(1));
            let line = Line::read(&place, line).map_err(|error| format!("`{place}`: {error}"))?;
            check_line(&line, day, guards, &mut shown)
                .map_err(|why| format!("`{place}`: {why}"))?;
            let redeemed = line
                .redeemed
                .map(|(redemption, _)| (redemption.at, redemption.signer));
            shown.cleared.push(Cleared {
                text: line.clearance.to_text(),
                digest: *line.clearance.digest().as_bytes(),
                redeemed,
                place,
            });
        }
    }
    for (id, digest) in &shown.intents {
        match approved.get(id) {
            Some(other) if other != digest => {
                return Err(format!(
                    "withdrawal `{id}` was cleared with another intent than the one that was approved"
                ));
            }
            Some(_) => {}
            None => shown.unapproved = shown.unapproved.saturating_add(1),
        }
    }
    Ok(shown)
}

impl Line {
    fn read(place: &str, text: &str) -> Result<Self, FormatError> {
        let value = json::parse(place, text)?;
        let mut fields = Fields::of(place, &value)?;
        let redemption = fields.optional_text("redemption")?;
        let signature = fields.optional_text("redemption_signature")?;
        let redeemed = match (redemption, signature) {
            (None, None) => None,
            (Some(redemption), Some(signature)) => {
                Some((Redemption::read(redemption)?, signature.to_owned()))
            }
            _ => {
                return Err(fields.error(
                    "redemption",
                    "stands with `redemption_signature`, or neither does",
                ));
            }
        };
        let line = Self {
            clearance: Clearance::read(fields.text("clearance")?)?,
            clearance_signature: fields.text("clearance_signature")?.to_owned(),
            intent: Intent::read(fields.text("intent")?)?,
            redeemed,
        };
        fields.done()?;
        Ok(line)
    }
}

fn check_line(
    line: &Line,
    day: u64,
    guards: &[&VerifierKey],
    shown: &mut Shown,
) -> Result<(), String> {
    let words = |refusal: crate::clearance::Refusal| format!("{refusal} (`{}`)", refusal.name());
    let clearance = &line.clearance;
    let signed = |text: &str, signature: &str| {
        let mut refused = Ok(());
        for guard in guards {
            refused = check_signature(text, signature, guard);
            if refused.is_ok() {
                break;
            }
        }
        refused.map_err(words)
    };
    signed(&clearance.sign_text(), &line.clearance_signature)?;
    clearance.check_intent(&line.intent).map_err(words)?;
    let (id, intent) = (&line.intent.id, clearance.intent);
    if *shown.intents.entry(id.clone()).or_insert(intent) != intent {
        return Err(format!("withdrawal `{id}` has two intents"));
    }
    shown.lines = shown.lines.saturating_add(1);
    // A signer may have begun what ended unredeemed, so its number is not given again either.
    if !shown.attempts.insert((intent, clearance.attempt)) {
        return Err(format!(
            "attempt {} of withdrawal `{id}` was cleared twice",
            clearance.attempt
        ));
    }
    let Some((redemption, signature)) = &line.redeemed else {
        return on_day(clearance.expires, day);
    };
    signed(&redemption.sign_text(), signature)?;
    redemption.check_clearance(clearance).map_err(words)?;
    on_day(redemption.at, day)?;
    shown.redeemed = shown.redeemed.saturating_add(1);
    check_conflict_key(clearance, id, shown)
}

/// Attempts at one intent share a conflict key, so that at most one of them can land; on Solana a message may take a new
/// blockhash once the old one has expired. One conflict key serves one intent.
fn check_conflict_key(clearance: &Clearance, id: &str, shown: &mut Shown) -> Result<(), String> {
    let key = &clearance.conflict_key;
    let first = shown
        .conflict_keys
        .entry(clearance.intent)
        .or_insert_with(|| key.clone());
    if first != key && clearance.payload_kind != PayloadKind::SolanaMessage {
        return Err(format!(
            "withdrawal `{id}` was signed for `{first}` and for `{key}`: both may land"
        ));
    }
    let owner = shown.owners.entry(key.clone()).or_insert(clearance.intent);
    // Several messages may name one blockhash; everything else is spent once.
    if *owner != clearance.intent && clearance.payload_kind != PayloadKind::SolanaMessage {
        return Err(format!(
            "`{key}` was used for two withdrawals: only one of them can land"
        ));
    }
    Ok(())
}

fn on_day(seconds: u64, day: u64) -> Result<(), String> {
    if seconds.checked_div(DAY) == Some(day) {
        Ok(())
    } else {
        Err(format!("the time `{seconds}` is on another day (UTC)"))
    }
}

/// Days since 1970-01-01 of a date of the Gregorian calendar in the form YYYY-MM-DD.
fn day_number(text: &str) -> Option<u64> {
    let mut parts = text.split('-');
    let mut part = |digits: usize| {
        parts
            .next()
            .filter(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|part| part.parse::<u64>().ok())
    };
    let (year, month, day) = (part(4)?, part(2)?, part(2)?);
    if parts.next().is_some() || year < 1970 {
        return None;
    }
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let february = if is_leap(year) { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let place = usize::try_from(month.checked_sub(1)?).ok()?;
    let most: &u64 = months.get(place)?;
    if !(1..=*most).contains(&day) {
        return None;
    }
    let before: u64 = (1970..year)
        .map(|year| if is_leap(year) { 366 } else { 365 })
        .sum();
    let this: u64 = months.iter().take(place).sum();
    before.checked_add(this)?.checked_add(day.checked_sub(1)?)
}
