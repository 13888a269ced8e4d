//! The flow of a request: what is asked once, what is asked again, what is never answered with yes.

use crate::harness::{
    Bench, SIGNER, bench, bench_with, denied, fireblocks_side, held, incoming, rsa, sample,
};
use crate::simulator::Misbehaviour;
use keepwhole_cosigner::claims::Stage;
use keepwhole_cosigner::fireblocks::Mode;
use keepwhole_cosigner::fireblocks::answer::Approvals;
use keepwhole_cosigner::guard::Verdict;
use keepwhole_cosigner::keys::{Purpose, RequestKey};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn transfer() -> Value {
    sample("fireblocks-transfer")
}

#[tokio::test]
async fn cleared_is_approved_and_the_same_request_gets_the_same_bytes() {
    let bench = bench([Some(Verdict::Cleared)]);
    let first = bench.sends(&transfer()).await;
    let told = bench.cosigner.reads(&first.body);
    let expected = json!({ "action": "APPROVE", "requestId": transfer()["requestId"] });
    assert_eq!(told, expected);
    // Twice, late, and with another time of sending: the answer is the stored one.
    bench.step(7_200);
    let mut resent = transfer();
    resent["iat"] = json!(1_795_000_000);
    for claims in [transfer(), resent] {
        let again = bench.sends(&claims).await;
        assert_eq!((again.status, &again.body), (200, &first.body));
    }
    let asked = bench.guard.questions();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        (asked[0].stage, &*asked[0].account),
        (Stage::Signing, SIGNER)
    );
    assert_eq!(asked[0].peer, "192.0.2.7");
}

#[tokio::test]
async fn held_is_asked_again_until_it_is_cleared() {
    let bench = bench([held(), held(), Some(Verdict::Cleared)]);
    for action in ["RETRY", "RETRY", "APPROVE", "APPROVE"] {
        assert_eq!(bench.hears(&transfer()).await["action"], action);
        bench.step(180);
    }
    let arrivals: Vec<u64> = bench
        .guard
        .questions()
        .iter()
        .map(|ask| ask.received)
        .collect();
    // Each round that the guard answered is a question of its own.
    assert_eq!(arrivals.len(), 3);
    assert_eq!(arrivals[1] - arrivals[0], 180_000);
}

#[tokio::test]
async fn denied_is_rejected_for_good() {
    let bench = bench([denied()]);
    for _ in 0..2 {
        let told = bench.hears(&transfer()).await;
        assert_eq!(told["action"], "REJECT");
        assert_eq!(told["rejectionReason"], "denied: limit_customer_day");
    }
    assert_eq!(bench.guard.questions().len(), 1);
}

#[tokio::test]
async fn a_guard_that_hangs_is_retry_within_the_budget_and_the_question_stays_the_same() {
    let bench = bench([
        None,
        Some(Verdict::held("guard_unreachable")),
        Some(Verdict::Cleared),
    ]);
    let started = Instant::now();
    assert_eq!(bench.hears(&transfer()).await["action"], "RETRY");
    assert!(started.elapsed() < Duration::from_secs(2));
    bench.step(180);
    assert_eq!(bench.hears(&transfer()).await["action"], "RETRY");
    bench.step(180);
    assert_eq!(bench.hears(&transfer()).await["action"], "APPROVE");
    let asked = bench.guard.questions();
    // Whether the first was decided is not known here, so it is the very same question that is asked again.
    assert_eq!((&asked[0], &asked[0]), (&asked[1], &asked[2]));
}

#[tokio::test]
async fn time_that_the_body_took_counts() {
    let bench = bench([]);
    let mut late = incoming(bench.cosigner.token(&transfer()));
    late.started = Instant::now().checked_sub(Duration::from_secs(6)).unwrap();
    let reply = bench.responder.fireblocks(late, false).await;
    assert_eq!(bench.cosigner.reads(&reply.body)["action"], "RETRY");
    assert!(bench.guard.questions().is_empty());
}

#[tokio::test]
async fn the_same_id_with_other_content_is_refused() {
    let mut other = transfer();
    other["destAddress"] = json!("0x2222222222222222222222222222222222222222");
    other["destinations"][0]["displayDstAddress"] = other["destAddress"].clone();
    for verdict in [Some(Verdict::Cleared), held(), denied(), None] {
        let bench = bench([verdict]);
        bench.sends(&transfer()).await;
        let refused = bench.sends(&other).await;
        assert_eq!((refused.status, &*refused.body), (409, ""));
    }
}

#[tokio::test]
async fn every_misbehaviour_is_401_without_a_body_and_nobody_is_asked() {
    let bench = bench([]);
    for how in Misbehaviour::ALL {
        let token = bench.cosigner.misbehaves(how, &transfer());
        let reply = bench.responder.fireblocks(incoming(token), false).await;
        assert_eq!((reply.status, &*reply.body), (401, ""), "{how:?}");
    }
}

#[tokio::test]
async fn malformed_requests_are_400_without_a_body_and_nobody_is_asked() {
    let bench = bench([]);
    let mut number = transfer();
    number["amountStr"] = json!(0.01);
    assert_eq!(bench.sends(&number).await.status, 400);
    let mut gone = transfer();
    gone["requestId"] = Value::Null;
    assert_eq!(bench.sends(&gone).await.status, 400);
}

#[tokio::test]
async fn a_key_answers_only_for_its_signers() {
    let bench = bench([]);
    for signer in [json!("another-user"), Value::Null] {
        let mut claims = transfer();
        claims["signerId"] = signer;
        let reply = bench.sends(&claims).await;
        assert_eq!((reply.status, &*reply.body), (401, ""));
    }
    // A second co-signer, known, that is not one of those of the user.
    let mut side = fireblocks_side();
    let purpose = Purpose::FireblocksRequest;
    let key = RequestKey::from_pem("cosigner-2", purpose, &rsa(4).public).unwrap();
    side.keys.push(key);
    let bench = bench_with([], side, tempfile::tempdir().unwrap());
    let token = bench
        .cosigner
        .misbehaves(Misbehaviour::Stranger, &transfer());
    let reply = bench.responder.fireblocks(incoming(token), false).await;
    assert_eq!(reply.status, 401);
}

#[tokio::test]
async fn an_old_cosigner_speaks_for_its_one_user() {
    let mut side = fireblocks_side();
    side.silent
        .insert("cosigner-1".to_owned(), SIGNER.to_owned());
    let bench = bench_with([Some(Verdict::Cleared)], side, tempfile::tempdir().unwrap());
    let mut claims = transfer();
    claims["signerId"] = Value::Null;
    assert_eq!(bench.hears(&claims).await["action"], "APPROVE");
}

#[tokio::test]
async fn custody_changes_are_held_and_never_reach_the_guard() {
    let bench = bench([]);
    for operation in ["RAW", "TYPED_MESSAGE", "CONTRACT_CALL", "MINT"] {
        let mut claims = transfer();
        claims["operation"] = json!(operation);
        claims["requestId"] = json!(format!("r-{operation}"));
        assert_eq!(bench.hears(&claims).await["action"], "RETRY", "{operation}");
    }
    let change = bench.cosigner.token(&sample("fireblocks-configuration"));
    let reply = bench.responder.fireblocks(incoming(change), true).await;
    assert_eq!(bench.cosigner.reads(&reply.body)["action"], "RETRY");
    // A transfer that is sent to the address of changes is one of them, not a transfer.
    let moved = bench.cosigner.token(&transfer());
    let reply = bench.responder.fireblocks(incoming(moved), true).await;
    assert_eq!(bench.cosigner.reads(&reply.body)["action"], "RETRY");
}

#[tokio::test]
async fn an_answer_of_one_stage_is_not_one_of_the_other() {
    let bench = bench([Some(Verdict::Cleared), held(), Some(Verdict::Cleared)]);
    // Approval and signing of one transaction carry the same request id, as in the vendor's example.
    let approval = sample("fireblocks-approval");
    assert_eq!(approval["requestId"], transfer()["requestId"]);
    assert_eq!(bench.hears(&approval).await["action"], "IGNORE");
    assert_eq!(bench.hears(&transfer()).await["action"], "RETRY");
    assert_eq!(bench.hears(&transfer()).await["action"], "APPROVE");
    assert_eq!(bench.hears(&approval).await["action"], "IGNORE");
    let stages: Vec<Stage> = bench
        .guard
        .questions()
        .iter()
        .map(|ask| ask.stage)
        .collect();
    assert_eq!(stages, [Stage::Approval, Stage::Signing, Stage::Signing]);

    let mut side = fireblocks_side();
    side.approvals = Approvals::Answer;
    let bench = bench_with([Some(Verdict::Cleared)], side, tempfile::tempdir().unwrap());
    assert_eq!(bench.hears(&approval).await["action"], "APPROVE");
}

#[tokio::test]
async fn signing_without_the_raw_transaction_waits_unless_the_settings_allow_it() {
    let mut claims = transfer();
    claims["rawTx"] = Value::Null;
    let bench = bench([]);
    assert_eq!(bench.hears(&claims).await["action"], "RETRY");
    let mut side = fireblocks_side();
    side.raw_required = false;
    let bench = bench_with([Some(Verdict::Cleared)], side, tempfile::tempdir().unwrap());
    assert_eq!(bench.hears(&claims).await["action"], "APPROVE");
}

#[tokio::test]
async fn bytes_that_are_not_what_is_said_are_rejected_and_reported_even_if_the_guard_hangs() {
    for verdict in [Some(Verdict::Cleared), held(), denied(), None] {
        let bench = bench([verdict]);
        let mut claims = transfer();
        claims["amountStr"] = json!("0.02");
        claims["requestedAmountStr"] = json!("0.02");
        claims["destinations"][0]["amountNativeStr"] = json!("0.02");
        let told = bench.hears(&claims).await;
        assert_eq!(told["action"], "REJECT");
        assert_eq!(told["rejectionReason"], "denied: payload_mismatch");
        let asked = bench.guard.questions();
        let kind = asked[0].incident.map(keepwhole_payload::Kind::name);
        assert_eq!(kind, Some("evm-tx"));
        let store = bench.responder.store.lock().unwrap();
        assert_eq!(store.incidents(), 1);
    }
}

#[tokio::test]
async fn answers_survive_the_process() {
    let Bench {
        responder,
        folder,
        cosigner,
        guard,
        ..
    } = bench([Some(Verdict::Cleared)]);
    let token = cosigner.token(&transfer());
    let first = responder.fireblocks(incoming(token), false).await;
    drop((responder, guard));
    let after = bench_with([], fireblocks_side(), folder);
    let again = after.sends(&transfer()).await;
    assert_eq!((again.status, again.body), (200, first.body));
}

#[tokio::test]
async fn a_question_under_way_survives_the_process_as_the_same_question() {
    let before = bench([None]);
    assert_eq!(before.hears(&transfer()).await["action"], "RETRY");
    let asked = before.guard.questions();
    let Bench {
        responder, folder, ..
    } = before;
    drop(responder);
    let after = bench_with([Some(Verdict::Cleared)], fireblocks_side(), folder);
    after.step(3_600);
    assert_eq!(after.hears(&transfer()).await["action"], "APPROVE");
    assert_eq!(after.guard.questions(), asked);
}

#[tokio::test]
async fn the_same_request_twice_at_once_is_asked_once() {
    let bench = bench([None]);
    let claims = transfer();
    let (one, other) = tokio::join!(bench.hears(&claims), bench.hears(&claims));
    assert_eq!(
        (&one["action"], &other["action"]),
        (&json!("RETRY"), &json!("RETRY"))
    );
    assert_eq!(bench.guard.questions().len(), 1);
}

#[tokio::test]
async fn unsigned_modes_speak_plain_json_once_they_are_allowed() {
    let mut side = fireblocks_side();
    side.mode = Mode::PinnedPlain;
    let bench = bench_with([Some(Verdict::Cleared)], side, tempfile::tempdir().unwrap());
    let reply = bench
        .responder
        .fireblocks(incoming(transfer().to_string()), false)
        .await;
    let told: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(told["action"], "APPROVE");
    // A token is no JSON.
    let token = bench.cosigner.token(&transfer());
    assert_eq!(
        bench
            .responder
            .fireblocks(incoming(token), false)
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn the_age_of_the_last_call_is_told() {
    let bench = bench([held()]);
    bench.hears(&transfer()).await;
    bench.step(90);
    let signer = format!("fireblocks/{SIGNER}");
    let now = (bench.responder.clock)();
    assert_eq!(
        bench.responder.metrics.age_of(&signer, None, now),
        (90, true)
    );
    assert_eq!(
        bench
            .responder
            .metrics
            .age_of("fireblocks/other", None, now),
        (90, false)
    );
    let text = bench.responder.metrics.text(&[(signer, 90, true)]);
    assert!(text.contains("keepwhole_cosigner_last_call_age_seconds{signer=\"fireblocks/0f6c5e3a"));
    assert!(
        text.contains("keepwhole_cosigner_answers_total{vendor=\"fireblocks\",answer=\"retry\"} 1")
    );
}

#[tokio::test]
async fn two_transactions_for_one_withdrawal_at_once_get_one_approval() {
    // A guard that says yes to both: what was stored first holds.
    let bench = bench([Some(Verdict::Cleared), Some(Verdict::Cleared)]);
    let mut other = transfer();
    other["requestId"] = json!("r-2");
    other["txId"] = json!("t-2");
    let one = transfer();
    let (one, other) = tokio::join!(bench.hears(&one), bench.hears(&other));
    let mut actions = [one["action"].clone(), other["action"].clone()];
    actions.sort_by_key(ToString::to_string);
    assert_eq!(actions, [json!("APPROVE"), json!("RETRY")]);
}

#[tokio::test]
async fn bytes_to_be_signed_make_a_request_one_for_signing() {
    let bench = bench([Some(Verdict::Cleared)]);
    let mut bare = transfer();
    bare["fee"] = Value::Null;
    bare["destinations"] = Value::Null;
    bench.hears(&bare).await;
    let asked = bench.guard.questions();
    assert_eq!(asked[0].stage, Stage::Signing, "counted and redeemed");
}
