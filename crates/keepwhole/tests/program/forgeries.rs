//! Forgeries of a bundle, each refused by the stage and for the reason that fit it.

use std::collections::BTreeMap;

use keepwhole::bundle::{BundleError, MemoryLog, Omitted, Tool};
use keepwhole_verify::archive::Limits;
use keepwhole_verify::bundle::{Source, verify_bundle};
use keepwhole_verify::bundle_manifest::{BundleManifest, FileEntry, MANIFEST, NOTE};
use keepwhole_verify::note::{Note, NoteSigner};
use keepwhole_verify::report::{OWN_KEYS, Outcome, Report};
use sha2::{Digest, Sha256};

use crate::evidence::{case, check, check_files, checkpoint, keys, record};

pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The code of the first failed stage and its reason.
fn refusal(report: &Report) -> (&'static str, String) {
    let stage = report.failed().expect("the forgery passed");
    (stage.code, stage.finding.says.join(" "))
}

pub(crate) fn refused(name: &str, report: &Report, code: &str, words: &str) {
    let (found, reason) = refusal(report);
    assert_eq!(found, code, "{name}: {reason}");
    assert!(reason.contains(words), "{name}: {reason}");
    assert_eq!(
        report.exit_code(),
        if code == "V01" { 2 } else { 1 },
        "{name}"
    );
    assert!(
        !report.is_trusted() && report.to_json().contains("\"trusted\":false"),
        "{name}"
    );
}

/// Lists and signs the files anew, as a forger with the bundle key could.
pub(crate) fn sign_again(
    files: &mut Files,
    signer: &dyn NoteSigner,
    change: impl Fn(&mut BundleManifest),
) {
    let mut manifest =
        BundleManifest::read(std::str::from_utf8(&files[MANIFEST]).unwrap()).unwrap();
    manifest.files = files
        .iter()
        .filter(|(path, _)| *path != MANIFEST && *path != NOTE)
        .map(|(path, bytes)| FileEntry {
            path: path.clone(),
            size: bytes.len() as u64,
            sha256: Sha256::digest(bytes).into(),
        })
        .collect();
    change(&mut manifest);
    let text = manifest.to_text();
    let note = Note::sign(&manifest.note_text(&text), &[signer]).unwrap();
    files.insert(MANIFEST.to_owned(), text.into_bytes());
    files.insert(NOTE.to_owned(), note.to_string().into_bytes());
}

#[test]
fn an_honest_bundle_verifies() {
    let case = case();
    let report = check(&case.archive(), Some(&case.trust()));
    assert_eq!(report.failed(), None, "{}", report.to_text());
    assert_eq!(report.exit_code(), 0);
    assert!(
        report
            .to_text()
            .starts_with("VERIFIED WITH THE KEYS OF YOUR TRUST FILE\n")
    );
    assert!(report.is_trusted());
    for code in [
        "V01", "V02", "V03", "V04", "V05", "V06", "V07", "V13", "V17",
    ] {
        let stage = report
            .stages
            .iter()
            .find(|stage| stage.code == code)
            .unwrap();
        assert_eq!(stage.finding.outcome, Outcome::Pass, "{code}");
    }
    assert_eq!(report.stages.len(), 17);
    assert_eq!(
        case.archive(),
        case.archive(),
        "the same files make the same bytes"
    );
    assert_eq!(
        check_files(&case.files(), Some(&case.trust())).exit_code(),
        0,
        "an unpacked folder too"
    );
}

#[test]
fn without_a_trust_file_the_signer_is_not_established() {
    let case = case();
    let archive = case.archive();
    let report = check(&archive, None);
    assert_eq!(report.to_text().lines().next(), Some(OWN_KEYS));
    assert_eq!(report.exit_code(), 0);
    assert!(report.to_json().contains("\"trusted\":false"));
    let strict = verify_bundle(&Source::Archive(&archive), None, true, Limits::default());
    assert_eq!((strict.exit_code(), strict.failed()), (1, None));
    // Anybody can sign the same files with keys of his own: only the trust file shows it.
    let mut forged = case;
    forged.keys = keys(90);
    forged.plan.checkpoint = checkpoint(&forged.keys, &forged.log, 1_764_300_000);
    forged.plan.history.clear();
    forged.plan.claimed_keys = crate::evidence::trust_text(&forged.keys);
    assert_eq!(check(&forged.archive(), None).exit_code(), 0);
    let honest = crate::evidence::case().trust();
    refused(
        "wholly re-signed",
        &check(&forged.archive(), Some(&honest)),
        "V03",
        "not signed by a trusted bundle key",
    );
}

#[test]
fn a_flipped_byte_in_any_file_is_found() {
    let case = case();
    let trust = case.trust();
    let files = case.files();
    for path in files.keys() {
        let mut forged = files.clone();
        let bytes = forged.get_mut(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let (code, reason) = refusal(&check_files(&forged, Some(&trust)));
        match path.as_str() {
            MANIFEST => assert!(code == "V02" || code == "V03", "{path}: {code} {reason}"),
            NOTE => assert_eq!(code, "V03", "{path}: {reason}"),
            _ => assert!(
                code == "V02" && reason.contains(path.as_str()),
                "{path}: {code} {reason}"
            ),
        }
    }
}

#[test]
fn files_added_removed_renamed_or_signed_by_a_stranger() {
    let case = case();
    let trust = Some(case.trust());
    let mut forged = case.files();
    forged.insert("approvals/p-1.json".to_owned(), b"{}".to_vec());
    refused(
        "added",
        &check_files(&forged, trust.as_ref()),
        "V02",
        "`approvals/p-1.json` is not listed",
    );
    let mut forged = case.files();
    forged.remove("readme.txt");
    refused(
        "removed",
        &check_files(&forged, trust.as_ref()),
        "V02",
        "`readme.txt` is listed but missing",
    );
    let mut forged = case.files();
    let bytes = forged.remove("log/history/50").unwrap();
    forged.insert("log/history/51".to_owned(), bytes);
    refused(
        "renamed",
        &check_files(&forged, trust.as_ref()),
        "V02",
        "`log/history/50` is listed but missing",
    );
    sign_again(&mut forged, &case.keys.bundle, |_| {});
    refused(
        "renamed and signed",
        &check_files(&forged, trust.as_ref()),
        "V05",
        "is a checkpoint of",
    );
    let mut forged = case.files();
    sign_again(&mut forged, &keys(77).bundle, |_| {});
    refused(
        "unknown signer",
        &check_files(&forged, trust.as_ref()),
        "V03",
        "not signed by a trusted bundle key",
    );
    let mut forged = case.files();
    forged.remove(NOTE);
    refused(
        "no note",
        &check_files(&forged, trust.as_ref()),
        "V03",
        "`manifest.note` is missing",
    );
    let mut forged = case.files();
    sign_again(&mut forged, &case.keys.bundle, |manifest| {
        manifest.tree_size += 1
    });
    refused(
        "other size",
        &check_files(&forged, trust.as_ref()),
        "V03",
        "has size 700, the manifest 701",
    );
}

#[test]
fn old_forked_and_unwitnessed_checkpoints() {
    let case = case();
    let trust = Some(case.trust());
    // An older checkpoint offered as the newest, while the newer one stands in the history.
    let mut forged = case.files();
    let old = forged["log/history/513"].clone();
    let new = forged.insert("log/checkpoint".to_owned(), old).unwrap();
    forged.remove("log/history/513");
    forged.insert("log/history/700".to_owned(), new);
    let root = Note::parse(&forged["log/checkpoint"]).unwrap();
    let older = keepwhole_verify::Checkpoint::parse_text(root.text()).unwrap();
    sign_again(&mut forged, &case.keys.bundle, |manifest| {
        (manifest.tree_size, manifest.root) = (older.size(), older.root());
    });
    refused(
        "older offered as newest",
        &check_files(&forged, trust.as_ref()),
        "V05",
        "an older one is offered as newest",
    );
    // A second version of the past, signed with the log's own key.
    let mut other = MemoryLog::default();
    for turn in 0..256u64 {
        other.push(record(turn, turn, 9, b"another past")).unwrap();
    }
    let mut forged = case.files();
    forged.insert(
        "log/history/256".to_owned(),
        checkpoint(&case.keys, &other, 1_764_200_300),
    );
    sign_again(&mut forged, &case.keys.bundle, |_| {});
    refused(
        "forked history",
        &check_files(&forged, trust.as_ref()),
        "V05",
        "the history forks",
    );
    // Cosigned later than the checkpoint that follows.
    let mut forged = case.files();
    let mut log = MemoryLog::default();
    for turn in 0..50u64 {
        log.push(record(
            1_764_200_000_000 + turn * 1000,
            turn,
            3,
            &turn.to_le_bytes(),
        ))
        .unwrap();
    }
    forged.insert(
        "log/history/50".to_owned(),
        checkpoint(&case.keys, &log, 1_999_000_000),
    );
    sign_again(&mut forged, &case.keys.bundle, |_| {});
    refused(
        "witness time falls",
        &check_files(&forged, trust.as_ref()),
        "V05",
        "earlier than a smaller one",
    );
    // Without the witness the trust file asks for.
    let mut forged = case.files();
    let mut lines: Vec<String> = String::from_utf8(forged["log/checkpoint"].clone())
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    lines.pop();
    forged.insert(
        "log/checkpoint".to_owned(),
        (lines.join("\n") + "\n").into_bytes(),
    );
    sign_again(&mut forged, &case.keys.bundle, |_| {});
    refused(
        "no quorum",
        &check_files(&forged, trust.as_ref()),
        "V04",
        "w1",
    );
}

#[test]
fn entries_tiles_and_single_proofs() {
    let case = case();
    let trust = Some(case.trust());
    let forge = |path: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut forged = case.files();
        change(forged.get_mut(path).unwrap());
        sign_again(&mut forged, &case.keys.bundle, |_| {});
        check_files(&forged, trust.as_ref())
    };
    let last = |bytes: &mut Vec<u8>| *bytes.last_mut().unwrap() ^= 1;
    refused(
        "entry changed",
        &forge("log/tile/entries/001", &last),
        "V06",
        "entry 511 in `log/tile/entries/001`",
    );
    refused(
        "leaf hash changed",
        &forge("log/tile/0/000", &last),
        "V06",
        "does not hash to its place",
    );
    refused(
        "right edge changed",
        &forge("log/tile/0/002.p/188", &last),
        "V06",
        "another root than the signed one",
    );
    refused(
        "single entry changed",
        &forge("proofs/699.entry", &last),
        "V07",
        "`proofs/699.tlog-proof`",
    );
    let without = |path: &str| {
        let mut forged = case.files();
        forged.remove(path).unwrap();
        sign_again(&mut forged, &case.keys.bundle, |_| {});
        check_files(&forged, trust.as_ref())
    };
    refused(
        "bundle of entries missing",
        &without("log/tile/entries/000"),
        "V06",
        "entry 0 of the scope is missing",
    );
    refused(
        "tile above missing",
        &without("log/tile/1/000.p/2"),
        "V06",
        "right edge is missing",
    );
    refused(
        "proof without entry",
        &without("proofs/699.entry"),
        "V07",
        "`proofs/699.entry` is missing",
    );
    let mut forged = case.files();
    let bytes = forged.remove("log/tile/0/002.p/188").unwrap();
    forged.insert(
        "log/tile/0/002.p/187".to_owned(),
        bytes[..187 * 32].to_vec(),
    );
    sign_again(&mut forged, &case.keys.bundle, |_| {});
    refused(
        "tile of another size",
        &check_files(&forged, trust.as_ref()),
        "V06",
        "is no tile of a tree of 700",
    );
    let mut forged = case.files();
    for end in ["entry", "tlog-proof"] {
        let bytes = forged.remove(&format!("proofs/699.{end}")).unwrap();
        forged.insert(format!("proofs/698.{end}"), bytes);
    }
    sign_again(&mut forged, &case.keys.bundle, |_| {});
    refused(
        "proof at another index",
        &check_files(&forged, trust.as_ref()),
        "V07",
        "proves entry 699",
    );
}

#[test]
fn records_whose_time_falls() {
    let mut case = case();
    let mut log = MemoryLog::default();
    for turn in 0..10u64 {
        let at = if turn == 7 { 3 } else { 1000 + turn };
        log.push(record(at, turn, 3, b"x")).unwrap();
    }
    (case.plan.scope.to, case.plan.single_entries) = (10, Vec::new());
    case.plan.history.clear();
    case.plan.redress.clear();
    case.plan.checkpoint = checkpoint(&case.keys, &log, 5);
    case.log = log;
    refused(
        "time falls",
        &check(&case.archive(), Some(&case.trust())),
        "V06",
        "entry 7: its time 3 is before",
    );
}

#[test]
fn omissions_are_shown_in_full_and_the_writer_refuses_too() {
    let mut case = case();
    case.plan.omitted = vec![Omitted {
        path: "decisions/".to_owned(),
        reason: "still being reviewed".to_owned(),
    }];
    let report = check(&case.archive(), Some(&case.trust()));
    assert!(
        report
            .to_text()
            .contains("`decisions/`: still being reviewed"),
        "{}",
        report.to_text()
    );
    case.plan.tool = Tool {
        version: "0.2.0".to_owned(),
        ..case.plan.tool.clone()
    };
    case.plan.confidential = false;
    let refused = keepwhole::bundle::archive(&case.plan, &case.log, &case.keys.bundle);
    assert!(matches!(refused, Err(BundleError::NotConfidential)));
    case.plan.confidential = true;
    case.plan.scope.to = 701;
    let refused = keepwhole::bundle::archive(&case.plan, &case.log, &case.keys.bundle);
    assert!(matches!(
        refused,
        Err(BundleError::Scope {
            to: 701,
            size: 700,
            ..
        })
    ));
    case.plan.scope.to = 512;
    let refused = keepwhole::bundle::archive(&case.plan, &case.log, &case.keys.log);
    assert!(matches!(refused, Err(BundleError::Signer { .. })));
}
