//! Random commands on a small exchange: whatever comes, in whatever order, what must hold holds.

use crate::exchange::{BTC, DAY, Exchange, HOT, MINUTE, SECOND, code, policy};
use crate::script::Reader;
use keepwhole_core::answer::Answer;
use keepwhole_core::apply::apply;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::due::next_due;
use keepwhole_core::event::{Event, Record};
use keepwhole_core::state::State;
use proptest::prelude::*;

/// Steps with choices: `{a|b}` is one of them, by the numbers that the generator draws.
const STEPS: &[&str] = &[
    "withdraw id=w{1|2|3|4|5|6} by={requester|''} customer={alice|bob|house|outside|ghost} wallet={hot|hot|cold|old-hot} asset={BTC|BTC|ETH|NONE} units={1|900|1200|1600|0|9000} to={0xlistedlist01|0xlistedlist02|0xthief|0xcoldcold002}",
    "transfer id=i{1|2|3} from={hot|cold} to={hot|cold|deposits} asset=BTC units={1|500|1500}",
    "credit id=c{1|2|3|4} by=requester budget={promo|large|checked|none} customer={alice|bob|house} asset={BTC|ETH} units={1|50|60|900}",
    "approve target={w1|w2|w3|c1|c2|i1} nonce={a|b|c|''} by={approver-1|approver-1b|approver-2|rita-approves|requester|stale}",
    "reject target={w1|w2|c1} nonce={a|d} by={approver-1|approver-2}",
    "sign target={w1|w2|w3|i1|ghost} op={transfer|transfer|upgrade} to={0xlistedlist01|0xthief} units={900|1|1200} attested={7|7|1}",
    "see node={n1|n2|n3|n4} wallet={hot|hot|cold} dir={in|out} txid={t1|t2|t3|t4} units={900|500|70|0} peer={0xlistedlist01|0xthief|0xcoldcold002|0xfriend} height={5|6|9|12}",
    "see node={n1|n2} wallet=hot dir=out txid={o1|o2|o3} units={1|33|4000} peer=0xthief height={5|9}",
    "node node={n1|n2|n3|n4} is={up|down|lying|70000}",
    "deposit id=d{1|2|3} customer={alice|bob|carol} units={900|500|70} txid={t1|t2|t3} wallet=hot",
    "reorg node={n1|n2} height={0|5|8} dropped={t1|t2|o1}",
    "halt id=h{1|2|3} by={security|admin-1|requester} scope={all|trading|hot|asset:BTC|nothing}",
    "resume id=r{1|2|3} by={admin-1|admin-2} scope={all|trading|hot|asset:BTC}",
    "stand-behind target={r1|r2|r3|g1|l1} by={admin-1|admin-2}",
    "cancel target={r1|g1|l1} by=admin-2",
    "grant id=g{1|2} by=admin-1 actor={stale|newcomer} role={approver|admin}",
    "list id=l{1|2} by=admin-1 address={0xthief|0xlistedlist02}",
    "retire id=k{1|2} by=security wallet={old-hot|hot}",
    "tighten id=p{1|2} by=security",
    "row id=x{1|2|3} customer={alice|bob} asset={BTC|KRW} units={1|500} credit={yes|no}",
    "price base=BTC quote=KRW units={1000|1090|5000|0}",
    "aware incident={inc-1|inc-2|inc-9} by={security|stale|''}",
    "notify incident={inc-1|inc-2} duty={first-report|capped|block-notice|none}",
    "fact incident={inc-1|inc-2} material={yes|no}",
    "classify incident=inc-1 by=security",
    "replenish incident={inc-1|inc-2} asset=BTC units={1|33|2000|0}",
    "recover incident={inc-1|inc-2} asset=BTC units={1|500|9000}",
    "claim id=m{1|2|3} customer={alice|bob|carol} incident={inc-1|inc-2} asset={BTC|KRW} units={1|5|20000}",
    "pay claim={m1|m2|m3}",
    "move from={house|alice|bob|outside} to={alice|carol|outside} asset={BTC|KRW} units={1|1000|100000}",
    "trade buyer={alice|bob} seller={bob|carol} units={5|100000000}",
    "read customer={alice|bob} purpose={case|''} by={security|admin-1}",
    "time",
];

/// The step with its choices made: each `{..}` takes the next number drawn.
fn chosen(step: &str, numbers: &[u8]) -> String {
    let mut text = String::new();
    let mut rest = step;
    let mut numbers = numbers.iter().copied().cycle();
    while let Some((before, after)) = rest.split_once('{') {
        let (choices, after) = after.split_once('}').unwrap();
        let choices: Vec<&str> = choices.split('|').collect();
        let number = usize::from(numbers.next().unwrap_or(0));
        text.push_str(before);
        text.push_str(choices[number % choices.len()]);
        rest = after;
    }
    text + rest
}

fn storm() -> impl Strategy<Value = Vec<(String, u64)>> {
    let waits = prop_oneof![6 => Just(0u64), 3 => 0..MINUTE, 2 => 0..DAY, 1 => Just(40 * MINUTE)];
    let step = (0..STEPS.len(), prop::collection::vec(any::<u8>(), 8), waits)
        .prop_map(|(at, numbers, wait)| (chosen(STEPS[at], &numbers), wait));
    prop::collection::vec(step, 1..60)
}

fn refolded(records: &[Record], pieces: usize) -> State {
    let mut state = Exchange::blank();
    for piece in records.chunks(records.len().div_ceil(pieces).max(1)) {
        // A follower that stops here and goes on from its stored state.
        let stored = borsh::to_vec(&state).unwrap();
        state = borsh::from_slice(&stored).unwrap();
        for record in piece {
            apply(
                &mut state,
                &Record::decode(&record.encode().unwrap()).unwrap(),
            );
        }
    }
    state
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_the_invariants_hold(steps in storm()) {
        let mut r = Reader::new();
        for (step, wait) in &steps {
            r.exchange.pass(*wait);
            let before = r.exchange.state.clone();
            let (reply, id) = r.run(step);
            let state = &r.exchange.state;
            prop_assert!(state.at >= before.at && state.position >= before.position);
            if matches!(reply.answer, Answer::Refused(_)) {
                prop_assert_eq!(&state.book, &before.book, "a refused command moves nothing: {}", step);
                prop_assert_eq!(&state.guard, &before.guard, "{}", step);
                if let Some(id) = &id {
                    prop_assert_eq!(state.answers.get(id), before.answers.get(id), "and uses no id");
                }
            }
            // Held and free never contradict each other, and nothing that is cleared is above what is held.
            prop_assert!(state.custody.free(HOT, BTC) <= state.custody.holding(HOT, BTC));
            prop_assert!(next_due(state).is_none_or(|due| due > r.exchange.at || *step != "time"));
        }
        let digest = r.exchange.state.digest();
        prop_assert_eq!(r.exchange.folded_again().digest(), digest);
        prop_assert_eq!(refolded(&r.exchange.records, 3).digest(), digest, "folded in pieces");
        prop_assert_eq!(refolded(&r.exchange.records, 17).digest(), digest, "folded in pieces");
    }

    #[test]
    fn an_id_is_answered_once(steps in storm()) {
        let mut r = Reader::new();
        for (step, _) in &steps {
            let command = r.command(step);
            let first = r.exchange.send(&command);
            let (Some(id), false) = (&command.id, matches!(first.answer, Answer::Refused(_))) else { continue };
            let book = r.exchange.state.book.clone();
            let again = r.exchange.send(&command);
            prop_assert!(again.repeated);
            prop_assert_eq!(&again.answer, &first.answer, "the same id gets the same answer: {}", step);
            let other = Command { id: Some(id.clone()), actor: None, body: Body::ObserveTime };
            prop_assert_eq!(code(&r.exchange.send(&other)), "duplicate_id");
            prop_assert_eq!(&r.exchange.state.book, &book);
        }
    }

    /// Time passes in any steps: nothing due is left behind, the order is that of time, and it ends.
    #[test]
    fn nothing_due_remains(steps in storm(), jumps in prop::collection::vec(0..3 * DAY, 1..6)) {
        let mut r = Reader::new();
        for (step, _) in &steps {
            r.run(step);
        }
        for jump in jumps {
            // As after a downtime: all at once, at the time of the restart.
            r.exchange.at += jump;
            let mut rounds = 0;
            while let Some(due) = next_due(&r.exchange.state).filter(|due| *due <= r.exchange.at) {
                let before = r.exchange.records.len();
                r.exchange.ask(None, None, Body::ObserveTime);
                prop_assert!(r.exchange.records.len() > before, "what is due at {} becomes an event", due);
                rounds += 1;
                prop_assert!(rounds < 100, "it ends");
            }
        }
        prop_assert!(r.exchange.records.is_sorted_by_key(|record| record.at));
    }

    /// Whatever the rhythm of requests, what is cleared in any window stays within the cap.
    #[test]
    fn no_window_holds_more_than_its_cap(
        asks in prop::collection::vec((0u128..900, 0..4 * MINUTE, any::<bool>()), 1..60),
        windows in prop::collection::vec((1u64..30, 1u16..9_000), 1..4),
    ) {
        let mut policy = policy();
        policy.allowlist = false;
        policy.caps = windows
            .iter()
            .map(|(minutes, bps)| keepwhole_core::policy::Cap { window_ms: minutes * MINUTE + SECOND, bps: *bps })
            .collect();
        let caps = policy.caps.clone();
        let mut exchange = Exchange::under(policy);
        for (number, (units, wait, leaves)) in asks.iter().enumerate() {
            exchange.pass(*wait);
            let id = format!("w{number}");
            let body = Body::RequestWithdrawal {
                customer: "alice".into(),
                wallet: "hot".into(),
                asset: "BTC".into(),
                units: *units,
                to: "0xsomewhere".into(),
            };
            let reply = exchange.ask(Some(&id), None, body);
            if *leaves && reply.answer == Answer::Cleared {
                exchange.seen("n1", keepwhole_core::custody::Direction::Out, &id, *units, "0xsomewhere", 5);
            }
        }
        prop_assert!(exchange.state.breaker.tripped.is_empty(), "each outflow has its clearance");
        let mut cleared: Vec<(u64, u128, u128)> = Vec::new();
        for record in &exchange.records {
            if let Event::RequestCleared { request, before, .. } = record.event {
                let ask = &exchange.state.guard.request_at(request).unwrap().ask;
                let keepwhole_core::guard::Ask::Withdrawal { units, .. } = ask else { continue };
                cleared.push((record.at, *units, before));
            }
        }
        for cap in caps {
            for (last, (end, _, _)) in cleared.iter().enumerate() {
                let inside: Vec<_> = cleared[..=last].iter().filter(|(at, _, _)| at + cap.window_ms > *end).collect();
                let sum: u128 = inside.iter().map(|(_, units, _)| units).sum();
                let base = inside.first().map_or(0, |(_, _, before)| *before);
                prop_assert!(sum <= base * u128::from(cap.bps) / 10_000, "{} of {} in {:?}", sum, base, cap);
            }
        }
    }
}
