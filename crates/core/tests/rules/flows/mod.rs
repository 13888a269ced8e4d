//! Worked stories by hand: what a person would expect, to the unit and the millisecond.

mod cases;
mod chain;
mod clearances;
mod dead;
mod doors;
mod requests;
mod subjects;

use crate::exchange::BTC;
use crate::exchange::Exchange;
use crate::exchange::code;
use crate::script::Reader;
use keepwhole_core::event::Event;
use keepwhole_core::incident::AlarmCode;
use keepwhole_core::redress::Loss;

/// Runs steps and compares each code with what stands after `->`.
pub(super) fn check(reader: &mut Reader, story: &str) {
    for line in story.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (step, wanted) = line
            .split_once("->")
            .unwrap_or_else(|| panic!("no `->` in `{line}`"));
        let (reply, _) = reader.run(step);
        assert_eq!(code(&reply), wanted.trim(), "{step}");
    }
}

pub(super) fn alarms(exchange: &Exchange, wanted: AlarmCode) -> usize {
    exchange.count(|event| matches!(event, Event::AlarmRaised { code, .. } if *code == wanted))
}

pub(super) fn loss<'e>(exchange: &'e Exchange, case: &str) -> &'e Loss {
    &exchange.state.incidents.case(case).unwrap().losses[&BTC]
}
