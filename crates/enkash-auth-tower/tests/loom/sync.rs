//! Loom's primitives, and stand-ins for those it lacks. Reference counts are std's: no ordering of ours
//! depends on them, and loom does not switch threads at them.

use std::{ops::Deref, sync::PoisonError};

use loom::{
    model::Builder,
    sync::MutexGuard,
    thread::{self, JoinHandle},
};

pub use loom::sync::atomic::AtomicUsize;
pub use std::sync::{Arc, Weak, atomic::Ordering};

#[derive(Debug, Default)]
pub struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok()
    }
}

/// Loom lets an exchange succeed on a value that a plain store has replaced, which memory does not. A
/// store made by an exchange has one place in the modification order, as in memory.
macro_rules! atomic {
    ($name:ident, $value:ty) => {
        #[derive(Debug, Default)]
        pub struct $name(loom::sync::atomic::$name);

        impl $name {
            pub fn new(value: $value) -> Self {
                Self(loom::sync::atomic::$name::new(value))
            }

            pub fn store(&self, value: $value, order: Ordering) {
                self.0.swap(value, order);
            }
        }

        impl Deref for $name {
            type Target = loom::sync::atomic::$name;

            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }
    };
}

atomic!(AtomicBool, bool);
atomic!(AtomicU64, u64);

/// An atomic pointer with no more than the orderings that arc-swap promises: a load may be stale. It is an
/// index, and old values are kept.
#[derive(Debug)]
pub struct Slot<T> {
    at: AtomicUsize,
    held: std::sync::Mutex<Vec<Option<Arc<T>>>>,
}

pub struct Loaded<T>(Option<Arc<T>>);

impl<T> Slot<T> {
    pub fn empty() -> Self {
        Self {
            at: AtomicUsize::new(0),
            held: std::sync::Mutex::new(vec![None]),
        }
    }

    pub fn load(&self) -> Loaded<T> {
        Loaded(self.held(self.at.load(Ordering::Acquire)))
    }

    pub fn swap(&self, new: Option<Arc<T>>) -> Option<Arc<T>> {
        let at = {
            let mut held = self.held.lock().unwrap();
            held.push(new);
            held.len() - 1
        };
        self.held(self.at.swap(at, Ordering::AcqRel))
    }

    fn held(&self, at: usize) -> Option<Arc<T>> {
        self.held.lock().unwrap()[at].clone()
    }
}

impl<T> Deref for Loaded<T> {
    type Target = Option<Arc<T>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// Defines a static that is created anew in every execution.
macro_rules! global {
    (static $name:ident: $type:ty = $init:expr;) => {
        loom::lazy_static! {
            static ref $name: $type = $init;
        }
    };
}

pub(crate) use global;

/// In words. Loom's default stacks are too small for a whole cache.
const STACK: usize = 1 << 15;

/// Runs `f` in every order with at most `preemptions` preemptions.
pub fn model(preemptions: usize, f: impl Fn() + Clone + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.max_branches = 10_000;
    builder.preemption_bound = Some(preemptions);
    builder.check(move || spawn(f.clone()).join().unwrap());
}

pub fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let thread = thread::Builder::new().stack_size(STACK);
    thread.spawn(f).unwrap()
}
