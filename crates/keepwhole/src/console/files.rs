//! Files that staff brings to propose what they say: policies, rules of authority, credentials. Each is checked when it comes,
//! and waits in memory for the touch that proposes it; a credential waits as one that was made here.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use keepwhole_core::guard::Change;

use super::refusal::No;
use super::session::random_hex;
use super::staff::{Seat, Staff};
use crate::authority::{credential, rules};
use crate::policy::{Fault, Finding, Unadoptable};
use crate::text::Words;

/// Files at once, of all sessions; the oldest gives way.
const MOST: usize = 64;
/// How long a file waits for its touch, ms.
const PATIENCE_MS: u64 = 60 * 60_000;

/// What a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A policy (docs/policy.md).
    Policy,
    /// Rules of authority (docs/authority.md).
    Rules,
    /// A credential, as the page of new passkeys and the approver client write it.
    Credential,
}

impl Kind {
    /// All, in the order of the page.
    pub(crate) const ALL: [Self; 3] = [Self::Policy, Self::Rules, Self::Credential];

    /// The name of its field.
    pub(crate) const fn field(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Rules => "rules",
            Self::Credential => "credential",
        }
    }

    /// Where its form is sent.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Policy => "/propose/policy",
            Self::Rules => "/propose/rules",
            Self::Credential => "/propose/credential",
        }
    }
}

/// Why a file is not taken.
#[derive(Clone, Debug)]
pub(crate) struct Unfit {
    /// What it was brought as.
    pub(crate) kind: Kind,
    /// The refusal.
    pub(crate) no: No,
    /// Each fault, where the file itself has any.
    pub(crate) faults: Vec<Fault>,
}

/// A file that was checked and is not proposed yet.
#[derive(Clone, Debug)]
pub(crate) struct Brought {
    /// What it would change.
    pub(crate) change: Change,
    /// What its check says beside.
    pub(crate) notes: Vec<Finding>,
    session: [u8; 32],
    at: u64,
}

/// Files that wait, by a random name.
#[derive(Debug, Default)]
pub(crate) struct Files(Mutex<VecDeque<(String, Brought)>>);

impl Files {
    fn rows(&self) -> MutexGuard<'_, VecDeque<(String, Brought)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, file: Brought) -> Result<String, getrandom::Error> {
        let under = random_hex::<16>()?;
        let mut rows = self.rows();
        rows.retain(|(_, row)| file.at < row.at.saturating_add(PATIENCE_MS));
        if rows.len() >= MOST {
            rows.pop_front();
        }
        rows.push_back((under.clone(), file));
        Ok(under)
    }
}

/// A file's faults as a refusal.
fn faulty(faults: Vec<Fault>) -> (No, Vec<Fault>) {
    (No::key(400, "file", "propose-faults"), faults)
}

impl Staff {
    /// Takes a file; gives the page on which it is proposed.
    ///
    /// # Errors
    /// Why it is not taken; nothing is kept then.
    pub(crate) fn bring_file(
        &self,
        seat: &Seat,
        kind: Kind,
        file: Option<String>,
    ) -> Result<String, Unfit> {
        let taken = match file {
            None => Err((No::malformed(), Vec::new())),
            Some(text) => self.take(seat, kind, &text),
        };
        taken.map_err(|(no, faults)| Unfit { kind, no, faults })
    }

    fn take(&self, seat: &Seat, kind: Kind, text: &str) -> Result<String, (No, Vec<Fault>)> {
        let plain = |no: No| (no, Vec::new());
        let (change, notes) = match kind {
            Kind::Policy => {
                let read = self.desk.next_policy(text);
                let read = read.map_err(|error| plain(No::from(error)))?;
                let (policy, notes) = read.map_err(|why| match why {
                    Unadoptable::Unchecked(why) => plain(No {
                        status: 503,
                        ..No::file(Words::plain(&why.to_string()))
                    }),
                    why => faulty(why.faults()),
                })?;
                (Change::AdoptPolicy(Box::new(policy)), notes)
            }
            Kind::Rules => {
                let read = rules(text, Vec::new()).map_err(|refused| faulty(refused.0))?;
                (Change::AdoptAuthority(Box::new(read)), Vec::new())
            }
            Kind::Credential => {
                let key = credential(text).map_err(|fault| {
                    let words = Words::key("propose-bad-credential").with("why", fault.to_string());
                    plain(No::file(words))
                })?;
                let under = self.keep_made("", key).map_err(plain)?;
                return Ok(format!("/enrol/{under}"));
            }
        };
        let kept = self.files.keep(Brought {
            change,
            notes,
            session: seat.session.digest,
            at: self.desk.now(),
        });
        let under = kept.map_err(|error| plain(No::from(error)))?;
        Ok(format!("/propose/file/{under}"))
    }

    /// A file that was brought in this session within the hour.
    pub(crate) fn file(&self, seat: &Seat, under: &str) -> Option<Brought> {
        let now = self.desk.now();
        let rows = self.files.rows();
        let row = rows.iter().find(|(name, row)| {
            name == under
                && row.session == seat.session.digest
                && now < row.at.saturating_add(PATIENCE_MS)
        });
        row.map(|(_, row)| row.clone())
    }
}
