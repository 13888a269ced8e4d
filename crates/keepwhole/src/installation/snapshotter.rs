//! Snapshots of a running installation: taken while it runs, each on a thread of its own, and when it stops.

use super::log_key::LogSigner;
use crate::journal::snapshot::{Place, Rules};
use crate::journal::{JournalError, RealDisk};
use crate::sequencer::{Reader, write_snapshot};
use std::path::PathBuf;
use std::thread::JoinHandle;

/// Writes a snapshot whenever the journal has grown enough. A snapshot that can't be written never stops the journal:
/// the next start takes longer, that is all.
pub(super) struct Snapshotter {
    dir: PathBuf,
    rules: Rules,
    signer: LogSigner,
    /// Bytes of journal that the last snapshot stands for.
    last_bytes: u64,
    writing: Option<JoinHandle<Result<(), JournalError>>>,
    fault: Option<String>,
}

impl std::fmt::Debug for Snapshotter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshotter")
            .field("last_bytes", &self.last_bytes)
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}

impl Snapshotter {
    pub(super) fn new(dir: PathBuf, rules: Rules, signer: LogSigner, last_bytes: u64) -> Self {
        Self {
            dir,
            rules,
            signer,
            last_bytes,
            writing: None,
            fault: None,
        }
    }

    /// Why the last snapshot was not written, where it was not.
    pub(super) fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// Begins a snapshot if one is due and none is being written. The state is copied while the writer waits; encoding,
    /// hashing and writing happen beside it.
    pub(super) fn keep_up(&mut self, reader: &Reader<RealDisk>) {
        if self
            .writing
            .as_ref()
            .is_some_and(|thread| !thread.is_finished())
        {
            return;
        }
        self.settle();
        let bytes = Place::of(&reader.journal()).journal_bytes();
        if bytes.saturating_sub(self.last_bytes) < self.rules.every_bytes {
            return;
        }
        let taken = reader.moment(|state, journal| (Place::of(journal), state.clone()));
        // A service that stops meanwhile has no more to keep.
        if let Ok((place, state)) = taken {
            self.last_bytes = bytes;
            let (dir, rules, signer) = (self.dir.clone(), self.rules, self.signer.clone());
            self.writing = Some(std::thread::spawn(move || {
                write_snapshot(
                    &mut RealDisk::at(&dir),
                    &place,
                    &state,
                    Some(&signer),
                    &rules,
                )
                .map(drop)
            }));
        }
    }

    /// Waits for the snapshot being written and writes a last one if the journal has grown enough to be worth it.
    pub(super) fn stop(&mut self, reader: &Reader<RealDisk>) {
        self.settle();
        let bytes = Place::of(&reader.journal()).journal_bytes();
        let grown = bytes.saturating_sub(self.last_bytes);
        if bytes < self.rules.least_bytes || grown < self.rules.least_bytes || grown == 0 {
            return;
        }
        let mut disk = RealDisk::at(&self.dir);
        let written = reader.moment(|state, journal| {
            let place = Place::of(journal);
            write_snapshot(&mut disk, &place, state, Some(&self.signer), &self.rules)
        });
        self.last_bytes = bytes;
        self.fault = match written {
            Ok(written) => written.err().map(|error| error.to_string()),
            Err(stopped) => Some(stopped.to_string()),
        };
    }

    fn settle(&mut self) {
        if let Some(thread) = self.writing.take() {
            self.fault = match thread.join() {
                Ok(written) => written.err().map(|error| error.to_string()),
                Err(_) => Some(String::from("the thread that wrote the snapshot failed")),
            };
        }
    }
}
