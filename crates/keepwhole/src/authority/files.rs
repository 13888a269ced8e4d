//! Files that people bring: a credential (made by the approver client or the console), an approval, rules of authority.
//! Unknown and repeated fields are refused.

use super::desk::account;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keepwhole_core::authority::asked::FINDING;
use keepwhole_core::authority::class::Class;
use keepwhole_core::authority::command::AuthorityCommand;
use keepwhole_core::authority::credential::{DeviceKind, NewCredential};
use keepwhole_core::authority::matter::Decision;
use keepwhole_core::authority::proof::Proof;
use keepwhole_core::authority::quorum::Quorum;
use keepwhole_core::authority::rules::{HOUR_MS, RelyingParty, Rules, SeparateFrom};
use keepwhole_core::command::Body;
use keepwhole_core::state::State;
use keepwhole_verify::approval::{self, Approval};
use keepwhole_verify::json::{Value, to_hex};
use keepwhole_verify::visible::visible;
use serde::Deserialize;
use thiserror::Error;

/// Value of the field `type` of a credential file.
const CREDENTIAL: &str = "keepwhole/credential/v1";
/// Value of the field `type` of a request to the approver client (docs/approver.md, "Request").
const REQUEST: &str = "keepwhole/approval-request/v1";

/// Why a file is not taken: the field and the cause.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct FileFault(String);

fn fault(text: impl Into<String>) -> FileFault {
    FileFault(text.into())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CredentialFile {
    #[serde(rename = "type")]
    kind_of_file: String,
    id: String,
    public_key: String,
    kind: String,
    device_bound: bool,
}

fn bytes(field: &str, text: &str) -> Result<Vec<u8>, FileFault> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| fault(format!("`{field}` is not base64url without padding")))
}

/// Reads a credential file: `{"type": "keepwhole/credential/v1", "id", "public_key", "kind", "device_bound"}`, id and COSE
/// key in base64url without padding.
///
/// # Errors
/// The field and the cause.
pub fn credential(text: &str) -> Result<NewCredential, FileFault> {
    let file: CredentialFile =
        serde_json::from_str(text).map_err(|error| fault(error.to_string()))?;
    if file.kind_of_file != CREDENTIAL {
        return Err(fault(format!("`type` is not `{CREDENTIAL}`")));
    }
    let kind = DeviceKind::of_code(&file.kind).ok_or_else(|| {
        let known: Vec<&str> = DeviceKind::ALL.iter().map(|(_, code)| *code).collect();
        fault(format!("`kind` is one of `{}`", known.join("`, `")))
    })?;
    Ok(NewCredential {
        id: bytes("id", &file.id)?,
        public_key: bytes("public_key", &file.public_key)?,
        kind,
        device_bound: file.device_bound,
    })
}

/// Writes a credential file, as [`credential`] reads it.
#[must_use]
pub fn credential_text(key: &NewCredential) -> String {
    let encoded = |bytes: &[u8]| Value::text(URL_SAFE_NO_PAD.encode(bytes));
    Value::object(vec![
        ("device_bound", Value::Bool(key.device_bound)),
        ("id", encoded(&key.id)),
        ("kind", Value::text(key.kind.code())),
        ("public_key", encoded(&key.public_key)),
        ("type", Value::text(CREDENTIAL)),
    ])
    .to_canonical()
}

/// Writes a request for the approver client (docs/approver.md, "Request"): the command, and the fields of the challenge.
#[must_use]
pub fn request_text(
    (proposal, command): (&str, &str),
    (approver, role): (&str, &str),
    nonce: &[u8; 16],
    (issued, expires): (u64, u64),
) -> String {
    Value::object(vec![
        ("approver", Value::text(approver)),
        ("command", Value::text(command)),
        ("expires", Value::Integer(expires)),
        ("issued", Value::Integer(issued)),
        ("nonce", Value::text(to_hex(nonce))),
        ("proposal", Value::text(proposal)),
        ("role", Value::text(role)),
        ("type", Value::text(REQUEST)),
    ])
    .to_canonical()
}

/// The command that carries a person's answer: to a finding (`finding-7`), else to a request or proposal.
#[must_use]
pub fn answer(target: &str, proof: Proof) -> Body {
    let proof = Box::new(proof);
    Body::OfAuthority(match target.strip_prefix(FINDING).map(str::parse) {
        Some(Ok(finding)) => AuthorityCommand::ClearFinding { finding, proof },
        _ => AuthorityCommand::Decide {
            target: target.to_owned(),
            proof,
        },
    })
}

/// An answer that the approver client wrote (`docs/approvals.md`), whoever brings it: the person, the account of that
/// person with roles at `now` (ms), and the command that carries the answer.
///
/// # Errors
/// The field and the cause, or that nobody of that name holds a role.
pub fn brought(
    state: &State,
    target: &str,
    text: &str,
    now: u64,
) -> Result<(String, String, Body), Unbrought> {
    let (approver, proof) = proof(text).map_err(Unbrought::File)?;
    let person = state.registry.person(&approver);
    let account = person.and_then(|person| account(state, person, now));
    match account {
        Some(account) => Ok((approver, account, answer(target, proof))),
        None => Err(Unbrought::Nobody(approver)),
    }
}

/// Why an answer is not taken.
#[derive(Debug, Error)]
pub enum Unbrought {
    /// It can't be read.
    #[error("{0}")]
    File(FileFault),
    /// Nobody of that name is enrolled with a role now.
    #[error("nobody called `{0}` is enrolled with a role")]
    Nobody(String),
}

/// Reads one approval in canonical JSON (`docs/approvals.md`): who answers, and the proof.
///
/// # Errors
/// The field and the cause.
pub fn proof(text: &str) -> Result<(String, Proof), FileFault> {
    let approval = Approval::read(text.trim_end()).map_err(|error| fault(error.to_string()))?;
    let proof = Proof {
        credential: approval.credential_id,
        authenticator_data: approval.assertion.authenticator_data,
        client_data_json: approval.assertion.client_data_json,
        signature: approval.assertion.signature,
        nonce: approval.nonce,
        issued: approval.issued,
        expires: approval.expires,
        role: approval.role,
        decision: match approval.decision {
            approval::Decision::Approve => Decision::Approve,
            approval::Decision::Reject => Decision::Reject,
        },
    };
    Ok((approval.approver, proof))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesFile {
    version: u32,
    #[serde(default)]
    quorum: Vec<QuorumRow>,
    #[serde(default)]
    site: Vec<SiteRow>,
    #[serde(default)]
    separate_from: Vec<SeparateRow>,
    device_bound_roles: Option<Vec<String>>,
    proposers: Option<Vec<String>>,
    clearers: Option<Vec<String>>,
    role_days: Option<u64>,
    session_idle_seconds: Option<u64>,
    session_seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuorumRow {
    class: String,
    persons: u32,
    #[serde(default)]
    of: u32,
    among: Vec<String>,
    #[serde(default)]
    required: Vec<String>,
    #[serde(default)]
    distinct_roles: u32,
    #[serde(default)]
    cool_off_hours: u64,
    #[serde(default)]
    administrative: bool,
    #[serde(default)]
    separate: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SiteRow {
    id: String,
    origins: Vec<String>,
    #[serde(default)]
    separate: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeparateRow {
    asset: String,
    from: String,
}

fn quorum(row: QuorumRow) -> Result<Quorum, FileFault> {
    let class = Class::of_code(&row.class).ok_or_else(|| {
        let known: Vec<&str> = Class::ALL.iter().map(|(_, code)| *code).collect();
        fault(format!(
            "`quorum.class` is `{}`, and not one of `{}`",
            row.class,
            known.join("`, `")
        ))
    })?;
    let hours = row.cool_off_hours;
    let cool_off_ms = hours.checked_mul(HOUR_MS).ok_or_else(|| {
        fault(format!(
            "`quorum.cool_off_hours` of `{}` is too large",
            row.class
        ))
    })?;
    Ok(Quorum {
        class,
        persons: row.persons,
        of: row.of,
        among: row.among,
        required: row.required,
        distinct_roles: row.distinct_roles,
        cool_off_ms,
        administrative: row.administrative,
        // Not a field of the file: no approval of what raises risk counts without an assertion.
        assertions: class != Class::LowerRisk,
        separate: row.separate,
    })
}

/// Reads rules of authority (TOML, `docs/authority.md`). What the file leaves out is as usual; a class of action that the
/// file's own quorums leave out is switched off. Sites of the command line stand before the file's.
///
/// # Errors
/// The field and the cause, or what [`Rules::check`] finds.
pub fn rules(text: &str, sites: Vec<RelyingParty>) -> Result<Rules, FileFault> {
    let file: RulesFile = toml::from_str(text).map_err(|error| fault(error.to_string()))?;
    let mut rules = Rules::usual(sites);
    rules.version = file.version;
    rules
        .relying_parties
        .extend(file.site.into_iter().map(|site| RelyingParty {
            id: site.id,
            origins: site.origins,
            separate: site.separate,
        }));
    if !file.quorum.is_empty() {
        let quorums: Result<Vec<Quorum>, FileFault> = file.quorum.into_iter().map(quorum).collect();
        rules.quorums = quorums?;
    }
    for row in file.separate_from {
        let from = row.from.parse().map_err(|_| {
            fault(format!(
                "`separate_from.from` is `{}`, and not an amount in minor units as text",
                row.from
            ))
        })?;
        rules.separate_from.push(SeparateFrom {
            asset: row.asset,
            from,
        });
    }
    rules.device_bound_roles = file.device_bound_roles.unwrap_or(rules.device_bound_roles);
    rules.proposers = file.proposers.unwrap_or(rules.proposers);
    rules.clearers = file.clearers.unwrap_or(rules.clearers);
    if let Some(days) = file.role_days {
        rules.role_max_ms = days.saturating_mul(24 * HOUR_MS);
    }
    if let Some(seconds) = file.session_idle_seconds {
        rules.sessions.idle_ms = seconds.saturating_mul(1_000);
    }
    if let Some(seconds) = file.session_seconds {
        rules.sessions.whole_ms = seconds.saturating_mul(1_000);
    }
    rules.check().map_err(fault)?;
    Ok(rules)
}

/// A text of TOML. What nobody sees, or what turns the direction of writing, is escaped, so that a terminal shows it.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        let mut bytes = [0; 4];
        let plain: &str = letter.encode_utf8(&mut bytes);
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            _ if visible(plain) == plain => out.push(letter),
            _ => out.push_str(&format!("\\U{:08X}", u32::from(letter))),
        }
    }
    out.push('"');
    out
}

fn list(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", quoted.join(", "))
}

/// Writes rules of authority as [`rules`] reads them. Terms that no file sets stand in remarks.
#[must_use]
pub fn rules_text(rules: &Rules) -> String {
    let mut out = format!(
        "version = {}\nrole_days = {}\nsession_idle_seconds = {}\nsession_seconds = {}\n",
        rules.version,
        rules.role_max_ms / (24 * HOUR_MS),
        rules.sessions.idle_ms / 1_000,
        rules.sessions.whole_ms / 1_000,
    );
    for (key, roles) in [
        ("device_bound_roles", &rules.device_bound_roles),
        ("proposers", &rules.proposers),
        ("clearers", &rules.clearers),
    ] {
        out.push_str(&format!("{key} = {}\n", list(roles)));
    }
    for (what, ms) in [
        ("a touch", rules.touch_ms),
        ("collecting approvals", rules.collection_ms),
        ("the use of sealed keys", rules.break_glass_ms),
    ] {
        out.push_str(&format!("# {what}: {} s\n", ms / 1_000));
    }
    for quorum in &rules.quorums {
        out.push_str(&quorum_text(quorum));
    }
    for site in &rules.relying_parties {
        out.push_str(&format!(
            "\n[[site]]\nid = {}\norigins = {}\nseparate = {}\n",
            quoted(&site.id),
            list(&site.origins),
            site.separate
        ));
    }
    for row in &rules.separate_from {
        let asset = quoted(&row.asset);
        out.push_str(&format!(
            "\n[[separate_from]]\nasset = {asset}\nfrom = \"{}\"\n",
            row.from
        ));
    }
    out
}

fn quorum_text(quorum: &Quorum) -> String {
    format!(
        "\n[[quorum]]\nclass = \"{}\"\npersons = {}\nof = {}\namong = {}\nrequired = {}\ndistinct_roles = {}\n\
         cool_off_hours = {}\nadministrative = {}\nseparate = {}\n",
        quorum.class.code(),
        quorum.persons,
        quorum.of,
        list(&quorum.among),
        list(&quorum.required),
        quorum.distinct_roles,
        quorum.cool_off_ms / HOUR_MS,
        quorum.administrative,
        quorum.separate,
    )
}

#[cfg(test)]
mod tests {
    use super::{rules, rules_text};
    use keepwhole_core::authority::rules::{RelyingParty, Rules, SeparateFrom};

    #[test]
    fn rules_are_written_as_they_are_read() {
        let site = |id: &str, separate| RelyingParty {
            id: id.to_owned(),
            origins: vec![format!("https://{id}"), "http://localhost:8650".to_owned()],
            separate,
        };
        let mut all = Rules::usual(vec![site("a.example", false), site("b.example", true)]);
        all.version = 7;
        all.role_max_ms /= 2;
        all.sessions.idle_ms = 600_000;
        all.proposers = vec![
            "a \"quoted\" \\ one".to_owned(),
            "turned \u{202e}\u{7f}".to_owned(),
        ];
        all.quorums.remove(0);
        all.quorums[0].persons = 5;
        all.quorums[0].separate = true;
        all.separate_from.push(SeparateFrom {
            asset: "BTC".to_owned(),
            from: u128::MAX,
        });
        let text = rules_text(&all);
        assert!(!text.contains('\u{202e}'), "{text}");
        assert_eq!(rules(&text, Vec::new()).unwrap(), all);
    }
}
