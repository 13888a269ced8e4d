//! Addresses of sign-in, passkeys, answers and proposals. Only these take a body; what they take comes from the console's
//! own pages (docs/sign-in.md).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Router, extract::Query, extract::rejection::QueryRejection};
use keepwhole_core::authority::credential::DeviceKind;
use keepwhole_core::authority::matter::Decision;
use keepwhole_core::subject::is_code;
use keepwhole_edge::refusals::Turned;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Reader;
use super::cookies::{BROWSER_S, Jar};
use super::pages::{
    Guest, Problem, enrol_page, made_page, matter_page, sign_in_page, stop_page, waiting_page,
};
use super::passkey::{PostedAssertion, PostedPasskey, decoded};
use super::proposing::PostedProposal;
use super::reader::segment;
use super::refusal::No;
use super::request::{Asked, at_site};
use super::routes::{Room, Seated, frame_of, page, problem};
use super::staff::{Prompt, Seat, Staff};
use super::upload::one_file;
use crate::authority::credential_text;
use crate::views::{Banner, Head};

/// The script, and what pages with it may load: themselves, their style, their script, their answers.
const SCRIPT: &str = include_str!("passkey.js");
const SCRIPTED: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data:; \
                        form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

type QueryResult = Result<Query<Asked>, QueryRejection>;
type PathResult = Result<Path<String>, PathRejection>;

/// The routes of staff.
pub(crate) fn staff_routes() -> Router<Room> {
    Router::new()
        .route("/passkey.js", get(script))
        .route("/sign-in", get(sign_in))
        .route("/sign-in/begin", post(sign_in_begin))
        .route("/sign-in/finish", post(sign_in_finish))
        .route("/sign-out", post(sign_out))
        .route("/enrol", get(enrol))
        .route("/enrol/begin", post(enrol_begin))
        .route("/enrol/finish", post(enrol_finish))
        .route("/enrol/{made}", get(made))
        .route("/enrol/{made}/credential.json", get(credential_file))
        .route("/approve", get(waiting))
        .route("/approve/{id}", get(matter))
        .route("/approve/{id}/answer", post(bring))
        .route("/guard/{id}/approval-request.json", get(request_file))
        .route("/answer/begin", post(answer_begin))
        .route("/answer/finish", post(answer_finish))
        .route("/stop", get(stop))
        .route("/propose/begin", post(propose_begin))
        .route("/propose/finish", post(propose_finish))
}

/// A page that may run the console's own script.
fn scripted(status: u16, r: &Reader, html: String) -> Response {
    let mut response = page(status, r, html);
    let policy = HeaderValue::from_static(SCRIPTED);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// Runs what may block away from the network threads.
async fn aside<T: Send + 'static>(
    what: impl FnOnce() -> Result<T, No> + Send + 'static,
) -> Result<T, No> {
    let done = tokio::task::spawn_blocking(what).await;
    done.unwrap_or_else(|_| Err(No::unavailable()))
}

/// Shows a page of staff: `show` gets the guest and the desk, where there is one.
async fn shown(
    room: Room,
    Seated(seat): Seated,
    headers: &HeaderMap,
    r: Reader,
    show: impl FnOnce(&Reader, &Guest<'_>, Option<&Staff>) -> Result<String, Problem> + Send + 'static,
) -> Response {
    let at_site = room
        .staff
        .as_ref()
        .and_then(|staff| staff.site())
        .is_some_and(|site| at_site(headers, site));
    let made = tokio::task::spawn_blocking(move || {
        let (banner, head): (Option<Banner>, Option<Head>) = frame_of(room.source.as_ref());
        let staff = room.staff.as_deref();
        let guest = Guest {
            live: staff.is_some(),
            site: staff.and_then(Staff::site),
            at_site,
            seat: seat.as_deref(),
            banner: banner.as_ref(),
            head: head.as_ref(),
        };
        show(&r, &guest, staff)
    });
    match made.await {
        Ok(Ok(html)) => scripted(200, &r, html),
        Ok(Err(refused)) => problem(&r, &refused),
        Err(_) => problem(&r, &Problem::Unavailable(String::new())),
    }
}

async fn script() -> Response {
    let kind = [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")];
    (kind, SCRIPT).into_response()
}

/// A path of this console to go on to; anything else leads to what waits.
fn next_path(asked: &str) -> &str {
    let plain = asked
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if plain && asked.starts_with('/') && !asked.starts_with("//") && asked.len() <= 512 {
        asked
    } else {
        "/approve"
    }
}

async fn sign_in(
    State(room): State<Room>,
    Extension(r): Extension<Reader>,
    Extension(seated): Extension<Seated>,
    headers: HeaderMap,
    query: QueryResult,
) -> Response {
    let asked = query.map_or_else(|_| Asked::default(), |Query(asked)| asked);
    let next = next_path(asked.next.as_deref().unwrap_or_default()).to_owned();
    shown(room, seated, &headers, r, move |r, guest, _| {
        Ok(sign_in_page(r, guest, &next))
    })
    .await
}

async fn enrol(
    State(room): State<Room>,
    Extension(r): Extension<Reader>,
    Extension(seated): Extension<Seated>,
    headers: HeaderMap,
) -> Response {
    shown(room, seated, &headers, r, |r, guest, _| {
        Ok(enrol_page(r, guest))
    })
    .await
}

async fn made(
    State(room): State<Room>,
    Extension(r): Extension<Reader>,
    Extension(seated): Extension<Seated>,
    path: PathResult,
    headers: HeaderMap,
) -> Response {
    shown(room, seated, &headers, r, move |r, guest, staff| {
        let Path(under) = path.map_err(|_| Problem::NoPage)?;
        let made = staff.and_then(|staff| staff.made(&under));
        let made = made.ok_or(Problem::NoPage)?;
        Ok(made_page(r, guest, &under, &made))
    })
    .await
}

/// A file to keep, of JSON.
fn download(name: &str, text: String) -> Response {
    let kept = format!("attachment; filename=\"{name}\"");
    let kept = HeaderValue::from_str(&kept).unwrap_or(HeaderValue::from_static("attachment"));
    let kind = HeaderValue::from_static("application/json");
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_DISPOSITION, kept),
    ];
    (headers, text).into_response()
}

async fn credential_file(
    State(room): State<Room>,
    Extension(r): Extension<Reader>,
    path: PathResult,
) -> Response {
    let found = path.ok().and_then(|Path(under)| room.staff?.made(&under));
    match found {
        Some(made) => download("credential.json", credential_text(&made.key)),
        None => problem(&r, &Problem::NoPage),
    }
}

async fn waiting(
    State(room): State<Room>,
    Extension(r): Extension<Reader>,
    Extension(seated): Extension<Seated>,
    headers: HeaderMap,
) -> Response {
    shown(room, seated, &headers, r, |r, guest, staff| {
        let lines = staff.map_or_else(Vec::new, |staff| staff.desk.waiting());
        Ok(waiting_page(r, guest, &lines))
    })
    .await
}

async fn stop(
    State(room): State<Room>,
    Extension(r): Extension<Reader>,
    Extension(seated): Extension<Seated>,
    headers: HeaderMap,
) -> Response {
    shown(room, seated, &headers, r, |r, guest, _| {
        Ok(stop_page(r, guest))
    })
    .await
}

async fn matter(
    State(room): State<Room>,
    Extension(r): Extension<Reader>,
    Extension(seated): Extension<Seated>,
    path: PathResult,
    headers: HeaderMap,
) -> Response {
    shown(room, seated, &headers, r, move |r, guest, staff| {
        let Path(id) = path.map_err(|_| Problem::NoPage)?;
        let view = staff.and_then(|staff| staff.desk.matter(&id));
        let view = view.ok_or(Problem::NoRequest(id))?;
        Ok(matter_page(r, guest, &view, None))
    })
    .await
}

/// The request file for the approver client, in the name of whoever is signed in.
async fn request_file(
    State(room): State<Room>,
    Extension(r): Extension<Reader>,
    Extension(Seated(seat)): Extension<Seated>,
    path: PathResult,
    query: QueryResult,
) -> Response {
    let asked = query.map_or_else(|_| Asked::default(), |Query(asked)| asked);
    let (Some(staff), Some(seat)) = (room.staff, seat) else {
        return refused_page(&r, &No::nobody());
    };
    let made = aside(move || {
        let id = path.map_err(|_| No::malformed())?.0;
        let none = || No::key(404, "unknown_target", "matter-none");
        let view = staff.desk.matter(&id).ok_or_else(none)?;
        let role = asked.role.unwrap_or_default();
        if !view.roles.contains(&role) || !seat.holder.roles.contains(&role) {
            return Err(No::key(409, "role_missing", "matter-no-role"));
        }
        staff.request_file(&view, &seat.holder.person, &role)
    });
    match made.await {
        Ok(text) => download("approval-request.json", text),
        Err(no) => refused_page(&r, &no),
    }
}

/// Takes the approver client's answer from a form without script, and shows the matter.
async fn bring(
    State(room): State<Room>,
    Extension(r): Extension<Reader>,
    Extension(seated): Extension<Seated>,
    path: PathResult,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (Some(staff), Some(_), Ok(Path(id))) = (room.staff.clone(), &seated.0, path) else {
        return refused_page(&r, &No::nobody());
    };
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let text = one_file(kind, &body, "answer").map(str::to_owned);
    let target = id.clone();
    let done = aside(move || staff.brought(&target, &text.ok_or_else(No::malformed)?)).await;
    match done {
        Ok(()) => Redirect::to(&r.href(&format!("/approve/{}", segment(&id)))).into_response(),
        Err(no) => {
            let status = no.status;
            let mut answer = shown(room, seated, &headers, r, move |r, guest, staff| {
                let view = staff.and_then(|staff| staff.desk.matter(&id));
                let view = view.ok_or(Problem::NoRequest(id))?;
                Ok(matter_page(r, guest, &view, Some(&no)))
            })
            .await;
            if answer.status() == StatusCode::OK {
                *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::CONFLICT);
            }
            answer
        }
    }
}

fn refused_page(r: &Reader, no: &No) -> Response {
    marked(problem(r, &Problem::Refused(Box::new(no.clone()))), no)
}

/// Marks an answer for the count at the door: what the journal refused is there already, and what could not be done now
/// turned nobody away.
fn marked(mut response: Response, no: &No) -> Response {
    if [400, 401, 403, 405, 413, 414].contains(&no.status) {
        let (code, who) = (no.code.clone(), String::new());
        response.extensions_mut().insert(Turned { code, who });
    }
    response
}

/// What the script is told: the answer, or the refusal in the reader's words.
pub(crate) fn told(r: &Reader, outcome: Result<Value, No>) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    let no = match outcome {
        Ok(value) => return (kind, value.to_string()).into_response(),
        Err(no) => no,
    };
    let mut says = r.say(&no.words);
    let release = r.say(&no.release);
    if !release.is_empty() {
        says = format!("{says} {release}");
    }
    let value = json!({ "code": no.code, "says": says });
    let status = StatusCode::from_u16(no.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    marked((status, kind, value.to_string()).into_response(), &no)
}

/// Reads a posted object: JSON by its type, with each field once and no other.
fn posted<T: DeserializeOwned>(headers: &HeaderMap, body: &Bytes) -> Result<T, No> {
    let kind = headers.get(header::CONTENT_TYPE);
    if kind.is_none_or(|kind| kind != "application/json") {
        return Err(No::malformed());
    }
    serde_json::from_slice(body).map_err(|_| No::malformed())
}

fn prompt(prompt: Prompt) -> Value {
    json!({ "ticket": prompt.ticket, "options": prompt.options })
}

fn staffed(room: &Room) -> Result<Arc<Staff>, No> {
    let none = || No::key(409, "read_only", "staff-read-only");
    room.staff.clone().ok_or_else(none)
}

fn seated(Seated(seat): Seated) -> Result<Arc<Seat>, No> {
    seat.ok_or_else(No::nobody)
}

/// What the page of a sign-in posts: where to go on, which the browser keeps.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PostedSignIn {
    next: String,
}

async fn sign_in_begin(
    State(room): State<Room>,
    Extension(r): Extension<Reader>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let work = || {
        let posted: PostedSignIn = posted(&headers, &body)?;
        staffed(&room)?.begin_sign_in(next_path(&posted.next))
    };
    told(&r, work().map(prompt))
}

async fn sign_in_finish(
    State(room): State<Room>,
    Extension(r): Extension<Reader>,
    Extension(Seated(before)): Extension<Seated>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let work = || {
        let posted: PostedAssertion = posted(&headers, &body)?;
        let given = posted.given().ok_or_else(No::malformed)?;
        let staff = staffed(&room)?;
        let place = place(&staff, &headers);
        let jar = Jar::of(staff.site());
        Ok((
            posted.ticket,
            given,
            staff,
            place,
            jar,
            jar.browser(&headers)?,
        ))
    };
    let (ticket, given, staff, place, jar, (browser, device)) = match work() {
        Ok(found) => found,
        Err(no) => return told(&r, Err(no)),
    };
    let done = aside(move || {
        let done = staff.finish_sign_in(&ticket, &given, (&device, &place))?;
        if let Some(before) = before {
            // One browser holds one session.
            staff.sign_out(&before);
        }
        Ok(done)
    });
    let done = done.await;
    match done {
        Err(no) => told(&r, Err(no)),
        Ok((token, next)) => {
            let mut response = told(&r, Ok(json!({ "next": r.href(&next) })));
            jar.set(&mut response, jar.session, &token, None);
            jar.set(&mut response, jar.browser, &browser, Some(BROWSER_S));
            response
        }
    }
}

/// The place that the proxy names; `console` where none is asked to.
fn place(staff: &Staff, headers: &HeaderMap) -> String {
    let Some(name) = staff.place_header() else {
        return "console".to_owned();
    };
    let said = headers.get(name).and_then(|value| value.to_str().ok());
    let code = said.filter(|said| is_code(said));
    code.unwrap_or("unknown").to_owned()
}

async fn sign_out(
    State(room): State<Room>,
    Extension(r): Extension<Reader>,
    Extension(Seated(seat)): Extension<Seated>,
) -> Response {
    let mut response = Redirect::to(&r.href("/sign-in")).into_response();
    if let Some(staff) = room.staff {
        if let Some(seat) = seat {
            staff.sign_out(&seat);
        }
        let jar = Jar::of(staff.site());
        jar.set(&mut response, jar.session, "", Some(0));
    }
    response
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PostedName {
    name: String,
    kind: String,
}

async fn enrol_begin(
    State(room): State<Room>,
    Extension(r): Extension<Reader>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let work = || {
        let posted: PostedName = posted(&headers, &body)?;
        let kind = DeviceKind::of_code(&posted.kind).ok_or_else(No::malformed)?;
        staffed(&room)?.begin_enrol(posted.name.trim(), kind)
    };
    told(&r, work().map(prompt))
}

async fn enrol_finish(
    State(room): State<Room>,
    Extension(r): Extension<Reader>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let work = || {
        let posted: PostedPasskey = posted(&headers, &body)?;
        let data = decoded(&posted.authenticator_data).ok_or_else(No::malformed)?;
        let client = decoded(&posted.client_data_json).ok_or_else(No::malformed)?;
        staffed(&room)?.finish_enrol(&posted.ticket, (&data, &client))
    };
    told(
        &r,
        work().map(|under| json!({ "next": r.href(&format!("/enrol/{under}")) })),
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PostedAnswer {
    target: String,
    role: String,
    decision: String,
}

async fn answer_begin(
    State(room): State<Room>,
    Extension(r): Extension<Reader>,
    Extension(seat): Extension<Seated>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let work = || {
        let posted: PostedAnswer = posted(&headers, &body)?;
        let decision = match posted.decision.as_str() {
            "approve" => Decision::Approve,
            "reject" => Decision::Reject,
            _ => return Err(No::malformed()),
        };
        Ok((staffed(&room)?, seated(seat)?, posted, decision))
    };
    let outcome = match work() {
        Ok((staff, seat, posted, decision)) => {
            aside(move || staff.begin_answer(&seat, (&posted.target, &posted.role), decision)).await
        }
        Err(no) => Err(no),
    };
    told(&r, outcome.map(prompt))
}

/// Takes an assertion from whoever is signed in; `finish` says where to go on.
async fn finished(
    (room, seat): (Room, Seated),
    r: Reader,
    headers: HeaderMap,
    body: Bytes,
    finish: impl FnOnce(&Staff, &Seat, PostedAssertion) -> Result<String, No> + Send + 'static,
) -> Response {
    let work = || Ok((staffed(&room)?, seated(seat)?, posted(&headers, &body)?));
    let outcome = match work() {
        Ok((staff, seat, posted)) => aside(move || finish(&staff, &seat, posted)).await,
        Err(no) => Err(no),
    };
    let next = outcome.map(|id| {
        let path = format!("/approve/{}", segment(&id));
        json!({ "next": r.href(&path) })
    });
    told(&r, next)
}

async fn answer_finish(
    State(room): State<Room>,
    Extension(r): Extension<Reader>,
    Extension(seat): Extension<Seated>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    finished((room, seat), r, headers, body, |staff, seat, posted| {
        let given = posted.given().ok_or_else(No::malformed)?;
        staff.finish_answer(seat, &posted.ticket, given)
    })
    .await
}

async fn propose_begin(
    State(room): State<Room>,
    Extension(r): Extension<Reader>,
    Extension(seat): Extension<Seated>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let work = || {
        let posted: PostedProposal = posted(&headers, &body)?;
        Ok((staffed(&room)?, seated(seat)?, posted))
    };
    let outcome = match work() {
        Ok((staff, seat, posted)) => aside(move || staff.begin_proposal(&seat, &posted)).await,
        Err(no) => Err(no),
    };
    told(&r, outcome.map(prompt))
}

async fn propose_finish(
    State(room): State<Room>,
    Extension(r): Extension<Reader>,
    Extension(seat): Extension<Seated>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    finished((room, seat), r, headers, body, |staff, seat, posted| {
        let given = posted.given().ok_or_else(No::malformed)?;
        staff.finish_proposal(seat, &posted.ticket, &given)
    })
    .await
}
