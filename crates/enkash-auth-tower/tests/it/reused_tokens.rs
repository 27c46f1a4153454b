//! An issuer that reuses a token until it expires, as the legacy server family does.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use enkash_auth_sandbox::{Issuing, Rounding, Rules, SandboxService};
use enkash_auth_tower::{EnkashAuthLayer, ErrorKind, ReplayPolicy};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tower::ServiceBuilder;

use crate::support::{Kit, cache, call, endpoint, grant, rules, status};

/// Makes forty calls a second for `seconds`, and returns the slowest of each second.
async fn steady(kit: &Kit, seconds: u64) -> Vec<Duration> {
    let client = kit.client();
    let mut calls = JoinSet::new();
    for nth in 0..seconds * 40 {
        let mut client = client.clone();
        calls.spawn(async move {
            sleep(Duration::from_millis(nth * 25)).await;
            let asked = Instant::now();
            assert_eq!(call(&mut client).await.unwrap(), 200, "call {nth}");
            (nth / 40, asked.elapsed())
        });
    }
    let mut slowest = vec![Duration::ZERO; usize::try_from(seconds).unwrap()];
    for (second, took) in calls.join_all().await {
        let slot = slowest.get_mut(usize::try_from(second).unwrap()).unwrap();
        *slot = took.max(*slot);
    }
    slowest
}

fn reusing(lifetime: u64) -> Rules {
    rules(lifetime, 50).issuing(Issuing::Reusing)
}

fn millis(slowest: &[Duration]) -> u128 {
    slowest.iter().max().unwrap().as_millis()
}

#[tokio::test(start_paused = true)]
async fn reused_tokens_of_eight_seconds_cost_no_failed_call() {
    let kit = Kit::new(reusing(8));
    let slowest = steady(&kit, 26).await;
    let requests = kit.issuer.counters().token_requests;
    assert!(requests <= 20, "{requests} token requests");
    assert!(millis(&slowest) <= 1_600, "{slowest:?}");
    assert_eq!(kit.issuer.counters().api_unauthorized, 0);
}

#[tokio::test(start_paused = true)]
async fn reused_tokens_of_other_lifetimes_cost_no_failed_call() {
    for (rules, seconds) in [
        (reusing(3), 20),
        (reusing(5), 26),
        (reusing(20), 90),
        (reusing(60), 200),
        (reusing(8).rounding(Rounding::Exact), 40),
    ] {
        let name = format!("{rules:?}");
        let kit = Kit::new(rules);
        let slowest = steady(&kit, seconds).await;
        assert!(millis(&slowest) <= 1_600, "{slowest:?} of {name}");
        assert_eq!(kit.issuer.counters().api_unauthorized, 0, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn issuer_that_reuses_tokens_is_not_refreshed_early_again() {
    let kit = Kit::new(reusing(300));
    kit.tokens.token().await.unwrap();
    for _ in 0..290 {
        kit.tokens.token().await.unwrap();
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(
        kit.issuer.counters().token_requests,
        2,
        "one to find out that it reuses tokens"
    );
}

#[tokio::test(start_paused = true)]
async fn token_issued_to_another_does_not_shorten_lifetime() {
    let kit = Kit::new(reusing(20));
    // Another client had it issued fifteen seconds ago.
    let other = Kit::beside(&kit);
    other.tokens.token().await.unwrap();
    sleep(Duration::from_secs(15)).await;
    let slowest = steady(&kit, 70).await;
    assert!(millis(&slowest) <= 1_600, "{slowest:?}");
    assert_eq!(kit.issuer.counters().api_unauthorized, 0);
}

#[tokio::test(start_paused = true)]
async fn endlessly_reused_token_fails_within_fetch_timeout() {
    let asked = Arc::new(AtomicU64::new(0));
    let tokens = cache(endpoint({
        let asked = Arc::clone(&asked);
        move |_| {
            let is_first = asked.fetch_add(1, Ordering::Relaxed) == 0;
            async move { grant("one", if is_first { 2 } else { 0 }) }
        }
    }));
    tokens.token().await.unwrap();
    sleep(Duration::from_secs(2)).await;
    let started = Instant::now();
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
    assert!(started.elapsed() < Duration::from_secs(8));
}

#[tokio::test(start_paused = true)]
async fn spurious_401_does_not_hide_later_revocation() {
    let kit = Kit::new(reusing(86_399));
    let is_wrong = Arc::new(AtomicBool::new(false));
    let errs = Arc::clone(&is_wrong);
    let mut client = ServiceBuilder::new()
        .layer(EnkashAuthLayer::new(kit.tokens.clone()).replay(ReplayPolicy::default()))
        .map_response(move |mut response: http::Response<_>| {
            if errs.swap(false, Ordering::Relaxed) {
                *response.status_mut() = http::StatusCode::UNAUTHORIZED;
            }
            response
        })
        .service(SandboxService::new(kit.issuer.clone()));
    call(&mut client).await.unwrap();
    is_wrong.store(true, Ordering::Relaxed);
    call(&mut client).await.unwrap();
    assert_eq!(kit.issuer.counters().token_requests, 2);
    sleep(Duration::from_secs(3_600)).await;
    kit.issuer.revoke_all();
    assert_eq!(call(&mut client).await.unwrap(), 200);
    assert_eq!(kit.issuer.counters().token_requests, 3);
}

#[tokio::test(start_paused = true)]
async fn slightly_older_token_is_not_attached_past_expiry() {
    let kit = Kit::new(rules(8, 10).issuing(Issuing::Reusing));
    let mut client = kit.client();
    let other = Kit::beside(&kit);
    for _ in 0..40 * 26 {
        assert_eq!(call(&mut client).await.unwrap(), 200);
        sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(kit.issuer.counters().api_unauthorized, 0);
    // There are no calls for a while.
    sleep(Duration::from_secs(20)).await;
    other.tokens.token().await.unwrap();
    sleep(Duration::from_millis(900)).await;
    let mut seen = Vec::new();
    for nth in 0..40 * 8 {
        let status = call(&mut client).await.unwrap();
        if status != 200 {
            seen.push((nth * 25, status));
        }
        sleep(Duration::from_millis(25)).await;
    }
    let unauthorized = kit.issuer.counters().api_unauthorized;
    assert_eq!(unauthorized, 0, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn first_call_in_last_second_waits_for_next_token() {
    let kit = Kit::new(rules(8, 10).issuing(Issuing::Reusing));
    let other = Kit::beside(&kit);
    other.tokens.token().await.unwrap();
    sleep(Duration::from_millis(7_500)).await;
    let mut client = kit.client();
    let status = call(&mut client).await;
    assert_eq!(status.unwrap(), 200);
}

#[tokio::test(start_paused = true)]
async fn shortened_lifetime_costs_no_failed_call() {
    let kit = Kit::new(rules(8, 10).issuing(Issuing::Reusing));
    let mut client = kit.client();
    for _ in 0..40 * 30 {
        assert_eq!(call(&mut client).await.unwrap(), 200);
        sleep(Duration::from_millis(25)).await;
    }
    kit.issuer
        .change_rules(|rules| rules.lifetime(Duration::from_secs(7)));
    let mut unauthorized = Vec::new();
    for nth in 0..40 * 120 {
        let status = call(&mut client).await.unwrap();
        if status != 200 {
            unauthorized.push(nth / 40);
        }
        sleep(Duration::from_millis(25)).await;
    }
    assert!(unauthorized.is_empty(), "401 in seconds {unauthorized:?}");
}

/// Runs an issuer that rotates tokens, and is down for a minute around the expiry of one. With `left`, it
/// returned the first one twice, the second time with at most so many seconds left. Returns the numbers of
/// failed and of delayed calls, and of those that were delayed within a minute of that expiry.
async fn outage(left: Option<u64>) -> (u32, u32, u32) {
    let start = Instant::now();
    let asked = Arc::new(AtomicU32::new(0));
    let is_down = Arc::new(AtomicBool::new(false));
    let tokens = cache(endpoint({
        let (asked, is_down) = (Arc::clone(&asked), Arc::clone(&is_down));
        move |_| {
            let nth = asked.fetch_add(1, Ordering::Relaxed);
            let down = is_down.load(Ordering::Relaxed);
            async move {
                let expires_in = 3_600 - start.elapsed().as_secs().min(3_600);
                sleep(Duration::from_millis(100)).await;
                match left {
                    _ if down => status(503),
                    Some(left) if nth == 1 => grant("token-0", left.min(expires_in)),
                    _ => grant(&format!("token-{nth}"), 3_600),
                }
            }
        }
    }));
    let (mut failed, mut waited, mut waited_then) = (0, 0, 0);
    let mut end = None;
    for second in 0..43_200u64 {
        // After ten hours: down from 30 s before the expiry of a token to 30 s after.
        if second > 36_000 && end.is_none() {
            let left = tokens.status().remaining();
            end = left.map(|left| second + left.as_secs());
        }
        if let Some(end) = end {
            is_down.store((end - 30..end + 30).contains(&second), Ordering::Relaxed);
        }
        let before = Instant::now();
        match tokens.token().await {
            Ok(_) if before.elapsed() > Duration::from_millis(50) => {
                waited += 1;
                waited_then += u32::from(end.is_some_and(|end| second.abs_diff(end) <= 60));
            }
            Ok(_) => {}
            Err(_) => failed += 1,
        }
        tokio::time::sleep_until(start + Duration::from_secs(second + 1)).await;
    }
    assert!(end.is_some_and(|end| end + 60 < 43_200), "it was seen");
    (failed, waited, waited_then)
}

#[tokio::test(start_paused = true)]
async fn issuer_that_reused_once_is_still_refreshed_early() {
    // The first call of all waits.
    assert_eq!(outage(None).await, (0, 1, 0));
    assert_eq!(outage(Some(200)).await, (0, 1, 0));
    // And one at the end of the token that was returned twice.
    assert_eq!(outage(Some(3_600)).await, (0, 2, 0));
}

/// Runs two servers behind a load balancer, each of which reuses its own token of `lifetime` milliseconds; the
/// second one's first token was issued `lead` earlier. `pick` balances the token requests.
///
/// Makes forty calls a second, from half a second before the first token expires until the fifth does. Returns
/// the longest wait and the number of token requests.
async fn balanced(lifetime: u64, lead: u64, pick: fn(u64) -> usize) -> (Duration, u64) {
    let start = Instant::now();
    let elapsed = move || u64::try_from(start.elapsed().as_millis()).unwrap();
    let expiries = Arc::new(Mutex::new([lifetime, lifetime - lead]));
    let asked = Arc::new(AtomicU64::new(0));
    let tokens = cache(endpoint({
        let asked = Arc::clone(&asked);
        move |_| {
            let node = pick(asked.fetch_add(1, Ordering::Relaxed));
            let expiries = Arc::clone(&expiries);
            async move {
                sleep(Duration::from_millis(20)).await;
                let response = {
                    let mut expiries = expiries.lock().unwrap();
                    let expiry = expiries.get_mut(node).unwrap();
                    if *expiry <= elapsed() {
                        *expiry = elapsed() + lifetime;
                    }
                    grant(&format!("{node}-{expiry}"), (*expiry - elapsed()) / 1000)
                };
                sleep(Duration::from_millis(20)).await;
                response
            }
        }
    }));
    sleep(Duration::from_millis(lifetime - 500)).await;
    let mut longest = Duration::ZERO;
    while elapsed() < 5 * lifetime {
        let before = Instant::now();
        let token = tokens.token().await.unwrap();
        longest = longest.max(before.elapsed());
        let expiry = token.expose().split_once('-').unwrap().1;
        assert!(
            elapsed() < expiry.parse().unwrap(),
            "attached past its expiry"
        );
        sleep(Duration::from_millis(25)).await;
    }
    (longest, asked.load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn balanced_servers_that_reuse_tokens_cost_no_failed_call() {
    let alternating = |nth| usize::from(nth % 2 == 1);
    let unevenly = |nth| usize::from(nth * 0x9E37_79B9 % 7 > 3);
    for pick in [alternating, unevenly] {
        for (lifetime, lead) in [(8_000, 0), (8_000, 300), (8_000, 4_000), (20_000, 0)] {
            let (longest, requests) = balanced(lifetime, lead, pick).await;
            let seen = format!("{lifetime}, {lead}: {longest:?}, {requests} token requests");
            assert!(longest <= Duration::from_millis(1_600), "{seen}");
            assert!(requests <= 5 * 4, "{seen}");
        }
    }
}
