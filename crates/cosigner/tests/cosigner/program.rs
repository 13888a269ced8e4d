//! The program itself, over TLS, with the guard simulator behind it: killed, restarted, refused, misused.

use crate::guard_simulator::GuardSimulator;
use crate::harness::{rsa, sample};
use crate::simulator::{BitGo, CoSigner, Misbehaviour};
use crate::{settings, tokens};
use keepwhole_cosigner::tls;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

fn secret(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
}

/// A folder with everything that the settings name; the authority's certificate stands in `ca.pem`, a caller's beside it.
fn installation(guard: &str, change: impl Fn(String) -> String) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let certificate = authority.self_signed(&authority_key).unwrap();
    fs::write(at.join("ca.pem"), certificate.pem()).unwrap();
    let issuer = rcgen::Issuer::from_params(&authority, &authority_key);
    for (name, file) in [("localhost", "server"), ("caller", "caller")] {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        fs::write(at.join(format!("{file}.pem")), certificate.pem()).unwrap();
        secret(at, &format!("{file}.key"), &key.serialize_pem());
    }
    fs::write(at.join("cosigner-1.pem"), &rsa(0).public).unwrap();
    secret(at, "user.pem", &rsa(1).private);
    secret(at, "bitgo.pem", &rsa(3).private);
    secret(at, "guard-token", "token\n");
    secret(at, "signer-token", "token\n");
    let set = format!(r#"{{"keys":[{}]}}"#, tokens::jwk_of(2, "bitgo-1"));
    fs::write(at.join("bitgo-jwks.json"), set).unwrap();
    let text = settings::whole().replace("http://127.0.0.1:8650", guard);
    let file = at.join("responder.toml");
    fs::write(&file, change(text)).unwrap();
    (folder, file)
}

struct Program {
    child: Child,
    vendors: String,
    health: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        // SIGKILL: what it remembers then is what was synced.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

fn command(file: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keepwhole-responder"));
    command.args(arguments).arg("--settings").arg(file);
    command
}

fn start(file: &Path) -> Program {
    let mut child = command(file, &["serve"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut address = |scheme: &str| {
        let line = lines.next().expect("it started").unwrap();
        line.rsplit_once(scheme).unwrap().1.to_owned()
    };
    let (vendors, health) = (address("https://"), address("http://"));
    Program {
        child,
        vendors,
        health,
    }
}

async fn exchange(
    stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin),
    head: &str,
    body: &str,
) -> Option<(u16, String)> {
    let length = body.len();
    let request = format!(
        "{head} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    // A peer that closes without saying so in TLS has said everything in HTTP.
    let _end = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let status = answer.get(9..12)?.parse().ok()?;
    let body = answer.split_once("\r\n\r\n")?.1.to_owned();
    Some((status, body))
}

impl Program {
    async fn post(
        &self,
        folder: &Path,
        path: &str,
        body: &str,
        caller: bool,
    ) -> Option<(u16, String)> {
        let (certificate, key) = (folder.join("caller.pem"), folder.join("caller.key"));
        let identity = caller.then_some((&*certificate, &*key));
        let config = tls::client(&folder.join("ca.pem"), identity).unwrap();
        let stream = TcpStream::connect(&self.vendors).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::clone(&config))
            .connect(name, stream)
            .await;
        exchange(&mut stream.ok()?, &format!("POST {path}"), body).await
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.health).await.unwrap();
        exchange(&mut stream, &format!("GET {path}"), "")
            .await
            .unwrap()
    }
}

fn transfer() -> Value {
    sample("fireblocks-transfer")
}

const PATH: &str = "/v2/tx_sign_request";

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_over_tls_and_remembers_over_a_kill() {
    let simulator = GuardSimulator::start().await;
    let denied = r#"{"outcome":"denied","reasons":[{"code":"limit_day"}]}"#;
    simulator.memory.lock().unwrap().instead[0] = Some((200, denied.to_owned()));
    let (folder, file) = installation(&simulator.address, |text| text);
    let (at, cosigner) = (folder.path(), CoSigner::new());
    let token = cosigner.token(&transfer());
    let first =
        {
            let program = start(&file);
            let (status, body) = program.post(at, PATH, &token, false).await.unwrap();
            assert_eq!(status, 200);
            assert_eq!(cosigner.reads(&body)["action"], "REJECT");
            for how in Misbehaviour::ALL {
                let forged = cosigner.misbehaves(how, &transfer());
                let refused = program.post(at, PATH, &forged, false).await.unwrap();
                assert_eq!(refused, (401, String::new()), "{how:?}");
            }
            // The paths of other modes, and the wrong method, are not there.
            let unsigned = transfer().to_string();
            assert_eq!(
                program
                    .post(at, "/tx_sign_request", &unsigned, false)
                    .await
                    .unwrap()
                    .0,
                404
            );
            let large = "a".repeat(600 * 1024);
            let refused = program.post(at, PATH, &large, false).await;
            assert!(refused.is_none_or(|(status, _)| status == 413));

            let (status, ready) = program.get("/readyz").await;
            let ready: Value = serde_json::from_str(&ready).unwrap();
            assert_eq!((status, &ready["ready"]), (200, &json!(true)));
            assert_eq!(ready["signers"][0]["silent"], false);
            assert!(ready["signers"][0]["last_call_age_s"].as_u64().unwrap() < 60);
            let (_, figures) = program.get("/metrics").await;
            assert!(figures.contains(
                "keepwhole_cosigner_last_call_age_seconds{signer=\"bitgo/enterprise-1\"}"
            ));
            assert_eq!(program.get("/livez").await, (200, "ok\n".to_owned()));
            body
        };
    // Killed; the guard would now say something else. The answer is the stored one, byte for byte.
    let held = r#"{"outcome":"held","reasons":[{"code":"approvals_missing"}]}"#;
    simulator.memory.lock().unwrap().instead[0] = Some((200, held.to_owned()));
    let program = start(&file);
    assert_eq!(
        program.post(at, PATH, &token, false).await.unwrap(),
        (200, first)
    );
    let mut next = transfer();
    next["requestId"] = json!("next");
    let (_, body) = program
        .post(at, PATH, &cosigner.token(&next), false)
        .await
        .unwrap();
    assert_eq!(cosigner.reads(&body)["action"], "RETRY");
    // BitGo beside it, with its own keys.
    let bitgo = BitGo::new();
    let mut claims = sample("bitgo-webhook");
    let object = claims.as_object_mut().unwrap();
    object.remove("iat");
    object.remove("exp");
    let (status, body) = program
        .post(at, "/bitgo", &bitgo.token(&claims), false)
        .await
        .unwrap();
    assert_eq!(
        (status, &bitgo.reads(&body)["statusCode"]),
        (409, &json!(409))
    );
    // A second process on the same memory does not start.
    let second = command(&file, &["serve"]).output().unwrap();
    assert_eq!(second.status.code(), Some(3));
    assert!(
        String::from_utf8(second.stderr)
            .unwrap()
            .contains("another responder")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_guard_clears_is_approved_and_stays_approved_when_the_guard_is_gone() {
    let simulator = GuardSimulator::start().await;
    let now = keepwhole_cosigner::guard::http::system_clock()() / 1_000;
    simulator.memory.lock().unwrap().now = Some(now);
    let (folder, file) = installation(&simulator.address, |text| text);
    let (cosigner, token) = (CoSigner::new(), CoSigner::new().token(&transfer()));
    let program = start(&file);
    let (status, first) = program
        .post(folder.path(), PATH, &token, false)
        .await
        .unwrap();
    assert_eq!(
        (status, &cosigner.reads(&first)["action"]),
        (200, &json!("APPROVE"))
    );
    let body = keepwhole_verify::digest::Digest::of(token.as_bytes()).to_hex();
    {
        let mut memory = simulator.memory.lock().unwrap();
        assert!(memory.asked[0].0.starts_with(&format!("c.{body}.")));
        memory.instead = [Some((500, String::new())), Some((500, String::new()))];
    }
    drop(program);
    let program = start(&file);
    let again = program.post(folder.path(), PATH, &token, false).await;
    assert_eq!(again, Some((200, first)));
    // The same withdrawal under another transaction of the vendor waits, guard or not.
    let mut other = transfer();
    (other["requestId"], other["txId"]) = (json!("r-2"), json!("t-2"));
    simulator.memory.lock().unwrap().instead = [None, None];
    let other = cosigner.token(&other);
    let (_, body) = program
        .post(folder.path(), PATH, &other, false)
        .await
        .unwrap();
    assert_eq!(cosigner.reads(&body)["action"], "RETRY");
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_without_a_certificate_do_not_get_through_where_they_need_one() {
    let simulator = GuardSimulator::start().await;
    let (folder, file) = installation(&simulator.address, |text| {
        text.replace(
            "key_file = \"server.key\"",
            "key_file = \"server.key\"\ncallers = \"ca.pem\"",
        )
    });
    simulator.memory.lock().unwrap().instead[0] = Some((503, String::new()));
    let program = start(&file);
    let token = CoSigner::new().token(&transfer());
    let stranger = program.post(folder.path(), PATH, &token, false).await;
    assert_eq!(stranger, None);
    let (status, body) = program
        .post(folder.path(), PATH, &token, true)
        .await
        .unwrap();
    assert_eq!(
        (status, &CoSigner::new().reads(&body)["action"]),
        (200, &json!("RETRY"))
    );
    // Who called stands in what the guard is asked under.
    assert_eq!(simulator.memory.lock().unwrap().asked.len(), 1);
}

#[test]
fn it_does_not_start_unsafely() {
    let refused = |change: &dyn Fn(String) -> String, spoil: &dyn Fn(&Path)| {
        let (folder, file) = installation("http://127.0.0.1:1", change);
        spoil(folder.path());
        let output = command(&file, &["serve"]).output().unwrap();
        assert_eq!(output.status.code(), Some(3));
        String::from_utf8(output.stderr).unwrap()
    };
    let same = |text: String| text;
    for mode in ["mode = 2", "mode = 3"] {
        let told = refused(&|text| text.replace("mode = 1", mode), &|_| ());
        assert!(told.contains("--allow-unsigned-callbacks"), "{told}");
    }
    let told = refused(&same, &|at| {
        fs::set_permissions(at.join("user.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    });
    assert!(told.contains("chmod 0400"), "{told}");
    let told = refused(&same, &|at| {
        fs::write(at.join("cosigner-1.pem"), &rsa(1).public).unwrap()
    });
    assert!(told.contains("are the same key"), "{told}");
    let told = refused(&same, &|at| {
        let set = format!(r#"{{"keys":[{}]}}"#, tokens::jwk_of(0, "bitgo-1"));
        fs::write(at.join("bitgo-jwks.json"), set).unwrap();
    });
    assert!(told.contains("are the same key"), "{told}");
    let told = refused(
        &|text| {
            text.replace("mode = 1", "mode = 7")
                .replace("/bitgo\"", "bitgo\"")
        },
        &|_| (),
    );
    assert!(
        told.contains("`fireblocks.mode`") && told.contains("`bitgo.path`"),
        "{told}"
    );
}

#[test]
fn a_key_id_is_not_used_for_a_second_key() {
    let (folder, file) = installation("http://127.0.0.1:1", |text| text);
    drop(start(&file));
    fs::remove_file(folder.path().join("bitgo.pem")).unwrap();
    secret(folder.path(), "bitgo.pem", &rsa(4).private);
    let output = command(&file, &["serve"]).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code() == Some(3) && told.contains("was used for another key"),
        "{told}"
    );
}

#[test]
fn the_public_half_is_printed_for_the_vendor() {
    let (folder, file) = installation("http://127.0.0.1:1", |text| text);
    assert!(command(&file, &["check"]).status().unwrap().success());
    let key = folder.path().join("bitgo.pem");
    let mut jwk = Command::new(env!("CARGO_BIN_EXE_keepwhole-responder"));
    jwk.arg("jwk").arg("--key").arg(key);
    let output = jwk
        .args(["--key-id", "keepwhole-2026-11-23"])
        .output()
        .unwrap();
    let set: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(set["keys"][0]["kid"], "keepwhole-2026-11-23");
    assert!(set["keys"][0].get("d").is_none());
}
