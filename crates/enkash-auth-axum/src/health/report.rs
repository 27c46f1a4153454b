use std::time::Duration;

use enkash_auth_tower::{Status, core::Error};
use serde::Serialize;

/// How long a gap between two tokens may last without anybody being turned away: callers wait for
/// the next token longer than that.
const BRIDGED: Duration = Duration::from_secs(5);

/// How a token cache stands, as JSON. Holds no secret.
///
/// | member | |
/// |---|---|
/// | `state` | a word of those below |
/// | `seconds_left` | how long the token may still be attached; `null` where there is none |
/// | `token_requests` | how many were made |
/// | `strikes` | attempts that the server refused |
/// | `unresolved_attempts` | attempts that ended without a response that says whether they count |
/// | `last_error` | the [kind](enkash_auth_tower::core::ErrorKind::as_str) of the last error; `null` once a fetch has succeeded |
///
/// | `state` | |
/// |---|---|
/// | `ready` | a usable token is held |
/// | `bridging` | the last one is over for less than 5 s, and callers wait for the next |
/// | `cold` | there is none, and nobody has asked for one |
/// | `fetching` | there is none, and one is being fetched |
/// | `failing` | there is none, and the last fetch failed |
/// | `refused` | the server refused the credentials, they are not tried again |
///
/// # Examples
///
/// ```
/// use enkash_auth_axum::Report;
/// use enkash_auth_axum::tower::core::{Credentials, Environment, Error};
/// use enkash_auth_axum::tower::{TokenCache, TokenEndpoint};
///
/// let keys = Credentials::merchant("access-key", "secret-key");
/// let tokens = TokenCache::new(TokenEndpoint::new(Environment::Test, keys)?);
/// let report = serde_json::to_value(Report::new(&tokens.status())).unwrap();
/// assert_eq!(report["state"], "cold");
/// assert_eq!(report["token_requests"], 0);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    state: State,
    seconds_left: Option<u64>,
    token_requests: u64,
    strikes: usize,
    unresolved_attempts: usize,
    last_error: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ready,
    Bridging,
    Cold,
    Fetching,
    Failing,
    Refused,
}

impl Report {
    /// The report of `status`.
    pub fn new(status: &Status) -> Self {
        Self {
            state: State::of(status),
            seconds_left: status.remaining().map(|left| left.as_secs()),
            token_requests: status.token_requests(),
            strikes: status.strikes(),
            unresolved_attempts: status.unresolved_attempts(),
            last_error: status.last_error().map(|error| error.kind().as_str()),
        }
    }

    /// Whether requests can be served: a usable token is held, or a gap between two is bridged.
    pub fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready | State::Bridging)
    }
}

impl State {
    fn of(status: &Status) -> Self {
        let refused = |error: &Error| error.kind().is_closed();
        if status.remaining().is_some() {
            Self::Ready
        } else if status.last_error().is_some_and(refused) {
            Self::Refused
        } else if status.over_for().is_some_and(|gap| gap < BRIDGED) {
            Self::Bridging
        } else if status.is_fetching() {
            Self::Fetching
        } else if status.last_error().is_some() {
            Self::Failing
        } else {
            Self::Cold
        }
    }
}
