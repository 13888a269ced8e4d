//! Bitcoin: partially signed transactions of version 0 (BIP 174, BIP 371), with all that the fee and the digests need.

use crate::{Effect, Kind, MAX_EFFECTS, Outcome, Refusal, ToSign};
use ::bitcoin::address::NetworkUnchecked;
use ::bitcoin::hashes::Hash as _;
use ::bitcoin::psbt::{Input, Psbt};
use ::bitcoin::sighash::{EcdsaSighashType, Prevouts, SighashCache, TapSighashType};
use ::bitcoin::{Address, OutPoint, Script, ScriptBuf, Transaction, TxOut};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

/// Most bytes of a partially signed transaction (1 MiB).
pub const MAX_BYTES: usize = 1_048_576;

/// Most inputs.
pub const MAX_INPUTS: usize = 500;

/// What the digests are hashed under.
const SIGHASHES: &[u8] = b"keepwhole/sighashes/v1\n";

/// Which chain. The bytes do not say it; the previous transactions keep them from another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// The main chain.
    Mainnet,
    /// Test network 3.
    Testnet3,
    /// Test network 4.
    Testnet4,
    /// Signed test network.
    Signet,
    /// A chain of one's own.
    Regtest,
}

impl Chain {
    /// All chains.
    pub const ALL: [Self; 5] = [
        Self::Mainnet,
        Self::Testnet3,
        Self::Testnet4,
        Self::Signet,
        Self::Regtest,
    ];

    /// CAIP-2: the first 32 characters of the first block's hash.
    #[must_use]
    pub const fn network(self) -> &'static str {
        match self {
            Self::Mainnet => "bip122:000000000019d6689c085ae165831e93",
            Self::Testnet3 => "bip122:000000000933ea01ad0ee984209779ba",
            Self::Testnet4 => "bip122:00000000da84f2bafbbc53dee25a72ae",
            Self::Signet => "bip122:00000008819873e925422c1ff0f99f7c",
            Self::Regtest => "bip122:0f9188f13cb7b2c71f2a335e3a4fc328",
        }
    }

    fn asset(self) -> String {
        let coin = u8::from(self != Self::Mainnet);
        format!("{}/slip44:{coin}", self.network())
    }

    const fn form(self) -> bitcoin::Network {
        match self {
            Self::Mainnet => bitcoin::Network::Bitcoin,
            Self::Testnet3 | Self::Testnet4 => bitcoin::Network::Testnet,
            Self::Signet => bitcoin::Network::Signet,
            Self::Regtest => bitcoin::Network::Regtest,
        }
    }

    /// The script that an address of this chain stands for; `None` for any other text.
    #[must_use]
    pub fn script_of(self, address: &str) -> Option<Vec<u8>> {
        let address: Address<NetworkUnchecked> = address.parse().ok()?;
        let address = address.require_network(self.form()).ok()?;
        Some(address.script_pubkey().into_bytes())
    }

    /// The address of a script, or `script:` and the script where it has none.
    fn name(self, script: &Script) -> String {
        Address::from_script(script, self.form()).map_or_else(
            |_| {
                format!(
                    "script:{}",
                    keepwhole_verify::json::to_hex(script.as_bytes())
                )
            },
            |address| address.to_string(),
        )
    }
}

/// Whether a script is registered.
pub type Registered<'a> = &'a dyn Fn(&[u8]) -> bool;

/// What the caller knows and the bytes do not say.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Chain of the keys.
    pub chain: Chain,
    /// Whether a script is one of the wallet's registered descriptors. With it every input must be ours, and outputs that
    /// are ours are change; without it every output is a transfer.
    pub is_ours: Option<Registered<'a>>,
}

/// Decodes a partially signed transaction.
///
/// # Errors
/// Why it must not be signed.
pub fn psbt(bytes: &[u8], context: &Context<'_>) -> Result<Outcome, Refusal> {
    let psbt = read(bytes)?;
    let transaction = &psbt.unsigned_tx;
    let first = transaction.input.first().ok_or(Refusal::NoInputs {})?;
    let funding = funding(&psbt, context)?;
    let chain = context.chain;
    let from = funding.first().map(|paid| chain.name(&paid.script_pubkey));
    let from = from.unwrap_or_default();
    let mut effects = Vec::new();
    for output in &transaction.output {
        let script = &output.script_pubkey;
        let ours = context.is_ours.is_some_and(|ours| ours(script.as_bytes()));
        let (asset, to) = (chain.asset(), chain.name(script));
        let amount = u128::from(output.value.to_sat());
        effects.push(if ours {
            Effect::Change { asset, to, amount }
        } else {
            Effect::Transfer {
                asset,
                from: from.clone(),
                to,
                amount,
                memo: String::new(),
            }
        });
    }
    let paid = total(&funding);
    let given = total(&transaction.output);
    let fee = paid.checked_sub(given).ok_or(Refusal::OutputsAboveInputs {
        inputs: paid,
        outputs: given,
    })?;
    let to_sign = digests(&psbt, &funding)?;
    let OutPoint { txid, vout } = first.previous_output;
    Ok(Outcome {
        kind: Kind::Psbt,
        network: chain.network().to_owned(),
        payer: from,
        conflict_key: format!("{}/{txid}:{vout}", chain.network()),
        effects,
        fee_asset: chain.asset(),
        fee,
        signing_digest: bound(&to_sign),
        to_sign,
    })
}

fn total(outputs: &[TxOut]) -> u128 {
    outputs
        .iter()
        .map(|output| u128::from(output.value.to_sat()))
        .fold(0, u128::saturating_add)
}

/// SHA-256 over number and digests of the inputs, numbers of four bytes, most significant first.
fn bound(to_sign: &[ToSign]) -> [u8; 32] {
    let count = u32::try_from(to_sign.len()).unwrap_or(u32::MAX);
    let mut hash = Sha256::new()
        .chain_update(SIGHASHES)
        .chain_update(count.to_be_bytes());
    for ToSign { input, bytes } in to_sign {
        hash.update(input.to_be_bytes());
        hash.update(bytes);
    }
    hash.finalize().into()
}

fn read(bytes: &[u8]) -> Result<Psbt, Refusal> {
    if bytes.is_empty() {
        return Err(Refusal::Empty {});
    }
    if bytes.len() == 32 {
        return Err(Refusal::RawHash {});
    }
    if bytes.len() > MAX_BYTES {
        return Err(Refusal::TooLarge {
            bytes: bytes.len(),
            limit: MAX_BYTES,
        });
    }
    let psbt = Psbt::deserialize(bytes).map_err(|error| Refusal::Undecodable {
        at: 0,
        what: format!("PSBT of version 0: {error}"),
    })?;
    let written = psbt.serialize();
    if written != bytes {
        return Err(match bytes.strip_prefix(written.as_slice()) {
            Some(extra) => Refusal::TrailingBytes {
                at: written.len(),
                extra: extra.len(),
            },
            None => Refusal::NotCanonical {
                at: 0,
                what: "the PSBT does not write back to the bytes given: keys in ascending order, lengths as short as they go",
            },
        });
    }
    if psbt.inputs.len() > MAX_INPUTS {
        return Err(Refusal::TooManyInputs { limit: MAX_INPUTS });
    }
    if psbt.outputs.len() > MAX_EFFECTS {
        return Err(Refusal::TooManyEffects { limit: MAX_EFFECTS });
    }
    let unknown = !psbt.unknown.is_empty()
        || !psbt.proprietary.is_empty()
        || psbt
            .inputs
            .iter()
            .any(|input| !input.unknown.is_empty() || !input.proprietary.is_empty())
        || psbt
            .outputs
            .iter()
            .any(|output| !output.unknown.is_empty() || !output.proprietary.is_empty());
    if unknown {
        return Err(Refusal::UnknownField {});
    }
    Ok(psbt)
}

/// What each input spends, checked against the transaction that made it.
fn funding(psbt: &Psbt, context: &Context<'_>) -> Result<Vec<TxOut>, Refusal> {
    let mut spent = BTreeSet::new();
    let mut funding = Vec::new();
    let pairs = psbt.unsigned_tx.input.iter().zip(&psbt.inputs);
    for (number, (spends, input)) in pairs.enumerate() {
        let point = spends.previous_output;
        if !spent.insert(point) {
            return Err(Refusal::PreviousTransaction {
                input: number,
                what: "another input spends the same",
            });
        }
        let output = previous(number, point, input)?;
        let script = &output.script_pubkey;
        if context.is_ours.is_some_and(|ours| !ours(script.as_bytes())) {
            return Err(Refusal::ForeignInput {
                input: number,
                address: context.chain.name(script),
            });
        }
        let signed = input.final_script_sig.is_some()
            || input.final_script_witness.is_some()
            || input.tap_key_sig.is_some();
        if signed {
            return Err(Refusal::InputFinal { input: number });
        }
        funding.push(output);
    }
    Ok(funding)
}

fn previous(number: usize, point: OutPoint, input: &Input) -> Result<TxOut, Refusal> {
    let wrong = |what| Refusal::PreviousTransaction {
        input: number,
        what,
    };
    let Some(previous) = &input.non_witness_utxo else {
        // Signatures of taproot commit to all amounts; the older ones do not, and could be made to pay any fee.
        return match &input.witness_utxo {
            Some(output) if output.script_pubkey.is_p2tr() => Ok(output.clone()),
            Some(_) => Err(wrong("only taproot inputs may leave it out")),
            None => Err(wrong("nothing says what is spent")),
        };
    };
    if previous.compute_txid() != point.txid {
        return Err(wrong("it has another id than the input names"));
    }
    let place = usize::try_from(point.vout).unwrap_or(usize::MAX);
    let output = previous.output.get(place);
    let output = output.ok_or_else(|| wrong("it has no such output"))?;
    if input
        .witness_utxo
        .as_ref()
        .is_some_and(|other| other != output)
    {
        return Err(wrong("the output beside it is another one"));
    }
    Ok(output.clone())
}

fn digests(psbt: &Psbt, funding: &[TxOut]) -> Result<Vec<ToSign>, Refusal> {
    let mut cache = SighashCache::new(&psbt.unsigned_tx);
    let mut to_sign = Vec::new();
    for (number, (input, paid)) in psbt.inputs.iter().zip(funding).enumerate() {
        check_types(number, input, paid)?;
        let digest = digest(&mut cache, number, input, funding, paid)?;
        to_sign.push(ToSign {
            input: u32::try_from(number).unwrap_or(u32::MAX),
            bytes: digest.to_vec(),
        });
    }
    Ok(to_sign)
}

/// Signatures must cover all inputs and outputs: `ALL`, or `DEFAULT` of taproot.
fn check_types(number: usize, input: &Input, paid: &TxOut) -> Result<(), Refusal> {
    let all = EcdsaSighashType::All.to_u32();
    let default = if paid.script_pubkey.is_p2tr() { 0 } else { all };
    let asked = input.sighash_type.map_or(default, |kind| kind.to_u32());
    let given = input
        .partial_sigs
        .values()
        .map(|signature| signature.sighash_type.to_u32());
    let wrong = |kind: &u32| *kind != all && *kind != default;
    match core::iter::once(asked).chain(given).find(wrong) {
        Some(kind) => Err(Refusal::SighashType {
            input: number,
            kind,
        }),
        None => Ok(()),
    }
}

fn digest(
    cache: &mut SighashCache<&Transaction>,
    number: usize,
    input: &Input,
    funding: &[TxOut],
    paid: &TxOut,
) -> Result<[u8; 32], Refusal> {
    let wrong = |what| Refusal::InputScript {
        input: number,
        what,
    };
    let all = EcdsaSighashType::All;
    let script = &paid.script_pubkey;
    if script.is_p2tr() {
        if !input.tap_scripts.is_empty() || !input.tap_script_sigs.is_empty() {
            return Err(wrong("a script path of taproot"));
        }
        let asked = input.sighash_type.map_or(0, |kind| kind.to_u32());
        let kind = if asked == 0 {
            TapSighashType::Default
        } else {
            TapSighashType::All
        };
        return cache
            .taproot_key_spend_signature_hash(number, &Prevouts::All(funding), kind)
            .map(|hash| hash.to_byte_array())
            .map_err(|_| wrong("no digest of taproot"));
    }
    // The script inside a script hash must be the one that was hashed.
    let inner: &ScriptBuf = match &input.redeem_script {
        Some(redeem) if script.is_p2sh() && redeem.to_p2sh() == *script => redeem,
        Some(_) => return Err(wrong("a redeem script of another output")),
        None if script.is_p2sh() => return Err(wrong("no redeem script")),
        None => script,
    };
    if inner.is_p2wsh() {
        let witness = input.witness_script.as_ref();
        let witness = witness.filter(|witness| witness.to_p2wsh() == *inner);
        let witness = witness.ok_or_else(|| wrong("no witness script, or of another output"))?;
        return cache
            .p2wsh_signature_hash(number, witness, paid.value, all)
            .map(|hash| hash.to_byte_array())
            .map_err(|_| wrong("no digest"));
    }
    if input.witness_script.is_some() {
        return Err(wrong("a witness script of another output"));
    }
    if inner.is_p2wpkh() {
        return cache
            .p2wpkh_signature_hash(number, inner, paid.value, all)
            .map(|hash| hash.to_byte_array())
            .map_err(|_| wrong("no digest"));
    }
    if inner.is_p2pkh() || (script.is_p2sh() && !inner.is_witness_program()) {
        return cache
            .legacy_signature_hash(number, inner, all.to_u32())
            .map(|hash| hash.to_byte_array())
            .map_err(|_| wrong("no digest"));
    }
    Err(wrong("a script that is not known"))
}

#[cfg(test)]
mod tests {
    //! The digests of BIP 341's wallet vectors: they lack previous transactions, so they are tried below the decoder.

    use super::{Input, SighashCache, Transaction, TxOut, digest};
    use ::bitcoin::consensus::deserialize;
    use ::bitcoin::hex::{DisplayHex as _, FromHex as _};
    use ::bitcoin::psbt::PsbtSighashType;
    use ::bitcoin::{Amount, ScriptBuf};

    #[test]
    fn the_key_paths_of_bip_341_have_their_digests() {
        let transaction: Transaction = deserialize(&Vec::from_hex(TRANSACTION).unwrap()).unwrap();
        let funding: Vec<TxOut> = SPENT
            .iter()
            .map(|(script, sat)| TxOut {
                value: Amount::from_sat(*sat),
                script_pubkey: ScriptBuf::from_hex(script).unwrap(),
            })
            .collect();
        let mut cache = SighashCache::new(&transaction);
        let cases = [
            (
                3,
                Some(1),
                "bf013ea93474aa67815b1b6cc441d23b64fa310911d991e713cd34c7f5d46669",
            ),
            (
                4,
                None,
                "4f900a0bae3f1446fd48490c2958b5a023228f01661cda3496a11da502a7f7ef",
            ),
        ];
        for (number, kind, expected) in cases {
            let input = Input {
                sighash_type: kind.map(PsbtSighashType::from_u32),
                ..Input::default()
            };
            let found = digest(&mut cache, number, &input, &funding, &funding[number]).unwrap();
            assert_eq!(found.to_lower_hex_string(), expected);
        }
    }

    const TRANSACTION: &str = "02000000097de20cbff686da83a54981d2b9bab3586f4ca7e48f57f5b55963115f3b334e9c010000000000000000d7b7cab57b1393ace2d064f4d4a2cb8af6def61273e127517d44759b6dafdd990000000000fffffffff8e1f583384333689228c5d28eac13366be082dc57441760d957275419a418420000000000fffffffff0689180aa63b30cb162a73c6d2a38b7eeda2a83ece74310fda0843ad604853b0100000000feffffffaa5202bdf6d8ccd2ee0f0202afbbb7461d9264a25e5bfd3c5a52ee1239e0ba6c0000000000feffffff956149bdc66faa968eb2be2d2faa29718acbfe3941215893a2a3446d32acd050000000000000000000e664b9773b88c09c32cb70a2a3e4da0ced63b7ba3b22f848531bbb1d5d5f4c94010000000000000000e9aa6b8e6c9de67619e6a3924ae25696bb7b694bb677a632a74ef7eadfd4eabf0000000000ffffffffa778eb6a263dc090464cd125c466b5a99667720b1c110468831d058aa1b82af10100000000ffffffff0200ca9a3b000000001976a91406afd46bcdfd22ef94ac122aa11f241244a37ecc88ac807840cb0000000020ac9a87f5594be208f8532db38cff670c450ed2fea8fcdefcc9a663f78bab962b0065cd1d";
    const SPENT: &[(&str, u64)] = &[
        (
            "512053a1f6e454df1aa2776a2814a721372d6258050de330b3c6d10ee8f4e0dda343",
            420000000,
        ),
        (
            "5120147c9c57132f6e7ecddba9800bb0c4449251c92a1e60371ee77557b6620f3ea3",
            462000000,
        ),
        (
            "76a914751e76e8199196d454941c45d1b3a323f1433bd688ac",
            294000000,
        ),
        (
            "5120e4d810fd50586274face62b8a807eb9719cef49c04177cc6b76a9a4251d5450e",
            504000000,
        ),
        (
            "512091b64d5324723a985170e4dc5a0f84c041804f2cd12660fa5dec09fc21783605",
            630000000,
        ),
        ("00147dd65592d0ab2fe0d0257d571abf032cd9db93dc", 378000000),
        (
            "512075169f4001aa68f15bbed28b218df1d0a62cbbcf1188c6665110c293c907b831",
            672000000,
        ),
        (
            "5120712447206d7a5238acc7ff53fbe94a3b64539ad291c7cdbc490b7577e4b17df5",
            546000000,
        ),
        (
            "512077e30a5522dd9f894c3f8b8bd4c4b2cf82ca7da8a3ea6a239655c39c050ab220",
            588000000,
        ),
    ];
}
