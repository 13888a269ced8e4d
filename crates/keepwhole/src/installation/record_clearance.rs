//! Events of intents and clearances as JSON.

use super::record_json::{Members, Names, time};
use keepwhole_core::event::Event;
use keepwhole_verify::json::{Value, to_hex};

pub(super) fn clearances(names: &Names<'_>, event: &Event) -> Option<Members> {
    Some(match event {
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
        _ => return None,
    })
}
