//! Trust policies: thresholds in groups of groups, and a line number for everything that is wrong.

use crate::note::signer;
use keepwhole_verify::checkpoint::{Checkpoint, CheckpointError};
use keepwhole_verify::cosignature::Witness;
use keepwhole_verify::digest::Digest;
use keepwhole_verify::note::{NoteError, NoteSigner as _};
use keepwhole_verify::policy::{Fault, Policy, PolicyError};

const ORIGIN: &str = "exchange.example/keepwhole";

fn witness(number: u8) -> Witness {
    Witness::new(&format!("w{number}.example"), &[100 + number; 32]).unwrap()
}

/// X: two of three; Y: any of three; quorum: both.
fn text() -> String {
    let mut text = format!(
        "# who we trust\n\n log\t{} https://log.example/\n",
        signer(ORIGIN, 1).key()
    );
    for number in 1..=6 {
        text += &format!("witness W{number} {}\n", witness(number).key());
    }
    text + "group X 2 W1 W2 W3\ngroup Y any W4 W5 W6\n  group both all X Y\nquorum both\n"
}

fn cosigned(numbers: &[u8]) -> String {
    let checkpoint = Checkpoint::new(ORIGIN, 5, Digest::of(b"root")).unwrap();
    let mut note = checkpoint.sign(&[&signer(ORIGIN, 1)]).unwrap();
    for number in numbers {
        note.add(witness(*number).cosign(1_700_000_000, &checkpoint.to_text()));
    }
    note.to_string()
}

#[test]
fn exactly_the_right_sets_of_witnesses_reach_the_quorum() {
    let policy = Policy::parse(&text()).unwrap();
    assert_eq!(
        (
            policy.logs().len(),
            policy.witnesses().count(),
            policy.keys().len()
        ),
        (1, 6, 7)
    );
    assert_eq!(
        policy.logs()[0].url.as_deref(),
        Some("https://log.example/")
    );
    for set in 0_u8..64 {
        let numbers: Vec<u8> = (1..=6)
            .filter(|number| set >> (number - 1) & 1 == 1)
            .collect();
        let x = numbers.iter().filter(|number| **number <= 3).count();
        let y = numbers.iter().filter(|number| **number > 3).count();
        let answer = policy.verify(cosigned(&numbers).as_bytes());
        if x >= 2 && y >= 1 {
            assert_eq!(answer.unwrap().1.signed.len(), numbers.len() + 1);
        } else {
            let cosigned = numbers.iter().map(|number| format!("W{number}")).collect();
            assert_eq!(
                answer.unwrap_err(),
                PolicyError::QuorumNotReached {
                    cosigned,
                    quorum: "both".to_owned()
                }
            );
        }
    }
}

#[test]
fn one_witness_many_times_is_one_witness() {
    let policy = Policy::parse(&text()).unwrap();
    assert!(policy.verify(cosigned(&[1, 1, 1, 4]).as_bytes()).is_err());
}

#[test]
fn a_policy_may_require_no_witness_but_never_no_log() {
    let policy = Policy::parse(&format!("log {}\nquorum none\n", signer(ORIGIN, 1).key())).unwrap();
    assert!(policy.requires_no_witness());
    assert_eq!(policy, Policy::of_log(signer(ORIGIN, 1).key().clone()));
    assert!(policy.verify(cosigned(&[]).as_bytes()).is_ok());
    let other = Policy::of_log(signer(ORIGIN, 9).key().clone());
    let refused = PolicyError::Checkpoint(CheckpointError::Note(NoteError::NoKnownSignature));
    assert_eq!(
        other.verify(cosigned(&[1, 2, 4]).as_bytes()).unwrap_err(),
        refused
    );
    let no_log = Policy::parse(&format!("witness W1 {}\nquorum W1\n", witness(1).key())).unwrap();
    assert!(matches!(
        no_log.verify(cosigned(&[1]).as_bytes()),
        Err(PolicyError::Checkpoint(CheckpointError::NotSignedByLog(_)))
    ));
}

#[test]
fn every_wrong_line_is_named() {
    let (log, w1, w2) = (signer(ORIGIN, 1), witness(1), witness(2));
    let (log, w1, w2) = (log.key(), w1.key(), w2.key());
    let two = format!("witness W1 {w1}\nwitness W2 {w2}\n");
    let name = |name: &str| name.to_owned();
    let table = [
        ("logs\n".to_owned(), 1, Fault::Keyword(name("logs"))),
        ("log\n".to_owned(), 1, Fault::Words),
        (format!("log {log} url more\n"), 1, Fault::Words),
        ("quorum a b\n".to_owned(), 1, Fault::Words),
        (format!("{two}group G 1\n"), 3, Fault::Words),
        (
            "log x\n".to_owned(),
            1,
            Fault::Key(NoteError::MalformedKey(name("x"))),
        ),
        (format!("log {w1}\n"), 1, Fault::KeyKind),
        (format!("witness W {log}\n"), 1, Fault::KeyKind),
        (format!("log {log}\nlog {log}\n"), 2, Fault::DuplicateKey),
        (
            format!("witness A {w1}\nwitness B {w1}\n"),
            2,
            Fault::DuplicateKey,
        ),
        (
            format!("witness A {w1}\nwitness A {w2}\n"),
            2,
            Fault::DuplicateName(name("A")),
        ),
        (
            format!("witness none {w1}\n"),
            1,
            Fault::DuplicateName(name("none")),
        ),
        (
            format!("{two}group W1 any W2\n"),
            3,
            Fault::DuplicateName(name("W1")),
        ),
        (
            format!("{two}group G any G\n"),
            3,
            Fault::UnknownName(name("G")),
        ),
        (
            format!("{two}group G any none\n"),
            3,
            Fault::UnknownName(name("none")),
        ),
        (
            "quorum later\n".to_owned(),
            1,
            Fault::UnknownName(name("later")),
        ),
        (
            format!("{two}group G any W1\ngroup F any W1\n"),
            4,
            Fault::MemberTwice(name("W1")),
        ),
        (
            format!("{two}group G any W1 W1\n"),
            3,
            Fault::MemberTwice(name("W1")),
        ),
        (
            format!("{two}group G 0 W1 W2\n"),
            3,
            Fault::Threshold(name("0")),
        ),
        (
            format!("{two}group G 3 W1 W2\n"),
            3,
            Fault::Threshold(name("3")),
        ),
        (
            format!("{two}group G 01 W1 W2\n"),
            3,
            Fault::Threshold(name("01")),
        ),
        (
            format!("{two}group G some W1 W2\n"),
            3,
            Fault::Threshold(name("some")),
        ),
        (
            "quorum none\nquorum none\n".to_owned(),
            2,
            Fault::SecondQuorum,
        ),
        ("quorum none\r\n".to_owned(), 1, Fault::ControlCharacter),
        ("# \u{7f}\n".to_owned(), 1, Fault::ControlCharacter),
    ];
    for (text, line, fault) in table {
        assert_eq!(
            Policy::parse(&text),
            Err(PolicyError::Line { line, fault }),
            "{text}"
        );
    }
    assert_eq!(Policy::parse("# nothing\n"), Err(PolicyError::NoQuorum));
}
