//! The verbs `backup` and `restore`: a verified copy of an installation, and back, with the missing count exact.

use super::exit::{Exit, Failure};
use super::output::Output;
use super::{DataArgs, wall_clock};
use crate::installation::{self, Manifest, Restored, Source};
use crate::text::{count, rfc3339};
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Arguments of `backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The folder and the form of the answer.
    #[command(flatten)]
    pub data: DataArgs,
    /// Folder of the backup: new, or that of an earlier one, which is then brought up to date.
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// Copy the secret keys too. Whoever has the folder can then sign as this log.
    #[arg(long)]
    pub with_keys: bool,
}

/// Arguments of `restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// Folder of the backup.
    #[arg(long, value_name = "DIR")]
    pub from: PathBuf,
    /// New or empty folder to restore to.
    #[arg(
        long = "data",
        value_name = "DIR",
        required_unless_present = "drill",
        conflicts_with = "drill"
    )]
    pub dir: Option<PathBuf>,
    /// A checkpoint that a witness holds of this log; says how many entries the backup lacks. May be given several times.
    #[arg(long, value_name = "FILE")]
    pub witness_checkpoint: Vec<PathBuf>,
    /// Folder that holds `keys/`, where the backup has none.
    #[arg(long, value_name = "DIR")]
    pub keys: Option<PathBuf>,
    /// Only try it: restore into a folder that is removed again, and say what would be there and how long it took.
    #[arg(long)]
    pub drill: bool,
    /// Where the drill makes its folder; the system's folder for temporary files if absent.
    #[arg(long, value_name = "DIR", requires = "drill")]
    pub below: Option<PathBuf>,
    /// Print JSON for programs.
    #[arg(long)]
    pub json: bool,
}

/// Copies what is published.
///
/// # Errors
/// [`Failure`] with exit 1 where the folder is something else, 2 for a folder that is no installation, 3 for a damaged
/// journal.
pub fn backup(args: &BackupArgs) -> Result<Exit, Failure> {
    let dir = &args.data.dir;
    let now = rfc3339(wall_clock()?);
    let done = installation::backup(dir, &args.to, args.with_keys, now)
        .map_err(|error| Failure::of_installation(dir, &error))?;
    let manifest = &done.manifest;
    let mut text = format!(
        "backup in `{}`: {}\n  segments: {} copied now ({} bytes), {} from before verified again",
        args.to.display(),
        head(manifest),
        done.copied,
        count(u128::from(done.bytes)),
        done.kept
    );
    text.push_str(match manifest.keys {
        true => "\n  with the secret keys: guard it like the installation itself",
        false => "\n  without the secret keys: keep a copy of `keys/` elsewhere, or nothing can be signed after a restore",
    });
    let mut value = head_value(manifest);
    value["segments_copied"] = done.copied.into();
    value["segments_kept"] = done.kept.into();
    value["bytes_copied"] = done.bytes.into();
    Output::new(args.data.json).answer(&text, &value)?;
    Ok(Exit::Done)
}

/// Restores, or drills.
///
/// # Errors
/// [`Failure`] with exit 1 where the folder is not empty or the backup is none, 2 for a witness's file that is no
/// checkpoint, 3 for a damaged backup. Entries that a witness knows and the backup lacks end with exit 1.
pub fn restore(args: &RestoreArgs) -> Result<Exit, Failure> {
    let source = Source {
        from: args.from.clone(),
        witness: args.witness_checkpoint.clone(),
        keys: args.keys.clone(),
    };
    let below = args.below.clone().unwrap_or_else(std::env::temp_dir);
    let done = match &args.dir {
        Some(dir) if !args.drill => installation::restore(&source, dir),
        _ => installation::drill(&source, &below),
    };
    let done = done.map_err(|error| Failure::of_installation(&args.from, &error))?;
    Output::new(args.json).answer(&told(args, &done), &value(args, &done))?;
    Ok(if done.missing > 0 {
        Exit::Refused
    } else {
        Exit::Done
    })
}

fn head(manifest: &Manifest) -> String {
    format!(
        "`{}`, {} entries, root {}, {} documents, made {}",
        manifest.origin,
        count(u128::from(manifest.size)),
        manifest.root,
        count(u128::from(manifest.documents)),
        manifest.made
    )
}

fn head_value(manifest: &Manifest) -> Value {
    json!({
        "origin": manifest.origin,
        "size": manifest.size,
        "root": manifest.root,
        "documents": manifest.documents,
        "keys": manifest.keys,
        "made": manifest.made,
    })
}

fn told(args: &RestoreArgs, done: &Restored) -> String {
    let did = match &args.dir {
        Some(dir) => format!("restored to `{}`", dir.display()),
        None => String::from("drill passed, its folder is removed"),
    };
    let mut text = vec![
        format!(
            "{did} in {:.1} s: {}",
            done.took.as_secs_f64(),
            head(&done.manifest)
        ),
        format!(
            "  every checksum and root is right, the checkpoint is signed, the fold gives {} owners and {} assets, state {}",
            count(done.owners as u128),
            count(done.assets as u128),
            done.state_digest
        ),
    ];
    if done.missing > 0 {
        let more = match &args.dir {
            Some(dir) => format!(
                "; it will not be written to. `keepwhole serve --data {} --read-only` shows what is there. Look for a newer \
                 backup or the old disk",
                dir.display()
            ),
            None => String::new(),
        };
        text.push(format!(
            "  a witness knows {} entries more than this backup holds{more}",
            count(u128::from(done.missing))
        ));
    }
    if !done.keys && !args.drill {
        text.push(String::from(
            "  no secret keys were restored: put the copy of `keys/` there before `keepwhole serve`",
        ));
    }
    text.join("\n")
}

fn value(args: &RestoreArgs, done: &Restored) -> Value {
    let mut value = head_value(&done.manifest);
    value["drill"] = args.drill.into();
    value["keys"] = done.keys.into();
    value["state_digest"] = done.state_digest.clone().into();
    value["owners"] = done.owners.into();
    value["assets"] = done.assets.into();
    value["missing"] = done.missing.into();
    value["seconds"] = format!("{:.3}", done.took.as_secs_f64()).into();
    value
}
