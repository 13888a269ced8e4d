//! The JSON of the guard's requests: strict, and every fault names its field.

use crate::guard::PayloadBytes;
use crate::wire::{Fault, shown, syntax};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use keepwhole_core::command::{Body, NewCreditLine, NewIntent};
use keepwhole_verify::clearance::Clearance;
use serde::Deserialize;

/// Longest id of a request, bytes.
const ID_MAX: usize = 128;
/// Most lines of a batch of credits.
const LINES: usize = 8_192;

/// A withdrawal that is asked for.
pub(crate) struct WithdrawalBody {
    /// Its id.
    pub(crate) id: String,
    /// All else.
    pub(crate) intent: NewIntent,
}

/// A batch of credits that is asked for.
pub(crate) struct CreditBody {
    /// Its id.
    pub(crate) id: String,
    /// The command.
    pub(crate) body: Body,
}

/// A clearance that is asked for.
pub(crate) struct ClearanceBody {
    /// Id of the withdrawal.
    pub(crate) withdrawal: String,
    /// The signing key.
    pub(crate) key: String,
    /// Number of the attempt, from 1.
    pub(crate) attempt: u32,
    /// The bytes.
    pub(crate) payload: PayloadBytes,
}

/// A redemption that is asked for.
pub(crate) struct RedemptionBody {
    /// Digest of the clearance.
    pub(crate) digest: [u8; 32],
    /// The signer.
    pub(crate) signer: String,
}

/// A person's answer that is brought.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApprovalBody {
    /// Id of the request or proposal.
    pub(crate) target: String,
    /// Canonical JSON of the answer.
    pub(crate) approval: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWithdrawal {
    id: String,
    customer: String,
    wallet: String,
    asset: String,
    amount: String,
    to: String,
    memo: Option<String>,
    max_fee: Option<String>,
    expires: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCredit {
    id: String,
    reason: String,
    budget: String,
    lines: Vec<RawLine>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLine {
    customer: String,
    asset: String,
    amount: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClearance {
    withdrawal: String,
    key: String,
    attempt: u32,
    payload: RawPayload,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPayload {
    kind: String,
    bytes: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRedemption {
    clearance: String,
    signature: String,
    signer: String,
}

fn fault(field: impl Into<String>, what: impl Into<String>) -> Fault {
    Fault {
        field: field.into(),
        what: what.into(),
    }
}

fn id(text: String, field: &str) -> Result<String, Fault> {
    let fits =
        (1..=ID_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    // Ids of the ledger's batches and of findings begin so; no two kinds may share an id.
    let ours = ["api/", "finding-"]
        .iter()
        .any(|begins| text.starts_with(begins));
    if fits && !ours {
        return Ok(text);
    }
    let what = format!(
        "`{}` is not an id: 1 to {ID_MAX} visible characters, and neither `api/` nor `finding-` at its beginning",
        shown(&text)
    );
    Err(fault(field, what))
}

fn amount(text: &str, field: &str) -> Result<u128, Fault> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain).ok_or_else(|| {
        let what = format!("`{}` is not an amount: minor units as a decimal number in quotes, without sign, point or zeros before it", shown(text));
        fault(field, what)
    })
}

/// Reads a body of `POST /v1/guard/withdrawals`.
pub(crate) fn withdrawal(body: &[u8]) -> Result<WithdrawalBody, Fault> {
    let raw: RawWithdrawal = serde_json::from_slice(body).map_err(|error| syntax(&error))?;
    let expires = raw.expires.as_deref().map(moment).transpose()?;
    let max_fee = raw.max_fee.as_deref().map(|text| amount(text, "max_fee"));
    Ok(WithdrawalBody {
        id: id(raw.id, "id")?,
        intent: NewIntent {
            units: amount(&raw.amount, "amount")?,
            max_fee: max_fee.transpose()?.unwrap_or(0),
            customer: raw.customer,
            wallet: raw.wallet,
            asset: raw.asset,
            to: raw.to,
            memo: raw.memo.unwrap_or_default(),
            expires,
        },
    })
}

fn moment(text: &str) -> Result<u64, Fault> {
    let time: Option<Timestamp> = text.parse().ok();
    let ms = time.and_then(|time| u64::try_from(time.as_millisecond()).ok());
    ms.ok_or_else(|| {
        let what = format!(
            "`{}` is not a time with a zone such as 2025-11-27T04:42:00+09:00",
            shown(text)
        );
        fault("expires", what)
    })
}

/// Reads a body of `POST /v1/guard/approvals`.
pub(crate) fn approval(body: &[u8]) -> Result<ApprovalBody, Fault> {
    serde_json::from_slice(body).map_err(|error| syntax(&error))
}

/// Reads a body of `POST /v1/guard/credits`.
pub(crate) fn credit(body: &[u8]) -> Result<CreditBody, Fault> {
    let raw: RawCredit = serde_json::from_slice(body).map_err(|error| syntax(&error))?;
    if raw.lines.is_empty() || raw.lines.len() > LINES {
        return Err(fault(
            "lines",
            format!(
                "`{}` lines; send 1 to {LINES} in one batch",
                raw.lines.len()
            ),
        ));
    }
    let mut lines = Vec::with_capacity(raw.lines.len());
    for (at, line) in raw.lines.into_iter().enumerate() {
        lines.push(NewCreditLine {
            units: amount(&line.amount, &format!("lines[{at}].amount"))?,
            customer: line.customer,
            asset: line.asset,
        });
    }
    Ok(CreditBody {
        id: id(raw.id, "id")?,
        body: Body::RequestCredit {
            reason: raw.reason,
            budget: raw.budget,
            lines,
        },
    })
}

/// Reads a body of `POST /v1/guard/clearances`.
pub(crate) fn clearance(body: &[u8]) -> Result<ClearanceBody, Fault> {
    let raw: RawClearance = serde_json::from_slice(body).map_err(|error| syntax(&error))?;
    let bytes = STANDARD
        .decode(&raw.payload.bytes)
        .map_err(|error| fault("payload.bytes", format!("not base64 with padding: {error}")))?;
    Ok(ClearanceBody {
        withdrawal: id(raw.withdrawal, "withdrawal")?,
        key: raw.key,
        attempt: raw.attempt,
        payload: PayloadBytes {
            kind: raw.payload.kind,
            bytes,
        },
    })
}

/// Reads a body of `POST /v1/guard/redemptions`. The signature is the signer's to check; here the digest decides.
pub(crate) fn redemption(body: &[u8]) -> Result<RedemptionBody, Fault> {
    let raw: RawRedemption = serde_json::from_slice(body).map_err(|error| syntax(&error))?;
    let clearance =
        Clearance::read(&raw.clearance).map_err(|error| fault("clearance", error.to_string()))?;
    if raw.signature.is_empty() {
        return Err(fault(
            "signature",
            "empty; send the clearance as it was issued, with its signature",
        ));
    }
    Ok(RedemptionBody {
        digest: *clearance.digest().as_bytes(),
        signer: raw.signer,
    })
}
