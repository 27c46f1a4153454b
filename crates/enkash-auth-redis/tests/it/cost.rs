//! What the store costs: the figures of the README.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{fleet::Fleet, server::Server};

/// How often a script was run. It counts for one round trip.
async fn scripts(server: &Server) -> u64 {
    let info = redis::cmd("INFO").arg("commandstats").clone();
    let text: String = info.query_async(&mut server.redis().await).await.unwrap();
    let calls = text.lines().find_map(|line| {
        let calls = line.strip_prefix("cmdstat_evalsha:calls=")?;
        calls.split(',').next()?.parse().ok()
    });
    calls.unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_token_costs_nothing_and_a_renewal_a_few_round_trips() {
    let Some(fleet) = Fleet::new(Duration::from_secs(2), Duration::ZERO).await else {
        return;
    };
    let replicas: Vec<_> = (0..6).map(|_| fleet.start("password")).collect();
    for tokens in &replicas {
        tokens.token().await.unwrap();
    }
    let before = scripts(&fleet.server).await;
    for tokens in &replicas {
        for _ in 0..1_000 {
            tokens.token().await.unwrap();
        }
    }
    assert_eq!(scripts(&fleet.server).await, before);
    // Until it is over, and one has brought the next.
    let (start, requests) = (Instant::now(), fleet.requests());
    while fleet.requests() == requests {
        assert!(start.elapsed() < Duration::from_secs(5));
        replicas[0].token().await.unwrap();
        sleep(Duration::from_millis(10)).await;
    }
    sleep(Duration::from_millis(200)).await;
    let renewal = scripts(&fleet.server).await - before;
    let before = scripts(&fleet.server).await;
    for tokens in &replicas[1..] {
        let old = Instant::now();
        while tokens.status().token_requests() == 0
            && tokens.token().await.unwrap().expose() != replicas[0].token().await.unwrap().expose()
        {
            assert!(old.elapsed() < Duration::from_secs(5));
            sleep(Duration::from_millis(10)).await;
        }
    }
    let others = scripts(&fleet.server).await - before;
    println!("round trips: {renewal} for the one who renews, {others} for five who find the token");
    assert_eq!(fleet.requests(), requests + 1);
    assert!(renewal <= 10, "{renewal}");
    assert!(others <= 20, "{others}");
}
