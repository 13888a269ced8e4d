//! The malicious administrator and the ageing disk, each on a copy of the machine: whatever is done to the copy, starting
//! from it or holding it against the witness must show it, with the right numbers.

use crate::clock::MachineClock;
use crate::disk::WorldDisk;
use crate::draw::Draw;
use crate::process::{Process, Settings, journal_error};
use crate::promise::{Broken, Promise};
use crate::witness::{Finding, Witness};
use keepwhole::journal::disk::Disk as _;
use keepwhole::journal::publish::check_tiles;
use keepwhole::journal::segment::Segment;
use keepwhole::journal::snapshot;
use keepwhole::journal::{Head, Journal, JournalError, SimDisk, layout};

/// Everything an act needs: the machine's copy, how the program is run, the witness, what is true.
#[derive(Debug)]
pub struct Scene<'w> {
    /// A copy of the machine that the act may spoil.
    pub copy: SimDisk,
    /// How the program is run.
    pub settings: &'w Settings,
    /// Who holds the newest checkpoint.
    pub witness: &'w Witness,
    /// Size and root of what was acknowledged; all of it is published and witnessed.
    pub truth: Head,
    /// The program that runs on the machine.
    pub running: &'w Process,
}

fn io(error: &std::io::Error) -> Broken {
    Promise::Found.failed("the administrator's own disk", error)
}

impl Scene<'_> {
    fn disk(&self) -> WorldDisk {
        WorldDisk::quiet(&self.copy)
    }

    fn segments(&self) -> &[Segment] {
        self.running.sequencer.journal().segments()
    }

    /// The program came up with the state that it has on the machine.
    fn is_state(&self, process: &Process) -> bool {
        process.sequencer.state() == self.running.sequencer.state()
    }

    fn below(draw: &mut Draw, bound: u64) -> usize {
        usize::try_from(draw.below(bound)).unwrap_or(0)
    }

    /// How many records the copy holds that verify from the first on.
    fn verified(&self) -> Result<u64, Broken> {
        let options = self.settings.options().clone();
        let (journal, _, _) = Journal::open_read_only(self.disk(), options)
            .map_err(|error| Promise::Found.failed("reading the copy", &error))?;
        Ok(journal.head().size)
    }

    /// Starts from the copy, and holds what it publishes against the witness: either says what is wrong, or nothing is.
    fn must_show(&self, what: &str) -> Result<(), Broken> {
        let missing = |size: u64| self.witness.size().saturating_sub(size);
        match self.settings.start(self.disk(), &MachineClock::at(0)) {
            Err(error) => match journal_error(&error) {
                Some(JournalError::Truncated {
                    recovered,
                    published,
                }) => {
                    let held = self.verified()?;
                    if *recovered == held && *published == self.truth.size {
                        return Ok(());
                    }
                    let text = format!("{what}: said {error}; {held} records verify");
                    Promise::Found.broken(text)
                }
                // Whatever else it says, it does not start.
                _ => Ok(()),
            },
            Ok(process) => {
                let head = process.sequencer.head();
                let finding = self.witness.judge(process.sequencer.journal().disk());
                let right = match &finding {
                    Finding::Grows => head == self.truth && self.is_state(&process),
                    Finding::RolledBack { missing: said } => *said == missing(head.size),
                    Finding::Forked { seen, shown } => {
                        seen.0 == self.witness.size() && shown.1 != self.truth.root
                    }
                    Finding::Unreadable(_) => false,
                };
                if right {
                    return Ok(());
                }
                let text = format!("{what}: the head is {head:?}, the witness says {finding:?}");
                Promise::Found.broken(text)
            }
        }
    }

    /// A bit of a sealed segment flips: the start names the segment and a frame at or before the bit.
    ///
    /// # Errors
    /// [`Promise::Found`].
    pub fn rot_segment(&self, draw: &mut Draw) -> Result<(), Broken> {
        let segments = self.segments();
        let sealed = segments.len().saturating_sub(1) as u64;
        let Some(segment) = segments
            .get(Self::below(draw, sealed))
            .filter(|_| sealed > 0)
        else {
            return Ok(());
        };
        let bit = Self::below(draw, segment.used * 8);
        self.copy.flip(&segment.path, bit).map_err(|e| io(&e))?;
        // A start from a snapshot leaves what lies before it to the scrub, so this reads from the first record.
        let outcome = self.settings.open(self.disk());
        match outcome.as_ref().err() {
            Some(JournalError::Damaged {
                segment: named,
                offset,
                ..
            }) if *named == segment.path && *offset <= bit as u64 / 8 => Ok(()),
            _ => {
                let path = &segment.path;
                let text = format!("bit {bit} of `{path}` flipped, the start says {outcome:?}");
                Promise::Found.broken(text)
            }
        }
    }

    /// A bit of a published hash flips: it is made anew at the start, or the check of the hashes names it.
    ///
    /// # Errors
    /// [`Promise::Found`].
    pub fn rot_tile(&self, draw: &mut Draw) -> Result<(), Broken> {
        let tiles = self.disk().list(layout::LEVELS).map_err(|e| io(&e))?;
        let Some(path) = tiles.get(Self::below(draw, tiles.len() as u64)) else {
            return Ok(());
        };
        let whole = self.disk().read(path).map_err(|e| io(&e))?;
        // What a file holds beyond the tree's own hashes means nothing.
        let level = path.rsplit('/').next().and_then(|level| level.parse().ok());
        let hashes = self.truth.size >> (8_u32.saturating_mul(level.unwrap_or(0)));
        let used = hashes.saturating_mul(32).min(whole.len() as u64);
        if used == 0 {
            return Ok(());
        }
        let bit = Self::below(draw, used * 8);
        self.copy.flip(path, bit).map_err(|e| io(&e))?;
        let found = match self.settings.open(self.disk()) {
            // Hashes of the log that can't be read keep the program from starting; they are removed below.
            Err(_) => true,
            Ok((journal, _)) => {
                let said = check_tiles(&journal);
                let now = journal.disk().read(path);
                said.is_err() || now.is_ok_and(|now| now == whole)
            }
        };
        if !found {
            let text = format!("bit {bit} of `{path}` flipped and nothing says so");
            return Promise::Found.broken(text);
        }
        let mut disk = self.disk();
        for tile in disk.list(layout::LEVELS).map_err(|e| io(&e))? {
            disk.remove(&tile).map_err(|e| io(&e))?;
        }
        drop(disk);
        let again = self.settings.open(self.disk());
        let again = again.and_then(|(journal, _)| check_tiles(&journal));
        again
            .map(drop)
            .map_err(|error| Promise::Start.failed("tiles made anew", &error))
    }

    /// An old backup is put in place.
    ///
    /// # Errors
    /// [`Promise::Found`].
    pub fn old_backup(&self) -> Result<(), Broken> {
        self.must_show("an old backup in place")
    }

    /// Records are cut off the end, with or without everything that was published.
    ///
    /// # Errors
    /// [`Promise::Found`].
    pub fn truncate(&self, draw: &mut Draw) -> Result<(), Broken> {
        let Some(segment) = self.segments().iter().rev().find(|s| s.frames > 0) else {
            return Ok(());
        };
        let mut disk = self.disk();
        let at = draw.below(segment.used);
        disk.truncate(&segment.path, at).map_err(|e| io(&e))?;
        disk.sync(&segment.path).map_err(|e| io(&e))?;
        if draw.once_in(2) {
            self.forget_published(&mut disk)?;
        }
        drop(disk);
        self.must_show("records cut off")
    }

    fn forget_published(&self, disk: &mut WorldDisk) -> Result<(), Broken> {
        for path in disk.list(layout::LOG).map_err(|e| io(&e))? {
            disk.remove(&path).map_err(|e| io(&e))?;
        }
        Ok(())
    }

    /// A few bytes of some file are changed.
    ///
    /// # Errors
    /// [`Promise::Found`].
    pub fn edit(&self, draw: &mut Draw) -> Result<(), Broken> {
        let mut disk = self.disk();
        let files = disk.list("").map_err(|e| io(&e))?;
        let files: Vec<&String> = files.iter().filter(|path| *path != layout::LOCK).collect();
        let Some(path) = files.get(Self::below(draw, files.len() as u64)) else {
            return Ok(());
        };
        let length = disk.len(path).map_err(|e| io(&e))?.unwrap_or(0);
        let bytes: Vec<u8> = (0..=draw.below(8))
            .map(|_| u8::try_from(draw.below(256)).unwrap_or(0))
            .collect();
        let at = draw.below(length);
        let before = disk.read(path).map_err(|e| io(&e))?;
        disk.write_at(path, at, &bytes).map_err(|e| io(&e))?;
        disk.sync(path).map_err(|e| io(&e))?;
        let after = disk.read(path).map_err(|e| io(&e))?;
        drop(disk);
        let what = format!("bytes {bytes:?} written at {at} of `{path}`");
        let segment = self
            .segments()
            .iter()
            .find(|segment| segment.path == **path);
        let used = segment.map_or(0, |segment| usize::try_from(segment.used).unwrap_or(0));
        if before.get(..used) != after.get(..used) && self.is_whole()? {
            return Promise::Found.broken(format!("{what}: the whole journal reads well"));
        }
        self.must_show(&what)
    }

    /// Whether everything on the copy reads well from the first record on, and is what was published.
    fn is_whole(&self) -> Result<bool, Broken> {
        let options = self.settings.options().clone();
        let (journal, _, damage) = Journal::open_read_only(self.disk(), options)
            .map_err(|error| Promise::Found.failed("reading the copy", &error))?;
        Ok(damage.is_none() && journal.head() == self.truth)
    }

    /// The newest snapshot is spoiled: the start leaves it aside by name and comes up with the same state.
    ///
    /// # Errors
    /// [`Promise::Found`].
    pub fn rot_snapshot(&self, draw: &mut Draw) -> Result<(), Broken> {
        let mut disk = self.disk();
        let snapshots = snapshot::list(&disk)
            .map_err(|error| Promise::Found.failed("listing snapshots", &error))?;
        let Some(path) = snapshots.first() else {
            return Ok(());
        };
        let length = disk.len(path).map_err(|e| io(&e))?.unwrap_or(0);
        let mut spoiled = path.clone();
        match draw.below(4) {
            0 => {
                let bit = Self::below(draw, length * 8);
                self.copy.flip(path, bit).map_err(|e| io(&e))?;
            }
            1 => disk
                .truncate(path, draw.below(length))
                .map_err(|e| io(&e))?,
            2 => {
                spoiled = snapshot::path_at(self.truth.size + 1 + draw.below(9));
                disk.rename(path, &spoiled).map_err(|e| io(&e))?;
            }
            _ => {
                disk.remove(path).map_err(|e| io(&e))?;
                let forged = self.settings.forged_snapshot(self.running, &mut disk);
                spoiled = forged
                    .map_err(|error| Promise::Found.failed("forging a snapshot", &error))?
                    .unwrap_or_default();
            }
        }
        drop(disk);
        let process = self
            .settings
            .start(self.disk(), &MachineClock::at(0))
            .map_err(|error| Promise::Start.failed("a start beside a spoiled snapshot", &error))?;
        let told = process.ignored.iter().any(|left| left.path == spoiled);
        if told && process.sequencer.head() == self.truth && self.is_state(&process) {
            return Ok(());
        }
        let (began, ignored) = (process.snapshot, &process.ignored);
        let text = format!(
            "`{spoiled}` is spoiled, the start began with {began:?} and left aside {ignored:?}"
        );
        Promise::Found.broken(text)
    }

    /// The journal is written anew with one record changed, and published under the log's own key.
    ///
    /// # Errors
    /// [`Promise::Found`].
    pub fn rewrite(&self, draw: &mut Draw) -> Result<(), Broken> {
        let failed = |error: JournalError| Promise::Found.failed("writing a journal anew", &error);
        let options = self.settings.options().clone();
        let (old, _, _) = Journal::open_read_only(self.disk(), options).map_err(failed)?;
        let mut records: Vec<Vec<u8>> = Vec::new();
        old.read::<JournalError>(0, &mut |_, bytes| {
            records.push(bytes.to_vec());
            Ok(())
        })
        .map_err(failed)?;
        let changed = Self::below(draw, self.witness.size());
        if let Some(last) = records
            .get_mut(changed)
            .and_then(|record| record.last_mut())
        {
            *last ^= 1;
        }
        // The forger may leave some away, or go on with records of his own.
        match draw.below(3) {
            0 => records.truncate(Self::below(draw, records.len() as u64).max(1)),
            1 => records.extend_from_within(..Self::below(draw, 20).min(records.len())),
            _ => {}
        }
        let forged = SimDisk::new();
        let disk = WorldDisk::quiet(&forged);
        let (mut journal, mut publisher) = self.settings.open(disk).map_err(failed)?;
        for frame in records.chunks(64) {
            journal.append(frame).map_err(failed)?;
        }
        publisher.publish(&mut journal).map_err(failed)?;
        let size = journal.head().size;
        let finding = self.witness.judge(journal.disk());
        let right = match &finding {
            Finding::RolledBack { missing } => *missing == self.witness.size() - size,
            Finding::Forked { seen, shown } => {
                seen.0 == self.witness.size() && *shown == (size, journal.head().root)
            }
            Finding::Grows | Finding::Unreadable(_) => false,
        };
        if right {
            return Ok(());
        }
        let text = format!(
            "record {changed} was changed in a journal of {size}, the witness says {finding:?}"
        );
        Promise::Found.broken(text)
    }
}
