//! JSON of others: read in full, repeated keys and deep nesting refused, unknown fields kept, numbers never used as amounts.

pub use keepwhole_settings::shown;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// How deep a document may nest. What the vendors document nests five deep.
pub const DEPTH: usize = 16;
/// Most values in one document, so that a small body can't become a large tree.
const VALUES: usize = 4_096;

/// A value. Objects are ordered by key, so that two spellings of one document are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, in the spelling of the reader. It is compared and never computed with.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object.
    Object(BTreeMap<String, Json>),
}

/// Why bytes are not such a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Brackets within brackets beyond [`DEPTH`].
    #[error("nested deeper than `{DEPTH}` levels")]
    TooDeep,
    /// More values than are read.
    #[error("more than `{VALUES}` values")]
    TooMany,
    /// A key stands twice in one object.
    #[error("key `{0}` stands twice in one object")]
    RepeatedKey(String),
    /// Anything else that is not JSON.
    #[error("not JSON: {0}")]
    Syntax(String),
}

const REPEATED: &str = "repeated key: ";

impl Json {
    /// Reads one document.
    ///
    /// # Errors
    /// [`JsonError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        bounds(bytes)?;
        serde_json::from_slice(bytes).map_err(|error| {
            let text = error.to_string();
            let text = text.split(" at line ").next().unwrap_or(&text);
            match text.strip_prefix(REPEATED) {
                Some(key) => JsonError::RepeatedKey(key.to_owned()),
                None => JsonError::Syntax(text.to_owned()),
            }
        })
    }

    /// The member of an object; `None` where it is absent or `null`, as vendors write both.
    #[must_use]
    pub fn member(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.get(key).filter(|value| **value != Self::Null),
            _ => None,
        }
    }

    /// The text, where it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items, where it is a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The one spelling of this document that is hashed: keys in order, no spaces.
    #[must_use]
    pub fn spelled(&self) -> String {
        let mut out = String::new();
        self.spell(&mut out);
        out
    }

    fn spell(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => out.push_str(number),
            Self::Text(text) => out.push_str(&quoted(text)),
            Self::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    item.spell(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (at, (key, value)) in members.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    out.push_str(&quoted(key));
                    out.push(':');
                    value.spell(out);
                }
                out.push('}');
            }
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

/// Depth and number of values, before anything is built. Commas and opening brackets outside text count the values.
fn bounds(body: &[u8]) -> Result<(), JsonError> {
    let (mut depth, mut values, mut text, mut escaped) = (0_usize, 1_usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if text => escaped = true,
            b'"' => text = !text,
            b'[' | b'{' if !text => {
                depth = depth.saturating_add(1);
                values = values.saturating_add(1);
            }
            b']' | b'}' if !text => depth = depth.saturating_sub(1),
            b',' if !text => values = values.saturating_add(1),
            _ => {}
        }
        if depth > DEPTH {
            return Err(JsonError::TooDeep);
        }
        if values > VALUES {
            return Err(JsonError::TooMany);
        }
    }
    Ok(())
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut object = BTreeMap::new();
        while let Some((key, value)) = members.next_entry::<String, Json>()? {
            if object.insert(key.clone(), value).is_some() {
                let key = key.escape_debug();
                return Err(A::Error::custom(format_args!("{REPEATED}{key}")));
            }
        }
        Ok(Json::Object(object))
    }
}
