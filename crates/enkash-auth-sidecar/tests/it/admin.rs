//! The admin listener, and `probe`.

use std::process::{Command, Output};

use enkash_auth_sandbox::Rules;
use http::{Request, StatusCode};
use http_body_util::Full;

use super::{
    process::{Sidecar, sidecar},
    requests::FullResponse,
    stage::{Dialect, Stage, command, issuer, sandbox},
};

/// Returns a stage with an admin listener.
async fn stage() -> Stage {
    let sandbox = sandbox(issuer(Rules::new())).await;
    let mut command = command(&sandbox, Dialect::Form);
    command.args(["--admin", "127.0.0.1:0"]);
    Stage::with_command(sandbox, command).await
}

async fn get(stage: &Stage, path: &str, headers: &[(&str, &str)]) -> FullResponse {
    let url = format!("http://{}{path}", stage.sidecar.admin());
    let mut request = Request::get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    stage.send(request.body(Full::default()).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_serves_probes_and_forwards_nothing() {
    let stage = stage().await;
    stage.until_served().await;
    let calls = stage.issuer().counters().api_calls;
    assert_eq!(get(&stage, "/-/live", &[]).await.status, StatusCode::OK);
    assert_eq!(get(&stage, "/-/ready", &[]).await.status, StatusCode::OK);
    let status = get(&stage, "/-/status", &[]).await;
    assert_eq!(status.json()["state"], "ready");
    for path in ["/", "/api/v0/any", "/oauth/token", "/-/other"] {
        let response = get(&stage, path, &[]).await;
        assert_eq!(response.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(response.forwarded(), false);
    }
    assert_eq!(stage.issuer().counters().api_calls, calls);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn main_forwards_probe_paths_beside_admin() {
    let stage = stage().await;
    let echo = stage.get("/-/status").await.json();
    assert_eq!(echo["path"], "/-/status", "the upstream's");
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_declines_web_pages() {
    let stage = stage().await;
    for (header, expected) in [
        (("host", "evil.example"), 421),
        (("origin", "http://evil.example"), 403),
        (("sec-fetch-site", "cross-site"), 403),
    ] {
        let response = get(&stage, "/-/status", &[header]).await;
        assert_eq!(response.status, expected, "{header:?}");
    }
    stage.sidecar.kill().await;
}

/// Runs `probe` with the address of the admin listener, without credentials.
async fn probe(args: &[&str], sidecar_address: String) -> Output {
    let mut command = sidecar();
    command
        .arg("probe")
        .args(args)
        .env("ENKASH_ADMIN", sidecar_address);
    output(command).await
}

async fn output(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn probe_exits_with_state_of_sidecar() {
    let issuer = issuer(Rules::new());
    issuer.set_outage(true);
    let sandbox = sandbox(issuer).await;
    let mut command = command(&sandbox, Dialect::Form);
    command.args(["--admin", "127.0.0.1:0"]);
    let stage = Stage::with_command(sandbox, command).await;
    let admin = stage.sidecar.admin().to_string();

    assert_eq!(
        probe(&["--live"], admin.clone()).await.status.code(),
        Some(0)
    );
    let unready = probe(&[], admin.clone()).await;
    assert_eq!(unready.status.code(), Some(1));
    let text = String::from_utf8(unready.stderr).unwrap();
    assert!(text.contains("503"), "{text}");

    stage.issuer().set_outage(false);
    stage.until_served().await;
    assert_eq!(probe(&[], admin.clone()).await.status.code(), Some(0));

    stage.finish().await;
    assert_eq!(probe(&["--live"], admin).await.status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn probe_without_admin_asks_main_listener() {
    let stage = Stage::new().await;
    let mut command = sidecar();
    let listen = stage.sidecar.address().to_string();
    // A blank variable is unset.
    command.args(["--listen", &listen, "probe", "--live"]);
    command.env("ENKASH_ADMIN", " ");
    assert_eq!(output(command).await.status.code(), Some(0));
    stage.sidecar.kill().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn admin_listens_on_unix_socket() {
    let sandbox = sandbox(issuer(Rules::new())).await;
    let directory = super::host::state();
    let address = format!("unix:{}", directory.path().join("admin").display());
    let mut command = command(&sandbox, Dialect::Form);
    command.args(["--admin", &address]);
    let sidecar = Sidecar::start(command).await;
    assert_eq!(sidecar.listening()[1], address);
    assert_eq!(probe(&["--live"], address).await.status.code(), Some(0));
    sidecar.kill().await;
}
