//! Runs the conformance suite on the stores of this crate, and on flawed stores that must fail it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use enkash_auth_core::{AccountKey, account::AttemptId};
use enkash_auth_tower::{Liveness, Loaded, MemoryStore, Store, StoreFuture, conformance::check};
use tokio::task::yield_now;

#[tokio::test(start_paused = true)]
async fn memory_store_conforms() {
    check(MemoryStore::new()).await.unwrap();
    let shared: Arc<dyn Store> = Arc::new(MemoryStore::new());
    check(shared).await.unwrap();
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn file_store_conforms() {
    let directory = tempfile::tempdir().unwrap();
    let store = enkash_auth_tower::FileStore::open(directory.path()).unwrap();
    check(store).await.unwrap();
}

/// Runs on several threads, as a service does.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn file_store_conforms_on_threads() {
    let directory = tempfile::tempdir().unwrap();
    let store = enkash_auth_tower::FileStore::open(directory.path()).unwrap();
    // Not the usual 500 ms, on a busy disk.
    let limit = std::time::Duration::from_secs(5);
    let store = store.call_timeout(limit).unwrap();
    check(store).await.unwrap();
}

/// A flaw of a store.
#[derive(Clone, Copy, Debug)]
enum Flaw {
    /// Confirms every tenth write and drops it.
    LosesUpdates,
    /// Compares first and sets later.
    IsNotAtomic,
    /// Sets the record whatever the current one is.
    IgnoresCurrent,
    /// Accepts `None` as the current record when there is one.
    TakesNoneForAny,
    /// Accepts any current record when there is none.
    TakesAnyForNone,
    /// Keeps one record for all accounts.
    MixesAccounts,
    /// Keeps only 4 KiB of a record.
    Truncates,
    /// Replaces bytes that are not UTF-8.
    KeepsText,
    /// Keeps half of a record when a write is dropped.
    Tears,
    /// Stays locked when a write is dropped.
    StaysLocked,
    /// Reports every owner as dead.
    IsAlwaysDead,
    /// Holds liveness, and reports every owner as dead.
    IsDeadWhileItLives,
    /// Never reports an owner with liveness as dead.
    IsNeverDead,
    /// Reports all owners but the last as dead.
    TakesOthersForDead,
    /// Has one guard for all attempts of an account.
    SharesGuard,
}

#[derive(Debug)]
struct Flawed {
    flaw: Flaw,
    records: Mutex<HashMap<String, Vec<u8>>>,
    writes: AtomicU64,
    lock: tokio::sync::Semaphore,
    owner: Arc<Mutex<Option<(AttemptId, bool)>>>,
}

impl Flawed {
    fn new(flaw: Flaw) -> Self {
        Self {
            flaw,
            records: Mutex::default(),
            writes: AtomicU64::new(0),
            lock: tokio::sync::Semaphore::new(1),
            owner: Arc::default(),
        }
    }

    fn key(&self, account: AccountKey) -> String {
        match self.flaw {
            Flaw::MixesAccounts => String::new(),
            _ => format!("{account:x}"),
        }
    }

    fn get(&self, account: AccountKey) -> Option<Vec<u8>> {
        let key = self.key(account);
        self.records.lock().unwrap().get(&key).cloned()
    }

    fn set(&self, account: AccountKey, record: &[u8]) {
        let kept = match self.flaw {
            Flaw::Truncates => record.iter().copied().take(4 * 1024).collect(),
            Flaw::KeepsText => String::from_utf8_lossy(record).into_owned().into_bytes(),
            _ => record.to_vec(),
        };
        let key = self.key(account);
        self.records.lock().unwrap().insert(key, kept);
    }
}

impl Store for Flawed {
    fn load<'a>(&'a self, account: &'a AccountKey) -> StoreFuture<'a, Loaded> {
        Box::pin(async { Ok(Loaded::new(self.get(*account))) })
    }

    fn compare_and_set<'a>(
        &'a self,
        account: &'a AccountKey,
        current: Option<&'a [u8]>,
        record: &'a [u8],
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let permit = self.lock.acquire().await?;
            let found = self.get(*account);
            let is_current = match self.flaw {
                Flaw::IgnoresCurrent => true,
                Flaw::TakesNoneForAny if current.is_none() => true,
                Flaw::TakesAnyForNone if found.is_none() => true,
                _ => found.as_deref() == current,
            };
            if !is_current {
                return Ok(false);
            }
            match self.flaw {
                Flaw::LosesUpdates if self.writes.fetch_add(1, Ordering::Relaxed) % 10 == 9 => {
                    return Ok(true);
                }
                Flaw::IsNotAtomic => {
                    drop(permit);
                    yield_now().await;
                    self.set(*account, record);
                    return Ok(true);
                }
                Flaw::Tears => {
                    let half = record.iter().copied().take(record.len() / 2);
                    self.set(*account, &half.collect::<Vec<_>>());
                    yield_now().await;
                }
                Flaw::StaysLocked => {
                    permit.forget();
                    yield_now().await;
                    self.lock.add_permits(1);
                    self.set(*account, record);
                    return Ok(true);
                }
                _ => {}
            }
            self.set(*account, record);
            Ok(true)
        })
    }

    fn hold<'a>(
        &'a self,
        _: &'a AccountKey,
        attempt: AttemptId,
    ) -> StoreFuture<'a, Option<Liveness>> {
        let shows_life = matches!(
            self.flaw,
            Flaw::IsDeadWhileItLives
                | Flaw::IsNeverDead
                | Flaw::TakesOthersForDead
                | Flaw::SharesGuard
        );
        let of = match (self.flaw, *self.owner.lock().unwrap()) {
            (Flaw::SharesGuard, Some((first, _))) => first,
            _ => attempt,
        };
        *self.owner.lock().unwrap() = Some((of, true));
        let alive = Alive(Arc::clone(&self.owner));
        Box::pin(async move { Ok(shows_life.then(|| Box::new(alive) as Liveness)) })
    }

    fn is_dead<'a>(&'a self, _: &'a AccountKey, attempt: AttemptId) -> StoreFuture<'a, bool> {
        let owner = *self.owner.lock().unwrap();
        let is_owner = owner.is_some_and(|(of, _)| of == attempt);
        let lives = owner.is_some_and(|(_, lives)| lives);
        let is_dead = match self.flaw {
            Flaw::IsAlwaysDead | Flaw::IsDeadWhileItLives => true,
            Flaw::IsNeverDead => false,
            Flaw::TakesOthersForDead => !is_owner || !lives,
            Flaw::SharesGuard => is_owner && !lives,
            _ => false,
        };
        Box::pin(async move { Ok(is_dead) })
    }
}

struct Alive(Arc<Mutex<Option<(AttemptId, bool)>>>);

impl Drop for Alive {
    fn drop(&mut self) {
        if let Some((_, lives)) = &mut *self.0.lock().unwrap() {
            *lives = false;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn flawed_store_fails_conformance() {
    for (flaw, rule) in [
        (Flaw::LosesUpdates, "no write is lost"),
        (Flaw::IsNotAtomic, "no write is lost"),
        (Flaw::IgnoresCurrent, "an absent record is not replaced"),
        (Flaw::TakesNoneForAny, "an existing record is not absent"),
        (Flaw::TakesAnyForNone, "an absent record is not replaced"),
        (Flaw::MixesAccounts, "accounts do not mix"),
        (Flaw::Truncates, "48 KiB of any bytes come back"),
        (Flaw::KeepsText, "48 KiB of any bytes come back"),
        (Flaw::Tears, "the old record or the new one"),
        (Flaw::StaysLocked, "each call ends"),
        (Flaw::IsAlwaysDead, "an attempt without a guard is not dead"),
        (
            Flaw::IsDeadWhileItLives,
            "an attempt is not dead while its guard is held",
        ),
        (
            Flaw::IsNeverDead,
            "an attempt is dead once its guard is dropped",
        ),
        (Flaw::TakesOthersForDead, "another attempt is not dead"),
        (
            Flaw::SharesGuard,
            "an attempt is not dead because another has ended",
        ),
    ] {
        let violation = check(Flawed::new(flaw)).await.unwrap_err().to_string();
        assert!(violation.contains(rule), "{flaw:?}: {violation}");
    }
}
