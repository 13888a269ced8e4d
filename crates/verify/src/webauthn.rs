//! One assertion of an authenticator, checked against the challenge that it must answer (W3C Web Authentication Level 3).
//!
//! The rules are stricter than a website's: user presence *and* verification, no extensions, no frames of another site, two
//! algorithms. Format and refusals: docs/approvals.md, "Assertion".

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub use crate::cose::{KeyRefusal, PublicKey, SignatureRefusal};

use crate::client_data::{ClientData, Member};
use crate::digest::Digest;

/// Length of authenticator data without attested data and extensions.
pub const AUTHENTICATOR_DATA_BYTES: usize = 37;

/// Flag of authenticator data: the user was present.
pub const UP: u8 = 1;
/// Flag: the user was verified, by PIN or biometrics.
pub const UV: u8 = 1 << 2;
/// Flag: the credential may be backed up, so it may exist on several devices.
pub const BE: u8 = 1 << 3;
/// Flag: the credential is backed up.
pub const BS: u8 = 1 << 4;
/// Flag: attested credential data follows.
pub const AT: u8 = 1 << 6;
/// Flag: extension data follows.
pub const ED: u8 = 1 << 7;

/// What an authenticator answered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assertion {
    /// Hash of the relying party's id, flags, counter.
    pub authenticator_data: Vec<u8>,
    /// What the browser or client says about the ceremony.
    pub client_data_json: Vec<u8>,
    /// Over `authenticator_data || SHA-256(client_data_json)`.
    pub signature: Vec<u8>,
}

/// What an assertion must answer.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The challenge's bytes.
    pub challenge: &'a [u8],
    /// Ids of relying parties that count.
    pub rp_ids: &'a [String],
    /// Web origins that count, such as `https://approve.exchange.example`.
    pub origins: &'a [String],
    /// The credential must never have left its device (flags BE and BS clear).
    pub device_bound: bool,
}

/// What an assertion that holds says besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The relying party's id; it tells a web page from a separately delivered client with an id of its own.
    pub rp_id: String,
    /// The authenticator's signature counter.
    pub counter: u32,
}

/// Why an assertion does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The client data can't be read without guessing.
    ClientData(String),
    /// `type` is not `webauthn.get`.
    ClientDataType,
    /// The challenge is another one.
    Challenge,
    /// The origin is not in the list.
    Origin(String),
    /// `crossOrigin` is there and not `false`.
    CrossOrigin,
    /// `topOrigin` is there.
    TopOrigin,
    /// Authenticator data is not exactly 37 bytes.
    AuthenticatorDataLength(usize),
    /// The hash of the relying party's id is of none in the list.
    RpId,
    /// The origin's host is neither the relying party's id nor below it, or it is not HTTPS.
    OriginOutsideRpId,
    /// Flag UP is clear.
    UserNotPresent,
    /// Flag UV is clear.
    UserNotVerified,
    /// Flag AT is set.
    AttestedData,
    /// Flag ED is set.
    ExtensionData,
    /// Flag BS is set without BE.
    BackupState,
    /// Flag BE is set, and the role asks for a credential that can't leave its device.
    NotDeviceBound,
    /// The signature is not in its form.
    SignatureForm,
    /// The signature does not verify.
    Signature,
}

impl Refusal {
    /// A stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ClientData(_) => "client_data",
            Self::ClientDataType => "client_data_type",
            Self::Challenge => "challenge",
            Self::Origin(_) => "origin",
            Self::CrossOrigin => "cross_origin",
            Self::TopOrigin => "top_origin",
            Self::AuthenticatorDataLength(_) => "authenticator_data_length",
            Self::RpId => "rp_id",
            Self::OriginOutsideRpId => "origin_outside_rp_id",
            Self::UserNotPresent => "user_not_present",
            Self::UserNotVerified => "user_not_verified",
            Self::AttestedData => "attested_data",
            Self::ExtensionData => "extension_data",
            Self::BackupState => "backup_state",
            Self::NotDeviceBound => "not_device_bound",
            Self::SignatureForm => "signature_form",
            Self::Signature => "signature",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientData(cause) => write!(f, "client data: {cause}"),
            Self::ClientDataType => f.write_str("client data: `type` is not `webauthn.get`"),
            Self::Challenge => f.write_str("the challenge is not the one of this approval"),
            Self::Origin(origin) => write!(f, "origin `{origin}` is not in the list"),
            Self::CrossOrigin => {
                f.write_str("the assertion was made in a frame of another site (`crossOrigin`)")
            }
            Self::TopOrigin => f.write_str("the assertion names a `topOrigin`"),
            Self::AuthenticatorDataLength(bytes) => {
                write!(f, "authenticator data has `{bytes}` bytes, must have 37")
            }
            Self::RpId => f.write_str("the relying party's id is not in the list"),
            Self::OriginOutsideRpId => {
                f.write_str("the origin is not HTTPS at the relying party's id or below it")
            }
            Self::UserNotPresent => f.write_str("the user was not present (flag UP is clear)"),
            Self::UserNotVerified => f.write_str("the user was not verified (flag UV is clear)"),
            Self::AttestedData => f.write_str("attested credential data is announced (flag AT)"),
            Self::ExtensionData => f.write_str("extension data is announced (flag ED)"),
            Self::BackupState => f.write_str("flag BS without BE contradicts itself"),
            Self::NotDeviceBound => f.write_str(
                "the credential can be backed up (flag BE); the role asks for one that can't",
            ),
            Self::SignatureForm => {
                f.write_str("the signature is neither strict DER (ES256) nor 64 bytes (EdDSA)")
            }
            Self::Signature => {
                f.write_str("the signature does not verify under the credential's key")
            }
        }
    }
}

impl core::error::Error for Refusal {}

/// Checks one assertion with the key of its credential.
///
/// # Errors
/// The first [`Refusal`], in the order of its variants.
pub fn verify(
    assertion: &Assertion,
    key: &PublicKey,
    expected: &Expected<'_>,
) -> Result<Verified, Refusal> {
    let origin = check_client_data(&assertion.client_data_json, expected)?;
    let verified = check_authenticator_data(&assertion.authenticator_data, &origin, expected)?;
    let mut message = assertion.authenticator_data.clone();
    message.extend(Digest::of(&assertion.client_data_json).as_bytes());
    key.verify(&message, &assertion.signature)
        .map_err(|refusal| match refusal {
            SignatureRefusal::Form => Refusal::SignatureForm,
            SignatureRefusal::Value => Refusal::Signature,
        })?;
    Ok(verified)
}

/// Whether a counter may follow the last one seen: it is greater, or both are 0 (an authenticator without counter).
#[must_use]
pub const fn counter_follows(last: u32, counter: u32) -> bool {
    counter > last || (counter == 0 && last == 0)
}

/// The challenge as client data carries it: base64url without padding.
#[must_use]
pub fn challenge_text(challenge: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(challenge)
}

/// Client data as our own clients write it, in the order that browsers use.
#[must_use]
pub fn client_data_text(challenge: &[u8], origin: &str) -> String {
    let quoted = crate::json::Value::text(origin).to_canonical();
    format!(
        "{{\"type\":\"webauthn.get\",\"challenge\":\"{}\",\"origin\":{quoted},\"crossOrigin\":false}}",
        challenge_text(challenge)
    )
}

/// Authenticator data of 37 bytes.
#[must_use]
pub fn authenticator_data(rp_id: &str, flags: u8, counter: u32) -> Vec<u8> {
    let mut data = Digest::of(rp_id.as_bytes()).as_bytes().to_vec();
    data.push(flags);
    data.extend(counter.to_be_bytes());
    data
}

fn check_client_data(bytes: &[u8], expected: &Expected<'_>) -> Result<String, Refusal> {
    let data = ClientData::read(bytes).map_err(Refusal::ClientData)?;
    let is = |member: &Option<Member>, text: &str| matches!(member, Some(Member::Text(found)) if found == text);
    if !is(&data.kind, "webauthn.get") {
        return Err(Refusal::ClientDataType);
    }
    if !is(&data.challenge, &challenge_text(expected.challenge)) {
        return Err(Refusal::Challenge);
    }
    let origin = match data.origin {
        Some(Member::Text(origin)) if expected.origins.contains(&origin) => origin,
        Some(Member::Text(origin)) => return Err(Refusal::Origin(origin)),
        _ => return Err(Refusal::Origin(String::new())),
    };
    if !matches!(data.cross_origin, None | Some(Member::Bool(false))) {
        return Err(Refusal::CrossOrigin);
    }
    if data.top_origin.is_some() {
        return Err(Refusal::TopOrigin);
    }
    Ok(origin)
}

fn check_authenticator_data(
    bytes: &[u8],
    origin: &str,
    expected: &Expected<'_>,
) -> Result<Verified, Refusal> {
    let length = || Refusal::AuthenticatorDataLength(bytes.len());
    let data: &[u8; AUTHENTICATOR_DATA_BYTES] = bytes.try_into().map_err(|_| length())?;
    let (rp_id_hash, rest) = data.split_first_chunk::<32>().ok_or_else(length)?;
    let (flags, counter) = rest.split_first().ok_or_else(length)?;
    let counter: [u8; 4] = counter.try_into().map_err(|_| length())?;
    let rp_id = expected
        .rp_ids
        .iter()
        .find(|rp_id| Digest::of(rp_id.as_bytes()).as_bytes() == rp_id_hash)
        .ok_or(Refusal::RpId)?;
    if !belongs(origin, rp_id) {
        return Err(Refusal::OriginOutsideRpId);
    }
    let has = |flag: u8| flags & flag != 0;
    let faults = [
        (!has(UP), Refusal::UserNotPresent),
        (!has(UV), Refusal::UserNotVerified),
        (has(AT), Refusal::AttestedData),
        (has(ED), Refusal::ExtensionData),
        (has(BS) && !has(BE), Refusal::BackupState),
        (expected.device_bound && has(BE), Refusal::NotDeviceBound),
    ];
    if let Some((_, refusal)) = faults.into_iter().find(|(fault, _)| *fault) {
        return Err(refusal);
    }
    Ok(Verified {
        rp_id: rp_id.to_string(),
        counter: u32::from_be_bytes(counter),
    })
}

/// Whether an origin is HTTPS at the relying party's id or a host below it; HTTP counts at `localhost` alone.
fn belongs(origin: &str, rp_id: &str) -> bool {
    let authority = match origin.strip_prefix("https://") {
        Some(authority) => authority,
        None if rp_id == "localhost" => match origin.strip_prefix("http://") {
            Some(authority) => authority,
            None => return false,
        },
        None => return false,
    };
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        Some(_) => return false,
        None => authority,
    };
    !rp_id.is_empty()
        && !host.contains(['/', '@', '?', '#', ':'])
        && (host == rp_id
            || host
                .strip_suffix(rp_id)
                .is_some_and(|below| below.ends_with('.')))
}
