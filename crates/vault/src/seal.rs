//! Sealing and committing: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha) and SHA-256, as docs/personal-data.md has them.

use crate::{RecordId, SubjectId};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Domain of the commitment.
const COMMIT_DOMAIN: &[u8] = b"keepwhole/pii/v1\0";
/// Bytes of a nonce; random ones of this size do not repeat.
pub const NONCE_BYTES: usize = 24;
/// Bytes of a salt.
pub const SALT_BYTES: usize = 32;

/// `SHA-256("keepwhole/pii/v1\0" || salt || plaintext)`: what the journal holds. It commits to the plaintext and not to
/// the ciphertext, because the cipher does not commit to its key.
#[must_use]
pub fn commit_of(salt: &[u8; SALT_BYTES], plaintext: &[u8]) -> [u8; 32] {
    let hash = Sha256::new_with_prefix(COMMIT_DOMAIN);
    hash.chain_update(salt)
        .chain_update(plaintext)
        .finalize()
        .into()
}

fn bound(subject: &SubjectId, record: &RecordId, commit: &[u8; 32]) -> [u8; 64] {
    let mut aad = [0; 64];
    let parts = subject.iter().chain(record).chain(commit);
    for (place, byte) in aad.iter_mut().zip(parts) {
        *place = *byte;
    }
    aad
}

/// Encrypts with a key and nonce under associated data; `None` only for a message of more than 256 GiB.
pub(crate) fn encrypt(
    key: &[u8; 32],
    nonce: &[u8; NONCE_BYTES],
    msg: &[u8],
    aad: &[u8],
) -> Option<Vec<u8>> {
    let cipher = XChaCha20Poly1305::new_from_slice(key).ok()?;
    cipher
        .encrypt(&XNonce::from(*nonce), Payload { msg, aad })
        .ok()
}

/// The message, if key, nonce, associated data and every byte are those that were sealed.
pub(crate) fn decrypt(
    key: &[u8; 32],
    nonce: &[u8; NONCE_BYTES],
    sealed: &[u8],
    aad: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let cipher = XChaCha20Poly1305::new_from_slice(key).ok()?;
    let payload = Payload { msg: sealed, aad };
    cipher
        .decrypt(&XNonce::from(*nonce), payload)
        .ok()
        .map(Zeroizing::new)
}

/// Seals `plaintext || salt`, bound to subject, record and commitment.
#[must_use]
pub fn seal(
    key: &[u8; 32],
    nonce: &[u8; NONCE_BYTES],
    (subject, record): (&SubjectId, &RecordId),
    salt: &[u8; SALT_BYTES],
    plaintext: &[u8],
) -> Option<Vec<u8>> {
    let commit = commit_of(salt, plaintext);
    let mut message = Zeroizing::new(Vec::with_capacity(
        plaintext.len().saturating_add(SALT_BYTES),
    ));
    message.extend_from_slice(plaintext);
    message.extend_from_slice(salt);
    encrypt(key, nonce, &message, &bound(subject, record, &commit))
}

/// The plaintext of a sealed record, if nothing of it was changed and it is what was committed to.
#[must_use]
pub fn open(
    key: &[u8; 32],
    nonce: &[u8; NONCE_BYTES],
    (subject, record): (&SubjectId, &RecordId),
    commit: &[u8; 32],
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let mut message = decrypt(key, nonce, sealed, &bound(subject, record, commit))?;
    let (plaintext, salt) = message.split_last_chunk::<SALT_BYTES>()?;
    if !same(&commit_of(salt, plaintext), commit) {
        return None;
    }
    let length = plaintext.len();
    message.truncate(length);
    Some(message)
}

/// Compares in a time that does not depend on where two digests differ.
#[must_use]
pub(crate) fn same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    let differing = a.iter().zip(b).fold(0_u8, |sum, (a, b)| sum | (a ^ b));
    std::hint::black_box(differing) == 0
}
