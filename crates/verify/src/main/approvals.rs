//! `keepwhole-verify approvals`: checks one approvals file against a roster, and says who agreed to what.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;

use keepwhole_verify::approval::{self, ApprovalsFile, Granted, Quorum, Rules, Seen, Timing};
use keepwhole_verify::json::Value;
use keepwhole_verify::roster::Roster;
use keepwhole_verify::visible::visible;
use keepwhole_verify::words;

use crate::read_text;

pub(crate) const HELP: &str = "\
Checks the approvals of one proposal offline (docs/approvals.md): who agreed to what, in which role, with which key.

Usage: keepwhole-verify approvals FILE --roster FILE --rp-id ID... --web-origin ORIGIN...
  [--least N[:ROLE,ROLE...]] [--administrative] [--now SECONDS --ttl SECONDS [--delay SECONDS]] [--json]

  --roster FILE        the roster in force at the proposal, from a second source
  --rp-id ID           relying party that counts, such as approve.exchange.example; may be given several times
  --web-origin ORIGIN  web origin that counts, such as https://approve.exchange.example; may be given several times
  --least N:ROLES      your own quorum; the file must ask for at least as much
  --administrative     the proposer may be one of the approvers
  --now SECONDS        also check that the approvals hold at this moment (Unix seconds)
  --ttl SECONDS        how long an approval holds from its receipt
  --delay SECONDS      how long the command waits after the last approval (default 0)
  --json               answer as canonical JSON

Exit codes: 0 the approvals suffice, 1 they do not, 2 unreadable file or usage

Example:
  keepwhole-verify approvals p-1.json --roster roster.json --rp-id approve.exchange.example \\
    --web-origin https://approve.exchange.example --least 2:risk,treasury
";

#[derive(Default)]
struct Request {
    file: Option<PathBuf>,
    roster: Option<PathBuf>,
    rp_ids: Vec<String>,
    origins: Vec<String>,
    least: Option<Quorum>,
    administrative: bool,
    now: Option<u64>,
    ttl: Option<u64>,
    delay: u64,
    json: bool,
}

/// Answers a request: what to print, and the exit code.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> Result<(String, u8), String> {
    let request = parse(arguments)?;
    let (Some(file), Some(roster)) = (&request.file, &request.roster) else {
        return Err("name an approvals file and a roster (`--roster FILE`); see --help".to_owned());
    };
    if request.rp_ids.is_empty() || request.origins.is_empty() {
        return Err(
            "give `--rp-id` and `--web-origin`: whose sites count is yours to say".to_owned(),
        );
    }
    let timing = match (request.now, request.ttl) {
        (None, None) => None,
        (Some(now), Some(approval_ttl)) => Some(Timing {
            now,
            approval_ttl,
            delay: request.delay,
        }),
        _ => return Err("`--now` and `--ttl` stand together".to_owned()),
    };
    let name = file.display();
    let read = ApprovalsFile::read(&read_text(file)?).map_err(|why| format!("{name}: {why}"))?;
    let people =
        Roster::read(&read_text(roster)?).map_err(|why| format!("{}: {why}", roster.display()))?;
    let rules = Rules {
        rp_ids: &request.rp_ids,
        origins: &request.origins,
        least: request.least.as_ref(),
        administrative: request.administrative,
        timing,
    };
    let answer = approval::check(&read, &people, &rules, &mut Seen::default());
    let code = u8::from(answer.is_err());
    let text = if request.json {
        to_json(&read, &answer)
    } else {
        to_text(&read, &answer, timing.is_some())
    };
    Ok((text, code))
}

fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Request, String> {
    let mut request = Request::default();
    let mut rest = arguments;
    while let Some(argument) = rest.next() {
        let mut value = || {
            rest.next()
                .ok_or_else(|| format!("`{}` needs a value; see --help", argument.display()))
        };
        let text = |value: OsString| {
            value
                .into_string()
                .map_err(|value| format!("`{}` is not UTF-8", value.display()))
        };
        let number = |value: OsString| {
            let shown = value.display().to_string();
            value
                .to_str()
                .and_then(|text| text.parse::<u64>().ok())
                .ok_or_else(|| format!("`{shown}` is no number of seconds"))
        };
        match argument.to_str() {
            Some("--roster") => request.roster = Some(value()?.into()),
            Some("--rp-id") => request.rp_ids.push(text(value()?)?),
            Some("--web-origin") => request.origins.push(text(value()?)?),
            Some("--least") => request.least = Some(least(&text(value()?)?)?),
            Some("--administrative") => request.administrative = true,
            Some("--now") => request.now = Some(number(value()?)?),
            Some("--ttl") => request.ttl = Some(number(value()?)?),
            Some("--delay") => request.delay = number(value()?)?,
            Some("--json") => request.json = true,
            Some(flag) if flag.starts_with('-') => {
                return Err(format!("unknown option `{flag}`; see --help"));
            }
            _ if request.file.is_none() => request.file = Some(argument.into()),
            _ => {
                return Err(format!(
                    "one approvals file at a time; `{}` is a second one",
                    argument.display()
                ));
            }
        }
    }
    Ok(request)
}

/// `2` or `2:risk,treasury`.
fn least(text: &str) -> Result<Quorum, String> {
    let (n, roles) = text.split_once(':').unwrap_or((text, ""));
    let n = n
        .parse()
        .map_err(|_| format!("`{text}` is no quorum, such as `2:risk,treasury`"))?;
    let roles: BTreeSet<&str> = roles.split(',').filter(|role| !role.is_empty()).collect();
    let roles: Vec<&str> = roles.into_iter().collect();
    approval::quorum(n, &roles).map_err(|why| why.to_string())
}

type Answer = Result<Granted, approval::Refusal>;

fn to_text(file: &ApprovalsFile, answer: &Answer, timed: bool) -> String {
    let digest = file.command.digest();
    let mut out = match answer {
        Ok(_) => String::from("APPROVED\n"),
        Err(refusal) => format!("NOT APPROVED: {refusal}\n"),
    };
    out.push_str(&format!(
        "\nproposal {} (entry {})\n",
        visible(&file.proposal),
        file.index
    ));
    for (key, text) in file.command.fields() {
        out.push_str(&format!("    {key:<10} {}\n", visible(text)));
    }
    out.push_str(&format!(
        "command digest {digest}\nsix words      {}\n",
        words::phrase(&digest)
    ));
    if let Ok(granted) = answer {
        for voice in &granted.voices {
            out.push_str(&format!(
                "approved by {} as {} at {} (Unix seconds), through {}\n",
                visible(&voice.approver),
                visible(&voice.role),
                voice.received,
                voice.rp_id
            ));
        }
        out.push_str("\nNot proven:\n  - That the roster is the real one: it is as good as the source you have it from.\n");
        if !timed {
            out.push_str("  - That the approvals hold now: give `--now` and `--ttl`.\n");
        }
    }
    out
}

fn to_json(file: &ApprovalsFile, answer: &Answer) -> String {
    let digest = file.command.digest();
    let voices = answer.iter().flat_map(|granted| &granted.voices);
    let voices = voices.map(|voice| {
        Value::object(vec![
            ("approver", Value::text(&*voice.approver)),
            ("received", Value::Integer(voice.received)),
            ("role", Value::text(&*voice.role)),
            ("rp_id", Value::text(&*voice.rp_id)),
        ])
    });
    let (refusal, says) = match answer {
        Ok(_) => (Value::Null, Value::Null),
        Err(refusal) => (
            Value::text(refusal.cause.name()),
            Value::Text(refusal.to_string()),
        ),
    };
    let text = Value::object(vec![
        ("approved", Value::Bool(answer.is_ok())),
        ("approvers", Value::List(voices.collect())),
        ("command_digest", Value::Text(digest.to_hex())),
        ("proposal", Value::text(&*file.proposal)),
        ("refusal", refusal),
        ("says", says),
        ("type", Value::text("keepwhole/approvals-report/v1")),
        ("words", Value::Text(words::phrase(&digest))),
    ]);
    text.to_canonical() + "\n"
}
