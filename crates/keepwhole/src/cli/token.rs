//! The verb `token`: who may tell the books over HTTP.

use super::DataArgs;
use super::exit::{Exit, Failure};
use super::output::{Output, table};
use crate::edges::{
    NewIdentity, TOKENS, TokenFileError, add_token, bind_certificate, read_tokens, remove_token,
};
use crate::installation::read_origin;
use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use keepwhole_edge::tls::program_certificate;
use keepwhole_edge::tokens::{DAYS_MAX, Token, TokenScope, is_name};
use keepwhole_verify::json::to_hex;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

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
        /// Client certificate (PEM) without which it is not heard.
        #[arg(long, value_name = "FILE")]
        certificate: Option<PathBuf>,
        /// Make no token: the certificate alone identifies.
        #[arg(long, requires = "certificate")]
        no_token: bool,
    },
    /// Bind an identity to its next client certificate; the one before counts too, older ones no longer.
    Bind {
        /// The folder and the form of the answer.
        #[command(flatten)]
        data: DataArgs,
        /// Name of the identity.
        #[arg(value_name = "NAME", value_parser = parse_name)]
        name: String,
        /// Its next client certificate (PEM).
        #[arg(long, value_name = "FILE")]
        certificate: PathBuf,
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
            What::Add { data, .. }
            | What::Bind { data, .. }
            | What::List { data }
            | What::Remove { data, .. } => data,
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
            certificate,
            no_token,
        } => {
            let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
            let certificate = certificate.as_deref().map(read_certificate).transpose()?;
            let new = NewIdentity {
                name,
                scope,
                until: today.saturating_add(days.days()),
                certificate,
                token: !no_token,
            };
            let token = add_token(&data.dir, &new).map_err(|error| failed(&error))?;
            tell_added(&new, token.as_deref(), &mut output)?;
        }
        What::Bind {
            data,
            name,
            certificate,
        } => {
            let digest = read_certificate(certificate)?;
            bind_certificate(&data.dir, name, digest).map_err(|error| failed(&error))?;
            if data.json {
                let answer = json!({ "name": name, "certificate": to_hex(&digest) });
                output.line(&answer.to_string())?;
            } else {
                output.line(&format!(
                    "`{name}` is heard over connections with certificate {}",
                    to_hex(&digest)
                ))?;
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

fn tell_added(
    new: &NewIdentity<'_>,
    token: Option<&str>,
    output: &mut Output,
) -> Result<(), Failure> {
    let (name, until) = (new.name, new.until);
    let certificate = new.certificate.as_ref().map(|digest| to_hex(digest));
    if output.is_json() {
        let mut answer = json!({ "name": name, "until": until.to_string() });
        if let Some(token) = token {
            answer["token"] = json!(token);
        }
        if let Some(certificate) = &certificate {
            answer["certificate"] = json!(certificate);
        }
        return output.line(&answer.to_string());
    }
    let Some(token) = token else {
        let certificate = certificate.unwrap_or_default();
        return output.line(&format!(
            "`{name}` is identified by certificate {certificate} alone, until {until} (UTC)"
        ));
    };
    output.line(token)?;
    let only = match certificate {
        Some(certificate) => format!(", over connections with certificate {certificate},"),
        None => String::new(),
    };
    super::output::note(&format!(
        "the token of `{name}` counts{only} until {until} (UTC) and is shown only now; `{TOKENS}` keeps its digest"
    ));
    Ok(())
}

/// SHA-256 of the client certificate in a PEM file.
fn read_certificate(path: &Path) -> Result<[u8; 32], Failure> {
    let shown = path.display();
    let pem = fs::read(path)
        .map_err(|error| Failure::usage("certificate", format!("can't read `{shown}`: {error}")))?;
    match program_certificate(&pem, Timestamp::now()) {
        Ok(facts) => Ok(facts.sha256),
        Err(what) => Err(Failure::usage("certificate", format!("`{shown}` {what}"))),
    }
}

/// What an identity must show, in words.
fn shows(token: &Token) -> String {
    let bound: Vec<String> = token
        .certificates()
        .iter()
        .map(|digest| to_hex(digest))
        .collect();
    let bound: Vec<&str> = bound.iter().filter_map(|hex| hex.get(..16)).collect();
    let bound = bound.join("… or ");
    match (token.has_token(), bound.is_empty()) {
        (true, true) => "token".to_owned(),
        (true, false) => format!("token and certificate {bound}…"),
        (false, _) => format!("certificate {bound}…"),
    }
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
                shows(token),
            ]
        })
        .collect();
    if data.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| json!({ "name": row.first(), "scope": row.get(1), "until": row.get(2), "shows": row.get(3) }))
            .collect();
        return output.line(&json!({ "tokens": rows }).to_string());
    }
    if rows.is_empty() {
        return output.line("no tokens; `keepwhole token add NAME` makes one");
    }
    output.line(&table(
        &["identity", "scope", "counts until (UTC)", "identified by"],
        &[],
        &rows,
    ))
}
