//! People with keys: a software authenticator for each, and an exchange whose authority is bootstrapped.

use crate::exchange::{DAY, Exchange, START};
use ed25519_dalek::{Signer as _, SigningKey};
use keepwhole_core::answer::{Answer, Reply};
use keepwhole_core::authority::command::AuthorityCommand;
use keepwhole_core::authority::credential::{DeviceKind, Enrolment, NewCredential};
use keepwhole_core::authority::matter::{Decision, Target};
use keepwhole_core::authority::proof::Proof;
use keepwhole_core::authority::rules::{RelyingParty, Rules, SeparateFrom};
use keepwhole_core::command::Body;
use keepwhole_core::guard::Change;
use keepwhole_verify::approval;
use keepwhole_verify::digest::Digest;
use keepwhole_verify::webauthn::{PublicKey, UP, UV, authenticator_data, client_data_text};
use std::collections::BTreeMap;

pub(crate) const CONSOLE: &str = "console.exchange.example";
pub(crate) const CLIENT: &str = "approver.exchange.example";

/// Administrators of the bootstrap.
pub(crate) const ADMINISTRATORS: [&str; 3] = ["ada", "bea", "cem"];
/// Everybody else who is needed before anything is cleared, with roles.
pub(crate) const PEOPLE: &[(&str, &[&str])] = &[
    ("ria", &["risk", "finance"]),
    ("rob", &["risk", "finance"]),
    ("tom", &["treasury", "legal"]),
    ("tia", &["treasury", "legal"]),
    ("ole", &["operations"]),
    ("oda", &["operations", "privacy"]),
    ("sue", &["security"]),
    ("eva", &["executive"]),
    ("seal-1", &["sealed"]),
    ("seal-2", &["sealed"]),
    ("seal-3", &["sealed"]),
    ("seal-4", &["sealed"]),
    ("seal-5", &["sealed"]),
];

/// An assertion in the making, every part of it in the test's hand.
pub(crate) struct Draft {
    pub(crate) command: [u8; 32],
    pub(crate) approver: String,
    pub(crate) credential: Vec<u8>,
    pub(crate) site: String,
    pub(crate) origin: String,
    pub(crate) flags: u8,
    pub(crate) counter: u32,
    pub(crate) nonce: [u8; 16],
    pub(crate) issued: u64,
    pub(crate) expires: u64,
    pub(crate) role: String,
    pub(crate) decision: Decision,
    /// Bytes after the client data, which no reader takes.
    pub(crate) tail: &'static str,
    /// Whose key signs.
    pub(crate) signer: String,
}

/// All authenticators, and how often each was used.
#[derive(Default)]
pub(crate) struct Staff {
    counters: BTreeMap<String, u32>,
    nonces: u128,
}

fn key(person: &str) -> SigningKey {
    SigningKey::from_bytes(Digest::of(person.as_bytes()).as_bytes())
}

pub(crate) fn credential(name: &str) -> NewCredential {
    let sealed = name.starts_with("seal-");
    NewCredential {
        id: Digest::of(format!("id of {name}").as_bytes()).as_bytes()[..16].to_vec(),
        public_key: PublicKey::Ed25519(key(name).verifying_key().to_bytes()).to_cose(),
        kind: if sealed {
            DeviceKind::Sealed
        } else {
            DeviceKind::SecurityKey
        },
        device_bound: name != "tia",
    }
}

pub(crate) fn enrolment(name: &str, roles: &[&str], until: u64) -> Enrolment {
    Enrolment {
        actor: name.into(),
        person: name.into(),
        roles: roles.iter().map(|role| String::from(*role)).collect(),
        expires: until,
        credentials: vec![credential(name)],
    }
}

pub(crate) fn rules() -> Rules {
    let site = |id: &str, separate| RelyingParty {
        id: id.into(),
        origins: vec![format!("https://{id}")],
        separate,
    };
    let mut rules = Rules::usual(vec![site(CONSOLE, false), site(CLIENT, true)]);
    rules.separate_from = vec![SeparateFrom {
        asset: "BTC".into(),
        from: 1_900,
    }];
    // The tests of findings choose their own hours.
    rules.findings.usual_minutes = (0, 0);
    rules
}

pub(crate) fn bootstrap(at: u64) -> Body {
    let administrators = ADMINISTRATORS
        .iter()
        .map(|name| enrolment(name, &["administrator"], at + 90 * DAY));
    Body::OfAuthority(AuthorityCommand::Bootstrap {
        rules: Box::new(rules()),
        administrators: administrators.collect(),
    })
}

/// What a name of a request, a proposal or a finding (`finding-0`) means.
pub(crate) fn target(exchange: &Exchange, id: &str) -> Target {
    let guard = &exchange.state.guard;
    let request = guard.request(id).map(|(number, _)| Target::Request(number));
    let change = guard.proposal(id).map(|(number, _)| Target::Change(number));
    request.or(change).unwrap_or_else(|| {
        let number = id.strip_prefix("finding-").expect("a known target");
        Target::Finding(number.parse().expect("a number"))
    })
}

impl Staff {
    /// A proof by `person`'s own key, changed by `change` before it is signed.
    pub(crate) fn proof(
        &mut self,
        exchange: &Exchange,
        id: &str,
        (person, role): (&str, &str),
        change: impl FnOnce(&mut Draft),
    ) -> Proof {
        let matter = &exchange.state.authority.matters[&target(exchange, id)];
        self.nonces += 1;
        let counter = self.counters.entry(person.into()).or_insert(0);
        let now = exchange.at / 1_000;
        let mut draft = Draft {
            command: matter.command,
            approver: person.into(),
            credential: credential(person).id,
            site: CLIENT.into(),
            origin: format!("https://{CLIENT}"),
            flags: UP | UV,
            counter: *counter + 1,
            nonce: self.nonces.to_be_bytes(),
            issued: now,
            expires: now + 900,
            role: role.into(),
            decision: Decision::Approve,
            tail: "",
            signer: person.into(),
        };
        change(&mut draft);
        *counter = draft.counter.max(*counter);
        sign(&draft)
    }

    /// Asks as `person`, whose proof it is.
    pub(crate) fn say(
        &mut self,
        exchange: &mut Exchange,
        id: &str,
        (person, role): (&str, &str),
        change: impl FnOnce(&mut Draft),
    ) -> Reply {
        let proof = Box::new(self.proof(exchange, id, (person, role), change));
        let target = id.into();
        exchange.ask(
            None,
            Some(person),
            Body::OfAuthority(AuthorityCommand::Decide { target, proof }),
        )
    }

    /// Approves as `person`, which must be taken.
    pub(crate) fn approve(&mut self, exchange: &mut Exchange, id: &str, person: &str, role: &str) {
        let reply = self.say(exchange, id, (person, role), |_| {});
        assert_eq!(reply.answer, Answer::Recorded, "{person} as {role} on {id}");
    }

    /// Proposes to enrol and approves as two administrators; in force at once while the bootstrap lasts.
    pub(crate) fn enrol(&mut self, exchange: &mut Exchange, name: &str, roles: &[&str]) -> String {
        let id = format!("enrol-{name}");
        let new = enrolment(name, roles, exchange.at + 90 * DAY);
        let body = Body::ProposeChange(Change::EnrolPerson(Box::new(new)));
        let reply = exchange.ask(Some(&id), Some("ada"), body);
        assert!(matches!(reply.answer, Answer::Held(_)), "{reply:?}");
        self.approve(exchange, &id, "ada", "administrator");
        self.approve(exchange, &id, "bea", "administrator");
        id
    }

    /// Bootstraps an exchange and enrols all people.
    pub(crate) fn settle(&mut self, exchange: &mut Exchange) {
        exchange.told(bootstrap(exchange.at));
        for (name, roles) in PEOPLE {
            self.enrol(exchange, name, roles);
        }
    }
}

fn sign(draft: &Draft) -> Proof {
    let decision = match draft.decision {
        Decision::Approve => approval::Decision::Approve,
        Decision::Reject => approval::Decision::Reject,
    };
    let challenge = approval::challenge(
        &Digest::from_bytes(draft.command),
        &draft.nonce,
        &draft.approver,
        &draft.role,
        decision,
        draft.expires,
    );
    let client_data = client_data_text(challenge.expect("short names").as_bytes(), &draft.origin);
    let client_data_json = format!("{client_data}{}", draft.tail).into_bytes();
    let authenticator_data = authenticator_data(&draft.site, draft.flags, draft.counter);
    let mut message = authenticator_data.clone();
    message.extend(Digest::of(&client_data_json).as_bytes());
    let key = key(&draft.signer);
    Proof {
        credential: draft.credential.clone(),
        authenticator_data,
        client_data_json,
        signature: key.sign(&message).to_bytes().to_vec(),
        nonce: draft.nonce,
        issued: draft.issued,
        expires: draft.expires,
        role: draft.role.clone(),
        decision: draft.decision,
    }
}

/// What is wrong with a proof, by the word that a table of refusals uses.
pub(crate) fn spoil(draft: &mut Draft, wrong: &str) {
    match wrong {
        "" => {}
        "tail" => draft.tail = "x",
        "unknown" => draft.credential = vec![1],
        "other" => draft.credential = credential("rob").id,
        "old" => draft.expires = draft.issued - 1,
        "command" => draft.command = [9; 32],
        "origin" => draft.origin = "https://elsewhere.example".into(),
        "site" => draft.site = "elsewhere.example".into(),
        "unseen" => draft.flags = UP,
        "copyable" => draft.flags = UP | UV | keepwhole_verify::webauthn::BE,
        "forged" => draft.signer = "a thief".into(),
        "console" => {
            draft.site = CONSOLE.into();
            draft.origin = format!("https://{CONSOLE}");
        }
        "counter" => draft.counter -= 1,
        other => panic!("no way to spoil a proof is called `{other}`"),
    }
}

/// An exchange under the policy of the tests, with authority bootstrapped and everybody enrolled.
pub(crate) fn staffed() -> (Exchange, Staff) {
    let mut exchange = Exchange::new();
    let mut staff = Staff::default();
    staff.settle(&mut exchange);
    assert!(exchange.at > START);
    (exchange, staff)
}
