//! An exchange with a hot wallet, its guard, and a signer; every key in the test's hand.

use crate::assertions::{self, CLIENT, PAGE, people};
use crate::log::{ORIGIN, TestLog, policy};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keepwhole_payload::evm::Address;
use keepwhole_payload::evm::transaction::{Envelope, Transaction};
use keepwhole_signer::clock::Clock;
use keepwhole_signer::store::{Store, StoreError};
use keepwhole_signer::{Permit, Redeem, Redeemed, Refusal, Request, Settings, Signer};
use keepwhole_verify::Digest;
use keepwhole_verify::clearance::{Clearance, PayloadKind, Redemption, sign};
use keepwhole_verify::intent::Intent;
use keepwhole_verify::note::{Ed25519Signer, NoteSigner as _};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

/// When the tests begin, seconds since the epoch.
pub(crate) const NOW: u64 = 1_795_000_000;
pub(crate) const ETH: &str = "eip155:1/slip44:60";
pub(crate) const USDT: &str = "eip155:1/erc20:0xdac17f958d2ee523a2206206994597c13d831ec7";
pub(crate) const HOT: &str = "0x1111111111111111111111111111111111111111";
pub(crate) const CUSTOMER: &str = "0x00000000219ab540356cbb839cbe05303d7705fa";
/// Up to it no person is asked.
pub(crate) const AUTOMATIC: u128 = 1_000_000;
/// Above it only the approvers' own program counts.
pub(crate) const CLIENT_LIMIT: u128 = 50_000_000;
pub(crate) const AUTOMATIC_HOUR: u128 = 10_000_000;
pub(crate) const AUTOMATIC_DAY: u128 = 25_000_000;
pub(crate) const HOUR_CAP: u128 = 500_000_000;
pub(crate) const FEE_LIMIT: u128 = 90_000;
/// Fee of every test transaction: 21,000 gas at 2.
pub(crate) const FEE: u128 = 42_000;

pub(crate) fn guard_key() -> Ed25519Signer {
    Ed25519Signer::new(&format!("{ORIGIN}/guard"), &[2; 32]).unwrap()
}

/// The settings of the tests' signer; `change` may edit the text.
pub(crate) fn settings_text() -> String {
    let mut text = format!(
        r#"version = 1
name = "signer-1"
state = "memory-of-signer-1"

[guard]
key = "{guard}"
policies = ["{policy}"]
builds = ["{build}"]

[redemption]
mode = "online"
url = "http://127.0.0.1:8651"

[log]
url = "http://127.0.0.1:8651/log"
policy = """
{log}"""

[approvals]
rp_id = "{page}"
origins = ["{page_origin}"]
client_rp_id = "{client}"
client_origins = ["{client_origin}"]

[quorums.withdrawal]
people = 2
roles = ["risk", "treasury"]
"#,
        guard = guard_key().key(),
        policy = "33".repeat(32),
        build = "22".repeat(32),
        log = policy(),
        page = PAGE.0,
        page_origin = PAGE.1,
        client = CLIENT.0,
        client_origin = CLIENT.1,
    );
    for asset in [ETH, USDT] {
        let fee = if asset == ETH {
            format!("fee_limit = \"{FEE_LIMIT}\"\n")
        } else {
            String::new()
        };
        write!(
            text,
            r#"
[assets."{asset}"]
automatic_limit = "{AUTOMATIC}"
client_limit = "{CLIENT_LIMIT}"
automatic_hour_cap = "{AUTOMATIC_HOUR}"
automatic_day_cap = "{AUTOMATIC_DAY}"
hour_cap = "{HOUR_CAP}"
quorum = "withdrawal"
client_quorum = "withdrawal"
{fee}"#
        )
        .unwrap();
    }
    for person in people() {
        write!(
            text,
            r#"
[approvers.{id}]
roles = ["{roles}"]
credentials = [{{ id = "{credential}", public_key = "{key}" }}]
"#,
            id = person.id,
            roles = person.roles.join("\", \""),
            credential = URL_SAFE_NO_PAD.encode(person.credential()),
            key = URL_SAFE_NO_PAD.encode(person.key.public().to_cose()),
        )
        .unwrap();
    }
    text + &format!(
        r#"
[keys."hot-1/2026-1"]
wallet = "hot-1"
network = "eip155:1"
address = "{HOT}"
"#
    )
}

#[derive(Clone, Debug)]
pub(crate) struct TestClock(pub(crate) Arc<AtomicU64>);

impl Clock for TestClock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// What the guard does when asked to redeem.
#[derive(Clone, Debug)]
pub(crate) enum Mood {
    Honest,
    Down,
    Says(Redeemed),
    /// Signs a redemption of something else.
    Altered(fn(&mut Redemption)),
    /// Signs with another key.
    Forged,
}

/// A guard that redeems; counts how often it was asked.
#[derive(Clone, Debug)]
pub(crate) struct TestGuard {
    pub(crate) mood: Arc<Mutex<Mood>>,
    pub(crate) asked: Arc<AtomicU64>,
    clock: TestClock,
}

impl Redeem for TestGuard {
    fn redeem(&self, clearance: &str, _: &str, signer: &str) -> Result<Redeemed, String> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut redemption = Redemption {
            at: self.clock.now(),
            clearance: Clearance::read(clearance).unwrap().digest(),
            signer: signer.to_owned(),
        };
        let mut key = guard_key();
        match &*self.mood.lock().unwrap() {
            Mood::Honest => {}
            Mood::Down => return Err("connection refused".to_owned()),
            Mood::Says(redeemed) => return Ok(redeemed.clone()),
            Mood::Altered(change) => change(&mut redemption),
            Mood::Forged => key = Ed25519Signer::new(&format!("{ORIGIN}/guard"), &[9; 32]).unwrap(),
        }
        Ok(Redeemed::Yes {
            signature: sign(&redemption.sign_text(), &key).unwrap(),
            redemption: redemption.to_text(),
        })
    }
}

/// One request in parts that a test can change.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) intent: Intent,
    pub(crate) clearance: Clearance,
    pub(crate) payload: Vec<u8>,
    pub(crate) approvals: Option<String>,
    /// Text and signature in place of what the parts give.
    pub(crate) clearance_text: Option<String>,
    pub(crate) signature: Option<String>,
    pub(crate) intent_text: Option<String>,
}

pub(crate) fn transaction(nonce: u64, amount: u128) -> Transaction {
    Transaction {
        envelope: Envelope::FeeMarket,
        chain_id: 1,
        nonce,
        priority_fee: 1,
        max_fee: 2,
        gas: 21_000,
        to: Address::parse(CUSTOMER).unwrap(),
        value: amount,
        data: Vec::new(),
        data_at: 0,
        access: Vec::new(),
    }
}

/// `transfer(to, amount)` of an ERC-20 token.
pub(crate) fn token_transfer(nonce: u64, amount: u128) -> Transaction {
    let mut data = vec![0xa9, 0x05, 0x9c, 0xbb];
    data.extend([0; 12]);
    data.extend(Address::parse(CUSTOMER).unwrap().0);
    data.extend([0; 16]);
    data.extend(amount.to_be_bytes());
    let contract = USDT.split_once("erc20:").unwrap().1;
    Transaction {
        to: Address::parse(contract).unwrap(),
        data,
        ..transaction(nonce, 0)
    }
}

impl Case {
    /// A withdrawal of `amount` wei as `id`, at the sender's `nonce`, cleared by the guard at `now`.
    pub(crate) fn new(id: &str, nonce: u64, amount: u128, now: u64) -> Self {
        Self::of(id, ETH, amount, &transaction(nonce, amount), now)
    }

    /// The same of a token.
    pub(crate) fn token(id: &str, nonce: u64, amount: u128, now: u64) -> Self {
        Self::of(id, USDT, amount, &token_transfer(nonce, amount), now)
    }

    pub(crate) fn of(id: &str, asset: &str, amount: u128, bytes: &Transaction, now: u64) -> Self {
        let intent = Intent {
            amount,
            asset: asset.to_owned(),
            dest: CUSTOMER.to_owned(),
            expires: now + 86_400,
            id: id.to_owned(),
            max_fee: 80_000,
            memo: String::new(),
            network: "eip155:1".to_owned(),
            wallet: "hot-1".to_owned(),
        };
        let clearance = Clearance {
            attempt: 1,
            build: Digest::from_bytes([0x22; 32]),
            conflict_key: format!("eip155:1/{HOT}/{}", bytes.nonce),
            expires: now + 60,
            intent: intent.digest(),
            key: "hot-1/2026-1".to_owned(),
            payload_kind: PayloadKind::EvmTx,
            policy: Digest::from_bytes([0x33; 32]),
            signing_digest: bytes.signing_digest(),
            total_fee: bytes.greatest_fee().unwrap(),
        };
        Self {
            intent,
            clearance,
            payload: bytes.encode(),
            approvals: None,
            clearance_text: None,
            signature: None,
            intent_text: None,
        }
    }

    /// Other bytes, cleared as such.
    pub(crate) fn with_bytes(mut self, bytes: &Transaction) -> Self {
        self.payload = bytes.encode();
        self.clearance.signing_digest = bytes.signing_digest();
        self.clearance.total_fee = bytes.greatest_fee().unwrap();
        self.clearance.conflict_key = format!("eip155:1/{HOT}/{}", bytes.nonce);
        self
    }

    /// An intent changed after the fact, cleared as such.
    pub(crate) fn with_intent(mut self, change: impl FnOnce(&mut Intent)) -> Self {
        change(&mut self.intent);
        self.clearance.intent = self.intent.digest();
        self
    }

    pub(crate) fn with_clearance(mut self, change: impl FnOnce(&mut Clearance)) -> Self {
        change(&mut self.clearance);
        self
    }

    /// Approved by `ana` (risk) and `bo` (treasury) in a program.
    pub(crate) fn approved(mut self, at: u64, program: (&str, &str)) -> Self {
        let voices = [("ana", "risk"), ("bo", "treasury")];
        let file = assertions::file(&self.intent, &voices, at, program);
        self.approvals = Some(file.to_text());
        self
    }
}

/// Opens a memory again whose holder just left: a process that another test starts has a copy of its lock until it runs
/// its own program.
pub(crate) fn open_again(dir: &Path) -> Result<Store, StoreError> {
    for _ in 0..200 {
        match Store::open(dir, "signer-1") {
            Err(StoreError::InUse { .. }) => std::thread::sleep(Duration::from_millis(10)),
            opened => return opened,
        }
    }
    panic!("`{}` stays in use", dir.display())
}

/// A signer with all that surrounds it.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) clock: TestClock,
    pub(crate) log: TestLog,
    pub(crate) guard: TestGuard,
    pub(crate) settings: Settings,
    pub(crate) signer: Option<Signer>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|text| text)
    }

    pub(crate) fn with(change: impl FnOnce(String) -> String) -> Self {
        let settings = Settings::parse(&change(settings_text())).unwrap();
        let clock = TestClock(Arc::new(AtomicU64::new(NOW)));
        let folder = tempfile::tempdir().unwrap();
        let log = TestLog::default();
        log.grow(10, NOW);
        drop(Store::create(&Self::memory(folder.path()), "signer-1", NOW).unwrap());
        let mut world = Self {
            guard: TestGuard {
                mood: Arc::new(Mutex::new(Mood::Honest)),
                asked: Arc::default(),
                clock: clock.clone(),
            },
            folder,
            clock,
            log,
            settings,
            signer: None,
        };
        world.start();
        world
    }

    pub(crate) fn memory(folder: &Path) -> std::path::PathBuf {
        folder.join("memory-of-signer-1")
    }

    /// Ends the signer and starts it anew on the same memory.
    pub(crate) fn start(&mut self) {
        self.signer = None;
        let store = open_again(&Self::memory(self.folder.path())).unwrap();
        self.signer = Some(Signer::of_parts(
            self.settings.clone(),
            store,
            Box::new(self.clock.clone()),
            Box::new(self.log.clone()),
            Box::new(self.guard.clone()),
        ));
    }

    pub(crate) fn signer(&self) -> &Signer {
        self.signer.as_ref().unwrap()
    }

    pub(crate) fn now(&self) -> u64 {
        self.clock.now()
    }

    /// Time passes; the witnesses see the log all the while.
    pub(crate) fn pass(&self, seconds: u64) {
        let now = self.clock.0.fetch_add(seconds, Ordering::SeqCst) + seconds;
        let size = u64::try_from(self.log.0.lock().unwrap().leaves.len()).unwrap();
        self.log.grow(size, now);
    }

    pub(crate) fn mood(&self, mood: Mood) {
        *self.guard.mood.lock().unwrap() = mood;
    }

    pub(crate) fn asked(&self) -> u64 {
        self.guard.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn sign(&self, case: &Case) -> Result<Permit, Refusal> {
        let text = case.clearance.to_text();
        let signature = sign(&case.clearance.sign_text(), &guard_key()).unwrap();
        let intent = case.intent.to_text();
        self.signer().sign(&Request {
            clearance: case.clearance_text.as_deref().unwrap_or(&text),
            signature: case.signature.as_deref().unwrap_or(&signature),
            intent: case.intent_text.as_deref().unwrap_or(&intent),
            payload: &case.payload,
            approvals: case.approvals.as_deref(),
        })
    }

    /// A plain withdrawal at the time it is.
    pub(crate) fn case(&self, id: &str, nonce: u64, amount: u128) -> Case {
        Case::new(id, nonce, amount, self.now())
    }
}
