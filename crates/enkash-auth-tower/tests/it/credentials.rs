//! Credentials that change at run time, and the operator's reset.

use std::{
    collections::VecDeque,
    future::ready,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    time::Duration,
};

use enkash_auth_core::Credentials;
use enkash_auth_tower::{ErrorKind, TokenCache};
use tokio::{
    task::{spawn_blocking, yield_now},
    time::{advance, sleep},
};

use crate::{
    store::flaky::{Flaky, Mood},
    support::{Kit, TokioClock, credentials, rules},
};

fn with_password(kit: &Kit, password: &str) -> TokenCache {
    TokenCache::builder(kit.endpoint(password))
        .clock(TokioClock::new())
        .build()
}

#[tokio::test(start_paused = true)]
async fn right_password_ends_quarantine_at_once() {
    let kit = Kit::new(rules(300, 10));
    let tokens = with_password(&kit, "old");
    for _ in 0..3 {
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
    }
    tokens
        .set_credentials(credentials(&kit.user, "password"))
        .unwrap();
    tokens.token().await.unwrap();
    assert_eq!(kit.issuer.counters().token_requests, 2);
    assert_eq!(tokens.status().strikes(), 0);
}

#[tokio::test(start_paused = true)]
async fn waiter_on_old_credentials_gets_token_of_new_ones() {
    let kit = Kit::new(rules(300, 1_000));
    let tokens = with_password(&kit, "old");
    let waiting = tokio::spawn(tokens.token());
    sleep(Duration::from_millis(500)).await;
    tokens
        .set_credentials(credentials(&kit.user, "password"))
        .unwrap();
    waiting.await.unwrap().unwrap();
    let counters = kit.issuer.counters();
    assert_eq!((counters.token_requests, counters.rejections), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn old_credentials_are_not_sent_if_changed_before_permit() {
    let kit = Kit::new(rules(300, 10));
    let store = Flaky::default();
    store.set(Mood::Slow);
    let tokens = TokenCache::builder(kit.endpoint("old"))
        .clock(TokioClock::new())
        .store(store.clone())
        .build();
    let waiting = tokio::spawn(tokens.token());
    // It read for 300 ms, and has been acquiring a permit since.
    sleep(Duration::from_millis(450)).await;
    assert_eq!(store.writes(), 1);
    tokens
        .set_credentials(credentials(&kit.user, "password"))
        .unwrap();
    waiting.await.unwrap().unwrap();
    let counters = kit.issuer.counters();
    assert_eq!((counters.token_requests, counters.rejections), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn late_rejection_of_old_credentials_still_counts() {
    let kit = Kit::new(rules(300, 1_000));
    let tokens = with_password(&kit, "old");
    let waiting = tokio::spawn(tokens.token());
    sleep(Duration::from_millis(500)).await;
    tokens
        .set_credentials(credentials(&kit.user, "newer"))
        .unwrap();
    waiting.await.unwrap().unwrap_err();
    // The old and the newer were rejected once each; neither is sent again, nor is a third.
    for (password, expected) in [
        ("old", ErrorKind::Rejected),
        ("newer", ErrorKind::Rejected),
        ("third", ErrorKind::AccountClosed),
    ] {
        tokens
            .set_credentials(credentials(&kit.user, password))
            .unwrap();
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), expected);
    }
    assert_eq!(kit.issuer.counters().token_requests, 2);
    assert!(!kit.is_locked());
}

#[tokio::test(start_paused = true)]
async fn rotated_secret_keeps_cached_token() {
    let kit = Kit::new(rules(300, 10));
    let token = kit.tokens.token().await.unwrap();
    kit.tokens
        .set_credentials(credentials(&kit.user, "rotated"))
        .unwrap();
    let same = kit.tokens.token().await.unwrap();
    assert_eq!(same.generation(), token.generation());
    assert_eq!(kit.issuer.counters().token_requests, 1);
}

#[tokio::test(start_paused = true)]
async fn changed_company_evicts_cached_token() {
    let kit = Kit::new(rules(300, 10));
    let token = kit.tokens.token().await.unwrap();
    kit.tokens
        .set_credentials(credentials(&kit.user, "password").company_id("CEK2"))
        .unwrap();
    assert!(kit.tokens.peek().is_none());
    let other = kit.tokens.token().await.unwrap();
    assert!(other.generation() > token.generation());
    assert_eq!(kit.issuer.counters().token_requests, 2);
}

#[tokio::test(start_paused = true)]
async fn invalid_credentials_change_nothing() {
    let kit = Kit::new(rules(300, 10));
    let token = kit.tokens.token().await.unwrap();
    let keys = Credentials::merchant("key", "secret");
    let odd = credentials(&kit.user, "password").api_key("two\nlines");
    for unusable in [keys, odd] {
        let error = kit.tokens.set_credentials(unusable).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSetting);
    }
    let same = kit.tokens.token().await.unwrap();
    assert_eq!(same.generation(), token.generation());
}

#[tokio::test(start_paused = true)]
async fn reset_allows_one_more_attempt_at_once() {
    let kit = Kit::new(rules(300, 10));
    for wrong in ["one", "two"] {
        with_password(&kit, wrong).token().await.unwrap_err();
    }
    let error = kit.tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccountClosed);
    assert_eq!(kit.tokens.status().strikes(), 2);
    kit.tokens.reset().await.unwrap();
    assert_eq!(kit.tokens.status().strikes(), 0);
    kit.tokens.token().await.unwrap();
    assert_eq!(kit.issuer.counters().token_requests, 3);
}

/// Returns a cache that reloads its password from `file`, as from a file.
fn with_file(kit: &Kit, file: &Arc<Mutex<Result<&'static str, &'static str>>>) -> TokenCache {
    let (file, user) = (Arc::clone(file), kit.user.clone());
    let now = file.lock().unwrap().unwrap();
    TokenCache::builder(kit.endpoint(now))
        .clock(TokioClock::new())
        .reload_credentials(move || {
            let read = match *file.lock().unwrap() {
                Ok(password) => Ok(credentials(&user, password)),
                Err(why) => Err(why.into()),
            };
            ready(read)
        })
        .build()
}

#[tokio::test(start_paused = true)]
async fn rotated_password_is_reloaded_without_a_failed_call() {
    let kit = Kit::new(rules(300, 10));
    let file = Arc::new(Mutex::new(Ok("old")));
    let tokens = with_file(&kit, &file);
    *file.lock().unwrap() = Ok("password");
    let waiting = tokio::spawn(tokens.token());
    tokens.token().await.unwrap();
    waiting.await.unwrap().unwrap();
    let counters = kit.issuer.counters();
    assert_eq!((counters.token_requests, counters.rejections), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn password_rotated_after_rejection_is_reloaded() {
    let kit = Kit::new(rules(300, 10));
    let file = Arc::new(Mutex::new(Ok("old")));
    let tokens = with_file(&kit, &file);
    for unreadable in [Ok("old"), Err("no such file")] {
        *file.lock().unwrap() = unreadable;
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        sleep(Duration::from_secs(6)).await;
    }
    assert_eq!(kit.issuer.counters().token_requests, 1);
    *file.lock().unwrap() = Ok("password");
    tokens.token().await.unwrap();
    assert_eq!(kit.issuer.counters().token_requests, 2);
}

#[tokio::test(start_paused = true)]
async fn half_written_password_is_never_sent() {
    let kit = Kit::new(rules(300, 10));
    let readings = Mutex::new(VecDeque::from(["pass", "passwo"]));
    let user = kit.user.clone();
    let tokens = TokenCache::builder(kit.endpoint("old"))
        .clock(TokioClock::new())
        .reload_credentials(move || {
            let password = readings.lock().unwrap().pop_front();
            ready(Ok(credentials(&user, password.unwrap_or("password"))))
        })
        .build();
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    // Later than both readings.
    sleep(Duration::from_secs(6)).await;
    tokens.token().await.unwrap();
    let counters = kit.issuer.counters();
    assert_eq!((counters.token_requests, counters.rejections), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn second_wrong_password_in_file_is_sent_and_no_third() {
    let kit = Kit::new(rules(300, 10));
    let file = Arc::new(Mutex::new(Ok("old")));
    let tokens = with_file(&kit, &file);
    for wrong in ["second", "third", "fourth"] {
        *file.lock().unwrap() = Ok(wrong);
        tokens.token().await.unwrap_err();
        sleep(Duration::from_secs(6)).await;
    }
    assert_eq!(kit.issuer.counters().token_requests, 2);
    assert!(!kit.is_locked());
}

/// Returns a cache whose credential source blocks until the sender is dropped, and the number of times
/// the source was read.
fn hanging(kit: &Kit) -> (TokenCache, mpsc::Sender<()>, Arc<AtomicU32>) {
    let (release, hangs) = mpsc::channel();
    let (hangs, user) = (Arc::new(Mutex::new(hangs)), kit.user.clone());
    let looks = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&looks);
    let tokens = TokenCache::builder(kit.endpoint("old"))
        .clock(TokioClock::new())
        .reload_credentials(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            let (hangs, user) = (Arc::clone(&hangs), user.clone());
            async {
                let read = move || {
                    hangs.lock().unwrap().recv().unwrap_err();
                    credentials(&user, "password")
                };
                Ok(spawn_blocking(read).await?)
            }
        })
        .build();
    (tokens, release, looks)
}

/// Waits until a call is rejected. Paused time stands still while a thread is busy, unless advanced.
async fn rejected_while_source_hangs(tokens: &TokenCache) {
    let waiting = tokio::spawn(tokens.token());
    while !waiting.is_finished() {
        advance(Duration::from_millis(50)).await;
        yield_now().await;
    }
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
}

#[tokio::test(start_paused = true)]
async fn hanging_credential_source_is_used_once_it_returns() {
    let kit = Kit::new(rules(300, 10));
    let (tokens, release, looks) = hanging(&kit);
    rejected_while_source_hangs(&tokens).await;
    advance(Duration::from_secs(6)).await;
    drop(release);
    tokens.token().await.unwrap();
    // A changed secret is read once more before it is sent.
    assert_eq!(looks.load(Ordering::Relaxed), 2);
    assert_eq!(kit.issuer.counters().token_requests, 2);
}

#[tokio::test(start_paused = true)]
async fn outdated_result_of_credential_source_is_not_used() {
    for (wait, wrong, expected) in [(11, "old", 3), (6, "other", 4)] {
        let kit = Kit::new(rules(300, 10));
        let (tokens, release, looks) = hanging(&kit);
        rejected_while_source_hangs(&tokens).await;
        advance(Duration::from_secs(wait)).await;
        let wrong = credentials(&kit.user, wrong);
        tokens.set_credentials(wrong).unwrap();
        drop(release);
        // With two strikes the right password is not sent either, and so is read once more.
        let _ = tokens.token().await;
        assert_eq!(looks.load(Ordering::Relaxed), expected, "{wait}");
    }
}

/// Reading a changed secret twice takes longer than such a fetch.
#[tokio::test(start_paused = true)]
async fn rotated_password_is_reloaded_with_short_fetch_timeout() {
    let kit = Kit::new(rules(300, 10));
    let file = Arc::new(Mutex::new("old"));
    let (now, user) = (Arc::clone(&file), kit.user.clone());
    let mut policy = enkash_auth_tower::RefreshPolicy::default();
    policy.fetch_timeout = Duration::from_millis(500);
    let tokens = TokenCache::builder(kit.endpoint("old"))
        .clock(TokioClock::new())
        .policy(policy)
        .unwrap()
        .reload_credentials(move || ready(Ok(credentials(&user, *now.lock().unwrap()))))
        .build();
    tokens.token().await.unwrap_err();
    *file.lock().unwrap() = "password";
    let mut served = false;
    for _ in 0..300 {
        sleep(Duration::from_millis(100)).await;
        served |= tokens.token().await.is_ok();
    }
    assert!(served);
}
