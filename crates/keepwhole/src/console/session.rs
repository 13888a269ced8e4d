//! Sessions: who is signed in, in memory alone. A session can read and nothing else.
//!
//! A browser holds a random token of 256 bits; here lies only its SHA-256, which every comparison walks through whole and
//! in constant time. How long a session lasts are rules of authority (docs/sign-in.md).

use std::sync::{Mutex, MutexGuard, PoisonError};

use keepwhole_core::authority::session::SessionRules;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Sessions of one credential at once; of these the one that was not used for longest gives way, so that nobody ends
/// anybody else's.
const MOST_OF_ONE: usize = 8;

/// A session as the pages see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// SHA-256 of its token: its name among ceremonies.
    pub(crate) digest: [u8; 32],
    /// Id of the credential that signed in.
    pub(crate) credential: Vec<u8>,
    /// When it began, ms.
    pub(crate) began: u64,
    /// When it was last used, ms.
    pub(crate) used: u64,
}

impl Session {
    /// Until when it holds, ms; `None` where it is over.
    pub(crate) fn holds(&self, rules: SessionRules, now: u64) -> Option<u64> {
        // Two clocks of one machine may differ by a moment.
        rules.holds(self.began, self.used, now.max(self.used)).ok()
    }
}

/// All sessions.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<Vec<Session>>);

/// SHA-256 of a token as the cookie carries it.
fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

impl Sessions {
    fn rows(&self) -> MutexGuard<'_, Vec<Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a session; gives its token.
    ///
    /// # Errors
    /// The system gave no random bytes.
    pub(crate) fn begin(&self, credential: &[u8], now: u64) -> Result<String, getrandom::Error> {
        let token = random_hex::<32>()?;
        let mut rows = self.rows();
        let own = rows.iter().enumerate();
        let own = own.filter(|(_, row)| row.credential == credential);
        let full = own.clone().count() >= MOST_OF_ONE;
        let oldest = own.min_by_key(|(_, row)| row.used).map(|(place, _)| place);
        if let Some(place) = oldest.filter(|_| full) {
            rows.swap_remove(place);
        }
        rows.push(Session {
            digest: digest(&token),
            credential: credential.to_vec(),
            began: now,
            used: now,
        });
        Ok(token)
    }

    /// The session of a token. All are compared, in constant time.
    pub(crate) fn of_token(&self, token: &str) -> Option<Session> {
        let wanted = digest(token);
        let mut found = None;
        for row in self.rows().iter() {
            if bool::from(row.digest.ct_eq(&wanted)) {
                found = Some(row.clone());
            }
        }
        found
    }

    /// It was used at `now`.
    pub(crate) fn used(&self, session: &Session, now: u64) {
        let mut rows = self.rows();
        if let Some(row) = rows.iter_mut().find(|row| row.digest == session.digest) {
            row.used = row.used.max(now);
        }
    }

    /// Ends it.
    pub(crate) fn end(&self, digest: &[u8; 32]) {
        self.rows().retain(|row| row.digest != *digest);
    }
}

/// `N` random bytes in lower-case hex.
///
/// # Errors
/// The system gave none.
pub(crate) fn random_hex<const N: usize>() -> Result<String, getrandom::Error> {
    Ok(keepwhole_verify::json::to_hex(&random::<N>()?))
}

/// `N` random bytes.
///
/// # Errors
/// The system gave none.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::{MOST_OF_ONE, Sessions};
    use keepwhole_core::authority::session::SessionRules;

    #[test]
    fn a_token_opens_its_own_session_until_it_ends() {
        let sessions = Sessions::default();
        let token = sessions.begin(b"key", 1_000).unwrap();
        let other = sessions.begin(b"other", 1_000).unwrap();
        assert_eq!(token.len(), 64);
        assert_ne!(token, other);
        let session = sessions.of_token(&token).unwrap();
        assert_eq!(session.credential, b"key");
        assert!(!format!("{sessions:?}").contains(&token));
        for wrong in ["", "0", &token[..63], &token.to_uppercase()] {
            assert_eq!(sessions.of_token(wrong), None, "{wrong}");
        }
        sessions.end(&session.digest);
        assert_eq!(sessions.of_token(&token), None);
        assert!(sessions.of_token(&other).is_some());
    }

    #[test]
    fn fifteen_idle_minutes_or_eight_hours_end_it() {
        let rules = SessionRules::usual();
        let sessions = Sessions::default();
        let token = sessions.begin(b"key", 0).unwrap();
        let minute = 60_000;
        for at in (0..480).step_by(14) {
            let session = sessions.of_token(&token).unwrap();
            assert!(session.holds(rules, at * minute).is_some(), "{at}");
            sessions.used(&session, at * minute);
        }
        let session = sessions.of_token(&token).unwrap();
        assert_eq!(session.holds(rules, 480 * minute), None);
        let fresh = sessions.begin(b"key", 0).unwrap();
        let fresh = sessions.of_token(&fresh).unwrap();
        assert!(fresh.holds(rules, 15 * minute - 1).is_some());
        assert_eq!(fresh.holds(rules, 15 * minute), None);
    }

    #[test]
    fn so_many_of_one_credential_and_its_oldest_gives_way() {
        let sessions = Sessions::default();
        let other = sessions.begin(b"other", 0).unwrap();
        let first = sessions.begin(b"key", 0).unwrap();
        for at in 1..=300 {
            sessions.begin(b"key", at).unwrap();
        }
        assert_eq!(sessions.of_token(&first), None);
        assert!(sessions.of_token(&other).is_some(), "nobody else's");
        assert_eq!(sessions.rows().len(), MOST_OF_ONE + 1);
    }
}
