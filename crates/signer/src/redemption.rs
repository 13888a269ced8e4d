//! Redeeming a clearance at the guard, online, once: the guard journals it and judges it against the breaker as it stands.

use crate::refusal::Refusal;
use crate::transport::Http;
use keepwhole_verify::clearance::{Clearance, Redemption};
use keepwhole_verify::json::Value;
use keepwhole_verify::note::VerifierKey;
use serde::Deserialize;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where redemptions are asked for.
const PATH: &str = "v1/guard/redemptions";
/// Most bytes of an answer.
const MAX_ANSWER: u64 = 65_536;

/// What the guard said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redeemed {
    /// It redeemed.
    Yes {
        /** Canonical text of the redemption. */
        redemption: String,
        /** The guard's signature line over it. */
        signature: String,
    },
    /// Not now.
    Held {
        /** In its words. */
        why: String,
    },
    /// No.
    Denied {
        /** In its words. */
        why: String,
    },
}

/// Redeems clearances. The answer is checked by the signer, so this may be any transport.
pub trait Redeem: Send + Sync {
    /// Asks for the redemption of a clearance by the signer of that name.
    ///
    /// # Errors
    /// Why there is no answer, in words. No answer is no signature.
    fn redeem(&self, clearance: &str, signature: &str, signer: &str) -> Result<Redeemed, String>;
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    outcome: String,
    redemption: Option<String>,
    signature: Option<String>,
    #[serde(default)]
    reasons: Vec<serde_json::Value>,
}

impl Redeem for Http {
    fn redeem(&self, clearance: &str, signature: &str, signer: &str) -> Result<Redeemed, String> {
        let body = Value::object(vec![
            ("clearance", Value::text(clearance)),
            ("signature", Value::text(signature)),
            ("signer", Value::text(signer)),
        ])
        .to_canonical();
        // The clearance itself makes a repeat safe. A key of its own for each question, so that what was held is judged anew.
        let asked_at = SystemTime::now().duration_since(UNIX_EPOCH);
        let asked_at = asked_at.map_or(0, |since| since.as_nanos());
        let digest = keepwhole_verify::Digest::of(body.as_bytes()).to_hex();
        let key = format!("{digest}-{asked_at}");
        let (status, body) = self.post(PATH, &key, &body, MAX_ANSWER)?;
        if status != 200 {
            return Err(format!("the guard answered with status {status}"));
        }
        read(&body)
    }
}

fn read(body: &[u8]) -> Result<Redeemed, String> {
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|error| format!("the guard's answer cannot be read: {error}"))?;
    let why = || {
        let all: Vec<String> = answer.reasons.iter().map(reason).collect();
        if all.is_empty() {
            "no reason given".to_owned()
        } else {
            all.join("; ")
        }
    };
    match (
        answer.outcome.as_str(),
        &answer.redemption,
        &answer.signature,
    ) {
        ("redeemed", Some(redemption), Some(signature)) => Ok(Redeemed::Yes {
            redemption: redemption.clone(),
            signature: signature.clone(),
        }),
        ("held", ..) => Ok(Redeemed::Held { why: why() }),
        ("denied", ..) => Ok(Redeemed::Denied { why: why() }),
        (outcome, ..) => Err(format!(
            "the guard's answer `{}` is no redemption",
            outcome.escape_debug()
        )),
    }
}

/// The words of a reason, or its code, or all of it.
fn reason(reason: &serde_json::Value) -> String {
    let text = |key: &str| reason.get(key).and_then(serde_json::Value::as_str);
    text("says")
        .or_else(|| text("code"))
        .map_or_else(|| reason.to_string(), str::to_owned)
}

/// Whether what the guard said is the redemption of `clearance` by this signer, in time by the own clock.
///
/// # Errors
/// [`Refusal::RedemptionHeld`], [`Refusal::RedemptionDenied`], [`Refusal::RedemptionForeign`].
pub(crate) fn check(
    redeemed: Redeemed,
    guard: &VerifierKey,
    clearance: &Clearance,
    signer: &str,
    latest: u64,
) -> Result<(), Refusal> {
    let (redemption, signature) = match redeemed {
        Redeemed::Yes {
            redemption,
            signature,
        } => (redemption, signature),
        Redeemed::Held { why } => return Err(Refusal::RedemptionHeld { why }),
        Redeemed::Denied { why } => return Err(Refusal::RedemptionDenied { why }),
    };
    let foreign = |why: String| Refusal::RedemptionForeign { why };
    let redemption = Redemption::check(&redemption, &signature, guard, clearance, signer)
        .map_err(|refusal| foreign(refusal.to_string()))?;
    if redemption.at > latest {
        let at = redemption.at;
        return Err(foreign(format!(
            "it is dated `{at}`, after this host's clock (`{latest}` with tolerance)"
        )));
    }
    Ok(())
}
