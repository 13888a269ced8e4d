//! Faults of `signer.toml`: all at once, each with line, key, value and fix.

use crate::world::settings_text;
use keepwhole_signer::Settings;

fn faults(text: &str) -> Vec<String> {
    let faults = Settings::parse(text).unwrap_err();
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn a_right_file_is_read() {
    let settings = Settings::parse(&settings_text()).unwrap();
    assert_eq!(settings.name, "signer-1");
    assert_eq!(settings.guard.intent_max, 72 * 3_600);
    assert_eq!(settings.approvers.people.len(), 4);
}

#[test]
fn each_fault_names_place_and_fix() {
    for (from, to, says) in [
        ("version = 1", "version = 2", "`version`: `2` is not known"),
        (
            "name = \"signer-1\"",
            "nam = \"signer-1\"",
            "unknown field `nam`",
        ),
        (
            "mode = \"online\"",
            "mode = \"off\"",
            "`redemption.mode`: `off` is neither",
        ),
        (
            "mode = \"online\"",
            "mode = \"offline\"",
            "`redemption.url`: is not asked offline",
        ),
        (
            "url = \"http://127.0.0.1:8651\"\n",
            "",
            "`redemption.url`: is missing",
        ),
        (
            "url = \"http://127.0.0.1:8651\"",
            "url = \"http://10.0.0.1:8651\"",
            "neither an address of this machine",
        ),
        (
            "url = \"http://127.0.0.1:8651\"",
            "url = \"https://guard.example:8651\"",
            "needs `[tls]` with `authority`",
        ),
        (
            "[log]",
            "[tls]\nauthority = \"ca.pem\"\ncertificate = \"own.pem\"\n[log]",
            "one of `certificate` and `key` is missing",
        ),
        (
            "group all 2 w1 w2 w3\nquorum all",
            "quorum none",
            "asks for no witness",
        ),
        ("/guard+", "/other+", "`guard.key`"),
        ("people = 2", "people = 1", "at least as many as roles"),
        (
            "people = 2",
            "people = 5",
            "`5` people are asked and `4` are pinned",
        ),
        (
            "\"risk\", \"treasury\"]\n",
            "\"risk\", \"owner\"]\n",
            "nobody in `approvers` has the role `owner`",
        ),
        (
            "automatic_hour_cap = \"10000000\"",
            "automatic_hour_cap = \"999999\"",
            "below one withdrawal",
        ),
        (
            "hour_cap = \"500000000\"",
            "hour_cap = \"9999999\"",
            "below what leaves without people",
        ),
        (
            "fee_limit = \"90000\"",
            "",
            "`keys.hot-1/2026-1`: its fees are paid in",
        ),
        ("client_limit = \"50000000\"\n", "", "needs `client_limit`"),
        (
            "\nquorum = \"withdrawal\"",
            "\nquorum = \"all\"",
            "`all` is not among `quorums`",
        ),
        (
            "client_rp_id = \"approver.example\"\n",
            "",
            "needs `client_rp_id`",
        ),
        (
            "client_rp_id = \"approver.example\"",
            "client_rp_id = \"exchange.example\"",
            "is the page's too",
        ),
        (
            "network = \"eip155:1\"",
            "network = \"ripple:1\"",
            "no network that is decoded",
        ),
        ("address = \"0x1111", "address = \"1111", "needs `address`"),
        (
            "fee_limit = \"90000\"",
            "fee_limit = \"9e4\"",
            "`9e4` is not an amount in minor units",
        ),
        ("builds = [\"22", "builds = [\"X2", "not a SHA-256"),
    ] {
        let text = settings_text();
        assert!(text.contains(from), "{from}");
        let all = faults(&text.replacen(from, to, 1));
        assert!(
            all.iter()
                .any(|fault| fault.contains(says) && fault.starts_with("line ")),
            "{from} -> {to}: {all:?}"
        );
    }
}

#[test]
fn all_faults_come_at_once_in_order() {
    let text = settings_text()
        .replace("people = 2", "people = 0")
        .replace(
            "automatic_limit = \"1000000\"",
            "automatic_limit = \"1_000\"",
        )
        .replace("network = \"eip155:1\"", "network = \"x\"");
    let faults = Settings::parse(&text).unwrap_err();
    assert_eq!(faults.len(), 5, "{faults:?}");
    assert!(faults.is_sorted_by_key(|fault| fault.line));
}

#[test]
fn no_text_makes_it_panic() {
    let text = settings_text();
    for cut in 0..text.len() {
        if text.is_char_boundary(cut) {
            let _ = Settings::parse(&text[..cut]);
        }
    }
}
