//! Which parts of requests and responses are forwarded.

use axum::body::Body;
use enkash_auth_axum::{Forwarded, Proxy, ProxyBody};
use enkash_auth_tower::BoxError;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body_util::BodyExt;

use crate::support::{Upstream, a_cache, call, get, problem};

#[tokio::test]
async fn forwarded_call_carries_token() {
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
async fn response_states_whether_request_was_forwarded() {
    let proxy = Upstream::new().proxy();
    for (request, expected) in [
        (get("/api/v0/payouts"), Forwarded::Yes),
        (get("*"), Forwarded::No),
        (get("/oauth/token"), Forwarded::No),
    ] {
        let path = request.uri().to_string();
        let response = call(&proxy, request).await;
        let stated: Option<&Forwarded> = response.extensions().get();
        assert_eq!(stated, Some(&expected), "{path}");
    }
}

#[tokio::test]
async fn request_line_cannot_change_upstream() {
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
async fn only_path_and_query_are_forwarded() {
    let echo = tower::service_fn(async |request: Request<ProxyBody>| {
        Ok::<_, BoxError>(Response::new(Body::from(request.uri().to_string())))
    });
    let proxy = Proxy::builder(a_cache(), "https://api.enkash.in".parse().unwrap())
        .build_with(echo)
        .unwrap();
    for (requested, expected) in [
        ("/", "/"),
        ("/a/b?c=d&e", "/a/b?c=d&e"),
        ("/a?", "/a?"),
        ("//evil.example/a", "//evil.example/a"),
        ("/@evil.example/a", "/@evil.example/a"),
        ("/\\evil.example", "/%5Cevil.example"),
        ("/a\"{b}|c", "/a%22%7Bb%7D%7Cc"),
        ("/[a]^b~!$&'()*+,;=:@", "/%5Ba%5D%5Eb~!$&'()*+,;=:@"),
        ("/?a=`{c}|\\^[]/?", "/?a=%60%7Bc%7D%7C%5C%5E%5B%5D/?"),
        ("/é%zz%2f?ü", "/%C3%A9%zz%2f?%C3%BC"),
        ("http://evil.example?`", "/?%60"),
        ("/%2e%2e/a%2Fb", "/%2e%2e/a%2Fb"),
        ("http://evil.example/a?b", "/a?b"),
        ("http://user:pass@evil.example:81//a", "//a"),
        ("http://evil.example", "/"),
        ("http://evil.example?b", "/?b"),
    ] {
        let response = call(&proxy, get(requested)).await;
        let went = response.into_body().collect().await.unwrap().to_bytes();
        let expected = format!("https://api.enkash.in{expected}");
        assert_eq!(went, expected, "{requested}");
    }
    for nowhere in ["*", "elsewhere.example", "elsewhere.example:443"] {
        let response = call(&proxy, get(nowhere)).await;
        assert_eq!(response.status(), StatusCode::NOT_IMPLEMENTED, "{nowhere}");
    }
}

#[tokio::test]
async fn headers_named_by_connection_are_removed() {
    let upstream = Upstream::new();
    let mut request = get("/");
    for (name, value) in [
        ("connection", "keep-alive, X-One ,,\"odd\""),
        ("connection", "x-two, close"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("proxy-authenticate", "Basic"),
        ("proxy-authorization", "Basic eA=="),
        ("te", "trailers"),
        ("trailer", "x-three"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("x-one", "1"),
        ("x-two", "2"),
        ("x-two", "2 again"),
        ("x-three", "3"),
        ("content-type", "text/plain"),
    ] {
        let value = value.parse().unwrap();
        request.headers_mut().append(name, value);
    }
    call(&upstream.proxy(), request).await;
    let (head, _) = upstream.only_call();
    let mut left: Vec<_> = head.headers.keys().map(HeaderName::as_str).collect();
    left.sort_unstable();
    let kept = [
        "authorization",
        "content-length",
        "content-type",
        "host",
        "via",
        "x-three",
    ];
    assert_eq!(left, kept);
}

#[tokio::test]
async fn non_text_connection_header_removes_nothing_else() {
    let upstream = Upstream::new();
    let request = Request::get("/")
        .header(
            "connection",
            HeaderValue::from_bytes(b"\xff, x-one").unwrap(),
        )
        .header("x-one", "1")
        .header("x-two", "2")
        .body(Body::empty())
        .unwrap();
    call(&upstream.proxy(), request).await;
    let (head, _) = upstream.only_call();
    for gone in ["connection", "x-one"] {
        assert!(!head.headers.contains_key(gone), "{gone}");
    }
    assert_eq!(head.headers["x-two"], "2");
}

#[tokio::test]
async fn caller_credentials_are_not_forwarded() {
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
async fn expectation_of_caller_is_not_forwarded() {
    let upstream = Upstream::new();
    let request = Request::post("/").header("expect", "100-continue");
    let request = request.body(Body::from("hello")).unwrap();
    assert_eq!(call(&upstream.proxy(), request).await.status(), 200);
    let (head, length) = upstream.only_call();
    assert!(!head.headers.contains_key("expect"));
    assert_eq!(length, 5);
}

#[tokio::test]
async fn connection_header_cannot_remove_token() {
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
async fn request_version_and_extensions_are_not_forwarded() {
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
async fn response_loses_hop_by_hop_headers() {
    let upstream = Upstream::responding(|| {
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
async fn unsupported_requests_are_declined_with_501() {
    let upgrade = Request::get("/")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .body(Body::empty())
        .unwrap();
    let connect = Request::connect("evil.example:443")
        .body(Body::empty())
        .unwrap();
    let asterisk = Request::options("*").body(Body::empty()).unwrap();
    // The response to TRACE contains the request, with the token.
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
    let grpc = Request::post("/enkash.Payouts/Create")
        .header("content-type", "application/grpc+proto")
        .body(Body::empty())
        .unwrap();
    for (request, why) in [
        (upgrade, "WebSocket"),
        (connect, "CONNECT"),
        (asterisk, "a request without a path"),
        (trace, "TRACE"),
        (grpc, "gRPC is not supported, nor is HTTP/2"),
        (compressed, "transfer codings"),
        (compressed_twice, "transfer codings"),
    ] {
        let upstream = Upstream::new();
        let problem = problem(call(&upstream.proxy(), request).await).await;
        assert_eq!(problem["status"], 501);
        assert!(problem["detail"].as_str().unwrap().starts_with(why));
        assert_eq!(problem["forwarded"], false);
        assert_eq!(upstream.calls(), 0);
    }
}

#[tokio::test]
async fn h2c_upgrade_offer_is_ignored() {
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
async fn unexpected_protocol_switch_returns_bad_gateway() {
    let upstream = Upstream::responding(|| {
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

#[tokio::test]
async fn via_names_protocol_and_proxy_behind_others() {
    let upstream = Upstream::new();
    for (version, name) in [(Version::HTTP_10, "1.0 "), (Version::HTTP_11, "1.1 ")] {
        let mut request = get("/");
        *request.version_mut() = version;
        let before: HeaderValue = "1.1 gateway".parse().unwrap();
        request.headers_mut().insert("via", before.clone());
        call(&upstream.proxy(), request).await;
        let (head, _) = upstream.only_call();
        let via: Vec<_> = head.headers.get_all("via").iter().collect();
        assert_eq!(via[0], before);
        assert!(via[1].to_str().unwrap().starts_with(name), "{via:?}");
    }
}

/// The upstream leads back to the proxy, by way of a server that adds to `Via` in its own form.
#[tokio::test]
async fn forwarded_request_that_comes_back_is_declined() {
    let upstream = Upstream::new();
    let proxy = upstream.proxy();
    call(&proxy, get("/")).await;
    let (head, _) = upstream.only_call();
    let via = format!("{}, 1.1 other", head.headers["via"].to_str().unwrap());
    let again = || Request::get("/").header("via", &via).body(Body::empty());
    let problem = problem(call(&proxy, again().unwrap()).await).await;
    assert_eq!(problem["status"], 508);
    assert_eq!(problem["forwarded"], false);
    assert_eq!(upstream.calls(), 0);

    // Two proxies in a row are no loop.
    let response = call(&upstream.proxy(), again().unwrap()).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn compressed_transfer_coding_of_upstream_is_bad_gateway() {
    let upstream = Upstream::responding(|| {
        let response = Response::builder().header("transfer-encoding", "gzip, chunked");
        response.body(Body::from("not what it seems")).unwrap()
    });
    let problem = problem(call(&upstream.proxy(), get("/")).await).await;
    assert_eq!(problem["status"], 502);
    assert_eq!(problem["forwarded"], "unknown");
}
