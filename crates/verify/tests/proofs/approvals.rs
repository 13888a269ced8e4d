//! Approvals of a proposal: who may, when, how many; one that does not hold fails the file.

use keepwhole_verify::approval::{self, Decision, Rules, Seen, check};
use keepwhole_verify::digest::Digest;
use keepwhole_verify::words::{phrase, words};

use crate::authenticator::{ORIGIN, RP_ID, command, devices, draft, file, roster};

/// docs/approvals.md, "Challenge": zero nonce, `approver-7`, `risk`, `approve`, 1795000000 and the command of the vector.
#[test]
fn published_challenge() {
    let command =
        Digest::from_hex("6834c26683e8aa4407eb17e0a99320d6227030984f0c5586eb80536431ff96c2")
            .unwrap();
    let challenge = approval::challenge(
        &command,
        &[0; 16],
        "approver-7",
        "risk",
        Decision::Approve,
        1_795_000_000,
    )
    .unwrap();
    assert_eq!(
        keepwhole_verify::webauthn::challenge_text(challenge.as_bytes()),
        "eguIamebPhSvDtXz3FrEXSrn_pXsF6hdjJcVvNgQyOo"
    );
}

#[test]
fn two_people_of_two_roles_suffice() {
    let [ana, bo, ..] = devices();
    let command = command();
    let file = file(
        command.clone(),
        vec![
            draft(&ana, "risk", 60).signed(&command),
            draft(&bo, "treasury", 120).signed(&command),
        ],
    );
    let (rp_ids, origins) = ([RP_ID.to_owned()], [ORIGIN.to_owned()]);
    let rules = Rules {
        rp_ids: &rp_ids,
        origins: &origins,
        least: None,
        administrative: false,
        timing: None,
    };
    let granted = check(&file, &roster(), &rules, &mut Seen::default()).unwrap();
    assert_eq!(granted.digest, command.digest());
    assert_eq!(granted.voices.len(), 2);
}

#[test]
fn six_words() {
    // The list of BIP 39: SHA-256 and both ends.
    let list = include_str!("../../data/bip39-english.txt");
    assert_eq!(
        Digest::of(list.as_bytes()).to_hex(),
        "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda"
    );
    assert_eq!(words(&Digest::from_bytes([0; 32])), ["abandon"; 6]);
    assert_eq!(words(&Digest::from_bytes([0xff; 32])), ["zoo"; 6]);
    let digest =
        Digest::from_hex("6834c26683e8aa4407eb17e0a99320d6227030984f0c5586eb80536431ff96c2")
            .unwrap();
    assert_eq!(phrase(&digest), "habit plastic often amazing melt capital");
}
