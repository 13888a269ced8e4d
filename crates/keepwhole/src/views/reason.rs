//! Reasons in words: what the guard said, with its numbers, and what would release it.
//!
//! One table from the code of a reason to its sentence; the numbers are those that the reason itself carries. A reason
//! that the table does not know is shown by its code and numbers: no reason goes untold.

use keepwhole_core::authority::class::Class;
use keepwhole_core::policy::field::Unit;
use keepwhole_core::price;
use keepwhole_core::reason::{Effect, Reason, Told};
use keepwhole_core::registry::AssetIx;
use keepwhole_core::state::State;

use super::quorum::{finding_key, lacks_words, missing_words, quorum_key};
use super::{condition, price_shown, wording};
use crate::policy::rules;
use crate::text::{Arg, Lang, Words, count, ratio_percent};

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
    /// A price in the policy's reference currency, in the core's unit of prices.
    Price,
    /// A moment, ms.
    Time,
    /// A moment, seconds.
    Seconds,
    /// A duration, ms.
    Span,
    /// Basis points.
    Bps,
    /// Code of a class of action.
    Class,
    /// Code of a finding.
    Finding,
    /// Names joined by `|`.
    Names,
    /// What a class of action lacks.
    Lacks,
    /// Word of a field of the policy's language.
    Field,
    /// Why a figure can't be told, in one word.
    Why,
    /// A number in the unit of the reason's figure.
    Figure,
    /// `line` or `batch`.
    Part,
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
    "bootstrap_incomplete" "reason-bootstrap-incomplete" ["class" Class, "lacks" Lacks] "release-enrol";
    "break_glass_open" "reason-break-glass-open" ["until" Time] "release-time";
    "suspended" "reason-suspended" ["since" Time] "release-quorum";
    "self_approval" "reason-self-approval" ["person" Text] "release-other-person";
    "same_person" "reason-same-person" ["person" Text] "release-other-person";
    "role_expired" "reason-role-expired" ["ended" Time] "release-role";
    "role_missing" "reason-role-missing" ["needs" Names] "release-role";
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
    "value_band" "reason-value-band" ["of" Part, "value" Reference, "limit" Reference] "release-new";
    "price_missing" "reason-price-missing" ["asset" Text] "release-price";
    "price_stale" "reason-price-stale" ["age_ms" Span, "max_ms" Span] "release-price";
    "price_band" "reason-price-band" ["asset" Text, "price" Price, "last" Price, "band_bps" Bps] "release-price";
    "nodes_disagree" "reason-nodes-disagree" [] "release-nodes";
    "nodes_lagging" "reason-nodes-lagging" ["live" Count, "needs" Count] "release-nodes";
    "unconfirmed" "reason-unconfirmed" ["nodes" Count, "needs" Count] "release-nodes";
    "figure_unknown" "reason-figure-unknown" ["rule" Text, "figure" Field, "why" Why] "release-figure";
    "rule_denies" "reason-rule-denies" ["rule" Text, "figure" Field, "value" Figure, "limit" Figure] "release-new";
    "rule_holds" "reason-rule-holds" ["rule" Text, "figure" Field, "value" Figure, "limit" Figure] "release-rule";
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
    "nothing_redeemed" "reason-nothing-redeemed" ["issued" Count, "redeemed" Count] "release-correct";
    "already_dead" "reason-already-dead" ["since" Time] "release-correct";
    "other_conflict_key" "reason-other-conflict-key" ["journal" Text, "named" Text] "release-correct";
    "outflow_seen" "reason-outflow-seen" ["txid" Text, "units" Units] "release-correct";
    "evidence_pays" "reason-evidence-pays" ["txid" Text, "units" Units] "release-correct";
    "conflict_key_spent" "reason-conflict-key-spent" ["key" Text, "request" Text] "release-new";
    "assertion_missing" "reason-assertion-missing" ["class" Class] "release-approve-again";
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
    "finding_stands" "reason-finding-stands" ["kind" Finding, "person" Text] "release-finding";
    "role_too_long" "reason-role-too-long" ["latest" Time] "release-correct";
    "quorum_impossible" "reason-quorum-impossible" ["class" Class] "release-enrol";
    "quorum_short" "reason-quorum-short" ["class" Class, "valid" Count, "needs" Count, "missing" Names] "release-approve";
    "proposal_needed" "reason-proposal-needed" ["class" Class] "release-propose";
    "role_not_then" "reason-role-not-then" ["role" Text, "index" Count, "since" Count] "release-new";
    "address_checksum" "reason-address-checksum" ["wanted" Text] "release-correct";
    "price_quote" "reason-price-quote" ["quote" Text, "reference" Text] "release-correct";
    "price_ahead" "reason-price-ahead" ["asset" Text, "as_of" Time, "now" Time] "release-correct";
    "price_older" "reason-price-older" ["asset" Text, "as_of" Time, "newest" Time] "release-correct";
}

/// Codes that have a sentence, for a test that none is missing.
#[must_use]
pub fn reason_codes() -> Vec<&'static str> {
    REASONS.iter().map(|(code, ..)| *code).collect()
}

/// The reason as a page shows it. Amounts in it are of `asset`, where there is one.
pub(crate) fn reason_view(state: &State, asset: Option<AssetIx>, reason: &Reason) -> ReasonView {
    let own = reason.code();
    let numbers = reason.numbers();
    let until = moment(&numbers);
    let row = REASONS.iter().find(|(code, ..)| *code == own);
    let Some((_, key, fields, release)) = row else {
        let said: Vec<String> = numbers
            .iter()
            .map(|(name, told)| format!("{name}: {}", plain(*told)))
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
            until,
        };
    };
    let mut words = Words::key(fitting(state, asset, reason, key));
    for (name, how) in *fields {
        let told = numbers.iter().find(|(known, _)| known == name);
        let told = told.map_or(Told::Absent, |(_, told)| *told);
        let arg = match how {
            As::Figure => figure(state, asset, reason, told),
            how => said(state, asset, told, *how),
        };
        words = words.with(argument(name), arg);
    }
    if let Reason::Row { reason, .. } = reason {
        words = words.with("reason", reason_view(state, asset, reason).words);
    }
    if let Some(rule) = named_rule(state, reason) {
        let (english, korean) = rules::words(rule);
        words = words.with("says", Words::both(korean, english));
    }
    ReasonView {
        code: own.to_owned(),
        words,
        release: Words::key(release),
        until,
    }
}

/// A reason on one line, with its code: what a terminal says. Amounts in it are of `asset`, where there is one.
#[must_use]
pub fn reason_line(state: &State, asset: Option<AssetIx>, reason: &Reason, lang: Lang) -> String {
    let view = reason_view(state, asset, reason);
    format!("{} (`{}`)", view.words.say(lang), view.code)
}

/// The sentence for what the reason holds: some say more where there is more to say.
fn fitting(
    state: &State,
    asset: Option<AssetIx>,
    reason: &Reason,
    usual: &'static str,
) -> &'static str {
    let bare = |rule: &str, figure: &str| {
        let policy = &state.guard.policy;
        condition::unit_of(policy, asset, rule, figure) == Unit::None
    };
    let known = named_rule(state, reason).is_some();
    match reason {
        Reason::QuorumShort { missing, .. } if !missing.is_empty() => "reason-quorum-short-roles",
        Reason::RuleHolds { rule, figure, .. } if bare(rule, figure) => match known {
            true => "reason-rule-holds-says",
            false => "reason-rule-holds-plain",
        },
        Reason::RuleDenies { rule, figure, .. } if bare(rule, figure) => match known {
            true => "reason-rule-denies-says",
            false => "reason-rule-denies-plain",
        },
        Reason::RuleHolds { .. } if known => "reason-rule-holds-figure",
        Reason::RuleDenies { .. } if known => "reason-rule-denies-figure",
        _ => usual,
    }
}

/// The rule that a reason names, where the policy in force still has it.
fn named_rule<'s>(
    state: &'s State,
    reason: &Reason,
) -> Option<&'s keepwhole_core::policy::rule::Rule> {
    let (Reason::RuleHolds { rule, .. } | Reason::RuleDenies { rule, .. }) = reason else {
        return None;
    };
    let mut rules = state.guard.policy.rules.iter();
    rules.find(|known| known.id == *rule && !known.says.is_empty())
}

/// A number of a rule in the unit of the figure that the rule compares.
fn figure(state: &State, asset: Option<AssetIx>, reason: &Reason, told: Told<'_>) -> Arg {
    let policy = &state.guard.policy;
    match (reason, told) {
        (
            Reason::RuleHolds { rule, figure, .. } | Reason::RuleDenies { rule, figure, .. },
            Told::Number(units),
        ) => {
            let unit = condition::unit_of(policy, asset, rule, figure);
            condition::number(state, policy, unit, units)
        }
        _ => Arg::Text(plain(told)),
    }
}

/// One number of a sentence, said as its kind is; what is not of that kind stands as it is.
fn said(state: &State, asset: Option<AssetIx>, told: Told<'_>, how: As) -> Arg {
    let whole = || Arg::Text(plain(told));
    match told {
        Told::Text(text) => match how {
            As::Class => {
                let class = Class::of_code(text).map(quorum_key);
                let class = class.or_else(|| (text == "bootstrap").then_some("quorum-bootstrap"));
                class.map_or_else(|| text.into(), |key| Words::key(key).into())
            }
            As::Finding => match finding_key(text) {
                Some(key) => Words::key(key).into(),
                None => text.into(),
            },
            As::Names => missing_words(text).into(),
            As::Lacks => lacks_words(text).into(),
            As::Field => condition::field_of_word(text).into(),
            As::Why => why(text),
            As::Part => match text {
                "line" => Words::key("part-line").into(),
                "batch" => Words::key("part-batch").into(),
                other => other.into(),
            },
            _ => text.into(),
        },
        Told::Number(number) => {
            let moment = u64::try_from(number);
            let amount = |asset: AssetIx| Arg::Text(wording::amount(state, asset, number).exact());
            match how {
                As::Units => asset.map_or_else(whole, amount),
                As::Reference => state.guard.policy.reference.map_or_else(whole, amount),
                As::Price => state.guard.policy.reference.map_or_else(whole, |quote| {
                    let quote = wording::asset(state, quote);
                    let price = price::text(number, quote.decimals);
                    Arg::Text(format!("{} {}", price_shown(&price), quote.symbol))
                }),
                As::Bps => ratio_percent(number, 10_000).map_or_else(whole, Arg::Text),
                As::Time => moment.map_or_else(|_| whole(), Arg::Time),
                As::Seconds => {
                    moment.map_or_else(|_| whole(), |at| Arg::Time(at.saturating_mul(1_000)))
                }
                As::Span => moment.map_or_else(|_| whole(), Arg::Span),
                _ => whole(),
            }
        }
        Told::Absent | Told::Reason(_) => whole(),
    }
}

/// Why a figure can't be told.
fn why(word: &str) -> Arg {
    let key = match word {
        "no_reference" => "why-no-reference",
        "unpriced" => "why-unpriced",
        "no_earlier_price" => "why-no-earlier-price",
        "price_band" => "why-price-band",
        "too_large" => "why-too-large",
        "not_recorded" => "why-not-recorded",
        other => return other.into(),
    };
    Words::key(key).into()
}

/// A number without a kind: with its thousands parted.
fn plain(told: Told<'_>) -> String {
    match told {
        Told::Text(text) => text.to_owned(),
        Told::Number(number) => count(number),
        Told::Absent => String::new(),
        Told::Reason(reason) => reason.code().to_owned(),
    }
}

/// The name of a number in the catalogues, which write no unit into it.
fn argument(name: &'static str) -> &'static str {
    match name {
        "up_to" | "max_ms" => "limit",
        "window_ms" => "window",
        "age_ms" => "age",
        "band_bps" => "band",
        "as_of" => "of",
        other => other,
    }
}

/// From when on time alone releases it.
fn moment(numbers: &[(&'static str, Told<'_>)]) -> Option<u64> {
    let until = numbers.iter().find(|(name, _)| *name == "until");
    match until.map(|(_, told)| *told) {
        Some(Told::Number(until)) => u64::try_from(until).ok(),
        _ => None,
    }
}
