//! Processes that are killed or stopped during an attempt.

use std::time::Duration;

use enkash_auth_sandbox::{Endpoint, Fault};
use tokio::time::sleep;

use super::{
    kept::Kept,
    server::{LEASE, RIGHT, Seen, Server, rejections, traffic, until, until_served},
};

/// How long nothing may be sent: longer than any lease and any backoff.
const QUIET: Duration = LEASE.saturating_mul(3);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn two_kills_before_response_close_account_until_reset() {
    for kept in Kept::both().await {
        let (server, store) = (Server::new().await, kept.url());
        for nth in 1..=2 {
            server.issuer().order(Fault::Hang.at(Endpoint::Token));
            let sidecars = [server.start(&store, "wrong").await];
            let _traffic = traffic(&sidecars);
            server.until_token_request(nth).await;
            sidecars[0].signal("-KILL");
            until("the connection closed", async || {
                server.issuer().token_requests_open() == 0
            })
            .await;
        }
        let third = [server.start(&store, "wrong").await];
        let _traffic = traffic(&third);
        sleep(QUIET).await;
        assert_eq!(server.seen(), rejections(2), "{store}");

        server.issuer().unlock_all();
        server.reset(&store, &[]).await;
        until("an attempt", async || server.seen().requests > 2).await;
        sleep(QUIET).await;
        let seen = Seen {
            requests: 3,
            rejections: 3,
            locked: false,
        };
        assert_eq!(server.seen(), seen, "{store}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs for some 70 s"]
async fn owner_stopped_while_connecting_never_locks_account() {
    for others in ["other", RIGHT] {
        let (server, kept) = (Server::with_tls().await, Kept::directory());
        let store = kept.url();
        server.proxy.hold(true);
        let owner = [server.start(&store, "stopped").await];
        until("a connection", async || server.proxy.held() > 0).await;
        owner[0].signal("-STOP");
        server.proxy.hold(false);

        let other = [server.start(&store, others).await];
        let _traffic = traffic(&other);
        until("an attempt", async || server.seen().requests > 0).await;
        if others == RIGHT {
            until_served(&other).await;
        }
        owner[0].signal("-CONT");
        let _traffic = traffic(&owner);
        sleep(QUIET).await;
        for password in ["one", "two", "three"] {
            server.check(&store, password).await;
        }
        assert!(!server.seen().locked, "{others}: {:?}", server.seen());
    }
}
