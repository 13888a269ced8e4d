//! Fields: what a condition of a rule may look at. Each is declared here with its type, its unit and which way is riskier.

use crate::registry::{AssetIx, Tier, WalletIx};
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// What is asked of the guard.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum RequestKind {
    /// A withdrawal to an address outside.
    Withdrawal = 1,
    /// A transfer between own wallets.
    Transfer = 2,
    /// A batch of credits that no deposit backs.
    Credit = 3,
}

impl RequestKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Withdrawal, Self::Transfer, Self::Credit];

    /// The word for it in a policy file.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Withdrawal => "withdrawal",
            Self::Transfer => "transfer",
            Self::Credit => "credit",
        }
    }

    /// A bit for it.
    pub(super) const fn bit(self) -> u8 {
        match self {
            Self::Withdrawal => 1,
            Self::Transfer => 2,
            Self::Credit => 4,
        }
    }
}

/// What a rolling window adds up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Of {
    /// Minor units of that asset; requests of another asset have no such figure.
    Amount(AssetIx) = 1,
    /// Requests (of a batch of credits: lines).
    Count = 2,
    /// Value in minor units of the reference currency, each as priced when it was cleared.
    Value = 3,
}

/// For what a rolling window adds up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Per {
    /// Withdrawals of the request's customer.
    Customer = 1,
    /// Withdrawals to the request's destination, whoever asked.
    Destination = 2,
    /// What leaves the request's wallet, transfers to own wallets included.
    Wallet = 3,
    /// Withdrawals of the request's asset.
    Asset = 4,
    /// Withdrawals on the request's network.
    Network = 5,
    /// All withdrawals of the house.
    All = 6,
    /// Credits to one recipient; of a batch, to the recipient who would have most.
    Recipient = 7,
    /// Credits that the person who asks has asked for.
    Requester = 8,
    /// Credits of the batch's campaign.
    Campaign = 9,
    /// All credits.
    Credits = 10,
}

impl Per {
    /// True for windows that credits count in; all others count what leaves.
    #[must_use]
    pub const fn of_credits(self) -> bool {
        matches!(
            self,
            Self::Recipient | Self::Requester | Self::Campaign | Self::Credits
        )
    }

    /// The word for it in a policy file.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Destination => "destination",
            Self::Wallet => "wallet",
            Self::Asset => "asset",
            Self::Network => "network",
            Self::All => "all",
            Self::Recipient => "recipient",
            Self::Requester => "requester",
            Self::Campaign => "campaign",
            Self::Credits => "credits",
        }
    }
}

/// A rolling window, half-open: `(now - ms, now]`, the request itself included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
pub struct Window {
    /// What is added up.
    pub of: Of,
    /// For what.
    pub per: Per,
    /// Length, ms.
    pub ms: u64,
}

/// Which deposits count.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Deposits {
    /// Money: assets of no network (law ids `kr-daxa-delay-first-72h`, `kr-daxa-delay-repeat-24h`).
    Money = 1,
    /// Assets of a network (law id `kr-vaupa-block-ground-5-fraud-72h`).
    Virtual = 2,
    /// Both.
    Any = 3,
}

impl Deposits {
    /// The word for it in a policy file.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Money => "money",
            Self::Virtual => "virtual",
            Self::Any => "any",
        }
    }
}

/// What a condition may look at.
///
/// A field that does not apply to a request (the customer's age of a transfer between own wallets, an amount of another
/// asset) makes its condition false. A field that applies but can't be told is *unknown* and counts against the request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Field {
    /// What is asked for.
    Kind = 1,
    /// Asset; of a batch of credits that of its first line.
    Asset = 2,
    /// Network of the asset; money has none.
    Network = 3,
    /// Wallet that pays.
    Wallet = 4,
    /// Kind of the wallet that pays.
    WalletTier = 5,
    /// Budget of a batch of credits.
    Campaign = 6,
    /// Amount asked, minor units of that asset; of a batch all its lines of that asset.
    Amount(AssetIx) = 10,
    /// Value asked in the reference currency; of a batch all its lines.
    Value = 11,
    /// A rolling window, the request itself included.
    Window(Window) = 12,
    /// Time since the customer was registered, or since the first deposit where that is dated earlier.
    CustomerAge = 20,
    /// Time since the customer's first deposit; without one it does not apply.
    FirstDepositAge(Deposits) = 21,
    /// Time since the customer's last deposit; without one it does not apply.
    LastDepositAge(Deposits) = 22,
    /// Value of the customer's deposits of the last so many ms, as priced when they came.
    DepositedValue {
        /// Which deposits.
        of: Deposits,
        /// How long, ms.
        ms: u64,
    } = 23,
    /// By how much the request draws on the value of the customer's deposits of the last so many ms: the value deposited
    /// in that time, less what the customer's balances are worth after the request; never below zero. A delay of the
    /// *value* of a deposit (law id `kr-daxa-delay-repeat-24h`) is a rule that holds from 1 on.
    DepositDrawn {
        /// Which deposits.
        of: Deposits,
        /// How long, ms.
        ms: u64,
    } = 24,
    /// Time since the destination was listed or first paid; zero for one that is new.
    DestinationAge = 30,
    /// True if the destination is in the address book.
    DestinationListed = 31,
    /// True if the destination is a wallet of ours.
    DestinationOwn = 32,
    /// What stays free in the wallet, minor units of that asset.
    FloatLeft(AssetIx) = 40,
    /// What stays free in the wallet, per what all our wallets hold of the asset.
    FloatLeftBps = 41,
    /// Hour of the day, 0 to 23, so many minutes east of UTC.
    Hour {
        /// Minutes east of UTC; Korea: 540.
        offset_minutes: i16,
    } = 50,
    /// Age of the price with which the request is valued.
    PriceAge = 60,
    /// How far the price moved from the one recorded before it, either way.
    PriceMove = 61,
    /// Largest line of a batch of credits, minor units of that asset.
    LineAmount(AssetIx) = 70,
    /// Largest line of a batch of credits by value.
    LineValue = 71,
}

/// Type of a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    /// A whole number of 128 bits, never negative.
    Number,
    /// True or false.
    Flag,
    /// One of a closed set.
    Choice(Choice),
}

/// Which closed set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choice {
    /// Kinds of request.
    Kinds,
    /// Registered assets.
    Assets,
    /// Networks of registered assets.
    Networks,
    /// Registered wallets.
    Wallets,
    /// Kinds of wallet.
    Tiers,
    /// Budgets of the policy.
    Campaigns,
}

/// Unit of a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Minor units of that asset.
    Minor(AssetIx),
    /// Minor units of the reference currency.
    Reference,
    /// A count.
    Count,
    /// Milliseconds.
    Ms,
    /// Basis points.
    Bps,
    /// Hours of a day.
    Hour,
    /// The field is no number.
    None,
}

/// Which way a field is riskier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Riskier {
    /// The greater.
    More,
    /// The smaller.
    Less,
    /// Neither.
    Neither,
}

impl Field {
    /// Its type.
    #[must_use]
    pub const fn kind(self) -> Type {
        match self {
            Self::Kind => Type::Choice(Choice::Kinds),
            Self::Asset => Type::Choice(Choice::Assets),
            Self::Network => Type::Choice(Choice::Networks),
            Self::Wallet => Type::Choice(Choice::Wallets),
            Self::WalletTier => Type::Choice(Choice::Tiers),
            Self::Campaign => Type::Choice(Choice::Campaigns),
            Self::DestinationListed | Self::DestinationOwn => Type::Flag,
            _ => Type::Number,
        }
    }

    /// Its unit.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::Amount(asset)
            | Self::FloatLeft(asset)
            | Self::LineAmount(asset)
            | Self::Window(Window {
                of: Of::Amount(asset),
                ..
            }) => Unit::Minor(asset),
            Self::Value
            | Self::Window(Window { of: Of::Value, .. })
            | Self::DepositedValue { .. }
            | Self::DepositDrawn { .. }
            | Self::LineValue => Unit::Reference,
            Self::Window(_) => Unit::Count,
            Self::CustomerAge
            | Self::FirstDepositAge(_)
            | Self::LastDepositAge(_)
            | Self::DestinationAge
            | Self::PriceAge => Unit::Ms,
            Self::FloatLeftBps | Self::PriceMove => Unit::Bps,
            Self::Hour { .. } => Unit::Hour,
            _ => Unit::None,
        }
    }

    /// Which way it is riskier.
    #[must_use]
    pub const fn riskier(self) -> Riskier {
        match self {
            Self::Amount(_)
            | Self::Value
            | Self::Window(_)
            | Self::DepositedValue { .. }
            | Self::DepositDrawn { .. }
            | Self::PriceAge
            | Self::PriceMove
            | Self::LineAmount(_)
            | Self::LineValue => Riskier::More,
            Self::CustomerAge
            | Self::FirstDepositAge(_)
            | Self::LastDepositAge(_)
            | Self::DestinationAge
            | Self::DestinationListed
            | Self::DestinationOwn
            | Self::FloatLeft(_)
            | Self::FloatLeftBps => Riskier::Less,
            _ => Riskier::Neither,
        }
    }

    /// The word for it in a policy file; what it is of (asset, window) is said beside it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Asset => "asset",
            Self::Network => "network",
            Self::Wallet => "wallet",
            Self::WalletTier => "wallet_kind",
            Self::Campaign => "campaign",
            Self::Amount(_) => "amount",
            Self::Value => "value",
            Self::Window(Window { of, .. }) => match of {
                Of::Amount(_) => "window_amount",
                Of::Count => "window_count",
                Of::Value => "window_value",
            },
            Self::CustomerAge => "customer_age",
            Self::FirstDepositAge(_) => "first_deposit_age",
            Self::LastDepositAge(_) => "last_deposit_age",
            Self::DepositedValue { .. } => "deposited_value",
            Self::DepositDrawn { .. } => "deposit_drawn",
            Self::DestinationAge => "destination_age",
            Self::DestinationListed => "destination_listed",
            Self::DestinationOwn => "destination_own",
            Self::FloatLeft(_) => "float_left",
            Self::FloatLeftBps => "float_left_bps",
            Self::Hour { .. } => "hour",
            Self::PriceAge => "price_age",
            Self::PriceMove => "price_move_bps",
            Self::LineAmount(_) => "line_amount",
            Self::LineValue => "line_value",
        }
    }

    /// Kinds of request that have the field.
    #[must_use]
    pub const fn applies_to(self, kind: RequestKind) -> bool {
        match self {
            Self::Kind | Self::Asset | Self::Network | Self::Hour { .. } => true,
            Self::Amount(_) | Self::Value | Self::PriceAge | Self::PriceMove => true,
            Self::Campaign | Self::LineAmount(_) | Self::LineValue => {
                matches!(kind, RequestKind::Credit)
            }
            Self::Wallet | Self::WalletTier | Self::FloatLeft(_) | Self::FloatLeftBps => {
                !matches!(kind, RequestKind::Credit)
            }
            Self::Window(Window { per, .. }) => match (per.of_credits(), per) {
                (true, _) => matches!(kind, RequestKind::Credit),
                (false, Per::Wallet) => !matches!(kind, RequestKind::Credit),
                (false, _) => matches!(kind, RequestKind::Withdrawal),
            },
            _ => matches!(kind, RequestKind::Withdrawal),
        }
    }
}

/// Members of a closed set, at least one, each once.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Members {
    /// Kinds of request.
    Kinds(Vec<RequestKind>) = 1,
    /// Assets.
    Assets(Vec<AssetIx>) = 2,
    /// Networks, by name.
    Networks(Vec<String>) = 3,
    /// Wallets.
    Wallets(Vec<WalletIx>) = 4,
    /// Kinds of wallet.
    Tiers(Vec<Tier>) = 5,
    /// Budgets, by name.
    Campaigns(Vec<String>) = 6,
}

impl Members {
    /// Of which set they are.
    #[must_use]
    pub const fn choice(&self) -> Choice {
        match self {
            Self::Kinds(_) => Choice::Kinds,
            Self::Assets(_) => Choice::Assets,
            Self::Networks(_) => Choice::Networks,
            Self::Wallets(_) => Choice::Wallets,
            Self::Tiers(_) => Choice::Tiers,
            Self::Campaigns(_) => Choice::Campaigns,
        }
    }

    /// How many.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::Kinds(list) => list.len(),
            Self::Assets(list) => list.len(),
            Self::Networks(list) | Self::Campaigns(list) => list.len(),
            Self::Wallets(list) => list.len(),
            Self::Tiers(list) => list.len(),
        }
    }

    /// True without any.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
