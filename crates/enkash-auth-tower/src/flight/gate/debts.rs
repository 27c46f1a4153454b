use enkash_auth_core::{
    AccountId, Error, Grant, Moment,
    strikes::{Settlement, refused_before},
};

use super::limited::Limited;
use crate::{
    BoxError,
    store::{Leave, Principal, Standing, TokenStore},
    sync::{Arc, Mutex},
};

/// Attempts that the store has not been told the end of.
///
/// Each is one from the moment at which its end is known: whoever tells the store may be dropped, or
/// panic, or find that it is down. There are few: while there is one, no attempt is made with the
/// store, and those without it are counted here.
#[derive(Debug, Default)]
pub(super) struct Debts(Mutex<Vec<Arc<Debt>>>);

#[derive(Debug)]
pub(super) struct Debt {
    pub(super) principal: Principal,
    pub(super) leave: Leave,
    pub(super) settlement: Settlement,
    pub(super) grant: Option<Grant>,
}

impl Debts {
    pub(super) fn owe(&self, mut debt: Debt) -> Arc<Debt> {
        debt.leave.ended(debt.settlement);
        let debt = Arc::new(debt);
        self.0.lock().push(Arc::clone(&debt));
        debt
    }

    /// What the server said when it refused the credentials of `principal`.
    pub(super) fn refusal(&self, principal: &Principal) -> Option<Error> {
        self.0.lock().iter().find_map(|debt| match debt.settlement {
            Settlement::Rejected(kind) if debt.principal.is(principal) => {
                Some(refused_before(kind))
            }
            _ => None,
        })
    }

    /// How many attempts count, or may count, against `account` that the store knows nothing of.
    pub(super) fn strikes(&self, account: AccountId) -> usize {
        let debts = self.0.lock();
        let of_account = debts
            .iter()
            .filter(|debt| debt.principal.account() == account);
        of_account
            .filter(|debt| debt.settlement.may_count())
            .count()
    }

    /// Tells `store` everything.
    pub(super) async fn pay(
        &self,
        store: &Arc<dyn TokenStore>,
        now: Moment,
    ) -> Result<(), BoxError> {
        loop {
            let debt = self.0.lock().first().cloned();
            match debt {
                Some(debt) => self.settle(debt, store, now).await?,
                None => return Ok(()),
            };
        }
    }

    /// Tells `store` that nothing was sent with `leave`: if not now, then before the next attempt.
    pub(super) async fn give_back(
        &self,
        leave: Leave,
        principal: &Principal,
        store: &Arc<dyn TokenStore>,
        now: Moment,
    ) {
        let debt = self.owe(Debt {
            principal: principal.clone(),
            leave,
            settlement: Settlement::Harmless,
            grant: None,
        });
        let _ = self.settle(debt, store, now).await;
    }

    /// Tells `store` of `debt`, which stays on the list until that is done, whatever happens to this
    /// future.
    pub(super) async fn settle(
        &self,
        debt: Arc<Debt>,
        store: &Arc<dyn TokenStore>,
        now: Moment,
    ) -> Result<Standing, BoxError> {
        let standing = Limited::new(store, &debt.principal)
            .finish(&debt.leave, debt.settlement, debt.grant.as_ref(), now)
            .await?;
        let listed = {
            let mut debts = self.0.lock();
            let place = debts.iter().position(|other| Arc::ptr_eq(other, &debt));
            place.map(|place| debts.remove(place))
        };
        // What a store gave is dropped after the lock; by the last one, should two have told it.
        drop(listed);
        if let Some(debt) = Arc::into_inner(debt) {
            debt.leave.settled();
        }
        Ok(standing)
    }
}
