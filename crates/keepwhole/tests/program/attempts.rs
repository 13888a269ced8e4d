//! What is asked a second time, and what a Bitcoin transaction pays beside its withdrawal, through the real program: a price
//! that moves holds a redemption, and the next attempt clears once it is back.

use crate::cli::installed;
use crate::guard_api::{Guard, code};
use crate::nodes::ACCOUNT;
use crate::small_exchange::movement;
use crate::staffed::{Office, bootstrap, now};
use crate::walk::{ANN, CHAIN, ETH, FEE, Walk, given, transfer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bitcoin::hashes::Hash as _;
use bitcoin::psbt::Psbt;
use bitcoin::{
    Address, Amount, Network as Chain, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut,
    WPubkeyHash, Witness, absolute, transaction,
};
use keepwhole::installation::verifier_key;
use keepwhole::journal::keys::KeyFile;
use keepwhole::policy::{Names, read};
use keepwhole_core::command::Body;
use keepwhole_core::policy::{Clear, Policy};
use keepwhole_core::price::{NewPrice, ONE};
use keepwhole_core::registry::{Asset, AssetIx, Tier, Wallet};
use keepwhole_cosigner::claims::{Claims, Raw, Stage, Vendor};
use keepwhole_cosigner::guard::checks::Pins;
use keepwhole_cosigner::guard::client::{Client, Place};
use keepwhole_cosigner::guard::http::{HttpGuard, system_clock};
use keepwhole_cosigner::guard::{Ask, Guard as _, Verdict};
use keepwhole_cosigner::mapping::{Asset as Mapped, Mapping, Network};
use keepwhole_cosigner::store::{Answered, Store};
use keepwhole_signer::caps::Window;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// From five million won on a withdrawal waits.
const BY_VALUE: &str = r#"
[[rule]]
id = "small"
when = ["kind in [withdrawal]", "value < 5,000,000 KRW"]
then = "clear"
says = "Below the value that waits"
says_ko = "대기 금액 미만"

[[rule]]
id = "large"
when = ["value >= 5,000,000 KRW"]
then = "hold"
ground = "processing"
says = "From this value on it waits"
says_ko = "대기 금액 이상"
"#;

/// The sections of the ready policy for a small exchange, and those rules; prices that may double and be a day old.
fn policy_by_value() -> String {
    let ready = include_str!("../../../../policies/small.toml");
    let sections = ready.split("[[cap]]").next().unwrap();
    let of_others = ["BTC =", "SOL =", "XRP =", "USDT ="];
    let kept = sections
        .lines()
        .filter(|line| !of_others.iter().any(|name| line.starts_with(name)))
        .map(|line| match line {
            "max_age = \"60s\"" => "max_age = \"24h\"",
            "band = \"10%\"" => "band = \"100%\"",
            line => line,
        });
    let kept: Vec<&str> = kept.collect();
    kept.join("\n") + BY_VALUE
}

fn price(office: &mut Office, won: u128) {
    let told = NewPrice {
        base: "ETH".to_owned(),
        quote: "KRW".to_owned(),
        price: won * ONE,
        as_of: office.at,
        source: "desk".to_owned(),
    };
    office.tell(Body::RecordPrices(vec![told]));
}

/// The exchange of the walks with that policy, and Ether at three million won.
fn by_value(dir: &Path) {
    let mut office = Office::open(dir, now() * 1_000);
    given(&mut office);
    office.tell(Body::RegisterAsset(Asset {
        id: "KRW".to_owned(),
        decimals: 0,
        network: None,
        confirmations: 1,
    }));
    price(&mut office, 3_000_000);
    let state = office.state();
    let names = Names::of_registry(&state.registry, state.at);
    let file = read("value.toml", &policy_by_value(), Some(&names));
    let file = file.unwrap_or_else(|told| panic!("{told}"));
    office.tell(Body::AdoptPolicy(Box::new(file.policy)));
    office.close();
    bootstrap(dir);
}

/// While the program rests, the price moves.
fn moves(dir: &Path, won: u128) {
    let mut office = Office::open(dir, now() * 1_000);
    price(&mut office, won);
    office.close();
}

fn asks_clearance(walk: &Walk<'_>, attempt: u32, bytes: &[u8]) -> Value {
    let payload = json!({"kind": "evm-tx", "bytes": STANDARD.encode(bytes)});
    let body =
        json!({"withdrawal": "w-2", "key": "hot-1/1", "attempt": attempt, "payload": payload});
    walk.ask("/v1/guard/clearances", &body)
}

#[test]
fn the_attempt_after_a_held_redemption_counts_what_is_new() {
    let name = "the_attempt_after_a_held_redemption_counts_what_is_new";
    let dir = installed();
    let dir = dir.path();
    by_value(dir);
    let Some(mut walk) = Walk::start(dir, name) else {
        return;
    };
    let signer = walk.signer("signer", &[("ada", "risk"), ("bea", "treasury")]);
    let asset = format!("eip155:{CHAIN}/slip44:60");
    let used = || {
        let status = signer.status().unwrap();
        let asset = status.assets.into_iter().find(|row| row.asset == asset);
        let mut caps = asset.unwrap().caps.into_iter();
        let hour = caps.find(|row| row.window == Window::AutomaticHour);
        hour.unwrap().used
    };
    // One that goes through: from now on the signer has a head, and the log may rest for ten minutes.
    let first = transfer(CHAIN, 0, ANN, 1).encode();
    assert_eq!(walk.withdraw("w-1", 1, ANN)["outcome"], "cleared");
    let answer = walk.cleared("w-1", &first);
    walk.sends(&signer, &answer, &first).unwrap();
    assert_eq!(used(), 1 + FEE);

    let mut cheap = transfer(CHAIN, 1, ANN, ETH);
    cheap.max_fee = 1;
    let cheap = cheap.encode();
    assert_eq!(walk.withdraw("w-2", ETH, ANN)["outcome"], "cleared");
    let answer = walk.cleared("w-2", &cheap);
    walk.stop();
    moves(dir, 5_900_000);
    walk.serve();
    let refusal = walk.sends(&signer, &answer, &cheap).unwrap_err();
    assert_eq!(refusal.name(), "redemption_held", "{refusal}");
    // It was begun, so it counts; once, however often the vendor asks.
    let begun = 1 + FEE + ETH + FEE / 2;
    assert_eq!(used(), begun);
    let refusal = walk.sends(&signer, &answer, &cheap).unwrap_err();
    assert_eq!((refusal.name(), used()), ("redemption_held", begun));
    let told = asks_clearance(&walk, 2, &cheap);
    assert_eq!(
        (&told["outcome"], code(&told)),
        (&json!("held"), "rule_holds")
    );

    walk.stop();
    moves(dir, 3_000_000);
    walk.serve();
    // The same bytes are still the first attempt; others are the second, where they spend the same.
    let dear = transfer(CHAIN, 1, ANN, ETH).encode();
    let told = asks_clearance(&walk, 1, &dear);
    assert_eq!(
        (code(&told), &told["next_attempt"]),
        ("attempt_out_of_turn", &json!(2))
    );
    let elsewhere = transfer(CHAIN, 2, ANN, ETH).encode();
    assert_eq!(
        code(&asks_clearance(&walk, 2, &elsewhere)),
        "conflict_key_changed"
    );
    let told = asks_clearance(&walk, 2, &dear);
    assert_eq!(told["outcome"], "cleared", "{told}");
    let second = keepwhole_signer::request::ClearanceAnswer::read(&told.to_string()).unwrap();
    walk.sends(&signer, &second, &dear).unwrap();
    assert_eq!(walk.node.balance(ANN), ETH + 1);
    // The value once, and of the second attempt what its fee is above the first one's.
    assert_eq!(used(), begun + FEE / 2);
    // The first is over, at the signer and at the guard.
    let refusal = walk.sends(&signer, &answer, &cheap).unwrap_err();
    assert_eq!(refusal.name(), "attempt_lower");
    walk.stop();
    let office = Office::open(dir, now() * 1_000);
    let clearances = &office.state().guard.clearances;
    let (number, _) = office.state().guard.request("w-2").unwrap();
    let issued: Vec<(u32, bool)> = clearances
        .of(number)
        .iter()
        .map(|one| (one.attempt, one.redeemed.is_some()))
        .collect();
    assert_eq!(issued, [(1, false), (2, true)]);
}

/// A vendor's request over these bytes, as it arrived.
fn ask(request: &str, received: u64, bytes: Vec<u8>) -> Ask {
    let network = format!("eip155:{CHAIN}");
    Ask {
        vendor: Vendor::Fireblocks,
        account: "user-1".to_owned(),
        request: request.to_owned(),
        stage: Stage::Signing,
        body: [7; 32],
        received,
        peer: "192.0.2.7".to_owned(),
        claims: Claims {
            withdrawal: "w-2".to_owned(),
            asset: format!("{network}/slip44:60"),
            network,
            wallet: "hot-1".to_owned(),
            key: "hot-1/1".to_owned(),
            from: Some(ACCOUNT.to_owned()),
            to: ANN.to_owned(),
            memo: String::new(),
            amount: ETH,
            fee: None,
            transaction: format!("t-{request}"),
            raw: Some(Raw { bytes, hash: None }),
        },
        incident: None,
    }
}

/// A responder's side of the guard, with a memory that outlives the guard's restarts.
fn responder(dir: &Path, guard: &Guard, store: &Arc<Mutex<Store>>) -> HttpGuard {
    let network = format!("eip155:{CHAIN}");
    let asset = Mapped {
        asset: format!("{network}/slip44:60"),
        network: network.clone(),
        decimals: 18,
        per_hour: 2 * ETH,
        automatic: 2 * ETH,
        client: 2 * ETH,
    };
    let coin = Network {
        decimals: 18,
        coin: 60,
        fee_limit: 1_000_000,
    };
    let mapping = Arc::new(Mapping {
        assets: [((Vendor::Fireblocks, "ETH".to_owned()), asset)].into(),
        networks: [(network, coin)].into(),
        ..Mapping::default()
    });
    let place = Place::parse(&format!("http://{}", guard.served.address())).unwrap();
    let client = |token: &str| Client::new(place.clone(), None, Some(token.to_owned().into()));
    let pins = Pins {
        guard: verifier_key(&dir.join("ex"), KeyFile::Guard).unwrap(),
        signer: "responder-1".to_owned(),
        mapping: Arc::clone(&mapping),
        fees_untold: false,
        people: None,
    };
    let clients = (client(&guard.guard), client(&guard.signer));
    HttpGuard::new(clients, pins, mapping, Arc::clone(store), system_clock())
}

/// A custody vendor asks again under the same request, and in the end with other bytes for a higher fee.
#[test]
fn a_vendor_that_asks_again_after_a_held_redemption_gets_the_next_attempt() {
    let dir = installed();
    let dir = dir.path();
    by_value(dir);
    let rested = tempfile::tempdir().unwrap();
    let store = Arc::new(Mutex::new(Store::open(rested.path()).unwrap()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let hears = |guard: &Guard, ask: &Ask| {
        let responder = responder(dir, guard, &store);
        runtime.block_on(responder.ask(ask))
    };
    let counted = || {
        let asset = format!("eip155:{CHAIN}/slip44:60");
        store.lock().unwrap().spent_in_hour(&asset, now() * 1_000)
    };
    let mut cheap = transfer(CHAIN, 1, ANN, ETH);
    cheap.max_fee = 1;
    let (cheap, dear) = (cheap.encode(), transfer(CHAIN, 1, ANN, ETH).encode());
    let arrived = now() * 1_000;

    let guard = Guard::start(dir);
    let body = json!({"id": "w-2", "customer": "ann", "wallet": "hot-1", "asset": "ETH", "amount": ETH.to_string(),
        "to": ANN, "max_fee": FEE.to_string()});
    assert_eq!(
        guard.ask("withdrawals", "w-2", &body).1["outcome"],
        "cleared"
    );
    let approval = Ask {
        stage: Stage::Approval,
        ..ask("r-1", arrived, cheap.clone())
    };
    assert_eq!(hears(&guard, &approval), Verdict::Cleared);
    // The first attempt is issued; before anybody redeems it, the price moves.
    let payload = json!({"kind": "evm-tx", "bytes": STANDARD.encode(&cheap)});
    let issued = json!({"withdrawal": "w-2", "key": "hot-1/1", "attempt": 1, "payload": payload});
    assert_eq!(
        guard.ask("clearances", "c-1", &issued).1["outcome"],
        "cleared"
    );
    drop(guard);
    moves(dir, 5_900_000);
    let guard = Guard::start(dir);
    for again in [1, 2] {
        let held = hears(&guard, &ask("r-1", arrived + again, cheap.clone()));
        assert!(
            matches!(&held, Verdict::Held { code, answered: true } if code == "rule_holds"),
            "{held:?}"
        );
    }
    assert_eq!(counted(), 0, "nothing was given to sign yet");
    drop(guard);
    moves(dir, 3_000_000);
    let guard = Guard::start(dir);
    let answer = hears(&guard, &ask("r-1", arrived + 3, cheap.clone()));
    assert_eq!(answer, Verdict::Cleared);
    assert_eq!(counted(), ETH + FEE / 2);
    let first = ask("r-1", arrived, cheap);
    let by = first.claims.paid_by(first.vendor, &first.account, "r-1");
    let approved = Answered {
        key: by.clone(),
        content: "c".to_owned(),
        at: arrived,
        status: 200,
        body: "token".to_owned(),
        word: "approve".to_owned(),
        approves: Some(("w-2".to_owned(), by)),
    };
    store.lock().unwrap().answer(approved).unwrap();
    // Sent again for a higher fee: the second attempt, and only the difference counts.
    let answer = hears(&guard, &ask("r-2", arrived + 4, dear));
    assert_eq!(answer, Verdict::Cleared);
    assert_eq!(counted(), ETH + FEE);
    drop(guard);
    let office = Office::open(dir, now() * 1_000);
    let (number, _) = office.state().guard.request("w-2").unwrap();
    let issued = office.state().guard.clearances.of(number);
    let redeemed = |at: usize| issued[at].redeemed.as_ref().unwrap().signer.as_str();
    assert_eq!((issued.len(), issued[1].attempt), (2, 2));
    assert_eq!((redeemed(0), redeemed(1)), ("responder-1", "responder-1"));
}

const MAINNET: &str = "bip122:000000000019d6689c085ae165831e93";

fn script(byte: u8) -> ScriptBuf {
    ScriptBuf::new_p2wpkh(&WPubkeyHash::from_byte_array([byte; 20]))
}

fn address(byte: u8) -> String {
    let address = Address::from_script(&script(byte), Chain::Bitcoin);
    address.unwrap().to_string()
}

fn paying(byte: u8, sat: u64) -> TxOut {
    TxOut {
        value: Amount::from_sat(sat),
        script_pubkey: script(byte),
    }
}

fn spending(point: OutPoint, output: Vec<TxOut>) -> Transaction {
    Transaction {
        version: transaction::Version::TWO,
        lock_time: absolute::LockTime::ZERO,
        input: vec![TxIn {
            previous_output: point,
            script_sig: ScriptBuf::new(),
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
            witness: Witness::new(),
        }],
        output,
    }
}

/// 100,000 satoshi of the hot wallet's script (1), paid out as told.
fn psbt(output: Vec<TxOut>) -> Vec<u8> {
    let earlier = spending(OutPoint::null(), vec![paying(1, 100_000)]);
    let point = OutPoint {
        txid: earlier.compute_txid(),
        vout: 0,
    };
    let mut psbt = Psbt::from_unsigned_tx(spending(point, output)).unwrap();
    psbt.inputs[0].non_witness_utxo = Some(earlier);
    psbt.serialize()
}

/// What another wallet of ours gets is no change: of a wallet for deposits least of all, as customers pay into it, and its
/// keys are handled by machines.
#[test]
fn a_bitcoin_withdrawal_pays_no_deposit_wallet_beside_the_customer() {
    let dir = installed();
    let dir = dir.path();
    let mut office = Office::open(dir, now() * 1_000);
    let wallet = |id: &str, tier, byte| {
        Body::RegisterWallet(Wallet {
            id: id.to_owned(),
            tier,
            address: address(byte),
        })
    };
    for body in [
        Body::RegisterAsset(Asset {
            id: "BTC".to_owned(),
            decimals: 8,
            network: Some(MAINNET.to_owned()),
            confirmations: 1,
        }),
        Body::RegisterOwners(vec!["house".to_owned(), "ann".to_owned()]),
        wallet("hot-1", Tier::Hot, 1),
        wallet("hot-2", Tier::Hot, 2),
        wallet("in-1", Tier::Deposit, 3),
        Body::DeclareHoldings(vec![("hot-1".to_owned(), "BTC".to_owned(), 10_000_000)]),
        Body::RecordMovements(vec![movement("outside", "ann", "BTC", 5_000_000)]),
        Body::NameAsset {
            asset: "BTC".to_owned(),
            caip19: format!("{MAINNET}/slip44:0"),
        },
        Body::NameKey {
            wallet: "hot-1".to_owned(),
            key: "hot-1/1".to_owned(),
            network: MAINNET.to_owned(),
        },
        Body::AdoptPolicy(Box::new(Policy {
            version: 1,
            clears: vec![Clear {
                asset: AssetIx(0),
                up_to: 1_000_000,
            }],
            ops_allowed: vec!["transfer".to_owned()],
            clearance_ttl_ms: Some(600_000),
            ..Policy::default()
        })),
    ] {
        office.tell(body);
    }
    office.close();
    bootstrap(dir);
    let guard = Guard::start(dir);
    let body = json!({"id": "w-1", "customer": "ann", "wallet": "hot-1", "asset": "BTC", "amount": "60000",
        "to": address(9), "max_fee": "10000"});
    assert_eq!(
        guard.ask("withdrawals", "w-1", &body).1["outcome"],
        "cleared"
    );
    let asked = |key: &str, output: Vec<TxOut>| {
        let payload = json!({ "kind": "psbt", "bytes": STANDARD.encode(psbt(output)) });
        let body = json!({"withdrawal": "w-1", "key": "hot-1/1", "attempt": 1, "payload": payload});
        guard.ask("clearances", key, &body).1
    };
    for (number, (own, wanted)) in [(3, "payload_mismatch"), (2, "payload_mismatch")]
        .into_iter()
        .enumerate()
    {
        let told = asked(
            &format!("c-{number}"),
            vec![paying(9, 60_000), paying(own, 20_000), paying(1, 15_000)],
        );
        assert_eq!(
            (&told["outcome"], code(&told)),
            (&json!("denied"), wanted),
            "{told}"
        );
        assert!(told["reasons"][0].to_string().contains("to"), "{told}");
    }
    let told = asked("c-9", vec![paying(9, 60_000), paying(1, 35_000)]);
    assert_eq!(told["outcome"], "cleared", "change goes back: {told}");
}

/// Bodies of the two routes that a signer's side asks: each fault in its own words, and nothing of it becomes a command.
#[test]
fn bodies_around_clearances_are_refused_in_their_own_words() {
    let dir = installed();
    bootstrap(dir.path());
    let guard = Guard::start(dir.path());
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let good = r#"{"withdrawal":"w-1","key":"hot-1/1","attempt":1,"payload":{"kind":"evm-tx","bytes":"AA=="}}"#;
    let redeem = r#"{"clearance":"{}","signature":"x","signer":"signer-1"}"#;
    let with = |body: &str, from: &str, to: &str| {
        assert!(body.contains(from), "{from}");
        body.replacen(from, to, 1)
    };
    for (route, token, body, wanted) in [
        (
            "clearances",
            &guard.guard,
            with(good, "1,", "\"1\","),
            "invalid type",
        ),
        (
            "clearances",
            &guard.guard,
            with(good, "1,", "1.5,"),
            "invalid type",
        ),
        (
            "clearances",
            &guard.guard,
            with(good, "1,", "-1,"),
            "invalid value",
        ),
        (
            "clearances",
            &guard.guard,
            with(good, "1,", "4294967296,"),
            "invalid value",
        ),
        (
            "clearances",
            &guard.guard,
            with(good, "AA==", "AA"),
            "not base64",
        ),
        (
            "clearances",
            &guard.guard,
            with(good, "\"key\"", "\"key\":\"x\",\"key\""),
            "duplicate field",
        ),
        (
            "clearances",
            &guard.guard,
            with(good, "\"kind\"", "\"raw\":1,\"kind\""),
            "unknown field",
        ),
        (
            "clearances",
            &guard.guard,
            with(good, "\"AA==\"", &deep),
            "too_deep",
        ),
        (
            "clearances",
            &guard.guard,
            good[..good.len() - 1].to_owned(),
            "EOF",
        ),
        (
            "redemptions",
            &guard.signer,
            redeem.to_owned(),
            "is missing",
        ),
        (
            "redemptions",
            &guard.signer,
            with(redeem, "\"{}\"", "{}"),
            "invalid type",
        ),
        (
            "redemptions",
            &guard.signer,
            with(redeem, "\"signer\"", "\"more\":1,\"signer\""),
            "unknown field",
        ),
        (
            "redemptions",
            &guard.signer,
            with(redeem, "\"signer\"", "\"signer\":\"a\",\"signer\""),
            "duplicate field",
        ),
        (
            "redemptions",
            &guard.signer,
            with(redeem, "\"x\"", &deep),
            "too_deep",
        ),
        ("redemptions", &guard.signer, redeem[..20].to_owned(), "EOF"),
    ] {
        let path = format!("/v1/guard/{route}");
        let (status, answer) = guard.served.post(&path, token, "k", &body);
        assert_eq!(status, 400, "{body:.120}: {answer}");
        assert!(answer.to_string().contains(wanted), "{body:.120}: {answer}");
    }
}
