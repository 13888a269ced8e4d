//! What a file is: its form by its first bytes, checked against its name; its compression; its digest.

use super::Format;
use super::window::{Bytes, unreadable};
use crate::fault::Fault;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{Read, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    Plain,
    /// gzip (RFC 1952).
    Gzip,
    /// Zstandard (RFC 8878).
    Zstd,
}

/// Bytes of the file read so far, for whoever shows progress.
pub type Progress = Arc<AtomicU64>;

/// A file that was looked at and can be read.
#[derive(Debug)]
pub struct Input {
    file: File,
    /// Where it lies.
    pub path: PathBuf,
    /// Its form.
    pub format: Format,
    /// Its compression.
    pub compression: Compression,
    /// Its size in bytes, as it lies on disk.
    pub size: u64,
    progress: Progress,
}

struct Counted {
    file: File,
    progress: Progress,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        let read = u64::try_from(count).unwrap_or(u64::MAX);
        self.progress.fetch_add(read, Ordering::Relaxed);
        Ok(count)
    }
}

impl Input {
    /// Looks at the first bytes and the name.
    ///
    /// # Errors
    /// A [`Fault`] for a file that can't be read, is empty, is of another kind, or has a name that says otherwise.
    pub fn open(path: &Path, progress: Progress) -> Result<Self, Fault> {
        let io = |error: std::io::Error| {
            Fault::of_file(
                "unreadable",
                format!("the file can't be read: {error}"),
                "check that it is there and that this user may read it",
            )
        };
        let mut file = File::open(path).map_err(io)?;
        let about = file.metadata().map_err(io)?;
        if about.is_dir() {
            return Err(Fault::of_file(
                "folder",
                "this is a folder",
                "name the files in it",
            ));
        }
        let first = first_bytes(&mut file).map_err(io)?;
        file.rewind().map_err(io)?;
        let compression = match first.as_slice() {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
            _ => Compression::Plain,
        };
        let inner = match compression {
            Compression::Plain => first,
            packed => {
                let again = file.try_clone().map_err(io)?;
                let inner = first_bytes(&mut unpack(again, packed)?).map_err(|e| unreadable(&e))?;
                file.rewind().map_err(io)?;
                inner
            }
        };
        let format = format_of(&inner, compression)?;
        name_agrees(path, format, compression)?;
        Ok(Self {
            file,
            path: path.to_path_buf(),
            format,
            compression,
            size: about.len(),
            progress,
        })
    }

    /// Unpacked bytes.
    pub(crate) fn bytes(self) -> Result<Bytes, Fault> {
        let counted = Counted {
            file: self.file,
            progress: self.progress,
        };
        unpack(counted, self.compression)
    }

    pub(crate) fn into_file(self) -> (File, Progress) {
        (self.file, self.progress)
    }
}

fn unpack(source: impl Read + Send + 'static, compression: Compression) -> Result<Bytes, Fault> {
    Ok(match compression {
        Compression::Plain => Box::new(source),
        Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(
            std::io::BufReader::with_capacity(128 * 1024, source),
        )),
        Compression::Zstd => {
            let decoder = zstd::stream::read::Decoder::new(source).map_err(|e| unreadable(&e))?;
            Box::new(decoder)
        }
    })
}

/// The first bytes, as many as tell forms apart.
fn first_bytes(source: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut first = Vec::new();
    source.take(64).read_to_end(&mut first)?;
    Ok(first)
}

const OTHERS: &[(&[u8], &str, &str)] = &[
    (
        b"PK\x03\x04",
        "a ZIP or spreadsheet (XLSX) file",
        "save the sheet as CSV in UTF-8, or unpack the archive",
    ),
    (
        b"\xd0\xcf\x11\xe0",
        "an old spreadsheet (XLS) file",
        "save the sheet as CSV in UTF-8",
    ),
    (
        b"%PDF",
        "a PDF document",
        "export the data as CSV, NDJSON or Parquet",
    ),
    (
        b"SQLite format 3",
        "an SQLite database",
        "export the table as CSV, NDJSON or Parquet",
    ),
    (b"ARROW1", "an Arrow file", "write it as Parquet"),
    (b"Obj\x01", "an Avro file", "write it as Parquet or NDJSON"),
    (
        b"BZh",
        "a bzip2 file",
        "pack it with gzip or zstd, or not at all",
    ),
    (
        b"\xfd7zXZ",
        "an xz file",
        "pack it with gzip or zstd, or not at all",
    ),
    (b"7z\xbc\xaf", "a 7z archive", "unpack it"),
    (b"Rar!", "a RAR archive", "unpack it"),
    (
        b"\x1f\x8b",
        "a gzip file inside another compressed file",
        "unpack it once",
    ),
    (
        b"\x28\xb5\x2f\xfd",
        "a zstd file inside another compressed file",
        "unpack it once",
    ),
    (b"\xff\xfe", "text in UTF-16", "save it in UTF-8"),
    (b"\xfe\xff", "text in UTF-16", "save it in UTF-8"),
    (b"\x7fELF", "a program", "name the file with the data"),
];

fn format_of(first: &[u8], compression: Compression) -> Result<Format, Fault> {
    if first.is_empty() {
        let (reason, fix) = ("the file is empty", "write at least the header line");
        return Err(Fault::of_file("empty", reason, fix));
    }
    if first.starts_with(b"\xef\xbb\xbf") {
        let reason = "the file begins with a byte-order mark";
        return Err(
            Fault::of_file("byte_order_mark", reason, "save it as UTF-8 without BOM").at(1, 1),
        );
    }
    if let Some((_, what, fix)) = OTHERS.iter().find(|(magic, _, _)| first.starts_with(magic)) {
        return Err(Fault::of_file(
            "wrong_kind",
            format!("this is {what}"),
            *fix,
        ));
    }
    if first.starts_with(b"PAR1") {
        if compression != Compression::Plain {
            let reason = "this is Parquet inside a compressed file";
            return Err(Fault::of_file(
                "wrong_kind",
                reason,
                "unpack it: Parquet packs its own pages",
            ));
        }
        return Ok(Format::Parquet);
    }
    match first.iter().find(|b| !b.is_ascii_whitespace()) {
        Some(b'{') => Ok(Format::Ndjson),
        Some(b'[') => Err(Fault::of_file(
            "wrong_kind",
            "this is one JSON array",
            "write one JSON object a line (`jq -c '.[]'` does it)",
        )),
        Some(b'<') => Err(Fault::of_file(
            "wrong_kind",
            "this is XML or HTML, perhaps a login page that was saved",
            "export the data as CSV, NDJSON or Parquet",
        )),
        Some(_) => Ok(Format::Csv),
        None => Err(Fault::of_file(
            "empty",
            "the file holds only blanks",
            "write at least the header line",
        )),
    }
}

/// The ending of the name may be any, but must not say another form or compression than the bytes.
fn name_agrees(path: &Path, format: Format, compression: Compression) -> Result<(), Fault> {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().to_ascii_lowercase());
    let name = name.unwrap_or_default();
    let (said, rest) = match name.rsplit_once('.') {
        Some((rest, "gz" | "gzip")) => (Some(Compression::Gzip), rest),
        Some((rest, "zst" | "zstd")) => (Some(Compression::Zstd), rest),
        _ => (None, name.as_str()),
    };
    let form = match rest.rsplit_once('.').map(|(_, ending)| ending) {
        Some("csv") => Some(Format::Csv),
        Some("ndjson" | "jsonl") => Some(Format::Ndjson),
        Some("parquet" | "pq") => Some(Format::Parquet),
        _ => None,
    };
    let packed = match said {
        Some(said) => said == compression,
        // A file that is called `.csv` and is packed surprises whoever opens it by its name.
        None => form.is_none() || compression == Compression::Plain,
    };
    if packed && form.is_none_or(|form| form == format) {
        return Ok(());
    }
    let what = match compression {
        Compression::Plain => format!("{format}, not compressed"),
        Compression::Gzip => format!("{format} in gzip"),
        Compression::Zstd => format!("{format} in zstd"),
    };
    Err(Fault::of_file(
        "name_disagrees",
        format!("the name says one thing and the content another: the content is {what}"),
        "make sure that it is the file you meant, then give it the ending of its content",
    ))
}

/// SHA-256 of a file's bytes as they lie on disk.
///
/// # Errors
/// A [`Fault`] where it can't be read.
pub fn digest_of(path: &Path) -> Result<[u8; 32], Fault> {
    let mut file = File::open(path).map_err(|e| unreadable(&e))?;
    let mut hash = Sha256::new();
    let mut block = vec![0u8; 1024 * 1024];
    loop {
        let count = file.read(&mut block).map_err(|e| unreadable(&e))?;
        if count == 0 {
            return Ok(hash.finalize().into());
        }
        hash.update(block.get(..count).unwrap_or_default());
    }
}
