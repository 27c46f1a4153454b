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
        let egress = Egress::direct().resolver(Resolver::Silent);
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

/// The second of two addresses of a family has half of the limit; one of the other family starts after 300 ms,
/// whatever the limit.
#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn dead_first_address_is_skipped_within_connect_timeout() {
    use enkash_auth_core::{Client, Credentials, User};
    use enkash_auth_sandbox::{Accounts, Issuer, Sandbox, Tls};
    use tokio::{spawn, task::yield_now, time::advance};

    use crate::tests::sockets::{FullListener, HeldClock};

    let _held = HeldClock::new();
    for (dead, millis) in [("127.0.0.1:0", 1_500), ("[::1]:0", 300)] {
        let user = format!("user-{}", fastrand::u64(..));
        let accounts = Accounts::none()
            .client("client-id", "client-secret")
            .user(&user, "password");
        let sandbox = Sandbox::builder()
            .issuer(Issuer::builder().accounts(accounts).build())
            .tls(Tls::new().name("enkash.test"))
            .start()
            .await
            .unwrap();
        let dead = FullListener::new(dead).await;
        let addresses = vec![dead.address(), sandbox.addr()];
        let authority = sandbox.certificate_authority().unwrap();
        let egress = Egress::direct().resolver(Resolver::To(addresses));
        let egress = egress.trust_pem(authority.pem().as_bytes()).unwrap();
        let credentials = Credentials::password(
            Client::new("client-id", "client-secret"),
            User::new(user, "password"),
        );
        // Without a port, which would replace those of the addresses.
        let environment = Environment::custom("https://enkash.test").unwrap();
        let endpoint = TokenEndpoint::with_egress(environment, credentials, &egress).unwrap();
        let fetching = spawn(TokenCache::new(endpoint).token());
        // Until it connects.
        for _ in 0..100 {
            yield_now().await;
        }
        advance(Duration::from_millis(millis - 1)).await;
        for _ in 0..100 {
            yield_now().await;
        }
        assert_eq!(sandbox.issuer().counters().token_requests, 0);
        advance(Duration::from_millis(2)).await;
        fetching.await.unwrap().unwrap();
    }
}
