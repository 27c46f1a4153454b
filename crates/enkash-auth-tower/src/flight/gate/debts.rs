use enkash_auth_core::{
    AccountId, Clock, Error, Grant,
    strikes::{Bid, Settlement},
};

use super::limited::Limited;
use crate::{
    BoxError,
    store::{Begin, Leave, Principal, StoredToken, TokenStore},
    sync::{Arc, Mutex},
};

/// Attempts that the store has not been told the end of, for it was down.
///
/// There are few: while there is one, no attempt is made with the store, and those without it are
/// counted by the record of the process.
#[derive(Debug, Default)]
pub(super) struct Debts(Mutex<Vec<Arc<Debt>>>);

#[derive(Debug)]
pub(super) struct Debt {
    pub(super) principal: Principal,
    /// `None` for an attempt that was made without the store.
    pub(super) leave: Option<Leave>,
    pub(super) settlement: Settlement,
    pub(super) grant: Option<Grant>,
}

impl Debts {
    pub(super) fn owe(&self, debt: Debt) {
        self.0.lock().push(Arc::new(debt));
    }

    /// Forgets what is owed of `account`.
    pub(super) fn forgive(&self, account: AccountId) {
        let forgiven: Vec<_> = {
            let mut debts = self.0.lock();
            let (forgiven, kept) = std::mem::take(&mut *debts)
                .into_iter()
                .partition(|debt| debt.principal.account() == account);
            *debts = kept;
            forgiven
        };
        // What a store gave is dropped after the lock.
        drop(forgiven);
    }

    /// What the server said when it refused the credentials of `principal`.
    pub(super) fn refusal(&self, principal: &Principal) -> Option<Error> {
        self.0.lock().iter().find_map(|debt| match debt.settlement {
            Settlement::Rejected(kind) if debt.principal.is(principal) => Some(Error::new(
                kind,
                "these credentials were refused before; nothing was sent",
            )),
            _ => None,
        })
    }

    /// Tells `store` everything, in the name of whoever makes `bid`. False where somebody else's
    /// attempt is on, and it cannot be told yet.
    pub(super) async fn pay(
        &self,
        store: &Arc<dyn TokenStore>,
        bid: Bid,
        clock: &dyn Clock,
    ) -> Result<bool, BoxError> {
        loop {
            // It stays on the list until it is paid, whatever happens to this future.
            let Some(debt) = self.0.lock().first().cloned() else {
                return Ok(true);
            };
            if !debt
                .pay(&Limited::new(store, &debt.principal), bid, clock)
                .await?
            {
                return Ok(false);
            }
            let paid = {
                let mut debts = self.0.lock();
                let place = debts.iter().position(|other| Arc::ptr_eq(other, &debt));
                place.map(|place| debts.remove(place))
            };
            drop(paid);
        }
    }
}

impl Debt {
    async fn pay(&self, store: &Limited, bid: Bid, clock: &dyn Clock) -> Result<bool, BoxError> {
        let grant = self.grant.as_ref();
        if let Some(leave) = &self.leave {
            store
                .finish(leave, self.settlement, grant, clock.now())
                .await?;
            return Ok(true);
        }
        let token = store.load(clock.now()).await?.token;
        let known = token.as_ref().map(StoredToken::edition);
        match store.begin(bid, known, clock.now()).await? {
            Begin::Granted(leave) => {
                store
                    .finish(&leave, self.settlement, grant, clock.now())
                    .await?;
                leave.settled();
                Ok(true)
            }
            // It has heard of enough.
            Begin::Denied(_) => Ok(true),
            Begin::Busy | Begin::Found(_) => Ok(false),
        }
    }
}
