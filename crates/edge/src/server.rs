//! Serves a router on a socket within bounds: heads, time to the head, and connections at once.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// Longest head of a request, bytes; a longer one is answered 431.
const HEAD: usize = 16 * 1024;
/// Most header lines of a request; more are answered 431.
const HEADERS: usize = 64;
/// The longest until the head of a request is there, also the longest silence between two requests.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long running answers may take after the signal to stop.
const GRACE: Duration = Duration::from_secs(5);

/// Why the interface could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address is reachable from other machines.
    #[error(
        "the interface does not listen on `{address}`: it speaks plain HTTP, so that tokens could be read on the way; use a \
         loopback address such as `127.0.0.1:8651`, and a proxy that ends TLS for other machines"
    )]
    NotLoopback {
        /// The address refused.
        address: SocketAddr,
    },
    /// The system refused the socket.
    #[error("the interface could not run: {0}")]
    System(#[from] io::Error),
}

/// Answers on `listener` until `stop` is ready; running answers may finish.
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
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
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
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                // Too many open files, or a caller that left: nothing of ours is wrong, and it passes.
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let (router, told) = (router.clone(), told.clone());
        tokio::spawn(async move {
            connection(stream, router, told).await;
            drop(place);
        });
    }
    // Nobody is left to hear only when every connection has ended already.
    let _ended = tell.send(true);
    let all = u32::try_from(connections).unwrap_or(u32::MAX);
    let _late = tokio::time::timeout(GRACE, places.acquire_many(all)).await;
    Ok(())
}

async fn connection(
    stream: tokio::net::TcpStream,
    router: Router,
    mut told: watch::Receiver<bool>,
) {
    // Answers are small and waited for.
    let _slow = stream.set_nodelay(true);
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
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
