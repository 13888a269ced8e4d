//! The proposal that what was redeemed of a withdrawal can't land any more.

use super::super::exit::{Exit, Failure};
use super::{By, propose};
use clap::Args;
use keepwhole_core::guard::Change;
use keepwhole_core::guard::custody_change::Body;
use keepwhole_core::guard::dead::{Declared, Evidence};

#[derive(Debug, Args)]
pub(super) struct DeadArgs {
    #[command(flatten)]
    pub(super) by: By,
    /// Id of the proposal; approvals name it.
    #[arg(long, value_name = "ID")]
    id: String,
    /// What its attempts spend, as `keepwhole guard list --state signed` shows it.
    #[arg(long, value_name = "KEY")]
    conflict_key: String,
    /// Id of the other transaction that finally spent it.
    #[arg(long, value_name = "TXID", conflicts_with_all = ["nonce_moved", "last_valid"])]
    spent_by: Option<String>,
    /// Solana: the value that the nonce account finally holds now.
    #[arg(long, value_name = "VALUE", conflicts_with = "last_valid")]
    nonce_moved: Option<String>,
    /// Solana: last block height at which the blockhash was valid.
    #[arg(long, value_name = "HEIGHT", requires = "final_height")]
    last_valid: Option<u64>,
    /// Solana: height of the newest final block.
    #[arg(long, value_name = "HEIGHT", requires = "last_valid")]
    final_height: Option<u64>,
    /// The withdrawal.
    #[arg(value_name = "REQUEST")]
    request: String,
}

impl DeadArgs {
    fn evidence(&self) -> Result<Evidence, Failure> {
        match (&self.spent_by, &self.nonce_moved) {
            (Some(txid), _) => Ok(Evidence::Spent { txid: txid.clone() }),
            (None, Some(value)) => Ok(Evidence::NonceMoved {
                value: value.clone(),
            }),
            (None, None) => match (self.last_valid, self.final_height) {
                (Some(last_valid), Some(height)) => Ok(Evidence::Lapsed { last_valid, height }),
                _ => Err(Failure::usage(
                    "evidence",
                    "name the evidence: `--spent-by TXID`, or on Solana `--nonce-moved VALUE` or `--last-valid HEIGHT --final-height HEIGHT`",
                )),
            },
        }
    }

    /// Proposes it on the network that the conflict key begins with.
    ///
    /// # Errors
    /// [`Failure`] with exit 1 for what the rules refuse, 2 where no evidence is named or the key names no network.
    pub(super) fn propose(&self) -> Result<Exit, Failure> {
        let Some((network, _)) = self.conflict_key.split_once('/') else {
            let key = self.conflict_key.escape_debug();
            let message = format!(
                "`{key}` is no conflict key, such as `eip155:1/ADDRESS/NONCE`; `keepwhole guard list --state signed` shows it"
            );
            return Err(Failure::usage("conflict-key", message));
        };
        let declared = Declared {
            request: self.request.clone(),
            conflict_key: self.conflict_key.clone(),
            network: network.to_owned(),
            evidence: self.evidence()?,
        };
        let change = Change::OfCustody(Box::new(Body::Dead(declared)));
        propose(&self.by, &self.id, change)
    }
}
