//! What a check found: a sentence for each thing proven and each thing not proven, for people and for machines.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use crate::json::Value;

/// First line where no trust file was given and every stage that ran has passed.
pub const OWN_KEYS: &str = "CONSISTENT WITH ITS OWN KEYS, SIGNER NOT ESTABLISHED";

/// How one stage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything it checks holds.
    Pass,
    /// Something does not hold.
    Fail,
    /// The bundle has nothing for this stage.
    NotPresent,
    /// This verifier couldn't or doesn't run it.
    NotRun,
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::NotPresent => "not present",
            Self::NotRun => "not run",
        }
    }
}

/// Result of one stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How it ended.
    pub outcome: Outcome,
    /// What it proved, or why it failed or didn't run.
    pub says: Vec<String>,
    /// What it leaves open.
    pub not_proven: Vec<String>,
}

impl Finding {
    /// A pass with one sentence.
    pub fn pass(says: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Pass,
            says: vec![says.into()],
            not_proven: Vec::new(),
        }
    }

    /// A failure and its reason.
    pub fn fail(reason: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Fail,
            says: vec![reason.into()],
            not_proven: Vec::new(),
        }
    }

    /// Nothing there to check.
    pub fn not_present(says: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::NotPresent,
            says: vec![says.into()],
            not_proven: Vec::new(),
        }
    }

    /// Not run, and why.
    pub fn not_run(says: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::NotRun,
            says: vec![says.into()],
            not_proven: Vec::new(),
        }
    }

    /// Adds what stays open.
    #[must_use]
    pub fn open(mut self, sentence: impl Into<String>) -> Self {
        self.not_proven.push(sentence.into());
        self
    }
}

/// A stage with its code and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// `V01` to `V17`.
    pub code: &'static str,
    /// What it checks, in a word or two.
    pub name: &'static str,
    /// Its result.
    pub finding: Finding,
}

/// Everything found about a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Whether keys from a second source were used.
    pub has_trust: bool,
    /// Whether the reader asked for that.
    pub expect_trusted: bool,
    /// In order of their codes.
    pub stages: Vec<Stage>,
}

impl Report {
    /// The first stage that failed.
    pub fn failed(&self) -> Option<&Stage> {
        self.stages
            .iter()
            .find(|stage| stage.finding.outcome == Outcome::Fail)
    }

    /// Every stage that ran has passed, under keys from a second source.
    pub fn is_trusted(&self) -> bool {
        self.has_trust && self.failed().is_none()
    }

    /// 0 success, 1 a stage fails or an expected one is absent, 2 the container is malformed or over limits.
    pub fn exit_code(&self) -> u8 {
        match self.failed() {
            Some(stage) if stage.code == "V01" => 2,
            Some(_) => 1,
            None if self.expect_trusted && !self.has_trust => 1,
            None => 0,
        }
    }

    /// The first line of the text.
    pub fn headline(&self) -> String {
        match self.failed() {
            Some(stage) => {
                let reason = stage.finding.says.first().map_or("", String::as_str);
                format!("DOES NOT VERIFY: {} {}: {reason}", stage.code, stage.name)
            }
            None if self.has_trust => "VERIFIED WITH THE KEYS OF YOUR TRUST FILE".to_string(),
            None => OWN_KEYS.to_string(),
        }
    }

    /// For people.
    pub fn to_text(&self) -> String {
        let mut out = self.headline();
        out.push('\n');
        if !self.has_trust {
            out.push_str(
                "Anybody can sign a bundle with keys of his own. Give the log's and the bundle's key, from a second \
                 source, with --trust FILE.\n",
            );
        }
        if self.expect_trusted && !self.has_trust {
            out.push_str(
                "--expect trusted: no trust file was given, so this counts as a failure.\n",
            );
        }
        out.push('\n');
        for stage in &self.stages {
            out.push_str(&format!(
                "{} {:<11} {}\n",
                stage.code,
                stage.finding.outcome.name(),
                stage.name
            ));
            for sentence in &stage.finding.says {
                out.push_str(&format!("    {sentence}\n"));
            }
        }
        let open: Vec<&String> = self
            .stages
            .iter()
            .flat_map(|stage| &stage.finding.not_proven)
            .collect();
        if !open.is_empty() {
            out.push_str("\nNot proven:\n");
            for sentence in open {
                out.push_str(&format!("  - {sentence}\n"));
            }
        }
        out
    }

    /// For machines: canonical JSON.
    pub fn to_json(&self) -> String {
        let texts =
            |list: &[String]| Value::List(list.iter().map(|text| Value::text(&**text)).collect());
        let stages = self.stages.iter().map(|stage| {
            Value::object(vec![
                ("code", Value::text(stage.code)),
                ("name", Value::text(stage.name)),
                ("not_proven", texts(&stage.finding.not_proven)),
                ("outcome", Value::text(stage.finding.outcome.name())),
                ("says", texts(&stage.finding.says)),
            ])
        });
        Value::object(vec![
            ("exit", Value::Integer(u64::from(self.exit_code()))),
            (
                "failed",
                self.failed()
                    .map_or(Value::Null, |stage| Value::text(stage.code)),
            ),
            ("headline", Value::Text(self.headline())),
            ("stages", Value::List(stages.collect())),
            ("trusted", Value::Bool(self.is_trusted())),
            ("type", Value::text("keepwhole/bundle-report/v1")),
        ])
        .to_canonical()
    }
}
