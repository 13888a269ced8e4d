//! The port to the guard on the main host: what is asked, what it says, and that everything else is *held*.

pub mod checks;
pub mod client;
pub mod http;

use crate::claims::{Claims, Stage, Vendor};
use std::future::Future;
use std::pin::Pin;

/// A question to the guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Who asks.
    pub vendor: Vendor,
    /// Their account: the API user, or the enterprise.
    pub account: String,
    /// The vendor's id of the request.
    pub request: String,
    /// What an approval would do.
    pub stage: Stage,
    /// SHA-256 of the body as it came.
    pub body: [u8; 32],
    /// When it came, milliseconds since the epoch. A question that is asked again keeps its first time, so that it is
    /// the same question.
    pub received: u64,
    /// From whom: the fingerprint of the caller's certificate, or its address.
    pub peer: String,
    /// What would be signed.
    pub claims: Claims,
    /// Where the bytes and the claims differ, the kind of the bytes: the question is then a report, and never redeemed.
    pub incident: Option<keepwhole_payload::Kind>,
}

/// What comes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Cleared, and for the signing stage redeemed: this one transaction may be signed now.
    Cleared,
    /// Not now: an approval, a time or a fact is missing, or something failed.
    Held {
        /// Stable name.
        code: String,
        /// Whether the guard itself said so, so that the next question is a new one.
        answered: bool,
    },
    /// A rule denies.
    Denied {
        /// Stable name.
        code: String,
    },
}

impl Verdict {
    /// Held by this process, without or in spite of the guard.
    #[must_use]
    pub fn held(code: impl Into<String>) -> Self {
        let code = code.into();
        Self::Held {
            code,
            answered: false,
        }
    }

    /// The stable name of the outcome.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Cleared => "cleared",
            Self::Held { .. } => "held",
            Self::Denied { .. } => "denied",
        }
    }

    /// Why, empty where it is cleared.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Cleared => "",
            Self::Held { code, .. } | Self::Denied { code } => code,
        }
    }
}

/// An answer that comes later.
pub type Later<'a> = Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;

/// Whoever decides. An implementation never turns a fault into `Denied`, and returns `Cleared` for the signing stage
/// only after the redemption is durable on the guard's side.
pub trait Guard: Send + Sync {
    /// Asks. Dropping the future is allowed at any time; the same question asked again gets the same answer.
    fn ask<'a>(&'a self, ask: &'a Ask) -> Later<'a>;
}
