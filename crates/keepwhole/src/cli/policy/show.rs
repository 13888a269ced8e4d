//! `policy show`: the policy in force, or an earlier one, as a file.

use super::super::exit::{Exit, Failure};
use super::super::output::Output;
use super::super::{DataArgs, wall_clock};
use super::{of_walk, open};
use crate::policy::Names;
use crate::policy::journal::{Adopted, versions};
use crate::policy::render::render;
use crate::text::{rfc3339, seoul};
use clap::Args;
use keepwhole_core::command::sha256_of;
use keepwhole_core::state::State;
use keepwhole_verify::json::to_hex;
use serde_json::json;
use std::path::Path;

/// Arguments of `policy show`.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The folder and the form of the answer.
    #[command(flatten)]
    pub(super) data: DataArgs,
    /// Version to show; the one in force if absent.
    #[arg(long, value_name = "N")]
    version: Option<u32>,
}

/// Writes the policy out.
pub(super) fn run(args: &ShowArgs) -> Result<Exit, Failure> {
    let dir = &args.data.dir;
    let (found, state, all) = find(dir, args.version)?;
    let names = Names::of_registry(&state.registry, wall_clock()?);
    let digest = to_hex(&sha256_of(&found.policy));
    let file = render(&found.policy, &names);
    let text = format!(
        "# version {} of {all}, in force since {} (entry {}), SHA-256 of its stored form {digest}\n{file}",
        found.policy.version,
        seoul(found.at),
        found.entry
    );
    let value = json!({
        "version": found.policy.version,
        "versions": all,
        "entry": found.entry,
        "since": rfc3339(found.at),
        "sha256": digest,
        "toml": file,
    });
    Output::new(args.data.json).answer(&text, &value)?;
    Ok(Exit::Done)
}

/// A version of the journal, the state at its end, and how many versions there are.
pub(super) fn find(dir: &Path, version: Option<u32>) -> Result<(Adopted, State, usize), Failure> {
    let reading = open(dir)?;
    let (all, state) = versions(&reading).map_err(|error| of_walk(dir, &error))?;
    let count = all.len();
    let found = match version {
        None => all.into_iter().next_back(),
        Some(version) => all.into_iter().find(|one| one.policy.version == version),
    };
    match found {
        Some(found) => Ok((found, state, count)),
        None if count == 0 => Err(Failure::refused(
            "no_policy",
            format!(
                "no policy is in force in `{}`, so nothing is cleared; adopt one with `keepwhole policy adopt FILE --data {}`",
                dir.display(),
                dir.display()
            ),
        )),
        None => Err(Failure::refused(
            "no_such_version",
            format!(
                "no version `{}`; there are `1` to `{count}`",
                version.unwrap_or(0)
            ),
        )),
    }
}
