//! RSA keys: those that may sign requests, and those that sign our answers. 2,048 bits, in files, private ones closed to others.

use crate::json::Json;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::path::Path;
use zeroize::Zeroizing;

/// Bytes of a modulus of 2,048 bits.
const MODULUS: usize = 256;
/// Largest key file, bytes.
const FILE_MAX: u64 = 65_536;

/// What a key is for. A key is for one thing only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Signs requests of a Fireblocks co-signer.
    FireblocksRequest,
    /// Signs requests of BitGo's policy webhooks.
    BitGoRequest,
    /// Signs our answers.
    Answer,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FireblocksRequest => "requests of a Fireblocks co-signer",
            Self::BitGoRequest => "requests of BitGo",
            Self::Answer => "our answers",
        })
    }
}

/// Why there is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The file can't be read.
    #[error("{file}: {cause}")]
    File {
        /// Which.
        file: String,
        /// What the system said.
        cause: String,
    },
    /// Others may read a secret.
    #[error("{file}: mode `{mode:o}` lets others read a secret; run `chmod 0400` on it")]
    Mode {
        /// Which.
        file: String,
        /// Its mode.
        mode: u32,
    },
    /// Not a PEM of the kind needed.
    #[error("{file}: {what}")]
    Form {
        /// Which.
        file: String,
        /// What is wrong and what to give.
        what: &'static str,
    },
    /// Another size.
    #[error("{file}: an RSA key of `{bits}` bits; only 2,048 are taken")]
    Bits {
        /// Which.
        file: String,
        /// Its size.
        bits: usize,
    },
}

/// A public key that may sign requests.
#[derive(Clone)]
pub struct RequestKey {
    name: String,
    kid: Option<String>,
    purpose: Purpose,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

impl fmt::Debug for RequestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fingerprint = self.fingerprint();
        write!(f, "{} for {} ({fingerprint})", self.name, self.purpose)
    }
}

impl RequestKey {
    /// Reads a PEM of the label `PUBLIC KEY` (SubjectPublicKeyInfo), as `openssl rsa -pubout` writes.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pem(name: &str, purpose: Purpose, pem: &str) -> Result<Self, KeyError> {
        let what = "no RSA public key; give the PEM that `openssl rsa -pubout` writes";
        let form = || KeyError::Form {
            file: name.to_owned(),
            what,
        };
        let der = pem_body(pem, "PUBLIC KEY").ok_or_else(form)?;
        let public = aws_lc_rs::rsa::PublicKey::from_der(&der).map_err(|_| form())?;
        let parts = RsaPublicKeyComponents::<Vec<u8>>::from(&public);
        Self::of(name, None, purpose, parts.n, parts.e)
    }

    /// Takes one key of a JSON Web Key Set (RFC 7517). `Ok(None)` where it is for something else than signatures.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_jwk(jwk: &Json, purpose: Purpose) -> Result<Option<Self>, KeyError> {
        let text = |name| jwk.member(name).and_then(Json::as_text);
        let kid = text("kid").unwrap_or("");
        let what = "a key of the set is not RSA for RS256 with `kid`, `n` and `e`";
        let form = || KeyError::Form {
            file: format!("jwks `{}`", crate::json::shown(kid)),
            what,
        };
        if text("use").is_some_and(|usage| usage != "sig") || text("kty") != Some("RSA") {
            return Ok(None);
        }
        if jwk.member("d").is_some() || text("alg").is_some_and(|alg| alg != "RS256") {
            return Err(form());
        }
        let number = |name| {
            let text = text(name)?;
            URL_SAFE_NO_PAD.decode(text).ok()
        };
        let (Some(n), Some(e), false) = (number("n"), number("e"), kid.is_empty()) else {
            return Err(form());
        };
        Self::of(kid, Some(kid.to_owned()), purpose, n, e).map(Some)
    }

    fn of(
        name: &str,
        kid: Option<String>,
        purpose: Purpose,
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    ) -> Result<Self, KeyError> {
        let file = name.to_owned();
        let modulus = without_zeros(modulus);
        let exponent = without_zeros(exponent);
        let bits = bits_of(&modulus);
        if bits != 2_048 {
            return Err(KeyError::Bits { file, bits });
        }
        let key = Self {
            name: file,
            kid,
            purpose,
            modulus,
            exponent,
        };
        // 65,537 is what every vendor makes; smaller ones have had forgeries, and an even one is no key.
        if key.exponent != [1, 0, 1] {
            return Err(KeyError::Form {
                file: key.name,
                what: "the public exponent is not 65537",
            });
        }
        Ok(key)
    }

    /// Its name: of the settings, or the `kid` of the key set.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What tokens call it, where they do.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// What it is for.
    #[must_use]
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// SHA-256 of modulus and exponent, hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.modulus, &self.exponent)
    }

    /// Whether it signed `message` (RSASSA-PKCS1-v1_5 with SHA-256).
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        if signature.len() != MODULUS {
            return false;
        }
        RsaPublicKeyComponents {
            n: &self.modulus,
            e: &self.exponent,
        }
        .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
        .is_ok()
    }
}

/// A private key that signs our answers.
pub struct AnswerKey {
    pair: RsaKeyPair,
    kid: Option<String>,
}

impl fmt::Debug for AnswerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fingerprint = self.fingerprint();
        f.debug_struct("AnswerKey")
            .field("public", &fingerprint)
            .finish_non_exhaustive()
    }
}

impl AnswerKey {
    /// Reads a private key from a file that only its owner can read.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn load(path: &Path, kid: Option<&str>) -> Result<Self, KeyError> {
        let text = read_secret(path)?;
        Self::from_pem(&path.display().to_string(), &text, kid)
    }

    /// Reads a PEM of the label `PRIVATE KEY` (PKCS#8) or `RSA PRIVATE KEY` (PKCS#1).
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pem(file: &str, pem: &str, kid: Option<&str>) -> Result<Self, KeyError> {
        let what = "no RSA private key; give the PEM that `openssl genrsa 2048` writes";
        let form = || KeyError::Form {
            file: file.to_owned(),
            what,
        };
        let pair = match pem_body(pem, "PRIVATE KEY") {
            Some(der) => RsaKeyPair::from_pkcs8(&Zeroizing::new(der)),
            None => {
                let der = Zeroizing::new(pem_body(pem, "RSA PRIVATE KEY").ok_or_else(form)?);
                RsaKeyPair::from_der(&der)
            }
        };
        let pair = pair.map_err(|_| form())?;
        let bits = pair.public_modulus_len().saturating_mul(8);
        if bits != 2_048 {
            let file = file.to_owned();
            return Err(KeyError::Bits { file, bits });
        }
        Ok(Self {
            pair,
            kid: kid.map(str::to_owned),
        })
    }

    /// What our tokens call it, where they do.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// SHA-256 of modulus and exponent, hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let (n, e) = self.public();
        fingerprint(&n, &e)
    }

    fn public(&self) -> (Vec<u8>, Vec<u8>) {
        let parts = RsaPublicKeyComponents::<Vec<u8>>::from(self.pair.public_key());
        (without_zeros(parts.n), without_zeros(parts.e))
    }

    /// The public half as a JSON Web Key (RFC 7517), to be registered with the vendor.
    #[must_use]
    pub fn jwk(&self) -> String {
        let (n, e) = self.public();
        let text = |value: &str| Json::Text(value.to_owned()).spelled();
        let kid = self
            .kid()
            .map(|kid| format!(r#""kid":{},"#, text(kid)))
            .unwrap_or_default();
        let (n, e) = (URL_SAFE_NO_PAD.encode(n), URL_SAFE_NO_PAD.encode(e));
        format!(r#"{{"alg":"RS256","e":"{e}",{kid}"kty":"RSA","n":"{n}","use":"sig"}}"#)
    }

    /// The signature, or nothing where the library failed.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let random = SystemRandom::new();
        self.pair
            .sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
            .ok()?;
        Some(signature)
    }
}

/// The text of a file that only its owner may read. It is wiped when dropped.
///
/// # Errors
/// [`KeyError::File`], [`KeyError::Mode`].
pub fn read_secret(path: &Path) -> Result<Zeroizing<String>, KeyError> {
    use std::io::Read as _;
    use std::os::unix::fs::PermissionsExt as _;
    let file = path.display().to_string();
    let failed = |cause: std::io::Error| KeyError::File {
        file: path.display().to_string(),
        cause: cause.to_string(),
    };
    let opened = std::fs::File::open(path).map_err(failed)?;
    let known = opened.metadata().map_err(failed)?;
    let mode = known.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Mode { file, mode });
    }
    if !known.is_file() || known.len() > FILE_MAX {
        let what = "not a file of at most 64 KiB";
        return Err(KeyError::Form { file, what });
    }
    let mut text = Zeroizing::new(String::new());
    opened
        .take(FILE_MAX)
        .read_to_string(&mut text)
        .map_err(failed)?;
    Ok(text)
}

/// The text of a public file.
///
/// # Errors
/// [`KeyError::File`].
pub fn read_public(path: &Path, most: u64) -> Result<String, KeyError> {
    use std::io::Read as _;
    let failed = |cause: std::io::Error| KeyError::File {
        file: path.display().to_string(),
        cause: cause.to_string(),
    };
    let opened = std::fs::File::open(path).map_err(failed)?;
    let mut text = String::new();
    opened
        .take(most.saturating_add(1))
        .read_to_string(&mut text)
        .map_err(failed)?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > most {
        let file = path.display().to_string();
        let what = "larger than such a file may be";
        return Err(KeyError::Form { file, what });
    }
    Ok(text)
}

fn pem_body(pem: &str, label: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let text: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
    STANDARD.decode(text.as_bytes()).ok()
}

fn without_zeros(number: Vec<u8>) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.into_iter().skip(zeros).collect()
}

fn bits_of(number: &[u8]) -> usize {
    let leading = number.first().map_or(8, |byte| byte.leading_zeros());
    let leading = usize::try_from(leading).unwrap_or(8);
    number.len().saturating_mul(8).saturating_sub(leading)
}

fn fingerprint(modulus: &[u8], exponent: &[u8]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(modulus);
    hasher.update(exponent);
    keepwhole_verify::json::to_hex(&hasher.finalize())
}
