//! The log for everybody: checkpoint, hash tiles and, only where the operator says so, entry bundles.
//!
//! Paths, content types and caching follow c2sp.org/tlog-tiles. A path is answered only in its one exact spelling, so that
//! nothing outside `log/` can be named.

use crate::journal::RealDisk;
use crate::journal::tiles::LogFiles;
use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

/// What never changes may be kept for a year.
pub const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// The checkpoint is asked for anew each time.
pub const MUTABLE: &str = "no-cache";

/// One file of the log, as it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Value of `content-type`.
    pub kind: &'static str,
    /// Value of `cache-control`.
    pub caching: &'static str,
}

/// The published part of an installation.
#[derive(Clone, Debug)]
pub struct PublicLog {
    dir: PathBuf,
    entries: bool,
}

impl PublicLog {
    /// The log of the installation in `dir`. Entry bundles hold every entry in full and are given out only with
    /// `entries`.
    #[must_use]
    pub fn new(dir: &Path, entries: bool) -> Self {
        Self {
            dir: dir.to_path_buf(),
            entries,
        }
    }

    /// The file at `path` below the log's prefix; `None` where there is none, or it is not public.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<LogFile> {
        let bytes = LogFiles(&RealDisk::at(&self.dir)).served(path, self.entries)?;
        let (kind, caching) = if path == "checkpoint" {
            ("text/plain; charset=utf-8", MUTABLE)
        } else {
            ("application/octet-stream", IMMUTABLE)
        };
        Some(LogFile {
            bytes,
            kind,
            caching,
        })
    }
}

/// The pages `/log/...` and nothing else.
pub fn router(log: PublicLog) -> Router {
    Router::new()
        .route("/log/{*path}", get(page))
        .fallback(|| async { missing() })
        .with_state(Arc::new(log))
}

fn missing() -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (StatusCode::NOT_FOUND, kind, "no such file of this log\n").into_response()
}

async fn page(State(log): State<Arc<PublicLog>>, UrlPath(path): UrlPath<String>) -> Response {
    let found = tokio::task::spawn_blocking(move || log.file(&path)).await;
    match found.ok().flatten() {
        None => missing(),
        Some(file) => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static(file.kind)),
                (
                    header::CACHE_CONTROL,
                    HeaderValue::from_static(file.caching),
                ),
                (
                    header::X_CONTENT_TYPE_OPTIONS,
                    HeaderValue::from_static("nosniff"),
                ),
                (
                    header::ACCESS_CONTROL_ALLOW_ORIGIN,
                    HeaderValue::from_static("*"),
                ),
            ];
            (headers, file.bytes).into_response()
        }
    }
}

/// The public log on an address of its own, until it is dropped.
#[derive(Debug)]
pub struct PublicServer {
    address: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl PublicServer {
    /// Serves on a thread of its own.
    ///
    /// # Errors
    /// The system refuses the socket or the thread.
    pub fn start(listener: TcpListener, log: PublicLog) -> io::Result<Self> {
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let thread = std::thread::Builder::new()
            .name(String::from("public-log"))
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        // It ends by being told, or by the system, and then the log is as if it were unreachable.
                        _ = axum::serve(listener, router(log)).into_future() => {}
                        _ = stopped => {}
                    }
                });
                runtime.shutdown_timeout(std::time::Duration::from_secs(1));
            })?;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for PublicServer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It may have ended by itself.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
