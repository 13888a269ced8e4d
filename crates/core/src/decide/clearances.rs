//! Clearances for exact bytes: issued when the bytes are known, redeemed by a signer, each once (docs/clearances.md).

use super::turn::Turn;
use super::{Ruling, dead, registering, requests, signing};
use crate::address::same;
use crate::answer::Answer;
use crate::breaker::Touch;
use crate::command::{DecodedPayload, NewIntent, NewPayload, PayloadContent, sha256_of};
use crate::event::Event;
use crate::guard::clearance::{
    CLEARANCE_LASTS_MS, Contract, INTENT_LASTS_MS, Issued, SigningKey, Terms,
};
use crate::guard::{Ask, Request, Standing};
use crate::incident::AlarmCode;
use crate::reason::Reason;
use crate::registry::{AssetIx, WalletIx};
use crate::state::State;
use alloc::string::{String, ToString as _};
use keepwhole_verify::clearance::{Clearance, PayloadKind};
use keepwhole_verify::digest::Digest;
use keepwhole_verify::intent::Intent;
use keepwhole_verify::json::to_hex;

/// Longest memo, key name or signer name, bytes.
const TEXT_MAX: usize = 256;

/// A withdrawal with its terms. They are recorded beside the request, whatever becomes of it.
pub(super) fn request(turn: &mut Turn<'_>, intent: &NewIntent) -> Ruling {
    if intent.memo.len() > TEXT_MAX {
        return Err(turn.malformed("a memo has at most 256 bytes"));
    }
    let expires = intent
        .expires
        .unwrap_or_else(|| turn.at.saturating_add(INTENT_LASTS_MS));
    let expires = expires.saturating_sub(expires % 1_000);
    if expires <= turn.at {
        return Err(turn.malformed("the intent ended before it was asked for"));
    }
    turn.ends = Some(expires);
    let request = u32::try_from(turn.state.guard.requests.len()).unwrap_or(u32::MAX);
    let terms = Terms {
        memo: intent.memo.clone(),
        max_fee: intent.max_fee,
        expires,
    };
    turn.terms = Some(terms.clone());
    let place = turn.events.len();
    let answer = requests::withdrawal(
        turn,
        &intent.customer,
        &intent.wallet,
        &intent.asset,
        intent.units,
        &intent.to,
    )?;
    // The request comes first, then what it binds, then what the guard says of it.
    let made = turn.events.get(place..).unwrap_or_default();
    let after = made
        .iter()
        .position(|event| matches!(event, Event::RequestMade { .. }));
    if let Some(after) = after {
        let at = place.saturating_add(after).saturating_add(1);
        turn.events
            .insert(at, Event::IntentBound { request, terms });
    }
    Ok(answer)
}

/// The intent of a request, as its clearances bind it; `None` where it is no withdrawal with terms.
#[must_use]
pub fn intent_of(state: &State, number: u32) -> Option<Intent> {
    let request = state.guard.request_at(number)?;
    let terms = state.guard.clearances.terms.get(&number)?;
    intent_with(state, &request.id, &request.ask, terms)
}

/// The intent of a withdrawal with these terms.
pub(crate) fn intent_with(state: &State, id: &str, ask: &Ask, terms: &Terms) -> Option<Intent> {
    let Ask::Withdrawal {
        wallet,
        asset,
        units,
        to,
        ..
    } = ask
    else {
        return None;
    };
    let caip19 = asset_name(state, *asset)?;
    Some(Intent {
        amount: *units,
        asset: String::from(caip19),
        dest: to.clone(),
        expires: terms.expires / 1_000,
        id: String::from(id),
        max_fee: terms.max_fee,
        memo: terms.memo.clone(),
        network: String::from(network_of(caip19)),
        wallet: String::from(state.registry.wallet_id(*wallet)),
    })
}

/// An asset's name on its network: as it was named, or its own id where that is one (CAIP-19).
#[must_use]
pub fn asset_name(state: &State, asset: AssetIx) -> Option<&str> {
    let named = state.guard.clearances.assets.get(&asset);
    let own = state.registry.asset_id(asset);
    named
        .map(String::as_str)
        .or((own.contains(':') && own.contains('/')).then_some(own))
}

/// The network of an asset's name.
fn network_of(caip19: &str) -> &str {
    caip19.split('/').next().unwrap_or(caip19)
}

/// Asks for a clearance for one byte string. All rules run again; what stands in the way is the answer. Attempt zero asks
/// the same and gets nothing issued: a vendor's approver answers before anything is signed.
pub(super) fn issue(turn: &mut Turn<'_>, payload: &NewPayload) -> Ruling {
    if payload.key.len() > TEXT_MAX {
        return Err(turn.malformed("a key's name has at most 256 bytes"));
    }
    let (number, request, wallet) = signing::payable(turn, &payload.target)?;
    if turn
        .policy()
        .attested
        .is_some_and(|build| build != payload.build)
    {
        turn.alarm_of_case(
            AlarmCode::GuardUnattested,
            &payload.target,
            &signing::cause(Some(wallet)),
        );
        return Err(Reason::GuardUnattested);
    }
    let missing = || Reason::ClearanceMissing {
        target: payload.target.clone(),
    };
    let intent = intent_of(turn.state, number).ok_or_else(missing)?;
    if let Err(fault) = intent.check() {
        return Err(turn.malformed(&fault.to_string()));
    }
    let decoded = fits(turn, wallet, &intent, payload)?;
    let until = clearable(turn, number, request)?.min(turn.at.saturating_add(CLEARANCE_LASTS_MS));
    let until = until.saturating_sub(until % 1_000);
    if payload.attempt == 0 {
        return Ok(Answer::Cleared);
    }
    let issued = turn.state.guard.clearances.of(number);
    let stands = |issued: &Issued| issued.redeemed.is_some() || turn.at < issued.until;
    if issued.iter().any(|one| {
        stands(one)
            && one.attempt == payload.attempt
            && one.signing_digest == decoded.signing_digest
    }) {
        turn.repeated = true;
        return Ok(Answer::Cleared);
    }
    in_turn(issued, payload, &decoded)?;
    dead::lands(turn, &decoded.conflict_key)?;
    let clearance = Clearance {
        attempt: payload.attempt,
        build: Digest::from(payload.build),
        conflict_key: decoded.conflict_key.clone(),
        expires: until / 1_000,
        intent: intent.digest(),
        key: payload.key.clone(),
        payload_kind: decoded.kind,
        policy: Digest::from(sha256_of(turn.policy())),
        signing_digest: decoded.signing_digest,
        total_fee: decoded.total_fee,
    };
    let digest = *clearance.digest().as_bytes();
    turn.emit(Event::ClearanceIssued {
        request: number,
        attempt: payload.attempt,
        text: clearance.to_text(),
        digest,
        signing_digest: decoded.signing_digest,
        conflict_key: decoded.conflict_key,
        until,
    });
    Ok(Answer::Cleared)
}

/// What was decoded, as far as a clearance needs it.
struct Decoded {
    kind: PayloadKind,
    signing_digest: [u8; 32],
    conflict_key: String,
    total_fee: u128,
}

/// The bytes do what was decided, all of it and nothing else, by a key of that wallet.
fn fits(
    turn: &mut Turn<'_>,
    wallet: WalletIx,
    intent: &Intent,
    payload: &NewPayload,
) -> Result<Decoded, Reason> {
    let unknown = || Reason::UnknownKey {
        key: payload.key.clone(),
    };
    let clearances = &turn.state.guard.clearances;
    let key = clearances.keys.get(&payload.key).ok_or_else(unknown)?;
    let content = match &payload.content {
        PayloadContent::Decoded(content) => content,
        PayloadContent::Undecodable { refusal, .. } => {
            let refusal = refusal.clone();
            return Err(foreign(
                turn,
                wallet,
                payload,
                Reason::Undecodable { refusal },
            ));
        }
    };
    let kind = PayloadKind::from_name(&content.kind)
        .ok_or_else(|| turn.malformed("the payload kind is none of docs/payloads.md"))?;
    pays(turn, (wallet, key), payload, (kind, content))?;
    let allowed = &turn.policy().ops_allowed;
    if let Some(other) = content
        .operations
        .iter()
        .find(|op| !allowed.contains(&op.op))
    {
        let op = other.op.clone();
        return Err(foreign(turn, wallet, payload, Reason::OpNotAllowed { op }));
    }
    if let Some(field) = differs(intent, content) {
        let field = String::from(field);
        return Err(foreign(
            turn,
            wallet,
            payload,
            Reason::PayloadMismatch { field },
        ));
    }
    let (fee, max) = (content.total_fee, intent.max_fee);
    if fee > max {
        return Err(Reason::FeeExceeded { fee, max });
    }
    Ok(Decoded {
        kind,
        signing_digest: content.signing_digest,
        conflict_key: content.conflict_key.clone(),
        total_fee: fee,
    })
}

/// The key's network is that of the bytes, and the wallet that the intent names is the one whose value leaves: the Safe's
/// where it is a Safe's transaction, else the key's own.
fn pays(
    turn: &mut Turn<'_>,
    (wallet, key): (WalletIx, &SigningKey),
    payload: &NewPayload,
    (kind, content): (PayloadKind, &DecodedPayload),
) -> Result<(), Reason> {
    let unknown = || Reason::UnknownKey {
        key: payload.key.clone(),
    };
    let clearances = &turn.state.guard.clearances;
    let Some(safe) = &content.safe else {
        // A key of a Safe is one of its owners': it signs for the Safe, and sends nothing from the Safe's address.
        let owner = clearances.is_safe(&content.network, key.wallet);
        let own = key.wallet == wallet && key.network == content.network && !owner;
        return if own { Ok(()) } else { Err(unknown()) };
    };
    let owner = clearances.is_safe(&content.network, key.wallet);
    let signs = if kind == PayloadKind::SafeTx {
        key.wallet == wallet
    } else {
        !owner
    };
    if key.network != content.network || !signs {
        return Err(unknown());
    }
    let at = Contract {
        network: content.network.clone(),
        address: safe.clone(),
    };
    if clearances.safes.get(&at) != Some(&wallet) {
        let field = String::from("wallet");
        return Err(foreign(
            turn,
            wallet,
            payload,
            Reason::PayloadMismatch { field },
        ));
    }
    // Whoever sends it pays the fee: from a wallet that nothing may leave, nothing does.
    turn.not_halted(Touch {
        asset: None,
        wallet: Some(key.wallet),
        trading: false,
    })?;
    if turn.state.custody.retired.contains_key(&key.wallet) {
        return Err(Reason::KeyRevoked {
            wallet: String::from(turn.state.registry.wallet_id(key.wallet)),
        });
    }
    Ok(())
}

/// Bytes that nobody asked for, under a request of ours: somebody stands between the guard and the signer.
fn foreign(turn: &mut Turn<'_>, wallet: WalletIx, payload: &NewPayload, reason: Reason) -> Reason {
    signing::mismatch(turn, &payload.target, Some(wallet));
    reason
}

/// The field in which what the bytes do differs from the intent; `None` if it is the intent exactly.
fn differs(intent: &Intent, content: &DecodedPayload) -> Option<&'static str> {
    if content.network != intent.network {
        return Some("network");
    }
    // Hexadecimal addresses have letters of either case, also within names of assets.
    let either = intent.network.starts_with("eip155:");
    let same = |a: &str, b: &str| same(a, b) || (either && a.eq_ignore_ascii_case(b));
    let mut sum = 0u128;
    for op in content.operations.iter().filter(|op| op.op == "transfer") {
        if !same(&op.to, &intent.dest) {
            return Some("to");
        }
        if !same(&op.asset, &intent.asset) {
            return Some("asset");
        }
        sum = sum.saturating_add(op.units);
    }
    if sum != intent.amount {
        return Some("amount");
    }
    (content.memo != intent.memo).then_some("memo")
}

/// The verdict stands: cleared, its approvals valid, neither lapsed nor ended. First moment without it, ms.
fn clearable(turn: &Turn<'_>, number: u32, request: &Request) -> Result<u64, Reason> {
    let missing = || Reason::ClearanceMissing {
        target: request.id.clone(),
    };
    let clearance = request.clearance.as_ref().ok_or_else(missing)?;
    let terms = turn.state.guard.clearances.terms.get(&number);
    let ends = terms.ok_or_else(missing)?.expires;
    let until = clearance.until.map_or(ends, |until| until.min(ends));
    if until <= turn.at || request.standing == Standing::Lapsed {
        return Err(Reason::ClearanceExpired { ended: until });
    }
    let valid = request.approvers(turn.policy(), turn.at, false);
    if valid < request.needs {
        return Err(Reason::ApprovalExpired {
            valid,
            needs: request.needs,
        });
    }
    if request.standing != Standing::Cleared {
        return Err(missing());
    }
    requests::judge_again(turn, number, request)?;
    Ok(until)
}

/// Attempts follow each other, and each can land only where the others do not. A signer may have begun what ended
/// unredeemed, so neither its number nor its conflict key is ever given to other bytes.
fn in_turn(issued: &[Issued], payload: &NewPayload, decoded: &Decoded) -> Result<(), Reason> {
    if let Some(first) = issued.first()
        && first.conflict_key != decoded.conflict_key
    {
        return Err(Reason::ConflictKeyChanged {
            was: first.conflict_key.clone(),
            now: decoded.conflict_key.clone(),
        });
    }
    let next = issued
        .last()
        .map_or(1, |last| last.attempt.saturating_add(1));
    if payload.attempt == next {
        return Ok(());
    }
    let found = payload.attempt;
    Err(Reason::AttemptOutOfTurn { next, found })
}

/// A signer redeems a clearance, once; the same signer again gets the same answer.
pub(super) fn redeem(turn: &mut Turn<'_>, digest: &[u8; 32], signer: &str) -> Ruling {
    if signer.is_empty() || signer.len() > TEXT_MAX {
        return Err(turn.malformed("a signer's name has 1 to 256 bytes"));
    }
    let missing = || Reason::ClearanceMissing {
        target: to_hex(digest),
    };
    let found = turn.state.guard.clearances.find(digest);
    let (number, issued) = found.ok_or_else(missing)?;
    let request = turn.state.guard.request_at(number).ok_or_else(missing)?;
    // Before a repeat gets its answer: a signer that comes back would sign what can't land, or what was given back.
    dead::lands(turn, &issued.conflict_key)?;
    if let Some(before) = &issued.redeemed {
        if before.signer != signer {
            return Err(Reason::ClearanceUsed);
        }
        turn.repeated = true;
        return Ok(Answer::Cleared);
    }
    signing::payable(turn, &request.id)?;
    if issued.until <= turn.at {
        return Err(Reason::ClearanceExpired {
            ended: issued.until,
        });
    }
    clearable(turn, number, request)?;
    turn.emit(Event::IssuedRedeemed {
        request: number,
        clearance: *digest,
        signer: String::from(signer),
    });
    Ok(Answer::Cleared)
}

/// Names an asset as its network does; once.
pub(super) fn name_asset(turn: &mut Turn<'_>, asset: &str, caip19: &str) -> Ruling {
    let asset_ix = new_asset_name(turn, asset, caip19)?;
    registering::widens(turn, caip19)?;
    turn.emit(Event::AssetNamed {
        asset: asset_ix,
        caip19: String::from(caip19),
    });
    Ok(Answer::Recorded)
}

/// The asset is known, and neither it nor the name is taken.
pub(super) fn new_asset_name(
    turn: &Turn<'_>,
    asset: &str,
    caip19: &str,
) -> Result<AssetIx, Reason> {
    let ix = turn.asset(asset)?;
    well_named(turn, caip19)?;
    let named = turn.state.guard.clearances.assets.contains_key(&ix);
    registering::fresh(named, caip19)?;
    fresh_asset_name(turn, caip19)?;
    Ok(ix)
}

/// No asset has that name on its network yet; letters of a hexadecimal address may be of either case.
pub(super) fn fresh_asset_name(turn: &Turn<'_>, caip19: &str) -> Result<(), Reason> {
    well_named(turn, caip19)?;
    let either = caip19.starts_with("eip155:");
    let mut names = turn.state.guard.clearances.assets.values();
    let known =
        names.any(|known| known == caip19 || (either && known.eq_ignore_ascii_case(caip19)));
    registering::fresh(known, caip19)
}

fn well_named(turn: &Turn<'_>, caip19: &str) -> Result<(), Reason> {
    let well = caip19.len() <= TEXT_MAX && caip19.contains('/') && caip19.contains(':');
    if !well || caip19.chars().any(char::is_whitespace) {
        return Err(turn.malformed(
            "an asset's name on its network has the form of CAIP-19, such as `eip155:1/slip44:60`",
        ));
    }
    Ok(())
}

/// Names a signing key of a wallet; once.
pub(super) fn name_key(turn: &mut Turn<'_>, wallet: &str, key: &str, network: &str) -> Ruling {
    let ix = new_key_name(turn, wallet, key, network)?;
    registering::widens(turn, key)?;
    turn.emit(Event::KeyNamed {
        wallet: ix,
        key: String::from(key),
        network: String::from(network),
    });
    Ok(Answer::Recorded)
}

/// The wallet is known, and the key's name is not taken.
pub(super) fn new_key_name(
    turn: &Turn<'_>,
    wallet: &str,
    key: &str,
    network: &str,
) -> Result<WalletIx, Reason> {
    let ix = turn.wallet(wallet)?;
    let plain = |text: &str| {
        !text.is_empty()
            && text.len() <= TEXT_MAX
            && !text.chars().any(|c| c.is_whitespace() || c.is_control())
    };
    if !plain(key) || !plain(network) || !network.contains(':') {
        return Err(turn.malformed("a key has a name without spaces and a network of the form of CAIP-2, such as `eip155:1`"));
    }
    if turn.state.guard.clearances.keys.contains_key(key) {
        return Err(Reason::AlreadyRegistered {
            name: String::from(key),
        });
    }
    Ok(ix)
}
