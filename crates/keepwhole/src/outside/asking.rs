//! Asking one witness to co-sign a head (c2sp.org/tlog-witness), and what it saw last.

use crate::journal::RealDisk;
use crate::journal::tiles::LogFiles;
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::note::{Note, SignatureLine, VerifierKey};
use keepwhole_verify::policy::Policy;
use keepwhole_witness::request::AddCheckpoint;
use keepwhole_witness::store::origin_hash;
use std::path::Path;
use std::time::Duration;

/// The longest that one request may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Largest answer that is read, bytes.
const ANSWER_BYTES: u64 = 160 * 1024;

/// A witness of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessAt {
    /// Its name in the policy.
    pub name: String,
    /// Its key.
    pub key: VerifierKey,
    /// Its submission prefix.
    pub url: String,
}

/// What a witness said about a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It co-signed, at this time (seconds since the epoch).
    Cosigned {
        /// The signature line.
        line: SignatureLine,
        /// Its time.
        time: u64,
    },
    /// It knows a head of this log that is larger than ours.
    Ahead {
        /// The size of that head.
        size: u64,
    },
    /// It holds a head that ours does not grow from.
    Contradicts {
        /// In its words.
        why: String,
    },
    /// It did not answer, or not to the question. It is asked again in the next round.
    Failed {
        /// Why.
        why: String,
    },
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .max_redirects(0)
        .build()
        .into()
}

/// Sends the signed head `note` with a proof from the size that the witness knows, and again from the size that it names.
/// `known` is our guess of that size and is kept up to date.
pub fn ask(
    witness: &WitnessAt,
    dir: &Path,
    note: &str,
    head: &Checkpoint,
    known: &mut u64,
) -> Said {
    let failed = |why: String| Said::Failed { why };
    for _ in 0..3 {
        let old = (*known).min(head.size());
        let proof = match LogFiles(&RealDisk::at(dir)).prove_consistency(old, head.size()) {
            Ok(proof) => proof,
            Err(error) => return failed(format!("can't prove growth from `{old}`: {error}")),
        };
        let body = AddCheckpoint { old, proof, note }.to_body();
        let url = format!("{}/add-checkpoint", witness.url.trim_end_matches('/'));
        let (status, text) = match send(|agent| agent.post(&url).send(&body)) {
            Ok(answered) => answered,
            Err(why) => return failed(why),
        };
        match status {
            200 => return cosigned(witness, note, &text, head, known),
            409 => {
                let size = text
                    .strip_suffix('\n')
                    .and_then(keepwhole_verify::decimal::parse_u63);
                match size {
                    Some(size) if size > head.size() => return Said::Ahead { size },
                    // Earlier drafts of the specification answer another root at the same size so.
                    Some(size) if size == old => {
                        let why = format!("holds another head of `{size}` entries");
                        return Said::Contradicts { why };
                    }
                    Some(size) => *known = size,
                    None => return failed(String::from("answered 409 without a size")),
                }
            }
            422 => {
                return Said::Contradicts {
                    why: text.trim().chars().take(200).collect(),
                };
            }
            _ => {
                let why: String = text.trim().chars().take(200).collect();
                return failed(format!("answered {status}: {why}"));
            }
        }
    }
    failed(String::from("named a new size each time"))
}

fn cosigned(
    witness: &WitnessAt,
    note: &str,
    text: &str,
    head: &Checkpoint,
    known: &mut u64,
) -> Said {
    // As the specification advises: put its lines under the checkpoint and verify that.
    let checked = Note::parse(format!("{note}{text}").as_bytes())
        .and_then(|note| Ok((note.verify(std::slice::from_ref(&witness.key))?, note)));
    let Ok((verified, note)) = checked else {
        return Said::Failed {
            why: String::from("answered 200 without a cosignature of its key"),
        };
    };
    *known = head.size();
    let line = note
        .lines()
        .iter()
        .rfind(|line| line.name == witness.key.name() && line.id == witness.key.id());
    let time = verified.signed.first().and_then(|signed| signed.time);
    match (line, time) {
        (Some(line), Some(time)) => Said::Cosigned {
            line: line.clone(),
            time,
        },
        _ => Said::Failed {
            why: String::from("answered 200 without a cosignature of its key"),
        },
    }
}

/// The newest head that the witness holds of the log, if it tells (the path of c2sp.org/tlog-mirror) and a key of the log
/// signed it: then it is proof, whatever the witness is worth.
#[must_use]
pub fn newest(witness: &WitnessAt, origin: &str, keys: &Policy) -> Option<Checkpoint> {
    let prefix = witness.url.trim_end_matches('/');
    let url = format!("{prefix}/{}/checkpoint", origin_hash(origin));
    let (status, text) = send(|agent| agent.get(&url).call()).ok()?;
    if status != 200 {
        return None;
    }
    let (checkpoint, _) = keys.verify_signature(text.as_bytes()).ok()?;
    (checkpoint.origin() == origin).then_some(checkpoint)
}

fn send(
    request: impl FnOnce(&ureq::Agent) -> Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<(u16, String), String> {
    let mut response = request(&agent()).map_err(|error| error.to_string())?;
    let text = response
        .body_mut()
        .with_config()
        .limit(ANSWER_BYTES)
        .read_to_string()
        .map_err(|error| error.to_string())?;
    Ok((response.status().as_u16(), text))
}
