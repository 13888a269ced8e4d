//! What an approver is asked: the command and the fields of the challenge, never the challenge itself.
//!
//! Format: docs/approver.md, "Request".

use keepwhole_verify::approval::{Command, Decision, MAX_TOUCH, challenge};
use keepwhole_verify::digest::Digest;
use keepwhole_verify::json::{self, Fields, FormatError, MAX_INTEGER};

/// Value of the field `type`.
pub(crate) const TYPE: &str = "keepwhole/approval-request/v1";

/// One request; times in Unix seconds.
pub(crate) struct Request {
    pub(crate) approver: String,
    pub(crate) command: Command,
    pub(crate) expires: u64,
    pub(crate) issued: u64,
    pub(crate) nonce: [u8; 16],
    pub(crate) proposal: String,
    pub(crate) role: String,
}

impl Request {
    pub(crate) fn read(text: &str) -> Result<Self, FormatError> {
        let value = json::parse("request", text)?;
        let mut fields = Fields::of("request", &value)?;
        fields.constant("type", TYPE)?;
        let request = Self {
            approver: fields.text("approver")?.to_owned(),
            command: Command::read(fields.text("command")?)?,
            expires: fields.integer("expires", 0, MAX_INTEGER)?,
            issued: fields.integer("issued", 0, MAX_INTEGER)?,
            nonce: fields.hex("nonce")?,
            proposal: fields.text("proposal")?.to_owned(),
            role: fields.text("role")?.to_owned(),
        };
        // What is shown as the proposal must be what is signed.
        if request.command.field("id") != Some(request.proposal.as_str()) {
            return Err(fields.error("proposal", "is not the `id` of the command"));
        }
        fields.done()?;
        Ok(request)
    }

    /// That the request is of this moment by the approver's own clock, a minute more or less.
    pub(crate) fn check_time(&self, now: u64) -> Result<(), String> {
        if self.expires > self.issued.saturating_add(MAX_TOUCH) {
            return Err(format!(
                "the challenge would hold longer than {MAX_TOUCH} s; nobody accepts it"
            ));
        }
        if self.issued > now.saturating_add(60) {
            return Err("the request is from the future: compare this computer's clock".to_owned());
        }
        if now > self.expires {
            return Err("the request has expired: ask for a new one".to_owned());
        }
        match self.command.intent() {
            Some(intent) if intent.is_expired(now) => Err("the intent has expired".to_owned()),
            _ => Ok(()),
        }
    }

    /// The challenge, made here of what was shown.
    pub(crate) fn challenge(&self, decision: Decision) -> Result<Digest, String> {
        challenge(
            &self.command.digest(),
            &self.nonce,
            &self.approver,
            &self.role,
            decision,
            self.expires,
        )
        .ok_or_else(|| "a name is too long".to_owned())
    }
}
