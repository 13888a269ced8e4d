//! The unix-socket feed as the exchange's ledger uses it.

use crate::abuse::resident_kib;
use crate::intake::{Mood, Watched};
use keepwhole_core::book::MovementKind;
use keepwhole_core::transfer::{TransferBatch, TransferRow};
use keepwhole_edge::Intake;
use keepwhole_edge::feed::{Bounds, Feed, FeedError, REQUEST_MAX, TRANSFERS};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

struct Server {
    path: PathBuf,
    intake: Arc<Watched>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _dir: tempfile::TempDir,
}

impl Server {
    fn start(in_flight: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("feed.sock");
        let intake = Arc::new(Watched::new());
        let asked: Arc<dyn Intake> = Arc::clone(&intake) as _;
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (bound, ready) = std::sync::mpsc::channel();
        let socket = path.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let feed = Feed::bind(&socket).unwrap();
                bound.send(()).unwrap();
                let bounds = Bounds {
                    connections: 4,
                    in_flight,
                    patience: Duration::from_millis(700),
                };
                feed.serve(asked, bounds, async { drop(stopped.await) })
                    .await;
            });
        });
        ready.recv().unwrap();
        Self {
            path,
            intake,
            stop: Some(stop),
            thread: Some(thread),
            _dir: dir,
        }
    }

    fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(&self.path).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        drop(self.thread.take().map(JoinHandle::join));
    }
}

fn rows(id: &str) -> Vec<u8> {
    let mut batch = TransferBatch::new();
    let row = TransferRow {
        id,
        from: "outside",
        to: "customer-1",
        asset: "BTC",
        units: 5,
        kind: MovementKind::Deposit,
        effective: 1,
    };
    batch.push(&row).unwrap();
    batch.as_bytes().to_vec()
}

fn request(id: u8, rows: &[u8]) -> Vec<u8> {
    let mut out = u32::try_from(17 + rows.len())
        .unwrap()
        .to_le_bytes()
        .to_vec();
    out.push(TRANSFERS);
    out.extend([id; 16]);
    out.extend(rows);
    out
}

fn answer(stream: &mut UnixStream) -> (u8, u8, String) {
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut rest = vec![0; usize::try_from(u32::from_le_bytes(length)).unwrap()];
    stream.read_exact(&mut rest).unwrap();
    assert!(rest[..16].iter().all(|byte| *byte == rest[0]));
    (
        rest[0],
        rest[16],
        String::from_utf8(rest[17..].to_vec()).unwrap(),
    )
}

#[test]
fn many_batches_are_on_the_way_at_once_and_each_is_answered() {
    let server = Server::start(16);
    let mut stream = server.connect();
    for id in 1..=50 {
        stream
            .write_all(&request(id, &rows(&format!("t-{id}"))))
            .unwrap();
    }
    for id in 1..=50 {
        assert_eq!(answer(&mut stream), (id, 0, String::new()));
    }
    stream.write_all(&request(1, &rows("t-1"))).unwrap();
    assert_eq!(
        answer(&mut stream),
        (1, 0, String::new()),
        "a repeat is recorded already"
    );
    stream.write_all(&request(1, &rows("t-99"))).unwrap();
    assert_eq!(
        answer(&mut stream),
        (1, 1, r#"{"code":"duplicate_id"}"#.to_owned())
    );
    assert_eq!(server.intake.taken.lock().unwrap().len(), 50);
    assert_eq!(
        server.intake.taken.lock().unwrap()[0].id.as_deref(),
        Some("feed/01010101010101010101010101010101")
    );
}

#[test]
fn what_is_no_request_ends_the_connection_with_a_reason() {
    let server = Server::start(16);
    let cases: Vec<(Vec<u8>, u8, &str)> = vec![
        (5u32.to_le_bytes().to_vec(), 0, "a request of `5` bytes"),
        (u32::MAX.to_le_bytes().to_vec(), 0, "it has 17 to 4194304"),
        (
            {
                let mut other = request(7, &rows("t"));
                other[4] = 9;
                other
            },
            7,
            "a request of kind `9`",
        ),
        (request(7, b"no rows"), 7, ""),
    ];
    assert_eq!(REQUEST_MAX, 4_194_304);
    for (bytes, id, says) in cases {
        let mut stream = server.connect();
        stream.write_all(&bytes).unwrap();
        let (given, outcome, text) = answer(&mut stream);
        assert_eq!((given, outcome), (id, 2), "{text}");
        assert!(text.contains(says) && !text.is_empty(), "{text}");
        assert_eq!(
            stream.read(&mut [0; 1]).unwrap(),
            0,
            "the connection goes on"
        );
    }
    assert!(server.intake.taken.lock().unwrap().is_empty());
}

#[test]
fn a_caller_that_does_not_wait_is_no_longer_read() {
    let server = Server::start(2);
    server.intake.set(Mood::Silent);
    let mut stream = server.connect();
    for id in 1..=5 {
        stream
            .write_all(&request(id, &rows(&format!("t-{id}"))))
            .unwrap();
    }
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(
        server.intake.waiting.lock().unwrap().len(),
        2,
        "more than two are on the way"
    );
    server.intake.set(Mood::Busy);
    for done in server.intake.waiting.lock().unwrap().drain(..) {
        done(Err(keepwhole_edge::NoReply::Stopped));
    }
    let mut outcomes: Vec<(u8, u8)> = (0..5)
        .map(|_| answer(&mut stream))
        .map(|(id, outcome, _)| (id, outcome))
        .collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes, [(1, 4), (2, 4), (3, 3), (4, 3), (5, 3)]);
}

/// Row 26: its answers wait, and nothing else does; what it does not read takes no memory; then it is let go, and what was
/// recorded for it is there under the same ids.
#[test]
fn row_26_a_reader_that_stops_holds_nobody_and_is_let_go() {
    let server = Server::start(8);
    let before = resident_kib();
    let mut stalled = server.connect();
    let began = Instant::now();
    let sender = std::thread::spawn(move || {
        let mut sent = 0u32;
        for id in (1..=200u8).cycle() {
            if stalled
                .write_all(&request(id, &rows(&format!("t-{id}"))))
                .is_err()
            {
                break;
            }
            sent += 1;
        }
        sent
    });
    // Others are answered meanwhile, each at once.
    let mut other = server.connect();
    let mut worst = Duration::ZERO;
    while !sender.is_finished() {
        let asked = Instant::now();
        other.write_all(&request(201, &rows("t-201"))).unwrap();
        assert_eq!(answer(&mut other), (201, 0, String::new()));
        worst = worst.max(asked.elapsed());
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "it is not let go"
        );
    }
    assert!(worst < Duration::from_secs(2), "another waited {worst:?}");
    assert!(sender.join().unwrap() > 200);
    assert!(resident_kib() < before + 32 * 1024);
    let mut again = server.connect();
    for id in 1..=200 {
        let bytes = request(id, &rows(&format!("t-{id}")));
        again.write_all(&bytes).unwrap();
        assert_eq!(answer(&mut again), (id, 0, String::new()));
    }
    let taken = server.intake.taken.lock().unwrap();
    assert_eq!(taken.len(), 201, "each is recorded once");
}

#[test]
fn row_26_one_connection_too_many_is_told_so() {
    let server = Server::start(8);
    let mut held: Vec<_> = (0..4).map(|_| server.connect()).collect();
    for (id, stream) in (1..).zip(&mut held) {
        stream.write_all(&request(id, &rows("t"))).unwrap();
        answer(stream);
    }
    let mut fifth = server.connect();
    let (id, outcome, text) = answer(&mut fifth);
    assert_eq!((id, outcome), (0, 3), "{text}");
    assert!(text.starts_with("`4` connections are open"), "{text}");
    assert_eq!(fifth.read(&mut [0; 1]).unwrap(), 0);
    drop(held.pop());
    // The place is free once the server has seen that the caller left.
    let free = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        let mut next = server.connect();
        next.write_all(&request(9, &rows("t-9"))).is_ok() && answer(&mut next).1 == 0
    });
    assert!(free);
}

#[test]
fn the_socket_is_of_its_owner_alone_and_takes_nobodys_place() {
    let server = Server::start(2);
    let mode = std::fs::metadata(&server.path)
        .unwrap()
        .permissions()
        .mode()
        & 0o777;
    assert_eq!(mode, 0o600);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let bind = |path: &Path| runtime.block_on(async { Feed::bind(path).map(drop) });
    assert!(matches!(bind(&server.path), Err(FeedError::InUse { .. })));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("letters");
    std::fs::write(&file, "dear").unwrap();
    assert!(matches!(bind(&file), Err(FeedError::NotASocket { .. })));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "dear");
    let left = dir.path().join("left.sock");
    drop(std::os::unix::net::UnixListener::bind(&left).unwrap());
    bind(&left).unwrap();
}
