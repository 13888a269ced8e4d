//! The published timeline in both languages, beside what the journal itself recorded.

use super::facts::Timeline;
use crate::text::Words;
use crate::views::{ClockRow, ClockState, EventKind, Mark, TimelineEvent};

/// The case's events with the published facts in both languages: each keeps the entries that recorded it.
///
/// The journal holds a fact in the words in which it was recorded; the report says the same in the reader's language.
#[must_use]
pub fn events(times: &Timeline, recorded: Vec<TimelineEvent>) -> Vec<TimelineEvent> {
    let mut events = recorded;
    for mut event in published(times) {
        // What the journal says of the same moment, in a fact's words or by its own kind, becomes one line.
        let same = |held: &TimelineEvent| {
            let fact = held.mark == Mark::Published && held.kind == EventKind::Decided;
            held.at == event.at && (fact || held.kind == event.kind)
        };
        let (told, rest): (Vec<_>, Vec<_>) = events.into_iter().partition(same);
        event.evidence = told.into_iter().flat_map(|held| held.evidence).collect();
        events = rest;
        events.push(event);
    }
    // The freeze was published, its hour was not: the journal's moment of recording it is the demo's own.
    for event in events
        .iter_mut()
        .filter(|event| event.kind == EventKind::Recovered)
    {
        event.mark = Mark::Assumed;
        event.what = Words::both(
            "LAYER 발행사의 동결을 기록(동결은 공표되었으나 그 시각은 공표되지 않아 가정)",
            "freeze by the issuer of LAYER put on record (the freeze was published; its hour was not and is assumed)",
        );
    }
    events.sort_by_key(|event| event.at);
    events
}

/// The case's clocks as public sources know them: a duty without a published fulfilment was not found, which does not say
/// that it was not met.
#[must_use]
pub fn clocks(mut rows: Vec<ClockRow>) -> Vec<ClockRow> {
    for row in rows
        .iter_mut()
        .filter(|row| row.started.is_some() && row.done.is_none())
    {
        row.state = ClockState::NotFound;
    }
    rows
}

fn published(times: &Timeline) -> Vec<TimelineEvent> {
    use EventKind::{Outflow, Seen, Stopped, Told};
    let rows = [
        (
            times.detected,
            Outflow,
            "첫 이상 유출, 담당 부서가 징후를 확인",
            "first abnormal outflow; the wallet team saw signs of it",
        ),
        (times.meeting, Seen, "긴급회의", "emergency meeting"),
        (
            times.network_paused,
            Stopped,
            "솔라나 네트워크 입출금 중지",
            "deposits and withdrawals of the Solana network paused",
        ),
        (times.last_outflow, Outflow, "마지막 유출", "last outflow"),
        (
            times.all_halted,
            Stopped,
            "모든 입출금 중지",
            "all deposits and withdrawals halted",
        ),
        (
            times.fss_phone,
            Told,
            "금융감독원에 유선 보고",
            "FSS told by telephone",
        ),
        (
            times.fss_writing,
            Told,
            "금융감독원에 서면 보고",
            "FSS told in writing",
        ),
        (
            times.kisa,
            Told,
            "한국인터넷진흥원(KISA)에 신고",
            "KISA told",
        ),
        (
            times.public_notice,
            Told,
            "이상 유출을 이용자에게 공지",
            "public notice of the abnormal outflow",
        ),
        (times.police, Told, "경찰에 신고", "police told"),
        (times.fsc, Told, "금융위원회에 보고", "FSC told"),
    ];
    let rows = rows.into_iter().map(|(at, kind, ko, en)| TimelineEvent {
        at,
        kind,
        what: Words::both(ko, en),
        mark: Mark::Published,
        evidence: Vec::new(),
    });
    rows.collect()
}
