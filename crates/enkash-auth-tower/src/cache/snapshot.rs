//! What the fast path reads.
//!
//! 1. Only the holder of the state's lock publishes.
//! 2. A view that is replaced is marked after its successor can be loaded: who finds the mark loads a
//!    later one.
//! 3. The mark stays: nobody who saw a view before it was replaced can take it off.

use enkash_auth_core::{Clock, Moment, state::View};

use super::{Attached, registry::Registered};
use crate::{
    sync::{Arc, AtomicU64, Loaded, Ordering, Slot},
    time::Time,
};

#[derive(Debug)]
pub(crate) struct Snapshot {
    current: Slot<Published>,
    registered: Registered,
}

#[derive(Debug)]
pub(crate) struct Published {
    /// The reading of the monotonic clock at which this was last seen to be fresh, or the mark of one
    /// that was replaced. Within one tick nobody need read the wall clock.
    seen: AtomicU64,
    clock: Time,
    attached: Attached,
    view: View,
}

// No readings of a clock: see `Clock::monotonic_nanos`.
const REPLACED: u64 = u64::MAX;
const NOT_SEEN: u64 = u64::MAX - 1;

impl Snapshot {
    pub(super) fn new(registered: Registered) -> Self {
        Self {
            current: Slot::empty(),
            registered,
        }
    }

    pub(super) fn load(&self) -> Loaded<Published> {
        self.current.load()
    }

    /// Replaces the view; the old one is the caller's to drop, outside the lock.
    pub(super) fn publish(&self, view: Option<View>, clock: &Time) -> Option<Arc<Published>> {
        let published = view.map(|view| {
            Arc::new(Published {
                seen: AtomicU64::new(NOT_SEEN),
                clock: clock.clone(),
                attached: self.attached(view.token().generation()),
                view,
            })
        });
        let old = self.current.swap(published);
        if let Some(old) = &old {
            old.seen.store(REPLACED, Ordering::Release);
        }
        old
    }

    /// What to remember of a request that carries the token of `generation`.
    pub(super) fn attached(&self, generation: u64) -> Attached {
        Attached::new(self.registered.id(), generation)
    }
}

impl Published {
    pub(super) fn view(&self) -> &View {
        &self.view
    }

    pub(super) fn attached(&self) -> Attached {
        self.attached
    }

    /// Whether nothing else has been published, and its token may be attached now without asking the
    /// state.
    #[inline]
    pub(super) fn is_fresh(&self) -> bool {
        let tick = self.clock.monotonic_nanos();
        tick == self.seen.load(Ordering::Acquire) || self.is_fresh_at(tick)
    }

    /// In another tick than that of the last look.
    #[inline(never)]
    fn is_fresh_at(&self, tick: u64) -> bool {
        let seen = self.seen.load(Ordering::Acquire);
        let now = Moment::new(tick, self.clock.unix_nanos());
        if seen == REPLACED || self.view.until().is_over(now) {
            return false;
        }
        // Fails where it has been replaced meanwhile, or another has looked.
        let _ = self
            .seen
            .compare_exchange(seen, tick, Ordering::AcqRel, Ordering::Relaxed);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::OnceLock, time::Duration};

    use enkash_auth_core::{
        Bearer, ManualClock, RefreshPolicy,
        lifetime::{Exchange, Expiry},
        state::{Outcome, State},
    };

    use super::*;
    use crate::sync::Weak;

    const LIFETIME: Duration = Duration::from_secs(300);

    /// Somebody who reads the wall clock meets a publication there.
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
                drop(snapshot.publish(None, &clock));
            }
            self.clock.unix_nanos()
        }
    }

    fn view(now: Moment) -> Option<View> {
        let (mut state, policy) = (State::new(), RefreshPolicy::default());
        let flight = state.ask(now, true, &policy).launch?;
        let lifetime = Exchange::new(now, None).lifetime(&[Expiry::In(LIFETIME)]);
        let granted = Outcome::Granted(Bearer::new("token").ok()?, lifetime);
        state.land(flight.number(), granted, now, 0.5, &policy);
        state.view(now)
    }

    fn published(clock: &Time) -> (Arc<Snapshot>, Arc<Published>) {
        let snapshot = Arc::new(Snapshot::new(Registered::new(Weak::new())));
        snapshot.publish(view(clock.now()), clock);
        let published = Arc::clone(snapshot.load().as_ref().unwrap());
        (snapshot, published)
    }

    #[test]
    fn it_is_fresh_until_it_is_over_or_replaced() {
        let manual = ManualClock::new();
        let clock = Time::Other(Arc::new(manual.clone()));
        let (snapshot, first) = published(&clock);
        assert!(first.is_fresh());
        manual.suspend(LIFETIME);
        assert!(!first.is_fresh());

        snapshot.publish(view(clock.now()), &clock);
        let second = Arc::clone(snapshot.load().as_ref().unwrap());
        assert!(second.is_fresh());
        snapshot.publish(view(clock.now()), &clock);
        assert!(!second.is_fresh(), "in the tick in which it was fresh");
    }

    #[test]
    fn who_looked_before_it_was_replaced_does_not_make_it_fresh_again() {
        let meddler = Arc::new(Meddler {
            clock: ManualClock::new(),
            publishes_on: OnceLock::new(),
        });
        let clock = Time::Other(Arc::clone(&meddler) as _);
        let (snapshot, published) = published(&clock);
        meddler.publishes_on.set(snapshot).unwrap();
        // This look is overtaken; the next one must not be told what it saw.
        published.is_fresh();
        assert!(!published.is_fresh());
    }
}
