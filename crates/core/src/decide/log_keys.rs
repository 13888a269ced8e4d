//! Keys of the log: declared once, rotated only by what the root key signed.

use super::turn::Turn;
use super::{Ruling, registering};
use crate::answer::Answer;
use crate::event::Event;
use crate::incident::AlarmCode;
use crate::log_keys::DeclaredKeys;
use crate::reason::Reason;
use alloc::format;
use alloc::string::{String, ToString as _};
use keepwhole_verify::checkpoint::is_origin;
use keepwhole_verify::note::{KeyKind, VerifierKey};
use keepwhole_verify::rotation::{Rotation, is_root};

/// Largest statement, bytes: five lines and a signature line with names of at most a few hundred bytes.
const STATEMENT_MAX: usize = 8_192;

fn wrong(what: impl core::fmt::Display) -> Reason {
    Reason::Malformed {
        what: what.to_string(),
    }
}

/// Both keys, by hand: what rests on them is only as good as the way by which the root key came here.
pub(super) fn declare(turn: &mut Turn<'_>, log: &str, root: &str) -> Ruling {
    let key = |text: &str| VerifierKey::parse(text).map_err(wrong);
    let (log_key, root_key) = (key(log)?, key(root)?);
    if log_key.kind() != KeyKind::Ed25519 || !is_origin(log_key.name()) {
        return Err(wrong(format!("`{log}` is no key that signs a log's heads")));
    }
    is_root(&root_key, log_key.name()).map_err(wrong)?;
    if root_key.public() == log_key.public() {
        return Err(wrong("the root key must be another key than the log's"));
    }
    if turn.state.log_keys.is_some() {
        return Err(Reason::AlreadyRegistered {
            name: String::from(root_key.name()),
        });
    }
    let late = "the log's keys are declared before rules of authority and a policy are in force";
    registering::not_by_quorum(turn).map_err(|_| wrong(late))?;
    registering::widens(turn, root_key.name())?;
    turn.emit(Event::LogKeysDeclared(DeclaredKeys {
        log: String::from(log),
        root: String::from(root),
    }));
    Ok(Answer::Recorded)
}

/// The root key's signature is the authority: no role in the house can stand for it, and none is asked.
pub(super) fn rotate(turn: &mut Turn<'_>, statement: &[u8]) -> Ruling {
    if statement.len() > STATEMENT_MAX {
        return Err(wrong(format!(
            "a rotation has at most {STATEMENT_MAX} bytes"
        )));
    }
    let Some(keys) = &turn.state.log_keys else {
        return Err(wrong(
            "no root key is declared, so no rotation can be signed",
        ));
    };
    let root = VerifierKey::parse(&keys.root).map_err(wrong)?;
    let rotation = Rotation::verify(statement, &root).map_err(wrong)?;
    if rotation.old().to_string() != keys.log {
        return Err(wrong(format!(
            "the rotation ends `{}`, the log's key is `{}`",
            rotation.old(),
            keys.log
        )));
    }
    if rotation.number() != keys.next_number() {
        return Err(wrong(format!(
            "the rotation has number `{}`, the next one is `{}`",
            rotation.number(),
            keys.next_number()
        )));
    }
    let new = rotation.new_key().to_string();
    if keys.retired.iter().any(|old| old.key == new) {
        return Err(wrong(format!(
            "`{new}` was a key of this log before; make a new one"
        )));
    }
    turn.alarm(AlarmCode::AdminRiskChange, &new);
    turn.emit(Event::LogKeyRotated(statement.to_vec()));
    Ok(Answer::Recorded)
}
