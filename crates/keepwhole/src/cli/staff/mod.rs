//! The verb `staff`: people, their roles and keys, what they propose and approve. Everything goes through the journal as a
//! command; nobody's word counts without an assertion of the person's own authenticator.

mod dead;
mod register;
mod released;
mod show;

use super::exit::{Exit, Failure};
use super::output::Output;
use super::{DataArgs, wall_clock};
use crate::authority::{answer as answer_to, credential, proof, rules};
use crate::installation::Installation;
use crate::text::seoul;
use clap::{Args, Subcommand};
use keepwhole_core::answer::Answer;
use keepwhole_core::authority::command::AuthorityCommand;
use keepwhole_core::authority::credential::{Enrolment, NewCredential};
use keepwhole_core::authority::rules::{ROLE_MAX_MS, RelyingParty, Rules};
use keepwhole_core::command::{Body, Command};
use keepwhole_core::guard::Change;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// Most bytes of a file that a person brings.
const FILE_MAX: u64 = 1024 * 1024;

/// Arguments of `staff`.
#[derive(Debug, Args)]
pub struct StaffArgs {
    #[command(subcommand)]
    verb: StaffVerb,
}

#[derive(Debug, Subcommand)]
enum StaffVerb {
    /// Begin: three administrators with keys, who may enrol, halt and adopt the first policy, and nothing else.
    #[command(
        after_help = "Example:\n  keepwhole staff bootstrap --data exchange --administrator ada=ada.json --administrator bea=bea.json --administrator cem=cem.json --site console.exchange.example=https://console.exchange.example --approver-site approver.exchange.example=https://approver.exchange.example"
    )]
    Bootstrap(BootstrapArgs),
    /// Show people, roles with their ends, keys, what waits, and which quorums people can fill.
    #[command(after_help = "Example:\n  keepwhole staff list --data exchange")]
    List(ListArgs),
    /// Show the exact command that an approval of a request or proposal binds.
    #[command(after_help = "Example:\n  keepwhole staff show enrol-kim --data exchange")]
    Show(TargetArgs),
    /// Propose to enrol a person with roles and a key.
    #[command(
        after_help = "Example:\n  keepwhole staff enrol kim --data exchange --actor ada --id enrol-kim --roles risk,finance --credential kim.json --days 90"
    )]
    Enrol(EnrolArgs),
    /// Suspend a person at once; a quorum makes it last or lifts it.
    #[command(
        after_help = "Example:\n  keepwhole staff revoke kim --data exchange --actor sue --id revoke-kim"
    )]
    Revoke(ProposeArgs),
    /// Propose to lift the suspension of a person.
    #[command(
        after_help = "Example:\n  keepwhole staff reinstate kim --data exchange --actor ria --id back-kim"
    )]
    Reinstate(ProposeArgs),
    /// Propose to replace all keys of a person; the longest wait, and everybody is told.
    #[command(
        after_help = "Example:\n  keepwhole staff reset kim --data exchange --actor ada --id reset-kim --credential kim-2.json"
    )]
    Reset(ResetArgs),
    /// Propose to prolong all roles of an account.
    #[command(
        after_help = "Example:\n  keepwhole staff renew kim --data exchange --actor ada --id renew-kim --days 90"
    )]
    Renew(RenewArgs),
    /// Propose to register what the exchange trusts: a wallet, a key, an asset, a Safe, code for batches, opening holdings.
    #[command(
        after_help = "Example:\n  keepwhole staff register safe --network eip155:1 --address 0x5afe00000000000000000000000000000000beef --safe-version 1.4.1 --wallet vault --data exchange --actor ada --id safe-1"
    )]
    Register(register::RegisterArgs),
    /// Propose other rules of authority.
    #[command(
        after_help = "Example:\n  keepwhole staff rules authority.toml --data exchange --actor ada --id rules-2"
    )]
    Rules(RulesArgs),
    /// Propose to release a redress set to customers.
    #[command(
        after_help = "Example:\n  keepwhole staff release-redress manifest.json --data exchange --actor ria --id release-1"
    )]
    ReleaseRedress(released::ReleaseArgs),
    /// Propose to destroy the key of a person's records; `keepwhole person list` names persons by number.
    #[command(
        after_help = "Example:\n  keepwhole staff destroy-key 0123456789abcdef0123456789abcdef --code pipa-36 --data exchange --actor oda --id destroy-1"
    )]
    DestroyKey(released::DestroyArgs),
    /// Propose that what was redeemed of a withdrawal can't land any more, on evidence; then it goes back.
    #[command(
        after_help = "Example:\n  keepwhole staff declare-dead w-1 --conflict-key eip155:1/0x1111111111111111111111111111111111111111/7 --spent-by 0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060 --data exchange --actor ada --id dead-1"
    )]
    DeclareDead(dead::DeadArgs),
    /// Write the request that the approver client answers: the exact command, a new nonce, and 15 minutes at most.
    #[command(
        after_help = "Example:\n  keepwhole staff ask enrol-kim --data exchange --approver ada --role administrator --out request.json"
    )]
    Ask(AskArgs),
    /// Record a person's answer to a request or proposal, from the file that the approver client made.
    #[command(
        after_help = "Example:\n  keepwhole staff approve enrol-kim ada.approval.json --data exchange --actor ada"
    )]
    Approve(ApproveArgs),
    /// Cancel a proposal that waits.
    #[command(
        after_help = "Example:\n  keepwhole staff cancel reset-kim --data exchange --actor kim"
    )]
    Cancel(CancelArgs),
    /// Write the roster that approvals are checked against offline.
    #[command(
        after_help = "Example:\n  keepwhole staff export-roster --data exchange --out roster.json"
    )]
    ExportRoster(RosterArgs),
    /// Write all answers to one request or proposal, with their assertions.
    #[command(
        after_help = "Example:\n  keepwhole staff export-approvals enrol-kim --data exchange --out enrol-kim.json"
    )]
    ExportApprovals(ExportArgs),
}

#[derive(Debug, Args)]
struct BootstrapArgs {
    #[command(flatten)]
    data: DataArgs,
    /// An administrator and the file of the key: NAME=FILE; exactly three.
    #[arg(long = "administrator", value_name = "NAME=FILE", required = true)]
    administrators: Vec<String>,
    /// A site on which assertions are made: RP-ID=ORIGIN.
    #[arg(long = "site", value_name = "RP-ID=ORIGIN")]
    sites: Vec<String>,
    /// The approver client's own site: RP-ID=ORIGIN.
    #[arg(long = "approver-site", value_name = "RP-ID=ORIGIN")]
    approver_sites: Vec<String>,
    /// Rules of authority other than the usual ones (docs/authority.md).
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Args)]
struct TargetArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Id of the request or proposal.
    #[arg(value_name = "PROPOSAL")]
    target: String,
}

#[derive(Debug, Args)]
struct By {
    #[command(flatten)]
    data: DataArgs,
    /// The account of the member of staff who acts.
    #[arg(long, value_name = "NAME")]
    actor: String,
}

#[derive(Debug, Args)]
struct ProposeArgs {
    #[command(flatten)]
    by: By,
    /// Id of the proposal; approvals name it.
    #[arg(long, value_name = "ID")]
    id: String,
    /// The account, or to reinstate the person, that it is about.
    #[arg(value_name = "NAME")]
    name: String,
}

#[derive(Debug, Args)]
struct EnrolArgs {
    #[command(flatten)]
    propose: ProposeArgs,
    /// The account, if it is called otherwise than the person.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Roles, with commas between.
    #[arg(long, value_name = "ROLES", value_delimiter = ',', required = true)]
    roles: Vec<String>,
    /// Files of keys.
    #[arg(long = "credential", value_name = "FILE", required = true)]
    credentials: Vec<PathBuf>,
    /// Days that the roles last, 1 to 90.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=90))]
    days: u64,
}

#[derive(Debug, Args)]
struct ResetArgs {
    #[command(flatten)]
    propose: ProposeArgs,
    /// File of the new key.
    #[arg(long, value_name = "FILE")]
    credential: PathBuf,
}

#[derive(Debug, Args)]
struct RenewArgs {
    #[command(flatten)]
    propose: ProposeArgs,
    /// Days from now, 1 to 90.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=90))]
    days: u64,
}

#[derive(Debug, Args)]
struct RulesArgs {
    #[command(flatten)]
    by: By,
    /// Id of the proposal; approvals name it.
    #[arg(long, value_name = "ID")]
    id: String,
    /// The rules (docs/authority.md).
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Debug, Args)]
struct AskArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// The person who is asked.
    #[arg(long, value_name = "NAME")]
    approver: String,
    /// The role in which the person answers.
    #[arg(long, value_name = "ROLE")]
    role: String,
    /// File to write; standard output if absent.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct ApproveArgs {
    #[command(flatten)]
    by: By,
    /// Id of the request or proposal.
    #[arg(value_name = "PROPOSAL")]
    target: String,
    /// The approval, as the approver client wrote it.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Debug, Args)]
struct CancelArgs {
    #[command(flatten)]
    by: By,
    /// Id of the proposal.
    #[arg(value_name = "PROPOSAL")]
    target: String,
}

#[derive(Debug, Args)]
struct RosterArgs {
    #[command(flatten)]
    data: DataArgs,
    /// File to write; standard output if absent.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct ExportArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// File to write; standard output if absent.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl StaffArgs {
    const fn data(&self) -> &DataArgs {
        match &self.verb {
            StaffVerb::Bootstrap(args) => &args.data,
            StaffVerb::List(args) => &args.data,
            StaffVerb::Show(args) => &args.data,
            StaffVerb::Ask(args) => &args.target.data,
            StaffVerb::Enrol(args) => &args.propose.by.data,
            StaffVerb::Revoke(args) | StaffVerb::Reinstate(args) => &args.by.data,
            StaffVerb::Reset(args) => &args.propose.by.data,
            StaffVerb::Renew(args) => &args.propose.by.data,
            StaffVerb::Register(args) => &args.by().data,
            StaffVerb::Rules(args) => &args.by.data,
            StaffVerb::ReleaseRedress(args) => &args.by.data,
            StaffVerb::DestroyKey(args) => &args.by.data,
            StaffVerb::DeclareDead(args) => &args.by.data,
            StaffVerb::Approve(args) => &args.by.data,
            StaffVerb::Cancel(args) => &args.by.data,
            StaffVerb::ExportRoster(args) => &args.data,
            StaffVerb::ExportApprovals(args) => &args.target.data,
        }
    }

    /// Whether programs read the answer.
    #[must_use]
    pub const fn is_json(&self) -> bool {
        self.data().json
    }
}

/// Shows people, or sends what one of them says through the journal.
///
/// # Errors
/// [`Failure`] with exit 1 for what the rules refuse, 2 for files and folders that can't be read.
pub fn run(args: &StaffArgs) -> Result<Exit, Failure> {
    match &args.verb {
        StaffVerb::Bootstrap(args) => bootstrap(args),
        StaffVerb::List(args) => show::list(&args.data),
        StaffVerb::Show(args) => show::show(&args.data, &args.target),
        StaffVerb::Ask(args) => ask(args),
        StaffVerb::ExportRoster(args) => show::roster(&args.data, args.out.as_deref()),
        StaffVerb::ExportApprovals(args) => {
            show::approvals(&args.target.data, &args.target.target, args.out.as_deref())
        }
        StaffVerb::Enrol(args) => enrol(args),
        StaffVerb::Revoke(args) => {
            let actor = args.name.clone();
            propose(&args.by, &args.id, Change::Revoke { actor })
        }
        StaffVerb::Reinstate(args) => {
            let person = args.name.clone();
            propose(&args.by, &args.id, Change::Reinstate { person })
        }
        StaffVerb::Reset(args) => {
            let credential = Box::new(key(&args.credential)?);
            let person = args.propose.name.clone();
            let change = Change::ResetCredentials { person, credential };
            propose(&args.propose.by, &args.propose.id, change)
        }
        StaffVerb::Renew(args) => {
            let change = Change::RenewRoles {
                actor: args.propose.name.clone(),
                expires: in_days(args.days)?,
            };
            propose(&args.propose.by, &args.propose.id, change)
        }
        StaffVerb::Register(args) => register::run(args),
        StaffVerb::Rules(args) => {
            let next = read_rules(&args.file, Vec::new())?;
            let change = Change::AdoptAuthority(Box::new(next));
            propose(&args.by, &args.id, change)
        }
        StaffVerb::ReleaseRedress(args) => args.propose(),
        StaffVerb::DestroyKey(args) => args.propose(),
        StaffVerb::DeclareDead(args) => args.propose(),
        StaffVerb::Approve(args) => approve(args),
        StaffVerb::Cancel(args) => {
            let target = args.target.clone();
            let answer = send(&args.by, None, Body::CancelChange { target })?;
            told(&args.by.data, &args.target, &answer)
        }
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    let shown = path.display();
    let failed = |error: std::io::Error| {
        Failure::usage("unreadable", format!("`{shown}` can't be read: {error}"))
    };
    let size = fs::metadata(path).map_err(failed)?.len();
    if size > FILE_MAX {
        return Err(Failure::usage(
            "too_large",
            format!("`{shown}` has {size} bytes, at most {FILE_MAX} are read"),
        ));
    }
    fs::read_to_string(path).map_err(failed)
}

fn of_file(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::usage("file", format!("`{}`: {error}", path.display()))
}

fn key(path: &Path) -> Result<NewCredential, Failure> {
    credential(&read(path)?).map_err(|error| of_file(path, &error))
}

fn read_rules(path: &Path, sites: Vec<RelyingParty>) -> Result<Rules, Failure> {
    rules(&read(path)?, sites).map_err(|error| of_file(path, &error))
}

fn in_days(days: u64) -> Result<u64, Failure> {
    Ok(wall_clock()?.saturating_add(days.saturating_mul(86_400_000)))
}

/// `LEFT=RIGHT`, both sides there.
fn pair<'t>(flag: &str, text: &'t str) -> Result<(&'t str, &'t str), Failure> {
    let parts = text.split_once('=');
    let parts = parts.filter(|(left, right)| !left.is_empty() && !right.is_empty());
    parts.ok_or_else(|| {
        Failure::usage(
            "pair",
            format!("`{flag}` takes two parts with `=` between, not `{text}`"),
        )
    })
}

fn sites(args: &BootstrapArgs) -> Result<Vec<RelyingParty>, Failure> {
    let mut sites: Vec<RelyingParty> = Vec::new();
    let marked = args.sites.iter().map(|text| ("--site", text, false));
    let own = args.approver_sites.iter();
    for (flag, text, separate) in marked.chain(own.map(|text| ("--approver-site", text, true))) {
        let (id, origin) = pair(flag, text)?;
        match sites.iter_mut().find(|site| site.id == id) {
            Some(site) => site.origins.push(origin.to_owned()),
            None => sites.push(RelyingParty {
                id: id.to_owned(),
                origins: vec![origin.to_owned()],
                separate,
            }),
        }
    }
    Ok(sites)
}

fn bootstrap(args: &BootstrapArgs) -> Result<Exit, Failure> {
    let sites = sites(args)?;
    let rules = match &args.rules {
        Some(path) => read_rules(path, sites)?,
        None => Rules::usual(sites),
    };
    let until = wall_clock()?.saturating_add(rules.role_max_ms.min(ROLE_MAX_MS));
    let mut administrators = Vec::new();
    for text in &args.administrators {
        let (name, path) = pair("--administrator", text)?;
        administrators.push(Enrolment {
            actor: name.to_owned(),
            person: name.to_owned(),
            roles: vec!["administrator".to_owned()],
            expires: until,
            credentials: vec![key(Path::new(path))?],
        });
    }
    let body = Body::OfAuthority(AuthorityCommand::Bootstrap {
        rules: Box::new(rules),
        administrators,
    });
    let answer = turn(&args.data, None, None, body)?;
    told(&args.data, "bootstrap", &answer)
}

fn enrol(args: &EnrolArgs) -> Result<Exit, Failure> {
    let name = &args.propose.name;
    let credentials: Result<Vec<NewCredential>, Failure> =
        args.credentials.iter().map(|path| key(path)).collect();
    let new = Enrolment {
        actor: args.account.clone().unwrap_or_else(|| name.clone()),
        person: name.clone(),
        roles: args.roles.clone(),
        expires: in_days(args.days)?,
        credentials: credentials?,
    };
    let change = Change::EnrolPerson(Box::new(new));
    propose(&args.propose.by, &args.propose.id, change)
}

fn propose(by: &By, id: &str, change: Change) -> Result<Exit, Failure> {
    let answer = send(by, Some(id), Body::ProposeChange(change))?;
    told(&by.data, id, &answer)
}

fn ask(args: &AskArgs) -> Result<Exit, Failure> {
    let person = (args.approver.as_str(), args.role.as_str());
    show::request(
        &args.target.data,
        &args.target.target,
        person,
        args.out.as_deref(),
    )
}

fn approve(args: &ApproveArgs) -> Result<Exit, Failure> {
    let (approver, proof) =
        proof(&read(&args.file)?).map_err(|error| of_file(&args.file, &error))?;
    let decision = proof.decision;
    let answer = send(&args.by, None, answer_to(&args.target, proof))?;
    if answer.answer == Answer::Recorded {
        return show::standing(&args.by.data, &args.target, (&approver, decision));
    }
    told(&args.by.data, &args.target, &answer)
}

fn send(by: &By, id: Option<&str>, body: Body) -> Result<Reply, Failure> {
    turn(&by.data, id, Some(&by.actor), body)
}

/// What the journal answered, and its reason in words.
struct Reply {
    answer: Answer,
    says: Option<String>,
}

/// Opens the installation, sends one command, and publishes the head.
fn turn(
    data: &DataArgs,
    id: Option<&str>,
    actor: Option<&str>,
    body: Body,
) -> Result<Reply, Failure> {
    let dir = &data.dir;
    let mut open =
        Installation::open(dir).map_err(|error| Failure::of_installation(dir, &error))?;
    let command = Command {
        id: id.map(str::to_owned),
        actor: actor.map(str::to_owned),
        body,
    };
    let replies = open.sequencer.turn(wall_clock()?, &[command]);
    let replies = replies.map_err(|error| Failure::of_installation(dir, &error.into()))?;
    open.publish()
        .map_err(|error| Failure::of_installation(dir, &error))?;
    let reply = replies.into_iter().next();
    let reply = reply.ok_or_else(|| Failure::fault("answer", "the journal gave no answer"))?;
    let state = open.sequencer.state();
    let says = |reason| show::says(state, None, reason);
    Ok(Reply {
        says: reply.answer.reason().map(says),
        answer: reply.answer,
    })
}

/// Says what the journal answered: exit 0 where it is recorded, done or waits, 1 where a rule refused it.
fn told(data: &DataArgs, id: &str, reply: &Reply) -> Result<Exit, Failure> {
    let answer = &reply.answer;
    if let Answer::Denied(reason) | Answer::Refused(reason) = answer {
        let says = reply.says.clone().unwrap_or_default();
        return Err(Failure::refused(reason.code(), says));
    }
    let text = match &reply.says {
        Some(says) => format!("`{id}` waits: {says}"),
        None => format!("`{id}`: {}", answer.word()),
    };
    let value = json!({
        "id": id,
        "answer": answer.word(),
        "reason": answer.reason().map(keepwhole_core::reason::Reason::code),
        "says": reply.says,
    });
    Output::new(data.json).answer(&text, &value)?;
    Ok(Exit::Done)
}

/// A moment for people.
fn moment(at: u64) -> String {
    seoul(at)
}
