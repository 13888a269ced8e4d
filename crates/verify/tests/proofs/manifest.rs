//! Manifests of redress sets: what holds within one and between epochs, and contacts and amounts in their one form.

use keepwhole_verify::manifest::{Asset, Correction, Kind, Manifest};
use keepwhole_verify::statement::{is_reference, normalise_contact};
use keepwhole_verify::sum_tree::asset_commit;
use keepwhole_verify::units::{grouped_units, whole_units};
use sha2::{Digest, Sha256};

fn asset(ix: u16, paid: u128, due: u128) -> Asset {
    Asset {
        ix,
        asset: format!("COIN{ix}"),
        decimals: 8,
        height: 8,
        commit: [0; 32],
        root: [5; 32],
        count: 3,
        paid,
        due,
        taken_on_chain: paid + due + 10,
        borne_by_house: 10,
        recovered: 4,
    }
}

/// Right commitments for the assets as they are.
fn committed(mut manifest: Manifest) -> Manifest {
    let set = manifest.clone();
    for asset in &mut manifest.assets {
        asset.commit = asset_commit(&set.tree(asset.ix), asset.height, &asset.root_node());
    }
    manifest
}

fn first() -> Manifest {
    committed(Manifest {
        set_id: [1; 16],
        incident: "inc-1".to_owned(),
        epoch: 1,
        as_of: "2026-11-22T00:00:00Z".to_owned(),
        prev: None,
        kind: Kind::Shortfall,
        assets: vec![asset(0, 100, 50), asset(2, 7, 0)],
        snapshot_index: 5,
        snapshot_sha256: [2; 32],
        rules: [3; 32],
    })
}

fn second() -> Manifest {
    let mut next = first();
    next.set_id = [9; 16];
    next.epoch = 2;
    next.prev = Some(Sha256::digest(first().to_text()).into());
    next.assets[0] = asset(0, 120, 30);
    committed(next)
}

/// A change to a manifest and the words that refuse it.
type Change<'a> = (&'a dyn Fn(&mut Manifest), &'a str);

#[test]
fn a_manifest_reads_back_and_each_wrong_field_is_named() {
    assert_eq!(Manifest::read(&first().to_text()), Ok(first()));
    let cases: [Change<'_>; 11] = [
        (
            &|m| m.as_of = "2026-11-22T00:00:00+09:00".to_owned(),
            "manifest.as_of",
        ),
        (&|m| m.incident.clear(), "manifest.incident"),
        (&|m| m.prev = Some([1; 32]), "manifest.prev"),
        (&|m| m.epoch = 2, "manifest.prev"),
        (&|m| m.assets.clear(), "names no asset"),
        (&|m| m.assets.swap(0, 1), "ascend by `ix`"),
        (&|m| m.assets[1].asset = "COIN0".to_owned(), "used twice"),
        (&|m| m.assets[0].paid += 1, "assets[0].commit"),
        (
            &|m| m.assets[0].taken_on_chain += 1,
            "is not taken on chain",
        ),
        (&|m| m.assets[1].recovered = 18, "more than was taken"),
        (&|m| m.kind = Kind::Claims, "a claims set has no"),
    ];
    for (change, words) in cases {
        let mut manifest = first();
        change(&mut manifest);
        let error = Manifest::read(&manifest.to_text())
            .expect_err(words)
            .to_string();
        assert!(error.contains(words), "{error}");
    }
    let extra = first()
        .to_text()
        .replacen("{\"as_of\"", "{\"aa\":1,\"as_of\"", 1);
    assert!(
        Manifest::read(&extra)
            .expect_err("extra")
            .to_string()
            .contains("manifest.aa")
    );
}

#[test]
fn nothing_is_taken_back_between_epochs() {
    let (old, text) = (first(), first().to_text());
    assert_eq!(second().check_follows(&old, &text, &[]), Ok(()));
    let cases: [Change<'_>; 8] = [
        (&|m| m.prev = Some([0; 32]), "manifest.prev"),
        (&|m| m.epoch = 3, "manifest.epoch"),
        (&|m| m.incident = "inc-2".to_owned(), "must stay the same"),
        (&|m| m.set_id = [1; 16], "is reused"),
        (
            &|m| drop(m.assets.pop()),
            "COIN2 of the previous epoch disappeared",
        ),
        (&|m| m.assets[1].decimals = 9, "number 2 was COIN2"),
        (
            &|m| (m.assets[0].paid, m.assets[0].due) = (99, 60),
            "paid falls from 100 to 99",
        ),
        (
            &|m| m.assets[0].due = 29,
            "paid + due falls from 150 to 149",
        ),
    ];
    for (change, words) in cases {
        let mut manifest = second();
        change(&mut manifest);
        let error = manifest
            .check_follows(&old, &text, &[])
            .expect_err(words)
            .to_string();
        assert!(error.contains(words), "{error}");
    }
    let mut corrected = second();
    corrected.assets[0].due = 29;
    let correction = |set_id, amount| {
        [Correction {
            set_id,
            ix: 0,
            amount,
        }]
    };
    assert_eq!(
        corrected.check_follows(&old, &text, &correction([9; 16], 1)),
        Ok(())
    );
    assert!(
        corrected
            .check_follows(&old, &text, &correction([1; 16], 1))
            .is_err(),
        "names another set"
    );
    corrected.assets[0].due = 28;
    assert!(
        corrected
            .check_follows(&old, &text, &correction([9; 16], 1))
            .is_err(),
        "names too little"
    );
}

#[test]
fn contacts_references_and_amounts() {
    assert_eq!(normalise_contact("Ana@Example.ORG"), "ana@example.org");
    assert_eq!(normalise_contact("JOSE\u{301}@x.org"), "jos\u{e9}@x.org");
    for good in [
        "entry:0",
        "entry:73894",
        "eip155:1:0xabc",
        "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:5wHu",
    ] {
        assert!(is_reference(good), "{good}");
    }
    for bad in [
        "",
        "entry:",
        "entry:01",
        "entry:-1",
        "entry:1:2",
        "eip155:1",
        "eip155::x",
        "EIP:1:x",
        "eip155:1:x y",
    ] {
        assert!(!is_reference(bad), "{bad}");
    }
    let cases = [
        (0, 8, "0"),
        (30_000, 8, "0.0003"),
        (300_000_000, 8, "3"),
        (5, 0, "5"),
        (123, 2, "1.23"),
    ];
    for (amount, decimals, words) in cases {
        assert_eq!(whole_units(amount, decimals), words);
    }
    assert_eq!(
        grouped_units(u128::MAX, 18),
        "340,282,366,920,938,463,463.374607431768211455"
    );
    assert_eq!(grouped_units(12_345_600, 2), "123,456");
}
