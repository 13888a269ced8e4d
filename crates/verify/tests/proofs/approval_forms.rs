//! The written forms of commands, challenges, approvals files and rosters: published vectors, one form each.

use keepwhole_verify::approval::{self, Approval, ApprovalsFile, Command, Decision, Seen, check};
use keepwhole_verify::digest::Digest;
use keepwhole_verify::roster::Roster;
use keepwhole_verify::words::{phrase, words};
use proptest::prelude::*;

use crate::authenticator::{command, devices, draft, intent, roster};

use crate::approvals::{answer, good, rules, sites};

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

/// docs/approvals.md, "Command".
#[test]
fn published_command() {
    assert_eq!(
        command().to_text(),
        r#"{"action":"withdraw","amount":"1250000000000000000","asset":"eip155:1/slip44:60","dest":"0x00000000219ab540356cbb839cbe05303d7705fa","expires":"1795000000","id":"w-1","max_fee":"2000000000000000","memo":"","network":"eip155:1","policy":"3333333333333333333333333333333333333333333333333333333333333333","proposer":"eve","wallet":"hot-1"}"#
    );
    assert_eq!(
        command().digest().to_hex(),
        "4904fefbfee26892bce604e7b1ffbaea586892a15beec2ec2d85e3cec7caefc8"
    );
    assert_eq!(Command::read(&command().to_text()).unwrap(), command());
    assert_eq!(command().intent(), Some(intent()));
}

/// docs/approvals.md, "Vector": roster and file lie in the corpus of the fuzz targets and were checked by other programs too.
#[test]
fn published_file() {
    let [ana, bo, ..] = devices();
    let made = good(&[draft(&ana, "risk", 60), draft(&bo, "treasury", 120)]);
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../targets/corpus");
    let read = |path: &str, made: String| {
        if std::env::var_os("KEEPWHOLE_WRITE_VECTORS").is_some() {
            std::fs::write(corpus.join(path), made).unwrap();
        }
        std::fs::read_to_string(corpus.join(path)).unwrap()
    };
    let file = read("approvals_file/good-two-people", made.to_text());
    let people = read("roster/good-five-people", roster().to_text());
    assert_eq!(file, made.to_text());
    assert_eq!(people, roster().to_text());
    let (file, people) = (
        ApprovalsFile::read(&file).unwrap(),
        Roster::read(&people).unwrap(),
    );
    assert_eq!((&file, &people), (&made, &roster()));
    assert!(check(&file, &people, &rules(&sites()), &mut Seen::default()).is_ok());
}

#[test]
fn files_and_rosters_have_one_form() {
    let [ana, bo, ..] = devices();
    let file = good(&[draft(&ana, "risk", 60), draft(&bo, "treasury", 120)]).to_text();
    let other: serde_json::Value = serde_json::from_str(&file).unwrap();
    assert_eq!(serde_jcs::to_string(&other).unwrap(), file);
    let approver = r#""approver":"ana""#;
    for (from, to, says) in [
        (
            "approvals/v1",
            "approvals/v2",
            "must be `keepwhole/approvals/v1`",
        ),
        (
            r#""decision":"approve""#,
            r#""decision":"yes""#,
            "must be `approve` or `reject`",
        ),
        (r#""n":2"#, r#""n":0"#, "is not within 1 to 64"),
        (r#""n":2"#, r#""n":"2""#, "must be an integer"),
        (
            r#"["risk","treasury"]"#,
            r#"["treasury","risk"]"#,
            "in ascending order",
        ),
        (
            r#"["risk","treasury"]"#,
            r#"["risk","risk"]"#,
            "in ascending order",
        ),
        (r#""index":500"#, r#""index":9007199254740992"#, "2^53"),
        (approver, r#""approver":"""#, "is empty"),
        (
            approver,
            r#""approver":"ana","approves":"x""#,
            "`approvals.approvals[0].approves`: is not a field",
        ),
        (
            r#""authenticator_data":""#,
            r#""authenticator_data":"="#,
            "base64url without padding",
        ),
        (r#"\"id\":\"w-1\","#, "", "`command.id`: is missing"),
        (
            r#"\"id\":\"w-1\""#,
            r#"\"id\":1"#,
            "`command.id`: must be a text",
        ),
        (
            r#"\"memo\":\"\","#,
            r#"\"memo\":\"\",\"more\":\"x\","#,
            "`command.more`: is not a field",
        ),
        (
            r#"\"policy\":\"33"#,
            r#"\"policy\":\"3"#,
            "32 bytes in lower-case hex",
        ),
    ] {
        let text = file.replacen(from, to, 1);
        assert_ne!(text, file, "`{from}` is not in the text");
        let error = ApprovalsFile::read(&text).unwrap_err().to_string();
        assert!(error.contains(says), "{from} -> {to}: {error}");
    }
    let people = roster().to_text();
    let other: serde_json::Value = serde_json::from_str(&people).unwrap();
    assert_eq!(serde_jcs::to_string(&other).unwrap(), people);
    for (from, to, says) in [
        (r#""id":"bo""#, r#""id":"aaa""#, "must ascend by `id`"),
        (r#""id":"bo""#, r#""id":"ana""#, "must ascend by `id`"),
        (r#""from":100"#, r#""from":-1"#, "not a JSON value"),
        (
            r#""until":900"#,
            r#""until":100"#,
            "`until` is not above its `from`",
        ),
        (r#""until":900"#, r#""until":"900""#, "must be an integer"),
        (
            r#","until":null"#,
            "",
            "`roster.people[0].credentials[0].until`: is missing",
        ),
        ("pQECAyYgASFY", "pQECAyggASFY", "algorithm `-9`"),
        ("pAEBAycgBiFY", "pAEBAzIgBiFY", "algorithm `-19`"),
        (r#""version":3"#, r#""version":"3""#, "must be an integer"),
    ] {
        let text = people.replacen(from, to, 1);
        assert_ne!(text, people, "`{from}` is not in the text");
        let error = Roster::read(&text).unwrap_err().to_string();
        assert!(error.contains(says), "{from} -> {to}: {error}");
    }
    let mut twice = roster();
    let credential = twice.people[0].credentials[0].clone();
    twice.people[1].credentials.push(credential.clone());
    assert!(twice.check().is_err(), "one credential of two people");
    twice.people[1].credentials[1].id = b"another id".to_vec();
    assert!(twice.check().is_err(), "one key of two people");
    twice.people[1].credentials.pop();
    twice.people.reverse();
    assert_eq!(
        Roster::read(&twice.to_text()).unwrap(),
        roster(),
        "written in order"
    );
}

proptest! {
    /// Whatever bit of a canonical file changes: it is not read, or refused, or changes nothing that was decided.
    #[test]
    fn no_bit_of_a_file_may_flip(bit: usize) {
        let [ana, bo, ..] = devices();
        let good = good(&[draft(&ana, "risk", 60), draft(&bo, "treasury", 120)]);
        let mut bytes = good.to_text().into_bytes();
        let place = bit / 8 % bytes.len();
        bytes[place] ^= 1 << (bit % 8);
        let changed = String::from_utf8(bytes).ok().and_then(|text| ApprovalsFile::read(&text).ok());
        if let Some(changed) = changed {
            // These six are the journal's word, not the approvers': docs/approvals.md, "What an approver signs".
            let mut same = changed.clone();
            same.index = good.index;
            same.proposal.clone_from(&good.proposal);
            same.proposed_at = good.proposed_at;
            same.quorum = good.quorum.clone();
            for (new, old) in same.approvals.iter_mut().zip(&good.approvals) {
                (new.issued, new.received) = (old.issued, old.received);
            }
            let signed = |file: &ApprovalsFile| -> (Command, Vec<Approval>) {
                (file.command.clone(), file.approvals.clone())
            };
            prop_assert!(
                answer(&changed) != (None, "granted") || signed(&same) == signed(&good),
                "{}", changed.to_text()
            );
        }
    }
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
