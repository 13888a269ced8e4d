//! Unsigned EVM transactions: known vectors, effects, and the one form of the bytes.

use crate::{hex, to_hex};
use keepwhole_payload::evm::transaction::{Envelope, Transaction};
use keepwhole_payload::evm::{self, Address, Context, keccak256, selectors};
use keepwhole_payload::{Effect, Kind, Outcome, Power, Refusal, Word};
use proptest::prelude::*;

pub(crate) const SENDER: Address = Address([0x11; 20]);
pub(crate) const SAFE: Address = Address([0x5a; 20]);
pub(crate) const BATCH: Address = Address([0xba; 20]);
pub(crate) const TOKEN: Address = Address([0x70; 20]);
pub(crate) const OTHER: Address = Address([0x22; 20]);

pub(crate) fn context() -> Context<'static> {
    Context {
        chain_id: 1,
        coin: 60,
        sender: SENDER,
        safes: &[SAFE],
        multi_send: &[BATCH],
    }
}

/// A fee-market transaction with the given call.
pub(crate) fn transaction(to: Address, value: u128, data: Vec<u8>) -> Transaction {
    Transaction {
        envelope: Envelope::FeeMarket,
        chain_id: 1,
        nonce: 7,
        priority_fee: 1_000_000_000,
        max_fee: 20_000_000_000,
        gas: 100_000,
        to,
        value,
        data,
        data_at: 0,
        access: Vec::new(),
    }
}

pub(crate) fn decode(to: Address, value: u128, data: Vec<u8>) -> Result<Outcome, Refusal> {
    evm::transaction(&transaction(to, value, data).encode(), &context())
}

/// A selector and words; a part longer or shorter than a word is taken as it is.
pub(crate) fn call(selector: u32, words: &[&[u8]]) -> Vec<u8> {
    let mut data = selector.to_be_bytes().to_vec();
    words.iter().for_each(|word| data.extend_from_slice(word));
    data
}

pub(crate) fn address(address: Address) -> Vec<u8> {
    [&[0; 12], address.0.as_slice()].concat()
}

pub(crate) fn number(number: u128) -> Vec<u8> {
    Word::from(number).0.to_vec()
}

/// Length, content, zeros up to a whole word.
pub(crate) fn bytes(content: &[u8]) -> Vec<u8> {
    let mut tail = number(u128::try_from(content.len()).unwrap());
    tail.extend_from_slice(content);
    tail.resize(tail.len().next_multiple_of(32), 0);
    tail
}

#[test]
fn the_example_of_eip_155_has_its_digest_and_its_effect() {
    let bytes = hex(
        "ec098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080018080",
    );
    let outcome = evm::transaction(&bytes, &context()).unwrap();
    assert_eq!(
        to_hex(&outcome.signing_digest),
        "daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53"
    );
    assert_eq!(outcome.kind, Kind::EvmTx);
    assert_eq!(outcome.network, "eip155:1");
    assert_eq!(outcome.fee_asset, "eip155:1/slip44:60");
    assert_eq!(outcome.fee, 21_000 * 20_000_000_000);
    assert_eq!(outcome.payer, SENDER.to_string());
    assert_eq!(
        outcome.conflict_key,
        "eip155:1/0x1111111111111111111111111111111111111111/9"
    );
    assert_eq!(outcome.to_sign[0].bytes, outcome.signing_digest);
    assert_eq!(
        outcome.effects,
        [Effect::Transfer {
            asset: "eip155:1/slip44:60".to_owned(),
            from: SENDER.to_string(),
            to: "0x3535353535353535353535353535353535353535".to_owned(),
            amount: 1_000_000_000_000_000_000,
            memo: String::new(),
        }]
    );
}

/// Bytes and digests by eth-account 0.13, an independent implementation.
#[test]
fn typed_transactions_have_the_digests_of_another_implementation() {
    for (bytes, digest) in VECTORS {
        let bytes = hex(bytes);
        let read = Transaction::decode(&bytes).unwrap();
        assert_eq!(to_hex(&read.signing_digest()), *digest);
        assert_eq!(read.encode(), bytes);
    }
}

#[test]
fn every_selector_is_the_hash_of_its_signature() {
    for (selector, signature) in selectors::ALL {
        let hash = keccak256(signature.as_bytes());
        assert_eq!(hash[..4], selector.to_be_bytes(), "{signature}");
    }
}

#[test]
fn token_calls_are_transfers() {
    let to = Address([0x33; 20]);
    let direct = call(selectors::TRANSFER, &[&address(to), &number(5)]);
    let taken = call(
        selectors::TRANSFER_FROM,
        &[&address(OTHER), &address(to), &number(5)],
    );
    for (data, from) in [(direct, SENDER), (taken, OTHER)] {
        let outcome = decode(TOKEN, 0, data).unwrap();
        let expected = Effect::Transfer {
            asset: format!("eip155:1/erc20:{TOKEN}"),
            from: from.to_string(),
            to: to.to_string(),
            amount: 5,
            memo: String::new(),
        };
        assert_eq!(outcome.effects, [expected]);
    }
}

#[test]
fn value_sent_along_with_a_call_is_an_effect_of_its_own() {
    let data = call(selectors::TRANSFER, &[&address(OTHER), &number(5)]);
    let outcome = decode(TOKEN, 9, data).unwrap();
    assert_eq!(outcome.effects.len(), 2);
    assert!(matches!(
        &outcome.effects[0],
        Effect::Transfer { amount: 9, to, .. } if *to == TOKEN.to_string()
    ));
}

#[test]
fn powers_are_grants_with_all_they_name() {
    use selectors as s;
    let who = address(OTHER);
    let all = [0xff; 32];
    let none = Word::ZERO;
    let other = OTHER.to_string();
    type Case<'a> = (u32, Vec<&'a [u8]>, Power, &'a str, Word);
    let cases: Vec<Case<'_>> = vec![
        (
            s::APPROVE,
            vec![&who, &all],
            Power::Allowance,
            &other,
            Word(all),
        ),
        (
            s::INCREASE_ALLOWANCE,
            vec![&who, &all],
            Power::AllowanceRaise,
            &other,
            Word(all),
        ),
        (
            s::TRANSFER_OWNERSHIP,
            vec![&who],
            Power::Ownership,
            &other,
            none,
        ),
        (s::RENOUNCE_OWNERSHIP, vec![], Power::Ownership, "", none),
        (s::ACCEPT_OWNERSHIP, vec![], Power::Ownership, "", none),
        (s::UPGRADE_TO, vec![&who], Power::Upgrade, &other, none),
        (s::CHANGE_ADMIN, vec![&who], Power::Admin, &other, none),
        (
            s::GRANT_ROLE,
            vec![&all, &who],
            Power::Role,
            &other,
            Word(all),
        ),
        (
            s::ADD_OWNER,
            vec![&who, &all],
            Power::SafeOwners,
            &other,
            Word(all),
        ),
        (
            s::REMOVE_OWNER,
            vec![&who, &who, &all],
            Power::SafeOwners,
            "",
            Word(all),
        ),
        (
            s::SWAP_OWNER,
            vec![&who, &who, &who],
            Power::SafeOwners,
            &other,
            none,
        ),
        (
            s::CHANGE_THRESHOLD,
            vec![&all],
            Power::SafeOwners,
            "",
            Word(all),
        ),
        (
            s::ENABLE_MODULE,
            vec![&who],
            Power::SafeModule,
            &other,
            none,
        ),
        (s::SET_GUARD, vec![&who], Power::SafeGuard, &other, none),
        (
            s::SET_FALLBACK_HANDLER,
            vec![&who],
            Power::SafeFallback,
            &other,
            none,
        ),
    ];
    for (selector, words, power, to, amount) in cases {
        let outcome = decode(TOKEN, 0, call(selector, &words)).unwrap();
        let expected = Effect::Grant {
            power,
            over: TOKEN.to_string(),
            from: SENDER.to_string(),
            to: to.to_owned(),
            amount,
        };
        assert_eq!(outcome.effects, [expected], "{selector:08x}");
        assert_ne!(outcome.effects[0].op(), "transfer");
    }
}

#[test]
fn a_proxy_admin_gives_power_over_the_proxy_it_names() {
    for (selector, expected) in [
        (selectors::UPGRADE, Power::Upgrade),
        (selectors::CHANGE_PROXY_ADMIN, Power::Admin),
    ] {
        let data = call(selector, &[&address(SAFE), &address(OTHER)]);
        let outcome = decode(TOKEN, 0, data).unwrap();
        let Effect::Grant {
            power, over, to, ..
        } = &outcome.effects[0]
        else {
            panic!("{:?}", outcome.effects);
        };
        assert_eq!(
            (*power, over, to),
            (expected, &SAFE.to_string(), &OTHER.to_string())
        );
    }
    let data = call(
        selectors::UPGRADE_TO_AND_CALL,
        &[&address(OTHER), &number(64), &bytes(b"")],
    );
    let outcome = decode(TOKEN, 0, data).unwrap();
    assert_eq!(outcome.effects[0].op(), "upgrade");
    let data = call(
        selectors::SET_APPROVAL_FOR_ALL,
        &[&address(OTHER), &number(1)],
    );
    assert_eq!(
        decode(TOKEN, 0, data).unwrap().effects[0].op(),
        "approve_all"
    );
}

#[test]
fn words_are_written_in_decimal() {
    assert_eq!(Word::ZERO.to_string(), "0");
    assert_eq!(Word::from(u128::MAX).to_string(), u128::MAX.to_string());
    assert_eq!(
        Word([0xff; 32]).to_string(),
        "115792089237316195423570985008687907853269984665640564039457584007913129639935"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic_and_what_is_read_is_the_only_form(
        first in prop::option::of(prop::sample::select(vec![1_u8, 2, 3, 4, 0x19, 0xec, 0xf8])),
        rest in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let bytes: Vec<u8> = first.into_iter().chain(rest).collect();
        if let Ok(read) = Transaction::decode(&bytes) {
            prop_assert_eq!(read.encode(), bytes);
        }
    }

    #[test]
    fn a_transaction_reads_back_and_no_changed_byte_keeps_its_digest(
        envelope in prop::sample::select(vec![Envelope::Legacy, Envelope::AccessList, Envelope::FeeMarket]),
        nonce: u64, price: u64, gas: u64, value: u128,
        data in prop::collection::vec(any::<u8>(), 0..100),
        keys in prop::collection::vec(any::<[u8; 32]>(), 0..3),
        at: prop::sample::Index,
        flip in 1_u8..,
    ) {
        let legacy = envelope == Envelope::Legacy;
        let given = Transaction {
            envelope, nonce, gas, value, data,
            priority_fee: u128::from(price),
            max_fee: u128::from(price),
            access: if legacy { Vec::new() } else { vec![(OTHER, keys)] },
            ..transaction(OTHER, 0, Vec::new())
        };
        let bytes = given.encode();
        let read = Transaction::decode(&bytes).unwrap();
        prop_assert_eq!(&Transaction { data_at: 0, ..read.clone() }, &given);
        let start = read.data_at;
        prop_assert_eq!(&bytes[start..start + given.data.len()], &given.data[..]);
        let mut changed = bytes.clone();
        changed[at.index(bytes.len())] ^= flip;
        if let Ok(other) = Transaction::decode(&changed) {
            prop_assert_eq!(other.encode(), changed);
            prop_assert_ne!(other.signing_digest(), read.signing_digest());
        }
        let mut longer = bytes;
        longer.push(0);
        prop_assert_eq!(Transaction::decode(&longer).unwrap_err().name(), "trailing_bytes");
    }

    #[test]
    fn no_call_panics(
        selector in prop::sample::select(selectors::ALL),
        words in prop::collection::vec(prop_oneof![
            any::<[u8; 32]>(),
            (0_u128..1_000).prop_map(|small| Word::from(small).0),
        ], 0..14),
        cut in 0_usize..40,
    ) {
        let words: Vec<&[u8]> = words.iter().map(<[u8; 32]>::as_slice).collect();
        let mut data = call(selector.0, &words);
        data.truncate(data.len().saturating_sub(cut));
        let _ = decode(SAFE, 0, data);
    }
}

const VECTORS: &[(&str, &str)] = &[
    (
        "02f86d0142843b9aca008504a817c80082ad62946069a6c32cf691f5982febae4faf8a6f3ab2f0f680b844a22cb4650000000000000000000000005eee75727d804a2b13038928d36f8b188945a57a0000000000000000000000000000000000000000000000000000000000000000c0",
        "0d5688ac3897124635b6cf1bc0e29d6dfebceebdc10a54d74f2ef8b56535b682",
    ),
    (
        "02ec0180808504a817c800825208946069a6c32cf691f5982febae4faf8a6f3ab2f0f6880de0b6b3a764000080c0",
        "e1fdfb70bf433981c727ea1d4ea13a4640ae6967a50cf46db70bc2d89972524a",
    ),
    (
        "02f8e382a4b182012c018504a817c80083015f90946069a6c32cf691f5982febae4faf8a6f3ab2f0f601b846ababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababf872f859946069a6c32cf691f5982febae4faf8a6f3ab2f0f6f842a00000000000000000000000000000000000000000000000000000000000000001a0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffd6941111111111111111111111111111111111111111c0",
        "b7f4c2d0cdfa2845fd666d47d379d658d6aa6edc7d4eeab96b70ef911dbd3701",
    ),
    (
        "01f85b0103843b9aca00825208946069a6c32cf691f5982febae4faf8a6f3ab2f0f60580f838f7941111111111111111111111111111111111111111e1a02222222222222222222222222222222222222222222222222222222222222222",
        "d7c8e448106da2a3e92481c254e215d394d4af2b2f6c3abb58b588c89f9ad998",
    ),
];
