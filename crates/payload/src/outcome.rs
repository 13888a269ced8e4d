//! What a payload would do: one form for all networks (`docs/payloads.md`).

use crate::Word;
use core::fmt;

/// Which digest rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An unsigned EVM transaction.
    EvmTx,
    /// Typed data of a Safe transaction.
    SafeTx,
    /// A partially signed Bitcoin transaction.
    Psbt,
    /// A message of Solana.
    SolanaMessage,
    /// What a custody vendor tells about a transaction whose bytes it does not show.
    VendorCallback,
}

impl Kind {
    /// The stable name, as in a clearance.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EvmTx => "evm-tx",
            Self::SafeTx => "safe-tx",
            Self::Psbt => "psbt",
            Self::SolanaMessage => "solana-message",
            Self::VendorCallback => "vendor-callback",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A power that a payload gives away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Power {
    /// `to` may take up to `amount` of the token; 0 takes it back.
    Allowance,
    /// `to` may take up to `amount` more of the token.
    AllowanceRaise,
    /// `to` may take every token; amount 0 takes it back.
    ApprovalForAll,
    /// `to` owns the contract; empty: nobody, or the sender.
    Ownership,
    /// The contract runs the code at `to`.
    Upgrade,
    /// `to` may change the contract's code.
    Admin,
    /// `to` has a role of the contract.
    Role,
    /// The owners or the threshold of a Safe change; `amount` is the new threshold where one is given.
    SafeOwners,
    /// `to` may move all that a Safe holds, or no longer.
    SafeModule,
    /// `to` judges what a Safe may do.
    SafeGuard,
    /// `to` answers what a Safe does not, signatures included.
    SafeFallback,
    /// `to` owns the token account, or may mint, freeze or close; `amount` is the kind of authority.
    TokenAuthority,
    /// The program `to` owns the account.
    Assign,
    /// `to` may advance and empty the nonce account.
    NonceAuthority,
    /// `to` may delegate (`amount` 0) or withdraw (1) the stake.
    StakeAuthority,
    /// `to` may upgrade the program; empty: nobody may.
    ProgramAuthority,
}

impl Power {
    /// The operation as a policy names it.
    #[must_use]
    pub const fn op(self) -> &'static str {
        match self {
            Self::Allowance | Self::AllowanceRaise => "approve",
            Self::ApprovalForAll => "approve_all",
            Self::Upgrade => "upgrade",
            Self::Ownership
            | Self::Admin
            | Self::Role
            | Self::SafeOwners
            | Self::SafeModule
            | Self::SafeGuard
            | Self::SafeFallback
            | Self::TokenAuthority
            | Self::Assign
            | Self::NonceAuthority
            | Self::StakeAuthority
            | Self::ProgramAuthority => "set_authority",
        }
    }
}

/// One thing that a payload would do. Addresses are in the network's own form, EVM ones in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Value moves.
    Transfer {
        /** CAIP-19. */
        asset: String,
        /** Whose it is. */
        from: String,
        /** Who gets it. */
        to: String,
        /** Minor units. */
        amount: u128,
        /** Text beside it; empty if none. */
        memo: String,
    },
    /// Value comes back to the wallet's own registered scripts.
    Change {
        /** CAIP-19. */
        asset: String,
        /** The own address. */
        to: String,
        /** Minor units. */
        amount: u128,
    },
    /// An account is made and filled.
    CreateAccount {
        /** CAIP-19 of the coin that it holds. */
        asset: String,
        /** Who pays. */
        from: String,
        /** The new account. */
        account: String,
        /** The program that owns it. */
        program: String,
        /** Minor units. */
        amount: u128,
    },
    /// The associated token account of an owner is opened; its rent is set by the network, not by the bytes.
    OpenTokenAccount {
        /** CAIP-19 of the token. */
        asset: String,
        /** Who pays the rent. */
        from: String,
        /** The account. */
        account: String,
        /** Whose it is. */
        owner: String,
    },
    /// A power is given away.
    Grant {
        /** Which. */
        power: Power,
        /** Over what: contract, token or account. */
        over: String,
        /** Who gives it. */
        from: String,
        /** Who gets it; empty where nobody is named. */
        to: String,
        /** As the power says; 0 where it has none. */
        amount: Word,
    },
}

impl Effect {
    /// The operation as a policy names it.
    #[must_use]
    pub const fn op(&self) -> &'static str {
        match self {
            Self::Transfer { .. } => "transfer",
            Self::Change { .. } => "change",
            Self::CreateAccount { .. } => "create_account",
            Self::OpenTokenAccount { .. } => "open_token_account",
            Self::Grant { power, .. } => power.op(),
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transfer {
                asset,
                from,
                to,
                amount,
                memo,
            } => {
                write!(
                    f,
                    "transfer of {amount} minor units of {asset} from {from} to {to}"
                )?;
                if !memo.is_empty() {
                    write!(f, " with memo {memo:?}")?;
                }
                Ok(())
            }
            Self::Change { asset, to, amount } => {
                write!(f, "change of {amount} minor units of {asset} to {to}")
            }
            Self::CreateAccount {
                asset,
                from,
                account,
                program,
                amount,
            } => write!(
                f,
                "new account {account} of program {program} with {amount} minor units of {asset} from {from}"
            ),
            Self::OpenTokenAccount {
                asset,
                from,
                account,
                owner,
            } => write!(
                f,
                "token account {account} of {owner} for {asset}, its rent from {from}"
            ),
            Self::Grant {
                power,
                over,
                from,
                to,
                amount,
            } => write!(
                f,
                "grant {power:?} over {over} from {from} to {to}, amount {amount}"
            ),
        }
    }
}

/// What the key signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToSign {
    /// Input of a Bitcoin transaction; 0 elsewhere.
    pub input: u32,
    /// The 32-byte digest (secp256k1) or the whole message (Ed25519).
    pub bytes: Vec<u8>,
}

/// A payload decoded in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Which rules were used.
    pub kind: Kind,
    /// CAIP-2.
    pub network: String,
    /// Account that pays the fee, or whose wallet acts.
    pub payer: String,
    /// What at most one of several attempts can spend: `<CAIP-2>/…`.
    pub conflict_key: String,
    /// All effects, in the order in which they happen.
    pub effects: Vec<Effect>,
    /// CAIP-19 of what the fee is paid in.
    pub fee_asset: String,
    /// Greatest total fee by the bytes, minor units of `fee_asset`.
    pub fee: u128,
    /// The 32 bytes that a clearance binds (`docs/payloads.md`, digests).
    pub signing_digest: [u8; 32],
    /// What is signed, in order of inputs.
    pub to_sign: Vec<ToSign>,
}
