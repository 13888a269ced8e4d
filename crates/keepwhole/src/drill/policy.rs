//! The policy of a story.
//!
//! This is the only place able to say that a control is off: an absent key of `given.policy` becomes a policy that
//! clears every amount and leaves that control out. No preset, file or flag of the product can express it.

use keepwhole_core::policy::{
    ActionClass, ApprovalTier, AutoPay, Budget, Cap, Clear, LossOrder, Policy,
};
use keepwhole_core::registry::{AssetIx, WalletIx};

use super::scenario::code::{self, Code, PolicyKey};
use super::scenario::scalar::{Hash, duration};
use super::scenario::{self, Given};
use super::words::{A_DAY, TEN_MINUTES};

/// The file's words for members of a closed list.
pub(super) fn words<T: Code>(codes: &[T]) -> Vec<String> {
    codes.iter().map(|code| code.word().to_owned()).collect()
}

/// The number an asset gets: assets are registered in the order of the file.
fn asset_ix(given: &Given, id: &str) -> Option<AssetIx> {
    AssetIx::next(given.assets.iter().position(|asset| asset.id == id)?)
}

fn wallet_ix(given: &Given, id: &str) -> Option<WalletIx> {
    WalletIx::next(given.wallets.iter().position(|wallet| wallet.id == id)?)
}

/// The policy of `given`: every amount clears unless a control that is given says otherwise.
pub(super) fn policy(given: &Given) -> Policy {
    let rules = &given.policy;
    Policy {
        version: 1,
        authority: authority(),
        clears: clears(given),
        caps: caps(rules),
        tiers: tiers(given),
        budgets: budgets(given),
        allowlist: rules.allowlist,
        destination_cool_off_ms: rules.destination_cool_off,
        approval_ttl_ms: rules.approval_ttl,
        clearance_ttl_ms: rules.clearance_ttl,
        change_cool_off_ms: rules.cool_off,
        change_approvals: rules.admin_approvals.unwrap_or(1),
        ops_allowed: rules
            .ops_allowed
            .as_deref()
            .map_or_else(|| words(&[code::Op::Transfer]), words),
        attested: rules.attested.as_ref().map(Hash::bytes),
        price_max_age_ms: rules.price_max_age,
        price_band_bps: rules.price_band_bps,
        nodes: rules.nodes.clone(),
        node_quorum: rules.node_quorum.unwrap_or(1),
        node_max_lag_ms: rules.node_max_lag,
        holdings_guard: rules.holdings_guard,
        reads_per_hour: rules.reads_per_hour,
        reads_per_hour_all: rules.reads_per_hour_all,
        sweep_to: rules
            .auto_sweep_to
            .as_ref()
            .and_then(|wallet| wallet_ix(given, wallet)),
        loss_order: match rules.loss_order {
            Some(code::LossOrder::CompanyFirst) => LossOrder::HouseFirst,
            Some(code::LossOrder::ProRata) | None => LossOrder::ProRata,
        },
        breaker_armed: true,
        auto_pay: auto_pay(given),
        ..Policy::default()
    }
}

/// The limit that is given holds for its asset; for every other one the control is off.
fn auto_pay(given: &Given) -> Vec<AutoPay> {
    let limited = given.policy.auto_pay_asset.as_ref();
    let assets = given
        .assets
        .iter()
        .filter_map(|asset| Some((asset_ix(given, &asset.id)?, asset)));
    let rules = assets.map(|(asset, row)| AutoPay {
        asset,
        up_to: match given.policy.auto_pay_max {
            Some(max) if limited == Some(&row.id) => max,
            _ => u128::MAX,
        },
    });
    rules.collect()
}

/// Who may do what, as the format fixes it for all stories.
fn authority() -> Vec<(ActionClass, Vec<String>)> {
    use code::Role::{Admin, Approver, Compliance, Security};
    vec![
        (ActionClass::Approve, words(&[Approver])),
        (
            ActionClass::LowerRisk,
            words(&[Admin, Security, Compliance]),
        ),
        (ActionClass::RaiseRisk, words(&[Admin])),
        (ActionClass::KeepPersonal, words(&[Admin, Compliance])),
        (ActionClass::ReadPersonal, words(code::Role::ALL)),
    ]
}

/// Any amount of any asset.
fn clears(given: &Given) -> Vec<Clear> {
    let assets = given
        .assets
        .iter()
        .filter_map(|asset| asset_ix(given, &asset.id));
    assets
        .map(|asset| Clear {
            asset,
            up_to: u128::MAX,
        })
        .collect()
}

fn caps(rules: &scenario::Policy) -> Vec<Cap> {
    let given = [(TEN_MINUTES, rules.cap_10m_bps), (A_DAY, rules.cap_24h_bps)];
    given
        .into_iter()
        .filter_map(|(window_ms, bps)| bps.map(|bps| Cap { window_ms, bps }))
        .collect()
}

fn tiers(given: &Given) -> Vec<ApprovalTier> {
    let tier = |tier: &scenario::Tier| {
        let asset = asset_ix(given, &tier.asset)?;
        Some(ApprovalTier {
            asset,
            from: tier.from,
            approvals: tier.approvals,
        })
    };
    given.policy.tiers.iter().filter_map(tier).collect()
}

fn budgets(given: &Given) -> Vec<Budget> {
    let budget = |budget: &scenario::Budget| {
        let asset = asset_ix(given, &budget.asset)?;
        let (total, per_customer) = (budget.total, budget.per_customer);
        Some(Budget {
            id: budget.id.clone(),
            asset,
            total,
            per_customer,
            approvals: budget.approvals,
        })
    };
    given.policy.budgets.iter().filter_map(budget).collect()
}

/// The policy with one key set to another value; `None` where this build can't set that key.
pub(super) fn set_policy(policy: &Policy, key: PolicyKey, value: &str) -> Option<Policy> {
    let mut next = policy.clone();
    next.version = next.version.saturating_add(1);
    match key {
        PolicyKey::Cap10mBps | PolicyKey::Cap24hBps => {
            let window_ms = if key == PolicyKey::Cap10mBps {
                TEN_MINUTES
            } else {
                A_DAY
            };
            let bps = value.parse().ok().filter(|bps| *bps <= 10_000)?;
            next.caps.retain(|cap| cap.window_ms != window_ms);
            next.caps.push(Cap { window_ms, bps });
            next.caps.sort_by_key(|cap| cap.window_ms);
        }
        PolicyKey::Allowlist => next.allowlist = value.parse().ok()?,
        PolicyKey::HoldingsGuard => next.holdings_guard = value.parse().ok()?,
        PolicyKey::DestinationCoolOff => next.destination_cool_off_ms = Some(duration(value).ok()?),
        PolicyKey::ApprovalTtl => next.approval_ttl_ms = Some(duration(value).ok()?),
        PolicyKey::ClearanceTtl => next.clearance_ttl_ms = Some(duration(value).ok()?),
        PolicyKey::CoolOff => next.change_cool_off_ms = Some(duration(value).ok()?),
        PolicyKey::PriceMaxAge => next.price_max_age_ms = Some(duration(value).ok()?),
        PolicyKey::AdminApprovals => next.change_approvals = value.parse().ok()?,
        PolicyKey::ReadsPerHour => next.reads_per_hour = Some(value.parse().ok()?),
        PolicyKey::ReadsPerHourAll => next.reads_per_hour_all = Some(value.parse().ok()?),
        _ => return None,
    }
    Some(next)
}
