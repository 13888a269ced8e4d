//! Due times, against the worked example of `law/clocks.md` (the breach of 2025-11-27), and the forms of a limit.

use keepwhole_core::law::{
    Assumption, Calendar, ClockSpec, ClockStart, Day, Due, DueForm, Limit, NotComputable, Span,
    clock_of, due_at, never_starts, start_of_day,
};

use super::files::{SET, day, rule};

const SEOUL: i16 = 540;

/// Milliseconds of `YYYY-MM-DD HH:MM` (24:00 allowed) in Seoul.
fn kst(text: &str) -> u64 {
    let (date, time) = text.split_once(' ').unwrap();
    let (hour, minute) = time.split_once(':').unwrap();
    let minutes = hour.parse::<u64>().unwrap() * 60 + minute.parse::<u64>().unwrap();
    start_of_day(day(date), SEOUL).unwrap() + minutes * 60_000
}

/// The due time of a rule, with the offset of Seoul in which every time of the example is written.
fn due(id: &str, started: u64) -> Due {
    due_at(
        &clock_of(rule(id)).unwrap(),
        started,
        Some(SEOUL),
        &Calendar::weekends_only(),
    )
}

fn minutes(from: u64, to: u64) -> i64 {
    (i64::try_from(to).unwrap() - i64::try_from(from).unwrap()) / 60_000
}

#[test]
fn every_numbered_row_of_the_worked_example_comes_out() {
    const A1: &str = "2025-11-27 04:42";
    const A2: &str = "2025-11-27 05:00";
    // rule, started, due, done, elapsed to done (minutes), margin at done (minutes, negative if late)
    let rows: &[(&str, &str, &str, &str, i64, i64)] = &[
        (
            "kr-na-incident-24h",
            A1,
            "2025-11-28 04:42",
            "2025-11-27 11:57",
            7 * 60 + 15,
            16 * 60 + 45,
        ),
        (
            "kr-na-incident-24h",
            A2,
            "2025-11-28 05:00",
            "2025-11-27 11:57",
            6 * 60 + 57,
            17 * 60 + 3,
        ),
        (
            "kr-fss-incident-report",
            A1,
            "2025-11-28 24:00",
            "2025-11-27 10:58",
            6 * 60 + 16,
            37 * 60 + 2,
        ),
        (
            "kr-fss-incident-report",
            A1,
            "2025-11-28 24:00",
            "2025-11-27 11:45",
            7 * 60 + 3,
            36 * 60 + 15,
        ),
        (
            "sg-trm-1h",
            A1,
            "2025-11-27 05:42",
            "2025-11-27 10:58",
            6 * 60 + 16,
            -(5 * 60 + 16),
        ),
        (
            "eu-dora-initial-4h",
            A2,
            "2025-11-27 09:00",
            "2025-11-27 10:58",
            5 * 60 + 58,
            -(60 + 58),
        ),
        (
            "eu-dora-initial-4h",
            "2025-11-27 08:55",
            "2025-11-27 12:55",
            "2025-11-27 10:58",
            2 * 60 + 3,
            60 + 57,
        ),
        (
            "eu-dora-initial-24h",
            A1,
            "2025-11-28 04:42",
            "2025-11-27 10:58",
            6 * 60 + 16,
            17 * 60 + 44,
        ),
        (
            "us-ny-500-17-72h",
            A2,
            "2025-11-30 05:00",
            "2025-11-27 10:58",
            5 * 60 + 58,
            66 * 60 + 2,
        ),
    ];
    for (id, started, expected, done, elapsed, margin) in rows {
        let Due::At { ms, .. } = due(id, kst(started)) else {
            panic!("{id} has no due time")
        };
        assert_eq!(ms, kst(expected), "due time of {id}");
        assert_eq!(
            minutes(kst(started), kst(done)),
            *elapsed,
            "elapsed of {id}"
        );
        assert_eq!(minutes(kst(done), ms), *margin, "margin of {id}");
    }
}

#[test]
fn rows_without_a_done_time_come_out() {
    let rows = [
        (
            "kr-pipa-subject-notice-72h",
            "2025-11-27 04:42",
            "2025-11-30 04:42",
        ),
        ("kr-aml-str", "2025-11-27 09:00", "2025-12-02 24:00"),
        (
            "eu-dora-intermediate-72h",
            "2025-11-27 10:58",
            "2025-11-30 10:58",
        ),
        (
            "kr-na-incident-supplement-24h",
            "2025-11-27 12:33",
            "2025-11-28 12:33",
        ),
        (
            "kr-pipa-possible-leak-notice",
            "2026-11-22 04:42",
            "2026-11-25 04:42",
        ),
    ];
    for (id, started, expected) in rows {
        let Due::At { ms, .. } = due(id, kst(started)) else {
            panic!("{id} has no due time")
        };
        assert_eq!(ms, kst(expected), "due time of {id}");
    }
}

#[test]
fn words_give_no_deadline() {
    let rows = [
        ("kr-vaupa-block-user-notice", DueForm::InAdvance),
        ("kr-vaupa-block-fsc-report", DueForm::Immediately),
        ("kr-vaupa-unfair-trade-report", DueForm::WithoutDelay),
        ("jp-fsa-incident-immediate", DueForm::Immediately),
        ("hk-vatp-incident-notice", DueForm::Immediately),
    ];
    for (id, form) in rows {
        assert_eq!(
            due(id, kst("2025-11-27 05:27")),
            Due::NoNumber(form),
            "{id}"
        );
    }
    // Forbearance and the absence of a deadline start nothing.
    assert_eq!(clock_of(rule("kr-fss-noaction-block-first")), None);
    assert_eq!(clock_of(rule("kr-no-police-deadline")), None);
    // The decree that would define the class is missing.
    assert!(never_starts(rule("kr-na-user-notice-2026")));
    assert_eq!(clock_of(rule("kr-na-user-notice-2026")), None);
}

#[test]
fn a_fact_starts_the_clocks_of_its_own_day() {
    let ids = |on: &str, start| -> Vec<&str> {
        SET.clocks("KR", day(on), start)
            .map(|(rule, _)| rule.id.as_str())
            .collect()
    };
    let blocked = ids("2025-11-27", ClockStart::DecidedToBlock);
    assert_eq!(
        blocked,
        ["kr-vaupa-block-fsc-report", "kr-vaupa-block-user-notice"]
    );
    let leak = "kr-pipa-possible-leak-notice";
    assert!(
        !ids("2025-11-27", ClockStart::Suspected).contains(&leak),
        "the rule began on 2026-09-11"
    );
    assert!(ids("2026-11-22", ClockStart::Suspected).contains(&leak));
    let aware = ids("2025-11-27", ClockStart::BecameAware);
    assert!(aware.contains(&"kr-na-incident-24h"));
    assert!(
        !aware.contains(&"kr-fsc-hack-report-immediate-bill"),
        "a proposal starts no clock"
    );
}

#[test]
fn every_clock_record_that_names_a_start_is_read() {
    let mut read = 0;
    for rule in SET
        .rules()
        .values()
        .filter(|rule| rule.text("clock_start").is_some() && !never_starts(rule))
    {
        match clock_of(rule) {
            Some(_) => read += 1,
            None => assert!(
                rule.int("retention_years").is_some(),
                "{} has a start but no clock",
                rule.id
            ),
        }
    }
    assert!(read >= 40, "only {read} clocks");
}

#[test]
fn holidays_count_only_where_the_calendar_is_recorded() {
    let clock = clock_of(rule("kr-aml-str")).unwrap();
    // Christmas 2025 was a Thursday.
    let decided = kst("2025-12-24 10:00");
    let korea = Calendar::new(
        "kr".into(),
        day("2025-01-01"),
        day("2025-12-31"),
        vec![day("2025-12-25")],
    );
    let weekends = due_at(&clock, decided, Some(SEOUL), &Calendar::weekends_only());
    let recorded = due_at(&clock, decided, Some(SEOUL), &korea);
    assert_eq!(
        weekends,
        Due::At {
            ms: kst("2025-12-29 24:00"),
            assumed: Some(Assumption::WeekendsOnly)
        }
    );
    assert_eq!(
        recorded,
        Due::At {
            ms: kst("2025-12-30 24:00"),
            assumed: None
        }
    );
    // The same calendar does not reach into the next year, and another place's calendar does not help.
    let late = due_at(&clock, kst("2025-12-30 10:00"), Some(SEOUL), &korea);
    assert_eq!(
        late,
        Due::At {
            ms: kst("2026-01-02 24:00"),
            assumed: Some(Assumption::WeekendsOnly)
        }
    );
    let japan = Calendar::new(
        "jp".into(),
        day("2025-01-01"),
        day("2026-12-31"),
        vec![day("2025-12-25")],
    );
    assert_eq!(due_at(&clock, decided, Some(SEOUL), &japan), weekends);
}

#[test]
fn a_limit_in_days_needs_the_offset_and_ends_at_midnight() {
    let calendar = Calendar::weekends_only();
    let at = |limit: Limit, started: &str, offset| {
        due_at(
            &ClockSpec {
                start: ClockStart::Occurred,
                limit,
            },
            kst(started),
            offset,
            &calendar,
        )
    };
    let exact = |text: &str| Due::At {
        ms: kst(text),
        assumed: None,
    };
    let days = || Limit::Within(Span::Days(5));
    assert_eq!(
        at(days(), "2026-02-26 23:59", Some(SEOUL)),
        exact("2026-03-03 24:00")
    );
    assert_eq!(
        at(days(), "2026-02-26 23:59", None),
        Due::NotComputable(NotComputable::OffsetUnknown)
    );
    assert_eq!(
        at(Limit::Within(Span::Millis(1)), "2026-02-26 23:59", None),
        Due::At {
            ms: kst("2026-02-26 23:59") + 1,
            assumed: None
        }
    );
    // One month is not 30 days, and the last day of a shorter month ends it.
    assert_eq!(
        at(
            Limit::Within(Span::Months(1)),
            "2026-01-31 12:00",
            Some(SEOUL)
        ),
        exact("2026-02-28 24:00")
    );
    assert_eq!(
        at(
            Limit::Within(Span::Years(1)),
            "2028-02-29 12:00",
            Some(SEOUL)
        ),
        exact("2029-02-28 24:00")
    );
    assert_eq!(
        at(Limit::Every(Span::Days(1)), "2026-03-01 09:00", Some(SEOUL)),
        exact("2026-03-02 24:00")
    );
    let by_date = || Limit::ByDate { month: 4, day: 15 };
    assert_eq!(
        at(by_date(), "2025-12-31 10:00", Some(SEOUL)),
        exact("2026-04-15 24:00")
    );
    assert_eq!(
        at(by_date(), "2026-04-15 10:00", Some(SEOUL)),
        exact("2027-04-15 24:00")
    );
    let next = Limit::NextBusinessDay {
        calendar: String::new(),
    };
    assert_eq!(
        at(next, "2025-11-28 10:00", Some(SEOUL)),
        Due::At {
            ms: kst("2025-12-01 24:00"),
            assumed: Some(Assumption::WeekendsOnly)
        }
    );
    // Out of range is said, not wrapped.
    let far = ClockSpec {
        start: ClockStart::Occurred,
        limit: Limit::Within(Span::Millis(1)),
    };
    assert_eq!(
        due_at(&far, u64::MAX, None, &calendar),
        Due::NotComputable(NotComputable::OutOfRange)
    );
    let closed: Vec<Day> = (0..800)
        .filter_map(|n| day("2026-01-01").plus_days(n))
        .collect();
    let never = Calendar::new("kr".into(), day("2026-01-01"), day("2028-01-01"), closed);
    let clock = clock_of(rule("kr-aml-str")).unwrap();
    let all_closed = due_at(&clock, kst("2026-01-01 10:00"), Some(SEOUL), &never);
    assert_eq!(all_closed, Due::NotComputable(NotComputable::OutOfRange));
}
