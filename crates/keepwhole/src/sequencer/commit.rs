//! The second half of a turn: the frame becomes durable, if need be in the space that is kept for a full disk.

use crate::journal::reserve::Reserve;
use crate::journal::{Disk, FrameBatch, Head, Journal, JournalError};
use std::sync::{Mutex, PoisonError};

/// Given back beside the bytes of the frame itself: what the file system needs for the frame.
const BESIDE_FRAME: u64 = 256 * 1024;

/// A frame that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Committed {
    /// The journal with it.
    pub(super) head: Head,
    /// Bytes of the frame where the disk was full and the reserve had to give way.
    pub(super) did_not_fit: Option<u64>,
}

/// Makes the frame durable. Where the disk is full, the reserve gives way in small steps, under the lock `reserve`.
///
/// # Errors
/// [`JournalError::DiskFull`] when the reserve is used up too: nothing of the frame is stored, and it may be tried
/// again. Any other error stops the journal.
pub(super) fn commit<D: Disk>(
    journal: &mut Journal<D>,
    frame: &mut FrameBatch,
    reserve: &Mutex<()>,
) -> Result<Committed, JournalError> {
    let (mut did_not_fit, mut tries) = (None, 0);
    loop {
        match journal.commit(frame) {
            Ok(head) => return Ok(Committed { head, did_not_fit }),
            Err(JournalError::DiskFull { frame: bytes, path }) => {
                did_not_fit = Some(bytes);
                let step = bytes.saturating_add(BESIDE_FRAME);
                // Whoever fills the reserve just now gives back what it took from the frame.
                let released = {
                    let _changing = reserve.lock().unwrap_or_else(PoisonError::into_inner);
                    Reserve::release(journal.disk_mut(), step)?
                };
                tries += 1;
                if released == 0 && tries > 1 {
                    return Err(JournalError::DiskFull { frame: bytes, path });
                }
            }
            Err(error) => return Err(error),
        }
    }
}
