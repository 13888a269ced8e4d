//! Authority in words: quorums and whether people can fill them, passkeys, findings, and what one person stopped.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keepwhole_core::authority::class::Class;
use keepwhole_core::authority::credential::{Credential, DeviceKind};
use keepwhole_core::authority::finding::{Finding, FindingEffect, FindingKind};
use keepwhole_core::authority::quorum::Quorum;
use keepwhole_core::authority::{Stop, people};
use keepwhole_core::event::Record;
use keepwhole_core::registry::PersonIx;
use keepwhole_core::state::State;

use super::wording;
use crate::text::{Arg, Words, count};

/// Letters of a passkey's id that are shown; `keepwhole staff list --json` has all.
const ID_SHOWN: usize = 12;

/// How far the bootstrap is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bootstrap {
    /// No rules of authority are in force.
    NotBegun,
    /// Administrators enrol people.
    Goes {
        /// Who they are.
        administrators: Vec<String>,
        /// Classes of action that can fill their quorum now.
        filled: u64,
        /// All enabled classes.
        all: u64,
    },
    /// Every enabled class could fill its quorum; since then, milliseconds since the epoch.
    Over(u64),
}

/// A class of action and the quorum that it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuorumRow {
    /// The catalogue's key of the class.
    pub class: &'static str,
    /// Distinct persons who must approve: M.
    pub persons: u64,
    /// Persons who must be there to choose from: N; zero where M is enough.
    pub of: u64,
    /// Roles whose holders count.
    pub among: Vec<String>,
    /// Roles that must be filled, each by another person.
    pub required: Vec<String>,
    /// Different roles that the persons must fill together.
    pub distinct_roles: u64,
    /// Wait after the last approval, milliseconds.
    pub cool_off: u64,
    /// Whether the proposer may be one of the approvers.
    pub proposer_counts: bool,
    /// Whether an approval needs a passkey's assertion.
    pub assertions: bool,
    /// Whether only the approver client counts.
    pub separate: bool,
    /// Who could approve now.
    pub able: Vec<String>,
    /// What is lacking: persons there, persons needed, roles that nobody fills.
    pub lack: Option<(u64, u64, Option<Words>)>,
}

/// A moment and the entry that tells of it; the moment is not known where the entry can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// Entry of the journal.
    pub entry: u64,
    /// When, milliseconds since the epoch.
    pub at: Option<u64>,
}

/// A person's passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialRow {
    /// Whose.
    pub person: String,
    /// The first letters of its id, base64url.
    pub id: String,
    /// The catalogue's key of its kind.
    pub kind: &'static str,
    /// Whether it can't be copied to another device.
    pub device_bound: bool,
    /// Since when it is enrolled.
    pub from: Recorded,
    /// Since when it is over.
    pub until: Option<Recorded>,
}

/// A finding about a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingRow {
    /// The id by which it is cleared.
    pub id: String,
    /// About whom.
    pub person: String,
    /// When, milliseconds since the epoch.
    pub at: u64,
    /// The catalogue's key of what was found.
    pub kind: &'static str,
    /// Its numbers.
    pub numbers: Words,
    /// The catalogue's key of its effect on quorums while it stands.
    pub effect: &'static str,
    /// Who cleared it, and when.
    pub cleared: Option<(String, u64)>,
}

/// What one person stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopRow {
    /// What is stopped, or who is suspended.
    pub what: Words,
    /// Who did it.
    pub by: String,
    /// Since when, milliseconds since the epoch.
    pub since: u64,
    /// The catalogue's key of who stands behind it, and what ends it.
    pub stands: &'static str,
    /// Id of the proposal that made it.
    pub proposal: String,
}

/// All that the page of the people tells of authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorityView {
    /// How far the bootstrap is.
    pub bootstrap: Bootstrap,
    /// Version of the rules in force; 0 without any.
    pub rules: u64,
    /// Quorums by class of action, in the order of the rules.
    pub quorums: Vec<QuorumRow>,
    /// Passkeys in order of enrolment.
    pub credentials: Vec<CredentialRow>,
    /// Findings, the newest first.
    pub findings: Vec<FindingRow>,
    /// Roles one of which clears a finding about another person.
    pub clearers: Vec<String>,
    /// What single persons stopped, and whom they suspended.
    pub stops: Vec<StopRow>,
    /// Until when the use of sealed keys closes all else, milliseconds since the epoch.
    pub sealed_until: Option<u64>,
}

impl AuthorityView {
    /// What authority is at this state; `record` finds entries.
    #[must_use]
    pub fn of(state: &State, record: &dyn Fn(u64) -> Option<Record>) -> Self {
        let authority = &state.authority;
        let rules = authority.rules.as_deref();
        let quorums: Vec<QuorumRow> = rules
            .map_or(&[][..], |rules| rules.quorums.as_slice())
            .iter()
            .map(|quorum| quorum_row(state, quorum))
            .collect();
        let told = |entry| Recorded {
            entry,
            at: record(entry).map(|record| record.at),
        };
        let credentials = authority.credentials.iter();
        let findings = authority.findings.iter().enumerate().rev();
        Self {
            bootstrap: bootstrap(state, &quorums),
            rules: rules.map_or(0, |rules| u64::from(rules.version)),
            quorums,
            credentials: credentials
                .map(|credential| credential_row(state, credential, &told))
                .collect(),
            findings: findings
                .map(|(number, finding)| finding_row(state, number, finding))
                .collect(),
            clearers: rules.map_or_else(Vec::new, |rules| rules.clearers.clone()),
            stops: stops(state),
            sealed_until: authority.break_glass.filter(|until| state.at < *until),
        }
    }
}

fn person(state: &State, person: PersonIx) -> String {
    people::name(state, person).to_owned()
}

fn bootstrap(state: &State, quorums: &[QuorumRow]) -> Bootstrap {
    let authority = &state.authority;
    if authority.rules.is_none() {
        return Bootstrap::NotBegun;
    }
    if let Some(at) = authority.completed {
        return Bootstrap::Over(at);
    }
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let administrators = authority.administrators.iter();
    Bootstrap::Goes {
        administrators: administrators.map(|one| person(state, *one)).collect(),
        filled: count(quorums.iter().filter(|row| row.lack.is_none()).count()),
        all: count(quorums.len()),
    }
}

pub(super) fn quorum_row(state: &State, quorum: &Quorum) -> QuorumRow {
    let at = state.at;
    let able = (0..state.registry.persons.len()).filter_map(PersonIx::next);
    let able = able.filter(|one| {
        let roles = people::roles(state, *one, at);
        let holds = roles.iter().any(|role| quorum.among.contains(role));
        let suspended = state.authority.suspended.contains_key(one);
        let proven = !quorum.assertions || people::has_credential(state, *one, quorum.class);
        holds && proven && !suspended
    });
    let lack = quorum.fillable(&people::able(state, quorum, at)).err();
    QuorumRow {
        class: quorum_key(quorum.class),
        persons: u64::from(quorum.persons),
        of: u64::from(quorum.of),
        among: quorum.among.clone(),
        required: quorum.required.clone(),
        distinct_roles: u64::from(quorum.distinct_roles),
        cool_off: quorum.cool_off_ms,
        proposer_counts: quorum.administrative,
        assertions: quorum.assertions,
        separate: quorum.separate,
        able: able.map(|one| person(state, one)).collect(),
        lack: lack.map(|lack| {
            let missing = Some(missing_words(&lack.missing)).filter(|_| !lack.missing.is_empty());
            (u64::from(lack.valid), u64::from(lack.needs), missing)
        }),
    }
}

fn credential_row(
    state: &State,
    credential: &Credential,
    told: &dyn Fn(u64) -> Recorded,
) -> CredentialRow {
    let id = URL_SAFE_NO_PAD.encode(&credential.key.id);
    CredentialRow {
        person: person(state, credential.person),
        id: id.chars().take(ID_SHOWN).collect(),
        kind: match credential.key.kind {
            DeviceKind::SecurityKey => "credential-security-key",
            DeviceKind::Platform => "credential-platform",
            DeviceKind::Phone => "credential-phone",
            DeviceKind::Sealed => "credential-sealed",
        },
        device_bound: credential.key.device_bound,
        from: told(credential.from),
        until: credential.until.map(told),
    }
}

fn finding_row(state: &State, number: usize, finding: &Finding) -> FindingRow {
    FindingRow {
        id: format!("finding-{number}"),
        person: person(state, finding.person),
        at: finding.at,
        kind: finding_key(finding.kind.code()).unwrap_or("finding-other"),
        numbers: finding_words(&finding.kind),
        effect: effect_key(finding.effect),
        cleared: finding.cleared.map(|(by, at)| (person(state, by), at)),
    }
}

/// The catalogue's key of what a finding does to quorums.
pub(super) const fn effect_key(effect: FindingEffect) -> &'static str {
    match effect {
        FindingEffect::Shown => "finding-shown",
        FindingEffect::OneMore => "finding-one-more",
        FindingEffect::Blocks => "finding-blocks",
    }
}

/// Two numbers of a text such as `1 of 3 people`, and what stands after them.
fn two_of(text: &str) -> Option<(String, String, &str)> {
    let (have, rest) = text.split_once(" of ")?;
    let (needs, rest) = rest.split_once(' ')?;
    let number = |text: &str| text.parse().ok().map(count);
    Some((number(have)?, number(needs)?, rest))
}

/// The missing roles of a [`Lack`](keepwhole_core::authority::quorum::Lack): names, or how many differ.
pub(super) fn missing_words(missing: &str) -> Words {
    match two_of(missing) {
        Some((have, needs, "different roles")) => Words::key("missing-different")
            .with("have", have)
            .with("needs", needs),
        _ => Words::plain(&missing.replace('|', ", ")),
    }
}

/// What a class lacks, as `bootstrap_incomplete` keeps it: `1 of 3 people` and, where roles are missing, `, nobody for` them.
pub(super) fn lacks_words(lacks: &str) -> Words {
    let (people, missing) = match lacks.split_once(", nobody for ") {
        Some((people, missing)) => (people, Some(missing)),
        None => (lacks, None),
    };
    let Some((valid, needs, "people")) = two_of(people) else {
        return Words::plain(lacks);
    };
    let key = match missing {
        Some(_) => "lacks-people-and-roles",
        None => "lacks-people",
    };
    let words = Words::key(key).with("valid", valid).with("needs", needs);
    match missing {
        Some(missing) => words.with("roles", missing_words(missing)),
        None => words,
    }
}

/// What was found, with its numbers.
#[must_use]
pub fn finding_words(kind: &FindingKind) -> Words {
    let clock = |minute: &u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    match kind {
        FindingKind::NewDevice { device, known } => Words::key("finding-device-numbers")
            .with("device", device.as_str())
            .with("count", u64::from(*known)),
        FindingKind::UnusualHours {
            minute,
            from,
            until,
        } => Words::key("finding-hours-numbers")
            .with("time", clock(minute))
            .with("from", clock(from))
            .with("until", clock(until)),
        FindingKind::TwoPlaces {
            before,
            now,
            apart_ms,
        } => Words::key("finding-places-numbers")
            .with("before", before.as_str())
            .with("now", now.as_str())
            .with("span", Arg::Span(*apart_ms)),
        FindingKind::ResetThenLarge { reset, target } => Words::key("finding-reset-numbers")
            .with("target", target.as_str())
            .with("reset", Arg::Time(*reset)),
    }
}

/// Halts by one person, suspensions, and the policy that one person tightened; the newest first.
fn stops(state: &State) -> Vec<StopRow> {
    let row = |what: Words, stop: &Stop, kept: &'static str| {
        let place = usize::try_from(stop.proposal).unwrap_or(usize::MAX);
        let proposal = state.guard.proposals.get(place);
        StopRow {
            what,
            by: person(state, stop.by),
            since: stop.since,
            stands: if stop.kept { kept } else { "stop-alone" },
            proposal: proposal.map_or_else(String::new, |proposal| proposal.id.clone()),
        }
    };
    let halts = state.authority.stops.iter().map(|(scope, stop)| {
        let scope = wording::scope(state, *scope);
        row(
            Words::key("stop-halt").with("scope", scope),
            stop,
            "stop-kept-halt",
        )
    });
    let suspended = state.authority.suspended.iter().map(|(who, stop)| {
        let who = people::name(state, *who);
        row(
            Words::key("stop-suspended").with("person", who),
            stop,
            "stop-kept-person",
        )
    });
    let policy = state.authority.tightened.iter().map(|by_one| {
        let version = u64::from(state.guard.policy.version);
        let what = Words::key("stop-policy").with("version", version);
        row(what, &by_one.stop, "stop-alone")
    });
    let mut rows: Vec<StopRow> = halts.chain(suspended).chain(policy).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.since));
    rows
}

/// The catalogue's key of a class of action with a quorum.
pub(crate) const fn quorum_key(class: Class) -> &'static str {
    match class {
        Class::Withdrawal => "quorum-withdrawal",
        Class::Credit => "quorum-credit",
        Class::ListDestination => "quorum-list-destination",
        Class::LoosenPolicy => "quorum-loosen-policy",
        Class::LowerRisk => "quorum-lower-risk",
        Class::Resume => "quorum-resume",
        Class::LiftStop => "quorum-lift-stop",
        Class::RosterChange => "quorum-roster-change",
        Class::CustodyChange => "quorum-custody-change",
        Class::RedressRelease => "quorum-redress-release",
        Class::DestroyKey => "quorum-destroy-key",
        Class::CredentialReset => "quorum-credential-reset",
        Class::BreakGlass => "quorum-break-glass",
    }
}

/// The catalogue's key of a finding by its code.
pub(crate) fn finding_key(code: &str) -> Option<&'static str> {
    Some(match code {
        "new_device" => "finding-new-device",
        "unusual_hours" => "finding-unusual-hours",
        "two_places" => "finding-two-places",
        "reset_then_large" => "finding-reset-then-large",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{lacks_words, missing_words};
    use crate::text::Lang;

    #[test]
    fn what_is_lacking_is_said_in_the_readers_language() {
        for (told, korean, english) in [
            (
                missing_words("risk|security"),
                "risk, security",
                "risk, security",
            ),
            (
                missing_words("1 of 3 different roles"),
                "서로 다른 역할 3가지 중 1가지",
                "different roles (1 of 3)",
            ),
            (lacks_words("1 of 3 people"), "3명 중 1명", "1 of 3 people"),
            (
                lacks_words("2 of 3 people, nobody for security|executive"),
                "3명 중 2명, 채울 사람이 없는 역할: security, executive",
                "2 of 3 people, nobody for security, executive",
            ),
            (
                lacks_words("4 of 6 people, nobody for 2 of 3 different roles"),
                "6명 중 4명, 채울 사람이 없는 역할: 서로 다른 역할 3가지 중 2가지",
                "4 of 6 people, nobody for different roles (2 of 3)",
            ),
            (
                lacks_words("nobody at all"),
                "nobody at all",
                "nobody at all",
            ),
        ] {
            assert_eq!(told.say(Lang::Ko), korean);
            assert_eq!(told.say(Lang::En), english);
        }
    }
}
