//! Evidence of decisions in which somebody spoke twice, or counted no longer when others had decided.

use crate::cli::installed;
use crate::decisions::{ADA, BEA, Forger, approvals, bundle, trust, withdraw};
use crate::evidence::check;
use crate::staffed::{Office, bootstrap, now};
use crate::walk::{given, policy};
use keepwhole_core::answer::Answer;
use keepwhole_core::command::Body;
use keepwhole_core::guard::{Change, Standing};
use tempfile::TempDir;

const CEM: (&str, &str) = ("cem", "cem");
const HOUR: u64 = 3_600_000;

/// `ada` approves `again` a second time when her first approval lapsed; hers of `lapsed` lapses, and she is suspended when
/// others clear `suspended`.
fn case() -> TempDir {
    let dir = installed();
    let mut office = Office::open(dir.path(), now() * 1_000);
    given(&mut office);
    let mut policy = policy(false);
    policy.approval_ttl_ms = Some(HOUR);
    office.tell(Body::AdoptPolicy(Box::new(policy)));
    office.close();
    bootstrap(dir.path());
    let mut office = Office::open(dir.path(), now() * 1_000);
    for id in ["again", "lapsed", "suspended"] {
        withdraw(&mut office, id, 16);
    }
    for id in ["again", "lapsed"] {
        assert_eq!(office.approve(id, ADA, "risk"), Answer::Recorded);
    }
    office.pass(HOUR);
    assert_eq!(office.approve("again", ADA, "risk"), Answer::Recorded);
    office.approve("again", BEA, "treasury");
    office.approve("suspended", ADA, "risk");
    let suspend = Change::Revoke {
        actor: "ada".to_owned(),
    };
    office.propose("stop-ada", "cem", suspend);
    for id in ["lapsed", "suspended"] {
        office.approve(id, CEM, "risk");
        office.approve(id, BEA, "treasury");
    }
    for id in ["again", "lapsed", "suspended"] {
        let standing = &office.state().guard.request(id).unwrap().1.standing;
        assert_eq!(standing, &Standing::Cleared, "{id}");
    }
    office.close();
    dir
}

#[test]
fn evidence_of_people_who_spoke_twice_or_count_no_longer_verifies() {
    let dir = case();
    let report = check(&bundle(dir.path(), &[]), Some(&trust(dir.path())));
    assert_eq!(report.failed(), None, "{}", report.to_text());
    let text = report.to_text();
    assert!(
        text.contains("3 proposals were approved by 8 assertions"),
        "{text}"
    );
}

#[test]
fn of_a_person_who_spoke_twice_the_newest_word_alone_stands_for_both() {
    let dir = case();
    let forger = Forger::of(dir.path());
    let file = approvals(&forger.files, "again").1;
    assert_eq!(file.approvals.len(), 2);
    forger.refused(
        "her newest word too",
        ("V10", "is left out"),
        |forger, files| {
            forger.edit(files, "again", |file| {
                file.approvals.retain(|approval| approval.approver != "ada");
                file.quorum.n = 1;
                file.quorum.roles.clear();
            });
        },
    );
    forger.refused(
        "of who counts no longer",
        ("V10", "is left out"),
        |forger, files| {
            forger.edit(files, "suspended", |file| {
                file.approvals.retain(|approval| approval.approver != "ada");
            });
        },
    );
}
