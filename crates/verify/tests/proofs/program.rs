//! The small program: what it answers to wrong requests, and with which exit code.

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_keepwhole-verify"))
        .args(arguments)
        .output()
        .expect("runs")
}

#[test]
fn help_has_an_example() {
    let output = run(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(
        text.contains("Example:\n  keepwhole-verify bundle.kwb --trust trust.txt --expect trusted"),
        "{text}"
    );
}

#[test]
fn wrong_requests_are_named_and_exit_2() {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let cases: [(&[&str], &str); 8] = [
        (&[], "name a bundle or a package"),
        (&["no-such.kwb"], "can't open `no-such.kwb`"),
        (&["a", "b"], "`b` is a second one"),
        (&["a", "--sure"], "unknown option `--sure`"),
        (&["a", "--trust"], "`--trust` needs a value"),
        (
            &["a", "--expect", "luck"],
            "`--expect` knows `trusted` only",
        ),
        (&["a", "--max-file-size", "much"], "needs a number of bytes"),
        (&[here, "--trust", here], "line 1"),
    ];
    for (arguments, words) in cases {
        let output = run(arguments);
        let text = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(text.contains(words), "{arguments:?}: {text}");
    }
    let output = run(&[here]);
    assert_eq!(output.status.code(), Some(2), "a file that is no bundle");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.starts_with("DOES NOT VERIFY: V01 container"), "{text}");
}
