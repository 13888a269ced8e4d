//! The one place that prints: answers to standard output, as text for people or JSON for programs; messages to
//! standard error. A reader that stops early (`| head`) has what it wanted and is no error.

use super::exit::Failure;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};
use std::io::{self, ErrorKind, Write};

/// Where a verb prints.
#[derive(Debug)]
pub struct Output {
    out: io::BufWriter<io::Stdout>,
    json: bool,
    closed: bool,
}

impl Output {
    /// Text for people, or with `json` for programs.
    #[must_use]
    pub fn new(json: bool) -> Self {
        Self {
            out: io::BufWriter::new(io::stdout()),
            json,
            closed: false,
        }
    }

    /// Whether JSON is wanted.
    #[must_use]
    pub const fn is_json(&self) -> bool {
        self.json
    }

    /// Whether the reader has gone away; a long answer may then stop.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    fn settle(&mut self, written: io::Result<()>) -> Result<(), Failure> {
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            Err(error) => Err(Failure::fault(
                "output",
                format!("can't write the answer to standard output: {error}"),
            )),
            Ok(()) => Ok(()),
        }
    }

    /// Prints one line (or several, each ending in a newline but the last).
    ///
    /// # Errors
    /// Standard output can't be written, other than by a reader that went away.
    pub fn line(&mut self, text: &str) -> Result<(), Failure> {
        if self.closed {
            return Ok(());
        }
        let text = text.trim_end_matches('\n');
        let written = writeln!(self.out, "{text}");
        self.settle(written)
    }

    /// Prints the answer of a verb: `text` for people or `value` for programs.
    ///
    /// # Errors
    /// As [`line`](Self::line).
    pub fn answer(&mut self, text: &str, value: &Value) -> Result<(), Failure> {
        if self.json {
            self.line(&format!("{value:#}"))?;
        } else {
            self.line(text)?;
        }
        self.flush()
    }

    /// Hands over what was printed so far.
    ///
    /// # Errors
    /// As [`line`](Self::line).
    pub fn flush(&mut self) -> Result<(), Failure> {
        if self.closed {
            return Ok(());
        }
        let flushed = self.out.flush();
        self.settle(flushed)
    }
}

/// Says something beside the answer, on standard error.
pub fn note(text: &str) {
    // Where nobody hears, nothing can be said.
    let _unheard = writeln!(io::stderr(), "note: {text}");
}

/// Says why a verb was not done: a sentence on standard error and, for programs, an object on standard output.
pub fn failure(failure: &Failure, json: bool) {
    // Where nobody hears, the exit code still says it.
    let _unheard = writeln!(io::stderr(), "error: {}", failure.message);
    if json {
        let error = json!({
            "error": { "code": failure.code, "exit": failure.exit.code(), "message": failure.message },
        });
        let _unheard = writeln!(io::stdout(), "{error:#}");
    }
}

/// A table without lines: names to the left, numbers (columns listed in `right`) to the right, two spaces before.
#[must_use]
pub fn table(header: &[&str], right: &[usize], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for place in right {
        if let Some(column) = table.column_mut(*place) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines = table.lines().map(|line| format!(" {}", line.trim_end()));
    lines.collect::<Vec<_>>().join("\n")
}
