use super::Flight;
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
    pub verdict: Verdict,
    /// A flight to launch, now.
    pub launch: Option<Flight>,
    /// Whether the flight that was on is given up: its waiters must ask again.
    pub abandoned: bool,
}

/// Says what the caller gets.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "its reader must carry out all of it"
)]
pub enum Verdict {
    /// This token, at once.
    Serve(AccessToken),
    /// The token of this flight, when it lands.
    Wait(Flight),
    /// No token, at once.
    Fail(Error),
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
