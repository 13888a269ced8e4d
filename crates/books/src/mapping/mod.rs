//! Records to movements, as a profile's table says. Every refusal names line, column, field, value, reason and fix.

mod columns;
mod parts;

use crate::fault::Fault;
use crate::names;
use crate::profile::{Holds, LeftOut, Profile, Table};
use crate::read::{Format, Reader, Record};
use crate::value::{TimeForm, base_units};
use columns::{AmountColumn, Column, Text, Wanted, digest_into, fault_at, field, no_table};
use keepwhole_core::book::MovementKind;
use keepwhole_core::registry::{Asset, OUTSIDE_NAME};
use std::collections::BTreeMap;

/// What mapping must know of the ledger.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Decimals of registered assets.
    pub assets: BTreeMap<String, u8>,
    /// The exchange's own account.
    pub house: String,
}

/// A movement between two owners.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Movement {
    /// Id of the transfer.
    pub id: String,
    /// Taken from.
    pub from: String,
    /// Given to.
    pub to: String,
    /// Asset.
    pub asset: String,
    /// Minor units; never zero.
    pub units: u128,
    /// Why; by direction if `None`.
    pub kind: Option<MovementKind>,
    /// When, ms since the epoch.
    pub effective: u64,
}

impl Movement {
    /// Why, as it is recorded.
    #[must_use]
    pub fn kind(&self) -> MovementKind {
        self.kind
            .unwrap_or_else(|| names::kind_between(&self.from, &self.to))
    }
}

/// The other side of what a transaction's rows leave open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rest {
    /// It entered or left the books.
    Outside,
    /// The exchange itself.
    House,
    /// Nobody: the transaction is refused.
    #[default]
    Refuse,
}

/// A one-sided operation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) asset: String,
    pub(crate) units: u128,
    pub(crate) credit: bool,
    pub(crate) kind: Option<MovementKind>,
    pub(crate) effective: u64,
    pub(crate) rest: Rest,
    pub(crate) fee: Option<Movement>,
}

/// What a record says.
#[derive(Debug)]
pub(crate) enum Said {
    Movement,
    Operation(Box<Operation>),
    Account {
        name: String,
        house: bool,
    },
    Asset(Asset),
    /// Left out by the rule of that number.
    LeftOut(usize),
    /// An opening balance of zero.
    Nothing,
}

/// Maps the records of one file.
#[derive(Debug)]
pub struct Mapper {
    names: crate::profile::Names,
    table: Table,
    known: Known,
    format: Format,
    id: Option<Text>,
    from: Option<Text>,
    to: Option<Text>,
    account: Option<Text>,
    direction: Option<Text>,
    asset: Option<Text>,
    kind: Option<Text>,
    decimals: Option<Text>,
    network: Option<Text>,
    confirmations: Option<Text>,
    rest: Option<Text>,
    fee_asset: Option<Text>,
    amount: Option<AmountColumn>,
    debit: Option<AmountColumn>,
    credit: Option<AmountColumn>,
    fee: Option<AmountColumn>,
    time: Option<(Column, TimeForm)>,
    group: Vec<Column>,
    left_out: Vec<(Column, LeftOut)>,
    /// Time of the row before, for ordered files.
    last_time: u64,
    /// The movement that the last record said.
    pub(crate) movement: Movement,
}

impl Mapper {
    /// Finds the profile's table for the file and its columns in it.
    ///
    /// # Errors
    /// A [`Fault`] that names the columns that the file lacks.
    pub fn new(profile: &Profile, reader: &mut Reader, known: Known) -> Result<Self, Fault> {
        let format = reader.format();
        let table = profile
            .table_for(format, reader.header())
            .map_err(|lacking| no_table(profile, lacking))?;
        let mut wanted = Wanted(Vec::new());
        let c = &table.columns;
        let mut mapper = Self {
            id: wanted.text(c.id.as_ref()),
            from: wanted.text(c.from.as_ref()),
            to: wanted.text(c.to.as_ref()),
            account: wanted.text(c.account.as_ref()),
            direction: wanted.text(c.direction.as_ref()),
            asset: wanted.text(c.asset.as_ref()),
            kind: wanted.text(c.kind.as_ref()),
            decimals: wanted.text(c.decimals.as_ref()),
            network: wanted.text(c.network.as_ref()),
            confirmations: wanted.text(c.confirmations.as_ref()),
            rest: wanted.text(table.rest.as_ref()),
            fee_asset: wanted.text(table.fee.as_ref().and_then(|fee| fee.asset.as_ref())),
            amount: wanted.amount(c.amount.as_ref()),
            debit: wanted.amount(c.debit.as_ref()),
            credit: wanted.amount(c.credit.as_ref()),
            fee: wanted.amount(table.fee.as_ref().map(|fee| &fee.amount)),
            time: wanted.time(c.time.as_ref()),
            group: table.group.iter().map(|name| wanted.column(name)).collect(),
            left_out: table
                .left_out
                .iter()
                .map(|rule| (wanted.column(&rule.column), rule.clone()))
                .collect(),
            names: profile.names.clone(),
            table: table.clone(),
            known,
            format,
            last_time: 0,
            movement: Movement::default(),
        };
        let places = reader.select(&wanted.0);
        mapper.resolve(&places);
        Ok(mapper)
    }

    /// Turns places in the list of wanted columns into places in records.
    fn resolve(&mut self, places: &[Option<usize>]) {
        let fix = |column: &mut Column| {
            column.place = column
                .place
                .and_then(|place| places.get(place).copied().flatten());
        };
        let texts = [
            &mut self.id,
            &mut self.from,
            &mut self.to,
            &mut self.account,
            &mut self.direction,
            &mut self.asset,
            &mut self.kind,
            &mut self.decimals,
            &mut self.network,
            &mut self.confirmations,
            &mut self.rest,
            &mut self.fee_asset,
        ];
        for text in texts.into_iter().flatten() {
            match text {
                Text::Column(column) => fix(column),
                Text::Made { columns, .. } => columns.iter_mut().flatten().for_each(fix),
            }
        }
        for amount in [
            &mut self.amount,
            &mut self.debit,
            &mut self.credit,
            &mut self.fee,
        ]
        .into_iter()
        .flatten()
        {
            fix(&mut amount.column);
            amount.scale.iter_mut().for_each(fix);
        }
        self.time.iter_mut().for_each(|(column, _)| fix(column));
        self.group.iter_mut().for_each(fix);
        self.left_out.iter_mut().for_each(|(column, _)| fix(column));
    }

    /// What the file holds.
    #[must_use]
    pub const fn holds(&self) -> Holds {
        self.table.holds
    }

    /// The table's name.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table.name
    }

    /// Why rows are left out, in the order of the rules.
    #[must_use]
    pub fn left_out(&self) -> Vec<String> {
        self.table
            .left_out
            .iter()
            .map(|rule| rule.why.clone())
            .collect()
    }

    pub(crate) fn is_plain(&self) -> bool {
        let arrays =
            |text: &Option<Text>| matches!(text, Some(Text::Column(c)) if c.name.contains("[]."));
        matches!(self.table.holds, Holds::Transfers | Holds::Balances)
            && !arrays(&self.from)
            && !arrays(&self.to)
    }

    /// Most movements that one record can lead to.
    pub(crate) fn weight(&self) -> usize {
        if self.fee.is_some() { 2 } else { 1 }
    }

    /// Asks for rows to be dated in order.
    pub fn require_order(&mut self) {
        self.table.ordered = true;
    }

    pub(crate) fn house(&self) -> &str {
        &self.known.house
    }

    pub(crate) fn learn_asset(&mut self, asset: &Asset) {
        self.known.assets.insert(asset.id.clone(), asset.decimals);
    }

    /// The text that names a record's transaction.
    pub(crate) fn group_of(&self, record: &Record, out: &mut String) {
        out.clear();
        for column in &self.group {
            out.push_str(
                column
                    .place
                    .and_then(|place| record.field(place))
                    .unwrap_or_default(),
            );
            out.push('\0');
        }
        if self.group.is_empty() {
            out.push_str(&record.row.to_string());
        }
    }

    /// What a record says. A movement is left in `movement`.
    pub(crate) fn read(&mut self, record: &Record) -> Result<Said, Fault> {
        if let Some(rule) = self.leaves_out(record) {
            return Ok(Said::LeftOut(rule));
        }
        match self.table.holds {
            Holds::Transfers => self.transfer(record).map(|()| Said::Movement),
            Holds::Balances => self.opening(record),
            Holds::Operations => self.operation(record),
            Holds::Accounts => {
                let mut name = String::new();
                let fault = self.account_into(&self.account, record, &mut name);
                fault?;
                let kind = self.text_of(&self.kind, record, "kind")?;
                Ok(Said::Account {
                    name,
                    house: kind == "house",
                })
            }
            Holds::Assets => self.asset_row(record),
        }
    }

    fn leaves_out(&self, record: &Record) -> Option<usize> {
        self.left_out.iter().position(|(column, rule)| {
            let value = field(column, record);
            let listed = |list: &[String]| list.iter().any(|known| known == value);
            let bits = rule.bits != 0
                && value
                    .parse::<u64>()
                    .is_ok_and(|number| number & rule.bits != 0);
            listed(&rule.values) || (!rule.except.is_empty() && !listed(&rule.except)) || bits
        })
    }

    fn transfer(&mut self, record: &Record) -> Result<(), Fault> {
        let mut movement = std::mem::take(&mut self.movement);
        let outcome = self.transfer_into(record, &mut movement);
        self.movement = movement;
        outcome
    }

    fn transfer_into(&mut self, record: &Record, movement: &mut Movement) -> Result<(), Fault> {
        self.id_into(record, &mut movement.id)?;
        self.account_into(&self.from, record, &mut movement.from)?;
        self.account_into(&self.to, record, &mut movement.to)?;
        let decimals = self.asset_into(&self.asset, record, &mut movement.asset)?;
        let (units, _) = self.units(self.amount.as_ref(), record, decimals)?;
        movement.units = units;
        movement.effective = self.moment(record)?;
        movement.kind = self.kind_of(record)?;
        if units == 0 {
            return Err(self.zero(record));
        }
        if movement.from == movement.to {
            let place = self.to.as_ref();
            return Err(self.at(
                place,
                record,
                Fault::of_row(
                    "to_itself",
                    "it is taken from the one that it is given to",
                    "leave such rows out, or name the other account",
                ),
            ));
        }
        Ok(())
    }

    fn opening(&mut self, record: &Record) -> Result<Said, Fault> {
        let mut movement = std::mem::take(&mut self.movement);
        let outcome = self.opening_into(record, &mut movement);
        let units = movement.units;
        self.movement = movement;
        outcome?;
        Ok(if units == 0 {
            Said::Nothing
        } else {
            Said::Movement
        })
    }

    fn opening_into(&mut self, record: &Record, movement: &mut Movement) -> Result<(), Fault> {
        self.account_into(&self.account, record, &mut movement.to)?;
        let decimals = self.asset_into(&self.asset, record, &mut movement.asset)?;
        movement.units = self.units(self.amount.as_ref(), record, decimals)?.0;
        movement.effective = self.moment(record)?;
        movement.kind = Some(MovementKind::Opening);
        movement.from.clear();
        movement.from.push_str(OUTSIDE_NAME);
        if movement.to == OUTSIDE_NAME {
            return Err(self.at(
                self.account.as_ref(),
                record,
                Fault::of_row(
                    "outside",
                    "the outside has no opening balance",
                    "leave the row out",
                ),
            ));
        }
        // One opening balance for each owner and asset, for good.
        movement.id.clear();
        movement.id.push_str("opening-");
        digest_into(
            &format!("{}\0{}", movement.to, movement.asset),
            &mut movement.id,
        );
        Ok(())
    }

    fn operation(&mut self, record: &Record) -> Result<Said, Fault> {
        let mut op = Operation::default();
        self.id_into(record, &mut op.id)?;
        self.account_into(&self.account, record, &mut op.account)?;
        let decimals = self.asset_into(&self.asset, record, &mut op.asset)?;
        (op.units, op.credit) = self.side(record, decimals)?;
        op.effective = self.moment(record)?;
        op.kind = self.kind_of(record)?;
        op.rest = match self.text_of(&self.rest, record, "rest")?.as_str() {
            "outside" => Rest::Outside,
            "house" => Rest::House,
            _ => Rest::Refuse,
        };
        op.fee = self.fee_of(record, &op)?;
        if op.units == 0 {
            return Err(self.zero(record));
        }
        Ok(Said::Operation(Box::new(op)))
    }

    /// How much, and true for a credit.
    fn side(&self, record: &Record, decimals: u8) -> Result<(u128, bool), Fault> {
        if let (Some(debit), Some(credit)) = (&self.debit, &self.credit) {
            let blank = |amount: &AmountColumn| field(&amount.column, record).is_empty();
            let units = |amount: &AmountColumn| match blank(amount) {
                true => Ok((0, true)),
                false => self.units(Some(amount), record, decimals),
            };
            let (out, into) = (units(debit)?.0, units(credit)?.0);
            return match (out, into) {
                (0, into) => Ok((into, true)),
                (out, 0) => Ok((out, false)),
                _ => Err(fault_at(
                    &credit.column,
                    record,
                    Fault::of_row(
                        "both_sides",
                        "the row debits and credits at once",
                        "write a row for each",
                    ),
                )),
            };
        }
        let (units, positive) = self.units(self.amount.as_ref(), record, decimals)?;
        if self.direction.is_none() {
            return Ok((units, positive));
        }
        match self.text_of(&self.direction, record, "direction")?.as_str() {
            "credit" => Ok((units, positive)),
            "debit" => Ok((units, !positive)),
            _ => Err(self.at(
                self.direction.as_ref(),
                record,
                Fault::of_row(
                    "direction",
                    "the direction is neither debit nor credit",
                    "map each word to `debit` or `credit`",
                ),
            )),
        }
    }

    fn fee_of(&self, record: &Record, op: &Operation) -> Result<Option<Movement>, Fault> {
        let (Some(rule), Some(amount)) = (&self.table.fee, &self.fee) else {
            return Ok(None);
        };
        let side = if op.credit { "credit" } else { "debit" };
        if field(&amount.column, record).is_empty()
            || rule.only.as_deref().is_some_and(|only| only != side)
        {
            return Ok(None);
        }
        let mut asset = op.asset.clone();
        if !self.text_of(&self.fee_asset, record, "fee")?.is_empty() {
            self.asset_into(&self.fee_asset, record, &mut asset)?;
        }
        let decimals = self.known.assets.get(&asset).copied().unwrap_or(0);
        let (units, _) = self.units(Some(amount), record, decimals)?;
        let to = if rule.to == "outside" {
            OUTSIDE_NAME
        } else {
            &self.known.house
        };
        Ok((units > 0).then(|| Movement {
            id: format!("{}/fee", op.id),
            from: op.account.clone(),
            to: to.to_owned(),
            asset,
            units,
            kind: op.kind,
            effective: op.effective,
        }))
    }

    fn asset_row(&self, record: &Record) -> Result<Said, Fault> {
        let id = self.text_of(&self.asset, record, "asset")?;
        names::name(&id, "an asset's name")
            .map_err(|fault| self.at(self.asset.as_ref(), record, fault))?;
        let number = |text: &Option<Text>, most: u32, what: &'static str| -> Result<u32, Fault> {
            let said = self.text_of(text, record, what)?;
            let number = if said.is_empty() {
                Some(0)
            } else {
                base_units(&said).ok().and_then(|n| u32::try_from(n).ok())
            };
            number.filter(|number| *number <= most).ok_or_else(|| {
                let reason = format!("not a whole number of at most {most}");
                self.at(
                    text.as_ref(),
                    record,
                    Fault::of_row("number", reason, "write digits only"),
                )
            })
        };
        let decimals = number(&self.decimals, 38, "decimals")?;
        let confirmations = number(&self.confirmations, u32::MAX, "confirmations")?;
        let network = self.text_of(&self.network, record, "network")?;
        let asset = Asset {
            id,
            decimals: u8::try_from(decimals).unwrap_or(38),
            network: Some(network).filter(|network| !network.is_empty()),
            confirmations,
        };
        Ok(Said::Asset(asset))
    }
}
