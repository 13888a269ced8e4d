//! Messages as Peatio signs them, and what is not believed.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::encoding::PublicKeyX509Der;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use keepwhole_peatio::jws::{JwsError, PublicKey, verify};
use serde_json::{Value, json};

pub(crate) struct Signer {
    pub(crate) id: &'static str,
    pair: RsaKeyPair,
}

impl Signer {
    pub(crate) fn new(id: &'static str) -> Self {
        Self {
            id,
            pair: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
        }
    }

    pub(crate) fn pem(&self) -> String {
        let der: PublicKeyX509Der<'_> = self.pair.public_key().as_der().unwrap();
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(der.as_ref())
        )
    }

    pub(crate) fn key(&self) -> PublicKey {
        PublicKey::from_pem(self.id, &self.pem()).unwrap()
    }

    fn signature(&self, payload: &str, alg: &str) -> Value {
        let protected = URL_SAFE_NO_PAD.encode(json!({ "alg": alg }).to_string());
        let mut out = vec![0; self.pair.public_modulus_len()];
        let message = format!("{protected}.{payload}");
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message.as_bytes(),
                &mut out,
            )
            .unwrap();
        json!({ "protected": protected, "header": { "kid": self.id }, "signature": URL_SAFE_NO_PAD.encode(out) })
    }
}

pub(crate) fn message(claims: &Value, signers: &[&Signer]) -> Vec<u8> {
    let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
    let signatures: Vec<Value> = signers
        .iter()
        .map(|signer| signer.signature(&payload, "RS256"))
        .collect();
    json!({ "payload": payload, "signatures": signatures })
        .to_string()
        .into_bytes()
}

#[test]
fn a_message_counts_with_enough_known_signatures_and_not_otherwise() {
    let (peatio, barong, mallory) = (
        Signer::new("peatio"),
        Signer::new("barong"),
        Signer::new("mallory"),
    );
    let keys = [peatio.key(), barong.key()];
    let claims = json!({ "iss": "peatio" });
    let both = message(&claims, &[&peatio, &barong]);
    assert_eq!(
        verify(&both, &keys, 2).unwrap(),
        claims.to_string().into_bytes()
    );
    let one = message(&claims, &[&peatio]);
    assert!(verify(&one, &keys, 1).is_ok());
    assert_eq!(
        verify(&one, &keys, 2),
        Err(JwsError::TooFew { valid: 1, needs: 2 })
    );
    // The same key twice is one key; a stranger is nobody; no signature is never enough.
    let twice = message(&claims, &[&peatio, &peatio]);
    assert_eq!(
        verify(&twice, &keys, 2),
        Err(JwsError::TooFew { valid: 1, needs: 2 })
    );
    let stranger = message(&claims, &[&mallory]);
    assert_eq!(
        verify(&stranger, &keys, 1),
        Err(JwsError::TooFew { valid: 0, needs: 1 })
    );
    assert_eq!(
        verify(&message(&claims, &[]), &keys, 0),
        Err(JwsError::TooFew { valid: 0, needs: 1 })
    );
}

#[test]
fn a_forged_message_is_refused_by_name() {
    let peatio = Signer::new("peatio");
    let keys = [peatio.key()];
    let good: Value =
        serde_json::from_slice(&message(&json!({ "iss": "peatio" }), &[&peatio])).unwrap();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut message = good.clone();
        change(&mut message);
        verify(message.to_string().as_bytes(), &keys, 1)
    };
    let other = URL_SAFE_NO_PAD.encode(json!({ "iss": "peatio", "more": 1 }).to_string());
    let kid = || "peatio".to_owned();
    assert_eq!(
        changed(&|m| m["payload"] = json!(other)),
        Err(JwsError::Signature { kid: kid() })
    );
    for alg in ["none", "HS256", "RS384"] {
        let protected = URL_SAFE_NO_PAD.encode(json!({ "alg": alg }).to_string());
        let told = changed(&|m| m["signatures"][0]["protected"] = json!(protected));
        assert_eq!(
            told,
            Err(JwsError::Algorithm {
                kid: kid(),
                alg: alg.to_owned()
            })
        );
    }
    assert_eq!(
        changed(&|m| m["signatures"][0]["signature"] = json!("a+b=")),
        Err(JwsError::Base64("signature"))
    );
    assert!(matches!(
        changed(&|m| m["signatures"] = json!(vec![m["signatures"][0].clone(); 17])),
        Err(JwsError::Form(_))
    ));
    assert!(matches!(verify(b"{", &keys, 1), Err(JwsError::Form(_))));
}

#[test]
fn a_file_that_is_no_key_is_refused() {
    let pem = Signer::new("peatio").pem();
    assert!(PublicKey::from_pem("peatio", &pem).is_ok());
    for wrong in [
        "",
        "-----BEGIN PUBLIC KEY-----\n!!\n-----END PUBLIC KEY-----",
        &pem.replace("PUBLIC", "PRIVATE"),
        &pem.replacen("MII", "AAA", 1),
    ] {
        assert!(PublicKey::from_pem("peatio", wrong).is_err(), "{wrong}");
    }
}
