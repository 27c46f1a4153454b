//! Egress with a resolver that a test controls.

use std::time::Duration;

use enkash_auth_core::Environment;
use tokio::time::Instant;

use super::endpoint::credentials;
use crate::{Egress, ErrorKind, RefreshPolicy, TokenCache, TokenEndpoint, egress::Resolver};
/// Fetches with a timeout shorter than the connect timeout, and with a longer one: see `egress::silent` in
/// `tests/it`.
#[tokio::test(start_paused = true)]
async fn silent_resolver_fails_after_connect_timeout() {
    for (fetch_timeout, limit) in [(2, 2), (8, 3)] {
        let egress = Egress::direct().resolver(Resolver::new());
        let environment = Environment::custom("https://enkash.test").unwrap();
        let endpoint = TokenEndpoint::with_egress(environment, credentials(), &egress).unwrap();
        let policy = RefreshPolicy {
            fetch_timeout: Duration::from_secs(fetch_timeout),
            attempts: 1,
            ..RefreshPolicy::default()
        };
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
mod dead_addresses {
    use tokio::{spawn, task::yield_now, time::advance};

    use super::*;
    use crate::tests::{
        silent::{proxy, sandbox, trusting},
        sockets::{FullListener, HeldClock},
    };

    async fn yield_often() {
        for _ in 0..100 {
            yield_now().await;
        }
    }

    /// Fetches from a server whose name has `dead` addresses before its own, each of which is given up after so
    /// many milliseconds. With `is_proxied` the name is that of a proxy.
    async fn assert_skipped(dead: &[(&str, u64)], is_proxied: bool) {
        let (sandbox, credentials) = sandbox().await;
        let mut listeners = Vec::new();
        for (address, _) in dead {
            listeners.push(FullListener::new(address).await);
        }
        let mut addresses: Vec<_> = listeners.iter().map(FullListener::address).collect();
        let (proxy, _serving) = proxy(sandbox.addr()).await;
        // Without ports, which would replace those of the addresses.
        let mut egress = Egress::direct();
        if is_proxied {
            addresses.push(proxy);
            egress = egress.proxy("http://proxy.test").unwrap();
        } else {
            addresses.push(sandbox.addr());
        }
        let resolver = Resolver::new();
        resolver.set(&addresses);
        let endpoint = trusting(&sandbox, &egress.resolver(resolver), credentials);
        let fetching = spawn(TokenCache::new(endpoint).token());
        // Until it connects.
        yield_often().await;
        for (_, millis) in dead {
            advance(Duration::from_millis(millis - 1)).await;
            yield_often().await;
            assert_eq!(sandbox.issuer().counters().token_requests, 0);
            assert!(!fetching.is_finished());
            advance(Duration::from_millis(2)).await;
            yield_often().await;
        }
        fetching.await.unwrap().unwrap();
    }

    /// Addresses of a family have equal parts of the limit; one of the other family starts after 300 ms, whatever
    /// the limit.
    #[tokio::test(start_paused = true)]
    async fn dead_addresses_are_skipped_within_connect_timeout() {
        let _held = HeldClock::new();
        for is_proxied in [false, true] {
            assert_skipped(&[("127.0.0.1:0", 1_500)], is_proxied).await;
            assert_skipped(&[("127.0.0.1:0", 1_000); 2], is_proxied).await;
            assert_skipped(&[("[::1]:0", 300)], is_proxied).await;
        }
    }
}
