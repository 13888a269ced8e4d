//! What may leave or be credited: requests, approvals, clearances.

use super::{Account, Asked, Clearance, Model, OUTSIDE, Outflow, Request, Ruling, Stands};
use keepwhole_core::answer::Answer;
use keepwhole_core::command::{Binds, NewCreditLine};
use keepwhole_core::policy::ActionClass;
use keepwhole_core::reason::{Effect, Reason};
use std::collections::BTreeMap;

fn malformed() -> Reason {
    Reason::Malformed {
        what: String::new(),
    }
}

impl Model {
    pub(super) fn withdrawal(
        &mut self,
        id: Option<&str>,
        by: Option<&str>,
        (customer, wallet, asset): (&str, &str, &str),
        units: u128,
        to: &str,
    ) -> Ruling {
        let id = id.filter(|_| !to.is_empty()).ok_or_else(malformed)?;
        if units == 0 {
            return Err(Reason::InvalidAmount { asked: units });
        }
        self.needs_asset(asset)?;
        self.needs_customer(customer)?;
        self.needs_wallet(wallet)?;
        let needs = self.approvals_for(asset, units);
        let asked = Asked::Withdrawal {
            customer: customer.to_owned(),
            wallet: wallet.to_owned(),
            asset: asset.to_owned(),
            units,
            to: to.to_owned(),
        };
        self.ask(id, by, asked, needs)
    }

    pub(super) fn own_transfer(
        &mut self,
        id: Option<&str>,
        by: Option<&str>,
        (from, to): (&str, &str),
        asset: &str,
        units: u128,
    ) -> Ruling {
        let id = id.ok_or_else(malformed)?;
        if units == 0 || from == to {
            return Err(Reason::InvalidAmount { asked: units });
        }
        self.needs_asset(asset)?;
        self.needs_wallet(from)?;
        self.needs_wallet(to)?;
        let needs = self.approvals_for(asset, units);
        let asked = Asked::Transfer {
            from: from.to_owned(),
            to: to.to_owned(),
            asset: asset.to_owned(),
            units,
        };
        self.ask(id, by, asked, needs)
    }

    pub(super) fn credit(
        &mut self,
        id: Option<&str>,
        by: Option<&str>,
        budget: &str,
        lines: &[NewCreditLine],
    ) -> Ruling {
        let id = id.filter(|_| !lines.is_empty()).ok_or_else(malformed)?;
        for line in lines {
            if line.units == 0 {
                return Err(Reason::InvalidAmount { asked: line.units });
            }
            self.needs_asset(&line.asset)?;
            self.needs_customer(&line.customer)?;
        }
        let rule = self.policy.budgets.iter().find(|b| b.id == budget);
        let needs = rule.map_or(0, |rule| rule.approvals);
        let asked = Asked::Credit {
            budget: budget.to_owned(),
            lines: lines
                .iter()
                .map(|line| (line.customer.clone(), line.asset.clone(), line.units))
                .collect(),
        };
        self.ask(id, by, asked, needs)
    }

    /// Approvals of the highest tier that the amount reaches.
    fn approvals_for(&self, asset: &str, units: u128) -> u32 {
        let tiers = self.policy.tiers.iter();
        let reached = tiers.filter(|t| self.asset_name(t.asset) == asset && t.from <= units);
        reached.max_by_key(|t| t.from).map_or(0, |t| t.approvals)
    }

    fn ask(&mut self, id: &str, by: Option<&str>, asked: Asked, needs: u32) -> Ruling {
        let mut verdict = self.judge(&asked);
        if verdict.is_ok() && needs > 0 {
            verdict = Err(Reason::ApprovalsShort { valid: 0, needs });
        }
        let number = self.requests.len();
        let stands = match &verdict {
            Ok(()) => Stands::Cleared,
            Err(reason) if reason.effect() == Effect::Hold => Stands::Held(reason.clone()),
            Err(_) => Stands::Denied,
        };
        self.requests.push(Request {
            asked,
            by: by.map(str::to_owned),
            needs,
            approvals: Vec::new(),
            stands,
            clearance: None,
        });
        self.request_of.insert(id.to_owned(), number);
        Ok(match verdict {
            Ok(()) => {
                self.clear(number);
                Answer::Cleared
            }
            Err(reason) => Answer::because(reason),
        })
    }

    /// Every rule but approvals.
    fn judge(&self, asked: &Asked) -> Result<(), Reason> {
        match asked {
            Asked::Withdrawal {
                customer,
                wallet,
                asset,
                units,
                to,
            } => {
                self.open_way(wallet, asset)?;
                let (has, asked) = (self.balance(customer, asset), *units);
                if has < asked {
                    return Err(Reason::InsufficientBalance { has, asked });
                }
                self.destination(to)?;
                self.limits(wallet, asset, *units)
            }
            Asked::Transfer {
                from, asset, units, ..
            } => {
                self.open_way(from, asset)?;
                self.limits(from, asset, *units)
            }
            Asked::Credit { budget, lines } => self.may_credit(budget, lines),
        }
    }

    /// The first of these scopes that is halted.
    fn halted(&self, scopes: &[String]) -> Result<(), Reason> {
        let halted = scopes.iter().find(|scope| self.halts.contains(*scope));
        halted.map_or(Ok(()), |scope| {
            Err(Reason::Halted {
                scope: scope.clone(),
            })
        })
    }

    pub(super) fn open_way(&self, wallet: &str, asset: &str) -> Result<(), Reason> {
        self.halted(&[
            "all".to_owned(),
            format!("asset:{asset}"),
            wallet.to_owned(),
        ])?;
        if self.retired.contains(wallet) {
            let wallet = wallet.to_owned();
            return Err(Reason::KeyRevoked { wallet });
        }
        Ok(())
    }

    fn destination(&self, to: &str) -> Result<(), Reason> {
        if !self.policy.allowlist || self.wallet_at(to).is_some() {
            return Ok(());
        }
        let wait = self.policy.destination_cool_off_ms.unwrap_or(0);
        match self.listed.get(to).map(|since| since + wait) {
            Some(until) if until <= self.at => Ok(()),
            Some(until) => Err(Reason::DestinationCooling { until }),
            None => Err(Reason::NotAllowlisted { to: to.to_owned() }),
        }
    }

    fn limits(&self, wallet: &str, asset: &str, asked: u128) -> Result<(), Reason> {
        let waiting = self.unseen(wallet, asset, false);
        let free = self.holding(wallet, asset).saturating_sub(waiting);
        if free < asked {
            return Err(Reason::WalletShort { free, asked });
        }
        let mut caps = self.policy.caps.clone();
        caps.sort_by_key(|cap| cap.window_ms);
        for cap in caps {
            let inside: Vec<&Outflow> = self
                .outflows
                .iter()
                .filter(|o| o.wallet == wallet && o.asset == asset)
                .filter(|o| o.at + cap.window_ms > self.at)
                .collect();
            let used: u128 = inside.iter().map(|o| o.units).sum();
            let base = inside
                .first()
                .map_or_else(|| self.cap_base(wallet, asset), |first| first.before);
            let limit = base * u128::from(cap.bps) / 10_000;
            if used + asked > limit {
                return Err(Reason::CapReached {
                    window_ms: cap.window_ms,
                    used,
                    asked,
                    cap: limit,
                });
            }
        }
        let rules = self.policy.clears.iter();
        let rules = rules.filter(|rule| self.asset_name(rule.asset) == asset);
        match rules.map(|rule| rule.up_to).max() {
            Some(up_to) if asked <= up_to => Ok(()),
            up_to => Err(Reason::NoRuleClears {
                up_to: up_to.unwrap_or(0),
            }),
        }
    }

    fn may_credit(&self, budget: &str, lines: &[(String, String, u128)]) -> Result<(), Reason> {
        for (_, asset, _) in lines {
            let asset = format!("asset:{asset}");
            self.halted(&["all".to_owned(), "trading".to_owned(), asset])?;
        }
        let rule = self.policy.budgets.iter().find(|rule| rule.id == budget);
        let rule = rule.ok_or_else(|| Reason::UnknownBudget {
            budget: budget.to_owned(),
        })?;
        let of = self.asset_name(rule.asset);
        if let Some((_, line, _)) = lines.iter().find(|(_, asset, _)| asset != of) {
            return Err(Reason::BudgetUnit {
                budget: of.to_owned(),
                line: line.clone(),
            });
        }
        let mut each: BTreeMap<&str, u128> = BTreeMap::new();
        for ((name, customer), units) in &self.budgets {
            if name == budget {
                each.insert(customer, *units);
            }
        }
        let used: u128 = each.values().sum();
        for (customer, _, units) in lines {
            *each.entry(customer).or_insert(0) += units;
        }
        let ordered = self.owners.iter().filter_map(|owner| {
            let asked = lines.iter().any(|(customer, _, _)| customer == owner);
            Some((owner, *each.get(owner.as_str())?)).filter(|_| asked)
        });
        for (customer, total) in ordered {
            if total > rule.per_customer {
                return Err(Reason::PerCustomerExceeded {
                    customer: customer.clone(),
                    total,
                    limit: rule.per_customer,
                });
            }
        }
        let total: u128 = each.values().sum();
        if total > rule.total {
            let limit = rule.total;
            return Err(Reason::BudgetExceeded { total, limit });
        }
        self.covered(of, total - used)
    }

    /// We may not owe more than we hold, less what is cleared to leave.
    fn covered(&self, asset: &str, units: u128) -> Result<(), Reason> {
        let on_chain = self
            .assets
            .iter()
            .any(|(name, _, chain)| name == asset && *chain);
        if !self.policy.holdings_guard || !on_chain {
            return Ok(());
        }
        let wallets = self.wallets.iter();
        let all: u128 = wallets.clone().map(|(w, _)| self.holding(w, asset)).sum();
        let leaving: u128 = wallets.map(|(w, _)| self.unseen(w, asset, false)).sum();
        let held = all.saturating_sub(leaving);
        let owed = self.owed(asset) + units;
        if owed > held {
            return Err(Reason::HoldingsExceeded { owed, held });
        }
        Ok(())
    }

    /// The request is cleared: its clearance, and what moves with it.
    fn clear(&mut self, number: usize) {
        let until = self.policy.clearance_ttl_ms.map(|ttl| self.at + ttl);
        let Some(request) = self.requests.get_mut(number) else {
            return;
        };
        request.stands = Stands::Cleared;
        let asked = request.asked.clone();
        let until = until.filter(|_| !matches!(asked, Asked::Credit { .. }));
        request.clearance = Some(Clearance {
            until,
            redeemed: None,
            seen: false,
        });
        let (wallet, asset, units) = match asked {
            Asked::Withdrawal {
                customer,
                wallet,
                asset,
                units,
                ..
            } => {
                self.book(&customer, OUTSIDE, &asset, units);
                (wallet, asset, units)
            }
            Asked::Transfer {
                from, asset, units, ..
            } => (from, asset, units),
            Asked::Credit { budget, lines } => {
                for (customer, asset, units) in lines {
                    self.book(OUTSIDE, &customer, &asset, units);
                    *self.budgets.entry((budget.clone(), customer)).or_insert(0) += units;
                }
                return;
            }
        };
        let before = self.cap_base(&wallet, &asset);
        self.leaves(Outflow {
            wallet,
            asset,
            at: self.at,
            units,
            before,
            request: Some(number),
            seen: false,
            lapsed: false,
        });
    }

    /// The next clearance that lapses: it is neither redeemed nor seen.
    pub(super) fn next_lapse(&self) -> Option<(u64, usize)> {
        let waiting = self.requests.iter().enumerate().filter_map(|(n, request)| {
            let clearance = request.clearance.as_ref()?;
            let open = matches!(request.stands, Stands::Cleared)
                && clearance.redeemed.is_none()
                && !clearance.seen;
            Some((clearance.until.filter(|_| open)?, n))
        });
        waiting.min()
    }

    pub(super) fn lapse(&mut self, number: usize) {
        let Some(request) = self.requests.get_mut(number) else {
            return;
        };
        request.stands = Stands::Lapsed;
        for outflow in &mut self.outflows {
            if outflow.request == Some(number) {
                outflow.lapsed = true;
            }
        }
        if let Asked::Withdrawal {
            customer,
            asset,
            units,
            ..
        } = request.asked.clone()
        {
            self.book(OUTSIDE, &customer, &asset, units);
        }
    }

    /// The person behind the account that acts.
    pub(super) fn person_of(&self, by: Option<&str>) -> Result<String, Reason> {
        let account = by.and_then(|name| self.accounts.get(name));
        account.map(|a| a.person.clone()).ok_or_else(|| match by {
            Some(actor) => Reason::UnknownActor {
                actor: actor.to_owned(),
            },
            None => malformed(),
        })
    }

    /// The account has, now, one of the roles of the class.
    pub(super) fn may(&self, account: &Account, class: ActionClass) -> Result<(), Reason> {
        if let Some(ended) = account.ends.filter(|ended| *ended <= self.at) {
            return Err(Reason::RoleExpired { ended });
        }
        let rule = self.policy.authority.iter().find(|(c, _)| *c == class);
        let roles: &[String] = rule.map_or(&[], |(_, roles)| roles);
        if account.roles.iter().any(|role| roles.contains(role)) {
            return Ok(());
        }
        Err(Reason::RoleMissing {
            needs: roles.join("|"),
        })
    }

    /// The request, and the person who stands for or against it: with a nonce, not the requester's, with the role.
    fn approver(
        &self,
        by: Option<&str>,
        target: &str,
        nonce: &str,
    ) -> Result<(usize, String), Reason> {
        if nonce.is_empty() {
            return Err(malformed());
        }
        let person = self.person_of(by)?;
        let number = self.request_of.get(target).copied();
        let number = number.ok_or_else(|| Reason::UnknownTarget {
            target: target.to_owned(),
        })?;
        let asker = self.requests.get(number).and_then(|r| r.by.as_deref());
        if asker.is_some() && asker == by {
            return Err(Reason::SelfApproval { person });
        }
        let asker = asker.and_then(|name| self.accounts.get(name));
        if asker.is_some_and(|account| account.person == person) {
            return Err(Reason::SamePerson { person });
        }
        if let Some(account) = by.and_then(|name| self.accounts.get(name)) {
            self.may(account, ActionClass::Approve)?;
        }
        Ok((number, person))
    }

    pub(super) fn approve(
        &mut self,
        by: Option<&str>,
        target: &str,
        nonce: &str,
        binds: Option<&Binds>,
    ) -> Ruling {
        let (number, person) = self.approver(by, target, nonce)?;
        if let Some(field) = binds.and_then(|binds| self.other_than(number, binds)) {
            let field = field.to_owned();
            return Err(Reason::ApprovalMismatch { field });
        }
        let key = (person.clone(), nonce.to_owned());
        match self.nonces.get(&key) {
            Some(used) if *used == number => return Ok(Answer::Recorded),
            Some(_) => {
                let nonce = nonce.to_owned();
                return Err(Reason::ApprovalReplayed { nonce });
            }
            None => {}
        }
        let at = self.at;
        let Some(request) = self.requests.get_mut(number) else {
            return Ok(Answer::Recorded);
        };
        let Stands::Held(before) = request.stands.clone() else {
            return Ok(Answer::Recorded);
        };
        request.approvals.push((person, at));
        let needs = request.needs;
        let asked = request.asked.clone();
        self.nonces.insert(key, number);
        let valid = self.valid_approvals(number, false);
        if valid >= needs {
            match self.judge(&asked) {
                Ok(()) => self.clear(number),
                Err(reason) => self.stand(number, Stands::Held(reason)),
            }
        } else if matches!(before, Reason::ApprovalsShort { .. }) {
            let reason = Reason::ApprovalsShort { valid, needs };
            self.stand(number, Stands::Held(reason));
        }
        Ok(Answer::Recorded)
    }

    fn stand(&mut self, number: usize, stands: Stands) {
        if let Some(request) = self.requests.get_mut(number) {
            request.stands = stands;
        }
    }

    /// Distinct persons whose approval holds now, or ever held.
    pub(super) fn valid_approvals(&self, number: usize, ever: bool) -> u32 {
        let Some(request) = self.requests.get(number) else {
            return 0;
        };
        let ttl = self.policy.approval_ttl_ms.filter(|_| !ever);
        let holds = |at: u64| ttl.is_none_or(|ttl| self.at < at + ttl);
        let valid = request.approvals.iter().filter(|(_, at)| holds(*at));
        let mut persons: Vec<&String> = valid.map(|(person, _)| person).collect();
        persons.sort();
        persons.dedup();
        u32::try_from(persons.len()).unwrap_or(u32::MAX)
    }

    /// Where it goes, of what, how much.
    pub(super) fn terms(&self, number: usize) -> (String, String, u128) {
        match self.requests.get(number).map(|request| &request.asked) {
            Some(Asked::Withdrawal {
                asset, units, to, ..
            }) => (to.clone(), asset.clone(), *units),
            Some(Asked::Transfer {
                to, asset, units, ..
            }) => (self.address_of(to).to_owned(), asset.clone(), *units),
            Some(Asked::Credit { lines, .. }) => lines.first().cloned().unwrap_or_default(),
            None => Default::default(),
        }
    }

    fn other_than(&self, number: usize, binds: &Binds) -> Option<&'static str> {
        let (to, asset, units) = self.terms(number);
        if binds.to != to {
            Some("to")
        } else if binds.asset != asset {
            Some("asset")
        } else {
            (binds.units != units).then_some("amount")
        }
    }

    pub(super) fn reject(&mut self, by: Option<&str>, target: &str, nonce: &str) -> Ruling {
        let (number, person) = self.approver(by, target, nonce)?;
        let used = self.nonces.get(&(person, nonce.to_owned()));
        if used.is_some_and(|used| *used != number) {
            let nonce = nonce.to_owned();
            return Err(Reason::ApprovalReplayed { nonce });
        }
        let request = self.requests.get(number);
        if request.is_some_and(|request| matches!(request.stands, Stands::Held(_))) {
            self.stand(number, Stands::Denied);
        }
        Ok(Answer::Recorded)
    }
}
