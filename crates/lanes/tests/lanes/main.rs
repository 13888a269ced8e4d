//! Both ways give the bytes that FIPS 180-4 and RFC 6962 give, whatever the lengths and the number of messages.

use keepwhole_lanes::{Way, leaf_hashes, node_hashes, portable, way};
use proptest::prelude::{Strategy, any, prop_assert_eq, proptest};

/// A digest with the two conversions that the crate asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hash([u8; 32]);

impl From<[u8; 32]> for Hash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8; 32]> for Hash {
    fn as_ref(&self) -> &[u8; 32] {
        &self.0
    }
}

fn hex(hash: &Hash) -> String {
    hash.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn leaves(records: &[Vec<u8>]) -> Vec<Hash> {
    let mut out = Vec::new();
    leaf_hashes(records.iter().map(Vec::as_slice), &mut out);
    out
}

fn leaves_one_by_one(records: &[Vec<u8>]) -> Vec<Hash> {
    let mut out = Vec::new();
    portable::leaf_hashes(records.iter().map(Vec::as_slice), &mut out);
    out
}

/// The eight entries of certificate-transparency-go's test tree, their leaf hashes, and the root above them.
const ENTRIES: [&[u8]; 8] = [
    &[],
    &[0x00],
    &[0x10],
    &[0x20, 0x21],
    &[0x30, 0x31],
    &[0x40, 0x41, 0x42, 0x43],
    &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
    &[
        0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e,
        0x6f,
    ],
];
const FIRST_LEAF: &str = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
const ABC: &str = "609f6e36d2405585188d5cfd761f407c7cc46a7d3f314c88270469dde315fcd1";
const ZEROS: &str = "a6a7396cd7c74eeee429e48fff971ba80d55f128be8721da0481e7c3aac68193";
const ROOT: &str = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328";

#[test]
fn the_test_tree_of_certificate_transparency_has_its_published_root() {
    let mut level = Vec::new();
    leaf_hashes(ENTRIES, &mut level);
    assert_eq!(hex(&level[0]), FIRST_LEAF);
    while level.len() > 1 {
        let mut above = Vec::new();
        node_hashes::<Hash>(&level, &mut above);
        level = above;
    }
    assert_eq!(hex(&level[0]), ROOT);
}

#[test]
fn hashes_are_those_of_another_program() {
    // `printf '\0abc' | sha256sum`, `head -c 10001 /dev/zero | sha256sum` of the GNU coreutils.
    let mut out: Vec<Hash> = Vec::new();
    let zeros = vec![0; 10_000];
    leaf_hashes([&b"abc"[..], &zeros], &mut out);
    assert_eq!(hex(&out[0]), ABC);
    assert_eq!(hex(&out[1]), ZEROS);
}

#[test]
fn every_length_around_the_blocks_agrees_alone_and_beside_every_other() {
    let lengths = [
        0, 1, 54, 55, 62, 63, 64, 118, 119, 126, 127, 128, 182, 200, 246,
    ];
    let beside = if cfg!(miri) {
        &lengths[..3]
    } else {
        &lengths[..]
    };
    for long in lengths {
        for &short in beside {
            let records = [vec![0xA5; long], vec![0x5A; short], vec![0xFF; long]];
            for count in 0..=records.len() {
                assert_eq!(
                    leaves(&records[..count]),
                    leaves_one_by_one(&records[..count])
                );
            }
        }
    }
}

#[test]
fn what_stands_in_the_output_stays() {
    let mut out = vec![Hash([9; 32])];
    leaf_hashes([&b"x"[..]], &mut out);
    let children = [Hash([1; 32]), Hash([2; 32]), Hash([3; 32])];
    node_hashes(&children, &mut out);
    let mut wanted = vec![Hash([9; 32])];
    portable::leaf_hashes([&b"x"[..]], &mut wanted);
    portable::node_hashes(&children, &mut wanted);
    assert_eq!(out, wanted);
    assert_eq!(out.len(), 3, "the third child has no sibling");
}

#[test]
fn this_machine_says_which_way_it_takes() {
    let way = way();
    println!("hashing here: {way:?}");
    if !cfg!(target_arch = "x86_64") {
        assert_eq!(way, Way::Portable);
    }
}

/// Up to 40 records of up to 600 bytes: now all of one length, now each of its own.
fn records() -> impl Strategy<Value = Vec<Vec<u8>>> {
    (0..41_usize, 0..601_usize, any::<bool>()).prop_flat_map(|(count, longest, equal)| {
        let least = if equal { longest } else { 0 };
        let record = proptest::collection::vec(any::<u8>(), least..=longest);
        proptest::collection::vec(record, count)
    })
}

proptest! {
    #![proptest_config(proptest::test_runner::Config {
        cases: if cfg!(miri) { 2 } else { 256 },
        failure_persistence: None,
        ..proptest::test_runner::Config::default()
    })]

    #[test]
    fn leaves_agree_with_the_portable_twin(records in records()) {
        prop_assert_eq!(leaves(&records), leaves_one_by_one(&records));
    }

    #[test]
    fn nodes_agree_with_the_portable_twin(
        children in proptest::collection::vec(any::<[u8; 32]>().prop_map(Hash), 0..130)
    ) {
        let (mut out, mut wanted) = (Vec::new(), Vec::new());
        node_hashes(&children, &mut out);
        portable::node_hashes(&children, &mut wanted);
        prop_assert_eq!(out, wanted);
    }
}
