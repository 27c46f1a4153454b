//! Faults on the wire, byte for byte.

use enkash_auth_sandbox::{Endpoint, Fault, Sandbox};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{BASIC, FORM, RIGHT, until};

async fn struck(fault: Fault) -> Sandbox {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.issuer().order(fault.at(Endpoint::Token));
    sandbox
}

fn head() -> String {
    format!(
        "POST /oauth/token HTTP/1.1\r\nhost: sandbox\r\nauthorization: {BASIC}\r\n\
         content-type: {FORM}\r\ncontent-length: {}\r\n\r\n",
        RIGHT.len()
    )
}

/// Sends a request and reads until the connection is closed or reset.
async fn exchange(sandbox: &Sandbox, request: &str) -> String {
    let mut stream = TcpStream::connect(sandbox.addr()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    // A reset also closes the connection.
    let _ = stream.read_to_end(&mut response).await;
    String::from_utf8(response).unwrap()
}

#[tokio::test]
async fn close_before_reading_ignores_body() {
    let sandbox = struck(Fault::CloseBeforeReading).await;
    assert_eq!(exchange(&sandbox, &head()).await, "");
    assert_eq!(sandbox.issuer().counters().grants, 0);
}

#[tokio::test]
async fn close_after_reading_sends_no_response() {
    let sandbox = struck(Fault::CloseAfterReading).await;
    let request = format!("{}{RIGHT}", head());
    assert_eq!(exchange(&sandbox, &request).await, "");
    assert_eq!(sandbox.issuer().counters().grants, 1);
}

#[tokio::test]
async fn half_response_is_shorter_than_content_length() {
    let sandbox = struck(Fault::HalfResponse).await;
    let request = format!("{}{RIGHT}", head());
    let response = exchange(&sandbox, &request).await;

    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    let said = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let said: usize = said.unwrap().parse().unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"));
    assert_eq!(body.len(), said / 2);
}

#[tokio::test]
async fn client_disconnect_ends_hanging_response() {
    let sandbox = struck(Fault::Hang).await;
    let mut stream = TcpStream::connect(sandbox.addr()).await.unwrap();
    let request = format!("{}{RIGHT}", head());
    stream.write_all(request.as_bytes()).await.unwrap();
    until(|| sandbox.issuer().counters().grants == 1).await;
    assert_eq!(sandbox.issuer().token_requests_open(), 1);
    drop(stream);
    until(|| sandbox.issuer().token_requests_open() == 0).await;
}

#[tokio::test]
async fn unauthorized_upload_gets_response() {
    let sandbox = Sandbox::start().await.unwrap();
    let length = 1 << 20;
    let request = format!(
        "PUT /any HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n{}",
        "x".repeat(length)
    );
    let response = exchange(&sandbox, &request).await;
    assert!(
        response.starts_with("HTTP/1.1 401 Unauthorized"),
        "{response}"
    );
}

#[tokio::test]
async fn date_header_is_stamped_once_or_absent() {
    let sandbox = Sandbox::start().await.unwrap();
    let request = "GET /any HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\n\r\n";
    let dates = |response: String| {
        response
            .lines()
            .filter(|it| it.starts_with("date:"))
            .count()
    };
    assert_eq!(dates(exchange(&sandbox, request).await), 1);

    sandbox
        .issuer()
        .change_rules(|rules| rules.date_header(false));
    assert_eq!(dates(exchange(&sandbox, request).await), 0);
}
