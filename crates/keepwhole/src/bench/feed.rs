//! Ways in for the exchange's programs, through the real edges of a running service: one transfer a request over HTTP,
//! batches over HTTP, and the unix-socket feed.

use super::contest::{Contest, Report, Waits, per_second, timed};
use super::ledger::{self, Draw};
use super::{BenchError, Figure, Setup, of_folder};
use crate::edges::{EdgeError, Edges, NewIdentity, Sequenced, add_token, read_settings};
use keepwhole_books::value::rfc3339;
use keepwhole_core::command::Body;
use std::fmt::Write as _;
use std::io::{self, BufRead as _, BufReader, Read as _, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Accounts of the ledger.
const ACCOUNTS: u32 = 10_000;
/// Clients, each with a connection of its own that it keeps.
const CLIENTS: u32 = 8;
/// Longest silence before a client gives up.
const PATIENCE: Duration = Duration::from_secs(60);
/// The settings of the service: those of docs/edges.md, with nothing that holds back a client that asks as fast as it can.
const SETTINGS: &str = "version = 1\n[api]\nlisten = \"127.0.0.1:0\"\nrequests_per_second = 100000\n\
     requests_per_second_each = 100000\n[feed]\nsocket = \"feed.sock\"\n";
/// What everything is held against.
const SINGLE: Way = Way {
    name: "HTTP, 1 a request",
    rows: 1,
    each: 250,
    through: Through::Http,
};
/// The others.
const WAYS: [Way; 6] = [
    Way {
        name: "HTTP, 100 a request",
        rows: 100,
        each: 40,
        through: Through::Http,
    },
    Way {
        name: "HTTP, 1,000 a request",
        rows: 1_000,
        each: 10,
        through: Through::Http,
    },
    Way {
        name: "feed, 1 a request, answers waited for",
        rows: 1,
        each: 250,
        through: Through::Feed { depth: 1 },
    },
    Way {
        name: "feed, 1 a request, 16 on the way",
        rows: 1,
        each: 1_000,
        through: Through::Feed { depth: 16 },
    },
    Way {
        name: "feed, 100 a request, 16 on the way",
        rows: 100,
        each: 100,
        through: Through::Feed { depth: 16 },
    },
    Way {
        name: "feed, 1,000 a request, 16 on the way",
        rows: 1_000,
        each: 20,
        through: Through::Feed { depth: 16 },
    },
];

/// A way of telling the books.
#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    /// Rows of a request.
    rows: usize,
    /// Requests of each client in a round.
    each: usize,
    through: Through,
}

#[derive(Clone, Copy)]
enum Through {
    /// Each request waits for its answer.
    Http,
    /// So many requests of a connection wait for their answers.
    Feed { depth: usize },
}

/// Where the edges listen.
struct Doors {
    api: SocketAddr,
    feed: PathBuf,
    token: String,
}

/// Times of the answers, and of all together.
type Measured = (Waits, Duration);

pub(super) fn measure(setup: &Setup) -> Result<Report, BenchError> {
    let made = ledger::made(setup, "feed", ACCOUNTS)?;
    let dir = made.dir.clone();
    let place = dir.join("keepwhole.toml");
    std::fs::write(&place, SETTINGS).map_err(of_folder(&place))?;
    let until = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let until = until.date().saturating_add(jiff::Span::new().days(1));
    let new = NewIdentity {
        name: "bench",
        scope: "ledger",
        until,
        certificate: None,
        token: true,
    };
    let token = add_token(&dir, &new).map_err(EdgeError::from)?;
    let token = token.unwrap_or_default();
    let settings = read_settings(&dir)?;
    let served = ledger::served(made);
    let intake = Arc::new(Sequenced::new(served.handle(), served.reader()));
    let edges = Edges::start(&dir, &settings, intake, None, Arc::new(|_| {}))?;
    let figures = match (edges.api, edges.feed.clone()) {
        (Some(api), Some(feed)) => rounds(setup, &Doors { api, feed, token }),
        _ => Err(BenchError::Wrong("the edges did not open")),
    };
    edges.stop();
    served.stop()?;
    Ok(Report {
        title: "feed".to_owned(),
        figures: figures?,
        notes: notes(),
    })
}

fn notes() -> Vec<String> {
    vec![
        format!(
            "{CLIENTS} clients at once, each with one connection; every HTTP request has an idempotency key and a token, every \
             request of the feed an id; each is answered after its rows are durable"
        ),
        "clients, edges and service share the machine's cores and this process; requests are made before the clock starts"
            .to_owned(),
    ]
}

fn rounds(setup: &Setup, doors: &Doors) -> Result<Vec<Figure>, BenchError> {
    let mut draws = (0..CLIENTS).map(|lane| Draw::new(ACCOUNTS, lane)).collect();
    let mut alone = Contest::new(SINGLE.name, "transfers/s");
    let mut half = Contest::new(format!("{}, p50 (less is better)", SINGLE.name), "µs");
    let mut most = Contest::new(format!("{}, p99 (less is better)", SINGLE.name), "µs");
    let mut others: Vec<(Way, Contest)> = WAYS
        .iter()
        .map(|way| (*way, Contest::new(way.name, "transfers/s")))
        .collect();
    for round in 1..=setup.rounds {
        (setup.say)(&format!("feed: round {round}"));
        let (mut waits, took) = run(SINGLE, doors, &mut draws)?;
        let single = per_second(SINGLE.count(), took);
        alone.add("keepwhole", single);
        half.add("keepwhole", waits.at(500));
        most.add("keepwhole", waits.at(990));
        for (way, contest) in &mut others {
            let (_, took) = run(*way, doors, &mut draws)?;
            contest.add("keepwhole", per_second(way.count(), took));
            contest.add(SINGLE.name, single);
        }
    }
    let first = alone.figures().chain(half.figures()).chain(most.figures());
    let rest = others
        .into_iter()
        .flat_map(|(_, contest)| contest.figures());
    Ok(first.chain(rest).collect())
}

impl Way {
    /// Rows of all clients in a round.
    fn count(&self) -> u64 {
        u64::from(CLIENTS) * (self.rows * self.each) as u64
    }
}

/// All clients of one way, at once.
fn run(way: Way, doors: &Doors, draws: &mut Vec<Draw>) -> Result<Measured, BenchError> {
    let mut clients = Vec::new();
    for draw in draws {
        let requests: Result<Vec<Vec<u8>>, BenchError> =
            (0..way.each).map(|_| request(way, doors, draw)).collect();
        let door = match way.through {
            Through::Http => Door::Http(of_socket(http(doors.api))?),
            Through::Feed { depth } => Door::Feed(of_socket(feed(&doors.feed))?, depth),
        };
        clients.push((door, requests?));
    }
    timed(|| {
        std::thread::scope(|scope| {
            let running: Vec<_> = clients
                .into_iter()
                .map(|(door, requests)| scope.spawn(move || door.send(&requests)))
                .collect();
            let mut all = Waits::default();
            for one in running {
                let waits = one
                    .join()
                    .unwrap_or_else(|_| Err(io::Error::other("a client panicked")));
                all.extend(of_socket(waits)?);
            }
            Ok(all)
        })
    })
}

pub(super) fn of_socket<T>(outcome: io::Result<T>) -> Result<T, BenchError> {
    outcome.map_err(|error| BenchError::Answered(error.to_string()))
}

/// The bytes of one request.
fn request(way: Way, doors: &Doors, draw: &mut Draw) -> Result<Vec<u8>, BenchError> {
    let Body::RecordTransfers(batch) = draw.rows(way.rows)?.body else {
        return Err(BenchError::Wrong("the draw gave no transfers"));
    };
    // The first row's id is in no other request.
    let id = batch
        .rows()
        .next()
        .map(|row| row.id.to_owned())
        .unwrap_or_default();
    match way.through {
        Through::Http => {
            let mut body = String::from("{\"transfers\":[");
            for (place, row) in batch.rows().enumerate() {
                let comma = if place == 0 { "" } else { "," };
                // Writing to a string can't fail.
                let _always = write!(
                    body,
                    "{comma}{{\"id\":\"{}\",\"from\":\"{}\",\"to\":\"{}\",\"asset\":\"{}\",\"units\":\"{}\",\
                     \"kind\":\"trade\",\"effective\":\"{}\"}}",
                    row.id,
                    row.from,
                    row.to,
                    row.asset,
                    row.units,
                    rfc3339(row.effective)
                );
            }
            body.push_str("]}");
            let head = format!(
                "POST /v1/transfers HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
                 content-type: application/json\r\nidempotency-key: {id}\r\ncontent-length: {}\r\n\r\n",
                doors.token,
                body.len()
            );
            Ok([head, body].concat().into_bytes())
        }
        Through::Feed { .. } => {
            let rows = batch.as_bytes();
            let length = u32::try_from(17 + rows.len())
                .map_err(|_| BenchError::Wrong("a request is too long"))?;
            // The last 16 digits differ between requests of a client, the lane's digit between clients.
            let lane = id.as_bytes().get(4..6).unwrap_or_default();
            let number = id.as_bytes().get(12..26).unwrap_or_default();
            let mut bytes = length.to_le_bytes().to_vec();
            bytes.push(keepwhole_edge::feed::TRANSFERS);
            bytes.extend_from_slice(lane);
            bytes.extend_from_slice(number);
            bytes.extend_from_slice(rows);
            Ok(bytes)
        }
    }
}

/// A client's connection.
enum Door {
    Http(TcpStream),
    Feed(UnixStream, usize),
}

pub(super) fn http(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn feed(path: &Path) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

impl Door {
    /// Sends all requests; the time of each from the sending to its answer.
    fn send(self, requests: &[Vec<u8>]) -> io::Result<Waits> {
        let mut waits = Waits::default();
        match self {
            Self::Http(mut stream) => {
                let mut answers = BufReader::new(stream.try_clone()?);
                for request in requests {
                    let began = Instant::now();
                    stream.write_all(request)?;
                    http_answer(&mut answers)?;
                    waits.add(began.elapsed());
                }
            }
            Self::Feed(mut stream, depth) => {
                let mut answers = BufReader::new(stream.try_clone()?);
                let mut sent = std::collections::VecDeque::new();
                for request in requests {
                    if sent.len() >= depth {
                        feed_answer(&mut answers, &mut sent, &mut waits)?;
                    }
                    sent.push_back(Instant::now());
                    stream.write_all(request)?;
                }
                while !sent.is_empty() {
                    feed_answer(&mut answers, &mut sent, &mut waits)?;
                }
            }
        }
        Ok(waits)
    }
}

/// Reads one answer, which must be 200, and gives its body.
pub(super) fn http_answer(answers: &mut BufReader<TcpStream>) -> io::Result<Vec<u8>> {
    let (mut status, mut length) = (String::new(), 0_usize);
    answers.read_line(&mut status)?;
    let mut line = String::new();
    loop {
        line.clear();
        if answers.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    answers.read_exact(&mut body)?;
    if status.split(' ').nth(1) == Some("200") {
        return Ok(body);
    }
    Err(io::Error::other(format!(
        "{}: {}",
        status.trim_end(),
        String::from_utf8_lossy(&body)
    )))
}

/// Reads one answer, which must say recorded. Answers come in the order of the requests of their connection.
fn feed_answer(
    answers: &mut BufReader<UnixStream>,
    sent: &mut std::collections::VecDeque<Instant>,
    waits: &mut Waits,
) -> io::Result<()> {
    let mut length = [0; 4];
    answers.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    let mut answer = vec![0; length];
    answers.read_exact(&mut answer)?;
    if answer.get(16) != Some(&(keepwhole_edge::feed::Outcome::Recorded as u8)) {
        let text = answer.get(17..).unwrap_or_default();
        return Err(io::Error::other(String::from_utf8_lossy(text).into_owned()));
    }
    if let Some(began) = sent.pop_front() {
        waits.add(began.elapsed());
    }
    Ok(())
}
