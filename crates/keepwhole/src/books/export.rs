//! Exporting: accounts, assets, entries, balances and statements, from a fold of the journal up to any point.

use crate::installation::{InstallationError, Reading};
use crate::sequencer::{FoldError, Until};
use crate::text::rfc3339;
use keepwhole_books::manifest::{FileTotals, Totals, hex};
use keepwhole_books::read::Format;
use keepwhole_books::write::{ACCOUNTS, ASSETS, BALANCES, ENTRIES, RowWriter, kind_word};
use keepwhole_core::amount::Amount;
use keepwhole_core::book::MovementKind;
use keepwhole_core::event::{Event, Record};
use keepwhole_core::registry::{AssetIx, HOUSE, OUTSIDE, OwnerIx};
use keepwhole_core::state::State;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum What {
    /// Registered assets.
    Assets,
    /// Accounts of customers and the house.
    Accounts,
    /// Every movement, as a debit and a credit.
    Entries,
    /// What each account is owed of each asset.
    Balances,
    /// One customer's side of the entries.
    Statement,
}

/// Why an export stopped.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The installation can't be read.
    #[error(transparent)]
    Installation(#[from] InstallationError),
    /// The output can't be written.
    #[error("can't write the export: {0}")]
    Output(#[from] io::Error),
}

impl From<crate::journal::JournalError> for ExportError {
    fn from(error: crate::journal::JournalError) -> Self {
        Self::Installation(error.into())
    }
}

/// An output that is hashed as it is written.
struct Hashed<W> {
    out: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hash.update(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[derive(Default)]
struct Sums(BTreeMap<String, (u128, u128)>);

impl Sums {
    fn add(&mut self, asset: &str, units: u128, credit: bool) {
        if !self.0.contains_key(asset) {
            self.0.insert(asset.to_owned(), (0, 0));
        }
        if let Some((debits, credits)) = self.0.get_mut(asset) {
            let sum = if credit { credits } else { debits };
            *sum = sum.saturating_add(units);
        }
    }
}

/// A movement, of whatever event.
struct Moved<'a> {
    id: String,
    from: OwnerIx,
    to: OwnerIx,
    amount: Amount,
    kind: MovementKind,
    effective: u64,
    recorded: u64,
    reference: &'a str,
}

/// Writes what is asked for, as of `until`, into `out`, and gives the totals for the manifest under the name `file`.
///
/// # Errors
/// [`ExportError`].
pub fn export<W: Write + Send>(
    reading: &Reading,
    what: What,
    customer: Option<OwnerIx>,
    until: Until,
    format: Format,
    file: &str,
    out: W,
) -> Result<(FileTotals, W), ExportError> {
    let state = reading.state(until)?;
    let columns = match what {
        What::Assets => ASSETS,
        What::Accounts => ACCOUNTS,
        What::Balances => BALANCES,
        What::Entries | What::Statement => ENTRIES,
    };
    let hashed = Hashed {
        out,
        hash: Sha256::new(),
    };
    let mut writer = RowWriter::new(hashed, format, columns)?;
    let mut sums = Sums::default();
    match what {
        What::Assets => assets(&state, &mut writer)?,
        What::Accounts => accounts(reading, &state, &mut writer)?,
        What::Balances => balances(&state, &mut writer, &mut sums)?,
        What::Entries | What::Statement => {
            each_movement(reading, &state, &mut |moved| {
                entry(&state, &moved, customer, &mut writer, &mut sums)
            })?;
        }
    }
    let (rows, Hashed { mut out, hash }) = writer.finish()?;
    out.flush()?;
    let digest: [u8; 32] = hash.finalize().into();
    let totals = sums.0.into_iter().map(|(asset, (debit, credit))| {
        (
            asset,
            Totals {
                debit: debit.to_string(),
                credit: credit.to_string(),
            },
        )
    });
    let totals = FileTotals {
        file: file.to_owned(),
        rows,
        sha256: hex(&digest),
        journal_size: Some(state.position),
        totals: totals.collect(),
    };
    Ok((totals, out))
}

fn assets<W: Write + Send>(state: &State, writer: &mut RowWriter<W>) -> io::Result<()> {
    for asset in &state.registry.assets {
        let (decimals, confirmations) =
            (asset.decimals.to_string(), asset.confirmations.to_string());
        writer.row(&[
            &asset.id,
            &decimals,
            asset.network.as_deref().unwrap_or_default(),
            &confirmations,
        ])?;
    }
    Ok(())
}

fn accounts<W: Write + Send>(
    reading: &Reading,
    state: &State,
    writer: &mut RowWriter<W>,
) -> Result<(), ExportError> {
    let mut owner = 0usize;
    each_record(reading, state, &mut |_, record| {
        if let Event::OwnerRegistered(name) = &record.event {
            let number = OwnerIx::next(owner);
            owner = owner.saturating_add(1);
            if number != Some(OUTSIDE) {
                let kind = if number == Some(HOUSE) {
                    "house"
                } else {
                    "customer"
                };
                writer.row(&[name, "", kind, &rfc3339(record.at), "open"])?;
            }
        }
        Ok(())
    })
}

fn balances<W: Write + Send>(
    state: &State,
    writer: &mut RowWriter<W>,
    sums: &mut Sums,
) -> io::Result<()> {
    let as_of = rfc3339(state.at);
    for place in 0..state.registry.owners.len() {
        let Some(owner) = OwnerIx::next(place).filter(|owner| *owner != OUTSIDE) else {
            continue;
        };
        let name = state.registry.owner_id(owner);
        for amount in state.book.balances(owner) {
            let (asset, scale) = asset_of(state, amount.asset());
            sums.add(asset, amount.units(), true);
            writer.row(&[
                &as_of,
                name,
                asset,
                &amount.units().to_string(),
                &scale.to_string(),
            ])?;
        }
    }
    Ok(())
}

fn asset_of(state: &State, asset: AssetIx) -> (&str, u8) {
    let row = state.registry.assets.get(asset.place());
    row.map_or(("", 0), |row| (row.id.as_str(), row.decimals))
}

fn entry<W: Write + Send>(
    state: &State,
    moved: &Moved<'_>,
    customer: Option<OwnerIx>,
    writer: &mut RowWriter<W>,
    sums: &mut Sums,
) -> io::Result<()> {
    let (asset, scale) = asset_of(state, moved.amount.asset());
    let (units, scale) = (moved.amount.units().to_string(), scale.to_string());
    let (effective, recorded) = (rfc3339(moved.effective), rfc3339(moved.recorded));
    let sides = [(moved.from, "debit", "d"), (moved.to, "credit", "c")];
    for (owner, direction, side) in sides {
        if customer.is_some_and(|customer| customer != owner) {
            continue;
        }
        sums.add(asset, moved.amount.units(), direction == "credit");
        let id = format!("{}:{side}", moved.id);
        writer.row(&[
            &id,
            &moved.id,
            state.registry.owner_id(owner),
            asset,
            direction,
            &units,
            &scale,
            &effective,
            &recorded,
            kind_word(moved.kind),
            moved.reference,
            "",
        ])?;
    }
    Ok(())
}

/// All movements that `state` was folded from, in order.
fn each_movement(
    reading: &Reading,
    state: &State,
    show: &mut dyn FnMut(Moved<'_>) -> io::Result<()>,
) -> Result<(), ExportError> {
    each_record(
        reading,
        state,
        &mut |position, record| match &record.event {
            Event::TransferRecorded(transfer) => show(Moved {
                id: transfer.id.as_str().to_owned(),
                from: transfer.from,
                to: transfer.to,
                amount: Amount::new(transfer.asset, transfer.units),
                kind: transfer.kind,
                effective: transfer.effective,
                recorded: record.at,
                reference: "",
            }),
            Event::MovementRecorded(movement) => show(Moved {
                id: format!("entry-{position}"),
                from: movement.from,
                to: movement.to,
                amount: movement.amount,
                kind: movement.kind,
                effective: record.at,
                recorded: record.at,
                reference: &movement.reference,
            }),
            _ => Ok(()),
        },
    )
}

fn each_record(
    reading: &Reading,
    state: &State,
    show: &mut dyn FnMut(u64, &Record) -> io::Result<()>,
) -> Result<(), ExportError> {
    let mut failed = None;
    let outcome = reading
        .journal
        .read::<FoldError>(0, &mut |position, bytes| {
            if position >= state.position {
                return Err(FoldError::Reached);
            }
            let record = Record::decode(bytes).map_err(|_| FoldError::NotARecord { position })?;
            show(position, &record).map_err(|error| {
                failed = Some(error);
                FoldError::Reached
            })
        });
    match (failed, outcome) {
        (Some(error), _) => Err(error.into()),
        (None, Ok(()) | Err(FoldError::Reached)) => Ok(()),
        (None, Err(error)) => Err(ExportError::Installation(error.into())),
    }
}
