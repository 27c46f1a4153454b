use enkash_auth_core::{Clock, Credentials, Error, ErrorKind, state::Flight};
use tokio::runtime::Handle;

use super::Shared;

impl Shared {
    /// Uses `credentials` from now on. `instead_of`: only if that flight is on still. Says whether
    /// they are news, and used.
    pub(super) fn change_credentials(
        &self,
        credentials: Credentials,
        instead_of: Option<Flight>,
    ) -> Result<bool, Error> {
        let endpoint = self.endpoint().with_credentials(credentials)?;
        let now = self.clock.now();
        let (left, old) = {
            let mut books = self.books.lock();
            // A fetch with the same ones may be on: it is not made twice.
            let is_same = endpoint.principal().is(books.endpoint.principal());
            let is_late = instead_of.is_some_and(|flight| books.state.flight() != Some(flight));
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
            let gate = self.gate.change_principal(endpoint.principal());
            let endpoint = std::mem::replace(&mut books.endpoint, endpoint);
            let view = self.snapshot.publish(books.state.view(now), &self.clock);
            let left = flight.map(|flight| (flight, endpoint.account(), books.landing.take()));
            (left, (state, gate, endpoint, view))
        };
        drop(old);
        if let Some((flight, account, landing)) = left {
            self.abandon(flight, account, landing);
        }
        Ok(true)
    }

    /// Forgets the strikes of the account in the store, and the pause after them.
    pub(super) async fn reset(&self) -> Result<(), Error> {
        if Handle::try_current().is_err() {
            return Err(Error::new(ErrorKind::NoRuntime, ""));
        }
        let now = self.clock.now();
        self.gate.reset(self.endpoint().principal(), now).await?;
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
}
