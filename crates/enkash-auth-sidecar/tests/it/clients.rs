//! HTTP clients, as they come.

use std::{
    path::Path,
    process::{Command, Output},
};

use super::{issuer::python, stage::Stage};

async fn output(mut command: Command) -> Output {
    // A proxy of this machine is not for loopback.
    command.env("NO_PROXY", "127.0.0.1");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    output.await.unwrap()
}

/// Runs curl with `args` and the URL of a call. Returns the status and the length of the body that arrived, and what
/// curl says about the connection.
async fn curl(stage: &Stage, args: &[&str]) -> (u64, u64, String) {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--verbose", "--write-out", "\n%{http_code}"]);
    curl.args(args).arg(stage.url("/any"));
    let Output { stdout, stderr, .. } = output(curl).await;
    let (stdout, log) = (String::from_utf8(stdout), String::from_utf8(stderr));
    let (stdout, log) = (stdout.unwrap(), log.unwrap());
    let (body, status) = stdout.rsplit_once('\n').unwrap();
    let echo: serde_json::Value = serde_json::from_str(body).unwrap();
    let length = echo["body_length"].as_u64().unwrap();
    (status.parse().unwrap(), length, log)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs curl"]
async fn curl_calls_and_uploads() {
    let stage = Stage::new().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("upload");
    std::fs::write(&file, vec![b'x'; 1 << 20]).unwrap();
    let upload = format!("@{}", file.display());
    let expect = ["--header", "Expect: 100-continue", "--data-binary", &upload];
    for (args, length) in [
        (&[][..], 0),
        (&["--data", "{}"], 2),
        (&["--http1.0"], 0),
        (&["--http1.0", "--data", "{}"], 2),
        (&expect, 1 << 20),
    ] {
        let (status, arrived, log) = curl(&stage, args).await;
        assert_eq!((status, arrived), (200, length), "{args:?}: {log}");
        let continues = log.contains("< HTTP/1.1 100 Continue");
        assert_eq!(continues, length > 2, "{log}");
    }
    let counters = stage.issuer().counters();
    assert_eq!((counters.api_calls, counters.api_unauthorized), (5, 0));
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Python and httpx"]
async fn httpx_calls_and_uploads() {
    let stage = Stage::new().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/with_httpx.py");
    let mut httpx = Command::new(python());
    httpx.arg(script).arg(stage.url(""));
    let output = output(httpx).await;
    let printed = String::from_utf8_lossy(&output.stdout);
    let expected = "(200, 0) (200, 2) (200, 1048576)";
    assert_eq!(printed.trim_end(), expected, "{output:?}");
    stage.finish().await;
}
