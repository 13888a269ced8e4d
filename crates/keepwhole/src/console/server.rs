//! Listens on loopback, answers until told to stop, and lets running answers finish.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use super::listener::BoundedListener;
use super::routes::router;
use super::{ConsoleSource, Staff};

/// How long running answers may take after the signal to stop.
const GRACE: Duration = Duration::from_secs(5);

/// Why the console could not start or had to end.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The address is reachable from other machines.
    #[error(
        "the console does not listen on `{address}`: it speaks plain HTTP, so that anybody on the way \
         reads every page and takes every session; use a loopback address such as `127.0.0.1:7717`, and an SSH tunnel from elsewhere"
    )]
    NotLoopback {
        /// The address refused.
        address: SocketAddr,
    },
    /// The system refused the socket or the threads.
    #[error("the console could not run: {0}")]
    System(#[from] std::io::Error),
}

/// Refuses an address that other machines can reach, before it is bound.
///
/// # Errors
/// [`ConsoleError::NotLoopback`] for any address but loopback, the unspecified address (`0.0.0.0`, `::`) included.
pub fn refuse_unless_loopback(address: SocketAddr) -> Result<(), ConsoleError> {
    if address.ip().to_canonical().is_loopback() {
        Ok(())
    } else {
        Err(ConsoleError::NotLoopback { address })
    }
}

/// Serves the console on `listener` until SIGINT or SIGTERM; running answers may finish.
///
/// # Errors
/// [`ConsoleError::NotLoopback`] if the listener is bound elsewhere than on loopback, [`ConsoleError::System`] if the
/// socket, the signal handlers or the threads are refused.
pub fn serve(listener: TcpListener, source: Arc<dyn ConsoleSource>) -> Result<(), ConsoleError> {
    run(listener, (source, None), || {
        let stop = stop_signal()?;
        Ok(stop)
    })
}

/// As [`serve`], but until `stop` is ready instead of a signal.
///
/// # Errors
/// As [`serve`].
pub fn serve_until(
    listener: TcpListener,
    source: Arc<dyn ConsoleSource>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ConsoleError> {
    run(listener, (source, None), || Ok(stop))
}

/// As [`serve_until`], where staff may sign in and give their word.
///
/// # Errors
/// As [`serve`].
pub fn serve_staff(
    listener: TcpListener,
    source: Arc<dyn ConsoleSource>,
    staff: Arc<Staff>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ConsoleError> {
    run(listener, (source, Some(staff)), || Ok(stop))
}

/// `stop` is made inside the runtime, because signal handlers need one.
fn run<S>(
    listener: TcpListener,
    (source, staff): (Arc<dyn ConsoleSource>, Option<Arc<Staff>>),
    stop: impl FnOnce() -> std::io::Result<S>,
) -> Result<(), ConsoleError>
where
    S: Future<Output = ()> + Send + 'static,
{
    refuse_unless_loopback(listener.local_addr()?)?;
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let served = runtime.block_on(async {
        let listener = BoundedListener::new(tokio::net::TcpListener::from_std(listener)?);
        let stop = stop()?;
        let (told, mut heard) = tokio::sync::watch::channel(false);
        let stop = async move {
            stop.await;
            // Nobody is left to hear only when the server has ended already.
            let _ = told.send(true);
        };
        let serving = axum::serve(listener, router(source, staff)).with_graceful_shutdown(stop);
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
    Ok(served?)
}

#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        // Without a handler for the signal the process ends at once, which stops the console too.
        let _ = tokio::signal::ctrl_c().await;
    })
}
