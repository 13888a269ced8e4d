//! What a signer may sign: a clearance serves one byte string, once.

use super::{Asked, Model, Ruling, Stands};
use keepwhole_core::answer::Answer;
use keepwhole_core::command::Operation;
use keepwhole_core::reason::Reason;

/// Deepest nesting of calls that is judged.
const DEPTH: usize = 8;

fn malformed() -> Reason {
    Reason::Malformed {
        what: String::new(),
    }
}

impl Model {
    /// A clearance serves one byte string, once.
    pub(super) fn redeem(&mut self, target: &str, operations: &[Operation]) -> Ruling {
        let mut flat = Vec::new();
        flatten(operations, 0, &mut flat)?;
        let found = self.request_of.get(target).copied();
        let asked = found.and_then(|number| Some(self.requests.get(number)?.asked.clone()));
        let (wallet, asset) = match &asked {
            Some(Asked::Withdrawal { wallet, asset, .. }) => (Some(wallet), asset.as_str()),
            Some(Asked::Transfer { from, asset, .. }) => (Some(from), asset.as_str()),
            _ => (None, ""),
        };
        if let Some(wallet) = wallet {
            self.open_way(wallet, asset)?;
        }
        if let Some(other) = flat
            .iter()
            .find(|op| !self.policy.ops_allowed.contains(&op.op))
        {
            return Err(Reason::OpNotAllowed {
                op: other.op.clone(),
            });
        }
        let missing = || Reason::ClearanceMissing {
            target: target.to_owned(),
        };
        let number = found.filter(|_| wallet.is_some()).ok_or_else(missing)?;
        let (to, asset, units) = self.terms(number);
        let moves = flat
            .iter()
            .filter(|op| op.op == "transfer" || op.op == "unstake");
        let wrong = moves.clone().find_map(|op| {
            if op.to != to {
                return Some("to");
            }
            (op.asset != asset).then_some("asset")
        });
        let sum: u128 = moves.map(|op| op.units).sum();
        if let Some(field) = wrong.or((sum != units).then_some("amount")) {
            let field = field.to_owned();
            return Err(Reason::PayloadMismatch { field });
        }
        self.use_clearance(number, operations, missing)
    }

    fn use_clearance(
        &mut self,
        number: usize,
        operations: &[Operation],
        missing: impl Fn() -> Reason,
    ) -> Ruling {
        let valid = self.valid_approvals(number, false);
        let ever = self.valid_approvals(number, true);
        let at = self.at;
        let request = self.requests.get_mut(number).ok_or_else(&missing)?;
        let needs = request.needs;
        let expired = Reason::ApprovalExpired { valid, needs };
        let lapsed = matches!(request.stands, Stands::Lapsed);
        let Some(clearance) = request.clearance.as_mut() else {
            let came = needs > 0 && ever >= needs && valid < needs;
            return Err(if came { expired } else { missing() });
        };
        match &clearance.redeemed {
            Some(bytes) if bytes == operations => return Ok(Answer::Cleared),
            Some(_) => return Err(Reason::ClearanceUsed),
            None => {}
        }
        if valid < needs {
            return Err(expired);
        }
        let ended = clearance.until.filter(|until| *until <= at);
        if ended.is_some() || lapsed {
            let ended = ended.unwrap_or(at);
            return Err(Reason::ClearanceExpired { ended });
        }
        clearance.redeemed = Some(operations.to_vec());
        Ok(Answer::Cleared)
    }
}

/// All that the operations do, what a `multicall` carries in its place.
fn flatten<'o>(
    operations: &'o [Operation],
    depth: usize,
    flat: &mut Vec<&'o Operation>,
) -> Result<(), Reason> {
    for op in operations {
        if op.op == "multicall" {
            if depth >= DEPTH {
                return Err(malformed());
            }
            flatten(&op.inner, depth + 1, flat)?;
        } else if op.inner.is_empty() {
            flat.push(op);
        } else {
            return Err(malformed());
        }
    }
    Ok(())
}
