//! The guard over HTTP: withdrawals and credits ask here first, and a signer redeems what was cleared (docs/guard-api.md).
//!
//! A fault, a time-out or something unknown is never a denial: the answer is then `held`, or 503 with `Retry-After`.

use crate::api::{Api, Asked, Problem, admit, answer, ask_as, ask_by};
use crate::guard_wire::{
    self, ApprovalBody, ClearanceBody, CreditBody, RedemptionBody, WithdrawalBody,
};
use crate::tokens::TokenScope;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use keepwhole_core::answer::{Answer, Reply};
use keepwhole_core::command::{Body, NewPayload, PayloadContent};
use keepwhole_core::reason::Reason;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// When to ask again for what could not be read.
const AGAIN: Duration = Duration::from_secs(1);

/// Bytes that a signer is about to be asked to sign, as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadBytes {
    /// Payload kind (docs/payloads.md).
    pub kind: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// A text and the line that signs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedText {
    /// Canonical JSON.
    pub text: String,
    /// Signature line of a signed note, without its newline.
    pub signature: String,
}

/// A clearance with all that a signer needs to believe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedTexts {
    /// The clearance; none where attempt zero only asked.
    pub clearance: Option<SignedText>,
    /// Canonical JSON of the intent.
    pub intent: String,
    /// The approvals file of the request, where it has approvals with assertions.
    pub approvals: Option<String>,
    /// The roster that they were judged by.
    pub roster: Option<String>,
}

/// Where a request stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestStanding {
    /// As a command would be answered now.
    pub answer: Answer,
    /// What would release it, in words.
    pub needs: Vec<String>,
    /// First moment at which nothing of it may be signed any more, ms.
    pub expires: Option<u64>,
}

/// What the guard's routes ask beside the sequencer.
pub trait GuardDesk: Send + Sync + 'static {
    /// What the bytes would do under this key for that withdrawal, or why nothing may be said of them.
    fn read_payload(&self, withdrawal: &str, key: &str, payload: &PayloadBytes) -> PayloadContent;
    /// Digest of the running build.
    fn build(&self) -> [u8; 32];
    /// Where the request of that id stands, durably.
    fn standing(&self, id: &str) -> Option<RequestStanding>;
    /// The clearance that was issued for that attempt at a withdrawal; for attempt zero what else goes with one.
    fn issued(&self, withdrawal: &str, attempt: u32) -> Option<IssuedTexts>;
    /// The redemption of the clearance of that digest.
    fn redemption(&self, digest: &[u8; 32]) -> Option<SignedText>;
    /// A person's answer, as the approver client wrote it (docs/approvals.md): the person's account and the command that
    /// carries it.
    ///
    /// # Errors
    /// The field and the cause.
    fn approval(&self, target: &str, approval: &str) -> Result<(String, Body), String>;
}

/// Reads a body of `POST /v1/guard/credits`: the id of the request and its command.
///
/// # Errors
/// The field, what is wrong with it and what to do, in one sentence.
pub fn read_credit(body: &[u8]) -> Result<(String, Body), String> {
    match guard_wire::credit(body) {
        Ok(CreditBody { id, body }) => Ok((id, body)),
        Err(fault) if fault.field.is_empty() => Err(fault.what),
        Err(fault) => Err(format!("`{}`: {}", fault.field, fault.what)),
    }
}

fn desk(api: &Api) -> Result<&Arc<dyn GuardDesk>, Problem> {
    api.desk().ok_or_else(|| {
        let what = "the guard does not run here: `[api]` needs `guard = true` in keepwhole.toml";
        Problem::new(StatusCode::NOT_FOUND, "no_guard", what)
    })
}

fn read<T>(
    asked: &Asked,
    reader: impl FnOnce(&[u8]) -> Result<T, crate::wire::Fault>,
) -> Result<T, Problem> {
    reader(&asked.body).map_err(|fault| Problem::of_body(asked, fault))
}

/// `POST /v1/guard/withdrawals`.
pub(crate) async fn withdrawals(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, Problem> {
    let desk = Arc::clone(desk(&api)?);
    let asked = admit(&api, request, TokenScope::Guard).await?;
    let WithdrawalBody { id, intent } = read(&asked, guard_wire::withdrawal)?;
    let reply = ask_as(&api, id.clone(), Body::RequestIntent(Box::new(intent))).await?;
    Ok(decided(&api, desk.as_ref(), &id, &reply))
}

/// `POST /v1/guard/credits`.
pub(crate) async fn credits(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, Problem> {
    let desk = Arc::clone(desk(&api)?);
    let asked = admit(&api, request, TokenScope::Guard).await?;
    let CreditBody { id, body } = read(&asked, guard_wire::credit)?;
    let reply = ask_as(&api, id.clone(), body).await?;
    Ok(decided(&api, desk.as_ref(), &id, &reply))
}

/// `POST /v1/guard/approvals`. The assertion is what counts, and it is checked where it is recorded; whose token carries it
/// makes no difference.
pub(crate) async fn approvals(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, Problem> {
    let desk = Arc::clone(desk(&api)?);
    let asked = admit(&api, request, TokenScope::Guard).await?;
    let ApprovalBody { target, approval } = read(&asked, guard_wire::approval)?;
    let carried = desk.approval(&target, &approval);
    let (account, body) = carried.map_err(|what| {
        let fault = crate::wire::Fault {
            field: "approval".to_owned(),
            what,
        };
        Problem::of_body(&asked, fault)
    })?;
    let reply = ask_by(&api, asked.id.clone(), Some(account), body).await?;
    let mut value = told(&api, &target, &reply.answer, None);
    let standing = desk.standing(&target);
    let stands = standing.map(|standing| told(&api, &target, &standing.answer, Some(&standing)));
    if let Some(members) = value.as_object_mut() {
        members.insert("repeated".to_owned(), json!(reply.repeated));
        members.insert("request".to_owned(), json!(stands));
    }
    Ok(answer(status(&reply.answer), &value))
}

/// `GET /v1/guard/requests/{id}`.
pub(crate) async fn standing(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let desk = Arc::clone(desk(&api)?);
    crate::api::may_read(
        &api,
        request.headers(),
        request.extensions(),
        TokenScope::Guard,
    )?;
    let Some(standing) = desk.standing(&id) else {
        let what = format!("no request `{}` was recorded", crate::wire::shown(&id));
        return Err(Problem::new(StatusCode::NOT_FOUND, "unknown_request", what));
    };
    Ok(answer(
        StatusCode::OK,
        &told(&api, &id, &standing.answer, Some(&standing)),
    ))
}

/// A verdict as it is told: status 200 for every verdict, 422 for what is no request.
fn decided(api: &Api, desk: &dyn GuardDesk, id: &str, reply: &Reply) -> Response {
    let standing = desk.standing(id);
    let mut value = told(api, id, &reply.answer, standing.as_ref());
    if let Some(members) = value.as_object_mut() {
        members.insert("repeated".to_owned(), json!(reply.repeated));
    }
    answer(status(&reply.answer), &value)
}

const fn status(answer: &Answer) -> StatusCode {
    match answer {
        Answer::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::OK,
    }
}

fn told(api: &Api, id: &str, verdict: &Answer, standing: Option<&RequestStanding>) -> Value {
    let reasons: Vec<Value> = verdict
        .reason()
        .map(|why| api.describe(why))
        .into_iter()
        .collect();
    let needs = standing.map(|s| s.needs.clone()).unwrap_or_default();
    let expires = standing
        .and_then(|s| s.expires)
        .and_then(|ms| i64::try_from(ms).ok())
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .map(|at| at.to_string());
    json!({
        "outcome": verdict.word(),
        "decision_id": id,
        "reasons": reasons,
        "needs": needs,
        "expires_at": expires,
    })
}

/// `POST /v1/guard/clearances`.
pub(crate) async fn clearances(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, Problem> {
    let desk = Arc::clone(desk(&api)?);
    let asked = admit(&api, request, TokenScope::Guard).await?;
    let ClearanceBody {
        withdrawal,
        key,
        attempt,
        payload,
    } = read(&asked, guard_wire::clearance)?;
    let content = desk.read_payload(&withdrawal, &key, &payload);
    let body = Body::IssueClearance(Box::new(NewPayload {
        target: withdrawal.clone(),
        attempt,
        key,
        content,
        build: desk.build(),
    }));
    let reply = ask_as(&api, asked.id.clone(), body).await?;
    let mut value = told(&api, &withdrawal, &reply.answer, None);
    let texts = match reply.answer {
        Answer::Cleared => Some(issued(desk.as_ref(), &withdrawal, attempt)?),
        _ => None,
    };
    if let (Some(members), Some(Reason::AttemptOutOfTurn { next, .. })) =
        (value.as_object_mut(), reply.answer.reason())
    {
        members.insert("next_attempt".to_owned(), json!(next));
    }
    if let (Some(members), Some(texts)) = (value.as_object_mut(), texts) {
        let (text, signature) = texts.clearance.map(|one| (one.text, one.signature)).unzip();
        members.insert("clearance".to_owned(), json!(text));
        members.insert("signature".to_owned(), json!(signature));
        members.insert("intent".to_owned(), json!(texts.intent));
        members.insert("approvals".to_owned(), json!(texts.approvals));
        members.insert("roster".to_owned(), json!(texts.roster));
    }
    Ok(answer(status(&reply.answer), &value))
}

/// What was issued, with all that goes with it. A fault is no verdict: the same question again is answered by what is
/// recorded.
fn issued(desk: &dyn GuardDesk, withdrawal: &str, attempt: u32) -> Result<IssuedTexts, Problem> {
    desk.issued(withdrawal, attempt).ok_or_else(|| {
        let what = "the clearance is recorded, but what goes with it can't be read now; ask again with the same bytes";
        Problem::later(
            StatusCode::SERVICE_UNAVAILABLE,
            "unread",
            what.to_owned(),
            AGAIN,
        )
    })
}

/// `POST /v1/guard/redemptions`. The clearance is believed by its digest alone: it is one that was issued here, or none.
pub(crate) async fn redemptions(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, Problem> {
    let desk = Arc::clone(desk(&api)?);
    let asked = admit(&api, request, TokenScope::Signer).await?;
    let RedemptionBody { digest, signer } = read(&asked, guard_wire::redemption)?;
    let body = Body::RedeemIssued {
        clearance: digest,
        signer,
    };
    // A repeat is judged by what is recorded: the same signer gets the same answer, whatever the key.
    let reply = ask_as(&api, asked.id.clone(), body).await?;
    let outcome = match &reply.answer {
        Answer::Cleared => "redeemed",
        other => other.word(),
    };
    let reasons: Vec<Value> = reply
        .answer
        .reason()
        .map(|why| api.describe(why))
        .into_iter()
        .collect();
    let mut value = json!({ "outcome": outcome, "reasons": reasons });
    if let (Some(members), Answer::Cleared, Some(text)) = (
        value.as_object_mut(),
        &reply.answer,
        desk.redemption(&digest),
    ) {
        members.insert("redemption".to_owned(), json!(text.text));
        members.insert("signature".to_owned(), json!(text.signature));
    }
    Ok(answer(status(&reply.answer), &value))
}
