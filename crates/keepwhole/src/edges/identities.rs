//! Who may knock: the journal is told before anybody new counts, and whoever is gone counts no more, whatever the journal does.

use super::{LOOK, Note, read_tokens};
use keepwhole_core::answer::Reply;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::door::DoorCommand;
use keepwhole_core::reason::Reason;
use keepwhole_edge::api::Api;
use keepwhole_edge::tokens::{Token, Tokens};
use keepwhole_edge::{Intake, NoReply};
use std::fs;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, SystemTime};
use tokio::sync::oneshot;

/// Tells the journal who counts from now on. Nobody is let in by a line that the journal does not know.
fn tell_identities(
    intake: &dyn Intake,
    tokens: &Tokens,
    done: impl FnOnce(Result<(), String>) + Send + 'static,
) {
    let all = tokens.all().iter().map(Token::identity).collect();
    let command = Command {
        id: None,
        actor: None,
        body: Body::OfDoor(DoorCommand::TellIdentities(all)),
    };
    let outcome = |reply: Result<Reply, NoReply>| match reply {
        Ok(reply) => match reply.answer.reason() {
            None => Ok(()),
            Some(Reason::Malformed { what }) => Err(what.clone()),
            Some(reason) => Err(reason.code().to_owned()),
        },
        Err(why) => Err(why.to_string()),
    };
    intake.submit(command, Box::new(move |reply| done(outcome(reply))));
}

/// Tells the journal who counts from the start on, and waits until it knows.
///
/// # Errors
/// Why the journal does not take them, or that it did not answer in time.
pub(super) fn told_at_start(
    intake: &dyn Intake,
    tokens: &Tokens,
    patience: Duration,
) -> Result<(), String> {
    let (tell, told) = mpsc::channel();
    tell_identities(intake, tokens, move |outcome| {
        // A caller that gave up hears nothing any more.
        let _heard = tell.send(outcome);
    });
    told.recv_timeout(patience).unwrap_or_else(|error| {
        Err(match error {
            RecvTimeoutError::Timeout => format!(
                "it did not answer within {} s; look whether the disk is full or slow, and start again",
                patience.as_secs()
            ),
            RecvTimeoutError::Disconnected => NoReply::Stopped.to_string(),
        })
    })
}

/// Identities that the journal was told of and has not answered yet.
struct Asked {
    tokens: Tokens,
    told: oneshot::Receiver<Result<(), String>>,
}

/// Takes a changed file of tokens into use; a wrong one leaves the last good one in force and is told once. What is new waits
/// for the journal. What is gone or changed does not: where the journal gives no answer within a second, or refuses, it ends.
pub(super) async fn watch(
    (api, intake): (&Api, &dyn Intake),
    path: &Path,
    seen: SystemTime,
    note: &Note,
    stop: impl Future<Output = ()>,
) {
    let Some(dir) = path.parent().and_then(Path::parent) else {
        return;
    };
    let (mut seen, mut asked) = (Some(seen), None::<Asked>);
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => return,
            outcome = answer(&mut asked) => {
                let Some(Asked { tokens, .. }) = asked.take() else {
                    continue;
                };
                match outcome {
                    Ok(()) => api.replace_tokens(tokens),
                    Err(why) => {
                        api.narrow_tokens(&tokens);
                        note(&format!(
                            "what is new in the file of tokens does not count until the journal takes it: {why}"
                        ));
                        // It is read again a second later.
                        seen = None;
                    }
                }
                continue;
            }
            () = tokio::time::sleep(LOOK) => {}
        }
        if let Some(asked) = &asked {
            api.narrow_tokens(&asked.tokens);
        }
        let changed = fs::metadata(path).and_then(|file| file.modified()).ok();
        if changed.is_some() && changed == seen {
            continue;
        }
        match read_tokens(dir) {
            Ok((tokens, at)) => {
                let (tell, told) = oneshot::channel();
                tell_identities(intake, &tokens, move |outcome| drop(tell.send(outcome)));
                asked = Some(Asked { tokens, told });
                seen = Some(at);
            }
            Err(error) => {
                note(&format!("the tokens in force stay as they are: {error}"));
                seen = changed.or(Some(SystemTime::UNIX_EPOCH));
            }
        }
    }
}

/// The journal's answer; never where it was not asked.
async fn answer(asked: &mut Option<Asked>) -> Result<(), String> {
    match asked {
        Some(asked) => (&mut asked.told)
            .await
            .unwrap_or_else(|_| Err(NoReply::Stopped.to_string())),
        None => std::future::pending().await,
    }
}
