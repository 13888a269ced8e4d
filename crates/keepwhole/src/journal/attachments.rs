//! Documents beside the journal, each under the SHA-256 of its bytes, durable before a record names it.

use super::disk::{Disk, Naming as _};
use super::error::JournalError;
use super::layout;
use super::writer::Journal;
use keepwhole_verify::digest::Digest;

/// Path of the attachment with this digest.
#[must_use]
pub fn path_of(digest: &Digest) -> String {
    format!("{}/{digest}", layout::ATTACHMENTS)
}

/// Reads an attachment and verifies it against its name.
///
/// # Errors
/// [`JournalError::Disk`] when it is missing, [`JournalError::Attachment`] when its bytes are others.
pub fn read<D: Disk>(disk: &D, digest: &Digest) -> Result<Vec<u8>, JournalError> {
    let path = path_of(digest);
    let bytes = disk.read(&path).naming("read", &path)?;
    if Digest::of(&bytes) == *digest {
        Ok(bytes)
    } else {
        Err(JournalError::Attachment(path))
    }
}

impl<D: Disk> Journal<D> {
    /// Stores a document durably and returns the digest by which a record may name it. Storing it again changes
    /// nothing; a damaged copy is replaced.
    ///
    /// # Errors
    /// [`JournalError::Disk`]; the journal itself goes on.
    pub fn put_attachment(&mut self, bytes: &[u8]) -> Result<Digest, JournalError> {
        let digest = Digest::of(bytes);
        let path = path_of(&digest);
        if self.disk().len(&path).naming("measure", &path)?.is_some()
            && read(self.disk(), &digest).is_ok()
        {
            return Ok(digest);
        }
        self.disk_mut()
            .write_atomic(&path, bytes)
            .naming("write", &path)?;
        Ok(digest)
    }

    /// Reads a document by its digest.
    ///
    /// # Errors
    /// [`JournalError::Disk`] when it is missing, [`JournalError::Attachment`] when its bytes are others.
    pub fn attachment(&self, digest: &Digest) -> Result<Vec<u8>, JournalError> {
        read(self.disk(), digest)
    }
}
