//! Salts, leaf order and cuts of a set, all derived from a few random keys, so that assets can be built in parallel.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::rows::Entropy;

/// Keys that exist only while a set is built: they are dropped with it, so positions can't be linked between sets.
pub(super) struct BuildKeys {
    order: Hmac<Sha256>,
    cut: Hmac<Sha256>,
}

impl BuildKeys {
    pub(super) fn draw(entropy: &mut dyn Entropy) -> Self {
        Self {
            order: keyed(&draw_key(entropy)),
            cut: keyed(&draw_key(entropy)),
        }
    }

    /// Where a leaf stands among the leaves of its asset: ascending by this value.
    pub(super) fn position(
        &self,
        set_id: &[u8; 16],
        asset: u16,
        account: &str,
        share: u8,
    ) -> [u8; 32] {
        let mut mac = self.order.clone();
        mac.update(set_id);
        mac.update(&asset.to_be_bytes());
        mac.update(
            &u16::try_from(account.len())
                .unwrap_or(u16::MAX)
                .to_be_bytes(),
        );
        mac.update(account.as_bytes());
        mac.update(&[share]);
        mac.finalize().into_bytes().into()
    }

    /// Cuts `amount` at random points into `shares` parts, zero parts allowed.
    pub(super) fn cut(
        &self,
        label: &str,
        asset: u16,
        account: &str,
        amount: u128,
        shares: u8,
    ) -> Vec<u128> {
        let mut points: Vec<u128> = Vec::with_capacity(usize::from(shares));
        if amount > 0 {
            for pair in 0..shares / 2 {
                let mut mac = self.cut.clone();
                mac.update(label.as_bytes());
                mac.update(&[pair]);
                mac.update(&asset.to_be_bytes());
                mac.update(account.as_bytes());
                let bytes: [u8; 32] = mac.finalize().into_bytes().into();
                let (first, second) = bytes.split_at(16);
                points.extend(
                    [first, second]
                        .into_iter()
                        .filter_map(|half| below(half, amount)),
                );
            }
        }
        points.resize(usize::from(shares.saturating_sub(1)), 0);
        points.push(amount);
        points.sort_unstable();
        let mut last = 0;
        points
            .into_iter()
            .map(|point| {
                let part = point.saturating_sub(last);
                last = point;
                part
            })
            .collect()
    }
}

/// A number from 0 to `amount`, from 16 random bytes.
fn below(half: &[u8], amount: u128) -> Option<u128> {
    let drawn = u128::from_be_bytes(half.try_into().ok()?);
    Some(
        amount
            .checked_add(1)
            .map_or(drawn, |range| drawn.checked_rem(range).unwrap_or(0)),
    )
}

/// Salt of one leaf: `HMAC(customer_salt, set_id || u16 asset || u8 share)`.
pub(super) fn leaf_salt(
    customer: &Hmac<Sha256>,
    set_id: &[u8; 16],
    asset: u16,
    share: u8,
) -> [u8; 32] {
    let mut mac = customer.clone();
    mac.update(set_id);
    mac.update(&asset.to_be_bytes());
    mac.update(&[share]);
    mac.finalize().into_bytes().into()
}

/// HMAC-SHA256 with a 32-byte key.
pub(super) fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = [0u8; 64];
    for (place, byte) in block.iter_mut().zip(key) {
        *place = *byte;
    }
    Hmac::new(&block.into())
}

/// 32 random bytes.
pub(super) fn draw_key(entropy: &mut dyn Entropy) -> [u8; 32] {
    let mut key = [0u8; 32];
    entropy.fill(&mut key);
    key
}
