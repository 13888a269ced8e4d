//! Proposes the policy of the example exchange (docs/example-exchange.md) in an installation, as an account that is given.
//!
//! Up to 1.5 ETH nobody is asked, above it two people, and what leaves in a day is worth less than 30 million won, at prices of
//! the last ten minutes. `keepwhole policy check` demands more of a policy for real use; so it is proposed here and not by
//! `keepwhole policy adopt`.

use keepwhole::installation::Installation;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::guard::Change;
use keepwhole_core::policy::field::{Field, Of, Per, Window};
use keepwhole_core::policy::rule::{Condition, Outcome, Rule, Rules, Test};
use keepwhole_core::policy::{ApprovalTier, Clear, Policy};
use keepwhole_core::registry::AssetIx;
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

const ETH: u128 = 1_000_000_000_000_000_000;
const DAY_MS: u64 = 86_400_000;

/// What leaves in a day, of all customers and assets, is worth less than 30 million won.
fn ceiling() -> Rule {
    let window = Window {
        of: Of::Value,
        per: Per::All,
        ms: DAY_MS,
    };
    Rule {
        id: "day-ceiling".to_owned(),
        when: vec![Condition {
            field: Field::Window(window),
            test: Test::AtLeast(30_000_000),
        }],
        then: Outcome::Hold,
        says: "More than may leave in a day\n하루에 나갈 수 있는 금액을 넘음".to_owned(),
    }
}

fn policy(asset: AssetIx, reference: AssetIx) -> Policy {
    Policy {
        version: 1,
        clears: vec![Clear {
            asset,
            up_to: ETH.saturating_mul(100),
        }],
        tiers: vec![ApprovalTier {
            asset,
            from: ETH.saturating_mul(3) / 2,
            approvals: 2,
        }],
        rules: Rules::new(vec![ceiling()]),
        reference: Some(reference),
        price_max_age_ms: Some(600_000),
        price_band_bps: Some(1_000),
        ops_allowed: vec!["transfer".to_owned()],
        clearance_ttl_ms: Some(300_000),
        holdings_guard: true,
        breaker_armed: true,
        ..Policy::default()
    }
}

fn propose(dir: &Path, account: &str) -> Result<String, String> {
    let mut open = Installation::open(dir).map_err(|error| error.to_string())?;
    let asset = |name: &str| {
        let known = open.sequencer.state().registry.asset(name);
        known.ok_or_else(|| format!("the installation has no asset `{name}`"))
    };
    let policy = policy(asset("ETH")?, asset("KRW")?);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_err(|error| error.to_string())?.as_millis();
    let command = Command {
        id: Some("policy-1".to_owned()),
        actor: Some(account.to_owned()),
        body: Body::ProposeChange(Change::AdoptPolicy(Box::new(policy))),
    };
    let now = u64::try_from(now).map_err(|error| error.to_string())?;
    let replies = open.sequencer.turn(now, &[command]);
    let replies = replies.map_err(|error| error.to_string())?;
    open.publish().map_err(|error| error.to_string())?;
    let answer = replies.first().ok_or("no answer")?;
    Ok(format!("policy-1: {}", answer.answer.word()))
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dir, account] = arguments.as_slice() else {
        eprintln!("usage: example_policy DIR ACCOUNT");
        return ExitCode::from(2);
    };
    match propose(Path::new(dir), account) {
        Ok(says) => {
            println!("{says}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
