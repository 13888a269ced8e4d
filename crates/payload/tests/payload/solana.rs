//! Solana messages: bytes by another implementation, effects, every refusal, the one form of the bytes.

use crate::hex;
use keepwhole_payload::solana::message::{Instruction, Message};
use keepwhole_payload::solana::{self, Cluster, Context, Key, ids};
use keepwhole_payload::{Effect, Expected, Kind, Outcome, Power, Refusal, Word};
use proptest::prelude::*;
use std::collections::BTreeMap;

const A: Key = Key([1; 32]);
const B: Key = Key([2; 32]);
const NONCE_ACCOUNT: Key = Key([3; 32]);
const MINT: Key = Key([4; 32]);
const TABLE: Key = Key([0x77; 32]);
const NETWORK: &str = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp";

fn decode_with(
    bytes: &[u8],
    tables: &BTreeMap<Key, Vec<Key>>,
    mints: &BTreeMap<Key, Key>,
) -> Result<Outcome, Refusal> {
    let cluster = Cluster::Mainnet;
    solana::message(
        bytes,
        &Context {
            cluster,
            tables,
            mints,
        },
    )
}

fn decode(bytes: &[u8]) -> Result<Outcome, Refusal> {
    decode_with(bytes, &BTreeMap::new(), &BTreeMap::new())
}

fn lamports(amount: u128, memo: &str) -> Effect {
    Effect::Transfer {
        asset: format!("{NETWORK}/slip44:501"),
        from: A.to_string(),
        to: B.to_string(),
        amount,
        memo: memo.to_owned(),
    }
}

/// A message of one instruction: its accounts are A, B and keys of bytes 10 on; all but A are neither signed nor read only.
fn one(program: Key, accounts: usize, data: &[u8]) -> Vec<u8> {
    let mut keys = vec![A, B];
    keys.extend(
        (10..)
            .take(accounts.saturating_sub(2))
            .map(|byte| Key([byte; 32])),
    );
    keys.push(program);
    message(
        &keys,
        &[(keys.len() - 1, (0..accounts).collect(), data.to_vec())],
    )
}

fn small(number: usize) -> u8 {
    u8::try_from(number).unwrap()
}

fn message(keys: &[Key], instructions: &[(usize, Vec<usize>, Vec<u8>)]) -> Vec<u8> {
    let mut out = vec![1, 0, 1, small(keys.len())];
    keys.iter().for_each(|key| out.extend(key.0));
    out.extend([9; 32]);
    out.push(small(instructions.len()));
    for (program, accounts, data) in instructions {
        out.extend([small(*program), small(accounts.len())]);
        out.extend(accounts.iter().map(|place| small(*place)));
        out.push(small(data.len()));
        out.extend(data);
    }
    out
}

fn refused(bytes: &[u8]) -> &'static str {
    decode(bytes).unwrap_err().name()
}

#[test]
fn a_transfer_of_another_implementation_is_read() {
    let bytes = hex(LEGACY);
    let outcome = decode(&bytes).unwrap();
    assert_eq!(outcome.kind, Kind::SolanaMessage);
    assert_eq!(outcome.kind.name(), "solana-message");
    assert_eq!(outcome.network, NETWORK);
    assert_eq!(outcome.payer, A.to_string());
    assert_eq!(outcome.fee, 5_000);
    assert_eq!(outcome.effects, [lamports(1_500_000_000, "")]);
    assert_eq!(outcome.conflict_key, format!("{NETWORK}/{}", Key([9; 32])));
    assert_eq!(outcome.to_sign[0].bytes, bytes);
}

#[test]
fn priority_fee_memo_and_nonce_are_read() {
    let outcome = decode(&hex(PRIORITY)).unwrap();
    // 200000 units at 12345 micro-lamports are 2469 lamports.
    assert_eq!(outcome.fee, 5_000 + 2_469);
    assert_eq!(outcome.effects, [lamports(1_500_000_000, "tag 77")]);
    let outcome = decode(&hex(NONCE)).unwrap();
    assert_eq!(
        outcome.conflict_key,
        format!("{NETWORK}/{NONCE_ACCOUNT}/{}", Key([9; 32]))
    );
    assert_eq!(outcome.effects, [lamports(1_500_000_000, "")]);
    // A price without a limit is bounded by the most units that a transaction may have.
    let price = one(
        ids::COMPUTE_BUDGET,
        0,
        &[3, 0x40, 0x42, 0x0f, 0, 0, 0, 0, 0],
    );
    assert_eq!(decode(&price).unwrap().fee, 5_000 + 1_400_000);
}

#[test]
fn a_token_withdrawal_that_opens_its_account_matches_its_owner() {
    let outcome = decode(&hex(TOKEN_V0)).unwrap();
    let asset = format!("{NETWORK}/token:{MINT}");
    assert_eq!(
        outcome.effects,
        [
            Effect::OpenTokenAccount {
                asset: asset.clone(),
                from: A.to_string(),
                account: DESTINATION.to_owned(),
                owner: B.to_string(),
            },
            Effect::Transfer {
                asset: asset.clone(),
                from: SOURCE.to_owned(),
                to: DESTINATION.to_owned(),
                amount: 777,
                memo: String::new(),
            },
        ]
    );
    let expected = Expected {
        network: NETWORK.to_owned(),
        asset,
        from: Some(SOURCE.to_owned()),
        to: B.to_string(),
        opens_account: true,
        amount: 777,
        memo: String::new(),
        max_fee: 5_000,
    };
    assert_eq!(expected.matches(&outcome), Ok(()));
    let by_account = Expected {
        to: DESTINATION.to_owned(),
        ..expected.clone()
    };
    assert_eq!(by_account.matches(&outcome), Ok(()));
    let closed = Expected {
        opens_account: false,
        ..expected.clone()
    };
    assert_eq!(closed.matches(&outcome).unwrap_err().field, "effects");
    let other = Expected {
        to: A.to_string(),
        ..expected
    };
    assert_eq!(other.matches(&outcome).unwrap_err().field, "to");
}

#[test]
fn a_lookup_table_is_read_only_where_its_content_is_given() {
    let bytes = hex(LOOKUP);
    assert_eq!(refused(&bytes), "lookup_unknown");
    let given = |keys: Vec<Key>| decode_with(&bytes, &[(TABLE, keys)].into(), &BTreeMap::new());
    let outcome = given(vec![Key([0x55; 32]), B, Key([0x66; 32])]).unwrap();
    assert_eq!(outcome.effects, [lamports(1_500_000_000, "")]);
    assert_eq!(given(vec![B]).unwrap_err().name(), "lookup_unknown");
}

#[test]
fn a_transfer_that_does_not_name_its_mint_needs_a_registered_account() {
    let bytes = one(ids::TOKEN, 3, &[3, 5, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(refused(&bytes), "mint_unknown");
    let mints = [(A, MINT)].into();
    let outcome = decode_with(&bytes, &BTreeMap::new(), &mints).unwrap();
    assert!(matches!(
        &outcome.effects[..],
        [Effect::Transfer { asset, amount: 5, .. }] if asset.ends_with(&format!("/token:{MINT}"))
    ));
}

#[test]
fn powers_are_grants() {
    let key = [7; 32];
    let with = |head: &[u8], tail: &[u8]| [head, tail].concat();
    let amount = [9, 0, 0, 0, 0, 0, 0, 0];
    let cases: Vec<(Key, usize, Vec<u8>, Power, u128)> = vec![
        (ids::SYSTEM, 1, with(&[1, 0, 0, 0], &key), Power::Assign, 0),
        (
            ids::SYSTEM,
            2,
            with(&[7, 0, 0, 0], &key),
            Power::NonceAuthority,
            0,
        ),
        (ids::TOKEN, 3, with(&[4], &amount), Power::Allowance, 9),
        (
            ids::TOKEN_2022,
            4,
            with(&[13], &with(&amount, &[6])),
            Power::Allowance,
            9,
        ),
        (ids::TOKEN, 2, vec![5], Power::Allowance, 0),
        (
            ids::TOKEN,
            2,
            with(&[6, 2, 1], &key),
            Power::TokenAuthority,
            2,
        ),
        (ids::TOKEN, 2, vec![6, 3, 0], Power::TokenAuthority, 3),
        (
            ids::STAKE,
            3,
            [&[1, 0, 0, 0], key.as_slice(), &[1, 0, 0, 0]].concat(),
            Power::StakeAuthority,
            1,
        ),
        (
            ids::STAKE,
            4,
            vec![10, 0, 0, 0, 0, 0, 0, 0],
            Power::StakeAuthority,
            0,
        ),
        (ids::LOADER, 7, vec![3, 0, 0, 0], Power::Upgrade, 0),
        (ids::LOADER, 2, vec![4, 0, 0, 0], Power::ProgramAuthority, 0),
        (ids::LOADER, 3, vec![4, 0, 0, 0], Power::ProgramAuthority, 0),
        (ids::LOADER, 3, vec![7, 0, 0, 0], Power::ProgramAuthority, 0),
    ];
    for (program, accounts, data, power, amount) in cases {
        let outcome = decode(&one(program, accounts, &data)).unwrap();
        let [
            Effect::Grant {
                power: found,
                amount: given,
                ..
            },
        ] = &outcome.effects[..]
        else {
            panic!("{data:?}: {:?}", outcome.effects);
        };
        assert_eq!((*found, *given), (power, Word::from(amount)), "{data:?}");
        // Data longer or shorter by a byte is another instruction.
        assert_eq!(
            refused(&one(program, accounts, &with(&data, &[0]))),
            "undecodable"
        );
        let shorter = &data[..data.len() - 1];
        assert_eq!(refused(&one(program, accounts, shorter)), "undecodable");
    }
    let account = one(
        ids::SYSTEM,
        2,
        &[&[0; 4], [8, 0, 0, 0, 0, 0, 0, 0].as_slice(), &[0; 40]].concat(),
    );
    let outcome = decode(&account).unwrap();
    assert!(matches!(
        &outcome.effects[..],
        [Effect::CreateAccount { amount: 8, .. }]
    ));
}

#[test]
fn what_nobody_can_judge_is_refused_by_name() {
    let good = hex(LEGACY);
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    let twice = message(&[A, A, ids::SYSTEM], &[]);
    let long = [[1, 0, 1, 0x83, 0].as_slice(), &good[4..]].concat();
    let payer = message(&[A, ids::SYSTEM], &[(0, vec![], vec![])]);
    let absent = message(&[A, ids::SYSTEM], &[(1, vec![5], vec![])]);
    let memo = (2, vec![], b"x".to_vec());
    let memos = message(&[A, B, ids::MEMO], std::slice::from_ref(&memo));
    let nonce = (2, vec![0, 1, 0], vec![4, 0, 0, 0]);
    let late = message(&[A, B, ids::SYSTEM], &[nonce.clone(), nonce]);
    let many = vec![(1, vec![0, 0], vec![2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]); 100];
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (vec![], "empty"),
        (vec![0; 1_233], "too_large"),
        (message(&[A, ids::SYSTEM], &many), "too_large"),
        (b"\xffsolana offchain".to_vec(), "offchain_message"),
        (vec![0x81, 0], "message_version"),
        (good[..good.len() - 1].to_vec(), "truncated"),
        ([good.as_slice(), &[0]].concat(), "trailing_bytes"),
        (changed(0, 0), "not_canonical"),
        (changed(0, 4), "not_canonical"),
        (changed(1, 1), "not_canonical"),
        (long, "not_canonical"),
        (twice, "not_canonical"),
        (payer, "not_canonical"),
        (absent, "not_canonical"),
        (memos, "undecodable"),
        (late, "undecodable"),
        (one(ids::MEMO, 0, &[0xff]), "undecodable"),
        (one(Key([0x42; 32]), 2, &[1]), "undecodable"),
        (one(ids::SYSTEM, 2, &[3, 0, 0, 0]), "undecodable"),
        (
            one(ids::SYSTEM, 3, &[2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
            "undecodable",
        ),
        // A multisignature or a transfer hook brings more accounts.
        (
            one(ids::TOKEN_2022, 5, &[12, 1, 0, 0, 0, 0, 0, 0, 0, 6]),
            "undecodable",
        ),
        (
            one(ids::TOKEN_2022, 4, &[26, 1, 1, 0, 0, 0, 0, 0, 0, 0, 6]),
            "undecodable",
        ),
        (one(ids::TOKEN, 3, &[9]), "undecodable"),
        // An account that is not the one derived for owner and mint.
        (one(ids::ASSOCIATED_TOKEN, 6, &[]), "undecodable"),
        (one(ids::STAKE, 3, &[5, 0, 0, 0]), "undecodable"),
        (one(ids::LOADER, 7, &[5, 0, 0, 0]), "undecodable"),
        (one(ids::COMPUTE_BUDGET, 0, &[0, 0, 0, 0, 0]), "undecodable"),
    ];
    for (bytes, name) in cases {
        assert_eq!(
            refused(&bytes),
            name,
            "{}",
            crate::to_hex(&bytes[..bytes.len().min(80)])
        );
    }
    let unknown = decode(&one(Key([0x42; 32]), 2, &[1]))
        .unwrap_err()
        .to_string();
    assert!(unknown.contains(&Key([0x42; 32]).to_string()), "{unknown}");
}

#[test]
fn keys_have_one_text() {
    assert_eq!(Key::parse(&ids::SYSTEM.to_string()), Some(ids::SYSTEM));
    assert_eq!(Key::parse(DESTINATION).unwrap().to_string(), DESTINATION);
    assert_eq!(Key::parse("1"), None);
    assert_eq!(Key::parse(&format!("{DESTINATION}1")), None);
    let derived = solana::token_account(B, ids::TOKEN, MINT).unwrap();
    assert_eq!(derived.to_string(), DESTINATION);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic_and_what_is_read_is_the_only_form(
        rest in prop::collection::vec(any::<u8>(), 0..300),
        base in prop::sample::select(vec![LEGACY, PRIORITY, NONCE, TOKEN_V0, LOOKUP]),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let mut changed = hex(base);
        for (at, byte) in flips {
            let at = at.index(changed.len());
            changed[at] = byte;
        }
        for bytes in [changed, rest] {
            let _ = decode(&bytes);
            if let Ok(read) = Message::decode(&bytes) {
                prop_assert_eq!(read.encode(), bytes);
            }
        }
    }

    #[test]
    fn no_instruction_panics(
        program in prop::sample::select(vec![
            ids::SYSTEM, ids::TOKEN, ids::TOKEN_2022, ids::ASSOCIATED_TOKEN, ids::COMPUTE_BUDGET,
            ids::STAKE, ids::LOADER, ids::MEMO,
        ]),
        accounts in 0_usize..8,
        tag in 0_u8..30,
        data in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let short = [&[tag], data.as_slice()].concat();
        let wide = [&[tag, 0, 0, 0], data.as_slice()].concat();
        for data in [short, wide] {
            if let Ok(outcome) = decode(&one(program, accounts, &data)) {
                prop_assert!(outcome.effects.len() <= 1);
            }
        }
    }
}

#[test]
fn places_are_offsets_in_the_bytes() {
    let bytes = hex(PRIORITY);
    let read = Message::decode(&bytes).unwrap();
    for Instruction { data, data_at, .. } in &read.instructions {
        assert_eq!(bytes[*data_at..*data_at + data.len()], data[..]);
    }
}

const LEGACY: &str = "01000103010101010101010101010101010101010101010101010101010101010101010102020202020202020202020202020202020202020202020202020202020202020000000000000000000000000000000000000000000000000000000000000000090909090909090909090909090909090909090909090909090909090909090901020200010c02000000002f685900000000";
const PRIORITY: &str = "010003050101010101010101010101010101010101010101010101010101010101010101020202020202020202020202020202020202020202020202020202020202020200000000000000000000000000000000000000000000000000000000000000000306466fe5211732ffecadba72c39be7bc8ce5bbc5f7126b2c439b3a40000000054a535a992921064d24e87160da387c7c35b5ddbc92bb81e41fa8404105448d09090909090909090909090909090909090909090909090909090909090909090403000502400d0300030009033930000000000000020200010c02000000002f685900000000040006746167203737";
const NONCE: &str = "01000205010101010101010101010101010101010101010101010101010101010101010102020202020202020202020202020202020202020202020202020202020202020303030303030303030303030303030303030303030303030303030303030303000000000000000000000000000000000000000000000000000000000000000006a7d517192c568ee08a845f73d29788cf035c3145b21ab344d8062ea940000009090909090909090909090909090909090909090909090909090909090909090203030204000404000000030200010c02000000002f685900000000";
const TOKEN_V0: &str = "8001000508010101010101010101010101010101010101010101010101010101010101010170603201df22d4f7aaf3f73d8d6b2fa315ddd407f0be0ef3c4fb58698eab9245ecbe536a55687c37ad8ea7ac37846aafceb3e510aa9b22a37e898fb15dcbaf3f00000000000000000000000000000000000000000000000000000000000000000202020202020202020202020202020202020202020202020202020202020202040404040404040404040404040404040404040404040404040404040404040406ddf6e1d765a193d9cbe146ceeb79ac1cb485ed5f5b37913a8cf5857eff00a98c97258f4e2489f1bb3d1029148e0d830b5a1399daff1084048e7bd8dbe9f859090909090909090909090909090909090909090909090909090909090909090902070600020405030601010604010502000a0c09030000000000000600";
const LOOKUP: &str = "800100010201010101010101010101010101010101010101010101010101010101010101010000000000000000000000000000000000000000000000000000000000000000090909090909090909090909090909090909090909090909090909090909090901010200020c02000000002f685900000000017777777777777777777777777777777777777777777777777777777777777777010100";
const DESTINATION: &str = "Gw9YRejU7bwbcgNxWYeYBjrS5Z9Mzhf2heC58voURatW";
const SOURCE: &str = "8ZfjnwxdKftw8Kk9xcDmsR2kdyDJhHSaTo2uWypq4m8g";
