//! SHA-256 of many short messages at once, in two interleaved lanes where the machine can, else one by one.
//!
//! One message after the other leaves most of a core idle: each step of SHA-256 waits for the one before. Two messages
//! side by side fill these waits. On x86-64 with the SHA extensions this crate does so; everywhere else, and where the
//! extensions are missing, the [`portable`] twin answers, one message at a time. Both give the same bytes (FIPS 180-4).
//!
//! The two shapes of message are those of RFC 6962, section 2.1: `0x00 || record` for a leaf and `0x01 || left || right`
//! for an inner node. This is the only crate of the project that may contain `unsafe`.

pub mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

/// How this machine hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Two lanes with the SHA extensions of x86-64.
    TwoLanes,
    /// One message at a time, by the `sha2` crate.
    Portable,
}

/// Which way is taken here: decided by what the processor says of itself, at run time.
#[must_use]
pub fn way() -> Way {
    #[cfg(target_arch = "x86_64")]
    if x86::usable() {
        return Way::TwoLanes;
    }
    Way::Portable
}

/// Appends the leaf hash `SHA-256(0x00 || record)` of each record to `out`, in the order of the records.
///
/// Records may have any length; a lane that ends its record takes the next one, so unequal lengths cost nothing but
/// the last record's rest.
pub fn leaf_hashes<'a, D>(records: impl IntoIterator<Item = &'a [u8]>, out: &mut Vec<D>)
where
    D: From<[u8; 32]>,
{
    #[cfg(target_arch = "x86_64")]
    if x86::usable() {
        // SAFETY: `usable` found all features that the function is compiled for on this very processor.
        return unsafe { x86::leaf_hashes(records.into_iter(), out) };
    }
    portable::leaf_hashes(records, out);
}

/// Appends the node hash `SHA-256(0x01 || left || right)` of each two neighbours of `children` to `out`, in order.
///
/// A last child without a sibling is left alone: it is not hashed.
pub fn node_hashes<D>(children: &[D], out: &mut Vec<D>)
where
    D: From<[u8; 32]> + AsRef<[u8; 32]>,
{
    #[cfg(target_arch = "x86_64")]
    if x86::usable() {
        // SAFETY: `usable` found all features that the function is compiled for on this very processor.
        return unsafe { x86::node_hashes(children, out) };
    }
    portable::node_hashes(children, out);
}
