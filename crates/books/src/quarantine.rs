//! Refused rows with their reasons, in the form in which they came: mended, the file can be imported as it is.

use crate::fault::Fault;
use crate::read::{Format, Reader, Record};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Columns put behind those of the file. No profile reads them.
pub const COLUMNS: [&str; 3] = ["keepwhole_line", "keepwhole_code", "keepwhole_reason"];

/// Writes the rows of `refused` (first row, last row, fault) out of `reader`: CSV for CSV and Parquet, NDJSON for
/// NDJSON. Returns how many rows were written.
///
/// # Errors
/// The fault of a file that can't be read to its end, or the output's.
pub fn write(
    reader: &mut Reader,
    refused: &BTreeMap<u64, (u64, Fault)>,
    out: &mut impl Write,
) -> Result<u64, QuarantineError> {
    let header = reader.header().to_vec();
    let lines = reader.format() == Format::Ndjson;
    let selected: Vec<String> = if lines { Vec::new() } else { header.clone() };
    reader.select(&selected);
    let mut csv = csv::Writer::from_writer(Vec::new());
    if !lines {
        let names = header
            .iter()
            .map(String::as_str)
            .filter(|name| !COLUMNS.contains(name))
            .chain(COLUMNS);
        csv.write_record(names)
            .map_err(|error| QuarantineError::Output(error.into()))?;
    }
    let (mut record, mut written, mut last_row) = (Record::default(), 0u64, 0u64);
    loop {
        match reader.next(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(fault) if fault.whole_file => return Err(QuarantineError::Input(fault)),
            Err(_refused_before) => {}
        }
        let range = refused.range(..=record.row).next_back();
        let Some((first, (last, fault))) = range else {
            continue;
        };
        if record.row > *last || record.row == last_row {
            continue;
        }
        last_row = record.row;
        written = written.saturating_add(1);
        let reason = if fault.line == record.line || *first == record.row {
            fault.to_string()
        } else {
            format!("belongs to the transaction of line {}: {fault}", fault.line)
        };
        if lines {
            line(&record, fault, &reason, out).map_err(QuarantineError::Output)?;
        } else {
            row(&mut csv, &header, &record, fault, &reason).map_err(QuarantineError::Output)?;
        }
    }
    let rows = csv
        .into_inner()
        .map_err(|error| QuarantineError::Output(error.into_error()))?;
    out.write_all(&rows)
        .and_then(|()| out.flush())
        .map_err(QuarantineError::Output)?;
    Ok(written)
}

/// Why a quarantine could not be written.
#[derive(Debug, thiserror::Error)]
pub enum QuarantineError {
    /// The input can't be read any more.
    #[error("{0}")]
    Input(Fault),
    /// The output can't be written.
    #[error("{0}")]
    Output(#[from] io::Error),
}

fn row(
    csv: &mut csv::Writer<Vec<u8>>,
    header: &[String],
    record: &Record,
    fault: &Fault,
    reason: &str,
) -> io::Result<()> {
    let named = header
        .iter()
        .enumerate()
        .filter(|(_, name)| !COLUMNS.contains(&name.as_str()));
    // Fields beyond the header's would shift the reasons, so they stand in the last column of the row's own.
    let mut fields: Vec<String> = named
        .map(|(place, _)| record.field(place).unwrap_or_default().to_owned())
        .collect();
    fields.extend([
        record.line.to_string(),
        fault.code.to_owned(),
        reason.to_owned(),
    ]);
    csv.write_record(&fields).map_err(io::Error::from)
}

fn line(record: &Record, fault: &Fault, reason: &str, out: &mut impl Write) -> io::Result<()> {
    let text = String::from_utf8_lossy(&record.raw);
    let open = text
        .trim_end()
        .strip_suffix('}')
        .map(|text| text.trim_end().to_owned());
    let object = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text).ok();
    let said = |key: &str, value: &str| {
        format!(
            "{}:{}",
            serde_json::Value::from(key),
            serde_json::Value::from(value)
        )
    };
    let [line_key, code_key, reason_key] = COLUMNS;
    let reasons = [
        said(line_key, &record.line.to_string()),
        said(code_key, fault.code),
        said(reason_key, reason),
    ]
    .join(",");
    match (open, object) {
        (Some(open), Some(object)) if !COLUMNS.iter().any(|name| object.contains_key(*name)) => {
            let comma = if object.is_empty() { "" } else { "," };
            writeln!(out, "{open}{comma}{reasons}}}")
        }
        // Not an object, or one that was in quarantine before: its text is kept as a text.
        _ => writeln!(out, "{{{},{reasons}}}", said("keepwhole_text", &text)),
    }
}
