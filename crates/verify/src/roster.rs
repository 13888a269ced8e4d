//! Who may approve, in which roles, with which credentials and from when: the roster `keepwhole/roster/v1`.
//!
//! Format: docs/approvals.md, "Roster". Whoever checks approvals offline has the roster's text from a second source.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::cose::PublicKey;
use crate::digest::Digest;
use crate::intent::{check_text, plain_text};
use crate::json::{self, Fields, FormatError, MAX_INTEGER, Value};

/// Value of the field `type`.
pub const TYPE: &str = "keepwhole/roster/v1";
/// Longest id of a credential in bytes (W3C Web Authentication Level 3, section 4).
pub const MAX_CREDENTIAL_ID: usize = 1023;

/// One version of the roster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    /// Roles whose approvals need a credential that can't leave its device.
    pub device_bound_roles: BTreeSet<String>,
    /// People; written ascending by id.
    pub people: Vec<Person>,
    /// Number of this version.
    pub version: u64,
}

/// One person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Credentials; written ascending by id.
    pub credentials: Vec<Credential>,
    /// The person's id.
    pub id: String,
    /// Roles in which the person may approve.
    pub roles: BTreeSet<String>,
}

/// One authenticator of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// First journal index at which it counts.
    pub from: u64,
    /// The authenticator's own id of it, 1 to 1,023 bytes.
    pub id: Vec<u8>,
    /// Its key.
    pub public_key: PublicKey,
    /// First journal index at which it no longer counts.
    pub until: Option<u64>,
}

impl Credential {
    /// Whether it counts for a proposal at journal index `index`.
    #[must_use]
    pub fn is_active(&self, index: u64) -> bool {
        self.from <= index && self.until.is_none_or(|until| index < until)
    }
}

impl Roster {
    /// Reads a roster from its canonical text.
    ///
    /// # Errors
    /// The field and the cause.
    pub fn read(text: &str) -> Result<Self, FormatError> {
        let value = json::parse("roster", text)?;
        let mut fields = Fields::of("roster", &value)?;
        fields.constant("type", TYPE)?;
        let mut people = Vec::new();
        for (position, item) in fields.list("people")?.iter().enumerate() {
            people.push(read_person(&format!("roster.people[{position}]"), item)?);
        }
        let roster = Self {
            device_bound_roles: names(&mut fields, "device_bound_roles")?,
            people,
            version: fields.integer("version", 0, MAX_INTEGER)?,
        };
        fields.done()?;
        ascending(
            "roster.people",
            roster.people.iter().map(|person| &person.id),
        )?;
        for (position, person) in roster.people.iter().enumerate() {
            ascending(
                &format!("roster.people[{position}].credentials"),
                person.credentials.iter().map(|credential| &credential.id),
            )?;
        }
        roster.check()?;
        Ok(roster)
    }

    /// Checks a roster that was not read from text: what passes here reads back from its own text.
    ///
    /// # Errors
    /// The field and the cause.
    pub fn check(&self) -> Result<(), FormatError> {
        let (mut people, mut ids, mut keys) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let names = |place: &str, names: &BTreeSet<String>| {
            names
                .iter()
                .try_for_each(|name| check_text(name))
                .map_err(|cause| FormatError::new(place, format!("a name {cause}")))
        };
        names("roster.device_bound_roles", &self.device_bound_roles)?;
        for person in &self.people {
            let place = format!("roster.people `{}`", person.id);
            let error = |cause: String| Err(FormatError::new(place.clone(), cause));
            check_text(&person.id).or_else(error)?;
            names(&place, &person.roles)?;
            if !people.insert(&person.id) {
                return error("stands twice".to_owned());
            }
            for credential in &person.credentials {
                if !(1..=MAX_CREDENTIAL_ID).contains(&credential.id.len()) {
                    return error(format!(
                        "a credential's id has {} bytes, must have 1 to {MAX_CREDENTIAL_ID}",
                        credential.id.len()
                    ));
                }
                if !ids.insert(&credential.id) || !keys.insert(credential.public_key) {
                    return error(format!(
                        "credential `{}` or its key stands twice; one credential belongs to one person",
                        URL_SAFE_NO_PAD.encode(&credential.id)
                    ));
                }
                if credential
                    .until
                    .is_some_and(|until| until <= credential.from)
                {
                    return error("a credential's `until` is not above its `from`".to_owned());
                }
                if credential.from > MAX_INTEGER || credential.until > Some(MAX_INTEGER) {
                    return error("a journal index is above 2^53 - 1".to_owned());
                }
            }
        }
        if self.version > MAX_INTEGER {
            return Err(FormatError::new("roster.version", "is above 2^53 - 1"));
        }
        Ok(())
    }

    /// The canonical text; people and credentials are put in order.
    #[must_use]
    pub fn to_text(&self) -> String {
        let list = |names: &BTreeSet<String>| {
            Value::List(names.iter().map(|name| Value::text(&**name)).collect())
        };
        let mut people: Vec<&Person> = self.people.iter().collect();
        people.sort_by(|a, b| a.id.cmp(&b.id));
        let people = people.into_iter().map(|person| {
            let mut credentials: Vec<&Credential> = person.credentials.iter().collect();
            credentials.sort_by(|a, b| a.id.cmp(&b.id));
            let credentials = credentials.into_iter().map(|credential| {
                let key = URL_SAFE_NO_PAD.encode(credential.public_key.to_cose());
                Value::object(alloc::vec![
                    ("from", Value::Integer(credential.from)),
                    ("id", Value::Text(URL_SAFE_NO_PAD.encode(&credential.id))),
                    ("public_key", Value::Text(key)),
                    (
                        "until",
                        credential.until.map_or(Value::Null, Value::Integer)
                    ),
                ])
            });
            Value::object(alloc::vec![
                ("credentials", Value::List(credentials.collect())),
                ("id", Value::text(&*person.id)),
                ("roles", list(&person.roles)),
            ])
        });
        Value::object(alloc::vec![
            ("device_bound_roles", list(&self.device_bound_roles)),
            ("people", Value::List(people.collect())),
            ("type", Value::text(TYPE)),
            ("version", Value::Integer(self.version)),
        ])
        .to_canonical()
    }

    /// SHA-256 of the canonical text.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_text().as_bytes())
    }

    /// The credential of that id and the person who holds it.
    #[must_use]
    pub fn credential(&self, id: &[u8]) -> Option<(&Person, &Credential)> {
        self.people.iter().find_map(|person| {
            let credential = person
                .credentials
                .iter()
                .find(|credential| credential.id == id)?;
            Some((person, credential))
        })
    }

    /// The person of that id.
    #[must_use]
    pub fn person(&self, id: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.id == id)
    }
}

fn read_person(place: &str, value: &Value) -> Result<Person, FormatError> {
    let mut fields = Fields::of(place, value)?;
    let mut credentials = Vec::new();
    for (position, item) in fields.list("credentials")?.iter().enumerate() {
        credentials.push(read_credential(
            &format!("{place}.credentials[{position}]"),
            item,
        )?);
    }
    let person = Person {
        credentials,
        id: plain_text(&mut fields, "id")?,
        roles: names(&mut fields, "roles")?,
    };
    fields.done()?;
    Ok(person)
}

fn read_credential(place: &str, value: &Value) -> Result<Credential, FormatError> {
    let mut fields = Fields::of(place, value)?;
    let key = bytes(&mut fields, "public_key", 128)?;
    let public_key = PublicKey::from_cose(&key)
        .map_err(|refusal| fields.error("public_key", format!("{refusal}")))?;
    let until = match fields.value("until")? {
        Value::Null => None,
        _ => Some(fields.integer("until", 0, MAX_INTEGER)?),
    };
    let credential = Credential {
        from: fields.integer("from", 0, MAX_INTEGER)?,
        id: bytes(&mut fields, "id", MAX_CREDENTIAL_ID)?,
        public_key,
        until,
    };
    fields.done()?;
    Ok(credential)
}

/// Ascending names, none twice.
pub(crate) fn names(fields: &mut Fields<'_>, key: &str) -> Result<BTreeSet<String>, FormatError> {
    let mut names = BTreeSet::new();
    for item in fields.list(key)? {
        let Value::Text(name) = item else {
            return Err(fields.error(key, "must be a list of texts"));
        };
        check_text(name).map_err(|cause| fields.error(key, format!("a name {cause}")))?;
        if names.last().is_some_and(|last| last >= name) {
            return Err(fields.error(key, format!("`{name}` must stand once, in ascending order")));
        }
        names.insert(name.clone());
    }
    Ok(names)
}

/// Bytes in base64url without padding, at most `most`.
pub(crate) fn bytes(
    fields: &mut Fields<'_>,
    key: &str,
    most: usize,
) -> Result<Vec<u8>, FormatError> {
    let text = fields.text(key)?;
    URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .filter(|bytes| bytes.len() <= most)
        .ok_or_else(|| {
            fields.error(
                key,
                format!("must be at most {most} bytes in base64url without padding"),
            )
        })
}

fn ascending<T: Ord>(place: &str, items: impl Iterator<Item = T>) -> Result<(), FormatError> {
    let items: Vec<T> = items.collect();
    if items.windows(2).all(|pair| matches!(pair, [a, b] if a < b)) {
        Ok(())
    } else {
        Err(FormatError::new(
            place,
            "must ascend by `id`, each standing once",
        ))
    }
}
