//! Over real sockets: what the upstream reads, and how the router returns its response.

use axum::{Router, body::Body, routing::any_service};
use enkash_auth_axum::Proxy;
use enkash_auth_tower::BoxError;
use futures_util::stream;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tower::ServiceExt;

use crate::support::{self, call, get};

/// An upstream that returns `response` to every request, keeps its connections, and records what it
/// read.
async fn upstream(response: &'static str) -> (Proxy, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let (requests, read) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let requests = requests.clone();
            tokio::spawn(async move {
                while let Some(request) = read_request(&mut stream).await {
                    requests.send(request).unwrap();
                    stream.write_all(response.as_bytes()).await.unwrap();
                }
            });
        }
    });
    let proxy = Proxy::builder(support::a_cache(), origin.parse().unwrap());
    (proxy.build().unwrap(), read)
}

/// Reads a head, and the chunks after it if it announces some.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut request = String::new();
    loop {
        let end = if request.contains("\r\ntransfer-encoding: chunked\r\n") {
            "\r\n0\r\n\r\n"
        } else {
            "\r\n\r\n"
        };
        if request.ends_with(end) {
            return Some(request);
        }
        let mut buffer = [0; 4096];
        let length = stream.read(&mut buffer).await.ok().filter(|n| *n > 0)?;
        request.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
    }
}

/// Returns the response headers of the router, which adds the length of a body with an exact hint.
async fn through_a_router(method: Method, response: &'static str) -> HeaderMap {
    let (proxy, _read) = upstream(response).await;
    let app: Router = Router::new().route("/", any_service(proxy));
    let mut request = get("/");
    *request.method_mut() = method;
    app.oneshot(request).await.unwrap().headers().clone()
}

#[tokio::test]
async fn response_without_content_gains_no_length() {
    for (method, response) in [
        (Method::HEAD, "HTTP/1.1 200 OK\r\netag: a\r\n\r\n"),
        (
            Method::HEAD,
            "HTTP/1.1 200 OK\r\netag: a\r\ntransfer-encoding: chunked\r\n\r\n",
        ),
        (Method::GET, "HTTP/1.1 304 Not Modified\r\netag: a\r\n\r\n"),
        (Method::POST, "HTTP/1.1 204 No Content\r\netag: a\r\n\r\n"),
    ] {
        let headers = through_a_router(method, response).await;
        assert_eq!(headers["etag"], "a", "{response}");
        assert_eq!(headers.get("content-length"), None, "{response}");
    }
}

#[tokio::test]
async fn content_length_of_upstream_is_kept() {
    for (method, response) in [
        (
            Method::HEAD,
            "HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n",
        ),
        (
            Method::GET,
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 12\r\n\r\n",
        ),
    ] {
        let headers = through_a_router(method, response).await;
        assert_eq!(headers["content-length"], "12", "{response}");
    }
    let empty = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    let headers = through_a_router(Method::GET, empty).await;
    assert_eq!(headers["content-length"], "0");
}

#[tokio::test]
async fn chunked_response_drops_content_length() {
    let response = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n\
                  5\r\nhello\r\n0\r\n\r\n";
    let (proxy, _read) = upstream(response).await;
    let response = call(&proxy, get("/")).await;
    assert_eq!(response.headers().get("content-length"), None);
    let body = response.into_body().collect().await.unwrap();
    assert_eq!(body.to_bytes(), "hello");
}

/// As servers and middleboxes send them; see `leniency` in the tests of `enkash-auth-tower`.
#[tokio::test]
async fn malformed_head_of_upstream_is_forwarded_well_formed() {
    let numbered: String = (0..150).map(|nth| format!("x-{nth}: {nth}\r\n")).collect();
    for (lines, name, value) in [
        ("etag : a\r\nserver \t: old\r\n", "etag", "a"),
        ("x-policy: a,\r\n  b,\r\n\tc\r\n", "x-policy", "a, b, c"),
        ("served by node 7\r\netag: a\r\n", "etag", "a"),
        ("(x): y\r\nSet-Cookie=a; b\r\netag: a\r\n", "etag", "a"),
        (numbered.as_str(), "x-149", "149"),
    ] {
        let response = format!("HTTP/1.1 200 OK\r\n{lines}content-length : 2\r\n\r\nok");
        let (proxy, _read) = upstream(response.leak()).await;
        // The second one on the same connection.
        for _ in 0..2 {
            let response = call(&proxy, get("/")).await;
            assert_eq!(response.status(), 200, "{lines}");
            assert_eq!(response.headers()[name], value, "{lines}");
            let body = response.into_body().collect().await.unwrap();
            assert_eq!(body.to_bytes(), "ok", "{lines}");
        }
    }
}

#[tokio::test]
async fn streamed_body_arrives_whole_at_http_1_0_upstream() {
    let old = "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n";
    let (proxy, mut read) = upstream(old).await;
    for method in [Method::GET, Method::POST, Method::PUT] {
        assert_eq!(call(&proxy, get("/")).await.status(), 200);
        assert!(read.recv().await.unwrap().starts_with("GET / "));

        let pieces = stream::iter(["amount", "=100"].map(Ok::<_, BoxError>));
        let request = Request::builder().method(method.clone()).uri("/payouts");
        let request = request.body(Body::from_stream(pieces)).unwrap();
        assert_eq!(call(&proxy, request).await.status(), 200);
        let arrived = read.recv().await.unwrap();
        assert!(
            arrived.ends_with("\r\n\r\n6\r\namount\r\n4\r\n=100\r\n0\r\n\r\n"),
            "{method}: {arrived:?}"
        );
    }
}
