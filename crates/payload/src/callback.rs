//! What a custody vendor tells about a transaction whose bytes it does not show: a claim, and named as one.
//!
//! A co-signer's callback is answered over one canonical JSON object of text fields (RFC 8785). A clearance over it binds
//! what was told, when, by whom, and the hash of the body as it came. It is weaker than bytes: that the vendor signs what
//! it told is the vendor's promise.

use crate::{Effect, Kind, Outcome, Refusal, ToSign};
use keepwhole_verify::json::{self, Fields, Value};

/// `type` of the object.
pub const TYPE: &str = "keepwhole/callback/v1";
/// What the digest is hashed under.
const LABEL: &str = "keepwhole/callback/v1\n";
/// Most bytes of the object.
pub const MAX_BYTES: usize = 16_384;
/// A fee that the vendor does not tell, and that nothing here bounds.
pub const FEE_UNKNOWN: &str = "unknown";

/// A callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// The vendor's name for who asks: an API user, an enterprise.
    pub account: String,
    /// Minor units.
    pub amount: u128,
    /// CAIP-19.
    pub asset: String,
    /// SHA-256 of the body as it came.
    pub body: [u8; 32],
    /// Who gets it.
    pub dest: String,
    /// Greatest fee, minor units of the network's coin; `None` where it is not told.
    pub fee: Option<u128>,
    /// CAIP-19 of what the fee is paid in.
    pub fee_asset: String,
    /// Address of the wallet; empty where a wallet is many.
    pub from: String,
    /// Empty if none.
    pub memo: String,
    /// CAIP-2.
    pub network: String,
    /// Who called: fingerprint of a certificate, or an address.
    pub peer: String,
    /// Milliseconds since the epoch.
    pub received: u64,
    /// The vendor's id of the request.
    pub request: String,
    /// `signing` or `approval`.
    pub stage: String,
    /// The vendor's id of the transaction.
    pub transaction: String,
    /// `fireblocks` or `bitgo`.
    pub vendor: String,
    /// Wallet of the books.
    pub wallet: String,
    /// Withdrawal id of the exchange.
    pub withdrawal: String,
}

impl Callback {
    /// The canonical bytes.
    #[must_use]
    pub fn to_canonical(&self) -> String {
        let fee = self.fee.map_or(Value::text(FEE_UNKNOWN), Value::amount);
        Value::object(vec![
            ("account", Value::text(&self.account)),
            ("amount", Value::amount(self.amount)),
            ("asset", Value::text(&self.asset)),
            ("body", Value::text(json::to_hex(&self.body))),
            ("dest", Value::text(&self.dest)),
            ("fee", fee),
            ("fee_asset", Value::text(&self.fee_asset)),
            ("from", Value::text(&self.from)),
            ("memo", Value::text(&self.memo)),
            ("network", Value::text(&self.network)),
            ("peer", Value::text(&self.peer)),
            ("received", Value::amount(self.received.into())),
            ("request", Value::text(&self.request)),
            ("stage", Value::text(&self.stage)),
            ("transaction", Value::text(&self.transaction)),
            ("type", Value::text(TYPE)),
            ("vendor", Value::text(&self.vendor)),
            ("wallet", Value::text(&self.wallet)),
            ("withdrawal", Value::text(&self.withdrawal)),
        ])
        .to_canonical()
    }

    /// Reads the canonical bytes.
    ///
    /// # Errors
    /// `too_large`, `not_canonical`, `undecodable`.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() > MAX_BYTES {
            return Err(Refusal::TooLarge {
                bytes: bytes.len(),
                limit: MAX_BYTES,
            });
        }
        let unknown = |error: &dyn core::fmt::Display| Refusal::Undecodable {
            at: 0,
            what: error.to_string(),
        };
        let text = core::str::from_utf8(bytes).map_err(|error| unknown(&error))?;
        let value = json::parse("callback", text).map_err(|error| unknown(&error))?;
        read(&value).map_err(|error| unknown(&error))
    }

    /// What is told would happen: one transfer.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let digest = self.signing_digest();
        let source = if self.from.is_empty() {
            &self.wallet
        } else {
            &self.from
        };
        Outcome {
            kind: Kind::VendorCallback,
            network: self.network.clone(),
            payer: source.clone(),
            conflict_key: format!(
                "{}/{}:{}/{}",
                self.network, self.vendor, self.account, self.transaction
            ),
            effects: vec![Effect::Transfer {
                asset: self.asset.clone(),
                from: source.clone(),
                to: self.dest.clone(),
                amount: self.amount,
                memo: self.memo.clone(),
            }],
            fee_asset: self.fee_asset.clone(),
            fee: self.fee.unwrap_or(0),
            signing_digest: digest,
            to_sign: vec![ToSign {
                input: 0,
                bytes: digest.to_vec(),
            }],
        }
    }

    /// SHA-256 of `keepwhole/callback/v1`, a newline and the canonical bytes.
    #[must_use]
    pub fn signing_digest(&self) -> [u8; 32] {
        use sha2::Digest as _;
        let mut hasher = sha2::Sha256::new();
        hasher.update(LABEL);
        hasher.update(self.to_canonical());
        hasher.finalize().into()
    }
}

/// Decodes a callback.
///
/// # Errors
/// Why nothing is cleared for it.
pub fn callback(bytes: &[u8]) -> Result<Outcome, Refusal> {
    Callback::decode(bytes).map(|read| read.outcome())
}

fn read(value: &Value) -> Result<Callback, json::FormatError> {
    let mut fields = Fields::of("callback", value)?;
    fields.constant("type", TYPE)?;
    let fee = match fields.text("fee")? {
        FEE_UNKNOWN => None,
        _ => Some(fields.amount("fee")?),
    };
    let received = fields.amount("received")?;
    let received =
        u64::try_from(received).map_err(|_| fields.error("received", "is above 64 bits"))?;
    let stage = fields.text("stage")?.to_owned();
    if stage != "signing" && stage != "approval" {
        return Err(fields.error("stage", "must be `signing` or `approval`"));
    }
    let read = Callback {
        account: fields.text("account")?.to_owned(),
        amount: fields.amount("amount")?,
        asset: fields.text("asset")?.to_owned(),
        body: fields.hex("body")?,
        dest: fields.text("dest")?.to_owned(),
        fee,
        fee_asset: fields.text("fee_asset")?.to_owned(),
        from: fields.text("from")?.to_owned(),
        memo: fields.text("memo")?.to_owned(),
        network: fields.text("network")?.to_owned(),
        peer: fields.text("peer")?.to_owned(),
        received,
        request: fields.text("request")?.to_owned(),
        stage,
        transaction: fields.text("transaction")?.to_owned(),
        vendor: fields.text("vendor")?.to_owned(),
        wallet: fields.text("wallet")?.to_owned(),
        withdrawal: fields.text("withdrawal")?.to_owned(),
    };
    fields.done()?;
    Ok(read)
}
