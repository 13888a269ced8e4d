//! Attribution: one loss event of each of 24 assets over customers who hold 4 of them on average.

use super::contest::{Contest, Report};
use super::{BenchError, Setup};
use keepwhole_core::policy::LossOrder;
use keepwhole_core::redress::{Loss, Part, attribute};
use keepwhole_core::registry::OwnerIx;
use keepwhole_core::state::State;
use std::time::{Duration, Instant};

const ASSETS: u32 = 24;
/// Assets that a customer holds on average.
const HELD: u32 = 4;

pub(super) fn measure(setup: &Setup) -> Result<Report, BenchError> {
    let state = State::default();
    let holders = setup.customers / ASSETS * HELD;
    let case = format!(
        "{} customers, {ASSETS} assets, {HELD} held",
        setup.customers
    );
    let mut contest = Contest::new(case, "ms");
    for round in 1..=setup.rounds {
        (setup.say)(&format!("attribution: round {round}"));
        let mut took = Duration::ZERO;
        for asset in 0..ASSETS {
            let loss = loss(asset, holders);
            let lost = 123_456_789_012_345_678 + u128::from(asset) * 1_000 + round as u128;
            let began = Instant::now();
            let split = attribute(&loss, lost, LossOrder::ProRata, 0, &state.registry);
            took += began.elapsed();
            let sum = split.map_or(0, |split| {
                split.customers.iter().sum::<u128>() + split.house
            });
            if sum != lost {
                return Err(BenchError::Wrong("the parts are not the whole"));
            }
        }
        contest.add(
            "keepwhole",
            u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        );
    }
    Ok(Report {
        title: "attribution".to_owned(),
        figures: contest.figures().collect(),
        notes: vec![format!(
            "{} holdings in all, one core; exact largest remainder over 256-bit products, the sum checked each time; making \
             the holdings is not counted",
            u64::from(holders) * u64::from(ASSETS)
        )],
    })
}

fn loss(asset: u32, holders: u32) -> Loss {
    let part = |n: u32| Part {
        owner: OwnerIx(n * (ASSETS / HELD) + 2),
        weight: (u128::from(n) * 2_654_435_761 + u128::from(asset) * 97) % 1_000_000_007
            * 1_000_000,
        lost: 0,
        restored: 0,
    };
    Loss {
        parts: (0..holders).map(part).collect(),
        ..Loss::default()
    }
}
