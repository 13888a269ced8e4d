//! The raw bytes: decoded here, by the approver's own program, and held against what is to be approved.

use std::collections::BTreeMap;

use keepwhole_payload::bitcoin::{self, Chain};
use keepwhole_payload::evm::{self, Address};
use keepwhole_payload::solana::{self, Cluster};
use keepwhole_payload::{Expected, Outcome};
use keepwhole_verify::approval::Command;
use keepwhole_verify::digest::Digest;
use keepwhole_verify::json::to_hex;

/// What the approver knows and the bytes do not say.
#[derive(Default)]
pub(crate) struct Known {
    /// `evm-tx`, `safe-tx`, `psbt`, `solana-message`.
    pub(crate) kind: String,
    /// Address whose value moves; on EVM networks it must be given.
    pub(crate) sender: Option<String>,
    /// SLIP-44 number of an EVM network's own coin.
    pub(crate) coin: Option<u32>,
    pub(crate) safes: Vec<String>,
    pub(crate) multi_send: Vec<String>,
    /// Own scripts in hexadecimal (Bitcoin): change goes back to them.
    pub(crate) own_scripts: Vec<String>,
    /// Whether the recipient's token account is opened too (Solana).
    pub(crate) opens_account: bool,
}

fn addresses(texts: &[String]) -> Result<Vec<Address>, String> {
    texts.iter().map(|text| address(text)).collect()
}

fn address(text: &str) -> Result<Address, String> {
    Address::parse(text)
        .ok_or_else(|| format!("`{text}` is no address, 0x and 40 hexadecimal digits"))
}

/// Decodes the bytes for a network, all of them, or says why they must not be signed.
pub(crate) fn decode(bytes: &[u8], network: &str, known: &Known) -> Result<Outcome, String> {
    let refused = |refusal: keepwhole_payload::Refusal| {
        format!(
            "the bytes must not be signed: {refusal} (`{}`)",
            refusal.name()
        )
    };
    match known.kind.as_str() {
        "evm-tx" | "safe-tx" => {
            let chain_id = network
                .strip_prefix("eip155:")
                .and_then(|id| id.parse().ok())
                .ok_or_else(|| format!("`{network}` is no EVM network"))?;
            let sender = known
                .sender
                .as_deref()
                .ok_or("give `--sender ADDRESS`, the wallet's address: the bytes do not say it")?;
            let (safes, multi_send) = (addresses(&known.safes)?, addresses(&known.multi_send)?);
            let context = evm::Context {
                chain_id,
                coin: known.coin.unwrap_or(60),
                sender: address(sender)?,
                safes: &safes,
                multi_send: &multi_send,
            };
            if known.kind == "evm-tx" {
                return evm::transaction(bytes, &context).map_err(refused);
            }
            let text = std::str::from_utf8(bytes).map_err(|_| "typed data is not UTF-8")?;
            evm::typed::typed_data(text, &context).map_err(refused)
        }
        "psbt" => {
            let chains = [
                Chain::Mainnet,
                Chain::Testnet3,
                Chain::Testnet4,
                Chain::Signet,
                Chain::Regtest,
            ];
            let chain = chains
                .into_iter()
                .find(|chain| chain.network() == network)
                .ok_or_else(|| format!("`{network}` is no Bitcoin network"))?;
            let ours = |script: &[u8]| known.own_scripts.contains(&to_hex(script));
            let is_ours: Option<bitcoin::Registered<'_>> = if known.own_scripts.is_empty() {
                None
            } else {
                Some(&ours)
            };
            bitcoin::psbt(bytes, &bitcoin::Context { chain, is_ours }).map_err(refused)
        }
        "solana-message" => {
            let cluster = [Cluster::Mainnet, Cluster::Devnet, Cluster::Testnet]
                .into_iter()
                .find(|cluster| cluster.network() == network)
                .ok_or_else(|| format!("`{network}` is no Solana cluster"))?;
            let context = solana::Context {
                cluster,
                tables: &BTreeMap::new(),
                mints: &BTreeMap::new(),
            };
            solana::message(bytes, &context).map_err(refused)
        }
        other => Err(format!(
            "`{other}` is no kind of payload: `evm-tx`, `safe-tx`, `psbt` or `solana-message`"
        )),
    }
}

/// That the bytes are those of the command: a withdrawal's intent and nothing more, or the digest that the command names.
pub(crate) fn compare(
    command: &Command,
    bytes: &[u8],
    outcome: &Outcome,
    known: &Known,
) -> Result<(), String> {
    let Some(intent) = command.intent() else {
        let digest = Digest::of(bytes).to_hex();
        return match command.field("raw_tx_sha256") {
            Some(named) if named == digest => Ok(()),
            Some(named) => Err(format!(
                "the command names bytes with the SHA-256 `{named}`, these have `{digest}`"
            )),
            None => Err("the command names no bytes (`raw_tx_sha256`)".to_owned()),
        };
    };
    let expected = Expected {
        network: intent.network,
        asset: intent.asset,
        from: known.sender.clone(),
        to: intent.dest,
        opens_account: known.opens_account,
        amount: intent.amount,
        memo: intent.memo,
        max_fee: intent.max_fee,
    };
    expected
        .matches(outcome)
        .map_err(|mismatch| format!("the bytes are not what is to be approved: {mismatch}"))
}
