//! What the rules of a policy saw of a request and said: enough to judge it again, by these rules or by others.

use crate::policy::figures::Seen;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// The input vector of a request and what followed.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Judged {
    /// Number of the request.
    pub request: u32,
    /// Version of the policy.
    pub version: u32,
    /// What was seen of each of the policy's figures, in their order ([`crate::policy::rule::Rules::figures`]); those that
    /// no rule came to are left out.
    pub figures: Vec<(u8, Seen)>,
    /// Places of the rules that matched, ascending.
    pub matched: Vec<u8>,
    /// Approvals needed.
    pub needs: u32,
    /// Roles each of which one of the approvers must hold.
    pub roles: Vec<String>,
    /// Wait from the last approval on, ms.
    pub delay_ms: u64,
    /// When time alone may change what the rules say, ms.
    pub until: Option<u64>,
}
