//! The body of `add-checkpoint` (c2sp.org/tlog-witness): old size, consistency proof, empty line, checkpoint.

use keepwhole_verify::Digest;
use keepwhole_verify::decimal::parse_u63;
use keepwhole_verify::note::MAX_NOTE_BYTES;

/// Most proof lines that a log may send.
pub const MAX_PROOF_LINES: usize = 63;
/// Largest body that is read, bytes: a note, 63 proof lines of 45 bytes and the old size.
pub const MAX_BODY_BYTES: usize = MAX_NOTE_BYTES + MAX_PROOF_LINES * 45 + 64;

/// A request, read but not yet judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint<'a> {
    /// The size from which the log says it grew.
    pub old: u64,
    /// Consistency proof from the old size to the checkpoint's, RFC 6962 section 2.1.2.
    pub proof: Vec<Digest>,
    /// The signed checkpoint, verbatim.
    pub note: &'a str,
}

impl<'a> AddCheckpoint<'a> {
    /// Reads a body strictly.
    ///
    /// # Errors
    /// What is wrong with it; the answer is then 400.
    pub fn parse(body: &'a [u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(body).map_err(|_| String::from("body is not UTF-8"))?;
        let (first, mut rest) = text.split_once('\n').ok_or("body has no lines")?;
        let old = first
            .strip_prefix("old ")
            .and_then(parse_u63)
            .ok_or("first line is not `old`, a space and a plain decimal size")?;
        let mut proof = Vec::new();
        loop {
            let (line, after) = rest
                .split_once('\n')
                .ok_or("no empty line before the checkpoint")?;
            rest = after;
            if line.is_empty() {
                return Ok(Self {
                    old,
                    proof,
                    note: rest,
                });
            }
            if proof.len() == MAX_PROOF_LINES {
                return Err(format!("more than `{MAX_PROOF_LINES}` proof lines"));
            }
            let hash = Digest::from_base64(line).map_err(|error| {
                format!("proof line `{}`: {error}", proof.len().saturating_add(1))
            })?;
            proof.push(hash);
        }
    }

    /// The body as a log sends it.
    #[must_use]
    pub fn to_body(&self) -> String {
        let mut body = format!("old {}\n", self.old);
        for hash in &self.proof {
            body.push_str(&hash.to_base64());
            body.push('\n');
        }
        body.push('\n');
        body.push_str(self.note);
        body
    }
}
