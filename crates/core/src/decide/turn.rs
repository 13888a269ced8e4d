//! One turn: the state before it, and the events that it gathers. What several rules share stands here.

use crate::amount::Amount;
use crate::authority::matter::Voice;
use crate::book::{Movement, MovementKind};
use crate::breaker::{Scope, Touch, scope_name};
use crate::command::Command;
use crate::event::{AuthorityEvent, Event};
use crate::guard::clearance::Terms;
use crate::incident::clock::{self, Start};
use crate::incident::{AlarmCode, Cause, incident_id};
use crate::policy::{ActionClass, Policy};
use crate::reason::Reason;
use crate::redress::house_part;
use crate::registry::{ActorIx, AssetIx, HOUSE, OUTSIDE, OwnerIx, PersonIx, WalletIx};
use crate::state::State;
use crate::transfer::Booked;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// A turn in the making.
pub(super) struct Turn<'a> {
    pub(super) state: &'a State,
    pub(super) at: u64,
    pub(super) id: Option<&'a str>,
    pub(super) actor_name: Option<&'a str>,
    pub(super) actor: Option<ActorIx>,
    /// Rows of a batch of transfers; they stand before all events.
    pub(super) transfers: Vec<Booked>,
    pub(super) events: Vec<Event>,
    /// Movements that stand after all other events, because losses are weighed by the balances before them.
    pub(super) late: Vec<Event>,
    /// First moment at which nothing of the intent in the making may be signed any more, ms.
    pub(super) ends: Option<u64>,
    /// The proven answer that this turn records.
    pub(super) voice: Option<Voice>,
    /// Terms of the intent that this turn asks for.
    pub(super) terms: Option<Terms>,
    pub(super) repeated: bool,
    pub(super) created: Option<String>,
    /// Rows of a batch of transfers that are not booked again.
    pub(super) repeated_rows: u32,
    opened: Vec<Cause>,
    tripped: Vec<Scope>,
    /// All movements of the turn so far, per asset, minor units.
    moved: BTreeMap<AssetIx, u128>,
    /// What the house bears of the turn's losses so far, minor units.
    borne: BTreeMap<AssetIx, u128>,
}

impl<'a> Turn<'a> {
    pub(super) fn new(state: &'a State, command: &'a Command, at: u64) -> Self {
        Self {
            state,
            at: at.max(state.at),
            id: command.id.as_deref(),
            actor_name: command.actor.as_deref(),
            actor: None,
            transfers: Vec::new(),
            events: Vec::new(),
            late: Vec::new(),
            ends: None,
            voice: None,
            terms: None,
            repeated: false,
            created: None,
            repeated_rows: 0,
            opened: Vec::new(),
            tripped: Vec::new(),
            moved: BTreeMap::new(),
            borne: BTreeMap::new(),
        }
    }

    pub(super) fn policy(&self) -> &'a Policy {
        &self.state.guard.policy
    }

    pub(super) fn emit(&mut self, event: impl Into<Event>) {
        self.events.push(event.into());
    }

    /// Looks up the actor, if one is named; an unknown one stops the command.
    pub(super) fn find_actor(&mut self) -> Result<(), Reason> {
        if let Some(name) = self.actor_name {
            let known = self.state.registry.actor(name);
            self.actor = Some(known.ok_or_else(|| Reason::UnknownActor {
                actor: String::from(name),
            })?);
        }
        Ok(())
    }

    /// A rule that gives a reason leaves nothing beside it but alarms, the case that they open and the halt that they
    /// bring: all or nothing.
    pub(super) fn keep_alarms_only(&mut self) {
        self.late.clear();
        self.transfers.clear();
        self.events.retain(|event| {
            matches!(
                event,
                Event::AlarmRaised { .. }
                    | Event::IncidentOpened { .. }
                    | Event::AwarenessNamed { .. }
                    | Event::ClockStarted { .. }
                    | Event::BreakerTripped { .. }
                    | Event::TripShadowed { .. }
                    | Event::SweepOrdered { .. }
                    | Event::Authority(
                        AuthorityEvent::FindingRaised { .. }
                            | AuthorityEvent::MismatchCounted { .. }
                    )
            )
        });
    }

    pub(super) fn malformed(&self, what: &str) -> Reason {
        Reason::Malformed {
            what: String::from(what),
        }
    }

    pub(super) fn asset(&self, id: &str) -> Result<AssetIx, Reason> {
        self.state
            .registry
            .asset(id)
            .ok_or_else(|| Reason::UnknownAsset {
                asset: String::from(id),
            })
    }

    pub(super) fn owner(&self, id: &str) -> Result<OwnerIx, Reason> {
        self.state
            .registry
            .owner(id)
            .ok_or_else(|| Reason::UnknownCustomer {
                customer: String::from(id),
            })
    }

    /// An owner that is not the outside: nothing is owed to that one.
    pub(super) fn customer(&self, id: &str) -> Result<OwnerIx, Reason> {
        let owner = self.owner(id)?;
        if owner == OUTSIDE {
            return Err(Reason::UnknownCustomer {
                customer: String::from(id),
            });
        }
        Ok(owner)
    }

    pub(super) fn wallet(&self, id: &str) -> Result<WalletIx, Reason> {
        self.state
            .registry
            .wallet(id)
            .ok_or_else(|| Reason::UnknownWallet {
                wallet: String::from(id),
            })
    }

    /// Place of a case, as stored in events.
    pub(super) fn incident(&self, id: &str) -> Result<u32, Reason> {
        let place = self
            .state
            .incidents
            .place(id)
            .and_then(|place| u32::try_from(place).ok());
        place.ok_or_else(|| Reason::UnknownIncident {
            incident: String::from(id),
        })
    }

    /// The command's id; requests, claims and changes need one.
    pub(super) fn needs_id(&self) -> Result<&'a str, Reason> {
        self.id.ok_or_else(|| {
            self.malformed("the command needs an id, so that a repeat of it is harmless")
        })
    }

    /// The actor's number and person; an action of a person needs one.
    pub(super) fn needs_actor(&self) -> Result<(ActorIx, PersonIx), Reason> {
        let found = self
            .actor
            .and_then(|ix| Some((ix, self.state.registry.actors.get(ix.place())?.person)));
        found.ok_or_else(|| match self.actor_name {
            Some(name) => Reason::UnknownActor {
                actor: String::from(name),
            },
            None => self.malformed("the command needs an actor"),
        })
    }

    /// The actor has, now, one of the roles that the class of action needs.
    pub(super) fn needs_role(&mut self, class: ActionClass) -> Result<(ActorIx, PersonIx), Reason> {
        let (ix, person) = self.needs_actor()?;
        if let Some(stop) = self.state.authority.suspended.get(&person) {
            return Err(Reason::Suspended { since: stop.since });
        }
        let roles = self.policy().roles(class);
        let Some(actor) = self.state.registry.actors.get(ix.place()) else {
            return Err(self.malformed("the command needs an actor"));
        };
        if let Some(ended) = actor.expires.filter(|ended| *ended <= self.at) {
            self.alarm(AlarmCode::RoleStale, &actor.id);
            return Err(Reason::RoleExpired { ended });
        }
        if !actor.roles.iter().any(|role| roles.contains(role)) {
            return Err(Reason::RoleMissing {
                needs: roles.join("|"),
            });
        }
        Ok((ix, person))
    }

    /// The halt that stops what touches this, if one does.
    pub(super) fn not_halted(&self, touch: Touch) -> Result<(), Reason> {
        match self.state.breaker.halts(touch) {
            Some(scope) => Err(Reason::Halted {
                scope: scope_name(self.state, scope),
            }),
            None => Ok(()),
        }
    }

    /// Records a movement that is checked to fit.
    pub(super) fn movement(
        &mut self,
        from: OwnerIx,
        to: OwnerIx,
        amount: Amount,
        kind: MovementKind,
        reference: &str,
    ) -> Result<(), Reason> {
        let event = self.moving(from, to, amount, kind, reference)?;
        self.emit(event);
        Ok(())
    }

    /// A movement that leaves every total within 128 bits, the turn's other movements counted.
    pub(super) fn moving(
        &mut self,
        from: OwnerIx,
        to: OwnerIx,
        amount: Amount,
        kind: MovementKind,
        reference: &str,
    ) -> Result<Event, Reason> {
        let asset = amount.asset();
        let before = self.moved.get(&asset).copied().unwrap_or(0);
        let together = before.checked_add(amount.units());
        let fits =
            together.is_some_and(|units| self.state.book.fits(from, to, Amount::new(asset, units)));
        let (Some(together), true) = (together, fits) else {
            return Err(Reason::InvalidAmount {
                asked: amount.units(),
            });
        };
        self.moved.insert(asset, together);
        Ok(Event::MovementRecorded(Movement {
            from,
            to,
            amount,
            kind,
            reference: String::from(reference),
        }))
    }

    /// Raises an alarm that opens no case.
    pub(super) fn alarm(&mut self, code: AlarmCode, subject: &str) {
        self.emit(Event::AlarmRaised {
            code,
            subject: String::from(subject),
        });
    }

    /// Raises an alarm that belongs to a case: the open one with that cause, or a new one. Returns the case's place.
    pub(super) fn alarm_of_case(&mut self, code: AlarmCode, subject: &str, cause: &Cause) -> u32 {
        self.alarm(code, subject);
        let number = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        if let Some(place) = self.state.incidents.open_for(cause) {
            return number(place);
        }
        let next = self.state.incidents.cases.len();
        if let Some(at) = self.opened.iter().position(|opened| opened == cause) {
            return number(next.saturating_add(at));
        }
        let place = number(next.saturating_add(self.opened.len()));
        self.open_case(cause.clone(), place, None);
        place
    }

    /// Opens the next case, with its first awareness and the clocks that start with it.
    pub(super) fn open_case(&mut self, cause: Cause, place: u32, by: Option<ActorIx>) {
        let opened_by = String::from(self.id.unwrap_or(""));
        self.opened.push(cause.clone());
        let name = incident_id(usize::try_from(place).unwrap_or(usize::MAX));
        self.created.get_or_insert(name);
        self.emit(Event::IncidentOpened { cause, opened_by });
        self.emit(Event::AwarenessNamed {
            incident: place,
            by,
        });
        let at = self.at;
        self.start_clocks(place, |start| match start {
            Start::Awareness(limit) => Some(clock::due(limit, at)),
            Start::ClassificationCapped { cap_ms, .. } => Some(at.checked_add(*cap_ms)),
            _ => None,
        });
    }

    /// Starts a clock for each duty that holds now and for which `due` gives a due time (`Some(None)`: no number).
    pub(super) fn start_clocks(
        &mut self,
        incident: u32,
        due: impl Fn(&Start) -> Option<Option<u64>>,
    ) {
        let (state, started) = (self.state, self.at);
        for (number, duty) in state
            .incidents
            .duties
            .iter()
            .enumerate()
            .filter(|(_, d)| d.holds(started))
        {
            if let Some(due) = due(&duty.start) {
                let duty = u32::try_from(number).unwrap_or(u32::MAX);
                self.emit(Event::ClockStarted {
                    incident,
                    duty,
                    started,
                    due,
                });
            }
        }
    }

    /// Trips a scope, once; a tripped wallet is swept where the policy says to. The first halt of a case starts the
    /// duties that a block brings. What a person stopped before is tripped all the same: it takes the alarm's quorum to
    /// resume it. Where the policy does not arm the breaker, it is only recorded that it would trip.
    pub(super) fn trip(&mut self, scope: Scope, cause: &str, incident: Option<u32>) {
        let by_person = self.policy().trips() && self.state.authority.stops.contains_key(&scope);
        let halted = self.state.breaker.tripped.contains_key(&scope) && !by_person;
        if halted || self.tripped.contains(&scope) {
            return;
        }
        self.tripped.push(scope);
        let cause = String::from(cause);
        if !self.policy().trips() {
            if !self.state.breaker.is_shadowed(scope) {
                self.emit(Event::TripShadowed { scope, cause });
            }
            return;
        }
        self.emit(Event::BreakerTripped { scope, cause });
        if let Some(incident) = incident {
            self.start_block_clocks(incident);
        }
        if let (Scope::Wallet(from), Some(to)) = (scope, self.policy().sweep_to)
            && from != to
        {
            self.emit(Event::SweepOrdered { from, to });
        }
    }

    /// True if the scope is halted, or would be in an armed breaker.
    pub(super) fn would_halt(&self, scope: Scope) -> bool {
        let breaker = &self.state.breaker;
        breaker.tripped.contains_key(&scope)
            || breaker.is_shadowed(scope)
            || self.tripped.contains(&scope)
    }

    /// Starts the duties that the first halt of a case brings; later halts of the same case start none.
    pub(super) fn start_block_clocks(&mut self, incident: u32) {
        let duties = &self.state.incidents.duties;
        let blocks = |duty: u32| {
            let duty = usize::try_from(duty).ok().and_then(|at| duties.get(at));
            duty.is_some_and(|duty| matches!(duty.start, Start::Block(_)))
        };
        let case = usize::try_from(incident)
            .ok()
            .and_then(|place| self.state.incidents.cases.get(place));
        let runs = case.is_some_and(|case| case.clocks.iter().any(|clock| blocks(clock.duty)))
            || self.events.iter().any(|event| {
                matches!(event, Event::ClockStarted { incident: of, duty, .. } if *of == incident && blocks(*duty))
            });
        if runs {
            return;
        }
        let at = self.at;
        self.start_clocks(incident, |start| match start {
            Start::Block(limit) => Some(clock::due(limit, at)),
            _ => None,
        });
    }

    /// Recognises a loss event of a case; the house's own part is written off at once.
    pub(super) fn lose(&mut self, incident: u32, amount: Amount) -> Result<(), Reason> {
        let (asset, units) = (amount.asset(), amount.units());
        let state = self.state;
        let place = usize::try_from(incident).unwrap_or(usize::MAX);
        let known = state
            .incidents
            .cases
            .get(place)
            .and_then(|case| case.losses.get(&asset));
        let borne = self.borne.get(&asset).copied().unwrap_or(0);
        let balance = state.book.balance(HOUSE, asset).saturating_sub(borne);
        let order = self.policy().loss_order;
        let house = house_part(known, units, order, balance, state, asset);
        self.emit(Event::LossRecognised {
            incident,
            asset,
            units,
            house,
        });
        if house > 0 {
            let part = Amount::new(asset, house);
            let event = self.moving(HOUSE, OUTSIDE, part, MovementKind::WrittenOff, "")?;
            self.late.push(event);
            self.borne.insert(asset, borne.saturating_add(house));
        }
        Ok(())
    }
}
