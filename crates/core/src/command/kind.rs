//! The number of a kind of command, read from its stored form so that it stands in one place.

use super::Body;
use borsh::BorshSerialize as _;

/// Keeps the first byte written and then refuses: enough to learn the number of a kind.
struct FirstByte(Option<u8>);

impl borsh::io::Write for FirstByte {
    fn write(&mut self, bytes: &[u8]) -> borsh::io::Result<usize> {
        if self.0.is_some() {
            return Err(borsh::io::ErrorKind::WriteZero.into());
        }
        self.0 = bytes.first().copied();
        Ok(bytes.len())
    }
    fn flush(&mut self) -> borsh::io::Result<()> {
        Ok(())
    }
}

impl Body {
    /// The number of the kind, as stored with the answer.
    #[must_use]
    pub fn kind(&self) -> u8 {
        let mut first = FirstByte(None);
        // The refusal after the first byte is what is wanted here.
        let _refused = self.serialize(&mut first);
        first.0.unwrap_or(0)
    }
}
