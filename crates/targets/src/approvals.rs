//! Targets over what moves money: intents, clearances, rosters, approvals and the assertions in them.

use keepwhole_verify::approval::{Approval, ApprovalsFile, Command, Rules, Seen, check};
use keepwhole_verify::clearance::{Clearance, Redemption};
use keepwhole_verify::digest::Digest;
use keepwhole_verify::intent::Intent;
use keepwhole_verify::roster::Roster;
use keepwhole_verify::webauthn::{Expected, PublicKey, verify};

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

pub(crate) fn intent(bytes: &[u8]) -> bool {
    let Some(given) = text(bytes) else {
        return false;
    };
    let Ok(intent) = Intent::read(given) else {
        return false;
    };
    assert_eq!(intent.to_text(), given, "two forms of one intent");
    assert!(intent.check().is_ok());
    let command = Command::withdraw(&intent, "proposer", Digest::of(b""));
    let again = command.ok().and_then(|command| command.intent());
    assert_eq!(again, Some(intent), "a command that loses its intent");
    true
}

pub(crate) fn clearance(bytes: &[u8]) -> bool {
    let Some(given) = text(bytes) else {
        return false;
    };
    let Ok(read) = Clearance::read(given) else {
        return false;
    };
    assert_eq!(read.to_text(), given, "two forms of one clearance");
    true
}

pub(crate) fn redemption(bytes: &[u8]) -> bool {
    let Some(given) = text(bytes) else {
        return false;
    };
    let Ok(read) = Redemption::read(given) else {
        return false;
    };
    assert_eq!(read.to_text(), given, "two forms of one redemption");
    true
}

pub(crate) fn roster(bytes: &[u8]) -> bool {
    let Some(given) = text(bytes) else {
        return false;
    };
    let Ok(read) = Roster::read(given) else {
        return false;
    };
    assert_eq!(read.to_text(), given, "two forms of one roster");
    assert!(read.check().is_ok());
    true
}

pub(crate) fn cose_key(bytes: &[u8]) -> bool {
    let Ok(key) = PublicKey::from_cose(bytes) else {
        return false;
    };
    assert_eq!(key.to_cose(), bytes, "two forms of one key");
    assert!(key.verify(b"", &[0x30; 64]).is_err());
    true
}

/// The roster, the relying party and the command of the vector in docs/approvals.md.
const ROSTER: &str = include_str!("../corpus/roster/good-five-people");
const FILE: &str = include_str!("../corpus/approvals_file/good-two-people");
const RP_ID: &str = "approve.exchange.example";
const ORIGIN: &str = "https://approve.exchange.example";

pub(crate) fn approvals_file(bytes: &[u8]) -> bool {
    let Some(given) = text(bytes) else {
        return false;
    };
    let (Ok(file), Ok(roster), Ok(good)) = (
        ApprovalsFile::read(given),
        Roster::read(ROSTER),
        ApprovalsFile::read(FILE),
    ) else {
        return false;
    };
    assert_eq!(file.to_text(), given, "two forms of one file");
    let (rp_ids, origins) = ([RP_ID.to_owned()], [ORIGIN.to_owned()]);
    let rules = Rules {
        rp_ids: &rp_ids,
        origins: &origins,
        least: Some(&good.quorum),
        administrative: false,
        timing: None,
    };
    let Ok(granted) = check(&file, &roster, &rules, &mut Seen::default()) else {
        return false;
    };
    assert_eq!(granted.command, good.command, "nobody approved this");
    true
}

/// Nobody but the two people of the vector signed anything, and each of them one message.
pub(crate) fn assertion(bytes: &[u8]) -> bool {
    let Some(given) = text(bytes) else {
        return false;
    };
    let (Ok(approval), Ok(good)) = (Approval::read(given), ApprovalsFile::read(FILE)) else {
        return false;
    };
    assert_eq!(approval.to_text(), given, "two forms of one approval");
    let Some(challenge) = approval.challenge(&good.command.digest()) else {
        return false;
    };
    let expected = Expected {
        challenge: challenge.as_bytes(),
        rp_ids: &[RP_ID.to_owned()],
        origins: &[ORIGIN.to_owned()],
        device_bound: true,
    };
    let Ok(roster) = Roster::read(ROSTER) else {
        return false;
    };
    let mut taken = false;
    for person in &roster.people {
        for credential in &person.credentials {
            if verify(&approval.assertion, &credential.public_key, &expected).is_ok() {
                let signed = good.approvals.iter().any(|known| {
                    known.assertion.client_data_json == approval.assertion.client_data_json
                        && known.assertion.authenticator_data
                            == approval.assertion.authenticator_data
                });
                assert!(signed, "nobody signed this");
                taken = true;
            }
        }
    }
    taken
}
