use std::{fmt, future::ready, pin::Pin, sync::Arc, time::Duration};

use enkash_auth_core::{AccountKey, account::AttemptId};

use crate::{BoxError, Error, ErrorKind};

/// Limits a call of a store, from when it is sent: 500 ms. After that, the store counts as down.
pub const STORE_TIMEOUT: Duration = Duration::from_millis(500);

/// Limits the timeout of a call that a program sets: a fetch with its five calls has to end.
pub const LONGEST_STORE_TIMEOUT: Duration = Duration::from_secs(5);

/// Returns `limit`, unless it is zero or too long.
pub fn checked_timeout(limit: Duration) -> Result<Duration, Error> {
    if limit.is_zero() || limit > LONGEST_STORE_TIMEOUT {
        let detail = "the timeout of a call of the store must be more than 0 and at most 5 s";
        return Err(Error::new(ErrorKind::InvalidSetting, detail));
    }
    Ok(limit)
}

/// Resolves to the result of a call of a store.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send + 'a>>;

/// Shows, while it exists, that the process that makes an attempt is alive.
pub type Liveness = Box<dyn Send + Sync>;

/// Keeps the record of each account: a register with compare-and-set, and no rule of its own.
///
/// The caller decides what the bytes mean and what may be written. A write is the whole record, and carries
/// an id of its own, so equal bytes are the same write: the bytes are their own version.
/// [`conformance`](crate::conformance) tests what a store has to do.
///
/// A call is dropped when it takes longer than [`timeout`](Self::timeout); the store may carry it out all the
/// same.
///
/// # Examples
///
/// A store over SQLite:
///
/// ```
/// use std::sync::Mutex;
/// use enkash_auth_tower::{AccountKey, BoxError, Loaded, Store, StoreFuture};
/// use rusqlite::{Connection, OptionalExtension};
///
/// #[derive(Debug)]
/// struct SqliteStore(Mutex<Connection>);
///
/// impl SqliteStore {
///     fn new(connection: Connection) -> Result<Self, BoxError> {
///         connection.execute(
///             "CREATE TABLE IF NOT EXISTS enkash_auth (account TEXT PRIMARY KEY, record BLOB NOT NULL)",
///             (),
///         )?;
///         Ok(Self(Mutex::new(connection)))
///     }
///
///     fn with<T>(&self, f: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, BoxError> {
///         let connection = self.0.lock().map_err(|_| "a call of the store panicked")?;
///         Ok(f(&connection)?)
///     }
/// }
///
/// impl Store for SqliteStore {
///     fn load<'a>(&'a self, account: &'a AccountKey) -> StoreFuture<'a, Loaded> {
///         Box::pin(async move {
///             let sql = "SELECT record FROM enkash_auth WHERE account = ?1";
///             let key = format!("{account:x}");
///             let record = self.with(|db| db.query_row(sql, [key], |row| row.get(0)).optional())?;
///             Ok(Loaded::new(record))
///         })
///     }
///
///     fn compare_and_set<'a>(
///         &'a self,
///         account: &'a AccountKey,
///         current: Option<&'a [u8]>,
///         record: &'a [u8],
///     ) -> StoreFuture<'a, bool> {
///         Box::pin(async move {
///             let key = format!("{account:x}");
///             let rows = self.with(|db| match current {
///                 None => db.execute(
///                     "INSERT INTO enkash_auth VALUES (?1, ?2) ON CONFLICT DO NOTHING",
///                     (key, record),
///                 ),
///                 Some(current) => db.execute(
///                     "UPDATE enkash_auth SET record = ?2 WHERE account = ?1 AND record = ?3",
///                     (key, record, current),
///                 ),
///             })?;
///             Ok(rows == 1)
///         })
///     }
/// }
///
/// # tokio_test::block_on(async {
/// let store = SqliteStore::new(Connection::open_in_memory()?)?;
/// # #[cfg(feature = "conformance")]
/// enkash_auth_tower::conformance::check(store).await?;
/// # Ok::<(), BoxError>(())
/// # })?;
/// # Ok::<(), BoxError>(())
/// ```
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Returns how long a cache waits for a call. Default: [`STORE_TIMEOUT`].
    ///
    /// `None` if the store itself ends each call: one that bounds its calls in flight and queues the others counts
    /// its own timeout from when a call is sent, for the wait behind other calls is no fault of the server. Before an
    /// attempt, a call ends with the fetch, too.
    fn timeout(&self) -> Option<Duration> {
        Some(STORE_TIMEOUT)
    }

    /// Loads the record of `account`.
    ///
    /// # Errors
    ///
    /// If the store cannot be reached or read.
    fn load<'a>(&'a self, account: &'a AccountKey) -> StoreFuture<'a, Loaded>;

    /// Replaces the record of `account` with `record` if it still is `current`, where `None` is no record.
    /// Returns whether it was replaced; after an error it may or may not have been.
    ///
    /// Every load that begins after it has returned `true`, in whichever process, returns `record`, or what replaced
    /// that: no read replica is asked, and what is acknowledged is as durable as the store is meant to be. A write
    /// that came second, in a database also one that could not be serialized, is `false`.
    ///
    /// # Errors
    ///
    /// If the store cannot be reached or written.
    fn compare_and_set<'a>(
        &'a self,
        account: &'a AccountKey,
        current: Option<&'a [u8]>,
        record: &'a [u8],
    ) -> StoreFuture<'a, bool>;

    /// Shows that this process is alive until the guard is dropped or the process ends, however it ends. It
    /// is called before `attempt` is written. `None` if the store cannot do that: then other processes wait
    /// for the lease of an attempt whose process was killed.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load). The attempt is made without a guard.
    fn hold<'a>(
        &'a self,
        account: &'a AccountKey,
        attempt: AttemptId,
    ) -> StoreFuture<'a, Option<Liveness>> {
        let _ = (account, attempt);
        Box::pin(ready(Ok(None)))
    }

    /// Returns whether the process that made `attempt` has certainly ended. `false` in doubt.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    fn is_dead<'a>(&'a self, account: &'a AccountKey, attempt: AttemptId) -> StoreFuture<'a, bool> {
        let _ = (account, attempt);
        Box::pin(ready(Ok(false)))
    }
}

/// Holds what a store returns for an account: its record, and the reading of the store's own clock.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    record: Option<Vec<u8>>,
    clock: Option<u64>,
}

impl Loaded {
    /// Creates a value from the record, or `None` if there is none.
    pub fn new(record: Option<Vec<u8>>) -> Self {
        Self {
            record,
            clock: None,
        }
    }

    /// Adds what the store's own clock showed at the load, in nanoseconds since the Unix epoch. Without it,
    /// the clock of the calling process is used. If it jumps, leases end by each caller's monotonic clock.
    #[must_use]
    pub fn at(mut self, unix_nanos: u64) -> Self {
        self.clock = Some(unix_nanos);
        self
    }

    /// Returns the record.
    pub fn record(&self) -> Option<&[u8]> {
        self.record.as_deref()
    }

    /// Returns the reading of the store's own clock, in nanoseconds since the Unix epoch.
    pub fn clock(&self) -> Option<u64> {
        self.clock
    }
}

impl<T: Store + ?Sized> Store for Arc<T> {
    fn timeout(&self) -> Option<Duration> {
        (**self).timeout()
    }

    fn load<'a>(&'a self, account: &'a AccountKey) -> StoreFuture<'a, Loaded> {
        (**self).load(account)
    }

    fn compare_and_set<'a>(
        &'a self,
        account: &'a AccountKey,
        current: Option<&'a [u8]>,
        record: &'a [u8],
    ) -> StoreFuture<'a, bool> {
        (**self).compare_and_set(account, current, record)
    }

    fn hold<'a>(
        &'a self,
        account: &'a AccountKey,
        attempt: AttemptId,
    ) -> StoreFuture<'a, Option<Liveness>> {
        (**self).hold(account, attempt)
    }

    fn is_dead<'a>(&'a self, account: &'a AccountKey, attempt: AttemptId) -> StoreFuture<'a, bool> {
        (**self).is_dead(account, attempt)
    }
}

/// Decides what a cache that needs a token does while its store is down.
///
/// In each case, credentials that this process has seen rejected are not sent, and its attempts reach the
/// store once that is available. A store whose record has a newer format counts as down, and is treated as with
/// [`Hold`](Self::Hold).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum OnStoreDown {
    /// Lets a process whose credentials are known good make one attempt that may count; then it waits.
    ///
    /// If the password has changed, each replica of a fleet makes one such attempt: three lock the account.
    #[default]
    KnownGood,
    /// Sends nothing: the fetch fails with
    /// [`StoreUnavailable`](crate::ErrorKind::StoreUnavailable).
    Hold,
    /// Relies on what this process alone has recorded, for as long as it lives: a budget for each process.
    Attempt,
}
