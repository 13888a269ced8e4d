//! Canonical JSON (RFC 8785, JCS) of our own documents: a reader that accepts the canonical bytes only, and the writer.
//!
//! Our documents hold no signed or broken numbers: every number is an integer from 0 to 2^53 - 1, amounts are texts.
//! The reader refuses whitespace, repeated keys, unsorted keys, other number forms and every escape that JCS doesn't
//! write, so each document has exactly one accepted byte form and what was hashed is what was read.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

/// Largest integer that every JSON reader keeps exactly: 2^53 - 1 (RFC 8785, section 3.2.2.3).
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// How deep lists and objects may be nested.
const MAX_DEPTH: usize = 32;

/// A document isn't what its format asks for: where, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatError {
    /// Field or byte offset, such as `manifest.assets[2].paid`.
    pub place: String,
    /// What is wrong there, in words.
    pub cause: String,
}

impl FormatError {
    /// An error at `place` with the given cause.
    pub fn new(place: impl Into<String>, cause: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            cause: cause.into(),
        }
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.place, self.cause)
    }
}

impl core::error::Error for FormatError {}

/// A canonical JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer, at most [`MAX_INTEGER`].
    Integer(u64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// An object; the members are unique and in JCS order (UTF-16 code units).
    Object(Vec<(String, Value)>),
}

impl Value {
    /// A text value.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// An amount in minor units, as JSON carries it: a decimal text.
    pub fn amount(amount: u128) -> Self {
        Self::Text(amount.to_string())
    }

    /// An object of `members`; sorts them. A key given twice stays twice and is refused by every reader.
    pub fn object(members: Vec<(&str, Value)>) -> Self {
        let mut members: Vec<(String, Value)> = members
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        members.sort_by(|(a, _), (b, _)| utf16_order(a, b));
        Self::Object(members)
    }

    /// The canonical bytes.
    pub fn to_canonical(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Integer(number) => out.push_str(&number.to_string()),
            Self::Text(text) => write_text(text, out),
            Self::List(items) => {
                out.push('[');
                for (position, item) in items.iter().enumerate() {
                    if position > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (position, (key, value)) in members.iter().enumerate() {
                    if position > 0 {
                        out.push(',');
                    }
                    write_text(key, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

/// RFC 8785, section 3.2.3: keys are ordered by their UTF-16 code units.
fn utf16_order(a: &str, b: &str) -> Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}

/// RFC 8785, section 3.2.2.2: two-character escapes where JSON has them, `\u00xx` in lower case for other controls.
fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
}

/// Reads one canonical document; `name` is used in error places.
///
/// # Errors
/// Anything but the canonical form, with the byte offset.
pub fn parse(name: &str, text: &str) -> Result<Value, FormatError> {
    let mut reader = Reader { name, text, at: 0 };
    let value = reader.value(0)?;
    if reader.at != text.len() {
        return Err(reader.error("more text after the end of the document"));
    }
    Ok(value)
}

struct Reader<'a> {
    name: &'a str,
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn error(&self, cause: impl Into<String>) -> FormatError {
        FormatError::new(format!("{} at byte {}", self.name, self.at), cause)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, expected: &str) -> Result<(), FormatError> {
        match self.text.get(self.at..) {
            Some(rest) if rest.starts_with(expected) => {
                self.at = self.at.saturating_add(expected.len());
                Ok(())
            }
            _ => Err(self.error(format!("expected `{expected}`"))),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, FormatError> {
        if depth > MAX_DEPTH {
            return Err(self.error("nested too deeply"));
        }
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(Value::Text),
            Some(b't') => self.take("true").map(|()| Value::Bool(true)),
            Some(b'f') => self.take("false").map(|()| Value::Bool(false)),
            Some(b'n') => self.take("null").map(|()| Value::Null),
            Some(b'0'..=b'9') => self.integer().map(Value::Integer),
            Some(b' ' | b'\n' | b'\r' | b'\t') => {
                Err(self.error("whitespace, which canonical JSON does not have"))
            }
            Some(_) => Err(self.error("not a JSON value of this format")),
            None => Err(self.error("the document ends too early")),
        }
    }

    fn integer(&mut self) -> Result<u64, FormatError> {
        let rest = self.text.get(self.at..).unwrap_or("");
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let digits = rest.get(..length).unwrap_or("");
        if digits.len() > 1 && digits.starts_with('0') {
            return Err(self.error("number with leading zeros"));
        }
        if matches!(rest.as_bytes().get(length), Some(b'.' | b'e' | b'E')) {
            return Err(
                self.error("number with a fraction or an exponent; only integers are allowed")
            );
        }
        let number = digits
            .parse::<u64>()
            .ok()
            .filter(|number| *number <= MAX_INTEGER);
        let number = number.ok_or_else(|| self.error("number above 2^53 - 1"))?;
        self.at = self.at.saturating_add(length);
        Ok(number)
    }

    fn list(&mut self, depth: usize) -> Result<Value, FormatError> {
        self.take("[")?;
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.take("]")?;
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(depth.saturating_add(1))?);
            if self.peek() == Some(b',') {
                self.take(",")?;
            } else {
                self.take("]")?;
                return Ok(Value::List(items));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, FormatError> {
        self.take("{")?;
        let mut members: Vec<(String, Value)> = Vec::new();
        if self.peek() == Some(b'}') {
            self.take("}")?;
            return Ok(Value::Object(members));
        }
        loop {
            let key = self.string()?;
            if let Some((last, _)) = members.last() {
                match utf16_order(last, &key) {
                    Ordering::Less => {}
                    Ordering::Equal => return Err(self.error(format!("key `{key}` is repeated"))),
                    Ordering::Greater => {
                        return Err(self.error(format!("key `{key}` is out of order")));
                    }
                }
            }
            self.take(":")?;
            let value = self.value(depth.saturating_add(1))?;
            members.push((key, value));
            if self.peek() == Some(b',') {
                self.take(",")?;
            } else {
                self.take("}")?;
                return Ok(Value::Object(members));
            }
        }
    }

    fn string(&mut self) -> Result<String, FormatError> {
        self.take("\"")?;
        let mut out = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or("");
            let Some(stop) = rest
                .bytes()
                .position(|byte| byte == b'"' || byte == b'\\' || byte < b' ')
            else {
                return Err(self.error("text without an end"));
            };
            out.push_str(rest.get(..stop).unwrap_or(""));
            self.at = self.at.saturating_add(stop);
            match self.peek() {
                Some(b'"') => {
                    self.take("\"")?;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                _ => return Err(self.error("control character inside a text")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, FormatError> {
        let rest = self.text.get(self.at..).unwrap_or("");
        let pair = match rest.as_bytes().get(1) {
            Some(b'"') => Some('"'),
            Some(b'\\') => Some('\\'),
            Some(b'b') => Some('\u{8}'),
            Some(b't') => Some('\t'),
            Some(b'n') => Some('\n'),
            Some(b'f') => Some('\u{c}'),
            Some(b'r') => Some('\r'),
            _ => None,
        };
        if let Some(character) = pair {
            self.at = self.at.saturating_add(2);
            return Ok(character);
        }
        let character = rest
            .strip_prefix("\\u")
            .and_then(|hex| hex.get(..4))
            .and_then(|hex| u8::from_str_radix(hex, 16).ok())
            .map(char::from);
        match character {
            Some(character) if rest.starts_with(&canonical_escape(character)) => {
                self.at = self.at.saturating_add(6);
                Ok(character)
            }
            _ => Err(self.error("an escape that canonical JSON does not write")),
        }
    }
}

/// The escape JCS writes for a control character, or a text that never occurs.
fn canonical_escape(character: char) -> String {
    match character {
        '\u{8}' | '\t' | '\n' | '\u{c}' | '\r' => "\0".to_owned(),
        control if control < ' ' => format!("\\u{:04x}", u32::from(control)),
        _ => "\0".to_owned(),
    }
}

/// The members of one object, taken by name; what is left over at the end is refused.
pub struct Fields<'a> {
    place: String,
    members: &'a [(String, Value)],
    taken: Vec<bool>,
}

impl<'a> Fields<'a> {
    /// Opens an object.
    ///
    /// # Errors
    /// `value` is no object.
    pub fn of(place: &str, value: &'a Value) -> Result<Self, FormatError> {
        match value {
            Value::Object(members) => Ok(Self {
                place: place.to_owned(),
                members,
                taken: members.iter().map(|_| false).collect(),
            }),
            _ => Err(FormatError::new(place, "must be an object")),
        }
    }

    /// The place of field `key`, for messages.
    pub fn place_of(&self, key: &str) -> String {
        format!("{}.{key}", self.place)
    }

    /// An error at field `key`.
    pub fn error(&self, key: &str, cause: impl Into<String>) -> FormatError {
        FormatError::new(self.place_of(key), cause)
    }

    /// A member that may be absent.
    pub fn optional(&mut self, key: &str) -> Option<&'a Value> {
        let position = self.members.iter().position(|(name, _)| name == key)?;
        if let Some(taken) = self.taken.get_mut(position) {
            *taken = true;
        }
        self.members.get(position).map(|(_, value)| value)
    }

    /// A member that must be there.
    ///
    /// # Errors
    /// It isn't.
    pub fn value(&mut self, key: &str) -> Result<&'a Value, FormatError> {
        self.optional(key)
            .ok_or_else(|| self.error(key, "is missing"))
    }

    /// A text.
    ///
    /// # Errors
    /// Missing or another type.
    pub fn text(&mut self, key: &str) -> Result<&'a str, FormatError> {
        match self.value(key)? {
            Value::Text(text) => Ok(text),
            _ => Err(self.error(key, "must be a text")),
        }
    }

    /// A text that may be absent.
    ///
    /// # Errors
    /// Another type.
    pub fn optional_text(&mut self, key: &str) -> Result<Option<&'a str>, FormatError> {
        match self.optional(key) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(self.error(key, "must be a text")),
        }
    }

    /// A text that must be exactly `expected`, such as the type of the document.
    ///
    /// # Errors
    /// Missing or different.
    pub fn constant(&mut self, key: &str, expected: &str) -> Result<(), FormatError> {
        let found = self.text(key)?;
        if found == expected {
            Ok(())
        } else {
            Err(self.error(key, format!("is `{found}`, must be `{expected}`")))
        }
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// Missing or another type.
    pub fn boolean(&mut self, key: &str) -> Result<bool, FormatError> {
        match self.value(key)? {
            Value::Bool(value) => Ok(*value),
            _ => Err(self.error(key, "must be `true` or `false`")),
        }
    }

    /// An integer from `low` to `high`.
    ///
    /// # Errors
    /// Missing, another type or out of range.
    pub fn integer(&mut self, key: &str, low: u64, high: u64) -> Result<u64, FormatError> {
        match self.value(key)? {
            Value::Integer(number) if (low..=high).contains(number) => Ok(*number),
            Value::Integer(number) => {
                Err(self.error(key, format!("`{number}` is not within {low} to {high}")))
            }
            _ => Err(self.error(key, "must be an integer")),
        }
    }

    /// An integer that fits `u8`, from `low` to `high`.
    ///
    /// # Errors
    /// Missing, another type or out of range.
    pub fn small(&mut self, key: &str, low: u8, high: u8) -> Result<u8, FormatError> {
        let number = self.integer(key, u64::from(low), u64::from(high))?;
        u8::try_from(number).map_err(|_| self.error(key, "is too large"))
    }

    /// An integer that fits `u16`.
    ///
    /// # Errors
    /// Missing, another type or out of range.
    pub fn short(&mut self, key: &str) -> Result<u16, FormatError> {
        let number = self.integer(key, 0, u64::from(u16::MAX))?;
        u16::try_from(number).map_err(|_| self.error(key, "is too large"))
    }

    /// An amount in minor units: a text `0|[1-9][0-9]*` below 2^128.
    ///
    /// # Errors
    /// Missing or another form.
    pub fn amount(&mut self, key: &str) -> Result<u128, FormatError> {
        let text = self.text(key)?;
        parse_amount(text).ok_or_else(|| {
            self.error(
                key,
                format!("`{text}` is not an amount in minor units below 2^128"),
            )
        })
    }

    /// `N` bytes in lower-case hex.
    ///
    /// # Errors
    /// Missing or another form.
    pub fn hex<const N: usize>(&mut self, key: &str) -> Result<[u8; N], FormatError> {
        let text = self.text(key)?;
        parse_hex(text)
            .ok_or_else(|| self.error(key, format!("must be {N} bytes in lower-case hex")))
    }

    /// A list.
    ///
    /// # Errors
    /// Missing or another type.
    pub fn list(&mut self, key: &str) -> Result<&'a [Value], FormatError> {
        match self.value(key)? {
            Value::List(items) => Ok(items),
            _ => Err(self.error(key, "must be a list")),
        }
    }

    /// Refuses members that nobody asked for.
    ///
    /// # Errors
    /// The first unknown field.
    pub fn done(self) -> Result<(), FormatError> {
        match self
            .members
            .iter()
            .zip(&self.taken)
            .find(|(_, taken)| !**taken)
        {
            Some(((key, _), _)) => Err(self.error(key, "is not a field of this format")),
            None => Ok(()),
        }
    }
}

/// An amount in minor units from its only written form, `0|[1-9][0-9]*` below 2^128.
pub fn parse_amount(text: &str) -> Option<u128> {
    let canonical = text == "0"
        || (!text.starts_with('0') && !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()));
    if canonical { text.parse().ok() } else { None }
}

/// Exactly `N` bytes from lower-case hex.
pub fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if Some(digits.len()) != N.checked_mul(2) {
        return None;
    }
    let mut bytes = [0u8; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair
            .iter()
            .try_fold(0u8, |value, digit| Some((value << 4) | hex_digit(*digit)?))?;
    }
    Some(bytes)
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => digit.checked_sub(b'0'),
        b'a'..=b'f' => digit
            .checked_sub(b'a')
            .and_then(|value| value.checked_add(10)),
        _ => None,
    }
}

/// Lower-case hex.
pub fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let mut out = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            out.extend(DIGITS.get(usize::from(digit)));
        }
    }
    out
}

/// `H(label || JCS(document))`: digest of commands, intents, clearances and redemptions, each with its own label such
/// as `keepwhole/command/v1\n` (see docs/proof-formats.md).
pub fn labelled_digest(label: &str, document: &Value) -> [u8; 32] {
    use sha2::Digest;
    let mut hash = sha2::Sha256::new();
    hash.update(label.as_bytes());
    hash.update(document.to_canonical().as_bytes());
    hash.finalize().into()
}
