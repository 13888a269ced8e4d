//! Which address shows which page, and the headers of every answer.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRef, Path, Query, Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keepwhole_edge::refusals::Turned;
use sha2::{Digest as _, Sha256};

use super::cookies::Jar;
use super::pages::{
    Problem, backtest_page, customer_page, customer_search, guard_page, incident_list,
    incident_page, journal_page, overview_page, people_page, policy_page, problem_page,
    request_page,
};
use super::reader::segment;
use super::refusal::No;
use super::request::{Asked, admit, cookie, is_bundle_path, is_tile_path, reader_from};
use super::staff::Seat;
use super::staff_routes::staff_routes;
use super::visit::told;
use super::{ConsoleSource, Reader, STYLE, SourceError, Staff};
use crate::text::Words;
use crate::views::{Banner, Head};

/// The longest a page may take.
const TIME_LIMIT: Duration = Duration::from_secs(10);

const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

pub(crate) type Source = Arc<dyn ConsoleSource>;
type QueryResult = Result<Query<Asked>, QueryRejection>;

/// What the pages are made from.
#[derive(Clone)]
pub(crate) struct Room {
    pub(crate) source: Source,
    /// Staff; absent where the journal is only shown.
    pub(crate) staff: Option<Arc<Staff>>,
}

impl FromRef<Room> for Source {
    fn from_ref(room: &Room) -> Self {
        Arc::clone(&room.source)
    }
}

/// Who is signed in.
#[derive(Clone, Default)]
pub(crate) struct Seated(pub(crate) Option<Arc<Seat>>);

/// The console's pages over `source`, and those of `staff`.
pub(crate) fn router(source: Source, staff: Option<Arc<Staff>>) -> Router {
    let room = Room { source, staff };
    Router::new()
        .merge(staff_routes())
        .route("/", get(overview))
        .route("/incidents", get(incidents))
        .route("/incidents/{id}", get(incident))
        .route("/guard", get(guard))
        .route("/guard/{id}", get(request))
        .route("/policy", get(policy))
        .route("/policy/backtest", get(backtest))
        .route("/people", get(people))
        .route("/customers", get(customers))
        .route("/customers/{id}", get(customer))
        .route("/journal", get(journal))
        .route("/report", get(report))
        .route("/log/checkpoint", get(checkpoint))
        .route("/log/{*path}", get(tile))
        .route("/style.css", get(style))
        .route("/healthz", get(|| async { "ok\n" }))
        .fallback(|request: Request| async move { nothing_here(&request, &Problem::NoPage) })
        .method_not_allowed_fallback(|request: Request| async move {
            nothing_here(&request, &Problem::Method)
        })
        .layer(from_fn_with_state(room.clone(), guarded))
        .with_state(room)
}

/// What is shown to everybody even where every other page asks for a session: the way in, and the public log.
fn is_open(path: &str) -> bool {
    let log = path.strip_prefix("/log/");
    let enrols = path == "/enrol" || path.starts_with("/enrol/");
    let signs_in = path == "/sign-in" || path.starts_with("/sign-in/");
    let parts = ["/style.css", "/passkey.js", "/healthz"].contains(&path);
    enrols || signs_in || parts || log.is_some_and(|log| log == "checkpoint" || is_tile_path(log))
}

/// The page of a form that was posted to `path`: nobody can be led back to the posting itself.
fn page_of_form(path: &str) -> &str {
    let answered = path.strip_suffix("/answer");
    match answered.filter(|path| path.starts_with("/approve/")) {
        Some(matter) => matter,
        None if path.starts_with("/propose/") => "/propose",
        None => "/approve",
    }
}

/// Whether the script asks, which reads JSON alone.
fn asks_json(request: &Request) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind == "application/json")
}

/// What a request says of who sends it.
struct Asking {
    token: Option<String>,
    /// The whole path and query, where it needs a session that is demanded.
    demanded: Option<String>,
    /// Whether the script asks.
    json: bool,
}

impl Asking {
    fn of(staff: &Staff, request: &Request) -> Self {
        let demanded = staff.demands_sign_in() && !is_open(request.uri().path());
        let whole = request.uri().path_and_query();
        let whole = whole.map_or("/", PathAndQuery::as_str);
        let whole = match *request.method() {
            Method::GET | Method::HEAD => whole,
            _ => page_of_form(request.uri().path()),
        };
        Self {
            token: cookie(request.headers(), Jar::of(staff.site()).session).map(str::to_owned),
            demanded: demanded.then(|| whole.to_owned()),
            json: asks_json(request),
        }
    }

    /// Who sits there, by the cookie; where sign-in is demanded and nobody does, the way to it.
    async fn seat(self, staff: Arc<Staff>, reader: &Reader) -> Result<Seated, Response> {
        let seat = match self.token {
            Some(token) => tokio::task::spawn_blocking(move || staff.seat(&token)).await,
            None => Ok(None),
        };
        match (seat.ok().flatten(), self.demanded) {
            (None, Some(_)) if self.json => Err(told(reader, Err(No::nobody()))),
            (None, Some(whole)) => {
                let to = reader.href(&format!("/sign-in?next={}", segment(&whole)));
                Err(Redirect::to(&to).into_response())
            }
            (seat, _) => Ok(Seated(seat.map(Arc::new))),
        }
    }
}

/// Runs a page within the limits and sets the headers that every answer carries.
async fn guarded(State(room): State<Room>, mut request: Request, next: Next) -> Response {
    let reader = reader_from(&request);
    let json = asks_json(&request);
    let site = room.staff.as_ref().and_then(|staff| staff.site());
    let admitted = admit(&request, site);
    let staff = room.staff.clone();
    let asking = room
        .staff
        .map(|staff| (Asking::of(&staff, &request), staff));
    let admitted = match (admitted, asking) {
        (Err(refused), _) => Err(refused_as(&reader, json, &refused)),
        (Ok(()), Some((asking, staff))) => asking.seat(staff, &reader).await,
        (Ok(()), None) => Ok(Seated::default()),
    };
    let mut seat = None;
    let mut response = match admitted {
        Err(refused) => refused,
        Ok(seated) => {
            seat.clone_from(&seated.0);
            request.extensions_mut().insert(seated);
            request.extensions_mut().insert(reader);
            match tokio::time::timeout(TIME_LIMIT, next.run(request)).await {
                Ok(response) => response,
                Err(_) => refused_as(&reader, json, &Problem::Slow),
            }
        }
    };
    if let (Some(staff), Some(Turned { code, .. })) = (staff, response.extensions().get()) {
        staff.turned_away(code, seat.as_deref());
    }
    let headers = response.headers_mut();
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(POLICY));
    // Files of the log say themselves how long they may be kept.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // With `no-referrer` browsers would name no origin when they send a form, and every form would be refused.
        (header::REFERRER_POLICY, "same-origin"),
        (header::VARY, "accept-language, cookie"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

pub(crate) fn page(status: u16, reader: &Reader, html: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_LANGUAGE, reader.lang.tag()),
    ];
    (status, headers, html).into_response()
}

fn nothing_here(request: &Request, problem: &Problem) -> Response {
    refused_as(&reader_from(request), asks_json(request), problem)
}

/// A problem as whoever asks reads it.
fn refused_as(reader: &Reader, json: bool, refused: &Problem) -> Response {
    match json {
        true => told(reader, Err(No::of_problem(refused))),
        false => problem(reader, refused),
    }
}

pub(crate) fn problem(reader: &Reader, problem: &Problem) -> Response {
    let mut response = page(problem.status(), reader, problem_page(reader, problem));
    // An address that shows nothing, and a part that is misspelt, are slips of a reader.
    let turned_away = matches!(
        problem,
        Problem::ForeignHost
            | Problem::ForeignPage
            | Problem::TooLong
            | Problem::TooLarge
            | Problem::Body
            | Problem::Method
    );
    if turned_away {
        let (code, who) = (problem.code().to_owned(), String::new());
        response.extensions_mut().insert(Turned { code, who });
    }
    response
}

/// Asks the source away from the network threads.
async fn ask<T: Send + 'static>(
    source: &Source,
    question: impl FnOnce(&dyn ConsoleSource) -> Result<T, SourceError> + Send + 'static,
) -> Result<T, Problem> {
    let source = Arc::clone(source);
    match tokio::task::spawn_blocking(move || question(source.as_ref())).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(SourceError::Unavailable(why))) => Err(Problem::Unavailable(why)),
        Err(_) => Err(Problem::Unavailable(
            "the console's own fault: the page stopped halfway".to_owned(),
        )),
    }
}

/// The mode line and head of pages that do not bring their own. A page is still shown where they cannot be read: then
/// both say that they are unknown.
pub(crate) fn frame_of(source: &dyn ConsoleSource) -> (Option<Banner>, Option<Head>) {
    match source.frame() {
        Ok((banner, head)) => (Some(banner), Some(head)),
        Err(SourceError::Unavailable(_)) => (None, None),
    }
}

/// Reads the query, finds the reader, and shows what `answer` makes of it.
async fn answered<F>(
    headers: &HeaderMap,
    query: QueryResult,
    answer: impl FnOnce(Reader, Asked) -> F,
) -> Response
where
    F: Future<Output = Result<Response, Problem>>,
{
    match query {
        Ok(Query(asked)) => {
            let reader = asked.reader(headers);
            answer(reader, asked)
                .await
                .unwrap_or_else(|refused| problem(&reader, &refused))
        }
        Err(_) => {
            let reader = Asked::default().reader(headers);
            problem(&reader, &Problem::Malformed(Words::key("problem-query")))
        }
    }
}

async fn overview(
    State(source): State<Source>,
    headers: HeaderMap,
    query: QueryResult,
) -> Response {
    answered(&headers, query, async |r, _| {
        let view = ask(&source, |source| source.overview()).await?;
        Ok(page(200, &r, overview_page(&r, &view)))
    })
    .await
}

/// A page of what the source shows, in its frame.
async fn viewed<V: Send + 'static>(
    source: &Source,
    r: &Reader,
    look: impl FnOnce(&dyn ConsoleSource) -> Result<V, SourceError> + Send + 'static,
    shown: impl FnOnce(&V, Option<&Banner>, Option<&Head>) -> Result<String, Problem>,
) -> Result<Response, Problem> {
    let (view, (banner, head)) =
        ask(source, move |source| Ok((look(source)?, frame_of(source)))).await?;
    let html = shown(&view, banner.as_ref(), head.as_ref())?;
    Ok(page(200, r, html))
}

async fn incidents(
    State(source): State<Source>,
    headers: HeaderMap,
    query: QueryResult,
) -> Response {
    answered(&headers, query, async |r, _| {
        let look = |source: &dyn ConsoleSource| source.incidents();
        viewed(&source, &r, look, |lines, banner, head| {
            Ok(incident_list(&r, lines, banner, head))
        })
        .await
    })
    .await
}

async fn incident(
    State(source): State<Source>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    query: QueryResult,
) -> Response {
    answered(&headers, query, async |r, _| {
        let id = path_text(id)?;
        let asked = id.clone();
        let look = move |source: &dyn ConsoleSource| source.incident(&asked);
        viewed(&source, &r, look, |view, banner, _| {
            let view = view.as_ref().ok_or(Problem::NoIncident(id))?;
            Ok(incident_page(&r, view, banner))
        })
        .await
    })
    .await
}

async fn guard(State(source): State<Source>, headers: HeaderMap, query: QueryResult) -> Response {
    answered(&headers, query, async |r, asked| {
        let (only, from) = (asked.request_state()?, asked.first_entry()?);
        let look = move |source: &dyn ConsoleSource| source.guard(only, from.unwrap_or_default());
        viewed(&source, &r, look, |view, banner, _| {
            Ok(guard_page(&r, view, banner))
        })
        .await
    })
    .await
}

async fn request(
    State(room): State<Room>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    query: QueryResult,
) -> Response {
    answered(&headers, query, async |r, _| {
        let id = path_text(id)?;
        let (asked, staff) = (id.clone(), room.staff);
        let look = move |source: &dyn ConsoleSource| {
            let matter = staff.and_then(|staff| staff.desk.matter(&asked));
            Ok((source.request(&asked)?, matter.is_some()))
        };
        viewed(&room.source, &r, look, |(view, asks), banner, _| {
            let view = view.as_ref().ok_or(Problem::NoRequest(id))?;
            Ok(request_page(&r, view, *asks, banner))
        })
        .await
    })
    .await
}

async fn policy(State(source): State<Source>, headers: HeaderMap, query: QueryResult) -> Response {
    answered(&headers, query, async |r, asked| {
        let between = asked.compared()?;
        let compared = between.clone();
        let look = move |source: &dyn ConsoleSource| source.policy(compared.as_ref());
        viewed(&source, &r, look, |view, banner, _| {
            Ok(policy_page(&r, view, between.as_ref(), banner))
        })
        .await
    })
    .await
}

async fn backtest(
    State(source): State<Source>,
    headers: HeaderMap,
    query: QueryResult,
) -> Response {
    answered(&headers, query, async |r, asked| {
        let asked = asked.backtest()?;
        let look = move |source: &dyn ConsoleSource| source.backtest(&asked);
        viewed(&source, &r, look, |view, banner, _| {
            Ok(backtest_page(&r, view, banner))
        })
        .await
    })
    .await
}

async fn people(State(room): State<Room>, headers: HeaderMap, query: QueryResult) -> Response {
    answered(&headers, query, async |r, _| {
        let look = |source: &dyn ConsoleSource| source.people();
        let live = room.staff.is_some();
        viewed(&room.source, &r, look, |view, banner, _| {
            Ok(people_page(&r, view, live, banner))
        })
        .await
    })
    .await
}

/// The search form leads to the customer's own address, so that a page can be linked to.
async fn customers(
    State(source): State<Source>,
    headers: HeaderMap,
    query: QueryResult,
) -> Response {
    answered(&headers, query, async |r, asked| {
        if let Some(id) = asked
            .id
            .as_deref()
            .map(str::trim)
            .filter(|id| !id.is_empty())
        {
            return Ok(
                Redirect::to(&r.href(&format!("/customers/{}", segment(id)))).into_response(),
            );
        }
        let (banner, head) = ask(&source, |source| Ok(frame_of(source))).await?;
        Ok(page(
            200,
            &r,
            customer_search(&r, None, banner.as_ref(), head.as_ref()),
        ))
    })
    .await
}

async fn customer(
    State(source): State<Source>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    query: QueryResult,
) -> Response {
    answered(&headers, query, async |r, _| {
        let id = path_text(id)?;
        let asked = id.clone();
        let (view, (banner, head)) = ask(&source, move |source| {
            Ok((source.customer(&asked)?, frame_of(source)))
        })
        .await?;
        Ok(match view {
            Some(view) => page(200, &r, customer_page(&r, &view, banner.as_ref())),
            None => page(
                404,
                &r,
                customer_search(&r, Some(&id), banner.as_ref(), head.as_ref()),
            ),
        })
    })
    .await
}

async fn journal(State(source): State<Source>, headers: HeaderMap, query: QueryResult) -> Response {
    answered(&headers, query, async |r, asked| {
        let from = asked.first_entry()?;
        let look = move |source: &dyn ConsoleSource| source.journal(from);
        viewed(&source, &r, look, |view, banner, _| {
            Ok(journal_page(&r, view, banner))
        })
        .await
    })
    .await
}

/// The report keeps its own style inside, which its policy allows by its hash and nothing else.
async fn report(State(source): State<Source>, headers: HeaderMap, query: QueryResult) -> Response {
    answered(&headers, query, async |_, _| {
        let bytes = ask(&source, |source| Ok(source.report()))
            .await?
            .ok_or(Problem::NoReport)?;
        let allowed = style_digest(&bytes).map_or_else(
            || "'none'".to_owned(),
            |digest| format!("'sha256-{digest}'"),
        );
        let policy = POLICY.replacen("style-src 'self'", &format!("style-src {allowed}"), 1);
        let policy = HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static(POLICY));
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        Ok((
            [
                (header::CONTENT_TYPE, html),
                (header::CONTENT_SECURITY_POLICY, policy),
            ],
            bytes,
        )
            .into_response())
    })
    .await
}

fn style_digest(report: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(report).ok()?;
    let (_, rest) = text.split_once("<style>")?;
    let (style, _) = rest.split_once("</style>")?;
    Some(STANDARD.encode(Sha256::digest(style.as_bytes())))
}

async fn checkpoint(State(source): State<Source>, request: Request) -> Response {
    log_file(
        &source,
        &reader_from(&request),
        "checkpoint".to_owned(),
        "text/plain; charset=utf-8",
    )
    .await
}

async fn tile(
    State(source): State<Source>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let reader = reader_from(&request);
    match path {
        Ok(Path(path)) if is_tile_path(&path) || is_bundle_path(&path) => {
            log_file(&source, &reader, path, "application/octet-stream").await
        }
        _ => problem(&reader, &Problem::NoPage),
    }
}

async fn log_file(source: &Source, reader: &Reader, path: String, kind: &'static str) -> Response {
    match ask(source, move |source| Ok(source.log_file(&path))).await {
        Ok(Some(bytes)) => {
            let caching = if kind.starts_with("text/") {
                crate::outside::public::MUTABLE
            } else {
                crate::outside::public::IMMUTABLE
            };
            let headers = [
                (header::CONTENT_TYPE, kind),
                (header::CACHE_CONTROL, caching),
            ];
            (headers, bytes).into_response()
        }
        Ok(None) => problem(reader, &Problem::NoPage),
        Err(refused) => problem(reader, &refused),
    }
}

async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

fn path_text(path: Result<Path<String>, PathRejection>) -> Result<String, Problem> {
    match path {
        Ok(Path(text)) => Ok(text),
        Err(_) => Err(Problem::Malformed(Words::key("problem-path"))),
    }
}
