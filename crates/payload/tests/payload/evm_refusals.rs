//! Every refusal of the EVM decoders, each by its own smallest case.

use crate::evm::{
    BATCH, OTHER, SAFE, SENDER, TOKEN, address, bytes, call, context, decode, number, transaction,
};
use crate::hex;
use keepwhole_payload::evm::transaction::{Envelope, Transaction};
use keepwhole_payload::evm::{self, selectors as s};

fn refusal(bytes: &[u8]) -> &'static str {
    evm::transaction(bytes, &context()).unwrap_err().name()
}

fn refused_call(data: Vec<u8>) -> &'static str {
    decode(TOKEN, 0, data).unwrap_err().name()
}

#[test]
fn bytes_that_are_no_such_transaction_are_refused_by_name() {
    let good = transaction(OTHER, 1, vec![]).encode();
    let typed = |kind: u8| [&[kind], &good[1..]].concat();
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (vec![], "empty"),
        (vec![0xc0; evm::MAX_BYTES + 1], "too_large"),
        (good[..good.len() - 1].to_vec(), "truncated"),
        ([good.as_slice(), &[0]].concat(), "trailing_bytes"),
        (vec![0xaa; 32], "raw_hash"),
        (typed(3), "blob_transaction"),
        (typed(4), "set_code_transaction"),
        (typed(5), "set_code_transaction"),
        (typed(0x7f), "transaction_type"),
        (b"\x19Ethereum Signed Message:\n2hi".to_vec(), "eth_message"),
        ([&[0x19, 0x01], [7; 64].as_slice()].concat(), "typed_data"),
        // The six fields of the time before EIP-155.
        (
            hex(
                "e9098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080",
            ),
            "pre_eip155",
        ),
        // The same as the example of EIP-155, signed.
        (
            hex(
                "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83",
            ),
            "already_signed",
        ),
        // No recipient.
        (
            hex("d8098504a817c80082520880880de0b6b3a764000080018080"),
            "contract_creation",
        ),
        // A leading zero in the nonce.
        (
            hex(
                "ee8200098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080018080",
            ),
            "not_canonical",
        ),
        // The nonce as `0x8109` instead of `0x09`.
        (
            hex(
                "ed81098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080018080",
            ),
            "not_canonical",
        ),
        // The length of the list in the long form.
        (
            hex(
                "f82c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080018080",
            ),
            "not_canonical",
        ),
        // A field too many.
        (
            hex(
                "ed098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008001808080",
            ),
            "not_canonical",
        ),
        // A recipient of 19 bytes.
        (
            hex(
                "eb098504a817c8008252089335353535353535353535353535353535353535880de0b6b3a764000080018080",
            ),
            "not_canonical",
        ),
        // A value of 17 bytes.
        (
            hex(
                "f5098504a817c80082520894353535353535353535353535353535353535353591010000000000000000000000000000000080018080",
            ),
            "amount_too_large",
        ),
    ];
    for (bytes, name) in cases {
        assert_eq!(
            refusal(&bytes),
            name,
            "{}",
            crate::to_hex(&bytes[..bytes.len().min(60)])
        );
    }
    // A signed transaction of type 2 has three fields more.
    let mut signed = good;
    signed.extend_from_slice(&[1, 1, 1]);
    signed[1] += 3;
    assert_eq!(refusal(&signed), "already_signed");
}

#[test]
fn chain_and_fee_are_checked() {
    let good = || transaction(OTHER, 1, vec![]);
    for envelope in [Envelope::Legacy, Envelope::AccessList, Envelope::FeeMarket] {
        let other = Transaction {
            envelope,
            chain_id: 56,
            max_fee: 9,
            priority_fee: 9,
            ..good()
        };
        let refusal = evm::transaction(&other.encode(), &context()).unwrap_err();
        assert_eq!(refusal.name(), "wrong_chain");
        assert_eq!(
            refusal.to_string(),
            "the payload is for `eip155:56`, the key for `eip155:1`"
        );
    }
    let order = Transaction {
        priority_fee: 21_000_000_000,
        ..good()
    };
    assert_eq!(refusal(&order.encode()), "fee_order");
    let fee = Transaction {
        gas: u64::MAX,
        max_fee: u128::MAX,
        ..good()
    };
    assert_eq!(refusal(&fee.encode()), "fee_too_large");
}

#[test]
fn calls_that_nobody_can_judge_are_refused_by_name() {
    for (selector, signature) in s::ALL {
        let name = match *selector {
            s::PERMIT | s::PERMIT_DAI => "permit",
            s::PERMIT2_APPROVE | s::PERMIT2_SINGLE | s::PERMIT2_BATCH | s::PERMIT2_TRANSFER => {
                "permit2"
            }
            s::TRANSFER_AUTHORIZED | s::RECEIVE_AUTHORIZED => "eip3009",
            s::HANDLE_OPS_6 | s::HANDLE_OPS_7 => "user_operation",
            s::SIGN_MESSAGE => "contract_signature",
            s::APPROVE_HASH => "raw_hash",
            s::MULTICALL
            | s::MULTICALL_DEADLINE
            | s::MULTICALL_BLOCK
            | s::AGGREGATE
            | s::AGGREGATE3
            | s::AGGREGATE3_VALUE
            | s::EXECUTE
            | s::EXECUTE_BATCH
            | s::MULTI_SEND => "batch",
            _ => continue,
        };
        assert_eq!(
            refused_call(call(*selector, &[&[0; 320]])),
            name,
            "{signature}"
        );
    }
    assert_eq!(refused_call(vec![1, 2, 3]), "undecodable");
    assert_eq!(refused_call(vec![1, 2, 3, 4]), "undecodable");
    let unknown = decode(TOKEN, 5, vec![1, 2, 3, 4]).unwrap_err();
    assert!(unknown.to_string().contains("`0x01020304`"), "{unknown}");
    let upgrade = call(
        s::UPGRADE_TO_AND_CALL,
        &[&address(OTHER), &number(64), &bytes(&[1, 2, 3, 4])],
    );
    assert_eq!(refused_call(upgrade), "undecodable");
}

#[test]
fn arguments_have_one_form() {
    let dirty = [&[1; 12], OTHER.0.as_slice()].concat();
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (call(s::TRANSFER, &[&address(OTHER)]), "truncated"),
        (
            call(s::TRANSFER, &[&address(OTHER), &number(1), &[0]]),
            "trailing_bytes",
        ),
        (call(s::TRANSFER, &[&dirty, &number(1)]), "not_canonical"),
        (
            call(s::TRANSFER, &[&address(OTHER), &[0xff; 32]]),
            "amount_too_large",
        ),
        (
            call(s::SET_APPROVAL_FOR_ALL, &[&address(OTHER), &number(2)]),
            "not_canonical",
        ),
        (
            call(
                s::UPGRADE_TO_AND_CALL,
                &[&address(OTHER), &number(96), &bytes(b"")],
            ),
            "not_canonical",
        ),
        (
            call(
                s::UPGRADE_TO_AND_CALL,
                &[&address(OTHER), &number(64), &[0xff; 32]],
            ),
            "truncated",
        ),
        (
            call(
                s::UPGRADE_TO_AND_CALL,
                &[&address(OTHER), &number(64), &number(1), &[1; 32]],
            ),
            "not_canonical",
        ),
    ];
    for (data, name) in cases {
        assert_eq!(refused_call(data.clone()), name, "{}", crate::to_hex(&data));
    }
}

#[test]
fn offsets_point_into_the_transaction() {
    let data = call(s::TRANSFER, &[&address(OTHER), &[0xff; 32]]);
    let bytes = transaction(TOKEN, 0, data).encode();
    let refusal = evm::transaction(&bytes, &context()).unwrap_err();
    let keepwhole_payload::Refusal::AmountTooLarge { at, .. } = refusal else {
        panic!("{refusal}");
    };
    assert_eq!(bytes[at..at + 32], [0xff; 32]);
}

#[test]
fn names_are_distinct_and_each_has_its_case_here_or_in_another_file() {
    let names = keepwhole_payload::Refusal::NAMES;
    let distinct: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len());
    let tests = concat!(
        include_str!("evm_refusals.rs"),
        include_str!("safe.rs"),
        include_str!("solana.rs"),
        include_str!("bitcoin.rs")
    );
    for name in names {
        assert!(
            tests.contains(&format!("\"{name}\"")),
            "no test provokes `{name}`"
        );
    }
    let page = include_str!("../../../../docs/payloads.md");
    for name in names {
        assert!(
            page.contains(&format!("| `{name}` |")),
            "the page does not say `{name}`"
        );
    }
    assert_eq!([SENDER, SAFE, BATCH].len(), 3);
}
