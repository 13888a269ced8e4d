//! Everything on the main host is the thief's: the keys of guard and log, certificates and tokens. He signs any clearance,
//! any roster, any redemption, any head. He has neither the signer's host, nor a witness's key, nor a person's authenticator.
//! Each attack stands with its outcome in docs/signer.md.

use crate::assertions::{self, CLIENT, PAGE, Person, person};
use crate::world::{
    AUTOMATIC, AUTOMATIC_DAY, AUTOMATIC_HOUR, CLIENT_LIMIT, Case, ETH, FEE, Mood, USDT, World,
    token_transfer, transaction,
};
use keepwhole_payload::evm::Address;
use keepwhole_payload::evm::transaction::Transaction;
use keepwhole_signer::{Permit, Redeemed, Refusal};
use keepwhole_verify::Digest;
use keepwhole_verify::approval::{ApprovalsFile, Decision};
use keepwhole_verify::clearance::PayloadKind;
use keepwhole_verify::intent::Intent;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// What people approved for a customer, and what was paid.
const HONEST: u128 = 40_000_000;
/// What the thief would like.
const MUCH: u128 = 30_000_000;
const LOOT: Address = Address([0xee; 20]);

struct Thief {
    world: World,
    /// The honest withdrawal, its approvals included: he reads everything.
    honest: Case,
    /// What he got: when, asset, minor units.
    got: Mutex<Vec<(u64, String, u128)>>,
    number: AtomicU64,
}

impl Thief {
    fn new() -> Self {
        let world = World::new();
        let honest = Case::of(
            "w-honest",
            ETH,
            HONEST,
            &transaction(7, HONEST),
            world.now(),
        );
        let honest = honest.approved(world.now(), PAGE);
        world.sign(&honest).unwrap();
        Self {
            world,
            honest,
            got: Mutex::default(),
            number: AtomicU64::new(100),
        }
    }

    fn next(&self) -> u64 {
        self.number.fetch_add(1, Ordering::SeqCst)
    }

    /// Asks for a signature and writes down what leaves, fees included.
    fn take(&self, case: &Case) -> Result<Permit, Refusal> {
        let permit = self.world.sign(case)?;
        if !permit.is_again() {
            let mut got = self.got.lock().unwrap();
            let now = self.world.now();
            got.push((now, case.intent.asset.clone(), case.intent.amount));
            got.push((now, ETH.to_owned(), permit.outcome().fee));
        }
        Ok(permit)
    }

    /// A withdrawal to himself, cleared with the stolen key.
    fn loot(&self, amount: u128) -> Case {
        let number = self.next();
        let mut bytes = transaction(number, amount);
        bytes.to = LOOT;
        self.cleared(&bytes, amount, ETH)
    }

    fn cleared(&self, bytes: &Transaction, amount: u128, asset: &str) -> Case {
        let id = format!("loot-{}", self.next());
        let case = Case::of(&id, asset, amount, bytes, self.world.now());
        case.with_intent(|intent| {
            intent.dest = LOOT.to_string();
            intent.id = id.clone();
        })
    }

    fn with_file(mut case: Case, file: &ApprovalsFile) -> Case {
        case.approvals = Some(file.to_text());
        case
    }

    /// Approvals of his own intent by keys of his own under the names of others.
    fn forged(&self, intent: &Intent) -> ApprovalsFile {
        let command = assertions::command(intent);
        let digest = command.digest();
        let now = self.world.now();
        let answer = |(id, role): (&'static str, &'static str)| {
            let own = Person {
                key: assertions::Key::es256(99),
                ..person(id)
            };
            own.answers(&digest, role, Decision::Approve, now, PAGE)
        };
        ApprovalsFile {
            approvals: [("ana", "risk"), ("bo", "treasury")].map(answer).into(),
            ..assertions::file(intent, &[], now, PAGE)
        }
    }

    /// What he got in any `seconds`, at most, of an asset.
    fn most(&self, asset: &str, seconds: u64) -> u128 {
        let got = self.got.lock().unwrap();
        let of = |end: u64| -> u128 {
            let within = |at: u64| at <= end && end - at <= seconds;
            let hit = got
                .iter()
                .filter(|(at, name, _)| name == asset && within(*at));
            hit.map(|(.., amount)| amount).sum()
        };
        got.iter().map(|(end, ..)| of(*end)).max().unwrap_or(0)
    }
}

/// What he tries, and what he gets.
type Attack = (
    &'static str,
    &'static str,
    fn(&Thief) -> Result<Permit, Refusal>,
);

const ATTACKS: &[Attack] = &[
    (
        "a large withdrawal, cleared with the stolen guard key",
        "approvals_missing",
        |thief| thief.take(&thief.loot(MUCH)),
    ),
    (
        "the same with a roster and a quorum of his own",
        "approvals_refused",
        |thief| {
            let case = thief.loot(MUCH);
            let mut file = thief.forged(&case.intent);
            file.quorum.n = 1;
            file.quorum.roles.clear();
            thief.take(&Thief::with_file(case, &file))
        },
    ),
    (
        "approvals by his own authenticator under pinned names",
        "approvals_refused",
        |thief| {
            let case = thief.loot(MUCH);
            let file = thief.forged(&case.intent);
            thief.take(&Thief::with_file(case, &file))
        },
    ),
    (
        "credentials that he enrolled on the main host",
        "approvals_refused",
        |thief| {
            let case = thief.loot(MUCH);
            let mut file = thief.forged(&case.intent);
            for approval in &mut file.approvals {
                approval.credential_id = b"enrolled by the thief".to_vec();
            }
            thief.take(&Thief::with_file(case, &file))
        },
    ),
    (
        "real approvals of a customer's withdrawal, for his own",
        "command_mismatch",
        |thief| {
            let mut case = thief.loot(MUCH);
            case.approvals = thief.honest.approvals.clone();
            thief.take(&case)
        },
    ),
    (
        "their assertions under his own command",
        "approvals_refused",
        |thief| {
            let case = thief.loot(MUCH);
            let honest = ApprovalsFile::read(thief.honest.approvals.as_ref().unwrap()).unwrap();
            let mut file = thief.forged(&case.intent);
            file.approvals = honest.approvals;
            thief.take(&Thief::with_file(case, &file))
        },
    ),
    (
        "the customer's intent with another destination in the bytes",
        "payload_mismatch",
        |thief| {
            let mut bytes = transaction(7, HONEST);
            bytes.to = LOOT;
            let case = thief.honest.clone().with_bytes(&bytes);
            thief.take(&case.with_clearance(|clearance| clearance.attempt = 2))
        },
    ),
    (
        "the customer's intent once more, at another nonce",
        "conflict_key_changed",
        |thief| {
            let case = thief.honest.clone().with_bytes(&transaction(8, HONEST));
            thief.take(&case.with_clearance(|clearance| clearance.attempt = 2))
        },
    ),
    (
        "the same after the signer was started anew",
        "conflict_key_changed",
        |thief| {
            // The memory is on disk: `stolen_host` starts the signer anew between any two attacks.
            let case = thief.honest.clone().with_bytes(&transaction(9, HONEST));
            thief.take(&case.with_clearance(|clearance| clearance.attempt = 3))
        },
    ),
    ("one approval shown twice", "approvals_refused", |thief| {
        let case = thief.loot(MUCH);
        let mut file = thief.forged(&case.intent);
        let first = file.approvals[0].clone();
        file.approvals[1] = first;
        thief.take(&Thief::with_file(case, &file))
    }),
    (
        "a falsified page that had two people approve it, above the client limit",
        "client_required",
        |thief| {
            // Here the people were fooled: the assertions are real, and only the program they were made in stops it.
            let case = thief.loot(CLIENT_LIMIT + 1);
            let now = thief.world.now();
            let voices = [("ana", "risk"), ("bo", "treasury")];
            let file = assertions::file(&case.intent, &voices, now, PAGE);
            thief.take(&Thief::with_file(case, &file))
        },
    ),
    (
        "a page that calls itself the approvers' program",
        "approvals_refused",
        |thief| {
            let case = thief.loot(CLIENT_LIMIT + 1);
            let now = thief.world.now();
            let voices = [("ana", "risk"), ("bo", "treasury")];
            // Authenticators sign for the site that asks; the thief then edits the file.
            let mut file = assertions::file(&case.intent, &voices, now, PAGE);
            let client = assertions::file(&case.intent, &voices, now, CLIENT);
            for (approval, other) in file.approvals.iter_mut().zip(client.approvals) {
                approval.assertion.authenticator_data = other.assertion.authenticator_data;
            }
            thief.take(&Thief::with_file(case, &file))
        },
    ),
    (
        "a small intent with a large sum in the bytes",
        "payload_mismatch",
        |thief| {
            let case = thief.loot(1);
            let mut bytes = transaction(200, MUCH);
            bytes.to = LOOT;
            thief.take(&case.with_bytes(&bytes))
        },
    ),
    (
        "a small sum and all the rest as fee",
        "fee_above_limit",
        |thief| {
            let mut bytes = transaction(201, 1);
            (bytes.to, bytes.max_fee) = (LOOT, 1_000_000);
            let case = thief.cleared(&bytes, 1, ETH);
            thief.take(&case.with_intent(|intent| intent.max_fee = u128::MAX))
        },
    ),
    (
        "an allowance in place of a transfer",
        "payload_mismatch",
        |thief| {
            let mut bytes = token_transfer(202, u128::MAX);
            bytes.data[..4].copy_from_slice(&[0x09, 0x5e, 0xa7, 0xb3]);
            bytes.data[16..36].copy_from_slice(&LOOT.0);
            thief.take(&thief.cleared(&bytes, 1, USDT))
        },
    ),
    ("a call that nobody can decode", "payload", |thief| {
        let mut bytes = token_transfer(203, 1);
        bytes.data[..4].copy_from_slice(&[0xde, 0xad, 0xbe, 0xef]);
        thief.take(&thief.cleared(&bytes, 1, USDT))
    }),
    ("a bare hash", "payload", |thief| {
        let mut case = thief.loot(1);
        case.payload = case.clearance.signing_digest.to_vec();
        thief.take(&case)
    }),
    ("a permit by typed data", "payload", |thief| {
        let mut case = thief.loot(1);
        case.clearance.payload_kind = PayloadKind::SafeTx;
        case.payload = br#"{"domain":{},"message":{},"primaryType":"Permit","types":{}}"#.to_vec();
        thief.take(&case)
    }),
    ("a transaction for another chain", "payload", |thief| {
        let mut bytes = transaction(204, 1);
        (bytes.to, bytes.chain_id) = (LOOT, 10);
        thief.take(&thief.cleared(&bytes, 1, ETH))
    }),
    ("an asset without caps", "asset_unknown", |thief| {
        let mut bytes = token_transfer(205, 1);
        bytes.to = Address([0x55; 20]);
        bytes.data[16..36].copy_from_slice(&LOOT.0);
        let asset = format!("eip155:1/erc20:{}", bytes.to);
        thief.take(&thief.cleared(&bytes, 1, &asset))
    }),
    (
        "a clearance that lasts a year",
        "clearance_too_long",
        |thief| {
            let case = thief.loot(1);
            thief.take(&case.with_clearance(|clearance| clearance.expires += 31_536_000))
        },
    ),
    (
        "an intent that outlives the signer's memory",
        "intent_too_long",
        |thief| {
            thief.take(
                &thief
                    .loot(1)
                    .with_intent(|intent| intent.expires += 31_536_000),
            )
        },
    ),
    ("a policy of his own", "policy_unlisted", |thief| {
        let case = thief.loot(1);
        thief.take(&case.with_clearance(|it| it.policy = Digest::from_bytes([0; 32])))
    }),
    (
        "a redemption that nobody signed",
        "redemption_foreign",
        |thief| {
            thief.world.mood(Mood::Says(Redeemed::Yes {
                redemption: "{}".to_owned(),
                signature: String::new(),
            }));
            let refused = thief.take(&thief.loot(1));
            thief.world.mood(Mood::Honest);
            refused
        },
    ),
    (
        "a second log that hides what he does, even with witnesses fooled",
        "head_inconsistent",
        |thief| {
            later(thief, 700);
            let now = Some(thief.world.now());
            thief.world.log.serve(50, 9, 5, &[now, now, now]);
            thief.take(&thief.loot(1))
        },
    ),
    (
        "a log that goes on where no witness looks",
        "head_unwitnessed",
        |thief| {
            later(thief, 700);
            thief.world.log.serve(50, 9, 10, &[None, None, None]);
            thief.take(&thief.loot(1))
        },
    ),
    (
        "cosignatures of the old log under the new one",
        "head_unsigned",
        |thief| {
            later(thief, 700);
            thief.world.log.grow(10, thief.world.now());
            let old = thief.world.log.note();
            thief.world.log.serve(50, 9, 5, &[None, None, None]);
            let head = thief.world.log.note();
            let lines = old
                .lines()
                .filter(|line| line.contains("w1.") || line.contains("w2."));
            let stolen: String = lines.map(|line| format!("{line}\n")).collect();
            thief.world.log.0.lock().unwrap().note = head + &stolen;
            thief.take(&thief.loot(1))
        },
    ),
    (
        "the log stands still, so that nobody sees",
        "head_unwitnessed",
        |thief| {
            let now = thief.world.now();
            later(thief, 700);
            thief.world.log.grow(10, now);
            thief.take(&thief.loot(1))
        },
    ),
    ("the log does not answer", "head_unavailable", |thief| {
        later(thief, 700);
        thief.world.log.set_down(true);
        let refused = thief.take(&thief.loot(1));
        thief.world.log.set_down(false);
        refused
    }),
    (
        "the signer's clock moved ahead a day, to empty its windows",
        "head_unwitnessed",
        |thief| {
            thief.world.log.grow(10, thief.world.now());
            later(thief, 86_400);
            let case = thief.loot(1);
            let refused = thief.take(&case);
            thief.world.clock.0.fetch_sub(86_400, Ordering::SeqCst);
            thief.world.pass(1);
            refused
        },
    ),
];

fn later(thief: &Thief, seconds: u64) {
    thief.world.clock.0.fetch_add(seconds, Ordering::SeqCst);
}

#[test]
fn stolen_host() {
    let page = include_str!("../../../../docs/signer.md");
    let mut thief = Thief::new();
    for (what, expected, attack) in ATTACKS {
        let outcome = attack(&thief).map_err(|refusal| refusal.name());
        let outcome = outcome.err().unwrap_or("permitted");
        assert_eq!(outcome, *expected, "{what}");
        let row = format!("| {what} | `{expected}` |");
        assert!(page.contains(&row), "docs/signer.md does not say {row}");
        thief.world.start();
        thief.world.pass(1);
    }
    assert_eq!(thief.got.lock().unwrap().len(), 0, "nothing left so far");
    drain(&mut thief);
    for (asset, seconds, cap) in [
        (ETH, 3_600, AUTOMATIC_HOUR),
        (ETH, 86_400, AUTOMATIC_DAY),
        (USDT, 3_600, AUTOMATIC_HOUR),
        (USDT, 86_400, AUTOMATIC_DAY),
    ] {
        let most = thief.most(asset, seconds);
        assert!(most <= cap, "{most} of {asset} in {seconds} s, cap {cap}");
        // He gets what the caps leave him: a cap that nobody can reach would be no test.
        assert!(
            cap - most < AUTOMATIC + FEE,
            "{most} of {asset} in {seconds} s, cap {cap}"
        );
    }
}

/// Two days of withdrawals below the automatic limit, of every size, the signer started anew every while, and then from many
/// sides at once.
fn drain(thief: &mut Thief) {
    let mut refused: BTreeMap<&str, u64> = BTreeMap::new();
    for round in 0..400_u64 {
        for amount in [AUTOMATIC, AUTOMATIC / 7 * (1 + u128::from(round % 7)), 1] {
            let token = token(thief, amount);
            for case in [thief.loot(amount), token] {
                if let Err(refusal) = thief.take(&case) {
                    *refused.entry(refusal.name()).or_default() += 1;
                }
            }
        }
        if round.is_multiple_of(50) {
            thief.world.start();
        }
        thief.world.pass(449);
    }
    assert_eq!(refused.keys().collect::<Vec<_>>(), [&"cap_reached"]);
    thief.world.pass(90_000);
    let shared = &*thief;
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..4 {
                    let _ = shared.take(&shared.loot(AUTOMATIC - FEE));
                }
            });
        }
    });
    let used = thief.world.signer().status().unwrap().assets[1].caps[0].used;
    assert_eq!(
        used, AUTOMATIC_HOUR,
        "to the unit, however many ask at once"
    );
}

fn token(thief: &Thief, amount: u128) -> Case {
    let mut bytes = token_transfer(thief.next(), amount);
    bytes.data[16..36].copy_from_slice(&LOOT.0);
    thief.cleared(&bytes, amount, USDT)
}
