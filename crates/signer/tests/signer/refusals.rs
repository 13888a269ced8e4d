//! Each refusal by its name, and what is granted right beside it.

use crate::log::ORIGIN;
use crate::world::{
    AUTOMATIC, AUTOMATIC_DAY, AUTOMATIC_HOUR, CUSTOMER, Case, FEE, FEE_LIMIT, Mood, NOW, USDT,
    World, guard_key, token_transfer, transaction,
};
use keepwhole_payload::evm::Address;
use keepwhole_payload::evm::transaction::Envelope;
use keepwhole_signer::{Redeemed, Refusal};
use keepwhole_verify::Digest;
use keepwhole_verify::clearance::{PayloadKind, sign};
use keepwhole_verify::note::Ed25519Signer;
use std::collections::BTreeSet;

pub(crate) fn name(result: Result<keepwhole_signer::Permit, Refusal>) -> &'static str {
    match result {
        Ok(_) => "permitted",
        Err(refusal) => {
            let says = refusal.to_string();
            assert!(!says.ends_with('.') && !says.is_empty(), "{says}");
            refusal.name()
        }
    }
}

#[test]
fn a_clearance_permits_exactly_its_bytes() {
    let world = World::new();
    let case = world.case("w-1", 7, AUTOMATIC);
    let permit = world.sign(&case).unwrap();
    assert_eq!(permit.key(), "hot-1/2026-1");
    assert_eq!(permit.to_sign()[0].bytes, case.clearance.signing_digest);
    assert!(!permit.is_again() && !permit.is_approved());
    // The same again has the same answer, without another redemption and without counting again.
    let again = world.sign(&case).unwrap();
    assert!(again.is_again());
    assert_eq!(again.to_sign(), permit.to_sign());
    assert_eq!(world.asked(), 1);
    let status = world.signer().status().unwrap();
    assert_eq!(status.assets[1].caps[0].used, AUTOMATIC + FEE);
    assert!(
        status
            .to_string()
            .contains("greatest loss with the keepwhole host stolen")
    );
}

/// What is wrong, and the name that says so.
type Row = (&'static str, &'static str, fn(Case) -> Case);

const ROWS: &[Row] = &[
    ("as it is", "permitted", |case| case),
    ("clearance cut off", "malformed", |mut case| {
        let text = case.clearance.to_text();
        case.clearance_text = Some(text[..text.len() - 1].to_owned());
        case
    }),
    (
        "clearance with a repeated field",
        "malformed",
        |mut case| {
            let text = case.clearance.to_text();
            case.clearance_text = Some(text.replacen('{', r#"{"attempt":"1","#, 1));
            case
        },
    ),
    (
        "clearance with an unknown field",
        "malformed",
        |mut case| {
            let text = case.clearance.to_text();
            case.clearance_text = Some(text.replacen('{', r#"{"aaa":"1","#, 1));
            case
        },
    ),
    ("an amount as JSON number", "malformed", |mut case| {
        let text = case.intent.to_text();
        let amount = case.intent.amount;
        case.intent_text = Some(text.replace(&format!("\"{amount}\""), &amount.to_string()));
        case
    }),
    ("nested deeply", "malformed", |mut case| {
        case.clearance_text = Some("[".repeat(10_000));
        case
    }),
    ("a clearance too large", "too_large", |mut case| {
        case.clearance_text = Some(" ".repeat(20_000));
        case
    }),
    ("a payload too large", "too_large", |mut case| {
        case.payload = vec![0; 2_000_000];
        case
    }),
    (
        "clearance edited after signing",
        "not_by_guard",
        |mut case| {
            let text = case.clearance.to_text();
            case.signature = Some(sign(&case.clearance.sign_text(), &guard_key()).unwrap());
            case.clearance_text = Some(text.replace("\"attempt\":\"1\"", "\"attempt\":\"2\""));
            case
        },
    ),
    (
        "signature of another key of that name",
        "not_by_guard",
        |mut case| {
            let key = Ed25519Signer::new(&format!("{ORIGIN}/guard"), &[8; 32]).unwrap();
            case.signature = Some(sign(&case.clearance.sign_text(), &key).unwrap());
            case
        },
    ),
    (
        "signature by the guard of another log",
        "not_by_guard",
        |mut case| {
            let key = Ed25519Signer::new("other.example/guard", &[2; 32]).unwrap();
            case.signature = Some(sign(&case.clearance.sign_text(), &key).unwrap());
            case
        },
    ),
    (
        "signature over the redemption's label",
        "not_by_guard",
        |mut case| {
            let text = format!("keepwhole/redemption/v1\n{}", case.clearance.to_text());
            case.signature = Some(sign(&text, &guard_key()).unwrap());
            case
        },
    ),
    ("no signature", "not_by_guard", |mut case| {
        case.signature = Some(String::new());
        case
    }),
    (
        "another intent than was cleared",
        "intent_mismatch",
        |mut case| {
            case.intent.id = "w-2".to_owned();
            case
        },
    ),
    ("another policy", "policy_unlisted", |case| {
        case.with_clearance(|clearance| clearance.policy = Digest::from_bytes([1; 32]))
    }),
    ("another build", "build_unlisted", |case| {
        case.with_clearance(|clearance| clearance.build = Digest::from_bytes([1; 32]))
    }),
    ("another key", "key_unknown", |case| {
        case.with_clearance(|clearance| clearance.key = "hot-2".to_owned())
    }),
    ("another wallet", "wallet_mismatch", |case| {
        case.with_intent(|intent| intent.wallet = "cold-1".to_owned())
    }),
    ("another network", "network_mismatch", |case| {
        case.with_intent(|intent| {
            intent.network = "eip155:10".to_owned();
            intent.asset = "eip155:10/slip44:60".to_owned();
        })
    }),
    ("one second before the end", "permitted", |case| {
        case.with_clearance(|clearance| clearance.expires = NOW + 1)
    }),
    ("the second of the end", "clearance_expired", |case| {
        case.with_clearance(|clearance| clearance.expires = NOW)
    }),
    ("the longest life", "permitted", |case| {
        case.with_clearance(|clearance| clearance.expires = NOW + 305)
    }),
    ("a second longer", "clearance_too_long", |case| {
        case.with_clearance(|clearance| clearance.expires = NOW + 306)
    }),
    ("the intent's last second", "intent_expired", |case| {
        case.with_intent(|intent| intent.expires = NOW)
    }),
    ("an intent for a year", "intent_too_long", |case| {
        case.with_intent(|intent| intent.expires = NOW + 31_536_000)
    }),
    ("kind of another network", "payload_kind", |case| {
        case.with_clearance(|clearance| clearance.payload_kind = PayloadKind::Psbt)
    }),
    ("kind of typed data", "malformed", |case| {
        case.with_clearance(|clearance| clearance.payload_kind = PayloadKind::SafeTx)
    }),
    ("a bare hash", "payload", |mut case| {
        case.payload = case.clearance.signing_digest.to_vec();
        case
    }),
    ("a bit of the bytes", "digest_mismatch", |mut case| {
        case.payload = transaction(7, AUTOMATIC - 1).encode();
        case
    }),
    ("a transaction without chain", "payload", |mut case| {
        // nonce, gas price, gas, to, value, data: the six fields from before EIP-155.
        let mut fields = vec![7, 2, 0x82, 0x52, 0x08, 0x94];
        fields.extend(Address::parse(CUSTOMER).unwrap().0);
        fields.extend([0x83, 0x0f, 0x42, 0x40, 0x80]);
        case.payload = vec![0xc0 + u8::try_from(fields.len()).unwrap()];
        case.payload.extend(fields);
        case
    }),
    ("another chain", "payload", |case| {
        let mut bytes = transaction(7, AUTOMATIC);
        bytes.chain_id = 10;
        case.with_bytes(&bytes)
    }),
    (
        "a conflict key that the bytes don't have",
        "conflict_key_mismatch",
        |case| case.with_clearance(|clearance| clearance.conflict_key = "eip155:1/0x/7".to_owned()),
    ),
    ("another recipient", "payload_mismatch", |case| {
        let mut bytes = transaction(7, AUTOMATIC);
        bytes.to = Address([9; 20]);
        case.with_bytes(&bytes)
    }),
    ("a unit more", "payload_mismatch", |case| {
        case.with_bytes(&transaction(7, AUTOMATIC + 1))
    }),
    ("an allowance beside nothing", "payload_mismatch", |case| {
        let mut bytes = token_transfer(7, AUTOMATIC);
        bytes.data[..4].copy_from_slice(&[0x09, 0x5e, 0xa7, 0xb3]);
        case.with_bytes(&bytes)
    }),
    ("an unknown call", "payload", |case| {
        let mut bytes = token_transfer(7, AUTOMATIC);
        bytes.data[0] ^= 1;
        case.with_bytes(&bytes)
    }),
    ("an older envelope", "permitted", |case| {
        let mut bytes = transaction(7, AUTOMATIC);
        (bytes.envelope, bytes.priority_fee) = (Envelope::Legacy, 2);
        case.with_bytes(&bytes)
    }),
    ("a fee above what was cleared", "fee_mismatch", |case| {
        case.with_clearance(|clearance| clearance.total_fee = FEE - 1)
    }),
    (
        "a cleared fee above what was decided",
        "fee_mismatch",
        |case| case.with_clearance(|clearance| clearance.total_fee = 80_001),
    ),
    ("a fee above what was decided", "payload_mismatch", |case| {
        case.with_intent(|intent| intent.max_fee = FEE - 1)
    }),
    ("a fee above the own limit", "fee_above_limit", |case| {
        let case = case.with_intent(|intent| intent.max_fee = FEE_LIMIT + 1);
        case.with_clearance(|clearance| clearance.total_fee = FEE_LIMIT + 1)
    }),
    ("an asset without caps", "asset_unknown", |case| {
        let contract = "0x2222222222222222222222222222222222222222";
        let mut bytes = token_transfer(7, AUTOMATIC);
        bytes.to = Address::parse(contract).unwrap();
        case.with_intent(|intent| intent.asset = format!("eip155:1/erc20:{contract}"))
            .with_bytes(&bytes)
    }),
    ("above the automatic limit", "approvals_missing", |case| {
        case.with_intent(|intent| intent.amount = AUTOMATIC + 1)
            .with_bytes(&transaction(7, AUTOMATIC + 1))
    }),
];

#[test]
fn each_fault_has_its_name() {
    for (what, expected, change) in ROWS {
        let world = World::new();
        let case = change(world.case("w-1", 7, AUTOMATIC));
        assert_eq!(name(world.sign(&case)), *expected, "{what}");
        let counted = world.signer().status().unwrap().assets[1].caps[0].used;
        assert_eq!(counted > 0, *expected == "permitted", "{what}");
    }
}

/// Begun, and the redemption not answered until the clearance ended: the guard issues the next attempt, and it goes.
#[test]
fn the_next_attempt_goes_on_where_a_redemption_was_held_until_its_end() {
    let world = World::new();
    let case = world.case("w-1", 7, 500_000);
    world.mood(Mood::Down);
    assert_eq!(name(world.sign(&case)), "redemption_unavailable");
    world.pass(300);
    assert_eq!(name(world.sign(&case)), "clearance_expired");
    world.mood(Mood::Honest);
    let again = case.with_clearance(|clearance| {
        clearance.attempt = 2;
        clearance.expires += 300;
    });
    world.sign(&again).unwrap();
    let used = world.signer().status().unwrap().assets[1].caps[0].used;
    assert_eq!(used, 500_000 + 42_000, "the value once");
}

#[test]
fn attempts_of_one_intent_spend_the_same() {
    let world = World::new();
    let first = world.case("w-1", 7, 500_000);
    world.sign(&first).unwrap();
    // A fee bump: the next attempt, the same nonce; only the fee's rise is counted.
    let mut bumped = transaction(7, 500_000);
    bumped.max_fee = 3;
    let second = first.clone().with_bytes(&bumped);
    assert_eq!(name(world.sign(&second)), "attempt_reused");
    let second = second.with_clearance(|clearance| clearance.attempt = 2);
    world.sign(&second).unwrap();
    let used = world.signer().status().unwrap().assets[1].caps[0].used;
    assert_eq!(used, 500_000 + 63_000);
    // A lower attempt, even one that was permitted before.
    assert_eq!(name(world.sign(&first)), "attempt_lower");
    // Another nonce: both could land.
    let third = first
        .with_bytes(&transaction(8, 500_000))
        .with_clearance(|clearance| clearance.attempt = 3);
    assert_eq!(name(world.sign(&third)), "conflict_key_changed");
    // The first clearance of that attempt again, with a later end: another clearance.
    let later = second.with_clearance(|clearance| clearance.expires += 1);
    assert_eq!(name(world.sign(&later)), "attempt_reused");
}

#[test]
fn caps_hold_to_the_unit_and_roll() {
    let world = World::new();
    let value = AUTOMATIC - FEE;
    for number in 0..10 {
        let case = world.case(&format!("w-{number}"), number, value);
        assert_eq!(name(world.sign(&case)), "permitted");
    }
    // 10,000,000 counted: the cap of an hour, to the unit.
    assert_eq!(AUTOMATIC_HOUR, 10 * AUTOMATIC);
    let more = world.case("w-10", 10, 0);
    assert_eq!(name(world.sign(&more)), "cap_reached");
    world.pass(3_600);
    let more = world.case("w-10", 10, value);
    assert_eq!(
        name(world.sign(&more)),
        "cap_reached",
        "the last second counts"
    );
    world.pass(1);
    let more = world.case("w-10", 10, value);
    assert_eq!(name(world.sign(&more)), "permitted");
    // Tokens have caps of their own; their fees count in the coin.
    let token = Case::token("t-1", 11, AUTOMATIC, world.now());
    assert_eq!(name(world.sign(&token)), "permitted");
    let status = world.signer().status().unwrap();
    assert_eq!(status.assets[0].asset, USDT);
    assert_eq!(status.assets[0].caps[0].used, AUTOMATIC);
    assert_eq!(status.assets[1].caps[0].used, AUTOMATIC + FEE);
}

#[test]
fn the_cap_of_a_day_outlasts_the_hours() {
    let world = World::new();
    let (mut counted, mut refused) = (0, None);
    for number in 0..60 {
        world.pass(600);
        let case = world.case(&format!("w-{number}"), number, AUTOMATIC - FEE);
        match world.sign(&case) {
            Ok(_) => counted += AUTOMATIC,
            Err(refusal) => refused = Some(refusal),
        }
    }
    assert_eq!(counted, AUTOMATIC_DAY);
    let Some(Refusal::CapReached { window, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(window, "automatic_day_cap");
}

#[test]
fn no_redemption_is_no_signature() {
    let world = World::new();
    let case = world.case("w-1", 7, 500_000);
    let held = |why: &str| {
        Mood::Says(Redeemed::Held {
            why: why.to_owned(),
        })
    };
    let denied = |why: &str| {
        Mood::Says(Redeemed::Denied {
            why: why.to_owned(),
        })
    };
    let text = |redemption: &str| {
        Mood::Says(Redeemed::Yes {
            redemption: redemption.to_owned(),
            signature: "x".to_owned(),
        })
    };
    for (mood, expected) in [
        (Mood::Down, "redemption_unavailable"),
        (held("halted"), "redemption_held"),
        (denied("wallet frozen"), "redemption_denied"),
        (text("{}"), "redemption_foreign"),
        (Mood::Forged, "redemption_foreign"),
        (
            Mood::Altered(|it| it.signer = "signer-2".to_owned()),
            "redemption_foreign",
        ),
        (
            Mood::Altered(|it| it.clearance = Digest::from_bytes([5; 32])),
            "redemption_foreign",
        ),
        (Mood::Altered(|it| it.at += 6), "redemption_foreign"),
        (Mood::Altered(|it| it.at += 60), "redemption_foreign"),
        (Mood::Altered(|it| it.at += 5), "permitted"),
    ] {
        world.mood(mood.clone());
        assert_eq!(name(world.sign(&case)), expected, "{mood:?}");
        // Counted once, when signing first started, and not given back.
        let used = world.signer().status().unwrap().assets[1].caps[0].used;
        assert_eq!(used, 500_000 + FEE, "{mood:?}");
    }
}

#[test]
fn offline_is_shorter_and_says_so() {
    let offline = |text: String| {
        text.replace(
            "mode = \"online\"\nurl = \"http://127.0.0.1:8651\"",
            "mode = \"offline\"",
        )
    };
    let mut world = World::with(offline);
    world.mood(Mood::Down);
    let case = world.case("w-1", 7, 500_000);
    let long = case
        .clone()
        .with_clearance(|clearance| clearance.expires = NOW + 61);
    assert_eq!(name(world.sign(&long)), "offline_too_long");
    assert_eq!(name(world.sign(&case)), "permitted");
    assert_eq!(world.asked(), 0);
    assert!(world.signer().status().unwrap().weaker[0].starts_with("offline"));
    // The used set is durable.
    world.start();
    assert!(world.sign(&case).unwrap().is_again());
}

#[test]
fn names_are_unique() {
    let names: BTreeSet<_> = Refusal::NAMES.iter().collect();
    assert_eq!(names.len(), Refusal::NAMES.len());
    for name in Refusal::NAMES {
        let page = include_str!("../../../../docs/signer.md");
        assert!(
            page.contains(&format!("| `{name}` |")),
            "{name} is not in docs/signer.md"
        );
    }
}
