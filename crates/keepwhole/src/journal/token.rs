//! The log's key in a token behind PKCS#11 (OASIS, version 2.40 and later): it is made there, signs there and never leaves.
//!
//! The token is believed in one thing only, that it keeps the secret: each signature is verified outside it, under the
//! public key that the installation wrote down when the key was made. A token that errs once signs nothing any more.
//! docs/log-key.md.

use super::keys::{self, TokenKey};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use keepwhole_verify::note::{KeyKind, NoteError, NoteSigner, SignatureLine, VerifierKey};
use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is signed twice when a key is opened, to see that it is the right one and signs alike (RFC 8032). Nothing reads
/// it as a checkpoint or as any other note of the log.
const PROBE: &[u8] = b"keepwhole/log-key-probe/v1\n";
/// `CKA_EC_PARAMS` as PKCS#11 3.0 names the curve: PrintableString `edwards25519`.
const CURVE_NAME: &[u8] = b"\x13\x0cedwards25519";
/// `CKA_EC_PARAMS` as RFC 8410 does: OBJECT IDENTIFIER 1.3.101.112.
const CURVE_OID: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
/// What stands before the 32 bytes of a public key that is wrapped in an OCTET STRING.
const OCTETS_32: [u8; 2] = [0x04, 0x20];

/// How a token is reached; section `[log_key]` of `keepwhole.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenAccess {
    /// The module of the token's maker, a shared library.
    pub module: PathBuf,
    /// Label of the token.
    pub token: String,
    /// File whose one line is the user's PIN; only its owner may read it.
    pub pin_file: PathBuf,
}

/// Why a token can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The module.
    #[error("PKCS#11 module `{}` {fault}", path.display())]
    Module {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// The file with the PIN.
    #[error("PIN file `{}` {fault}", path.display())]
    PinFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// Not exactly one token has this label.
    #[error("{found} tokens are labelled `{token}`; plug in or initialise exactly one")]
    Token {
        /// The label.
        token: String,
        /// How many have it.
        found: usize,
    },
    /// The token did not let us in. It is not asked again: after a few wrong PINs a token locks itself.
    #[error("token `{token}` refuses the PIN of `{}` ({cause}); it is not tried again, as tokens lock themselves", pin_file.display())]
    Login {
        /// The token.
        token: String,
        /// Where the PIN is from.
        pin_file: PathBuf,
        /// What the token says.
        cause: String,
    },
    /// Not exactly one key has this label.
    #[error("token `{token}` holds {found} Ed25519 keys labelled `{label}` where one is needed")]
    Key {
        /// The token.
        token: String,
        /// The key's label.
        label: String,
        /// How many have it.
        found: usize,
    },
    /// A key of this label is there already.
    #[error(
        "token `{token}` holds a key labelled `{label}` already; choose another label, or say `--existing-key` if it was made for this log and signs nothing else"
    )]
    Taken {
        /// The token.
        token: String,
        /// The key's label.
        label: String,
    },
    /// A label that a key can't have.
    #[error("label `{0}` is not 1 to 64 printable ASCII characters")]
    Label(String),
    /// The key could be taken out of the token.
    #[error("key `{label}` {fault}; a log's key must never leave its token")]
    Loose {
        /// The key's label.
        label: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The public key that the token gives is none.
    #[error("token gives a public key of key `{label}` that is no Ed25519 key: {fault}")]
    Point {
        /// The key's label.
        label: String,
        /// What is wrong with it.
        fault: String,
    },
    /// A signature does not verify under the key that was written down. The token is not used any more.
    #[error(
        "key `{label}` made a signature that does not verify under `{key}`: it is another key, or the token is at fault; nothing it signed is used"
    )]
    Wrong {
        /// The key's label.
        label: String,
        /// The key that it should be.
        key: String,
    },
    /// A call failed.
    #[error("token `{token}` can't {doing}: {cause}")]
    Call {
        /// The token.
        token: String,
        /// What was asked.
        doing: &'static str,
        /// What it says.
        cause: String,
    },
}

impl TokenError {
    /// Whether another try may do harm, or can't help before a person has looked.
    const fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Login { .. } | Self::Wrong { .. } | Self::Loose { .. }
        )
    }
}

/// Modules in use, each initialised once in the process, as PKCS#11 demands.
static MODULES: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());

fn module(path: &Path) -> Result<Pkcs11, TokenError> {
    let wrong = |fault: String| TokenError::Module {
        path: path.to_path_buf(),
        fault,
    };
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = modules.get(path) {
        return Ok(known.clone());
    }
    let found =
        std::fs::metadata(path).map_err(|error| wrong(format!("can't be read: {error}")))?;
    let mode = found.permissions().mode() & 0o7777;
    if mode & 0o022 != 0 {
        return Err(wrong(format!(
            "has mode `{mode:04o}`; it runs as part of this program, so only its owner may write it"
        )));
    }
    let module = Pkcs11::new(path).map_err(|error| wrong(format!("can't be loaded: {error}")))?;
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => return Err(wrong(format!("can't be initialised: {error}"))),
    }
    modules.insert(path.to_path_buf(), module.clone());
    Ok(module)
}

impl TokenAccess {
    fn call<'a>(&'a self, doing: &'static str) -> impl FnOnce(Error) -> TokenError + 'a {
        move |error| TokenError::Call {
            token: self.token.clone(),
            doing,
            cause: error.to_string(),
        }
    }

    fn slot(&self, module: &Pkcs11) -> Result<Slot, TokenError> {
        let slots = module
            .get_slots_with_initialized_token()
            .map_err(self.call("be looked for"))?;
        // A slot whose token does not answer is not the one that is looked for.
        let mut named = slots.into_iter().filter(|slot| {
            let info = module.get_token_info(*slot);
            info.is_ok_and(|info| info.label() == self.token)
        });
        match (named.next(), named.count()) {
            (Some(slot), 0) => Ok(slot),
            (found, more) => Err(TokenError::Token {
                token: self.token.clone(),
                found: more + usize::from(found.is_some()),
            }),
        }
    }

    /// A session that is logged in. The PIN is read for it, told to the token and wiped.
    fn session(&self, write: bool) -> Result<Session, TokenError> {
        let module = module(&self.module)?;
        let slot = self.slot(&module)?;
        let session = if write {
            module.open_rw_session(slot)
        } else {
            module.open_ro_session(slot)
        };
        let session = session.map_err(self.call("open a session"))?;
        let pin_file = |fault: String| TokenError::PinFile {
            path: self.pin_file.clone(),
            fault,
        };
        let text = keys::read_private(&self.pin_file).map_err(pin_file)?;
        let pin = text.strip_suffix('\n').unwrap_or(&text);
        if pin.is_empty() || pin.contains('\n') {
            return Err(pin_file(String::from(
                "is not one line with the user's PIN",
            )));
        }
        let pin = AuthPin::new(Box::from(pin));
        match session.login(UserType::User, Some(&pin)) {
            // All sessions of a process share one login.
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(error) => Err(TokenError::Login {
                token: self.token.clone(),
                pin_file: self.pin_file.clone(),
                cause: error.to_string(),
            }),
        }
    }

    fn find(
        &self,
        session: &Session,
        class: ObjectClass,
        label: &str,
    ) -> Result<Vec<ObjectHandle>, TokenError> {
        let template = [
            Attribute::Class(class),
            Attribute::KeyType(KeyType::EC_EDWARDS),
            Attribute::Label(label.as_bytes().to_vec()),
        ];
        session
            .find_objects(&template)
            .map_err(self.call("look for a key"))
    }

    fn find_one(
        &self,
        session: &Session,
        class: ObjectClass,
        label: &str,
    ) -> Result<ObjectHandle, TokenError> {
        let found = self.find(session, class, label)?;
        match found.as_slice() {
            [one] => Ok(*one),
            several => Err(TokenError::Key {
                token: self.token.clone(),
                label: label.to_owned(),
                found: several.len(),
            }),
        }
    }

    /// Refuses a secret key that the token would give away.
    fn stays_inside(
        &self,
        session: &Session,
        secret: ObjectHandle,
        label: &str,
    ) -> Result<(), TokenError> {
        let asked = [AttributeType::Sensitive, AttributeType::Extractable];
        let told = session
            .get_attributes(secret, &asked)
            .map_err(self.call("say what may be done with a key"))?;
        let loose = |fault| {
            let label = label.to_owned();
            Err(TokenError::Loose { label, fault })
        };
        if !told.contains(&Attribute::Sensitive(true)) {
            return loose("can be read (`CKA_SENSITIVE` is not true)");
        }
        if !told.contains(&Attribute::Extractable(false)) {
            return loose("can be taken out (`CKA_EXTRACTABLE` is not false)");
        }
        Ok(())
    }

    fn sign(
        &self,
        session: &Session,
        secret: ObjectHandle,
        text: &[u8],
    ) -> Result<Vec<u8>, TokenError> {
        let pure = EddsaParams::new(EddsaSignatureScheme::Pure);
        session
            .sign(&Mechanism::Eddsa(pure), secret, text)
            .map_err(self.call("sign"))
    }

    /// A session and the secret key of `to`, after the key has signed the probe twice alike, and rightly.
    fn open(&self, to: &TokenKey) -> Result<(Session, ObjectHandle), TokenError> {
        let session = self.session(false)?;
        let secret = self.find_one(&session, ObjectClass::PRIVATE_KEY, &to.label)?;
        self.stays_inside(&session, secret, &to.label)?;
        let first = self.sign(&session, secret, PROBE)?;
        let second = self.sign(&session, secret, PROBE)?;
        if first != second || !to.key.verifies(PROBE, &first) {
            return Err(to.wrong());
        }
        Ok((session, secret))
    }

    /// Makes a key pair in the token: sensitive, not extractable, for signing. It is tried whether it signs.
    ///
    /// # Errors
    /// [`TokenError`]; [`TokenError::Taken`] where the label is in use.
    pub fn make(&self, label: &str, name: &str) -> Result<TokenKey, TokenError> {
        if !keys::is_label(label) {
            return Err(TokenError::Label(label.to_owned()));
        }
        let session = self.session(true)?;
        for class in [ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY] {
            if !self.find(&session, class, label)?.is_empty() {
                return Err(TokenError::Taken {
                    token: self.token.clone(),
                    label: label.to_owned(),
                });
            }
        }
        let made = |curve: &[u8]| {
            let named = Attribute::Label(label.as_bytes().to_vec());
            let numbered = Attribute::Id(label.as_bytes().to_vec());
            let public = [
                Attribute::Token(true),
                Attribute::Private(false),
                Attribute::Verify(true),
                Attribute::EcParams(curve.to_vec()),
                named.clone(),
                numbered.clone(),
            ];
            let secret = [
                Attribute::Token(true),
                Attribute::Private(true),
                Attribute::Sensitive(true),
                Attribute::Extractable(false),
                Attribute::Sign(true),
                named,
                numbered,
            ];
            session.generate_key_pair(&Mechanism::EccEdwardsKeyPairGen, &public, &secret)
        };
        // Tokens know the curve by its name, by its number, or by both.
        made(CURVE_NAME)
            .or_else(|_| made(CURVE_OID))
            .map_err(self.call("make an Ed25519 key"))?;
        self.take(label, name)
    }

    /// Takes a key pair that lies in the token already.
    ///
    /// # Errors
    /// [`TokenError`]; [`TokenError::Loose`] for a key that could leave the token.
    pub fn take(&self, label: &str, name: &str) -> Result<TokenKey, TokenError> {
        if !keys::is_label(label) {
            return Err(TokenError::Label(label.to_owned()));
        }
        let session = self.session(false)?;
        let public = self.find_one(&session, ObjectClass::PUBLIC_KEY, label)?;
        let told = session
            .get_attributes(public, &[AttributeType::EcPoint])
            .map_err(self.call("give a public key"))?;
        let point = told.into_iter().find_map(|told| match told {
            Attribute::EcPoint(point) => Some(point),
            _ => None,
        });
        let wrong = |fault: String| TokenError::Point {
            label: label.to_owned(),
            fault,
        };
        let point = point.ok_or_else(|| wrong(String::from("it gives none")))?;
        let public = public_key(&point)
            .ok_or_else(|| wrong(format!("`CKA_EC_POINT` of {} bytes", point.len())))?;
        let key = VerifierKey::new(name, KeyKind::Ed25519, &public)
            .map_err(|error| wrong(error.to_string()))?;
        let label = label.to_owned();
        let taken = TokenKey { label, key };
        self.open(&taken)?;
        Ok(taken)
    }
}

/// The 32 bytes of a public key in `CKA_EC_POINT`: wrapped in an OCTET STRING as PKCS#11 3.0 says, or raw as some tokens
/// give them.
#[must_use]
pub fn public_key(point: &[u8]) -> Option<[u8; 32]> {
    match point.strip_prefix(&OCTETS_32) {
        Some(inner) if point.len() == 34 => inner.try_into().ok(),
        _ => point.try_into().ok(),
    }
}

impl TokenKey {
    fn wrong(&self) -> TokenError {
        TokenError::Wrong {
            label: self.label.clone(),
            key: self.key.to_string(),
        }
    }
}

/// What a signer has of its token.
enum Held {
    /// A session that is logged in, and the key.
    Open(Session, ObjectHandle),
    /// Nothing; it is opened again at the next signature.
    Closed,
    /// It erred in a way that another try can't mend.
    Refused(String),
}

/// Signs with a key that lies in a token.
pub struct TokenSigner {
    access: TokenAccess,
    key: TokenKey,
    held: Mutex<Held>,
}

impl fmt::Debug for TokenSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSigner")
            .field("token", &self.access.token)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl TokenSigner {
    /// Opens the key and tries whether it signs rightly.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn open(access: TokenAccess, key: TokenKey) -> Result<Self, TokenError> {
        let (session, secret) = access.open(&key)?;
        Ok(Self {
            access,
            key,
            held: Mutex::new(Held::Open(session, secret)),
        })
    }

    /// One signature, verified; a session that was lost is opened again, once.
    fn sign_verified(&self, text: &[u8], held: &mut Held) -> Result<Vec<u8>, TokenError> {
        if let Held::Open(session, secret) = held {
            match self.access.sign(session, *secret, text) {
                Ok(signature) => return self.verified(text, signature),
                Err(_) => *held = Held::Closed,
            }
        }
        let (session, secret) = self.access.open(&self.key)?;
        let signature = self.access.sign(&session, secret, text)?;
        *held = Held::Open(session, secret);
        self.verified(text, signature)
    }

    fn verified(&self, text: &[u8], signature: Vec<u8>) -> Result<Vec<u8>, TokenError> {
        if self.key.key.verifies(text, &signature) {
            Ok(signature)
        } else {
            Err(self.key.wrong())
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NoteSigner for TokenSigner {
    fn key(&self) -> &VerifierKey {
        &self.key.key
    }

    fn sign(&self, text: &str) -> Result<SignatureLine, NoteError> {
        let name = self.key.key.name().to_owned();
        let mut held = self.held();
        if let Held::Refused(fault) = &*held {
            let fault = fault.clone();
            return Err(NoteError::Signer { name, fault });
        }
        match self.sign_verified(text.as_bytes(), &mut held) {
            Ok(blob) => Ok(SignatureLine {
                name,
                id: self.key.key.id(),
                blob,
            }),
            Err(error) => {
                let fault = error.to_string();
                *held = if error.is_final() {
                    Held::Refused(fault.clone())
                } else {
                    Held::Closed
                };
                Err(NoteError::Signer { name, fault })
            }
        }
    }
}
