//! Lines by a dense number and an asset. A number without anything lately costs four bytes.

use super::line::{Line, Sum};
use super::lines::Lines;
use crate::registry::AssetIx;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Lines looked at by every addition, to forget what nobody adds to any more.
const SWEPT: usize = 2;

#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
struct Row {
    of: u32,
    asset: AssetIx,
    /// The next row of the same number: its place plus one, or zero.
    next: u32,
    line: Line,
}

/// The lines.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(super) struct Rows {
    /// For each number the place of its first row plus one, or zero.
    first: Vec<u32>,
    rows: Vec<Row>,
    free: Vec<u32>,
    /// Where the next look at old lines begins.
    sweep: u32,
}

fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Rows {
    fn chain(&self, of: u32) -> impl Iterator<Item = &Row> {
        let first = self.first.get(place(of)).copied().unwrap_or(0);
        let at = |link: u32| self.rows.get(place(link.checked_sub(1)?));
        core::iter::successors(at(first), move |row| at(row.next))
    }

    fn find(&mut self, of: u32, asset: AssetIx) -> Option<&mut Row> {
        let mut link = self.first.get(place(of)).copied().unwrap_or(0);
        while let Some(row) = link.checked_sub(1).and_then(|at| self.rows.get(place(at))) {
            if row.asset == asset {
                break;
            }
            link = row.next;
        }
        self.rows.get_mut(place(link.checked_sub(1)?))
    }

    fn first_row(&self, of: u32) -> Option<&Row> {
        let first = *self.first.get(place(of))?;
        self.rows.get(place(first.checked_sub(1)?))
    }

    /// Reads ahead where the first row of a number is.
    pub(super) fn touch(&self, of: u32) -> u32 {
        self.first.get(place(of)).copied().unwrap_or(0)
    }

    /// Reads ahead the first row of a number, once it is known where that is.
    pub(super) fn touch_row(&self, of: u32) -> u32 {
        self.first_row(of)
            .map_or(0, |row| row.of ^ row.next ^ row.line.touch())
    }

    /// Adds for a number and asset, and forgets what is older than `kept`.
    pub(super) fn add(
        &mut self,
        (of, asset): (u32, AssetIx),
        at: u64,
        one: Sum,
        (now, kept): (u64, u64),
    ) {
        self.sweep(now, kept);
        if let Some(row) = self.find(of, asset) {
            row.line.prune(now, kept);
            row.line.add(at, one);
            return;
        }
        if self.first.len() <= place(of) {
            self.first.resize(place(of).saturating_add(1), 0);
        }
        let Some(first) = self.first.get_mut(place(of)) else {
            return;
        };
        let mut line = Line::default();
        line.add(at, one);
        let row = Row {
            of,
            asset,
            next: *first,
            line,
        };
        let reused = self.free.pop();
        let slot = reused.and_then(|at| self.rows.get_mut(place(at)));
        if let (Some(at), Some(slot)) = (reused, slot) {
            *slot = row;
            *first = at.saturating_add(1);
        } else if let Ok(link) = u32::try_from(self.rows.len().saturating_add(1)) {
            self.rows.push(row);
            *first = link;
        }
    }

    /// Takes back what was added for a number and asset at that moment.
    pub(super) fn release(&mut self, of: u32, asset: AssetIx, at: u64, one: Sum) {
        if let Some(row) = self.find(of, asset) {
            row.line.release(at, one);
        }
    }

    /// The lines of a number: of one asset, or of all.
    pub(super) fn lines(&self, of: u32, asset: Option<AssetIx>) -> Lines<'_> {
        let Some(asset) = asset else {
            return Lines::all(self, of);
        };
        let row = self.chain(of).find(|row| row.asset == asset);
        Lines::one(row.map(|row| &row.line))
    }

    /// The lines of a number, of all assets.
    pub(super) fn each(&self, of: u32) -> impl Iterator<Item = &Line> {
        self.chain(of).map(|row| &row.line)
    }

    pub(super) fn unprice(&mut self) {
        for row in &mut self.rows {
            row.line.unprice();
        }
    }

    /// Looks at the next few lines and frees those in which nothing is young.
    fn sweep(&mut self, now: u64, kept: u64) {
        for _ in 0..SWEPT {
            let at = self.sweep;
            let Some(row) = self.rows.get(place(at)) else {
                self.sweep = 0;
                return;
            };
            self.sweep = at.saturating_add(1);
            if !row.line.is_empty() && row.line.is_old(now, kept) {
                self.drop_row(at);
            }
        }
    }

    fn drop_row(&mut self, at: u32) {
        let link = at.saturating_add(1);
        let Some(row) = self.rows.get_mut(place(at)) else {
            return;
        };
        row.line.clear();
        let (of, next) = (row.of, core::mem::take(&mut row.next));
        let Some(first) = self.first.get_mut(place(of)) else {
            return;
        };
        if *first == link {
            *first = next;
        } else {
            let mut before = *first;
            while let Some(row) = before
                .checked_sub(1)
                .and_then(|at| self.rows.get_mut(place(at)))
            {
                if row.next == link {
                    row.next = next;
                    break;
                }
                before = row.next;
            }
        }
        self.free.push(at);
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        let lines: usize = self.rows.iter().map(|row| row.line.bytes()).sum();
        let links = self.first.capacity().saturating_add(self.free.capacity());
        lines
            .saturating_add(links.saturating_mul(4))
            .saturating_add(self.rows.capacity().saturating_mul(size_of::<Row>()))
    }
}
