//! Typed data (EIP-712): the transaction of a pinned Safe is recognised; everything else is refused by name.
//!
//! The document is the one of `eth_signTypedData_v4` as canonical JSON (RFC 8785), numbers as decimal texts, addresses and
//! data as hexadecimal text with `0x`: one document has one form, and its hash is computed here.

use super::safe::SafeTx;
use super::{Address, Context, MAX_BYTES, calls, conflict_key};
use crate::{Kind, Outcome, Refusal, ToSign, Word};
use keepwhole_verify::json::{self, FormatError, Value};

const TYPES: &str = r#"{"EIP712Domain":[{"name":"chainId","type":"uint256"},{"name":"verifyingContract","type":"address"}],"SafeTx":[{"name":"to","type":"address"},{"name":"value","type":"uint256"},{"name":"data","type":"bytes"},{"name":"operation","type":"uint8"},{"name":"safeTxGas","type":"uint256"},{"name":"baseGas","type":"uint256"},{"name":"gasPrice","type":"uint256"},{"name":"gasToken","type":"address"},{"name":"refundReceiver","type":"address"},{"name":"nonce","type":"uint256"}]}"#;

/// Decodes typed data.
///
/// # Errors
/// Why it must not be signed.
pub fn typed_data(text: &str, context: &Context<'_>) -> Result<Outcome, Refusal> {
    if text.len() > MAX_BYTES.saturating_mul(2) {
        return Err(Refusal::TooLarge {
            bytes: text.len(),
            limit: MAX_BYTES.saturating_mul(2),
        });
    }
    let document = json::parse("typed data", text).map_err(|error| format(&error))?;
    let primary = member(&document, "primaryType").and_then(as_text);
    let primary = primary.ok_or_else(|| missing("primaryType"))?;
    if primary != "SafeTx" {
        return Err(refused(primary));
    }
    let safe = domain(&document, context)?;
    let types = member(&document, "types").map(Value::to_canonical);
    if types.as_deref() != Some(TYPES) || members(&document) != 4 {
        return Err(Refusal::TypedData {
            primary: "SafeTx with other types".to_owned(),
        });
    }
    let message = member(&document, "message").ok_or_else(|| missing("message"))?;
    let (tx, nonce) = safe_tx(message)?;
    let mut calls = calls::Calls::new(context);
    calls.safe(safe, &tx, 0)?;
    let digest = tx.hash(context.chain_id, safe, nonce);
    Ok(Outcome {
        kind: Kind::SafeTx,
        network: context.network(),
        payer: safe.to_string(),
        conflict_key: conflict_key(context, safe, &nonce),
        effects: calls.effects,
        fee_asset: context.coin_asset(),
        fee: 0,
        signing_digest: digest,
        to_sign: vec![ToSign {
            input: 0,
            bytes: digest.to_vec(),
        }],
    })
}

/// The domain must be that of a pinned Safe on the key's chain, without further fields.
fn domain(document: &Value, context: &Context<'_>) -> Result<Address, Refusal> {
    let domain = member(document, "domain").ok_or_else(|| missing("domain"))?;
    let mismatch = |field, found: &str, expected: String| Refusal::DomainMismatch {
        field,
        found: found.to_owned(),
        expected,
    };
    let chain = match member(domain, "chainId") {
        Some(Value::Integer(number)) => number.to_string(),
        Some(Value::Text(text)) => text.clone(),
        _ => String::new(),
    };
    if chain != context.chain_id.to_string() {
        return Err(mismatch("chainId", &chain, context.chain_id.to_string()));
    }
    let found = member(domain, "verifyingContract").and_then(as_text);
    let found = found.unwrap_or_default();
    let safe = Address::parse(found)
        .filter(|safe| context.safes.contains(safe))
        .ok_or_else(|| Refusal::SafeUnknown {
            address: found.to_owned(),
        })?;
    if members(domain) != 2 {
        let found = domain.to_canonical();
        return Err(mismatch(
            "fields",
            &found,
            "chainId, verifyingContract".to_owned(),
        ));
    }
    Ok(safe)
}

fn safe_tx(message: &Value) -> Result<(SafeTx, Word), Refusal> {
    if members(message) != 10 {
        return Err(Refusal::TypedData {
            primary: "SafeTx with other fields".to_owned(),
        });
    }
    let field = |name: &str| {
        let text = match member(message, name) {
            Some(Value::Integer(number)) => Some(number.to_string()),
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        };
        text.ok_or_else(|| missing(name))
    };
    let number = |name: &str| number(&field(name)?).ok_or_else(|| missing(name));
    let address = |name: &str| Address::parse(&field(name)?).ok_or_else(|| missing(name));
    let value = number("value")?;
    let operation = number("operation")?.to_u128();
    let tx = SafeTx {
        to: address("to")?,
        value: value.to_u128().ok_or_else(|| Refusal::AmountTooLarge {
            at: 0,
            amount: value.to_string(),
        })?,
        data: bytes(&field("data")?).ok_or_else(|| missing("data"))?,
        data_at: 0,
        operation: operation
            .and_then(|operation| u8::try_from(operation).ok())
            .filter(|operation| *operation < 2)
            .ok_or_else(|| missing("operation"))?,
        safe_tx_gas: number("safeTxGas")?,
        base_gas: number("baseGas")?,
        gas_price: number("gasPrice")?,
        gas_token: address("gasToken")?,
        refund_receiver: address("refundReceiver")?,
    };
    Ok((tx, number("nonce")?))
}

/// A decimal number of at most 128 bits. No field of a Safe transaction that is signed needs more.
fn number(text: &str) -> Option<Word> {
    json::parse_amount(text).map(Word::from)
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x")?.as_bytes();
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let pair = |pair: &[u8; 2]| {
        let text = core::str::from_utf8(pair).ok()?;
        json::parse_hex::<1>(&text.to_ascii_lowercase()).map(|[byte]| byte)
    };
    pairs.iter().map(pair).collect()
}

fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Object(members) => members
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value),
        _ => None,
    }
}

fn members(value: &Value) -> usize {
    match value {
        Value::Object(members) => members.len(),
        _ => 0,
    }
}

fn as_text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

fn missing(field: &str) -> Refusal {
    Refusal::Undecodable {
        at: 0,
        what: format!("typed data with a missing or malformed `{field}`"),
    }
}

fn format(error: &FormatError) -> Refusal {
    Refusal::Undecodable {
        at: 0,
        what: format!("{}: {}", error.place, error.cause),
    }
}

fn refused(primary: &str) -> Refusal {
    let what = primary.to_owned();
    match primary {
        "Permit" => Refusal::Permit { what },
        "PermitSingle"
        | "PermitBatch"
        | "PermitTransferFrom"
        | "PermitBatchTransferFrom"
        | "PermitWitnessTransferFrom"
        | "PermitBatchWitnessTransferFrom" => Refusal::Permit2 { what },
        "TransferWithAuthorization" | "ReceiveWithAuthorization" | "CancelAuthorization" => {
            Refusal::Eip3009 { what }
        }
        "PackedUserOperation" | "UserOperation" | "SafeOp" => Refusal::UserOperation { what },
        "SafeMessage" | "PersonalSign" | "TypedDataSign" => Refusal::ContractSignature { what },
        "Authorization" => Refusal::SetCodeTransaction {},
        _ => Refusal::TypedData { primary: what },
    }
}
