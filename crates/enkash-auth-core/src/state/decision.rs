use super::PendingFetch;
use crate::{AccessToken, Failure, Timestamp};

/// Holds what follows from a lookup.
#[derive(Debug)]
#[must_use]
#[expect(clippy::exhaustive_structs, reason = "all must be carried out")]
pub struct Decision<E = Failure> {
    /// What the caller gets.
    pub lookup: Lookup<PendingFetch, E>,
    /// A fetch to spawn now.
    pub spawn: Option<PendingFetch>,
    /// Whether the pending fetch was abandoned: its waiters must look up again.
    pub abandoned: bool,
}

/// Represents what a caller gets: a token now, one later from the pending fetch `P`, or the error `E`.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "all must be carried out")]
pub enum Lookup<P = PendingFetch, E = Failure> {
    /// The cached token, at once.
    Ready(AccessToken),
    /// The token of this fetch, when it completes.
    Pending(P),
    /// No token, at once.
    Failed(E),
}

impl<P, E> Lookup<P, E> {
    /// Maps the pending fetch, which can fail.
    pub fn try_map<Q>(self, map: impl FnOnce(P) -> Result<Q, E>) -> Lookup<Q, E> {
        match self {
            Self::Ready(token) => Lookup::Ready(token),
            Self::Pending(pending) => map(pending).map_or_else(Lookup::Failed, Lookup::Pending),
            Self::Failed(error) => Lookup::Failed(error),
        }
    }
}

/// Holds a token that may be attached without a lookup in the state, and until when.
///
/// A fresh token: until its refresh window opens. In the window: until the fetch is overdue or the backoff has
/// passed; never past the deadline, nor the end of watching. So the fast path checks one rule, and the state all
/// the others.
#[derive(Clone, Debug)]
pub struct View {
    pub(super) token: AccessToken,
    pub(super) until: Timestamp,
    pub(super) is_watched: bool,
}

impl View {
    /// Returns the token.
    pub fn token(&self) -> &AccessToken {
        &self.token
    }

    /// Returns when the state must be consulted again.
    pub fn until(&self) -> Timestamp {
        self.until
    }

    /// Returns whether the responses to calls with the token are to be reported, as an API did not take one of
    /// late.
    pub fn is_watched(&self) -> bool {
        self.is_watched
    }
}
