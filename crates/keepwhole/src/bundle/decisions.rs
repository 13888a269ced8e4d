//! What people decided and the guard cleared in the entries that a bundle shows: rosters, approvals, clearances.
//!
//! They are folded out of the journal alone, so the same entries give the same files. Clearances and redemptions are signed
//! again with the guard's key: Ed25519 gives the signatures that the signers got.

use crate::authority::{ExportError, Recorded, roster};
use crate::journal::{Disk, Journal, JournalError};
use crate::sequencer::FoldError;
use keepwhole_core::apply::apply;
use keepwhole_core::authority::matter::Target;
use keepwhole_core::decide::clearances::intent_of;
use keepwhole_core::event::{AuthorityEvent, Event, Record};
use keepwhole_core::state::State;
use keepwhole_verify::clearance::{self, Clearance, Redemption};
use keepwhole_verify::digest::Digest;
use keepwhole_verify::json::Value;
use keepwhole_verify::note::NoteSigner;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Rosters, approvals and clearances of a bundle.
#[derive(Debug, Clone, Default)]
pub struct Decisions {
    /// Files by path.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Entries that they rest on; the bundle shows those outside its scope alone.
    pub entries: BTreeSet<u64>,
    /// Proposals whose approvals are shown.
    pub approvals: usize,
    /// Clearances that are shown.
    pub clearances: usize,
}

/// Why they can't be collected.
#[derive(Debug, thiserror::Error)]
pub enum DecisionsError {
    /// The journal can't be read or folded.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// What was recorded does not fit the form.
    #[error("entry `{entry}`: {cause}")]
    Export {
        /// The entry.
        entry: u64,
        /// Why.
        cause: ExportError,
    },
    /// A clearance that can't be read or signed.
    #[error("entry `{entry}`: {cause}")]
    Clearance {
        /// The entry that issued it.
        entry: u64,
        /// Why.
        cause: String,
    },
    /// Clearances without the key that signed them.
    #[error(
        "the journal has clearances and the guard's key is not here; put `keys/guard.key` back"
    )]
    NoGuardKey,
}

impl From<JournalError> for DecisionsError {
    fn from(error: JournalError) -> Self {
        Self::Fold(error.into())
    }
}

/// A clearance as it was issued, and its redemption.
#[derive(Debug)]
struct Issued {
    entry: u64,
    text: String,
    intent: String,
    redeemed: Option<Redemption>,
}

/// What the fold has met so far.
#[derive(Debug, Default)]
struct Collected {
    /// Rosters by the entry of the question or answer from which they hold.
    rosters: BTreeMap<u64, String>,
    /// The answers behind each effect in the scope, and the entry of the last effect.
    effects: BTreeMap<Target, (Recorded, u64)>,
    issued: BTreeMap<[u8; 32], Issued>,
    /// Digests of clearances that were issued or redeemed in the scope.
    shown: BTreeSet<[u8; 32]>,
}

/// Collects what the entries of `scope` decided. `guard` signs clearances; it is asked for only where there are any.
///
/// # Errors
/// [`DecisionsError`]: a journal that can't be folded, or records that fit no form.
pub fn collect<D: Disk>(
    journal: &Journal<D>,
    scope: &Range<u64>,
    guard: Option<&dyn NoteSigner>,
) -> Result<Decisions, DecisionsError> {
    let (mut state, mut found) = (State::default(), Collected::default());
    let outcome = journal.read::<Pause>(0, &mut |entry, bytes| {
        if entry >= scope.end {
            return Err(Pause::Enough);
        }
        let record = Record::decode(bytes).map_err(|_| Pause::NotARecord(entry))?;
        apply(&mut state, &record);
        found
            .take(&state, (entry, &record), scope)
            .map_err(Pause::Failed)
    });
    match outcome {
        Ok(()) | Err(Pause::Enough) => {}
        Err(Pause::NotARecord(position)) => return Err(FoldError::NotARecord { position }.into()),
        Err(Pause::Journal(error)) => return Err(error.into()),
        Err(Pause::Failed(error)) => return Err(error),
    }
    found.files(&state, journal, guard)
}

/// Why reading ended.
enum Pause {
    Enough,
    NotARecord(u64),
    Failed(DecisionsError),
    Journal(JournalError),
}

impl From<JournalError> for Pause {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

impl Collected {
    /// Looks at a record that was just folded.
    fn take(
        &mut self,
        state: &State,
        (entry, record): (u64, &Record),
        scope: &Range<u64>,
    ) -> Result<(), DecisionsError> {
        let failed = |cause| DecisionsError::Export { entry, cause };
        let inside = scope.contains(&entry);
        match &record.event {
            Event::Authority(
                AuthorityEvent::ApprovalAsked { .. } | AuthorityEvent::ApprovalProven { .. },
            ) => {
                let text = roster(state, record.at).map_err(failed)?.to_text();
                if self.rosters.values().next_back() != Some(&text) {
                    self.rosters.insert(entry, text);
                }
            }
            Event::RequestCleared { request, .. } if inside => {
                self.effect(state, entry, Target::Request(*request))
                    .map_err(failed)?;
            }
            Event::ChangeInForce { proposal }
            | Event::Authority(AuthorityEvent::StopKept { proposal })
                if inside =>
            {
                self.effect(state, entry, Target::Change(*proposal))
                    .map_err(failed)?;
            }
            Event::ClearanceIssued {
                request,
                text,
                digest,
                ..
            } => {
                let intent =
                    intent_of(state, *request).ok_or_else(|| DecisionsError::Clearance {
                        entry,
                        cause: "its intent can't be told".to_owned(),
                    })?;
                let issued = Issued {
                    entry,
                    text: text.clone(),
                    intent: intent.to_text(),
                    redeemed: None,
                };
                self.issued.insert(*digest, issued);
                if inside {
                    self.shown.insert(*digest);
                }
            }
            Event::IssuedRedeemed {
                clearance, signer, ..
            } => {
                if let Some(issued) = self.issued.get_mut(clearance) {
                    issued.redeemed = Some(Redemption {
                        at: record.at / 1_000,
                        clearance: Digest::from(*clearance),
                        signer: signer.clone(),
                    });
                }
                if inside {
                    self.shown.insert(*clearance);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Something took effect: with the answers it has by then, where it has any.
    fn effect(&mut self, state: &State, entry: u64, target: Target) -> Result<(), ExportError> {
        let id = match target {
            Target::Request(number) => state.guard.request_at(number).map(|row| &row.id),
            Target::Change(number) => {
                let place = usize::try_from(number).unwrap_or(usize::MAX);
                state.guard.proposals.get(place).map(|row| &row.id)
            }
            Target::Finding(_) => None,
        };
        let Some(id) = id.filter(|_| state.authority.matters.contains_key(&target)) else {
            return Ok(());
        };
        let recorded = Recorded::of_effect(state, target, id)?;
        if !recorded.is_empty() {
            self.effects.insert(target, (recorded, entry));
        }
        Ok(())
    }

    fn files<D: Disk>(
        self,
        state: &State,
        journal: &Journal<D>,
        guard: Option<&dyn NoteSigner>,
    ) -> Result<Decisions, DecisionsError> {
        let mut all = Decisions {
            approvals: self.effects.len(),
            clearances: self.shown.len(),
            ..Decisions::default()
        };
        let mut moments = BTreeSet::new();
        for (recorded, entry) in self.effects.into_values() {
            let asked = recorded.asked();
            moments.extend(recorded.entries());
            let file = recorded
                .read(journal)
                .map_err(|cause| DecisionsError::Export { entry, cause })?;
            all.files.insert(
                format!("approvals/{asked}.json"),
                file.to_text().into_bytes(),
            );
            all.entries.insert(entry);
        }
        all.entries.extend(&moments);
        add_rosters(&mut all, &self.rosters, &moments);
        let last = moments.last().copied().unwrap_or(0);
        let enrolled = state.authority.credentials.iter().map(|key| key.from);
        all.entries.extend(enrolled.filter(|from| *from < last));
        let shown = &self.shown;
        let issued = self
            .issued
            .into_iter()
            .filter(|(digest, _)| shown.contains(digest));
        let mut issued: Vec<Issued> = issued.map(|(_, issued)| issued).collect();
        issued.sort_by_key(|issued| issued.entry);
        add_clearances(&mut all, issued, guard)?;
        Ok(all)
    }
}

/// The roster in force at each moment at which somebody asked or answered.
fn add_rosters(all: &mut Decisions, rosters: &BTreeMap<u64, String>, moments: &BTreeSet<u64>) {
    let in_force = moments
        .iter()
        .filter_map(|moment| rosters.range(..=moment).next_back());
    for (entry, text) in in_force {
        let path = format!("roster/{entry}.json");
        all.files
            .entry(path)
            .or_insert_with(|| text.clone().into_bytes());
    }
}

/// A file a day (UTC), a line a clearance, in the order in which they were issued.
fn add_clearances(
    all: &mut Decisions,
    issued: Vec<Issued>,
    guard: Option<&dyn NoteSigner>,
) -> Result<(), DecisionsError> {
    if issued.is_empty() {
        return Ok(());
    }
    let guard = guard.ok_or(DecisionsError::NoGuardKey)?;
    for row in issued {
        let failed = |cause: String| DecisionsError::Clearance {
            entry: row.entry,
            cause,
        };
        let sign = |text: &str| {
            let signed = clearance::sign(text, guard);
            signed
                .map(Value::Text)
                .map_err(|error| failed(error.to_string()))
        };
        let clearance = Clearance::read(&row.text).map_err(|error| failed(error.to_string()))?;
        let mut members = vec![
            ("clearance", Value::Text(row.text.clone())),
            ("clearance_signature", sign(&clearance.sign_text())?),
            ("intent", Value::Text(row.intent)),
        ];
        if let Some(redemption) = &row.redeemed {
            members.push(("redemption", Value::Text(redemption.to_text())));
            members.push(("redemption_signature", sign(&redemption.sign_text())?));
        }
        let moment = row
            .redeemed
            .as_ref()
            .map_or(clearance.expires, |redemption| redemption.at);
        let path = format!("clearances/{}.jsonl", day(moment).map_err(failed)?);
        let line = Value::object(members).to_canonical() + "\n";
        all.files.entry(path).or_default().extend(line.into_bytes());
        all.entries.insert(row.entry);
    }
    Ok(())
}

/// The day of a moment (Unix seconds), UTC.
fn day(seconds: u64) -> Result<String, String> {
    let seconds = i64::try_from(seconds).map_err(|error| error.to_string())?;
    let moment = jiff::Timestamp::from_second(seconds).map_err(|error| error.to_string())?;
    Ok(moment.strftime("%Y-%m-%d").to_string())
}
