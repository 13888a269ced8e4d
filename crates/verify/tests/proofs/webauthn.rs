//! Assertions: recorded ones of other implementations, and everything that a stricter reader refuses by name.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keepwhole_verify::digest::Digest;
use keepwhole_verify::webauthn::{
    AT, Assertion, BE, BS, ED, Expected, PublicKey, UP, UV, authenticator_data, challenge_text,
    client_data_text, counter_follows, verify,
};
use proptest::prelude::*;

use crate::authenticator::{Key, ORIGIN, RP_ID};

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn b64(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// One recorded assertion: where from, key, challenge, relying party, origin, assertion, what we answer.
struct Recorded {
    from: &'static str,
    key: Vec<u8>,
    challenge: Vec<u8>,
    rp_id: &'static str,
    origin: &'static str,
    assertion: Assertion,
    answer: Result<u32, &'static str>,
}

/// Values of W3C Web Authentication Level 3, "Test Vectors" (https://www.w3.org/TR/webauthn-3/), and of the recorded
/// assertions of real authenticators in `tests/test_verify_authentication_response.py` of webauthn 3.0.1 on PyPI.
fn recorded() -> Vec<Recorded> {
    let w3c = |from, key, challenge, data, client_data, signature| Recorded {
        from,
        key: hex(key),
        challenge: hex(challenge),
        rp_id: "example.org",
        origin: "https://example.org",
        assertion: Assertion {
            authenticator_data: hex(data),
            client_data_json: hex(client_data),
            signature: hex(signature),
        },
        answer: Err("user_not_verified"),
    };
    let py = |from, key, challenge, data, client_data, signature, answer| Recorded {
        from,
        key: b64(key),
        challenge: b64(challenge),
        rp_id: "localhost",
        origin: "http://localhost:5000",
        assertion: Assertion {
            authenticator_data: b64(data),
            client_data_json: b64(client_data),
            signature: b64(signature),
        },
        answer,
    };
    vec![
        w3c(
            "W3C none.ES256",
            "a5010203262001215820afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61225820930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220",
            "39c0e7521417ba54d43e8dc95174f423dee9bf3cd804ff6d65c857c9abf4d408",
            "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51900000000",
            "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a224f63446e55685158756c5455506f334a5558543049393770767a7a59425039745a63685879617630314167222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d",
            "3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd380221008480ac0f0b93538174f575bf11a1dd5d78c6e486013f937295ea13653e331e87",
        ),
        w3c(
            "W3C packed-self.ES256",
            "a5010203262001215820eb151c8176b225cc651559fecf07af450fd85802046656b34c18f6cf193843c5225820927b8aa427a2be1b8834d233a2d34f61f13bfd44119c325d5896e183fee484f2",
            "4478a10b1352348dd160c1353b0d469b5db19eb91c27f7dfa6fed39fe26af20b",
            "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50900000000",
            "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a225248696843784e534e493352594d45314f7731476d3132786e726b634a5f6666707637546e2d4a71386773222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a206754623533727a36456853576f6d58477a696d433151227d",
            "304402203310b9431903c401f1be2bdc8d23a4007682dbbddcf846994947b7f465daf84002204e94dd00047b316061b3b99772b7efd95994a83ef584b3b6b825ea3550251b66",
        ),
        w3c(
            "W3C packed.EdDSA",
            "a401010327200621582044e06ddd331c36a8dc667bab52bcae63486c916aa5e339e6acebaa84934bf832",
            "895957e01c633a698348a2d8a31a54b7db27e8c1c43b2080d79ae2190267bfd2",
            "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50100000000",
            "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a2269566c583442786a4f6d6d44534b4c596f7870557439736e364d48454f7943413135726947514a6e763949222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d",
            "f5c59c7e46c34f6f8cc197101ddf9934fa2595f68eb1913a637e8419eb9ba4cfdfc48f85393bc0d40b011f0d6fecb097d6607525713223a0dc0d453993dae00b",
        ),
        py(
            "webauthn 3.0.1, supports_multiple_expected_origins",
            "pQECAyYgASFYIFm1Py-FzzFOuwXbRbTr95SiDxuB1BkZsEEJxFhquzqkIlggL1U1T713Jo_2muzhXvpbwRNdoAs8CYK6PflvY1MBdCI",
            "6zrSRX8CxwPSXEArXyXL2tpb6rB7Star0rLVIj5rvf74mZKF5ir715Xmgz5tA_GyHexN4oXfrQ889ArVCLaRdA",
            "SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MFYN-Mog",
            "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoiNnpyU1JYOEN4d1BTWEVBclh5WEwydHBiNnJCN1N0YXIwckxWSWo1cnZmNzRtWktGNWlyNzE1WG1nejV0QV9HeUhleE40b1hmclE4ODlBclZDTGFSZEEiLCJvcmlnaW4iOiJodHRwOi8vbG9jYWxob3N0OjUwMDAiLCJjcm9zc09yaWdpbiI6ZmFsc2V9",
            "MEUCIQDBqeI274exaKWGQz37g7yo1--TVcZSCcYVftZ1AnEJkQIgNw-nlx-_U9rVfFfER8oX6BlYZTuPFyGaL_wCDY23s0E",
            Ok(0x60df_8ca2),
        ),
        py(
            "webauthn 3.0.1, EC2_public_key",
            "pQECAyYgASFYIIeDTe-gN8A-zQclHoRnGFWN8ehM1b7yAsa8I8KIvmplIlgg4nFGT5px8o6gpPZZhO01wdy9crDSA_Ngtkx0vGpvPHI",
            "xi30GPGAFYRxVDpY1sM10DaLzVQG66nv-_7RUazH0vI2YvG8LYgDEnvN5fZZNVuvEDuMi9te3VLqb42N0fkLGA",
            "SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MBAAAATg",
            "eyJjaGFsbGVuZ2UiOiJ4aTMwR1BHQUZZUnhWRHBZMXNNMTBEYUx6VlFHNjZudi1fN1JVYXpIMHZJMll2RzhMWWdERW52TjVmWlpOVnV2RUR1TWk5dGUzVkxxYjQyTjBma0xHQSIsImNsaWVudEV4dGVuc2lvbnMiOnt9LCJoYXNoQWxnb3JpdGhtIjoiU0hBLTI1NiIsIm9yaWdpbiI6Imh0dHA6Ly9sb2NhbGhvc3Q6NTAwMCIsInR5cGUiOiJ3ZWJhdXRobi5nZXQifQ",
            "MEUCIGisVZOBapCWbnJJvjelIzwpixxIwkjCCb5aCHafQu68AiEA88v-2pJNNApPFwAKFiNuf82-2hBxYW5kGwVweeoxCwo",
            Err("user_not_verified"),
        ),
        py(
            "webauthn 3.0.1, OKP_public_key",
            "pAEBAycgBiFYIMz6_SUFLiDid2Yhlq0YboyJ-CDrIrNpkPUGmJp4D3Dp",
            "eZ4eeA3O4jy5FIzqDaSJ6JDNGu0bBc5zI1DjQ_kLso1WNqkG6k5mCYf1dtQhVUiBWZWlZkzR5MFeeWCpJRUNXw",
            "SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MBAAAABw",
            "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoiZVo0ZWVBM080ank1Rkl6cURhU0o2SkROR3UwYkJjNXpJMURqUV9rTHNvMVdOcWtHNms1bUNZZjFkdFFoVlVpQldaV2xaa3pSNU1GZWVXQ3BKUlVOWHciLCJvcmlnaW4iOiJodHRwOi8vbG9jYWxob3N0OjUwMDAiLCJjcm9zc09yaWdpbiI6ZmFsc2V9",
            "RRWV8mYDRvK7YdQgdtZD4pJ2dh1D_IWZ_D6jsZo6FHJBoenbj0CVT5nA20vUzlRhN4R6dOEUHmUwP1F8eRBhBg",
            Err("user_not_verified"),
        ),
    ]
}

#[test]
fn recorded_assertions_of_other_implementations() {
    for Recorded {
        from,
        key,
        challenge,
        rp_id,
        origin,
        assertion,
        answer,
    } in recorded()
    {
        let public = PublicKey::from_cose(&key).unwrap_or_else(|error| panic!("{from}: {error}"));
        assert_eq!(public.to_cose(), key, "{from}");
        let mut message = assertion.authenticator_data.clone();
        message.extend(Digest::of(&assertion.client_data_json).as_bytes());
        assert_eq!(
            public.verify(&message, &assertion.signature),
            Ok(()),
            "{from}"
        );
        message[33] ^= 1;
        assert!(
            public.verify(&message, &assertion.signature).is_err(),
            "{from}"
        );
        let expected = Expected {
            challenge: &challenge,
            rp_ids: &[rp_id.to_owned()],
            origins: &[origin.to_owned()],
            device_bound: false,
        };
        let found = verify(&assertion, &public, &expected)
            .map(|verified| verified.counter)
            .map_err(|refusal| refusal.name());
        assert_eq!(found, answer, "{from}");
    }
}

const CHALLENGE: [u8; 32] = [7; 32];

fn answer(
    key: &Key,
    data: Vec<u8>,
    client_data: &str,
    device_bound: bool,
) -> Result<u32, &'static str> {
    check(&key.assert(data, client_data), &key.public(), device_bound)
}

fn check(assertion: &Assertion, key: &PublicKey, device_bound: bool) -> Result<u32, &'static str> {
    let expected = Expected {
        challenge: &CHALLENGE,
        rp_ids: &["console.exchange.example".to_owned(), RP_ID.to_owned()],
        origins: &[
            ORIGIN.to_owned(),
            "https://other.example".to_owned(),
            "https://evilapprove.exchange.example".to_owned(),
            "http://approve.exchange.example".to_owned(),
            "https://a.approve.exchange.example:8443".to_owned(),
        ],
        device_bound,
    };
    verify(assertion, key, &expected)
        .map(|verified| verified.counter)
        .map_err(|refusal| refusal.name())
}

#[test]
fn client_data_is_read_without_guessing() {
    let key = Key::es256(1);
    let good = client_data_text(&CHALLENGE, ORIGIN);
    let challenge = challenge_text(&CHALLENGE);
    let with = |members: &str| {
        format!(
            r#"{{"type":"webauthn.get","challenge":"{challenge}","origin":"{ORIGIN}"{members}}}"#
        )
    };
    let nested = with(&format!(r#","x":{}1{}"#, "[".repeat(40), "]".repeat(40)));
    let cases: Vec<(String, Result<u32, &str>)> = vec![
        (good.clone(), Ok(11)),
        (with(""), Ok(11)),
        (
            with(r#","crossOrigin":false,"x":[1,-0.5e+3,null,{"a":"\u00e9\ud83d\ude00"}]"#),
            Ok(11),
        ),
        (
            format!(" {} \n", with(""))
                .replace(':', " :\t")
                .replace("https :\t", "https:"),
            Ok(11),
        ),
        (good.replace("webauthn.get", "webauthn.\\u0067et"), Ok(11)),
        (
            good.replace(ORIGIN, "https://a.approve.exchange.example:8443"),
            Ok(11),
        ),
        (
            good.replace("webauthn.get", "webauthn.create"),
            Err("client_data_type"),
        ),
        (
            good.replace("\"type\"", "\"kind\""),
            Err("client_data_type"),
        ),
        (
            good.replace(&challenge, &challenge_text(&[8; 32])),
            Err("challenge"),
        ),
        (
            good.replace(&challenge, &format!("{challenge}=")),
            Err("challenge"),
        ),
        (
            good.replace(ORIGIN, "https://approve.exchange.example/"),
            Err("origin"),
        ),
        (good.replace(ORIGIN, "https://phish.example"), Err("origin")),
        (good.replace("\"origin\"", "\"Origin\""), Err("origin")),
        (
            good.replace(ORIGIN, "https://other.example"),
            Err("origin_outside_rp_id"),
        ),
        (
            good.replace(ORIGIN, "https://evilapprove.exchange.example"),
            Err("origin_outside_rp_id"),
        ),
        (
            good.replace(ORIGIN, "http://approve.exchange.example"),
            Err("origin_outside_rp_id"),
        ),
        (good.replace("false", "true"), Err("cross_origin")),
        (good.replace("false", "null"), Err("cross_origin")),
        (good.replace("false", "\"false\""), Err("cross_origin")),
        (
            with(r#","topOrigin":"https://phish.example""#),
            Err("top_origin"),
        ),
        (with(r#","topOrigin":null"#), Err("top_origin")),
        (with(r#","type":"webauthn.get""#), Err("client_data")),
        (with(r#","x":{"a":1,"\u0061":2}"#), Err("client_data")),
        (format!("\u{feff}{good}"), Err("client_data")),
        (format!("{good}x"), Err("client_data")),
        (good.replace("false", "False"), Err("client_data")),
        (with(r#","x":01"#), Err("client_data")),
        (with(r#","x":1."#), Err("client_data")),
        (with(r#","x":"\ud83d""#), Err("client_data")),
        (with(r#","x":"\x41""#), Err("client_data")),
        (with(r#","x":"\u+041""#), Err("client_data")),
        (with(",\"x\":\"\u{1}\""), Err("client_data")),
        (with(","), Err("client_data")),
        (with(r#","x""#), Err("client_data")),
        (nested, Err("client_data")),
        (
            with(&format!(r#","x":"{}""#, "a".repeat(16_384))),
            Err("client_data"),
        ),
        (String::from("[]"), Err("client_data")),
        (String::new(), Err("client_data")),
    ];
    for (client_data, expected) in cases {
        let data = authenticator_data(RP_ID, UP | UV, 11);
        assert_eq!(
            answer(&key, data, &client_data, true),
            expected,
            "{client_data}"
        );
    }
}

#[test]
fn authenticator_data_has_37_bytes_and_the_right_flags() {
    let key = Key::ed25519(2);
    let client_data = client_data_text(&CHALLENGE, ORIGIN);
    let flags = |flags: u8| authenticator_data(RP_ID, flags, 11);
    let good = flags(UP | UV);
    let mut long = good.clone();
    long.push(0);
    let cases: Vec<(Vec<u8>, bool, Result<u32, &str>)> = vec![
        (good.clone(), true, Ok(11)),
        (
            authenticator_data(RP_ID, UP | UV, u32::MAX),
            true,
            Ok(u32::MAX),
        ),
        (flags(UP | UV | BE | BS), false, Ok(11)),
        (flags(UP | UV | BE), false, Ok(11)),
        // Bits 1 and 5 are reserved for future use and ignored.
        (flags(UP | UV | 0b0010_0010), true, Ok(11)),
        (flags(UP | UV | BE), true, Err("not_device_bound")),
        (flags(UP | UV | BE | BS), true, Err("not_device_bound")),
        (flags(UP | UV | BS), false, Err("backup_state")),
        (flags(UV), false, Err("user_not_present")),
        (flags(UP), false, Err("user_not_verified")),
        (flags(UP | UV | AT), false, Err("attested_data")),
        (flags(UP | UV | ED), false, Err("extension_data")),
        (
            authenticator_data("exchange.example", UP | UV, 11),
            false,
            Err("rp_id"),
        ),
        (
            authenticator_data("console.exchange.example", UP | UV, 11),
            false,
            Err("origin_outside_rp_id"),
        ),
        (good[..36].to_vec(), false, Err("authenticator_data_length")),
        (long, false, Err("authenticator_data_length")),
        (Vec::new(), false, Err("authenticator_data_length")),
    ];
    for (data, device_bound, expected) in cases {
        let found = answer(&key, data.clone(), &client_data, device_bound);
        assert_eq!(found, expected, "{data:02x?}");
    }
}

/// n, the order of P-256 (NIST SP 800-186), to turn a low `s` into a high one and back.
fn negated(s: &[u8]) -> [u8; 32] {
    let n = hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    let (mut out, mut borrow) = ([0u8; 32], 0i16);
    for place in (0..32).rev() {
        let difference = i16::from(n[place]) - i16::from(s[place]) - borrow;
        borrow = i16::from(difference < 0);
        out[place] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    out
}

#[test]
fn es256_signatures_are_strict_der_and_s_may_be_high() {
    use keepwhole_verify::cose::der_signature;
    use p256::ecdsa::signature::Signer as _;
    let key = p256::ecdsa::SigningKey::from_slice(&[1; 32]).unwrap();
    let public = Key::es256(1).public();
    let message = b"message";
    let signature: p256::ecdsa::Signature = key.sign(message);
    let bytes = signature.to_bytes();
    let (r, s): ([u8; 32], [u8; 32]) = (
        bytes[..32].try_into().unwrap(),
        bytes[32..].try_into().unwrap(),
    );
    let good = der_signature(&r, &s);
    assert_eq!(public.verify(message, &good), Ok(()));
    assert_eq!(
        public.verify(message, &der_signature(&r, &negated(&s))),
        Ok(())
    );

    let edited = |edit: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        edit(&mut bytes);
        bytes
    };
    let zero = [0; 32];
    let order: [u8; 32] = negated(&zero);
    let refused: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("raw r and s", bytes.to_vec()),
        ("a byte after it", edited(&|bytes| bytes.push(0))),
        (
            "a byte after it, counted",
            edited(&|bytes| {
                bytes.push(0);
                bytes[1] += 1;
            }),
        ),
        (
            "long form of the length",
            edited(&|bytes| bytes.insert(1, 0x81)),
        ),
        (
            "indefinite length",
            edited(&|bytes| {
                bytes[1] = 0x80;
                bytes.extend([0, 0]);
            }),
        ),
        ("another tag", edited(&|bytes| bytes[0] = 0x31)),
        ("another tag inside", edited(&|bytes| bytes[2] = 0x03)),
        ("cut", good[..good.len() - 1].to_vec()),
        ("a zero too many before r", {
            let mut bytes = good.clone();
            let at = if bytes[4] == 0 { 5 } else { 4 };
            bytes.insert(4, 0);
            if at == 4 && bytes[5] < 0x80 || at == 5 {
                bytes[1] += 1;
                bytes[3] += 1;
            }
            bytes
        }),
        ("r = 0", der_signature(&zero, &s)),
        ("s = 0", der_signature(&r, &zero)),
        ("s = n", der_signature(&r, &order)),
        ("r = n", der_signature(&order, &s)),
    ];
    for (what, bytes) in refused {
        assert!(public.verify(message, &bytes).is_err(), "{what}");
    }
    assert!(public.verify(b"other", &good).is_err());
    assert!(Key::es256(3).public().verify(message, &good).is_err());
}

#[test]
fn signatures_of_the_other_algorithm_or_of_none_are_refused() {
    let client_data = client_data_text(&CHALLENGE, ORIGIN);
    let data = || authenticator_data(RP_ID, UP | UV, 11);
    let (es256, ed25519) = (Key::es256(1), Key::ed25519(2));
    let by_es256 = es256.assert(data(), &client_data);
    let by_ed25519 = ed25519.assert(data(), &client_data);
    assert_eq!(check(&by_es256, &es256.public(), true), Ok(11));
    assert_eq!(check(&by_ed25519, &ed25519.public(), true), Ok(11));
    assert_eq!(
        check(&by_es256, &ed25519.public(), true),
        Err("signature_form")
    );
    assert_eq!(
        check(&by_ed25519, &es256.public(), true),
        Err("signature_form")
    );
    let other = Key::es256(3).assert(data(), &client_data);
    assert_eq!(check(&other, &es256.public(), true), Err("signature"));
    for key in [&es256, &ed25519] {
        let none = Assertion {
            signature: Vec::new(),
            ..by_es256.clone()
        };
        assert_eq!(check(&none, &key.public(), true), Err("signature_form"));
    }
}

#[test]
fn public_keys_have_one_form_and_two_algorithms() {
    let es256 = Key::es256(1).public().to_cose();
    let ed25519 = Key::ed25519(2).public().to_cose();
    assert_eq!((es256.len(), ed25519.len()), (77, 42));
    let swap = |bytes: &[u8], place: usize, new: &[u8]| {
        let mut out = bytes.to_vec();
        out.splice(place..=place, new.iter().copied());
        out
    };
    let mut doubled = ed25519.clone();
    doubled[0] = 0xa5;
    doubled.splice(1..1, [1, 1]);
    let mut with_kid = es256.clone();
    with_kid[0] = 0xa6;
    with_kid.splice(3..3, [2, 0x41, 9]);
    let mut unordered = ed25519[..1].to_vec();
    unordered.extend([3, 0x27, 1, 1]);
    unordered.extend(&ed25519[5..]);
    let none = [&[0xa3u8, 1, 1][..], &ed25519[5..]].concat();
    let mut off_curve = es256.clone();
    off_curve[76] ^= 1;
    let small_order = [&ed25519[..10], &[1], &[0; 31]].concat();
    let no_y = [&[0xa4], &es256[1..42]].concat();
    let cases: Vec<(&str, Vec<u8>, Result<(), &str>)> = vec![
        ("ES256", es256.clone(), Ok(())),
        ("EdDSA", ed25519.clone(), Ok(())),
        ("ESP256, -9", swap(&es256, 4, &[0x28]), Err("key_algorithm")),
        (
            "Ed25519, -19",
            swap(&ed25519, 4, &[0x32]),
            Err("key_algorithm"),
        ),
        (
            "ES256 with OKP",
            swap(&ed25519, 4, &[0x26]),
            Err("key_algorithm"),
        ),
        (
            "EdDSA with EC2",
            swap(&es256, 4, &[0x27]),
            Err("key_algorithm"),
        ),
        (
            "RS256, -257",
            swap(&es256, 4, &[0x39, 1, 0]),
            Err("key_algorithm"),
        ),
        ("algorithm 0", swap(&es256, 4, &[0]), Err("key_algorithm")),
        ("no algorithm", none, Err("key_algorithm")),
        ("key type 3, RSA", swap(&es256, 2, &[3]), Err("key_type")),
        (
            "key type as text",
            swap(&es256, 2, &[0x61, b'2']),
            Err("key_type"),
        ),
        ("P-384", swap(&es256, 6, &[2]), Err("key_curve")),
        ("X25519", swap(&ed25519, 6, &[4]), Err("key_curve")),
        ("a key id more", with_kid, Err("key_parameters")),
        ("no y", no_y, Err("key_parameters")),
        ("key type twice", doubled, Err("key_encoding")),
        ("keys out of order", unordered, Err("key_encoding")),
        (
            "a length longer than needed",
            swap(&es256, 9, &[0x59, 0, 32]),
            Err("key_encoding"),
        ),
        (
            "a byte after it",
            [&es256[..], &[0]].concat(),
            Err("key_encoding"),
        ),
        ("cut", es256[..76].to_vec(), Err("key_encoding")),
        ("a list", vec![0x80], Err("key_encoding")),
        (
            "indefinite map",
            swap(&es256, 0, &[0xbf]),
            Err("key_encoding"),
        ),
        ("empty", Vec::new(), Err("key_encoding")),
        ("not on the curve", off_curve, Err("key_point")),
        ("small order", small_order, Err("key_point")),
    ];
    for (what, bytes, expected) in cases {
        let found = PublicKey::from_cose(&bytes)
            .map(|key| assert_eq!(key.to_cose(), bytes, "{what}"))
            .map_err(|refusal| refusal.name());
        assert_eq!(found, expected, "{what}");
    }
}

#[test]
fn counters_grow_or_stay_at_zero() {
    for (last, now, follows) in [
        (0, 0, true),
        (0, 1, true),
        (5, 6, true),
        (5, 5, false),
        (5, 4, false),
        (5, 0, false),
        (u32::MAX, 0, false),
    ] {
        assert_eq!(counter_follows(last, now), follows, "{last} then {now}");
    }
}

proptest! {
    #[test]
    fn no_bit_of_an_assertion_may_flip(edwards: bool, part in 0usize..3, bit: usize) {
        let key = if edwards { Key::ed25519(2) } else { Key::es256(1) };
        let client_data = client_data_text(&CHALLENGE, ORIGIN);
        let mut assertion = key.assert(authenticator_data(RP_ID, UP | UV, 11), &client_data);
        prop_assert_eq!(check(&assertion, &key.public(), true), Ok(11));
        let bytes = match part {
            0 => &mut assertion.authenticator_data,
            1 => &mut assertion.client_data_json,
            _ => &mut assertion.signature,
        };
        let place = bit / 8 % bytes.len();
        bytes[place] ^= 1 << (bit % 8);
        prop_assert!(check(&assertion, &key.public(), true).is_err());
    }

    #[test]
    fn a_key_with_a_flipped_bit_verifies_nothing(edwards: bool, bit: usize) {
        let key = if edwards { Key::ed25519(2) } else { Key::es256(1) };
        let assertion = key.assert(
            authenticator_data(RP_ID, UP | UV, 11),
            &client_data_text(&CHALLENGE, ORIGIN),
        );
        let mut cose = key.public().to_cose();
        let place = bit / 8 % cose.len();
        cose[place] ^= 1 << (bit % 8);
        if let Ok(other) = PublicKey::from_cose(&cose) {
            prop_assert!(check(&assertion, &other, true).is_err());
        }
    }
}
