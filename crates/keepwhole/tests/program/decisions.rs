//! `keepwhole evidence` of an installation with approvals and clearances, and every way to falsify what it shows of them by
//! whoever holds the bundle key and the guard's key: each fails in its stage, and is named.

use crate::cli::{installed, run};
use crate::evidence::{check, check_files};
use crate::forgeries::{Files, refused, sign_again};
use crate::staffed::{DAY, Office, SITE, bootstrap, credential, now, whole_staff};
use crate::walk::{ANN, CHAIN, ETH, FEE, given, policy};
use keepwhole::installation::verifier_key;
use keepwhole::journal::keys::{self, KeyFile};
use keepwhole_core::answer::Answer;
use keepwhole_core::authority::credential::Enrolment;
use keepwhole_core::authority::matter::Target;
use keepwhole_core::command::{
    Body, DecodedPayload, NewIntent, NewPayload, Operation, PayloadContent,
};
use keepwhole_core::guard::Change;
use keepwhole_verify::approval::ApprovalsFile;
use keepwhole_verify::archive::{self, Limits};
use keepwhole_verify::clearance::{self, Clearance, Redemption};
use keepwhole_verify::json::Value;
use keepwhole_verify::note::Ed25519Signer;
use keepwhole_verify::report::Outcome;
use keepwhole_verify::roster::{Credential, Person, Roster};
use keepwhole_verify::trust::Trust;
use keepwhole_verify::webauthn::PublicKey;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const ORIGIN: &str = "exchange.example/keepwhole";

/// Asks for a withdrawal of that many tenths of an ETH.
pub(crate) fn withdraw(office: &mut Office, id: &str, tenths: u128) {
    let intent = NewIntent {
        customer: "ann".to_owned(),
        wallet: "hot-1".to_owned(),
        asset: "ETH".to_owned(),
        units: tenths * ETH / 10,
        to: ANN.to_owned(),
        memo: String::new(),
        max_fee: FEE,
        expires: None,
    };
    office.ask(Some(id), None, Body::RequestIntent(Box::new(intent)));
}

/// A clearance for bytes of that nonce; redeemed where a signer is named.
pub(crate) fn clear(
    office: &mut Office,
    id: &str,
    (tenths, nonce): (u128, u64),
    signer: Option<&str>,
) {
    let network = format!("eip155:{CHAIN}");
    let payload = NewPayload {
        target: id.to_owned(),
        attempt: 1,
        key: "hot-1/1".to_owned(),
        content: PayloadContent::Decoded(DecodedPayload {
            kind: "evm-tx".to_owned(),
            network: network.clone(),
            signing_digest: [u8::try_from(nonce).unwrap(); 32],
            conflict_key: format!("{network}/0x1111111111111111111111111111111111111111/{nonce}"),
            total_fee: FEE,
            memo: String::new(),
            operations: vec![Operation {
                op: "transfer".to_owned(),
                to: ANN.to_owned(),
                asset: format!("{network}/slip44:60"),
                units: tenths * ETH / 10,
                inner: Vec::new(),
            }],
            safe: None,
        }),
        build: [5; 32],
    };
    let answer = office.ask(None, None, Body::IssueClearance(Box::new(payload)));
    assert_eq!(answer, Answer::Cleared, "{id}");
    let Some(signer) = signer else { return };
    let state = office.state();
    let number = state.guard.request(id).unwrap().0;
    let issued = state.guard.clearances.of(number).last().unwrap().digest;
    let body = Body::RedeemIssued {
        clearance: issued,
        signer: signer.to_owned(),
    };
    assert_eq!(office.ask(None, None, body), Answer::Cleared);
}

pub(crate) const ADA: (&str, &str) = ("ada", "ada");
pub(crate) const BEA: (&str, &str) = ("bea", "bea");

/// One withdrawal that no person is asked about, two that two people approve, one that one person does, and a new member of
/// staff by three people and a day.
fn case() -> TempDir {
    let dir = installed();
    // At noon, so that a clearance and its redemption are of one day.
    let noon = (now() * 1_000 / DAY + 1) * DAY + DAY / 2;
    let mut office = Office::open(dir.path(), noon);
    given(&mut office);
    office.tell(Body::AdoptPolicy(Box::new(policy(false))));
    office.close();
    bootstrap(dir.path());
    let mut office = Office::open(dir.path(), now() * 1_000);
    withdraw(&mut office, "w-1", 1);
    clear(&mut office, "w-1", (1, 0), Some("signer-1"));
    for (id, nonce) in [("W-2", 1), ("w-3", 2)] {
        withdraw(&mut office, id, 16);
        office.approve(id, ADA, "risk");
        office.approve(id, BEA, "treasury");
        clear(&mut office, id, (16, nonce), Some("signer-1"));
    }
    withdraw(&mut office, "w-4", 17);
    office.approve("w-4", ADA, "risk");
    withdraw(&mut office, "w-5", 2);
    clear(&mut office, "w-5", (2, 3), None);
    let dan = Enrolment {
        actor: "dan".to_owned(),
        person: "dan".to_owned(),
        roles: vec!["risk".to_owned()],
        expires: office.at + 80 * DAY,
        credentials: vec![credential("dan")],
    };
    office.propose("enrol-dan", "bea", Change::EnrolPerson(Box::new(dan)));
    for name in ["ada", "bea", "cem"] {
        office.approve("enrol-dan", (name, name), "administrator");
    }
    office.pass(DAY + 1_000);
    assert!(office.state().registry.person("dan").is_some());
    office.close();
    dir
}

pub(crate) fn trust(dir: &Path) -> Trust {
    let ex = dir.join("ex");
    let key = |which| verifier_key(&ex, which).unwrap();
    let text = format!(
        "log {}\nquorum none\nbundle {}\nguard {}\nrp-id {SITE}\nweb-origin https://{SITE}\n",
        key(KeyFile::Log),
        key(KeyFile::Bundle),
        key(KeyFile::Guard)
    );
    Trust::parse("trust.txt", &text).unwrap()
}

pub(crate) fn bundle(dir: &Path, more: &[&str]) -> Vec<u8> {
    let out = dir.join("evidence.kwb");
    let _none = fs::remove_file(&out);
    let verb = ["evidence", "--data", "ex", "--out", "evidence.kwb"];
    let done = run(dir, &[&verb[..], more].concat());
    assert_eq!(done.code, 0, "{}", done.err);
    fs::read(out).unwrap()
}

fn unpacked(bytes: &[u8]) -> Files {
    let files = archive::read(bytes, Limits::default()).unwrap();
    let files = files.into_iter();
    files.map(|(path, bytes)| (path, bytes.to_vec())).collect()
}

/// Paths below a folder.
fn below(files: &Files, folder: &str) -> Vec<String> {
    let paths = files.keys().filter(|path| path.starts_with(folder));
    paths.cloned().collect()
}

pub(crate) fn approvals(files: &Files, proposal: &str) -> (String, ApprovalsFile) {
    let read = |path: String| {
        let file = ApprovalsFile::read(std::str::from_utf8(&files[&path]).unwrap()).unwrap();
        (path, file)
    };
    let mut all = below(files, "approvals/").into_iter().map(read);
    all.find(|(_, file)| file.proposal == proposal).unwrap()
}

#[test]
fn approvals_and_clearances_of_an_installation_verify() {
    let dir = case();
    let dir = dir.path();
    let bytes = bundle(dir, &[]);
    assert_eq!(
        bytes,
        bundle(dir, &[]),
        "the same journal gives the same bytes"
    );
    let report = check(&bytes, Some(&trust(dir)));
    assert_eq!(report.failed(), None, "{}", report.to_text());
    let says = |code: &str| {
        let stage = report
            .stages
            .iter()
            .find(|stage| stage.code == code)
            .unwrap();
        assert_eq!(stage.finding.outcome, Outcome::Pass, "{code}");
        stage.finding.says.join(" ")
    };
    assert!(
        says("V10").contains("3 proposals were approved by 7 assertions"),
        "{}",
        says("V10")
    );
    assert!(
        says("V10").contains("every answer of 3 of them"),
        "{}",
        says("V10")
    );
    assert!(
        says("V12").contains("4 clearances for 4 withdrawals"),
        "{}",
        says("V12")
    );
    let files = unpacked(&bytes);
    assert_eq!(below(&files, "approvals/").len(), 3, "w-4 took no effect");
    // Of a part: what lies before it and is needed travels alone.
    let asked = approvals(&files, "enrol-dan").1.index;
    let from = (asked + 2).to_string();
    let part = check(&bundle(dir, &["--from", &from]), Some(&trust(dir)));
    assert_eq!(part.failed(), None, "{}", part.to_text());
    assert!(
        part.to_text()
            .contains("1 proposals were approved by 3 assertions"),
        "{}",
        part.to_text()
    );
    let beyond = run(
        dir,
        &[
            "evidence", "--data", "ex", "--out", "x.kwb", "--to", "999999",
        ],
    );
    assert_eq!(beyond.code, 1);
    assert!(beyond.err.contains("are not published"), "{}", beyond.err);
}

/// What a forger has: the files, and both keys of the host.
pub(crate) struct Forger {
    pub(crate) files: Files,
    bundle: Ed25519Signer,
    guard: Ed25519Signer,
    trust: Trust,
}

impl Forger {
    pub(crate) fn of(dir: &Path) -> Self {
        let ex = dir.join("ex");
        Self {
            files: unpacked(&bundle(dir, &[])),
            bundle: keys::load(&ex, KeyFile::Bundle, ORIGIN).unwrap(),
            guard: keys::load(&ex, KeyFile::Guard, ORIGIN).unwrap(),
            trust: trust(dir),
        }
    }

    pub(crate) fn refused(
        &self,
        name: &str,
        (code, words): (&str, &str),
        change: impl FnOnce(&Self, &mut Files),
    ) {
        let mut files = self.files.clone();
        change(self, &mut files);
        assert_ne!(files, self.files, "{name}");
        sign_again(&mut files, &self.bundle, |_| {});
        refused(name, &check_files(&files, Some(&self.trust)), code, words);
    }

    /// Path of the roster in force at an entry.
    fn roster_at(&self, entry: u64) -> String {
        let named = |path: &String| path[7..path.len() - 5].parse::<u64>().unwrap();
        let rosters = below(&self.files, "roster/").into_iter();
        let before = rosters.filter(|path| named(path) <= entry);
        before.max_by_key(|path| named(path)).unwrap()
    }

    pub(crate) fn edit(
        &self,
        files: &mut Files,
        proposal: &str,
        change: impl FnOnce(&mut ApprovalsFile),
    ) {
        let (path, mut file) = approvals(&self.files, proposal);
        change(&mut file);
        files.insert(path, file.to_text().into_bytes());
    }

    /// Lines of clearances, changed and signed again with the guard's own key.
    fn lines(
        &self,
        files: &mut Files,
        change: impl Fn(&mut Clearance, &mut Option<Redemption>) -> bool,
    ) {
        for path in below(&self.files, "clearances/") {
            let text = String::from_utf8(self.files[&path].clone()).unwrap();
            let lines = text.lines().filter_map(|line| {
                let value: serde_json::Value = serde_json::from_str(line).unwrap();
                let field = |name: &str| value[name].as_str().map(ToOwned::to_owned);
                let mut cleared = Clearance::read(&field("clearance").unwrap()).unwrap();
                let redemption = field("redemption");
                let mut redeemed = redemption.map(|text| Redemption::read(&text).unwrap());
                let stays = change(&mut cleared, &mut redeemed);
                stays.then(|| self.line(&cleared, &field("intent").unwrap(), redeemed.as_ref()))
            });
            let text: String = lines.collect();
            files.insert(path, text.into_bytes());
        }
    }

    fn line(&self, cleared: &Clearance, intent: &str, redeemed: Option<&Redemption>) -> String {
        let sign = |text: &str| Value::Text(clearance::sign(text, &self.guard).unwrap());
        let mut members = vec![
            ("clearance", Value::Text(cleared.to_text())),
            ("clearance_signature", sign(&cleared.sign_text())),
            ("intent", Value::Text(intent.to_owned())),
        ];
        if let Some(redemption) = redeemed {
            members.push(("redemption", Value::Text(redemption.to_text())));
            members.push(("redemption_signature", sign(&redemption.sign_text())));
        }
        Value::object(members).to_canonical() + "\n"
    }
}

#[test]
fn falsified_approvals_and_rosters_are_named() {
    let dir = case();
    let forger = Forger::of(dir.path());
    let (path, file) = approvals(&forger.files, "W-2");
    let index = file.index;
    forger.refused(
        "a file left out",
        ("V10", "`approvals/` has no file of it"),
        |_, files| {
            files.remove(&path);
        },
    );
    forger.refused(
        "an approval left out",
        ("V10", "`too_few_people`"),
        |forger, files| {
            forger.edit(files, "W-2", |file| drop(file.approvals.pop()));
        },
    );
    forger.refused(
        "a smaller quorum",
        ("V10", "is left out"),
        |forger, files| {
            forger.edit(files, "W-2", |file| {
                file.approvals.pop();
                file.quorum.n = 1;
                file.quorum.roles.clear();
            });
        },
    );
    forger.refused(
        "an approval edited",
        ("V10", "`challenge`"),
        |forger, files| {
            forger.edit(files, "W-2", |file| file.approvals[0].nonce[0] ^= 1);
        },
    );
    forger.refused(
        "a time moved",
        ("V10", "has it received at"),
        |forger, files| {
            forger.edit(files, "enrol-dan", |file| file.approvals[2].received += 1);
        },
    );
    forger.refused(
        "approvals of another matter",
        ("V10", "`challenge`"),
        |forger, files| {
            let other = approvals(&forger.files, "w-3").1.approvals;
            forger.edit(files, "W-2", |file| file.approvals = other);
        },
    );
    forger.refused(
        "matters swapped",
        ("V10", "asks about another command"),
        |forger, files| {
            let other = approvals(&forger.files, "w-3").1;
            forger.edit(files, "W-2", |file| {
                *file = ApprovalsFile {
                    index,
                    proposed_at: file.proposed_at,
                    ..other
                };
            });
        },
    );
    // Nobody signed for `mallory`: a roster that has her says who enrolled her key, and that entry did not.
    let last = &forger.roster_at(index);
    let with = |change: &dyn Fn(&mut Roster)| {
        let mut roster = Roster::read(std::str::from_utf8(&forger.files[last]).unwrap()).unwrap();
        change(&mut roster);
        roster.to_text().into_bytes()
    };
    let mallory = |roster: &mut Roster| {
        let own = credential("mallory");
        roster.people.push(Person {
            credentials: vec![Credential {
                from: 1,
                id: own.id,
                public_key: PublicKey::from_cose(&own.public_key).unwrap(),
                until: None,
            }],
            id: "mallory".to_owned(),
            roles: ["risk".to_owned()].into(),
        });
    };
    forger.refused(
        "an approver more",
        (
            "V10",
            "the roster gives `mallory` a credential that entry 1 does not enrol",
        ),
        |_, files| drop(files.insert(last.clone(), with(&mallory))),
    );
    // The roster at the answer counts beside that at the question.
    let answered = answer_of(dir.path(), "enrol-dan");
    let without = with(&|roster| {
        let person = roster.people.iter_mut().find(|person| person.id == "ada");
        person.unwrap().roles.remove("administrator");
    });
    forger.refused(
        "a role lost between question and answer",
        (
            "V10",
            "`ada` no longer had the role `administrator` when the answer came",
        ),
        |_, files| drop(files.insert(format!("roster/{answered}.json"), without)),
    );
}

/// Entry of the first answer to a proposal.
fn answer_of(dir: &Path, id: &str) -> u64 {
    let office = Office::open(dir, 0);
    let number = office.state().guard.proposal(id).unwrap().0;
    office.state().authority.matters[&Target::Change(number)].voices[0].index
}

#[test]
fn falsified_clearances_are_named_though_the_guard_signs_them() {
    let dir = case();
    let forger = Forger::of(dir.path());
    forger.refused(
        "all left out",
        ("V12", "is in no file of `clearances/`"),
        |_, files| {
            files.retain(|path, _| !path.starts_with("clearances/"));
        },
    );
    forger.refused(
        "one left out",
        ("V12", "is in no file of `clearances/`"),
        |forger, files| {
            forger.lines(files, |cleared, _| !cleared.conflict_key.ends_with("/1"));
        },
    );
    forger.refused(
        "an edit",
        ("V12", "is in no file of `clearances/`"),
        |forger, files| {
            forger.lines(files, |cleared, redeemed| {
                if cleared.conflict_key.ends_with("/1") {
                    cleared.total_fee -= 1;
                    let digest = cleared.digest();
                    if let Some(redemption) = redeemed {
                        redemption.clearance = digest;
                    }
                }
                true
            });
        },
    );
    forger.refused(
        "a redemption left out",
        ("V12", "is left out"),
        |forger, files| {
            forger.lines(files, |_, redeemed| {
                *redeemed = None;
                true
            });
        },
    );
    forger.refused(
        "another signer",
        ("V12", "has another redemption"),
        |forger, files| {
            forger.lines(files, |_, redeemed| {
                if let Some(redemption) = redeemed {
                    redemption.signer = "signer-2".to_owned();
                }
                true
            });
        },
    );
    forger.refused(
        "another's signature",
        ("V12", "`signature`"),
        |forger, files| {
            for path in below(&forger.files, "clearances/") {
                let text = String::from_utf8(forger.files[&path].clone()).unwrap();
                files.insert(path, text.replace("signer-1", "signer-2").into_bytes());
            }
        },
    );
}

#[test]
fn releasing_a_set_and_destroying_a_key_are_proposed_on_the_command_line() {
    let dir = installed();
    let dir = dir.path();
    let mut office = Office::open(dir, now() * 1_000);
    whole_staff(&mut office, |_| {});
    office.close();
    let manifest = crate::evidence::case().sets[0].manifest_text().to_owned();
    fs::write(dir.join("manifest.json"), &manifest).unwrap();
    fs::write(dir.join("other.json"), "{}").unwrap();
    let staff = |arguments: &[&str]| {
        let verb = ["staff", "--data", "ex"];
        run(dir, &[&verb[..1], arguments, &verb[1..]].concat())
    };
    let release =
        |file: &str, id: &str| staff(&["release-redress", file, "--actor", "ria", "--id", id]);
    let made = release("manifest.json", "s-1");
    assert_eq!(made.code, 0, "{}", made.err);
    assert!(made.out.contains("`s-1` waits"), "{}", made.out);
    let shown = staff(&["show", "s-1", "--json"]).json();
    let command = shown["command"].as_str().unwrap();
    let digest = keepwhole_verify::digest::Digest::of(manifest.as_bytes()).to_hex();
    assert!(command.contains(&digest), "{command}");
    assert_eq!(release("other.json", "s-2").code, 2);
    let mut office = Office::open(dir, now() * 1_000);
    office.approve("s-1", ("rob", "rob"), "finance");
    office.approve("s-1", ("tom", "tom"), "legal");
    assert_eq!(office.state().sets.len(), 1);
    office.close();
    assert_eq!(release("manifest.json", "s-3").code, 1, "it is released");
    let destroy = |person: &str| {
        let more = ["--code", "pipa-36", "--actor", "oda", "--id", "d-1"];
        staff(&[&["destroy-key", person][..], &more].concat())
    };
    let wrong = destroy("kim");
    assert_eq!(
        (wrong.code, wrong.err.contains("32 hex digits")),
        (2, true),
        "{}",
        wrong.err
    );
    let refused = destroy(&"0a".repeat(16));
    assert_eq!(
        refused.code, 1,
        "nobody ended that relation: {}",
        refused.out
    );
    // The set of the journal is shown with its manifest, else it is named as left out.
    let bytes = bundle(dir, &["--redress", "manifest.json"]);
    let report = check(&bytes, Some(&trust(dir)));
    assert_eq!(report.failed(), None, "{}", report.to_text());
    let bytes = bundle(dir, &[]);
    let report = check(&bytes, Some(&trust(dir)));
    assert_eq!(report.failed(), None, "{}", report.to_text());
    assert!(
        report.to_text().contains("its manifest was not given"),
        "{}",
        report.to_text()
    );
}
