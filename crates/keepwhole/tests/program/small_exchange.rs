//! A small exchange's story as commands, told the same way every time.

use keepwhole_core::book::MovementKind;
use keepwhole_core::command::{Body, Command, NewMovement};
use keepwhole_core::registry::Asset;

/// 27 November 2025, 04:42:00 in Seoul.
pub(crate) const AT: u64 = 1_764_186_120_000;

pub(crate) fn told(id: &str, body: Body) -> Command {
    Command {
        id: Some(id.to_owned()),
        actor: None,
        body,
    }
}

pub(crate) fn movement(from: &str, to: &str, asset: &str, units: u128) -> NewMovement {
    NewMovement {
        from: from.to_owned(),
        to: to.to_owned(),
        asset: asset.to_owned(),
        units,
        kind: MovementKind::Opening,
        reference: format!("{from} to {to}"),
    }
}

/// Two assets, five customers, openings, then movements between them, each at a time of its own.
pub(crate) fn exchange() -> Vec<(u64, Command)> {
    let asset = |id: &str, decimals| {
        Body::RegisterAsset(Asset {
            id: id.to_owned(),
            decimals,
            network: None,
            confirmations: 1,
        })
    };
    let mut owners = vec![String::from("house")];
    owners.extend((1..=5).map(|number| format!("customer-{number}")));
    let mut bodies = vec![
        asset("SOL", 9),
        asset("KRW", 0),
        Body::RegisterOwners(owners),
    ];
    for number in 1..=5_u128 {
        let customer = format!("customer-{number}");
        bodies.push(Body::RecordMovements(vec![
            movement("outside", &customer, "SOL", number * 1_000_000_000),
            movement("outside", &customer, "KRW", number * 100_000),
        ]));
    }
    for step in 0..12_u128 {
        let (from, to) = (step % 5 + 1, (step * 3 + 1) % 5 + 1);
        let (from, to) = (format!("customer-{from}"), format!("customer-{to}"));
        if from != to {
            let row = movement(&from, &to, "SOL", 1_000 + step);
            bodies.push(Body::RecordMovements(vec![row]));
        }
    }
    let commands = bodies.into_iter().enumerate();
    commands
        .map(|(step, body)| {
            (
                AT + step as u64 * 60_000,
                told(&format!("step-{step}"), body),
            )
        })
        .collect()
}
