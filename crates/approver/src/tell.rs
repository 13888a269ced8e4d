//! What would happen, in words, in Korean and in English: from the decoded command and bytes, never from the host's text.

use keepwhole_payload::{Effect, Outcome};
use keepwhole_verify::approval::Command;
use keepwhole_verify::digest::Digest;
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

/// The sentences of a language. What stands in braces is filled in by name.
struct Sentences {
    head: &'static str,
    withdrawal: &'static str,
    action: &'static str,
    decoded: &'static str,
    undecoded: &'static str,
    transfer: &'static str,
    memo: &'static str,
    change: &'static str,
    other: &'static str,
    fee: &'static str,
    counted: &'static str,
    uncounted: &'static str,
    none: &'static str,
}

const KOREAN: Sentences = Sentences {
    head: "제안 {proposal} — {approver} 님이 {role} 역할로 응답합니다. 제안자: {proposer}\n",
    withdrawal: "출금: 지갑 {wallet}에서 {amount}(을)를 {dest} 주소로 보냅니다.\n네트워크: {network}\n메모: {memo}\n최대 수수료: {fee} (네트워크 최소 단위)\n",
    action: "작업: {action}\n",
    decoded: "서명될 바이트를 이 프로그램이 직접 해독했습니다:\n",
    undecoded: "서명될 바이트는 제시되지 않았습니다. 승인은 위 내용에만 적용됩니다.\n",
    transfer: "  - 이체: {from} → {to}, {amount}",
    memo: ", 메모 {memo}",
    change: "  - 거스름: 자기 주소 {to}로 {amount}",
    other: "  - 권한 또는 계정 변경: {what}",
    fee: "  - 수수료 최대 {amount}\n",
    counted: "{whole} {name} ({asset}의 최소 단위로 {minor})",
    uncounted: "{asset}의 최소 단위로 {minor}",
    none: "없음",
};

const ENGLISH: Sentences = Sentences {
    head: "Proposal {proposal}: {approver} answers as {role}. Proposed by {proposer}.\n",
    withdrawal: "Withdrawal: wallet {wallet} sends {amount} to {dest}.\nnetwork: {network}\nmemo: {memo}\ngreatest fee: {fee} minor units of the network's coin\n",
    action: "Action: {action}\n",
    decoded: "The bytes to be signed, decoded by this program itself:\n",
    undecoded: "No bytes to be signed were shown: the approval binds what stands above and nothing more.\n",
    transfer: "  - transfer from {from} to {to}: {amount}",
    memo: ", memo {memo}",
    change: "  - change to our own {to}: {amount}",
    other: "  - {what}",
    fee: "  - fee of at most {amount}\n",
    counted: "{whole} {name} ({minor} minor units of {asset})",
    uncounted: "{minor} minor units of {asset}",
    none: "none",
};

/// A sentence with its values, each made visible.
fn filled(sentence: &str, values: &[(&str, &str)]) -> String {
    placed(sentence, values, visible)
}

/// A sentence with its values, each as `shown` gives it. One pass: braces inside a value stay what they are.
fn placed(sentence: &str, values: &[(&str, &str)], shown: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut parts = sentence.split('{');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap_or((part, ""));
        let value = values.iter().find(|(known, _)| *known == name);
        out.push_str(&shown(value.map_or("?", |(_, value)| value)));
        out.push_str(rest);
    }
    out
}

/// An amount with its unit, as yet not made visible: that is done where it is placed.
fn amount(words: &Sentences, amount: u128, asset: &str, units: &[Unit]) -> String {
    let named = units.iter().find(|unit| unit.asset == asset);
    let known = match named {
        Some(unit) => Some((unit.decimals, unit.name.as_str())),
        None => coin(asset),
    };
    let minor = grouped_units(amount, 0);
    match known {
        Some((decimals, name)) => {
            let whole = grouped_units(amount, decimals);
            let values = [
                ("whole", whole.as_str()),
                ("name", name),
                ("minor", &minor),
                ("asset", asset),
            ];
            placed(words.counted, &values, str::to_owned)
        }
        None => placed(
            words.uncounted,
            &[("minor", &minor), ("asset", asset)],
            str::to_owned,
        ),
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
        out.push_str(&told(&KOREAN, request, outcome, units));
        out.push('\n');
    }
    if language != Language::Korean {
        out.push_str(&told(&ENGLISH, request, outcome, units));
        out.push('\n');
    }
    out.push_str(&raw(command, &digest));
    out
}

fn told(words: &Sentences, request: &Request, outcome: Option<&Outcome>, units: &[Unit]) -> String {
    let command = &request.command;
    let mut out = filled(
        words.head,
        &[
            ("proposal", &request.proposal),
            ("approver", &request.approver),
            ("role", &request.role),
            ("proposer", command.proposer()),
        ],
    );
    match command.intent() {
        Some(intent) => {
            let sum = amount(words, intent.amount, &intent.asset, units);
            let fee = grouped_units(intent.max_fee, 0);
            let values = [
                ("wallet", intent.wallet.as_str()),
                ("amount", &sum),
                ("dest", &intent.dest),
                ("network", &intent.network),
                ("memo", or_none(words, &intent.memo)),
                ("fee", &fee),
            ];
            out.push_str(&filled(words.withdrawal, &values));
        }
        None => out.push_str(&filled(words.action, &[("action", command.action())])),
    }
    match outcome {
        Some(outcome) => {
            out.push_str(words.decoded);
            for effect in &outcome.effects {
                out.push_str(&effect_told(words, effect, units));
                out.push('\n');
            }
            let fee = amount(words, outcome.fee, &outcome.fee_asset, units);
            out.push_str(&filled(words.fee, &[("amount", &fee)]));
        }
        None => out.push_str(words.undecoded),
    }
    out
}

fn or_none<'t>(words: &Sentences, text: &'t str) -> &'t str {
    if text.is_empty() { words.none } else { text }
}

fn effect_told(words: &Sentences, effect: &Effect, units: &[Unit]) -> String {
    match effect {
        Effect::Transfer {
            asset,
            from,
            to,
            amount: sum,
            memo,
        } => {
            let sum = amount(words, *sum, asset, units);
            let values = [("from", from.as_str()), ("to", to), ("amount", &sum)];
            let mut out = filled(words.transfer, &values);
            if !memo.is_empty() {
                out.push_str(&filled(words.memo, &[("memo", memo)]));
            }
            out
        }
        Effect::Change {
            asset,
            to,
            amount: sum,
        } => {
            let sum = amount(words, *sum, asset, units);
            filled(words.change, &[("to", to.as_str()), ("amount", &sum)])
        }
        other => filled(words.other, &[("what", &other.to_string())]),
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

#[cfg(test)]
mod tests {
    use super::{ENGLISH, KOREAN, amount, filled};

    #[test]
    fn foreign_text_is_placed_once_and_made_visible_once() {
        let values = [("action", "pay {proposal}\u{202e} \\ {")];
        let told = filled("Action: {action}!", &values);
        assert_eq!(told, "Action: pay {proposal}\\u{202e} \\\\ {!");
    }

    #[test]
    fn a_sentence_names_only_values_that_it_is_given() {
        assert_eq!(filled("{known} {unknown}", &[("known", "a")]), "a ?");
    }

    #[test]
    fn amounts_are_told_in_whole_units_and_in_minor_ones() {
        let ether = "eip155:1/slip44:60";
        let whole = amount(&ENGLISH, 1_500_000_000_000_000_000, ether, &[]);
        let expected = "1.5 ETH (1,500,000,000,000,000,000 minor units of eip155:1/slip44:60)";
        assert_eq!(whole, expected);
        let minor = amount(&KOREAN, 1_500, "eip155:1/erc20:0xab", &[]);
        assert_eq!(minor, "eip155:1/erc20:0xab의 최소 단위로 1,500");
    }
}
