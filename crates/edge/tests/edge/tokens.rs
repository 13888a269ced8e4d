//! The file of identities.

use jiff::civil::date;
use keepwhole_edge::tokens::{Tokens, digest_of};

#[test]
fn a_token_counts_until_its_day_and_only_as_a_whole() {
    let line = Tokens::line("ledger", "ledger", "kw_secret", date(2026, 3, 1));
    assert!(!line.contains("secret"), "{line}");
    let tokens = Tokens::parse(&format!("# who may ask\n\n{line}")).unwrap();
    assert_eq!(
        tokens
            .find(Some("kw_secret"), None, date(2026, 2, 28))
            .unwrap()
            .name,
        "ledger"
    );
    assert!(
        tokens
            .find(Some("kw_secret"), None, date(2026, 3, 1))
            .is_none()
    );
    for wrong in ["", "kw_secre", "kw_secret ", "KW_SECRET"] {
        assert!(
            tokens.find(Some(wrong), None, date(2026, 1, 1)).is_none(),
            "{wrong}"
        );
    }
    let shown = format!("{tokens:?}");
    let hex: String = digest_of("kw_secret")
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    assert!(!shown.contains(&hex), "{shown}");
}

#[test]
fn a_line_that_is_none_is_refused_with_its_number_and_what_to_do() {
    let hex = "ab".repeat(32);
    let good = format!("a ledger {hex} 2026-03-01");
    let cases = [
        (
            "a ledger".to_owned(),
            "`2` fields where four or more are needed",
        ),
        (format!("A ledger {hex} 2026-03-01"), "lower-case letters"),
        (
            format!("{} ledger {hex} 2026-03-01", "a".repeat(65)),
            "1 to 64",
        ),
        (
            format!("a root {hex} 2026-03-01"),
            "scope `root` is not known",
        ),
        (
            "a ledger kw_the-token-itself 2026-03-01".to_owned(),
            "write the token's SHA-256, never the token",
        ),
        (
            format!("a ledger {} 2026-03-01", hex.to_uppercase()),
            "64 lower-case hex digits",
        ),
        (format!("a ledger {hex} tomorrow"), "is not a day"),
        (
            "a ledger - 2026-03-01".to_owned(),
            "neither a token nor a certificate",
        ),
        (format!("{good} {hex}"), "after the day stands `cert:`"),
        (
            format!("{good} cert:{}", &hex[1..]),
            "64 lower-case hex digits",
        ),
        (
            format!("{good} cert:{hex} cert:{hex} cert:{hex}"),
            "`3` certificates",
        ),
        (
            format!(
                "a ledger - 2026-03-01 cert:{hex}\nb ledger - 2026-03-01 cert:{} cert:{hex}",
                "cd".repeat(32)
            ),
            "identifies another line alone",
        ),
        (
            format!("{good}\na ledger {} 2026-03-01", "cd".repeat(32)),
            "stands twice",
        ),
        (
            format!("{good}\nb ledger {hex} 2026-03-01"),
            "the token of another line",
        ),
    ];
    for (text, says) in cases {
        let fault = Tokens::parse(&text).unwrap_err();
        assert_eq!(fault.line, text.lines().count(), "{text}");
        assert!(fault.to_string().contains(says), "{fault}");
        assert!(
            !fault.to_string().contains("kw_the-token-itself"),
            "{fault}"
        );
    }
}

/// What is shown as (token, certificate), and who it is.
type Shown = (Option<&'static str>, Option<[u8; 32]>, Option<&'static str>);

#[test]
fn a_line_says_all_that_is_needed_and_less_is_nobody() {
    let until = date(2026, 3, 1);
    let (mine, next, others) = ([1; 32], [2; 32], [3; 32]);
    let text = Tokens::line("plain", "ledger", "kw_plain", until)
        + &Tokens::bound_line("both", "ledger", Some("kw_both"), until, &[mine, next])
        + &Tokens::bound_line("alone", "ledger", None, until, &[mine]);
    let tokens = Tokens::parse(&text).unwrap();
    let cases: [Shown; 14] = [
        (Some("kw_plain"), None, Some("plain")),
        (Some("kw_plain"), Some(others), Some("plain")),
        (Some("kw_both"), Some(mine), Some("both")),
        (Some("kw_both"), Some(next), Some("both")),
        (Some("kw_both"), Some(others), None),
        (Some("kw_both"), None, None),
        (None, Some(mine), Some("alone")),
        (None, Some(next), None),
        (None, Some(others), None),
        (None, Some([0; 32]), None),
        (None, None, None),
        (Some("kw_wrong"), Some(mine), None),
        (Some(""), Some(mine), None),
        (Some("-"), Some(mine), None),
    ];
    for (token, certificate, who) in cases {
        let found = tokens.find(token, certificate.as_ref(), date(2026, 2, 1));
        let found = found.map(|found| found.name.as_str());
        assert_eq!(found, who, "{token:?} {certificate:?}");
        assert_eq!(tokens.find(token, certificate.as_ref(), until), None);
    }
    let again: String = tokens
        .all()
        .iter()
        .map(|token| token.line_with(token.certificates()))
        .collect();
    assert_eq!(again, text);
}
