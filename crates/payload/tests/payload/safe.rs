//! Safe transactions: known hashes, batches, the one typed data that is signed.

use crate::evm::{BATCH, OTHER, SAFE, TOKEN, address, bytes, call, context, decode, number};
use crate::{hex, to_hex};
use keepwhole_payload::evm::safe::{SafeTx, domain_hash, typed_digest};
use keepwhole_payload::evm::typed::typed_data;
use keepwhole_payload::evm::{Address, Context, selectors as s};
use keepwhole_payload::{Effect, Kind, Outcome, Refusal, Word};
use serde_json::{Value, json};

fn plain(to: Address, value: u128, data: Vec<u8>) -> SafeTx {
    SafeTx {
        to,
        value,
        data,
        ..SafeTx::default()
    }
}

/// The input of `execTransaction` for it, with one signature.
fn exec(tx: &SafeTx) -> Vec<u8> {
    let data = bytes(&tx.data);
    let signatures = u128::try_from(320 + data.len()).unwrap();
    call(
        s::EXEC_TRANSACTION,
        &[
            &address(tx.to),
            &number(tx.value),
            &number(320),
            &number(u128::from(tx.operation)),
            &tx.safe_tx_gas.0,
            &tx.base_gas.0,
            &tx.gas_price.0,
            &address(tx.gas_token),
            &address(tx.refund_receiver),
            &number(signatures),
            &data,
            &bytes(&[9; 65]),
        ],
    )
}

fn part(operation: u8, to: Address, value: u128, data: &[u8]) -> Vec<u8> {
    let length = u128::try_from(data.len()).unwrap();
    [
        &[operation],
        to.0.as_slice(),
        &number(value),
        &number(length),
        data,
    ]
    .concat()
}

fn batch(parts: &[Vec<u8>]) -> SafeTx {
    let data = call(s::MULTI_SEND, &[&number(32), &bytes(&parts.concat())]);
    SafeTx {
        operation: 1,
        ..plain(BATCH, 0, data)
    }
}

fn through(tx: &SafeTx) -> Result<Outcome, Refusal> {
    decode(SAFE, 0, exec(tx))
}

fn token_transfer(amount: u128) -> Vec<u8> {
    call(s::TRANSFER, &[&address(OTHER), &number(amount)])
}

/// The worked example of safe-tx-hashes-util: a Safe on Arbitrum, nonce 234.
#[test]
fn a_published_safe_transaction_has_its_hashes() {
    let safe = Address::parse("0x111CEEee040739fD91D29C34C33E6B3E112F2177").unwrap();
    let data = hex(
        "0d582f130000000000000000000000000c75fa5a5f1c0997e3eea425cfa13184ed0ec9e50000000000000000000000000000000000000000000000000000000000000003",
    );
    let tx = plain(safe, 0, data);
    let nonce = Word::from(234);
    assert_eq!(
        to_hex(&domain_hash(42_161, safe)),
        "1cf7f9b1efe3bc47fe02fd27c649fea19e79d66040683a1c86c7490c80bf7291"
    );
    assert_eq!(
        to_hex(&tx.struct_hash(nonce)),
        "d9109ea63c50ecd3b80b6b27ed5c5a9fd3d546c2169dfb69bfa7ba24cd14c7a5"
    );
    let published = "0cb7250b8becd7069223c54e2839feaed4cee156363fbfe5dd0a48e75c4e25b3";
    assert_eq!(to_hex(&tx.hash(42_161, safe, nonce)), published);

    let context = Context {
        chain_id: 42_161,
        safes: &[safe],
        ..context()
    };
    let outcome = typed_data(&document(42_161, safe, &tx, 234).to_string(), &context).unwrap();
    assert_eq!(to_hex(&outcome.signing_digest), published);
    assert_eq!(outcome.kind, Kind::SafeTx);
    assert_eq!(outcome.fee, 0);
    assert_eq!(outcome.conflict_key, format!("eip155:42161/{safe}/234"));
    assert_eq!(outcome.effects[0].op(), "set_authority");
}

/// Domain and struct of the example of EIP-712 make the example's digest.
#[test]
fn the_example_of_eip_712_has_its_digest() {
    let domain = hex("f2cee375fa42b42143804025fc449deafd50cc031ca257e0b194a650a912090f");
    let mail = hex("c52c0ee5d84264471806290a3f2c4cecfc5490626bf912d01f240d7a274b371e");
    let digest = typed_digest(domain.try_into().unwrap(), mail.try_into().unwrap());
    assert_eq!(
        to_hex(&digest),
        "be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2"
    );
}

#[test]
fn the_effects_of_a_safe_are_those_of_its_calls() {
    let outcome = through(&plain(TOKEN, 0, token_transfer(5))).unwrap();
    let expected = Effect::Transfer {
        asset: format!("eip155:1/erc20:{TOKEN}"),
        from: SAFE.to_string(),
        to: OTHER.to_string(),
        amount: 5,
        memo: String::new(),
    };
    assert_eq!(outcome.effects, std::slice::from_ref(&expected));
    let parts = [
        part(0, TOKEN, 0, &token_transfer(5)),
        part(0, OTHER, 7, &[]),
    ];
    let outcome = through(&batch(&parts)).unwrap();
    assert_eq!(outcome.effects.len(), 2);
    assert_eq!(outcome.effects[0], expected);
    // A Safe that owns a Safe: the inner one acts.
    let inner = plain(SAFE, 0, exec(&plain(TOKEN, 0, token_transfer(5))));
    assert_eq!(through(&inner).unwrap().effects, [expected]);
}

#[test]
fn a_safe_is_refused_by_name() {
    let sound = plain(OTHER, 1, vec![]);
    let one = Word::from(1);
    let cases: Vec<(SafeTx, &str)> = vec![
        (
            SafeTx {
                gas_price: one,
                ..sound.clone()
            },
            "safe_refund",
        ),
        (
            SafeTx {
                gas_token: TOKEN,
                ..sound.clone()
            },
            "safe_refund",
        ),
        (
            SafeTx {
                refund_receiver: OTHER,
                ..sound.clone()
            },
            "safe_refund",
        ),
        (
            SafeTx {
                operation: 1,
                ..sound.clone()
            },
            "delegate_call",
        ),
        (
            SafeTx {
                operation: 2,
                ..sound.clone()
            },
            "not_canonical",
        ),
        (
            SafeTx {
                value: 1,
                ..batch(&[part(0, OTHER, 1, &[])])
            },
            "not_canonical",
        ),
        // The pinned address, and a call that is not its batch.
        (
            SafeTx {
                operation: 1,
                ..plain(BATCH, 0, token_transfer(1))
            },
            "delegate_call",
        ),
        // The batch's code at an address that is not pinned.
        (
            SafeTx {
                to: OTHER,
                ..batch(&[part(0, OTHER, 1, &[])])
            },
            "delegate_call",
        ),
        (batch(&[part(1, OTHER, 1, &[])]), "delegate_call"),
        (batch(&[part(0, OTHER, 1, &[1, 2, 3, 4])]), "undecodable"),
        (batch(&[part(0, OTHER, 1, &[])[..40].to_vec()]), "truncated"),
        (batch(&[]), "empty"),
    ];
    for (tx, name) in cases {
        assert_eq!(through(&tx).unwrap_err().name(), name, "{tx:?}");
    }
    assert_eq!(through(&sound).unwrap().effects.len(), 1);
    // The batch called, not run as its own code: its calls would come from the batch's address.
    let called = SafeTx {
        operation: 0,
        ..batch(&[part(0, OTHER, 1, &[])])
    };
    assert_eq!(through(&called).unwrap_err().name(), "batch");
    let unknown = decode(OTHER, 0, exec(&sound)).unwrap_err();
    assert_eq!(unknown.name(), "safe_unknown");
}

#[test]
fn calls_in_calls_and_many_calls_end_at_their_limits() {
    let mut tx = plain(OTHER, 1, vec![]);
    for _ in 0..keepwhole_payload::MAX_DEPTH {
        assert!(through(&tx).is_ok());
        tx = plain(SAFE, 0, exec(&tx));
    }
    assert_eq!(through(&tx).unwrap_err().name(), "too_deep");
    let parts = |count| vec![part(0, OTHER, 1, &[]); count];
    assert!(through(&batch(&parts(256))).is_ok());
    assert_eq!(
        through(&batch(&parts(257))).unwrap_err().name(),
        "too_many_effects"
    );
}

fn document(chain_id: u64, safe: Address, tx: &SafeTx, nonce: u64) -> Value {
    let typed = |fields: &[(&str, &str)]| -> Vec<Value> {
        fields
            .iter()
            .map(|(name, kind)| json!({"name": name, "type": kind}))
            .collect()
    };
    json!({
        "types": {
            "EIP712Domain": typed(&[("chainId", "uint256"), ("verifyingContract", "address")]),
            "SafeTx": typed(&[
                ("to", "address"), ("value", "uint256"), ("data", "bytes"), ("operation", "uint8"),
                ("safeTxGas", "uint256"), ("baseGas", "uint256"), ("gasPrice", "uint256"),
                ("gasToken", "address"), ("refundReceiver", "address"), ("nonce", "uint256"),
            ]),
        },
        "primaryType": "SafeTx",
        "domain": {"chainId": chain_id, "verifyingContract": safe.to_string()},
        "message": {
            "to": tx.to.to_string(),
            "value": tx.value.to_string(),
            "data": format!("0x{}", to_hex(&tx.data)),
            "operation": tx.operation,
            "safeTxGas": tx.safe_tx_gas.to_string(),
            "baseGas": tx.base_gas.to_string(),
            "gasPrice": tx.gas_price.to_string(),
            "gasToken": tx.gas_token.to_string(),
            "refundReceiver": tx.refund_receiver.to_string(),
            "nonce": nonce.to_string(),
        },
    })
}

fn refused(document: &Value) -> &'static str {
    typed_data(&document.to_string(), &context())
        .unwrap_err()
        .name()
}

#[test]
fn typed_data_of_a_safe_is_its_transaction_and_nothing_else_is_signed() {
    let good = document(1, SAFE, &plain(OTHER, 3, vec![]), 0);
    let outcome = typed_data(&good.to_string(), &context()).unwrap();
    assert_eq!(outcome.effects.len(), 1);
    assert_eq!(outcome.payer, SAFE.to_string());

    let with = |pointer: &str, value: Value| {
        let mut changed = good.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        changed
    };
    let mut named = good.clone();
    named["domain"]["name"] = json!("Safe");
    let mut old = good.clone();
    old["domain"].as_object_mut().unwrap().remove("chainId");
    let mut more = good.clone();
    more["message"]["extra"] = json!("1");
    let cases = [
        (with("/primaryType", json!("Mail")), "typed_data"),
        (with("/primaryType", json!("Permit")), "permit"),
        (with("/primaryType", json!("PermitSingle")), "permit2"),
        (
            with("/primaryType", json!("PermitWitnessTransferFrom")),
            "permit2",
        ),
        (
            with("/primaryType", json!("TransferWithAuthorization")),
            "eip3009",
        ),
        (
            with("/primaryType", json!("PackedUserOperation")),
            "user_operation",
        ),
        (
            with("/primaryType", json!("SafeMessage")),
            "contract_signature",
        ),
        (
            with("/primaryType", json!("Authorization")),
            "set_code_transaction",
        ),
        (with("/primaryType", json!(1)), "undecodable"),
        (with("/domain/chainId", json!(5)), "domain_mismatch"),
        (
            with("/domain/verifyingContract", json!(OTHER.to_string())),
            "safe_unknown",
        ),
        (named, "domain_mismatch"),
        // Before 1.3.0 the domain has no chain id.
        (old, "domain_mismatch"),
        (with("/types/SafeTx/0/type", json!("uint256")), "typed_data"),
        (more, "typed_data"),
        (with("/message/gasPrice", json!("1")), "safe_refund"),
        (with("/message/operation", json!(1)), "delegate_call"),
        (with("/message/operation", json!(2)), "undecodable"),
        (with("/message/to", json!("0x12")), "undecodable"),
        (with("/message/data", json!("0x123")), "undecodable"),
        (with("/message/data", json!("0x01020304")), "undecodable"),
        (with("/message/nonce", json!("-1")), "undecodable"),
    ];
    for (document, name) in cases {
        assert_eq!(refused(&document), name, "{document}");
    }
    // A second form of the same document.
    let spaced = serde_json::to_string_pretty(&good).unwrap();
    assert_eq!(
        typed_data(&spaced, &context()).unwrap_err().name(),
        "undecodable"
    );
    let long = " ".repeat(300_000);
    assert_eq!(
        typed_data(&long, &context()).unwrap_err().name(),
        "too_large"
    );
}
