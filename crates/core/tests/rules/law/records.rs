//! Records as bytes: frozen tags, the round trip, digests, and hostile bytes.

use keepwhole_core::law::{
    Area, ClockStart, Confidence, DueForm, Kind, LawSet, RuleRecord, Status, Value,
};

use super::files::{SET, day, rule};

#[test]
fn every_shipped_record_comes_back_from_its_bytes() {
    assert_eq!(SET.rules().len(), 202);
    for rule in SET.rules().values() {
        let bytes = rule.canonical_bytes();
        assert!(
            bytes.len() < 16_384,
            "{} has {} bytes",
            rule.id,
            bytes.len()
        );
        let read: RuleRecord = borsh::from_slice(&bytes).unwrap();
        assert_eq!(&read, rule);
    }
}

#[test]
fn bytes_of_version_1_are_frozen() {
    // Written by hand from borsh's specification: tags are one byte, lengths four, days four (days since 1970).
    let mut record = rule("kr-aml-str").clone();
    record.id = "a".into();
    (record.jurisdiction, record.timezone, record.currency) = ("b".into(), "c".into(), "d".into());
    record.as_of = day("1970-01-02");
    (record.title_en, record.title_ko) = (String::new(), None);
    (
        record.effective_from,
        record.effective_to,
        record.superseded_by,
    ) = (Some(day("1969-12-31")), None, None);
    (record.instrument, record.article, record.obliged, record.to) =
        (String::new(), String::new(), vec!["e".into()], vec![]);
    (record.trigger, record.source, record.note) = (String::new(), "f".into(), String::new());
    record.parameters = vec![
        ("g".into(), Value::Bool(true)),
        ("h".into(), Value::Int(258)),
        ("i".into(), Value::List(vec![Value::Day(day("1970-01-01"))])),
        (
            "j".into(),
            Value::Table(vec![("k".into(), Value::Text("l".into()))]),
        ),
    ];
    let text = |letter: u8| [1, 0, 0, 0, letter];
    let mut expected = Vec::new();
    for letter in *b"abc" {
        expected.extend(text(letter));
    }
    expected.extend([1, 0x1c, 0x02]); // 540 minutes
    expected.extend(text(b'd'));
    expected.extend([1, 0, 0, 0]); // as_of
    expected.extend([14, 2]); // suspicious-activity, clock
    expected.extend([0, 0, 0, 0, 0]); // no title
    expected.extend([0, 1, 0xff, 0xff, 0xff, 0xff, 0, 0]); // in_force from 1969-12-31
    expected.extend([0; 8]); // instrument, article
    expected.extend([1, 0, 0, 0]);
    expected.extend(text(b'e'));
    expected.extend([0; 8]); // to, trigger
    expected.extend(text(b'f'));
    expected.extend([2, 0, 0, 0, 0]); // press, no note
    expected.extend([4, 0, 0, 0]);
    expected.extend(text(b'g'));
    expected.extend([0, 1]);
    expected.extend(text(b'h'));
    expected.extend([1, 2, 1, 0, 0, 0, 0, 0, 0]);
    expected.extend(text(b'i'));
    expected.extend([4, 1, 0, 0, 0, 3, 0, 0, 0, 0]);
    expected.extend(text(b'j'));
    expected.extend([5, 1, 0, 0, 0]);
    expected.extend(text(b'k'));
    expected.push(2);
    expected.extend(text(b'l'));
    assert_eq!(record.canonical_bytes(), expected);
}

#[test]
fn closed_lists_are_those_of_the_files() {
    let counts = [
        Area::ALL.len(),
        Kind::ALL.len(),
        Status::ALL.len(),
        Confidence::ALL.len(),
    ];
    assert_eq!(counts, [27, 8, 7, 4]);
    assert_eq!((ClockStart::ALL.len(), DueForm::ALL.len()), (14, 6));
    for (tag, area) in Area::ALL.iter().enumerate() {
        assert_eq!(borsh::to_vec(area).unwrap(), [u8::try_from(tag).unwrap()]);
        assert_eq!(Area::parse(area.name()), Some(*area));
    }
    assert_eq!(Area::parse("Custody"), None);
}

#[test]
fn the_set_digest_names_exactly_this_set() {
    let records: Vec<RuleRecord> = SET.rules().values().cloned().collect();
    let reversed = LawSet::new(records.iter().rev().cloned().collect()).unwrap();
    assert_eq!(
        reversed.digest(),
        SET.digest(),
        "the order of adoption does not matter"
    );
    let mut edited = records.clone();
    edited[0].note.push('.');
    assert_ne!(LawSet::new(edited).unwrap().digest(), SET.digest());
    assert_ne!(
        LawSet::new(records[1..].to_vec()).unwrap().digest(),
        SET.digest()
    );
    let twice = LawSet::new(vec![records[0].clone(), records[0].clone()]).unwrap_err();
    assert_eq!(twice.id, records[0].id);
}

#[test]
fn hostile_bytes_are_refused() {
    // 13,000 lists in one another fit one event; reading them must not exhaust the stack.
    let mut deep = Vec::new();
    for _ in 0..13_000 {
        deep.extend([4, 1, 0, 0, 0]);
    }
    deep.extend([0, 1]);
    let refused = borsh::from_slice::<Value>(&deep).unwrap_err();
    assert!(
        refused.to_string().contains("nested too deeply"),
        "{refused}"
    );
    // A length that no bytes follow, an unknown tag, a day outside the calendar.
    for bytes in [
        &[4, 0xff, 0xff, 0xff, 0xff][..],
        &[6],
        &[3, 0xff, 0xff, 0xff, 0x7f],
    ] {
        assert!(borsh::from_slice::<Value>(bytes).is_err(), "{bytes:?}");
    }
}
