//! A real RabbitMQ of our own on loopback, ended with the test; `None`, loudly, where the program is not installed.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

pub(crate) struct Broker {
    child: Child,
    pub(crate) uri: String,
    _dir: tempfile::TempDir,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

impl Broker {
    pub(crate) fn start() -> Option<Self> {
        if !Path::new(PROGRAM).exists() {
            println!("SKIPPED: no RabbitMQ here; `apt-get install rabbitmq-server` for this test");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("plugins"), "[].\n").unwrap();
        fs::write(at("rabbitmq.conf"), "loopback_users = none\n").unwrap();
        let (port, distribution) = (free_port(), free_port());
        // A group of its own: the script starts the machine as its child, and both must end.
        let child = Command::new(PROGRAM)
            .process_group(0)
            .env("HOME", dir.path())
            .env("RABBITMQ_NODENAME", format!("keepwhole{port}@localhost"))
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", port.to_string())
            .env("RABBITMQ_DIST_PORT", distribution.to_string())
            .env("RABBITMQ_MNESIA_BASE", at("mnesia"))
            .env("RABBITMQ_LOG_BASE", at("log"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", at("plugins"))
            .env("RABBITMQ_CONFIG_FILE", at("rabbitmq"))
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .stdin(Stdio::null())
            .stdout(fs::File::create(at("out")).unwrap())
            .stderr(fs::File::create(at("err")).unwrap())
            .spawn()
            .unwrap();
        let mut broker = Self {
            child,
            uri: format!("amqp://guest:guest@127.0.0.1:{port}/%2f"),
            _dir: dir,
        };
        let start = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = broker.child.try_wait().unwrap();
            assert!(
                ended.is_none(),
                "the broker ended: {}",
                fs::read_to_string(broker._dir.path().join("err")).unwrap()
            );
            assert!(
                start.elapsed() < Duration::from_secs(120),
                "the broker does not listen"
            );
            std::thread::sleep(Duration::from_millis(200));
        }
        Some(broker)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        let _ended = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ended = self.child.wait();
    }
}
