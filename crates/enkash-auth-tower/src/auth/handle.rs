//! Shares the rules of a layer with all its services, without a count that two threads write to at each call.
//!
//! 1. A handle refers to the slot of the thread that made it, and so do its clones there.
//! 2. A handle that is cloned on other threads, as a server clones it for each request, refers to a slot for each of
//!    them. It shares these with its clones: however many connections have one, there is a slot for each thread.
//! 3. The handles own the slots: these are dropped with them, and with these the copies of the token that they hold.
//! 4. The first clone on another thread gets no slot of its own: a handle that moves with a call is cloned once.

use std::{array, sync::OnceLock};

use super::rules::{CallRules, Rules};
use crate::{
    cache::HeaderSlot,
    sync::{Arc, AtomicBool, AtomicUsize, Mutex, Ordering, Weak, global},
};

/// How many slots there are for other threads. With more threads, some share a number, and a slot.
const SLOTS: usize = 64;

/// Refers to the slot of a thread.
#[derive(Debug)]
pub struct Handle<A> {
    slot: Arc<Slot<A>>,
    /// Whether it was cloned on another thread.
    was_cloned: AtomicBool,
    /// Those of other threads, once it was cloned there again.
    others: OnceLock<Arc<Slots<A>>>,
}

/// Holds the slots of threads, each by the number of its thread.
#[derive(Debug)]
struct Slots<A>([OnceLock<Arc<Slot<A>>>; SLOTS]);

/// Holds what the handles of a thread share.
#[derive(Debug)]
pub struct Slot<A> {
    pub(super) rules: Arc<Rules<A>>,
    pub(super) calls: Arc<CallRules>,
    pub(super) header: HeaderSlot,
    thread: usize,
    /// Those that its handles refer to on other threads.
    others: Mutex<Weak<Slots<A>>>,
}

impl<A> Handle<A> {
    pub fn new(rules: Arc<Rules<A>>) -> Self {
        Self::of(Arc::new(Slot::new(rules, thread(), Weak::new())))
    }

    #[inline]
    fn of(slot: Arc<Slot<A>>) -> Self {
        Self {
            slot,
            was_cloned: AtomicBool::new(false),
            others: OnceLock::new(),
        }
    }

    #[inline]
    pub fn slot(&self) -> &Slot<A> {
        &self.slot
    }

    /// Returns the slot of another `thread`.
    #[inline]
    fn other(&self, thread: usize) -> &Arc<Slot<A>> {
        let slot = self.others.get();
        let slot = slot.and_then(|others| others.0.get(thread)?.get());
        slot.unwrap_or_else(|| self.new_other(thread))
    }

    #[cold]
    fn new_other(&self, thread: usize) -> &Arc<Slot<A>> {
        if !self.was_cloned.swap(true, Ordering::Relaxed) {
            return &self.slot;
        }
        let others = self.others.get_or_init(|| self.slot.others());
        let rules = &self.slot.rules;
        let new = || Arc::new(Slot::new(Arc::clone(rules), thread, Arc::downgrade(others)));
        let other = others.0.get(thread);
        other.map_or(&self.slot, |other| other.get_or_init(new))
    }
}

impl<A> Clone for Handle<A> {
    #[inline]
    fn clone(&self) -> Self {
        let thread = thread();
        let slot = if self.slot.thread == thread {
            &self.slot
        } else {
            self.other(thread)
        };
        Self::of(Arc::clone(slot))
    }
}

impl<A> Slot<A> {
    fn new(rules: Arc<Rules<A>>, thread: usize, others: Weak<Slots<A>>) -> Self {
        Self {
            calls: Arc::new(rules.calls.clone()),
            header: HeaderSlot::new(rules.calls.are_plain(), &rules.clock),
            rules,
            thread,
            others: Mutex::new(others),
        }
    }

    /// Returns the slots of other threads, or new ones if no handle refers to any.
    fn others(&self) -> Arc<Slots<A>> {
        let mut others = self.others.lock();
        others.upgrade().unwrap_or_else(|| {
            let new = Arc::new(Slots(array::from_fn(|_| OnceLock::new())));
            *others = Arc::downgrade(&new);
            new
        })
    }
}

/// Returns the number of the current thread, less than [`SLOTS`].
#[inline]
fn thread() -> usize {
    global! {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
    }
    thread_local! {
        static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SLOTS;
    }
    NUMBER.try_with(|number| *number).unwrap_or(0)
}

#[cfg(test)]
#[path = "../../tests/unit/handle.rs"]
mod tests;
