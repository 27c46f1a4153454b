//! Callers that are dropped, and fetches that panic.

use std::{
    sync::Arc,
    task::{Context, Wake, Waker},
    time::Duration,
};

use enkash_auth_tower::{ErrorKind, TokenCache};
use tokio::time::{sleep, timeout};
use tokio_test::{assert_pending, assert_ready_ok, task};

use crate::support::{Kit, cache, endpoint, grant, rules};

#[tokio::test(start_paused = true)]
async fn dropped_caller_does_not_cancel_fetch() {
    let kit = Kit::new(rules(300, 1000));
    let mut first = task::spawn(kit.tokens.token());
    assert_pending!(first.poll());
    let mut second = task::spawn(kit.tokens.token());
    assert_pending!(second.poll());

    sleep(Duration::from_millis(100)).await;
    drop(first);
    sleep(Duration::from_millis(950)).await;
    assert!(second.is_woken());
    assert_ready_ok!(second.poll());
    assert_eq!(kit.issuer.counters().token_requests, 1);
}

#[tokio::test(start_paused = true)]
async fn fetch_without_waiters_completes_for_later_callers() {
    let kit = Kit::new(rules(300, 1000));
    timeout(Duration::from_millis(50), kit.tokens.token())
        .await
        .unwrap_err();
    assert_eq!(kit.tokens.status().waiting(), 0);
    sleep(Duration::from_secs(2)).await;
    assert!(kit.tokens.peek().is_some());
    assert_eq!(kit.issuer.counters().token_requests, 1);
}

#[tokio::test(start_paused = true)]
async fn unpolled_future_starts_no_fetch() {
    let kit = Kit::new(rules(300, 10));
    drop(kit.tokens.token());
    assert_eq!(
        (kit.tokens.status().waiting(), kit.tokens.status().fetches()),
        (0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn panicking_token_service_fails_waiters_and_backs_off() {
    let tokens = cache(endpoint(|_| async { panic!("not our panic") }));
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(
        tokens.token().await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert_eq!(tokens.status().fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn grant_is_cached_after_its_caller_is_aborted() {
    let tokens = cache(endpoint(|_| async {
        sleep(Duration::from_secs(3)).await;
        grant("one", 300)
    }));
    let caller = tokio::spawn({
        let tokens = tokens.clone();
        async move { tokens.token().await }
    });
    sleep(Duration::from_secs(1)).await;
    caller.abort();
    assert_eq!(tokens.token().await.unwrap().expose(), "one");
    assert_eq!(tokens.status().fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn panicking_waker_does_not_affect_other_waiters() {
    struct Bad;
    impl Wake for Bad {
        fn wake(self: Arc<Self>) {
            panic!("a broken waker");
        }
    }

    let kit = Kit::new(rules(300, 50));
    let mut bad = Box::pin(kit.tokens.token());
    let waker = Waker::from(Arc::new(Bad));
    assert!(
        bad.as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    let good = tokio::spawn(kit.tokens.token());
    timeout(Duration::from_secs(1), good)
        .await
        .expect("woken")
        .unwrap()
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn waker_may_call_the_cache_when_woken_or_dropped() {
    /// Calls the cache when woken or dropped, which would deadlock under one of its locks.
    struct CallsBack(TokenCache);
    impl Wake for CallsBack {
        fn wake(self: Arc<Self>) {
            self.0.status();
        }
    }
    impl Drop for CallsBack {
        fn drop(&mut self) {
            self.0.status();
        }
    }

    let kit = Kit::new(rules(300, 50));
    for _ in 0..2 {
        let waker = Waker::from(Arc::new(CallsBack(kit.tokens.clone())));
        let mut waiting = Box::pin(kit.tokens.token());
        for _ in 0..2 {
            let _ = waiting.as_mut().poll(&mut Context::from_waker(&waker));
        }
        drop(waker);
        sleep(Duration::from_millis(60)).await;
        drop(waiting);
    }
    kit.tokens.token().await.unwrap();
}
