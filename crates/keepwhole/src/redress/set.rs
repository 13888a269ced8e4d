//! A whole redress set: built once, then asked for its manifest, its entry, packages and the auditor's table.

use std::collections::{BTreeMap, BTreeSet};

use keepwhole_verify::manifest::{Manifest, entry_payload};
use keepwhole_verify::package::{OpenedLeaf, Package};
use keepwhole_verify::statement::{self, Statement, normalise_contact};
use keepwhole_verify::sum_tree::TreeId;
use keepwhole_verify::table::{Row as TableRow, payment_line, snapshot_line};
use sha2::{Digest, Sha256};

use super::draw::{BuildKeys, draw_key, keyed, leaf_salt};
use super::rows::{AssetRows, Entropy, Header, RedressError, Row, SnapshotRow};
use super::tree::{BuiltAsset, Customer, Line, Placed, build_asset};

/// A built set. It holds customers' salts: keep it in the vault, hand out manifest and packages only.
pub struct RedressSet {
    manifest: Manifest,
    manifest_text: String,
    shares: u8,
    /// Ascending by account.
    customers: Vec<Customer>,
    assets: Vec<BuiltAsset>,
    payments: String,
    snapshot: String,
}

/// Rows of one account over all assets: `(asset position, row)`.
type Rows<'a> = BTreeMap<&'a str, Vec<(usize, &'a Row)>>;

/// Builds a set: salts, cuts, order, one tree per asset (in parallel), statements and manifest.
///
/// # Errors
/// Rows that contradict each other or the snapshot, and anything a verifier would refuse.
pub fn build(
    header: &Header,
    assets: &[AssetRows],
    snapshot: &[SnapshotRow],
    entropy: &mut dyn Entropy,
) -> Result<RedressSet, RedressError> {
    if !(1..=16).contains(&header.shares) {
        return Err(RedressError::Shares(header.shares));
    }
    let rows = rows_by_account(assets)?;
    check_snapshot(assets, &rows, snapshot)?;
    let mut set_id = [0u8; 16];
    entropy.fill(&mut set_id);
    let keys = BuildKeys::draw(entropy);
    let (customers, payments) = customers(header, assets, &rows, set_id, entropy)?;
    let mut lines: Vec<Vec<Line>> = assets.iter().map(|_| Vec::new()).collect();
    for (customer, (_, rows)) in rows.iter().enumerate() {
        for (asset, row) in rows {
            if let Some(lines) = lines.get_mut(*asset) {
                lines.push(Line {
                    customer,
                    paid: row.paid,
                    due: row.due,
                });
            }
        }
    }
    let built = build_trees(set_id, assets, lines, &customers, &keys, header.shares)?;
    let snapshot = snapshot_text(snapshot);
    let previous = header.previous.as_deref().map(Manifest::read).transpose()?;
    let manifest = Manifest {
        set_id,
        incident: header.incident.clone(),
        epoch: previous
            .as_ref()
            .map_or(1, |previous| previous.epoch.saturating_add(1)),
        as_of: header.as_of.clone(),
        prev: header
            .previous
            .as_ref()
            .map(|text| Sha256::digest(text.as_bytes()).into()),
        kind: header.kind,
        assets: built.iter().map(|built| built.asset.clone()).collect(),
        snapshot_index: header.snapshot_index,
        snapshot_sha256: Sha256::digest(snapshot.as_bytes()).into(),
        rules: header.rules,
    };
    manifest.check()?;
    if let (Some(previous), Some(text)) = (&previous, &header.previous) {
        manifest.check_follows(previous, text, &[])?;
    }
    let manifest_text = manifest.to_text();
    Ok(RedressSet {
        manifest,
        manifest_text,
        shares: header.shares,
        customers,
        assets: built,
        payments,
        snapshot,
    })
}

fn rows_by_account(assets: &[AssetRows]) -> Result<Rows<'_>, RedressError> {
    let mut rows: Rows<'_> = BTreeMap::new();
    for (position, asset) in assets.iter().enumerate() {
        for row in &asset.rows {
            let mine = rows.entry(row.account_id.as_str()).or_default();
            if mine.last().is_some_and(|(last, _)| *last == position) {
                return Err(RedressError::TwoRows {
                    account: row.account_id.clone(),
                    asset: asset.asset.clone(),
                });
            }
            let paid = row
                .payments
                .iter()
                .try_fold(0u128, |sum, payment| sum.checked_add(payment.amount));
            if paid != Some(row.paid) {
                let (account, asset) = (row.account_id.clone(), asset.asset.clone());
                return Err(RedressError::Payments {
                    account,
                    asset,
                    paid: row.paid,
                });
            }
            mine.push((position, row));
        }
    }
    Ok(rows)
}

fn check_snapshot(
    assets: &[AssetRows],
    rows: &Rows<'_>,
    snapshot: &[SnapshotRow],
) -> Result<(), RedressError> {
    for held in snapshot.iter().filter(|held| held.amount > 0) {
        let here = rows.get(held.account_id.as_str()).is_some_and(|rows| {
            rows.iter().any(|(position, _)| {
                assets
                    .get(*position)
                    .is_some_and(|asset| asset.asset == held.asset)
            })
        });
        if !here {
            return Err(RedressError::LeftOut {
                account: held.account_id.clone(),
                asset: held.asset.clone(),
            });
        }
    }
    Ok(())
}

/// Customers in order of their accounts, each with a fresh salt, and the text of `payments.jsonl`.
fn customers(
    header: &Header,
    assets: &[AssetRows],
    rows: &Rows<'_>,
    set_id: [u8; 16],
    entropy: &mut dyn Entropy,
) -> Result<(Vec<Customer>, String), RedressError> {
    let mut contacts: BTreeMap<String, &str> = BTreeMap::new();
    let mut customers = Vec::with_capacity(rows.len());
    let mut payments = String::new();
    for (account, rows) in rows {
        let contact = one_contact(account, rows)?;
        if let Some(first) = contacts.insert(contact.clone(), account) {
            let (first, second) = (first.to_owned(), (*account).to_owned());
            return Err(RedressError::SharedContact {
                contact,
                first,
                second,
            });
        }
        let mut lines: Vec<statement::Line> = rows
            .iter()
            .filter_map(|(position, row)| {
                assets
                    .get(*position)
                    .map(|asset| statement_line(asset, row))
            })
            .collect();
        lines.sort_by_key(|line| line.ix);
        for line in &lines {
            for payment in &line.payments {
                payments.push_str(&payment_line(
                    account,
                    &line.asset,
                    payment.amount,
                    &payment.reference,
                ));
                payments.push('\n');
            }
        }
        let statement = Statement {
            account_id: (*account).to_owned(),
            contact,
            contact_before: None,
            incident: header.incident.clone(),
            set_id,
            assets: lines,
        };
        let text = statement.to_text();
        Statement::read(&text)?;
        customers.push(Customer {
            account_id: statement.account_id,
            contact: statement.contact,
            salt: draw_key(entropy),
            detail: Sha256::digest(text.as_bytes()).into(),
            statement: text,
        });
    }
    Ok((customers, payments))
}

fn one_contact(account: &str, rows: &[(usize, &Row)]) -> Result<String, RedressError> {
    let contacts: BTreeSet<String> = rows
        .iter()
        .map(|(_, row)| normalise_contact(&row.contact))
        .collect();
    let mut contacts = contacts.into_iter();
    match (contacts.next(), contacts.next()) {
        (Some(first), Some(second)) => Err(RedressError::TwoContacts {
            account: account.to_owned(),
            first,
            second,
        }),
        (first, _) => Ok(first.unwrap_or_default()),
    }
}

fn statement_line(asset: &AssetRows, row: &Row) -> statement::Line {
    statement::Line {
        ix: asset.ix,
        asset: asset.asset.clone(),
        paid: row.paid,
        due: row.due,
        payments: row.payments.clone(),
        price_source: None,
        valuation: None,
    }
}

fn build_trees(
    set_id: [u8; 16],
    assets: &[AssetRows],
    lines: Vec<Vec<Line>>,
    customers: &[Customer],
    keys: &BuildKeys,
    shares: u8,
) -> Result<Vec<BuiltAsset>, RedressError> {
    std::thread::scope(|scope| {
        let workers: Vec<_> = assets
            .iter()
            .zip(lines)
            .map(|(asset, lines)| {
                let tree = TreeId {
                    set_id,
                    asset: asset.ix,
                };
                (
                    asset,
                    scope.spawn(move || build_asset(tree, asset, lines, customers, keys, shares)),
                )
            })
            .collect();
        workers
            .into_iter()
            .map(|(asset, worker)| {
                let built = worker
                    .join()
                    .map_err(|_| RedressError::Worker(asset.asset.clone()))?;
                built.map_err(|cause| RedressError::Tree {
                    asset: asset.asset.clone(),
                    cause,
                })
            })
            .collect()
    })
}

/// `snapshot.jsonl`, by asset, then account.
fn snapshot_text(rows: &[SnapshotRow]) -> String {
    let mut sorted: Vec<&SnapshotRow> = rows.iter().collect();
    sorted.sort_by(|a, b| (&a.asset, &a.account_id).cmp(&(&b.asset, &b.account_id)));
    sorted
        .iter()
        .map(|row| snapshot_line(&row.account_id, &row.asset, row.amount) + "\n")
        .collect()
}

impl RedressSet {
    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The manifest's exact text: what is published and hashed.
    pub fn manifest_text(&self) -> &str {
        &self.manifest_text
    }

    /// Payload of the journal entry that commits this set: event tag 200.
    pub fn entry_payload(&self) -> Vec<u8> {
        entry_payload(
            &self.manifest.set_id,
            self.manifest.epoch,
            &self.manifest_text,
        )
    }

    /// Accounts of the set, ascending.
    pub fn accounts(&self) -> impl Iterator<Item = &str> {
        self.customers
            .iter()
            .map(|customer| customer.account_id.as_str())
    }

    /// One customer's package: `entry` is the whole journal entry, `tlog_proof` its C2SP proof.
    ///
    /// # Errors
    /// [`RedressError::UnknownAccount`].
    pub fn package(
        &self,
        account_id: &str,
        entry: &[u8],
        tlog_proof: &str,
    ) -> Result<String, RedressError> {
        let unknown = || RedressError::UnknownAccount(account_id.to_owned());
        let found = self
            .customers
            .binary_search_by(|customer| customer.account_id.as_str().cmp(account_id));
        let number = found.map_err(|_| unknown())?;
        let customer = self.customers.get(number).ok_or_else(unknown)?;
        let mut leaves = Vec::new();
        for built in &self.assets {
            let line = built
                .lines
                .binary_search_by_key(&number, |line| line.customer);
            let Some(positions) = line.ok().and_then(|line| built.positions.get(line)) else {
                continue;
            };
            leaves.extend(
                positions
                    .iter()
                    .filter_map(|index| self.opened_leaf(built, customer, *index)),
            );
        }
        let package = Package {
            manifest: self.manifest_text.clone(),
            statement: customer.statement.clone(),
            tlog_proof: tlog_proof.to_owned(),
            entry: Some(entry.to_vec()),
            leaves,
        };
        Ok(package.to_text())
    }

    fn opened_leaf(
        &self,
        built: &BuiltAsset,
        customer: &Customer,
        index: u64,
    ) -> Option<OpenedLeaf> {
        let placed = built.placed.get(usize::try_from(index).ok()?)?;
        Some(OpenedLeaf {
            ix: built.asset.ix,
            share: placed.share,
            shares: self.shares,
            count: u8::from(placed.share == 0),
            paid: placed.paid,
            due: placed.due,
            index,
            salt: self.salt(built, customer, placed),
            path: built.tree.path(index)?,
        })
    }

    fn salt(&self, built: &BuiltAsset, customer: &Customer, placed: &Placed) -> [u8; 32] {
        leaf_salt(
            &keyed(&customer.salt),
            &self.manifest.set_id,
            built.asset.ix,
            placed.share,
        )
    }

    /// The auditor's four files by name: personal data, for confidential bundles only.
    pub fn table_files(&self) -> BTreeMap<String, Vec<u8>> {
        let statements: String = self
            .customers
            .iter()
            .map(|customer| format!("{}\n", customer.statement))
            .collect();
        [
            ("payments.jsonl", self.payments.clone()),
            ("snapshot.jsonl", self.snapshot.clone()),
            ("statements.jsonl", statements),
            ("table.jsonl", self.table()),
        ]
        .into_iter()
        .map(|(name, text)| (name.to_owned(), text.into_bytes()))
        .collect()
    }

    fn table(&self) -> String {
        let mut table = String::new();
        for built in &self.assets {
            for (index, placed) in (0u64..).zip(&built.placed) {
                let customer = built
                    .lines
                    .get(placed.line)
                    .and_then(|line| self.customers.get(line.customer));
                let Some(customer) = customer else { continue };
                let row = TableRow {
                    ix: built.asset.ix,
                    index,
                    account_id: customer.account_id.clone(),
                    contact: customer.contact.clone(),
                    detail: customer.detail,
                    salt: self.salt(built, customer, placed),
                    share: placed.share,
                    shares: self.shares,
                    count: u8::from(placed.share == 0),
                    paid: placed.paid,
                    due: placed.due,
                };
                table.push_str(&row.to_line());
                table.push('\n');
            }
        }
        table
    }
}
