//! What a browser's authenticator gives: a new passkey, read and checked, and an assertion as it is posted.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keepwhole_core::authority::credential::{DeviceKind, ID_MAX, NewCredential};
use keepwhole_edge::console::PasskeySite;
use keepwhole_verify::cose::PublicKey;
use keepwhole_verify::digest::Digest;
use keepwhole_verify::webauthn::{AT, BE, BS, ED, UP, UV, challenge_text};
use serde::Deserialize;

/// Longest client data, bytes; a browser's own are some 200.
const CLIENT_DATA_MAX: usize = 4_096;
/// Bytes before the id: hash of the site, flags, counter, model, length of the id.
const BEFORE_ID: usize = 32 + 1 + 4 + 16 + 2;

/// An assertion as the page's script posts it, bytes in base64url without padding.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PostedAssertion {
    /// The ticket of the ceremony.
    pub(crate) ticket: String,
    /// Id of the credential.
    pub(crate) credential: String,
    /// Authenticator data.
    pub(crate) authenticator_data: String,
    /// Client data.
    pub(crate) client_data_json: String,
    /// Signature.
    pub(crate) signature: String,
}

/// The same, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    /// Id of the credential.
    pub(crate) credential: Vec<u8>,
    /// Authenticator data.
    pub(crate) authenticator_data: Vec<u8>,
    /// Client data.
    pub(crate) client_data_json: Vec<u8>,
    /// Signature.
    pub(crate) signature: Vec<u8>,
}

/// A new passkey as the page's script posts it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PostedPasskey {
    /// The ticket of the ceremony.
    pub(crate) ticket: String,
    /// Authenticator data with the credential.
    pub(crate) authenticator_data: String,
    /// Client data.
    pub(crate) client_data_json: String,
}

/// Base64url without padding; `None` where it is not.
pub(crate) fn decoded(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Base64url without padding.
pub(crate) fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl PostedAssertion {
    /// Decodes it; `None` where a field is not base64url or too long.
    pub(crate) fn given(&self) -> Option<Given> {
        let given = Given {
            credential: decoded(&self.credential)?,
            authenticator_data: decoded(&self.authenticator_data)?,
            client_data_json: decoded(&self.client_data_json)?,
            signature: decoded(&self.signature)?,
        };
        let fits = (1..=ID_MAX).contains(&given.credential.len())
            && given.client_data_json.len() <= CLIENT_DATA_MAX;
        fits.then_some(given)
    }
}

#[derive(Deserialize)]
struct CreateData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default, rename = "crossOrigin")]
    cross_origin: bool,
    #[serde(default, rename = "topOrigin")]
    top_origin: Option<String>,
}

/// Reads a new passkey and checks that it answers `challenge` at `site` (W3C Web Authentication Level 3, section 7.1; no
/// attestation is asked for, since nobody here could check the maker's list).
///
/// # Errors
/// What is wrong, as a stable code.
pub(crate) fn new_passkey(
    (authenticator_data, client_data_json): (&[u8], &[u8]),
    challenge: &[u8; 32],
    site: &PasskeySite,
    kind: DeviceKind,
) -> Result<NewCredential, &'static str> {
    check_client_data(client_data_json, challenge, site)?;
    let (head, rest) = authenticator_data
        .split_at_checked(BEFORE_ID)
        .ok_or("authenticator_data_length")?;
    let (hash, head) = head
        .split_at_checked(32)
        .ok_or("authenticator_data_length")?;
    if hash != Digest::of(site.rp_id.as_bytes()).as_bytes() {
        return Err("rp_id");
    }
    let flags = *head.first().ok_or("authenticator_data_length")?;
    let has = |flag: u8| flags & flag != 0;
    let faults = [
        (!has(UP), "user_not_present"),
        (!has(UV), "user_not_verified"),
        (!has(AT), "attested_data"),
        (has(ED), "extension_data"),
        (has(BS) && !has(BE), "backup_state"),
    ];
    if let Some((_, name)) = faults.into_iter().find(|(fault, _)| *fault) {
        return Err(name);
    }
    let length = head.last_chunk::<2>().ok_or("authenticator_data_length")?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (id, key) = rest.split_at_checked(length).ok_or("credential_id")?;
    if id.is_empty() || id.len() > ID_MAX {
        return Err("credential_id");
    }
    // Exactly one key of the two kinds, and nothing after it.
    PublicKey::from_cose(key).map_err(|_| "public_key")?;
    Ok(NewCredential {
        id: id.to_vec(),
        public_key: key.to_vec(),
        kind,
        device_bound: !has(BE),
    })
}

fn check_client_data(
    bytes: &[u8],
    challenge: &[u8; 32],
    site: &PasskeySite,
) -> Result<(), &'static str> {
    if bytes.len() > CLIENT_DATA_MAX {
        return Err("client_data");
    }
    // A repeated member is refused where it is one of ours.
    let data: CreateData = serde_json::from_slice(bytes).map_err(|_| "client_data")?;
    if data.kind != "webauthn.create" {
        return Err("client_data_type");
    }
    if data.challenge != challenge_text(challenge) {
        return Err("challenge");
    }
    if data.origin != site.origin {
        return Err("origin");
    }
    if data.cross_origin || data.top_origin.is_some() {
        return Err("cross_origin");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{PasskeySite, new_passkey};
    use keepwhole_core::authority::credential::DeviceKind;
    use keepwhole_verify::cose::PublicKey;
    use keepwhole_verify::digest::Digest;
    use keepwhole_verify::webauthn::{AT, BE, UP, UV, challenge_text};

    const CHALLENGE: [u8; 32] = [9; 32];

    fn site() -> PasskeySite {
        PasskeySite {
            rp_id: "localhost".into(),
            origin: "http://localhost:8650".into(),
        }
    }

    fn cose() -> Vec<u8> {
        let key = ed25519_dalek::SigningKey::from_bytes(&[3; 32]);
        PublicKey::Ed25519(key.verifying_key().to_bytes()).to_cose()
    }

    fn data(flags: u8, id: &[u8], key: &[u8]) -> Vec<u8> {
        let mut data = Digest::of(b"localhost").as_bytes().to_vec();
        data.push(flags);
        data.extend([0; 4 + 16]);
        data.extend(u16::try_from(id.len()).unwrap().to_be_bytes());
        data.extend(id);
        data.extend(key);
        data
    }

    fn client(kind: &str, origin: &str) -> Vec<u8> {
        let challenge = challenge_text(&CHALLENGE);
        format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}","crossOrigin":false}}"#)
            .into_bytes()
    }

    #[test]
    fn a_new_passkey_is_read_and_what_is_wrong_has_a_name() {
        let good = client("webauthn.create", "http://localhost:8650");
        let whole = data(UP | UV | AT, b"an id", &cose());
        let read = |data: &[u8], client: &[u8]| {
            new_passkey((data, client), &CHALLENGE, &site(), DeviceKind::Phone)
        };
        let key = read(&whole, &good).unwrap();
        assert_eq!((key.id.as_slice(), key.device_bound), (&b"an id"[..], true));
        assert!(
            !read(&data(UP | UV | AT | BE, b"i", &cose()), &good)
                .unwrap()
                .device_bound
        );
        let mut longer = whole.clone();
        longer.push(0);
        let foreign = {
            let mut foreign = whole.clone();
            foreign[0] ^= 1;
            foreign
        };
        let twice = String::from_utf8(good.clone()).unwrap();
        let twice = twice.replace("\"crossOrigin\":false", "\"type\":\"webauthn.create\"");
        for (data, client, name) in [
            (&whole[..40], &good[..], "authenticator_data_length"),
            (&longer, &good, "public_key"),
            (&foreign, &good, "rp_id"),
            (&data(UP | AT, b"i", &cose()), &good, "user_not_verified"),
            (&data(UV | AT, b"i", &cose()), &good, "user_not_present"),
            (&data(UP | UV, b"i", &cose()), &good, "attested_data"),
            (&data(UP | UV | AT, b"", &cose()), &good, "credential_id"),
            (&data(UP | UV | AT, b"i", &cose()[1..]), &good, "public_key"),
            (
                &whole,
                &client("webauthn.get", "http://localhost:8650"),
                "client_data_type",
            ),
            (
                &whole,
                &client("webauthn.create", "https://evil.example"),
                "origin",
            ),
            (&whole, b"{}", "client_data"),
            (&whole, twice.as_bytes(), "client_data"),
        ] {
            assert_eq!(read(data, client).unwrap_err(), name);
        }
        let other = new_passkey((&whole, &good), &[8; 32], &site(), DeviceKind::Phone);
        assert_eq!(other.unwrap_err(), "challenge");
    }
}
