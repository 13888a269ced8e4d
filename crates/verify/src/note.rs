//! Signed notes (c2sp.org/signed-note): text with signature lines under it, read and verified strictly.
//!
//! A line of an unknown key is ignored. A line of a known key that does not verify rejects the whole note, and so does
//! a note that no known key verifies. Ed25519 follows RFC 8032 without cofactor; keys and nonces of small order and
//! encodings that are not canonical are refused.

use crate::cosignature;
use alloc::string::{String, ToString as _};
use alloc::sync::Arc;
use alloc::vec::Vec;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use core::fmt;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

/// Largest note in bytes that is read.
pub const MAX_NOTE_BYTES: usize = 131_072;
/// What every signature line begins with: an em dash and a space.
const LINE_START: &str = "\u{2014} ";

/// What a key signs and how, by its type byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyKind {
    /// `0x01`: Ed25519 over the text.
    Ed25519,
    /// `0x04`: Ed25519 cosignature with a time (c2sp.org/tlog-cosignature).
    CosignatureEd25519,
    /// `0x06`: ML-DSA-44 cosignature: read, reported as not checked, never counted.
    CosignatureMlDsa44,
}

impl KeyKind {
    const fn tag(self) -> u8 {
        match self {
            Self::Ed25519 => 1,
            Self::CosignatureEd25519 => 4,
            Self::CosignatureMlDsa44 => 6,
        }
    }
}

/// Why a note or a key was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoteError {
    /// More than [`MAX_NOTE_BYTES`].
    TooLarge(usize),
    /// Not UTF-8.
    NotUtf8,
    /// A control character below U+0020 other than newline.
    ControlCharacter(u8),
    /// No empty line followed by signature lines, or no text above it.
    NoSignatures,
    /// A signature line that is not exactly em dash, space, key name, space, base64.
    MalformedLine(String),
    /// A verifier key string that is not `<name>+<key id>+<base64>` with the id that follows from name and key.
    MalformedKey(String),
    /// A key name that is empty or holds a space or a plus.
    KeyName(String),
    /// An Ed25519 key that is no point of the curve, not canonical, or of small order.
    WeakKey(String),
    /// A line of a known key does not verify.
    BadSignature(String),
    /// No known key signed the note.
    NoKnownSignature,
    /// The text to be signed does not end in a newline.
    TextUnfinished,
    /// A key could not sign, or what it made does not verify: nothing it made is used.
    Signer {
        /// The key's name.
        name: String,
        /// What went wrong, in words that follow the name.
        fault: String,
    },
}

impl fmt::Display for NoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(bytes) => write!(
                f,
                "note of `{bytes}` bytes is above the limit of `{MAX_NOTE_BYTES}`"
            ),
            Self::NotUtf8 => f.write_str("note is not UTF-8"),
            Self::ControlCharacter(byte) => {
                write!(f, "note holds the control character `0x{byte:02x}`")
            }
            Self::NoSignatures => {
                f.write_str("note has no text, empty line and signature lines in this order")
            }
            Self::MalformedLine(line) => write!(f, "signature line `{line}` is malformed"),
            Self::MalformedKey(key) => write!(f, "verifier key `{key}` is malformed"),
            Self::KeyName(name) => {
                write!(f, "key name `{name}` is empty or holds a space or a plus")
            }
            Self::WeakKey(name) => write!(
                f,
                "public key of `{name}` is not canonical or of small order"
            ),
            Self::BadSignature(name) => {
                write!(f, "signature of the known key `{name}` does not verify")
            }
            Self::NoKnownSignature => f.write_str("no known key signed the note"),
            Self::TextUnfinished => f.write_str("text of a note must end in a newline"),
            Self::Signer { name, fault } => write!(f, "key `{name}` signed nothing: {fault}"),
        }
    }
}

impl core::error::Error for NoteError {}

/// Whether `name` may be a key name: not empty, no Unicode space, no plus, no control character.
#[must_use]
pub fn is_key_name(name: &str) -> bool {
    !name.is_empty()
        && !name
            .chars()
            .any(|c| c.is_whitespace() || c == '+' || c < ' ')
}

/// A public key with the name and the 4-byte id under which its signatures stand in notes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    kind: KeyKind,
    public: Vec<u8>,
}

/// `H(name || 0x0A || type || public key)`, first four bytes.
fn key_id(name: &str, kind: KeyKind, public: &[u8]) -> [u8; 4] {
    let mut hasher = Sha256::new();
    hasher.update(name.as_bytes());
    hasher.update([b'\n', kind.tag()]);
    hasher.update(public);
    let hash: [u8; 32] = hasher.finalize().into();
    [hash[0], hash[1], hash[2], hash[3]]
}

impl VerifierKey {
    /// Makes an Ed25519 key of kind [`KeyKind::Ed25519`] or [`KeyKind::CosignatureEd25519`].
    ///
    /// # Errors
    /// [`NoteError::KeyName`], or [`NoteError::WeakKey`] for a key that strict verification refuses.
    pub fn new(name: &str, kind: KeyKind, public: &[u8]) -> Result<Self, NoteError> {
        if !is_key_name(name) {
            return Err(NoteError::KeyName(String::from(name)));
        }
        if kind != KeyKind::CosignatureMlDsa44 && strict_key(public).is_none() {
            return Err(NoteError::WeakKey(String::from(name)));
        }
        Ok(Self {
            name: String::from(name),
            id: key_id(name, kind, public),
            kind,
            public: public.to_vec(),
        })
    }

    /// Reads a verifier key string, `<name>+<key id hex>+<base64(type || public key)>`.
    ///
    /// # Errors
    /// [`NoteError::MalformedKey`] unless it is exactly what [`fmt::Display`] would write; [`NoteError::WeakKey`].
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let malformed = || NoteError::MalformedKey(String::from(text));
        let (name, rest) = text.split_once('+').ok_or_else(malformed)?;
        let (_, key) = rest.split_once('+').ok_or_else(malformed)?;
        let key = STANDARD.decode(key).map_err(|_| malformed())?;
        let (tag, public) = key.split_first().ok_or_else(malformed)?;
        let kind = match tag {
            1 => KeyKind::Ed25519,
            4 => KeyKind::CosignatureEd25519,
            6 if public.len() == 1312 => KeyKind::CosignatureMlDsa44,
            _ => return Err(malformed()),
        };
        let parsed = Self::new(name, kind, public)?;
        if parsed.to_string() == text {
            Ok(parsed)
        } else {
            Err(malformed())
        }
    }

    /// The key's name; for a log it is the log's origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// First four bytes of the hash over name, type and key.
    #[must_use]
    pub const fn id(&self) -> [u8; 4] {
        self.id
    }

    /// What the key signs.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The public key's bytes, without the type byte.
    #[must_use]
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// Verifies one signature of this Ed25519 key over `message`, strictly.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let (Some(key), Ok(signature)) =
            (strict_key(&self.public), Signature::from_slice(signature))
        else {
            return false;
        };
        key.verify_strict(message, &signature).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = alloc::vec![self.kind.tag()];
        key.extend_from_slice(&self.public);
        write!(
            f,
            "{}+{:08x}+{}",
            self.name,
            u32::from_be_bytes(self.id),
            STANDARD.encode(key)
        )
    }
}

/// The key if it is canonical and not of small order.
fn strict_key(public: &[u8]) -> Option<VerifyingKey> {
    let bytes: [u8; 32] = public.try_into().ok()?;
    let key = VerifyingKey::from_bytes(&bytes).ok()?;
    let canonical = key.to_edwards().compress().to_bytes() == bytes;
    (canonical && !key.is_weak()).then_some(key)
}

/// One signature line as it stands in a note, not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureLine {
    /// Name of the key.
    pub name: String,
    /// Id of the key.
    pub id: [u8; 4],
    /// What follows the id.
    pub blob: Vec<u8>,
}

impl SignatureLine {
    fn parse(line: &str) -> Result<Self, NoteError> {
        let malformed = || NoteError::MalformedLine(String::from(line));
        let (name, blob) = line
            .strip_prefix(LINE_START)
            .and_then(|rest| rest.split_once(' '))
            .ok_or_else(malformed)?;
        let blob = STANDARD.decode(blob).map_err(|_| malformed())?;
        let (id, blob) = blob.split_first_chunk::<4>().ok_or_else(malformed)?;
        if !is_key_name(name) || blob.is_empty() {
            return Err(malformed());
        }
        Ok(Self {
            name: String::from(name),
            id: *id,
            blob: blob.to_vec(),
        })
    }

    /// Reads one signature line without its newline, as it travels outside a note.
    ///
    /// # Errors
    /// [`NoteError::MalformedLine`] unless it is exactly what [`Self::to_line`] writes before the newline.
    pub fn read(line: &str) -> Result<Self, NoteError> {
        let parsed = Self::parse(line)?;
        if parsed.to_line().strip_suffix('\n') == Some(line) {
            Ok(parsed)
        } else {
            Err(NoteError::MalformedLine(String::from(line)))
        }
    }

    /// The line with its newline.
    #[must_use]
    pub fn to_line(&self) -> String {
        let mut blob = self.id.to_vec();
        blob.extend_from_slice(&self.blob);
        alloc::format!("{LINE_START}{} {}\n", self.name, STANDARD.encode(blob))
    }
}

/// A note, read but not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    lines: Vec<SignatureLine>,
}

/// One known key whose every line in a note verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The key.
    pub key: VerifierKey,
    /// Latest time in seconds since the epoch that a cosignature states; `None` for a plain signature.
    pub time: Option<u64>,
}

/// Which known keys signed a note.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Keys whose every line verified, each once.
    pub signed: Vec<Signed>,
    /// Known keys of a kind that is not checked here (ML-DSA-44).
    pub unchecked: Vec<VerifierKey>,
}

impl Verified {
    /// Whether `key` signed.
    #[must_use]
    pub fn has(&self, key: &VerifierKey) -> bool {
        self.signed.iter().any(|signed| signed.key == *key)
    }
}

impl Note {
    /// Reads a note without verifying anything.
    ///
    /// # Errors
    /// A [`NoteError`] for anything that is not exactly a signed note within the limits.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLarge(bytes.len()));
        }
        let note = core::str::from_utf8(bytes).map_err(|_| NoteError::NotUtf8)?;
        if let Some(byte) = note.bytes().find(|byte| *byte < 0x20 && *byte != b'\n') {
            return Err(NoteError::ControlCharacter(byte));
        }
        let separator = note.rfind("\n\n").ok_or(NoteError::NoSignatures)?;
        let (text, rest) = note.split_at(separator + 1);
        let lines = rest
            .strip_prefix('\n')
            .and_then(|lines| lines.strip_suffix('\n'));
        let lines = lines.ok_or(NoteError::NoSignatures)?;
        let lines = lines
            .split('\n')
            .map(SignatureLine::parse)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            text: String::from(text),
            lines,
        })
    }

    /// Signs `text` with every signer, in order, and verifies what each of them made before anybody sees it: a token or a
    /// computer at fault gives no note rather than a wrong one.
    ///
    /// # Errors
    /// [`NoteError::TextUnfinished`], [`NoteError::ControlCharacter`], [`NoteError::NoSignatures`] without signers,
    /// [`NoteError::Signer`].
    pub fn sign(text: &str, signers: &[&dyn NoteSigner]) -> Result<Self, NoteError> {
        if !text.ends_with('\n') {
            return Err(NoteError::TextUnfinished);
        }
        if let Some(byte) = text.bytes().find(|byte| *byte < 0x20 && *byte != b'\n') {
            return Err(NoteError::ControlCharacter(byte));
        }
        if signers.is_empty() {
            return Err(NoteError::NoSignatures);
        }
        let mut note = Self {
            text: String::from(text),
            lines: Vec::new(),
        };
        for signer in signers {
            let (key, line) = (signer.key(), signer.sign(text)?);
            let ours = line.name == key.name && line.id == key.id;
            let mut verified = Verified::default();
            if !ours || note.verify_line(key, &line, &mut verified).is_err() || !verified.has(key) {
                return Err(NoteError::Signer {
                    name: key.name.clone(),
                    fault: String::from("the signature that was made does not verify under it"),
                });
            }
            note.lines.push(line);
        }
        Ok(note)
    }

    /// The signed text, its last newline included.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines in order.
    #[must_use]
    pub fn lines(&self) -> &[SignatureLine] {
        &self.lines
    }

    /// Adds a line, such as a witness's cosignature.
    pub fn add(&mut self, line: SignatureLine) {
        self.lines.push(line);
    }

    /// Verifies every line of every known key.
    ///
    /// # Errors
    /// [`NoteError::BadSignature`] when a known key's line does not verify; [`NoteError::NoKnownSignature`].
    pub fn verify(&self, known: &[VerifierKey]) -> Result<Verified, NoteError> {
        let mut verified = Verified::default();
        for line in &self.lines {
            for key in known
                .iter()
                .filter(|key| key.name == line.name && key.id == line.id)
            {
                self.verify_line(key, line, &mut verified)?;
            }
        }
        if verified.signed.is_empty() {
            Err(NoteError::NoKnownSignature)
        } else {
            Ok(verified)
        }
    }

    fn verify_line(
        &self,
        key: &VerifierKey,
        line: &SignatureLine,
        verified: &mut Verified,
    ) -> Result<(), NoteError> {
        let bad = || NoteError::BadSignature(key.name.clone());
        let time = match key.kind {
            KeyKind::Ed25519 if key.verifies(self.text.as_bytes(), &line.blob) => None,
            KeyKind::Ed25519 => return Err(bad()),
            KeyKind::CosignatureEd25519 => {
                Some(cosignature::verify(key, &self.text, &line.blob).ok_or_else(bad)?)
            }
            KeyKind::CosignatureMlDsa44 => {
                if !verified.unchecked.contains(key) {
                    verified.unchecked.push(key.clone());
                }
                return Ok(());
            }
        };
        match verified.signed.iter_mut().find(|signed| signed.key == *key) {
            Some(signed) => signed.time = signed.time.max(time),
            None => verified.signed.push(Signed {
                key: key.clone(),
                time,
            }),
        }
        Ok(())
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.lines
            .iter()
            .try_for_each(|line| f.write_str(&line.to_line()))
    }
}

/// Signs notes. Kept behind a trait so that a key in a token, or one of another algorithm, can stand beside this one.
pub trait NoteSigner {
    /// The public side.
    fn key(&self) -> &VerifierKey;

    /// The signature line for `text`, which ends in a newline.
    ///
    /// # Errors
    /// [`NoteError::Signer`] when the key can't be reached or refuses.
    fn sign(&self, text: &str) -> Result<SignatureLine, NoteError>;
}

impl<S: NoteSigner + ?Sized> NoteSigner for Arc<S> {
    fn key(&self) -> &VerifierKey {
        (**self).key()
    }

    fn sign(&self, text: &str) -> Result<SignatureLine, NoteError> {
        (**self).sign(text)
    }
}

/// An Ed25519 key in memory that signs texts under a name.
pub struct Ed25519Signer {
    secret: SigningKey,
    key: VerifierKey,
}

impl Ed25519Signer {
    /// Takes the 32 secret bytes of RFC 8032.
    ///
    /// # Errors
    /// [`NoteError::KeyName`].
    pub fn new(name: &str, secret: &[u8; 32]) -> Result<Self, NoteError> {
        let secret = SigningKey::from_bytes(secret);
        let key = VerifierKey::new(name, KeyKind::Ed25519, secret.verifying_key().as_bytes())?;
        Ok(Self { secret, key })
    }
}

impl fmt::Debug for Ed25519Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ed25519Signer({})", self.key)
    }
}

impl NoteSigner for Ed25519Signer {
    fn key(&self) -> &VerifierKey {
        &self.key
    }

    fn sign(&self, text: &str) -> Result<SignatureLine, NoteError> {
        let blob = self.secret.sign(text.as_bytes()).to_bytes().to_vec();
        Ok(SignatureLine {
            name: self.key.name.clone(),
            id: self.key.id,
            blob,
        })
    }
}
