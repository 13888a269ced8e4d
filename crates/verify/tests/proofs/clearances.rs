//! Intents, clearances and redemptions: published digests, one written form, every difference refused by name.

use keepwhole_verify::clearance::{
    self, Clearance, PayloadKind, Redemption, guard_name, sighashes_digest,
};
use keepwhole_verify::digest::Digest;
use keepwhole_verify::intent::{self, Intent};
use keepwhole_verify::note::{Ed25519Signer, NoteSigner as _};
use proptest::prelude::*;

use crate::authenticator::intent;

const INTENT: &str = r#"{"amount":"1250000000000000000","asset":"eip155:1/slip44:60","dest":"0x00000000219ab540356cbb839cbe05303d7705fa","expires":"1795000000","id":"w-1","max_fee":"2000000000000000","memo":"","network":"eip155:1","wallet":"hot-1"}"#;
const INTENT_DIGEST: &str = "ae89509bb5044ca67d431bfd5bf641d17b519272af5ae18739fa807b1c6c03f3";
const CLEARANCE_DIGEST: &str = "6b3453e5a77217d46d57e2ed41425340897140ef425aa3a8f3ab7c941c5d2e60";
const REDEMPTION_DIGEST: &str = "7bf2cc0fb4951d510267786e7da62d511d7de22b972e328e34d97005a4ae2793";
const CLEARANCE_LINE: &str = "— exchange.example/keepwhole/guard BfVMU7GPAvrTk2rouFmqNb8xV8Gl/pNBDOXoBsCXfwp27F3shST8KebA+N17j+VsSECr7glfiNzDNT/woFtm/uSm0Qc=";
const REDEMPTION_LINE: &str = "— exchange.example/keepwhole/guard BfVMUzQRSVXmG/Wkyp5OGFAEwGGtHmMSt3y8qfjL/2WrDb3kS54gkSEkS9vDpQwOfmcjr4zqUjOhhbrmrkjY2kOVEQg=";

fn clearance() -> Clearance {
    Clearance {
        attempt: 1,
        build: Digest::from_bytes([0x22; 32]),
        conflict_key: "eip155:1/0x1111111111111111111111111111111111111111/7".to_owned(),
        expires: 1_795_000_060,
        intent: intent().digest(),
        key: "hot-1/2026-1".to_owned(),
        payload_kind: PayloadKind::EvmTx,
        policy: Digest::from_bytes([0x33; 32]),
        signing_digest: [0x44; 32],
        total_fee: 1_000_000_000_000_000,
    }
}

fn redemption() -> Redemption {
    Redemption {
        at: 1_795_000_010,
        clearance: clearance().digest(),
        signer: "signer-1".to_owned(),
    }
}

fn guard() -> Ed25519Signer {
    Ed25519Signer::new(&guard_name("exchange.example/keepwhole"), &[9; 32]).unwrap()
}

#[test]
fn published_digests() {
    assert_eq!(intent().to_text(), INTENT);
    assert_eq!(Intent::read(INTENT).unwrap(), intent());
    assert_eq!(intent::digest(&intent()).to_hex(), INTENT_DIGEST);
    assert_eq!(clearance::digest(&clearance()).to_hex(), CLEARANCE_DIGEST);
    assert_eq!(redemption().digest().to_hex(), REDEMPTION_DIGEST);
    for text in [
        intent().to_text(),
        clearance().to_text(),
        redemption().to_text(),
    ] {
        let other: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_jcs::to_string(&other).unwrap(), text);
    }
}

/// The signed form of docs/clearances.md: guard key of the seed 09 × 32, RFC 8032 signatures are deterministic.
/// docs/clearances.md, "Signing digest of a PSBT".
#[test]
fn published_sighashes() {
    let digest = sighashes_digest(&[(0, [0x55; 32]), (3, [0x66; 32])]).unwrap();
    assert_eq!(
        Digest::from_bytes(digest).to_hex(),
        "81f81f92f199303c280abf6a96e693102de55eb6d79327d268260294bd9e3e4f"
    );
    assert_eq!(sighashes_digest(&[]), None);
    assert_eq!(sighashes_digest(&[(3, [1; 32]), (0, [2; 32])]), None);
    assert_eq!(sighashes_digest(&[(3, [1; 32]), (3, [2; 32])]), None);
}

/// Whatever bit of a signed clearance or its signature changes, it is refused.
fn flipped(text: &str, bit: usize) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    bytes[bit / 8 % text.len()] ^= 1 << (bit % 8);
    String::from_utf8(bytes).ok()
}

proptest! {
    #[test]
    fn no_bit_of_a_clearance_may_flip(bit: usize, of_signature: bool) {
        let (text, line) = (clearance().to_text(), CLEARANCE_LINE);
        prop_assert!(Clearance::check(&text, line, guard().key(), 1_795_000_059).is_ok());
        let (text, line) = if of_signature {
            (Some(text), flipped(line, bit))
        } else {
            (flipped(&text, bit), Some(line.to_owned()))
        };
        if let (Some(text), Some(line)) = (text, line) {
            prop_assert!(Clearance::check(&text, &line, guard().key(), 1_795_000_059).is_err());
        }
    }
}

#[test]
fn published_signatures() {
    assert_eq!(
        guard().key().to_string(),
        "exchange.example/keepwhole/guard+05f54c53+Af0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY"
    );
    assert_eq!(
        clearance::sign(&clearance().sign_text(), &guard()).unwrap(),
        CLEARANCE_LINE
    );
    assert_eq!(
        clearance::sign(&redemption().sign_text(), &guard()).unwrap(),
        REDEMPTION_LINE
    );
}
