//! The file as it is written.

use keepwhole_settings::{Text, Whole};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) version: Whole,
    pub(super) listen: Text,
    pub(super) health: Text,
    pub(super) state: Text,
    pub(super) budget_ms: Option<Whole>,
    pub(super) silence_s: Option<Whole>,
    pub(super) tls: Tls,
    pub(super) guard: Guard,
    pub(super) fireblocks: Option<Spanned<Fireblocks>>,
    pub(super) bitgo: Option<Spanned<BitGo>>,
    pub(super) people: Option<People>,
    #[serde(default)]
    pub(super) network: Vec<Network>,
    #[serde(default)]
    pub(super) asset: Vec<Asset>,
    #[serde(default)]
    pub(super) wallet: Vec<Wallet>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    pub(super) certificate: Text,
    pub(super) key_file: Text,
    pub(super) callers: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Guard {
    pub(super) url: Text,
    pub(super) authority: Option<Text>,
    pub(super) certificate: Option<Text>,
    pub(super) key_file: Option<Text>,
    pub(super) token_file: Option<Text>,
    pub(super) signer_token_file: Option<Text>,
    pub(super) vkey: Text,
    pub(super) signer: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fireblocks {
    pub(super) mode: Whole,
    pub(super) withdrawal_id: Option<Text>,
    pub(super) approvals: Option<Text>,
    pub(super) raw: Option<Text>,
    pub(super) cosigner: Vec<Cosigner>,
    pub(super) user: Vec<User>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cosigner {
    pub(super) name: Text,
    pub(super) public_key: Text,
    pub(super) sends_signer_id: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    pub(super) id: Text,
    pub(super) cosigners: Vec<Text>,
    pub(super) answer_key_file: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BitGo {
    pub(super) mode: Text,
    pub(super) path: Text,
    pub(super) account: Text,
    pub(super) carrier: Option<Text>,
    pub(super) amounts: Option<Text>,
    pub(super) accept_untold_fees: Option<bool>,
    pub(super) jwks_file: Option<Text>,
    pub(super) jwks_url: Option<Text>,
    pub(super) jwks_authority: Option<Text>,
    pub(super) key_id: Option<Text>,
    pub(super) answer_key_file: Option<Text>,
    #[serde(default)]
    pub(super) names: BTreeMap<String, Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct People {
    pub(super) roster: Text,
    pub(super) approvers: Whole,
    pub(super) roles: Vec<Text>,
    pub(super) rp_ids: Vec<Text>,
    pub(super) client_rp_id: Option<Text>,
    pub(super) origins: Vec<Text>,
    pub(super) ttl_s: Whole,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Network {
    pub(super) id: Text,
    pub(super) coin: Whole,
    pub(super) decimals: Whole,
    pub(super) fee_limit: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asset {
    pub(super) vendor: Text,
    pub(super) code: Text,
    pub(super) asset: Text,
    pub(super) decimals: Whole,
    pub(super) per_hour: Text,
    pub(super) automatic: Text,
    pub(super) client_limit: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wallet {
    pub(super) vendor: Text,
    pub(super) code: Text,
    pub(super) name: Text,
    pub(super) key: Text,
    pub(super) asset: Option<Text>,
    #[serde(default)]
    pub(super) addresses: BTreeMap<String, Text>,
}
