//! The state as the ledger that files are checked against.

use keepwhole_books::check::{Ledger, Recorded};
use keepwhole_core::registry::HOUSE;
use keepwhole_core::state::State;
use keepwhole_core::transfer::{Transfer, TransferId, TransferRow};

/// A state, asked as a ledger.
#[derive(Debug)]
pub struct StateLedger<'a>(pub &'a State);

impl Ledger for StateLedger<'_> {
    fn asset(&self, name: &str) -> Option<u8> {
        let asset = self.0.registry.asset(name)?;
        self.0
            .registry
            .assets
            .get(asset.place())
            .map(|asset| asset.decimals)
    }

    fn house(&self) -> Option<&str> {
        let name = self.0.registry.owner_id(HOUSE);
        (!name.is_empty()).then_some(name)
    }

    fn has_owner(&self, name: &str) -> bool {
        self.0.registry.owner(name).is_some()
    }

    fn balance(&self, owner: &str, asset: &str) -> u128 {
        match (self.0.registry.owner(owner), self.0.registry.asset(asset)) {
            (Some(owner), Some(asset)) => self.0.book.balance(owner, asset),
            _ => 0,
        }
    }

    fn recorded(&self, row: &TransferRow<'_>) -> Recorded {
        let registry = &self.0.registry;
        let Ok(id) = TransferId::new(row.id) else {
            return Recorded::No;
        };
        // An owner or asset that is not registered can't be in a recorded transfer; its id may be.
        let nobody = keepwhole_core::registry::OwnerIx(u32::MAX);
        let transfer = Transfer {
            id,
            from: registry.owner(row.from).unwrap_or(nobody),
            to: registry.owner(row.to).unwrap_or(nobody),
            asset: registry
                .asset(row.asset)
                .unwrap_or(keepwhole_core::registry::AssetIx(u16::MAX)),
            kind: row.kind,
            units: row.units,
            effective: row.effective,
        };
        match self.0.transfer_ids.recorded(&transfer) {
            None => Recorded::No,
            Some(true) => Recorded::Same,
            Some(false) => Recorded::Other,
        }
    }

    fn forgotten(&self) -> Option<u64> {
        self.0.transfer_ids.forgotten()
    }
}
