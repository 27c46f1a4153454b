//! A connection by itself, without an HTTP client.

use std::time::Duration;

use enkash_auth_tower::Egress;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
};
use tower::ServiceExt;

use crate::sockets::HeldClock;

#[tokio::test(start_paused = true)]
async fn stream_shutdown_delivers_all_bytes_and_eof() {
    let _held = HeldClock::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("http://{}", listener.local_addr().unwrap());
    let listening = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = String::new();
        stream.read_to_string(&mut asked).await.unwrap();
        stream.write_all(b"pong").await.unwrap();
        asked
    });
    let connector = Egress::direct().connector(Duration::from_secs(3)).unwrap();
    let stream = connector.oneshot(target.parse().unwrap()).await.unwrap();
    let mut stream = TokioIo::new(stream);
    assert!(stream.is_write_vectored());
    stream.write_all(b"ping").await.unwrap();
    stream.flush().await.unwrap();
    stream.shutdown().await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    assert_eq!(
        (response.as_str(), listening.await.unwrap().as_str()),
        ("pong", "ping")
    );
}
