//! The bytes that a vendor shows, held against what it says: they must do exactly the one transfer of the claims.

use crate::claims::{Claims, Raw, Unknown};
use crate::mapping::Mapping;
use keepwhole_payload::bitcoin::{self, Chain};
use keepwhole_payload::callback::Callback;
use keepwhole_payload::evm::{self, Address};
use keepwhole_payload::solana::{self, Cluster};
use keepwhole_payload::{Expected, Kind, Outcome, Refusal};
use std::collections::BTreeMap;

/// What would be signed, and what the guard is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The exact bytes: those of the vendor, or the callback as one canonical text.
    pub bytes: Vec<u8>,
    /// What they would do.
    pub outcome: Outcome,
}

/// Why the bytes are not what was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RawFault {
    /// They can't be judged here: held.
    Unknown(Unknown),
    /// They do something else: denied, and reported.
    Mismatch {
        /// What their kind is, for the report.
        kind: Kind,
        /// The first difference or the name of the refusal.
        says: String,
    },
}

/// Decodes the vendor's bytes and holds them against its claims.
///
/// # Errors
/// [`RawFault`].
pub fn judge(raw: &Raw, claims: &Claims, mapping: &Mapping) -> Result<Payload, RawFault> {
    let outcome = decode(raw, claims, mapping)?;
    let mismatch = |says: String| RawFault::Mismatch {
        kind: outcome.kind,
        says,
    };
    if let Some(hash) = raw.hash
        && hash != outcome.signing_digest
        && outcome.kind == Kind::EvmTx
    {
        let says = "the hash that the vendor would sign is not that of the bytes";
        return Err(mismatch(says.to_owned()));
    }
    let expected = Expected {
        network: claims.network.clone(),
        asset: claims.asset.clone(),
        // Of a PSBT every input was checked to be the wallet's.
        from: claims.from.clone().filter(|_| outcome.kind != Kind::Psbt),
        to: claims.to.clone(),
        opens_account: true,
        amount: claims.amount,
        memo: claims.memo.clone(),
        // The vendor tells an estimate; the cap of the intent binds the fee.
        max_fee: u128::MAX,
    };
    if let Err(difference) = expected.matches(&outcome) {
        return Err(mismatch(difference.to_string()));
    }
    Ok(Payload {
        bytes: raw.bytes.clone(),
        outcome,
    })
}

fn decode(raw: &Raw, claims: &Claims, mapping: &Mapping) -> Result<Outcome, RawFault> {
    let network = claims.network.as_str();
    let unknown = |code, what: &str| RawFault::Unknown(Unknown::new(code, what, network));
    let (kind, read) = match network.split_once(':') {
        Some(("eip155", chain)) => {
            let coin = mapping.network(network).map_err(RawFault::Unknown)?.coin;
            let sender = claims.from.as_deref().and_then(Address::parse);
            let (Ok(chain_id), Some(sender)) = (chain.parse(), sender) else {
                let what = "no address of the wallet in the settings for";
                return Err(unknown("address_unknown", what));
            };
            let context = evm::Context {
                chain_id,
                coin,
                sender,
                safes: &[],
                multi_send: &[],
            };
            (Kind::EvmTx, evm::transaction(&raw.bytes, &context))
        }
        Some(("bip122", _)) => {
            let chain = Chain::ALL
                .into_iter()
                .find(|chain| chain.network() == network);
            let chain = chain.ok_or_else(|| unknown("network_unknown", "chain"))?;
            if !raw.bytes.starts_with(b"psbt\xff") {
                let what = "raw transactions that are no PSBT are not read on";
                return Err(unknown("raw_form", what));
            }
            let own = claims.from.as_deref().and_then(|own| chain.script_of(own));
            let Some(own) = own else {
                let what = "no address of the wallet in the settings for";
                return Err(unknown("address_unknown", what));
            };
            let ours = |script: &[u8]| script == own.as_slice();
            let context = bitcoin::Context {
                chain,
                is_ours: Some(&ours),
            };
            (Kind::Psbt, bitcoin::psbt(&raw.bytes, &context))
        }
        Some(("solana", _)) => {
            let mut all = Cluster::ALL.into_iter();
            let cluster = all.find(|known| known.network() == network);
            let cluster = cluster.ok_or_else(|| unknown("network_unknown", "cluster"))?;
            let context = solana::Context {
                cluster,
                tables: &BTreeMap::new(),
                mints: &BTreeMap::new(),
            };
            (Kind::SolanaMessage, solana::message(&raw.bytes, &context))
        }
        _ => return Err(unknown("raw_form", "no decoder for raw transactions of")),
    };
    read.map_err(|refusal| match refusal {
        // State of the chain is missing, which is nobody's fault.
        Refusal::LookupUnknown { .. } | Refusal::MintUnknown { .. } => {
            let says = refusal.to_string();
            RawFault::Unknown(Unknown::new("raw_state", "bytes", &says))
        }
        _ => RawFault::Mismatch {
            kind,
            says: format!("{}: {refusal}", refusal.name()),
        },
    })
}

/// Where the vendor shows no bytes: its claims as one canonical text.
#[must_use]
pub fn told(ask: &crate::guard::Ask, mapping: &Mapping) -> Payload {
    let claims = &ask.claims;
    let network = mapping.network(&claims.network);
    let coin = network.map_or(0, |network| network.coin);
    let callback = Callback {
        account: ask.account.clone(),
        amount: claims.amount,
        asset: claims.asset.clone(),
        body: ask.body,
        dest: claims.to.clone(),
        fee: claims.fee,
        fee_asset: format!("{}/slip44:{coin}", claims.network),
        from: claims.from.clone().unwrap_or_default(),
        memo: claims.memo.clone(),
        network: claims.network.clone(),
        peer: ask.peer.clone(),
        received: ask.received,
        request: ask.request.clone(),
        stage: ask.stage.name().to_owned(),
        transaction: claims.transaction.clone(),
        vendor: ask.vendor.name().to_owned(),
        wallet: claims.wallet.clone(),
        withdrawal: claims.withdrawal.clone(),
    };
    Payload {
        bytes: callback.to_canonical().into_bytes(),
        outcome: callback.outcome(),
    }
}
