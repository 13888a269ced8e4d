//! The file of settings: a whole one is taken, and every fault is told at once with its line.

use keepwhole_cosigner::bitgo::{Carrier, Mode as BitGoMode};
use keepwhole_cosigner::claims::Vendor;
use keepwhole_cosigner::settings::Settings;

pub(crate) fn whole() -> String {
    let vkey = crate::guard_simulator::key();
    format!(
        r#"version = 1
listen = "127.0.0.1:0"
health = "127.0.0.1:0"
state = "state"
budget_ms = 2000

[tls]
certificate = "server.pem"
key_file = "server.key"

[guard]
url = "GUARD"
token_file = "guard-token"
signer_token_file = "signer-token"
vkey = "{vkey}"
signer = "responder-1"

[fireblocks]
mode = 1

[[fireblocks.cosigner]]
name = "cosigner-1"
public_key = "cosigner-1.pem"

[[fireblocks.user]]
id = "0f6c5e3a-2f0b-4d0a-9a53-6a9d1a1c7a11"
cosigners = ["cosigner-1"]
answer_key_file = "user.pem"

[bitgo]
mode = "signed"
path = "/bitgo"
account = "enterprise-1"
jwks_file = "bitgo-jwks.json"
key_id = "keepwhole-2026-11-23"
answer_key_file = "bitgo.pem"

[[network]]
id = "eip155:1"
coin = 60
decimals = 18
fee_limit = "1000000000000000"

[[network]]
id = "bip122:000000000019d6689c085ae165831e93"
coin = 0
decimals = 8
fee_limit = "50000"

[[asset]]
vendor = "fireblocks"
code = "ETH"
asset = "eip155:1/slip44:60"
decimals = 18
per_hour = "50000000000000000"
automatic = "20000000000000000"

[[asset]]
vendor = "bitgo"
code = "btc"
asset = "bip122:000000000019d6689c085ae165831e93/slip44:0"
decimals = 8
per_hour = "5000000"
automatic = "2500000"

[[wallet]]
vendor = "fireblocks"
code = "0"
name = "hot-1"
key = "hot-1/2026-1"
addresses = {{ "eip155:1" = "0x1111111111111111111111111111111111111111" }}

[[wallet]]
vendor = "bitgo"
code = "59cd72485007a239fb00282ed480da1f"
name = "hot-2"
key = "hot-2/2026-1"
asset = "btc"
"#
    )
    .replace("GUARD", "http://127.0.0.1:8650")
}

#[test]
fn a_whole_file_is_taken() {
    let settings = Settings::parse(&whole()).unwrap();
    assert!(
        settings
            .mapping
            .assets
            .contains_key(&(Vendor::BitGo, "btc".to_owned()))
    );
    let bitgo = settings.bitgo.unwrap();
    assert_eq!(
        (bitgo.mode, bitgo.carrier),
        (BitGoMode::Signed, Carrier::Body)
    );
    assert!(
        settings.fireblocks.unwrap().raw_required,
        "the safe side is the default"
    );
}

#[test]
fn the_client_limit_is_the_automatic_one_where_none_is_set() {
    let limits = |text: &str| {
        let settings = Settings::parse(text).unwrap();
        let limits = settings.mapping.limits("eip155:1/slip44:60").unwrap();
        (limits.automatic, limits.client)
    };
    let automatic = 20_000_000_000_000_000;
    assert_eq!(limits(&whole()), (automatic, automatic));
    let set = "\"20000000000000000\"\nclient_limit = \"30000000000000000\"";
    let text = whole().replacen("\"20000000000000000\"", set, 1);
    assert_eq!(limits(&text), (automatic, 30_000_000_000_000_000));
}

#[test]
fn each_fault_is_told_with_its_key() {
    let rows = [
        ("version = 1", "version = 2", "version"),
        (
            "health = \"127.0.0.1:0\"",
            "health = \"0.0.0.0:1\"",
            "health",
        ),
        ("budget_ms = 2000", "budget_ms = 5001", "budget_ms"),
        ("http://127.0.0.1:8650", "http://10.0.0.1:8650", "guard.url"),
        (
            "http://127.0.0.1:8650",
            "https://guard.example",
            "guard.url",
        ),
        ("/guard+", "/log+", "guard.vkey"),
        (
            "signer_token_file = \"signer-token\"\n",
            "",
            "guard.token_file",
        ),
        ("mode = 1", "mode = 5", "fireblocks.mode"),
        ("mode = 1", "mode = 1\nraw = \"maybe\"", "fireblocks.raw"),
        (
            "mode = 1",
            "mode = 1\napprovals = \"approve\"",
            "fireblocks.approvals",
        ),
        (
            "mode = 1",
            "mode = 1\nwithdrawal_id = \"txId\"",
            "fireblocks.withdrawal_id",
        ),
        (
            "[\"cosigner-1\"]",
            "[\"cosigner-2\"]",
            "fireblocks.user.cosigners",
        ),
        ("[\"cosigner-1\"]", "[]", "fireblocks.user.cosigners"),
        (
            "public_key = \"cosigner-1.pem\"",
            "public_key = \"\"",
            "fireblocks.cosigner.public_key",
        ),
        ("mode = \"signed\"", "mode = \"open\"", "bitgo.mode"),
        ("path = \"/bitgo\"", "path = \"bitgo\"", "bitgo.path"),
        (
            "path = \"/bitgo\"",
            "path = \"/v2/tx_sign_request\"",
            "bitgo.path",
        ),
        (
            "path = \"/bitgo\"",
            "path = \"/bitgo\"\ncarrier = \"query\"",
            "bitgo.carrier",
        ),
        (
            "path = \"/bitgo\"",
            "path = \"/bitgo\"\nnames = { amout = \"x\" }",
            "bitgo.names",
        ),
        ("keepwhole-2026-11-23", "keepwhole", "bitgo.key_id"),
        ("jwks_file = \"bitgo-jwks.json\"\n", "", "bitgo.jwks_file"),
        (
            "jwks_file = \"bitgo-jwks.json\"",
            "jwks_url = \"https://app.bitgo.example/jwks\"",
            "bitgo.jwks_file",
        ),
        (
            "decimals = 18\nper_hour",
            "decimals = 37\nper_hour",
            "asset.decimals",
        ),
        (
            "\"eip155:1/slip44:60\"",
            "\"eip155:5/slip44:60\"",
            "asset.asset",
        ),
        (
            "\"eip155:1/slip44:60\"",
            "\"eip155:1/erc20:0xA0b8\"",
            "asset.asset",
        ),
        ("\"50000000000000000\"", "\"0.05\"", "asset.per_hour"),
        ("\"20000000000000000\"", "\"020\"", "asset.automatic"),
        (
            "\"20000000000000000\"",
            "\"20000000000000000\"\nclient_limit = \"19999999999999999\"",
            "asset.client_limit",
        ),
        (
            "\"20000000000000000\"",
            "\"20000000000000000\"\nclient_limit = \"1e18\"",
            "asset.client_limit",
        ),
        (
            "vendor = \"bitgo\"\ncode = \"btc\"",
            "vendor = \"other\"\ncode = \"btc\"",
            "asset.vendor",
        ),
        ("{ \"eip155:1\" =", "{ \"eip155:7\" =", "wallet.addresses"),
        ("asset = \"btc\"\n", "", "wallet.asset"),
    ];
    for (from, to, key) in rows {
        let text = whole();
        assert!(text.contains(from), "{from}");
        let faults = Settings::parse(&text.replacen(from, to, 1)).unwrap_err();
        let found = faults.iter().any(|fault| fault.key == key);
        assert!(found, "{to}: {faults:?}");
        assert!(
            faults
                .iter()
                .all(|fault| fault.line >= 1 && !fault.what.is_empty())
        );
    }
    // Unknown keys, and faults in several places at once.
    let unknown = whole().replacen("mode = 1", "mode = 1\nsecret = \"x\"", 1);
    assert!(
        Settings::parse(&unknown).unwrap_err()[0]
            .what
            .contains("unknown field")
    );
    let several = whole()
        .replacen("mode = 1", "mode = 9", 1)
        .replacen("mode = \"signed\"", "mode = \"open\"", 1)
        .replacen("budget_ms = 2000", "budget_ms = 0", 1);
    let keys: Vec<String> = Settings::parse(&several)
        .unwrap_err()
        .into_iter()
        .map(|fault| fault.key)
        .collect();
    assert_eq!(keys, ["budget_ms", "fireblocks.mode", "bitgo.mode"]);
}
