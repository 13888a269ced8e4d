//! BitGo's requests and answers.

use crate::harness::{bench, bitgo_side, denied, held, incoming, mapping, sample};
use crate::simulator::BitGo;
use keepwhole_cosigner::bitgo::answer::{APPROVED, DENIED, HELD, status};
use keepwhole_cosigner::bitgo::request::{Amounts, Request, read};
use keepwhole_cosigner::bitgo::{Mode, Names};
use keepwhole_cosigner::claims::FormError;
use keepwhole_cosigner::guard::Verdict;
use keepwhole_cosigner::json::Json;
use serde_json::{Value, json};

fn read_value(value: &Value, amounts: Amounts) -> Result<Request, FormError> {
    let claims = Json::parse(value.to_string().as_bytes()).unwrap();
    read(claims, &Names::default(), amounts)
}

fn with(pointer: &str, value: Value) -> Value {
    let mut claims = sample("bitgo-webhook");
    *claims.pointer_mut(pointer).unwrap() = value;
    claims
}

#[test]
fn the_sample_is_understood() {
    let request = read_value(&sample("bitgo-webhook"), Amounts::Texts).unwrap();
    let claims = request.claims(&mapping()).unwrap();
    assert_eq!((&*claims.withdrawal, claims.amount), ("w-2", 2_500_000));
    assert_eq!((&*claims.wallet, claims.fee), ("hot-2", None));
    assert_eq!(claims.to, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4");
}

#[test]
fn forms_are_refused_and_unknowns_held() {
    let number = |field: &str| Err(FormError::NumberAmount(field.to_owned()));
    let told = with("/spendAmount", json!(2_500_000));
    assert_eq!(read_value(&told, Amounts::Texts), number("spendAmount"));
    assert!(read_value(&told, Amounts::WholeNumbers).is_ok());
    for bad in [json!(2.5), json!(-1), json!(9_007_199_254_740_992_u64)] {
        let told = with("/outputs/0/value", bad);
        assert_eq!(read_value(&told, Amounts::WholeNumbers), number("value"));
    }
    let gone = read_value(&with("/evaluationId", Value::Null), Amounts::Texts);
    assert_eq!(gone, Err(FormError::Missing("evaluationId")));
    let gone = read_value(&with("/walletId", Value::Null), Amounts::Texts);
    assert_eq!(gone, Err(FormError::Missing("walletId")));
    let id = read_value(&with("/evaluationId", json!("a\nb")), Amounts::Texts);
    assert_eq!(id, Err(FormError::Id("evaluationId")));

    let output = sample("bitgo-webhook")["outputs"][0].clone();
    for (pointer, value, code) in [
        ("/walletId", json!("ff"), "wallet_unknown"),
        ("/coin", json!("tbtc"), "asset_unknown"),
        ("/sequenceId", Value::Null, "withdrawal_unknown"),
        ("/outputs", json!([]), "destinations_many"),
        ("/outputs", json!([output, output]), "destinations_many"),
        ("/outputs/0/address", Value::Null, "destinations_many"),
        ("/spendAmount", json!("2500001"), "amounts_differ"),
        ("/outputs/0/value", json!("2.5"), "amount_unreadable"),
    ] {
        let request = read_value(&with(pointer, value), Amounts::Texts).unwrap();
        let unknown = request.claims(&mapping()).unwrap_err();
        assert_eq!(unknown.code, code, "{pointer}");
    }
}

#[test]
fn the_table_of_answers() {
    let (held, denied) = (held().unwrap(), denied().unwrap());
    for (verdict, signed, plain) in [
        (Verdict::Cleared, APPROVED, HELD),
        (held, HELD, HELD),
        (Verdict::held("budget"), HELD, HELD),
        (denied, DENIED, DENIED),
    ] {
        assert_eq!(status(&verdict, Mode::Signed), signed);
        assert_eq!(status(&verdict, Mode::Plain), plain);
    }
    assert!(!(200..300).contains(&HELD), "nobody takes it for a yes");
}

#[tokio::test]
async fn the_answer_carries_the_evaluation_and_a_status() {
    for (verdict, status) in [
        (Some(Verdict::Cleared), 200),
        (held(), 409),
        (denied(), 403),
    ] {
        let bench = bench([verdict]);
        let bitgo = BitGo::new();
        let token = bitgo.token(&sample("bitgo-webhook")).into_bytes();
        let first = bench
            .responder
            .bitgo(incoming(token.clone()), Some(token.clone()))
            .await;
        assert_eq!(first.status, status);
        let told = bitgo.reads(&first.body);
        assert_eq!(told["evaluationId"], "306258df-dcab-489e-a9fe-ff28ce9fa312");
        assert_eq!(told["statusCode"], status);
        assert_eq!(
            told["exp"].as_u64().unwrap() - told["iat"].as_u64().unwrap(),
            300
        );
        // The same evaluation again, a minute later: the same bytes, and nobody is asked.
        bench.step(60);
        let again = bench
            .responder
            .bitgo(incoming(token.clone()), Some(token))
            .await;
        assert_eq!((again.status, again.body), (first.status, first.body));
        assert_eq!(bench.guard.questions().len(), 1);
    }
}

#[tokio::test]
async fn plain_mode_never_says_yes() {
    let mut bench = bench([Some(Verdict::Cleared)]);
    let mut side = bitgo_side();
    (side.mode, side.key) = (Mode::Plain, None);
    std::sync::Arc::get_mut(&mut bench.responder).unwrap().bitgo = Some(side);
    let body = sample("bitgo-webhook").to_string();
    let reply = bench.responder.bitgo(incoming(body), None).await;
    assert_eq!(reply.status, HELD);
}

#[tokio::test]
async fn what_others_sign_is_refused_without_a_word() {
    let bench = bench([]);
    let claims = sample("bitgo-webhook");
    let by_cosigner = bench.cosigner.token(&claims);
    for token in [
        Some(by_cosigner.into_bytes()),
        Some(claims.to_string().into_bytes()),
        None,
    ] {
        let reply = bench
            .responder
            .bitgo(incoming(claims.to_string()), token)
            .await;
        assert_eq!((reply.status, &*reply.body), (401, ""));
    }
}
