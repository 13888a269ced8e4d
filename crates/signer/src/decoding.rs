//! The bytes, decoded here: what they would do, and whether that is what was decided and cleared.

use crate::refusal::Refusal;
use crate::request::Parts;
use crate::settings::{Account, FundsKey};
use keepwhole_payload::{Effect, Expected, Kind, Outcome, bitcoin, evm, solana};
use keepwhole_verify::clearance::PayloadKind;
use keepwhole_verify::json::to_hex;
use std::collections::BTreeMap;

/// Decodes `payload` for `key` by its first form: an EVM key signs transactions, and typed data of its Safes.
///
/// # Errors
/// Why the bytes must not be signed.
fn decode(payload: &[u8], kind: PayloadKind, key: &FundsKey) -> Result<Outcome, Refusal> {
    let refused = |refusal| Refusal::Payload { refusal };
    match (&key.account, kind) {
        (
            Account::Evm {
                chain_id,
                coin,
                address,
                safes,
                multi_send,
            },
            PayloadKind::EvmTx | PayloadKind::SafeTx,
        ) => {
            let context = evm::Context {
                chain_id: *chain_id,
                coin: *coin,
                sender: *address,
                safes,
                multi_send,
            };
            if kind == PayloadKind::EvmTx {
                return evm::transaction(payload, &context).map_err(refused);
            }
            let text = core::str::from_utf8(payload).map_err(|error| Refusal::Malformed {
                what: "typed data",
                why: error.to_string(),
            })?;
            evm::typed::typed_data(text, &context).map_err(refused)
        }
        (Account::Bitcoin { chain, scripts }, PayloadKind::Psbt) => {
            let ours = |script: &[u8]| scripts.contains(script);
            let context = bitcoin::Context {
                chain: *chain,
                is_ours: Some(&ours),
            };
            bitcoin::psbt(payload, &context).map_err(refused)
        }
        (Account::Solana { cluster, .. }, PayloadKind::SolanaMessage) => {
            // What lookup tables hold is state of the chain that this signer has not read itself: such messages are refused.
            let context = solana::Context {
                cluster: *cluster,
                tables: &BTreeMap::new(),
                mints: &BTreeMap::new(),
            };
            solana::message(payload, &context).map_err(refused)
        }
        (account, _) => Err(Refusal::PayloadKind {
            cleared: kind.name().to_owned(),
            key: match account {
                Account::Evm { .. } => "evm-tx` or `safe-tx",
                Account::Bitcoin { .. } => "psbt",
                Account::Solana { .. } => "solana-message",
            }
            .to_owned(),
        }),
    }
}

/// What is decoded, and what signing it may cost beside the value, in the coin of the network.
pub(crate) struct Decoded {
    pub(crate) outcome: Outcome,
    /// The greater of the bytes' fee and the cleared one, and rent for an account that is opened.
    pub(crate) fee: u128,
    /// What at most one of all attempts can spend.
    pub(crate) spends: String,
}

/// Decodes the bytes and holds them against clearance and intent.
///
/// # Errors
/// The first difference.
pub(crate) fn check(parts: &Parts, payload: &[u8], key: &FundsKey) -> Result<Decoded, Refusal> {
    let (clearance, intent) = (&parts.clearance, &parts.intent);
    let outcome = decode(payload, clearance.payload_kind, key)?;
    if outcome.signing_digest != clearance.signing_digest {
        return Err(Refusal::DigestMismatch {
            cleared: to_hex(&clearance.signing_digest),
            bytes: to_hex(&outcome.signing_digest),
        });
    }
    if outcome.conflict_key != clearance.conflict_key {
        return Err(Refusal::ConflictKeyMismatch {
            cleared: clearance.conflict_key.clone(),
            bytes: outcome.conflict_key,
        });
    }
    let rent = match &key.account {
        Account::Solana { account_rent, .. } => *account_rent,
        _ => None,
    };
    let expected = Expected {
        network: intent.network.clone(),
        asset: intent.asset.clone(),
        from: source(key, &outcome),
        to: intent.dest.clone(),
        opens_account: rent.is_some(),
        amount: intent.amount,
        memo: intent.memo.clone(),
        max_fee: intent.max_fee,
    };
    expected
        .matches(&outcome)
        .map_err(|mismatch| Refusal::PayloadMismatch { mismatch })?;
    if outcome.fee > clearance.total_fee || clearance.total_fee > intent.max_fee {
        return Err(Refusal::FeeMismatch {
            bytes: outcome.fee,
            cleared: clearance.total_fee,
            most: intent.max_fee,
        });
    }
    let opens = outcome.effects.len() > 1 && rent.is_some();
    let rent = rent.filter(|_| opens).unwrap_or(0);
    Ok(Decoded {
        spends: spends(&outcome, payload)?,
        fee: clearance.total_fee.saturating_add(rent),
        outcome,
    })
}

/// The conflict key, and on Solana the nonce's value too: an account of nonces can be used again once a transaction has landed
/// and moved it on, so two attempts that name the same account alone could both land.
fn spends(outcome: &Outcome, payload: &[u8]) -> Result<String, Refusal> {
    if outcome.kind != Kind::SolanaMessage {
        return Ok(outcome.conflict_key.clone());
    }
    let message = solana::message::Message::decode(payload);
    let message = message.map_err(|refusal| Refusal::Payload { refusal })?;
    Ok(format!(
        "{}/{}",
        outcome.conflict_key,
        solana::Key(message.blockhash)
    ))
}

/// Whose value must move: the sender's, or that of one of its Safes. A key of Solana moves tokens out of accounts that only
/// their owner, itself, can sign for; the inputs of Bitcoin were checked while decoding.
fn source(key: &FundsKey, outcome: &Outcome) -> Option<String> {
    let Account::Evm { safes, .. } = &key.account else {
        return None;
    };
    let mut moved = outcome.effects.iter().filter_map(|effect| match effect {
        Effect::Transfer { from, .. } => Some(from),
        _ => None,
    });
    let own = |from: &&String| safes.iter().any(|safe| safe.to_string() == **from);
    Some(moved.find(own).unwrap_or(&outcome.payer).clone())
}
