//! Personal records of a story: kept for every customer where the story speaks of retention, by numbers that come from the
//! story itself. What is played is the core's decision; sealing and destroying keys is tried in `crates/vault`.

use std::collections::{BTreeMap, BTreeSet};

use keepwhole_core::command::{Body, Command, sha256_of};
use keepwhole_core::event::{Event as Recorded, Record};
use keepwhole_core::law::{Area, Confidence, DAY_MS, Day, Kind, RuleRecord, Status, Value};
use keepwhole_core::registry::PersonIx;
use keepwhole_core::subject::{SubjectAction, SubjectCommand, SubjectId};
use keepwhole_verify::digest::Digest;
use sha2::{Digest as _, Sha256};

use super::scenario::Given;
use super::scenario::code::Role;

const HOUR_MS: u64 = 3_600_000;

/// The number of a customer's person: the vault draws it at random, a story must give the same journal each time.
pub(super) fn subject_of(customer: &str) -> SubjectId {
    let digest: [u8; 32] = Sha256::digest(format!("drill person {customer}")).into();
    let mut subject = SubjectId::default();
    for (place, byte) in subject.iter_mut().zip(digest) {
        *place = byte;
    }
    subject
}

/// True where the story is about personal records that are kept, and not only about counting reads.
fn keeps(given: &Given) -> bool {
    given.policy.retention.is_some() || given.customers.iter().any(|c| c.closed_at.is_some())
}

/// True if the story's retention can be said in whole days, as a rule of law says it.
pub(super) fn whole_days(given: &Given) -> bool {
    given
        .policy
        .retention
        .is_none_or(|ms| ms.is_multiple_of(DAY_MS))
}

/// The story's retention as a rule that is adopted, and the records of its customers.
pub(super) fn given(given: &Given) -> Vec<Command> {
    if !keeps(given) {
        return Vec::new();
    }
    let keeper = given.actors.iter().find(|actor| {
        actor.roles.contains(&Role::Compliance) || actor.roles.contains(&Role::Admin)
    });
    let keeper = keeper.map(|actor| actor.id.clone());
    let told = |command| Command {
        id: None,
        actor: keeper.clone(),
        body: Body::OfSubject(command),
    };
    let mut commands = Vec::new();
    if let Some(ms) = given.policy.retention {
        commands.push(Command {
            id: None,
            actor: None,
            body: adopt(rule(ms / DAY_MS)),
        });
    }
    for customer in given
        .customers
        .iter()
        .filter(|customer| customer.id != given.company)
    {
        let subject = subject_of(&customer.id);
        let commit = Sha256::digest(format!("drill record {}", customer.id)).into();
        commands.push(told(SubjectCommand::Keep {
            subject,
            record: subject,
            commit,
        }));
        if let Some(ended) = customer.closed_at {
            commands.push(told(SubjectCommand::EndRelation { subject, ended }));
        }
    }
    commands
}

fn adopt(rule: RuleRecord) -> Body {
    let digest = *Digest::of(&sha256_of(&rule)).as_bytes();
    Body::AdoptLaw {
        rules: vec![rule],
        digest,
    }
}

fn rule(days: u64) -> RuleRecord {
    let text = str::to_owned;
    RuleRecord {
        id: text("story-retention"),
        jurisdiction: text("KR"),
        timezone: text("Asia/Seoul"),
        utc_offset_minutes: Some(9 * 60),
        currency: text("KRW"),
        as_of: Day::MIN,
        area: Area::Records,
        kind: Kind::Duty,
        title_en: text("Retention as the story gives it"),
        title_ko: None,
        status: Status::InForce,
        effective_from: Some(Day::MIN),
        effective_to: None,
        superseded_by: None,
        instrument: text("the story"),
        article: String::new(),
        obliged: vec![text("vasp")],
        to: Vec::new(),
        trigger: text("end of the relation"),
        source: text("the story"),
        confidence: Confidence::Checked,
        note: String::new(),
        parameters: vec![
            (text("clock_start"), Value::Text(text("relation_ended"))),
            (text("retention_days"), Value::Int(days)),
        ],
    }
}

/// One person's asking to erase a customer.
pub(super) fn erase(customer: &str, actor: &str, id: Option<String>) -> Command {
    Command {
        id,
        actor: Some(actor.to_owned()),
        body: Body::OfSubject(SubjectCommand::Act {
            subject: subject_of(customer),
            action: SubjectAction::Erase {
                ground: "request".to_owned(),
            },
        }),
    }
}

/// A read of a customer's record: by number where records are kept, else by the customer's name.
pub(super) fn read(customer: &str, purpose: &str, kept: bool) -> Body {
    if !kept {
        return Body::ReadRecord {
            customer: customer.to_owned(),
            purpose: purpose.to_owned(),
        };
    }
    let subject = subject_of(customer);
    Body::OfSubject(SubjectCommand::Read {
        subject,
        record: subject,
        purpose: purpose.to_owned(),
        fields: vec!["name".to_owned()],
    })
}

/// Customers whose records were read without or beyond right: with no purpose, beyond a quota of the story, or after they
/// were erased. Counted from the journal alone, apart from the rules of the core.
pub(super) fn exposed(given: &Given, records: &[Record]) -> BTreeSet<String> {
    let names: BTreeMap<SubjectId, &String> = given
        .customers
        .iter()
        .map(|customer| (subject_of(&customer.id), &customer.id))
        .collect();
    let mut owners: Vec<String> = Vec::new();
    let mut erased: BTreeSet<SubjectId> = BTreeSet::new();
    let mut reads: Vec<(u64, PersonIx)> = Vec::new();
    let mut exposed = BTreeSet::new();
    for record in records {
        let (person, whose, purpose, gone) = match &record.event {
            Recorded::OwnerRegistered(id) => {
                owners.push(id.clone());
                continue;
            }
            Recorded::SubjectErased { subject, .. } => {
                erased.insert(*subject);
                continue;
            }
            Recorded::RecordRead {
                person,
                owner,
                purpose,
            } => (*person, owners.get(owner.place()).cloned(), purpose, false),
            Recorded::SubjectRead {
                person,
                subject,
                purpose,
                ..
            } => {
                let whose = names.get(subject).map(|name| (*name).clone());
                (*person, whose, purpose, erased.contains(subject))
            }
            _ => continue,
        };
        reads.push((record.at, person));
        let recent = reads
            .iter()
            .filter(|(at, _)| at.saturating_add(HOUR_MS) > record.at);
        let (mut all, mut own) = (0_u32, 0_u32);
        for (_, who) in recent {
            all = all.saturating_add(1);
            own = own.saturating_add(u32::from(*who == person));
        }
        let beyond = given.policy.reads_per_hour.is_some_and(|limit| own > limit)
            || given
                .policy
                .reads_per_hour_all
                .is_some_and(|limit| all > limit);
        if gone || beyond || purpose.trim().is_empty() {
            exposed.insert(whose.unwrap_or_else(|| "somebody unknown".to_owned()));
        }
    }
    exposed
}
