//! `policy adopt`: the first policy of an installation, or a proposal of the next one.

use super::super::exit::{Exit, Failure};
use super::super::output::Output;
use super::super::{DataArgs, wall_clock};
use super::check::{of_unchecked, text as check_text};
use super::{bytes_of, of_refused};
use crate::installation::{Installation, reason_json};
use crate::policy::{Names, PolicyFile, Unadoptable, adopt};
use crate::text::Lang;
use crate::views::reason_line;
use clap::Args;
use keepwhole_core::answer::Answer;
use keepwhole_core::command::{Body, Command, sha256_of};
use keepwhole_core::guard::Change;
use keepwhole_core::reason::Reason;
use keepwhole_verify::json::to_hex;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;

/// Arguments of `policy adopt`.
#[derive(Debug, Args)]
pub(super) struct AdoptArgs {
    /// The policy file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The folder and the form of the answer.
    #[command(flatten)]
    pub(super) data: DataArgs,
    /// Account of the person who adopts or proposes it.
    #[arg(long, value_name = "ACCOUNT")]
    actor: String,
    /// The back-test that speaks for it (`keepwhole policy backtest --json`): its SHA-256 goes into the proposal's id.
    #[arg(long, value_name = "FILE")]
    backtest: Option<PathBuf>,
}

/// Checks the file and tells the journal.
pub(super) fn run(args: &AdoptArgs) -> Result<Exit, Failure> {
    let dir = &args.data.dir;
    let failed = |error| Failure::of_installation(dir, &error);
    let mut open = Installation::open(dir).map_err(failed)?;
    let now = wall_clock()?.max(open.sequencer.state().at);
    let names = Names::of_registry(&open.sequencer.state().registry, now);
    let known = open.sequencer.state().guard.policy.version;
    let place = args.file.display().to_string();
    let read = adopt::next(&place, &bytes_of(&args.file)?, (&names, known), now);
    let (file, _) = read.map_err(|why| unadoptable(&why))?;
    let digest = to_hex(&sha256_of(&file.policy));
    let id = id_of(args, &file, &digest)?;
    // Under rules of authority the first one too is proposed, and two administrators approve it.
    let ruled = open.sequencer.state().authority.rules.is_some();
    let body = match known {
        0 if !ruled => Body::AdoptPolicy(Box::new(file.policy.clone())),
        _ => Body::ProposeChange(Change::AdoptPolicy(Box::new(file.policy.clone()))),
    };
    let command = Command {
        id: Some(id.clone()),
        actor: Some(args.actor.clone()),
        body,
    };
    let replies = open
        .sequencer
        .turn(now, &[command])
        .map_err(|error| failed(error.into()))?;
    let answer = replies.first().map(|reply| reply.answer.clone());
    open.publish().map_err(failed)?;
    let Some(answer) = answer else {
        return Err(Failure::fault(
            "no_answer",
            "the journal gave no answer; start again",
        ));
    };
    let says = answer
        .reason()
        .map(|reason| reason_line(open.sequencer.state(), None, reason, Lang::En));
    let says = says.unwrap_or_default();
    told(args, (&file, &digest), &answer, &id, &says)
}

fn unadoptable(why: &Unadoptable) -> Failure {
    match why {
        Unadoptable::Unread(refused) => of_refused(refused),
        Unadoptable::Checked(file, found) => {
            let message = format!(
                "the policy is not adopted: `keepwhole policy check` finds errors in it\n{}",
                check_text(file, found)
            );
            Failure::refused("policy_check", message)
        }
        Unadoptable::Version(refused) => Failure::refused("version", refused.to_string()),
        Unadoptable::Unchecked(why) => of_unchecked(why),
    }
}

/// The same policy on the same back-test has the same id, so that a repeat is harmless.
fn id_of(args: &AdoptArgs, file: &PolicyFile, digest: &str) -> Result<String, Failure> {
    let short = |hex: &str| hex.chars().take(16).collect::<String>();
    let base = format!("policy-{}-{}", file.policy.version, short(digest));
    let Some(path) = &args.backtest else {
        return Ok(base);
    };
    let bytes = bytes_of(path)?;
    let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(|error| {
        let message = format!(
            "`{}` is no back-test: {error}; write one with `keepwhole policy backtest --json`",
            path.display()
        );
        Failure::usage("backtest", message)
    })?;
    if value["new_sha256"].as_str() != Some(digest) {
        let message = format!(
            "the back-test in `{}` is of another policy: it names `{}`, the file has `{digest}`; run it again on this file",
            path.display(),
            value["new_sha256"].as_str().unwrap_or("none")
        );
        return Err(Failure::refused("backtest", message));
    }
    Ok(format!(
        "{base}-backtest-{}",
        to_hex(&Sha256::digest(&bytes))
    ))
}

fn told(
    args: &AdoptArgs,
    (file, digest): (&PolicyFile, &str),
    answer: &Answer,
    id: &str,
    says: &str,
) -> Result<Exit, Failure> {
    let version = file.policy.version;
    let value = json!({
        "answer": answer.word(),
        "reason": answer.reason().map(reason_json),
        "id": id,
        "version": version,
        "sha256": digest,
    });
    let text = match answer {
        Answer::Recorded | Answer::Cleared => {
            format!("policy version {version} is in force\nid      {id}\nsha256  {digest}")
        }
        Answer::Held(Reason::NeedsSecondAdmin { valid, needs }) => format!(
            "policy version {version} is proposed: {valid} of {needs} persons stand behind it\nid      {id}\nsha256  {digest}"
        ),
        Answer::Held(_) => format!(
            "policy version {version} is proposed and waits: {says}\nid      {id}\nsha256  {digest}"
        ),
        Answer::Denied(reason) | Answer::Refused(reason) | Answer::Reduced(reason) => {
            let why = match reason {
                Reason::Malformed { what } => what,
                _ => says,
            };
            let message = format!("policy version {version} is not adopted: {why}");
            return Err(Failure::refused("not_adopted", message));
        }
    };
    Output::new(args.data.json).answer(&text, &value)?;
    Ok(Exit::Done)
}
