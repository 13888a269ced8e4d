//! Compact JWTs (RFC 7515, RFC 7519), RS256 with RSA 2048 only: the one algorithm that both vendors' public pages name.
//!
//! The header is read strictly before any key is used. An algorithm is never taken from the token: `alg` must say
//! RS256, and everything that would choose or carry a key (`jwk`, `jku`, `x5u`, `x5c`, `crit`) is refused by name.

use crate::json::{Json, JsonError, shown};
use crate::keys::{AnswerKey, Purpose, RequestKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Longest token, bytes. A raw transaction of 128 KiB in hexadecimal, in base64, fits.
pub const TOKEN_MAX: usize = 512 * 1024;
/// How far a vendor's clock may be from ours, seconds.
pub const SKEW_S: u64 = 300;
/// Latest time that a token may say it expires after it was issued, seconds.
const LIFE_S: u64 = 86_400;

/// Why a token is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// Longer than is read.
    #[error("token of `{0}` bytes; at most `{TOKEN_MAX}` are read")]
    Oversized(usize),
    /// Not three base64url parts with points between.
    #[error("not three base64url parts with points between")]
    Form,
    /// A header or payload that is no JSON object of the allowed form.
    #[error("{part}: {cause}")]
    Json {
        /// `header` or `payload`.
        part: &'static str,
        /// What is wrong.
        cause: JsonError,
    },
    /// A header or payload that is JSON, but no object.
    #[error("{0} is no object")]
    NoObject(&'static str),
    /// `alg` says that there is no signature.
    #[error("`alg` is `none`; an unsigned token says nothing")]
    AlgorithmNone,
    /// `alg` names a shared secret: the public key would be taken for one.
    #[error("`alg` is `{0}`, which takes a shared secret; the public key is none")]
    AlgorithmShared(String),
    /// Another algorithm.
    #[error("`alg` is `{0}`; only `RS256` is taken")]
    Algorithm(String),
    /// A header field that would choose or carry a key, or that must be understood.
    #[error("header field `{0}` is refused; keys come from the settings only")]
    HeaderField(String),
    /// `typ` of something else.
    #[error("`typ` is `{0}`; only `JWT` is taken")]
    Type(String),
    /// `kid` names no key of the settings.
    #[error("`kid` is `{0}`, which is no known key")]
    OtherKey(String),
    /// `kid` names a key that is for something else.
    #[error("the key `{kid}` is for {found}, not for {needs}")]
    Purpose {
        /// Which.
        kid: String,
        /// What it is for.
        found: Purpose,
        /// What is asked.
        needs: Purpose,
    },
    /// The signature fits none of the keys that may sign this.
    #[error("the signature fits no key that may sign this")]
    Signature,
    /// `iat`, `nbf` or `exp` that is no whole number of seconds.
    #[error("`{0}` is no whole number of seconds")]
    Time(&'static str),
    /// Too old.
    #[error("expired `{0}` seconds ago")]
    Expired(u64),
    /// From the future.
    #[error("valid only in `{0}` seconds")]
    NotYet(u64),
    /// `exp` too far from `iat`.
    #[error("valid for `{0}` seconds; at most `{LIFE_S}` are taken")]
    TooLong(u64),
}

/// A token that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The claims, all of them.
    pub claims: Json,
    /// Name of the key that signed, from the settings or the key set.
    pub key: String,
}

struct Parts<'t> {
    signed: &'t str,
    kid: Option<String>,
    claims: Json,
    signature: Vec<u8>,
}

/// Verifies a compact token with the keys that are for `purpose`; `now` is in seconds since the epoch.
///
/// Where the token names a key (`kid`), only that one is tried. Where it names none, as Fireblocks' do, each key of
/// the purpose is.
///
/// # Errors
/// [`JwtError`].
pub fn verify(
    token: &[u8],
    keys: &[RequestKey],
    purpose: Purpose,
    now: u64,
) -> Result<Verified, JwtError> {
    let parts = parts(token)?;
    let named = match &parts.kid {
        None => None,
        Some(kid) => {
            let found = keys.iter().filter(|key| key.kid() == Some(kid));
            let mut purposes = found.map(RequestKey::purpose);
            match purposes.next() {
                None => return Err(JwtError::OtherKey(shown(kid))),
                Some(found) if found != purpose && purposes.all(|other| other != purpose) => {
                    return Err(JwtError::Purpose {
                        kid: shown(kid),
                        found,
                        needs: purpose,
                    });
                }
                Some(_) => Some(kid),
            }
        }
    };
    let mut candidates = keys.iter().filter(|key| {
        key.purpose() == purpose && (named.is_none() || key.kid() == named.map(String::as_str))
    });
    let key = candidates
        .find(|key| key.verifies(parts.signed.as_bytes(), &parts.signature))
        .ok_or(JwtError::Signature)?;
    times(&parts.claims, now)?;
    Ok(Verified {
        claims: parts.claims,
        key: key.name().to_owned(),
    })
}

/// Reads a token without believing it: what the fuzz target and [`verify`] have in common.
///
/// # Errors
/// [`JwtError`], other than those of keys, signatures and times.
pub fn read_unverified(token: &[u8]) -> Result<Json, JwtError> {
    parts(token).map(|parts| parts.claims)
}

fn parts(token: &[u8]) -> Result<Parts<'_>, JwtError> {
    if token.len() > TOKEN_MAX {
        return Err(JwtError::Oversized(token.len()));
    }
    let text = std::str::from_utf8(token).map_err(|_| JwtError::Form)?;
    let text = text.trim_end_matches(['\r', '\n']);
    let (signed, signature) = text.rsplit_once('.').ok_or(JwtError::Form)?;
    let (header, payload) = signed.split_once('.').ok_or(JwtError::Form)?;
    // The engine refuses padding and stray bits, so each part has one spelling.
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| JwtError::Form);
    let header = object("header", &decode(header)?)?;
    let kid = read_header(&header)?;
    let claims = object("payload", &decode(payload)?)?;
    let signature = decode(signature)?;
    Ok(Parts {
        signed,
        kid,
        claims,
        signature,
    })
}

fn object(part: &'static str, bytes: &[u8]) -> Result<Json, JwtError> {
    let read = Json::parse(bytes).map_err(|cause| JwtError::Json { part, cause })?;
    match read {
        Json::Object(_) => Ok(read),
        _ => Err(JwtError::NoObject(part)),
    }
}

/// The `kid`, where there is one.
fn read_header(header: &Json) -> Result<Option<String>, JwtError> {
    for field in ["jwk", "jku", "x5u", "x5c", "crit", "b64", "zip"] {
        if header.member(field).is_some() {
            return Err(JwtError::HeaderField(field.to_owned()));
        }
    }
    let alg = header.member("alg").and_then(Json::as_text).unwrap_or("");
    match alg {
        "RS256" => {}
        _ if alg.eq_ignore_ascii_case("none") => return Err(JwtError::AlgorithmNone),
        _ if alg.to_ascii_uppercase().starts_with("HS") => {
            return Err(JwtError::AlgorithmShared(shown(alg)));
        }
        _ => return Err(JwtError::Algorithm(shown(alg))),
    }
    match header.member("typ") {
        None => {}
        Some(Json::Text(kind)) if kind.eq_ignore_ascii_case("JWT") => {}
        Some(other) => return Err(JwtError::Type(shown(&other.spelled()))),
    }
    match header.member("kid") {
        None => Ok(None),
        Some(Json::Text(kid)) => Ok(Some(kid.clone())),
        Some(other) => Err(JwtError::OtherKey(shown(&other.spelled()))),
    }
}

/// Times are optional, as the vendors' pages name none; where one is there it counts.
fn times(claims: &Json, now: u64) -> Result<(), JwtError> {
    let second = |name: &'static str| match claims.member(name) {
        None => Ok(None),
        Some(Json::Number(number)) => match number.parse::<u64>() {
            Ok(seconds) => Ok(Some(seconds)),
            Err(_) => Err(JwtError::Time(name)),
        },
        Some(_) => Err(JwtError::Time(name)),
    };
    let (issued, starts, ends) = (second("iat")?, second("nbf")?, second("exp")?);
    for from in [issued, starts].into_iter().flatten() {
        let early = from.saturating_sub(now);
        if early > SKEW_S {
            return Err(JwtError::NotYet(early));
        }
    }
    if let Some(ends) = ends {
        let late = now.saturating_sub(ends);
        if late > SKEW_S {
            return Err(JwtError::Expired(late));
        }
        if let Some(issued) = issued {
            let life = ends.saturating_sub(issued);
            if life > LIFE_S {
                return Err(JwtError::TooLong(life));
            }
        }
    }
    Ok(())
}

/// A token over `claims` (a JSON object), signed by `key`.
///
/// # Errors
/// [`SignError`].
pub fn sign(claims: &str, key: &AnswerKey) -> Result<String, SignError> {
    let header = match key.kid() {
        None => r#"{"alg":"RS256","typ":"JWT"}"#.to_owned(),
        Some(kid) => {
            let kid = Json::Text(kid.to_owned()).spelled();
            format!(r#"{{"alg":"RS256","kid":{kid},"typ":"JWT"}}"#)
        }
    };
    let mut token = URL_SAFE_NO_PAD.encode(header);
    token.push('.');
    token.push_str(&URL_SAFE_NO_PAD.encode(claims));
    let signature = key.sign(token.as_bytes()).ok_or(SignError)?;
    token.push('.');
    token.push_str(&URL_SAFE_NO_PAD.encode(signature));
    Ok(token)
}

/// The library could not sign: out of memory or of randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer could not be signed")]
pub struct SignError;
