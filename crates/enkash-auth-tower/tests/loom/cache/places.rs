//! Fails if a fetch begins at a place in two steps, as its credentials may change between them; and if a fetch that waits
//! is counted anew after it was abandoned.

use loom::future::block_on;
use tokio::runtime::Builder;

use super::*;
use crate::sync::{model, spawn};

#[test]
fn abandoned_fetch_keeps_no_place() {
    model(3, || {
        let shared = cache();
        let pending = begin_fetch(&shared);
        let begins = Arc::clone(&shared);
        let begins = spawn(move || {
            let place = block_on(begins.common().places().take(false));
            begins.begin(pending, place)
        });
        let changed = shared.change_credentials(credentials("another"), None);
        assert!(changed.unwrap());
        begins.join().unwrap();
        assert!(!shared.inner.lock().has_place());
    });
}

#[test]
fn fetch_that_waits_is_extended_or_abandoned() {
    model(3, || {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let clock = ManualClock::new();
        let shared = cache_at(&clock, RefreshPolicy::default());
        let pending = begin_fetch(&shared);
        clock.advance(Duration::from_secs(9));
        let extends = Arc::clone(&shared);
        let extends = spawn(move || extends.extend(pending));
        let entered = runtime.enter();
        drop(shared.lookup());
        let is_extended = extends.join().unwrap();
        assert_eq!(shared.is_pending(pending), is_extended);
        drop(entered);
    });
}
