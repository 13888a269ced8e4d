//! Events of intents and clearances as JSON.

use super::record_json::{Members, Names, number, texts, time, time_or_null};
use keepwhole_core::event::{Event, Judged};
use keepwhole_core::guard::dead::Evidence;
use keepwhole_core::policy::figures::Seen;
use keepwhole_verify::json::{Value, to_hex};

fn small(number: u8) -> Value {
    Value::Integer(u64::from(number))
}

/// What was seen of each figure of the policy, by its place.
fn figures(judged: &Judged) -> Value {
    let one = |(place, seen): &(u8, Seen)| {
        let seen = match seen {
            Seen::Number(number) => Value::amount(*number),
            Seen::Flag(flag) => Value::Bool(*flag),
            Seen::Absent => Value::Null,
            Seen::Unknown(why) => Value::Text(format!("unknown: {}", why.word())),
        };
        Value::object(vec![("figure", small(*place)), ("seen", seen)])
    };
    Value::List(judged.figures.iter().map(one).collect())
}

fn judged(names: &Names<'_>, judged: &Judged) -> Members {
    vec![
        ("delay_ms", number(judged.delay_ms)),
        ("figures", figures(judged)),
        (
            "matched",
            Value::List(judged.matched.iter().map(|at| small(*at)).collect()),
        ),
        ("needs", Value::Integer(u64::from(judged.needs))),
        ("policy", Value::Integer(u64::from(judged.version))),
        ("request", names.request(judged.request)),
        ("roles", texts(&judged.roles)),
        ("until", time_or_null(judged.until)),
    ]
}

pub(super) fn clearances(names: &Names<'_>, event: &Event) -> Option<Members> {
    Some(match event {
        Event::RequestJudged(told) => judged(names, told),
        Event::IntentBound { request, terms } => vec![
            ("expires", time(terms.expires)),
            ("max_fee", Value::amount(terms.max_fee)),
            ("memo", Value::text(terms.memo.as_str())),
            ("request", names.request(*request)),
        ],
        Event::ClearanceIssued {
            request,
            attempt,
            text,
            digest,
            until,
            ..
        } => vec![
            ("attempt", Value::Integer(u64::from(*attempt))),
            ("clearance", Value::text(text.as_str())),
            ("digest", Value::Text(to_hex(digest))),
            ("request", names.request(*request)),
            ("until", time(*until)),
        ],
        Event::IssuedRedeemed {
            request,
            clearance,
            signer,
        } => vec![
            ("clearance", Value::Text(to_hex(clearance))),
            ("request", names.request(*request)),
            ("signer", Value::text(signer.as_str())),
        ],
        Event::AssetNamed { asset, caip19 } => vec![
            ("asset", names.asset(*asset)),
            ("caip19", Value::text(caip19.as_str())),
        ],
        Event::KeyNamed {
            wallet,
            key,
            network,
        } => vec![
            ("key", Value::text(key.as_str())),
            ("network", Value::text(network.as_str())),
            ("wallet", names.wallet(*wallet)),
        ],
        Event::SafeRegistered(safe) => vec![
            ("address", Value::text(safe.at.address.as_str())),
            ("network", Value::text(safe.at.network.as_str())),
            ("version", Value::text(safe.version.as_str())),
            ("wallet", names.wallet(safe.wallet)),
        ],
        Event::BatchCodeRegistered(code) => vec![
            ("address", Value::text(code.address.as_str())),
            ("network", Value::text(code.network.as_str())),
        ],
        Event::ClearancesDead(dead) => vec![
            ("conflict_key", Value::text(dead.conflict_key.as_str())),
            ("evidence", proof(&dead.evidence)),
            ("network", Value::text(dead.network.as_str())),
            ("request", names.request(dead.request)),
        ],
        _ => return None,
    })
}

/// How it is known that nothing lands.
fn proof(evidence: &Evidence) -> Value {
    let mut told = match evidence {
        Evidence::Spent { txid } => vec![("txid", Value::text(txid.as_str()))],
        Evidence::Lapsed { last_valid, height } => {
            vec![
                ("height", number(*height)),
                ("last_valid", number(*last_valid)),
            ]
        }
        Evidence::NonceMoved { value } => vec![("nonce", Value::text(value.as_str()))],
    };
    told.push(("kind", Value::text(evidence.word())));
    Value::object(told)
}
