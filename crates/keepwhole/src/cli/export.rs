//! The verb `export`: books out, in the form that `import` reads, with a manifest of rows, digest and control totals.

use super::DataArgs;
use super::balance::parse_moment;
use super::exit::{Exit, Failure};
use super::output::Output;
use crate::books::export::{ExportError, What, export};
use crate::installation::Reading;
use crate::sequencer::Until;
use clap::{Args, ValueEnum};
use keepwhole_books::manifest::{self, FileTotals, Manifest};
use keepwhole_books::read::Format;
use serde_json::json;
use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// The form of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Comma-separated values.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
}

impl From<Form> for Format {
    fn from(form: Form) -> Self {
        match form {
            Form::Csv => Self::Csv,
            Form::Ndjson => Self::Ndjson,
            Form::Parquet => Self::Parquet,
        }
    }
}

/// Arguments of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The folder and the form of the answer.
    #[command(flatten)]
    pub data: DataArgs,
    /// What to write.
    #[arg(long, value_enum)]
    pub what: What,
    /// In which form.
    #[arg(long, value_enum, default_value = "csv")]
    pub format: Form,
    /// Whose statement.
    #[arg(long, value_name = "CUSTOMER", required_if_eq("what", "statement"))]
    pub customer: Option<String>,
    /// As of a time (2025-11-27T04:42:00+09:00), inclusive.
    #[arg(long, value_name = "TIME", value_parser = parse_moment, conflicts_with = "entry")]
    pub at: Option<Until>,
    /// As of an entry of the journal, inclusive.
    #[arg(long, value_name = "N", value_parser = parse_moment)]
    pub entry: Option<Until>,
    /// The new file; `manifest.json` is written or added to in its folder.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Writes the file and its manifest.
///
/// # Errors
/// [`Failure`] with exit 1 where the output can't be written or the customer is unknown, 2 for a folder that is no
/// installation, 3 for a damaged journal.
pub fn run(args: &ExportArgs) -> Result<Exit, Failure> {
    let dir = &args.data.dir;
    let reading =
        Reading::open_whole(dir).map_err(|error| Failure::of_installation(dir, &error))?;
    let until = args.at.or(args.entry).unwrap_or(Until::End);
    if args.customer.is_some() && args.what != What::Statement {
        let message = "`--customer` goes with `--what statement` only";
        return Err(Failure::usage("customer", message));
    }
    let customer = match &args.customer {
        None => None,
        Some(name) => {
            let state = reading
                .state(until)
                .map_err(|error| Failure::of_installation(dir, &error))?;
            Some(super::balance::find(&state, name)?)
        }
    };
    let not_written = |path: &Path, error: &dyn std::fmt::Display| {
        Failure::refused(
            "not_written",
            format!("can't write `{}`: {error}", path.display()),
        )
    };
    let (old, manifest_path) = manifest_beside(&args.out)?;
    if let Some(folder) = args
        .out
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        fs::create_dir_all(folder).map_err(|error| not_written(folder, &error))?;
    }
    let file = fs::File::create_new(&args.out).map_err(|error| not_written(&args.out, &error))?;
    let name = args
        .out
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let written = export(
        &reading,
        args.what,
        customer,
        until,
        args.format.into(),
        &name,
        BufWriter::new(file),
    );
    let (totals, out) = written.map_err(|error| {
        // A part of an export is worse than none.
        let _left = fs::remove_file(&args.out);
        match error {
            ExportError::Installation(error) => Failure::of_installation(dir, &error),
            ExportError::Output(error) => not_written(&args.out, &error),
        }
    })?;
    let file = out
        .into_inner()
        .map_err(|error| not_written(&args.out, error.error()))?;
    file.sync_all()
        .map_err(|error| not_written(&args.out, &error))?;
    write_manifest(&manifest_path, old, &totals)
        .map_err(|error| not_written(&manifest_path, &error))?;
    answer(args, &totals)
}

fn manifest_beside(out: &Path) -> Result<(Manifest, PathBuf), Failure> {
    let path = out.with_file_name(manifest::NAME);
    let fresh = Manifest {
        schema: manifest::SCHEMA.to_owned(),
        files: Vec::new(),
    };
    match fs::read_to_string(&path) {
        Err(_) => Ok((fresh, path)),
        Ok(text) => match Manifest::parse(&text) {
            Ok(manifest) => Ok((manifest, path)),
            Err(error) => {
                let message = format!(
                    "`{}` is there and is no manifest of books: {error}; export into another folder",
                    path.display()
                );
                Err(Failure::usage("manifest", message))
            }
        },
    }
}

fn write_manifest(path: &Path, mut manifest: Manifest, totals: &FileTotals) -> std::io::Result<()> {
    manifest.files.retain(|file| file.file != totals.file);
    manifest.files.push(totals.clone());
    let temporary = path.with_extension("json.new");
    let mut file = fs::File::create(&temporary)?;
    file.write_all(manifest.text().as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

fn answer(args: &ExportArgs, totals: &FileTotals) -> Result<Exit, Failure> {
    let mut text = format!(
        "wrote `{}`: {} rows, as of {} entries, SHA-256 {}",
        args.out.display(),
        crate::text::count(u128::from(totals.rows)),
        crate::text::count(u128::from(totals.journal_size.unwrap_or(0))),
        totals.sha256
    );
    for (asset, sums) in &totals.totals {
        text.push_str(&format!(
            "\n  {asset}: debits {}, credits {} minor units",
            sums.debit, sums.credit
        ));
    }
    let value = json!({ "out": args.out.display().to_string(), "written": totals });
    Output::new(args.data.json).answer(&text, &value)?;
    Ok(Exit::Done)
}
