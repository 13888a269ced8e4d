//! The guard over HTTP: what is believed of it, and that everything else is *held*.

use crate::guard_simulator::{GuardSimulator, Tamper, TamperRedemption, intent, key};
use crate::harness::{HOT, NOW, SIGNER, clock, mapping, sample, store};
use keepwhole_cosigner::claims::{Claims, Stage, Vendor};
use keepwhole_cosigner::fireblocks::request::{WithdrawalId, read};
use keepwhole_cosigner::guard::checks::{People, Pins};
use keepwhole_cosigner::guard::client::{Client, Place};
use keepwhole_cosigner::guard::http::HttpGuard;
use keepwhole_cosigner::guard::{Ask, Guard as _, Verdict};
use keepwhole_cosigner::json::Json;
use keepwhole_cosigner::mapping::Mapping;
use keepwhole_cosigner::store::{Answered, Store};
use keepwhole_payload::Kind;
use keepwhole_verify::digest::Digest;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) struct Bench {
    pub(crate) simulator: GuardSimulator,
    pub(crate) guard: HttpGuard,
    time: Arc<AtomicU64>,
    pub(crate) store: Arc<Mutex<Store>>,
    _folder: tempfile::TempDir,
}

async fn bench() -> Bench {
    bench_with(mapping(), None).await
}

pub(crate) async fn bench_with(mapping: Mapping, people: Option<People>) -> Bench {
    let simulator = GuardSimulator::start().await;
    let (clock, time) = clock();
    let mapping = Arc::new(mapping);
    let folder = tempfile::tempdir().unwrap();
    let pins = Pins {
        guard: key(),
        signer: "responder-1".to_owned(),
        mapping: Arc::clone(&mapping),
        fees_untold: false,
        people,
    };
    let client = || Client::new(Place::parse(&simulator.address).unwrap(), None, None);
    let store = store(folder.path());
    let guard = HttpGuard::new(
        (client(), client()),
        pins,
        mapping,
        Arc::clone(&store),
        clock,
    );
    Bench {
        simulator,
        guard,
        time,
        store,
        _folder: folder,
    }
}

fn claims() -> Claims {
    let text = sample("fireblocks-transfer").to_string();
    let request = read(Json::parse(text.as_bytes()).unwrap(), false).unwrap();
    request.claims(&mapping(), WithdrawalId::External).unwrap()
}

pub(crate) fn ask() -> Ask {
    Ask {
        vendor: Vendor::Fireblocks,
        account: SIGNER.to_owned(),
        request: "r-1".to_owned(),
        stage: Stage::Signing,
        body: [0x44; 32],
        received: NOW,
        peer: "192.0.2.7".to_owned(),
        claims: claims(),
        incident: None,
    }
}

pub(crate) fn code(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::Held { code, .. } => code,
        other => panic!("not held: {other:?}"),
    }
}

#[tokio::test]
async fn a_true_guard_clears_and_redeems_once_for_each_question() {
    let bench = bench().await;
    let ask = ask();
    assert_eq!(bench.guard.ask(&ask).await, Verdict::Cleared);
    assert_eq!(bench.guard.ask(&ask).await, Verdict::Cleared);
    let memory = bench.simulator.memory.lock().unwrap();
    // The same question is the same for the guard: body, arrival and caller stand in its idempotency key.
    assert_eq!(memory.asked[0], memory.asked[1]);
    assert_eq!(memory.redeemed[0], memory.redeemed[1]);
    assert!(
        memory.asked[0]
            .0
            .starts_with(&format!("c.{}.{NOW}.", "44".repeat(32)))
    );
    assert_eq!(memory.asked[0].1["payload"]["kind"], "evm-tx");
    assert_eq!(memory.asked[0].1["attempt"], 1);
    assert_eq!(memory.redeemed[0].1["signer"], "responder-1");
}

#[tokio::test]
async fn claims_without_bytes_are_cleared_as_what_the_vendor_told() {
    let bench = bench().await;
    let mut ask = ask();
    ask.claims.raw = None;
    assert_eq!(bench.guard.ask(&ask).await, Verdict::Cleared);
    assert_eq!(
        bench.simulator.memory.lock().unwrap().asked[0].1["payload"]["kind"],
        "vendor-callback"
    );
    // A fee that nobody tells is not bounded by anything.
    ask.claims.fee = None;
    ask.request = "r-2".to_owned();
    assert_eq!(code(&bench.guard.ask(&ask).await), "distrust_fee");
}

#[tokio::test]
async fn an_approval_is_not_redeemed() {
    let bench = bench().await;
    let stage = Stage::Approval;
    let ask = Ask { stage, ..ask() };
    assert_eq!(bench.guard.ask(&ask).await, Verdict::Cleared);
    let memory = bench.simulator.memory.lock().unwrap();
    assert!(memory.redeemed.is_empty());
    // What signs nothing is no attempt: nothing is issued that would bind the bytes that come later.
    assert_eq!(memory.asked[0].1["attempt"], 0);
}

#[tokio::test]
async fn a_question_takes_the_next_attempt() {
    let bench = bench().await;
    bench.simulator.memory.lock().unwrap().next = 3;
    assert_eq!(bench.guard.ask(&ask()).await, Verdict::Cleared);
    let memory = bench.simulator.memory.lock().unwrap();
    let attempts: Vec<&serde_json::Value> = memory
        .asked
        .iter()
        .map(|asked| &asked.1["attempt"])
        .collect();
    assert_eq!(attempts, [1, 3]);
    assert_ne!(memory.asked[0].0, memory.asked[1].0, "another question");
    assert_eq!(memory.redeemed.len(), 1);
}

/// The vendor sends a withdrawal again for a higher fee: the same nonce, so that one of both lands.
#[tokio::test]
async fn a_fee_bump_is_the_next_attempt_under_the_same_reservation() {
    let bench = bench().await;
    assert_eq!(bench.guard.ask(&ask()).await, Verdict::Cleared);
    let approves = |by: String| Answered {
        key: by.clone(),
        content: "c".to_owned(),
        at: NOW,
        status: 200,
        body: "token".to_owned(),
        word: "approve".to_owned(),
        approves: Some(("w-1".to_owned(), by)),
    };
    let first = ask().claims.paid_by(Vendor::Fireblocks, SIGNER, "r-1");
    bench.store.lock().unwrap().answer(approves(first)).unwrap();
    bench.simulator.memory.lock().unwrap().next = 2;
    let asset = "eip155:1/slip44:60";
    let with = |request: &str, nonce: u8, fee: u8| {
        let mut ask = ask();
        ask.request = request.to_owned();
        ask.claims.transaction = format!("t-{request}");
        let raw = ask.claims.raw.as_mut().unwrap();
        (raw.bytes[3], raw.bytes[10], raw.hash) = (nonce, fee, None);
        ask
    };
    for (request, nonce, fee, goes) in [
        ("same-fee", 4, 6, false),
        ("lower-fee", 4, 5, false),
        ("other-nonce", 5, 7, false),
        ("bump", 4, 7, true),
    ] {
        let verdict = bench.guard.ask(&with(request, nonce, fee)).await;
        if goes {
            assert_eq!(verdict, Verdict::Cleared, "{request}");
        } else {
            assert_eq!(code(&verdict), "withdrawal_elsewhere", "{request}");
        }
    }
    let counted = bench.store.lock().unwrap().spent_in_hour(asset, NOW);
    let fee = 21_000 * 0x07_a0c1_987d_u128;
    assert_eq!(counted, intent().amount + fee, "one amount, the higher fee");
    let memory = bench.simulator.memory.lock().unwrap();
    let (_, redeemed) = memory.redeemed.last().unwrap();
    assert!(
        redeemed["clearance"]
            .as_str()
            .unwrap()
            .contains(r#""attempt":"2""#)
    );
}

#[tokio::test]
async fn every_other_answer_is_held_and_none_becomes_a_denial() {
    let reason = |outcome: &str| {
        format!(r#"{{"outcome":"{outcome}","reasons":[{{"code":"limit_day","says":"x"}}]}}"#)
    };
    let rows: &[(u16, String, &str)] = &[
        (200, String::new(), "guard_answer"),
        (200, "<html>".to_owned(), "guard_answer"),
        (200, "{}".to_owned(), "guard_answer"),
        (200, r#"{"outcome":1}"#.to_owned(), "guard_answer"),
        (200, reason("CLEARED"), "guard_answer"),
        (200, reason("redeemed"), "guard_answer"),
        (200, r#"{"outcome":"denied"}"#.to_owned(), "guard_answer"),
        (
            200,
            r#"{"outcome":"denied","reasons":[]}"#.to_owned(),
            "guard_answer",
        ),
        (
            200,
            r#"{"outcome":"held","outcome":"denied"}"#.to_owned(),
            "guard_answer",
        ),
        (
            200,
            r#"{"outcome":"denied","reasons":[{"code":"clearance_expired"}]}"#.to_owned(),
            "clearance_expired",
        ),
        (200, reason("held"), "limit_day"),
        (200, r#"{"outcome":"held"}"#.to_owned(), "held"),
        (200, reason("cleared"), "distrust_form"),
        (403, reason("denied"), "guard_answer"),
        (404, reason("denied"), "guard_answer"),
        (422, reason("denied"), "guard_answer"),
        (429, reason("denied"), "guard_busy"),
        (500, reason("denied"), "guard_answer"),
        (503, reason("denied"), "guard_busy"),
        (
            200,
            format!("{}{}", " ".repeat(1_048_577), reason("denied")),
            "guard_unreachable",
        ),
        (301, String::new(), "guard_answer"),
    ];
    for (status, body, expected) in rows {
        for place in [0, 1] {
            let bench = bench().await;
            let told = Some((*status, body.clone()));
            bench.simulator.memory.lock().unwrap().instead[place] = told;
            let verdict = bench.guard.ask(&ask()).await;
            // The two places have a good word each; the other's is garbage.
            let other = matches!((place, &**expected), (1, "distrust_form"))
                || body.contains("\"redeemed\"");
            if !other {
                assert_eq!(code(&verdict), *expected, "{place} {status} {body:.60}");
            }
            assert!(
                matches!(verdict, Verdict::Held { .. }),
                "{place} {status} {body:.60}"
            );
        }
    }
    let bench = bench().await;
    bench.simulator.memory.lock().unwrap().instead[0] = Some((200, reason("denied")));
    let denied = bench.guard.ask(&ask()).await;
    assert_eq!(
        denied,
        Verdict::Denied {
            code: "limit_day".to_owned()
        }
    );
}

#[tokio::test]
async fn a_guard_that_is_down_or_hangs_is_held() {
    let bench = bench().await;
    bench.simulator.memory.lock().unwrap().hang = true;
    let question = ask();
    let late = tokio::time::timeout(Duration::from_millis(300), bench.guard.ask(&question)).await;
    assert!(late.is_err(), "it waits; the responder's budget ends it");

    let (clock, _) = clock();
    let folder = tempfile::tempdir().unwrap();
    let mapping = Arc::new(mapping());
    let pins = Pins {
        guard: key(),
        signer: "responder-1".to_owned(),
        mapping: Arc::clone(&mapping),
        fees_untold: false,
        people: None,
    };
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let place = Place::parse(&format!("http://127.0.0.1:{port}")).unwrap();
    let client = || Client::new(place.clone(), None, None);
    let guard = HttpGuard::new(
        (client(), client()),
        pins,
        mapping,
        store(folder.path()),
        clock,
    );
    assert_eq!(code(&guard.ask(&question).await), "guard_unreachable");
}

#[tokio::test]
async fn a_stolen_guard_signs_anything_and_is_not_believed() {
    let lies: Vec<(&str, Tamper)> = vec![
        (
            "distrust_other_key",
            Box::new(|answer| answer.stranger = true),
        ),
        (
            "distrust_other_intent",
            Box::new(|answer| answer.intent.amount += 1),
        ),
        (
            "distrust_dest",
            Box::new(|answer| {
                answer.intent.dest = HOT.to_owned();
                answer.clearance.intent = answer.intent.digest();
            }),
        ),
        (
            "distrust_amount",
            Box::new(|answer| {
                answer.intent.amount = 1;
                answer.clearance.intent = answer.intent.digest();
            }),
        ),
        (
            "distrust_id",
            Box::new(|answer| {
                answer.intent.id = "w-2".to_owned();
                answer.clearance.intent = answer.intent.digest();
            }),
        ),
        (
            "distrust_wallet",
            Box::new(|answer| {
                answer.intent.wallet = "hot-9".to_owned();
                answer.clearance.intent = answer.intent.digest();
            }),
        ),
        (
            "distrust_memo",
            Box::new(|answer| {
                answer.intent.memo = "7".to_owned();
                answer.clearance.intent = answer.intent.digest();
            }),
        ),
        (
            "distrust_time",
            Box::new(|answer| {
                answer.intent.expires = NOW / 1_000;
                answer.clearance.intent = answer.intent.digest();
            }),
        ),
        (
            // One that outlives this process's memory could be paid once more afterwards.
            "distrust_time",
            Box::new(|answer| {
                answer.intent.expires = NOW / 1_000 + 31 * 86_400 + 1;
                answer.clearance.intent = answer.intent.digest();
            }),
        ),
        (
            "distrust_fee_above_cap",
            Box::new(|answer| {
                answer.intent.max_fee = 1;
                answer.clearance.intent = answer.intent.digest();
            }),
        ),
        (
            // A small amount, and a fee that nobody would pay: an exit, too.
            "distrust_fee_limit",
            Box::new(|answer| {
                answer.intent.max_fee = u128::MAX;
                answer.clearance.intent = answer.intent.digest();
                answer.clearance.total_fee = 1_000_000_000_000_001;
            }),
        ),
        (
            "distrust_time",
            Box::new(|answer| answer.clearance.expires = NOW / 1_000),
        ),
        (
            "distrust_time",
            Box::new(|answer| answer.clearance.expires = NOW / 1_000 + 601),
        ),
        (
            "distrust_key",
            Box::new(|answer| answer.clearance.key = "hot-9/2026-1".to_owned()),
        ),
        (
            "distrust_signing_digest",
            Box::new(|answer| answer.clearance.signing_digest = [9; 32]),
        ),
        (
            "distrust_conflict_key",
            Box::new(|answer| answer.clearance.conflict_key = "eip155:1/x/9".to_owned()),
        ),
        (
            "distrust_total_fee",
            Box::new(|answer| answer.clearance.total_fee = 1),
        ),
    ];
    for (expected, tamper) in lies {
        let bench = bench().await;
        bench.simulator.memory.lock().unwrap().tamper = Some(tamper);
        let verdict = bench.guard.ask(&ask()).await;
        assert_eq!(code(&verdict), expected);
        assert!(
            bench.simulator.memory.lock().unwrap().redeemed.is_empty(),
            "{expected}"
        );
    }
    let lies: Vec<(&str, TamperRedemption)> = vec![
        (
            "distrust_other_clearance",
            Box::new(|told| told.clearance = Digest::of(b"other")),
        ),
        (
            "distrust_other_signer",
            Box::new(|told| told.signer = "responder-2".to_owned()),
        ),
        ("distrust_expired", Box::new(|told| told.at += 60)),
    ];
    for (expected, tamper) in lies {
        let bench = bench().await;
        bench.simulator.memory.lock().unwrap().tamper_redemption = Some(tamper);
        assert_eq!(code(&bench.guard.ask(&ask()).await), expected);
    }
}

#[tokio::test]
async fn a_redemption_that_comes_after_the_end_is_not_used() {
    let bench = bench().await;
    let time = Arc::clone(&bench.time);
    bench.simulator.memory.lock().unwrap().tamper_redemption = Some(Box::new(move |_| {
        time.store(NOW + 61_000, Ordering::SeqCst)
    }));
    let verdict = bench.guard.ask(&ask()).await;
    // What has ended never becomes good again: the next question is a new one.
    assert!(matches!(&verdict, Verdict::Held { code, answered: true } if code == "distrust_time"));
}

#[tokio::test]
async fn an_old_redemption_is_not_acted_on() {
    for (age, good) in [(900, true), (901, false)] {
        let bench = bench().await;
        bench.simulator.memory.lock().unwrap().tamper = Some(Box::new(|answer| {
            answer.clearance.expires = NOW / 1_000 + 600;
        }));
        bench.simulator.memory.lock().unwrap().tamper_redemption =
            Some(Box::new(move |told| told.at = NOW / 1_000 - age));
        let verdict = bench.guard.ask(&ask()).await;
        assert_eq!(verdict == Verdict::Cleared, good, "{age}: {verdict:?}");
    }
}

#[tokio::test]
async fn own_limits_hold_whatever_the_guard_says() {
    // Above the automatic limit nothing is approved without assertions of pinned people.
    let bench = bench().await;
    let mut large = ask();
    large.claims.raw = None;
    large.claims.amount = 20_000_000_000_000_001;
    bench.simulator.memory.lock().unwrap().tamper = Some(Box::new(|answer| {
        answer.intent.amount = 20_000_000_000_000_001;
        answer.clearance.intent = answer.intent.digest();
    }));
    assert_eq!(code(&bench.guard.ask(&large).await), "distrust_approvals");

    // The amounts of five withdrawals would fit the hour's cap; with their fees only four do.
    bench.simulator.memory.lock().unwrap().tamper = None;
    for number in 1..=5 {
        let id = format!("w-{number}");
        let same = id.clone();
        bench.simulator.memory.lock().unwrap().tamper = Some(Box::new(move |answer| {
            answer.intent.id = same.clone();
            answer.clearance.intent = answer.intent.digest();
        }));
        let mut ask = ask();
        ask.claims.withdrawal = id;
        ask.claims.transaction = format!("t-{number}");
        ask.claims.raw = None;
        let verdict = bench.guard.ask(&ask).await;
        if number < 5 {
            assert_eq!(verdict, Verdict::Cleared, "{number}");
        } else {
            assert_eq!(code(&verdict), "own_cap");
        }
    }
    assert_eq!(intent().amount * 5, 50_000_000_000_000_000);
}

#[tokio::test]
async fn one_transaction_is_approved_for_a_withdrawal() {
    let bench = bench().await;
    let approves = |by: &str| Answered {
        key: by.to_owned(),
        content: "c".to_owned(),
        at: NOW,
        status: 200,
        body: "token".to_owned(),
        word: "approve".to_owned(),
        approves: Some(("w-1".to_owned(), by.to_owned())),
    };
    let ours = ask().claims.paid_by(Vendor::Fireblocks, SIGNER, "r-1");
    bench.store.lock().unwrap().answer(approves(&ours)).unwrap();
    assert_eq!(bench.guard.ask(&ask()).await, Verdict::Cleared);
    // Another part of a batched transaction, another transaction or another vendor: the guard would clear it.
    let request = "r-1-part-2".to_owned();
    let part = Ask { request, ..ask() };
    assert_eq!(code(&bench.guard.ask(&part).await), "withdrawal_elsewhere");
    bench
        .store
        .lock()
        .unwrap()
        .answer(approves("bitgo/enterprise-1/t-9"))
        .unwrap();
    assert_eq!(code(&bench.guard.ask(&ask()).await), "withdrawal_elsewhere");
}

#[tokio::test]
async fn a_report_carries_the_bytes_and_is_never_redeemed() {
    let bench = bench().await;
    let incident = Some(Kind::EvmTx);
    let report = Ask { incident, ..ask() };
    let verdict = bench.guard.ask(&report).await;
    assert_eq!(code(&verdict), "guard_cleared_mismatch");
    let memory = bench.simulator.memory.lock().unwrap();
    assert_eq!(memory.asked[0].1["payload"]["kind"], "evm-tx");
    assert!(memory.redeemed.is_empty());
}

#[test]
fn places_are_https_or_this_machine() {
    for good in [
        "https://guard.example",
        "https://guard.example:8443/kw/",
        "http://127.0.0.1:8650",
        "http://[::1]:1",
        "http://localhost:1",
    ] {
        assert!(Place::parse(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "guard.example",
        "ftp://a",
        "http://guard.example",
        "http://10.0.0.1:1",
        "https://",
        "https://a@b",
        "https://a:99999",
        "https://a?x=1",
        "https://a b",
    ] {
        assert!(Place::parse(bad).is_err(), "{bad}");
    }
}
