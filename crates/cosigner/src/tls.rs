//! TLS 1.3: our certificate for callers, callers' certificates where they must have one, and the guard's authority.

use crate::keys::{self, KeyError};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::rustls::client::ClientConfig;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// Largest file of certificates, bytes.
const FILE_MAX: u64 = 1_048_576;

/// Why TLS can't be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file.
    #[error(transparent)]
    File(#[from] KeyError),
    /// What is in a file.
    #[error("{file}: {cause}")]
    Content {
        /// Which.
        file: String,
        /// What is wrong.
        cause: String,
    },
}

fn content(path: &Path, cause: impl ToString) -> TlsError {
    TlsError::Content {
        file: path.display().to_string(),
        cause: cause.to_string(),
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = keys::read_public(path, FILE_MAX)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    let all = all.map_err(|error| content(path, error))?;
    if all.is_empty() {
        return Err(content(path, "no `CERTIFICATE` in it"));
    }
    Ok(all)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = keys::read_secret(path)?;
    PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|error| content(path, error))
}

fn authorities(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        let added = roots.add(certificate);
        added.map_err(|error| content(path, error))?;
    }
    Ok(roots)
}

/// What callers see of us. With `callers`, only those with a certificate of that authority get through.
///
/// # Errors
/// [`TlsError`].
pub fn server(
    certificate: &Path,
    key: &Path,
    callers: Option<&Path>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let builder = ServerConfig::builder_with_provider(provider());
    let builder = builder.with_protocol_versions(&[&TLS13]);
    let builder = builder.map_err(|error| content(certificate, error))?;
    let builder = match callers {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let roots = Arc::new(authorities(path)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
            let verifier = verifier.build().map_err(|error| content(path, error))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let config = builder.with_single_cert(certificates(certificate)?, private_key(key)?);
    config
        .map(Arc::new)
        .map_err(|error| content(certificate, error))
}

/// How we call: only servers of that authority, with our own certificate where we have one.
///
/// # Errors
/// [`TlsError`].
pub fn client(
    authority: &Path,
    identity: Option<(&Path, &Path)>,
) -> Result<Arc<ClientConfig>, TlsError> {
    let builder = ClientConfig::builder_with_provider(provider());
    let builder = builder.with_protocol_versions(&[&TLS13]);
    let builder = builder.map_err(|error| content(authority, error))?;
    let builder = builder.with_root_certificates(authorities(authority)?);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = certificates(certificate)?;
            let config = builder.with_client_auth_cert(chain, private_key(key)?);
            config.map_err(|error| content(certificate, error))?
        }
    };
    Ok(Arc::new(config))
}
