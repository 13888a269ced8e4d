//! The guard's records: requests, approvals, clearances, changes, the address book and reads of personal records.
//!
//! The guard prevents: nothing leaves and nothing is credited without a request that a rule cleared.

pub mod alike;
pub mod clearance;
pub mod custody_change;
pub mod dead;
pub mod open;

use crate::authority::credential::{Enrolment, NewCredential};
use crate::authority::rules::Rules;
use crate::policy::{BudgetUse, Policy};
use crate::reason::Reason;
use crate::registry::{ActorIx, AssetIx, OwnerIx, PersonIx, Wallet, WalletIx};
use crate::subject::SubjectId;
use alike::Alike;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use open::Open;

/// What a request asks for.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Ask {
    /// A customer's (or the house's) withdrawal to an address outside.
    Withdrawal {
        /// Whose balance.
        owner: OwnerIx,
        /// Out of which wallet.
        wallet: WalletIx,
        /// What.
        asset: AssetIx,
        /// Gross debit, minor units.
        units: u128,
        /// Destination address.
        to: String,
    } = 1,
    /// A transfer between own wallets.
    Transfer {
        /// From.
        wallet: WalletIx,
        /// To.
        to_wallet: WalletIx,
        /// What.
        asset: AssetIx,
        /// Minor units.
        units: u128,
    } = 2,
    /// A batch of ledger credits that no deposit backs.
    Credit {
        /// Why, in the requester's words.
        reason: String,
        /// The budget.
        budget: String,
        /// All lines or none: owner, asset, minor units.
        lines: Vec<CreditLine>,
    } = 3,
}

/// One line of a batch of credits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct CreditLine {
    /// Who gets it.
    pub owner: OwnerIx,
    /// What.
    pub asset: AssetIx,
    /// Minor units.
    pub units: u128,
}

/// One person's approval.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Approval {
    /// Who; a person counts once.
    pub person: PersonIx,
    /// When it was recorded, ms.
    pub at: u64,
    /// The nonce that the person used.
    pub nonce: String,
}

/// Where a request stands.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Standing {
    /// Waits, for the reason given.
    Held(Reason) = 1,
    /// Refused by a rule or a person.
    Denied(Reason) = 2,
    /// Cleared.
    Cleared = 3,
    /// Cleared, and the clearance lapsed unused.
    Lapsed = 4,
}

/// The permission that a cleared request carries.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Clearance {
    /// When it was issued, ms.
    pub issued: u64,
    /// First moment without it, ms.
    pub until: Option<u64>,
    /// Digest of the bytes for which it was redeemed; a clearance serves one byte string.
    pub redeemed: Option<[u8; 32]>,
    /// The outflow on chain that it explains.
    pub flow: Option<u32>,
}

/// A request to the guard.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Request {
    /// Outside id.
    pub id: String,
    /// What is asked.
    pub ask: Ask,
    /// The account that asked, where a person of ours did.
    pub actor: Option<ActorIx>,
    /// When, ms.
    pub at: u64,
    /// Distinct approvers needed.
    pub needs: u32,
    /// Roles each of which one of the approvers must hold.
    pub roles: Vec<String>,
    /// Wait from the last approval on, ms.
    pub delay_ms: u64,
    /// When it is judged again by itself, ms.
    pub judge_at: Option<u64>,
    /// First moment at which it may collect no approvals any more, ms.
    pub collect_until: Option<u64>,
    /// Approvals, in order.
    pub approvals: Vec<Approval>,
    /// Where it stands.
    pub standing: Standing,
    /// Its clearance, once cleared.
    pub clearance: Option<Clearance>,
}

impl Request {
    /// The guard's own digest of what is asked: SHA-256 over id and content. An approver's screen must show it.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        crate::command::sha256_of(&(&self.id, &self.ask))
    }

    /// Distinct persons whose approval is valid at `now` under the policy (or at any time, with `expired_too`).
    #[must_use]
    pub fn approvers(&self, policy: &Policy, now: u64, expired_too: bool) -> u32 {
        let valid = |a: &&Approval| {
            expired_too
                || policy
                    .approval_ttl_ms
                    .is_none_or(|ttl| now < a.at.saturating_add(ttl))
        };
        let mut persons: Vec<PersonIx> = self
            .approvals
            .iter()
            .filter(valid)
            .map(|a| a.person)
            .collect();
        persons.sort_unstable();
        persons.dedup();
        u32::try_from(persons.len()).unwrap_or(u32::MAX)
    }
}

/// What a change of settings does.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Change {
    /// Adopt a policy.
    AdoptPolicy(Box<Policy>) = 1,
    /// Give an actor a role until a moment.
    Grant {
        /// To whom (an account name; registered if new).
        actor: String,
        /// Role name.
        role: String,
        /// First moment without it, ms.
        expires: Option<u64>,
    } = 2,
    /// Take all roles from an actor.
    Revoke {
        /// From whom.
        actor: String,
    } = 3,
    /// Stop watching the chain.
    DisableWatch = 4,
    /// Put a destination into the address book.
    ListDestination {
        /// The address.
        address: String,
    } = 5,
    /// Move the first awareness of an incident; never allowed.
    MoveAwareness {
        /// The incident.
        incident: String,
        /// To when, ms.
        to: u64,
    } = 6,
    /// The key of a wallet is known or feared outside.
    RetireKey {
        /// The wallet.
        wallet: String,
    } = 7,
    /// Trip the breaker of a scope.
    Halt {
        /// Wallet name, `asset:NAME`, `trading` or `all`.
        scope: String,
    } = 8,
    /// Reset the breaker of a scope.
    Resume {
        /// Wallet name, `asset:NAME`, `trading` or `all`.
        scope: String,
    } = 9,
    /// Enrol a person's account with roles and credentials.
    EnrolPerson(Box<Enrolment>) = 20,
    /// Give a person one credential more.
    EnrolCredential {
        /// To whom.
        person: String,
        /// What.
        credential: Box<NewCredential>,
    } = 21,
    /// End a credential.
    EndCredential {
        /// Its id.
        credential: Vec<u8>,
    } = 22,
    /// Put one credential in the place of all that a person has.
    ResetCredentials {
        /// Whose.
        person: String,
        /// The new one.
        credential: Box<NewCredential>,
    } = 23,
    /// Adopt rules of authority.
    AdoptAuthority(Box<Rules>) = 24,
    /// Lift the suspension of a person.
    Reinstate {
        /// Whose.
        person: String,
    } = 25,
    /// Use the sealed keys.
    BreakGlass(BreakGlass) = 26,
    /// Register a wallet of ours.
    RegisterWallet(Wallet) = 27,
    /// Prolong all roles of an account.
    RenewRoles {
        /// Account.
        actor: String,
        /// First moment without them, ms.
        expires: u64,
    } = 28,
    /// Name an asset as its network does.
    NameAsset {
        /// The asset.
        asset: String,
        /// CAIP-19.
        caip19: String,
    } = 29,
    /// Name a signing key of a wallet.
    NameKey {
        /// The wallet.
        wallet: String,
        /// The key.
        key: String,
        /// Network (CAIP-2).
        network: String,
    } = 30,
    /// Release a redress set to customers: the exact entry that commits to its manifest.
    ReleaseRedress {
        /// The entry's bytes.
        entry: Vec<u8>,
    } = 40,
    /// Destroy the key of a person's records.
    DestroyKey {
        /// Whose.
        subject: SubjectId,
        /// Code of the legal ground.
        ground: String,
    } = 41,
    /// Register what the exchange trusts on chains.
    OfCustody(Box<custody_change::Body>) = 31,
}

/// What sealed keys may do; nothing that pays anybody else.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum BreakGlass {
    /// Halt a scope.
    Freeze {
        /// Wallet name, `asset:NAME`, `trading` or `all`.
        scope: String,
    } = 1,
    /// Sweep a wallet to the address that the policy named before.
    Sweep {
        /// The wallet.
        wallet: String,
    } = 2,
}

impl Change {
    /// What it does, in one word: the `action` of the command that approvals bind.
    #[must_use]
    pub const fn action(&self) -> &'static str {
        match self {
            Self::AdoptPolicy(_) => "adopt-policy",
            Self::Grant { .. } => "grant",
            Self::Revoke { .. } => "revoke",
            Self::DisableWatch => "disable-watch",
            Self::ListDestination { .. } => "list-destination",
            Self::MoveAwareness { .. } => "move-awareness",
            Self::RetireKey { .. } => "retire-key",
            Self::Halt { .. } => "halt",
            Self::Resume { .. } => "resume",
            Self::EnrolPerson(_) => "enrol-person",
            Self::EnrolCredential { .. } => "enrol-credential",
            Self::EndCredential { .. } => "end-credential",
            Self::ResetCredentials { .. } => "reset-credentials",
            Self::AdoptAuthority(_) => "adopt-authority",
            Self::Reinstate { .. } => "reinstate",
            Self::BreakGlass(BreakGlass::Freeze { .. }) => "break-glass-freeze",
            Self::BreakGlass(BreakGlass::Sweep { .. }) => "break-glass-sweep",
            Self::RegisterWallet(_) => "register-wallet",
            Self::RenewRoles { .. } => "renew-roles",
            Self::NameAsset { .. } => "name-asset",
            Self::NameKey { .. } => "name-key",
            Self::ReleaseRedress { .. } => "release-redress",
            Self::DestroyKey { .. } => "destroy-key",
            Self::OfCustody(body) => body.action(),
        }
    }
}

/// A proposed change and who stands behind it.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Proposal {
    /// Outside id.
    pub id: String,
    /// What it does.
    pub change: Change,
    /// Distinct persons for it, the proposer first.
    pub persons: Vec<PersonIx>,
    /// When the last approval came, ms.
    pub last_approval: u64,
    /// Where it stands.
    pub standing: Standing,
}

/// The guard's state.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Guard {
    /// The policy in force.
    pub policy: Policy,
    /// SHA-256 of the policy in its stored form; zeros before the first.
    pub policy_digest: [u8; 32],
    /// All requests, in order.
    pub requests: Vec<Request>,
    /// From outside id to number of a request.
    pub by_id: BTreeMap<String, u32>,
    /// Nonces used, per person.
    pub nonces: BTreeMap<(PersonIx, String), u32>,
    /// Listed destinations, since when, ms.
    pub listed: BTreeMap<String, u64>,
    /// What budgets were used for.
    pub budgets: BTreeMap<String, BudgetUse>,
    /// Proposed changes, in order.
    pub proposals: Vec<Proposal>,
    /// Reads of personal records: when (ms), who, whose.
    pub reads: Vec<(u64, PersonIx, OwnerIx)>,
    /// Cleared requests whose outflow is not seen yet.
    pub open: Open,
    /// Known addresses by what people look at.
    pub alike: Alike,
    /// Intents and the clearances issued for them.
    pub clearances: clearance::Clearances,
    /// Requests that wait.
    pub waiting: BTreeSet<u32>,
    /// Those of them that a new policy, a price, the end of a halt or of the bootstrap has judged again, and that were not yet.
    /// They are judged one after the other as time is observed, oldest first; whoever speaks for one before has it
    /// judged at that moment.
    pub again: BTreeSet<u32>,
}

impl Guard {
    /// The request of that outside id.
    #[must_use]
    pub fn request(&self, id: &str) -> Option<(u32, &Request)> {
        let ix = *self.by_id.get(id)?;
        Some((ix, self.request_at(ix)?))
    }
    /// The request of that number.
    #[must_use]
    pub fn request_at(&self, ix: u32) -> Option<&Request> {
        self.requests.get(usize::try_from(ix).ok()?)
    }
    pub(crate) fn request_mut(&mut self, ix: u32) -> Option<&mut Request> {
        self.requests.get_mut(usize::try_from(ix).ok()?)
    }
    /// The proposal of that outside id.
    #[must_use]
    pub fn proposal(&self, id: &str) -> Option<(u32, &Proposal)> {
        let at = self.proposals.iter().position(|p| p.id == id)?;
        Some((u32::try_from(at).ok()?, self.proposals.get(at)?))
    }
    /// What is used of a budget so far.
    #[must_use]
    pub fn budget_used(&self, budget: &str) -> (u128, Option<&BTreeMap<OwnerIx, u128>>) {
        self.budgets
            .get(budget)
            .map_or((0, None), |u| (u.total, Some(&u.by_customer)))
    }
}
