//! `manifest.json` and `manifest.note` of a bundle: what is inside, what was left out, and what rests on which root.
//!
//! Format: docs/proof-formats.md, "Bundle".

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::archive::check_path;
use crate::digest::Digest;
use crate::json::{self, Fields, FormatError, MAX_INTEGER, Value};
use crate::manifest::is_utc_time;

/// Value of the field `type`, and first line of the note.
pub const TYPE: &str = "keepwhole/bundle/v1";

/// Path of the manifest.
pub const MANIFEST: &str = "manifest.json";

/// Path of the note over it.
pub const NOTE: &str = "manifest.note";

/// Which entries a bundle covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// First journal index.
    pub from: u64,
    /// One past the last.
    pub to: u64,
    /// What the bundle is about, in words.
    pub subjects: Vec<String>,
}

/// The program that wrote the bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its source, or 64 zeros where it isn't known.
    pub source_sha256: [u8; 32],
}

/// Something that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Omitted {
    /// Path or kind of file.
    pub path: String,
    /// The reason, for the reader.
    pub reason: String,
}

/// One file of the bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Its path.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256.
    pub sha256: [u8; 32],
}

/// A bundle's manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleManifest {
    /// Id of this bundle.
    pub bundle_id: String,
    /// Origin of the log.
    pub origin: String,
    /// RFC 3339, UTC.
    pub created: String,
    /// What it covers.
    pub scope: Scope,
    /// Whether it holds personal data.
    pub confidential: bool,
    /// Size of the tree it rests on.
    pub tree_size: u64,
    /// Root of that tree.
    pub root: Digest,
    /// Who wrote it.
    pub tool: Tool,
    /// What was left out.
    pub omitted: Vec<Omitted>,
    /// Every other file but the note, sorted by path.
    pub files: Vec<FileEntry>,
}

impl BundleManifest {
    /// Reads the canonical text.
    ///
    /// # Errors
    /// The field and the cause.
    pub fn read(text: &str) -> Result<Self, FormatError> {
        let value = json::parse(MANIFEST, text)?;
        let mut fields = Fields::of(MANIFEST, &value)?;
        fields.constant("type", TYPE)?;
        let mut scope = Fields::of("manifest.json.scope", fields.value("scope")?)?;
        let mut subjects = Vec::new();
        for subject in scope.list("subjects")? {
            match subject {
                Value::Text(text) => subjects.push(text.clone()),
                _ => return Err(scope.error("subjects", "must be a list of texts")),
            }
        }
        let mut tool = Fields::of("manifest.json.tool", fields.value("tool")?)?;
        let manifest = Self {
            bundle_id: fields.text("bundle_id")?.to_owned(),
            origin: fields.text("origin")?.to_owned(),
            created: fields.text("created")?.to_owned(),
            scope: Scope {
                from: scope.integer("from", 0, MAX_INTEGER)?,
                to: scope.integer("to", 0, MAX_INTEGER)?,
                subjects,
            },
            confidential: fields.boolean("confidential")?,
            tree_size: fields.integer("tree_size", 0, MAX_INTEGER)?,
            root: Digest::from_bytes(fields.hex("root")?),
            tool: Tool {
                name: tool.text("name")?.to_owned(),
                version: tool.text("version")?.to_owned(),
                source_sha256: tool.hex("source_sha256")?,
            },
            omitted: read_omitted(fields.list("omitted")?)?,
            files: read_files(fields.list("files")?)?,
        };
        scope.done()?;
        tool.done()?;
        if !is_utc_time(&manifest.created) {
            return Err(fields.error("created", "is not an RFC 3339 time that ends in `Z`"));
        }
        if manifest.scope.from > manifest.scope.to || manifest.scope.to > manifest.tree_size {
            return Err(fields.error("scope", "must lie inside the tree, `from` not above `to`"));
        }
        fields.done()?;
        Ok(manifest)
    }

    /// The canonical text.
    pub fn to_text(&self) -> String {
        let omitted = self.omitted.iter().map(|omitted| {
            Value::object(vec![
                ("path", Value::text(&*omitted.path)),
                ("reason", Value::text(&*omitted.reason)),
            ])
        });
        let files = self.files.iter().map(|file| {
            Value::object(vec![
                ("path", Value::text(&*file.path)),
                ("sha256", Value::Text(json::to_hex(&file.sha256))),
                ("size", Value::Integer(file.size)),
            ])
        });
        let subjects = self
            .scope
            .subjects
            .iter()
            .map(|subject| Value::text(&**subject));
        Value::object(vec![
            ("bundle_id", Value::text(&*self.bundle_id)),
            ("confidential", Value::Bool(self.confidential)),
            ("created", Value::text(&*self.created)),
            ("files", Value::List(files.collect())),
            ("omitted", Value::List(omitted.collect())),
            ("origin", Value::text(&*self.origin)),
            ("root", Value::Text(self.root.to_hex())),
            (
                "scope",
                Value::object(vec![
                    ("from", Value::Integer(self.scope.from)),
                    ("subjects", Value::List(subjects.collect())),
                    ("to", Value::Integer(self.scope.to)),
                ]),
            ),
            (
                "tool",
                Value::object(vec![
                    ("name", Value::text(&*self.tool.name)),
                    (
                        "source_sha256",
                        Value::Text(json::to_hex(&self.tool.source_sha256)),
                    ),
                    ("version", Value::text(&*self.tool.version)),
                ]),
            ),
            ("tree_size", Value::Integer(self.tree_size)),
            ("type", Value::text(TYPE)),
        ])
        .to_canonical()
    }

    /// The text that the bundle key signs, given the manifest's own text.
    pub fn note_text(&self, manifest_text: &str) -> String {
        format!(
            "{TYPE}\n{}\n{}\n{}\n{}\n",
            self.origin,
            Digest::of(manifest_text.as_bytes()).to_base64(),
            self.tree_size,
            self.root.to_base64()
        )
    }
}

fn read_omitted(items: &[Value]) -> Result<Vec<Omitted>, FormatError> {
    let mut omitted = Vec::new();
    for (position, item) in items.iter().enumerate() {
        let mut fields = Fields::of(&format!("manifest.json.omitted[{position}]"), item)?;
        omitted.push(Omitted {
            path: fields.text("path")?.to_owned(),
            reason: fields.text("reason")?.to_owned(),
        });
        fields.done()?;
    }
    Ok(omitted)
}

fn read_files(items: &[Value]) -> Result<Vec<FileEntry>, FormatError> {
    let mut files: Vec<FileEntry> = Vec::new();
    for (position, item) in items.iter().enumerate() {
        let mut fields = Fields::of(&format!("manifest.json.files[{position}]"), item)?;
        let file = FileEntry {
            path: fields.text("path")?.to_owned(),
            size: fields.integer("size", 0, MAX_INTEGER)?,
            sha256: fields.hex("sha256")?,
        };
        check_path(&file.path).map_err(|cause| fields.error("path", cause))?;
        if files.last().is_some_and(|last| last.path >= file.path) {
            return Err(fields.error("path", "files must be sorted by path and unique"));
        }
        if file.path == MANIFEST || file.path == NOTE {
            return Err(fields.error("path", "the manifest lists neither itself nor its note"));
        }
        fields.done()?;
        files.push(file);
    }
    Ok(files)
}
