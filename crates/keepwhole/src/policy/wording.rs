//! Fields, numbers and conditions as a policy file has them.

use keepwhole_core::policy::field::{Field, Members, Of, Unit, Window};
use keepwhole_core::policy::rule::{Condition, Test};
use keepwhole_core::registry::AssetIx;

use super::names::Names;
use super::unit;

/// A field as the file has it.
#[must_use]
pub fn field_text(field: Field) -> String {
    match field {
        Field::Window(Window { of, per, ms }) => {
            let what = match of {
                Of::Amount(_) => "amount",
                Of::Count => "count",
                Of::Value => "value",
            };
            format!("{what}.{}.{}", per.word(), unit::show_duration(ms))
        }
        Field::FirstDepositAge(of) | Field::LastDepositAge(of) => {
            format!("{}.{}", field.word(), of.word())
        }
        Field::DepositedValue { of, ms } | Field::DepositDrawn { of, ms } => {
            format!("{}.{}.{}", field.word(), of.word(), unit::show_duration(ms))
        }
        Field::Hour { offset_minutes } => {
            let (sign, minutes) = match offset_minutes < 0 {
                true => ('-', offset_minutes.unsigned_abs()),
                false => ('+', offset_minutes.unsigned_abs()),
            };
            format!("hour.{sign}{:02}:{:02}", minutes / 60, minutes % 60)
        }
        _ => field.word().to_owned(),
    }
}

/// A number of a field as the file has it.
#[must_use]
pub fn number_text(
    field: Field,
    number: u128,
    names: &Names,
    reference: Option<AssetIx>,
) -> String {
    let as_u64 = u64::try_from(number).unwrap_or(u64::MAX);
    match field.unit() {
        Unit::Minor(asset) => names.amount(asset, number),
        Unit::Reference => match reference {
            Some(asset) => names.amount(asset, number),
            None => crate::text::count(number),
        },
        Unit::Ms => unit::show_duration(as_u64),
        Unit::Bps => unit::show_share(u32::try_from(number).unwrap_or(u32::MAX)),
        Unit::Count => format!("{} requests", crate::text::count(number)),
        Unit::Hour => format!("{number}h"),
        Unit::None => number.to_string(),
    }
}

/// A condition as the file has it.
#[must_use]
pub fn condition_text(condition: &Condition, names: &Names, reference: Option<AssetIx>) -> String {
    let field = field_text(condition.field);
    let number = |units| number_text(condition.field, units, names, reference);
    match &condition.test {
        Test::AtLeast(units) => format!("{field} >= {}", number(*units)),
        Test::Below(units) => format!("{field} < {}", number(*units)),
        Test::Equals(units) => format!("{field} == {}", number(*units)),
        Test::Is(flag) => format!("{field} == {flag}"),
        Test::In(members) => format!("{field} in [{}]", members_text(members, names)),
    }
}

fn members_text(members: &Members, names: &Names) -> String {
    let words: Vec<String> = match members {
        Members::Kinds(kinds) => kinds.iter().map(|kind| kind.word().to_owned()).collect(),
        Members::Assets(assets) => assets.iter().map(|asset| names.asset_id(*asset)).collect(),
        Members::Networks(words) | Members::Campaigns(words) => words.clone(),
        Members::Wallets(wallets) => wallets
            .iter()
            .map(|wallet| names.wallet_id(*wallet))
            .collect(),
        Members::Tiers(tiers) => tiers.iter().map(|tier| tier.code().to_owned()).collect(),
    };
    words.join(", ")
}
