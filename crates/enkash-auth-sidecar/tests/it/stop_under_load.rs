//! SIGTERM while callers post without a pause.
#![cfg(unix)]

use std::{io, net::SocketAddr, time::Duration};

use enkash_auth_sandbox::Rules;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::sleep,
};

use super::{
    requests::until_served,
    stage::{Dialect, Stage, command, issuer, sandbox},
};

/// How many calls of a caller got a response, and how many got none although it had a connection.
#[derive(Debug, Default, Eq, PartialEq)]
struct Calls {
    served: u64,
    lost: u64,
}

/// Posts until no connection is accepted.
async fn caller(address: SocketAddr, is_kept: bool) -> Calls {
    let mut calls = Calls::default();
    while let Ok(mut stream) = TcpStream::connect(address).await {
        loop {
            match post(&mut stream, address).await {
                Ok(false) if is_kept => calls.served += 1,
                Ok(_) => {
                    calls.served += 1;
                    break;
                }
                Err(_) => {
                    calls.lost += 1;
                    break;
                }
            }
        }
    }
    calls
}

/// Posts, and returns whether the response closes the connection.
async fn post(stream: &mut TcpStream, address: SocketAddr) -> io::Result<bool> {
    let request = format!("POST /pay HTTP/1.1\r\nHost: {address}\r\nContent-Length: 2\r\n\r\n{{}}");
    stream.write_all(request.as_bytes()).await?;
    let mut response = Vec::new();
    loop {
        if stream.read_buf(&mut response).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let text = String::from_utf8_lossy(&response);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let length = head.split("content-length: ").nth(1).unwrap();
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        if body.len() == length {
            return Ok(head.contains("connection: close"));
        }
    }
}

async fn stop_under_load(is_kept: bool) {
    for round in 0..10 {
        let sandbox = sandbox(issuer(Rules::new())).await;
        let mut command = command(&sandbox, Dialect::Form);
        command.env("RUST_LOG", "info");
        let stage = Stage::with_command(sandbox, command).await;
        until_served(&stage.sidecar).await;
        let before = stage.issuer().counters().api_calls;
        let mut callers = JoinSet::new();
        for _ in 0..64 {
            callers.spawn(caller(stage.sidecar.address(), is_kept));
        }
        // Each run stops in the middle of other calls.
        while stage.issuer().counters().api_calls < before + 500 + round * 7 {
            sleep(Duration::from_millis(1)).await;
        }
        stage.sidecar.terminate();
        let calls = callers.join_all().await;
        let lost: u64 = calls.iter().map(|calls| calls.lost).sum();
        let served: u64 = calls.iter().map(|calls| calls.served).sum();
        // A handshake may end between the last accept and the close: that connection is reset. Nothing of it was sent
        // on, as the count of calls shows.
        let reset = u64::from(!is_kept);
        assert!(lost <= reset, "round {round}: {lost} lost, {served} served");
        assert_eq!(stage.issuer().counters().api_calls - before, served);
        assert_eq!(stage.sidecar.wait().await.0.code(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs for some 30 s"]
async fn sigterm_under_64_posting_callers_loses_no_call() {
    stop_under_load(true).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs for some 30 s"]
async fn sigterm_under_64_connecting_callers_loses_no_sent_call() {
    stop_under_load(false).await;
}
