//! A second, simple set of rules: naive maps that say what each command should be answered, and what is then owed.
//!
//! It is written from GLOSSARY.md, docs/denials.md and the words of the public documentation, not from the rules' code.
//! Of several reasons the one that stands first in docs/denials.md wins. What it does not predict is recorded as a fact
//! ([`Model::take_facts`]): claims, cases and their clocks, deposits, reorganisations, and what a theft takes from whom.

mod books;
mod chain;
mod prices;
mod requests;
mod rights;
mod signing;
mod transfers;

use keepwhole_core::answer::Answer;
use keepwhole_core::breaker::scope_name;
use keepwhole_core::command::{Body, Command, Operation};
use keepwhole_core::guard::Change;
use keepwhole_core::policy::Policy;
use keepwhole_core::reason::Reason;
use keepwhole_core::registry::{AssetIx, OwnerIx, WalletIx};
use keepwhole_core::state::State;
use std::collections::{BTreeMap, BTreeSet};

/// Name of the counter-account of everything that enters or leaves the books.
const OUTSIDE: &str = "outside";

/// What the model says to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// This is the answer.
    Answer(Answer),
    /// The model has no rule for it; whatever was answered is taken as a fact.
    NoRule,
}

/// Somebody's account and what it may.
#[derive(Clone, Debug)]
struct Account {
    person: String,
    roles: Vec<String>,
    ends: Option<u64>,
}

/// What is asked of the guard.
#[derive(Clone, Debug)]
enum Asked {
    Withdrawal {
        customer: String,
        wallet: String,
        asset: String,
        units: u128,
        to: String,
    },
    Transfer {
        from: String,
        to: String,
        asset: String,
        units: u128,
    },
    Credit {
        budget: String,
        lines: Vec<(String, String, u128)>,
    },
}

/// A request: what, by whom, and where it stands.
#[derive(Clone, Debug)]
struct Request {
    asked: Asked,
    by: Option<String>,
    needs: u32,
    /// Person and moment.
    approvals: Vec<(String, u64)>,
    stands: Stands,
    clearance: Option<Clearance>,
}

#[derive(Clone, Debug)]
enum Stands {
    Held(Reason),
    Denied,
    Cleared,
    Lapsed,
}

#[derive(Clone, Debug)]
struct Clearance {
    until: Option<u64>,
    redeemed: Option<Vec<Operation>>,
    seen: bool,
}

/// What left a wallet or was cleared to leave it.
#[derive(Clone, Debug)]
struct Outflow {
    wallet: String,
    asset: String,
    at: u64,
    units: u128,
    before: u128,
    request: Option<usize>,
    seen: bool,
    lapsed: bool,
}

/// A proposed change.
#[derive(Clone, Debug)]
struct Proposal {
    change: Change,
    persons: Vec<String>,
    stands: Waiting,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Waiting {
    /// For another administrator; so many are needed.
    Person(u32),
    /// Until that moment.
    Until(u64),
    /// For nothing any more.
    Over,
}

/// Everything that the model knows.
#[derive(Clone, Debug, Default)]
pub struct Model {
    at: u64,
    /// Name, decimals, on a chain; in order of registration.
    assets: Vec<(String, u8, bool)>,
    owners: Vec<String>,
    /// Name and address, in order of registration.
    wallets: Vec<(String, String)>,
    accounts: BTreeMap<String, Account>,
    policy: Policy,
    /// All in and all out, by owner and asset.
    totals: BTreeMap<String, BTreeMap<String, (u128, u128)>>,
    /// By wallet and asset.
    held: BTreeMap<String, BTreeMap<String, u128>>,
    outflows: Vec<Outflow>,
    requests: Vec<Request>,
    request_of: BTreeMap<String, usize>,
    nonces: BTreeMap<(String, String), usize>,
    halts: BTreeSet<String>,
    retired: BTreeSet<String>,
    listed: BTreeMap<String, u64>,
    proposals: Vec<Proposal>,
    proposal_of: BTreeMap<String, usize>,
    /// Moment and person.
    reads: Vec<(u64, String)>,
    /// What was told, by base and quote.
    prices: BTreeMap<(String, String), prices::Told>,
    budgets: BTreeMap<(String, String), u128>,
    flows: BTreeSet<(String, String, bool, String)>,
    sweeps: BTreeSet<(String, String)>,
    answers: BTreeMap<String, (Command, Answer)>,
    ids: transfers::Ids,
    /// Rows of the last batch of transfers that were booked before.
    repeated_rows: u32,
    /// Deposits were claimed: what a node shows may credit one of them.
    deposits: bool,
    /// Something happened whose consequences are taken as facts.
    wants_facts: bool,
}

/// What a rule says: an answer, or the reason against it, after which nothing happened.
type Ruling = Result<Answer, Reason>;

impl Model {
    /// A model of an exchange without anything, whose generations of transfer ids have that many.
    #[must_use]
    pub fn remembering(ids: u32) -> Self {
        let mut model = Self::default();
        model.ids.generation = usize::try_from(ids).unwrap_or(usize::MAX);
        model
    }

    /// Rows of the last batch of transfers that were booked before.
    #[must_use]
    pub const fn repeated_rows(&self) -> u32 {
        self.repeated_rows
    }

    /// Time passes until `at`: clearances lapse, changes come into force, in the order of their moments.
    pub fn pass(&mut self, at: u64) {
        self.at = self.at.max(at);
        loop {
            let lapse = self.next_lapse().filter(|(due, _)| *due <= self.at);
            let force = self.next_change().filter(|(due, _)| *due <= self.at);
            match (lapse, force) {
                (Some((due, number)), other) if other.is_none_or(|(later, _)| due <= later) => {
                    self.lapse(number);
                }
                (_, Some((_, number))) => self.in_force(number),
                _ => break,
            }
        }
    }

    /// What the command should be answered now; and it happens.
    pub fn decide(&mut self, command: &Command) -> Said {
        let known = command.id.as_ref().and_then(|id| self.answers.get(id));
        if let Some((first, answer)) = known
            && first == command
        {
            return Said::Answer(answer.clone());
        }
        let used = command.id.clone().filter(|_| known.is_some());
        let used = used.map(|id| Reason::DuplicateId { id });
        let name = command.actor.as_ref();
        let nobody = name.filter(|name| !self.accounts.contains_key(*name));
        let nobody = nobody.map(|actor| Reason::UnknownActor {
            actor: actor.clone(),
        });
        if let Some(stop) = nobody.or(used) {
            // Nothing happens; what is wrong with the command itself is named first.
            let answers = std::mem::take(&mut self.answers);
            let ruling = self.clone().rule(command);
            self.answers = answers;
            let reason = match ruling {
                // What else is wrong with such a command is not predicted.
                None => return Said::NoRule,
                Some(Err(reason)) if reason.precedence() < stop.precedence() => reason,
                _ => stop,
            };
            return Said::Answer(Answer::because(reason));
        }
        let Some(ruling) = self.rule(command) else {
            self.deposits |= matches!(command.body, Body::RecordDeposit { .. });
            self.wants_facts = true;
            return Said::NoRule;
        };
        let answer = ruling.unwrap_or_else(Answer::because);
        self.remember(command, &answer);
        Said::Answer(answer)
    }

    /// Notes the first answer of an id; a refused command leaves its id free.
    pub fn remember(&mut self, command: &Command, answer: &Answer) {
        if let Some(id) = command
            .id
            .as_ref()
            .filter(|_| !matches!(answer, Answer::Refused(_)))
        {
            self.answers
                .entry(id.clone())
                .or_insert_with(|| (command.clone(), answer.clone()));
        }
    }

    /// Whether there is a rule for such a command, and nothing of it is taken as a fact.
    #[must_use]
    pub fn predicts(body: &Body) -> bool {
        matches!(
            body,
            Body::RegisterAsset(_)
                | Body::RegisterOwners(_)
                | Body::RegisterWallet(_)
                | Body::EnrolActor { .. }
                | Body::DeclareHoldings(_)
                | Body::AdoptPolicy(_)
                | Body::AdoptDuties(_)
                | Body::RecordMovements(_)
                | Body::RecordTransfers(_)
                | Body::RecordTrade { .. }
                | Body::RecordLedgerRow { .. }
                | Body::RecordPrices(_)
                | Body::RequestWithdrawal { .. }
                | Body::RequestTransfer { .. }
                | Body::RequestCredit { .. }
                | Body::Approve { .. }
                | Body::Reject { .. }
                | Body::RedeemClearance { .. }
                | Body::ProposeChange(_)
                | Body::ApproveChange { .. }
                | Body::CancelChange { .. }
                | Body::ReadRecord { .. }
                | Body::RecordClockJump { .. }
                | Body::ObserveTime
        )
    }

    fn rule(&mut self, command: &Command) -> Option<Ruling> {
        let by = command.actor.as_deref();
        let id = command.id.as_deref();
        Some(match &command.body {
            Body::RecordMovements(lines) => self.movements(lines),
            Body::RecordTransfers(batch) => self.transfers(batch),
            Body::RecordTrade {
                buyer,
                seller,
                base,
                quote,
                units,
                price,
            } => self.trade((buyer, seller), (base, quote), *units, *price),
            Body::RecordLedgerRow {
                customer,
                asset,
                units,
                credit,
            } => self.ledger_row(customer, asset, *units, *credit),
            Body::RecordPrices(rows) => self.prices(rows),
            Body::ReadRecord { customer, purpose } => self.read(by, customer, purpose),
            Body::RecordObservation(seen) => self.observation(seen),
            Body::RecordClockJump { .. } | Body::ObserveTime => Ok(Answer::Recorded),
            Body::RegisterAsset(_)
            | Body::RegisterOwners(_)
            | Body::RegisterWallet(_)
            | Body::EnrolActor { .. }
            | Body::DeclareHoldings(_)
            | Body::AdoptPolicy(_)
            | Body::AdoptDuties(_) => self.set_up(&command.body),
            other => return self.rule_of_the_guard(id, by, other),
        })
    }

    fn rule_of_the_guard(
        &mut self,
        id: Option<&str>,
        by: Option<&str>,
        body: &Body,
    ) -> Option<Ruling> {
        Some(match body {
            Body::RequestWithdrawal {
                customer,
                wallet,
                asset,
                units,
                to,
            } => self.withdrawal(id, by, (customer, wallet, asset), *units, to),
            Body::RequestTransfer {
                from,
                to,
                asset,
                units,
            } => self.own_transfer(id, by, (from, to), asset, *units),
            Body::RequestCredit { budget, lines, .. } => self.credit(id, by, budget, lines),
            Body::Approve {
                target,
                nonce,
                binds,
                seen: None,
            } => self.approve(by, target, nonce, binds.as_ref()),
            Body::Reject { target, nonce } => self.reject(by, target, nonce),
            Body::RedeemClearance {
                target,
                operations,
                attested: None,
            } => self.redeem(target, operations),
            Body::ProposeChange(change) => self.propose(id, by, change),
            Body::ApproveChange { target } => self.approve_change(by, target),
            Body::CancelChange { target } => self.cancel_change(by, target),
            _ => return None,
        })
    }

    /// Registering, as a new installation does it; the workload registers nothing twice.
    fn set_up(&mut self, body: &Body) -> Ruling {
        match body {
            Body::RegisterAsset(asset) => {
                let on_chain = asset.network.is_some();
                self.assets
                    .push((asset.id.clone(), asset.decimals, on_chain));
            }
            Body::RegisterOwners(ids) => {
                for id in ids {
                    self.owners.push(id.clone());
                    if self.owners.len() == 1 {
                        self.owners.push(OUTSIDE.to_owned());
                    }
                }
            }
            Body::RegisterWallet(wallet) => {
                self.wallets
                    .push((wallet.id.clone(), wallet.address.clone()));
            }
            Body::EnrolActor {
                id,
                person,
                roles,
                expires,
            } => {
                let account = Account {
                    person: person.clone(),
                    roles: roles.clone(),
                    ends: *expires,
                };
                self.accounts.insert(id.clone(), account);
            }
            Body::DeclareHoldings(lines) => {
                for (wallet, asset, units) in lines {
                    self.hold(wallet, asset, *units);
                }
            }
            Body::AdoptPolicy(policy) => self.policy = (**policy).clone(),
            _ => {}
        }
        Ok(Answer::Recorded)
    }

    fn needs_asset(&self, asset: &str) -> Result<(), Reason> {
        let known = self.assets.iter().any(|(name, _, _)| name == asset);
        known.then_some(()).ok_or_else(|| Reason::UnknownAsset {
            asset: asset.to_owned(),
        })
    }

    fn needs_owner(&self, owner: &str) -> Result<(), Reason> {
        let known = self.owners.iter().any(|name| name == owner);
        known.then_some(()).ok_or_else(|| Reason::UnknownCustomer {
            customer: owner.to_owned(),
        })
    }

    /// An owner that something can be owed to.
    fn needs_customer(&self, owner: &str) -> Result<(), Reason> {
        if owner == OUTSIDE {
            let customer = owner.to_owned();
            return Err(Reason::UnknownCustomer { customer });
        }
        self.needs_owner(owner)
    }

    fn needs_wallet(&self, wallet: &str) -> Result<(), Reason> {
        let known = self.wallets.iter().any(|(name, _)| name == wallet);
        known.then_some(()).ok_or_else(|| Reason::UnknownWallet {
            wallet: wallet.to_owned(),
        })
    }

    fn asset_name(&self, asset: AssetIx) -> &str {
        self.assets
            .get(usize::from(asset.0))
            .map_or("", |(name, _, _)| name)
    }

    fn address_of(&self, wallet: &str) -> &str {
        let found = self.wallets.iter().find(|(name, _)| name == wallet);
        found.map_or("", |(_, address)| address)
    }

    fn wallet_at(&self, address: &str) -> Option<&str> {
        let found = self.wallets.iter().find(|(_, at)| at == address);
        found.map(|(name, _)| name.as_str())
    }

    /// The answer that an id got first, if it got one.
    #[must_use]
    pub fn answered(&self, command: &Command) -> bool {
        let known = command.id.as_ref().and_then(|id| self.answers.get(id));
        known.is_some_and(|(first, _)| first == command)
    }

    /// The policy in force.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Takes over what the model has no rule for, if such a command came: balances, holdings and halts.
    pub fn take_facts(&mut self, state: &State) {
        if !std::mem::take(&mut self.wants_facts) {
            return;
        }
        for (number, owner) in self.owners.iter().enumerate() {
            let Some(owner_ix) = OwnerIx::next(number) else {
                continue;
            };
            for (place, (asset, _, _)) in self.assets.iter().enumerate() {
                let Some(asset_ix) = AssetIx::next(place) else {
                    continue;
                };
                let totals = state.book.totals(owner_ix, asset_ix);
                let both = (totals.incoming, totals.outgoing);
                let of_owner = self.totals.entry(owner.clone()).or_default();
                of_owner.insert(asset.clone(), both);
            }
        }
        for (number, (wallet, _)) in self.wallets.iter().enumerate() {
            for (place, (asset, _, _)) in self.assets.iter().enumerate() {
                if let (Some(w), Some(a)) = (WalletIx::next(number), AssetIx::next(place)) {
                    let of_wallet = self.held.entry(wallet.clone()).or_default();
                    of_wallet.insert(asset.clone(), state.custody.holding(w, a));
                }
            }
        }
        let tripped = state.breaker.tripped.keys();
        self.halts = tripped.map(|scope| scope_name(state, *scope)).collect();
    }

    /// The first difference between what the model has and what the program's state has, in words.
    #[must_use]
    pub fn differs(&self, state: &State) -> Option<String> {
        for (number, owner) in self.owners.iter().enumerate() {
            for (place, (asset, _, _)) in self.assets.iter().enumerate() {
                let (Some(o), Some(a)) = (OwnerIx::next(number), AssetIx::next(place)) else {
                    continue;
                };
                let ours = self.balance(owner, asset);
                let theirs = state.book.balance(o, a);
                if ours != theirs {
                    return Some(format!(
                        "`{owner}` is owed {theirs} `{asset}`, the model says {ours}"
                    ));
                }
            }
        }
        for (number, (wallet, _)) in self.wallets.iter().enumerate() {
            for (place, (asset, _, _)) in self.assets.iter().enumerate() {
                let (Some(w), Some(a)) = (WalletIx::next(number), AssetIx::next(place)) else {
                    continue;
                };
                let ours = self.holding(wallet, asset);
                let theirs = state.custody.holding(w, a);
                if ours != theirs {
                    return Some(format!(
                        "wallet `{wallet}` holds {theirs} `{asset}`, the model says {ours}"
                    ));
                }
            }
        }
        let halted = state.breaker.tripped.len();
        let tripped = state.breaker.tripped.keys();
        if halted != self.halts.len()
            || tripped
                .map(|s| scope_name(state, *s))
                .any(|s| !self.halts.contains(&s))
        {
            let theirs: Vec<String> = state
                .breaker
                .tripped
                .keys()
                .map(|s| scope_name(state, *s))
                .collect();
            return Some(format!(
                "halted are {theirs:?}, the model says {:?}",
                self.halts
            ));
        }
        (state.guard.policy.version != self.policy.version).then(|| {
            let theirs = state.guard.policy.version;
            let ours = self.policy.version;
            format!("policy `{theirs}` is in force, the model says `{ours}`")
        })
    }
}
