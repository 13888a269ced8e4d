//! Books out: rows of text as CSV, NDJSON or Parquet, with the headers that the generic profile reads.

use crate::read::Format;
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use std::io::{self, Write};
use std::sync::Arc;

/// Columns of a file of assets.
pub const ASSETS: &[&str] = &["asset_id", "decimals", "network", "confirmations"];
/// Columns of a file of accounts.
pub const ACCOUNTS: &[&str] = &["account_id", "customer_ref", "kind", "opened_at", "status"];
/// Columns of a file of entries, and of a statement.
pub const ENTRIES: &[&str] = &[
    "entry_id",
    "tx_id",
    "account_id",
    "asset_id",
    "direction",
    "amount_base",
    "scale",
    "effective_at",
    "recorded_at",
    "kind",
    "source_ref",
    "reversal_of",
];
/// Columns of a file of balances.
pub const BALANCES: &[&str] = &["as_of", "account_id", "asset_id", "amount_base", "scale"];

/// Rows of one group of a Parquet file.
const GROUP: usize = 65_536;

/// The word for a kind of movement, as the generic profile reads it.
#[must_use]
pub fn kind_word(kind: keepwhole_core::book::MovementKind) -> &'static str {
    crate::names::word_of(kind)
}

/// A field as it may stand in CSV: one that a spreadsheet would take for a formula gets an apostrophe before it
/// (OWASP, "CSV Injection"). Names and ids of keepwhole's own exports begin so only where somebody wanted that.
#[must_use]
pub fn guarded(field: &str) -> std::borrow::Cow<'_, str> {
    if begins_formula(field) {
        std::borrow::Cow::Owned(format!("'{field}"))
    } else {
        std::borrow::Cow::Borrowed(field)
    }
}

pub(crate) fn begins_formula(field: &str) -> bool {
    field.starts_with(['=', '+', '-', '@', '\t', '\r', '\''])
}

/// Writes rows of text.
pub struct RowWriter<W: Write + Send> {
    form: Form<W>,
    columns: &'static [&'static str],
    rows: u64,
}

impl<W: Write + Send> std::fmt::Debug for RowWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowWriter")
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

enum Form<W: Write + Send> {
    Csv(Box<csv::Writer<W>>),
    Ndjson(W),
    Parquet(Box<SerializedFileWriter<W>>, Vec<Vec<ByteArray>>),
}

impl<W: Write + Send> RowWriter<W> {
    /// Begins a file with these columns.
    ///
    /// # Errors
    /// The output's.
    pub fn new(out: W, format: Format, columns: &'static [&'static str]) -> io::Result<Self> {
        let form = match format {
            Format::Csv => {
                let mut csv = csv::Writer::from_writer(out);
                csv.write_record(columns)?;
                Form::Csv(Box::new(csv))
            }
            Format::Ndjson => Form::Ndjson(out),
            Format::Parquet => {
                let fields = columns.iter().map(|name| {
                    Type::primitive_type_builder(name, Physical::BYTE_ARRAY)
                        .with_repetition(Repetition::REQUIRED)
                        .with_logical_type(Some(LogicalType::String))
                        .build()
                        .map(Arc::new)
                });
                let fields = fields.collect::<Result<Vec<_>, _>>().map_err(other)?;
                let schema = Type::group_type_builder("books")
                    .with_fields(fields)
                    .build()
                    .map_err(other)?;
                let zstd = Compression::ZSTD(ZstdLevel::default());
                let properties = WriterProperties::builder().set_compression(zstd).build();
                let writer = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))
                    .map_err(other)?;
                Form::Parquet(Box::new(writer), vec![Vec::new(); columns.len()])
            }
        };
        Ok(Self {
            form,
            columns,
            rows: 0,
        })
    }

    /// Writes a row: a text for each column.
    ///
    /// # Errors
    /// The output's.
    pub fn row(&mut self, fields: &[&str]) -> io::Result<()> {
        self.rows = self.rows.saturating_add(1);
        match &mut self.form {
            Form::Csv(csv) => {
                for field in fields {
                    csv.write_field(guarded(field).as_bytes())?;
                }
                csv.write_record(None::<&[u8]>)?;
                Ok(())
            }
            Form::Ndjson(out) => {
                for (place, (name, field)) in self.columns.iter().zip(fields).enumerate() {
                    let before = if place == 0 { "{" } else { "," };
                    write!(
                        out,
                        "{before}\"{name}\":{}",
                        serde_json::Value::from(*field)
                    )?;
                }
                out.write_all(b"}\n")
            }
            Form::Parquet(_, held) => {
                for (column, field) in held.iter_mut().zip(fields) {
                    column.push(ByteArray::from(*field));
                }
                let full = held.first().is_some_and(|column| column.len() >= GROUP);
                if full { self.group() } else { Ok(()) }
            }
        }
    }

    fn group(&mut self) -> io::Result<()> {
        let Form::Parquet(writer, held) = &mut self.form else {
            return Ok(());
        };
        if held.first().is_none_or(Vec::is_empty) {
            return Ok(());
        }
        let mut group = writer.next_row_group().map_err(other)?;
        for values in held.iter_mut() {
            if let Some(mut column) = group.next_column().map_err(other)? {
                column
                    .typed::<ByteArrayType>()
                    .write_batch(values, None, None)
                    .map_err(other)?;
                column.close().map_err(other)?;
            }
            values.clear();
        }
        group.close().map_err(other)?;
        Ok(())
    }

    /// Ends the file and gives the number of rows and the output.
    ///
    /// # Errors
    /// The output's.
    pub fn finish(mut self) -> io::Result<(u64, W)> {
        self.group()?;
        let out = match self.form {
            Form::Csv(csv) => csv.into_inner().map_err(|error| other(error.to_string()))?,
            Form::Ndjson(mut out) => {
                out.flush()?;
                out
            }
            Form::Parquet(writer, _) => writer.into_inner().map_err(other)?,
        };
        Ok((self.rows, out))
    }
}

fn other(error: impl Into<ErrorText>) -> io::Error {
    io::Error::other(error.into().0)
}

struct ErrorText(String);

impl From<ParquetError> for ErrorText {
    fn from(error: ParquetError) -> Self {
        Self(error.to_string())
    }
}

impl From<String> for ErrorText {
    fn from(text: String) -> Self {
        Self(text)
    }
}
