//! Space kept for the day the disk is full: halts must be written even then (docs/journal-format.md, "Full disk").

use super::disk::{Disk, DiskError, Naming as _};
use super::layout::RESERVE;

/// Bytes written at once while the reserve is made.
const CHUNK: usize = 1024 * 1024;

/// The file that keeps space. Its content is noise, as file systems that compress keep no space for zeros.
#[derive(Debug)]
pub struct Reserve {
    bytes: u64,
}

/// What the disk gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The reserve has its full size.
    Whole,
    /// There is not enough space for it; it has this many bytes.
    Short(u64),
}

impl Reserve {
    /// A reserve of that many bytes; 0 for none. Nothing is written yet.
    #[must_use]
    pub const fn of(bytes: u64) -> Self {
        Self { bytes }
    }

    /// Its size when whole.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What it has now.
    ///
    /// # Errors
    /// As the system reports.
    pub fn held<D: Disk>(disk: &D) -> Result<u64, DiskError> {
        Ok(disk.len(RESERVE).naming("measure", RESERVE)?.unwrap_or(0))
    }

    /// Brings it to its full size and makes it durable. `beyond` bytes more must be free too: they are taken and given
    /// back.
    ///
    /// # Errors
    /// As the system reports; a full disk is no error but [`Kept::Short`].
    pub fn fill<D: Disk>(&self, disk: &mut D, beyond: u64) -> Result<Kept, DiskError> {
        if self.bytes == 0 && beyond == 0 {
            return Ok(Kept::Whole);
        }
        if disk.len(RESERVE).naming("measure", RESERVE)?.is_none() {
            match disk.create(RESERVE).naming("create", RESERVE) {
                Err(error) if error.is_full() => return Ok(Kept::Short(0)),
                created => created?,
            }
        }
        let before = Self::held(disk)?;
        let wanted = self.bytes.saturating_add(beyond);
        let mut at = before;
        while at < wanted {
            let length = CHUNK.min(usize::try_from(wanted - at).unwrap_or(CHUNK));
            match disk
                .write_at(RESERVE, at, &noise(at, length))
                .naming("write", RESERVE)
            {
                Ok(()) => at += length as u64,
                Err(error) if error.is_full() => {
                    // What was there before stays; the rest is given back to whoever needs it more.
                    disk.truncate(RESERVE, before.min(self.bytes))
                        .naming("cut", RESERVE)?;
                    return Ok(Kept::Short(before.min(self.bytes)));
                }
                Err(error) => return Err(error),
            }
        }
        if at > self.bytes {
            disk.truncate(RESERVE, self.bytes).naming("cut", RESERVE)?;
        }
        disk.sync(RESERVE).naming("sync", RESERVE)?;
        disk.sync_dir("").naming("sync", ".")?;
        Ok(Kept::Whole)
    }

    /// Gives `bytes` of it back to the disk, or what is left of it. The number given back is returned, 0 when there is
    /// nothing left.
    ///
    /// # Errors
    /// As the system reports.
    pub fn release<D: Disk>(disk: &mut D, bytes: u64) -> Result<u64, DiskError> {
        let held = Self::held(disk)?;
        let given = held.min(bytes);
        if given > 0 {
            disk.truncate(RESERVE, held - given)
                .naming("cut", RESERVE)?;
            disk.sync(RESERVE).naming("sync", RESERVE)?;
        }
        Ok(given)
    }
}

/// Bytes that do not compress: a xorshift walk (Marsaglia 2003) that begins at the offset.
fn noise(offset: u64, length: usize) -> Vec<u8> {
    let mut x = offset ^ 0x9E37_79B9_7F4A_7C15;
    let mut bytes = Vec::with_capacity(length.next_multiple_of(8));
    while bytes.len() < length {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        bytes.extend_from_slice(&x.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
