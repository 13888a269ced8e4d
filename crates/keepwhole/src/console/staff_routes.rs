//! Addresses of sign-in, passkeys, answers and proposals. Only these take a body; what they take comes from the console's
//! own pages (docs/sign-in.md).

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use keepwhole_core::authority::credential::DeviceKind;
use keepwhole_core::authority::matter::Decision;
use keepwhole_core::subject::is_code;
use serde::Deserialize;
use serde_json::{Value, json};

use super::cookies::{BROWSER_S, Jar};
use super::files::Kind;
use super::pages::{
    Problem, enrol_page, file_page, made_page, matter_page, propose_page, sign_in_page, stop_page,
    waiting_page,
};
use super::passkey::{PostedAssertion, PostedPasskey, decoded};
use super::proposing::PostedProposal;
use super::reader::segment;
use super::refusal::No;
use super::routes::{Room, problem};
use super::staff::{Prompt, Seat, Staff};
use super::visit::{Visit, download, refused_page, told};
use crate::authority::credential_text;

const SCRIPT: &str = include_str!("passkey.js");

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
        .route("/propose", get(propose))
        .route(Kind::Policy.path(), post(bring_policy))
        .route(Kind::Rules.path(), post(bring_rules))
        .route(Kind::Credential.path(), post(bring_credential))
        .route("/propose/file/{brought}", get(brought))
        .route("/propose/begin", post(propose_begin))
        .route("/propose/finish", post(propose_finish))
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

async fn sign_in(visit: Visit) -> Response {
    let next = visit.asked.next.clone().unwrap_or_default();
    visit
        .shows(move |r, guest, _| Ok(sign_in_page(r, guest, next_path(&next))))
        .await
}

async fn enrol(visit: Visit) -> Response {
    visit.shows(|r, guest, _| Ok(enrol_page(r, guest))).await
}

async fn made(visit: Visit) -> Response {
    let under = visit.id();
    visit
        .shows(|r, guest, staff| {
            let under = under?;
            let made = staff.and_then(|staff| staff.made(&under));
            let made = made.ok_or(Problem::NoPage)?;
            Ok(made_page(r, guest, &under, &made))
        })
        .await
}

async fn credential_file(visit: Visit) -> Response {
    let staff = visit.room.staff.as_ref();
    let made = visit.id().ok().and_then(|under| staff?.made(&under));
    match made {
        Some(made) => download("credential.json", credential_text(&made.key)),
        None => problem(&visit.r, &Problem::NoPage),
    }
}

async fn waiting(visit: Visit) -> Response {
    visit
        .shows(|r, guest, staff| {
            let lines = staff.map_or_else(Vec::new, |staff| staff.desk.waiting());
            Ok(waiting_page(r, guest, &lines))
        })
        .await
}

async fn stop(visit: Visit) -> Response {
    visit.shows(|r, guest, _| Ok(stop_page(r, guest))).await
}

async fn propose(visit: Visit) -> Response {
    visit
        .shows(|r, guest, _| Ok(propose_page(r, guest, None)))
        .await
}

async fn matter(visit: Visit) -> Response {
    let id = visit.id();
    visit
        .shows(|r, guest, staff| {
            let id = id?;
            let view = staff.and_then(|staff| staff.desk.matter(&id));
            let view = view.ok_or(Problem::NoRequest(id))?;
            Ok(matter_page(r, guest, &view, None))
        })
        .await
}

/// The request file for the approver client, in the name of whoever is signed in.
async fn request_file(visit: Visit) -> Response {
    let (id, role) = (visit.id(), visit.asked.role.clone().unwrap_or_default());
    let made = visit.asks(move |staff, seat| {
        let id = id.map_err(|_| No::malformed())?;
        let none = || No::key(404, "unknown_target", "matter-none");
        let view = staff.desk.matter(&id).ok_or_else(none)?;
        if !view.roles.contains(&role) || !seat.holder.roles.contains(&role) {
            return Err(No::key(409, "role_missing", "matter-no-role"));
        }
        staff.request_file(&view, &seat.holder.person, &role)
    });
    match made.await {
        Ok(text) => download("approval-request.json", text),
        Err(no) => refused_page(&visit.r, &no),
    }
}

/// Takes the approver client's answer from a form without script, and shows the matter.
async fn bring(visit: Visit, body: Bytes) -> Response {
    let Ok(id) = visit.id() else {
        return problem(&visit.r, &Problem::NoPage);
    };
    let target = id.clone();
    let work = move |staff: &Staff, _: &Seat, answer: Option<String>| {
        staff.brought(&target, &answer.ok_or_else(No::malformed)?)
    };
    match visit.takes(&body, "answer", work).await {
        Err(no) => refused_page(&visit.r, &no),
        Ok(Ok(())) => {
            let path = format!("/approve/{}", segment(&id));
            Redirect::to(&visit.r.href(&path)).into_response()
        }
        Ok(Err(no)) => {
            visit
                .shows_again(no.status, move |r, guest, staff| {
                    let view = staff.and_then(|staff| staff.desk.matter(&id));
                    let view = view.ok_or(Problem::NoRequest(id))?;
                    Ok(matter_page(r, guest, &view, Some(&no)))
                })
                .await
        }
    }
}

/// Takes a file that somebody would propose, and leads to its page, or shows the form with what is wrong.
async fn bring_file(visit: Visit, body: Bytes, kind: Kind) -> Response {
    let work =
        move |staff: &Staff, seat: &Seat, file: Option<String>| staff.bring_file(seat, kind, file);
    match visit.takes(&body, kind.field(), work).await {
        Err(no) => refused_page(&visit.r, &no),
        Ok(Ok(path)) => Redirect::to(&visit.r.href(&path)).into_response(),
        Ok(Err(unfit)) => {
            visit
                .shows_again(unfit.no.status, move |r, guest, _| {
                    Ok(propose_page(r, guest, Some(&unfit)))
                })
                .await
        }
    }
}

async fn bring_policy(visit: Visit, body: Bytes) -> Response {
    bring_file(visit, body, Kind::Policy).await
}

async fn bring_rules(visit: Visit, body: Bytes) -> Response {
    bring_file(visit, body, Kind::Rules).await
}

async fn bring_credential(visit: Visit, body: Bytes) -> Response {
    bring_file(visit, body, Kind::Credential).await
}

/// The page of a file that was brought and is not proposed yet.
async fn brought(visit: Visit) -> Response {
    let under = visit.id();
    visit
        .shows(|r, guest, staff| {
            let under = under?;
            let seen = staff.zip(guest.seat).and_then(|(staff, seat)| {
                let file = staff.file(seat, &under)?;
                let offer = staff.desk.offer(&file.change)?;
                Some((file, offer))
            });
            let (file, offer) = seen.ok_or(Problem::NoPage)?;
            Ok(file_page(r, guest, (&under, &file.notes), &offer))
        })
        .await
}

fn prompt(prompt: Prompt) -> Value {
    json!({ "ticket": prompt.ticket, "options": prompt.options })
}

/// What the page of a sign-in posts: where to go on, which the browser keeps.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PostedSignIn {
    next: String,
}

async fn sign_in_begin(visit: Visit, body: Bytes) -> Response {
    let begun = visit.does(&body, |staff, posted: PostedSignIn| {
        staff.begin_sign_in(next_path(&posted.next))
    });
    told(&visit.r, begun.await.map(prompt))
}

async fn sign_in_finish(visit: Visit, body: Bytes) -> Response {
    let (before, headers) = (visit.seat.clone(), visit.headers.clone());
    let done = visit.does(&body, move |staff, posted: PostedAssertion| {
        let given = posted.given().ok_or_else(No::malformed)?;
        let jar = Jar::of(staff.site());
        let (browser, device) = jar.browser(&headers)?;
        let place = place(staff, &headers);
        let (token, next) = staff.finish_sign_in(&posted.ticket, &given, (&device, &place))?;
        if let Some(before) = before {
            // One browser holds one session.
            staff.sign_out(&before);
        }
        Ok((jar, token, browser, next))
    });
    match done.await {
        Err(no) => told(&visit.r, Err(no)),
        Ok((jar, token, browser, next)) => {
            let mut response = told(&visit.r, Ok(json!({ "next": visit.r.href(&next) })));
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

async fn sign_out(visit: Visit) -> Response {
    let mut response = Redirect::to(&visit.r.href("/sign-in")).into_response();
    if let Some(staff) = visit.room.staff {
        if let Some(seat) = visit.seat {
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

async fn enrol_begin(visit: Visit, body: Bytes) -> Response {
    let begun = visit.does(&body, |staff, posted: PostedName| {
        let kind = DeviceKind::of_code(&posted.kind).ok_or_else(No::malformed)?;
        staff.begin_enrol(posted.name.trim(), kind)
    });
    told(&visit.r, begun.await.map(prompt))
}

async fn enrol_finish(visit: Visit, body: Bytes) -> Response {
    let made = visit.does(&body, |staff, posted: PostedPasskey| {
        let data = decoded(&posted.authenticator_data).ok_or_else(No::malformed)?;
        let client = decoded(&posted.client_data_json).ok_or_else(No::malformed)?;
        staff.finish_enrol(&posted.ticket, (&data, &client))
    });
    let next = |under| json!({ "next": visit.r.href(&format!("/enrol/{under}")) });
    told(&visit.r, made.await.map(next))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PostedAnswer {
    target: String,
    role: String,
    decision: String,
}

async fn answer_begin(visit: Visit, body: Bytes) -> Response {
    let begun = visit.does_seated(&body, |staff, seat, posted: PostedAnswer| {
        let decision = match posted.decision.as_str() {
            "approve" => Decision::Approve,
            "reject" => Decision::Reject,
            _ => return Err(No::malformed()),
        };
        staff.begin_answer(seat, (&posted.target, &posted.role), decision)
    });
    told(&visit.r, begun.await.map(prompt))
}

/// Takes an assertion from whoever is signed in; `finish` gives the matter to go on to.
async fn finished(
    visit: Visit,
    body: Bytes,
    finish: impl FnOnce(&Staff, &Seat, PostedAssertion) -> Result<String, No> + Send + 'static,
) -> Response {
    let done = visit.does_seated(&body, finish).await;
    let next = |id: String| json!({ "next": visit.r.href(&format!("/approve/{}", segment(&id))) });
    told(&visit.r, done.map(next))
}

async fn answer_finish(visit: Visit, body: Bytes) -> Response {
    finished(visit, body, |staff, seat, posted| {
        let given = posted.given().ok_or_else(No::malformed)?;
        staff.finish_answer(seat, &posted.ticket, given)
    })
    .await
}

async fn propose_begin(visit: Visit, body: Bytes) -> Response {
    let begun = visit.does_seated(&body, |staff, seat, posted: PostedProposal| {
        staff.begin_proposal(seat, &posted)
    });
    told(&visit.r, begun.await.map(prompt))
}

async fn propose_finish(visit: Visit, body: Bytes) -> Response {
    finished(visit, body, |staff, seat, posted| {
        let given = posted.given().ok_or_else(No::malformed)?;
        staff.finish_proposal(seat, &posted.ticket, &given)
    })
    .await
}
