//! Witness cosignatures (c2sp.org/tlog-cosignature): "this is the largest consistent tree I had seen at this time".

use crate::note::{KeyKind, NoteError, SignatureLine, VerifierKey};
use alloc::string::String;
use ed25519_dalek::{Signer as _, SigningKey};

/// What a cosignature signs: a header, the time in seconds since the epoch, and the whole checkpoint text.
#[must_use]
pub fn message(time: u64, checkpoint_text: &str) -> String {
    alloc::format!("cosignature/v1\ntime {time}\n{checkpoint_text}")
}

/// Verifies the part of a signature line after the key id, `u64 time || signature`; gives the time it states.
///
/// `None` for another length, a time of 2^63 or more, or a signature that does not verify strictly.
#[must_use]
pub fn verify(key: &VerifierKey, checkpoint_text: &str, blob: &[u8]) -> Option<u64> {
    let (time, signature) = blob.split_first_chunk::<8>()?;
    let time = u64::from_be_bytes(*time);
    if time >= 1 << 63 || key.kind() != KeyKind::CosignatureEd25519 {
        return None;
    }
    key.verifies(message(time, checkpoint_text).as_bytes(), signature)
        .then_some(time)
}

/// A witness's Ed25519 key in memory.
pub struct Witness {
    secret: SigningKey,
    key: VerifierKey,
}

impl Witness {
    /// Takes the witness's name and its 32 secret bytes (RFC 8032).
    ///
    /// # Errors
    /// [`NoteError::KeyName`].
    pub fn new(name: &str, secret: &[u8; 32]) -> Result<Self, NoteError> {
        let secret = SigningKey::from_bytes(secret);
        let key = VerifierKey::new(
            name,
            KeyKind::CosignatureEd25519,
            secret.verifying_key().as_bytes(),
        )?;
        Ok(Self { secret, key })
    }

    /// The public side.
    #[must_use]
    pub const fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// The line that cosigns `checkpoint_text` at `time`, in seconds since the epoch.
    #[must_use]
    pub fn cosign(&self, time: u64, checkpoint_text: &str) -> SignatureLine {
        let mut blob = time.to_be_bytes().to_vec();
        blob.extend_from_slice(
            &self
                .secret
                .sign(message(time, checkpoint_text).as_bytes())
                .to_bytes(),
        );
        SignatureLine {
            name: String::from(self.key.name()),
            id: self.key.id(),
            blob,
        }
    }
}

impl core::fmt::Debug for Witness {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Witness({})", self.key)
    }
}
