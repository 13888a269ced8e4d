//! What a Bitcoin transaction pays beside its withdrawal, and bodies that ask for clearances wrongly, through the real program.

use crate::cli::installed;
use crate::guard_api::{Guard, code};
use crate::small_exchange::movement;
use crate::staffed::{Office, bootstrap, now};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bitcoin::hashes::Hash as _;
use bitcoin::psbt::Psbt;
use bitcoin::{
    Address, Amount, Network as Chain, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut,
    WPubkeyHash, Witness, absolute, transaction,
};
use keepwhole_core::command::Body;
use keepwhole_core::policy::{Clear, Policy};
use keepwhole_core::registry::{Asset, AssetIx, Tier, Wallet};
use serde_json::json;

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
