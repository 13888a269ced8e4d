//! The callback of a Fireblocks API co-signer: what it asks, and how it is answered.
//!
//! Field names are those of the vendor's public pages "Approve transactions", "Approve configuration changes" and
//! "Callback Handler response object" (read in November 2026). No vendor program was at hand: `docs/cosigners.md` says
//! what that means.

pub mod answer;
pub mod request;

/// How the co-signer and this process trust each other, by the vendor's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// 1: signed requests and answers.
    PublicKeys,
    /// 2: plain requests and answers; the co-signer pins our certificate.
    PinnedPlain,
    /// 3: plain requests and answers; the co-signer knows our certificate's authority.
    AuthorityPlain,
    /// 4: 1, and the co-signer pins our certificate.
    PinnedPublicKeys,
}

impl Mode {
    /// By number. 5 is left out: on the wire it is 4 with a weaker pin.
    #[must_use]
    pub const fn of(number: i64) -> Option<Self> {
        match number {
            1 => Some(Self::PublicKeys),
            2 => Some(Self::PinnedPlain),
            3 => Some(Self::AuthorityPlain),
            4 => Some(Self::PinnedPublicKeys),
            _ => None,
        }
    }

    /// Whether requests and answers are signed.
    #[must_use]
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::PublicKeys | Self::PinnedPublicKeys)
    }

    /// The path of transactions, and that of configuration changes.
    #[must_use]
    pub const fn paths(self) -> [&'static str; 2] {
        if self.is_signed() {
            ["/v2/tx_sign_request", "/v2/config_change_sign_request"]
        } else {
            ["/tx_sign_request", "/config_change_sign_request"]
        }
    }
}
