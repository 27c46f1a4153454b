//! Handlers for probes. They ask the cache how it stands, and fetch nothing.

use std::time::Duration;

use axum::{Json, extract};
use enkash_auth_tower::{Status, TokenCache, core::Error};
use http::StatusCode;
use serde::Serialize;

/// How long a gap between two tokens may last while the service is ready: calls wait for the next
/// token longer than that.
const BRIDGED: Duration = Duration::from_secs(5);

/// Answers 200 for as long as the process answers at all.
pub async fn live() -> StatusCode {
    StatusCode::OK
}

/// Answers 200 while requests can be served, 503 otherwise, with the [`Report`] as JSON.
pub async fn ready(tokens: extract::State<TokenCache>) -> (StatusCode, Json<Report>) {
    let report = status(tokens).await;
    let status = if report.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, report)
}

/// Answers 200 with the [`Report`] as JSON.
pub async fn status(tokens: extract::State<TokenCache>) -> Json<Report> {
    Json(Report::new(&tokens.status()))
}

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
/// | `bridging` | the last one expired less than 5 s ago, and callers wait for the next |
/// | `cold` | there is none, and none was asked for |
/// | `fetching` | there is none, and one is being fetched |
/// | `failing` | there is none, and the last fetch failed |
/// | `refused` | the server refused the credentials, they are not tried again |
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
    /// Creates the report of `status`.
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

    /// Returns whether requests can be served: a usable token is held, or a gap between two is bridged.
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
        } else if status.expired_for().is_some_and(|gap| gap < BRIDGED) {
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
