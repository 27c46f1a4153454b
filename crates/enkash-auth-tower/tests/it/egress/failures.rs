//! Failures of a proxy: they return a transient error in time, and send no password.

use std::{error::Error as StdError, iter, time::Duration};

use enkash_auth_tower::{Error, ErrorKind, TokenCache};
use tokio::{net::TcpListener, time::Instant};

use super::{
    connect_proxy::{ConnectProxy, Manner},
    stage::{PASSWORD, PROXY_BASIC, PROXY_USER, Stage, through},
};

/// Asserts that a fetch fails as if nothing had been sent, and returns its error text.
async fn fails(tokens: &TokenCache) -> String {
    let error = tokens.token().await.unwrap_err();
    assert_harmless(tokens, &error)
}

fn assert_harmless(tokens: &TokenCache, error: &Error) -> String {
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.is_transient());
    let status = tokens.status();
    assert_eq!((status.strikes(), status.unresolved_attempts()), (0, 0));
    let causes = iter::successors(error.source(), |&error| error.source());
    let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    assert!(text.contains("nothing was sent"), "{text}");
    for printed in [&text, &format!("{error:?}")] {
        for secret in [PROXY_USER, PROXY_BASIC, "p@ss", PASSWORD] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }
    text
}

#[tokio::test(start_paused = true)]
async fn proxy_error_sends_no_password_and_counts_no_strike() {
    let stage = Stage::new().await;
    for response in [
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "HTTP/1.1 20",
        "",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nnot a word of TLS",
    ] {
        let proxy = ConnectProxy::start(Manner::Answer(response)).await;
        let tokens = stage.cache(&stage.base(), &stage.egress(&proxy));
        let text = fails(&tokens).await;
        let named = format!("no connection through the proxy http://{}", proxy.address());
        assert!(text.contains(&named), "{text}");
        assert_eq!(proxy.heads().len(), 1, "{response}");
    }
    assert_eq!(stage.token_requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn proxy_status_is_named_in_the_error() {
    let stage = Stage::new().await;
    for (response, status) in [
        (
            "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
            "403 Forbidden",
        ),
        (
            "HTTP/1.0 407 Say\r\nproxy-authenticate: Basic\r\n\r\n",
            "407 Proxy Authentication Required",
        ),
        (
            "HTTP/1.1 502 \r\ncontent-type: text/html\r\n\r\n<html>p@ss",
            "502 Bad Gateway",
        ),
        (
            "HTTP/1.1 302 Found\r\nlocation: http://user:p@ss@127.0.0.1/\r\n\r\n",
            "302 Found",
        ),
        ("HTTP/1.1 599 p@ss\r\n\r\n", "599"),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 504 Gateway Timeout\r\n\r\n",
            "504 Gateway Timeout",
        ),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", "101"),
    ] {
        let proxy = ConnectProxy::start(Manner::Answer(response)).await;
        let text = fails(&stage.cache(&stage.base(), &stage.egress(&proxy))).await;
        let named = format!(
            "no connection through the proxy http://{}/: it responded to CONNECT with status {status}",
            proxy.address()
        );
        assert!(text.contains(&named), "{text}");
    }
    assert_eq!(stage.token_requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn endless_proxy_response_is_not_read_to_its_end() {
    let stage = Stage::new().await;
    let endless = "HTTP/1.1 200 OK\r\nx: ".to_owned() + &"x".repeat(100_000);
    let proxy = ConnectProxy::start(Manner::Answer(endless.leak())).await;
    let tokens = stage.cache(&stage.base(), &stage.egress(&proxy));
    fails(&tokens).await;
}

#[tokio::test(start_paused = true)]
async fn unreachable_proxy_sends_no_password() {
    let stage = Stage::new().await;
    let proxy = stage.proxy().await;
    let egress = stage.egress(&proxy);
    proxy.stop().await;
    fails(&stage.cache(&stage.base(), &egress)).await;
    assert_eq!(stage.token_requests(), 0);
}

/// Takes the 3 s of the connect timeout, whether the proxy hangs or the server behind it.
#[tokio::test(start_paused = true)]
async fn hanging_proxy_fails_after_connect_timeout() {
    let mut stage = Stage::new().await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let behind = silent.local_addr().unwrap();
    for manner in [Manner::Hang, Manner::Tunnel(behind)] {
        stage.hold_clock();
        let proxy = ConnectProxy::start(manner).await;
        let tokens = stage.cache(&stage.base(), &stage.egress(&proxy));
        let start = Instant::now();
        let asking = tokio::spawn(tokens.token());
        proxy.asked().await;
        stage.release_clock();
        let error = asking.await.unwrap().unwrap_err();
        let took = start.elapsed();
        assert!(took >= Duration::from_secs(3), "{took:?}");
        assert!(took <= Duration::from_millis(3_005), "{took:?}");
        assert!(assert_harmless(&tokens, &error).contains("proxy http://"));
    }
}

#[tokio::test(start_paused = true)]
async fn untrusted_certificate_fails_before_anything_is_sent() {
    let stage = Stage::new().await;
    let other = Stage::new().await;
    let proxy = stage.proxy().await;
    let strange = through(&proxy).trust_pem(other.pem().as_bytes()).unwrap();
    for egress in [through(&proxy), strange] {
        let text = fails(&stage.cache(&stage.base(), &egress)).await;
        assert!(text.contains("certificate"), "{text}");
        assert!(
            text.contains("unknown issuer: set ENKASH_CA_FILE"),
            "{text}"
        );
    }
    assert_eq!((stage.token_requests(), proxy.heads().len()), (0, 2));

    // Correctly configured, the same account has no strikes.
    let tokens = stage.cache(&stage.base(), &stage.egress(&proxy));
    tokens.token().await.unwrap();
    assert_eq!(stage.token_requests(), 1);
}
