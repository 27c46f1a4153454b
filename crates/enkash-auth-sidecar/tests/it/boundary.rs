//! What reaches the upstream, and that no other host is reached.

use std::net::SocketAddr;

use http::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinHandle,
};

use super::stage::{Dialect, Stage, command, issuer, sandbox};

/// Returns a stage whose upstream is `listener` instead of the sandbox.
async fn stage_before(listener: &TcpListener) -> Stage {
    stage_at(listener.local_addr().unwrap()).await
}

async fn stage_at(upstream: SocketAddr) -> Stage {
    let sandbox = sandbox(issuer(Default::default())).await;
    let mut command = command(&sandbox, Dialect::Form);
    command.args(["--upstream", &format!("http://{upstream}")]);
    Stage::with_command(sandbox, command).await
}

/// Returns 200 to every request, and then the texts of all requests.
fn upstream(listener: TcpListener, requests: usize) -> JoinHandle<Vec<String>> {
    tokio::spawn(async move {
        let mut seen = Vec::new();
        let (mut stream, _) = listener.accept().await.unwrap();
        for _ in 0..requests {
            let mut buffer = [0; 8192];
            let length = stream.read(&mut buffer).await.unwrap();
            seen.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
            let response = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(response).await.unwrap();
        }
        seen
    })
}

/// Sends `head` unchanged, with the right `Host`, and returns the status of the response.
async fn send(stage: &Stage, head: &str) -> u16 {
    let address = stage.sidecar.address();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("{head}\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    response.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn caller_credentials_never_reach_upstream() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stage = stage_before(&listener).await;
    let authority = listener.local_addr().unwrap().to_string();
    let upstream = upstream(listener, 2);
    let own = "Authorization: Bearer of-the-caller\r\nauthorization: Basic b2YtdGhlLWNhbGxlcg==\r\n\
               Proxy-Authorization: Basic b2YtdGhlLWNhbGxlcg==";
    for connection in ["X-Any: 1", "Connection: authorization, x-secret"] {
        let head = format!("GET /a HTTP/1.1\r\n{own}\r\n{connection}\r\nX-Secret: of-the-caller");
        let expected = send(&stage, &head).await;
        assert_eq!(expected, 200);
    }
    let tokens = stage.tokens().await;
    for (number, request) in upstream.await.unwrap().into_iter().enumerate() {
        let lower = request.to_ascii_lowercase();
        assert!(request.starts_with("GET /a HTTP/1.1\r\n"), "{request}");
        assert!(!request.contains("b2YtdGhlLWNhbGxlcg"), "{request}");
        assert!(!lower.contains("bearer of-the-caller"), "{request}");
        assert_eq!(lower.matches("authorization:").count(), 1, "{request}");
        assert!(
            request.contains(&format!("Bearer {}\r\n", tokens[0])),
            "{request}"
        );
        assert!(
            lower.contains(&format!("host: {authority}\r\n")),
            "{request}"
        );
        assert!(!lower.contains("connection:"), "{request}");
        assert_eq!(request.contains("of-the-caller"), number == 0, "{request}");
    }
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn request_target_cannot_change_upstream() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let evil = elsewhere.local_addr().unwrap();
    let stage = Stage::new().await;
    for target in [
        format!("http://{evil}/a"),
        format!("http://user:password@{evil}/a"),
        format!("//{evil}/a"),
        format!("///{evil}/a"),
        format!("/@{evil}/a"),
        format!("/a?http://{evil}/"),
    ] {
        let status = send(&stage, &format!("GET {target} HTTP/1.1")).await;
        assert_eq!(status, 200, "{target}");
    }
    for request in [
        format!("CONNECT {evil} HTTP/1.1"),
        "OPTIONS * HTTP/1.1".to_owned(),
        "GET / HTTP/1.1\r\nUpgrade: websocket".to_owned(),
    ] {
        assert_eq!(send(&stage, &request).await, 501, "{request}");
    }
    assert_eq!(stage.issuer().counters().api_calls, 6);
    let tried = tokio::time::timeout(std::time::Duration::from_millis(50), elsewhere.accept());
    assert!(tried.await.is_err(), "nobody came");
    stage.finish().await;
}

/// Writes `request`, and returns the whole response.
async fn exchange(stage: &Stage, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(stage.sidecar.address()).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    response
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_connection_is_declined_in_words() {
    let stage = Stage::new().await;
    // A client's preface and its empty settings.
    let start = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let response = exchange(&stage, start).await;
    assert!(response.starts_with("HTTP/1.1 505 "), "{response}");
    let (_, body) = response.split_once("\r\n\r\n").unwrap();
    let problem: serde_json::Value = serde_json::from_str(body).unwrap();
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.starts_with("HTTP/2, gRPC and WebSocket are not supported"));
    assert_eq!(problem["forwarded"], false);
    stage.finish().await;
}

/// A connection that is closed before all is read is reset, with the response.
#[tokio::test(flavor = "multi_thread")]
async fn caller_declined_in_its_upload_reads_the_response() {
    let stage = Stage::new().await;
    let head = "POST /a HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 8000000\r\n\r\n";
    let request = [head.as_bytes(), &[b'x'; 8_000_000]].concat();
    let response = exchange(&stage, &request).await;
    assert!(response.starts_with("HTTP/1.1 421 "), "{response}");
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unreachable_upstream_is_not_forwarded() {
    // Its port stays taken: another test's server could get it.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let stage = stage_at(socket.local_addr().unwrap()).await;
    let response = stage.get("/a").await;
    assert_eq!(response.status, StatusCode::BAD_GATEWAY);
    assert_eq!(response.forwarded(), false);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn upstream_disconnect_is_forwarded_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stage = stage_before(&listener).await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 8192]).await.unwrap() > 0);
    });
    let response = stage.get("/a").await;
    assert_eq!(response.status, StatusCode::BAD_GATEWAY);
    assert_eq!(response.forwarded(), "unknown");
    stage.finish().await;
}
