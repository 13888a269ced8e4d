//! CSV as RFC 4180 has it, strictly: quotes only around whole fields, one kind of line end, UTF-8, as many fields as the
//! header. Written by hand because readers at hand forgive what must be refused here, and tell no column.

use super::window::{Bytes, Window};
use super::{COLUMNS_MAX, FIELD_MAX, RECORD_MAX, Record};
use crate::fault::{Fault, shown};

#[derive(Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    Lf,
    CrLf,
}

pub(crate) struct CsvReader {
    window: Window,
    /// Line at which the next record begins.
    line: u64,
    row: u64,
    columns: usize,
    line_end: Option<LineEnd>,
}

/// A record in the window: its bytes without line end, with line end, and the lines that it takes.
struct Found {
    content: usize,
    whole: usize,
    lines: u64,
    quoted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    FieldStart,
    Plain,
    Quoted,
    /// Behind a quote inside a quoted field: its end, or the first of two.
    Quote,
}

impl CsvReader {
    pub(crate) fn open(bytes: Bytes) -> Result<(Self, Vec<String>), Fault> {
        let mut reader = Self {
            window: Window::new(bytes),
            line: 1,
            row: 0,
            columns: 0,
            line_end: None,
        };
        let mut record = Record::default();
        if !reader.record(&mut record)? {
            return Err(Fault::of_file(
                "empty",
                "the file is empty",
                "write at least the header line",
            ));
        }
        let header: Vec<String> = (0..record.len())
            .map(|place| record.field(place).unwrap_or_default().to_owned())
            .collect();
        check_header(&header, &record)?;
        reader.columns = header.len();
        Ok((reader, header))
    }

    pub(crate) fn next(&mut self, record: &mut Record) -> Result<bool, Fault> {
        if !self.record(record)? {
            return Ok(false);
        }
        self.row = self.row.saturating_add(1);
        record.row = self.row;
        if record.len() == self.columns {
            return Ok(true);
        }
        let (found, wanted) = (record.len(), self.columns);
        if found == 1 && record.text.is_empty() {
            let fault = Fault::of_row("empty_line", "the line is empty", "remove it");
            return Err(fault.at(record.line, 0));
        }
        Err(Fault::of_row(
            "field_count",
            format!("the line has {found} fields and the header {wanted}"),
            "put double quotes around fields that hold commas, and keep empty fields",
        )
        .at(record.line, 0))
    }

    /// Reads one record, whatever its number of fields.
    fn record(&mut self, record: &mut Record) -> Result<bool, Fault> {
        record.clear();
        record.line = self.line;
        let Some(found) = self.find()? else {
            return Ok(false);
        };
        let all = self.window.bytes();
        let content = all.get(..found.content).unwrap_or_default();
        let end = all.get(found.content..found.whole).unwrap_or_default();
        let said = match end {
            b"\n" => Some(LineEnd::Lf),
            b"\r\n" => Some(LineEnd::CrLf),
            _ => None,
        };
        if let Some(said) = said
            && *self.line_end.get_or_insert(said) != said
        {
            return Err(Fault::of_file(
                "mixed_line_ends",
                "line ends are mixed: this line and those before it end in different ways",
                "let all lines end in LF, or all in CRLF",
            )
            .at(self.line, column_of(found.content)));
        }
        let text = text_of(content, self.line)?;
        if found.quoted {
            split_quoted(text, record);
        } else {
            split_plain(text, record);
        }
        check_sizes(record, self.line)?;
        self.line = self.line.saturating_add(found.lines);
        self.window.consume(found.whole);
        Ok(true)
    }

    /// Finds the end of the record at the window's start.
    fn find(&mut self) -> Result<Option<Found>, Fault> {
        let mut looked = 0usize;
        loop {
            let bytes = self.window.bytes();
            let rest = bytes.get(looked..).unwrap_or_default();
            if let Some(place) = memchr::memchr(b'\n', rest) {
                let end = looked.saturating_add(place);
                let line = bytes.get(..end).unwrap_or_default();
                if memchr::memchr2(b'"', b'\r', line).is_none() {
                    return Ok(Some(Found {
                        content: end,
                        whole: end.saturating_add(1),
                        lines: 1,
                        quoted: false,
                    }));
                }
                return self.find_quoted();
            }
            looked = bytes.len();
            if looked > RECORD_MAX && memchr::memchr(b'"', bytes).is_some() {
                return self.find_quoted();
            }
            if !self.window.fill(self.line)? {
                return if looked == 0 {
                    Ok(None)
                } else {
                    self.find_quoted()
                };
            }
        }
    }

    /// The same, byte by byte, for records with quotes or carriage returns and for the last one.
    fn find_quoted(&mut self) -> Result<Option<Found>, Fault> {
        let (mut at, mut place, mut lines, mut quoted) = (At::FieldStart, 0usize, 0u64, false);
        let (mut opened, mut line_start) = ((0u64, 0u64), 0usize);
        loop {
            let bytes = self.window.bytes();
            let Some(byte) = bytes.get(place).copied() else {
                if self.window.fill(self.line)? {
                    continue;
                }
                if at == At::Quoted {
                    return Err(Fault::of_file(
                        "quote_open",
                        "a double quote opens a field here and none closes it before the end of the file",
                        "close it, or remove it; inside a quoted field a double quote stands twice",
                    )
                    .at(opened.0, opened.1));
                }
                let lines = lines.saturating_add(1);
                return Ok(Some(Found {
                    content: place,
                    whole: place,
                    lines,
                    quoted,
                }));
            };
            let here = self.line.saturating_add(lines);
            let column = column_of(place.saturating_sub(line_start));
            at = match (at, byte) {
                (At::FieldStart, b'"') => {
                    quoted = true;
                    opened = (here, column);
                    At::Quoted
                }
                (At::Quoted, b'"') => At::Quote,
                (At::Quote, b'"') => At::Quoted,
                (At::Quoted, b'\n') => {
                    lines = lines.saturating_add(1);
                    line_start = place.saturating_add(1);
                    At::Quoted
                }
                (At::Quoted, _) => At::Quoted,
                (_, b',') => At::FieldStart,
                (_, b'\n') => {
                    return Ok(Some(Found {
                        content: place,
                        whole: place.saturating_add(1),
                        lines: lines.saturating_add(1),
                        quoted,
                    }));
                }
                (_, b'\r') => {
                    if place.saturating_add(1) == bytes.len() && self.window.fill(self.line)? {
                        continue;
                    }
                    if self.window.bytes().get(place.saturating_add(1)) != Some(&b'\n') {
                        return Err(lone_return(here, column));
                    }
                    return Ok(Some(Found {
                        content: place,
                        whole: place.saturating_add(2),
                        lines: lines.saturating_add(1),
                        quoted,
                    }));
                }
                (At::Plain, b'"') => return Err(stray_quote(here, column)),
                (At::Quote, _) => return Err(behind_quote(here, column)),
                (At::FieldStart | At::Plain, _) => At::Plain,
            };
            place = place.saturating_add(1);
        }
    }
}

fn column_of(place: usize) -> u64 {
    u64::try_from(place).unwrap_or(u64::MAX).saturating_add(1)
}

fn lone_return(line: u64, column: u64) -> Fault {
    Fault::of_file(
        "mixed_line_ends",
        "a carriage return stands alone",
        "let all lines end in LF, or all in CRLF",
    )
    .at(line, column)
}

fn stray_quote(line: u64, column: u64) -> Fault {
    Fault::of_file(
        "stray_quote",
        "a double quote stands inside a field that is not quoted",
        "put double quotes around the whole field and write the inner one twice",
    )
    .at(line, column)
}

fn behind_quote(line: u64, column: u64) -> Fault {
    Fault::of_file(
        "stray_quote",
        "text follows the closing double quote of a field",
        "put a comma or the line's end behind it; inside a quoted field a double quote stands twice",
    )
    .at(line, column)
}

/// UTF-8 without NUL.
fn text_of(content: &[u8], line: u64) -> Result<&str, Fault> {
    let text = std::str::from_utf8(content).map_err(|error| {
        let byte = content.get(error.valid_up_to()).copied().unwrap_or(0);
        Fault::of_file(
            "not_utf8",
            format!("byte 0x{byte:02x} is not UTF-8"),
            "save the file in UTF-8 (`iconv -f CP949 -t UTF-8` turns Korean Windows text into it)",
        )
        .at(line, column_of(error.valid_up_to()))
    })?;
    match memchr::memchr(0, content) {
        None => Ok(text),
        Some(place) => {
            let fault = Fault::of_file(
                "nul",
                "a NUL byte stands in the text",
                "export the file again; text has none",
            );
            Err(fault.at(line, column_of(place)))
        }
    }
}

fn split_plain(content: &str, record: &mut Record) {
    record.text.push_str(content);
    let mut start = 0usize;
    for end in memchr::memchr_iter(b',', content.as_bytes()).chain([content.len()]) {
        record.spans.push(super::Span {
            start,
            end,
            column: column_of(start),
        });
        start = end.saturating_add(1);
    }
}

/// Fields of a record that [`CsvReader::find_quoted`] found well-formed.
fn split_quoted(content: &str, record: &mut Record) {
    let bytes = content.as_bytes();
    let mut start = record.text.len();
    let (mut quoted, mut column, mut line_start) = (false, 1u64, 0usize);
    // Text from `run` on is not yet taken; quotes are left out by beginning anew behind them.
    let (mut place, mut run) = (0usize, 0usize);
    let mut field_start = true;
    while let Some(byte) = bytes.get(place).copied() {
        if field_start {
            column = column_of(place.saturating_sub(line_start));
        }
        let next = place.saturating_add(1);
        match byte {
            b'"' if field_start => {
                quoted = true;
                run = next;
            }
            b'"' if quoted && bytes.get(next) == Some(&b'"') => {
                record
                    .text
                    .push_str(content.get(run..next).unwrap_or_default());
                place = next;
                run = next.saturating_add(1);
            }
            b'"' if quoted => {
                record
                    .text
                    .push_str(content.get(run..place).unwrap_or_default());
                quoted = false;
                run = next;
            }
            b',' if !quoted => {
                record
                    .text
                    .push_str(content.get(run..place).unwrap_or_default());
                record.spans.push(super::Span {
                    start,
                    end: record.text.len(),
                    column,
                });
                start = record.text.len();
                field_start = true;
                place = next;
                run = next;
                continue;
            }
            b'\n' => line_start = next,
            _ => {}
        }
        field_start = false;
        place = place.saturating_add(1);
    }
    if field_start {
        column = column_of(place.saturating_sub(line_start));
    }
    record.text.push_str(content.get(run..).unwrap_or_default());
    record.spans.push(super::Span {
        start,
        end: record.text.len(),
        column,
    });
}

fn check_sizes(record: &Record, line: u64) -> Result<(), Fault> {
    if record.len() > COLUMNS_MAX {
        return Err(Fault::of_file(
            "too_many_columns",
            format!(
                "the line has {} fields; at most {COLUMNS_MAX} are read",
                record.len()
            ),
            "export only the columns that the profile names",
        )
        .at(line, 0));
    }
    if let Some(span) = record
        .spans
        .iter()
        .find(|s| s.end.saturating_sub(s.start) > FIELD_MAX)
    {
        let size = span.end.saturating_sub(span.start);
        return Err(Fault::of_file(
            "field_too_long",
            format!("a field has {size} bytes; at most {FIELD_MAX} are read"),
            "leave that column out of the export",
        )
        .at(line, span.column));
    }
    Ok(())
}

fn check_header(header: &[String], record: &Record) -> Result<(), Fault> {
    if let [only] = header
        && only.contains([';', '\t', '|'])
    {
        return Err(Fault::of_file(
            "wrong_separator",
            "the header's fields are not separated by commas",
            "export with commas (in Korean and European spreadsheets: `CSV UTF-8 (comma delimited)`)",
        )
        .at(1, 1));
    }
    for (place, name) in header.iter().enumerate() {
        let earlier = header.get(..place).unwrap_or_default();
        if !name.is_empty() && earlier.contains(name) {
            return Err(Fault::of_file(
                "header_twice",
                format!("the header names `{}` twice", shown(name)),
                "give each column a name of its own",
            )
            .at(1, record.column(place)));
        }
    }
    Ok(())
}
