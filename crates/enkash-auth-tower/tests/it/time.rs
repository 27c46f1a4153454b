//! Lifetimes of every length, and wrong local clocks.

use std::time::{Duration, UNIX_EPOCH};

use enkash_auth_core::{Clock, ManualClock};
use enkash_auth_tower::TokenCache;
use http::{Response, header::DATE};

use crate::support::{endpoint, grant};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: u64 = 86_400;

/// Returns a cache on `clock` whose tokens live for `seconds`, each of them new.
fn living(seconds: u64, clock: &ManualClock) -> TokenCache {
    let minted = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let endpoint = endpoint(move |_| {
        let nth = minted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        async move { grant(&format!("token-{nth}"), seconds) }
    });
    TokenCache::builder(endpoint).clock(clock.clone()).build()
}

/// Returns a cache on `clock` whose server has the right time, sends `Date`, and grants for 300 s.
fn absolute(clock: &ManualClock) -> TokenCache {
    let truth = clock.now();
    let endpoint = endpoint(move |_| async move {
        let now = UNIX_EPOCH + Duration::from_nanos(truth.unix_nanos());
        let expiry = truth.unix_nanos() / 1_000_000 + 300_000;
        let mut response = Response::new(format!(
            r#"{{"token":"one","expiry":{expiry},"resultCode":0}}"#
        ));
        let date = httpdate::fmt_http_date(now).parse().unwrap();
        response.headers_mut().insert(DATE, date);
        response
    });
    TokenCache::builder(endpoint).clock(clock.clone()).build()
}

#[tokio::test]
async fn token_of_any_lifetime_is_used_and_never_past_expiry() {
    // An implausible lifetime in seconds is read in a plausible unit, or as unknown.
    let in_millis = 49 * DAY * 1000 / 100;
    let years_292 = 292 * 365 * DAY;
    for (seconds, expected) in [
        (1, 1.0),
        (2, 2.0),
        (5, 5.0),
        (8, 8.0),
        (60, 60.0),
        (300, 300.0),
        (DAY, 86_400.0),
        (in_millis, 42_336.0),
        (years_292, 300.0),
        (u64::MAX, 300.0),
    ] {
        let clock = ManualClock::new();
        let tokens = living(seconds, &clock);
        let token = tokens.token().await.unwrap();
        let schedule = token.schedule();
        let [early, deadline, expiry] = [
            schedule.refresh_at(),
            schedule.deadline(),
            schedule.expiry(),
        ]
        .map(|at| at.remaining(clock.now()));
        assert!(early < deadline && deadline < expiry, "{seconds} s");
        assert_eq!(expiry, Duration::from_secs_f64(expected), "{seconds} s");
        assert!(
            early >= expiry * 3 / 4,
            "no refresh in the first three quarters of {seconds} s"
        );

        clock.advance(early - Duration::from_millis(1));
        assert_eq!(
            tokens.token().await.unwrap().expose(),
            "token-0",
            "{seconds} s"
        );
        assert_eq!(tokens.status().fetches(), 1);
        clock.advance(expiry - early);
        assert!(tokens.peek().is_none());
        assert_eq!(
            tokens.token().await.unwrap().expose(),
            "token-1",
            "{seconds} s"
        );
    }
}

#[tokio::test]
async fn local_clock_an_hour_off_does_not_change_expiry() {
    let right = ManualClock::new();
    let fast = ManualClock::new();
    let slow = ManualClock::new();
    let caches = [absolute(&right), absolute(&fast), absolute(&slow)];
    fast.suspend(HOUR);
    slow.step_wall_back(HOUR);
    for (tokens, clock) in caches.iter().zip([&right, &fast, &slow]) {
        let token = tokens.token().await.unwrap();
        let left = token.schedule().expiry().remaining(clock.now());
        assert_eq!(left, Duration::from_secs(299));
    }
}

#[tokio::test]
async fn wall_clock_set_back_does_not_extend_token() {
    let clock = ManualClock::new();
    let tokens = living(300, &clock);
    tokens.token().await.unwrap();
    clock.step_wall_back(HOUR);
    clock.advance(Duration::from_secs(299));
    assert!(tokens.peek().is_none());
    assert_eq!(tokens.token().await.unwrap().expose(), "token-1");
}

#[tokio::test]
async fn suspend_or_wall_clock_jump_expires_token() {
    let clock = ManualClock::new();
    let tokens = living(300, &clock);
    for nth in 0..4 {
        assert_eq!(
            tokens.token().await.unwrap().expose(),
            format!("token-{nth}")
        );
        clock.suspend(Duration::from_secs(299));
        assert!(tokens.peek().is_none());
    }
}
