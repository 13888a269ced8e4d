//! The sum tree of a redress set: one tree per asset, whose nodes carry how much is paid and how much is still due.
//!
//! The exact bytes stand in docs/proof-formats.md, "Sum tree". Both children's sums are inside the parent's hash, so an
//! operator can't show two customers two different splits of one total.

use alloc::vec::Vec;
use core::fmt;

use sha2::{Digest, Sha256};

/// Lowest height a published tree has.
pub const MIN_HEIGHT: u8 = 8;

/// Greatest height a tree may have, so that every index and count fits 63 bits.
pub const MAX_HEIGHT: u8 = 63;

/// Length of an encoded node: hash, count, paid, due.
pub const NODE_LENGTH: usize = 72;

/// What can be wrong while a tree is built or a path is folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SumError {
    /// Count, paid or due of a node passes its range.
    Overflow,
    /// The path hasn't exactly `height` nodes.
    PathLength {
        /// Nodes in the path.
        found: usize,
        /// Height of the tree.
        height: u8,
    },
    /// The index isn't below `2^height`.
    Index {
        /// The index given.
        index: u64,
        /// Height of the tree.
        height: u8,
    },
    /// The height isn't within the allowed range, or too small for the leaves.
    Height {
        /// The height asked for.
        height: u8,
    },
    /// Account or contact is longer than 65,535 bytes.
    TooLong,
}

impl fmt::Display for SumError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overflow => write!(f, "a sum passes its range"),
            Self::PathLength { found, height } => write!(
                f,
                "the path has {found} nodes, the tree's height is {height}"
            ),
            Self::Index { index, height } => write!(f, "index {index} is not below 2^{height}"),
            Self::Height { height } => write!(f, "height {height} does not fit this tree"),
            Self::TooLong => write!(f, "account or contact is longer than 65,535 bytes"),
        }
    }
}

impl core::error::Error for SumError {}

/// The tree a leaf belongs to: it is inside every leaf and root hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeId {
    /// Random id of the redress set, never reused.
    pub set_id: [u8; 16],
    /// Number of the asset within the set.
    pub asset: u16,
}

/// A node: hash, number of holders, and sums in minor units of the asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// SHA-256 of what lies below.
    pub hash: [u8; 32],
    /// Holders below this node.
    pub count: u64,
    /// Reimbursed, in minor units.
    pub paid: u128,
    /// Still owed, in minor units.
    pub due: u128,
}

impl Node {
    /// `hash || count || paid || due`, big-endian.
    pub fn encode(&self) -> [u8; NODE_LENGTH] {
        let mut out = [0u8; NODE_LENGTH];
        let bytes = self.hash.into_iter().chain(self.count.to_be_bytes());
        let bytes = bytes
            .chain(self.paid.to_be_bytes())
            .chain(self.due.to_be_bytes());
        for (place, byte) in out.iter_mut().zip(bytes) {
            *place = byte;
        }
        out
    }

    /// The node of 72 bytes; every byte string of that length is one.
    pub fn decode(bytes: &[u8; NODE_LENGTH]) -> Self {
        let (hash, rest) = split_array::<32>(bytes);
        let (count, rest) = split_array::<8>(rest);
        let (paid, rest) = split_array::<16>(rest);
        let (due, _) = split_array::<16>(rest);
        Self {
            hash,
            count: u64::from_be_bytes(count),
            paid: u128::from_be_bytes(paid),
            due: u128::from_be_bytes(due),
        }
    }
}

/// The first `N` bytes and the rest; zeros where `bytes` is shorter, which no caller here gives.
fn split_array<const N: usize>(bytes: &[u8]) -> ([u8; N], &[u8]) {
    match bytes.split_first_chunk::<N>() {
        Some((first, rest)) => (*first, rest),
        None => ([0; N], &[]),
    }
}

/// Whose line a leaf is: `H("keepwhole/holder/v1\0" || salt || lp(account) || lp(contact) || detail)`.
///
/// `detail` is the SHA-256 of the customer's statement.
///
/// # Errors
/// [`SumError::TooLong`].
pub fn holder_hash(
    salt: &[u8; 32],
    account: &str,
    contact: &str,
    detail: &[u8; 32],
) -> Result<[u8; 32], SumError> {
    let mut hash = Sha256::new();
    hash.update(b"keepwhole/holder/v1\0");
    hash.update(salt);
    for text in [account, contact] {
        let length = u16::try_from(text.len()).map_err(|_| SumError::TooLong)?;
        hash.update(length.to_be_bytes());
        hash.update(text.as_bytes());
    }
    hash.update(detail);
    Ok(hash.finalize().into())
}

/// One share of one holder's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// Number of this share, from 0.
    pub share: u8,
    /// Into how many shares the line is cut.
    pub shares: u8,
    /// 1 in share 0, else 0.
    pub count: u8,
    /// Part of `paid` in this share, minor units.
    pub paid: u128,
    /// Part of `due` in this share, minor units.
    pub due: u128,
    /// [`holder_hash`].
    pub holder: [u8; 32],
}

impl Leaf {
    /// The node of this leaf.
    pub fn node(&self, tree: &TreeId) -> Node {
        let mut hash = Sha256::new();
        hash.update([0x00]);
        hash.update(b"keepwhole/redress-leaf/v1\0");
        hash.update(tree.set_id);
        hash.update(tree.asset.to_be_bytes());
        hash.update([self.share, self.shares, self.count]);
        hash.update(self.paid.to_be_bytes());
        hash.update(self.due.to_be_bytes());
        hash.update(self.holder);
        Node {
            hash: hash.finalize().into(),
            count: u64::from(self.count),
            paid: self.paid,
            due: self.due,
        }
    }
}

/// The padding leaf of a tree.
pub fn empty_leaf(tree: &TreeId) -> Node {
    let mut hash = Sha256::new();
    hash.update([0x03]);
    hash.update(b"keepwhole/redress-empty/v1\0");
    hash.update(tree.set_id);
    hash.update(tree.asset.to_be_bytes());
    Node {
        hash: hash.finalize().into(),
        count: 0,
        paid: 0,
        due: 0,
    }
}

/// The parent at `level` (leaves are level 0, so `level` is at least 1).
///
/// # Errors
/// [`SumError::Overflow`]: sums never wrap.
pub fn parent(level: u8, left: &Node, right: &Node) -> Result<Node, SumError> {
    let mut hash = Sha256::new();
    hash.update([0x01, level]);
    hash.update(left.encode());
    hash.update(right.encode());
    Ok(Node {
        hash: hash.finalize().into(),
        count: left
            .count
            .checked_add(right.count)
            .ok_or(SumError::Overflow)?,
        paid: left
            .paid
            .checked_add(right.paid)
            .ok_or(SumError::Overflow)?,
        due: left.due.checked_add(right.due).ok_or(SumError::Overflow)?,
    })
}

/// What the manifest publishes for an asset: `H(0x02 || tag || set_id || asset || height || enc(root))`.
pub fn asset_commit(tree: &TreeId, height: u8, root: &Node) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update([0x02]);
    hash.update(b"keepwhole/redress-root/v1\0");
    hash.update(tree.set_id);
    hash.update(tree.asset.to_be_bytes());
    hash.update([height]);
    hash.update(root.encode());
    hash.finalize().into()
}

/// `max(8, ceil(log2(leaves)))`.
pub fn height_for(leaves: u64) -> u8 {
    let bits = leaves
        .checked_sub(1)
        .map_or(0, |last| u64::BITS.saturating_sub(last.leading_zeros()));
    u8::try_from(bits).unwrap_or(u8::MAX).max(MIN_HEIGHT)
}

/// The root above `leaf` at `index`, given its path (leaf's sibling first).
///
/// # Errors
/// A path that hasn't exactly `height` nodes, an index with a bit at or above `height`, or a sum out of range.
pub fn fold(leaf: &Node, index: u64, path: &[Node], height: u8) -> Result<Node, SumError> {
    if path.len() != usize::from(height) {
        return Err(SumError::PathLength {
            found: path.len(),
            height,
        });
    }
    if index.checked_shr(u32::from(height)).unwrap_or(0) != 0 {
        return Err(SumError::Index { index, height });
    }
    let mut node = *leaf;
    for (below, sibling) in (0u8..height).zip(path) {
        let level = below.saturating_add(1);
        let right = (index >> below) & 1 == 1;
        node = if right {
            parent(level, sibling, &node)?
        } else {
            parent(level, &node, sibling)?
        };
    }
    Ok(node)
}

/// A whole tree, every level kept, so that paths cost nothing to read off.
#[derive(Debug, Clone)]
pub struct SumTree {
    levels: Vec<Vec<Node>>,
    empty: Vec<Node>,
    root: Node,
}

impl SumTree {
    /// Builds the tree of `leaves` at `height`; missing leaves on the right are [`empty_leaf`].
    ///
    /// # Errors
    /// A height that doesn't hold the leaves or is above [`MAX_HEIGHT`], or a sum out of range.
    pub fn build(tree: &TreeId, leaves: Vec<Node>, height: u8) -> Result<Self, SumError> {
        let last = u64::try_from(leaves.len())
            .unwrap_or(u64::MAX)
            .saturating_sub(1);
        if height > MAX_HEIGHT || last.checked_shr(u32::from(height)).unwrap_or(0) != 0 {
            return Err(SumError::Height { height });
        }
        let mut pad = empty_leaf(tree);
        let mut empty = Vec::with_capacity(usize::from(height));
        let mut levels: Vec<Vec<Node>> = Vec::with_capacity(usize::from(height));
        let mut current = leaves;
        for level in 1..=height {
            let above = current
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => parent(level, left, right),
                    [left] => parent(level, left, &pad),
                    _ => Err(SumError::Height { height }),
                })
                .collect::<Result<Vec<Node>, SumError>>()?;
            levels.push(current);
            empty.push(pad);
            pad = parent(level, &pad, &pad)?;
            current = above;
        }
        let root = current.first().copied().unwrap_or(pad);
        Ok(Self {
            levels,
            empty,
            root,
        })
    }

    /// The root.
    pub fn root(&self) -> Node {
        self.root
    }

    /// Number of levels above the leaves.
    pub fn height(&self) -> u8 {
        u8::try_from(self.empty.len()).unwrap_or(u8::MAX)
    }

    /// The path of leaf `index`, its sibling first; `None` where the tree has no such leaf, padding included.
    pub fn path(&self, index: u64) -> Option<Vec<Node>> {
        if index.checked_shr(u32::from(self.height())).unwrap_or(0) != 0 {
            return None;
        }
        let mut at = usize::try_from(index).ok()?;
        let mut path = Vec::with_capacity(self.levels.len());
        for (level, pad) in self.levels.iter().zip(&self.empty) {
            path.push(level.get(at ^ 1).copied().unwrap_or(*pad));
            at >>= 1;
        }
        Some(path)
    }
}
