//! An operator's reset, while live processes still have what it cleared.

use std::{sync::Arc, time::Duration};

use enkash_auth_sandbox::{Endpoint, Fault};
use tokio::time::{Instant, sleep};

use super::{
    kept::Kept,
    server::{
        LEASE, RIGHT, Seen, Server, rejections, strikes, traffic, until_reported, until_served,
    },
};
use crate::process::Sidecar;

/// How long nothing may change: three polls of the record.
const QUIET: Duration = Duration::from_secs(15);

async fn assert_stays_reset(sidecars: &[Arc<Sidecar>]) {
    until_reported(sidecars, 0).await;
    sleep(QUIET).await;
    for sidecar in sidecars {
        assert_eq!(strikes(sidecar).await, 0);
    }
}

async fn start(server: &Server, store: &str, passwords: [&str; 3]) -> [Arc<Sidecar>; 3] {
    let [one, two, three] = passwords;
    [
        server.start(store, one).await,
        server.start(store, two).await,
        server.start(store, three).await,
    ]
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn reset_persists_and_resends_nothing() {
    for kept in Kept::both().await {
        let (server, store) = (Server::new().await, kept.url());
        let sidecars = start(&server, &store, ["x", "x", "z"]).await;
        until_reported(&sidecars, 2).await;
        server.reset(&store, &[]).await;
        sleep(QUIET).await;
        assert_eq!(server.seen(), rejections(2), "{store}");
        assert_stays_reset(&sidecars).await;
        assert_eq!(server.seen(), rejections(2), "{store}");
        let (code, printed) = server.check(&store, RIGHT).await;
        assert_eq!(code, Some(0), "{printed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn reset_with_allow_rejected_persists_and_serves() {
    for kept in Kept::both().await {
        let (mut server, store) = (Server::new().await, kept.url());
        let sidecars = start(&server, &store, ["x"; 3]).await;
        until_reported(&sidecars, 1).await;
        server.check(&store, "z").await;
        until_reported(&sidecars, 2).await;
        server.change_password("x").await;
        server.reset(&store, &["--allow-rejected"]).await;
        until_served(&sidecars).await;
        assert_stays_reset(&sidecars).await;
        let seen = Seen {
            requests: 1,
            ..rejections(0)
        };
        assert_eq!(server.seen(), seen, "{store}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn reset_during_attempt_clears_after_its_lease() {
    for kept in Kept::both().await {
        let (server, store) = (Server::new().await, kept.url());
        let sidecars = start(&server, &store, ["x"; 3]).await;
        until_reported(&sidecars, 1).await;
        server.issuer().order(Fault::Hang.at(Endpoint::Token));
        let before = Instant::now();
        let owner = [server.start(&store, "z").await];
        let _traffic = traffic(&owner);
        server.until_token_request(2).await;
        // Stopped but alive, so that only the lease ends its attempt.
        owner[0].signal("-STOP");
        server.reset(&store, &[]).await;
        assert!(before.elapsed() >= LEASE, "{:?}: {store}", before.elapsed());
        assert_stays_reset(&sidecars).await;
        assert_eq!(server.seen(), rejections(2), "{store}");
        let (code, printed) = server.check(&store, RIGHT).await;
        assert_eq!(code, Some(0), "{printed}");
    }
}
