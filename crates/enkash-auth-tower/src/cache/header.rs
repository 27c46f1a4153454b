//! Copies the header, so that threads do not share its count.
//!
//! A header value is shared by a reference count, and a count that two cores write to moves between them at every
//! request. So a long-lived handle copies the header on its second use, and one that is cloned per request takes it
//! from a slot that it has in common with the other clones of its thread.

use std::mem;

use enkash_auth_core::Clock;
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

use super::{Attached, Shared, snapshot::Published};
use crate::{
    sync::{Arc, Mutex},
    time::Time,
};

/// Holds a copy of the header, made on the second use.
#[derive(Debug, Default)]
pub struct HeaderCopy {
    copy: Option<Box<Own>>,
    was_used: bool,
}

/// Holds the copy of all handles of a thread.
#[derive(Debug)]
pub struct HeaderSlot {
    clock: Time,
    /// `None` if each response is looked at. The lock is tried, never waited for.
    copy: Option<Mutex<HeaderCopy>>,
}

#[derive(Debug)]
struct Own {
    header: HeaderValue,
    of: Arc<Published>,
}

impl HeaderCopy {
    /// Inserts the cached token into `headers` if it may be attached without consulting the state, and the
    /// response need not be looked at unless it is a 401.
    // Always: out of line, it is a tenth of an insertion.
    #[inline(always)]
    pub fn attach(
        &mut self,
        headers: &mut HeaderMap,
        slot: &HeaderSlot,
        shared: &Shared,
    ) -> Option<Attached> {
        if let Some(own) = self.copy.as_deref()
            && own.of.is_fresh()
        {
            // Read first: after the insertion, the pointers to it have to be loaded anew.
            let attached = own.of.attached();
            headers.insert(&AUTHORIZATION, own.header.clone());
            return Some(attached);
        }
        let (header, attached) = if self.was_used {
            self.renew(slot, shared)
        } else {
            self.was_used = true;
            slot.header(shared)
        }?;
        headers.insert(&AUTHORIZATION, header);
        Some(attached)
    }

    /// Copies the header: a handle is used a second time, or there is a new token.
    #[inline(never)]
    fn renew(&mut self, slot: &HeaderSlot, shared: &Shared) -> Option<(HeaderValue, Attached)> {
        self.copy = None;
        let current = slot.load(shared)?;
        drop(self.replace(&current));
        Some(current.pair())
    }

    /// Copies the header of `current` from the second use on, and returns the copy of another.
    fn replace(&mut self, current: &Arc<Published>) -> Option<Box<Own>> {
        let was_used = mem::replace(&mut self.was_used, true);
        let is_copied = matches!(&self.copy, Some(own) if Arc::ptr_eq(&own.of, current));
        if !was_used || is_copied {
            return None;
        }
        mem::replace(&mut self.copy, Own::new(current).map(Box::new))
    }
}

/// A clone has no copy yet.
impl Clone for HeaderCopy {
    #[inline]
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl HeaderSlot {
    /// Creates one that attaches nothing unless `is_used`: if each response is looked at, no call is made without a
    /// lookup.
    pub fn new(is_used: bool, clock: &Time) -> Self {
        Self {
            clock: clock.clone(),
            copy: is_used.then(Mutex::default),
        }
    }

    /// Returns the cached token if [`HeaderCopy::attach`] may attach it.
    #[inline(always)]
    pub fn header(&self, shared: &Shared) -> Option<(HeaderValue, Attached)> {
        // Read before: under the lock, nothing of the user's is called.
        let tick = self.clock.monotonic_nanos();
        if let Some(copy) = self.copy.as_ref()?.try_lock()
            && let Some(own) = &copy.copy
            && own.of.was_seen_at(tick)
        {
            return Some((own.header.clone(), own.of.attached()));
        }
        self.renew(shared)
    }

    /// Returns the shared header, once in a tick, and copies it if it is new.
    #[inline(never)]
    fn renew(&self, shared: &Shared) -> Option<(HeaderValue, Attached)> {
        let current = self.load(shared)?;
        let replaced = self.copy.as_ref()?.try_lock();
        let replaced = replaced.map(|mut copy| copy.replace(&current));
        // After the lock: it may be the last to hold a service of the user's.
        drop(replaced);
        Some(current.pair())
    }

    /// Returns the cached token of one account of many.
    pub fn header_once(&self, shared: &Shared) -> Option<(HeaderValue, Attached)> {
        self.copy.as_ref()?;
        let current = shared.snapshot().load();
        let current = current.as_deref()?;
        current.header()?;
        Some(current.pair())
    }

    /// Returns the cached token, if it may be attached.
    fn load(&self, shared: &Shared) -> Option<Arc<Published>> {
        self.copy.as_ref()?;
        let current = shared.snapshot().load();
        let current = current.as_ref()?;
        current.header()?;
        Some(Arc::clone(current))
    }
}

impl Own {
    fn new(of: &Arc<Published>) -> Option<Self> {
        let mut own = HeaderValue::from_bytes(of.view().token().header().as_bytes()).ok()?;
        own.set_sensitive(true);
        Some(Self {
            // The first clone of a buffer allocates its count, and clones of a clone are cheaper.
            header: own.clone(),
            of: Arc::clone(of),
        })
    }
}
