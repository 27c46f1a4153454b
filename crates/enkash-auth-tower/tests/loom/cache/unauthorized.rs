//! Fails if a 401 publishes nothing, if it evicts whichever token is cached, and if a completion publishes
//! a view that it took under an earlier lock.

use enkash_auth_core::Clock;

use super::*;
use crate::sync::{AtomicBool, Ordering, model, spawn};

#[test]
fn unauthorized_token_is_never_attached_again() {
    model(3, || {
        let shared = warm();
        let mut handle = HeaderCopy::default();
        let is_unauthorized = Arc::new(AtomicBool::new(false));
        let (reports, sets) = (Arc::clone(&shared), Arc::clone(&is_unauthorized));
        let api = spawn(move || {
            reports.unauthorized(1);
            sets.store(true, Ordering::Release);
        });
        for _ in 0..3 {
            let has_seen = is_unauthorized.load(Ordering::Acquire);
            let attached = attach(&mut handle, &shared);
            assert!(!has_seen || attached.is_none());
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
        let pending = begin_fetch(&shared);
        let reports = Arc::clone(&shared);
        let api = spawn(move || reports.unauthorized(1));
        assert!(complete_fetch(&shared, pending, "second"));
        assert_ne!(attach(&mut HeaderCopy::default(), &shared), Some(1));
        api.join().unwrap();
        assert_eq!(attach(&mut HeaderCopy::default(), &shared), Some(2));
    });
}

#[test]
fn token_of_old_credentials_is_not_attached_after_change() {
    model(3, || {
        let shared = cache();
        let pending = begin_fetch(&shared);
        let completes = Arc::clone(&shared);
        let completes = spawn(move || complete_fetch(&completes, pending, "old"));
        let changed = shared.change_credentials(credentials("another"), None);
        assert!(changed.unwrap());
        assert_eq!(attach(&mut HeaderCopy::default(), &shared), None);
        completes.join().unwrap();
        assert_eq!(attach(&mut HeaderCopy::default(), &shared), None);
    });
}
