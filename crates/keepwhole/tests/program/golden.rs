//! A journal that an earlier program wrote reads the same for ever, and one of a newer program is refused by name.

use crate::journal_records::head_of;
use crate::small_exchange::exchange;
use crate::snapshots::{opening, options, resume};
use keepwhole::journal::{Disk as _, Journal, RealDisk, SimDisk};
use keepwhole::sequencer::{FOLD, FoldError, Sequencer, Until, fold, state_digest};
use keepwhole_core::event::{Event, RECORD_VERSION, Record};
use std::path::PathBuf;

/// Set to write the golden journal anew, after a change of the fold that raised [`FOLD`].
const WRITE: &str = "KEEPWHOLE_WRITE_GOLDEN";

fn golden() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/form-1")
}

fn recorded(name: &str) -> String {
    let text = std::fs::read_to_string(golden().join("recorded.txt")).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap();
    line.trim().to_owned()
}

fn copy() -> SimDisk {
    let machine = SimDisk::new();
    let source = RealDisk::at(&golden());
    for path in source.list("segments").unwrap() {
        let bytes = source.read(&path).unwrap();
        machine.another().write_atomic(&path, &bytes).unwrap();
    }
    machine
}

/// Row 28: the bytes that form 1 wrote give the recorded head, and the recorded state as long as the fold is the same.
#[test]
fn row_28_the_golden_journal_gives_the_recorded_head_and_state() {
    if std::env::var_os(WRITE).is_some() {
        write();
    }
    let machine = copy();
    let (journal, recovery) = Journal::open(machine.another(), options()).unwrap();
    assert_eq!(recovery.torn_tail, None);
    let head = journal.check().unwrap();
    assert_eq!(
        (head.size.to_string(), head.root.to_string()),
        (recorded("size"), recorded("root"))
    );
    let state = fold(&journal, Until::End, &mut |_| {}).unwrap();
    assert_eq!(
        (FOLD.to_string(), state_digest(&state)),
        (recorded("fold"), recorded("state")),
        "the fold of old records gives another state: raise `FOLD`, so that old snapshots are left aside, and record the \
         new digest with {WRITE}=1"
    );
}

fn write() {
    let folder = golden();
    if !folder.join("segments").exists() {
        std::fs::create_dir_all(&folder).unwrap();
        let journal = Journal::open(RealDisk::open(&folder).unwrap(), options())
            .unwrap()
            .0;
        let mut sequencer = Sequencer::open(journal).unwrap();
        for (at, command) in exchange() {
            sequencer.turn(at, &[command]).unwrap();
        }
        drop(sequencer);
        std::fs::remove_file(folder.join("LOCK")).unwrap();
    }
    let (journal, _) = Journal::open(copy(), options()).unwrap();
    let state = fold(&journal, Until::End, &mut |_| {}).unwrap();
    let head = journal.head();
    let text = format!(
        "size {}\nroot {}\nfold {FOLD}\nstate {}\n",
        head.size,
        head.root,
        state_digest(&state)
    );
    std::fs::write(folder.join("recorded.txt"), text).unwrap();
}

/// Rows 28 and 29: a record of a newer form, or of a kind of event that this program does not know, stops the start,
/// names position and version, and is not skipped; reading shows everything before it.
#[test]
fn row_29_a_newer_record_is_refused_with_its_position_and_version() {
    let good = Record::new(u64::MAX, 9, Event::ClockJumped { by_ms: 1 })
        .encode()
        .unwrap();
    let mut newer_form = good.clone();
    newer_form[0] = RECORD_VERSION + 1;
    let mut newer_kind = good.clone();
    newer_kind[17] = 250;
    for (record, says) in [(newer_form, "form `2`"), (newer_kind, "event kind `250`")] {
        let machine = copy();
        let (mut journal, _) = Journal::open(machine.another(), options()).unwrap();
        let size = journal.head().size;
        journal.append(&[record, good.clone()]).unwrap();
        drop(journal);
        let refused = resume(&machine, opening());
        match refused {
            Err(FoldError::Journal(error)) => {
                assert_eq!(error.code(), "unknown_version");
                let text = error.to_string();
                assert!(
                    text.contains(says) && text.contains(&format!("entry `{size}`")),
                    "{text}"
                );
            }
            other => panic!("{other:?}"),
        }
        let (journal, _, damage, folded) =
            keepwhole::sequencer::read(machine.another(), opening()).unwrap();
        assert_eq!(damage.map(|damage| damage.code()), Some("unknown_version"));
        assert_eq!((journal.head().size, folded.state.position), (size, size));
        // The plain fold says the same.
        let (journal, _) = Journal::open(machine.another(), options()).unwrap();
        let error = fold(&journal, Until::End, &mut |_| {})
            .unwrap_err()
            .to_string();
        assert!(error.contains(&format!("entry `{size}`")), "{error}");
    }
}

#[test]
fn the_golden_journal_is_what_the_same_commands_give_today() {
    let machine = SimDisk::new();
    let (mut sequencer, _) = resume(&machine, opening()).unwrap();
    for (at, command) in exchange() {
        sequencer.turn(at, &[command]).unwrap();
    }
    let mut records = Vec::new();
    let journal = sequencer.journal();
    journal
        .read::<keepwhole::journal::JournalError>(0, &mut |_, record| {
            records.push(record.to_vec());
            Ok(())
        })
        .unwrap();
    assert_eq!(journal.head(), head_of(&records));
    assert_eq!(journal.head().size.to_string(), recorded("size"));
    assert_eq!(journal.head().root.to_string(), recorded("root"));
}
