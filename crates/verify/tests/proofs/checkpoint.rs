//! Checkpoints: three strict lines, signed by the log itself, growing only.

use crate::note::signer;
use crate::tree::{Memory, entries};
use keepwhole_verify::checkpoint::{Checkpoint, CheckpointError};
use keepwhole_verify::decimal::{parse_u63, parse_u64};
use keepwhole_verify::digest::Digest;
use keepwhole_verify::note::{Note, NoteError, NoteSigner as _};
use keepwhole_verify::tree::{self, TreeError};

const ROOT: &str = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
const ORIGIN: &str = "exchange.example/keepwhole";

#[test]
fn text_is_read_as_it_is_written() {
    let text = format!("{ORIGIN}\n20852163\n{ROOT}\n");
    let checkpoint = Checkpoint::parse_text(&text).unwrap();
    assert_eq!(
        (checkpoint.origin(), checkpoint.size()),
        (ORIGIN, 20_852_163)
    );
    assert_eq!(checkpoint.root(), Digest::from_base64(ROOT).unwrap());
    assert_eq!(checkpoint.to_text(), text);
    let theirs = tlog_tiles::Checkpoint::from_bytes(text.as_bytes()).unwrap();
    assert_eq!(
        (theirs.origin(), theirs.size(), theirs.hash().0),
        (ORIGIN, 20_852_163, *checkpoint.root().as_bytes())
    );
    assert_eq!(theirs.to_bytes(), text.as_bytes());
}

#[test]
fn every_other_text_is_refused_by_name() {
    let parse = |origin: &str, size: &str, root: &str| {
        Checkpoint::parse_text(&format!("{origin}\n{size}\n{root}\n")).unwrap_err()
    };
    for size in [
        "",
        "00",
        "01",
        "+1",
        "-1",
        "1 ",
        " 1",
        "1.0",
        "0x1",
        "1e3",
        "1_000",
        "9223372036854775808",
        "18446744073709551616",
        "१",
    ] {
        assert_eq!(
            parse(ORIGIN, size, ROOT),
            CheckpointError::Size(size.to_owned()),
            "{size}"
        );
    }
    let not_canonical = ROOT.replace("2I=", "2J=");
    for root in [
        "",
        &ROOT[..43],
        &ROOT[4..],
        &not_canonical,
        &format!("{ROOT} "),
        &ROOT.replace('/', "_"),
    ] {
        assert_eq!(
            parse(ORIGIN, "1", root),
            CheckpointError::Root(root.to_owned()),
            "{root}"
        );
    }
    for origin in [
        "",
        "a b",
        "a+b",
        "https://a",
        "a\u{a0}b",
        "a\u{3000}b",
        "a\tb",
    ] {
        assert_eq!(
            parse(origin, "1", ROOT),
            CheckpointError::Origin(origin.to_owned()),
            "{origin}"
        );
    }
    assert_eq!(parse(ORIGIN, "0", ROOT), CheckpointError::EmptyRoot);
    for text in [
        "",
        "\n",
        &format!("{ORIGIN}\n1\n"),
        &format!("{ORIGIN}\n1\n{ROOT}"),
        &format!("{ORIGIN}\n1\n{ROOT}\nextension\n"),
    ] {
        assert_eq!(
            Checkpoint::parse_text(text),
            Err(CheckpointError::Lines),
            "{text:?}"
        );
    }
    let root = Digest::of(b"x");
    assert_eq!(
        Checkpoint::new(ORIGIN, 1 << 63, root),
        Err(CheckpointError::Size((1_u64 << 63).to_string()))
    );
}

#[test]
fn decimal_numbers_have_one_spelling() {
    assert_eq!(parse_u64("18446744073709551615"), Some(u64::MAX));
    assert_eq!(
        (
            parse_u63("9223372036854775807"),
            parse_u63("9223372036854775808")
        ),
        (Some((1 << 63) - 1), None)
    );
    assert_eq!(
        (
            parse_u64("0"),
            parse_u64("10"),
            parse_u64("00"),
            parse_u64("")
        ),
        (Some(0), Some(10), None, None)
    );
}

#[test]
fn the_log_itself_must_have_signed() {
    let (log, other) = (signer(ORIGIN, 1), signer("other.example", 2));
    let checkpoint = Checkpoint::new(ORIGIN, 0, tree::empty_root()).unwrap();
    let note = checkpoint.sign(&[&log]).unwrap().to_string();
    let (read, verified) = Checkpoint::verify(note.as_bytes(), &[log.key().clone()]).unwrap();
    assert_eq!((read, verified.signed.len()), (checkpoint.clone(), 1));
    let foreign = Err(CheckpointError::NotSignedByLog(ORIGIN.to_owned()));
    assert_eq!(checkpoint.sign(&[&other]), foreign);
    let forged = Note::sign(&checkpoint.to_text(), &[&other])
        .unwrap()
        .to_string();
    let known = [log.key().clone(), other.key().clone()];
    assert_eq!(
        Checkpoint::verify(forged.as_bytes(), &known).unwrap_err(),
        CheckpointError::NotSignedByLog(ORIGIN.to_owned())
    );
    let unsigned = Checkpoint::verify(note.as_bytes(), &[other.key().clone()]).unwrap_err();
    assert_eq!(unsigned, CheckpointError::Note(NoteError::NoKnownSignature));
}

#[test]
fn two_checkpoints_must_be_of_one_growing_tree() {
    let memory = Memory::of(&entries(20));
    let at = |size: u64| Checkpoint::new(ORIGIN, size, tree::root(&memory, size).unwrap()).unwrap();
    let proof = tree::prove_consistency(&memory, 7, 20).unwrap();
    assert_eq!(at(7).check_grows_to(&at(20), &proof), Ok(()));
    assert_eq!(at(0).check_grows_to(&at(20), &[]), Ok(()));
    assert_eq!(
        at(20).check_grows_to(&at(7), &proof),
        Err(CheckpointError::Inconsistent(TreeError::OldLargerThanNew {
            old: 20,
            new: 7
        }))
    );
    let forked = Checkpoint::new(ORIGIN, 20, Digest::of(b"fork")).unwrap();
    assert_eq!(
        at(7).check_grows_to(&forked, &proof),
        Err(CheckpointError::Inconsistent(TreeError::RootMismatch))
    );
    assert_eq!(
        at(20).check_grows_to(&forked, &[]),
        Err(CheckpointError::Inconsistent(TreeError::RootMismatch))
    );
    let other = Checkpoint::new("other.example", 20, at(20).root()).unwrap();
    assert!(matches!(
        at(7).check_grows_to(&other, &proof),
        Err(CheckpointError::OtherOrigin { .. })
    ));
}
