//! People with keys for the tests of the real program: a software authenticator each, and an exchange whose bootstrap is over.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use keepwhole::installation::Installation;
use keepwhole_core::answer::Answer as Verdict;
use keepwhole_core::authority::binding;
use keepwhole_core::authority::class::Class;
use keepwhole_core::authority::command::AuthorityCommand;
use keepwhole_core::authority::credential::{DeviceKind, Enrolment, NewCredential};
use keepwhole_core::authority::rules::{RelyingParty, Rules};
use keepwhole_core::command::{Body, Command as Told};
use keepwhole_core::guard::Change;
use keepwhole_core::state::State;
use keepwhole_verify::approval::{Approval, Command, Decision};
use keepwhole_verify::digest::Digest;
use keepwhole_verify::webauthn::{
    Assertion, PublicKey, UP, UV, authenticator_data, client_data_text,
};
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// The approver client's own site.
pub(crate) const SITE: &str = "approver.exchange.example";

fn key(name: &str) -> SigningKey {
    SigningKey::from_bytes(Digest::of(name.as_bytes()).as_bytes())
}

fn id(name: &str) -> Vec<u8> {
    Digest::of(format!("id of {name}").as_bytes()).as_bytes()[..16].to_vec()
}

/// What a person enrols.
pub(crate) fn credential(name: &str) -> NewCredential {
    NewCredential {
        id: id(name),
        public_key: PublicKey::Ed25519(key(name).verifying_key().to_bytes()).to_cose(),
        kind: if name.starts_with("seal-") {
            DeviceKind::Sealed
        } else {
            DeviceKind::SecurityKey
        },
        device_bound: true,
    }
}

/// The same as a file; its name.
pub(crate) fn credential_file(dir: &Path, name: &str) -> String {
    let credential = credential(name);
    let file = format!("{name}.json");
    let text = format!(
        r#"{{"type":"keepwhole/credential/v1","id":"{}","public_key":"{}","kind":"security_key","device_bound":true}}"#,
        URL_SAFE_NO_PAD.encode(credential.id),
        URL_SAFE_NO_PAD.encode(credential.public_key)
    );
    fs::write(dir.join(&file), text).unwrap();
    file
}

pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs()
}

/// Who answers what, in which role, and what of it is not as it should be.
pub(crate) struct Answer<'a> {
    pub(crate) command: &'a Command,
    pub(crate) person: &'a str,
    /// Whose authenticator makes it.
    pub(crate) key: &'a str,
    pub(crate) role: &'a str,
    pub(crate) counter: u32,
    pub(crate) site: &'a str,
    pub(crate) issued: u64,
    pub(crate) decision: Decision,
}

impl<'a> Answer<'a> {
    /// A true one.
    pub(crate) fn yes(
        command: &'a Command,
        (person, role): (&'a str, &'a str),
        counter: u32,
    ) -> Self {
        Self {
            command,
            person,
            key: person,
            role,
            counter,
            site: SITE,
            issued: now(),
            decision: Decision::Approve,
        }
    }

    /// What the approver client does: makes the challenge from the command, and signs it.
    pub(crate) fn text(&self) -> String {
        let nonce = format!(
            "{} {} {}",
            self.command.digest().to_hex(),
            self.key,
            self.counter
        );
        let mut approval = Approval {
            approver: self.person.into(),
            assertion: Assertion {
                authenticator_data: authenticator_data(self.site, UP | UV, self.counter),
                client_data_json: Vec::new(),
                signature: Vec::new(),
            },
            credential_id: id(self.key),
            decision: self.decision,
            expires: self.issued + 600,
            issued: self.issued,
            nonce: Digest::of(nonce.as_bytes()).as_bytes()[..16]
                .try_into()
                .unwrap(),
            received: self.issued,
            role: self.role.into(),
        };
        let challenge = approval.challenge(&self.command.digest()).unwrap();
        let client_data = client_data_text(challenge.as_bytes(), &format!("https://{}", self.site));
        approval.assertion.client_data_json = client_data.into_bytes();
        let mut message = approval.assertion.authenticator_data.clone();
        message.extend(Digest::of(&approval.assertion.client_data_json).as_bytes());
        approval.assertion.signature = key(self.key).sign(&message).to_bytes().to_vec();
        approval.to_text()
    }
}

/// Where everybody approves: with the approver client alone.
fn site() -> RelyingParty {
    RelyingParty {
        id: SITE.into(),
        origins: vec![format!("https://{SITE}")],
        separate: true,
    }
}

/// Rules of which three administrators alone can fill every class.
fn few_rules() -> Rules {
    let mut rules = Rules::usual(vec![site()]);
    let wanted = [
        Class::Withdrawal,
        Class::Credit,
        Class::LowerRisk,
        Class::LiftStop,
        Class::RosterChange,
    ];
    rules
        .quorums
        .retain(|quorum| wanted.contains(&quorum.class));
    for quorum in &mut rules.quorums {
        if quorum.class == Class::RosterChange {
            quorum.required.clear();
        }
    }
    rules
}

fn enrolment(account: &str, person: &str, roles: &[&str], until: u64) -> Enrolment {
    Enrolment {
        actor: account.into(),
        person: person.into(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        expires: until,
        credentials: vec![credential(account)],
    }
}

/// Bootstraps the installation `ex`: `ada` for risk, `bea` for treasury, `cem` for both.
pub(crate) fn bootstrap(dir: &Path) {
    bootstrap_under(dir, few_rules());
}

/// The same, and custody changes by all three at once, in three roles.
pub(crate) fn bootstrap_for_custody(dir: &Path) {
    let mut rules = few_rules();
    let usual = Rules::usual(vec![site()]).quorums;
    let custody = usual
        .into_iter()
        .find(|quorum| quorum.class == Class::CustodyChange);
    let mut custody = custody.unwrap();
    custody.persons = 3;
    custody.of = 3;
    custody.among = ["administrator", "risk", "treasury"].map(Into::into).into();
    custody.cool_off_ms = 0;
    rules.quorums.push(custody);
    bootstrap_under(dir, rules);
}

fn bootstrap_under(dir: &Path, rules: Rules) {
    let people: [(&str, &[&str]); 3] = [
        ("ada", &["administrator", "risk"]),
        ("bea", &["administrator", "treasury"]),
        ("cem", &["administrator", "risk", "treasury"]),
    ];
    let at = now() * 1_000;
    let mut office = Office::open(dir, at);
    office.begin(rules, people.map(|(name, roles)| (name, name, roles)));
    office.close();
}

/// An installation that this test writes into by itself, at times of its own.
pub(crate) struct Office {
    made: Installation,
    pub(crate) at: u64,
}

impl Office {
    pub(crate) fn open(dir: &Path, at: u64) -> Self {
        let made = Installation::open(&dir.join("ex")).unwrap();
        Self {
            at: at.max(made.sequencer.state().at),
            made,
        }
    }

    pub(crate) fn close(mut self) {
        self.made.publish().unwrap();
    }

    pub(crate) fn state(&self) -> &State {
        self.made.sequencer.state()
    }

    /// Lets time pass, and what is due happen.
    pub(crate) fn pass(&mut self, ms: u64) {
        self.at += ms;
        self.ask(None, None, Body::ObserveTime);
    }

    pub(crate) fn ask(&mut self, id: Option<&str>, actor: Option<&str>, body: Body) -> Verdict {
        self.at += 1;
        let command = Told {
            id: id.map(ToOwned::to_owned),
            actor: actor.map(ToOwned::to_owned),
            body,
        };
        let replies = self.made.sequencer.turn(self.at, &[command]).unwrap();
        replies[0].answer.clone()
    }

    /// Tells what must be recorded.
    pub(crate) fn tell(&mut self, body: Body) {
        let id = format!("told-{}", self.state().position);
        let answer = self.ask(Some(&id), None, body);
        assert!(answer.reason().is_none(), "{answer:?}");
    }

    pub(crate) fn begin(&mut self, rules: Rules, people: [(&str, &str, &[&str]); 3]) {
        let until = self.at + 80 * DAY;
        let administrators =
            people.map(|(account, person, roles)| enrolment(account, person, roles, until));
        self.tell(Body::OfAuthority(AuthorityCommand::Bootstrap {
            rules: Box::new(rules),
            administrators: administrators.into(),
        }));
    }

    pub(crate) fn propose(&mut self, id: &str, by: &str, change: Change) -> Verdict {
        self.ask(Some(id), Some(by), Body::ProposeChange(change))
    }

    /// The exact command that an approval of it binds.
    pub(crate) fn command(&self, id: &str) -> Command {
        let state = self.state();
        let request = state.guard.request(id);
        let of = match request {
            Some((number, _)) => binding::of_made(state, number),
            None => {
                let proposal = state.guard.proposal(id);
                binding::of_proposed(state, proposal.expect("it was proposed").0)
            }
        };
        Command::read(&of.unwrap().to_text()).unwrap()
    }

    /// The person's own answer, with the authenticator of this account.
    pub(crate) fn approve(
        &mut self,
        id: &str,
        (account, person): (&str, &str),
        role: &str,
    ) -> Verdict {
        let command = self.command(id);
        let known = self.state().authority.credential(&self::id(account));
        let counter = known.map_or(0, |(_, credential)| credential.counter) + 1;
        let yes = Answer {
            key: account,
            issued: self.at / 1_000,
            ..Answer::yes(&command, (person, role), counter)
        };
        let (_, proof) = keepwhole::authority::proof(&yes.text()).unwrap();
        let body = Body::OfAuthority(AuthorityCommand::Decide {
            target: id.to_owned(),
            proof: Box::new(proof),
        });
        self.ask(None, Some(account), body)
    }

    /// What two administrators do while the bootstrap lasts; in force at once.
    pub(crate) fn settle(&mut self, id: &str, change: Change) {
        self.propose(id, "bea", change);
        for name in ["bea", "cem"] {
            let answer = self.approve(id, (name, name), "administrator");
            assert_eq!(answer, Verdict::Recorded, "{id}");
        }
    }

    pub(crate) fn enrol(&mut self, (account, person): (&str, &str), roles: &[&str]) {
        let new = enrolment(account, person, roles, self.at + 80 * DAY);
        let id = format!("enrol-{account}");
        self.settle(&id, Change::EnrolPerson(Box::new(new)));
        assert!(self.state().registry.actor(account).is_some(), "{account}");
    }
}

pub(crate) const DAY: u64 = 86_400_000;

/// Everybody whom the usual quorums need beside the administrators.
const PEOPLE: &[(&str, &[&str])] = &[
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

/// Bootstraps with the usual quorums and everybody they need. `ada` is an administrator, and has a second account,
/// `ada-2`, with every other role that there is: as much as one person can have.
pub(crate) fn whole_staff(office: &mut Office, before_the_end: impl FnOnce(&mut Office)) {
    let mut rules = Rules::usual(vec![site()]);
    rules.findings.usual_minutes = (0, 0);
    let administrators = ["ada", "bea", "cem"];
    office.begin(
        rules,
        administrators.map(|name| (name, name, &["administrator"][..])),
    );
    before_the_end(office);
    let all = [
        "risk",
        "treasury",
        "finance",
        "legal",
        "operations",
        "privacy",
        "security",
        "executive",
    ];
    office.enrol(("ada-2", "ada"), &all);
    for (name, roles) in PEOPLE {
        office.enrol((name, name), roles);
    }
    office.pass(1_000);
    assert!(office.state().authority.completed.is_some());
}
