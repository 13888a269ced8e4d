//! Other engines that decide the same policy: Cedar and Rego. They keep no history, so each gets every figure ready-made, in
//! its own form, made before the clock starts; keepwhole works its figures out from the state while the clock runs.

use super::{input, on_one_core, strictness};
use crate::bench::BenchError;
use crate::bench::contest::{Contest, per_second};
use crate::bench::peers::version_of;
use cedar_policy::{
    Authorizer, Context, Entities, EntityUid, PolicyId, PolicySet, Request, RestrictedExpression,
};
use keepwhole_core::guard::Ask;
use keepwhole_core::policy::field::Members;
use keepwhole_core::policy::figures::Seen;
use keepwhole_core::policy::judge::Judging;
use keepwhole_core::policy::rule::{Condition, Rules, Source, Test};
use keepwhole_core::registry::Tier;
use keepwhole_core::state::State;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::RegoVM;
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::Arc;

/// Requests of a round: they are slow.
const REQUESTS: usize = 20_000;
/// The name of the one figure that is no number: the kind of the wallet.
const TIER: &str = "tier";

/// One request as the engines see it, and what keepwhole's rules say of it.
struct Sample {
    /// Figures by name; what does not apply is not there.
    seen: Map<String, Value>,
    matched: BTreeSet<u8>,
    strictness: u8,
}

/// Both, with the same policy.
pub(super) struct Peers {
    cedar: Cedar,
    rego: RefCell<Rego>,
    /// What each request's verdict comes to.
    wanted: Vec<u8>,
}

impl Peers {
    pub(super) fn new(
        state: &State,
        asks: &[Ask],
        notes: &mut Vec<String>,
    ) -> Result<Self, BenchError> {
        let rules = &state.guard.policy.rules;
        let some = asks.iter().take(REQUESTS);
        let samples: Result<Vec<Sample>, BenchError> = some.map(|ask| sample(state, ask)).collect();
        let samples = samples?;
        let always = always(&samples);
        let cedar = Cedar::new(rules, &samples, &always)?;
        let mut rego = Rego::new(rules, &samples)?;
        for (place, sample) in samples.iter().enumerate() {
            if cedar.matched(place) != sample.matched || rego.matched(place)? != sample.matched {
                return Err(BenchError::Wrong("another engine's rules match otherwise"));
            }
        }
        notes.push(format!(
            "Cedar and Rego get all figures ready-made, in their own form; on {} requests their rules match as keepwhole's \
             do, each of them; the first {} requests of the round",
            samples.len(),
            samples.len()
        ));
        Ok(Self {
            cedar,
            rego: RefCell::new(rego),
            wanted: samples.iter().map(|sample| sample.strictness).collect(),
        })
    }

    /// A round of each.
    pub(super) fn run(&self, judged: &mut Contest) -> Result<(), BenchError> {
        let count = self.wanted.len() as u64;
        let (told, took) = on_one_core(|| self.cedar.decide());
        judged.add(
            &format!("Cedar {}", version_of("cedar-policy")),
            per_second(count, took),
        );
        self.same(&told)?;
        let mut rego = self.rego.borrow_mut();
        let (told, took) = on_one_core(|| rego.decide());
        judged.add(
            &format!("Rego (regorus {})", version_of("regorus")),
            per_second(count, took),
        );
        self.same(&told?)
    }

    fn same(&self, told: &[u8]) -> Result<(), BenchError> {
        if told == self.wanted {
            return Ok(());
        }
        Err(BenchError::Wrong("another engine decides otherwise"))
    }
}

fn sample(state: &State, ask: &Ask) -> Result<Sample, BenchError> {
    let mut judging = Judging::new(state, input(ask, state.at + 1));
    let verdict = judging.verdict();
    // All figures, those too that no rule came to.
    let _explained = judging.explain();
    let mut seen = Map::new();
    for (place, value) in judging.vector() {
        let value = match value {
            Seen::Number(number) => Value::from(small(number)?),
            Seen::Flag(flag) => Value::from(flag),
            Seen::Absent => continue,
            Seen::Unknown(_) => return Err(BenchError::Wrong("a figure can't be told")),
        };
        seen.insert(format!("f{place}"), value);
    }
    if let Ask::Withdrawal { wallet, .. } = ask
        && let Some(wallet) = state.registry.wallets.get(wallet.place())
    {
        seen.insert(TIER.to_owned(), Value::from(tier(wallet.tier)));
    }
    Ok(Sample {
        seen,
        matched: verdict.matched.iter().collect(),
        strictness: strictness(&verdict),
    })
}

const fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Hot => "hot",
        Tier::Warm => "warm",
        Tier::Cold => "cold",
        _ => "other",
    }
}

/// Their numbers have 64 bits with a sign.
fn small(number: u128) -> Result<i64, BenchError> {
    i64::try_from(number).map_err(|_| BenchError::Wrong("a figure is too large for the others"))
}

/// Figures that every request has, so that nobody needs to ask whether they are there.
fn always(samples: &[Sample]) -> BTreeSet<String> {
    let mut all = samples.iter().map(|sample| &sample.seen);
    let first = all.next();
    let mut names: BTreeSet<String> = first.into_iter().flat_map(Map::keys).cloned().collect();
    for seen in all {
        names.retain(|name| seen.contains_key(name));
    }
    names
}

/// A condition in the words that both have: name, operator, limit; or the name and the members.
enum Said {
    Compared(String, &'static str, String),
    Among(Vec<&'static str>),
}

fn said(condition: &Condition, source: Source) -> Result<Said, BenchError> {
    let name = match source {
        Source::Figure(place) => format!("f{place}"),
        Source::Choice => TIER.to_owned(),
    };
    let (operator, limit) = match &condition.test {
        Test::AtLeast(limit) => (">=", small(*limit)?.to_string()),
        Test::Below(limit) => ("<", small(*limit)?.to_string()),
        Test::Equals(limit) => ("==", small(*limit)?.to_string()),
        Test::Is(flag) => ("==", flag.to_string()),
        Test::In(Members::Tiers(tiers)) => {
            return Ok(Said::Among(tiers.iter().map(|one| tier(*one)).collect()));
        }
        Test::In(_) => return Err(BenchError::Wrong("the others know no such set")),
    };
    Ok(Said::Compared(name, operator, limit))
}

/// For each rule its conditions in an engine's words.
fn in_words(rules: &Rules, word: impl Fn(&Said) -> String) -> Result<Vec<Vec<String>>, BenchError> {
    let mut all = Vec::new();
    for (place, rule) in rules.iter().enumerate() {
        let of = rule.when.iter().zip(rules.sources(place));
        let conditions: Result<Vec<String>, BenchError> = of
            .map(|(condition, source)| said(condition, *source).map(|said| word(&said)))
            .collect();
        all.push(conditions?);
    }
    Ok(all)
}

fn failed<E: Display>(who: &'static str) -> impl Fn(E) -> BenchError {
    move |error| BenchError::Peer {
        who,
        what: error.to_string(),
    }
}

/// How strict each rule is, by its name in an engine.
type Strict<K> = BTreeMap<K, u8>;

/// Each rule is a `permit` of its own, so that Cedar names all that match; the strictest of them is the verdict.
struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    requests: Vec<Request>,
    strict: Strict<PolicyId>,
}

impl Cedar {
    fn new(
        rules: &Rules,
        samples: &[Sample],
        always: &BTreeSet<String>,
    ) -> Result<Self, BenchError> {
        let conditions = in_words(rules, |said| match said {
            Said::Compared(name, operator, limit) if always.contains(name) => {
                format!("context.{name} {operator} {limit}")
            }
            Said::Compared(name, operator, limit) => {
                format!("context has {name} && context.{name} {operator} {limit}")
            }
            Said::Among(members) => format!("{members:?}.contains(context.{TIER})"),
        })?;
        let mut policies = PolicySet::new();
        let mut strict = Strict::new();
        for ((place, rule), conditions) in rules.iter().enumerate().zip(conditions) {
            let id = PolicyId::new(place.to_string());
            let when = conditions.join(" && ");
            let text = format!("permit(principal, action, resource) when {{ {when} }};");
            let policy = cedar_policy::Policy::parse(Some(id.clone()), text);
            let policy = policy.map_err(failed("Cedar"))?;
            policies.add(policy).map_err(failed("Cedar"))?;
            strict.insert(id, rule.then.strictness());
        }
        let requests: Result<Vec<Request>, BenchError> = samples.iter().map(request).collect();
        Ok(Self {
            authorizer: Authorizer::new(),
            policies,
            entities: Entities::empty(),
            requests: requests?,
            strict,
        })
    }

    fn decide(&self) -> Vec<u8> {
        let verdict = |request| {
            let response = self
                .authorizer
                .is_authorized(request, &self.policies, &self.entities);
            let matched = response.diagnostics().reason();
            let strict = matched.filter_map(|id| self.strict.get(id).copied());
            strict.max().unwrap_or(0)
        };
        self.requests.iter().map(verdict).collect()
    }

    fn matched(&self, place: usize) -> BTreeSet<u8> {
        let Some(request) = self.requests.get(place) else {
            return BTreeSet::new();
        };
        let response = self
            .authorizer
            .is_authorized(request, &self.policies, &self.entities);
        let ids = response.diagnostics().reason();
        ids.filter_map(|id| id.to_string().parse().ok()).collect()
    }
}

fn request(sample: &Sample) -> Result<Request, BenchError> {
    let pairs = sample.seen.iter().map(|(name, value)| {
        let value = match value {
            Value::Bool(flag) => RestrictedExpression::new_bool(*flag),
            Value::String(text) => RestrictedExpression::new_string(text.clone()),
            other => RestrictedExpression::new_long(other.as_i64().unwrap_or(0)),
        };
        (name.clone(), value)
    });
    let context = Context::from_pairs(pairs).map_err(failed("Cedar"))?;
    let uid = |text: &str| -> Result<EntityUid, BenchError> {
        text.parse()
            .map_err(failed::<cedar_policy::ParseErrors>("Cedar"))
    };
    let made = Request::new(
        uid("Service::\"wallets\"")?,
        uid("Action::\"withdraw\"")?,
        uid("Wallet::\"hot\"")?,
        context,
        None,
    );
    made.map_err(failed("Cedar"))
}

/// Each rule adds its number to a set, compiled for the engine's register machine; the strictest of them is the verdict.
struct Rego {
    machine: RegoVM,
    inputs: Vec<regorus::Value>,
    strict: Strict<regorus::Value>,
}

impl Rego {
    fn new(rules: &Rules, samples: &[Sample]) -> Result<Self, BenchError> {
        const ENTRY: &str = "data.keepwhole.matched";
        let conditions = in_words(rules, |said| match said {
            Said::Compared(name, operator, limit) => format!("input.{name} {operator} {limit}"),
            Said::Among(members) => {
                let members: Vec<String> = members.iter().map(|one| format!("{one:?}")).collect();
                format!("input.{TIER} in {{{}}}", members.join(", "))
            }
        })?;
        let mut text = String::from("package keepwhole\n\nimport rego.v1\n");
        let mut strict = Strict::new();
        for ((place, rule), conditions) in rules.iter().enumerate().zip(conditions) {
            text += &format!("\nmatched contains {place} if {{\n");
            for condition in conditions {
                text += &format!("\t{condition}\n");
            }
            text += "}\n";
            strict.insert(regorus::Value::from(place as u64), rule.then.strictness());
        }
        let mut engine = regorus::Engine::new();
        engine
            .add_policy("rules.rego".to_owned(), text)
            .map_err(failed("regorus"))?;
        let entry: Arc<str> = ENTRY.into();
        let compiled = engine
            .compile_with_entrypoint(&entry)
            .map_err(failed("regorus"))?;
        let program =
            Compiler::compile_from_policy(&compiled, &[ENTRY]).map_err(failed("regorus"))?;
        let mut machine = RegoVM::new();
        machine.load_program(program);
        let inputs: Result<Vec<regorus::Value>, BenchError> = samples
            .iter()
            .map(|sample| {
                let text = Value::Object(sample.seen.clone()).to_string();
                regorus::Value::from_json_str(&text).map_err(failed("regorus"))
            })
            .collect();
        Ok(Self {
            machine,
            inputs: inputs?,
            strict,
        })
    }

    fn decide(&mut self) -> Result<Vec<u8>, BenchError> {
        let mut verdicts = Vec::with_capacity(self.inputs.len());
        for place in 0..self.inputs.len() {
            let matched = self.set(place)?;
            let rules = matched.as_set().map_err(failed("regorus"))?;
            let strict = rules.iter().filter_map(|rule| self.strict.get(rule));
            verdicts.push(strict.copied().max().unwrap_or(0));
        }
        Ok(verdicts)
    }

    fn set(&mut self, place: usize) -> Result<regorus::Value, BenchError> {
        let input = self.inputs.get(place).cloned();
        let input = input.unwrap_or(regorus::Value::Undefined);
        self.machine.set_input(input);
        self.machine.execute().map_err(failed("regorus"))
    }

    fn matched(&mut self, place: usize) -> Result<BTreeSet<u8>, BenchError> {
        let matched = self.set(place)?;
        let rules = matched.as_set().map_err(failed("regorus"))?;
        let numbers = rules.iter().filter_map(|rule| rule.as_u8().ok());
        Ok(numbers.collect())
    }
}
