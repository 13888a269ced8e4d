//! The parts of a movement, each read out of its columns: id, accounts, asset, amount, moment, kind.

use super::Mapper;
use super::columns::{AmountColumn, Text, amount_fault, digest_into, fault_at, field};
use crate::fault::{Fault, shown};
use crate::names;
use crate::profile::Unit;
use crate::read::{Format, Record};
use crate::value::{TimeForm, base_units, decimal_units};
use keepwhole_core::book::MovementKind;
use keepwhole_core::registry::OUTSIDE_NAME;

impl Mapper {
    pub(super) fn id_into(&self, record: &Record, out: &mut String) -> Result<(), Fault> {
        self.text_into(&self.id, record, out)?;
        names::name(out, "the id").map_err(|fault| self.at(self.id.as_ref(), record, fault))
    }

    pub(super) fn account_into(
        &self,
        text: &Option<Text>,
        record: &Record,
        out: &mut String,
    ) -> Result<(), Fault> {
        let mapped = match text {
            Some(Text::Column(column)) => {
                let theirs = self.unguarded(field(column, record));
                names::account(&self.names, &self.known.house, theirs, out)
            }
            _ => {
                let theirs = self.text_of(text, record, "account")?;
                match theirs.as_str() {
                    "$house" => {
                        out.clear();
                        out.push_str(&self.known.house);
                        Ok(())
                    }
                    "$outside" => {
                        out.clear();
                        out.push_str(OUTSIDE_NAME);
                        Ok(())
                    }
                    theirs => names::account(&self.names, &self.known.house, theirs, out),
                }
            }
        };
        mapped.map_err(|fault| self.at(text.as_ref(), record, fault))
    }

    /// Writes our name of the asset and gives its decimals.
    pub(super) fn asset_into(
        &self,
        text: &Option<Text>,
        record: &Record,
        out: &mut String,
    ) -> Result<u8, Fault> {
        match text {
            Some(Text::Column(column)) => {
                names::asset(&self.names, self.unguarded(field(column, record)), out)
            }
            _ => names::asset(&self.names, &self.text_of(text, record, "asset")?, out),
        }
        if let Some(decimals) = self.known.assets.get(out.as_str()) {
            return Ok(*decimals);
        }
        let fix = "register it first (docs/import.md, \"Assets\"), or give its registered name in `[names.assets]` of a mapping";
        let reason = format!("no asset `{}` is registered", shown(out));
        Err(self.at(
            text.as_ref(),
            record,
            Fault::of_row("unknown_asset", reason, fix),
        ))
    }

    /// Minor units, and false where a minus sign stood before them.
    pub(super) fn units(
        &self,
        amount: Option<&AmountColumn>,
        record: &Record,
        decimals: u8,
    ) -> Result<(u128, bool), Fault> {
        let Some(AmountColumn {
            column,
            scale,
            spec,
        }) = amount
        else {
            return Ok((0, true));
        };
        if let Some(scale) = scale {
            let said = field(scale, record);
            if said.parse::<u8>().ok() != Some(decimals) || said.starts_with('+') {
                let reason = format!("the asset is registered with {decimals} decimals");
                let fix = "write that scale and the amount to match, or find out which of the two is wrong";
                return Err(fault_at(scale, record, Fault::of_row("scale", reason, fix)));
            }
        }
        let text = field(column, record);
        let (digits, positive) = match text.strip_prefix('-') {
            Some(digits) if spec.signed => (digits, false),
            _ => (text, true),
        };
        let units = match spec.unit {
            Unit::Base => base_units(digits),
            Unit::Decimal => decimal_units(digits, decimals, spec.exponent),
        };
        match units {
            Ok(units) => Ok((units, positive)),
            Err(fault) => Err(fault_at(
                column,
                record,
                amount_fault(fault, spec.unit, decimals),
            )),
        }
    }

    pub(super) fn moment(&mut self, record: &Record) -> Result<u64, Fault> {
        let Some((column, form)) = &self.time else {
            return Ok(0);
        };
        let text = field(column, record);
        // Parquet's own timestamps come as RFC 3339, whatever form the text of other files has.
        let again = || {
            (self.format == Format::Parquet)
                .then(|| TimeForm::Rfc3339.millis(text))
                .flatten()
        };
        let Some(millis) = form.millis(text).or_else(again) else {
            let fix = format!("write it like {}", form.example());
            let reason = "not a moment from 1970 to 9999 in the form of the profile";
            return Err(fault_at(column, record, Fault::of_row("time", reason, fix)));
        };
        if self.table.ordered && millis < self.last_time {
            let reason = "the row is dated before the row above it";
            let fix = "sort the file by time, or leave the order open (`ordered = false`, no `--ordered`)";
            return Err(fault_at(
                column,
                record,
                Fault::of_row("time_goes_back", reason, fix),
            ));
        }
        self.last_time = millis;
        Ok(millis)
    }

    pub(super) fn kind_of(&self, record: &Record) -> Result<Option<MovementKind>, Fault> {
        let word = match &self.kind {
            None => return Ok(None),
            Some(Text::Column(column)) => std::borrow::Cow::Borrowed(field(column, record)),
            Some(_) => std::borrow::Cow::Owned(self.text_of(&self.kind, record, "kind")?),
        };
        if word.is_empty() {
            return Ok(None);
        }
        if let Some(kind) = names::kind_of(&word) {
            return Ok(Some(kind));
        }
        let known: Vec<&str> = names::KINDS.iter().map(|(word, _)| *word).collect();
        let fix = format!("use one of {}, or map the word to one", known.join(", "));
        Err(self.at(
            self.kind.as_ref(),
            record,
            Fault::of_row("kind", "no such kind of movement", fix),
        ))
    }

    pub(super) fn zero(&self, record: &Record) -> Fault {
        let fault = Fault::of_row(
            "zero_amount",
            "the row moves nothing",
            "leave such rows out",
        );
        match self.amount.as_ref().or(self.credit.as_ref()) {
            Some(amount) => fault_at(&amount.column, record, fault),
            None => fault.at(record.line, 0),
        }
    }

    pub(super) fn text_of(
        &self,
        text: &Option<Text>,
        record: &Record,
        what: &'static str,
    ) -> Result<String, Fault> {
        let mut out = String::new();
        self.text_into(text, record, &mut out).map_err(|fault| {
            if fault.field.is_empty() {
                fault.field(what, "")
            } else {
                fault
            }
        })?;
        Ok(out)
    }

    pub(super) fn text_into(
        &self,
        text: &Option<Text>,
        record: &Record,
        out: &mut String,
    ) -> Result<(), Fault> {
        out.clear();
        let (columns, made) = match text {
            None => return Ok(()),
            Some(Text::Column(column)) => {
                out.push_str(self.unguarded(field(column, record)));
                return Ok(());
            }
            Some(Text::Made { columns, made }) => (columns, made),
        };
        if let Some(constant) = &made.constant {
            out.push_str(constant);
            return Ok(());
        }
        for (place, column) in columns.iter().enumerate() {
            if place > 0 {
                out.push_str(&made.join);
            }
            match column {
                Some(column) => out.push_str(field(column, record)),
                None => out.push_str(&record.part.to_string()),
            }
        }
        if let Some(ours) = made.map.get(out.as_str()) {
            ours.clone_into(out);
        } else if let Some(default) = &made.default
            && (!made.map.is_empty() || out.is_empty())
        {
            default.clone_into(out);
        } else if !made.map.is_empty() {
            let known: Vec<&str> = made.map.keys().map(String::as_str).collect();
            let fix = format!(
                "use one of {}, or map the word in a mapping",
                known.join(", ")
            );
            return Err(self.at(
                text.as_ref(),
                record,
                Fault::of_row("unknown_word", "the profile has no meaning for it", fix),
            ));
        }
        if made.digest {
            let whole = std::mem::take(out);
            digest_into(&whole, out);
        }
        if !made.prefix.is_empty() {
            out.insert_str(0, &made.prefix);
        }
        Ok(())
    }

    /// The text without the apostrophe that an export put before it.
    pub(super) fn unguarded<'t>(&self, text: &'t str) -> &'t str {
        let guarded = self.names.guarded && self.format == Format::Csv;
        match text.strip_prefix('\'') {
            Some(rest) if guarded && crate::write::begins_formula(rest) => rest,
            _ => text,
        }
    }

    /// Puts place, field and value of the text's first column into a fault.
    pub(super) fn at(&self, text: Option<&Text>, record: &Record, fault: Fault) -> Fault {
        let column = match text {
            Some(Text::Column(column)) => Some(column),
            Some(Text::Made { columns, .. }) => columns.iter().flatten().next(),
            None => None,
        };
        match column {
            Some(column) => fault_at(column, record, fault),
            None => fault.at(record.line, 0),
        }
    }
}
