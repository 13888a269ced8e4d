//! Transfers: the rows of an exchange's own ledger, told in packed batches and stored one event a row.
//!
//! A row is packed as a head of 29 bytes and its four texts, rows one after the other, nothing between them:
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 1 | number of the kind ([`MovementKind`]) |
//! | 1 | 4 | lengths in bytes of id, from, to, asset |
//! | 5 | 8 | when, ms since the epoch as the exchange dates it, little-endian |
//! | 13 | 16 | minor units, little-endian |
//! | 29 | … | id, from, to, asset in UTF-8 |
//!
//! A row has exactly one packed form, so equal rows are equal bytes. `docs/journal-format.md` says the same.

use crate::book::MovementKind;
use crate::lookup::Ahead;
use crate::registry::{AssetIx, OwnerIx};
use crate::state::State;
use crate::transfer_ids::Keyed;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;
use sha2::{Digest as _, Sha256};

/// Rows of a batch at most.
pub const BATCH_ROWS: usize = 8_192;
/// Longest id of a transfer, bytes.
pub const ID_MAX: usize = 64;
/// Longest name of an owner in a row, bytes.
pub const NAME_MAX: usize = 128;
/// Longest name of an asset in a row, bytes.
pub const ASSET_MAX: usize = 64;
/// Bytes of a transfer's record at most.
pub const RECORD_MAX: usize = 118;
/// Bytes of a packed row that are not its texts.
const HEAD: usize = 29;

/// One row as it is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TransferRow<'a> {
    /// The exchange's id of it: the same id with the same content is the same transfer.
    pub id: &'a str,
    /// Owner it is taken from (`outside` for what enters the books).
    pub from: &'a str,
    /// Owner it is given to (`outside` for what leaves the books).
    pub to: &'a str,
    /// Asset.
    pub asset: &'a str,
    /// Minor units; never zero.
    pub units: u128,
    /// Why.
    pub kind: MovementKind,
    /// When, ms since the epoch, as the exchange dates it.
    pub effective: u64,
}

/// A text of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RowField {
    /// The id.
    Id,
    /// Taken from.
    From,
    /// Given to.
    To,
    /// The asset.
    Asset,
}

impl RowField {
    /// The field's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::From => "from",
            Self::To => "to",
            Self::Asset => "asset",
        }
    }

    /// Bytes that the field has at most.
    #[must_use]
    pub const fn max(self) -> usize {
        match self {
            Self::Id => ID_MAX,
            Self::From | Self::To => NAME_MAX,
            Self::Asset => ASSET_MAX,
        }
    }
}

/// What is wrong with a row; `row` counts from 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RowFault {
    /// Place of the row in its batch, counted from 0.
    pub row: usize,
    /// What is wrong.
    pub what: Fault,
}

/// What can be wrong with a row before it is asked of the books.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A text is empty or too long.
    Length {
        /// Which.
        field: RowField,
        /// Its length, bytes.
        bytes: usize,
    },
    /// A text is not UTF-8, or has control characters.
    NotText {
        /// Which.
        field: RowField,
    },
    /// Nothing moves.
    NoUnits,
    /// Taken from the one that it is given to.
    ToItself,
    /// No kind has that number.
    UnknownKind {
        /// The number.
        number: u8,
    },
    /// The bytes end inside a row.
    CutShort,
    /// The batch has more rows than a batch may have.
    TooMany,
}

impl fmt::Display for RowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row `{}` (counted from 0): ", self.row)?;
        match self.what {
            Fault::Length { field, bytes } => write!(
                f,
                "`{}` has `{bytes}` bytes, allowed are 1 to `{}`",
                field.name(),
                field.max()
            ),
            Fault::NotText { field } => write!(
                f,
                "`{}` is not UTF-8 without control characters",
                field.name()
            ),
            Fault::NoUnits => f.write_str("`units` is `0`; a transfer moves at least one"),
            Fault::ToItself => f.write_str("`from` and `to` are the same owner"),
            Fault::UnknownKind { number } => write!(f, "no kind has the number `{number}`"),
            Fault::CutShort => f.write_str("the bytes end inside the row"),
            Fault::TooMany => write!(f, "a batch has at most `{BATCH_ROWS}` rows; split it"),
        }
    }
}

impl core::error::Error for RowFault {}

/// A row where it lies in a batch, its texts still bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PackedRow<'a> {
    pub(crate) id: &'a [u8],
    pub(crate) from: &'a [u8],
    pub(crate) to: &'a [u8],
    pub(crate) asset: &'a [u8],
    pub(crate) units: u128,
    pub(crate) kind: u8,
    pub(crate) effective: u64,
}

/// The first row of some bytes, and the bytes after it.
pub(crate) fn unpack(bytes: &[u8]) -> Option<(PackedRow<'_>, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
    let [kind, id, from, to, asset, numbers @ ..] = head;
    let (effective, units) = numbers.split_first_chunk::<8>()?;
    let (id, rest) = rest.split_at_checked(usize::from(*id))?;
    let (from, rest) = rest.split_at_checked(usize::from(*from))?;
    let (to, rest) = rest.split_at_checked(usize::from(*to))?;
    let (asset, rest) = rest.split_at_checked(usize::from(*asset))?;
    let row = PackedRow {
        id,
        from,
        to,
        asset,
        units: u128::from_le_bytes(*units.first_chunk()?),
        kind: *kind,
        effective: u64::from_le_bytes(*effective),
    };
    Some((row, rest))
}

fn text(field: RowField, bytes: &[u8]) -> Result<&str, Fault> {
    has_length(field, bytes.len())?;
    let text = core::str::from_utf8(bytes).map_err(|_| Fault::NotText { field })?;
    is_plain(field, text)?;
    Ok(text)
}

const fn has_length(field: RowField, bytes: usize) -> Result<(), Fault> {
    if bytes == 0 || bytes > field.max() {
        return Err(Fault::Length { field, bytes });
    }
    Ok(())
}

/// Without control characters.
fn is_plain(field: RowField, text: &str) -> Result<(), Fault> {
    // All bytes at once and no way out in the middle: texts are short, and nearly all are plain ASCII.
    let odd = |byte: u8| !(b' '..=b'~').contains(&byte);
    let any = text.bytes().fold(false, |any, byte| any | odd(byte));
    if any && text.chars().any(char::is_control) {
        return Err(Fault::NotText { field });
    }
    Ok(())
}

impl TransferRow<'_> {
    /// Every rule of a row.
    fn check(&self) -> Result<(), Fault> {
        let texts = [
            (RowField::Id, self.id),
            (RowField::From, self.from),
            (RowField::To, self.to),
            (RowField::Asset, self.asset),
        ];
        for (field, text) in texts {
            has_length(field, text.len())?;
            is_plain(field, text)?;
        }
        self.moves()
    }

    fn moves(&self) -> Result<(), Fault> {
        if self.units == 0 {
            return Err(Fault::NoUnits);
        }
        if self.from == self.to {
            return Err(Fault::ToItself);
        }
        Ok(())
    }
}

impl<'a> PackedRow<'a> {
    /// The row with its texts, if it keeps every rule of a row.
    fn checked(&self) -> Result<TransferRow<'a>, Fault> {
        let row = TransferRow {
            id: text(RowField::Id, self.id)?,
            from: text(RowField::From, self.from)?,
            to: text(RowField::To, self.to)?,
            asset: text(RowField::Asset, self.asset)?,
            units: self.units,
            kind: MovementKind::from_number(self.kind)
                .ok_or(Fault::UnknownKind { number: self.kind })?,
            effective: self.effective,
        };
        row.moves()?;
        Ok(row)
    }

    /// The row with its texts, where it kept every rule when it was packed.
    fn known(&self) -> Option<TransferRow<'a>> {
        Some(TransferRow {
            id: core::str::from_utf8(self.id).ok()?,
            from: core::str::from_utf8(self.from).ok()?,
            to: core::str::from_utf8(self.to).ok()?,
            asset: core::str::from_utf8(self.asset).ok()?,
            units: self.units,
            kind: MovementKind::from_number(self.kind)?,
            effective: self.effective,
        })
    }
}

/// Rows of one batch, packed and checked on entry: content is hashed and stored as it stands.
#[derive(Debug, Default)]
pub struct TransferBatch {
    bytes: Vec<u8>,
    rows: usize,
    /// Has taken the bytes.
    hasher: Sha256,
    /// No part of the content.
    ahead: Option<Ahead>,
}

impl Clone for TransferBatch {
    /// The rows; what was found ahead stays with the batch that was sent.
    fn clone(&self) -> Self {
        Self {
            bytes: self.bytes.clone(),
            rows: self.rows,
            hasher: self.hasher.clone(),
            ahead: None,
        }
    }
}

impl PartialEq for TransferBatch {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for TransferBatch {}

impl TransferBatch {
    /// No rows yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a row.
    ///
    /// # Errors
    /// What is wrong with the row; the batch is then as it was.
    pub fn push(&mut self, row: &TransferRow<'_>) -> Result<(), RowFault> {
        let place = self.rows;
        let fault = |what| RowFault { row: place, what };
        if self.rows >= BATCH_ROWS {
            return Err(fault(Fault::TooMany));
        }
        row.check().map_err(fault)?;
        self.ahead = None;
        let texts = [row.id, row.from, row.to, row.asset];
        let before = self.bytes.len();
        self.bytes.push(row.kind.number());
        for text in texts {
            // Each length was just checked against a limit below 256.
            self.bytes.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
        }
        self.bytes.extend_from_slice(&row.effective.to_le_bytes());
        self.bytes.extend_from_slice(&row.units.to_le_bytes());
        for text in texts {
            self.bytes.extend_from_slice(text.as_bytes());
        }
        self.hasher.update(self.bytes.get(before..).unwrap_or(&[]));
        self.rows = self.rows.saturating_add(1);
        Ok(())
    }

    /// The batch whose packed form the bytes are.
    ///
    /// # Errors
    /// The first row that is none.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, RowFault> {
        let mut rows = 0usize;
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let fault = |what| RowFault { row: rows, what };
            if rows >= BATCH_ROWS {
                return Err(fault(Fault::TooMany));
            }
            let (row, after) = unpack(rest).ok_or(fault(Fault::CutShort))?;
            row.checked().map_err(fault)?;
            rest = after;
            rows = rows.saturating_add(1);
        }
        let hasher = Sha256::new_with_prefix(&bytes);
        Ok(Self {
            bytes,
            rows,
            hasher,
            ahead: None,
        })
    }

    /// Finds what the next rows name, so that deciding need not: call it with a state of the journal that will decide,
    /// until it says that there are no more. It changes no answer, and may be left out. Another journal is told by its
    /// first record; one that was copied from this one and went on by itself is not.
    pub fn look_up(&mut self, state: &State) -> bool {
        if self.ahead.is_none() {
            self.ahead = Ahead::of(state, self.rows);
        }
        match &mut self.ahead {
            Some(ahead) => ahead.extend(state, &self.bytes),
            None => false,
        }
    }

    /// What was found ahead of deciding.
    pub(crate) const fn ahead(&self) -> Option<&Ahead> {
        self.ahead.as_ref()
    }

    /// SHA-256 of the packed form.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.hasher.clone().finalize().into()
    }

    /// The packed form.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Number of rows.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rows
    }

    /// True without rows.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The rows in order.
    pub fn rows(&self) -> impl Iterator<Item = TransferRow<'_>> {
        self.packed().filter_map(|row| row.known())
    }

    /// The rows in order, their texts as bytes; each was checked on entry.
    pub(crate) fn packed(&self) -> impl Iterator<Item = PackedRow<'_>> {
        let mut rest = self.bytes.as_slice();
        core::iter::from_fn(move || {
            let (row, after) = unpack(rest)?;
            rest = after;
            Some(row)
        })
    }
}

impl BorshSerialize for TransferBatch {
    fn serialize<W: borsh::io::Write>(&self, writer: &mut W) -> borsh::io::Result<()> {
        self.bytes.serialize(writer)
    }
}

impl BorshDeserialize for TransferBatch {
    fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
        let bytes = Vec::<u8>::deserialize_reader(reader)?;
        Self::from_bytes(bytes).map_err(|_| borsh::io::ErrorKind::InvalidData.into())
    }
}

/// Id of a transfer: 1 to 64 bytes of UTF-8 without control characters, kept in place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TransferId {
    bytes: [u8; ID_MAX],
    len: u8,
}

impl TransferId {
    /// The id of that text.
    ///
    /// # Errors
    /// An empty text, more than 64 bytes, or control characters.
    pub fn new(id: &str) -> Result<Self, Fault> {
        Self::from_bytes(id.as_bytes())
    }

    fn from_bytes(id: &[u8]) -> Result<Self, Fault> {
        text(RowField::Id, id)?;
        Self::of_checked(id).ok_or(Fault::Length {
            field: RowField::Id,
            bytes: id.len(),
        })
    }

    /// The id of bytes that were checked on entry.
    pub(crate) fn of_checked(id: &[u8]) -> Option<Self> {
        let mut bytes = [0; ID_MAX];
        bytes.get_mut(..id.len())?.copy_from_slice(id);
        let len = u8::try_from(id.len()).ok()?;
        Some(Self { bytes, len })
    }

    /// The text's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&[])
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or("")
    }
}

impl fmt::Debug for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl BorshSerialize for TransferId {
    fn serialize<W: borsh::io::Write>(&self, writer: &mut W) -> borsh::io::Result<()> {
        writer.write_all(&[self.len])?;
        writer.write_all(self.as_bytes())
    }
}

impl BorshDeserialize for TransferId {
    fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
        let mut bytes = [0; ID_MAX];
        let len = u8::deserialize_reader(reader)?;
        let id = bytes
            .get_mut(..usize::from(len))
            .ok_or(borsh::io::ErrorKind::InvalidData)?;
        reader.read_exact(id)?;
        text(RowField::Id, id).map_err(|_| borsh::io::ErrorKind::InvalidData)?;
        Ok(Self { bytes, len })
    }
}

/// A transfer as it is stored. Its record has 54 bytes beside the id, so 118 at most: with the leaf's first byte and the
/// padding of SHA-256 (FIPS 180-4, 5.1.1) two blocks of 64.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshDeserialize)]
pub struct Transfer {
    /// The exchange's id of it.
    pub id: TransferId,
    /// Taken from.
    pub from: OwnerIx,
    /// Given to.
    pub to: OwnerIx,
    /// Asset.
    pub asset: AssetIx,
    /// Why.
    pub kind: MovementKind,
    /// Minor units.
    pub units: u128,
    /// When, ms since the epoch, as the exchange dates it.
    pub effective: u64,
}

/// A transfer that was decided, with what finds its id again, so that folding it need not work that out a second time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Booked {
    /// The transfer.
    pub transfer: Transfer,
    pub(crate) keyed: Keyed,
}

impl Transfer {
    /// Bytes of the stored form behind the id.
    const REST: usize = 35;

    fn rest(&self) -> [u8; Self::REST] {
        let mut rest = [0; Self::REST];
        let (from, after) = rest.split_at_mut(4);
        let (to, after) = after.split_at_mut(4);
        let (asset, after) = after.split_at_mut(2);
        let (kind, after) = after.split_at_mut(1);
        let (units, effective) = after.split_at_mut(16);
        from.copy_from_slice(&self.from.0.to_le_bytes());
        to.copy_from_slice(&self.to.0.to_le_bytes());
        asset.copy_from_slice(&self.asset.0.to_le_bytes());
        kind.copy_from_slice(&[self.kind.number()]);
        units.copy_from_slice(&self.units.to_le_bytes());
        effective.copy_from_slice(&self.effective.to_le_bytes());
        rest
    }

    /// Reads the stored form, as borsh would; nothing if the bytes are not exactly that.
    pub(crate) fn from_stored(bytes: &[u8]) -> Option<Self> {
        let (length, bytes) = bytes.split_first()?;
        let (id, rest) = bytes.split_at_checked(usize::from(*length))?;
        let rest: &[u8; Self::REST] = rest.try_into().ok()?;
        let (from, rest) = rest.split_first_chunk()?;
        let (to, rest) = rest.split_first_chunk()?;
        let (asset, rest) = rest.split_first_chunk()?;
        let ([kind], rest) = rest.split_first_chunk()?;
        let (units, effective) = rest.split_first_chunk()?;
        Some(Self {
            id: TransferId::from_bytes(id).ok()?,
            from: OwnerIx(u32::from_le_bytes(*from)),
            to: OwnerIx(u32::from_le_bytes(*to)),
            asset: AssetIx(u16::from_le_bytes(*asset)),
            kind: MovementKind::from_number(*kind)?,
            units: u128::from_le_bytes(*units),
            effective: u64::from_le_bytes(*effective.first_chunk()?),
        })
    }
}

/// As derived, but in two writes instead of seven: a batch stores thousands.
impl BorshSerialize for Transfer {
    fn serialize<W: borsh::io::Write>(&self, writer: &mut W) -> borsh::io::Result<()> {
        self.id.serialize(writer)?;
        writer.write_all(&self.rest())
    }
}
