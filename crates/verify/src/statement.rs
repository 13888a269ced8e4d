//! A customer's statement: the text whose SHA-256 stands inside each of her leaves.
//!
//! Format: docs/proof-formats.md, "Statement".

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use unicode_normalization::UnicodeNormalization;

use crate::json::{self, Fields, FormatError, Value};

/// Value of the field `type`.
pub const TYPE: &str = "keepwhole/redress-statement/v1";

/// One payment of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Minor units.
    pub amount: u128,
    /// RFC 3339, where known.
    pub at: Option<String>,
    /// `entry:<journal index>` or `<CAIP-2 chain>:<transaction id>`.
    pub reference: String,
}

/// One asset of a statement; amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Number of the asset in the set.
    pub ix: u16,
    /// Its name.
    pub asset: String,
    /// Reimbursed.
    pub paid: u128,
    /// Still owed.
    pub due: u128,
    /// They add up to `paid`.
    pub payments: Vec<Payment>,
    /// Where the price came from, if the line was valued.
    pub price_source: Option<String>,
    /// How it was valued.
    pub valuation: Option<String>,
}

/// A customer's statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The exchange's number of the customer.
    pub account_id: String,
    /// E-mail or phone, normalised by [`normalise_contact`].
    pub contact: String,
    /// The contact of the previous epoch, where it changed.
    pub contact_before: Option<String>,
    /// The incident's id.
    pub incident: String,
    /// The set's id.
    pub set_id: [u8; 16],
    /// Ascending by `ix`.
    pub assets: Vec<Line>,
}

/// `NFC(lowercase(NFC(s)))`: the one written form of a contact.
pub fn normalise_contact(contact: &str) -> String {
    let composed: String = contact.nfc().collect();
    composed.to_lowercase().nfc().collect()
}

impl Statement {
    /// Reads a statement and checks that it agrees with itself.
    ///
    /// # Errors
    /// The field and the cause.
    pub fn read(text: &str) -> Result<Self, FormatError> {
        let value = json::parse("statement", text)?;
        let mut fields = Fields::of("statement", &value)?;
        fields.constant("type", TYPE)?;
        let mut assets = Vec::new();
        for (position, item) in fields.list("assets")?.iter().enumerate() {
            assets.push(read_line(&format!("statement.assets[{position}]"), item)?);
        }
        let statement = Self {
            account_id: fields.text("account_id")?.to_owned(),
            contact: fields.text("contact")?.to_owned(),
            contact_before: fields
                .optional_text("contact_before")?
                .map(ToOwned::to_owned),
            incident: fields.text("incident")?.to_owned(),
            set_id: fields.hex("set_id")?,
            assets,
        };
        if normalise_contact(&statement.contact) != statement.contact {
            return Err(fields.error(
                "contact",
                format!("`{}` is not lower-case NFC", statement.contact),
            ));
        }
        if let Some(pair) = statement
            .assets
            .windows(2)
            .find(|pair| matches!(pair, [a, b] if a.ix >= b.ix))
        {
            let names: Vec<&str> = pair.iter().map(|line| line.asset.as_str()).collect();
            return Err(fields.error(
                "assets",
                format!("{} must ascend by `ix`", names.join(", ")),
            ));
        }
        fields.done()?;
        Ok(statement)
    }

    /// The canonical text.
    pub fn to_text(&self) -> String {
        let mut members = vec![
            ("account_id", Value::text(&*self.account_id)),
            (
                "assets",
                Value::List(self.assets.iter().map(line_value).collect()),
            ),
            ("contact", Value::text(&*self.contact)),
            ("incident", Value::text(&*self.incident)),
            ("set_id", Value::Text(json::to_hex(&self.set_id))),
            ("type", Value::text(TYPE)),
        ];
        if let Some(before) = &self.contact_before {
            members.push(("contact_before", Value::text(&**before)));
        }
        Value::object(members).to_canonical()
    }

    /// The asset of number `ix`.
    pub fn line(&self, ix: u16) -> Option<&Line> {
        self.assets.iter().find(|line| line.ix == ix)
    }
}

fn read_line(place: &str, value: &Value) -> Result<Line, FormatError> {
    let mut fields = Fields::of(place, value)?;
    let mut payments = Vec::new();
    let mut sum = Some(0u128);
    for (position, item) in fields.list("payments")?.iter().enumerate() {
        let mut payment = Fields::of(&format!("{place}.payments[{position}]"), item)?;
        let amount = payment.amount("amount")?;
        let reference = payment.text("ref")?;
        if !is_reference(reference) {
            return Err(payment.error(
                "ref",
                format!("`{reference}` is neither `entry:<index>` nor `<chain>:<transaction>`"),
            ));
        }
        sum = sum.and_then(|sum| sum.checked_add(amount));
        payments.push(Payment {
            amount,
            at: payment.optional_text("at")?.map(ToOwned::to_owned),
            reference: reference.to_owned(),
        });
        payment.done()?;
    }
    let line = Line {
        ix: fields.short("ix")?,
        asset: fields.text("asset")?.to_owned(),
        paid: fields.amount("paid")?,
        due: fields.amount("due")?,
        payments,
        price_source: fields.optional_text("price_source")?.map(ToOwned::to_owned),
        valuation: fields.optional_text("valuation")?.map(ToOwned::to_owned),
    };
    if line.paid.checked_add(line.due) != Some(fields.amount("loss")?) {
        return Err(fields.error("loss", "is not paid + due"));
    }
    if sum != Some(line.paid) {
        return Err(fields.error("payments", format!("do not add up to paid {}", line.paid)));
    }
    fields.done()?;
    Ok(line)
}

fn line_value(line: &Line) -> Value {
    let payments = line.payments.iter().map(|payment| {
        let mut members = vec![
            ("amount", Value::amount(payment.amount)),
            ("ref", Value::text(&*payment.reference)),
        ];
        if let Some(at) = &payment.at {
            members.push(("at", Value::text(&**at)));
        }
        Value::object(members)
    });
    let mut members = vec![
        ("asset", Value::text(&*line.asset)),
        ("due", Value::amount(line.due)),
        ("ix", Value::Integer(u64::from(line.ix))),
        (
            "loss",
            Value::Text(line.paid.saturating_add(line.due).to_string()),
        ),
        ("paid", Value::amount(line.paid)),
        ("payments", Value::List(payments.collect())),
    ];
    if let Some(source) = &line.price_source {
        members.push(("price_source", Value::text(&**source)));
    }
    if let Some(valuation) = &line.valuation {
        members.push(("valuation", Value::text(&**valuation)));
    }
    Value::object(members)
}

/// `entry:<index>` or `<CAIP-2 chain id>:<transaction id>`.
pub fn is_reference(text: &str) -> bool {
    if let Some(index) = text.strip_prefix("entry:") {
        return entry_index(text).is_some_and(|number| number.to_string() == index);
    }
    let mut parts = text.split(':');
    let (Some(namespace), Some(chain), Some(transaction), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let plain = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    (3..=8).contains(&namespace.len())
        && namespace
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && chain.len() <= 32
        && plain(chain)
        && plain(transaction)
}

/// The journal index of an `entry:` reference.
pub fn entry_index(reference: &str) -> Option<u64> {
    reference
        .strip_prefix("entry:")
        .and_then(|index| index.parse().ok())
}
