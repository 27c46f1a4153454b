//! More connections than the limit.

use std::time::Duration;

use bytes::Bytes;
use enkash_auth_sandbox::{Endpoint, Fault, Rules, Sandbox};
use http::{Request, StatusCode};
use http_body_util::Full;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

use super::{
    process::Sidecar,
    requests::{FullResponse, call, client, until_served},
    stage::{Dialect, Stage, command, issuer, sandbox},
};

async fn stage(max_connections: &str) -> Stage {
    let sandbox = sandbox(issuer(Rules::new())).await;
    let mut command = command(&sandbox, Dialect::Form);
    command.args(["--max-connections", max_connections]);
    Stage::with_command(sandbox, command).await
}

/// A connection that is kept.
struct Kept(TcpStream);

impl Kept {
    async fn open(stage: &Stage) -> Self {
        Self(TcpStream::connect(stage.sidecar.address()).await.unwrap())
    }

    /// Makes a call, and returns whether the connection remains open.
    async fn call(&mut self, stage: &Stage) -> bool {
        let address = stage.sidecar.address();
        let head = format!("GET /a HTTP/1.1\r\nHost: {address}\r\nSandbox-Echo: body\r\n\r\n");
        if self.0.write_all(head.as_bytes()).await.is_err() {
            return false;
        }
        let mut response = Vec::new();
        while !response.ends_with(b"\r\n\r\n") {
            match self.0.read_u8().await {
                Ok(byte) => response.push(byte),
                Err(_) => return false,
            }
        }
        let response = String::from_utf8(response).unwrap().to_lowercase();
        assert!(response.starts_with("http/1.1 200"), "{response}");
        !response.contains("connection: close")
    }

    async fn until_closed(&mut self) {
        let read = self.0.read(&mut [0]).await;
        assert!(read.is_err() || read.is_ok_and(|length| length == 0));
    }
}

/// Starts a call that the upstream does not end, or ends late.
async fn call_with(stage: &Stage, fault: Fault) -> tokio::task::JoinHandle<FullResponse> {
    let calls = stage.issuer().counters().api_calls;
    stage.issuer().order(fault.at(Endpoint::Api));
    let request = Request::get(stage.url("/slow")).body(Full::<Bytes>::default());
    let response = client().request(request.unwrap());
    let call = tokio::spawn(async move { FullResponse::read(response.await).await });
    while stage.issuer().counters().api_calls == calls {
        sleep(Duration::from_millis(5)).await;
    }
    call
}

#[tokio::test(flavor = "multi_thread")]
async fn caller_is_served_beside_1_024_idle_connections() {
    rlimit::increase_nofile_limit(4_096).unwrap();
    let stage = Stage::new().await;
    stage.until_served().await;
    let mut idle = Vec::new();
    for _ in 0..1_024 {
        idle.push(Kept::open(&stage).await);
    }
    for _ in 0..3 {
        assert_eq!(call(&stage.sidecar).await.status, StatusCode::OK);
    }
    stage.assert_memory_is_bounded();
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn longest_idle_connection_is_closed_when_full() {
    let stage = stage("2").await;
    let mut kept = [Kept::open(&stage).await, Kept::open(&stage).await];
    for number in [0, 1, 0] {
        assert!(kept[number].call(&stage).await);
    }
    let mut third = Kept::open(&stage).await;
    assert!(third.call(&stage).await);
    kept[1].until_closed().await;
    assert!(kept[0].call(&stage).await, "it was used later");
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caller_waits_for_a_call_to_end_when_full() {
    let stage = stage("1").await;
    let by = Duration::from_millis(200);
    let slow = call_with(&stage, Fault::Delay { by }).await;
    assert!(Kept::open(&stage).await.call(&stage).await);
    assert_eq!(slow.await.unwrap().status, StatusCode::OK);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caller_gets_503_when_all_calls_are_in_flight() {
    let stage = stage("2").await;
    let hanging = [
        call_with(&stage, Fault::Hang).await,
        call_with(&stage, Fault::Hang).await,
    ];
    let calls = stage.issuer().counters().api_calls;
    let response = stage.get("/api/v0/any").await;
    assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.forwarded(), false);
    assert_eq!(response.head.headers()["retry-after"], "1");
    assert_eq!(stage.issuer().counters().api_calls, calls);
    for call in hanging {
        call.abort();
    }
    stage.until_served().await;
    let output = stage.sidecar.kill().await;
    assert!(output.contains("too many connections"), "{output}");
}

/// Returns the command after `ulimit` with these arguments.
#[cfg(unix)]
fn limited(sandbox: &Sandbox, ulimit: &str) -> std::process::Command {
    let inner = command(sandbox, Dialect::Form);
    let mut command = std::process::Command::new("sh");
    let script = format!("ulimit {ulimit}; exec \"$@\"");
    command.args(["-c", &script, "sh"]);
    command.arg(inner.get_program());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn descriptor_limit_bounds_connections() {
    let sandbox = sandbox(issuer(Rules::new())).await;
    let sidecar = Sidecar::start(limited(&sandbox, "-n 200")).await;
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(TcpStream::connect(sidecar.address()).await.unwrap());
    }
    until_served(&sidecar).await;
    let output = sidecar.kill().await;
    assert!(output.contains("lowers --max-connections"));
    assert!(!output.contains("failed to accept"));
}

/// Those of callers, as many idle ones to the upstream, and those that streamed bodies open beside them.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn descriptor_limit_is_raised_for_three_each() {
    let sandbox = sandbox(issuer(Rules::new())).await;
    let sidecar = Sidecar::start(limited(&sandbox, "-Sn 256")).await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", sidecar.id())).unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let mut numbers = line.unwrap().split_whitespace().skip(3);
    let mut next = || numbers.next().unwrap().parse().unwrap_or(u64::MAX);
    let (soft, hard) = (next(), next());
    assert!(soft >= hard.min(3 * 1_024), "{soft}");
    sidecar.kill().await;
}
