//! The one thing that an edge asks: a sequencer that answers once a command is durable.

use keepwhole_core::answer::Reply;
use keepwhole_core::command::Command;
use keepwhole_core::reason::Reason;

/// Called once with the reply, on any thread; it must not block.
pub type Done = Box<dyn FnOnce(Result<Reply, NoReply>) + Send>;

/// Why there is no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoReply {
    /// Too much waits already, or nothing can be written now; the same command may be sent again.
    #[error("{why}; try again in {retry_ms} ms")]
    Busy {
        /// What is in the way, in words.
        why: String,
        /// When to try again, ms.
        retry_ms: u64,
    },
    /// The journal stopped: the command may or may not have been recorded, and the same id is safe to send again.
    #[error(
        "the journal stopped and nothing was acknowledged; the same command is safe to send again"
    )]
    Stopped,
}

/// Takes commands and answers each once, after its records are durable.
pub trait Intake: Send + Sync + 'static {
    /// Hands over a command; `done` is called with its reply, also when there is none.
    fn submit(&self, command: Command, done: Done);
    /// Decimals of an asset of the books; `None` for one that is not registered.
    fn decimals(&self, asset: &str) -> Option<u8>;
    /// A reason as JSON: its code and its numbers.
    fn describe(&self, reason: &Reason) -> serde_json::Value;
    /// Why it can't take commands now; `None` when it can.
    fn unready(&self) -> Option<String>;
}
