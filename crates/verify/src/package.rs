//! A customer's package: everything she needs to see that her own figures are in the list everybody else sees.
//!
//! Format: docs/proof-formats.md, "Customer package". [`crate::customer_check`] checks it.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::json::{self, Fields, FormatError, MAX_INTEGER, Value};
use crate::sum_tree::{NODE_LENGTH, Node};

/// Value of the field `type`.
pub const TYPE: &str = "keepwhole/redress-package/v1";

/// One opened leaf of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedLeaf {
    /// Number of the asset.
    pub ix: u16,
    /// Share, count, paid and due; the holder's hash is recomputed by the verifier.
    pub share: u8,
    /// Into how many shares the line is cut.
    pub shares: u8,
    /// 1 in share 0, else 0.
    pub count: u8,
    /// Minor units.
    pub paid: u128,
    /// Minor units.
    pub due: u128,
    /// Position in the tree.
    pub index: u64,
    /// Salt of this leaf.
    pub salt: [u8; 32],
    /// Leaf's sibling first.
    pub path: Vec<Node>,
}

/// A package as read; nothing in it is proven yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The manifest's exact text.
    pub manifest: String,
    /// The statement's exact text.
    pub statement: String,
    /// C2SP tlog-proof of the journal entry that commits the manifest.
    pub tlog_proof: String,
    /// That entry; absent where the entry is the payload alone.
    pub entry: Option<Vec<u8>>,
    /// The leaves of her lines.
    pub leaves: Vec<OpenedLeaf>,
}

impl Package {
    /// Reads a package's outer form.
    ///
    /// # Errors
    /// The field and the cause.
    pub fn read(text: &str) -> Result<Self, FormatError> {
        let value = json::parse("package", text.strip_suffix('\n').unwrap_or(text))?;
        let mut fields = Fields::of("package", &value)?;
        fields.constant("type", TYPE)?;
        let mut leaves = Vec::new();
        for (position, item) in fields.list("leaves")?.iter().enumerate() {
            leaves.push(read_leaf(&format!("package.leaves[{position}]"), item)?);
        }
        let entry = match fields.optional_text("entry")? {
            None => None,
            Some(text) => Some(
                STANDARD
                    .decode(text)
                    .map_err(|_| fields.error("entry", "is not padded base64"))?,
            ),
        };
        let package = Self {
            manifest: fields.text("manifest")?.to_owned(),
            statement: fields.text("statement")?.to_owned(),
            tlog_proof: fields.text("tlog_proof")?.to_owned(),
            entry,
            leaves,
        };
        fields.done()?;
        Ok(package)
    }

    /// The canonical text.
    pub fn to_text(&self) -> String {
        let mut members = vec![
            (
                "leaves",
                Value::List(self.leaves.iter().map(leaf_value).collect()),
            ),
            ("manifest", Value::text(&*self.manifest)),
            ("statement", Value::text(&*self.statement)),
            ("tlog_proof", Value::text(&*self.tlog_proof)),
            ("type", Value::text(TYPE)),
        ];
        if let Some(entry) = &self.entry {
            members.push(("entry", Value::Text(STANDARD.encode(entry))));
        }
        Value::object(members).to_canonical()
    }
}

fn read_leaf(place: &str, value: &Value) -> Result<OpenedLeaf, FormatError> {
    let mut fields = Fields::of(place, value)?;
    let mut path = Vec::new();
    for (position, item) in fields.list("path")?.iter().enumerate() {
        let bytes = match item {
            Value::Text(text) => json::parse_hex::<NODE_LENGTH>(text),
            _ => None,
        };
        let bytes = bytes.ok_or_else(|| {
            fields.error(
                "path",
                format!("node {position} is not 72 bytes in lower-case hex"),
            )
        })?;
        path.push(Node::decode(&bytes));
    }
    let leaf = OpenedLeaf {
        ix: fields.short("asset")?,
        share: fields.small("share", 0, 15)?,
        shares: fields.small("shares", 1, 16)?,
        count: fields.small("count", 0, 1)?,
        paid: fields.amount("paid")?,
        due: fields.amount("due")?,
        index: fields.integer("index", 0, MAX_INTEGER)?,
        salt: fields.hex("salt")?,
        path,
    };
    fields.done()?;
    Ok(leaf)
}

fn leaf_value(leaf: &OpenedLeaf) -> Value {
    Value::object(vec![
        ("asset", Value::Integer(u64::from(leaf.ix))),
        ("count", Value::Integer(u64::from(leaf.count))),
        ("due", Value::amount(leaf.due)),
        ("index", Value::Integer(leaf.index)),
        ("paid", Value::amount(leaf.paid)),
        (
            "path",
            Value::List(
                leaf.path
                    .iter()
                    .map(|node| Value::Text(json::to_hex(&node.encode())))
                    .collect(),
            ),
        ),
        ("salt", Value::Text(json::to_hex(&leaf.salt))),
        ("share", Value::Integer(u64::from(leaf.share))),
        ("shares", Value::Integer(u64::from(leaf.shares))),
    ])
}
