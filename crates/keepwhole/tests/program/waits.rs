//! An exchange with three people who hold every role that its small rules ask for, and two withdrawals that wait for
//! them; for tests of the console, in Rust and in a browser.

use keepwhole::authority::rules;
use keepwhole::installation::Installation;
use keepwhole_core::answer::Answer;
use keepwhole_core::authority::command::AuthorityCommand;
use keepwhole_core::authority::credential::{Enrolment, NewCredential};
use keepwhole_core::authority::rules::RelyingParty;
use keepwhole_core::book::MovementKind;
use keepwhole_core::command::{Body, Command, NewMovement};
use keepwhole_core::policy::{ApprovalTier, Clear, Policy};
use keepwhole_core::registry::{Asset, AssetIx, Tier, Wallet};
use std::path::Path;

const ETH: u128 = 1_000_000_000_000_000_000;
const DAY_MS: u64 = 86_400_000;
/// The site of the approver client.
pub(crate) const APPROVER: &str = "approver.exchange.example";

/// Rules of authority: four classes of action; sessions as given, in seconds; from 4 ETH on the approver client counts.
fn rules_text(idle: u64, whole: u64) -> String {
    let quorum = |class: &str, persons: u32, among: &str, required: &str, administrative: bool| {
        format!(
            "[[quorum]]\nclass = \"{class}\"\npersons = {persons}\namong = [{among}]\nrequired = [{required}]\nadministrative = {administrative}\n"
        )
    };
    let both = "\"risk\", \"treasury\"";
    let any = "\"administrator\", \"risk\", \"treasury\"";
    [
        format!("version = 1\nsession_idle_seconds = {idle}\nsession_seconds = {whole}\n"),
        quorum("withdrawal", 2, both, both, false),
        quorum("lower_risk", 1, any, "", true),
        quorum("lift_stop", 2, any, "", true),
        quorum("roster_change", 2, any, "", true),
        format!(
            "[[separate_from]]\nasset = \"ETH\"\nfrom = \"{}\"\n",
            4 * ETH
        ),
    ]
    .concat()
}

fn policy() -> Policy {
    let eth = AssetIx(0);
    Policy {
        version: 1,
        clears: vec![Clear {
            asset: eth,
            up_to: 100 * ETH,
        }],
        tiers: vec![ApprovalTier {
            asset: eth,
            from: ETH,
            approvals: 2,
        }],
        clearance_ttl_ms: Some(600_000),
        ..Policy::default()
    }
}

fn given() -> Vec<Body> {
    let movement = |to: &str, units| NewMovement {
        from: "outside".to_owned(),
        to: to.to_owned(),
        asset: "ETH".to_owned(),
        units,
        kind: MovementKind::Opening,
        reference: format!("opening of {to}"),
    };
    vec![
        Body::RegisterAsset(Asset {
            id: "ETH".to_owned(),
            decimals: 18,
            network: None,
            confirmations: 1,
        }),
        Body::RegisterOwners(vec!["house".to_owned(), "ann".to_owned()]),
        Body::RegisterWallet(Wallet {
            id: "hot-1".to_owned(),
            tier: Tier::Hot,
            address: "0x71c7656ec7ab88b098defb751b7401b5f6d8976f".to_owned(),
        }),
        Body::DeclareHoldings(vec![("hot-1".to_owned(), "ETH".to_owned(), 50 * ETH)]),
        Body::RecordMovements(vec![movement("ann", 20 * ETH)]),
        Body::AdoptPolicy(Box::new(policy())),
    ]
}

/// Withdrawals that wait: their ids and amounts.
fn withdrawals() -> Vec<(&'static str, Body)> {
    let ask = |tenths: u128| Body::RequestWithdrawal {
        customer: "ann".to_owned(),
        wallet: "hot-1".to_owned(),
        asset: "ETH".to_owned(),
        units: tenths * ETH / 10,
        to: "0x2222222222222222222222222222222222222222".to_owned(),
    };
    vec![("w-1", ask(30)), ("w-2", ask(25)), ("w-large", ask(45))]
}

/// Makes the exchange in the empty folder `dir` at `now` (ms): people with their credentials, roles after a colon.
pub(crate) fn make(
    dir: &Path,
    now: u64,
    (site, origin): (&str, &str),
    (idle, whole): (u64, u64),
    people: Vec<(&str, &[&str], NewCredential)>,
) -> Vec<(String, Answer)> {
    let sites = vec![
        RelyingParty {
            id: site.to_owned(),
            origins: vec![origin.to_owned()],
            separate: false,
        },
        RelyingParty {
            id: APPROVER.to_owned(),
            origins: vec![format!("https://{APPROVER}")],
            separate: true,
        },
    ];
    let mut rules = rules(&rules_text(idle, whole), sites).expect("the rules are whole");
    // A test runs at any hour.
    rules.findings.usual_minutes = (0, 0);
    let enrolments = people.into_iter().map(|(name, roles, key)| Enrolment {
        actor: name.to_owned(),
        person: name.to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        expires: now + 80 * DAY_MS,
        credentials: vec![key],
    });
    let bootstrap = Body::OfAuthority(AuthorityCommand::Bootstrap {
        rules: Box::new(rules),
        administrators: enrolments.collect(),
    });
    let given = given().into_iter().chain([bootstrap]).enumerate();
    let mut all: Vec<(String, Body)> = given
        .map(|(step, body)| (format!("given-{step}"), body))
        .collect();
    for (id, body) in withdrawals() {
        all.push((id.to_owned(), body));
    }
    let mut made = Installation::create(dir, "exchange.example/keepwhole").expect("a new folder");
    let mut answers = Vec::new();
    for (id, body) in all {
        let command = Command {
            id: Some(id.clone()),
            actor: None,
            body,
        };
        let replies = made.sequencer.turn(now, &[command]).expect("a turn");
        answers.extend(replies.into_iter().map(|reply| (id.clone(), reply.answer)));
    }
    made.publish().expect("the head is published");
    answers
}
