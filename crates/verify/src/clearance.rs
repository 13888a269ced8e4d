//! What may be signed and by when: the clearance of one string of bytes, and its redemption by one signer.
//!
//! Format and vectors: docs/clearances.md. Both are signed with Ed25519 by the key named `<origin>/guard`.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use crate::decimal;
use crate::digest::Digest;
use crate::intent::{self, Intent};
use crate::json::{self, Fields, FormatError, Value};
use crate::note::{KeyKind, NoteError, NoteSigner, SignatureLine, VerifierKey};

/// What stands before a clearance's canonical text when it is hashed or signed.
pub const LABEL: &str = "keepwhole/clearance/v1\n";
/// What stands before a redemption's canonical text when it is hashed or signed.
pub const REDEMPTION_LABEL: &str = "keepwhole/redemption/v1\n";
/// What stands before the sighashes of a PSBT when they are hashed.
pub const SIGHASHES_LABEL: &str = "keepwhole/sighashes/v1\n";

/// Name of the key that signs clearances and redemptions of a log.
#[must_use]
pub fn guard_name(origin: &str) -> String {
    format!("{origin}/guard")
}

/// Which rule made the signing digest out of the bytes (docs/payloads.md, "Outcome").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PayloadKind {
    /// Keccak-256 of the unsigned EVM transaction.
    EvmTx,
    /// Hash of a Safe transaction (EIP-712).
    SafeTx,
    /// [`sighashes_digest`] of a partially signed Bitcoin transaction.
    Psbt,
    /// SHA-256 of a Solana message.
    SolanaMessage,
    /// SHA-256 of what a custody vendor told, where it shows no bytes (docs/cosigners.md, "Callback").
    VendorCallback,
}

impl PayloadKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [
        Self::EvmTx,
        Self::SafeTx,
        Self::Psbt,
        Self::SolanaMessage,
        Self::VendorCallback,
    ];

    /// The written form.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EvmTx => "evm-tx",
            Self::SafeTx => "safe-tx",
            Self::Psbt => "psbt",
            Self::SolanaMessage => "solana-message",
            Self::VendorCallback => "vendor-callback",
        }
    }

    /// Reads the written form.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for PayloadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Leave to sign one string of bytes with one key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clearance {
    /// Number of the attempt at this intent, from 1.
    pub attempt: u32,
    /// Digest of the program that decided.
    pub build: Digest,
    /// What at most one of several attempts can spend; begins with the network.
    pub conflict_key: String,
    /// Unix seconds; from this second on it is void.
    pub expires: u64,
    /// Digest of the intent.
    pub intent: Digest,
    /// The key that may sign.
    pub key: String,
    /// How `signing_digest` is made.
    pub payload_kind: PayloadKind,
    /// Digest of the policy in force.
    pub policy: Digest,
    /// Digest of the bytes that may be signed.
    pub signing_digest: [u8; 32],
    /// Greatest total fee of the bytes, minor units.
    pub total_fee: u128,
}

impl Clearance {
    /// Reads a clearance from its canonical text.
    ///
    /// # Errors
    /// The field and the cause.
    pub fn read(text: &str) -> Result<Self, FormatError> {
        let value = json::parse("clearance", text)?;
        let mut fields = Fields::of("clearance", &value)?;
        let attempt = fields.text("attempt")?;
        let attempt = decimal::parse_u64(attempt)
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| *number > 0)
            .ok_or_else(|| fields.error("attempt", format!("`{attempt}` is no number from 1")))?;
        let kind = fields.text("payload_kind")?;
        let payload_kind = PayloadKind::from_name(kind)
            .ok_or_else(|| fields.error("payload_kind", format!("`{kind}` is not known")))?;
        let clearance = Self {
            attempt,
            build: Digest::from(fields.hex("build")?),
            conflict_key: intent::plain_text(&mut fields, "conflict_key")?,
            expires: intent::seconds(&mut fields, "expires")?,
            intent: Digest::from(fields.hex("intent")?),
            key: intent::plain_text(&mut fields, "key")?,
            payload_kind,
            policy: Digest::from(fields.hex("policy")?),
            signing_digest: fields.hex("signing_digest")?,
            total_fee: fields.amount("total_fee")?,
        };
        fields.done()?;
        Ok(clearance)
    }

    /// The canonical text.
    #[must_use]
    pub fn to_text(&self) -> String {
        Value::object(alloc::vec![
            ("attempt", Value::Text(self.attempt.to_string())),
            ("build", Value::Text(self.build.to_hex())),
            ("conflict_key", Value::text(&*self.conflict_key)),
            ("expires", Value::Text(self.expires.to_string())),
            ("intent", Value::Text(self.intent.to_hex())),
            ("key", Value::text(&*self.key)),
            ("payload_kind", Value::text(self.payload_kind.name())),
            ("policy", Value::Text(self.policy.to_hex())),
            (
                "signing_digest",
                Value::Text(json::to_hex(&self.signing_digest))
            ),
            ("total_fee", Value::amount(self.total_fee)),
        ])
        .to_canonical()
    }

    /// What is signed: [`LABEL`] and the canonical text.
    #[must_use]
    pub fn sign_text(&self) -> String {
        format!("{LABEL}{}", self.to_text())
    }

    /// SHA-256 of [`Self::sign_text`].
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.sign_text().as_bytes())
    }

    /// Whether it is void at `now` (Unix seconds): the second of expiry itself is too late.
    #[must_use]
    pub const fn is_expired(&self, now: u64) -> bool {
        now >= self.expires
    }

    /// That this clearance carries out `intent`: its digest, its network, its fee.
    ///
    /// # Errors
    /// What differs.
    pub fn check_intent(&self, intent: &Intent) -> Result<(), Refusal> {
        if self.intent != intent.digest() {
            return Err(Refusal::OtherIntent);
        }
        if !intent::is_on(&self.conflict_key, &intent.network) {
            return Err(Refusal::OtherNetwork);
        }
        if self.total_fee > intent.max_fee {
            return Err(Refusal::FeeAboveCap {
                fee: self.total_fee,
                most: intent.max_fee,
            });
        }
        Ok(())
    }

    /// Reads a clearance that `key` signed and that holds at `now` (Unix seconds).
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn check(
        text: &str,
        signature: &str,
        key: &VerifierKey,
        now: u64,
    ) -> Result<Self, Refusal> {
        let clearance = Self::read(text).map_err(Refusal::Form)?;
        check_signature(&clearance.sign_text(), signature, key)?;
        if clearance.is_expired(now) {
            let expires = clearance.expires;
            return Err(Refusal::Expired { expires, now });
        }
        Ok(clearance)
    }
}

/// SHA-256 of what is signed of a clearance.
#[must_use]
pub fn digest(clearance: &Clearance) -> Digest {
    clearance.digest()
}

/// What is signed of a clearance.
#[must_use]
pub fn sign_text(clearance: &Clearance) -> String {
    clearance.sign_text()
}

/// One signer has taken up one clearance: from here on it is used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Redemption {
    /// Unix seconds.
    pub at: u64,
    /// Digest of the clearance.
    pub clearance: Digest,
    /// The signer's name.
    pub signer: String,
}

impl Redemption {
    /// Reads a redemption from its canonical text.
    ///
    /// # Errors
    /// The field and the cause.
    pub fn read(text: &str) -> Result<Self, FormatError> {
        let value = json::parse("redemption", text)?;
        let mut fields = Fields::of("redemption", &value)?;
        let redemption = Self {
            at: intent::seconds(&mut fields, "at")?,
            clearance: Digest::from(fields.hex("clearance")?),
            signer: intent::plain_text(&mut fields, "signer")?,
        };
        fields.done()?;
        Ok(redemption)
    }

    /// The canonical text.
    #[must_use]
    pub fn to_text(&self) -> String {
        Value::object(alloc::vec![
            ("at", Value::Text(self.at.to_string())),
            ("clearance", Value::Text(self.clearance.to_hex())),
            ("signer", Value::text(&*self.signer)),
        ])
        .to_canonical()
    }

    /// What is signed: [`REDEMPTION_LABEL`] and the canonical text.
    #[must_use]
    pub fn sign_text(&self) -> String {
        format!("{REDEMPTION_LABEL}{}", self.to_text())
    }

    /// SHA-256 of [`Self::sign_text`].
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.sign_text().as_bytes())
    }

    /// That this is the redemption of `clearance`, before it expired.
    ///
    /// # Errors
    /// [`Refusal::OtherClearance`], [`Refusal::Expired`].
    pub fn check_clearance(&self, clearance: &Clearance) -> Result<(), Refusal> {
        if self.clearance != clearance.digest() {
            return Err(Refusal::OtherClearance);
        }
        if clearance.is_expired(self.at) {
            return Err(Refusal::Expired {
                expires: clearance.expires,
                now: self.at,
            });
        }
        Ok(())
    }

    /// Reads a redemption of `clearance` by `signer` that `key` signed.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn check(
        text: &str,
        signature: &str,
        key: &VerifierKey,
        clearance: &Clearance,
        signer: &str,
    ) -> Result<Self, Refusal> {
        let redemption = Self::read(text).map_err(Refusal::Form)?;
        check_signature(&redemption.sign_text(), signature, key)?;
        redemption.check_clearance(clearance)?;
        if redemption.signer != signer {
            return Err(Refusal::OtherSigner(redemption.signer));
        }
        Ok(redemption)
    }
}

/// How far ahead an end may lie, seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// By the reader's own clock.
    pub longest: u64,
    /// By how much that clock may be behind.
    pub tolerance: u64,
}

/// Why an end does not hold, in Unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndFault {
    /// It is over; the end is exclusive.
    Over {
        /** End. */
        expires: u64,
        /** Then. */
        now: u64,
    },
    /// It lies further ahead than the reader takes.
    TooFar {
        /** End. */
        expires: u64,
        /** Latest that is taken. */
        latest: u64,
    },
}

/// That the end of a clearance or an intent lies ahead of `now` (Unix seconds), and not too far: whoever holds the guard's key
/// could else make one that outlives every memory. A clock that may be behind does not stretch the end itself; the tolerance
/// only widens what is taken as the latest one.
///
/// # Errors
/// [`EndFault`].
pub const fn check_end(expires: u64, now: u64, life: Life) -> Result<(), EndFault> {
    if now >= expires {
        return Err(EndFault::Over { expires, now });
    }
    let latest = now
        .saturating_add(life.longest)
        .saturating_add(life.tolerance);
    if expires > latest {
        return Err(EndFault::TooFar { expires, latest });
    }
    Ok(())
}

/// Why a clearance or a redemption does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Not its format.
    Form(FormatError),
    /// The signature is not one line of a signed note.
    SignatureLine,
    /// The line names another key than the guard's.
    OtherKey(String),
    /// The signature does not verify.
    Signature,
    /// Too late, in Unix seconds.
    Expired {
        /** End. */
        expires: u64,
        /** Then. */
        now: u64,
    },
    /// It carries out another intent.
    OtherIntent,
    /// Its conflict key is on another network than the intent.
    OtherNetwork,
    /// The fee of the bytes is above what was decided, in minor units.
    FeeAboveCap {
        /** Of the bytes. */
        fee: u128,
        /** Decided. */
        most: u128,
    },
    /// A redemption of another clearance.
    OtherClearance,
    /// Redeemed by another signer.
    OtherSigner(String),
}

impl Refusal {
    /// A stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Form(_) => "form",
            Self::SignatureLine => "signature_line",
            Self::OtherKey(_) => "other_key",
            Self::Signature => "signature",
            Self::Expired { .. } => "expired",
            Self::OtherIntent => "other_intent",
            Self::OtherNetwork => "other_network",
            Self::FeeAboveCap { .. } => "fee_above_cap",
            Self::OtherClearance => "other_clearance",
            Self::OtherSigner(_) => "other_signer",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(error) => error.fmt(f),
            Self::SignatureLine => f.write_str("the signature is not one line of a signed note"),
            Self::OtherKey(name) => write!(f, "signed by `{name}`, which is not the guard's key"),
            Self::Signature => f.write_str("the guard's signature does not verify"),
            Self::Expired { expires, now } => {
                write!(f, "expired at `{expires}`, used at `{now}` (Unix seconds)")
            }
            Self::OtherIntent => f.write_str("the clearance carries out another intent"),
            Self::OtherNetwork => {
                f.write_str("the conflict key is on another network than the intent")
            }
            Self::FeeAboveCap { fee, most } => {
                write!(
                    f,
                    "the fee `{fee}` is above the greatest fee decided, `{most}`"
                )
            }
            Self::OtherClearance => f.write_str("the redemption is of another clearance"),
            Self::OtherSigner(signer) => write!(f, "redeemed by another signer, `{signer}`"),
        }
    }
}

impl core::error::Error for Refusal {}

/// Signs what [`Clearance::sign_text`] or [`Redemption::sign_text`] gives, and verifies it before anybody sees it; the answer
/// is one signature line without newline.
///
/// # Errors
/// [`NoteError::Signer`] when the key can't be reached, refuses, is not named `<origin>/guard` or signed wrongly.
pub fn sign(sign_text: &str, guard: &dyn NoteSigner) -> Result<String, NoteError> {
    let line = guard.sign(sign_text)?.to_line();
    let line = line.strip_suffix('\n').unwrap_or(&line).to_owned();
    check_signature(sign_text, &line, guard.key()).map_err(|refusal| NoteError::Signer {
        name: guard.key().name().to_owned(),
        fault: refusal.to_string(),
    })?;
    Ok(line)
}

/// That `line`, one signature line without newline, is `key`'s over `sign_text`.
///
/// # Errors
/// [`Refusal::SignatureLine`], [`Refusal::OtherKey`] (also for a key not named `<origin>/guard`), [`Refusal::Signature`].
pub fn check_signature(sign_text: &str, line: &str, key: &VerifierKey) -> Result<(), Refusal> {
    let line = SignatureLine::read(line).map_err(|_| Refusal::SignatureLine)?;
    let is_guard = key.kind() == KeyKind::Ed25519 && key.name().ends_with("/guard");
    if !is_guard || line.name != key.name() || line.id != key.id() {
        return Err(Refusal::OtherKey(line.name));
    }
    if key.verifies(sign_text.as_bytes(), &line.blob) {
        Ok(())
    } else {
        Err(Refusal::Signature)
    }
}

/// Signing digest of a PSBT: `H(SIGHASHES_LABEL || u32 count || count × (u32 input || sighash))`, inputs ascending,
/// numbers big-endian. `None` where there is no input or they don't ascend.
#[must_use]
pub fn sighashes_digest(sighashes: &[(u32, [u8; 32])]) -> Option<[u8; 32]> {
    let ascend = sighashes
        .windows(2)
        .all(|pair| matches!(pair, [(a, _), (b, _)] if a < b));
    if sighashes.is_empty() || !ascend {
        return None;
    }
    let count = u32::try_from(sighashes.len()).ok()?;
    let mut text = SIGHASHES_LABEL.as_bytes().to_owned();
    text.extend(count.to_be_bytes());
    for (input, sighash) in sighashes {
        text.extend(input.to_be_bytes());
        text.extend(sighash);
    }
    Some(*Digest::of(&text).as_bytes())
}
