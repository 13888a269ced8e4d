//! The swarm: each seed first draws which faults exist in its world and how often, so that quiet and wild worlds occur.

use crate::draw::Draw;
use std::collections::BTreeSet;

macro_rules! faults {
    ($( $(#[$doc:meta])* $name:ident = $word:literal; )*) => {
        /// A kind of fault that a world may have.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Fault { $( $(#[$doc])* $name, )* }

        impl Fault {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its name on the command line.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

faults! {
    /// The machine stops before any changing call to the disk, also inside a recovery.
    Crash = "crash";
    /// The process is restarted between two steps, the machine goes on.
    Restart = "restart";
    /// Of what was not synced, any first bytes or any sectors survive a loss of power.
    Torn = "torn";
    /// Names that were not synced survive or not.
    Names = "names";
    /// A write fails after half of its bytes.
    FailedWrite = "failed-write";
    /// A write is reported failed and is whole on the disk.
    KeptWrite = "kept-write";
    /// A sync fails.
    FailedSync = "failed-sync";
    /// A sync reports success and keeps nothing.
    LyingSync = "lying-sync";
    /// A bit flips in a sealed segment.
    RotSegment = "rot-segment";
    /// A bit flips in a published tile or bundle.
    RotTile = "rot-tile";
    /// A snapshot is cut, changed, moved, or made by somebody else.
    RotSnapshot = "rot-snapshot";
    /// The disk is full; later there is space again.
    Full = "full";
    /// Every sync takes long.
    Slow = "slow";
    /// A second process starts on the same journal.
    SecondProcess = "second-process";
    /// A second process starts where the lock does not hold, as on some network file systems.
    BrokenLock = "broken-lock";
    /// The wall clock jumps back.
    ClockBack = "clock-back";
    /// The wall clock jumps forward.
    ClockForward = "clock-forward";
    /// The clock stands still.
    ClockStands = "clock-stands";
    /// The network delivers a message twice.
    Duplicate = "duplicate";
    /// The network delivers messages in another order.
    Reorder = "reorder";
    /// The network delivers a message late.
    Delay = "delay";
    /// The network loses a request or an answer; the client sends the same id again.
    Drop = "drop";
    /// The administrator puts an old backup in place.
    OldBackup = "old-backup";
    /// The administrator cuts records off the end.
    Truncate = "truncate";
    /// The administrator writes the journal anew with one record changed, and signs it with the log's key.
    Rewrite = "rewrite";
    /// The administrator edits bytes of a file.
    Edit = "edit";
    /// An administrator loosens the policy and withdraws at once.
    Loosen = "loosen";
    /// An administrator approves alone, with two sessions.
    TwoSessions = "two-sessions";
    /// Value leaves without a clearance; claims, payments and notices follow.
    Theft = "theft";
}

impl Fault {
    /// The fault of that name.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|fault| fault.word() == word)
    }
}

/// What is wrong on purpose, to show that the simulator finds it. Never set outside tests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Planted {
    /// The disk acknowledges a sync of a segment before it is done.
    AckBeforeSync,
    /// The sequencer never answers one of its commands.
    DroppedAnswer,
    /// The sequencer answers one of its commands without recording it.
    Unrecorded,
    /// The sequencer books a repeated command again, as if its id were new.
    ForgetsIds,
}

/// The faults of one world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swarm {
    on: BTreeSet<Fault>,
    /// Of 1,000 steps, how many are about faults rather than commands.
    pub permille: u64,
    /// Bytes of a segment.
    pub segment_bytes: u64,
    /// Zeros ahead of small frames, bytes.
    pub zero_ahead: u64,
    /// Most commands of one turn.
    pub batch: u64,
    /// Ids of transfers of which a generation has so many are remembered.
    pub transfer_ids: u32,
}

impl Swarm {
    /// The swarm of a seed, less the kinds named.
    #[must_use]
    pub fn draw(seed: u64, without: &BTreeSet<Fault>) -> Self {
        let mut draw = Draw::new(seed ^ 0x5EED_5A4A);
        // Each kind is drawn whether or not it is left out, so that leaving one out changes no other.
        let density = 1 + draw.below(4);
        let on = Fault::ALL.iter().copied();
        let on = on
            .filter(|_| draw.below(4) < density)
            .filter(|fault| !without.contains(fault))
            .collect();
        let pick = |draw: &mut Draw, of: &[u64]| {
            let at = usize::try_from(draw.below(of.len() as u64)).unwrap_or(0);
            of.get(at).copied().unwrap_or(0)
        };
        Self {
            on,
            permille: pick(&mut draw, &[15, 40, 100, 200]),
            segment_bytes: pick(&mut draw, &[8 * 1024, 32 * 1024, 128 * 1024]),
            zero_ahead: pick(&mut draw, &[0, 1024, 4096]),
            batch: pick(&mut draw, &[1, 4, 16]),
            transfer_ids: u32::try_from(pick(&mut draw, &[6, 20, 1 << 24])).unwrap_or(6),
        }
    }

    /// No faults.
    #[must_use]
    pub const fn quiet() -> Self {
        Self {
            on: BTreeSet::new(),
            permille: 0,
            segment_bytes: 32 * 1024,
            zero_ahead: 0,
            batch: 1,
            transfer_ids: 6,
        }
    }

    /// Whether the world has this fault.
    #[must_use]
    pub fn has(&self, fault: Fault) -> bool {
        self.on.contains(&fault)
    }

    /// The faults of the world.
    pub fn faults(&self) -> impl Iterator<Item = Fault> + '_ {
        self.on.iter().copied()
    }

    /// One of the faults given that the world has.
    pub fn one_of(&self, draw: &mut Draw, of: &[Fault]) -> Option<Fault> {
        let have: Vec<Fault> = of
            .iter()
            .copied()
            .filter(|fault| self.has(*fault))
            .collect();
        let at = usize::try_from(draw.below(have.len() as u64)).unwrap_or(0);
        have.get(at).copied()
    }
}
