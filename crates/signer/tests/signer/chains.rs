//! Real transactions on real nodes: signed with a clearance only, and valid on one chain only.

use crate::account::{EvmAccount, call, send, signed_transaction};
use crate::guard_server::{Desk, serve};
use crate::nodes::{ACCOUNT, Node, SECRET};
use crate::world::{AUTOMATIC, CUSTOMER, Case, HOT, World, guard_key, settings_text, transaction};
use keepwhole_payload::evm::Address;
use keepwhole_payload::evm::transaction::{Envelope, Transaction};
use keepwhole_signer::clock::{Clock as _, MachineClock};
use keepwhole_signer::store::Store;
use keepwhole_signer::{Refusal, Settings, Signer, signed_with};
use keepwhole_verify::clearance::sign;
use keepwhole_verify::json::to_hex;
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Chain ids of the two nodes.
const ONE: u64 = 1_337;
const OTHER: u64 = 1_338;
const KEY: &str = "hot-1/2026-1";

fn account() -> EvmAccount {
    EvmAccount::new(KEY, SECRET).unwrap()
}

/// The settings for the node's first account on chain `ONE`.
fn on_one(text: &str) -> String {
    text.replace("eip155:1/", &format!("eip155:{ONE}/"))
        .replace(
            "network = \"eip155:1\"",
            &format!("network = \"eip155:{ONE}\""),
        )
        .replace(HOT, ACCOUNT)
}

fn bytes(chain_id: u64, nonce: u64, amount: u128, envelope: Envelope) -> Transaction {
    Transaction {
        envelope,
        chain_id,
        priority_fee: 2,
        ..transaction(nonce, amount)
    }
}

/// A withdrawal of `bytes`, cleared for their chain.
fn case(bytes: &Transaction, amount: u128, now: u64) -> Case {
    let network = format!("eip155:{}", bytes.chain_id);
    let id = format!("w-{network}-{}-{amount}", bytes.nonce);
    let asset = format!("{network}/slip44:60");
    Case::of(&id, &asset, amount, bytes, now)
        .with_intent(|intent| intent.network = network.clone())
        .with_clearance(|it| it.conflict_key = format!("{network}/{ACCOUNT}/{}", bytes.nonce))
}

#[test]
fn a_transaction_of_one_chain_is_worth_nothing_on_the_other() {
    let name = "a_transaction_of_one_chain_is_worth_nothing_on_the_other";
    let Some((one, other)) = Node::start(ONE, name).zip(Node::start(OTHER, name)) else {
        return;
    };
    assert_eq!(account().address().to_string(), ACCOUNT);
    let world = World::with(|text| on_one(&text));
    let envelopes = [Envelope::Legacy, Envelope::AccessList, Envelope::FeeMarket];
    for (nonce, envelope) in (0..).zip(envelopes) {
        let bytes = bytes(ONE, nonce, 1_000, envelope);
        let case = case(&bytes, 1_000, world.now());
        let permit = world.sign(&case).unwrap();
        let signature = account().sign_digest(&permit.to_sign()[0].bytes).unwrap();
        let signed = signed_transaction(&case.payload, &signature).unwrap();
        // The other node has the same account, balance and nonce. It refuses, or (this one, an older envelope) takes it into
        // its pool and never executes it.
        let sent = send(&other.url, &signed);
        if envelope != Envelope::Legacy {
            let refused = sent.clone().unwrap_err();
            assert!(refused.to_lowercase().contains("chain"), "{refused}");
        }
        let hash = send(&one.url, &signed).unwrap();
        let receipt = one.receipt(&hash);
        assert_eq!(receipt["status"], "0x1", "{envelope:?}");
        assert_eq!(receipt["from"], ACCOUNT, "{envelope:?}");
        other.ask("evm_mine", &json!([]));
        let executed = other.ask("eth_getTransactionReceipt", &json!([hash]));
        assert!(executed.is_null(), "{envelope:?}: {executed}");
    }
    assert_eq!(one.balance(CUSTOMER), 3_000);
    assert_eq!(other.balance(CUSTOMER), 0);
    // Bytes for the other chain are refused, cleared or not.
    for cleared in [ONE, OTHER] {
        let foreign = bytes(OTHER, 3, 1_000, Envelope::FeeMarket);
        let mut case = case(
            &bytes(cleared, 3, 1_000, Envelope::FeeMarket),
            1_000,
            world.now(),
        );
        case.payload = foreign.encode();
        case.clearance.signing_digest = foreign.signing_digest();
        let refusal = world.sign(&case).unwrap_err();
        let says = matches!(
            refusal,
            Refusal::Payload { .. } | Refusal::NetworkMismatch { .. }
        );
        assert!(says, "{refusal}");
    }
}

#[test]
fn what_both_chains_would_take_is_never_signed() {
    let name = "what_both_chains_would_take_is_never_signed";
    let Some((one, other)) = Node::start(ONE, name).zip(Node::start(OTHER, name)) else {
        return;
    };
    // nonce 0, gas price 2, 21,000 gas, the customer, 100 wei, no data: the six fields from before EIP-155.
    let mut fields = vec![0x80, 2, 0x82, 0x52, 0x08, 0x94];
    fields.extend(Address::parse(CUSTOMER).unwrap().0);
    fields.extend([100, 0x80]);
    let unsigned = list(&fields);
    // Signed by a careless signer, both nodes take it.
    let digest = keepwhole_payload::evm::keccak256(&unsigned);
    let signature = account().sign_digest(&digest).unwrap();
    let mut signed = fields;
    signed.push(27 + signature[64]);
    for half in signature[..64].chunks_exact(32) {
        let zeros = half.iter().take_while(|byte| **byte == 0).count();
        signed.push(0x80 + u8::try_from(32 - zeros).unwrap());
        signed.extend(&half[zeros..]);
    }
    for node in [&one, &other] {
        let hash = send(&node.url, &list(&signed)).unwrap();
        assert_eq!(node.receipt(&hash)["status"], "0x1");
        assert_eq!(node.balance(CUSTOMER), 100);
    }
    // This one does not sign it, whatever was cleared.
    let world = World::with(|text| on_one(&text));
    let mut case = case(&bytes(ONE, 0, 100, Envelope::Legacy), 100, world.now());
    case.payload = unsigned;
    case.clearance.signing_digest = digest;
    let Err(Refusal::Payload { refusal }) = world.sign(&case) else {
        panic!("it was signed")
    };
    assert_eq!(refusal.name(), "pre_eip155");
}

fn list(fields: &[u8]) -> Vec<u8> {
    let length = u8::try_from(fields.len()).unwrap();
    let header = if length < 56 {
        vec![0xc0 + length]
    } else {
        vec![0xf8, length]
    };
    [header, fields.to_vec()].concat()
}

/// An exchange's folder with settings, memory, key and token, the guard behind a socket.
struct Installation {
    folder: tempfile::TempDir,
    desk: Arc<Desk>,
}

impl Installation {
    fn new() -> Self {
        let desk = Arc::new(Desk::default());
        let port = serve(&desk);
        let text = on_one(&settings_text()).replace("127.0.0.1:8651", &format!("127.0.0.1:{port}"));
        let text = text.replace(
            "mode = \"online\"",
            "mode = \"online\"\ntoken_file = \"token\"",
        );
        let folder = tempfile::tempdir().unwrap();
        for (file, content) in [
            ("signer.toml", text.as_str()),
            ("key", SECRET),
            ("token", "t0ken\n"),
        ] {
            let path = folder.path().join(file);
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        Self { folder, desk }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn signer(&self) -> Signer {
        let settings = Settings::parse(&fs::read_to_string(self.file("signer.toml")).unwrap());
        Signer::open(settings.unwrap(), self.folder.path()).unwrap()
    }
}

/// The guard's answer to `POST /v1/guard/clearances`.
fn answer(case: &Case) -> String {
    json!({
        "outcome": "cleared",
        "decision_id": case.intent.id,
        "reasons": [],
        "needs": [],
        "expires_at": null,
        "clearance": case.clearance.to_text(),
        "signature": sign(&case.clearance.sign_text(), &guard_key()).unwrap(),
        "intent": case.intent.to_text(),
        "approvals": case.approvals,
        "roster": null,
    })
    .to_string()
}

#[test]
fn withdrawals_reach_the_chain_with_a_clearance_only() {
    let name = "withdrawals_reach_the_chain_with_a_clearance_only";
    let Some(node) = Node::start(ONE, name) else {
        return;
    };
    let home = Installation::new();
    let settings = Settings::parse(&fs::read_to_string(home.file("signer.toml")).unwrap()).unwrap();
    Store::create(
        &home.file(settings.state.to_str().unwrap()),
        "signer-1",
        MachineClock.now(),
    )
    .unwrap();
    let signer = home.signer();
    let pay = |nonce, amount, change: fn(&mut Case)| {
        let bytes = bytes(ONE, nonce, amount, Envelope::FeeMarket);
        let mut case = case(&bytes, amount, MachineClock.now());
        change(&mut case);
        let answer = keepwhole_signer::request::ClearanceAnswer::read(&answer(&case)).unwrap();
        let request = answer.request(&case.payload).unwrap();
        let (_, signatures) = signed_with(&signer, &request, &account())?;
        let signed = signed_transaction(&case.payload, &signatures[0]).unwrap();
        let hash = send(&node.url, &signed).unwrap();
        Ok::<_, Refusal>(node.receipt(&hash))
    };
    pay(0, 700_000, |_| {}).unwrap();
    assert_eq!(node.balance(CUSTOMER), 700_000);
    assert_eq!(home.desk.redeemed.lock().unwrap().len(), 1);
    assert_eq!(home.desk.tokens.lock().unwrap()[0], "Bearer t0ken");
    // Halted: the guard does not redeem, so nothing is signed; lifted, the same is.
    home.desk.is_halted.store(true, Ordering::SeqCst);
    assert_eq!(pay(1, 5, |_| {}).unwrap_err().name(), "redemption_held");
    home.desk.is_halted.store(false, Ordering::SeqCst);
    pay(1, 5, |_| {}).unwrap();
    // What nobody approved, and what was changed on the way.
    assert_eq!(
        pay(2, AUTOMATIC + 1, |_| {}).unwrap_err().name(),
        "approvals_missing"
    );
    let edited = pay(2, 6, |case| {
        case.payload = bytes(ONE, 2, 7, Envelope::FeeMarket).encode()
    });
    assert_eq!(edited.unwrap_err().name(), "digest_mismatch");
    assert_eq!(node.balance(CUSTOMER), 700_005);
    let nonce = call(
        &node.url,
        "eth_getTransactionCount",
        &json!([ACCOUNT, "latest"]),
    )
    .unwrap();
    assert_eq!(nonce, "0x2");
}

/// The example program, built beside the tests where all targets are.
fn program() -> Option<PathBuf> {
    let tests = std::env::current_exe().unwrap();
    let target = tests.parent().unwrap().parent().unwrap();
    let program = target.join("examples/evm_signer");
    program.exists().then_some(program)
}

#[test]
fn the_example_signs_on_a_real_node() {
    let name = "the_example_signs_on_a_real_node";
    let Some(program) = program() else {
        println!(
            "SKIPPED: {name}: the example is not built; run `cargo test -p keepwhole-signer` without choosing targets"
        );
        return;
    };
    let Some(node) = Node::start(ONE, name) else {
        return;
    };
    let home = Installation::new();
    let settings = home.file("signer.toml");
    let settings = settings.to_str().unwrap();
    let run = |arguments: &[&str]| {
        let output = Command::new(&program).args(arguments).output().unwrap();
        let says = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code().unwrap(), says)
    };
    let (code, says) = run(&["status", settings]);
    assert!(code == 2 && says.contains("is not there"), "{says}");
    assert_eq!(run(&["init", settings]).0, 0);
    let (code, says) = run(&["init", settings]);
    assert!(code == 2 && says.contains("is there already"), "{says}");
    let sign = |amount: u128, cleared: u128| {
        let payload = bytes(ONE, 0, amount, Envelope::FeeMarket).encode();
        let case = case(
            &bytes(ONE, 0, cleared, Envelope::FeeMarket),
            cleared,
            MachineClock.now(),
        );
        fs::write(home.file("answer.json"), answer(&case)).unwrap();
        fs::write(home.file("payload"), to_hex(&payload)).unwrap();
        let [key, answer, payload] = ["key", "answer.json", "payload"].map(|file| home.file(file));
        let [key, answer, payload] = [&key, &answer, &payload].map(|file| file.to_str().unwrap());
        run(&["sign", settings, KEY, key, answer, payload, &node.url])
    };
    let (code, says) = sign(900_000, 90);
    assert!(code == 1 && says.starts_with("digest_mismatch: "), "{says}");
    let (code, says) = sign(900_000, 900_000);
    assert!(code == 0 && says.starts_with("0x"), "{says}");
    node.receipt(says.lines().next().unwrap());
    assert_eq!(node.balance(CUSTOMER), 900_000);
    let (code, says) = run(&["status", settings]);
    assert!(
        code == 0 && says.contains("counted 942,000, left 9,058,000"),
        "{says}"
    );
    // A token that others may read is refused.
    fs::set_permissions(home.file("token"), fs::Permissions::from_mode(0o644)).unwrap();
    let (code, says) = run(&["status", settings]);
    assert!(code == 2 && says.contains("set it to `600`"), "{says}");
}
