use std::{
    io,
    time::{Duration, UNIX_EPOCH},
};

use enkash_auth_core::{Clock, Credentials, ManualClock};
use enkash_auth_sandbox::{Endpoint, Fault, Issuing, SandboxService};
use enkash_auth_tower::{BoxError, EnkashAuthLayer, NotSent, ReplayPolicy};
use futures_util::FutureExt;
use http::header::DATE;
use tokio::{
    runtime::Runtime,
    time::{sleep, timeout},
};
use tower::{Layer, buffer::Buffer, service_fn};

use super::{lines, recorder};
use crate::{
    support::{Kit, TokioClock, cache, call, credentials, endpoint, grant, rules, status},
    undriven::{runtime, stuck_at_first},
};

fn account(kit: &Kit) -> String {
    kit.endpoint("password").account().to_string()
}

#[tokio::test(start_paused = true)]
async fn fetches_requests_and_replays_are_counted_by_outcome() {
    let (_guard, snapshotter) = recorder();
    let kit = Kit::new(rules(60, 50));
    let mut client = EnkashAuthLayer::new(kit.tokens.clone())
        .replay(ReplayPolicy::default())
        .layer(SandboxService::new(kit.issuer.clone()));
    for _ in 0..100 {
        assert_eq!(call(&mut client).await.unwrap(), 200);
    }
    // Unauthorized, and replayed with another token.
    kit.issuer.revoke_all();
    assert_eq!(call(&mut client).await.unwrap(), 200);
    // In the refresh window one failed attempt, then a fetch of three.
    kit.issuer
        .order(Fault::ServerError.at(Endpoint::Token).times(1));
    sleep(Duration::from_secs(52)).await;
    assert_eq!(call(&mut client).await.unwrap(), 200);
    sleep(Duration::from_secs(2)).await;
    kit.issuer
        .order(Fault::ServerError.at(Endpoint::Token).times(3));
    sleep(Duration::from_secs(60)).await;
    assert!(call(&mut client).await.is_err());
    // No token for the replay.
    sleep(Duration::from_secs(60)).await;
    assert_eq!(call(&mut client).await.unwrap(), 200);
    kit.issuer.revoke_all();
    kit.issuer
        .order(Fault::ServerError.at(Endpoint::Token).times(3));
    assert_eq!(call(&mut client).await.unwrap(), 401);

    let mut lines = lines(&snapshotter, &account(&kit));
    // The sandbox uses the system clock.
    lines.retain(|line| !line.starts_with("clock_skew"));
    assert_eq!(
        lines,
        [
            "fetch_duration_seconds account outcome=granted 4",
            "fetch_duration_seconds account outcome=unavailable 2",
            "fetches_total account reason=expired outcome=granted 1",
            "fetches_total account reason=expired outcome=unavailable 1",
            "fetches_total account reason=initial outcome=granted 1",
            "fetches_total account reason=refresh outcome=granted 1",
            "fetches_total account reason=unauthorized outcome=granted 1",
            "fetches_total account reason=unauthorized outcome=unavailable 1",
            "replays_total account result=no-token 1",
            "replays_total account result=served 1",
            "token_requests_total account 11",
        ]
    );
}

/// Returns the metrics of one GET whose first response is 401 and whose replay ends with `second`.
async fn replayed(second: Result<u16, BoxError>) -> Vec<String> {
    let (_guard, snapshotter) = recorder();
    let kit = Kit::new(rules(300, 50));
    let mut responses = vec![second, Ok(401)];
    let api = service_fn(move |_| {
        let response = responses.pop().unwrap();
        async move { response.map(status) }
    });
    let mut client = EnkashAuthLayer::new(kit.tokens.clone())
        .replay(ReplayPolicy::default())
        .layer(Buffer::new(api, 8));
    drop(call(&mut client).await);
    // A second 401 starts another fetch.
    sleep(Duration::from_secs(1)).await;
    let mut lines = lines(&snapshotter, &account(&kit));
    lines.retain(|line| line.starts_with("replays_total"));
    lines
}

#[tokio::test(start_paused = true)]
async fn replay_is_counted_by_result() {
    let lost = || io::Error::other("connection reset");
    for (second, result) in [
        (Ok(200), "served"),
        (Ok(503), "served"),
        (Ok(401), "unauthorized"),
        (Err(lost().into()), "failed"),
        (Err(NotSent::new(lost()).into()), "not-sent"),
    ] {
        let line = format!("replays_total account result={result} 1");
        assert_eq!(replayed(second).await, [line]);
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_replay_is_counted() {
    let (_guard, snapshotter) = recorder();
    let kit = Kit::new(rules(300, 50));
    let mut client = EnkashAuthLayer::new(kit.tokens.clone())
        .replay(ReplayPolicy::default())
        .layer(SandboxService::new(kit.issuer.clone()));
    assert_eq!(call(&mut client).await.unwrap(), 200);
    kit.issuer.revoke_all();
    let impatient = timeout(Duration::from_millis(20), call(&mut client)).await;
    assert!(impatient.is_err());
    let mut lines = lines(&snapshotter, &account(&kit));
    lines.retain(|line| line.starts_with("replays_total"));
    assert_eq!(lines, ["replays_total account result=dropped 1"]);
}

#[tokio::test(start_paused = true)]
async fn abandoned_and_forced_fetches_are_counted_apart() {
    let (_guard, snapshotter) = recorder();
    let kit = Kit::new(rules(60, 50).issuing(Issuing::Reusing));
    let waiting = tokio::spawn(kit.tokens.token());
    sleep(Duration::from_millis(20)).await;
    let right: Credentials = credentials(&kit.user, "password").form_field("scope", "read");
    kit.tokens.set_credentials(right).unwrap();
    waiting.await.unwrap().unwrap();
    // In the refresh window the issuer reuses its token.
    sleep(Duration::from_secs(52)).await;
    kit.tokens.token().await.unwrap();
    sleep(Duration::from_secs(1)).await;

    let lines = lines(&snapshotter, &account(&kit));
    let fetches: Vec<_> = lines
        .iter()
        .filter(|line| line.starts_with("fetches"))
        .collect();
    assert_eq!(
        fetches,
        [
            "fetches_total account reason=forced outcome=granted 1",
            "fetches_total account reason=initial outcome=abandoned 1",
            "fetches_total account reason=refresh outcome=repeated 1",
        ]
    );
}

/// Returns the outcomes of the fetches of a cache whose first runtime is dropped, or no longer driven,
/// during the first fetch.
fn fetches_after(ending: impl FnOnce(Runtime, &ManualClock) -> Option<Runtime>) -> Vec<String> {
    let (_guard, snapshotter) = recorder();
    let clock = ManualClock::new();
    let (tokens, _) = stuck_at_first(&clock);
    let first = runtime();
    first.block_on(async {
        assert!(tokens.token().now_or_never().is_none());
        tokio::task::yield_now().await;
    });
    let first = ending(first, &clock);
    runtime().block_on(tokens.token()).unwrap();
    drop(first);
    snapshotter
        .snapshot()
        .into_vec()
        .into_iter()
        .filter(|(key, ..)| key.key().name() == "enkash_auth_fetches_total")
        .flat_map(|(key, ..)| {
            key.key()
                .labels()
                .skip(1)
                .map(|label| label.value().to_owned())
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn aborted_or_abandoned_fetch_is_counted_once() {
    let mut aborted = fetches_after(|runtime, _| {
        drop(runtime);
        None
    });
    aborted.sort();
    assert_eq!(aborted, ["aborted", "granted", "initial", "initial"]);
    let mut abandoned = fetches_after(|runtime, clock| {
        clock.advance(Duration::from_secs(9));
        Some(runtime)
    });
    abandoned.sort();
    assert_eq!(abandoned, ["abandoned", "granted", "initial", "initial"]);
}

#[tokio::test(start_paused = true)]
async fn fast_local_clock_shows_positive_skew() {
    let (_guard, snapshotter) = recorder();
    let server = UNIX_EPOCH + Duration::from_nanos(TokioClock::new().unix_nanos());
    let date = httpdate::fmt_http_date(server - Duration::from_secs(3600));
    let endpoint = endpoint(move |_| {
        let mut response = grant("one", 300);
        response.headers_mut().insert(DATE, date.parse().unwrap());
        async move { response }
    });
    let account = endpoint.account().to_string();
    cache(endpoint).token().await.unwrap();
    let lines = lines(&snapshotter, &account);
    let skew = lines
        .iter()
        .find_map(|line| line.strip_prefix("clock_skew_seconds account "));
    let skew: f64 = skew.unwrap().parse().unwrap();
    assert!((skew - 3600.0).abs() <= 1.0, "{skew}");
}

#[tokio::test(start_paused = true)]
async fn gauges_show_the_current_state_of_the_cache() {
    let (_guard, snapshotter) = recorder();
    let kit = Kit::new(rules(300, 50));
    let standing = || {
        kit.tokens.record_gauges();
        let lines = lines(&snapshotter, &account(&kit));
        let gauges = ["strikes", "token_remaining_seconds", "waiters"];
        lines
            .into_iter()
            .filter(|line| gauges.iter().any(|gauge| line.starts_with(gauge)))
            .collect::<Vec<_>>()
    };
    let waiting: Vec<_> = (0..7).map(|_| tokio::spawn(kit.tokens.token())).collect();
    sleep(Duration::from_millis(20)).await;
    let while_fetching = [
        "strikes account kind=rejected 0",
        "strikes account kind=unresolved 0",
        "token_remaining_seconds account 0",
        "waiters account 7",
    ];
    assert_eq!(standing()[2..], while_fetching[2..]);
    for waiting in waiting {
        waiting.await.unwrap().unwrap();
    }
    let [.., left, waiters] = &standing()[..] else {
        panic!("no gauges")
    };
    assert_eq!(waiters, "waiters account 0");
    let left: f64 = left.rsplit(' ').next().unwrap().parse().unwrap();
    assert!((290.0..300.0).contains(&left), "{left}");
}

#[tokio::test(start_paused = true)]
async fn rejected_password_shows_on_strikes_gauge() {
    let (_guard, snapshotter) = recorder();
    let kit = Kit::new(rules(300, 50));
    let tokens = cache(kit.endpoint("wrong"));
    tokens.token().await.unwrap_err();
    tokens.record_gauges();
    let mut lines = lines(&snapshotter, &account(&kit));
    lines.retain(|line| line.starts_with("strikes"));
    let strikes = [
        "strikes account kind=rejected 1",
        "strikes account kind=unresolved 0",
    ];
    assert_eq!(lines, strikes);
}
