//! What was taken back from a line, by piece: a tree of sums (P. M. Fenwick, 1994), so that taking back costs as little as
//! looking, however long the line is.

use super::line::Sum;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// The node of number `n`, counted from 1, sums up as many pieces, the last of them `n`, as its lowest bit says.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(super) struct Taken(Vec<Sum>);

const fn lowest_bit(number: usize) -> usize {
    number & number.wrapping_neg()
}

impl Taken {
    /// So many pieces from which nothing was taken.
    pub(super) fn nothing(pieces: usize) -> Self {
        Self(alloc::vec![Sum::default(); pieces])
    }

    /// What was taken from the first so many pieces.
    pub(super) fn upto(&self, pieces: usize) -> Sum {
        let mut sum = Sum::default();
        let mut number = pieces;
        while let Some(node) = number.checked_sub(1).and_then(|at| self.0.get(at)) {
            sum = sum.plus(*node);
            number &= number.wrapping_sub(1);
        }
        sum
    }

    /// Takes from a piece.
    pub(super) fn take(&mut self, piece: usize, one: Sum) {
        let mut number = piece.saturating_add(1);
        while let Some(node) = number.checked_sub(1).and_then(|at| self.0.get_mut(at)) {
            *node = node.plus(one);
            number = number.saturating_add(lowest_bit(number));
        }
    }

    /// One piece more, from which nothing was taken.
    pub(super) fn grow(&mut self) {
        let number = self.0.len().saturating_add(1);
        let first = number.saturating_sub(lowest_bit(number));
        let below = self.upto(number.saturating_sub(1)).minus(self.upto(first));
        self.0.push(below);
    }

    pub(super) fn unprice(&mut self) {
        self.0.iter_mut().for_each(Sum::unprice);
    }

    /// Bytes of memory behind it.
    pub(super) const fn bytes(&self) -> usize {
        self.0.capacity().saturating_mul(size_of::<Sum>())
    }
}
