//! What a signed-in person proposes beside stops: files, keys, longer roles. The quorum decides, as on the command line.

use super::*;

/// Sends one file in a form, as a browser does without JavaScript.
fn form(world: &World, path: &str, field: &str, content: &str, cookies: &str) -> Answer {
    let body = format!(
        "--b1\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"f\"\r\nContent-Type: application/octet-stream\r\n\r\n{content}\r\n--b1--\r\n"
    );
    let headers = format!(
        "Origin: {}\r\nContent-Type: multipart/form-data; boundary=b1\r\nCookie: {cookies}\r\n",
        world.origin
    );
    world.post_with(path, &headers, &body)
}

/// Proposes with a touch; the id of the proposal.
fn propose(world: &World, by: &mut Authenticator, cookies: &str, asked: &Value) -> String {
    let (ticket, challenge) = world.begin("/propose/begin", cookies, asked);
    let body = world.posted(&ticket, by, &challenge);
    let done = world.post("/propose/finish", cookies, &body);
    assert_eq!(done.status, 200, "{}", done.body);
    let next = done.json()["next"].as_str().unwrap().to_owned();
    let path = next.split('?').next().unwrap();
    path.rsplit('/').next().unwrap().to_owned()
}

/// The last part of the address that a taken file leads to.
fn taken(answer: &Answer, page: &str) -> String {
    assert_eq!(answer.status, 303, "{}", answer.body);
    let to = answer.header("location");
    let under = to.strip_prefix(page).unwrap_or_else(|| panic!("{to}"));
    under.split('?').next().unwrap().to_owned()
}

/// The rules of the small exchange, with quorums for policies and for resets of keys.
fn rules(world: &World) -> String {
    let any = "[\"administrator\", \"risk\", \"treasury\"]";
    let quorum = |class: &str, persons: u32| {
        format!(
            "[[quorum]]\nclass = \"{class}\"\npersons = {persons}\namong = {any}\nadministrative = true\n"
        )
    };
    let classes = [
        ("lift_stop", 2),
        ("roster_change", 2),
        ("loosen_policy", 2),
        ("credential_reset", 2),
        ("lower_risk", 1),
    ];
    let quorums: String = classes
        .map(|(class, persons)| quorum(class, persons))
        .concat();
    format!(
        "version = 2\n{quorums}[[site]]\nid = \"localhost\"\norigins = [\"{}\"]\n",
        world.origin
    )
}

/// A policy that clears nothing, over this exchange's one asset and its roles.
fn policy(version: u32) -> String {
    let text = include_str!("../../../../../policies/watch-only.toml");
    let money = |line: &&str| {
        ["KRW =", "BTC =", "SOL =", "XRP =", "USDT ="]
            .iter()
            .all(|asset| !line.starts_with(asset))
    };
    let lines: Vec<&str> = text.lines().filter(money).collect();
    lines
        .join("\n")
        .replace("version = 1", &format!("version = {version}"))
        .replace(",000,000 KRW", " ETH")
        .replace("\"KRW\"", "\"ETH\"")
        .replace(
            "[\"admin\", \"security\", \"compliance\"]",
            "[\"administrator\"]",
        )
        .replace(
            "[\"admin\", \"compliance\", \"support\"]",
            "[\"administrator\"]",
        )
        .replace("[\"admin\", \"compliance\"]", "[\"administrator\"]")
        .replace("[\"admin\"]", "[\"administrator\"]")
        .replace("[\"approver\"]", "[\"risk\", \"treasury\"]")
        .replace(
            "admin = 3\napprover = 3\nsecurity = 1\ncompliance = 1",
            "administrator = 3",
        )
}

#[test]
fn a_file_with_faults_is_told_line_by_line_and_kept_nowhere() {
    let mut world = world(false);
    let cookies = with(&mut world, ada, |w, key| w.sign_in(key));
    let page = world.get("/propose", &cookies).body;
    for said in [
        "Adopt a policy",
        "Adopt rules of authority",
        "Prolong roles",
        "<noscript>",
    ] {
        assert!(page.contains(said), "{said} is missing: {page}");
    }
    let before = world.entries();
    let unnamed = policy(2).replace("\"ETH\"", "\"DOGE\"");
    let late = policy(7);
    for (path, field, content, told) in [
        (
            "/propose/policy",
            "policy",
            "version = 2\ncolour = 1\n",
            vec!["Line 2:", "<code>colour</code>", "no such key"],
        ),
        (
            "/propose/policy",
            "policy",
            &unnamed,
            vec!["<code>reference</code>", "DOGE"],
        ),
        (
            "/propose/policy",
            "policy",
            &late,
            vec![
                "<code>version</code>",
                "does not follow version `1`",
                "write `version = 2`",
            ],
        ),
        (
            "/propose/policy",
            "policy",
            "",
            vec!["Line 1:", "is missing"],
        ),
        (
            "/propose/policy",
            "rules",
            &late,
            vec!["is not what this page sends"],
        ),
        (
            "/propose/rules",
            "rules",
            "version = 2\ncolour = 1\n",
            vec!["Line 2:", "unknown field `colour`", "File of rules"],
        ),
        (
            "/propose/credential",
            "credential",
            "{\"id\": 1}",
            vec!["read as a credential", "line 1"],
        ),
    ] {
        let answer = form(&world, path, field, content, &cookies);
        assert_eq!(answer.status, 400, "{path}: {}", answer.body);
        for said in told.iter().chain(&[
            "aria-invalid=\"true\"",
            "<title>Not taken: ",
            "role=\"alert\"",
        ]) {
            assert!(
                answer.body.contains(said),
                "{path}: {said} is missing: {}",
                answer.body
            );
        }
    }
    let nobody = form(&world, "/propose/policy", "policy", &policy(2), "");
    assert_eq!(nobody.status, 401, "{}", nobody.body);
    assert_eq!(world.get("/propose/policy", &cookies).status, 405);
    assert_eq!(world.entries(), before, "nothing reached the journal");
}

#[test]
fn rules_policies_and_resets_are_proposed_from_files_and_a_quorum_decides() {
    let mut world = world(false);
    let (cookies, of_bea) = (
        with(&mut world, ada, |w, key| w.sign_in(key)),
        with(&mut world, bea, |w, key| w.sign_in(key)),
    );
    let approve = |world: &mut World, id: &str| {
        // Quorums that are switched off or weakened ask for the roles that they asked for.
        let first = with(world, ada, |w, key| {
            w.answer(key, &cookies, (id, "risk", "approve"))
        });
        let second = with(world, bea, |w, key| {
            w.answer(key, &of_bea, (id, "treasury", "approve"))
        });
        for answer in [first, second] {
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
    };
    // Rules: looked at first, by whoever brought them alone.
    let answer = form(&world, "/propose/rules", "rules", &rules(&world), &cookies);
    let under = taken(&answer, "/propose/file/");
    let path = format!("/propose/file/{under}");
    let page = world.get(&path, &cookies).body;
    for said in [
        "Version 1 now, 2 proposed",
        "Nothing is recorded yet",
        "resetting passkeys",
        "data-begin",
    ] {
        assert!(page.contains(said), "{said} is missing: {page}");
    }
    assert_eq!(world.get(&path, &of_bea).status, 404, "another session's");
    assert_eq!(world.get(&path, "").status, 404);
    let asked = json!({ "kind": "file", "file": under });
    assert_eq!(
        world.post("/propose/begin", &of_bea, &asked).code(),
        "not_brought"
    );
    let id = with(&mut world, ada, |w, key| propose(w, key, &cookies, &asked));
    assert!(matches!(world.stands(&id), Stands::Waits(_)));
    approve(&mut world, &id);
    assert_eq!(world.stands(&id), Stands::Done);
    // A policy: its difference is shown, and what the check says beside.
    let answer = form(&world, "/propose/policy", "policy", &policy(2), &cookies);
    let under = taken(&answer, "/propose/file/");
    let page = world.get(&format!("/propose/file/{under}"), &cookies).body;
    for said in [
        "Propose this policy?",
        "id=\"difference\"",
        "<code>rule.watch-only</code>",
        "<code>law.places</code>",
    ] {
        assert!(page.contains(said), "{said} is missing: {page}");
    }
    let asked = json!({ "kind": "file", "file": under });
    let id = with(&mut world, ada, |w, key| propose(w, key, &cookies, &asked));
    let page = world.get(&format!("/policy?proposal={id}"), &cookies).body;
    assert!(page.contains("id=\"difference\""), "{page}");
    // Keys: the file of a new one leads to the page with its six words, and a quorum replaces the old ones.
    let fresh = Authenticator::of("ada's second");
    let file = keepwhole::authority::credential_text(&fresh.enrolled());
    let answer = form(&world, "/propose/credential", "credential", &file, &of_bea);
    let made = taken(&answer, "/enrol/");
    let words = keepwhole::authority::credential_words(&fresh.id, &fresh.cose());
    let page = world.get(&format!("/enrol/{made}"), &of_bea).body;
    assert!(
        page.contains(&words) && page.contains("Propose the reset"),
        "{page}"
    );
    let asked = json!({ "kind": "reset", "made": made, "person": "ada" });
    let id = with(&mut world, bea, |w, key| propose(w, key, &of_bea, &asked));
    assert!(
        world
            .get(&format!("/approve/{id}"), "")
            .body
            .contains(&words)
    );
    assert!(matches!(world.stands(&id), Stands::Waits(_)));
    let own = with(&mut world, ada, |w, key| {
        w.answer(key, &cookies, (&id, "risk", "approve"))
    });
    assert_eq!(own.code(), "self_approval", "whose keys they are");
    let mut cem = Authenticator::of("cem");
    let of_cem = world.sign_in(&mut cem);
    let second = world.answer(&mut cem, &of_cem, (&id, "risk", "approve"));
    assert_eq!(second.status, 200, "{}", second.body);
    let first = with(&mut world, bea, |w, key| {
        w.answer(key, &of_bea, (&id, "treasury", "approve"))
    });
    assert_eq!(first.status, 200, "{}", first.body);
    assert_eq!(world.stands(&id), Stands::Done);
    assert_eq!(
        with(&mut world, ada, |w, key| w.try_sign_in(key, "")).code(),
        "credential_inactive"
    );
    let mut fresh = fresh;
    assert_eq!(world.try_sign_in(&mut fresh, "").status, 200);
}

#[test]
fn longer_roles_are_proposed_and_files_wait_an_hour() {
    let mut world = world(false);
    let cookies = with(&mut world, ada, |w, key| w.sign_in(key));
    for (asked, code) in [
        (
            json!({ "kind": "renew", "account": "bea", "days": "91" }),
            "days",
        ),
        (
            json!({ "kind": "renew", "account": "", "days": "9" }),
            "name",
        ),
        (
            json!({ "kind": "reset", "person": "bea", "made": "x" }),
            "not_made",
        ),
        (json!({ "kind": "file", "file": "x" }), "not_brought"),
    ] {
        assert_eq!(
            world.post("/propose/begin", &cookies, &asked).code(),
            code,
            "{asked}"
        );
    }
    let asked = json!({ "kind": "renew", "account": "bea", "days": "88" });
    let id = with(&mut world, ada, |w, key| propose(w, key, &cookies, &asked));
    let matter = world.desk.matter(&id).unwrap();
    let ends = matter
        .fields
        .iter()
        .find(|(name, _)| name == "expires")
        .unwrap();
    let days = (ends.1.parse::<u64>().unwrap() - (NOON + MINUTE) / 1_000) / 86_400;
    assert_eq!((matter.line.action.as_str(), days), ("renew-roles", 88));
    let answer = form(&world, "/propose/rules", "rules", &rules(&world), &cookies);
    let path = format!("/propose/file/{}", taken(&answer, "/propose/file/"));
    for _ in 0..4 {
        assert_eq!(world.get(&path, &cookies).status, 200);
        world.clock.0.fetch_add(14 * MINUTE, Ordering::SeqCst);
    }
    assert_eq!(world.get(&path, &cookies).status, 200);
    world.clock.0.fetch_add(5 * MINUTE, Ordering::SeqCst);
    assert_eq!(world.get(&path, &cookies).status, 404);
    assert_eq!(
        world.get("/propose", &cookies).status,
        200,
        "the session goes on"
    );
}
