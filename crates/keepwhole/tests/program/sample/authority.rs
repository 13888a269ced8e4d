//! Fixed views of authority: a bootstrap that goes on, quorums, passkeys, findings and stops.

use super::{FIRST, HOSTILE, HOUR, MINUTE};
use keepwhole::text::{Arg, Words};
use keepwhole::views::{
    AuthorityView, Bootstrap, CredentialRow, FindingRow, QuorumRow, Recorded, StopRow,
};

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|one| (*one).to_owned()).collect()
}

/// What a quorum of different roles lacks.
fn lacking() -> Words {
    Words::key("missing-different")
        .with("have", "2")
        .with("needs", "3")
}

fn quorums() -> Vec<QuorumRow> {
    let custody = QuorumRow {
        class: "quorum-custody-change",
        persons: 4,
        of: 6,
        among: names(&["risk", "security", "executive", "legal"]),
        required: names(&["security"]),
        distinct_roles: 3,
        cool_off: 48 * HOUR,
        proposer_counts: true,
        assertions: true,
        separate: true,
        able: names(&["Kim", "Park"]),
        lack: Some((2, 6, Some(lacking()))),
    };
    let stops = QuorumRow {
        class: "quorum-lower-risk",
        persons: 1,
        of: 0,
        required: Vec::new(),
        distinct_roles: 0,
        cool_off: 0,
        assertions: false,
        separate: false,
        lack: None,
        ..custody.clone()
    };
    vec![custody, stops]
}

fn findings() -> Vec<FindingRow> {
    vec![
        FindingRow {
            id: "finding-1".to_owned(),
            person: HOSTILE.to_owned(),
            at: FIRST,
            kind: "finding-two-places",
            numbers: Words::key("finding-places-numbers")
                .with("before", "seoul-1")
                .with("now", "lisbon-4")
                .with("span", Arg::Span(20 * MINUTE)),
            effect: "finding-blocks",
            cleared: None,
        },
        FindingRow {
            id: "finding-0".to_owned(),
            person: "Lee".to_owned(),
            at: FIRST - HOUR,
            kind: "finding-unusual-hours",
            numbers: Words::key("finding-hours-numbers")
                .with("time", "03:12")
                .with("from", "07:00")
                .with("until", "22:00"),
            effect: "finding-one-more",
            cleared: Some(("Kim".to_owned(), FIRST)),
        },
    ]
}

fn credentials() -> Vec<CredentialRow> {
    let recorded = |entry, at| Recorded {
        entry,
        at: Some(at),
    };
    let kim = CredentialRow {
        person: "Kim".to_owned(),
        id: "Zm9vYmFyYmF6".to_owned(),
        kind: "credential-security-key",
        device_bound: true,
        from: recorded(31, FIRST - 48 * HOUR),
        until: None,
    };
    let lee = CredentialRow {
        person: "Lee".to_owned(),
        kind: "credential-phone",
        device_bound: false,
        until: Some(recorded(90, FIRST - HOUR)),
        ..kim.clone()
    };
    vec![kim, lee]
}

pub(crate) fn authority() -> AuthorityView {
    let stop = |what, stands| StopRow {
        what,
        by: "Kim".to_owned(),
        since: FIRST,
        stands,
        proposal: "halt-7".to_owned(),
    };
    AuthorityView {
        bootstrap: Bootstrap::Goes {
            administrators: names(&["Kim", "Park", "Choi"]),
            filled: 1,
            all: 2,
        },
        rules: 1,
        quorums: quorums(),
        credentials: credentials(),
        findings: findings(),
        clearers: names(&["administrator", "security"]),
        stops: vec![
            stop(
                Words::key("stop-halt").with("scope", Words::key("scope-all")),
                "stop-alone",
            ),
            stop(
                Words::key("stop-suspended").with("person", "Lee"),
                "stop-kept-person",
            ),
        ],
        sealed_until: Some(FIRST + 4 * HOUR),
    }
}
