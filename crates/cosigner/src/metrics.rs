//! Figures of this process, in the text form of Prometheus: answers, faults, incidents, and the age of the last call.

use crate::claims::Vendor;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The figures.
#[derive(Debug)]
pub struct Metrics(Mutex<Figures>);

#[derive(Debug)]
struct Figures {
    started: u64,
    answers: BTreeMap<(&'static str, &'static str), u64>,
    last_calls: BTreeMap<String, u64>,
    faults: u64,
    incidents: u64,
}

impl Metrics {
    /// Nothing counted yet, at a time in milliseconds.
    #[must_use]
    pub fn new(started: u64) -> Self {
        Self(Mutex::new(Figures {
            started,
            answers: BTreeMap::new(),
            last_calls: BTreeMap::new(),
            faults: 0,
            incidents: 0,
        }))
    }

    fn figures(&self) -> MutexGuard<'_, Figures> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An answer to a vendor.
    pub fn answered(&self, vendor: Vendor, word: &'static str) {
        let mut figures = self.figures();
        let count = figures.answers.entry((vendor.name(), word)).or_default();
        *count = count.saturating_add(1);
    }

    /// A believed call of a signer, at a time in milliseconds.
    pub fn called(&self, signer: &str, now: u64) {
        self.figures().last_calls.insert(signer.to_owned(), now);
    }

    /// A write that failed.
    pub fn fault(&self) {
        let mut figures = self.figures();
        figures.faults = figures.faults.saturating_add(1);
    }

    /// Bytes that are not what was said.
    pub fn incident(&self) {
        let mut figures = self.figures();
        figures.incidents = figures.incidents.saturating_add(1);
    }

    /// Seconds since the last call of a signer, since the start where there was none; and whether there was one.
    #[must_use]
    pub fn age_of(&self, signer: &str, stored: Option<u64>, now: u64) -> (u64, bool) {
        let figures = self.figures();
        let last = figures.last_calls.get(signer).copied().max(stored);
        let from = last.unwrap_or(figures.started);
        (now.saturating_sub(from) / 1_000, last.is_some())
    }

    /// All figures; `signers` with the age of their last call in seconds and whether that is too long.
    #[must_use]
    pub fn text(&self, signers: &[(String, u64, bool)]) -> String {
        let figures = self.figures();
        let mut out = String::new();
        out.push_str("# TYPE keepwhole_cosigner_answers_total counter\n");
        for ((vendor, word), count) in &figures.answers {
            // Writing to a text never fails.
            let _ = writeln!(
                out,
                "keepwhole_cosigner_answers_total{{vendor=\"{vendor}\",answer=\"{word}\"}} {count}"
            );
        }
        out.push_str("# TYPE keepwhole_cosigner_last_call_age_seconds gauge\n");
        for (signer, age, _) in signers {
            let _ = writeln!(
                out,
                "keepwhole_cosigner_last_call_age_seconds{{signer=\"{signer}\"}} {age}"
            );
        }
        out.push_str("# TYPE keepwhole_cosigner_silent gauge\n");
        for (signer, _, silent) in signers {
            let silent = u8::from(*silent);
            let _ = writeln!(
                out,
                "keepwhole_cosigner_silent{{signer=\"{signer}\"}} {silent}"
            );
        }
        let (faults, incidents) = (figures.faults, figures.incidents);
        let _ = write!(
            out,
            "# TYPE keepwhole_cosigner_store_faults_total counter\nkeepwhole_cosigner_store_faults_total {faults}\n\
             # TYPE keepwhole_cosigner_payload_mismatches_total counter\nkeepwhole_cosigner_payload_mismatches_total {incidents}\n"
        );
        out
    }
}
