//! One log, made by the real service and read by everybody: our verifier, the witness, and three readers that are not ours.
//!
//! `KEEPWHOLE_ENTRIES` says how many entries it has, `KEEPWHOLE_SEED` which sizes and entries are looked at.

use crate::cli::{installed, run};
use crate::witnesses::{Http, Witness, bundle_of, copy, get};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use keepwhole::installation::{Installation, Reading};
use keepwhole::journal::keys::{self, KeyFile};
use keepwhole::journal::tiles::LogFiles;
use keepwhole::journal::{JournalError, RealDisk, layout};
use keepwhole::outside::{PublicLog, PublicServer};
use keepwhole::sequencer::{Clock as _, SystemClock};
use keepwhole_core::answer::Answer;
use keepwhole_core::book::MovementKind;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::registry::Asset;
use keepwhole_core::transfer::{BATCH_ROWS, TransferBatch, TransferRow};
use keepwhole_verify::checkpoint::Checkpoint;
use keepwhole_verify::digest::Digest;
use keepwhole_verify::note::{Ed25519Signer, NoteSigner as _, VerifierKey};
use keepwhole_verify::tile::{TileHashes, decode_bundle};
use keepwhole_verify::tlog_proof::TlogProof;
use keepwhole_verify::tree;
use keepwhole_witness::request::AddCheckpoint;
use sha2::Sha256;
use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Instant;

const ORIGIN: &str = "exchange.example/keepwhole";
/// Entries where nobody says otherwise: more than one tile of the second level.
const ENTRIES: u64 = 70_000;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|error| panic!("{name}=`{text}`: {error}")),
    )
}

/// A small generator: the same seed looks at the same places.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// Feeds the running service until the journal of `ex` has at least so many entries.
fn fill(dir: &Path, entries: u64) {
    let open = Installation::open(&dir.join("ex")).unwrap();
    let mut size = open.sequencer.head().size;
    let clock = SystemClock::start(open.sequencer.state().at);
    let now = clock.now();
    let running = open.run(Box::new(clock), Box::new(|_| {}));
    let handle = running.handle();
    let tell = |body| {
        let command = Command {
            id: None,
            actor: None,
            body,
        };
        assert_eq!(handle.submit(command).unwrap().answer, Answer::Recorded);
    };
    tell(Body::RegisterAsset(Asset {
        id: "KRW".into(),
        decimals: 0,
        network: None,
        confirmations: 0,
    }));
    let owners = (0..100).map(|number| format!("c-{number}"));
    tell(Body::RegisterOwners(
        std::iter::once("house".to_owned()).chain(owners).collect(),
    ));
    size += 106;
    let mut row = 0_u64;
    while size < entries {
        let mut batch = TransferBatch::new();
        for _ in 0..(entries - size).min(BATCH_ROWS as u64) {
            let (id, to) = (format!("row-{row}"), format!("c-{}", row % 100));
            let told = TransferRow {
                id: &id,
                from: "outside",
                to: &to,
                asset: "KRW",
                units: u128::from(row) + 1,
                kind: MovementKind::Opening,
                effective: now,
            };
            batch.push(&told).unwrap();
            row += 1;
        }
        size += batch.len() as u64 + 1;
        tell(Body::RecordTransfers(batch));
    }
    running.stop().unwrap();
}

/// Hashes of the published log in a folder; its tiles hold those of every smaller tree.
fn published(disk: &RealDisk) -> TileHashes<LogFiles<'_, RealDisk>> {
    let (head, _) = LogFiles(disk).checkpoint().unwrap();
    TileHashes::new(LogFiles(disk), head.size())
}

pub(crate) fn root_at(dir: &Path, size: u64) -> Digest {
    tree::root(&published(&RealDisk::at(dir)), size).unwrap()
}

pub(crate) fn inclusion(dir: &Path, index: u64, size: u64) -> Vec<Digest> {
    tree::prove_inclusion(&published(&RealDisk::at(dir)), index, size).unwrap()
}

fn growth(dir: &Path, old: u64, new: u64) -> Vec<Digest> {
    tree::prove_consistency(&published(&RealDisk::at(dir)), old, new).unwrap()
}

/// Sends a head to a witness, proven from the size that it knows by the tiles in `dir`; the status of its answer.
pub(crate) fn send(url: &str, dir: &Path, head: (u64, &str), known: &mut u64) -> u16 {
    let (size, note) = head;
    for _ in 0..2 {
        let old = (*known).min(size);
        let proof = growth(dir, old, size);
        let body = AddCheckpoint { old, proof, note }.to_body();
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let mut answer = agent
            .post(format!("{url}/add-checkpoint"))
            .send(&body)
            .unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        match answer.status().as_u16() {
            409 if text.trim() != old.to_string() => *known = text.trim().parse().unwrap(),
            200 => {
                *known = size;
                return 200;
            }
            status => return status,
        }
    }
    409
}

type Oracle = MemoryBackedTree<Sha256, Vec<u8>>;
type Root = RootHash<Sha256>;

fn their_root(root: Digest, size: u64) -> Root {
    RootHash::new((*root.as_bytes()).into(), size)
}

fn flat(proof: &[Digest]) -> Vec<u8> {
    proof.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

fn hashes(proof: &[Digest]) -> Vec<tlog_tiles::Hash> {
    proof
        .iter()
        .map(|hash| tlog_tiles::Hash(*hash.as_bytes()))
        .collect()
}

/// Everything that looks at the log in one folder.
struct Readers {
    /// The folder above `log/`.
    dir: PathBuf,
    base: String,
    _server: PublicServer,
    key: VerifierKey,
    signer: Ed25519Signer,
}

impl Readers {
    fn new(dir: PathBuf, signer: Ed25519Signer) -> Self {
        let log = PublicLog::new(&dir, true);
        let server = PublicServer::start(TcpListener::bind("127.0.0.1:0").unwrap(), log).unwrap();
        Self {
            base: format!("http://{}/log", server.address()),
            _server: server,
            dir,
            key: signer.key().clone(),
            signer,
        }
    }

    fn root(&self, size: u64) -> Digest {
        root_at(&self.dir, size)
    }

    /// The head of this size, signed, as every reader of notes reads it.
    fn signed(&self, size: u64, root: Digest) -> (Checkpoint, String) {
        let head = Checkpoint::new(ORIGIN, size, root).unwrap();
        let note = head.sign(&[&self.signer]).unwrap().to_string();
        let verifier = signed_note::StandardVerifier::new(&self.key.to_string()).unwrap();
        let verifiers = signed_note::VerifierList::new(vec![Box::new(verifier)]);
        let theirs = signed_note::Note::from_bytes(note.as_bytes()).unwrap();
        let (good, unknown) = theirs.verify(&verifiers).unwrap();
        assert_eq!((good.len(), unknown.len()), (1, 0));
        let read = tlog_tiles::Checkpoint::from_bytes(theirs.text()).unwrap();
        assert_eq!((read.size(), read.hash().0), (size, *root.as_bytes()));
        (head, note)
    }

    fn entry(&self, index: u64, size: u64) -> Vec<u8> {
        let (status, _, bundle) = get(&format!("{}/{}", self.base, bundle_of(index, size)));
        assert_eq!(status, 200);
        let width = u16::try_from((size - index / 256 * 256).min(256)).unwrap();
        let place = usize::try_from(index % 256).unwrap();
        decode_bundle(&bundle, width, true).unwrap()[place].to_vec()
    }

    /// What each reader says about an entry and its proof, in this order: ours, `ct-merkle`, `tlog_tiles`, and the program
    /// on a proof file.
    fn included(
        &self,
        index: u64,
        entry: &[u8],
        proof: &[Digest],
        head: (u64, Digest),
        note: &str,
    ) -> [bool; 4] {
        let (size, root) = head;
        let ours = tree::verify_inclusion(&tree::leaf_hash(entry), index, size, proof, &root);
        let theirs = InclusionProof::<Sha256>::try_from_bytes(flat(proof)).unwrap();
        let theirs = their_root(root, size).verify_inclusion(&entry.to_vec(), index, &theirs);
        let root = tlog_tiles::Hash(*root.as_bytes());
        let leaf = tlog_tiles::record_hash(entry);
        let tiles = tlog_tiles::check_record(&hashes(proof), size, root, index, leaf);
        let file = TlogProof {
            index,
            hashes: proof.to_vec(),
            checkpoint: note.to_owned(),
        };
        let around = self.dir.parent().unwrap();
        std::fs::write(around.join("one.tlog-proof"), file.to_string()).unwrap();
        std::fs::write(around.join("one.entry"), entry).unwrap();
        std::fs::write(
            around.join("trust-log"),
            format!("log {}\nquorum none\n", self.key),
        )
        .unwrap();
        let arguments = [
            "verify",
            "one.tlog-proof",
            "--entry",
            "one.entry",
            "--trust",
            "trust-log",
        ];
        let said = run(around, &arguments);
        assert!(said.code < 2, "{}{}", said.out, said.err);
        [ours.is_ok(), theirs.is_ok(), tiles.is_ok(), said.code == 0]
    }
}

/// Entries of the journal, and their roots at these sizes by `ct-merkle`.
fn oracle(dir: &Path, sizes: &BTreeSet<u64>) -> (Oracle, Vec<(u64, Root)>) {
    let (mut tree, mut roots) = (Oracle::new(), Vec::new());
    let reading = Reading::open_whole(&dir.join("ex")).unwrap();
    let visit = &mut |position: u64, record: &[u8]| {
        tree.push(record.to_vec());
        if sizes.contains(&(position + 1)) {
            roots.push((position + 1, tree.root()));
        }
        Ok(())
    };
    reading.journal.read::<JournalError>(0, visit).unwrap();
    (tree, roots)
}

fn witness(dir: &Path, name: &str) -> Witness {
    Witness::make(dir, name);
    Witness::start(dir, name, "127.0.0.1:0")
}

fn cosigns(witness: &Witness, readers: &Readers, size: u64, known: &mut u64) {
    let (_, note) = readers.signed(size, readers.root(size));
    let status = send(&witness.url, &readers.dir, (size, &note), known);
    assert_eq!(status, 200, "size {size}");
}

#[test]
fn everybody_agrees_on_one_log_and_refuses_the_same_forgeries() {
    let began = Instant::now();
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).unwrap();
    let seed = number("KEEPWHOLE_SEED")
        .unwrap_or(u64::from_le_bytes(seed))
        .max(1);
    let mut random = Random(seed);
    let dir = installed();
    let dir = dir.path();
    fill(dir, number("KEEPWHOLE_ENTRIES").unwrap_or(ENTRIES));
    let signer = || keys::load(&dir.join("ex"), KeyFile::Log, ORIGIN).unwrap();
    let readers = Readers::new(dir.join("ex"), signer());
    let (_, _, note) = get(&format!("{}/checkpoint", readers.base));
    let key = readers.key.clone();
    let (head, _) = Checkpoint::verify(&note, std::slice::from_ref(&key)).unwrap();
    let (size, root) = (head.size(), head.root());
    eprintln!("seed {seed}: {size} entries after {:?}", began.elapsed());

    let mut sizes: BTreeSet<u64> = [1, 2, 255, 256, 257, 65_536, size - 1, size].into();
    sizes.extend((0..24).map(|_| 1 + random.below(size)));
    let (tree, roots) = oracle(dir, &sizes);
    let witness = witness(dir, "w1");
    let http = Http(readers.base.clone());
    let foreign = tlog_tiles::TileHashReader::new(size, tlog_tiles::Hash(*root.as_bytes()), &http);
    agree_on_growth(&readers, &roots, &foreign, &witness);
    agree_on_entries(&readers, &tree, &foreign, (size, root), &mut random);
    eprintln!("agreed after {:?}", began.elapsed());
    refuse_a_changed_tile(dir, &readers, (size, root), signer(), &mut random);
    refuse_a_changed_entry(&readers, &tree, (size, root), &witness, &mut random);
    eprintln!(
        "seed {seed}: {size} entries, all done after {:?}",
        began.elapsed()
    );
}

/// Roots at every size, and each size growing from the one before it.
fn agree_on_growth(
    readers: &Readers,
    roots: &[(u64, Root)],
    foreign: &impl tlog_tiles::HashReader,
    witness: &Witness,
) {
    let mut known = 0;
    let mut before: Option<&(u64, Root)> = None;
    for sized in roots {
        let (size, theirs) = sized;
        let ours = readers.root(*size);
        assert_eq!(
            ours.as_bytes().as_slice(),
            theirs.as_bytes().as_slice(),
            "size {size}"
        );
        let tiles = tlog_tiles::tree_hash(*size, foreign).unwrap();
        assert_eq!(ours.as_bytes(), &tiles.0, "size {size}");
        if let Some((old, old_root)) = before {
            let proof = growth(&readers.dir, *old, *size);
            let old_ours = readers.root(*old);
            tree::verify_consistency(*old, &old_ours, *size, &ours, &proof).unwrap();
            let ct = ConsistencyProof::<Sha256>::try_from_bytes(flat(&proof)).unwrap();
            theirs.verify_consistency(old_root, &ct).unwrap();
            let old_hash = tlog_tiles::Hash(*old_ours.as_bytes());
            tlog_tiles::check_tree(&hashes(&proof), *size, tiles, *old, old_hash).unwrap();
            let own = tlog_tiles::prove_tree(*size, *old, foreign).unwrap();
            assert_eq!(own, hashes(&proof), "{old} to {size}");
        }
        cosigns(witness, readers, *size, &mut known);
        before = Some(sized);
    }
}

/// Entries by HTTP, their proofs by everybody.
fn agree_on_entries(
    readers: &Readers,
    oracle: &Oracle,
    foreign: &impl tlog_tiles::HashReader,
    (size, root): (u64, Digest),
    random: &mut Random,
) {
    let (_, note) = readers.signed(size, root);
    let mut indexes: BTreeSet<u64> = [0, 255, 256, 65_535, size - 1].into();
    indexes.extend((0..12).map(|_| random.below(size)));
    for index in indexes {
        let entry = readers.entry(index, size);
        let place = usize::try_from(index).unwrap();
        assert_eq!(Some(&entry), oracle.get(place), "entry {index}");
        let proof = inclusion(&readers.dir, index, size);
        assert_eq!(
            flat(&proof),
            oracle.prove_inclusion(place).as_bytes(),
            "entry {index}"
        );
        let own = tlog_tiles::prove_record(size, index, foreign).unwrap();
        assert_eq!(own, hashes(&proof), "entry {index}");
        let said = readers.included(index, &entry, &proof, (size, root), &note);
        assert_eq!(said, [true; 4], "entry {index}");
    }
}

/// One bit of one hash in one tile: no reader takes a proof that rests on it, no witness a head.
fn refuse_a_changed_tile(
    dir: &Path,
    readers: &Readers,
    (size, root): (u64, Digest),
    signer: Ed25519Signer,
    random: &mut Random,
) {
    copy(&dir.join("ex"), &dir.join("forged"));
    // An entry at an even place; the hash beside it is in its proof, and in that of growth from just behind it.
    let index = random.below(size / 256 * 128) * 2;
    let path = dir.join("forged").join(layout::level_path(0));
    let mut bytes = std::fs::read(&path).unwrap();
    let place = usize::try_from((index + 1) * 32).unwrap();
    bytes[place] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let forged = Readers::new(dir.join("forged"), signer);
    let (_, note) = forged.signed(size, root);
    let entry = forged.entry(index, size);
    let proof = inclusion(&forged.dir, index, size);
    let said = forged.included(index, &entry, &proof, (size, root), &note);
    assert_eq!(said, [false; 4], "entry {index} by a changed tile");
    let http = Http(forged.base.clone());
    let foreign = tlog_tiles::TileHashReader::new(size, tlog_tiles::Hash(*root.as_bytes()), &http);
    let theirs = tlog_tiles::prove_record(size, index, &foreign).and_then(|proof| {
        let (root, leaf) = (
            tlog_tiles::Hash(*root.as_bytes()),
            tlog_tiles::record_hash(&entry),
        );
        tlog_tiles::check_record(&proof, size, root, index, leaf)
    });
    assert!(theirs.is_err());
    // A witness that knows the log up to the entry refuses growth that rests on the changed hash, and takes the true one.
    let witness = witness(dir, "w2");
    let mut known = 0;
    cosigns(&witness, readers, index + 1, &mut known);
    assert_eq!(
        send(&witness.url, &forged.dir, (size, &note), &mut known),
        422
    );
    cosigns(&witness, readers, size, &mut known);
}

/// One bit of one entry: its proof holds for nobody, and a head over it is a fork for the witness.
fn refuse_a_changed_entry(
    readers: &Readers,
    oracle: &Oracle,
    (size, root): (u64, Digest),
    witness: &Witness,
    random: &mut Random,
) {
    let index = random.below(size);
    let mut entry = readers.entry(index, size);
    let last = entry.len() - 1;
    entry[last] ^= 1;
    let (_, note) = readers.signed(size, root);
    let proof = inclusion(&readers.dir, index, size);
    let said = readers.included(index, &entry, &proof, (size, root), &note);
    assert_eq!(said, [false; 4], "entry {index} changed");
    let mut other = Oracle::new();
    for (place, known) in oracle.items().iter().enumerate() {
        let changed = place as u64 == index;
        other.push(if changed {
            entry.clone()
        } else {
            known.clone()
        });
    }
    let other: [u8; 32] = (*other.root().as_bytes()).into();
    let (_, note) = readers.signed(size, Digest::from_bytes(other));
    let status = send(&witness.url, &readers.dir, (size, &note), &mut { size });
    assert_eq!(status, 422);
    let shown = run(
        readers.dir.parent().unwrap(),
        &["witness", "show", "--dir", "w1"],
    );
    assert!(
        shown.code == 1 && shown.out.contains("FORK"),
        "{}",
        shown.out
    );
}
