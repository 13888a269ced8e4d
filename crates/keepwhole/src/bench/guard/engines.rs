//! The same rules in engines that decide policies: Cedar, and Rego by regorus. They keep no history, so each request comes
//! to them with the figures that it needs, worked out before; ours is measured so as well, and judging from the state.
//!
//! Each engine has what its own documents recommend: policies parsed and compiled once, rules of one asset scoped to it,
//! answers taken as they come. Before anything is measured every answer is held against ours, request by request.

use super::{input, on_one_core};
use crate::bench::contest::{Contest, per_second};
use crate::bench::peers::{failed, version_of};
use crate::bench::{BenchError, Figure};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityId, EntityTypeName, EntityUid, Policy, PolicyId,
    PolicySet, Request, Response, RestrictedExpression,
};
use keepwhole_core::guard::Ask;
use keepwhole_core::policy::field::{Field, Members};
use keepwhole_core::policy::figures::Seen;
use keepwhole_core::policy::judge::{Judging, Verdict};
use keepwhole_core::policy::rule::{Condition, Outcome, Rules, Source, Test};
use keepwhole_core::policy::vector::Vector;
use keepwhole_core::registry::Tier;
use keepwhole_core::state::State;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use regorus::{Engine, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::time::Duration;

/// Requests; few enough that what is handed over of them lies in the processor's caches, for everybody.
const REQUESTS: usize = 1_000;
/// Times that an engine decides all of them in a round; one that decides 20,000 a second takes a second.
const PASSES: u32 = 20;
/// Times that ours does.
const OUR_PASSES: u32 = 2_000;
/// The attribute that says what kind of wallet pays.
const KIND: &str = "wallet_kind";
/// The rule that is asked for in Rego.
const ENTRY: &str = "data.guard.matched";

/// A request with what its figures are.
struct Handed<'a> {
    ask: &'a Ask,
    seen: Vector,
    kind: &'static str,
    /// What ours says from the state.
    verdict: Verdict,
}

impl<'a> Handed<'a> {
    fn of(state: &State, ask: &'a Ask, at: u64) -> Result<Self, BenchError> {
        let mut seen = Vector::new();
        let mut judging = Judging::new(state, input(ask, at), &mut seen);
        let verdict = judging.verdict();
        judging.see_all();
        let untold = |(_, seen): (u8, Seen)| matches!(seen, Seen::Unknown(_));
        if seen.iter().any(untold) {
            return Err(BenchError::Wrong(
                "a figure of the measurement can't be told",
            ));
        }
        let Ask::Withdrawal { wallet, .. } = ask else {
            return Err(BenchError::Wrong("only withdrawals are asked for"));
        };
        let wallet = state.registry.wallets.get(wallet.place());
        let wallet = wallet.ok_or(BenchError::Wrong("a wallet is not registered"))?;
        Ok(Self {
            ask,
            seen,
            kind: word(wallet.tier),
            verdict,
        })
    }

    /// Ours from the figures that were handed over.
    fn judge(&mut self, state: &State, at: u64) -> Verdict {
        Judging::new(state, input(self.ask, at), &mut self.seen).verdict()
    }

    /// The numbers and flags that apply, by the names that both languages have for them.
    fn attributes<'n>(
        &self,
        names: &'n [String],
    ) -> impl Iterator<Item = Result<(&'n str, Attribute), BenchError>> {
        let known = self.seen.iter().filter_map(|(place, seen)| {
            let name = names.get(usize::from(place))?;
            let attribute = match seen {
                Seen::Number(number) => whole(number).map(Attribute::Number),
                Seen::Flag(flag) => Ok(Attribute::Flag(flag)),
                Seen::Absent | Seen::Unknown(_) => return None,
            };
            Some(attribute.map(|attribute| (name.as_str(), attribute)))
        });
        known.collect::<Vec<_>>().into_iter()
    }
}

enum Attribute {
    Number(i64),
    Flag(bool),
}

fn whole(number: u128) -> Result<i64, BenchError> {
    i64::try_from(number).map_err(|_| BenchError::Wrong("a figure needs more than 63 bits"))
}

const fn word(tier: Tier) -> &'static str {
    match tier {
        Tier::Hot => "hot",
        Tier::Warm => "warm",
        Tier::Cold => "cold",
        Tier::Deposit => "deposit",
        Tier::Operational => "operational",
    }
}

/// A name for each figure.
fn names(rules: &Rules) -> Vec<String> {
    let numbered = rules.figures().iter().enumerate();
    numbered
        .map(|(place, field)| format!("{}_{place}", field.word()))
        .collect()
}

/// The conditions of a rule as both languages write them; `members` writes the membership of the kind of wallet.
fn conditions(
    rules: &Rules,
    rule: usize,
    of: &str,
    members: fn(&[String]) -> String,
) -> Result<Vec<String>, BenchError> {
    let names = names(rules);
    let when = rules.get(rule).map_or(&[][..], |rule| &rule.when);
    let each = when.iter().zip(rules.sources(rule));
    let one = |(condition, source): (&Condition, Source)| match (source, &condition.test) {
        (Source::Figure(place), test) => {
            let name = names.get(usize::from(place));
            let name = name.ok_or(BenchError::Wrong("a figure has no place"))?;
            let limit = match test {
                Test::AtLeast(limit) | Test::Below(limit) | Test::Equals(limit) => {
                    whole(*limit)?.to_string()
                }
                Test::Is(wanted) => wanted.to_string(),
                Test::In(_) => return Err(BenchError::Wrong("a figure is no member")),
            };
            Ok(format!("{of}.{name} {} {limit}", test.operator()))
        }
        (Source::Choice, Test::In(Members::Tiers(tiers))) => {
            let words: Vec<String> = tiers
                .iter()
                .map(|tier| format!("{:?}", word(*tier)))
                .collect();
            Ok(members(&words))
        }
        _ => Err(BenchError::Wrong(
            "a rule has no words in the other languages",
        )),
    };
    each.map(one).collect()
}

/// True for what stands in the way; in Cedar it forbids.
const fn forbids(then: &Outcome) -> bool {
    matches!(then, Outcome::Hold | Outcome::Deny)
}

struct Cedar {
    policies: PolicySet,
    authorizer: Authorizer,
    entities: Entities,
    /// Types of customers and assets, and the action.
    words: (EntityTypeName, EntityTypeName, EntityUid),
    names: Vec<String>,
    prepared: Vec<Request>,
}

impl Cedar {
    fn new(rules: &Rules, handed: &[Handed<'_>]) -> Result<Self, BenchError> {
        let mut policies = PolicySet::new();
        for place in 0..rules.len() {
            let id = Some(PolicyId::new(place.to_string()));
            let policy = Policy::parse(id, policy(rules, place)?).map_err(failed("Cedar"))?;
            policies.add(policy).map_err(failed("Cedar"))?;
        }
        let kind = |name: &str| name.parse::<EntityTypeName>().map_err(failed("Cedar"));
        let action = EntityUid::from_type_name_and_id(kind("Action")?, EntityId::new("withdraw"));
        let mut cedar = Self {
            policies,
            authorizer: Authorizer::new(),
            entities: Entities::empty(),
            words: (kind("Customer")?, kind("Asset")?, action),
            names: names(rules),
            prepared: Vec::with_capacity(handed.len()),
        };
        for one in handed {
            let request = cedar.request(one)?;
            cedar.prepared.push(request);
        }
        Ok(cedar)
    }

    fn request(&self, handed: &Handed<'_>) -> Result<Request, BenchError> {
        let Ask::Withdrawal { owner, asset, .. } = handed.ask else {
            return Err(BenchError::Wrong("only withdrawals are asked for"));
        };
        let (customers, assets, action) = &self.words;
        let kind = RestrictedExpression::new_string(handed.kind.to_owned());
        let mut pairs = vec![(KIND.to_owned(), kind)];
        for told in handed.attributes(&self.names) {
            let (name, attribute) = told?;
            let value = match attribute {
                Attribute::Number(number) => RestrictedExpression::new_long(number),
                Attribute::Flag(flag) => RestrictedExpression::new_bool(flag),
            };
            pairs.push((name.to_owned(), value));
        }
        let context = Context::from_pairs(pairs).map_err(failed("Cedar"))?;
        let customer = EntityId::new(owner.0.to_string());
        let asset = EntityId::new(format!("A{}", asset.0));
        Request::new(
            EntityUid::from_type_name_and_id(customers.clone(), customer),
            action.clone(),
            EntityUid::from_type_name_and_id(assets.clone(), asset),
            context,
            None,
        )
        .map_err(failed("Cedar"))
    }

    fn answer(&self, request: &Request) -> Response {
        let (policies, entities) = (&self.policies, &self.entities);
        self.authorizer.is_authorized(request, policies, entities)
    }

    /// Where something forbids Cedar names what forbids, else what permits.
    fn check(&self, rules: &Rules, handed: &[Handed<'_>]) -> Result<(), BenchError> {
        for (one, request) in handed.iter().zip(&self.prepared) {
            let answer = self.answer(request);
            let verdict = &one.verdict;
            let stopped = verdict.strictness >= 3;
            let named: BTreeSet<String> = answer
                .diagnostics()
                .reason()
                .map(ToString::to_string)
                .collect();
            let numbered = (0..=u8::MAX).zip(rules.iter());
            let ours = numbered.filter(|(place, rule)| {
                verdict.matched.contains(*place) && (!stopped || forbids(&rule.then))
            });
            let ours: BTreeSet<String> = ours.map(|(place, _)| place.to_string()).collect();
            let goes = answer.decision() == Decision::Allow;
            if named != ours || goes != matches!(verdict.strictness, 1 | 2) {
                return Err(BenchError::Wrong("Cedar answers otherwise than we do"));
            }
        }
        Ok(())
    }
}

/// A rule in Cedar; one of a single asset is scoped to it.
fn policy(rules: &Rules, place: usize) -> Result<String, BenchError> {
    let rule = rules.get(place);
    let rule = rule.ok_or(BenchError::Wrong("a rule has no place"))?;
    let effect = if forbids(&rule.then) {
        "forbid"
    } else {
        "permit"
    };
    let asset = rule
        .when
        .iter()
        .find_map(|condition| match condition.field {
            Field::Amount(asset) | Field::FloatLeft(asset) => Some(asset),
            _ => None,
        });
    let scope = asset.map_or_else(String::new, |asset| format!(" == Asset::\"A{}\"", asset.0));
    let members = |words: &[String]| format!("[{}].contains(context.{KIND})", words.join(", "));
    let when = conditions(rules, place, "context", members)?.join(" && ");
    let when = if when.is_empty() {
        when
    } else {
        format!(" when {{ {when} }}")
    };
    Ok(format!(
        "{effect}(principal, action, resource{scope}){when};"
    ))
}

struct Rego {
    engine: Engine,
    machine: RegoVM,
    names: Vec<String>,
    prepared: Vec<Value>,
}

impl Rego {
    fn new(rules: &Rules, handed: &[Handed<'_>]) -> Result<Self, BenchError> {
        let mut module = "package guard\nimport rego.v1\n".to_owned();
        let members = |words: &[String]| format!("input.{KIND} in {{{}}}", words.join(", "));
        for place in 0..rules.len() {
            let when = conditions(rules, place, "input", members)?.join("\n\t");
            module += &format!("matched contains {place} if {{\n\t{when}\n}}\n");
        }
        let mut engine = Engine::new();
        engine
            .add_policy("guard.rego".to_owned(), module)
            .map_err(failed("regorus"))?;
        let compiled = engine
            .compile_with_entrypoint(&ENTRY.into())
            .map_err(failed("regorus"))?;
        let program = Compiler::compile_from_policy(&compiled, &[ENTRY]);
        let mut machine = RegoVM::new();
        machine.load_program(program.map_err(failed("regorus"))?);
        let mut rego = Self {
            engine,
            machine,
            names: names(rules),
            prepared: Vec::with_capacity(handed.len()),
        };
        for one in handed {
            // What is read from a text lies more densely than what is put together.
            let text = rego.input(one)?.to_json_str().map_err(failed("regorus"))?;
            let input = Value::from_json_str(&text).map_err(failed("regorus"))?;
            rego.prepared.push(input);
        }
        Ok(rego)
    }

    fn input(&self, handed: &Handed<'_>) -> Result<Value, BenchError> {
        let mut object = BTreeMap::from([(Value::from(KIND), Value::from(handed.kind))]);
        for told in handed.attributes(&self.names) {
            let (name, attribute) = told?;
            let value = match attribute {
                Attribute::Number(number) => Value::from(number),
                Attribute::Flag(flag) => Value::from(flag),
            };
            object.insert(Value::from(name), value);
        }
        Ok(Value::from(object))
    }

    fn compiled(&mut self, input: Value) -> Result<Value, BenchError> {
        self.machine.set_input(input);
        let told = self.machine.execute_entry_point_by_index(0);
        told.map_err(failed("regorus"))
    }

    fn interpreted(&mut self, input: Value) -> Result<Value, BenchError> {
        self.engine.set_input(input);
        let told = self.engine.eval_rule(ENTRY.to_owned());
        told.map_err(failed("regorus"))
    }

    /// The rules that matched, by both ways of regorus.
    fn check(&mut self, handed: &[Handed<'_>]) -> Result<(), BenchError> {
        for (place, one) in handed.iter().enumerate() {
            let input = self
                .prepared
                .get(place)
                .cloned()
                .unwrap_or(Value::Undefined);
            let ours: Vec<Value> = one
                .verdict
                .matched
                .iter()
                .map(|at| Value::from(u64::from(at)))
                .collect();
            let ours = Value::from(ours.into_iter().collect::<BTreeSet<Value>>());
            if self.compiled(input.clone())? != ours || self.interpreted(input)? != ours {
                return Err(BenchError::Wrong("Rego answers otherwise than we do"));
            }
        }
        Ok(())
    }
}

/// All of them, with the same requests.
pub(super) struct Engines<'a> {
    handed: Vec<Handed<'a>>,
    at: u64,
    cedar: Cedar,
    rego: Rego,
    alike: Contest,
    whole: Contest,
}

impl<'a> Engines<'a> {
    /// Checks that all of them say the same of every request.
    pub(super) fn new(state: &State, asks: &'a [Ask]) -> Result<Self, BenchError> {
        let at = state.at + 1;
        let rules = &state.guard.policy.rules;
        let handed: Result<Vec<Handed<'a>>, BenchError> = asks
            .iter()
            .take(REQUESTS)
            .map(|ask| Handed::of(state, ask, at))
            .collect();
        let mut handed = handed?;
        if handed
            .iter_mut()
            .any(|one| one.judge(state, at) != one.verdict)
        {
            return Err(BenchError::Wrong(
                "figures handed over are judged otherwise",
            ));
        }
        let cedar = Cedar::new(rules, &handed)?;
        cedar.check(rules, &handed)?;
        let mut rego = Rego::new(rules, &handed)?;
        rego.check(&handed)?;
        Ok(Self {
            handed,
            at,
            cedar,
            rego,
            alike: Contest::new("thirty rules, all from figures handed over", "decisions/s"),
            whole: Contest::new(
                "judged from the state; others from figures handed over",
                "decisions/s",
            ),
        })
    }

    /// A round of all; `judged` is what ours did from the state in it.
    pub(super) fn round(&mut self, state: &State, judged: u64) -> Result<(), BenchError> {
        let at = self.at;
        // The system counts a thread's time in steps of some ms.
        let ((), took) = on_one_core(|| {
            for _ in 0..OUR_PASSES {
                for one in &mut self.handed {
                    black_box(one.judge(state, at));
                }
            }
        });
        self.alike.add("keepwhole", self.rate(took / OUR_PASSES));
        self.whole.add("keepwhole", judged);
        self.of_cedar()?;
        self.of_rego()
    }

    fn rate(&self, took: Duration) -> u64 {
        per_second(self.handed.len() as u64, took)
    }

    fn add(&mut self, who: &str, took: Duration) {
        let rate = self.rate(took / PASSES);
        self.alike.add(who, rate);
        self.whole.add(who, rate);
    }

    fn of_cedar(&mut self) -> Result<(), BenchError> {
        let (cedar, version) = (&self.cedar, version_of("cedar-policy"));
        let ((), prepared) = on_one_core(|| {
            for request in (0..PASSES).flat_map(|_| &cedar.prepared) {
                black_box(cedar.answer(request));
            }
        });
        let (done, built) = on_one_core(|| {
            let mut all = (0..PASSES).flat_map(|_| &self.handed);
            all.try_for_each(|one| {
                black_box(cedar.answer(&cedar.request(one)?));
                Ok::<(), BenchError>(())
            })
        });
        done?;
        self.add(&format!("Cedar {version}, requests prepared"), prepared);
        self.add(&format!("Cedar {version}, requests built"), built);
        Ok(())
    }

    fn of_rego(&mut self) -> Result<(), BenchError> {
        let version = version_of("regorus");
        let inputs = self.rego.prepared.clone();
        let all = |rego: &mut Rego, one: fn(&mut Rego, Value) -> Result<Value, BenchError>| {
            on_one_core(|| {
                let mut all = (0..PASSES).flat_map(|_| &inputs);
                all.try_for_each(|input| {
                    black_box(one(rego, input.clone())?);
                    Ok::<(), BenchError>(())
                })
            })
        };
        let (done, prepared) = all(&mut self.rego, Rego::compiled);
        done?;
        let (done, interpreted) = all(&mut self.rego, Rego::interpreted);
        done?;
        let (handed, rego) = (&self.handed, &mut self.rego);
        let (done, built) = on_one_core(|| {
            let mut all = (0..PASSES).flat_map(|_| handed);
            all.try_for_each(|one| {
                let input = rego.input(one)?;
                black_box(rego.compiled(input)?);
                Ok::<(), BenchError>(())
            })
        });
        done?;
        for (what, took) in [
            ("compiled, inputs prepared", prepared),
            ("compiled, inputs built", built),
            ("interpreted, inputs prepared", interpreted),
        ] {
            self.add(&format!("regorus {version}, {what}"), took);
        }
        Ok(())
    }

    pub(super) fn figures(self) -> impl Iterator<Item = Figure> {
        self.alike.figures().chain(self.whole.figures())
    }
}
