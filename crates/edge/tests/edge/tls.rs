//! TLS 1.3 with certificates of both sides: who is let in, under whose name, and what becomes of everybody else.

use crate::certificates::{
    Authority, Counts, Pair, Secure, TLS_1_2, TLS_1_3, caller, connect, exchange,
};
use crate::http::{Server, WIDE, batch, row};
use jiff::Timestamp;
use jiff::civil::date;
use keepwhole_edge::tls::{
    ClientCertificates, Pems, Tls, TlsFault, TlsIdentity, program_certificate,
};
use keepwhole_edge::tokens::Tokens;
use rcgen::ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::{ClientConfig, HandshakeKind, ProtocolVersion};

const BOUND: &str = "kw_bound-to-a-certificate";
const FREE: &str = "kw_bound-to-nothing";

fn identity(own: &Pair, client_ca: &str, clients: ClientCertificates) -> TlsIdentity {
    read(own, client_ca, clients).unwrap()
}

fn read(
    own: &Pair,
    client_ca: &str,
    clients: ClientCertificates,
) -> Result<TlsIdentity, Vec<TlsFault>> {
    let pems = Pems {
        certificate: own.certificate.as_bytes(),
        key: own.key.as_bytes(),
        client_ca: client_ca.as_bytes(),
        clients,
    };
    TlsIdentity::read(&pems, Timestamp::now())
}

fn digest(pair: &Pair) -> [u8; 32] {
    let facts = program_certificate(pair.certificate.as_bytes(), Timestamp::now());
    facts.unwrap().sha256
}

/// An authority of the exchange, an interface with its certificate, and programs that may ask.
struct House {
    ca: Authority,
    tls: Arc<Tls>,
    server: Server,
    ledger: Pair,
    signer: Pair,
}

impl House {
    fn new(clients: ClientCertificates) -> Self {
        let ca = Authority::new("exchange", Counts::Now);
        let (ledger, signer) = (ca.program("ledger"), ca.program("signer"));
        let until = date(2199, 1, 1);
        let bound = [digest(&ledger)];
        let lines = Tokens::bound_line("ledger", "ledger", Some(BOUND), until, &bound)
            + &Tokens::line("free", "ledger", FREE, until)
            + &Tokens::bound_line("signer", "ledger", None, until, &[digest(&signer)]);
        let tls = Tls::new(&identity(&ca.server(), &ca.pem, clients));
        let server = Server::start_as(WIDE, &lines, Some(Arc::clone(&tls)));
        Self {
            ca,
            tls,
            server,
            ledger,
            signer,
        }
    }

    fn caller(&self, shows: Option<&Pair>) -> Arc<ClientConfig> {
        caller(&self.ca.pem, shows, TLS_1_3, &["http/1.1"])
    }

    fn connect(&self, config: &Arc<ClientConfig>) -> Secure {
        connect(self.server.address, config)
    }

    /// The status of one request, or why there was no answer.
    fn ask(
        &self,
        config: &Arc<ClientConfig>,
        token: Option<&str>,
        key: &str,
    ) -> Result<u16, String> {
        let answer = exchange(&mut self.connect(config), &request(token, key));
        answer
            .map(|answer| status(&answer))
            .map_err(|error| error.to_string())
    }

    /// Ids of all commands that came through.
    fn taken(&self) -> Vec<String> {
        let taken = self.server.intake.taken.lock().unwrap();
        taken
            .iter()
            .map(|command| command.id.clone().unwrap())
            .collect()
    }
}

fn request(token: Option<&str>, key: &str) -> String {
    let body = batch(&[row("t", "1")]);
    let token = token.map_or_else(String::new, |token| {
        format!("authorization: Bearer {token}\r\n")
    });
    format!(
        "POST /v1/transfers HTTP/1.1\r\nhost: localhost\r\n{token}content-type: application/json\r\n\
         idempotency-key: {key}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_bound_token_is_heard_over_its_certificate_in_tls_1_3() {
    let house = House::new(ClientCertificates::Required);
    let config = house.caller(Some(&house.ledger));
    let mut stream = house.connect(&config);
    let answer = exchange(&mut stream, &request(Some(BOUND), "k-1")).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(
        stream.conn.protocol_version(),
        Some(ProtocolVersion::TLSv1_3)
    );
    assert_eq!(stream.conn.alpn_protocol(), Some(b"http/1.1".as_slice()));
    // The connection goes on, and a new one is checked anew: nothing is resumed.
    let answer = exchange(&mut stream, &request(Some(BOUND), "k-2")).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let mut again = house.connect(&config);
    exchange(&mut again, &request(Some(BOUND), "k-3")).unwrap();
    assert_eq!(again.conn.handshake_kind(), Some(HandshakeKind::Full));
    assert_eq!(
        house.taken(),
        ["api/ledger/k-1", "api/ledger/k-2", "api/ledger/k-3"]
    );
}

#[test]
fn a_caller_without_a_certificate_that_counts_is_not_heard() {
    let house = House::new(ClientCertificates::Required);
    let ca = &house.ca;
    // An authority of the same name with another key is another one.
    let other = Authority::new("exchange", Counts::Now);
    let cases = [
        ("none", None),
        ("other authority", Some(other.program("ledger"))),
        ("ended", Some(ca.sign("ledger", ClientAuth, Counts::Past))),
        (
            "not yet",
            Some(ca.sign("ledger", ClientAuth, Counts::Future)),
        ),
        (
            "for servers",
            Some(ca.sign("ledger", ServerAuth, Counts::Now)),
        ),
    ];
    for (case, pair) in &cases {
        for token in [Some(BOUND), Some(FREE), None] {
            let told = house.ask(&house.caller(pair.as_ref()), token, "k");
            let error = told.expect_err(case);
            // The signature of an authority that only has the name is a `DecryptError`.
            let known = [
                "certificate",
                "Certificate",
                "UnknownCA",
                "DecryptError",
                "reset",
                "end of file",
            ];
            assert!(
                known.iter().any(|word| error.contains(word)),
                "{case}: {error}"
            );
        }
    }
    assert_eq!(house.taken(), Vec::<String>::new());
    // The same request with the right pair shows that nothing else was wrong.
    assert_eq!(
        house.ask(&house.caller(Some(&house.ledger)), Some(BOUND), "k"),
        Ok(200)
    );
}

#[test]
fn a_stolen_token_is_worth_nothing_over_another_certificate() {
    for clients in [ClientCertificates::Required, ClientCertificates::Optional] {
        let house = House::new(clients);
        let (ledger, signer) = (
            house.caller(Some(&house.ledger)),
            house.caller(Some(&house.signer)),
        );
        let stranger = house.caller(Some(&house.ca.program("stranger")));
        let cases = [
            // Whose connection, which token, what comes of it.
            (&signer, Some(BOUND), 401),
            (&stranger, Some(BOUND), 401),
            (&stranger, None, 401),
            // A certificate alone is enough only where its line says so.
            (&ledger, None, 401),
            (&signer, None, 200),
            // Whoever shows a token is judged by it.
            (&signer, Some("kw_wrong"), 401),
            (&signer, Some(FREE), 200),
            (&ledger, Some(BOUND), 200),
        ];
        for (at, (config, token, wanted)) in cases.into_iter().enumerate() {
            let told = house.ask(config, token, &format!("k-{at}"));
            assert_eq!(told, Ok(wanted), "case {at}, {clients:?}");
        }
        assert_eq!(
            house.taken(),
            ["api/signer/k-4", "api/free/k-6", "api/ledger/k-7"]
        );
    }
}

#[test]
fn without_a_certificate_only_an_unbound_token_counts_where_certificates_are_optional() {
    let house = House::new(ClientCertificates::Optional);
    let nobody = house.caller(None);
    assert_eq!(house.ask(&nobody, Some(BOUND), "k-1"), Ok(401));
    assert_eq!(house.ask(&nobody, None, "k-2"), Ok(401));
    assert_eq!(house.ask(&nobody, Some(FREE), "k-3"), Ok(200));
    // A wrong certificate is refused even where none would do.
    let other = Authority::new("other", Counts::Now).program("ledger");
    let told = house.ask(&house.caller(Some(&other)), Some(FREE), "k-4");
    assert!(told.is_err(), "{told:?}");
    assert_eq!(house.taken(), ["api/free/k-3"]);
}

#[test]
fn tls_1_2_other_protocols_and_plain_text_are_refused() {
    let house = House::new(ClientCertificates::Required);
    let pair = Some(&house.ledger);
    let old = caller(&house.ca.pem, pair, TLS_1_2, &["http/1.1"]);
    let told = house.ask(&old, Some(BOUND), "k").unwrap_err();
    assert!(told.contains("ProtocolVersion"), "{told}");
    let h2 = caller(&house.ca.pem, pair, TLS_1_3, &["h2"]);
    let told = house.ask(&h2, Some(BOUND), "k").unwrap_err();
    assert!(told.contains("NoApplicationProtocol"), "{told}");
    let answer = house.server.raw_bytes(request(Some(FREE), "k").as_bytes());
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert_eq!(house.taken(), Vec::<String>::new());
    // Who says nothing of the protocol means HTTP/1.1.
    let silent = caller(&house.ca.pem, pair, TLS_1_3, &[]);
    assert_eq!(house.ask(&silent, Some(BOUND), "k"), Ok(200));
}

#[test]
fn handshakes_that_never_end_keep_nobody_out_and_are_given_up() {
    let house = House::new(ClientCertificates::Required);
    let address = house.server.address;
    // More than there are connections and more than there may be handshakes: nothing, and the beginning of a hello.
    let mut slow = Vec::new();
    for n in 0..400 {
        let mut stream = TcpStream::connect(address).unwrap();
        if n % 2 == 0 {
            // The oldest were let go already.
            let _gone = stream.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00]);
        }
        slow.push(stream);
    }
    let config = house.caller(Some(&house.ledger));
    for n in 0..20 {
        let start = Instant::now();
        assert_eq!(house.ask(&config, Some(BOUND), &format!("k-{n}")), Ok(200));
        let waited = start.elapsed();
        assert!(
            waited < Duration::from_secs(2),
            "waited {waited:?} beside slow handshakes"
        );
    }
    let mut last = slow.pop().unwrap();
    let patience = Some(Duration::from_secs(45));
    last.set_read_timeout(patience).unwrap();
    let start = Instant::now();
    let mut answer = Vec::new();
    let _reset = last.read_to_end(&mut answer);
    let waited = start.elapsed().as_secs();
    assert!(waited < 15, "given up only after {waited} s");
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}

#[test]
fn new_certificates_are_taken_without_dropping_connections() {
    let house = House::new(ClientCertificates::Required);
    let ledger = house.caller(Some(&house.ledger));
    let mut open = house.connect(&ledger);
    let answer = exchange(&mut open, &request(Some(BOUND), "k-1")).unwrap();
    assert_eq!(status(&answer), 200, "{answer}");
    // Another authority of both sides: those who believe the old one are not believed any more.
    let next = Authority::new("next", Counts::Now);
    house.tls.replace(&identity(
        &next.server(),
        &next.pem,
        ClientCertificates::Required,
    ));
    let answer = exchange(&mut open, &request(Some(BOUND), "k-2")).unwrap();
    assert_eq!(status(&answer), 200, "{answer}");
    let told = house.ask(&ledger, Some(BOUND), "k-3").unwrap_err();
    assert!(told.contains("UnknownIssuer"), "{told}");
    let renewed = caller(&next.pem, Some(&next.program("ledger")), TLS_1_3, &[]);
    assert_eq!(house.ask(&renewed, Some(FREE), "k-4"), Ok(200));
    assert_eq!(house.ask(&renewed, Some(BOUND), "k-5"), Ok(401));
    let stale = caller(&next.pem, Some(&house.ledger), TLS_1_3, &[]);
    let told = house.ask(&stale, Some(BOUND), "k-6").unwrap_err();
    assert!(
        told.contains("UnknownCA") || told.contains("reset"),
        "{told}"
    );
}

#[test]
fn a_certificate_that_ends_no_longer_identifies_on_an_open_connection() {
    let ca = Authority::new("exchange", Counts::Now);
    let short = ca.sign("short", ClientAuth, Counts::For(3));
    let until = date(2199, 1, 1);
    let lines = Tokens::bound_line("short", "ledger", None, until, &[digest(&short)]);
    let tls = Tls::new(&identity(
        &ca.server(),
        &ca.pem,
        ClientCertificates::Required,
    ));
    let server = Server::start_as(WIDE, &lines, Some(tls));
    let config = caller(&ca.pem, Some(&short), TLS_1_3, &[]);
    let mut stream = connect(server.address, &config);
    let answer = exchange(&mut stream, &request(None, "k-1")).unwrap();
    assert_eq!(status(&answer), 200, "{answer}");
    std::thread::sleep(Duration::from_secs(5));
    let answer = exchange(&mut stream, &request(None, "k-2")).unwrap();
    assert_eq!(status(&answer), 401, "{answer}");
}

#[test]
fn files_that_cannot_serve_are_refused_by_name_and_all_at_once() {
    let ca = Authority::new("exchange", Counts::Now);
    let good = ca.server();
    let with = |certificate: &str, key: &str| Pair {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
    };
    let (ended, early) = (
        ca.sign("localhost", ServerAuth, Counts::Past),
        ca.sign("localhost", ServerAuth, Counts::Future),
    );
    let old_ca = Authority::new("old", Counts::Past).pem;
    let broken = good.key.replace('M', "%");
    let cases: [(Pair, &str, &[&str]); 10] = [
        (
            ended.clone(),
            &ca.pem,
            &["`api.tls.certificate`: ended on `2020-01-01T00:00:00Z`; renew it"],
        ),
        (
            early,
            &ca.pem,
            &["`api.tls.certificate`: is not valid before `2190-01-01T00:00:00Z`"],
        ),
        (
            with(&good.certificate, &ended.key),
            &ca.pem,
            &["`api.tls.key`: is not the key of the certificate"],
        ),
        (
            with("", &good.key),
            &ca.pem,
            &["`api.tls.certificate`: holds no certificate"],
        ),
        (
            with(&good.key, &good.key),
            &ca.pem,
            &["`api.tls.certificate`: holds no certificate"],
        ),
        (
            with(&good.certificate, &good.certificate),
            &ca.pem,
            &["`api.tls.key`: is not the PEM file that is needed"],
        ),
        (
            good.clone(),
            &good.certificate,
            &["`api.tls.client_ca`: certificate 1 in it is not an authority's"],
        ),
        (
            good.clone(),
            &old_ca,
            &["`api.tls.client_ca`: certificate 1 in it ended on `2020-01-01T00:00:00Z`"],
        ),
        (
            good.clone(),
            "",
            &["`api.tls.client_ca`: holds no certificate"],
        ),
        (
            with(&ended.certificate, &broken),
            &old_ca,
            &[
                "`api.tls.certificate`: ended",
                "`api.tls.key`: is not the PEM",
                "`api.tls.client_ca`: certificate 1",
            ],
        ),
    ];
    for (own, client_ca, says) in &cases {
        let faults = read(own, client_ca, ClientCertificates::Required).unwrap_err();
        let told: Vec<String> = faults
            .iter()
            .map(|fault| format!("`{}`: {}", fault.key, fault.what))
            .collect();
        assert_eq!(told.len(), says.len(), "{told:?}");
        for (told, says) in told.iter().zip(*says) {
            assert!(told.starts_with(says), "{told}, not {says}");
            let secret = own
                .key
                .lines()
                .any(|line| line.len() > 30 && told.contains(line));
            assert!(!secret, "{told}");
        }
    }
    let both = ca.pem.clone() + &Authority::new("next", Counts::Now).pem;
    read(&good, &both, ClientCertificates::Required).unwrap();
}

#[test]
fn only_the_certificate_of_a_program_can_be_bound() {
    let ca = Authority::new("exchange", Counts::Now);
    let pair = ca.program("ledger");
    let now = Timestamp::now();
    // With its chain behind it, the first one counts.
    let chain = pair.certificate.clone() + &ca.pem;
    let facts = program_certificate(chain.as_bytes(), now).unwrap();
    assert_eq!(facts.sha256, digest(&pair));
    let ended = ca.sign("ledger", ClientAuth, Counts::Past).certificate;
    for (pem, says) in [
        (
            ca.pem.as_str(),
            "begins with the certificate of an authority",
        ),
        (pair.key.as_str(), "holds no certificate"),
        (ended.as_str(), "ended on `2020-01-01T00:00:00Z`; renew it"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "is no X.509 certificate",
        ),
        (
            "-----BEGIN CERTIFICATE-----\n%\n-----END CERTIFICATE-----\n",
            "a section is not base64",
        ),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n",
            "a section does not end",
        ),
    ] {
        let told = program_certificate(pem.as_bytes(), now).unwrap_err();
        assert!(told.contains(says), "{told}");
    }
}

#[test]
fn the_recipe_for_callers_in_rust_is_let_in() {
    use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};
    let house = House::new(ClientCertificates::Required);
    let authority = Certificate::from_pem(house.ca.pem.as_bytes()).unwrap();
    let certificate = Certificate::from_pem(house.signer.certificate.as_bytes()).unwrap();
    let key = PrivateKey::from_pem(house.signer.key.as_bytes()).unwrap();
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()))
        .root_certs(RootCerts::new_with_certs(&[authority]))
        .client_cert(Some(ClientCert::new_with_certs(&[certificate], key)))
        .build();
    let agent = ureq::Agent::config_builder()
        .tls_config(tls)
        .https_only(true)
        .max_redirects(0)
        .timeout_global(Some(Duration::from_secs(10)))
        .build()
        .new_agent();
    let url = format!(
        "https://localhost:{}/v1/transfers",
        house.server.address.port()
    );
    let request = agent
        .post(&url)
        .header("content-type", "application/json")
        .header("idempotency-key", "k-1");
    let response = request.send(batch(&[row("t", "1")])).unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(house.taken(), ["api/signer/k-1"]);
}
