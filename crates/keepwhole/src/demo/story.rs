//! The demo's journal: the public times and sums as they were reported, played through the real sequencer.
//!
//! keepwhole was not there on that day. The breaker is therefore in shadow: the journal says when it would have
//! tripped, and what really happened went on until the exchange itself paused.

use super::DemoError;
use super::curve::Curve;
use super::draw::Draw;
use super::facts::{Facts, Timeline};
use super::world::{self, Token};
use crate::journal::Disk;
use crate::sequencer::Sequencer;
use keepwhole_core::answer::{Answer, Reply};
use keepwhole_core::book::MovementKind;
use keepwhole_core::command::{Body, Command, NewMovement, Observation};
use keepwhole_core::custody::Direction;
use keepwhole_core::guard::Change;
use keepwhole_core::law::LawSet;
use keepwhole_core::policy::{ActionClass, Cap, Clear, LossOrder, Policy};
use keepwhole_core::registry::{Asset, AssetIx, Tier, Wallet};

/// Movements in one command.
const LINES: usize = 20_000;
/// Name of the house.
pub(super) const HOUSE: &str = "house";
/// Names of the wallets.
pub(super) const HOT: &str = "hot-solana";
const COLD: &str = "cold-solana";
const NODE: &str = "solana-node";
const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 3_600_000;
/// The public pages name no address.
pub(super) const THIEF: &str = "address-not-public";
const FSS: &str = "국회의원실이 2025년 12월 7일 공개한 금융감독원 자료 / supervisor's material released on 7 December 2025 by \
                   a member of the National Assembly";
const NOTICE: &str = "언론이 인용한 거래소 공지 / the exchange's own notice, quoted in the press";

/// A writer of the story: each step is one command with an id of its own.
pub(super) struct Teller<'a, D> {
    pub(super) sequencer: &'a mut Sequencer<D>,
    chapter: &'static str,
    step: u64,
}

impl<'a, D: Disk> Teller<'a, D> {
    pub(super) fn new(sequencer: &'a mut Sequencer<D>, chapter: &'static str) -> Self {
        Self {
            sequencer,
            chapter,
            step: 0,
        }
    }

    /// The id of the last step told.
    fn step_id(&self) -> String {
        format!("{}-{}", self.chapter, self.step)
    }

    /// Tells one command; a refusal would be a slip of the demo itself.
    pub(super) fn tell(
        &mut self,
        at: u64,
        actor: Option<&str>,
        body: Body,
    ) -> Result<Reply, DemoError> {
        self.tell_all(at, actor, vec![body])?
            .pop()
            .ok_or(DemoError::NoReply)
    }

    /// Tells several commands in one turn.
    pub(super) fn tell_all(
        &mut self,
        at: u64,
        actor: Option<&str>,
        bodies: Vec<Body>,
    ) -> Result<Vec<Reply>, DemoError> {
        let commands: Vec<Command> = bodies
            .into_iter()
            .map(|body| {
                self.step += 1;
                let id = self.step_id();
                Command {
                    id: Some(id),
                    actor: actor.map(str::to_owned),
                    body,
                }
            })
            .collect();
        let replies = self.sequencer.turn(at, &commands)?;
        for (reply, command) in replies.iter().zip(&commands) {
            if let Answer::Refused(reason) = &reply.answer {
                return Err(DemoError::Refused {
                    step: command.id.clone().unwrap_or_default(),
                    reason: reason.code(),
                });
            }
        }
        Ok(replies)
    }
}

/// Registers what both the story and the runs have: tokens, owners, wallets, people, policy, holdings.
pub(super) fn stage<D: Disk>(
    teller: &mut Teller<'_, D>,
    at: u64,
    tokens: &[Token],
    owners: Vec<String>,
    armed: bool,
) -> Result<(), DemoError> {
    for token in tokens {
        let asset = Asset {
            id: token.symbol.clone(),
            decimals: token.decimals,
            network: Some("solana".to_owned()),
            confirmations: 32,
        };
        teller.tell(at, None, Body::RegisterAsset(asset))?;
    }
    for chunk in owners.chunks(LINES) {
        teller.tell(at, None, Body::RegisterOwners(chunk.to_vec()))?;
    }
    for (id, tier) in [(HOT, Tier::Hot), (COLD, Tier::Cold)] {
        let wallet = Wallet {
            id: id.to_owned(),
            tier,
            address: format!("made-up-{id}"),
        };
        teller.tell(at, None, Body::RegisterWallet(wallet))?;
    }
    let people = [
        ("security-officer", "security"),
        ("compliance-officer", "compliance"),
        ("administrator-1", "administrator"),
        ("administrator-2", "administrator"),
    ];
    for (id, role) in people {
        let (id, person) = (id.to_owned(), id.to_owned());
        teller.tell(
            at,
            None,
            Body::EnrolActor {
                id,
                person,
                roles: vec![role.to_owned()],
                expires: None,
            },
        )?;
    }
    let hot = tokens
        .iter()
        .map(|t| (HOT.to_owned(), t.symbol.clone(), t.hot));
    let cold = tokens
        .iter()
        .map(|t| (COLD.to_owned(), t.symbol.clone(), t.cold));
    teller.tell(at, None, Body::DeclareHoldings(hot.chain(cold).collect()))?;
    teller.tell(
        at,
        None,
        Body::AdoptPolicy(Box::new(policy(teller, tokens, armed))),
    )?;
    Ok(())
}

/// The demo's policy: caps of 5 % in ten minutes and 20 % in a day (assumed), holdings guard, the house bears first.
fn policy<D: Disk>(teller: &Teller<'_, D>, tokens: &[Token], armed: bool) -> Policy {
    let registry = &teller.sequencer.state().registry;
    let assets = (0..tokens.len()).filter_map(AssetIx::next);
    let roles = |names: &[&str]| {
        names
            .iter()
            .map(|n| (*n).to_owned())
            .collect::<Vec<String>>()
    };
    Policy {
        version: 1,
        authority: vec![
            (ActionClass::Approve, roles(&["approver"])),
            (ActionClass::LowerRisk, roles(&["security", "compliance"])),
            (ActionClass::RaiseRisk, roles(&["administrator"])),
        ],
        clears: assets
            .map(|asset| Clear {
                asset,
                up_to: u128::MAX,
            })
            .collect(),
        caps: vec![
            Cap {
                window_ms: 10 * MINUTE_MS,
                bps: 500,
            },
            Cap {
                window_ms: 24 * HOUR_MS,
                bps: 2_000,
            },
        ],
        clearance_ttl_ms: Some(10 * MINUTE_MS),
        approval_ttl_ms: Some(30 * MINUTE_MS),
        ops_allowed: vec!["transfer".to_owned()],
        nodes: vec![NODE.to_owned()],
        node_quorum: 1,
        holdings_guard: true,
        sweep_to: registry.wallet(COLD),
        loss_order: LossOrder::HouseFirst,
        breaker_armed: armed,
        change_approvals: 2,
        ..Policy::default()
    }
}

/// The opening balances of made-up customers, and the house's own part of the pool.
pub(super) fn open_books<D: Disk>(
    teller: &mut Teller<'_, D>,
    at: u64,
    tokens: &[Token],
    balances: &[Vec<(String, u128)>],
) -> Result<(), DemoError> {
    let mut lines = Vec::new();
    for (token, holders) in tokens.iter().zip(balances) {
        let own = (HOUSE.to_owned(), token.house);
        for (owner, units) in holders
            .iter()
            .cloned()
            .chain([own])
            .filter(|(_, units)| *units > 0)
        {
            lines.push(NewMovement {
                from: keepwhole_core::registry::OUTSIDE_NAME.to_owned(),
                to: owner,
                asset: token.symbol.clone(),
                units,
                kind: MovementKind::Opening,
                reference: String::new(),
            });
        }
    }
    for chunk in lines.chunks(LINES) {
        teller.tell(at, None, Body::RecordMovements(chunk.to_vec()))?;
    }
    Ok(())
}

/// One report of an outflow by the thief.
pub(super) fn outflow(token: &Token, units: u128, txid: String, height: u64) -> Body {
    Body::RecordObservation(Observation {
        node: NODE.to_owned(),
        wallet: HOT.to_owned(),
        txid,
        direction: Direction::Out,
        asset: token.symbol.clone(),
        units,
        peer: THIEF.to_owned(),
        height,
        authority: false,
    })
}

/// Adopts the law and the duties of a theft.
pub(super) fn adopt_law<D: Disk>(
    teller: &mut Teller<'_, D>,
    at: u64,
    law: &LawSet,
) -> Result<(), DemoError> {
    let rules: Vec<_> = law.rules().values().cloned().collect();
    teller.tell(
        at,
        None,
        Body::AdoptLaw {
            rules,
            digest: law.digest(),
        },
    )?;
    let duties = crate::law::duties::duties(law)?;
    teller.tell(at, None, Body::AdoptDuties(duties))?;
    Ok(())
}

/// Opens the world an hour before the theft: law, made-up customers, wallets, policy in shadow.
pub(super) fn opening<D: Disk>(
    teller: &mut Teller<'_, D>,
    facts: &Facts,
    tokens: &[Token],
    customers: u32,
    draw: &mut Draw,
    law: &LawSet,
) -> Result<(), DemoError> {
    let at = facts.timeline.detected.saturating_sub(HOUR_MS);
    adopt_law(teller, at, law)?;
    let names: Vec<String> = (0..customers).map(world::customer).collect();
    let owners = std::iter::once(HOUSE.to_owned())
        .chain(names.iter().cloned())
        .collect();
    stage(teller, at, tokens, owners, false)?;
    let drawn = world::balances(tokens, customers, draw)?;
    let named = drawn.into_iter().map(|list| {
        let rows = list
            .into_iter()
            .map(|(number, units)| (world::customer(number), units));
        rows.collect::<Vec<_>>()
    });
    open_books(teller, at, tokens, &named.collect::<Vec<_>>())
}

/// The 54 minutes, at an even pace (assumed), a report a minute and token; then the exchange's own steps.
pub(super) fn theft<D: Disk>(
    teller: &mut Teller<'_, D>,
    facts: &Facts,
    tokens: &[Token],
) -> Result<(), DemoError> {
    let times = &facts.timeline;
    let minutes = times.last_outflow.saturating_sub(times.detected) / MINUTE_MS;
    // The first report stands at the first published moment and the last one at the last.
    let span = times.last_outflow.saturating_sub(times.detected);
    let gaps = minutes.saturating_sub(1).max(1);
    let mut steps: Vec<(u64, Step)> = (0..minutes)
        .map(|m| (times.detected + span * m / gaps, Step::Minute(m)))
        .collect();
    steps.extend(published(times));
    steps.sort_by_key(|(at, _)| *at);
    for (at, step) in steps {
        match step {
            Step::Minute(minute) => {
                let mut reports = Vec::new();
                for token in tokens {
                    let before = minute
                        .checked_sub(1)
                        .map_or(0, |m| Curve::Even.gone(token.taken, m, minutes));
                    let units = Curve::Even
                        .gone(token.taken, minute, minutes)
                        .saturating_sub(before);
                    if units > 0 {
                        let txid = format!("made-up-{}-{minute}", token.symbol);
                        reports.push(outflow(token, units, txid, 1_000 + minute * 150));
                    }
                }
                teller.tell_all(at, None, reports)?;
            }
            Step::Told(bodies) => {
                for (actor, body) in bodies {
                    teller.tell(at, actor, body)?;
                }
            }
        }
    }
    Ok(())
}

enum Step {
    Minute(u64),
    Told(Vec<(Option<&'static str>, Body)>),
}

fn fact(text: &str, occurred: u64, source: &str) -> (Option<&'static str>, Body) {
    let body = Body::RecordFact {
        incident: "inc-1".to_owned(),
        text: text.to_owned(),
        occurred: Some(occurred),
        source: source.to_owned(),
        material: false,
    };
    (None, body)
}

fn notify(duty: &str, receipt: &str) -> (Option<&'static str>, Body) {
    let (incident, duty, receipt) = ("inc-1".to_owned(), duty.to_owned(), receipt.to_owned());
    (
        Some("compliance-officer"),
        Body::Notify {
            incident,
            duty,
            receipt,
        },
    )
}

fn halt(scope: &str) -> (Option<&'static str>, Body) {
    (
        Some("security-officer"),
        Body::ProposeChange(Change::Halt {
            scope: scope.to_owned(),
        }),
    )
}

/// The exchange's own steps as they were published.
fn published(times: &Timeline) -> Vec<(u64, Step)> {
    let mut steps = stops(times);
    steps.extend(tellings(times));
    steps
}

/// A published moment: the fact, and what the exchange did with it in the journal's terms.
fn moment(
    text: &str,
    at: u64,
    source: &str,
    more: Vec<(Option<&'static str>, Body)>,
) -> (u64, Step) {
    let mut told = vec![fact(text, at, source)];
    told.extend(more);
    (at, Step::Told(told))
}

/// Awareness and what the exchange stopped.
fn stops(times: &Timeline) -> Vec<(u64, Step)> {
    let incident = "inc-1".to_owned();
    let aware = (Some("security-officer"), Body::BecomeAware { incident });
    vec![
        moment(
            "긴급회의 / emergency meeting",
            times.meeting,
            FSS,
            vec![aware],
        ),
        moment(
            "솔라나 네트워크 입출금 중지 / deposits and withdrawals of the Solana network paused",
            times.network_paused,
            FSS,
            vec![halt(HOT)],
        ),
        moment(
            "마지막 유출 / last outflow",
            times.last_outflow,
            FSS,
            vec![],
        ),
        moment(
            "모든 입출금 중지 / all deposits and withdrawals halted",
            times.all_halted,
            FSS,
            vec![halt("all")],
        ),
    ]
}

/// Whom the exchange told.
fn tellings(times: &Timeline) -> Vec<(u64, Step)> {
    let by_phone = notify(
        "kr-fss-incident-report",
        "유선, 공개된 시각이며 접수증은 확인하지 못함 / by telephone; published time, no receipt seen",
    );
    let reported = notify(
        "kr-na-incident-24h",
        "공개된 시각이며 접수증은 확인하지 못함 / published time, no receipt seen",
    );
    let noticed = notify(
        "kr-vaupa-block-user-notice",
        "공개된 경과의 첫 공지이며, 더 이른 것은 공개 자료에서 찾지 못함 / first notice in the published timeline; an \
         earlier one was not found in public sources",
    );
    vec![
        moment(
            "금융감독원에 유선 보고 / financial supervisor told by telephone",
            times.fss_phone,
            FSS,
            vec![by_phone],
        ),
        moment(
            "금융감독원에 서면 보고 / financial supervisor told in writing",
            times.fss_writing,
            FSS,
            vec![],
        ),
        moment(
            "한국인터넷진흥원(KISA)에 신고 / internet and security agency (KISA) told",
            times.kisa,
            FSS,
            vec![reported],
        ),
        moment(
            "이상 유출을 이용자에게 공지 / public notice of the abnormal outflow",
            times.public_notice,
            NOTICE,
            vec![noticed],
        ),
        moment("경찰에 신고 / police told", times.police, FSS, vec![]),
        moment(
            "금융위원회에 보고 / financial services commission told",
            times.fsc,
            FSS,
            vec![],
        ),
    ]
}

/// What was published afterwards: the freeze, and that customers were made whole; the day is assumed.
pub(super) fn freeze<D: Disk>(teller: &mut Teller<'_, D>, facts: &Facts) -> Result<(), DemoError> {
    let at = facts.timeline.fsc + HOUR_MS;
    let body = Body::RecordFreeze {
        incident: "inc-1".to_owned(),
        by: "LAYER 발행사, 체인 상 / issuer of LAYER, on chain".to_owned(),
        asset: Some("LAYER".to_owned()),
        units: None,
        value: Some(facts.krw_frozen),
        source: "거래소 공지, 2025년 11월 27일 / the exchange's notice, 27 November 2025"
            .to_owned(),
    };
    teller.tell(at, Some("compliance-officer"), body)?;
    Ok(())
}

/// Days from the theft until the service came back: the assumed moment of replenishment (6 December 2025).
const DAYS_UNTIL_SERVICE: u64 = 9;

/// The house brings in its own assets and puts them into the customers' pool, token by token.
pub(super) fn replenish<D: Disk>(
    teller: &mut Teller<'_, D>,
    facts: &Facts,
    tokens: &[Token],
) -> Result<u64, DemoError> {
    let at = facts.timeline.detected + DAYS_UNTIL_SERVICE * 24 * HOUR_MS;
    let mut brought = Vec::new();
    for token in tokens.iter().filter(|t| t.customers() > 0) {
        brought.push(NewMovement {
            from: keepwhole_core::registry::OUTSIDE_NAME.to_owned(),
            to: HOUSE.to_owned(),
            asset: token.symbol.clone(),
            units: token.customers(),
            kind: MovementKind::Deposit,
            reference: "보전을 위해 들여온 거래소 자산(날짜는 가정) / own assets brought in to replenish the pool (assumed day)".to_owned(),
        });
    }
    teller.tell(at, None, Body::RecordMovements(brought))?;
    for token in tokens.iter().filter(|t| t.customers() > 0) {
        let seen = Observation {
            node: NODE.to_owned(),
            wallet: COLD.to_owned(),
            txid: format!("made-up-replenish-{}", token.symbol),
            direction: Direction::In,
            asset: token.symbol.clone(),
            units: token.customers(),
            peer: "own-treasury-made-up".to_owned(),
            height: 900_000,
            authority: false,
        };
        teller.tell(at, None, Body::RecordObservation(seen))?;
    }
    Ok(at)
}

/// Puts the house's assets into the pool, so that nothing is outstanding.
pub(super) fn put_back<D: Disk>(
    teller: &mut Teller<'_, D>,
    at: u64,
    tokens: &[Token],
) -> Result<(), DemoError> {
    for token in tokens.iter().filter(|t| t.customers() > 0) {
        let (incident, asset) = ("inc-1".to_owned(), token.symbol.clone());
        let reply = teller.tell(
            at,
            Some("compliance-officer"),
            Body::Replenish {
                incident,
                asset,
                units: token.customers(),
            },
        )?;
        if reply.answer != Answer::Recorded {
            let reason = reply.answer.reason().map_or("none", |r| r.code());
            return Err(DemoError::Refused {
                step: format!("replenish {}", token.symbol),
                reason,
            });
        }
    }
    Ok(())
}

/// Service comes back by two administrators; the old hot wallet never signs again (all wallets were replaced).
pub(super) fn resume<D: Disk>(teller: &mut Teller<'_, D>, at: u64) -> Result<(), DemoError> {
    let retire = Change::RetireKey {
        wallet: HOT.to_owned(),
    };
    teller.tell(at, Some("security-officer"), Body::ProposeChange(retire))?;
    teller.tell(
        at,
        Some("administrator-1"),
        Body::ProposeChange(Change::Resume {
            scope: "all".to_owned(),
        }),
    )?;
    let target = teller.step_id();
    teller.tell(at, Some("administrator-2"), Body::ApproveChange { target })?;
    Ok(())
}
