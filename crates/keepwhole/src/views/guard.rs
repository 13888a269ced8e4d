//! Requests to the guard: what waits and why, what was denied, what was cleared, and the whole history of each.

use keepwhole_core::event::{Event, Judged, Record};
use keepwhole_core::guard::{Ask, Request, Standing};
use keepwhole_core::registry::{AssetIx, PersonIx};
use keepwhole_core::state::State;

use super::change::evidence_told;
use super::reason::{ReasonView, reason_view};
use super::unseen::{UNSEEN, UnseenLine, unseen_lines};
use super::{Head, Trail, wording};
use crate::text::{Amount, Words, count};

/// Requests on one page of the list.
pub const PAGE: u64 = 50;
/// Lines of a batch of credits that its page shows.
const LINES: usize = 100;

/// Where a request stands, as far as a reader of the list needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestState {
    /// Waits.
    Held,
    /// Refused.
    Denied,
    /// Cleared, and nothing was signed for it yet (a batch of credits is booked at once).
    Cleared,
    /// A signer redeemed the clearance; nothing is seen on the chain yet.
    Redeemed,
    /// Seen on the chain.
    Seen,
    /// Cleared, and the clearance lapsed unused.
    Lapsed,
    /// What was redeemed can't land any more: a quorum said so.
    Dead,
}

impl RequestState {
    /// All of them, in the order of a reader's concern.
    pub const ALL: [Self; 7] = [
        Self::Held,
        Self::Denied,
        Self::Cleared,
        Self::Redeemed,
        Self::Seen,
        Self::Lapsed,
        Self::Dead,
    ];

    /// The word in an address.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Denied => "denied",
            Self::Cleared => "cleared",
            Self::Redeemed => "redeemed",
            Self::Seen => "seen",
            Self::Lapsed => "lapsed",
            Self::Dead => "dead",
        }
    }

    /// The state of that word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// The catalogue's key of its name.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Held => "request-held",
            Self::Denied => "request-denied",
            Self::Cleared => "request-cleared",
            Self::Redeemed => "request-redeemed",
            Self::Seen => "request-seen",
            Self::Lapsed => "request-lapsed",
            Self::Dead => "request-dead",
        }
    }

    /// Where that request stands.
    #[must_use]
    pub fn of(state: &State, number: u32, request: &Request) -> Self {
        let dead = || {
            let graves = &state.guard.clearances.dead;
            graves.by_request.contains_key(&number)
        };
        let clearance = request.clearance.as_ref();
        let redeemed = || {
            let issued = state.guard.clearances.of(number);
            issued.iter().any(|issued| issued.redeemed.is_some())
                || clearance.is_some_and(|c| c.redeemed.is_some())
        };
        match &request.standing {
            Standing::Held(_) => Self::Held,
            Standing::Denied(_) => Self::Denied,
            Standing::Lapsed if dead() => Self::Dead,
            Standing::Lapsed => Self::Lapsed,
            Standing::Cleared if clearance.is_some_and(|c| c.flow.is_some()) => Self::Seen,
            Standing::Cleared if redeemed() => Self::Redeemed,
            Standing::Cleared => Self::Cleared,
        }
    }
}

/// One request in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestLine {
    /// Outside id.
    pub id: String,
    /// What is asked, in words.
    pub what: Words,
    /// When it came, milliseconds since the epoch.
    pub at: u64,
    /// Where it stands.
    pub state: RequestState,
    /// Why it is held or denied.
    pub reason: Option<ReasonView>,
    /// Distinct persons whose approval counts now.
    pub valid: u64,
    /// Distinct persons needed.
    pub needs: u64,
    /// What ends when, if a time is set: milliseconds since the epoch.
    pub deadline: Option<(Words, u64)>,
}

/// The list of requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardView {
    /// The journal's time of what is shown (milliseconds since the epoch).
    pub as_of: u64,
    /// The head of the journal at that moment.
    pub head: Head,
    /// How many of all requests stand how, in the order of [`RequestState::ALL`].
    pub counts: [u64; 7],
    /// Only these are listed; all where it is `None`.
    pub only: Option<RequestState>,
    /// What was signed for and is not seen yet, with the way to cancel it; at most [`UNSEEN`].
    pub unseen: Vec<UnseenLine>,
    /// The requests of this page, the newest first.
    pub lines: Vec<RequestLine>,
    /// How many newer ones are left out before them.
    pub from: u64,
    /// How many there are under this choice.
    pub total: u64,
}

/// Something that happened to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When, milliseconds since the epoch.
    pub at: u64,
    /// The entry of the journal that says so.
    pub entry: u64,
    /// What happened, and by whom.
    pub what: Words,
    /// The reason given, where there was one.
    pub reason: Option<ReasonView>,
}

/// One approval of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRow {
    /// Who.
    pub person: String,
    /// When, milliseconds since the epoch.
    pub at: u64,
    /// First moment at which it no longer counts.
    pub until: Option<u64>,
    /// Whether it counts now.
    pub counts: bool,
}

/// The page of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestView {
    /// The journal's time of what is shown (milliseconds since the epoch).
    pub as_of: u64,
    /// The head of the journal at that moment.
    pub head: Head,
    /// What the list says of it.
    pub line: RequestLine,
    /// Its particulars: label and value.
    pub particulars: Vec<(&'static str, Words)>,
    /// Lines of a batch of credits: customer and amount.
    pub credits: Vec<(String, Amount)>,
    /// How many lines the batch has in all.
    pub credits_total: u64,
    /// Who approved.
    pub approvals: Vec<ApprovalRow>,
    /// SHA-256 of what is asked, as an approver must see it.
    pub digest: String,
    /// All that happened to it, oldest first.
    pub steps: Vec<Step>,
}

fn person(state: &State, person: PersonIx) -> &str {
    state
        .registry
        .persons
        .get(person.place())
        .map_or("", String::as_str)
}

/// The asset that amounts of a request are of.
#[must_use]
pub fn asset_of(ask: &Ask) -> Option<AssetIx> {
    match ask {
        Ask::Withdrawal { asset, .. } | Ask::Transfer { asset, .. } => Some(*asset),
        Ask::Credit { lines, .. } => {
            let first = lines.first()?.asset;
            lines
                .iter()
                .all(|line| line.asset == first)
                .then_some(first)
        }
    }
}

fn what(state: &State, ask: &Ask) -> Words {
    match ask {
        Ask::Withdrawal {
            asset, units, to, ..
        } => Words::key("request-withdrawal")
            .with("amount", wording::amount(state, *asset, *units))
            .with("to", to.as_str()),
        Ask::Transfer {
            wallet,
            to_wallet,
            asset,
            units,
        } => Words::key("request-transfer")
            .with("amount", wording::amount(state, *asset, *units))
            .with("from", state.registry.wallet_id(*wallet))
            .with("to", state.registry.wallet_id(*to_wallet)),
        Ask::Credit { budget, lines, .. } => {
            let several = u64::try_from(lines.len()).unwrap_or(u64::MAX);
            let total = lines
                .iter()
                .try_fold(0_u128, |sum, line| sum.checked_add(line.units));
            match (asset_of(ask), total) {
                (Some(asset), Some(total)) => Words::key("request-credit")
                    .with("amount", wording::amount(state, asset, total))
                    .with("budget", budget.as_str())
                    .with("count", several),
                _ => Words::key("request-credit-mixed")
                    .with("budget", budget.as_str())
                    .with("count", several),
            }
        }
    }
}

impl RequestLine {
    fn of(state: &State, number: u32, request: &Request) -> Self {
        let policy = &state.guard.policy;
        let stands = RequestState::of(state, number, request);
        let reason = match &request.standing {
            Standing::Held(reason) | Standing::Denied(reason) => {
                Some(reason_view(state, asset_of(&request.ask), reason))
            }
            Standing::Cleared | Standing::Lapsed => None,
        };
        let released = reason.as_ref().and_then(|reason| reason.until);
        let lapses = |ttl: u64| {
            let first = request.approvals.iter().map(|a| a.at).min()?;
            Some(first.saturating_add(ttl))
        };
        let deadline = match stands {
            RequestState::Held => released
                .map(|until| (Words::key("deadline-released"), until))
                .or_else(|| {
                    let until = policy.approval_ttl_ms.and_then(lapses)?;
                    Some((Words::key("deadline-approval"), until))
                }),
            RequestState::Cleared => {
                let until = request.clearance.as_ref().and_then(|c| c.until);
                until.map(|until| (Words::key("deadline-clearance"), until))
            }
            _ => None,
        };
        Self {
            id: request.id.clone(),
            what: what(state, &request.ask),
            at: request.at,
            state: stands,
            reason,
            valid: u64::from(request.approvers(policy, state.at, false)),
            needs: u64::from(request.needs),
            deadline,
        }
    }
}

impl GuardView {
    /// The list at this state: those that stand as `only` says, without the newest `from`. The trail must be settled in it.
    #[must_use]
    pub fn of(
        state: &State,
        trail: &Trail,
        head: &Head,
        only: Option<RequestState>,
        from: u64,
    ) -> Self {
        let (numbers, total) = trail.tally().page(only, (from, PAGE));
        let lines = numbers.into_iter().filter_map(|number| {
            let request = state.guard.request_at(number)?;
            Some(RequestLine::of(state, number, request))
        });
        Self {
            as_of: state.at,
            head: head.clone(),
            counts: trail.tally().counts(),
            only,
            unseen: unseen_lines(state).take(UNSEEN).collect(),
            lines: lines.collect(),
            from,
            total,
        }
    }
}

impl RequestView {
    /// The request of that id, with the entries that `record` finds; `None` where there is none.
    #[must_use]
    pub fn of(
        state: &State,
        trail: &Trail,
        head: &Head,
        id: &str,
        record: &dyn Fn(u64) -> Option<Record>,
    ) -> Option<Self> {
        let (number, request) = state.guard.request(id)?;
        let policy = &state.guard.policy;
        let asset = asset_of(&request.ask);
        let steps = trail.request(number).iter().filter_map(|entry| {
            let record = record(*entry)?;
            let (what, reason) = happened(state, asset, &record.event)?;
            Some(Step {
                at: record.at,
                entry: *entry,
                what,
                reason,
            })
        });
        let approvals = request.approvals.iter().map(|approval| {
            let until = policy
                .approval_ttl_ms
                .map(|ttl| approval.at.saturating_add(ttl));
            ApprovalRow {
                person: person(state, approval.person).to_owned(),
                at: approval.at,
                until,
                counts: until.is_none_or(|until| state.at < until),
            }
        });
        let (credits, credits_total) = match &request.ask {
            Ask::Credit { lines, .. } => {
                let shown = lines.iter().take(LINES).map(|line| {
                    let owner = state.registry.owner_id(line.owner).to_owned();
                    (owner, wording::amount(state, line.asset, line.units))
                });
                (shown.collect(), lines.len())
            }
            Ask::Withdrawal { .. } | Ask::Transfer { .. } => (Vec::new(), 0),
        };
        Some(Self {
            as_of: state.at,
            head: head.clone(),
            line: RequestLine::of(state, number, request),
            particulars: particulars(state, number, request),
            credits,
            credits_total: u64::try_from(credits_total).unwrap_or(u64::MAX),
            approvals: approvals.collect(),
            digest: hex(&request.digest()),
            steps: steps.collect(),
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn particulars(state: &State, number: u32, request: &Request) -> Vec<(&'static str, Words)> {
    let plain = |text: &str| Words::plain(text);
    let mut rows = match &request.ask {
        Ask::Withdrawal {
            owner,
            wallet,
            asset,
            units,
            to,
        } => vec![
            ("request-customer", plain(state.registry.owner_id(*owner))),
            ("request-wallet", plain(state.registry.wallet_id(*wallet))),
            (
                "request-amount",
                plain(&wording::amount(state, *asset, *units).exact()),
            ),
            ("request-to", plain(to)),
        ],
        Ask::Transfer {
            wallet,
            to_wallet,
            asset,
            units,
        } => vec![
            ("request-wallet", plain(state.registry.wallet_id(*wallet))),
            (
                "request-to-wallet",
                plain(state.registry.wallet_id(*to_wallet)),
            ),
            (
                "request-amount",
                plain(&wording::amount(state, *asset, *units).exact()),
            ),
        ],
        Ask::Credit { reason, budget, .. } => vec![
            ("request-budget", plain(budget)),
            ("request-cause", plain(reason)),
        ],
    };
    rows.push(("request-by", wording::actor(state, request.actor)));
    if let Some(terms) = state.guard.clearances.terms.get(&number) {
        if !terms.memo.is_empty() {
            rows.push(("request-memo", plain(&terms.memo)));
        }
        rows.push(("request-max-fee", plain(&count(terms.max_fee))));
    }
    rows
}

/// Which rules matched: by name where the version is the one in force, else by place.
fn judged_words(state: &State, judged: &Judged) -> Words {
    let policy = &state.guard.policy;
    let names: Vec<String> = judged
        .matched
        .iter()
        .map(|place| {
            let rule = policy.rules.get(usize::from(*place));
            match rule.filter(|_| policy.version == judged.version) {
                Some(rule) => rule.id.clone(),
                None => format!("#{}", u16::from(*place).saturating_add(1)),
            }
        })
        .collect();
    let version = count(u128::from(judged.version));
    if names.is_empty() {
        return Words::key("step-judged-none").with("version", version);
    }
    Words::key("step-judged")
        .with("version", version)
        .with("rules", names.join(", "))
}

/// What an entry says of its request; `None` for one that says nothing of it.
fn happened(
    state: &State,
    asset: Option<AssetIx>,
    event: &Event,
) -> Option<(Words, Option<ReasonView>)> {
    let plain = |key| (Words::key(key), None);
    Some(match event {
        Event::RequestMade { actor, needs, .. } => (
            Words::key("step-made")
                .with("who", wording::actor(state, *actor))
                .with("count", u64::from(*needs)),
            None,
        ),
        Event::RequestHeld { reason, .. } => (
            Words::key("step-held"),
            Some(reason_view(state, asset, reason)),
        ),
        Event::RequestDenied { reason, .. } => (
            Words::key("step-denied"),
            Some(reason_view(state, asset, reason)),
        ),
        Event::RequestCleared { until: None, .. } => plain("step-cleared"),
        Event::RequestCleared {
            until: Some(until), ..
        } => (
            Words::key("step-cleared-until").with("until", crate::text::Arg::Time(*until)),
            None,
        ),
        Event::ApprovalGiven { approval, .. } => (
            Words::key("step-approved").with("who", person(state, approval.person)),
            None,
        ),
        Event::ClearanceRedeemed { payload, .. } => (
            Words::key("step-redeemed").with("digest", hex(payload)),
            None,
        ),
        Event::ClearanceLapsed { .. } => plain("step-lapsed"),
        Event::ClearancesDead(dead) => (
            Words::key("step-dead")
                .with("key", dead.conflict_key.as_str())
                .with("evidence", evidence_told(&dead.evidence)),
            None,
        ),
        Event::RequestJudged(judged) => (judged_words(state, judged), None),
        Event::IntentBound { terms, .. } => (
            Words::key("step-bound").with("until", crate::text::Arg::Time(terms.expires)),
            None,
        ),
        Event::ClearanceIssued {
            attempt,
            signing_digest,
            until,
            ..
        } => (
            Words::key("step-issued")
                .with("attempt", u64::from(*attempt))
                .with("digest", hex(signing_digest))
                .with("until", crate::text::Arg::Time(*until)),
            None,
        ),
        Event::IssuedRedeemed { signer, .. } => (
            Words::key("step-issued-redeemed").with("who", signer.as_str()),
            None,
        ),
        _ => return None,
    })
}
