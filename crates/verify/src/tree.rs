//! The Merkle tree of RFC 6962: hashing, the growing right edge, and proofs of inclusion and consistency.
//!
//! `leaf(d) = H(0x00 || d)`, `node(a, b) = H(0x01 || a || b)`, and a tree of `n` leaves splits at the largest power of
//! two below `n`. Proofs are made from the hashes of *complete* subtrees only, which never change once they exist.

use crate::digest::Digest;
use alloc::vec::Vec;
use core::fmt;

/// Root of the tree without leaves: SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Digest {
    Digest::of(&[])
}

/// Hash of one entry as a leaf.
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Digest {
    Digest::of_parts(&[&[0], entry])
}

/// Hash of an inner node from its two children.
#[must_use]
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    let mut bytes = [1; 65];
    let (_, children) = bytes.split_at_mut(1);
    let (first, second) = children.split_at_mut(32);
    first.copy_from_slice(left.as_bytes());
    second.copy_from_slice(right.as_bytes());
    Digest::of(&bytes)
}

/// Why a proof or a right edge was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TreeError {
    /// The entry's index is not below the tree's size.
    IndexOutsideTree {
        /// Index asked for.
        index: u64,
        /// Size of the tree.
        size: u64,
    },
    /// A consistency proof was asked for or given from a larger tree to a smaller one.
    OldLargerThanNew {
        /// Claimed earlier size.
        old: u64,
        /// Claimed later size.
        new: u64,
    },
    /// The proof has fewer hashes than the sizes need.
    ProofTooShort,
    /// The proof has more hashes than the sizes need.
    ProofTooLong,
    /// The hashes fold to another root than the trusted one.
    RootMismatch,
    /// In a consistency proof, the hashes fold to another root than that of the earlier tree.
    OldRootMismatch,
    /// The number of peaks does not fit the size of a right edge.
    PeaksDoNotFit,
    /// The tree is full: 2^63 - 1 leaves.
    Full,
}

impl fmt::Display for TreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IndexOutsideTree { index, size } => {
                write!(f, "index `{index}` is outside a tree of `{size}` entries")
            }
            Self::OldLargerThanNew { old, new } => {
                write!(
                    f,
                    "earlier tree of `{old}` entries is larger than the later one of `{new}`"
                )
            }
            Self::ProofTooShort => f.write_str("proof has too few hashes for these tree sizes"),
            Self::ProofTooLong => f.write_str("proof has too many hashes for these tree sizes"),
            Self::RootMismatch => f.write_str("proof leads to another root than the checkpoint's"),
            Self::OldRootMismatch => {
                f.write_str("proof leads to another root than the earlier checkpoint's")
            }
            Self::PeaksDoNotFit => f.write_str("number of peaks does not fit the tree size"),
            Self::Full => f.write_str("tree holds 2^63 - 1 entries and can't grow"),
        }
    }
}

impl core::error::Error for TreeError {}

/// Appends the [`node_hash`] of each two neighbours to its second argument, in order, and leaves a last one without a
/// sibling alone: [`hash_pairs`], or whatever does the same faster on some machine.
pub type PairHasher<'a> = dyn FnMut(&[Digest], &mut Vec<Digest>) + 'a;

/// The [`PairHasher`] that works everywhere.
pub fn hash_pairs(children: &[Digest], out: &mut Vec<Digest>) {
    let (pairs, _alone) = children.as_chunks::<2>();
    out.extend(pairs.iter().map(|[left, right]| node_hash(left, right)));
}

/// The right edge of a growing tree: one hash per set bit of the size, largest subtree first.
///
/// It is all that is needed to append leaves and to know the root, at most 63 hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Digest>,
}

impl Default for Frontier {
    fn default() -> Self {
        Self::new()
    }
}

impl Frontier {
    /// The edge of the empty tree.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            size: 0,
            peaks: Vec::new(),
        }
    }

    /// Restores an edge from its parts.
    ///
    /// # Errors
    /// [`TreeError::PeaksDoNotFit`] unless there is one peak per set bit of `size`.
    pub fn from_parts(size: u64, peaks: Vec<Digest>) -> Result<Self, TreeError> {
        let wanted = usize::try_from(size.count_ones()).map_err(|_| TreeError::PeaksDoNotFit)?;
        if peaks.len() != wanted || size >= 1 << 63 {
            return Err(TreeError::PeaksDoNotFit);
        }
        Ok(Self { size, peaks })
    }

    /// Number of leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Hashes of the complete subtrees, largest first.
    #[must_use]
    pub fn peaks(&self) -> &[Digest] {
        &self.peaks
    }

    /// Appends one leaf, given as its [`leaf_hash`].
    ///
    /// # Errors
    /// [`TreeError::Full`] at 2^63 - 1 leaves.
    pub fn push(&mut self, leaf: Digest) -> Result<(), TreeError> {
        self.push_with(leaf, &mut |_, _, _| {})
    }

    /// As [`push`](Self::push), and calls `complete(level, index, hash)` for every complete subtree that the leaf
    /// finishes, the leaf itself (level 0) first. Whoever stores hashes for proofs stores exactly these.
    ///
    /// # Errors
    /// [`TreeError::Full`] at 2^63 - 1 leaves.
    pub fn push_with(
        &mut self,
        leaf: Digest,
        complete: &mut dyn FnMut(u8, u64, &Digest),
    ) -> Result<(), TreeError> {
        let next = self
            .size
            .checked_add(1)
            .filter(|next| *next < 1 << 63)
            .ok_or(TreeError::Full)?;
        let mut hash = leaf;
        let mut index = self.size;
        let mut level = 0;
        complete(level, index, &hash);
        while index & 1 == 1 {
            let Some(left) = self.peaks.pop() else {
                return Err(TreeError::PeaksDoNotFit);
            };
            hash = node_hash(&left, &hash);
            index >>= 1;
            level += 1;
            complete(level, index, &hash);
        }
        self.peaks.push(hash);
        self.size = next;
        Ok(())
    }

    /// Appends many leaves, given as their [`leaf_hash`]es: level by level instead of leaf by leaf, so that `pairs` has
    /// many nodes to hash at once. The edge is afterwards the one that [`push`](Self::push) of each leaf would give.
    ///
    /// # Errors
    /// [`TreeError::Full`] where fewer than `leaves` fit below 2^63; then nothing has changed.
    /// [`TreeError::PeaksDoNotFit`] when `pairs` gave another number of hashes than it had pairs; then the edge must not
    /// be used.
    pub fn extend(
        &mut self,
        leaves: Vec<Digest>,
        pairs: &mut PairHasher<'_>,
    ) -> Result<(), TreeError> {
        self.extend_with(leaves, pairs, &mut |_, _, _| {})
    }

    /// As [`extend`](Self::extend), and calls `complete(level, first, hashes)` once a level, lowest first, with the
    /// hashes of all complete subtrees that the leaves finish there; the first of them has the index `first`.
    ///
    /// # Errors
    /// As [`extend`](Self::extend).
    pub fn extend_with(
        &mut self,
        leaves: Vec<Digest>,
        pairs: &mut PairHasher<'_>,
        complete: &mut dyn FnMut(u8, u64, &[Digest]),
    ) -> Result<(), TreeError> {
        let next = u64::try_from(leaves.len())
            .ok()
            .and_then(|count| self.size.checked_add(count))
            .filter(|next| *next < 1 << 63)
            .ok_or(TreeError::Full)?;
        let mut fresh_peaks: Vec<Digest> = Vec::new();
        let (mut hashes, mut first, mut level) = (leaves, self.size, 0);
        while let Some((eldest, younger)) = hashes.split_first() {
            complete(level, first, &hashes);
            let mut above = Vec::with_capacity(hashes.len() / 2 + 1);
            // An odd first one has its left sibling among the peaks: the lowest that is left.
            let (rest, wanted) = if first & 1 == 1 {
                let left = self.peaks.pop().ok_or(TreeError::PeaksDoNotFit)?;
                pairs(&[left, *eldest], &mut above);
                (younger, younger.len() / 2 + 1)
            } else {
                (hashes.as_slice(), hashes.len() / 2)
            };
            pairs(rest, &mut above);
            if above.len() != wanted {
                return Err(TreeError::PeaksDoNotFit);
            }
            if rest.len() & 1 == 1 {
                fresh_peaks.extend(rest.last());
            }
            hashes = above;
            first >>= 1;
            level += 1;
        }
        self.peaks.extend(fresh_peaks.into_iter().rev());
        self.size = next;
        Ok(())
    }

    /// Root of the tree so far.
    #[must_use]
    pub fn root(&self) -> Digest {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => empty_root(),
            Some(last) => peaks.fold(*last, |right, left| node_hash(left, &right)),
        }
    }
}

/// Root over leaf hashes held in memory.
#[must_use]
pub fn root_of_leaves(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&root_of_leaves(left), &root_of_leaves(right))
        }
    }
}

/// Gives the hashes of complete subtrees, wherever they are kept (tiles, memory).
pub trait StoredHashes {
    /// Why a hash could not be read.
    type Error;

    /// Hash of the complete subtree over leaves `index * 2^level .. (index + 1) * 2^level`.
    ///
    /// # Errors
    /// Whatever keeps the store from answering; a hash is never guessed.
    fn hash(&self, level: u8, index: u64) -> Result<Digest, Self::Error>;
}

/// Why a proof could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProveError<E> {
    /// The question makes no sense for this tree.
    Tree(TreeError),
    /// The store did not answer.
    Store(E),
}

impl<E: fmt::Display> fmt::Display for ProveError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tree(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for ProveError<E> {}

/// Largest power of two below `n`; `n` is at least 2.
const fn split(n: u64) -> u64 {
    1 << (63 - (n - 1).leading_zeros())
}

/// Root of the leaves `low..high` of an aligned range, from stored hashes.
fn range_hash<S: StoredHashes>(store: &S, low: u64, high: u64) -> Result<Digest, S::Error> {
    let count = high - low;
    if count.is_power_of_two() {
        let level = u8::try_from(count.trailing_zeros()).unwrap_or(u8::MAX);
        return store.hash(level, low >> level);
    }
    let middle = low + split(count);
    Ok(node_hash(
        &range_hash(store, low, middle)?,
        &range_hash(store, middle, high)?,
    ))
}

/// Root of the first `size` leaves.
///
/// # Errors
/// The store's own error.
pub fn root<S: StoredHashes>(store: &S, size: u64) -> Result<Digest, S::Error> {
    if size == 0 {
        Ok(empty_root())
    } else {
        range_hash(store, 0, size)
    }
}

/// Peaks of the first `size` leaves: the [`Frontier`] from which the tree can grow on.
///
/// # Errors
/// The store's own error.
pub fn frontier<S: StoredHashes>(store: &S, size: u64) -> Result<Frontier, ProveError<S::Error>> {
    let mut peaks = Vec::new();
    let mut low = 0_u64;
    for level in (0..63_u8).rev().filter(|level| size >> level & 1 == 1) {
        peaks.push(store.hash(level, low >> level).map_err(ProveError::Store)?);
        low += 1 << level;
    }
    Frontier::from_parts(size, peaks).map_err(ProveError::Tree)
}

/// Inclusion proof (RFC 6962 section 2.1.1) of the entry `index` in the tree of `size`: leaf's sibling first.
///
/// # Errors
/// [`TreeError::IndexOutsideTree`], or the store's error.
pub fn prove_inclusion<S: StoredHashes>(
    store: &S,
    index: u64,
    size: u64,
) -> Result<Vec<Digest>, ProveError<S::Error>> {
    if index >= size {
        return Err(ProveError::Tree(TreeError::IndexOutsideTree {
            index,
            size,
        }));
    }
    let (mut low, mut high) = (0, size);
    let mut proof = Vec::new();
    while high - low > 1 {
        let middle = low + split(high - low);
        let (beside_low, beside_high) = if index < middle {
            (middle, high)
        } else {
            (low, middle)
        };
        proof.push(range_hash(store, beside_low, beside_high).map_err(ProveError::Store)?);
        if index < middle {
            high = middle;
        } else {
            low = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// Consistency proof (RFC 6962 section 2.1.2) from the tree of `old` entries to that of `new`.
///
/// Empty for `old = 0` and for equal sizes.
///
/// # Errors
/// [`TreeError::OldLargerThanNew`], or the store's error.
pub fn prove_consistency<S: StoredHashes>(
    store: &S,
    old: u64,
    new: u64,
) -> Result<Vec<Digest>, ProveError<S::Error>> {
    if old > new {
        return Err(ProveError::Tree(TreeError::OldLargerThanNew { old, new }));
    }
    let mut proof = Vec::new();
    if old == 0 || old == new {
        return Ok(proof);
    }
    let (mut low, mut high) = (0, new);
    while old != high {
        let middle = low + split(high - low);
        let (beside_low, beside_high) = if old <= middle {
            (middle, high)
        } else {
            (low, middle)
        };
        proof.push(range_hash(store, beside_low, beside_high).map_err(ProveError::Store)?);
        if old <= middle {
            high = middle;
        } else {
            low = middle;
        }
    }
    if low > 0 {
        proof.push(range_hash(store, low, high).map_err(ProveError::Store)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Checks that `leaf` (a [`leaf_hash`]) is entry `index` of the tree of `size` with `root` (RFC 9162, 2.1.3.2).
///
/// # Errors
/// A [`TreeError`] naming what is wrong; nothing is accepted in doubt.
pub fn verify_inclusion(
    leaf: &Digest,
    index: u64,
    size: u64,
    proof: &[Digest],
    root: &Digest,
) -> Result<(), TreeError> {
    if index >= size {
        return Err(TreeError::IndexOutsideTree { index, size });
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for beside in proof {
        if last == 0 {
            return Err(TreeError::ProofTooLong);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(beside, &hash);
            skip_complete(&mut node, &mut last);
        } else {
            hash = node_hash(&hash, beside);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(TreeError::ProofTooShort);
    }
    if hash == *root {
        Ok(())
    } else {
        Err(TreeError::RootMismatch)
    }
}

/// Climbs past levels where the rightmost node has no sibling.
const fn skip_complete(node: &mut u64, last: &mut u64) {
    while *node & 1 == 0 && *node != 0 {
        *node >>= 1;
        *last >>= 1;
    }
}

/// Checks that the tree of `new` entries only appended to the tree of `old` entries (RFC 9162, 2.1.4.2).
///
/// Equal sizes need equal roots and an empty proof; size 0 is compatible with every tree and has an empty proof.
///
/// # Errors
/// A [`TreeError`] naming what is wrong.
pub fn verify_consistency(
    old: u64,
    old_root: &Digest,
    new: u64,
    new_root: &Digest,
    proof: &[Digest],
) -> Result<(), TreeError> {
    if old > new {
        return Err(TreeError::OldLargerThanNew { old, new });
    }
    if old == 0 || old == new {
        return verify_trivial_consistency((old, old_root), (new, new_root), proof);
    }
    let (mut node, mut last) = (old - 1, new - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (first, rest) = if old.is_power_of_two() {
        (*old_root, proof)
    } else {
        let (first, rest) = proof.split_first().ok_or(TreeError::ProofTooShort)?;
        (*first, rest)
    };
    let (mut old_hash, mut new_hash) = (first, first);
    for beside in rest {
        if last == 0 {
            return Err(TreeError::ProofTooLong);
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(beside, &old_hash);
            new_hash = node_hash(beside, &new_hash);
            skip_complete(&mut node, &mut last);
        } else {
            new_hash = node_hash(&new_hash, beside);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(TreeError::ProofTooShort);
    }
    if old_hash != *old_root {
        return Err(TreeError::OldRootMismatch);
    }
    if new_hash == *new_root {
        Ok(())
    } else {
        Err(TreeError::RootMismatch)
    }
}

fn verify_trivial_consistency(
    (old, old_root): (u64, &Digest),
    (new, new_root): (u64, &Digest),
    proof: &[Digest],
) -> Result<(), TreeError> {
    if !proof.is_empty() {
        return Err(TreeError::ProofTooLong);
    }
    if old == 0 && *old_root != empty_root() {
        return Err(TreeError::OldRootMismatch);
    }
    if old < new || old_root == new_root {
        Ok(())
    } else {
        Err(TreeError::RootMismatch)
    }
}
