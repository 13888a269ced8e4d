//! One rule of law as a record, its closed lists, and its canonical bytes.

use alloc::string::String;
use alloc::vec::Vec;

use borsh::io::{Error, ErrorKind, Read, Result, Write};
use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest, Sha256};

use super::day::Day;

/// Declares a closed list of `law/README.md`: an enum with frozen borsh tags and the words used in the files.
macro_rules! closed_list {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $tag:literal => $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
        #[borsh(use_discriminant = true)]
        #[repr(u8)]
        pub enum $name {
            $(#[doc = concat!("`", $text, "`")] $variant = $tag,)+
        }

        impl $name {
            /// Every member, in the order of the borsh tags.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word used in the law files.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The member with this word, if the list has it.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|member| member.name() == text)
            }
        }
    };
}

closed_list! {
    /// What part of the exchange's duties a rule is about. Tags are frozen.
    Area {
        Custody = 0 => "custody",
        Segregation = 1 => "segregation",
        Reserve = 2 => "reserve",
        Deposits = 3 => "deposits",
        Records = 4 => "records",
        IncidentNotification = 5 => "incident-notification",
        UserNotice = 6 => "user-notice",
        Liability = 7 => "liability",
        Fine = 8 => "fine",
        TravelRule = 9 => "travel-rule",
        Blocking = 10 => "blocking",
        ItRisk = 11 => "it-risk",
        Audit = 12 => "audit",
        Staffing = 13 => "staffing",
        SuspiciousActivity = 14 => "suspicious-activity",
        MarketSurveillance = 15 => "market-surveillance",
        Freeze = 16 => "freeze",
        Sanctions = 17 => "sanctions",
        Registration = 18 => "registration",
        Disclosure = 19 => "disclosure",
        WithdrawalDelay = 20 => "withdrawal-delay",
        Valuation = 21 => "valuation",
        Criminal = 22 => "criminal",
        WindDown = 23 => "wind-down",
        Ransom = 24 => "ransom",
        Evidence = 25 => "evidence",
        PersonalData = 26 => "personal-data",
    }
}

closed_list! {
    /// What kind of rule a record is. Tags are frozen.
    Kind {
        Duty = 0 => "duty",
        Threshold = 1 => "threshold",
        Clock = 2 => "clock",
        Penalty = 3 => "penalty",
        Liability = 4 => "liability",
        Valuation = 5 => "valuation",
        Power = 6 => "power",
        Process = 7 => "process",
    }
}

closed_list! {
    /// The status of a rule on the day its file states (`as_of`). Tags are frozen. How a rule stands on another day:
    /// [`standing_on`](super::standing_on).
    Status {
        InForce = 0 => "in_force",
        EnactedNotYetInForce = 1 => "enacted_not_yet_in_force",
        Proposed = 2 => "proposed",
        Announced = 3 => "announced",
        SelfRegulation = 4 => "self_regulation",
        SupervisoryForbearance = 5 => "supervisory_forbearance",
        Superseded = 6 => "superseded",
    }
}

closed_list! {
    /// How a record was checked: in the law's own text, in a mirror of it, in the press, or not again. Tags are frozen.
    Confidence {
        Checked = 0 => "checked",
        Mirror = 1 => "mirror",
        Press = 2 => "press",
        NotRechecked = 3 => "not_rechecked",
    }
}

closed_list! {
    /// The fact that starts a clock. Tags are frozen.
    ClockStart {
        BecameAware = 0 => "became_aware",
        Occurred = 1 => "occurred",
        Suspected = 2 => "suspected",
        Determined = 3 => "determined",
        ClassifiedMajor = 4 => "classified_major",
        PreviousReport = 5 => "previous_report",
        MaterialFactConfirmed = 6 => "material_fact_confirmed",
        PaymentMade = 7 => "payment_made",
        DecidedToBlock = 8 => "decided_to_block",
        RequestReceived = 9 => "request_received",
        MonthEnd = 10 => "month_end",
        QuarterEnd = 11 => "quarter_end",
        YearEnd = 12 => "year_end",
        RelationEnded = 13 => "relation_ended",
    }
}

closed_list! {
    /// A limit put in words. Alone, it has no computable deadline. Tags are frozen.
    DueForm {
        Immediately = 0 => "immediately",
        WithoutDelay = 1 => "without_delay",
        InAdvance = 2 => "in_advance",
        NextBusinessDay = 3 => "next_business_day",
        Simultaneous = 4 => "simultaneous",
        ByDate = 5 => "by_date",
    }
}

closed_list! {
    /// The amount a rate applies to. Tags are frozen.
    Base {
        AnnualRevenue = 0 => "annual_revenue",
        TotalRevenue = 1 => "total_revenue",
        RelatedRevenue = 2 => "related_revenue",
        HackedAmount = 3 => "hacked_amount",
        Damages = 4 => "damages",
        UnfairProfit = 5 => "unfair_profit",
        DailyRevenue = 6 => "daily_revenue",
        Fixed = 7 => "fixed",
    }
}

closed_list! {
    /// How an amount is meant: a ceiling set by law, not a forecast. Tags are frozen.
    Form {
        UpTo = 0 => "up_to",
    }
}

closed_list! {
    /// How alternatives join. Tags are frozen.
    Combine {
        GreaterOf = 0 => "greater_of",
        LesserOf = 1 => "lesser_of",
        Either = 2 => "either",
    }
}

/// A value in a rule's parameters. Its borsh tags are frozen: bool 0, int 1, text 2, day 3, list 4, table 5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A yes or no.
    Bool(bool),
    /// A whole number; the unit is the last part of its key.
    Int(u64),
    /// A word of a list, a rule id, or free text.
    Text(String),
    /// A civil day in the jurisdiction's own time zone.
    Day(Day),
    /// Values in order.
    List(Vec<Value>),
    /// Keyed values, sorted by key (bytewise).
    Table(Vec<(String, Value)>),
}

impl Value {
    /// How deep lists and tables may lie in one another when bytes are read, so that hostile bytes can't exhaust
    /// the stack.
    pub const MAX_DEPTH: u8 = 8;

    fn read(reader: &mut impl Read, depth: u8) -> Result<Self> {
        let too_deep = || Error::new(ErrorKind::InvalidData, "rule parameter nested too deeply");
        Ok(match u8::deserialize_reader(reader)? {
            0 => Self::Bool(bool::deserialize_reader(reader)?),
            1 => Self::Int(u64::deserialize_reader(reader)?),
            2 => Self::Text(String::deserialize_reader(reader)?),
            3 => Self::Day(Day::deserialize_reader(reader)?),
            4 => {
                let depth = depth.checked_sub(1).ok_or_else(too_deep)?;
                let mut items = Vec::new();
                for _ in 0..u32::deserialize_reader(reader)? {
                    items.push(Self::read(reader, depth)?);
                }
                Self::List(items)
            }
            5 => {
                let depth = depth.checked_sub(1).ok_or_else(too_deep)?;
                let mut rows = Vec::new();
                for _ in 0..u32::deserialize_reader(reader)? {
                    rows.push((
                        String::deserialize_reader(reader)?,
                        Self::read(reader, depth)?,
                    ));
                }
                Self::Table(rows)
            }
            _ => {
                return Err(Error::new(
                    ErrorKind::InvalidData,
                    "unknown tag of a rule parameter",
                ));
            }
        })
    }
}

impl BorshSerialize for Value {
    fn serialize<W: Write>(&self, writer: &mut W) -> Result<()> {
        match self {
            Self::Bool(value) => (0_u8, value).serialize(writer),
            Self::Int(value) => (1_u8, value).serialize(writer),
            Self::Text(value) => (2_u8, value).serialize(writer),
            Self::Day(value) => (3_u8, value).serialize(writer),
            Self::List(value) => (4_u8, value).serialize(writer),
            Self::Table(value) => (5_u8, value).serialize(writer),
        }
    }
}

impl BorshDeserialize for Value {
    fn deserialize_reader<R: Read>(reader: &mut R) -> Result<Self> {
        Self::read(reader, Self::MAX_DEPTH)
    }
}

/// One rule, as it enters the journal. The field order and tags are version 1 and frozen: the digest of a rule that
/// was once applied must stay computable.
///
/// Fields are those of `law/README.md`, with the top of its file (jurisdiction, time zone, currency, day of knowledge)
/// copied into every record so that a record can be read alone.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RuleRecord {
    /// Stable slug, unique over all files, never reused.
    pub id: String,
    /// Two letters: `KR`, `EU`, ...
    pub jurisdiction: String,
    /// IANA name of the jurisdiction's time zone.
    pub timezone: String,
    /// Minutes east of UTC, only for a zone without daylight saving; see [`offset_of_zone`].
    pub utc_offset_minutes: Option<i16>,
    /// ISO 4217 code of the currency of the record's amounts.
    pub currency: String,
    /// The day of the state of knowledge.
    pub as_of: Day,
    /// Part of the duties.
    pub area: Area,
    /// Kind of rule.
    pub kind: Kind,
    /// English title.
    pub title_en: String,
    /// Korean title, where the instrument is Korean.
    pub title_ko: Option<String>,
    /// Status on `as_of`.
    pub status: Status,
    /// First day in force.
    pub effective_from: Option<Day>,
    /// Last day in force, inclusive.
    pub effective_to: Option<Day>,
    /// Id of the record that takes over on the day after `effective_to`.
    pub superseded_by: Option<String>,
    /// Law, decree, notice or rulebook.
    pub instrument: String,
    /// Article as text; empty if unknown.
    pub article: String,
    /// Who must act.
    pub obliged: Vec<String>,
    /// Who receives; empty for an internal duty.
    pub to: Vec<String>,
    /// The fact that makes the duty live, in words.
    pub trigger: String,
    /// Document and date.
    pub source: String,
    /// How the record was checked.
    pub confidence: Confidence,
    /// Limits, doubts, interpretation.
    pub note: String,
    /// Numbers and words of the rule, sorted by key (bytewise): the order of a file has no meaning.
    pub parameters: Vec<(String, Value)>,
}

impl RuleRecord {
    /// The parameter with this key.
    #[must_use]
    pub fn parameter(&self, key: &str) -> Option<&Value> {
        self.parameters
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// The whole number with this key.
    #[must_use]
    pub fn int(&self, key: &str) -> Option<u64> {
        match self.parameter(key) {
            Some(Value::Int(value)) => Some(*value),
            _ => None,
        }
    }

    /// The text with this key.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.parameter(key) {
            Some(Value::Text(value)) => Some(value),
            _ => None,
        }
    }

    /// The yes or no with this key.
    #[must_use]
    pub fn flag(&self, key: &str) -> Option<bool> {
        match self.parameter(key) {
            Some(Value::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    /// The texts of the list with this key; empty if there is no such list.
    pub fn texts(&self, key: &str) -> impl Iterator<Item = &str> {
        let items: &[Value] = match self.parameter(key) {
            Some(Value::List(items)) => items,
            _ => &[],
        };
        items.iter().filter_map(|item| match item {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// The canonical bytes: borsh of the record as declared.
    #[must_use]
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Writing to a `Vec` fails only if a length does not fit a `u32`, which no record read from a file reaches.
        if self.serialize(&mut bytes).is_err() {
            bytes.clear();
        }
        bytes
    }

    /// SHA-256 of the canonical bytes: what a recorded decision stores beside the rule's id.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.canonical_bytes()).into()
    }
}

/// Minutes east of UTC for a time zone without daylight saving today; `None` for every other zone.
///
/// The four zones are the ones of `law/` whose offset has not moved since 2000 (IANA time zone database).
#[must_use]
pub fn offset_of_zone(timezone: &str) -> Option<i16> {
    match timezone {
        "Asia/Seoul" | "Asia/Tokyo" => Some(9 * 60),
        "Asia/Hong_Kong" | "Asia/Singapore" => Some(8 * 60),
        _ => None,
    }
}
