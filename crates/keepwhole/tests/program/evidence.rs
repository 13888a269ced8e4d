//! A small case with everything a bundle can hold, for the tests of packages, bundles and forgeries.

use std::collections::BTreeMap;

use keepwhole::bundle::{
    BundlePlan, Decisions, MemoryLog, RedressPart, Scope, Tool, archive, files, tlog_proof,
};
use keepwhole::redress::{
    AssetRows, Entropy, Header, Kind, Payment, RedressSet, Row, SnapshotRow, build,
};
use keepwhole_verify::archive::Limits;
use keepwhole_verify::bundle::{Source, verify_bundle};
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::cosignature::Witness;
use keepwhole_verify::note::{Ed25519Signer, NoteSigner};
use keepwhole_verify::report::Report;
use keepwhole_verify::trust::Trust;
use sha2::{Digest, Sha256};

pub(crate) const ORIGIN: &str = "exchange.example/keepwhole";

/// Bytes from a counter: the same in every run.
pub(crate) struct Counter(pub(crate) u64);

impl Entropy for Counter {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            self.0 += 1;
            let drawn = Sha256::digest(self.0.to_be_bytes());
            chunk.copy_from_slice(&drawn[..chunk.len()]);
        }
    }
}

/// A record of the journal: version, time, turn, tag, body.
pub(crate) fn record(at: u64, turn: u64, tag: u8, body: &[u8]) -> Vec<u8> {
    [
        &[1u8][..],
        &at.to_le_bytes(),
        &turn.to_le_bytes(),
        &[tag],
        body,
    ]
    .concat()
}

/// The record that publishes a redress set.
pub(crate) fn set_record(at: u64, turn: u64, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_le_bytes();
    record(at, turn, 200, &[&length[..], payload].concat())
}

pub(crate) struct Keys {
    pub(crate) log: Ed25519Signer,
    pub(crate) bundle: Ed25519Signer,
    pub(crate) witness: Witness,
}

pub(crate) fn keys(seed: u8) -> Keys {
    Keys {
        log: Ed25519Signer::new(ORIGIN, &[seed; 32]).expect("key"),
        bundle: Ed25519Signer::new(&format!("{ORIGIN}/bundle"), &[seed + 1; 32]).expect("key"),
        witness: Witness::new("auditor.example/w1", &[seed + 2; 32]).expect("key"),
    }
}

/// The text of a trust file: log, one witness that must sign, bundle key.
pub(crate) fn trust_text(keys: &Keys) -> String {
    format!(
        "log {}\nwitness w1 {}\nquorum w1\nbundle {}\n",
        keys.log.key(),
        keys.witness.key(),
        keys.bundle.key()
    )
}

/// A cosigned checkpoint over the log as it is.
pub(crate) fn checkpoint(keys: &Keys, log: &MemoryLog, time: u64) -> Vec<u8> {
    let checkpoint = Checkpoint::new(ORIGIN, log.size(), log.root()).expect("checkpoint");
    let mut note = checkpoint.sign(&[&keys.log]).expect("signs");
    note.add(keys.witness.cosign(time, &checkpoint.to_text()));
    note.to_string().into_bytes()
}

/// One customer's line.
pub(crate) fn row(number: u32, paid: u128, due: u128, reference: &str) -> Row {
    let payments = match paid {
        0 => Vec::new(),
        _ => vec![Payment {
            amount: paid,
            at: None,
            reference: reference.to_owned(),
        }],
    };
    let (account_id, contact) = (format!("A-{number:04}"), format!("C{number}@Example.org"));
    Row {
        account_id,
        contact,
        paid,
        due,
        payments,
    }
}

/// Two hit pools of 40 customers; SOL is made good, of ETH a tenth is still due.
pub(crate) fn assets(paid_part: u128, reference: &str) -> Vec<AssetRows> {
    let mut assets = Vec::new();
    for (ix, asset, decimals, tenth) in [(0u16, "SOL", 9u8, 0u128), (3, "ETH", 18, 1)] {
        let rows: Vec<Row> = (0..40u32)
            .map(|number| {
                let loss = u128::from(number) * 1_000_000;
                let due = (loss / 10) * tenth * (10 - paid_part) / 10;
                row(number, loss - due, due, reference)
            })
            .collect();
        let borne: u128 = rows.iter().map(|row| row.paid + row.due).sum();
        assets.push(AssetRows {
            ix,
            asset: asset.to_owned(),
            decimals,
            taken_on_chain: borne + 5_000,
            borne_by_house: 5_000,
            recovered: 700,
            rows,
        });
    }
    assets
}

pub(crate) fn snapshot() -> Vec<SnapshotRow> {
    let hold = |asset: &'static str| {
        (0..40u32).map(move |number| SnapshotRow {
            account_id: format!("A-{number:04}"),
            asset: asset.to_owned(),
            amount: u128::from(number) * 7,
        })
    };
    hold("SOL").chain(hold("ETH")).collect()
}

pub(crate) fn header(previous: Option<&str>) -> Header {
    Header {
        incident: "inc-1".to_owned(),
        as_of: "2026-11-22T00:00:00Z".to_owned(),
        kind: Kind::Shortfall,
        previous: previous.map(ToOwned::to_owned),
        snapshot_index: 10,
        rules: [7; 32],
        shares: 4,
    }
}

/// A journal with two epochs of a redress set, and what a bundle over it is made of.
pub(crate) struct Case {
    pub(crate) keys: Keys,
    pub(crate) log: MemoryLog,
    pub(crate) sets: Vec<RedressSet>,
    pub(crate) set_entries: Vec<u64>,
    pub(crate) plan: BundlePlan,
}

impl Case {
    pub(crate) fn trust(&self) -> Trust {
        Trust::parse("trust.txt", &trust_text(&self.keys)).expect("trust file")
    }

    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        files(&self.plan, &self.log, &self.keys.bundle).expect("files")
    }

    pub(crate) fn archive(&self) -> Vec<u8> {
        archive(&self.plan, &self.log, &self.keys.bundle).expect("archive")
    }

    /// The package of one customer in one epoch, under the newest checkpoint.
    pub(crate) fn package(&self, epoch: usize, account: &str) -> String {
        let index = self.set_entries[epoch];
        let (proof, entry) = tlog_proof(&self.log, index, &self.plan.checkpoint).expect("proof");
        self.sets[epoch]
            .package(account, &entry, &proof)
            .expect("package")
    }
}

pub(crate) fn case() -> Case {
    let keys = keys(1);
    let mut log = MemoryLog::default();
    let mut entropy = Counter(0);
    let mut history = Vec::new();
    let mut sets: Vec<RedressSet> = Vec::new();
    let mut set_entries = Vec::new();
    for turn in 0..700u64 {
        let at = 1_764_200_000_000 + turn * 1000;
        match turn {
            100 | 600 => {
                let previous = sets.last().map(|set| set.manifest_text().to_owned());
                let part = if turn == 100 { 2 } else { 7 };
                let rows = assets(part, "entry:50");
                let set = build(
                    &header(previous.as_deref()),
                    &rows,
                    &snapshot(),
                    &mut entropy,
                )
                .expect("set");
                log.push(set_record(at, turn, &set.entry_payload()))
                    .expect("push");
                sets.push(set);
                set_entries.push(turn);
            }
            _ => log
                .push(record(at, turn, 3, &turn.to_le_bytes()))
                .expect("push"),
        }
        if [50, 256, 513].contains(&log.size()) {
            history.push(checkpoint(&keys, &log, 1_764_200_000 + turn));
        }
    }
    let parts = sets
        .iter()
        .zip(&set_entries)
        .map(|(set, entry)| RedressPart {
            manifest: set.manifest_text().to_owned(),
            entry: *entry,
            table: Some(set.table_files()),
        });
    let plan = BundlePlan {
        bundle_id: "b-1".to_owned(),
        created: "2026-11-22T09:00:00Z".to_owned(),
        scope: Scope {
            from: 0,
            to: 512,
            subjects: vec!["incident inc-1".to_owned()],
        },
        confidential: true,
        tool: Tool {
            name: "keepwhole".to_owned(),
            version: "0.1.0".to_owned(),
            source_sha256: [0; 32],
        },
        omitted: Vec::new(),
        checkpoint: checkpoint(&keys, &log, 1_764_300_000),
        history,
        single_entries: vec![699],
        redress: parts.collect(),
        decisions: Decisions::default(),
        claimed_keys: trust_text(&keys),
        readme: "Evidence of incident inc-1.\n".to_owned(),
    };
    Case {
        keys,
        log,
        sets,
        set_entries,
        plan,
    }
}

/// Checks an archive.
pub(crate) fn check(archive: &[u8], trust: Option<&Trust>) -> Report {
    verify_bundle(&Source::Archive(archive), trust, false, Limits::default())
}

/// Checks the files of a folder.
pub(crate) fn check_files(files: &BTreeMap<String, Vec<u8>>, trust: Option<&Trust>) -> Report {
    let files = files
        .iter()
        .map(|(path, bytes)| (path.clone(), bytes.as_slice()))
        .collect();
    verify_bundle(&Source::Folder(files), trust, false, Limits::default())
}
