//! The device key: a file of one person, sealed under a passphrase, that signs assertions for one relying party.
//!
//! Format: docs/approver.md, "Key file". A key in a file is weaker than one in hardware: whoever has file and passphrase has it.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use keepwhole_verify::cose::der_signature;
use keepwhole_verify::digest::Digest;
use keepwhole_verify::json::{self, Fields, MAX_INTEGER, Value};
use keepwhole_verify::webauthn::{
    Assertion, BE, Expected, PublicKey, UP, UV, authenticator_data, client_data_text, verify,
};
use zeroize::Zeroizing;

/// Value of the field `type`.
const TYPE: &str = "keepwhole/approver-key/v1";
/// Argon2id as RFC 9106, section 4, second choice: KiB, passes, lanes.
const MEMORY_PASSES_LANES: (u32, u32, u32) = (65_536, 3, 4);
/// Shortest passphrase in bytes.
pub(crate) const MIN_PASSPHRASE: usize = 12;

/// What a key signs with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Es256,
    EdDsa,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Es256, Self::EdDsa]
            .into_iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

/// A key file, its secret still sealed.
pub(crate) struct KeyFile {
    kind: Kind,
    counter: u32,
    pub(crate) credential_id: Vec<u8>,
    pub(crate) public_key: PublicKey,
    pub(crate) rp_id: String,
    salt: [u8; 16],
    nonce: [u8; 24],
    sealed: Vec<u8>,
}

fn random<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|why| format!("no randomness: {why}"))?;
    Ok(bytes)
}

fn cipher(passphrase: &str, salt: &[u8; 16]) -> Result<XChaCha20Poly1305, String> {
    let (memory, passes, lanes) = MEMORY_PASSES_LANES;
    let fault = |why: &dyn std::fmt::Display| format!("can't derive a key: {why}");
    let params = Params::new(memory, passes, lanes, Some(32)).map_err(|why| fault(&why))?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, key.as_mut_slice())
        .map_err(|why| fault(&why))?;
    XChaCha20Poly1305::new_from_slice(key.as_slice()).map_err(|why| fault(&why))
}

/// The public key of 32 secret bytes; `None` for the few that are no P-256 key.
fn public(kind: Kind, secret: &[u8; 32]) -> Option<PublicKey> {
    match kind {
        Kind::Es256 => {
            let key = p256::ecdsa::SigningKey::from_slice(secret).ok()?;
            let point = key.verifying_key().to_sec1_point(false);
            let (x, y) = point.as_bytes().get(1..)?.split_at_checked(32)?;
            Some(PublicKey::Es256 {
                x: x.try_into().ok()?,
                y: y.try_into().ok()?,
            })
        }
        Kind::EdDsa => {
            let key = ed25519_dalek::SigningKey::from_bytes(secret);
            Some(PublicKey::Ed25519(key.verifying_key().to_bytes()))
        }
    }
}

fn signature(kind: Kind, secret: &[u8; 32], message: &[u8]) -> Option<Vec<u8>> {
    match kind {
        Kind::Es256 => {
            use p256::ecdsa::signature::Signer as _;
            let key = p256::ecdsa::SigningKey::from_slice(secret).ok()?;
            let signature: p256::ecdsa::Signature = key.try_sign(message).ok()?;
            let bytes = signature.to_bytes();
            let (r, s) = bytes.split_at_checked(32)?;
            Some(der_signature(r.try_into().ok()?, s.try_into().ok()?))
        }
        Kind::EdDsa => {
            use ed25519_dalek::Signer as _;
            let key = ed25519_dalek::SigningKey::from_bytes(secret);
            Some(key.try_sign(message).ok()?.to_bytes().to_vec())
        }
    }
}

/// Waits until no other process signs with the key file; the file beside it holds nothing.
fn hold(path: &Path) -> Result<File, String> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(false).mode(0o600);
    options
        .open(&name)
        .and_then(|file| file.lock().map(|()| file))
        .map_err(|why| format!("can't lock `{}`: {why}", Path::new(&name).display()))
}

impl KeyFile {
    /// Makes a key for one relying party and writes it to a file that must not exist.
    pub(crate) fn create(
        path: &Path,
        kind: Kind,
        rp_id: &str,
        passphrase: &str,
    ) -> Result<Self, String> {
        if passphrase.len() < MIN_PASSPHRASE {
            return Err(format!(
                "a passphrase has at least {MIN_PASSPHRASE} bytes; several random words are good"
            ));
        }
        let is_host = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
        };
        if !is_host(rp_id) {
            return Err(format!(
                "`{rp_id}` is no relying party: a host name in lower case, such as `approver.exchange.example`"
            ));
        }
        let (secret, public_key) = loop {
            let secret = Zeroizing::new(random::<32>()?);
            if let Some(public) = public(kind, &secret) {
                break (secret, public);
            }
        };
        let mut file = Self {
            kind,
            counter: 0,
            credential_id: random::<32>()?.to_vec(),
            public_key,
            rp_id: rp_id.to_owned(),
            salt: random()?,
            nonce: random()?,
            sealed: Vec::new(),
        };
        let bound = file.bound();
        let payload = Payload {
            msg: secret.as_slice(),
            aad: bound.as_bytes(),
        };
        file.sealed = cipher(passphrase, &file.salt)?
            .encrypt(&XNonce::from(file.nonce), payload)
            .map_err(|_| "can't seal the key".to_owned())?;
        let mut out = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|why| format!("can't make `{}`: {why}", path.display()))?;
        file.write(&mut out, path)?;
        Ok(file)
    }

    /// Reads a key file; one that others may read or write is refused.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let name = path.display();
        let about = fs::metadata(path).map_err(|why| format!("can't open `{name}`: {why}"))?;
        if about.mode() & 0o077 != 0 {
            return Err(format!(
                "`{name}` can be read by others (mode {:o}): make it yours alone with `chmod 600`, and if others may have read it, \
                 make a new key",
                about.mode() & 0o777
            ));
        }
        let text = fs::read_to_string(path).map_err(|why| format!("can't read `{name}`: {why}"))?;
        Self::read(text.trim_end()).map_err(|why| format!("`{name}`: {why}"))
    }

    fn read(text: &str) -> Result<Self, String> {
        let value = json::parse("key", text).map_err(|why| why.to_string())?;
        let mut fields = Fields::of("key", &value).map_err(|why| why.to_string())?;
        let mut take = || -> Result<Self, json::FormatError> {
            fields.constant("type", TYPE)?;
            let kind = fields.text("algorithm")?;
            let kind = Kind::from_name(kind)
                .ok_or_else(|| fields.error("algorithm", "must be `ES256` or `EdDSA`"))?;
            let counter = fields.integer("counter", 0, MAX_INTEGER)?;
            let counter =
                u32::try_from(counter).map_err(|_| fields.error("counter", "is above 2^32 - 1"))?;
            let mut bytes = |key: &str| {
                let text = fields.text(key)?;
                URL_SAFE_NO_PAD
                    .decode(text)
                    .map_err(|_| fields.error(key, "is no base64url"))
            };
            let (credential_id, public, sealed) = (
                bytes("credential_id")?,
                bytes("public_key")?,
                bytes("sealed")?,
            );
            Ok(Self {
                kind,
                counter,
                credential_id,
                public_key: PublicKey::from_cose(&public)
                    .map_err(|why| fields.error("public_key", why.to_string()))?,
                rp_id: fields.text("rp_id")?.to_owned(),
                salt: fields.hex("salt")?,
                nonce: fields.hex("nonce")?,
                sealed,
            })
        };
        let file = take().map_err(|why| why.to_string())?;
        fields.done().map_err(|why| why.to_string())?;
        Ok(file)
    }

    /// What the seal is bound to: everything but the counter.
    fn bound(&self) -> String {
        Value::object(vec![
            ("algorithm", Value::text(self.kind.name())),
            (
                "credential_id",
                Value::Text(URL_SAFE_NO_PAD.encode(&self.credential_id)),
            ),
            (
                "public_key",
                Value::Text(URL_SAFE_NO_PAD.encode(self.public_key.to_cose())),
            ),
            ("rp_id", Value::text(&*self.rp_id)),
            ("type", Value::text(TYPE)),
        ])
        .to_canonical()
    }

    /// What an administrator enrols (docs/authority.md). A key in a file lives on the computer and can be copied.
    pub(crate) fn credential(&self) -> String {
        let encoded = |bytes: &[u8]| Value::Text(URL_SAFE_NO_PAD.encode(bytes));
        Value::object(vec![
            ("device_bound", Value::Bool(false)),
            ("id", encoded(&self.credential_id)),
            ("kind", Value::text("platform")),
            ("public_key", encoded(&self.public_key.to_cose())),
            ("type", Value::text("keepwhole/credential/v1")),
        ])
        .to_canonical()
    }

    fn write(&self, out: &mut File, path: &Path) -> Result<(), String> {
        let encoded = |bytes: &[u8]| Value::Text(URL_SAFE_NO_PAD.encode(bytes));
        let text = Value::object(vec![
            ("algorithm", Value::text(self.kind.name())),
            ("counter", Value::Integer(u64::from(self.counter))),
            ("credential_id", encoded(&self.credential_id)),
            ("nonce", Value::Text(json::to_hex(&self.nonce))),
            ("public_key", encoded(&self.public_key.to_cose())),
            ("rp_id", Value::text(&*self.rp_id)),
            ("salt", Value::Text(json::to_hex(&self.salt))),
            ("sealed", encoded(&self.sealed)),
            ("type", Value::text(TYPE)),
        ])
        .to_canonical();
        out.write_all(text.as_bytes())
            .and_then(|()| out.write_all(b"\n"))
            .and_then(|()| out.sync_all())
            .map_err(|why| format!("can't write `{}`: {why}", path.display()))
    }

    /// Replaces the file at once, so that no counter is ever used twice.
    fn replace(&self, path: &Path) -> Result<(), String> {
        let fail = |why: std::io::Error| format!("can't write `{}`: {why}", path.display());
        let mut name = path.as_os_str().to_owned();
        name.push(".new");
        let new = PathBuf::from(name);
        match fs::remove_file(&new) {
            Err(why) if why.kind() != std::io::ErrorKind::NotFound => return Err(fail(why)),
            _ => {}
        }
        let mut out = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)
            .map_err(fail)?;
        self.write(&mut out, &new)?;
        fs::rename(&new, path).map_err(fail)?;
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(fail)
    }

    /// Signs one challenge: the counter is stored before the signature exists, and the assertion is checked before it leaves.
    pub(crate) fn sign(
        &mut self,
        path: &Path,
        passphrase: &str,
        challenge: &Digest,
    ) -> Result<Assertion, String> {
        // Another window may sign just now: the counter is that of the file while nobody else takes one.
        let _held = hold(path)?;
        let stored = Self::open(path)?;
        if stored.bound() != self.bound() {
            return Err("the key file was replaced while the request was read".to_owned());
        }
        *self = stored;
        let bound = self.bound();
        let payload = Payload {
            msg: &self.sealed,
            aad: bound.as_bytes(),
        };
        let opened = cipher(passphrase, &self.salt)?
            .decrypt(&XNonce::from(self.nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| "wrong passphrase, or the key file was changed".to_owned())?;
        let secret: Zeroizing<[u8; 32]> = Zeroizing::new(
            <[u8; 32]>::try_from(opened.as_slice())
                .map_err(|_| "the key file holds no key of 32 bytes".to_owned())?,
        );
        self.counter = self
            .counter
            .checked_add(1)
            .ok_or("the signature counter is used up: make a new key")?;
        self.replace(path)?;
        let origin = format!("https://{}", self.rp_id);
        let client_data_json = client_data_text(challenge.as_bytes(), &origin).into_bytes();
        // BE: a file can be copied, so roles that ask for device-bound keys must not take it.
        let authenticator_data = authenticator_data(&self.rp_id, UP | UV | BE, self.counter);
        let mut message = authenticator_data.clone();
        message.extend(Digest::of(&client_data_json).as_bytes());
        let assertion = Assertion {
            signature: signature(self.kind, &secret, &message).ok_or("the key does not sign")?,
            authenticator_data,
            client_data_json,
        };
        let expected = Expected {
            challenge: challenge.as_bytes(),
            rp_ids: std::slice::from_ref(&self.rp_id),
            origins: std::slice::from_ref(&origin),
            device_bound: false,
        };
        verify(&assertion, &self.public_key, &expected)
            .map_err(|why| format!("the assertion that was made does not hold: {why}"))?;
        Ok(assertion)
    }
}
