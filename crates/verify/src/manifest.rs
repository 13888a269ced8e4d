//! The manifest of a redress set: per asset, what was taken, who bore it, what is paid and what is still due.
//!
//! Format and checks stand in docs/proof-formats.md, "Set manifest". A manifest's SHA-256 is an entry of the journal.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use crate::json::{self, Fields, FormatError, MAX_INTEGER, Value};
use crate::sum_tree::{MAX_HEIGHT, MIN_HEIGHT, Node, TreeId, asset_commit};

/// Value of the field `type`.
pub const TYPE: &str = "keepwhole/redress-set/v1";

/// First bytes of the journal entry's payload.
pub const ENTRY_TAG: &[u8] = b"keepwhole/redress-set-entry/v1\0";

/// Tag of the event that carries a redress set (docs/journal-format.md).
pub const EVENT_TAG: u8 = 200;

/// What a set is about: it decides the words of the answer to a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Coins of the pool are short; nobody's balance changed.
    Shortfall,
    /// Customers' claims for balances really lost.
    Claims,
}

impl Kind {
    /// The text in the manifest.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shortfall => "shortfall",
            Self::Claims => "claims",
        }
    }
}

/// One asset of a set; amounts in its smallest unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Number within the set; stays the same between epochs.
    pub ix: u16,
    /// Name, such as `SOL`.
    pub asset: String,
    /// Decimals of the whole unit, 0 to 38.
    pub decimals: u8,
    /// Height of the sum tree.
    pub height: u8,
    /// [`asset_commit`] of the root.
    pub commit: [u8; 32],
    /// Hash of the root.
    pub root: [u8; 32],
    /// Holders.
    pub count: u64,
    /// Already reimbursed.
    pub paid: u128,
    /// Still owed.
    pub due: u128,
    /// Taken on chain (shortfall only).
    pub taken_on_chain: u128,
    /// Borne by the exchange's own holdings (shortfall only).
    pub borne_by_house: u128,
    /// Recovered so far; shown only.
    pub recovered: u128,
}

impl Asset {
    /// The root as a node.
    pub fn root_node(&self) -> Node {
        Node {
            hash: self.root,
            count: self.count,
            paid: self.paid,
            due: self.due,
        }
    }
}

/// A redress set's manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Random, never reused.
    pub set_id: [u8; 16],
    /// The incident's id.
    pub incident: String,
    /// From 1.
    pub epoch: u64,
    /// RFC 3339, UTC.
    pub as_of: String,
    /// SHA-256 of the previous epoch's manifest; none exactly in epoch 1.
    pub prev: Option<[u8; 32]>,
    /// Kind of set; the same in all epochs.
    pub kind: Kind,
    /// Ascending by `ix`.
    pub assets: Vec<Asset>,
    /// Journal index of the balance snapshot from before the incident.
    pub snapshot_index: u64,
    /// SHA-256 of `snapshot.jsonl`.
    pub snapshot_sha256: [u8; 32],
    /// SHA-256 of the rules of rounding, valuation and eligibility.
    pub rules: [u8; 32],
}

/// An approved correction that lets figures of one asset fall: `redress.correction` of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// The set it belongs to (the new one).
    pub set_id: [u8; 16],
    /// The asset.
    pub ix: u16,
    /// By how much its figures may be lower, minor units.
    pub amount: u128,
}

impl Manifest {
    /// Reads a manifest and runs every check that needs the manifest alone.
    ///
    /// # Errors
    /// The field and the cause.
    pub fn read(text: &str) -> Result<Self, FormatError> {
        let value = json::parse("manifest", text)?;
        let manifest = Self::from_value(&value)?;
        manifest.check()?;
        Ok(manifest)
    }

    fn from_value(value: &Value) -> Result<Self, FormatError> {
        let mut fields = Fields::of("manifest", value)?;
        fields.constant("type", TYPE)?;
        let kind = match fields.text("kind")? {
            "shortfall" => Kind::Shortfall,
            "claims" => Kind::Claims,
            other => {
                return Err(fields.error(
                    "kind",
                    format!("is `{other}`, must be `shortfall` or `claims`"),
                ));
            }
        };
        let prev = match fields.value("prev")? {
            Value::Null => None,
            _ => Some(fields.hex("prev")?),
        };
        let mut assets = Vec::new();
        for (position, item) in fields.list("assets")?.iter().enumerate() {
            assets.push(read_asset(&format!("manifest.assets[{position}]"), item)?);
        }
        let mut snapshot =
            Fields::of("manifest.ledger_snapshot", fields.value("ledger_snapshot")?)?;
        let manifest = Self {
            set_id: fields.hex("set_id")?,
            incident: fields.text("incident")?.to_owned(),
            epoch: fields.integer("epoch", 1, MAX_INTEGER)?,
            as_of: fields.text("as_of")?.to_owned(),
            prev,
            kind,
            assets,
            snapshot_index: snapshot.integer("index", 0, MAX_INTEGER)?,
            snapshot_sha256: snapshot.hex("sha256")?,
            rules: fields.hex("rules")?,
        };
        snapshot.done()?;
        fields.done()?;
        Ok(manifest)
    }

    /// The checks on one manifest: order, commitments, and that what was taken is borne by somebody.
    ///
    /// # Errors
    /// The field and the cause.
    pub fn check(&self) -> Result<(), FormatError> {
        if !is_utc_time(&self.as_of) {
            return Err(FormatError::new(
                "manifest.as_of",
                format!("`{}` is not an RFC 3339 time that ends in `Z`", self.as_of),
            ));
        }
        if self.incident.is_empty() {
            return Err(FormatError::new("manifest.incident", "is empty"));
        }
        if (self.epoch == 1) != self.prev.is_none() {
            return Err(FormatError::new(
                "manifest.prev",
                "must be null in epoch 1 and the previous manifest's SHA-256 later",
            ));
        }
        if self.assets.is_empty() {
            return Err(FormatError::new("manifest.assets", "names no asset"));
        }
        let mut last: Option<u16> = None;
        let mut names = BTreeSet::new();
        for (position, asset) in self.assets.iter().enumerate() {
            let place = format!("manifest.assets[{position}]");
            if last.is_some_and(|last| last >= asset.ix) {
                return Err(FormatError::new(
                    format!("{place}.ix"),
                    "assets must ascend by `ix`",
                ));
            }
            last = Some(asset.ix);
            if asset.asset.is_empty() || !names.insert(asset.asset.as_str()) {
                return Err(FormatError::new(
                    format!("{place}.asset"),
                    "the name is empty or used twice",
                ));
            }
            self.check_asset(&place, asset)?;
        }
        Ok(())
    }

    fn check_asset(&self, place: &str, asset: &Asset) -> Result<(), FormatError> {
        let tree = self.tree(asset.ix);
        if asset_commit(&tree, asset.height, &asset.root_node()) != asset.commit {
            return Err(FormatError::new(
                format!("{place}.commit"),
                format!(
                    "does not commit to root, count, paid and due of {}",
                    asset.asset
                ),
            ));
        }
        let (taken, house) = (asset.taken_on_chain, asset.borne_by_house);
        match self.kind {
            Kind::Shortfall => {
                let borne = asset
                    .paid
                    .checked_add(asset.due)
                    .and_then(|sum| sum.checked_add(house));
                if borne != Some(taken) {
                    return Err(FormatError::new(
                        place,
                        format!(
                            "{}: paid {} + due {} + borne by the house {house} is not taken on chain {taken}",
                            asset.asset, asset.paid, asset.due
                        ),
                    ));
                }
                if asset.recovered > taken {
                    return Err(FormatError::new(
                        format!("{place}.recovered"),
                        "is more than was taken on chain",
                    ));
                }
            }
            Kind::Claims if taken == 0 && house == 0 && asset.recovered == 0 => {}
            Kind::Claims => {
                return Err(FormatError::new(
                    place,
                    "a claims set has no taken_on_chain, borne_by_house or recovered",
                ));
            }
        }
        if asset.paid.checked_add(asset.due).is_none() {
            return Err(FormatError::new(place, "paid and due together pass 2^128"));
        }
        Ok(())
    }

    /// The checks against the previous epoch's manifest, given as its exact text.
    ///
    /// # Errors
    /// What fell, changed or disappeared.
    pub fn check_follows(
        &self,
        previous: &Self,
        previous_text: &str,
        corrections: &[Correction],
    ) -> Result<(), FormatError> {
        let wrong =
            |field: &str, cause: String| Err(FormatError::new(format!("manifest.{field}"), cause));
        if self.prev != Some(Sha256::digest(previous_text.as_bytes()).into()) {
            return wrong(
                "prev",
                "is not the SHA-256 of the previous manifest".to_owned(),
            );
        }
        if previous.epoch.checked_add(1) != Some(self.epoch) {
            return wrong(
                "epoch",
                format!("is {}, the previous one is {}", self.epoch, previous.epoch),
            );
        }
        if self.incident != previous.incident || self.kind != previous.kind {
            return wrong(
                "incident",
                "incident and kind must stay the same between epochs".to_owned(),
            );
        }
        if self.set_id == previous.set_id {
            return wrong("set_id", "is reused from the previous epoch".to_owned());
        }
        for old in &previous.assets {
            let Some(new) = self.assets.iter().find(|new| new.ix == old.ix) else {
                return wrong(
                    "assets",
                    format!("{} of the previous epoch disappeared", old.asset),
                );
            };
            if new.asset != old.asset || new.decimals != old.decimals {
                return wrong(
                    "assets",
                    format!(
                        "number {} was {} and is now {}",
                        old.ix, old.asset, new.asset
                    ),
                );
            }
            let allowed = corrections
                .iter()
                .filter(|correction| correction.set_id == self.set_id && correction.ix == new.ix)
                .fold(0u128, |sum, correction| {
                    sum.saturating_add(correction.amount)
                });
            if new.paid.saturating_add(allowed) < old.paid {
                return wrong(
                    "assets",
                    format!(
                        "{}: paid falls from {} to {}",
                        old.asset, old.paid, new.paid
                    ),
                );
            }
            let (before, after) = (
                old.paid.saturating_add(old.due),
                new.paid.saturating_add(new.due),
            );
            if after.saturating_add(allowed) < before {
                return wrong(
                    "assets",
                    format!("{}: paid + due falls from {before} to {after}", old.asset),
                );
            }
        }
        Ok(())
    }

    /// The sum tree's id for asset number `ix`.
    pub fn tree(&self, ix: u16) -> TreeId {
        TreeId {
            set_id: self.set_id,
            asset: ix,
        }
    }

    /// The asset of number `ix`.
    pub fn asset(&self, ix: u16) -> Option<&Asset> {
        self.assets.iter().find(|asset| asset.ix == ix)
    }

    /// The canonical text.
    pub fn to_text(&self) -> String {
        let assets = self.assets.iter().map(asset_value).collect();
        Value::object(vec![
            ("as_of", Value::text(&*self.as_of)),
            ("assets", Value::List(assets)),
            ("epoch", Value::Integer(self.epoch)),
            ("incident", Value::text(&*self.incident)),
            ("kind", Value::text(self.kind.name())),
            (
                "ledger_snapshot",
                Value::object(vec![
                    ("index", Value::Integer(self.snapshot_index)),
                    ("sha256", Value::Text(json::to_hex(&self.snapshot_sha256))),
                ]),
            ),
            (
                "prev",
                self.prev
                    .map_or(Value::Null, |prev| Value::Text(json::to_hex(&prev))),
            ),
            ("rules", Value::Text(json::to_hex(&self.rules))),
            ("set_id", Value::Text(json::to_hex(&self.set_id))),
            ("type", Value::text(TYPE)),
        ])
        .to_canonical()
    }
}

fn read_asset(place: &str, value: &Value) -> Result<Asset, FormatError> {
    let mut fields = Fields::of(place, value)?;
    let asset = Asset {
        ix: fields.short("ix")?,
        asset: fields.text("asset")?.to_owned(),
        decimals: fields.small("decimals", 0, 38)?,
        height: fields.small("height", MIN_HEIGHT, MAX_HEIGHT)?,
        commit: fields.hex("commit")?,
        root: fields.hex("root")?,
        count: fields.integer("count", 0, MAX_INTEGER)?,
        paid: fields.amount("paid")?,
        due: fields.amount("due")?,
        taken_on_chain: fields.amount("taken_on_chain")?,
        borne_by_house: fields.amount("borne_by_house")?,
        recovered: fields.amount("recovered")?,
    };
    fields.done()?;
    Ok(asset)
}

fn asset_value(asset: &Asset) -> Value {
    Value::object(vec![
        ("asset", Value::text(&*asset.asset)),
        ("borne_by_house", Value::amount(asset.borne_by_house)),
        ("commit", Value::Text(json::to_hex(&asset.commit))),
        ("count", Value::Integer(asset.count)),
        ("decimals", Value::Integer(u64::from(asset.decimals))),
        ("due", Value::amount(asset.due)),
        ("height", Value::Integer(u64::from(asset.height))),
        ("ix", Value::Integer(u64::from(asset.ix))),
        ("paid", Value::amount(asset.paid)),
        ("recovered", Value::amount(asset.recovered)),
        ("root", Value::Text(json::to_hex(&asset.root))),
        ("taken_on_chain", Value::amount(asset.taken_on_chain)),
    ])
}

/// `2026-11-27T00:00:00Z`, with or without a fraction of a second; ranges of the digits are not judged further.
pub(crate) fn is_utc_time(text: &str) -> bool {
    let Some(rest) = text.strip_suffix('Z') else {
        return false;
    };
    let (whole, fraction) = rest
        .split_once('.')
        .map_or((rest, None), |(whole, fraction)| (whole, Some(fraction)));
    let shape = "dddd-dd-ddTdd:dd:dd";
    whole.len() == shape.len()
        && whole.bytes().zip(shape.bytes()).all(|(byte, form)| {
            if form == b'd' {
                byte.is_ascii_digit()
            } else {
                byte == form
            }
        })
        && fraction.is_none_or(|digits| {
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        })
}

/// Payload of the journal entry that commits a manifest: tag, set id, epoch, length, SHA-256.
pub fn entry_payload(set_id: &[u8; 16], epoch: u64, manifest_text: &str) -> Vec<u8> {
    let length = u64::try_from(manifest_text.len()).unwrap_or(u64::MAX);
    let mut payload = ENTRY_TAG.to_vec();
    payload.extend_from_slice(set_id);
    payload.extend_from_slice(&epoch.to_be_bytes());
    payload.extend_from_slice(&length.to_be_bytes());
    payload.extend_from_slice(&Sha256::digest(manifest_text.as_bytes()));
    payload
}

/// What an entry's payload commits to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// The set.
    pub set_id: [u8; 16],
    /// Its epoch.
    pub epoch: u64,
    /// Length of the manifest, bytes.
    pub length: u64,
    /// SHA-256 of the manifest.
    pub manifest_sha256: [u8; 32],
}

/// Reads such a payload; `None` for any other bytes.
pub fn read_entry(payload: &[u8]) -> Option<Committed> {
    let rest = payload.strip_prefix(ENTRY_TAG)?;
    let (set_id, rest) = rest.split_first_chunk::<16>()?;
    let (epoch, rest) = rest.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<8>()?;
    let (digest, rest) = rest.split_first_chunk::<32>()?;
    rest.is_empty().then(|| Committed {
        set_id: *set_id,
        epoch: u64::from_be_bytes(*epoch),
        length: u64::from_be_bytes(*length),
        manifest_sha256: *digest,
    })
}
