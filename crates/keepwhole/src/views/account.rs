//! From the state to the page of one customer.

use keepwhole_core::book::MovementKind;
use keepwhole_core::event::{Event, Record};
use keepwhole_core::guard::{Ask, Standing};
use keepwhole_core::incident::incident_id;
use keepwhole_core::registry::{AssetIx, HOUSE, OUTSIDE, OwnerIx};
use keepwhole_core::state::State;

use super::wording;
use super::{Balance, CustomerView, Head, PackageLink, Redress, StatementLine, Trail};
use crate::text::Words;

/// Movements on the page of a customer.
pub const STATEMENT_LINES: usize = 20;

impl CustomerView {
    /// The customer of that id; `None` where the journal has none. The house and the outside are not customers.
    ///
    /// `record` reads the journal at a position; a movement that it cannot read is left out, and the total says so.
    #[must_use]
    pub fn of(
        state: &State,
        trail: &Trail,
        head: &Head,
        id: &str,
        record: &dyn Fn(u64) -> Option<Record>,
    ) -> Option<Self> {
        let owner = state
            .registry
            .owner(id)
            .filter(|owner| *owner != HOUSE && *owner != OUTSIDE)?;
        let positions = trail.statement(owner);
        let last = positions.iter().rev().take(STATEMENT_LINES);
        Some(Self {
            id: id.to_owned(),
            as_of: state.at,
            head: head.clone(),
            made_up: false,
            balances: balances(state, owner),
            redress: redress(state, owner),
            statement: last
                .filter_map(|at| line(state, owner, *at, &record(*at)?))
                .collect(),
            statement_total: u64::try_from(positions.len()).unwrap_or(u64::MAX),
            package: None,
        })
    }

    /// The same page of a customer who is made up.
    #[must_use]
    pub fn made_up(mut self) -> Self {
        self.made_up = true;
        self
    }

    /// The same page with the customer's package.
    #[must_use]
    pub fn with_package(mut self, package: Option<PackageLink>) -> Self {
        self.package = package;
        self
    }
}

fn balances(state: &State, owner: OwnerIx) -> Vec<Balance> {
    let rows = state.book.balances(owner).map(|held| Balance {
        owed: wording::amount(state, held.asset(), held.units()),
        reserved: wording::amount(state, held.asset(), reserved(state, owner, held.asset())),
    });
    rows.collect()
}

/// What waits in withdrawals that the guard holds, in minor units. A cleared withdrawal has left the balance already.
fn reserved(state: &State, owner: OwnerIx, wanted: AssetIx) -> u128 {
    let held = state
        .guard
        .requests
        .iter()
        .filter(|request| matches!(request.standing, Standing::Held(_)));
    let units = held.filter_map(|request| match &request.ask {
        Ask::Withdrawal {
            owner: whose,
            asset,
            units,
            ..
        } if *whose == owner && *asset == wanted => Some(*units),
        _ => None,
    });
    units.fold(0, u128::saturating_add)
}

fn redress(state: &State, owner: OwnerIx) -> Vec<Redress> {
    let mut rows = Vec::new();
    for (place, case) in state.incidents.cases.iter().enumerate() {
        for (asset, loss) in &case.losses {
            let Some(part) = loss.part(owner).filter(|part| part.lost > 0) else {
                continue;
            };
            rows.push(Redress {
                loss: incident_id(place),
                short: wording::amount(state, *asset, part.lost),
                replenished: wording::amount(state, *asset, part.restored),
                outstanding: wording::amount(state, *asset, part.outstanding()),
            });
        }
    }
    rows
}

fn line(state: &State, owner: OwnerIx, entry: u64, record: &Record) -> Option<StatementLine> {
    let (at, kind, to, asset, units) = match &record.event {
        Event::MovementRecorded(movement) => (
            record.at,
            movement.kind,
            movement.to,
            movement.amount.asset(),
            movement.amount.units(),
        ),
        Event::TransferRecorded(row) => (row.effective, row.kind, row.to, row.asset, row.units),
        _ => return None,
    };
    Some(StatementLine {
        at,
        entry,
        what: what(kind),
        incoming: to == owner,
        amount: wording::amount(state, asset, units),
        balance: None,
    })
}

fn what(kind: MovementKind) -> Words {
    Words::key(match kind {
        MovementKind::Opening => "movement-opening",
        MovementKind::Deposit => "movement-deposit",
        MovementKind::Withdrawal => "movement-withdrawal",
        MovementKind::WithdrawalReturned => "movement-returned",
        MovementKind::Trade => "movement-trade",
        MovementKind::Credit => "movement-credit",
        MovementKind::Observed => "movement-observed",
        MovementKind::WrittenOff => "movement-written-off",
        MovementKind::ClaimPaid => "movement-claim",
        MovementKind::Replenished => "movement-replenished",
        MovementKind::Recovered => "movement-recovered",
        MovementKind::TakenBack => "movement-taken-back",
        MovementKind::Fee => "movement-fee",
        MovementKind::Transfer => "movement-transfer",
    })
}
