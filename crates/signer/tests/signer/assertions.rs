//! Approvers with keys of both kinds.

use ed25519_dalek::Signer as _;
use keepwhole_verify::Digest;
use keepwhole_verify::approval::{Approval, ApprovalsFile, Command, Decision, Quorum, challenge};
use keepwhole_verify::cose::der_signature;
use keepwhole_verify::intent::Intent;
use keepwhole_verify::webauthn::{
    Assertion, PublicKey, UP, UV, authenticator_data, client_data_text,
};

/// The page of the guard.
pub(crate) const PAGE: (&str, &str) = ("exchange.example", "https://keepwhole.exchange.example");
/// The approvers' own program.
pub(crate) const CLIENT: (&str, &str) = ("approver.example", "https://approver.example");

/// A key in somebody's hand.
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

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Es256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                let bytes = signature.to_bytes();
                let (r, s) = bytes.split_at(32);
                der_signature(r.try_into().unwrap(), s.try_into().unwrap())
            }
            Self::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
        }
    }
}

/// A person with one authenticator, used in one program.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) id: &'static str,
    pub(crate) roles: &'static [&'static str],
    pub(crate) key: Key,
}

/// `ana` (risk), `bo` (treasury), `cy` (risk and treasury), `pat` (proposes; risk).
pub(crate) fn people() -> [Person; 4] {
    let person = |id, roles, key| Person { id, roles, key };
    [
        person("ana", &["risk"], Key::es256(11)),
        person("bo", &["treasury"], Key::ed25519(12)),
        person("cy", &["risk", "treasury"], Key::es256(13)),
        person("pat", &["risk"], Key::ed25519(14)),
    ]
}

pub(crate) fn person(id: &str) -> Person {
    people().into_iter().find(|person| person.id == id).unwrap()
}

impl Person {
    pub(crate) fn credential(&self) -> Vec<u8> {
        format!("credential of {}", self.id).into_bytes()
    }

    /// Touches the authenticator at `at`.
    pub(crate) fn answers(
        &self,
        command: &Digest,
        role: &str,
        decision: Decision,
        at: u64,
        program: (&str, &str),
    ) -> Approval {
        let (rp_id, origin) = program;
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&at.to_be_bytes());
        nonce[8] = self.id.as_bytes()[0];
        nonce[9] = role.as_bytes()[0];
        let expires = at + 600;
        let challenge = challenge(command, &nonce, self.id, role, decision, expires).unwrap();
        let client_data_json = client_data_text(challenge.as_bytes(), origin).into_bytes();
        let authenticator_data = authenticator_data(rp_id, UP | UV, 0);
        let mut message = authenticator_data.clone();
        message.extend(Digest::of(&client_data_json).as_bytes());
        Approval {
            approver: self.id.to_owned(),
            assertion: Assertion {
                signature: self.key.sign(&message),
                authenticator_data,
                client_data_json,
            },
            credential_id: self.credential(),
            decision,
            expires,
            issued: at,
            nonce,
            received: at,
            role: role.to_owned(),
        }
    }
}

/// The command that `pat` proposes for an intent.
pub(crate) fn command(intent: &Intent) -> Command {
    Command::withdraw(intent, "pat", Digest::from_bytes([0x33; 32])).unwrap()
}

/// A file of approvals of an intent by these people in these roles.
pub(crate) fn file(
    intent: &Intent,
    voices: &[(&str, &str)],
    at: u64,
    program: (&str, &str),
) -> ApprovalsFile {
    let command = command(intent);
    let digest = command.digest();
    let answer = |(id, role): &(&str, &str)| {
        person(id).answers(&digest, role, Decision::Approve, at, program)
    };
    ApprovalsFile {
        approvals: voices.iter().map(answer).collect(),
        command,
        index: 7,
        proposal: intent.id.clone(),
        proposed_at: at,
        quorum: quorum(),
    }
}

/// Two people, risk and treasury.
pub(crate) fn quorum() -> Quorum {
    let roles = ["risk", "treasury"];
    Quorum {
        n: 2,
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
    }
}
