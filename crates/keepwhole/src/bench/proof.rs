//! A proof that an entry is in the journal: made from the tiles on the disk, and checked.

use super::contest::{Contest, Report, timed};
use super::{BenchError, Figure, Setup, replay};
use crate::journal::RealDisk;
use crate::journal::tiles::LogFiles;
use keepwhole_verify::tree::{leaf_hash, verify_inclusion};
use std::time::Duration;

/// Proofs a round.
const PROOFS: u64 = 200;

pub(super) fn measure(setup: &Setup) -> Result<Report, BenchError> {
    let size = replay::filled(setup, "proof")?;
    let disk = RealDisk::at(&setup.inside("proof"));
    let log = LogFiles(&disk);
    let (checkpoint, _) = log.checkpoint()?;
    let mut making = Contest::new(format!("making, {size} entries"), "µs");
    let mut checking = Contest::new(format!("checking, {size} entries"), "ns");
    let mut hashes = 0;
    for round in 1..=setup.rounds {
        (setup.say)(&format!("proof: round {round}"));
        let (mut made, mut checked) = (Duration::ZERO, Duration::ZERO);
        for n in 0..PROOFS {
            let index = n * 2_654_435_761 % size;
            let entry = log.entry(index, size)?;
            let (proof, took) = timed(|| log.prove_inclusion(index, size))?;
            made += took;
            hashes = hashes.max(proof.len());
            let right = timed(|| {
                verify_inclusion(&leaf_hash(&entry), index, size, &proof, &checkpoint.root())
            });
            let ((), took) = right.map_err(|_| BenchError::Wrong("a proof did not check"))?;
            checked += took;
        }
        let each = |took: Duration| u64::try_from(took.as_nanos()).unwrap_or(u64::MAX) / PROOFS;
        making.add("keepwhole", each(made) / 1_000);
        checking.add("keepwhole", each(checked));
    }
    let mut figures: Vec<Figure> = making.figures().chain(checking.figures()).collect();
    let middle = figures.first().map_or(0, |figure| figure.spread.1);
    figures.extend(
        [100_000_000]
            .into_iter()
            .filter(|n| *n > size)
            .map(|larger| {
                let wanted = middle * tile_levels(larger) / tile_levels(size);
                Figure {
                    case: format!("making, {larger} entries (extrapolated)"),
                    who: "keepwhole".to_owned(),
                    unit: "µs",
                    spread: (wanted, wanted, wanted),
                    ours_to_it: None,
                }
            }),
    );
    Ok(Report {
        title: "proof".to_owned(),
        figures,
        notes: vec![
            format!("{PROOFS} proofs a round, at most {hashes} hashes each; tiles come from files in the system's cache"),
            "a proof reads one tile a level of 256-fold; the extrapolated figure only counts these levels and was not measured"
                .to_owned(),
        ],
    })
}

/// Levels of tiles of a tree: each holds eight levels of hashes.
const fn tile_levels(size: u64) -> u64 {
    let levels = (u64::BITS - size.leading_zeros()) as u64;
    levels.div_ceil(8)
}
