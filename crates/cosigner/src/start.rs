//! Settings into a running process: keys loaded and held against each other, the memory opened, the guard set up.

use crate::bitgo::{Carrier, Mode as BitGoMode, jwks};
use crate::guard::checks::{People, Pins};
use crate::guard::client::{Client, ClientError};
use crate::guard::http::{Clock, HttpGuard};
use crate::keys::{self, AnswerKey, KeyError, Purpose, RequestKey};
use crate::responder::{BitGoSide, FireblocksSide, Responder, User};
use crate::server::Shared;
use crate::settings::{self, Keys, Settings, SettingsFault};
use crate::store::{Store, StoreError};
use crate::tls::{self, TlsError};
use keepwhole_verify::roster::Roster;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};
use zeroize::Zeroizing;

/// Largest file of settings or of a roster, bytes.
const FILE_MAX: u64 = 4 * 1_048_576;
/// Where a fetched key set is kept.
const JWKS_FILE: &str = "bitgo-jwks.json";

/// Why the process does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings, all that is wrong with them.
    #[error("{file}:\n{}", .faults.iter().map(|fault| format!("  {fault}")).collect::<Vec<_>>().join("\n"))]
    Settings {
        /// Which file.
        file: String,
        /// At least one.
        faults: Vec<SettingsFault>,
    },
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The memory.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key set.
    #[error("{0}: {1}")]
    Jwks(String, jwks::JwksError),
    /// A key set that can't be had.
    #[error("{0}; there is no kept one in the state folder either")]
    Fetch(ClientError),
    /// A mode without signatures.
    #[error(
        "`fireblocks.mode` 2 and 3 have unsigned requests and answers: whoever reaches this port, or ends its TLS, can ask and answer; \
         use 1 or 4, or start with `--allow-unsigned-callbacks` if you know why"
    )]
    Unsigned,
    /// One key in two places.
    #[error("{0} and {1} are the same key; a key is for one thing only")]
    SameKey(String, String),
    /// A `keyId` of another key.
    #[error(transparent)]
    KeyId(#[from] crate::bitgo::key_ids::KeyIdError),
    /// The pinned roster.
    #[error("{0}: {1}")]
    Roster(String, String),
}

/// Everything that runs, and what it needs from outside.
pub struct Parts {
    /// The settings.
    pub settings: Settings,
    /// What the routes share.
    pub shared: Shared,
    /// Fetches BitGo's key set, where it comes from an address.
    pub jwks: Option<Arc<Client>>,
    /// Folder of relative paths.
    pub folder: PathBuf,
}

/// Reads a file of settings.
///
/// # Errors
/// [`StartError`].
pub fn read(file: &Path) -> Result<Settings, StartError> {
    let text = keys::read_public(file, FILE_MAX)?;
    Settings::parse(&text).map_err(|faults| StartError::Settings {
        file: file.display().to_string(),
        faults,
    })
}

/// Loads and opens everything, without listening.
///
/// # Errors
/// [`StartError`].
pub async fn prepare(
    file: &Path,
    unsigned_allowed: bool,
    clock: Clock,
) -> Result<Parts, StartError> {
    let settings = read(file)?;
    let folder = file.parent().unwrap_or(Path::new("")).to_path_buf();
    if let Some(fireblocks) = &settings.fireblocks
        && !fireblocks.mode.is_signed()
        && !unsigned_allowed
    {
        return Err(StartError::Unsigned);
    }
    let mut store = Store::open(&folder.join(&settings.state))?;
    let fireblocks = match &settings.fireblocks {
        None => None,
        Some(read) => Some(fireblocks_side(read, &folder)?),
    };
    let jwks = jwks_client(&settings, &folder)?;
    let bitgo = match &settings.bitgo {
        None => None,
        Some(read) => {
            let state = folder.join(&settings.state);
            let keys = bitgo_keys(read, &folder, &state, jwks.as_deref()).await?;
            Some(bitgo_side(read, &folder, keys, &mut store)?)
        }
    };
    one_purpose_each(fireblocks.as_ref(), bitgo.as_ref())?;
    let signers = signers(&settings);
    let carrier = settings
        .bitgo
        .as_ref()
        .map_or(Carrier::Body, |bitgo| bitgo.carrier.clone());
    let mapping = Arc::new(settings.mapping.clone());
    let store = Arc::new(Mutex::new(store));
    let guard = HttpGuard::new(
        guard_clients(&settings.guard, &folder)?,
        pins(&settings, &folder)?,
        Arc::clone(&mapping),
        Arc::clone(&store),
        Arc::clone(&clock),
    );
    let responder = Responder::new(
        (fireblocks, bitgo),
        mapping,
        Arc::new(guard),
        store,
        (clock, settings.budget),
    );
    let shared = Shared {
        responder: Arc::new(responder),
        carrier,
        silence: settings.silence,
        signers: Arc::new(signers),
    };
    Ok(Parts {
        settings,
        shared,
        jwks,
        folder,
    })
}

fn signers(settings: &Settings) -> Vec<String> {
    let users = settings
        .fireblocks
        .iter()
        .flat_map(|side| side.users.keys());
    let mut all: Vec<String> = users.map(|user| format!("fireblocks/{user}")).collect();
    all.extend(
        settings
            .bitgo
            .iter()
            .map(|side| format!("bitgo/{}", side.account)),
    );
    all
}

fn fireblocks_side(
    read: &settings::Fireblocks,
    folder: &Path,
) -> Result<FireblocksSide, StartError> {
    let mut keys = Vec::new();
    for (name, file) in &read.cosigners {
        let pem = keys::read_public(&folder.join(file), FILE_MAX)?;
        keys.push(RequestKey::from_pem(
            name,
            Purpose::FireblocksRequest,
            &pem,
        )?);
    }
    let mut users = BTreeMap::new();
    for (id, (cosigners, file)) in &read.users {
        let user = User {
            cosigners: cosigners.clone(),
            key: AnswerKey::load(&folder.join(file), None)?,
        };
        users.insert(id.clone(), user);
    }
    Ok(FireblocksSide {
        mode: read.mode,
        keys,
        users,
        silent: read.silent.clone(),
        withdrawal: read.withdrawal,
        approvals: read.approvals,
        raw_required: read.raw_required,
    })
}

fn bitgo_side(
    read: &settings::BitGo,
    folder: &Path,
    keys: Vec<RequestKey>,
    store: &mut Store,
) -> Result<BitGoSide, StartError> {
    let key = match (&read.answer, read.mode) {
        (Some((id, file)), BitGoMode::Signed) => {
            let key = AnswerKey::load(&folder.join(file), Some(id))?;
            if !store.claim_key_id(id, &key.fingerprint())? {
                let reused = crate::bitgo::key_ids::KeyIdError::Reused(id.clone());
                return Err(reused.into());
            }
            Some(key)
        }
        _ => None,
    };
    Ok(BitGoSide {
        mode: read.mode,
        account: read.account.clone(),
        keys: RwLock::new(keys),
        key,
        names: read.names.clone(),
        amounts: read.amounts,
    })
}

fn jwks_client(settings: &Settings, folder: &Path) -> Result<Option<Arc<Client>>, StartError> {
    let keys = settings
        .bitgo
        .as_ref()
        .and_then(|bitgo| bitgo.keys.as_ref());
    let Some(Keys::Url(place, authority)) = keys else {
        return Ok(None);
    };
    let tls = match place.tls {
        true => Some(tls::client(&folder.join(authority), None)?),
        false => None,
    };
    Ok(Some(Arc::new(Client::new(place.clone(), tls, None))))
}

/// BitGo's keys: of the file, or of the address, or of what was fetched from it last.
async fn bitgo_keys(
    read: &settings::BitGo,
    folder: &Path,
    state: &Path,
    client: Option<&Client>,
) -> Result<Vec<RequestKey>, StartError> {
    let most = u64::try_from(jwks::BYTES_MAX).unwrap_or(u64::MAX);
    let of_file = |path: &Path| -> Result<Vec<RequestKey>, StartError> {
        let text = keys::read_public(path, most)?;
        let read = jwks::read(text.as_bytes());
        read.map_err(|error| StartError::Jwks(path.display().to_string(), error))
    };
    match (&read.keys, client) {
        (Some(Keys::File(file)), _) => of_file(&folder.join(file)),
        (Some(Keys::Url(..)), Some(client)) => match fetch_jwks(client, state).await {
            Ok(keys) => Ok(keys),
            Err(error) => {
                eprintln!("bitgo: {error}; the kept key set is used");
                of_file(&state.join(JWKS_FILE)).map_err(|_| StartError::Fetch(error))
            }
        },
        _ => Ok(Vec::new()),
    }
}

/// Fetches BitGo's key set and keeps it.
///
/// # Errors
/// No answer, or no key set: the keys in use stay.
pub async fn fetch_jwks(client: &Client, state: &Path) -> Result<Vec<RequestKey>, ClientError> {
    let failed = |cause: String| ClientError {
        place: client.place().to_string(),
        cause,
    };
    let patience = std::time::Duration::from_secs(10);
    let answer = tokio::time::timeout(patience, client.get()).await;
    let answer = answer.map_err(|_| failed("no answer in 10 s".to_owned()))??;
    if answer.status != 200 {
        return Err(failed(format!("status {}", answer.status)));
    }
    let keys = jwks::read(&answer.body).map_err(|error| failed(error.to_string()))?;
    let (path, next) = (state.join(JWKS_FILE), state.join("bitgo-jwks.new"));
    let kept = std::fs::write(&next, &answer.body).and_then(|()| std::fs::rename(&next, &path));
    if let Err(error) = kept {
        eprintln!("bitgo: the key set could not be kept: {error}");
    }
    Ok(keys)
}

/// A key that may ask and also answers could be handed its own words; one of two vendors could speak as the other.
fn one_purpose_each(
    fireblocks: Option<&FireblocksSide>,
    bitgo: Option<&BitGoSide>,
) -> Result<(), StartError> {
    let mut all: Vec<(String, String)> = Vec::new();
    if let Some(side) = fireblocks {
        let keys = side.keys.iter();
        all.extend(keys.map(|key| (key.fingerprint(), format!("co-signer `{}`", key.name()))));
        let users = side.users.iter();
        all.extend(users.map(|(id, user)| (user.key.fingerprint(), format!("user `{id}`"))));
    }
    if let Some(side) = bitgo {
        let keys = side.keys.read();
        let keys = keys.unwrap_or_else(std::sync::PoisonError::into_inner);
        all.extend(
            keys.iter()
                .map(|key| (key.fingerprint(), format!("BitGo key `{}`", key.name()))),
        );
        let own = side.key.iter();
        all.extend(own.map(|key| (key.fingerprint(), "our key at BitGo".to_owned())));
    }
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for (fingerprint, name) in all {
        if let Some(other) = seen.get(&fingerprint) {
            return Err(StartError::SameKey(other.clone(), name));
        }
        seen.insert(fingerprint, name);
    }
    Ok(())
}

fn guard_clients(read: &settings::Guard, folder: &Path) -> Result<(Client, Client), StartError> {
    let tls = match (&read.authority, read.place.tls) {
        (Some(authority), true) => {
            let identity = read.identity.as_ref();
            let identity = identity.map(|(chain, key)| (folder.join(chain), folder.join(key)));
            let identity = identity.as_ref().map(|(chain, key)| (&**chain, &**key));
            Some(tls::client(&folder.join(authority), identity)?)
        }
        _ => None,
    };
    let client = |file: &Option<PathBuf>| -> Result<Client, StartError> {
        let token = match file {
            None => None,
            Some(file) => {
                let text = keys::read_secret(&folder.join(file))?;
                Some(Zeroizing::new(text.trim().to_owned()))
            }
        };
        Ok(Client::new(read.place.clone(), tls.clone(), token))
    };
    Ok((client(&read.token)?, client(&read.signer_token)?))
}

fn pins(settings: &Settings, folder: &Path) -> Result<Pins, StartError> {
    let people = match &settings.people {
        None => None,
        Some(read) => {
            let path = folder.join(&read.roster);
            let text = keys::read_public(&path, FILE_MAX)?;
            let roster = Roster::read(text.trim_end_matches('\n'));
            let place = path.display().to_string();
            let wrong = |why: String| StartError::Roster(place.clone(), why);
            let people = People {
                roster: roster.map_err(|error| wrong(error.to_string()))?,
                quorum: read.quorum.clone(),
                rp_ids: read.rp_ids.clone(),
                client_rp_id: read.client_rp_id.clone(),
                origins: read.origins.clone(),
                ttl: read.ttl,
            };
            people.check().map_err(wrong)?;
            Some(people)
        }
    };
    Ok(Pins {
        guard: settings.guard.key.clone(),
        signer: settings.guard.signer.clone(),
        mapping: Arc::new(settings.mapping.clone()),
        fees_untold: settings
            .bitgo
            .as_ref()
            .is_some_and(|bitgo| bitgo.fees_untold),
        people,
    })
}

/// Takes newly fetched keys, unless one of them is used for something else here.
pub fn replace_bitgo_keys(responder: &Responder, keys: Vec<RequestKey>) {
    let Some(side) = &responder.bitgo else { return };
    let own = side.key.iter().map(AnswerKey::fingerprint);
    let others = responder.fireblocks.iter().flat_map(|side| {
        let users = side.users.values().map(|user| user.key.fingerprint());
        users.chain(side.keys.iter().map(RequestKey::fingerprint))
    });
    let taken: BTreeSet<String> = own.chain(others).collect();
    if keys.iter().any(|key| taken.contains(&key.fingerprint())) {
        eprintln!(
            "bitgo: ALARM: its key set holds a key that has another purpose here; the keys in use stay"
        );
        return;
    }
    let mut place = side
        .keys
        .write()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    *place = keys;
}
