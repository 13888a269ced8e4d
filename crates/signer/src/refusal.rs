//! Every answer but yes: one stable name each, with the numbers (`docs/signer.md`, refusals).

use core::fmt;
use keepwhole_payload as payload;

macro_rules! refusals {
    ($($(#[$doc:meta])* $variant:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* } = $name:literal, $again:literal, $says:literal;)*) => {
        /// Why nothing is signed. Times are seconds since the epoch, amounts minor units.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Refusal {
            $($(#[$doc])* $variant { $($(#[$field_doc])* $field: $type),* },)*
        }

        impl Refusal {
            /// Every name, in the order of the checks.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// The stable name.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $name,)* }
            }

            /// Whether the same request may be granted later: a fault or a wait, and no rule, is in the way.
            #[must_use]
            pub const fn may_be_asked_again(&self) -> bool {
                match self { $(Self::$variant { .. } => $again,)* }
            }
        }

        impl fmt::Display for Refusal {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $(Self::$variant { $($field),* } => write!(f, $says),)* }
            }
        }
    };
}

refusals! {
    /// More bytes than such a text may have.
    TooLarge { /** Which part. */ what: &'static str, /** Given. */ bytes: usize, /** Most that are read. */ limit: usize } = "too_large", false, "the {what} has `{bytes}` bytes, above the limit of `{limit}`";
    /// A text that is not in its one form.
    Malformed { /** Which part. */ what: &'static str, /** Where and why. */ why: String } = "malformed", false, "the {what} cannot be read: {why}";
    /// The own clock stands before what this signer saw.
    ClockBehind { /** Own clock. */ now: u64, /** Latest time seen. */ seen: u64 } = "clock_behind", true, "this host's clock says `{now}`, and `{seen}` was seen before; set the clock";
    /// Not signed by the pinned guard key, for this purpose.
    NotByGuard { /** Why. */ why: String } = "not_by_guard", false, "the clearance is not signed by the pinned guard key: {why}";
    /// The intent is not the one that was cleared.
    IntentMismatch { /** Digest in the clearance. */ cleared: String, /** Digest of the text. */ given: String } = "intent_mismatch", false, "the clearance is for the intent `{cleared}`, the text given is `{given}`";
    /// A policy that is not listed here.
    PolicyUnlisted { /** Its digest. */ policy: String } = "policy_unlisted", false, "the policy `{policy}` is not listed in `guard.policies`";
    /// A build of the guard that is not listed here.
    BuildUnlisted { /** Its digest. */ build: String } = "build_unlisted", false, "the build `{build}` is not listed in `guard.builds`";
    /// A key that is not here.
    KeyUnknown { /** Its id. */ key: String } = "key_unknown", false, "the key `{key}` is not one of this signer";
    /// The key belongs to another wallet.
    WalletMismatch { /** In the intent. */ intent: String, /** Of the key. */ key: String } = "wallet_mismatch", false, "the intent is for the wallet `{intent}`, the key belongs to `{key}`";
    /// The key belongs to another network.
    NetworkMismatch { /** In the intent. */ intent: String, /** Of the key. */ key: String } = "network_mismatch", false, "the intent is for the network `{intent}`, the key for `{key}`";
    /// The clearance has expired; the end is exclusive.
    ClearanceExpired { /** When. */ expires: u64, /** Own clock. */ now: u64 } = "clearance_expired", false, "the clearance expired at `{expires}`, it is `{now}`";
    /// The clearance lives longer than this signer takes.
    ClearanceTooLong { /** When it expires. */ expires: u64, /** Latest end that is taken. */ latest: u64 } = "clearance_too_long", false, "the clearance expires at `{expires}`, later than `{latest}`, the latest that is taken";
    /// The intent has expired; the end is exclusive.
    IntentExpired { /** When. */ expires: u64, /** Own clock. */ now: u64 } = "intent_expired", false, "the intent expired at `{expires}`, it is `{now}`";
    /// The intent lives longer than this signer remembers.
    IntentTooLong { /** When it expires. */ expires: u64, /** Latest end that is taken. */ latest: u64 } = "intent_too_long", false, "the intent expires at `{expires}`, later than `{latest}`, the latest that is taken";
    /// Bytes that are never signed.
    Payload { /** Which rule. */ refusal: payload::Refusal } = "payload", false, "{refusal}";
    /// The clearance names another kind of payload than the key has.
    PayloadKind { /** In the clearance. */ cleared: String, /** What the key signs. */ key: String } = "payload_kind", false, "the clearance is for `{cleared}`, the key signs `{key}`";
    /// The bytes have another digest than was cleared.
    DigestMismatch { /** In the clearance. */ cleared: String, /** Of the bytes. */ bytes: String } = "digest_mismatch", false, "the clearance is for the digest `{cleared}`, the bytes have `{bytes}`";
    /// The bytes spend something else than was cleared.
    ConflictKeyMismatch { /** In the clearance. */ cleared: String, /** Of the bytes. */ bytes: String } = "conflict_key_mismatch", false, "the clearance is for the conflict key `{cleared}`, the bytes have `{bytes}`";
    /// The bytes do something else than was decided.
    PayloadMismatch { /** The first difference. */ mismatch: payload::Mismatch } = "payload_mismatch", false, "{mismatch}";
    /// Fees do not agree: bytes, clearance and intent, each at most the next.
    FeeMismatch { /** Of the bytes. */ bytes: u128, /** In the clearance. */ cleared: u128, /** Most by the intent. */ most: u128 } = "fee_mismatch", false, "the bytes may cost `{bytes}`, the clearance says `{cleared}`, the intent at most `{most}`";
    /// An asset without caps here.
    AssetUnknown { /** CAIP-19. */ asset: String } = "asset_unknown", false, "the asset `{asset}` has no caps in `assets`";
    /// A fee above the signer's own limit.
    FeeAboveLimit { /** Fee. */ fee: u128, /** Limit. */ limit: u128, /** CAIP-19. */ asset: String } = "fee_above_limit", false, "the fee of `{fee}` is above this signer's limit of `{limit}` of `{asset}`";
    /// An attempt before one that was seen.
    AttemptLower { /** Given. */ attempt: u64, /** Seen. */ seen: u64 } = "attempt_lower", false, "attempt `{attempt}` comes after attempt `{seen}` of the same intent";
    /// Two clearances of one attempt.
    AttemptReused { /** Its number. */ attempt: u64 } = "attempt_reused", false, "attempt `{attempt}` of this intent had other bytes or another clearance";
    /// An attempt that could land beside an earlier one.
    ConflictKeyChanged { /** Of earlier attempts. */ before: String, /** Of this one. */ given: String } = "conflict_key_changed", false, "earlier attempts of this intent spend `{before}`, this one spends `{given}`: both could land";
    /// Above the automatic limit, and no approvals came along.
    ApprovalsMissing { /** Amount. */ amount: u128, /** Limit. */ limit: u128, /** CAIP-19. */ asset: String } = "approvals_missing", false, "`{amount}` is above the automatic limit of `{limit}` of `{asset}` and no approvals came along";
    /// The approved command is not this intent.
    CommandMismatch { /** Intent in the command; empty if it is no withdrawal. */ approved: String, /** The intent given. */ given: String } = "command_mismatch", false, "people approved `{approved}`, the intent is `{given}`";
    /// Above the automatic limit, where no quorum is pinned.
    QuorumUnset { /** CAIP-19. */ asset: String, /** Which key is not set. */ key: &'static str } = "quorum_unset", false, "no `{key}` is pinned for `{asset}`, so nothing above its limit is signed";
    /// Approvals that do not hold, or do not suffice, by the pinned people and quorums.
    ApprovalsRefused { /** Stable name of the cause. */ cause: &'static str, /** In words. */ why: String } = "approvals_refused", false, "the approvals do not hold here, `{cause}`: {why}";
    /// An approval by another program than the approver's own, above the second limit.
    ClientRequired { /** Whose. */ approver: String, /** The only relying party that counts. */ rp_id: String } = "client_required", false, "above the client limit only assertions for `{rp_id}` count, and that of `{approver}` is not one";
    /// A cap of this signer.
    CapReached { /** CAIP-19. */ asset: String, /** Which cap. */ window: &'static str, /** Its value. */ cap: u128, /** Counted already. */ used: u128, /** Asked now. */ asked: u128 } = "cap_reached", true, "`{window}` of `{asset}` is `{cap}`, `{used}` of it is counted and `{asked}` more is asked";
    /// The log's head could not be had.
    HeadUnavailable { /** Why. */ why: String } = "head_unavailable", true, "the log's head cannot be had: {why}";
    /// A head that is not signed by the pinned log key.
    HeadUnsigned { /** Why. */ why: String } = "head_unsigned", true, "the head served is not the log's: {why}";
    /// Too few witnesses saw the head of late.
    HeadUnwitnessed { /** Latest time at which enough had seen it. */ witnessed: u64, /** Own clock. */ now: u64, /** Longest that is taken, seconds. */ within: u64 } = "head_unwitnessed", true, "enough witnesses last saw the log at `{witnessed}`, it is `{now}` and `{within}` seconds are taken";
    /// A head before the one that is remembered.
    HeadOlder { /** Served. */ size: u64, /** Remembered. */ known: u64 } = "head_older", true, "the head served has `{size}` entries, `{known}` were seen before";
    /// A head that the remembered one does not grow to by the tiles served.
    HeadInconsistent { /** Entries served. */ size: u64, /** Entries remembered. */ known: u64, /** Why. */ why: String } = "head_inconsistent", true, "the head of `{size}` entries does not grow from the one of `{known}` that was seen before: {why}";
    /// Two signed heads of one size. Nothing is signed until people looked and settled it.
    LogForked { /** Their entries. */ size: u64 } = "log_forked", false, "the log forked: two signed heads of `{size}` entries differ; nothing is signed until people settle it";
    /// Offline, and the clearance lives longer than such a one may.
    OfflineTooLong { /** Seconds left. */ left: u64, /** Most. */ most: u64 } = "offline_too_long", false, "without redemption a clearance may live `{most}` seconds, this one has `{left}`";
    /// No answer, or none that can be read: no signature.
    RedemptionUnavailable { /** Why. */ why: String } = "redemption_unavailable", true, "the clearance could not be redeemed: {why}";
    /// The guard holds it.
    RedemptionHeld { /** In its words. */ why: String } = "redemption_held", true, "the guard holds the clearance: {why}";
    /// The guard denied it.
    RedemptionDenied { /** In its words. */ why: String } = "redemption_denied", false, "the guard denied the redemption: {why}";
    /// An answer that is not signed, or for something else.
    RedemptionForeign { /** What differs. */ why: String } = "redemption_foreign", true, "the answer is no redemption of this clearance: {why}";
    /// The own memory could not be written. Nothing is signed until the program starts anew.
    StoreFailed { /** Why. */ why: String } = "store_failed", true, "this signer's memory cannot be written: {why}; nothing is signed until it starts anew";
    /// The key did not sign.
    KeyFailed { /** Why. */ why: String } = "key_failed", true, "the key did not sign: {why}";
}

impl core::error::Error for Refusal {}
