//! What of a request goes on, and what of an answer comes back.

use axum::body::Body;
use http::{Method, Request, Response, StatusCode, Version};

use crate::support::{Upstream, call, get, problem};

#[tokio::test]
async fn a_call_goes_on_with_a_token() {
    let upstream = Upstream::new();
    let response = call(&upstream.proxy(), get("/api/v0/payouts?id=1")).await;
    assert_eq!(response.status(), StatusCode::OK);
    let (head, length) = upstream.only_call();
    assert_eq!(head.uri, "http://127.0.0.1:4010/api/v0/payouts?id=1");
    assert_eq!((head.method, length), (Method::GET, 0));
    assert_eq!(head.headers["host"], "127.0.0.1:4010");
    assert!(head.headers["authorization"].is_sensitive());
}

#[tokio::test]
async fn no_request_line_leads_elsewhere() {
    for target in [
        "http://evil.example/path",
        "//evil.example/path",
        "/@evil.example/path",
        "https://user:password@evil.example:8443/path",
    ] {
        let upstream = Upstream::new();
        let mut request = get(target);
        let evil = "evil.example".parse().unwrap();
        request.headers_mut().insert("host", evil);
        call(&upstream.proxy(), request).await;
        let (head, _) = upstream.only_call();
        assert_eq!(head.uri.authority().unwrap(), "127.0.0.1:4010", "{target}");
        assert_eq!(head.headers["host"], "127.0.0.1:4010", "{target}");
    }
}

#[tokio::test]
async fn credentials_of_the_caller_stay_behind() {
    let upstream = Upstream::new();
    let request = Request::get("/")
        .header("authorization", "Bearer mine")
        .header("authorization", "Basic bWluZTptaW5l")
        .header("proxy-authorization", "Basic bWluZTptaW5l")
        .body(Body::empty())
        .unwrap();
    call(&upstream.proxy(), request).await;
    let (head, _) = upstream.only_call();
    let values: Vec<_> = head.headers.get_all("authorization").iter().collect();
    assert_eq!(values.len(), 1);
    assert!(values[0].as_bytes().starts_with(b"Bearer "));
    assert_ne!(values[0], "Bearer mine");
    assert!(!head.headers.contains_key("proxy-authorization"));
}

#[tokio::test]
async fn a_connection_header_cannot_strip_the_token() {
    let upstream = Upstream::new();
    let request = Request::get("/")
        .header("connection", "authorization, host, x-mine, te")
        .header("x-mine", "1")
        .header("x-other", "2")
        .header("te", "trailers")
        .body(Body::empty())
        .unwrap();
    call(&upstream.proxy(), request).await;
    let (head, _) = upstream.only_call();
    assert!(head.headers.contains_key("authorization"));
    assert_eq!(head.headers["host"], "127.0.0.1:4010");
    assert_eq!(head.headers["x-other"], "2");
    for gone in ["connection", "x-mine", "te"] {
        assert!(!head.headers.contains_key(gone), "{gone}");
    }
}

#[tokio::test]
async fn version_and_extensions_of_a_request_stay_behind() {
    let upstream = Upstream::new();
    let request = Request::get("/")
        .version(Version::HTTP_10)
        .extension("of the caller's connection")
        .body(Body::empty())
        .unwrap();
    call(&upstream.proxy(), request).await;
    let (head, _) = upstream.only_call();
    assert_eq!(head.version, Version::HTTP_11);
    assert!(head.extensions.get::<&str>().is_none());
}

#[tokio::test]
async fn an_answer_comes_back_without_what_was_for_the_hop() {
    let upstream = Upstream::answering(|| {
        Response::builder()
            .status(StatusCode::IM_A_TEAPOT)
            .version(Version::HTTP_10)
            .header("connection", "x-hop")
            .header("x-hop", "1")
            .header("keep-alive", "timeout=5")
            .header("proxy-authenticate", "Basic")
            .header("transfer-encoding", "chunked")
            .header("x-end", "1")
            .header("x-end", "2")
            .body(Body::from("hello"))
            .unwrap()
    });
    let response = call(&upstream.proxy(), get("/")).await;
    assert_eq!(response.status(), StatusCode::IM_A_TEAPOT);
    assert_eq!(response.version(), Version::HTTP_11);
    assert_eq!(response.headers().get_all("x-end").iter().count(), 2);
    assert_eq!(response.headers().len(), 2, "{:?}", response.headers());
}

#[tokio::test]
async fn what_a_proxy_cannot_pass_on_is_not_supported() {
    let upgrade = Request::get("/")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .body(Body::empty())
        .unwrap();
    let connect = Request::connect("evil.example:443")
        .body(Body::empty())
        .unwrap();
    let asterisk = Request::options("*").body(Body::empty()).unwrap();
    // An upstream answers it with the request that it got, and the token in it.
    let trace = Request::trace("/").body(Body::empty()).unwrap();
    let compressed = Request::post("/")
        .header("transfer-encoding", "gzip, chunked")
        .body(Body::from("not what it seems"))
        .unwrap();
    let compressed_twice = Request::post("/")
        .header("transfer-encoding", "gzip")
        .header("transfer-encoding", "chunked")
        .body(Body::from("not what it seems"))
        .unwrap();
    for request in [
        upgrade,
        connect,
        asterisk,
        trace,
        compressed,
        compressed_twice,
    ] {
        let upstream = Upstream::new();
        let problem = problem(call(&upstream.proxy(), request).await).await;
        assert_eq!(problem["status"], 501);
        assert_eq!(problem["forwarded"], false);
        assert_eq!(upstream.calls(), 0);
    }
}

#[tokio::test]
async fn an_offer_of_http_2_in_the_clear_is_ignored() {
    let upstream = Upstream::new();
    let request = Request::get("/")
        .header("connection", "Upgrade, HTTP2-Settings")
        .header("upgrade", "h2c")
        .header("http2-settings", "AAMAAABkAAQ")
        .body(Body::empty())
        .unwrap();
    let response = call(&upstream.proxy(), request).await;
    assert_eq!(response.status(), StatusCode::OK);
    let (forwarded, _) = upstream.only_call();
    for gone in ["upgrade", "http2-settings", "connection"] {
        assert!(!forwarded.headers.contains_key(gone), "{gone}");
    }
}

#[tokio::test]
async fn an_upstream_that_switches_protocols_unasked_is_a_bad_gateway() {
    let upstream = Upstream::answering(|| {
        Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .body(Body::empty())
            .unwrap()
    });
    let problem = problem(call(&upstream.proxy(), get("/")).await).await;
    assert_eq!(
        (&problem["status"], &problem["forwarded"]),
        (&502.into(), &"unknown".into())
    );
}
