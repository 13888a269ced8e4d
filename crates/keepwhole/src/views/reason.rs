//! Reasons in words: what the guard said, with its numbers, and what would release it.
//!
//! One table from the code of a reason to its sentence; the numbers are those that the journal's JSON carries for it. A
//! reason that the table does not know is shown by its code and numbers: no reason goes untold.

use std::collections::BTreeMap;

use keepwhole_core::reason::{Effect, Reason};
use keepwhole_core::registry::AssetIx;
use keepwhole_core::state::State;

use super::wording;
use crate::text::{Words, count, ratio_percent};

/// A reason as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonView {
    /// Its stable code, as in docs/denials.md.
    pub code: String,
    /// What happened, with the numbers.
    pub words: Words,
    /// What would release it.
    pub release: Words,
    /// From when on it is released by itself, milliseconds since the epoch; `None` where time alone does not.
    pub until: Option<u64>,
}

/// How a number of a reason is said.
#[derive(Clone, Copy)]
enum As {
    /// A name, or words.
    Text,
    /// A count.
    Count,
    /// Minor units of the asset in question.
    Units,
    /// Minor units of the policy's reference currency.
    Reference,
    /// A moment, ms.
    Time,
    /// A moment, seconds.
    Seconds,
    /// A duration, ms.
    Span,
    /// Basis points.
    Bps,
}

/// Code, sentence, its numbers, and what would release it.
type Row = (
    &'static str,
    &'static str,
    &'static [(&'static str, As)],
    &'static str,
);

macro_rules! sentences {
    ($($code:literal $key:literal [$($number:literal $how:ident),*] $release:literal;)*) => {
        const REASONS: &[Row] = &[$(($code, $key, &[$(($number, As::$how)),*], $release)),*];
    };
}

sentences! {
    "malformed" "reason-malformed" ["what" Text] "release-correct";
    "invalid_amount" "reason-invalid-amount" ["asked" Units] "release-correct";
    "unknown_asset" "reason-unknown-asset" ["asset" Text] "release-correct";
    "unknown_customer" "reason-unknown-customer" ["customer" Text] "release-correct";
    "unknown_wallet" "reason-unknown-wallet" ["wallet" Text] "release-correct";
    "unknown_actor" "reason-unknown-actor" ["actor" Text] "release-correct";
    "unknown_incident" "reason-unknown-incident" ["incident" Text] "release-correct";
    "unknown_duty" "reason-unknown-duty" ["duty" Text] "release-correct";
    "unknown_target" "reason-unknown-target" ["target" Text] "release-correct";
    "already_registered" "reason-already-registered" ["name" Text] "release-correct";
    "duplicate_id" "reason-duplicate-id" ["id" Text] "release-correct";
    "transfer_conflict" "reason-transfer-conflict" ["id" Text] "release-correct";
    "transfer_too_old" "reason-transfer-too-old" ["effective" Time, "forgotten" Time] "release-correct";
    "transfer_too_new" "reason-transfer-too-new" ["effective" Time, "latest" Time] "release-correct";
    "row" "reason-row" ["row" Count] "release-correct";
    "halted" "reason-halted" ["scope" Text] "release-reset";
    "key_revoked" "reason-key-revoked" ["wallet" Text] "release-never";
    "retired_address" "reason-retired-address" ["wallet" Text] "release-person";
    "own_wallet_source" "reason-own-wallet-source" ["wallet" Text] "release-person";
    "bootstrap_incomplete" "reason-bootstrap-incomplete" ["class" Text, "lacks" Text] "release-enrol";
    "break_glass_open" "reason-break-glass-open" ["until" Time] "release-time";
    "suspended" "reason-suspended" ["since" Time] "release-quorum";
    "self_approval" "reason-self-approval" ["person" Text] "release-other-person";
    "same_person" "reason-same-person" ["person" Text] "release-other-person";
    "role_expired" "reason-role-expired" ["ended" Time] "release-role";
    "role_missing" "reason-role-missing" ["needs" Text] "release-role";
    "purpose_missing" "reason-purpose-missing" [] "release-correct";
    "read_quota" "reason-read-quota" ["used" Count, "limit" Count] "release-window";
    "read_quota_all" "reason-read-quota-all" ["used" Count, "limit" Count] "release-window";
    "erased" "reason-erased" ["at" Time] "release-never";
    "legal_hold" "reason-legal-hold" ["reason" Text, "since" Time] "release-hold-lifted";
    "retention_required" "reason-retention-required" ["rule" Text] "release-law";
    "approval_mismatch" "reason-approval-mismatch" ["field" Text] "release-approve-again";
    "seen_mismatch" "reason-seen-mismatch" [] "release-approve-again";
    "approval_replayed" "reason-approval-replayed" ["nonce" Text] "release-approve-again";
    "guard_unattested" "reason-guard-unattested" [] "release-signer";
    "op_not_allowed" "reason-op-not-allowed" ["op" Text] "release-policy";
    "payload_mismatch" "reason-payload-mismatch" ["field" Text] "release-new";
    "approval_expired" "reason-approval-expired" ["valid" Count, "needs" Count] "release-approve-again";
    "clearance_missing" "reason-clearance-missing" ["target" Text] "release-new";
    "clearance_used" "reason-clearance-used" [] "release-new";
    "clearance_expired" "reason-clearance-expired" ["ended" Time] "release-new";
    "insufficient_balance" "reason-insufficient-balance" ["has" Units, "asked" Units] "release-new";
    "house_short" "reason-house-short" ["has" Units, "needs" Units] "release-funds";
    "address_lookalike" "reason-address-lookalike" ["like" Text] "release-person";
    "destination_cooling" "reason-destination-cooling" ["until" Time] "release-time";
    "not_allowlisted" "reason-not-allowlisted" ["to" Text] "release-list";
    "unknown_key" "reason-unknown-key" ["key" Text] "release-correct";
    "undecodable" "reason-undecodable" ["refusal" Text] "release-correct";
    "fee_exceeded" "reason-fee-exceeded" ["fee" Count, "max" Count] "release-correct";
    "conflict_key_changed" "reason-conflict-key-changed" ["was" Text, "now" Text] "release-correct";
    "attempt_out_of_turn" "reason-attempt-out-of-turn" ["next" Count, "found" Count] "release-correct";
    "unknown_budget" "reason-unknown-budget" ["budget" Text] "release-new";
    "budget_unit" "reason-budget-unit" ["budget" Text, "line" Text] "release-new";
    "per_customer_exceeded" "reason-per-customer-exceeded" ["customer" Text, "total" Units, "limit" Units] "release-new";
    "budget_exceeded" "reason-budget-exceeded" ["total" Units, "limit" Units] "release-new";
    "holdings_exceeded" "reason-holdings-exceeded" ["owed" Units, "held" Units] "release-new";
    "wallet_short" "reason-wallet-short" ["free" Units, "asked" Units] "release-funds";
    "cap_reached" "reason-cap-reached" ["window_ms" Span, "used" Units, "asked" Units, "cap" Units] "release-window";
    "no_rule_clears" "reason-no-rule-clears" ["up_to" Units] "release-policy";
    "requester_exceeded" "reason-requester-exceeded" ["person" Text, "total" Units, "limit" Units] "release-new";
    "value_band" "reason-value-band" ["of" Text, "value" Reference, "limit" Reference] "release-new";
    "price_missing" "reason-price-missing" ["asset" Text] "release-price";
    "price_stale" "reason-price-stale" ["age_ms" Span, "max_ms" Span] "release-price";
    "price_band" "reason-price-band" ["price" Count, "last" Count, "band_bps" Bps] "release-price";
    "nodes_disagree" "reason-nodes-disagree" [] "release-nodes";
    "nodes_lagging" "reason-nodes-lagging" ["live" Count, "needs" Count] "release-nodes";
    "unconfirmed" "reason-unconfirmed" ["nodes" Count, "needs" Count] "release-nodes";
    "figure_unknown" "reason-figure-unknown" ["rule" Text, "figure" Text, "why" Text] "release-figure";
    "rule_denies" "reason-rule-denies" ["rule" Text, "figure" Text, "value" Count, "limit" Count] "release-new";
    "rule_holds" "reason-rule-holds" ["rule" Text, "figure" Text, "value" Count, "limit" Count] "release-rule";
    "rule_delay" "reason-rule-delay" ["until" Time] "release-time";
    "approvals_short" "reason-approvals-short" ["valid" Count, "needs" Count] "release-approve";
    "rejected_by_approver" "reason-rejected-by-approver" ["person" Text] "release-new";
    "needs_second_admin" "reason-needs-second-admin" ["valid" Count, "needs" Count] "release-approve";
    "cool_off" "reason-cool-off" ["until" Time] "release-time";
    "awareness_is_fixed" "reason-awareness-is-fixed" ["since" Time] "release-never";
    "already_paid" "reason-already-paid" [] "release-never";
    "needs_human" "reason-needs-human" ["payable" Units, "limit" Units] "release-person";
    "exceeds_loss" "reason-exceeds-loss" ["claimed" Units, "payable" Units] "release-appeal";
    "restored_beyond_loss" "reason-restored-beyond-loss" ["outstanding" Units, "offered" Units] "release-correct";
    "role_short" "reason-role-short" ["role" Text] "release-approve";
    "assertion_missing" "reason-assertion-missing" ["class" Text] "release-approve-again";
    "assertion_malformed" "reason-assertion-malformed" ["what" Text] "release-approve-again";
    "credential_unknown" "reason-credential-unknown" ["credential" Text] "release-enrol";
    "credential_of_other" "reason-credential-of-other" ["person" Text] "release-approve-again";
    "credential_inactive" "reason-credential-inactive" ["index" Count, "from" Count] "release-approve-again";
    "approval_untimely" "reason-approval-untimely" ["issued" Seconds, "expires" Seconds, "now" Seconds] "release-approve-again";
    "collection_over" "reason-collection-over" ["until" Time] "release-new";
    "challenge_mismatch" "reason-challenge-mismatch" [] "release-approve-again";
    "origin_not_allowed" "reason-origin-not-allowed" ["origin" Text] "release-approve-again";
    "relying_party_unknown" "reason-relying-party-unknown" [] "release-approve-again";
    "user_not_verified" "reason-user-not-verified" [] "release-approve-again";
    "credential_not_bound" "reason-credential-not-bound" ["role" Text] "release-enrol";
    "signature_invalid" "reason-signature-invalid" [] "release-approve-again";
    "separate_client_needed" "reason-separate-client-needed" ["site" Text] "release-client";
    "counter_not_risen" "reason-counter-not-risen" ["seen" Count, "last" Count] "release-person";
    "finding_stands" "reason-finding-stands" ["kind" Text, "person" Text] "release-finding";
    "role_too_long" "reason-role-too-long" ["latest" Time] "release-correct";
    "quorum_impossible" "reason-quorum-impossible" ["class" Text] "release-enrol";
    "quorum_short" "reason-quorum-short" ["class" Text, "valid" Count, "needs" Count] "release-approve";
}

/// Codes that have a sentence, for a test that none is missing.
#[must_use]
pub fn reason_codes() -> Vec<&'static str> {
    REASONS.iter().map(|(code, ..)| *code).collect()
}

/// The reason as a page shows it. Amounts in it are of `asset`, where there is one.
pub(crate) fn reason_view(state: &State, asset: Option<AssetIx>, reason: &Reason) -> ReasonView {
    let (own, numbers) = (reason.code(), numbers(reason));
    let row = REASONS.iter().find(|(code, ..)| *code == own);
    let Some((_, key, fields, release)) = row else {
        let said: Vec<String> = numbers
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        return ReasonView {
            code: own.to_owned(),
            words: Words::key("reason-other")
                .with("code", own)
                .with("numbers", said.join(", ")),
            release: Words::key(match reason.effect() {
                Effect::Hold => "release-person",
                Effect::Deny | Effect::Refuse | Effect::Reduce => "release-new",
            }),
            until: moment(&numbers),
        };
    };
    let mut words = Words::key(key);
    for (name, how) in *fields {
        let value = numbers.get(*name).map_or("", String::as_str);
        words = said(state, asset, words, (name, value), *how);
    }
    if let Reason::Row { reason, .. } = reason {
        words = words.with("reason", reason_view(state, asset, reason).words);
    }
    ReasonView {
        code: own.to_owned(),
        words,
        release: Words::key(release),
        until: moment(&numbers),
    }
}

/// One number of a sentence, said as its kind is.
fn said(
    state: &State,
    asset: Option<AssetIx>,
    words: Words,
    (name, value): (&'static str, &str),
    how: As,
) -> Words {
    let number = value.parse::<u128>().ok();
    let name = argument(name);
    let moment = number.and_then(|number| u64::try_from(number).ok());
    let in_asset = |asset: Option<AssetIx>| match (asset, number) {
        (Some(asset), Some(units)) => Some(wording::amount(state, asset, units).exact()),
        _ => None,
    };
    let text = match how {
        As::Text => Some(value.to_owned()),
        As::Count => number.map(count),
        As::Units => in_asset(asset),
        As::Reference => in_asset(state.guard.policy.reference),
        As::Bps => number.and_then(|bps| ratio_percent(bps, 10_000)),
        As::Time => return words.with(name, moment.map_or(text_of(value), crate::text::Arg::Time)),
        As::Seconds => {
            let moment = moment.map(|seconds| seconds.saturating_mul(1_000));
            return words.with(name, moment.map_or(text_of(value), crate::text::Arg::Time));
        }
        As::Span => return words.with(name, moment.map_or(text_of(value), crate::text::Arg::Span)),
    };
    words.with(name, text.unwrap_or_else(|| value.to_owned()))
}

/// The name of a number in the catalogues, which write no unit into it.
fn argument(name: &'static str) -> &'static str {
    match name {
        "up_to" | "max_ms" => "limit",
        "window_ms" => "window",
        "age_ms" => "age",
        "band_bps" => "band",
        other => other,
    }
}

fn text_of(value: &str) -> crate::text::Arg {
    crate::text::Arg::Text(value.to_owned())
}

/// From when on time alone releases it.
fn moment(numbers: &BTreeMap<String, String>) -> Option<u64> {
    numbers.get("until").and_then(|until| until.parse().ok())
}

/// The numbers of a reason by name, from the text that the journal's JSON carries: `name: value, …`, text in quotes.
fn numbers(reason: &Reason) -> BTreeMap<String, String> {
    let text = match reason {
        Reason::Row { row, .. } => return BTreeMap::from([("row".to_owned(), row.to_string())]),
        other => format!("{other:?}"),
    };
    let body = text
        .split_once(" { ")
        .and_then(|(_, body)| body.strip_suffix(" }"));
    let mut found = BTreeMap::new();
    let mut rest = body.unwrap_or_default();
    while let Some((name, after)) = rest.split_once(": ") {
        let (value, behind) = one_value(after);
        found.insert(name.to_owned(), value);
        rest = behind.strip_prefix(", ").unwrap_or_default();
    }
    found
}

/// The first value of `text`, without its quotes or its `Some`, and what follows it.
fn one_value(text: &str) -> (String, &str) {
    if let Some(inner) = text.strip_prefix("Some(") {
        let (value, behind) = one_value(inner);
        return (value, behind.strip_prefix(')').unwrap_or(behind));
    }
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ')']).unwrap_or(text.len());
        let (value, behind) = text.split_at(end);
        let value = if value == "None" { "" } else { value };
        return (value.to_owned(), behind);
    };
    let mut value = String::new();
    let mut escaped = false;
    for (place, letter) in quoted.char_indices() {
        match letter {
            '"' if !escaped => {
                let behind = quoted.get(place.saturating_add(1)..).unwrap_or_default();
                return (value, behind);
            }
            '\\' if !escaped => escaped = true,
            other => {
                value.push(other);
                escaped = false;
            }
        }
    }
    (value, "")
}
