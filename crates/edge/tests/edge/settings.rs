//! Row 27 of the fault matrix: a wrong `keepwhole.toml` is refused with line, key, value, reason and fix.

use keepwhole_edge::settings::Settings;
use keepwhole_edge::tls::ClientCertificates;

const GOOD: &str = r#"version = 1

[console]
listen = "127.0.0.1:8650"

[api]
listen = "127.0.0.1:8651"
body_max_bytes = 1048576
requests_per_second = 1000
requests_per_second_each = 100
connections = 128

[feed]
socket = "feed.sock"
connections = 8
in_flight = 16

[peatio]
uri_file = "keys/broker-uri"
queue = "keepwhole"
keys = { peatio = "keys/peatio.pem", barong = "keys/barong.pem" }
signatures = 1
house = "house"
markets = ["btcusd"]
assets = { btc = "BTC" }

[log_key]
pkcs11_module = "/usr/lib/softhsm/libsofthsm2.so"
token = "exchange"
pin_file = "/run/credentials/token-pin"
"#;

#[test]
fn the_example_is_taken_and_what_is_left_out_has_its_default() {
    let whole = Settings::parse(GOOD).unwrap();
    let short = "version = 1\nconsole.listen = \"127.0.0.1:8650\"\napi.listen = \"127.0.0.1:8651\"\nfeed.socket = \"feed.sock\"\n";
    let mut short = Settings::parse(short).unwrap();
    assert_eq!(short.peatio, None);
    short.peatio.clone_from(&whole.peatio);
    assert_eq!(short.log_key, None);
    short.log_key.clone_from(&whole.log_key);
    assert_eq!(short, whole);
    let nothing = Settings::parse("version = 1\n").unwrap();
    assert_eq!(
        (nothing.console.listen, nothing.api, nothing.feed),
        (None, None, None)
    );
    assert_eq!(nothing.console.site, None);
}

#[test]
fn passkeys_are_made_for_one_site_and_sign_in_can_be_demanded() {
    let text = "version = 1\n[console]\nrp_id = \"localhost\"\norigin = \"http://localhost:8650\"\nsign_in = \"required\"\nplace_header = \"x-place\"\n";
    let console = Settings::parse(text).unwrap().console;
    let site = console.site.unwrap();
    assert_eq!(
        (site.rp_id.as_str(), site.authority()),
        ("localhost", "localhost:8650")
    );
    assert!(!site.is_https());
    assert!(console.sign_in_required);
    assert_eq!(console.place_header.as_deref(), Some("x-place"));
    let optional = text.replace("required", "optional");
    assert!(!Settings::parse(&optional).unwrap().console.sign_in_required);
}

/// `[api.tls]` stands after the table of the good file, so that its lines stay as they are.
const TLS: &str = r#"
[api.tls]
certificate = "keys/api.pem"
key = "keys/api.key"
client_ca = "keys/clients-ca.pem"
client_certificates = "required"
"#;

#[test]
fn any_address_may_listen_with_tls_and_only_loopback_without() {
    let open = GOOD.replace("127.0.0.1:8651", "0.0.0.0:8651");
    let faults = Settings::parse(&open).unwrap_err();
    assert!(
        faults[0].to_string().contains("add `[api.tls]`"),
        "{}",
        faults[0]
    );
    for address in [
        "0.0.0.0:8651",
        "[::]:8651",
        "10.0.0.1:8651",
        "127.0.0.1:8651",
    ] {
        let text = GOOD.replace("127.0.0.1:8651", address) + TLS;
        let api = Settings::parse(&text).unwrap().api.unwrap();
        assert_eq!(api.listen, address.parse().unwrap());
        let tls = api.tls.unwrap();
        assert_eq!(tls.clients, ClientCertificates::Required);
        let short = text.replace("client_certificates = \"required\"\n", "");
        assert_eq!(Settings::parse(&short).unwrap().api.unwrap().tls, Some(tls));
    }
    let optional = GOOD.to_owned() + &TLS.replace("required", "optional");
    let tls = Settings::parse(&optional)
        .unwrap()
        .api
        .unwrap()
        .tls
        .unwrap();
    assert_eq!(tls.clients, ClientCertificates::Optional);
}

/// Replaced in the good file, by what, the line of the fault, what it says.
const BAD: &str = include_str!("bad_settings.txt");

#[test]
fn row_27_each_of_a_hundred_wrong_files_is_refused_with_its_line() {
    let (mut count, mut wrong) = (0, Vec::new());
    let rows = BAD
        .lines()
        .filter(|row| !row.is_empty() && !row.starts_with('#'));
    for row in rows {
        let fields: Vec<&str> = row.split(" | ").collect();
        let [from, to, line, says] = fields.as_slice() else {
            panic!("{row}")
        };
        let from = from.replace("\\n", "\n");
        let good = GOOD.to_owned() + TLS;
        assert!(good.contains(&from), "{row}");
        let text = good.replacen(&from, &to.replace("\\n", "\n"), 1);
        let faults = Settings::parse(&text).expect_err(row);
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let at_line = format!("line {line}:");
        if !told
            .iter()
            .any(|told| told.starts_with(&at_line) && told.contains(says))
        {
            wrong.push(format!("{row}\n    {}", told.join("\n    ")));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 100, "only {count} rows");
}

#[test]
fn all_faults_of_a_file_are_told_at_once() {
    let text = GOOD
        .replace("= 128", "= 0")
        .replace("= 16", "= 0")
        .replace("127.0.0.1:8650", "0.0.0.0:8650");
    let faults = Settings::parse(&text).unwrap_err();
    let lines: Vec<usize> = faults.iter().map(|fault| fault.line).collect();
    assert_eq!(lines, [4, 11, 16]);
}
