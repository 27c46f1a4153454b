//! The operator's reset, with processes that remember strikes and attempts in flight.

use std::time::Duration;

use enkash_auth_core::account::AttemptOutcome;
use enkash_auth_tower::{ErrorKind, TokenCache};
use futures_util::FutureExt;
use tokio::time::{Instant, sleep};

use super::{
    Fleet, LOOK,
    flaky::{Flaky, Mood},
    strikes,
};
use crate::support::{Kit, credentials, rules};

fn fleet(kit: Kit) -> Fleet<Flaky> {
    Fleet::new(kit, Flaky::default())
}

#[tokio::test(start_paused = true)]
async fn reset_without_store_is_an_error() {
    let fleet = fleet(Kit::new(rules(300, 10)));
    let tokens = fleet.start("wrong");
    tokens.token().await.unwrap_err();
    for mood in [Mood::Failing, Mood::Hanging] {
        fleet.store.set(mood);
        for error in [tokens.reset().await, tokens.allow_rejected().await] {
            assert_eq!(error.unwrap_err().kind(), ErrorKind::StoreUnavailable);
        }
        sleep(LOOK).await;
        tokens.token().await.unwrap_err();
        assert_eq!(fleet.requests(), 1);
    }
}

#[test]
fn reset_outside_runtime_is_an_error() {
    let fleet = fleet(Kit::new(rules(300, 10)));
    let reset = fleet.start("password").reset().now_or_never();
    assert_eq!(reset.unwrap().unwrap_err().kind(), ErrorKind::NoRuntime);
}

#[tokio::test(start_paused = true)]
async fn reset_drops_pending_reports() {
    let fleet = fleet(Kit::new(rules(300, 1_000)));
    let tokens = fleet.start("wrong");
    let first = tokio::spawn(tokens.token());
    sleep(Duration::from_millis(500)).await;
    fleet.store.set(Mood::Failing);
    first.await.unwrap().unwrap_err();
    tokens.reset().await.unwrap_err();
    fleet.store.set(Mood::Well);
    tokens.reset().await.unwrap();
    let other = credentials(&fleet.kit.user, "another wrong one");
    tokens.set_credentials(other).unwrap();
    tokens.token().await.unwrap_err();
    assert_eq!(strikes(&tokens), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn reset_clears_strikes_and_keeps_rejected_credentials() {
    let fleet = fleet(Kit::new(rules(300, 10)));
    for wrong in ["one", "two"] {
        fleet.start(wrong).token().await.unwrap_err();
    }
    let tokens = fleet.start("password");
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccountClosed);
    tokens.reset().await.unwrap();
    for wrong in ["one", "two"] {
        let error = fleet.start(wrong).token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
    }
    tokens.token().await.unwrap();
    assert_eq!(fleet.requests(), 3);
}

#[tokio::test(start_paused = true)]
async fn reset_allows_credentials_rejected_by_guess() {
    for (guessed, expected) in [(true, 1), (false, 0)] {
        let fleet = fleet(Kit::new(rules(300, 10)));
        let right = credentials(&fleet.kit.user, "password");
        let rejected = AttemptOutcome::Rejected { guessed };
        fleet
            .attempt_elsewhere(fleet.account(), &right, rejected)
            .await;
        let tokens = fleet.start("password");
        tokens.token().await.unwrap_err();
        tokens.reset().await.unwrap();
        assert_eq!(u64::from(tokens.token().await.is_ok()), expected);
        assert_eq!(fleet.requests(), expected);
    }
}

/// Starts three processes that remember two rejections, and resets the account while they run.
async fn beside_three(fleet: &Fleet<Flaky>, reset: impl AsyncFn(&TokenCache)) -> [TokenCache; 3] {
    let live = ["one", "two", "two"].map(|password| fleet.start(password));
    for tokens in &live {
        tokens.token().await.unwrap_err();
    }
    sleep(LOOK).await;
    for tokens in &live {
        tokens.load_status().await.unwrap();
        assert_eq!(strikes(tokens), (2, 0));
    }
    reset(&fleet.start("operator")).await;
    // Each reloads at its own interval; some write after the reset what they read before.
    for _ in 0..3 {
        sleep(LOOK).await;
        assert_eq!(fleet.record().await.facts().attempts().len(), 0);
    }
    for tokens in &live {
        assert_eq!(strikes(tokens), (0, 0));
    }
    live
}

#[tokio::test(start_paused = true)]
async fn reset_survives_processes_that_remember_strikes() {
    let fleet = fleet(Kit::new(rules(300, 10)));
    let live = beside_three(&fleet, async |operator| operator.reset().await.unwrap()).await;
    for tokens in &live {
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
    }
    assert_eq!(fleet.requests(), 2);
    fleet.start("password").token().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn allowed_credentials_survive_processes_that_remember() {
    let fleet = fleet(Kit::new(rules(300, 10).lock_after(None)));
    let allow = async |operator: &TokenCache| operator.allow_rejected().await.unwrap();
    let live = beside_three(&fleet, allow).await;
    // They are still wrong: each is sent once more.
    for tokens in &live {
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
    }
    assert_eq!(fleet.requests(), 4);
}

/// The lease of an attempt lasts for the fetch timeout and 6 s.
#[tokio::test(start_paused = true)]
async fn reset_waits_for_lease_and_clears_attempt() {
    for allows in [false, true] {
        let fleet = fleet(Kit::new(rules(300, 10)));
        fleet.start("wrong").token().await.unwrap_err();
        let right = credentials(&fleet.kit.user, "password");
        let _ = fleet.begin_elsewhere(fleet.account(), &right).await;
        let (operator, start) = (fleet.start("operator"), Instant::now());
        // Others load the record meanwhile, and conflict.
        let others: Vec<_> = (0..20)
            .map(|_| {
                let tokens = fleet.start("other");
                tokio::spawn(async move {
                    for _ in 0..1_000 {
                        let _ = tokens.load_status().await;
                        sleep(Duration::from_millis(20)).await;
                    }
                })
            })
            .collect();
        let reset = if allows {
            operator.allow_rejected().await
        } else {
            operator.reset().await
        };
        reset.unwrap();
        let took = start.elapsed();
        assert!(took >= Duration::from_secs(14), "{took:?}");
        assert!(took <= Duration::from_secs(15), "{took:?}");
        assert!(fleet.record().await.facts().attempts().is_empty());
        for other in others {
            other.abort();
        }
        let is_allowed = fleet.start("wrong").token().await.is_err_and(|error| {
            assert_eq!(error.kind(), ErrorKind::Rejected);
            fleet.requests() == 2
        });
        assert_eq!(is_allowed, allows);
        fleet.start("password").token().await.unwrap();
    }
}

/// Clocks disagree: by the store's clock, which stands still for a minute, the attempt has only just begun.
#[tokio::test(start_paused = true)]
async fn long_waiting_reset_survives_write_conflicts() {
    let fleet = fleet(Kit::new(rules(300, 10)));
    let right = credentials(&fleet.kit.user, "password");
    let _ = fleet.begin_elsewhere(fleet.account(), &right).await;
    let operator = fleet.start("operator");
    let reset = tokio::spawn(async move { operator.reset().await });
    // The store's clock stands still.
    let mut ahead = 0;
    for _ in 0..60 {
        fleet.store.set_clock(fleet.clock, ahead);
        sleep(Duration::from_secs(1)).await;
        ahead -= 1_000;
    }
    assert!(!reset.is_finished());
    fleet.store.set(Mood::Slow);
    fleet.store.set_clock(fleet.clock, 0);
    // Another write happens between its load and its write.
    for _ in 0..20 {
        sleep(Duration::from_millis(290)).await;
        fleet.store.set(Mood::Well);
        fleet.change(fleet.account(), |_| ()).await;
        fleet.store.set(Mood::Slow);
    }
    fleet.store.set(Mood::Well);
    sleep(Duration::from_secs(1)).await;
    reset.await.unwrap().unwrap();
    assert!(fleet.record().await.facts().attempts().is_empty());
}

#[tokio::test(start_paused = true)]
async fn reset_during_attempt_waits_until_its_lease_has_passed() {
    let fleet = fleet(Kit::new(rules(300, 60_000)));
    let tokens = fleet.start("password");
    let waiting = tokio::spawn(tokens.token());
    sleep(Duration::from_secs(1)).await;
    let (operator, start) = (fleet.start("operator"), Instant::now());
    operator.reset().await.unwrap();
    let waited = start.elapsed();
    assert!(
        (Duration::from_secs(13)..Duration::from_secs(15)).contains(&waited),
        "{waited:?}"
    );
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unresolved);
    sleep(LOOK).await;
    assert_eq!(strikes(&tokens), (0, 0));
    assert!(fleet.record().await.facts().attempts().is_empty());
}

/// The reset waits for the lease of a lost attempt while others continue.
#[tokio::test(start_paused = true)]
async fn waiting_reset_opens_the_account_once() {
    let fleet = fleet(Kit::new(rules(300, 60_000)));
    let lost = fleet.start("wrong");
    lost.token().await.unwrap_err();
    let rules = |millis| {
        let issuer = &fleet.kit.issuer;
        issuer.change_rules(|rules| rules.delay(Duration::from_millis(millis)));
    };
    rules(10);
    sleep(LOOK).await;
    lost.token().await.unwrap_err();
    assert_eq!(strikes(&lost), (1, 1));
    let before = fleet.kit.issuer.counters().rejections;
    let operator = fleet.start("operator");
    let reset = tokio::spawn(async move { operator.allow_rejected().await });
    let others = [fleet.start("wrong"), fleet.start("wrong"), lost];
    for _ in 0..40 {
        sleep(Duration::from_millis(500)).await;
        for tokens in &others {
            tokens.token().await.unwrap_err();
        }
    }
    reset.await.unwrap().unwrap();
    // The allowed credentials were sent once, and rejected once more.
    assert_eq!(fleet.kit.issuer.counters().rejections, before + 1);
}

/// It is newer than what the operator knew.
#[tokio::test(start_paused = true)]
async fn rejection_while_reset_waits_counts() {
    let fleet = fleet(Kit::new(rules(300, 3_000)));
    let tokens = fleet.start("wrong");
    let fetch = tokio::spawn(tokens.token());
    sleep(Duration::from_secs(1)).await;
    fleet.start("operator").allow_rejected().await.unwrap();
    fetch.await.unwrap().unwrap_err();
    sleep(LOOK).await;
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!((fleet.requests(), strikes(&tokens)), (1, (1, 0)));
}
