//! Intents, clearances and redemptions: published digests, one written form, every difference refused by name.

use keepwhole_verify::approval::{Approval, ApprovalsFile, Command};
use keepwhole_verify::clearance::{
    self, Clearance, PayloadKind, Redemption, guard_name, sighashes_digest,
};
use keepwhole_verify::digest::Digest;
use keepwhole_verify::intent::{self, Intent};
use keepwhole_verify::json::FormatError;
use keepwhole_verify::note::{Ed25519Signer, NoteSigner as _};
use keepwhole_verify::roster::Roster;
use proptest::prelude::*;

use crate::approvals::good;
use crate::authenticator::{command, devices, draft, intent, roster};

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

/// Each change of the text below is refused with this cause.
fn refused<T: std::fmt::Debug>(
    read: fn(&str) -> Result<T, keepwhole_verify::json::FormatError>,
    good: &str,
    cases: &[(&str, &str, &str)],
) {
    assert!(read(good).is_ok());
    for (from, to, says) in cases {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good, "`{from}` is not in the text");
        let error = read(&text).unwrap_err().to_string();
        assert!(error.contains(says), "{from} -> {to}: {error}");
    }
}

#[test]
fn intents_have_one_form() {
    let long = format!(r#""dest":"{}""#, "a".repeat(1025));
    let deep = format!(r#""dest":{}"#, "[".repeat(40));
    refused(
        Intent::read,
        INTENT,
        &[
            (
                r#""amount":"125"#,
                r#""amount":"125","amount":"125"#,
                "key `amount` is repeated",
            ),
            (r#","memo":"""#, "", "`intent.memo`: is missing"),
            (
                r#","memo":"""#,
                r#","memo":"","memo2":"x""#,
                "`intent.memo2`: is not a field of this format",
            ),
            (
                r#""1250000000000000000""#,
                "1250000000000000",
                "`intent.amount`: must be a text",
            ),
            (
                r#""1795000000""#,
                "1795000000",
                "`intent.expires`: must be a text",
            ),
            (
                r#""1795000000""#,
                r#""01795000000""#,
                "not a time in Unix seconds",
            ),
            (
                r#""1795000000""#,
                r#""9223372036854775808""#,
                "not a time in Unix seconds",
            ),
            (r#""1250000000000000000""#, r#""-1""#, "not an amount"),
            (r#""1250000000000000000""#, r#""+1""#, "not an amount"),
            (r#""1250000000000000000""#, r#""1.5""#, "not an amount"),
            (
                r#""1250000000000000000""#,
                r#""340282366920938463463374607431768211456""#,
                "not an amount",
            ),
            (
                r#""dest":"0x00000000219ab540356cbb839cbe05303d7705fa""#,
                &deep,
                "nested too deeply",
            ),
            (
                r#""dest":"0x00000000219ab540356cbb839cbe05303d7705fa""#,
                &long,
                "at most 1024 are allowed",
            ),
            (
                "0x00000000219ab540356cbb839cbe05303d7705fa",
                "",
                "`intent.dest`: is empty",
            ),
            (
                "0x00000000219ab540356cbb839cbe05303d7705fa",
                "\\u007f",
                "not write",
            ),
            (
                "0x00000000219ab540356cbb839cbe05303d7705fa",
                "\u{7f}",
                "control character U+007F",
            ),
            (
                r#""memo":"""#,
                r#""memo":"a\nb""#,
                "control character U+000A",
            ),
            (":\"w-1", ": \"w-1", "whitespace"),
            ("\"w-1\"", "\"\\u0077-1\"", "escape"),
            ("eip155:1/slip44:60", "ETH", "no CAIP-19 asset"),
            (
                "eip155:1/slip44:60",
                "eip155:10/slip44:60",
                "is not on `eip155:1`",
            ),
            (
                r#""network":"eip155:1""#,
                r#""network":"ETH""#,
                "no CAIP-2 network",
            ),
            (
                r#","wallet":"hot-1"}"#,
                r#","wallet":"hot-1"}}"#,
                "more text after the end",
            ),
            (
                r#""id":"w-1""#,
                r#""id":null"#,
                "`intent.id`: must be a text",
            ),
        ],
    );
    let later = INTENT.replace(r#""amount":"1250000000000000000","#, "");
    let unsorted = later.replace("{", r#"{"wallet":"x","#);
    assert!(
        Intent::read(&unsorted)
            .unwrap_err()
            .to_string()
            .contains("out of order")
    );
    let mut made = intent();
    made.asset = "eip155:5/slip44:60".to_owned();
    assert!(made.check().is_err(), "made by hand, not read");
}

#[test]
fn clearances_and_redemptions_have_one_form() {
    refused(
        Clearance::read,
        &clearance().to_text(),
        &[
            (r#""attempt":"1""#, r#""attempt":1"#, "must be a text"),
            (r#""attempt":"1""#, r#""attempt":"0""#, "no number from 1"),
            (r#""attempt":"1""#, r#""attempt":"01""#, "no number from 1"),
            (
                r#""attempt":"1""#,
                r#""attempt":"4294967296""#,
                "no number from 1",
            ),
            ("evm-tx", "raw", "`raw` is not known"),
            ("evm-tx", "eip712", "`eip712` is not known"),
            ("4444", "444A", "32 bytes in lower-case hex"),
            (
                r#""key":"hot-1/2026-1","#,
                "",
                "`clearance.key`: is missing",
            ),
            (r#""key":"#, r#""kz":"x","key":"#, "out of order"),
            (
                r#""key":"#,
                r#""kept":"x","key":"#,
                "`clearance.kept`: is not a field",
            ),
        ],
    );
    refused(
        Redemption::read,
        &redemption().to_text(),
        &[
            (r#""1795000010""#, "1795000010", "must be a text"),
            ("signer-1", "", "is empty"),
            (r#""clearance":""#, r#""clearance":"00"#, "32 bytes"),
            (
                r#"{"at""#,
                r#"{"as":"x","at""#,
                "`redemption.as`: is not a field",
            ),
        ],
    );
}

#[test]
fn a_clearance_holds_for_one_intent_and_until_its_last_second() {
    let check = |now| Clearance::check(&clearance().to_text(), CLEARANCE_LINE, guard().key(), now);
    assert_eq!(check(1_795_000_059).unwrap(), clearance());
    assert_eq!(check(1_795_000_060).unwrap_err().name(), "expired");
    assert_eq!(clearance().check_intent(&intent()), Ok(()));
    let name = |clearance: Clearance| clearance.check_intent(&intent()).unwrap_err().name();
    let changed = |edit: fn(&mut Clearance)| {
        let mut clearance = clearance();
        edit(&mut clearance);
        clearance
    };
    type Edit = fn(&mut Clearance);
    let cases: [(Edit, &str); 4] = [
        (|it| it.intent = Digest::from_bytes([1; 32]), "other_intent"),
        (
            |it| it.conflict_key = "eip155:10/0x11/7".to_owned(),
            "other_network",
        ),
        (
            |it| it.conflict_key = "eip155:1".to_owned(),
            "other_network",
        ),
        (|it| it.total_fee = 2_000_000_000_000_001, "fee_above_cap"),
    ];
    for (edit, expected) in cases {
        assert_eq!(name(changed(edit)), expected);
    }
    assert!(!intent().is_expired(1_794_999_999));
    assert!(intent().is_expired(1_795_000_000));
}

#[test]
fn only_the_guard_signs_clearances() {
    let text = clearance().to_text();
    let name = |line: &str, key: &Ed25519Signer| {
        Clearance::check(&text, line, key.key(), 0)
            .unwrap_err()
            .name()
    };
    let signed = |key: &Ed25519Signer| {
        let line = key.sign(&clearance().sign_text()).unwrap().to_line();
        line.trim_end().to_owned()
    };
    let key = |name: &str, seed| Ed25519Signer::new(name, &[seed; 32]).unwrap();
    let log = key("exchange.example/keepwhole", 9);
    let other = key("exchange.example/keepwhole/guard", 8);
    assert_eq!(name(&signed(&other), &guard()), "other_key");
    assert_eq!(name(&signed(&log), &guard()), "other_key");
    assert_eq!(
        name(&signed(&log), &log),
        "other_key",
        "the log's key is no guard"
    );
    assert!(clearance::sign("any", &log).is_err(), "is not called guard");
    let redeemed = clearance::sign(&redemption().sign_text(), &guard()).unwrap();
    assert_eq!(
        name(&redeemed, &guard()),
        "signature",
        "of another document"
    );
    let plain = clearance::sign(&text, &guard()).unwrap();
    assert_eq!(name(&plain, &guard()), "signature", "without the label");
    for line in [
        "",
        "exchange.example/keepwhole/guard AAAA",
        &format!("{CLEARANCE_LINE}\n"),
        &format!("{CLEARANCE_LINE} "),
        &CLEARANCE_LINE.replace("0Qc=", "0Qc"),
    ] {
        assert_eq!(name(line, &guard()), "signature_line", "{line}");
    }
}

#[test]
fn a_redemption_is_of_one_clearance_by_one_signer_in_time() {
    let check = |redemption: &Redemption, signer| {
        let line = clearance::sign(&redemption.sign_text(), &guard()).unwrap();
        Redemption::check(
            &redemption.to_text(),
            &line,
            guard().key(),
            &clearance(),
            signer,
        )
        .map_err(|refusal| refusal.name())
    };
    assert_eq!(check(&redemption(), "signer-1"), Ok(redemption()));
    assert_eq!(check(&redemption(), "signer-2"), Err("other_signer"));
    let late = Redemption {
        at: 1_795_000_060,
        ..redemption()
    };
    assert_eq!(check(&late, "signer-1"), Err("expired"));
    let other = Redemption {
        clearance: Digest::from_bytes([1; 32]),
        ..redemption()
    };
    assert_eq!(check(&other, "signer-1"), Err("other_clearance"));
}

/// Reads a text; what it is does not matter.
type Reads = fn(&str) -> Result<(), FormatError>;

/// Every document around signing, as its reader takes it: whether it is refused, in which words.
fn documents() -> Vec<(&'static str, String, Reads)> {
    let [ana, bo, ..] = devices();
    let file = good(&[draft(&ana, "risk", 60), draft(&bo, "treasury", 120)]);
    let approval = file.approvals[0].to_text();
    vec![
        ("intent", intent().to_text(), |text| {
            Intent::read(text).map(drop)
        }),
        ("clearance", clearance().to_text(), |text| {
            Clearance::read(text).map(drop)
        }),
        ("redemption", redemption().to_text(), |text| {
            Redemption::read(text).map(drop)
        }),
        ("roster", roster().to_text(), |text| {
            Roster::read(text).map(drop)
        }),
        ("command", command().to_text(), |text| {
            Command::read(text).map(drop)
        }),
        ("approval", approval, |text| Approval::read(text).map(drop)),
        ("approvals file", file.to_text(), |text| {
            ApprovalsFile::read(text).map(drop)
        }),
    ]
}

#[test]
fn a_document_that_was_cut_off_anywhere_is_none() {
    for (what, text, read) in documents() {
        assert!(read(&text).is_ok(), "{what}");
        for cut in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
            assert!(read(&text[..cut]).is_err(), "{what} cut at {cut}");
        }
        for more in [" ", "\n", "}", "{}", "\0"] {
            assert!(
                read(&format!("{text}{more}")).is_err(),
                "{what} and {more:?}"
            );
        }
    }
}

#[test]
fn repeated_and_nested_and_further_fields_are_refused_in_every_document() {
    for (what, text, read) in documents() {
        let (first, rest) = text[1..].split_once(':').unwrap();
        let says = |text: String| read(&text).unwrap_err().to_string();
        let twice = says(format!("{{{first}:\"x\",{first}:{rest}"));
        assert!(
            twice.contains("out of order") || twice.contains("repeated"),
            "{what}: {twice}"
        );
        let deep = says(format!("{{{first}:{}{}}}", "[".repeat(40), "]".repeat(40)));
        assert!(deep.contains("nested too deeply"), "{what}: {deep}");
        let more = format!("{},\"zz\":[]}}", text.strip_suffix('}').unwrap());
        let more = says(more);
        // A command has the fields of its action, all of them texts.
        let wanted = if what == "command" {
            "must be a text"
        } else {
            "is not a field"
        };
        assert!(more.contains(wanted), "{what}: {more}");
    }
}

#[test]
fn amounts_and_times_that_are_numbers_are_refused() {
    let cases: [(&str, &str, Reads); 6] = [
        ("amount", "1250000000000000000", |text| {
            Intent::read(text).map(drop)
        }),
        ("max_fee", "2000000000000000", |text| {
            Intent::read(text).map(drop)
        }),
        ("expires", "1795000000", |text| Intent::read(text).map(drop)),
        ("total_fee", "1000000000000000", |text| {
            Clearance::read(text).map(drop)
        }),
        ("expires", "1795000060", |text| {
            Clearance::read(text).map(drop)
        }),
        ("at", "1795000010", |text| Redemption::read(text).map(drop)),
    ];
    let all = [
        intent().to_text(),
        clearance().to_text(),
        redemption().to_text(),
    ];
    for (field, value, read) in cases {
        let written = format!("\"{field}\":\"{value}\"");
        let text = all.iter().find(|text| text.contains(&written)).unwrap();
        for number in [
            value.to_owned(),
            format!("{value}.0"),
            "1e18".to_owned(),
            "-1".to_owned(),
        ] {
            let text = text.replace(&written, &format!("\"{field}\":{number}"));
            assert!(read(&text).is_err(), "{field} as {number}");
        }
    }
}
