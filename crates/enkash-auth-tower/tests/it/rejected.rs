//! Rejected, unresolved and unsent attempts: a wrong password is sent once.

use std::{
    convert::Infallible,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use enkash_auth_sandbox::SandboxService;
use enkash_auth_tower::{
    BoxError, Error, ErrorKind, NotSent, RefreshPolicy, TokenCache, TokenEndpoint, TokenRequestBody,
};
use http::{Request, Response};
use http_body_util::Full;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::support::{
    Kit, TokioClock, cache, credentials, endpoint, environment, grant, rules, status, user,
};

/// Returns another cache in the same process for the same account.
fn another_cache(kit: &Kit, password: &str) -> TokenCache {
    let endpoint = TokenEndpoint::with_service(
        environment(),
        credentials(&kit.user, password),
        SandboxService::new(kit.issuer.clone()),
    );
    TokenCache::builder(endpoint.unwrap())
        .clock(TokioClock::new())
        .build()
}

#[tokio::test(start_paused = true)]
async fn wrong_password_is_sent_once_per_process() {
    let kit = Kit::new(rules(300, 10));
    let mut callers = JoinSet::new();
    for _ in 0..10 {
        let tokens = another_cache(&kit, "old password");
        callers.spawn(async move {
            for _ in 0..100 {
                let error: Error = tokens.token().await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Rejected);
                sleep(Duration::from_millis(300)).await;
            }
        });
    }
    callers.join_all().await;
    let counters = kit.issuer.counters();
    assert_eq!((counters.token_requests, counters.rejections), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn new_password_is_sent_at_once_after_rejection() {
    let kit = Kit::new(rules(300, 10));
    let old = another_cache(&kit, "old password");
    assert_eq!(old.token().await.unwrap_err().kind(), ErrorKind::Rejected);
    kit.tokens.token().await.unwrap();
    assert_eq!(kit.issuer.counters().token_requests, 2);
}

#[tokio::test(start_paused = true)]
async fn two_wrong_passwords_close_account_before_server_locks() {
    let kit = Kit::new(rules(300, 10));
    for (wrong, expected) in [
        ("first", ErrorKind::Rejected),
        ("second", ErrorKind::Rejected),
        ("third", ErrorKind::AccountClosed),
        ("first", ErrorKind::Rejected),
    ] {
        let error = another_cache(&kit, wrong).token().await.unwrap_err();
        assert_eq!(error.kind(), expected);
    }
    assert_eq!(kit.issuer.counters().rejections, 2);
    assert!(
        kit.issuer
            .account_statuses()
            .iter()
            .all(|account| !account.locked)
    );
}

#[tokio::test(start_paused = true)]
async fn cache_per_request_sends_wrong_password_once() {
    let kit = Kit::new(rules(300, 10));
    for _ in 0..50 {
        let error = another_cache(&kit, "wrong").token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
    }
    assert_eq!(kit.issuer.counters().token_requests, 1);
}

#[tokio::test(start_paused = true)]
async fn caches_of_one_account_fetch_one_at_a_time() {
    let kit = Kit::new(rules(300, 150));
    let mut callers = JoinSet::new();
    for _ in 0..5 {
        let tokens = another_cache(&kit, "password");
        callers.spawn(async move { tokens.token().await.unwrap() });
    }
    callers.join_all().await;
    assert_eq!(kit.issuer.counters().token_requests_at_once, 1);
}

#[tokio::test(start_paused = true)]
async fn wait_for_fetch_of_other_cache_ends_at_own_timeout() {
    let mut policy = RefreshPolicy::default();
    policy.fetch_timeout = Duration::from_secs(60);
    let kit = Kit::with_policy(rules(300, 20_000), policy);
    let long = tokio::spawn(kit.tokens.token());
    sleep(Duration::from_millis(10)).await;
    let started = Instant::now();
    let error = another_cache(&kit, "password").token().await.unwrap_err();
    assert!(error.is_transient() && started.elapsed() <= Duration::from_secs(8));
    assert!(error.to_string().contains("another fetch"), "{error}");
    assert_eq!(kit.issuer.counters().token_requests, 1);
    long.abort();
}

#[tokio::test(start_paused = true)]
async fn third_unresolved_attempt_waits_for_retry_unresolved_after() {
    for (retry_after, requests) in [(None, 2), (Some(Duration::from_secs(900)), 3)] {
        let mut policy = RefreshPolicy::default();
        policy.retry_unresolved_after = retry_after;
        let tokens = TokenCache::builder(endpoint(|_| async { status(200) }))
            .policy(policy)
            .unwrap()
            .clock(TokioClock::new())
            .build();
        for _ in 0..60 {
            tokens.token().await.unwrap_err();
            sleep(Duration::from_secs(10)).await;
        }
        assert_eq!(tokens.status().token_requests(), 2);
        sleep(Duration::from_secs(400)).await;
        tokens.token().await.unwrap_err();
        assert_eq!(tokens.status().token_requests(), requests);
    }
}

#[tokio::test(start_paused = true)]
async fn long_fetch_delays_other_cache_of_account() {
    let mut policy = RefreshPolicy::default();
    policy.fetch_timeout = Duration::from_secs(60);
    policy.wait_timeout = Duration::from_secs(100);
    let kit = Kit::with_policy(rules(300, 20_000), policy.clone());
    let endpoint = TokenEndpoint::with_service(
        environment(),
        credentials(&kit.user, "password"),
        SandboxService::new(kit.issuer.clone()),
    );
    let other = TokenCache::builder(endpoint.unwrap())
        .policy(policy)
        .unwrap()
        .clock(TokioClock::new())
        .build();
    let (one, two) = tokio::join!(kit.tokens.token(), other.token());
    one.unwrap();
    two.unwrap();
    assert_eq!(kit.issuer.counters().token_requests_at_once, 1);
}

/// Returns a cache whose service fails with `fail`, and the number of its requests.
fn failing<E>(fail: fn() -> E, user: &str) -> (TokenCache, Arc<AtomicU32>)
where
    E: Into<BoxError> + Send + 'static,
{
    let asked = Arc::new(AtomicU32::new(0));
    let service = tower::service_fn({
        let asked = Arc::clone(&asked);
        move |request: Request<TokenRequestBody>| {
            let is_probe = request.method() == "HEAD";
            asked.fetch_add(u32::from(!is_probe), Ordering::Relaxed);
            async move { Err::<Response<String>, E>(fail()) }
        }
    });
    let endpoint =
        TokenEndpoint::with_service(environment(), credentials(user, "password"), service);
    let tokens = TokenCache::builder(endpoint.unwrap())
        .clock(TokioClock::new())
        .build();
    (tokens, asked)
}

#[tokio::test(start_paused = true)]
async fn unsent_request_is_retried_and_counts_no_strike() {
    let not_connected = || io::Error::from(io::ErrorKind::ConnectionRefused).into();
    let not_sent = || NotSent::new("no address for this host").into();
    for fail in [not_connected as fn() -> BoxError, not_sent] {
        let (tokens, asked) = failing(fail, &user());
        for _ in 0..5 {
            let error = tokens.token().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            sleep(Duration::from_secs(60)).await;
        }
        assert_eq!(
            asked.load(Ordering::Relaxed),
            15,
            "three attempts in each fetch"
        );
        assert_eq!(tokens.status().unresolved_attempts(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn connection_reset_after_send_is_not_retried_at_once() {
    let (tokens, asked) = failing(|| io::Error::from(io::ErrorKind::ConnectionReset), &user());
    for (requests, expected) in [
        (1, ErrorKind::Unresolved),
        (2, ErrorKind::Unresolved),
        (2, ErrorKind::AccountClosed),
        (2, ErrorKind::AccountClosed),
    ] {
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), expected);
        assert_eq!(asked.load(Ordering::Relaxed), requests);
        sleep(Duration::from_secs(60)).await;
    }
    assert_eq!(tokens.status().unresolved_attempts(), 2);
}

#[tokio::test(start_paused = true)]
async fn connection_reset_with_known_good_credentials_is_probed() {
    let kit = Kit::new(rules(300, 10));
    kit.tokens.token().await.unwrap();
    let (tokens, asked) = failing(
        || io::Error::from(io::ErrorKind::ConnectionReset),
        &kit.user,
    );
    // No probe ever got a response: the next attempt is made 15 min later.
    for (minutes, requests) in [(5, 1), (5, 1), (5, 1), (5, 2)] {
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(asked.load(Ordering::Relaxed), requests);
        assert_eq!(tokens.status().unresolved_attempts(), requests as usize);
        sleep(Duration::from_secs(60 * minutes)).await;
    }
}

/// On a first deployment: the credentials are not known to be good.
#[tokio::test(start_paused = true)]
async fn request_timeout_and_bare_403_count_no_strike() {
    for (code, expected) in [(408, ErrorKind::Unavailable), (403, ErrorKind::Forbidden)] {
        let is_well = Arc::new(AtomicBool::new(false));
        let tokens = cache(endpoint({
            let is_well = Arc::clone(&is_well);
            move |_| {
                let response = match is_well.load(Ordering::Relaxed) {
                    true => grant("one", 300),
                    false => status(code),
                };
                async { response }
            }
        }));
        for fetches in 1..=2 {
            let error = tokens.token().await.unwrap_err();
            assert_eq!(error.kind(), expected);
            assert!(tokens.status().token_requests() >= fetches);
            assert_eq!(tokens.status().strikes(), 0);
            assert_eq!(tokens.status().unresolved_attempts(), 0);
            // Longer than any backoff.
            sleep(Duration::from_secs(600)).await;
        }
        is_well.store(true, Ordering::Relaxed);
        tokens.token().await.unwrap();
    }
}

/// The gzip encoding of `{"error":"invalid_grant"}`.
const GZIP: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0\x02\x03\xabVJ-*\xca/R\xb2R\xca\xcc+K\xcc\xc9L\x89O/J\xcc+Q\xaa\x05\0\x92\xb8j\0\x19\0\0\0";

#[tokio::test(start_paused = true)]
async fn rejection_in_any_encoding_is_final() {
    let bodies: [&[u8]; 4] = [
        b"{\"error\":\"invalid_grant\",\"error_description\":\"identifiants erron\xe9s\"}",
        "\u{feff}{\"error\":\"invalid_grant\"}".as_bytes(),
        GZIP,
        br#"{"message":"Bad credentials"}"#,
    ];
    // This platform also rejects with 200.
    for (body, code) in bodies
        .into_iter()
        .flat_map(|body| [(body, 400), (body, 200)])
    {
        let asked = Arc::new(AtomicU32::new(0));
        let service = tower::service_fn({
            let asked = Arc::clone(&asked);
            move |_: Request<TokenRequestBody>| {
                asked.fetch_add(1, Ordering::Relaxed);
                let response = Response::builder().status(code).body(Full::new(body));
                async { Ok::<_, Infallible>(response.unwrap()) }
            }
        });
        let wrong = credentials(&user(), "wrong");
        let endpoint = TokenEndpoint::with_service(environment(), wrong, service);
        let tokens = cache(endpoint.unwrap());
        for _ in 0..120 {
            let error = tokens.token().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Rejected, "{code} {body:?}");
            sleep(Duration::from_secs(10)).await;
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1, "{code} {body:?}");
        assert_eq!(tokens.status().strikes(), 1);
    }
}
