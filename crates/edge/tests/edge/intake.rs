//! An intake that keeps what it was handed and answers as the core would: the same id once.

use keepwhole_core::answer::{Answer, Reply};
use keepwhole_core::command::Command;
use keepwhole_core::reason::Reason;
use keepwhole_edge::{Done, Intake, NoReply};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// How the next commands are met.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Recording,
    Busy,
    Stopped,
    Silent,
}

pub(crate) struct Watched {
    pub(crate) taken: Mutex<Vec<Command>>,
    known: Mutex<BTreeMap<String, [u8; 32]>>,
    pub(crate) mood: Mutex<Mood>,
    /// Commands that are held back, to be answered when the test says so.
    pub(crate) waiting: Mutex<Vec<Done>>,
}

impl Watched {
    pub(crate) fn new() -> Self {
        Self {
            taken: Mutex::default(),
            known: Mutex::default(),
            mood: Mutex::new(Mood::Recording),
            waiting: Mutex::default(),
        }
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn reply(&self, command: &Command) -> Reply {
        let Some(id) = command.id.clone() else {
            self.taken.lock().unwrap().push(command.clone());
            return recorded(false);
        };
        let mut known = self.known.lock().unwrap();
        let (answer, repeated) = match known.get(&id) {
            Some(content) if *content == command.content() => (Answer::Recorded, true),
            Some(_) => (Answer::because(Reason::DuplicateId { id }), false),
            None => {
                known.insert(id, command.content());
                self.taken.lock().unwrap().push(command.clone());
                (Answer::Recorded, false)
            }
        };
        Reply {
            answer,
            ..recorded(repeated)
        }
    }
}

fn recorded(repeated: bool) -> Reply {
    Reply {
        answer: Answer::Recorded,
        repeated,
        created: None,
        repeated_rows: 0,
    }
}

impl Intake for Watched {
    fn submit(&self, command: Command, done: Done) {
        match *self.mood.lock().unwrap() {
            Mood::Recording => done(Ok(self.reply(&command))),
            Mood::Busy => done(Err(NoReply::Busy {
                why: "`9` callers wait already".to_owned(),
                retry_ms: 2_500,
            })),
            Mood::Stopped => done(Err(NoReply::Stopped)),
            Mood::Silent => self.waiting.lock().unwrap().push(done),
        }
    }

    fn decimals(&self, asset: &str) -> Option<u8> {
        let known = [("BTC", 8), ("KRW", 0)];
        known
            .iter()
            .find(|(name, _)| *name == asset)
            .map(|(_, decimals)| *decimals)
    }

    fn describe(&self, reason: &Reason) -> serde_json::Value {
        serde_json::json!({ "code": reason.code() })
    }

    fn unready(&self) -> Option<String> {
        (*self.mood.lock().unwrap() == Mood::Stopped).then(|| "the journal stopped".to_owned())
    }
}
