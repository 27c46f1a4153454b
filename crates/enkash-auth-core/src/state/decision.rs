use super::PendingFetch;
use crate::{AccessToken, Error, Timestamp};

/// Says what follows when a caller asks for a token.
#[derive(Debug)]
#[must_use]
#[expect(
    clippy::exhaustive_structs,
    reason = "its reader must carry out all of it"
)]
pub struct Decision {
    /// What the caller gets.
    pub lookup: Lookup,
    /// A flight to launch, now.
    pub spawn: Option<PendingFetch>,
    /// Whether the flight that was on is given up: its waiters must ask again.
    pub abandoned: bool,
}

/// Says what a caller gets: a token now, one later from the pending fetch `P`, or none.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "its reader must carry out all of it"
)]
pub enum Lookup<P = PendingFetch> {
    /// This token, at once.
    Ready(AccessToken),
    /// The token of this fetch, when it completes.
    Pending(P),
    /// No token, at once.
    Failed(Error),
}

impl<P> Lookup<P> {
    /// Maps what is pending, which can fail.
    pub fn try_map<Q>(self, map: impl FnOnce(P) -> Result<Q, Error>) -> Lookup<Q> {
        match self {
            Self::Ready(token) => Lookup::Ready(token),
            Self::Pending(pending) => map(pending).map_or_else(Lookup::Failed, Lookup::Pending),
            Self::Failed(error) => Lookup::Failed(error),
        }
    }
}

/// Holds a token that may be attached without asking the state, and until when.
///
/// Fresh: until the early window opens. In the window: until the flight is overdue, or the pause has
/// passed; never past the deadline. So the fast path knows one rule, and the state all the others.
#[derive(Clone, Debug)]
pub struct View {
    pub(super) token: AccessToken,
    pub(super) until: Timestamp,
}

impl View {
    /// Returns the token.
    pub fn token(&self) -> &AccessToken {
        &self.token
    }

    /// Returns the moment from which on the state must be asked.
    pub fn until(&self) -> Timestamp {
        self.until
    }
}
