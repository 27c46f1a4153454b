//! One handle's copy of the header.
//!
//! A header value is shared by a reference count, and a count that two cores write to moves between
//! them at every request. So a handle that is kept copies the header, on its second use; one that is
//! cloned per request starts without a copy and shares.

use enkash_auth_core::{Clock, Moment};
use http::HeaderValue;

use super::{Shared, snapshot::Published};

#[derive(Debug, Default)]
pub(crate) struct HeaderCopy {
    copy: Option<Own>,
    used: bool,
}

#[derive(Debug)]
struct Own {
    header: HeaderValue,
    version: u64,
    until: Moment,
    /// The reading of the monotonic clock at which this was last seen to be fresh. Within one tick
    /// of it the wall clock need not be read.
    tick: u64,
}

impl HeaderCopy {
    /// The header of a token that may be attached now without asking the state.
    pub(crate) fn get(&mut self, shared: &Shared) -> Option<HeaderValue> {
        if let Some(own) = &mut self.copy
            && own.version == shared.snapshot().version()
            && own.is_fresh(shared.clock())
        {
            return Some(own.header.clone());
        }
        self.look(shared)
    }

    /// Off the fastest path: the first uses, a new token, or time to ask the state.
    fn look(&mut self, shared: &Shared) -> Option<HeaderValue> {
        self.copy = None;
        let now = shared.clock().now();
        let current = shared.snapshot().load();
        let current = current.as_deref();
        let current = current.filter(|current| !current.view.until().is_over(now))?;
        if std::mem::replace(&mut self.used, true) {
            self.copy = Own::new(current, now);
        }
        Some(current.view.token().header().clone())
    }
}

impl Own {
    fn new(current: &Published, now: Moment) -> Option<Self> {
        let mut header = HeaderValue::from_bytes(current.view.token().header().as_bytes()).ok()?;
        header.set_sensitive(true);
        // The first clone of a buffer allocates its count: have that behind us.
        drop(header.clone());
        Some(Self {
            header,
            version: current.version,
            until: current.view.until(),
            tick: now.monotonic_nanos(),
        })
    }

    fn is_fresh(&mut self, clock: &dyn Clock) -> bool {
        let tick = clock.monotonic_nanos();
        if tick == self.tick {
            return true;
        }
        self.tick = tick;
        !self.until.is_over(Moment::new(tick, clock.unix_nanos()))
    }
}

impl Clone for HeaderCopy {
    fn clone(&self) -> Self {
        Self::default()
    }
}
