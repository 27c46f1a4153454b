use std::{
    collections::HashMap,
    future::pending,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicI64, AtomicU8, AtomicU32, Ordering},
    },
    time::Duration,
};

use enkash_auth_core::{AccountKey, Clock, account::AttemptId};
use enkash_auth_tower::{BoxError, Liveness, Loaded, Store, StoreFuture};
use tokio::time::sleep;

use crate::support::TokioClock;

/// How a [`Flaky`] store behaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Mood {
    Well,
    Failing,
    Hanging,
    /// Loads, and fails to write.
    ReadOnly,
    /// Delays every operation by 300 ms.
    Slow,
    /// Writes a second later, even if the future of the write is dropped.
    Tardy,
    /// Writes, and never confirms.
    Mute,
    /// Writes, and confirms a second later.
    Late,
    /// Writes, and reports an error.
    Unsynced,
    /// Always conflicts with another write, after 300 ms.
    Crowded,
}

/// A store in memory that can be down, and whose records a test can replace.
///
/// It holds no liveness; owners are alive until [`Flaky::declare_dead`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Flaky(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    records: Mutex<HashMap<AccountKey, Vec<u8>>>,
    mood: AtomicU8,
    loads: AtomicU32,
    writes: AtomicU32,
    /// The store's own clock: this one, ahead by so many milliseconds.
    clock: Mutex<Option<TokioClock>>,
    ahead: AtomicI64,
    /// Whether owners of attempts are reported as dead.
    are_dead: AtomicU8,
}

impl Flaky {
    pub(crate) fn set(&self, mood: Mood) {
        self.0.mood.store(mood as u8, Ordering::Relaxed);
    }

    /// Gives the store a clock of its own, ahead by so many milliseconds.
    pub(crate) fn set_clock(&self, clock: TokioClock, ahead: i64) {
        *self.0.clock.lock().unwrap() = Some(clock);
        self.0.ahead.store(ahead, Ordering::Relaxed);
    }

    /// Reports the owner of each attempt as dead from now on.
    pub(crate) fn declare_dead(&self) {
        self.0.are_dead.store(1, Ordering::Relaxed);
    }

    /// Returns the number of loads.
    pub(crate) fn loads(&self) -> u32 {
        self.0.loads.load(Ordering::Relaxed)
    }

    /// Returns the number of attempted writes.
    pub(crate) fn writes(&self) -> u32 {
        self.0.writes.load(Ordering::Relaxed)
    }

    /// Returns the bytes of an account's record.
    pub(crate) fn bytes(&self, account: AccountKey) -> Option<Vec<u8>> {
        self.records().get(&account).cloned()
    }

    /// Replaces the record of an account.
    pub(crate) fn put(&self, account: AccountKey, bytes: Option<Vec<u8>>) {
        match bytes {
            Some(bytes) => self.records().insert(account, bytes),
            None => self.records().remove(&account),
        };
    }

    fn records(&self) -> MutexGuard<'_, HashMap<AccountKey, Vec<u8>>> {
        self.0.records.lock().unwrap()
    }

    fn is(&self, mood: Mood) -> bool {
        self.0.mood.load(Ordering::Relaxed) == mood as u8
    }

    async fn respond<T>(&self, writes: bool, act: impl FnOnce() -> T) -> Result<T, BoxError> {
        if self.is(Mood::Hanging) {
            return pending().await;
        }
        if self.is(Mood::Failing) || (writes && self.is(Mood::ReadOnly)) {
            return Err("the store is down".into());
        }
        if self.is(Mood::Slow) || self.is(Mood::Crowded) {
            sleep(Duration::from_millis(300)).await;
        }
        let (is_mute, is_late) = (self.is(Mood::Mute), self.is(Mood::Late));
        let is_unsynced = self.is(Mood::Unsynced);
        let done = act();
        if writes && is_mute {
            return pending().await;
        }
        if writes && is_late {
            sleep(Duration::from_secs(1)).await;
        }
        if writes && is_unsynced {
            return Err("cannot sync the directory".into());
        }
        Ok(done)
    }
}

impl Store for Flaky {
    fn load<'a>(&'a self, account: &'a AccountKey) -> StoreFuture<'a, Loaded> {
        self.0.loads.fetch_add(1, Ordering::Relaxed);
        Box::pin(self.respond(false, move || {
            let loaded = Loaded::new(self.bytes(*account));
            let clock = *self.0.clock.lock().unwrap();
            match clock {
                Some(clock) => {
                    let ahead = self.0.ahead.load(Ordering::Relaxed) * 1_000_000;
                    loaded.at(clock.unix_nanos().saturating_add_signed(ahead))
                }
                None => loaded,
            }
        }))
    }

    fn compare_and_set<'a>(
        &'a self,
        account: &'a AccountKey,
        current: Option<&'a [u8]>,
        record: &'a [u8],
    ) -> StoreFuture<'a, bool> {
        self.0.writes.fetch_add(1, Ordering::Relaxed);
        let (current, record) = (current.map(<[u8]>::to_vec), record.to_vec());
        let (store, account) = (self.clone(), *account);
        let write = move || {
            let mut records = store.records();
            let is_current = records.get(&account) == current.as_ref();
            let is_set = is_current && !store.is(Mood::Crowded);
            if is_set {
                records.insert(account, record);
            }
            is_set
        };
        if self.is(Mood::Tardy) {
            let writing = tokio::spawn(async move {
                sleep(Duration::from_secs(1)).await;
                write()
            });
            return Box::pin(async { Ok(writing.await?) });
        }
        Box::pin(self.respond(true, write))
    }

    fn hold<'a>(&'a self, _: &'a AccountKey, _: AttemptId) -> StoreFuture<'a, Option<Liveness>> {
        Box::pin(async { Ok(None) })
    }

    fn is_dead<'a>(&'a self, _: &'a AccountKey, _: AttemptId) -> StoreFuture<'a, bool> {
        let are_dead = self.0.are_dead.load(Ordering::Relaxed) == 1;
        Box::pin(async move { Ok(are_dead) })
    }
}
