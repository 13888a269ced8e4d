//! The container of a bundle: a strict subset of POSIX ustar in which the same files always make the same bytes.
//!
//! The reader takes only path and size out of a header, writes the header anew and compares all 512 bytes, so nothing
//! else can hide in it. The subset stands in docs/proof-formats.md, "Container".

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

const BLOCK: usize = 512;

/// Longest path, in bytes.
pub const MAX_PATH: usize = 256;

/// What a reader accepts at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Files in one bundle.
    pub files: usize,
    /// Bytes of one file.
    pub file_size: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            files: 100_000,
            file_size: 4 << 30,
        }
    }
}

/// Why a container is refused; `at` is the byte offset of the header in question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerError {
    /// Byte offset of the header, or of the end.
    pub at: usize,
    /// What is wrong.
    pub cause: String,
}

impl fmt::Display for ContainerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "archive at byte {}: {}", self.at, self.cause)
    }
}

impl core::error::Error for ContainerError {}

/// The files of a bundle by path.
pub type Files<'a> = BTreeMap<String, &'a [u8]>;

/// Checks one path of a bundle.
///
/// # Errors
/// The rule it breaks, in words.
pub fn check_path(path: &str) -> Result<(), String> {
    if path.is_empty() {
        return Err("an empty path".to_string());
    }
    if path.len() > MAX_PATH {
        return Err(format!(
            "a path of {} bytes; at most {MAX_PATH} are allowed",
            path.len()
        ));
    }
    if let Some(bad) = path
        .chars()
        .find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '/' | '-'))
    {
        return Err(format!(
            "path `{}` has the character `{}`; allowed are a-z 0-9 . _ / -",
            path.escape_default(),
            bad.escape_default()
        ));
    }
    if path.starts_with('/') {
        return Err(format!("path `{path}` is absolute"));
    }
    if let Some(part) = path
        .split('/')
        .find(|part| matches!(*part, "" | "." | ".."))
    {
        return Err(format!(
            "path `{path}` has the part `{part}`, which could leave the folder"
        ));
    }
    split_path(path).map(|_| ())
}

/// `(prefix, name)` of a header: cut at the leftmost slash that leaves at most 100 bytes.
fn split_path(path: &str) -> Result<(&str, &str), String> {
    if path.len() <= 100 {
        return Ok(("", path));
    }
    path.char_indices()
        .filter(|(_, c)| *c == '/')
        .find_map(|(at, _)| {
            let (prefix, name) = (path.get(..at)?, path.get(at.checked_add(1)?..)?);
            (name.len() <= 100 && prefix.len() <= 155).then_some((prefix, name))
        })
        .ok_or_else(|| {
            format!("path `{path}` cannot be cut into a prefix of 155 and a name of 100 bytes")
        })
}

/// The one header that this subset has for a path and a size.
///
/// # Errors
/// A path or a size that no header can hold.
pub fn header(path: &str, size: u64) -> Result<[u8; BLOCK], String> {
    check_path(path)?;
    if size > 0o77_777_777_777 {
        return Err(format!(
            "`{path}` has {size} bytes, more than a header can say"
        ));
    }
    let (prefix, name) = split_path(path)?;
    let mut block = [0u8; BLOCK];
    put(&mut block, 0, name.as_bytes());
    put(&mut block, 100, b"0000644\0");
    put(&mut block, 108, b"0000000\0");
    put(&mut block, 116, b"0000000\0");
    put(&mut block, 124, format!("{size:011o}\0").as_bytes());
    put(&mut block, 136, b"00000000000\0");
    put(&mut block, 148, b"        ");
    put(&mut block, 156, b"0");
    put(&mut block, 257, b"ustar\x0000");
    put(&mut block, 345, prefix.as_bytes());
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    put(&mut block, 148, format!("{sum:06o}\0 ").as_bytes());
    Ok(block)
}

fn put(block: &mut [u8; BLOCK], at: usize, bytes: &[u8]) {
    for (place, byte) in block.iter_mut().skip(at).zip(bytes) {
        *place = *byte;
    }
}

/// Writes the archive of `files`; they come out in path order.
///
/// # Errors
/// A path that the subset doesn't allow.
pub fn write(files: &BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    for (path, bytes) in files {
        let size = u64::try_from(bytes.len()).map_err(|_| format!("`{path}` is too large"))?;
        out.extend_from_slice(&header(path, size)?);
        out.extend_from_slice(bytes);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    }
    out.extend_from_slice(&[0u8; BLOCK * 2]);
    Ok(out)
}

/// Reads an archive of the strict subset; contents are borrowed, nothing is reserved on a header's word.
///
/// # Errors
/// The first header or block that breaks the subset or a limit.
pub fn read(archive: &[u8], limits: Limits) -> Result<Files<'_>, ContainerError> {
    let mut files: Files<'_> = BTreeMap::new();
    let mut at = 0usize;
    loop {
        let fail = |cause: String| ContainerError { at, cause };
        let rest = archive.get(at..).unwrap_or(&[]);
        let Some((block, contents)) = rest.split_first_chunk::<BLOCK>() else {
            return Err(fail("ends before the two zero blocks".to_string()));
        };
        if block.iter().all(|byte| *byte == 0) {
            end_of_archive(contents).map_err(fail)?;
            break;
        }
        let (path, size) = read_header(block).map_err(fail)?;
        if files.len() >= limits.files {
            return Err(fail(format!("more than {} files", limits.files)));
        }
        if size > limits.file_size {
            return Err(fail(format!(
                "`{path}` claims {size} bytes, over the limit of {}",
                limits.file_size
            )));
        }
        if let Some((last, _)) = files.last_key_value().filter(|(last, _)| **last >= path) {
            return Err(fail(format!(
                "`{path}` stands after `{last}`; paths must be sorted and unique"
            )));
        }
        let length = usize::try_from(size).unwrap_or(usize::MAX);
        let padded = length.checked_next_multiple_of(BLOCK).unwrap_or(usize::MAX);
        let (Some(bytes), Some(padding)) = (contents.get(..length), contents.get(length..padded))
        else {
            return Err(fail(format!(
                "`{path}` claims {size} bytes, only {} are there",
                contents.len()
            )));
        };
        if padding.iter().any(|byte| *byte != 0) {
            return Err(fail(format!("the padding after `{path}` is not zero")));
        }
        files.insert(path, bytes);
        at = at.saturating_add(BLOCK).saturating_add(padded);
    }
    if files.is_empty() {
        return Err(ContainerError {
            at: 0,
            cause: "an empty bundle proves nothing".to_string(),
        });
    }
    Ok(files)
}

fn end_of_archive(after_first_zero_block: &[u8]) -> Result<(), String> {
    match after_first_zero_block.split_first_chunk::<BLOCK>() {
        Some((block, [])) if block.iter().all(|byte| *byte == 0) => Ok(()),
        Some((block, _)) if block.iter().all(|byte| *byte == 0) => {
            Err("bytes after the two zero blocks".to_string())
        }
        _ => Err("a single zero block inside the archive".to_string()),
    }
}

fn read_header(block: &[u8; BLOCK]) -> Result<(String, u64), String> {
    match block.get(156).copied() {
        Some(b'0') => {}
        Some(b'1' | b'2') => return Err("a link; only regular files are allowed".to_string()),
        Some(b'3' | b'4' | b'6') => {
            return Err("a device or pipe; only regular files are allowed".to_string());
        }
        Some(b'5') => return Err("a folder entry; only regular files are allowed".to_string()),
        Some(b'x' | b'g' | b'L' | b'K') => {
            return Err("an extension header, such as for over-long names".to_string());
        }
        Some(b'S') => return Err("a sparse file; only regular files are allowed".to_string()),
        other => {
            return Err(format!(
                "an entry of type {other:?}; only regular files are allowed"
            ));
        }
    }
    let name = text_field(block, 0, 100)?;
    let prefix = text_field(block, 345, 155)?;
    let path = if prefix.is_empty() {
        name
    } else {
        format!("{prefix}/{name}")
    };
    check_path(&path)?;
    let digits = block.get(124..135).unwrap_or(&[]);
    let size = core::str::from_utf8(digits)
        .ok()
        .filter(|text| text.bytes().all(|b| matches!(b, b'0'..=b'7')));
    let size = size.and_then(|text| u64::from_str_radix(text, 8).ok());
    let size = size.ok_or_else(|| format!("the size of `{path}` is not 11 octal digits"))?;
    if header(&path, size)? != *block {
        return Err(format!(
            "the header of `{path}` differs from the only allowed one (mode 0644, owner 0, time 0)"
        ));
    }
    Ok((path, size))
}

fn text_field(block: &[u8; BLOCK], at: usize, length: usize) -> Result<String, String> {
    let bytes: Vec<u8> = block
        .iter()
        .skip(at)
        .take(length)
        .copied()
        .take_while(|byte| *byte != 0)
        .collect();
    String::from_utf8(bytes).map_err(|_| "a path that is not UTF-8".to_string())
}
