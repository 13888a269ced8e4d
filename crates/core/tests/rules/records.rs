//! Stored forms: every event reads back as it was written, and nothing else is read.

use crate::exchange::{BTC, HOT, START, duties, policy};
use keepwhole_core::amount::Amount;
use keepwhole_core::answer::Answer;
use keepwhole_core::book::{Movement, MovementKind};
use keepwhole_core::breaker::Scope;
use keepwhole_core::custody::{Direction, Explained, Flow, NodeHealth, Report};
use keepwhole_core::door::{Door, DoorEvent, TurnedAway};
use keepwhole_core::event::{AuthorityEvent, Event, Judged, Record, RecordError};
use keepwhole_core::guard::clearance::{Contract, RegisteredSafe, Terms};
use keepwhole_core::guard::dead::{Dead, Evidence};
use keepwhole_core::guard::{Approval, Ask, Change, CreditLine, Proposal, Standing};
use keepwhole_core::incident::{AlarmCode, Cause, Fact, Freeze};
use keepwhole_core::log_keys::DeclaredKeys;
use keepwhole_core::policy::figures::Seen;
use keepwhole_core::price::{OldPrice, PriceEvent, ToldPrice};
use keepwhole_core::reason::Reason;
use keepwhole_core::redress::{Claim, ClaimBasis, ClaimStanding, PriceDifference};
use keepwhole_core::registry::{ActorIx, Asset, OwnerIx, PersonIx, Tier, Wallet};
use keepwhole_core::state::Deposit;
use keepwhole_core::subject::SubjectAction;
use keepwhole_core::transfer::{Transfer, TransferId};
use std::collections::BTreeSet;

/// One of each kind of event, with text, numbers at the edge and nested parts.
fn one_of_each() -> Vec<Event> {
    let (request, incident, clock, proposal, flow) = (0, 1, 2, 3, u32::MAX);
    let report = Report {
        node: "n1".into(),
        units: u128::MAX,
        height: u64::MAX,
    };
    let person = PersonIx(4);
    let reason = Reason::CapReached {
        window_ms: 1,
        used: 2,
        asked: 3,
        cap: u128::MAX,
    };
    let text = || String::from("겨울 ❄ text");
    let (asset, units) = (BTC, u128::MAX);
    let contract = || Contract {
        network: text(),
        address: text(),
    };
    vec![
        Event::AssetRegistered(Asset {
            id: text(),
            decimals: 8,
            network: Some(text()),
            confirmations: 3,
        }),
        Event::OwnerRegistered(text()),
        Event::WalletRegistered(Wallet {
            id: text(),
            tier: Tier::Cold,
            address: text(),
        }),
        Event::ActorEnrolled {
            id: text(),
            person: text(),
            roles: vec![text(), text()],
            expires: Some(START),
        },
        Event::HoldingDeclared {
            wallet: HOT,
            asset,
            units,
        },
        Event::PolicyAdopted(Box::new(policy())),
        Event::DutyAdopted(duties().remove(3)),
        Event::RuleAdopted(Box::new(
            crate::law::files::rule("kr-vaupa-reserve").clone(),
        )),
        Event::LawAdopted {
            digest: [9; 32],
            count: 7,
        },
        Event::MovementRecorded(Movement {
            from: OwnerIx(1),
            to: OwnerIx(u32::MAX),
            amount: Amount::new(asset, units),
            kind: MovementKind::TakenBack,
            reference: text(),
        }),
        Event::TransferRecorded(Transfer {
            id: TransferId::new(&text()).unwrap(),
            from: OwnerIx(1),
            to: OwnerIx(u32::MAX),
            asset,
            kind: MovementKind::Transfer,
            units,
            effective: START,
        }),
        Event::FlowSeen(Flow {
            wallet: HOT,
            direction: Direction::Out,
            amount: Amount::new(asset, 1),
            txid: text(),
            peer: text(),
            at: START,
            reports: vec![report.clone()],
            counted: true,
            explained: Explained::Clearance(7),
        }),
        Event::FlowReported { flow, report },
        Event::InflowConfirmed { flow },
        Event::OutflowExplained {
            flow,
            explained: Explained::Sweep,
        },
        Event::TipMoved {
            node: text(),
            height: 5,
        },
        Event::NodeSeen {
            node: text(),
            health: NodeHealth::Lagging { lag_ms: 5 },
        },
        Event::FlowWithdrawn { flow, node: text() },
        Event::DepositRecorded(Deposit {
            id: text(),
            owner: OwnerIx(2),
            asset,
            units,
            txid: text(),
            wallet: HOT,
            standing: Answer::Held(Reason::NodesDisagree),
        }),
        Event::DepositDecided {
            deposit: 1,
            standing: Answer::Cleared,
        },
        Event::SweepOrdered { from: HOT, to: HOT },
        Event::KeyRetired { wallet: HOT },
        Event::AlarmRaised {
            code: AlarmCode::PriceBad,
            subject: text(),
        },
        Event::BreakerTripped {
            scope: Scope::Asset(asset),
            cause: text(),
        },
        Event::BreakerReset { scope: Scope::All },
        Event::TripShadowed {
            scope: Scope::Wallet(HOT),
            cause: text(),
        },
        Event::RequestMade {
            id: text(),
            ask: Ask::Credit {
                reason: text(),
                budget: text(),
                lines: vec![CreditLine {
                    owner: OwnerIx(2),
                    asset,
                    units,
                }],
            },
            actor: Some(ActorIx(1)),
            needs: 2,
        },
        Event::RequestHeld {
            request,
            reason: reason.clone(),
        },
        Event::RequestDenied { request, reason },
        Event::RequestCleared {
            request,
            until: None,
            before: units,
        },
        Event::ApprovalGiven {
            request,
            approval: Approval {
                person,
                at: START,
                nonce: text(),
            },
        },
        Event::ClearanceRedeemed {
            request,
            payload: [1; 32],
        },
        Event::ClearanceLapsed { request },
        Event::RequestJudged(Box::new(Judged {
            request,
            version: 1,
            figures: vec![(0, Seen::Number(units)), (3, Seen::Flag(true))],
            matched: vec![2],
            needs: 2,
            roles: vec![text()],
            delay_ms: 1,
            until: Some(START),
        })),
        Event::Authority(AuthorityEvent::StopBegun {
            scope: Scope::Wallet(HOT),
            proposal,
            by: person,
        }),
        Event::IntentBound {
            request,
            terms: Terms {
                memo: text(),
                max_fee: units,
                expires: START,
            },
        },
        Event::ClearanceIssued {
            request,
            attempt: 1,
            text: text(),
            digest: [1; 32],
            signing_digest: [2; 32],
            conflict_key: text(),
            until: START,
        },
        Event::IssuedRedeemed {
            request,
            clearance: [1; 32],
            signer: text(),
        },
        Event::AssetNamed {
            asset,
            caip19: text(),
        },
        Event::KeyNamed {
            wallet: HOT,
            key: text(),
            network: text(),
        },
        Event::SafeRegistered(Box::new(RegisteredSafe {
            wallet: HOT,
            at: contract(),
            version: text(),
        })),
        Event::BatchCodeRegistered(contract()),
        Event::ClearancesDead(Box::new(Dead {
            request,
            conflict_key: text(),
            network: text(),
            evidence: Evidence::Spent { txid: text() },
        })),
        Event::ChangeProposed(Box::new(Proposal {
            id: text(),
            change: Change::AdoptPolicy(Box::new(policy())),
            persons: vec![person],
            last_approval: START,
            standing: Standing::Held(Reason::CoolOff { until: START }),
        })),
        Event::ChangeApproved { proposal, person },
        Event::ChangeWaits {
            proposal,
            until: START,
        },
        Event::ChangeInForce { proposal },
        Event::ChangeCancelled { proposal, person },
        Event::ChangeOvertaken { proposal },
        Event::DestinationListed { address: text() },
        Event::RolesRevoked { actor: ActorIx(1) },
        Event::RoleGranted {
            actor: text(),
            role: text(),
            expires: None,
        },
        Event::RecordRead {
            person,
            owner: OwnerIx(2),
            purpose: text(),
        },
        Event::PriceRecorded(OldPrice {
            base: asset,
            quote: asset,
            price: units,
            source: text(),
        }),
        Event::OfPrice(PriceEvent::Suspected {
            told: ToldPrice {
                base: asset,
                quote: asset,
                price: units,
                as_of: START,
                source: text(),
            },
            last: u128::MAX,
            band_bps: u16::MAX,
        }),
        Event::IncidentOpened {
            cause: Cause::Signing(HOT),
            opened_by: text(),
        },
        Event::AwarenessNamed { incident, by: None },
        Event::IncidentClassified {
            incident,
            by: ActorIx(0),
            level: text(),
        },
        Event::FactRecorded {
            incident,
            fact: Fact {
                at: START,
                occurred: 0,
                text: text(),
                source: String::new(),
                material: true,
            },
        },
        Event::ClockStarted {
            incident,
            duty: 0,
            started: START,
            due: None,
        },
        Event::ClockShortened {
            incident,
            clock,
            due: START,
        },
        Event::ClockWarned { incident, clock },
        Event::ClockMissed { incident, clock },
        Event::NotificationRecorded {
            incident,
            clock,
            receipt: text(),
            by: None,
        },
        Event::FreezeRecorded {
            incident,
            freeze: Freeze {
                at: START,
                by: text(),
                asset: None,
                units: None,
                value: Some(units),
                source: text(),
            },
        },
        Event::LossRecognised {
            incident,
            asset,
            units,
            house: 1,
        },
        Event::RecoveryRecorded {
            incident,
            asset,
            units,
        },
        Event::PoolReplenished {
            incident,
            asset,
            units,
        },
        Event::ClaimLodged(Box::new(Claim {
            id: text(),
            owner: OwnerIx(2),
            incident,
            asset,
            claimed: units,
            basis: ClaimBasis::Price(PriceDifference {
                base: asset,
                qty: 1,
                wanted: 2,
            }),
            payable: 1,
            decided: ClaimStanding::InPart(Reason::ExceedsLoss {
                claimed: 2,
                payable: 1,
            }),
            standing: ClaimStanding::Paid(START, 1),
        })),
        Event::ClaimPaid {
            claim: 0,
            units,
            custody: true,
        },
        Event::ClockJumped { by_ms: i64::MIN },
        Event::DowntimeSeen { since: START },
        Event::Answered {
            id: Some(text()),
            content: [3; 32],
            actor: None,
            kind: 39,
            answer: Answer::Refused(Reason::UnknownAsset { asset: text() }),
        },
        Event::AnswerRepeated { id: text() },
        Event::PersonalRecordKept {
            subject: [1; 16],
            record: [255; 16],
            commit: [7; 32],
        },
        Event::SubjectRead {
            person,
            subject: [1; 16],
            record: [0; 16],
            purpose: text(),
            fields: vec![text(), text()],
        },
        Event::RelationEnded {
            subject: [1; 16],
            ended: START,
        },
        Event::SubjectActionAsked {
            subject: [1; 16],
            action: SubjectAction::ReleaseHold { reason: text() },
            person,
        },
        Event::SubjectErased {
            subject: [1; 16],
            ground: text(),
            approvals: vec![person, PersonIx(0)],
        },
        Event::LegalHoldSet {
            subject: [1; 16],
            reason: text(),
            approvals: vec![person, PersonIx(0)],
        },
        Event::LegalHoldReleased {
            subject: [1; 16],
            reason: text(),
            approvals: vec![person, PersonIx(0)],
        },
        Event::KeyStoreRecorded {
            generation: u64::MAX,
            key: 1,
        },
        Event::KeyStoreRestored {
            expected: u64::MAX,
            found: 0,
        },
        Event::LogKeysDeclared(DeclaredKeys {
            log: text(),
            root: text(),
        }),
        Event::LogKeyRotated(vec![7; 300]),
        Event::AtDoor(DoorEvent::TurnedAway(TurnedAway {
            door: Door::Console,
            code: text(),
            who: text(),
            count: u64::MAX,
            since: START,
        })),
        Event::RedressSetPublished {
            entry: vec![0, 255],
        },
    ]
}

/// The tag under which an event is stored: after version, time and turn.
fn tag(bytes: &[u8]) -> u8 {
    bytes[1 + 8 + 8]
}

#[test]
fn every_event_reads_back_and_only_whole() {
    for event in one_of_each() {
        let record = Record::new(u64::MAX, 7, event);
        let bytes = record.encode().unwrap();
        assert_eq!(Record::decode(&bytes), Ok(record.clone()));
        let longer = [bytes.as_slice(), &[0]].concat();
        assert_eq!(
            Record::decode(&longer),
            Err(RecordError::NotARecord),
            "a byte more: {record:?}"
        );
        for end in 0..bytes.len() {
            assert_eq!(
                Record::decode(&bytes[..end]),
                Err(RecordError::NotARecord),
                "{end} bytes of {record:?}"
            );
        }
        let mut newer = bytes.clone();
        newer[0] = 2;
        assert_eq!(
            Record::decode(&newer),
            Err(RecordError::UnknownVersion { version: 2 })
        );
    }
}

/// A changed byte may be another record, but it is never read as the same one, and never is read loosely.
#[test]
fn a_changed_byte_is_another_record_or_none() {
    for event in one_of_each() {
        let bytes = Record::new(START, 7, event).encode().unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            if let Ok(record) = Record::decode(&changed) {
                assert_eq!(record.encode().unwrap(), changed, "one form only");
            }
        }
    }
}

#[test]
fn unknown_tags_are_not_records() {
    let known: BTreeSet<u8> = one_of_each()
        .into_iter()
        .map(|event| tag(&Record::new(0, 0, event).encode().unwrap()))
        .collect();
    for tag in 0..=u8::MAX {
        if known.contains(&tag) {
            continue;
        }
        let bytes = [&[1][..], &[0; 16], &[tag], &[0; 400]].concat();
        assert_eq!(
            Record::decode(&bytes),
            Err(RecordError::NotARecord),
            "tag {tag} has no sample here"
        );
    }
}

/// `docs/events.md` has one row per event, with its number; each is in the list above.
#[test]
fn the_catalogue_has_every_event_with_its_number() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/events.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let number: u8 = cells.next()?.parse().ok()?;
        Some((number, cells.next()?.trim_matches('`').to_owned()))
    });
    let catalogue: Vec<(u8, String)> = rows.collect();
    let samples: Vec<(u8, String)> = one_of_each()
        .into_iter()
        .map(|event| {
            let name = format!("{event:?}");
            let end = name.find([' ', '(', '{']).unwrap_or(name.len());
            (
                tag(&Record::new(0, 0, event).encode().unwrap()),
                name[..end].to_owned(),
            )
        })
        .collect();
    let sorted = |mut list: Vec<(u8, String)>| {
        list.sort();
        list
    };
    assert_eq!(sorted(catalogue), sorted(samples));
}

#[test]
fn an_event_that_no_leaf_holds_is_not_encoded() {
    let event = |bytes| Event::RedressSetPublished {
        entry: vec![0; bytes],
    };
    let around = Record::new(0, 0, event(0)).encode().unwrap().len();
    assert!(Record::new(0, 0, event(65_535 - around)).encode().is_ok());
    assert!(Record::new(0, 0, event(65_536 - around)).encode().is_err());
}
