//! `keepwhole demo`: the theft of 27 November 2025 on public figures and made-up customers.

use crate::demo::{self, DemoError, DemoOptions, DemoOutcome};
use crate::text::{Amount, Lang};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keepwhole demo --out demo-out --no-serve --json")]
pub struct DemoArgs {
    /// Folder to write into (a new one in the system's temporary folder if absent)
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Write everything and end, without serving the console
    #[arg(long)]
    pub no_serve: bool,
    /// Print what came of it as JSON
    #[arg(long)]
    pub json: bool,
    /// How many customers to make up, 10 to 1000000
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub customers: u32,
    /// Seed of everything made up; the same seed gives the same journal head
    #[arg(long, value_name = "N", default_value_t = 20_251_127)]
    pub seed: u64,
    /// Language that the report shows first: ko or en
    #[arg(long, value_name = "LANG", default_value = "en", value_parser = parse_lang)]
    pub lang: Lang,
    /// Loopback address of the console; the next free port is taken where this one is in use
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8650")]
    pub listen: String,
}

fn parse_lang(tag: &str) -> Result<Lang, String> {
    Lang::from_tag(tag)
        .ok_or_else(|| format!("`{tag}` is not a language of keepwhole; use ko or en"))
}

/// Plays the demo; the caller serves the console afterwards unless told not to.
///
/// # Errors
/// See [`DemoError`].
pub fn play(args: &DemoArgs) -> Result<DemoOutcome, DemoError> {
    let out = args.out.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!("keepwhole-demo-{}", std::process::id()))
    });
    let options = DemoOptions {
        out,
        customers: args.customers,
        seed: args.seed,
        lang: args.lang,
    };
    // Hidden by itself where standard error is no terminal.
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::default_spinner());
    bar.enable_steady_tick(Duration::from_millis(120));
    let outcome = demo::run(&options, &mut |step| bar.set_message(step.to_owned()));
    bar.finish_and_clear();
    outcome
}

/// What came of it, for people.
#[must_use]
pub fn to_text(outcome: &DemoOutcome) -> String {
    let mut lines = vec![
        "27 November 2025, played twice: calculation on public figures; not a finding that any rule was broken.".to_owned(),
        format!("All {} customers are made up.", crate::text::count(u128::from(outcome.customers))),
        String::new(),
    ];
    for run in &outcome.runs {
        lines.push(format!(
            "{:<52} {:>22} won taken",
            demo::runs::name(run.played),
            crate::text::count(run.krw)
        ));
    }
    lines.extend([
        String::new(),
        format!("report   {}", outcome.out.join("report.html").display()),
        format!(
            "bundle   {}  (trust.txt beside it)",
            outcome.out.join("bundle.kwb").display()
        ),
        format!("packages {}", outcome.out.join("packages").display()),
        format!(
            "journal  {}  {} entries",
            outcome.out.join("journal").display(),
            crate::text::count(u128::from(outcome.entries))
        ),
        format!("head     {}", outcome.root),
        format!("bundle verified: {}", outcome.verified.headline()),
        format!(
            "took {}.{:01} s",
            outcome.took_ms / 1000,
            outcome.took_ms % 1000 / 100
        ),
    ]);
    lines.join("\n")
}

/// What came of it, for scripts.
#[must_use]
pub fn to_json(outcome: &DemoOutcome) -> Value {
    let runs: Vec<Value> = outcome
        .runs
        .iter()
        .map(|run| {
            json!({
                "run": demo::runs::name(run.played),
                "krw_taken": run.krw.to_string(),
                "amount": Amount::krw(run.krw).exact(),
                "tripped_ms": run.tripped,
                "ended_ms": run.ended,
                "refused": run.refused,
            })
        })
        .collect();
    json!({
        "out": outcome.out.display().to_string(),
        "made_up_customers": outcome.customers,
        "journal": {"entries": outcome.entries, "root": outcome.root},
        "packages": outcome.packages,
        "runs": runs,
        "bundle_verified": outcome.verified.failed().is_none(),
        "took_ms": outcome.took_ms,
    })
}
