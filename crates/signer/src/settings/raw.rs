//! The file as it is written.

use keepwhole_settings::{Text, Whole};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) version: Whole,
    pub(super) name: Text,
    pub(super) state: Text,
    pub(super) guard: RawGuard,
    pub(super) redemption: RawRedemption,
    pub(super) tls: Option<RawTls>,
    pub(super) log: RawLog,
    pub(super) approvals: RawApprovals,
    #[serde(default)]
    pub(super) approvers: BTreeMap<Text, RawApprover>,
    #[serde(default)]
    pub(super) quorums: BTreeMap<Text, RawQuorum>,
    #[serde(default)]
    pub(super) assets: BTreeMap<Text, RawAsset>,
    #[serde(default)]
    pub(super) keys: BTreeMap<Text, RawKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGuard {
    pub(super) key: Text,
    pub(super) policies: Spanned<Vec<Text>>,
    pub(super) builds: Spanned<Vec<Text>>,
    pub(super) clock_tolerance_seconds: Option<Whole>,
    pub(super) clearance_max_seconds: Option<Whole>,
    pub(super) intent_max_hours: Option<Whole>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRedemption {
    pub(super) mode: Text,
    pub(super) url: Option<Text>,
    pub(super) token_file: Option<Text>,
    pub(super) patience_seconds: Option<Whole>,
    pub(super) offline_max_seconds: Option<Whole>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTls {
    pub(super) authority: Text,
    pub(super) certificate: Option<Text>,
    pub(super) key: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLog {
    pub(super) policy: Text,
    pub(super) url: Text,
    pub(super) witnessed_within_seconds: Option<Whole>,
    pub(super) refresh_seconds: Option<Whole>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawApprovals {
    pub(super) rp_id: Text,
    pub(super) origins: Spanned<Vec<Text>>,
    pub(super) client_rp_id: Option<Text>,
    pub(super) client_origins: Option<Spanned<Vec<Text>>>,
    pub(super) max_age_hours: Option<Whole>,
    #[serde(default)]
    pub(super) device_bound_roles: Vec<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawApprover {
    pub(super) roles: Spanned<Vec<Text>>,
    pub(super) credentials: Spanned<Vec<RawCredential>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCredential {
    pub(super) id: Text,
    pub(super) public_key: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawQuorum {
    pub(super) people: Whole,
    pub(super) roles: Spanned<Vec<Text>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAsset {
    pub(super) automatic_limit: Text,
    pub(super) client_limit: Option<Text>,
    pub(super) automatic_hour_cap: Text,
    pub(super) automatic_day_cap: Text,
    pub(super) hour_cap: Text,
    pub(super) fee_limit: Option<Text>,
    pub(super) quorum: Option<Text>,
    pub(super) client_quorum: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawKey {
    pub(super) wallet: Text,
    pub(super) network: Text,
    pub(super) address: Option<Text>,
    pub(super) coin: Option<Whole>,
    #[serde(default)]
    pub(super) safes: Vec<Text>,
    #[serde(default)]
    pub(super) multi_send: Vec<Text>,
    #[serde(default)]
    pub(super) scripts: Vec<Text>,
    pub(super) account_rent: Option<Text>,
}
