//! Files that people bring: a credential (made by the approver client or the console) and an approval. Unknown and repeated
//! fields are refused.

use super::desk::account;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keepwhole_core::authority::asked::FINDING;
use keepwhole_core::authority::command::AuthorityCommand;
use keepwhole_core::authority::credential::{DeviceKind, NewCredential};
use keepwhole_core::authority::matter::Decision;
use keepwhole_core::authority::proof::Proof;
use keepwhole_core::command::Body;
use keepwhole_core::state::State;
use keepwhole_verify::approval::{self, Approval};
use keepwhole_verify::json::{Value, to_hex};
use serde::Deserialize;
use thiserror::Error;

/// Value of the field `type` of a credential file.
const CREDENTIAL: &str = "keepwhole/credential/v1";
/// Value of the field `type` of a request to the approver client (docs/approver.md, "Request").
const REQUEST: &str = "keepwhole/approval-request/v1";

/// Why a file is not taken: the field and the cause.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct FileFault(String);

fn fault(text: impl Into<String>) -> FileFault {
    FileFault(text.into())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CredentialFile {
    #[serde(rename = "type")]
    kind_of_file: String,
    id: String,
    public_key: String,
    kind: String,
    device_bound: bool,
}

fn bytes(field: &str, text: &str) -> Result<Vec<u8>, FileFault> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| fault(format!("`{field}` is not base64url without padding")))
}

/// Reads a credential file: `{"type": "keepwhole/credential/v1", "id", "public_key", "kind", "device_bound"}`, id and COSE
/// key in base64url without padding.
///
/// # Errors
/// The field and the cause.
pub fn credential(text: &str) -> Result<NewCredential, FileFault> {
    let file: CredentialFile =
        serde_json::from_str(text).map_err(|error| fault(error.to_string()))?;
    if file.kind_of_file != CREDENTIAL {
        return Err(fault(format!("`type` is not `{CREDENTIAL}`")));
    }
    let kind = DeviceKind::of_code(&file.kind).ok_or_else(|| {
        let known: Vec<&str> = DeviceKind::ALL.iter().map(|(_, code)| *code).collect();
        fault(format!("`kind` is one of `{}`", known.join("`, `")))
    })?;
    Ok(NewCredential {
        id: bytes("id", &file.id)?,
        public_key: bytes("public_key", &file.public_key)?,
        kind,
        device_bound: file.device_bound,
    })
}

/// Writes a credential file, as [`credential`] reads it.
#[must_use]
pub fn credential_text(key: &NewCredential) -> String {
    let encoded = |bytes: &[u8]| Value::text(URL_SAFE_NO_PAD.encode(bytes));
    Value::object(vec![
        ("device_bound", Value::Bool(key.device_bound)),
        ("id", encoded(&key.id)),
        ("kind", Value::text(key.kind.code())),
        ("public_key", encoded(&key.public_key)),
        ("type", Value::text(CREDENTIAL)),
    ])
    .to_canonical()
}

/// Writes a request for the approver client (docs/approver.md, "Request"): the command, and the fields of the challenge.
#[must_use]
pub fn request_text(
    (proposal, command): (&str, &str),
    (approver, role): (&str, &str),
    nonce: &[u8; 16],
    (issued, expires): (u64, u64),
) -> String {
    Value::object(vec![
        ("approver", Value::text(approver)),
        ("command", Value::text(command)),
        ("expires", Value::Integer(expires)),
        ("issued", Value::Integer(issued)),
        ("nonce", Value::text(to_hex(nonce))),
        ("proposal", Value::text(proposal)),
        ("role", Value::text(role)),
        ("type", Value::text(REQUEST)),
    ])
    .to_canonical()
}

/// The command that carries a person's answer: to a finding (`finding-7`), else to a request or proposal.
#[must_use]
pub fn answer(target: &str, proof: Proof) -> Body {
    let proof = Box::new(proof);
    Body::OfAuthority(match target.strip_prefix(FINDING).map(str::parse) {
        Some(Ok(finding)) => AuthorityCommand::ClearFinding { finding, proof },
        _ => AuthorityCommand::Decide {
            target: target.to_owned(),
            proof,
        },
    })
}

/// An answer that the approver client wrote (`docs/approvals.md`), whoever brings it: the person, the account of that
/// person with roles at `now` (ms), and the command that carries the answer.
///
/// # Errors
/// The field and the cause, or that nobody of that name holds a role.
pub fn brought(
    state: &State,
    target: &str,
    text: &str,
    now: u64,
) -> Result<(String, String, Body), Unbrought> {
    let (approver, proof) = proof(text).map_err(Unbrought::File)?;
    let person = state.registry.person(&approver);
    let account = person.and_then(|person| account(state, person, now));
    match account {
        Some(account) => Ok((approver, account, answer(target, proof))),
        None => Err(Unbrought::Nobody(approver)),
    }
}

/// Why an answer is not taken.
#[derive(Debug, Error)]
pub enum Unbrought {
    /// It can't be read.
    #[error("{0}")]
    File(FileFault),
    /// Nobody of that name is enrolled with a role now.
    #[error("nobody called `{0}` is enrolled with a role")]
    Nobody(String),
}

/// Reads one approval in canonical JSON (`docs/approvals.md`): who answers, and the proof.
///
/// # Errors
/// The field and the cause.
pub fn proof(text: &str) -> Result<(String, Proof), FileFault> {
    let approval = Approval::read(text.trim_end()).map_err(|error| fault(error.to_string()))?;
    let proof = Proof {
        credential: approval.credential_id,
        authenticator_data: approval.assertion.authenticator_data,
        client_data_json: approval.assertion.client_data_json,
        signature: approval.assertion.signature,
        nonce: approval.nonce,
        issued: approval.issued,
        expires: approval.expires,
        role: approval.role,
        decision: match approval.decision {
            approval::Decision::Approve => Decision::Approve,
            approval::Decision::Reject => Decision::Reject,
        },
    };
    Ok((approval.approver, proof))
}
