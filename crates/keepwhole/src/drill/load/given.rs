//! Reads `given`: the exchange before the first event.

use std::collections::{BTreeMap, BTreeSet};

use super::among;
use super::table::{Slip, Table};
use crate::drill::scenario::code::{Code, Op};
use crate::drill::scenario::scalar::{self, amount, duration, instant};
use crate::drill::scenario::{
    Actor, Asset, Budget, Clock, ClockRule, Customer, Given, Policy, Price, Tier, Wallet,
};

const BPS: u64 = 10_000;

/// The ids that later lines may refer to.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) assets: BTreeSet<String>,
    pub(super) wallets: BTreeSet<String>,
    pub(super) customers: BTreeSet<String>,
    /// Customers and the company.
    pub(super) holders: BTreeSet<String>,
    pub(super) actors: BTreeSet<String>,
    pub(super) nodes: BTreeSet<String>,
    pub(super) clocks: BTreeSet<String>,
    pub(super) budgets: BTreeSet<String>,
}

pub(super) fn given(mut table: Table<'_>) -> Result<(Given, Names), Slip> {
    let mut names = Names::default();
    let start = table.need("start", instant)?;
    let mode = table.code("mode")?;
    let company = table
        .opt("company", scalar::id)?
        .unwrap_or_else(|| "company".to_owned());
    let assets = each(table.tables("assets", "given.assets")?, |table| {
        asset(table, &mut names.assets)
    })?;
    let wallets = table.tables("wallets", "given.wallets")?;
    let wallets = each(wallets, |table| {
        wallet(table, &names.assets, &mut names.wallets)
    })?;
    let customers = table.tables("customers", "given.customers")?;
    let customers = each(customers, |table| {
        customer(table, &names.assets, &mut names.customers)
    })?;
    names.holders = names.customers.iter().chain([&company]).cloned().collect();
    let actors = each(table.tables("actors", "given.actors")?, |table| {
        actor(table, &mut names.actors)
    })?;
    let prices = each(table.tables("prices", "given.prices")?, |table| {
        price(table, &names.assets)
    })?;
    let clock_tables = table.tables("clocks", "given.clocks")?;
    let clocks = each(clock_tables, |table| clock(table, &mut names.clocks))?;
    let policy = match table.opt_table("policy", "given.policy")? {
        Some(table) => policy(table, &mut names)?,
        None => Policy::default(),
    };
    let start_of_given = table.offset();
    for of in clocks.iter().filter_map(|clock| match &clock.rule {
        ClockRule::FromInitial { of, .. } => Some(of),
        _ => None,
    }) {
        among("clock", &names.clocks)(of)
            .map_err(|why| table.slip(start_of_given, &format!("`clocks` `of`: `{of}` {why}")))?;
    }
    table.done()?;
    Ok((
        Given {
            start,
            mode,
            company,
            assets,
            wallets,
            customers,
            actors,
            prices,
            policy,
            clocks,
        },
        names,
    ))
}

fn each<'a, T>(
    tables: Vec<Table<'a>>,
    one: impl FnMut(Table<'a>) -> Result<T, Slip>,
) -> Result<Vec<T>, Slip> {
    tables.into_iter().map(one).collect()
}

/// Reads the id of a table and refuses one that was there before.
fn fresh(
    table: &mut Table<'_>,
    form: fn(&str) -> Result<String, String>,
    seen: &mut BTreeSet<String>,
) -> Result<String, Slip> {
    let id = table.need("id", |id| {
        let id = form(id)?;
        if seen.contains(&id) {
            Err("was used before in this list: use another".to_owned())
        } else {
            Ok(id)
        }
    })?;
    seen.insert(id.clone());
    Ok(id)
}

fn asset(mut table: Table<'_>, seen: &mut BTreeSet<String>) -> Result<Asset, Slip> {
    let asset = Asset {
        id: fresh(&mut table, scalar::asset_id, seen)?,
        decimals: table.number("decimals", 38)?,
        chain: Some(table.text("chain")?).filter(|chain| chain != "none"),
        confirmations: table.number("confirmations", u64::from(u32::MAX))?,
    };
    table.done()?;
    Ok(asset)
}

fn balance(
    table: &mut Table<'_>,
    name: &str,
    assets: &BTreeSet<String>,
) -> Result<BTreeMap<String, u128>, Slip> {
    table
        .table("balance", name)?
        .map(among("asset", assets), amount)
}

fn wallet(
    mut table: Table<'_>,
    assets: &BTreeSet<String>,
    seen: &mut BTreeSet<String>,
) -> Result<Wallet, Slip> {
    let wallet = Wallet {
        id: fresh(&mut table, scalar::id, seen)?,
        kind: table.code("kind")?,
        address: table.text("address")?,
        balance: balance(&mut table, "given.wallets.balance", assets)?,
    };
    table.done()?;
    Ok(wallet)
}

fn customer(
    mut table: Table<'_>,
    assets: &BTreeSet<String>,
    seen: &mut BTreeSet<String>,
) -> Result<Customer, Slip> {
    let customer = Customer {
        id: fresh(&mut table, scalar::id, seen)?,
        balance: balance(&mut table, "given.customers.balance", assets)?,
        closed_at: table.opt("closed_at", instant)?,
    };
    table.done()?;
    Ok(customer)
}

fn actor(mut table: Table<'_>, seen: &mut BTreeSet<String>) -> Result<Actor, Slip> {
    let actor = Actor {
        id: fresh(&mut table, scalar::id, seen)?,
        person: table.need("person", scalar::id)?,
        roles: table.list("roles", Code::from_word)?,
        expires: table.opt("expires", instant)?,
    };
    table.done()?;
    Ok(actor)
}

fn price(mut table: Table<'_>, assets: &BTreeSet<String>) -> Result<Price, Slip> {
    let price = Price {
        base: table.need("base", among("asset", assets))?,
        quote: table.need("quote", among("asset", assets))?,
        price: table.need("price", amount)?,
        at: table.need("at", instant)?,
    };
    table.done()?;
    Ok(price)
}

fn clock(mut table: Table<'_>, seen: &mut BTreeSet<String>) -> Result<Clock, Slip> {
    let id = fresh(&mut table, scalar::id, seen)?;
    let authority = table.text("authority")?;
    let rules = [
        "from_awareness",
        "from_classification_capped",
        "from_supplement",
        "from_initial",
    ];
    let rule = table.need("rule", |rule| {
        let known = rules.iter().find(|known| **known == rule).copied();
        known.ok_or_else(|| {
            format!(
                "is no clock rule: use {}",
                rules.map(|rule| format!("`{rule}`")).join(", ")
            )
        })
    })?;
    let d1 = table.need("d1", duration)?;
    let rule = match rule {
        "from_awareness" => ClockRule::FromAwareness { d1 },
        "from_classification_capped" => ClockRule::FromClassificationCapped {
            d1,
            d2: table.need("d2", duration)?,
        },
        "from_supplement" => ClockRule::FromSupplement { d1 },
        _ => ClockRule::FromInitial {
            d1,
            of: table.need("of", scalar::id)?,
        },
    };
    table.done()?;
    Ok(Clock {
        id,
        authority,
        rule,
    })
}

fn policy(mut table: Table<'_>, names: &mut Names) -> Result<Policy, Slip> {
    let assets = &names.assets;
    let people = u64::from(u32::MAX);
    let tiers = each(table.tables("tiers", "given.policy.tiers")?, |table| {
        tier(table, assets)
    })?;
    let budgets = table.tables("budgets", "given.policy.budgets")?;
    let budgets = each(budgets, |table| budget(table, assets, &mut names.budgets))?;
    let nodes = table.opt_list("nodes", scalar::id)?.unwrap_or_default();
    names.nodes = nodes.iter().cloned().collect();
    let policy = Policy {
        cap_10m_bps: table.opt_number("cap_10m_bps", BPS)?,
        cap_24h_bps: table.opt_number("cap_24h_bps", BPS)?,
        allowlist: table.opt_flag("allowlist")?.unwrap_or(false),
        destination_cool_off: table.opt("destination_cool_off", duration)?,
        approval_ttl: table.opt("approval_ttl", duration)?,
        clearance_ttl: table.opt("clearance_ttl", duration)?,
        cool_off: table.opt("cool_off", duration)?,
        admin_approvals: table.opt_number("admin_approvals", people)?,
        retention: table.opt("retention", duration)?,
        ops_allowed: table.opt_list("ops_allowed", Op::from_word)?,
        price_max_age: table.opt("price_max_age", duration)?,
        price_band_bps: table.opt_number("price_band_bps", BPS)?,
        nodes,
        node_quorum: table.opt_number("node_quorum", people)?,
        node_max_lag: table.opt("node_max_lag", duration)?,
        holdings_guard: table.opt_flag("holdings_guard")?.unwrap_or(false),
        reads_per_hour: table.opt_number("reads_per_hour", people)?,
        reads_per_hour_all: table.opt_number("reads_per_hour_all", people)?,
        alert_within: table.opt("alert_within", duration)?,
        auto_sweep_to: table.opt("auto_sweep_to", among("wallet", &names.wallets))?,
        taint: table.opt_code("taint")?,
        taint_hold_bps: table.opt_number("taint_hold_bps", BPS)?,
        loss_order: table.opt_code("loss_order")?,
        auto_pay_max: table.opt("auto_pay_max", amount)?,
        auto_pay_asset: table.opt("auto_pay_asset", among("asset", assets))?,
        max_body_bytes: table.opt_number("max_body_bytes", u64::MAX)?,
        attested: table.opt("attested", scalar::hash)?,
        tiers,
        budgets,
    };
    for (one, other, has) in [
        (
            "auto_pay_max",
            "auto_pay_asset",
            policy.auto_pay_max.is_some() != policy.auto_pay_asset.is_some(),
        ),
        (
            "nodes",
            "node_quorum",
            policy.node_quorum.is_some() == policy.nodes.is_empty(),
        ),
    ] {
        if has {
            return Err(table.slip(
                table.offset(),
                &format!("`{one}` and `{other}` go together: give both or none"),
            ));
        }
    }
    table.done()?;
    Ok(policy)
}

fn tier(mut table: Table<'_>, assets: &BTreeSet<String>) -> Result<Tier, Slip> {
    let tier = Tier {
        asset: table.need("asset", among("asset", assets))?,
        from: table.need("from", amount)?,
        approvals: table.number("approvals", u64::from(u32::MAX))?,
    };
    table.done()?;
    Ok(tier)
}

fn budget(
    mut table: Table<'_>,
    assets: &BTreeSet<String>,
    seen: &mut BTreeSet<String>,
) -> Result<Budget, Slip> {
    let budget = Budget {
        id: fresh(&mut table, scalar::id, seen)?,
        asset: table.need("asset", among("asset", assets))?,
        total: table.need("total", amount)?,
        per_customer: table.need("per_customer", amount)?,
        approvals: table.number("approvals", u64::from(u32::MAX))?,
    };
    table.done()?;
    Ok(budget)
}
