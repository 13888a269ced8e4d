//! Files in memory that know what a crash and the loss of power leave, and that fail at a chosen step.

use crate::files::Files;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
struct Content {
    written: Vec<u8>,
    synced: Vec<u8>,
}

#[derive(Default)]
struct Inner {
    contents: Vec<Content>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    modes: BTreeMap<String, u32>,
    steps: u64,
    fail_at: Option<(u64, bool)>,
    dead: bool,
}

/// A machine's files; clones look at the same ones.
#[derive(Clone, Default)]
pub struct MemoryFiles(Arc<Mutex<Inner>>);

impl std::fmt::Debug for MemoryFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MemoryFiles")
    }
}

impl MemoryFiles {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changing steps so far.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.inner().steps
    }

    /// The process dies at the `nth` changing step from now (1 is the next), before or after it is done.
    pub fn die_at(&self, nth: u64, done: bool) {
        let mut inner = self.inner();
        inner.fail_at = Some((inner.steps.saturating_add(nth), done));
    }

    /// Starts again after a kill: what was written is there.
    pub fn restart(&self) {
        let mut inner = self.inner();
        (inner.dead, inner.fail_at) = (false, None);
    }

    /// Starts again after the loss of power: only what was synced is there.
    pub fn lose_power(&self) {
        let mut inner = self.inner();
        (inner.dead, inner.fail_at) = (false, None);
        inner.names = inner.durable_names.clone();
        for content in &mut inner.contents {
            content.written = content.synced.clone();
        }
    }

    /// A copy of all files below a folder, as a backup takes it.
    #[must_use]
    pub fn copy(&self, folder: &str) -> Vec<(String, Vec<u8>)> {
        let inner = self.inner();
        let below = inner
            .names
            .iter()
            .filter(|(path, _)| path.starts_with(folder));
        below
            .filter_map(|(path, at)| Some((path.clone(), inner.contents.get(*at)?.written.clone())))
            .collect()
    }

    /// Replaces everything below a folder by a copy, as a restore does.
    pub fn put_back(&self, folder: &str, copy: &[(String, Vec<u8>)]) {
        let mut inner = self.inner();
        inner.names.retain(|path, _| !path.starts_with(folder));
        for (path, bytes) in copy {
            inner.contents.push(Content {
                written: bytes.clone(),
                synced: bytes.clone(),
            });
            let at = inner.contents.len().saturating_sub(1);
            inner.names.insert(path.clone(), at);
        }
        inner.durable_names = inner.names.clone();
    }

    /// Gives a file other permission bits.
    pub fn set_mode(&self, path: &str, mode: u32) {
        self.inner().modes.insert(path.to_owned(), mode);
    }

    /// Every byte that any file ever had on the disk, removed files included: what is left for a reader of the raw disk.
    #[must_use]
    pub fn raw(&self) -> Vec<Vec<u8>> {
        self.inner()
            .contents
            .iter()
            .map(|content| content.written.clone())
            .collect()
    }

    fn step(&self, change: impl FnOnce(&mut Inner) -> io::Result<()>) -> io::Result<()> {
        let mut inner = self.inner();
        let dead = || io::Error::other("the process is dead");
        if inner.dead {
            return Err(dead());
        }
        inner.steps = inner.steps.saturating_add(1);
        match inner.fail_at {
            Some((at, done)) if at == inner.steps => {
                inner.dead = true;
                if done {
                    change(&mut inner)?;
                }
                Err(dead())
            }
            _ => change(&mut inner),
        }
    }
}

fn content<'i>(inner: &'i mut Inner, path: &str) -> io::Result<&'i mut Content> {
    let at = inner
        .names
        .get(path)
        .copied()
        .ok_or(io::ErrorKind::NotFound)?;
    inner
        .contents
        .get_mut(at)
        .ok_or_else(|| io::ErrorKind::NotFound.into())
}

impl Files for MemoryFiles {
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let inner = self.inner();
        let below = format!("{folder}/");
        Ok(inner
            .names
            .keys()
            .filter(|path| path.starts_with(&below))
            .cloned()
            .collect())
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let inner = self.inner();
        let at = inner.names.get(path);
        Ok(at
            .and_then(|at| inner.contents.get(*at))
            .map(|content| content.written.clone()))
    }

    fn mode(&self, path: &str) -> io::Result<Option<u32>> {
        let inner = self.inner();
        let there = inner.names.contains_key(path);
        Ok(there.then(|| inner.modes.get(path).copied().unwrap_or(0o600)))
    }

    fn write_new(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.step(|inner| {
            if inner.names.contains_key(path) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            inner.contents.push(Content {
                written: bytes.to_vec(),
                synced: Vec::new(),
            });
            let at = inner.contents.len().saturating_sub(1);
            inner.names.insert(path.to_owned(), at);
            Ok(())
        })
    }

    fn blank(&mut self, path: &str) -> io::Result<()> {
        self.step(|inner| {
            content(inner, path)?.written.fill(0);
            Ok(())
        })
    }

    fn sync(&mut self, path: &str) -> io::Result<()> {
        self.step(|inner| {
            let content = content(inner, path)?;
            content.synced = content.written.clone();
            Ok(())
        })
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.step(|inner| {
            let at = inner.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
            inner.names.insert(to.to_owned(), at);
            Ok(())
        })
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        self.step(|inner| {
            inner
                .names
                .remove(path)
                .map(drop)
                .ok_or_else(|| io::ErrorKind::NotFound.into())
        })
    }

    fn sync_dir(&mut self, path: &str) -> io::Result<()> {
        self.step(|inner| {
            let folder = |path: &str| {
                path.rsplit_once('/')
                    .map_or(String::new(), |(folder, _)| folder.to_owned())
            };
            let wanted = folder(path);
            inner.durable_names.retain(|path, _| folder(path) != wanted);
            let live: Vec<_> = inner
                .names
                .iter()
                .filter(|(path, _)| folder(path) == wanted)
                .map(|(p, at)| (p.clone(), *at))
                .collect();
            inner.durable_names.extend(live);
            Ok(())
        })
    }
}
