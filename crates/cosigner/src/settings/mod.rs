//! The settings of a responder: read as written, then checked into values that can't be wrong; all faults at once.
//!
//! The file holds names, addresses and limits; secrets stand in files of their own. What is named here (assets, wallets,
//! networks, people) is this process's own pin: the main host can't change it.

mod check;
mod raw;
mod vendors;

use crate::bitgo::request::Amounts;
use crate::bitgo::{Carrier, Mode as BitGoMode, Names};
use crate::fireblocks::Mode;
use crate::fireblocks::answer::Approvals;
use crate::fireblocks::request::WithdrawalId;
use crate::guard::client::Place;
use crate::mapping::Mapping;
pub use keepwhole_settings::SettingsFault;
use keepwhole_verify::approval::Quorum;
use keepwhole_verify::note::VerifierKey;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that the file says, checked. Paths are relative to the folder of the file.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where vendors call, over TLS.
    pub listen: SocketAddr,
    /// Health and figures: loopback, plain.
    pub health: SocketAddr,
    /// Folder of the memory.
    pub state: PathBuf,
    /// The longest that a decision may take.
    pub budget: Duration,
    /// A signer that has not called for so long is silent, seconds.
    pub silence: u64,
    /// Our certificate.
    pub tls: Tls,
    /// The guard.
    pub guard: Guard,
    /// Fireblocks, where it is set up.
    pub fireblocks: Option<Fireblocks>,
    /// BitGo, where it is set up.
    pub bitgo: Option<BitGo>,
    /// Whose approvals count above the automatic limits.
    pub people: Option<People>,
    /// Names and limits.
    pub mapping: Mapping,
}

/// Our certificate, and who may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Chain of certificates, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM; a secret.
    pub key: PathBuf,
    /// Authority of the callers' certificates, PEM; where given, callers must have one.
    pub callers: Option<PathBuf>,
}

/// The guard on the main host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Where it is.
    pub place: Place,
    /// Authority of its certificate, PEM; needed with TLS.
    pub authority: Option<PathBuf>,
    /// Our certificate and key there, PEM; the key is a secret.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// File with our token for clearances (scope `guard`); a secret.
    pub token: Option<PathBuf>,
    /// File with our token for redemptions (scope `signer`); a secret.
    pub signer_token: Option<PathBuf>,
    /// The key `<origin>/guard` that signs clearances.
    pub key: VerifierKey,
    /// Our name in redemptions.
    pub signer: String,
}

/// Fireblocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fireblocks {
    /// How we trust each other.
    pub mode: Mode,
    /// Where the withdrawal id stands.
    pub withdrawal: WithdrawalId,
    /// What cleared requests of the approval stage are told.
    pub approvals: Approvals,
    /// Whether signing requests without the raw transaction wait.
    pub raw_required: bool,
    /// Co-signers: name and file of the public key.
    pub cosigners: BTreeMap<String, PathBuf>,
    /// Co-signers that don't say for which user they ask, with their one user.
    pub silent: BTreeMap<String, String>,
    /// API users: id, co-signers, file of the answering key (a secret).
    pub users: BTreeMap<String, (BTreeSet<String>, PathBuf)>,
}

/// BitGo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BitGo {
    /// How we trust each other.
    pub mode: BitGoMode,
    /// Path of the webhook here, such as `/bitgo`.
    pub path: String,
    /// Name of the enterprise in the guard's journal.
    pub account: String,
    /// Where the token stands.
    pub carrier: Carrier,
    /// Names of the fields.
    pub names: Names,
    /// Whether whole numbers are amounts.
    pub amounts: Amounts,
    /// Whether a fee that is not told is accepted.
    pub fees_untold: bool,
    /// Where BitGo's keys are; `None` in plain mode.
    pub keys: Option<Keys>,
    /// Our `keyId` and the file of the answering key (a secret); `None` in plain mode.
    pub answer: Option<(String, PathBuf)>,
}

/// Where a key set comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keys {
    /// A file.
    File(PathBuf),
    /// An address of the settings, and the authority of its certificate.
    Url(Place, PathBuf),
}

/// Whose approvals count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct People {
    /// File of the roster (`docs/approvals.md`).
    pub roster: PathBuf,
    /// How many, and in which roles.
    pub quorum: Quorum,
    /// Ids of relying parties.
    pub rp_ids: Vec<String>,
    /// The one of them that the separate client asserts for.
    pub client_rp_id: Option<String>,
    /// Web origins.
    pub origins: Vec<String>,
    /// How long an approval holds, seconds.
    pub ttl: u64,
}

impl Settings {
    /// Reads and checks the text of a file.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the lines; at least one fault.
    pub fn parse(text: &str) -> Result<Self, Vec<SettingsFault>> {
        check::settings(text)
    }
}
