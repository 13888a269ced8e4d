//! The doors: who may knock, and who was turned away.

use keepwhole_core::door::Door;
use keepwhole_core::state::State;

/// Rows shown of those who were turned away; the latest first.
const ROWS: usize = 50;

/// An identity of the interface for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityRow {
    /// Its name.
    pub name: String,
    /// Word of what it may do.
    pub scope: String,
    /// First day, UTC, on which it no longer counts.
    pub until: String,
}

/// Attempts of one sort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnedAwayRow {
    /// The catalogue's key of the door.
    pub door: &'static str,
    /// Code of the refusal.
    pub code: String,
    /// Identity or person; empty where nobody is known.
    pub who: String,
    /// How often.
    pub count: u64,
    /// When the first came, milliseconds since the epoch.
    pub first: u64,
    /// When the last was told, milliseconds since the epoch.
    pub last: u64,
}

/// What the journal knows of the doors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DoorsView {
    /// Identities that count, by name.
    pub identities: Vec<IdentityRow>,
    /// Who was turned away, the latest first; at most fifty sorts.
    pub turned_away: Vec<TurnedAwayRow>,
}

impl DoorsView {
    /// The doors at this state.
    #[must_use]
    pub fn of(state: &State) -> Self {
        let identities = state.doors.identities.values().map(|row| IdentityRow {
            name: row.name.clone(),
            scope: row.scope.clone(),
            until: row.until.clone(),
        });
        let sorts = state.doors.turned_away.iter();
        let mut turned_away: Vec<TurnedAwayRow> = sorts
            .map(|((door, code, who), row)| TurnedAwayRow {
                door: match door {
                    Door::Api => "door-api",
                    Door::Console => "door-console",
                },
                code: code.clone(),
                who: who.clone(),
                count: row.count,
                first: row.first,
                last: row.last,
            })
            .collect();
        turned_away.sort_by_key(|row| std::cmp::Reverse(row.last));
        turned_away.truncate(ROWS);
        Self {
            identities: identities.collect(),
            turned_away,
        }
    }
}
