//! Commands of authority: the bootstrap, answers with proof, sign-ins, findings. Proposals are commands like any change.

use super::credential::Enrolment;
use super::proof::Proof;
use super::rules::Rules;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// What can be asked or told about authority.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum AuthorityCommand {
    /// Adopt the first rules of authority, with three administrators; once, and there is no other way to begin.
    Bootstrap {
        /// The rules.
        rules: Box<Rules>,
        /// Exactly three, each with a credential.
        administrators: Vec<Enrolment>,
    } = 1,
    /// Approve or reject a request or a proposed change, with the proof.
    Decide {
        /// The id of the request or proposal.
        target: String,
        /// The proof.
        proof: Box<Proof>,
    } = 2,
    /// Record that the actor signed in; the assertion of it was checked by whoever records it.
    RecordSignIn {
        /// Id of the credential.
        credential: Vec<u8>,
        /// Code of the device.
        device: String,
        /// Code of the place, such as a country or a site.
        place: String,
    } = 3,
    /// Clear a finding about another person, with the proof.
    ClearFinding {
        /// Number of the finding.
        finding: u32,
        /// The proof.
        proof: Box<Proof>,
    } = 4,
    /// Demand rules of authority and people for them before anything is cleared; there is no way back.
    Demand = 5,
}
