//! The witness over HTTP: `POST <prefix>/add-checkpoint`, and `GET <prefix>/<origin hash>/checkpoint` for what it saw last.

use crate::error::WitnessError;
use crate::request::MAX_BODY_BYTES;
use crate::witness::{Answer, Witness};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use std::future::Future;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The content type of the size in a 409 (c2sp.org/tlog-witness).
pub const SIZE_TYPE: &str = "text/x.tlog.size";
/// The longest that a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long running answers may take after the signal to stop.
const GRACE: Duration = Duration::from_secs(5);

type Shared = Arc<Mutex<Witness>>;

fn text(status: StatusCode, kind: &'static str, body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    (status, headers, body).into_response()
}

fn plain(status: StatusCode, body: impl Into<String>) -> Response {
    text(status, "text/plain; charset=utf-8", body.into())
}

/// Seconds since the epoch; 0 where the clock stands before it.
#[must_use]
pub fn seconds_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// The pages of a witness below `prefix` (empty, or a path such as `/w1`).
pub fn router(witness: Shared, prefix: &str) -> Router {
    let routes = Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/{origin}/checkpoint", get(newest))
        .with_state(witness);
    let routes = match prefix.trim_matches('/') {
        "" => routes,
        prefix => Router::new().nest(&format!("/{prefix}"), routes),
    };
    routes
        .fallback(|| async { plain(StatusCode::NOT_FOUND, "no such page\n") })
        .method_not_allowed_fallback(|| async {
            plain(StatusCode::METHOD_NOT_ALLOWED, "no such method here\n")
        })
}

async fn add_checkpoint(State(witness): State<Shared>, request: Request) -> Response {
    let body = match read(request.into_body()).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let judged = tokio::task::spawn_blocking(move || {
        let now = seconds_now();
        if now == 0 {
            return Err(WitnessError::Clock);
        }
        // A caller that panicked left the witness as it was, or stopped.
        let mut witness = witness.lock().unwrap_or_else(PoisonError::into_inner);
        witness.add_checkpoint(&body, now)
    });
    match judged.await {
        Ok(Ok(answer)) => respond(answer),
        Ok(Err(error)) => {
            eprintln!("error: {error}");
            plain(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the witness failed, see its own messages\n",
            )
        }
        Err(_) => plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the witness failed at this request\n",
        ),
    }
}

async fn read(body: Body) -> Result<Vec<u8>, Response> {
    match tokio::time::timeout(PATIENCE, to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(bytes)) => Ok(bytes.to_vec()),
        Ok(Err(_)) => Err(plain(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is above `{MAX_BODY_BYTES}` bytes or broke off\n"),
        )),
        Err(_) => Err(plain(
            StatusCode::REQUEST_TIMEOUT,
            "the body took too long\n",
        )),
    }
}

/// The status codes and bodies of c2sp.org/tlog-witness.
fn respond(answer: Answer) -> Response {
    match answer {
        Answer::Cosigned(line) => plain(StatusCode::OK, line),
        Answer::Malformed(fault) => plain(StatusCode::BAD_REQUEST, format!("{fault}\n")),
        Answer::NotSigned => plain(
            StatusCode::FORBIDDEN,
            "no trusted key of this log signed the checkpoint\n",
        ),
        Answer::UnknownLog => plain(
            StatusCode::NOT_FOUND,
            "this witness does not watch this log\n",
        ),
        Answer::OtherSize(size) => text(StatusCode::CONFLICT, SIZE_TYPE, format!("{size}\n")),
        Answer::Inconsistent(fault) => {
            plain(StatusCode::UNPROCESSABLE_ENTITY, format!("{fault}\n"))
        }
    }
}

/// The newest cosigned checkpoint of a log, so that a restore or a stranger can ask what was seen.
async fn newest(State(witness): State<Shared>, Path(origin): Path<String>) -> Response {
    let witness = witness.lock().unwrap_or_else(PoisonError::into_inner);
    match witness.newest(&origin) {
        Some(known) => plain(StatusCode::OK, known.note.clone()),
        None => plain(StatusCode::NOT_FOUND, "no checkpoint of such a log\n"),
    }
}

/// Serves until `stop` is ready; running answers may finish. `ready` is called once requests are heard.
///
/// # Errors
/// [`WitnessError::Serve`].
pub fn serve<S>(
    listener: TcpListener,
    witness: Witness,
    prefix: &str,
    ready: impl FnOnce() -> std::io::Result<S>,
) -> Result<(), WitnessError>
where
    S: Future<Output = ()> + Send + 'static,
{
    let unspecified = std::net::SocketAddr::from(([0, 0, 0, 0], 0));
    let address = listener.local_addr().unwrap_or(unspecified);
    let run = || -> std::io::Result<()> {
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let pages = router(Arc::new(Mutex::new(witness)), prefix);
        let served = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let stop = ready()?;
            let (told, mut heard) = tokio::sync::watch::channel(false);
            let stop = async move {
                stop.await;
                // Nobody is left to hear only when the server has ended already.
                let _ = told.send(true);
            };
            let serving = axum::serve(listener, pages).with_graceful_shutdown(stop);
            let grace = async move {
                let _ = heard.changed().await;
                tokio::time::sleep(GRACE).await;
            };
            tokio::select! {
                done = serving.into_future() => done,
                () = grace => Ok(()),
            }
        });
        runtime.shutdown_timeout(GRACE);
        served
    };
    run().map_err(|cause| WitnessError::Serve { address, cause })
}
