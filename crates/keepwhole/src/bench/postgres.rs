//! PostgreSQL with its default durability: a server given by its address, or a private one started for the measurement.

use super::store::Store;
use super::{BenchError, Setup, of_folder};
use postgres::{Client, NoTls, Statement};
use std::io::Write as _;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for a server to answer.
const PATIENCE: Duration = Duration::from_secs(30);

fn failed(error: impl std::fmt::Display) -> BenchError {
    BenchError::Peer {
        who: "PostgreSQL",
        what: error.to_string(),
    }
}

/// A server that answers; a private one ends with it.
pub(super) struct Server {
    address: String,
    private: Option<Private>,
}

/// The user that a private server runs as: it refuses to run as root.
#[derive(Clone, Copy)]
struct User {
    number: u32,
    group: u32,
}

struct Private {
    bin: PathBuf,
    data: PathBuf,
    user: Option<User>,
    running: Option<Child>,
}

impl Server {
    /// The server of `--postgres`, else a private one.
    pub(super) fn reach(setup: &Setup) -> Result<Self, BenchError> {
        let server = match &setup.postgres {
            Some(address) => Self {
                address: address.clone(),
                private: None,
            },
            None => Self::start(setup)?,
        };
        server.connect()?;
        Ok(server)
    }

    pub(super) fn connect(&self) -> Result<Client, BenchError> {
        Client::connect(&self.address, NoTls).map_err(failed)
    }

    /// What it calls itself.
    pub(super) fn version(&self) -> Result<String, BenchError> {
        let row = self.connect()?.query_one("show server_version", &[]);
        let text: String = row.map_err(failed)?.get(0);
        let version = text.split_whitespace().next().unwrap_or("?");
        Ok(format!("PostgreSQL {version}"))
    }

    fn start(setup: &Setup) -> Result<Self, BenchError> {
        let bin = binaries().ok_or_else(|| {
            failed("no server programs below /usr/lib/postgresql; give a server with `--postgres`")
        })?;
        (setup.say)("starting a private PostgreSQL");
        let dir = setup.inside("postgres");
        std::fs::create_dir_all(&dir).map_err(of_folder(&dir))?;
        let user = other_user(&dir)?;
        let mut private = Private {
            bin,
            data: dir.join("data"),
            user,
            running: None,
        };
        private.run(
            "initdb",
            &["-A", "trust", "-U", "bench", "-E", "UTF8", "--locale=C"],
        )?;
        let mut server = private.command("postgres");
        server.args(["-c", "listen_addresses=", "-k"]).arg(&dir);
        private.running = Some(server.spawn().map_err(failed)?);
        let server = Self {
            address: format!("host={} user=bench dbname=postgres", dir.display()),
            private: Some(private),
        };
        server.wait()?;
        Ok(server)
    }

    /// Until it answers, at most half a minute.
    fn wait(&self) -> Result<(), BenchError> {
        let began = Instant::now();
        loop {
            match self.connect() {
                Ok(_) => return Ok(()),
                Err(error) if began.elapsed() > PATIENCE => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(private) = &mut self.private
            && let Some(mut running) = private.running.take()
        {
            // What it leaves goes with the folder. Where it can't be asked to end, it must be made to.
            if private.run("pg_ctl", &["stop", "-m", "immediate"]).is_err() {
                let _killed = running.kill();
            }
            let _ended = running.wait();
        }
    }
}

impl Private {
    /// One of its programs, for its folder and as its user. It stays in our process group, so that an interrupt from the
    /// keyboard ends it too.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command.arg("-D").arg(&self.data).current_dir("/");
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::null());
        if let Some(user) = self.user {
            command.uid(user.number).gid(user.group);
        }
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<(), BenchError> {
        let ended = self.command(program).args(arguments).status();
        let ended = ended.map_err(failed)?;
        if ended.success() {
            Ok(())
        } else {
            Err(failed(format!("`{program}` ended with {ended}")))
        }
    }
}

/// The newest server below the folder of Debian's packages.
fn binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let bins = versions.flatten().map(|version| version.path().join("bin"));
    bins.filter(|bin| bin.join("initdb").exists()).max()
}

/// Where we are root: the user `postgres` or `nobody`, who is given the folder.
fn other_user(dir: &Path) -> Result<Option<User>, BenchError> {
    use std::os::unix::fs::MetadataExt as _;
    let owner = std::fs::metadata(dir).map_err(of_folder(dir))?.uid();
    if owner != 0 {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd").map_err(failed)?;
    let find = |name: &str| {
        let line = users
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        let number = fields.next()?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        Some(User { number, group })
    };
    let user = find("postgres")
        .or_else(|| find("nobody"))
        .ok_or_else(|| failed("it does not run as root, and there is no user `postgres`"))?;
    chown(dir, Some(user.number), Some(user.group)).map_err(of_folder(dir))?;
    Ok(Some(user))
}

/// A table of rows: one row by a prepared insert, more of them by a binary copy, which is its quickest way in.
pub(super) struct Rows {
    client: Client,
    insert: Statement,
    copy: Statement,
    version: String,
    _server: Server,
}

/// What a binary copy begins with: its signature, no flags, no further head.
const COPY_HEAD: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
const COPY_END: &[u8] = &[0xFF; 2];

impl Rows {
    pub(super) fn new(server: Server) -> Result<Self, BenchError> {
        let mut client = server.connect()?;
        make_table(&mut client)?;
        let mut prepare = |text| client.prepare(text).map_err(failed);
        let insert = prepare("insert into bench_rows values ($1, $2)")?;
        let copy = prepare("copy bench_rows from stdin (format binary)")?;
        Ok(Self {
            client,
            insert,
            copy,
            version: server.version()?,
            _server: server,
        })
    }

    fn copy(&mut self, first: i64, rows: &[&[u8]]) -> Result<(), BenchError> {
        let mut bytes = COPY_HEAD.to_vec();
        for (number, row) in (first..).zip(rows) {
            let length = u32::try_from(row.len()).map_err(failed)?;
            bytes.extend_from_slice(&[0, 2, 0, 0, 0, 8]);
            bytes.extend_from_slice(&number.to_be_bytes());
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(row);
        }
        bytes.extend_from_slice(COPY_END);
        let mut writer = self.client.copy_in(&self.copy).map_err(failed)?;
        writer.write_all(&bytes).map_err(failed)?;
        writer.finish().map(drop).map_err(failed)
    }
}

fn make_table(client: &mut Client) -> Result<(), BenchError> {
    client
        .batch_execute(
            "drop table if exists bench_rows;
             create table bench_rows (number bigint primary key, row bytea not null);",
        )
        .map_err(failed)
}

impl Store for Rows {
    fn name(&self) -> String {
        format!("{} (insert, copy)", self.version)
    }

    fn append(&mut self, first: u64, rows: &[&[u8]]) -> Result<(), BenchError> {
        let first = i64::try_from(first).map_err(failed)?;
        let [row] = rows else {
            return self.copy(first, rows);
        };
        self.client
            .execute(&self.insert, &[&first, row])
            .map(drop)
            .map_err(failed)
    }
}

/// Clients with a connection each, one row a transaction.
pub(super) struct Clients {
    connections: Vec<(Client, Statement)>,
    next: i64,
    pub(super) version: String,
    _server: Server,
}

impl Clients {
    pub(super) fn new(server: Server, most: usize) -> Result<Self, BenchError> {
        make_table(&mut server.connect()?)?;
        let connect = |_| {
            let mut client = server.connect()?;
            let insert = client
                .prepare("insert into bench_rows values ($1, $2)")
                .map_err(failed)?;
            Ok((client, insert))
        };
        let connections: Result<_, BenchError> = (0..most).map(connect).collect();
        Ok(Self {
            connections: connections?,
            next: 0,
            version: server.version()?,
            _server: server,
        })
    }

    /// Lets `clients` insert `each` rows, one after the other each, and gives the times of all answers.
    pub(super) fn run(
        &mut self,
        clients: usize,
        each: usize,
        row: &[u8],
    ) -> Result<super::contest::Waits, BenchError> {
        let first = self.next;
        let rows = i64::try_from(each).map_err(failed)?;
        self.next += rows * i64::try_from(clients).map_err(failed)?;
        let mut all = super::contest::Waits::default();
        std::thread::scope(|scope| {
            let begins = (0..).map(|client: i64| first + client * rows);
            let running: Vec<_> = begins
                .zip(self.connections.iter_mut().take(clients))
                .map(|(first, (client, insert))| {
                    scope.spawn(move || {
                        let mut waits = super::contest::Waits::default();
                        for number in first..first + rows {
                            let began = Instant::now();
                            client.execute(&*insert, &[&number, &row]).map_err(failed)?;
                            waits.add(began.elapsed());
                        }
                        Ok(waits)
                    })
                })
                .collect();
            for one in running {
                let waits: Result<_, BenchError> = one
                    .join()
                    .unwrap_or(Err(BenchError::Wrong("a client panicked")));
                all.extend(waits?);
            }
            Ok(all)
        })
    }
}
