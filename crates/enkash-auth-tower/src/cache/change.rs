use enkash_auth_core::{Credentials, Error, ErrorKind};
use tokio::runtime::Handle;

use super::Shared;
use crate::flight::Landed;

impl Shared {
    /// Uses `credentials` from now on.
    pub(super) fn set_credentials(&self, credentials: Credentials) -> Result<(), Error> {
        let endpoint = self.endpoint().with_credentials(credentials)?;
        let now = self.clock.now();
        let (landing, old) = {
            let mut books = self.books.lock();
            if endpoint.principal().is(books.endpoint.principal()) {
                // A fetch with them may be on: it is not made twice.
                drop(books);
                return Ok(());
            }
            let new = endpoint.credentials();
            let keeps_token = new.act_as(books.endpoint.credentials());
            // What is displaced may hold an error of the user's: it goes after the lock.
            let state = books.state.clone();
            books.state.change_credentials(keeps_token);
            self.gate.change_principal(endpoint.principal());
            let endpoint = std::mem::replace(&mut books.endpoint, endpoint);
            let view = self.snapshot.publish(books.state.view(now), &self.own);
            (books.landing.take(), (state, endpoint, view))
        };
        drop(old);
        if let Some(landing) = landing {
            landing.land(Landed::Ask);
        }
        Ok(())
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
                self.snapshot.publish(books.state.view(now), &self.own),
            )
        };
        drop(old);
        Ok(())
    }
}
