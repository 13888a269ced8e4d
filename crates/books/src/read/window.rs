//! A window over a stream of bytes that slides from record to record and never holds more than one record and a block.

use super::RECORD_MAX;
use crate::fault::Fault;
use std::io::{ErrorKind, Read};

const BLOCK: usize = 256 * 1024;

/// What a reader takes its bytes from.
pub(crate) type Bytes = Box<dyn Read + Send>;

pub(crate) struct Window {
    source: Bytes,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
}

impl Window {
    pub(crate) fn new(source: Bytes) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            ended: false,
        }
    }

    /// Bytes at hand.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Moves on.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
    }

    /// Reads more behind the bytes at hand; false at the end of the stream.
    pub(crate) fn fill(&mut self, line: u64) -> Result<bool, Fault> {
        if self.ended {
            return Ok(false);
        }
        let held = self.end.saturating_sub(self.start);
        if held > RECORD_MAX {
            return Err(Fault::of_file(
                "record_too_long",
                format!("a record is longer than {RECORD_MAX} bytes"),
                "check that lines end in LF or CRLF and that no field holds a document",
            )
            .at(line, 0));
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.start = 0;
        self.end = held;
        let wanted = held.saturating_add(BLOCK);
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
        let room = self.buffer.get_mut(held..wanted).unwrap_or_default();
        loop {
            match self.source.read(room) {
                Ok(0) => {
                    self.ended = true;
                    return Ok(false);
                }
                Ok(count) => {
                    self.end = self.end.saturating_add(count);
                    return Ok(true);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(&error).at(line, 0)),
            }
        }
    }
}

/// What a failing read means; a compressed file that ends early fails so.
pub(crate) fn unreadable(error: &std::io::Error) -> Fault {
    match error.kind() {
        ErrorKind::UnexpectedEof => Fault::of_file(
            "truncated",
            "the compressed data ends too early: the file was cut off",
            "copy the file again and compare its size and SHA-256 with the original",
        ),
        ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::Other => Fault::of_file(
            "damaged",
            format!("the compressed data is damaged: {error}"),
            "copy the file again and compare its size and SHA-256 with the original",
        ),
        _ => Fault::of_file(
            "unreadable",
            format!("the file can't be read: {error}"),
            "check that it is there and that this user may read it",
        ),
    }
}
