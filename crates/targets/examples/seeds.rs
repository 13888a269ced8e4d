//! Writes the first files of the corpus: `cargo run -p keepwhole-targets --example seeds -- DEMO`, where DEMO is the folder of
//! a `keepwhole demo --customers 60`. Files that fuzzing or a defect brought stay.

use keepwhole::journal::{Disk as _, Journal, Options, SimDisk, layout};
use keepwhole::sequencer::Sequencer;
use keepwhole_core::book::MovementKind;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::registry::Asset;
use keepwhole_core::transfer::{TransferBatch, TransferRow};
use keepwhole_verify::archive;
use keepwhole_verify::tile::encode_bundle;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

fn put(target: &str, name: &str, bytes: impl AsRef<[u8]>) -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    fs::create_dir_all(&folder)?;
    Ok(fs::write(folder.join(name), bytes)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let demo: PathBuf = std::env::args()
        .nth(1)
        .ok_or("give the folder of a demo")?
        .into();
    journal()?;
    from_demo(&demo)?;
    wires()
}

fn rows() -> TransferBatch {
    let mut batch = TransferBatch::new();
    for id in ["t-1", "t-2", "0a7f6f3e-0c1b-4f0e-9e43-0e1f6f4a2b11"] {
        let kind = MovementKind::Deposit;
        let row = TransferRow {
            id,
            from: "outside",
            to: "customer-1",
            asset: "BTC",
            units: 5,
            kind,
            effective: 1_767_290_645_000,
        };
        // The rows are within all bounds.
        let _ = batch.push(&row);
    }
    batch
}

fn journal() -> Result<(), Box<dyn Error>> {
    let (journal, _) = Journal::open(
        SimDisk::new(),
        Options {
            zero_ahead: 0,
            ..Options::default()
        },
    )?;
    let mut sequencer = Sequencer::open(journal)?;
    let asset = Asset {
        id: "BTC".to_owned(),
        decimals: 8,
        network: Some("bitcoin".to_owned()),
        confirmations: 3,
    };
    let bodies = [
        Body::RegisterOwners(vec![
            "house".to_owned(),
            "outside".to_owned(),
            "customer-1".to_owned(),
        ]),
        Body::RegisterAsset(asset),
        Body::RecordTransfers(rows()),
    ];
    for (at, body) in bodies.into_iter().enumerate() {
        let command = Command {
            id: Some(format!("c-{at}")),
            actor: None,
            body,
        };
        sequencer.turn(1_767_290_645_000, &[command])?;
    }
    let bytes = sequencer.journal().disk().read(&layout::segment_path(0))?;
    put("journal", "good-three-frames", &bytes)?;
    let length = bytes
        .get(8..12)
        .and_then(|four| four.try_into().ok())
        .map_or(0, u32::from_be_bytes);
    let first = bytes
        .get(..usize::try_from(length)?)
        .ok_or("the first frame is cut short")?;
    put("frame", "good-first", first)?;
    let mut records: Vec<Vec<u8>> = Vec::new();
    sequencer
        .journal()
        .read::<Box<dyn Error>>(0, &mut |at, record| {
            put("record", &format!("good-{at}"), record)?;
            records.push(record.to_vec());
            Ok(())
        })?;
    let mut bundle = vec![u8::try_from(records.len() - 1)?];
    bundle.extend(encode_bundle(&records)?);
    put("entry_bundle", "good-all", bundle)
}

fn from_demo(demo: &Path) -> Result<(), Box<dyn Error>> {
    let checkpoint = fs::read(demo.join("journal/log/checkpoint"))?;
    put("note", "good-checkpoint", &checkpoint)?;
    let text = String::from_utf8(checkpoint)?;
    let signed = text
        .split_once("\n\n")
        .ok_or("a checkpoint without signature")?
        .0;
    put("checkpoint", "good-demo", format!("{signed}\n"))?;
    let trust = fs::read_to_string(demo.join("trust.txt"))?;
    put("trust", "good-demo", &trust)?;
    let log = trust
        .lines()
        .find(|line| line.starts_with("log "))
        .ok_or("a trust file without log")?;
    put("tlog_policy", "good-demo", format!("{log}\nquorum none\n"))?;
    put("vkey", "good-demo", log.trim_start_matches("log "))?;
    let mut packages: Vec<PathBuf> = fs::read_dir(demo.join("packages"))?
        .flatten()
        .map(|file| file.path())
        .collect();
    packages.sort();
    put(
        "package",
        "good-demo",
        fs::read(packages.first().ok_or("a demo without packages")?)?,
    )?;
    let package: serde_json::Value = serde_json::from_slice(&fs::read(&packages[0])?)?;
    for field in ["manifest", "statement", "tlog_proof"] {
        put(
            field,
            "good-demo",
            package[field].as_str().ok_or("a package without a part")?,
        )?;
        if field != "tlog_proof" {
            put(
                "json",
                &format!("good-{field}"),
                package[field].as_str().unwrap_or_default(),
            )?;
        }
    }
    let bundle = fs::read(demo.join("bundle.kwb"))?;
    let files = archive::read(&bundle, archive::Limits::default())?;
    let manifest = files
        .get("manifest.json")
        .ok_or("a bundle without manifest")?;
    put("json", "good-bundle-manifest", manifest)?;
    // A whole bundle is larger than a file of the corpus may be: its first members are an archive too.
    put("bundle", "good-first-members", archive_of(&files))
}

/// An archive of the small members of a bundle.
fn archive_of(files: &archive::Files<'_>) -> Vec<u8> {
    let small = files
        .iter()
        .filter(|(_, bytes)| bytes.len() < 2_000)
        .take(8);
    let members = small
        .map(|(path, bytes)| (path.clone(), bytes.to_vec()))
        .collect();
    archive::write(&members).unwrap_or_default()
}

fn wires() -> Result<(), Box<dyn Error>> {
    let settings =
        "version = 1\n\n[api]\nlisten = \"127.0.0.1:8651\"\n\n[feed]\nsocket = \"feed.sock\"\n";
    put("settings", "good-api-and-feed", settings)?;
    let hex = "ab".repeat(32);
    put(
        "tokens",
        "good-one",
        format!("# who may ask\nledger ledger {hex} 2026-12-31\n"),
    )?;
    let row = r#"{"id":"t-1","from":"outside","to":"customer-1","asset":"BTC","units":"5","kind":"deposit","effective":"2026-01-02T03:04:05+09:00"}"#;
    put(
        "http_transfers",
        "good-one-row",
        format!("{{\"transfers\":[{row}]}}"),
    )?;
    put(
        "http_prices",
        "good-one-row",
        r#"{"prices":[{"as_of":"2026-11-22T09:00:00+09:00","asset":"BTC","quote":"KRW","price":"152000000.5","source":"own market"}]}"#,
    )?;
    let mut request = vec![1];
    request.extend([7; 16]);
    request.extend(rows().as_bytes());
    put("feed_request", "good-three-rows", request)?;
    put("tile_path", "good-full", "tile/0/x001/x234/067")?;
    put("tile_path", "good-partial", "tile/entries/273.p/112")?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (target, folder) in [
        ("scenario", "scenarios/theft"),
        ("law", "law"),
        ("policy", "policies"),
    ] {
        let mut files: Vec<PathBuf> = fs::read_dir(root.join(folder))?
            .flatten()
            .map(|file| file.path())
            .collect();
        files.retain(|file| file.extension().is_some_and(|kind| kind == "toml"));
        files.sort_by_key(|file| {
            fs::metadata(file)
                .map(|about| about.len())
                .unwrap_or(u64::MAX)
        });
        let smallest = files.first().ok_or("no file to start from")?;
        put(target, "good-smallest", fs::read(smallest)?)?;
    }
    Ok(())
}
