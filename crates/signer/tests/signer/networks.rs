//! Keys of other kinds: a nonce account of Solana that is used twice, and a Safe.

use crate::world::{AUTOMATIC, CUSTOMER, Case, HOT, World, transaction};
use keepwhole_payload::evm::safe::SafeTx;
use keepwhole_payload::evm::{self, Address, typed};
use keepwhole_payload::solana::{self, Cluster, Key, ids};
use keepwhole_payload::{Refusal as PayloadRefusal, Word};
use keepwhole_signer::Refusal;
use keepwhole_verify::clearance::PayloadKind;
use std::collections::BTreeMap;

const OWN: Key = Key([0x41; 32]);
const NONCES: Key = Key([0x42; 32]);
const DEST: Key = Key([0x43; 32]);
/// The sysvar that instructions on nonces name; the decoder takes any.
const BLOCKHASHES: Key = Key([0x44; 32]);

/// A transfer of lamports under a durable nonce of that value.
fn message(nonce: u8, lamports: u64) -> Vec<u8> {
    let keys = [OWN, NONCES, DEST, BLOCKHASHES, ids::SYSTEM];
    let mut bytes = vec![1, 0, 2, u8::try_from(keys.len()).unwrap()];
    bytes.extend(keys.iter().flat_map(|key| key.0));
    bytes.extend([nonce; 32]);
    bytes.extend([2, 4, 3, 1, 3, 0, 4, 4, 0, 0, 0]);
    bytes.extend([4, 2, 0, 2, 12, 2, 0, 0, 0]);
    bytes.extend(lamports.to_le_bytes());
    bytes
}

fn with_solana(text: String) -> String {
    let network = Cluster::Mainnet.network();
    let asset = format!(
        "\n[assets.\"{network}/slip44:501\"]\nautomatic_limit = \"{AUTOMATIC}\"\nautomatic_hour_cap = \"10000000\"\nautomatic_day_cap = \"10000000\"\nhour_cap = \"10000000\"\nfee_limit = \"90000\"\n"
    );
    let key =
        format!("\n[keys.sol-1]\nwallet = \"sol\"\nnetwork = \"{network}\"\naddress = \"{OWN}\"\n");
    text + &asset + &key
}

/// A withdrawal of lamports under a nonce, as the guard would clear it: by the nonce's account.
fn withdrawal(world: &World, nonce: u8, attempt: u32) -> Case {
    let context = solana::Context {
        cluster: Cluster::Mainnet,
        tables: &BTreeMap::new(),
        mints: &BTreeMap::new(),
    };
    let payload = message(nonce, 700_000);
    let outcome = solana::message(&payload, &context).unwrap();
    let mut case = world.case("w-sol", 1, 700_000).with_intent(|intent| {
        intent.network = Cluster::Mainnet.network().to_owned();
        intent.asset = format!("{}/slip44:501", intent.network);
        intent.dest = DEST.to_string();
        intent.wallet = "sol".to_owned();
    });
    case.payload = payload;
    case.with_clearance(|clearance| {
        clearance.attempt = attempt;
        clearance.key = "sol-1".to_owned();
        clearance.payload_kind = PayloadKind::SolanaMessage;
        clearance.signing_digest = outcome.signing_digest;
        clearance.conflict_key = outcome.conflict_key.clone();
        clearance.total_fee = outcome.fee;
    })
}

#[test]
fn a_nonce_account_does_not_pay_twice() {
    let world = World::with(with_solana);
    let first = withdrawal(&world, 1, 1);
    let permit = world.sign(&first).unwrap();
    assert_eq!(permit.to_sign()[0].bytes, first.payload);
    // It landed, and its account has moved on to another value: the second attempt would land too.
    let refusal = world.sign(&withdrawal(&world, 2, 2)).unwrap_err();
    assert_eq!(refusal.name(), "conflict_key_changed");
}

const SAFE: Address = Address([0x5a; 20]);

fn typed_data(tx: &SafeTx, nonce: u64) -> String {
    let hex = |bytes: &[u8]| format!("0x{}", keepwhole_verify::json::to_hex(bytes));
    let types = r#"{"EIP712Domain":[{"name":"chainId","type":"uint256"},{"name":"verifyingContract","type":"address"}],"SafeTx":[{"name":"to","type":"address"},{"name":"value","type":"uint256"},{"name":"data","type":"bytes"},{"name":"operation","type":"uint8"},{"name":"safeTxGas","type":"uint256"},{"name":"baseGas","type":"uint256"},{"name":"gasPrice","type":"uint256"},{"name":"gasToken","type":"address"},{"name":"refundReceiver","type":"address"},{"name":"nonce","type":"uint256"}]}"#;
    format!(
        r#"{{"domain":{{"chainId":1,"verifyingContract":"{SAFE}"}},"message":{{"baseGas":"0","data":"{}","gasPrice":"0","gasToken":"{}","nonce":"{nonce}","operation":{},"refundReceiver":"{}","safeTxGas":"0","to":"{}","value":"{}"}},"primaryType":"SafeTx","types":{types}}}"#,
        hex(&tx.data),
        tx.gas_token,
        tx.operation,
        tx.refund_receiver,
        tx.to,
        tx.value,
    )
}

#[test]
fn a_safe_pays_what_was_cleared_and_runs_no_code_of_others() {
    let world = World::with(|text| {
        text.replace(
            &format!("address = \"{HOT}\""),
            &format!("address = \"{HOT}\"\nsafes = [\"{SAFE}\"]"),
        )
    });
    let tx = SafeTx {
        to: Address::parse(CUSTOMER).unwrap(),
        value: 600_000,
        data: Vec::new(),
        data_at: 0,
        operation: 0,
        safe_tx_gas: Word([0; 32]),
        base_gas: Word([0; 32]),
        gas_price: Word([0; 32]),
        gas_token: Address::ZERO,
        refund_receiver: Address::ZERO,
    };
    let case = |tx: &SafeTx, nonce: u64, attempt: u32| {
        let sender = Address::parse(HOT).unwrap();
        let context = evm::Context {
            chain_id: 1,
            coin: 60,
            sender,
            safes: &[SAFE],
            multi_send: &[],
        };
        let text = typed_data(tx, nonce);
        let mut case = Case::new("w-safe", 1, 600_000, world.now());
        if let Ok(outcome) = typed::typed_data(&text, &context) {
            case.clearance.signing_digest = outcome.signing_digest;
            case.clearance.conflict_key = outcome.conflict_key;
        }
        case.payload = text.into_bytes();
        case.with_clearance(|clearance| {
            clearance.attempt = attempt;
            clearance.payload_kind = PayloadKind::SafeTx;
            clearance.total_fee = 0;
        })
    };
    let foreign = SafeTx {
        operation: 1,
        ..tx.clone()
    };
    let Err(Refusal::Payload { refusal }) = world.sign(&case(&foreign, 3, 1)) else {
        panic!("a delegate call was signed")
    };
    assert!(
        matches!(refusal, PayloadRefusal::DelegateCall { .. }),
        "{refusal}"
    );
    world.sign(&case(&tx, 3, 1)).unwrap();
    // Once more at the Safe's next nonce, and once more from the key's own account.
    let again = world.sign(&case(&tx, 4, 2)).unwrap_err();
    assert_eq!(again.name(), "conflict_key_changed");
    let own = Case::new("w-safe", 1, 600_000, world.now());
    let own = own.with_bytes(&transaction(1, 600_000));
    let own = own.with_clearance(|clearance| clearance.attempt = 2);
    assert_eq!(world.sign(&own).unwrap_err().name(), "conflict_key_changed");
}
