//! A request to an address of staff, and the few shapes of what is done with it: a page is shown, a posted object or form is
//! taken to the desk away from the network threads, and the script or the browser is told.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use keepwhole_edge::refusals::Turned;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Reader;
use super::pages::{Guest, Problem};
use super::refusal::No;
use super::request::{Asked, at_site};
use super::routes::{Room, Seated, frame_of, page, problem};
use super::staff::{Seat, Staff};
use super::upload::one_file;
use crate::text::Lang;

/// What pages with the script may load: themselves, their style, their script, their answers.
const SCRIPTED: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data:; \
                        form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/// Who asks for what.
pub(super) struct Visit {
    pub(super) room: Room,
    pub(super) r: Reader,
    pub(super) seat: Option<Arc<Seat>>,
    pub(super) headers: HeaderMap,
    pub(super) asked: Asked,
    /// The part of the address that names something; nothing where it names nothing or is no text.
    id: Option<String>,
}

impl FromRequestParts<Room> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, room: &Room) -> Result<Self, Infallible> {
        let asked =
            Query::try_from_uri(&parts.uri).map_or_else(|_| Asked::default(), |Query(asked)| asked);
        let id = Path::from_request_parts(parts, room).await;
        let Seated(seat) = parts.extensions.get().cloned().unwrap_or_default();
        let r = parts.extensions.get().copied();
        Ok(Self {
            room: room.clone(),
            r: r.unwrap_or_else(|| Reader::of_console(Lang::default(), false)),
            seat,
            headers: parts.headers.clone(),
            asked,
            id: id.ok().map(|Path(id)| id),
        })
    }
}

impl Visit {
    /// What the address names.
    pub(super) fn id(&self) -> Result<String, Problem> {
        self.id.clone().ok_or(Problem::NoPage)
    }

    fn staff(&self) -> Result<Arc<Staff>, No> {
        let none = || No::key(409, "read_only", "staff-read-only");
        self.room.staff.clone().ok_or_else(none)
    }

    /// Shows a page of staff: `show` gets the guest and the desk, where there is one.
    pub(super) async fn shows(
        self,
        show: impl FnOnce(&Reader, &Guest<'_>, Option<&Staff>) -> Result<String, Problem>
        + Send
        + 'static,
    ) -> Response {
        let Self {
            room,
            r,
            seat,
            headers,
            ..
        } = self;
        let site = room.staff.as_ref().and_then(|staff| staff.site());
        let at_site = site.is_some_and(|site| at_site(&headers, site));
        let made = tokio::task::spawn_blocking(move || {
            let (banner, head) = frame_of(room.source.as_ref());
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
            Ok(Ok(html)) => scripted(&r, html),
            Ok(Err(refused)) => problem(&r, &refused),
            Err(_) => problem(&r, &Problem::Unavailable(String::new())),
        }
    }

    /// Shows the page of a form once more, with why its file was not taken.
    pub(super) async fn shows_again(
        self,
        status: u16,
        show: impl FnOnce(&Reader, &Guest<'_>, Option<&Staff>) -> Result<String, Problem>
        + Send
        + 'static,
    ) -> Response {
        let mut answer = self.shows(show).await;
        if answer.status() == StatusCode::OK {
            *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::CONFLICT);
        }
        answer
    }

    /// Does what the page's script posted: JSON by its type, with each field once and no other.
    pub(super) async fn does<P, T>(
        &self,
        body: &Bytes,
        work: impl FnOnce(&Staff, P) -> Result<T, No> + Send + 'static,
    ) -> Result<T, No>
    where
        P: DeserializeOwned + Send + 'static,
        T: Send + 'static,
    {
        let staff = self.staff()?;
        let kind = self.headers.get(header::CONTENT_TYPE);
        if kind.is_none_or(|kind| kind != "application/json") {
            return Err(No::malformed());
        }
        let posted = serde_json::from_slice(body).map_err(|_| No::malformed())?;
        aside(move || work(&staff, posted)).await
    }

    /// As [`does`](Self::does), in the name of whoever is signed in.
    pub(super) async fn does_seated<P, T>(
        &self,
        body: &Bytes,
        work: impl FnOnce(&Staff, &Seat, P) -> Result<T, No> + Send + 'static,
    ) -> Result<T, No>
    where
        P: DeserializeOwned + Send + 'static,
        T: Send + 'static,
    {
        let seat = self.seat.clone().ok_or_else(No::nobody)?;
        self.does(body, move |staff, posted| work(staff, &seat, posted))
            .await
    }

    /// Takes the one file of a form without script, in the name of whoever is signed in.
    ///
    /// # Errors
    /// Nobody is signed in.
    pub(super) async fn takes<T: Send + 'static>(
        &self,
        body: &Bytes,
        field: &str,
        work: impl FnOnce(&Staff, &Seat, Option<String>) -> T + Send + 'static,
    ) -> Result<T, No> {
        let kind = self.headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|value| value.to_str().ok());
        let file = one_file(kind.unwrap_or_default(), body, field).map(str::to_owned);
        self.asks(move |staff, seat| Ok(work(staff, seat, file)))
            .await
    }

    /// Reads at the desk in the name of whoever is signed in.
    pub(super) async fn asks<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Staff, &Seat) -> Result<T, No> + Send + 'static,
    ) -> Result<T, No> {
        let (staff, seat) = match (&self.room.staff, &self.seat) {
            (Some(staff), Some(seat)) => (Arc::clone(staff), Arc::clone(seat)),
            _ => return Err(No::nobody()),
        };
        aside(move || work(&staff, &seat)).await
    }
}

/// Runs what may block away from the network threads.
async fn aside<T: Send + 'static>(
    what: impl FnOnce() -> Result<T, No> + Send + 'static,
) -> Result<T, No> {
    let done = tokio::task::spawn_blocking(what).await;
    done.unwrap_or_else(|_| Err(No::unavailable()))
}

/// A page that may run the console's own script.
fn scripted(r: &Reader, html: String) -> Response {
    let mut response = page(200, r, html);
    let policy = HeaderValue::from_static(SCRIPTED);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// A file to keep, of JSON.
pub(super) fn download(name: &str, text: String) -> Response {
    let kept = format!("attachment; filename=\"{name}\"");
    let kept = HeaderValue::from_str(&kept).unwrap_or(HeaderValue::from_static("attachment"));
    let kind = HeaderValue::from_static("application/json");
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_DISPOSITION, kept),
    ];
    (headers, text).into_response()
}

/// The page of a refusal.
pub(super) fn refused_page(r: &Reader, no: &No) -> Response {
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
