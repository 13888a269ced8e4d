//! What an outsider can check of the demo: redress sets over all customers, packages of three of them, and the bundle.

use super::draw::Draw;
use super::{DemoError, ORIGIN};
use crate::bundle::{self, BundlePlan, Decisions, RedressPart};
use crate::journal::keys::{self, KeyFile};
use crate::journal::tiles::LogFiles;
use crate::journal::{Disk, Journal, Publisher, RealDisk};
use crate::redress::{AssetRows, Header, Kind, Payment, RedressSet, Row, SnapshotRow};
use crate::sequencer::Sequencer;
use crate::text::rfc3339;
use crate::views::Trail;
use keepwhole_core::event::{Event, Record};
use keepwhole_core::redress::Loss;
use keepwhole_core::registry::AssetIx;
use keepwhole_core::state::State;
use keepwhole_verify::bundle_manifest::{Omitted, Scope, Tool};
use keepwhole_verify::digest::Digest;
use keepwhole_verify::note::{Ed25519Signer, NoteSigner};
use std::collections::BTreeMap;
use std::path::Path;

/// The written rule of rounding and eligibility that the sets follow.
const RULES: &str = "custody shortfall; attributed per asset at the balances just before the first outflow; house first; \
largest full remainder, ties to the smaller customer id; every customer with a balance in a hit pool has a line";

/// Entries of interest, found in one pass over the journal.
#[derive(Clone, Debug, Default)]
pub struct Landmarks {
    /// Positions that pages name as evidence.
    pub trail: Trail,
    /// First recognised loss: the balances before it are the snapshot.
    pub first_loss: Option<u64>,
    /// Replenishment per asset: entry and time, ms.
    pub replenished: BTreeMap<AssetIx, (u64, u64)>,
    /// The opening of the case.
    pub opened: Option<u64>,
    /// Adoption of the law set.
    pub law: Option<u64>,
}

/// Looks through the journal once.
///
/// # Errors
/// A journal that can't be read.
pub fn landmarks<D: Disk>(journal: &Journal<D>) -> Result<Landmarks, DemoError> {
    let mut found = Landmarks::default();
    journal.read::<DemoError>(0, &mut |position, bytes| {
        let Ok(record) = Record::decode(bytes) else {
            return Ok(());
        };
        found.trail.follow(position, &record);
        match record.event {
            Event::LossRecognised { .. } => {
                found.first_loss.get_or_insert(position);
            }
            Event::PoolReplenished { asset, .. } => {
                found.replenished.insert(asset, (position, record.at));
            }
            Event::IncidentOpened { .. } => {
                found.opened.get_or_insert(position);
            }
            Event::LawAdopted { .. } => found.law = Some(position),
            _ => {}
        }
        Ok(())
    })?;
    Ok(found)
}

/// A made-up contact of a made-up customer; `.invalid` is reserved for what never exists (RFC 2606).
fn contact(customer: &str) -> String {
    format!("{customer}@example.invalid")
}

/// The redress set of the case as the state has it.
///
/// # Errors
/// A state without a loss, or rows that do not add up.
pub fn build_set(
    state: &State,
    marks: &Landmarks,
    previous: Option<&RedressSet>,
    draw: &mut Draw,
) -> Result<RedressSet, DemoError> {
    let case = state.incidents.cases.first().ok_or(DemoError::NoCase)?;
    let mut assets = Vec::new();
    let mut snapshot = Vec::new();
    for (asset, loss) in &case.losses {
        assets.push(asset_rows(state, marks, *asset, loss)?);
        for part in &loss.parts {
            snapshot.push(SnapshotRow {
                account_id: state.registry.owner_id(part.owner).to_owned(),
                asset: state.registry.asset_id(*asset).to_owned(),
                amount: part.weight,
            });
        }
    }
    let header = Header {
        incident: "inc-1".to_owned(),
        as_of: rfc3339(state.at),
        kind: Kind::Shortfall,
        previous: previous.map(|set| set.manifest_text().to_owned()),
        snapshot_index: marks.first_loss.unwrap_or(0),
        rules: *Digest::of(RULES.as_bytes()).as_bytes(),
        shares: 4,
    };
    Ok(crate::redress::build(&header, &assets, &snapshot, draw)?)
}

fn asset_rows(
    state: &State,
    marks: &Landmarks,
    asset: AssetIx,
    loss: &Loss,
) -> Result<AssetRows, DemoError> {
    let row = state
        .registry
        .assets
        .get(asset.place())
        .ok_or(DemoError::NoCase)?;
    let paid_by = marks.replenished.get(&asset);
    let rows = loss.parts.iter().map(|part| {
        let account_id = state.registry.owner_id(part.owner).to_owned();
        let payment = paid_by
            .filter(|_| part.restored > 0)
            .map(|(entry, at)| Payment {
                amount: part.restored,
                at: Some(rfc3339(*at)),
                reference: format!("entry:{entry}"),
            });
        Row {
            contact: contact(&account_id),
            account_id,
            paid: part.restored,
            due: part.outstanding(),
            payments: payment.into_iter().collect(),
        }
    });
    Ok(AssetRows {
        ix: asset.0,
        asset: row.id.clone(),
        decimals: row.decimals,
        taken_on_chain: loss.total,
        borne_by_house: loss.house,
        recovered: loss.recovered,
        rows: rows.collect(),
    })
}

/// Everything that is published of a finished demo.
pub struct Published {
    /// The bundle's bytes.
    pub bundle: Vec<u8>,
    /// Packages: customer, text.
    pub packages: Vec<(String, String)>,
    /// The signed checkpoint.
    pub checkpoint: String,
    /// The trust file that belongs to it.
    pub trust: String,
}

/// The trust file of an installation: what an outsider gets by another way than the bundle.
fn trust_file(origin: &str, log: &dyn NoteSigner, bundle: &dyn NoteSigner) -> String {
    format!(
        "# trust file of {origin}\nlog {}\nquorum none\nbundle {}\n",
        log.key(),
        bundle.key()
    )
}

/// Publishes the journal's head and makes the bundle and the packages of the customers named.
///
/// # Errors
/// A journal, key or file that fails.
pub fn publish(
    dir: &Path,
    (publisher, bundle_key): (&mut Publisher, &Ed25519Signer),
    sequencer: &mut Sequencer<RealDisk>,
    sets: &[RedressSet],
    marks: &Landmarks,
    customers: &[String],
) -> Result<Published, DemoError> {
    let log_key = keys::load(dir, KeyFile::Log, ORIGIN)?;
    let trust = trust_file(ORIGIN, &log_key, bundle_key);
    publisher.publish(sequencer.journal_mut())?;
    let journal = sequencer.journal();
    let files = LogFiles(journal.disk());
    let (_, checkpoint) = files.checkpoint()?;
    let positions: Vec<u64> = sequencer
        .state()
        .sets
        .iter()
        .map(|set| set.position)
        .collect();
    let mut packages = Vec::new();
    if let (Some(set), Some(position)) = (sets.last(), positions.last()) {
        let entry = entry_at(journal, *position)?;
        let proof = files.tlog_proof(*position)?.to_string();
        for customer in customers {
            packages.push((customer.clone(), set.package(customer, &entry, &proof)?));
        }
    }
    let size = journal.head().size;
    let shown = [marks.opened, marks.law, marks.first_loss]
        .into_iter()
        .flatten();
    let single: Vec<u64> = shown
        .chain(positions.iter().copied())
        .chain(marks.replenished.values().map(|(e, _)| *e))
        .collect();
    let plan = BundlePlan {
        bundle_id: "demo-2025-11-27".to_owned(),
        created: rfc3339(sequencer.state().at),
        scope: Scope {
            from: size,
            to: size,
            subjects: vec!["the theft of 27 November 2025, as an exercise".to_owned()],
        },
        confidential: false,
        tool: Tool {
            name: "keepwhole".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            source_sha256: [0; 32],
        },
        omitted: vec![Omitted {
            path: "redress/table.jsonl".to_owned(),
            reason: "personal data of customers; an auditor gets it in a confidential bundle"
                .to_owned(),
        }],
        checkpoint: checkpoint.clone().into_bytes(),
        history: Vec::new(),
        single_entries: single,
        redress: sets
            .iter()
            .zip(&positions)
            .map(|(set, entry)| RedressPart {
                manifest: set.manifest_text().to_owned(),
                entry: *entry,
                table: None,
            })
            .collect(),
        decisions: Decisions::default(),
        claimed_keys: trust.clone(),
        readme: README.to_owned(),
    };
    let bundle = bundle::archive(&plan, &LogFiles(journal.disk()), bundle_key)?;
    Ok(Published {
        bundle,
        packages,
        checkpoint,
        trust,
    })
}

const README: &str = "Audit bundle of a keepwhole demo. The exchange, its customers and their contacts are made up; the sums \
are the public ones of 27 November 2025. Check it offline: keepwhole verify bundle.kwb --trust trust.txt\n";

fn entry_at<D: Disk>(journal: &Journal<D>, wanted: u64) -> Result<Vec<u8>, DemoError> {
    let mut entry = None;
    let outcome = journal.read::<DemoError>(wanted, &mut |position, bytes| {
        if position > wanted {
            return Err(DemoError::NoReply);
        }
        entry = Some(bytes.to_vec());
        Ok(())
    });
    match (entry, outcome) {
        (Some(entry), _) => Ok(entry),
        (None, Err(error)) => Err(error),
        (None, Ok(())) => Err(DemoError::NoReply),
    }
}
