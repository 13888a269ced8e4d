//! From the demo to its report: every figure with its mark, every assumption listed.

use super::facts::Facts;
use super::proof::{Landmarks, Published};
use super::world::{Known, Token};
use super::{curve::Curve, exposure, runs, timeline, world};
use crate::journal::RealDisk;
use crate::redress::RedressSet;
use crate::sequencer::Sequencer;
use crate::text::{Amount, Asset, Words};
use crate::views::{
    Banner, CoverageRow, Figure, Freeze, Head, Hypothesis, IncidentView, Mark, Marked, Overview,
    ProofView, ReportView, Run, RunMode, TokenLoss, Value, Verified,
};
use keepwhole_core::law::LawSet;
use keepwhole_core::split::mul_div;
use keepwhole_core::state::State;
use keepwhole_verify::json::to_hex;
use keepwhole_verify::package::{OpenedLeaf, Package};
use keepwhole_verify::report::{Outcome, Report};
use keepwhole_verify::sum_tree::{Leaf, TreeId, holder_hash};
use sha2::{Digest as _, Sha256};

/// All that the report tells.
pub struct Told<'a> {
    /// What was published.
    pub facts: &'a Facts,
    /// What was taken, token by token.
    pub tokens: &'a [Token],
    /// The law.
    pub law: &'a LawSet,
    /// The runs.
    pub runs: &'a [runs::Outcome],
    /// The journal as it happened.
    pub sequencer: &'a Sequencer<RealDisk>,
    /// Entries of interest.
    pub marks: &'a Landmarks,
    /// The last redress set.
    pub set: Option<&'a RedressSet>,
    /// What was published of it.
    pub published: &'a Published,
    /// What the verifier said.
    pub verified: &'a Report,
    /// Made-up customers.
    pub customers: u32,
}

impl Told<'_> {
    fn state(&self) -> &State {
        self.sequencer.state()
    }

    fn head(&self) -> Head {
        let head = self.sequencer.head();
        Head {
            size: head.size,
            root: head.root.to_string(),
        }
    }
}

/// The report.
#[must_use]
pub fn view(told: &Told<'_>) -> ReportView {
    let state = told.state();
    let head = told.head();
    let case = IncidentView::of(state, &told.marks.trail, &head, "inc-1");
    let (events, clocks) = case.map_or_else(Default::default, |case| {
        (
            timeline::events(&told.facts.timeline, case.events),
            timeline::clocks(case.clocks),
        )
    });
    let mode = Banner::Exercise(Words::key("banner-exercise"));
    let answers = Overview::of(state, &told.marks.trail, &head, mode, true);
    ReportView {
        as_of: state.at,
        title: Words::both(
            "2025년 11월 27일: 첫 유출부터 이용자 자산의 온전한 회복까지",
            "27 November 2025: from the first stolen coin to whole customers",
        ),
        notes: notes(told),
        summary: summary(told),
        runs: told.runs.iter().map(|run| played(told, run)).collect(),
        events,
        clocks,
        elsewhere: exposure::elsewhere(told.law, &told.facts.timeline),
        tokens: told
            .tokens
            .iter()
            .map(|token| token_loss(state, token))
            .collect(),
        borne: borne(told),
        coverage: told
            .tokens
            .iter()
            .map(|token| coverage(state, token))
            .collect(),
        fines: exposure::fines(told.law, told.facts),
        freezes: vec![Freeze {
            holder: Words::both(
                "LAYER 발행사(체인 상 동결)",
                "the issuer of LAYER, on chain",
            ),
            amount: Value::Amount(Amount::krw(told.facts.krw_frozen)),
            at: None,
            state: Words::both(
                "동결됨(반환 여부는 공개되지 않음)",
                "frozen; whether it came back is not public",
            ),
            mark: Mark::Published,
            evidence: Vec::new(),
        }],
        not_public: not_public(),
        proof: proof(told),
        ten: answers.ten.to_vec(),
        verified: verified(told.verified),
        head,
        checkpoint: Some(told.published.checkpoint.clone()),
        assumptions: assumptions(told),
        sources: sources(),
    }
}

fn notes(told: &Told<'_>) -> Vec<Words> {
    vec![
        Words::both(
            "공개된 수치로 계산한 것이며, 어떤 규정을 위반했다는 판단이 아닙니다.",
            "Calculation on public figures; not a finding that any rule was broken.",
        ),
        Words::both(
            &format!(
                "이용자 {}명과 그 잔고는 모두 지어낸 것입니다. 실제 이용자가 아닙니다.",
                crate::text::count(u128::from(told.customers))
            ),
            &format!(
                "All {} customers and their balances are made up. None of them is a real person.",
                crate::text::count(u128::from(told.customers))
            ),
        ),
        Words::both(
            "이용자의 권리는 줄지 않습니다. 표의 금액은 거래소가 다시 채워 넣어야 하는 부분입니다.",
            "Customers' claims stay whole. The amounts shown are what the exchange has to put back.",
        ),
    ]
}

fn summary(told: &Told<'_>) -> Vec<Figure> {
    let facts = told.facts;
    let krw = |ko: &str, en: &str, won: u128, mark: Mark| {
        Figure::new(Words::both(ko, en), Value::Amount(Amount::krw(won)), mark)
    };
    let minutes = facts
        .timeline
        .last_outflow
        .saturating_sub(facts.timeline.detected);
    vec![
        krw(
            "유출 총액",
            "Taken in all",
            facts.krw_total,
            Mark::Published,
        ),
        krw(
            "이용자 자산",
            "Behind customers' claims",
            facts.krw_customers,
            Mark::Published,
        ),
        krw(
            "거래소 자산",
            "The exchange's own",
            facts.krw_total.saturating_sub(facts.krw_customers),
            Mark::Derived,
        ),
        krw("동결", "Frozen", facts.krw_frozen, Mark::Published),
        Figure::new(
            Words::both("유출이 이어진 시간", "The outflow went on for"),
            Value::Span(minutes),
            Mark::Published,
        ),
        Figure::new(
            Words::both("토큰 수", "Tokens"),
            Value::Count(u64::try_from(told.tokens.len()).unwrap_or(u64::MAX)),
            Mark::Published,
        ),
        Figure::new(
            Words::both("유출된 코인 총수량", "Coins taken in all"),
            Value::Count(u64::try_from(facts.coins_total).unwrap_or(u64::MAX)),
            Mark::Published,
        ),
    ]
}

fn mark(known: Known) -> Mark {
    match known {
        Known::Published => Mark::Published,
        Known::Derived => Mark::Derived,
        Known::Assumed => Mark::Assumed,
    }
}

fn amount(token: &Token, units: u128) -> Amount {
    Amount::new(units, &Asset::new(&token.symbol, token.decimals))
}

fn token_loss(state: &State, token: &Token) -> TokenLoss {
    let asset = state.registry.asset(&token.symbol);
    let loss = asset.and_then(|asset| state.incidents.cases.first()?.losses.get(&asset));
    let (house, outstanding) = loss.map_or((0, 0), |l| (l.house, l.outstanding()));
    let customers = loss.map_or(0, |l| l.customers());
    TokenLoss {
        taken: Marked::new(
            amount(token, loss.map_or(0, |l| l.total)),
            mark(token.taken_known),
        ),
        krw: Marked::new(Amount::krw(token.krw), mark(token.krw_known)),
        house: amount(token, house),
        customers: amount(token, customers),
        replenished: amount(token, customers.saturating_sub(outstanding)),
        outstanding: amount(token, outstanding),
    }
}

fn borne(told: &Told<'_>) -> Vec<Figure> {
    let house: u128 = told.tokens.iter().map(|t| t.house_krw).sum();
    let customers = told.facts.krw_total.saturating_sub(house);
    let outstanding = outstanding_krw(told);
    let holders = told.set.map_or(0, |set| {
        u64::try_from(set.accounts().count()).unwrap_or(u64::MAX)
    });
    let krw = |ko: &str, en: &str, won: u128| {
        Figure::new(
            Words::both(ko, en),
            Value::Amount(Amount::krw(won)),
            Mark::Derived,
        )
    };
    vec![
        krw(
            "거래소가 먼저 떠안은 부분",
            "Borne by the exchange's own holdings, first",
            house,
        ),
        krw(
            "이용자 몫의 부족분",
            "Short behind customers' claims",
            customers,
        ),
        krw(
            "그중 거래소가 다시 채운 금액",
            "Of it, replenished by the exchange",
            customers.saturating_sub(outstanding),
        ),
        krw(
            "아직 채워야 할 금액",
            "Of it, still outstanding",
            outstanding,
        ),
        Figure::new(
            Words::both(
                "명세에 오른 이용자 수(지어낸 이용자)",
                "Customers with a line (made up)",
            ),
            Value::Count(holders),
            Mark::Assumed,
        ),
    ]
}

/// What the journal says is still outstanding, at the prices of the incident, won: a part of a token is rounded up, so
/// that nothing outstanding ever shows as nothing.
fn outstanding_krw(told: &Told<'_>) -> u128 {
    let state = told.state();
    let of = |token: &Token| {
        let asset = state.registry.asset(&token.symbol)?;
        let loss = state.incidents.cases.first()?.losses.get(&asset)?;
        let krw = token.krw.saturating_sub(token.house_krw);
        let (won, rest) = mul_div(krw, loss.outstanding(), loss.customers())?;
        Some(won.saturating_add(u128::from(rest > 0)))
    };
    told.tokens.iter().filter_map(of).sum()
}

fn coverage(state: &State, token: &Token) -> CoverageRow {
    let held = state
        .registry
        .asset(&token.symbol)
        .map_or(0, |asset| state.custody.held(asset));
    let before = token.hot.saturating_add(token.cold);
    CoverageRow {
        owed: amount(token, token.owed()),
        before: amount(token, before),
        after: amount(token, before.saturating_sub(token.taken)),
        restored: amount(token, held),
        mark: Mark::Assumed,
    }
}

fn curve_words(curve: Curve) -> Words {
    match curve {
        Curve::Even => Words::both("고르게 유출", "even"),
        Curve::FrontLoaded => Words::both("초반 집중", "front-loaded"),
        Curve::OneTransaction => Words::both("단일 거래", "one transaction"),
    }
}

fn played(told: &Told<'_>, run: &runs::Outcome) -> Run {
    let (mode, hypothesis, curve) = match run.played {
        runs::Played::AsItHappened => (RunMode::AsItHappened, None, None),
        runs::Played::Watch(h, c) => (RunMode::Watch, Some(shown(h)), Some(c)),
        runs::Played::CoSign(h) => (RunMode::CoSign, Some(shown(h)), None),
        runs::Played::CoSignWithRequests(c) => {
            (RunMode::CoSign, Some(Hypothesis::SignerAbused), Some(c))
        }
    };
    let happened = run.played == runs::Played::AsItHappened;
    let known = if happened {
        Mark::Published
    } else {
        Mark::Assumed
    };
    let kept = told.facts.krw_total.saturating_sub(run.krw);
    Run {
        mode,
        hypothesis,
        curve: curve.map(curve_words),
        taken: Marked::new(Amount::krw(run.krw), known),
        kept: Marked::new(
            Amount::krw(kept),
            if happened {
                Mark::Derived
            } else {
                Mark::Assumed
            },
        ),
        stopped: if happened {
            Some(told.facts.timeline.network_paused)
        } else {
            run.tripped
        },
        sentence: sentence(run),
        course: run.course.clone(),
    }
}

fn shown(hypothesis: runs::Hypothesis) -> Hypothesis {
    match hypothesis {
        runs::Hypothesis::SignerAbused => Hypothesis::SignerAbused,
        runs::Hypothesis::KeyKnownOutside => Hypothesis::KeyKnownOutside,
    }
}

fn sentence(run: &runs::Outcome) -> Words {
    match run.played {
        runs::Played::AsItHappened => Words::both(
            "공개된 총액과 시각입니다. 분 단위 흐름은 공개되지 않아 고르다고 가정했습니다.",
            "The published sum and times; the course between them was not published and is assumed even.",
        ),
        runs::Played::Watch(_, Curve::OneTransaction) => Words::both(
            "단일 거래로 빠져나가면 지켜보는 것만으로는 아무것도 막지 못합니다. 공동 서명만이 막습니다.",
            "A theft in one transaction is not limited by watching; only a signer that refuses stops it.",
        ),
        runs::Played::Watch(runs::Hypothesis::SignerAbused, _) => Words::both(
            &format!(
                "첫 유출이 보인 순간 차단기가 작동하고, 서명기가 {}초 뒤 멈춘다고 가정했습니다.",
                runs::SIGNER_OBEYS_AFTER_S
            ),
            &format!(
                "The breaker trips on the first outflow seen; the signer is assumed to obey {} seconds later.",
                runs::SIGNER_OBEYS_AFTER_S
            ),
        ),
        runs::Played::Watch(runs::Hypothesis::KeyKnownOutside, _) => Words::both(
            &format!(
                "키가 밖에 있으면 서명기를 멈춰도 소용없습니다. 남은 자산을 {}초 안에 대피시킨다고 가정했습니다.",
                runs::EVACUATED_AFTER_S
            ),
            &format!(
                "With the key outside, halting the signer does not help; what is left is assumed to be evacuated after {} seconds.",
                runs::EVACUATED_AFTER_S
            ),
        ),
        runs::Played::CoSign(runs::Hypothesis::SignerAbused) => Words::both(
            &format!(
                "승인 없는 서명 요청 {}건을 모두 거절했습니다. 서명될 수 있었던 금액은 0원입니다.",
                crate::text::count(u128::from(run.refused))
            ),
            &format!(
                "All {} requests to sign bytes that nobody had cleared were denied; nothing could have been signed.",
                crate::text::count(u128::from(run.refused))
            ),
        ),
        runs::Played::CoSign(runs::Hypothesis::KeyKnownOutside) => Words::both(
            "키가 밖에 있으면 공동 서명은 아무것도 막지 못합니다. 사전 경고, 남은 자산의 정지와 대피만이 돕습니다.",
            "With the key outside, co-signing prevents nothing; only the warning before, the halt of what is left and evacuation help.",
        ),
        runs::Played::CoSignWithRequests(_) => Words::both(
            &format!(
                "도둑이 이용자 계정까지 써서 규칙에 맞는 출금을 청한 경우: 한도 안의 금액만 승인되고 {}건은 보류되었습니다.",
                crate::text::count(u128::from(run.refused))
            ),
            &format!(
                "If the thief also asked for withdrawals in customers' names: only what the caps allow was cleared, {} requests were held.",
                crate::text::count(u128::from(run.refused))
            ),
        ),
    }
}

fn proof(told: &Told<'_>) -> Option<ProofView> {
    let set = told.set?;
    let (customer, text) = told.published.packages.first()?;
    let state = told.state();
    let owner = state.registry.owner(customer)?;
    let case = state.incidents.cases.first()?;
    let mut rows = Vec::new();
    for token in told.tokens {
        let part = state
            .registry
            .asset(&token.symbol)
            .and_then(|a| case.losses.get(&a))
            .and_then(|l| l.part(owner));
        if let Some(part) = part.filter(|p| p.lost > 0) {
            rows.push((
                amount(token, part.lost),
                amount(token, part.restored),
                amount(token, part.outstanding()),
            ));
        }
    }
    let package = Package::read(text).ok()?;
    let first = package.leaves.first()?;
    let held = set.manifest().assets.iter().find(|a| a.ix == first.ix)?;
    let file = format!("packages/{customer}.json");
    Some(ProofView {
        customer: customer.clone(),
        rows,
        asset: held.asset.clone(),
        leaf: to_hex(&leaf_hash(&package, first, set.manifest().set_id)?),
        root: to_hex(&held.root),
        path: u64::try_from(first.path.len()).unwrap_or(u64::MAX),
        customers: u64::try_from(set.accounts().count()).unwrap_or(u64::MAX),
        command: format!("keepwhole verify {file} --trust trust.txt"),
        file,
    })
}

/// The hash of an opened leaf, as docs/proof-formats.md has it: from the exact text of the statement and its contact.
fn leaf_hash(package: &Package, opened: &OpenedLeaf, set_id: [u8; 16]) -> Option<[u8; 32]> {
    let statement: serde_json::Value = serde_json::from_str(&package.statement).ok()?;
    let said = |name: &str| statement.get(name).and_then(serde_json::Value::as_str);
    let detail: [u8; 32] = Sha256::digest(package.statement.as_bytes()).into();
    let leaf = Leaf {
        share: opened.share,
        shares: opened.shares,
        count: opened.count,
        paid: opened.paid,
        due: opened.due,
        holder: holder_hash(&opened.salt, said("account_id")?, said("contact")?, &detail).ok()?,
    };
    let asset = opened.ix;
    Some(leaf.node(&TreeId { set_id, asset }).hash)
}

fn verified(report: &Report) -> Vec<Verified> {
    let stages = report.stages.iter();
    stages
        .map(|stage| Verified {
            what: checked(stage.code, stage.name, &stage.finding.says.join(" ")),
            proved: stage.finding.outcome == Outcome::Pass,
        })
        .collect()
}

/// A stage of the verifier: its name in both languages, its finding in the verifier's own words.
fn checked(code: &str, name: &str, says: &str) -> Words {
    let ko = match code {
        "V01" => "묶음 파일의 형식",
        "V02" => "목록대로의 파일",
        "V03" => "목록의 서명",
        "V04" => "체크포인트",
        "V06" => "타일과 기록",
        "V07" => "개별 기록의 증명",
        "V13" => "보전 명세",
        _ => name,
    };
    Words::both(
        &format!("{code} {ko} (검증 프로그램이 출력한 영문 그대로): {says}"),
        &format!("{code} {name}: {says}"),
    )
}

fn not_public() -> Vec<Words> {
    vec![
        Words::both(
            "탈취자의 주소(인용할 수 있는 공개 목록에서 찾지 못함)",
            "the thief's addresses: none found in a citable public list",
        ),
        Words::both("거래 서명", "transaction signatures"),
        Words::both(
            "24개 토큰 중 23개의 수량과 20개의 금액",
            "the quantities of 23 of the 24 tokens, and the value of 20 of them",
        ),
        Words::both("분 단위 유출량", "the outflow minute by minute"),
        Words::both("동결 자산의 반환 여부", "whether anything frozen came back"),
    ]
}

fn assumptions(told: &Told<'_>) -> Vec<Words> {
    let assumed = told
        .tokens
        .iter()
        .filter(|t| t.krw_known == Known::Assumed)
        .count();
    let pair = |ko: String, en: String| Words::both(&ko, &en);
    vec![
        pair(
            format!("토큰 {assumed}개의 금액은 공개되지 않아, 공개된 합계에 정확히 맞도록 나누었습니다."),
            format!("The value of {assumed} tokens was not published; it is split so that the published sum comes out exactly."),
        ),
        pair(
            "토큰별 수량은 가정한 단가로 계산했고, 공개된 총수량에 정확히 맞춥니다(BONK만 공개).".to_owned(),
            "Quantities per token follow assumed unit values and add up to the published count exactly (only that of BONK was published).".to_owned(),
        ),
        pair(
            "유출은 54분 동안 고르게 일어났다고 보았고, 다른 두 곡선을 함께 보여 줍니다.".to_owned(),
            "The outflow is taken as even over the 54 minutes; two other curves are shown beside it.".to_owned(),
        ),
        pair(
            "지갑 보유량은 유출량의 6배(온라인 20%, 오프라인 80%)로 가정했습니다.".to_owned(),
            "Holdings are assumed to be six times what was taken: a fifth on line, four fifths off line.".to_owned(),
        ),
        pair(
            "거래소 몫은 공개된 두 반올림 수치의 차이이며, 토큰마다 같은 비율로 가정했습니다.".to_owned(),
            "The exchange's own part is the published total less the rounded customers' part, in the same share of each token.".to_owned(),
        ),
        pair(
            format!("노드가 거래를 보기까지 {}초, 서명기 정지 {}초, 대피 {}초로 가정했습니다.", runs::SEEN_AFTER_S, runs::SIGNER_OBEYS_AFTER_S, runs::EVACUATED_AFTER_S),
            format!(
                "Delays are assumed: {} s until a node shows a transaction, {} s until a signer obeys, {} s until an evacuation has landed.",
                runs::SEEN_AFTER_S, runs::SIGNER_OBEYS_AFTER_S, runs::EVACUATED_AFTER_S
            ),
        ),
        pair(
            "시연 정책의 한도(10분 5%, 24시간 20%)와 보전 시점(서비스 재개일 12월 6일)은 가정입니다.".to_owned(),
            "The caps of the demo's policy (5 % in ten minutes, 20 % in a day) and the day of replenishment (6 December, when service came back) are assumed.".to_owned(),
        ),
        pair(
            "연 매출 1조 7,300억 원은 공개된 어림수입니다. 감사받은 수치로 바꾸어야 합니다.".to_owned(),
            format!("Annual revenue of {} won is a rounded public figure; replace it with the audited one.", crate::text::count(exposure::REVENUE)),
        ),
        pair(
            "소수 자릿수는 토큰의 공개 민트에서 가정했고, 이용자와 연락처는 모두 지어낸 것입니다.".to_owned(),
            format!("Decimals are assumed from each token's public mint; customers such as `{}` and their contacts are made up.", world::customer(0)),
        ),
    ]
}

fn sources() -> Vec<Words> {
    vec![
        Words::both(
            "금융감독원 자료(2025-12-07 국회의원실 공개)를 인용한 보도: 국민일보, 알파비즈, 비즈니스포스트, MBC",
            "Supervisor's material released by a lawmaker's office on 7 December 2025, as reported by Kukmin Ilbo, Alphabiz, Business Post and MBC",
        ),
        Words::both(
            "거래소 공지를 인용한 SlowMist(2025-11-27)",
            "SlowMist, 27 November 2025, quoting the exchange's notice",
        ),
        Words::both(
            "거래소 공지(2025-11-27)",
            "The exchange's own notices of 27 November 2025",
        ),
        Words::both(
            "법령: law/*.toml의 각 기록에 적힌 출처",
            "Law: the source named in each record of law/*.toml",
        ),
    ]
}
