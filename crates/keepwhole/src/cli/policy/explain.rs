//! `policy explain`: each rule with what it saw, the first that decided, and what would release the request.

use super::super::exit::{Exit, Failure};
use super::super::output::Output;
use super::super::{DataArgs, wall_clock};
use super::{of_walk, open};
use crate::policy::Names;
use crate::policy::described::described;
use crate::policy::explain::{Explained, describe, explain};
use crate::sequencer::Until;
use crate::text::{rfc3339, seoul};
use clap::Args;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// Arguments of `policy explain`.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// Id of a request in the journal, or a file (.toml, .json) that describes one.
    #[arg(value_name = "REQUEST")]
    request: String,
    /// The folder and the form of the answer.
    #[command(flatten)]
    pub(super) data: DataArgs,
}

/// Explains.
pub(super) fn run(args: &ExplainArgs) -> Result<Exit, Failure> {
    let dir = &args.data.dir;
    let reading = open(dir)?;
    let now = wall_clock()?;
    let path = Path::new(&args.request);
    let kind = path.extension().and_then(|kind| kind.to_str());
    let explained = match kind {
        Some(kind @ ("toml" | "json")) => {
            let state = reading
                .state(Until::End)
                .map_err(|error| Failure::of_installation(dir, &error))?;
            let text = fs::read_to_string(path).map_err(|error| {
                let message = format!(
                    "can't read `{}`: {error}; give the path of a file that you may read",
                    path.display()
                );
                Failure::usage("unreadable_file", message)
            })?;
            let names = Names::of_registry(&state.registry, now);
            let ask =
                described(&text, kind == "json", &state.registry, &names).map_err(|cause| {
                    Failure::usage("request_file", format!("`{}`: {cause}", path.display()))
                })?;
            describe(&state, &ask, now)
        }
        _ => match explain(&reading, &args.request, now).map_err(|error| of_walk(dir, &error))? {
            Some(explained) => explained,
            None => {
                let message = format!(
                    "no request `{}` in the journal of `{}`; give its id as the exchange gave it, or a file that describes one",
                    args.request,
                    dir.display()
                );
                return Err(Failure::refused("no_such_request", message));
            }
        },
    };
    Output::new(args.data.json).answer(
        &text(&args.request, &explained),
        &value(&args.request, &explained),
    )?;
    Ok(Exit::Done)
}

fn text(request: &str, found: &Explained) -> String {
    let mut said = vec![
        format!("{request}: {}", found.asks),
        format!(
            "policy version {}, judged {}",
            found.version,
            seoul(found.at)
        ),
    ];
    if let Some((word, code)) = found.standing {
        said.push(match (&found.says, code) {
            (Some(says), Some(code)) => format!("it is {word}: {says} (`{code}`)"),
            _ => format!("it is {word}"),
        });
    }
    said.push(format!("the rules say: {}", found.rules_say));
    if let Some(decided) = &found.decided {
        said.push(format!("decided first by rule `{decided}`"));
    }
    said.push(String::new());
    for rule in &found.rules {
        let mark = if rule.matched {
            "matches"
        } else {
            "does not match"
        };
        said.push(format!(
            "rule {} ({}) {mark}: {}",
            rule.id, rule.then, rule.says
        ));
        for condition in &rule.conditions {
            said.push(match &condition.seen {
                Some(seen) => format!(
                    "    {}: {} (seen: {seen})",
                    condition.held, condition.condition
                ),
                None => format!("    {}: {}", condition.held, condition.condition),
            });
        }
    }
    if !found.unknown.is_empty() {
        said.push(format!(
            "\nunknown, and so counted against it: {}",
            found.unknown.join(", ")
        ));
    }
    if !found.releases.is_empty() {
        said.push(String::from("\nwhat would release it:"));
        said.extend(found.releases.iter().map(|one| format!("  {one}")));
    }
    said.join("\n")
}

fn value(request: &str, found: &Explained) -> Value {
    let rules: Vec<Value> = found
        .rules
        .iter()
        .map(|rule| {
            let conditions: Vec<Value> = rule
                .conditions
                .iter()
                .map(
                    |one| json!({ "condition": one.condition, "seen": one.seen, "held": one.held }),
                )
                .collect();
            json!({
                "id": rule.id,
                "matched": rule.matched,
                "then": rule.then,
                "says": { "en": rule.says, "ko": rule.says_ko },
                "conditions": conditions,
            })
        })
        .collect();
    json!({
        "request": request,
        "asks": found.asks,
        "version": found.version,
        "at": rfc3339(found.at),
        "standing": found.standing.map(|(word, _)| word),
        "reason": found.standing.and_then(|(_, code)| code),
        "reason_says": found.says,
        "rules_say": found.rules_say,
        "decided": found.decided,
        "rules": rules,
        "unknown": found.unknown,
        "releases": found.releases,
    })
}
