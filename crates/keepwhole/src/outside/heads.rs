//! How two signed heads of one log fit together: the same, one grown from the other, gone back, or forked.

use crate::journal::tiles::LogFiles;
use crate::journal::{Disk as _, RealDisk, layout};
use keepwhole_verify::Digest;
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::note::Note;
use keepwhole_verify::tile::TileHashes;
use keepwhole_verify::tree;
use std::path::Path;

/// What two heads show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Size and root agree.
    Same,
    /// The second is a longer version of the first, shown by the tiles of a journal.
    Grown,
    /// The second is smaller: it is an older head, or entries were taken back.
    Back {
        /// Entries missing in the second.
        missing: u64,
        /// Whether the tiles of a journal show that the second is a beginning of the first.
        beginning: Option<bool>,
    },
    /// Two histories.
    Fork {
        /// Which of them the journal holds, where one was looked into: first, second.
        held: Option<(bool, bool)>,
    },
    /// The second is larger, and no journal is at hand that reaches so far.
    Unknown {
        /// Entries in the journal that was looked into.
        held: Option<u64>,
    },
}

/// Compares a head with one that was seen later. `data` is the installation whose tiles tell whether one grew from the
/// other; without it only equal sizes can be judged.
#[must_use]
pub fn compare(first: &Checkpoint, second: &Checkpoint, data: Option<&Path>) -> Comparison {
    if first.size() == second.size() {
        if first.root() == second.root() {
            return Comparison::Same;
        }
        let held = data.and_then(|dir| Some((holds(dir, first)?, holds(dir, second)?)));
        return Comparison::Fork { held };
    }
    let both = data.and_then(|dir| Some((holds(dir, first)?, holds(dir, second)?)));
    if let Some((true, false) | (false, true) | (false, false)) = both {
        return Comparison::Fork { held: both };
    }
    if second.size() < first.size() {
        return Comparison::Back {
            missing: first.size() - second.size(),
            beginning: both.map(|_| true),
        };
    }
    match both {
        Some(_) => Comparison::Grown,
        None => Comparison::Unknown {
            held: data.and_then(|dir| {
                let (head, _) = LogFiles(&RealDisk::at(dir)).checkpoint().ok()?;
                Some(head.size())
            }),
        },
    }
}

/// Whether the published tiles of the installation lead to this root at this size; `None` where they don't reach so far.
#[must_use]
pub fn holds(dir: &Path, head: &Checkpoint) -> Option<bool> {
    root_at(dir, head.size()).map(|root| root == head.root())
}

/// Root of the first `size` entries, from the published tiles: those of this size, or of a larger one that was signed.
fn root_at(dir: &Path, size: u64) -> Option<Digest> {
    let disk = RealDisk::at(dir);
    let signed = [layout::PENDING, layout::CHECKPOINT].map(|path| {
        let note = Note::parse(&disk.read(path).ok()?).ok()?;
        let head = Checkpoint::parse_text(note.text()).ok()?;
        (head.size() > size).then_some(head.size())
    });
    let mut sizes = [Some(size)].into_iter().chain(signed).flatten();
    sizes.find_map(|whole| tree::root(&TileHashes::new(LogFiles(&disk), whole), size).ok())
}
