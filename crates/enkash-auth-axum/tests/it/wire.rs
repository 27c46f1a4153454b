//! Over real sockets: what the upstream reads, and how the router returns its response.

use axum::{Router, body::Body, routing::any_service};
use enkash_auth_axum::Proxy;
use enkash_auth_tower::BoxError;
use futures_util::stream;
use http::{Method, Request};
use http_body_util::BodyExt;
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

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

/// Returns the head of the response that a caller reads. The router adds the length of a body with an exact
/// hint, and the server that of an empty one.
async fn through_a_server(method: Method, response: &'static str) -> String {
    let (proxy, _read) = upstream(response).await;
    let app: Router = Router::new().route("/", any_service(proxy));
    let (mut caller, server) = tokio::io::duplex(4096);
    let service = TowerToHyperService::new(app);
    let connection = http1::Builder::new().serve_connection(TokioIo::new(server), service);
    tokio::spawn(connection);
    let request = format!("{method} / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    caller.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    caller.read_to_string(&mut response).await.unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "");
    format!("{head}\r\n")
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
        let head = through_a_server(method, response).await;
        assert!(head.contains("\r\netag: a\r\n"), "{head}");
        assert!(!head.contains("content-length"), "{head}");
        assert!(!head.contains("transfer-encoding"), "{head}");
    }
}

#[tokio::test]
async fn content_length_of_upstream_is_kept() {
    for (method, response, length) in [
        (
            Method::HEAD,
            "HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n",
            "12",
        ),
        (
            Method::GET,
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "0",
        ),
    ] {
        let head = through_a_server(method, response).await;
        assert!(
            head.contains(&format!("\r\ncontent-length: {length}\r\n")),
            "{head}"
        );
    }
    // hyper's server omits it then.
    let (proxy, _read) = upstream("HTTP/1.1 304 Not Modified\r\ncontent-length: 12\r\n\r\n").await;
    assert_eq!(
        call(&proxy, get("/")).await.headers()["content-length"],
        "12"
    );
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
    // 200 with the length.
    let numbered: String = (1..200).map(|nth| format!("x-{nth}: {nth}\r\n")).collect();
    for (lines, name, value) in [
        ("etag : a\r\nserver \t: old\r\n", "etag", "a"),
        ("x-policy: a,\r\n  b,\r\n\tc\r\n", "x-policy", "a, b, c"),
        ("served by node 7\r\netag: a\r\n", "etag", "a"),
        ("(x): y\r\nSet-Cookie=a; b\r\netag: a\r\n", "etag", "a"),
        (numbered.as_str(), "x-199", "199"),
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

        // Too long to be buffered.
        let pieces = stream::iter((0..65).map(|_| Ok::<_, BoxError>([b'x'; 1024].to_vec())));
        let request = Request::builder().method(method.clone()).uri("/payouts");
        let request = request.body(Body::from_stream(pieces)).unwrap();
        assert_eq!(call(&proxy, request).await.status(), 200);
        let arrived = read.recv().await.unwrap();
        let (_, body) = arrived.split_once("\r\n\r\n").unwrap();
        assert_eq!(body.matches('x').count(), 65 * 1024, "{method}");
        assert!(body.ends_with("\r\n0\r\n\r\n"), "{method}: {body:?}");
    }
}
