//! A Safe from its registration by a quorum to clearances of its transactions, over HTTP on the real program.

use crate::cli::{installed, run};
use crate::guard_api::{ANN, Guard, HOT, code, policy, tell};
use crate::small_exchange::movement;
use crate::staffed::{Answer, bootstrap_for_custody};
use crate::walk::transfer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keepwhole::installation::Installation;
use keepwhole_core::command::Body;
use keepwhole_core::policy::Clear;
use keepwhole_core::registry::{Asset, AssetIx, Tier, Wallet};
use keepwhole_payload::Word;
use keepwhole_payload::evm::safe::SafeTx;
use keepwhole_payload::evm::{Address, selectors as s};
use keepwhole_verify::approval::Command;
use keepwhole_verify::json::to_hex;
use serde_json::{Value, json};
use std::path::Path;

const CHAIN: u64 = 31_337;
const NETWORK: &str = "eip155:31337";
/// An example of EIP-55; the Safe.
const VAULT: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
/// An example of EIP-55; the contract that batches calls.
const BATCH: &str = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359";
const TOKEN: &str = "0x4444444444444444444444444444444444444444";
const THIEF: &str = "0x3333333333333333333333333333333333333333";
const ETH: u128 = 1_000_000_000_000_000_000;

/// An exchange that holds nothing but what a Safe will hold, and owes a customer ether and tokens.
fn given(dir: &Path) {
    let asset = |id: &str, decimals| {
        Body::RegisterAsset(Asset {
            id: id.to_owned(),
            decimals,
            network: Some(NETWORK.to_owned()),
            confirmations: 1,
        })
    };
    let name = |asset: &str, name: &str| Body::NameAsset {
        asset: asset.to_owned(),
        caip19: format!("{NETWORK}/{name}"),
    };
    let bodies = vec![
        asset("ETH", 18),
        asset("USDC", 6),
        Body::RegisterOwners(vec!["house".to_owned(), "ann".to_owned()]),
        Body::RegisterWallet(Wallet {
            id: "hot-1".to_owned(),
            tier: Tier::Hot,
            address: HOT.to_owned(),
        }),
        Body::DeclareHoldings(vec![("hot-1".to_owned(), "ETH".to_owned(), 5 * ETH)]),
        Body::RecordMovements(vec![
            movement("outside", "ann", "ETH", 5 * ETH),
            movement("outside", "ann", "USDC", 500_000),
        ]),
        name("ETH", "slip44:60"),
        name("USDC", &format!("erc20:{TOKEN}")),
        Body::NameKey {
            wallet: "hot-1".to_owned(),
            key: "hot-1/1".to_owned(),
            network: NETWORK.to_owned(),
        },
    ];
    tell(dir, "given", bodies);
    let mut policy = policy();
    policy.clears.push(Clear {
        asset: AssetIx(1),
        up_to: 1_000_000,
    });
    tell(dir, "policy", vec![Body::AdoptPolicy(Box::new(policy))]);
    bootstrap_for_custody(dir);
}

/// What somebody proposes on the command line, and what it answered.
fn propose(dir: &Path, id: &str, words: &str) -> (i32, String) {
    let mut arguments: Vec<&str> = words.split_whitespace().collect();
    arguments.extend(["--data", "ex", "--actor", "ada", "--id", id]);
    let ran = run(dir, &[&["staff", "register"][..], &arguments].concat());
    (ran.code, format!("{}{}", ran.out, ran.err))
}

/// All three approve each over HTTP, in three roles.
fn approved(dir: &Path, guard: &Guard, ids: &[&str], counter: &mut u32) {
    for id in ids {
        let shown = run(dir, &["staff", "show", id, "--data", "ex", "--json"]).json();
        let command = Command::read(shown["command"].as_str().unwrap()).unwrap();
        *counter += 1;
        for (person, role) in [
            ("ada", "risk"),
            ("bea", "treasury"),
            ("cem", "administrator"),
        ] {
            let yes = Answer::yes(&command, (person, role), *counter);
            let body = json!({ "target": id, "approval": yes.text() });
            let (status, answer) = guard.ask("approvals", &format!("{id}-{person}"), &body);
            assert_eq!(
                (status, answer["outcome"].as_str()),
                (200, Some("recorded")),
                "{id}: {answer}"
            );
        }
    }
}

/// The Safe, its batches, its key and what it holds, by the quorum.
fn registered(dir: &Path) -> Guard {
    let mut counter = 0;
    let (code, says) = propose(
        dir,
        "wallet",
        &format!("wallet vault --tier cold --address {VAULT}"),
    );
    assert_eq!(code, 0, "{says}");
    assert!(says.contains("quorum_short"), "{says}");
    let guard = Guard::start(dir);
    let before = guard.ask("withdrawals", "early", &withdrawal("early", "ETH", ETH));
    assert_eq!(self::code(&before.1), "unknown_wallet", "{}", before.1);
    approved(dir, &guard, &["wallet"], &mut counter);
    drop(guard);
    for (id, words) in [
        (
            "safe",
            format!(
                "safe --network {NETWORK} --address {VAULT} --safe-version 1.4.1 --wallet vault"
            ),
        ),
        (
            "batch",
            format!("batch-code --network {NETWORK} --address {BATCH}"),
        ),
        ("key", format!("key vault vault/1 {NETWORK}")),
        (
            "held",
            format!("holdings vault ETH={} USDC=1000000", 10 * ETH),
        ),
        (
            "dai",
            format!(
                "asset DAI --decimals 18 --network {NETWORK} --confirmations 3 --name {NETWORK}/erc20:{THIEF}"
            ),
        ),
    ] {
        let (code, says) = propose(dir, id, &words);
        assert_eq!(code, 0, "{id}: {says}");
    }
    let guard = Guard::start(dir);
    approved(
        dir,
        &guard,
        &["safe", "batch", "key", "held", "dai"],
        &mut counter,
    );
    guard
}

fn withdrawal(id: &str, asset: &str, units: u128) -> Value {
    json!({ "id": id, "customer": "ann", "wallet": "vault", "asset": asset, "amount": units.to_string(), "to": ANN, "max_fee": "1000000" })
}

fn plain(to: &str, value: u128, data: Vec<u8>) -> SafeTx {
    SafeTx {
        to: Address::parse(to).unwrap(),
        value,
        data,
        ..SafeTx::default()
    }
}

fn number(value: u128) -> Vec<u8> {
    Word::from(value).0.to_vec()
}

fn padded(address: Address) -> Vec<u8> {
    [&[0; 12], address.0.as_slice()].concat()
}

/// Bytes as an argument: their length, and they up to whole words.
fn bytes(of: &[u8]) -> Vec<u8> {
    let mut out = number(u128::try_from(of.len()).unwrap());
    out.extend(of);
    out.resize(out.len().next_multiple_of(32), 0);
    out
}

fn call(selector: u32, arguments: &[Vec<u8>]) -> Vec<u8> {
    [selector.to_be_bytes().to_vec(), arguments.concat()].concat()
}

fn token_transfer(to: &str, units: u128) -> Vec<u8> {
    call(
        s::TRANSFER,
        &[padded(Address::parse(to).unwrap()), number(units)],
    )
}

/// One batch of token transfers by the contract at `code`.
fn batch(code: &str, transfers: &[(&str, u128)]) -> SafeTx {
    let parts = transfers.iter().map(|(to, units)| {
        let data = token_transfer(to, *units);
        let to = Address::parse(TOKEN).unwrap();
        let length = number(u128::try_from(data.len()).unwrap());
        [vec![0], to.0.to_vec(), number(0), length, data].concat()
    });
    let data = call(
        s::MULTI_SEND,
        &[number(32), bytes(&parts.collect::<Vec<_>>().concat())],
    );
    SafeTx {
        operation: 1,
        ..plain(code, 0, data)
    }
}

/// A transaction of the sending key that has the Safe execute it.
fn executed(safe: &str, tx: &SafeTx) -> Vec<u8> {
    let data = bytes(&tx.data);
    let signatures = number(u128::try_from(320 + data.len()).unwrap());
    let mut sent = transfer(CHAIN, 0, safe, 0);
    sent.data = call(
        s::EXEC_TRANSACTION,
        &[
            padded(tx.to),
            number(tx.value),
            number(320),
            number(u128::from(tx.operation)),
            tx.safe_tx_gas.0.to_vec(),
            tx.base_gas.0.to_vec(),
            tx.gas_price.0.to_vec(),
            padded(tx.gas_token),
            padded(tx.refund_receiver),
            signatures,
            data,
            bytes(&[9; 65]),
        ],
    );
    sent.encode()
}

/// What an owner's key signs: typed data of the Safe.
fn typed(tx: &SafeTx, nonce: u64) -> Vec<u8> {
    let fields = |fields: &[(&str, &str)]| -> Vec<Value> {
        let one = |(name, kind): &(&str, &str)| json!({ "name": name, "type": kind });
        fields.iter().map(one).collect()
    };
    let safe = [
        ("to", "address"),
        ("value", "uint256"),
        ("data", "bytes"),
        ("operation", "uint8"),
        ("safeTxGas", "uint256"),
        ("baseGas", "uint256"),
        ("gasPrice", "uint256"),
        ("gasToken", "address"),
        ("refundReceiver", "address"),
        ("nonce", "uint256"),
    ];
    let document = json!({
        "types": {
            "EIP712Domain": fields(&[("chainId", "uint256"), ("verifyingContract", "address")]),
            "SafeTx": fields(&safe),
        },
        "primaryType": "SafeTx",
        "domain": { "chainId": CHAIN, "verifyingContract": VAULT.to_lowercase() },
        "message": {
            "to": tx.to.to_string(),
            "value": tx.value.to_string(),
            "data": format!("0x{}", to_hex(&tx.data)),
            "operation": tx.operation,
            "safeTxGas": "0", "baseGas": "0", "gasPrice": "0",
            "gasToken": Address::ZERO.to_string(),
            "refundReceiver": Address::ZERO.to_string(),
            "nonce": nonce.to_string(),
        },
    });
    document.to_string().into_bytes()
}

/// Asks for clearances, each under an idempotency key of its own.
struct Asking {
    guard: Guard,
    asked: u32,
}

impl Asking {
    fn clearance(&mut self, id: &str, key: &str, kind: &str, bytes: &[u8]) -> Value {
        self.asked += 1;
        let payload = json!({ "kind": kind, "bytes": STANDARD.encode(bytes) });
        let body = json!({ "withdrawal": id, "key": key, "attempt": 1, "payload": payload });
        self.guard
            .ask("clearances", &format!("c-{}", self.asked), &body)
            .1
    }

    /// A withdrawal out of the Safe that no person is asked about.
    fn withdraw(&self, id: &str, asset: &str, units: u128) {
        let (_, asked) = self
            .guard
            .ask("withdrawals", id, &withdrawal(id, asset, units));
        assert_eq!(asked["outcome"], "cleared", "{asked}");
    }

    fn redeem(&self, issued: &Value, signer: &str) {
        let body = json!({ "clearance": issued["clearance"], "signature": issued["signature"], "signer": signer });
        let (_, answer) = self.guard.ask("redemptions", signer, &body);
        assert_eq!(answer["outcome"], "redeemed", "{answer}");
    }
}

#[test]
fn a_safe_registered_by_its_quorum_pays_what_was_cleared_and_nothing_else() {
    let dir = installed();
    given(dir.path());
    let guard = registered(dir.path());
    let mut ask = Asking { guard, asked: 0 };
    ask.withdraw("eth", "ETH", ETH);
    ask.withdraw("usdc", "USDC", 250_000);
    let ether = executed(VAULT, &plain(ANN, ETH, Vec::new()));
    let issued = ask.clearance("eth", "hot-1/1", "evm-tx", &ether);
    assert_eq!(issued["outcome"], "cleared", "{issued}");
    assert!(
        issued["intent"]
            .as_str()
            .unwrap()
            .contains("\"wallet\":\"vault\"")
    );
    ask.redeem(&issued, "signer-1");
    let tokens = executed(VAULT, &batch(BATCH, &[(ANN, 250_000)]));
    let issued = ask.clearance("usdc", "hot-1/1", "evm-tx", &tokens);
    assert_eq!(issued["outcome"], "cleared", "{issued}");
    ask.redeem(&issued, "signer-2");
    // An owner's key signs the same for the Safe.
    ask.withdraw("signed", "ETH", ETH);
    let signed = ask.clearance(
        "signed",
        "vault/1",
        "safe-tx",
        &typed(&plain(ANN, ETH, Vec::new()), 7),
    );
    assert_eq!(signed["outcome"], "cleared", "{signed}");
    drop(ask);
    let shown = run(dir.path(), &["journal", "show", "--data", "ex", "--json"]).out;
    for kind in [
        "safe_registered",
        "batch_code_registered",
        "change_in_force",
    ] {
        assert!(shown.contains(kind), "{kind}");
    }
}

#[test]
fn a_safes_transaction_that_does_anything_else_is_refused_by_name() {
    let dir = installed();
    given(dir.path());
    let guard = registered(dir.path());
    let mut ask = Asking { guard, asked: 0 };
    let sound = || plain(ANN, ETH, Vec::new());
    let vault = Address::parse(VAULT).unwrap();
    let thief = Address::parse(THIEF).unwrap();
    let owner = |selector, arguments: &[Vec<u8>]| {
        executed(VAULT, &plain(VAULT, 0, call(selector, arguments)))
    };
    let refund = SafeTx {
        gas_price: Word::from(1),
        ..sound()
    };
    let receiver = SafeTx {
        refund_receiver: thief,
        ..sound()
    };
    let delegated = SafeTx {
        operation: 1,
        ..plain(THIEF, 0, Vec::new())
    };
    // The key's own allowance over the Safe's tokens is no transaction of the Safe.
    let mut spent = transfer(CHAIN, 0, TOKEN, 0);
    spent.data = call(
        s::TRANSFER_FROM,
        &[
            padded(vault),
            padded(Address::parse(ANN).unwrap()),
            number(250_000),
        ],
    );
    let eth = |tx: &SafeTx| executed(VAULT, tx);
    let cases: Vec<(&str, Vec<u8>, &str, &str)> = vec![
        (
            "eth",
            eth(&plain(THIEF, ETH, Vec::new())),
            "payload_mismatch",
            r#"field: \"to\""#,
        ),
        (
            "eth",
            eth(&plain(ANN, ETH + 1, Vec::new())),
            "payload_mismatch",
            r#"field: \"amount\""#,
        ),
        (
            "usdc",
            executed(VAULT, &batch(BATCH, &[(THIEF, 250_000)])),
            "payload_mismatch",
            r#"field: \"to\""#,
        ),
        (
            "usdc",
            executed(VAULT, &batch(BATCH, &[(ANN, 250_000), (ANN, 1)])),
            "payload_mismatch",
            r#"field: \"amount\""#,
        ),
        (
            "usdc",
            executed(VAULT, &batch(THIEF, &[(ANN, 250_000)])),
            "undecodable",
            "delegate_call",
        ),
        ("usdc", spent.encode(), "unknown_key", ""),
        (
            "eth",
            executed(BATCH, &sound()),
            "undecodable",
            "safe_unknown",
        ),
        ("eth", eth(&delegated), "undecodable", "delegate_call"),
        ("eth", eth(&refund), "undecodable", "safe_refund"),
        ("eth", eth(&receiver), "undecodable", "safe_refund"),
        (
            "eth",
            owner(s::ADD_OWNER, &[padded(thief), number(1)]),
            "op_not_allowed",
            "set_authority",
        ),
        (
            "eth",
            owner(s::ENABLE_MODULE, &[padded(thief)]),
            "op_not_allowed",
            "",
        ),
        (
            "eth",
            owner(s::SET_FALLBACK_HANDLER, &[padded(thief)]),
            "op_not_allowed",
            "",
        ),
        (
            "eth",
            owner(s::SET_GUARD, &[padded(thief)]),
            "op_not_allowed",
            "",
        ),
        (
            "eth",
            transfer(CHAIN, 0, ANN, ETH).encode(),
            "unknown_key",
            "",
        ),
    ];
    ask.withdraw("eth", "ETH", ETH);
    ask.withdraw("usdc", "USDC", 250_000);
    for (number, (id, bytes, wanted, says)) in cases.into_iter().enumerate() {
        let answer = ask.clearance(id, "hot-1/1", "evm-tx", &bytes);
        assert_eq!(code(&answer), wanted, "{number}: {answer}");
        assert!(answer.to_string().contains(says), "{number}: {answer}");
        assert!(answer["clearance"].is_null());
    }
}

/// As the withdrawal's wallet the Safe is no sender, and the sender's wallet is not the Safe.
#[test]
fn the_wallet_of_the_intent_is_the_safes() {
    let dir = installed();
    given(dir.path());
    let guard = registered(dir.path());
    let mut ask = Asking { guard, asked: 0 };
    let body = json!({ "id": "hot", "customer": "ann", "wallet": "hot-1", "asset": "ETH", "amount": ETH.to_string(), "to": ANN, "max_fee": "1000000" });
    let (_, asked) = ask.guard.ask("withdrawals", "hot", &body);
    assert_eq!(asked["outcome"], "cleared", "{asked}");
    let ether = plain(ANN, ETH, Vec::new());
    let answer = ask.clearance("hot", "hot-1/1", "evm-tx", &executed(VAULT, &ether));
    assert_eq!(code(&answer), "payload_mismatch", "{answer}");
    assert!(answer.to_string().contains("wallet"), "{answer}");
    ask.withdraw("eth", "ETH", ETH);
    for (key, kind, bytes) in [
        ("vault/1", "evm-tx", executed(VAULT, &ether)),
        ("hot-1/1", "safe-tx", typed(&ether, 0)),
    ] {
        let answer = ask.clearance("eth", key, kind, &bytes);
        assert_eq!(code(&answer), "unknown_key", "{key}: {answer}");
    }
}

#[test]
fn a_wrong_registration_says_what_is_wrong() {
    let dir = installed();
    given(dir.path());
    let wrong = VAULT.replace("Aed", "AeD");
    for (words, exit, says) in [
        (
            format!(
                "safe --network {NETWORK} --address {wrong} --safe-version 1.4.1 --wallet hot-1"
            ),
            1,
            VAULT,
        ),
        (
            format!("safe --network {NETWORK} --address {HOT} --safe-version 1.2.0 --wallet hot-1"),
            1,
            "before 1.3.0",
        ),
        (
            format!(
                "safe --network {NETWORK} --address {VAULT} --safe-version 1.4.1 --wallet hot-1"
            ),
            1,
            "its wallet",
        ),
        ("holdings hot-1 ETH".to_owned(), 2, "with `=` between"),
        ("holdings hot-1 USDC=1.5".to_owned(), 2, "minor units"),
        ("holdings hot-1 ETH=1".to_owned(), 1, "hot-1"),
        (
            "asset DAI --decimals 18 --network eip155:1".to_owned(),
            2,
            "--name",
        ),
    ] {
        let (code, told) = propose(dir.path(), "p", &words);
        assert_eq!(code, exit, "{words}: {told}");
        assert!(told.contains(says), "{words}: {told}");
    }
    let single = run(
        dir.path(),
        &[
            "guard",
            "wallet",
            "own",
            "--tier",
            "hot",
            "--address",
            THIEF,
            "--data",
            "ex",
            "--actor",
            "ada",
        ],
    );
    assert_eq!(single.code, 1);
    assert!(single.err.contains("proposal_needed"), "{}", single.err);
    let made = Installation::open(&dir.path().join("ex")).unwrap();
    assert!(made.sequencer.state().guard.proposals.is_empty());
}
