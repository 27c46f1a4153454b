use std::fmt;

use http::{HeaderMap, StatusCode};

use super::{
    FailedAttempt, Grant, ResponseBody,
    content::Content,
    fields::Fields,
    filter::Filter,
    headers::{date, is_deflate, retry_after},
    verdict::Evidence,
};
use crate::{
    Bearer, Credentials, ErrorKind, Moment,
    lifetime::{Exchange, Expiry},
};

/// Holds the response to a token request, as it arrived.
#[derive(Clone)]
pub struct TokenResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: ResponseBody,
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

    /// Returns what the response grants to a request that was sent at `sent` with `credentials`.
    ///
    /// Credentials are known good if the last success on record was theirs and they were not rejected
    /// since: then a response that does not mention them is not a rejection.
    ///
    /// # Errors
    ///
    /// Of these the first that fits. Their text repeats the server's, without any secret or token.
    ///
    /// - [`ErrorKind::AccountLocked`]: a text says that the account is locked or disabled, or that
    ///   there were too many attempts.
    /// - [`ErrorKind::Unavailable`]: 408, 421, 425, 429, 431, or 5xx but 504, 520, 522 and 524; an
    ///   HTML page of a gateway. With [`retry_after`](crate::Error::retry_after) where the server says so.
    /// - [`ErrorKind::Forbidden`]: 400, 401 or 403 with a text about the caller's address; a 403
    ///   without any.
    /// - [`ErrorKind::Misconfigured`]: an unsupported grant or scope, 404, 405, 407, 415, a redirect.
    /// - [`ErrorKind::Rejected`]: a known error, 401, a code of 400 or 401; by guess, any other
    ///   complete 4xx or failure code, for credentials that are not known good.
    /// - [`ErrorKind::InvalidResponse`]: a success whose token cannot be used, has expired, or is
    ///   cut off.
    /// - [`ErrorKind::Unresolved`]: any other response.
    pub fn read(
        &self,
        sent: Moment,
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
        let error = evidence.error(&verdict, &filter);
        let is_unavailable = verdict.kind == ErrorKind::Unavailable;
        Err(FailedAttempt {
            error: match retry_after(&self.headers).filter(|_| is_unavailable) {
                Some(after) => error.with_retry_after(after),
                None => error,
            },
            outcome: verdict.outcome,
            may_repeat: verdict.may_repeat,
            expired: expired.filter(|_| verdict.kind == ErrorKind::InvalidResponse),
        })
    }

    /// Returns the exchange in which this was the response to a request that was sent at `sent`.
    pub fn exchange(&self, sent: Moment) -> Exchange {
        Exchange::new(sent, date(&self.headers))
    }

    fn grant(&self, sent: Moment, bearer: Bearer, fields: Fields<'_>) -> Grant {
        let expiries = fields.expiries();
        Grant {
            bearer,
            lifetime: self.exchange(sent).lifetime(&expiries),
            unit_guessed: expiries.iter().any(Expiry::is_unit_guessed),
        }
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
