//! One condition of a rule: `value.customer.24h >= 300,000,000 KRW` to a typed comparison and back.

use keepwhole_core::policy::field::{
    Choice, Deposits, Field, Members, Of, Per, RequestKind, Type, Unit, Window,
};
use keepwhole_core::policy::rule::{Condition, Test};
use keepwhole_core::registry::{AssetIx, Tier};

use super::names::Names;
use super::source::nearest;
use super::unit::{self, Wrong};

/// What a window may add up for.
const PERS: [Per; 10] = [
    Per::Customer,
    Per::Destination,
    Per::Wallet,
    Per::Asset,
    Per::Network,
    Per::All,
    Per::Recipient,
    Per::Requester,
    Per::Campaign,
    Per::Credits,
];

const DEPOSITS: [Deposits; 3] = [Deposits::Money, Deposits::Virtual, Deposits::Any];

/// Every way a field may be written, for the message about a field that is none.
const FIELDS: &str = "kind, asset, network, wallet, wallet_kind, campaign, amount, value, amount.PER.WINDOW, \
    count.PER.WINDOW, value.PER.WINDOW, customer_age, first_deposit_age.DEPOSITS, last_deposit_age.DEPOSITS, \
    deposited_value.DEPOSITS.WINDOW, deposit_drawn.DEPOSITS.WINDOW, destination_age, destination_listed, destination_own, \
    float_left, float_left_bps, hour.ZONE, price_age, price_move_bps, line_amount, line_value";

/// First words of fields.
const WORDS: [&str; 24] = [
    "kind",
    "asset",
    "network",
    "wallet",
    "wallet_kind",
    "campaign",
    "amount",
    "value",
    "count",
    "customer_age",
    "first_deposit_age",
    "last_deposit_age",
    "deposited_value",
    "deposit_drawn",
    "destination_age",
    "destination_listed",
    "destination_own",
    "float_left",
    "float_left_bps",
    "hour",
    "price_age",
    "price_move_bps",
    "line_amount",
    "line_value",
];

/// A field, or one that is whole only with the asset of the amount beside it.
#[derive(Debug, Clone, Copy)]
enum Named {
    Field(Field),
    OfAsset(OfAsset),
}

#[derive(Debug, Clone, Copy)]
enum OfAsset {
    Amount,
    FloatLeft,
    LineAmount,
    Window(Per, u64),
}

impl OfAsset {
    const fn of(self, asset: AssetIx) -> Field {
        match self {
            Self::Amount => Field::Amount(asset),
            Self::FloatLeft => Field::FloatLeft(asset),
            Self::LineAmount => Field::LineAmount(asset),
            Self::Window(per, ms) => Field::Window(Window {
                of: Of::Amount(asset),
                per,
                ms,
            }),
        }
    }
}

fn wrong<T>(why: impl Into<String>, fix: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong {
        why: why.into(),
        fix: fix.into(),
    })
}

/// Reads a condition.
pub(super) fn read(
    text: &str,
    names: &mut Names,
    reference: Option<(AssetIx, u8)>,
) -> Result<Condition, Wrong> {
    let text = text.trim();
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || "_.+:-".contains(c)))
        .unwrap_or(text.len());
    let (path, rest) = text.split_at(end);
    let named = field(path)?;
    let (operator, value) = operator(rest.trim_start())?;
    let (field, test) = match named {
        Named::OfAsset(of) => of_asset(of, operator, value, names)?,
        Named::Field(field) => match field.kind() {
            Type::Choice(choice) => (field, choices(choice, operator, value, names)?),
            Type::Flag => (field, flag(operator, value)?),
            Type::Number => {
                let number = number(field, value, names, reference)?;
                (field, compare(operator, number)?)
            }
        },
    };
    Ok(Condition { field, test })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    AtLeast,
    Below,
    Equals,
    In,
}

fn operator(rest: &str) -> Result<(Operator, &str), Wrong> {
    let known = "conditions are compared with `>=`, `<`, `==` or `in`";
    let after = |operator, sign: &str| {
        let value = rest.strip_prefix(sign).unwrap_or_default().trim();
        match value.is_empty() {
            true => wrong(
                format!("compares with nothing behind `{sign}`"),
                "write the limit with its unit behind it",
            ),
            false => Ok((operator, value)),
        }
    };
    match rest {
        _ if rest.starts_with(">=") => after(Operator::AtLeast, ">="),
        _ if rest.starts_with("<=") => wrong(
            "compares with `<=`",
            format!("{known}: write `<` and the first value that is too much"),
        ),
        _ if rest.starts_with("==") => after(Operator::Equals, "=="),
        _ if rest.starts_with("!=") => wrong(
            "compares with `!=`",
            format!("{known}: name the members that are meant with `in`"),
        ),
        _ if rest.starts_with('<') => after(Operator::Below, "<"),
        _ if rest.starts_with('>') => wrong(
            "compares with `>`",
            format!("{known}: write `>=` and the first value that is meant"),
        ),
        _ if rest.starts_with("in") => after(Operator::In, "in"),
        _ => wrong("compares nothing", known),
    }
}

fn per(word: &str) -> Result<Per, Wrong> {
    let found = PERS.iter().find(|per| per.word() == word);
    found.copied().map_or_else(
        || {
            let known: Vec<&str> = PERS.iter().map(|per| per.word()).collect();
            wrong(
                format!("adds up for `{word}`, which is nothing that a window adds up for"),
                format!("use one of `{}`", known.join("`, `")),
            )
        },
        Ok,
    )
}

fn deposits(word: &str) -> Result<Deposits, Wrong> {
    let found = DEPOSITS.iter().find(|of| of.word() == word);
    found.copied().map_or_else(
        || {
            wrong(
                format!("looks at deposits of `{word}`"),
                "use `money` (no network), `virtual` (of a network) or `any`",
            )
        },
        Ok,
    )
}

fn window(text: &str) -> Result<u64, Wrong> {
    match unit::duration(text) {
        Ok(0) => wrong("has a window of no length", "write a window such as `24h`"),
        Ok(ms) => Ok(ms),
        Err(cause) => wrong(
            format!("has a window `{text}` that {}", cause.why),
            cause.fix,
        ),
    }
}

/// Minutes east of UTC: `+09:00`.
fn zone(text: &str) -> Result<i16, Wrong> {
    let read = || {
        let (sign, rest) = match text.split_at_checked(1)? {
            ("+", rest) => (1, rest),
            ("-", rest) => (-1, rest),
            _ => return None,
        };
        let (hours, minutes) = rest.split_once(':')?;
        let two = |part: &str| {
            (part.len() == 2)
                .then(|| part.parse::<i16>().ok())
                .flatten()
        };
        let (hours, minutes) = (two(hours)?, two(minutes)?);
        (hours <= 14 && minutes < 60).then_some(sign * (hours * 60 + minutes))
    };
    read().map_or_else(
        || {
            wrong(
                format!("has a zone `{text}` that can't be read"),
                "write the hours and minutes east of UTC, such as `hour.+09:00` for Korea",
            )
        },
        Ok,
    )
}

fn field(path: &str) -> Result<Named, Wrong> {
    let parts: Vec<&str> = path.split('.').collect();
    let plain = |field| Ok(Named::Field(field));
    match parts.as_slice() {
        ["kind"] => plain(Field::Kind),
        ["asset"] => plain(Field::Asset),
        ["network"] => plain(Field::Network),
        ["wallet"] => plain(Field::Wallet),
        ["wallet_kind"] => plain(Field::WalletTier),
        ["campaign"] => plain(Field::Campaign),
        ["amount"] => Ok(Named::OfAsset(OfAsset::Amount)),
        ["value"] => plain(Field::Value),
        ["amount", of, length] => Ok(Named::OfAsset(OfAsset::Window(per(of)?, window(length)?))),
        ["count", of, length] => windowed(Of::Count, of, length),
        ["value", of, length] => windowed(Of::Value, of, length),
        ["customer_age"] => plain(Field::CustomerAge),
        ["first_deposit_age", of] => plain(Field::FirstDepositAge(deposits(of)?)),
        ["last_deposit_age", of] => plain(Field::LastDepositAge(deposits(of)?)),
        ["deposited_value", of, length] => plain(Field::DepositedValue {
            of: deposits(of)?,
            ms: window(length)?,
        }),
        ["deposit_drawn", of, length] => plain(Field::DepositDrawn {
            of: deposits(of)?,
            ms: window(length)?,
        }),
        ["destination_age"] => plain(Field::DestinationAge),
        ["destination_listed"] => plain(Field::DestinationListed),
        ["destination_own"] => plain(Field::DestinationOwn),
        ["float_left"] => Ok(Named::OfAsset(OfAsset::FloatLeft)),
        ["float_left_bps"] => plain(Field::FloatLeftBps),
        ["hour", offset] => plain(Field::Hour {
            offset_minutes: zone(offset)?,
        }),
        ["price_age"] => plain(Field::PriceAge),
        ["price_move_bps"] => plain(Field::PriceMove),
        ["line_amount"] => Ok(Named::OfAsset(OfAsset::LineAmount)),
        ["line_value"] => plain(Field::LineValue),
        _ => no_field(path, parts.first().copied().unwrap_or_default()),
    }
}

fn windowed(of: Of, per_word: &str, length: &str) -> Result<Named, Wrong> {
    Ok(Named::Field(Field::Window(Window {
        of,
        per: per(per_word)?,
        ms: window(length)?,
    })))
}

fn no_field(path: &str, first: &str) -> Result<Named, Wrong> {
    if path.is_empty() {
        return wrong(
            "names no field",
            "write field, comparison and limit, such as `value >= 50,000,000 KRW`",
        );
    }
    let fix = match nearest(first, WORDS.iter().copied()) {
        Some(near) if near != first => format!("did you mean `{near}`? fields are {FIELDS}"),
        _ => format!("fields are {FIELDS}"),
    };
    wrong(format!("looks at `{path}`, which is no field"), fix)
}

fn compare(operator: Operator, number: u128) -> Result<Test, Wrong> {
    match operator {
        Operator::AtLeast => Ok(Test::AtLeast(number)),
        Operator::Below => Ok(Test::Below(number)),
        Operator::Equals => Ok(Test::Equals(number)),
        Operator::In => wrong(
            "compares a number with `in`",
            "a number is compared with `>=`, `<` or `==`",
        ),
    }
}

fn flag(operator: Operator, value: &str) -> Result<Test, Wrong> {
    match (operator, value) {
        (Operator::Equals, "true") => Ok(Test::Is(true)),
        (Operator::Equals, "false") => Ok(Test::Is(false)),
        _ => wrong(
            "compares a yes or no with something else",
            "write `== true` or `== false`",
        ),
    }
}

fn of_asset(
    of: OfAsset,
    operator: Operator,
    value: &str,
    names: &Names,
) -> Result<(Field, Test), Wrong> {
    let (asset, units) = amount(value, names)?;
    Ok((of.of(asset), compare(operator, units)?))
}

/// An amount of a known asset: its number and minor units.
pub(super) fn amount(text: &str, names: &Names) -> Result<(AssetIx, u128), Wrong> {
    let (number, asset) = unit::parts(text)?;
    let Some((ix, decimals)) = names.asset(asset) else {
        return unknown_asset(asset, names);
    };
    Ok((ix, unit::units(number, asset, decimals)?))
}

/// Refuses an asset that nothing registers.
pub(super) fn unknown_asset<T>(asset: &str, names: &Names) -> Result<T, Wrong> {
    let known: Vec<&str> = names.assets().collect();
    let place = match names.is_registered() {
        true => "the journal registers",
        false => "`[assets]` of the file names",
    };
    let fix = match known.is_empty() {
        true => format!("{place} none: name it there first"),
        false => format!("{place} `{}`", known.join("`, `")),
    };
    wrong(format!("speaks of `{asset}`, which is no known asset"), fix)
}

fn number(
    field: Field,
    value: &str,
    names: &Names,
    reference: Option<(AssetIx, u8)>,
) -> Result<u128, Wrong> {
    match field.unit() {
        Unit::Reference => {
            let (asset, units) = amount(value, names)?;
            match reference {
                Some((known, _)) if known == asset => Ok(units),
                Some((known, _)) => wrong(
                    format!("values in `{}`", names.asset_id(asset)),
                    format!(
                        "values are told in the reference currency `{}`",
                        names.asset_id(known)
                    ),
                ),
                None => wrong(
                    "values in a currency",
                    "write `reference = \"KRW\"` at the top first",
                ),
            }
        }
        Unit::Ms => unit::duration(value).map(u128::from),
        Unit::Bps => unit::share(value).map(u128::from),
        Unit::Count => count(value, "requests"),
        Unit::Hour => {
            let hour = count(value, "h")?;
            match hour < 24 {
                true => Ok(hour),
                false => wrong("names an hour that no day has", "write `0h` to `23h`"),
            }
        }
        Unit::Minor(_) | Unit::None => amount(value, names).map(|(_, units)| units),
    }
}

fn count(value: &str, unit: &str) -> Result<u128, Wrong> {
    let digits = value.strip_suffix(unit).map(str::trim);
    let number = digits.and_then(|digits| digits.replace(',', "").parse().ok());
    number.map_or_else(
        || {
            wrong(
                format!("has a limit `{value}` without its unit"),
                format!(
                    "write a whole number of them, such as `10{}{unit}`",
                    if unit == "h" { "" } else { " " }
                ),
            )
        },
        Ok,
    )
}

fn choices(
    choice: Choice,
    operator: Operator,
    value: &str,
    names: &mut Names,
) -> Result<Test, Wrong> {
    let list = match operator {
        Operator::In => value
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']')),
        Operator::Equals => Some(value),
        Operator::AtLeast | Operator::Below => {
            return wrong(
                format!("compares one of the {} by size", choice.word()),
                "write `in [A, B]` or `== A`",
            );
        }
    };
    let Some(list) = list else {
        return wrong(
            format!("has no list behind `in`: `{value}`"),
            "write the members in square brackets: `in [A, B]`",
        );
    };
    let words: Vec<&str> = list.split(',').map(str::trim).collect();
    for (place, word) in words.iter().enumerate() {
        if word.is_empty() {
            return wrong("has an empty member", "name at least one, parted by commas");
        }
        if words.iter().take(place).any(|before| before == word) {
            return wrong(format!("names `{word}` twice"), "keep it once");
        }
    }
    members(choice, &words, names).map(Test::In)
}

fn members(choice: Choice, words: &[&str], names: &mut Names) -> Result<Members, Wrong> {
    let owned = || words.iter().map(|word| (*word).to_owned()).collect();
    Ok(match choice {
        Choice::Kinds => Members::Kinds(each(words, &RequestKind::ALL, |kind| kind.word())?),
        Choice::Tiers => Members::Tiers(each(words, &Tier::ALL, |tier| tier.code())?),
        Choice::Assets => {
            let mut found = Vec::new();
            for word in words {
                match names.asset(word) {
                    Some((ix, _)) => found.push(ix),
                    None => return unknown_asset(word, names),
                }
            }
            Members::Assets(found)
        }
        Choice::Wallets => {
            let mut found = Vec::new();
            for word in words {
                match names.wallet(word) {
                    Some(ix) => found.push(ix),
                    None => return unknown_wallet(word, names),
                }
            }
            Members::Wallets(found)
        }
        Choice::Networks => {
            let known = names.networks();
            let missing = words
                .iter()
                .find(|word| names.is_registered() && !known.contains(**word));
            if let Some(missing) = missing {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                return wrong(
                    format!("speaks of `{missing}`, which is the network of no registered asset"),
                    format!("networks are `{}`", known.join("`, `")),
                );
            }
            Members::Networks(owned())
        }
        Choice::Campaigns => Members::Campaigns(owned()),
    })
}

/// Refuses a wallet that nothing registers.
pub(super) fn unknown_wallet<T>(wallet: &str, names: &Names) -> Result<T, Wrong> {
    wrong(
        format!("speaks of `{wallet}`, which is no registered wallet"),
        match names.wallets() {
            [] => String::from("no wallet is registered yet"),
            known => format!("registered are `{}`", known.join("`, `")),
        },
    )
}

fn each<T: Copy>(
    words: &[&str],
    all: &[T],
    name: impl Fn(&T) -> &'static str,
) -> Result<Vec<T>, Wrong> {
    let mut found = Vec::new();
    for word in words {
        match all.iter().find(|one| name(one) == *word) {
            Some(one) => found.push(*one),
            None => {
                let known: Vec<&str> = all.iter().map(&name).collect();
                return wrong(
                    format!("speaks of `{word}`"),
                    format!("use one of `{}`", known.join("`, `")),
                );
            }
        }
    }
    Ok(found)
}
