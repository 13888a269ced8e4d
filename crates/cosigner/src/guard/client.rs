//! One HTTP request to one pinned place: TLS with the authority of the settings, no redirects, bounded answers.

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use std::fmt;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use zeroize::Zeroizing;

/// Largest answer, bytes: a clearance, an intent, a file of approvals and a roster fit many times.
const ANSWER_MAX: usize = 1_048_576;

/// Where requests go: `https://host[:port][/path]`, or `http://` to this machine itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whether TLS is spoken.
    pub tls: bool,
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Path before all others, without a slash at its end.
    pub path: String,
}

impl Place {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (tls, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err("does not begin with `https://`"),
        };
        let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        if host.contains('@') || text.contains(['?', '#', ' ']) || !text.is_ascii() {
            return Err("has a user, a query, a fragment or a space");
        }
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => {
                let port = port.parse().map_err(|_| "has no port below 65,536")?;
                (name, port)
            }
            _ => (host, if tls { 443 } else { 80 }),
        };
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let local = match name.parse::<std::net::IpAddr>() {
            Ok(address) => address.to_canonical().is_loopback(),
            Err(_) => name == "localhost",
        };
        if name.is_empty() {
            return Err("has no host");
        }
        if !tls && !local {
            return Err("speaks plain HTTP to another machine; use `https://`");
        }
        Ok(Self {
            tls,
            host: name.to_owned(),
            port,
            path: path.trim_end_matches('/').to_owned(),
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        let Self {
            host, port, path, ..
        } = self;
        write!(f, "{scheme}://{host}:{port}{path}")
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {cause}")]
pub struct ClientError {
    /// Whom.
    pub place: String,
    /// What happened.
    pub cause: String,
}

/// Speaks to one place.
pub struct Client {
    place: Place,
    tls: Option<TlsConnector>,
    token: Option<Zeroizing<String>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client of {}", self.place)
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Body.
    pub body: Vec<u8>,
}

impl Client {
    /// A client of that place. `tls` is used where the place speaks TLS.
    #[must_use]
    pub fn new(
        place: Place,
        tls: Option<Arc<ClientConfig>>,
        token: Option<Zeroizing<String>>,
    ) -> Self {
        let tls = tls.filter(|_| place.tls).map(TlsConnector::from);
        Self { place, tls, token }
    }

    /// Whom it speaks to.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// Gets what is at the place itself.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get(&self) -> Result<Answer, ClientError> {
        self.send(Method::GET, "", None, String::new()).await
    }

    /// Posts JSON under an idempotency key.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn post(&self, path: &str, key: &str, body: String) -> Result<Answer, ClientError> {
        self.send(Method::POST, path, Some(key), body).await
    }

    fn error(&self, cause: impl fmt::Display) -> ClientError {
        ClientError {
            place: self.place.to_string(),
            cause: cause.to_string(),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: String,
    ) -> Result<Answer, ClientError> {
        let Place { host, port, .. } = &self.place;
        let stream = TcpStream::connect((host.as_str(), *port)).await;
        let stream = stream.map_err(|error| self.error(error))?;
        let _slow = stream.set_nodelay(true);
        let full = format!("{}{path}", self.place.path);
        let uri = if full.is_empty() { "/" } else { full.as_str() };
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header(HOST, format!("{host}:{port}"));
        if let Some(key) = key {
            let name = HeaderName::from_static("idempotency-key");
            request = request.header(name, key);
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.as_str()));
        }
        let request = request.body(Full::new(Bytes::from(body)));
        let request = request.map_err(|error| self.error(error))?;
        match (&self.tls, self.place.tls) {
            (Some(tls), true) => {
                let name = ServerName::try_from(host.clone());
                let name = name.map_err(|error| self.error(error))?;
                let stream = tls.connect(name, stream).await;
                self.exchange(stream.map_err(|error| self.error(error))?, request)
                    .await
            }
            (None, false) => self.exchange(stream, request).await,
            _ => Err(self.error("no TLS is set up")),
        }
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, ClientError> {
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| self.error(error))?;
        let exchange = async {
            let response = sender.send_request(request).await;
            let response = response.map_err(|error| self.error(error))?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), ANSWER_MAX);
            let body = body.collect().await.map_err(|error| self.error(error))?;
            Ok(Answer {
                status,
                body: body.to_bytes().to_vec(),
            })
        };
        tokio::pin!(exchange, connection);
        tokio::select! {
            answer = &mut exchange => answer,
            // The connection may end first with the answer already here.
            ended = &mut connection => {
                ended.map_err(|error| self.error(error))?;
                exchange.await
            }
        }
    }
}
