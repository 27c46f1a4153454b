//! A record that is deleted while live processes still have its content.

use super::{
    kept::Kept,
    server::{Server, rejections, until_reported},
};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn record_emptied_twice_does_not_resend_rejected_password() {
    for kept in Kept::both().await {
        let (server, store) = (Server::new().await, kept.url());
        let mut sidecars = Vec::new();
        for _ in 0..3 {
            sidecars.push(server.start(&store, "wrong").await);
        }
        until_reported(&sidecars, 1).await;
        for _ in 0..2 {
            kept.clear().await;
            kept.until_all_have_looked().await;
            server.check(&store, "wrong").await;
        }
        assert_eq!(server.seen(), rejections(1), "{store}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn record_emptied_after_two_passwords_denies_third() {
    for kept in Kept::both().await {
        let (server, store) = (Server::new().await, kept.url());
        let mut sidecars = Vec::new();
        for password in ["x", "x", "z"] {
            sidecars.push(server.start(&store, password).await);
        }
        until_reported(&sidecars, 2).await;
        kept.clear().await;
        kept.until_all_have_looked().await;
        server.check(&store, "w").await;
        assert_eq!(server.seen(), rejections(2), "{store}");
    }
}
