//! Large downloads whose callers do not read them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use enkash_auth_sandbox::Rules;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::sleep,
};

use super::stage::{Dialect, Stage, command, issuer, sandbox};

const DOWNLOADS: usize = 1_024;
const LENGTH: u64 = 1 << 30;

/// The memory limit of a sidecar: a quarter of a MiB for each.
const MOST: u64 = (DOWNLOADS as u64) << 18;

/// Sends responses of `LENGTH` bytes as far as they are read, and counts what it has sent.
async fn upload(mut stream: TcpStream, sent: Arc<AtomicU64>) {
    let mut request = [0; 8192];
    assert!(stream.read(&mut request).await.unwrap() > 0);
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {LENGTH}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    while let Ok(length) = stream.write(&[0; 64 * 1024]).await {
        sent.fetch_add(length.try_into().unwrap(), Ordering::Relaxed);
    }
}

/// Requests a download, and reads the head of the response only.
async fn start(stage: &Stage) -> TcpStream {
    // The kernel keeps less.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(8192).unwrap();
    let address = stage.sidecar.address();
    let mut stream = socket.connect(address).await.unwrap();
    let head = format!("GET /large HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    while !response.ends_with(b"\r\n\r\n") {
        response.push(stream.read_u8().await.unwrap());
    }
    let response = String::from_utf8(response).unwrap();
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    stream
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "opens 2,048 connections"]
async fn thousand_unread_downloads_take_little_memory() {
    // Two sockets a download are its own.
    let files = rlimit::increase_nofile_limit(4_096).unwrap();
    assert!(files > 2_100, "{files} open files are allowed");
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(8192).unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let listener = socket.listen(1_024).unwrap();
    let upstream = format!("http://{}", listener.local_addr().unwrap());
    let sent = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&sent);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(upload(stream, Arc::clone(&counter)));
        }
    });
    let sandbox = sandbox(issuer(Rules::new())).await;
    let mut command = command(&sandbox, Dialect::Form);
    command
        .args(["--upstream", &upstream])
        .env("RUST_LOG", "info");
    let stage = Arc::new(Stage::with_command(sandbox, command).await);
    drop(start(&stage).await);
    let mut starting = JoinSet::new();
    for _ in 0..DOWNLOADS {
        let stage = Arc::clone(&stage);
        starting.spawn(async move { start(&stage).await });
    }
    let unread = starting.join_all().await;
    // All of them stall.
    let (mut before, mut still) = (0, 0);
    while still < 4 {
        sleep(Duration::from_millis(250)).await;
        let now = sent.load(Ordering::Relaxed);
        still = if now == before { still + 1 } else { 0 };
        before = now;
    }
    let peak = stage.sidecar.peak_memory().unwrap_or_default();
    println!("{} KiB resident, {} MiB sent", peak >> 10, before >> 20);
    assert_eq!(unread.len(), DOWNLOADS);
    assert!(before < LENGTH * 4, "{before}");
    assert!(peak < MOST, "{} KiB resident", peak >> 10);
}
