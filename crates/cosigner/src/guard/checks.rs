//! What this process checks of a clearance by itself: the main host may be in a thief's hands and sign anything.

use super::Ask;
use crate::fireblocks::request::same_address;
use crate::json::Json;
use crate::mapping::Mapping;
use crate::raw::Payload;
use keepwhole_verify::approval::{ApprovalsFile, Pinned, Quorum, Unapproved, check_intent};
use keepwhole_verify::clearance::{
    Clearance, Life, Redemption, Refusal, check_end, check_signature,
};
use keepwhole_verify::intent::Intent;
use keepwhole_verify::json::FormatError;
use keepwhole_verify::note::VerifierKey;
use keepwhole_verify::roster::{Person, Roster};
use std::sync::Arc;

/// Longest life of a clearance, seconds: the guard issues them for five minutes, and clocks differ.
const CLEARANCE: Life = Life {
    longest: 600,
    tolerance: 0,
};
/// Longest life of an intent, seconds: as long as a withdrawal is remembered here at least.
const INTENT: Life = Life {
    longest: 31 * 86_400,
    tolerance: 0,
};
/// Oldest redemption that is acted on, seconds: it can't be revoked, so a breaker that tripped since would be missed. A few
/// rounds of the vendor's own retries fit.
const REDEEMED_S: u64 = 900;

/// What is pinned here.
#[derive(Clone, Debug)]
pub struct Pins {
    /// The key `<origin>/guard`.
    pub guard: VerifierKey,
    /// Our own name in redemptions.
    pub signer: String,
    /// Names and limits.
    pub mapping: Arc<Mapping>,
    /// Whether a fee that the vendor does not tell is accepted.
    pub fees_untold: bool,
    /// Whose approvals count above the automatic limits; `None`: nothing is approved above them.
    pub people: Option<People>,
}

/// The people whose assertions count, pinned here: the main host's own roster is not read.
#[derive(Clone, Debug)]
pub struct People {
    /// Who they are, with their keys.
    pub roster: Roster,
    /// How many, and in which roles.
    pub quorum: Quorum,
    /// Ids of relying parties that count.
    pub rp_ids: Vec<String>,
    /// The one of them that counts above an asset's client limit: that of the separate client, which shows what it decoded
    /// itself. `None`: nothing is approved above that limit.
    pub client_rp_id: Option<String>,
    /// Web origins that count.
    pub origins: Vec<String>,
    /// How long an approval holds, seconds.
    pub ttl: u64,
}

impl People {
    /// That the quorum can be reached: by people, and in each role by somebody, whose keys count.
    ///
    /// # Errors
    /// What is missing, with the numbers.
    pub fn check(&self) -> Result<(), String> {
        let counts = |person: &&Person| {
            let mut keys = person.credentials.iter();
            keys.any(|key| key.until.is_none())
        };
        let able: Vec<&Person> = self.roster.people.iter().filter(counts).collect();
        let needs = self.quorum.n;
        if u32::try_from(able.len()).is_ok_and(|able| able < needs) {
            let has = able.len();
            return Err(format!(
                "`{needs}` approvers are asked, and `{has}` people in it have a key that counts; nothing above `automatic` could go"
            ));
        }
        let filled = |role: &str| able.iter().any(|person| person.roles.contains(role));
        match self.quorum.roles.iter().find(|role| !filled(role)) {
            Some(role) => Err(format!(
                "nobody in it with a key that counts has the role `{role}`; nothing above `automatic` could go"
            )),
            None => Ok(()),
        }
    }
}

/// What the guard gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleared {
    /// The clearance.
    pub clearance: Clearance,
    /// The guard's signature line over it.
    pub signature: String,
    /// The intent that it carries out.
    pub intent: Intent,
    /// The approvals of the intent, where there are any.
    pub approvals: Option<ApprovalsFile>,
}

/// Why the guard's word is not taken: the request is held, and people are told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// A field of the answer is missing.
    #[error("`{0}` is missing in its answer")]
    Missing(&'static str),
    /// A text of the answer that has not its format.
    #[error("{0}")]
    Form(String),
    /// The clearance or the redemption.
    #[error("{0}")]
    Clearance(String, &'static str),
    /// It says something else than was asked.
    #[error("`{field}` is `{found}`, asked was `{asked}`")]
    Other {
        /// Which.
        field: &'static str,
        /// In the answer.
        found: String,
        /// In the question.
        asked: String,
    },
    /// Too late, or too long.
    #[error("`{0}` is over, or lies too far ahead")]
    Time(&'static str),
    /// Above what goes without people.
    #[error(
        "`{amount}` is above the automatic limit of `{limit}`, and no approvals that this process can check came with it"
    )]
    Approvals {
        /// Minor units.
        amount: u128,
        /// Minor units.
        limit: u128,
    },
    /// Approvals that do not hold.
    #[error("approvals: {0}")]
    ApprovalsRefused(String),
    /// The fee is more than one transaction may cost here.
    #[error("the fee of `{fee}` is above the network's `fee_limit` of `{limit}`")]
    FeeAbove {
        /// Minor units of the network's coin.
        fee: u128,
        /// Minor units of the network's coin.
        limit: u128,
    },
    /// The fee is not bounded by the vendor's word.
    #[error("the vendor tells no fee, and the settings do not accept that")]
    FeeUntold,
}

impl Distrust {
    /// The stable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) | Self::Form(_) => "form",
            Self::Clearance(_, code) => code,
            Self::Other { field, .. } => field,
            Self::Time(_) => "time",
            Self::Approvals { .. } | Self::ApprovalsRefused(_) => "approvals",
            Self::FeeAbove { .. } => "fee_limit",
            Self::FeeUntold => "fee",
        }
    }
}

impl From<FormatError> for Distrust {
    fn from(error: FormatError) -> Self {
        Self::Form(error.to_string())
    }
}

impl From<Refusal> for Distrust {
    fn from(refusal: Refusal) -> Self {
        Self::Clearance(refusal.to_string(), refusal.name())
    }
}

fn same(field: &'static str, found: &str, asked: &str) -> Result<(), Distrust> {
    if found == asked {
        return Ok(());
    }
    Err(Distrust::Other {
        field,
        found: found.to_owned(),
        asked: asked.to_owned(),
    })
}

fn text<'j>(answer: &'j Json, field: &'static str) -> Result<&'j str, Distrust> {
    let found = answer.member(field).and_then(Json::as_text);
    found.ok_or(Distrust::Missing(field))
}

impl Cleared {
    /// Reads the guard's answer.
    ///
    /// # Errors
    /// [`Distrust`].
    pub fn read(answer: &Json) -> Result<Self, Distrust> {
        Ok(Self {
            clearance: Clearance::read(text(answer, "clearance")?)?,
            signature: text(answer, "signature")?.to_owned(),
            intent: Intent::read(text(answer, "intent")?)?,
            approvals: approvals(answer)?,
        })
    }
}

fn approvals(answer: &Json) -> Result<Option<ApprovalsFile>, Distrust> {
    match answer.member("approvals") {
        None => Ok(None),
        Some(Json::Text(text)) => Ok(Some(ApprovalsFile::read(text)?)),
        Some(_) => Err(Distrust::Form("`approvals` is no text".to_owned())),
    }
}

impl Pins {
    /// Whether a clearance is the guard's, for this question, for these bytes, now. `now` is in milliseconds.
    ///
    /// # Errors
    /// [`Distrust`].
    pub fn check(
        &self,
        cleared: &Cleared,
        ask: &Ask,
        payload: &Payload,
        now: u64,
    ) -> Result<(), Distrust> {
        let Cleared {
            clearance, intent, ..
        } = cleared;
        check_signature(&clearance.sign_text(), &cleared.signature, &self.guard)?;
        clearance.check_intent(intent)?;
        let now = now / 1_000;
        check_end(clearance.expires, now, CLEARANCE).map_err(|_| Distrust::Time("clearance"))?;
        self.check_bytes(cleared, ask, payload)?;
        self.check_decided(intent, cleared.approvals.as_ref(), ask, now)
    }

    /// Whether an intent that the guard says is cleared is this question's, and people approved it where they must. `now` is
    /// in seconds.
    fn check_decided(
        &self,
        intent: &Intent,
        approvals: Option<&ApprovalsFile>,
        ask: &Ask,
        now: u64,
    ) -> Result<(), Distrust> {
        check_end(intent.expires, now, INTENT).map_err(|_| Distrust::Time("intent"))?;
        let claims = &ask.claims;
        same("id", &intent.id, &claims.withdrawal)?;
        same("network", &intent.network, &claims.network)?;
        same("asset", &intent.asset, &claims.asset)?;
        same("wallet", &intent.wallet, &claims.wallet)?;
        if !same_address(&intent.dest, &claims.to) {
            same("dest", &intent.dest, &claims.to)?;
        }
        same("memo", &intent.memo, &claims.memo)?;
        same(
            "amount",
            &intent.amount.to_string(),
            &claims.amount.to_string(),
        )?;
        self.check_people(intent, approvals, now)
    }

    /// The same of an answer to attempt zero, which asks for a word on an approval and issues nothing to sign. `now` is in
    /// milliseconds.
    ///
    /// # Errors
    /// [`Distrust`].
    pub fn check_approval(&self, answer: &Json, ask: &Ask, now: u64) -> Result<(), Distrust> {
        let intent = Intent::read(text(answer, "intent")?)?;
        self.check_decided(&intent, approvals(answer)?.as_ref(), ask, now / 1_000)
    }

    fn check_bytes(&self, cleared: &Cleared, ask: &Ask, payload: &Payload) -> Result<(), Distrust> {
        let (clearance, outcome) = (&cleared.clearance, &payload.outcome);
        let hex = keepwhole_verify::json::to_hex;
        same("key", &clearance.key, &ask.claims.key)?;
        let kind = clearance.payload_kind.name();
        same("payload_kind", kind, outcome.kind.name())?;
        let (found, asked) = (hex(&clearance.signing_digest), hex(&outcome.signing_digest));
        same("signing_digest", &found, &asked)?;
        let keys = (&clearance.conflict_key, &outcome.conflict_key);
        same("conflict_key", keys.0, keys.1)?;
        if clearance.total_fee < outcome.fee {
            let (found, asked) = (clearance.total_fee.to_string(), outcome.fee.to_string());
            return same("total_fee", &found, &asked);
        }
        let network = self.mapping.network(&ask.claims.network);
        let limit = network.map_or(0, |network| network.fee_limit);
        if clearance.total_fee > limit {
            let fee = clearance.total_fee;
            return Err(Distrust::FeeAbove { fee, limit });
        }
        let told = ask.claims.fee.is_some() || ask.claims.raw.is_some();
        if told || self.fees_untold {
            Ok(())
        } else {
            Err(Distrust::FeeUntold)
        }
    }

    /// Above the automatic limit: whether the pinned people approved exactly this intent. `now` is in seconds.
    fn check_people(
        &self,
        intent: &Intent,
        approvals: Option<&ApprovalsFile>,
        now: u64,
    ) -> Result<(), Distrust> {
        let limits = self.mapping.limits(&intent.asset);
        let (limit, client) = limits.map_or((0, 0), |asset| (asset.automatic, asset.client));
        let amount = intent.amount;
        let Some(people) = &self.people else {
            let missing = Distrust::Approvals { amount, limit };
            return if amount <= limit {
                Ok(())
            } else {
                Err(missing)
            };
        };
        let pinned = Pinned {
            automatic_limit: limit,
            client_limit: client,
            people: &people.roster,
            quorum: Some(&people.quorum),
            client_quorum: Some(&people.quorum),
            rp_ids: &people.rp_ids,
            client_rp_id: people.client_rp_id.as_deref(),
            origins: &people.origins,
            approval_ttl: people.ttl,
        };
        match check_intent(intent, approvals, &pinned, now) {
            Ok(_) => Ok(()),
            Err(Unapproved::Missing { amount, limit }) => {
                Err(Distrust::Approvals { amount, limit })
            }
            Err(why) => Err(Distrust::ApprovalsRefused(why.to_string())),
        }
    }

    /// Whether a redemption is the guard's, of this clearance, by us, and still fresh. `now` is in milliseconds.
    ///
    /// # Errors
    /// [`Distrust`].
    pub fn check_redemption(
        &self,
        answer: &Json,
        cleared: &Cleared,
        now: u64,
    ) -> Result<(), Distrust> {
        let (redemption, signature) = (text(answer, "redemption")?, text(answer, "signature")?);
        let clearance = &cleared.clearance;
        let read = Redemption::check(redemption, signature, &self.guard, clearance, &self.signer)?;
        let now = now / 1_000;
        if clearance.is_expired(now) || now.abs_diff(read.at) > REDEEMED_S {
            return Err(Distrust::Time("redemption"));
        }
        Ok(())
    }
}
