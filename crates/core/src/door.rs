//! The doors of an installation: who may knock, as the edges read it, and who was turned away before there was a command.
//!
//! What is refused at a door never reaches a rule, so that nothing else would tell of it: a guessed token, a passkey that
//! nobody has, a scope that an identity lacks. The edges count such attempts and tell them, at most once a minute each
//! (docs/edges.md, "What the doors tell").

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Most identities at once.
pub const IDENTITIES_MAX: usize = 4_096;
/// Most sorts of attempts remembered; the one that was not seen for longest gives way. The journal keeps all.
pub const SORTS_MAX: usize = 256;
/// Longest name of who was turned away, bytes.
pub const NAME_MAX: usize = 64;

/// A way in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Door {
    /// The HTTP interface for programs.
    Api = 1,
    /// The console for people.
    Console = 2,
}

impl Door {
    /// Stable public code, lower snake case.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Console => "console",
        }
    }
}

/// An identity of the file of tokens, without its secret.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Identity {
    /// Its name.
    pub name: String,
    /// Word of what it may do.
    pub scope: String,
    /// First day, UTC, on which it no longer counts, `YYYY-MM-DD`.
    pub until: String,
    /// SHA-256 of its line: another secret, certificate, scope or end gives another.
    pub fingerprint: [u8; 32],
}

/// Attempts of one sort that were turned away.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct TurnedAway {
    /// At which door.
    pub door: Door,
    /// Code of the refusal.
    pub code: String,
    /// Identity or person, where known; else empty.
    pub who: String,
    /// How often.
    pub count: u64,
    /// When the first of them came, ms.
    pub since: u64,
}

/// What the edges tell of the doors.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum DoorCommand {
    /// All identities that count from now on.
    TellIdentities(Vec<Identity>) = 1,
    /// Attempts that were turned away.
    TellTurnedAway(TurnedAway) = 2,
}

/// What happened at the doors. Numbers are never given twice.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum DoorEvent {
    /// An identity counts, or counts with another line.
    IdentityAdmitted(Identity) = 1,
    /// An identity counts no longer.
    IdentityEnded {
        /// Its name.
        name: String,
    } = 2,
    /// Attempts were turned away.
    TurnedAway(TurnedAway) = 3,
}

/// One sort of attempts, over all time.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Attempts {
    /// How often.
    pub count: u64,
    /// When the first came, ms.
    pub first: u64,
    /// When the last was told, ms.
    pub last: u64,
}

/// What names a sort of attempts: door, code of the refusal, and who, where known.
pub type Sort = (Door, String, String);

/// The doors as the journal knows them.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Doors {
    /// Identities that count, by name.
    pub identities: BTreeMap<String, Identity>,
    /// Attempts that were turned away.
    pub turned_away: BTreeMap<Sort, Attempts>,
}

impl Doors {
    /// Folds an event.
    pub(crate) fn apply(&mut self, at: u64, event: &DoorEvent) {
        match event {
            DoorEvent::IdentityAdmitted(identity) => {
                let name = identity.name.clone();
                self.identities.insert(name, identity.clone());
            }
            DoorEvent::IdentityEnded { name } => {
                self.identities.remove(name);
            }
            DoorEvent::TurnedAway(told) => self.count(at, told),
        }
    }

    fn count(&mut self, at: u64, told: &TurnedAway) {
        let sort = (told.door, told.code.clone(), told.who.clone());
        if !self.turned_away.contains_key(&sort) && self.turned_away.len() >= SORTS_MAX {
            let rows = self.turned_away.iter();
            let oldest = rows.min_by_key(|(_, row)| row.last).map(|(key, _)| key);
            if let Some(oldest) = oldest.cloned() {
                self.turned_away.remove(&oldest);
            }
        }
        let row = self.turned_away.entry(sort).or_insert(Attempts {
            count: 0,
            first: told.since,
            last: at,
        });
        row.count = row.count.saturating_add(told.count);
        row.last = row.last.max(at);
    }
}
