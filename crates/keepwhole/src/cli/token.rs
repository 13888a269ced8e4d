//! The verb `token`: who may tell the books over HTTP.

use super::DataArgs;
use super::exit::{Exit, Failure};
use super::output::{Output, table};
use crate::edges::{TOKENS, TokenFileError, add_token, read_tokens, remove_token};
use crate::installation::read_origin;
use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use keepwhole_edge::tokens::{DAYS_MAX, TokenScope, is_name};
use serde_json::json;

/// Arguments of `token`.
#[derive(Debug, Args)]
pub struct TokenArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a token; it is printed once and kept nowhere.
    Add {
        /// The folder and the form of the answer.
        #[command(flatten)]
        data: DataArgs,
        /// Name of the identity: lower-case letters, digits and hyphens.
        #[arg(value_name = "NAME", value_parser = parse_name)]
        name: String,
        /// What it may do: tell the books, ask the guard, or redeem clearances.
        #[arg(long, default_value = "ledger", value_parser = TokenScope::ALL.map(|(word, _)| word))]
        scope: String,
        /// Days that it counts, 1 to 90.
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(i64).range(1..=DAYS_MAX))]
        days: i64,
    },
    /// Show all identities, without their tokens.
    List {
        /// The folder and the form of the answer.
        #[command(flatten)]
        data: DataArgs,
    },
    /// Remove an identity; a running `serve` refuses its token within seconds.
    Remove {
        /// The folder and the form of the answer.
        #[command(flatten)]
        data: DataArgs,
        /// Name of the identity.
        #[arg(value_name = "NAME", value_parser = parse_name)]
        name: String,
    },
}

impl TokenArgs {
    const fn data(&self) -> &DataArgs {
        match &self.what {
            What::Add { data, .. } | What::List { data } | What::Remove { data, .. } => data,
        }
    }

    /// Whether JSON is asked for.
    #[must_use]
    pub const fn is_json(&self) -> bool {
        self.data().json
    }
}

fn parse_name(text: &str) -> Result<String, String> {
    if is_name(text) {
        Ok(text.to_owned())
    } else {
        Err(String::from(
            "1 to 64 lower-case letters, digits and hyphens",
        ))
    }
}

fn failed(error: &TokenFileError) -> Failure {
    let message = error.to_string();
    match error {
        TokenFileError::Known { .. } => Failure::refused("known", message),
        TokenFileError::Unknown { .. } => Failure::refused("no_such_token", message),
        TokenFileError::Open { .. } => Failure::refused("mode", message),
        TokenFileError::Line { .. } => Failure::usage("tokens", message),
        TokenFileError::Io { .. } | TokenFileError::Random => Failure::fault("io_error", message),
    }
}

/// Changes or shows the file of tokens.
///
/// # Errors
/// [`Failure`] with exit 1 for a name that is taken or unknown, 2 for a folder that is no installation or a wrong file.
pub fn run(args: &TokenArgs) -> Result<Exit, Failure> {
    let data = args.data();
    read_origin(&data.dir).map_err(|error| Failure::of_installation(&data.dir, &error))?;
    let mut output = Output::new(data.json);
    match &args.what {
        What::Add {
            data,
            name,
            scope,
            days,
        } => {
            let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
            let until = today.saturating_add(days.days());
            let token = add_token(&data.dir, name, scope, until).map_err(|error| failed(&error))?;
            if data.json {
                let answer = json!({ "name": name, "token": token, "until": until.to_string() });
                output.line(&answer.to_string())?;
            } else {
                output.line(&token)?;
                super::output::note(&format!(
                    "the token of `{name}` counts until {until} (UTC) and is shown only now; `{TOKENS}` keeps its digest"
                ));
            }
        }
        What::List { data } => list(data, &mut output)?,
        What::Remove { data, name } => {
            remove_token(&data.dir, name).map_err(|error| failed(&error))?;
            if data.json {
                output.line(&json!({ "removed": name }).to_string())?;
            } else {
                output.line(&format!("removed `{name}`"))?;
            }
        }
    }
    output.flush()?;
    Ok(Exit::Done)
}

fn list(data: &DataArgs, output: &mut Output) -> Result<(), Failure> {
    let (tokens, _) = read_tokens(&data.dir).map_err(|error| failed(&error))?;
    let rows: Vec<Vec<String>> = tokens
        .all()
        .iter()
        .map(|token| {
            let scope = TokenScope::ALL
                .iter()
                .find(|(_, scope)| *scope == token.scope);
            let scope = scope.map_or("", |(word, _)| word);
            vec![
                token.name.clone(),
                scope.to_owned(),
                token.until.to_string(),
            ]
        })
        .collect();
    if data.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| json!({ "name": row.first(), "scope": row.get(1), "until": row.get(2) }))
            .collect();
        return output.line(&json!({ "tokens": rows }).to_string());
    }
    if rows.is_empty() {
        return output.line("no tokens; `keepwhole token add NAME` makes one");
    }
    output.line(&table(
        &["identity", "scope", "counts until (UTC)"],
        &[],
        &rows,
    ))
}
