//! Key ids at BitGo: used once, for one key, for good. The vendor never takes a `keyId` again, even after revocation.

/// Why a `keyId` is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyIdError {
    /// No date in it.
    #[error(
        "`{0}` has no date in it; name keys such as `keepwhole-2026-11-23`, as the vendor never takes an id twice"
    )]
    NoDate(String),
    /// Not lower-case letters, digits and hyphens.
    #[error("`{0}` is not 1 to 64 lower-case letters, digits and hyphens")]
    Form(String),
    /// Used before, for another key.
    #[error("`{0}` was used for another key before; give the new key a new id with today's date")]
    Reused(String),
}

/// Whether a `keyId` has the form `...-YYYY-MM-DD`.
///
/// # Errors
/// [`KeyIdError::Form`], [`KeyIdError::NoDate`].
pub fn check(id: &str) -> Result<(), KeyIdError> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !(1..=64).contains(&id.len()) || !id.bytes().all(fits) {
        return Err(KeyIdError::Form(crate::json::shown(id)));
    }
    let mut parts = id.rsplit('-');
    let mut number = |length: usize, most: u16| {
        let part = parts.next().unwrap_or("");
        let number = part.parse::<u16>().unwrap_or(0);
        part.len() == length && (1..=most).contains(&number)
    };
    let dated = number(2, 31) && number(2, 12) && number(4, 9_999);
    if dated {
        Ok(())
    } else {
        Err(KeyIdError::NoDate(id.to_owned()))
    }
}
