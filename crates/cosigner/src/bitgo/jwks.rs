//! BitGo's public keys: a JSON Web Key Set from a file or an address of the settings, never from a token.

use crate::json::{Json, JsonError};
use crate::keys::{KeyError, Purpose, RequestKey};

/// Largest key set, bytes.
pub const BYTES_MAX: usize = 262_144;
/// Most keys of a set.
const KEYS_MAX: usize = 64;

/// Why a text is no key set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// Larger than is read.
    #[error("a key set of `{0}` bytes; at most `{BYTES_MAX}` are read")]
    TooLarge(usize),
    /// Not JSON.
    #[error("key set: {0}")]
    Json(#[from] JsonError),
    /// No list `keys`, or too many.
    #[error("key set: no list `keys` of 1 to {KEYS_MAX} keys")]
    Form,
    /// A key of the set.
    #[error("key set: {0}")]
    Key(#[from] KeyError),
    /// Two keys of one name.
    #[error("key set: `kid` `{0}` stands twice")]
    Repeated(String),
    /// None that could sign a request.
    #[error("key set: no RSA key of 2,048 bits for signatures")]
    None,
}

/// The keys of a set that may sign requests.
///
/// # Errors
/// [`JwksError`]; a set with one bad key is refused whole.
pub fn read(bytes: &[u8]) -> Result<Vec<RequestKey>, JwksError> {
    if bytes.len() > BYTES_MAX {
        return Err(JwksError::TooLarge(bytes.len()));
    }
    let set = Json::parse(bytes)?;
    let keys = set.member("keys").and_then(Json::as_list);
    let keys = keys.filter(|keys| (1..=KEYS_MAX).contains(&keys.len()));
    let mut all: Vec<RequestKey> = Vec::new();
    for jwk in keys.ok_or(JwksError::Form)? {
        let Some(key) = RequestKey::from_jwk(jwk, Purpose::BitGoRequest)? else {
            continue;
        };
        if all.iter().any(|known| known.kid() == key.kid()) {
            return Err(JwksError::Repeated(crate::json::shown(key.name())));
        }
        all.push(key);
    }
    if all.is_empty() {
        return Err(JwksError::None);
    }
    Ok(all)
}
