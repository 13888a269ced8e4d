//! Who gets in and for how long, and what is taken from whom.

use super::*;

#[test]
fn nothing_is_taken_from_another_page_or_in_another_form() {
    let world = world(false);
    let body = r#"{"next":"/"}"#;
    let origin = format!("Origin: {}\r\n", world.origin);
    let json = "Content-Type: application/json\r\n";
    let port = world.address.port();
    for (what, headers, status) in [
        ("no origin", json.to_owned(), 403),
        (
            "a foreign origin",
            format!("Origin: https://evil.example\r\n{json}"),
            403,
        ),
        (
            "another port",
            format!("Origin: http://localhost:1\r\n{json}"),
            403,
        ),
        (
            "another name of this machine",
            format!("Origin: http://127.0.0.1:{port}\r\n{json}"),
            403,
        ),
        ("two origins", format!("{origin}{origin}{json}"), 403),
        ("a null origin", format!("Origin: null\r\n{json}"), 403),
        (
            "a cross-site fetch",
            format!("{origin}Sec-Fetch-Site: cross-site\r\n{json}"),
            403,
        ),
        (
            "a same-site fetch",
            format!("{origin}Sec-Fetch-Site: same-site\r\n{json}"),
            403,
        ),
        (
            "a form",
            format!("{origin}Content-Type: application/x-www-form-urlencoded\r\n"),
            400,
        ),
        (
            "plain text",
            format!("{origin}Content-Type: text/plain\r\n"),
            400,
        ),
        ("the page itself", format!("{origin}{json}"), 200),
    ] {
        let answer = world.post_with("/sign-in/begin", &headers, body);
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
        if status == 403 {
            // The script reads JSON alone.
            assert_eq!(answer.code(), "foreign_page", "{what}");
        }
    }
    let own = format!("{origin}{json}");
    for body in [
        "",
        "{}",
        "[]",
        "null",
        r#"{"next":1}"#,
        r#"{"next":"/","next":"/guard"}"#,
        r#"{"next":"/","more":1}"#,
        r#"{"next":"/"} x"#,
        "\u{feff}{\"next\":\"/\"}",
    ] {
        let answer = world.post_with("/sign-in/begin", &own, body);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "malformed"),
            "{body}"
        );
    }
    let deep = format!("{{\"next\":{}{}}}", "[".repeat(2_000), "]".repeat(2_000));
    assert_eq!(world.post_with("/sign-in/begin", &own, &deep).status, 400);
    let large = format!("{{\"next\":\"{}\"}}", "x".repeat(70_000));
    let refused = world.post_with("/sign-in/begin", &own, &large);
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (413, "too_large")
    );
    let nowhere = world.post_with("/nowhere", &own, "{}");
    assert_eq!(
        (nowhere.status, nowhere.code().as_str()),
        (404, "not_found")
    );
    let chunked = format!(
        "POST /sign-in/begin HTTP/1.1\r\nHost: {}\r\n{own}Transfer-Encoding: chunked\r\n",
        world.host()
    );
    assert_eq!(world.send(&chunked, b"0\r\n\r\n").status, 413);
    assert_eq!(world.get("/sign-in/begin", "").status, 405);
    let put = format!("PUT /sign-in/begin HTTP/1.1\r\nHost: {}\r\n", world.host());
    assert_eq!(world.send(&put, b"").status, 405);
}

#[test]
fn who_does_not_get_in_is_told_why() {
    let mut world = world(false);
    let mut stranger = Authenticator::of("stranger");
    let refused = world.try_sign_in(&mut stranger, "");
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "credential_unknown")
    );
    assert_eq!(refused.cookies(), "");
    // Another key under ada's id.
    stranger.id = world.ada.id.clone();
    assert_eq!(
        world.try_sign_in(&mut stranger, "").code(),
        "signature_invalid"
    );
    // A counter that did not rise: there may be a copy.
    with(&mut world, ada, |w, key| {
        w.sign_in(key);
        key.counter -= 1;
        assert_eq!(w.try_sign_in(key, "").code(), "counter_not_risen");
        key.counter += 7;
        w.sign_in(key);
    });
    // Without verification of the user, at another site, or too late.
    let (ticket, challenge) = world.begin("/sign-in/begin", "", &json!({ "next": "/" }));
    let late = with(&mut world, ada, |w, key| w.posted(&ticket, key, &challenge));
    world.clock.0.fetch_add(5 * MINUTE, Ordering::SeqCst);
    assert_eq!(
        world.post("/sign-in/finish", "", &late).code(),
        "ceremony_over"
    );
    let (ticket, challenge) = world.begin("/sign-in/begin", "", &json!({ "next": "/" }));
    let elsewhere = with(&mut world, ada, |w, key| {
        let origin = w.origin.clone();
        let assertion = key.sign("exchange.example", &challenge, &origin);
        let mut body = w.posted(&ticket, key, &challenge);
        body["authenticator_data"] = json!(URL_SAFE_NO_PAD.encode(assertion.authenticator_data));
        body
    });
    assert_eq!(
        world.post("/sign-in/finish", "", &elsewhere).code(),
        "relying_party_unknown"
    );
}

#[test]
fn sessions_end_by_idleness_by_age_and_by_the_door() {
    let mut world = world(true);
    // Every page but those of the sign-in leads there.
    for path in [
        "/",
        "/guard/w-1",
        "/journal",
        "/people",
        "/approve",
        "/log/tile/entries/000",
    ] {
        let answer = world.get(path, "");
        assert_eq!(answer.status, 303, "{path}");
        assert!(
            answer.header("location").starts_with("/sign-in?next=%2F"),
            "{path}"
        );
    }
    for path in [
        "/sign-in",
        "/enrol",
        "/style.css",
        "/passkey.js",
        "/healthz",
        "/log/checkpoint",
    ] {
        assert_eq!(world.get(path, "").status, 200, "{path}");
    }
    let refused = world.post(
        "/answer/begin",
        "",
        &json!({ "target": "w-1", "role": "risk", "decision": "approve" }),
    );
    assert_eq!(refused.code(), "no_session");
    let cookies = with(&mut world, ada, |w, key| w.sign_in(key));
    assert_eq!(world.get("/guard/w-1", &cookies).status, 200);
    // A cookie that comes twice was set by somebody else.
    let twice = format!("{cookies}; {cookies}");
    assert_eq!(world.get("/guard/w-1", &twice).status, 303);
    for _ in 0..4 {
        world.clock.0.fetch_add(14 * MINUTE, Ordering::SeqCst);
        assert_eq!(world.get("/", &cookies).status, 200);
    }
    world.clock.0.fetch_add(15 * MINUTE, Ordering::SeqCst);
    assert_eq!(world.get("/", &cookies).status, 303, "idle");
    assert_eq!(world.get("/", &cookies).status, 303, "and it stays over");
    let cookies = with(&mut world, ada, |w, key| w.sign_in(key));
    for _ in 0..34 {
        world.clock.0.fetch_add(14 * MINUTE, Ordering::SeqCst);
        assert_eq!(world.get("/", &cookies).status, 200);
    }
    world.clock.0.fetch_add(5 * MINUTE, Ordering::SeqCst);
    assert_eq!(world.get("/", &cookies).status, 303, "eight hours in all");
    let cookies = with(&mut world, ada, |w, key| w.sign_in(key));
    let form = format!("Origin: {}\r\nCookie: {cookies}\r\n", world.origin);
    assert_eq!(
        world
            .post_with("/sign-out", &format!("Cookie: {cookies}\r\n"), "")
            .status,
        403
    );
    assert_eq!(
        world.get("/", &cookies).status,
        200,
        "no other page signs her out"
    );
    let out = world.post_with("/sign-out", &form, "");
    assert_eq!(
        (out.status, out.header("location")),
        (303, "/sign-in?lang=en")
    );
    assert_eq!(world.get("/", &cookies).status, 303, "the cookie again");
    // A form that was sent too late leads back to its page, not to an address that takes no reading.
    for (path, next) in [
        ("/approve/w-1/answer", "%2Fapprove%2Fw-1"),
        ("/propose/policy", "%2Fpropose"),
        ("/sign-out", "%2Fapprove"),
    ] {
        let late = world.post_with(path, &format!("Origin: {}\r\n", world.origin), "");
        let expected = format!("/sign-in?next={next}&lang=en");
        assert_eq!((late.status, late.header("location")), (303, &*expected));
    }
}

#[test]
fn strangers_who_begin_push_nobody_out() {
    let mut world = world(false);
    let (ticket, challenge) = world.begin("/sign-in/begin", "", &json!({ "next": "/guard" }));
    for _ in 0..600 {
        let begun = world.post("/sign-in/begin", "", &json!({ "next": "/" }));
        assert_eq!(begun.status, 200);
    }
    let body = with(&mut world, ada, |w, key| w.posted(&ticket, key, &challenge));
    let answer = world.post("/sign-in/finish", "", &body);
    assert_eq!(answer.json()["next"], "/guard?lang=en", "{}", answer.body);
    let again = world.post("/sign-in/finish", "", &body);
    assert_eq!(again.code(), "ceremony_over", "a ticket serves once");
}

#[test]
fn a_new_sign_in_ends_the_session_before() {
    let mut world = world(true);
    let first = with(&mut world, ada, |w, key| w.sign_in(key));
    assert_eq!(world.get("/", &first).status, 200);
    let second = with(&mut world, ada, |w, key| w.try_sign_in(key, &first)).cookies();
    assert_eq!(world.get("/", &second).status, 200);
    assert_eq!(world.get("/", &first).status, 303);
}

#[test]
fn a_sign_in_leaves_code_and_finding_in_the_journal() {
    let mut world = world(false);
    let first = with(&mut world, ada, |w, key| w.sign_in(key));
    let browser = first
        .split("; ")
        .find(|pair| pair.starts_with("keepwhole-browser="))
        .unwrap()
        .to_owned();
    assert!(
        !world
            .get("/approve", &first)
            .body
            .contains("A finding about you")
    );
    // The same browser again: nothing. Another one: a finding, and her word does not count.
    let again = with(&mut world, ada, |w, key| w.try_sign_in(key, &browser)).cookies();
    assert!(
        !world
            .get("/approve", &again)
            .body
            .contains("A finding about you")
    );
    let other = with(&mut world, ada, |w, key| w.sign_in(key));
    let page = world.get("/approve", &other);
    assert!(
        page.body.contains("A finding about you")
            && page.body.contains("a device never used before"),
        "{}",
        page.body
    );
    let refused = with(&mut world, ada, |w, key| {
        w.answer(key, &other, ("w-1", "risk", "approve"))
    });
    assert_eq!(refused.code(), "finding_stands");
    let own = with(&mut world, ada, |w, key| {
        w.answer(key, &other, ("finding-0", "administrator", "approve"))
    });
    assert_eq!(own.code(), "self_approval");
    let cleared = with(&mut world, bea, |w, key| {
        let cookies = w.sign_in(key);
        w.answer(key, &cookies, ("finding-0", "administrator", "approve"))
    });
    assert_eq!(cleared.status, 200, "{}", cleared.body);
    let counts = with(&mut world, ada, |w, key| {
        w.answer(key, &other, ("w-1", "risk", "approve"))
    });
    assert_eq!(counts.status, 200, "{}", counts.body);
}

#[test]
fn the_page_reads_without_a_script_and_says_what_does_the_same() {
    let mut world = world(false);
    let cookies = with(&mut world, ada, |w, key| w.sign_in(key));
    for (path, cookies) in [
        ("/sign-in", ""),
        ("/enrol", ""),
        ("/stop", &cookies),
        ("/propose", &cookies),
        ("/approve/w-1", &cookies),
    ] {
        let page = world.get(path, cookies);
        assert!(page.body.contains("<noscript>"), "{path}");
        assert!(page.body.contains("A passkey needs JavaScript"), "{path}");
        assert!(
            page.body.contains("data-begin") && page.body.contains(" hidden "),
            "{path}"
        );
        assert!(
            !page.body.contains("onclick") && !page.body.contains("<script>"),
            "{path}"
        );
    }
    // At another name of this machine the browser has no such passkey: the page says where.
    let host = format!(
        "GET /sign-in HTTP/1.1\r\nHost: {}\r\nAccept-Language: en\r\n",
        world.address
    );
    let page = world.send(&host, b"");
    assert!(
        page.body
            .contains(&format!("href=\"{}/sign-in\"", world.origin)),
        "{}",
        page.body
    );
    assert!(!page.body.contains("data-begin"));
    assert!(Path::new(&world.folder.path().join("ex")).is_dir());
}
