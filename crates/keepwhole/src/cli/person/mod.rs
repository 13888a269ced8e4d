//! The verb `person`: keep, read, erase and hold personal data. What is personal comes by file or standard input, never
//! by argument; no message repeats it; every read is in the journal before anything is printed.

mod desk;

use super::exit::{Exit, Failure};
use super::output::{Output, note, table};
use super::{DataArgs, wall_clock};
use crate::installation::Reading;
use crate::sequencer::Until;
use crate::text::{Lang, rfc3339, seoul};
use crate::views::reason_line;
use clap::{Args, Subcommand};
use desk::{Desk, hex, of_vault};
use keepwhole_core::answer::Answer;
use keepwhole_core::command::Body;
use keepwhole_core::reason::Reason;
use keepwhole_core::state::State;
use keepwhole_core::subject::{SubjectAction, SubjectCommand, is_code, retention};
use keepwhole_vault::fields::RECORD_MAX;
use keepwhole_vault::{Field, FileKeys, Kept, PersonalRecord, RealFiles, open_vault};
use serde_json::{Map, Value, json};
use std::io::Read as _;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Arguments of `person`.
#[derive(Debug, Args)]
pub struct PersonArgs {
    #[command(subcommand)]
    verb: PersonVerb,
}

#[derive(Debug, Subcommand)]
enum PersonVerb {
    /// Keep a record: a JSON object of texts from a file or standard input.
    #[command(
        after_help = "Example:\n  keepwhole person put --data exchange --account c-1042 --actor kim record.json"
    )]
    Put(PutArgs),
    /// Show named fields of a person, once the journal has who, whose, why, when and which.
    #[command(
        after_help = "Example:\n  keepwhole person read --data exchange --account c-1042 --actor kim --purpose ticket-77 --fields name,email"
    )]
    Read(ReadArgs),
    /// Say when the relation with a person ended; the law's retention runs from there.
    #[command(
        after_help = "Example:\n  keepwhole person end --data exchange --account c-1042 --actor kim --at 2026-05-01T00:00:00+09:00"
    )]
    End(EndArgs),
    /// Erase a person: done when a second person asks for the same; refused while a hold or the law keeps the records.
    #[command(
        after_help = "Example:\n  keepwhole person erase --data exchange --account c-1042 --actor kim --code pipa-36"
    )]
    Erase(ActArgs),
    /// Set a legal hold: done when a second person asks for the same.
    #[command(
        after_help = "Example:\n  keepwhole person hold --data exchange --account c-1042 --actor kim --code court-2026-7"
    )]
    Hold(ActArgs),
    /// Release a legal hold: done when a second person asks for the same.
    #[command(
        after_help = "Example:\n  keepwhole person release --data exchange --account c-1042 --actor kim --code court-2026-7"
    )]
    Release(ActArgs),
    /// List persons by random number, with holds and the end of retention.
    #[command(after_help = "Example:\n  keepwhole person list --data exchange")]
    List(ListArgs),
    /// Replace the vault key and destroy the old one: older copies of the keys no longer open. Run it each month.
    #[command(after_help = "Example:\n  keepwhole person rewrap --data exchange")]
    Rewrap(ListArgs),
}

#[derive(Debug, Args)]
struct Who {
    #[command(flatten)]
    data: DataArgs,
    /// The customer's account, as the exchange names it.
    #[arg(long, value_name = "ACCOUNT")]
    account: String,
    /// The account of the member of staff who acts.
    #[arg(long, value_name = "NAME")]
    actor: String,
}

#[derive(Debug, Args)]
struct PutArgs {
    #[command(flatten)]
    who: Who,
    /// The record; standard input if absent.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct ReadArgs {
    #[command(flatten)]
    who: Who,
    /// Code of the purpose, such as a ticket; the journal never forgets it, so no prose.
    #[arg(long, value_name = "CODE")]
    purpose: String,
    /// Names of fields, with commas between.
    #[arg(long, value_name = "NAMES")]
    fields: String,
}

#[derive(Debug, Args)]
struct EndArgs {
    #[command(flatten)]
    who: Who,
    /// When, with its zone.
    #[arg(long, value_name = "TIME")]
    at: String,
}

#[derive(Debug, Args)]
struct ActArgs {
    #[command(flatten)]
    who: Who,
    /// Code of the ground, the order or the case; the journal never forgets it, so no prose.
    #[arg(long, value_name = "CODE")]
    code: String,
}

#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    data: DataArgs,
}

impl PersonArgs {
    /// Whether programs read the answer.
    #[must_use]
    pub const fn is_json(&self) -> bool {
        match &self.verb {
            PersonVerb::Put(args) => args.who.data.json,
            PersonVerb::Read(args) => args.who.data.json,
            PersonVerb::End(args) => args.who.data.json,
            PersonVerb::Erase(args) | PersonVerb::Hold(args) | PersonVerb::Release(args) => {
                args.who.data.json
            }
            PersonVerb::List(args) | PersonVerb::Rewrap(args) => args.data.json,
        }
    }
}

/// Runs the verb.
///
/// # Errors
/// [`Failure`] with exit 1 where a rule or a missing thing refuses, 2 for input that can't be read, 3 for a damaged
/// journal or vault.
pub fn run(args: &PersonArgs) -> Result<Exit, Failure> {
    match &args.verb {
        PersonVerb::Put(args) => put(args),
        PersonVerb::Read(args) => read(args),
        PersonVerb::End(args) => end(args),
        PersonVerb::Erase(args) => act(args, |ground| SubjectAction::Erase { ground }),
        PersonVerb::Hold(args) => act(args, |reason| SubjectAction::SetHold { reason }),
        PersonVerb::Release(args) => act(args, |reason| SubjectAction::ReleaseHold { reason }),
        PersonVerb::List(args) => list(&args.data),
        PersonVerb::Rewrap(args) => rewrap(&args.data),
    }
}

/// What is typed is not repeated: it may be what must not be written anywhere.
fn code(text: &str, option: &str) -> Result<(), Failure> {
    if is_code(text) {
        return Ok(());
    }
    let say = format!(
        "`{option}` is not a code: give 1 to 64 letters, digits and `-._:/#`, such as a ticket or a case number, and nothing \
         about the person"
    );
    Err(Failure::usage("not_a_code", say))
}

fn input(file: Option<&PathBuf>) -> Result<PersonalRecord, Failure> {
    let mut bytes = Zeroizing::new(Vec::new());
    let most = u64::try_from(RECORD_MAX)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let read = match file {
        Some(path) => {
            std::fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes))
        }
        None => std::io::stdin().take(most).read_to_end(&mut bytes),
    };
    read.map_err(|error| {
        let place = file.map_or("standard input".to_owned(), |path| {
            format!("`{}`", path.display())
        });
        Failure::usage(
            "no_input",
            format!("can't read the record from {place}: {error}"),
        )
    })?;
    PersonalRecord::from_json(&bytes)
        .map_err(|error| Failure::usage(error.code(), error.to_string()))
}

fn put(args: &PutArgs) -> Result<Exit, Failure> {
    let who = &args.who;
    code(&who.account, "--account")?;
    let record = input(args.file.as_ref())?;
    let mut desk = Desk::open(&who.data.dir, true)?;
    desk.staff(&who.actor)?;
    let kept = desk
        .vault
        .put(&who.account, &record)
        .map_err(|error| of_vault(&error))?;
    let body = Body::OfSubject(SubjectCommand::Keep {
        subject: kept.subject,
        record: kept.record,
        commit: kept.commit,
    });
    let answer = desk.send(Some(Desk::id_of(&kept)), Some(&who.actor), body)?;
    if answer != Answer::Recorded {
        desk.vault
            .withdraw(&kept)
            .map_err(|error| of_vault(&error))?;
        let failure = refused(desk.state(), &answer);
        desk.close()?;
        return Err(failure);
    }
    desk.vault
        .confirm(&kept)
        .map_err(|error| of_vault(&error))?;
    desk.close()?;
    let (subject, record) = (hex(&kept.subject), hex(&kept.record));
    let text = format!(
        "kept record {record} of person {subject}; the journal has the commitment {}",
        hex(&kept.commit)
    );
    let value = json!({ "subject": subject, "record": record, "commit": hex(&kept.commit) });
    Output::new(who.data.json).answer(&text, &value)?;
    Ok(Exit::Done)
}

fn fields(text: &str) -> Result<Vec<Field>, Failure> {
    let parsed: Option<Vec<Field>> = text
        .split(',')
        .map(|name| Field::parse(name.trim()))
        .collect();
    let names: Vec<&str> = Field::ALL.iter().map(|field| field.name()).collect();
    let mut fields = parsed.ok_or_else(|| {
        Failure::usage(
            "unknown_field",
            format!(
                "`--fields` names a field that does not exist; there are {}",
                names.join(", ")
            ),
        )
    })?;
    fields.sort_unstable();
    fields.dedup();
    Ok(fields)
}

/// The journal has the read before a letter of it is printed.
fn read(args: &ReadArgs) -> Result<Exit, Failure> {
    let who = &args.who;
    code(&who.account, "--account")?;
    code(&args.purpose, "--purpose")?;
    let asked = fields(&args.fields)?;
    let mut desk = Desk::open(&who.data.dir, false)?;
    desk.staff(&who.actor)?;
    let subject = desk
        .vault
        .subject(&who.account)
        .map_err(|error| of_vault(&error))?;
    let mut found: Vec<(Kept, PersonalRecord, Vec<Field>)> = Vec::new();
    for record in desk
        .vault
        .records(&subject)
        .map_err(|error| of_vault(&error))?
    {
        let (kept, personal) = desk
            .vault
            .read(&subject, &record)
            .map_err(|error| of_vault(&error))?;
        let has: Vec<Field> = asked
            .iter()
            .copied()
            .filter(|field| personal.value(*field).is_some())
            .collect();
        if !has.is_empty() {
            found.push((kept, personal, has));
        }
    }
    if found.is_empty() {
        return Err(Failure::refused(
            "no_such_field",
            "no record of this account has one of these fields",
        ));
    }
    for (kept, _, has) in &found {
        let body = Body::OfSubject(SubjectCommand::Read {
            subject,
            record: kept.record,
            purpose: args.purpose.clone(),
            fields: has.iter().map(|field| field.name().to_owned()).collect(),
        });
        let answer = desk.send(None, Some(&who.actor), body)?;
        if answer != Answer::Cleared {
            let failure = refused(desk.state(), &answer);
            desk.close()?;
            return Err(failure);
        }
    }
    desk.close()?;
    print(&found, who.data.json, &hex(&subject))
}

fn print(
    found: &[(Kept, PersonalRecord, Vec<Field>)],
    json: bool,
    subject: &str,
) -> Result<Exit, Failure> {
    let mut lines = vec![format!("person {subject}")];
    let mut records = Vec::new();
    for (kept, personal, has) in found {
        lines.push(format!("record {}", hex(&kept.record)));
        let mut shown = Map::new();
        for field in has {
            let value = personal.value(*field).unwrap_or_default();
            lines.push(format!("  {}: {value}", field.name()));
            shown.insert(field.name().to_owned(), Value::from(value));
        }
        records.push(json!({ "record": hex(&kept.record), "fields": shown }));
    }
    let value = json!({ "subject": subject, "records": records });
    Output::new(json).answer(&lines.join("\n"), &value)?;
    Ok(Exit::Done)
}

fn end(args: &EndArgs) -> Result<Exit, Failure> {
    let who = &args.who;
    code(&who.account, "--account")?;
    let time: Option<jiff::Timestamp> = args.at.parse().ok();
    let ended = time.and_then(|time| u64::try_from(time.as_millisecond()).ok());
    let ended = ended.ok_or_else(|| {
        Failure::usage(
            "time",
            "`--at` is no time with its zone, such as 2026-05-01T00:00:00+09:00",
        )
    })?;
    let mut desk = Desk::open(&who.data.dir, false)?;
    desk.staff(&who.actor)?;
    let subject = desk
        .vault
        .subject(&who.account)
        .map_err(|error| of_vault(&error))?;
    let body = Body::OfSubject(SubjectCommand::EndRelation { subject, ended });
    let answer = desk.send(None, Some(&who.actor), body)?;
    let kept = retention(desk.state().law.rules.values(), ended, desk.state().at);
    if answer != Answer::Recorded {
        let failure = refused(desk.state(), &answer);
        desk.close()?;
        return Err(failure);
    }
    desk.close()?;
    let until = kept.as_ref().map(|kept| kept.until);
    let text = match &kept {
        Some(kept) => format!(
            "recorded: the relation ended {}; rule `{}` keeps the records until {}",
            seoul(ended),
            kept.rule,
            seoul(kept.until)
        ),
        None => format!(
            "recorded: the relation ended {}; no adopted rule keeps the records",
            seoul(ended)
        ),
    };
    let value = json!({ "subject": hex(&subject), "ended": rfc3339(ended), "kept_until": until.map(rfc3339), "rule": kept.map(|kept| kept.rule) });
    Output::new(who.data.json).answer(&text, &value)?;
    Ok(Exit::Done)
}

fn act(args: &ActArgs, action: impl Fn(String) -> SubjectAction) -> Result<Exit, Failure> {
    let who = &args.who;
    code(&who.account, "--account")?;
    code(&args.code, "--code")?;
    let mut desk = Desk::open(&who.data.dir, false)?;
    desk.staff(&who.actor)?;
    let subject = desk
        .vault
        .subject(&who.account)
        .map_err(|error| of_vault(&error))?;
    let action = action(args.code.clone());
    let word = action.word();
    let body = Body::OfSubject(SubjectCommand::Act { subject, action });
    let answer = desk.send(None, Some(&who.actor), body)?;
    let id = hex(&subject);
    let (text, outcome) = match &answer {
        Answer::Held(Reason::ApprovalsShort { .. }) => (
            format!(
                "recorded: you asked to {word} person {id}; it is done when a second person asks for the same"
            ),
            "waits_for_second_person",
        ),
        Answer::Recorded => {
            if word == "erase" {
                desk.vault
                    .erase(&subject)
                    .map_err(|error| of_vault(&error))?;
            }
            (format!("done: {word} of person {id}"), "done")
        }
        other => {
            let failure = refused(desk.state(), other);
            desk.close()?;
            return Err(failure);
        }
    };
    desk.close()?;
    let value = json!({ "subject": id, "action": word, "outcome": outcome });
    Output::new(who.data.json).answer(&text, &value)?;
    Ok(Exit::Done)
}

fn list(data: &DataArgs) -> Result<Exit, Failure> {
    let failed = |error| Failure::of_installation(&data.dir, &error);
    let reading = Reading::open_whole(&data.dir).map_err(failed)?;
    let state = reading.state(Until::End).map_err(failed)?;
    let root = data.dir.join(desk::FOLDER);
    let keys = FileKeys::load(RealFiles::at(&root)).map_err(|error| of_vault(&error))?;
    let vault = open_vault(RealFiles::at(&root), keys).map_err(|error| of_vault(&error))?;
    let now = wall_clock()?.max(state.at);
    let mut rows = Vec::new();
    let mut values = Vec::new();
    for subject in vault.subjects().map_err(|error| of_vault(&error))? {
        let subjects = &state.subjects;
        let ended = subjects.ended.get(&subject).copied();
        let kept = ended.and_then(|ended| retention(state.law.rules.values(), ended, now));
        let hold = subjects.hold(&subject).map(|(code, _)| code.to_owned());
        let records = vault
            .records(&subject)
            .map_err(|error| of_vault(&error))?
            .len();
        let end = match (&ended, &kept) {
            (None, _) => "the relation goes on".to_owned(),
            (Some(_), None) => "no rule".to_owned(),
            (Some(_), Some(kept)) => seoul(kept.until),
        };
        let rule = kept
            .as_ref()
            .map_or("-".to_owned(), |kept| kept.rule.clone());
        rows.push(vec![
            hex(&subject),
            records.to_string(),
            hold.clone().unwrap_or("-".to_owned()),
            end,
            rule,
        ]);
        values.push(json!({
            "subject": hex(&subject), "records": records, "hold": hold, "ended": ended.map(rfc3339),
            "kept_until": kept.as_ref().map(|kept| rfc3339(kept.until)), "rule": kept.map(|kept| kept.rule),
        }));
    }
    let text = format!(
        "{}\n{} persons, {} erased so far",
        table(
            &["person", "records", "hold", "kept until", "rule"],
            &[1],
            &rows
        ),
        rows.len(),
        state.subjects.erased.len()
    );
    let value = json!({ "persons": values, "erased": state.subjects.erased.len() });
    Output::new(data.json).answer(&text, &value)?;
    Ok(Exit::Done)
}

fn rewrap(data: &DataArgs) -> Result<Exit, Failure> {
    let mut desk = Desk::open(&data.dir, false)?;
    let wrapped = desk.vault.rewrap().map_err(|error| of_vault(&error))?;
    let number = desk.vault.key_number();
    desk.close()?;
    let text = format!(
        "wrapped {wrapped} keys under vault key {number} and destroyed the older ones; copy `vault/key` now, apart from everything else"
    );
    let value = json!({ "wrapped": wrapped, "key": number });
    Output::new(data.json).answer(&text, &value)?;
    Ok(Exit::Done)
}

/// A refusal in words, with the rule and its end where there is one.
fn refused(state: &State, answer: &Answer) -> Failure {
    let Some(reason) = answer.reason() else {
        return Failure::fault(
            "answer",
            "the journal gave an answer that this verb does not know",
        );
    };
    let say = match reason {
        Reason::RetentionRequired { rule, until: Some(until) } => {
            format!("rule `{rule}` keeps the records of this person until {}; ask again then", seoul(*until))
        }
        Reason::RetentionRequired { .. } => "the relation with this person goes on; record its end with `keepwhole person end` first".to_owned(),
        Reason::LegalHold { reason, since } => format!("legal hold `{reason}` keeps the records of this person since {}; two people can release it", seoul(*since)),
        Reason::Erased { at } => format!("the person of this account was erased {}", seoul(*at)),
        Reason::RoleExpired { ended } => format!("the roles of this member of staff ended {}", seoul(*ended)),
        Reason::RoleMissing { needs } if needs.is_empty() => "the policy lets nobody do this: no role has it".to_owned(),
        Reason::RoleMissing { needs } => format!("this member of staff has none of the roles `{needs}`"),
        Reason::SamePerson { .. } => "the same person asked before; a second person must ask for the same".to_owned(),
        Reason::ReadQuota { used, limit } => format!("this member of staff read {used} records in the last hour; the policy allows {limit}"),
        Reason::ReadQuotaAll { used, limit } => format!("all together read {used} records in the last hour; the policy allows {limit}"),
        Reason::AlreadyRegistered { .. } => "this hold stands already".to_owned(),
        Reason::UnknownTarget { .. } => "no hold of this code stands".to_owned(),
        Reason::Malformed { what } => what.clone(),
        other => reason_line(state, None, other, Lang::En),
    };
    Failure::refused(reason.code(), say)
}

/// Says on standard error that an older copy of the keys came back.
fn tell_restored(expected: u64, found: u64, again: u64) {
    note(&format!(
        "the vault's keys are an older copy (generation {found}, the journal has {expected}): recorded; persons erased since \
         were erased again: {again}; records kept since that copy do not open"
    ));
}
