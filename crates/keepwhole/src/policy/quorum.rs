//! Quorums that the people can't fill: more persons than hold the roles once the one who asks is left out, or roles that
//! no different persons can fill.

use std::collections::BTreeSet;

use keepwhole_core::policy::ActionClass;
use keepwhole_core::policy::rule::Outcome;

use super::check::{APPROVING, Code, Finding, Severity};
use super::file::PolicyFile;

/// One quorum of a policy.
struct Quorum<'p> {
    key: String,
    persons: u32,
    roles: &'p [String],
}

/// Compares every quorum of a file with its people.
pub(super) fn quorums(file: &PolicyFile, out: &mut Vec<Finding>) {
    let policy = &file.policy;
    let key = String::from("changes.approvals");
    let line = file.line(&key);
    if policy.change_approvals < 2 {
        out.push(Finding {
            code: Code::SinglePerson,
            severity: Severity::Error,
            line,
            key: key.clone(),
            what: String::from("one person alone could bring any other policy into force"),
            fix: String::from("ask for at least `2`"),
        });
    }
    if file.names.people().is_empty() {
        out.push(Finding {
            code: Code::NotCompared,
            severity: Severity::Note,
            line,
            key: String::from("people"),
            what: String::from("no people are known, so no quorum was compared with them"),
            fix: String::from("name them under `[people]`, or give the journal with `--data`"),
        });
        return;
    }
    let admins = holders(file, ActionClass::RaiseRisk).len();
    if short(policy.change_approvals, admins) {
        let persons = policy.change_approvals;
        let what = format!(
            "`{persons}` persons must stand behind a change and `{admins}` hold a role that may"
        );
        out.push(impossible(line, key, what));
    }
    for quorum in of_requests(file) {
        judge(file, &quorum, out);
    }
}

fn short(wanted: u32, have: usize) -> bool {
    usize::try_from(wanted).is_ok_and(|wanted| wanted > have)
}

fn impossible(line: usize, key: String, what: String) -> Finding {
    Finding {
        code: Code::ImpossibleQuorum,
        severity: Severity::Error,
        line,
        key,
        what,
        fix: String::from("ask for fewer, or give the role to more people first"),
    }
}

/// Persons who hold a role of that class.
fn holders(file: &PolicyFile, class: ActionClass) -> Vec<&BTreeSet<String>> {
    let roles = file.policy.roles(class);
    let people = file.names.people().iter();
    people
        .filter(|held| roles.iter().any(|role| held.contains(role)))
        .collect()
}

fn of_requests(file: &PolicyFile) -> Vec<Quorum<'_>> {
    let policy = &file.policy;
    let plain = |key, persons| Quorum {
        key,
        persons,
        roles: &[],
    };
    let mut found = Vec::new();
    for tier in &policy.tiers {
        let key = format!("tier.{}", file.names.amount(tier.asset, tier.from));
        found.push(plain(key, tier.approvals));
    }
    for budget in &policy.budgets {
        found.push(plain(format!("budget.{}", budget.id), budget.approvals));
    }
    for rule in policy.rules.iter() {
        if let Outcome::Approve(approvals) = &rule.then {
            found.push(Quorum {
                key: format!("rule.{}", rule.id),
                persons: approvals.n,
                roles: &approvals.roles,
            });
        }
    }
    found
}

/// Whoever asks can't approve: the quorum must stand with any one of them left out.
fn judge(file: &PolicyFile, quorum: &Quorum<'_>, out: &mut Vec<Finding>) {
    let approvers = holders(file, APPROVING);
    let (line, key) = (file.line(&quorum.key), quorum.key.clone());
    let left = approvers.len().saturating_sub(1);
    if short(quorum.persons, left) {
        let (wanted, all) = (quorum.persons, approvers.len());
        let what = format!(
            "`{wanted}` persons must approve and `{left}` can: `{all}` hold a role that may, and one of them may be who asks"
        );
        out.push(impossible(line, key, what));
        return;
    }
    for absent in 0..approvers.len() {
        let there: Vec<&BTreeSet<String>> = approvers
            .iter()
            .enumerate()
            .filter(|(place, _)| *place != absent)
            .map(|(_, held)| *held)
            .collect();
        if let Some(role) = unfilled(quorum.roles, &there) {
            let what = format!(
                "nobody is left for the role `{role}` where one of the approvers is who asks: each role takes another person who may approve"
            );
            out.push(impossible(line, key, what));
            return;
        }
    }
}

/// The first role that no person is left for, each filling one role (a maximum matching by augmenting paths).
fn unfilled<'r>(roles: &'r [String], people: &[&BTreeSet<String>]) -> Option<&'r str> {
    let mut filled: Vec<Option<usize>> = vec![None; people.len()];
    for (place, role) in roles.iter().enumerate() {
        let mut tried = vec![false; people.len()];
        if !fill(place, roles, people, &mut filled, &mut tried) {
            return Some(role);
        }
    }
    None
}

fn fill(
    role: usize,
    roles: &[String],
    people: &[&BTreeSet<String>],
    filled: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    let Some(name) = roles.get(role) else {
        return false;
    };
    for (person, held) in people.iter().enumerate() {
        if !held.contains(name) || tried.get(person).copied().unwrap_or(true) {
            continue;
        }
        if let Some(seen) = tried.get_mut(person) {
            *seen = true;
        }
        let before = filled.get(person).copied().flatten();
        if before.is_none_or(|other| fill(other, roles, people, filled, tried)) {
            if let Some(slot) = filled.get_mut(person) {
                *slot = Some(role);
            }
            return true;
        }
    }
    false
}
