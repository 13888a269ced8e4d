//! The fixed report.

use keepwhole::text::{Amount, Asset, Words};
use keepwhole::views::{
    ClockState, CoverageRow, FineColumn, FineRow, Hypothesis, LawStatus, Mark, Marked, ProofView,
    ReportView, Run, RunMode, TokenLoss, Value, Verified,
};

use super::{
    FIRST, HOUR, MINUTE, clock, clocks, events, figure, freezes, head, journal, overview, sol,
};

fn run(
    mode: RunMode,
    hypothesis: Option<Hypothesis>,
    curve: Option<(&str, &str)>,
    taken: u128,
    stopped: Option<u64>,
    course: Vec<(u64, u128)>,
) -> Run {
    const ALL: u128 = 44_480_594_889;
    let mark = if mode == RunMode::AsItHappened {
        Mark::Published
    } else {
        Mark::Derived
    };
    Run {
        mode,
        hypothesis,
        curve: curve.map(|(ko, en)| Words::both(ko, en)),
        taken: Marked::new(Amount::krw(taken), mark),
        kept: Marked::new(Amount::krw(ALL - taken), mark),
        stopped,
        sentence: Words::both("계산 결과입니다.", "This is what the calculation gives."),
        course: course
            .into_iter()
            .map(|(minutes, krw)| (FIRST + minutes * MINUTE, krw))
            .collect(),
    }
}

fn runs() -> Vec<Run> {
    const ALL: u128 = 44_480_594_889;
    let mut runs = vec![run(
        RunMode::AsItHappened,
        None,
        Some(("고르게", "even")),
        ALL,
        Some(FIRST + 45 * MINUTE),
        vec![(0, 0), (54, ALL)],
    )];
    for hypothesis in Hypothesis::ALL {
        let abused = hypothesis == Hypothesis::SignerAbused;
        for (curve, taken, course) in [
            (
                ("고르게", "even"),
                4_118_573_600,
                vec![(0, 0), (5, 4_118_573_600)],
            ),
            (
                ("초반 집중", "front-loaded"),
                18_500_000_000,
                vec![(0, 0), (1, 9_000_000_000), (5, 18_500_000_000)],
            ),
            (
                ("한 번의 거래", "one transaction"),
                ALL,
                vec![(0, 0), (0, ALL)],
            ),
        ] {
            runs.push(run(
                RunMode::Watch,
                Some(hypothesis),
                Some(curve),
                taken,
                Some(FIRST + 5 * MINUTE),
                course,
            ));
        }
        let (taken, course) = if abused {
            (0, vec![(0, 0)])
        } else {
            (ALL, vec![(0, 0), (54, ALL)])
        };
        runs.push(run(
            RunMode::CoSign,
            Some(hypothesis),
            None,
            taken,
            abused.then_some(FIRST),
            course,
        ));
    }
    runs
}

fn tokens() -> Vec<TokenLoss> {
    let token = |symbol: &str, units: u128, krw: u128, mark| {
        let asset = Asset::new(symbol, 6);
        let amount = |units| Amount::new(units, &asset);
        TokenLoss {
            taken: Marked::new(
                amount(units),
                if symbol == "BONK" {
                    Mark::Published
                } else {
                    Mark::Assumed
                },
            ),
            krw: Marked::new(Amount::krw(krw), mark),
            house: amount(units / 8),
            customers: amount(units - units / 8),
            replenished: amount(units - units / 8),
            outstanding: amount(0),
        }
    };
    vec![
        token("2Z", 4_000_000_000_001, 500_000_000, Mark::Assumed),
        token(
            "BONK",
            103_122_380_000_000_000,
            1_526_210_000,
            Mark::Published,
        ),
        token("PENGU", 245_000_000_000_000, 3_851_620_000, Mark::Published),
        token("SOL", 92_000_000_000, 18_988_220_000, Mark::Published),
        token("TRUMP", 320_000_000_000, 2_917_630_000, Mark::Published),
        token("USDC", 2_100_000_000_000, 16_696_914_889, Mark::Assumed),
    ]
}

fn coverage() -> Vec<CoverageRow> {
    ["BONK", "PENGU", "SOL"]
        .into_iter()
        .zip([870_u128, 998, 912])
        .map(|(symbol, after)| {
            let asset = Asset::new(symbol, 6);
            let amount = |permille: u128| Amount::new(permille * 1_000_000_000, &asset);
            CoverageRow {
                owed: amount(1000),
                before: amount(1031),
                after: amount(after),
                restored: amount(1000),
                mark: Mark::Derived,
            }
        })
        .collect()
}

fn fine(
    rule: &str,
    ko: &str,
    en: &str,
    column: FineColumn,
    status: LawStatus,
    formula: &str,
    amount: Value,
) -> FineRow {
    FineRow {
        rule: rule.to_owned(),
        title: Words::both(ko, en),
        column,
        status,
        source: "VAUPA 22".to_owned(),
        confidence: "press".to_owned(),
        formula: Words::plain(formula),
        amount: Marked::new(amount, Mark::Derived),
        note: Words::both(
            "의무 위반이 확정된 경우에만",
            "only where a breach of a listed duty is found",
        ),
    }
}

pub(crate) fn report() -> ReportView {
    let krw = |won| Value::Amount(Amount::krw(won));
    ReportView {
        as_of: FIRST + 12 * HOUR,
        title: Words::both(
            "2025년 11월 27일 유출: 공개 수치에 따른 재현",
            "The outflow of 27 November 2025, played on public figures",
        ),
        notes: vec![
            Words::both(
                "공개 수치에 따른 계산이며, 규정 위반 여부에 대한 판단이 아닙니다.",
                "Calculation on public figures; not a finding that any rule was broken.",
            ),
            Words::both("이용자는 모두 가상입니다.", "Customers are made up."),
        ],
        summary: vec![
            figure("유출", "taken", krw(44_480_594_889), Mark::Published),
            figure(
                "유출 시간",
                "length of the outflow",
                Value::Span(54 * MINUTE),
                Mark::Published,
            ),
            figure(
                "분 단위 경과",
                "course by the minute",
                Value::Unknown(Words::both("공개되지 않음", "not published")),
                Mark::Published,
            ),
        ],
        runs: runs(),
        events: events(),
        clocks: clocks(),
        elsewhere: vec![clock(
            "sg-trm-1h",
            "1시간 내 보고",
            "Report within one hour",
            Some(FIRST),
            Some(FIRST + HOUR),
            Some(FIRST + 376 * MINUTE),
            ClockState::DoneLate { late: 316 * MINUTE },
        )],
        tokens: tokens(),
        borne: vec![
            figure("거래소", "the exchange", krw(44_480_594_889), Mark::Derived),
            figure("이용자", "customers", krw(0), Mark::Derived),
        ],
        coverage: coverage(),
        fines: vec![
            fine(
                "kr-vaupa-admin-fine",
                "과태료",
                "Administrative fine",
                FineColumn::Today,
                LawStatus::InForce,
                "cap",
                krw(100_000_000),
            ),
            fine(
                "kr-proposed-fine-3pct",
                "매출액의 3%",
                "3% of revenue",
                FineColumn::Proposed,
                LawStatus::Proposed,
                "R × 30 / 1000",
                krw(51_900_000_000),
            ),
        ],
        freezes: freezes(),
        not_public: vec![Words::both("공격자 주소", "the attacker’s addresses")],
        proof: Some(ProofView {
            customer: "c-000042".to_owned(),
            rows: vec![(
                Amount::new(1_100_000_001, &sol()),
                Amount::new(1_100_000_001, &sol()),
                Amount::new(0, &sol()),
            )],
            asset: "SOL".to_owned(),
            leaf: "aa".repeat(32),
            root: "bb".repeat(32),
            path: 17,
            customers: 100_000,
            file: "packages/c-000042.json".to_owned(),
            command: "keepwhole verify packages/c-000042.json".to_owned(),
        }),
        ten: overview().ten.to_vec(),
        verified: vec![
            Verified {
                what: Words::both(
                    "모든 기록의 해시가 맞습니다.",
                    "Every entry’s hash is right.",
                ),
                proved: true,
            },
            Verified {
                what: Words::both(
                    "외부 증인의 서명은 확인하지 않았습니다.",
                    "No witness signature was checked.",
                ),
                proved: false,
            },
        ],
        head: head(),
        checkpoint: journal(None).checkpoint,
        assumptions: vec![Words::both(
            "20종의 수량은 고르게 나누었습니다.",
            "The 20 tokens without figures share the rest evenly.",
        )],
        sources: vec![Words::both(
            "금융감독원 자료 (2025-12-07 공개)",
            "FSS material, released on 2025-12-07",
        )],
    }
}
