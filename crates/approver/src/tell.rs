//! What would happen, in words, in Korean and in English: from the decoded command and bytes, never from the host's text.

use keepwhole_payload::{Effect, Outcome};
use keepwhole_verify::approval::Command;
use keepwhole_verify::digest::Digest;
use keepwhole_verify::intent::Intent;
use keepwhole_verify::units::grouped_units;
use keepwhole_verify::visible::visible;
use keepwhole_verify::words;

use crate::request::Request;

/// Which languages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Korean,
    English,
    Both,
}

/// How an asset is counted, as the approver says with `--unit ASSET=DECIMALS:NAME`.
pub(crate) struct Unit {
    pub(crate) asset: String,
    pub(crate) decimals: u8,
    pub(crate) name: String,
}

/// Coins whose decimals their networks fix.
fn coin(asset: &str) -> Option<(u8, &'static str)> {
    match asset.split_once('/') {
        Some((network, "slip44:60")) if network.starts_with("eip155:") => Some((18, "ETH")),
        Some(("bip122:000000000019d6689c085ae165831e93", "slip44:0")) => Some((8, "BTC")),
        Some(("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", "slip44:501")) => Some((9, "SOL")),
        _ => None,
    }
}

fn amount(amount: u128, asset: &str, units: &[Unit]) -> String {
    let named = units.iter().find(|unit| unit.asset == asset);
    let known = match named {
        Some(unit) => Some((unit.decimals, unit.name.as_str())),
        None => coin(asset),
    };
    let minor = grouped_units(amount, 0);
    match known {
        Some((decimals, name)) => format!(
            "{} {} ({minor} minor units of {})",
            grouped_units(amount, decimals),
            visible(name),
            visible(asset)
        ),
        None => format!("{minor} minor units of {}", visible(asset)),
    }
}

/// The whole text that an approver reads before signing.
pub(crate) fn tell(
    request: &Request,
    outcome: Option<&Outcome>,
    language: Language,
    units: &[Unit],
) -> String {
    let command = &request.command;
    let digest = command.digest();
    let mut out = String::new();
    if language != Language::English {
        out.push_str(&korean(request, outcome, units));
        out.push('\n');
    }
    if language != Language::Korean {
        out.push_str(&english(request, outcome, units));
        out.push('\n');
    }
    out.push_str(&raw(command, &digest));
    out
}

fn korean(request: &Request, outcome: Option<&Outcome>, units: &[Unit]) -> String {
    let command = &request.command;
    let mut out = format!(
        "제안 {} — {} 님이 {} 역할로 응답합니다. 제안자: {}\n",
        visible(&request.proposal),
        visible(&request.approver),
        visible(&request.role),
        visible(command.proposer())
    );
    match command.intent() {
        Some(intent) => {
            let Intent {
                dest,
                memo,
                wallet,
                network,
                ..
            } = &intent;
            out.push_str(&format!(
                "출금: 지갑 {}에서 {}(을)를 {} 주소로 보냅니다.\n네트워크: {}\n메모: {}\n최대 수수료: {} (네트워크 최소 단위)\n",
                visible(wallet),
                amount(intent.amount, &intent.asset, units),
                visible(dest),
                visible(network),
                if memo.is_empty() { "없음".to_owned() } else { visible(memo) },
                grouped_units(intent.max_fee, 0)
            ));
        }
        None => out.push_str(&format!("작업: {}\n", visible(command.action()))),
    }
    match outcome {
        Some(outcome) => {
            out.push_str("서명될 바이트를 이 프로그램이 직접 해독했습니다:\n");
            for effect in &outcome.effects {
                out.push_str(&format!("  - {}\n", korean_effect(effect, units)));
            }
            out.push_str(&format!(
                "  - 수수료 최대 {}\n",
                amount(outcome.fee, &outcome.fee_asset, units)
            ));
        }
        None => {
            out.push_str("서명될 바이트는 제시되지 않았습니다. 승인은 위 내용에만 적용됩니다.\n")
        }
    }
    out
}

fn korean_effect(effect: &Effect, units: &[Unit]) -> String {
    match effect {
        Effect::Transfer {
            asset,
            from,
            to,
            amount: sum,
            memo,
        } => {
            let memo = if memo.is_empty() {
                String::new()
            } else {
                format!(", 메모 {}", visible(memo))
            };
            format!(
                "이체: {} → {}, {}{memo}",
                visible(from),
                visible(to),
                amount(*sum, asset, units)
            )
        }
        Effect::Change {
            asset,
            to,
            amount: sum,
        } => {
            format!(
                "거스름: 자기 주소 {}로 {}",
                visible(to),
                amount(*sum, asset, units)
            )
        }
        other => format!("권한 또는 계정 변경: {}", visible(&other.to_string())),
    }
}

fn english(request: &Request, outcome: Option<&Outcome>, units: &[Unit]) -> String {
    let command = &request.command;
    let mut out = format!(
        "Proposal {}: {} answers as {}. Proposed by {}.\n",
        visible(&request.proposal),
        visible(&request.approver),
        visible(&request.role),
        visible(command.proposer())
    );
    match command.intent() {
        Some(intent) => {
            let Intent {
                dest,
                memo,
                wallet,
                network,
                ..
            } = &intent;
            out.push_str(&format!(
                "Withdrawal: wallet {} sends {} to {}.\nnetwork: {}\nmemo: {}\ngreatest fee: {} minor units of the network's coin\n",
                visible(wallet),
                amount(intent.amount, &intent.asset, units),
                visible(dest),
                visible(network),
                if memo.is_empty() { "none".to_owned() } else { visible(memo) },
                grouped_units(intent.max_fee, 0)
            ));
        }
        None => out.push_str(&format!("Action: {}\n", visible(command.action()))),
    }
    match outcome {
        Some(outcome) => {
            out.push_str("The bytes to be signed, decoded by this program itself:\n");
            for effect in &outcome.effects {
                out.push_str(&format!("  - {}\n", english_effect(effect, units)));
            }
            out.push_str(&format!(
                "  - fee of at most {}\n",
                amount(outcome.fee, &outcome.fee_asset, units)
            ));
        }
        None => out.push_str(
            "No bytes to be signed were shown: the approval binds what stands above and nothing more.\n",
        ),
    }
    out
}

fn english_effect(effect: &Effect, units: &[Unit]) -> String {
    match effect {
        Effect::Transfer {
            asset,
            from,
            to,
            amount: sum,
            memo,
        } => {
            let memo = if memo.is_empty() {
                String::new()
            } else {
                format!(", memo {}", visible(memo))
            };
            format!(
                "transfer from {} to {}: {}{memo}",
                visible(from),
                visible(to),
                amount(*sum, asset, units)
            )
        }
        Effect::Change {
            asset,
            to,
            amount: sum,
        } => {
            format!(
                "change to our own {}: {}",
                visible(to),
                amount(*sum, asset, units)
            )
        }
        other => visible(&other.to_string()),
    }
}

/// Every field as it is hashed, the digest and its six words.
fn raw(command: &Command, digest: &Digest) -> String {
    let mut out = String::new();
    for (key, text) in command.fields() {
        out.push_str(&format!("    {key:<10} {}\n", visible(text)));
    }
    out.push_str(&format!(
        "command digest {digest}\n여섯 단어 / six words: {}\n",
        words::phrase(digest)
    ));
    out
}
