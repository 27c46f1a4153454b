//! A store that all processes share, and that fails.

use std::{
    fmt,
    future::pending,
    ops::ControlFlow::{self, Break, Continue},
};

use enkash_auth_core::AccountKey;
use enkash_auth_tower::{BoxError, Loaded, Store, StoreFuture};

use super::world::World;

pub(super) struct SharedStore(pub(super) World);

impl SharedStore {
    /// A message on its way: it takes a moment, is lost, or fails.
    async fn travel(&self) -> ControlFlow<BoxError> {
        let is_lost = self.0.with(|state| state.chance(state.plan.store_loss));
        if is_lost && self.0.with(|state| state.rng.bool()) {
            return pending().await;
        }
        self.0.wait(30).await;
        match is_lost {
            true => Break("the store failed".into()),
            false => Continue(()),
        }
    }
}

impl Store for SharedStore {
    fn load<'a>(&'a self, account: &'a AccountKey) -> StoreFuture<'a, Loaded> {
        Box::pin(async move {
            if let Break(error) = self.travel().await {
                return Err(error);
            }
            Ok(Loaded::new(
                self.0.with(|state| state.records.get(account).cloned()),
            ))
        })
    }

    fn compare_and_set<'a>(
        &'a self,
        account: &'a AccountKey,
        current: Option<&'a [u8]>,
        record: &'a [u8],
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            if let Break(error) = self.travel().await {
                return Err(error);
            }
            let is_written = self.0.with(|state| {
                let is_current = state.records.get(account).map(Vec::as_slice) == current;
                if is_current {
                    state.records.insert(*account, record.to_vec());
                }
                is_current
            });
            match self.travel().await {
                Break(error) => Err(error),
                Continue(()) => Ok(is_written),
            }
        })
    }
}

impl fmt::Debug for SharedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedStore")
    }
}
