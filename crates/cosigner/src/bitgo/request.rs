//! What BitGo's policy engine asks: read strictly where it matters, unknown fields kept and never required.

use super::Names;
use crate::claims::{Claims, FormError, Unknown, Vendor};
use crate::fireblocks::request::is_withdrawal_id;
use crate::json::Json;
use crate::mapping::{Mapping, amount};

/// Longest id, bytes.
const ID_MAX: usize = 128;
/// Most outputs that are read.
const OUTPUTS_MAX: usize = 1_024;

/// A request, in the vendor's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Id of the evaluation: the dedup key, echoed in the answer.
    pub evaluation_id: String,
    /// Everything that was said, unknown fields included.
    pub all: Json,
    wallet: String,
    withdrawal: Option<String>,
    amount: Option<String>,
    coin: Option<String>,
    transaction: Option<String>,
    outputs: Vec<(Option<String>, Option<String>)>,
}

/// Whether whole JSON numbers are taken as amounts. A setting: the public pages show no example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amounts {
    /// Texts only.
    Texts,
    /// Texts, and whole numbers below 2^53, which every reader keeps exactly.
    WholeNumbers,
}

/// Reads the claims of a request.
///
/// # Errors
/// [`FormError`]: the request is refused with 400 and nobody is asked.
pub fn read(claims: Json, names: &Names, amounts: Amounts) -> Result<Request, FormError> {
    let evaluation_id = text(&claims, &names.evaluation)?;
    let evaluation_id = evaluation_id.ok_or(FormError::Missing("evaluationId"))?;
    if evaluation_id.len() > ID_MAX || !evaluation_id.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(FormError::Id("evaluationId"));
    }
    let wallet = text(&claims, &names.wallet)?.ok_or(FormError::Missing("walletId"))?;
    let list = match claims.member(&names.outputs) {
        None => &[][..],
        Some(Json::List(items)) if items.len() > OUTPUTS_MAX => {
            return Err(FormError::TooMany("outputs"));
        }
        Some(Json::List(items)) => items,
        Some(_) => {
            return Err(FormError::Type {
                field: names.outputs.clone(),
                needs: "a list",
            });
        }
    };
    let mut outputs = Vec::new();
    for item in list {
        let address = text(item, &names.address)?;
        outputs.push((address, units(item, &names.value, amounts)?));
    }
    Ok(Request {
        evaluation_id,
        wallet,
        withdrawal: text(&claims, &names.withdrawal)?,
        amount: units(&claims, &names.amount, amounts)?,
        coin: text(&claims, &names.coin)?,
        transaction: text(&claims, &names.transaction)?,
        outputs,
        all: claims,
    })
}

fn text(claims: &Json, field: &str) -> Result<Option<String>, FormError> {
    match claims.member(field) {
        None => Ok(None),
        Some(Json::Text(text)) if text.is_empty() => Ok(None),
        Some(Json::Text(text)) => Ok(Some(text.clone())),
        Some(_) => Err(FormError::Type {
            field: field.to_owned(),
            needs: "a text",
        }),
    }
}

fn units(claims: &Json, field: &str, amounts: Amounts) -> Result<Option<String>, FormError> {
    let Some(Json::Number(number)) = claims.member(field) else {
        return text(claims, field);
    };
    let whole = number.parse::<u64>().is_ok_and(|whole| whole < 1 << 53);
    if amounts == Amounts::WholeNumbers && whole {
        return Ok(Some(number.clone()));
    }
    Err(FormError::NumberAmount(field.to_owned()))
}

impl Request {
    /// The transfer in our own terms.
    ///
    /// # Errors
    /// [`Unknown`]: held, never denied.
    pub fn claims(&self, mapping: &Mapping) -> Result<Claims, Unknown> {
        let vendor = Vendor::BitGo;
        let wallet = mapping.wallet(vendor, &self.wallet)?;
        let code = wallet.asset.as_deref().unwrap_or("");
        if let Some(coin) = &self.coin
            && coin != code
        {
            let what = "the wallet is registered for another asset than";
            return Err(Unknown::new("asset_unknown", what, coin));
        }
        let asset = mapping.asset(vendor, code)?;
        let withdrawal = self.withdrawal.as_ref().filter(|id| is_withdrawal_id(id));
        let Some(withdrawal) = withdrawal else {
            let what = "no withdrawal id of the exchange in the request";
            return Err(Unknown::new(
                "withdrawal_unknown",
                what,
                &self.evaluation_id,
            ));
        };
        let [(Some(to), Some(value))] = self.outputs.as_slice() else {
            let count = self.outputs.len().to_string();
            let what = "outputs with address and value in one transaction; one is judged";
            return Err(Unknown::new("destinations_many", what, &count));
        };
        let units = amount(value, 0)?;
        let told = match &self.amount {
            None => units,
            Some(told) => amount(told, 0)?,
        };
        if told != units {
            let what = "the output's amount is not that of the transaction";
            return Err(Unknown::new("amounts_differ", what, value));
        }
        Ok(Claims {
            withdrawal: withdrawal.clone(),
            network: asset.network.clone(),
            asset: asset.asset.clone(),
            wallet: wallet.name.clone(),
            key: wallet.key.clone(),
            from: wallet.addresses.get(&asset.network).cloned(),
            to: to.clone(),
            memo: String::new(),
            amount: units,
            fee: None,
            transaction: self
                .transaction
                .clone()
                .unwrap_or_else(|| self.evaluation_id.clone()),
            raw: None,
        })
    }
}
