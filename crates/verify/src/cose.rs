//! Public keys of authenticators as COSE keys (RFC 9052, RFC 9053) in the one encoding that CTAP2 allows, and the two
//! signatures that count: ES256 over P-256 and EdDSA over Ed25519.
//!
//! Format: docs/approvals.md, "Public keys". Any other algorithm is refused by name, so that no enrolled key can ever be
//! checked by another rule than its own.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use p256::ecdsa::signature::Verifier as _;

use crate::note::{KeyKind, VerifierKey};

/// COSE algorithm of ES256.
const ES256: i32 = -7;
/// COSE algorithm of EdDSA.
const EDDSA: i32 = -8;

/// A public key of an authenticator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PublicKey {
    /// ECDSA on P-256 with SHA-256, a point of the curve.
    Es256 {
        /** Big-endian. */
        x: [u8; 32],
        /** Big-endian. */
        y: [u8; 32],
    },
    /// Ed25519, canonical and not of small order.
    Ed25519([u8; 32]),
}

/// Why bytes are no public key that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyRefusal {
    /// Not one map in canonical CBOR of small integers and byte strings.
    Encoding,
    /// Key type other than 1 (OKP) or 2 (EC2).
    KeyType(Option<i32>),
    /// Algorithm other than -7 with EC2 or -8 with OKP; none at all counts too.
    Algorithm(Option<i32>),
    /// Curve other than 1 (P-256) with EC2 or 6 (Ed25519) with OKP.
    Curve(Option<i32>),
    /// A parameter is missing, too many, or not of 32 bytes.
    Parameters,
    /// No point of the curve, or for Ed25519 not canonical or of small order.
    Point,
}

impl KeyRefusal {
    /// A stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Encoding => "key_encoding",
            Self::KeyType(_) => "key_type",
            Self::Algorithm(_) => "key_algorithm",
            Self::Curve(_) => "key_curve",
            Self::Parameters => "key_parameters",
            Self::Point => "key_point",
        }
    }
}

impl fmt::Display for KeyRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |value: &Option<i32>| {
            value.map_or(String::from("none"), |value| alloc::format!("`{value}`"))
        };
        match self {
            Self::Encoding => f.write_str("the public key is not one map in canonical CBOR"),
            Self::KeyType(value) => write!(
                f,
                "key type {}: must be `2` (EC2) or `1` (OKP)",
                number(value)
            ),
            Self::Algorithm(value) => write!(
                f,
                "algorithm {}: must be `-7` (ES256) with EC2 or `-8` (EdDSA) with OKP",
                number(value)
            ),
            Self::Curve(value) => write!(
                f,
                "curve {}: must be `1` (P-256) with EC2 or `6` (Ed25519) with OKP",
                number(value)
            ),
            Self::Parameters => f.write_str(
                "the public key must hold exactly kty, alg, crv, x and, on P-256, y, with 32 bytes each for x and y",
            ),
            Self::Point => f.write_str("the public key is no usable point of its curve"),
        }
    }
}

impl core::error::Error for KeyRefusal {}

/// A value of a COSE key as far as one is read here.
enum Item<'a> {
    Number(i32),
    Bytes(&'a [u8]),
    Other,
}

impl PublicKey {
    /// Reads a COSE key; the whole of `bytes` must be the key.
    ///
    /// # Errors
    /// A [`KeyRefusal`].
    pub fn from_cose(bytes: &[u8]) -> Result<Self, KeyRefusal> {
        let members = read_map(bytes).ok_or(KeyRefusal::Encoding)?;
        let find = |label: i32| {
            members
                .iter()
                .find(|(key, _)| *key == label)
                .map(|(_, item)| item)
        };
        let number = |label: i32| match find(label) {
            Some(Item::Number(number)) => Some(*number),
            _ => None,
        };
        let field = |label: i32| match find(label) {
            Some(Item::Bytes(bytes)) => <[u8; 32]>::try_from(*bytes).ok(),
            _ => None,
        };
        let (algorithm, curve, parameters) = match number(1) {
            Some(2) => (ES256, 1, 5),
            Some(1) => (EDDSA, 6, 4),
            other => return Err(KeyRefusal::KeyType(other)),
        };
        if number(3) != Some(algorithm) {
            return Err(KeyRefusal::Algorithm(number(3)));
        }
        if number(-1) != Some(curve) {
            return Err(KeyRefusal::Curve(number(-1)));
        }
        if members.len() != parameters {
            return Err(KeyRefusal::Parameters);
        }
        let x = field(-2).ok_or(KeyRefusal::Parameters)?;
        let key = if algorithm == ES256 {
            let y = field(-3).ok_or(KeyRefusal::Parameters)?;
            Self::Es256 { x, y }
        } else {
            Self::Ed25519(x)
        };
        key.check()?;
        Ok(key)
    }

    fn check(&self) -> Result<(), KeyRefusal> {
        let usable = match self {
            Self::Es256 { x, y } => p256_key(x, y).is_some(),
            Self::Ed25519(public) => ed25519_key(public).is_some(),
        };
        if usable {
            Ok(())
        } else {
            Err(KeyRefusal::Point)
        }
    }

    /// The COSE key: 77 bytes of EC2, 42 of OKP.
    #[must_use]
    pub fn to_cose(&self) -> Vec<u8> {
        match self {
            // {1: 2, 3: -7, -1: 1, -2: x, -3: y}
            Self::Es256 { x, y } => [
                &[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32][..],
                x,
                &[0x22, 0x58, 32],
                y,
            ]
            .concat(),
            // {1: 1, 3: -8, -1: 6, -2: x}
            Self::Ed25519(x) => [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32][..], x].concat(),
        }
    }

    /// Verifies a signature over `message`. ES256 takes strict DER (ITU-T X.690) and a high `s` too; EdDSA takes 64 bytes and
    /// follows RFC 8032 without cofactor, with canonical points that are not of small order.
    ///
    /// # Errors
    /// [`SignatureRefusal`].
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureRefusal> {
        let holds = match self {
            Self::Es256 { x, y } => {
                let (r, s) = der_scalars(signature).ok_or(SignatureRefusal::Form)?;
                let signature = p256::ecdsa::Signature::from_scalars(r, s)
                    .map_err(|_| SignatureRefusal::Form)?;
                p256_key(x, y).is_some_and(|key| key.verify(message, &signature).is_ok())
            }
            Self::Ed25519(public) => {
                if signature.len() != 64 {
                    return Err(SignatureRefusal::Form);
                }
                ed25519_key(public).is_some_and(|key| key.verifies(message, signature))
            }
        };
        if holds {
            Ok(())
        } else {
            Err(SignatureRefusal::Value)
        }
    }
}

/// Why a signature does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureRefusal {
    /// Not strict DER of two numbers in range, or not 64 bytes.
    Form,
    /// It does not verify under the key.
    Value,
}

fn p256_key(x: &[u8; 32], y: &[u8; 32]) -> Option<p256::ecdsa::VerifyingKey> {
    let point = [&[4][..], x, y].concat();
    p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).ok()
}

/// The same strict rules as for keys of notes; the name is of no consequence.
fn ed25519_key(public: &[u8; 32]) -> Option<VerifierKey> {
    VerifierKey::new("authenticator", KeyKind::Ed25519, public).ok()
}

/// `SEQUENCE { INTEGER r, INTEGER s }` in DER: shortest lengths, shortest positive numbers, nothing after them.
fn der_scalars(bytes: &[u8]) -> Option<([u8; 32], [u8; 32])> {
    let (&[0x30, length], rest) = bytes.split_first_chunk::<2>()? else {
        return None;
    };
    if usize::from(length) != rest.len() || length >= 0x80 {
        return None;
    }
    let (r, rest) = der_integer(rest)?;
    let (s, rest) = der_integer(rest)?;
    rest.is_empty().then_some((r, s))
}

/// The DER form of an ES256 signature, as authenticators give it.
#[must_use]
pub fn der_signature(r: &[u8; 32], s: &[u8; 32]) -> Vec<u8> {
    let mut numbers = Vec::new();
    for scalar in [r, s] {
        let zeros = scalar.iter().take_while(|digit| **digit == 0).count();
        let digits = scalar.get(zeros..).unwrap_or_default();
        let sign = digits.first().is_none_or(|first| *first >= 0x80);
        let number = [if sign { &[0][..] } else { &[] }, digits].concat();
        numbers.push(0x02);
        numbers.extend(u8::try_from(number.len()));
        numbers.extend(number);
    }
    let mut out = alloc::vec![0x30];
    out.extend(u8::try_from(numbers.len()));
    out.extend(numbers);
    out
}

fn der_integer(bytes: &[u8]) -> Option<([u8; 32], &[u8])> {
    let (&[0x02, length], rest) = bytes.split_first_chunk::<2>()? else {
        return None;
    };
    let (number, rest) = rest.split_at_checked(usize::from(length))?;
    let digits = match number {
        [] => return None,
        [0, next, ..] if *next < 0x80 => return None,
        [first, ..] if *first >= 0x80 => return None,
        [0, digits @ ..] => digits,
        digits => digits,
    };
    let mut scalar = [0; 32];
    let start = scalar.len().checked_sub(digits.len())?;
    scalar.get_mut(start..)?.copy_from_slice(digits);
    Some((scalar, rest))
}

/// A map of small integers to small integers, byte strings and texts: keys ascending by their bytes, lengths as short as
/// they go, nothing after it (CTAP 2.1, section 8).
fn read_map(bytes: &[u8]) -> Option<Vec<(i32, Item<'_>)>> {
    let (0xa0..=0xb7, rest) = bytes.split_first().map(|(first, rest)| (*first, rest))? else {
        return None;
    };
    let count = bytes.first()?.checked_sub(0xa0)?;
    let mut rest = rest;
    let mut members: Vec<(i32, Item<'_>)> = Vec::new();
    let mut last: Option<&[u8]> = None;
    for _ in 0..count {
        let (major, argument, after) = read_head(rest)?;
        let key_bytes = rest.get(..rest.len().checked_sub(after.len())?)?;
        // Shorter keys first, then by their bytes.
        if last.is_some_and(|last| (last.len(), last) >= (key_bytes.len(), key_bytes)) {
            return None;
        }
        last = Some(key_bytes);
        let key = small_integer(major, argument)?;
        let (major, argument, after) = read_head(after)?;
        let item;
        (item, rest) = match major {
            0 | 1 => (Item::Number(small_integer(major, argument)?), after),
            2 | 3 => {
                let (content, after) = after.split_at_checked(usize::from(argument))?;
                let item = if major == 2 {
                    Item::Bytes(content)
                } else {
                    Item::Other
                };
                (item, after)
            }
            _ => return None,
        };
        members.push((key, item));
    }
    rest.is_empty().then_some(members)
}

/// Major type, argument below 2^16 in its shortest form, and what follows.
fn read_head(bytes: &[u8]) -> Option<(u8, u16, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let (major, short) = (first >> 5, first & 0x1f);
    match short {
        0..=23 => Some((major, u16::from(short), rest)),
        24 => {
            let (argument, rest) = rest.split_first()?;
            (*argument >= 24).then_some((major, u16::from(*argument), rest))
        }
        25 => {
            let (argument, rest) = rest.split_first_chunk::<2>()?;
            let argument = u16::from_be_bytes(*argument);
            (argument >= 256).then_some((major, argument, rest))
        }
        _ => None,
    }
}

fn small_integer(major: u8, argument: u16) -> Option<i32> {
    match major {
        0 => Some(i32::from(argument)),
        1 => (-1i32).checked_sub(i32::from(argument)),
        _ => None,
    }
}
