//! NATS JetStream with a file store that syncs always: a private server of one replica, over TCP. Rows go in atomic batches
//! of at most a thousand (ADR-50 of the NATS project), all batches of an append at once.

use super::store::Store;
use super::{BenchError, Setup, of_folder};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for the server to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Messages of an atomic batch at most.
const BATCH: usize = 1_000;
/// The subject that is told how each publish went.
const INBOX: &str = "bench.inbox";
const STREAM: &[u8] =
    br#"{"name":"ROWS","subjects":["rows"],"storage":"file","num_replicas":1,"allow_atomic":true}"#;

fn failed(error: impl std::fmt::Display) -> BenchError {
    BenchError::Peer {
        who: "NATS",
        what: error.to_string(),
    }
}

/// A stream on a server that ends with it.
pub(super) struct Nats {
    name: String,
    wire: Wire,
    batches: u64,
    _server: Server,
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _killed = self.0.kill();
        let _ended = self.0.wait();
    }
}

impl Nats {
    /// Starts the program of `--nats` and makes a stream.
    pub(super) fn start(setup: &Setup, program: &Path) -> Result<Self, BenchError> {
        (setup.say)("starting a private NATS");
        let dir = setup.inside("nats");
        std::fs::create_dir_all(&dir).map_err(of_folder(&dir))?;
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let address = free.map_err(failed)?.to_string();
        let config = dir.join("nats.conf");
        let store = dir.display();
        let text = format!(
            "listen: \"{address}\"\njetstream {{ store_dir: \"{store}\", sync_interval: always, max_file_store: 1TB }}\n"
        );
        std::fs::write(&config, text).map_err(of_folder(&config))?;
        let child = Command::new(program)
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed(format!("`{}`: {error}", program.display())))?;
        let mut server = Server(child);
        let (mut wire, version) = server.connect(&address)?;
        wire.publish("$JS.API.STREAM.CREATE.ROWS", STREAM)?;
        let made = wire.told()?;
        if made.contains("\"error\"") {
            return Err(failed(made));
        }
        Ok(Self {
            name: format!("NATS {version} (JetStream R1, sync always, atomic batches)"),
            wire,
            batches: 0,
            _server: server,
        })
    }
}

impl Server {
    /// Until it answers, at most half a minute.
    fn connect(&mut self, address: &str) -> Result<(Wire, String), BenchError> {
        let began = Instant::now();
        loop {
            if let Some(ended) = self.0.try_wait().map_err(failed)? {
                return Err(failed(format!("the server ended with {ended}")));
            }
            match TcpStream::connect(address) {
                Ok(socket) => return Wire::greet(socket),
                Err(error) if began.elapsed() > PATIENCE => return Err(failed(error)),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }
}

/// A connection, in the text protocol of NATS clients.
struct Wire {
    from: BufReader<TcpStream>,
    to: TcpStream,
}

impl Wire {
    fn greet(socket: TcpStream) -> Result<(Self, String), BenchError> {
        socket.set_nodelay(true).map_err(failed)?;
        socket.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
        let to = socket.try_clone().map_err(failed)?;
        let mut wire = Self {
            from: BufReader::new(socket),
            to,
        };
        let info = wire.line()?;
        let version = info.split("\"version\":\"").nth(1);
        let version = version.and_then(|rest| rest.split('"').next());
        let version = version.unwrap_or("?").to_owned();
        let greeting = format!(
            "CONNECT {{\"verbose\":false,\"headers\":true,\"no_responders\":true}}\r\nSUB {INBOX} 1\r\n"
        );
        wire.to.write_all(greeting.as_bytes()).map_err(failed)?;
        Ok((wire, version))
    }

    fn line(&mut self) -> Result<String, BenchError> {
        let mut line = String::new();
        if self.from.read_line(&mut line).map_err(failed)? == 0 {
            return Err(failed("the server closed the connection"));
        }
        Ok(line)
    }

    fn publish(&mut self, subject: &str, bytes: &[u8]) -> Result<(), BenchError> {
        let mut all = format!("PUB {subject} {INBOX} {}\r\n", bytes.len()).into_bytes();
        all.extend_from_slice(bytes);
        all.extend_from_slice(b"\r\n");
        self.to.write_all(&all).map_err(failed)
    }

    /// The next message to our inbox.
    fn told(&mut self) -> Result<String, BenchError> {
        loop {
            let line = self.line()?;
            if line.starts_with("PING") {
                self.to.write_all(b"PONG\r\n").map_err(failed)?;
            } else if line.starts_with("MSG") || line.starts_with("HMSG") {
                let length = line.split_whitespace().last();
                let length: Option<usize> = length.and_then(|length| length.parse().ok());
                let length = length.ok_or_else(|| failed(format!("it sent `{}`", line.trim())))?;
                let mut bytes = vec![0; length + 2];
                self.from.read_exact(&mut bytes).map_err(failed)?;
                return Ok(String::from_utf8_lossy(&bytes).into_owned());
            } else if line.starts_with("-ERR") {
                return Err(failed(line.trim()));
            }
        }
    }
}

impl Store for Nats {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn append(&mut self, _first: u64, rows: &[&[u8]]) -> Result<(), BenchError> {
        let mut wanted = 0;
        if let [row] = rows {
            self.wire.publish("rows", row)?;
            wanted = 1;
        } else {
            let mut all = Vec::new();
            for batch in rows.chunks(BATCH) {
                self.batches += 1;
                wanted += 1;
                put_batch(&mut all, self.batches, batch);
            }
            self.wire.to.write_all(&all).map_err(failed)?;
        }
        for _ in 0..wanted {
            let told = self.wire.told()?;
            if !told.contains("\"seq\"") {
                return Err(failed(told.trim()));
            }
        }
        Ok(())
    }
}

/// One atomic batch: its last message commits it, and only that one is answered.
fn put_batch(all: &mut Vec<u8>, batch: u64, rows: &[&[u8]]) {
    for (number, row) in (1..).zip(rows) {
        let last = number == rows.len();
        let commit = if last { "Nats-Batch-Commit: 1\r\n" } else { "" };
        let head = format!(
            "NATS/1.0\r\nNats-Batch-Id: b{batch}\r\nNats-Batch-Sequence: {number}\r\n{commit}\r\n"
        );
        let inbox = if last { INBOX } else { "" };
        let (length, whole) = (head.len(), head.len() + row.len());
        let line = format!("HPUB rows {inbox} {length} {whole}\r\n");
        all.extend_from_slice(line.as_bytes());
        all.extend_from_slice(head.as_bytes());
        all.extend_from_slice(row);
        all.extend_from_slice(b"\r\n");
    }
}
