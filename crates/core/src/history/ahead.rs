//! Reading ahead what judgements will look back at.

use super::History;
use crate::address::one_form;
use crate::index::STAGE;
use crate::registry::OwnerIx;
use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::hint::black_box;

impl History {
    /// Reads what the figures of withdrawals will look at, those of a stage together: each pass reads one step further for
    /// all of them, so that the processor waits for memory once a step and not once a figure.
    pub(crate) fn read_ahead(&self, of: &[(OwnerIx, &str)]) {
        let forms: Vec<_> = of
            .iter()
            .map(|(owner, to)| (*owner, one_form(to)))
            .collect();
        for stage in forms.chunks(STAGE) {
            black_box(self.read_stage(stage));
        }
    }

    /// Passes are short: the processor has only so much under way at once.
    fn read_stage(&self, of: &[(OwnerIx, Cow<'_, str>)]) -> u32 {
        let names = &self.destinations;
        let mut hashes = [0; STAGE];
        let mut numbers = [None; STAGE];
        let mut asked = 0;
        for ((_, to), hash) in of.iter().zip(&mut hashes) {
            *hash = names.hash(to.as_bytes());
        }
        let hashed = || of.iter().zip(&hashes);
        for (_, hash) in hashed() {
            asked ^= names.touch(*hash);
        }
        for (owner, _) in of {
            asked ^= self.by_customer.touch(owner.0);
            asked ^= self.depositor.get(owner.place()).copied().unwrap_or(0);
            asked ^= u32::from(self.registered.get(owner.place()) == Some(&0));
        }
        for ((_, to), hash) in hashed() {
            asked ^= names.touch_text(*hash, to.len());
        }
        for (owner, _) in of {
            asked ^= self.by_customer.touch_row(owner.0);
        }
        for (owner, _) in of {
            asked ^= self.depositor(*owner).map_or(0, |row| {
                let ends = [
                    row.money.first,
                    row.money.last,
                    row.other.first,
                    row.other.last,
                ];
                ends.iter()
                    .fold(0, |all, end| all ^ u32::from(end.is_some()))
            });
        }
        for (((_, to), hash), number) in hashed().zip(&mut numbers) {
            *number = names.find(*hash, to.as_bytes());
        }
        let numbers = numbers.iter().flatten();
        for number in numbers.clone() {
            asked ^= self.by_destination.touch(*number);
            let known = self.destination_known(*number);
            asked ^= u32::from(known.listed.is_some()) ^ u32::from(known.paid.is_some());
        }
        for number in numbers {
            asked ^= self.by_destination.touch_row(*number);
        }
        asked
    }
}
