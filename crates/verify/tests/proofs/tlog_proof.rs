//! One entry travelling alone: accepted only whole, in order and for its own bytes.

use crate::note::signer;
use crate::tree::{Memory, entries};
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::note::NoteSigner as _;
use keepwhole_verify::policy::{Policy, PolicyError};
use keepwhole_verify::tlog_proof::{TlogProof, TlogProofError};
use keepwhole_verify::tree::{self, TreeError};

const ORIGIN: &str = "exchange.example/keepwhole";

fn proof(index: u64, size: usize) -> TlogProof {
    let memory = Memory::of(&entries(size));
    let checkpoint = Checkpoint::new(ORIGIN, size as u64, memory.edge.root()).unwrap();
    let hashes = tree::prove_inclusion(&memory, index, size as u64).unwrap();
    TlogProof {
        index,
        hashes,
        checkpoint: checkpoint.sign(&[&signer(ORIGIN, 1)]).unwrap().to_string(),
    }
}

#[test]
fn a_proof_travels_as_text_and_verifies() {
    let policy = Policy::of_log(signer(ORIGIN, 1).key().clone());
    for (index, size) in [(0, 1), (0, 2), (6, 7), (3, 300), (299, 300)] {
        let text = proof(index, size).to_string();
        assert!(text.starts_with(&format!("c2sp.org/tlog-proof@v1\nindex {index}\n")));
        let read = TlogProof::parse(text.as_bytes()).unwrap();
        let entry = format!("entry {index}").into_bytes();
        let included = read.verify(&entry, &policy).unwrap();
        assert_eq!(
            (included.index, included.checkpoint.size()),
            (index, size as u64)
        );
        assert_eq!(
            read.verify(b"another entry", &policy),
            Err(TlogProofError::Tree(TreeError::RootMismatch))
        );
        let stranger = Policy::of_log(signer(ORIGIN, 2).key().clone());
        assert!(matches!(
            read.verify(&entry, &stranger),
            Err(TlogProofError::Policy(PolicyError::Checkpoint(_)))
        ));
        let extra = text.replacen("index", "extra bm90IHRydXN0ZWQ=\nindex", 1);
        assert_eq!(
            TlogProof::parse(extra.as_bytes()),
            Ok(read),
            "an extra line is ignored"
        );
    }
}

#[test]
fn every_malformed_proof_is_refused_by_name() {
    let good = proof(3, 7).to_string();
    let parse = |text: &str| TlogProof::parse(text.as_bytes()).unwrap_err();
    assert_eq!(parse(""), TlogProofError::FirstLine);
    assert_eq!(
        parse(&good.replace("@v1", "@v2")),
        TlogProofError::FirstLine
    );
    assert_eq!(TlogProof::parse(b"\xff\n"), Err(TlogProofError::NotUtf8));
    for extra in ["extra \u{e9}\n", "extra YQ\n", "extra YR==\n"] {
        assert_eq!(
            parse(&good.replacen("index", &format!("{extra}index"), 1)),
            TlogProofError::Extra,
            "{extra}"
        );
    }
    for index in [
        "index 03",
        "index",
        "index  3",
        "index +3",
        "Index 3",
        "index 9223372036854775808",
        "index 3 ",
    ] {
        assert_eq!(
            parse(&good.replace("index 3", index)),
            TlogProofError::Index,
            "{index}"
        );
    }
    let line = good.lines().nth(3).unwrap();
    assert_eq!(
        parse(&good.replace(line, &line[1..])),
        TlogProofError::Hash(2)
    );
    assert_eq!(
        parse(&good.replace(line, &format!("{line}\n{line}\u{20}"))),
        TlogProofError::Hash(3)
    );
    assert_eq!(
        parse(&good.replace(line, &format!("{line}\n").repeat(64))),
        TlogProofError::TooManyHashes
    );
    let head = good.split_once("\n\n").unwrap().0;
    assert_eq!(parse(head), TlogProofError::NoCheckpoint);
    assert_eq!(parse(&format!("{head}\n\n")), TlogProofError::NoCheckpoint);
    let policy = Policy::of_log(signer(ORIGIN, 1).key().clone());
    let cut = TlogProof::parse(good.trim_end().as_bytes()).unwrap();
    assert!(matches!(
        cut.verify(b"entry 3", &policy),
        Err(TlogProofError::Policy(_))
    ));
    let missing = TlogProof {
        hashes: proof(3, 7).hashes[1..].to_vec(),
        ..proof(3, 7)
    };
    assert_eq!(
        missing.verify(b"entry 3", &policy),
        Err(TlogProofError::Tree(TreeError::ProofTooShort))
    );
}
