//! Profiles: what the columns of a back end's files mean, as data. The form is described in docs/import.md.

use crate::read::Format;
use crate::value::TimeForm;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The profiles that come with the program, by name: the files in `profiles/`.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("formance", include_str!("../../../profiles/formance.toml")),
    ("generic", include_str!("../../../profiles/generic.toml")),
    ("hollaex", include_str!("../../../profiles/hollaex.toml")),
    ("peatio", include_str!("../../../profiles/peatio.toml")),
    (
        "tigerbeetle",
        include_str!("../../../profiles/tigerbeetle.toml"),
    ),
];

/// The form of profile files that this program reads.
pub const SCHEMA: &str = "keepwhole-profile/1";

/// Why a profile can't be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProfileError {
    /// No such profile.
    #[error("no profile `{name}`; there are {}", .known.join(", "))]
    Unknown {
        /// The name given.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// The text is no profile.
    #[error("{0}; docs/import.md has the form")]
    Malformed(String),
}

/// A profile.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Its name.
    pub name: String,
    /// What it reads, in one line.
    pub title: String,
    /// Where the columns' names and meanings are from.
    #[serde(default)]
    pub sources: Vec<String>,
    /// How their names become ours.
    #[serde(default)]
    pub names: Names,
    /// The kinds of files. The first whose required columns a file has reads it.
    #[serde(rename = "table")]
    pub tables: Vec<Table>,
    /// SHA-256 of the text, the first 8 bytes in hexadecimal: part of every command id of an import.
    #[serde(skip)]
    pub digest: String,
}

/// How their names become ours.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// Put before each account's name.
    #[serde(default)]
    pub account_prefix: String,
    /// True where an apostrophe before a character that begins a formula was put there for spreadsheets' sake (CSV).
    #[serde(default)]
    pub guarded: bool,
    /// Accounts that are the exchange's own; an ending `*` stands for any rest.
    #[serde(default)]
    pub house: Vec<String>,
    /// Accounts that stand for the outside; an ending `*` stands for any rest.
    #[serde(default)]
    pub outside: Vec<String>,
    /// Their asset's name to ours.
    #[serde(default)]
    pub assets: BTreeMap<String, String>,
    /// Letter case of assets that are not listed.
    #[serde(default)]
    pub asset_case: AssetCase,
    /// What happens to owners that are not registered.
    #[serde(default)]
    pub owners: UnknownOwners,
}

/// Letter case of assets' names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssetCase {
    /// As they stand.
    #[default]
    Keep,
    /// In capitals.
    Upper,
}

/// What happens to owners that are not registered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownOwners {
    /// They are registered, and counted.
    #[default]
    Register,
    /// Their rows are refused.
    Refuse,
}

/// What a kind of file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// Two-sided movements: from, to.
    Transfers,
    /// One-sided operations: an account is debited or credited.
    Operations,
    /// Opening balances.
    Balances,
    /// Accounts.
    Accounts,
    /// Assets.
    Assets,
}

/// A kind of file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub holds: Holds,
    /// Forms in which it comes; all if none is named.
    #[serde(default)]
    pub formats: Vec<Format>,
    /// Columns that a file must have beside those that are read, to tell kinds apart.
    #[serde(default)]
    pub marks: Vec<String>,
    /// True where each row must be dated no earlier than the row before.
    #[serde(default)]
    pub ordered: bool,
    /// Columns that together name a transaction; rows of one stand one after the other.
    #[serde(default)]
    pub group: Vec<String>,
    /// What the columns mean.
    pub columns: Columns,
    /// The other side of what a transaction's rows leave open.
    pub rest: Option<Spec>,
    /// A fee, moved besides.
    pub fee: Option<Fee>,
    /// Rows that move nothing and are left out, counted.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
}

/// What the columns mean; which are needed depends on what the table holds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// Id of the transfer: unique for good.
    pub id: Option<Spec>,
    /// Taken from.
    pub from: Option<Spec>,
    /// Given to.
    pub to: Option<Spec>,
    /// The account.
    pub account: Option<Spec>,
    /// `debit` or `credit`, seen from what is owed: a credit raises what the account is owed.
    pub direction: Option<Spec>,
    /// The asset.
    pub asset: Option<Spec>,
    /// How much.
    pub amount: Option<AmountSpec>,
    /// How much was debited, in a column of its own.
    pub debit: Option<AmountSpec>,
    /// How much was credited, in a column of its own.
    pub credit: Option<AmountSpec>,
    /// Why: a word of docs/import.md.
    pub kind: Option<Spec>,
    /// When the exchange dates it.
    pub time: Option<TimeSpec>,
    /// Decimals of an asset.
    pub decimals: Option<Spec>,
    /// Network of an asset; empty for money.
    pub network: Option<Spec>,
    /// Confirmations of an asset.
    pub confirmations: Option<Spec>,
}

/// Where a text comes from.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Spec {
    /// A column.
    Column(String),
    /// More than a column.
    Made(Made),
}

/// A text that is made of columns, or constant.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// A column.
    pub column: Option<String>,
    /// Several columns, joined; `$part` is the place in a line's array.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Stands between joined columns.
    #[serde(default)]
    pub join: String,
    /// The same text for every row.
    pub constant: Option<String>,
    /// Put before it.
    #[serde(default)]
    pub prefix: String,
    /// Their word to ours; a word that is not listed is refused unless there is a default.
    #[serde(default)]
    pub map: BTreeMap<String, String>,
    /// For words that are not listed, or where the column is empty.
    pub default: Option<String>,
    /// True where a file may lack the column.
    #[serde(default)]
    pub optional: bool,
    /// True to use the first 16 bytes of the SHA-256 of the text, in hexadecimal, for ids that are too long.
    #[serde(default)]
    pub digest: bool,
}

/// How an amount stands.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AmountSpec {
    /// The column.
    pub column: String,
    /// Minor units or whole units with a point.
    #[serde(default)]
    pub unit: Unit,
    /// Column that says with how many decimals; it must say what the asset is registered with.
    pub scale: Option<String>,
    /// True where a minus sign means a debit.
    #[serde(default)]
    pub signed: bool,
    /// True where `1e-8` may stand for a small number.
    #[serde(default)]
    pub exponent: bool,
}

/// The unit of an amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Minor units, digits only.
    #[default]
    Base,
    /// Whole units with a point.
    Decimal,
}

/// How a moment stands.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeSpec {
    /// The column.
    pub column: String,
    /// Its form.
    #[serde(default)]
    pub form: TimeForm,
}

/// A fee that a row takes besides.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fee {
    /// How much; nothing or zero is no fee.
    pub amount: AmountSpec,
    /// In which asset; that of the row if absent or empty.
    pub asset: Option<Spec>,
    /// Who gets it: `house` or `outside`.
    #[serde(default = "house")]
    pub to: String,
    /// From rows whose direction is this; from all if absent.
    pub only: Option<String>,
}

fn house() -> String {
    String::from("house")
}

/// Rows that move nothing.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// The column that tells.
    pub column: String,
    /// Rows with one of these values are left out.
    #[serde(default)]
    pub values: Vec<String>,
    /// Rows with any other value than these are left out.
    #[serde(default)]
    pub except: Vec<String>,
    /// Rows whose whole number has one of these bits are left out.
    #[serde(default)]
    pub bits: u64,
    /// Why, for the summary.
    pub why: String,
}

impl Profile {
    /// A profile that comes with the program.
    ///
    /// # Errors
    /// [`ProfileError::Unknown`].
    pub fn built_in(name: &str) -> Result<Self, ProfileError> {
        match BUILT_IN.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => Self::parse(text),
            None => Err(ProfileError::Unknown {
                name: name.to_owned(),
                known: BUILT_IN
                    .iter()
                    .map(|(known, _)| format!("`{known}`"))
                    .collect(),
            }),
        }
    }

    /// Reads a profile or mapping file.
    ///
    /// # Errors
    /// [`ProfileError::Malformed`] with line and cause.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        use sha2::Digest as _;
        let mut profile: Self = toml::from_str(text).map_err(|error| {
            ProfileError::Malformed(error.to_string().trim_end().replace('\n', " "))
        })?;
        if profile.schema != SCHEMA {
            let said = format!("`schema` is `{}` and must be `{SCHEMA}`", profile.schema);
            return Err(ProfileError::Malformed(said));
        }
        if profile.tables.is_empty() {
            return Err(ProfileError::Malformed(String::from(
                "a profile needs at least one `[[table]]`",
            )));
        }
        for table in &profile.tables {
            table.complete()?;
        }
        let digest = sha2::Sha256::digest(text.as_bytes());
        profile.digest = digest
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok(profile)
    }

    /// The table that reads a file with these columns.
    ///
    /// # Errors
    /// The names of columns that the nearest table lacks.
    pub fn table_for(
        &self,
        format: Format,
        header: &[String],
    ) -> Result<&Table, (Option<&Table>, Vec<String>)> {
        let lacks = |table: &Table| -> Vec<String> {
            let needed = table.needed();
            needed
                .into_iter()
                .filter(|name| !header.contains(name))
                .collect()
        };
        let mut nearest: Option<(&Table, Vec<String>)> = None;
        for table in &self.tables {
            if !table.formats.is_empty() && !table.formats.contains(&format) {
                continue;
            }
            let missing = lacks(table);
            if missing.is_empty() {
                return Ok(table);
            }
            let have = |table: &Table, missing: usize| table.needed().len().saturating_sub(missing);
            let better = nearest.as_ref().is_none_or(|(other, lacking)| {
                have(table, missing.len()) > have(other, lacking.len())
            });
            if better {
                nearest = Some((table, missing));
            }
        }
        Err(nearest.map_or((None, Vec::new()), |(table, missing)| {
            (Some(table), missing)
        }))
    }
}

impl Spec {
    /// Columns that a file must have for it.
    fn needed(&self, names: &mut Vec<String>) {
        match self {
            Self::Column(name) => names.push(name.clone()),
            Self::Made(made) if made.optional => {}
            Self::Made(made) => {
                let all = made.column.iter().chain(&made.columns);
                names.extend(all.filter(|name| *name != "$part").cloned());
            }
        }
    }
}

impl Table {
    /// Columns that a file must have to be of this kind.
    #[must_use]
    pub fn needed(&self) -> Vec<String> {
        let columns = &self.columns;
        let mut names = self.marks.clone();
        let specs = [
            &columns.id,
            &columns.from,
            &columns.to,
            &columns.account,
            &columns.direction,
            &columns.asset,
            &columns.kind,
            &columns.decimals,
            &columns.network,
            &columns.confirmations,
            &self.rest,
        ];
        for spec in specs.into_iter().flatten() {
            spec.needed(&mut names);
        }
        for amount in [&columns.amount, &columns.debit, &columns.credit]
            .into_iter()
            .flatten()
        {
            names.push(amount.column.clone());
            names.extend(amount.scale.clone());
        }
        names.extend(columns.time.iter().map(|time| time.column.clone()));
        names.extend(self.group.iter().cloned());
        names.extend(self.left_out.iter().map(|rule| rule.column.clone()));
        names.extend(self.fee.iter().map(|fee| fee.amount.column.clone()));
        names.sort();
        names.dedup();
        names
    }

    fn complete(&self) -> Result<(), ProfileError> {
        let c = &self.columns;
        let amount = c.amount.is_some();
        let sides = c.debit.is_some() && c.credit.is_some();
        let signed = c.amount.as_ref().is_some_and(|amount| amount.signed);
        let missing = match self.holds {
            Holds::Transfers => [
                ("id", c.id.is_some()),
                ("from", c.from.is_some()),
                ("to", c.to.is_some()),
                ("asset", c.asset.is_some()),
                ("amount", amount),
                ("time", c.time.is_some()),
            ]
            .to_vec(),
            Holds::Operations => [
                ("id", c.id.is_some()),
                ("account", c.account.is_some()),
                ("asset", c.asset.is_some()),
                ("time", c.time.is_some()),
                ("amount", amount || sides),
                ("direction", sides || signed || c.direction.is_some()),
            ]
            .to_vec(),
            Holds::Balances => [
                ("account", c.account.is_some()),
                ("asset", c.asset.is_some()),
                ("amount", amount),
                ("time", c.time.is_some()),
            ]
            .to_vec(),
            Holds::Accounts => [("account", c.account.is_some())].to_vec(),
            Holds::Assets => [
                ("asset", c.asset.is_some()),
                ("decimals", c.decimals.is_some()),
            ]
            .to_vec(),
        };
        match missing.iter().find(|(_, there)| !there) {
            None => Ok(()),
            Some((name, _)) => Err(ProfileError::Malformed(format!(
                "table `{}` has no `columns.{name}`",
                self.name
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_profile_reads_names_its_sources_and_bears_its_own_name() {
        for (name, _) in BUILT_IN {
            let profile = Profile::built_in(name).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(&profile.name, name);
            assert!(!profile.sources.is_empty(), "{name}");
        }
    }
}
