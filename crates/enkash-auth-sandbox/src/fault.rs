use std::collections::BTreeMap;
use std::time::Duration;

use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::number;
use crate::order::{Endpoint, Order};

/// A fault of a response.
///
/// Some faults carry the request out (the password is counted, the token granted, the API call made)
/// and affect only the response. The others replace the request's execution.
///
/// In JSON a fault is its name, such as `"hang"` or `"close-after-reading"`, or an object of its
/// name and its fields, such as `{"delay": {"by": 2.5}}`; durations are seconds.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use enkash_auth_sandbox::{Endpoint, Fault, Issuer};
///
/// let issuer = Issuer::default();
/// issuer.order(Fault::ServerError.at(Endpoint::Token).times(2));
/// issuer.order(Fault::Hang.at(Endpoint::Api).lasting(Duration::from_secs(5)));
/// assert_eq!(issuer.orders().len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Fault {
    /// The request is carried out, and the response is delayed.
    Delay {
        /// The delay.
        #[serde(with = "number")]
        by: Duration,
    },
    /// The connection is closed after the head of the request; the body is not read.
    CloseBeforeReading,
    /// The request is carried out, and the connection closed without a response.
    CloseAfterReading,
    /// The request is carried out; half of the response is sent, and the connection closed.
    HalfResponse,
    /// The request is carried out, and the response never arrives.
    Hang,
    /// The request is carried out; a gateway replaces the response with an HTML page.
    CarriedOut {
        /// The status of the page, from 200 up, such as 502.
        #[serde(with = "number")]
        status: StatusCode,
    },
    /// An HTML page with any status from 200 up, as a CDN or a captive portal sends it.
    Page {
        /// The status, such as 403, 429, 502, 503 or 520 to 530.
        #[serde(with = "number")]
        status: StatusCode,
    },
    /// 500 with `{"error": "server_error"}`.
    ServerError,
    /// 403 with JSON: an address that is not allow-listed, an API that is not enabled.
    Forbidden,
    /// 429 with JSON.
    TooManyRequests {
        /// `Retry-After` in whole seconds, rounded up; `None` for no such header.
        #[serde(default, with = "number::option")]
        retry_after: Option<Duration>,
    },
    /// 200 with the content type of JSON and random bytes.
    Garbage,
    /// 200 with the content type of JSON and no body.
    Empty,
    /// 200 with 32 MiB of JSON, including a token.
    Huge,
    /// 307 to another address.
    Redirect {
        /// The target; `None` is [a trap](crate::Counters::redirects_followed) of the sandbox.
        #[serde(default)]
        to: Option<String>,
    },
    /// 200 with JSON that is neither a grant nor a rejection.
    OtherJson,
    /// Any other response.
    Response {
        /// The status, from 200 up.
        #[serde(with = "number")]
        status: StatusCode,
        /// The headers; invalid ones are omitted.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// The body.
        #[serde(default)]
        body: String,
    },
}

impl Fault {
    /// Creates an order of this fault for the next request to an endpoint.
    pub fn at(self, endpoint: Endpoint) -> Order {
        Order::new(self, endpoint)
    }
}
