//! The bytes of a snapshot's state: read and hashed on one thread, while another takes them.

use super::disk::Disk;
use keepwhole_verify::digest::Digest;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Bytes read at once.
const CHUNK: usize = 1024 * 1024;
/// Chunks that may wait to be taken.
const WAITING: usize = 16;

/// A state's bytes in order. Whether they are the right ones is known only when all are read: what is made of them before
/// must not be used.
pub struct StateBytes {
    from: Receiver<Vec<u8>>,
    chunk: Vec<u8>,
    taken: usize,
}

impl fmt::Debug for StateBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StateBytes")
    }
}

impl borsh::io::Read for StateBytes {
    fn read(&mut self, room: &mut [u8]) -> borsh::io::Result<usize> {
        if self.taken == self.chunk.len() {
            // Whoever reads ended: there are no more, or the disk failed, which is told there.
            let Ok(chunk) = self.from.recv() else {
                return Ok(0);
            };
            (self.chunk, self.taken) = (chunk, 0);
        }
        let rest = self.chunk.get(self.taken..).unwrap_or_default();
        let bytes = rest.len().min(room.len());
        if let (Some(to), Some(from)) = (room.get_mut(..bytes), rest.get(..bytes)) {
            to.copy_from_slice(from);
        }
        self.taken = self.taken.saturating_add(bytes);
        Ok(bytes)
    }
}

/// What `take` makes of the bytes from `offset` to `end` of a file, and their digest. `take` need not take all of them.
pub(super) fn read<D: Disk, T>(
    disk: &D,
    path: &str,
    (offset, end): (u64, u64),
    take: impl FnOnce(&mut StateBytes) -> T,
) -> io::Result<(T, Digest)> {
    let (send, from) = sync_channel(WAITING);
    let mut bytes = StateBytes {
        from,
        chunk: Vec::new(),
        taken: 0,
    };
    if end.saturating_sub(offset) <= CHUNK as u64 {
        // One chunk waits for nobody.
        let digest = hashed(disk, path, (offset, end), send)?;
        return Ok((take(&mut bytes), digest));
    }
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || hashed(disk, path, (offset, end), send));
        let taken = take(&mut bytes);
        // What was not taken is hashed all the same.
        drop(bytes);
        match reader.join() {
            Ok(digest) => Ok((taken, digest?)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Reads and hashes all bytes and sends them, as long as somebody takes them.
fn hashed<D: Disk>(
    disk: &D,
    path: &str,
    (mut offset, end): (u64, u64),
    send: SyncSender<Vec<u8>>,
) -> io::Result<Digest> {
    let mut hash = Sha256::new();
    while offset < end {
        let left = usize::try_from(end.saturating_sub(offset)).unwrap_or(CHUNK);
        let mut chunk = vec![0; left.min(CHUNK)];
        if disk.read_at(path, offset, &mut chunk)? < chunk.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        hash.update(&chunk);
        offset = offset.saturating_add(chunk.len() as u64);
        let _nobody_takes = send.send(chunk);
    }
    Ok(Digest::from_bytes(hash.finalize().into()))
}
