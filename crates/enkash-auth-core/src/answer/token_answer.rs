use std::fmt;

use http::{HeaderMap, StatusCode};

use super::{
    AnswerBody, Grant,
    fields::Fields,
    filter::Filter,
    headers::{date, is_html, retry_after},
    refusal::Refusal,
};
use crate::{
    Bearer, Credentials, Error, ErrorKind, Moment,
    lifetime::{Exchange, Expiry},
};

/// The answer to a token request, as it arrived.
///
/// # Examples
///
/// ```
/// use bytes::Bytes;
/// use enkash_auth_core::{AnswerBody, Client, Credentials, ErrorKind, Moment, TokenAnswer, User};
/// use http::{HeaderMap, StatusCode};
///
/// let credentials = Credentials::password(Client::new("id", "secret"), User::new("user", "old"));
/// let body = br#"{"error":"invalid_grant","error_description":"Bad credentials"}"#;
/// let answer = TokenAnswer::new(
///     StatusCode::BAD_REQUEST,
///     HeaderMap::new(),
///     AnswerBody::Complete(Bytes::from_static(body)),
/// );
/// let error = answer.read(Moment::new(0, 0), &credentials).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Rejected);
/// assert_eq!(
///     error.to_string(),
///     r#"credentials rejected: status 400, invalid_grant, "Bad credentials""#,
/// );
/// ```
#[derive(Clone)]
pub struct TokenAnswer {
    status: StatusCode,
    headers: HeaderMap,
    body: AnswerBody,
}

impl TokenAnswer {
    /// The longest body that is read, in bytes. Answers have a few hundred.
    pub const MAX_BODY: usize = 64 * 1024;

    /// An answer with this head and this body.
    pub fn new(status: StatusCode, headers: HeaderMap, body: AnswerBody) -> Self {
        Self {
            status,
            headers,
            body,
        }
    }

    /// What the answer means, to a request with `credentials` that was sent at `sent`.
    ///
    /// # Errors
    ///
    /// Of these the first that fits. Their text repeats the server's, without any secret or token.
    ///
    /// - [`ErrorKind::Unavailable`]: 429 or 5xx, as a status or a result code; a block page. With
    ///   [`retry_after`](Error::retry_after) where the server says so.
    /// - [`ErrorKind::InvalidAnswer`]: success without a body that could be read; a token that is
    ///   no header value.
    /// - [`ErrorKind::AccountLocked`], [`ErrorKind::Rejected`]: 401, `invalid_grant`,
    ///   `invalid_client`, or a result code of 400 or 401, which says that the account is locked or
    ///   disabled, or does not.
    /// - [`ErrorKind::Misconfigured`]: 404, 405, 415, a redirect, a grant, client or scope that the
    ///   server does not serve.
    /// - [`ErrorKind::Forbidden`]: 403, as a status or a result code.
    /// - [`ErrorKind::Unresolved`]: any other answer without a bearer token.
    pub fn read(&self, sent: Moment, credentials: &Credentials) -> Result<Grant, Error> {
        let body = self.body.parse();
        let fields = Fields::new(body.as_deref().ok());
        let damage = body.as_ref().err().copied();
        let is_html = is_html(&self.headers) || self.body.is_markup();
        if let Some(refusal) = Refusal::of(self.status, is_html, damage, fields) {
            return Err(self.error(refusal, fields, credentials));
        }
        let expiries = fields.expiries();
        Ok(Grant {
            bearer: Bearer::new(fields.token().unwrap_or_default())?,
            lifetime: self.exchange(sent).lifetime(&expiries),
            unit_guessed: expiries.iter().any(Expiry::is_unit_guessed),
        })
    }

    /// The exchange in which this was the answer to a request that was sent at `sent`.
    pub fn exchange(&self, sent: Moment) -> Exchange {
        Exchange::new(sent, date(&self.headers))
    }

    fn error(&self, refusal: Refusal, fields: Fields<'_>, credentials: &Credentials) -> Error {
        let is_unavailable = refusal.kind() == ErrorKind::Unavailable;
        let filter = Filter::new(credentials, fields.tokens());
        let error = refusal.into_error(self.status, fields, &filter);
        match retry_after(&self.headers).filter(|_| is_unavailable) {
            Some(after) => error.with_retry_after(after),
            None => error,
        }
    }
}

impl fmt::Debug for TokenAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenAnswer")
            .field("status", &self.status)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}
