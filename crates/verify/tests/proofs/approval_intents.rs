//! What a signer asks of approvals by its own pins: limits, quorums, the separate client, and keys that have ended.

use keepwhole_verify::approval::{ApprovalsFile, Pinned, Quorum, Unapproved, check_intent, quorum};
use keepwhole_verify::clearance::{EndFault, Life, check_end};
use keepwhole_verify::intent::Intent;
use keepwhole_verify::roster::Roster;

use crate::approvals::{good, sites};
use crate::authenticator::{Draft, ORIGIN, PROPOSED_AT, RP_ID, devices, draft, intent, roster};

const CLIENT: &str = "approver.example";
const CLIENT_ORIGIN: &str = "https://approver.example";

/// What the tests change.
struct Reader {
    people: Roster,
    quorum: Option<Quorum>,
    client_quorum: Option<Quorum>,
    rp_ids: Vec<String>,
    client_rp_id: Option<&'static str>,
    origins: Vec<String>,
    automatic_limit: u128,
    client_limit: u128,
}

impl Reader {
    /// Two people of two roles above one unit below the intent's amount, the client above its amount.
    fn new() -> Self {
        let [mut rp_ids, mut origins] = sites();
        rp_ids.push(CLIENT.to_owned());
        origins.push(CLIENT_ORIGIN.to_owned());
        let mut people = roster();
        for person in &mut people.people {
            person.credentials[0].until = None;
        }
        let two = quorum(2, &["risk", "treasury"]).ok();
        Self {
            people,
            quorum: two.clone(),
            client_quorum: two,
            rp_ids,
            client_rp_id: Some(CLIENT),
            origins,
            automatic_limit: intent().amount - 1,
            client_limit: intent().amount,
        }
    }

    fn says_of(&self, intent: &Intent, file: Option<&ApprovalsFile>, after: u64) -> &'static str {
        let pinned = Pinned {
            automatic_limit: self.automatic_limit,
            client_limit: self.client_limit,
            people: &self.people,
            quorum: self.quorum.as_ref(),
            client_quorum: self.client_quorum.as_ref(),
            rp_ids: &self.rp_ids,
            client_rp_id: self.client_rp_id,
            origins: &self.origins,
            approval_ttl: 3_600,
        };
        let answer = check_intent(intent, file, &pinned, PROPOSED_AT + after);
        if let Err(why) = &answer {
            assert!(!why.to_string().is_empty());
        }
        match answer {
            Ok(None) => "nobody is asked",
            Ok(Some(_)) => "approved",
            Err(Unapproved::QuorumUnset { client: false }) => "no quorum",
            Err(Unapproved::QuorumUnset { client: true }) => "no client quorum",
            Err(Unapproved::Missing { .. }) => "missing",
            Err(Unapproved::OtherIntent { .. }) => "other intent",
            Err(Unapproved::Refused(refusal)) => refusal.cause.name(),
            Err(Unapproved::ClientRequired { .. }) => "client required",
        }
    }

    fn says(&self, file: Option<&ApprovalsFile>) -> &'static str {
        self.says_of(&intent(), file, 200)
    }
}

/// By `ana` and `bo`, each at the site that is told.
fn at(sites: [&'static str; 2]) -> ApprovalsFile {
    let [ana, bo, ..] = devices();
    let drafts = [draft(&ana, "risk", 60), draft(&bo, "treasury", 120)];
    let with = |(draft, rp_id): (Draft, &'static str)| Draft {
        rp_id,
        origin: if rp_id == CLIENT {
            CLIENT_ORIGIN
        } else {
            ORIGIN
        },
        ..draft
    };
    let drafts: Vec<Draft> = drafts.into_iter().zip(sites).map(with).collect();
    good(&drafts)
}

#[test]
fn limits_quorums_and_the_separate_client() {
    let (page, client, mixed) = (at([RP_ID; 2]), at([CLIENT; 2]), at([CLIENT, RP_ID]));
    let amount = intent().amount;
    let below = |automatic_limit, client_limit| Reader {
        automatic_limit,
        client_limit,
        ..Reader::new()
    };
    let cases: Vec<(&str, Reader, Option<&ApprovalsFile>, &str)> = vec![
        (
            "at the limit",
            below(amount, amount),
            None,
            "nobody is asked",
        ),
        (
            "at the limit, with approvals that nobody reads",
            below(amount, 0),
            Some(&page),
            "nobody is asked",
        ),
        ("above it, without any", Reader::new(), None, "missing"),
        ("above it", Reader::new(), Some(&page), "approved"),
        (
            "above it, in the client",
            Reader::new(),
            Some(&client),
            "approved",
        ),
        (
            "above the client limit, on the page",
            below(0, amount - 1),
            Some(&page),
            "client required",
        ),
        (
            "above the client limit, one of both on the page",
            below(0, amount - 1),
            Some(&mixed),
            "client required",
        ),
        (
            "above the client limit, in the client",
            below(0, amount - 1),
            Some(&client),
            "approved",
        ),
        (
            "above the client limit, where no client is pinned",
            Reader {
                client_rp_id: None,
                ..below(0, amount - 1)
            },
            Some(&client),
            "client required",
        ),
        (
            "a client that is none of the sites",
            Reader {
                rp_ids: vec![RP_ID.to_owned()],
                ..below(0, amount - 1)
            },
            Some(&client),
            "rp_id",
        ),
        (
            "no quorum",
            Reader {
                quorum: None,
                ..Reader::new()
            },
            Some(&page),
            "no quorum",
        ),
        (
            "no quorum, and no approvals",
            Reader {
                quorum: None,
                ..Reader::new()
            },
            None,
            "no quorum",
        ),
        (
            "no quorum above the client limit",
            Reader {
                client_quorum: None,
                ..below(0, amount - 1)
            },
            Some(&client),
            "no client quorum",
        ),
        (
            "a quorum above the client limit that asks for more than the file does",
            Reader {
                client_quorum: quorum(3, &["risk", "treasury"]).ok(),
                ..below(0, amount - 1)
            },
            Some(&client),
            "quorum_below_least",
        ),
        (
            "nobody who is pinned",
            Reader {
                people: Roster {
                    people: Vec::new(),
                    ..roster()
                },
                ..Reader::new()
            },
            Some(&page),
            "credential_unknown",
        ),
    ];
    for (what, reader, file, wanted) in cases {
        assert_eq!(reader.says(file), wanted, "{what}");
    }
}

#[test]
fn approvals_are_of_exactly_this_intent_and_of_this_hour() {
    let (reader, file) = (Reader::new(), at([RP_ID; 2]));
    type Change = fn(&mut Intent);
    let changes: [Change; 8] = [
        |intent| intent.amount += 1,
        |intent| intent.asset = "eip155:1/slip44:61".to_owned(),
        |intent| intent.dest = "0x00000000219ab540356cbb839cbe05303d7705fb".to_owned(),
        |intent| intent.expires += 1,
        |intent| intent.id = "w-2".to_owned(),
        |intent| intent.max_fee += 1,
        |intent| intent.memo = "7".to_owned(),
        |intent| intent.wallet = "hot-2".to_owned(),
    ];
    for change in changes {
        let mut other = intent();
        change(&mut other);
        assert_eq!(
            reader.says_of(&other, Some(&file), 200),
            "other intent",
            "{other:?}"
        );
    }
    // Received at 80 and 140 seconds after the proposal; each holds for an hour.
    for (after, wanted) in [
        (139, "received_in_future"),
        (140, "approved"),
        (3_679, "approved"),
        (3_680, "too_few_people"),
    ] {
        assert_eq!(
            reader.says_of(&intent(), Some(&file), after),
            wanted,
            "{after}"
        );
    }
}

/// The host says when it was asked. A key that was taken away counted then, and must not count by that word.
#[test]
fn a_key_that_has_ended_counts_for_no_index() {
    let mut reader = Reader::new();
    assert_eq!(reader.says(Some(&at([RP_ID; 2]))), "approved");
    reader.people.people[0].credentials[0].until = Some(900);
    for index in [100, 899, 900, 5_000] {
        let file = ApprovalsFile {
            index,
            ..at([RP_ID; 2])
        };
        assert_eq!(reader.says(Some(&file)), "credential_inactive", "{index}");
    }
}

#[test]
fn an_end_lies_ahead_and_not_too_far() {
    let life = Life {
        longest: 600,
        tolerance: 5,
    };
    let over = |expires| {
        Err(EndFault::Over {
            expires,
            now: 1_000,
        })
    };
    let too_far = |expires| {
        Err(EndFault::TooFar {
            expires,
            latest: 1_605,
        })
    };
    for (expires, wanted) in [
        (0, over(0)),
        (1_000, over(1_000)),
        (1_001, Ok(())),
        (1_605, Ok(())),
        (1_606, too_far(1_606)),
        (u64::MAX, too_far(u64::MAX)),
    ] {
        assert_eq!(check_end(expires, 1_000, life), wanted, "{expires}");
    }
    // At the end of time nothing is stretched: no end is after it.
    assert_eq!(
        check_end(u64::MAX, u64::MAX, life),
        Err(EndFault::Over {
            expires: u64::MAX,
            now: u64::MAX
        })
    );
}
