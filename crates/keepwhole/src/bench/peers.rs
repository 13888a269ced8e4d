//! Stores that live inside a program: fjall, SQLite, redb. Each makes a whole batch durable in one commit.

use super::store::Store;
use super::{BenchError, Setup, of_folder};
use std::fmt::Display;

/// What this program was built from.
const LOCK: &str = include_str!("../../../../Cargo.lock");

/// The version of a crate in the lock file.
pub(super) fn version_of(name: &str) -> &'static str {
    let wanted = format!("name = \"{name}\"");
    let mut lines = LOCK.lines().skip_while(|line| *line != wanted);
    let version = lines
        .nth(1)
        .and_then(|line| line.strip_prefix("version = "));
    version.map_or("?", |version| version.trim_matches('"'))
}

pub(super) fn failed<E: Display>(who: &'static str) -> impl Fn(E) -> BenchError {
    move |error| BenchError::Peer {
        who,
        what: error.to_string(),
    }
}

/// All of them, each in a folder of its own.
pub(super) fn embedded(setup: &Setup) -> Result<Vec<Box<dyn Store>>, BenchError> {
    let dir = setup.inside("peers");
    std::fs::create_dir_all(&dir).map_err(of_folder(&dir))?;
    Ok(vec![
        Box::new(Fjall::new(setup)?),
        Box::new(Sqlite::new(setup)?),
        Box::new(Redb::new(setup)?),
    ])
}

struct Fjall {
    database: fjall::Database,
    rows: fjall::Keyspace,
}

impl Fjall {
    fn new(setup: &Setup) -> Result<Self, BenchError> {
        let failed = failed("fjall");
        let database = fjall::Database::builder(setup.inside("peers/fjall"))
            .open()
            .map_err(&failed)?;
        let rows = database
            .keyspace("rows", fjall::KeyspaceCreateOptions::default)
            .map_err(&failed)?;
        Ok(Self { database, rows })
    }
}

impl Store for Fjall {
    fn name(&self) -> String {
        format!("fjall {} (batch, SyncData)", version_of("fjall"))
    }

    fn append(&mut self, first: u64, rows: &[&[u8]]) -> Result<(), BenchError> {
        let mut batch = self.database.batch();
        for (number, row) in (first..).zip(rows) {
            batch.insert(&self.rows, number.to_be_bytes(), *row);
        }
        batch
            .commit()
            .and_then(|()| self.database.persist(fjall::PersistMode::SyncData))
            .map_err(failed("fjall"))
    }
}

struct Sqlite(rusqlite::Connection);

impl Sqlite {
    fn new(setup: &Setup) -> Result<Self, BenchError> {
        let open = || {
            let connection = rusqlite::Connection::open(setup.inside("peers/sqlite"))?;
            connection.execute_batch(
                "pragma journal_mode = wal; pragma synchronous = full;
                 create table rows (number integer primary key, row blob not null);",
            )?;
            Ok(connection)
        };
        open()
            .map(Self)
            .map_err(failed::<rusqlite::Error>("SQLite"))
    }

    fn insert(&mut self, first: u64, rows: &[&[u8]]) -> rusqlite::Result<()> {
        let transaction = self.0.transaction()?;
        {
            let mut insert = transaction.prepare_cached("insert into rows values (?1, ?2)")?;
            for (number, row) in (first..).zip(rows) {
                insert.execute((i64::try_from(number).unwrap_or(i64::MAX), row))?;
            }
        }
        transaction.commit()
    }
}

impl Store for Sqlite {
    fn name(&self) -> String {
        format!("SQLite {} (WAL, FULL)", rusqlite::version())
    }

    fn append(&mut self, first: u64, rows: &[&[u8]]) -> Result<(), BenchError> {
        self.insert(first, rows).map_err(failed("SQLite"))
    }
}

const TABLE: redb::TableDefinition<'_, u64, &[u8]> = redb::TableDefinition::new("rows");

struct Redb(redb::Database);

impl Redb {
    fn new(setup: &Setup) -> Result<Self, BenchError> {
        redb::Database::create(setup.inside("peers/redb"))
            .map(Self)
            .map_err(failed("redb"))
    }

    fn insert(&self, first: u64, rows: &[&[u8]]) -> Result<(), redb::Error> {
        let transaction = self.0.begin_write()?;
        {
            let mut table = transaction.open_table(TABLE)?;
            for (number, row) in (first..).zip(rows) {
                table.insert(number, *row)?;
            }
        }
        Ok(transaction.commit()?)
    }
}

impl Store for Redb {
    fn name(&self) -> String {
        format!("redb {} (default durability)", version_of("redb"))
    }

    fn append(&mut self, first: u64, rows: &[&[u8]]) -> Result<(), BenchError> {
        self.insert(first, rows).map_err(failed("redb"))
    }
}
