//! Ceremonies with an authenticator that were begun and not finished: each has a ticket, serves once, and soon ends.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use keepwhole_core::authority::credential::DeviceKind;
use keepwhole_core::authority::matter::Decision;
use keepwhole_core::guard::Change;
use keepwhole_verify::digest::Digest;

use super::session::random_hex;

/// How long a prompt may stay open, ms.
pub(crate) const PATIENCE_MS: u64 = 5 * 60_000;
/// Ceremonies of one kind at once; the oldest gives way.
const MOST: usize = 512;

/// What is done when it is finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Make a passkey.
    Enrol {
        /// The name given to the authenticator.
        name: String,
        /// On what the key lives.
        kind: DeviceKind,
    },
    /// Answer a matter.
    Answer {
        /// Its id.
        target: String,
        /// The role in which the person speaks.
        role: String,
        /// Yes or no.
        decision: Decision,
        /// The nonce of the challenge.
        nonce: [u8; 16],
        /// When the challenge was made, Unix seconds.
        issued: u64,
        /// Last second of its use, Unix seconds.
        expires: u64,
    },
    /// Propose a change.
    Propose {
        /// Id of the proposal.
        id: String,
        /// The change.
        change: Box<Change>,
    },
}

/// A ceremony that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Begun {
    /// What it is for.
    pub(crate) purpose: Purpose,
    /// The challenge that the authenticator must answer.
    pub(crate) challenge: [u8; 32],
    /// The session in which it was begun; none for those that need none.
    pub(crate) session: Option<[u8; 32]>,
    /// When, ms.
    pub(crate) at: u64,
}

/// Those that were begun, by ticket.
#[derive(Debug, Default)]
pub(crate) struct Ceremonies(Mutex<VecDeque<(Digest, Begun)>>);

impl Ceremonies {
    /// Keeps a ceremony; gives its ticket.
    ///
    /// # Errors
    /// The system gave no random bytes.
    pub(crate) fn begin(&self, begun: Begun) -> Result<String, getrandom::Error> {
        let ticket = random_hex::<32>()?;
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if rows.len() >= MOST {
            rows.pop_front();
        }
        rows.push_back((Digest::of(ticket.as_bytes()), begun));
        Ok(ticket)
    }

    /// The ceremony of a ticket, which then serves no more; `None` where there is none, it is over, or it was begun in
    /// another session.
    pub(crate) fn take(&self, ticket: &str, session: Option<&[u8; 32]>, now: u64) -> Option<Begun> {
        let wanted = Digest::of(ticket.as_bytes());
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rows.retain(|(_, begun)| now < begun.at.saturating_add(PATIENCE_MS));
        let place = rows.iter().position(|(held, _)| *held == wanted)?;
        let (_, begun) = rows.remove(place)?;
        (begun.session.as_ref() == session).then_some(begun)
    }
}

#[cfg(test)]
mod tests {
    use super::{Begun, Ceremonies, DeviceKind, MOST, PATIENCE_MS, Purpose};

    fn begun(at: u64, session: Option<[u8; 32]>) -> Begun {
        Begun {
            purpose: Purpose::Enrol {
                name: "kim".into(),
                kind: DeviceKind::Phone,
            },
            challenge: [1; 32],
            session,
            at,
        }
    }

    #[test]
    fn a_ticket_serves_once_in_its_own_session_and_not_late() {
        let all = Ceremonies::default();
        let ticket = all.begin(begun(0, None)).unwrap();
        assert!(all.take("", None, 1).is_none());
        assert!(all.take(&ticket, None, 1).is_some());
        assert!(all.take(&ticket, None, 1).is_none());
        let late = all.begin(begun(0, None)).unwrap();
        assert!(all.take(&late, None, PATIENCE_MS).is_none());
        let seated = all.begin(begun(0, Some([7; 32]))).unwrap();
        assert!(all.take(&seated, Some(&[8; 32]), 1).is_none());
        assert!(
            all.take(&seated, Some(&[7; 32]), 1).is_none(),
            "it was spent"
        );
    }

    #[test]
    fn no_crowd_fills_the_memory() {
        let all = Ceremonies::default();
        let first = all.begin(begun(0, None)).unwrap();
        for _ in 0..MOST {
            all.begin(begun(0, None)).unwrap();
        }
        assert!(all.take(&first, None, 1).is_none());
    }
}
