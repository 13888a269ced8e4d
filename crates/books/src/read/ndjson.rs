//! NDJSON: one JSON object a line. Only the wanted names are taken out; numbers stay the digits that stand there.

use super::window::{Bytes, Window};
use super::{COLUMNS_MAX, FIELD_MAX, Record};
use crate::fault::Fault;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

pub(crate) struct NdjsonReader {
    window: Window,
    line: u64,
    row: u64,
    wanted: Vec<Wanted>,
    /// Name of the array whose objects are records of their own, where a wanted name goes into one.
    array: Option<String>,
    /// Records of the present line that were not handed out yet: bounds of the array's elements in `text`.
    elements: Vec<(usize, usize)>,
    next_element: usize,
    text: Vec<u8>,
}

/// A name whose value is wanted.
struct Wanted {
    name: String,
    /// The array, and the name in its objects, for a value inside one.
    inside: Option<(String, String)>,
}

impl Wanted {
    fn of(name: &str) -> Self {
        let inside = name.split_once("[].");
        Self {
            name: name.to_owned(),
            inside: inside.map(|(array, rest)| (array.to_owned(), rest.to_owned())),
        }
    }
}

impl NdjsonReader {
    pub(crate) fn open(bytes: Bytes) -> Result<(Self, Vec<String>), Fault> {
        let mut reader = Self {
            window: Window::new(bytes),
            line: 0,
            row: 0,
            wanted: Vec::new(),
            array: None,
            elements: Vec::new(),
            next_element: 0,
            text: Vec::new(),
        };
        // The first line is looked at and left in place.
        let length = reader.line_length()?.map_or(0, |(length, _)| length);
        let first = reader.window.bytes().get(..length).unwrap_or_default();
        let header = text_of(first, 1)
            .ok()
            .and_then(|text| serde_json::from_str::<&RawValue>(text).ok())
            .map(|raw| names_in(raw, "", 0))
            .unwrap_or_default();
        Ok((reader, header))
    }

    pub(crate) fn select(&mut self, names: &[String]) {
        self.wanted = names.iter().map(|name| Wanted::of(name)).collect();
        self.array = names
            .iter()
            .find_map(|name| name.split_once("[].").map(|(array, _)| array.to_owned()));
    }

    /// Bytes of the next line without and with its end; `None` at the end of the file.
    fn line_length(&mut self) -> Result<Option<(usize, usize)>, Fault> {
        let mut looked = 0usize;
        loop {
            let bytes = self.window.bytes();
            if let Some(place) = memchr::memchr(b'\n', bytes.get(looked..).unwrap_or_default()) {
                let end = looked.saturating_add(place);
                let line = bytes.get(..end).unwrap_or_default();
                let content = line.strip_suffix(b"\r").unwrap_or(line).len();
                return Ok(Some((content, end.saturating_add(1))));
            }
            looked = bytes.len();
            if !self.window.fill(self.line.saturating_add(1))? {
                return Ok((looked > 0).then_some((looked, looked)));
            }
        }
    }

    pub(crate) fn next(&mut self, record: &mut Record) -> Result<bool, Fault> {
        record.clear();
        if self.next_element < self.elements.len() {
            return self.element(record).map(|()| true);
        }
        let Some((content, whole)) = self.line_length()? else {
            return Ok(false);
        };
        self.line = self.line.saturating_add(1);
        self.row = self.row.saturating_add(1);
        (record.line, record.row) = (self.line, self.row);
        let line = self.window.bytes().get(..content).unwrap_or_default();
        self.text.clear();
        self.text.extend_from_slice(line);
        self.window.consume(whole);
        let text = text_of(&self.text, self.line)?;
        record.raw.extend_from_slice(text.as_bytes());
        if text.trim().is_empty() {
            let fault = Fault::of_row("empty_line", "the line is empty", "remove it");
            return Err(fault.at(self.line, 0));
        }
        self.elements.clear();
        self.next_element = 0;
        if let Some(array) = &self.array {
            self.elements = elements_of(text, array, self.line)?;
            if self.elements.is_empty() {
                let fault = Fault::of_row("empty_array", "the array is empty", "remove the line");
                return Err(fault.at(self.line, 1).field(array, "[]"));
            }
            return self.element(record).map(|()| true);
        }
        take(text, None, &self.wanted, record).map_err(|fault| fault.at_line(self.line))?;
        Ok(true)
    }

    fn element(&mut self, record: &mut Record) -> Result<(), Fault> {
        let (start, end) = self
            .elements
            .get(self.next_element)
            .copied()
            .unwrap_or_default();
        self.next_element = self.next_element.saturating_add(1);
        (record.line, record.row) = (self.line, self.row);
        record.part = u32::try_from(self.next_element).unwrap_or(u32::MAX);
        if record.raw.is_empty() {
            record.raw.extend_from_slice(&self.text);
        }
        let text = text_of(&self.text, self.line)?;
        let part = text.get(start..end).unwrap_or_default();
        let array = self.array.as_deref().unwrap_or_default();
        take(text, Some((array, part)), &self.wanted, record).map_err(|fault| {
            // A line with one bad part is refused once.
            self.elements.clear();
            self.next_element = 0;
            fault.at_line(self.line)
        })
    }
}

impl Fault {
    fn at_line(mut self, line: u64) -> Self {
        self.line = line;
        self
    }
}

fn text_of(bytes: &[u8], line: u64) -> Result<&str, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let byte = bytes.get(error.valid_up_to()).copied().unwrap_or(0);
        let column = u64::try_from(error.valid_up_to())
            .unwrap_or(0)
            .saturating_add(1);
        Fault::of_file(
            "not_utf8",
            format!("byte 0x{byte:02x} is not UTF-8"),
            "save the file in UTF-8",
        )
        .at(line, column)
    })?;
    match memchr::memchr(0, bytes) {
        None => Ok(text),
        Some(place) => {
            let column = u64::try_from(place).unwrap_or(0).saturating_add(1);
            let fix = "export the file again; text has none";
            Err(Fault::of_file("nul", "a NUL byte stands in the text", fix).at(line, column))
        }
    }
}

/// One object with its values unread, in the order of the text; a name that stands twice is an error.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::with_capacity(16);
        while let Some(name) = map.next_key::<BorrowedName<'de>>()? {
            if members.len() >= COLUMNS_MAX {
                return Err(serde::de::Error::custom(
                    "more than 1,024 names in one object",
                ));
            }
            if members.iter().any(|(known, _)| *known == name.0) {
                return Err(serde::de::Error::custom(format_args!(
                    "the name `{}` stands twice",
                    crate::fault::shown(&name.0)
                )));
            }
            members.push((name.0, map.next_value()?));
        }
        Ok(Members(members))
    }
}

#[derive(serde::Deserialize)]
struct BorrowedName<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Members<'a> {
    fn read(text: &'a str) -> Result<Self, Fault> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let members = reader.deserialize_map(MembersVisitor).and_then(|members| {
            reader.end()?;
            Ok(members)
        });
        members.map_err(|error| {
            let said = error.to_string();
            let said = said.split(" at line ").next().unwrap_or_default();
            let column = u64::try_from(error.column()).unwrap_or(0);
            Fault::of_row(
                "not_json",
                format!("not a JSON object: {said}"),
                "write one whole JSON object a line",
            )
            .at(1, column)
        })
    }

    fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, raw)| *raw)
    }
}

fn elements_of(text: &str, array: &str, line: u64) -> Result<Vec<(usize, usize)>, Fault> {
    let members = Members::read(text).map_err(|fault| fault.at_line(line))?;
    let missing = || {
        let fault = Fault::of_row(
            "missing",
            "there is no such array",
            "write it as an array of objects",
        );
        fault.at(line, 1).field(array, "")
    };
    let mut raw = None;
    let mut inside = members;
    for name in array.split('.') {
        let found = inside.get(name).ok_or_else(missing)?;
        raw = Some(found);
        if found.get().starts_with('{') {
            inside = Members::read(found.get()).map_err(|fault| fault.at_line(line))?;
        }
    }
    let raw = raw.ok_or_else(missing)?;
    let list: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(|_| missing())?;
    let base = text.as_ptr().addr();
    Ok(list
        .iter()
        .map(|element| {
            let start = element.get().as_ptr().addr().saturating_sub(base);
            (start, start.saturating_add(element.get().len()))
        })
        .collect())
}

/// Takes the wanted values out of an object, and out of one element of its array.
fn take(
    text: &str,
    element: Option<(&str, &str)>,
    wanted: &[Wanted],
    record: &mut Record,
) -> Result<(), Fault> {
    let members = Members::read(text)?;
    let inner = match element {
        Some((_, part)) => Some(Members::read(part)?),
        None => None,
    };
    for Wanted { name, inside } in wanted {
        let raw = match (inside, &inner) {
            (Some((array, rest)), Some(inner))
                if element.is_some_and(|(known, _)| known == array) =>
            {
                find(inner, rest)?
            }
            (Some(_), _) => None,
            (None, _) => find(&members, name)?,
        };
        let Some(raw) = raw else {
            record.push("", 0);
            continue;
        };
        let place = raw
            .get()
            .as_ptr()
            .addr()
            .saturating_sub(text.as_ptr().addr());
        let column = u64::try_from(place).unwrap_or(0).saturating_add(1);
        let value = value_of(raw.get(), name, column)?;
        if value.len() > FIELD_MAX {
            return Err(Fault::of_row(
                "field_too_long",
                format!(
                    "a value has {} bytes; at most {FIELD_MAX} are read",
                    value.len()
                ),
                "leave that name out of the export",
            )
            .at(1, column));
        }
        record.push(&value, column);
    }
    Ok(())
}

fn find<'a>(members: &Members<'a>, path: &str) -> Result<Option<&'a RawValue>, Fault> {
    if let Some(raw) = members.get(path) {
        return Ok(Some(raw));
    }
    let Some((name, rest)) = path.split_once('.') else {
        return Ok(None);
    };
    match members.get(name) {
        Some(raw) if raw.get().starts_with('{') => find(&Members::read(raw.get())?, rest),
        _ => Ok(None),
    }
}

/// The text of a value: a string's content, a number's digits, true or false, nothing for null.
fn value_of<'a>(raw: &'a str, name: &str, column: u64) -> Result<Cow<'a, str>, Fault> {
    let plain = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"'));
    match (raw.as_bytes().first(), plain) {
        (_, Some(inside)) if !inside.contains('\\') => Ok(Cow::Borrowed(inside)),
        (Some(b'"'), _) => {
            let text: Option<String> = serde_json::from_str(raw).ok();
            match text.filter(|text| !text.contains('\0')) {
                Some(text) => Ok(Cow::Owned(text)),
                None => {
                    let fault = Fault::of_row(
                        "nul",
                        "a NUL stands in the text",
                        "export the file again; text has none",
                    );
                    Err(fault.at(1, column).field(name, raw))
                }
            }
        }
        (Some(b'{' | b'['), _) => {
            let fault = Fault::of_row(
                "not_a_value",
                "an object or array stands where one value belongs",
                "name the value inside it in the mapping",
            );
            Err(fault.at(1, column).field(name, raw))
        }
        _ if raw == "null" => Ok(Cow::Borrowed("")),
        _ => Ok(Cow::Borrowed(raw)),
    }
}

/// Names in an object: its own, `a.b` in objects inside, `a[].b` in the objects of arrays.
fn names_in(raw: &RawValue, before: &str, depth: u8) -> Vec<String> {
    let Ok(Members(members)) = Members::read(raw.get()) else {
        return Vec::new();
    };
    let mut names = Vec::new();
    for (name, raw) in members {
        let full = format!("{before}{name}");
        match raw.get().as_bytes().first() {
            Some(b'{') if depth < 3 => {
                names.extend(names_in(raw, &format!("{full}."), depth.saturating_add(1)))
            }
            Some(b'[') if depth < 3 => {
                let list: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
                if let Some(first) = list.first() {
                    names.extend(names_in(
                        first,
                        &format!("{full}[]."),
                        depth.saturating_add(1),
                    ));
                }
            }
            _ => names.push(full),
        }
    }
    names
}
