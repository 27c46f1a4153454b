use std::sync::{MutexGuard, PoisonError, TryLockError};

pub use std::sync::{
    Arc, Weak,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

/// Holds a value that is read without a lock, and replaced as a whole.
pub type Slot<T> = arc_swap::ArcSwapOption<T>;

/// Borrows the value of a slot.
pub type Loaded<T> = arc_swap::Guard<Option<Arc<T>>>;

/// Locks without poisoning: nothing under our locks can panic half-way.
#[derive(Debug, Default)]
pub struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub const fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks, unless it is locked.
    #[inline]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// Declares a static that synchronises.
macro_rules! global {
    (static $name:ident: $type:ty = $init:expr;) => {
        static $name: $type = $init;
    };
}

pub(crate) use global;
