//! How BitGo is answered: 200 goes on, anything else starts the action of the rule.

use super::Mode;
use crate::guard::Verdict;
use crate::json::Json;

/// Goes on.
pub const APPROVED: u16 = 200;
/// The rule's own step: somebody is asked, or the rule denies. No 2xx, so that nobody takes it for a yes.
pub const HELD: u16 = 409;
/// A rule of the exchange denies.
pub const DENIED: u16 = 403;

/// The status code for a verdict. In plain mode it is never 200: the request could be anybody's.
#[must_use]
pub fn status(verdict: &Verdict, mode: Mode) -> u16 {
    match (verdict, mode) {
        (Verdict::Cleared, Mode::Signed) => APPROVED,
        (Verdict::Cleared, Mode::Plain) | (Verdict::Held { .. }, _) => HELD,
        (Verdict::Denied { .. }, _) => DENIED,
    }
}

/// The claims of the answer. `now` is in seconds since the epoch; the answer is good for five minutes.
#[must_use]
pub fn claims(evaluation_id: &str, status: u16, now: u64) -> String {
    let id = Json::Text(evaluation_id.to_owned()).spelled();
    let ends = now.saturating_add(300);
    format!(r#"{{"evaluationId":{id},"exp":{ends},"iat":{now},"statusCode":{status}}}"#)
}
