use enkash_auth_core::{Grant, strikes::Settlement};

use super::{Applicant, Gate, Permit, debts::Debt};
use crate::{
    meter,
    store::{Edition, Leave, Standing, StoredToken, Tally},
};

impl Gate {
    /// Tells how an attempt went. Returns the token that came after the one it brought, if any did.
    pub(in crate::flight) async fn settle(
        &self,
        who: &Applicant<'_>,
        permit: Permit,
        settlement: Settlement,
        grant: Option<&Grant>,
        known: &mut Option<Edition>,
    ) -> Option<StoredToken> {
        let Permit {
            leave,
            is_proven,
            is_fallback,
        } = permit;
        let settlement = match settlement {
            // Credentials that are good are not to blame.
            Settlement::Interrupted if is_proven => Settlement::Harmless,
            other => other,
        };
        let edition = (!is_fallback).then(|| leave.edition());
        self.learn(who, settlement);
        if settlement == Settlement::Granted {
            *known = edition.or(*known);
        }
        let now = who.clock.now();
        if is_fallback || settlement.may_count() {
            // The record of this process keeps no token, and never fails.
            let told = self
                .fallback
                .finish(who.principal, &leave, settlement, None, now);
            let _ = told.await;
        }
        let debt = |leave, grant| Debt {
            principal: who.principal.clone(),
            leave,
            settlement,
            grant,
        };
        if is_fallback {
            if settlement.may_count() {
                let own = Leave::new(leave.attempt(), leave.edition());
                self.debts.owe(debt(own, None));
            }
            leave.settled();
            return None;
        }
        let debt = self.debts.owe(debt(leave, grant.cloned()));
        match self.debts.settle(debt, &self.store, now).await {
            Ok(standing) => self.told(who, settlement, standing, known).await,
            Err(error) => {
                meter::store_failed(who.principal.account());
                tracing::warn!(
                    error = &*error,
                    "token store unavailable: it learns later how the attempt went"
                );
                None
            }
        }
    }

    async fn told(
        &self,
        who: &Applicant<'_>,
        settlement: Settlement,
        standing: Standing,
        known: &mut Option<Edition>,
    ) -> Option<StoredToken> {
        self.update(who.principal, |notes| notes.strikes = standing.strikes);
        if settlement == Settlement::Granted && standing.strikes == Tally::default() {
            // A success clears everything, also what this process knows of. It never fails.
            let reset = self
                .fallback
                .reset(who.principal.account(), who.clock.now());
            let _ = reset.await;
        }
        let token = standing.token?;
        self.take(who, token, known)
    }

    fn learn(&self, who: &Applicant<'_>, settlement: Settlement) {
        self.update(who.principal, |notes| match settlement {
            Settlement::Granted => {
                notes.is_proven = true;
                notes.strikes = Tally::default();
            }
            Settlement::Rejected(_) => {
                notes.is_proven = false;
                notes.refusals += 1;
            }
            Settlement::Harmless | Settlement::Unresolved | Settlement::Interrupted => {}
        });
    }
}
