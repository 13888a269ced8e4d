//! Holds what a payload would do against what was decided: the same, or a named difference with both values.

use crate::{Effect, Outcome, solana};
use core::fmt;

/// A withdrawal as it was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// CAIP-2.
    pub network: String,
    /// CAIP-19.
    pub asset: String,
    /// Whose value moves; `None` where a wallet is many addresses and was checked while decoding (Bitcoin).
    pub from: Option<String>,
    /// Who gets it, in the network's own form; EVM addresses in any case of letters. Solana tokens: the token account, or
    /// the owner of the associated one.
    pub to: String,
    /// Whether opening the recipient's token account, at the sender's cost, is part of it (Solana).
    pub opens_account: bool,
    /// What arrives, minor units: the gross debit less a fee that the customer bears.
    pub amount: u128,
    /// Empty if none.
    pub memo: String,
    /// Greatest total fee, minor units of the network's own coin.
    pub max_fee: u128,
}

/// The first difference, in the order network, effects, asset, from, to, amount, memo, fee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// What differs.
    pub field: &'static str,
    /// As decided.
    pub expected: String,
    /// In the bytes.
    pub found: String,
}

impl Mismatch {
    /// The stable name of the reason.
    pub const NAME: &'static str = "payload_mismatch";
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            field,
            expected,
            found,
        } = self;
        write!(
            f,
            "`{field}` was decided as `{expected}`, the bytes say `{found}`"
        )
    }
}

impl core::error::Error for Mismatch {}

fn same(field: &'static str, expected: &str, found: &str) -> Result<(), Mismatch> {
    if expected == found {
        return Ok(());
    }
    Err(Mismatch {
        field,
        expected: expected.to_owned(),
        found: found.to_owned(),
    })
}

/// Text of an address or asset so that two forms of one compare equal: EVM hex is compared in lower case.
fn form(network: &str, text: &str) -> String {
    if network.starts_with("eip155:") {
        text.to_ascii_lowercase()
    } else {
        text.to_owned()
    }
}

impl Expected {
    /// Whether the outcome is this withdrawal, the whole of it and nothing else.
    ///
    /// # Errors
    /// The first difference. An effect beyond the one transfer is a difference, whatever it is.
    pub fn matches(&self, outcome: &Outcome) -> Result<(), Mismatch> {
        same("network", &self.network, &outcome.network)?;
        let Some((asset, from, to, amount, memo)) = self.only_transfer(outcome) else {
            return Err(self.other_effects(outcome));
        };
        let form = |text: &str| form(&self.network, text);
        same("asset", &form(&self.asset), &form(asset))?;
        if let Some(expected) = &self.from {
            same("from", &form(expected), &form(from))?;
        }
        if !self.is_recipient(to) {
            same("to", &form(&self.to), &form(to))?;
        }
        same("amount", &self.amount.to_string(), &amount.to_string())?;
        same("memo", &self.memo, memo)?;
        if outcome.fee > self.max_fee {
            return Err(Mismatch {
                field: "fee",
                expected: format!("at most {}", self.max_fee),
                found: outcome.fee.to_string(),
            });
        }
        Ok(())
    }

    /// Asset, from, to, amount and memo of the transfer, where nothing else happens but the opening of its account.
    fn only_transfer<'o>(
        &self,
        outcome: &'o Outcome,
    ) -> Option<(&'o str, &'o str, &'o str, u128, &'o str)> {
        let is_change = |effect: &&Effect| matches!(effect, Effect::Change { .. });
        let mut others = outcome.effects.iter().filter(|effect| !is_change(effect));
        let (first, second) = (others.next()?, others.next());
        if others.next().is_some() {
            return None;
        }
        let (before, last) = second.map_or((None, first), |second| (Some(first), second));
        let Effect::Transfer {
            asset,
            from,
            to,
            amount,
            memo,
        } = last
        else {
            return None;
        };
        let opened = match before {
            None => true,
            Some(Effect::OpenTokenAccount {
                asset: opened,
                account,
                ..
            }) => self.opens_account && opened == asset && account == to,
            Some(_) => false,
        };
        opened.then_some((asset, from, to, *amount, memo))
    }

    /// Whether tokens go to the account that everybody derives for the recipient.
    fn is_recipient(&self, account: &str) -> bool {
        self.network.starts_with("solana:")
            && solana::is_token_account_of(account, &self.to, &self.asset)
    }

    fn other_effects(&self, outcome: &Outcome) -> Mismatch {
        let found: Vec<String> = outcome.effects.iter().map(Effect::to_string).collect();
        Mismatch {
            field: "effects",
            expected: format!(
                "transfer of {} minor units of {} to {}",
                self.amount, self.asset, self.to
            ),
            found: if found.is_empty() {
                "no effect".to_owned()
            } else {
                found.join("; ")
            },
        }
    }
}
