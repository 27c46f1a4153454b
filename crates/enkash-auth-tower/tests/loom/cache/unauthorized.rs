//! Fails if a 401 publishes nothing, if it evicts whichever token is cached, and if a completion publishes
//! a view that it took under an earlier lock.

use enkash_auth_core::Clock;

use super::*;
use crate::sync::{AtomicBool, Ordering, model, spawn};

/// Reports with `report`, while another thread makes calls: after that, it makes none without a lookup.
fn never_attached_after(report: fn(&Arc<Shared>)) {
    model(3, move || {
        let shared = warm();
        let mut handle = HeaderCopy::default();
        let is_unauthorized = Arc::new(AtomicBool::new(false));
        let (reports, sets) = (Arc::clone(&shared), Arc::clone(&is_unauthorized));
        let api = spawn(move || {
            report(&reports);
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
fn unauthorized_token_is_never_attached_again() {
    never_attached_after(|shared| shared.reject(1));
}

#[test]
fn doubted_token_is_attached_to_watched_calls_only() {
    never_attached_after(|shared| shared.unauthorized(1, false, None));
}

#[test]
fn stale_401_during_refresh_keeps_newer_token() {
    model(3, || {
        let clock = ManualClock::new();
        let shared = warm_at(&clock);
        let early = shared.inner.lock().state().next_check(clock.now());
        clock.advance(early.unwrap().remaining(clock.now()));
        let pending = begin_fetch(&shared);
        let reports = Arc::clone(&shared);
        let api = spawn(move || reports.reject(1));
        assert!(complete_fetch(&shared, pending, "second"));
        assert_ne!(attach(&mut HeaderCopy::default(), &shared), Some(1));
        api.join().unwrap();
        assert_eq!(served(&shared), Some(2));
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
