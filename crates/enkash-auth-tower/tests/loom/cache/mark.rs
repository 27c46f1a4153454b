//! Fails if a view is marked before its successor can be loaded, or not at all; if the mark, or a check
//! of it, is `Relaxed`; and if a check stores its tick instead of the compare-and-exchange.

use enkash_auth_core::{
    Clock, Policy,
    state::{State, View},
};

use super::*;
use crate::{
    cache::{attached::Registered, snapshot::Snapshot},
    sync::{Weak, model, spawn},
};

fn view(now: Timestamp) -> Option<View> {
    let (mut state, policy) = (State::<Error>::new(), Policy::default());
    let pending = state.lookup(now, Ok(()), &policy).spawn?;
    state.complete(pending.number(), granted(now, "token"), now, 0.5, &policy);
    state.view(now)
}

fn published(clock: &Time) -> Arc<Snapshot> {
    let snapshot = Arc::new(Snapshot::new(Registered::new(Weak::new())));
    snapshot.publish(view(clock.now()), clock.now(), None, clock);
    snapshot
}

#[test]
fn reader_of_the_mark_loads_a_newer_view() {
    model(3, || {
        let clock = Time::Other(Arc::new(ManualClock::new()));
        let snapshot = published(&clock);
        let first = Arc::clone(snapshot.load().as_ref().unwrap());
        let reader = Arc::clone(&snapshot);
        let reader = spawn(move || {
            for _ in 0..2 {
                if !first.is_fresh() {
                    let current = reader.load();
                    assert!(!Arc::ptr_eq(&first, current.as_ref().unwrap()));
                }
            }
        });
        snapshot.publish(view(clock.now()), clock.now(), None, &clock);
        reader.join().unwrap();
    });
}

#[test]
fn mark_survives_concurrent_checks() {
    model(3, || {
        let manual = ManualClock::new();
        let clock = Time::Other(Arc::new(manual.clone()));
        let snapshot = published(&clock);
        let first = Arc::clone(snapshot.load().as_ref().unwrap());
        let other = Arc::clone(&first);
        let checker = spawn(move || other.is_fresh());
        let other = Arc::clone(&first);
        let later = spawn(move || {
            manual.advance(Duration::from_millis(1));
            other.is_fresh()
        });
        snapshot.publish(None, clock.now(), None, &clock);
        assert!(!first.is_fresh());
        checker.join().unwrap();
        later.join().unwrap();
        assert!(!first.is_fresh());
    });
}
