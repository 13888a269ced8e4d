//! Words and amounts of people for the core's names and numbers.

use keepwhole_core::breaker::{Scope, scope_name};
use keepwhole_core::incident::clock::{Duty, Start};
use keepwhole_core::incident::{Cause, Incident};
use keepwhole_core::law::RuleRecord;
use keepwhole_core::registry::{ActorIx, AssetIx};
use keepwhole_core::state::State;

use super::{Banner, LawStatus};
use crate::text::{Amount, Asset, Words};

/// The asset as people read it. A number that was never given has an empty symbol.
pub(crate) fn asset(state: &State, ix: AssetIx) -> Asset {
    state.registry.assets.get(ix.place()).map_or_else(
        || Asset::new("", 0),
        |row| Asset::new(&row.id, row.decimals),
    )
}

/// An amount as people read it.
pub(crate) fn amount(state: &State, ix: AssetIx, units: u128) -> Amount {
    Amount {
        units,
        asset: asset(state, ix),
    }
}

/// A halt's scope.
pub(crate) fn scope(state: &State, scope: Scope) -> Words {
    match scope {
        Scope::All => Words::key("scope-all"),
        Scope::Trading => Words::key("scope-trading"),
        Scope::Asset(ix) => Words::key("scope-asset").with("name", state.registry.asset_id(ix)),
        Scope::Wallet(ix) => Words::key("scope-wallet").with("name", state.registry.wallet_id(ix)),
    }
}

/// Several scopes, by their names.
pub(crate) fn scopes(state: &State, list: &[Scope]) -> Words {
    match list {
        [one] => scope(state, *one),
        _ => Words::Plain(
            list.iter()
                .map(|one| scope_name(state, *one))
                .collect::<Vec<_>>()
                .join(", "),
        ),
    }
}

/// The mode line: tripped where any scope is halted now.
#[must_use]
pub fn banner(state: &State) -> Banner {
    let halted: Vec<Scope> = state.breaker.tripped.keys().copied().collect();
    match state.breaker.tripped.values().map(|trip| trip.since).min() {
        Some(since) => Banner::Tripped {
            scopes: scopes(state, &halted),
            since,
            unseen: u64::try_from(state.guard.signed_unseen().count()).unwrap_or(u64::MAX),
        },
        None => Banner::Normal,
    }
}

/// What a case is about.
pub(crate) fn cause(state: &State, case: &Incident) -> Words {
    match &case.cause {
        Cause::Wallet(ix) => Words::key("cause-wallet").with("name", state.registry.wallet_id(*ix)),
        Cause::Ledger => Words::key("cause-ledger"),
        Cause::Signing(ix) => {
            Words::key("cause-signing").with("name", state.registry.wallet_id(*ix))
        }
        Cause::Person => Words::key("cause-person"),
        Cause::Signer => Words::key("cause-signer"),
    }
}

/// Who did something: a person's account, or the system itself.
pub(crate) fn actor(state: &State, actor: Option<ActorIx>) -> Words {
    match actor {
        Some(_) => Words::plain(state.registry.actor_id(actor)),
        None => Words::key("actor-system"),
    }
}

/// What a duty is, in the words of the law's data where the journal holds them.
pub(crate) fn duty_title(state: &State, duty: &Duty) -> Words {
    state
        .law
        .rules
        .get(&duty.id)
        .map_or_else(|| Words::plain(&duty.id), rule_title)
}

/// The title of a record: where the instrument is not Korean, the English title stands in both languages.
pub(crate) fn rule_title(rule: &RuleRecord) -> Words {
    Words::both(
        rule.title_ko.as_deref().unwrap_or(&rule.title_en),
        &rule.title_en,
    )
}

/// Who must be told: the law's data names authorities by short words, several of them with commas between.
pub(crate) fn authority(names: &str) -> Words {
    let known: Vec<Words> = names
        .split(',')
        .map(|name| one_authority(name.trim()))
        .collect();
    match known.as_slice() {
        [one] => one.clone(),
        [one, two] => Words::key("authority-two")
            .with("one", one.clone())
            .with("two", two.clone()),
        _ => joined(&known),
    }
}

/// Three authorities or more, one after the other.
fn joined(names: &[Words]) -> Words {
    let pair = |one: Words, two: &Words| {
        Words::key("authority-two")
            .with("one", one)
            .with("two", two.clone())
    };
    let mut names = names.iter();
    let first = names
        .next()
        .cloned()
        .unwrap_or_else(|| Words::key("authority-none"));
    names.fold(first, pair)
}

/// Why the breaker tripped, in the reader's language where the core's words are known.
pub(crate) fn trip_cause(cause: &str) -> Words {
    match cause {
        "value left without a clearance" => Words::key("trip-value-left"),
        "halted by a person" => Words::key("trip-by-person"),
        other => Words::plain(other),
    }
}

fn one_authority(name: &str) -> Words {
    match name {
        "kisa" => Words::key("authority-kisa"),
        "fss" => Words::key("authority-fss"),
        "fsc" => Words::key("authority-fsc"),
        "fiu" => Words::key("authority-fiu"),
        "msit" => Words::key("authority-msit"),
        "pipc" => Words::key("authority-pipc"),
        "users" => Words::key("authority-users"),
        "data_subjects" => Words::key("authority-data-subjects"),
        "police" => Words::key("authority-police"),
        "mas" => Words::key("authority-mas"),
        "nca" => Words::key("authority-nca"),
        "nydfs" => Words::key("authority-nydfs"),
        "fsa" => Words::key("authority-fsa"),
        "sfc" => Words::key("authority-sfc"),
        "" => Words::key("authority-none"),
        other => Words::plain(other),
    }
}

/// The status of a rule by the law data's word; an unknown word counts as not binding.
pub(crate) fn law_status(name: &str) -> LawStatus {
    match name {
        "in_force" => LawStatus::InForce,
        "enacted_not_yet_in_force" => LawStatus::EnactedNotYetInForce,
        "announced" => LawStatus::Announced,
        "self_regulation" => LawStatus::SelfRegulation,
        "supervisory_forbearance" => LawStatus::SupervisoryForbearance,
        "superseded" => LawStatus::Superseded,
        _ => LawStatus::Proposed,
    }
}

/// What starts a duty's clock.
pub(crate) fn trigger(duty: &Duty) -> Words {
    match &duty.start {
        Start::Awareness(_) => Words::key("trigger-awareness"),
        Start::ClassificationCapped { .. } => Words::key("trigger-classification"),
        Start::MaterialFact(_) => Words::key("trigger-fact"),
        Start::Notification { of, .. } => {
            Words::key("trigger-notification").with("of", of.as_str())
        }
        Start::Block(_) => Words::key("trigger-block"),
    }
}
