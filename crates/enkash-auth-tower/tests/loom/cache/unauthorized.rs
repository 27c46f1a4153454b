//! Red when a refusal publishes nothing, when it refuses whichever token is at hand, and when a landing
//! publishes a view that it took under an earlier lock.

use enkash_auth_core::Clock;

use super::*;
use crate::sync::{AtomicBool, Ordering, model, spawn};

#[test]
fn unauthorized_token_is_never_attached_again() {
    model(3, || {
        let shared = warm();
        let mut handle = HeaderCopy::default();
        let is_refused = Arc::new(AtomicBool::new(false));
        let (refuses, says) = (Arc::clone(&shared), Arc::clone(&is_refused));
        let api = spawn(move || {
            refuses.unauthorized(1);
            says.store(true, Ordering::Release);
        });
        for _ in 0..3 {
            let knows = is_refused.load(Ordering::Acquire);
            let attached = attach(&mut handle, &shared);
            assert!(!knows || attached.is_none());
        }
        api.join().unwrap();
        assert_eq!(attach(&mut handle, &shared), None);
    });
}

#[test]
fn stale_401_during_refresh_keeps_newer_token() {
    model(3, || {
        let clock = ManualClock::new();
        let shared = warm_at(&clock);
        let early = shared.inner.lock().state.next_check(clock.now());
        clock.advance(early.unwrap().remaining(clock.now()));
        let pending = launch(&shared);
        let refuses = Arc::clone(&shared);
        let api = spawn(move || refuses.unauthorized(1));
        assert!(land(&shared, pending, "second"));
        assert_ne!(attach(&mut HeaderCopy::default(), &shared), Some(1));
        api.join().unwrap();
        assert_eq!(attach(&mut HeaderCopy::default(), &shared), Some(2));
    });
}

#[test]
fn token_of_old_credentials_is_not_attached_after_change() {
    model(3, || {
        let shared = cache();
        let pending = launch(&shared);
        let lands = Arc::clone(&shared);
        let lands = spawn(move || land(&lands, pending, "old"));
        let changed = shared.change_credentials(credentials("another"), None);
        assert!(changed.unwrap());
        assert_eq!(attach(&mut HeaderCopy::default(), &shared), None);
        lands.join().unwrap();
        assert_eq!(attach(&mut HeaderCopy::default(), &shared), None);
    });
}
