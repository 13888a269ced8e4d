//! What a custody vendor tells: one canonical text, its digest, and the one transfer that it claims.

use crate::to_hex;
use keepwhole_payload::callback::{Callback, callback};
use keepwhole_payload::{Effect, Expected, Kind, Refusal};

fn sample() -> Callback {
    let own = str::to_owned;
    Callback {
        account: own("user-1"),
        amount: 10_000_000_000_000_000,
        asset: own("eip155:1/slip44:60"),
        body: [0x44; 32],
        dest: own("0x5dc69b1fbb13bafd09af88a782f0f285772ad5f8"),
        fee: Some(597_803_762_241_000),
        fee_asset: own("eip155:1/slip44:60"),
        from: own("0x1111111111111111111111111111111111111111"),
        memo: String::new(),
        network: own("eip155:1"),
        peer: own("192.0.2.7"),
        received: 1_795_000_000_000,
        request: own("r-1"),
        stage: own("signing"),
        transaction: own("t-1"),
        vendor: own("fireblocks"),
        wallet: own("hot-1"),
        withdrawal: own("w-1"),
    }
}

#[test]
fn one_text_one_digest_one_transfer() {
    let told = sample();
    let text = told.to_canonical();
    assert_eq!(Callback::decode(text.as_bytes()), Ok(told.clone()));
    let outcome = callback(text.as_bytes()).unwrap();
    assert_eq!(outcome.kind, Kind::VendorCallback);
    assert_eq!(outcome.conflict_key, "eip155:1/fireblocks:user-1/t-1");
    assert_eq!(
        to_hex(&outcome.signing_digest),
        "f90ccde97574377e28b38f222ef410db88781768ca13ae513dae15587a279975",
        "{text}"
    );
    assert!(matches!(
        outcome.effects.as_slice(),
        [Effect::Transfer { .. }]
    ));
    let expected = Expected {
        network: told.network.clone(),
        asset: told.asset.clone(),
        from: Some(told.from.clone()),
        to: told.dest.to_uppercase().replace("0X", "0x"),
        opens_account: false,
        amount: told.amount,
        memo: String::new(),
        max_fee: 597_803_762_241_000,
    };
    assert_eq!(expected.matches(&outcome), Ok(()));
}

#[test]
fn another_text_is_refused() {
    let text = sample().to_canonical();
    for changed in [
        text.replace("\"signing\"", "\"configuration\""),
        text.replace("\"10000000000000000\"", "10000000000000000"),
        text.replace("\"10000000000000000\"", "\"010\""),
        text.replace("callback/v1", "callback/v2"),
        text.replace(",\"from\"", ",\"extra\":\"1\",\"from\""),
        text.replace("\"fee\":\"597803762241000\",", ""),
        text.replace("\"597803762241000\"", "\"unkown\""),
        text.replace(':', ": "),
        text.replace("\"1795000000000\"", "\"18446744073709551616\""),
        format!("{text} "),
        String::new(),
    ] {
        let refused = callback(changed.as_bytes());
        assert!(
            matches!(refused, Err(Refusal::Undecodable { .. })),
            "{changed}"
        );
    }
    assert!(matches!(
        callback(&[b' '; 20_000]),
        Err(Refusal::TooLarge { .. })
    ));
    let untold = text.replace("\"597803762241000\"", "\"unknown\"");
    assert_eq!(Callback::decode(untold.as_bytes()).unwrap().fee, None);
}
