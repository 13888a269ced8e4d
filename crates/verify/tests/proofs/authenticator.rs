//! An authenticator for tests: two kinds of keys, every bit of an assertion in the test's hand.

use keepwhole_verify::approval::{self, Approval, ApprovalsFile, Command, Decision};
use keepwhole_verify::cose::der_signature;
use keepwhole_verify::digest::Digest;
use keepwhole_verify::intent::Intent;
use keepwhole_verify::roster::{Credential, Person, Roster};
use keepwhole_verify::webauthn::{
    Assertion, PublicKey, UP, UV, authenticator_data, client_data_text,
};

pub(crate) const RP_ID: &str = "approve.exchange.example";
pub(crate) const ORIGIN: &str = "https://approve.exchange.example";
pub(crate) const PROPOSED_AT: u64 = 1_794_990_000;
pub(crate) const INDEX: u64 = 500;

/// A key that signs.
#[derive(Clone)]
pub(crate) enum Key {
    Es256(p256::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
}

impl Key {
    pub(crate) fn es256(seed: u8) -> Self {
        Self::Es256(p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap())
    }

    pub(crate) fn ed25519(seed: u8) -> Self {
        Self::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[seed; 32]))
    }

    pub(crate) fn public(&self) -> PublicKey {
        match self {
            Self::Es256(key) => {
                let point = key.verifying_key().to_sec1_point(false);
                let point = point.as_bytes();
                PublicKey::Es256 {
                    x: point[1..33].try_into().unwrap(),
                    y: point[33..].try_into().unwrap(),
                }
            }
            Self::Ed25519(key) => PublicKey::Ed25519(key.verifying_key().to_bytes()),
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Es256(key) => {
                use p256::ecdsa::signature::Signer as _;
                let signature: p256::ecdsa::Signature = key.sign(message);
                let bytes = signature.to_bytes();
                let (r, s) = bytes.split_at(32);
                der_signature(r.try_into().unwrap(), s.try_into().unwrap())
            }
            Self::Ed25519(key) => {
                use ed25519_dalek::Signer as _;
                key.sign(message).to_bytes().to_vec()
            }
        }
    }

    /// Signs authenticator data and client data as they are given, right or wrong.
    pub(crate) fn assert(&self, authenticator_data: Vec<u8>, client_data: &str) -> Assertion {
        let client_data_json = client_data.as_bytes().to_vec();
        let mut message = authenticator_data.clone();
        message.extend(Digest::of(&client_data_json).as_bytes());
        Assertion {
            signature: self.sign(&message),
            authenticator_data,
            client_data_json,
        }
    }
}

/// One person of the roster below with her key and the counter it stands at.
#[derive(Clone)]
pub(crate) struct Device {
    pub(crate) person: &'static str,
    pub(crate) key: Key,
    pub(crate) counter: u32,
}

impl Device {
    pub(crate) fn credential_id(&self) -> Vec<u8> {
        format!("credential of {}", self.person).into_bytes()
    }
}

/// Five people: `ana` (risk), `bo` (treasury), `cy` (risk, treasury), `dee` (security, device-bound), `eve` (proposes; risk).
pub(crate) fn devices() -> [Device; 5] {
    let device = |person, key| Device {
        person,
        key,
        counter: 10,
    };
    [
        device("ana", Key::es256(1)),
        device("bo", Key::ed25519(2)),
        device("cy", Key::es256(3)),
        device("dee", Key::ed25519(4)),
        device("eve", Key::es256(5)),
    ]
}

pub(crate) fn roster() -> Roster {
    let roles: [&[&str]; 5] = [
        &["risk"],
        &["treasury"],
        &["risk", "treasury"],
        &["security"],
        &["risk"],
    ];
    let people = devices()
        .into_iter()
        .zip(roles)
        .map(|(device, roles)| Person {
            credentials: vec![Credential {
                from: 100,
                id: device.credential_id(),
                public_key: device.key.public(),
                until: (device.person == "cy").then_some(900),
            }],
            id: device.person.to_owned(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        });
    Roster {
        device_bound_roles: ["security".to_owned()].into(),
        people: people.collect(),
        version: 3,
    }
}

pub(crate) fn intent() -> Intent {
    Intent {
        amount: 1_250_000_000_000_000_000,
        asset: "eip155:1/slip44:60".to_owned(),
        dest: "0x00000000219ab540356cbb839cbe05303d7705fa".to_owned(),
        expires: 1_795_000_000,
        id: "w-1".to_owned(),
        max_fee: 2_000_000_000_000_000,
        memo: String::new(),
        network: "eip155:1".to_owned(),
        wallet: "hot-1".to_owned(),
    }
}

pub(crate) fn command() -> Command {
    Command::withdraw(&intent(), "eve", Digest::from_bytes([0x33; 32])).unwrap()
}

/// What an answer consists of before it is signed.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) device: Device,
    pub(crate) role: &'static str,
    pub(crate) decision: Decision,
    /// Seconds after the proposal.
    pub(crate) issued: u64,
    pub(crate) received: u64,
    pub(crate) expires: u64,
    pub(crate) nonce: [u8; 16],
    pub(crate) flags: u8,
    pub(crate) rp_id: &'static str,
    pub(crate) origin: &'static str,
}

pub(crate) fn draft(device: &Device, role: &'static str, issued: u64) -> Draft {
    let mut nonce = [0; 16];
    nonce[..8].copy_from_slice(&issued.to_be_bytes());
    nonce[8] = device.person.as_bytes()[0];
    Draft {
        device: device.clone(),
        role,
        decision: Decision::Approve,
        issued,
        received: issued + 20,
        expires: issued + 300,
        nonce,
        flags: UP | UV,
        rp_id: RP_ID,
        origin: ORIGIN,
    }
}

impl Draft {
    pub(crate) fn signed(&self, command: &Command) -> Approval {
        let expires = PROPOSED_AT + self.expires;
        let challenge = approval::challenge(
            &command.digest(),
            &self.nonce,
            self.device.person,
            self.role,
            self.decision,
            expires,
        )
        .unwrap();
        let client_data = client_data_text(challenge.as_bytes(), self.origin);
        let data = authenticator_data(self.rp_id, self.flags, self.device.counter);
        Approval {
            approver: self.device.person.to_owned(),
            assertion: self.device.key.assert(data, &client_data),
            credential_id: self.device.credential_id(),
            decision: self.decision,
            expires,
            issued: PROPOSED_AT + self.issued,
            nonce: self.nonce,
            received: PROPOSED_AT + self.received,
            role: self.role.to_owned(),
        }
    }
}

/// A file of `approvals` of the withdrawal above with the quorum of two, risk and treasury.
pub(crate) fn file(command: Command, approvals: Vec<Approval>) -> ApprovalsFile {
    ApprovalsFile {
        approvals,
        command,
        index: INDEX,
        proposal: "p-1".to_owned(),
        proposed_at: PROPOSED_AT,
        quorum: approval::quorum(2, &["risk", "treasury"]).unwrap(),
    }
}
