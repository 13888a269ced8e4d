//! Duty clocks: what starts one, how long it runs, and the instant it falls due.

use alloc::string::String;
use alloc::vec::Vec;

use borsh::{BorshDeserialize, BorshSerialize};

use super::day::{Day, day_at, end_of_day};
use super::record::{ClockStart, DueForm, RuleRecord, Value};

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 3_600_000;
/// Longest search for a business day: more days than any recorded run of holidays.
const MAX_CLOSED_DAYS: u32 = 366;

/// A length of time: exact, or counted in civil days, months or years. One month is not 30 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Span {
    /// Milliseconds; they run through nights and weekends.
    Millis(u64) = 0,
    /// Civil days: the first is the day after the start, the last counts to 24:00.
    Days(u32) = 1,
    /// Civil months: to 24:00 of the same day of a later month, or of that month's last day.
    Months(u32) = 2,
    /// Civil years: as months, twelve to a year.
    Years(u32) = 3,
}

/// How long a duty's clock runs.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Limit {
    /// A length of time from the start.
    Within(Span) = 0,
    /// To 24:00 of the n-th business day after the day of the start.
    BusinessDays {
        /// How many; the day of the start does not count.
        n: u32,
        /// Name of the holiday calendar; empty if the record names none.
        calendar: String,
    } = 1,
    /// To 24:00 of the next business day.
    NextBusinessDay {
        /// Name of the holiday calendar; empty if the record names none.
        calendar: String,
    } = 2,
    /// To 24:00 of the first such day of a year after the start.
    ByDate {
        /// Month, 1 to 12.
        month: u8,
        /// Day of the month.
        day: u8,
    } = 3,
    /// A repeating duty: each time is due one span after the last.
    Every(Span) = 4,
    /// Words and no number: elapsed time only, never a made-up margin.
    Form(DueForm) = 5,
}

/// A duty's clock, read from a rule's parameters.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ClockSpec {
    /// The fact that starts it.
    pub start: ClockStart,
    /// How long it runs.
    pub limit: Limit,
}

/// Holidays of one calendar, as recorded data. Saturdays and Sundays are closed in every calendar.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Calendar {
    name: String,
    from: Day,
    to: Day,
    holidays: Vec<Day>,
}

impl Calendar {
    /// A calendar named as the rules name it (`kr`, `us_federal`), with every holiday between two days (inclusive).
    #[must_use]
    pub fn new(name: String, from: Day, to: Day, mut holidays: Vec<Day>) -> Self {
        holidays.sort_unstable();
        holidays.dedup();
        Self {
            name,
            from,
            to,
            holidays,
        }
    }

    /// A calendar that knows no holiday of any place: results that need one say that weekends alone were left out.
    #[must_use]
    pub fn weekends_only() -> Self {
        Self {
            name: String::new(),
            from: Day::MIN,
            to: Day::MIN,
            holidays: Vec::new(),
        }
    }

    fn is_closed(&self, day: Day) -> bool {
        day.is_weekend() || self.holidays.binary_search(&day).is_ok()
    }

    /// The n-th open day after a day.
    fn business_day(&self, after: Day, n: u32) -> Option<Day> {
        let mut day = after;
        for _ in 0..n {
            let mut closed = 0;
            loop {
                day = day.plus_days(1)?;
                if !self.is_closed(day) {
                    break;
                }
                closed += 1;
                if closed > MAX_CLOSED_DAYS {
                    return None;
                }
            }
        }
        Some(day)
    }

    fn covers(&self, name: &str, first: Day, last: Day) -> bool {
        !name.is_empty() && self.name == name && self.from <= first && last <= self.to
    }
}

/// What a due time rests on beyond the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Assumption {
    /// The holiday calendar the rule names is not in the data for those days: only weekends were left out, so the
    /// true limit may be later, never earlier.
    WeekendsOnly = 0,
}

/// Why a due time can't be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum NotComputable {
    /// The limit is counted in civil days and the zone's offset on that day was not given (daylight saving).
    OffsetUnknown = 0,
    /// The instant lies outside the range of times.
    OutOfRange = 1,
}

/// When a duty falls due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Due {
    /// At this instant, inclusive: an act at exactly this millisecond is in time.
    At {
        /// Milliseconds since the epoch.
        ms: u64,
        /// What the time rests on beyond the records.
        assumed: Option<Assumption>,
    } = 0,
    /// The rule gives no number: show the time elapsed.
    NoNumber(DueForm) = 1,
    /// It can't be computed from what is recorded.
    NotComputable(NotComputable) = 2,
}

/// Whether the record says never to start a clock from it (`start_clock = false`): a text that would fix it is missing.
/// Show the time elapsed instead.
#[must_use]
pub fn never_starts(rule: &RuleRecord) -> bool {
    rule.flag("start_clock") == Some(false)
}

/// The clock of a rule, whatever its status: `None` if it names no start or no limit, or if it says never to start one.
///
/// Where a rule has both words and a number ("without delay", 72 hours), the number is the limit. Ask
/// [`standing_on`](super::standing_on) before a clock is started: a proposed rule starts none.
#[must_use]
pub fn clock_of(rule: &RuleRecord) -> Option<ClockSpec> {
    if never_starts(rule) {
        return None;
    }
    let start = ClockStart::parse(rule.text("clock_start")?)?;
    Some(ClockSpec {
        start,
        limit: limit_of(rule)?,
    })
}

fn limit_of(rule: &RuleRecord) -> Option<Limit> {
    let calendar = || String::from(rule.text("calendar").unwrap_or_default());
    if let Some(n) = count(rule, "due_business_days") {
        return Some(Limit::BusinessDays {
            n,
            calendar: calendar(),
        });
    }
    if let Some(span) = span_of(rule, "due") {
        return Some(Limit::Within(span));
    }
    match rule.text("due_form").and_then(DueForm::parse) {
        Some(DueForm::NextBusinessDay) => {
            return Some(Limit::NextBusinessDay {
                calendar: calendar(),
            });
        }
        Some(DueForm::ByDate) => return by_date(rule),
        _ => {}
    }
    if let Some(span) = span_of(rule, "interval") {
        return Some(Limit::Every(span));
    }
    rule.text("due_form")
        .and_then(DueForm::parse)
        .map(Limit::Form)
}

fn by_date(rule: &RuleRecord) -> Option<Limit> {
    let (month, day) = rule.text("due_date")?.split_once('-')?;
    Some(Limit::ByDate {
        month: month.parse().ok()?,
        day: day.parse().ok()?,
    })
}

fn span_of(rule: &RuleRecord, prefix: &str) -> Option<Span> {
    // Only these exact keys: `due_if_attack_days` and the like are further limits in other cases.
    let (unit, value) = rule.parameters.iter().find_map(|(key, value)| {
        let unit = key.strip_prefix(prefix)?.strip_prefix('_')?;
        match value {
            Value::Int(value)
                if matches!(unit, "minutes" | "hours" | "days" | "months" | "years") =>
            {
                Some((unit, *value))
            }
            _ => None,
        }
    })?;
    let narrow = || u32::try_from(value).ok();
    match unit {
        "minutes" => value.checked_mul(MINUTE_MS).map(Span::Millis),
        "hours" => value.checked_mul(HOUR_MS).map(Span::Millis),
        "days" => narrow().map(Span::Days),
        "months" => narrow().map(Span::Months),
        _ => narrow().map(Span::Years),
    }
}

fn count(rule: &RuleRecord, key: &str) -> Option<u32> {
    rule.int(key).and_then(|value| u32::try_from(value).ok())
}

/// When a clock that started at `started` (milliseconds since the epoch) falls due.
///
/// `offset_minutes` is the offset of the jurisdiction's zone, needed only for limits counted in civil or business
/// days: [`RuleRecord::utc_offset_minutes`]. A limit in minutes or hours runs through nights and weekends. A limit in
/// days leaves out the day of the start and ends at 24:00 local time of its last day; it is not moved off a weekend,
/// which is never later than a law that moves it.
#[must_use]
pub fn due_at(
    clock: &ClockSpec,
    started: u64,
    offset_minutes: Option<i16>,
    calendar: &Calendar,
) -> Due {
    match &clock.limit {
        Limit::Form(form) => Due::NoNumber(*form),
        Limit::Within(span) | Limit::Every(span) => within(*span, started, offset_minutes),
        Limit::BusinessDays { n, calendar: name } => {
            business_days(*n, name, started, offset_minutes, calendar)
        }
        Limit::NextBusinessDay { calendar: name } => {
            business_days(1, name, started, offset_minutes, calendar)
        }
        Limit::ByDate { month, day } => civil(started, offset_minutes, |start| {
            let (year, ..) = start.ymd();
            let on = |year| {
                Day::from_ymd(year, u32::from(*month), u32::from(*day)).filter(|on| *on > start)
            };
            on(year).or_else(|| on(year + 1))
        }),
    }
}

fn within(span: Span, started: u64, offset: Option<i16>) -> Due {
    match span {
        Span::Millis(length) => match started.checked_add(length) {
            Some(ms) => Due::At { ms, assumed: None },
            None => Due::NotComputable(NotComputable::OutOfRange),
        },
        Span::Days(n) => civil(started, offset, |start| {
            start.plus_days(i32::try_from(n).ok()?)
        }),
        Span::Months(n) => civil(started, offset, |start| start.plus_months(n)),
        Span::Years(n) => civil(started, offset, |start| {
            start.plus_months(n.checked_mul(12)?)
        }),
    }
}

/// The end of the civil day that `last` finds from the day of the start.
fn civil(started: u64, offset: Option<i16>, last: impl FnOnce(Day) -> Option<Day>) -> Due {
    let Some(offset) = offset else {
        return Due::NotComputable(NotComputable::OffsetUnknown);
    };
    match day_at(started, offset)
        .and_then(last)
        .and_then(|day| end_of_day(day, offset))
    {
        Some(ms) => Due::At { ms, assumed: None },
        None => Due::NotComputable(NotComputable::OutOfRange),
    }
}

fn business_days(
    n: u32,
    name: &str,
    started: u64,
    offset: Option<i16>,
    calendar: &Calendar,
) -> Due {
    let mut assumed = None;
    let due = civil(started, offset, |start| {
        let with_holidays = calendar.business_day(start, n)?;
        if calendar.covers(name, start, with_holidays) {
            return Some(with_holidays);
        }
        assumed = Some(Assumption::WeekendsOnly);
        Calendar::weekends_only().business_day(start, n)
    });
    match due {
        Due::At { ms, .. } => Due::At { ms, assumed },
        other => other,
    }
}
