//! The verb `guard`: what was asked of it, batches of credits from a file, and the names that clearances are bound to.

use super::exit::{Exit, Failure};
use super::output::{Output, table};
use super::{DataArgs, wall_clock};
use crate::authority;
use crate::installation::{Installation, Reading, reason_json};
use crate::sequencer::Until;
use crate::text::{Lang, count, seoul};
use crate::views::{RequestState, UnseenLine, amount, asset_of, reason_line, unseen_lines};
use clap::{Args, Subcommand, ValueEnum};
use keepwhole_core::answer::Answer;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::guard::{Ask, Request, Standing};
use keepwhole_core::reason::Reason;
use keepwhole_core::registry::{AssetIx, Tier, Wallet};
use keepwhole_core::state::State;
use keepwhole_edge::guard::read_credit;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// Largest file of credits, bytes.
const FILE_MAX: u64 = 8 * 1024 * 1024;

/// Arguments of `guard`.
#[derive(Debug, Args)]
pub struct GuardArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List what was asked for, the newest last.
    #[command(after_help = "Example:\n  keepwhole guard list --data exchange --state held")]
    List(ListArgs),
    /// Ask for a batch of credits: all lines or none. The service must stand still; beside it, use the HTTP interface.
    #[command(
        after_help = "Example:\n  keepwhole guard credit event.json --data exchange --actor requester-1"
    )]
    Credit(CreditArgs),
    /// Register a wallet of ours.
    #[command(
        after_help = "Example:\n  keepwhole guard wallet hot-1 --tier hot --address 0x71c7656ec7ab88b098defb751b7401b5f6d8976f --data exchange"
    )]
    Wallet(WalletArgs),
    /// Say what a wallet holds at the beginning, before there is a policy.
    #[command(
        after_help = "Example:\n  keepwhole guard holding hot-1 ETH 10000000000000000000 --data exchange"
    )]
    Holding(HoldingArgs),
    /// Name an asset as its network does (CAIP-19).
    #[command(
        after_help = "Example:\n  keepwhole guard name-asset ETH eip155:1/slip44:60 --data exchange"
    )]
    NameAsset(NameAssetArgs),
    /// Name a signing key of a wallet, and the network that it is for (CAIP-2).
    #[command(
        after_help = "Example:\n  keepwhole guard name-key hot-1 hot-1/2026-1 eip155:1 --data exchange"
    )]
    NameKey(NameKeyArgs),
}

/// Which requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    /// Waiting.
    Held,
    /// Refused.
    Denied,
    /// Cleared.
    Cleared,
    /// Signed for and not seen on the chain yet, with the way to cancel each.
    Signed,
    /// Cleared and lapsed unused.
    Lapsed,
    /// Signed for, and a quorum said that it can't land any more.
    Dead,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// The folder and the form of the answer.
    #[command(flatten)]
    data: DataArgs,
    /// Only those that stand so.
    #[arg(long, value_name = "STATE")]
    state: Option<Which>,
}

/// Who does it; before there is a policy nobody need be named.
#[derive(Debug, Args)]
struct Doer {
    /// The folder and the form of the answer.
    #[command(flatten)]
    data: DataArgs,
    /// Account of the person who does it; needed once a policy is in force.
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
}

#[derive(Debug, Args)]
struct CreditArgs {
    /// The batch as JSON, as `POST /v1/guard/credits` takes it (docs/guard-api.md).
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    doer: Doer,
}

#[derive(Debug, Args)]
struct WalletArgs {
    /// Its name.
    #[arg(value_name = "NAME")]
    name: String,
    /// How it signs.
    #[arg(long, value_name = "TIER")]
    tier: WalletTier,
    /// Its address.
    #[arg(long, value_name = "ADDRESS")]
    address: String,
    #[command(flatten)]
    doer: Doer,
}

/// How a wallet signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum WalletTier {
    /// By itself, on line.
    Hot,
    /// With a person.
    Warm,
    /// Keys kept off line.
    Cold,
    /// Receives customers' deposits.
    Deposit,
    /// The exchange's own operations.
    Operational,
}

impl From<WalletTier> for Tier {
    fn from(tier: WalletTier) -> Self {
        match tier {
            WalletTier::Hot => Self::Hot,
            WalletTier::Warm => Self::Warm,
            WalletTier::Cold => Self::Cold,
            WalletTier::Deposit => Self::Deposit,
            WalletTier::Operational => Self::Operational,
        }
    }
}

#[derive(Debug, Args)]
struct HoldingArgs {
    /// The wallet.
    #[arg(value_name = "WALLET")]
    wallet: String,
    /// The asset.
    #[arg(value_name = "ASSET")]
    asset: String,
    /// What it holds, minor units.
    #[arg(value_name = "UNITS")]
    units: u128,
    #[command(flatten)]
    doer: Doer,
}

#[derive(Debug, Args)]
struct NameAssetArgs {
    /// The asset.
    #[arg(value_name = "ASSET")]
    asset: String,
    /// Its name on its network.
    #[arg(value_name = "CAIP-19")]
    caip19: String,
    #[command(flatten)]
    doer: Doer,
}

#[derive(Debug, Args)]
struct NameKeyArgs {
    /// The wallet.
    #[arg(value_name = "WALLET")]
    wallet: String,
    /// The key.
    #[arg(value_name = "KEY")]
    key: String,
    /// The network.
    #[arg(value_name = "CAIP-2")]
    network: String,
    #[command(flatten)]
    doer: Doer,
}

impl GuardArgs {
    /// Whether JSON is asked for.
    #[must_use]
    pub const fn is_json(&self) -> bool {
        match &self.what {
            What::List(args) => args.data.json,
            What::Credit(args) => args.doer.data.json,
            What::Wallet(args) => args.doer.data.json,
            What::Holding(args) => args.doer.data.json,
            What::NameAsset(args) => args.doer.data.json,
            What::NameKey(args) => args.doer.data.json,
        }
    }
}

/// Does what is asked.
///
/// # Errors
/// [`Failure`] with exit 1 where the guard holds or denies, 2 for a file that can't be read, 3 for a damaged store.
pub fn run(args: &GuardArgs) -> Result<Exit, Failure> {
    match &args.what {
        What::List(args) => list(args),
        What::Credit(args) => credit(args),
        What::Wallet(args) => {
            let wallet = Wallet {
                id: args.name.clone(),
                tier: args.tier.into(),
                address: args.address.clone(),
            };
            let done = format!("registered the wallet `{}`", args.name);
            tell(&args.doer, None, Body::RegisterWallet(wallet), &done)
        }
        What::Holding(args) => {
            let line = (args.wallet.clone(), args.asset.clone(), args.units);
            let done = format!("`{}` holds {} of `{}`", args.wallet, args.units, args.asset);
            tell(&args.doer, None, Body::DeclareHoldings(vec![line]), &done)
        }
        What::NameAsset(args) => {
            let body = Body::NameAsset {
                asset: args.asset.clone(),
                caip19: args.caip19.clone(),
            };
            let done = format!("`{}` is `{}` on its network", args.asset, args.caip19);
            tell(&args.doer, None, body, &done)
        }
        What::NameKey(args) => {
            let body = Body::NameKey {
                wallet: args.wallet.clone(),
                key: args.key.clone(),
                network: args.network.clone(),
            };
            let done = format!(
                "`{}` signs for `{}` on `{}`",
                args.key, args.wallet, args.network
            );
            tell(&args.doer, None, body, &done)
        }
    }
}

fn credit(args: &CreditArgs) -> Result<Exit, Failure> {
    let place = args.file.display();
    let unreadable = |what: String| Failure::usage("credits", format!("file `{place}`: {what}"));
    let size =
        fs::metadata(&args.file).map_err(|error| unreadable(format!("can't be read: {error}")))?;
    if size.len() > FILE_MAX {
        let have = size.len();
        return Err(unreadable(format!(
            "has `{have}` bytes and may have `{FILE_MAX}`; split the batch"
        )));
    }
    let bytes =
        fs::read(&args.file).map_err(|error| unreadable(format!("can't be read: {error}")))?;
    let (id, body) = read_credit(&bytes).map_err(unreadable)?;
    let done = format!("cleared and credited: `{id}`");
    tell(&args.doer, Some(id), body, &done)
}

/// Has one command decided, durable and published.
fn tell(doer: &Doer, id: Option<String>, body: Body, done: &str) -> Result<Exit, Failure> {
    let dir = &doer.data.dir;
    let failed = |error| Failure::of_installation(dir, &error);
    let mut opened = Installation::open(dir).map_err(failed)?;
    let command = Command {
        id,
        actor: doer.actor.clone(),
        body,
    };
    let now = wall_clock()?;
    if matches!(command.body, Body::RequestCredit { .. })
        && let Some(demanded) = authority::demand(opened.sequencer.state())
    {
        let told = opened.sequencer.turn(now, &[demanded]);
        told.map_err(|error| failed(error.into()))?;
    }
    let replies = opened
        .sequencer
        .turn(now, std::slice::from_ref(&command))
        .map_err(|error| failed(error.into()))?;
    opened.publish().map_err(failed)?;
    let Some(reply) = replies.first() else {
        return Err(Failure::fault("answer", "the sequencer gave no answer"));
    };
    let reason = reply.answer.reason().map(reason_json);
    let value =
        json!({ "outcome": reply.answer.word(), "reason": reason, "repeated": reply.repeated });
    match &reply.answer {
        Answer::Recorded | Answer::Cleared => {
            Output::new(doer.data.json).answer(done, &value)?;
            Ok(Exit::Done)
        }
        other => {
            let state = opened.sequencer.state();
            let told = other.reason().map(|reason| {
                let asset = asset_named(state, &command.body);
                reason_line(state, asset, reason, Lang::En)
            });
            let words = told.unwrap_or_default();
            let code = other.reason().map_or("answer", Reason::code);
            Err(Failure::refused(code, format!("{}: {words}", other.word())))
        }
    }
}

fn list(args: &ListArgs) -> Result<Exit, Failure> {
    let dir = &args.data.dir;
    let failed = |error| Failure::of_installation(dir, &error);
    let (_, state) = Reading::open_whole_at(dir, Until::End).map_err(failed)?;
    if args.state == Some(Which::Signed) {
        return signed(args, &state);
    }
    let shown: Vec<(u32, &Request)> = state
        .guard
        .requests
        .iter()
        .enumerate()
        .map(|(place, request)| (u32::try_from(place).unwrap_or(u32::MAX), request))
        .filter(|(number, request)| {
            args.state
                .is_none_or(|which| stands(&state, *number, request, which))
        })
        .collect();
    let values: Vec<Value> = shown
        .iter()
        .map(|(number, request)| value_of(&state, *number, request))
        .collect();
    let rows: Vec<Vec<String>> = shown
        .iter()
        .map(|(number, request)| row_of(&state, *number, request))
        .collect();
    let text = if rows.is_empty() {
        "nothing was asked of the guard".to_owned()
    } else {
        table(&["request", "asked", "what", "stands", "why"], &[], &rows)
    };
    Output::new(args.data.json).answer(&text, &json!({ "requests": values }))?;
    Ok(Exit::Done)
}

fn stands(state: &State, number: u32, request: &Request, which: Which) -> bool {
    let dead = RequestState::of(state, number, request) == RequestState::Dead;
    match (&request.standing, which) {
        (Standing::Held(_), Which::Held)
        | (Standing::Denied(_), Which::Denied)
        | (Standing::Cleared, Which::Cleared) => true,
        (Standing::Lapsed, Which::Lapsed) => !dead,
        (Standing::Lapsed, Which::Dead) => dead,
        _ => false,
    }
}

/// What was signed for and is not seen yet, each with the way to cancel it.
fn signed(args: &ListArgs, state: &State) -> Result<Exit, Failure> {
    let lines: Vec<UnseenLine> = unseen_lines(state).collect();
    let text = if lines.is_empty() {
        "nothing is signed for that the chain does not show".to_owned()
    } else {
        let rows: Vec<Vec<String>> = lines.iter().map(signed_row).collect();
        let heads = [
            "request",
            "amount",
            "to",
            "conflict key",
            "since",
            "how to cancel it",
        ];
        table(&heads, &[], &rows)
    };
    let values: Vec<Value> = lines.iter().map(signed_value).collect();
    Output::new(args.data.json).answer(&text, &json!({ "signed": values }))?;
    Ok(Exit::Done)
}

fn signed_row(line: &UnseenLine) -> Vec<String> {
    vec![
        line.id.clone(),
        line.amount.exact(),
        line.to.clone(),
        line.conflict_key.clone().unwrap_or_default(),
        line.since.map(seoul).unwrap_or_default(),
        line.plan.say(Lang::En),
    ]
}

fn signed_value(line: &UnseenLine) -> Value {
    json!({
        "request": line.id,
        "amount": line.amount.exact(),
        "to": line.to,
        "conflict_key": line.conflict_key,
        "since": line.since.map(crate::text::rfc3339),
        "cancel": line.plan.say(Lang::En),
    })
}

fn standing_of<'r>(
    state: &State,
    number: u32,
    request: &'r Request,
) -> (&'static str, Option<&'r Reason>) {
    match &request.standing {
        Standing::Held(reason) => ("held", Some(reason)),
        Standing::Denied(reason) => ("denied", Some(reason)),
        Standing::Cleared | Standing::Lapsed => {
            (RequestState::of(state, number, request).word(), None)
        }
    }
}

/// What was asked.
fn asked(state: &State, request: &Request) -> String {
    let registry = &state.registry;
    let said = |asset: AssetIx, units| amount(state, asset, units).exact();
    match &request.ask {
        Ask::Withdrawal {
            owner,
            asset,
            units,
            to,
            ..
        } => {
            let owner = registry.owner_id(*owner);
            format!("{} of {owner} to {to}", said(*asset, *units))
        }
        Ask::Transfer {
            wallet,
            to_wallet,
            asset,
            units,
        } => {
            let (from, to) = (registry.wallet_id(*wallet), registry.wallet_id(*to_wallet));
            format!("{} from {from} to {to}", said(*asset, *units))
        }
        Ask::Credit { budget, lines, .. } => {
            let lines = u128::try_from(lines.len()).unwrap_or(u128::MAX);
            format!("credit of {} lines out of {budget}", count(lines))
        }
    }
}

/// Why a request stands so, in words.
fn says(state: &State, request: &Request, reason: Option<&Reason>) -> Option<String> {
    Some(reason_line(
        state,
        asset_of(&request.ask),
        reason?,
        Lang::En,
    ))
}

/// The asset that a command's amounts are of.
fn asset_named(state: &State, body: &Body) -> Option<AssetIx> {
    match body {
        Body::RequestCredit { lines, .. } => state.registry.asset(&lines.first()?.asset),
        _ => None,
    }
}

fn row_of(state: &State, number: u32, request: &Request) -> Vec<String> {
    let (word, reason) = standing_of(state, number, request);
    vec![
        request.id.clone(),
        seoul(request.at),
        asked(state, request),
        word.to_owned(),
        says(state, request, reason).unwrap_or_default(),
    ]
}

fn value_of(state: &State, number: u32, request: &Request) -> Value {
    let (word, reason) = standing_of(state, number, request);
    json!({
        "request": request.id,
        "asked": crate::text::rfc3339(request.at),
        "what": asked(state, request),
        "state": word,
        "reason": reason.map(reason_json),
        "says": says(state, request, reason),
        "approvals": request.approvals.len(),
        "needs": request.needs,
    })
}
