//! The client: what it sent, what it was told, and the list of what was acknowledged, which is the judge.

use crate::audit::Audit;
use crate::promise::{Broken, Promise};
use keepwhole_core::answer::Answer;
use keepwhole_core::command::Command;

/// The client's side of one command.
#[derive(Clone, Debug)]
struct Sent {
    content: [u8; 32],
    answer: Option<Answer>,
    tried: u64,
    /// Moment of the client at which it was first sent.
    sent: u64,
    /// Moment of the client at which it was acknowledged.
    heard: u64,
}

/// The client.
#[derive(Debug, Default)]
pub struct Client {
    commands: Vec<Command>,
    sent: Vec<Sent>,
    /// Places of commands without an answer.
    open: Vec<usize>,
    /// Places of acknowledged commands.
    acknowledged: Vec<usize>,
    /// How many of these were found in the journal.
    judged: usize,
    /// Counts what it sends and hears.
    moment: u64,
}

impl Client {
    /// A new command; its place.
    pub fn new_command(&mut self, command: Command, step: u64) -> usize {
        let place = self.commands.len();
        self.moment += 1;
        self.sent.push(Sent {
            content: command.content(),
            answer: None,
            tried: step,
            sent: self.moment,
            heard: u64::MAX,
        });
        self.commands.push(command);
        self.open.push(place);
        place
    }

    /// Everything that was ever sent.
    #[must_use]
    pub fn commands(&self) -> &[Command] {
        &self.commands
    }

    /// The command at a place.
    #[must_use]
    pub fn command(&self, place: usize) -> Option<&Command> {
        self.commands.get(place)
    }

    /// Commands without an answer that were not tried since `before`; they are tried again now, at `step`.
    pub fn retries(&mut self, before: u64, step: u64) -> Vec<usize> {
        let mut due = Vec::new();
        for place in &self.open {
            if let Some(sent) = self
                .sent
                .get_mut(*place)
                .filter(|sent| sent.tried <= before)
            {
                sent.tried = step;
                due.push(*place);
            }
        }
        due
    }

    /// How many commands have no answer.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.open.len()
    }

    /// How many commands are acknowledged, refusals not counted.
    #[must_use]
    pub const fn acknowledged(&self) -> usize {
        self.acknowledged.len()
    }

    /// A place whose command is acknowledged, by number.
    #[must_use]
    pub fn acknowledged_place(&self, number: u64) -> Option<usize> {
        let count = self.acknowledged.len() as u64;
        let at = usize::try_from(number.checked_rem(count)?).ok()?;
        self.acknowledged.get(at).copied()
    }

    /// An answer arrives. A later answer to the same command must be the first one.
    ///
    /// # Errors
    /// [`Promise::SameAnswer`].
    pub fn hears(&mut self, place: usize, answer: Answer) -> Result<(), Broken> {
        self.moment += 1;
        let Some(sent) = self.sent.get_mut(place) else {
            return Ok(());
        };
        if let Some(first) = &sent.answer {
            // A refusal leaves the id free, and messages may overtake each other.
            let refused = |answer: &Answer| matches!(answer, Answer::Refused(_));
            if *first == answer || refused(first) || refused(&answer) {
                return Ok(());
            }
            let id = self.commands.get(place).and_then(|c| c.id.clone());
            let what = format!("{id:?} was answered {first:?}, and later {answer:?}");
            return Promise::SameAnswer.broken(what);
        }
        if !matches!(answer, Answer::Refused(_)) {
            self.acknowledged.push(place);
            sent.heard = self.moment;
        }
        sent.answer = Some(answer);
        self.open.retain(|open| *open != place);
        Ok(())
    }

    /// Holds the journal against the list: each acknowledged command is there once, with the same bytes and the same
    /// answer. What was found there once is not looked for again: the audit sees to it that its bytes don't change.
    ///
    /// # Errors
    /// [`Promise::Kept`], [`Promise::SameAnswer`].
    pub fn judge(&mut self, audit: &Audit) -> Result<(), Broken> {
        for place in self.acknowledged.get(self.judged..).unwrap_or_default() {
            let (Some(command), Some(sent)) = (self.commands.get(*place), self.sent.get(*place))
            else {
                continue;
            };
            let id = command.id.as_deref().unwrap_or("");
            let Some(found) = audit.answered.get(id) else {
                let what = format!("`{id}` was acknowledged and is not in the journal");
                return Promise::Kept.broken(what);
            };
            if found.content != sent.content {
                let what = format!("`{id}` is in the journal with other bytes");
                return Promise::Kept.broken(what);
            }
            if sent.answer.as_ref() != Some(&found.answer) {
                let what = format!(
                    "`{id}` was told {:?}, the journal says {:?}",
                    sent.answer, found.answer
                );
                return Promise::SameAnswer.broken(what);
            }
        }
        self.judged = self.acknowledged.len();
        Ok(())
    }

    /// Each acknowledged command stands before everything that was only sent after its acknowledgement.
    ///
    /// # Errors
    /// [`Promise::Order`].
    pub fn judge_order(&self, audit: &Audit) -> Result<(), Broken> {
        let mut placed: Vec<(u64, &Sent, &str)> = Vec::with_capacity(self.acknowledged.len());
        for place in &self.acknowledged {
            let id = self.commands.get(*place).and_then(|c| c.id.as_deref());
            let found = id.and_then(|id| Some((audit.answered.get(id)?.position, id)));
            if let (Some((position, id)), Some(sent)) = (found, self.sent.get(*place)) {
                placed.push((position, sent, id));
            }
        }
        placed.sort_by_key(|(position, _, _)| *position);
        let mut latest = 0;
        for (position, sent, id) in placed {
            if latest > sent.heard {
                let what = format!(
                    "`{id}` at {position} stands behind what was sent after its acknowledgement"
                );
                return Promise::Order.broken(what);
            }
            latest = latest.max(sent.sent);
        }
        Ok(())
    }

    /// Nobody waits any more.
    ///
    /// # Errors
    /// [`Promise::Answered`].
    pub fn all_answered(&self) -> Result<(), Broken> {
        match self
            .open
            .first()
            .and_then(|place| self.commands.get(*place))
        {
            None => Ok(()),
            Some(command) => {
                let what = format!(
                    "{:?} was sent again and again and never answered",
                    command.id
                );
                Promise::Answered.broken(what)
            }
        }
    }
}
