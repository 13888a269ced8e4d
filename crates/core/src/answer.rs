//! What the caller is told. An answer leaves only after its record is durable.

use crate::reason::{Effect, Reason};
use alloc::string::String;
use borsh::{BorshDeserialize, BorshSerialize};

/// The answer to a command.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Answer {
    /// A fact was recorded.
    Recorded = 1,
    /// The verdict *cleared*: it may go on.
    Cleared = 2,
    /// The verdict *held*, with the reason that decided.
    Held(Reason) = 3,
    /// The verdict *denied*, with the reason that decided.
    Denied(Reason) = 4,
    /// Not a command that could be decided; its id stays free.
    Refused(Reason) = 5,
    /// Granted in part, with the reason.
    Reduced(Reason) = 6,
}

impl Answer {
    /// The answer that a reason gives.
    #[must_use]
    pub fn because(reason: Reason) -> Self {
        match reason.effect() {
            Effect::Hold => Self::Held(reason),
            Effect::Deny => Self::Denied(reason),
            Effect::Refuse => Self::Refused(reason),
            Effect::Reduce => Self::Reduced(reason),
        }
    }

    /// The reason, where there is one.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Recorded | Self::Cleared => None,
            Self::Held(r) | Self::Denied(r) | Self::Refused(r) | Self::Reduced(r) => Some(r),
        }
    }

    /// One word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Cleared => "cleared",
            Self::Held(_) => "held",
            Self::Denied(_) => "denied",
            Self::Refused(_) => "refused",
            Self::Reduced(_) => "reduced",
        }
    }
}

/// A reply: the answer, and whether it repeats the first answer to the same command id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// The answer.
    pub answer: Answer,
    /// True when the same command came before; the answer is then the first one.
    pub repeated: bool,
    /// Where a command creates something with a number of its own (an incident, a claim), its name.
    pub created: Option<String>,
    /// Rows of a batch of transfers that were recorded before and not booked again; also of one that came twice in it.
    pub repeated_rows: u32,
}
