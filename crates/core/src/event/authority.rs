//! Events of authority: people, credentials, approvals with their proofs, stops, findings. Numbers are never given twice.

use super::Event;
use crate::authority::class::Class;
use crate::authority::credential::NewCredential;
use crate::authority::finding::Finding;
use crate::authority::matter::Target;
use crate::authority::proof::Proof;
use crate::authority::rules::Rules;
use crate::breaker::Scope;
use crate::reason::Reason;
use crate::registry::{ActorIx, PersonIx, WalletIx};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// What happened to people, credentials, quorums and stops.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum AuthorityEvent {
    /// Something asks for approvals: what exactly, and of which class of action it is.
    ApprovalAsked {
        /// What.
        target: Target,
        /// Its class.
        class: Class,
        /// Who proposed it, where a person of ours did.
        by: Option<PersonIx>,
        /// Digest of the exact command.
        command: [u8; 32],
        /// Digest of the policy in force.
        policy: [u8; 32],
    } = 1,
    /// A person approved or rejected, with the raw assertion, so that anybody can check it again.
    ApprovalProven {
        /// What.
        target: Target,
        /// Who.
        person: PersonIx,
        /// The proof.
        proof: Box<Proof>,
        /// The authenticator's counter.
        counter: u32,
    } = 2,
    /// Rules of authority came into force.
    AuthorityAdopted(Box<Rules>) = 3,
    /// The bootstrap named its administrators.
    AuthorityBootstrapped {
        /// Their persons.
        administrators: Vec<String>,
    } = 4,
    /// Each enabled class of action can fill its quorum for the first time; the bootstrap is over.
    BootstrapCompleted = 5,
    /// A person got a credential.
    CredentialEnrolled {
        /// Whose.
        person: String,
        /// What.
        credential: Box<NewCredential>,
    } = 6,
    /// A credential ended.
    CredentialEnded {
        /// Number of the credential.
        credential: u32,
    } = 7,
    /// One person stopped a scope of the breaker; a quorum may keep or lift it.
    StopBegun {
        /// Scope.
        scope: Scope,
        /// Number of the proposal.
        proposal: u32,
        /// Who.
        by: PersonIx,
    } = 8,
    /// One person suspended another; a quorum may keep or lift it.
    PersonSuspended {
        /// Whom.
        person: PersonIx,
        /// Number of the proposal.
        proposal: u32,
        /// Who.
        by: PersonIx,
    } = 9,
    /// A quorum stands behind what one person stopped.
    StopKept {
        /// Number of the proposal that stopped it.
        proposal: u32,
    } = 10,
    /// The suspension of a person was lifted.
    PersonReinstated {
        /// Whose.
        person: PersonIx,
    } = 11,
    /// The keys of a person are other ones than before: all gave way to another, or one came beside them.
    CredentialsReset {
        /// Whose.
        person: PersonIx,
    } = 12,
    /// Everybody who may approve anything was told of a proposal.
    NoticeGiven {
        /// Number of the proposal.
        proposal: u32,
        /// To whom.
        to: Vec<PersonIx>,
    } = 13,
    /// A person signed in.
    SignedIn {
        /// Who.
        person: PersonIx,
        /// Number of the credential.
        credential: u32,
        /// Code of the device.
        device: String,
        /// Code of the place.
        place: String,
    } = 14,
    /// A finding was raised.
    FindingRaised {
        /// The finding.
        finding: Box<Finding>,
        /// Digest of the policy in force.
        policy: [u8; 32],
    } = 15,
    /// A finding was cleared by another person.
    FindingCleared {
        /// Number of the finding.
        finding: u32,
        /// Who.
        by: PersonIx,
    } = 16,
    /// A change that was due is held back.
    ChangeHeldBack {
        /// Number of the proposal.
        proposal: u32,
        /// Why.
        reason: Reason,
    } = 17,
    /// Sealed keys were used.
    BreakGlassUsed {
        /// Number of the proposal.
        proposal: u32,
        /// First moment at which it no longer closes everything else, ms.
        until: u64,
    } = 18,
    /// A signer was asked for bytes of a wallet that are not the clearance's.
    MismatchCounted {
        /// The wallet.
        wallet: WalletIx,
    } = 19,
    /// All roles of an account were prolonged.
    RolesRenewed {
        /// Account.
        actor: ActorIx,
        /// First moment without them, ms.
        expires: u64,
    } = 20,
    /// From here on nothing is cleared without rules of authority: programs outside can ask.
    AuthorityDemanded = 21,
}

impl From<AuthorityEvent> for Event {
    fn from(event: AuthorityEvent) -> Self {
        Self::Authority(event)
    }
}
