//! The program: what it prints, answers and keeps.

use std::{fs, process::Command, sync::Arc};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy, rt::TokioExecutor};
use tokio::task::{JoinSet, spawn_blocking};

use self::process::{Sidecar, sidecar};
use crate::{
    answers::answers,
    server::{Server, answer, grant},
    sinks::Canary,
    stage::directory,
};

#[expect(dead_code, reason = "not all of it is needed here")]
#[path = "../it/sidecar/process.rs"]
mod process;

/// The program before `server`, with secrets of its own.
fn command(canary: &Canary, base: &str) -> Command {
    let mut command = sidecar();
    command
        .env("ENKASH_BASE_URL", base)
        .env("ENKASH_CLIENT_ID", "client-id")
        .env("ENKASH_CLIENT_SECRET", canary.password("client secret"))
        .env("ENKASH_USERNAME", "user@example.com")
        .env("ENKASH_PASSWORD", canary.password("password"))
        .env("ENKASH_API_KEY", canary.secret("API key"))
        // Every response comes: no limit of time decides what is printed.
        .env("ENKASH_FETCH_TIMEOUT", "60s")
        .env("ENKASH_WAIT_TIMEOUT", "60s")
        .env("ENKASH_ATTEMPTS", "1");
    command
}

/// Runs it to its end, and notes all that it printed.
async fn run(canary: &Canary, mut command: Command) {
    let output = spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    canary.note("printed", [output.stdout, output.stderr].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_check_prints_a_secret() {
    let mut checking = JoinSet::new();
    let names = [
        "refused",
        "an envelope",
        "unavailable",
        "HTML",
        "no HTTP",
        "a redirect",
        "half",
    ];
    for name in names {
        checking.spawn(async move {
            let canary = Canary::new();
            let closed = "http://127.0.0.1:9";
            // Secrets first: they are what is thrown back.
            let mut check = command(&canary, closed);
            let all = answers(&canary);
            let (_, answer) = all.into_iter().find(|(of, _)| *of == name).unwrap();
            let server = Server::start(move |_| answer.clone()).await;
            check.env("ENKASH_BASE_URL", server.base()).arg("check");
            run(&canary, check).await;
            assert!(!server.seen().is_empty(), "{name}");
            canary
        });
    }
    let canary = Canary::new();
    for other in checking.join_all().await {
        canary.absorb(&other);
    }
    canary.assert_silent(&["printed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_setting_is_repeated() {
    let canary = Canary::new();
    for wrong in [
        "ENKASH_BASE_URL",
        "ENKASH_PASSWORD_FILE",
        "ENKASH_ATTEMPTS",
        "ENKASH_TOKEN_STORE",
        "ENKASH_ON_STORE_DOWN",
        "HTTPS_PROXY",
    ] {
        let mut check = command(&canary, "http://127.0.0.1:9");
        let secret = canary.password(wrong);
        check.env(wrong, secret).arg("check");
        run(&canary, check).await;
    }
    canary.assert_silent(&["printed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_and_no_probe_shows_a_secret() {
    let canary = Arc::new(Canary::new());
    let minting = Arc::clone(&canary);
    let server = Server::start(move |request| {
        if request.starts_with("POST /oauth") {
            return grant(&minting.secret("token"));
        }
        if request.starts_with("GET /well") {
            return answer("200 OK", "", "well");
        }
        Some(minting.all().join(" ").into_bytes())
    })
    .await;
    let state = directory();
    let mut program = command(&canary, &server.base());
    program.env(
        "ENKASH_TOKEN_STORE",
        format!("file:{}/store", state.path().display()),
    );
    let sidecar = Sidecar::start(program).await;
    let client = legacy::Client::builder(TokioExecutor::new()).build_http();
    let own = canary.secret("the caller's own token");
    for path in [
        "/-/ready",
        "/well",
        "/broken",
        "/-/live",
        "/-/ready",
        "/-/status",
        "/-/other",
    ] {
        let request = Request::get(format!("http://{}{path}", sidecar.address()))
            .header("authorization", format!("Bearer {own}"))
            .header("proxy-authorization", format!("Basic {own}"))
            .header("cookie", format!("session={own}"))
            .body(Full::<Bytes>::default())
            .unwrap();
        let (head, body) = client.request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        canary.note("answers", format!("{head:?} {body:?}"));
    }
    for entry in fs::read_dir(state.path().join("store")).unwrap() {
        canary.note("files", fs::read(entry.unwrap().path()).unwrap());
    }
    canary.note("printed", sidecar.kill().await);
    assert!(
        server
            .seen()
            .iter()
            .any(|request| request.starts_with("GET /broken"))
    );
    canary.assert_silent(&["answers", "files", "printed"]);
}
