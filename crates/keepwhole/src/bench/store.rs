//! What a journal is held against: something that makes numbered rows durable before it answers.

use super::nats::Nats;
use super::{BenchError, Setup, of_folder};
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

/// A store of numbered rows.
pub(super) trait Store {
    /// Its name and version.
    fn name(&self) -> String;

    /// Makes rows durable in one go, numbered from `first` on.
    fn append(&mut self, first: u64, rows: &[&[u8]]) -> Result<(), BenchError>;
}

/// A plain file that grows: one write and one `fdatasync` a batch. It can't find, check or prove anything.
struct Plain {
    path: PathBuf,
    file: File,
}

impl Store for Plain {
    fn name(&self) -> String {
        "plain growing file".to_owned()
    }

    fn append(&mut self, _first: u64, rows: &[&[u8]]) -> Result<(), BenchError> {
        let bytes = rows.concat();
        let written = self.file.write_all(&bytes);
        written
            .and_then(|()| self.file.sync_data())
            .map_err(of_folder(&self.path))
    }
}

/// 200 bytes at a time over zeros that are on the disk already: the least that one durable answer can cost.
pub(super) struct Zeros {
    path: PathBuf,
    file: File,
    at: u64,
}

impl Zeros {
    const ROOM: usize = 4 * 1024 * 1024;

    pub(super) fn new(setup: &Setup) -> Result<Self, BenchError> {
        let path = setup.inside("zeros");
        let made = File::create(&path).and_then(|mut file| {
            file.write_all(&vec![0; Self::ROOM])?;
            file.sync_all()?;
            Ok(file)
        });
        let file = made.map_err(of_folder(&path))?;
        Ok(Self { path, file, at: 0 })
    }

    pub(super) fn sync(&mut self) -> Result<(), BenchError> {
        let written = self.file.write_all_at(&[7; 200], self.at);
        self.at = (self.at + 200) % (Self::ROOM as u64 - 200);
        written
            .and_then(|()| self.file.sync_data())
            .map_err(of_folder(&self.path))
    }
}

/// Stores that can be measured, and what is to be said of the others.
pub(super) type Reached = (Vec<Box<dyn Store>>, Vec<String>);

/// Every store that this program was built with and can reach, and a sentence for each that it can't.
pub(super) fn stores(setup: &Setup) -> Result<Reached, BenchError> {
    let path = setup.inside("plain");
    let file = File::create(&path).map_err(of_folder(&path))?;
    let plain: Box<dyn Store> = Box::new(Plain { path, file });
    let (mut stores, mut missing) = (vec![plain], Vec::new());
    add_peers(setup, &mut stores, &mut missing)?;
    match &setup.nats {
        None => missing
            .push("NATS: not measured; give its server program with `--nats PATH`".to_owned()),
        Some(program) => match Nats::start(setup, program) {
            Ok(nats) => stores.push(Box::new(nats)),
            Err(error) => missing.push(format!("NATS: not measured, {error}")),
        },
    }
    Ok((stores, missing))
}

#[cfg(feature = "peers")]
fn add_peers(
    setup: &Setup,
    stores: &mut Vec<Box<dyn Store>>,
    missing: &mut Vec<String>,
) -> Result<(), BenchError> {
    stores.extend(super::peers::embedded(setup)?);
    match super::postgres::Server::reach(setup) {
        Ok(server) => stores.push(Box::new(super::postgres::Rows::new(server)?)),
        Err(error) => missing.push(format!("PostgreSQL: not measured, {error}")),
    }
    Ok(())
}

#[cfg(not(feature = "peers"))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "the same with the feature `peers` may fail"
)]
fn add_peers(
    _setup: &Setup,
    _stores: &mut Vec<Box<dyn Store>>,
    missing: &mut Vec<String>,
) -> Result<(), BenchError> {
    missing.push(WITHOUT_PEERS.to_owned());
    Ok(())
}

/// How to get the other stores.
pub(super) const WITHOUT_PEERS: &str = "this program was built without other stores; build it with `cargo build --release --features peers` to measure fjall, \
     SQLite, redb and PostgreSQL in the same run";
