use std::{sync::OnceLock, time::Duration};

use enkash_auth_core::{
    Bearer, ManualClock, Policy,
    lifetime::{Exchange, Expiry},
    state::{FetchOutcome, State},
};

use super::*;
use crate::{Error, sync::Weak};

const LIFETIME: Duration = Duration::from_secs(300);

/// A clock that publishes on the snapshot when its wall time is read.
#[derive(Debug)]
struct Meddler {
    clock: ManualClock,
    publishes_on: OnceLock<Arc<Snapshot>>,
}

impl Clock for Meddler {
    fn monotonic_nanos(&self) -> u64 {
        self.clock.monotonic_nanos()
    }

    fn unix_nanos(&self) -> u64 {
        if let Some(snapshot) = self.publishes_on.get() {
            let clock = Time::Other(Arc::new(self.clock.clone()));
            drop(snapshot.publish(None, clock.now(), None, &clock));
        }
        self.clock.unix_nanos()
    }
}

fn view(now: Timestamp) -> Option<View> {
    let (mut state, policy) = (State::<Error>::new(), Policy::default());
    let pending = state.lookup(now, Ok(()), &policy).spawn?;
    let lifetime = Exchange::new(now, None).lifetime(&[Expiry::In(LIFETIME)]);
    let granted = FetchOutcome::Granted(Bearer::new("token").ok()?, lifetime);
    state.complete(pending.number(), granted, now, 0.5, &policy);
    state.view(now)
}

fn published(clock: &Time) -> (Arc<Snapshot>, Arc<Published>) {
    let snapshot = Arc::new(Snapshot::new(Registered::new(Weak::new())));
    snapshot.publish(view(clock.now()), clock.now(), None, clock);
    let published = Arc::clone(snapshot.load().as_ref().unwrap());
    (snapshot, published)
}

#[test]
fn snapshot_is_fresh_until_expired_or_replaced() {
    let manual = ManualClock::new();
    let clock = Time::Other(Arc::new(manual.clone()));
    let (snapshot, first) = published(&clock);
    assert!(first.is_fresh());
    manual.suspend(LIFETIME);
    assert!(!first.is_fresh());

    snapshot.publish(view(clock.now()), clock.now(), None, &clock);
    let second = Arc::clone(snapshot.load().as_ref().unwrap());
    assert!(second.is_fresh());
    snapshot.publish(view(clock.now()), clock.now(), None, &clock);
    assert!(!second.is_fresh(), "in the tick in which it was fresh");
}

#[test]
fn overtaken_check_does_not_make_snapshot_fresh_again() {
    let meddler = Arc::new(Meddler {
        clock: ManualClock::new(),
        publishes_on: OnceLock::new(),
    });
    let clock = Time::Other(Arc::clone(&meddler) as _);
    let (snapshot, published) = published(&clock);
    meddler.publishes_on.set(snapshot).unwrap();
    // This check is overtaken; the next one must not see its result.
    published.is_fresh();
    assert!(!published.is_fresh());
}
