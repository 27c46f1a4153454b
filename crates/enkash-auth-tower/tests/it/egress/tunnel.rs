//! Connections through a proxy, and past it.

use std::time::Duration;

use bytes::Bytes;
use enkash_auth_tower::{Egress, EnkashAuthLayer, ErrorKind, connect::EgressConnector};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::time::Instant;
use tower::{Layer, ServiceExt};

use super::{
    connect_proxy::{ConnectProxy, Manner},
    stage::{HOST, PASSWORD, PROXY_BASIC, Stage},
    tls_front::TlsFront,
};

fn client(egress: &Egress) -> Client<EgressConnector, Full<Bytes>> {
    let connector = egress.connector(Duration::from_secs(3)).unwrap();
    Client::builder(TokioExecutor::new()).build(connector)
}

#[tokio::test(start_paused = true)]
async fn tunnelled_requests_show_the_proxy_no_secret() {
    let stage = Stage::new().await;
    let proxy = stage.proxy().await;
    let egress = stage.egress(&proxy);
    let tokens = stage.cache(&stage.base(), &egress);
    let token = tokens.token().await.unwrap();
    assert_eq!(stage.token_requests(), 1);

    let calls = EnkashAuthLayer::new(tokens).layer(client(&egress));
    let request = Request::get(format!("{}/api/v0/cards?card=s3cret-card", stage.base()));
    let response = calls
        .oneshot(request.body(Full::default()).unwrap())
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let arrived = response.into_body().collect().await.unwrap().to_bytes();
    let arrived = String::from_utf8(arrived.to_vec()).unwrap();
    assert!(!arrived.contains("proxy-authorization"), "{arrived}");
    assert_eq!(stage.sandbox.issuer().counters().api_calls, 1);

    let target = format!("{HOST}:{}", stage.sandbox.addr().port());
    let asked = format!(
        "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nProxy-Authorization: Basic {PROXY_BASIC}\r\n\r\n"
    );
    assert_eq!(proxy.heads(), [asked.clone(), asked]);
    let tunnelled = proxy.tunnelled();
    assert!(tunnelled.len() > 1_000);
    for secret in [PASSWORD, token.expose(), "client-secret", "s3cret-card"] {
        let secret = secret.as_bytes();
        assert!(!tunnelled.windows(secret.len()).any(|part| part == secret));
    }
}

#[tokio::test(start_paused = true)]
async fn any_2xx_of_the_proxy_opens_the_tunnel() {
    let stage = Stage::new().await;
    let many = "x: y\r\n".repeat(200);
    let many = format!("HTTP/1.1 200 OK\r\n{many}\r\n");
    for head in [
        "HTTP/1.0 200 Connection established\r\n\r\n",
        "HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.0 204 No Content\r\nconnection: close\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nserver : old\r\nvia: a,\r\n  b\r\nstray\r\n\r\n",
        many.leak(),
    ] {
        let proxy = ConnectProxy::start(Manner::TunnelAfter(head, stage.sandbox.addr())).await;
        let tokens = stage.cache(&stage.base(), &stage.egress(&proxy));
        let token = tokens.token().await;
        assert!(token.is_ok(), "{head}: {token:?}");
    }
}

/// `é` in Latin-1, which is not UTF-8.
#[tokio::test(start_paused = true)]
async fn proxy_password_is_sent_as_its_bytes() {
    let stage = Stage::new().await;
    let proxy = stage.proxy().await;
    for (user, sent) in [
        ("user:caf%E9", "dXNlcjpjYWbp"),
        ("us%E9r:", "dXPpcjo="),
        ("user", "dXNlcjo="),
    ] {
        let url = format!("http://{user}@{}", proxy.address());
        let egress = Egress::direct().proxy(&url).unwrap();
        let egress = egress.trust_pem(stage.pem().as_bytes()).unwrap();
        stage.cache(&stage.base(), &egress).token().await.unwrap();
        let head = proxy.heads().pop().unwrap();
        let named = format!("\r\nProxy-Authorization: Basic {sent}\r\n");
        assert!(head.contains(&named), "{head}");
    }
}

#[tokio::test(start_paused = true)]
async fn proxy_over_tls_is_supported() {
    let stage = Stage::new().await;
    let proxy = stage.proxy().await;
    let front = TlsFront::start(proxy.address()).await;
    let egress = Egress::direct()
        .proxy(&format!("https://{}", front.address))
        .unwrap();
    let egress = egress.trust_pem(stage.pem().as_bytes()).unwrap();
    let error = stage.cache(&stage.base(), &egress).token().await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(proxy.heads().is_empty(), "it is not trusted");

    let egress = egress.trust_pem(front.pem.as_bytes()).unwrap();
    stage.cache(&stage.base(), &egress).token().await.unwrap();
    assert_eq!(proxy.heads().len(), 1);
    assert_eq!(stage.token_requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn loopback_connects_without_the_proxy() {
    let stage = Stage::new().await;
    let proxy = stage.proxy().await;
    let egress = stage.egress(&proxy);
    for host in ["127.0.0.1", "localhost"] {
        let base = stage.base_at(host);
        stage.cache(&base, &egress).token().await.unwrap();
    }
    assert!(proxy.heads().is_empty());
    assert_eq!(stage.token_requests(), 2);
}

/// A documentation address: connected directly, it never responds.
#[tokio::test(start_paused = true)]
async fn no_proxy_hosts_are_connected_directly() {
    let mut stage = Stage::new().await;
    let proxy = stage.proxy().await;
    let base = stage.base_at("192.0.2.1");
    let port = stage.sandbox.addr().port();
    let egress = stage.egress(&proxy);

    stage.release_clock();
    for list in ["192.0.2.0/24", &format!("192.0.2.1:{port}"), "*"] {
        let start = Instant::now();
        let tokens = stage.cache(&base, &egress.clone().no_proxy(list));
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(start.elapsed() <= Duration::from_millis(3_010));
    }
    stage.hold_clock();
    assert!(proxy.heads().is_empty());

    let tokens = stage.cache(&base, &egress.no_proxy("192.0.2.1:1"));
    tokens.token().await.unwrap();
    assert_eq!(proxy.heads().len(), 1);
}
