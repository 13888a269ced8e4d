//! Tokens: read and written like another implementation does, and every refusal by its name.

use crate::harness::{NOW, generate, rsa, sample};
use crate::simulator::{CoSigner, Misbehaviour, read, with_header, with_parts};
use aws_lc_rs::rsa::KeySize;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use keepwhole_cosigner::bitgo::{jwks, key_ids};
use keepwhole_cosigner::json::Json;
use keepwhole_cosigner::jwt::{self, JwtError, TOKEN_MAX};
use keepwhole_cosigner::keys::{AnswerKey, KeyError, Purpose, RequestKey};
use serde_json::{Value, json};

const NOW_S: u64 = NOW / 1_000;

/// The public key of a test key as a JSON Web Key: what our own `jwk` writes.
pub(crate) fn jwk_of(number: usize, kid: &str) -> String {
    AnswerKey::from_pem("k", &rsa(number).private, Some(kid))
        .unwrap()
        .jwk()
}

fn keys() -> Vec<RequestKey> {
    let purpose = Purpose::FireblocksRequest;
    vec![RequestKey::from_pem("cosigner-1", purpose, &rsa(0).public).unwrap()]
}

fn verify(token: &str) -> Result<jwt::Verified, JwtError> {
    let purpose = Purpose::FireblocksRequest;
    jwt::verify(token.as_bytes(), &keys(), purpose, NOW_S)
}

#[test]
fn two_implementations_read_each_other() {
    let claims = sample("fireblocks-transfer");
    let verified = verify(&CoSigner::new().token(&claims)).unwrap();
    assert_eq!(verified.key, "cosigner-1");
    let ours: Value = serde_json::from_str(&verified.claims.spelled()).unwrap();
    assert_eq!(ours, claims);

    let key = AnswerKey::from_pem("k", &rsa(1).private, Some("k-2026-11-23")).unwrap();
    let token = jwt::sign(r#"{"action":"APPROVE","requestId":"1"}"#, &key).unwrap();
    let answers = DecodingKey::from_rsa_pem(rsa(1).public.as_bytes()).unwrap();
    let expected = json!({ "action": "APPROVE", "requestId": "1" });
    assert_eq!(read(&token, &answers), expected);
    let header = jsonwebtoken::decode_header(&token).unwrap();
    assert_eq!(header.kid.as_deref(), Some("k-2026-11-23"));
    // The same claims are the same bytes: RSASSA-PKCS1-v1_5 has no randomness.
    let again = jwt::sign(r#"{"action":"APPROVE","requestId":"1"}"#, &key).unwrap();
    assert_eq!(token, again);
}

#[test]
fn every_misbehaviour_is_refused_by_its_name() {
    let claims = sample("fireblocks-transfer");
    for how in Misbehaviour::ALL {
        let token = CoSigner::new().misbehaves(how, &claims);
        let refused = verify(&token).unwrap_err();
        let expected = match how {
            Misbehaviour::Stranger | Misbehaviour::BadSignature | Misbehaviour::Edited => {
                JwtError::Signature
            }
            Misbehaviour::AlgorithmNone => JwtError::AlgorithmNone,
            Misbehaviour::AlgorithmShared => JwtError::AlgorithmShared("HS256".to_owned()),
            Misbehaviour::OtherAlgorithm => JwtError::Algorithm("RS512".to_owned()),
            Misbehaviour::OtherKid => JwtError::OtherKey("another".to_owned()),
            Misbehaviour::OwnKey => JwtError::HeaderField("jwk".to_owned()),
            Misbehaviour::OwnKeys => JwtError::HeaderField("jku".to_owned()),
            Misbehaviour::WrongMode | Misbehaviour::Cut => JwtError::Form,
        };
        match (&refused, &expected) {
            // Half a token may end anywhere.
            (JwtError::Json { .. } | JwtError::Signature, JwtError::Form) => {}
            _ => assert_eq!(refused, expected, "{how:?}"),
        }
    }
}

#[test]
fn headers_are_read_strictly() {
    let claims = json!({ "requestId": "1" });
    let refused = |header: &str| verify(&with_header(header, &claims, 0)).unwrap_err();
    let name = |name: &str| JwtError::HeaderField(name.to_owned());
    assert_eq!(
        refused(r#"{"alg":"RS256","crit":["exp"],"exp":1}"#),
        name("crit")
    );
    assert_eq!(refused(r#"{"alg":"RS256","x5u":"https://a"}"#), name("x5u"));
    assert_eq!(refused(r#"{"alg":"RS256","x5c":["MII"]}"#), name("x5c"));
    assert_eq!(refused(r#"{"alg":"RS256","b64":false}"#), name("b64"));
    assert_eq!(refused(r#"{"alg":"NoNe"}"#), JwtError::AlgorithmNone);
    assert_eq!(
        refused(r#"{"alg":"rs256"}"#),
        JwtError::Algorithm("rs256".into())
    );
    assert_eq!(refused(r#"{}"#), JwtError::Algorithm(String::new()));
    assert_eq!(
        refused(r#"{"alg":["RS256"]}"#),
        JwtError::Algorithm(String::new())
    );
    assert!(matches!(
        refused(r#"{"alg":"RS256","typ":"at+jwt"}"#),
        JwtError::Type(_)
    ));
    assert!(matches!(
        refused(r#"{"alg":"none","alg":"RS256"}"#),
        JwtError::Json { part: "header", .. }
    ));
    assert_eq!(refused(r#"[]"#), JwtError::NoObject("header"));
    let twice = with_parts(r#"{"alg":"RS256"}"#, r#"{"a":1,"a":2}"#, 0);
    assert!(matches!(
        verify(&twice),
        Err(JwtError::Json {
            part: "payload",
            ..
        })
    ));
    let long = "a".repeat(TOKEN_MAX + 1);
    assert_eq!(verify(&long), Err(JwtError::Oversized(TOKEN_MAX + 1)));
    // A second spelling of the same bytes is not the same token.
    let token = with_header(r#"{"alg":"RS256"}"#, &claims, 0);
    assert!(verify(&token).is_ok());
    assert_eq!(verify(&format!("{token}=")), Err(JwtError::Form));
    assert_eq!(verify(&format!("{token}.")), Err(JwtError::Form));
}

#[test]
fn a_key_is_for_one_purpose() {
    let set = format!(r#"{{"keys":[{}]}}"#, jwk_of(2, "bitgo-1"));
    let mut all = jwks::read(set.as_bytes()).unwrap();
    all.extend(keys());
    let claims = json!({ "requestId": "1" });
    let by_bitgo = with_header(r#"{"alg":"RS256","kid":"bitgo-1"}"#, &claims, 2);
    let asked = |token: &str, purpose| jwt::verify(token.as_bytes(), &all, purpose, NOW_S);
    assert!(asked(&by_bitgo, Purpose::BitGoRequest).is_ok());
    assert_eq!(
        asked(&by_bitgo, Purpose::FireblocksRequest).unwrap_err(),
        JwtError::Purpose {
            kid: "bitgo-1".to_owned(),
            found: Purpose::BitGoRequest,
            needs: Purpose::FireblocksRequest,
        }
    );
    // Without a name the keys of the purpose are tried, and no other.
    let nameless = with_header(r#"{"alg":"RS256"}"#, &claims, 2);
    let refused = asked(&nameless, Purpose::FireblocksRequest);
    assert_eq!(refused.unwrap_err(), JwtError::Signature);
    // Somebody else's signature under a known name.
    let forged = with_header(r#"{"alg":"RS256","kid":"bitgo-1"}"#, &claims, 4);
    let refused = asked(&forged, Purpose::BitGoRequest);
    assert_eq!(refused.unwrap_err(), JwtError::Signature);
}

#[test]
fn times_count_where_they_are_told() {
    let told = |claims: Value| verify(&CoSigner::new().token(&claims)).map(|_| ());
    assert_eq!(told(json!({})), Ok(()));
    assert_eq!(told(json!({ "iat": NOW_S, "exp": NOW_S + 60 })), Ok(()));
    assert_eq!(told(json!({ "exp": NOW_S - 300 })), Ok(()));
    assert_eq!(
        told(json!({ "exp": NOW_S - 301 })),
        Err(JwtError::Expired(301))
    );
    assert_eq!(
        told(json!({ "iat": NOW_S + 301 })),
        Err(JwtError::NotYet(301))
    );
    assert_eq!(
        told(json!({ "nbf": NOW_S + 400 })),
        Err(JwtError::NotYet(400))
    );
    let long = json!({ "iat": NOW_S, "exp": NOW_S + 86_401 });
    assert_eq!(told(long), Err(JwtError::TooLong(86_401)));
    for bad in [json!("1795000000"), json!(1.5), json!(-1), json!([1])] {
        assert_eq!(told(json!({ "exp": bad })), Err(JwtError::Time("exp")));
    }
}

#[test]
fn only_rsa_of_2048_bits_is_a_key() {
    let large = generate(KeySize::Rsa3072);
    let bits = |error: KeyError| matches!(error, KeyError::Bits { bits: 3_072, .. });
    let purpose = Purpose::FireblocksRequest;
    assert!(bits(
        RequestKey::from_pem("k", purpose, &large.public).unwrap_err()
    ));
    assert!(bits(
        AnswerKey::from_pem("k", &large.private, None).unwrap_err()
    ));
    for bad in [
        "",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        &rsa(0).private,
    ] {
        let read = RequestKey::from_pem("k", purpose, bad);
        assert!(matches!(read, Err(KeyError::Form { .. })), "{bad}");
    }
    assert!(AnswerKey::from_pem("k", &rsa(0).public, None).is_err());
    // What is printed of a private key is its public fingerprint only.
    let key = AnswerKey::from_pem("k", &rsa(1).private, None).unwrap();
    let shown = format!("{key:?}");
    assert!(
        shown.contains(&key.fingerprint()) && shown.len() < 160,
        "{shown}"
    );
}

#[test]
fn key_files_that_others_may_read_are_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.pem");
    std::fs::write(&path, &rsa(1).private).unwrap();
    for (mode, good) in [(0o400, true), (0o600, true), (0o640, false), (0o604, false)] {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&path, permissions).unwrap();
        let loaded = AnswerKey::load(&path, None);
        assert_eq!(loaded.is_ok(), good, "{mode:o}");
        if let Err(error) = loaded {
            assert!(error.to_string().contains("chmod 0400"), "{error}");
        }
    }
}

#[test]
fn key_sets_are_taken_whole_or_not_at_all() {
    let good = jwk_of(2, "a");
    let read = |keys: &str| jwks::read(format!(r#"{{"keys":[{keys}]}}"#).as_bytes());
    assert_eq!(read(&good).unwrap().len(), 1);
    // Keys of other kinds and uses stand beside, and are not ours to judge.
    let elliptic = r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA","kid":"e"}"#;
    assert_eq!(read(&format!("{good},{elliptic}")).unwrap().len(), 1);
    let for_secrets = good.replace(r#""use":"sig""#, r#""use":"enc""#);
    assert!(read(&for_secrets).is_err());
    let small = URL_SAFE_NO_PAD.encode([0xff; 128]);
    for (bad, why) in [
        (String::new(), "no list"),
        (elliptic.to_owned(), "no RSA key"),
        (format!("{good},{good}"), "stands twice"),
        (good.replace("RS256", "PS256"), "not RSA for RS256"),
        (good.replace(r#""kid":"a","#, ""), "not RSA for RS256"),
        (good.replace("AQAB", "AQ"), "exponent"),
        (
            good.replace(r#""use""#, r#""d":"AA","use""#),
            "not RSA for RS256",
        ),
        (
            format!(r#"{{"kty":"RSA","kid":"s","e":"AQAB","n":"{small}"}}"#),
            "1024",
        ),
    ] {
        let error = read(&bad).unwrap_err().to_string();
        assert!(error.contains(why), "{bad}: {error}");
    }
    assert!(jwks::read(&vec![b' '; 300_000]).is_err());
}

#[test]
fn key_ids_have_a_date() {
    assert_eq!(key_ids::check("keepwhole-2026-11-23"), Ok(()));
    for bad in [
        "keepwhole",
        "keepwhole-2",
        "2026-11",
        "k-2026-13-01",
        "k-2026-00-10",
        "k-2026-11-32",
        "k-26-11-23",
        "K-2026-11-23",
        "k 2026-11-23",
        "",
    ] {
        assert!(key_ids::check(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_token_is_read_without_belief_the_same_way() {
    let token = CoSigner::new().token(&json!({ "requestId": "1" }));
    let read = jwt::read_unverified(token.as_bytes()).unwrap();
    let id = read.member("requestId").and_then(Json::as_text);
    assert_eq!(id, Some("1"));
}

#[test]
fn a_token_that_was_cut_off_anywhere_is_none() {
    let token = with_header(r#"{"alg":"RS256"}"#, &json!({ "requestId": "1" }), 0);
    assert!(verify(&token).is_ok());
    for cut in 0..token.len() {
        assert!(verify(&token[..cut]).is_err(), "{cut}");
    }
}
