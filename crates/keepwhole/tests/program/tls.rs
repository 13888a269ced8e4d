//! The HTTP interface of the real program over TLS: started with its files, told of new ones, and asked by who may.

use crate::cli::{PROGRAM, Ran, installed, run};
use crate::edges::token;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

const SETTINGS: &str = "version = 1\n[api]\nlisten = \"0.0.0.0:0\"\n[api.tls]\ncertificate = \"keys/api.pem\"\n\
                        key = \"keys/api.key\"\nclient_ca = \"keys/clients-ca.pem\"\n";

pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { pem, issuer }
    }

    /// Certificate and key of a name, until the beginning of a year.
    pub(crate) fn sign(&self, name: &str, until: i32) -> (String, String) {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        (certificate, key.serialize_pem())
    }
}

/// An installation with the files of `[api.tls]`.
struct House {
    dir: TempDir,
    ca: Authority,
}

impl House {
    fn new() -> Self {
        let dir = installed();
        let ca = Authority::new();
        fs::write(dir.path().join("ex/keepwhole.toml"), SETTINGS).unwrap();
        let house = Self { dir, ca };
        house.put("keys/clients-ca.pem", &house.ca.pem);
        house.show(&house.ca.sign("localhost", 2190));
        house
    }

    fn put(&self, name: &str, text: &str) {
        let path = self.dir.path().join("ex").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn show(&self, (certificate, key): &(String, String)) {
        self.put("keys/api.pem", certificate);
        self.put("keys/api.key", key);
    }

    fn start(&self) -> Ran {
        run(
            self.dir.path(),
            &["serve", "--data", "ex", "--listen", "127.0.0.1:0"],
        )
    }

    /// Owners told by whoever shows this; the status.
    fn tell(
        &self,
        served: &Served,
        shown: &(String, String),
        token: Option<&str>,
        key: &str,
    ) -> Result<u16, String> {
        let answer = ask(&self.ca.pem, shown, served, token, key);
        answer.map_err(|error| error.to_string())
    }
}

fn ask(
    believes: &str,
    (certificate, key): &(String, String),
    served: &Served,
    token: Option<&str>,
    idempotency: &str,
) -> Result<u16, ureq::Error> {
    let certificate = Certificate::from_pem(certificate.as_bytes())?;
    let key = PrivateKey::from_pem(key.as_bytes())?;
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()))
        .root_certs(RootCerts::new_with_certs(&[Certificate::from_pem(
            believes.as_bytes(),
        )?]))
        .client_cert(Some(ClientCert::new_with_certs(&[certificate], key)))
        .build();
    let agent = ureq::Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(60)))
        .build()
        .new_agent();
    let mut request = agent
        .post(format!("{}/v1/owners", served.api))
        .header("content-type", "application/json")
        .header("idempotency-key", idempotency);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let response = request.send(format!("{{\"owners\":[\"customer-{idempotency}\"]}}"))?;
    Ok(response.status().as_u16())
}

/// A running `serve`; killed when dropped.
struct Served {
    child: Child,
    api: String,
}

impl Served {
    fn start(dir: &Path) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--data", "ex", "--listen", "127.0.0.1:0", "--json"])
            .current_dir(dir)
            .stdout(Stdio::piped())
            .stderr(fs::File::create(dir.join("said")).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let api = told["api"].as_str().unwrap();
        let api = api.replace("https://0.0.0.0:", "https://localhost:");
        assert!(api.starts_with("https://localhost:"), "{told}");
        Self { child, api }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn said(dir: &Path, what: &str) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        if fs::read_to_string(dir.join("said")).unwrap().contains(what) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    false
}

#[test]
fn files_that_cannot_serve_stop_the_start_by_name() {
    let house = House::new();
    let key = house.dir.path().join("ex/keys/api.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    fs::remove_file(house.dir.path().join("ex/keys/clients-ca.pem")).unwrap();
    house.start().failed(
        2,
        &[
            "`api.tls.key`: `ex/keys/api.key` can be read by others (mode 640); `chmod 600 ex/keys/api.key`",
            "`api.tls.client_ca`: can't read `ex/keys/clients-ca.pem`",
        ],
    );
    house.put("keys/clients-ca.pem", &house.ca.pem);
    house.show(&house.ca.sign("localhost", 2020));
    let says = "`api.tls.certificate`: `ex/keys/api.pem` ended on `2020-01-01T00:00:00Z`; renew it";
    house.start().failed(2, &[says]);
    let (certificate, _) = house.ca.sign("localhost", 2190);
    house.put("keys/api.pem", &certificate);
    let says = "`api.tls.key`: `ex/keys/api.key` is not the key of the certificate";
    house.start().failed(2, &[says]);
}

#[test]
fn programs_are_known_by_certificates_and_new_files_are_taken_as_they_come() {
    let house = House::new();
    let dir = house.dir.path();
    let (ledger, next) = (house.ca.sign("ledger", 2190), house.ca.sign("ledger", 2191));
    let files = [("ledger.pem", &ledger), ("next.pem", &next)];
    for (name, (certificate, _)) in files {
        fs::write(dir.join(name), certificate).unwrap();
    }
    let free = token(dir);
    let add = |arguments: &[&str]| {
        let made = run(dir, &[&["token"], arguments, &["--data", "ex"]].concat());
        assert_eq!(made.code, 0, "{}", made.err);
        made.out.trim().to_owned()
    };
    let both = add(&["add", "both", "--certificate", "ledger.pem"]);
    add(&["add", "alone", "--certificate", "ledger.pem", "--no-token"]);
    let wrong = run(dir, &["token", "add", "x", "--no-token", "--data", "ex"]);
    assert_eq!(wrong.code, 2, "{}", wrong.out);
    let twice = [
        "token",
        "add",
        "y",
        "--certificate",
        "ledger.pem",
        "--no-token",
        "--data",
        "ex",
    ];
    run(dir, &twice).failed(2, &["identifies another line alone"]);

    let served = Served::start(dir);
    for (n, (shown, token, status)) in [
        (&ledger, Some(both.as_str()), 200),
        (&ledger, None, 200),
        (&ledger, Some("kw_wrong"), 401),
        (&next, Some(free.as_str()), 200),
        (&next, Some(both.as_str()), 401),
        (&next, None, 401),
    ]
    .into_iter()
    .enumerate()
    {
        let told = house.tell(&served, shown, token, &format!("k-{n}"));
        assert_eq!(told, Ok(status), "case {n}");
    }
    // The next certificate is bound beside the one in use, and both count.
    add(&["bind", "both", "--certificate", "next.pem"]);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(house.tell(&served, &next, Some(&both), "k-7"), Ok(200));
    assert_eq!(house.tell(&served, &ledger, Some(&both), "k-8"), Ok(200));
    let list = run(dir, &["token", "list", "--data", "ex"]);
    assert!(list.out.contains("token and certificate"), "{}", list.out);

    // A key that is not that of the certificate changes nothing; the right pair is taken.
    let (other, renewed) = (Authority::new(), house.ca.sign("localhost", 2195));
    house.put("keys/api.pem", &renewed.0);
    assert!(said(dir, "is not the key of the certificate"));
    assert_eq!(house.tell(&served, &next, Some(&both), "k-9"), Ok(200));
    house.show(&renewed);
    assert!(said(dir, "ends on `2195-01-01T00:00:00Z`"));
    assert_eq!(house.tell(&served, &next, Some(&both), "k-10"), Ok(200));
    // Another authority of the callers: the programs of the old one are let in no more.
    house.put("keys/clients-ca.pem", &other.pem);
    let start = Instant::now();
    while house.tell(&served, &next, Some(&both), "k-11") == Ok(200) {
        assert!(start.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(500));
    }
    assert_eq!(
        house.tell(&served, &other.sign("x", 2190), Some(&free), "k-12"),
        Ok(200)
    );
}
