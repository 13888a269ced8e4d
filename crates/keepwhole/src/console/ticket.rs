//! Tickets of sign-ins. Nothing is kept of a sign-in that begins, so that no number of strangers pushes out anybody else's:
//! the ticket carries its time and where to go on, sealed with a key of this process, and the challenge follows from it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use keepwhole_verify::digest::Digest;
use sha2::Sha256;

use super::ceremony::PATIENCE_MS;
use super::session::random;

/// What stands before the seal of a ticket when the challenge is hashed.
const SIGN_IN_LABEL: &str = "keepwhole/sign-in/v1\n";
/// Tickets of one credential whose sign-in went through, remembered for as long as they would hold. Nobody signs in more
/// often within five minutes; whoever does waits, and nobody else.
const SPENT_MOST: usize = 64;

type Nonce = [u8; 16];

/// A ticket that was opened.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    /// The challenge that the authenticator must answer.
    pub(super) challenge: [u8; 32],
    /// The page to go on to.
    pub(super) next: String,
    at: u64,
    nonce: Nonce,
}

/// The key of this process, and the tickets that served.
pub(super) struct Tickets {
    mac: Hmac<Sha256>,
    /// When each was issued, and the credential that it served.
    spent: Mutex<BTreeMap<Nonce, (u64, Vec<u8>)>>,
}

/// A challenge of 256 bits that nobody knows before: the seal is random to whoever lacks the key.
fn challenge(seal: &[u8]) -> [u8; 32] {
    *Digest::of_parts(&[SIGN_IN_LABEL.as_bytes(), seal]).as_bytes()
}

fn over(at: u64, now: u64) -> bool {
    now >= at.saturating_add(PATIENCE_MS)
}

impl Tickets {
    /// With a new key.
    ///
    /// # Errors
    /// The system gave no random bytes.
    pub(super) fn new() -> Result<Self, getrandom::Error> {
        let block: [u8; 64] = random()?;
        Ok(Self {
            mac: Hmac::new(&block.into()),
            spent: Mutex::default(),
        })
    }

    fn sealing(&self, at: u64, nonce: &Nonce, next: &str) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        mac.update(&at.to_be_bytes());
        mac.update(nonce);
        mac.update(next.as_bytes());
        mac
    }

    /// A ticket of this moment (ms) and its challenge.
    ///
    /// # Errors
    /// The system gave no random bytes.
    pub(super) fn issue(
        &self,
        next: &str,
        now: u64,
    ) -> Result<(String, [u8; 32]), getrandom::Error> {
        let nonce: Nonce = random()?;
        let seal = self.sealing(now, &nonce, next).finalize().into_bytes();
        let at = now.to_be_bytes();
        let parts: [&[u8]; 4] = [&seal, &at, &nonce, next.as_bytes()];
        let ticket = URL_SAFE_NO_PAD.encode(parts.concat());
        Ok((ticket, challenge(&seal)))
    }

    /// Opens a ticket; `None` where it is not of this process, over, or served already.
    pub(super) fn open(&self, ticket: &str, now: u64) -> Option<Ticket> {
        let bytes = URL_SAFE_NO_PAD.decode(ticket).ok()?;
        let (seal, rest) = bytes.split_first_chunk::<32>()?;
        let (at, rest) = rest.split_first_chunk::<8>()?;
        let (nonce, next) = rest.split_first_chunk::<16>()?;
        let (at, next) = (u64::from_be_bytes(*at), std::str::from_utf8(next).ok()?);
        let held = self.sealing(at, nonce, next).verify_slice(seal).is_ok();
        let spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if !held || over(at, now) || spent.contains_key(nonce) {
            return None;
        }
        Some(Ticket {
            challenge: challenge(seal),
            next: next.to_owned(),
            at,
            nonce: *nonce,
        })
    }

    /// The assertion for this ticket by this credential verified: it serves no more. False where it served before, or too
    /// many served the credential just now.
    #[must_use]
    pub(super) fn spend(&self, ticket: &Ticket, credential: &[u8], now: u64) -> bool {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.retain(|_, (at, _)| !over(*at, now));
        let own = spent.values().filter(|(_, by)| by == credential).count();
        let row = (ticket.at, credential.to_vec());
        own < SPENT_MOST && spent.insert(ticket.nonce, row).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::{PATIENCE_MS, SPENT_MOST, Tickets};

    #[test]
    fn a_ticket_opens_here_in_time_and_serves_once() {
        let tickets = Tickets::new().unwrap();
        let (text, challenge) = tickets.issue("/guard?a=1", 1_000).unwrap();
        let (other, another) = tickets.issue("/guard?a=1", 1_000).unwrap();
        assert!(text != other && challenge != another);
        let ticket = tickets.open(&text, 1_000).unwrap();
        assert_eq!(
            (ticket.challenge, ticket.next.as_str()),
            (challenge, "/guard?a=1")
        );
        assert!(tickets.open(&text, 1_000 + PATIENCE_MS - 1).is_some());
        assert!(tickets.open(&text, 1_000 + PATIENCE_MS).is_none(), "late");
        assert!(
            Tickets::new().unwrap().open(&text, 1_000).is_none(),
            "another process"
        );
        for at in 0..text.len() {
            let mut bent = text.clone().into_bytes();
            bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
            let bent = String::from_utf8(bent).unwrap();
            assert!(tickets.open(&bent, 1_000).is_none(), "letter {at}");
        }
        for wrong in ["", "AAAA", &text[..70], &format!("{text}A"), "ü"] {
            assert!(tickets.open(wrong, 1_000).is_none(), "{wrong}");
        }
        assert!(tickets.spend(&ticket, b"key", 1_000));
        assert!(
            !tickets.spend(&ticket, b"key", 1_000),
            "of two at once, one"
        );
        assert!(tickets.open(&text, 1_000).is_none());
        assert!(tickets.open(&other, 1_000).is_some());
    }

    #[test]
    fn what_begins_takes_no_room_and_what_served_takes_little() {
        let tickets = Tickets::new().unwrap();
        let (first, _) = tickets.issue("/", 0).unwrap();
        for _ in 0..2_000 {
            tickets.issue("/", 0).unwrap();
        }
        assert!(tickets.open(&first, 1).is_some());
        assert!(tickets.spent.lock().unwrap().is_empty());
        for _ in 0..SPENT_MOST {
            let (text, _) = tickets.issue("/", 0).unwrap();
            assert!(tickets.spend(&tickets.open(&text, 0).unwrap(), b"key", 0));
        }
        let first = tickets.open(&first, 1).unwrap();
        assert!(
            !tickets.spend(&first, b"key", 1),
            "what served is not forgotten early"
        );
        assert!(tickets.spend(&first, b"other", 1), "nobody else waits");
        let (late, _) = tickets.issue("/", PATIENCE_MS).unwrap();
        let late = tickets.open(&late, PATIENCE_MS).unwrap();
        assert!(tickets.spend(&late, b"key", PATIENCE_MS));
        assert_eq!(tickets.spent.lock().unwrap().len(), 1);
    }
}
