//! Bytes to records: what a file is, and a strict reader for each form. A reader never guesses: what does not follow
//! the form is a [`Fault`] with its place.

mod delimited;
mod input;
mod ndjson;
mod table;
mod window;

pub use input::{Compression, Input, Progress, digest_of};

use crate::fault::Fault;
use std::fmt;

/// Most bytes of one field.
pub const FIELD_MAX: usize = 65_536;
/// Most bytes of one record.
pub const RECORD_MAX: usize = 1_048_576;
/// Most columns of a file.
pub const COLUMNS_MAX: usize = 1_024;

/// The form of a file, compression apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Comma-separated values with a header (RFC 4180; lines may end in LF or in CRLF, all alike).
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Csv => "CSV",
            Self::Ndjson => "NDJSON",
            Self::Parquet => "Parquet",
        })
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Byte on the line where the field begins, from 1.
    pub(crate) column: u64,
}

/// One record: the text of its fields and where it stood.
#[derive(Clone, Debug, Default)]
pub struct Record {
    pub(crate) text: String,
    pub(crate) spans: Vec<Span>,
    /// Line where the record begins, from 1; the row's number in Parquet.
    pub line: u64,
    /// Number of the record in the file, from 1, the header left out. All records of one line of NDJSON share it.
    pub row: u64,
    /// Place among the records of one line of NDJSON, from 1.
    pub part: u32,
    /// The line as it stood (NDJSON only).
    pub(crate) raw: Vec<u8>,
}

impl Record {
    /// The text of a field; `None` beyond the last.
    #[must_use]
    pub fn field(&self, place: usize) -> Option<&str> {
        let span = self.spans.get(place)?;
        self.text.get(span.start..span.end)
    }

    /// Byte on the line where the field begins, from 1.
    #[must_use]
    pub fn column(&self, place: usize) -> u64 {
        self.spans.get(place).map_or(0, |span| span.column)
    }

    /// Number of fields.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// True where there are no fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.spans.clear();
        self.raw.clear();
        self.part = 1;
    }

    pub(crate) fn push(&mut self, text: &str, column: u64) {
        let start = self.text.len();
        self.text.push_str(text);
        self.spans.push(Span {
            start,
            end: self.text.len(),
            column,
        });
    }
}

/// A reader of any form, at the first record.
pub struct Reader {
    form: Form,
    header: Vec<String>,
}

enum Form {
    Csv(delimited::CsvReader),
    Ndjson(ndjson::NdjsonReader),
    Parquet(table::ParquetReader),
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

impl Reader {
    /// Reads the header: CSV's first line, the names in NDJSON's first object (`a.b` inside an object, `a[].b` inside
    /// the objects of an array), Parquet's schema.
    ///
    /// # Errors
    /// A [`Fault`] of the whole file.
    pub fn open(input: Input) -> Result<Self, Fault> {
        let (form, header) = match input.format {
            Format::Csv => {
                let (reader, header) = delimited::CsvReader::open(input.bytes()?)?;
                (Form::Csv(reader), header)
            }
            Format::Ndjson => {
                let (reader, header) = ndjson::NdjsonReader::open(input.bytes()?)?;
                (Form::Ndjson(reader), header)
            }
            Format::Parquet => {
                let (reader, header) = table::ParquetReader::open(input)?;
                (Form::Parquet(reader), header)
            }
        };
        Ok(Self { form, header })
    }

    /// Names of the columns, in the file's order.
    #[must_use]
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The form of the file.
    #[must_use]
    pub const fn format(&self) -> Format {
        match self.form {
            Form::Csv(_) => Format::Csv,
            Form::Ndjson(_) => Format::Ndjson,
            Form::Parquet(_) => Format::Parquet,
        }
    }

    /// Says which columns are wanted, and gets the place of each in the records that follow; `None` for one that the
    /// file does not have. NDJSON always has a place: any line may hold the name.
    pub fn select(&mut self, names: &[String]) -> Vec<Option<usize>> {
        match &mut self.form {
            Form::Ndjson(reader) => {
                reader.select(names);
                (0..names.len()).map(Some).collect()
            }
            Form::Csv(_) | Form::Parquet(_) => names
                .iter()
                .map(|name| self.header.iter().position(|known| known == name))
                .collect(),
        }
    }

    /// Reads the next record; false at the end.
    ///
    /// # Errors
    /// A [`Fault`]: unless it is one of the whole file, the next call goes on with the next record, and `record` has
    /// line and row of the one refused.
    pub fn next(&mut self, record: &mut Record) -> Result<bool, Fault> {
        match &mut self.form {
            Form::Csv(reader) => reader.next(record),
            Form::Ndjson(reader) => reader.next(record),
            Form::Parquet(reader) => reader.next(record),
        }
    }
}
