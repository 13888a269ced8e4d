//! HTTP to the guard: over TLS 1.3 with certificates on both sides, or in the clear to this machine alone. What comes back
//! is believed only by its signatures.

use core::time::Duration;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};
use zeroize::Zeroizing;

/// Largest file of certificates or of a key, bytes.
const PEM_MAX: u64 = 1_048_576;

/// Files of TLS: whose certificates the other side may show, and what is shown to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Authorities of the other side's certificate (PEM); no others count.
    pub authority: PathBuf,
    /// Own certificate, then those between it and its authority (PEM), and its private key, mode 600 or 400.
    pub own: Option<(PathBuf, PathBuf)>,
}

impl TlsFiles {
    /// The same files, relative to a folder.
    #[must_use]
    pub fn below(&self, folder: &Path) -> Self {
        let own = self.own.as_ref();
        Self {
            authority: folder.join(&self.authority),
            own: own.map(|(chain, key)| (folder.join(chain), folder.join(key))),
        }
    }

    /// Reads them anew, so that a renewed certificate is shown without a new start.
    ///
    /// # Errors
    /// The file and what is wrong with it.
    fn config(&self) -> Result<TlsConfig, String> {
        let roots = certificates(&self.authority)?;
        let own = match &self.own {
            Some((chain, key)) => {
                let chain = certificates(chain)?;
                let told = |why: String| format!("`{}`: {why}", key.display());
                let about = fs::metadata(key).map_err(|error| told(error.to_string()))?;
                if about.mode() & 0o077 != 0 {
                    let mode = about.mode() & 0o777;
                    let why = format!("mode `{mode:o}` lets others read the key; `chmod 600` it");
                    return Err(told(why));
                }
                let pem = Zeroizing::new(read_file(key)?);
                let key = PrivateKey::from_pem(&pem).map_err(|error| told(error.to_string()))?;
                Some(ClientCert::new_with_certs(&chain, key))
            }
            None => None,
        };
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        Ok(TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(provider))
            .root_certs(RootCerts::new_with_certs(&roots))
            .client_cert(own)
            .build())
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let told = |error: std::io::Error| format!("`{}`: {error}", path.display());
    let size = fs::metadata(path).map_err(told)?.len();
    if size > PEM_MAX {
        return Err(format!(
            "`{}`: `{size}` bytes, at most `{PEM_MAX}`",
            path.display()
        ));
    }
    fs::read(path).map_err(told)
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let pem = read_file(path)?;
    let mut found = Vec::new();
    for item in ureq::tls::parse_pem(&pem) {
        match item {
            Ok(ureq::tls::PemItem::Certificate(certificate)) => found.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(format!("`{}`: {error}", path.display())),
        }
    }
    if found.is_empty() {
        return Err(format!("`{}`: holds no certificate (PEM)", path.display()));
    }
    Ok(found)
}

/// An address, a token, and files of TLS.
pub struct Http {
    base: String,
    token: Option<Zeroizing<String>>,
    tls: Option<TlsFiles>,
    patience: Duration,
}

impl core::fmt::Debug for Http {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Http({})", self.base)
    }
}

/// Status and body.
pub(crate) type Answered = (u16, Vec<u8>);

impl Http {
    /// Speaks with `base`; each exchange takes `patience` at most.
    #[must_use]
    pub fn new(base: &str, token: Option<String>, patience: Duration) -> Self {
        Self {
            base: base.trim_end_matches('/').to_owned(),
            token: token.map(Zeroizing::new),
            tls: None,
            patience,
        }
    }

    /// Over TLS with these files, where the address asks for it.
    ///
    /// # Errors
    /// The file and what is wrong with it.
    pub fn with_tls(mut self, files: Option<&TlsFiles>) -> Result<Self, String> {
        if self.base.starts_with("https://") {
            let files = files.ok_or("an `https` address needs files of TLS")?;
            files.config()?;
            self.tls = Some(files.clone());
        }
        Ok(self)
    }

    /// Never through a proxy of the environment, which would hear the token.
    fn agent(&self) -> Result<ureq::Agent, String> {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(self.patience))
            .max_redirects(0)
            .proxy(None);
        let config = match &self.tls {
            Some(files) => config.tls_config(files.config()?).https_only(true),
            None => config,
        };
        Ok(config.build().into())
    }

    fn bearer(&self) -> Option<Zeroizing<String>> {
        self.token
            .as_ref()
            .map(|token| Zeroizing::new(format!("Bearer {}", token.as_str())))
    }

    /// `GET base/path`, at most `most` bytes.
    pub(crate) fn get(&self, path: &str, most: u64) -> Result<Answered, String> {
        let mut request = self.agent()?.get(format!("{}/{path}", self.base));
        if let Some(bearer) = self.bearer() {
            request = request.header("authorization", bearer.as_str());
        }
        read(request.call(), most)
    }

    /// `POST base/path` with JSON and an idempotency key, at most `most` bytes of answer.
    pub(crate) fn post(
        &self,
        path: &str,
        key: &str,
        body: &str,
        most: u64,
    ) -> Result<Answered, String> {
        let mut request = self
            .agent()?
            .post(format!("{}/{path}", self.base))
            .header("content-type", "application/json")
            .header("idempotency-key", key);
        if let Some(bearer) = self.bearer() {
            request = request.header("authorization", bearer.as_str());
        }
        read(request.send(body), most)
    }
}

fn read(
    response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    most: u64,
) -> Result<Answered, String> {
    let mut response = response.map_err(|error| error.to_string())?;
    let body = response.body_mut().with_config().limit(most).read_to_vec();
    let body = body.map_err(|error| error.to_string())?;
    Ok((response.status().as_u16(), body))
}
