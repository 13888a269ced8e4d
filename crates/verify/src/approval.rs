//! What people approved: the command, the challenge that each of them answered, and the file that carries their answers.
//!
//! Format and vectors: docs/approvals.md. [`check`] says whether the approvals of one file suffice,
//! [`check_intent`] whether those of a withdrawal do, as a signer asks.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

mod check;
mod intent;

pub use check::{
    Cause, Granted, MAX_COLLECTION, MAX_EXECUTION, MAX_TOUCH, Refusal, Rules, Seen, Timing, Voice,
    check,
};
pub use intent::{Pinned, Unapproved, check_intent};

use crate::digest::Digest;
use crate::intent::{Intent, check_text, plain_text};
use crate::json::{self, Fields, FormatError, MAX_INTEGER, Value};
use crate::roster::{MAX_CREDENTIAL_ID, bytes, names};
use crate::webauthn::{AUTHENTICATOR_DATA_BYTES, Assertion};

/// Value of the field `type` of an approvals file.
pub const TYPE: &str = "keepwhole/approvals/v1";
/// What stands before a command's canonical text when it is hashed.
pub const COMMAND_LABEL: &str = "keepwhole/command/v1\n";
/// What stands before the parts of a challenge when they are hashed.
pub const CHALLENGE_LABEL: &str = "keepwhole/approval/v1\n";
/// Action of a withdrawal's command.
pub const WITHDRAW: &str = "withdraw";
/// Most approvals of one file.
pub const MAX_APPROVALS: usize = 64;
/// Longest command in bytes.
pub const MAX_COMMAND: usize = 65_536;

/// What is proposed, whole: a flat object of texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    fields: BTreeMap<String, String>,
}

impl Command {
    /// A command of any action but `withdraw`; `fields` are those beside `action`, `policy` and `proposer`.
    ///
    /// # Errors
    /// The field and the cause.
    pub fn new(
        action: &str,
        proposer: &str,
        policy: Digest,
        fields: &[(&str, &str)],
    ) -> Result<Self, FormatError> {
        let policy = policy.to_hex();
        let mut members: Vec<(&str, Value)> = fields
            .iter()
            .map(|(key, text)| (*key, Value::text(*text)))
            .collect();
        members.push(("action", Value::text(action)));
        members.push(("policy", Value::text(policy)));
        members.push(("proposer", Value::text(proposer)));
        Self::read(&Value::object(members).to_canonical())
    }

    /// The command of a withdrawal: the intent, with `action`, `policy` and `proposer`.
    ///
    /// # Errors
    /// The field and the cause.
    pub fn withdraw(intent: &Intent, proposer: &str, policy: Digest) -> Result<Self, FormatError> {
        let mut members: Vec<(&str, Value)> = intent.members().into();
        members.push(("action", Value::text(WITHDRAW)));
        members.push(("policy", Value::Text(policy.to_hex())));
        members.push(("proposer", Value::text(proposer)));
        Self::read(&Value::object(members).to_canonical())
    }

    /// Reads a command from its canonical text.
    ///
    /// # Errors
    /// The field and the cause.
    pub fn read(text: &str) -> Result<Self, FormatError> {
        if text.len() > MAX_COMMAND {
            return Err(FormatError::new(
                "command",
                format!(
                    "has {} bytes, at most {MAX_COMMAND} are allowed",
                    text.len()
                ),
            ));
        }
        let value = json::parse("command", text)?;
        let mut members = Fields::of("command", &value)?;
        for required in ["action", "proposer"] {
            plain_text(&mut members, required)?;
        }
        members.hex::<32>("policy")?;
        let mut fields = BTreeMap::new();
        if let Value::Object(all) = &value {
            for (key, value) in all {
                let plain =
                    |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
                if key.is_empty() || !key.bytes().all(plain) {
                    return Err(members.error(key, "a field's name has a-z, 0-9 and _ only"));
                }
                let Value::Text(text) = value else {
                    return Err(members.error(key, "must be a text"));
                };
                fields.insert(key.clone(), text.clone());
            }
        }
        let command = Self { fields };
        if command.action() == WITHDRAW {
            Intent::from_fields(&mut members)?;
            members.done()?;
        }
        Ok(command)
    }

    /// The canonical text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let members = self
            .fields
            .iter()
            .map(|(key, text)| (key.as_str(), Value::text(&**text)));
        Value::object(members.collect()).to_canonical()
    }

    /// `H(COMMAND_LABEL || canonical text)`.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of_parts(&[COMMAND_LABEL.as_bytes(), self.to_text().as_bytes()])
    }

    /// One field.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<&str> {
        self.fields.get(key).map(String::as_str)
    }

    /// All fields, ascending by name.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|(key, text)| (key.as_str(), text.as_str()))
    }

    /// What is to be done.
    #[must_use]
    pub fn action(&self) -> &str {
        self.field("action").unwrap_or_default()
    }

    /// Who proposed it.
    #[must_use]
    pub fn proposer(&self) -> &str {
        self.field("proposer").unwrap_or_default()
    }

    /// Digest of the policy in force when it was proposed.
    #[must_use]
    pub fn policy(&self) -> Option<Digest> {
        self.field("policy")
            .and_then(|hex| Digest::from_hex(hex).ok())
    }

    /// The intent of a withdrawal; `None` for other actions.
    #[must_use]
    pub fn intent(&self) -> Option<Intent> {
        if self.action() != WITHDRAW {
            return None;
        }
        let beside = ["action", "policy", "proposer"];
        let members = self
            .fields()
            .filter(|(key, _)| !beside.contains(key))
            .map(|(key, text)| (key, Value::text(text)));
        Intent::read(&Value::object(members.collect()).to_canonical()).ok()
    }
}

/// `H(COMMAND_LABEL || canonical text)` of a command.
#[must_use]
pub fn command_digest(command: &Command) -> Digest {
    command.digest()
}

/// What a person says to a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// Yes.
    Approve,
    /// No; one of these ends the proposal.
    Reject,
}

impl Decision {
    /// The written form.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
        }
    }

    /// Reads the written form.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Approve, Self::Reject]
            .into_iter()
            .find(|decision| decision.name() == name)
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The challenge that an approver's authenticator signs:
/// `H(CHALLENGE_LABEL || command digest || nonce || lp(approver) || lp(role) || lp(decision) || u64 expires)`.
///
/// `None` where a name is longer than 65,535 bytes, which no roster allows.
#[must_use]
pub fn challenge(
    command: &Digest,
    nonce: &[u8; 16],
    approver: &str,
    role: &str,
    decision: Decision,
    expires: u64,
) -> Option<Digest> {
    let mut text = CHALLENGE_LABEL.as_bytes().to_owned();
    text.extend(command.as_bytes());
    text.extend(nonce);
    for part in [approver, role, decision.name()] {
        text.extend(u16::try_from(part.len()).ok()?.to_be_bytes());
        text.extend(part.as_bytes());
    }
    text.extend(expires.to_be_bytes());
    Some(Digest::of(&text))
}

/// One person's answer to a proposal; times in Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Approval {
    /// Who answers.
    pub approver: String,
    /// What the authenticator signed.
    pub assertion: Assertion,
    /// Which authenticator.
    pub credential_id: Vec<u8>,
    /// What the person says.
    pub decision: Decision,
    /// Last second at which the answer may be received.
    pub expires: u64,
    /// When the challenge was made.
    pub issued: u64,
    /// Random, used for this challenge only.
    pub nonce: [u8; 16],
    /// When the answer was received.
    pub received: u64,
    /// In which role the person answers.
    pub role: String,
}

impl Approval {
    /// The challenge that this answer must have signed, for the command of that digest.
    #[must_use]
    pub fn challenge(&self, command: &Digest) -> Option<Digest> {
        challenge(
            command,
            &self.nonce,
            &self.approver,
            &self.role,
            self.decision,
            self.expires,
        )
    }

    /// Reads one answer; `place` is used in errors.
    ///
    /// # Errors
    /// The field and the cause.
    pub fn from_value(place: &str, value: &Value) -> Result<Self, FormatError> {
        let mut fields = Fields::of(place, value)?;
        let decision = fields.text("decision")?;
        let decision = Decision::from_name(decision).ok_or_else(|| {
            fields.error(
                "decision",
                format!("`{decision}` must be `approve` or `reject`"),
            )
        })?;
        let approval = Self {
            approver: plain_text(&mut fields, "approver")?,
            assertion: Assertion {
                authenticator_data: bytes(
                    &mut fields,
                    "authenticator_data",
                    // More is refused by name when it is checked.
                    AUTHENTICATOR_DATA_BYTES.saturating_mul(32),
                )?,
                client_data_json: bytes(
                    &mut fields,
                    "client_data_json",
                    crate::client_data::MAX_BYTES,
                )?,
                signature: bytes(&mut fields, "signature", 1024)?,
            },
            credential_id: bytes(&mut fields, "credential_id", MAX_CREDENTIAL_ID)?,
            decision,
            expires: fields.integer("expires", 0, MAX_INTEGER)?,
            issued: fields.integer("issued", 0, MAX_INTEGER)?,
            nonce: fields.hex("nonce")?,
            received: fields.integer("received", 0, MAX_INTEGER)?,
            role: plain_text(&mut fields, "role")?,
        };
        fields.done()?;
        Ok(approval)
    }

    /// Reads one answer from its canonical text.
    ///
    /// # Errors
    /// The field and the cause.
    pub fn read(text: &str) -> Result<Self, FormatError> {
        Self::from_value("approval", &json::parse("approval", text)?)
    }

    /// As a member of an approvals file.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let bytes = |bytes: &[u8]| Value::Text(URL_SAFE_NO_PAD.encode(bytes));
        Value::object(alloc::vec![
            ("approver", Value::text(&*self.approver)),
            (
                "authenticator_data",
                bytes(&self.assertion.authenticator_data)
            ),
            ("client_data_json", bytes(&self.assertion.client_data_json)),
            ("credential_id", bytes(&self.credential_id)),
            ("decision", Value::text(self.decision.name())),
            ("expires", Value::Integer(self.expires)),
            ("issued", Value::Integer(self.issued)),
            ("nonce", Value::Text(json::to_hex(&self.nonce))),
            ("received", Value::Integer(self.received)),
            ("role", Value::text(&*self.role)),
            ("signature", bytes(&self.assertion.signature)),
        ])
    }

    /// The canonical text.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.to_value().to_canonical()
    }
}

/// How many people must agree, and which roles must be among theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quorum {
    /// Number of different people, at least 1.
    pub n: u32,
    /// Each is filled by a different person; the rest of `n` may answer in any role.
    pub roles: BTreeSet<String>,
}

impl Quorum {
    /// Whether whoever meets this one meets `least` too.
    #[must_use]
    pub fn covers(&self, least: &Self) -> bool {
        self.n >= least.n && self.roles.is_superset(&least.roles)
    }

    fn read(place: &str, value: &Value) -> Result<Self, FormatError> {
        let mut fields = Fields::of(place, value)?;
        let n = fields.integer("n", 1, 64)?;
        let quorum = Self {
            n: u32::try_from(n).map_err(|_| fields.error("n", "is too large"))?,
            roles: names(&mut fields, "roles")?,
        };
        fields.done()?;
        Ok(quorum)
    }

    fn to_value(&self) -> Value {
        let roles = self.roles.iter().map(|role| Value::text(&**role));
        Value::object(alloc::vec![
            ("n", Value::Integer(u64::from(self.n))),
            ("roles", Value::List(roles.collect())),
        ])
    }
}

/// All answers to one proposal, in order of receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalsFile {
    /// The answers.
    pub approvals: Vec<Approval>,
    /// What was proposed.
    pub command: Command,
    /// Journal index of the proposal.
    pub index: u64,
    /// The proposal's id; the file is called after it.
    pub proposal: String,
    /// Unix seconds.
    pub proposed_at: u64,
    /// What the policy in force asked for.
    pub quorum: Quorum,
}

impl ApprovalsFile {
    /// Reads a file from its canonical text.
    ///
    /// # Errors
    /// The field and the cause.
    pub fn read(text: &str) -> Result<Self, FormatError> {
        let value = json::parse("approvals", text)?;
        let mut fields = Fields::of("approvals", &value)?;
        fields.constant("type", TYPE)?;
        let items = fields.list("approvals")?;
        if items.len() > MAX_APPROVALS {
            return Err(fields.error("approvals", format!("has more than {MAX_APPROVALS} lines")));
        }
        let mut approvals = Vec::new();
        for (position, item) in items.iter().enumerate() {
            let place = format!("approvals.approvals[{position}]");
            approvals.push(Approval::from_value(&place, item)?);
        }
        let file = Self {
            approvals,
            command: Command::read(fields.text("command")?)?,
            index: fields.integer("index", 0, MAX_INTEGER)?,
            proposal: plain_text(&mut fields, "proposal")?,
            proposed_at: fields.integer("proposed_at", 0, MAX_INTEGER)?,
            quorum: Quorum::read("approvals.quorum", fields.value("quorum")?)?,
        };
        fields.done()?;
        Ok(file)
    }

    /// The canonical text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let approvals = self.approvals.iter().map(Approval::to_value);
        Value::object(alloc::vec![
            ("approvals", Value::List(approvals.collect())),
            ("command", Value::Text(self.command.to_text())),
            ("index", Value::Integer(self.index)),
            ("proposal", Value::text(&*self.proposal)),
            ("proposed_at", Value::Integer(self.proposed_at)),
            ("quorum", self.quorum.to_value()),
            ("type", Value::text(TYPE)),
        ])
        .to_canonical()
    }
}

/// A quorum of `n` people with `roles` among theirs.
///
/// # Errors
/// What is wrong with a role's name or with `n` (1 to 64).
pub fn quorum(n: u32, roles: &[&str]) -> Result<Quorum, FormatError> {
    if !(1..=64).contains(&n) {
        return Err(FormatError::new(
            "quorum.n",
            format!("`{n}` is not within 1 to 64"),
        ));
    }
    let roles: BTreeSet<String> = roles.iter().map(|role| (*role).to_owned()).collect();
    for role in &roles {
        check_text(role)
            .map_err(|cause| FormatError::new("quorum.roles", format!("a name {cause}")))?;
    }
    Ok(Quorum { n, roles })
}
