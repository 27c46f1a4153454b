//! Publishes the cached token for the fast path, which reads it without a lock.
//!
//! 1. Only the holder of the state's lock publishes.
//! 2. A replaced view is marked after its successor can be loaded: a reader that finds the mark loads a
//!    later one.
//! 3. The mark stays: a reader that saw a view before it was replaced cannot remove it.

use enkash_auth_core::{Clock, Timestamp, state::View};
use http::HeaderValue;

use super::{Attached, attached::Registered};
use crate::{
    endpoint::TokenEndpoint,
    sync::{Arc, AtomicU64, Loaded, Ordering, Slot},
    time::Time,
};

#[derive(Debug)]
pub struct Snapshot {
    current: Slot<Published>,
    registered: Registered,
}

#[derive(Debug)]
pub struct Published {
    /// The reading of the monotonic clock at which this was last fresh, or the mark of a replaced view.
    /// Within one tick the wall clock need not be read.
    seen: AtomicU64,
    clock: Time,
    attached: Attached,
    view: View,
    endpoint: Option<TokenEndpoint>,
    /// The reading of the monotonic clock when this was published.
    published: u64,
}

// Never readings of a clock: see `Clock::monotonic_nanos`.
const REPLACED: u64 = u64::MAX;
const NOT_SEEN: u64 = u64::MAX - 1;

impl Snapshot {
    pub fn new(registered: Registered) -> Self {
        Self {
            current: Slot::empty(),
            registered,
        }
    }

    pub fn load(&self) -> Loaded<Published> {
        self.current.load()
    }

    /// Replaces the view, and returns the old one, to be dropped outside the lock.
    pub fn publish(
        &self,
        view: Option<View>,
        now: Timestamp,
        endpoint: Option<&TokenEndpoint>,
        clock: &Time,
    ) -> Option<Arc<Published>> {
        let published = view.map(|view| {
            Arc::new(Published {
                seen: AtomicU64::new(NOT_SEEN),
                clock: clock.clone(),
                attached: self.attached(view.token().generation()),
                view,
                endpoint: endpoint.cloned(),
                published: now.monotonic_nanos(),
            })
        });
        let old = self.current.swap(published);
        if let Some(old) = &old {
            old.seen.store(REPLACED, Ordering::Release);
        }
        old
    }

    /// Identifies the token of `generation`.
    pub fn attached(&self, generation: u64) -> Attached {
        self.registered.attached(generation)
    }
}

impl Published {
    pub fn view(&self) -> &View {
        &self.view
    }

    pub fn attached(&self) -> Attached {
        self.attached
    }

    /// Returns when this was last used, or published, on the monotonic clock.
    pub fn last_used(&self) -> u64 {
        self.published + self.used_for()
    }

    /// Returns for how many nanoseconds this was used, since it was published.
    pub fn used_for(&self) -> u64 {
        let seen = self.seen.load(Ordering::Relaxed);
        let seen = Some(seen).filter(|seen| *seen < NOT_SEEN);
        seen.map_or(0, |seen| seen.saturating_sub(self.published))
    }

    /// Returns the header if the token may be attached without consulting the state, and the response need not be
    /// looked at unless it is a 401.
    #[inline]
    pub fn header(&self) -> Option<&HeaderValue> {
        (self.is_fresh() && !self.view.is_watched()).then(|| self.view.token().header())
    }

    /// Returns the header, and what identifies its token.
    pub fn pair(&self) -> (HeaderValue, Attached) {
        (self.view.token().header().clone(), self.attached)
    }

    /// Returns the endpoint of the credentials in use when this was published.
    pub fn endpoint(&self) -> Option<&TokenEndpoint> {
        self.endpoint.as_ref()
    }

    /// Returns whether this was not replaced, and its token may be attached without consulting the state.
    #[inline]
    pub fn is_fresh(&self) -> bool {
        let tick = self.clock.monotonic_nanos();
        self.was_seen_at(tick) || self.is_fresh_at(tick)
    }

    /// Returns whether this was not replaced, and was fresh at the same reading of the clock.
    #[inline]
    pub fn was_seen_at(&self, tick: u64) -> bool {
        tick == self.seen.load(Ordering::Acquire)
    }

    /// Checks in another tick than that of the last check.
    #[inline(never)]
    fn is_fresh_at(&self, tick: u64) -> bool {
        let seen = self.seen.load(Ordering::Acquire);
        let now = Timestamp::new(tick, self.clock.unix_nanos());
        if seen == REPLACED || self.view.until().has_passed(now) {
            return false;
        }
        // Fails if it was replaced or checked concurrently.
        let _ = self
            .seen
            .compare_exchange(seen, tick, Ordering::AcqRel, Ordering::Relaxed);
        true
    }
}

#[cfg(test)]
#[path = "../../tests/unit/snapshot.rs"]
mod tests;
