use enkash_auth_core::{
    AccessToken, Error, Moment,
    state::{Flight, State, Verdict},
};

use crate::{endpoint::TokenEndpoint, flight::Landing, sync::Arc};

/// What changes together, under one lock.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) state: State,
    pub(super) endpoint: TokenEndpoint,
    /// Where the waiters of the state's flight wait, while there is one.
    pub(super) landing: Option<Arc<Landing>>,
}

/// A flight to wait for.
pub(crate) struct Boarding {
    pub(crate) landing: Arc<Landing>,
    /// When to ask again, should it never land.
    pub(crate) overdue: Moment,
}

/// What the state says to somebody who asks.
pub(crate) enum Asked {
    Token(AccessToken),
    Wait(Boarding),
}

impl Books {
    pub(super) fn answer(&mut self, verdict: Verdict) -> Result<Asked, Error> {
        match verdict {
            Verdict::Serve(token) => Ok(Asked::Token(token)),
            Verdict::Fail(error) => Err(error),
            Verdict::Wait(flight) => Ok(Asked::Wait(self.board(flight))),
        }
    }

    /// Where to wait for `flight`, which is on.
    pub(super) fn board(&mut self, flight: Flight) -> Boarding {
        Boarding {
            landing: Arc::clone(self.landing.get_or_insert_with(Landing::new)),
            overdue: flight.overdue(),
        }
    }
}
