use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use enkash_auth_core::{Clock, Moment, SystemClock};

use crate::{StoreFuture, TokenStore};

/// A store and its time.
///
/// # Examples
///
/// See [`Told`] and [`Passing`], which will do for most stores.
pub trait Stage: Send + Sync {
    /// The store.
    fn store(&self) -> &dyn TokenStore;

    /// The clock of whoever uses it.
    fn now(&self) -> Moment;

    /// Lets time pass, for the store and on that clock.
    ///
    /// # Errors
    ///
    /// Where that cannot be done.
    fn pass(&self, span: Duration) -> StoreFuture<'_, ()>;
}

/// A store that goes by the time that it is told: for it, time passes at once.
///
/// # Examples
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use enkash_auth_tower::{MemoryStore, conformance::{Stage, Told}};
///
/// let stage = Told::new(Arc::new(MemoryStore::new()));
/// let before = stage.now();
/// # tokio_test::block_on(async {
/// stage.pass(Duration::from_secs(12)).await
/// # })?;
/// assert_eq!(stage.now(), before.plus(Duration::from_secs(12)));
/// # Ok::<(), enkash_auth_tower::BoxError>(())
/// ```
pub struct Told {
    store: Arc<dyn TokenStore>,
    passed: AtomicU64,
}

/// A store with a clock of its own: time passes as it does.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use enkash_auth_tower::{MemoryStore, conformance::{Passing, Stage}};
///
/// let stage = Passing::new(Arc::new(MemoryStore::new()));
/// assert!(stage.now().unix_nanos() > 1_767_268_800_000_000_000);
/// ```
pub struct Passing {
    store: Arc<dyn TokenStore>,
}

impl Told {
    /// `store`, at noon of the first day of 2026.
    pub fn new(store: Arc<dyn TokenStore>) -> Self {
        Self {
            store,
            passed: AtomicU64::new(0),
        }
    }
}

impl Passing {
    /// `store`, and the clock of this machine.
    pub fn new(store: Arc<dyn TokenStore>) -> Self {
        Self { store }
    }
}

impl Stage for Told {
    fn store(&self) -> &dyn TokenStore {
        &*self.store
    }

    fn now(&self) -> Moment {
        let passed = Duration::from_nanos(self.passed.load(Ordering::Relaxed));
        Moment::new(3_600_000_000_000, 1_767_268_800_000_000_000).plus(passed)
    }

    fn pass(&self, span: Duration) -> StoreFuture<'_, ()> {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        self.passed.fetch_add(nanos, Ordering::Relaxed);
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Stage for Passing {
    fn store(&self) -> &dyn TokenStore {
        &*self.store
    }

    fn now(&self) -> Moment {
        SystemClock.now()
    }

    fn pass(&self, span: Duration) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            tokio::time::sleep(span).await;
            Ok(())
        })
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Told")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Passing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passing")
            .field("store", &self.store)
            .finish()
    }
}
