//! What many do at once is as if one did it after the other.

use std::time::Duration;

use enkash_auth_core::{
    Clock, ErrorKind, RefreshPolicy, SystemClock,
    strikes::{Bid, Holder, Settlement},
};
use enkash_auth_redis::tower::{Begin, TokenStore};
use tokio::task::JoinSet;

use crate::fleet::Fleet;

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_begin_at_once_one_gets_leave() {
    let Some(fleet) = Fleet::new(Duration::from_secs(300), Duration::ZERO).await else {
        return;
    };
    let endpoint = fleet.endpoint("password");
    for round in 0..20 {
        let mut beginning = JoinSet::new();
        for cache in 0..12 {
            let (store, who) = (fleet.server.store(), endpoint.principal().clone());
            beginning.spawn(async move {
                let bid = Bid::new(Holder::new(cache, round), &RefreshPolicy::default());
                let begin = store.begin(&who, bid, None, SystemClock.now());
                begin.await.unwrap()
            });
        }
        let begun = beginning.join_all().await;
        let mut leaves = Vec::new();
        for begin in begun {
            match begin {
                Begin::Granted(leave) => leaves.push(leave),
                Begin::Busy => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(leaves.len(), 1, "round {round}");
        let finish = fleet.server.store();
        let finish = finish.finish(
            endpoint.principal(),
            &leaves[0],
            Settlement::Harmless,
            None,
            SystemClock.now(),
        );
        finish.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_that_are_told_at_once_all_count() {
    let Some(fleet) = Fleet::new(Duration::from_secs(300), Duration::ZERO).await else {
        return;
    };
    let endpoint = fleet.endpoint("password");
    let (who, now) = (endpoint.principal(), SystemClock.now());
    // Each of an attempt that another store knows.
    let mut telling = JoinSet::new();
    for cache in 0..8 {
        let elsewhere = enkash_auth_redis::tower::MemoryStore::new();
        let bid = Bid::new(Holder::new(cache, 1), &RefreshPolicy::default());
        let Begin::Granted(leave) = elsewhere.begin(who, bid, None, now).await.unwrap() else {
            panic!("no leave");
        };
        let (store, who) = (fleet.server.store(), who.clone());
        telling.spawn(async move {
            let rejected = Settlement::Rejected(ErrorKind::Rejected);
            let finish = store.finish(&who, &leave, rejected, None, now);
            finish.await.unwrap();
        });
    }
    telling.join_all().await;
    let standing = fleet.server.store().load(who, now).await.unwrap();
    assert_eq!(standing.strikes.definite, 8);
}
