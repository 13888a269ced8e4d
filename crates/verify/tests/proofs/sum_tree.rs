//! The sum tree: its published vector, and that no other leaf, path or split is accepted.

use keepwhole_verify::json::to_hex;
use keepwhole_verify::sum_tree::{
    Leaf, Node, SumError, SumTree, TreeId, asset_commit, empty_leaf, fold, height_for, holder_hash,
    parent,
};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

const SET: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

fn vector_tree() -> TreeId {
    TreeId {
        set_id: SET,
        asset: 0,
    }
}

fn vector_leaves() -> Vec<Node> {
    let holders = [
        ("A-1", "ana@example.org", 150_000_000, 0),
        ("A-2", "bo@example.org", 5, 0),
        ("A-3", "cy@example.org", 70_000, 30_000),
    ];
    holders
        .iter()
        .map(|(account, contact, paid, due)| {
            leaf(account, contact, *paid, *due).node(&vector_tree())
        })
        .collect()
}

fn leaf(account: &str, contact: &str, paid: u128, due: u128) -> Leaf {
    let salt = Sha256::digest(format!("salt{account}")).into();
    let detail = Sha256::digest(format!("detail{account}")).into();
    let holder = holder_hash(&salt, account, contact, &detail).expect("short texts");
    Leaf {
        share: 0,
        shares: 1,
        count: 1,
        paid,
        due,
        holder,
    }
}

#[test]
fn published_vector() {
    let tree = vector_tree();
    let first = leaf("A-1", "ana@example.org", 150_000_000, 0);
    assert_eq!(
        to_hex(&first.holder),
        "3a848985977430a98f2a5bcd2b4570c66f9bfeaba470bab03fa7ffa6b4074694"
    );
    let leaves = vector_leaves();
    let hashes: Vec<String> = leaves
        .iter()
        .chain([&empty_leaf(&tree)])
        .map(|node| to_hex(&node.hash))
        .collect();
    assert_eq!(
        hashes,
        [
            "e12c93aeed82bd3638523bfa77885acc8f0c3ff3633ac56f1966c1b3ab3ed6f8",
            "bf6f6e2f34e1d0bfe8f7e3706f6acb3922f4e86f95fb0daeb5594bf33fb5fcd1",
            "80e685076b000177bc8a6c0c3de84bb860ebe5afa17f9794cb54fdd24c33df02",
            "8e447ebd2a971db7bc68ef7fb667af12e7a2fe8dcd161c8a57f3c55d312a5538",
        ]
    );
    let nodes = [
        parent(1, &leaves[0], &leaves[1]),
        parent(1, &leaves[2], &empty_leaf(&tree)),
    ];
    let nodes: Vec<String> = nodes
        .iter()
        .map(|node| to_hex(&node.expect("small sums").hash))
        .collect();
    assert_eq!(
        nodes,
        [
            "975bb7e21ec60f222f0b0853850e58217340a81ef359b7f7df7901d75324622e",
            "d8531fc2bca5096ffa5e40bbf1a8d62a291a8d4651c908b0c3ba3e6d33508ba6",
        ]
    );
    let built = SumTree::build(&tree, leaves, 2).expect("builds");
    let root = built.root();
    assert_eq!(
        to_hex(&root.hash),
        "141baa89be0d18a4717b2dd872c0c44aaef6c5daeb48dd1af018f1854c324541"
    );
    assert_eq!((root.count, root.paid, root.due), (3, 150_070_005, 30_000));
    assert_eq!(
        to_hex(&asset_commit(&tree, 2, &root)),
        "c44f5c48fb1307e08338e532e320facfec319576daa6f9b12870830e7357be76"
    );
}

#[test]
fn every_other_presentation_leads_elsewhere() {
    let tree = vector_tree();
    let leaves = vector_leaves();
    let built = SumTree::build(&tree, leaves.clone(), 2).expect("builds");
    let root = built.root();
    let path = built.path(2).expect("path");
    assert_eq!(fold(&leaves[2], 2, &path, 2), Ok(root));
    assert_ne!(fold(&leaves[2], 3, &path, 2), Ok(root), "swapped children");
    let moved = Node {
        paid: leaves[2].paid + 1,
        due: leaves[2].due - 1,
        ..leaves[2]
    };
    assert_ne!(
        fold(&moved, 2, &path, 2),
        Ok(root),
        "one unit moved from due to paid"
    );
    let rehashed = leaf("A-3", "cy@example.org", 70_001, 29_999).node(&tree);
    assert_ne!(
        fold(&rehashed, 2, &path, 2),
        Ok(root),
        "one unit moved and hashed anew"
    );
    assert_eq!(
        fold(&leaves[2], 2, &path[..1], 2),
        Err(SumError::PathLength {
            found: 1,
            height: 2
        })
    );
    let longer = [path.clone(), vec![empty_leaf(&tree)]].concat();
    assert_eq!(
        fold(&leaves[2], 2, &longer, 2),
        Err(SumError::PathLength {
            found: 3,
            height: 2
        })
    );
    assert_eq!(
        fold(&leaves[2], 6, &path, 2),
        Err(SumError::Index {
            index: 6,
            height: 2
        })
    );
    let node = parent(1, &leaves[2], &empty_leaf(&tree)).expect("small");
    assert_eq!(
        fold(&node, 1, &path[1..], 2),
        Err(SumError::PathLength {
            found: 1,
            height: 2
        }),
        "node as leaf"
    );
    assert_ne!(
        fold(&node, 1, &path[1..], 1),
        Ok(root),
        "levels are counted from the leaf"
    );
    let other_set = TreeId {
        set_id: [9; 16],
        asset: 0,
    };
    let foreign = leaf("A-3", "cy@example.org", 70_000, 30_000).node(&other_set);
    assert_ne!(fold(&foreign, 2, &path, 2), Ok(root), "other set's leaf");
    let stranger = leaf("A-3", "eve@example.org", 70_000, 30_000).node(&tree);
    assert_ne!(
        fold(&stranger, 2, &path, 2),
        Ok(root),
        "contact of another person"
    );
}

#[test]
fn sums_never_wrap() {
    let full = Node {
        hash: [0; 32],
        count: 1,
        paid: u128::MAX,
        due: 0,
    };
    let one = Node {
        hash: [0; 32],
        count: 0,
        paid: 1,
        due: 0,
    };
    assert_eq!(parent(1, &full, &one), Err(SumError::Overflow));
    assert_eq!(fold(&full, 0, &[one], 1), Err(SumError::Overflow));
    let many = Node {
        count: u64::MAX,
        paid: 0,
        ..full
    };
    assert_eq!(
        parent(
            1,
            &many,
            &Node {
                paid: 0,
                count: 1,
                ..one
            }
        ),
        Err(SumError::Overflow)
    );
    let tree = vector_tree();
    assert_eq!(
        SumTree::build(&tree, vec![full, one], 8).err(),
        Some(SumError::Overflow)
    );
}

#[test]
fn heights() {
    for (leaves, height) in [
        (0, 8),
        (1, 8),
        (256, 8),
        (257, 9),
        (512, 9),
        (513, 10),
        (1 << 20, 20),
        ((1 << 20) + 1, 21),
    ] {
        assert_eq!(height_for(leaves), height, "{leaves}");
    }
    let tree = vector_tree();
    assert_eq!(
        SumTree::build(&tree, vector_leaves(), 1).err(),
        Some(SumError::Height { height: 1 })
    );
    assert_eq!(
        SumTree::build(&tree, vector_leaves(), 64).err(),
        Some(SumError::Height { height: 64 })
    );
}

/// The definition, written a second time: recursive, padded to the full width.
fn plain_root(tree: &TreeId, leaves: &[Node], height: u8, offset: usize) -> Node {
    if height == 0 {
        return leaves
            .get(offset)
            .copied()
            .unwrap_or_else(|| empty_leaf(tree));
    }
    let half = 1 << (height - 1);
    let left = plain_root(tree, leaves, height - 1, offset);
    let right = plain_root(tree, leaves, height - 1, offset + half);
    parent(height, &left, &right).expect("small sums")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_leaf_folds_to_the_root_and_no_changed_one_does(
        lines in prop::collection::vec((0u128..1 << 60, 0u128..1 << 60), 1..40),
        height in 6u8..10,
        pick in any::<prop::sample::Index>(),
        flip in 0usize..72,
        bit in 0u8..8,
    ) {
        let tree = TreeId { set_id: SET, asset: 7 };
        let leaves: Vec<Node> = lines.iter().enumerate()
            .map(|(n, (paid, due))| leaf(&format!("A-{n}"), "x", *paid, *due).node(&tree))
            .collect();
        let built = SumTree::build(&tree, leaves.clone(), height).expect("builds");
        let root = built.root();
        prop_assert_eq!(root, plain_root(&tree, &leaves, height, 0));
        prop_assert_eq!(root.count, u64::try_from(lines.len()).expect("small"));
        prop_assert_eq!(root.paid, lines.iter().map(|(paid, _)| paid).sum::<u128>());
        prop_assert_eq!(root.due, lines.iter().map(|(_, due)| due).sum::<u128>());
        let at = pick.index(leaves.len());
        let index = u64::try_from(at).expect("small");
        let mut path = built.path(index).expect("path");
        prop_assert_eq!(fold(&leaves[at], index, &path, height), Ok(root));
        for other in 0..u64::try_from(lines.len()).expect("small") {
            if other != index {
                prop_assert_ne!(fold(&leaves[at], other, &path, height), Ok(root));
            }
        }
        let mut bytes = path[usize::from(height) / 2].encode();
        bytes[flip] ^= 1 << bit;
        path[usize::from(height) / 2] = Node::decode(&bytes);
        prop_assert_ne!(fold(&leaves[at], index, &path, height), Ok(root));
    }

    #[test]
    fn nodes_decode_as_encoded(hash in any::<[u8; 32]>(), count in any::<u64>(), paid in any::<u128>(), due in any::<u128>()) {
        let node = Node { hash, count, paid, due };
        prop_assert_eq!(Node::decode(&node.encode()), node);
    }
}
