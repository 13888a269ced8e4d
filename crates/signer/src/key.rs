//! The key to funds: behind a trait, asked only with what the checks let through.

use crate::refusal::Refusal;
use crate::request::Request;
use crate::signer::{Permit, Signer};
use keepwhole_payload::ToSign;

/// A key to funds, wherever it lies.
pub trait SigningKey {
    /// Its id, as in `signer.toml` and in clearances.
    fn id(&self) -> &str;

    /// Signs: a digest of 32 bytes (secp256k1), or a whole message (Ed25519).
    ///
    /// # Errors
    /// Why the key did not sign, in words.
    fn sign(&self, to_sign: &ToSign) -> Result<Vec<u8>, String>;
}

/// Asks `signer` and, where it permits, signs everything that the payload needs, in order of its inputs.
///
/// # Errors
/// The refusal; [`Refusal::KeyUnknown`] if the permit is for another key than `key`; [`Refusal::KeyFailed`].
pub fn signed_with(
    signer: &Signer,
    request: &Request<'_>,
    key: &dyn SigningKey,
) -> Result<(Permit, Vec<Vec<u8>>), Refusal> {
    let permit = signer.sign(request)?;
    if permit.key() != key.id() {
        return Err(Refusal::KeyUnknown {
            key: permit.key().to_owned(),
        });
    }
    let sign = |to_sign| key.sign(to_sign).map_err(|why| Refusal::KeyFailed { why });
    let signatures = permit
        .to_sign()
        .iter()
        .map(sign)
        .collect::<Result<_, _>>()?;
    Ok((permit, signatures))
}
