//! Targets over what a signer is asked to sign.

use keepwhole_payload::bitcoin::{self, Chain};
use keepwhole_payload::evm::transaction::Transaction;
use keepwhole_payload::evm::{self, Address, Context, typed};
use keepwhole_payload::solana::message::Message;
use keepwhole_payload::solana::{self, Cluster, Key};
use keepwhole_payload::{MAX_EFFECTS, Outcome, Refusal};
use std::collections::BTreeMap;

const CONTEXT: Context<'static> = Context {
    chain_id: 1,
    coin: 60,
    sender: Address([0x11; 20]),
    safes: &[Address([0x5a; 20])],
    multi_send: &[Address([0xba; 20])],
};

/// A refusal says why; an outcome has effects and something to sign.
fn complete(outcome: &Result<Outcome, Refusal>) -> bool {
    match outcome {
        Ok(outcome) => {
            assert!(outcome.effects.len() <= MAX_EFFECTS);
            assert!(!outcome.effects.is_empty(), "a payload without an effect");
            assert!(!outcome.to_sign.is_empty());
        }
        Err(refusal) => {
            assert!(Refusal::NAMES.contains(&refusal.name()));
            assert!(!refusal.to_string().is_empty());
        }
    }
    outcome.is_ok()
}

/// A transaction that decodes encodes to the same bytes.
pub(crate) fn evm_transaction(bytes: &[u8]) -> bool {
    if let Ok(read) = Transaction::decode(bytes) {
        assert_eq!(read.encode(), bytes, "two forms of one transaction");
    }
    complete(&evm::transaction(bytes, &CONTEXT))
}

/// Typed data that decodes is the transaction of the pinned Safe.
pub(crate) fn typed_data(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let outcome = typed::typed_data(text, &CONTEXT);
    if let Ok(outcome) = &outcome {
        assert_eq!(outcome.payer, CONTEXT.safes[0].to_string());
    }
    complete(&outcome)
}

/// A message that decodes encodes to the same bytes. A message may have no effect: it only costs its fee.
pub(crate) fn solana_message(bytes: &[u8]) -> bool {
    let none = BTreeMap::new();
    let context = solana::Context {
        cluster: Cluster::Mainnet,
        tables: &[(Key([0x77; 32]), vec![Key([0x55; 32]), Key([2; 32])])].into(),
        mints: &none,
    };
    if let Ok(read) = Message::decode(bytes) {
        assert_eq!(read.encode(), bytes, "two forms of one message");
    }
    match solana::message(bytes, &context) {
        Ok(outcome) => {
            assert!(outcome.effects.len() <= MAX_EFFECTS);
            assert_eq!(outcome.to_sign[0].bytes, bytes);
            true
        }
        refused @ Err(_) => complete(&refused),
    }
}

/// A partially signed transaction that decodes writes back to the same bytes, which the decoder itself checks.
pub(crate) fn psbt(bytes: &[u8]) -> bool {
    let context = bitcoin::Context {
        chain: Chain::Mainnet,
        is_ours: None,
    };
    complete(&bitcoin::psbt(bytes, &context))
}

/// A callback that decodes writes back to the same bytes.
pub(crate) fn callback(bytes: &[u8]) -> bool {
    if let Ok(read) = keepwhole_payload::callback::Callback::decode(bytes) {
        assert_eq!(
            read.to_canonical().as_bytes(),
            bytes,
            "two forms of one callback"
        );
    }
    complete(&keepwhole_payload::callback::callback(bytes))
}
