//! Checks every demand of a story against what happened.

use std::collections::{BTreeMap, BTreeSet};

use keepwhole_core::guard;
use keepwhole_core::incident::Incident;
use keepwhole_core::incident::clock::Clock;
use keepwhole_core::reason::Reason as Product;
use keepwhole_core::redress::Loss;
use keepwhole_core::registry::HOUSE;
use keepwhole_core::state::State;

use super::history::{History, JournalCheck};
use super::scenario::code::{
    AlertCode, BreakerState, Outcome, Proof, Reason, ServiceState, Severity,
};
use super::scenario::event::Scope;
use super::scenario::expect::ExpectKind;
use super::scenario::scalar::show_instant;
use super::words::{self, Said};

/// What a demand is checked against.
pub(super) struct Ending<'e> {
    pub(super) company: &'e str,
    pub(super) state: &'e State,
    pub(super) history: &'e History,
    pub(super) journal: &'e JournalCheck,
    /// Whether the proof of the customer of a claim verifies, or why not.
    pub(super) proof: &'e dyn Fn(&str) -> Result<(), String>,
}

/// A demand that is not met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mismatch {
    pub(super) expected: String,
    pub(super) actual: String,
}

type Check = Result<(), Mismatch>;

fn differ(expected: impl Into<String>, actual: impl Into<String>) -> Check {
    Err(Mismatch {
        expected: expected.into(),
        actual: actual.into(),
    })
}

fn same(expected: impl Into<String>, actual: impl Into<String>) -> Check {
    let (expected, actual) = (expected.into(), actual.into());
    if expected == actual {
        Ok(())
    } else {
        Err(Mismatch { expected, actual })
    }
}

/// The first demand this build can't check yet, as `unsupported` names it.
pub(super) fn unsupported(kind: &ExpectKind) -> Option<String> {
    matches!(kind, ExpectKind::Trace { .. }).then(|| format!("expect {}", kind.word()))
}

impl Ending<'_> {
    pub(super) fn check(&self, kind: &ExpectKind) -> Check {
        match kind {
            ExpectKind::Outcome {
                event,
                result,
                reason,
                nth,
                at_end,
            } => {
                let said = if *at_end {
                    self.standing(event)
                } else {
                    self.reply(event, *nth)
                };
                self.said(*result, *reason, said)
            }
            ExpectKind::Alert {
                code,
                after,
                within,
                severity,
                count,
            } => self.alert(*code, (after, *within), *severity, *count),
            ExpectKind::NoAlert { code } => {
                let raised = self.raised(*code);
                if raised.is_empty() {
                    Ok(())
                } else {
                    differ(format!("no {code}"), times(&raised))
                }
            }
            ExpectKind::Breaker {
                scope,
                state,
                after,
                within,
            } => self.breaker(scope, *state, after, *within),
            ExpectKind::Incident {
                id,
                opened_by,
                count,
            } => self.incident(id, opened_by, *count),
            ExpectKind::Service {
                event,
                state,
                rss_max_bytes,
                within,
            } => self.service(event, *state, *rss_max_bytes, *within),
            ExpectKind::Import {
                event,
                applied,
                rejected,
                bad_lines,
            } => self.import(event, *applied, *rejected, bad_lines.as_deref()),
            _ => self.figures(kind),
        }
    }

    fn service(
        &self,
        event: &str,
        state: ServiceState,
        most: Option<u64>,
        within: Option<u64>,
    ) -> Check {
        let Some((_, sending)) = self.history.sending(event, 1) else {
            return differ(state.to_string(), "not sent");
        };
        same(state.to_string(), sending.service.to_string())?;
        if let Some(most) = most {
            let expected = format!("at most {most} bytes resident");
            match sending.peak_bytes {
                Some(peak) if peak <= most => {}
                Some(peak) => return differ(expected, format!("{peak} bytes")),
                None => return differ(expected, "this system does not say"),
            }
        }
        match within {
            Some(within) if sending.took.as_millis() > u128::from(within) => differ(
                format!("{state} within {within} ms"),
                format!("after {} ms", sending.took.as_millis()),
            ),
            _ => Ok(()),
        }
    }

    fn import(&self, event: &str, applied: u64, rejected: u64, bad_lines: Option<&[u64]>) -> Check {
        let line = |applied: u64, rejected: u64, lines: Option<&[u64]>| {
            let lines = lines.map(|lines| format!(", lines {}", listed(lines)));
            format!(
                "{applied} applied, {rejected} rejected{}",
                lines.unwrap_or_default()
            )
        };
        let expected = line(applied, rejected, bad_lines);
        match self.history.imports.get(event) {
            Some(Some(did)) => {
                let lines = bad_lines.map(|_| did.bad_lines.as_slice());
                same(expected, line(did.applied, did.rejected, lines))
            }
            Some(None) => differ(expected, "it was killed and not sent again"),
            None => differ(expected, "it could not be sent"),
        }
    }

    /// Demands on figures at the end.
    fn figures(&self, kind: &ExpectKind) -> Check {
        match kind {
            ExpectKind::Loss {
                incident,
                asset,
                total,
                company,
                customers,
            } => self.loss(incident, asset, *total, *company, customers),
            ExpectKind::Balance {
                holder,
                asset,
                amount,
            } => self.balance(holder, asset, *amount),
            ExpectKind::Wallet { id, asset, amount } => self.wallet(id, asset, *amount),
            ExpectKind::Clock {
                clock,
                incident,
                due,
                state,
                met_at,
            } => {
                let expected = clock_line(Some(*due), state.to_string(), *met_at);
                let Some(found) = self.clock(clock, incident) else {
                    return differ(expected, "no such clock runs");
                };
                let told = if met_at.is_some() { found.told } else { None };
                same(
                    expected,
                    clock_line(found.due, words::clock(&found.standing).to_string(), told),
                )
            }
            ExpectKind::Redress {
                claim,
                result,
                asset,
                amount,
                proof,
                reason,
            } => self.redress(claim, (*result, *reason), (asset, *amount), *proof),
            ExpectKind::MadeWhole {
                incident,
                holder,
                asset,
                lost,
                restored,
                outstanding,
            } => self.made_whole(incident, holder, asset, [*lost, *restored, *outstanding]),
            ExpectKind::Journal {
                verify,
                first_bad,
                events_lost,
                unacked_max,
                duplicates,
            } => self.journal(
                verify.to_string(),
                [*first_bad, *events_lost, *unacked_max, *duplicates],
            ),
            ExpectKind::Exposed { customers } => {
                let expected: BTreeSet<String> = customers.iter().cloned().collect();
                let line = |set: &BTreeSet<String>| format!("exposed {}", listed(set));
                same(line(&expected), line(&self.journal.exposed))
            }
            _ => differ(kind.word(), "this build can't check it"),
        }
    }

    fn said(&self, result: Outcome, reason: Option<Reason>, actual: Option<Said>) -> Check {
        let expected = Said {
            outcome: result,
            reason,
        };
        let Some(actual) = actual else {
            return differ(expected.to_string(), "no reply");
        };
        let enough = if reason.is_some() {
            actual
        } else {
            Said {
                reason: None,
                ..actual
            }
        };
        if enough == expected {
            Ok(())
        } else {
            differ(expected.to_string(), actual.to_string())
        }
    }

    fn reply(&self, event: &str, nth: u32) -> Option<Said> {
        self.history.sending(event, nth)?.1.said
    }

    /// Where what an event asked for stands at the end.
    fn standing(&self, event: &str) -> Option<Said> {
        let guard = &self.state.guard;
        if let Some((_, request)) = guard.request(event) {
            let short = matches!(
                &request.standing,
                guard::Standing::Held(Product::ApprovalsShort { .. })
            );
            let (valid, ever) = (
                request.approvers(&guard.policy, self.state.at, false),
                request.approvers(&guard.policy, self.state.at, true),
            );
            if short && ever >= request.needs && valid < request.needs {
                return Some(Said::because(Outcome::Expired, Reason::ApprovalExpired));
            }
            return Some(words::standing(&request.standing));
        }
        if let Some((_, proposal)) = guard.proposal(event) {
            return Some(words::standing(&proposal.standing));
        }
        if let Some(deposit) = self
            .state
            .deposits
            .iter()
            .find(|deposit| deposit.id == event)
        {
            // A credited deposit is a fact in the format, not a permission; a reorganisation that takes the credit back
            // is another fact.
            let credited = self.journal.credited.contains(event);
            return Some(if credited {
                Said::plain(Outcome::Accepted)
            } else {
                words::answer(&deposit.standing)
            });
        }
        self.history.last(event)?.said
    }

    fn raised(&self, code: AlertCode) -> Vec<u64> {
        let recorded = self.state.incidents.alarms.iter();
        let recorded = recorded.map(|alarm| (alarm.at, words::alert(alarm.code)));
        let beside = self.history.alarms.iter();
        let beside = beside.map(|(at, code)| (*at, words::journal_alert(*code)));
        recorded
            .chain(beside)
            .filter(|(_, raised)| *raised == code)
            .map(|(at, _)| at)
            .collect()
    }

    fn alert(
        &self,
        code: AlertCode,
        window: (&str, u64),
        severity: Severity,
        count: Option<u64>,
    ) -> Check {
        let (after, within) = window;
        let raised = self.raised(code);
        let Some((_, sending)) = self.history.sending(after, 1) else {
            return differ(after, "not sent");
        };
        let until = sending.at.saturating_add(within);
        let in_time = raised.iter().any(|at| (sending.at..=until).contains(at));
        if !in_time {
            let window = format!(
                "{code} from {} to {}",
                show_instant(sending.at),
                show_instant(until)
            );
            return differ(window, times(&raised));
        }
        if let Some(count) = count.filter(|count| u64::try_from(raised.len()) != Ok(*count)) {
            return differ(format!("{code} {count} times"), times(&raised));
        }
        let alarm = self
            .state
            .incidents
            .alarms
            .iter()
            .find(|alarm| words::alert(alarm.code) == code);
        // Alarms about the journal itself are all critical.
        let actual = alarm.map_or(Severity::Critical, |alarm| {
            words::severity(alarm.code.severity())
        });
        same(severity.to_string(), actual.to_string())
    }

    fn breaker(&self, scope: &Scope, state: BreakerState, after: &str, within: u64) -> Check {
        let Some((place, sending)) = self.history.sending(after, 1) else {
            return differ(after, "not sent");
        };
        let until = sending.at.saturating_add(within);
        let name = scope.to_string();
        let steps = self
            .history
            .steps
            .iter()
            .filter(|step| step.sent > place && step.at <= until);
        let found = steps
            .map(|step| step.tripped.contains(&name))
            .any(|is| is == (state == BreakerState::Tripped));
        if found {
            Ok(())
        } else {
            differ(
                format!("{name} {state} by {}", show_instant(until)),
                "it never was",
            )
        }
    }

    fn incident(&self, id: &str, opened_by: &str, count: Option<u64>) -> Check {
        let cases = &self.state.incidents.cases;
        let Some(case) = self.case(id) else {
            return differ(
                format!("{id} opened by {opened_by}"),
                format!("{} incidents", cases.len()),
            );
        };
        same(
            format!("{id} opened by {opened_by}"),
            format!("{id} opened by {}", case.opened_by),
        )?;
        let expected = count.unwrap_or(1);
        let counted = match count {
            // With a count, all incidents of the file; without, those that this event opened.
            Some(_) => cases.len(),
            None => cases
                .iter()
                .filter(|case| case.opened_by == opened_by)
                .count(),
        };
        same(
            format!("{expected} incidents"),
            format!("{counted} incidents"),
        )
    }

    fn case(&self, id: &str) -> Option<&Incident> {
        self.state.incidents.case(id)
    }

    fn loss_of(&self, incident: &str, asset: &str) -> Option<&Loss> {
        self.case(incident)?
            .losses
            .get(&self.state.registry.asset(asset)?)
    }

    fn loss(
        &self,
        incident: &str,
        asset: &str,
        total: u128,
        company: u128,
        customers: &BTreeMap<String, u128>,
    ) -> Check {
        let expected = loss_line(
            total,
            company,
            customers.iter().map(|(id, units)| (id.as_str(), *units)),
        );
        if self.case(incident).is_none() {
            return differ(expected, format!("no {incident}"));
        }
        let none = Loss::default();
        let found = self.loss_of(incident, asset).unwrap_or(&none);
        let shares: BTreeMap<&str, u128> = found
            .parts
            .iter()
            .map(|part| (self.state.registry.owner_id(part.owner), part.lost))
            .collect();
        let shares = shares.into_iter().filter(|(_, lost)| *lost > 0);
        same(expected, loss_line(found.total, found.house, shares))
    }

    fn balance(&self, holder: &str, asset: &str, amount: u128) -> Check {
        let registry = &self.state.registry;
        let owner = if holder == self.company {
            Some(HOUSE)
        } else {
            registry.owner(holder)
        };
        let (Some(owner), Some(asset)) = (owner, registry.asset(asset)) else {
            return differ(amount.to_string(), "no such holder or asset");
        };
        let totals = self.state.book.totals(owner, asset);
        let actual = match totals.overdrawn() {
            0 => totals.balance().to_string(),
            below => format!("-{below}"),
        };
        same(amount.to_string(), actual)
    }

    fn wallet(&self, id: &str, asset: &str, amount: u128) -> Check {
        let registry = &self.state.registry;
        let (Some(wallet), Some(asset)) = (registry.wallet(id), registry.asset(asset)) else {
            return differ(amount.to_string(), "no such wallet or asset");
        };
        same(
            amount.to_string(),
            self.state.custody.holding(wallet, asset).to_string(),
        )
    }

    /// The first clock of a duty in an incident.
    fn clock(&self, duty: &str, incident: &str) -> Option<&Clock> {
        let duties = &self.state.incidents.duties;
        let place = u32::try_from(duties.iter().position(|known| known.id == duty)?).ok()?;
        self.case(incident)?
            .clocks
            .iter()
            .find(|clock| clock.duty == place)
    }

    fn redress(
        &self,
        claim: &str,
        (result, reason): (Outcome, Option<Reason>),
        (asset, amount): (&str, u128),
        proof: Option<Proof>,
    ) -> Check {
        let Some((_, found)) = self.state.claims.find(claim) else {
            return self.said(result, reason, self.reply(claim, 1));
        };
        self.said(result, reason, Some(words::claim(found)))?;
        let paid_in = self.state.registry.asset_id(found.asset);
        same(
            format!("{amount} {asset}"),
            format!("{} {paid_in}", found.payable),
        )?;
        match proof {
            None => Ok(()),
            Some(Proof::Verifies) => {
                (self.proof)(claim).or_else(|why| differ("the proof verifies", why))
            }
        }
    }

    fn made_whole(&self, incident: &str, holder: &str, asset: &str, expected: [u128; 3]) -> Check {
        let line = |[lost, restored, outstanding]: [u128; 3]| {
            format!("lost {lost}, restored {restored}, outstanding {outstanding}")
        };
        let Some(loss) = self.loss_of(incident, asset) else {
            return differ(line(expected), "no loss");
        };
        let (lost, restored) = if holder == self.company {
            (loss.house, loss.house_restored)
        } else {
            let owner = self.state.registry.owner(holder);
            owner
                .and_then(|owner| loss.part(owner))
                .map_or((0, 0), |part| (part.lost, part.restored))
        };
        same(
            line(expected),
            line([lost, restored, lost.saturating_sub(restored)]),
        )
    }

    fn journal(&self, verify: String, expected: [Option<u64>; 4]) -> Check {
        let found = self.journal;
        same(verify, found.state.to_string())?;
        let [first_bad, events_lost, unacked_max, duplicates] = expected;
        if first_bad.is_some() && first_bad != found.first_bad {
            let line = |event: Option<u64>| format!("first_bad {}", listed(&event));
            return differ(line(first_bad), line(found.first_bad));
        }
        same(
            format!("events_lost {}", events_lost.unwrap_or(0)),
            format!("events_lost {}", found.events_lost),
        )?;
        if let Some(most) = unacked_max.filter(|most| found.unacked > *most) {
            return differ(
                format!("at most {most} unacknowledged"),
                found.unacked.to_string(),
            );
        }
        match duplicates {
            None => Ok(()),
            Some(duplicates) => same(
                format!("duplicates {duplicates}"),
                format!("duplicates {}", found.duplicates),
            ),
        }
    }
}

fn times(raised: &[u64]) -> String {
    if raised.is_empty() {
        return "never raised".to_owned();
    }
    format!(
        "raised at {}",
        raised
            .iter()
            .map(|at| show_instant(*at))
            .collect::<Vec<_>>()
            .join(", ")
    )
}

/// Each of them, or that there is none.
fn listed<'a, T: ToString + 'a>(all: impl IntoIterator<Item = &'a T>) -> String {
    let all: Vec<String> = all.into_iter().map(ToString::to_string).collect();
    match all.is_empty() {
        true => "none".to_owned(),
        false => all.join(", "),
    }
}

fn clock_line(due: Option<u64>, state: String, met_at: Option<u64>) -> String {
    let due = due.map_or_else(
        || "no due time".to_owned(),
        |due| format!("due {}", show_instant(due)),
    );
    match met_at {
        Some(met_at) => format!("{due}, {state}, told {}", show_instant(met_at)),
        None => format!("{due}, {state}"),
    }
}

fn loss_line<'a>(
    total: u128,
    company: u128,
    customers: impl Iterator<Item = (&'a str, u128)>,
) -> String {
    let customers: Vec<_> = customers
        .map(|(id, units)| format!("{id} {units}"))
        .collect();
    format!(
        "total {total}, company {company}, customers [{}]",
        customers.join(", ")
    )
}
