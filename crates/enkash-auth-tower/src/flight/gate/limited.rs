use enkash_auth_core::{
    Grant, Moment,
    strikes::{Bid, Settlement},
};
use tokio::time::timeout;

use super::debts::Debts;
use crate::{
    BoxError,
    store::{Begin, Edition, Leave, Principal, STORE_TIMEOUT, Standing, TokenStore},
    sync::Arc,
};

/// A store for one principal, whose calls end in time.
#[derive(Clone)]
pub(super) struct Limited {
    store: Arc<dyn TokenStore>,
    principal: Principal,
}

impl Limited {
    pub(super) fn new(store: &Arc<dyn TokenStore>, principal: &Principal) -> Self {
        Self {
            store: Arc::clone(store),
            principal: principal.clone(),
        }
    }

    pub(super) async fn load(&self, now: Moment) -> Result<Standing, BoxError> {
        timeout(STORE_TIMEOUT, self.store.load(&self.principal, now)).await?
    }

    /// Leave that comes too late is given back by way of `debts`. Later than its lease, nobody waits.
    pub(super) async fn begin(
        &self,
        bid: Bid,
        known: Option<Edition>,
        now: Moment,
        debts: &Arc<Debts>,
    ) -> Result<Begin, BoxError> {
        let own = self.clone();
        let mut begin =
            Box::pin(async move { own.store.begin(&own.principal, bid, known, now).await });
        if let Ok(begun) = timeout(STORE_TIMEOUT, &mut begin).await {
            return begun;
        }
        let (Self { store, principal }, debts) = (self.clone(), Arc::clone(debts));
        tokio::spawn(async move {
            if let Ok(Ok(Begin::Granted(leave))) = timeout(bid.lease(), begin).await {
                debts.give_back(leave, &principal, &store, now).await;
            }
        });
        Err("the store did not answer in time".into())
    }

    pub(super) async fn finish(
        &self,
        leave: &Leave,
        settlement: Settlement,
        grant: Option<&Grant>,
        now: Moment,
    ) -> Result<Standing, BoxError> {
        let finish = self
            .store
            .finish(&self.principal, leave, settlement, grant, now);
        timeout(STORE_TIMEOUT, finish).await?
    }

    pub(super) async fn reset(&self, now: Moment) -> Result<(), BoxError> {
        timeout(
            STORE_TIMEOUT,
            self.store.reset(self.principal.account(), now),
        )
        .await?
    }
}
