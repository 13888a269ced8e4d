//! Targets over what custody vendors send.

use keepwhole_cosigner::bitgo::request::Amounts;
use keepwhole_cosigner::bitgo::{Names, request as bitgo};
use keepwhole_cosigner::fireblocks::request::{self as fireblocks, WithdrawalId};
use keepwhole_cosigner::json::Json;
use keepwhole_cosigner::jwt;
use keepwhole_cosigner::mapping::Mapping;
use keepwhole_cosigner::settings::Settings;

/// A token that is read has claims that are one document, and no key of the run believes it.
pub(crate) fn jwt(bytes: &[u8]) -> bool {
    let Ok(claims) = jwt::read_unverified(bytes) else {
        return false;
    };
    let spelled = claims.spelled();
    assert_eq!(Json::parse(spelled.as_bytes()).as_ref(), Ok(&claims));
    true
}

/// Ids that are echoed are visible characters; what is not in the settings is never a transfer.
pub(crate) fn fireblocks_request(bytes: &[u8]) -> bool {
    let Ok(claims) = Json::parse(bytes) else {
        return false;
    };
    let mut taken = false;
    for configuration in [false, true] {
        if let Ok(request) = fireblocks::read(claims.clone(), configuration) {
            assert!(
                request
                    .request_id
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic())
            );
            assert_eq!(request.all, claims, "a field is lost");
            for at in [WithdrawalId::External, WithdrawalId::Note] {
                let unknown = request.claims(&Mapping::default(), at);
                assert!(unknown.is_err(), "a transfer of nothing that is known");
            }
            taken = true;
        }
    }
    taken
}

/// The same, of the other vendor.
pub(crate) fn bitgo_request(bytes: &[u8]) -> bool {
    let Ok(claims) = Json::parse(bytes) else {
        return false;
    };
    let mut taken = false;
    for amounts in [Amounts::Texts, Amounts::WholeNumbers] {
        if let Ok(request) = bitgo::read(claims.clone(), &Names::default(), amounts) {
            assert!(
                request
                    .evaluation_id
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic())
            );
            assert_eq!(request.all, claims, "a field is lost");
            assert!(request.claims(&Mapping::default()).is_err());
            taken = true;
        }
    }
    taken
}

/// A file that is refused says where.
pub(crate) fn responder_settings(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let Err(faults) = Settings::parse(text) else {
        return true;
    };
    assert!(!faults.is_empty());
    let lines = text.bytes().filter(|byte| *byte == b'\n').count() + 1;
    assert!(faults.iter().all(|fault| (1..=lines).contains(&fault.line)));
    false
}
