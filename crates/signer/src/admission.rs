//! Whether a clearance may be looked at: who signed it, for what, until when, and what came before it.

use crate::refusal::Refusal;
use crate::request::{Parts, Request};
use crate::settings::{FundsKey, Settings};
use crate::store::State;
use keepwhole_verify::clearance::{EndFault, Life, check_end, check_signature};

/// Checks everything that needs neither bytes nor people; gives the key that is asked for.
///
/// # Errors
/// The first thing that does not hold.
pub(crate) fn admit<'s>(
    request: &Request<'_>,
    parts: &Parts,
    settings: &'s Settings,
    now: u64,
) -> Result<&'s FundsKey, Refusal> {
    let Parts {
        clearance, intent, ..
    } = parts;
    check_signature(
        &clearance.sign_text(),
        request.signature,
        &settings.guard.key,
    )
    .map_err(|refusal| Refusal::NotByGuard {
        why: refusal.to_string(),
    })?;
    if clearance.intent != intent.digest() {
        return Err(Refusal::IntentMismatch {
            cleared: clearance.intent.to_hex(),
            given: intent.digest().to_hex(),
        });
    }
    let guard = &settings.guard;
    let listed = |list: &Option<std::collections::BTreeSet<_>>, digest| {
        list.as_ref().is_none_or(|list| list.contains(digest))
    };
    if !listed(&guard.policies, &clearance.policy) {
        return Err(Refusal::PolicyUnlisted {
            policy: clearance.policy.to_hex(),
        });
    }
    if !listed(&guard.builds, &clearance.build) {
        return Err(Refusal::BuildUnlisted {
            build: clearance.build.to_hex(),
        });
    }
    check_times(parts, settings, now)?;
    let key = settings.keys.get(&clearance.key);
    let key = key.ok_or_else(|| Refusal::KeyUnknown {
        key: clearance.key.clone(),
    })?;
    if key.wallet != intent.wallet {
        return Err(Refusal::WalletMismatch {
            intent: intent.wallet.clone(),
            key: key.wallet.clone(),
        });
    }
    let network = key.account.network();
    if network != intent.network {
        return Err(Refusal::NetworkMismatch {
            intent: intent.network.clone(),
            key: network,
        });
    }
    Ok(key)
}

/// That clearance and intent have not ended, and end no later than this signer takes.
pub(crate) fn check_times(parts: &Parts, settings: &Settings, now: u64) -> Result<(), Refusal> {
    let guard = &settings.guard;
    let life = |longest| Life {
        longest,
        tolerance: guard.clock_tolerance,
    };
    let clearance = check_end(parts.clearance.expires, now, life(guard.clearance_max));
    clearance.map_err(|fault| match fault {
        EndFault::Over { expires, now } => Refusal::ClearanceExpired { expires, now },
        EndFault::TooFar { expires, latest } => Refusal::ClearanceTooLong { expires, latest },
    })?;
    let intent = check_end(parts.intent.expires, now, life(guard.intent_max));
    intent.map_err(|fault| match fault {
        EndFault::Over { expires, now } => Refusal::IntentExpired { expires, now },
        EndFault::TooFar { expires, latest } => Refusal::IntentTooLong { expires, latest },
    })
}

/// What the memory says of this intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// Nothing, or an earlier attempt whose fee is counted.
    Fresh {
        /** Whether the value is counted already. */
        counted: bool,
        /** Fee that is counted already. */
        fee: u128,
    },
    /// The very same clearance, counted.
    Same {
        /** Whether it was redeemed. */
        redeemed: bool,
    },
}

/// Holds attempt and what the bytes spend against what this signer saw.
///
/// # Errors
/// [`Refusal::AttemptLower`], [`Refusal::AttemptReused`], [`Refusal::ConflictKeyChanged`].
pub(crate) fn check_attempt(parts: &Parts, spends: &str, state: &State) -> Result<Before, Refusal> {
    let clearance = &parts.clearance;
    let Some(seen) = state.intent(clearance.intent.as_bytes()) else {
        return Ok(Before::Fresh {
            counted: false,
            fee: 0,
        });
    };
    if seen.spends != spends {
        return Err(Refusal::ConflictKeyChanged {
            before: seen.spends.clone(),
            given: spends.to_owned(),
        });
    }
    let attempt = u64::from(clearance.attempt);
    if attempt < seen.attempt {
        return Err(Refusal::AttemptLower {
            attempt,
            seen: seen.attempt,
        });
    }
    if attempt > seen.attempt {
        return Ok(Before::Fresh {
            counted: true,
            fee: seen.fee,
        });
    }
    if seen.clearance != *clearance.digest().as_bytes() {
        return Err(Refusal::AttemptReused { attempt });
    }
    Ok(Before::Same {
        redeemed: seen.redeemed,
    })
}
