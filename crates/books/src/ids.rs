//! Whether an id stands twice in what is imported, exactly and in bounded memory: prints of ids are sorted in runs of
//! half a million, and runs beyond the first lie in one temporary file that has no name.

use crate::print::Printer;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};

/// Entries of one run.
const RUN: usize = 1 << 19;
const ENTRY: usize = 48;

/// A movement's id and content, by print, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    id: u128,
    file: u32,
    row: u64,
    /// Place among the movements of its unit.
    part: u32,
    line: u64,
    content: u64,
}

/// Where a movement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Number of the file, from 0.
    pub file: u32,
    /// First row of its unit.
    pub row: u64,
    /// Place among the movements of its unit, from 0.
    pub part: u32,
    /// Line.
    pub line: u64,
}

/// An id that stands a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Twice {
    pub(crate) first: Place,
    pub(crate) again: Place,
    /// True where the content is the same.
    pub(crate) same: bool,
}

#[derive(Debug)]
pub(crate) struct Ids {
    printer: Printer,
    entries: Vec<Entry>,
    spilled: Option<File>,
    runs: Vec<(u64, u64)>,
}

impl Ids {
    pub(crate) fn new() -> Self {
        Self {
            printer: Printer::new(),
            entries: Vec::new(),
            spilled: None,
            runs: Vec::new(),
        }
    }

    pub(crate) fn add(
        &mut self,
        id: &str,
        content: impl std::hash::Hash,
        place: Place,
    ) -> io::Result<()> {
        let (id, content) = (self.printer.of(id), self.printer.half_of(content));
        let Place {
            file,
            row,
            part,
            line,
        } = place;
        self.entries.push(Entry {
            id,
            file,
            row,
            part,
            line,
            content,
        });
        if self.entries.len() >= RUN {
            self.spill()?;
        }
        Ok(())
    }

    fn spill(&mut self) -> io::Result<()> {
        self.entries.sort_unstable();
        let file = match &mut self.spilled {
            Some(file) => file,
            empty => empty.insert(nameless()?),
        };
        let start = file.seek(SeekFrom::End(0))?;
        let mut out = BufWriter::with_capacity(1 << 20, file);
        for entry in self.entries.drain(..) {
            out.write_all(&entry.bytes())?;
        }
        out.flush()?;
        drop(out);
        let end = self
            .spilled
            .as_mut()
            .map_or(Ok(start), |file| file.seek(SeekFrom::End(0)))?;
        self.runs.push((start, end));
        Ok(())
    }

    /// Every id that stands more than once, each with its first place.
    pub(crate) fn finish(mut self) -> io::Result<Vec<Twice>> {
        let mut found = Vec::new();
        let mut first: Option<Entry> = None;
        let mut look = |entry: Entry| match first {
            Some(known) if known.id == entry.id => found.push(Twice {
                first: known.place(),
                again: entry.place(),
                same: known.content == entry.content,
            }),
            _ => first = Some(entry),
        };
        self.entries.sort_unstable();
        let Some(spilled) = &self.spilled else {
            self.entries.into_iter().for_each(&mut look);
            return Ok(found);
        };
        let mut sources = Vec::new();
        for (start, end) in &self.runs {
            let mut file = reopened(spilled)?;
            file.seek(SeekFrom::Start(*start))?;
            sources.push(Run::Spilled(Reading {
                start: *start,
                end: *end,
                file,
                block: Vec::new(),
                at: 0,
            }));
        }
        sources.push(Run::Held(self.entries.into_iter()));
        let mut heap = BinaryHeap::new();
        for (number, source) in sources.iter_mut().enumerate() {
            heap.extend(source.next()?.map(|entry| Reverse((entry, number))));
        }
        while let Some(Reverse((entry, number))) = heap.pop() {
            look(entry);
            if let Some(source) = sources.get_mut(number) {
                heap.extend(source.next()?.map(|entry| Reverse((entry, number))));
            }
        }
        Ok(found)
    }
}

enum Run {
    Held(std::vec::IntoIter<Entry>),
    Spilled(Reading),
}

/// One run in the file. All runs share one descriptor's position, so each block is sought anew.
struct Reading {
    start: u64,
    end: u64,
    file: File,
    block: Vec<u8>,
    at: usize,
}

impl Run {
    fn next(&mut self) -> io::Result<Option<Entry>> {
        match self {
            Self::Held(entries) => Ok(entries.next()),
            Self::Spilled(reading) => reading.next(),
        }
    }
}

impl Reading {
    fn next(&mut self) -> io::Result<Option<Entry>> {
        if self.at >= self.block.len() {
            let left = self.end.saturating_sub(self.start);
            if left == 0 {
                return Ok(None);
            }
            let wanted = left.min(4_096 * 48);
            self.file.seek(SeekFrom::Start(self.start))?;
            self.block.clear();
            BufReader::new(&self.file)
                .take(wanted)
                .read_to_end(&mut self.block)?;
            self.start = self.start.saturating_add(wanted);
            self.at = 0;
        }
        let bytes = self.block.get(self.at..self.at.saturating_add(ENTRY));
        self.at = self.at.saturating_add(ENTRY);
        let bytes = bytes.and_then(|bytes| bytes.first_chunk::<ENTRY>());
        bytes
            .map(|bytes| Some(Entry::of(bytes)))
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

impl Entry {
    fn place(&self) -> Place {
        Place {
            file: self.file,
            row: self.row,
            part: self.part,
            line: self.line,
        }
    }

    fn bytes(&self) -> [u8; ENTRY] {
        let mut bytes = [0u8; ENTRY];
        let parts: [&[u8]; 6] = [
            &self.id.to_le_bytes(),
            &self.file.to_le_bytes(),
            &self.row.to_le_bytes(),
            &self.part.to_le_bytes(),
            &self.line.to_le_bytes(),
            &self.content.to_le_bytes(),
        ];
        for (to, from) in bytes
            .iter_mut()
            .zip(parts.iter().flat_map(|part| part.iter()))
        {
            *to = *from;
        }
        bytes
    }

    fn of(bytes: &[u8; ENTRY]) -> Self {
        let (id, rest) = bytes.split_at(16);
        let (file, rest) = rest.split_at(4);
        let (row, rest) = rest.split_at(8);
        let (part, rest) = rest.split_at(4);
        let (line, content) = rest.split_at(8);
        let u32_of = |bytes: &[u8]| bytes.first_chunk().map_or(0, |b| u32::from_le_bytes(*b));
        let u64_of = |bytes: &[u8]| bytes.first_chunk().map_or(0, |b| u64::from_le_bytes(*b));
        Self {
            id: id.first_chunk().map_or(0, |b| u128::from_le_bytes(*b)),
            file: u32_of(file),
            row: u64_of(row),
            part: u32_of(part),
            line: u64_of(line),
            content: u64_of(content),
        }
    }
}

/// A temporary file without a name: it is gone when it is closed, however the program ends.
fn nameless() -> io::Result<File> {
    let dir = std::env::temp_dir();
    for attempt in 0..100u32 {
        let name = format!(".keepwhole-ids-{}-{attempt}", std::process::id());
        let path = dir.join(name);
        match File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
        {
            Ok(file) => {
                std::fs::remove_file(&path)?;
                return Ok(file);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn reopened(file: &File) -> io::Result<File> {
    file.try_clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_exactly_the_ids_that_stand_twice_also_beyond_one_run() {
        for count in [1_000u64, 1_200_000] {
            let mut ids = Ids::new();
            for row in 0..count {
                let id = if row == count - 1 || row == count - 2 {
                    7
                } else {
                    row
                };
                let content = if row == count - 1 { 7 } else { row };
                let place = Place {
                    file: 0,
                    row,
                    part: 0,
                    line: row + 2,
                };
                ids.add(&id.to_string(), content, place).unwrap();
            }
            let found = ids.finish().unwrap();
            let said: Vec<_> = found
                .iter()
                .map(|t| (t.first.row, t.again.row, t.same))
                .collect();
            assert_eq!(said, [(7, count - 2, false), (7, count - 1, true)]);
        }
    }
}
