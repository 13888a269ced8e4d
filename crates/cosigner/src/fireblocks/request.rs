//! What a Fireblocks co-signer asks: read strictly where it matters, unknown fields kept and never required.

use crate::claims::{Claims, FormError, Raw, Stage, Unknown, Vendor};
use crate::json::Json;
use crate::mapping::{Mapping, amount};

/// Longest id, bytes.
const ID_MAX: usize = 128;
/// Most destinations and most raw transactions that are read.
const LIST_MAX: usize = 64;
/// Texts that are amounts: as a number they are refused. `amount` and `requestedAmount` are deprecated numbers and not read.
const AMOUNTS: [&str; 3] = ["amountStr", "requestedAmountStr", "fee"];

/// A request, in the vendor's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Id of the request: the dedup key, echoed in the answer.
    pub request_id: String,
    /// API user that would sign; newer co-signers say it.
    pub signer_id: Option<String>,
    /// What is asked.
    pub stage: Stage,
    /// Everything that was said, unknown fields included.
    pub all: Json,
    transaction: Option<Transaction>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Transaction {
    tx_id: String,
    operation: String,
    source_type: String,
    source_id: String,
    asset: String,
    amount: String,
    requested: Option<String>,
    fee: Option<String>,
    address: Option<String>,
    tag: Option<String>,
    external_id: Option<String>,
    note: Option<String>,
    gross: bool,
    destinations: Vec<Destination>,
    raw: Vec<Raw>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Destination {
    address: Option<String>,
    amount: Option<String>,
}

/// Where the exchange's withdrawal id stands in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithdrawalId {
    /// `externalTxId`.
    External,
    /// `note`.
    Note,
}

/// Reads the claims of a request for `/tx_sign_request`, or for `/config_change_sign_request`.
///
/// # Errors
/// [`FormError`]: the request is refused with 400 and nobody is asked.
pub fn read(claims: Json, configuration: bool) -> Result<Request, FormError> {
    let request_id = id(&claims, "requestId")?.ok_or(FormError::Missing("requestId"))?;
    let signer_id = id(&claims, "signerId")?;
    if configuration {
        return Ok(Request {
            request_id,
            signer_id,
            stage: Stage::Configuration,
            all: claims,
            transaction: None,
        });
    }
    for field in AMOUNTS {
        refuse_number(&claims, field, field.to_owned())?;
    }
    let destinations = destinations(&claims)?;
    let fee = text(&claims, "fee")?;
    let raw = raw(&claims)?;
    // The vendor's page: `fee` and `displayDstAddress` appear only in signing requests; so do bytes to be signed.
    let signs =
        fee.is_some() || !raw.is_empty() || destinations.iter().any(|one| one.address.is_some());
    let transaction = Transaction {
        tx_id: id(&claims, "txId")?.ok_or(FormError::Missing("txId"))?,
        operation: text(&claims, "operation")?.unwrap_or_else(|| "TRANSFER".to_owned()),
        source_type: text(&claims, "sourceType")?.ok_or(FormError::Missing("sourceType"))?,
        source_id: text(&claims, "sourceId")?.ok_or(FormError::Missing("sourceId"))?,
        asset: text(&claims, "asset")?.ok_or(FormError::Missing("asset"))?,
        amount: text(&claims, "amountStr")?.ok_or(FormError::Missing("amountStr"))?,
        requested: text(&claims, "requestedAmountStr")?,
        fee,
        address: text(&claims, "destAddress")?,
        tag: text(&claims, "destTag")?.or(text(&claims, "tag")?),
        external_id: text(&claims, "externalTxId")?,
        note: text(&claims, "note")?,
        gross: claims.member("treatAsGrossAmount") == Some(&Json::Bool(true)),
        destinations,
        raw,
    };
    let stage = if signs {
        Stage::Signing
    } else {
        Stage::Approval
    };
    Ok(Request {
        request_id,
        signer_id,
        stage,
        all: claims,
        transaction: Some(transaction),
    })
}

fn text(claims: &Json, field: &'static str) -> Result<Option<String>, FormError> {
    match claims.member(field) {
        None => Ok(None),
        // Vendors write an absent text as an empty one, too.
        Some(Json::Text(text)) if text.is_empty() => Ok(None),
        Some(Json::Text(text)) => Ok(Some(text.clone())),
        Some(_) => Err(FormError::Type {
            field: field.to_owned(),
            needs: "a text",
        }),
    }
}

fn id(claims: &Json, field: &'static str) -> Result<Option<String>, FormError> {
    let Some(found) = text(claims, field)? else {
        return Ok(None);
    };
    let visible = found.bytes().all(|byte| byte.is_ascii_graphic());
    if found.len() > ID_MAX || !visible {
        return Err(FormError::Id(field));
    }
    Ok(Some(found))
}

fn refuse_number(claims: &Json, field: &str, place: String) -> Result<(), FormError> {
    match claims.member(field) {
        Some(Json::Number(_)) => Err(FormError::NumberAmount(place)),
        _ => Ok(()),
    }
}

fn list<'c>(claims: &'c Json, field: &'static str) -> Result<&'c [Json], FormError> {
    match claims.member(field) {
        None => Ok(&[]),
        Some(Json::List(items)) if items.len() > LIST_MAX => Err(FormError::TooMany(field)),
        Some(Json::List(items)) => Ok(items),
        Some(_) => Err(FormError::Type {
            field: field.to_owned(),
            needs: "a list",
        }),
    }
}

fn destinations(claims: &Json) -> Result<Vec<Destination>, FormError> {
    let items = list(claims, "destinations")?;
    let mut all = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let place = format!("destinations[{at}].amountNativeStr");
        refuse_number(item, "amountNativeStr", place)?;
        all.push(Destination {
            address: text(item, "displayDstAddress")?,
            amount: text(item, "amountNativeStr")?,
        });
    }
    Ok(all)
}

fn raw(claims: &Json) -> Result<Vec<Raw>, FormError> {
    let mut all = Vec::new();
    for item in list(claims, "rawTx")? {
        let bytes = text(item, "rawTx")?.ok_or(FormError::Missing("rawTx.rawTx"))?;
        let hash = match text(item, "payload")? {
            None => None,
            Some(hash) => {
                let hash = unhex(&hash).and_then(|hash| <[u8; 32]>::try_from(hash).ok());
                Some(hash.ok_or(FormError::Hex("rawTx.payload"))?)
            }
        };
        let bytes = unhex(&bytes).ok_or(FormError::Hex("rawTx.rawTx"))?;
        all.push(Raw { bytes, hash });
    }
    Ok(all)
}

/// Bytes of hexadecimal digits of any case, `0x` before them or not.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x").unwrap_or(text).as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pair = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    };
    digits.chunks_exact(2).map(pair).collect()
}

impl Request {
    /// The vendor's id of the transaction; empty for a configuration change.
    #[must_use]
    pub fn transaction(&self) -> &str {
        self.transaction.as_ref().map_or("", |told| &told.tx_id)
    }

    /// The transfer in our own terms.
    ///
    /// # Errors
    /// [`Unknown`]: what is asked is a custody change, or is not known here. It is held, never denied.
    pub fn claims(&self, mapping: &Mapping, at: WithdrawalId) -> Result<Claims, Unknown> {
        let Some(told) = &self.transaction else {
            let kind = self.all.member("type").and_then(Json::as_text);
            let what = "a change of the workspace is a custody change";
            return Err(Unknown::new("custody_change", what, kind.unwrap_or("")));
        };
        if told.operation != "TRANSFER" {
            let (code, what) = match told.operation.as_str() {
                "RAW" | "TYPED_MESSAGE" | "CONTRACT_CALL" => {
                    ("custody_change", "the operation is a custody change")
                }
                _ => ("operation_unknown", "the operation is not approved here"),
            };
            return Err(Unknown::new(code, what, &told.operation));
        }
        if told.source_type != "VAULT" {
            let what = "the source is no vault account";
            return Err(Unknown::new("source_unknown", what, &told.source_type));
        }
        let vendor = Vendor::Fireblocks;
        let asset = mapping.asset(vendor, &told.asset)?;
        let wallet = mapping.wallet(vendor, &told.source_id)?;
        let units = amount(&told.amount, asset.decimals)?;
        self.gross(told, asset.decimals, units)?;
        let to = told.destination(asset.decimals, units)?;
        let fee = match &told.fee {
            None => None,
            Some(fee) => Some(mapping.fee(&asset.network, fee)?),
        };
        let withdrawal = match at {
            WithdrawalId::External => &told.external_id,
            WithdrawalId::Note => &told.note,
        };
        let withdrawal = withdrawal.as_ref().filter(|id| is_withdrawal_id(id));
        let Some(withdrawal) = withdrawal else {
            let what = "no withdrawal id of the exchange in the request";
            return Err(Unknown::new("withdrawal_unknown", what, &told.tx_id));
        };
        let raw = match told.raw.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            many => {
                let count = many.len().to_string();
                let what = "raw transactions in one request; one is judged";
                return Err(Unknown::new("raw_many", what, &count));
            }
        };
        Ok(Claims {
            withdrawal: withdrawal.clone(),
            network: asset.network.clone(),
            asset: asset.asset.clone(),
            wallet: wallet.name.clone(),
            key: wallet.key.clone(),
            from: wallet.addresses.get(&asset.network).cloned(),
            to,
            memo: told.tag.clone().unwrap_or_default(),
            amount: units,
            fee,
            transaction: told.tx_id.clone(),
            raw,
        })
    }

    /// Where fees are taken from the amount, what arrives is not what is said: not judged here.
    fn gross(&self, told: &Transaction, decimals: u8, units: u128) -> Result<(), Unknown> {
        let requested = match &told.requested {
            None => units,
            Some(requested) => amount(requested, decimals)?,
        };
        if told.gross || requested != units {
            let what = "the fee is taken from the amount; requested";
            return Err(Unknown::new("gross_amount", what, &requested.to_string()));
        }
        Ok(())
    }
}

impl Transaction {
    /// The one address that gets everything, the same wherever it is told.
    fn destination(&self, decimals: u8, units: u128) -> Result<String, Unknown> {
        if self.destinations.len() > 1 {
            let count = self.destinations.len().to_string();
            let what = "destinations in one transaction; one is judged";
            return Err(Unknown::new("destinations_many", what, &count));
        }
        let listed = self.destinations.first();
        if let Some(told) = listed.and_then(|one| one.amount.as_ref())
            && amount(told, decimals)? != units
        {
            let what = "the destination's amount is not that of the transaction";
            return Err(Unknown::new("amounts_differ", what, told));
        }
        let shown = listed.and_then(|one| one.address.as_ref());
        match (&self.address, shown) {
            (Some(one), Some(other)) if !same_address(one, other) => {
                let what = "two destination addresses; the list says";
                Err(Unknown::new("destinations_differ", what, other))
            }
            (Some(one), _) | (None, Some(one)) => Ok(one.clone()),
            (None, None) => {
                let what = "no destination address in the request";
                Err(Unknown::new("destination_unknown", what, &self.tx_id))
            }
        }
    }
}

/// Two spellings of one address: those of EVM networks may differ in the case of their letters.
pub(crate) fn same_address(one: &str, other: &str) -> bool {
    one == other || (one.starts_with("0x") && one.eq_ignore_ascii_case(other))
}

/// A withdrawal id as the guard takes them.
pub(crate) fn is_withdrawal_id(id: &str) -> bool {
    (1..=ID_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}
