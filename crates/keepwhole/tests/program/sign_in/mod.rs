//! Passkeys at the console, over a real socket and with authenticators of P-256 in software: who gets in, what a session
//! may do, and what is refused.

mod answers;
mod proposals;
mod sessions;
mod stolen;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keepwhole::authority::{StaffDesk, Stands};
use keepwhole::console::{Staff, serve_staff};
use keepwhole::edges::Sequenced;
use keepwhole::installation::{ConsoleFeed, Feed, Installation, Running};
use keepwhole::sequencer::{Clock, WallShift};
use keepwhole_core::answer::Answer as Said;
use keepwhole_core::authority::credential::{DeviceKind, NewCredential};
use keepwhole_edge::console::{ConsoleSettings, PasskeySite};
use keepwhole_edge::refusals::Refusals;
use keepwhole_verify::approval::{Approval, Command, Decision, challenge};
use keepwhole_verify::cose::der_signature;
use keepwhole_verify::digest::Digest;
use keepwhole_verify::webauthn::{
    AT, Assertion, PublicKey, UP, UV, authenticator_data, client_data_text,
};
use p256::ecdsa::signature::Signer as _;
use serde_json::{Value, json};

use crate::waits::{APPROVER, make};

/// 27 November 2026, noon in Seoul.
const NOON: u64 = 1_795_748_400_000;
const MINUTE: u64 = 60_000;

/// A clock that several hold.
#[derive(Clone)]
struct Held(Arc<AtomicU64>);

impl Clock for Held {
    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
    fn wall_shift(&mut self) -> Option<WallShift> {
        None
    }
}

/// An authenticator in software.
struct Authenticator {
    key: p256::ecdsa::SigningKey,
    id: Vec<u8>,
    counter: u32,
}

impl Authenticator {
    fn of(name: &str) -> Self {
        let seed = Digest::of(name.as_bytes());
        Self {
            key: p256::ecdsa::SigningKey::from_slice(seed.as_bytes()).unwrap(),
            id: Digest::of(format!("id of {name}").as_bytes()).as_bytes()[..16].to_vec(),
            counter: 0,
        }
    }

    fn cose(&self) -> Vec<u8> {
        let point = self.key.verifying_key().to_sec1_point(false);
        let point = point.as_bytes();
        PublicKey::Es256 {
            x: point[1..33].try_into().unwrap(),
            y: point[33..].try_into().unwrap(),
        }
        .to_cose()
    }

    fn enrolled(&self) -> NewCredential {
        NewCredential {
            id: self.id.clone(),
            public_key: self.cose(),
            kind: DeviceKind::SecurityKey,
            device_bound: true,
        }
    }

    fn sign(&mut self, rp_id: &str, challenge: &[u8], origin: &str) -> Assertion {
        self.counter += 1;
        let authenticator_data = authenticator_data(rp_id, UP | UV, self.counter);
        let client_data_json = client_data_text(challenge, origin).into_bytes();
        let mut message = authenticator_data.clone();
        message.extend(Digest::of(&client_data_json).as_bytes());
        let signature: p256::ecdsa::Signature = self.key.sign(&message);
        let bytes = signature.to_bytes();
        let (r, s) = bytes.split_at(32);
        Assertion {
            authenticator_data,
            client_data_json,
            signature: der_signature(r.try_into().unwrap(), s.try_into().unwrap()),
        }
    }
}

struct Answer {
    status: u16,
    headers: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{}", self.body))
    }
    fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
    fn header(&self, name: &str) -> &str {
        let mut lines = self
            .headers
            .lines()
            .filter_map(|line| line.split_once(": "));
        let found = lines.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }
    /// What the answer sets of cookies, as a browser sends it back.
    fn cookies(&self) -> String {
        let lines = self
            .headers
            .lines()
            .filter_map(|line| line.split_once(": "));
        let set = lines.filter(|(key, _)| key.eq_ignore_ascii_case("set-cookie"));
        let pairs: Vec<&str> = set
            .map(|(_, value)| value.split(';').next().unwrap())
            .collect();
        pairs.join("; ")
    }
}

/// An exchange whose console serves staff.
struct World {
    address: SocketAddr,
    origin: String,
    clock: Held,
    desk: StaffDesk,
    running: Option<Running>,
    refusals: Arc<Refusals>,
    folder: tempfile::TempDir,
    ada: Authenticator,
    bea: Authenticator,
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            let _stopped = running.stop();
        }
    }
}

fn world(required: bool) -> World {
    opened(required, false)
}

/// `counts`: who is turned away at its door is told to the journal, as `serve` does.
fn opened(required: bool, counts: bool) -> World {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("ex");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let origin = format!("http://localhost:{}", address.port());
    let (ada, bea, cem) = ("ada", "bea", "cem");
    let [ada, bea, cem] = [ada, bea, cem].map(Authenticator::of);
    let people: Vec<(&str, &[&str], _)> = vec![
        ("ada", &["administrator", "risk"], ada.enrolled()),
        ("bea", &["administrator", "treasury"], bea.enrolled()),
        (
            "cem",
            &["administrator", "risk", "treasury"],
            cem.enrolled(),
        ),
    ];
    let answers = make(&dir, NOON, ("localhost", &origin), (900, 28_800), people);
    for (id, answer) in answers {
        let waits = matches!(&answer, Said::Held(_)) == id.starts_with("w-");
        let fine = matches!(&answer, Said::Held(_) | Said::Recorded | Said::Cleared);
        assert!(waits && fine, "{id}: {answer:?}");
    }
    let clock = Held(Arc::new(AtomicU64::new(NOON + MINUTE)));
    let made = Installation::open(&dir).unwrap();
    let log_key = made.log_key.clone();
    let running = made.run(Box::new(clock.clone()), Box::new(|_| {}));
    let desk = || {
        let clock = clock.clone();
        let now = Box::new(move || clock.now());
        StaffDesk::new(running.reader(), running.handle(), now)
    };
    let settings = ConsoleSettings {
        listen: None,
        site: Some(PasskeySite {
            rp_id: "localhost".into(),
            origin: origin.clone(),
        }),
        sign_in_required: required,
        place_header: Some("x-place".into()),
    };
    let intake = Sequenced::new(running.handle(), running.reader());
    let refusals = Refusals::new(Arc::new(intake));
    let mut staff = Staff::new(desk(), settings).unwrap();
    if counts {
        staff = staff.counting(Arc::clone(&refusals));
    }
    let staff = Arc::new(staff);
    let feed = Arc::new(ConsoleFeed::new(dir, log_key, Feed::Live(running.reader())));
    std::thread::spawn(move || {
        serve_staff(listener, feed, staff, std::future::pending::<()>()).unwrap()
    });
    World {
        address,
        origin,
        desk: desk(),
        clock,
        running: Some(running),
        refusals,
        folder,
        ada,
        bea,
    }
}

impl World {
    fn send(&self, head: &str, body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let head = format!("{head}Connection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        // A server that refuses by the head may close before the body is read.
        let _sent = stream.write_all(body);
        let mut bytes = Vec::new();
        let _read = stream.read_to_end(&mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        let (headers, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("{text}"));
        Answer {
            status: headers.split(' ').nth(1).unwrap().parse().unwrap(),
            headers: headers.to_owned(),
            body: body.to_owned(),
        }
    }

    fn host(&self) -> String {
        self.origin.replace("http://", "")
    }

    fn get(&self, path: &str, cookies: &str) -> Answer {
        let host = self.host();
        let cookies = if cookies.is_empty() {
            String::new()
        } else {
            format!("Cookie: {cookies}\r\n")
        };
        let lang = "Accept-Language: en\r\n";
        self.send(
            &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{lang}{cookies}"),
            b"",
        )
    }

    /// Posts as the page's script does, with more headers or other ones.
    fn post_with(&self, path: &str, headers: &str, body: &str) -> Answer {
        let head = format!(
            "POST {path}?lang=en HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n{headers}",
            self.host(),
            body.len()
        );
        self.send(&head, body.as_bytes())
    }

    fn own(&self, cookies: &str) -> String {
        format!(
            "Origin: {}\r\nSec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\nx-place: KR\r\nCookie: {cookies}\r\n",
            self.origin
        )
    }

    fn post(&self, path: &str, cookies: &str, body: &Value) -> Answer {
        self.post_with(path, &self.own(cookies), &body.to_string())
    }

    /// Begins at `path`; what the authenticator is asked, and the ticket.
    fn begin(&self, path: &str, cookies: &str, body: &Value) -> (String, Vec<u8>) {
        let answer = self.post(path, cookies, body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let begun = answer.json();
        assert_eq!(begun["options"]["rpId"], "localhost");
        assert_eq!(begun["options"]["userVerification"], "required");
        let challenge = begun["options"]["challenge"].as_str().unwrap();
        let challenge = URL_SAFE_NO_PAD.decode(challenge).unwrap();
        (begun["ticket"].as_str().unwrap().to_owned(), challenge)
    }

    fn posted(&self, ticket: &str, by: &mut Authenticator, challenge: &[u8]) -> Value {
        let assertion = by.sign("localhost", challenge, &self.origin);
        json!({
            "ticket": ticket,
            "credential": URL_SAFE_NO_PAD.encode(&by.id),
            "authenticator_data": URL_SAFE_NO_PAD.encode(&assertion.authenticator_data),
            "client_data_json": URL_SAFE_NO_PAD.encode(&assertion.client_data_json),
            "signature": URL_SAFE_NO_PAD.encode(&assertion.signature),
        })
    }

    fn try_sign_in(&self, by: &mut Authenticator, browser: &str) -> Answer {
        let (ticket, challenge) =
            self.begin("/sign-in/begin", browser, &json!({ "next": "/guard" }));
        let body = self.posted(&ticket, by, &challenge);
        self.post("/sign-in/finish", browser, &body)
    }

    /// Signs in; the cookies.
    fn sign_in(&self, by: &mut Authenticator) -> String {
        let answer = self.try_sign_in(by, "");
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.cookies()
    }

    fn answer(
        &self,
        by: &mut Authenticator,
        cookies: &str,
        (id, role, word): (&str, &str, &str),
    ) -> Answer {
        let asked = json!({ "target": id, "role": role, "decision": word });
        let (ticket, challenge) = self.begin("/answer/begin", cookies, &asked);
        let body = self.posted(&ticket, by, &challenge);
        self.post("/answer/finish", cookies, &body)
    }

    fn stands(&self, id: &str) -> Stands {
        self.desk.matter(id).unwrap().stands
    }

    fn entries(&self) -> u64 {
        self.running.as_ref().unwrap().reader().durable().size
    }
}

/// Takes an authenticator out of the world while it is used.
fn with<T>(
    world: &mut World,
    who: fn(&mut World) -> &mut Authenticator,
    work: impl FnOnce(&World, &mut Authenticator) -> T,
) -> T {
    let mut held = std::mem::replace(who(world), Authenticator::of("nobody"));
    let done = work(world, &mut held);
    *who(world) = held;
    done
}

fn ada(world: &mut World) -> &mut Authenticator {
    &mut world.ada
}

fn bea(world: &mut World) -> &mut Authenticator {
    &mut world.bea
}
