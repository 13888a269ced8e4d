//! Serves a router on a socket within bounds: handshakes, heads, time to the head, and connections at once.

use crate::tls::{PeerCertificate, Tls};
use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// Longest head of a request, bytes; a longer one is answered 431.
const HEAD: usize = 16 * 1024;
/// Most header lines of a request; more are answered 431.
const HEADERS: usize = 64;
/// The longest until the head of a request is there, also the longest silence between two requests.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// The longest a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// The longest a caller whose handshake is done waits for one of the connections.
const PLACE: Duration = Duration::from_secs(5);
/// Handshakes at once; one more ends the oldest, so that callers that never finish theirs keep nobody out.
const HANDSHAKES: usize = 256;
/// After a connection could not be accepted.
const PAUSE: Duration = Duration::from_millis(50);
/// How long running answers may take after the signal to stop.
const GRACE: Duration = Duration::from_secs(5);

/// Why the interface could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address is reachable from other machines.
    #[error(
        "the interface does not listen on `{address}`: it speaks plain HTTP, so that tokens could be read on the way; use a \
         loopback address such as `127.0.0.1:8651`, or add `[api.tls]`"
    )]
    NotLoopback {
        /// The address refused.
        address: SocketAddr,
    },
    /// The system refused the socket.
    #[error("the interface could not run: {0}")]
    System(#[from] io::Error),
}

/// Hears of a handshake that was refused.
pub type Refused = Arc<dyn Fn() + Send + Sync>;

/// Answers in plain HTTP on `listener`, a loopback address, until `stop` is ready; running answers may finish.
///
/// # Errors
/// [`ServerError`].
pub async fn serve(
    listener: TcpListener,
    router: Router,
    connections: usize,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), ServerError> {
    let address = listener.local_addr()?;
    if !address.ip().to_canonical().is_loopback() {
        return Err(ServerError::NotLoopback { address });
    }
    let listener = listening(listener)?;
    let places = Arc::new(Semaphore::new(connections));
    let (tell, told) = watch::channel(false);
    tokio::pin!(stop);
    loop {
        let place = tokio::select! {
            () = &mut stop => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let stream = tokio::select! {
            () = &mut stop => break,
            stream = next(&listener) => stream,
        };
        let (router, told) = (router.clone(), told.clone());
        tokio::spawn(async move {
            connection(stream, None, router, told).await;
            drop(place);
        });
    }
    finish(&tell, &places, connections).await;
    Ok(())
}

/// Answers over TLS on `listener`, any address, until `stop` is ready; running answers may finish.
///
/// A caller takes one of the connections only after its handshake. Handshakes have a bound of their own, in number and
/// in time. `refused` hears of each that came with what is no TLS 1.3 of a caller who may connect.
///
/// # Errors
/// [`ServerError::System`].
pub async fn serve_tls(
    listener: TcpListener,
    tls: Arc<Tls>,
    router: Router,
    connections: usize,
    refused: Refused,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), ServerError> {
    let listener = listening(listener)?;
    let places = Arc::new(Semaphore::new(connections));
    let (tell, told) = watch::channel(false);
    let mut greeted: VecDeque<AbortHandle> = VecDeque::new();
    tokio::pin!(stop);
    loop {
        let stream = tokio::select! {
            () = &mut stop => break,
            stream = next(&listener) => stream,
        };
        greeted.retain(|handshake| !handshake.is_finished());
        if greeted.len() >= HANDSHAKES
            && let Some(oldest) = greeted.pop_front()
        {
            oldest.abort();
        }
        let greeting = greet(
            stream,
            tls.current(),
            Arc::clone(&places),
            router.clone(),
            told.clone(),
            Arc::clone(&refused),
        );
        greeted.push_back(tokio::spawn(greeting).abort_handle());
    }
    for handshake in greeted {
        handshake.abort();
    }
    finish(&tell, &places, connections).await;
    Ok(())
}

fn listening(listener: TcpListener) -> io::Result<tokio::net::TcpListener> {
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}

/// The next caller.
async fn next(listener: &tokio::net::TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are small and waited for.
                let _slow = stream.set_nodelay(true);
                return stream;
            }
            // Too many open files, or a caller that left: nothing of ours is wrong, and it passes.
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// The handshake with a caller; its connection, if it comes to one, goes on by itself.
async fn greet(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    places: Arc<Semaphore>,
    router: Router,
    told: watch::Receiver<bool>,
    refused: Refused,
) {
    let handshake = TlsAcceptor::from(config).accept(stream);
    let stream = match tokio::time::timeout(HANDSHAKE, handshake).await {
        Ok(Ok(stream)) => stream,
        // It got its alert. A caller that said nothing, or left, was not refused.
        Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => return refused(),
        Ok(Err(_)) | Err(_) => return,
    };
    let Ok(peer) = PeerCertificate::of(stream.get_ref().1) else {
        return;
    };
    let Ok(place) = tokio::time::timeout(PLACE, places.acquire_owned()).await else {
        return;
    };
    tokio::spawn(async move {
        connection(stream, peer, router, told).await;
        drop(place);
    });
}

/// Lets running answers finish, for a while.
async fn finish(tell: &watch::Sender<bool>, places: &Semaphore, connections: usize) {
    // Nobody is left to hear only when every connection has ended already.
    let _ended = tell.send(true);
    let all = u32::try_from(connections).unwrap_or(u32::MAX);
    let _late = tokio::time::timeout(GRACE, places.acquire_many(all)).await;
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: Option<PeerCertificate>,
    router: Router,
    mut told: watch::Receiver<bool>,
) {
    let routes = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer);
        }
        routes.call(request)
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    tokio::select! {
        // A caller that broke off or spoke no HTTP got what hyper answers; there is nobody else to tell.
        _done = serving.as_mut() => {}
        () = until_told(&mut told) => {
            serving.as_mut().graceful_shutdown();
            let _done = serving.await;
        }
    }
}

/// Ready once the server stops.
pub(crate) async fn until_told(told: &mut watch::Receiver<bool>) {
    // An error means that nobody is left who could say it: that is a stop too.
    let _said = told.wait_for(|stop| *stop).await.map(|said| *said);
}
