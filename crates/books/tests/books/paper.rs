//! A ledger on paper for tests: a few assets and balances, and what a file would do to them.

use keepwhole_books::check::{Checker, Duplicates, Ledger, Recorded, Summary};
use keepwhole_books::chunk::Chunker;
use keepwhole_books::fault::Fault;
use keepwhole_books::mapping::{Known, Mapper};
use keepwhole_books::profile::Profile;
use keepwhole_books::read::{Input, Progress, Reader};
use keepwhole_core::transfer::TransferRow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// 2026-11-22T00:00:00Z, ms.
pub(crate) const NOW: u64 = 1_795_305_600_000;

#[derive(Default)]
pub(crate) struct Paper {
    pub(crate) assets: BTreeMap<String, u8>,
}

impl Paper {
    pub(crate) fn with(assets: &[(&str, u8)]) -> Self {
        let assets = assets
            .iter()
            .map(|(name, decimals)| ((*name).to_owned(), *decimals))
            .collect();
        Self { assets }
    }
}

impl Ledger for Paper {
    fn asset(&self, name: &str) -> Option<u8> {
        self.assets.get(name).copied()
    }
    fn house(&self) -> Option<&str> {
        Some("house")
    }
    fn has_owner(&self, _: &str) -> bool {
        false
    }
    fn balance(&self, _: &str, _: &str) -> u128 {
        0
    }
    fn recorded(&self, _: &TransferRow<'_>) -> Recorded {
        Recorded::No
    }
    fn forgotten(&self) -> Option<u64> {
        None
    }
}

/// What a file came to: its movements as `(id, from, to, asset, units)`, counts, and what was refused.
#[derive(Debug, Default)]
pub(crate) struct Came {
    pub(crate) movements: Vec<(String, String, String, String, u128)>,
    pub(crate) summary: Summary,
    pub(crate) refused: Vec<Fault>,
}

/// Reads and checks a file as `import` does.
pub(crate) fn look(
    paper: &Paper,
    profile: &Profile,
    path: &Path,
    ordered: bool,
) -> Result<Came, Fault> {
    let mut duplicates = Duplicates::default();
    loop {
        let again = !duplicates.is_empty();
        let mut reader = Reader::open(Input::open(path, Progress::default())?)?;
        let known = Known {
            assets: paper.assets.clone(),
            house: String::from("house"),
        };
        let mut mapper = Mapper::new(profile, &mut reader, known)?;
        if ordered {
            mapper.require_order();
        }
        let mut chunker = Chunker::new(reader, mapper, BTreeSet::new());
        let why = chunker.mapper().left_out();
        let mut checker = Checker::new(
            paper,
            NOW,
            "house",
            profile.names.owners,
            std::mem::take(&mut duplicates),
        );
        let mut came = Came::default();
        while let Some(chunk) = chunker.next_chunk()? {
            checker.check(&chunk, &why).unwrap();
            let text = |text: &str| text.to_owned();
            came.movements.extend(chunk.batch.rows().map(|row| {
                (
                    text(row.id),
                    text(row.from),
                    text(row.to),
                    text(row.asset),
                    row.units,
                )
            }));
        }
        came.summary = std::mem::take(&mut checker.summary);
        came.refused = checker
            .refused
            .iter()
            .map(|refused| refused.fault.clone())
            .collect();
        if again {
            return Ok(came);
        }
        duplicates = checker.duplicates().unwrap();
        if duplicates.is_empty() {
            return Ok(came);
        }
    }
}
