//! Callers and an upstream that keep the sidecar waiting.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use enkash_auth_sandbox::Rules;
use http::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};

use super::{
    requests::until_served,
    stage::{Dialect, Stage, command, issuer, sandbox},
};

async fn stage(args: &[&str]) -> Stage {
    let sandbox = sandbox(issuer(Rules::new())).await;
    let mut command = command(&sandbox, Dialect::Form);
    command.args(args);
    Stage::with_command(sandbox, command).await
}

async fn warm(args: &[&str]) -> Stage {
    let stage = stage(args).await;
    until_served(&stage.sidecar).await;
    stage
}

/// Opens a connection, and sends `start` of a request after the first line.
async fn open(stage: &Stage, start: &str) -> TcpStream {
    let address = stage.sidecar.address();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("POST /a HTTP/1.1\r\nHost: {address}\r\n{start}");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// Returns what is received before the connection ends.
async fn rest(stream: &mut TcpStream) -> String {
    let mut received = Vec::new();
    let read = stream.read_to_end(&mut received);
    let _ = timeout(Duration::from_secs(20), read).await.unwrap();
    String::from_utf8(received).unwrap()
}

async fn is_open(stream: &mut TcpStream) -> bool {
    let mut byte = [0];
    let read = timeout(Duration::from_millis(1), stream.read(&mut byte));
    read.await.is_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn header_timeout_ends_slow_head_only() {
    let stage = warm(&["--header-timeout", "300ms"]).await;
    let mut idle = TcpStream::connect(stage.sidecar.address()).await.unwrap();
    let mut slow = open(&stage, "X-").await;
    let mut dripping = open(&stage, "X-").await;
    let drip = async {
        while dripping.write_all(b"x").await.is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(20), drip).await.unwrap();
    assert_eq!(rest(&mut slow).await, "");
    assert!(is_open(&mut idle).await);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_timeout_ends_idle_connection() {
    let stage = warm(&["--idle-timeout", "300ms"]).await;
    let mut stream = open(&stage, "Content-Length: 0\r\n\r\n").await;
    let response = rest(&mut stream).await;
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    assert!(!response.contains("connection: close"), "{response}");
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn read_timeout_ends_stalled_body() {
    let stage = warm(&["--read-timeout", "300ms", "--response-timeout", "never"]).await;
    let calls = stage.issuer().counters().api_calls;
    // One that is collected, and one that streams.
    for (length, status, forwarded) in [(100, 408, "false"), (1_000_000, 400, "\"unknown\"")] {
        let head = format!("Content-Length: {length}\r\n\r\nstart");
        let response = rest(&mut open(&stage, &head).await).await;
        let start = format!("HTTP/1.1 {status} ");
        assert!(response.starts_with(&start), "{response}");
        assert!(
            response.contains(&format!("\"forwarded\":{forwarded}")),
            "{response}"
        );
    }
    assert!(stage.issuer().counters().api_calls <= calls + 1);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn write_timeout_ends_unread_response() {
    let stage = warm(&["--write-timeout", "300ms", "--response-timeout", "never"]).await;
    let head = "Sandbox-Echo: body\r\nContent-Length: 1000000000\r\n\r\n";
    let mut stream = open(&stage, head).await;
    let piece = [0; 64 * 1024];
    let upload = async { while stream.write_all(&piece).await.is_ok() {} };
    timeout(Duration::from_secs(20), upload).await.unwrap();
    stage.assert_memory_is_bounded();
    stage.finish().await;
}

/// Responds to the first connection with a head, and with an event after a pause.
async fn stream_of_events(pause: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 8192]).await.unwrap() > 0);
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
        stream.write_all(head).await.unwrap();
        sleep(pause).await;
        let _ = stream.write_all(b"data: late\n\n").await;
    });
    format!("http://{address}")
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_stream_of_events_outlasts_response_timeout_never() {
    for (limit, is_complete) in [("100ms", false), ("never", true)] {
        let upstream = stream_of_events(Duration::from_millis(1_500)).await;
        let stage = stage(&["--upstream", &upstream, "--response-timeout", limit]).await;
        let head = "Content-Length: 0\r\nConnection: close\r\n\r\n";
        let response = rest(&mut open(&stage, head).await).await;
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
        assert_eq!(response.contains("data: late"), is_complete, "{limit}");
        stage.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connect_timeout_ends_silent_handshake() {
    // Accepts, and never begins TLS.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = format!("https://{}", listener.local_addr().unwrap());
    let stage = stage(&["--upstream", &upstream, "--connect-timeout", "200ms"]).await;
    let response = stage.get("/a").await;
    assert_eq!(response.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(response.forwarded(), false);
    stage.finish().await;
}

/// Counts the connections that two calls, one after the other, take to an upstream.
async fn upstream_connections(args: &[&str]) -> usize {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = format!("http://{}", listener.local_addr().unwrap());
    let stage = stage(&[&["--upstream", &upstream], args].concat()).await;
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let response = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                while stream
                    .read(&mut [0; 8192])
                    .await
                    .is_ok_and(|length| length > 0)
                {
                    stream.write_all(response).await.unwrap();
                }
            });
        }
    });
    for _ in 0..2 {
        assert_eq!(stage.get("/a").await.status, StatusCode::OK);
    }
    stage.finish().await;
    connections.load(Ordering::Relaxed)
}

#[tokio::test(flavor = "multi_thread")]
async fn pool_size_bounds_kept_connections_to_upstream() {
    assert_eq!(
        upstream_connections(&["--pool-idle-timeout", "1h"]).await,
        1
    );
    assert_eq!(upstream_connections(&["--pool-size", "0"]).await, 2);
}
