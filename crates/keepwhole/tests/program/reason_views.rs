//! Every reason has its sentence, with units and separators, in both languages.

use crate::guard_views::opened;
use keepwhole::text::Lang;
use keepwhole::views::{reason_codes, reason_line};
use keepwhole_core::reason::Reason;
use keepwhole_core::registry::AssetIx;
use std::collections::BTreeSet;

/// A reason and what is said of it in English.
type Said = (fn() -> Reason, &'static str);

const SAID: &[Said] = &[
    (
        || Reason::RuleHolds {
            rule: "gone".to_owned(),
            figure: "customer_age".to_owned(),
            value: 7_200_000,
            limit: 259_200_000,
            until: None,
        },
        "Rule gone of the policy holds it: time since the customer was registered 2 h, bound 3 d (`rule_holds`)",
    ),
    (
        || Reason::RuleDenies {
            rule: "gone".to_owned(),
            figure: "window_amount".to_owned(),
            value: 1_500_000_000_000,
            limit: 1_000_000_000_000,
        },
        "Rule gone of the policy denies it: amount within a window of time 1,500 SOL, bound 1,000 SOL (`rule_denies`)",
    ),
    (
        || Reason::RuleHolds {
            rule: "gone".to_owned(),
            figure: "destination_listed".to_owned(),
            value: 0,
            limit: 0,
            until: None,
        },
        "Rule gone of the policy holds it. (`rule_holds`)",
    ),
    (
        || Reason::FigureUnknown {
            rule: "r".to_owned(),
            figure: "price_move_bps".to_owned(),
            why: "no_earlier_price".to_owned(),
        },
        "A figure that rule r looks at can't be told: move of the price since the one before, there is no earlier price (`figure_unknown`)",
    ),
    (
        || Reason::QuorumShort {
            class: "roster_change".to_owned(),
            valid: 1,
            needs: 3,
            missing: "security|executive".to_owned(),
        },
        "1 persons of 3 needed stand behind it (class people, roles, passkeys and these rules); nobody yet for: security, executive (`quorum_short`)",
    ),
    (
        || Reason::Row {
            row: 3,
            reason: Box::new(Reason::UnknownCustomer {
                customer: "a \"b\", c: { d }".to_owned(),
            }),
        },
        "Row 3 of the batch (from 0) stands in the way of all: No such customer is registered: a \"b\", c: { d } (`row`)",
    ),
    (
        || Reason::CapReached {
            window_ms: 86_400_000,
            used: 1,
            asked: 2_000_000_000_000,
            cap: 1_000_000_000,
        },
        "0.000000001 SOL left in the last 24 h; with the 2,000 SOL asked that is above the cap of 1 SOL. (`cap_reached`)",
    ),
];

#[test]
fn reasons_are_said_with_units_and_separators_in_both_languages() {
    let world = opened();
    let state = world.sequencer.state();
    for (reason, said) in SAID {
        let reason = reason();
        assert_eq!(
            reason_line(state, Some(AssetIx(0)), &reason, Lang::En),
            *said
        );
        let korean = reason_line(state, Some(AssetIx(0)), &reason, Lang::Ko);
        assert!(!korean.is_ascii() && !korean.contains('⟦'), "{korean}");
    }
}

#[test]
fn every_reason_has_its_sentence_in_both_languages() {
    let told: BTreeSet<&str> = reason_codes().into_iter().collect();
    let missing: Vec<_> = Reason::CODES
        .iter()
        .filter(|code| !told.contains(**code))
        .collect();
    assert!(
        missing.is_empty(),
        "no sentence for {missing:?}: views/reason.rs and locales/*/reason.ftl"
    );
    assert_eq!(told.len(), reason_codes().len(), "a code stands twice");
}
