//! One asset of a set: its lines cut, salted, put in random order and summed into a tree.

use keepwhole_verify::manifest::Asset;
use keepwhole_verify::sum_tree::{
    Leaf, Node, SumError, SumTree, TreeId, asset_commit, height_for, holder_hash,
};

use super::draw::{BuildKeys, keyed, leaf_salt};
use super::rows::AssetRows;

/// One customer's secrets and fixed texts.
pub(super) struct Customer {
    pub(super) account_id: String,
    pub(super) contact: String,
    pub(super) salt: [u8; 32],
    pub(super) statement: String,
    pub(super) detail: [u8; 32],
}

/// A line of an asset: whose, and how much.
pub(super) struct Line {
    pub(super) customer: usize,
    pub(super) paid: u128,
    pub(super) due: u128,
}

/// A leaf at its place.
#[derive(Clone, Copy)]
pub(super) struct Placed {
    pub(super) line: usize,
    pub(super) share: u8,
    pub(super) paid: u128,
    pub(super) due: u128,
}

/// An asset, built.
pub(super) struct BuiltAsset {
    pub(super) asset: Asset,
    pub(super) tree: SumTree,
    pub(super) lines: Vec<Line>,
    /// Leaves in the order of the tree.
    pub(super) placed: Vec<Placed>,
    /// For each line, the indexes of its shares, in their order.
    pub(super) positions: Vec<Vec<u64>>,
}

/// Builds one asset's tree.
pub(super) fn build_asset(
    tree: TreeId,
    rows: &AssetRows,
    lines: Vec<Line>,
    customers: &[Customer],
    keys: &BuildKeys,
    shares: u8,
) -> Result<BuiltAsset, SumError> {
    let mut ordered = cut_leaves(&tree, &lines, customers, keys, shares)?;
    ordered.sort_unstable_by_key(|(key, placed, _)| (*key, placed.line, placed.share));
    let count = u64::try_from(ordered.len()).unwrap_or(u64::MAX);
    let mut positions: Vec<Vec<u64>> = lines.iter().map(|_| vec![0; usize::from(shares)]).collect();
    for (index, (_, placed, _)) in (0u64..).zip(&ordered) {
        let place = positions
            .get_mut(placed.line)
            .and_then(|line| line.get_mut(usize::from(placed.share)));
        if let Some(place) = place {
            *place = index;
        }
    }
    let height = height_for(count);
    let placed = ordered.iter().map(|(_, placed, _)| *placed).collect();
    let nodes = ordered.into_iter().map(|(_, _, node)| node).collect();
    let built = SumTree::build(&tree, nodes, height)?;
    let root = built.root();
    let asset = Asset {
        ix: rows.ix,
        asset: rows.asset.clone(),
        decimals: rows.decimals,
        height,
        commit: asset_commit(&tree, height, &root),
        root: root.hash,
        count: root.count,
        paid: root.paid,
        due: root.due,
        taken_on_chain: rows.taken_on_chain,
        borne_by_house: rows.borne_by_house,
        recovered: rows.recovered,
    };
    Ok(BuiltAsset {
        asset,
        tree: built,
        lines,
        placed,
        positions,
    })
}

/// Every share of every line: where it is to stand, what it carries, and its node.
fn cut_leaves(
    tree: &TreeId,
    lines: &[Line],
    customers: &[Customer],
    keys: &BuildKeys,
    shares: u8,
) -> Result<Vec<([u8; 32], Placed, Node)>, SumError> {
    let mut ordered = Vec::with_capacity(lines.len().saturating_mul(usize::from(shares)));
    for (number, line) in lines.iter().enumerate() {
        let Some(customer) = customers.get(line.customer) else {
            continue;
        };
        let paid = keys.cut("paid", tree.asset, &customer.account_id, line.paid, shares);
        let due = keys.cut("due", tree.asset, &customer.account_id, line.due, shares);
        let salts = keyed(&customer.salt);
        for (share, (paid, due)) in (0..shares).zip(paid.into_iter().zip(due)) {
            let salt = leaf_salt(&salts, &tree.set_id, tree.asset, share);
            let holder = holder_hash(
                &salt,
                &customer.account_id,
                &customer.contact,
                &customer.detail,
            )?;
            let leaf = Leaf {
                share,
                shares,
                count: u8::from(share == 0),
                paid,
                due,
                holder,
            };
            let key = keys.position(&tree.set_id, tree.asset, &customer.account_id, share);
            ordered.push((
                key,
                Placed {
                    line: number,
                    share,
                    paid,
                    due,
                },
                leaf.node(tree),
            ));
        }
    }
    Ok(ordered)
}
