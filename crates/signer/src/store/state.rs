//! What the records add up to.

use super::record::{Digest32, Record};
use crate::caps::{Count, Counted, Window};
use std::collections::BTreeMap;

/// What is bound to an intent since its first attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntentSeen {
    /// When it expires, seconds since the epoch; it is remembered until then.
    pub expires: u64,
    /// Number of the newest attempt.
    pub attempt: u64,
    /// Digest of its clearance.
    pub clearance: Digest32,
    /// Whether that clearance was redeemed.
    pub redeemed: bool,
    /// What all attempts spend.
    pub spends: String,
    /// Greatest fee counted so far, minor units.
    pub fee: u128,
}

/// Everything a signer remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    signer: Option<String>,
    latest: u64,
    counted: BTreeMap<String, Counted>,
    intents: BTreeMap<Digest32, IntentSeen>,
    head: Option<(u64, String)>,
    fork: Option<(u64, String)>,
}

impl State {
    /// Whose memory it is; empty before the first record.
    #[must_use]
    pub fn signer(&self) -> &str {
        self.signer.as_deref().unwrap_or_default()
    }

    /// Latest time of any record, seconds since the epoch. No time before it is believed.
    #[must_use]
    pub const fn latest(&self) -> u64 {
        self.latest
    }

    /// What `window` counts of an asset at `now`.
    #[must_use]
    pub fn used(&self, asset: &str, window: Window, now: u64) -> u128 {
        self.counted
            .get(asset)
            .map_or(0, |counted| counted.used(window, now))
    }

    /// What is known of an intent.
    #[must_use]
    pub fn intent(&self, digest: &Digest32) -> Option<&IntentSeen> {
        self.intents.get(digest)
    }

    /// How many intents are remembered.
    #[must_use]
    pub fn intents(&self) -> usize {
        self.intents.len()
    }

    /// The head of the log that was seen last, as served.
    #[must_use]
    pub fn head(&self) -> Option<&str> {
        self.head.as_ref().map(|(_, note)| note.as_str())
    }

    /// A head that does not belong to it, if one was seen and nobody settled it.
    #[must_use]
    pub fn fork(&self) -> Option<&str> {
        self.fork.as_ref().map(|(_, note)| note.as_str())
    }

    /// Whether `record` can follow.
    pub(super) fn check(&self, record: &Record) -> Result<(), String> {
        match record {
            Record::Created { .. } if self.signer.is_some() => {
                Err("the memory was made before".to_owned())
            }
            Record::Created { .. } => Ok(()),
            _ if self.signer.is_none() => {
                Err("the first record must say whose memory it is".to_owned())
            }
            Record::Begun {
                intent,
                attempt,
                spends,
                ..
            } => match self.intents.get(intent) {
                Some(seen) if seen.spends != *spends => {
                    Err("something else spent by an attempt of the same intent".to_owned())
                }
                Some(seen) if *attempt <= seen.attempt => {
                    Err("an attempt that is not after the one before".to_owned())
                }
                _ => Ok(()),
            },
            Record::Redeemed {
                intent, clearance, ..
            } => match self.intents.get(intent) {
                Some(seen) if seen.clearance == *clearance => Ok(()),
                _ => Err("a redemption without its attempt".to_owned()),
            },
            Record::ForkSettled { .. } if self.fork.is_none() => Err("there is no fork".to_owned()),
            Record::Counted { .. }
            | Record::Head { .. }
            | Record::Forked { .. }
            | Record::ForkSettled { .. } => Ok(()),
        }
    }

    /// Folds a record that was checked.
    pub(super) fn apply(&mut self, record: &Record) {
        self.latest = self.latest.max(record.at());
        match record {
            Record::Created { signer, .. } => self.signer = Some(signer.clone()),
            Record::Begun {
                at,
                intent,
                intent_expires,
                attempt,
                clearance,
                spends,
                fee,
                counts,
            } => {
                for count in counts {
                    self.count(*at, count);
                }
                let counted = self.intents.get(intent).map_or(0, |seen| seen.fee);
                let seen = IntentSeen {
                    expires: *intent_expires,
                    attempt: *attempt,
                    clearance: *clearance,
                    redeemed: false,
                    spends: spends.clone(),
                    fee: counted.max(*fee),
                };
                self.intents.insert(*intent, seen);
            }
            Record::Redeemed { intent, .. } => {
                if let Some(seen) = self.intents.get_mut(intent) {
                    seen.redeemed = true;
                }
            }
            Record::Counted { at, count } => self.count(*at, count),
            Record::Head { at, note } => self.head = Some((*at, note.clone())),
            Record::Forked { at, note } => self.fork = Some((*at, note.clone())),
            Record::ForkSettled { at, note } => {
                self.fork = None;
                self.head = Some((*at, note.clone()));
            }
        }
    }

    fn count(&mut self, at: u64, count: &Count) {
        self.counted
            .entry(count.asset.clone())
            .or_default()
            .add(at, count.amount, count.approved);
    }

    /// Forgets intents that have expired and counts that no window holds: neither can be asked for again.
    pub(super) fn forget(&mut self) {
        let now = self.latest;
        self.intents.retain(|_, seen| seen.expires > now);
        for counted in self.counted.values_mut() {
            counted.prune(now);
        }
    }

    /// Records that add up to this. The first carries the latest time: what is forgotten was seen before it, and must not
    /// become young again under a clock that was set back.
    pub(super) fn records(&self) -> Vec<Record> {
        let mut records = vec![Record::Created {
            at: self.latest,
            signer: self.signer().to_owned(),
        }];
        for (asset, counted) in &self.counted {
            records.extend(
                counted
                    .entries()
                    .map(|(at, amount, approved)| Record::Counted {
                        at,
                        count: Count {
                            asset: asset.clone(),
                            amount,
                            approved,
                        },
                    }),
            );
        }
        for (intent, seen) in &self.intents {
            records.push(Record::Begun {
                at: self.latest,
                intent: *intent,
                intent_expires: seen.expires,
                attempt: seen.attempt,
                clearance: seen.clearance,
                spends: seen.spends.clone(),
                fee: seen.fee,
                counts: Vec::new(),
            });
            if seen.redeemed {
                records.push(Record::Redeemed {
                    at: self.latest,
                    intent: *intent,
                    clearance: seen.clearance,
                });
            }
        }
        let head = self.head.iter().map(|(at, note)| Record::Head {
            at: *at,
            note: note.clone(),
        });
        let fork = self.fork.iter().map(|(at, note)| Record::Forked {
            at: *at,
            note: note.clone(),
        });
        records.extend(head.chain(fork));
        records
    }
}
