//! A wrong password is sent once.

use std::time::Duration;

use enkash_auth_core::{Error, ErrorKind};
use enkash_auth_sandbox::SandboxService;
use enkash_auth_tower::{TokenCache, TokenEndpoint};
use tokio::{task::JoinSet, time::sleep};

use crate::support::{Kit, TokioClock, cache, credentials, endpoint, environment, rules, status};

/// One more cache in the same process, for the same account.
fn another_cache(kit: &Kit, password: &str) -> TokenCache {
    let endpoint = TokenEndpoint::with_service(
        environment(),
        credentials(&kit.user, password),
        SandboxService::new(kit.issuer.clone()),
    );
    TokenCache::builder(endpoint.unwrap())
        .clock(TokioClock::new())
        .build()
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_sent_once_by_the_process() {
    let kit = Kit::new(rules(300, 10));
    let mut callers = JoinSet::new();
    for _ in 0..10 {
        let tokens = another_cache(&kit, "old password");
        callers.spawn(async move {
            for _ in 0..100 {
                let error: Error = tokens.token().await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Rejected);
                sleep(Duration::from_millis(300)).await;
            }
        });
    }
    callers.join_all().await;
    let counters = kit.issuer.counters();
    assert_eq!((counters.token_requests, counters.rejections), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_new_password_is_tried_at_once_and_clears_the_record() {
    let kit = Kit::new(rules(300, 10));
    let old = another_cache(&kit, "old password");
    assert_eq!(old.token().await.unwrap_err().kind(), ErrorKind::Rejected);
    kit.tokens.token().await.unwrap();
    assert_eq!(kit.issuer.counters().token_requests, 2);
}

#[tokio::test(start_paused = true)]
async fn two_wrong_passwords_close_the_account_before_the_server_does() {
    let kit = Kit::new(rules(300, 10));
    for wrong in ["first", "second", "third", "fourth"] {
        let error = another_cache(&kit, wrong).token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
    }
    assert_eq!(kit.issuer.counters().rejections, 2);
    assert!(
        kit.issuer
            .account_statuses()
            .iter()
            .all(|account| !account.locked)
    );
}

#[tokio::test(start_paused = true)]
async fn a_cache_built_for_every_request_locks_nobody_out() {
    let kit = Kit::new(rules(300, 10));
    for _ in 0..50 {
        let error = another_cache(&kit, "wrong").token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
    }
    assert_eq!(kit.issuer.counters().token_requests, 1);
}

#[tokio::test(start_paused = true)]
async fn caches_of_one_account_ask_one_after_another() {
    let kit = Kit::new(rules(300, 150));
    let mut callers = JoinSet::new();
    for _ in 0..5 {
        let tokens = another_cache(&kit, "password");
        callers.spawn(async move { tokens.token().await.unwrap() });
    }
    callers.join_all().await;
    assert_eq!(kit.issuer.counters().token_requests_at_once, 1);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_knows_is_tried_twice_and_then_not_before_a_quarter_of_an_hour() {
    let tokens = cache(endpoint(|_| async { status(418) }));
    for _ in 0..60 {
        tokens.token().await.unwrap_err();
        sleep(Duration::from_secs(10)).await;
    }
    assert_eq!(tokens.status().token_requests(), 2);
    sleep(Duration::from_secs(400)).await;
    tokens.token().await.unwrap_err();
    assert_eq!(tokens.status().token_requests(), 3);
}
