//! BitGo's policy webhook: what it asks, and how it is answered.
//!
//! The public pages "Create Webhook Policy Rules" and "Set Up Webhook Signing Keys" (read in November 2026) describe the
//! fields in words and name two of them, `evaluationId` and `statusCode`. The other names are settings, with the
//! likeliest as defaults; `docs/cosigners.md` says so. No vendor program was at hand.

pub mod answer;
pub mod jwks;
pub mod key_ids;
pub mod request;

/// How BitGo and this process trust each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Webhook signing keys: signed requests and answers.
    Signed,
    /// A status code says yes or no, and anybody can ask: here it never says yes.
    Plain,
}

/// Where the token stands in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// It is the body.
    Body,
    /// A header.
    Header(String),
    /// A text field of a JSON body. What stands beside it is not signed and not read.
    Field(String),
}

/// Names of the fields, as BitGo spells them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// Id of the evaluation.
    pub evaluation: String,
    /// Wallet id.
    pub wallet: String,
    /// The exchange's withdrawal id.
    pub withdrawal: String,
    /// Amount that leaves, in minor units.
    pub amount: String,
    /// List of outputs.
    pub outputs: String,
    /// Address of an output.
    pub address: String,
    /// Amount of an output, in minor units.
    pub value: String,
    /// The vendor's id of the asset.
    pub coin: String,
    /// The vendor's id of the transaction.
    pub transaction: String,
}

impl Default for Names {
    fn default() -> Self {
        let own = str::to_owned;
        Self {
            evaluation: own("evaluationId"),
            wallet: own("walletId"),
            withdrawal: own("sequenceId"),
            amount: own("spendAmount"),
            outputs: own("outputs"),
            address: own("address"),
            value: own("value"),
            coin: own("coin"),
            transaction: own("txRequestId"),
        }
    }
}
