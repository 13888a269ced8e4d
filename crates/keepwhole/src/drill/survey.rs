//! What a whole journal says, read once from its first entry on: the state, the answers, the sums.

use std::collections::{BTreeMap, BTreeSet};

use keepwhole_core::answer::{Answer, Reply};
use keepwhole_core::apply::apply;
use keepwhole_core::command::Command;
use keepwhole_core::event::{Event as Recorded, Record};
use keepwhole_core::registry::{AssetIx, OUTSIDE, OwnerIx};
use keepwhole_core::state::State;

/// A command whose reply left, as the journal must show it.
pub(super) struct Acknowledged {
    content: [u8; 32],
    answer: Answer,
    /// The id whose first answer was given again.
    repeated: Option<String>,
}

impl Acknowledged {
    pub(super) fn of(command: &Command, reply: &Reply) -> Self {
        Self {
            content: command.content(),
            answer: reply.answer.clone(),
            repeated: command.id.clone().filter(|_| reply.repeated),
        }
    }
}

/// Content and answer of a command.
type Answered = ([u8; 32], Vec<u8>);

/// The survey so far.
#[derive(Default)]
pub(super) struct Survey {
    /// What the records fold to.
    pub(super) state: State,
    /// All records but those of transfers, of which there may be millions.
    pub(super) kept: Vec<Record>,
    /// Transfers recorded.
    pub(super) transfers: u64,
    answered: BTreeMap<Answered, u64>,
    repeated: BTreeMap<String, u64>,
    /// How often each command id was decided.
    decided: BTreeMap<String, u64>,
    /// Given and taken, by owner and asset.
    sums: BTreeMap<(OwnerIx, AssetIx), (u128, u128)>,
}

impl Survey {
    /// Takes the next record.
    pub(super) fn take(&mut self, record: Record) {
        apply(&mut self.state, &record);
        let moved = match &record.event {
            Recorded::MovementRecorded(movement) => {
                let amount = movement.amount;
                Some((movement.from, movement.to, amount.asset(), amount.units()))
            }
            Recorded::TransferRecorded(row) => Some((row.from, row.to, row.asset, row.units)),
            Recorded::Answered {
                id,
                content,
                answer,
                ..
            } => {
                if let Some(id) = id {
                    count(&mut self.decided, id.clone());
                }
                let answer = borsh::to_vec(answer).unwrap_or_default();
                count(&mut self.answered, (*content, answer));
                None
            }
            Recorded::AnswerRepeated { id } => {
                count(&mut self.repeated, id.clone());
                None
            }
            _ => None,
        };
        if let Some((from, to, asset, units)) = moved {
            let taken = &mut self.sums.entry((from, asset)).or_default().1;
            *taken = taken.saturating_add(units);
            let given = &mut self.sums.entry((to, asset)).or_default().0;
            *given = given.saturating_add(units);
        }
        if matches!(record.event, Recorded::TransferRecorded(_)) {
            self.transfers = self.transfers.saturating_add(1);
        } else {
            self.kept.push(record);
        }
    }

    /// How many acknowledged answers the journal does not show.
    pub(super) fn lost(&self, acknowledged: &[Acknowledged]) -> u64 {
        let (mut answered, mut repeated) = (self.answered.clone(), self.repeated.clone());
        let absent = acknowledged.iter().filter(|seen| {
            let left = match &seen.repeated {
                // Some rules repeat an answer under a new id: then the answer itself is recorded again.
                Some(id) if repeated.contains_key(id) => repeated.get_mut(id),
                _ => {
                    let answer = borsh::to_vec(&seen.answer).unwrap_or_default();
                    answered.get_mut(&(seen.content, answer))
                }
            };
            left.is_none_or(|left| {
                let none = *left == 0;
                *left = left.saturating_sub(1);
                none
            })
        });
        u64::try_from(absent.count()).unwrap_or(u64::MAX)
    }

    /// Commands on disk whose reply never left.
    pub(super) fn unheard(
        &self,
        silent: &BTreeSet<[u8; 32]>,
        acknowledged: &[Acknowledged],
    ) -> u64 {
        let heard = |content: &[u8; 32]| {
            acknowledged
                .iter()
                .any(|seen| seen.content == *content && seen.repeated.is_none())
        };
        let unheard = self
            .answered
            .iter()
            .filter(|((content, _), _)| silent.contains(content) && !heard(content));
        unheard.map(|(_, times)| *times).sum()
    }

    /// How often a command id was decided that had been decided before.
    pub(super) fn decided_again(&self) -> u64 {
        let times = self.decided.values();
        times.map(|times| times.saturating_sub(1)).sum()
    }

    /// The book is the sum of the recorded movements, and nobody is below zero who may not be: what should be and what is.
    pub(super) fn sums(&self, observed: &BTreeSet<String>) -> Result<(), (String, String)> {
        let registry = &self.state.registry;
        let numbers = |rows: usize| (0..rows).filter_map(|row| u32::try_from(row).ok());
        for owner in numbers(registry.owners.len()).map(OwnerIx) {
            for asset in (0..registry.assets.len()).filter_map(AssetIx::next) {
                let totals = self.state.book.totals(owner, asset);
                let sums = self.sums.get(&(owner, asset));
                let (incoming, outgoing) = sums.copied().unwrap_or_default();
                let whose = registry.owner_id(owner);
                let name = format!("{} of {whose}", registry.asset_id(asset));
                if (totals.incoming, totals.outgoing) != (incoming, outgoing) {
                    return Err((
                        format!("{name} to be {incoming} in, {outgoing} out"),
                        format!("{} in, {} out", totals.incoming, totals.outgoing),
                    ));
                }
                let may_be_below = owner == OUTSIDE || observed.contains(whose);
                if totals.overdrawn() > 0 && !may_be_below {
                    let below = format!("-{}", totals.overdrawn());
                    return Err((format!("{name} not below zero"), below));
                }
            }
        }
        Ok(())
    }

    /// Deposits that were credited, whether or not a reorganisation took them back.
    pub(super) fn credited(&self) -> BTreeSet<String> {
        let mut deposits = Vec::new();
        let mut credited = BTreeSet::new();
        for record in &self.kept {
            let id = match &record.event {
                Recorded::DepositRecorded(deposit) => {
                    deposits.push(deposit.id.clone());
                    deposits
                        .last()
                        .filter(|_| deposit.standing == Answer::Cleared)
                }
                Recorded::DepositDecided {
                    deposit,
                    standing: Answer::Cleared,
                } => usize::try_from(*deposit)
                    .ok()
                    .and_then(|place| deposits.get(place)),
                _ => None,
            };
            credited.extend(id.cloned());
        }
        credited
    }
}

fn count<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K) {
    let times = counts.entry(key).or_default();
    *times = times.saturating_add(1);
}
