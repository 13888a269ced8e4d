//! The guard's route over real sockets: 64 clients that each wait for their verdicts, which are durable before they are told,
//! beside the same server that answers a constant.

use super::{rules, world};
use crate::bench::contest::{Contest, Waits, per_second, timed};
use crate::bench::feed::{http, http_answer, of_socket};
use crate::bench::ledger::{self, turn};
use crate::bench::{BenchError, Figure, Setup, of_folder};
use crate::edges::{Desk, EdgeError, Edges, NewIdentity, Sequenced, add_token, read_settings};
use crate::installation::{Installation, Running};
use crate::journal::keys::{self, KeyFile};
use crate::journal::layout;
use axum::Router;
use axum::body::Bytes;
use axum::http::header;
use axum::routing::post;
use keepwhole_core::book::MovementKind;
use keepwhole_core::command::Body;
use keepwhole_core::price::{NewPrice, ONE};
use keepwhole_core::registry::{Asset, Tier, Wallet};
use keepwhole_core::transfer::{BATCH_ROWS, TransferBatch, TransferRow};
use keepwhole_edge::server::serve;
use serde_json::json;
use std::io::{self, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Who the log says it is.
const ORIGIN: &str = "keepwhole.local/bench";
/// Clients, each with a connection of its own that it keeps.
const CLIENTS: u32 = 64;
const CUSTOMERS: u32 = 10_000;
const WALLETS: u32 = 16;
/// Requests of each client in a round.
const EACH: u32 = 200;
/// The same in a measurement of few customers, which only shows that all of it works.
const EACH_OF_FEW: u32 = 10;
/// From so many customers on it is no such measurement.
const MANY: u32 = 100_000;
/// The settings of the service, with nothing that holds back a client that asks as fast as it can.
const SETTINGS: &str = "version = 1\n[api]\nlisten = \"127.0.0.1:0\"\nrequests_per_second = 100000\n\
     requests_per_second_each = 100000\nconnections = 256\n";
/// As long as a verdict.
const CONSTANT: &str = "{\"decision_id\":\"00000000-0000-4000-8000-000000000000\",\"expires_at\":\"2026-05-01T00:00:00Z\",\
     \"needs\":[],\"outcome\":\"cleared\",\"reasons\":[],\"repeated\":false}\n";

pub(super) fn measure(setup: &Setup, notes: &mut Vec<String>) -> Result<Vec<Figure>, BenchError> {
    (setup.say)("guard: an installation for the route over HTTP");
    let made = installed(setup)?;
    let dir = made.dir.clone();
    let place = dir.join("keepwhole.toml");
    std::fs::write(&place, SETTINGS).map_err(of_folder(&place))?;
    let token = token(&dir)?;
    let settings = read_settings(&dir)?;
    let served = ledger::served(made);
    let intake = Arc::new(Sequenced::new(served.handle(), served.reader()));
    let desk = Arc::new(desk(&dir, &served)?);
    let edges = Edges::start(&dir, &settings, intake, Some(desk), Arc::new(|_| {}))?;
    let constant = Constant::start()?;
    let figures = match edges.api {
        Some(api) => rounds(setup, [api, constant.address], &token),
        None => Err(BenchError::Wrong("the interface did not open")),
    };
    constant.stop();
    edges.stop();
    served.stop()?;
    notes.push(format!(
        "HTTP: {CLIENTS} clients at once, each with one connection, a token and an idempotency key; {CUSTOMERS} customers, the \
         same policy, every request cleared and durable before it is answered; no rules of authority; the constant is \
         answered by the same server to the same requests; clients and servers share the machine"
    ));
    figures
}

fn token(dir: &Path) -> Result<String, BenchError> {
    let until = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let new = NewIdentity {
        name: "bench",
        scope: "guard",
        until: until.date().saturating_add(jiff::Span::new().days(1)),
        certificate: None,
        token: true,
    };
    let token = add_token(dir, &new).map_err(EdgeError::from)?;
    Ok(token.unwrap_or_default())
}

fn desk(dir: &Path, served: &Running) -> Result<Desk, BenchError> {
    let key = if dir.join(layout::GUARD_KEY).exists() {
        keys::load(dir, KeyFile::Guard, ORIGIN)?
    } else {
        keys::create(dir, KeyFile::Guard, ORIGIN)?
    };
    Desk::new(served.reader(), key).map_err(of_folder(dir))
}

/// An exchange of the same assets and policy, whose customers deposited ten days ago.
fn installed(setup: &Setup) -> Result<Installation, BenchError> {
    let mut made = Installation::create(&setup.inside("guard"), ORIGIN)?;
    let mut tell = |body| turn(&mut made, ledger::command(body));
    for number in 0..=world::COINS {
        tell(Body::RegisterAsset(Asset {
            id: format!("A{number}"),
            decimals: if number == 0 { 0 } else { 8 },
            network: (number > 0).then(|| format!("eip155:{number}")),
            confirmations: 1,
        }))?;
    }
    let mut holdings = Vec::new();
    for number in 0..WALLETS {
        let id = format!("hot-{number}");
        holdings.push((id.clone(), "A1".to_owned(), 1 << 60));
        tell(Body::RegisterWallet(Wallet {
            id,
            tier: Tier::Hot,
            address: format!("0xwallet{number}"),
        }))?;
    }
    tell(Body::DeclareHoldings(holdings))?;
    let mut owners = vec!["house".to_owned()];
    owners.extend((0..CUSTOMERS).map(world::name));
    for some in owners.chunks(4_000) {
        tell(Body::RegisterOwners(some.to_vec()))?;
    }
    let numbers: Vec<u32> = (0..CUSTOMERS).collect();
    let effective = ledger::now().saturating_sub(10 * world::DAY);
    for some in numbers.chunks(BATCH_ROWS) {
        let mut batch = TransferBatch::new();
        for number in some {
            batch.push(&TransferRow {
                id: &format!("deposit-{number}"),
                from: "outside",
                to: &world::name(*number),
                asset: "A1",
                units: 1 << 40,
                kind: MovementKind::Deposit,
                effective,
            })?;
        }
        tell(Body::RecordTransfers(batch))?;
    }
    for price in [100_000_000, 100_500_000] {
        tell(Body::RecordPrices(vec![NewPrice {
            base: "A1".to_owned(),
            quote: "A0".to_owned(),
            price: price * ONE,
            as_of: ledger::now(),
            source: "bench".to_owned(),
        }]))?;
    }
    tell(Body::AdoptPolicy(Box::new(rules::policy())))?;
    Ok(made)
}

fn rounds(
    setup: &Setup,
    [guard, constant]: [SocketAddr; 2],
    token: &str,
) -> Result<Vec<Figure>, BenchError> {
    let case = |what: &str| format!("HTTP, {CLIENTS} clients{what}");
    let mut rates = Contest::new(case(""), "requests/s");
    let mut half = Contest::new(case(", p50 (less is better)"), "µs");
    let mut most = Contest::new(case(", p99 (less is better)"), "µs");
    let each = if setup.customers < MANY {
        EACH_OF_FEW
    } else {
        EACH
    };
    for round in 1..=setup.rounds {
        (setup.say)(&format!("guard: HTTP, round {round}"));
        for (who, address) in [
            ("keepwhole", guard),
            ("the same server, a constant", constant),
        ] {
            let (mut waits, took) = run(address, token, round, each)?;
            rates.add(who, per_second(u64::from(CLIENTS * each), took));
            half.add(who, waits.at(500));
            most.add(who, waits.at(990));
        }
    }
    let all = rates.figures().chain(half.figures());
    Ok(all.chain(most.figures()).collect())
}

/// All clients at once.
fn run(
    address: SocketAddr,
    token: &str,
    round: usize,
    each: u32,
) -> Result<(Waits, Duration), BenchError> {
    let mut clients = Vec::new();
    for client in 0..CLIENTS {
        let numbers = client * each..(client + 1) * each;
        let requests: Vec<Vec<u8>> = numbers.map(|n| request(token, round, n)).collect();
        clients.push((of_socket(http(address))?, requests));
    }
    timed(|| {
        std::thread::scope(|scope| {
            let ask = |(mut stream, requests): (std::net::TcpStream, Vec<Vec<u8>>)| {
                move || -> io::Result<Waits> {
                    let mut waits = Waits::default();
                    let mut answers = BufReader::new(stream.try_clone()?);
                    for request in &requests {
                        let began = Instant::now();
                        stream.write_all(request)?;
                        let answer = http_answer(&mut answers)?;
                        waits.add(began.elapsed());
                        cleared(&answer)?;
                    }
                    Ok(waits)
                }
            };
            let running: Vec<_> = clients
                .into_iter()
                .map(|one| scope.spawn(ask(one)))
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

fn cleared(answer: &[u8]) -> io::Result<()> {
    let told = String::from_utf8_lossy(answer);
    if told.contains("\"outcome\":\"cleared\"") {
        return Ok(());
    }
    Err(io::Error::other(told.into_owned()))
}

fn request(token: &str, round: usize, n: u32) -> Vec<u8> {
    let id = format!("{round:08x}-0000-4000-8000-{n:012x}");
    let body = json!({
        "id": id,
        "customer": world::name(n % CUSTOMERS),
        "wallet": format!("hot-{}", n % WALLETS),
        "asset": "A1",
        "amount": (n % 40_000 + 1).to_string(),
        "to": world::destination(n % CUSTOMERS),
        "max_fee": "2100000",
    })
    .to_string();
    let head = format!(
        "POST /v1/guard/withdrawals HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\nidempotency-key: {id}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head, body].concat().into_bytes()
}

/// The same server without the product behind it.
struct Constant {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Constant {
    fn start() -> Result<Self, BenchError> {
        let failed = |error: io::Error| BenchError::Answered(error.to_string());
        let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        // As many threads as the edges have.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(failed)?;
        let answer = |_body: Bytes| async {
            let headers = [
                (header::CONTENT_TYPE, "application/json"),
                (header::CACHE_CONTROL, "no-store"),
            ];
            (headers, CONSTANT)
        };
        let router = Router::new().route("/v1/guard/withdrawals", post(answer));
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let stopped = async {
                let _told_or_gone = stopped.await;
            };
            // What ends it early shows at its clients.
            let _served = runtime.block_on(serve(listener, router, 256, stopped));
        });
        Ok(Self {
            address,
            stop,
            thread,
        })
    }

    fn stop(self) {
        // Where it ended already nobody is there to be told, and its panic was printed where it happened.
        let _ended = self.stop.send(());
        let _joined = self.thread.join();
    }
}
