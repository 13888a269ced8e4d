//! A fault of an input: where it is, what stands there, why it is refused, and what would be right.

use std::fmt;

/// Longest piece of a value that a message shows, in characters.
const SHOWN: usize = 40;

/// Why a record or a whole file is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Stable code for programs, lower snake case.
    pub code: &'static str,
    /// Line of the file, from 1; the row's number in Parquet. Zero where the fault is the file's.
    pub line: u64,
    /// Where on the line the field begins, in bytes from 1. Zero where no field is at fault.
    pub column: u64,
    /// Name of the field; empty where no field is at fault.
    pub field: Box<str>,
    /// What stands there, shortened and escaped; `None` where nothing could be shown.
    pub value: Option<Box<str>>,
    /// Why it is refused.
    pub reason: Box<str>,
    /// What would be right.
    pub fix: Box<str>,
    /// True where nothing behind it can be read with any trust: such a file is refused whole, also under quarantine.
    pub whole_file: bool,
}

impl Fault {
    /// A fault of the file as a whole.
    #[must_use]
    pub fn of_file(code: &'static str, reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            code,
            line: 0,
            column: 0,
            field: Box::default(),
            value: None,
            reason: reason.into().into_boxed_str(),
            fix: fix.into().into_boxed_str(),
            whole_file: true,
        }
    }

    /// A fault of one record; others can be read.
    #[must_use]
    pub fn of_row(code: &'static str, reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            whole_file: false,
            ..Self::of_file(code, reason, fix)
        }
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, line: u64, column: u64) -> Self {
        self.line = line;
        self.column = column;
        self
    }

    /// Says which field and what stands there.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.field = shown(name).into_boxed_str();
        self.value = Some(shown(value).into_boxed_str());
        self
    }

    /// The message with the file's name: place, value, reason and fix.
    #[must_use]
    pub fn in_file(&self, name: &str) -> String {
        format!("`{name}` {self}")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}", self.line)?;
            if self.column > 0 {
                write!(f, ", column {}", self.column)?;
            }
            if !self.field.is_empty() {
                write!(f, ", field `{}`", self.field)?;
            }
            if let Some(value) = &self.value {
                write!(f, ", value `{value}`")?;
            }
            f.write_str(": ")?;
        }
        write!(f, "{}; {}", self.reason, self.fix)
    }
}

/// A value as a message shows it: control characters and backticks escaped, and no longer than 40 characters.
#[must_use]
pub fn shown(value: &str) -> String {
    let mut out = String::new();
    for (count, c) in value.chars().enumerate() {
        if count == SHOWN {
            out.push_str(&format!("… ({} bytes)", value.len()));
            break;
        }
        match c {
            '`' => out.push_str("\\u{60}"),
            c if c.is_control() || is_invisible(c) => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

/// Characters that change how text beside them looks, or can't be seen (Unicode "bidirectional controls" and others).
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
