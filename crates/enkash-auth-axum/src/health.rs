//! Probes. They read the cache's status and never fetch a token.

use std::{collections::BTreeMap, time::Duration};

use axum::{Json, Router, extract, routing::get};
use enkash_auth_tower::{AccountId, Accounts, Error, Status, TokenCache};
use http::StatusCode;
use serde::Serialize;

/// How long a gap between two tokens may last before the service is no longer ready. Calls wait
/// longer than that for the next token.
const BRIDGED: Duration = Duration::from_secs(5);

/// How many accounts a report lists.
const LISTED: usize = 100;

/// Creates a router of `/-/live`, `/-/ready` and `/-/status`, to be merged into that of the service. It reports on a
/// [`TokenCache`], or on [`Accounts`].
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
pub fn router<S, T: Probe>(tokens: T) -> Router<S> {
    Router::new()
        .route("/-/live", get(live))
        .route("/-/ready", get(ready::<T>))
        .route("/-/status", get(status::<T>))
        .with_state(tokens)
}

/// Returns 200 as long as the process responds at all.
pub async fn live() -> StatusCode {
    StatusCode::OK
}

/// Returns the report as JSON, with 200 while requests can be served and 503 otherwise.
pub async fn ready<T: Probe>(tokens: extract::State<T>) -> (StatusCode, Json<T::Report>) {
    let report = tokens.report();
    let status = if T::is_ready(&report) {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(report))
}

/// Returns 200 with the report as JSON.
pub async fn status<T: Probe>(tokens: extract::State<T>) -> Json<T::Report> {
    Json(tokens.report())
}

/// Reports whether requests can be served. Implemented for [`TokenCache`] and [`Accounts`].
pub trait Probe: Clone + Send + Sync + 'static {
    /// What is reported, as JSON.
    type Report: Serialize + Send;

    /// Creates the report.
    fn report(&self) -> Self::Report;

    /// Returns whether requests can be served.
    fn is_ready(report: &Self::Report) -> bool;
}

impl Probe for TokenCache {
    type Report = Report;

    fn report(&self) -> Report {
        Report::new(&self.status())
    }

    fn is_ready(report: &Report) -> bool {
        report.is_ready()
    }
}

/// Is always ready: an account that fails must not keep the others from being served.
impl<K: AccountId> Probe for Accounts<K> {
    type Report = AccountsReport;

    fn report(&self) -> AccountsReport {
        let mut report = AccountsReport {
            accounts: self.len(),
            troubled: BTreeMap::new(),
            without_credentials: 0,
        };
        for (_, account, status) in self.troubled(LISTED) {
            match account {
                Some(account) => {
                    let troubled = Report::new(&status);
                    report.troubled.insert(account.to_string(), troubled);
                }
                None => report.without_credentials += 1,
            }
        }
        report
    }

    fn is_ready(_: &AccountsReport) -> bool {
        true
    }
}

/// The status of many accounts, as JSON. Contains no secret.
///
/// | member | |
/// |---|---|
/// | `accounts` | how many are cached |
/// | `troubled` | the [`Report`]s of those whose last fetch failed, by the label of their metrics |
/// | `without_credentials` | how many of those have no label, as the source has failed from the first; both 100 at most |
#[derive(Clone, Debug, Serialize)]
pub struct AccountsReport {
    accounts: usize,
    troubled: BTreeMap<String, Report>,
    without_credentials: usize,
}

/// The status of a token cache, as JSON. Contains no secret.
///
/// | member | |
/// |---|---|
/// | `state` | one of the states below |
/// | `remaining_seconds` | how long the token may still be attached; `null` without a token |
/// | `lifetime_seconds` | how long it could be when it was received; `null` without a token |
/// | `waiting` | callers that wait for a token |
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
    lifetime_seconds: Option<u64>,
    waiting: usize,
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
            lifetime_seconds: status.lifetime().map(|time| time.as_secs()),
            waiting: status.waiting(),
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
