//! Cases and the clocks of their duties.

use super::check;
use crate::exchange::DAY;
use crate::exchange::Exchange;
use crate::exchange::HOUR;
use crate::exchange::MINUTE;
use crate::exchange::START;
use crate::exchange::code;
use crate::exchange::observed;
use crate::script::Reader;
use keepwhole_core::answer::Answer;
use keepwhole_core::command::Body;
use keepwhole_core::custody::Direction;
use keepwhole_core::event::Event;
use keepwhole_core::guard::Change;
use keepwhole_core::incident::Cause;
use keepwhole_core::incident::clock;
use keepwhole_core::incident::clock::Limit;

fn clocks(exchange: &Exchange, case: &str, duty: &str) -> Vec<(u64, Option<u64>)> {
    let duties = &exchange.state.incidents.duties;
    let of = duties.iter().position(|d| d.id == duty).unwrap();
    let clocks = &exchange.state.incidents.case(case).unwrap().clocks;
    clocks
        .iter()
        .filter(|c| c.duty as usize == of)
        .map(|c| (c.started, c.due))
        .collect()
}

#[test]
fn clocks_start_with_what_starts_them() {
    let mut e = Exchange::new();
    let aware = e.at;
    e.ask(
        None,
        Some("security"),
        Body::BecomeAware {
            incident: "inc-1".into(),
        },
    );
    assert_eq!(
        clocks(&e, "inc-1", "first-report"),
        [(aware, Some(aware + DAY))]
    );
    assert_eq!(clocks(&e, "inc-1", "capped"), [(aware, Some(aware + DAY))]);
    assert_eq!(
        clocks(&e, "inc-1", "words"),
        [(aware, None)],
        "no number, no due time"
    );
    assert_eq!(clocks(&e, "inc-1", "block-notice"), []);
    e.pass(HOUR);
    let classify = |level: &str| Body::Classify {
        incident: "inc-1".into(),
        level: level.into(),
    };
    e.ask(None, Some("security"), classify("serious"));
    assert_eq!(
        clocks(&e, "inc-1", "capped"),
        [(aware, Some(aware + 5 * HOUR))]
    );
    e.pass(HOUR);
    e.ask(None, Some("security"), classify("graver"));
    assert_eq!(
        clocks(&e, "inc-1", "capped"),
        [(aware, Some(aware + 5 * HOUR))],
        "never further away"
    );
    let fact = || Body::RecordFact {
        incident: "inc-1".into(),
        text: "more wallets".into(),
        occurred: None,
        source: String::new(),
        material: true,
    };
    e.ask(None, None, fact());
    e.pass(HOUR);
    e.ask(None, None, fact());
    assert_eq!(
        clocks(&e, "inc-1", "supplement").len(),
        2,
        "each new fact its own"
    );
    let notify = |duty: &str| Body::Notify {
        incident: "inc-1".into(),
        duty: duty.into(),
        receipt: "r".into(),
    };
    e.at = aware + DAY;
    assert_eq!(
        e.ask(None, None, notify("first-report")).answer,
        Answer::Recorded
    );
    assert_eq!(
        clocks(&e, "inc-1", "follow-up"),
        [(e.at, Some(e.at + 3 * DAY))]
    );
    assert_eq!(
        e.state.incidents.case("inc-1").unwrap().clocks[0].standing,
        clock::Standing::Met,
        "inclusive"
    );
    e.pass(DAY);
    let case = e.state.incidents.case("inc-1").unwrap();
    assert_eq!(case.clocks[1].standing, clock::Standing::Missed);
    let reply = e.ask(None, None, notify("capped"));
    assert_eq!(reply.answer, Answer::Recorded, "late, and recorded");
    assert_eq!(
        e.state.incidents.case("inc-1").unwrap().clocks[1].standing,
        clock::Standing::Missed
    );
    assert_eq!(
        code(&e.ask(None, None, notify("capped"))),
        "malformed",
        "no clock runs any more"
    );
}

#[test]
fn duties_of_a_block_start_once_in_each_case() {
    let mut e = Exchange::new();
    e.seen("n1", Direction::Out, "t1", 100, "0xthief", 10);
    let first = e.at;
    assert_eq!(
        clocks(&e, "inc-1", "block-notice"),
        [(first, Some(first + 2 * HOUR))]
    );
    e.pass(MINUTE);
    let halt = |scope: &str| {
        Body::ProposeChange(Change::Halt {
            scope: scope.into(),
        })
    };
    e.ask(Some("h1"), Some("security"), halt("all"));
    assert_eq!(
        clocks(&e, "inc-1", "block-notice").len(),
        1,
        "the case is blocked already"
    );
    e.ask(
        None,
        None,
        observed("n1", "cold", Direction::Out, "t2", 100, "0xthief", 11),
    );
    assert_eq!(
        clocks(&e, "inc-2", "block-notice").len(),
        1,
        "another wallet, another case, its own block"
    );
    e.pass(MINUTE);
    e.ask(
        None,
        Some("security"),
        Body::BecomeAware {
            incident: "inc-3".into(),
        },
    );
    assert_eq!(clocks(&e, "inc-3", "block-notice"), []);
    e.ask(Some("h2"), Some("security"), halt("trading"));
    assert_eq!(
        clocks(&e, "inc-3", "block-notice"),
        [(e.at, Some(e.at + 2 * HOUR))],
        "by a person's halt"
    );
}

#[test]
fn warnings_come_at_half_three_quarters_and_nine_tenths() {
    let mut e = Exchange::new();
    let aware = e.at;
    e.ask(
        None,
        Some("security"),
        Body::BecomeAware {
            incident: "inc-1".into(),
        },
    );
    e.pass(2 * DAY);
    let soon: Vec<u64> = e
        .records
        .iter()
        .filter(|r| matches!(r.event, Event::ClockWarned { clock: 0, .. }))
        .map(|r| r.at - aware)
        .collect();
    assert_eq!(soon, [12 * HOUR, 18 * HOUR, DAY / 10 * 9]);
    let missed = e
        .records
        .iter()
        .find(|r| matches!(r.event, Event::ClockMissed { clock: 0, .. }));
    assert_eq!(
        missed.map(|r| r.at - aware),
        Some(DAY + 1),
        "the due time itself is in time"
    );
}

#[test]
fn business_days_leave_out_weekends_and_holidays() {
    // 1 May 2026 is a Friday; 5 May, children's day, is day 20,578 of the epoch.
    let limit = |days, offset_minutes| Limit::BusinessDays {
        days,
        offset_minutes,
        holidays: vec![20_578],
    };
    let seoul_midnight = 15 * HOUR;
    assert_eq!(
        clock::due(&limit(1, 540), START),
        Some(START + 3 * DAY + seoul_midnight),
        "Monday 24:00"
    );
    assert_eq!(
        clock::due(&limit(3, 540), START),
        Some(START + 6 * DAY + seoul_midnight),
        "Thursday 24:00"
    );
    // 16:00 UTC is Saturday in Seoul: the next business day is the same Monday.
    assert_eq!(
        clock::due(&limit(1, 540), START + 16 * HOUR),
        Some(START + 3 * DAY + seoul_midnight)
    );
    assert_eq!(
        clock::due(&limit(0, 0), START + HOUR),
        Some(START + DAY),
        "none: the end of the day itself"
    );
    assert_eq!(
        clock::due(&limit(u32::MAX, 540), START),
        None,
        "not counted for ever"
    );
}

#[test]
fn a_case_that_a_person_opened_is_not_joined_by_alarms() {
    let mut r = Reader::new();
    check(
        &mut r,
        "
        aware incident=inc-1 by=security -> recorded
        sign target=ghost op=transfer to=0xelse units=1 attested=1 -> guard_unattested
        sign target=ghost op=transfer to=0xelse units=1 attested=1 -> guard_unattested",
    );
    let causes: Vec<&Cause> = r
        .exchange
        .state
        .incidents
        .cases
        .iter()
        .map(|case| &case.cause)
        .collect();
    assert_eq!(
        causes,
        [&Cause::Person, &Cause::Signer],
        "one case for all such signers"
    );
}

/// No rule for an asset means that a person pays: nothing is paid by default.
#[test]
fn without_a_rule_for_the_asset_a_machine_pays_nothing() {
    use keepwhole_core::policy::Policy;
    use keepwhole_core::registry::AssetIx;
    assert_eq!(Policy::default().auto_pay_up_to(AssetIx(0)), 0);
}
