//! What a withdrawal is decided to do: the intent, which approvals bind and one clearance at a time carries out.
//!
//! Format and vector: docs/clearances.md, "Intent".

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};

use crate::caip;
use crate::decimal;
use crate::digest::Digest;
use crate::json::{self, Fields, FormatError, Value};

/// What stands before the canonical text when it is hashed.
pub const LABEL: &str = "keepwhole/intent/v1\n";
/// Longest text of a field, in bytes.
pub const MAX_TEXT: usize = 1024;

/// One withdrawal as it was decided.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Intent {
    /// Gross debit in minor units of the asset.
    pub amount: u128,
    /// CAIP-19, on `network`.
    pub asset: String,
    /// Destination in the network's own form.
    pub dest: String,
    /// Unix seconds; from this second on nothing more is cleared.
    pub expires: u64,
    /// The withdrawal's id.
    pub id: String,
    /// Greatest total fee in minor units of what the network takes fees in.
    pub max_fee: u128,
    /// Memo or tag beside the destination; empty if none.
    pub memo: String,
    /// CAIP-2.
    pub network: String,
    /// The wallet that pays.
    pub wallet: String,
}

impl Intent {
    /// Reads an intent from its canonical text.
    ///
    /// # Errors
    /// The field and the cause.
    pub fn read(text: &str) -> Result<Self, FormatError> {
        let value = json::parse("intent", text)?;
        let mut fields = Fields::of("intent", &value)?;
        let intent = Self::from_fields(&mut fields)?;
        fields.done()?;
        Ok(intent)
    }

    /// Takes the nine fields out of an object that may hold more.
    pub(crate) fn from_fields(fields: &mut Fields<'_>) -> Result<Self, FormatError> {
        let intent = Self {
            amount: fields.amount("amount")?,
            asset: fields.text("asset")?.to_owned(),
            dest: plain_text(fields, "dest")?,
            expires: seconds(fields, "expires")?,
            id: plain_text(fields, "id")?,
            max_fee: fields.amount("max_fee")?,
            memo: fields.text("memo")?.to_owned(),
            network: fields.text("network")?.to_owned(),
            wallet: plain_text(fields, "wallet")?,
        };
        intent.check()?;
        Ok(intent)
    }

    /// Checks the fields of an intent that was not read from text: what passes here reads back from its own text.
    ///
    /// # Errors
    /// The field and the cause.
    pub fn check(&self) -> Result<(), FormatError> {
        let error =
            |key: &str, cause: String| Err(FormatError::new(format!("intent.{key}"), cause));
        for (key, text) in [
            ("dest", &self.dest),
            ("id", &self.id),
            ("wallet", &self.wallet),
        ] {
            check_text(text).or_else(|cause| error(key, cause))?;
        }
        if !self.memo.is_empty() {
            check_text(&self.memo).or_else(|cause| error("memo", cause))?;
        }
        if !caip::is_network(&self.network) {
            return error(
                "network",
                format!("`{}` is no CAIP-2 network", self.network),
            );
        }
        if !caip::is_asset(&self.asset) {
            return error("asset", format!("`{}` is no CAIP-19 asset", self.asset));
        }
        if !is_on(&self.asset, &self.network) {
            let cause = format!("`{}` is not on `{}`", self.asset, self.network);
            return error("asset", cause);
        }
        if self.expires >= 1 << 63 {
            return error("expires", format!("`{}` is not below 2^63", self.expires));
        }
        Ok(())
    }

    /// The members, in no order.
    pub(crate) fn members(&self) -> [(&'static str, Value); 9] {
        [
            ("amount", Value::amount(self.amount)),
            ("asset", Value::text(&*self.asset)),
            ("dest", Value::text(&*self.dest)),
            ("expires", Value::Text(self.expires.to_string())),
            ("id", Value::text(&*self.id)),
            ("max_fee", Value::amount(self.max_fee)),
            ("memo", Value::text(&*self.memo)),
            ("network", Value::text(&*self.network)),
            ("wallet", Value::text(&*self.wallet)),
        ]
    }

    /// The canonical text.
    #[must_use]
    pub fn to_text(&self) -> String {
        Value::object(self.members().into()).to_canonical()
    }

    /// `H(LABEL || canonical text)`.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of_parts(&[LABEL.as_bytes(), self.to_text().as_bytes()])
    }

    /// Whether nothing may be cleared any more at `now` (Unix seconds): the second of expiry itself is too late.
    #[must_use]
    pub const fn is_expired(&self, now: u64) -> bool {
        now >= self.expires
    }
}

/// `H(LABEL || canonical text)` of an intent.
#[must_use]
pub fn digest(intent: &Intent) -> Digest {
    intent.digest()
}

/// Whether a name below a network (an asset, a conflict key) begins with that network and a slash.
pub(crate) fn is_on(name: &str, network: &str) -> bool {
    name.strip_prefix(network)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// What every text that people read must be: not empty, at most [`MAX_TEXT`] bytes, no control characters.
pub(crate) fn check_text(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    if text.len() > MAX_TEXT {
        return Err(format!(
            "has {} bytes, at most {MAX_TEXT} are allowed",
            text.len()
        ));
    }
    match text.chars().find(|character| character.is_control()) {
        Some(control) => Err(format!(
            "holds the control character U+{:04X}",
            u32::from(control)
        )),
        None => Ok(()),
    }
}

/// A text field that passes [`check_text`].
pub(crate) fn plain_text(fields: &mut Fields<'_>, key: &str) -> Result<String, FormatError> {
    let text = fields.text(key)?;
    check_text(text).map_err(|cause| fields.error(key, cause))?;
    Ok(text.to_owned())
}

/// Unix seconds as a text of digits below 2^63.
pub(crate) fn seconds(fields: &mut Fields<'_>, key: &str) -> Result<u64, FormatError> {
    let text = fields.text(key)?;
    decimal::parse_u63(text).ok_or_else(|| {
        fields.error(
            key,
            format!("`{text}` is not a time in Unix seconds below 2^63"),
        )
    })
}
