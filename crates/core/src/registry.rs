//! What is registered: assets, owners, wallets and actors. Outside names become dense numbers at first sight.

use crate::address::one_form;
use crate::names::Names;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

macro_rules! index {
    ($(#[$doc:meta])* $name:ident, $int:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, BorshSerialize, BorshDeserialize)]
        pub struct $name(pub $int);
        impl $name {
            /// The place in its table.
            #[must_use]
            pub fn place(self) -> usize {
                usize::try_from(self.0).unwrap_or(usize::MAX)
            }
            /// The index of the next row of a table that has `rows` rows; `None` when the table is full.
            #[must_use]
            pub fn next(rows: usize) -> Option<Self> {
                <$int>::try_from(rows).ok().map(Self)
            }
        }
    };
}

index!(
    /// Number of an asset.
    AssetIx, u16
);
index!(
    /// Number of an owner of balances: the house, the outside, or a customer.
    OwnerIx, u32
);
index!(
    /// Number of one of our wallets.
    WalletIx, u32
);
index!(
    /// Number of an actor (an account of a person or machine).
    ActorIx, u32
);
index!(
    /// Number of a person; several actors may be one person.
    PersonIx, u32
);

/// The exchange's own account: always registered first.
pub const HOUSE: OwnerIx = OwnerIx(0);
/// The counter-account of everything that enters or leaves the books: always registered second.
pub const OUTSIDE: OwnerIx = OwnerIx(1);

/// Name of the counter-account.
pub const OUTSIDE_NAME: &str = "outside";

/// An asset: money or a virtual asset of one network.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Asset {
    /// The exchange's name of it.
    pub id: String,
    /// Minor units per whole unit = 10^decimals; at most 38.
    pub decimals: u8,
    /// Network; `None` for money.
    pub network: Option<String>,
    /// Confirmations after which a deposit counts.
    pub confirmations: u32,
}

/// How a wallet signs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Tier {
    /// Signs by itself, on line.
    Hot = 1,
    /// Signs with a person.
    Warm = 2,
    /// Keys kept off line.
    Cold = 3,
    /// Receives customers' deposits; never a destination of ours.
    Deposit = 4,
    /// Serves the exchange's own operations.
    Operational = 5,
}

impl Tier {
    /// All tiers, in order of their numbers.
    pub const ALL: [Self; 5] = [
        Self::Hot,
        Self::Warm,
        Self::Cold,
        Self::Deposit,
        Self::Operational,
    ];

    /// Stable public code, one lower-case word.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Warm => "warm",
            Self::Cold => "cold",
            Self::Deposit => "deposit",
            Self::Operational => "operational",
        }
    }
}

/// One of our wallets.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Wallet {
    /// The exchange's name of it.
    pub id: String,
    /// How it signs.
    pub tier: Tier,
    /// Its address.
    pub address: String,
}

/// An account of a person or machine, with roles that may end.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Actor {
    /// Account name.
    pub id: String,
    /// Who it is; distinctness is of persons, not of accounts.
    pub person: PersonIx,
    /// Role names; what each may do is policy.
    pub roles: Vec<String>,
    /// Journal index from which each role counts, in the order of the roles.
    pub since: Vec<u64>,
    /// First moment at which the roles no longer count, in milliseconds since the epoch.
    pub expires: Option<u64>,
}

/// All registered things, and the way from outside names to numbers.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Registry {
    /// Assets by number.
    pub assets: Vec<Asset>,
    /// Owners' outside names by number; 0 is the house, 1 the outside.
    pub owners: Names,
    /// Our wallets by number.
    pub wallets: Vec<Wallet>,
    /// Actors by number.
    pub actors: Vec<Actor>,
    /// Persons' names by number.
    pub persons: Vec<String>,
    asset_names: BTreeMap<String, AssetIx>,
    wallet_names: BTreeMap<String, WalletIx>,
    addresses: BTreeMap<String, WalletIx>,
    actor_names: BTreeMap<String, ActorIx>,
    person_names: BTreeMap<String, PersonIx>,
}

impl Registry {
    /// The asset of that name.
    #[must_use]
    pub fn asset(&self, id: &str) -> Option<AssetIx> {
        self.asset_names.get(id).copied()
    }
    /// The owner of that name.
    #[must_use]
    pub fn owner(&self, id: &str) -> Option<OwnerIx> {
        self.owners.number(id).map(OwnerIx)
    }
    /// Our wallet of that name.
    #[must_use]
    pub fn wallet(&self, id: &str) -> Option<WalletIx> {
        self.wallet_names.get(id).copied()
    }
    /// Our wallet at that address.
    #[must_use]
    pub fn wallet_at(&self, address: &str) -> Option<WalletIx> {
        self.addresses.get(&*one_form(address)).copied()
    }
    /// Our wallet at that address, where it may be paid without being listed. Wallets for deposits are registered by
    /// machines, so they never are.
    #[must_use]
    pub fn own_destination(&self, address: &str) -> Option<WalletIx> {
        self.wallet_at(address).filter(|ix| {
            let wallet = self.wallets.get(ix.place());
            wallet.is_some_and(|wallet| wallet.tier != Tier::Deposit)
        })
    }
    /// The actor of that name.
    #[must_use]
    pub fn actor(&self, id: &str) -> Option<ActorIx> {
        self.actor_names.get(id).copied()
    }
    /// The person of that name.
    #[must_use]
    pub fn person(&self, id: &str) -> Option<PersonIx> {
        self.person_names.get(id).copied()
    }
    /// Outside name of an owner; empty for a number that was never given.
    #[must_use]
    pub fn owner_id(&self, owner: OwnerIx) -> &str {
        self.owners.get(owner.0).unwrap_or("")
    }
    /// Outside name of an asset; empty for a number that was never given.
    #[must_use]
    pub fn asset_id(&self, asset: AssetIx) -> &str {
        self.assets.get(asset.place()).map_or("", |a| a.id.as_str())
    }
    /// Outside name of a wallet; empty for a number that was never given.
    #[must_use]
    pub fn wallet_id(&self, wallet: WalletIx) -> &str {
        self.wallets
            .get(wallet.place())
            .map_or("", |w| w.id.as_str())
    }
    /// Name of an actor; `system` where there is none.
    #[must_use]
    pub fn actor_id(&self, actor: Option<ActorIx>) -> &str {
        actor
            .and_then(|a| self.actors.get(a.place()))
            .map_or("system", |a| a.id.as_str())
    }
    /// Customers (all owners but the house and the outside), in order of registration.
    pub fn customers(&self) -> impl Iterator<Item = OwnerIx> + '_ {
        (2..self.owners.len()).filter_map(OwnerIx::next)
    }

    pub(crate) fn add_asset(&mut self, asset: Asset) {
        if let Some(ix) = AssetIx::next(self.assets.len()) {
            self.asset_names.insert(asset.id.clone(), ix);
            self.assets.push(asset);
        }
    }
    pub(crate) fn add_owner(&mut self, id: &str) {
        self.owners.add(id);
    }
    pub(crate) fn add_wallet(&mut self, wallet: Wallet) {
        if let Some(ix) = WalletIx::next(self.wallets.len()) {
            self.wallet_names.insert(wallet.id.clone(), ix);
            self.addresses
                .insert(one_form(&wallet.address).into_owned(), ix);
            self.wallets.push(wallet);
        }
    }
    pub(crate) fn add_actor(
        &mut self,
        id: String,
        person: &str,
        roles: Vec<String>,
        expires: Option<u64>,
        index: u64,
    ) {
        let (Some(ix), Some(next)) = (
            ActorIx::next(self.actors.len()),
            PersonIx::next(self.persons.len()),
        ) else {
            return;
        };
        let person = match self.person(person) {
            Some(known) => known,
            None => {
                self.person_names.insert(String::from(person), next);
                self.persons.push(String::from(person));
                next
            }
        };
        self.actor_names.insert(id.clone(), ix);
        self.actors.push(Actor {
            id,
            person,
            since: alloc::vec![index; roles.len()],
            roles,
            expires,
        });
    }
}
