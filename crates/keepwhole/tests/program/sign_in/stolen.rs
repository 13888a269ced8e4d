//! A session's cookie in a thief's hands: the last part of the attacker's day (docs/attackers-day.md).

use super::*;
use crate::attackers_day::{Day, Shows};
use crate::cli::run;

const ASKED: [(&str, &str); 3] = [("target", "w-1"), ("role", "risk"), ("decision", "approve")];

fn asked() -> Value {
    let pairs = ASKED
        .iter()
        .map(|(key, value)| ((*key).to_owned(), json!(value)));
    Value::Object(pairs.collect())
}

/// The session's pair alone, without the browser's own.
fn session_of(cookies: &str) -> String {
    let mut pairs = cookies.split("; ");
    let session = pairs.find(|pair| pair.starts_with("keepwhole-session="));
    session.unwrap().to_owned()
}

fn reads(world: &World, cookies: &str) -> &'static str {
    match world.get("/guard/w-1", cookies).status {
        200 => "read",
        303 => "sign in first",
        _ => "something else",
    }
}

/// With her cookie on another device, and no key of hers.
fn copied(day: &mut Day, world: &World, stolen: &str) {
    day.tried(
        "read the pages with her session's cookie on another device",
        "read",
        reads(world, stolen),
        Shows::Nowhere,
    );
    let twice = format!("{stolen}; {stolen}");
    day.tried(
        "send the cookie twice",
        "sign in first",
        reads(world, &twice),
        Shows::Nowhere,
    );
    let mut own = Authenticator::of("mallory");
    let (ticket, challenge) = world.begin("/answer/begin", stolen, &asked());
    let body = world.posted(&ticket, &mut own, &challenge);
    day.tried(
        "approve in her session with the thief's own key",
        "credential_unknown",
        &world.post("/answer/finish", stolen, &body).code(),
        Shows::Journal,
    );
    let (ticket, challenge) = world.begin("/answer/begin", stolen, &asked());
    let mut forged = world.posted(&ticket, &mut own, &challenge);
    forged["credential"] = json!(URL_SAFE_NO_PAD.encode(&world.ada.id));
    day.tried(
        "approve in her session with the thief's key under the id of hers",
        "signature_invalid",
        &world.post("/answer/finish", stolen, &forged).code(),
        Shows::Journal,
    );
    let proposal = json!({ "kind": "halt", "scope": "all" });
    day.tried(
        "propose in her session without a key",
        "400",
        &world
            .post("/propose/finish", stolen, &proposal)
            .status
            .to_string(),
        Shows::Nowhere,
    );
}

/// Forms of one session in another, and forms of other pages.
fn forms(day: &mut Day, world: &World, stolen: &str, thiefs: &str, bea: &mut Authenticator) {
    let (ticket, challenge) = world.begin("/answer/begin", stolen, &asked());
    let body = world.posted(&ticket, bea, &challenge);
    day.tried(
        "finish in another session what was begun in hers",
        "ceremony_over",
        &world.post("/answer/finish", thiefs, &body).code(),
        Shows::Nowhere,
    );
    let (ticket, challenge) = world.begin("/answer/begin", thiefs, &asked());
    let body = world.posted(&ticket, bea, &challenge);
    day.tried(
        "send a ticket of another session with her cookie",
        "ceremony_over",
        &world.post("/answer/finish", stolen, &body).code(),
        Shows::Nowhere,
    );
    let foreign = world
        .own(stolen)
        .replace(&world.origin, "https://evil.example");
    let answer = world.post_with("/answer/begin", &foreign, &asked().to_string());
    day.at_the_door(
        "send a form with her cookie from a page of the thief's",
        "foreign_page",
        &answer.code(),
    );
    let cross = world.own(stolen).replace("same-origin", "cross-site");
    let answer = world.post_with("/answer/begin", &cross, &asked().to_string());
    day.at_the_door(
        "send it across sites under our page's name",
        "foreign_page",
        &answer.code(),
    );
}

#[test]
fn a_stolen_session_reads_and_does_nothing_else() {
    let mut world = opened(true, true);
    let mut day = Day::default();
    let hers = with(&mut world, ada, |w, key| w.sign_in(key));
    let stolen = session_of(&hers);
    let thiefs = with(&mut world, bea, |w, key| w.sign_in(key));
    copied(&mut day, &world, &stolen);
    with(&mut world, bea, |w, key| {
        forms(&mut day, w, &stolen, &thiefs, key);
    });

    // She signs out: the copy is as dead as the cookie.
    let own = format!("Origin: {}\r\nCookie: {hers}\r\n", world.origin);
    assert_eq!(world.post_with("/sign-out", &own, "").status, 303);
    day.tried(
        "read with the cookie after she signed out",
        "sign in first",
        reads(&world, &stolen),
        Shows::Nowhere,
    );
    day.at_the_door(
        "begin an answer with the cookie after she signed out",
        "no_session",
        &world.post("/answer/begin", &stolen, &asked()).code(),
    );
    let hers = with(&mut world, ada, |w, key| w.sign_in(key));
    let stolen = session_of(&hers);
    world.clock.0.fetch_add(15 * MINUTE, Ordering::SeqCst);
    day.tried(
        "read with the cookie after 15 minutes in which nobody used it",
        "sign in first",
        reads(&world, &stolen),
        Shows::Nowhere,
    );
    day.at_the_door(
        "begin an answer with the cookie after 15 minutes in which nobody used it",
        "no_session",
        &world.post("/answer/begin", &stolen, &asked()).code(),
    );
    assert!(matches!(world.stands("w-1"), Stands::Waits(_)));

    world.refusals.tell_all(world.clock.now());
    let dir = world.folder.path();
    let running = world.running.take().unwrap();
    let _stopped = running.stop();
    day.ends(&run(dir, &["journal", "show", "--data", "ex", "--json"]).out);
}
