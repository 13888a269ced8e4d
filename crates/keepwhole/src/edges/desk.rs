//! What the guard's routes ask beside the sequencer: payloads decoded, and texts signed with the guard's key.

use super::payloads::{self, KeyContext};
use crate::authority::{ExportError, Recorded, brought, roster};
use crate::journal::RealDisk;
use crate::sequencer::Reader;
use keepwhole_core::answer::Answer;
use keepwhole_core::command::{Body, PayloadContent};
use keepwhole_core::decide::clearances::intent_of;
use keepwhole_core::guard::clearance::{Contract, Issued};
use keepwhole_core::guard::{Ask, Request, Standing};
use keepwhole_core::reason::Reason;
use keepwhole_core::state::State;
use keepwhole_edge::guard::{GuardDesk, IssuedTexts, PayloadBytes, RequestStanding, SignedText};
use keepwhole_verify::clearance::{self, Clearance, Redemption};
use keepwhole_verify::digest::Digest;
use keepwhole_verify::note::Ed25519Signer;
use keepwhole_verify::roster::Roster;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io;

/// SLIP-44 number of Ether, for EVM networks of which no asset was named by its coin.
const ETHER: u32 = 60;

/// The guard of a running installation.
pub struct Desk {
    reader: Reader<RealDisk>,
    key: Ed25519Signer,
    build: [u8; 32],
}

impl Desk {
    /// Over a running sequencer, with the guard's key.
    ///
    /// # Errors
    /// The program's own file can't be read, and its digest not be told.
    pub fn new(reader: Reader<RealDisk>, key: Ed25519Signer) -> io::Result<Self> {
        let mut hasher = Sha256::new();
        io::copy(
            &mut File::open(std::env::current_exe()?)?,
            &mut Hashing(&mut hasher),
        )?;
        Ok(Self {
            reader,
            key,
            build: hasher.finalize().into(),
        })
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> Option<T>) -> Option<T> {
        self.reader.read(look).ok().flatten()
    }
}

struct Hashing<'h>(&'h mut Sha256);

impl io::Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is registered of a key, for a withdrawal.
fn context(state: &State, withdrawal: &str, key: &str) -> Option<KeyContext> {
    let key = state.guard.clearances.keys.get(key)?;
    let wallet = state.registry.wallets.get(key.wallet.place())?;
    let names = state.guard.clearances.assets.values().map(String::as_str);
    let ids = state.registry.assets.iter().map(|asset| asset.id.as_str());
    let prefix = format!("{}/slip44:", key.network);
    let coin = names
        .chain(ids)
        .find_map(|name| name.strip_prefix(&prefix)?.parse().ok());
    let dest = match state
        .guard
        .request(withdrawal)
        .map(|(_, request)| &request.ask)
    {
        Some(Ask::Withdrawal { to, .. }) => to.clone(),
        _ => String::new(),
    };
    let on_network = |at: &Contract| (at.network == key.network).then(|| at.address.clone());
    let clearances = &state.guard.clearances;
    Some(KeyContext {
        safes: clearances.safes.keys().filter_map(on_network).collect(),
        multi_send: clearances
            .batch_code
            .iter()
            .filter_map(on_network)
            .collect(),
        network: key.network.clone(),
        address: wallet.address.clone(),
        coin: coin.unwrap_or(ETHER),
        dest,
    })
}

fn answer_of(request: &Request, now: u64) -> Answer {
    match &request.standing {
        Standing::Held(reason) => Answer::Held(reason.clone()),
        Standing::Denied(reason) => Answer::Denied(reason.clone()),
        Standing::Cleared => Answer::Cleared,
        Standing::Lapsed => {
            let ended = request
                .clearance
                .as_ref()
                .and_then(|clearance| clearance.until);
            Answer::Denied(Reason::ClearanceExpired {
                ended: ended.unwrap_or(now),
            })
        }
    }
}

fn needs_of(request: &Request) -> Vec<String> {
    match &request.standing {
        Standing::Held(Reason::ApprovalsShort { valid, needs }) => {
            let more = needs.saturating_sub(*valid);
            vec![format!("approvals:{more}")]
        }
        Standing::Held(reason) => vec![reason.code().to_owned()],
        _ => Vec::new(),
    }
}

fn standing(state: &State, id: &str) -> Option<RequestStanding> {
    let (number, request) = state.guard.request(id)?;
    let terms = state.guard.clearances.terms.get(&number);
    let until = request
        .clearance
        .as_ref()
        .and_then(|clearance| clearance.until);
    Some(RequestStanding {
        answer: answer_of(request, state.at),
        needs: needs_of(request),
        expires: until.or(terms.map(|terms| terms.expires)),
    })
}

/// What people answered about a withdrawal, and the roster that they are in; `None` where nobody did.
fn people(state: &State, withdrawal: &str) -> Result<Option<(Recorded, Roster)>, ExportError> {
    let recorded = match Recorded::of(state, withdrawal) {
        Err(ExportError::Unknown(_)) => return Ok(None),
        other => other?,
    };
    if recorded.is_empty() {
        return Ok(None);
    }
    Ok(Some((recorded, roster(state, state.at)?)))
}

impl GuardDesk for Desk {
    fn read_payload(&self, withdrawal: &str, key: &str, payload: &PayloadBytes) -> PayloadContent {
        let context = self.read(|state| context(state, withdrawal, key));
        payloads::decode(payload, context.as_ref())
    }

    fn build(&self) -> [u8; 32] {
        self.build
    }

    fn standing(&self, id: &str) -> Option<RequestStanding> {
        self.read(|state| standing(state, id))
    }

    fn issued(&self, withdrawal: &str, attempt: u32) -> Option<IssuedTexts> {
        let (text, intent, people) = self.read(|state| {
            let (number, _) = state.guard.request(withdrawal)?;
            let mut issued = state.guard.clearances.of(number).iter();
            let text = match attempt {
                0 => None,
                _ => Some(issued.find(|one| one.attempt == attempt)?.text.clone()),
            };
            let intent = intent_of(state, number)?.to_text();
            Some((text, intent, people(state, withdrawal)))
        })?;
        let (approvals, roster) = match people.ok()? {
            Some((recorded, roster)) => {
                let file = recorded.read(&self.reader.journal()).ok()?;
                (Some(file.to_text()), Some(roster.to_text()))
            }
            None => (None, None),
        };
        let sign = |text: String| {
            let clearance = Clearance::read(&text).ok()?;
            let signature = clearance::sign(&clearance.sign_text(), &self.key).ok()?;
            Some(SignedText { text, signature })
        };
        let clearance = match text {
            Some(text) => Some(sign(text)?),
            None => None,
        };
        Some(IssuedTexts {
            clearance,
            intent,
            approvals,
            roster,
        })
    }

    fn approval(&self, target: &str, approval: &str) -> Result<(String, Body), String> {
        let read = self
            .reader
            .read(|state| brought(state, target, approval, state.at));
        let read = read.map_err(|error| error.to_string())?;
        let (_, account, body) = read.map_err(|why| why.to_string())?;
        Ok((account, body))
    }

    fn redemption(&self, digest: &[u8; 32]) -> Option<SignedText> {
        let redemption = self.read(|state| {
            let (_, issued) = state.guard.clearances.find(digest)?;
            redemption_of(issued)
        })?;
        Some(SignedText {
            signature: clearance::sign(&redemption.sign_text(), &self.key).ok()?,
            text: redemption.to_text(),
        })
    }
}

fn redemption_of(issued: &Issued) -> Option<Redemption> {
    let redeemed = issued.redeemed.as_ref()?;
    Some(Redemption {
        at: redeemed.at / 1_000,
        clearance: Digest::from(issued.digest),
        signer: redeemed.signer.clone(),
    })
}
