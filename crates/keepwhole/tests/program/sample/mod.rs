//! Fixed view data: the published facts of 27 November 2025 and made-up figures around them, for pages and pictures.

use keepwhole::console::{ConsoleSource, SourceError};
use keepwhole::text::{Amount, Asset, Words};
use keepwhole::views::{
    Answer, AnswerState, Awareness, BacktestAsked, BacktestView, Balance, Banner, ClockRow,
    ClockState, Compared, CustomerView, Done, EventKind, Figure, Freeze, GuardView, Head,
    IncidentLine, IncidentView, JournalView, LawStatus, LossRow, Mark, Overview, PackageLink,
    PeopleView, PolicyView, Record, Redress, RequestState, RequestView, StatementLine,
    TimelineEvent, Trip, Value,
};

mod authority;
mod backtest;
mod guard;
mod policy;
mod report;

pub(crate) use report::report;

/// 2025-11-27 04:42:00 KST.
pub(crate) const FIRST: u64 = 1_764_186_120_000;
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

fn head() -> Head {
    Head {
        size: 212_407,
        root: "9f3c1d5a7be2480c6e1f0a94d2b7c3358e61f7a0bb49c2de13570246ace8bdf1".to_owned(),
    }
}

fn banner() -> Banner {
    Banner::Exercise(Words::both(
        "이용자는 모두 가상입니다. 공개 수치에 따른 계산입니다.",
        "all customers are made up; a calculation on public figures.",
    ))
}

fn sol() -> Asset {
    Asset::new("SOL", 9)
}

fn figure(ko: &str, en: &str, value: Value, mark: Mark) -> Figure {
    Figure::new(Words::both(ko, en), value, mark)
}

fn answer(
    number: u8,
    state: AnswerState,
    ko: &str,
    en: &str,
    figures: Vec<Figure>,
    link: Option<&str>,
) -> Answer {
    let evidence = if state == AnswerState::NotBuilt {
        Vec::new()
    } else {
        vec![u64::from(number) * 11]
    };
    Answer {
        number,
        state,
        sentence: Words::both(ko, en),
        figures,
        link: link.map(str::to_owned),
        evidence,
    }
}

pub(crate) fn overview() -> Overview {
    let krw = |won| Value::Amount(Amount::krw(won));
    Overview {
        as_of: FIRST + 12 * HOUR,
        head: head(),
        banner: banner(),
        ten: [
            answer(
                1,
                AnswerState::Whole,
                "이용자 100,000명, 자산 25종의 잔고가 기록되어 있습니다.",
                "Balances of 100,000 customers in 25 assets are recorded.",
                vec![
                    figure("이용자", "customers", Value::Count(100_000), Mark::Assumed),
                    figure("자산", "assets", Value::Count(25), Mark::Published),
                ],
                Some("/customers"),
            ),
            answer(
                2,
                AnswerState::Attention,
                "자산 24종에서 보유가 돌려줄 수량보다 적습니다.",
                "In 24 assets less is held than owed.",
                vec![
                    figure(
                        "가장 낮은 보유 비율 (SOL)",
                        "lowest coverage (SOL)",
                        Value::Share {
                            part: 912,
                            whole: 1000,
                        },
                        Mark::Derived,
                    ),
                    figure(
                        "콜드월렛 비율",
                        "cold share",
                        Value::Unknown(Words::both(
                            "1년 평균 시세가 기록되지 않음",
                            "no one-year mean price is recorded",
                        )),
                        Mark::Derived,
                    ),
                ],
                None,
            ),
            answer(
                3,
                AnswerState::Attention,
                "승인 없는 유출이 기록되었습니다.",
                "Outflows without authorisation are recorded.",
                vec![figure(
                    "유출",
                    "taken",
                    krw(44_480_594_889),
                    Mark::Published,
                )],
                Some("/incidents/2025-11-27"),
            ),
            answer(
                4,
                AnswerState::Whole,
                "부족분이 모두 채워졌습니다.",
                "Everything that was short has been replenished.",
                vec![figure(
                    "이용자 몫",
                    "behind customers",
                    krw(38_600_000_000),
                    Mark::Published,
                )],
                Some("/incidents/2025-11-27"),
            ),
            answer(
                5,
                AnswerState::Attention,
                "기한이 숫자로 정해진 의무는 모두 기한 안에 있었습니다.",
                "Every clock with a number was met; 3 duties have no number.",
                vec![figure(
                    "다음 기한",
                    "next due",
                    Value::Time(FIRST + 24 * HOUR),
                    Mark::Derived,
                )],
                Some("/incidents"),
            ),
            answer(
                6,
                AnswerState::Unknown,
                "공표된 동결만 기록되어 있습니다.",
                "Only the published freeze is recorded.",
                vec![figure(
                    "동결",
                    "frozen",
                    krw(2_300_000_000),
                    Mark::Published,
                )],
                Some("/incidents/2025-11-27"),
            ),
            answer(
                7,
                AnswerState::Attention,
                "시행 중인 규정의 상한은 1억 원입니다.",
                "The ceiling under law in force is 100 m KRW.",
                vec![figure("상한", "ceiling", krw(100_000_000), Mark::Derived)],
                None,
            ),
            answer(
                8,
                AnswerState::Whole,
                "서명된 체크포인트가 모든 기록을 고정합니다.",
                "A signed checkpoint fixes every entry.",
                vec![],
                Some("/journal"),
            ),
            answer(
                9,
                AnswerState::Unknown,
                "이 기록부에는 승인이 기록되어 있지 않습니다.",
                "No approval is recorded in this journal.",
                vec![],
                None,
            ),
            answer(
                10,
                AnswerState::NotBuilt,
                "이 판은 거래 상대방을 심사하지 않습니다.",
                "This version does not screen counterparties.",
                vec![],
                None,
            ),
        ],
    }
}

fn event(minutes: u64, kind: EventKind, ko: &str, en: &str) -> TimelineEvent {
    TimelineEvent {
        at: FIRST + minutes * MINUTE,
        kind,
        what: Words::both(ko, en),
        mark: Mark::Published,
        evidence: vec![200_000 + minutes],
    }
}

fn events() -> Vec<TimelineEvent> {
    vec![
        event(
            0,
            EventKind::Outflow,
            "첫 이상 유출",
            "first abnormal outflow",
        ),
        event(18, EventKind::Seen, "긴급회의", "emergency meeting"),
        event(
            45,
            EventKind::Stopped,
            "솔라나 네트워크 입출금 중지",
            "Solana-network deposits and withdrawals paused",
        ),
        event(54, EventKind::Outflow, "마지막 유출", "last outflow"),
        event(
            253,
            EventKind::Stopped,
            "전체 입출금 중지",
            "all deposits and withdrawals paused",
        ),
        event(
            300,
            EventKind::Recovered,
            "LAYER 동결 공지",
            "LAYER frozen, according to the notice",
        ),
        event(
            376,
            EventKind::Told,
            "금융감독원 유선 보고",
            "FSS told by telephone",
        ),
        event(
            423,
            EventKind::Told,
            "금융감독원 서면 보고",
            "FSS told in writing",
        ),
        event(435, EventKind::Told, "KISA 신고", "KISA told"),
        event(471, EventKind::Told, "이용자 공지", "public notice"),
        event(514, EventKind::Told, "경찰 신고", "police told"),
        event(618, EventKind::Told, "금융위원회 보고", "FSC told"),
    ]
}

fn clock(
    duty: &str,
    ko: &str,
    en: &str,
    start: Option<u64>,
    due: Option<u64>,
    done: Option<u64>,
    state: ClockState,
) -> ClockRow {
    ClockRow {
        duty: duty.to_owned(),
        title: Words::both(ko, en),
        authority: Words::both("한국인터넷진흥원", "KISA"),
        source: "Network Act 48-3".to_owned(),
        status: LawStatus::InForce,
        confidence: "mirror".to_owned(),
        trigger: Words::both("후보 1: 첫 징후", "candidate 1: first sign"),
        started: start,
        due,
        done: done.map(|at| Done {
            at,
            receipt: Some(Words::both("공개 자료", "public source")),
        }),
        state,
        evidence: Vec::new(),
    }
}

fn clocks() -> Vec<ClockRow> {
    vec![
        clock(
            "kr-na-incident-24h",
            "침해사고 신고 (24시간)",
            "Report an intrusion within 24 hours",
            Some(FIRST),
            Some(FIRST + 24 * HOUR),
            Some(FIRST + 435 * MINUTE),
            ClockState::DoneInTime {
                left: 1005 * MINUTE,
            },
        ),
        clock(
            "kr-vaupa-block-fsc-report",
            "입출금 차단 보고",
            "Report a block of deposits and withdrawals",
            Some(FIRST + 45 * MINUTE),
            None,
            Some(FIRST + 376 * MINUTE),
            ClockState::NoNumber {
                elapsed: 331 * MINUTE,
                done: true,
            },
        ),
        clock(
            "kr-pipa-subject-notice-72h",
            "개인정보 유출 통지",
            "Tell data subjects of a leak",
            None,
            None,
            None,
            ClockState::NotStarted,
        ),
        clock(
            "sg-trm-1h",
            "1시간 내 보고 (비교)",
            "Report within one hour (to compare)",
            Some(FIRST),
            Some(FIRST + HOUR),
            Some(FIRST + 376 * MINUTE),
            ClockState::DoneLate { late: 316 * MINUTE },
        ),
        clock(
            "kr-na-incident-supplement-24h",
            "보완 신고",
            "Supplement within 24 hours of each new fact",
            Some(FIRST + 60 * MINUTE),
            Some(FIRST + 25 * HOUR),
            None,
            ClockState::NotFound,
        ),
    ]
}

pub(crate) fn incident() -> IncidentView {
    let part = |units| Amount::new(units, &sol());
    IncidentView {
        id: "2025-11-27".to_owned(),
        as_of: FIRST + 12 * HOUR,
        head: head(),
        title: Words::both(
            "솔라나 계열 자산 24종의 승인 없는 유출",
            "Unauthorised outflow of 24 Solana-family assets",
        ),
        opened: FIRST + 5 * MINUTE,
        opened_by: Words::both("차단 장치", "the breaker"),
        closed: None,
        working_start: FIRST,
        awareness: vec![
            Awareness {
                at: Some(FIRST),
                reason: Words::both("첫 징후", "first sign"),
                legal: false,
                mark: Mark::Published,
                evidence: vec![7],
                dues: vec![(
                    Words::both("침해사고 신고", "Report an intrusion"),
                    FIRST + 24 * HOUR,
                )],
            },
            Awareness {
                at: Some(FIRST + 18 * MINUTE),
                reason: Words::both("긴급회의", "emergency meeting"),
                legal: true,
                mark: Mark::Published,
                evidence: vec![8],
                dues: vec![(
                    Words::both("침해사고 신고", "Report an intrusion"),
                    FIRST + 24 * HOUR,
                )],
            },
            Awareness {
                at: None,
                reason: Words::both("침해로 확인", "confirmed as an intrusion"),
                legal: false,
                mark: Mark::Published,
                evidence: vec![],
                dues: vec![],
            },
        ],
        events: events(),
        clocks: clocks(),
        losses: vec![LossRow {
            taken: part(123_456_789_000_000_123),
            house: part(16_000_000_000_000_000),
            customers: part(107_456_789_000_000_123),
            replenished: part(107_456_789_000_000_000),
            outstanding: part(123),
            mark: Mark::Derived,
        }],
        trips: vec![Trip {
            scope: Words::both("지갑 hot-sol", "wallet hot-sol"),
            cause: Words::both("승인 없는 유출", "outflow without authorisation"),
            at: FIRST + 5 * MINUTE,
            armed: true,
            reset: None,
            entry: 200_005,
        }],
        freezes: freezes(),
        figures: vec![figure(
            "유출 당시 원화",
            "value in won",
            Value::Amount(Amount::krw(44_480_594_889)),
            Mark::Published,
        )],
    }
}

fn freezes() -> Vec<Freeze> {
    vec![Freeze {
        holder: Words::both("LAYER 발행 재단과 협력", "with the issuer of LAYER"),
        amount: Value::Amount(Amount::krw(2_300_000_000)),
        at: Some(FIRST + 300 * MINUTE),
        state: Words::both("동결", "frozen"),
        mark: Mark::Published,
        evidence: vec![200_300],
    }]
}

pub(crate) fn customer(id: &str) -> CustomerView {
    let part = |units| Amount::new(units, &sol());
    CustomerView {
        id: id.to_owned(),
        as_of: FIRST + 12 * HOUR,
        head: head(),
        made_up: true,
        balances: vec![
            Balance {
                owed: part(12_345_678_901),
                reserved: part(0),
            },
            Balance {
                owed: Amount::krw(1_234_567),
                reserved: Amount::krw(10_000),
            },
        ],
        redress: vec![Redress {
            loss: "2025-11-27-sol".to_owned(),
            short: part(1_100_000_001),
            replenished: part(1_100_000_000),
            outstanding: part(1),
        }],
        statement: vec![
            StatementLine {
                at: FIRST - HOUR,
                entry: 41,
                what: Words::both("입금", "deposit"),
                incoming: true,
                amount: part(345_678_901),
                balance: Some(part(12_345_678_901)),
            },
            StatementLine {
                at: FIRST - 2 * HOUR,
                entry: 40,
                what: Words::both("출금", "withdrawal"),
                incoming: false,
                amount: part(5),
                balance: None,
            },
        ],
        statement_total: 17,
        package: Some(PackageLink {
            file: "c-000042.json".to_owned(),
            command: "keepwhole verify packages/c-000042.json".to_owned(),
        }),
    }
}

pub(crate) fn journal(from: Option<u64>) -> JournalView {
    let from = from.unwrap_or(212_387).min(212_406);
    let records = (from..(from + 20).min(212_407))
        .map(|index| Record {
            index,
            at: FIRST + index,
            kind: "movement_recorded".to_owned(),
            json: format!(r#"{{"amount":"{index}","asset":"SOL","from":"c-000042","note":"<b>not markup</b>","to":"house"}}"#),
        })
        .collect();
    JournalView {
        as_of: Some(FIRST + 12 * HOUR),
        head: head(),
        checkpoint: Some(format!(
            "demo.keepwhole.example/journal\n212407\n{}\n\n— demo.keepwhole.example+1a2b3c4d AAAA\n",
            "nzwdWnviSAxuHwqU0rfDNY5h96C7ScLeE1cCRqzovfE="
        )),
        vkey: "demo.keepwhole.example+1a2b3c4d+AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
            .to_owned(),
        records,
        from,
        page: 20,
    }
}

/// A source of the fixed views: incident `2025-11-27`, customer `c-000042`, and one whose id is markup.
pub(crate) struct SampleSource;

pub(crate) const HOSTILE: &str = r#"<script>alert("1")</script>&'"#;

impl ConsoleSource for SampleSource {
    fn overview(&self) -> Result<Overview, SourceError> {
        Ok(overview())
    }

    fn incidents(&self) -> Result<Vec<IncidentLine>, SourceError> {
        let view = incident();
        Ok(vec![IncidentLine {
            id: view.id,
            opened: view.opened,
            title: view.title,
            open: true,
            next_due: Some(FIRST + 24 * HOUR),
            overdue: 1,
        }])
    }

    fn incident(&self, id: &str) -> Result<Option<IncidentView>, SourceError> {
        Ok((id == "2025-11-27").then(incident))
    }

    fn customer(&self, id: &str) -> Result<Option<CustomerView>, SourceError> {
        Ok((id == "c-000042" || id == HOSTILE).then(|| customer(id)))
    }

    fn journal(&self, from: Option<u64>) -> Result<JournalView, SourceError> {
        Ok(journal(from))
    }

    fn guard(&self, only: Option<RequestState>, from: u64) -> Result<GuardView, SourceError> {
        Ok(guard::guard(only, from))
    }

    fn request(&self, id: &str) -> Result<Option<RequestView>, SourceError> {
        Ok((id == "credit-0206" || id == HOSTILE).then(|| guard::request(id)))
    }

    fn policy(&self, between: Option<&Compared>) -> Result<PolicyView, SourceError> {
        Ok(policy::policy(between))
    }

    fn backtest(&self, asked: &BacktestAsked) -> Result<BacktestView, SourceError> {
        Ok(backtest::backtest(asked))
    }

    fn people(&self) -> Result<PeopleView, SourceError> {
        Ok(guard::people())
    }

    fn log_file(&self, path: &str) -> Option<Vec<u8>> {
        match path {
            "checkpoint" => journal(None).checkpoint.map(String::into_bytes),
            "tile/0/000" => Some(vec![0; 32]),
            _ => None,
        }
    }

    fn report(&self) -> Option<Vec<u8>> {
        Some(keepwhole::report::render(&report(), keepwhole::text::Lang::Ko).into_bytes())
    }
}
