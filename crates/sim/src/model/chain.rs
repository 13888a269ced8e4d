//! What a node of a chain shows of our wallets: holdings, what explains an outflow, the halt when nothing does.

use super::{Asked, Model, Outflow, Ruling};
use keepwhole_core::answer::Answer;
use keepwhole_core::command::Observation;
use keepwhole_core::custody::Direction;

/// Outflows are remembered this long at least, ms.
const REMEMBERED_MS: u64 = 86_400_000;

impl Model {
    pub(super) fn holding(&self, wallet: &str, asset: &str) -> u128 {
        let of_wallet = self.held.get(wallet);
        let held = of_wallet.and_then(|of_wallet| of_wallet.get(asset));
        held.copied().unwrap_or(0)
    }

    pub(super) fn hold(&mut self, wallet: &str, asset: &str, units: u128) {
        let of_wallet = self.held.entry(wallet.to_owned()).or_default();
        of_wallet.insert(asset.to_owned(), units);
    }

    /// Cleared to leave the wallet and not seen leaving; with `lapsed`, also what lapsed unused.
    pub(super) fn unseen(&self, wallet: &str, asset: &str, lapsed: bool) -> u128 {
        self.outflows
            .iter()
            .filter(|o| o.wallet == wallet && o.asset == asset && !o.seen && (lapsed || !o.lapsed))
            .map(|o| o.units)
            .sum()
    }

    /// The base of the caps: whatever was cleared counts as gone, used or not.
    pub(super) fn cap_base(&self, wallet: &str, asset: &str) -> u128 {
        self.holding(wallet, asset)
            .saturating_sub(self.unseen(wallet, asset, true))
    }

    /// Adds an outflow and forgets what no cap and no open clearance needs.
    pub(super) fn leaves(&mut self, outflow: Outflow) {
        let windows = self.policy.caps.iter().map(|cap| cap.window_ms);
        let kept = windows.max().unwrap_or(0).max(REMEMBERED_MS);
        let now = self.at;
        let (wallet, asset) = (outflow.wallet.clone(), outflow.asset.clone());
        self.outflows.retain(|o| {
            o.wallet != wallet
                || o.asset != asset
                || o.at + kept > now
                || (!o.seen && !o.lapsed && o.request.is_some())
        });
        self.outflows.push(outflow);
    }

    pub(super) fn observation(&mut self, seen: &Observation) -> Ruling {
        self.needs_asset(&seen.asset)?;
        self.needs_wallet(&seen.wallet)?;
        let out = seen.direction == Direction::Out;
        self.wants_facts |= self.deposits;
        let key = (
            seen.wallet.clone(),
            seen.asset.clone(),
            out,
            seen.txid.clone(),
        );
        if seen.units == 0 || !self.flows.insert(key) {
            return Ok(Answer::Recorded);
        }
        let held = self.holding(&seen.wallet, &seen.asset);
        if !out {
            self.hold(&seen.wallet, &seen.asset, held + seen.units);
            return Ok(Answer::Recorded);
        }
        let left = held.saturating_sub(seen.units);
        self.hold(&seen.wallet, &seen.asset, left);
        match self.explained_by(seen) {
            Some(number) => self.explained(number),
            None => self.unexplained(seen),
        }
        Ok(Answer::Recorded)
    }

    /// The open clearance for exactly this, a redeemed one first, then the oldest.
    fn explained_by(&self, seen: &Observation) -> Option<usize> {
        let open = self.requests.iter().enumerate().filter(|(_, request)| {
            let clearance = request.clearance.as_ref();
            matches!(request.stands, super::Stands::Cleared) && clearance.is_some_and(|c| !c.seen)
        });
        let fits = open.filter(|(_, request)| match &request.asked {
            Asked::Withdrawal {
                wallet,
                asset,
                units,
                to,
                ..
            } => (wallet, asset, *units, to) == (&seen.wallet, &seen.asset, seen.units, &seen.peer),
            Asked::Transfer {
                from,
                to,
                asset,
                units,
            } => {
                (from, asset, *units) == (&seen.wallet, &seen.asset, seen.units)
                    && self.address_of(to) == seen.peer
            }
            Asked::Credit { .. } => false,
        });
        fits.min_by_key(|(number, request)| {
            let redeemed = request
                .clearance
                .as_ref()
                .is_some_and(|c| c.redeemed.is_some());
            (!redeemed, *number)
        })
        .map(|(number, _)| number)
    }

    fn explained(&mut self, number: usize) {
        let request = self.requests.get_mut(number);
        if let Some(clearance) = request.and_then(|request| request.clearance.as_mut()) {
            clearance.seen = true;
        }
        for outflow in &mut self.outflows {
            if outflow.request == Some(number) {
                outflow.seen = true;
            }
        }
    }

    /// A sweep that was ordered counts for the caps; anything else halts the wallet. What it takes from whom is taken
    /// as a fact.
    fn unexplained(&mut self, seen: &Observation) {
        let before = self.cap_base(&seen.wallet, &seen.asset) + seen.units;
        let to = self.wallet_at(&seen.peer).map(str::to_owned);
        let swept = to.is_some_and(|to| self.sweeps.contains(&(seen.wallet.clone(), to)));
        self.leaves(Outflow {
            wallet: seen.wallet.clone(),
            asset: seen.asset.clone(),
            at: self.at,
            units: seen.units,
            before,
            request: None,
            seen: true,
            lapsed: false,
        });
        if swept {
            return;
        }
        self.wants_facts = true;
        if !self.policy.breaker_armed || !self.halts.insert(seen.wallet.clone()) {
            return;
        }
        let sweep = self.policy.sweep_to;
        let sweep = sweep.and_then(|to| self.wallets.get(usize::try_from(to.0).ok()?));
        if let Some((to, _)) = sweep.filter(|(to, _)| *to != seen.wallet) {
            self.sweeps.insert((seen.wallet.clone(), to.clone()));
        }
    }
}
