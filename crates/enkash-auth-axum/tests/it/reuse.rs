//! Upstreams that close connections which are reused.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::body::{Body, to_bytes};
use enkash_auth_axum::{Proxy, ProxyBuilder};
use enkash_auth_tower::BoxError;
use futures_util::stream;
use http::{Method, Request, Response, StatusCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::support::{self, call, get, problem};

const RESPONSE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Returns what is written on the connection of this number in response to its request of this number. One without
/// a whole response is then closed.
type Script = dyn Fn(usize, usize) -> &'static str + Send + Sync;

/// An upstream that follows a script.
#[derive(Clone)]
struct Upstream {
    address: SocketAddr,
    /// The first line of each request.
    arrived: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

impl Upstream {
    async fn new(script: impl Fn(usize, usize) -> &'static str + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = Self {
            address: listener.local_addr().unwrap(),
            arrived: Arc::default(),
            connections: Arc::default(),
        };
        let (serving, script): (_, Arc<Script>) = (upstream.clone(), Arc::new(script));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = serving.connections.fetch_add(1, Ordering::Relaxed);
                let (serving, script) = (serving.clone(), Arc::clone(&script));
                tokio::spawn(async move {
                    serving.serve(stream, |nth| script(number, nth)).await;
                });
            }
        });
        upstream
    }

    async fn serve(&self, mut stream: TcpStream, script: impl Fn(usize) -> &'static str) {
        for nth in 0.. {
            let Some(line) = read_request(&mut stream).await else {
                return;
            };
            self.arrived.lock().unwrap().push(line);
            let response = script(nth);
            stream.write_all(response.as_bytes()).await.unwrap();
            if response != RESPONSE {
                return;
            }
        }
    }

    fn builder(&self) -> ProxyBuilder {
        let origin = format!("http://{}", self.address);
        Proxy::builder(support::a_cache(), origin.parse().unwrap())
    }

    fn proxy(&self) -> Proxy {
        // Longer than a test takes.
        let builder = self.builder().pool_idle_timeout(Duration::from_secs(60));
        builder.build().unwrap()
    }

    /// Returns how often a request with this first line has arrived.
    fn arrivals(&self, line: &str) -> usize {
        let arrived = self.arrived.lock().unwrap();
        arrived.iter().filter(|it| *it == line).count()
    }
}

/// Reads a head, and a body if it has a length. Returns the method and the target.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split("content-length: ").nth(1).unwrap_or("0");
            let length = length.split("\r\n").next().unwrap().parse().unwrap();
            if body.len() >= length {
                return Some(head.split(" HTTP").next().unwrap().to_owned());
            }
        }
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.ok().filter(|n| *n > 0)?;
        request.extend_from_slice(&buffer[..read]);
    }
}

async fn send(proxy: &Proxy, method: Method, path: &str, body: impl Into<Body>) -> Response<Body> {
    let request = Request::builder().method(method).uri(path);
    call(proxy, request.body(body.into()).unwrap()).await
}

/// Makes `count` calls at once, all of which are served.
async fn calls(proxy: &Proxy, count: usize) {
    let mut calls = JoinSet::new();
    for _ in 0..count {
        let proxy = proxy.clone();
        calls.spawn(async move {
            let response = call(&proxy, get("/")).await;
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(to_bytes(response.into_body(), 2).await.unwrap(), "ok");
        });
    }
    calls.join_all().await;
}

/// Closes the first connection when its second request comes, and keeps the others.
fn closed_at_second(connection: usize, nth: usize) -> &'static str {
    if (connection, nth) == (0, 1) {
        ""
    } else {
        RESPONSE
    }
}

#[tokio::test]
async fn idempotent_call_on_closed_connection_is_sent_once_more() {
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE] {
        let upstream = Upstream::new(closed_at_second).await;
        let proxy = upstream.proxy();
        assert_eq!(call(&proxy, get("/first")).await.status(), 200);
        let response = send(&proxy, method.clone(), "/second", "amount=100").await;
        assert_eq!(response.status(), StatusCode::OK, "{method}");
        assert_eq!(upstream.arrivals(&format!("{method} /second")), 2);
    }
}

#[tokio::test]
async fn other_call_on_closed_connection_is_sent_once() {
    let large = || Body::from(vec![b'x'; 65 * 1024]);
    for (method, body) in [
        (Method::POST, Body::from("amount=100")),
        (Method::PATCH, Body::empty()),
        // Not buffered.
        (Method::PUT, large()),
    ] {
        let upstream = Upstream::new(closed_at_second).await;
        let proxy = upstream.proxy();
        assert_eq!(call(&proxy, get("/first")).await.status(), 200);
        let problem = problem(send(&proxy, method.clone(), "/second", body).await).await;
        assert_eq!(problem["status"], 502, "{method}");
        assert_eq!(problem["forwarded"], "unknown", "{method}");
        assert_eq!(upstream.arrivals(&format!("{method} /second")), 1);
    }
}

#[tokio::test]
async fn call_with_half_a_response_is_sent_once() {
    let upstream = Upstream::new(|connection, nth| match (connection, nth) {
        (0, 1) => "HTTP/1.1 2",
        _ => RESPONSE,
    })
    .await;
    let proxy = upstream.proxy();
    assert_eq!(call(&proxy, get("/first")).await.status(), 200);
    let problem = problem(call(&proxy, get("/second")).await).await;
    assert_eq!(problem["forwarded"], "unknown");
    assert_eq!(upstream.arrivals("GET /second"), 1);
}

/// A connection with a response on it was not dead.
#[tokio::test]
async fn call_with_malformed_response_is_sent_once() {
    let upstream = Upstream::new(|connection, nth| match (connection, nth) {
        (0, 1) => "NONSENSE\r\n\r\n",
        _ => RESPONSE,
    })
    .await;
    let proxy = upstream.proxy();
    assert_eq!(call(&proxy, get("/first")).await.status(), 200);
    let problem = problem(call(&proxy, get("/second")).await).await;
    assert_eq!(problem["forwarded"], "unknown");
    assert_eq!(upstream.arrivals("GET /second"), 1);
}

#[tokio::test]
async fn call_on_new_connection_is_sent_once() {
    let upstream = Upstream::new(|_, _| "").await;
    let problem = problem(call(&upstream.proxy(), get("/first")).await).await;
    assert_eq!(problem["forwarded"], "unknown");
    assert_eq!(upstream.arrivals("GET /first"), 1);
}

#[tokio::test]
async fn call_is_not_sent_a_third_time() {
    // The second connection is new, and is closed too.
    let upstream = Upstream::new(|connection, nth| match (connection, nth) {
        (0, 0) => RESPONSE,
        _ => "",
    })
    .await;
    let proxy = upstream.proxy();
    assert_eq!(call(&proxy, get("/first")).await.status(), 200);
    let problem = problem(call(&proxy, get("/second")).await).await;
    assert_eq!(problem["forwarded"], "unknown");
    assert_eq!(upstream.arrivals("GET /second"), 2);
}

/// An upstream that is reloaded closes its old connections, some as a request comes.
#[tokio::test]
async fn twelve_reloads_under_load_fail_no_get() {
    let reloads = Arc::new(AtomicUsize::new(0));
    let opened: Arc<Mutex<Vec<usize>>> = Arc::default();
    let now = Arc::clone(&reloads);
    let upstream = Upstream::new(move |connection, _| {
        let (now, mut opened) = (now.load(Ordering::Relaxed), opened.lock().unwrap());
        let known = opened.len();
        opened.resize(known.max(connection + 1), now);
        if opened[connection] == now {
            RESPONSE
        } else {
            ""
        }
    })
    .await;
    let proxy = upstream.proxy();
    for reload in 0..=12 {
        reloads.store(reload, Ordering::Relaxed);
        for _ in 0..3 {
            calls(&proxy, 16).await;
        }
    }
    let opened = upstream.connections.load(Ordering::Relaxed);
    assert!(upstream.arrivals("GET /") > 13 * 3 * 16, "some came twice");
    assert!(opened > 12 * 16, "{opened} connections");
}

/// On a connection whose last response was HTTP/1.0, hyper would drop a body that is not buffered.
#[tokio::test]
async fn short_chunked_bodies_reuse_a_connection() {
    let upstream = Upstream::new(|_, _| RESPONSE).await;
    let proxy = upstream.proxy();
    for _ in 0..3 {
        let pieces = stream::iter(["amount", "=100"].map(Ok::<_, BoxError>));
        let response = send(&proxy, Method::POST, "/", Body::from_stream(pieces)).await;
        assert_eq!(to_bytes(response.into_body(), 2).await.unwrap(), "ok");
    }
    assert_eq!(upstream.arrivals("POST /"), 3);
    assert_eq!(upstream.connections.load(Ordering::Relaxed), 1);
}

/// Servers that close after 2 s, or 5 s, must not close one that is about to be used.
#[tokio::test]
async fn idle_connection_is_not_reused_after_its_timeout() {
    let upstream = Upstream::new(|_, _| RESPONSE).await;
    let builder = upstream.builder().pool_idle_timeout(Duration::ZERO);
    let proxy = builder.build().unwrap();
    for opened in 1..=3 {
        calls(&proxy, 1).await;
        assert_eq!(upstream.connections.load(Ordering::Relaxed), opened);
    }
}

/// At most two for each call in flight: one may not be idle again when its next call comes.
#[tokio::test]
async fn steady_load_opens_no_more_connections() {
    let upstream = Upstream::new(|_, _| RESPONSE).await;
    let proxy = upstream.proxy();
    for _ in 0..8 {
        calls(&proxy, 256).await;
    }
    let opened = upstream.connections.load(Ordering::Relaxed);
    assert!(opened <= 2 * 256, "{opened} for 2,048 calls");
}
