//! Malformed response heads, as servers and middleboxes send them.

use std::fmt::Write;

use enkash_auth_core::Environment;
use enkash_auth_tower::{TokenCache, TokenEndpoint};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    sockets::HeldClock,
    support::{credentials, user},
};

const TOKEN: &str = r#"{"access_token":"one","token_type":"bearer","expires_in":300}"#;

/// Returns the token of a server whose response head ends with `lines`.
async fn fetch(lines: &str) -> Result<String, enkash_auth_tower::Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let response = format!("HTTP/1.1 200 OK\r\n{lines}\r\n{TOKEN}");
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"password=password") {
            request.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(response.as_bytes()).await.unwrap();
        // Until the client has what it wants.
        let _ = stream.read_u8().await;
    });
    let environment = Environment::custom(&base).unwrap();
    let endpoint = TokenEndpoint::new(environment, credentials(&user(), "password")).unwrap();
    let token = TokenCache::new(endpoint).token().await;
    if token.is_ok() {
        serving.await.unwrap();
    }
    token.map(|token| token.expose().to_owned())
}

fn length() -> String {
    format!("content-length: {}\r\n", TOKEN.len())
}

#[tokio::test(start_paused = true)]
async fn space_before_colon_is_accepted() {
    let _held = HeldClock::new();
    let lines = format!("content-length : {}\r\nserver \t: old\r\n", TOKEN.len());
    assert_eq!(fetch(&lines).await.unwrap(), "one");
}

#[tokio::test(start_paused = true)]
async fn folded_header_is_accepted() {
    let _held = HeldClock::new();
    let lines = format!("x-policy: a,\r\n  b,\r\n\tc\r\n{}", length());
    assert_eq!(fetch(&lines).await.unwrap(), "one");
}

#[tokio::test(start_paused = true)]
async fn stray_line_in_head_is_skipped() {
    let _held = HeldClock::new();
    for stray in ["served by node 7", "(x): y", "Set-Cookie=a; b", ": nothing"] {
        let lines = format!("server: old\r\n{stray}\r\n{}", length());
        assert_eq!(fetch(&lines).await.unwrap(), "one", "{stray}");
    }
}

#[tokio::test(start_paused = true)]
async fn head_with_more_than_200_headers_is_an_error() {
    let _held = HeldClock::new();
    for (count, is_accepted) in [(200, true), (201, false)] {
        let mut lines = String::new();
        for nth in 1..count {
            write!(lines, "x-{nth}: {nth}\r\n").unwrap();
        }
        lines.push_str(&length());
        assert_eq!(fetch(&lines).await.is_ok(), is_accepted, "{count}");
    }
}

#[tokio::test(start_paused = true)]
async fn chunked_body_is_accepted() {
    let _held = HeldClock::new();
    let chunked = format!(
        "transfer-encoding: chunked\r\n\r\n{:x}\r\n{TOKEN}\r\n0\r\n",
        TOKEN.len()
    );
    assert_eq!(fetch(&chunked).await.unwrap(), "one");
}
