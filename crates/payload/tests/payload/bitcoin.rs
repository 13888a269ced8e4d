//! Partially signed transactions: the vectors of BIP 174, effects, every refusal.

use crate::hex;
use ::bitcoin::hashes::Hash as _;
use ::bitcoin::psbt::{Psbt, PsbtSighashType, raw};
use ::bitcoin::script::PushBytesBuf;
use ::bitcoin::{
    Amount, OutPoint, PubkeyHash, ScriptBuf, Sequence, Transaction, TxIn, TxOut, WPubkeyHash,
    Witness, absolute, transaction,
};
use keepwhole_payload::bitcoin::{Chain, Context, psbt};
use keepwhole_payload::{Effect, Expected, Kind, Outcome, Refusal};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

const NETWORK: &str = "bip122:000000000019d6689c085ae165831e93";

fn wpkh(byte: u8) -> ScriptBuf {
    ScriptBuf::new_p2wpkh(&WPubkeyHash::from_byte_array([byte; 20]))
}

fn paying(script: ScriptBuf, sat: u64) -> TxOut {
    TxOut {
        value: Amount::from_sat(sat),
        script_pubkey: script,
    }
}

fn transaction(inputs: &[OutPoint], output: Vec<TxOut>) -> Transaction {
    let input = |point: &OutPoint| TxIn {
        previous_output: *point,
        script_sig: ScriptBuf::new(),
        sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        witness: Witness::new(),
    };
    Transaction {
        version: transaction::Version::TWO,
        lock_time: absolute::LockTime::ZERO,
        input: inputs.iter().map(input).collect(),
        output,
    }
}

/// Two own inputs of 60,000 and 50,000, 90,000 to a stranger, 15,000 back, 5,000 fee.
fn sound_with(script: &ScriptBuf) -> Psbt {
    let earlier: Vec<Transaction> = [60_000, 50_000]
        .map(|sat| transaction(&[OutPoint::null()], vec![paying(script.clone(), sat)]))
        .into();
    let points: Vec<OutPoint> = earlier
        .iter()
        .map(|earlier| OutPoint {
            txid: earlier.compute_txid(),
            vout: 0,
        })
        .collect();
    let outputs = vec![paying(wpkh(9), 90_000), paying(wpkh(1), 15_000)];
    let mut psbt = Psbt::from_unsigned_tx(transaction(&points, outputs)).unwrap();
    for (input, earlier) in psbt.inputs.iter_mut().zip(earlier) {
        input.non_witness_utxo = Some(earlier);
    }
    psbt
}

fn sound() -> Psbt {
    sound_with(&wpkh(1))
}

fn ours(script: &[u8]) -> bool {
    [
        wpkh(1),
        ScriptBuf::new_p2pkh(&PubkeyHash::from_byte_array([1; 20])),
    ]
    .iter()
    .any(|own| own.as_bytes() == script)
}

fn decode(bytes: &[u8]) -> Result<Outcome, Refusal> {
    psbt(
        bytes,
        &Context {
            chain: Chain::Mainnet,
            is_ours: Some(&ours),
        },
    )
}

fn refused(psbt: &Psbt) -> &'static str {
    decode(&psbt.serialize()).unwrap_err().name()
}

#[test]
fn outputs_change_and_fee_are_read_and_match_the_withdrawal() {
    let given = sound();
    let outcome = decode(&given.serialize()).unwrap();
    assert_eq!(outcome.kind, Kind::Psbt);
    assert_eq!(outcome.network, NETWORK);
    assert_eq!(outcome.fee, 5_000);
    let first = given.unsigned_tx.input[0].previous_output;
    assert_eq!(outcome.conflict_key, format!("{NETWORK}/{first}"));
    assert!(matches!(
        &outcome.effects[..],
        [
            Effect::Transfer { amount: 90_000, .. },
            Effect::Change { amount: 15_000, .. }
        ]
    ));
    assert_eq!(outcome.to_sign.len(), 2);
    assert_ne!(outcome.to_sign[0].bytes, outcome.to_sign[1].bytes);
    let digests: Vec<u8> = [
        b"keepwhole/sighashes/v1\n\0\0\0\x02\0\0\0\0".as_slice(),
        &outcome.to_sign[0].bytes,
        &[0, 0, 0, 1],
        &outcome.to_sign[1].bytes,
    ]
    .concat();
    assert_eq!(outcome.signing_digest[..], Sha256::digest(digests)[..]);
    let expected = Expected {
        network: NETWORK.to_owned(),
        asset: format!("{NETWORK}/slip44:0"),
        from: None,
        to: "bc1qpyysjzgfpyysjzgfpyysjzgfpyysjzgf69yr9q".to_owned(),
        opens_account: false,
        amount: 90_000,
        memo: String::new(),
        max_fee: 5_000,
    };
    let Effect::Transfer { to, .. } = &outcome.effects[0] else {
        panic!("{:?}", outcome.effects);
    };
    assert!(
        to.starts_with("bc1qpyysjzgfpyysjzgfpyysjzgfpyysjzgf"),
        "{to}"
    );
    let expected = Expected {
        to: to.clone(),
        ..expected
    };
    assert_eq!(expected.matches(&outcome), Ok(()));
    let dear = Expected {
        max_fee: 4_999,
        ..expected.clone()
    };
    assert_eq!(dear.matches(&outcome).unwrap_err().field, "fee");
    // Without registered scripts the change is one more transfer.
    let nobody = Context {
        chain: Chain::Mainnet,
        is_ours: None,
    };
    let outcome = psbt(&given.serialize(), &nobody).unwrap();
    assert_eq!(expected.matches(&outcome).unwrap_err().field, "effects");
}

#[test]
fn an_older_script_has_a_digest_and_an_output_of_data_is_shown() {
    let mut given = sound_with(&ScriptBuf::new_p2pkh(&PubkeyHash::from_byte_array([1; 20])));
    let data = PushBytesBuf::try_from(b"hello".to_vec()).unwrap();
    given.unsigned_tx.output[1] = paying(ScriptBuf::new_op_return(data), 0);
    let outcome = decode(&given.serialize()).unwrap();
    assert_eq!(outcome.fee, 20_000);
    assert!(matches!(
        &outcome.effects[1],
        Effect::Transfer { to, amount: 0, .. } if to == "script:6a0568656c6c6f"
    ));
}

#[test]
fn the_vectors_of_bip_174_are_read_or_refused() {
    let nobody = Context {
        chain: Chain::Testnet3,
        is_ours: None,
    };
    let (mut valid, mut invalid) = (0, 0);
    for line in include_str!("bip-0174.txt").lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let outcome = psbt(&hex(fields[2]), &nobody);
        if fields[0] != "valid" {
            invalid += 1;
            assert!(outcome.is_err(), "{}", fields[1]);
            continue;
        }
        valid += 1;
        match (fields[1], outcome) {
            ("PSBT with one P2PKH input. Outputs are empty", Ok(outcome)) => {
                assert_eq!(outcome.effects.len(), 2);
                assert_eq!(outcome.fee, 200_000_000 - 99_999_699 - 100_000_000);
            }
            (_, Ok(outcome)) => assert!(!outcome.to_sign.is_empty()),
            // Valid, and not signed here: final inputs, amounts without proof, unknown fields, no inputs.
            (name, Err(refusal)) => assert!(
                [
                    "input_final",
                    "previous_transaction",
                    "unknown_field",
                    "no_inputs",
                    "not_canonical",
                    "undecodable"
                ]
                .contains(&refusal.name()),
                "{name}: {refusal}"
            ),
        }
    }
    assert!(valid >= 5 && invalid >= 15, "{valid} {invalid}");
}

type Change = fn(&mut Psbt);

#[test]
fn what_nobody_can_judge_is_refused_by_name() {
    let cases: [(Change, &str); 16] = [
        (
            |psbt| psbt.inputs[0].non_witness_utxo = None,
            "previous_transaction",
        ),
        (
            |psbt| {
                psbt.inputs[0].witness_utxo = Some(paying(wpkh(1), 60_000));
                psbt.inputs[0].non_witness_utxo = None;
            },
            "previous_transaction",
        ),
        (
            |psbt| psbt.inputs[0].witness_utxo = Some(paying(wpkh(1), 70_000)),
            "previous_transaction",
        ),
        (|psbt| psbt.inputs.swap(0, 1), "previous_transaction"),
        (
            |psbt| psbt.unsigned_tx.input[0].previous_output.vout = 1,
            "previous_transaction",
        ),
        (
            |psbt| {
                psbt.unsigned_tx.input[1] = psbt.unsigned_tx.input[0].clone();
                psbt.inputs[1] = psbt.inputs[0].clone();
            },
            "previous_transaction",
        ),
        (
            |psbt| psbt.inputs[1].sighash_type = Some(PsbtSighashType::from_u32(0x81)),
            "sighash_type",
        ),
        (
            |psbt| psbt.inputs[1].sighash_type = Some(PsbtSighashType::from_u32(3)),
            "sighash_type",
        ),
        (
            |psbt| psbt.inputs[1].sighash_type = Some(PsbtSighashType::from_u32(0)),
            "sighash_type",
        ),
        (
            |psbt| psbt.inputs[0].final_script_witness = Some(Witness::from_slice(&[[1]])),
            "input_final",
        ),
        (
            |psbt| psbt.inputs[0].redeem_script = Some(wpkh(2)),
            "input_script",
        ),
        (
            |psbt| psbt.inputs[0].witness_script = Some(wpkh(2)),
            "input_script",
        ),
        (
            |psbt| psbt.unsigned_tx.output[0].value = Amount::from_sat(110_001),
            "outputs_above_inputs",
        ),
        (
            |psbt| {
                psbt.unknown.insert(
                    raw::Key {
                        type_value: 0xf0,
                        key: vec![],
                    },
                    vec![1],
                );
            },
            "unknown_field",
        ),
        (
            |psbt| {
                psbt.outputs[1].unknown.insert(
                    raw::Key {
                        type_value: 0xf0,
                        key: vec![],
                    },
                    vec![1],
                );
            },
            "unknown_field",
        ),
        (
            |psbt| {
                psbt.unsigned_tx.output = vec![paying(wpkh(9), 1); 257];
                psbt.outputs = vec![bitcoin::psbt::Output::default(); 257];
            },
            "too_many_effects",
        ),
    ];
    for (number, (change, name)) in cases.into_iter().enumerate() {
        let mut psbt = sound();
        change(&mut psbt);
        assert_eq!(refused(&psbt), name, "case {number}");
    }
    assert_eq!(refused(&sound_with(&wpkh(2))), "foreign_input");
    let empty = Psbt::from_unsigned_tx(transaction(&[], vec![paying(wpkh(9), 1)])).unwrap();
    assert_eq!(refused(&empty), "no_inputs");
    let points = vec![OutPoint::null(); 501];
    let many = Psbt::from_unsigned_tx(transaction(&points, vec![])).unwrap();
    assert_eq!(refused(&many), "too_many_inputs");
    let nobody = Context {
        chain: Chain::Mainnet,
        is_ours: None,
    };
    for script in [
        ScriptBuf::from(vec![0x51]),
        wpkh(1).to_p2sh(),
        wpkh(1).to_p2wsh(),
    ] {
        let refusal = psbt(&sound_with(&script).serialize(), &nobody).unwrap_err();
        assert_eq!(refusal.name(), "input_script", "{script}");
    }
    let good = sound().serialize();
    let longer = [good.as_slice(), &[0]].concat();
    assert_eq!(decode(&longer).unwrap_err().name(), "trailing_bytes");
    assert_eq!(
        decode(&good[..good.len() - 1]).unwrap_err().name(),
        "undecodable"
    );
    assert_eq!(decode(&[]).unwrap_err().name(), "empty");
    assert_eq!(decode(&[7; 32]).unwrap_err().name(), "raw_hash");
    assert_eq!(decode(&vec![0; 1_048_577]).unwrap_err().name(), "too_large");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        whole: bool,
    ) {
        let mut bytes = sound().serialize();
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if !whole {
            bytes.truncate(cut.index(bytes.len()));
        }
        if decode(&bytes).is_ok() {
            prop_assert_eq!(Psbt::deserialize(&bytes).unwrap().serialize(), bytes);
        }
    }
}
