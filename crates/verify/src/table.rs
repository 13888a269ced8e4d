//! The auditor's check: the whole table of a redress set, from which every tree is rebuilt.
//!
//! The four files stand in docs/proof-formats.md, "Table". They hold personal data, so only a confidential bundle has
//! them.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use crate::json::{self, Fields, FormatError, MAX_INTEGER, Value};
use crate::manifest::{Kind, Manifest};
use crate::statement::{Statement, entry_index, normalise_contact};
use crate::sum_tree::{Leaf, Node, SumTree, height_for, holder_hash};

/// Texts of the four files.
#[derive(Debug, Clone, Copy)]
pub struct TableFiles<'a> {
    /// `table.jsonl`
    pub table: &'a str,
    /// `statements.jsonl`
    pub statements: &'a str,
    /// `payments.jsonl`
    pub payments: &'a str,
    /// `snapshot.jsonl`
    pub snapshot: &'a str,
}

/// One line of `table.jsonl`: a leaf, opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Number of the asset.
    pub ix: u16,
    /// Position in the tree.
    pub index: u64,
    /// The exchange's number of the customer.
    pub account_id: String,
    /// Normalised contact.
    pub contact: String,
    /// SHA-256 of the statement.
    pub detail: [u8; 32],
    /// Salt of the leaf.
    pub salt: [u8; 32],
    /// Number of this share.
    pub share: u8,
    /// Into how many shares the line is cut.
    pub shares: u8,
    /// 1 in share 0, else 0.
    pub count: u8,
    /// Minor units.
    pub paid: u128,
    /// Minor units.
    pub due: u128,
}

impl Row {
    /// The canonical line, without its newline.
    pub fn to_line(&self) -> String {
        Value::object(vec![
            ("account_id", Value::text(&*self.account_id)),
            ("asset", Value::Integer(u64::from(self.ix))),
            ("contact", Value::text(&*self.contact)),
            ("count", Value::Integer(u64::from(self.count))),
            ("detail", Value::Text(json::to_hex(&self.detail))),
            ("due", Value::amount(self.due)),
            ("index", Value::Integer(self.index)),
            ("paid", Value::amount(self.paid)),
            ("salt", Value::Text(json::to_hex(&self.salt))),
            ("share", Value::Integer(u64::from(self.share))),
            ("shares", Value::Integer(u64::from(self.shares))),
        ])
        .to_canonical()
    }

    fn read(place: &str, line: &str) -> Result<Self, FormatError> {
        let value = json::parse(place, line)?;
        let mut fields = Fields::of(place, &value)?;
        let row = Self {
            ix: fields.short("asset")?,
            index: fields.integer("index", 0, MAX_INTEGER)?,
            account_id: fields.text("account_id")?.to_owned(),
            contact: fields.text("contact")?.to_owned(),
            detail: fields.hex("detail")?,
            salt: fields.hex("salt")?,
            share: fields.small("share", 0, 15)?,
            shares: fields.small("shares", 1, 16)?,
            count: fields.small("count", 0, 1)?,
            paid: fields.amount("paid")?,
            due: fields.amount("due")?,
        };
        if row.share >= row.shares {
            return Err(fields.error("share", "is not below `shares`"));
        }
        fields.done()?;
        Ok(row)
    }
}

/// A line of `payments.jsonl`, without its newline.
pub fn payment_line(account_id: &str, asset: &str, amount: u128, reference: &str) -> String {
    Value::object(vec![
        ("account_id", Value::text(account_id)),
        ("amount", Value::amount(amount)),
        ("asset", Value::text(asset)),
        ("ref", Value::text(reference)),
    ])
    .to_canonical()
}

/// A line of `snapshot.jsonl`, without its newline; `asset` is the name of the pool.
pub fn snapshot_line(account_id: &str, asset: &str, amount: u128) -> String {
    Value::object(vec![
        ("account_id", Value::text(account_id)),
        ("amount", Value::amount(amount)),
        ("asset", Value::text(asset)),
    ])
    .to_canonical()
}

/// What the table showed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableSummary {
    /// Different accounts.
    pub accounts: usize,
    /// Leaves over all assets.
    pub leaves: u64,
    /// For each payment reference that more than one line names: asset, reference, lines and their sum.
    pub shared: Vec<(String, String, u64, u128)>,
    /// Payment references that lead out of the journal.
    pub external: usize,
}

/// Sums over the shares of one account's line in one asset.
#[derive(Default)]
struct LineSum {
    seen: BTreeSet<u8>,
    shares: u8,
    paid: u128,
    due: u128,
}

struct Account {
    contact: String,
    detail: [u8; 32],
}

#[derive(Default)]
struct Table {
    accounts: BTreeMap<String, Account>,
    contacts: BTreeMap<String, String>,
    details: BTreeMap<[u8; 32], String>,
    lines: BTreeMap<(u16, String), LineSum>,
    leaves: BTreeMap<u16, Vec<Node>>,
}

/// Rebuilds all trees of a set from its table and checks everything an auditor can check offline.
///
/// `resolves` says whether a journal index is inside the tree the bundle rests on.
///
/// # Errors
/// The first thing that doesn't hold, with file and line.
pub fn check_table(
    manifest: &Manifest,
    files: &TableFiles<'_>,
    resolves: &dyn Fn(u64) -> bool,
) -> Result<TableSummary, String> {
    let table = read_table(manifest, files.table)?;
    check_trees(manifest, &table)?;
    let mut summary = check_statements(manifest, &table, files, resolves)?;
    check_snapshot(manifest, &table, files.snapshot)?;
    summary.accounts = table.accounts.len();
    summary.leaves = manifest
        .assets
        .iter()
        .filter_map(|asset| table.leaves.get(&asset.ix))
        .map(|leaves| len(leaves))
        .sum();
    Ok(summary)
}

fn len<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

/// Lines of a file of which each ends with a newline.
fn lines<'a>(name: &str, text: &'a str) -> Result<Vec<&'a str>, String> {
    match text.strip_suffix('\n') {
        Some(lines) => Ok(lines.split('\n').collect()),
        None if text.is_empty() => Ok(Vec::new()),
        None => Err(format!("`{name}`: the last line has no newline")),
    }
}

fn read_table(manifest: &Manifest, text: &str) -> Result<Table, String> {
    let mut table = Table::default();
    let mut salts: BTreeSet<(u16, [u8; 32])> = BTreeSet::new();
    let mut last: Option<(u16, u64)> = None;
    for (number, line) in (1u64..).zip(lines("table.jsonl", text)?) {
        let place = format!("table.jsonl line {number}");
        let row = Row::read(&place, line).map_err(|error| error.to_string())?;
        if manifest.asset(row.ix).is_none() {
            return Err(format!("{place}: the manifest has no asset {}", row.ix));
        }
        let expected = match last {
            Some((ix, index)) if ix == row.ix => index.checked_add(1),
            Some((ix, _)) if ix > row.ix => None,
            _ => Some(0),
        };
        if expected != Some(row.index) {
            return Err(format!(
                "{place}: index {} of asset {} is out of order; each asset has 0 to n - 1",
                row.index, row.ix
            ));
        }
        last = Some((row.ix, row.index));
        if !salts.insert((row.ix, row.salt)) {
            return Err(format!(
                "{place}: the salt is used twice for asset {}",
                row.ix
            ));
        }
        table
            .add(manifest, row)
            .map_err(|cause| format!("{place}: {cause}"))?;
    }
    for ((ix, account), line) in &table.lines {
        if line.seen.len() != usize::from(line.shares) {
            return Err(format!(
                "table.jsonl: account `{account}`, asset {ix}: shares are missing"
            ));
        }
    }
    Ok(table)
}

impl Table {
    /// One account has one contact and one statement, and the reverse.
    fn know_account(&mut self, row: &Row) -> Result<(), String> {
        match self.accounts.get(&row.account_id) {
            Some(known) if known.contact != row.contact || known.detail != row.detail => {
                return Err(format!(
                    "account `{}` has two contacts or two statements",
                    row.account_id
                ));
            }
            Some(_) => {}
            None => {
                if let Some(other) = self
                    .contacts
                    .insert(row.contact.clone(), row.account_id.clone())
                {
                    return Err(format!(
                        "contact `{}` belongs to `{other}` and `{}`",
                        row.contact, row.account_id
                    ));
                }
                if let Some(other) = self.details.insert(row.detail, row.account_id.clone()) {
                    return Err(format!(
                        "one statement belongs to `{other}` and `{}`",
                        row.account_id
                    ));
                }
                let account = Account {
                    contact: row.contact.clone(),
                    detail: row.detail,
                };
                self.accounts.insert(row.account_id.clone(), account);
            }
        }
        Ok(())
    }

    fn add(&mut self, manifest: &Manifest, row: Row) -> Result<(), String> {
        if normalise_contact(&row.contact) != row.contact {
            return Err(format!("contact `{}` is not lower-case NFC", row.contact));
        }
        self.know_account(&row)?;
        if (row.share == 0) != (row.count == 1) {
            return Err("the count is not 1 in share 0 and 0 elsewhere".to_owned());
        }
        let holder = holder_hash(&row.salt, &row.account_id, &row.contact, &row.detail)
            .map_err(|error| error.to_string())?;
        let Row {
            share,
            shares,
            count,
            paid,
            due,
            ..
        } = row;
        let leaf = Leaf {
            share,
            shares,
            count,
            paid,
            due,
            holder,
        };
        self.leaves
            .entry(row.ix)
            .or_default()
            .push(leaf.node(&manifest.tree(row.ix)));
        let line = self
            .lines
            .entry((row.ix, row.account_id))
            .or_insert_with(|| LineSum {
                shares,
                ..LineSum::default()
            });
        if line.shares != shares || !line.seen.insert(share) {
            return Err(format!(
                "share {share} stands twice, or the line is cut in two ways"
            ));
        }
        line.paid = line.paid.checked_add(paid).ok_or("paid passes 2^128")?;
        line.due = line.due.checked_add(due).ok_or("due passes 2^128")?;
        Ok(())
    }
}

fn check_trees(manifest: &Manifest, table: &Table) -> Result<(), String> {
    for asset in &manifest.assets {
        let leaves = table.leaves.get(&asset.ix).cloned().unwrap_or_default();
        let wanted = height_for(len(&leaves));
        if asset.height != wanted {
            return Err(format!(
                "{}: height is {}, {} leaves need {wanted}",
                asset.asset,
                asset.height,
                leaves.len()
            ));
        }
        let tree = SumTree::build(&manifest.tree(asset.ix), leaves, asset.height)
            .map_err(|error| format!("{}: {error}", asset.asset))?;
        let root = tree.root();
        if (root.count, root.paid, root.due) != (asset.count, asset.paid, asset.due) {
            return Err(format!(
                "{}: the table adds up to {} holders, paid {}, due {}; published are {}, {}, {}",
                asset.asset, root.count, root.paid, root.due, asset.count, asset.paid, asset.due
            ));
        }
        if root.hash != asset.root {
            return Err(format!(
                "{}: the tree of the table has another root than the manifest",
                asset.asset
            ));
        }
    }
    Ok(())
}

fn check_statements(
    manifest: &Manifest,
    table: &Table,
    files: &TableFiles<'_>,
    resolves: &dyn Fn(u64) -> bool,
) -> Result<TableSummary, String> {
    let mut payments = Payments::new(manifest, files.payments, resolves)?;
    let (mut last, mut shown, mut statements) = (None::<String>, 0usize, 0usize);
    for (number, line) in (1u64..).zip(lines("statements.jsonl", files.statements)?) {
        let place = format!("statements.jsonl line {number}");
        let statement = Statement::read(line).map_err(|error| format!("{place}: {error}"))?;
        if last
            .as_ref()
            .is_some_and(|last| *last >= statement.account_id)
        {
            return Err(format!(
                "{place}: statements must ascend by account, one each"
            ));
        }
        let account = table.accounts.get(&statement.account_id);
        let account = account.ok_or_else(|| {
            format!(
                "{place}: account `{}` has no line in the table",
                statement.account_id
            )
        })?;
        let detail: [u8; 32] = Sha256::digest(line.as_bytes()).into();
        if detail != account.detail || statement.contact != account.contact {
            return Err(format!(
                "{place}: it is not the statement in the leaves of `{}`",
                statement.account_id
            ));
        }
        if statement.set_id != manifest.set_id || statement.incident != manifest.incident {
            return Err(format!("{place}: it belongs to another set"));
        }
        for item in &statement.assets {
            let sum = table.lines.get(&(item.ix, statement.account_id.clone()));
            if !sum.is_some_and(|sum| sum.paid == item.paid && sum.due == item.due) {
                return Err(format!(
                    "{place}: {} differs from the shares in the table",
                    item.asset
                ));
            }
            if manifest
                .asset(item.ix)
                .is_none_or(|asset| asset.asset != item.asset)
            {
                return Err(format!(
                    "{place}: `{}` is not asset {} of the manifest",
                    item.asset, item.ix
                ));
            }
            shown = shown.saturating_add(1);
            for payment in &item.payments {
                payments.take(
                    &statement.account_id,
                    &item.asset,
                    payment.amount,
                    &payment.reference,
                )?;
            }
        }
        statements = statements.saturating_add(1);
        last = Some(statement.account_id);
    }
    if statements != table.accounts.len() || shown != table.lines.len() {
        return Err(format!(
            "statements.jsonl: {statements} statements with {shown} lines, the table has {} accounts with {}",
            table.accounts.len(),
            table.lines.len()
        ));
    }
    payments.finish()
}

/// Walks `payments.jsonl` beside the statements: it is their payments, in their order.
struct Payments<'a> {
    kind: Kind,
    lines: alloc::vec::IntoIter<&'a str>,
    number: u64,
    resolves: &'a dyn Fn(u64) -> bool,
    used: BTreeSet<(String, String, String)>,
    sums: BTreeMap<(String, String), (u64, u128)>,
    external: BTreeSet<String>,
}

impl<'a> Payments<'a> {
    fn new(
        manifest: &Manifest,
        text: &'a str,
        resolves: &'a dyn Fn(u64) -> bool,
    ) -> Result<Self, String> {
        Ok(Self {
            kind: manifest.kind,
            lines: lines("payments.jsonl", text)?.into_iter(),
            number: 0,
            resolves,
            used: BTreeSet::new(),
            sums: BTreeMap::new(),
            external: BTreeSet::new(),
        })
    }

    fn take(
        &mut self,
        account: &str,
        asset: &str,
        amount: u128,
        reference: &str,
    ) -> Result<(), String> {
        self.number = self.number.saturating_add(1);
        let place = format!("payments.jsonl line {}", self.number);
        let line = self
            .lines
            .next()
            .ok_or_else(|| format!("{place}: is missing"))?;
        if line != payment_line(account, asset, amount, reference) {
            return Err(format!(
                "{place}: is not the next payment of the statements, {amount} of {asset} to `{account}`"
            ));
        }
        match entry_index(reference) {
            Some(index) if (self.resolves)(index) => {}
            Some(index) => return Err(format!("{place}: entry {index} is not in the journal")),
            None => {
                self.external.insert(reference.to_owned());
            }
        }
        let claimed_by = match self.kind {
            Kind::Claims => (reference.to_owned(), String::new(), String::new()),
            Kind::Shortfall => (reference.to_owned(), account.to_owned(), asset.to_owned()),
        };
        if !self.used.insert(claimed_by) {
            return Err(format!("{place}: reference `{reference}` was used before"));
        }
        let (count, sum) = self
            .sums
            .entry((asset.to_owned(), reference.to_owned()))
            .or_default();
        *count = count.saturating_add(1);
        *sum = sum
            .checked_add(amount)
            .ok_or_else(|| format!("{place}: the sum of `{reference}` passes 2^128"))?;
        Ok(())
    }

    fn finish(mut self) -> Result<TableSummary, String> {
        if self.lines.next().is_some() {
            return Err(format!(
                "payments.jsonl: more than the {} payments of the statements",
                self.number
            ));
        }
        let shared = self.sums.into_iter().filter(|(_, (count, _))| *count > 1);
        Ok(TableSummary {
            shared: shared
                .map(|((asset, reference), (count, sum))| (asset, reference, count, sum))
                .collect(),
            external: self.external.len(),
            ..TableSummary::default()
        })
    }
}

fn check_snapshot(manifest: &Manifest, table: &Table, text: &str) -> Result<(), String> {
    let sha256: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    if sha256 != manifest.snapshot_sha256 {
        return Err("snapshot.jsonl: its SHA-256 is not the one in the manifest".to_owned());
    }
    let mut seen = BTreeSet::new();
    for (number, line) in (1u64..).zip(lines("snapshot.jsonl", text)?) {
        let place = format!("snapshot.jsonl line {number}");
        let value = json::parse(&place, line).map_err(|error| error.to_string())?;
        let (account, amount, name) =
            read_snapshot_line(&place, &value).map_err(|error| error.to_string())?;
        let asset = manifest.assets.iter().find(|asset| asset.asset == name);
        let asset =
            asset.ok_or_else(|| format!("{place}: pool `{name}` is not in the manifest"))?;
        if !seen.insert((asset.ix, account.to_owned())) {
            return Err(format!("{place}: `{account}` stands twice for {name}"));
        }
        if amount > 0
            && manifest.kind == Kind::Shortfall
            && !table.lines.contains_key(&(asset.ix, account.to_owned()))
        {
            return Err(format!(
                "{place}: `{account}` held {name} before the incident but has no line in the table"
            ));
        }
    }
    Ok(())
}

fn read_snapshot_line<'a>(
    place: &str,
    value: &'a Value,
) -> Result<(&'a str, u128, &'a str), FormatError> {
    let mut fields = Fields::of(place, value)?;
    let line = (
        fields.text("account_id")?,
        fields.amount("amount")?,
        fields.text("asset")?,
    );
    fields.done()?;
    Ok(line)
}
