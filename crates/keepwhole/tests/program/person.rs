//! Personal data through the real program: who may do what, what two persons must do, and that not one byte of a person
//! is anywhere but sealed in the vault.

use crate::cli::{PROGRAM, Ran, Serving, installed, run, tell_story};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use keepwhole::installation::Installation;
use keepwhole_core::command::{Body, Command as Told};
use keepwhole_core::policy::{ActionClass, Policy};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// Enrols staff and adopts a policy: `kim` and `lee` keep, `park` reads, `stale` no longer may anything.
fn staffed() -> tempfile::TempDir {
    let dir = installed();
    tell_story(dir.path());
    let mut open = Installation::open(&dir.path().join("ex")).unwrap();
    let at = open.sequencer.state().at + 1;
    let enrol = |id: &str, person: &str, role: &str, expires| Body::EnrolActor {
        id: id.into(),
        person: person.into(),
        roles: vec![role.into()],
        expires,
    };
    let policy = Policy {
        version: 1,
        authority: vec![
            (ActionClass::KeepPersonal, vec!["privacy".into()]),
            (ActionClass::ReadPersonal, vec!["support".into()]),
        ],
        reads_per_hour: Some(3),
        ..Policy::default()
    };
    let bodies = [
        enrol("kim", "p1", "privacy", None),
        enrol("kim-2", "p1", "privacy", None),
        enrol("lee", "p2", "privacy", None),
        enrol("park", "p3", "support", None),
        enrol("stale", "p4", "privacy", Some(1)),
        Body::AdoptPolicy(Box::new(policy)),
    ];
    for body in bodies {
        let told = Told {
            id: None,
            actor: None,
            body,
        };
        let replies = open.sequencer.turn(at, &[told]).unwrap();
        assert_eq!(replies[0].answer.word(), "recorded");
    }
    open.publish().unwrap();
    drop(open);
    dir
}

/// Runs a verb of `person` with this on standard input, its temporary files in a folder of the test.
fn person(dir: &Path, arguments: &str, input: &str) -> Ran {
    let temporary = dir.join("tmp");
    std::fs::create_dir_all(&temporary).unwrap();
    let mut words = arguments.split_whitespace();
    let verb = words.next().unwrap();
    let mut child = Command::new(PROGRAM)
        .args(["person", verb, "--data", "ex"])
        .args(words)
        .current_dir(dir)
        .env("TMPDIR", &temporary)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A verb that reads no input may have ended by now.
    let _unread = stdin.write_all(input.as_bytes());
    drop(stdin);
    Ran::of(child.wait_with_output().unwrap())
}

const RECORD: &str = r#"{"name":"Hong Gildong","email":"hong@example.com"}"#;

#[test]
fn a_person_is_kept_read_held_and_in_the_end_erased() {
    let dir = staffed();
    let at = dir.path();
    let none = person(
        at,
        "read --account c-1 --actor park --purpose t-1 --fields name",
        "",
    );
    none.failed(1, &["there is no vault here yet"]);
    assert_eq!(person(at, "put --account c-1 --actor kim", RECORD).code, 0);
    for (arguments, exit, says) in [
        ("put --account c-1 --actor nobody", 1, "not enrolled"),
        (
            "put --account c-1 --actor park",
            1,
            "none of the roles `privacy`",
        ),
        (
            "put --account c-1 --actor stale",
            1,
            "roles of this member of staff ended",
        ),
        (
            "read --account c-1 --actor kim --purpose t-1 --fields name",
            1,
            "none of the roles `support`",
        ),
        (
            "read --account c-9 --actor park --purpose t-1 --fields name",
            1,
            "no personal record of this account",
        ),
        (
            "read --account c-1 --actor park --purpose t-1 --fields phone",
            1,
            "no record of this account has one",
        ),
        (
            "read --account c-1 --actor park --purpose t-1 --fields shoe",
            2,
            "a field that does not exist",
        ),
        (
            "read --account c-1 --actor park --purpose t@1 --fields name",
            2,
            "`--purpose` is not a code",
        ),
        (
            "erase --account c-1 --actor kim --code pipa-36",
            1,
            "the relation with this person goes on",
        ),
        (
            "release --account c-1 --actor kim --code court-7",
            1,
            "no hold of this code",
        ),
        (
            "end --account c-1 --actor kim --at yesterday",
            2,
            "no time with its zone",
        ),
    ] {
        person(at, arguments, RECORD).failed(exit, &[says]);
    }
    let read = person(
        at,
        "read --account c-1 --actor park --purpose t-1 --fields name --json",
        "",
    );
    assert_eq!(read.json()["records"][0]["fields"]["name"], "Hong Gildong");
    assert!(
        !read.out.contains("hong@example.com"),
        "only what was asked for"
    );
    let shown = run(at, &["journal", "show", "--data", "ex"]);
    for part in [
        "subject_read",
        "\"t-1\"",
        "[\"name\"]",
        "personal_record_kept",
    ] {
        assert!(
            shown.out.contains(part),
            "`{part}` is missing in the journal"
        );
    }
    for _ in 0..2 {
        assert_eq!(
            person(
                at,
                "read --account c-1 --actor park --purpose t-1 --fields name",
                ""
            )
            .code,
            0
        );
    }
    let over = person(
        at,
        "read --account c-1 --actor park --purpose t-1 --fields name",
        "",
    );
    over.failed(1, &["read 3 records in the last hour; the policy allows 3"]);
    assert_eq!(over.out, "", "nothing is shown that the journal refused");

    let hold = "hold --account c-1 --actor kim --code court-7";
    assert!(person(at, hold, "").out.contains("second person"));
    person(at, "hold --account c-1 --actor kim-2 --code court-7", "")
        .failed(1, &["the same person asked before"]);
    assert!(
        person(at, "hold --account c-1 --actor lee --code court-7", "")
            .out
            .contains("done")
    );
    let ended = person(
        at,
        "end --account c-1 --actor kim --at 2010-01-01T00:00:00+09:00",
        "",
    );
    assert!(ended.out.contains("kr-vaupa-records-15y"), "{}", ended.out);
    person(at, "erase --account c-1 --actor kim --code pipa-36", "")
        .failed(1, &["legal hold `court-7`"]);
    for actor in ["kim", "lee"] {
        let release = format!("release --account c-1 --actor {actor} --code court-7");
        assert_eq!(person(at, &release, "").code, 0);
    }
    let later = person(at, "put --account c-2 --actor kim", RECORD);
    assert_eq!(later.code, 0, "{}", later.err);
    let recent = "end --account c-2 --actor kim --at 2020-01-01T00:00:00+09:00";
    assert_eq!(person(at, recent, "").code, 0);
    let refused = person(at, "erase --account c-2 --actor kim --code pipa-36", "");
    refused.failed(
        1,
        &[
            "rule `kr-vaupa-records-15y` keeps",
            "until 2035-01-02 00:00:00 KST",
        ],
    );
    let list = person(at, "list --json", "").json();
    assert_eq!(list["persons"].as_array().unwrap().len(), 2);

    // An old copy of the whole vault, put back after the erasure, does not bring the person back.
    let copy = at.join("copy");
    assert!(
        Command::new("cp")
            .arg("-a")
            .arg(at.join("ex/vault"))
            .arg(&copy)
            .status()
            .unwrap()
            .success()
    );
    assert!(
        person(at, "erase --account c-1 --actor kim --code pipa-36", "")
            .out
            .contains("second person")
    );
    assert!(
        person(at, "erase --account c-1 --actor lee --code pipa-36", "")
            .out
            .contains("done")
    );
    person(at, "put --account c-1 --actor kim", RECORD).failed(1, &["was erased"]);
    std::fs::remove_dir_all(at.join("ex/vault")).unwrap();
    assert!(
        Command::new("cp")
            .arg("-a")
            .arg(&copy)
            .arg(at.join("ex/vault"))
            .status()
            .unwrap()
            .success()
    );
    let back = person(at, "erase --account c-1 --actor lee --code pipa-36", "");
    assert_eq!(back.code, 1, "{}", back.err);
    assert!(
        back.err
            .contains("error: the person of this account was erased"),
        "{}",
        back.err
    );
    assert!(back.err.contains("are an older copy"), "{}", back.err);
    let rewrapped = person(at, "rewrap", "");
    assert_eq!(rewrapped.code, 0, "{}", rewrapped.err);
    let shown = run(at, &["journal", "show", "--data", "ex"]).out;
    for part in [
        "subject_erased",
        "legal_hold_set",
        "legal_hold_released",
        "key_store_restored",
    ] {
        assert!(shown.contains(part), "`{part}` is missing in the journal");
    }
    assert_eq!(run(at, &["journal", "check", "--data", "ex"]).code, 0);
    let list = person(at, "list --json", "").json();
    assert_eq!(
        (
            list["persons"].as_array().unwrap().len(),
            list["erased"].as_u64()
        ),
        (1, Some(1))
    );
}

/// Values of a person that must not be found anywhere.
const CANARIES: [&str; 4] = [
    "카나리아 김",
    "canary.kim@example.test",
    "010-7319-2846",
    "880101-2719283",
];

/// A value in every form in which a program may come to write it.
fn forms(value: &str) -> Vec<Vec<u8>> {
    let bytes = value.as_bytes();
    let lower: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let percent = |all: bool| -> String {
        let kept = |byte: u8| !all && (byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
        let one = |byte: &u8| {
            if kept(*byte) {
                char::from(*byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        };
        bytes.iter().map(one).collect()
    };
    let escaped: String = value
        .encode_utf16()
        .map(|unit| format!("\\u{unit:04x}"))
        .collect();
    let rust: String = value.chars().flat_map(char::escape_default).collect();
    let mut forms: Vec<Vec<u8>> = vec![
        bytes.to_vec(),
        value.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        value.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        lower.to_uppercase().into_bytes(),
        lower.into_bytes(),
        percent(true).into_bytes(),
        percent(false).into_bytes(),
        percent(false).to_lowercase().into_bytes(),
        escaped.into_bytes(),
        rust.into_bytes(),
        bytes.iter().rev().copied().collect(),
    ];
    // Base64 at each of the three places at which it may begin, without the letters that its neighbours share.
    for before in 0..3_usize {
        for engine in [&STANDARD, &URL_SAFE] {
            let text = engine.encode([vec![0; before], bytes.to_vec()].concat());
            let whole = (before + bytes.len()) / 3 * 4;
            let from = if before == 0 { 0 } else { 4 };
            forms.push(text.as_bytes()[from..whole].to_vec());
        }
    }
    forms
}

/// All forms of all canaries, and which two bytes any of them begins with: most places are passed with one look.
struct Forms {
    all: Vec<(String, Vec<u8>)>,
    begins: Vec<bool>,
}

fn pair(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) * 256 + usize::from(bytes[1])
}

static FORMS: LazyLock<Forms> = LazyLock::new(|| {
    let mut all = Vec::new();
    let mut begins = vec![false; 65_536];
    for value in CANARIES {
        for (number, form) in forms(value).into_iter().enumerate() {
            begins[pair(&form)] = true;
            all.push((format!("form {number} of `{value}`"), form));
        }
    }
    Forms { all, begins }
});

/// Which form of a canary stands among these bytes.
fn found(bytes: &[u8]) -> Option<String> {
    let places = bytes
        .windows(2)
        .enumerate()
        .filter(|(_, two)| FORMS.begins[pair(two)]);
    for (place, _) in places {
        let hit = FORMS
            .all
            .iter()
            .find(|(_, form)| bytes[place..].starts_with(form));
        if let Some((name, _)) = hit {
            return Some(name.clone());
        }
    }
    None
}

fn search(folder: &Path, places: &mut u64) -> Vec<String> {
    let mut hits = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        *places += 1;
        hits.extend(
            found(path.as_os_str().as_encoded_bytes()).map(|what| format!("{what} in a name")),
        );
        if path.is_dir() {
            hits.extend(search(&path, places));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            hits.extend(found(&bytes).map(|what| format!("{what} in {}", path.display())));
        }
    }
    hits
}

#[test]
fn the_search_finds_a_canary_in_every_form() {
    for value in CANARIES {
        for form in forms(value) {
            assert!(form.len() >= 8, "too short to mean anything");
            let planted = [b"before ".as_slice(), &form, b" after"].concat();
            assert!(found(&planted).is_some());
        }
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("deep")).unwrap();
    assert!(search(dir.path(), &mut 0).is_empty());
    std::fs::write(dir.path().join("deep/file"), b"x 010-7319-2846").unwrap();
    assert_eq!(search(dir.path(), &mut 0).len(), 1);
    let mut data = STANDARD.encode(format!("ab{}cd", CANARIES[1]));
    data.insert_str(0, "QUJD");
    assert!(found(data.as_bytes()).is_some(), "inside longer base64");
}

#[test]
fn no_byte_of_a_person_is_anywhere_but_sealed() {
    let dir = staffed();
    let at = dir.path();
    let [name, email, phone, id] = CANARIES;
    let record =
        format!(r#"{{"name":"{name}","email":"{email}","phone":"{phone}","national_id":"{id}"}}"#);
    let fields = "name,email,phone,national_id";
    let mut quiet = Vec::new();
    quiet.push(person(at, "put --account c-1 --actor kim", &record));
    quiet.push(person(at, "put --account c-1 --actor kim --json", &record));
    // Bad input of many kinds: refused, and not repeated.
    let half = &record[..record.char_indices().nth(60).unwrap().0];
    let unknown = format!(r#"{{"{name}":"{email}"}}"#);
    let twice = format!(r#"{{"name":"{name}","name":"{email}"}}"#);
    let number = format!(r#"{{"name":["{phone}"]}}"#);
    for bad in [
        half,
        name,
        &unknown,
        &twice,
        &number,
        &format!("{record} {id}"),
    ] {
        let refused = person(at, "put --account c-1 --actor kim --json", bad);
        assert_eq!(refused.code, 2, "{}", refused.err);
        quiet.push(refused);
    }
    // What belongs to no argument is refused there without being repeated, also where it is no code at all.
    for arguments in [
        format!("read --account {email} --actor park --purpose t-1 --fields name"),
        format!("read --account c-1 --actor {email} --purpose t-1 --fields name"),
        format!("read --account c-1 --actor park --purpose {email} --fields name"),
        format!("read --account c-1 --actor park --purpose t-1 --fields {phone}"),
        format!("erase --account c-1 --actor kim --code {email}"),
        format!("hold --account {email} --actor kim --code court-7"),
        format!("end --account c-1 --actor kim --at {id}"),
    ] {
        let refused = person(at, &arguments, "");
        assert_ne!(refused.code, 0, "{arguments}");
        quiet.push(refused);
    }
    // The one answer that may show them, and it does.
    let shown = person(
        at,
        &format!("read --account c-1 --actor park --purpose t-1 --fields {fields}"),
        "",
    );
    assert!(
        CANARIES.iter().all(|value| shown.out.contains(value)),
        "{}",
        shown.err
    );
    assert_eq!(found(shown.err.as_bytes()), None);
    quiet.push(person(at, "list", ""));
    quiet.push(person(at, "rewrap", ""));
    for verb in [
        &["journal", "show"][..],
        &["journal", "check"],
        &["status"],
        &["status", "--json"],
    ] {
        quiet.push(run(at, &[verb, &["--data", "ex"]].concat()));
    }
    let serving = Serving::start(at, &[]);
    for page in [
        "/",
        "/customers",
        "/customers/c-1",
        "/journal",
        "/incidents",
        "/report",
        "/log/checkpoint",
        "/nothing",
    ] {
        assert_eq!(found(serving.get(page).1.as_bytes()), None, "{page}");
    }
    let (_, said) = serving.stop("-TERM");
    assert_eq!(found(said.as_bytes()), None);
    assert!(
        Command::new("cp")
            .args(["-a", "ex", "backup"])
            .current_dir(at)
            .status()
            .unwrap()
            .success()
    );
    let tiles = run(
        at,
        &["journal", "export", "--data", "ex", "--tiles", "published"],
    );
    assert_eq!(tiles.code, 0, "{}", tiles.err);
    for (number, ran) in quiet.iter().enumerate() {
        assert_eq!(
            found(ran.out.as_bytes()),
            None,
            "standard output of run {number}"
        );
        assert_eq!(
            found(ran.err.as_bytes()),
            None,
            "standard error of run {number}"
        );
    }
    let mut places = 0;
    let hits = search(at, &mut places);
    assert!(places > 30, "{places} files are too few to be all");
    assert!(hits.is_empty(), "{hits:#?}");
}
