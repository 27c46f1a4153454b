//! The problems of failed calls, above all whether the request was forwarded.

use std::{future::pending, io, time::Duration};

use axum::body::Body;
use enkash_auth_axum::{Proxy, ProxyBody};
use enkash_auth_sandbox::{Accounts, Issuer};
use enkash_auth_tower::{BoxError, Egress, Error, ErrorKind, NotSent};
use http::{Request, Response};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    time::{Instant, timeout},
};

use crate::support::{self, call, get, problem, proxy_over};

/// Returns the status, `forwarded` as JSON text, and the class.
async fn failure(proxy: &Proxy) -> (u64, String, String) {
    let problem = problem(call(proxy, get("/secret-path?secret=query")).await).await;
    assert!(!problem.to_string().contains("secret"), "{problem}");
    (
        problem["status"].as_u64().unwrap(),
        problem["forwarded"].to_string(),
        problem["class"].as_str().unwrap_or_default().to_owned(),
    )
}

fn failed(status: u64, forwarded: &str, class: &str) -> (u64, String, String) {
    (status, forwarded.to_owned(), class.to_owned())
}

fn failing_with(error: impl Fn() -> BoxError + Clone + Send + Sync + 'static) -> Proxy {
    proxy_over(tower::service_fn(move |_: Request<ProxyBody>| {
        let error = error();
        async move { Err::<Response<Body>, _>(error) }
    }))
}

fn without_token(issuer: &Issuer) -> Proxy {
    Proxy::builder(support::tokens(issuer), support::UPSTREAM.parse().unwrap())
        .build_with(tower::service_fn(|_: Request<ProxyBody>| async {
            panic!("called without a token");
            #[expect(unreachable_code, reason = "it says of what type the service is")]
            Ok::<_, BoxError>(Response::new(Body::empty()))
        }))
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn missing_token_forwards_nothing() {
    let issuer = Issuer::default();
    issuer.set_outage(true);
    let proxy = without_token(&issuer);
    assert_eq!(failure(&proxy).await, failed(503, "false", "unavailable"));

    let problem = problem(call(&proxy, get("/")).await).await;
    assert_eq!(
        problem["retry_after"], 1,
        "the pause after the first failure"
    );
}

#[tokio::test]
async fn rejected_credentials_return_bad_gateway() {
    let issuer = Issuer::builder().accounts(Accounts::none()).build();
    let proxy = without_token(&issuer);
    for _ in 0..2 {
        let problem = problem(call(&proxy, get("/")).await).await;
        assert_eq!(problem["class"], "rejected");
        let detail = "credentials rejected";
        assert_eq!(problem["detail"], detail, "no text of the server");
        assert_eq!(problem["forwarded"], false);
        assert!(problem["retry_after"].is_null(), "it would not help");
    }
}

#[tokio::test]
async fn connection_refused_is_not_forwarded() {
    // Its port stays taken: another test's server could get it.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let upstream = format!("http://{}", socket.local_addr().unwrap());
    let proxy = Proxy::builder(support::a_cache(), upstream.parse().unwrap());
    let proxy = proxy.build().unwrap();
    assert_eq!(failure(&proxy).await, failed(502, "false", ""));
}

#[tokio::test]
async fn connect_timeout_is_not_forwarded() {
    // Accepts, and never starts the TLS handshake.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("https://{}", listener.local_addr().unwrap());
    let proxy = Proxy::builder(support::a_cache(), origin.parse().unwrap())
        .connect_timeout(Duration::from_millis(50))
        .build()
        .unwrap();
    assert_eq!(failure(&proxy).await, failed(504, "false", ""));
}

#[tokio::test]
async fn failed_proxy_tunnel_is_not_forwarded() {
    for (response, status) in [("HTTP/1.1 403 Forbidden\r\n\r\n", 502), ("", 504)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let on_the_way = format!("http://{}", listener.local_addr().unwrap());
        let proxy = Proxy::builder(support::a_cache(), "https://api.enkash.in".parse().unwrap())
            .egress(Egress::direct().proxy(&on_the_way).unwrap())
            .connect_timeout(Duration::from_millis(200))
            .build()
            .unwrap();
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 4096];
            let length = stream.read(&mut head).await.unwrap();
            stream.write_all(response.as_bytes()).await.unwrap();
            // Until the client times out.
            let _ = stream.read(&mut [0]).await;
            head.truncate(length);
            head
        });
        assert_eq!(failure(&proxy).await, failed(status, "false", ""));
        let head = "CONNECT api.enkash.in:443 HTTP/1.1\r\nHost: api.enkash.in:443\r\n\r\n";
        let asked = timeout(Duration::from_secs(5), asked).await.unwrap();
        assert_eq!(asked.unwrap(), head.as_bytes());
    }
}

#[tokio::test]
async fn connection_closed_before_response_is_forwarded_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = real_proxy(&listener).build().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_some(&mut stream).await;
    });
    assert_eq!(failure(&proxy).await, failed(502, "\"unknown\"", ""));
}

#[tokio::test]
async fn half_a_response_head_is_forwarded_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = real_proxy(&listener).build().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_some(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nconte").await.unwrap();
    });
    assert_eq!(failure(&proxy).await, failed(502, "\"unknown\"", ""));
}

/// The call that was sent once more was not sent then. But it may have arrived before.
#[tokio::test]
async fn refused_second_try_is_forwarded_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = real_proxy(&listener).build().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        drop(listener);
        read_some(&mut stream).await;
        let response = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(response).await.unwrap();
        read_some(&mut stream).await;
        // Dropped: the second request was read, and gets no response.
    });
    assert_eq!(call(&proxy, get("/")).await.status(), 200);
    assert_eq!(failure(&proxy).await, failed(502, "\"unknown\"", ""));
    server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn response_timeout_is_forwarded_unknown() {
    let proxy = proxy_over(tower::service_fn(|_: Request<ProxyBody>| async {
        pending::<Result<Response<Body>, BoxError>>().await
    }));
    let start = Instant::now();
    assert_eq!(failure(&proxy).await, failed(504, "\"unknown\"", ""));
    assert_eq!(start.elapsed().as_secs(), 30);
}

#[tokio::test]
async fn not_sent_in_error_source_is_forwarded_unknown() {
    let wrapped = || io::Error::other(NotSent::new("below")).into();
    for (proxy, forwarded) in [
        (failing_with(|| NotSent::new("at the top").into()), "false"),
        (failing_with(wrapped), "\"unknown\""),
        // Proof if raised by the token layer, but not if raised by its inner service.
        (
            failing_with(|| Error::new(ErrorKind::Unavailable, "").into()),
            "\"unknown\"",
        ),
        (
            failing_with(|| io::Error::from(io::ErrorKind::ConnectionReset).into()),
            "\"unknown\"",
        ),
    ] {
        assert_eq!(failure(&proxy).await, failed(502, forwarded, ""));
    }
}

fn real_proxy(listener: &TcpListener) -> enkash_auth_axum::ProxyBuilder {
    let origin = format!("http://{}", listener.local_addr().unwrap());
    Proxy::builder(support::a_cache(), origin.parse().unwrap())
}

async fn read_some(stream: &mut TcpStream) {
    let mut buffer = [0; 4096];
    assert!(stream.read(&mut buffer).await.unwrap() > 0);
}
