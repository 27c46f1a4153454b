use std::{
    fmt,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{AGE, CONTENT_ENCODING, DATE, RETRY_AFTER},
};

use super::{content::Content, fields::Fields, filter::Filter, verdict::Evidence};
use crate::{
    Bearer, Credentials, Failure, FailureKind, Timestamp,
    account::AttemptOutcome,
    lifetime::{Exchange, Expiry, Lifetime},
};

/// The longest `Retry-After`; a longer one is reduced to this.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Holds the response to a token request, as it arrived.
#[derive(Clone)]
pub struct TokenResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: ResponseBody,
}

/// Holds the body of a response, as far as it arrived.
///
/// Its bytes hold the token: they never appear under `{:?}`.
#[derive(Clone)]
#[non_exhaustive]
pub enum ResponseBody {
    /// The whole body.
    Complete(Bytes),
    /// The part that arrived before the connection ended or the fetch timed out.
    Truncated(Bytes),
    /// More than [`TokenResponse::MAX_BODY`]; the rest was not read.
    TooLarge,
}

/// Holds a granted token and its lifetime.
///
/// A refresh token in the response is dropped. Never shows the token under `{:?}`.
#[derive(Clone, Debug)]
pub struct Grant {
    bearer: Bearer,
    lifetime: Lifetime,
    unit_guessed: bool,
}

/// Represents a response without a usable token, and its consequences.
#[derive(Clone, Debug)]
pub struct FailedAttempt {
    failure: Failure,
    outcome: AttemptOutcome,
    may_repeat: bool,
    // Boxed: it is rare, and large in a result.
    expired: Option<Box<Grant>>,
}

impl TokenResponse {
    /// The longest body that is read, in bytes. Responses have a few hundred.
    pub const MAX_BODY: usize = 64 * 1024;

    /// Creates a response from its head and body.
    pub fn new(status: StatusCode, headers: HeaderMap, body: ResponseBody) -> Self {
        Self {
            status,
            headers,
            body,
        }
    }

    /// Returns the status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the token granted to a request that was sent at `sent` with `credentials`.
    ///
    /// Credentials are known good if the last recorded success used them and they were not rejected since:
    /// then a response that does not mention them is not a rejection.
    ///
    /// # Errors
    ///
    /// The first of these that applies. The text repeats the server's, without any secret or token.
    ///
    /// - [`FailureKind::AccountLocked`]: a text says that the account is locked or disabled, or that
    ///   there were too many attempts.
    /// - [`FailureKind::Unavailable`]: 408, 421, 425, 429, 431, or 5xx except 504, 520, 522 and 524; an
    ///   HTML page of a gateway. With [`retry_after`](Failure::retry_after) if the server sent it.
    /// - [`FailureKind::Forbidden`]: 400, 401 or 403 with a text about the caller's address; a 403
    ///   without a text.
    /// - [`FailureKind::Misconfigured`]: an unsupported grant or scope, 404, 405, 407, 415, a redirect.
    /// - [`FailureKind::Rejected`]: a known error, 401, a code of 400 or 401; by guess, any other
    ///   complete 4xx or failure code, for credentials that are not known good.
    /// - [`FailureKind::InvalidResponse`]: a success whose token cannot be used, has expired, or is
    ///   truncated.
    /// - [`FailureKind::Unresolved`]: any other response.
    pub fn read(
        &self,
        sent: Timestamp,
        credentials: &Credentials,
        is_known_good: bool,
    ) -> Result<Grant, FailedAttempt> {
        let content = Content::new(&self.body, is_deflate(&self.headers));
        let fields = Fields::new(content.json());
        let token = fields.token();
        let has_usable_token = token.is_some();
        let grant = token
            .filter(|_| self.status.is_success() && !fields.is_failure())
            .map(|bearer| self.grant(sent, bearer, fields));
        let expired = match grant {
            Some(grant) if grant.lifetime.length().is_some() => return Ok(grant),
            expired => expired,
        };
        let evidence = Evidence {
            status: self.status,
            content: &content,
            fields,
            has_usable_token,
            is_expired: expired.is_some(),
            is_known_good,
        };
        let verdict = evidence.judge();
        let filter = Filter::new(credentials, fields.tokens());
        let failure = evidence.failure(&verdict, &filter);
        let is_unavailable = verdict.kind == FailureKind::Unavailable;
        Err(FailedAttempt {
            failure: match retry_after(&self.headers).filter(|_| is_unavailable) {
                Some(after) => failure.with_retry_after(after),
                None => failure,
            },
            outcome: verdict.outcome,
            may_repeat: verdict.may_repeat,
            expired: expired
                .filter(|_| verdict.kind == FailureKind::InvalidResponse)
                .map(Box::new),
        })
    }

    /// Returns the exchange in which this was the response to a request that was sent at `sent`.
    pub fn exchange(&self, sent: Timestamp) -> Exchange {
        Exchange::new(sent, date(&self.headers)).with_age(age(&self.headers))
    }

    fn grant(&self, sent: Timestamp, bearer: Bearer, fields: Fields<'_>) -> Grant {
        let expiries = fields.expiries();
        Grant {
            bearer,
            lifetime: self.exchange(sent).lifetime(&expiries),
            unit_guessed: expiries.iter().any(Expiry::is_unit_guessed),
        }
    }
}

impl Grant {
    /// Returns the token.
    pub fn bearer(&self) -> &Bearer {
        &self.bearer
    }

    /// Returns its lifetime.
    pub fn lifetime(&self) -> &Lifetime {
        &self.lifetime
    }

    /// Returns whether the unit of the field `expiry` is not the documented one and had to be guessed, which
    /// deserves a warning.
    pub fn is_unit_guessed(&self) -> bool {
        self.unit_guessed
    }
}

impl FailedAttempt {
    /// Returns why there is no token.
    pub fn failure(&self) -> &Failure {
        &self.failure
    }

    /// Converts it into why there is no token.
    pub fn into_failure(self) -> Failure {
        self.failure
    }

    /// Returns how the attempt ended, for the account record.
    pub fn outcome(&self) -> AttemptOutcome {
        self.outcome
    }

    /// Returns whether the request may be repeated within the same fetch.
    pub fn may_repeat(&self) -> bool {
        self.may_repeat
    }

    /// Returns the token that was already expired when received, if that is the failure: an issuer that
    /// reuses tokens has the next one within a second.
    pub fn expired(&self) -> Option<&Grant> {
        self.expired.as_deref()
    }
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenResponse")
            .field("status", &self.status)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete(bytes) => write!(f, "Complete({} bytes)", bytes.len()),
            Self::Truncated(bytes) => write!(f, "Truncated({} bytes)", bytes.len()),
            Self::TooLarge => f.write_str("TooLarge"),
        }
    }
}

/// Returns `Date`, the server's clock when it made the response, if it can be parsed.
fn date(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()
}

/// Returns the age at which a cache sent the response: the first `Age` (RFC 9111 section 5.1), rounded up, for
/// it omits up to a second. Zero if there is none, if it is `0`, as on responses that a cache did not store, or
/// if it cannot be parsed.
fn age(headers: &HeaderMap) -> Duration {
    let age = headers.get(AGE).and_then(|age| age.to_str().ok());
    let first = age.and_then(|age| age.split(',').next()?.trim().parse().ok());
    match first {
        None | Some(0) => Duration::ZERO,
        Some(seconds) => Duration::from_secs(seconds).saturating_add(Duration::from_secs(1)),
    }
}

/// Returns whether `Content-Encoding` is deflate.
fn is_deflate(headers: &HeaderMap) -> bool {
    let encoding = headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
    encoding.is_some_and(|encoding| encoding.trim_ascii().eq_ignore_ascii_case(b"deflate"))
}

/// Reads `Retry-After` (RFC 9110 section 10.2.3) as a span: seconds, also with a fraction, or a time on the
/// server's clock, which is meaningful only with `Date`. Returns the longest of several, at most a day.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(RETRY_AFTER).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| {
            // A date contains a comma.
            let pieces: Vec<_> = list.split(',').collect();
            let dates = pieces.windows(2).map(|pair| pair.join(","));
            let alone = pieces.iter().map(|piece| (*piece).to_owned());
            alone.chain(dates).collect::<Vec<_>>()
        })
        .filter_map(|value| seconds(value.trim()).or_else(|| until(value.trim(), headers)))
        .max()
        .map(|after| after.min(MAX_RETRY_AFTER))
}

fn seconds(value: &str) -> Option<Duration> {
    let is_number = value
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds = value.parse().ok().filter(|_| is_number)?;
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(MAX_RETRY_AFTER))
}

fn until(value: &str, headers: &HeaderMap) -> Option<Duration> {
    let until = httpdate::parse_http_date(value).ok()?;
    Some(until.duration_since(date(headers)?).unwrap_or_default())
}
