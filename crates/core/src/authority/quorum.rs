//! A quorum: M distinct persons, roles that must each be filled by a different one, and whether people can fill it.
//!
//! What counts does not depend on the order in which approvals come, and a person counts once, however many accounts,
//! credentials and roles: the roles are given to persons by a matching.

use super::class::Class;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Most persons that a quorum may ask for.
const PERSONS_MAX: u32 = 64;

/// What an action of one class needs.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Quorum {
    /// The class.
    pub class: Class,
    /// Distinct persons who must approve: M.
    pub persons: u32,
    /// Persons who must at least be able to: N; zero asks for no more than M.
    pub of: u32,
    /// Roles whose holders count.
    pub among: Vec<String>,
    /// Roles that must be filled, each by a different person.
    pub required: Vec<String>,
    /// Different roles that the persons must fill together.
    pub distinct_roles: u32,
    /// How long it waits after its last approval, ms.
    pub cool_off_ms: u64,
    /// True where the proposer may be one of the approvers.
    pub administrative: bool,
    /// True where an approval counts only with an assertion of WebAuthn.
    pub assertions: bool,
    /// True where only the approver client's assertions count.
    pub separate: bool,
}

/// What a quorum still lacks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lack {
    /// Distinct persons that count.
    pub valid: u32,
    /// Distinct persons needed.
    pub needs: u32,
    /// Roles that nobody fills, joined by `|`; for roles of no matter which, how many differ.
    pub missing: String,
}

impl Quorum {
    /// So many persons of these roles, the proposer among them, with assertions and at once.
    #[must_use]
    pub const fn plain(class: Class, persons: u32, among: Vec<String>) -> Self {
        Self {
            class,
            persons,
            of: 0,
            among,
            required: Vec::new(),
            distinct_roles: 0,
            cool_off_ms: 0,
            administrative: true,
            assertions: true,
            separate: false,
        }
    }

    /// Asks for these roles too, each filled by a person of its own.
    pub fn requires(&mut self, roles: &[String]) {
        for role in roles {
            for list in [&mut self.required, &mut self.among] {
                if !list.contains(role) {
                    list.push(role.clone());
                }
            }
        }
        let together = u32::try_from(self.required.len()).unwrap_or(u32::MAX);
        self.persons = self.persons.max(together);
    }

    /// What is wrong with it, in words.
    ///
    /// # Errors
    /// The slip, naming the class and the numbers.
    pub fn check(&self) -> Result<(), String> {
        let class = self.class.code();
        let least = if self.class == Class::LowerRisk { 1 } else { 2 };
        if self.persons < least || self.persons > PERSONS_MAX {
            let given = self.persons;
            return Err(format!(
                "`{class}` asks for {least} to {PERSONS_MAX} persons, not {given}"
            ));
        }
        if self.class == Class::LowerRisk && (self.persons > 1 || self.cool_off_ms > 0) {
            return Err(format!("`{class}` is one person's and at once"));
        }
        if !self.assertions && self.class != Class::LowerRisk {
            return Err(format!("`{class}` raises risk and needs assertions"));
        }
        let together = u32::try_from(self.required.len()).unwrap_or(u32::MAX);
        let roles = together.max(self.distinct_roles);
        if roles > self.persons {
            let persons = self.persons;
            return Err(format!(
                "`{class}` needs {roles} roles filled by different persons and asks for {persons} persons"
            ));
        }
        let known = u32::try_from(self.among.len()).unwrap_or(u32::MAX);
        if known < self.distinct_roles || self.among.is_empty() {
            return Err(format!("`{class}` names too few roles whose holders count"));
        }
        for role in &self.required {
            let twice = self.required.iter().filter(|other| *other == role).count() > 1;
            if twice || !self.among.contains(role) {
                return Err(format!(
                    "`{class}` requires `{role}`, which stands twice or is not among those that count"
                ));
            }
        }
        Ok(())
    }

    /// Whether these voices fill it. Each voice is a person, by any mark that is the person's own, and a role; `more`
    /// persons are needed beside M.
    ///
    /// # Errors
    /// What is lacking.
    pub fn filled<P: Ord + Copy>(&self, voices: &[(P, &str)], more: u32) -> Result<(), Lack> {
        let mut persons: BTreeMap<P, Vec<&str>> = BTreeMap::new();
        for (person, role) in voices {
            if self.among.iter().any(|known| known == role) {
                persons.entry(*person).or_default().push(role);
            }
        }
        let held: Vec<&[&str]> = persons.values().map(Vec::as_slice).collect();
        let needs = self.persons.saturating_add(more);
        let valid = u32::try_from(held.len()).unwrap_or(u32::MAX);
        let mut missing = unfilled(&self.required, &held);
        if missing.is_empty() {
            let among = &self.among;
            let different = among.len().saturating_sub(unfilled(among, &held).len());
            let different = u32::try_from(different).unwrap_or(u32::MAX);
            if different < self.distinct_roles {
                let asked = self.distinct_roles;
                missing.push(format!("{different} of {asked} different roles"));
            }
        }
        if valid >= needs && missing.is_empty() {
            return Ok(());
        }
        let missing = missing.join("|");
        Err(Lack {
            valid,
            needs,
            missing,
        })
    }

    /// Whether people can fill it at all, each given by the roles that count for him now. Where the proposer does not
    /// count, it must be so whoever of them proposes.
    ///
    /// # Errors
    /// What is lacking, in the worst case.
    pub fn fillable(&self, people: &[Vec<String>]) -> Result<(), Lack> {
        let counts = |roles: &[String]| roles.iter().any(|role| self.among.contains(role));
        let able = people.iter().filter(|roles| counts(roles)).count();
        let able = u32::try_from(able).unwrap_or(u32::MAX);
        if able < self.of {
            return Err(Lack {
                valid: able,
                needs: self.of,
                missing: String::new(),
            });
        }
        let without = |gone: Option<usize>| {
            let rest = people.iter().enumerate();
            let rest = rest.filter(|(place, _)| Some(*place) != gone);
            let voices: Vec<(usize, &str)> = rest
                .flat_map(|(place, roles)| roles.iter().map(move |role| (place, role.as_str())))
                .collect();
            self.filled(&voices, 0)
        };
        without(None)?;
        if self.administrative {
            return Ok(());
        }
        (0..people.len()).try_for_each(|gone| without(Some(gone)))
    }
}

/// Roles that stay unfilled when as many as can be are filled by different persons, the first ones first.
fn unfilled(roles: &[String], persons: &[&[&str]]) -> Vec<String> {
    // filled_by[p] is the role that person p fills.
    let mut fills: Vec<Option<usize>> = alloc::vec![None; persons.len()];
    let mut left = Vec::new();
    for (place, role) in roles.iter().enumerate() {
        let mut tried = alloc::vec![false; persons.len()];
        if !give(place, roles, persons, &mut fills, &mut tried) {
            left.push(role.clone());
        }
    }
    left
}

/// Finds a person for the role, if need be by giving another role of his to somebody else. No deeper than there are
/// persons, since none is tried twice.
fn give(
    place: usize,
    roles: &[String],
    persons: &[&[&str]],
    fills: &mut Vec<Option<usize>>,
    tried: &mut Vec<bool>,
) -> bool {
    let Some(role) = roles.get(place) else {
        return false;
    };
    for (person, held) in persons.iter().enumerate() {
        let untried = tried.get(person).is_some_and(|tried| !tried);
        if !untried || !held.contains(&role.as_str()) {
            continue;
        }
        if let Some(mark) = tried.get_mut(person) {
            *mark = true;
        }
        let free = match fills.get(person).copied().flatten() {
            None => true,
            Some(other) => give(other, roles, persons, fills, tried),
        };
        if free {
            if let Some(slot) = fills.get_mut(person) {
                *slot = Some(place);
            }
            return true;
        }
    }
    false
}
