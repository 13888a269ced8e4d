//! Their names to ours: accounts, the house, the outside, assets, kinds.

use crate::fault::Fault;
use crate::profile::{AssetCase, Names};
use keepwhole_core::book::MovementKind;
use keepwhole_core::registry::OUTSIDE_NAME;

/// Longest name of an owner or asset and longest id of a transfer, bytes.
pub(crate) const NAME_MAX: usize = 64;

/// Words for kinds of movements, as docs/import.md lists them.
pub(crate) const KINDS: &[(&str, MovementKind)] = &[
    ("opening", MovementKind::Opening),
    ("deposit", MovementKind::Deposit),
    ("withdrawal", MovementKind::Withdrawal),
    ("withdrawal_returned", MovementKind::WithdrawalReturned),
    ("trade", MovementKind::Trade),
    ("credit", MovementKind::Credit),
    ("observed", MovementKind::Observed),
    ("written_off", MovementKind::WrittenOff),
    ("claim_paid", MovementKind::ClaimPaid),
    ("replenished", MovementKind::Replenished),
    ("recovered", MovementKind::Recovered),
    ("taken_back", MovementKind::TakenBack),
];

/// The kind that a word names.
pub(crate) fn kind_of(word: &str) -> Option<MovementKind> {
    KINDS
        .iter()
        .find(|(known, _)| *known == word)
        .map(|(_, kind)| *kind)
}

/// The word for a kind.
#[must_use]
pub(crate) fn word_of(kind: MovementKind) -> &'static str {
    KINDS
        .iter()
        .find(|(_, known)| *known == kind)
        .map_or("observed", |(word, _)| word)
}

/// The kind of a movement whose file does not say it: by whether it crosses the books' border.
pub(crate) fn kind_between(from: &str, to: &str) -> MovementKind {
    if from == OUTSIDE_NAME {
        MovementKind::Deposit
    } else if to == OUTSIDE_NAME {
        MovementKind::Withdrawal
    } else {
        MovementKind::Trade
    }
}

fn listed(list: &[String], name: &str) -> bool {
    list.iter().any(|known| match known.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => known == name,
    })
}

/// Writes our name of their account into `out`.
pub(crate) fn account(
    names: &Names,
    house: &str,
    theirs: &str,
    out: &mut String,
) -> Result<(), Fault> {
    out.clear();
    if theirs == OUTSIDE_NAME && names.account_prefix.is_empty() || listed(&names.outside, theirs) {
        out.push_str(OUTSIDE_NAME);
        return Ok(());
    }
    if listed(&names.house, theirs) {
        out.push_str(house);
        return Ok(());
    }
    if theirs.is_empty() {
        return Err(Fault::of_row(
            "empty",
            "the account's name is empty",
            "write the account's id",
        ));
    }
    out.push_str(&names.account_prefix);
    out.push_str(theirs);
    name(out, "an account's name")
}

/// Writes our name of their asset into `out`.
pub(crate) fn asset(names: &Names, theirs: &str, out: &mut String) {
    out.clear();
    match (names.assets.get(theirs), names.asset_case) {
        (Some(ours), _) => out.push_str(ours),
        (None, AssetCase::Keep) => out.push_str(theirs),
        (None, AssetCase::Upper) => out.extend(theirs.chars().map(|c| c.to_ascii_uppercase())),
    }
}

/// The ledger's own rule for names: 1 to 64 bytes and no control characters.
pub(crate) fn name(text: &str, what: &str) -> Result<(), Fault> {
    if text.is_empty() || text.len() > NAME_MAX {
        return Err(Fault::of_row(
            "name_length",
            format!(
                "{what} has {} bytes and may have 1 to {NAME_MAX}",
                text.len()
            ),
            "use the exchange's own short id (a mapping can shorten ids with `digest = true`)",
        ));
    }
    // All bytes at once and no way out in the middle: names are short, and nearly all are plain ASCII.
    let odd = |byte: u8| !(b' '..=b'~').contains(&byte);
    if text.bytes().fold(false, |any, byte| any | odd(byte)) && text.chars().any(char::is_control) {
        return Err(Fault::of_row(
            "control_character",
            format!("{what} holds a control character"),
            "export it without line ends and tabs",
        ));
    }
    Ok(())
}
