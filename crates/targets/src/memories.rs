//! Targets over what a signer, a responder and an approver keep or bring: settings, memories, requests, keys, rules, forms.

use keepwhole::authority::{credential as read_credential, credential_text, rules};
use keepwhole_core::authority::rules::RelyingParty;
use keepwhole_signer::Settings;
use keepwhole_signer::store::{StoreError, read};
use keepwhole_verify::approval::Decision;
use std::path::Path;

/// The approver's own client is a program alone; this is its reader.
#[path = "../../approver/src/request.rs"]
mod request;
/// Of the console, which is no library.
#[path = "../../keepwhole/src/console/upload.rs"]
mod upload;

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// A file that is refused says where.
pub(crate) fn signer_settings(bytes: &[u8]) -> bool {
    let Some(given) = text(bytes) else {
        return false;
    };
    let Err(faults) = Settings::parse(given) else {
        return true;
    };
    assert!(!faults.is_empty());
    let lines = given.bytes().filter(|byte| *byte == b'\n').count() + 1;
    assert!(faults.iter().all(|fault| (1..=lines).contains(&fault.line)));
    false
}

/// What is whole says the same without what a crash left behind it; damage is never taken for a crash.
pub(crate) fn signer_memory(bytes: &[u8]) -> bool {
    let path = Path::new("memory");
    match read(path, bytes) {
        Ok((state, whole)) => {
            let kept = bytes.get(..whole).unwrap_or_default();
            let again = read(path, kept).map(|(again, all)| (again == state, all));
            assert!(
                matches!(again, Ok((true, all)) if all == whole),
                "{again:?}"
            );
            true
        }
        Err(error) => {
            assert!(matches!(
                error,
                StoreError::Damaged { .. } | StoreError::Unreadable { .. }
            ));
            false
        }
    }
}

/// The same, of a responder's.
pub(crate) fn responder_memory(bytes: &[u8]) -> bool {
    let Ok((lines, whole)) = keepwhole_cosigner::store::lines(bytes) else {
        return false;
    };
    let kept = bytes.get(..whole).unwrap_or_default();
    let again = keepwhole_cosigner::store::lines(kept);
    assert!(
        matches!(again, Ok(all) if all == (lines, whole)),
        "{again:?}"
    );
    true
}

/// A request that is read has a challenge for each answer, of its own, and only within its time.
pub(crate) fn approver_request(bytes: &[u8]) -> bool {
    let Some(given) = text(bytes) else {
        return false;
    };
    let Ok(asked) = request::Request::read(given) else {
        return false;
    };
    assert!(given.contains(request::TYPE));
    assert!(asked.proposal.len() <= given.len() && asked.approver.len() <= given.len());
    let late = asked.expires.saturating_add(1);
    assert!(asked.check_time(late).is_err() || late == asked.expires);
    let yes = asked.challenge(Decision::Approve);
    assert!(yes.is_err() || yes != asked.challenge(Decision::Reject));
    yes.is_ok()
}

/// A key that is taken is written out as a file that says the same.
pub(crate) fn credential_file(bytes: &[u8]) -> bool {
    let Some(given) = text(bytes) else {
        return false;
    };
    let Ok(credential) = read_credential(given) else {
        return false;
    };
    let again = read_credential(&credential_text(&credential));
    assert!(again.is_ok_and(|again| again == credential));
    true
}

/// Rules that are taken hold their own bounds, whatever sites the command line adds.
pub(crate) fn authority_rules(bytes: &[u8]) -> bool {
    let Some(given) = text(bytes) else {
        return false;
    };
    let site = RelyingParty {
        id: "console.exchange.example".to_owned(),
        origins: vec!["https://console.exchange.example".to_owned()],
        separate: false,
    };
    let taken = [Vec::new(), vec![site]].map(|sites| match rules(given, sites) {
        Ok(rules) => {
            assert_eq!(rules.check(), Ok(()));
            true
        }
        Err(fault) => {
            assert!(!fault.to_string().is_empty());
            false
        }
    });
    taken.contains(&true)
}

/// The first line is the content type, the rest the body. What is read is one part of the body.
pub(crate) fn console_form(bytes: &[u8]) -> bool {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (head, body) = bytes.split_at(end.unwrap_or(bytes.len()));
    let body = body.get(1..).unwrap_or_default();
    let Some(kind) = text(head) else { return false };
    let Some(content) = upload::one_file(kind, body, "answer") else {
        return false;
    };
    let boundary = kind.rsplit('=').next().unwrap_or_default();
    assert!(!content.contains(&format!("\r\n--{boundary}")), "two parts");
    assert!(text(body).is_some_and(|body| body.contains(content)));
    true
}
