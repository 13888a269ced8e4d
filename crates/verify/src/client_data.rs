//! The client data of an assertion: JSON as browsers write it, read without guessing.
//!
//! Any JSON text of RFC 8259 is taken, since browsers add members and spaces as they like; a byte order mark, a repeated
//! key at any depth and a lone surrogate are refused, because two readers could understand them differently.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;

/// Largest client data in bytes.
pub(crate) const MAX_BYTES: usize = 16_384;
/// How deep lists and objects may be nested.
const MAX_DEPTH: usize = 16;

/// A member of the top object as far as it is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Member {
    /// A text, escapes resolved.
    Text(String),
    /// `true` or `false`.
    Bool(bool),
    /// Anything else.
    Other,
}

/// The members that decide (W3C Web Authentication Level 3, section 5.8.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ClientData {
    pub(crate) kind: Option<Member>,
    pub(crate) challenge: Option<Member>,
    pub(crate) origin: Option<Member>,
    pub(crate) cross_origin: Option<Member>,
    pub(crate) top_origin: Option<Member>,
}

impl ClientData {
    /// Reads client data, or says in words why not.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > MAX_BYTES {
            return Err(format!("more than {MAX_BYTES} bytes"));
        }
        let text = core::str::from_utf8(bytes).map_err(|_| String::from("not UTF-8"))?;
        if text.starts_with('\u{feff}') {
            return Err(String::from("begins with a byte order mark"));
        }
        let mut reader = Reader { text, at: 0 };
        let mut data = Self::default();
        reader.space();
        if reader.peek() != Some(b'{') {
            return Err(String::from("not a JSON object"));
        }
        reader.object(0, &mut |key, member| {
            let place = match key {
                "type" => &mut data.kind,
                "challenge" => &mut data.challenge,
                "origin" => &mut data.origin,
                "crossOrigin" => &mut data.cross_origin,
                "topOrigin" => &mut data.top_origin,
                _ => return,
            };
            *place = Some(member);
        })?;
        reader.space();
        if reader.at == text.len() {
            Ok(data)
        } else {
            Err(reader.error("more after the end"))
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn error(&self, cause: &str) -> String {
        format!("{cause} at byte {}", self.at)
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    fn space(&mut self) {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        let spaces = self.rest().bytes().take_while(blank).count();
        self.skip(spaces);
    }

    fn take(&mut self, expected: &str) -> Result<(), String> {
        if self.rest().starts_with(expected) {
            self.skip(expected.len());
            Ok(())
        } else {
            Err(self.error(&format!("expected `{expected}`")))
        }
    }

    fn value(&mut self, depth: usize) -> Result<Member, String> {
        if depth > MAX_DEPTH {
            return Err(self.error("nested too deeply"));
        }
        match self.peek() {
            Some(b'"') => self.string().map(Member::Text),
            Some(b'{') => self.object(depth, &mut |_, _| ()).map(|()| Member::Other),
            Some(b'[') => self.list(depth).map(|()| Member::Other),
            Some(b't') => self.take("true").map(|()| Member::Bool(true)),
            Some(b'f') => self.take("false").map(|()| Member::Bool(false)),
            Some(b'n') => self.take("null").map(|()| Member::Other),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| Member::Other),
            _ => Err(self.error("no JSON value")),
        }
    }

    fn object(&mut self, depth: usize, take: &mut dyn FnMut(&str, Member)) -> Result<(), String> {
        let mut keys = BTreeSet::new();
        self.take("{")?;
        self.space();
        if self.peek() == Some(b'}') {
            return self.take("}");
        }
        loop {
            let key = self.string()?;
            self.space();
            self.take(":")?;
            self.space();
            let member = self.value(depth.saturating_add(1))?;
            take(&key, member);
            if !keys.insert(key) {
                return Err(self.error("a repeated key"));
            }
            self.space();
            if self.peek() == Some(b'}') {
                return self.take("}");
            }
            self.take(",")?;
            self.space();
        }
    }

    fn list(&mut self, depth: usize) -> Result<(), String> {
        self.take("[")?;
        self.space();
        if self.peek() == Some(b']') {
            return self.take("]");
        }
        loop {
            self.value(depth.saturating_add(1))?;
            self.space();
            if self.peek() == Some(b']') {
                return self.take("]");
            }
            self.take(",")?;
            self.space();
        }
    }

    fn digits(&mut self) -> Result<usize, String> {
        let count = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        if count == 0 {
            return Err(self.error("expected a digit"));
        }
        self.skip(count);
        Ok(count)
    }

    fn number(&mut self) -> Result<(), String> {
        if self.peek() == Some(b'-') {
            self.skip(1);
        }
        let zero = self.peek() == Some(b'0');
        if self.digits()? > 1 && zero {
            return Err(self.error("a number with leading zeros"));
        }
        if self.peek() == Some(b'.') {
            self.skip(1);
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.skip(1);
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.skip(1);
            }
            self.digits()?;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<String, String> {
        self.take("\"")?;
        let mut out = String::new();
        loop {
            let special = |byte: u8| byte == b'"' || byte == b'\\' || byte < b' ';
            let Some(stop) = self.rest().bytes().position(special) else {
                return Err(self.error("a text without an end"));
            };
            out.push_str(self.rest().get(..stop).unwrap_or(""));
            self.skip(stop);
            match self.peek() {
                Some(b'"') => {
                    self.skip(1);
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                _ => return Err(self.error("a control character in a text")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        let character = match self.rest().as_bytes().get(1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.error("an unknown escape")),
        };
        self.skip(2);
        Ok(character)
    }

    fn unicode(&mut self) -> Result<char, String> {
        let first = self.unit()?;
        let code = match first {
            0xd800..=0xdbff => {
                let second = self.unit()?;
                match char::decode_utf16([first, second]).next() {
                    Some(Ok(character)) => Some(character),
                    _ => None,
                }
            }
            unit => char::from_u32(u32::from(unit)),
        };
        code.ok_or_else(|| self.error("a lone surrogate"))
    }

    fn unit(&mut self) -> Result<u16, String> {
        let digits = self
            .rest()
            .strip_prefix("\\u")
            .and_then(|rest| rest.get(..4));
        let unit = digits
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|digits| u16::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or_else(|| self.error("no escape of four hexadecimal digits"))?;
        self.skip(6);
        Ok(unit)
    }
}
