//! What a dump of the server shows, and how much there is of it.

use std::{fmt::Write, time::Duration};

use enkash_auth_core::{
    Clock, RefreshPolicy, SystemClock,
    strikes::{Bid, Holder},
};
use enkash_auth_redis::tower::TokenStore;

use crate::fleet::Fleet;

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_shows_no_secret_and_no_name() {
    let Some(fleet) = Fleet::new(Duration::from_secs(300), Duration::ZERO).await else {
        return;
    };
    fleet.start("wrong-Ie3rV9").token().await.unwrap_err();
    let tokens = fleet.start("password");
    let token = tokens.token().await.unwrap();
    // With everything in it that there can be: a lease, too.
    let endpoint = fleet.endpoint("password");
    let bid = Bid::new(Holder::new(7, 1), &RefreshPolicy::default());
    let store = fleet.server.store();
    let known = store.load(endpoint.principal(), SystemClock.now()).await;
    let known = known.unwrap().token.map(|token| token.edition());
    let begun = store.begin(endpoint.principal(), bid, known, SystemClock.now());
    let _leave = begun.await.unwrap();
    let mut dump = Vec::new();
    let mut bytes: u64 = 0;
    for key in fleet.server.keys("").await {
        dump.extend_from_slice(key.as_bytes());
        dump.extend_from_slice(&fleet.server.get(&key).await);
        let used: u64 = redis::cmd("MEMORY")
            .arg("USAGE")
            .arg(&key)
            .query_async(&mut fleet.server.redis().await)
            .await
            .unwrap();
        bytes += used;
    }
    println!("{bytes} bytes for one account");
    assert!(bytes < 2_048, "{bytes}");
    let text = String::from_utf8_lossy(&dump).to_lowercase();
    for secret in [
        token.expose(),
        "wrong-Ie3rV9",
        "password",
        "client-secret",
        "client-id",
        &fleet.user,
    ] {
        assert!(!text.contains(&secret.to_lowercase()), "{secret}");
        assert!(!text.contains(&sha256(secret)), "the hash of {secret}");
    }
}

/// In hexadecimal, by the server's own program of that name: any will do.
fn sha256(text: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(text)
        .iter()
        .fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        })
}
