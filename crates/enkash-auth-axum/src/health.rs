//! Probes. They read the cache's status and never fetch a token.

use std::time::Duration;

use axum::{Json, Router, extract, routing::get};
use enkash_auth_tower::{Error, Status, TokenCache};
use http::StatusCode;
use serde::Serialize;

/// How long a gap between two tokens may last before the service is no longer ready. Calls wait
/// longer than that for the next token.
const BRIDGED: Duration = Duration::from_secs(5);

/// Creates a router of `/-/live`, `/-/ready` and `/-/status`, to be merged into that of the service.
///
/// # Examples
///
/// ```
/// use axum::Router;
/// use enkash_auth_axum::{TokenCache, health};
///
/// fn with_probes(app: Router, tokens: TokenCache) -> Router {
///     app.merge(health::router(tokens))
/// }
/// ```
pub fn router<S>(tokens: TokenCache) -> Router<S> {
    Router::new()
        .route("/-/live", get(live))
        .route("/-/ready", get(ready))
        .route("/-/status", get(status))
        .with_state(tokens)
}

/// Returns 200 as long as the process responds at all.
pub async fn live() -> StatusCode {
    StatusCode::OK
}

/// Returns the [`Report`] as JSON, with 200 while requests can be served and 503 otherwise.
pub async fn ready(tokens: extract::State<TokenCache>) -> (StatusCode, Json<Report>) {
    let report = status(tokens).await;
    let status = if report.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, report)
}

/// Returns 200 with the [`Report`] as JSON.
pub async fn status(tokens: extract::State<TokenCache>) -> Json<Report> {
    Json(Report::new(&tokens.status()))
}

/// The status of a token cache, as JSON. Contains no secret.
///
/// | member | |
/// |---|---|
/// | `state` | one of the states below |
/// | `remaining_seconds` | how long the token may still be attached; `null` without a token |
/// | `token_requests` | number of token requests made |
/// | `strikes` | attempts that the token server rejected |
/// | `unresolved_attempts` | attempts without a response that says whether they count |
/// | `last_error` | the [kind](enkash_auth_tower::ErrorKind::as_str) of the last error; `null` once a fetch has succeeded |
///
/// | `state` | |
/// |---|---|
/// | `ready` | a usable token is cached |
/// | `bridging` | the last token expired less than 5 s ago, and callers wait for the next |
/// | `initial` | no token, and none was requested |
/// | `fetching` | no token, and a fetch is in flight |
/// | `failing` | no token, and the last fetch failed |
/// | `closed` | the account is closed: the credentials are not sent again |
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    state: State,
    remaining_seconds: Option<u64>,
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
    Initial,
    Fetching,
    Failing,
    Closed,
}

impl Report {
    /// Creates the report of `status`.
    pub fn new(status: &Status) -> Self {
        Self {
            state: State::of(status),
            remaining_seconds: status.remaining().map(|time| time.as_secs()),
            token_requests: status.token_requests(),
            strikes: status.strikes(),
            unresolved_attempts: status.unresolved_attempts(),
            last_error: status.last_error().map(|error| error.kind().as_str()),
        }
    }

    /// Returns whether requests can be served: a usable token is cached, or a gap between two is bridged.
    pub fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready | State::Bridging)
    }
}

impl State {
    fn of(status: &Status) -> Self {
        let is_closed = |error: &Error| error.kind().is_closed();
        if status.remaining().is_some() {
            Self::Ready
        } else if status.last_error().is_some_and(is_closed) {
            Self::Closed
        } else if status.expired_for().is_some_and(|gap| gap < BRIDGED) {
            Self::Bridging
        } else if status.is_fetching() {
            Self::Fetching
        } else if status.last_error().is_some() {
            Self::Failing
        } else {
            Self::Initial
        }
    }
}
