//! Bytes that a signer is about to be asked to sign, decoded for the core: everything that they would do, or why nothing
//! may be said of them (docs/payloads.md).

use keepwhole_core::command::{DecodedPayload, Operation, PayloadContent};
use keepwhole_edge::guard::PayloadBytes;
use keepwhole_payload::bitcoin::{self, Chain};
use keepwhole_payload::callback;
use keepwhole_payload::evm::transaction::Transaction;
use keepwhole_payload::evm::{self, Address};
use keepwhole_payload::solana::{self, Cluster, Key};
use keepwhole_payload::{Effect, Kind, Outcome, Refusal};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// What is registered of a signing key: the bytes do not say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyContext {
    /// Network (CAIP-2).
    pub network: String,
    /// Address of the wallet.
    pub address: String,
    /// SLIP-44 number of the network's own coin, where an asset was named by it.
    pub coin: u32,
    /// Destination of the withdrawal; empty if there is none.
    pub dest: String,
    /// Safes of that network, by address.
    pub safes: Vec<String>,
    /// `MultiSendCallOnly` contracts of that network, by address.
    pub multi_send: Vec<String>,
}

/// Why bytes were not decoded: the name of the refusal.
fn undecodable(payload: &PayloadBytes, refusal: &str) -> PayloadContent {
    PayloadContent::Undecodable {
        refusal: refusal.to_owned(),
        bytes: Sha256::digest(&payload.bytes).into(),
    }
}

/// Decodes, or says by name why not.
#[must_use]
pub fn decode(payload: &PayloadBytes, context: Option<&KeyContext>) -> PayloadContent {
    let Some(context) = context else {
        return undecodable(payload, "key_unknown");
    };
    match outcome(payload, context) {
        Ok(outcome) => content(&outcome, safe_of(payload, &outcome, context), context),
        Err(Fault::Refused(refusal)) => undecodable(payload, refusal.name()),
        Err(Fault::Unread(name)) => undecodable(payload, name),
    }
}

enum Fault {
    Refused(Refusal),
    Unread(&'static str),
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

fn outcome(payload: &PayloadBytes, context: &KeyContext) -> Result<Outcome, Fault> {
    match payload.kind.as_str() {
        "evm-tx" | "safe-tx" => evm_outcome(payload, context),
        "psbt" => {
            let chain = Chain::ALL
                .into_iter()
                .find(|chain| chain.network() == context.network);
            let chain = chain.ok_or(Fault::Unread("network_unknown"))?;
            // Change goes back to the wallet that pays. What another wallet of ours gets is an operation as any other.
            let own = chain.script_of(&context.address);
            let ours = |script: &[u8]| own.as_deref() == Some(script);
            let context = bitcoin::Context {
                chain,
                is_ours: Some(&ours),
            };
            Ok(bitcoin::psbt(&payload.bytes, &context)?)
        }
        "solana-message" => {
            let cluster = Cluster::ALL
                .into_iter()
                .find(|cluster| cluster.network() == context.network);
            let context = solana::Context {
                cluster: cluster.ok_or(Fault::Unread("network_unknown"))?,
                tables: &BTreeMap::new(),
                mints: &BTreeMap::<Key, Key>::new(),
            };
            Ok(solana::message(&payload.bytes, &context)?)
        }
        // What a custody vendor tells where it shows no bytes (docs/cosigners.md).
        "vendor-callback" => {
            let outcome = callback::callback(&payload.bytes)?;
            if outcome.network != context.network {
                return Err(Fault::Unread("wrong_chain"));
            }
            Ok(outcome)
        }
        _ => Err(Fault::Unread("kind_unknown")),
    }
}

fn evm_outcome(payload: &PayloadBytes, context: &KeyContext) -> Result<Outcome, Fault> {
    let chain_id = context
        .network
        .strip_prefix("eip155:")
        .and_then(|id| id.parse().ok());
    let addresses = |texts: &[String]| -> Vec<Address> {
        texts.iter().filter_map(|at| Address::parse(at)).collect()
    };
    let (safes, multi_send) = (addresses(&context.safes), addresses(&context.multi_send));
    let context = evm::Context {
        chain_id: chain_id.ok_or(Fault::Unread("network_unknown"))?,
        coin: context.coin,
        sender: Address::parse(&context.address).ok_or(Fault::Unread("address_unknown"))?,
        safes: &safes,
        multi_send: &multi_send,
    };
    if payload.kind == "evm-tx" {
        return Ok(evm::transaction(&payload.bytes, &context)?);
    }
    let text = std::str::from_utf8(&payload.bytes).map_err(|_| Fault::Unread("undecodable"))?;
    Ok(evm::typed::typed_data(text, &context)?)
}

/// The registered Safe whose transaction it is: typed data of it, or a call of its `execTransaction`. A key that spends a
/// Safe's allowance is no transaction of the Safe.
fn safe_of(payload: &PayloadBytes, outcome: &Outcome, context: &KeyContext) -> Option<String> {
    match outcome.kind {
        Kind::SafeTx => Some(outcome.payer.clone()),
        Kind::EvmTx => {
            let call = Transaction::decode(&payload.bytes).ok()?;
            let execute = evm::selectors::EXEC_TRANSACTION.to_be_bytes();
            let to = call.to.to_string();
            let known = context.safes.contains(&to) && call.data.starts_with(&execute);
            known.then_some(to)
        }
        _ => None,
    }
}

/// An outcome as the core judges it; what comes back to registered scripts is no operation.
fn content(outcome: &Outcome, safe: Option<String>, context: &KeyContext) -> PayloadContent {
    let source = safe.as_deref().unwrap_or(&context.address);
    let mut memos = Vec::new();
    let mut operations = Vec::new();
    for effect in &outcome.effects {
        let plain = |to: &str, asset: &str, units: u128| Operation {
            op: effect.op().to_owned(),
            to: to.to_owned(),
            asset: asset.to_owned(),
            units,
            inner: Vec::new(),
        };
        operations.push(match effect {
            Effect::Change { .. } => continue,
            Effect::Transfer {
                asset,
                from,
                to,
                amount,
                memo,
            } => {
                if !memo.is_empty() {
                    memos.push(memo.clone());
                }
                let to = if solana::is_token_account_of(to, &context.dest, asset) {
                    &context.dest
                } else {
                    to
                };
                let mut operation = plain(to, asset, *amount);
                // What another account pays is no withdrawal of this wallet, or of this Safe. Of Bitcoin all inputs are ours, and a
                // vendor's wallet is many addresses there.
                let many =
                    outcome.kind == Kind::VendorCallback && outcome.network.starts_with("bip122:");
                let ours = outcome.kind == Kind::Psbt
                    || many
                    || from.eq_ignore_ascii_case(source)
                    || solana::is_token_account_of(from, source, asset);
                if !ours {
                    operation.op = "transfer_from".to_owned();
                }
                operation
            }
            Effect::CreateAccount {
                asset,
                account,
                amount,
                ..
            } => plain(account, asset, *amount),
            Effect::OpenTokenAccount { asset, owner, .. } => plain(owner, asset, 0),
            Effect::Grant { over, to, .. } => plain(to, over, 0),
        });
    }
    PayloadContent::Decoded(DecodedPayload {
        kind: outcome.kind.name().to_owned(),
        network: outcome.network.clone(),
        signing_digest: outcome.signing_digest,
        conflict_key: outcome.conflict_key.clone(),
        total_fee: outcome.fee,
        memo: memos.join("\n"),
        safe,
        operations,
    })
}
