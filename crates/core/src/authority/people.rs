//! Who may do what now: the roles that people hold, and whether the people there are can fill each quorum.

use super::class::Class;
use super::credential::DeviceKind;
use super::finding::Finding;
use super::matter::{Decision, Matter, Voice};
use super::quorum::{Lack, Quorum};
use crate::registry::PersonIx;
use crate::state::State;
use alloc::string::String;
use alloc::vec::Vec;

/// Roles that a person holds at `at` (ms), over all accounts, each once, ascending.
#[must_use]
pub fn roles(state: &State, person: PersonIx, at: u64) -> Vec<String> {
    let accounts = state.registry.actors.iter();
    let active = accounts
        .filter(|actor| actor.person == person && actor.expires.is_none_or(|ended| at < ended));
    let mut roles: Vec<String> = active
        .flat_map(|actor| actor.roles.iter().cloned())
        .collect();
    roles.sort_unstable();
    roles.dedup();
    roles
}

/// Journal index from which a person holds a role that counts at `at` (ms); of several accounts the earliest.
#[must_use]
pub fn role_since(state: &State, person: PersonIx, role: &str, at: u64) -> Option<u64> {
    let accounts = state.registry.actors.iter();
    let active = accounts
        .filter(|actor| actor.person == person && actor.expires.is_none_or(|ended| at < ended));
    let held = active.flat_map(|actor| actor.roles.iter().zip(&actor.since));
    held.filter_map(|(known, since)| (known == role).then_some(*since))
        .min()
}

/// Whether a person holds a role at `at` (ms), by any account.
#[must_use]
pub fn holds(state: &State, person: PersonIx, role: &str, at: u64) -> bool {
    state.registry.actors.iter().any(|actor| {
        actor.person == person
            && actor.expires.is_none_or(|ended| at < ended)
            && actor.roles.iter().any(|held| held == role)
    })
}

/// All persons by number.
fn persons(state: &State) -> impl Iterator<Item = PersonIx> {
    (0..state.registry.persons.len()).filter_map(PersonIx::next)
}

/// The person of that number, by name.
#[must_use]
pub fn name(state: &State, person: PersonIx) -> &str {
    let known = state.registry.persons.get(person.place());
    known.map_or("", String::as_str)
}

/// Whether a person has, now, a credential that counts for a class of action.
#[must_use]
pub fn has_credential(state: &State, person: PersonIx, class: Class) -> bool {
    let sealed = class == Class::BreakGlass;
    let mut held = state.authority.credentials.iter();
    held.any(|credential| {
        credential.person == person
            && credential.until.is_none()
            && (credential.key.kind == DeviceKind::Sealed) == sealed
    })
}

/// The people who could speak in a class of action now, each by roles: those with a credential where one is demanded,
/// and not suspended.
#[must_use]
pub fn able(state: &State, quorum: &Quorum, at: u64) -> Vec<Vec<String>> {
    let speaks = |person: &PersonIx| {
        !state.authority.suspended.contains_key(person)
            && (!quorum.assertions || has_credential(state, *person, quorum.class))
    };
    let people = persons(state).filter(speaks);
    people.map(|person| roles(state, person, at)).collect()
}

/// The first enabled class of action whose quorum the people there are can't fill, and what is lacking.
#[must_use]
pub fn unfillable(state: &State, at: u64) -> Option<(Class, Lack)> {
    let rules = state.authority.rules.as_deref()?;
    rules.quorums.iter().find_map(|quorum| {
        let lack = quorum.fillable(&able(state, quorum, at)).err()?;
        Some((quorum.class, lack))
    })
}

/// Whether only the administrators' quorum holds: the bootstrap is not over, and its end not due.
#[must_use]
pub fn bootstraps(state: &State, at: u64) -> bool {
    state.authority.completed.is_none() && unfillable(state, at).is_some()
}

/// Whether everything that authority asks of an exchange that lets value leave is there: rules, and people for each
/// enabled class of action. Whoever answers requests from outside holds them until it is.
///
/// # Errors
/// The class of action that can't be filled, or `bootstrap` where there are no rules at all, and what is lacking.
pub fn standing(state: &State, at: u64) -> Result<(), (&'static str, Lack)> {
    if state.authority.rules.is_none() {
        let lack = Lack {
            valid: 0,
            needs: 3,
            missing: String::from("administrator"),
        };
        return Err(("bootstrap", lack));
    }
    if state.authority.completed.is_some() {
        return Ok(());
    }
    unfillable(state, at).map_or(Ok(()), |(class, lack)| Err((class.code(), lack)))
}

/// Whether a voice counts for a quorum at `at` (ms). Not counted are rejections, voices older than `ttl` (ms), those whose
/// credential has ended or whose role is no longer held, suspended persons, persons about whom a finding stands, and the
/// proposer of what is not administrative.
#[must_use]
pub fn counts(
    state: &State,
    quorum: &Quorum,
    matter: &Matter,
    voice: &Voice,
    (at, ttl): (u64, Option<u64>),
) -> bool {
    let authority = &state.authority;
    let fresh = ttl.is_none_or(|ttl| at < voice.at.saturating_add(ttl));
    let suspension = authority.suspended.get(&voice.person);
    // Whom one person suspended may still help to lift what one person stopped.
    let speaks = suspension.is_none_or(|stop| !stop.kept && matter.class == Class::LiftStop);
    let place = usize::try_from(voice.credential).unwrap_or(usize::MAX);
    let credential = authority.credentials.get(place);
    voice.decision == Decision::Approve
        && fresh
        && speaks
        && credential.is_some_and(|row| row.until.is_none())
        && holds(state, voice.person, &voice.role, at)
        && authority.blocking(voice.person).is_none()
        && (quorum.administrative || matter.by != Some(voice.person))
}

/// Whether the voices of a matter that count fill a quorum at `at` (ms), `extra` beside those that are recorded.
///
/// # Errors
/// What is lacking.
pub fn tally(
    state: &State,
    quorum: &Quorum,
    matter: &Matter,
    extra: Option<&Voice>,
    times: (u64, Option<u64>),
) -> Result<(), Lack> {
    let counted = |voice: &&Voice| counts(state, quorum, matter, voice, times);
    let voices = matter.voices.iter().chain(extra).filter(counted);
    let voices: Vec<(PersonIx, &str)> = voices.map(|v| (v.person, v.role.as_str())).collect();
    let suspect = |finding: &Finding| {
        finding.asks_for_one_more() && voices.iter().any(|(who, _)| *who == finding.person)
    };
    let more = u32::from(state.authority.findings.iter().any(suspect));
    quorum.filled(&voices, more)
}
