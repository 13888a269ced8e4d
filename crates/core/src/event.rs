//! Events: what happened, in the past tense, one fact each. They alone change the state.
//!
//! The stored form of an event is [`Record`] in borsh: version, time, turn, tag, body. Tags are numbers that are never
//! given twice. `docs/events.md` lists them.

mod authority;
mod fault;
mod judged;
mod record;

pub use authority::AuthorityEvent;
pub use fault::{EventTooLarge, RecordError};
pub use judged::Judged;
pub use record::{RECORD_VERSION, Record, RecordRef, encode_transfer};

use crate::answer::Answer;
use crate::book::Movement;
use crate::breaker::Scope;
use crate::custody::{Explained, Flow, NodeHealth, Report};
use crate::door::DoorEvent;
use crate::guard::clearance::{Contract, RegisteredSafe, Terms};
use crate::guard::{Approval, Ask, Proposal, dead::Dead};
use crate::incident::clock::Duty;
use crate::incident::{AlarmCode, Cause, Fact, Freeze};
use crate::law::RuleRecord;
use crate::log_keys::DeclaredKeys;
use crate::policy::Policy;
use crate::price::{OldPrice, PriceEvent};
use crate::reason::Reason;
use crate::redress::Claim;
use crate::registry::{ActorIx, Asset, AssetIx, OwnerIx, PersonIx, Wallet, WalletIx};
use crate::state::Deposit;
use crate::subject::{RecordId, SubjectAction, SubjectId};
use crate::transfer::Transfer;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Event {
    /// An asset was registered.
    AssetRegistered(Asset) = 1,
    /// An owner was registered.
    OwnerRegistered(String) = 2,
    /// A wallet was registered.
    WalletRegistered(Wallet) = 3,
    /// An account of a person was enrolled.
    ActorEnrolled {
        /// Account.
        id: String,
        /// Person.
        person: String,
        /// Roles.
        roles: Vec<String>,
        /// First moment without them, ms.
        expires: Option<u64>,
    } = 4,
    /// A wallet's holding at the start of watching was declared.
    HoldingDeclared {
        /// Wallet.
        wallet: WalletIx,
        /// Asset.
        asset: AssetIx,
        /// Minor units.
        units: u128,
    } = 5,
    /// A policy came into force.
    PolicyAdopted(Box<Policy>) = 6,
    /// A duty was adopted.
    DutyAdopted(Duty) = 7,
    /// A rule of a law set was adopted.
    RuleAdopted(Box<RuleRecord>) = 8,
    /// A law set is complete.
    LawAdopted {
        /// Digest of the set.
        digest: [u8; 32],
        /// Number of its rules.
        count: u32,
    } = 9,
    /// Value moved in the books.
    MovementRecorded(Movement) = 10,
    /// A row of the exchange's ledger was booked.
    TransferRecorded(Transfer) = 11,
    /// A wallet's flow was seen for the first time.
    FlowSeen(Flow) = 20,
    /// Another node reported a known flow.
    FlowReported {
        /// Number of the flow.
        flow: u32,
        /// The report.
        report: Report,
    } = 21,
    /// Enough nodes agree on an inflow; it counts as held.
    InflowConfirmed {
        /// Number of the flow.
        flow: u32,
    } = 22,
    /// An outflow was matched with what explains it.
    OutflowExplained {
        /// Number of the flow.
        flow: u32,
        /// What explains it.
        explained: Explained,
    } = 23,
    /// A node showed a higher block.
    TipMoved {
        /// Node.
        node: String,
        /// Block.
        height: u64,
    } = 24,
    /// A node said how it is.
    NodeSeen {
        /// Node.
        node: String,
        /// How it is.
        health: NodeHealth,
    } = 25,
    /// A reorganisation took a flow back.
    FlowWithdrawn {
        /// Number of the flow.
        flow: u32,
        /// The node that says so.
        node: String,
    } = 26,
    /// The exchange said that a deposit arrived.
    DepositRecorded(Deposit) = 27,
    /// A deposit's standing became another.
    DepositDecided {
        /// Number of the deposit.
        deposit: u32,
        /// Its standing.
        standing: Answer,
    } = 28,
    /// The breaker ordered a sweep of a tripped wallet.
    SweepOrdered {
        /// From.
        from: WalletIx,
        /// To.
        to: WalletIx,
    } = 29,
    /// A wallet's key was retired.
    KeyRetired {
        /// Wallet.
        wallet: WalletIx,
    } = 30,
    /// An alarm was raised.
    AlarmRaised {
        /// What about.
        code: AlarmCode,
        /// What it names.
        subject: String,
    } = 40,
    /// The breaker tripped.
    BreakerTripped {
        /// Scope.
        scope: Scope,
        /// Why.
        cause: String,
    } = 41,
    /// The breaker was reset.
    BreakerReset {
        /// Scope.
        scope: Scope,
    } = 42,
    /// The breaker would have tripped, but the policy does not arm it.
    TripShadowed {
        /// Scope.
        scope: Scope,
        /// Why.
        cause: String,
    } = 43,
    /// A request was made to the guard.
    RequestMade {
        /// Outside id.
        id: String,
        /// What is asked.
        ask: Ask,
        /// Account that asked.
        actor: Option<ActorIx>,
        /// Approvals needed.
        needs: u32,
    } = 50,
    /// A request is held.
    RequestHeld {
        /// Number of the request.
        request: u32,
        /// Why.
        reason: Reason,
    } = 51,
    /// A request was denied.
    RequestDenied {
        /// Number of the request.
        request: u32,
        /// Why.
        reason: Reason,
    } = 52,
    /// A request was cleared.
    RequestCleared {
        /// Number of the request.
        request: u32,
        /// First moment without the clearance, ms.
        until: Option<u64>,
        /// What the wallet had free just before, minor units (zero for credits).
        before: u128,
    } = 53,
    /// A person approved a request.
    ApprovalGiven {
        /// Number of the request.
        request: u32,
        /// The approval.
        approval: Approval,
    } = 54,
    /// A clearance was redeemed for exact bytes.
    ClearanceRedeemed {
        /// Number of the request.
        request: u32,
        /// Digest of what may be signed.
        payload: [u8; 32],
    } = 55,
    /// A clearance lapsed unused.
    ClearanceLapsed {
        /// Number of the request.
        request: u32,
    } = 56,
    /// A change was proposed.
    ChangeProposed(Box<Proposal>) = 57,
    /// A person stood behind a change.
    ChangeApproved {
        /// Number of the proposal.
        proposal: u32,
        /// Who.
        person: PersonIx,
    } = 58,
    /// A change waits until a moment.
    ChangeWaits {
        /// Number of the proposal.
        proposal: u32,
        /// First moment at which it is in force, ms.
        until: u64,
    } = 59,
    /// A change came into force; the events after it say what it did.
    ChangeInForce {
        /// Number of the proposal.
        proposal: u32,
    } = 60,
    /// A change was cancelled.
    ChangeCancelled {
        /// Number of the proposal.
        proposal: u32,
        /// Who.
        person: PersonIx,
    } = 61,
    /// A change of policy came too late: another policy came into force since it was proposed.
    ChangeOvertaken {
        /// Number of the proposal.
        proposal: u32,
    } = 66,
    /// A destination was listed.
    DestinationListed {
        /// Address.
        address: String,
    } = 62,
    /// All roles were taken from an account.
    RolesRevoked {
        /// Account.
        actor: ActorIx,
    } = 63,
    /// An account got a role.
    RoleGranted {
        /// Account.
        actor: String,
        /// Role.
        role: String,
        /// First moment without it, ms.
        expires: Option<u64>,
    } = 64,
    /// Somebody read a personal record.
    RecordRead {
        /// Who.
        person: PersonIx,
        /// Whose.
        owner: OwnerIx,
        /// Why.
        purpose: String,
    } = 65,
    /// A price was recorded; only in journals from before prices had a time of their own.
    PriceRecorded(OldPrice) = 70,
    /// A price was told: it counts, or is suspect.
    OfPrice(PriceEvent) = 71,
    /// A case was opened.
    IncidentOpened {
        /// What about.
        cause: Cause,
        /// Outside id of the command that opened it.
        opened_by: String,
    } = 80,
    /// Somebody became aware.
    AwarenessNamed {
        /// Place of the case.
        incident: u32,
        /// Who; `None` is the system.
        by: Option<ActorIx>,
    } = 81,
    /// A case was classified.
    IncidentClassified {
        /// Place of the case.
        incident: u32,
        /// Who.
        by: ActorIx,
        /// Level.
        level: String,
    } = 82,
    /// A fact was recorded.
    FactRecorded {
        /// Place of the case.
        incident: u32,
        /// The fact.
        fact: Fact,
    } = 83,
    /// A duty's clock started.
    ClockStarted {
        /// Place of the case.
        incident: u32,
        /// Number of the duty.
        duty: u32,
        /// Start, ms.
        started: u64,
        /// Last moment in time, ms; `None` where the rule gives no number.
        due: Option<u64>,
    } = 84,
    /// A clock's due time came nearer.
    ClockShortened {
        /// Place of the case.
        incident: u32,
        /// Number of its clock.
        clock: u32,
        /// Last moment in time, ms.
        due: u64,
    } = 85,
    /// A clock warned.
    ClockWarned {
        /// Place of the case.
        incident: u32,
        /// Number of its clock.
        clock: u32,
    } = 86,
    /// A clock was missed.
    ClockMissed {
        /// Place of the case.
        incident: u32,
        /// Number of its clock.
        clock: u32,
    } = 87,
    /// Somebody was told, in time or late.
    NotificationRecorded {
        /// Place of the case.
        incident: u32,
        /// Number of its clock.
        clock: u32,
        /// Receipt.
        receipt: String,
        /// Who submitted it.
        by: Option<ActorIx>,
    } = 88,
    /// Stolen value was frozen by somebody.
    FreezeRecorded {
        /// Place of the case.
        incident: u32,
        /// The freeze.
        freeze: Freeze,
    } = 89,
    /// A loss event was recognised and attributed.
    LossRecognised {
        /// Place of the case.
        incident: u32,
        /// Asset.
        asset: AssetIx,
        /// Minor units.
        units: u128,
        /// The house's part, minor units.
        house: u128,
    } = 90,
    /// Stolen value came back.
    RecoveryRecorded {
        /// Place of the case.
        incident: u32,
        /// Asset.
        asset: AssetIx,
        /// Minor units.
        units: u128,
    } = 91,
    /// The house put assets into the customers' pool.
    PoolReplenished {
        /// Place of the case.
        incident: u32,
        /// Asset.
        asset: AssetIx,
        /// Minor units.
        units: u128,
    } = 92,
    /// A claim was lodged and decided as far as a machine may.
    ClaimLodged(Box<Claim>) = 93,
    /// A claim was paid.
    ClaimPaid {
        /// Number of the claim.
        claim: u32,
        /// Minor units.
        units: u128,
        /// True if it puts back a custody loss (no balance moves), false if it credits a lost balance.
        custody: bool,
    } = 94,
    /// The wall clock jumped.
    ClockJumped {
        /// By how much, ms.
        by_ms: i64,
    } = 100,
    /// The service was down until now.
    DowntimeSeen {
        /// Last moment in the journal before, ms.
        since: u64,
    } = 101,
    /// A command was answered.
    Answered {
        /// Its id, where it had one and the answer uses it.
        id: Option<String>,
        /// SHA-256 of its content.
        content: [u8; 32],
        /// Who asked.
        actor: Option<String>,
        /// Number of its kind.
        kind: u8,
        /// The answer.
        answer: Answer,
    } = 110,
    /// A command came again and got its first answer again.
    AnswerRepeated {
        /// Its id.
        id: String,
    } = 111,
    /// A personal record was kept in the vault; only this commitment to it is here.
    PersonalRecordKept {
        /// Random number of whose it is.
        subject: SubjectId,
        /// Random number of the record.
        record: RecordId,
        /// SHA-256 over `keepwhole/pii/v1`, a zero byte, 32 random bytes and the plaintext.
        commit: [u8; 32],
    } = 120,
    /// Somebody read fields of a personal record.
    SubjectRead {
        /// Who.
        person: PersonIx,
        /// Whose.
        subject: SubjectId,
        /// Which record.
        record: RecordId,
        /// Code of the purpose.
        purpose: String,
        /// Names of the fields that were shown.
        fields: Vec<String>,
    } = 121,
    /// The relation with a person ended; retention runs from there.
    RelationEnded {
        /// Whose.
        subject: SubjectId,
        /// When, ms.
        ended: u64,
    } = 122,
    /// One person asked to erase, hold or release; it waits for a second.
    SubjectActionAsked {
        /// Whose.
        subject: SubjectId,
        /// What.
        action: SubjectAction,
        /// Who asked.
        person: PersonIx,
    } = 123,
    /// A person was erased: the vault destroys key, salts and the way to the account.
    SubjectErased {
        /// Whose.
        subject: SubjectId,
        /// Code of the legal ground.
        ground: String,
        /// The two persons who asked for it.
        approvals: Vec<PersonIx>,
    } = 124,
    /// A legal hold was set: nothing of the person is erased while it stands.
    LegalHoldSet {
        /// Whose.
        subject: SubjectId,
        /// Code of the order or case.
        reason: String,
        /// The two persons who asked for it.
        approvals: Vec<PersonIx>,
    } = 125,
    /// A legal hold was released.
    LegalHoldReleased {
        /// Whose.
        subject: SubjectId,
        /// Code under which it was set.
        reason: String,
        /// The two persons who asked for it.
        approvals: Vec<PersonIx>,
    } = 126,
    /// The vault's store of keys changed.
    KeyStoreRecorded {
        /// Changes of the store so far.
        generation: u64,
        /// Number of the vault key.
        key: u64,
    } = 127,
    /// The vault's store of keys was found older than recorded: somebody put a copy back.
    KeyStoreRestored {
        /// Generation that was recorded.
        expected: u64,
        /// Generation that was found.
        found: u64,
    } = 128,
    /// The keys of the log were declared.
    LogKeysDeclared(DeclaredKeys) = 130,
    /// The log's key gave way to another, as this note, signed by the root key, says (docs/journal-format.md, "Keys of the log").
    LogKeyRotated(Vec<u8>) = 131,
    /// The rules of the policy were asked about a request.
    RequestJudged(Box<Judged>) = 140,
    /// What happened to people, credentials, quorums and stops; `docs/authority.md` lists the kinds.
    Authority(AuthorityEvent) = 150,
    /// The terms of a request that its clearances are bound to.
    IntentBound {
        /// Number of the request.
        request: u32,
        /// The terms.
        terms: Terms,
    } = 170,
    /// A clearance was issued for one byte string.
    ClearanceIssued {
        /// Number of the request.
        request: u32,
        /// Number of the attempt.
        attempt: u32,
        /// Canonical JSON of the clearance (docs/clearances.md).
        text: String,
        /// Its digest.
        digest: [u8; 32],
        /// What is signed.
        signing_digest: [u8; 32],
        /// What at most one attempt can spend.
        conflict_key: String,
        /// First moment without it, ms.
        until: u64,
    } = 171,
    /// A signer redeemed an issued clearance.
    IssuedRedeemed {
        /// Number of the request.
        request: u32,
        /// Digest of the clearance.
        clearance: [u8; 32],
        /// The signer.
        signer: String,
    } = 172,
    /// An asset was named as its network does.
    AssetNamed {
        /// The asset.
        asset: AssetIx,
        /// CAIP-19.
        caip19: String,
    } = 173,
    /// A signing key of a wallet was named.
    KeyNamed {
        /// The wallet.
        wallet: WalletIx,
        /// The key.
        key: String,
        /// Network (CAIP-2).
        network: String,
    } = 174,
    /// What happened at the doors: identities that count, attempts that were turned away (`docs/edges.md`).
    AtDoor(DoorEvent) = 190,
    /// A Safe was registered as a wallet of ours.
    SafeRegistered(Box<RegisteredSafe>) = 175,
    /// A contract was registered whose code a Safe may run as its own, for a batch of calls.
    BatchCodeRegistered(Contract) = 176,
    /// What was redeemed of a request can't land any more; it went back.
    ClearancesDead(Box<Dead>) = 177,
    /// A redress set was published: exactly the bytes that commit to its manifest.
    RedressSetPublished {
        /// The entry.
        entry: Vec<u8>,
    } = 200,
}
