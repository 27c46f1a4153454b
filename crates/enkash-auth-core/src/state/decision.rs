use super::Flight;
use crate::{AccessToken, Error, Moment};

/// What follows when somebody asks for a token.
///
/// # Examples
///
/// ```
/// use enkash_auth_core::{Moment, RefreshPolicy, state::{State, Verdict}};
///
/// let (mut state, policy) = (State::new(), RefreshPolicy::default());
/// let first = state.ask(Moment::new(0, 0), true, &policy);
/// assert!(matches!(first.verdict, Verdict::Wait(_)) && first.launch.is_some());
/// // The second caller shares the flight of the first.
/// let second = state.ask(Moment::new(1, 1), true, &policy);
/// assert!(matches!(second.verdict, Verdict::Wait(_)) && second.launch.is_none());
/// ```
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
///
/// # Examples
///
/// ```
/// use enkash_auth_core::{ErrorKind, Moment, RefreshPolicy, state::{State, Verdict}};
///
/// // Outside any runtime nothing can be fetched.
/// let decision = State::new().ask(Moment::new(0, 0), false, &RefreshPolicy::default());
/// assert!(matches!(decision.verdict, Verdict::Fail(error) if error.kind() == ErrorKind::NoRuntime));
/// ```
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
///
/// # Examples
///
/// ```
/// use enkash_auth_core::{Moment, state::State};
///
/// assert!(State::new().view(Moment::new(0, 0)).is_none());
/// ```
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
