//! The cost of the store: the figures in the README.

use std::time::Duration;

use enkash_auth_redis::RedisStore;
use enkash_auth_tower::{BoxError, Store};

use crate::{
    fleet::{Fleet, LONG},
    wire::Wire,
};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn load_and_write_take_one_round_trip_each() -> Result<(), BoxError> {
    let fleet = Fleet::new(LONG).await;
    let wire = Wire::new(fleet.server.port()).await;
    let store = RedisStore::new(&wire.url())?;
    let account = fleet.start("password").account().unwrap();
    store.load(&account).await?;
    let before = wire.round_trips();
    // The server does not have the script cached.
    assert!(store.compare_and_set(&account, None, b"a").await?);
    fleet.server.run::<()>(&[b"SCRIPT", b"FLUSH"]).await;
    assert!(store.compare_and_set(&account, Some(b"a"), b"b").await?);
    assert!(!store.compare_and_set(&account, Some(b"a"), b"c").await?);
    assert_eq!(wire.round_trips(), before + 3);
    assert_eq!(store.load(&account).await?.record(), Some(&b"b"[..]));
    assert_eq!(wire.round_trips(), before + 4);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn fetch_takes_four_round_trips_and_stored_token_one() {
    let fleet = Fleet::new(LONG).await;
    let wire = Wire::new(fleet.server.port()).await;
    let [one, other] = [(); 2].map(|()| RedisStore::new(&wire.url()).unwrap());
    // The connection is open now.
    for store in [&one, &other] {
        let _ = store
            .load(&fleet.start("password").account().unwrap())
            .await
            .unwrap();
    }
    let fetching = fleet.over(one, "password").build();
    let finding = fleet.over(other, "password").build();
    let mut before = wire.round_trips();
    for (tokens, cost) in [(&fetching, 4), (&finding, 1)] {
        tokens.token().await.unwrap();
        assert_eq!(wire.round_trips(), before + cost);
        before += cost;
    }
    for _ in 0..1_000 {
        fetching.token().await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(wire.round_trips(), before, "a token at hand costs nothing");
    assert_eq!(fleet.requests(), 1);
}
