//! The log's key, in a file and in a real token (SoftHSM): one contract for both, and what each refuses.

use crate::cli::{PROGRAM, Ran, run};
use crate::witnesses::until;
use cryptoki::context::Pkcs11;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;
use keepwhole::installation::{InToken, Installation, LogSigner, NewKey, log_signer};
use keepwhole::journal::keys::{self, Kept, KeyFile};
use keepwhole::journal::token::{TokenAccess, public_key};
use keepwhole::journal::{Journal, Options, Publisher, SimDisk};
use keepwhole::sequencer::{Condition, SystemClock};
use keepwhole_core::command::{Body, Command as Told};
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::note::{KeyKind, Note, NoteSigner as _};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const ORIGIN: &str = "exchange.example/keepwhole";
const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const TOKEN: &str = "exchange";
const PIN: &str = "73105948";
/// In the process that has a token of its own: the folder around it.
const INSIDE: &str = "KEEPWHOLE_TEST_TOKEN";

/// What whoever signs for a log must do, wherever its key lies.
fn contract(signer: &LogSigner) {
    let key = signer.key().clone();
    assert_eq!((key.name(), key.kind()), (ORIGIN, KeyKind::Ed25519));
    let head = Checkpoint::new(ORIGIN, 0, keepwhole_verify::tree::empty_root()).unwrap();
    let note = head.sign(&[signer]).unwrap();
    let (read, _) =
        Checkpoint::verify(note.to_string().as_bytes(), std::slice::from_ref(&key)).unwrap();
    assert_eq!(read, head);
    // Ed25519 is deterministic (RFC 8032): one text, one signature, from every thread.
    let line = signer.sign(note.text()).unwrap();
    assert_eq!(note.lines(), std::slice::from_ref(&line));
    let lines = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| signer.clone().sign(note.text()).unwrap()))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect::<Vec<_>>()
    });
    assert_eq!(lines, vec![line.clone(); 4]);
    assert_ne!(signer.sign("another\n").unwrap(), line);
    let long = "x".repeat(60_000) + "\n";
    assert!(
        Note::sign(&long, &[signer])
            .unwrap()
            .verify(std::slice::from_ref(&key))
            .is_ok()
    );
    // It publishes.
    let disk = SimDisk::default();
    let (mut journal, _) = Journal::open(disk, Options::default()).unwrap();
    let (publisher, _) = Publisher::open(&mut journal, ORIGIN, Box::new(signer.clone())).unwrap();
    assert_eq!(publisher.key(), &key);
    // What it says of itself is public.
    assert_eq!(format!("{signer:?}"), format!("LogSigner({key})"));
}

#[test]
fn a_key_in_a_file_keeps_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    let made = keys::create(dir.path(), KeyFile::Log, ORIGIN).unwrap();
    let signer = log_signer(dir.path(), KeyFile::Log, ORIGIN).unwrap();
    assert_eq!(signer.key(), made.key());
    contract(&signer);
}

#[test]
fn a_key_file_that_others_can_read_is_refused_by_every_verb_that_opens_it() {
    let dir = crate::cli::installed();
    let dir = dir.path();
    let key = dir.join("ex/keys/log.key");
    let text = fs::read_to_string(&key).unwrap();
    let secret = text.trim_end().rsplit('+').next().unwrap().to_owned();
    for mode in [0o640, 0o604, 0o620, 0o644] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        for verb in ["status", "serve"] {
            let ran = run(dir, &[verb, "--data", "ex"]);
            assert_ne!(ran.code, 0, "{verb} took a key with mode {mode:o}");
            let says = format!("key file `keys/log.key` has mode `{mode:04o}`");
            assert!(ran.err.contains(&says), "{verb}: {}", ran.err);
            assert!(ran.err.contains("chmod 600"), "{verb}: {}", ran.err);
            assert!(!ran.err.contains(&secret) && !ran.out.contains(&secret));
        }
    }
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(run(dir, &["status", "--data", "ex"]).code, 0);
}

#[test]
fn a_file_that_names_a_key_of_a_token_is_read_strictly() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let made = keys::create(root, KeyFile::Bundle, ORIGIN).unwrap();
    let other = made.key().to_string();
    let key = keepwhole_verify::note::Ed25519Signer::new(ORIGIN, &[3; 32]).unwrap();
    let key = key.key().to_string();
    let path = root.join("keys/log.key");
    let put = |text: &str| {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        keys::kept(root, KeyFile::Log, ORIGIN)
    };
    let long = "l".repeat(65);
    let good = format!("PKCS11+KEY+{key}\nlabel log 1\n");
    assert!(matches!(put(&good).unwrap(), Kept::Token(named) if named.label == "log 1"));
    for (text, says) in [
        (format!("PKCS11+KEY+{key}\n"), "is not `PKCS11+KEY+"),
        (
            format!("PKCS11+KEY+{key}\nlabel log"),
            "is not `PKCS11+KEY+",
        ),
        (format!("PKCS11+KEY+{key}\nlabel \n"), "is not `PKCS11+KEY+"),
        (
            format!("PKCS11+KEY+{key}\nlabel  log\n"),
            "is not `PKCS11+KEY+",
        ),
        (
            format!("PKCS11+KEY+{key}\nlabel {long}\n"),
            "is not `PKCS11+KEY+",
        ),
        (
            format!("PKCS11+KEY+{key}\nlabel a\nlabel b\n"),
            "is not `PKCS11+KEY+",
        ),
        (format!("PKCS11+KEY+{key}x\nlabel log\n"), "malformed"),
        (
            format!("PKCS11+KEY+{other}\nlabel log\n"),
            "is not the key of",
        ),
        (
            format!("pkcs11+KEY+{key}\nlabel log\n"),
            "is not `PRIVATE+KEY+",
        ),
    ] {
        let refused = put(&text).unwrap_err().to_string();
        assert!(refused.contains(says), "{text:?}: {refused}");
    }
    put(&good).unwrap();
    // No section says how the token is reached, and it can't be taken for a key in a file.
    fs::write(root.join("origin"), format!("{ORIGIN}\n")).unwrap();
    let refused = log_signer(root, KeyFile::Log, ORIGIN)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("no section `[log_key]`"), "{refused}");
    let refused = keys::load(root, KeyFile::Log, ORIGIN)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("names a key in a token"), "{refused}");
    // Its mode counts as well: who writes it chooses the key.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = keys::public(root, KeyFile::Log, ORIGIN)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("chmod 600"), "{refused}");
}

#[test]
fn a_public_key_is_read_wrapped_or_raw_and_in_no_other_form() {
    let raw: Vec<u8> = (0..32).collect();
    let wrapped = [&[0x04, 0x20][..], &raw].concat();
    assert_eq!(public_key(&raw).unwrap()[..], raw);
    assert_eq!(public_key(&wrapped).unwrap()[..], raw);
    // 32 bytes that begin as a wrapped key does are a raw key.
    let begins = [&[0x04, 0x20][..], &raw[..30]].concat();
    assert_eq!(public_key(&begins).unwrap()[..], begins);
    for wrong in [
        &wrapped[..33],
        &[&wrapped[..], &[0]].concat(),
        &[&[0x03, 0x21, 0x00][..], &raw].concat(),
        &[&[0x04, 0x21][..], &raw].concat(),
        &raw[..31],
        &[],
    ] {
        assert_eq!(public_key(wrong), None, "{wrong:02x?}");
    }
}

/// A token of its own, in a folder of its own.
struct Token {
    dir: TempDir,
}

impl Token {
    /// `None`, said aloud, where SoftHSM is not installed.
    fn new(test: &str) -> Option<Self> {
        let tool = Command::new("softhsm2-util").arg("--version").output();
        if !Path::new(MODULE).exists() || tool.is_err() {
            println!("SKIPPED: {test}: SoftHSM is not installed (`apt-get install softhsm2`)");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let token = Self { dir };
        fs::create_dir(token.path("tokens")).unwrap();
        let settings = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            token.path("tokens").display()
        );
        fs::write(token.path("softhsm2.conf"), settings).unwrap();
        token.pin("pin", PIN, 0o600);
        let made = Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", TOKEN])
            .args(["--pin", PIN, "--so-pin", "98765432"])
            .env("SOFTHSM2_CONF", token.path("softhsm2.conf"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        Some(token)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn pin(&self, name: &str, pin: &str, mode: u32) {
        let path = self.path(name);
        fs::write(&path, format!("{pin}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Runs the program with this token. Nothing that it says holds the PIN.
    fn run(&self, arguments: &[&str]) -> Ran {
        let output = Command::new(PROGRAM)
            .args(arguments)
            .current_dir(self.dir.path())
            .env("SOFTHSM2_CONF", self.path("softhsm2.conf"))
            .output();
        let ran = Ran::of(output.unwrap());
        assert!(
            !ran.out.contains(PIN) && !ran.err.contains(PIN),
            "{}{}",
            ran.out,
            ran.err
        );
        ran
    }

    fn init(&self, dir: &str, label: &str, more: &[&str]) -> Ran {
        let words = [
            "init",
            "--data",
            dir,
            "--origin",
            ORIGIN,
            "--pkcs11-module",
            MODULE,
            "--token",
            TOKEN,
            "--key-label",
            label,
            "--pin-file",
            "pin",
        ];
        // A word that is given again in `more` takes the place of the first.
        let mut kept: Vec<&str> = Vec::new();
        for pair in words[1..].chunks(2) {
            if !more.contains(&pair[0]) {
                kept.extend(pair);
            }
        }
        self.run(&[&["init"], &kept[..], more].concat())
    }

    #[track_caller]
    fn good(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {}{}", ran.out, ran.err);
        ran
    }
}

#[test]
fn a_log_lives_with_its_key_in_a_token_and_rotates_within_it() {
    let Some(token) = Token::new("a_log_lives_with_its_key_in_a_token_and_rotates_within_it")
    else {
        return;
    };
    let made = token.init("ex", "log-1", &[]);
    assert_eq!(made.code, 0, "{}{}", made.out, made.err);
    assert!(
        made.out.contains("`log-1` in the token `exchange`"),
        "{}",
        made.out
    );
    let file = fs::read_to_string(token.path("ex/keys/log.key")).unwrap();
    assert!(
        file.starts_with("PKCS11+KEY+") && file.ends_with("\nlabel log-1\n"),
        "{file}"
    );
    let settings = fs::read_to_string(token.path("ex/keepwhole.toml")).unwrap();
    assert!(
        settings.contains("[log_key]") && !settings.contains(PIN),
        "{settings}"
    );
    let root = [
        "key", "root", "--origin", ORIGIN, "--out", "root.key", "--json",
    ];
    let root = token.good(&root).json()["root"]
        .as_str()
        .unwrap()
        .to_owned();
    token.good(&["key", "declare", "--data", "ex", "--root", &root]);
    token.good(&["status", "--data", "ex"]);
    token.good(&["journal", "check", "--data", "ex"]);
    // Out of the token only with a word.
    let out = ["key", "prepare", "--data", "ex", "--out", "text"];
    token
        .run(&out)
        .failed(1, &["`log-1` lies in a token", "`--key-label`"]);
    token.good(&[&out[..], &["--key-label", "log-2"]].concat());
    token.good(&["key", "sign", "text", "--root", "root.key", "--out", "note"]);
    let done = token.good(&[
        "key",
        "rotate",
        "--data",
        "ex",
        "--statement",
        "note",
        "--json",
    ]);
    let file = fs::read_to_string(token.path("ex/keys/log.key")).unwrap();
    assert!(file.ends_with("\nlabel log-2\n"), "{file}");
    let key = done.json()["log"].as_str().unwrap().to_owned();
    assert!(file.contains(&key), "{file}{key}");
    let checkpoint = fs::read(token.path("ex/log/checkpoint")).unwrap();
    let key = keepwhole_verify::note::VerifierKey::parse(&key).unwrap();
    Checkpoint::verify(&checkpoint, &[key]).unwrap();
    token.good(&["journal", "check", "--data", "ex"]);
    // The public side needs no token.
    fs::rename(token.path("tokens"), token.path("away")).unwrap();
    fs::create_dir(token.path("tokens")).unwrap();
    token.good(&["status", "--data", "ex"]);
    token.good(&["journal", "vkey", "--data", "ex"]);
    let ran = token.run(&["serve", "--data", "ex", "--listen", "127.0.0.1:0"]);
    assert_ne!(ran.code, 0);
    assert!(
        ran.err.contains("0 tokens are labelled `exchange`"),
        "{}",
        ran.err
    );
}

#[test]
fn every_wrong_token_key_and_pin_has_its_own_refusal() {
    let Some(token) = Token::new("every_wrong_token_key_and_pin_has_its_own_refusal") else {
        return;
    };
    assert_eq!(token.init("first", "log-1", &[]).code, 0);
    token.pin("open", PIN, 0o640);
    token.pin("wrong", "11111111", 0o600);
    token.pin("two", &format!("{PIN}\n{PIN}"), 0o600);
    token.pin("empty", "", 0o600);
    fs::write(token.path("module.so"), "not a module").unwrap();
    fs::set_permissions(token.path("module.so"), fs::Permissions::from_mode(0o666)).unwrap();
    fs::write(token.path("text.so"), "not a module").unwrap();
    let cases: [(&str, &[&str], &str); 11] = [
        ("log-1", &[], "holds a key labelled `log-1` already"),
        (
            "log-9",
            &["--existing-key"],
            "holds 0 Ed25519 keys labelled `log-9`",
        ),
        (
            "log-2",
            &["--pin-file", "open"],
            "has mode `0640`; only its owner may read it",
        ),
        ("log-2", &["--pin-file", "wrong"], "refuses the PIN of"),
        (
            "log-2",
            &["--pin-file", "two"],
            "is not one line with the user's PIN",
        ),
        (
            "log-2",
            &["--pin-file", "empty"],
            "is not one line with the user's PIN",
        ),
        ("log-2", &["--pin-file", "none"], "can't be read"),
        (
            "log-2",
            &["--token", "other"],
            "0 tokens are labelled `other`",
        ),
        ("log-2", &["--pkcs11-module", "none.so"], "can't be read"),
        (
            "log-2",
            &["--pkcs11-module", "module.so"],
            "has mode `0666`; it runs as part of this program",
        ),
        ("log-2", &["--pkcs11-module", "text.so"], "can't be loaded"),
    ];
    for (label, more, says) in cases {
        let ran = token.init("ex", label, more);
        assert_ne!(ran.code, 0, "{more:?}");
        assert!(ran.err.contains(says), "{more:?}: {}", ran.err);
        assert!(!ran.err.contains("11111111"), "{}", ran.err);
        let left = fs::read_dir(token.path("ex")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "{more:?} left something behind");
    }
    let spaced = token.init("ex", " log", &[]);
    assert!(
        spaced.err.contains("is not 1 to 64 printable"),
        "{}",
        spaced.err
    );
    // A key that was made for it beforehand is taken when that is said.
    assert_eq!(token.init("ex", "log-1", &["--existing-key"]).code, 0);
    // Another key than the one that was written down signs nothing.
    assert_eq!(token.init("second", "log-2", &[]).code, 0);
    let file = fs::read_to_string(token.path("ex/keys/log.key")).unwrap();
    fs::write(
        token.path("ex/keys/log.key"),
        file.replace("log-1", "log-2"),
    )
    .unwrap();
    let before = fs::read(token.path("ex/log/checkpoint")).unwrap();
    let ran = token.run(&["serve", "--data", "ex", "--listen", "127.0.0.1:0"]);
    assert!(
        ran.err
            .contains("key `log-2` made a signature that does not verify"),
        "{}",
        ran.err
    );
    assert_eq!(fs::read(token.path("ex/log/checkpoint")).unwrap(), before);
}

/// Runs `inside` in a process of its own that has a token: PKCS#11 is initialised once in a process, with its settings.
fn with_token(test: &str, inside: impl FnOnce(&Path)) {
    if let Some(dir) = std::env::var_os(INSIDE) {
        return inside(Path::new(&dir));
    }
    let Some(token) = Token::new(test) else {
        return;
    };
    let ran = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("log_keys::{test}"), "--nocapture"])
        .env("SOFTHSM2_CONF", token.path("softhsm2.conf"))
        .env(INSIDE, token.dir.path())
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr),
    );
    assert!(ran.status.success(), "{out}{err}");
    assert!(out.contains("1 passed"), "{out}{err}");
    assert!(!out.contains(PIN) && !err.contains(PIN), "{out}{err}");
}

fn access(dir: &Path) -> TokenAccess {
    TokenAccess {
        module: PathBuf::from(MODULE),
        token: TOKEN.to_owned(),
        pin_file: dir.join("pin"),
    }
}

fn in_token(dir: &Path, label: &str) -> NewKey {
    let key = InToken {
        label: label.to_owned(),
        existing: false,
    };
    NewKey::Token(access(dir), key)
}

/// Another user of the same token in the same process.
fn session() -> (Pkcs11, cryptoki::session::Session) {
    let module = Pkcs11::new(MODULE).unwrap();
    let slot = *module
        .get_slots_with_initialized_token()
        .unwrap()
        .first()
        .unwrap();
    let session = module.open_rw_session(slot).unwrap();
    (module, session)
}

#[test]
fn a_key_in_a_token_keeps_the_contract_and_never_leaves_it() {
    with_token(
        "a_key_in_a_token_keeps_the_contract_and_never_leaves_it",
        |dir| {
            let made = Installation::create_with(&dir.join("ex"), ORIGIN, &in_token(dir, "log-1"));
            drop(made.unwrap());
            let signer = log_signer(&dir.join("ex"), KeyFile::Log, ORIGIN).unwrap();
            contract(&signer);
            // A login that was lost, as by a restart of a token in the network, is made again.
            let line = signer.sign("text\n").unwrap();
            let (_module, other) = session();
            other.logout().unwrap();
            assert!(
                other
                    .find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)])
                    .unwrap()
                    .is_empty()
            );
            assert_eq!(signer.sign("text\n").unwrap(), line);
            // A key that could be taken out is no log key.
            let logged = other.login(UserType::User, Some(&AuthPin::new(Box::from(PIN))));
            assert!(logged.is_ok() || logged.unwrap_err().to_string().contains("already"));
            for (label, sensitive, extractable, says) in [
                ("readable", false, false, "`CKA_SENSITIVE` is not true"),
                ("loose", true, true, "`CKA_EXTRACTABLE` is not false"),
            ] {
                let named = Attribute::Label(label.as_bytes().to_vec());
                let curve = Attribute::EcParams(vec![0x06, 0x03, 0x2b, 0x65, 0x70]);
                let public = [
                    Attribute::Token(true),
                    Attribute::Verify(true),
                    curve,
                    named.clone(),
                ];
                let secret = [
                    Attribute::Token(true),
                    Attribute::Private(true),
                    Attribute::Sensitive(sensitive),
                    Attribute::Extractable(extractable),
                    Attribute::Sign(true),
                    named,
                ];
                other
                    .generate_key_pair(&Mechanism::EccEdwardsKeyPairGen, &public, &secret)
                    .unwrap();
                let refused = access(dir).take(label, ORIGIN).unwrap_err().to_string();
                assert!(refused.contains(says), "{refused}");
            }
        },
    );
}

#[test]
fn a_token_that_stops_signing_stops_publishing_with_an_alarm_and_nothing_else() {
    with_token(
        "a_token_that_stops_signing_stops_publishing_with_an_alarm_and_nothing_else",
        |dir| {
            let ex = dir.join("ex");
            let open = Installation::create_with(&ex, ORIGIN, &in_token(dir, "log-1")).unwrap();
            let before = fs::read(ex.join("log/checkpoint")).unwrap();
            let heard: Arc<Mutex<Vec<Condition>>> = Arc::default();
            let hears = Arc::clone(&heard);
            let tell = move |condition: &Condition| hears.lock().unwrap().push(condition.clone());
            let running = open.run(Box::new(SystemClock::start(0)), Box::new(tell));
            let (_module, session) = session();
            let secret = session
                .find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)])
                .unwrap();
            assert_eq!(secret.len(), 1);
            session.destroy_object(secret[0]).unwrap();
            let command = |since| Told {
                id: None,
                actor: None,
                body: Body::RecordDowntime { since },
            };
            running.handle().submit(command(1)).unwrap();
            until("the alarm", || !heard.lock().unwrap().is_empty());
            let said = heard.lock().unwrap()[0].clone();
            let Condition::Unsigned(said) = said else {
                panic!("{said:?}");
            };
            for part in ["log_key_fault", "critical", "nothing is published", "log-1"] {
                assert!(said.contains(part), "{said}");
            }
            assert!(!said.contains(PIN), "{said}");
            // Entries are taken still, and the outside sees the head before.
            running.handle().submit(command(2)).unwrap();
            assert_eq!(fs::read(ex.join("log/checkpoint")).unwrap(), before);
            let fault = running.stop().unwrap_err();
            assert_eq!(fault.journal().unwrap().code(), "log_key_fault");
            assert_eq!(fs::read(ex.join("log/checkpoint")).unwrap(), before);
        },
    );
}
