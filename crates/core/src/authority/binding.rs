//! The exact command that an approval binds: a flat object of texts in canonical form (RFC 8785), and its digest.
//!
//! Fields of each action stand in `docs/authority.md`; the digest is that of `docs/approvals.md`.

use super::asked::sums;
use super::credential::NewCredential;
use super::finding::Finding;
use super::matter::Target;
use super::people;
use crate::command::sha256_of;
use crate::decide::clearances::intent_with;
use crate::guard::clearance::Terms;
use crate::guard::dead::Evidence;
use crate::guard::{Ask, BreakGlass, Change, custody_change};
use crate::registry::PersonIx;
use crate::state::State;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use keepwhole_verify::approval::{self, COMMAND_LABEL};
use keepwhole_verify::digest::Digest;
use keepwhole_verify::json::{Value, to_hex};
use keepwhole_verify::manifest;

/// A command, field by field.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ActionCommand(BTreeMap<String, String>);

impl ActionCommand {
    fn new(action: &str, id: &str, proposer: &str, policy: &[u8; 32]) -> Self {
        let mut command = Self::default();
        command.set("action", action);
        command.set("id", id);
        command.set("proposer", proposer);
        command.set("policy", to_hex(policy));
        command
    }

    fn set(&mut self, key: &str, text: impl Into<String>) {
        self.0.insert(String::from(key), text.into());
    }

    /// One field's text.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All fields, ascending by name.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, text)| (key.as_str(), text.as_str()))
    }

    /// The canonical text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let members = self.0.iter();
        let members = members.map(|(key, text)| (key.as_str(), Value::text(text.as_str())));
        Value::object(members.collect()).to_canonical()
    }

    /// SHA-256 over the label and the canonical text.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        *Digest::of_parts(&[COMMAND_LABEL.as_bytes(), self.to_text().as_bytes()]).as_bytes()
    }
}

/// Who proposes, as commands name it: the person, or `system` where no person of ours asked.
#[must_use]
pub fn proposer(state: &State, by: Option<PersonIx>) -> &str {
    by.map_or("system", |person| people::name(state, person))
}

/// The command of a request. With the terms of an intent, and an asset that is named as its network does, it is the
/// intent's (`docs/approvals.md`).
#[must_use]
pub fn of_request(
    state: &State,
    (id, ask): (&str, &Ask),
    terms: Option<&Terms>,
    by: Option<PersonIx>,
    policy: &[u8; 32],
) -> ActionCommand {
    let registry = &state.registry;
    let intent = terms.and_then(|terms| intent_with(state, id, ask, terms));
    let digest = Digest::from_bytes(*policy);
    let withdraw = intent
        .and_then(|intent| approval::Command::withdraw(&intent, proposer(state, by), digest).ok());
    if let Some(command) = withdraw {
        let fields = command.fields();
        return ActionCommand(
            fields
                .map(|(key, text)| (String::from(key), String::from(text)))
                .collect(),
        );
    }
    let action = match ask {
        Ask::Withdrawal { .. } => "request-withdrawal",
        Ask::Transfer { .. } => "transfer",
        Ask::Credit { .. } => "credit",
    };
    let mut command = ActionCommand::new(action, id, proposer(state, by), policy);
    match ask {
        Ask::Withdrawal {
            owner,
            wallet,
            asset,
            units,
            to,
        } => {
            command.set("customer", registry.owner_id(*owner));
            command.set("wallet", registry.wallet_id(*wallet));
            command.set("asset", registry.asset_id(*asset));
            command.set("amount", units.to_string());
            command.set("dest", to.as_str());
        }
        Ask::Transfer {
            wallet,
            to_wallet,
            asset,
            units,
        } => {
            command.set("wallet", registry.wallet_id(*wallet));
            command.set("dest", registry.wallet_id(*to_wallet));
            command.set("asset", registry.asset_id(*asset));
            command.set("amount", units.to_string());
        }
        Ask::Credit {
            reason,
            budget,
            lines,
        } => {
            // Lines of several assets fit no budget; they are told all the same.
            let sums = sums(ask);
            let assets = sums.keys().map(|asset| registry.asset_id(*asset));
            command.set("asset", assets.collect::<Vec<_>>().join(" "));
            let amounts = sums.values().map(ToString::to_string);
            command.set("amount", amounts.collect::<Vec<_>>().join(" "));
            command.set("reason", reason.as_str());
            command.set("budget", budget.as_str());
            command.set("lines", lines.len().to_string());
            command.set("lines_sha256", to_hex(&sha256_of(lines)));
        }
    }
    command
}

/// The command of a request that was made, as its approvals bind it: under the policy of that time, and without the
/// terms of its intent where the asset was not named as its network does yet. `None` where it can't be told any more.
#[must_use]
pub fn of_made(state: &State, number: u32) -> Option<ActionCommand> {
    let request = state.guard.request_at(number)?;
    let matter = state.authority.matters.get(&Target::Request(number))?;
    let terms = state.guard.clearances.terms.get(&number);
    let asked = (request.id.as_str(), &request.ask);
    let with = |terms| of_request(state, asked, terms, matter.by, &matter.policy);
    [terms, None]
        .into_iter()
        .map(with)
        .find(|command| command.digest() == matter.command)
}

/// The command of a change that was proposed.
#[must_use]
pub fn of_proposed(state: &State, number: u32) -> Option<ActionCommand> {
    let proposal = state.guard.proposals.get(usize::try_from(number).ok()?)?;
    let matter = state.authority.matters.get(&Target::Change(number))?;
    let (id, change) = (&proposal.id, &proposal.change);
    Some(of_change(state, id, change, matter.by, &matter.policy))
}

/// The command of a proposed change.
#[must_use]
pub fn of_change(
    state: &State,
    id: &str,
    change: &Change,
    by: Option<PersonIx>,
    policy: &[u8; 32],
) -> ActionCommand {
    let mut command = ActionCommand::new(change.action(), id, proposer(state, by), policy);
    match change {
        Change::AdoptPolicy(next) => {
            command.set("version", next.version.to_string());
            command.set("policy_sha256", to_hex(&sha256_of(next)));
        }
        Change::Grant {
            actor,
            role,
            expires,
        } => {
            command.set("actor", actor.as_str());
            command.set("role", role.as_str());
            command.set("expires", expires.map_or_else(String::new, seconds));
        }
        Change::Revoke { actor } => command.set("actor", actor.as_str()),
        Change::DisableWatch => {}
        Change::ListDestination { address } => command.set("dest", address.as_str()),
        Change::MoveAwareness { incident, to } => {
            command.set("incident", incident.as_str());
            command.set("to", seconds(*to));
        }
        Change::RetireKey { wallet } => command.set("wallet", wallet.as_str()),
        Change::Halt { scope } | Change::Resume { scope } => command.set("scope", scope.as_str()),
        other => of_authority(&mut command, other),
    }
    command
}

/// Fields of a change of people, credentials, rules and wallets.
fn of_authority(command: &mut ActionCommand, change: &Change) {
    match change {
        Change::EnrolPerson(new) => {
            command.set("actor", new.actor.as_str());
            command.set("person", new.person.as_str());
            command.set("roles", new.roles.join(" "));
            command.set("expires", seconds(new.expires));
            command.set("credentials", new.credentials.len().to_string());
            command.set("credentials_sha256", to_hex(&sha256_of(&new.credentials)));
        }
        Change::EnrolCredential { person, credential }
        | Change::ResetCredentials { person, credential } => {
            command.set("person", person.as_str());
            of_credential(command, credential);
        }
        Change::EndCredential { credential } => command.set("credential", to_hex(credential)),
        Change::AdoptAuthority(next) => {
            command.set("version", next.version.to_string());
            command.set("rules_sha256", to_hex(&sha256_of(next)));
        }
        Change::Reinstate { person } => command.set("person", person.as_str()),
        Change::BreakGlass(BreakGlass::Freeze { scope }) => command.set("scope", scope.as_str()),
        Change::BreakGlass(BreakGlass::Sweep { wallet }) => command.set("wallet", wallet.as_str()),
        Change::RegisterWallet(wallet) => {
            command.set("wallet", wallet.id.as_str());
            command.set("dest", wallet.address.as_str());
            command.set("tier", wallet.tier.code());
        }
        Change::RenewRoles { actor, expires } => {
            command.set("actor", actor.as_str());
            command.set("expires", seconds(*expires));
        }
        Change::NameAsset { asset, caip19 } => {
            command.set("asset", asset.as_str());
            command.set("name", caip19.as_str());
        }
        Change::NameKey {
            wallet,
            key,
            network,
        } => {
            command.set("wallet", wallet.as_str());
            command.set("key", key.as_str());
            command.set("network", network.as_str());
        }
        Change::ReleaseRedress { entry } => {
            if let Some(set) = manifest::read_entry(entry) {
                command.set("set", to_hex(&set.set_id));
                command.set("epoch", set.epoch.to_string());
                command.set("manifest_sha256", to_hex(&set.manifest_sha256));
            }
        }
        Change::DestroyKey { subject, ground } => {
            command.set("subject", to_hex(subject));
            command.set("ground", ground.as_str());
        }
        Change::OfCustody(body) => of_custody(command, body),
        _ => {}
    }
}

/// Fields of what the exchange trusts on chains: all of it, so that whoever approves reads what comes into force.
fn of_custody(command: &mut ActionCommand, body: &custody_change::Body) {
    match body {
        custody_change::Body::Asset(new) => {
            let asset = &new.asset;
            command.set("asset", asset.id.as_str());
            command.set("decimals", asset.decimals.to_string());
            command.set("network", asset.network.as_deref().unwrap_or_default());
            command.set("confirmations", asset.confirmations.to_string());
            command.set("name", new.caip19.as_deref().unwrap_or_default());
        }
        custody_change::Body::Safe(new) => {
            command.set("wallet", new.wallet.as_str());
            command.set("network", new.network.as_str());
            command.set("address", new.address.as_str());
            command.set("version", new.version.as_str());
        }
        custody_change::Body::BatchCode { network, address } => {
            command.set("network", network.as_str());
            command.set("address", address.as_str());
        }
        custody_change::Body::Holdings { wallet, lines } => {
            command.set("wallet", wallet.as_str());
            command.set("lines", lines.len().to_string());
            for (number, line) in (1_usize..).zip(lines) {
                let held = format!("{} {}", line.asset, line.units);
                command.set(&format!("line_{number:02}"), held);
            }
        }
        custody_change::Body::Dead(dead) => {
            command.set("request", dead.request.as_str());
            command.set("conflict_key", dead.conflict_key.as_str());
            command.set("network", dead.network.as_str());
            command.set("evidence", dead.evidence.word());
            match &dead.evidence {
                Evidence::Spent { txid } => command.set("txid", txid.as_str()),
                Evidence::Lapsed { last_valid, height } => {
                    command.set("last_valid", last_valid.to_string());
                    command.set("height", height.to_string());
                }
                Evidence::NonceMoved { value } => command.set("nonce", value.as_str()),
            }
        }
    }
}

fn of_credential(command: &mut ActionCommand, credential: &NewCredential) {
    command.set("credential", to_hex(&credential.id));
    command.set("public_key", to_hex(&credential.public_key));
    command.set("kind", credential.kind.code());
    command.set("device_bound", credential.device_bound.to_string());
}

/// The command that clears a finding.
#[must_use]
pub fn of_finding(
    state: &State,
    number: u32,
    finding: &Finding,
    policy: &[u8; 32],
) -> ActionCommand {
    let id = format!("finding-{number}");
    let mut command = ActionCommand::new("clear-finding", &id, "system", policy);
    command.set("person", people::name(state, finding.person));
    command.set("kind", finding.kind.code());
    command.set("at", seconds(finding.at));
    command
}

/// Unix seconds of a moment in ms, rounded down.
fn seconds(ms: u64) -> String {
    (ms / 1_000).to_string()
}
