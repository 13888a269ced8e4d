//! The verb `status`: how the installation stands, in one page; with `--check`, a finding is exit 1.

use super::exit::{Exit, Failure};
use super::output::{Output, note, table};
use super::{DataArgs, wall_clock};
use crate::installation::{InstallationError, Reading};
use crate::outside::standing::Standing as Witnesses;
use crate::sequencer::Until;
use crate::text::{Amount, Asset, Lang, decimal, rfc3339, seoul, span};
use clap::Args;
use keepwhole_core::breaker::scope_name;
use keepwhole_core::custody::coverage;
use keepwhole_core::incident::clock::{Clock, Standing};
use keepwhole_core::incident::{Incident, incident_id};
use keepwhole_core::state::State;
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::json::to_hex;
use serde_json::{Value, json};

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The folder and the form of the answer.
    #[command(flatten)]
    pub data: DataArgs,
    /// End with exit 1 if there is a finding: a shortfall, a halt, a clock that is over and nobody told.
    #[arg(long)]
    pub check: bool,
}

/// What the page says.
struct Page<'a> {
    reading: &'a Reading,
    state: &'a State,
    checkpoint: Option<Checkpoint>,
    now: u64,
    standing: Option<Witnesses>,
}

/// Reads beside a running writer and answers.
///
/// # Errors
/// [`Failure`] with exit 2 for a folder that is no installation, 3 for a damaged journal.
pub fn run(args: &StatusArgs) -> Result<Exit, Failure> {
    let dir = &args.data.dir;
    let failed = |error: InstallationError| Failure::of_installation(dir, &error);
    let (reading, state) = Reading::open_whole_at(dir, Until::End).map_err(failed)?;
    let checkpoint = reading.checkpoint().map_err(failed)?;
    let page = Page {
        reading: &reading,
        state: &state,
        checkpoint,
        now: wall_clock()?,
        standing: Witnesses::read(dir),
    };
    let findings = page.findings();
    if reading.recovery.torn_tail.is_some() {
        note(
            "the journal ends in a frame that is being written now or that a crash left unfinished; nobody was told of it",
        );
    }
    Output::new(args.data.json).answer(&page.text(&findings), &page.value(&findings))?;
    let found = args.check && !findings.is_empty();
    Ok(if found { Exit::Refused } else { Exit::Done })
}

/// The nearest due time of a case's running clocks, and of which duty.
fn nearest<'a>(state: &'a State, case: &Incident) -> Option<(u64, &'a str)> {
    let running = case
        .clocks
        .iter()
        .filter(|clock| clock.standing == Standing::Open);
    let (due, clock) = running
        .filter_map(|clock| Some((clock.due?, clock)))
        .min_by_key(|(due, _)| *due)?;
    Some((due, duty(state, clock)))
}

fn duty<'a>(state: &'a State, clock: &Clock) -> &'a str {
    let row = usize::try_from(clock.duty)
        .ok()
        .and_then(|at| state.incidents.duties.get(at));
    row.map_or("", |duty| duty.id.as_str())
}

/// Whether a clock is over at `now` and nobody was told.
fn is_overdue(clock: &Clock, now: u64) -> bool {
    let over = clock.standing == Standing::Missed
        || (clock.standing == Standing::Open && clock.due.is_some_and(|due| due < now));
    over && clock.told.is_none()
}

impl Page<'_> {
    fn asset(&self, place: usize) -> Asset {
        let row = self.state.registry.assets.get(place);
        row.map_or_else(
            || Asset::new("", 0),
            |row| Asset::new(&row.id, row.decimals),
        )
    }

    /// What calls for action, a sentence each.
    fn findings(&self) -> Vec<String> {
        let mut found = Vec::new();
        if let Some(standing) = &self.standing {
            found.extend(standing.findings(self.now));
        }
        for row in coverage(self.state) {
            if row.shortfall() > 0 {
                let missing = Amount::new(row.shortfall(), &self.asset(row.asset.place()));
                found.push(format!(
                    "{} is short by {}",
                    missing.asset.symbol,
                    missing.exact()
                ));
            }
        }
        for (scope, trip) in &self.state.breaker.tripped {
            let scope = scope_name(self.state, *scope);
            found.push(format!(
                "`{scope}` is halted since {}: {}",
                seoul(trip.since),
                trip.cause
            ));
        }
        for (place, case) in self.state.incidents.cases.iter().enumerate() {
            for clock in case
                .clocks
                .iter()
                .filter(|clock| is_overdue(clock, self.now))
            {
                let due = clock
                    .due
                    .map_or_else(String::new, |due| format!(", was due {}", seoul(due)));
                let duty = duty(self.state, clock);
                found.push(format!(
                    "{}: duty `{duty}` is over and nobody was told{due}",
                    incident_id(place)
                ));
            }
        }
        found
    }

    fn text(&self, findings: &[String]) -> String {
        let head = self.reading.journal.head();
        let state = self.state;
        let checkpoint = match &self.checkpoint {
            None => String::from("none published"),
            Some(found) if found.size() == head.size => {
                format!("{} entries, signed, at the head", found.size())
            }
            Some(found) => format!(
                "{} entries, signed, {} behind",
                found.size(),
                head.size.saturating_sub(found.size())
            ),
        };
        let last = match state.position {
            0 => String::from("none"),
            _ => format!(
                "{} ({} ago)",
                seoul(state.at),
                span(self.now.saturating_sub(state.at), Lang::En)
            ),
        };
        let mut said = vec![
            format!("installation  {}", self.reading.dir.display()),
            format!("origin        {}", self.reading.origin),
            format!("head          {} entries, root {}", head.size, head.root),
            format!("checkpoint    {checkpoint}"),
        ];
        if let Some(standing) = &self.standing {
            said.extend(standing.lines(self.now));
        }
        said.extend([
            format!("last entry    {last}"),
            format!("law           {}", self.law_text()),
            format!("customers     {}", state.registry.customers().count()),
            String::new(),
            self.coverage_text(),
            String::new(),
            self.cases_text(),
            String::new(),
        ]);
        match findings {
            [] => said.push(String::from("no findings")),
            some => {
                said.push(format!("findings: {}", some.len()));
                said.extend(some.iter().map(|finding| format!("  - {finding}")));
            }
        }
        said.join("\n")
    }

    fn law_days(&self) -> Option<(String, String)> {
        let days = || self.state.law.rules.values().map(|rule| rule.as_of);
        Some((days().min()?.to_string(), days().max()?.to_string()))
    }

    fn law_text(&self) -> String {
        let Some(((_, digest, count), (oldest, newest))) =
            self.state.law.adopted.last().zip(self.law_days())
        else {
            return String::from("none adopted");
        };
        let as_of = if oldest == newest {
            oldest
        } else {
            format!("{oldest} to {newest}")
        };
        format!("{count} rules as of {as_of}, set {}", to_hex(digest))
    }

    fn coverage_text(&self) -> String {
        let rows: Vec<Vec<String>> = coverage(self.state)
            .into_iter()
            .map(|row| {
                let asset = self.asset(row.asset.place());
                let shown = |units| decimal(units, asset.decimals);
                let share = row.bps().map_or_else(String::new, |bps| {
                    format!("{}.{:02}%", bps / 100, bps % 100)
                });
                vec![
                    asset.symbol.clone(),
                    shown(row.owed),
                    shown(row.held),
                    shown(row.shortfall()),
                    share,
                ]
            })
            .collect();
        if rows.is_empty() {
            return String::from("coverage: no asset is registered");
        }
        let table = table(
            &["asset", "owed", "held", "short", "held per owed"],
            &[1, 2, 3, 4],
            &rows,
        );
        format!("coverage, same kind and quantity:\n{table}")
    }

    fn cases_text(&self) -> String {
        let cases = &self.state.incidents.cases;
        let rows: Vec<Vec<String>> = cases
            .iter()
            .enumerate()
            .map(|(place, case)| {
                let next = nearest(self.state, case).map_or_else(
                    || String::from("no clock with a number runs"),
                    |(due, duty)| match due.checked_sub(self.now) {
                        Some(left) => {
                            format!("{duty} due {}, {} left", seoul(due), span(left, Lang::En))
                        }
                        None => format!("{duty} was due {}", seoul(due)),
                    },
                );
                vec![incident_id(place), seoul(case.opened), next]
            })
            .collect();
        if rows.is_empty() {
            return String::from("cases: none");
        }
        format!(
            "cases:\n{}",
            table(&["case", "opened", "nearest clock"], &[], &rows)
        )
    }

    fn value(&self, findings: &[String]) -> Value {
        let head = self.reading.journal.head();
        let state = self.state;
        let checkpoint = self.checkpoint.as_ref().map(|found| {
            json!({ "size": found.size(), "root": found.root().to_string(), "behind": head.size.saturating_sub(found.size()) })
        });
        let coverage: Vec<Value> = coverage(state)
            .into_iter()
            .map(|row| {
                let asset = self.asset(row.asset.place());
                json!({
                    "asset": asset.symbol,
                    "decimals": asset.decimals,
                    "owed": row.owed.to_string(),
                    "held": row.held.to_string(),
                    "short": row.shortfall().to_string(),
                    "surplus": row.surplus().to_string(),
                    "held_per_owed_bps": row.bps().map(|bps| bps.to_string()),
                })
            })
            .collect();
        let halted: Vec<Value> = state
            .breaker
            .tripped
            .iter()
            .map(|(scope, trip)| {
                json!({ "scope": scope_name(state, *scope), "since": rfc3339(trip.since), "cause": trip.cause })
            })
            .collect();
        let law = state.law.adopted.last().zip(self.law_days()).map(
            |((at, digest, count), (oldest, newest))| {
                json!({
                    "adopted": rfc3339(*at), "digest": to_hex(digest), "rules": count,
                    "as_of": { "oldest": oldest, "newest": newest },
                })
            },
        );
        json!({
            "data": self.reading.dir.display().to_string(),
            "origin": self.reading.origin,
            "head": { "size": head.size, "root": head.root.to_string() },
            "checkpoint": checkpoint,
            "witnesses": self.standing,
            "last_entry_at": (state.position > 0).then(|| rfc3339(state.at)),
            "law": law,
            "customers": state.registry.customers().count(),
            "coverage": coverage,
            "cases": self.cases_value(),
            "halted": halted,
            "findings": findings,
        })
    }

    fn cases_value(&self) -> Vec<Value> {
        let cases = self.state.incidents.cases.iter().enumerate();
        let rows = cases.map(|(place, case)| {
            let next = nearest(self.state, case)
                .map(|(due, duty)| json!({ "duty": duty, "due": rfc3339(due) }));
            let overdue = case
                .clocks
                .iter()
                .filter(|clock| is_overdue(clock, self.now))
                .count();
            let missed = case
                .clocks
                .iter()
                .filter(|clock| clock.standing == Standing::Missed)
                .count();
            json!({
                "case": incident_id(place),
                "opened": rfc3339(case.opened),
                "working_start": case.aware().map(rfc3339),
                "nearest": next,
                "overdue": overdue,
                "missed": missed,
            })
        });
        rows.collect()
    }
}
