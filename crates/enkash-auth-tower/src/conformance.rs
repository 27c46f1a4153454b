//! Tests what every [`Store`] must do, for stores of your own.
//!
//! A store is a register for each account. The suite tests that compare-and-set is linearizable, that
//! accounts do not mix, that bytes are returned unchanged, that a call dropped at any await leaves the old
//! record or the new one, and that an attempt is dead once its guard is dropped, not before.
//! It takes about a second. It does not test [`Loaded::at`](crate::Loaded::at), the
//! [timeout](Store::timeout), nor two instances over one server. Nor can it make a store fail: an error may come
//! before or after its write, which the permit protocol allows for.
//! Do not pause tokio's clock around a store over a network: time would pass while it waits for the server.
//!
//! # Examples
//!
//! ```
//! use enkash_auth_tower::{MemoryStore, conformance};
//!
//! # tokio_test::block_on(async {
//! conformance::check(MemoryStore::new()).await?;
//! # Ok::<(), enkash_auth_tower::BoxError>(())
//! # })?;
//! # Ok::<(), enkash_auth_tower::BoxError>(())
//! ```

use std::{future::poll_fn, task::Poll, time::Duration};

use enkash_auth_core::{AccountKey, BaseUrl, Credentials, account::AttemptId};
use tokio::{
    task::{JoinSet, yield_now},
    time::{sleep, timeout},
};

use crate::{BoxError, Store, sync::Arc};

/// Sets how many tasks write one record concurrently, and how many times each.
const WRITERS: (u64, u64) = (8, 20);

/// Limits the suite, in which a call hangs if it takes longer.
const LONGEST: Duration = Duration::from_secs(60);

/// Limits how often a write is polled before it is dropped.
const POLLS: usize = 12;

/// Checks every rule, and stops at the first that is broken.
///
/// The accounts are random, and their records stay in the store.
///
/// # Errors
///
/// If the store breaks a rule, or fails.
pub async fn check(store: impl Store) -> Result<(), BoxError> {
    let store: Arc<dyn Store> = Arc::new(store);
    let rules = async {
        compares(&*store).await?;
        is_linearizable(&store).await?;
        survives_cancellation(&*store).await?;
        tracks_liveness(&*store).await
    };
    let checked = timeout(LONGEST, rules).await;
    checked.map_err(|_| "rule broken: each call ends, also after one that was dropped")?
}

async fn compares(store: &dyn Store) -> Result<(), BoxError> {
    let (account, other) = (account()?, account()?);
    let load =
        || async { Ok::<_, BoxError>(store.load(&account).await?.record().map(<[u8]>::to_vec)) };
    let set = |current, record| store.compare_and_set(&account, current, record);
    let long: Vec<u8> = (0..48 * 1024_u32).map(|at| at.to_le_bytes()[0]).collect();

    require(
        load().await?.is_none(),
        "an account without a record has none",
    )?;
    require(
        !set(Some(b"a"), b"b").await?,
        "an absent record is not replaced",
    )?;
    require(set(None, b"a").await?, "a first record is set")?;
    require(
        load().await?.as_deref() == Some(b"a"),
        "a record that was set is loaded",
    )?;
    require(!set(None, b"b").await?, "an existing record is not absent")?;
    require(
        !set(Some(b"b"), b"c").await?,
        "another record is not replaced",
    )?;
    require(
        !set(Some(b""), b"c").await?,
        "an empty record is another one",
    )?;
    require(
        load().await?.as_deref() == Some(b"a"),
        "a failed write changes nothing",
    )?;
    require(
        set(Some(b"a"), &long).await?,
        "the current record is replaced",
    )?;
    require(load().await? == Some(long), "48 KiB of any bytes come back")?;
    require(
        store.load(&other).await?.record().is_none(),
        "accounts do not mix",
    )
}

async fn is_linearizable(store: &Arc<dyn Store>) -> Result<(), BoxError> {
    let account = account()?;
    let (writers, writes) = WRITERS;
    let mut tasks = JoinSet::new();
    for _ in 0..writers {
        let store = Arc::clone(store);
        tasks.spawn(async move {
            for _ in 0..writes {
                while !increment(&*store, &account).await? {
                    sleep(Duration::from_millis(fastrand::u64(0..5))).await;
                }
            }
            Ok::<_, BoxError>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    let count = count(store.load(&account).await?.record().unwrap_or_default())?;
    require(
        count == writers * writes,
        "no write is lost, and none is made twice",
    )
}

async fn increment(store: &dyn Store, account: &AccountKey) -> Result<bool, BoxError> {
    let loaded = store.load(account).await?;
    let next = count(loaded.record().unwrap_or_default())? + 1;
    let next = format!("{next} {:032x}", fastrand::u128(..));
    store
        .compare_and_set(account, loaded.record(), next.as_bytes())
        .await
}

/// Returns the number at the start of a record.
fn count(record: &[u8]) -> Result<u64, BoxError> {
    let text = std::str::from_utf8(record)?;
    match text.split(' ').next() {
        None | Some("") => Ok(0),
        Some(number) => Ok(number.parse()?),
    }
}

async fn survives_cancellation(store: &dyn Store) -> Result<(), BoxError> {
    let account = account()?;
    for polls in 0..POLLS {
        let current = store.load(&account).await?.record().map(<[u8]>::to_vec);
        let next = format!("{polls} {:032x}", fastrand::u128(..)).into_bytes();
        let mut write = store.compare_and_set(&account, current.as_deref(), &next);
        for _ in 0..polls {
            let is_done = poll_fn(|cx| Poll::Ready(write.as_mut().poll(cx).is_ready())).await;
            if is_done {
                break;
            }
            yield_now().await;
        }
        drop(write);
        let found = store.load(&account).await?.record().map(<[u8]>::to_vec);
        let is_whole = found == current || found.as_deref() == Some(&next);
        require(
            is_whole,
            "a dropped write leaves the old record or the new one",
        )?;
        let mut tries = 0..200;
        while !increment(store, &account).await? {
            require(
                tries.next().is_some(),
                "a dropped write does not block the next",
            )?;
            sleep(Duration::from_millis(5)).await;
        }
    }
    Ok(())
}

async fn tracks_liveness(store: &dyn Store) -> Result<(), BoxError> {
    let account = account()?;
    let [attempt, other] = [(); 2].map(|()| AttemptId::new(fastrand::u128(..).to_le_bytes()));
    let Some(alive) = store.hold(&account, attempt).await? else {
        let is_dead = store.is_dead(&account, attempt).await?;
        return require(!is_dead, "an attempt without a guard is not dead");
    };
    require(
        !store.is_dead(&account, attempt).await?,
        "an attempt is not dead while its guard is held",
    )?;
    require(
        !store.is_dead(&account, other).await?,
        "another attempt is not dead",
    )?;
    drop(alive);
    require(
        store.is_dead(&account, attempt).await?,
        "an attempt is dead once its guard is dropped",
    )?;
    // As a cache whose write comes second: it drops its guard, and the other attempt goes on.
    let _alive = store.hold(&account, attempt).await?;
    drop(store.hold(&account, other).await?);
    require(
        !store.is_dead(&account, attempt).await?,
        "an attempt is not dead because another has ended",
    )
}

fn account() -> Result<AccountKey, BoxError> {
    let base: BaseUrl = "https://conformance.invalid".parse()?;
    let key = format!("{:032x}", fastrand::u128(..));
    Ok(Credentials::merchant(key, "secret").account(&base))
}

fn require(holds: bool, rule: &'static str) -> Result<(), BoxError> {
    holds
        .then_some(())
        .ok_or_else(|| format!("rule broken: {rule}").into())
}
