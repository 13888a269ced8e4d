//! Columns of a file as a table names them, and the faults of what stands in them.

use crate::fault::{Fault, shown};
use crate::profile::{AmountSpec, Made, Profile, Spec, Table, TimeSpec, Unit};
use crate::read::Record;
use crate::value::{AmountFault, TimeForm};
use sha2::Digest as _;

/// A column that is read: its name and its place in the list of selected columns.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) place: Option<usize>,
}

#[derive(Clone, Debug)]
pub(super) enum Text {
    Column(Column),
    Made {
        columns: Vec<Option<Column>>,
        made: Made,
    },
}

#[derive(Clone, Debug)]
pub(super) struct AmountColumn {
    pub(super) column: Column,
    pub(super) scale: Option<Column>,
    pub(super) spec: AmountSpec,
}

/// Gathers the columns to select.
pub(super) struct Wanted(pub(super) Vec<String>);

impl Wanted {
    pub(super) fn column(&mut self, name: &str) -> Column {
        let place = self
            .0
            .iter()
            .position(|known| known == name)
            .unwrap_or_else(|| {
                self.0.push(name.to_owned());
                self.0.len().saturating_sub(1)
            });
        Column {
            name: name.to_owned(),
            place: Some(place),
        }
    }

    pub(super) fn text(&mut self, spec: Option<&Spec>) -> Option<Text> {
        Some(match spec? {
            Spec::Column(name) => Text::Column(self.column(name)),
            Spec::Made(made) => {
                let all = made.column.iter().chain(&made.columns);
                let columns = all
                    .map(|name| (name != "$part").then(|| self.column(name)))
                    .collect();
                Text::Made {
                    columns,
                    made: made.clone(),
                }
            }
        })
    }

    pub(super) fn amount(&mut self, spec: Option<&AmountSpec>) -> Option<AmountColumn> {
        let spec = spec?;
        Some(AmountColumn {
            column: self.column(&spec.column),
            scale: spec.scale.as_deref().map(|name| self.column(name)),
            spec: spec.clone(),
        })
    }

    pub(super) fn time(&mut self, spec: Option<&TimeSpec>) -> Option<(Column, TimeForm)> {
        spec.map(|time| (self.column(&time.column), time.form))
    }
}

pub(super) fn field<'a>(column: &Column, record: &'a Record) -> &'a str {
    column
        .place
        .and_then(|place| record.field(place))
        .unwrap_or_default()
}

pub(super) fn fault_at(column: &Column, record: &Record, fault: Fault) -> Fault {
    let at = column.place.map_or(0, |place| record.column(place));
    fault
        .at(record.line, at)
        .field(&column.name, field(column, record))
}

pub(super) fn digest_into(text: &str, out: &mut String) {
    use std::fmt::Write as _;
    for byte in sha2::Sha256::digest(text.as_bytes()).iter().take(16) {
        // Writing to a string can't fail.
        let _always = write!(out, "{byte:02x}");
    }
}

pub(super) fn amount_fault(fault: AmountFault, unit: Unit, decimals: u8) -> Fault {
    let example = match unit {
        Unit::Base => String::from("write minor units in digits only, such as `150000`"),
        Unit::Decimal => {
            format!("write digits with at most {decimals} behind the point, such as `1.5`")
        }
    };
    let (code, reason) = match fault {
        AmountFault::Empty => ("amount", "the amount is empty"),
        AmountFault::Negative => ("negative_amount", "the amount is negative"),
        AmountFault::NotDigits => ("amount", "not an amount"),
        AmountFault::TooManyDecimals => (
            "too_many_decimals",
            "it has more decimal places than the asset",
        ),
        AmountFault::TooLarge => (
            "amount_too_large",
            "it is larger than any amount, 2^128 - 1 minor units",
        ),
    };
    Fault::of_row(code, reason, example)
}

pub(super) fn no_table(
    profile: &Profile,
    (nearest, lacking): (Option<&Table>, Vec<String>),
) -> Fault {
    let Some(table) = nearest else {
        let reason = format!("profile `{}` reads no file of this form", profile.name);
        return Fault::of_file(
            "format",
            reason,
            "use another profile, or a mapping of your own (docs/import.md)",
        );
    };
    let lacking: Vec<String> = lacking
        .iter()
        .map(|name| format!("`{}`", shown(name)))
        .collect();
    let reason = format!(
        "no table of profile `{}` fits the header; the nearest is `{}`, for which {} {} missing",
        profile.name,
        table.name,
        lacking.join(", "),
        if lacking.len() == 1 { "is" } else { "are" },
    );
    Fault::of_file(
        "header",
        reason,
        "name the columns so, or write a mapping (docs/import.md)",
    )
    .at(1, 0)
}
