//! Targets over what travels as evidence: notes, checkpoints, proofs, bundles, packages.

use keepwhole_verify::bundle_manifest::BundleManifest;
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::manifest::Manifest;
use keepwhole_verify::note::{Note, VerifierKey};
use keepwhole_verify::package::Package;
use keepwhole_verify::policy::Policy;
use keepwhole_verify::statement::Statement;
use keepwhole_verify::tile::{TileId, decode_bundle, encode_bundle};
use keepwhole_verify::tlog_proof::TlogProof;
use keepwhole_verify::trust::Trust;
use keepwhole_verify::{archive, json};

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// The key of the known answer of C2SP signed-note.
const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

pub(crate) fn note(bytes: &[u8]) -> bool {
    let Ok(note) = Note::parse(bytes) else {
        return false;
    };
    assert!(text(bytes).is_some(), "a note is text");
    assert!(bytes.starts_with(note.text().as_bytes()));
    // Bytes that nobody signed must not verify under a key that exists.
    if let Ok(key) = VerifierKey::parse(KEY) {
        let signed = note.verify(&[key]).is_ok();
        assert!(!signed || bytes.starts_with(b"If you think cryptography"));
    }
    true
}

pub(crate) fn checkpoint(bytes: &[u8]) -> bool {
    let Some(given) = text(bytes) else {
        return false;
    };
    let Ok(read) = Checkpoint::parse_text(given) else {
        return false;
    };
    assert_eq!(read.to_text(), given, "two forms of one checkpoint");
    true
}

pub(crate) fn vkey(bytes: &[u8]) -> bool {
    let Some(key) = text(bytes).and_then(|given| VerifierKey::parse(given).ok()) else {
        return false;
    };
    assert_eq!(Some(key.to_string().as_str()), text(bytes));
    true
}

pub(crate) fn tlog_policy(bytes: &[u8]) -> bool {
    let Some(policy) = text(bytes).and_then(|given| Policy::parse(given).ok()) else {
        return false;
    };
    assert!(
        policy.verify(b"").is_err(),
        "no note meets a policy that names a log"
    );
    true
}

pub(crate) fn tlog_proof(bytes: &[u8]) -> bool {
    TlogProof::parse(bytes).is_ok()
}

pub(crate) fn trust(bytes: &[u8]) -> bool {
    text(bytes).is_some_and(|given| Trust::parse("trust.txt", given).is_ok())
}

pub(crate) fn tile_path(bytes: &[u8]) -> bool {
    let Some(given) = text(bytes) else {
        return false;
    };
    let Ok(tile) = TileId::parse(given) else {
        return false;
    };
    assert_eq!(tile.path(), given, "two paths of one tile");
    true
}

pub(crate) fn entry_bundle(bytes: &[u8]) -> bool {
    let Some((width, rest)) = bytes.split_first() else {
        return false;
    };
    let width = u16::from(*width) + 1;
    let Ok(entries) = decode_bundle(rest, width, true) else {
        return false;
    };
    assert_eq!(entries.len(), usize::from(width));
    assert_eq!(encode_bundle(&entries).ok().as_deref(), Some(rest));
    true
}

pub(crate) fn bundle(bytes: &[u8]) -> bool {
    let Ok(files) = archive::read(bytes, archive::Limits::default()) else {
        return false;
    };
    let manifest = files.get("manifest.json").and_then(|file| text(file));
    manifest.is_none_or(|text| BundleManifest::read(text).is_ok())
}

pub(crate) fn package(bytes: &[u8]) -> bool {
    let Some(package) = text(bytes).and_then(|given| Package::read(given).ok()) else {
        return false;
    };
    let again = package.to_text();
    assert!(
        Package::read(&again).is_ok(),
        "what was read can't be read again"
    );
    true
}

pub(crate) fn manifest(bytes: &[u8]) -> bool {
    let Some(given) = text(bytes) else {
        return false;
    };
    let Ok(read) = Manifest::read(given) else {
        return false;
    };
    assert_eq!(read.to_text(), given, "two forms of one manifest");
    true
}

pub(crate) fn statement(bytes: &[u8]) -> bool {
    let Some(given) = text(bytes) else {
        return false;
    };
    let Ok(read) = Statement::read(given) else {
        return false;
    };
    assert_eq!(read.to_text(), given, "two forms of one statement");
    true
}

pub(crate) fn json(bytes: &[u8]) -> bool {
    let Some(given) = text(bytes) else {
        return false;
    };
    let Ok(value) = json::parse("input", given) else {
        return false;
    };
    let once = value.to_canonical();
    let again = json::parse("input", &once).map(|value| value.to_canonical());
    assert_eq!(
        again.ok().as_deref(),
        Some(once.as_str()),
        "the canonical form is not fixed"
    );
    true
}
