//! TLS 1.3 of the HTTP interface: its own certificate, and which certificates of callers it believes (docs/edges.md, "TLS").
//!
//! RFC 8446 by rustls with aws-lc-rs. There is no resumption, so that each connection shows its certificate anew, and
//! ALPN (RFC 7301) offers `http/1.1` alone. Nothing here reads a file: a caller hands over what the files hold.

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use tokio_rustls::rustls::{Error, RootCertStore, ServerConfig, ServerConnection, version};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Key of the interface's own certificate in `keepwhole.toml`.
pub const CERTIFICATE: &str = "api.tls.certificate";
/// Key of its private key.
pub const KEY: &str = "api.tls.key";
/// Key of the authorities whose certificates callers may show.
pub const CLIENT_CA: &str = "api.tls.client_ca";

/// Whether a caller without a certificate is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCertificates {
    /// It is not: its handshake fails.
    Required,
    /// It is, and needs a token that is bound to no certificate.
    Optional,
}

impl ClientCertificates {
    /// All, by their names in `keepwhole.toml`.
    pub const ALL: [(&'static str, Self); 2] =
        [("required", Self::Required), ("optional", Self::Optional)];
}

/// `[api.tls]`: the files, absolute or relative to the installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// PEM: the interface's certificate, then the ones between it and the authority.
    pub certificate: PathBuf,
    /// PEM: its private key; nobody else may read it.
    pub key: PathBuf,
    /// PEM: the authorities whose certificates callers may show.
    pub client_ca: PathBuf,
    /// Whether callers must show one.
    pub clients: ClientCertificates,
}

/// What the files hold.
pub struct Pems<'p> {
    /// The interface's certificate and what stands between it and its authority.
    pub certificate: &'p [u8],
    /// Its private key.
    pub key: &'p [u8],
    /// The authorities of callers.
    pub client_ca: &'p [u8],
    /// Whether callers must show a certificate.
    pub clients: ClientCertificates,
}

/// One file that can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFault {
    /// Key of the file in `keepwhole.toml`.
    pub key: &'static str,
    /// What is wrong and what to do.
    pub what: String,
}

impl TlsFault {
    /// A fault of the file that `key` names.
    pub fn new(key: &'static str, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { key, what }
    }
}

/// The first and the last moment at which a certificate counts, and the digest by which it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// SHA-256 of the certificate (DER).
    pub sha256: [u8; 32],
    /// First moment.
    pub from: Timestamp,
    /// Last moment.
    pub until: Timestamp,
    /// Whether it may sign other certificates.
    pub authority: bool,
}

impl CertificateFacts {
    fn read(der: &[u8]) -> Result<Self, String> {
        let read = X509Certificate::from_der(der);
        let Ok(([], certificate)) = read else {
            return Err("holds something that is no X.509 certificate".to_owned());
        };
        let moment = |seconds| {
            let read = Timestamp::from_second(seconds);
            read.map_err(|_| "holds a certificate whose times are out of any range".to_owned())
        };
        let validity = certificate.validity();
        Ok(Self {
            sha256: Sha256::digest(der).into(),
            from: moment(validity.not_before.timestamp())?,
            until: moment(validity.not_after.timestamp())?,
            authority: certificate.is_ca(),
        })
    }

    /// Refuses a certificate that does not count at `now` (RFC 5280, 4.1.2.5: both ends included).
    ///
    /// # Errors
    /// When it began or ended, and what to do.
    pub fn counts(&self, now: Timestamp) -> Result<(), String> {
        if now < self.from {
            let from = self.from;
            return Err(format!(
                "is not valid before `{from}`, and it is `{now}`; set the clock, or wait"
            ));
        }
        // The end names a whole second, which counts still.
        if now.as_second() > self.until.as_second() {
            let until = self.until;
            return Err(format!("ended on `{until}`; renew it"));
        }
        Ok(())
    }
}

/// The certificate of a program, from a PEM file that may go on with those of its authorities.
///
/// # Errors
/// What is wrong with the file, and what to do.
pub fn program_certificate(pem: &[u8], now: Timestamp) -> Result<CertificateFacts, String> {
    let all = certificates(pem)?;
    let first = all.first().map(AsRef::as_ref).unwrap_or_default();
    let facts = CertificateFacts::read(first)?;
    if facts.authority {
        return Err("begins with the certificate of an authority; give the program's own".into());
    }
    facts.counts(now)?;
    Ok(facts)
}

fn pem_fault(error: &PemError) -> String {
    // The library's own words can hold bytes of the file, and the file can be a private key.
    let why = match error {
        PemError::MissingSectionEnd { .. } => "a section does not end",
        PemError::IllegalSectionStart { .. } => "a section does not begin as one",
        PemError::Base64Decode(_) => "a section is not base64",
        PemError::NoItemsFound => "nothing of the kind stands in it",
        _ => "it can't be read",
    };
    format!("is not the PEM file that is needed: {why}")
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let all = read.map_err(|error| pem_fault(&error))?;
    if all.is_empty() {
        return Err("holds no certificate; a PEM file with `BEGIN CERTIFICATE` is needed".into());
    }
    Ok(all)
}

fn own_chain(
    pem: &[u8],
    now: Timestamp,
) -> Result<(Vec<CertificateDer<'static>>, CertificateFacts), String> {
    let chain = certificates(pem)?;
    let mut own = None;
    for certificate in &chain {
        let facts = CertificateFacts::read(certificate)?;
        facts.counts(now)?;
        own.get_or_insert(facts);
    }
    let own = own.ok_or_else(|| "holds no certificate".to_owned())?;
    Ok((chain, own))
}

fn authorities(pem: &[u8], now: Timestamp) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for (at, certificate) in certificates(pem)?.into_iter().enumerate() {
        let number = at + 1;
        let facts = CertificateFacts::read(&certificate)?;
        let of_it = |what: String| format!("certificate {number} in it {what}");
        if !facts.authority {
            let what = "is not an authority's; name the authority that signs the callers'";
            return Err(of_it(what.to_owned()));
        }
        facts.counts(now).map_err(of_it)?;
        let added = roots.add(certificate);
        added.map_err(|error| of_it(format!("can't be used: {error}")))?;
    }
    Ok(roots)
}

/// What the interface shows and whom it believes, read and checked.
pub struct TlsIdentity {
    config: Arc<ServerConfig>,
    /// The interface's own certificate.
    pub own: CertificateFacts,
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("TlsIdentity");
        shown.field("own", &self.own).finish_non_exhaustive()
    }
}

impl TlsIdentity {
    /// Reads and checks what the files hold, as of `now`.
    ///
    /// # Errors
    /// Everything that is wrong, by file.
    pub fn read(pems: &Pems<'_>, now: Timestamp) -> Result<Self, Vec<TlsFault>> {
        let mut faults = Vec::new();
        let mut keep = |key, what| faults.push(TlsFault::new(key, what));
        let chain = own_chain(pems.certificate, now).map_err(|what| keep(CERTIFICATE, what));
        let key = PrivateKeyDer::from_pem_slice(pems.key).map_err(|error| {
            let what = format!("{}; an unencrypted private key is", pem_fault(&error));
            keep(KEY, what);
        });
        let roots = authorities(pems.client_ca, now).map_err(|what| keep(CLIENT_CA, what));
        let (Ok((chain, own)), Ok(key), Ok(roots)) = (chain, key, roots) else {
            return Err(faults);
        };
        match config(chain, key, roots, pems.clients) {
            Ok(config) => Ok(Self {
                config: Arc::new(config),
                own,
            }),
            Err(fault) => Err(vec![fault]),
        }
    }
}

fn config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    roots: RootCertStore,
    clients: ClientCertificates,
) -> Result<ServerConfig, TlsFault> {
    let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let verifier = match clients {
        ClientCertificates::Required => verifier,
        ClientCertificates::Optional => verifier.allow_unauthenticated(),
    };
    let verifier = verifier
        .build()
        .map_err(|error| TlsFault::new(CLIENT_CA, format!("can't be used: {error}")))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13])
        .map_err(|error| TlsFault::new(CERTIFICATE, format!("can't be used: {error}")))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(|error| match error {
            Error::InconsistentKeys(_) => TlsFault::new(
                KEY,
                "is not the key of the certificate; put both in place together",
            ),
            other => TlsFault::new(KEY, format!("can't be used: {other}")),
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A resumed connection would carry over a certificate that was checked days ago.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// The identity in force; connections that are open keep the one that they began with.
pub struct Tls {
    current: RwLock<Arc<ServerConfig>>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Tls {
    /// Puts a first identity in force.
    #[must_use]
    pub fn new(identity: &TlsIdentity) -> Arc<Self> {
        Arc::new(Self {
            current: RwLock::new(Arc::clone(&identity.config)),
        })
    }

    /// Puts another in force for the connections to come.
    pub fn replace(&self, identity: &TlsIdentity) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::clone(&identity.config);
    }

    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The certificate that the caller of a connection showed, after its chain and its key were checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PeerCertificate {
    sha256: [u8; 32],
    until: i64,
}

impl PeerCertificate {
    /// That of a finished handshake; `None` where there is none.
    ///
    /// # Errors
    /// The certificate passed the handshake and can't be read here: nobody may speak for it.
    pub(crate) fn of(connection: &ServerConnection) -> Result<Option<Self>, String> {
        let shown = connection.peer_certificates().and_then(<[_]>::first);
        let Some(shown) = shown else {
            return Ok(None);
        };
        let facts = CertificateFacts::read(shown)?;
        Ok(Some(Self {
            sha256: facts.sha256,
            until: facts.until.as_second(),
        }))
    }

    /// Its digest, as long as it counts: a connection may outlive its certificate.
    pub(crate) fn sha256_at(&self, now: Timestamp) -> Option<&[u8; 32]> {
        (now.as_second() <= self.until).then_some(&self.sha256)
    }
}
