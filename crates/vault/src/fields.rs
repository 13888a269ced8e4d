//! A personal record: text under names of a closed list, so that the journal can name fields and never a value.

use crate::VaultError;
use serde::Deserialize;
use serde::de::{Error as _, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use zeroize::Zeroizing;

/// Largest record, bytes of its JSON form.
pub const RECORD_MAX: usize = 1024 * 1024;

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $search:literal;)+) => {
        /// A field of a personal record.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Field { $($(#[$doc])* $name,)+ }
        impl Field {
            /// Every field.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];
            /// Its name, as in a record and in the journal.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }
            /// True where a person can be found by the whole value, through a keyed hash of it.
            #[must_use]
            pub const fn is_searched(self) -> bool {
                match self { $(Self::$name => $search,)+ }
            }
            /// The field of that name.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|field| field.name() == name)
            }
        }
    };
}

fields! {
    /// Name as in the document.
    Name = "name", true;
    /// Name in Latin letters.
    NameLatin = "name_latin", true;
    /// Day of birth.
    BirthDate = "birth_date", false;
    /// Nationality.
    Nationality = "nationality", false;
    /// Number that a state gave the person.
    NationalId = "national_id", true;
    /// Number of a passport.
    Passport = "passport", true;
    /// Number of a licence to drive.
    DriverLicence = "driver_licence", true;
    /// Telephone number.
    Phone = "phone", true;
    /// E-mail address.
    Email = "email", true;
    /// Postal address.
    Address = "address", false;
    /// Bank account.
    BankAccount = "bank_account", true;
    /// Occupation.
    Occupation = "occupation", false;
    /// Source of funds.
    FundsSource = "funds_source", false;
    /// A document, as text (base64 where it is a picture).
    Document = "document", false;
    /// Anything else.
    Note = "note", false;
}

/// Values by field. It is wiped when dropped and never shown by `Debug`.
#[derive(Default)]
pub struct PersonalRecord(BTreeMap<Field, Zeroizing<String>>);

impl fmt::Debug for PersonalRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PersonalRecord({} fields)", self.0.len())
    }
}

struct Raw(BTreeMap<Field, Zeroizing<String>>);

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Raw;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
                let mut fields = BTreeMap::new();
                while let Some(name) = map.next_key::<String>()?.map(Zeroizing::new) {
                    let field = Field::parse(&name).ok_or_else(|| A::Error::custom("field"))?;
                    let value = Zeroizing::new(map.next_value::<String>()?);
                    if fields.insert(field, value).is_some() {
                        return Err(A::Error::custom("twice"));
                    }
                }
                Ok(Raw(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

impl PersonalRecord {
    /// Reads a JSON object of texts.
    ///
    /// # Errors
    /// [`VaultError::Record`], which never repeats what was given.
    pub fn from_json(bytes: &[u8]) -> Result<Self, VaultError> {
        if bytes.len() > RECORD_MAX {
            return Err(VaultError::Record("it is larger than 1 MiB"));
        }
        // The parser's own message quotes the text: it stays here.
        let Raw(fields) = serde_json::from_slice(bytes).map_err(|_| {
            VaultError::Record(
                "it must be one JSON object of texts, each field once, named name, name_latin, birth_date, nationality, \
                 national_id, passport, driver_licence, phone, email, address, bank_account, occupation, funds_source, \
                 document or note",
            )
        })?;
        if fields.is_empty() || fields.values().any(|value| value.is_empty()) {
            return Err(VaultError::Record("it has no field, or an empty one"));
        }
        Ok(Self(fields))
    }

    /// The JSON form, fields in a fixed order: the plaintext that is committed to.
    ///
    /// # Errors
    /// [`VaultError::Record`] where it can't be written; texts always can.
    pub fn to_json(&self) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let by_name: BTreeMap<&str, &str> = self
            .0
            .iter()
            .map(|(field, value)| (field.name(), value.as_str()))
            .collect();
        serde_json::to_vec(&by_name)
            .map(Zeroizing::new)
            .map_err(|_| VaultError::Record("it can't be written as JSON"))
    }

    /// Fields that it has.
    pub fn fields(&self) -> impl Iterator<Item = Field> + '_ {
        self.0.keys().copied()
    }

    /// The value of a field.
    #[must_use]
    pub fn value(&self, field: Field) -> Option<&str> {
        self.0.get(&field).map(|value| value.as_str())
    }
}
