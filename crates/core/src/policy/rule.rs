//! Rules: a conjunction of conditions and what follows where all of them hold.

use super::field::{Choice, Field, Members, Per, RequestKind, Type};
use super::plan::Plan;
use super::plan::Step;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use core::ops::Deref;

/// Most rules of a policy.
pub const RULES_MAX: usize = 256;
/// Most conditions of a rule.
pub const CONDITIONS_MAX: usize = 32;
/// Most different numbers and flags that all rules of a policy look at together.
pub const FIGURES_MAX: usize = 64;
/// Longest id of a rule, bytes.
pub const ID_MAX: usize = 64;
/// Longest words of a rule, bytes.
pub const SAYS_MAX: usize = 256;

/// What a condition compares its field with.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Test {
    /// `>=`, in the field's unit.
    AtLeast(u128) = 1,
    /// `<`, in the field's unit.
    Below(u128) = 2,
    /// `==`, in the field's unit.
    Equals(u128) = 3,
    /// `==` of a flag.
    Is(bool) = 4,
    /// `in`.
    In(Members) = 5,
}

impl Test {
    /// True if a field of that type can be compared so.
    #[must_use]
    pub fn fits(&self, kind: Type) -> bool {
        match (self, kind) {
            (Self::AtLeast(_) | Self::Below(_) | Self::Equals(_), Type::Number)
            | (Self::Is(_), Type::Flag) => true,
            (Self::In(members), Type::Choice(choice)) => members.choice() == choice,
            _ => false,
        }
    }

    /// The operator as it is written.
    #[must_use]
    pub const fn operator(&self) -> &'static str {
        match self {
            Self::AtLeast(_) => ">=",
            Self::Below(_) => "<",
            Self::Equals(_) | Self::Is(_) => "==",
            Self::In(_) => "in",
        }
    }
}

/// One comparison.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
pub struct Condition {
    /// What is looked at.
    pub field: Field,
    /// What it is compared with.
    pub test: Test,
}

/// Who must approve, and how long the request then waits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
pub struct Approvals {
    /// Distinct persons, the requester's never among them.
    pub n: u32,
    /// Roles each of which one of the approvers must hold; ascending, each once.
    pub roles: Vec<String>,
    /// Wait from the last approval on, ms.
    pub delay_ms: u64,
}

/// What follows from a rule; the greater is the stricter.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Outcome {
    /// It may go.
    Clear = 1,
    /// It may go once people approved it.
    Approve(Approvals) = 2,
    /// It waits.
    Hold = 3,
    /// It is refused.
    Deny = 4,
}

impl Outcome {
    /// How strict: 1 clear, 2 approve, 3 hold, 4 deny.
    #[must_use]
    pub const fn strictness(&self) -> u8 {
        match self {
            Self::Clear => 1,
            Self::Approve(_) => 2,
            Self::Hold => 3,
            Self::Deny => 4,
        }
    }

    /// The word for it in a policy file.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Approve(_) => "approve",
            Self::Hold => "hold",
            Self::Deny => "deny",
        }
    }
}

/// A rule: where all conditions hold, this follows. A rule without conditions always matches.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
pub struct Rule {
    /// Its name, unique in the policy.
    pub id: String,
    /// All must hold.
    pub when: Vec<Condition>,
    /// What follows.
    pub then: Outcome,
    /// What a person is told, in one sentence.
    pub says: String,
}

/// Where a condition finds its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// One of the policy's figures, by its place.
    Figure(u8),
    /// A member of a closed set, told from the request itself.
    Choice,
}

/// The rules of a policy in order, with the list of all figures that they look at. Only the rules are stored.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    figures: Vec<Field>,
    /// For each figure the kinds of request that have it, a bit each.
    kinds: Vec<u8>,
    plan: Plan,
    /// True if one of the figures looks back at customers or destinations.
    look_back: bool,
}

/// True if the field is worked out from what a customer or a destination did before.
const fn looks_back(field: &Field) -> bool {
    match field {
        Field::Window(window) => matches!(window.per, Per::Customer | Per::Destination),
        Field::CustomerAge
        | Field::FirstDepositAge(_)
        | Field::LastDepositAge(_)
        | Field::DepositedValue { .. }
        | Field::DepositDrawn { .. }
        | Field::DestinationAge
        | Field::DestinationListed => true,
        _ => false,
    }
}

/// The kinds of request that have the field, a bit each.
fn kinds_of(field: &Field) -> u8 {
    let having = RequestKind::ALL
        .iter()
        .filter(|kind| field.applies_to(**kind));
    having.fold(0, |bits, kind| bits | kind.bit())
}

/// Where a condition on that field finds its value: a figure gets a place when it is first met.
fn source_of(field: Field, figures: &mut Vec<Field>) -> Source {
    if matches!(field.kind(), Type::Choice(_)) {
        return Source::Choice;
    }
    let place = figures.iter().position(|known| *known == field);
    let place = place.unwrap_or_else(|| {
        figures.push(field);
        figures.len().saturating_sub(1)
    });
    Source::Figure(u8::try_from(place).unwrap_or(u8::MAX))
}

impl Rules {
    /// The rules with what is worked out from them once.
    #[must_use]
    pub fn new(rules: Vec<Rule>) -> Self {
        let mut figures: Vec<Field> = Vec::new();
        let plan = Plan::new(&rules, |field| source_of(field, &mut figures));
        Self {
            look_back: figures.iter().any(looks_back),
            kinds: figures.iter().map(kinds_of).collect(),
            rules,
            figures,
            plan,
        }
    }

    /// True if the rules look back at customers or destinations.
    #[must_use]
    pub(crate) const fn look_back(&self) -> bool {
        self.look_back
    }

    /// The conditions of all rules, as they are judged.
    pub(super) fn steps(&self) -> &[Step] {
        self.plan.steps()
    }

    /// The conditions of the rule at that place.
    pub(super) fn steps_of(&self, rule: usize) -> &[Step] {
        self.plan.of(rule)
    }

    /// The places of rules without conditions.
    pub(super) fn unconditional(&self) -> &[u8] {
        self.plan.unconditional()
    }

    /// All numbers and flags that the rules look at, in order of first appearance: the order of a request's input vector.
    #[must_use]
    pub fn figures(&self) -> &[Field] {
        &self.figures
    }

    /// The figure at that place, where a request of that kind, told by its bit, has it.
    pub(super) fn figure_of(&self, place: usize, kind: u8) -> Option<&Field> {
        let has = *self.kinds.get(place)? & kind != 0;
        self.figures.get(place).filter(|_| has)
    }

    /// For each condition of the rule at that place where its value comes from.
    pub fn sources(&self, rule: usize) -> impl Iterator<Item = Source> {
        self.steps_of(rule).iter().map(|step| step.source())
    }

    /// The longest window of what leaves or is credited that a rule looks at, ms.
    #[must_use]
    pub fn longest_window_ms(&self) -> u64 {
        let windows = self.figures.iter().filter_map(|field| match field {
            Field::Window(window) => Some(window.ms),
            _ => None,
        });
        windows.max().unwrap_or(0)
    }

    /// The longest look back at deposits of a rule, ms.
    #[must_use]
    pub fn longest_deposit_ms(&self) -> u64 {
        let windows = self.figures.iter().filter_map(|field| match field {
            Field::DepositedValue { ms, .. } | Field::DepositDrawn { ms, .. } => Some(*ms),
            _ => None,
        });
        windows.max().unwrap_or(0)
    }

    /// What keeps the rules from being adopted: too many, a name that is empty or used twice, a test that does not fit
    /// its field, a set without members, a rule of no one's approval. `None` where nothing does.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        if self.rules.len() > RULES_MAX {
            return Some(Fault::TooManyRules);
        }
        if self.figures.len() > FIGURES_MAX {
            return Some(Fault::TooManyFigures);
        }
        for (place, rule) in self.rules.iter().enumerate() {
            let earlier = self.rules.get(..place).unwrap_or(&[]);
            if earlier.iter().any(|other| other.id == rule.id) {
                return Some(Fault::SameId {
                    rule: rule.id.clone(),
                });
            }
            if let Some(fault) = fault_of(rule) {
                return Some(fault);
            }
        }
        None
    }
}

fn fault_of(rule: &Rule) -> Option<Fault> {
    let name = || rule.id.clone();
    if rule.id.is_empty() || rule.id.len() > ID_MAX || rule.id.chars().any(char::is_control) {
        return Some(Fault::BadId { rule: name() });
    }
    if rule.says.len() > SAYS_MAX || rule.when.len() > CONDITIONS_MAX {
        return Some(Fault::TooLong { rule: name() });
    }
    for condition in &rule.when {
        let field = condition.field;
        if !condition.test.fits(field.kind()) {
            return Some(Fault::Mistyped {
                rule: name(),
                field: field.word(),
            });
        }
        if matches!(&condition.test, Test::In(members) if members.is_empty()) {
            return Some(Fault::NoMembers {
                rule: name(),
                field: field.word(),
            });
        }
    }
    match &rule.then {
        Outcome::Approve(approvals) if approvals.n == 0 => {
            Some(Fault::NobodyApproves { rule: name() })
        }
        _ => None,
    }
}

/// Why rules can't be adopted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// More than [`RULES_MAX`] rules.
    TooManyRules,
    /// More than [`FIGURES_MAX`] figures.
    TooManyFigures,
    /// Two rules of one name.
    SameId {
        /// The name.
        rule: String,
    },
    /// A name that is empty, longer than [`ID_MAX`] bytes or holds control characters.
    BadId {
        /// The name.
        rule: String,
    },
    /// More than [`CONDITIONS_MAX`] conditions, or words of more than [`SAYS_MAX`] bytes.
    TooLong {
        /// The rule.
        rule: String,
    },
    /// The field can't be compared so.
    Mistyped {
        /// The rule.
        rule: String,
        /// The field.
        field: &'static str,
    },
    /// A set without members.
    NoMembers {
        /// The rule.
        rule: String,
        /// The field.
        field: &'static str,
    },
    /// Something that is not registered, or a budget that the policy has not.
    Unregistered {
        /// The rule; empty for what is no rule's.
        rule: String,
        /// The field.
        field: &'static str,
    },
    /// A sanity band of a budget that the policy has not, or two of one budget.
    Band {
        /// The budget.
        budget: String,
    },
    /// A value is looked at, but no reference currency is named.
    NoReference,
    /// An approval by nobody.
    NobodyApproves {
        /// The rule.
        rule: String,
    },
}

impl core::fmt::Display for Fault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::TooManyRules => write!(f, "a policy has at most {RULES_MAX} rules"),
            Self::TooManyFigures => {
                write!(
                    f,
                    "the rules of a policy look at no more than {FIGURES_MAX} different figures"
                )
            }
            Self::SameId { rule } => write!(f, "two rules are named `{rule}`"),
            Self::BadId { rule } => write!(
                f,
                "the name of rule `{}` has not 1 to {ID_MAX} bytes without control characters",
                rule.escape_default()
            ),
            Self::TooLong { rule } => write!(
                f,
                "rule `{rule}` has more than {CONDITIONS_MAX} conditions or more than {SAYS_MAX} bytes of words"
            ),
            Self::Mistyped { rule, field } => {
                write!(
                    f,
                    "rule `{rule}` compares `{field}` with something of another type"
                )
            }
            Self::NoMembers { rule, field } => {
                write!(f, "rule `{rule}` compares `{field}` with no member at all")
            }
            Self::Unregistered { rule, field } => {
                write!(f, "rule `{rule}` names in `{field}` what is not registered")
            }
            Self::Band { budget } => {
                write!(
                    f,
                    "the sanity band of `{budget}` is of no budget of the policy, or not its only one"
                )
            }
            Self::NoReference => {
                write!(
                    f,
                    "a rule or a sanity band looks at a value, but the policy names no `reference` currency"
                )
            }
            Self::NobodyApproves { rule } => {
                write!(f, "rule `{rule}` asks for the approval of nobody")
            }
        }
    }
}

impl core::error::Error for Fault {}

impl Choice {
    /// The word for the set.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Kinds => "kinds of request",
            Self::Assets => "assets",
            Self::Networks => "networks",
            Self::Wallets => "wallets",
            Self::Tiers => "kinds of wallet",
            Self::Campaigns => "campaigns",
        }
    }
}

impl Deref for Rules {
    type Target = [Rule];
    fn deref(&self) -> &[Rule] {
        &self.rules
    }
}

impl From<Vec<Rule>> for Rules {
    fn from(rules: Vec<Rule>) -> Self {
        Self::new(rules)
    }
}

impl PartialEq for Rules {
    fn eq(&self, other: &Self) -> bool {
        self.rules == other.rules
    }
}

impl Eq for Rules {}

impl BorshSerialize for Rules {
    fn serialize<W: borsh::io::Write>(&self, writer: &mut W) -> borsh::io::Result<()> {
        self.rules.serialize(writer)
    }
}

impl BorshDeserialize for Rules {
    fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
        Vec::deserialize_reader(reader).map(Self::new)
    }
}
