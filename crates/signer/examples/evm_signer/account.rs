//! An account of EVM networks in memory, and what it takes to bring a signed transaction to a node.

use k256::ecdsa::SigningKey;
use keepwhole_payload::ToSign;
use keepwhole_payload::evm::transaction::{Envelope, Transaction};
use keepwhole_payload::evm::{Address, keccak256};
use keepwhole_verify::json::{parse_hex, to_hex};
use serde_json::{Value, json};
use std::time::Duration;

/// A key of secp256k1. An exchange keeps it in hardware; the library asks only for this much of it.
pub(crate) struct EvmAccount {
    id: String,
    key: SigningKey,
}

impl EvmAccount {
    /// Takes the key's id and its 32 secret bytes in hexadecimal digits.
    ///
    /// # Errors
    /// In words, without the key.
    pub(crate) fn new(id: &str, secret: &str) -> Result<Self, String> {
        let digits = secret.trim();
        let digits = digits.strip_prefix("0x").unwrap_or(digits);
        let bytes =
            parse_hex::<32>(digits).ok_or("the key is not 64 lower-case hexadecimal digits")?;
        let key = SigningKey::from_slice(&bytes).map_err(|_| "these bytes are no key")?;
        Ok(Self {
            id: id.to_owned(),
            key,
        })
    }

    /// Its address: the last 20 bytes of the hash of the public key.
    #[must_use]
    pub(crate) fn address(&self) -> Address {
        let point = self.key.verifying_key().to_sec1_point(false);
        let hash = keccak256(point.as_bytes().get(1..).unwrap_or_default());
        let (_, last) = hash.split_at(12);
        Address(last.try_into().unwrap_or_default())
    }

    /// Signs 32 bytes: `r || s || parity`.
    ///
    /// # Errors
    /// In words.
    pub(crate) fn sign_digest(&self, digest: &[u8]) -> Result<Vec<u8>, String> {
        if digest.len() != 32 {
            return Err(format!(
                "a digest has 32 bytes, this has `{}`",
                digest.len()
            ));
        }
        let (signature, recovery) = self.key.sign_prehash_recoverable(digest);
        let mut bytes = signature.to_bytes().to_vec();
        bytes.push(recovery.to_byte());
        Ok(bytes)
    }
}

impl keepwhole_signer::SigningKey for EvmAccount {
    fn id(&self) -> &str {
        &self.id
    }

    fn sign(&self, to_sign: &ToSign) -> Result<Vec<u8>, String> {
        self.sign_digest(&to_sign.bytes)
    }
}

/// A byte string in RLP.
fn item(bytes: &[u8]) -> Vec<u8> {
    match bytes {
        [byte] if *byte < 0x80 => vec![*byte],
        _ => headed(0x80, bytes),
    }
}

/// A number in RLP: without leading zeros.
fn number(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    item(bytes.get(zeros..).unwrap_or_default())
}

fn headed(base: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len().to_be_bytes();
    let zeros = length.iter().take_while(|byte| **byte == 0).count();
    let length = length.get(zeros..).unwrap_or_default();
    let short = u8::try_from(payload.len())
        .ok()
        .filter(|length| *length < 56);
    let mut out = match short {
        Some(short) => vec![base.saturating_add(short)],
        None => {
            let size = u8::try_from(length.len()).unwrap_or(u8::MAX);
            let mut out = vec![base.saturating_add(55).saturating_add(size)];
            out.extend_from_slice(length);
            out
        }
    };
    out.extend_from_slice(payload);
    out
}

/// The transaction with its signature (`r || s || parity`), as nodes take it. `unsigned` is one that the decoder reads.
///
/// # Errors
/// In words.
pub(crate) fn signed_transaction(unsigned: &[u8], signature: &[u8]) -> Result<Vec<u8>, String> {
    let transaction = Transaction::decode(unsigned).map_err(|refusal| refusal.to_string())?;
    let (r, rest) = signature
        .split_first_chunk::<32>()
        .ok_or("signature too short")?;
    let (s, parity) = rest
        .split_first_chunk::<32>()
        .ok_or("signature too short")?;
    let &[parity] = parity else {
        return Err("a signature has 65 bytes".to_owned());
    };
    let list = match transaction.envelope {
        Envelope::Legacy => unsigned,
        _ => unsigned.get(1..).unwrap_or_default(),
    };
    // The payload of the list begins behind its header.
    let header = match list.first() {
        Some(first) if *first > 0xf7 => usize::from(*first).saturating_sub(0xf6),
        _ => 1,
    };
    let mut fields = list.get(header..).unwrap_or_default().to_vec();
    let v = if transaction.envelope == Envelope::Legacy {
        // EIP-155: chain id, 0, 0 give way to the signature.
        let chain = number(&transaction.chain_id.to_be_bytes());
        fields.truncate(fields.len().saturating_sub(chain.len().saturating_add(2)));
        u128::from(transaction.chain_id)
            .saturating_mul(2)
            .saturating_add(35)
            .saturating_add(u128::from(parity))
    } else {
        u128::from(parity)
    };
    fields.extend(number(&v.to_be_bytes()));
    fields.extend(number(r));
    fields.extend(number(s));
    let mut out = match transaction.envelope {
        Envelope::Legacy => Vec::new(),
        _ => unsigned.first().copied().into_iter().collect(),
    };
    out.extend(headed(0xc0, &fields));
    Ok(out)
}

/// One JSON-RPC call of a node.
///
/// # Errors
/// The node's words, or why there was no answer.
pub(crate) fn call(node: &str, method: &str, params: &Value) -> Result<Value, String> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(10)))
        .build()
        .into();
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    let mut response = agent
        .post(node)
        .header("content-type", "application/json")
        .send(&body)
        .map_err(|error| error.to_string())?;
    let text = response.body_mut().read_to_string();
    let text = text.map_err(|error| error.to_string())?;
    let answer: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    match (answer.get("result"), answer.get("error")) {
        (Some(result), None) => Ok(result.clone()),
        (_, error) => Err(error.unwrap_or(&Value::Null).to_string()),
    }
}

/// Hands a signed transaction to a node; its hash.
///
/// # Errors
/// The node's words.
pub(crate) fn send(node: &str, signed: &[u8]) -> Result<String, String> {
    let hash = call(
        node,
        "eth_sendRawTransaction",
        &json!([format!("0x{}", to_hex(signed))]),
    )?;
    Ok(hash.as_str().unwrap_or_default().to_owned())
}
