//! A strict reader of one TOML table: every key must be asked for, and every complaint knows its place.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::drill::scenario::code::Code;

/// What is wrong in a file, and at which byte of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slip {
    /// Byte offset in the file.
    pub(super) offset: usize,
    /// Place, cause and fix.
    pub(super) message: String,
}

/// One value with its place.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    offset: usize,
    value: &'a DeValue<'a>,
}

/// One table that is being read.
pub(super) struct Table<'a> {
    /// What messages call it, for example `event 3 (approve)`.
    name: String,
    /// Where it starts.
    offset: usize,
    rest: BTreeMap<&'a str, Value<'a>>,
    asked: Vec<&'static str>,
}

impl<'a> Table<'a> {
    pub(super) fn new(name: impl Into<String>, offset: usize, table: &'a DeTable<'a>) -> Self {
        let entry = |(key, value): (&'a Spanned<_>, &'a Spanned<DeValue<'a>>)| {
            let key: &'a std::borrow::Cow<'a, str> = key.get_ref();
            (
                key.as_ref(),
                Value {
                    offset: value.span().start,
                    value: value.get_ref(),
                },
            )
        };
        Self {
            name: name.into(),
            offset,
            rest: table.iter().map(entry).collect(),
            asked: Vec::new(),
        }
    }

    pub(super) const fn offset(&self) -> usize {
        self.offset
    }

    /// Gives the table its full name once its kind is known.
    pub(super) fn rename(&mut self, name: String) {
        self.name = name;
    }

    pub(super) fn slip(&self, offset: usize, message: &str) -> Slip {
        Slip {
            offset,
            message: format!("{}: {message}", self.name),
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Value<'a>> {
        self.asked.push(key);
        self.rest.remove(key)
    }

    fn missing(&self, key: &str) -> Slip {
        self.slip(self.offset, &format!("`{key}` is missing: add it"))
    }

    fn wrong_type(&self, key: &str, value: Value<'_>, want: &str) -> Slip {
        self.slip(
            value.offset,
            &format!(
                "`{key}` is of type {}: write {want}",
                value.value.type_str()
            ),
        )
    }

    /// Reads text through `form`, which says what is wrong with it.
    pub(super) fn opt<T>(
        &mut self,
        key: &'static str,
        form: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Slip> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        let text = value
            .value
            .as_str()
            .ok_or_else(|| self.wrong_type(key, value, "text in quotes"))?;
        form(text)
            .map(Some)
            .map_err(|why| self.slip(value.offset, &format!("`{key}`: `{text}` {why}")))
    }

    pub(super) fn need<T>(
        &mut self,
        key: &'static str,
        form: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, Slip> {
        self.opt(key, form)?.ok_or_else(|| self.missing(key))
    }

    pub(super) fn opt_text(&mut self, key: &'static str) -> Result<Option<String>, Slip> {
        self.opt(key, |text| Ok(text.to_owned()))
    }

    pub(super) fn text(&mut self, key: &'static str) -> Result<String, Slip> {
        self.need(key, |text| Ok(text.to_owned()))
    }

    pub(super) fn code<T: Code>(&mut self, key: &'static str) -> Result<T, Slip> {
        self.need(key, T::from_word)
    }

    pub(super) fn opt_code<T: Code>(&mut self, key: &'static str) -> Result<Option<T>, Slip> {
        self.opt(key, T::from_word)
    }

    /// Reads a whole number from `0` to `max`.
    pub(super) fn opt_number<T: TryFrom<u64>>(
        &mut self,
        key: &'static str,
        max: u64,
    ) -> Result<Option<T>, Slip> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        self.number_of(key, value, max).map(Some)
    }

    pub(super) fn number<T: TryFrom<u64>>(
        &mut self,
        key: &'static str,
        max: u64,
    ) -> Result<T, Slip> {
        self.opt_number(key, max)?.ok_or_else(|| self.missing(key))
    }

    fn number_of<T: TryFrom<u64>>(&self, key: &str, value: Value<'_>, max: u64) -> Result<T, Slip> {
        let integer = value
            .value
            .as_integer()
            .ok_or_else(|| self.wrong_type(key, value, "a whole number without quotes"))?;
        let digits = integer.as_str().replace('_', "");
        let number = u64::from_str_radix(digits.trim_start_matches('+'), integer.radix()).ok();
        number
            .filter(|number| *number <= max)
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| {
                self.slip(
                    value.offset,
                    &format!(
                        "`{key}` is {}: write a whole number from 0 to {max}",
                        integer.as_str()
                    ),
                )
            })
    }

    pub(super) fn opt_flag(&mut self, key: &'static str) -> Result<Option<bool>, Slip> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        value
            .value
            .as_bool()
            .map(Some)
            .ok_or_else(|| self.wrong_type(key, value, "`true` or `false`"))
    }

    fn opt_array(&mut self, key: &'static str) -> Result<Option<&'a DeArray<'a>>, Slip> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        value
            .value
            .as_array()
            .map(Some)
            .ok_or_else(|| self.wrong_type(key, value, "a list in `[` and `]`"))
    }

    /// Reads a list of texts, each through `form`.
    pub(super) fn opt_list<T>(
        &mut self,
        key: &'static str,
        form: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<Vec<T>>, Slip> {
        let Some(array) = self.opt_array(key)? else {
            return Ok(None);
        };
        let one = |item: &Spanned<DeValue<'_>>| {
            let value = Value {
                offset: item.span().start,
                value: item.get_ref(),
            };
            let text = value
                .value
                .as_str()
                .ok_or_else(|| self.wrong_type(key, value, "text in quotes"))?;
            form(text).map_err(|why| self.slip(value.offset, &format!("`{key}`: `{text}` {why}")))
        };
        array.iter().map(one).collect::<Result<_, _>>().map(Some)
    }

    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        form: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Vec<T>, Slip> {
        self.opt_list(key, form)?.ok_or_else(|| self.missing(key))
    }

    /// Reads a list of whole numbers.
    pub(super) fn opt_numbers(&mut self, key: &'static str) -> Result<Option<Vec<u64>>, Slip> {
        let Some(array) = self.opt_array(key)? else {
            return Ok(None);
        };
        let one = |item: &Spanned<DeValue<'_>>| {
            let value = Value {
                offset: item.span().start,
                value: item.get_ref(),
            };
            self.number_of(key, value, u64::MAX)
        };
        array.iter().map(one).collect::<Result<_, _>>().map(Some)
    }

    /// Reads a table under a key; messages call it `name`.
    pub(super) fn opt_table(
        &mut self,
        key: &'static str,
        name: &str,
    ) -> Result<Option<Table<'a>>, Slip> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        let table = value
            .value
            .as_table()
            .ok_or_else(|| self.wrong_type(key, value, "a table"))?;
        Ok(Some(Table::new(name, value.offset, table)))
    }

    pub(super) fn table(&mut self, key: &'static str, name: &str) -> Result<Table<'a>, Slip> {
        self.opt_table(key, name)?.ok_or_else(|| self.missing(key))
    }

    /// Reads a list of tables; messages call the n-th of them `name n`. An absent key is an empty list.
    pub(super) fn tables(&mut self, key: &'static str, name: &str) -> Result<Vec<Table<'a>>, Slip> {
        let Some(array) = self.opt_array(key)? else {
            return Ok(Vec::new());
        };
        let one = |(index, item): (usize, &'a Spanned<DeValue<'a>>)| {
            let value = Value {
                offset: item.span().start,
                value: item.get_ref(),
            };
            let table = value
                .value
                .as_table()
                .ok_or_else(|| self.wrong_type(key, value, "a list of tables"))?;
            Ok(Table::new(
                format!("{name} {}", index + 1),
                value.offset,
                table,
            ))
        };
        array.iter().enumerate().map(one).collect()
    }

    /// Empties a table whose keys are ids of the file itself: each key must pass `name`, each value `form`.
    pub(super) fn map<T>(
        self,
        name: impl Fn(&str) -> Result<String, String>,
        form: impl Fn(&str) -> Result<T, String>,
    ) -> Result<BTreeMap<String, T>, Slip> {
        let one = |(key, value): (&&'a str, &Value<'a>)| {
            let id = name(key).map_err(|why| self.slip(value.offset, &format!("`{key}` {why}")))?;
            let text = value
                .value
                .as_str()
                .ok_or_else(|| self.wrong_type(key, *value, "text in quotes"))?;
            let read = form(text)
                .map_err(|why| self.slip(value.offset, &format!("`{key}`: `{text}` {why}")))?;
            Ok((id, read))
        };
        self.rest.iter().map(one).collect()
    }

    /// Complains about the first key nobody asked for.
    pub(super) fn done(self) -> Result<(), Slip> {
        let Some((key, value)) = self.rest.iter().min_by_key(|(_, value)| value.offset) else {
            return Ok(());
        };
        let keys: Vec<_> = self.asked.iter().map(|key| format!("`{key}`")).collect();
        Err(self.slip(
            value.offset,
            &format!("`{key}` is no key here: use {}", keys.join(", ")),
        ))
    }
}
