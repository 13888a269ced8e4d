//! Rules in words of both languages: what a condition looks at, what it compares with, and what follows.

use keepwhole_core::policy::Policy;
use keepwhole_core::policy::field::{Deposits, Field, Members, Of, Per, RequestKind, Unit, Window};
use keepwhole_core::policy::rule::{Condition, Outcome, Rule, Test};
use keepwhole_core::registry::{AssetIx, Tier};
use keepwhole_core::state::State;

use super::wording;
use crate::policy::unit::show_share;
use crate::text::{Arg, Lang, Words, count};

/// What a field is of, in words.
pub(crate) fn field(field: Field) -> Words {
    match field {
        Field::Window(Window { of, per, ms }) => {
            let key = match of {
                Of::Amount(_) => "field-window-amount",
                Of::Count => "field-window-count",
                Of::Value => "field-window-value",
            };
            Words::key(key)
                .with("per", Words::key(per_key(per)))
                .with("window", Arg::Span(ms))
        }
        Field::FirstDepositAge(of) => {
            Words::key("field-first-deposit-age").with("of", Words::key(deposits_key(of)))
        }
        Field::LastDepositAge(of) => {
            Words::key("field-last-deposit-age").with("of", Words::key(deposits_key(of)))
        }
        Field::DepositedValue { of, ms } => Words::key("field-deposited-value")
            .with("of", Words::key(deposits_key(of)))
            .with("window", Arg::Span(ms)),
        Field::DepositDrawn { of, ms } => Words::key("field-deposit-drawn")
            .with("of", Words::key(deposits_key(of)))
            .with("window", Arg::Span(ms)),
        Field::Hour { offset_minutes } => {
            Words::key("field-hour").with("zone", zone(offset_minutes))
        }
        other => field_of_word(other.word()),
    }
}

/// A field by its word alone, as reasons name it; a word that is none stands as it is.
pub(crate) fn field_of_word(word: &str) -> Words {
    Words::key(match word {
        "kind" => "field-kind",
        "asset" => "field-asset",
        "network" => "field-network",
        "wallet" => "field-wallet",
        "wallet_kind" => "field-wallet-kind",
        "campaign" => "field-campaign",
        "amount" => "field-amount",
        "value" => "field-value",
        "window_amount" => "field-any-window-amount",
        "window_count" => "field-any-window-count",
        "window_value" => "field-any-window-value",
        "customer_age" => "field-customer-age",
        "first_deposit_age" => "field-any-first-deposit-age",
        "last_deposit_age" => "field-any-last-deposit-age",
        "deposited_value" => "field-any-deposited-value",
        "deposit_drawn" => "field-any-deposit-drawn",
        "destination_age" => "field-destination-age",
        "destination_listed" => "field-destination-listed",
        "destination_own" => "field-destination-own",
        "float_left" => "field-float-left",
        "float_left_bps" => "field-float-left-bps",
        "hour" => "field-any-hour",
        "price_age" => "field-price-age",
        "price_move_bps" => "field-price-move",
        "line_amount" => "field-line-amount",
        "line_value" => "field-line-value",
        "requester" => "field-requester",
        other => return Words::plain(other),
    })
}

fn zone(offset_minutes: i16) -> String {
    let sign = if offset_minutes < 0 { '-' } else { '+' };
    let minutes = offset_minutes.unsigned_abs();
    format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

const fn per_key(per: Per) -> &'static str {
    match per {
        Per::Customer => "per-customer",
        Per::Destination => "per-destination",
        Per::Wallet => "per-wallet",
        Per::Asset => "per-asset",
        Per::Network => "per-network",
        Per::All => "per-all",
        Per::Recipient => "per-recipient",
        Per::Requester => "per-requester",
        Per::Campaign => "per-campaign",
        Per::Credits => "per-credits",
    }
}

const fn deposits_key(of: Deposits) -> &'static str {
    match of {
        Deposits::Money => "deposits-money",
        Deposits::Virtual => "deposits-virtual",
        Deposits::Any => "deposits-any",
    }
}

/// A number in a field's unit.
pub(crate) fn number(state: &State, policy: &Policy, unit: Unit, units: u128) -> Arg {
    let plain = || Arg::Text(count(units));
    let in_asset = |asset: AssetIx| Arg::Amount(wording::amount(state, asset, units));
    match unit {
        Unit::Minor(asset) => in_asset(asset),
        Unit::Reference => policy.reference.map_or_else(plain, in_asset),
        Unit::Ms => u64::try_from(units).map_or_else(|_| plain(), Arg::Span),
        Unit::Bps => u32::try_from(units).map_or_else(|_| plain(), |bps| show_share(bps).into()),
        Unit::Count => u64::try_from(units).map_or_else(
            |_| plain(),
            |number| Words::key("number-requests").with("count", number).into(),
        ),
        Unit::Hour => Words::key("number-hour").with("hour", count(units)).into(),
        Unit::None => plain(),
    }
}

/// The unit of a figure that a reason names by its word: that of the named rule's last condition on it, else the unit that
/// every field of that word has.
pub(crate) fn unit_of(policy: &Policy, asset: Option<AssetIx>, rule: &str, word: &str) -> Unit {
    let named = policy.rules.iter().find(|known| known.id == rule);
    let own = named.and_then(|rule| {
        let mut fields = rule.when.iter().rev().map(|condition| condition.field);
        fields.find(|field| field.word() == word)
    });
    if let Some(field) = own {
        return field.unit();
    }
    match word {
        "amount" | "window_amount" | "float_left" | "line_amount" => {
            asset.map_or(Unit::None, Unit::Minor)
        }
        "value" | "window_value" | "deposited_value" | "deposit_drawn" | "line_value" => {
            Unit::Reference
        }
        "window_count" => Unit::Count,
        "customer_age" | "first_deposit_age" | "last_deposit_age" | "destination_age"
        | "price_age" => Unit::Ms,
        "float_left_bps" | "price_move_bps" => Unit::Bps,
        "hour" => Unit::Hour,
        _ => Unit::None,
    }
}

/// One condition in words.
pub(crate) fn condition(state: &State, policy: &Policy, condition: &Condition) -> Words {
    let of = field(condition.field);
    let limit = |units| number(state, policy, condition.field.unit(), units);
    let compared = |key, units| {
        Words::key(key)
            .with("field", of.clone())
            .with("limit", limit(units))
    };
    match &condition.test {
        Test::AtLeast(units) => compared("condition-at-least", *units),
        Test::Below(units) => compared("condition-below", *units),
        Test::Equals(units) => compared("condition-equals", *units),
        Test::Is(flag) => Words::key(match (condition.field, flag) {
            (Field::DestinationListed, true) => "condition-listed",
            (Field::DestinationListed, false) => "condition-not-listed",
            (Field::DestinationOwn, true) => "condition-own",
            (_, true) => "condition-yes",
            (Field::DestinationOwn, false) => "condition-not-own",
            (_, false) => "condition-no",
        })
        .with("field", of),
        Test::In(members) => Words::key("condition-in")
            .with("field", of)
            .with("members", joined(&of_members(state, members), ", ")),
    }
}

/// Several words, one after the other.
pub(crate) fn joined(list: &[Words], between: &str) -> Words {
    let said = |lang: Lang| {
        let parts: Vec<String> = list.iter().map(|one| one.say(lang)).collect();
        parts.join(between)
    };
    Words::both(&said(Lang::Ko), &said(Lang::En))
}

fn of_members(state: &State, members: &Members) -> Vec<Words> {
    let registry = &state.registry;
    match members {
        Members::Kinds(kinds) => {
            let key = |kind: &RequestKind| match kind {
                RequestKind::Withdrawal => "kind-withdrawal",
                RequestKind::Transfer => "kind-transfer",
                RequestKind::Credit => "kind-credit",
            };
            kinds.iter().map(|kind| Words::key(key(kind))).collect()
        }
        Members::Assets(assets) => {
            let assets = assets.iter().map(|asset| registry.asset_id(*asset));
            assets.map(Words::plain).collect()
        }
        Members::Wallets(wallets) => {
            let wallets = wallets.iter().map(|wallet| registry.wallet_id(*wallet));
            wallets.map(Words::plain).collect()
        }
        Members::Networks(names) | Members::Campaigns(names) => {
            names.iter().map(|name| Words::plain(name)).collect()
        }
        Members::Tiers(tiers) => tiers
            .iter()
            .map(|tier| Words::key(tier_key(*tier)))
            .collect(),
    }
}

const fn tier_key(tier: Tier) -> &'static str {
    match tier {
        Tier::Hot => "wallet-hot",
        Tier::Warm => "wallet-warm",
        Tier::Cold => "wallet-cold",
        Tier::Deposit => "wallet-deposit",
        Tier::Operational => "wallet-operational",
    }
}

/// All conditions of a rule as one sentence.
pub(crate) fn conditions(state: &State, policy: &Policy, rule: &Rule) -> Words {
    let all: Vec<Words> = rule
        .when
        .iter()
        .map(|one| condition(state, policy, one))
        .collect();
    match all.is_empty() {
        true => Words::key("policy-always"),
        false => joined(&all, "; "),
    }
}

/// What follows from a rule.
pub(crate) fn outcome(outcome: &Outcome) -> Words {
    let approvals = match outcome {
        Outcome::Clear => return Words::key("rule-clear"),
        Outcome::Hold => return Words::key("rule-hold"),
        Outcome::Deny => return Words::key("rule-deny"),
        Outcome::Approve(approvals) => approvals,
    };
    let key = match (approvals.roles.is_empty(), approvals.delay_ms) {
        (true, 0) => "rule-approve",
        (false, 0) => "rule-approve-roles",
        (true, _) => "rule-approve-waits",
        (false, _) => "rule-approve-roles-waits",
    };
    Words::key(key)
        .with("roles", approvals.roles.join(", "))
        .with("span", Arg::Span(approvals.delay_ms))
        .with("count", u64::from(approvals.n))
}
