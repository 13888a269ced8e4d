//! Persons as the journal knows them: a random number, what was committed to, what holds it, and that it was erased.
//!
//! Nothing here says who somebody is. The number of a subject is random and leads to an account only in the vault, which
//! lies outside the journal; the journal can't forget, so it never learns a name. `docs/personal-data.md` tells the whole.

use crate::event::Event;
use crate::law::{DAY_MS, Day, RuleRecord, Standing, day_at, end_of_day, standing_on};
use crate::registry::PersonIx;
use crate::state::State;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// A random number that stands for one person in the journal.
pub type SubjectId = [u8; 16];
/// A random number that stands for one sealed record.
pub type RecordId = [u8; 16];

/// Quotas of reads look back this far, ms.
pub(crate) const READS_KEPT_MS: u64 = 3_600_000;
/// Longest code of a purpose, a ground or a reason, bytes.
const CODE_MAX: usize = 64;
/// Most fields that one read names.
pub(crate) const FIELDS_MAX: usize = 32;

/// What two people do to one subject together.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum SubjectAction {
    /// Erase: the key of the person is destroyed after it is journaled.
    Erase {
        /// Code of the legal ground, such as `pipa-36` or a case number; never a text about the person.
        ground: String,
    } = 1,
    /// Set a legal hold: nothing is erased while it stands.
    SetHold {
        /// Code of the order or the case; it names the hold.
        reason: String,
    } = 2,
    /// Release a legal hold.
    ReleaseHold {
        /// The code under which it was set.
        reason: String,
    } = 3,
}

impl SubjectAction {
    /// The code that it carries.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Erase { ground } => ground,
            Self::SetHold { reason } | Self::ReleaseHold { reason } => reason,
        }
    }

    /// One word for it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Erase { .. } => "erase",
            Self::SetHold { .. } => "hold",
            Self::ReleaseHold { .. } => "release",
        }
    }
}

/// What can be asked or told about one subject.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum SubjectCommand {
    /// Record that a sealed record was kept in the vault.
    Keep {
        /// Whose.
        subject: SubjectId,
        /// The record.
        record: RecordId,
        /// SHA-256 over `keepwhole/pii/v1`, a zero byte, 32 random bytes and the plaintext.
        commit: [u8; 32],
    } = 1,
    /// Read fields of one record.
    Read {
        /// Whose.
        subject: SubjectId,
        /// The record.
        record: RecordId,
        /// Code of the purpose, such as a ticket; never a text about the person.
        purpose: String,
        /// Names of the fields that are shown.
        fields: Vec<String>,
    } = 2,
    /// Say when the relation with the person ended; retention runs from there.
    EndRelation {
        /// Whose.
        subject: SubjectId,
        /// When, ms; not later than now.
        ended: u64,
    } = 3,
    /// Erase, hold or release: done when a second person asks for the same.
    Act {
        /// Whose.
        subject: SubjectId,
        /// What.
        action: SubjectAction,
    } = 4,
    /// Record how far the vault's store of keys is, so that an older copy of it is known when it comes back.
    RecordKeyStore {
        /// Changes of the store so far.
        generation: u64,
        /// Number of the vault key.
        key: u64,
    } = 5,
}

/// What the journal knows of subjects. A subject that nothing ever happened to but keeping takes no place here.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Subjects {
    /// Records kept so far, erased ones included.
    pub kept: u64,
    /// When relations ended, ms.
    pub ended: BTreeMap<SubjectId, u64>,
    /// Legal holds by subject and code: since when, ms.
    pub holds: BTreeMap<(SubjectId, String), u64>,
    /// What one person asked and a second has not yet: when (ms), who.
    pub asked: BTreeMap<(SubjectId, SubjectAction), (u64, PersonIx)>,
    /// Erased subjects: when, ms.
    pub erased: BTreeMap<SubjectId, u64>,
    /// Reads of the last hour before the last read: when (ms), who.
    pub reads: Vec<(u64, PersonIx)>,
    /// Generation of the store of keys and number of the vault key, as last recorded.
    pub key_store: Option<(u64, u64)>,
}

impl Subjects {
    /// The first legal hold on a subject: its code and since when, ms.
    #[must_use]
    pub fn hold(&self, subject: &SubjectId) -> Option<(&str, u64)> {
        let from = (*subject, String::new());
        let (key, since) = self.holds.range(from..).next()?;
        (key.0 == *subject).then_some((key.1.as_str(), *since))
    }
}

/// What keeps a record from being erased.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Retention {
    /// Id of the rule that keeps it longest.
    pub rule: String,
    /// First moment at which it no longer keeps it, ms.
    pub until: u64,
}

/// True for a code: 1 to 64 bytes of ASCII letters, digits and `-._:/#`. The journal never forgets, so that what people
/// give as a reason is a reference to their own papers and never prose about a person.
#[must_use]
pub fn is_code(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._:/#".contains(c);
    (1..=CODE_MAX).contains(&text.len()) && text.chars().all(fits)
}

/// The rule that keeps records longest after a relation that ended at `ended` (ms), as rules stand at `at` (ms).
///
/// Looked at are rules whose parameters say `clock_start = "relation_ended"` with `retention_years` (civil years of the
/// jurisdiction, to the end of the last day, as law/README.md counts) or `retention_days` (exact days). A rule counts
/// if it bound when the relation ended or binds now: the longer duty wins, because a record erased too early can't come
/// back. `None` where no such rule is adopted.
#[must_use]
pub fn retention<'r>(
    rules: impl Iterator<Item = &'r RuleRecord>,
    ended: u64,
    at: u64,
) -> Option<Retention> {
    let ends = rules.filter_map(|rule| {
        if rule.text("clock_start") != Some("relation_ended") {
            return None;
        }
        let offset = rule.utc_offset_minutes.unwrap_or(0);
        let (first, now) = (day_at(ended, offset)?, day_at(at, offset)?);
        let binds = |day: Day| standing_on(rule, day) == Standing::Binding;
        if !binds(first) && !binds(now) {
            return None;
        }
        Some(Retention {
            until: kept_until(rule, ended, first, offset)?,
            rule: rule.id.clone(),
        })
    });
    ends.max_by(|a, b| (a.until, &b.rule).cmp(&(b.until, &a.rule)))
}

/// The first moment at which a rule no longer keeps a record; where it can't be counted, never.
fn kept_until(rule: &RuleRecord, ended: u64, first: Day, offset: i16) -> Option<u64> {
    if let Some(years) = rule.int("retention_years") {
        let months = u32::try_from(years).ok().and_then(|y| y.checked_mul(12));
        let last = months.and_then(|months| first.plus_months(months));
        // In a zone whose offset is not known here, the last day ends at the latest where it ends last on earth.
        let end = last.and_then(|last| end_of_day(last, offset));
        let slack = if rule.utc_offset_minutes.is_some() {
            0
        } else {
            DAY_MS
        };
        return Some(
            end.and_then(|end| end.checked_add(slack))
                .unwrap_or(u64::MAX),
        );
    }
    let days = rule.int("retention_days")?;
    let end = days
        .checked_mul(DAY_MS)
        .and_then(|ms| ended.checked_add(ms));
    Some(end.unwrap_or(u64::MAX))
}

/// Folds what concerns subjects; false if the event is another's.
pub(crate) fn apply(state: &mut State, at: u64, event: &Event) -> bool {
    let subjects = &mut state.subjects;
    match event {
        Event::PersonalRecordKept { .. } => subjects.kept = subjects.kept.saturating_add(1),
        Event::SubjectRead { person, .. } => {
            subjects
                .reads
                .retain(|(read, _)| read.saturating_add(READS_KEPT_MS) > at);
            subjects.reads.push((at, *person));
        }
        Event::RelationEnded { subject, ended } => {
            subjects.ended.insert(*subject, *ended);
        }
        Event::SubjectActionAsked {
            subject,
            action,
            person,
        } => {
            subjects
                .asked
                .insert((*subject, action.clone()), (at, *person));
        }
        Event::SubjectErased { subject, .. } => {
            subjects.erased.insert(*subject, at);
            subjects.ended.remove(subject);
            subjects.asked.retain(|(of, _), _| of != subject);
        }
        Event::LegalHoldSet {
            subject, reason, ..
        } => {
            let (subject, reason) = (*subject, reason.clone());
            subjects.holds.insert((subject, reason.clone()), at);
            let done = SubjectAction::SetHold { reason };
            subjects.asked.remove(&(subject, done));
        }
        Event::LegalHoldReleased {
            subject, reason, ..
        } => {
            let (subject, reason) = (*subject, reason.clone());
            subjects.holds.remove(&(subject, reason.clone()));
            let done = SubjectAction::ReleaseHold { reason };
            subjects.asked.remove(&(subject, done));
        }
        Event::KeyStoreRecorded { generation, key } => {
            subjects.key_store = Some((*generation, *key));
        }
        Event::KeyStoreRestored { found, .. } => {
            let key = subjects.key_store.map_or(0, |(_, key)| key);
            subjects.key_store = Some((*found, key));
        }
        _ => return false,
    }
    true
}
