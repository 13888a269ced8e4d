//! Keys, samples, clocks and a responder over a guard of the test's choice.

use crate::simulator::CoSigner;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keepwhole_cosigner::bitgo::request::Amounts;
use keepwhole_cosigner::bitgo::{Mode as BitGoMode, Names};
use keepwhole_cosigner::claims::Vendor;
use keepwhole_cosigner::fireblocks::Mode;
use keepwhole_cosigner::fireblocks::answer::Approvals;
use keepwhole_cosigner::fireblocks::request::WithdrawalId;
use keepwhole_cosigner::guard::http::Clock;
use keepwhole_cosigner::guard::{Ask, Guard, Later, Verdict};
use keepwhole_cosigner::keys::{AnswerKey, Purpose, RequestKey};
use keepwhole_cosigner::mapping::{Asset, Mapping, Network, Wallet};
use keepwhole_cosigner::responder::{BitGoSide, FireblocksSide, Incoming, Reply, Responder, User};
use keepwhole_cosigner::store::{Store, StoreError};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::time::{Duration, Instant};

/// 2026-11-18 in milliseconds.
pub(crate) const NOW: u64 = 1_795_000_000_000;
pub(crate) const SIGNER: &str = "0f6c5e3a-2f0b-4d0a-9a53-6a9d1a1c7a11";
pub(crate) const HOT: &str = "0x1111111111111111111111111111111111111111";
pub(crate) const DEST: &str = "0x5dC69B1Fbb13Bafd09af88a782F0F285772Ad5f8";

pub(crate) struct Rsa {
    pub(crate) private: String,
    pub(crate) public: String,
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    let body = lines.join("\n");
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

pub(crate) fn generate(size: KeySize) -> Rsa {
    use aws_lc_rs::signature::KeyPair as _;
    let pair = KeyPair::generate(size).unwrap();
    let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    Rsa {
        private: pem("PRIVATE KEY", private.as_ref()),
        public: pem("PUBLIC KEY", public.as_ref()),
    }
}

/// A few keys for the whole run: 0 the co-signer's, 1 ours for the user, 2 BitGo's, 3 ours at BitGo, 4 a stranger's.
pub(crate) fn rsa(number: usize) -> &'static Rsa {
    static KEYS: [OnceLock<Rsa>; 5] = [const { OnceLock::new() }; 5];
    KEYS[number].get_or_init(|| generate(KeySize::Rsa2048))
}

pub(crate) fn sample(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    let text = std::fs::read_to_string(path.join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

pub(crate) fn mapping() -> Mapping {
    let asset = |asset: &str, network: &str, decimals| Asset {
        asset: asset.to_owned(),
        network: network.to_owned(),
        decimals,
        per_hour: 50_000_000_000_000_000,
        automatic: 20_000_000_000_000_000,
        client: 20_000_000_000_000_000,
    };
    let eth = asset("eip155:1/slip44:60", "eip155:1", 18);
    let bitcoin = "bip122:000000000019d6689c085ae165831e93";
    let btc = asset(&format!("{bitcoin}/slip44:0"), bitcoin, 8);
    let wallet = |name: &str, asset: Option<&str>, addresses: &[(&str, &str)]| Wallet {
        name: name.to_owned(),
        key: format!("{name}/2026-1"),
        asset: asset.map(str::to_owned),
        addresses: addresses
            .iter()
            .map(|(network, address)| ((*network).to_owned(), (*address).to_owned()))
            .collect(),
    };
    let network = |coin, decimals| Network {
        decimals,
        coin,
        fee_limit: 1_000_000_000_000_000,
    };
    Mapping {
        assets: [
            ((Vendor::Fireblocks, "ETH".to_owned()), eth),
            ((Vendor::BitGo, "btc".to_owned()), btc),
        ]
        .into(),
        wallets: [
            (
                (Vendor::Fireblocks, "0".to_owned()),
                wallet("hot-1", None, &[("eip155:1", HOT)]),
            ),
            (
                (Vendor::BitGo, "59cd72485007a239fb00282ed480da1f".to_owned()),
                wallet("hot-2", Some("btc"), &[]),
            ),
        ]
        .into(),
        networks: [
            ("eip155:1".to_owned(), network(60, 18)),
            (bitcoin.to_owned(), network(0, 8)),
        ]
        .into(),
    }
}

/// A clock that tests step.
pub(crate) fn clock() -> (Clock, Arc<AtomicU64>) {
    let time = Arc::new(AtomicU64::new(NOW));
    let read = Arc::clone(&time);
    (Arc::new(move || read.load(Ordering::SeqCst)), time)
}

/// Opens a memory again whose holder just left: a process that another test starts has a copy of its lock until it runs
/// its own program.
pub(crate) fn open_again(folder: &Path) -> Result<Store, StoreError> {
    for _ in 0..200 {
        match Store::open(folder) {
            Err(StoreError::InUse(_)) => std::thread::sleep(Duration::from_millis(10)),
            opened => return opened,
        }
    }
    panic!("`{}` stays in use", folder.display())
}

pub(crate) fn store(folder: &Path) -> Arc<Mutex<Store>> {
    Arc::new(Mutex::new(open_again(folder).unwrap()))
}

/// A guard that says what it is told to, and remembers what it was asked.
#[derive(Default)]
pub(crate) struct Scripted {
    pub(crate) says: Mutex<VecDeque<Option<Verdict>>>,
    pub(crate) asked: Mutex<Vec<Ask>>,
}

impl Scripted {
    /// `None` never answers.
    pub(crate) fn new(says: impl IntoIterator<Item = Option<Verdict>>) -> Arc<Self> {
        let scripted = Self::default();
        scripted.says.lock().unwrap().extend(says);
        Arc::new(scripted)
    }

    pub(crate) fn questions(&self) -> Vec<Ask> {
        self.asked.lock().unwrap().clone()
    }
}

impl Guard for Scripted {
    fn ask<'a>(&'a self, ask: &'a Ask) -> Later<'a> {
        self.asked.lock().unwrap().push(ask.clone());
        let says = self.says.lock().unwrap().pop_front();
        Box::pin(async move {
            match says {
                Some(Some(verdict)) => verdict,
                Some(None) => std::future::pending().await,
                None => panic!("the guard was asked once more than expected"),
            }
        })
    }
}

pub(crate) fn held() -> Option<Verdict> {
    Some(Verdict::Held {
        code: "approvals_missing".to_owned(),
        answered: true,
    })
}

pub(crate) fn denied() -> Option<Verdict> {
    Some(Verdict::Denied {
        code: "limit_customer_day".to_owned(),
    })
}

pub(crate) fn fireblocks_side() -> FireblocksSide {
    let purpose = Purpose::FireblocksRequest;
    let user = User {
        cosigners: ["cosigner-1".to_owned()].into(),
        key: AnswerKey::from_pem("user", &rsa(1).private, None).unwrap(),
    };
    FireblocksSide {
        mode: Mode::PublicKeys,
        keys: vec![RequestKey::from_pem("cosigner-1", purpose, &rsa(0).public).unwrap()],
        users: BTreeMap::from([(SIGNER.to_owned(), user)]),
        silent: BTreeMap::new(),
        withdrawal: WithdrawalId::External,
        approvals: Approvals::Ignore,
        raw_required: true,
    }
}

pub(crate) fn bitgo_side() -> BitGoSide {
    let key = AnswerKey::from_pem("bitgo", &rsa(3).private, Some("keepwhole-2026-11-23"));
    let key = key.unwrap();
    let jwk = crate::tokens::jwk_of(2, "bitgo-1");
    let set = format!(r#"{{"keys":[{jwk}]}}"#);
    BitGoSide {
        mode: BitGoMode::Signed,
        account: "enterprise-1".to_owned(),
        keys: RwLock::new(keepwhole_cosigner::bitgo::jwks::read(set.as_bytes()).unwrap()),
        key: Some(key),
        names: Names::default(),
        amounts: Amounts::Texts,
    }
}

pub(crate) struct Bench {
    pub(crate) responder: Arc<Responder>,
    pub(crate) guard: Arc<Scripted>,
    pub(crate) time: Arc<AtomicU64>,
    pub(crate) cosigner: CoSigner,
    pub(crate) folder: tempfile::TempDir,
}

pub(crate) fn bench(says: impl IntoIterator<Item = Option<Verdict>>) -> Bench {
    bench_with(says, fireblocks_side(), tempfile::tempdir().unwrap())
}

pub(crate) fn bench_with(
    says: impl IntoIterator<Item = Option<Verdict>>,
    side: FireblocksSide,
    folder: tempfile::TempDir,
) -> Bench {
    let guard = Scripted::new(says);
    let (clock, time) = clock();
    let responder = Responder::new(
        (Some(side), Some(bitgo_side())),
        Arc::new(mapping()),
        Arc::clone(&guard) as Arc<dyn Guard>,
        store(folder.path()),
        (clock, Duration::from_millis(400)),
    );
    Bench {
        responder: Arc::new(responder),
        guard,
        time,
        cosigner: CoSigner::new(),
        folder,
    }
}

pub(crate) fn incoming(body: impl Into<Vec<u8>>) -> Incoming {
    Incoming {
        body: body.into(),
        peer: "192.0.2.7".to_owned(),
        started: Instant::now(),
    }
}

impl Bench {
    pub(crate) async fn sends(&self, claims: &Value) -> Reply {
        let token = self.cosigner.token(claims);
        self.responder.fireblocks(incoming(token), false).await
    }

    /// What the co-signer reads of an answer.
    pub(crate) async fn hears(&self, claims: &Value) -> Value {
        let reply = self.sends(claims).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        self.cosigner.reads(&reply.body)
    }

    pub(crate) fn step(&self, seconds: u64) {
        self.time.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }
}
