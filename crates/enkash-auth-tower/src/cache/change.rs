use enkash_auth_core::{Clock, Credentials, Error, ErrorKind};
use tokio::runtime::Handle;

use super::Shared;
use crate::attempts::AccountCredentials;

impl Shared {
    /// Uses `credentials` from now on. `instead_of`: only if those are in use still. Returns
    /// whether they are others, and used.
    pub(super) fn change_credentials(
        &self,
        credentials: Credentials,
        instead_of: Option<&AccountCredentials>,
    ) -> Result<bool, Error> {
        let endpoint = self.endpoint().with_credentials(credentials)?;
        let now = self.clock.now();
        let (left, old) = {
            let mut books = self.books.lock();
            // A fetch with the same ones may be on: it is not made twice.
            let is_same = endpoint
                .account_credentials()
                .is(books.endpoint.account_credentials());
            let is_late =
                instead_of.is_some_and(|old| !old.is(books.endpoint.account_credentials()));
            if is_same || is_late {
                drop(books);
                return Ok(false);
            }
            let new = endpoint.credentials();
            let keeps_token = new.act_as(books.endpoint.credentials());
            // What is displaced may hold an error of the user's: it goes after the lock.
            let state = books.state.clone();
            let flight = books.state.flight();
            books.state.change_credentials(keeps_token);
            let endpoint = std::mem::replace(&mut books.endpoint, endpoint);
            let view = self.snapshot.publish(books.state.view(now), &self.clock);
            let left = flight.map(|flight| (flight, endpoint.account(), books.landing.take()));
            (left, (state, endpoint, view))
        };
        drop(old);
        if let Some((flight, account, landing)) = left {
            self.abandon(flight, account, landing);
        }
        Ok(true)
    }

    /// Forgets the strikes of the account in the store, and the pause after them.
    pub(super) async fn reset(&self, allow_rejected: bool) -> Result<(), Error> {
        on_runtime()?;
        let account = self.endpoint().account();
        self.attempts.reset(account, allow_rejected).await?;
        let now = self.clock.now();
        let old = {
            let mut books = self.books.lock();
            let state = books.state.clone();
            books.state.forgive();
            (
                state,
                self.snapshot.publish(books.state.view(now), &self.clock),
            )
        };
        drop(old);
        Ok(())
    }

    /// Looks at the record of the account in the store.
    pub(super) async fn look(&self) -> Result<(), Error> {
        on_runtime()?;
        self.attempts.look(self.endpoint().account()).await
    }
}

fn on_runtime() -> Result<(), Error> {
    match Handle::try_current() {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::new(ErrorKind::NoRuntime, "")),
    }
}
