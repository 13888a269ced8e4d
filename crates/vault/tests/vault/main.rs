//! Tests of the vault: each module is one promise.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops at the first thing that is not as it should be"
)]

mod crashes;
mod old_copies;
mod records;
mod sealing;

use keepwhole_vault::{
    FileKeys, MemoryFiles, PersonalRecord, Vault, VaultError, create, open_vault,
};

pub(crate) type TestVault = Vault<MemoryFiles, FileKeys<MemoryFiles>>;

pub(crate) fn made(files: &MemoryFiles) -> Result<TestVault, VaultError> {
    create(files.clone(), FileKeys::load(files.clone())?)
}

pub(crate) fn opened(files: &MemoryFiles) -> Result<TestVault, VaultError> {
    open_vault(files.clone(), FileKeys::load(files.clone())?)
}

pub(crate) fn record(name: &str) -> PersonalRecord {
    let json =
        format!(r#"{{"name":"{name}","email":"{name}@example.com","birth_date":"1990-01-02"}}"#);
    PersonalRecord::from_json(json.as_bytes()).unwrap()
}
