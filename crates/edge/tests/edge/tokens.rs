//! The file of identities.

use jiff::civil::date;
use keepwhole_edge::tokens::{Tokens, digest_of};

#[test]
fn a_token_counts_until_its_day_and_only_as_a_whole() {
    let line = Tokens::line("ledger", "ledger", "kw_secret", date(2026, 3, 1));
    assert!(!line.contains("secret"), "{line}");
    let tokens = Tokens::parse(&format!("# who may ask\n\n{line}")).unwrap();
    assert_eq!(
        tokens.find("kw_secret", date(2026, 2, 28)).unwrap().name,
        "ledger"
    );
    assert!(tokens.find("kw_secret", date(2026, 3, 1)).is_none());
    for wrong in ["", "kw_secre", "kw_secret ", "KW_SECRET"] {
        assert!(tokens.find(wrong, date(2026, 1, 1)).is_none(), "{wrong}");
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
        ("a ledger".to_owned(), "`2` fields where four are needed"),
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
