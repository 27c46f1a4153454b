//! The suite that every store passes, on those of this crate, and on one that does not pass it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};

use enkash_auth_core::{
    AccountId, Grant, Moment,
    strikes::{Bid, Settlement},
};
use enkash_auth_tower::{
    Begin, Edition, Leave, MemoryStore, Principal, Standing, StoreFuture, TokenStore,
    conformance::{Told, check},
};
use tokio::task::yield_now;

#[tokio::test(start_paused = true)]
async fn memory_conforms() {
    check(&Told::new(Arc::new(MemoryStore::new())))
        .await
        .unwrap();
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_directory_conforms() {
    let directory = tempfile::tempdir().unwrap();
    let store = enkash_auth_tower::FileStore::open(directory.path()).unwrap();
    check(&Told::new(Arc::new(store))).await.unwrap();
}

/// Remembers nothing from one call to the next.
#[derive(Debug)]
struct Forgetful;

impl TokenStore for Forgetful {
    fn load<'a>(&'a self, _: &'a Principal, _: Moment) -> StoreFuture<'a, Standing> {
        Box::pin(async { Ok(Standing::default()) })
    }

    fn begin<'a>(
        &'a self,
        principal: &'a Principal,
        bid: Bid,
        known: Option<Edition>,
        now: Moment,
    ) -> StoreFuture<'a, Begin> {
        Box::pin(async move { MemoryStore::new().begin(principal, bid, known, now).await })
    }

    fn finish<'a>(
        &'a self,
        _: &'a Principal,
        _: &'a Leave,
        _: Settlement,
        _: Option<&'a Grant>,
        _: Moment,
    ) -> StoreFuture<'a, Standing> {
        Box::pin(async { Ok(Standing::default()) })
    }

    fn reset(&self, _: AccountId, _: Moment) -> StoreFuture<'_, ()> {
        Box::pin(async { Err("cannot be reset".into()) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_remembers_nothing_does_not_conform() {
    let violation = check(&Told::new(Arc::new(Forgetful))).await.unwrap_err();
    assert_eq!(
        violation.rule(),
        "while an attempt is on, no other gets leave"
    );
    assert_eq!(violation.to_string(), violation.rule());
}

/// Takes down what ended without a token before it keeps it, and keeps nothing that it has taken down.
#[derive(Debug, Default)]
struct Careless {
    store: MemoryStore,
    told: Mutex<Vec<(AccountId, Edition)>>,
}

impl TokenStore for Careless {
    fn load<'a>(&'a self, principal: &'a Principal, now: Moment) -> StoreFuture<'a, Standing> {
        self.store.load(principal, now)
    }

    fn begin<'a>(
        &'a self,
        principal: &'a Principal,
        bid: Bid,
        known: Option<Edition>,
        now: Moment,
    ) -> StoreFuture<'a, Begin> {
        self.store.begin(principal, bid, known, now)
    }

    fn finish<'a>(
        &'a self,
        principal: &'a Principal,
        leave: &'a Leave,
        settlement: Settlement,
        grant: Option<&'a Grant>,
        now: Moment,
    ) -> StoreFuture<'a, Standing> {
        Box::pin(async move {
            let told = (principal.account(), leave.edition());
            if grant.is_none() {
                if self.told.lock().unwrap().contains(&told) {
                    return self.store.load(principal, now).await;
                }
                self.told.lock().unwrap().push(told);
            }
            yield_now().await;
            self.store
                .finish(principal, leave, settlement, grant, now)
                .await
        })
    }

    fn reset(&self, account: AccountId, now: Moment) -> StoreFuture<'_, ()> {
        self.store.reset(account, now)
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_loses_what_a_dropped_call_told_does_not_conform() {
    let violation = check(&Told::new(Arc::new(Careless::default()))).await;
    assert_eq!(
        violation.unwrap_err().rule(),
        "a refusal counts once, though nobody heard of the first time that it was told"
    );
}
