//! Prices: which count, which are only suspect, and what a thief gets who holds the feed.

use super::{alice, bare, clear_all, code_of, price, rule, seen, under, withdraw};
use crate::exchange::{BTC, DAY, Exchange, HOUR, KRW, MINUTE};
use keepwhole_core::answer::Answer;
use keepwhole_core::apply::apply;
use keepwhole_core::command::Body;
use keepwhole_core::event::{Event, Record};
use keepwhole_core::guard::Standing;
use keepwhole_core::history::value_at;
use keepwhole_core::incident::AlarmCode;
use keepwhole_core::policy::field::Field;
use keepwhole_core::policy::figures::Seen;
use keepwhole_core::policy::rule::{Outcome, Rules, Test};
use keepwhole_core::price::{
    AHEAD_MAX_MS, BATCH_MAX, NewPrice, ONE, OldPrice, PriceEvent, PriceFault, parse, text, worth,
};
use keepwhole_core::reason::Reason;
use proptest::prelude::*;

const GOOD: u128 = 100_000_000;

/// Makes a row wrong.
type Spoil = fn(&mut NewPrice);

fn row(exchange: &Exchange, price: u128) -> NewPrice {
    NewPrice {
        base: "BTC".into(),
        quote: "KRW".into(),
        price: price * ONE,
        as_of: exchange.at,
        source: "feed".into(),
    }
}

fn tell(exchange: &mut Exchange, rows: Vec<NewPrice>) -> Answer {
    exchange.ask(None, None, Body::RecordPrices(rows)).answer
}

fn tell_one(exchange: &mut Exchange, price: u128) -> Answer {
    let row = row(exchange, price);
    tell(exchange, vec![row])
}

/// Nobody is asked below 1,000 won, and nothing leaves from there on; prices hold an hour, with a band of 10 %.
fn ceiling() -> Exchange {
    let worth = |test| vec![(Field::Value, test)];
    under(vec![
        rule("small", worth(Test::Below(1_000)), Outcome::Clear),
        rule("large", worth(Test::AtLeast(1_000)), Outcome::Hold),
    ])
}

fn last(exchange: &Exchange) -> u128 {
    let known = &exchange.state.prices[&(BTC, KRW)];
    known.last.as_ref().unwrap().price / ONE
}

#[test]
fn a_price_outside_its_band_is_suspect_and_clears_nothing_until_a_good_one_comes() {
    let mut exchange = ceiling();
    price(&mut exchange, GOOD);
    assert_eq!(withdraw(&mut exchange, "w1", "alice", 999), Answer::Cleared);
    exchange.pass(MINUTE);
    // A tenth of the price: 9,000 satoshi would be worth 900 won.
    let answer = tell_one(&mut exchange, GOOD / 10);
    let band = Reason::PriceBand {
        asset: "BTC".into(),
        price: GOOD / 10 * ONE,
        last: GOOD * ONE,
        band_bps: 1_000,
    };
    assert_eq!(answer, Answer::Held(band.clone()));
    assert_eq!(last(&exchange), GOOD, "never used");
    let alarms = exchange.count(
        |event| matches!(event, Event::AlarmRaised { code: AlarmCode::PriceBad, subject } if subject == "BTC"),
    );
    assert_eq!(alarms, 1);
    let kept = |event: &Event| matches!(event, Event::OfPrice(PriceEvent::Suspected { told, last, band_bps: 1_000 }) if told.price == GOOD / 10 * ONE && *last == GOOD * ONE);
    assert_eq!(exchange.count(kept), 1, "the journal shows it");
    // While it is the newest, even what was small before waits, with the numbers.
    let waits = withdraw(&mut exchange, "w2", "alice", 1);
    assert_eq!(waits, Answer::Held(band));
    assert_eq!(
        code_of(&withdraw(&mut exchange, "w3", "alice", 9_000)),
        "price_band"
    );
    // What lies near it is compared with the good price all the same.
    exchange.pass(MINUTE);
    assert_eq!(
        code_of(&tell_one(&mut exchange, GOOD / 10 + 1)),
        "price_band"
    );
    exchange.pass(MINUTE);
    price(&mut exchange, GOOD * 95 / 100);
    assert_eq!(withdraw(&mut exchange, "w4", "alice", 1), Answer::Cleared);
    assert_eq!(
        code_of(&withdraw(&mut exchange, "w5", "alice", 1_100)),
        "rule_holds"
    );
}

#[test]
fn whoever_walks_a_price_down_step_by_step_gets_three_bands_in_a_day() {
    let mut exchange = ceiling();
    price(&mut exchange, GOOD);
    let mut now = GOOD;
    let mut refused = 0;
    // A step of just under 10 % each minute, for a day.
    for _ in 0..24 * 60 {
        exchange.pass(MINUTE);
        let next = now * 91 / 100;
        match tell_one(&mut exchange, next) {
            Answer::Recorded => now = next,
            other => {
                assert_eq!(code_of(&other), "price_band");
                refused += 1;
            }
        }
    }
    assert!(now >= GOOD * 70 / 100, "{now}");
    assert!(refused > 24 * 60 - 10, "{refused}");
    assert_eq!(
        code_of(&withdraw(&mut exchange, "w1", "alice", 1_429)),
        "price_stale"
    );
    // Many commands in one millisecond, and moments spread over the past, get no further.
    let mut exchange = ceiling();
    exchange.pass(10 * DAY);
    let start = exchange.at;
    for step in 0..200_u64 {
        let mut told = row(&exchange, GOOD);
        told.as_of = start - 9 * DAY + step * HOUR;
        let known = exchange.state.prices.get(&(BTC, KRW));
        let before = known
            .and_then(|known| known.last.as_ref())
            .map(|last| last.price);
        told.price = before.map_or(GOOD * ONE, |before| before / 100 * 91);
        tell(&mut exchange, vec![told]);
    }
    assert!(last(&exchange) >= GOOD * 70 / 100, "{}", last(&exchange));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// However prices are told, no good one is more than three bands from another good one of the day before it.
    #[test]
    fn good_prices_of_a_day_lie_within_three_bands(
        steps in proptest::collection::vec((1u64..400, 0u64..30, 800u128..1_200), 1..120),
    ) {
        let mut exchange = ceiling();
        price(&mut exchange, GOOD);
        let mut good: Vec<(u64, u128)> = vec![(exchange.at, GOOD * ONE)];
        for (minutes, ago, permille) in steps {
            exchange.pass(minutes * MINUTE);
            let mut told = row(&exchange, 1);
            told.price = good.last().unwrap().1 / 1_000 * permille;
            told.as_of -= ago * MINUTE;
            let price = told.price;
            if tell(&mut exchange, vec![told]) != Answer::Recorded {
                continue;
            }
            for (at, one) in good.iter().filter(|(at, _)| exchange.at - at < DAY) {
                prop_assert!(price.abs_diff(*one) <= one * 3 / 10, "{price} after {one} of {at}");
            }
            good.push((exchange.at, price));
        }
    }

    /// What is written is read again, to the last place.
    #[test]
    fn a_price_is_written_as_it_is_read(price in 1u128..(1 << 109), decimals in 0u8..20) {
        prop_assert_eq!(parse(&text(price, decimals), decimals), Ok(price));
    }
}

/// What waits for a price gets its verdict when one counts, and not when one is only told.
#[test]
fn what_waits_for_a_price_is_judged_again_by_itself() {
    let mut exchange = ceiling();
    for (id, units) in [("w1", 10), ("w2", 5_000)] {
        assert_eq!(
            code_of(&withdraw(&mut exchange, id, "alice", units)),
            "price_missing"
        );
    }
    let eth = NewPrice {
        base: "ETH".into(),
        ..row(&exchange, 3)
    };
    tell(&mut exchange, vec![eth]);
    exchange.pass(1);
    let stands = |exchange: &Exchange, id: &str| {
        let (_, request) = exchange.state.guard.request(id).unwrap();
        match &request.standing {
            Standing::Held(reason) => reason.code(),
            Standing::Cleared => "cleared",
            _ => "else",
        }
    };
    assert_eq!(stands(&exchange, "w1"), "price_missing");
    price(&mut exchange, GOOD);
    exchange.pass(1);
    assert_eq!(
        (stands(&exchange, "w1"), stands(&exchange, "w2")),
        ("cleared", "rule_holds")
    );
    exchange.pass(MINUTE);
    tell_one(&mut exchange, GOOD / 2);
    assert_eq!(
        code_of(&withdraw(&mut exchange, "w3", "alice", 10)),
        "price_band"
    );
    tell_one(&mut exchange, GOOD / 2);
    exchange.pass(1);
    assert_eq!(
        stands(&exchange, "w3"),
        "price_band",
        "a suspect price releases nothing"
    );
    price(&mut exchange, GOOD);
    exchange.pass(1);
    assert_eq!(stands(&exchange, "w3"), "cleared");
}

#[test]
fn the_age_of_a_price_counts_from_its_own_time() {
    let mut exchange = ceiling();
    let mut told = row(&exchange, GOOD);
    told.as_of -= HOUR - MINUTE;
    assert_eq!(tell(&mut exchange, vec![told]), Answer::Recorded);
    let ask = alice(&exchange, 1, "0xlistedlist01");
    let age = seen(&exchange, Field::PriceAge, &ask);
    assert_eq!(age, Seen::Number(u128::from(HOUR - MINUTE)));
    assert_eq!(withdraw(&mut exchange, "w1", "alice", 1), Answer::Cleared);
    exchange.pass(MINUTE);
    assert_eq!(withdraw(&mut exchange, "w2", "alice", 1), Answer::Cleared);
    exchange.pass(1);
    assert_eq!(
        withdraw(&mut exchange, "w3", "alice", 1),
        Answer::Held(Reason::PriceStale {
            age_ms: HOUR + 1,
            max_ms: HOUR
        })
    );
    // A suspect one that is older than the policy lets a price be is told as old, not as suspect.
    assert_eq!(code_of(&tell_one(&mut exchange, 1)), "price_band");
    assert_eq!(
        code_of(&withdraw(&mut exchange, "w4", "alice", 1)),
        "price_stale"
    );
}

#[test]
fn a_batch_with_one_wrong_row_records_none_of_it() {
    let wrong: [(&str, Spoil); 8] = [
        ("unknown_asset", |row| row.base = "NONE".into()),
        ("unknown_asset", |row| row.quote = "EUR".into()),
        ("price_quote", |row| row.quote = "BTC".into()),
        ("malformed", |row| row.base = "KRW".into()),
        ("malformed", |row| row.source = String::new()),
        ("malformed", |row| row.source = "s".repeat(65)),
        ("price_ahead", |row| row.as_of += AHEAD_MAX_MS + 1),
        ("price_older", |row| row.as_of -= 1),
    ];
    for (code, spoil) in wrong {
        let mut exchange = ceiling();
        let eth = |exchange: &Exchange| NewPrice {
            base: "ETH".into(),
            ..row(exchange, 3)
        };
        let first = eth(&exchange);
        assert_eq!(tell(&mut exchange, vec![first]), Answer::Recorded);
        let mut second = eth(&exchange);
        spoil(&mut second);
        let good = row(&exchange, GOOD);
        let answer = tell(&mut exchange, vec![good, second]);
        assert_eq!((answer.word(), code_of(&answer)), ("refused", code));
        assert!(!exchange.state.prices.contains_key(&(BTC, KRW)), "{code}");
    }
    let mut exchange = ceiling();
    let twice = vec![row(&exchange, GOOD), row(&exchange, GOOD + 1)];
    assert_eq!(code_of(&tell(&mut exchange, twice)), "malformed");
    assert_eq!(code_of(&tell(&mut exchange, Vec::new())), "malformed");
    let many = vec![row(&exchange, GOOD); BATCH_MAX + 1];
    assert_eq!(code_of(&tell(&mut exchange, many)), "malformed");
    // Ahead by as much as clocks may be is no fault, and the same moment again mends a price.
    let mut ahead = row(&exchange, GOOD);
    ahead.as_of += AHEAD_MAX_MS;
    assert_eq!(tell(&mut exchange, vec![ahead.clone()]), Answer::Recorded);
    ahead.price += ONE;
    assert_eq!(tell(&mut exchange, vec![ahead]), Answer::Recorded);
    assert_eq!(last(&exchange), GOOD + 1);
}

#[test]
fn good_rows_count_beside_a_suspect_one_and_a_zero_is_always_suspect() {
    let mut exchange = ceiling();
    let zero = row(&exchange, 0);
    let eth = NewPrice {
        base: "ETH".into(),
        ..row(&exchange, 3)
    };
    let answer = tell(&mut exchange, vec![zero, eth]);
    assert_eq!(code_of(&answer), "price_band");
    assert_eq!(exchange.state.prices.len(), 2);
    // Nothing counted yet: the first price that does stands for itself.
    assert_eq!(
        code_of(&withdraw(&mut exchange, "w1", "alice", 1)),
        "price_band"
    );
    assert_eq!(tell_one(&mut exchange, GOOD), Answer::Recorded);
    assert_eq!(withdraw(&mut exchange, "w2", "alice", 1), Answer::Cleared);
}

#[test]
fn a_policy_without_a_band_takes_any_price_but_zero() {
    let mut policy = bare();
    policy.price_band_bps = None;
    policy.rules = Rules::new(vec![clear_all()]);
    let mut exchange = Exchange::under(policy);
    price(&mut exchange, GOOD);
    assert_eq!(tell_one(&mut exchange, 1), Answer::Recorded);
    assert_eq!(code_of(&tell_one(&mut exchange, 0)), "price_band");
    assert_eq!(last(&exchange), 1);
}

/// Journals from before prices had a time of their own are folded as ever: of when they were recorded, in minor units.
#[test]
fn a_price_of_an_older_journal_is_folded_as_of_when_it_was_recorded() {
    let mut exchange = ceiling();
    let (at, turn) = (exchange.at, exchange.state.turn + 1);
    let old = Event::PriceRecorded(OldPrice {
        base: BTC,
        quote: KRW,
        price: GOOD,
        source: "old".into(),
    });
    apply(&mut exchange.state, &Record::new(at, turn, old));
    let known = exchange.state.prices[&(BTC, KRW)].last.clone().unwrap();
    assert_eq!((known.as_of, known.at, known.price), (at, at, GOOD * ONE));
    assert_eq!(withdraw(&mut exchange, "w1", "alice", 999), Answer::Cleared);
}

#[test]
fn a_coin_worth_less_than_a_won_has_a_price() {
    let mut exchange = ceiling();
    let mut told = row(&exchange, 0);
    // 0.0008 won a coin, of 10^8 smallest units.
    told.price = parse("0.0008", 0).unwrap();
    assert_eq!(tell(&mut exchange, vec![told]), Answer::Recorded);
    let state = &exchange.state;
    let value = value_at(
        &state.registry,
        &state.prices,
        Some(KRW),
        BTC,
        10u128.pow(14),
    );
    assert_eq!(value, Some(800));
}

#[test]
fn the_text_of_a_price_is_read_exactly_or_refused_by_name() {
    use PriceFault::{Negative, NotDecimal, TooLarge, TooManyDecimals, Zero};
    let table = [
        ("1", 0, Ok(ONE)),
        ("1.50", 0, Ok(ONE * 3 / 2)),
        ("0.0000000001", 0, Ok(1)),
        ("0.00000000010000", 0, Ok(1)),
        ("0.00000000001", 0, Err(TooManyDecimals { most: 10 })),
        ("0.00000000001", 2, Ok(10)),
        ("123.45", 2, Ok(12_345 * ONE)),
        ("", 0, Err(NotDecimal)),
        (".5", 0, Err(NotDecimal)),
        ("5.", 0, Err(NotDecimal)),
        ("05", 0, Err(NotDecimal)),
        ("1,000", 0, Err(NotDecimal)),
        ("1e3", 0, Err(NotDecimal)),
        ("1.2.3", 0, Err(NotDecimal)),
        (" 1", 0, Err(NotDecimal)),
        ("+1", 0, Err(NotDecimal)),
        ("NaN", 0, Err(NotDecimal)),
        ("\u{ff11}", 0, Err(NotDecimal)),
        ("-1", 0, Err(Negative)),
        ("0", 0, Err(Zero)),
        ("0.000", 0, Err(Zero)),
        ("1000000000000000000000000", 0, Err(TooLarge)),
        (
            "99999999999999999999999999999999999999999",
            38,
            Err(TooLarge),
        ),
    ];
    for (given, decimals, wanted) in table {
        assert_eq!(parse(given, decimals), wanted, "`{given}`");
    }
}

#[test]
fn values_are_rounded_down_whatever_the_decimals() {
    for (units, price, decimals, wanted) in [
        (10u128.pow(18), 5_000_000 * ONE, 18, Some(5_000_000)),
        (10u128.pow(38), 7 * ONE, 38, Some(7)),
        (10u128.pow(38) - 1, 7 * ONE, 38, Some(6)),
        (10u128.pow(30), 3 * ONE, 29, Some(30)),
        (1, ONE - 1, 0, Some(0)),
        (u128::MAX, 1 << 109, 0, None),
    ] {
        assert_eq!(
            worth(units, price, decimals),
            wanted,
            "{units} {price} {decimals}"
        );
    }
}
