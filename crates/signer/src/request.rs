//! What a signing request carries, and the guard's answer from which it is made.

use crate::refusal::Refusal;
use keepwhole_verify::approval::ApprovalsFile;
use keepwhole_verify::clearance::Clearance;
use keepwhole_verify::intent::Intent;
use keepwhole_verify::json::FormatError;
use serde::Deserialize;

/// Most bytes of a clearance, an intent or a signature line.
pub const MAX_TEXT: usize = 16_384;
/// Most bytes of an approvals file.
pub const MAX_APPROVALS: usize = 524_288;
/// Most bytes of a payload: that of the largest kind.
pub const MAX_PAYLOAD: usize = 1_048_576;
/// Most bytes of an answer of the guard.
pub const MAX_ANSWER: usize = 1_048_576;

/// One signing request. What decoding needs beside the bytes (chain, sender, pinned contracts, own scripts) is no part of
/// it: the signer has it in its settings, and so it has people and quorums.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Canonical text of the clearance.
    pub clearance: &'a str,
    /// The guard's signature line over it.
    pub signature: &'a str,
    /// Canonical text of the intent.
    pub intent: &'a str,
    /// The bytes to sign, as `docs/payloads.md` has them; typed data of a Safe as its canonical JSON.
    pub payload: &'a [u8],
    /// Approvals file, where people approved.
    pub approvals: Option<&'a str>,
}

/// A request, read but not yet believed.
pub(crate) struct Parts {
    pub(crate) clearance: Clearance,
    pub(crate) intent: Intent,
    pub(crate) approvals: Option<ApprovalsFile>,
}

fn bounded(what: &'static str, bytes: usize, limit: usize) -> Result<(), Refusal> {
    if bytes <= limit {
        return Ok(());
    }
    Err(Refusal::TooLarge { what, bytes, limit })
}

fn malformed(what: &'static str) -> impl FnOnce(FormatError) -> Refusal {
    move |error| Refusal::Malformed {
        what,
        why: error.to_string(),
    }
}

impl Request<'_> {
    /// Reads all parts strictly.
    pub(crate) fn read(&self) -> Result<Parts, Refusal> {
        bounded("clearance", self.clearance.len(), MAX_TEXT)?;
        bounded("signature", self.signature.len(), MAX_TEXT)?;
        bounded("intent", self.intent.len(), MAX_TEXT)?;
        bounded("payload", self.payload.len(), MAX_PAYLOAD)?;
        let clearance = Clearance::read(self.clearance).map_err(malformed("clearance"))?;
        let intent = Intent::read(self.intent).map_err(malformed("intent"))?;
        let approvals = match self.approvals {
            None => None,
            Some(text) => {
                bounded("approvals", text.len(), MAX_APPROVALS)?;
                Some(ApprovalsFile::read(text).map_err(malformed("approvals"))?)
            }
        };
        Ok(Parts {
            clearance,
            intent,
            approvals,
        })
    }
}

/// Answer of the guard to `POST /v1/guard/clearances`. Unknown and repeated fields are refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClearanceAnswer {
    /// `cleared`, `held` or `denied`.
    pub outcome: String,
    /// Id of the withdrawal.
    #[serde(default)]
    pub decision_id: Option<String>,
    /// Why not, as the guard says it.
    #[serde(default)]
    pub reasons: Vec<serde_json::Value>,
    /// What would release it, in words.
    #[serde(default)]
    pub needs: Vec<String>,
    /// End of the withdrawal, RFC 3339; the signer reads the intent's own.
    #[serde(default)]
    pub expires_at: Option<String>,
    /// Canonical text of the clearance, where it was cleared.
    #[serde(default)]
    pub clearance: Option<String>,
    /// Signature line over it.
    #[serde(default)]
    pub signature: Option<String>,
    /// Canonical text of the intent.
    #[serde(default)]
    pub intent: Option<String>,
    /// Approvals file, where people approved.
    #[serde(default)]
    pub approvals: Option<String>,
    /// The guard's roster; the signer pins its own people and does not read it.
    #[serde(default)]
    pub roster: Option<String>,
}

impl ClearanceAnswer {
    /// Reads an answer.
    ///
    /// # Errors
    /// [`Refusal::TooLarge`], [`Refusal::Malformed`].
    pub fn read(text: &str) -> Result<Self, Refusal> {
        let what = "answer of the guard";
        bounded(what, text.len(), MAX_ANSWER)?;
        serde_json::from_str(text).map_err(|error| Refusal::Malformed {
            what,
            why: error.to_string(),
        })
    }

    /// The request to sign `payload`, if the guard cleared it.
    #[must_use]
    pub fn request<'a>(&'a self, payload: &'a [u8]) -> Option<Request<'a>> {
        Some(Request {
            clearance: self.clearance.as_deref()?,
            signature: self.signature.as_deref()?,
            intent: self.intent.as_deref()?,
            payload,
            approvals: self.approvals.as_deref(),
        })
    }
}
