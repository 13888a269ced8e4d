//! The state: everything that a decision may look at, folded from events alone.

use crate::answer::Answer;
use crate::authority::Authority;
use crate::book::Book;
use crate::breaker::Breaker;
use crate::custody::Custody;
use crate::door::Doors;
use crate::due::Timers;
use crate::guard::Guard;
use crate::history::History;
use crate::incident::Incidents;
use crate::index::Sorted;
pub use crate::index::UnbuiltPart;
use crate::law::RuleRecord;
use crate::log_keys::LogKeys;
use crate::price::Prices;
use crate::redress::Claims;
use crate::registry::{AssetIx, OwnerIx, Registry, WalletIx};
use crate::subject::Subjects;
use crate::transfer_ids::TransferIds;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// The answer that an id got, and the digest of what was asked.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Answered {
    /// SHA-256 of the command's content.
    pub content: [u8; 32],
    /// The first answer.
    pub answer: Answer,
}

/// A deposit that the exchange says arrived.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Deposit {
    /// Outside id.
    pub id: String,
    /// Whose.
    pub owner: OwnerIx,
    /// What.
    pub asset: AssetIx,
    /// Minor units.
    pub units: u128,
    /// Transaction.
    pub txid: String,
    /// Into which wallet.
    pub wallet: WalletIx,
    /// Where it stands: cleared once credited.
    pub standing: Answer,
}

/// Law as it was adopted.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Law {
    /// Rules by id.
    pub rules: BTreeMap<String, RuleRecord>,
    /// Digests of the sets adopted so far: when (ms), digest, number of rules.
    pub adopted: Vec<(u64, [u8; 32], u32)>,
}

/// A redress set that was published.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct PublishedSet {
    /// When, ms.
    pub at: u64,
    /// Position of the event in the journal.
    pub position: u64,
    /// The entry's bytes.
    pub entry: Vec<u8>,
}

/// Everything.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize)]
pub struct State {
    /// Time of the last event, ms since the epoch; never goes back.
    pub at: u64,
    /// Events folded so far: the position of the next one.
    pub position: u64,
    /// Turns folded so far.
    pub turn: u64,
    /// What is registered.
    pub registry: Registry,
    /// What is owed.
    pub book: Book,
    /// What is held.
    pub custody: Custody,
    /// What may leave or be credited.
    pub guard: Guard,
    /// What is halted.
    pub breaker: Breaker,
    /// Cases, duties, alarms.
    pub incidents: Incidents,
    /// Claims.
    pub claims: Claims,
    /// Deposits claimed by the exchange.
    pub deposits: Vec<Deposit>,
    /// Prices per base and quote: the last good one, and what is suspected.
    pub prices: Prices,
    /// Law.
    pub law: Law,
    /// Answers given, by command id.
    pub answers: BTreeMap<String, Answered>,
    /// Ids of recorded transfers.
    pub transfer_ids: TransferIds,
    /// Moments at which time alone changes something.
    pub timers: Timers,
    /// Published redress sets.
    pub sets: Vec<PublishedSet>,
    /// Persons by random number: holds, erasures, reads.
    pub subjects: Subjects,
    /// Keys that sign the log's heads, once declared.
    pub log_keys: Option<LogKeys>,
    /// What rules look back at.
    pub history: History,
    /// People, credentials, quorums.
    pub authority: Authority,
    /// Who may knock, and who was turned away.
    pub doors: Doors,
}

impl State {
    /// SHA-256 of the whole state in its canonical form: two folds of one journal give the same digest.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        crate::command::sha256_of(self)
    }
}

/// A state as it was read, before the way to the ids of its transfers is built: the longest part of reading one, which can
/// be shared out.
#[derive(Debug)]
pub struct Unindexed {
    state: State,
    ids: [Sorted; 2],
}

impl Unindexed {
    /// The state. `build` may build the parts, in any order and many at once; those that it leaves are built here.
    #[must_use]
    pub fn indexed(self, build: impl FnOnce(&mut [UnbuiltPart<'_>])) -> State {
        let mut state = self.state;
        state.transfer_ids.index(self.ids, build);
        state
    }
}

/// In the order in which a state's fields are stored.
impl BorshDeserialize for Unindexed {
    fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
        let mut ids = <[Sorted; 2]>::default();
        let state = State {
            at: read(reader)?,
            position: read(reader)?,
            turn: read(reader)?,
            registry: read(reader)?,
            book: read(reader)?,
            custody: read(reader)?,
            guard: read(reader)?,
            breaker: read(reader)?,
            incidents: read(reader)?,
            claims: read(reader)?,
            deposits: read(reader)?,
            prices: read(reader)?,
            law: read(reader)?,
            answers: read(reader)?,
            transfer_ids: TransferIds::read(&mut ids, reader)?,
            timers: read(reader)?,
            sets: read(reader)?,
            subjects: read(reader)?,
            log_keys: read(reader)?,
            history: read(reader)?,
            authority: read(reader)?,
            doors: read(reader)?,
        };
        Ok(Self { state, ids })
    }
}

fn read<T: BorshDeserialize, R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<T> {
    T::deserialize_reader(reader)
}

impl BorshDeserialize for State {
    fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
        Ok(Unindexed::deserialize_reader(reader)?.indexed(|_| {}))
    }
}
