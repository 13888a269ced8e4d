//! `signer.toml`: everything that this signer believes without being told by the host that runs keepwhole.
//!
//! The file is read as written (unknown and repeated keys refused), then checked into values that can't be wrong. All
//! faults are told at once, each with its line, key, value, reason and fix.

mod accounts;
mod check;
mod raw;
mod reading;

use crate::caps::Caps;
use crate::transport::TlsFiles;
use keepwhole_payload::bitcoin::Chain;
use keepwhole_payload::evm::Address;
use keepwhole_payload::solana::{Cluster, Key as SolanaKey};
pub use keepwhole_settings::SettingsFault;
use keepwhole_verify::Digest;
use keepwhole_verify::approval::Quorum;
use keepwhole_verify::note::VerifierKey;
use keepwhole_verify::policy::Policy;
use keepwhole_verify::roster::Roster;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Name of the file.
pub const FILE: &str = "signer.toml";

/// Everything that the file says, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Name of this signer, as in redemptions.
    pub name: String,
    /// Folder of its memory, relative to the file.
    pub state: PathBuf,
    /// The guard.
    pub guard: Guard,
    /// How clearances are redeemed.
    pub redemption: Redemption,
    /// Files for addresses that begin with `https://`, relative to the settings.
    pub tls: Option<TlsFiles>,
    /// The log and its witnesses.
    pub log: Log,
    /// What holds for every approval.
    pub approvals: Approvals,
    /// Pinned people and their credentials.
    pub approvers: Roster,
    /// Pinned quorums by name.
    pub quorums: BTreeMap<String, Quorum>,
    /// Caps and limits by asset (CAIP-19).
    pub assets: BTreeMap<String, Asset>,
    /// Keys to funds by id.
    pub keys: BTreeMap<String, FundsKey>,
}

/// The guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Its verifier key; the name is `<origin>/guard`.
    pub key: VerifierKey,
    /// Policies under which it may clear; `None` where the file says `any`.
    pub policies: Option<BTreeSet<Digest>>,
    /// Builds that may clear. It detects mistakes, not attackers: the build is the host's own word.
    pub builds: Option<BTreeSet<Digest>>,
    /// How far clocks may differ, seconds.
    pub clock_tolerance: u64,
    /// Longest life of a clearance, seconds from now.
    pub clearance_max: u64,
    /// Longest life of an intent, seconds from now; so long its conflict key is remembered.
    pub intent_max: u64,
}

/// How clearances are redeemed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redemption {
    /// Each is redeemed at the guard, once, before anything is signed.
    Online {
        /** Address of the guard, such as `http://127.0.0.1:8651`. */
        url: String,
        /** File with the bearer token, relative to the settings; `None` where none is sent. */
        token_file: Option<PathBuf>,
        /** Longest wait, seconds. */
        patience: u64,
    },
    /// The weaker one: nobody can stop a clearance that is out. Each lives this long at most, seconds.
    Offline {
        /** At most 60. */
        most: u64,
    },
}

/// The log and its witnesses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Its key, the witnesses' keys, how many are enough.
    pub policy: Policy,
    /// Name of the log.
    pub origin: String,
    /// Where it is served, such as `http://127.0.0.1:8651/log`.
    pub url: String,
    /// How long ago enough witnesses must have seen its head, seconds; at most 600.
    pub witnessed_within: u64,
    /// How often the head is fetched anew, seconds.
    pub refresh: u64,
}

/// A program in which people approve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    /// WebAuthn relying party id.
    pub rp_id: String,
    /// Origins that it may have.
    pub origins: Vec<String>,
}

/// What holds for every approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approvals {
    /// The page of the guard.
    pub page: RelyingParty,
    /// The approver's own program, which decodes the bytes itself; above the client limit only it counts.
    pub client: Option<RelyingParty>,
    /// How old an approval may be, seconds.
    pub max_age: u64,
}

/// Caps and limits of an asset, minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Up to it no person is asked.
    pub automatic_limit: u128,
    /// Above it only the approver's own program counts.
    pub client_limit: u128,
    /// The caps.
    pub caps: Caps,
    /// Greatest fee of one signing, where fees are paid in this asset.
    pub fee_limit: u128,
    /// Quorum above the automatic limit; `None`: nothing above it is signed.
    pub quorum: Option<String>,
    /// Quorum above the client limit; `None`: nothing above it is signed.
    pub client_quorum: Option<String>,
}

/// What a key signs, and all that decoding needs to know beside the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FundsKey {
    /// The wallet as the guard names it.
    pub wallet: String,
    /// Where and how.
    pub account: Account,
}

/// An account of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// An EVM account.
    Evm {
        /** EIP-155 chain id. */
        chain_id: u64,
        /** SLIP-44 number of the coin. */
        coin: u32,
        /** Its address. */
        address: Address,
        /** Safes whose transactions it may sign or send. */
        safes: Vec<Address>,
        /** `MultiSendCallOnly` contracts whose code was checked. */
        multi_send: Vec<Address>,
    },
    /// Bitcoin.
    Bitcoin {
        /** Chain. */
        chain: Chain,
        /** Own output scripts: all inputs must be of these, outputs to these are change. */
        scripts: BTreeSet<Vec<u8>>,
    },
    /// Solana.
    Solana {
        /** Cluster. */
        cluster: Cluster,
        /** Its address. */
        address: SolanaKey,
        /** Lamports counted for opening a recipient's token account; `None`: never opened. */
        account_rent: Option<u128>,
    },
}

impl Account {
    /// CAIP-2.
    #[must_use]
    pub fn network(&self) -> String {
        match self {
            Self::Evm { chain_id, .. } => format!("eip155:{chain_id}"),
            Self::Bitcoin { chain, .. } => chain.network().to_owned(),
            Self::Solana { cluster, .. } => cluster.network().to_owned(),
        }
    }
}
