use super::Flight;
use crate::{AccessToken, Error, Moment};

/// What follows when somebody asks for a token.
#[derive(Debug)]
#[must_use]
#[expect(
    clippy::exhaustive_structs,
    reason = "whoever carries it out must see all of it"
)]
pub struct Decision {
    /// What the one who asked gets.
    pub verdict: Verdict,
    /// A flight to launch, now.
    pub launch: Option<Flight>,
    /// Whether the flight that was on is given up: whoever waits for it must ask again.
    pub abandoned: bool,
}

/// What the one who asked gets.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever carries it out must see all of it"
)]
pub enum Verdict {
    /// This token, at once.
    Serve(AccessToken),
    /// The token of this flight, when it lands.
    Wait(Flight),
    /// No token, at once.
    Fail(Error),
}

/// A token that may be attached without asking the state, and until when.
///
/// Fresh: until the early window opens. In the window: until the flight is overdue, or the pause is
/// over; never past the deadline. So the fast path knows one rule, and the state all the others.
#[derive(Clone, Debug)]
pub struct View {
    pub(super) token: AccessToken,
    pub(super) until: Moment,
}

impl View {
    /// The token.
    pub fn token(&self) -> &AccessToken {
        &self.token
    }

    /// From here on the state must be asked.
    pub fn until(&self) -> Moment {
        self.until
    }
}
