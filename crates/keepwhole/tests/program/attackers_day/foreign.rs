//! Clearances of another exchange's guard, and of another installation that calls itself by our name.

use super::{Day, Shows, code};
use crate::cli::run;
use crate::walk::Walk;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keepwhole::journal::keys::{self, KeyFile};
use keepwhole_signer::Signer;
use keepwhole_signer::request::ClearanceAnswer;
use keepwhole_verify::clearance::{Clearance, sign};
use keepwhole_verify::digest::Digest;
use keepwhole_verify::note::Ed25519Signer;
use serde_json::{Value, json};
use std::path::Path;

/// The guard's key of another installation, which really exists.
fn installed(dir: &Path, name: &str, origin: &str) -> Ed25519Signer {
    let made = run(dir, &["init", "--data", name, "--origin", origin]);
    assert_eq!(made.code, 0, "{}", made.err);
    let root = dir.join(name);
    keys::load(&root, KeyFile::Guard, origin)
        .or_else(|_| keys::create(&root, KeyFile::Guard, origin))
        .unwrap()
}

/// A signature line with the name and key id of `ours`, and the bytes of `theirs`.
fn relabelled(ours: &str, theirs: &str) -> String {
    let (name, own) = ours.rsplit_once(' ').unwrap();
    let (_, other) = theirs.rsplit_once(' ').unwrap();
    let decoded = |text: &str| STANDARD.decode(text).unwrap();
    let blob = [&decoded(own)[..4], &decoded(other)[4..]].concat();
    format!("{name} {}", STANDARD.encode(blob))
}

/// What another guard cleared: the very bytes and intent that ours did, and another attempt under its own policy.
pub(super) fn tries(
    day: &mut Day,
    walk: &Walk<'_>,
    signer: &Signer,
    (answer, bytes): (&ClearanceAnswer, &[u8]),
    redeem: &dyn Fn(&Value) -> Value,
) {
    let own = answer.signature.clone().unwrap();
    let mut cleared = Clearance::read(answer.clearance.as_deref().unwrap()).unwrap();
    cleared.policy = Digest::of(b"another exchange's policy");
    let other = installed(walk.dir, "other", "other.example/keepwhole");
    let ours = installed(walk.dir, "double", "exchange.example/keepwhole");
    let line = |key: &Ed25519Signer| sign(&cleared.sign_text(), key).unwrap();
    let shown: [(&str, String); 3] = [
        ("another exchange's guard", line(&other)),
        ("another installation of our name", line(&ours)),
        (
            "another installation under our key's id",
            relabelled(&own, &line(&ours)),
        ),
    ];
    for (who, signature) in shown {
        let foreign = ClearanceAnswer {
            clearance: Some(cleared.to_text()),
            signature: Some(signature.clone()),
            ..answer.clone()
        };
        let refusal = walk.sends(signer, &foreign, bytes).unwrap_err();
        day.tried(
            &format!("show the signer a clearance of {who}"),
            "not_by_guard",
            refusal.name(),
            Shows::Nowhere,
        );
        let body =
            json!({ "clearance": cleared.to_text(), "signature": signature, "signer": "signer-1" });
        day.tried(
            &format!("redeem a clearance of {who}"),
            "clearance_missing",
            &code(&redeem(&body)),
            Shows::Journal,
        );
    }
}
