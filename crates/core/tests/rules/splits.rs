//! Amounts and splits: exact against big integers, nothing lost, nothing made.

use keepwhole_core::amount::{Amount, AmountError, parse_units};
use keepwhole_core::registry::AssetIx;
use keepwhole_core::split::{SplitError, mul_div, split, spread};
use num_bigint::BigUint;
use proptest::prelude::*;

/// Numbers of every size, the edges among them more often than chance would have it.
fn any_size() -> impl Strategy<Value = u128> {
    prop_oneof![
        any::<u128>(),
        (any::<u128>(), 0u32..128).prop_map(|(n, shift)| n >> shift),
        (0u32..128, 0u128..3).prop_map(|(bit, less)| (1u128 << bit).wrapping_sub(less)),
        Just(u128::MAX),
        Just(0),
        Just(1),
    ]
}

fn oracle(a: u128, b: u128, c: u128) -> Option<(u128, u128)> {
    if c == 0 {
        return None;
    }
    let (product, c) = (BigUint::from(a) * BigUint::from(b), BigUint::from(c));
    let (quotient, remainder) = (&product / &c, &product % &c);
    Some((
        u128::try_from(quotient).ok()?,
        u128::try_from(remainder).unwrap(),
    ))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_product_is_divided_as_big_integers_say(a in any_size(), b in any_size(), c in any_size()) {
        prop_assert_eq!(mul_div(a, b, c), oracle(a, b, c));
    }

    /// The two quotient digits of the long division are estimated too high most often near these.
    #[test]
    fn a_product_just_below_a_multiple_is_divided_exactly(
        c in any_size().prop_filter("a divisor", |c| *c > 1),
        a in any_size(),
        less in 0u128..3,
    ) {
        let b = c.saturating_sub(less);
        prop_assert_eq!(mul_div(a, b, c), oracle(a, b, c));
        prop_assert_eq!(mul_div(b, b, c), oracle(b, b, c));
    }
}

#[test]
fn edges_of_the_division() {
    let max = u128::MAX;
    let half = 1u128 << 64;
    for (a, b, c) in [
        (max, max, max),
        (max, max, max - 1),
        (max, max - 1, max),
        (max, half, half),
        (max, half, half + 1),
        (half - 1, half + 1, half),
        (max, 2, max - 1),
        (1 << 127, 1 << 127, (1 << 127) + 1),
        (max - 1, (1 << 127) + 1, 1 << 127),
        (max, 3, 4),
        (max, max, 1),
        (1, 1, 0),
    ] {
        assert_eq!(mul_div(a, b, c), oracle(a, b, c), "{a} x {b} / {c}");
    }
}

/// Up to a dozen weights whose sum fits 128 bits, with names in any order.
fn weights() -> impl Strategy<Value = Vec<u128>> {
    let small = prop::collection::vec(0u128..20, 1..12);
    let large = prop::collection::vec(any_size().prop_map(|w| w >> 4), 1..12);
    prop_oneof![small, large]
}

fn names(count: usize, seed: u64) -> Vec<String> {
    let mixed = |at: usize| {
        (at as u64)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .wrapping_add(seed)
    };
    (0..count)
        .map(|at| format!("{:016x}-{at}", mixed(at).wrapping_mul(mixed(at))))
        .collect()
}

/// The rule again, in big integers and in one sort: floors, then one unit each by largest remainder and smaller name.
fn split_by_the_book(total: u128, weights: &[u128], names: &[String]) -> Vec<u128> {
    let whole: BigUint = weights.iter().map(|w| BigUint::from(*w)).sum();
    let product = |at: usize| BigUint::from(total) * BigUint::from(weights[at]);
    let mut parts: Vec<u128> = (0..weights.len())
        .map(|at| u128::try_from(product(at) / &whole).unwrap())
        .collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|a, b| {
        (product(*b) % &whole)
            .cmp(&(product(*a) % &whole))
            .then_with(|| names[*a].cmp(&names[*b]))
    });
    let left = total - parts.iter().sum::<u128>();
    for at in order.into_iter().take(usize::try_from(left).unwrap()) {
        parts[at] += 1;
    }
    parts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_split_is_the_rule_and_nothing_is_lost(total in any_size(), weights in weights(), seed in any::<u64>()) {
        prop_assume!(weights.iter().any(|w| *w > 0));
        let names = names(weights.len(), seed);
        let parts = split(total, &weights, &names).unwrap();
        prop_assert_eq!(parts.iter().sum::<u128>(), total);
        prop_assert_eq!(&parts, &split_by_the_book(total, &weights, &names));
        let whole: u128 = weights.iter().sum();
        for (part, weight) in parts.iter().zip(&weights) {
            let (floor, rest) = mul_div(total, *weight, whole).unwrap();
            prop_assert!(*part == floor || (rest > 0 && *part == floor + 1), "at most one unit from the exact share");
        }
    }

    /// Each loss event is split by itself, so the sum of parts never falls; the split of the sum may.
    #[test]
    fn nobodys_share_falls_when_a_loss_grows(
        events in prop::collection::vec(any_size().prop_map(|n| n >> 8), 1..8),
        weights in weights(),
    ) {
        prop_assume!(weights.iter().any(|w| *w > 0));
        let names = names(weights.len(), 1);
        let mut shares = vec![0u128; weights.len()];
        for event in events {
            let before = shares.clone();
            for (share, part) in shares.iter_mut().zip(split(event, &weights, &names).unwrap()) {
                *share += part;
            }
            prop_assert!(before.iter().zip(&shares).all(|(old, new)| old <= new));
        }
    }

    #[test]
    fn the_order_of_holders_changes_nothing(total in any_size(), weights in weights(), turn in 0usize..12) {
        prop_assume!(weights.iter().any(|w| *w > 0));
        let names = names(weights.len(), 7);
        let turn = turn % weights.len();
        let rotate = |list: &[u128]| -> Vec<u128> { [&list[turn..], &list[..turn]].concat() };
        let turned_names = [&names[turn..], &names[..turn]].concat();
        let parts = split(total, &weights, &names).unwrap();
        prop_assert_eq!(rotate(&parts), split(total, &rotate(&weights), &turned_names).unwrap());
    }

    #[test]
    fn amounts_of_two_assets_never_meet(a in any_size(), b in any_size(), left in 0u16..3, right in 0u16..3) {
        let (x, y) = (Amount::new(AssetIx(left), a), Amount::new(AssetIx(right), b));
        if left == right {
            prop_assert_eq!(x.plus(y).ok().map(Amount::units), a.checked_add(b));
            prop_assert_eq!(x.minus(y).ok().map(Amount::units), a.checked_sub(b));
        } else {
            let other = AmountError::OtherAsset { left: AssetIx(left), right: AssetIx(right) };
            prop_assert_eq!(x.plus(y), Err(other));
            prop_assert_eq!(x.minus(y), Err(other));
        }
    }

    #[test]
    fn an_amount_reads_as_it_prints(units in any_size()) {
        prop_assert_eq!(parse_units(&units.to_string()), Some(units));
    }
}

#[test]
fn what_cannot_be_split_is_refused() {
    assert_eq!(split(1, &[0, 0], &["a", "b"]), Err(SplitError::NoWeight));
    assert_eq!(split(0, &[0, 0], &["a", "b"]), Ok(vec![0, 0]));
    assert_eq!(
        split(1, &[u128::MAX, 1], &["a", "b"]),
        Err(SplitError::Overflow)
    );
    assert_eq!(split(1, &[1], &["a", "b"]), Err(SplitError::KeysMissing));
}

#[test]
fn only_plain_digits_are_an_amount() {
    for text in [
        "",
        "+1",
        "-1",
        "01",
        "00",
        " 1",
        "1 ",
        "1_000",
        "1e3",
        "0x1",
        "340282366920938463463374607431768211456",
    ] {
        assert_eq!(parse_units(text), None, "`{text}`");
    }
}

/// Largest remainder with a division a weight and a sorted list, in big integers.
fn by_division(total: u128, weights: &[u128], keys: &[u8]) -> Vec<u128> {
    let whole: u128 = weights.iter().sum();
    let shares = weights
        .iter()
        .map(|weight| oracle(total, *weight, whole).unwrap());
    let (mut parts, left): (Vec<u128>, Vec<u128>) = shares.unzip();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|place| (std::cmp::Reverse(left[*place]), keys[*place]));
    let missing = total - parts.iter().sum::<u128>();
    for place in order.into_iter().take(usize::try_from(missing).unwrap()) {
        parts[place] += 1;
    }
    parts
}

/// Many holders, amounts of every size up to 2^84, and many of them alike so that the cut falls among equals.
fn holders() -> impl Strategy<Value = Vec<u128>> {
    let weight = prop_oneof![
        3 => (0u32..84, any::<u128>()).prop_map(|(bits, n)| n & ((1 << bits) - 1)),
        2 => Just(1u128),
        2 => Just(1u128 << 83),
        1 => 0u128..5,
    ];
    prop::collection::vec(weight, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_reciprocal_gives_what_division_gives(
        weights in holders(),
        part in any::<u128>(),
        order in any::<u8>(),
    ) {
        let whole: u128 = weights.iter().sum();
        prop_assume!(whole > 0);
        // Keys are a permutation, so that ties do not fall in the order of the list.
        let count = u8::try_from(weights.len()).unwrap();
        let mut keys: Vec<u8> = (0..count).collect();
        keys.sort_by_key(|key| key.wrapping_mul(order | 1));
        for total in [part % whole, (part >> 64) % whole, whole - 1, whole, u128::from(order)] {
            let parts = spread(total, &weights, |a, b| keys[a].cmp(&keys[b])).unwrap();
            prop_assert_eq!(parts, by_division(total, &weights, &keys));
        }
    }
}
