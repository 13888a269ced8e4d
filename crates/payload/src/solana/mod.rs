//! Solana: messages, the instructions of a few programs, and nothing else.

pub mod message;
mod programs;

pub use programs::ids;

use crate::{Effect, Kind, MAX_EFFECTS, Outcome, Refusal, ToSign};
use core::fmt;
use ed25519_dalek::VerifyingKey;
use message::Message;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// An account or program.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(pub [u8; 32]);

impl Key {
    /// Reads base58.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut key = [0; 32];
        let length = bs58::decode(text).onto(key.as_mut_slice()).ok()?;
        let key = Self(key);
        (length == 32 && key.to_string() == text).then_some(key)
    }
}

/// In base58.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bs58::encode(self.0).into_string())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Which cluster. A message does not say it; only its blockhash keeps it from another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cluster {
    /// Mainnet beta.
    Mainnet,
    /// For developers.
    Devnet,
    /// For validators.
    Testnet,
}

impl Cluster {
    /// All clusters.
    pub const ALL: [Self; 3] = [Self::Mainnet, Self::Devnet, Self::Testnet];

    /// CAIP-2: the first 32 characters of the genesis hash.
    #[must_use]
    pub const fn network(self) -> &'static str {
        match self {
            Self::Mainnet => "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
            Self::Devnet => "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1",
            Self::Testnet => "solana:4uhcVJyU9pJkvQyS88uRDiswHXSCkY3z",
        }
    }
}

/// What the caller knows and the bytes do not say.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Cluster of the key.
    pub cluster: Cluster,
    /// Resolved content of lookup tables; a table that is not here is refused.
    pub tables: &'a BTreeMap<Key, Vec<Key>>,
    /// Mints of own token accounts, for the transfer that does not name its mint.
    pub mints: &'a BTreeMap<Key, Key>,
}

impl Context<'_> {
    pub(crate) fn coin_asset(&self) -> String {
        format!("{}/slip44:501", self.cluster.network())
    }

    pub(crate) fn token_asset(&self, mint: Key) -> String {
        format!("{}/token:{mint}", self.cluster.network())
    }
}

/// Lamports of one signature.
const SIGNATURE_FEE: u128 = 5_000;

/// Decodes a message.
///
/// # Errors
/// Why it must not be signed.
pub fn message(bytes: &[u8], context: &Context<'_>) -> Result<Outcome, Refusal> {
    let message = Message::decode(bytes)?;
    let keys = message.all_keys(context)?;
    let mut run = programs::Run::new(context, &message, &keys);
    for (number, instruction) in message.instructions.iter().enumerate() {
        run.instruction(number, instruction)?;
        if run.effects.len() > MAX_EFFECTS {
            return Err(Refusal::TooManyEffects { limit: MAX_EFFECTS });
        }
    }
    let signatures = SIGNATURE_FEE.saturating_mul(u128::from(message.signatures));
    let fee = run.priority_fee()?.saturating_add(signatures);
    // The account alone would not do: it moves on to a new value with each landing, and the next attempt could land too.
    let value = Key(message.blockhash);
    let spent = run
        .nonce
        .map_or_else(|| value.to_string(), |account| format!("{account}/{value}"));
    let effects = run.finish()?;
    Ok(Outcome {
        kind: Kind::SolanaMessage,
        network: context.cluster.network().to_owned(),
        payer: keys.first().map(Key::to_string).unwrap_or_default(),
        conflict_key: format!("{}/{spent}", context.cluster.network()),
        effects,
        fee_asset: context.coin_asset(),
        fee,
        signing_digest: Sha256::digest(bytes).into(),
        to_sign: vec![ToSign {
            input: 0,
            bytes: bytes.to_vec(),
        }],
    })
}

/// The associated token account of an owner: the address that everybody derives for a mint.
#[must_use]
pub fn token_account(owner: Key, program: Key, mint: Key) -> Option<Key> {
    (0..=u8::MAX).rev().find_map(|bump| {
        let hash: [u8; 32] = Sha256::new()
            .chain_update(owner.0)
            .chain_update(program.0)
            .chain_update(mint.0)
            .chain_update([bump])
            .chain_update(ids::ASSOCIATED_TOKEN.0)
            .chain_update(b"ProgramDerivedAddress")
            .finalize()
            .into();
        // An address of a program is one that no key can have: no point of the curve.
        VerifyingKey::from_bytes(&hash)
            .is_err()
            .then_some(Key(hash))
    })
}

/// Whether the text of `account` is the associated token account of the text of `owner` for a CAIP-19 token.
#[must_use]
pub fn is_token_account_of(account: &str, owner: &str, asset: &str) -> bool {
    let mint = asset
        .split_once("/token:")
        .and_then(|(_, mint)| Key::parse(mint));
    let (Some(account), Some(owner), Some(mint)) = (Key::parse(account), Key::parse(owner), mint)
    else {
        return false;
    };
    [ids::TOKEN, ids::TOKEN_2022]
        .into_iter()
        .any(|program| token_account(owner, program, mint) == Some(account))
}

/// The one transfer that a memo stands beside.
pub(crate) fn put_memo(effects: &mut [Effect], at: usize, text: String) -> Result<(), Refusal> {
    let mut transfers = effects.iter_mut().filter_map(|effect| match effect {
        Effect::Transfer { memo, .. } => Some(memo),
        _ => None,
    });
    let (Some(memo), None) = (transfers.next(), transfers.next()) else {
        return Err(Refusal::Undecodable {
            at,
            what: "memo that stands beside no transfer or several".to_owned(),
        });
    };
    *memo = text;
    Ok(())
}
