//! Real redress sets for the claims whose proof a story demands: built, published in the journal, and checked from the
//! customer's package alone, as she would at home.

use std::collections::BTreeMap;

use keepwhole_core::amount::Amount;
use keepwhole_core::apply::apply;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::event::{Event, Record};
use keepwhole_core::incident::Incident;
use keepwhole_core::redress::{Claim, ClaimBasis, ClaimStanding};
use keepwhole_core::registry::{AssetIx, OwnerIx};
use keepwhole_core::state::State;
use keepwhole_verify::customer_check::{Verdict, verify_package};
use keepwhole_verify::trust::Trust;
use sha2::{Digest, Sha256};

use super::scenario::Scenario;
use super::scenario::expect::ExpectKind;
use super::scenario::scalar::show_instant;
use super::service::{Sent, Service};
use crate::bundle::{MemoryLog, tlog_proof};
use crate::redress::{
    AssetRows, Entropy, Header, Kind, Payment, RedressSet, Row, SnapshotRow, build,
};

/// Into how many leaves each line is cut.
const SHARES: u8 = 4;

/// Whether the proof of each claim verifies, or why not.
pub(super) type Proofs = BTreeMap<String, Result<(), String>>;

/// Bytes that derive from a story's id.
struct Seeded {
    id: String,
    drawn: u64,
}

impl Entropy for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            self.drawn = self.drawn.saturating_add(1);
            let block =
                Sha256::digest(format!("drill entropy {} {}", self.id, self.drawn).as_bytes());
            for (to, from) in chunk.iter_mut().zip(block) {
                *to = from;
            }
        }
    }
}

/// A payment that the journal shows: when, to whom, of what, how much, at which position.
struct Paid {
    at: u64,
    owner: OwnerIx,
    amount: Amount,
    position: usize,
}

/// Publishes the sets that the story's demands need and checks each customer's package.
pub(super) fn prove(scenario: &Scenario, service: &mut Service, state: &State) -> Proofs {
    let mut proofs = Proofs::new();
    for demand in &scenario.expect {
        if let ExpectKind::Redress {
            claim,
            proof: Some(_),
            ..
        } = &demand.kind
        {
            proofs.insert(claim.clone(), prove_claim(scenario, service, state, claim));
        }
    }
    proofs
}

fn prove_claim(
    scenario: &Scenario,
    service: &mut Service,
    state: &State,
    claim: &str,
) -> Result<(), String> {
    let (_, claim) = state
        .claims
        .find(claim)
        .ok_or("the claim was not recorded")?;
    let place = usize::try_from(claim.incident).map_err(|_| "the claim names no case")?;
    let case = state
        .incidents
        .cases
        .get(place)
        .ok_or("the claim names no case")?;
    let records = service.durable()?;
    let custody = claim.basis == ClaimBasis::Custody;
    let (header, assets, snapshot) = if custody {
        shortfall(state, case, claim, &records)?
    } else {
        claims(state, claim, &records)?
    };
    let mut entropy = Seeded {
        id: format!("{} {}", scenario.id, claim.id),
        drawn: 0,
    };
    let set =
        build(&header, &[assets], &snapshot, &mut entropy).map_err(|error| error.to_string())?;
    let package = publish(service, state, &set, claim)?;
    check(service, &package, state.registry.owner_id(claim.owner))
}

fn header(
    state: &State,
    incident: u32,
    kind: Kind,
    snapshot_index: usize,
) -> Result<Header, String> {
    let place = usize::try_from(incident).map_err(|_| "the claim names no case")?;
    Ok(Header {
        incident: keepwhole_core::incident::incident_id(place),
        as_of: show_instant(state.at),
        kind,
        previous: None,
        snapshot_index: u64::try_from(snapshot_index).map_err(|_| "the journal is too long")?,
        rules: Sha256::digest(
            b"largest full remainder, ties to the smaller id; see docs/proof-formats.md",
        )
        .into(),
        shares: SHARES,
    })
}

fn contact(account: &str) -> String {
    format!("{account}@drill.example")
}

fn payments(paid: &[Paid], owner: OwnerIx) -> Vec<Payment> {
    let hers = paid.iter().filter(|paid| paid.owner == owner);
    let payment = |paid: &Paid| Payment {
        amount: paid.amount.units(),
        at: Some(show_instant(paid.at)),
        reference: format!("entry:{}", paid.position),
    };
    hers.map(payment).collect()
}

type Parts = (Header, AssetRows, Vec<SnapshotRow>);

/// The set of a custody loss: who is short of how much, and what was put back.
fn shortfall(
    state: &State,
    case: &Incident,
    claim: &Claim,
    records: &[Record],
) -> Result<Parts, String> {
    let (asset, incident) = (claim.asset, claim.incident);
    let loss = case
        .losses
        .get(&asset)
        .ok_or("the case has no loss of that asset")?;
    let fixed = records.iter().position(|record| {
        matches!(&record.event, Event::LossRecognised { incident: i, asset: a, .. } if (*i, *a) == (incident, asset))
    });
    let paid = put_back(records, incident, asset);
    let row = |part: &keepwhole_core::redress::Part| {
        let account = state.registry.owner_id(part.owner);
        Row {
            account_id: account.to_owned(),
            contact: contact(account),
            paid: part.restored,
            due: part.outstanding(),
            payments: payments(&paid, part.owner),
        }
    };
    let name = state.registry.asset_id(asset);
    let snapshot = loss.parts.iter().map(|part| SnapshotRow {
        account_id: state.registry.owner_id(part.owner).to_owned(),
        asset: name.to_owned(),
        amount: part.weight,
    });
    let rows = AssetRows {
        ix: asset.0,
        asset: name.to_owned(),
        decimals: decimals(state, asset),
        taken_on_chain: loss.total,
        borne_by_house: loss.house,
        recovered: loss.recovered.min(loss.total),
        rows: loss.parts.iter().map(row).collect(),
    };
    let header = header(
        state,
        incident,
        Kind::Shortfall,
        fixed.ok_or("the loss has no record")?,
    )?;
    Ok((header, rows, snapshot.collect()))
}

/// What the journal shows as put back to each customer of a custody loss: found by folding, not by believing a total.
fn put_back(records: &[Record], incident: u32, asset: AssetIx) -> Vec<Paid> {
    let place = usize::try_from(incident).unwrap_or(usize::MAX);
    let restored = |state: &State| -> BTreeMap<OwnerIx, u128> {
        let loss = state
            .incidents
            .cases
            .get(place)
            .and_then(|case| case.losses.get(&asset));
        loss.map_or_else(BTreeMap::new, |loss| {
            loss.parts
                .iter()
                .map(|part| (part.owner, part.restored))
                .collect()
        })
    };
    let mut state = State::default();
    let mut before = restored(&state);
    let mut paid = Vec::new();
    for (position, record) in records.iter().enumerate() {
        apply(&mut state, record);
        let after = restored(&state);
        for (owner, units) in &after {
            let more = units.saturating_sub(before.get(owner).copied().unwrap_or(0));
            if more > 0 {
                paid.push(Paid {
                    at: record.at,
                    owner: *owner,
                    amount: Amount::new(asset, more),
                    position,
                });
            }
        }
        before = after;
    }
    paid
}

/// The set of claims for lost balances in one asset of one case.
fn claims(state: &State, claim: &Claim, records: &[Record]) -> Result<Parts, String> {
    let due = still_due(state, claim);
    let paid = paid_out(state, claim, records);
    let row = |(owner, due): (&OwnerIx, &u128)| {
        let account = state.registry.owner_id(*owner);
        let payments = payments(&paid, *owner);
        let sum = payments
            .iter()
            .fold(0_u128, |sum, payment| sum.saturating_add(payment.amount));
        Row {
            account_id: account.to_owned(),
            contact: contact(account),
            paid: sum,
            due: *due,
            payments,
        }
    };
    let rows = AssetRows {
        ix: claim.asset.0,
        asset: state.registry.asset_id(claim.asset).to_owned(),
        decimals: decimals(state, claim.asset),
        taken_on_chain: 0,
        borne_by_house: 0,
        recovered: 0,
        rows: due.iter().map(row).collect(),
    };
    let lodged = records
        .iter()
        .position(|record| matches!(&record.event, Event::ClaimLodged(_)));
    let header = header(
        state,
        claim.incident,
        Kind::Claims,
        lodged.ok_or("the claim has no record")?,
    )?;
    Ok((header, rows, Vec::new()))
}

/// Whether a claim belongs into the set of `claim`: a lost balance of the same case and asset.
fn belongs(other: &Claim, claim: &Claim) -> bool {
    (other.incident, other.asset) == (claim.incident, claim.asset)
        && other.basis != ClaimBasis::Custody
}

/// What may be paid and is not, by owner; everybody who claims is there.
fn still_due(state: &State, claim: &Claim) -> BTreeMap<OwnerIx, u128> {
    let mut due: BTreeMap<OwnerIx, u128> = BTreeMap::new();
    for other in state
        .claims
        .list
        .iter()
        .filter(|other| belongs(other, claim))
    {
        let open = if matches!(other.standing, ClaimStanding::Paid(..)) {
            0
        } else {
            other.payable
        };
        let sum = due.entry(other.owner).or_default();
        *sum = sum.saturating_add(open);
    }
    due
}

/// What the journal shows as paid for claims of the set.
fn paid_out(state: &State, claim: &Claim, records: &[Record]) -> Vec<Paid> {
    let payment = |(position, record): (usize, &Record)| {
        let Event::ClaimPaid {
            claim: number,
            units,
            custody: false,
        } = &record.event
        else {
            return None;
        };
        let of = state
            .claims
            .list
            .get(usize::try_from(*number).ok()?)
            .filter(|of| belongs(of, claim))?;
        Some(Paid {
            at: record.at,
            owner: of.owner,
            amount: Amount::new(of.asset, *units),
            position,
        })
    };
    records.iter().enumerate().filter_map(payment).collect()
}

fn decimals(state: &State, asset: AssetIx) -> u8 {
    state
        .registry
        .assets
        .get(asset.place())
        .map_or(0, |asset| asset.decimals)
}

/// Records the set's entry in the journal and makes the customer's package under the checkpoint over it.
fn publish(
    service: &mut Service,
    state: &State,
    set: &RedressSet,
    claim: &Claim,
) -> Result<String, String> {
    let position = service.entries()?.len();
    let command = Command {
        id: None,
        actor: None,
        body: Body::PublishRedressSet {
            entry: set.entry_payload(),
        },
    };
    match service.send(&command, state.at) {
        Sent::Replied(reply) if reply.answer.reason().is_none() => {}
        Sent::Replied(reply) => {
            return Err(format!(
                "the set was not published: {}",
                reply.answer.word()
            ));
        }
        _ => {
            return Err("the service is down, so nothing can be published".to_owned());
        }
    }
    let log = MemoryLog::new(service.entries()?).map_err(|error| error.to_string())?;
    let (note, _) = service.checkpoint()?;
    let index = u64::try_from(position).map_err(|_| "the journal is too long")?;
    let (proof, entry) = tlog_proof(&log, index, &note).map_err(|error| error.to_string())?;
    let account = state.registry.owner_id(claim.owner);
    set.package(account, &entry, &proof)
        .map_err(|error| error.to_string())
}

/// Checks the package as the customer does: with nothing but the log's key from a second source.
fn check(service: &Service, package: &str, account: &str) -> Result<(), String> {
    let (_, key) = service.checkpoint()?;
    let trust = Trust::parse("trust", &format!("log {key}\nquorum none\n"))
        .map_err(|error| error.to_string())?;
    let answer = verify_package(package, &trust, None);
    match answer.verdict {
        Verdict::Counted(_) => Ok(()),
        Verdict::DoesNotMatch { .. } | Verdict::Unreadable(_) => {
            Err(format!("{account}: {}", answer.answer()))
        }
    }
}
