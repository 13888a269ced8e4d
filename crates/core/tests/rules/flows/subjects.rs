//! Personal records by random number: keeping, reading, the two persons, holds, and what the law keeps.

use super::{alarms, check};
use crate::exchange::{DAY, START};
use crate::law::files::rule;
use crate::script::Reader;
use keepwhole_core::command::{Body, Command, sha256_of};
use keepwhole_core::event::Event;
use keepwhole_core::incident::AlarmCode;
use keepwhole_core::law::{Day, RuleRecord, Value, end_of_day};
use keepwhole_core::reason::Reason;
use keepwhole_core::subject::{is_code, retention};
use keepwhole_verify::digest::Digest;

fn adopt(reader: &mut Reader, rules: Vec<RuleRecord>) {
    let mut rules = rules;
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    let digests: Vec<u8> = rules.iter().flat_map(sha256_of).collect();
    let reply = reader.exchange.send(&Command {
        id: None,
        actor: None,
        body: Body::AdoptLaw {
            rules,
            digest: *Digest::of(&digests).as_bytes(),
        },
    });
    assert_eq!(reply.answer.word(), "recorded");
}

#[test]
fn keeping_and_reading_need_a_role_that_has_not_ended_a_code_and_room_in_the_quota() {
    let mut reader = Reader::new();
    check(
        &mut reader,
        "keep subject=1 record=1 commit=9 by=security -> recorded
        keep subject=1 record=1 commit=9 -> malformed
        keep subject=1 record=1 commit=9 by=requester -> role_missing
        keep subject=1 record=1 commit=9 by=stale -> role_expired
        show subject=1 record=1 code=ticket-7 fields=email by=admin-1 -> role_missing
        show subject=1 record=1 code='' fields=email by=security -> purpose_missing
        show subject=1 record=1 code=kim@example.com fields=email by=security -> malformed
        show subject=1 record=1 code=ticket-7 fields='' by=security -> malformed
        show subject=1 record=1 code=ticket-7 fields=email by=security -> cleared
        read customer=alice purpose=case by=security -> cleared
        show subject=1 record=1 code=ticket-7 fields=email by=security -> read_quota",
    );
    assert_eq!(alarms(&reader.exchange, AlarmCode::BulkRead), 1);
    let read = |event: &Event| {
        matches!(event, Event::SubjectRead { fields, purpose, subject, .. }
            if fields.len() == 1 && purpose == "ticket-7" && *subject == [1; 16])
    };
    assert_eq!(reader.exchange.count(read), 1);
}

#[test]
fn what_takes_two_persons_is_not_done_by_one_with_two_accounts() {
    let mut reader = Reader::new();
    check(
        &mut reader,
        "hold subject=1 code=court-7 by=security -> approvals_short
        hold subject=1 code=court-7 by=security -> same_person
        hold subject=1 code=court-8 by=admin-1 -> approvals_short
        hold subject=1 code=court-7 by=admin-1 -> recorded
        hold subject=1 code=court-7 by=admin-1 -> already_registered
        end subject=1 ended=5 by=security -> recorded
        erase subject=1 code=pipa-36 by=security -> legal_hold
        release subject=1 code=court-9 by=security -> unknown_target
        release subject=1 code=court-7 by=security -> approvals_short
        release subject=1 code=court-7 by=admin-2 -> recorded
        erase subject=1 code=pipa-36 by=security -> approvals_short
        erase subject=1 code=pipa-21 by=admin-1 -> approvals_short
        erase subject=1 code=pipa-36 by=admin-1 -> recorded
        erase subject=1 code=pipa-36 by=admin-1 -> erased
        keep subject=1 record=2 commit=9 by=security -> erased
        show subject=1 record=1 code=t fields=email by=security -> erased
        end subject=1 ended=6 by=security -> erased
        hold subject=1 code=court-8 by=security -> erased",
    );
    let by_two = |event: &Event| {
        matches!(event, Event::SubjectErased { approvals, .. }
            if approvals.len() == 2 && approvals[0] != approvals[1])
    };
    assert_eq!(reader.exchange.count(by_two), 1);
    assert!(reader.exchange.state.subjects.asked.is_empty());
}

#[test]
fn an_asking_ends_with_the_life_of_approvals() {
    let mut reader = Reader::new();
    check(
        &mut reader,
        "hold subject=1 code=court-7 by=security -> approvals_short
        hold subject=1 code=court-7 by=admin-1 wait=86400000 -> approvals_short
        hold subject=1 code=court-7 by=security -> recorded",
    );
}

#[test]
fn the_end_of_a_relation_is_not_in_the_future_and_never_moves_back() {
    let mut reader = Reader::new();
    let later = START + 1_000 * DAY;
    check(
        &mut reader,
        &format!(
            "end subject=1 ended={later} by=security -> malformed
            end subject=1 ended=500 by=requester -> role_missing
            end subject=1 ended=500 by=security -> recorded
            end subject=1 ended=499 by=security -> malformed
            end subject=1 ended=501 by=security -> recorded"
        ),
    );
}

/// The relation ended on 1 May 2026 in Korea: fifteen years by VAUPA, five by the AML Act; the longer one refuses.
#[test]
fn korean_law_keeps_records_fifteen_years_from_the_end_of_the_relation() {
    let last = Day::from_ymd(2041, 5, 1).unwrap();
    let until = end_of_day(last, 9 * 60).unwrap();
    let kept = retention(crate::law::files::all(), START, START).unwrap();
    assert_eq!(
        (kept.rule.as_str(), kept.until),
        ("kr-vaupa-records-15y", until)
    );
    let mut reader = Reader::new();
    adopt(&mut reader, crate::law::files::all().cloned().collect());
    check(
        &mut reader,
        &format!(
            "erase subject=1 code=pipa-36 by=security -> retention_required
            end subject=1 ended={START} by=security -> recorded
            erase subject=1 code=pipa-36 by=security -> retention_required"
        ),
    );
    let (reply, _) = reader.run("erase subject=1 code=pipa-36 by=security");
    let reason = reply.answer.reason().cloned();
    let expected = Reason::RetentionRequired {
        rule: kept.rule,
        until: Some(until),
    };
    assert_eq!(reason, Some(expected), "the rule and its end are named");
    let one_before = until - reader.exchange.state.at - 1;
    check(
        &mut reader,
        &format!(
            "erase subject=1 code=pipa-36 by=security wait={one_before} -> retention_required
            erase subject=1 code=pipa-36 by=security wait=1 -> approvals_short
            erase subject=1 code=pipa-36 by=admin-1 -> recorded"
        ),
    );
}

/// A rule counts if it bound at the end of the relation or binds now; days are exact; a proposal keeps nothing.
#[test]
fn the_longest_rule_that_binds_or_bound_keeps() {
    let mut exact = rule("kr-vaupa-records-destruction").clone();
    exact.id = "exact".into();
    exact.parameters = vec![
        ("clock_start".into(), Value::Text("relation_ended".into())),
        ("retention_days".into(), Value::Int(10)),
    ];
    let until = |rules: &[RuleRecord], at| retention(rules.iter(), START, at).map(|r| r.until);
    assert_eq!(
        until(std::slice::from_ref(&exact), START),
        Some(START + 10 * DAY)
    );
    assert_eq!(until(&[], START), None);
    let mut longer = exact.clone();
    longer.id = "longer".into();
    longer.parameters[1].1 = Value::Int(11);
    let both = [exact.clone(), longer.clone()];
    assert_eq!(until(&both, START), Some(START + 11 * DAY));
    longer.status = keepwhole_core::law::Status::Proposed;
    let proposed = [exact.clone(), longer.clone()];
    assert_eq!(until(&proposed, START), Some(START + 10 * DAY));
    longer.status = keepwhole_core::law::Status::InForce;
    longer.effective_from = Day::from_ymd(2026, 6, 1);
    let begins = [exact.clone(), longer.clone()];
    assert_eq!(until(&begins, START), Some(START + 10 * DAY), "not yet");
    assert_eq!(until(&begins, START + 60 * DAY), Some(START + 11 * DAY));
    exact.parameters[1].1 = Value::Int(u64::MAX);
    assert_eq!(
        until(&[exact], START),
        Some(u64::MAX),
        "never, where it can't be counted"
    );
}

#[test]
fn a_code_is_short_and_no_prose() {
    for good in ["t1", "pipa-36", "court/2026:7#b", &"a".repeat(64)] {
        assert!(is_code(good), "{good}");
    }
    for bad in [
        "",
        "two words",
        "kim@example.com",
        "홍길동",
        "a\n",
        &"a".repeat(65),
    ] {
        assert!(!is_code(bad), "{bad}");
    }
}
