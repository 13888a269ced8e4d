//! JWTs with several signatures: JSON Web Signature in its general JSON form (RFC 7515, 7.2.1), RS256 only.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Most signatures that are looked at.
const SIGNATURES_MAX: usize = 16;

/// A key that may sign: its id in the messages, and the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// The `kid` of its signatures.
    pub id: String,
    /// PKCS#1 or SubjectPublicKeyInfo in DER, as AWS-LC reads it.
    der: Vec<u8>,
}

/// Why a message is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// Not a JWT in general JSON form.
    #[error("not a JWT with `payload` and `signatures`: {0}")]
    Form(String),
    /// A field that is not base64url.
    #[error("`{0}` is not base64url without padding")]
    Base64(&'static str),
    /// Another algorithm.
    #[error("signature of `{kid}` has algorithm `{alg}`; only `RS256` is taken")]
    Algorithm {
        /// Whose.
        kid: String,
        /// Which.
        alg: String,
    },
    /// A known key's signature does not fit.
    #[error("the signature of `{kid}` does not fit the message")]
    Signature {
        /// Whose.
        kid: String,
    },
    /// Too few known keys signed.
    #[error("`{valid}` known keys signed and `{needs}` are needed")]
    TooFew {
        /// Valid signatures of known keys.
        valid: usize,
        /// Needed.
        needs: usize,
    },
}

/// Why a file holds no public key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no RSA public key: {0}; give the PEM that `openssl rsa -pubout` writes")]
pub struct KeyError(&'static str);

#[derive(Deserialize)]
struct Message {
    payload: String,
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    protected: String,
    #[serde(default)]
    header: Unprotected,
    signature: String,
}

#[derive(Deserialize, Default)]
struct Unprotected {
    kid: Option<String>,
}

#[derive(Deserialize)]
struct Protected {
    alg: String,
    kid: Option<String>,
    crit: Option<serde_json::Value>,
}

impl PublicKey {
    /// Reads a PEM of the label `PUBLIC KEY`.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pem(id: &str, pem: &str) -> Result<Self, KeyError> {
        let inside = pem
            .split_once("-----BEGIN PUBLIC KEY-----")
            .and_then(|(_, rest)| rest.split_once("-----END PUBLIC KEY-----"))
            .ok_or(KeyError("no `BEGIN PUBLIC KEY` and `END PUBLIC KEY`"))?;
        let text: String = inside.0.split_ascii_whitespace().collect();
        let der = STANDARD
            .decode(text)
            .map_err(|_| KeyError("its inside is not base64"))?;
        let key = Self {
            id: id.to_owned(),
            der,
        };
        // A key that AWS-LC can't read verifies nothing; said here and not at the first message.
        let parsed =
            aws_lc_rs::signature::ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key.der);
        parsed.map_err(|_| KeyError("not RSA of 2,048 to 8,192 bits"))?;
        Ok(key)
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.der)
            .verify(message, signature)
            .is_ok()
    }
}

/// The payload of a message that `needs` distinct known keys signed. A known key's signature that does not fit refuses
/// the message; signatures of unknown keys are not looked at.
///
/// # Errors
/// [`JwsError`].
pub fn verify(message: &[u8], keys: &[PublicKey], needs: usize) -> Result<Vec<u8>, JwsError> {
    let message: Message =
        serde_json::from_slice(message).map_err(|error| JwsError::Form(error.to_string()))?;
    if message.signatures.len() > SIGNATURES_MAX {
        let what = format!("more than {SIGNATURES_MAX} signatures");
        return Err(JwsError::Form(what));
    }
    let mut valid = BTreeSet::new();
    for signature in &message.signatures {
        let protected = decode("protected", &signature.protected)?;
        let protected: Protected = serde_json::from_slice(&protected)
            .map_err(|error| JwsError::Form(format!("`protected`: {error}")))?;
        let kid = protected.kid.as_ref().or(signature.header.kid.as_ref());
        let Some(key) = kid.and_then(|kid| keys.iter().find(|key| key.id == *kid)) else {
            continue;
        };
        let kid = key.id.clone();
        if protected.alg != "RS256" || protected.crit.is_some() {
            let alg = protected.alg;
            return Err(JwsError::Algorithm { kid, alg });
        }
        let bytes = decode("signature", &signature.signature)?;
        let signed = format!("{}.{}", signature.protected, message.payload);
        if !key.verifies(signed.as_bytes(), &bytes) {
            return Err(JwsError::Signature { kid });
        }
        valid.insert(kid);
    }
    if valid.len() < needs.max(1) {
        let (valid, needs) = (valid.len(), needs.max(1));
        return Err(JwsError::TooFew { valid, needs });
    }
    decode("payload", &message.payload)
}

fn decode(field: &'static str, text: &str) -> Result<Vec<u8>, JwsError> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| JwsError::Base64(field))
}
