//! Reading ahead what a judgement will look back at.

use super::History;
use crate::address::one_form;
use crate::registry::OwnerIx;
use core::hint::black_box;

impl History {
    /// Reads what the figures of a withdrawal will look at, a step at a time for all of it, so that the processor waits
    /// for memory once a step and not once a figure. The destination's number.
    pub(crate) fn read_ahead(&self, owner: OwnerIx, to: &str) -> Option<u32> {
        let (names, place) = (&self.destinations, owner.place());
        let to = &*one_form(to);
        let hash = names.hash(to.as_bytes());
        let since = self.registered.get(place).copied();
        let link = self.depositor.get(place).copied();
        let mut asked = names.touch(hash) ^ self.by_customer.touch(owner.0);
        asked ^= u32::from(since == Some(0)) ^ link.unwrap_or(0);
        asked ^= names.touch_text(hash, to.len()) ^ self.by_customer.touch_row(owner.0);
        let deposits = self.depositor(owner);
        asked ^= deposits.map_or(0, |row| {
            u32::from(row.money.last.is_some()) ^ u32::from(row.other.last.is_some())
        });
        let number = names.find(hash, to.as_bytes());
        asked ^= self.by_customer.touch_line(owner.0);
        if let Some(number) = number {
            let known = self.destination_known(number);
            asked ^= u32::from(known.paid.is_some()) ^ self.by_destination.touch(number);
            asked ^= self.by_destination.touch_row(number);
            asked ^= self.by_destination.touch_line(number);
        }
        black_box(asked);
        number
    }
}
