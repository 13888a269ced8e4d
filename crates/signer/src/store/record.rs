//! The records of the memory, as canonical JSON (RFC 8785).

use crate::caps::Count;
use keepwhole_verify::json::{self, Fields, FormatError, Value};

/// A digest of an intent or a clearance.
pub type Digest32 = [u8; 32];

/// What the signer remembers, one fact each. Times are seconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// The memory was made, or written anew.
    Created {
        /** When. */
        at: u64,
        /** Name of the signer. */
        signer: String,
    },
    /// Signing started: what is counted, and what the intent is bound to from now on.
    Begun {
        /** When. */
        at: u64,
        /** Digest of the intent. */
        intent: Digest32,
        /** When the intent expires. */
        intent_expires: u64,
        /** Number of the attempt. */
        attempt: u64,
        /** Digest of the clearance. */
        clearance: Digest32,
        /** What all attempts spend. */
        spends: String,
        /** Fee of this attempt. */
        fee: u128,
        /** What is counted now. */
        counts: Vec<Count>,
    },
    /// The clearance of the newest attempt was redeemed.
    Redeemed {
        /** When. */
        at: u64,
        /** Digest of the intent. */
        intent: Digest32,
        /** Digest of the clearance. */
        clearance: Digest32,
    },
    /// A count that stands alone, after the file was written anew.
    Counted {
        /** When it was counted. */
        at: u64,
        /** What. */
        count: Count,
    },
    /// A witnessed head of the log.
    Head {
        /** When it was seen. */
        at: u64,
        /** The signed note, as served. */
        note: String,
    },
    /// A signed head that does not belong to the one that was remembered.
    Forked {
        /** When it was seen. */
        at: u64,
        /** The signed note, as served. */
        note: String,
    },
    /// People looked at the fork; `note` is remembered from now on.
    ForkSettled {
        /** When. */
        at: u64,
        /** The head that they chose. */
        note: String,
    },
}

fn hex(bytes: &[u8]) -> Value {
    Value::text(json::to_hex(bytes))
}

fn count_value(count: &Count) -> Value {
    Value::object(vec![
        ("amount", Value::amount(count.amount)),
        ("approved", Value::Bool(count.approved)),
        ("asset", Value::text(&count.asset)),
    ])
}

fn read_count(place: &str, value: &Value) -> Result<Count, FormatError> {
    let mut fields = Fields::of(place, value)?;
    let count = Count {
        amount: fields.amount("amount")?,
        approved: fields.boolean("approved")?,
        asset: fields.text("asset")?.to_owned(),
    };
    fields.done()?;
    Ok(count)
}

impl Record {
    /// When it was written, or, for a count, made.
    #[must_use]
    pub const fn at(&self) -> u64 {
        match self {
            Self::Created { at, .. }
            | Self::Begun { at, .. }
            | Self::Redeemed { at, .. }
            | Self::Counted { at, .. }
            | Self::Head { at, .. }
            | Self::Forked { at, .. }
            | Self::ForkSettled { at, .. } => *at,
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Created { .. } => "created",
            Self::Begun { .. } => "begun",
            Self::Redeemed { .. } => "redeemed",
            Self::Counted { .. } => "counted",
            Self::Head { .. } => "head",
            Self::Forked { .. } => "forked",
            Self::ForkSettled { .. } => "fork_settled",
        }
    }

    /// The canonical bytes.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut members = vec![
            ("at", Value::amount(u128::from(self.at()))),
            ("type", Value::text(self.kind())),
        ];
        match self {
            Self::Created { signer, .. } => members.push(("signer", Value::text(signer))),
            Self::Begun {
                intent,
                intent_expires,
                attempt,
                clearance,
                spends,
                fee,
                counts,
                ..
            } => members.extend([
                ("attempt", Value::amount(u128::from(*attempt))),
                ("clearance", hex(clearance)),
                ("spends", Value::text(spends)),
                (
                    "counts",
                    Value::List(counts.iter().map(count_value).collect()),
                ),
                ("fee", Value::amount(*fee)),
                ("intent", hex(intent)),
                ("intent_expires", Value::amount(u128::from(*intent_expires))),
            ]),
            Self::Redeemed {
                intent, clearance, ..
            } => members.extend([("clearance", hex(clearance)), ("intent", hex(intent))]),
            Self::Counted { count, .. } => members.push(("count", count_value(count))),
            Self::Head { note, .. }
            | Self::Forked { note, .. }
            | Self::ForkSettled { note, .. } => {
                members.push(("note", Value::text(note)));
            }
        }
        Value::object(members).to_canonical()
    }

    /// Reads a body.
    ///
    /// # Errors
    /// Where it is not a record, with the field.
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        let value = json::parse("record", text)?;
        let mut fields = Fields::of("record", &value)?;
        let at = number(&mut fields, "at")?;
        let record = match fields.text("type")? {
            "created" => Self::Created {
                at,
                signer: fields.text("signer")?.to_owned(),
            },
            "begun" => begun(at, &mut fields)?,
            "redeemed" => Self::Redeemed {
                at,
                clearance: fields.hex("clearance")?,
                intent: fields.hex("intent")?,
            },
            "counted" => Self::Counted {
                at,
                count: read_count("record.count", fields.value("count")?)?,
            },
            "head" => Self::Head {
                at,
                note: fields.text("note")?.to_owned(),
            },
            "forked" => Self::Forked {
                at,
                note: fields.text("note")?.to_owned(),
            },
            "fork_settled" => Self::ForkSettled {
                at,
                note: fields.text("note")?.to_owned(),
            },
            other => {
                let cause = format!("`{other}` is no known type of record");
                return Err(fields.error("type", cause));
            }
        };
        fields.done()?;
        Ok(record)
    }
}

fn begun(at: u64, fields: &mut Fields<'_>) -> Result<Record, FormatError> {
    let counts = fields.list("counts")?.iter();
    Ok(Record::Begun {
        at,
        attempt: number(fields, "attempt")?,
        clearance: fields.hex("clearance")?,
        spends: fields.text("spends")?.to_owned(),
        counts: counts
            .map(|count| read_count("record.counts", count))
            .collect::<Result<_, _>>()?,
        fee: fields.amount("fee")?,
        intent: fields.hex("intent")?,
        intent_expires: number(fields, "intent_expires")?,
    })
}

/// A whole number below 2^64 as a decimal text.
fn number(fields: &mut Fields<'_>, key: &str) -> Result<u64, FormatError> {
    let number = fields.amount(key)?;
    u64::try_from(number).map_err(|_| fields.error(key, format!("`{number}` is above 64 bits")))
}
