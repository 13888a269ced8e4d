//! Signed notes: the specification's key, agreement with `signed_note`, and every reason to refuse one.

use keepwhole_verify::cosignature::{self, Witness};
use keepwhole_verify::note::{
    Ed25519Signer, KeyKind, MAX_NOTE_BYTES, Note, NoteError, NoteSigner as _, SignatureLine,
    VerifierKey,
};

const EXAMPLE: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

pub(crate) fn signer(name: &str, seed: u8) -> Ed25519Signer {
    Ed25519Signer::new(name, &[seed; 32]).unwrap()
}

fn note(text: &str, signers: &[&Ed25519Signer]) -> Note {
    let signers: Vec<_> = signers.iter().map(|signer| *signer as _).collect();
    Note::sign(text, &signers).unwrap()
}

#[test]
fn the_published_verifier_key_has_its_published_id() {
    let key = VerifierKey::parse(EXAMPLE).unwrap();
    assert_eq!(key.id(), [0x53, 0x0d, 0x90, 0x3a]);
    assert_eq!(
        (key.name(), key.kind()),
        ("example.com/foo", KeyKind::Ed25519)
    );
    assert_eq!(key.to_string(), EXAMPLE);
}

#[test]
fn malformed_verifier_keys_are_refused() {
    let malformed = |text: &str| {
        assert_eq!(
            VerifierKey::parse(text),
            Err(NoteError::MalformedKey(text.to_owned())),
            "{text}"
        )
    };
    malformed("");
    malformed("example.com/foo");
    malformed("example.com/foo+530d903a");
    malformed(&EXAMPLE.replace("530d903a", "530d903b"));
    malformed(&EXAMPLE.replace("530d903a", "530D903A"));
    malformed(&EXAMPLE.replace("foo", "fob"));
    malformed(&EXAMPLE.replace("U2k", "U2l"));
    malformed(&EXAMPLE.replace("+Aeky", "+Auky"));
    assert_eq!(
        VerifierKey::new("a b", KeyKind::Ed25519, &[9; 32]),
        Err(NoteError::KeyName("a b".to_owned()))
    );
    assert_eq!(
        VerifierKey::new("", KeyKind::Ed25519, &[9; 32]),
        Err(NoteError::KeyName(String::new()))
    );
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut not_canonical = [0xff; 32];
    not_canonical[0] = 0xee; // y = p + 1, a second spelling of y = 1
    not_canonical[31] = 0x7f;
    for weak in [identity, not_canonical, [2; 32]] {
        assert_eq!(
            VerifierKey::new("a", KeyKind::Ed25519, &weak),
            Err(NoteError::WeakKey("a".to_owned()))
        );
    }
    assert_eq!(
        VerifierKey::new("a", KeyKind::Ed25519, &[9; 31]),
        Err(NoteError::WeakKey("a".to_owned()))
    );
}

#[test]
fn notes_agree_with_signed_note_both_ways() {
    use base64::Engine as _;
    let text = "exchange.example/keepwhole\n\nsecond paragraph\n";
    let ours = signer("exchange.example/keepwhole", 7);
    let signed = note(text, &[&ours]).to_string();
    let verifier = signed_note::StandardVerifier::new(&ours.key().to_string()).unwrap();
    let verifiers = signed_note::VerifierList::new(vec![Box::new(verifier)]);
    let (good, unknown) = signed_note::Note::from_bytes(signed.as_bytes())
        .unwrap()
        .verify(&verifiers)
        .unwrap();
    assert_eq!((good.len(), unknown.len()), (1, 0));

    let mut secret = vec![1];
    secret.extend_from_slice(&[7; 32]);
    let secret = base64::engine::general_purpose::STANDARD.encode(secret);
    let id = u32::from_be_bytes(ours.key().id());
    let theirs = signed_note::StandardSigner::new(&format!(
        "PRIVATE+KEY+{}+{id:08x}+{secret}",
        ours.key().name()
    ))
    .unwrap();
    let mut other = signed_note::Note::new(text.as_bytes(), &[]).unwrap();
    other.add_sigs(&[&theirs]).unwrap();
    assert_eq!(String::from_utf8(other.to_bytes()).unwrap(), signed);
}

#[test]
fn the_last_empty_line_separates_and_unknown_keys_are_ignored() {
    let (known, unknown) = (signer("known.example", 1), signer("unknown.example", 2));
    let text = "first\n\nsecond\n";
    let parsed = Note::parse(note(text, &[&unknown, &known]).to_string().as_bytes()).unwrap();
    assert_eq!(parsed.text(), text);
    let verified = parsed.verify(&[known.key().clone()]).unwrap();
    assert_eq!(verified.signed.len(), 1);
    assert!(verified.has(known.key()) && !verified.has(unknown.key()));
    assert_eq!(
        note(text, &[&unknown]).verify(&[known.key().clone()]),
        Err(NoteError::NoKnownSignature)
    );
    // The name and the id must both be known: the same key under another name is another key.
    let renamed = signer("renamed.example", 1);
    assert_eq!(
        note(text, &[&renamed]).verify(&[known.key().clone()]),
        Err(NoteError::NoKnownSignature)
    );
}

#[test]
fn one_bad_line_of_a_known_key_rejects_the_note() {
    let (log, other) = (signer("log.example", 1), signer("other.example", 2));
    let good = note("text\n", &[&log, &other]);
    let mut line = log.sign("another text\n").unwrap();
    let mut bad = good.clone();
    bad.add(line.clone());
    let refused = Err(NoteError::BadSignature("log.example".to_owned()));
    assert_eq!(bad.verify(&[log.key().clone()]), refused);
    assert_eq!(
        bad.verify(&[log.key().clone(), other.key().clone()]),
        refused
    );
    assert!(
        bad.verify(&[other.key().clone()]).is_ok(),
        "a line of a key that is not known does not count"
    );
    line.blob.pop();
    let mut short = good.clone();
    short.add(line);
    assert_eq!(short.verify(&[log.key().clone()]), refused);
    // The same good line twice counts once.
    let mut twice = good.clone();
    twice.add(log.sign("text\n").unwrap());
    assert_eq!(twice.verify(&[log.key().clone()]).unwrap().signed.len(), 1);
}

#[test]
fn malleated_signatures_are_refused() {
    // S + L is the same scalar in another spelling (RFC 8032 section 5.1.7 refuses it).
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let log = signer("log.example", 3);
    let line = log.sign("text\n").unwrap();
    let mut blob = line.blob.clone();
    let mut carry = 0_u16;
    for (byte, order) in blob[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = (sum & 0xff) as u8;
        carry = sum >> 8;
    }
    assert!(log.key().verifies(b"text\n", &line.blob));
    assert!(!log.key().verifies(b"text\n", &blob));
    // A small-order R with S = 0 would pass for small-order keys without the strict rules.
    let mut small = [0; 64];
    small[0] = 1;
    assert!(!log.key().verifies(b"text\n", &small));
}

#[test]
fn every_malformed_note_is_refused_by_name() {
    let log = signer("log.example", 1);
    let good = note("text\n", &[&log]).to_string();
    let parse = |text: &str| Note::parse(text.as_bytes());
    assert!(parse(&good).is_ok());
    for text in [
        "",
        "text\n",
        "text\n\n",
        "\n— a AAAAAAA=\n",
        good.trim_end(),
    ] {
        assert_eq!(parse(text), Err(NoteError::NoSignatures), "{text:?}");
    }
    assert_eq!(Note::parse(b"\xff\n\n"), Err(NoteError::NotUtf8));
    assert_eq!(
        parse(&good.replace("text", "te\tt")),
        Err(NoteError::ControlCharacter(9))
    );
    assert_eq!(
        parse(&good.replace('\n', "\r\n")),
        Err(NoteError::ControlCharacter(13))
    );
    assert_eq!(
        parse(&good.replace("text", "te\0t")),
        Err(NoteError::ControlCharacter(0))
    );
    assert!(
        parse(&good.replace("text", "te\u{7f}\u{85}t")).is_ok(),
        "U+007F and C1 are allowed"
    );
    let lines = [
        "- log.example AAAAAAA=",
        "—log.example AAAAAAA=",
        "— log.example",
        "— log.example AAAAAAA",
        "— log.example AAAAAAB=",
        "— log.example AAAA",
        "— log.example AAAAAA==",
        "—  AAAAAAA=",
        "— a+b AAAAAAA=",
        "— a\u{a0}b AAAAAAA=",
        "— log.example  AAAAAAA=",
        "— log.example AAAAAAA= ",
        "— log.example AAAA_AA=",
    ];
    for line in lines {
        let text = format!("text\n\n{line}\n");
        assert_eq!(
            parse(&text),
            Err(NoteError::MalformedLine(line.to_owned())),
            "{line}"
        );
    }
    let large = format!("{}\n\n— a AAAAAAA=\n", "a".repeat(MAX_NOTE_BYTES));
    assert_eq!(parse(&large), Err(NoteError::TooLarge(large.len())));
    assert_eq!(
        Note::sign("text", &[&log]).unwrap_err(),
        NoteError::TextUnfinished
    );
    assert_eq!(
        Note::sign("te\tt\n", &[&log]).unwrap_err(),
        NoteError::ControlCharacter(9)
    );
    assert_eq!(
        Note::sign("text\n", &[]).unwrap_err(),
        NoteError::NoSignatures
    );
}

#[test]
fn sixteen_and_more_signature_lines_are_read() {
    let signers: Vec<Ed25519Signer> = (0..40)
        .map(|seed| signer(&format!("key{seed}.example"), seed))
        .collect();
    let all = note("text\n", &signers.iter().collect::<Vec<_>>());
    let keys: Vec<VerifierKey> = signers.iter().map(|signer| signer.key().clone()).collect();
    let parsed = Note::parse(all.to_string().as_bytes()).unwrap();
    assert_eq!(parsed.verify(&keys).unwrap().signed.len(), 40);
}

#[test]
fn cosignatures_state_a_time_and_the_latest_counts() {
    let witness = Witness::new("witness.example", &[5; 32]).unwrap();
    let log = signer("log.example", 1);
    let mut cosigned = note("text\n", &[&log]);
    cosigned.add(witness.cosign(100, "text\n"));
    cosigned.add(witness.cosign(300, "text\n"));
    cosigned.add(witness.cosign(200, "text\n"));
    let verified = cosigned.verify(&[witness.key().clone()]).unwrap();
    assert_eq!(
        (verified.signed.len(), verified.signed[0].time),
        (1, Some(300))
    );
    assert_eq!(
        cosignature::message(7, "a\n"),
        "cosignature/v1\ntime 7\na\n"
    );
    // Another time in the line than the one signed, another text, a time from 2^63 on, a plain signature as cosignature.
    let changed = |change: &dyn Fn(&mut SignatureLine)| {
        let mut line = witness.cosign(100, "text\n");
        change(&mut line);
        let mut note = note("text\n", &[&log]);
        note.add(line);
        note.verify(&[witness.key().clone()])
    };
    let bad = Err(NoteError::BadSignature("witness.example".to_owned()));
    assert!(changed(&|_| ()).is_ok());
    assert_eq!(changed(&|line| line.blob[7] ^= 1), bad);
    assert_eq!(changed(&|line| *line = witness.cosign(100, "other\n")), bad);
    assert_eq!(
        changed(&|line| *line = witness.cosign(1 << 63, "text\n")),
        bad
    );
    assert_eq!(
        changed(&|line| line.blob = log.sign("text\n").unwrap().blob),
        bad
    );
    assert_eq!(changed(&|line| line.blob.truncate(7)), bad);
}

#[test]
fn ml_dsa_cosignatures_are_reported_as_not_checked() {
    let key = VerifierKey::new("pq.example", KeyKind::CosignatureMlDsa44, &[3; 1312]).unwrap();
    assert_eq!(VerifierKey::parse(&key.to_string()), Ok(key.clone()));
    let log = signer("log.example", 1);
    let mut signed = note("text\n", &[&log]);
    signed.add(SignatureLine {
        name: "pq.example".to_owned(),
        id: key.id(),
        blob: vec![1; 2428],
    });
    let verified = signed.verify(&[key.clone(), log.key().clone()]).unwrap();
    assert_eq!(
        (verified.unchecked, verified.signed.len()),
        (vec![key.clone()], 1)
    );
    assert_eq!(
        signed.verify(&[key]),
        Err(NoteError::NoKnownSignature),
        "it never counts"
    );
}

/// A token at fault: what it makes is turned wrong before it comes back.
struct Faulty<'s>(
    &'s Ed25519Signer,
    &'s dyn Fn(SignatureLine) -> Result<SignatureLine, NoteError>,
);

impl keepwhole_verify::note::NoteSigner for Faulty<'_> {
    fn key(&self) -> &VerifierKey {
        self.0.key()
    }

    fn sign(&self, text: &str) -> Result<SignatureLine, NoteError> {
        self.0.sign(text).and_then(self.1)
    }
}

#[test]
fn what_a_faulty_signer_makes_never_becomes_a_note() {
    let (log, other) = (signer("log.example", 1), signer("log.example", 2));
    let sign = |fault: &dyn Fn(SignatureLine) -> Result<SignatureLine, NoteError>| {
        Note::sign("text\n", &[&Faulty(&log, fault)])
    };
    assert!(sign(&Ok).is_ok());
    type Fault<'f> = &'f dyn Fn(SignatureLine) -> Result<SignatureLine, NoteError>;
    let turned: [Fault<'_>; 6] = [
        &|mut line| {
            line.blob[40] ^= 1;
            Ok(line)
        },
        &|mut line| {
            line.blob.truncate(32);
            Ok(line)
        },
        &|_| log.sign("another text\n"),
        &|_| other.sign("text\n"),
        &|mut line| {
            line.id[0] ^= 1;
            Ok(line)
        },
        &|mut line| {
            line.name.push('x');
            Ok(line)
        },
    ];
    for (number, fault) in turned.iter().enumerate() {
        let refused = sign(fault).unwrap_err();
        assert!(
            matches!(&refused, NoteError::Signer { name, .. } if name == "log.example"),
            "{number}: {refused}"
        );
    }
    let away = NoteError::Signer {
        name: "log.example".to_owned(),
        fault: "the token does not answer".to_owned(),
    };
    assert_eq!(sign(&|_| Err(away.clone())).unwrap_err(), away);
    assert_eq!(
        away.to_string(),
        "key `log.example` signed nothing: the token does not answer"
    );
    // Behind a shared pointer it is the same signer.
    let shared: std::sync::Arc<dyn keepwhole_verify::note::NoteSigner> = std::sync::Arc::new(log);
    assert!(Note::sign("text\n", &[&shared]).is_ok());
}
