//! The HTTP interface for the exchange's own programs: batches of the ledger, each with an idempotency key.
//!
//! `POST /v1/transfers`, `POST /v1/owners` and `POST /v1/prices` need `Authorization: Bearer TOKEN`, a client certificate that is bound, or
//! both, as the identity's line says ([`crate::tokens`]); then `Content-Type: application/json`, a `Content-Length` and an
//! `Idempotency-Key` (the IETF draft of that name). The same key with the same body gets the first answer again; with
//! another body it is refused. An answer leaves only after its records are durable.

use crate::guard::{self, GuardDesk};
use crate::price_wire;
use crate::rates::{Limits, Rates};
use crate::refusals::{Refusals, Turned};
use crate::tls::PeerCertificate;
use crate::tokens::{Token, TokenScope, Tokens};
use crate::wire;
use crate::{Intake, NoReply};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http_body_util::{BodyExt as _, Limited};
use jiff::tz::TimeZone;
use keepwhole_core::answer::{Answer, Reply};
use keepwhole_core::command::{Body, Command};
use keepwhole_core::door::Door;
use keepwhole_core::price::NewPrice;
use keepwhole_core::reason::Reason;
use keepwhole_core::transfer::TransferBatch;
use serde_json::{Value, json};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Longest idempotency key, bytes: a command id is at most 256 bytes and also holds the identity.
const KEY_MAX: usize = 128;
/// The longest a request may take, from its head to its answer, unless the bounds say otherwise.
pub const WHOLE: Duration = Duration::from_secs(30);
/// How deep the JSON of a body may nest; what this interface reads nests three deep.
const DEPTH: usize = 32;
/// Bodies that are being read or answered, bytes, all together.
const BODIES: usize = 24 * 1024 * 1024;

/// How the interface is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Largest body, bytes.
    pub body_max: usize,
    /// Requests a second.
    pub rates: Limits,
    /// The longest a request may take, from its head to its answer.
    pub whole: Duration,
}

/// The interface: who may ask, within which bounds, and whom it asks.
pub struct Api {
    intake: Arc<dyn Intake>,
    tokens: RwLock<Arc<Tokens>>,
    bounds: Bounds,
    rates: Rates,
    bodies: Arc<Semaphore>,
    desk: Option<Arc<dyn GuardDesk>>,
    refusals: Option<Arc<Refusals>>,
}

impl Api {
    /// The interface over `intake`; the guard's routes answer where it has a `desk`. `refusals` counts who is turned away.
    #[must_use]
    pub fn new(
        intake: Arc<dyn Intake>,
        desk: Option<Arc<dyn GuardDesk>>,
        tokens: Tokens,
        bounds: Bounds,
        refusals: Option<Arc<Refusals>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            intake,
            tokens: RwLock::new(Arc::new(tokens)),
            bounds,
            rates: Rates::new(bounds.rates, Instant::now()),
            bodies: Arc::new(Semaphore::new(BODIES)),
            desk,
            refusals,
        })
    }

    pub(crate) const fn desk(&self) -> Option<&Arc<dyn GuardDesk>> {
        self.desk.as_ref()
    }

    pub(crate) fn describe(&self, reason: &Reason) -> Value {
        self.intake.describe(reason)
    }

    /// Takes a new list of identities; requests under way keep theirs.
    pub fn replace_tokens(&self, tokens: Tokens) {
        *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(tokens);
    }

    /// Ends at once whoever has no such line in `tokens` any more; nobody comes in by it.
    pub fn narrow_tokens(&self, tokens: &Tokens) {
        let mut held = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        *held = Arc::new(held.within(tokens));
    }

    fn tokens(&self) -> Arc<Tokens> {
        Arc::clone(&self.tokens.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An answer that is not 200: a status, a code for programs, and place, cause and fix for people.
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    message: String,
    field: String,
    retry: Option<Duration>,
    /// Whose token it was; empty where that is not known.
    who: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            field: String::new(),
            retry: None,
            who: String::new(),
        }
    }

    fn of(mut self, identity: &str) -> Self {
        identity.clone_into(&mut self.who);
        self
    }

    /// A body that can't be read, told as too deep where it nests beyond the bound.
    pub(crate) fn of_body(asked: &Asked, fault: wire::Fault) -> Self {
        if wire::deeper_than(DEPTH, &asked.body) {
            let what = format!("the body nests deeper than `{DEPTH}` levels; send it flat");
            return Self::new(StatusCode::BAD_REQUEST, "too_deep", what).of(&asked.who);
        }
        let mut problem = Self::new(StatusCode::BAD_REQUEST, "malformed", fault.what);
        problem.field = fault.field;
        problem.of(&asked.who)
    }

    pub(crate) fn later(
        status: StatusCode,
        code: &'static str,
        message: String,
        retry: Duration,
    ) -> Self {
        let mut problem = Self::new(status, code, message);
        problem.retry = Some(retry);
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut error = json!({ "code": self.code, "message": self.message });
        if !self.field.is_empty()
            && let Some(error) = error.as_object_mut()
        {
            error.insert("field".to_owned(), Value::String(self.field));
        }
        let mut response = answer(self.status, &json!({ "error": error }));
        if let Some(retry) = self.retry {
            let seconds = retry.as_millis().div_ceil(1000).max(1);
            // Digits are always a header's value.
            if let Ok(value) = HeaderValue::from_str(&seconds.to_string()) {
                response.headers_mut().insert(header::RETRY_AFTER, value);
            }
        }
        // Who waited too long was not turned away, and who asks for what is not there tried nothing.
        if self.status.is_client_error()
            && self.status != StatusCode::REQUEST_TIMEOUT
            && self.code != "unknown_request"
        {
            let (code, who) = (self.code.to_owned(), self.who);
            response.extensions_mut().insert(Turned { code, who });
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

pub(crate) fn answer(status: StatusCode, value: &Value) -> Response {
    let mut text = value.to_string();
    text.push('\n');
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, text).into_response()
}

/// Reads a body of `POST /v1/transfers`.
///
/// # Errors
/// The field, what is wrong with it and what to do, in one sentence.
pub fn read_transfers(body: &[u8]) -> Result<TransferBatch, String> {
    wire::transfers(body).map_err(|fault| format!("`{}`: {}", fault.field, fault.what))
}

/// Reads a body of `POST /v1/prices`; `decimals` are those of registered assets.
///
/// # Errors
/// The field, what is wrong with it and what to do, in one sentence.
pub fn read_prices(
    body: &[u8],
    decimals: &dyn Fn(&str) -> Option<u8>,
) -> Result<Vec<NewPrice>, String> {
    let read = price_wire::prices(body, decimals);
    read.map_err(|fault| format!("`{}`: {}", fault.field, fault.what))
}

/// The routes.
pub fn router(api: Arc<Api>) -> Router {
    Router::new()
        .route("/v1/transfers", post(transfers))
        .route("/v1/owners", post(owners))
        .route("/v1/prices", post(prices))
        .route("/v1/guard/withdrawals", post(guard::withdrawals))
        .route("/v1/guard/credits", post(guard::credits))
        .route("/v1/guard/clearances", post(guard::clearances))
        .route("/v1/guard/redemptions", post(guard::redemptions))
        .route("/v1/guard/approvals", post(guard::approvals))
        .route("/v1/guard/requests/{id}", get(guard::standing))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .fallback(|| async {
            let what = "no such address; this interface has `POST /v1/transfers`, `POST /v1/owners`, `POST /v1/prices`, `GET /livez` and `GET /readyz`, and below `/v1/guard/` what docs/guard-api.md says";
            Problem::new(StatusCode::NOT_FOUND, "no_such_address", what)
        })
        .method_not_allowed_fallback(|| async {
            let what = "not a method of this address; `/v1/` is asked with POST, `/livez` and `/readyz` with GET";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", what)
        })
        .layer(from_fn_with_state(Arc::clone(&api), within_time))
        .layer(from_fn_with_state(Arc::clone(&api), counted))
        .with_state(api)
}

/// Counts who was turned away.
async fn counted(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if let (Some(Turned { code, who }), Some(refusals)) =
        (response.extensions().get(), &api.refusals)
    {
        refusals.turned_away(Door::Api, code, who, now_ms());
    }
    response
}

/// Now, ms since the epoch.
#[must_use]
pub fn now_ms() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or_default()
}

async fn within_time(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let whole = api.bounds.whole;
    match tokio::time::timeout(whole, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let what = format!(
                "the request took longer than {} ms; whether it was recorded is not known here: send it again with the same idempotency key",
                whole.as_millis()
            );
            let mut response =
                Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", what).into_response();
            response
                .headers_mut()
                .insert(header::CONNECTION, HeaderValue::from_static("close"));
            response
        }
    }
}

async fn ready(State(api): State<Arc<Api>>) -> Response {
    match api.intake.unready() {
        None => answer(StatusCode::OK, &json!({ "ready": true })),
        Some(why) => {
            let body = json!({ "ready": false, "why": why });
            answer(StatusCode::SERVICE_UNAVAILABLE, &body)
        }
    }
}

async fn transfers(State(api): State<Arc<Api>>, request: Request) -> Result<Response, Problem> {
    let asked = admit(&api, request, TokenScope::Ledger).await?;
    let batch = wire::transfers(&asked.body).map_err(|fault| Problem::of_body(&asked, fault))?;
    let rows = batch.len();
    let reply = ask(&api, &asked, Body::RecordTransfers(batch)).await?;
    told(&api, &reply, rows)
}

async fn owners(State(api): State<Arc<Api>>, request: Request) -> Result<Response, Problem> {
    let asked = admit(&api, request, TokenScope::Ledger).await?;
    let owners = wire::owners(&asked.body).map_err(|fault| Problem::of_body(&asked, fault))?;
    let rows = owners.len();
    let reply = ask(&api, &asked, Body::RegisterOwners(owners)).await?;
    told(&api, &reply, rows)
}

async fn prices(State(api): State<Arc<Api>>, request: Request) -> Result<Response, Problem> {
    let asked = admit(&api, request, TokenScope::Prices).await?;
    let decimals = |asset: &str| api.intake.decimals(asset);
    let rows = price_wire::prices(&asked.body, &decimals);
    let rows = rows.map_err(|fault| Problem::of_body(&asked, fault))?;
    let count = rows.len();
    let reply = ask(&api, &asked, Body::RecordPrices(rows)).await?;
    told(&api, &reply, count)
}

/// A request that is let in.
pub(crate) struct Asked {
    /// Identity.
    pub(crate) who: String,
    /// Identity and idempotency key: the id of the command.
    pub(crate) id: String,
    pub(crate) body: Bytes,
    _place: OwnedSemaphorePermit,
}

/// Who asks, how often, how much, in which form, under which key: in this order, and nothing is read before it fits.
pub(crate) async fn admit(
    api: &Api,
    request: Request,
    scope: TokenScope,
) -> Result<Asked, Problem> {
    let (parts, body) = request.into_parts();
    let identity = may_read(api, &parts.headers, &parts.extensions, scope)?;
    let taken = take(api, &parts.headers, body).await;
    let (key, body, place) = taken.map_err(|problem| problem.of(&identity.name))?;
    Ok(Asked {
        id: format!("api/{}/{key}", identity.name),
        who: identity.name,
        body,
        _place: place,
    })
}

/// The idempotency key, and the body within its bounds.
async fn take(
    api: &Api,
    headers: &HeaderMap,
    body: axum::body::Body,
) -> Result<(String, Bytes, OwnedSemaphorePermit), Problem> {
    let length = length_of(headers, api.bounds.body_max)?;
    let json = headers.get(header::CONTENT_TYPE).is_some_and(|value| {
        let kind = value.to_str().unwrap_or_default();
        kind.split(';').next().unwrap_or_default().trim() == "application/json"
    });
    if !json {
        let what = "the body must be JSON: send `Content-Type: application/json`";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Problem::new(status, "content_type", what));
    }
    let key = key_of(headers)?;
    let places = u32::try_from(length.max(1)).unwrap_or(u32::MAX);
    let place = Arc::clone(&api.bodies).try_acquire_many_owned(places);
    let Ok(place) = place else {
        let what = "too many bodies are being read at once".to_owned();
        let status = StatusCode::SERVICE_UNAVAILABLE;
        return Err(Problem::later(status, "busy", what, Duration::from_secs(1)));
    };
    match Limited::new(body, length).collect().await {
        Ok(collected) => Ok((key, collected.to_bytes(), place)),
        Err(_) => {
            let what = "the body ended early or is longer than its `Content-Length`";
            Err(Problem::new(StatusCode::BAD_REQUEST, "body", what))
        }
    }
}

/// Who asks, and how often.
pub(crate) fn may_read(
    api: &Api,
    headers: &HeaderMap,
    shown: &Extensions,
    scope: TokenScope,
) -> Result<Token, Problem> {
    let identity = identify(api, headers, shown, scope)?;
    let Err(wait) = api.rates.take(&identity.name, Instant::now()) else {
        return Ok(identity);
    };
    let what = format!(
        "`{}` sends more requests a second than it may; send larger batches",
        identity.name
    );
    let status = StatusCode::TOO_MANY_REQUESTS;
    Err(Problem::later(status, "too_many_requests", what, wait).of(&identity.name))
}

/// The identity behind a token, a certificate, or both, as its line of the file wants it; never the network address.
fn identify(
    api: &Api,
    headers: &HeaderMap,
    shown: &Extensions,
    scope: TokenScope,
) -> Result<Token, Problem> {
    let unknown = || {
        let what = "no valid token: send `Authorization: Bearer TOKEN`; `keepwhole token add` makes one, each ends on its day, \
                    and one that is bound to a client certificate counts only over a connection with it";
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorised", what)
    };
    let bearer =
        |value: &HeaderValue| Some(value.to_str().ok()?.strip_prefix("Bearer ")?.to_owned());
    let token = match headers.get(header::AUTHORIZATION) {
        None => None,
        Some(value) => Some(bearer(value).ok_or_else(unknown)?),
    };
    let now = jiff::Timestamp::now();
    let certificate = shown.get::<PeerCertificate>();
    let certificate = certificate.and_then(|certificate| certificate.sha256_at(now));
    let today = now.to_zoned(TimeZone::UTC).date();
    let tokens = api.tokens();
    let found = tokens.find(token.as_deref(), certificate, today);
    let found = found.ok_or_else(unknown)?;
    if found.scope == scope {
        return Ok(found.clone());
    }
    let what = format!("the token of `{}` has another scope", found.name);
    Err(Problem::new(StatusCode::FORBIDDEN, "scope", what).of(&found.name))
}

fn length_of(headers: &HeaderMap, most: usize) -> Result<usize, Problem> {
    let length = headers.get(header::CONTENT_LENGTH);
    let Some(length) = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok()) else {
        let what = "send a `Content-Length`: bodies of unknown length are not read";
        return Err(Problem::new(StatusCode::LENGTH_REQUIRED, "length", what));
    };
    match usize::try_from(length).ok().filter(|fits| *fits <= most) {
        Some(length) => Ok(length),
        None => {
            let what =
                format!("the body has `{length}` bytes and may have `{most}`; split the batch");
            Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                what,
            ))
        }
    }
}

fn key_of(headers: &HeaderMap) -> Result<String, Problem> {
    let mut keys = headers.get_all("idempotency-key").iter();
    let key = keys.next().and_then(|value| value.to_str().ok());
    let fits = |key: &&str| {
        (1..=KEY_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
    };
    match (key.filter(fits), keys.next()) {
        (Some(key), None) => Ok(key.to_owned()),
        _ => {
            let what = format!(
                "send one `Idempotency-Key` of 1 to {KEY_MAX} visible characters, new for each batch and the same for a repeat"
            );
            Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "idempotency_key",
                what,
            ))
        }
    }
}

async fn ask(api: &Api, asked: &Asked, body: Body) -> Result<Reply, Problem> {
    ask_as(api, asked.id.clone(), body).await
}

/// Asks the sequencer under this command id.
pub(crate) async fn ask_as(api: &Api, id: String, body: Body) -> Result<Reply, Problem> {
    ask_by(api, id, None, body).await
}

/// Asks the sequencer under this command id, as this account.
pub(crate) async fn ask_by(
    api: &Api,
    id: String,
    actor: Option<String>,
    body: Body,
) -> Result<Reply, Problem> {
    let (tell, told) = oneshot::channel();
    let command = Command {
        id: Some(id),
        actor,
        body,
    };
    // A caller that went away has its command recorded all the same; the same key gets the same answer.
    let done = Box::new(move |reply| drop(tell.send(reply)));
    api.intake.submit(command, done);
    let reply = told.await.unwrap_or(Err(NoReply::Stopped));
    reply.map_err(|why| {
        let message = why.to_string();
        let status = StatusCode::SERVICE_UNAVAILABLE;
        match why {
            NoReply::Busy { retry_ms, .. } => {
                Problem::later(status, "busy", message, Duration::from_millis(retry_ms))
            }
            NoReply::Stopped => Problem::new(status, "stopped", message),
        }
    })
}

fn told(api: &Api, reply: &Reply, rows: usize) -> Result<Response, Problem> {
    let mut body = json!({ "outcome": reply.answer.word(), "repeated": reply.repeated });
    let Some(reason) = reply.answer.reason() else {
        if let Some(body) = body.as_object_mut() {
            body.insert("rows".to_owned(), json!(rows));
            if reply.repeated_rows > 0 {
                body.insert("repeated_rows".to_owned(), json!(reply.repeated_rows));
            }
        }
        return Ok(answer(StatusCode::OK, &body));
    };
    if let Some(body) = body.as_object_mut() {
        body.insert("reason".to_owned(), api.intake.describe(reason));
    }
    // A held request is not a failed one; everything else that has a reason was not done.
    let status = match reply.answer {
        Answer::Held(_) | Answer::Reduced(_) => StatusCode::OK,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    Ok(answer(status, &body))
}
