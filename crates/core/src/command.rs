//! Commands: everything that can be asked of keepwhole or told to it. Outside names are text here.

mod kind;

use crate::authority::command::AuthorityCommand;
use crate::book::MovementKind;
use crate::custody::{Direction, NodeHealth};
use crate::door::DoorCommand;
use crate::guard::Change;
use crate::incident::clock::Duty;
use crate::law::RuleRecord;
use crate::policy::Policy;
use crate::price::NewPrice;
use crate::registry::{Asset, Wallet};
use crate::subject::SubjectCommand;
use crate::transfer::TransferBatch;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest as _, Sha256};

/// A command with its envelope.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Command {
    /// The caller's id; the same id with the same content gets the first answer again.
    pub id: Option<String>,
    /// The account of the person or machine that acts, where one does.
    pub actor: Option<String>,
    /// What is asked.
    pub body: Body,
}

impl Command {
    /// SHA-256 over the canonical form, id and actor included; for the rows of a batch of transfers stands their own
    /// digest, which whoever made the batch worked out.
    #[must_use]
    pub fn content(&self) -> [u8; 32] {
        self.content_and_size().0
    }

    /// The same digest, and the size of the canonical form in bytes.
    pub(crate) fn content_and_size(&self) -> ([u8; 32], usize) {
        let Body::RecordTransfers(batch) = &self.body else {
            return content_and_size(self);
        };
        let envelope = (&self.id, &self.actor, self.body.kind(), batch.digest());
        let (content, size) = content_and_size(&envelope);
        (content, size.saturating_add(batch.as_bytes().len()))
    }
}

/// Hashes what is written, and counts it.
struct Hashing {
    hasher: Sha256,
    bytes: usize,
}

impl borsh::io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> borsh::io::Result<usize> {
        self.hasher.update(bytes);
        self.bytes = self.bytes.saturating_add(bytes.len());
        Ok(bytes.len())
    }
    fn flush(&mut self) -> borsh::io::Result<()> {
        Ok(())
    }
}

fn content_and_size(value: &impl BorshSerialize) -> ([u8; 32], usize) {
    let mut hashing = Hashing {
        hasher: Sha256::new(),
        bytes: 0,
    };
    // Writing into a hasher can't fail.
    let _written = value.serialize(&mut hashing);
    (hashing.hasher.finalize().into(), hashing.bytes)
}

/// SHA-256 over the canonical binary form of a value.
#[must_use]
pub fn sha256_of(value: &impl BorshSerialize) -> [u8; 32] {
    content_and_size(value).0
}

/// A movement as it is told.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct NewMovement {
    /// Owner it is taken from (`outside` for what enters the books).
    pub from: String,
    /// Owner it is given to (`outside` for what leaves the books).
    pub to: String,
    /// Asset.
    pub asset: String,
    /// Minor units.
    pub units: u128,
    /// Why.
    pub kind: MovementKind,
    /// The caller's reference; may be empty.
    pub reference: String,
}

/// A line of a batch of credits as it is asked.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct NewCreditLine {
    /// Customer.
    pub customer: String,
    /// Asset.
    pub asset: String,
    /// Minor units.
    pub units: u128,
}

/// What an approver says the request is.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Binds {
    /// Destination.
    pub to: String,
    /// Asset.
    pub asset: String,
    /// Minor units.
    pub units: u128,
}

/// One operation of what a signer is asked to sign, decoded.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Operation {
    /// Kind: `transfer`, `unstake`, `set_authority`, `delegatecall`, `upgrade`, `multicall`.
    pub op: String,
    /// Destination.
    pub to: String,
    /// Asset.
    pub asset: String,
    /// Minor units.
    pub units: u128,
    /// Operations inside a `multicall`.
    pub inner: Vec<Operation>,
}

/// A withdrawal with all that its clearances will be bound to.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct NewIntent {
    /// Customer (or the house).
    pub customer: String,
    /// Wallet to pay out of.
    pub wallet: String,
    /// Asset.
    pub asset: String,
    /// Gross debit, minor units.
    pub units: u128,
    /// Destination.
    pub to: String,
    /// Memo or tag of the destination; empty if none.
    pub memo: String,
    /// Greatest total fee, minor units of the network's own coin.
    pub max_fee: u128,
    /// First moment at which nothing of it may be signed any more, ms; 24 hours after the request if absent.
    pub expires: Option<u64>,
}

/// Bytes that a signer is about to be asked to sign, decoded.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct NewPayload {
    /// The request's id.
    pub target: String,
    /// Number of the attempt, from 1; zero asks and gets nothing issued.
    pub attempt: u32,
    /// The signing key.
    pub key: String,
    /// What the bytes are: everything that was decoded, or why nothing could be.
    pub content: PayloadContent,
    /// Digest of the guard's build.
    pub build: [u8; 32],
}

/// Payload bytes that were decoded in full.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct DecodedPayload {
    /// Payload kind, such as `evm-tx`.
    pub kind: String,
    /// Network (CAIP-2).
    pub network: String,
    /// What is signed.
    pub signing_digest: [u8; 32],
    /// What at most one attempt can spend.
    pub conflict_key: String,
    /// Greatest total fee by the bytes, minor units of the network's own coin.
    pub total_fee: u128,
    /// Text beside the transfer; empty if none.
    pub memo: String,
    /// The Safe whose transaction it is, lower-case address; `None` where the key moves its own wallet's value.
    pub safe: Option<String>,
    /// All effects but change; assets by their names on the network (CAIP-19).
    pub operations: Vec<Operation>,
}

/// What payload bytes are (docs/payloads.md).
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum PayloadContent {
    /// Decoded in full.
    Decoded(DecodedPayload) = 1,
    /// Refused by the decoder.
    Undecodable {
        /// Name of the refusal.
        refusal: String,
        /// SHA-256 of the bytes.
        bytes: [u8; 32],
    } = 2,
}

/// One node's report of a flow.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Observation {
    /// The node.
    pub node: String,
    /// Our wallet.
    pub wallet: String,
    /// Transaction.
    pub txid: String,
    /// In or out.
    pub direction: Direction,
    /// Asset.
    pub asset: String,
    /// Minor units; zero with peer `none` only moves the node's tip.
    pub units: u128,
    /// The other side's address.
    pub peer: String,
    /// Block.
    pub height: u64,
    /// True where the transaction gave away power over the wallet.
    pub authority: bool,
}

/// On what a claim rests, as it is lodged.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct NewPriceDifference {
    /// The asset that could not be traded.
    pub base: String,
    /// How much of it, minor units.
    pub qty: u128,
    /// The price that was wanted, minor units of the claimed asset for one whole base asset.
    pub wanted: u128,
}

/// What can be asked or told.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Body {
    /// Register an asset.
    RegisterAsset(Asset) = 1,
    /// Register owners; the first ever is the house, the second must be `outside`.
    RegisterOwners(Vec<String>) = 2,
    /// Register a wallet of ours.
    RegisterWallet(Wallet) = 3,
    /// Enrol an account of a person.
    EnrolActor {
        /// Account.
        id: String,
        /// Person.
        person: String,
        /// Roles.
        roles: Vec<String>,
        /// First moment without them, ms.
        expires: Option<u64>,
    } = 4,
    /// Say what wallets hold at the start of watching: wallet, asset, minor units.
    DeclareHoldings(Vec<(String, String, u128)>) = 5,
    /// Adopt the first policy; later ones are changes and need a quorum.
    AdoptPolicy(Box<Policy>) = 6,
    /// Adopt duties that a case starts clocks for.
    AdoptDuties(Vec<Duty>) = 7,
    /// Adopt a set of law.
    AdoptLaw {
        /// All rules of the set.
        rules: Vec<RuleRecord>,
        /// Digest of the set.
        digest: [u8; 32],
    } = 8,
    /// Record movements of the books: all or none.
    RecordMovements(Vec<NewMovement>) = 9,
    /// Record a trade of the matching engine; always recorded.
    RecordTrade {
        /// Gets the base asset.
        buyer: String,
        /// Gets the quote asset.
        seller: String,
        /// Base asset.
        base: String,
        /// Quote asset.
        quote: String,
        /// Base, minor units.
        units: u128,
        /// Minor units of quote for one whole base; the product is rounded down.
        price: u128,
    } = 10,
    /// Record a ledger row that was found without a decision of the guard.
    RecordLedgerRow {
        /// Customer.
        customer: String,
        /// Asset.
        asset: String,
        /// Minor units.
        units: u128,
        /// True for a credit, false for a debit.
        credit: bool,
    } = 11,
    /// Ask for a withdrawal.
    RequestWithdrawal {
        /// Customer (or the house).
        customer: String,
        /// Wallet to pay out of.
        wallet: String,
        /// Asset.
        asset: String,
        /// Gross debit, minor units.
        units: u128,
        /// Destination.
        to: String,
    } = 12,
    /// Ask for a transfer between own wallets.
    RequestTransfer {
        /// From wallet.
        from: String,
        /// To wallet.
        to: String,
        /// Asset.
        asset: String,
        /// Minor units.
        units: u128,
    } = 13,
    /// Ask for credits that no deposit backs: all lines or none.
    RequestCredit {
        /// Why.
        reason: String,
        /// Budget.
        budget: String,
        /// Lines.
        lines: Vec<NewCreditLine>,
    } = 14,
    /// Approve a request.
    Approve {
        /// The request's id.
        target: String,
        /// A fresh nonce of the person.
        nonce: String,
        /// What the approver says it is.
        binds: Option<Binds>,
        /// Digest of what the approver's screen showed.
        seen: Option<[u8; 32]>,
    } = 15,
    /// Reject a request; one rejection ends it.
    Reject {
        /// The request's id.
        target: String,
        /// A fresh nonce of the person.
        nonce: String,
    } = 16,
    /// A signer asks to redeem a clearance for decoded bytes.
    RedeemClearance {
        /// The request's id.
        target: String,
        /// Decoded operations.
        operations: Vec<Operation>,
        /// Digest of the guard's build and policy that the signer runs with.
        attested: Option<[u8; 32]>,
    } = 17,
    /// Record what one node saw of our wallets.
    RecordObservation(Observation) = 18,
    /// Record a reorganisation that a node reports.
    RecordReorganisation {
        /// The node.
        node: String,
        /// Blocks above it were replaced.
        height: u64,
        /// Transactions that are gone.
        dropped: Vec<String>,
    } = 19,
    /// Record how a node is.
    RecordNode {
        /// The node.
        node: String,
        /// How it is.
        health: NodeHealth,
    } = 20,
    /// Record that the exchange says a deposit arrived.
    RecordDeposit {
        /// Customer.
        customer: String,
        /// Asset.
        asset: String,
        /// Minor units.
        units: u128,
        /// Transaction.
        txid: String,
        /// Wallet.
        wallet: String,
    } = 21,
    /// Record prices: all or none. One outside its band is recorded as suspect.
    RecordPrices(Vec<NewPrice>) = 22,
    /// Propose a change of settings or rights.
    ProposeChange(Change) = 23,
    /// Stand behind a proposed change.
    ApproveChange {
        /// The proposal's id.
        target: String,
    } = 24,
    /// Cancel a proposed change.
    CancelChange {
        /// The proposal's id.
        target: String,
    } = 25,
    /// Read one customer's personal record.
    ReadRecord {
        /// Whose.
        customer: String,
        /// Why; never empty.
        purpose: String,
    } = 26,
    /// A named person becomes aware; opens the case if it is the next one.
    BecomeAware {
        /// The case.
        incident: String,
    } = 27,
    /// Classify a case.
    Classify {
        /// The case.
        incident: String,
        /// Level.
        level: String,
    } = 28,
    /// Record a fact of the case.
    RecordFact {
        /// The case.
        incident: String,
        /// In words.
        text: String,
        /// When it is said to have happened, ms; now if absent.
        occurred: Option<u64>,
        /// Who says so.
        source: String,
        /// True for a newly confirmed material fact.
        material: bool,
    } = 29,
    /// Record that a duty was met by a submission with a receipt.
    Notify {
        /// The case.
        incident: String,
        /// The duty.
        duty: String,
        /// Proof of submission.
        receipt: String,
    } = 30,
    /// Record that somebody froze stolen value.
    RecordFreeze {
        /// The case.
        incident: String,
        /// Who froze it.
        by: String,
        /// Asset, where known.
        asset: Option<String>,
        /// Minor units, where known.
        units: Option<u128>,
        /// Value in the quote asset's minor units, where only that is known.
        value: Option<u128>,
        /// Who says so.
        source: String,
    } = 31,
    /// Record that stolen value came back.
    RecordRecovery {
        /// The case.
        incident: String,
        /// Asset.
        asset: String,
        /// Minor units.
        units: u128,
    } = 32,
    /// The house puts its own assets into the customers' pool.
    Replenish {
        /// The case.
        incident: String,
        /// Asset.
        asset: String,
        /// Minor units; at most what is outstanding.
        units: u128,
    } = 33,
    /// Lodge a claim.
    LodgeClaim {
        /// Customer.
        customer: String,
        /// The case.
        incident: String,
        /// Asset claimed.
        asset: String,
        /// Minor units.
        units: u128,
        /// For a trade that could not be made.
        price: Option<NewPriceDifference>,
    } = 34,
    /// Pay a claim.
    PayClaim {
        /// The claim.
        claim: String,
    } = 35,
    /// Record that the wall clock jumped, ms; the journal's time does not.
    RecordClockJump {
        /// By how much, ms.
        by_ms: i64,
    } = 36,
    /// Record that the service was down.
    RecordDowntime {
        /// Last moment in the journal before, ms.
        since: u64,
    } = 37,
    /// Publish a redress set: the exact entry that commits to its manifest.
    PublishRedressSet {
        /// The entry's bytes.
        entry: Vec<u8>,
    } = 38,
    /// Declare the key that signs the log's heads and the root key that may rotate it; once.
    DeclareLogKeys {
        /// Verifier key that signs heads.
        log: String,
        /// Verifier key of the root.
        root: String,
    } = 41,
    /// Let the log's key give way to another, as the root key signed.
    RotateLogKey {
        /// Signed note (docs/journal-format.md, "Keys of the log").
        statement: Vec<u8>,
    } = 42,
    /// Begin with people, approve with proof, record sign-ins, clear findings.
    OfAuthority(AuthorityCommand) = 46,
    /// Time passes; what is due becomes an event.
    ObserveTime = 39,
    /// Keep, read, erase or hold personal records, by the random number of the person.
    OfSubject(SubjectCommand) = 60,
    /// Tell who may knock at the doors, and who was turned away there.
    OfDoor(DoorCommand) = 61,
    /// Ask for a withdrawal with the terms that its clearances are bound to.
    RequestIntent(Box<NewIntent>) = 55,
    /// Ask for a clearance for one byte string of a cleared request.
    IssueClearance(Box<NewPayload>) = 56,
    /// A signer redeems a clearance, once.
    RedeemIssued {
        /// Digest of the clearance.
        clearance: [u8; 32],
        /// The signer.
        signer: String,
    } = 57,
    /// Name an asset as its network does.
    NameAsset {
        /// The asset.
        asset: String,
        /// CAIP-19.
        caip19: String,
    } = 58,
    /// Name a signing key of a wallet.
    NameKey {
        /// The wallet.
        wallet: String,
        /// The key.
        key: String,
        /// Network (CAIP-2).
        network: String,
    } = 59,
    /// Record rows of the exchange's ledger: all or none. A row that was recorded before is not booked again.
    RecordTransfers(TransferBatch) = 40,
}
