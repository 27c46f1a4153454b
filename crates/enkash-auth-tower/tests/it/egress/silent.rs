//! Hosts on the way to the token server that never respond: nothing is sent, and no strike counts.

use std::{error::Error as StdError, iter, net::SocketAddr, time::Duration};

use enkash_auth_core::Environment;
use enkash_auth_tower::{Egress, ErrorKind, RefreshPolicy, TokenCache, TokenEndpoint};
use tokio::{net::TcpListener, time::Instant};

#[cfg(target_os = "linux")]
use crate::sockets::FullListener;
use crate::support::{credentials, user};

/// Asserts that a fetch fails after `limit` as if there had been no attempt.
async fn fails(base: &str, egress: &Egress, fetch_timeout: Duration, limit: Duration) {
    let mut policy = RefreshPolicy::default();
    policy.fetch_timeout = fetch_timeout;
    policy.attempts = 1;
    let environment = Environment::custom(base).unwrap();
    let credentials = credentials(&user(), "password");
    let endpoint = TokenEndpoint::with_egress(environment, credentials, egress).unwrap();
    let tokens = TokenCache::builder(endpoint)
        .policy(policy)
        .unwrap()
        .build();
    let start = Instant::now();
    let error = tokens.token().await.unwrap_err();
    let took = start.elapsed();
    let causes = iter::successors(error.source(), |&error| error.source());
    let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{text}");
    assert!(text.contains("nothing was sent"), "{text}");
    assert!(took >= limit, "{took:?}, {text}");
    assert!(took <= limit + Duration::from_millis(5), "{took:?}, {text}");
    let status = tokens.status();
    assert_eq!((status.strikes(), status.unresolved_attempts()), (0, 0));
}

/// Fetches with a timeout shorter than the connect timeout, and with a longer one.
async fn fails_in_time(base: &str, egress: &Egress) {
    let seconds = Duration::from_secs;
    fails(base, egress, seconds(2), seconds(2)).await;
    fails(base, egress, seconds(8), seconds(3)).await;
}

/// Accepts connections, and sends nothing on them.
async fn silent() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn dropped_syns_fail_after_connect_timeout() {
    let listener = FullListener::new("127.0.0.1:0").await;
    let base = format!("https://{}", listener.address());
    fails_in_time(&base, &Egress::direct()).await;
}

#[tokio::test(start_paused = true)]
async fn silent_tls_server_fails_after_connect_timeout() {
    let (_listener, address) = silent().await;
    fails_in_time(&format!("https://{address}"), &Egress::direct()).await;
}

#[tokio::test(start_paused = true)]
async fn silent_proxy_fails_after_connect_timeout() {
    let (_listener, address) = silent().await;
    for scheme in ["http", "https"] {
        let proxy = format!("{scheme}://{address}");
        let egress = Egress::direct().proxy(&proxy).unwrap();
        fails_in_time("https://enkash.test", &egress).await;
    }
}
