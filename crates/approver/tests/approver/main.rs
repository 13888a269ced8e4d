//! The approver's client as people use it: what it shows, what it refuses, and that its answers suffice elsewhere.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test stops at the first surprise, and a table of cases is one function"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keepwhole_verify::approval::{
    Approval, ApprovalsFile, Command, Rules, Seen, Timing, check, quorum,
};
use keepwhole_verify::digest::Digest;
use keepwhole_verify::intent::Intent;
use keepwhole_verify::json::{Value, to_hex};
use keepwhole_verify::roster::{Credential, Person, Roster};
use keepwhole_verify::webauthn::PublicKey;
use keepwhole_verify::words::phrase;

const RP_ID: &str = "approver.exchange.example";
const PASSPHRASE: &str = "correct horse battery staple";
/// Sender of the example in EIP-155, whose unsigned bytes are the payload below.
const SENDER: &str = "0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f";

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// 1 ETH to 0x3535…, at most 0.00042 ETH of fee: what the bytes of EIP-155's example do.
fn intent() -> Intent {
    Intent {
        amount: 1_000_000_000_000_000_000,
        asset: "eip155:1/slip44:60".to_owned(),
        dest: "0x3535353535353535353535353535353535353535".to_owned(),
        expires: now() + 3600,
        id: "w-1".to_owned(),
        max_fee: 420_000_000_000_000,
        memo: String::new(),
        network: "eip155:1".to_owned(),
        wallet: "hot-1".to_owned(),
    }
}

fn command(intent: &Intent) -> Command {
    Command::withdraw(intent, "eve", Digest::of(b"policy")).unwrap()
}

fn payload() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../targets/corpus/evm_transaction/good-eip155")
}

struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::write(desk.path("passphrase"), format!("{PASSPHRASE}\n")).unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = Process::new(env!("CARGO_BIN_EXE_keepwhole-approver"))
            .current_dir(self.folder.path())
            .args(arguments)
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }

    fn key(&self, name: &str, algorithm: &str) -> Credential {
        let (code, out, err) = self.run(&[
            "key",
            "new",
            "--out",
            name,
            "--rp-id",
            RP_ID,
            "--algorithm",
            algorithm,
            "--passphrase-file",
            "passphrase",
        ]);
        assert_eq!(code, Some(0), "{err}");
        let mode = fs::metadata(self.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(self.run(&["key", "show", name]).1, out);
        let field = |label: &str| {
            let line = out.lines().find(|line| line.starts_with(label)).unwrap();
            line.split_whitespace().last().unwrap().to_owned()
        };
        let bytes = |text: String| URL_SAFE_NO_PAD.decode(text).unwrap();
        Credential {
            from: 0,
            id: bytes(field("credential id")),
            public_key: PublicKey::from_cose(&bytes(field("public key"))).unwrap(),
            until: None,
        }
    }

    fn request(&self, name: &str, approver: &str, role: &str, command: &Command, issued: u64) {
        let nonce = Digest::of(format!("{approver} {name}").as_bytes());
        let text = Value::object(vec![
            ("approver", Value::text(approver)),
            ("command", Value::Text(command.to_text())),
            ("expires", Value::Integer(issued + 300)),
            ("issued", Value::Integer(issued)),
            ("nonce", Value::Text(to_hex(&nonce.as_bytes()[..16]))),
            ("proposal", Value::text(command.field("id").unwrap())),
            ("role", Value::text(role)),
            ("type", Value::text("keepwhole/approval-request/v1")),
        ])
        .to_canonical();
        fs::write(self.path(name), text + "\n").unwrap();
    }

    /// Signs without asking.
    fn sign(&self, request: &str, key: &str, more: &[&str]) -> (Option<i32>, String, String) {
        let mut arguments = vec![
            "sign",
            request,
            "--key",
            key,
            "--yes",
            "--passphrase-file",
            "passphrase",
        ];
        if !more.contains(&"--decision") {
            arguments.extend(["--decision", "approve"]);
        }
        arguments.extend(more);
        self.run(&arguments)
    }
}

fn person(id: &str, role: &str, credential: Credential) -> Person {
    Person {
        credentials: vec![credential],
        id: id.to_owned(),
        roles: [role.to_owned()].into(),
    }
}

#[test]
fn two_answers_of_this_client_suffice_for_the_verifier() {
    let desk = Desk::new();
    let (ana, bo) = (desk.key("ana.key", "ES256"), desk.key("bo.key", "EdDSA"));
    let command = command(&intent());
    let proposed_at = now() - 30;
    let bytes = payload();
    let bytes = [
        "--payload",
        bytes.to_str().unwrap(),
        "--kind",
        "evm-tx",
        "--sender",
        SENDER,
    ];
    let mut approvals = Vec::new();
    for (name, role) in [("ana", "risk"), ("bo", "treasury")] {
        desk.request(name, name, role, &command, proposed_at + 5);
        let words = phrase(&command.digest());
        let more = [&bytes[..], &["--words", &words]].concat();
        let (code, out, err) = desk.sign(name, &format!("{name}.key"), &more);
        assert_eq!(code, Some(0), "{err}");
        for says in [
            "Withdrawal: wallet hot-1 sends 1 ETH (1,000,000,000,000,000,000 minor units of eip155:1/slip44:60) to 0x3535353535353535353535353535353535353535.",
            "출금: 지갑 hot-1에서 1 ETH",
            "transfer from 0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f to 0x3535353535353535353535353535353535353535: 1 ETH",
            "fee of at most 0.00042 ETH",
            &format!("six words: {words}"),
        ] {
            assert!(err.contains(says), "{says}: {err}");
        }
        approvals.push(Approval::read(out.trim_end()).unwrap());
    }
    let file = ApprovalsFile {
        approvals,
        command,
        index: 7,
        proposal: "w-1".to_owned(),
        proposed_at,
        quorum: quorum(2, &["risk", "treasury"]).unwrap(),
    };
    let roster = Roster {
        device_bound_roles: ["security".to_owned()].into(),
        people: vec![person("ana", "risk", ana), person("bo", "treasury", bo)],
        version: 1,
    };
    let (rp_ids, origins) = ([RP_ID.to_owned()], [format!("https://{RP_ID}")]);
    let rules = Rules {
        rp_ids: &rp_ids,
        origins: &origins,
        least: None,
        administrative: false,
        timing: Some(Timing {
            now: now() + 1,
            approval_ttl: 600,
            delay: 0,
        }),
    };
    let mut seen = Seen::default();
    let granted = check(&file, &roster, &rules, &mut seen).unwrap();
    assert_eq!(granted.voices.len(), 2);
    assert!(granted.voices.iter().all(|voice| voice.rp_id == RP_ID));

    // A file can be copied: where a role asks for device-bound keys, it does not count.
    let mut strict = roster.clone();
    strict.device_bound_roles.insert("risk".to_owned());
    let refusal = check(&file, &strict, &rules, &mut Seen::default()).unwrap_err();
    assert_eq!(refusal.cause.name(), "not_device_bound");

    // Taken back by the same key: its counter has grown.
    desk.request("again", "ana", "risk", &file.command, now());
    let (code, out, err) = desk.sign(
        "again",
        "ana.key",
        &["--decision", "reject", "--out", "answer"],
    );
    assert_eq!((code, out.as_str()), (Some(0), ""), "{err}");
    let text = fs::read_to_string(desk.path("answer")).unwrap();
    let mut rejected = file;
    rejected
        .approvals
        .push(Approval::read(text.trim_end()).unwrap());
    let refusal = check(
        &rejected,
        &roster,
        &Rules {
            timing: None,
            ..rules
        },
        &mut seen,
    )
    .unwrap_err();
    assert_eq!(refusal.cause.name(), "rejected");
}

#[test]
fn bytes_that_do_not_do_what_is_approved_are_refused() {
    let desk = Desk::new();
    type Edit = fn(&mut Intent);
    let cases: [(&str, Edit, &str); 6] = [
        (
            "more",
            |it| it.amount += 1,
            "`amount` was decided as `1000000000000000001`, the bytes say `1000000000000000000`",
        ),
        (
            "another recipient",
            |it| it.dest = SENDER.to_owned(),
            "`to` was decided as",
        ),
        (
            "a lower fee",
            |it| it.max_fee -= 1,
            "`fee` was decided as `at most 419999999999999`",
        ),
        (
            "a memo",
            |it| it.memo = "7".to_owned(),
            "`memo` was decided as",
        ),
        (
            "another chain",
            |it| {
                it.network = "eip155:10".to_owned();
                it.asset = "eip155:10/slip44:60".to_owned();
            },
            "(`wrong_chain`)",
        ),
        (
            "a token",
            |it| it.asset = "eip155:1/erc20:0xdac17f958d2ee523a2206206994597c13d831ec7".to_owned(),
            "`asset` was decided as",
        ),
    ];
    let bytes = payload();
    let bytes = [
        "--payload",
        bytes.to_str().unwrap(),
        "--kind",
        "evm-tx",
        "--sender",
        SENDER,
    ];
    for (what, edit, says) in cases {
        let mut intent = intent();
        edit(&mut intent);
        desk.request("request", "ana", "risk", &command(&intent), now());
        let (code, out, err) = desk.run(&[&["show", "request"][..], &bytes].concat());
        assert_eq!((code, out.as_str()), (Some(1), ""), "{what}");
        assert!(err.contains(says), "{what}: {err}");
    }
    desk.request("request", "ana", "risk", &command(&intent()), now());
    for (arguments, says) in [
        (
            &[
                "--payload",
                "request",
                "--kind",
                "evm-tx",
                "--sender",
                SENDER,
            ][..],
            "the bytes must not be signed",
        ),
        (&bytes[..4], "give `--sender ADDRESS`"),
        (&bytes[..2], "`--payload` and `--kind` stand together"),
        (
            &["--words", "zoo zoo zoo zoo zoo zoo"],
            "the other screen shows other words",
        ),
        (&["--lang", "fr"], "`fr` is no language"),
    ] {
        let (code, _, err) = desk.run(&[&["show", "request"][..], arguments].concat());
        assert_eq!(code, Some(1), "{says}");
        assert!(err.contains(says), "{says}: {err}");
    }
    let upgrade = Command::new(
        "custody_change",
        "eve",
        Digest::of(b"policy"),
        &[
            ("id", "c-1"),
            ("network", "eip155:1"),
            ("raw_tx_sha256", &Digest::of(b"x").to_hex()),
        ],
    )
    .unwrap();
    desk.request("request", "ana", "risk", &upgrade, now());
    let (_, _, err) = desk.run(&["show", "request"]);
    assert!(err.contains("the command names bytes"), "{err}");
    let (_, _, err) = desk.run(&[&["show", "request"][..], &bytes].concat());
    assert!(
        err.contains("the command names bytes with the SHA-256"),
        "{err}"
    );
}

#[test]
fn what_nobody_sees_is_spelled_out_and_missing_bytes_are_named() {
    let desk = Desk::new();
    let mut intent = intent();
    intent.memo = "pay \u{202e}eva".to_owned();
    desk.request("request", "ana", "risk", &command(&intent), now());
    let (code, out, _) = desk.run(&["show", "request", "--lang", "en"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("memo: pay \\u{202e}eva"), "{out}");
    assert!(out.contains("No bytes to be signed were shown"), "{out}");
    assert!(!out.contains("출금"), "{out}");
    let (_, out, _) = desk.run(&["show", "request", "--lang", "ko"]);
    assert!(out.contains("서명될 바이트는 제시되지 않았습니다"), "{out}");
    assert!(!out.contains("Withdrawal"), "{out}");
}

#[test]
fn keys_and_requests_that_are_not_in_order_sign_nothing() {
    let desk = Desk::new();
    desk.key("ana.key", "ES256");
    let good = command(&intent());
    let refused = |request: &str, key: &str, more: &[&str], says: &str| {
        let (code, out, err) = desk.sign(request, key, more);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{says}: {err}");
        assert!(err.contains(says), "{says}: {err}");
    };
    let issued = now();
    desk.request("good", "ana", "risk", &good, issued);
    desk.request("old", "ana", "risk", &good, now() - 301);
    desk.request("early", "ana", "risk", &good, now() + 90);
    let mut late = intent();
    late.expires = now();
    desk.request("late", "ana", "risk", &command(&late), now());
    refused("old", "ana.key", &[], "the request has expired");
    fs::write(desk.path("there"), "an earlier answer").unwrap();
    refused(
        "good",
        "ana.key",
        &["--out", "there"],
        "can't write `there` as a new file",
    );
    assert_eq!(
        fs::read_to_string(desk.path("there")).unwrap(),
        "an earlier answer"
    );
    refused("early", "ana.key", &[], "the request is from the future");
    refused("late", "ana.key", &[], "the intent has expired");
    let text = fs::read_to_string(desk.path("good")).unwrap();
    for (name, from, to, says) in [
        (
            "long",
            format!("\"expires\":{}", issued + 300),
            format!("\"expires\":{}", issued + 3000),
            "longer than 900 s",
        ),
        (
            "another proposal",
            "\"proposal\":\"w-1\"".to_owned(),
            "\"proposal\":\"w-2\"".to_owned(),
            "`request.proposal`: is not the `id` of the command",
        ),
        (
            "more",
            "\"role\"".to_owned(),
            "\"rode\":\"x\",\"role\"".to_owned(),
            "`request.rode`: is not a field",
        ),
    ] {
        let edited = text.replace(&from, &to);
        assert_ne!(edited, text, "{from}");
        fs::write(desk.path(name), edited).unwrap();
        refused(name, "ana.key", &[], says);
    }
    fs::write(desk.path("wrong"), "another passphrase\n").unwrap();
    refused(
        "good",
        "ana.key",
        &["--passphrase-file", "wrong"],
        "wrong passphrase",
    );
    refused("good", "none.key", &[], "can't open `none.key`");
    refused(
        "good",
        "ana.key",
        &["--decision", "maybe"],
        "`maybe` is neither",
    );

    let sealed = fs::read_to_string(desk.path("ana.key")).unwrap();
    let moved = sealed.replace(RP_ID, "phish.example");
    fs::write(desk.path("moved.key"), moved).unwrap();
    refused("good", "moved.key", &[], "can be read by others");
    fs::set_permissions(desk.path("moved.key"), fs::Permissions::from_mode(0o600)).unwrap();
    refused(
        "good",
        "moved.key",
        &[],
        "wrong passphrase, or the key file was changed",
    );
    assert_eq!(
        fs::read_to_string(desk.path("ana.key")).unwrap(),
        sealed,
        "nothing was signed, so no counter was used"
    );

    let (code, _, err) = desk.run(&[
        "key",
        "new",
        "--out",
        "ana.key",
        "--rp-id",
        RP_ID,
        "--passphrase-file",
        "passphrase",
    ]);
    assert_eq!(code, Some(1));
    assert!(err.contains("can't make `ana.key`"), "{err}");
    fs::write(desk.path("short"), "short\n").unwrap();
    let (_, _, err) = desk.run(&[
        "key",
        "new",
        "--out",
        "b.key",
        "--rp-id",
        RP_ID,
        "--passphrase-file",
        "short",
    ]);
    assert!(err.contains("at least 12 bytes"), "{err}");
}

#[test]
fn a_key_is_enrolled_by_a_file_and_six_words() {
    let desk = Desk::new();
    for algorithm in ["ES256", "EdDSA"] {
        let key = desk.key(algorithm, algorithm);
        let (code, out, err) = desk.run(&["key", "show", algorithm, "--credential"]);
        assert_eq!(code, Some(0), "{err}");
        let public = key.public_key.to_cose();
        let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let expected = format!(
            r#"{{"device_bound":false,"id":"{}","kind":"platform","public_key":"{}","type":"keepwhole/credential/v1"}}"#,
            encoded(&key.id),
            encoded(&public)
        );
        assert_eq!(out, format!("{expected}\n"));
        let words = keepwhole_verify::words::of_credential(&key.id, &public);
        assert!(err.contains(&format!("six words: {words}")), "{err}");
    }
}

/// Two windows at once: a counter that came twice would look like a copied key to the guard.
#[test]
fn signatures_made_at_once_take_a_counter_each() {
    let desk = Desk::new();
    desk.key("ana.key", "EdDSA");
    let command = command(&intent());
    let names: Vec<String> = (0..6).map(|number| format!("r-{number}")).collect();
    for name in &names {
        desk.request(name, "ana", "risk", &command, now() - 5);
    }
    let counter = |name: &String| {
        let (code, out, err) = desk.sign(name, "ana.key", &[]);
        assert_eq!(code, Some(0), "{err}");
        let approval = Approval::read(out.trim_end()).unwrap();
        let counter = &approval.assertion.authenticator_data[33..37];
        u32::from_be_bytes(counter.try_into().unwrap())
    };
    let mut taken: Vec<u32> = std::thread::scope(|scope| {
        let signing: Vec<_> = names
            .iter()
            .map(|name| scope.spawn(|| counter(name)))
            .collect();
        signing
            .into_iter()
            .map(|done| done.join().unwrap())
            .collect()
    });
    taken.sort_unstable();
    assert_eq!(taken, [1, 2, 3, 4, 5, 6]);
}
