//! Containers that hide something: archives that no honest writer makes, each refused before anything in them is read.

use std::collections::BTreeMap;

use keepwhole_verify::archive::{self, header};

use crate::evidence::{case, check};
use crate::forgeries::refused;

/// An archive of one file whose header is changed by `change`; the checksum is made right again.
fn crafted(path_bytes: &[u8], change: &dyn Fn(&mut [u8; 512])) -> Vec<u8> {
    let mut block = header("log/checkpoint", 3).unwrap();
    if !path_bytes.is_empty() {
        block[..100].fill(0);
        block[..path_bytes.len()].copy_from_slice(path_bytes);
    }
    change(&mut block);
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut archive = block.to_vec();
    archive.extend_from_slice(b"abc");
    archive.resize(512 * 4, 0);
    archive
}

#[test]
fn containers_that_hide_something() {
    let kind = |byte: u8| crafted(b"", &move |block| block[156] = byte);
    let sparse = crafted(b"", &|block| {
        block[156] = b'S';
        block[124..136].copy_from_slice(b"\x80\0\0\0\0\0\0\x02\x54\x0b\xe4\0");
    });
    let huge = crafted(b"", &|block| {
        block[124..136].copy_from_slice(b"77777777777\0")
    });
    let big = crafted(b"", &|block| {
        block[124..136].copy_from_slice(b"00000100000\0")
    });
    let binary_size = crafted(b"", &|block| {
        block[124..136].copy_from_slice(b"\x80\0\0\0\0\0\0\x02\x54\x0b\xe4\0")
    });
    let cases: [(&str, Vec<u8>, &str); 20] = [
        (
            "traversal",
            crafted(b"../../etc/passwd", &|_| {}),
            "could leave the folder",
        ),
        (
            "hidden traversal",
            crafted(b"log/../../x", &|_| {}),
            "could leave the folder",
        ),
        ("absolute", crafted(b"/etc/passwd", &|_| {}), "is absolute"),
        (
            "upper case",
            crafted(b"README", &|_| {}),
            "has the character `R`",
        ),
        ("hard link", kind(b'1'), "a link"),
        ("symbolic link", kind(b'2'), "a link"),
        ("device", kind(b'3'), "a device"),
        ("folder", kind(b'5'), "a folder entry"),
        ("long name", kind(b'L'), "over-long names"),
        ("pax header", kind(b'x'), "extension header"),
        ("sparse header of 10 GB", sparse, "a sparse file"),
        ("size of 8 GB", huge, "over the limit"),
        (
            "size of 10 GB in binary",
            binary_size,
            "not 11 octal digits",
        ),
        ("size beyond the end", big, "only 1536 are there"),
        (
            "mode",
            crafted(b"", &|block| block[103] = b'7'),
            "differs from the only allowed one",
        ),
        (
            "time",
            crafted(b"", &|block| block[146] = b'1'),
            "differs from the only allowed one",
        ),
        (
            "owner's name",
            crafted(b"", &|block| block[265] = b'r'),
            "differs from the only allowed one",
        ),
        ("empty file", Vec::new(), "ends before the two zero blocks"),
        (
            "empty bundle",
            vec![0; 1024],
            "an empty bundle proves nothing",
        ),
        (
            "more after the end",
            vec![0; 1536],
            "bytes after the two zero blocks",
        ),
    ];
    for (name, archive, words) in cases {
        refused(name, &check(&archive, None), "V01", words);
    }
    let honest = case().archive();
    refused(
        "cut short",
        &check(&honest[..honest.len() - 512], None),
        "V01",
        "single zero block",
    );
    let one = archive::write(&BTreeMap::from([("a".to_owned(), b"x".to_vec())])).unwrap();
    let twice = [&one[..1024], &one[..]].concat();
    refused(
        "file twice",
        &check(&twice, None),
        "V01",
        "sorted and unique",
    );
    let mut padded = one;
    padded[600] = 1;
    refused(
        "hidden in the padding",
        &check(&padded, None),
        "V01",
        "padding",
    );
}
