//! Whose turn it is, by the store itself.
#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use enkash_auth_core::{
    AnswerBody, Credentials, ErrorKind, Grant, Moment, RefreshPolicy, TokenAnswer,
    lifetime::Schedule,
    strikes::{Bid, Holder, Settlement},
};
use enkash_auth_tower::{Begin, Leave, MemoryStore, Principal, TokenStore};

use crate::support::{Kit, rules};

const NOW: Moment = Moment::new(0, 1_767_268_800_000_000_000);
const REJECTED: Settlement = Settlement::Rejected(ErrorKind::Rejected);

fn stores() -> Vec<(Arc<dyn TokenStore>, Option<tempfile::TempDir>)> {
    let memory: (Arc<dyn TokenStore>, _) = (Arc::new(MemoryStore::new()), None);
    let mut stores = vec![memory];
    #[cfg(unix)]
    {
        let directory = tempfile::tempdir().unwrap();
        let file = enkash_auth_tower::FileStore::open(directory.path()).unwrap();
        stores.push((Arc::new(file), Some(directory)));
    }
    stores
}

fn after(seconds: u64) -> Moment {
    NOW.plus(Duration::from_secs(seconds))
}

async fn begin(store: &dyn TokenStore, who: &Principal, cache: u64, now: Moment) -> Begin {
    let bid = Bid::new(Holder::new(cache, 1), &RefreshPolicy::default());
    store.begin(who, bid, None, now).await.unwrap()
}

async fn granted(store: &dyn TokenStore, who: &Principal, cache: u64, now: Moment) -> Leave {
    match begin(store, who, cache, now).await {
        Begin::Granted(leave) => leave,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_given_up_lets_the_next_through_at_once() {
    let kit = Kit::new(rules(300, 10));
    for (store, _directory) in stores() {
        let endpoint = kit.endpoint("password");
        let who = endpoint.principal();
        let leave = granted(&*store, who, 1, NOW).await;
        assert!(matches!(begin(&*store, who, 2, NOW).await, Begin::Busy));
        drop(leave);
        drop(granted(&*store, who, 2, NOW).await);
        // Each has left its mark, and a third is not made.
        assert_eq!(store.load(who, NOW).await.unwrap().strikes.possible, 2);
        assert!(matches!(
            begin(&*store, who, 3, NOW).await,
            Begin::Denied(_)
        ));
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_stands_still_is_passed_by_and_its_late_refusal_counts() {
    let kit = Kit::new(rules(300, 10));
    for (store, _directory) in stores() {
        let endpoint = kit.endpoint("password");
        let who = endpoint.principal();
        let late = granted(&*store, who, 1, NOW).await;
        assert!(matches!(
            begin(&*store, who, 2, after(11)).await,
            Begin::Busy
        ));
        let next = granted(&*store, who, 2, after(12)).await;
        let standing = store.finish(who, &late, REJECTED, None, after(13)).await;
        assert_eq!(standing.unwrap().strikes.definite, 1);
        drop(late);
        // The other's turn goes on.
        assert!(matches!(
            begin(&*store, who, 3, after(13)).await,
            Begin::Busy
        ));
        let harmless = Settlement::Harmless;
        store
            .finish(who, &next, harmless, None, after(14))
            .await
            .unwrap();
        drop(next);
        assert!(matches!(
            begin(&*store, who, 3, after(14)).await,
            Begin::Denied(_)
        ));
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_token_displaces_no_newer_one() {
    let kit = Kit::new(rules(300, 10));
    for (store, _directory) in stores() {
        let endpoint = kit.endpoint("password");
        let who = endpoint.principal();
        let (late, next) = (
            granted(&*store, who, 1, NOW).await,
            granted(&*store, who, 2, after(12)).await,
        );
        for (leave, token) in [(&next, "next"), (&late, "late")] {
            let grant = grant(token);
            let standing = store
                .finish(who, leave, Settlement::Granted, Some(&grant), after(13))
                .await
                .unwrap();
            assert_eq!(standing.token.unwrap().bearer().expose(), "next");
        }
        let standing = store.load(who, after(13)).await.unwrap();
        assert_eq!(standing.token.unwrap().edition(), next.edition());
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_found_by_whoever_does_not_know_it() {
    let kit = Kit::new(rules(300, 10));
    for (store, _directory) in stores() {
        let endpoint = kit.endpoint("password");
        let who = endpoint.principal();
        let leave = granted(&*store, who, 1, NOW).await;
        let granted = Settlement::Granted;
        store
            .finish(who, &leave, granted, Some(&grant("token")), after(1))
            .await
            .unwrap();
        let Begin::Found(found) = begin(&*store, who, 2, after(100)).await else {
            panic!("not found");
        };
        assert_eq!(found.bearer().expose(), "token");
        assert_eq!(found.edition(), leave.edition());
        // It counts from when it was asked for: 300 s, of which 100 are over.
        let schedule = Schedule::new(found.lifetime(), &RefreshPolicy::default(), 0.0);
        assert_eq!(
            schedule.unwrap().expiry().remaining(after(100)),
            Duration::from_secs(200)
        );
        // One who knows it gets leave; other credentials of the account do not get it.
        let bid = Bid::new(Holder::new(3, 1), &RefreshPolicy::default());
        let known = Some(found.edition());
        let begun = store.begin(who, bid, known, after(100)).await.unwrap();
        assert!(matches!(begun, Begin::Granted(_)));
        drop(begun);
        let other = kit.endpoint("another password");
        let begun = begin(&*store, other.principal(), 4, after(100)).await;
        assert!(matches!(begun, Begin::Granted(_)));
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_of_another_store_counts_once_and_its_token_is_not_kept() {
    let kit = Kit::new(rules(300, 10));
    for (store, _directory) in stores() {
        let endpoint = kit.endpoint("password");
        let who = endpoint.principal();
        let elsewhere = granted(&MemoryStore::new(), who, 1, NOW).await;
        let token = grant("token");
        for (settlement, grant) in [
            (Settlement::Granted, Some(&token)),
            (REJECTED, None),
            (REJECTED, None),
        ] {
            let standing = store.finish(who, &elsewhere, settlement, grant, after(1));
            assert!(standing.await.unwrap().token.is_none());
        }
        let strikes = store.load(who, after(1)).await.unwrap().strikes;
        assert_eq!((strikes.definite, strikes.possible), (1, 0));
        assert!(matches!(
            begin(&*store, who, 2, after(1)).await,
            Begin::Denied(_)
        ));
    }
}

/// A token of 300 s, asked for at `NOW`.
fn grant(token: &str) -> Grant {
    let body = format!(r#"{{"access_token":"{token}","expires_in":300}}"#);
    let answer = TokenAnswer::new(
        http::StatusCode::OK,
        http::HeaderMap::new(),
        AnswerBody::Complete(body.into()),
    );
    let keys = Credentials::merchant("key", "secret");
    answer.read(NOW, &keys).unwrap()
}
