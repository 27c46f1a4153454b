//! Waiting, memory and attempts are bounded; what exceeds a bound fails at once.

use std::{
    convert::Infallible,
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use enkash_auth_tower::{ErrorKind, RefreshPolicy, TokenCache, TokenEndpoint, TokenRequestBody};
use futures_util::stream;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::time::{Instant, sleep};
use tokio_test::{assert_pending, task};

use crate::support::{
    Kit, TokioClock, cache, credentials, endpoint, environment, grant, rules, status, user,
};

#[tokio::test(start_paused = true)]
async fn caller_beyond_max_waiters_fails_at_once() {
    let mut policy = RefreshPolicy::default();
    policy.max_waiters = 3;
    let kit = Kit::with_policy(rules(300, 50), policy);
    let mut waiting: Vec<_> = (0..3).map(|_| task::spawn(kit.tokens.token())).collect();
    for caller in &mut waiting {
        assert_pending!(caller.poll());
    }
    let started = Instant::now();
    let error = kit.tokens.token().await.unwrap_err();
    assert_eq!(
        (error.kind(), started.elapsed()),
        (ErrorKind::Saturated, Duration::ZERO)
    );
    assert_eq!(kit.tokens.status().waiting(), 3);

    for caller in waiting {
        caller.await.unwrap();
    }
    assert_eq!(kit.tokens.status().waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn caller_gives_up_after_wait_timeout() {
    let mut policy = RefreshPolicy::default();
    policy.wait_timeout = Duration::from_secs(1);
    let kit = Kit::with_policy(rules(300, 5_000), policy);
    let started = Instant::now();
    let error = kit.tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WaitTimeout);
    assert_eq!(started.elapsed().as_secs(), 1);
    sleep(Duration::from_secs(5)).await;
    kit.tokens.token().await.unwrap();
    assert_eq!(kit.issuer.counters().token_requests, 1);
}

#[tokio::test(start_paused = true)]
async fn hanging_server_fails_after_fetch_timeout() {
    let tokens = cache(endpoint(|_| pending()));
    let started = Instant::now();
    let error = tokens.token().await.unwrap_err();
    // The credentials are not known good: the attempt may have counted against the account.
    assert_eq!(error.kind(), ErrorKind::Unresolved);
    assert_eq!(started.elapsed().as_secs(), 8);
    assert_eq!(tokens.status().token_requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn oversized_body_is_not_read_to_its_end() {
    let tokens = cache(endpoint(|_| async {
        let mut response = grant("one", 300);
        response.body_mut().push_str(&" ".repeat(64 * 1024));
        response
    }));
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unresolved);
    assert!(error.to_string().contains("too large"), "{error}");
    assert_eq!(tokens.status().token_requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn short_outage_is_hidden_by_retries() {
    let asked = Arc::new(AtomicU32::new(0));
    let tokens = cache(endpoint({
        let asked = Arc::clone(&asked);
        move |_| {
            let nth = asked.fetch_add(1, Ordering::Relaxed);
            async move {
                if nth < 2 {
                    status(503)
                } else {
                    grant("one", 300)
                }
            }
        }
    }));
    let started = Instant::now();
    assert_eq!(tokens.token().await.unwrap().expose(), "one");
    assert_eq!(started.elapsed().as_millis(), 700);
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn only_known_good_credentials_retry_500_within_a_fetch() {
    let is_down = Arc::new(AtomicBool::new(true));
    let tokens = cache(endpoint({
        let is_down = Arc::clone(&is_down);
        move |_| {
            let is_down = is_down.load(Ordering::Relaxed);
            async move {
                if is_down {
                    status(500)
                } else {
                    grant("one", 300)
                }
            }
        }
    }));
    tokens.token().await.unwrap_err();
    assert_eq!(tokens.status().token_requests(), 1);
    is_down.store(false, Ordering::Relaxed);
    sleep(Duration::from_secs(1)).await;
    tokens.token().await.unwrap();
    is_down.store(true, Ordering::Relaxed);
    sleep(Duration::from_secs(301)).await;
    tokens.token().await.unwrap_err();
    assert_eq!(tokens.status().token_requests(), 5);
}

#[tokio::test(start_paused = true)]
async fn retry_after_holds_back_the_next_attempt() {
    let tokens = cache(endpoint(|_| async {
        let mut response = status(429);
        response.headers_mut().insert("retry-after", 20.into());
        response
    }));
    assert_eq!(
        tokens.token().await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert_eq!(
        tokens.status().token_requests(),
        1,
        "no second attempt in the same fetch"
    );
    let after = tokens.token().await.unwrap_err().retry_after().unwrap();
    assert_eq!(after, Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_capped_and_reported_to_waiters() {
    let tokens = cache(endpoint(|_| async {
        let mut response = status(429);
        response.headers_mut().insert("retry-after", 86_400.into());
        response
    }));
    for _ in 0..2 {
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(300)));
    }
}

#[test]
fn zero_fetch_timeout_is_an_invalid_setting() {
    let mut policy = RefreshPolicy::default();
    policy.fetch_timeout = Duration::ZERO;
    let builder = TokenCache::builder(endpoint(|_| pending()));
    let error = builder.policy(policy).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidSetting);
    assert_eq!(error.to_string(), "invalid setting: fetch_timeout is zero");
}

#[tokio::test(start_paused = true)]
async fn maximal_durations_do_not_panic() {
    let mut policy = RefreshPolicy::default();
    policy.wait_timeout = Duration::MAX;
    policy.fetch_timeout = Duration::MAX;
    policy.backoff_max = Duration::MAX;
    policy.retry_after_max = Duration::MAX;
    let kit = Kit::with_policy(rules(300, 10), policy);
    kit.tokens.token().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn truncated_body_is_not_reported_as_too_large() {
    let broken = tower::service_fn(|_: Request<TokenRequestBody>| async {
        let parts = [Ok(Frame::data(Bytes::from_static(b"{"))), Err("reset")];
        let body = StreamBody::new(stream::iter(parts));
        Ok::<_, Infallible>(Response::new(body))
    });
    let endpoint =
        TokenEndpoint::with_service(environment(), credentials(&user(), "password"), broken);
    let error = cache(endpoint.unwrap()).token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unresolved);
    assert!(error.to_string().contains("truncated"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn truncated_body_is_read_up_to_the_break() {
    for (start, expected) in [
        (
            &br#"{"access_token":"2Yotn"#[..],
            ErrorKind::InvalidResponse,
        ),
        (br#"{"error":"invalid_grant","err"#, ErrorKind::Rejected),
    ] {
        let broken = tower::service_fn(move |_: Request<TokenRequestBody>| async move {
            let (one, two) = start.split_at(7);
            let parts = [one, two].map(|part| Ok(Frame::data(Bytes::from_static(part))));
            let parts = parts.into_iter().chain([Err("reset")]);
            Ok::<_, Infallible>(Response::new(StreamBody::new(stream::iter(parts))))
        });
        let endpoint =
            TokenEndpoint::with_service(environment(), credentials(&user(), "password"), broken);
        let error = cache(endpoint.unwrap()).token().await.unwrap_err();
        assert_eq!(error.kind(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn fetch_without_time_for_another_attempt_fails_at_once() {
    let mut policy = RefreshPolicy::default();
    policy.fetch_timeout = Duration::from_secs(1);
    let endpoint = endpoint(|_| async {
        sleep(Duration::from_millis(900)).await;
        status(500)
    });
    let tokens = TokenCache::builder(endpoint)
        .policy(policy)
        .unwrap()
        .clock(TokioClock::new())
        .build();
    let started = Instant::now();
    let error = tokens.token().await.unwrap_err();
    assert_eq!(started.elapsed().as_millis(), 900);
    assert!(error.to_string().contains("status 500"), "{error}");
}
