//! Names, coordinates and contents of tiles, against the specification's examples and `tlog_tiles`.

use crate::tree::{Memory, entries};
use keepwhole_verify::tile::{
    TileError, TileHashes, TileId, TileKind, TileReader, decode_bundle, encode_bundle, right_edge,
    tiles_between,
};
use keepwhole_verify::tree::{self, StoredHashes as _};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn id(kind: TileKind, index: u64, width: u16) -> TileId {
    TileId { kind, index, width }
}

#[test]
fn paths_are_those_of_the_specification() {
    let table = [
        (id(TileKind::Hashes(0), 0, 256), "tile/0/000"),
        (id(TileKind::Hashes(0), 273, 112), "tile/0/273.p/112"),
        (
            id(TileKind::Hashes(1), 1_234_067, 256),
            "tile/1/x001/x234/067",
        ),
        (id(TileKind::Hashes(7), 1_000, 1), "tile/7/x001/000.p/1"),
        (id(TileKind::Entries, 999, 256), "tile/entries/999"),
        (
            id(TileKind::Entries, 1_234_067, 255),
            "tile/entries/x001/x234/067.p/255",
        ),
    ];
    for (tile, path) in table {
        assert_eq!(tile.path(), path);
        assert_eq!(TileId::parse(path), Ok(tile));
    }
    let bad = [
        "",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000/001",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/001/002",
        "tile/0/x001/x002",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/Entries/000",
        "tile/0/000/",
        "/tile/0/000",
        "tile/0/x99999999999999999999/000",
        "tile/0/+00",
        "tile/0/00x",
        "tile/0/000.p/1.p/1",
    ];
    for path in bad {
        assert_eq!(
            TileId::parse(path),
            Err(TileError::Path(path.to_owned())),
            "{path}"
        );
    }
}

#[test]
fn a_tree_of_70_000_has_the_tiles_of_the_specification() {
    let all = tiles_between(0, 70_000);
    let of = |kind| {
        all.iter()
            .filter(|tile| tile.kind == kind)
            .collect::<Vec<_>>()
    };
    let level = of(TileKind::Hashes(0));
    assert_eq!(
        (level.len(), level[273].width, level[272].width),
        (274, 112, 256)
    );
    assert_eq!(of(TileKind::Entries).len(), 274);
    let level = of(TileKind::Hashes(1));
    assert_eq!((level.len(), level[0].width, level[1].width), (2, 256, 17));
    assert_eq!(of(TileKind::Hashes(2)), [&id(TileKind::Hashes(2), 0, 1)]);
    assert!(of(TileKind::Hashes(3)).is_empty());
    let edge = right_edge(70_000);
    let paths: Vec<String> = edge.iter().map(TileId::path).collect();
    assert_eq!(
        paths,
        ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]
    );
    assert!(
        right_edge(0).is_empty()
            && tiles_between(0, 0).is_empty()
            && tiles_between(9, 9).is_empty()
    );
}

/// Tiles as `tlog_tiles` would name and fill them, from our hashes.
pub(crate) struct Files(pub(crate) BTreeMap<String, Vec<u8>>);

impl Files {
    pub(crate) fn of(memory: &Memory, size: u64) -> Self {
        let mut files = BTreeMap::new();
        for tile in tiles_between(0, size) {
            let TileKind::Hashes(level) = tile.kind else {
                continue;
            };
            let first = tile.index * 256;
            let hashes = (first..first + u64::from(tile.width))
                .map(|ix| memory.hash(level * 8, ix).unwrap());
            files.insert(
                tile.path(),
                hashes.flat_map(|hash| *hash.as_bytes()).collect(),
            );
        }
        Self(files)
    }
}

impl TileReader for &Files {
    type Error = TileError;

    fn tile(&self, id: TileId) -> Result<Vec<u8>, TileError> {
        self.0
            .get(&id.path())
            .cloned()
            .ok_or_else(|| TileError::Path(id.path()))
    }
}

#[test]
fn hashes_read_from_tiles_are_those_of_the_tree() {
    let memory = Memory::of(&entries(600));
    for size in [1, 2, 255, 256, 257, 511, 512, 513, 600] {
        let files = Files::of(&memory, size);
        let tiles = TileHashes::new(&files, size);
        assert_eq!(
            tree::root(&tiles, size).unwrap(),
            tree::root(&memory, size).unwrap(),
            "size {size}"
        );
        for index in [0, size / 2, size - 1] {
            assert_eq!(
                tree::prove_inclusion(&tiles, index, size).unwrap(),
                tree::prove_inclusion(&memory, index, size).unwrap()
            );
            assert_eq!(
                tree::prove_consistency(&tiles, index + 1, size).unwrap(),
                tree::prove_consistency(&memory, index + 1, size).unwrap()
            );
        }
        let outside = TileError::OutsideTree {
            level: 0,
            index: size,
        };
        assert_eq!(tiles.hash(0, size), Err(outside));
    }
    let mut files = Files::of(&memory, 600);
    files.0.get_mut("tile/0/000").unwrap().pop();
    let wanted = TileError::Length {
        path: "tile/0/000".to_owned(),
        wanted: 8192,
        found: 8191,
    };
    assert_eq!(TileHashes::new(&files, 600).hash(0, 3), Err(wanted));
}

#[test]
fn bundles_refuse_what_no_log_writes() {
    let two = encode_bundle(&[b"ab".as_slice(), b"c"]).unwrap();
    assert_eq!(two, [0, 2, b'a', b'b', 0, 1, b'c']);
    assert_eq!(
        decode_bundle(&two, 2, true),
        Ok(vec![b"ab".as_slice(), b"c"])
    );
    assert_eq!(decode_bundle(&two, 1, false), Ok(vec![b"ab".as_slice()]));
    let fault = |entry, fault| Err(TileError::Bundle { entry, fault });
    assert_eq!(
        decode_bundle(&two, 1, true),
        fault(1, "is one too many for this width")
    );
    assert_eq!(decode_bundle(&two, 3, true), fault(2, "is missing"));
    assert_eq!(decode_bundle(&two[..6], 2, true), fault(1, "is cut short"));
    assert_eq!(decode_bundle(&[0, 0], 1, true), fault(0, "is empty"));
    assert_eq!(
        encode_bundle(&[b""]),
        Err(TileError::Bundle {
            entry: 0,
            fault: "is empty"
        })
    );
    let long = vec![0; 65_536];
    assert_eq!(
        encode_bundle(&[&long[..65_535], &long])
            .unwrap_err()
            .to_string(),
        "entry `1` of the bundle is longer than 65,535 bytes"
    );
    let many = vec![[1]; 257];
    assert_eq!(encode_bundle(&many[..256]).unwrap().len(), 768);
    assert!(encode_bundle(&many).is_err());
}

proptest! {
    #[test]
    fn new_tiles_are_those_of_tlog_tiles(old in 0_u64..200_000, grown in 0_u64..3_000) {
        let new = old + grown;
        let ours: Vec<String> = tiles_between(old, new).iter().filter(|tile| tile.kind != TileKind::Entries).map(TileId::path).collect();
        let theirs: Vec<String> = tlog_tiles::Tile::new_tiles(8, old, new)
            .iter()
            .map(|tile| tile.path().replacen("tile/8/", "tile/", 1))
            .collect();
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn every_path_reads_back(level in 0_u8..64, index in 0_u64..1 << 55, width in 1_u16..=256) {
        for kind in [TileKind::Hashes(level), TileKind::Entries] {
            let tile = TileId { kind, index, width };
            prop_assert_eq!(TileId::parse(&tile.path()), Ok(tile));
        }
    }
}
