//! The vault over its folder: keep, read, find, erase, rewrap. Every change is durable before it is said to be done.
//!
//! Files, below the vault's folder (docs/personal-data.md):
//! `key/N` vault keys; `wrapped/subjects/SS/SUBJECT` the wrapped key of a person with what leads to it;
//! `wrapped/accounts/HH/HASH` from a keyed hash of the account to the person; `wrapped/search/HH/HASH/SUBJECT` found
//! values; `wrapped/index` the wrapped key of these hashes; `wrapped/generation` how often all this changed;
//! `records/SS/SUBJECT/RECORD` sealed records, with `.new` behind the name until the journal has the commitment.

use crate::files::{self, Files, TEMPORARY};
use crate::keys::VaultKeys;
use crate::seal::{self, NONCE_BYTES, SALT_BYTES};
use crate::{Field, PersonalRecord, RecordId, SubjectId, VaultError};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

const WRAP_WORD: &[u8; 8] = b"KWWRAP1\n";
const RECORD_WORD: &[u8; 8] = b"KWREC01\n";
const WRAP_DOMAIN: &str = "keepwhole/vault/wrap/v1\0";
const INDEX: &str = "wrapped/index";
const GENERATION: &str = "wrapped/generation";
const SUBJECTS: &str = "wrapped/subjects";
const ACCOUNTS: &str = "wrapped/accounts";
const SEARCH: &str = "wrapped/search";
const RECORDS: &str = "records";
const NEW: &str = ".new";
/// What stands for an account whose person was erased.
const ERASED: &[u8] = b"erased\n";

/// A record that was kept: what the journal gets of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Whose.
    pub subject: SubjectId,
    /// The record.
    pub record: RecordId,
    /// The commitment.
    pub commit: [u8; 32],
}

/// Where an account leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// Nothing of it is kept.
    Unknown,
    /// Its person was erased.
    Erased,
    /// To this person.
    Subject(SubjectId),
}

/// An open vault.
pub struct Vault<F, K> {
    files: F,
    keys: K,
    index: Zeroizing<[u8; 32]>,
    generation: u64,
}

impl<F, K> fmt::Debug for Vault<F, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault(generation {})", self.generation)
    }
}

/// A secret, and the number of the vault key that wraps it.
type Numbered = (u64, Zeroizing<Vec<u8>>);

pub(crate) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, VaultError> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|error| VaultError::Random(error.to_string()))?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != N.checked_mul(2)? {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// `folder/HH/NAME`, so that no folder gets too many names.
fn shelved(folder: &str, id: &[u8]) -> String {
    let name = hex(id);
    let shelf = name.get(..2).unwrap_or("00");
    format!("{folder}/{shelf}/{name}")
}

fn last_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

fn not_opened(path: &str) -> VaultError {
    VaultError::NotOpened {
        path: path.to_owned(),
    }
}

/// Makes a vault where there is none: a vault key if the holder has none, and the key of the hashes.
///
/// # Errors
/// [`VaultError`] as files and keys report; what a run left that was cut short is finished by the next.
pub fn create<F: Files, K: VaultKeys>(files: F, mut keys: K) -> Result<Vault<F, K>, VaultError> {
    if files::read(&files, INDEX)?.is_some() {
        return open_vault(files, keys);
    }
    if keys.current() == 0 {
        keys.renew()?;
    }
    let mut vault = Vault {
        files,
        keys,
        index: random()?,
        generation: 0,
    };
    let index = vault.index.clone();
    vault.put_wrapped(INDEX, index.as_slice())?;
    vault.changed()?;
    Ok(vault)
}

/// Opens a vault, and destroys what a crash left half written.
///
/// # Errors
/// [`VaultError::NoVault`] where there is none; [`VaultError::NotOpened`] where the vault key is not the one under which
/// its keys are wrapped.
pub fn open_vault<F: Files, K: VaultKeys>(
    mut files: F,
    keys: K,
) -> Result<Vault<F, K>, VaultError> {
    for folder in ["wrapped", RECORDS] {
        for path in files::list(&files, folder)? {
            if path.ends_with(TEMPORARY) {
                files::destroy(&mut files, &path)?;
            }
        }
    }
    let generation = files::read(&files, GENERATION)?.unwrap_or_default();
    let generation = std::str::from_utf8(&generation)
        .ok()
        .and_then(|text| text.trim().parse().ok());
    let mut vault = Vault {
        files,
        keys,
        index: Zeroizing::new([0; 32]),
        generation: generation.unwrap_or(0),
    };
    let index = vault.get_wrapped(INDEX)?.ok_or(VaultError::NoVault)?;
    let index: [u8; 32] = index.as_slice().try_into().map_err(|_| not_opened(INDEX))?;
    vault.index = Zeroizing::new(index);
    Ok(vault)
}

impl<F: Files, K: VaultKeys> Vault<F, K> {
    /// How often the store of wrapped keys changed: smaller than the journal says where a copy was put back.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Number of the vault key.
    #[must_use]
    pub fn key_number(&self) -> u64 {
        self.keys.current()
    }

    fn changed(&mut self) -> Result<(), VaultError> {
        self.advance_past(self.generation)
    }

    /// Counts on from `generation`, after a copy was put back.
    ///
    /// # Errors
    /// As the files report.
    pub fn advance_past(&mut self, generation: u64) -> Result<(), VaultError> {
        let next = generation.saturating_add(1);
        files::put(&mut self.files, GENERATION, format!("{next}\n").as_bytes())?;
        self.generation = next;
        Ok(())
    }

    fn put_wrapped(&mut self, path: &str, secret: &[u8]) -> Result<(), VaultError> {
        let wrapped = self
            .keys
            .wrap(secret, format!("{WRAP_DOMAIN}{path}").as_bytes())?;
        let number = self.keys.current().to_be_bytes();
        let bytes = [WRAP_WORD.as_slice(), &number, &wrapped].concat();
        files::put(&mut self.files, path, &bytes)
    }

    /// Number of the vault key over a wrapped secret, and the secret.
    fn get_numbered(&self, path: &str) -> Result<Option<Numbered>, VaultError> {
        let Some(bytes) = files::read(&self.files, path)? else {
            return Ok(None);
        };
        let opened = bytes.strip_prefix(WRAP_WORD).and_then(|rest| {
            let (number, wrapped) = rest.split_first_chunk::<8>()?;
            let number = u64::from_be_bytes(*number);
            let bound_to = format!("{WRAP_DOMAIN}{path}");
            Some((
                number,
                self.keys.unwrap(number, wrapped, bound_to.as_bytes())?,
            ))
        });
        opened.map(Some).ok_or_else(|| not_opened(path))
    }

    fn get_wrapped(&self, path: &str) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        Ok(self.get_numbered(path)?.map(|(_, secret)| secret))
    }

    /// Keyed hash of a value in a domain of its own.
    fn hash(&self, domain: &str, value: &str) -> Result<[u8; 32], VaultError> {
        let mac = Hmac::<Sha256>::new_from_slice(self.index.as_slice());
        let mut mac = mac.map_err(|_| not_opened(INDEX))?;
        for part in [domain.as_bytes(), &[0], value.as_bytes()] {
            mac.update(part);
        }
        Ok(mac.finalize().into_bytes().into())
    }

    /// Hash of a field's value, spaces, hyphens and the case of letters aside.
    fn search_hash(&self, field: Field, value: &str) -> Result<[u8; 32], VaultError> {
        let plain: Zeroizing<String> = Zeroizing::new(
            value
                .chars()
                .filter(|c| !c.is_whitespace() && *c != '-')
                .flat_map(char::to_lowercase)
                .collect(),
        );
        self.hash(field.name(), &plain)
    }

    /// Where an account leads.
    ///
    /// # Errors
    /// As the files report.
    pub fn account(&self, account: &str) -> Result<Account, VaultError> {
        let path = shelved(ACCOUNTS, &self.hash("account", account)?);
        let Some(text) = files::read(&self.files, &path)? else {
            return Ok(Account::Unknown);
        };
        let subject = std::str::from_utf8(&text)
            .ok()
            .and_then(|text| unhex(text.trim_end()));
        // Anything else was blanked: the erasure of this person had begun.
        Ok(subject.map_or(Account::Erased, Account::Subject))
    }

    /// The person of an account.
    ///
    /// # Errors
    /// [`VaultError::UnknownAccount`], [`VaultError::Erased`].
    pub fn subject(&self, account: &str) -> Result<SubjectId, VaultError> {
        match self.account(account)? {
            Account::Subject(subject) => Ok(subject),
            Account::Erased => Err(VaultError::Erased),
            Account::Unknown => Err(VaultError::UnknownAccount),
        }
    }

    /// Persons a field of whom has exactly this value.
    ///
    /// # Errors
    /// As the files report.
    pub fn find(&self, field: Field, value: &str) -> Result<Vec<SubjectId>, VaultError> {
        let folder = shelved(SEARCH, &self.search_hash(field, value)?);
        let found = files::list(&self.files, &folder)?;
        Ok(found
            .iter()
            .filter_map(|path| unhex(last_name(path)))
            .collect())
    }

    /// Seals a record. It counts as kept only once the journal has the commitment and [`confirm`](Self::confirm) was
    /// called; until then it is among [`pending`](Self::pending).
    ///
    /// # Errors
    /// [`VaultError::Erased`] for an account whose person was erased; as files and keys report.
    pub fn put(&mut self, account: &str, record: &PersonalRecord) -> Result<Kept, VaultError> {
        let plaintext = record.to_json()?;
        let (subject, mut secret, fresh) = match self.account(account)? {
            Account::Erased => return Err(VaultError::Erased),
            Account::Subject(subject) => {
                let path = shelved(SUBJECTS, &subject);
                let secret = self.get_wrapped(&path)?.ok_or_else(|| not_opened(&path))?;
                (subject, secret, false)
            }
            Account::Unknown => {
                let mut secret = Zeroizing::new(random::<32>()?.to_vec());
                secret.extend_from_slice(&self.hash("account", account)?);
                (*random()?, secret, true)
            }
        };
        let mut tags = Vec::new();
        for field in record.fields().filter(|field| field.is_searched()) {
            tags.push(self.search_hash(field, record.value(field).unwrap_or_default())?);
        }
        let known = |secret: &[u8], tag: &[u8; 32]| secret.chunks(32).skip(2).any(|old| old == tag);
        tags.retain(|tag| !known(&secret, tag));
        for tag in &tags {
            secret.extend_from_slice(tag);
        }
        if fresh || !tags.is_empty() {
            // First what erasing needs to find everything, then what it would have to find.
            self.put_wrapped(&shelved(SUBJECTS, &subject), &secret)?;
            for tag in &tags {
                let path = format!("{}/{}", shelved(SEARCH, tag), hex(&subject));
                files::put(&mut self.files, &path, b"\n")?;
            }
            if fresh {
                let path = shelved(ACCOUNTS, &self.hash("account", account)?);
                files::put(
                    &mut self.files,
                    &path,
                    format!("{}\n", hex(&subject)).as_bytes(),
                )?;
            }
            self.changed()?;
        }
        let key: &[u8; 32] = secret.first_chunk().ok_or_else(|| not_opened(SUBJECTS))?;
        self.store(key, subject, &plaintext)
    }

    fn store(
        &mut self,
        key: &[u8; 32],
        subject: SubjectId,
        plaintext: &[u8],
    ) -> Result<Kept, VaultError> {
        let record: RecordId = *random()?;
        let (nonce, salt) = (random::<NONCE_BYTES>()?, random::<SALT_BYTES>()?);
        let commit = seal::commit_of(&salt, plaintext);
        let sealed = seal::seal(key, &nonce, (&subject, &record), &salt, plaintext);
        let sealed = sealed.ok_or(VaultError::Record("it is too large to be sealed"))?;
        let parts: [&[u8]; 6] = [
            RECORD_WORD,
            &subject,
            &record,
            &commit,
            nonce.as_slice(),
            &sealed,
        ];
        let path = record_path(&subject, &record);
        files::put(&mut self.files, &format!("{path}{NEW}"), &parts.concat())?;
        Ok(Kept {
            subject,
            record,
            commit,
        })
    }

    /// The journal has the commitment: the record is kept.
    ///
    /// # Errors
    /// As the files report.
    pub fn confirm(&mut self, kept: &Kept) -> Result<(), VaultError> {
        let path = record_path(&kept.subject, &kept.record);
        let new = format!("{path}{NEW}");
        if files::read(&self.files, &new)?.is_none() {
            return Ok(());
        }
        files::rename(&mut self.files, &new, &path)
    }

    /// The journal refused the commitment: the record is destroyed.
    ///
    /// # Errors
    /// As the files report.
    pub fn withdraw(&mut self, kept: &Kept) -> Result<(), VaultError> {
        let path = record_path(&kept.subject, &kept.record);
        files::destroy(&mut self.files, &format!("{path}{NEW}"))
    }

    /// Sealed records of which nobody knows whether the journal has the commitment: it must be told again.
    ///
    /// # Errors
    /// As the files report.
    pub fn pending(&self) -> Result<Vec<Kept>, VaultError> {
        let mut pending = Vec::new();
        for path in files::list(&self.files, RECORDS)? {
            if path.ends_with(NEW) {
                let bytes = files::read(&self.files, &path)?.unwrap_or_default();
                let (kept, _, _) = parse_record(&bytes).ok_or_else(|| not_opened(&path))?;
                pending.push(kept);
            }
        }
        Ok(pending)
    }

    /// Confirmed records of a person, in order of their random numbers.
    ///
    /// # Errors
    /// As the files report.
    pub fn records(&self, subject: &SubjectId) -> Result<Vec<RecordId>, VaultError> {
        let found = files::list(&self.files, &shelved(RECORDS, subject))?;
        Ok(found
            .iter()
            .filter_map(|path| unhex(last_name(path)))
            .collect())
    }

    /// Opens a record and checks it against its commitment. The caller journals the read before anybody sees it.
    ///
    /// # Errors
    /// [`VaultError::Erased`] where the key is gone, [`VaultError::UnknownRecord`], [`VaultError::NotOpened`].
    pub fn read(
        &self,
        subject: &SubjectId,
        record: &RecordId,
    ) -> Result<(Kept, PersonalRecord), VaultError> {
        let path = record_path(subject, record);
        let bytes = files::read(&self.files, &path)?.ok_or(VaultError::UnknownRecord)?;
        let secret = self
            .get_wrapped(&shelved(SUBJECTS, subject))?
            .ok_or(VaultError::Erased)?;
        let opened = parse_record(&bytes).and_then(|(kept, nonce, sealed)| {
            if (&kept.subject, &kept.record) != (subject, record) {
                return None;
            }
            let key: &[u8; 32] = secret.first_chunk()?;
            let ids = (subject, record);
            let plaintext = seal::open(key, &nonce, ids, &kept.commit, sealed)?;
            Some((kept, PersonalRecord::from_json(&plaintext).ok()?))
        });
        opened.ok_or_else(|| not_opened(&path))
    }

    /// Every person whose key is here.
    ///
    /// # Errors
    /// As the files report.
    pub fn subjects(&self) -> Result<Vec<SubjectId>, VaultError> {
        let found = files::list(&self.files, SUBJECTS)?;
        Ok(found
            .iter()
            .filter_map(|path| unhex(last_name(path)))
            .collect())
    }

    /// Destroys what leads to a person and opens the records: the way from the account, found values, the wrapped key,
    /// the records with their salts. Called for everybody whom the journal says erased, at every opening: it finishes
    /// what a crash cut short, and undoes the return of an old copy. True where there was anything left.
    ///
    /// # Errors
    /// As the files report; then some of it may be left, and the next call goes on.
    pub fn erase(&mut self, subject: &SubjectId) -> Result<bool, VaultError> {
        let path = shelved(SUBJECTS, subject);
        let there = files::read(&self.files, &path)?.is_some();
        let records = files::list(&self.files, &shelved(RECORDS, subject))?;
        if !there && records.is_empty() {
            return Ok(false);
        }
        if there {
            self.cut_ways(subject, &path)?;
            files::destroy(&mut self.files, &path)?;
            self.changed()?;
        }
        for path in records {
            files::destroy(&mut self.files, &path)?;
        }
        Ok(true)
    }

    /// Destroys what leads to a person: by the hashes beside the key or, where that does not open, by looking at all.
    fn cut_ways(&mut self, subject: &SubjectId, path: &str) -> Result<(), VaultError> {
        let name = hex(subject);
        let mut searches = Vec::new();
        let mut accounts = Vec::new();
        match self.get_wrapped(path) {
            Ok(Some(secret)) => {
                let mut tags = secret.chunks(32).skip(1);
                accounts.extend(tags.next().map(|tag| shelved(ACCOUNTS, tag)));
                searches.extend(tags.map(|tag| format!("{}/{name}", shelved(SEARCH, tag))));
            }
            Ok(None) => {}
            Err(VaultError::NotOpened { .. }) => {
                searches = files::list(&self.files, SEARCH)?;
                searches.retain(|path| last_name(path) == name);
                for path in files::list(&self.files, ACCOUNTS)? {
                    let text = files::read(&self.files, &path)?.unwrap_or_default();
                    if text.strip_suffix(b"\n") == Some(name.as_bytes()) {
                        accounts.push(path);
                    }
                }
            }
            Err(other) => return Err(other),
        }
        for path in accounts {
            if files::read(&self.files, &path)?.is_some_and(|text| text != ERASED) {
                files::blank(&mut self.files, &path)?;
                files::put(&mut self.files, &path, ERASED)?;
            }
        }
        for path in searches {
            files::destroy(&mut self.files, &path)?;
        }
        Ok(())
    }

    /// Makes a new vault key, wraps every key under it and destroys the older vault keys: copies of the wrapped keys
    /// that are older than this no longer open. A run that was cut short is finished by the next. Returns how many keys
    /// were wrapped anew.
    ///
    /// # Errors
    /// As files and keys report; the vault opens as before.
    pub fn rewrap(&mut self) -> Result<u64, VaultError> {
        let mut paths = files::list(&self.files, SUBJECTS)?;
        paths.push(INDEX.to_owned());
        let mut behind = false;
        for path in &paths {
            behind |= self
                .get_numbered(path)?
                .is_some_and(|(number, _)| number != self.keys.current());
        }
        if !behind {
            self.keys.renew()?;
        }
        let mut wrapped = 0_u64;
        for path in &paths {
            if let Some((number, secret)) = self.get_numbered(path)?
                && number != self.keys.current()
            {
                self.put_wrapped(path, &secret)?;
                wrapped = wrapped.saturating_add(1);
            }
        }
        self.keys.destroy_older()?;
        self.changed()?;
        Ok(wrapped)
    }
}

fn record_path(subject: &SubjectId, record: &RecordId) -> String {
    format!("{}/{}", shelved(RECORDS, subject), hex(record))
}

fn parse_record(bytes: &[u8]) -> Option<(Kept, [u8; NONCE_BYTES], &[u8])> {
    let (subject, rest) = bytes.strip_prefix(RECORD_WORD)?.split_first_chunk()?;
    let (record, rest) = rest.split_first_chunk()?;
    let (commit, rest) = rest.split_first_chunk()?;
    let (nonce, sealed) = rest.split_first_chunk()?;
    let kept = Kept {
        subject: *subject,
        record: *record,
        commit: *commit,
    };
    Some((kept, *nonce, sealed))
}
