//! Parquet: rows as text fields, exactly; what has no exact text is refused by name.

use super::input::{Input, Progress};
use super::{COLUMNS_MAX, FIELD_MAX, Record};
use crate::fault::Fault;
use crate::value::rfc3339;
use parquet::basic::{ConvertedType, Type as Physical};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use parquet::record::reader::RowIter;
use std::sync::atomic::Ordering;

pub(crate) struct ParquetReader {
    rows: RowIter<'static>,
    header: Vec<String>,
    row: u64,
    count: u64,
    size: u64,
    progress: Progress,
}

impl ParquetReader {
    pub(crate) fn open(input: Input) -> Result<(Self, Vec<String>), Fault> {
        let size = input.size;
        let (file, progress) = input.into_file();
        let reader =
            SerializedFileReader::new(file).map_err(|error| damaged(&error.to_string()))?;
        let metadata = reader.metadata().file_metadata();
        let schema = metadata.schema_descr();
        let count = u64::try_from(metadata.num_rows()).unwrap_or(0);
        if schema.num_columns() > COLUMNS_MAX {
            let reason = format!(
                "the file has {} columns; at most {COLUMNS_MAX} are read",
                schema.num_columns()
            );
            return Err(Fault::of_file(
                "too_many_columns",
                reason,
                "export only the columns that the profile names",
            ));
        }
        let mut header = Vec::new();
        for field in schema.root_schema().get_fields() {
            if !field.is_primitive() {
                let reason = format!("column `{}` is a list or a structure", field.name());
                return Err(Fault::of_file("nested", reason, "write plain columns"));
            }
            let floating = matches!(
                field.get_physical_type(),
                Physical::FLOAT | Physical::DOUBLE
            );
            if floating && field.get_basic_info().converted_type() == ConvertedType::NONE {
                let reason = format!(
                    "column `{}` holds floating-point numbers, which are not exact",
                    field.name()
                );
                let fix = "write amounts as Decimal or text, and leave such columns out";
                return Err(Fault::of_file("floating_point", reason, fix));
            }
            header.push(field.name().to_owned());
        }
        let rows = RowIter::from_file_into(Box::new(reader));
        let reader = Self {
            rows,
            header: header.clone(),
            row: 0,
            count,
            size,
            progress,
        };
        Ok((reader, header))
    }

    pub(crate) fn next(&mut self, record: &mut Record) -> Result<bool, Fault> {
        record.clear();
        let Some(row) = self.rows.next() else {
            if self.row < self.count {
                return Err(damaged("rows are missing").at(self.row.saturating_add(1), 0));
            }
            return Ok(false);
        };
        self.row = self.row.saturating_add(1);
        (record.line, record.row) = (self.row, self.row);
        let read = u128::from(self.size).saturating_mul(u128::from(self.row));
        let read = read.checked_div(u128::from(self.count.max(1))).unwrap_or(0);
        self.progress
            .store(u64::try_from(read).unwrap_or(self.size), Ordering::Relaxed);
        let row = row.map_err(|error| damaged(&error.to_string()).at(self.row, 0))?;
        for (place, (name, field)) in row.get_column_iter().enumerate() {
            let column = u64::try_from(place).unwrap_or(0).saturating_add(1);
            let text = text_of(field).map_err(|what| {
                let fix = "write the column as text, whole number, Decimal or timestamp";
                Fault::of_row("no_exact_text", format!("{what} has no exact text"), fix)
                    .at(self.row, column)
                    .field(name, "")
            })?;
            if text.len() > FIELD_MAX {
                let reason = format!(
                    "a field has {} bytes; at most {FIELD_MAX} are read",
                    text.len()
                );
                let fault = Fault::of_row(
                    "field_too_long",
                    reason,
                    "leave that column out of the export",
                );
                return Err(fault.at(self.row, column));
            }
            if text.contains('\0') {
                let fault = Fault::of_row(
                    "nul",
                    "a NUL stands in the text",
                    "export the file again; text has none",
                );
                return Err(fault.at(self.row, column).field(name, &text));
            }
            record.push(&text, column);
        }
        if record.len() != self.header.len() {
            return Err(damaged("a row has another number of columns").at(self.row, 0));
        }
        Ok(true)
    }
}

fn damaged(said: &str) -> Fault {
    Fault::of_file(
        "damaged",
        format!(
            "the Parquet file is cut off or damaged: {}",
            crate::fault::shown(said)
        ),
        "copy the file again and compare its size and SHA-256 with the original",
    )
}

fn text_of(field: &Field) -> Result<String, &'static str> {
    Ok(match field {
        Field::Null => String::new(),
        Field::Bool(value) => value.to_string(),
        Field::Byte(value) => value.to_string(),
        Field::Short(value) => value.to_string(),
        Field::Int(value) => value.to_string(),
        Field::Long(value) => value.to_string(),
        Field::UByte(value) => value.to_string(),
        Field::UShort(value) => value.to_string(),
        Field::UInt(value) => value.to_string(),
        Field::ULong(value) => value.to_string(),
        Field::Str(text) => text.clone(),
        Field::TimestampMillis(millis) => moment(*millis)?,
        Field::TimestampMicros(micros) => moment(micros.div_euclid(1_000))?,
        Field::Decimal(decimal) => plain_decimal(decimal.data(), decimal.scale())?,
        Field::Bytes(bytes) => {
            let text = std::str::from_utf8(bytes.data()).map_err(|_| "binary data")?;
            text.to_owned()
        }
        _ => return Err("a value of this type"),
    })
}

fn moment(millis: i64) -> Result<String, &'static str> {
    u64::try_from(millis)
        .map(rfc3339)
        .map_err(|_| "a time before 1970")
}

/// Digits of a big-endian two's complement number of at most 16 bytes, with `scale` places.
fn plain_decimal(data: &[u8], scale: i32) -> Result<String, &'static str> {
    if data.is_empty() || data.len() > 16 {
        return Err("a decimal of more than 128 bits");
    }
    let negative = data.first().is_some_and(|byte| byte & 0x80 != 0);
    let fill = if negative { 0xff } else { 0 };
    let mut wide = [fill; 16];
    let start = 16usize.saturating_sub(data.len());
    for (to, from) in wide.iter_mut().skip(start).zip(data) {
        *to = *from;
    }
    let number = i128::from_be_bytes(wide);
    let scale = usize::try_from(scale).map_err(|_| "a decimal of negative scale")?;
    let digits = number.unsigned_abs().to_string();
    let padded = format!("{digits:0>width$}", width = scale.saturating_add(1));
    let (whole, part) = padded.split_at(padded.len().saturating_sub(scale));
    let sign = if negative { "-" } else { "" };
    Ok(if part.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{part}")
    })
}
