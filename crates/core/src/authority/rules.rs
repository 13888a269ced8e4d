//! The rules of authority: one quorum per class of action, which sites an assertion may be made on, how long things last.
//! They are adopted by the bootstrap and changed by quorum; `docs/authority.md` has the usual ones as a table.

use super::class::Class;
use super::finding::FindingRules;
use super::quorum::Quorum;
use super::session::SessionRules;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// One minute, hour and day, ms.
pub const MINUTE_MS: u64 = 60_000;
/// One hour, ms.
pub const HOUR_MS: u64 = 60 * MINUTE_MS;
/// One day, ms.
pub const DAY_MS: u64 = 24 * HOUR_MS;
/// Longest time from a challenge to its use, ms: fifteen minutes.
pub const TOUCH_MAX_MS: u64 = 15 * MINUTE_MS;
/// Longest life of a role, ms: ninety days.
pub const ROLE_MAX_MS: u64 = 90 * DAY_MS;

/// A site on which assertions are made.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct RelyingParty {
    /// The rpId of WebAuthn: a host name.
    pub id: String,
    /// Origins that may show the prompt.
    pub origins: Vec<String>,
    /// True for the approver client, which is delivered apart from the console and decodes bytes by itself.
    pub separate: bool,
}

/// From which amount of an asset on only the approver client's assertions count.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct SeparateFrom {
    /// The asset's name.
    pub asset: String,
    /// First amount, minor units, inclusive.
    pub from: u128,
}

/// The rules in force.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Rules {
    /// Number of the version.
    pub version: u32,
    /// One quorum per enabled class of action.
    pub quorums: Vec<Quorum>,
    /// Sites on which assertions are made.
    pub relying_parties: Vec<RelyingParty>,
    /// Amounts from which on only the approver client counts.
    pub separate_from: Vec<SeparateFrom>,
    /// Roles whose credentials may not be copied from one device to another.
    pub device_bound_roles: Vec<String>,
    /// Roles that may propose, beside those that may approve.
    pub proposers: Vec<String>,
    /// Roles one of which clears a finding about another person.
    pub clearers: Vec<String>,
    /// Longest life of a role, ms; at most [`ROLE_MAX_MS`].
    pub role_max_ms: u64,
    /// Longest time from a challenge to its use, ms; at most [`TOUCH_MAX_MS`].
    pub touch_ms: u64,
    /// How long approvals of one matter may be collected, ms.
    pub collection_ms: u64,
    /// What sign-ins tell.
    pub findings: FindingRules,
    /// How long a session lasts.
    pub sessions: SessionRules,
    /// How long the use of sealed keys closes everything else, ms.
    pub break_glass_ms: u64,
}

/// A quorum in one line: persons, of how many, roles that must be filled, distinct roles, wait.
struct Row {
    class: Class,
    persons: u32,
    of: u32,
    among: &'static [&'static str],
    required: &'static [&'static str],
    distinct_roles: u32,
    cool_off_ms: u64,
    administrative: bool,
}

const ON_CALL: &[&str] = &[
    "administrator",
    "risk",
    "treasury",
    "operations",
    "security",
    "executive",
    "finance",
    "legal",
    "privacy",
];

const fn row(class: Class, persons: u32, among: &'static [&'static str]) -> Row {
    Row {
        class,
        persons,
        of: 0,
        among,
        required: &[],
        distinct_roles: 0,
        cool_off_ms: 0,
        administrative: true,
    }
}

impl Row {
    const fn all(mut self, required: &'static [&'static str]) -> Self {
        self.required = required;
        self
    }
    const fn waits(mut self, cool_off_ms: u64) -> Self {
        self.cool_off_ms = cool_off_ms;
        self
    }
    const fn without_proposer(mut self) -> Self {
        self.administrative = false;
        self
    }
    const fn of(mut self, of: u32, distinct_roles: u32) -> Self {
        self.of = of;
        self.distinct_roles = distinct_roles;
        self
    }
}

/// The usual table. A role that reads `administrator` is that of the bootstrap.
const USUAL: [Row; 13] = [
    row(Class::Withdrawal, 2, &["risk", "treasury"])
        .all(&["risk", "treasury"])
        .without_proposer(),
    row(Class::Credit, 2, &["risk", "treasury", "finance"]).without_proposer(),
    row(Class::ListDestination, 2, &["risk", "operations"])
        .all(&["risk", "operations"])
        .waits(DAY_MS)
        .without_proposer(),
    row(Class::LoosenPolicy, 3, &["risk", "security", "executive"])
        .all(&["risk", "security", "executive"])
        .waits(DAY_MS),
    row(Class::LowerRisk, 1, ON_CALL),
    row(Class::Resume, 3, ON_CALL)
        .all(&["security"])
        .waits(HOUR_MS),
    row(Class::LiftStop, 2, ON_CALL),
    row(Class::RosterChange, 3, ON_CALL)
        .all(&["security", "executive"])
        .waits(DAY_MS),
    row(Class::CustodyChange, 4, ON_CALL)
        .of(6, 3)
        .waits(2 * DAY_MS),
    row(Class::RedressRelease, 2, &["finance", "legal"])
        .all(&["finance", "legal"])
        .without_proposer(),
    row(Class::DestroyKey, 2, &["privacy", "security"])
        .all(&["privacy", "security"])
        .waits(7 * DAY_MS),
    row(Class::CredentialReset, 3, ON_CALL)
        .all(&["security"])
        .waits(7 * DAY_MS),
    row(Class::BreakGlass, 3, &["sealed"]).of(5, 0),
];

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| String::from(*word)).collect()
}

impl Rules {
    /// The usual rules: quorums as in `docs/authority.md`, roles of ninety days, fifteen minutes for a touch, a day to
    /// collect. The sites are the exchange's own to name.
    #[must_use]
    pub fn usual(relying_parties: Vec<RelyingParty>) -> Self {
        let quorums = USUAL.iter().map(|row| Quorum {
            class: row.class,
            persons: row.persons,
            of: row.of,
            among: words(row.among),
            required: words(row.required),
            distinct_roles: row.distinct_roles,
            cool_off_ms: row.cool_off_ms,
            administrative: row.administrative,
            assertions: row.class != Class::LowerRisk,
            separate: false,
        });
        Self {
            version: 1,
            quorums: quorums.collect(),
            relying_parties,
            separate_from: Vec::new(),
            device_bound_roles: words(&["administrator", "security", "executive", "sealed"]),
            proposers: words(&["requester"]),
            clearers: words(&["administrator", "security"]),
            role_max_ms: ROLE_MAX_MS,
            touch_ms: TOUCH_MAX_MS,
            collection_ms: DAY_MS,
            findings: FindingRules::usual(),
            sessions: SessionRules::usual(),
            break_glass_ms: 4 * HOUR_MS,
        }
    }

    /// The quorum of a class; nothing where the class is not enabled, and then nobody may.
    #[must_use]
    pub fn quorum(&self, class: Class) -> Option<&Quorum> {
        self.quorums.iter().find(|quorum| quorum.class == class)
    }

    /// True from the amount on from which only the approver client counts.
    #[must_use]
    pub fn wants_separate(&self, asset: &str, units: u128) -> bool {
        let of = |row: &&SeparateFrom| row.asset == asset;
        self.separate_from
            .iter()
            .filter(of)
            .any(|row| units >= row.from)
    }

    /// True where these rules are looser than `old` in anything but quorums. What can't be told is looser.
    #[must_use]
    pub fn loosens_beside_quorums(&self, old: &Self) -> bool {
        let more = |new: &[String], old: &[String]| new.iter().any(|role| !old.contains(role));
        let sites = &self.relying_parties;
        let rows = &old.separate_from;
        sites.iter().any(|site| !old.relying_parties.contains(site))
            || rows
                .iter()
                .any(|row| !self.wants_separate(&row.asset, row.from))
            || more(&old.device_bound_roles, &self.device_bound_roles)
            || more(&self.proposers, &old.proposers)
            || more(&self.clearers, &old.clearers)
            || self.role_max_ms > old.role_max_ms
            || self.touch_ms > old.touch_ms
            || self.collection_ms > old.collection_ms
            || self.findings != old.findings
            || self.sessions.idle_ms > old.sessions.idle_ms
            || self.sessions.whole_ms > old.sessions.whole_ms
            || self.break_glass_ms < old.break_glass_ms
    }

    /// What is wrong with these rules, in words; the first slip found.
    ///
    /// Refused are: a class twice, a quorum that no number of people fills, fewer than two persons for what raises risk,
    /// approvals without assertions for what raises risk, a site without origins, no site at all, times above their
    /// bounds, a reset of credentials that waits less than any other class.
    ///
    /// # Errors
    /// The slip, naming the class and the numbers.
    pub fn check(&self) -> Result<(), String> {
        for (place, quorum) in self.quorums.iter().enumerate() {
            let before = self.quorums.iter().take(place);
            if before.clone().any(|known| known.class == quorum.class) {
                return Err(format!("`{}` has two quorums", quorum.class.code()));
            }
            quorum.check()?;
        }
        for class in [Class::LowerRisk, Class::LiftStop, Class::RosterChange] {
            if self.quorum(class).is_none() {
                return Err(format!("`{}` needs a quorum", class.code()));
            }
        }
        self.check_sites()?;
        self.check_times()
    }

    fn check_sites(&self) -> Result<(), String> {
        if self.relying_parties.is_empty() {
            return Err(String::from("name at least one site for assertions"));
        }
        for site in &self.relying_parties {
            if site.id.is_empty() || site.origins.is_empty() {
                return Err(format!("the site `{}` needs an id and an origin", site.id));
            }
            let same = |other: &&RelyingParty| other.id == site.id;
            if self.relying_parties.iter().filter(same).count() > 1 {
                return Err(format!("the site `{}` stands twice", site.id));
            }
        }
        let separate = self.relying_parties.iter().any(|site| site.separate);
        let wanted = !self.separate_from.is_empty() || self.quorums.iter().any(|q| q.separate);
        if wanted && !separate {
            return Err(String::from(
                "the approver client is demanded, and no site is marked as its own",
            ));
        }
        Ok(())
    }

    fn check_times(&self) -> Result<(), String> {
        let bounds = [
            ("the life of a role", self.role_max_ms, ROLE_MAX_MS),
            ("the time for a touch", self.touch_ms, TOUCH_MAX_MS),
            ("the time to collect approvals", self.collection_ms, DAY_MS),
            ("the use of sealed keys", self.break_glass_ms, 4 * HOUR_MS),
        ];
        for (what, given, most) in bounds {
            if given == 0 || given > most {
                return Err(format!("{what} is 1 to {most} ms, not {given}"));
            }
        }
        self.sessions.check()?;
        let longest = self.quorums.iter().map(|quorum| quorum.cool_off_ms).max();
        let reset = self.quorum(Class::CredentialReset).map(|q| q.cool_off_ms);
        if let (Some(longest), Some(reset)) = (longest, reset)
            && reset < longest
        {
            return Err(format!(
                "`credential_reset` waits {reset} ms, and no class may wait longer, but one waits {longest} ms"
            ));
        }
        Ok(())
    }
}
