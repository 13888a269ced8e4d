//! Targets over what comes from people and programs: settings, tokens, requests, scenarios, law.

use keepwhole::drill::load;
use keepwhole::law::{SourceFile, load as load_law};
use keepwhole::policy::render::render;
use keepwhole::policy::{read, read_bytes};
use keepwhole_core::price;
use keepwhole_edge::settings::Settings;
use keepwhole_edge::tokens::Tokens;

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// A file that is refused says where; one that is taken listens on loopback only.
pub(crate) fn settings(bytes: &[u8]) {
    let Some(given) = text(bytes) else { return };
    match Settings::parse(given) {
        Ok(settings) => {
            let console = settings.console.listen.into_iter();
            let mut all = console.chain(settings.api.map(|api| api.listen));
            assert!(all.all(|address| address.ip().to_canonical().is_loopback()));
        }
        Err(faults) => {
            assert!(!faults.is_empty());
            let lines = given.bytes().filter(|byte| *byte == b'\n').count() + 1;
            assert!(faults.iter().all(|fault| (1..=lines).contains(&fault.line)));
        }
    }
}

pub(crate) fn tokens(bytes: &[u8]) {
    let Some(given) = text(bytes) else { return };
    if let Ok(tokens) = Tokens::parse(given) {
        assert!(tokens.all().len() <= given.lines().count());
    }
}

pub(crate) fn http_transfers(bytes: &[u8]) {
    if let Ok(batch) = keepwhole_edge::api::read_transfers(bytes) {
        assert!(batch.rows().all(|row| row.units > 0));
    }
}

/// A price that is taken is above zero, and reads the same when it is written out.
pub(crate) fn http_prices(bytes: &[u8]) {
    let decimals = |asset: &str| match asset {
        "KRW" => Some(0),
        "BTC" => Some(8),
        _ => None,
    };
    let Ok(rows) = keepwhole_edge::api::read_prices(bytes, &decimals) else {
        return;
    };
    for row in rows {
        let places = decimals(&row.quote).unwrap_or(0);
        assert!(row.price > 0);
        assert_eq!(
            price::parse(&price::text(row.price, places), places),
            Ok(row.price)
        );
    }
}

pub(crate) fn feed_request(bytes: &[u8]) {
    if let Ok((_, batch)) = keepwhole_edge::feed::parse(bytes.to_vec()) {
        assert_eq!(batch.rows().count(), batch.len());
    }
}

pub(crate) fn scenario(bytes: &[u8]) {
    if let Some(given) = text(bytes) {
        let _ = load::parse("scenario.toml", given);
    }
}

pub(crate) fn law(bytes: &[u8]) {
    if let Some(given) = text(bytes) {
        let file = SourceFile {
            name: "law.toml".to_owned(),
            bytes: given.as_bytes().to_vec(),
        };
        let _ = load_law(&[file], None);
    }
}

/// A policy that is refused says where; one that is taken is written out as a file that says the same.
pub(crate) fn policy(bytes: &[u8]) {
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
    match read_bytes("policy.toml", bytes, None) {
        Ok(taken) => {
            let again = read("again.toml", &render(&taken.policy, &taken.names), None);
            assert_eq!(again.map(|again| again.policy), Ok(taken.policy));
        }
        Err(refused) => {
            assert!(!refused.faults.is_empty());
            let there = |line: &usize| (1..=lines).contains(line);
            assert!(refused.faults.iter().all(|fault| there(&fault.line)));
        }
    }
}
