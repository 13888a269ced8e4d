//! Who was turned away at a door, told to the journal: the first attempt of a sort at once, what follows it within the
//! minute as one number. So nothing that is tried stays unseen, and nobody fills the journal by trying.
//!
//! A sort is door, code of the refusal, and identity or person where known. What a caller wrote is never part of it.

use crate::{Done, Intake, NoReply};
use keepwhole_core::command::{Body, Command};
use keepwhole_core::door::{Door, DoorCommand, NAME_MAX, TurnedAway};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Attempts of one sort are told at most so often, ms.
const EVERY_MS: u64 = 60_000;
/// Sorts counted apart at once; attempts of further ones are counted as [`MORE`] of their door.
const SORTS: usize = 128;
/// Stands for the code of attempts whose sort is not counted apart.
const MORE: &str = "more";

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Sort {
    door: Door,
    code: String,
    who: String,
}

/// Attempts of a sort since they were told last.
#[derive(Clone, Copy, Debug)]
struct Row {
    told_at: u64,
    /// When the first of those came that are not told yet.
    since: u64,
    count: u64,
}

/// The count at the doors of an installation.
pub struct Refusals {
    intake: Arc<dyn Intake>,
    rows: Mutex<BTreeMap<Sort, Row>>,
}

impl std::fmt::Debug for Refusals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Refusals").finish_non_exhaustive()
    }
}

impl Refusals {
    /// Tells `intake`.
    #[must_use]
    pub fn new(intake: Arc<dyn Intake>) -> Arc<Self> {
        Arc::new(Self {
            intake,
            rows: Mutex::default(),
        })
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<Sort, Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody was turned away at `now`, ms since the epoch. `who` is empty where nobody is known, and counts as empty
    /// where it is more than 64 visible characters of ASCII, which is all that the journal takes.
    pub fn turned_away(self: &Arc<Self>, door: Door, code: &str, who: &str, now: u64) {
        let fits = who.len() <= NAME_MAX && who.bytes().all(|byte| byte.is_ascii_graphic());
        let who = if fits { who } else { "" };
        let mut sort = Sort {
            door,
            code: code.to_owned(),
            who: who.to_owned(),
        };
        let mut rows = self.rows();
        if rows.len() >= SORTS && !rows.contains_key(&sort) {
            MORE.clone_into(&mut sort.code);
            sort.who.clear();
        }
        match rows.get_mut(&sort) {
            Some(row) => row.more(1, now),
            None => {
                let told_at = now;
                rows.insert(
                    sort.clone(),
                    Row {
                        told_at,
                        since: now,
                        count: 0,
                    },
                );
                drop(rows);
                self.tell(sort, 1, now);
            }
        }
    }

    /// Tells what has waited for a minute at `now`; called about once a second.
    pub fn tick(self: &Arc<Self>, now: u64) {
        self.tell_those(now, |row| now.saturating_sub(row.told_at) >= EVERY_MS);
    }

    /// Tells all that waits: before the end.
    pub fn tell_all(self: &Arc<Self>, now: u64) {
        self.tell_those(now, |_| true);
    }

    fn tell_those(self: &Arc<Self>, now: u64, due: impl Fn(&Row) -> bool) {
        let mut told = Vec::new();
        self.rows().retain(|sort, row| {
            if !due(row) {
                return true;
            }
            let waits = row.count > 0;
            if waits {
                told.push((sort.clone(), row.count, row.since));
                (row.count, row.told_at) = (0, now);
            }
            waits
        });
        for (sort, count, since) in told {
            self.tell(sort, count, since);
        }
    }

    /// Tells; what could not be told now waits on.
    fn tell(self: &Arc<Self>, sort: Sort, count: u64, since: u64) {
        let told = DoorCommand::TellTurnedAway(TurnedAway {
            door: sort.door,
            code: sort.code.clone(),
            who: sort.who.clone(),
            count,
            since,
        });
        let command = Command {
            id: None,
            actor: None,
            body: Body::OfDoor(told),
        };
        let counts = Arc::clone(self);
        let done: Done = Box::new(move |reply| {
            if matches!(reply, Err(NoReply::Busy { .. })) {
                let mut rows = counts.rows();
                let row = rows.entry(sort).or_insert(Row {
                    told_at: since,
                    since,
                    count: 0,
                });
                row.more(count, since);
                row.since = row.since.min(since);
            }
        });
        self.intake.submit(command, done);
    }
}

impl Row {
    fn more(&mut self, count: u64, at: u64) {
        if self.count == 0 {
            self.since = at;
        }
        self.count = self.count.saturating_add(count);
    }
}

/// On an answer: somebody was turned away, with this code; whose token it was, where that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turned {
    /// Code of the refusal.
    pub code: String,
    /// Identity; empty where nobody is known.
    pub who: String,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
    use super::{EVERY_MS, Refusals, SORTS};
    use crate::{Done, Intake, NoReply};
    use keepwhole_core::answer::{Answer, Reply};
    use keepwhole_core::command::{Body, Command};
    use keepwhole_core::door::{Door, DoorCommand};
    use keepwhole_core::reason::Reason;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex};

    #[derive(Default)]
    struct Heard {
        told: Mutex<Vec<(String, String, u64, u64)>>,
        busy: AtomicBool,
    }

    impl Intake for Heard {
        fn submit(&self, command: Command, done: Done) {
            if self.busy.load(Ordering::Relaxed) {
                let why = String::new();
                return done(Err(NoReply::Busy { why, retry_ms: 1 }));
            }
            if let Body::OfDoor(DoorCommand::TellTurnedAway(told)) = command.body {
                let row = (told.code, told.who, told.count, told.since);
                self.told.lock().unwrap().push(row);
            }
            done(Ok(Reply {
                answer: Answer::Recorded,
                repeated: false,
                created: None,
                repeated_rows: 0,
            }));
        }
        fn decimals(&self, _: &str) -> Option<u8> {
            None
        }
        fn describe(&self, _: &Reason) -> serde_json::Value {
            serde_json::Value::Null
        }
        fn unready(&self) -> Option<String> {
            None
        }
    }

    fn setup() -> (Arc<Heard>, Arc<Refusals>) {
        let heard = Arc::new(Heard::default());
        let refusals = Refusals::new(Arc::clone(&heard) as Arc<dyn Intake>);
        (heard, refusals)
    }

    fn taken(heard: &Heard) -> Vec<(String, String, u64, u64)> {
        std::mem::take(&mut heard.told.lock().unwrap())
    }

    fn row(code: &str, who: &str, count: u64, since: u64) -> (String, String, u64, u64) {
        (code.to_owned(), who.to_owned(), count, since)
    }

    #[test]
    fn the_first_is_told_at_once_and_what_follows_after_the_minute() {
        let (heard, refusals) = setup();
        for at in [1_000, 2_000, 30_000] {
            refusals.turned_away(Door::Api, "unauthorised", "", at);
            refusals.tick(at);
        }
        refusals.turned_away(Door::Api, "scope", "wallets", 31_000);
        assert_eq!(
            taken(&heard),
            [
                row("unauthorised", "", 1, 1_000),
                row("scope", "wallets", 1, 31_000)
            ]
        );
        refusals.tick(EVERY_MS + 999);
        assert_eq!(taken(&heard), []);
        refusals.tick(EVERY_MS + 1_000);
        assert_eq!(taken(&heard), [row("unauthorised", "", 2, 2_000)]);
        // Silence for a minute: then the next one is told at once again.
        refusals.tick(2 * EVERY_MS + 1_000);
        refusals.turned_away(Door::Api, "unauthorised", "", 200_000);
        assert_eq!(taken(&heard), [row("unauthorised", "", 1, 200_000)]);
    }

    #[test]
    fn what_a_busy_journal_did_not_take_is_told_later_and_the_end_leaves_nothing() {
        let (heard, refusals) = setup();
        heard.busy.store(true, Ordering::Relaxed);
        for at in [5, 6, 7] {
            refusals.turned_away(Door::Console, "no_session", "", at);
        }
        heard.busy.store(false, Ordering::Relaxed);
        refusals.tell_all(8);
        assert_eq!(taken(&heard), [row("no_session", "", 3, 5)]);
        refusals.turned_away(Door::Console, "no_session", "", 9);
        refusals.tell_all(10);
        assert_eq!(taken(&heard), [row("no_session", "", 1, 9)]);
    }

    #[test]
    fn many_sorts_are_counted_together() {
        let (heard, refusals) = setup();
        for number in 0..SORTS + 40 {
            refusals.turned_away(Door::Api, "scope", &format!("n{number}"), 1);
        }
        assert_eq!(taken(&heard).len(), SORTS + 1, "each apart, then `more`");
        refusals.tell_all(2);
        assert_eq!(taken(&heard), [row("more", "", 39, 1)]);
    }
}
