//! The sequencer as the edges see it.

use crate::installation::reason_json;
use crate::journal::RealDisk;
use crate::sequencer::{Condition, Handle, Reader, ServiceError};
use keepwhole_core::command::Command;
use keepwhole_core::reason::Reason;
use keepwhole_edge::{Done, Intake, NoReply};

/// When to look again whether a full disk has space, ms.
const DISK_FULL_RETRY_MS: u64 = 5_000;

/// Hands commands to the running sequencer.
#[derive(Debug)]
pub struct Sequenced {
    handle: Handle,
    reader: Reader<RealDisk>,
}

impl Sequenced {
    /// Over a running service.
    #[must_use]
    pub const fn new(handle: Handle, reader: Reader<RealDisk>) -> Self {
        Self { handle, reader }
    }
}

fn no_reply(error: &ServiceError) -> NoReply {
    let busy = |retry_ms| NoReply::Busy {
        why: error.to_string(),
        retry_ms,
    };
    match error {
        ServiceError::Busy { retry_ms, .. } => busy(*retry_ms),
        ServiceError::DiskFull { .. } => busy(DISK_FULL_RETRY_MS),
        ServiceError::Stopped => NoReply::Stopped,
    }
}

impl Intake for Sequenced {
    fn submit(&self, command: Command, done: Done) {
        let answer = move |reply: Result<_, _>| done(reply.map_err(|error| no_reply(&error)));
        self.handle.submit_async(command, Box::new(answer));
    }

    fn decimals(&self, asset: &str) -> Option<u8> {
        let look = self.reader.read(|state| {
            let row = state.registry.asset(asset)?;
            state
                .registry
                .assets
                .get(row.place())
                .map(|row| row.decimals)
        });
        look.ok().flatten()
    }

    fn describe(&self, reason: &Reason) -> serde_json::Value {
        reason_json(reason)
    }

    fn unready(&self) -> Option<String> {
        match self.reader.condition() {
            Condition::Working | Condition::Unsigned(_) => None,
            Condition::Slow(since) => Some(format!(
                "the disk is slow: entries have waited {} ms",
                since.as_millis()
            )),
            Condition::DiskFull(full) => Some(full.to_string()),
            Condition::Stopped => Some(ServiceError::Stopped.to_string()),
        }
    }
}
