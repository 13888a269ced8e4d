//! What the exchange trusts on chains changes by its quorum alone, and a Safe's transaction is cleared for its wallet alone.

use super::{propose, stands};
use crate::exchange::{DAY, Exchange, code};
use crate::staff::{Staff, staffed};
use keepwhole_core::answer::Answer;
use keepwhole_core::authority::binding;
use keepwhole_core::authority::class::Class;
use keepwhole_core::authority::matter::Target;
use keepwhole_core::command::{
    Body, DecodedPayload, NewIntent, NewPayload, Operation, PayloadContent,
};
use keepwhole_core::guard::clearance::Contract;
use keepwhole_core::guard::custody_change::{Body as Custody, Holding, NewAsset, NewSafe};
use keepwhole_core::guard::{Change, Standing};
use keepwhole_core::registry::{Asset, Tier, Wallet};
use proptest::prelude::*;

const NETWORK: &str = "eip155:1";
/// An example of EIP-55.
const VAULT: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
const SENDER: &str = "0x1111111111111111111111111111111111111111";
const CODE: &str = "0x9641d764fc13c8b624c04430c7356c1c7c8102e2";

fn of(body: Custody) -> Change {
    Change::OfCustody(Box::new(body))
}

fn wallet(id: &str, address: &str) -> Change {
    Change::RegisterWallet(Wallet {
        id: id.into(),
        tier: Tier::Cold,
        address: address.into(),
    })
}

fn safe() -> NewSafe {
    NewSafe {
        network: NETWORK.into(),
        address: VAULT.into(),
        version: "1.4.1".into(),
        wallet: "vault".into(),
    }
}

fn token() -> NewAsset {
    NewAsset {
        asset: Asset {
            id: "USDC".into(),
            decimals: 6,
            network: Some(NETWORK.into()),
            confirmations: 12,
        },
        caip19: Some(format!("{NETWORK}/erc20:{VAULT}")),
    }
}

fn code_at(address: &str) -> Custody {
    Custody::BatchCode {
        network: NETWORK.into(),
        address: address.into(),
    }
}

fn holdings(lines: &[(&str, u128)]) -> Custody {
    let line = |(asset, units): &(&str, u128)| Holding {
        asset: (*asset).into(),
        units: *units,
    };
    Custody::Holdings {
        wallet: "vault".into(),
        lines: lines.iter().map(line).collect(),
    }
}

const QUORUM: [(&str, &str); 4] = [
    ("ada", "administrator"),
    ("sue", "security"),
    ("eva", "executive"),
    ("bea", "administrator"),
];

/// Proposes, has it approved by its quorum and waits two days.
fn settle(exchange: &mut Exchange, staff: &mut Staff, id: &str, change: Change) {
    let reply = propose(exchange, id, "ada", change);
    assert!(matches!(reply.answer, Answer::Held(_)), "{id}: {reply:?}");
    for (who, role) in QUORUM {
        staff.approve(exchange, id, who, role);
    }
    exchange.pass(2 * DAY);
    assert_eq!(stands(exchange, id), Standing::Cleared, "{id}");
}

/// A staffed exchange with a wallet at the address of a Safe to be.
fn with_vault() -> (Exchange, Staff) {
    let (mut exchange, mut staff) = staffed();
    settle(&mut exchange, &mut staff, "wallet", wallet("vault", VAULT));
    (exchange, staff)
}

#[test]
fn each_is_registered_by_its_quorum_after_its_wait() {
    let (mut exchange, mut staff) = with_vault();
    propose(&mut exchange, "s1", "ada", of(Custody::Safe(safe())));
    let (number, _) = exchange.state.guard.proposal("s1").unwrap();
    let matter = &exchange.state.authority.matters[&Target::Change(number)];
    assert_eq!(matter.class, Class::CustodyChange);
    for (who, role) in QUORUM {
        assert!(exchange.state.guard.clearances.safes.is_empty());
        staff.approve(&mut exchange, "s1", who, role);
    }
    exchange.pass(2 * DAY - 1);
    assert!(
        exchange.state.guard.clearances.safes.is_empty(),
        "it waits for two days"
    );
    exchange.pass(1);
    let vault = exchange.state.registry.wallet("vault").unwrap();
    let at = |address: &str| Contract {
        network: NETWORK.into(),
        address: address.to_lowercase(),
    };
    assert_eq!(
        exchange.state.guard.clearances.safes.get(&at(VAULT)),
        Some(&vault)
    );
    settle(&mut exchange, &mut staff, "a1", of(Custody::Asset(token())));
    let usdc = exchange.state.registry.asset("USDC").unwrap();
    assert_eq!(
        exchange.state.guard.clearances.assets[&usdc],
        format!("{NETWORK}/erc20:{}", VAULT.to_lowercase()),
        "as the decoder names it"
    );
    settle(&mut exchange, &mut staff, "b1", of(code_at(CODE)));
    assert!(
        exchange
            .state
            .guard
            .clearances
            .batch_code
            .contains(&at(CODE))
    );
    let lines = [("USDC", 250), ("ETH", 7)];
    settle(&mut exchange, &mut staff, "h1", of(holdings(&lines)));
    let held = exchange.state.custody.holdings();
    assert_eq!(held.get(&(vault, usdc)), Some(&250));
    let money = NewAsset {
        asset: Asset {
            id: "USD".into(),
            decimals: 2,
            network: None,
            confirmations: 0,
        },
        caip19: None,
    };
    settle(&mut exchange, &mut staff, "a2", of(Custody::Asset(money)));
    assert!(exchange.state.registry.asset("USD").is_some());
    assert_eq!(exchange.state, exchange.folded_again());
}

/// What is wrong with a Safe, by the reason and a word of it.
#[test]
fn what_is_wrong_with_a_registration_is_said_when_it_is_proposed() {
    let (mut exchange, mut staff) = with_vault();
    settle(&mut exchange, &mut staff, "b0", of(code_at(CODE)));
    let with = |edit: fn(&mut NewSafe)| {
        let mut safe = safe();
        edit(&mut safe);
        Custody::Safe(safe)
    };
    let asset = |edit: fn(&mut NewAsset)| {
        let mut new = token();
        edit(&mut new);
        Custody::Asset(new)
    };
    let cases: Vec<(Custody, &str, &str)> = vec![
        (
            with(|s| s.network = "bip122:000".into()),
            "malformed",
            "eip155:1",
        ),
        (
            with(|s| s.network = "eip155:01".into()),
            "malformed",
            "eip155:1",
        ),
        (
            with(|s| s.address = "0x12".into()),
            "malformed",
            "40 hexadecimal",
        ),
        (
            with(|s| s.address = VAULT.replace("Aed", "AeD")),
            "address_checksum",
            VAULT,
        ),
        (
            with(|s| s.version = "1.2.0".into()),
            "malformed",
            "before 1.3.0",
        ),
        (
            with(|s| s.version = "1.3".into()),
            "malformed",
            "three numbers",
        ),
        (
            with(|s| s.version = "1.3.0.1".into()),
            "malformed",
            "three numbers",
        ),
        (
            with(|s| s.version = "v1.3.0".into()),
            "malformed",
            "three numbers",
        ),
        (
            with(|s| s.wallet = "nowhere".into()),
            "unknown_wallet",
            "nowhere",
        ),
        (
            with(|s| s.wallet = "cold".into()),
            "malformed",
            "that of its wallet",
        ),
        (code_at(&CODE.to_uppercase()), "malformed", "40 hexadecimal"),
        (code_at(CODE), "already_registered", CODE),
        (holdings(&[]), "malformed", "1 to 32"),
        (holdings(&[("NONE", 1)]), "unknown_asset", "NONE"),
        (
            holdings(&[("BTC", 1), ("BTC", 1)]),
            "already_registered",
            "vault",
        ),
        (
            asset(|a| a.asset.id = "BTC".into()),
            "already_registered",
            "BTC",
        ),
        (asset(|a| a.asset.decimals = 39), "malformed", "38 decimals"),
        (asset(|a| a.caip19 = None), "malformed", "money has neither"),
        (
            asset(|a| a.asset.network = None),
            "malformed",
            "money has neither",
        ),
        (
            asset(|a| a.asset.network = Some("eip155:10".into())),
            "malformed",
            "begins with its network",
        ),
        (
            asset(|a| a.caip19 = Some(format!("{NETWORK}/erc20:{}", VAULT.replace("Aed", "AeD")))),
            "address_checksum",
            VAULT,
        ),
    ];
    for (number, (body, wanted, says)) in cases.into_iter().enumerate() {
        let id = format!("p{number}");
        let reply = propose(&mut exchange, &id, "ada", of(body.clone()));
        let reason = reply.answer.reason().cloned();
        assert_eq!(code(&reply), wanted, "{body:?}: {reason:?}");
        let told = format!("{reason:?}");
        assert!(told.contains(says), "{body:?}: {told}");
        assert!(exchange.state.guard.proposal(&id).is_none());
    }
}

/// Of two proposals for one thing the later is overtaken, in the same turn too.
#[test]
fn nothing_is_registered_twice() {
    let (mut exchange, mut staff) = with_vault();
    let lower = NewSafe {
        address: VAULT.to_lowercase(),
        ..safe()
    };
    let pairs = [
        [Custody::Safe(safe()), Custody::Safe(lower)],
        [code_at(CODE), code_at(CODE)],
        [holdings(&[("BTC", 5)]), holdings(&[("BTC", 6)])],
        [Custody::Asset(token()), Custody::Asset(token())],
    ];
    for (number, pair) in pairs.into_iter().enumerate() {
        let ids = ["x", "y"].map(|which| format!("{which}{number}"));
        for (id, body) in ids.iter().zip(pair) {
            propose(&mut exchange, id, "ada", of(body));
        }
        for id in &ids {
            for (who, role) in QUORUM {
                staff.approve(&mut exchange, id, who, role);
            }
        }
        exchange.pass(2 * DAY);
        assert_eq!(stands(&exchange, &ids[0]), Standing::Cleared, "{number}");
        assert_eq!(stands(&exchange, &ids[1]), Standing::Lapsed, "{number}");
    }
    assert_eq!(exchange.state, exchange.folded_again());
}

/// Each field of each body, changed alone, gives another digest: nobody approves what the screen did not show.
#[test]
fn the_digest_of_the_command_covers_every_field() {
    let exchange = Exchange::new();
    let digest = |body: &Custody| {
        binding::of_change(&exchange.state, "p1", &of(body.clone()), None, &[7; 32]).digest()
    };
    let asset = |edit: fn(&mut NewAsset)| {
        let mut new = token();
        edit(&mut new);
        Custody::Asset(new)
    };
    let safes = |edit: fn(&mut NewSafe)| {
        let mut new = safe();
        edit(&mut new);
        Custody::Safe(new)
    };
    let code_on = |network: &str| Custody::BatchCode {
        network: network.into(),
        address: VAULT.into(),
    };
    let of_other = Custody::Holdings {
        wallet: "hot".into(),
        lines: vec![],
    };
    let bodies = [
        asset(|_| {}),
        asset(|a| a.asset.id.push('2')),
        asset(|a| a.asset.decimals = 7),
        asset(|a| a.asset.network = Some("eip155:10".into())),
        asset(|a| a.asset.confirmations = 13),
        asset(|a| a.caip19 = Some("eip155:1/slip44:60".into())),
        asset(|a| a.caip19 = None),
        safes(|_| {}),
        safes(|s| s.network = "eip155:10".into()),
        safes(|s| s.address = SENDER.into()),
        safes(|s| s.version = "1.3.0".into()),
        safes(|s| s.wallet = "hot".into()),
        code_at(VAULT),
        code_at(CODE),
        code_on("eip155:10"),
        of_other,
        holdings(&[]),
        holdings(&[("BTC", 1)]),
        holdings(&[("BTC", 11)]),
        holdings(&[("BTC 1", 1)]),
        holdings(&[("ETH", 1)]),
        holdings(&[("BTC", 1), ("ETH", 1)]),
        holdings(&[("ETH", 1), ("BTC", 1)]),
    ];
    for (place, one) in bodies.iter().enumerate() {
        for other in &bodies[..place] {
            assert_ne!(digest(one), digest(other), "{one:?} and {other:?}");
        }
        let again = binding::of_change(&exchange.state, "p2", &of(one.clone()), None, &[7; 32]);
        assert_ne!(digest(one), again.digest(), "the id too");
    }
}

/// What the registry, the holdings and the lists of contracts are: all that a change of custody changes.
fn custody(exchange: &Exchange) -> impl PartialEq + std::fmt::Debug + use<> {
    let state = &exchange.state;
    let clearances = &state.guard.clearances;
    (
        state.registry.assets.clone(),
        state.registry.wallets.clone(),
        state.custody.holdings().clone(),
        (clearances.safes.clone(), clearances.batch_code.clone()),
        (clearances.keys.clone(), clearances.assets.clone()),
    )
}

/// What somebody may ask beside the quorum.
fn single(which: usize) -> Body {
    let deposit = Wallet {
        id: "mine".into(),
        tier: Tier::Operational,
        address: SENDER.into(),
    };
    match which {
        0 => Body::RegisterWallet(deposit),
        1 => Body::RegisterAsset(token().asset),
        2 => Body::DeclareHoldings(vec![("vault".into(), "BTC".into(), 1_000_000)]),
        3 => Body::NameAsset {
            asset: "BTC".into(),
            caip19: "eip155:1/slip44:0".into(),
        },
        _ => Body::NameKey {
            wallet: "vault".into(),
            key: "vault/1".into(),
            network: NETWORK.into(),
        },
    }
}

fn proposed(which: usize) -> Change {
    match which {
        0 => wallet("mine", SENDER),
        1 => of(Custody::Asset(token())),
        2 => of(holdings(&[("BTC", 1_000_000)])),
        3 => of(Custody::Safe(safe())),
        _ => of(code_at(CODE)),
    }
}

const VOICES: [(&str, &str); 8] = [
    ("ada", "administrator"),
    ("bea", "administrator"),
    ("cem", "administrator"),
    ("sue", "security"),
    ("eva", "executive"),
    ("ria", "risk"),
    ("rob", "risk"),
    ("ole", "operations"),
];

#[test]
fn the_single_commands_say_to_propose_it() {
    let (mut exchange, _) = with_vault();
    for which in 0..5 {
        for by in [None, Some("ada"), Some("eva"), Some("admin-1")] {
            let reply = exchange.ask(None, by, single(which));
            assert_eq!(code(&reply), "proposal_needed", "{which} by {by:?}");
        }
    }
    // A wallet for deposits is no destination of ours, so machines may register it; it opens the address book to nobody.
    let deposits = Wallet {
        id: "deposits-2".into(),
        tier: Tier::Deposit,
        address: SENDER.into(),
    };
    exchange.told(Body::RegisterWallet(deposits));
    let withdrawal = Body::RequestWithdrawal {
        customer: "alice".into(),
        wallet: "hot".into(),
        asset: "BTC".into(),
        units: 10,
        to: SENDER.into(),
    };
    exchange.ask(Some("w9"), None, withdrawal);
    assert_eq!(exchange.why("w9"), "not_allowlisted");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    /// Once rules are in force nothing of custody changes while fewer than four persons of three roles stand behind it,
    /// however often one of them says it and however long one waits; with them it does.
    #[test]
    fn nothing_of_custody_changes_without_its_quorum(
        which in 0_usize..5,
        singles in proptest::collection::vec((0_usize..5, 0_usize..8), 0..4),
        voices in proptest::collection::vec(0_usize..8, 0..7),
    ) {
        let (mut exchange, mut staff) = with_vault();
        let before = custody(&exchange);
        for (single_of, by) in singles {
            exchange.ask(None, Some(VOICES[by].0), single(single_of));
        }
        propose(&mut exchange, "p", "ada", proposed(which));
        let mut persons: Vec<usize> = Vec::new();
        for voice in voices {
            let row = VOICES[voice];
            staff.say(&mut exchange, "p", row, |_| {});
            if !persons.contains(&voice) {
                persons.push(voice);
            }
        }
        let mut roles: Vec<&str> = persons.iter().map(|at| VOICES[*at].1).collect();
        roles.sort_unstable();
        roles.dedup();
        let filled = persons.len() >= 4 && roles.len() >= 3;
        exchange.pass(4 * DAY);
        let changed = custody(&exchange) != before;
        prop_assert_eq!(changed, filled, "{:?}", persons);
    }
}

/// A Safe with 10,000 of BTC, its owner's key, a sending wallet with a key, and a cleared withdrawal of 900 out of it.
fn paying() -> Exchange {
    let (mut exchange, mut staff) = with_vault();
    let key = |wallet: &str, key: &str| Change::NameKey {
        wallet: wallet.into(),
        key: key.into(),
        network: NETWORK.into(),
    };
    let named = Change::NameAsset {
        asset: "BTC".into(),
        caip19: "eip155:1/slip44:0".into(),
    };
    for (id, change) in [
        ("safe", of(Custody::Safe(safe()))),
        ("held", of(holdings(&[("BTC", 10_000)]))),
        ("sender", wallet("sender", SENDER)),
        ("key-1", key("vault", "vault/1")),
        ("key-2", key("sender", "sender/1")),
        ("name", named),
    ] {
        settle(&mut exchange, &mut staff, id, change);
    }
    for id in ["w1", "w2"] {
        let intent = NewIntent {
            customer: "alice".into(),
            wallet: if id == "w1" { "vault" } else { "hot" }.into(),
            asset: "BTC".into(),
            units: 900,
            to: "0xlistedlist01".into(),
            memo: String::new(),
            max_fee: 5,
            expires: None,
        };
        exchange.ask(Some(id), None, Body::RequestIntent(Box::new(intent)));
        assert_eq!(exchange.why(id), "cleared", "{id}");
    }
    exchange
}

fn issue(
    exchange: &mut Exchange,
    target: &str,
    key: &str,
    safe: Option<&str>,
    kind: &str,
) -> String {
    let digest = u8::try_from(exchange.records.len() % 251).unwrap();
    let content = PayloadContent::Decoded(DecodedPayload {
        kind: kind.into(),
        network: NETWORK.into(),
        signing_digest: [digest; 32],
        conflict_key: "eip155:1/0x/1".into(),
        total_fee: 0,
        memo: String::new(),
        safe: safe.map(str::to_lowercase),
        operations: vec![Operation {
            op: "transfer".into(),
            to: "0xlistedlist01".into(),
            asset: "eip155:1/slip44:0".into(),
            units: 900,
            inner: Vec::new(),
        }],
    });
    let payload = NewPayload {
        target: target.into(),
        attempt: 1,
        key: key.into(),
        content,
        build: [7; 32],
    };
    let id = format!("issue-{}", exchange.records.len());
    let reply = exchange.ask(Some(&id), None, Body::IssueClearance(Box::new(payload)));
    String::from(code(&reply))
}

#[test]
fn a_safes_transaction_is_cleared_for_the_safes_wallet_by_the_right_key() {
    let other = Some(CODE);
    let vault = Some(VAULT);
    for (target, key, safe, kind, wanted) in [
        // An owner's key signs for the Safe, and sends nothing.
        ("w1", "vault/1", vault, "safe-tx", "cleared"),
        ("w1", "vault/1", vault, "evm-tx", "unknown_key"),
        ("w1", "vault/1", None, "evm-tx", "unknown_key"),
        // Another wallet's key sends what the owners signed, and signs nothing for them.
        ("w1", "sender/1", vault, "evm-tx", "cleared"),
        ("w1", "sender/1", vault, "safe-tx", "unknown_key"),
        ("w1", "sender/1", None, "evm-tx", "unknown_key"),
        ("w1", "nobody/1", vault, "evm-tx", "unknown_key"),
        // The intent's wallet is the one whose value leaves.
        ("w2", "sender/1", vault, "evm-tx", "payload_mismatch"),
        ("w2", "vault/1", vault, "safe-tx", "unknown_key"),
        ("w1", "sender/1", other, "evm-tx", "payload_mismatch"),
    ] {
        let mut exchange = paying();
        let got = issue(&mut exchange, target, key, safe, kind);
        assert_eq!(got, wanted, "{target} by {key}, {kind} of {safe:?}");
    }
}

#[test]
fn a_halt_or_a_lost_key_of_the_sender_stops_it_too() {
    for (change, wanted) in [
        (super::halt("sender"), "halted"),
        (
            Change::RetireKey {
                wallet: "sender".into(),
            },
            "halted",
        ),
    ] {
        let mut exchange = paying();
        propose(&mut exchange, "stop", "ada", change);
        let got = issue(&mut exchange, "w1", "sender/1", Some(VAULT), "evm-tx");
        assert_eq!(got, wanted);
        let got = issue(&mut exchange, "w1", "vault/1", Some(VAULT), "safe-tx");
        assert_eq!(got, "cleared", "its owner's key is another one");
    }
}
