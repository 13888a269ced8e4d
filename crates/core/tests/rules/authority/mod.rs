//! Authority: who counts towards a quorum, what one person may do alone, and what no number of stolen sessions may.

mod approvals;
mod custody;
mod demanded;
mod doors;
mod kept;
mod outage;
mod quorums;
mod rejected;
mod released;
mod stops;
mod tightened;

use crate::exchange::Exchange;
use keepwhole_core::answer::Reply;
use keepwhole_core::command::Body;
use keepwhole_core::guard::{Change, Standing};

pub(crate) fn withdraw(units: u128) -> Body {
    Body::RequestWithdrawal {
        customer: "alice".into(),
        wallet: "hot".into(),
        asset: "BTC".into(),
        units,
        to: "0xlistedlist01".into(),
    }
}

pub(crate) fn propose(exchange: &mut Exchange, id: &str, by: &str, change: Change) -> Reply {
    exchange.ask(Some(id), Some(by), Body::ProposeChange(change))
}

pub(crate) fn halt(scope: &str) -> Change {
    Change::Halt {
        scope: scope.into(),
    }
}

pub(crate) fn resume(scope: &str) -> Change {
    Change::Resume {
        scope: scope.into(),
    }
}

pub(crate) fn stands(exchange: &Exchange, id: &str) -> Standing {
    exchange
        .state
        .guard
        .proposal(id)
        .unwrap()
        .1
        .standing
        .clone()
}
