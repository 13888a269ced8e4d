//! The verb `init`: makes an installation.

use super::exit::{Exit, Failure};
use super::output::Output;
use super::{DataArgs, wall_clock};
use crate::installation::{InToken, Installation, NewKey};
use crate::journal::keys::KeyFile;
use crate::journal::token::TokenAccess;
use clap::Args;
use keepwhole_verify::note::VerifierKey;
use keepwhole_verify::rotation::is_root;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The folder and the form of the answer.
    #[command(flatten)]
    pub data: DataArgs,
    /// Name of the log for good, in the form of an address without `https://`; made from the folder's name if absent.
    #[arg(long, value_name = "NAME")]
    pub origin: Option<String>,
    /// Verifier key of the root key, made offline by `keepwhole key root`; it alone may rotate the log's key.
    #[arg(long, value_name = "KEY")]
    pub root_key: Option<String>,
    /// Where the log's key lies if not in a file.
    #[command(flatten)]
    pub token: TokenArgs,
}

/// The log's key in a token (PKCS#11); all of it, or nothing.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// Keep the log's key in a token: its PKCS#11 module, a shared library. Without it the key is a file of the installation.
    #[arg(long, value_name = "FILE", requires_all = ["token", "key_label", "pin_file"])]
    pub pkcs11_module: Option<PathBuf>,
    /// Label of the token.
    #[arg(long, value_name = "LABEL", requires = "pkcs11_module")]
    pub token: Option<String>,
    /// Label that the key gets in the token.
    #[arg(long, value_name = "LABEL", requires = "pkcs11_module")]
    pub key_label: Option<String>,
    /// File with the PIN of the token's user, readable by its owner only.
    #[arg(long, value_name = "FILE", requires = "pkcs11_module")]
    pub pin_file: Option<PathBuf>,
    /// The key lies in the token already, under that label; it was made for this log and signs nothing else.
    #[arg(long, requires = "pkcs11_module")]
    pub existing_key: bool,
}

impl TokenArgs {
    fn key(&self) -> Result<NewKey, Failure> {
        let given = (
            &self.pkcs11_module,
            &self.token,
            &self.key_label,
            &self.pin_file,
        );
        let (Some(module), Some(token), Some(label), Some(pin_file)) = given else {
            return Ok(NewKey::File);
        };
        let absolute = |path: &Path| {
            std::path::absolute(path)
                .map_err(|error| Failure::usage("path", format!("`{}`: {error}", path.display())))
        };
        let access = TokenAccess {
            module: absolute(module)?,
            token: token.clone(),
            pin_file: absolute(pin_file)?,
        };
        let key = InToken {
            label: label.clone(),
            existing: self.existing_key,
        };
        Ok(NewKey::Token(access, key))
    }
}

/// Makes keys (readable by their owner only), an empty journal, adopts the shipped law and signs the checkpoint.
///
/// # Errors
/// [`Failure`] with exit 1 for a folder that is not empty, 2 for a wrong origin, 3 where the system or the shipped law
/// refuses.
pub fn run(args: &InitArgs) -> Result<Exit, Failure> {
    let dir = &args.data.dir;
    let failed = |error| Failure::of_installation(dir, &error);
    let origin = args.origin.clone().unwrap_or_else(|| origin_of(dir));
    let root = args.root_key.as_deref().map(VerifierKey::parse).transpose();
    let root = root.map_err(|error| Failure::usage("key", format!("`--root-key`: {error}")))?;
    if let Some(root) = &root {
        is_root(root, &origin)
            .map_err(|error| Failure::usage("key", format!("`--root-key`: {error}")))?;
    }
    let now = wall_clock()?;
    let key = args.token.key()?;
    let mut made = Installation::create_with(dir, &origin, &key).map_err(failed)?;
    let rules = made.adopt_shipped_law(now).map_err(failed)?;
    if let Some(root) = &root {
        made.declare_root(root, None, now).map_err(failed)?;
    }
    let bundle_key = crate::installation::verifier_key(dir, KeyFile::Bundle).map_err(failed)?;
    let guard_key = crate::installation::verifier_key(dir, KeyFile::Guard).map_err(failed)?;
    let head = made.sequencer.head();
    let (place, vkey) = (dir.display(), &made.log_key);
    let keeps = match &key {
        NewKey::File => format!(
            "Back up `{place}/keys`: who holds it can sign in your name; without it nothing can be signed any more."
        ),
        NewKey::Token(access, key) => format!(
            "The log's key is `{}` in the token `{}` and can't leave it: where the token is lost, only a root key can give the log another one.\n\
             Back up `{place}/keys`: the bundle key lies there.",
            key.label, access.token
        ),
    };
    let text = format!(
        "made the installation `{place}`\n\
         origin      {origin}\n\
         log key     {vkey}\n\
         bundle key  {bundle_key}\n\
         guard key   {guard_key}\n\
         law         {rules} rules adopted\n\
         head        {} entries, root {}\n\
         \n\
         Give log and bundle key to auditors by a second way: without them nobody can tell your journal from another.\n\
         Signers pin the guard key.\n\
         {keeps}\n\
         Next: keepwhole serve --data {place}",
        head.size, head.root
    );
    let value = json!({
        "data": dir.display().to_string(),
        "origin": origin,
        "log_key": vkey.to_string(),
        "bundle_key": bundle_key.to_string(),
        "guard_key": guard_key.to_string(),
        "law_rules": rules,
        "head": { "size": head.size, "root": head.root.to_string() },
    });
    Output::new(args.data.json).answer(&text, &value)?;
    Ok(Exit::Done)
}

/// A log's name from the folder's: letters, digits, `-`, `.` and `_` stay, anything else becomes `-`.
fn origin_of(dir: &Path) -> String {
    let full = std::path::absolute(dir).unwrap_or_else(|_| dir.to_path_buf());
    let name = full
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let kept = name.chars().map(|c| {
        if c.is_ascii_alphanumeric() || "-._".contains(c) {
            c
        } else {
            '-'
        }
    });
    let kept: String = kept.collect();
    format!(
        "keepwhole.local/{}",
        if kept.is_empty() {
            "journal"
        } else {
            kept.as_str()
        }
    )
}
