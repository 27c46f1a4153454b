//! Egress with a resolver that a test controls.

use std::time::Duration;

use enkash_auth_core::{Environment, RefreshPolicy};
use tokio::time::Instant;

use super::endpoint::credentials;
use crate::{Egress, ErrorKind, TokenCache, TokenEndpoint, egress::Resolver};

/// Fetches with a timeout shorter than the connect timeout, and with a longer one: see `egress::silent` in
/// `tests/it`.
#[tokio::test(start_paused = true)]
async fn silent_resolver_fails_after_connect_timeout() {
    for (fetch_timeout, limit) in [(2, 2), (8, 3)] {
        let egress = Egress::direct().resolver(Resolver::Silent);
        let environment = Environment::custom("https://enkash.test").unwrap();
        let endpoint = TokenEndpoint::with_egress(environment, credentials(), &egress).unwrap();
        let mut policy = RefreshPolicy::default();
        policy.fetch_timeout = Duration::from_secs(fetch_timeout);
        policy.attempts = 1;
        let builder = TokenCache::builder(endpoint).policy(policy);
        let tokens = builder.unwrap().build();
        let start = Instant::now();
        let error = tokens.token().await.unwrap_err();
        let (took, limit) = (start.elapsed(), Duration::from_secs(limit));
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        assert!(error.to_string().contains("nothing was sent"), "{error}");
        assert!(took >= limit && took <= limit + Duration::from_millis(5));
        let status = tokens.status();
        assert_eq!((status.strikes(), status.unresolved_attempts()), (0, 0));
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn dead_first_address_is_skipped_within_connect_timeout() {
    use tokio::{net::TcpListener, time::advance};
    use tokio_test::{assert_pending, task};
    use tower_service::Service;

    use crate::tests::sockets::{FullListener, HeldClock};

    let _held = HeldClock::new();
    let (dead, alive) = (FullListener::new().await, TcpListener::bind("127.0.0.1:0"));
    let alive = alive.await.unwrap();
    let addresses = vec![dead.address(), alive.local_addr().unwrap()];
    let limit = Duration::from_secs(3);
    let mut connector = Egress::direct()
        .resolver(Resolver::To(addresses))
        .connector(limit)
        .unwrap();
    let start = Instant::now();
    let mut connecting = task::spawn(connector.call("http://enkash.test".parse().unwrap()));
    assert_pending!(connecting.poll());
    advance(limit / 2 - Duration::from_millis(1)).await;
    assert_pending!(connecting.poll());
    advance(Duration::from_millis(2)).await;
    connecting.await.unwrap();
    alive.accept().await.unwrap();
    assert!(start.elapsed() < limit * 2 / 3);
}
