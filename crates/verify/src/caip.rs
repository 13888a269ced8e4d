//! Names of networks and assets: CAIP-2 (`eip155:1`) and CAIP-19 (`eip155:1/erc20:0x…`), by their grammar alone.

/// Whether `text` is a CAIP-2 network: `namespace:reference`.
#[must_use]
pub fn is_network(text: &str) -> bool {
    text.split_once(':').is_some_and(|(namespace, reference)| {
        is_namespace(namespace)
            && (1..=32).contains(&reference.len())
            && reference
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    })
}

/// Whether `text` is a CAIP-19 asset: `network/namespace:reference`, and for one of many pieces `/token id` after it.
#[must_use]
pub fn is_asset(text: &str) -> bool {
    let mut parts = text.split('/');
    let (Some(network), Some(asset), token, None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let is_asset = asset.split_once(':').is_some_and(|(namespace, reference)| {
        is_namespace(namespace) && is_reference(reference, 128)
    });
    is_network(network) && is_asset && token.is_none_or(|token| is_reference(token, 78))
}

fn is_namespace(text: &str) -> bool {
    (3..=8).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn is_reference(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'%'))
}
