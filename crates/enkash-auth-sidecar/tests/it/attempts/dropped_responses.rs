//! Responses that do not arrive, or do not say whether the attempt counts.

use std::{sync::Arc, time::Duration};

use enkash_auth_sandbox::{Endpoint, Fault};
use http::StatusCode;
use tokio::time::{Instant, sleep};

use super::{
    kept::{Kept, writes_a_record},
    proxy::{Proxy, Which},
    server::{RIGHT, Server, rejections, traffic, until, until_served},
};
use crate::process::Sidecar;

/// Returns how long responses are dropped: `ATTEMPTS_WINDOW` seconds. The design's limits are 5 and 15 minutes; 0.1
/// had locked the account within 9 s.
fn window() -> Duration {
    let seconds = std::env::var("ATTEMPTS_WINDOW").ok();
    Duration::from_secs(seconds.map_or(40, |seconds| seconds.parse().unwrap()))
}

/// Starts two sidecars with known good credentials, then changes the password at the server and drops
/// the responses to `dropped`.
async fn stranded(dropped: Which) -> (Server, Kept, Vec<Arc<Sidecar>>) {
    let (mut server, kept) = (Server::new().await, Kept::directory());
    let sidecars = vec![
        server.start(&kept.url(), RIGHT).await,
        server.start(&kept.url(), RIGHT).await,
    ];
    until_served(&sidecars).await;
    server.proxy.drop_replies(usize::MAX, dropped);
    server.change_password("another").await;
    (server, kept, sidecars)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs for some 60 s"]
async fn dropped_responses_allow_one_attempt_until_one_arrives() {
    let path = |piece: &[u8]| {
        piece.starts_with(b"POST /oauth/token") || piece.starts_with(b"HEAD /oauth/token")
    };
    let (server, _kept, sidecars) = stranded(path).await;
    let _traffic = traffic(&sidecars);
    until("an attempt", async || server.seen().requests > 0).await;
    sleep(window()).await;
    assert_eq!(server.seen(), rejections(1));

    server.proxy.drop_replies(0, path);
    until("another attempt", async || server.seen().requests > 1).await;
    sleep(window() / 2).await;
    assert_eq!(server.seen(), rejections(2));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs for some 50 s"]
async fn dropped_token_responses_allow_two_attempts() {
    let post = |piece: &[u8]| piece.starts_with(b"POST /oauth/token");
    let (server, _kept, sidecars) = stranded(post).await;
    let _traffic = traffic(&sidecars);
    until("two attempts", async || server.seen().requests > 1).await;
    sleep(window()).await;
    assert_eq!(server.seen(), rejections(2));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs for some 50 s"]
async fn bad_gateway_is_retried_with_backoff_and_stays_open() {
    let status = StatusCode::BAD_GATEWAY;
    for fault in [Fault::Page { status }, Fault::CarriedOut { status }] {
        let (server, kept) = (Server::new().await, Kept::directory());
        let mut command = server.command(&kept.url(), RIGHT);
        command.env("ENKASH_BACKOFF_MAX", "30s");
        let sidecars = [Arc::new(Sidecar::start(command).await)];
        until_served(&sidecars).await;
        let order = fault.at(Endpoint::Token);
        server
            .issuer()
            .order(order.lasting(Duration::from_secs(86_400)));
        // A rejection of a younger token is no proof yet.
        sleep(Duration::from_secs(3)).await;
        server.issuer().reset_counters();
        server.issuer().revoke_all();

        let traffic = traffic(&sidecars);
        until("an attempt", async || server.seen().requests > 0).await;
        let start = Instant::now();
        sleep(window() / 2).await;
        let requests = server.seen().requests;
        // Three attempts in each fetch, and a backoff of at least 0.5 s · 2^k between them.
        let pauses = (start.elapsed().as_secs_f64() / 0.5 + 1.0).log2().floor();
        let most = 3 * (pauses as u64 + 1);
        assert!((2..=most).contains(&requests), "{requests}, not {most}");

        drop(traffic);
        server.issuer().cancel_orders();
        until_served(&sidecars).await;
        assert!(!server.seen().locked);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn dropped_redis_write_replies_keep_account_open() {
    let kept = Kept::redis().await;
    let url = kept.url();
    let address = url.strip_prefix("redis://").unwrap().parse().unwrap();
    let (server, proxy) = (Server::new().await, Proxy::start(address).await);
    // From here on Redis has cached the script, so no dropped reply asks for it.
    server.check(&url, RIGHT).await;
    kept.clear().await;
    proxy.drop_replies(2, writes_a_record);
    let store = format!("redis://{}", proxy.address());
    let sidecars = [server.start(&store, RIGHT).await];
    let traffic = traffic(&sidecars);
    until("two dropped replies", async || proxy.replies_to_drop() == 0).await;
    drop(traffic);
    until_served(&sidecars).await;
    assert_eq!(server.seen().rejections, 0);
}
