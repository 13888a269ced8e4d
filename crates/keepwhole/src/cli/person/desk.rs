//! The journal and the vault side by side, and what keeps them one: whatever the journal says erased is erased, an older
//! store of keys is recorded as that, and a record counts only once the journal has its commitment.

use super::super::exit::Failure;
use super::super::wall_clock;
use super::tell_restored;
use crate::installation::Installation;
use keepwhole_core::answer::Answer;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::state::State;
use keepwhole_core::subject::SubjectCommand;
use keepwhole_vault::{FileKeys, Kept, RealFiles, Vault, VaultError, create, open_vault};
use std::path::Path;

/// The vault's folder in an installation.
pub(super) const FOLDER: &str = "vault";

/// An installation with its vault, open for writing.
pub(super) struct Desk {
    installation: Installation,
    pub(super) vault: Vault<RealFiles, FileKeys<RealFiles>>,
    told: u64,
}

pub(super) fn hex(bytes: &[u8]) -> String {
    keepwhole_verify::json::to_hex(bytes)
}

/// The vault's refusal as the program's.
pub(super) fn of_vault(error: &VaultError) -> Failure {
    let message = error.to_string();
    match error {
        VaultError::UnknownAccount
        | VaultError::UnknownRecord
        | VaultError::Erased
        | VaultError::NoVault => Failure::refused(error.code(), message),
        VaultError::Record(_) => Failure::usage(error.code(), message),
        _ => Failure::fault(error.code(), message),
    }
}

impl Desk {
    /// Opens both, and puts right what a crash or an old copy left.
    pub(super) fn open(dir: &Path, make: bool) -> Result<Self, Failure> {
        let installation =
            Installation::open(dir).map_err(|error| Failure::of_installation(dir, &error))?;
        let root = dir.join(FOLDER);
        let files = || RealFiles::at(&root);
        let keys = FileKeys::load(files()).map_err(|error| of_vault(&error))?;
        let known = installation.sequencer.state().subjects.key_store.is_some();
        let vault = if make && !known {
            create(files(), keys)
        } else {
            open_vault(files(), keys)
        };
        let vault = vault.map_err(|error| match error {
            VaultError::NoVault if known => Failure::fault(
                "vault_missing",
                "the journal knows a vault, and `vault/wrapped` is not there: restore `vault/` from a copy",
            ),
            other => of_vault(&other),
        })?;
        let mut desk = Self {
            installation,
            vault,
            told: 0,
        };
        desk.settle()?;
        Ok(desk)
    }

    pub(super) fn state(&self) -> &State {
        self.installation.sequencer.state()
    }

    fn settle(&mut self) -> Result<(), Failure> {
        let erased: Vec<_> = self.state().subjects.erased.keys().copied().collect();
        let recorded = self.state().subjects.key_store;
        let found = self.vault.generation();
        let mut again = 0_u64;
        for subject in erased {
            if self
                .vault
                .erase(&subject)
                .map_err(|error| of_vault(&error))?
            {
                again = again.saturating_add(1);
            }
        }
        if let Some((expected, _)) = recorded
            && found < expected
        {
            let key = self.vault.key_number();
            let body = Body::OfSubject(SubjectCommand::RecordKeyStore {
                generation: found,
                key,
            });
            self.send(None, None, body)?;
            self.vault
                .advance_past(expected)
                .map_err(|error| of_vault(&error))?;
            tell_restored(expected, found, again);
        }
        for kept in self.vault.pending().map_err(|error| of_vault(&error))? {
            let answered = self.state().answers.get(&Self::id_of(&kept));
            let settled = if answered.is_some_and(|known| known.answer == Answer::Recorded) {
                self.vault.confirm(&kept)
            } else {
                // Nobody was told that it is kept.
                self.vault.withdraw(&kept)
            };
            settled.map_err(|error| of_vault(&error))?;
        }
        self.told = self
            .state()
            .subjects
            .key_store
            .map_or(0, |(generation, _)| generation);
        Ok(())
    }

    /// The id under which the commitment of a record is sent, so that a start after a crash can ask for the answer.
    pub(super) fn id_of(kept: &Kept) -> String {
        format!("personal-{}", hex(&kept.record))
    }

    /// The member of staff is enrolled. The name is not repeated and not recorded: it may be anything.
    pub(super) fn staff(&self, actor: &str) -> Result<(), Failure> {
        if self.state().registry.actor(actor).is_some() {
            return Ok(());
        }
        Err(Failure::refused(
            "unknown_actor",
            "the name given to `--actor` is not enrolled; enrol the member of staff first",
        ))
    }

    pub(super) fn send(
        &mut self,
        id: Option<String>,
        actor: Option<&str>,
        body: Body,
    ) -> Result<Answer, Failure> {
        let command = Command {
            id,
            actor: actor.map(str::to_owned),
            body,
        };
        let replies = self.installation.sequencer.turn(wall_clock()?, &[command]);
        let replies = replies.map_err(|error| {
            let dir = self.installation.dir.clone();
            Failure::of_installation(&dir, &error.into())
        })?;
        let reply = replies.into_iter().next();
        reply
            .map(|reply| reply.answer)
            .ok_or_else(|| Failure::fault("answer", "the journal gave no answer"))
    }

    /// Records how far the store of keys is, and publishes the head.
    pub(super) fn close(&mut self) -> Result<(), Failure> {
        let generation = self.vault.generation();
        if generation != self.told {
            let key = self.vault.key_number();
            let body = Body::OfSubject(SubjectCommand::RecordKeyStore { generation, key });
            self.send(None, None, body)?;
            self.told = generation;
        }
        let published = self.installation.publish();
        published.map_err(|error| Failure::of_installation(&self.installation.dir, &error))
    }
}
