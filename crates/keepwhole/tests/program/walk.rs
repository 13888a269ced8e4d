//! Every real part at once: the program behind TLS, a witness, an EVM node, a signer with a memory, caps and people of its
//! own, and what a wallet service says to them.

use crate::account::{EvmAccount, send, signed_transaction};
use crate::cli::{PROGRAM, run};
use crate::nodes::{ACCOUNT, Node, SECRET};
use crate::small_exchange::movement;
use crate::staffed::{Office, SITE, credential};
use crate::tls::Authority;
use crate::witnesses::Witness;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use keepwhole::installation::verifier_key;
use keepwhole::journal::keys::KeyFile;
use keepwhole_core::command::Body;
use keepwhole_core::policy::{ApprovalTier, Budget, Clear, Policy};
use keepwhole_core::registry::{Asset, AssetIx, Tier, Wallet};
use keepwhole_payload::evm::Address;
use keepwhole_payload::evm::transaction::{Envelope, Transaction};
use keepwhole_signer::request::ClearanceAnswer;
use keepwhole_signer::store::Store;
use keepwhole_signer::{Refusal, Settings, Signer, signed_with};
use serde_json::{Value, json};
use std::cell::Cell;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

pub(crate) const CHAIN: u64 = 31_337;
pub(crate) const ANN: &str = "0x2222222222222222222222222222222222222222";
/// The node's second account.
pub(crate) const SECOND: &str = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";
pub(crate) const ETH: u128 = 1_000_000_000_000_000_000;
/// What a transfer may cost at most.
pub(crate) const FEE: u128 = 42_000;

/// An exchange that holds 10 ETH in the node's first account and owes a customer 8.
pub(crate) fn given(office: &mut Office) {
    let network = format!("eip155:{CHAIN}");
    for body in [
        Body::RegisterAsset(Asset {
            id: "ETH".to_owned(),
            decimals: 18,
            network: Some(network.clone()),
            confirmations: 1,
        }),
        Body::RegisterOwners(vec!["house".to_owned(), "ann".to_owned()]),
        Body::RegisterWallet(Wallet {
            id: "hot-1".to_owned(),
            tier: Tier::Hot,
            address: ACCOUNT.to_owned(),
        }),
        Body::DeclareHoldings(vec![("hot-1".to_owned(), "ETH".to_owned(), 10 * ETH)]),
        Body::RegisterWallet(Wallet {
            id: "hot-2".to_owned(),
            tier: Tier::Hot,
            address: SECOND.to_owned(),
        }),
        Body::DeclareHoldings(vec![("hot-2".to_owned(), "ETH".to_owned(), ETH)]),
        Body::NameKey {
            wallet: "hot-2".to_owned(),
            key: "hot-2/1".to_owned(),
            network: network.clone(),
        },
        Body::RecordMovements(vec![movement("outside", "ann", "ETH", 8 * ETH)]),
        Body::NameAsset {
            asset: "ETH".to_owned(),
            caip19: format!("{network}/slip44:60"),
        },
        Body::NameKey {
            wallet: "hot-1".to_owned(),
            key: "hot-1/1".to_owned(),
            network,
        },
    ] {
        office.tell(body);
    }
}

/// Below 1.5 ETH no person is asked; a budget of a few units that two people approve.
pub(crate) fn policy(allowlist: bool) -> Policy {
    Policy {
        version: 1,
        clears: vec![Clear {
            asset: AssetIx(0),
            up_to: 100 * ETH,
        }],
        tiers: vec![ApprovalTier {
            asset: AssetIx(0),
            from: 3 * ETH / 2,
            approvals: 2,
        }],
        budgets: vec![Budget {
            id: "event".to_owned(),
            asset: AssetIx(0),
            total: 1_000,
            per_customer: 10,
            approvals: 2,
        }],
        allowlist,
        destination_cool_off_ms: Some(3_600_000),
        ops_allowed: vec!["transfer".to_owned()],
        clearance_ttl_ms: Some(300_000),
        breaker_armed: true,
        ..Policy::default()
    }
}

/// An unsigned transfer from the hot wallet.
pub(crate) fn transfer(chain_id: u64, nonce: u64, to: &str, value: u128) -> Transaction {
    Transaction {
        envelope: Envelope::FeeMarket,
        chain_id,
        nonce,
        priority_fee: 1,
        max_fee: 2,
        gas: 21_000,
        to: Address::parse(to).unwrap(),
        value,
        data: Vec::new(),
        data_at: 0,
        access: Vec::new(),
    }
}

/// Certificate and key.
type Shown = (String, String);

/// What runs, and what the exchange's wallet service has.
pub(crate) struct Walk<'d> {
    pub(crate) dir: &'d Path,
    pub(crate) node: Node,
    pub(crate) guard: String,
    serving: Option<(Child, String)>,
    witness: Witness,
    authority: Authority,
    service: Shown,
    pub(crate) token: String,
    asked: Cell<u32>,
}

impl<'d> Walk<'d> {
    /// Starts everything over the installation `ex`; none where there is no node.
    pub(crate) fn start(dir: &'d Path, test: &str) -> Option<Self> {
        let node = Node::start(CHAIN, test)?;
        Witness::make(dir, "w1");
        let witness = Witness::start(dir, "w1", "127.0.0.1:0");
        let policy = format!("witness w1 {} {}\nquorum w1\n", witness.key, witness.url);
        fs::write(dir.join("policy"), policy).unwrap();
        let port = {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().port()
        };
        let authority = Authority::new();
        let put = |name: &str, text: &str| {
            let path = dir.join("ex").join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        };
        let (certificate, key) = authority.sign("localhost", 2190);
        put("keys/api.pem", &certificate);
        put("keys/api.key", &key);
        put("keys/clients-ca.pem", &authority.pem);
        put(
            "keepwhole.toml",
            &format!(
                "version = 1\n[api]\nlisten = \"127.0.0.1:{port}\"\n[api.tls]\ncertificate = \"keys/api.pem\"\n\
                 key = \"keys/api.key\"\nclient_ca = \"keys/clients-ca.pem\"\n"
            ),
        );
        let mut walk = Self {
            dir,
            node,
            guard: format!("https://localhost:{port}"),
            serving: None,
            witness,
            service: authority.sign("wallet-service", 2190),
            authority,
            token: String::new(),
            asked: Cell::new(0),
        };
        walk.token = walk.new_token("service", "guard");
        walk.serve();
        Some(walk)
    }

    pub(crate) fn new_token(&self, name: &str, scope: &str) -> String {
        let made = run(
            self.dir,
            &["token", "add", name, "--scope", scope, "--data", "ex"],
        );
        assert_eq!(made.code, 0, "{}", made.err);
        made.out.trim().to_owned()
    }

    pub(crate) fn serve(&mut self) {
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--data", "ex", "--listen", "127.0.0.1:0", "--json"])
            .args(["--witness-policy", "policy"])
            .current_dir(self.dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let console = told["listening"].as_str().unwrap();
        let console = console.trim_start_matches("http://").to_owned();
        self.serving = Some((child, console));
    }

    pub(crate) fn stop(&mut self) {
        let (mut child, _) = self.serving.take().unwrap();
        let pid = child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(sent.success() && child.wait().unwrap().success());
    }

    pub(crate) fn console(&self) -> &str {
        &self.serving.as_ref().unwrap().1
    }

    /// Status and body; the status 0 where there was no HTTP at all.
    pub(crate) fn ask_as(
        &self,
        shown: Option<&Shown>,
        token: &str,
        path: &str,
        body: &str,
    ) -> (u16, Value) {
        let roots = [Certificate::from_pem(self.authority.pem.as_bytes()).unwrap()];
        let own = shown.unwrap_or(&self.service);
        let chain = [Certificate::from_pem(own.0.as_bytes()).unwrap()];
        let key = PrivateKey::from_pem(own.1.as_bytes()).unwrap();
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()))
            .root_certs(RootCerts::new_with_certs(&roots))
            .client_cert(Some(ClientCert::new_with_certs(&chain, key)))
            .build();
        let agent = ureq::Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .new_agent();
        self.asked.set(self.asked.get() + 1);
        let url = format!("{}{path}", self.guard);
        let bearer = format!("Bearer {token}");
        let answer = if body.is_empty() {
            agent.get(url).header("authorization", bearer).call()
        } else {
            agent
                .post(url)
                .header("authorization", bearer)
                .header("content-type", "application/json")
                .header("idempotency-key", format!("k-{}", self.asked.get()))
                .send(body)
        };
        let Ok(mut answer) = answer else {
            return (0, Value::Null);
        };
        let text = answer.body_mut().read_to_string().unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    pub(crate) fn ask(&self, path: &str, body: &Value) -> Value {
        self.ask_as(None, &self.token, path, &body.to_string()).1
    }

    pub(crate) fn withdraw(&self, id: &str, amount: u128, to: &str) -> Value {
        let body = json!({"id": id, "customer": "ann", "wallet": "hot-1", "asset": "ETH", "amount": amount.to_string(),
            "to": to, "max_fee": FEE.to_string()});
        self.ask("/v1/guard/withdrawals", &body)
    }

    pub(crate) fn clearance(&self, id: &str, kind: &str, bytes: &[u8]) -> Value {
        let payload = json!({"kind": kind, "bytes": STANDARD.encode(bytes)});
        let body = json!({"withdrawal": id, "key": "hot-1/1", "attempt": 1, "payload": payload});
        self.ask("/v1/guard/clearances", &body)
    }

    /// The guard's answer to the question for a clearance, as the signer reads it.
    pub(crate) fn cleared(&self, id: &str, bytes: &[u8]) -> ClearanceAnswer {
        let answer = self.clearance(id, "evm-tx", bytes);
        assert_eq!(answer["outcome"], "cleared", "{answer}");
        ClearanceAnswer::read(&answer.to_string()).unwrap()
    }

    /// The signer's own folder, as its operator sets it up with what the exchange told on another way. Up to 1.5 ETH it asks
    /// no person; `people` are those whom it pins.
    pub(crate) fn signer(&self, home: &str, people: &[(&str, &str)]) -> Signer {
        let key = verifier_key(&self.dir.join("ex"), KeyFile::Guard).unwrap();
        let vkey = run(self.dir, &["journal", "vkey", "--data", "ex"]).out;
        let approvers: Vec<String> = people
            .iter()
            .map(|(name, role)| {
                let own = credential(name);
                format!(
                    "[approvers.{name}]\nroles = [\"{role}\"]\ncredentials = [{{ id = \"{}\", public_key = \"{}\" }}]\n",
                    URL_SAFE_NO_PAD.encode(own.id),
                    URL_SAFE_NO_PAD.encode(own.public_key)
                )
            })
            .collect();
        let text = format!(
            r#"version = 1
name = "signer-1"
state = "memory"
[guard]
key = "{key}"
policies = ["any"]
builds = ["any"]
[redemption]
mode = "online"
url = "{guard}"
token_file = "token"
[tls]
authority = "ca.pem"
certificate = "own.pem"
key = "own.key"
[log]
url = "http://{console}/log"
refresh_seconds = 0
policy = """
{log_key}
witness w1 {witness}
quorum w1
"""
[approvals]
rp_id = "console.exchange.example"
origins = ["https://console.exchange.example"]
client_rp_id = "{SITE}"
client_origins = ["https://{SITE}"]
{approvers}
[quorums.withdrawal]
people = 2
roles = ["risk", "treasury"]
[assets."eip155:{CHAIN}/slip44:60"]
automatic_limit = "{limit}"
client_limit = "{limit}"
client_quorum = "withdrawal"
automatic_hour_cap = "{cap}"
automatic_day_cap = "{cap}"
hour_cap = "{hour}"
fee_limit = "1000000"
[keys."hot-1/1"]
wallet = "hot-1"
network = "eip155:{CHAIN}"
address = "{ACCOUNT}"
"#,
            guard = self.guard,
            console = self.console(),
            log_key = vkey.lines().next().unwrap(),
            witness = self.witness.key,
            approvers = approvers.concat(),
            limit = 3 * ETH / 2,
            cap = 2 * ETH,
            hour = 5 * ETH,
        );
        let folder = self.dir.join(home);
        fs::create_dir(&folder).unwrap();
        let (certificate, key) = self.authority.sign("signer-1", 2190);
        let token = self.new_token(home, "signer");
        for (name, content) in [
            ("token", token.as_str()),
            ("ca.pem", &self.authority.pem),
            ("own.pem", &certificate),
            ("own.key", &key),
        ] {
            fs::write(folder.join(name), content).unwrap();
            let mode = fs::Permissions::from_mode(0o600);
            fs::set_permissions(folder.join(name), mode).unwrap();
        }
        let settings = Settings::parse(&text).unwrap_or_else(|faults| panic!("{faults:?}"));
        drop(Store::create(&folder.join("memory"), "signer-1", 1).unwrap());
        // The tokens are read anew every second.
        std::thread::sleep(Duration::from_millis(2_500));
        Signer::open(settings, &folder).unwrap()
    }

    /// Signs and hands to the node; the refusal where the signer has one.
    pub(crate) fn sends(
        &self,
        signer: &Signer,
        answer: &ClearanceAnswer,
        bytes: &[u8],
    ) -> Result<(), Refusal> {
        let account = EvmAccount::new("hot-1/1", SECRET).unwrap();
        assert_eq!(account.address().to_string(), ACCOUNT);
        let request = answer.request(bytes).expect("it was cleared");
        let (_, signatures) = signed_with(signer, &request, &account)?;
        let signed = signed_transaction(bytes, &signatures[0]).unwrap();
        let hash = send(&self.node.url, &signed).unwrap();
        assert_eq!(self.node.receipt(&hash)["status"], "0x1");
        Ok(())
    }

    /// How many transactions the hot wallet has sent.
    pub(crate) fn sent(&self) -> Value {
        let of = json!([ACCOUNT, "latest"]);
        self.node.ask("eth_getTransactionCount", &of)
    }
}

impl Drop for Walk<'_> {
    fn drop(&mut self) {
        if let Some((child, _)) = &mut self.serving {
            // Its own child; it may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
