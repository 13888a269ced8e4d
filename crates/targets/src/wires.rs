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
pub(crate) fn settings(bytes: &[u8]) -> bool {
    let Some(given) = text(bytes) else {
        return false;
    };
    match Settings::parse(given) {
        Ok(settings) => {
            let console = settings.console.listen.into_iter();
            let mut all = console.chain(settings.api.map(|api| api.listen));
            assert!(all.all(|address| address.ip().to_canonical().is_loopback()));
            true
        }
        Err(faults) => {
            assert!(!faults.is_empty());
            let lines = given.bytes().filter(|byte| *byte == b'\n').count() + 1;
            assert!(faults.iter().all(|fault| (1..=lines).contains(&fault.line)));
            false
        }
    }
}

pub(crate) fn tokens(bytes: &[u8]) -> bool {
    let Some(given) = text(bytes) else {
        return false;
    };
    let Ok(tokens) = Tokens::parse(given) else {
        return false;
    };
    assert!(tokens.all().len() <= given.lines().count());
    true
}

pub(crate) fn http_transfers(bytes: &[u8]) -> bool {
    let Ok(batch) = keepwhole_edge::api::read_transfers(bytes) else {
        return false;
    };
    assert!(batch.rows().all(|row| row.units > 0));
    true
}

/// A price that is taken is above zero, and reads the same when it is written out.
pub(crate) fn http_prices(bytes: &[u8]) -> bool {
    let decimals = |asset: &str| match asset {
        "KRW" => Some(0),
        "BTC" => Some(8),
        _ => None,
    };
    let Ok(rows) = keepwhole_edge::api::read_prices(bytes, &decimals) else {
        return false;
    };
    for row in rows {
        let places = decimals(&row.quote).unwrap_or(0);
        assert!(row.price > 0);
        assert_eq!(
            price::parse(&price::text(row.price, places), places),
            Ok(row.price)
        );
    }
    true
}

pub(crate) fn feed_request(bytes: &[u8]) -> bool {
    let Ok((_, batch)) = keepwhole_edge::feed::parse(bytes.to_vec()) else {
        return false;
    };
    assert_eq!(batch.rows().count(), batch.len());
    true
}

pub(crate) fn scenario(bytes: &[u8]) -> bool {
    let Some(given) = text(bytes) else {
        return false;
    };
    // A scenario's file is called by its id; under any other name nothing behind the id would be read.
    let id = |line: &str| {
        line.strip_prefix("id = \"")?
            .strip_suffix('"')
            .map(str::to_owned)
    };
    let id = given.lines().find_map(id).unwrap_or_default();
    load::parse(&format!("{id}.toml"), given).is_ok()
}

pub(crate) fn law(bytes: &[u8]) -> bool {
    let Some(given) = text(bytes) else {
        return false;
    };
    let file = SourceFile {
        name: "law.toml".to_owned(),
        bytes: given.as_bytes().to_vec(),
    };
    load_law(&[file], None).refusals.is_empty()
}

/// A policy that is refused says where; one that is taken is written out as a file that says the same.
pub(crate) fn policy(bytes: &[u8]) -> bool {
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
    match read_bytes("policy.toml", bytes, None) {
        Ok(taken) => {
            let again = read("again.toml", &render(&taken.policy, &taken.names), None);
            assert_eq!(again.map(|again| again.policy), Ok(taken.policy));
            true
        }
        Err(refused) => {
            assert!(!refused.faults.is_empty());
            let there = |line: &usize| (1..=lines).contains(line);
            assert!(refused.faults.iter().all(|fault| there(&fault.line)));
            false
        }
    }
}
