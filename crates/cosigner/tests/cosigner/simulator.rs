//! Simulators of both vendors: they sign and read tokens with another implementation (`jsonwebtoken`), and misbehave.
//!
//! No vendor program was at hand; these do what the public pages say.

use crate::harness::rsa;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde_json::{Value, json};

/// A Fireblocks co-signer.
pub(crate) struct CoSigner {
    key: EncodingKey,
    answers: DecodingKey,
}

/// What a vendor, or somebody in its place, may do wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Misbehaviour {
    /// A signature of a stranger's key.
    Stranger,
    /// One bit of the signature.
    BadSignature,
    /// One byte of the claims after signing.
    Edited,
    /// `alg` none, no signature.
    AlgorithmNone,
    /// HS256 with the public key as secret.
    AlgorithmShared,
    /// RS512 by the right key.
    OtherAlgorithm,
    /// A `kid` that nobody knows.
    OtherKid,
    /// The key in the token.
    OwnKey,
    /// An address of keys in the token.
    OwnKeys,
    /// Plain JSON where a token is due.
    WrongMode,
    /// Half a token.
    Cut,
}

impl Misbehaviour {
    pub(crate) const ALL: [Self; 11] = [
        Self::Stranger,
        Self::BadSignature,
        Self::Edited,
        Self::AlgorithmNone,
        Self::AlgorithmShared,
        Self::OtherAlgorithm,
        Self::OtherKid,
        Self::OwnKey,
        Self::OwnKeys,
        Self::WrongMode,
        Self::Cut,
    ];
}

fn signed(header: &Header, claims: &Value, key: &EncodingKey) -> String {
    encode(header, claims, key).unwrap()
}

fn key(number: usize) -> EncodingKey {
    EncodingKey::from_rsa_pem(rsa(number).private.as_bytes()).unwrap()
}

/// What a vendor reads of a token that we signed.
pub(crate) fn read(token: &str, answers: &DecodingKey) -> Value {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    decode::<Value>(token, answers, &validation).unwrap().claims
}

impl CoSigner {
    pub(crate) fn new() -> Self {
        Self {
            key: key(0),
            answers: DecodingKey::from_rsa_pem(rsa(1).public.as_bytes()).unwrap(),
        }
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        signed(&Header::new(Algorithm::RS256), claims, &self.key)
    }

    pub(crate) fn reads(&self, token: &str) -> Value {
        read(token, &self.answers)
    }

    pub(crate) fn misbehaves(&self, how: Misbehaviour, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::RS256);
        match how {
            Misbehaviour::Stranger => signed(&header, claims, &key(4)),
            Misbehaviour::BadSignature => flipped(&self.token(claims)),
            Misbehaviour::Edited => edited(&self.token(claims)),
            Misbehaviour::AlgorithmNone => unsigned(claims),
            Misbehaviour::AlgorithmShared => {
                let secret = EncodingKey::from_secret(rsa(0).public.as_bytes());
                signed(&Header::new(Algorithm::HS256), claims, &secret)
            }
            Misbehaviour::OtherAlgorithm => {
                signed(&Header::new(Algorithm::RS512), claims, &self.key)
            }
            Misbehaviour::OtherKid => {
                header.kid = Some("another".to_owned());
                signed(&header, claims, &self.key)
            }
            Misbehaviour::OwnKey => {
                let jwk = crate::tokens::jwk_of(4, "mine");
                with_header(&format!(r#"{{"alg":"RS256","jwk":{jwk}}}"#), claims, 4)
            }
            Misbehaviour::OwnKeys => {
                header.jku = Some("https://thief.example/keys".to_owned());
                signed(&header, claims, &key(4))
            }
            Misbehaviour::WrongMode => claims.to_string(),
            Misbehaviour::Cut => {
                let token = self.token(claims);
                token.split_at(token.len() / 2).0.to_owned()
            }
        }
    }
}

fn base64url(text: impl AsRef<[u8]>) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
}

/// A token with any header, well signed by a key of the test.
pub(crate) fn with_header(header: &str, claims: &Value, number: usize) -> String {
    with_parts(header, &claims.to_string(), number)
}

/// A token with any header and payload, well signed by a key of the test.
pub(crate) fn with_parts(header: &str, payload: &str, number: usize) -> String {
    let text = format!("{}.{}", base64url(header), base64url(payload));
    let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &key(number), Algorithm::RS256);
    format!("{text}.{}", signature.unwrap())
}

fn unsigned(claims: &Value) -> String {
    let header = json!({ "alg": "none", "typ": "JWT" });
    format!(
        "{}.{}.",
        base64url(header.to_string()),
        base64url(claims.to_string())
    )
}

fn flipped(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{signed}.{first}{}", &signature[1..])
}

fn edited(token: &str) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let claims = String::from_utf8(engine.decode(parts[1]).unwrap()).unwrap();
    let claims = claims.replacen("0.01", "9.01", 1);
    format!("{}.{}.{}", parts[0], base64url(claims), parts[2])
}

/// BitGo's policy engine.
pub(crate) struct BitGo {
    key: EncodingKey,
    answers: DecodingKey,
}

impl BitGo {
    pub(crate) fn new() -> Self {
        Self {
            key: key(2),
            answers: DecodingKey::from_rsa_pem(rsa(3).public.as_bytes()).unwrap(),
        }
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some("bitgo-1".to_owned());
        signed(&header, claims, &self.key)
    }

    pub(crate) fn reads(&self, token: &str) -> Value {
        read(token, &self.answers)
    }
}
