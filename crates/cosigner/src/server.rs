//! The sockets: vendors over TLS with bounded heads, bodies and times; health and figures on loopback.

use crate::bitgo::Carrier;
use crate::fireblocks;
use crate::json::Json;
use crate::jwt::TOKEN_MAX;
use crate::responder::{Incoming, Reply, Responder};
use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http_body_util::{BodyExt as _, Limited};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// Longest head of a request, bytes.
const HEAD: usize = 16 * 1024;
/// Most header lines.
const HEADERS: usize = 64;
/// The longest until the head of a request is there, and until TLS is agreed upon.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// Connections at once.
const CONNECTIONS: usize = 128;
/// How long running answers may take after the signal to stop.
const GRACE: Duration = Duration::from_secs(6);

/// Who called.
#[derive(Clone, Debug)]
pub struct Peer(pub String);

/// What the routes share.
#[derive(Clone)]
pub struct Shared {
    /// The flow.
    pub responder: Arc<Responder>,
    /// Where BitGo's token stands.
    pub carrier: Carrier,
    /// A signer that has not called for so long is silent, seconds.
    pub silence: u64,
    /// Signers whose calls are expected, as `vendor/account`.
    pub signers: Arc<Vec<String>>,
}

impl Shared {
    /// Name, seconds since the last call, and whether that is too long, of each signer.
    fn ages(&self) -> Vec<(String, u64, bool)> {
        let now = (self.responder.clock)();
        let store = self.responder.store.lock();
        let store = store.unwrap_or_else(PoisonError::into_inner);
        let age = |signer: &String| {
            let stored = store.last_call(signer);
            let (age, _) = self.responder.metrics.age_of(signer, stored, now);
            (signer.clone(), age, age > self.silence)
        };
        self.signers.iter().map(age).collect()
    }

    /// Signers that have not called for too long.
    #[must_use]
    pub fn silent(&self) -> Vec<(String, u64)> {
        let ages = self.ages().into_iter();
        ages.filter(|(_, _, silent)| *silent)
            .map(|(signer, age, _)| (signer, age))
            .collect()
    }
}

/// The routes that vendors call. Unknown ones are answered 404 with no body.
pub fn vendor_routes(
    shared: Shared,
    mode: Option<fireblocks::Mode>,
    bitgo: Option<&str>,
) -> Router {
    let mut routes = Router::new();
    if let Some(mode) = mode {
        let [transactions, configuration] = mode.paths();
        routes = routes
            .route(transactions, post(fireblocks_transaction))
            .route(configuration, post(fireblocks_configuration));
    }
    if let Some(path) = bitgo {
        routes = routes.route(path, post(bitgo_webhook));
    }
    routes
        .fallback(|| async { StatusCode::NOT_FOUND })
        .with_state(shared)
}

/// `/livez`, `/readyz`, `/metrics`.
pub fn health_routes(shared: Shared) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(shared)
}

/// The body within its bounds, and within the time of the whole decision.
async fn incoming(shared: &Shared, peer: Peer, body: Body) -> Result<Incoming, StatusCode> {
    let started = Instant::now();
    let body = Limited::new(body, TOKEN_MAX).collect();
    match tokio::time::timeout(shared.responder.budget, body).await {
        Ok(Ok(body)) => Ok(Incoming {
            body: body.to_bytes().to_vec(),
            peer: peer.0,
            started,
        }),
        Ok(Err(_)) => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

fn told(reply: Reply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    if reply.body.is_empty() {
        return status.into_response();
    }
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, reply.body).into_response()
}

async fn fireblocks_transaction(
    State(shared): State<Shared>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    match incoming(&shared, peer, request.into_body()).await {
        Ok(incoming) => told(shared.responder.fireblocks(incoming, false).await),
        Err(status) => status.into_response(),
    }
}

async fn fireblocks_configuration(
    State(shared): State<Shared>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    match incoming(&shared, peer, request.into_body()).await {
        Ok(incoming) => told(shared.responder.fireblocks(incoming, true).await),
        Err(status) => status.into_response(),
    }
}

async fn bitgo_webhook(
    State(shared): State<Shared>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    match incoming(&shared, peer, request.into_body()).await {
        Ok(incoming) => {
            let token = token(&shared.carrier, &headers, &incoming.body);
            told(shared.responder.bitgo(incoming, token).await)
        }
        Err(status) => status.into_response(),
    }
}

/// The token, where the carrier has exactly one.
fn token(carrier: &Carrier, headers: &HeaderMap, body: &[u8]) -> Option<Vec<u8>> {
    match carrier {
        Carrier::Body => Some(body.to_vec()),
        Carrier::Header(name) => {
            let mut all = headers.get_all(name).iter();
            let one = all.next().filter(|_| all.next().is_none())?.as_bytes();
            Some(one.strip_prefix(b"Bearer ").unwrap_or(one).to_vec())
        }
        Carrier::Field(name) => {
            let read = Json::parse(body).ok()?;
            let text = read.member(name).and_then(Json::as_text)?;
            Some(text.as_bytes().to_vec())
        }
    }
}

async fn ready(State(shared): State<Shared>) -> Response {
    let store = shared.responder.store.lock();
    let store = store.unwrap_or_else(PoisonError::into_inner);
    let (poisoned, incidents) = (store.is_poisoned(), store.incidents());
    drop(store);
    let signers = shared.ages().into_iter().map(|(signer, age, silent)| {
        serde_json::json!({ "signer": signer, "last_call_age_s": age, "silent": silent })
    });
    let body = serde_json::json!({
        "ready": !poisoned,
        "why": if poisoned { "a write failed; nothing is approved until a restart" } else { "" },
        "signers": signers.collect::<Vec<_>>(),
        "payload_mismatches": incidents,
    });
    // Silence is an alarm and no reason to take this process out: a caller that comes back must find it.
    let status = if poisoned {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    let headers = [(header::CONTENT_TYPE, "application/json")];
    (status, headers, format!("{body}\n")).into_response()
}

async fn metrics(State(shared): State<Shared>) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    let text = shared.responder.metrics.text(&shared.ages());
    (headers, text).into_response()
}

/// Answers vendors over TLS on `listener` until `stop` is ready; running answers may finish.
///
/// # Errors
/// The socket failed.
pub async fn serve_tls(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    routes: Router,
    stop: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let acceptor = TlsAcceptor::from(tls);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    tokio::pin!(stop);
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            break;
        };
        let (stream, address) = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                // Too many open files, or a caller that left: it passes.
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let (acceptor, routes) = (acceptor.clone(), routes.clone());
        tokio::spawn(async move {
            connection(stream, address, acceptor, routes).await;
            drop(place);
        });
    }
    let all = u32::try_from(CONNECTIONS).unwrap_or(u32::MAX);
    let _late = tokio::time::timeout(GRACE, places.acquire_many(all)).await;
    Ok(())
}

async fn connection(stream: TcpStream, address: SocketAddr, acceptor: TlsAcceptor, routes: Router) {
    let _slow = stream.set_nodelay(true);
    let Ok(Ok(stream)) = tokio::time::timeout(HEAD_TIME, acceptor.accept(stream)).await else {
        return;
    };
    let certificates = stream.get_ref().1.peer_certificates();
    let peer = match certificates.and_then(<[_]>::first) {
        Some(certificate) => {
            use sha2::Digest as _;
            let digest = sha2::Sha256::digest(certificate);
            format!("sha256:{}", keepwhole_verify::json::to_hex(&digest))
        }
        None => address.ip().to_canonical().to_string(),
    };
    let routes = routes.layer(Extension(Peer(peer)));
    // One request each: callers are few, and a connection that stays open holds a place.
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .keep_alive(false)
        .max_buf_size(HEAD)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    // A caller that broke off has nobody to be told.
    let _done = serving.await;
}
