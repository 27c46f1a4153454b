//! What the sidecar prints, returns and stores.

use std::{fs, process::Command, sync::Arc};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy, rt::TokioExecutor};
use tokio::task::{JoinSet, spawn_blocking};

use crate::{
    process::{Sidecar, sidecar},
    responses::responses,
    server::{Server, grant, response},
    sinks::Canary,
    stage::directory,
};

/// Returns the sidecar command for the server at `base`, with its own secrets.
fn command(canary: &Canary, base: &str) -> Command {
    let mut command = sidecar();
    command
        .env("ENKASH_BASE_URL", base)
        .env("ENKASH_CLIENT_ID", "client-id")
        .env("ENKASH_CLIENT_SECRET", canary.password("client secret"))
        .env("ENKASH_USERNAME", "user@example.com")
        .env("ENKASH_PASSWORD", canary.password("password"))
        .env("ENKASH_API_KEY", canary.secret("API key"))
        // Long enough for every response, so that no timeout affects the output.
        .env("ENKASH_FETCH_TIMEOUT", "60s")
        .env("ENKASH_WAIT_TIMEOUT", "60s")
        .env("ENKASH_ATTEMPTS", "1");
    command
}

/// Runs a command to its end, and records its output.
async fn run(canary: &Canary, mut command: Command) {
    let output = spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    canary.note("printed", [output.stdout, output.stderr].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn check_prints_no_secret() {
    let mut checking = JoinSet::new();
    let names = [
        "rejected",
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
            // Secrets first, because the responses echo them.
            let mut check = command(&canary, closed);
            let all = responses(&canary);
            let (_, response) = all.into_iter().find(|(of, _)| *of == name).unwrap();
            let server = Server::start(move |_| response.clone()).await;
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
async fn setting_errors_repeat_no_value() {
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
async fn calls_and_probes_return_no_secret() {
    let canary = Arc::new(Canary::new());
    let minting = Arc::clone(&canary);
    let server = Server::start(move |request| {
        if request.starts_with("POST /oauth") {
            return grant(&minting.secret("token"));
        }
        if request.starts_with("GET /well") {
            return response("200 OK", "", "well");
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
    program.env("ENKASH_ACCESS_LOG", "stdout");
    let sidecar = Sidecar::start(program).await;
    let client = legacy::Client::builder(TokioExecutor::new()).build_http();
    let own = canary.secret("the caller's own token");
    for path in [
        "/-/ready",
        "/well",
        &format!("/well?key={own}"),
        "/broken",
        "/-/live",
        "/-/ready",
        "/-/status",
        "/-/metrics",
        "/-/",
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
        canary.note("responses", format!("{head:?} {body:?}"));
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
    canary.assert_silent(&["responses", "files", "printed"]);
}
