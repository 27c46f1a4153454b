//! Requests that two parsers may read differently: each is declined, or arrives once and unambiguously.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use enkash_auth_sandbox::Rules;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::stage::{Dialect, Stage, command, issuer, sandbox};

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";

/// What follows the first line and `Host`. `{S}` is a request that must not be taken for one.
const REQUESTS: &[&str] = &[
    // Two framings.
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{S}",
    "Content-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{S}",
    "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "Content-Length: 0\r\nContent-Length: 35\r\n\r\n{S}",
    "Content-Length: 2, 2\r\n\r\n{}",
    "Content-Length: 0, 35\r\n\r\n{S}",
    // Names and codings.
    "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "Content-Length : 35\r\n\r\n{S}",
    "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: identity\r\nContent-Length: 35\r\n\r\n{S}",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: \u{b}chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding\0: chunked\r\n\r\n0\r\n\r\n",
    "X: 1\0\r\nContent-Length: 2\r\n\r\n{}",
    // Line ends and folded lines.
    "X: 1\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "X: 1\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Content-Length: 0\n\n",
    "X: 1\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    " Content-Length: 35\r\n\r\n{S}",
    // Lengths.
    "Content-Length: +5\r\n\r\nhello",
    "Content-Length: 0x5\r\n\r\nhello",
    "Content-Length: -1\r\n\r\n",
    "Content-Length: 5 5\r\n\r\nhello",
    "Content-Length:\r\n\r\n",
    "Content-Length: 18446744073709551621\r\n\r\nhello",
    "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
    "Transfer-Encoding: chunked\r\n\r\n5;a\nhello\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
];

/// The first lines of the requests that arrived at an upstream, or what is wrong with one.
type Arrived = Arc<Mutex<Vec<String>>>;

/// Reads requests strictly, and responds to each.
async fn record(mut stream: TcpStream, arrived: Arrived) {
    let mut bytes = Vec::new();
    while stream.read_buf(&mut bytes).await.unwrap() > 0 {
        while let Some((line, length)) = request(&bytes) {
            arrived.lock().unwrap().push(line);
            bytes.drain(..length);
            let response = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(response).await.unwrap();
        }
    }
    if !bytes.is_empty() {
        let rest = String::from_utf8_lossy(&bytes).into_owned();
        arrived.lock().unwrap().push(rest);
    }
}

/// Returns the first line and the length of a request with one `Content-Length` or none.
fn request(bytes: &[u8]) -> Option<(String, usize)> {
    let text = std::str::from_utf8(bytes).unwrap();
    let (head, _) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap();
    let mut lengths = Vec::new();
    for header in lines {
        let (name, value) = header.split_once(": ").unwrap();
        let is_plain = |char: char| char.is_ascii_alphanumeric() || char == '-';
        let is_line = |char: char| char == ' ' || char.is_ascii_graphic();
        assert!(name.chars().all(is_plain), "{header:?}");
        assert!(value.chars().all(is_line), "{header:?}");
        assert!(!name.eq_ignore_ascii_case("transfer-encoding"), "{header}");
        if name.eq_ignore_ascii_case("content-length") {
            assert!(value.chars().all(|char| char.is_ascii_digit()), "{value}");
            lengths.push(value.parse::<usize>().unwrap());
        }
    }
    assert!(lengths.len() <= 1, "{head}");
    let length = head.len() + 4 + lengths.first().unwrap_or(&0);
    (bytes.len() >= length).then(|| (line.to_owned(), length))
}

/// Sends the request and another one after it; returns the statuses of the responses.
async fn send(stage: &Stage, request: &str) -> Vec<String> {
    let address = stage.sidecar.address();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = request.replace("{S}", SMUGGLED);
    let pipelined = format!(
        "POST /first HTTP/1.1\r\nHost: {address}\r\n{request}\
         GET /second HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(pipelined.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    let read = stream.read_to_end(&mut response);
    // It may be reset, since not all is read.
    let _ = timeout(Duration::from_secs(20), read).await.unwrap();
    let response = String::from_utf8(response).unwrap();
    let responses = response.split("HTTP/1.1 ").skip(1);
    let status = |response: &str| response.chars().take(3).collect();
    responses.map(status).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ambiguous_request_is_declined_or_arrives_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = format!("http://{}", listener.local_addr().unwrap());
    let arrived = Arrived::default();
    let shared = Arc::clone(&arrived);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(record(stream, Arc::clone(&shared)));
        }
    });
    let sandbox = sandbox(issuer(Rules::new())).await;
    let mut command = command(&sandbox, Dialect::Form);
    command.args(["--upstream", &upstream]);
    let stage = Stage::with_command(sandbox, command).await;
    stage.until_served().await;
    let mut declined = 0;
    for request in REQUESTS {
        arrived.lock().unwrap().clear();
        let statuses = send(&stage, request).await;
        let arrived = arrived.lock().unwrap().clone();
        println!("{request:?}: {statuses:?} {arrived:?}");
        let expected = ["POST /first HTTP/1.1", "GET /second HTTP/1.1"];
        let served = statuses.iter().take_while(|status| *status == "200");
        let served = served.count();
        assert_eq!(arrived, expected[..served], "{request:?}");
        match &statuses[served..] {
            // The connection is closed, unless both were served.
            [] => assert!(served > 0, "{request:?}"),
            [last] if last == "400" => declined += usize::from(served == 0),
            _ => panic!("{request:?}: {statuses:?}"),
        }
    }
    assert!(declined > REQUESTS.len() / 2, "{declined}");
    stage.finish().await;
}
