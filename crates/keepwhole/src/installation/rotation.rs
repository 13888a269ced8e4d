//! Keys of the log: declared with the root key that may rotate them, rotated by what that key signed offline.
//!
//! The journal is the authority on which key counts. `log/keys` repeats what it says in lines of a trust file, for what
//! must be read before the journal is; it is written anew where it differs. docs/journal-format.md, "Keys of the log".

use super::log_key::{self, NewKey};
use super::{Care, Installation, InstallationError, read_origin};
use crate::journal::keys::{self, KeyFile};
use crate::journal::snapshot::Rules;
use crate::journal::{Disk as _, JournalError, Options, RealDisk, layout};
use crate::sequencer::{self, Opening, Until};
use crate::text::Lang;
use crate::views::reason_line;
use keepwhole_core::answer::Answer;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::log_keys::LogKeys;
use keepwhole_core::reason::Reason;
use keepwhole_core::state::State;
use keepwhole_verify::note::{NoteSigner as _, VerifierKey};
use keepwhole_verify::policy::Policy;
use keepwhole_verify::rotation::Rotation;
use keepwhole_verify::trust::Trust;
use std::fs;
use std::path::Path;

/// What `rotate` did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// Position of the entry that records the rotation.
    pub entry: u64,
    /// The key that ended.
    pub old: String,
    /// The key that signs from now on.
    pub new: VerifierKey,
    /// The entry was there already: an earlier run was cut short, and this one finished it.
    pub finished: bool,
}

fn wrong(fault: impl Into<String>) -> InstallationError {
    InstallationError::Rotation(fault.into())
}

/// Lines `root` and `retired` of a trust file, as the journal has them; empty where no keys are declared.
pub(super) fn history_of(keys: Option<&LogKeys>) -> String {
    let Some(keys) = keys else {
        return String::new();
    };
    let retired = keys
        .retired
        .iter()
        .map(|old| format!("retired {} {}\n", old.key, old.until));
    format!("root {}\n{}", keys.root, retired.collect::<String>())
}

/// The lines that the installation in `dir` has beside its log key.
///
/// # Errors
/// [`InstallationError::Io`].
pub fn history(dir: &Path) -> Result<String, InstallationError> {
    let path = dir.join(layout::KEY_HISTORY);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(InstallationError::io("read", &path)(error)),
    }
}

/// Writes the lines anew where they differ.
pub(super) fn keep_history(dir: &Path, state: &State) -> Result<(), InstallationError> {
    let lines = history_of(state.log_keys.as_ref());
    if history(dir)? == lines {
        return Ok(());
    }
    RealDisk::at(dir)
        .write_atomic(layout::KEY_HISTORY, lines.as_bytes())
        .map_err(InstallationError::io(
            "write",
            &dir.join(layout::KEY_HISTORY),
        ))
}

/// Which keys may have signed heads of the log in `dir`, whose key is now `key`.
///
/// # Errors
/// [`InstallationError::Rotation`] for lines that are wrong; [`InstallationError::Io`].
pub fn log_policy(dir: &Path, key: &VerifierKey) -> Result<Policy, InstallationError> {
    let history = history(dir)?;
    let gone = format!("retired {key} ");
    if let Some(since) = history.lines().find_map(|line| line.strip_prefix(&gone)) {
        return Err(given_up(key, since).into());
    }
    let text = format!("log {key}\nquorum none\n{history}");
    let trust = Trust::parse(layout::KEY_HISTORY, &text).map_err(|error| {
        wrong(format!(
            "{error}; remove the file, the next start writes it anew"
        ))
    })?;
    Ok(trust.policy)
}

/// The state, without any key: the log's may be lost.
fn state_of(dir: &Path) -> Result<(String, State), InstallationError> {
    let origin = read_origin(dir)?;
    let opening = Opening {
        options: Options::default(),
        rules: Rules::default(),
        known: Vec::new(),
        until: Until::End,
        blank: State::default(),
    };
    let read = sequencer::read(RealDisk::at(dir), opening).map_err(super::of_fold)?;
    let (_, _, damage, folded) = read;
    match damage {
        Some(damage) => Err(damage.into()),
        None => Ok((origin, folded.state)),
    }
}

fn declared(state: &State) -> Result<&LogKeys, InstallationError> {
    state.log_keys.as_ref().ok_or_else(|| {
        wrong("no root key is declared; a rotation needs one: `keepwhole key declare`")
    })
}

/// Makes the next log key where `new` says and returns what the root key is to sign. Run again it returns the same.
///
/// # Errors
/// [`InstallationError::Rotation`] where no root key is declared; [`JournalError::Key`]; as opening for reading.
pub fn prepare(dir: &Path, new: &NewKey) -> Result<Rotation, InstallationError> {
    let (origin, state) = state_of(dir)?;
    let known = declared(&state)?;
    let path = dir.join(layout::NEXT_LOG_KEY);
    if path.exists() && keys::public(dir, KeyFile::NextLog, &origin)?.to_string() == known.log {
        // A rotation was cut short behind its last step but this one.
        fs::remove_file(&path).map_err(InstallationError::io("remove", &path))?;
    }
    let next = if path.exists() {
        keys::public(dir, KeyFile::NextLog, &origin)?
    } else {
        let made = log_key::make(dir, KeyFile::NextLog, &origin, new)?;
        made.key().clone()
    };
    let old = VerifierKey::parse(&known.log).map_err(|error| wrong(error.to_string()))?;
    Rotation::new(known.next_number(), old, next).map_err(|error| wrong(error.to_string()))
}

/// Records the rotation that the root key signed in `statement`, puts the new key in the old one's place and publishes the
/// head under it. The log's old key may be lost. Cut short, it is finished by running it again.
///
/// # Errors
/// [`InstallationError::Rotation`] for a statement that is not the next one, not signed by the root key, or of another
/// new key than the prepared one; as [`Installation::open`].
pub fn rotate(dir: &Path, statement: &[u8], now: u64) -> Result<Rotated, InstallationError> {
    let (origin, state) = state_of(dir)?;
    let known = declared(&state)?;
    let root = VerifierKey::parse(&known.root).map_err(|error| wrong(error.to_string()))?;
    let rotation =
        Rotation::verify(statement, &root).map_err(|error| wrong(format!("refused: {error}")))?;
    let new = rotation.new_key().clone();
    let finished = known.log == new.to_string();
    if finished && keys::public(dir, KeyFile::Log, &origin).is_ok_and(|key| key == new) {
        return Err(wrong(format!("`{new}` is the log's key already")));
    }
    let next = log_key::open(dir, KeyFile::NextLog, &origin)?;
    if *next.key() != new {
        return Err(wrong(format!(
            "the statement begins `{new}`, the prepared key is `{}`; run `keepwhole key prepare` and have that signed",
            next.key()
        )));
    }
    let lost = !dir.join(layout::LOG_KEY).exists();
    let signs = if lost || finished {
        KeyFile::NextLog
    } else {
        KeyFile::Log
    };
    let mut open = open_before(dir, &origin, signs, known)?;
    if !finished {
        record(&mut open, statement, now)?;
    }
    let entry = last_rotation(open.sequencer.state())?;
    take_place(dir, open.sequencer.state())?;
    open.log_key = new.clone();
    open.publisher.sign_with(Box::new(next.clone()))?;
    open.signer = next;
    open.publish()?;
    Ok(Rotated {
        entry,
        old: rotation.old().to_string(),
        new,
        finished,
    })
}

/// Opens while the key changes: heads that the key before or the next one signed are known.
fn open_before(
    dir: &Path,
    origin: &str,
    signs: KeyFile,
    known: &LogKeys,
) -> Result<Installation, InstallationError> {
    let key = keys::public(dir, signs, origin)?;
    let mut policy = log_policy(dir, &key)?;
    let before = known.retired.iter().map(|old| &old.key).chain([&known.log]);
    for before in before.filter_map(|key| VerifierKey::parse(key).ok()) {
        if before != key {
            // One that is retired already keeps its limit.
            let _known = policy.retire(before, u64::MAX >> 1);
        }
    }
    Installation::open_signing(dir, Care::default(), signs, &policy, false)
}

fn record(open: &mut Installation, statement: &[u8], now: u64) -> Result<(), InstallationError> {
    let body = Body::RotateLogKey {
        statement: statement.to_vec(),
    };
    tell(open, None, body, now)
}

fn tell(
    open: &mut Installation,
    actor: Option<String>,
    body: Body,
    now: u64,
) -> Result<(), InstallationError> {
    let command = Command {
        id: None,
        actor,
        body,
    };
    let at = now.max(open.sequencer.state().at);
    let replies = open.sequencer.turn(at, &[command])?;
    match replies.first().map(|reply| &reply.answer) {
        Some(Answer::Recorded) => Ok(()),
        Some(other) => Err(wrong(match other.reason() {
            Some(Reason::Malformed { what }) => what.clone(),
            Some(reason) => reason_line(open.sequencer.state(), None, reason, Lang::En),
            None => String::from("the journal did not record it"),
        })),
        None => Err(InstallationError::Ended),
    }
}

fn last_rotation(state: &State) -> Result<u64, InstallationError> {
    let known = declared(state)?;
    let last = known.retired.last();
    last.map(|old| old.until)
        .ok_or_else(|| wrong("the journal records no rotation"))
}

/// Puts the next key in the place of the log's, durably. The old secret is gone then.
fn take_place(dir: &Path, state: &State) -> Result<(), InstallationError> {
    keep_history(dir, state)?;
    let (from, to) = (dir.join(layout::NEXT_LOG_KEY), dir.join(layout::LOG_KEY));
    let (half, folder) = (to.with_extension("kwtmp"), dir.join("keys"));
    let sync = |path: &Path| fs::File::open(path).and_then(|file| file.sync_all());
    fs::copy(&from, &half).map_err(InstallationError::io("copy", &from))?;
    sync(&half).map_err(InstallationError::io("sync", &half))?;
    fs::rename(&half, &to).map_err(InstallationError::io("replace", &to))?;
    sync(&folder).map_err(InstallationError::io("sync", &folder))?;
    fs::remove_file(&from).map_err(InstallationError::io("remove", &from))?;
    sync(&folder).map_err(InstallationError::io("sync", &folder))
}

impl Installation {
    /// Declares the log's key and the root key that may rotate it; once.
    ///
    /// # Errors
    /// [`InstallationError::Rotation`] for a key that is not named `<origin>/root`, or where one is declared;
    /// [`InstallationError::Sequencer`].
    pub fn declare_root(
        &mut self,
        root: &VerifierKey,
        actor: Option<String>,
        now: u64,
    ) -> Result<(), InstallationError> {
        let body = Body::DeclareLogKeys {
            log: self.log_key.to_string(),
            root: root.to_string(),
        };
        tell(self, actor, body, now)?;
        keep_history(&self.dir, self.sequencer.state())?;
        self.publish()
    }
}

/// The signer is the one that the journal names, where it names one.
pub(super) fn check_named(state: &State, key: &VerifierKey) -> Result<(), JournalError> {
    match &state.log_keys {
        Some(known) if known.log != key.to_string() => {
            let since = known.retired.last().map_or(0, |old| old.until);
            Err(given_up(key, &since.to_string()))
        }
        _ => Ok(()),
    }
}

fn given_up(key: &VerifierKey, since: &str) -> JournalError {
    JournalError::Key {
        path: layout::LOG_KEY.to_owned(),
        fault: format!(
            "is `{key}`, but entry `{since}` of the journal gave the log another key; run `keepwhole key rotate` again if that \
             was cut short, else put the other key there: an old one signs nothing any more"
        ),
    }
}
